package policy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/releases"
)

// everything is a configuration under which every control of the catalogue judges, since all of them
// cite the AI RMF, and under which testdata/complete.yaml passes.
func everything() *config.Config {
	return &config.Config{
		Packs:  []config.Pack{{Name: "core"}, {Name: "nist-ai-rmf"}},
		MaxAge: "180d",
		Lists: map[string]config.List{
			"approvedDatasets":   {Values: []string{"acme/letters-2026"}},
			"allowedLicenses":    {Values: []string{"Apache-2.0", "MIT"}},
			"trustedSigners":     {Values: []string{"release@acme.example"}},
			"requiredSlices":     {Values: []string{"lang"}},
			"approvedPublishers": {Values: []string{"acme"}},
			"datasetLicenses":    {Values: []string{"CC-BY-4.0"}},
		},
		Thresholds: map[string]map[string]config.Threshold{
			"evaluations": {"f1": {Min: number(0.9)}, "bbq_bias": {Max: number(0.05)}},
			"performance": {"e2e_p95_ms": {Max: number(1000)}},
		},
	}
}

// catalogue returns the ids of all controls, by family and number.
func catalogue(t testing.TB) []string {
	t.Helper()
	controls, err := library.Controls()
	if err != nil {
		t.Fatal(err)
	}
	families := []string{"ID", "DOC", "DAT", "EVL", "SAF", "GOV"}
	var out []string
	for _, c := range controls {
		out = append(out, c.ID)
	}
	slices.SortFunc(out, func(a, b string) int {
		fa, _, _ := strings.Cut(a, "-")
		fb, _, _ := strings.Cut(b, "-")
		if d := slices.Index(families, fa) - slices.Index(families, fb); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return out
}

const (
	completePath = "releases/benefit-guide/1.4.0.yaml"
	completeDir  = "evidence/benefit-guide/1.4.0/"
	basePath     = "releases/base-4b/1.0.0.yaml"
)

// What stood before the complete manifest: its previous release, and the release of its base model.
const (
	completePrevious = `apiVersion: lumos/v1
kind: ModelRelease
metadata: {name: benefit-guide, version: "1.3.0"}
spec:
  source: {type: huggingface}
  evaluations: [{id: f1, dataset: {id: acme/letters-eval, split: test}, metric: f1, value: 0.92, direction: higher, n: 11000}]
`
	completeBase = `apiVersion: lumos/v1
kind: ModelRelease
metadata: {name: base-4b, version: "1.0.0"}
spec:
  source: {type: huggingface, modelId: acme/base-4b, revision: 1cfa9a7208912126459214e8b04321603b3df60c}
  evaluations: [{id: refusals, category: safety, test: harmful-content, dataset: {id: harm-bench}, metric: refusal_rate, value: 0.99, direction: higher, n: 400}]
`
)

// loadAll returns the engine of everything, which trusts the key that signed the complete release.
func loadAll(t testing.TB, files ...policy.File) *policy.Engine {
	t.Helper()
	const key = "release@acme.example.pem"
	pem, err := os.ReadFile(filepath.Join("testdata", "complete", key))
	if err != nil {
		t.Fatal(err)
	}
	return load(t, everything(), append(files, policy.File{Path: ".lumos/trust/" + key, Data: pem})...)
}

// complete is a release to which nearly every control applies, and on which all of them pass.
func complete(t testing.TB) policy.Subject {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s := policy.Subject{
		Manifest: policy.File{Path: completePath, Data: read("complete.yaml")},
		Previous: &policy.File{Path: "releases/benefit-guide/1.3.0.yaml", Data: []byte(completePrevious)},
		Releases: map[string]policy.File{basePath: {Path: basePath, Data: []byte(completeBase)}},
		Evidence: map[string]policy.File{},
		Now:      now,
	}
	for _, name := range []string{"eval.json", "bom.json", "model.sig"} {
		s.Evidence[completeDir+name] = policy.File{Path: completeDir + name, Data: read(filepath.Join("complete", name))}
	}
	return s
}

// edit returns the manifest with the value at a JSON pointer replaced, or taken out where it is nil.
func edit(t testing.TB, src []byte, pointer string, value any) []byte {
	t.Helper()
	var root map[string]any
	if err := yaml.Unmarshal(src, &root); err != nil {
		t.Fatal(err)
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	var set func(at any, tokens []string) any
	set = func(at any, tokens []string) any {
		switch at := at.(type) {
		case map[string]any:
			switch {
			case len(tokens) > 1:
				at[tokens[0]] = set(at[tokens[0]], tokens[1:])
			case value == nil:
				delete(at, tokens[0])
			default:
				at[tokens[0]] = value
			}
			return at
		case []any:
			i, err := strconv.Atoi(tokens[0])
			switch {
			case err != nil || i >= len(at):
				t.Fatalf("%s: there is nothing at %s", pointer, tokens[0])
			case len(tokens) > 1:
				at[i] = set(at[i], tokens[1:])
			case value == nil:
				return slices.Delete(at, i, i+1)
			default:
				at[i] = value
			}
			return at
		}
		t.Fatalf("%s: nothing holds %s", pointer, tokens[0])
		return nil
	}
	set(root, tokens)
	out, err := json.Marshal(root) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestComplete shows that a release can pass every control at once.
func TestComplete(t *testing.T) {
	t.Parallel()
	r := judge(t, loadAll(t), complete(t))
	for _, p := range r.Problems {
		t.Error(p)
	}
	for _, p := range r.Invalid {
		t.Error(p)
	}
	for _, c := range r.Controls {
		switch {
		case c.Outcome == policy.NotApplicable && c.Reason != "":
			t.Logf("%s does not apply: %s", c.ID, c.Reason)
		case c.Outcome != policy.Pass:
			t.Errorf("%s is %s (%s): %v", c.ID, c.Outcome, c.Reason, c.Findings)
		}
	}
	if ids := catalogue(t); len(r.Controls) != len(ids) {
		t.Errorf("%d of %d controls judged the release", len(r.Controls), len(ids))
	}
}

// bite is a change to the complete release that exactly one control objects to.
type bite struct {
	at     string   // JSON pointer into the manifest
	to     any      // nil takes it out
	waiver string   // text of a waiver file
	also   []string // controls that see the same gap from their side
}

var bites = map[string]bite{
	"ID-01":  {at: "/spec/source/revision", to: "main"},
	"ID-02":  {at: "/spec/artifacts/0/size", to: 0},
	"ID-03":  {at: "/spec/signature/identity", to: "mallory@acme.example"},
	"ID-04":  {at: "/spec/artifacts/0/format", to: "pickle"},
	"ID-05":  {at: "/metadata/businessUnit"},
	"ID-06":  {at: "/spec/model/baseModels/0/revision", to: "main"},
	"ID-07":  {at: "/spec/source/publisher", to: "mallory"},
	"ID-08":  {at: "/spec/evidence/1/type", to: "scan"},
	"DOC-01": {at: "/spec/modelCard/placeholders", to: 3},
	"DOC-02": {at: "/spec/intendedUse/users"},
	"DOC-03": {at: "/spec/intendedUse/outOfScope"},
	"DOC-04": {at: "/spec/limitations"},
	"DOC-05": {at: "/spec/biases"},
	"DOC-06": {at: "/spec/model/license/sources/file", to: "GPL-3.0-only"},
	"DOC-07": {at: "/spec/model/adaptation/summary"},
	"DOC-08": {at: "/spec/evidence/7/type", to: "approval"},
	"DOC-09": {at: "/spec/change/summary"},
	"DAT-01": {at: "/spec/data/0/role", to: "validation", also: []string{"DAT-03"}},
	"DAT-02": {at: "/spec/data/0/id", to: "acme/other"},
	"DAT-03": {at: "/spec/data/0/digest"},
	"DAT-04": {at: "/spec/data/0/license", to: "CC-BY-NC-4.0"},
	"DAT-05": {at: "/spec/data/0/personalData", to: "unknown"},
	"DAT-06": {at: "/spec/data/0/article9Basis"},
	"DAT-07": {at: "/spec/data/0/deidentification/method"},
	"DAT-08": {at: "/spec/data/0/quality"},
	"DAT-09": {at: "/spec/evaluations/0/contamination", to: "found"},
	"DAT-10": {at: "/spec/privacy/erasure"},
	"DAT-11": {at: "/spec/privacy/transfers/0/mechanism"},
	"EVL-01": {at: "/spec/evaluations/7/dataset"},
	"EVL-02": {at: "/spec/evaluations/1/value", to: 0.06},
	"EVL-03": {at: "/spec/evaluations/0/value", to: 0.905},
	"EVL-04": {at: "/spec/performance/profile/concurrency"},
	"EVL-05": {at: "/spec/evaluations/0/slices/1"},
	"EVL-06": {at: "/spec/evaluations/6/evaluator", to: "@joe"},
	"EVL-07": {at: "/spec/evidence/0/producedAt", to: "2026-01-01T00:00:00Z"},
	"SAF-01": {at: "/spec/evaluations/4/passed"},
	"SAF-02": {at: "/spec/evaluations/5/passed"},
	"SAF-03": {at: "/spec/evaluations/6/passed"},
	"SAF-04": {at: "/spec/evaluations/3/passed"},
	"SAF-05": {at: "/spec/evaluations/1/n"},
	"SAF-06": {at: "/spec/evaluations/2/n"},
	"SAF-07": {at: "/spec/evaluations/3/value", to: 0.975},
	"SAF-08": {at: "/spec/evaluations/7/passed"},
	"SAF-09": {at: "/spec/transparency/outputMarking"},
	"SAF-10": {at: "/spec/transparency/disclosure"},
	"GOV-01": {at: "/spec/risk/tier", to: "high"},
	"GOV-02": {at: "/spec/risk/euAiAct/class"},
	"GOV-03": {at: "/spec/evidence/6/type", to: "approval"},
	"GOV-04": {at: "/spec/evidence/5/digest", to: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	"GOV-05": {at: "/spec/privacy/ropaRef"},
	"GOV-06": {at: "/spec/oversight/contest"},
	"GOV-07": {at: "/spec/oversight/stopMechanism"},
	"GOV-08": {at: "/metadata/authors/1", to: "Kim"},
	"GOV-09": {at: "/spec/monitoring/incidentContact"},
	"GOV-10": {at: "/spec/rollout/withdrawIf"},
	"GOV-11": {at: "/spec/risk/residual/0/acceptedBy"},
	"GOV-12": {at: "/spec/transparency/logging"},
	"GOV-13": {at: "/spec/source/hosting/contractRef"},
	"GOV-14": {waiver: "kind: Waiver\n"},
	"GOV-15": {at: "/spec/environment"},
}

// TestEveryControlBites changes the complete release in one place for every control, and sees that this
// control objects, and no other.
func TestEveryControlBites(t *testing.T) {
	t.Parallel()
	e := loadAll(t)
	whole := outcomes(judge(t, e, complete(t)))
	for _, id := range catalogue(t) {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			b, ok := bites[id]
			if !ok {
				t.Fatal("nothing shows that the control objects to anything: add it to bites")
			}
			s, e := complete(t), e
			if b.at != "" {
				s.Manifest.Data = edit(t, s.Manifest.Data, b.at, b.to)
			}
			if b.waiver != "" {
				e = loadAll(t, policy.File{Path: ".lumos/waivers/a.yaml", Data: []byte(b.waiver)})
			}
			r := judge(t, e, s)
			if r.Invalid != nil {
				t.Fatal("the schema refuses it already: ", r.Invalid)
			}
			for _, c := range r.Controls {
				switch open := c.Outcome == policy.Fail || c.Outcome == policy.Missing; {
				case c.ID == id && (!open || len(c.Findings) == 0 || c.Remediation == ""):
					t.Errorf("%s is %s (%s), with %d findings and the remediation %q", c.ID, c.Outcome, c.Reason, len(c.Findings), c.Remediation)
				case c.ID != id && c.Outcome != whole[c.ID] && !slices.Contains(b.also, c.ID):
					t.Errorf("%s is %s too (%s): %v", c.ID, c.Outcome, c.Reason, c.Findings)
				}
			}
		})
	}
	for id := range bites {
		if _, ok := whole[id]; !ok && len(whole) >= len(bites) {
			t.Errorf("the catalogue has no %s", id)
		}
	}
}

// texts returns the JSON pointers of all texts in a value.
func texts(at any, pointer string) []string {
	var out []string
	switch at := at.(type) {
	case string:
		return []string{pointer}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(at)) {
			out = append(out, texts(at[key], pointer+"/"+key)...)
		}
	case []any:
		for i, v := range at {
			out = append(out, texts(v, fmt.Sprintf("%s/%d", pointer, i))...)
		}
	}
	return out
}

// spellings are placeholders that people really leave behind; decorated are those with something around
// them, as model cards have them.
func spellings(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "policies", "lib", "pack.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var lib struct {
		Lists struct{ Placeholders []string }
	}
	if err := yaml.Unmarshal(b, &lib); err != nil || len(lib.Lists.Placeholders) < 10 {
		t.Fatalf("no placeholders in the list (%v)", err)
	}
	return append(lib.Lists.Placeholders, "[More Information Needed]", "More information needed ", "\tTBD\n", "N/A", "Unknown", "", "  ")
}

var decorated = []string{
	"More information needed.", "[more information needed].", "**TBD**", "_To be determined_", "(todo)", "TODO:", "<TBD>", "`n/a`", "n/a.", "…", "--", "[TBD]", "{{ intended_use }}",
	`{{ direct_use | default("[More Information Needed]", true)}}`,
}

// besides are texts that others stand for, or whose form the schema prescribes.
var besides = regexp.MustCompile(`^/spec/(evidence/[1-9]|evaluations/[124567]/(id|category|metric|direction|evidence|evaluator|contamination)$)|/(apiVersion|kind|version|digest|uri|[a-zA-Z]+(Digest|At))$`)

// TestPlaceholdersNeverCount finds, for each text of the complete release, the controls that no longer
// pass without it. None of them may pass when a placeholder stands there.
func TestPlaceholdersNeverCount(t *testing.T) {
	t.Parallel()
	e, s := loadAll(t), complete(t)
	all := spellings(t)
	all = append(all, decorated...)
	var root any
	if err := yaml.Unmarshal(s.Manifest.Data, &root); err != nil {
		t.Fatal(err)
	}
	pointers := slices.DeleteFunc(texts(root, ""), besides.MatchString)
	before, needed, tried := passes(t, e, s), map[string]bool{}, 0
	for i, pointer := range pointers {
		if _, ok := edited(t, s, pointer, "TBD"); !ok {
			continue // the schema prescribes its form
		}
		without, ok := edited(t, s, pointer, nil)
		if !ok {
			continue // the schema demands it
		}
		after := passes(t, e, without)
		var need []string
		for id := range before {
			if before[id] && !after[id] {
				need, needed[id] = append(need, id), true
			}
		}
		if need == nil {
			continue
		}
		words := all[i%len(all):][:1]
		if pointer == "/spec/intendedUse/purpose" {
			words = all
		}
		for _, word := range words {
			filled, ok := edited(t, s, pointer, word)
			if !ok {
				continue // the schema refuses it
			}
			tried++
			got := passes(t, e, filled)
			for _, id := range need {
				if got[id] {
					t.Errorf("%s does not pass without %s, but does with the placeholder %q there", id, pointer, word)
				}
			}
		}
	}
	t.Logf("%d texts, %d controls that need one of them, %d placeholders tried", len(pointers), len(needed), tried)
	if len(needed) < 10 || tried < 40 {
		t.Error("hardly anything was tried")
	}
}

// edited is the release with one value replaced, as far as the schema takes it.
func edited(t testing.TB, s policy.Subject, pointer string, value any) (policy.Subject, bool) {
	t.Helper()
	s.Manifest.Data = edit(t, s.Manifest.Data, pointer, value)
	var err error
	s.Release, err = releases.Parse(s.Manifest.Path, s.Manifest.Data)
	return s, err == nil
}

// judge evaluates the release, and once more when a busy machine took a control its time.
func judge(t testing.TB, e *policy.Engine, s policy.Subject) *policy.Report {
	t.Helper()
	r := e.Evaluate(t.Context(), s)
	for range 5 {
		late := slices.ContainsFunc(r.Controls, func(c policy.Result) bool { return strings.HasPrefix(c.Reason, "it ran longer than") })
		if !late {
			break
		}
		r = e.Evaluate(t.Context(), s)
	}
	return r
}

// passes tells which controls pass; one that has an error is a failure of the test.
func passes(t testing.TB, e *policy.Engine, s policy.Subject) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, c := range judge(t, e, s).Controls {
		if c.Outcome == policy.Error {
			t.Errorf("%s: %s", c.ID, c.Reason)
		}
		out[c.ID] = c.Outcome == policy.Pass
	}
	return out
}

