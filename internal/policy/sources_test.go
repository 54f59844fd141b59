package policy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// reader is a control of one's own that passes when the condition holds.
func reader(n int, condition string) policy.File {
	const form = `# METADATA
# title: A reader
# description: Reads what it is given.
# schemas:
#   - input: schema.input
# custom:
#   id: READ-%02[1]d
#   severity: low
#   mode: weighted
#   remediation: None
#   frameworks: {}
package lumos.local.read_%02[1]d

%[2]s

missing contains {"message": "it does not hold", "pointer": ""} if not pass
`
	return policy.File{Path: fmt.Sprintf(".lumos/policies/read_%02d.rego", n), Data: fmt.Appendf(nil, form, n, condition)}
}

var readers = []struct {
	condition string
	stopped   bool // when the list mine cannot be read
}{
	{`pass if "a" in input.lists.mine`, true},
	{`pass if "a" in input.lists["mine"]`, true},
	{`pass if { l := input.lists; "a" in l.mine }`, true},
	{`pass if { some name in ["mi", "no"]; "a" in input.lists[concat("", [name, "ne"])] }`, true},
	{`pass if "a" in object.get(input, ["lists", "mine"], [])`, true},
	{`pass if { some path, value; walk(input, [path, value]); value == "a" }`, true},
	{`pass if { some key; "a" in input[key].mine }`, true},
	{`pass if data.lumos.local.lib.mine("a")`, true},
	{`pass if data.lumos.local.lib.far("a")`, true},
	{`pass if { some rule in ["mine_too"]; "a" in data.lumos.local.lib[rule] }`, true},
	{`pass if { xs := [x | some x in input.lists.mine]; "a" in xs }`, true},
	{`pass if every x in input.lists.mine { x == "a" }`, true},
	{`pass if data.lumos.local.lib.holds(input)`, true},
	{"import input.lists.mine as own\n\npass if \"a\" in own", true},
	{"pass if true\n\nhidden := input.lists.mine", true}, // perhaps for nothing, but who can tell
	{`pass if "o" in input.lists.other`, false},
	{`pass if data.lumos.local.lib.others("o")`, false},
	{`pass if input.manifest.metadata.name == "support-triage"`, false},
	{`pass if count(input.thresholds.evaluations) > 0`, false},
}

const readersLib = `package lumos.local.lib

mine(x) if x in input.lists.mine

others(x) if x in input.lists.other

far(x) if near(x)

near(x) if x in mine_too

mine_too := input.lists.mine

holds(all) if "a" in all.lists.mine
`

func TestUnreadSourcesStopTheirReaders(t *testing.T) {
	t.Parallel()
	conf := acme()
	conf.Lists["mine"] = config.List{Source: "catalog"}
	conf.Lists["other"] = config.List{Values: []string{"o"}}
	files := []policy.File{{Path: ".lumos/policies/lib.rego", Data: []byte(readersLib)}}
	for i, r := range readers {
		files = append(files, reader(i, r.condition))
	}
	e := load(t, conf, files...)
	s := subject(manifest(t))
	s.Sources = map[string]policy.SourceData{"catalog": {Values: []string{"a"}, Digest: "sha256:1", Since: now}}
	good := e.Evaluate(t.Context(), s)
	if d := differ(good); len(d) > 0 {
		t.Fatalf("with its data: %v", d)
	}
	s.Sources["catalog"] = policy.SourceData{Err: "the connection was cut"}
	broken := e.Evaluate(t.Context(), s)
	for i, r := range readers {
		got := result(t, broken, fmt.Sprintf("READ-%02d", i))
		if (got.Outcome == policy.Error) != r.stopped || r.stopped && got.Reason != "the source catalog could not be read: the connection was cut" {
			t.Errorf("%s: %s %s", r.condition, got.Outcome, got.Reason)
		}
	}
	stopped := slices.Sorted(maps.Keys(differ(broken)))
	if slices.ContainsFunc(stopped, func(id string) bool { return !strings.HasPrefix(id, "READ-") }) || broken.Conclusion != policy.Errored {
		t.Errorf("%s, %v", broken.Conclusion, stopped)
	}
	if d := cmp.Diff([]policy.SourceUse{{Name: "catalog", Error: "the connection was cut"}}, broken.Sources); d != "" {
		t.Error(d)
	}
}

