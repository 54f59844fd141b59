package config

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/releases"
)

const head = "apiVersion: lumos/v1\nkind: Config\n"

var testFiles = map[string][]byte{
	".lumos/lists/datasets.yaml": []byte("# approved by the data board\n- squad_v2\n- acme/tickets-2025@9f3c\n"),
	".lumos/lists/broken.yaml":   []byte("- a\n- 2.10\n"),
	"secret.yaml":                []byte("- x\n"),
}

func ptr[T any](v T) *T { return &v }

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse(Path, []byte(head+`releases: ["models/*/releases/*.yaml", "releases/**/*.yml"]
packs: [core, {pack: eu-ai-act, profile: high-risk}]
lists:
  approvedDatasets: {file: lists/datasets.yaml}
  allowedLicenses: [Apache-2.0, MIT]
  trustedSigners: {values: [release@acme.example]}
thresholds: {performance: {e2e_p95_ms: {max: 1000}}, evaluations: {f1: {min: 0.8, max: 1}}}
maxEvidenceAge: 90d
minScore: 92.5
approval:
  low: {auto: true}
  high: {all: [codeowners, {team: Acme/Model-Risk, count: 2}, ticket]}
  critical: {all: [{codeowners: true, count: 3}, {ticket: true}], pause: true}
merge: {auto: true}
`), testFiles)
	if err != nil {
		t.Fatal(err)
	}
	owners, ticket := Need{Codeowners: true, Count: 1}, Need{Ticket: true, Count: 1}
	want := &Config{
		Releases: []string{"models/*/releases/*.yaml", "releases/**/*.yml"},
		Packs:    []Pack{{Name: "core"}, {Name: "eu-ai-act", Profile: "high-risk"}},
		Lists: map[string]List{
			"approvedDatasets": {File: "lists/datasets.yaml", Values: []string{"squad_v2", "acme/tickets-2025@9f3c"}},
			"allowedLicenses":  {Values: []string{"Apache-2.0", "MIT"}},
			"trustedSigners":   {Values: []string{"release@acme.example"}},
		},
		Thresholds: map[string]map[string]Threshold{
			"performance": {"e2e_p95_ms": {Max: ptr(1000.0)}},
			"evaluations": {"f1": {Min: ptr(0.8), Max: ptr(1.0)}},
		},
		MaxAge:   "90d",
		MinScore: ptr(92.5),
		Approval: map[releases.Tier]Rule{
			releases.TierLow:      {Auto: true, Any: []Need{owners, ticket}},
			releases.TierMedium:   {Any: []Need{owners, ticket}},
			releases.TierHigh:     {All: []Need{owners, {Team: "acme/model-risk", Count: 2}, ticket}},
			releases.TierCritical: {All: []Need{{Codeowners: true, Count: 3}, ticket}, Pause: true},
		},
		Merge: Merge{Auto: true, Method: "squash"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if age, err := got.EvidenceAge(); err != nil || age != 90*24*time.Hour {
		t.Errorf("EvidenceAge %v, %v", age, err)
	}
}

func TestDefault(t *testing.T) {
	t.Parallel()
	got, err := Parse(Path, []byte(head), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("a configuration that sets nothing is not the default:\n%s", diff)
	}
	for tier, rule := range got.Approval {
		if rule.Auto || len(rule.Any) != 2 || rule.Pause != (tier == releases.TierCritical) {
			t.Errorf("%s: %+v", tier, rule)
		}
	}
	if got.Merge.Auto {
		t.Error("merges by itself")
	}
	if age, err := got.EvidenceAge(); err != nil || age != 180*24*time.Hour {
		t.Errorf("EvidenceAge %v, %v", age, err)
	}
	if _, err := (&Config{}).EvidenceAge(); err == nil {
		t.Error("the zero Config has an evidence age")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, src, want string }{
		{"wrong kind", "apiVersion: lumos/v1\nkind: ModelRelease\n", `.lumos/config.yaml:2:7: got "ModelRelease", want "Config"`},
		{"not UTF-8", head + "packs: [\xff]", ".lumos/config.yaml:3:9: byte 0xFF is not UTF-8 (save the file as UTF-8)"},
		{"what the schema and what the code finds, at once", head + "pack: [core]\nreleases: [x]", `.lumos/config.yaml:3:1: unknown key "pack" (did you mean "packs"?)` + "\n" +
			`.lumos/config.yaml:4:12: the glob "x": it does not end in .yaml or .yml (write it like "releases/*/*.yaml")`},
		{"unknown key", head + "pack: [core]", `.lumos/config.yaml:3:1: unknown key "pack" (did you mean "packs"?)`},
		{"keys of later capabilities", head + "tickets: {with: x}\nescalate: {after: 48h}\npromote: []\nnotify: []\n",
			`.lumos/config.yaml:3:1: unknown key "tickets" (` + known + ")\n" + `.lumos/config.yaml:4:1: unknown key "escalate" (` + known + ")\n" +
				`.lumos/config.yaml:5:1: unknown key "promote" (` + known + ")\n" + `.lumos/config.yaml:6:1: unknown key "notify" (` + known + ")"},
		{"auto above low", head + "approval: {medium: {auto: true}, critical: {auto: true, any: [ticket]}}",
			".lumos/config.yaml:3:27: auto-approval is for the low tier only, not for medium (remove it)\n" +
				".lumos/config.yaml:3:51: auto-approval is for the low tier only, not for critical (remove it)"},
		{"nobody", head + "approval: {medium: {}, high: {all: []}}",
			".lumos/config.yaml:3:12: the rule names nobody who must approve (add any or all)\n" +
				".lumos/config.yaml:3:24: the rule names nobody who must approve (add any or all)\n" +
				".lumos/config.yaml:3:31: the list has 0 items, want at least 1 (Each of these must be met)"},
		{"tier", head + "approval: {hgih: {any: [ticket]}}", `.lumos/config.yaml:3:12: unknown key "hgih" (did you mean "high"?)`},
		{"need", head + "approval: {high: {any: [codeowner, {team: acme}, {count: 2}, 7]}}",
			`.lumos/config.yaml:3:25: "codeowner" is not one of codeowners, ticket (did you mean "codeowners"?)` + "\n" +
				`.lumos/config.yaml:3:43: "acme" does not have the form that is expected here (The team as org/slug, without @, for example acme/model-risk)` + "\n" +
				`.lumos/config.yaml:3:50: the key "codeowners" is missing (Owners by CODEOWNERS: true)` + "\n" +
				`.lumos/config.yaml:3:62: got a number, want text or a mapping (quote it: "7")`},
		{"count", head + "approval: {high: {any: [{team: a/b, count: 0}]}}", ".lumos/config.yaml:3:44: 0 is too small, want at least 1 (How many different people, from 1 to 20)"},
		{"globs", head + "releases: [/a/*.yaml, ../x.yaml, 'a\\b.yaml', 'x[a].yaml', 'a**/b.yaml', .lumos/*.yaml, releases/**, \"a\\n.yaml\"]",
			`.lumos/config.yaml:3:12: the glob "/a/*.yaml": it has an empty segment (write it like "releases/*/*.yaml")` + "\n" +
				`.lumos/config.yaml:3:23: the glob "../x.yaml": it has the segment ".." (write it like "releases/*/*.yaml")` + "\n" +
				`.lumos/config.yaml:3:34: the glob "a\\b.yaml": it holds a backslash, which some systems take for a slash (write it like "releases/*/*.yaml")` + "\n" +
				`.lumos/config.yaml:3:46: the glob "x[a].yaml": it holds [, ], {, } or !, which globs here do not know (write it like "releases/*/*.yaml")` + "\n" +
				`.lumos/config.yaml:3:59: the glob "a**/b.yaml": it holds ** as part of a segment (write it like "releases/*/*.yaml")` + "\n" +
				`.lumos/config.yaml:3:73: the glob ".lumos/*.yaml": it leads into .lumos (write it like "releases/*/*.yaml")` + "\n" +
				`.lumos/config.yaml:3:88: the glob "releases/**": it does not end in .yaml or .yml (write it like "releases/*/*.yaml")` + "\n" +
				`.lumos/config.yaml:3:101: the glob "a\n.yaml": it holds the control character U+000A (write it like "releases/*/*.yaml")`},
		{"pack twice", head + "packs: [core, {pack: core, profile: x}]", `.lumos/config.yaml:3:15: the pack "core" is listed twice (keep one of them)`},
		{"list files", head + "lists:\n  a: {file: ../secret.yaml}\n  b: {file: /secret.yaml}\n  c: {file: lists/none.yaml}\n  d: {file: lists/../lists/datasets.yaml}\n",
			`.lumos/config.yaml:4:13: "../secret.yaml" does not name a file under .lumos (write the path from .lumos, such as lists/datasets.yaml)` + "\n" +
				`.lumos/config.yaml:5:13: "/secret.yaml" does not name a file under .lumos (write the path from .lumos, such as lists/datasets.yaml)` + "\n" +
				`.lumos/config.yaml:6:13: there is no file .lumos/lists/none.yaml (add the file, or write the values here)` + "\n" +
				`.lumos/config.yaml:7:13: "lists/../lists/datasets.yaml" does not name a file under .lumos (write the path from .lumos, such as lists/datasets.yaml)`},
		{"a broken list", head + "lists: {a: {file: lists/broken.yaml}}", `.lumos/lists/broken.yaml:2:3: got a number, want text (quote it: "2.10")`},
		{"both forms", head + "lists: {a: {file: lists/datasets.yaml, values: [y]}}", ".lumos/config.yaml:3:9: the mapping has 2 keys, want at most 1"},
		{"thresholds", head + "thresholds: {evaluation: {f1: {min: 1}}, performance: {x: {min: 2, max: 1}, y: {}}}",
			`.lumos/config.yaml:3:14: unknown key "evaluation" (did you mean "evaluations"?)` + "\n" +
				`.lumos/config.yaml:3:56: min is above max: nothing can keep both (exchange them)` + "\n" +
				`.lumos/config.yaml:3:77: the mapping has 0 keys, want at least 1 (The lowest and highest value that is accepted)`},
		{"limits that exclude each other", head + "thresholds: {performance: {x: {min: 2, max: 1}}}", ".lumos/config.yaml:3:28: min is above max: nothing can keep both (exchange them)"},
		{"age", head + "maxEvidenceAge: 6 months", `.lumos/config.yaml:3:17: "6 months" does not have the form that is expected here (How old evidence may be, in days, for example 180d)`},
		{"merge", head + "merge: {auto: yes, method: fast}", ".lumos/config.yaml:3:15: got text, want true or false (write true or false, without quotes)\n" +
			`.lumos/config.yaml:3:28: "fast" is not one of merge, squash, rebase`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse(Path, []byte(tc.src), testFiles)
			var errs releases.Errors
			if c != nil || !errors.As(err, &errs) {
				t.Fatalf("config %v, error %v", c, err)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const known = "known here: apiVersion, approval, kind, lists, maxEvidenceAge, merge, minScore, packs, releases, thresholds, thresholdsFrom"

// What is parsed and written as JSON reads back the same.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	c, err := Parse(Path, []byte(head+"packs: [core, {pack: a, profile: b}]\nlists: {x: [a]}\napproval: {high: {all: [{team: a/b, count: 2}, ticket]}}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Config
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, &again); diff != "" {
		t.Error(diff)
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ glob, yes, no string }{
		{"releases/*/*.yaml", "releases/a/1.yaml|releases/a b/1.0.yaml|releases/日本/1.yaml",
			"releases/1.yaml|releases/a/b/1.yaml|releases/a/1.yml|x/releases/a/1.yaml|Releases/a/1.yaml|releases/a/1.YAML|releases/a/.yaml.|releases//1.yaml|releases/a/1.yaml/"},
		{"releases/**/*.yaml", "releases/1.yaml|releases/a/1.yaml|releases/a/b/c/1.yaml", "releases/a/1.json|other/releases/1.yaml|releases.yaml"},
		{"**/release.yaml", "release.yaml|a/release.yaml|a/b/release.yaml", "a/release.yaml/b|arelease.yaml|.lumos/release.yaml"},
		{"a/**/b/**/c?.yaml", "a/b/c1.yaml|a/x/b/y/z/c2.yaml|a/b/b/c3.yaml|a/x/b/x/b/c1.yaml", "a/c1.yaml|a/b/c.yaml|a/b/c10.yaml|b/c1.yaml"},
		{"models/m/release.yaml", "models/m/release.yaml", "models/m/release.yaml2|models/m"},
	} {
		c := &Config{Releases: []string{"nothing/*.yaml", tc.glob}}
		for p := range strings.SplitSeq(tc.yes, "|") {
			if !c.Matches(p) {
				t.Errorf("%s does not match %q", tc.glob, p)
			}
		}
		for p := range strings.SplitSeq(tc.no, "|") {
			if c.Matches(p) {
				t.Errorf("%s matches %q", tc.glob, p)
			}
		}
	}
}

// Paths that are not what they seem match nothing, and each says why.
// A path that nearly matches in many ways is told in bounded time: exponential matchers would not end.
func TestGlobTime(t *testing.T) {
	t.Parallel()
	c := &Config{Releases: []string{strings.Repeat("**/a/", 80) + "b.yaml", strings.Repeat("*a", 200) + "b.yaml"}}
	if c.Matches(strings.Repeat("a/", 2000)+"c.yaml") || c.Matches(strings.Repeat("a", 4000)+".yaml") {
		t.Error("matches")
	}
}

func TestDirs(t *testing.T) {
	t.Parallel()
	c := &Config{Releases: []string{"releases/*/*.yaml", "releases/x/*.yaml", "releases/*/*.yml", "*.yaml", "**/r.yaml", "a/b/c.yaml", "m?/x.yaml"}}
	if diff := cmp.Diff([]string{"", "a/b", "releases", "releases/x"}, c.Dirs()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"releases"}, Default().Dirs()); diff != "" {
		t.Error(diff)
	}
}

// The schemas describe every key that they accept.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for name, src := range map[string][]byte{"config": Schema(), "server": serverSchemaSource} {
		var v any
		if err := json.Unmarshal(src, &v); err != nil {
			t.Fatal(err)
		}
		var walk func(at string, v any)
		walk = func(at string, v any) {
			switch v := v.(type) {
			case map[string]any:
				props, _ := v["properties"].(map[string]any)
				for k, p := range props {
					if d, _ := p.(map[string]any)["description"].(string); d == "" {
						t.Errorf("%s%s/%s has no description", name, at, k)
					}
				}
				if props != nil && v["additionalProperties"] != false {
					t.Errorf("%s%s accepts other keys", name, at)
				}
				for k, c := range v {
					walk(at+"/"+k, c)
				}
			case []any:
				for _, c := range v {
					walk(at+"[]", c)
				}
			}
		}
		walk("", v)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "releases: [\"**/*.yaml\"]\npacks: [core, {pack: a}]\nlists: {a: [b], c: {file: lists/datasets.yaml}}\n"))
	f.Add([]byte(head + "approval: {low: {auto: true}, high: {all: [{team: a/b, count: 2}, codeowners]}}\nmerge: {method: merge}\n"))
	f.Add([]byte(head + "thresholds: {evaluations: {f1: {min: 0.5}}}\nmaxEvidenceAge: 1d\nminScore: 0\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse(Path, src, testFiles)
		if err != nil {
			var errs releases.Errors
			if c != nil || !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("config %v with error %#v", c, err)
			}
			return
		}
		for tier, rule := range c.Approval {
			if rule.Auto && tier != releases.TierLow || len(rule.Any)+len(rule.All) == 0 {
				t.Errorf("%s: %+v", tier, rule)
			}
			for _, n := range append(rule.Any, rule.All...) {
				if kinds := b2i(n.Codeowners) + b2i(n.Ticket) + b2i(n.Team != ""); kinds != 1 || n.Count < 1 {
					t.Errorf("%s: need %+v", tier, n)
				}
			}
		}
		if len(c.Approval) != 4 || len(c.Packs) == 0 || len(c.Releases) == 0 || c.Matches(Path) {
			t.Errorf("%+v", c)
		}
		if _, err := c.EvidenceAge(); err != nil {
			t.Error(err)
		}
		c.Dirs()
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