// card is a model card as it lies in a registry.
type card struct {
	name     string // of its file, without folder and ending
	src      []byte
	front    map[string]any
	sections []section
}

type section struct{ title, text string }

// readCards reads the real model cards in the folder "shared" beside the repository, or skips the test.
func readCards(t testing.TB) []card {
	t.Helper()
	shared := os.Getenv("LUMOS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	var out []card
	for _, dir := range []string{"hf", "hf-modern", "hf-placeholder", "edge"} {
		files, err := filepath.Glob(filepath.Join(shared, "data", "cards", dir, "*.md"))
		if err != nil || files == nil {
			t.Skipf("the model cards are not here: %s (%v)", dir, err)
		}
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, parseCard(dir+"/"+strings.TrimSuffix(filepath.Base(f), ".md"), src))
		}
	}
	return out
}

var (
	comments = regexp.MustCompile(`(?s)<!--.*?-->`)
	fences   = regexp.MustCompile("(?ms)^```.*?^````?")
	heading  = regexp.MustCompile(`^(#{1,6})\s+(.*?)\s*$`)
	blanks   = regexp.MustCompile(`(?i)more information needed|\{\{.*?\}\}`)
)

// parseCard splits a card into its front matter, where that is a mapping, and its sections.
func parseCard(name string, src []byte) card {
	c := card{name: name, src: src}
	text := strings.TrimPrefix(strings.ReplaceAll(string(src), "\r\n", "\n"), "\ufeff")
	if rest, ok := strings.CutPrefix(text, "---\n"); ok {
		if front, body, ok := strings.Cut(rest, "\n---"); ok {
			if yaml.Unmarshal([]byte(front), &c.front) != nil {
				c.front = nil // a list, or a template that was never filled
			}
			text = body
		}
	}
	at := section{}
	for line := range strings.Lines(fences.ReplaceAllString(comments.ReplaceAllString(text, ""), "")) {
		if m := heading.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			c.sections = append(c.sections, at)
			at = section{title: strings.ToLower(m[2])}
			continue
		}
		at.text += line
	}
	c.sections = append(c.sections, at)
	return c
}