func TestListsFromSources(t *testing.T) {
	t.Parallel()
	conf := acme()
	conf.Lists["approvedDatasets"] = config.List{Source: "catalog"}
	conf.Lists["unread"] = config.List{Source: "nobody"}
	e := load(t, conf)
	since := time.Date(2026, 8, 1, 10, 0, 0, 0, time.FixedZone("", 7200))
	for _, tc := range []struct {
		name    string
		catalog *policy.SourceData
		outcome policy.Outcome
		reason  string
		use     policy.SourceUse
	}{
		{"approved", &policy.SourceData{Values: []string{"acme/tickets-2025"}, Digest: "sha256:1", Since: since}, policy.Pass, "",
			policy.SourceUse{Name: "catalog", Digest: "sha256:1", Since: "2026-08-01T08:00:00Z"}},
		{"approved at a revision", &policy.SourceData{Values: []string{"acme/tickets-2025@9f3c"}, Digest: "sha256:2"}, policy.Pass, "", policy.SourceUse{Name: "catalog", Digest: "sha256:2"}},
		{"not approved", &policy.SourceData{Values: []string{"acme/other"}}, policy.Fail, "", policy.SourceUse{Name: "catalog"}},
		{"nothing approved", &policy.SourceData{}, policy.Fail, "", policy.SourceUse{Name: "catalog"}},
		{"unread", &policy.SourceData{Err: "it answers 500,\nwant 200"}, policy.Error, "the source catalog could not be read: it answers 500, want 200",
			policy.SourceUse{Name: "catalog", Error: "it answers 500, want 200"}},
		{"limits", &policy.SourceData{Limits: []config.Limit{{Group: "evaluations", Metric: "f1"}}}, policy.Error, "the source catalog could not be read: it gives limits, not a list", policy.SourceUse{Name: "catalog"}},
		{"nobody reads sources", nil, policy.Error, "the source catalog could not be read: sources are read by the bot; for a local check give --source NAME=FILE",
			policy.SourceUse{Name: "catalog", Error: "sources are read by the bot; for a local check give --source NAME=FILE"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := subject(manifest(t))
			s.Sources = map[string]policy.SourceData{}
			if tc.catalog != nil {
				s.Sources["catalog"] = *tc.catalog
			}
			r := e.Evaluate(t.Context(), s)
			got := result(t, r, "DAT-02")
			if got.Outcome != tc.outcome || got.Reason != tc.reason {
				t.Errorf("%s %q, want %s %q", got.Outcome, got.Reason, tc.outcome, tc.reason)
			}
			if d := cmp.Diff([]policy.SourceUse{tc.use}, r.Sources); d != "" {
				t.Error(d)
			}
			if d := differ(r); len(d) > 1 || tc.outcome == policy.Pass && len(d) > 0 {
				t.Errorf("%v", d)
			}
			again := e.Evaluate(t.Context(), s)
			if d := cmp.Diff(r, again); d != "" || r.Policy != e.Digest() {
				t.Error(d)
			}
		})
	}
}

// The policy's digest holds the names of sources: what they say is a fact, and does not void approvals.
func TestDigestNamesSources(t *testing.T) {
	t.Parallel()
	digest := func(change func(*config.Config)) string {
		conf := acme()
		change(conf)
		return load(t, conf).Digest()
	}
	seen := map[string]bool{}
	for _, change := range []func(*config.Config){
		func(*config.Config) {},
		func(c *config.Config) { c.Lists["approvedDatasets"] = config.List{Source: "a"} },
		func(c *config.Config) { c.Lists["approvedDatasets"] = config.List{Source: "b"} },
		func(c *config.Config) { c.ThresholdsFrom = "a" },
	} {
		seen[digest(change)] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d digests of 4 configurations", len(seen))
	}
}

