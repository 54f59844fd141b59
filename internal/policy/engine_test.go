package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/releases"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The library is shared: it is made to be.
var library = policy.NewLibrary(policies.FS)

const releasePath = "releases/support-triage/2.3.0.yaml"

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func number(f float64) *float64 { return &f }

// acme is the configuration of the organisation whose release testdata/release.yaml is.
func acme() *config.Config {
	return &config.Config{
		Packs:  []config.Pack{{Name: "core"}},
		MaxAge: "180d",
		Lists: map[string]config.List{
			"approvedDatasets": {Values: []string{"acme/tickets-2025@9f3c"}},
			"allowedLicenses":  {Values: []string{"Apache-2.0", "MIT"}},
			"trustedSigners":   {Values: []string{"release@acme.example"}},
		},
		Thresholds: map[string]map[string]config.Threshold{
			"evaluations": {"f1": {Min: number(0.9)}},
			"performance": {"e2e_p95_ms": {Max: number(1000)}},
		},
	}
}

func load(t testing.TB, c *config.Config, files ...policy.File) *policy.Engine {
	t.Helper()
	e, err := library.Load(t.Context(), policy.Source{Config: c, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func manifest(t testing.TB, edits ...string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/release.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for i := 0; i < len(edits); i += 2 {
		if strings.Count(s, edits[i]) != 1 {
			t.Fatalf("%q stands %d times in the manifest", edits[i], strings.Count(s, edits[i]))
		}
		s = strings.Replace(s, edits[i], edits[i+1], 1)
	}
	return []byte(s)
}

func subject(src []byte) policy.Subject {
	const evidence = "evidence/support-triage/2.3.0/eval.json"
	return policy.Subject{
		Manifest: policy.File{Path: releasePath, Data: src},
		Evidence: map[string]policy.File{evidence: {Path: evidence, Data: []byte("{}")}},
		Now:      now,
	}
}

func outcomes(r *policy.Report) map[string]policy.Outcome {
	out := map[string]policy.Outcome{}
	for _, c := range r.Controls {
		out[c.ID] = c.Outcome
	}
	return out
}

// differ lists the controls that do not pass.
func differ(r *policy.Report) map[string]policy.Outcome {
	out := outcomes(r)
	for id, o := range out {
		if o == policy.Pass {
			delete(out, id)
		}
	}
	return out
}

func result(t *testing.T, r *policy.Report, id string) policy.Result {
	t.Helper()
	for _, c := range r.Controls {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("the report has no control %s", id)
	return policy.Result{}
}

func golden(t *testing.T, name string, r *policy.Report) {
	t.Helper()
	got, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// fixedPolicy replaces the policy digest, which changes with every word of a pack.
func fixedPolicy(r *policy.Report) *policy.Report {
	c := *r
	c.Policy = "sha256:…"
	return &c
}

func TestGolden(t *testing.T) {
	t.Parallel()
	previous := policy.File{Path: "releases/support-triage/2.2.1.yaml", Data: manifest(t, `version: "2.3.0"`, `version: "2.2.1"`, "value: 0.913", "value: 0.901", `previous: "2.2.1", `, "")}
	for name, s := range map[string]policy.Subject{
		"good.json":    {Manifest: policy.File{Path: releasePath, Data: manifest(t)}, Previous: &previous, Evidence: subject(nil).Evidence, Now: now},
		"gaps.json":    subject(manifest(t, "value: 0.913", "value: 0.813", "id: acme/tickets-2025", "id: acme/secret", "placeholders: 0", "placeholders: 4", "575db8b7a51b6f85eb06eee540738584589f131c", "main", "businessUnit: retail-bank", "")),
		"invalid.json": subject(manifest(t, "revision: 575db8b7a51b6f85eb06eee540738584589f131c", "revison: main")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, fixedPolicy(load(t, acme()).Evaluate(t.Context(), s)))
		})
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	const file = "evidence/support-triage/2.3.0/eval.json"
	low := []string{"tier: medium", "tier: low", "{data: 2, impact: 1, exposure: 0, autonomy: 1, domain: 0, provenance: 1, capability: 1, change: 2}", "{data: 1, impact: 1, exposure: 0, autonomy: 1, domain: 0, provenance: 0, capability: 1, change: 1}"}
	tests := []struct {
		name     string
		edits    []string
		change   func(*policy.Subject)
		conf     func(*config.Config)
		want     map[string]policy.Outcome
		conclude policy.Conclusion
	}{
		{name: "good", conclude: policy.NeedsApproval},
		{name: "good and low", edits: low, conclude: policy.AutoApprovable},
		{name: "good but under the minimum", edits: low, conf: func(c *config.Config) { c.MinScore = number(100.1) }, conclude: policy.Blocked},
		{name: "good and at the minimum", edits: low, conf: func(c *config.Config) { c.MinScore = number(100) }, conclude: policy.AutoApprovable},
		{name: "prohibited", edits: []string{"class: minimal", "class: prohibited"}, conclude: policy.Blocked, want: map[string]policy.Outcome{"GOV-01": policy.Fail, "ID-03": policy.Fail}}, // the tier is critical, and the signature only claimed
		{name: "tier below the factors", edits: []string{"data: 2, impact: 1", "data: 3, impact: 1"}, conclude: policy.Blocked, want: map[string]policy.Outcome{"GOV-01": policy.Fail}},
		{name: "stranger signed, weighted", edits: []string{"release@acme.example", "mallory@acme.example"}, conclude: policy.NeedsApproval, want: map[string]policy.Outcome{"ID-03": policy.Fail}},
		{name: "stranger signed, critical tier", edits: []string{"tier: medium", "tier: critical", "release@acme.example", "mallory@acme.example"}, conclude: policy.Blocked, want: map[string]policy.Outcome{"ID-03": policy.Fail}},
		{name: "evidence changed by a byte", change: func(s *policy.Subject) { s.Evidence = map[string]policy.File{file: {Path: file, Data: []byte("{ }")}} }, conclude: policy.Blocked, want: map[string]policy.Outcome{"EVL-07": policy.Fail}},
		{name: "evidence absent", change: func(s *policy.Subject) { s.Evidence = nil }, conclude: policy.Blocked, want: map[string]policy.Outcome{"EVL-07": policy.Missing}},
		{name: "evidence unreadable", change: func(s *policy.Subject) { s.Evidence = map[string]policy.File{file: {Path: file, Err: "timed out"}} }, conclude: policy.Blocked, want: map[string]policy.Outcome{"EVL-07": policy.Missing}},
		{name: "evidence too old", change: func(s *policy.Subject) { s.Now = now.AddDate(0, 8, 0) }, conclude: policy.Blocked, want: map[string]policy.Outcome{"EVL-07": policy.Fail}},
		{name: "no lists", conf: func(c *config.Config) { c.Lists = nil }, conclude: policy.Blocked, want: map[string]policy.Outcome{"DAT-02": policy.Fail, "DOC-06": policy.Fail, "ID-03": policy.Fail}},
		{name: "no thresholds", conf: func(c *config.Config) { c.Thresholds = nil }, conclude: policy.Blocked, want: map[string]policy.Outcome{"EVL-02": policy.Missing}},
		{name: "no controls", conf: func(c *config.Config) { c.Packs = nil }, conclude: policy.NeedsApproval, want: map[string]policy.Outcome{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, s := acme(), subject(manifest(t, tt.edits...))
			if tt.conf != nil {
				tt.conf(c)
			}
			if tt.change != nil {
				tt.change(&s)
			}
			r := load(t, c).Evaluate(t.Context(), s)
			if tt.want == nil {
				tt.want = map[string]policy.Outcome{}
			}
			if d := cmp.Diff(tt.want, differ(r)); d != "" {
				t.Errorf("outcomes (-want +got):\n%s", d)
			}
			if r.Conclusion != tt.conclude {
				t.Errorf("conclusion %s, want %s", r.Conclusion, tt.conclude)
			}
		})
	}
}

func TestEmptyManifestPassesNothing(t *testing.T) {
	t.Parallel()
	src := "apiVersion: lumos/v1\nkind: ModelRelease\nmetadata: {name: support-triage, version: \"2.3.0\"}\nspec: {source: {type: custom}}\n"
	if _, err := releases.Parse(releasePath, []byte(src)); err != nil {
		t.Fatal(err)
	}
	r := load(t, acme()).Evaluate(t.Context(), subject([]byte(src)))
	for _, c := range r.Controls {
		if c.Outcome != policy.Missing && c.ID != "GOV-14" {
			t.Errorf("%s is %s (%s), want missing", c.ID, c.Outcome, c.Reason)
		}
	}
	if r.Tier.Effective != releases.TierHigh || r.Conclusion != policy.Blocked || *r.Score != 65 || *r.Coverage != *r.Score { // GOV-14 alone
		t.Errorf("tier %s, conclusion %s, score %s, coverage %s", r.Tier.Effective, r.Conclusion, r.Score, r.Coverage)
	}
}

// Every field of a list entry but the one that matters is absent: still never an error, never a pass.
func TestSparseEntriesAreGapsNotErrors(t *testing.T) {
	t.Parallel()
	src := `apiVersion: lumos/v1
kind: ModelRelease
metadata: {name: support-triage, version: "2.3.0", owner: {}, authors: [""]}
spec:
  source: {type: custom}
  artifacts: [{}]
  signature: {}
  model: {license: {sources: {}}}
  modelCard: {}
  intendedUse: {users: [""]}
  data: [{}, {role: training}]
  evaluations: [{}, {passed: false}, {test: data-leakage}, {metric: f1}]
  performance: {metrics: {}}
  risk: {factors: {}, euAiAct: {}}
  evidence: [{}, {id: a}]
`
	if _, err := releases.Parse(releasePath, []byte(src)); err != nil {
		t.Skipf("the manifest's schema refuses it already: %v", err)
	}
	r := load(t, acme()).Evaluate(t.Context(), subject([]byte(src)))
	for _, c := range r.Controls {
		if c.Outcome != policy.Missing && c.Outcome != policy.Fail && c.ID != "GOV-14" {
			t.Errorf("%s is %s (%s), want a gap", c.ID, c.Outcome, c.Reason)
		}
	}
}

// The report says nothing of the clock: on another day with the same outcomes it is the same, and so
// it is however often and by however many it is evaluated at once.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	e := load(t, acme())
	s := subject(manifest(t, "value: 0.913", "value: 0.813", `producedAt: "2026-08-19T08:31:00Z"`, `producedAt: "2026-01-01T00:00:00Z"`))
	want, err := json.Marshal(e.Evaluate(t.Context(), s))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			s := s
			s.Now = s.Now.Add(time.Duration(i) * time.Hour)
			got, err := json.Marshal(e.Evaluate(t.Context(), s))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("another report at %s (%v):\n%s", s.Now, err, cmp.Diff(string(want), string(got)))
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	e := load(t, acme())
	broken := policy.File{Path: "releases/support-triage/2.2.1.yaml", Data: []byte("kind: [")}
	unread := policy.File{Path: broken.Path, Err: "too large"}
	for name, change := range map[string]func(*policy.Subject){
		"manifest unread":     func(s *policy.Subject) { s.Manifest.Err = "too large" },
		"manifest truncated":  func(s *policy.Subject) { s.Manifest.Data = s.Manifest.Data[:1000] },
		"manifest not UTF-8":  func(s *policy.Subject) { s.Manifest.Data = []byte("kind: \xff\n") },
		"manifest nested":     func(s *policy.Subject) { s.Manifest.Data = []byte(strings.Repeat("[", 100000)) },
		"manifest huge":       func(s *policy.Subject) { s.Manifest.Data = bytes.Repeat([]byte("# \n"), 1<<20) },
		"manifest empty":      func(s *policy.Subject) { s.Manifest.Data = nil },
		"manifest a list":     func(s *policy.Subject) { s.Manifest.Data = []byte("[1, 2]\n") },
		"previous broken":     func(s *policy.Subject) { s.Previous = &broken },
		"previous unreadable": func(s *policy.Subject) { s.Previous = &unread },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subject(manifest(t))
			change(&s)
			r := e.Evaluate(t.Context(), s)
			if r.Conclusion != policy.Errored || len(r.Invalid)+len(r.Problems) == 0 {
				t.Errorf("conclusion %s, invalid %v, problems %v", r.Conclusion, r.Invalid, r.Problems)
			}
		})
	}
}

func TestUnjudged(t *testing.T) {
	t.Parallel()
	r := policy.Unjudged(releasePath, document.Errors{{Path: "a", Line: 1, Column: 2, Message: "one"}, {Path: "b", Message: "two\x1b[0m"}})
	if d := cmp.Diff([]string{"a:1:2: one", "b: two [0m"}, r.Problems); d != "" || r.Conclusion != policy.Errored {
		t.Errorf("%s %s", r.Conclusion, d)
	}
}

func TestEngineIsKeptByDigest(t *testing.T) {
	t.Parallel()
	source := func() policy.Source {
		return policy.Source{Config: acme(), Files: []policy.File{{Path: ".lumos/config.yaml", Data: []byte("a")}, {Path: ".lumos/lists/datasets.yaml", Data: []byte("b")}}}
	}
	lib := policy.NewLibrary(policies.FS)
	get := func(s policy.Source) *policy.Engine {
		t.Helper()
		e, err := lib.Load(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first := get(source())
	if get(source()) != first {
		t.Error("the same source gave another engine")
	}
	for name, change := range map[string]func(*policy.Source){
		"a byte of a file":  func(s *policy.Source) { s.Files[1].Data = []byte("c") },
		"the name":          func(s *policy.Source) { s.Files[1].Path = ".lumos/lists/other.yaml" },
		"a waiver":          func(s *policy.Source) { s.Files = append(s.Files, policy.File{Path: ".lumos/waivers/a.yaml"}) },
		"the configuration": func(s *policy.Source) { s.Config.MaxAge = "90d" },
		"the packs":         func(s *policy.Source) { s.Config.Packs = nil },
	} {
		s := source()
		change(&s)
		if get(s).Digest() == first.Digest() {
			t.Errorf("another %s gave the same digest", name)
		}
	}
	for i := range 20 { // more than are kept
		s := source()
		s.Files[0].Data, s.Config.Packs = []byte{byte(i)}, nil
		get(s)
	}
	if get(source()).Digest() != first.Digest() {
		t.Error("the digest does not follow from the source")
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conf *config.Config
		want string
	}{
		"no configuration": {nil, "no configuration"},
		"unknown pack":     {&config.Config{MaxAge: "1d", Packs: []config.Pack{{Name: "cor"}}}, "there are: core"},
		"the helpers":      {&config.Config{MaxAge: "1d", Packs: []config.Pack{{Name: "lib"}}}, "there are: core"},
		"unknown profile":  {&config.Config{MaxAge: "1d", Packs: []config.Pack{{Name: "core", Profile: "x"}}}, "no profile"},
		"pack twice":       {&config.Config{MaxAge: "1d", Packs: []config.Pack{{Name: "core"}, {Name: "core"}}}, "twice"},
		"no age":           {&config.Config{Packs: []config.Pack{{Name: "core"}}}, "number of days"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := library.Load(t.Context(), policy.Source{Config: c.conf})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			var errs document.Errors
			if name != "no configuration" && name != "no age" && !errors.As(err, &errs) {
				t.Errorf("the error is a %T", err)
			}
		})
	}
}

// BenchmarkEvaluate judges a manifest of 4.6 KB from its bytes, and as the caller has parsed it.
func BenchmarkEvaluate(b *testing.B) {
	e, s := load(b, acme()), subject(manifest(b))
	parsed := s
	var err error
	if parsed.Release, err = releases.Parse(s.Manifest.Path, s.Manifest.Data); err != nil {
		b.Fatal(err)
	}
	for name, s := range map[string]policy.Subject{"bytes": s, "parsed": parsed} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if r := e.Evaluate(b.Context(), s); r.Conclusion != policy.NeedsApproval {
					b.Fatal(r.Conclusion, r.Problems)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2]), "p50-ns/op")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.NewLibrary(policies.FS).Load(b.Context(), policy.Source{Config: acme()}); err != nil {
			b.Fatal(err)
		}
	}
}