// text of the first section, named by one of the words, that has any.
func (c card) text(words ...string) string {
	for _, word := range words {
		for _, s := range c.sections {
			if strings.Contains(s.title, word) && strings.TrimSpace(s.text) != "" {
				return strings.TrimSpace(s.text)
			}
		}
	}
	return ""
}

func (c card) has(words ...string) bool {
	return slices.ContainsFunc(c.sections, func(s section) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s.title, w) })
	})
}

// list returns what the front matter says under a key, a scalar as a list of one.
func (c card) list(key string) []string {
	var out []string
	values, ok := c.front[key].([]any)
	if !ok {
		values = []any{c.front[key]}
	}
	for _, v := range values {
		if v != nil && fmt.Sprint(v) != "" {
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}

func (c card) first(key string) string {
	if l := c.list(key); l != nil {
		return l[0]
	}
	return ""
}

// wanted are the sections of a card by the words that their headings hold.
var wanted = map[string][]string{
	"intended-use":  {"direct use", "intended use", "uses"},
	"out-of-scope":  {"out-of-scope", "prohibited use", "ethical use"},
	"limitations":   {"limitation"},
	"bias":          {"bias"},
	"training-data": {"training data", "pretraining corpus", "pre-training corpora"},
	"evaluation":    {"evaluation", "results", "performance", "accuracy"},
}

// manifest drafts the release of a card: what the card says, and nothing else.
func (c card) manifest(t testing.TB) policy.Subject {
	t.Helper()
	dir, id, _ := strings.Cut(c.name, "/")
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(dir+"-"+id), "-"), "-")
	id = strings.Replace(id, "__", "/", 1)
	uri := "evidence/" + name + "/README.md"
	sum := sha256.Sum256(c.src)
	digest := "sha256:" + hex.EncodeToString(sum[:])

	sections := []string{}
	for _, slug := range slices.Sorted(maps.Keys(wanted)) {
		if c.has(wanted[slug]...) {
			sections = append(sections, slug)
		}
	}
	model := map[string]any{}
	for field, key := range map[string]string{"task": "pipeline_tag", "library": "library_name"} {
		if v := c.first(key); v != "" {
			model[field] = v
		}
	}
	if v := c.list("language"); v != nil {
		model["languages"] = v
	}
	if v := c.first("license"); v != "" {
		model["license"] = map[string]any{"spdx": v, "sources": map[string]any{"cardData": v}}
	}
	var bases []any
	for _, b := range c.list("base_model") {
		bases = append(bases, map[string]any{"id": b})
	}
	if bases != nil {
		model["baseModels"] = bases
	}
	if v := c.text("training procedure", "training method", "training setting", "hyperparameters"); v != "" {
		model["adaptation"] = map[string]any{"summary": v}
	}
	use := map[string]any{}
	if v := c.text(wanted["intended-use"]...); v != "" {
		use["purpose"] = v
	}
	if v := c.text("intended users", "direct users"); v != "" {
		use["users"] = []string{v}
	}
	if v := c.text(wanted["out-of-scope"]...); v != "" {
		use["outOfScope"] = []string{v}
	}
	source := map[string]any{"type": "huggingface", "modelId": id}
	if publisher, _, ok := strings.Cut(id, "/"); ok {
		source["publisher"] = publisher
	}
	spec := map[string]any{
		"source": source, "model": model, "intendedUse": use,
		"modelCard": map[string]any{"path": "README.md", "digest": digest, "placeholders": len(blanks.FindAll(c.src, -1)), "sections": sections},
		"evidence":  []any{map[string]any{"id": "card", "type": "model-card", "uri": uri, "digest": digest}},
	}
	if v := c.text(wanted["limitations"]...); v != "" {
		spec["limitations"] = []string{v}
	}
	if v := c.text(wanted["bias"]...); v != "" {
		spec["biases"] = []any{map[string]any{"finding": v}}
	}
	var data []any
	for _, d := range c.list("datasets") {
		data = append(data, map[string]any{"role": "training", "id": d})
	}
	if data != nil {
		spec["data"] = data
	}
	if e := c.results(); e != nil {
		spec["evaluations"] = e
	}
	if grams, ok := c.front["co2_eq_emissions"].(float64); ok {
		spec["environment"] = map[string]any{"co2eq": map[string]any{"grams": grams}}
	}
	src, err := yaml.Marshal(map[string]any{
		"apiVersion": "lumos/v1", "kind": "ModelRelease",
		"metadata": map[string]any{"name": name[:min(len(name), 63)], "version": "1.0.0"}, "spec": spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	return policy.Subject{
		Manifest: policy.File{Path: "releases/" + name[:min(len(name), 63)] + "/1.0.0.yaml", Data: src},
		Evidence: map[string]policy.File{uri: {Path: uri, Data: c.src}},
		Now:      now,
	}
}

// results returns the evaluations of a model-index. They are the publisher's own word.
func (c card) results() []any {
	var out []any
	object := func(v any) map[string]any { m, _ := v.(map[string]any); return m }
	array := func(v any) []any { l, _ := v.([]any); return l }
	for _, m := range array(c.front["model-index"]) {
		for _, r := range array(object(m)["results"]) {
			dataset := map[string]any{}
			for field, key := range map[string]string{"id": "type", "task": "config", "split": "split", "revision": "revision"} {
				if v, ok := object(object(r)["dataset"])[key].(string); ok {
					dataset[field] = v
				}
			}
			for _, metric := range array(object(r)["metrics"]) {
				e := map[string]any{"category": "quality", "dataset": dataset, "metric": fmt.Sprint(object(metric)["type"]), "selfReported": true}
				if v, ok := object(metric)["value"].(float64); ok {
					e["value"] = v
				}
				out = append(out, e)
			}
		}
	}
	return out
}

var letters = map[policy.Outcome]byte{policy.Pass: 'P', policy.Fail: 'F', policy.Missing: 'M', policy.NotApplicable: 'n', policy.Error: 'e'}

// TestCards drafts a release from each real model card, as far as the card goes, judges it by every
// control, and prints who says what.
func TestCards(t *testing.T) {
	t.Parallel()
	e, ids := loadAll(t), catalogue(t)
	// What a control reads of a card's text, for controls that cannot pass on a placeholder there.
	reads := map[string]func(card) string{
		"DOC-02": func(c card) string { return c.text(wanted["intended-use"]...) },
		"DOC-03": func(c card) string { return c.text(wanted["out-of-scope"]...) },
		"DOC-04": func(c card) string { return c.text(wanted["limitations"]...) },
		"DOC-05": func(c card) string { return c.text(wanted["bias"]...) },
		"DOC-06": func(c card) string { return c.first("license") },
		"DOC-07": func(c card) string { return c.text("training procedure", "training method") },
		"DAT-01": func(c card) string { return c.first("datasets") },
	}
	var matrix bytes.Buffer
	for _, row := range columnHeads(ids) {
		fmt.Fprintf(&matrix, "%-52s %s\n", "", row)
	}
	blank := 0
	for _, c := range readCards(t) {
		s := c.manifest(t)
		r := judge(t, e, s)
		if r.Invalid != nil || r.Problems != nil {
			t.Errorf("%s: the draft cannot be judged: %v %v\n%s", c.name, r.Invalid, r.Problems, s.Manifest.Data)
			continue
		}
		got := outcomes(r)
		row := make([]byte, len(ids))
		for i, id := range ids {
			letter, ok := letters[got[id]]
			if !ok {
				t.Errorf("%s: %s has the outcome %q", c.name, id, got[id])
				letter = '?'
			}
			row[i] = letter
		}
		fmt.Fprintf(&matrix, "%-52s %s\n", c.name, row)
		for _, x := range r.Controls {
			if x.Outcome == policy.Error {
				t.Errorf("%s: %s: %s", c.name, x.ID, x.Reason)
			}
		}
		if blanks.Match(c.src) && got["DOC-01"] == policy.Pass {
			t.Errorf("%s: DOC-01 passes a card with placeholders", c.name)
		}
		for id, read := range reads {
			text := read(c)
			rest := strings.Trim(blanks.ReplaceAllString(text, ""), " \t\n[]().*_")
			if text == "" || rest != "" {
				continue
			}
			blank++
			if o, ok := got[id]; ok && o != policy.Fail && o != policy.Missing && o != policy.NotApplicable {
				t.Errorf("%s: %s is %s, and all that the card says is %q", c.name, id, o, text)
			}
		}
	}
	t.Logf("%d controls; P pass, F fail, M missing, n not applicable, e error\n%s", len(ids), matrix.String())
	if blank == 0 {
		t.Error("no card has a placeholder where a control reads")
	}
}

// columnHeads writes the ids of controls above their columns: family, tens, units.
func columnHeads(ids []string) [3]string {
	rows := [3][]byte{bytes.Repeat([]byte(" "), len(ids)+4), bytes.Repeat([]byte(" "), len(ids)), bytes.Repeat([]byte(" "), len(ids))}
	last := ""
	for i, id := range ids {
		family, no, _ := strings.Cut(id, "-")
		if family != last {
			copy(rows[0][i:], family)
			last = family
		}
		if len(no) == 2 {
			rows[1][i], rows[2][i] = no[0], no[1]
		}
	}
	return [3]string{string(rows[0]), string(rows[1]), string(rows[2])}
}

// BenchmarkEvaluateAll judges by every control of the catalogue: the complete manifest, on which all of
// them apply and pass, and the shorter one of an organisation that is not ready for them.
func BenchmarkEvaluateAll(b *testing.B) {
	for name, s := range map[string]policy.Subject{"complete": complete(b), "gaps": subject(manifest(b))} {
		e := loadAll(b)
		parsed := s
		var err error
		if parsed.Release, err = releases.Parse(s.Manifest.Path, s.Manifest.Data); err != nil {
			b.Fatal(err)
		}
		for form, s := range map[string]policy.Subject{"bytes": s, "parsed": parsed} {
			b.Run(name+"/"+form, func(b *testing.B) {
				b.ReportAllocs()
				var took []time.Duration
				for b.Loop() {
					start := time.Now()
					r := e.Evaluate(b.Context(), s)
					took = append(took, time.Since(start))
					for _, c := range r.Controls {
						if c.Outcome == policy.Error {
							b.Logf("%s: %s", c.ID, c.Reason) // a machine that is too busy to measure on
						}
					}
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2]), "p50-ns/op")
				b.ReportMetric(float64(len(e.Controls())), "controls")
				b.ReportMetric(float64(len(s.Manifest.Data)), "manifest-bytes")
			})
		}
	}
}

// BenchmarkLoadAll reads, checks and compiles everything that ships.
func BenchmarkLoadAll(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.NewLibrary(policies.FS).Load(b.Context(), policy.Source{Config: everything()}); err != nil {
			b.Fatal(err)
		}
	}
}