func TestThresholdsByTaskAndTier(t *testing.T) {
	t.Parallel()
	const reported = "0.913" // of f1, for text-classification in the medium tier
	limit := func(l config.Limit) []config.Limit { return []config.Limit{l} }
	for _, tc := range []struct {
		name    string
		f1      config.Threshold
		from    *policy.SourceData
		outcome policy.Outcome
		finding string
	}{
		{name: "for all", f1: config.Threshold{Min: number(0.9)}, outcome: policy.Pass},
		{name: "its task", f1: config.Threshold{Min: number(0.9), Tasks: map[string]config.Limits{"text-classification": {Min: number(0.95)}}}, outcome: policy.Fail, finding: "f1 is " + reported + ", below the threshold of 0.95"},
		{name: "another task", f1: config.Threshold{Min: number(0.9), Tasks: map[string]config.Limits{"summarization": {Min: number(0.95)}}}, outcome: policy.Pass},
		{name: "its tier", f1: config.Threshold{Min: number(0.9), Tiers: map[releases.Tier]config.Limits{"medium": {Min: number(0.95)}}}, outcome: policy.Fail, finding: "f1 is " + reported + ", below the threshold of 0.95"},
		{name: "another tier", f1: config.Threshold{Min: number(0.9), Tiers: map[releases.Tier]config.Limits{"high": {Min: number(0.95)}}}, outcome: policy.Pass},
		{name: "only for another tier", f1: config.Threshold{Tiers: map[releases.Tier]config.Limits{"high": {Min: number(0.95)}}}, outcome: policy.Missing,
			finding: "no threshold in .lumos/config.yaml covers an evaluation of this release (extraction_rate, f1): set thresholds.evaluations"},
		{name: "the source is stricter", f1: config.Threshold{Min: number(0.9)}, from: &policy.SourceData{Limits: limit(config.Limit{Group: "evaluations", Metric: "f1", Tier: "medium", Limits: config.Limits{Min: number(0.92)}})},
			outcome: policy.Fail, finding: "f1 is " + reported + ", below the threshold of 0.92"},
		{name: "the source alone", from: &policy.SourceData{Limits: limit(config.Limit{Group: "evaluations", Metric: "f1", Limits: config.Limits{Min: number(0.9)}})}, outcome: policy.Pass},
		{name: "the source is unread", f1: config.Threshold{Min: number(0.9)}, from: &policy.SourceData{Err: "the connection was refused"}, outcome: policy.Error, finding: "the source limits could not be read: the connection was refused"},
		{name: "the source gives a list", f1: config.Threshold{Min: number(0.9)}, from: &policy.SourceData{Values: []string{"f1"}}, outcome: policy.Error, finding: "the source limits could not be read: it gives a list, not limits"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			conf := acme()
			conf.Thresholds = map[string]map[string]config.Threshold{"evaluations": {"f1": tc.f1}}
			s := subject(manifest(t))
			if tc.from != nil {
				conf.ThresholdsFrom = "limits"
				s.Sources = map[string]policy.SourceData{"limits": *tc.from}
			}
			r := load(t, conf).Evaluate(t.Context(), s)
			got := result(t, r, "EVL-02")
			said := got.Reason
			for _, f := range got.Findings {
				said += f.Message
			}
			if got.Outcome != tc.outcome || said != tc.finding {
				t.Errorf("%s %q, want %s %q", got.Outcome, said, tc.outcome, tc.finding)
			}
			if uses := len(r.Sources); (uses == 1) != (tc.from != nil) {
				t.Errorf("%d sources", uses)
			}
			if d := differ(r); len(d) > 1 {
				t.Errorf("%v", d)
			}
		})
	}
}
