package policy_test

import (
	"bytes"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/policy"
)

// shownFile is a file as docs/rules.md shows it: its path in a sentence, and then its text.
var shownFile = regexp.MustCompile("(?ms)`(\\.lumos/policies/[^`]+)`[^\n]*:\n\n```[a-z]+\n(.*?)^```$")

// shownRules returns the files of docs/rules.md by path, each as often as it is shown.
func shownRules(t *testing.T) map[string][]policy.File {
	t.Helper()
	guide, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]policy.File{}
	for _, m := range shownFile.FindAllSubmatch(guide, -1) {
		name := path.Base(string(m[1]))
		out[name] = append(out[name], policy.File{Path: string(m[1]), Data: m[2]})
	}
	return out
}

// The rules of docs/rules.md load, and their tests pass, in every language and at every step of the guide.
func TestRulesGuide(t *testing.T) {
	t.Parallel()
	shown := shownRules(t)
	for name, files := range map[string][]policy.File{
		"minutes 1 and 2": {shown["acme_01.yaml"][0], shown["acme_01_test.yaml"][0]},
		"own words":       {shown["acme_01.yaml"][1], shown["acme_01_test.yaml"][1]},
		"conditions":      {shown["acme_02.yaml"][0], shown["acme_02_test.yaml"][0]},
		"Rego":            {shown["acme_01.rego"][0], shown["acme_01_test.yaml"][1]},
		"Python":          {shown["acme_01.star"][0], shown["acme_01_test.yaml"][1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := library.Test(t.Context(), files, policy.TestOptions{Config: acme()})
			if err != nil {
				t.Fatal(err)
			}
			if r.Failed > 0 || r.Passed < 3 || r.Coverage != 1000 || len(r.Missing()) > 0 {
				t.Errorf("%d passed, %d failed, coverage %s: %+v", r.Passed, r.Failed, r.Coverage, r.Controls)
			}
		})
	}
}

// The table of tests in policies/README.md passes for the control that the page shows.
func TestGuideTable(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../policies/README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) []byte {
		_, text, _ := strings.Cut(string(guide), "```"+language+"\n")
		text, _, found := strings.Cut(text, "```")
		if !found {
			t.Fatalf("the guide has no example in %s", language)
		}
		return []byte(text)
	}
	r, err := library.Test(t.Context(), []policy.File{{Path: ruleFile, Data: block("rego")},
		{Path: ".lumos/policies/acme_01_test.yaml", Data: block("yaml")}}, policy.TestOptions{Config: acme()})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed > 0 || r.Passed != 2 || len(r.Missing()) > 0 {
		t.Errorf("%+v", r.Controls)
	}
}

// One rule in three languages gives one report, and what the guide shows as Rego is what it says it is.
func TestThreeLanguages(t *testing.T) {
	t.Parallel()
	shown := shownRules(t)
	rules, err := library.Rules([]policy.File{shown["acme_01.yaml"][1]})
	if err != nil {
		t.Fatal(err)
	}
	rendered, shownRego := rules[len(rules)-1].Rego, shown["acme_01.rego"][0]
	if *update {
		guide, err := os.ReadFile("../../docs/rules.md")
		if err != nil {
			t.Fatal(err)
		}
		guide = bytes.Replace(guide, shownRego.Data, []byte(rendered), 1)
		if err := os.WriteFile("../../docs/rules.md", guide, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if d := cmp.Diff(rendered, string(shownRego.Data)); d != "" {
		t.Errorf("docs/rules.md does not show the Rego of the rule; go test ./internal/policy -run TestThreeLanguages -update (-rendered +shown):\n%s", d)
	}
	for contact, want := range map[string]policy.Outcome{
		"incidentContact: ai-incidents@acme.example":   policy.Pass,
		"incidentContact: risk-desk@acme.example":      policy.Pass,
		"incidentContact: jonas@acme.example":          policy.Fail,
		"incidentContact: Risk-Desk@acme.example":      policy.Fail,
		`incidentContact: "risk-desk@acme.example "`:   policy.Fail,
		`incidentContact: "a \"b\" \\ risk-desk@acme"`: policy.Fail,
		"incidentContact: TBD":                         policy.Fail,
		`incidentContact: ""`:                          policy.Missing,
		`incidentContact: " \t"`:                       policy.Missing,
		"alerts: risk-desk@acme.example":               policy.Missing,
	} {
		src := manifest(t, "\nspec:\n", "\nspec:\n  monitoring: {"+contact+"}\n")
		var first policy.Result
		for i, file := range []policy.File{shown["acme_01.yaml"][1], shown["acme_01.rego"][0], shown["acme_01.star"][0]} {
			got := result(t, load(t, acme(), file).Evaluate(t.Context(), subject(src)), "ACME-01")
			if got.Outcome != want || !got.Mandatory {
				t.Errorf("%s, %s: %s (%s), want %s", path.Base(file.Path), contact, got.Outcome, got.Reason, want)
			}
			if i == 0 {
				first = got
			} else if d := cmp.Diff(first, got); d != "" {
				t.Errorf("%s, %s (-YAML +this):\n%s", path.Base(file.Path), contact, d)
			}
		}
	}
}

// What the guide says of effectiveFrom and supersededBy is true.
func TestRulesGuideDates(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	rule := shownRules(t)["acme_01.yaml"][1]
	with := func(key, value string) policy.File {
		if !strings.Contains(string(guide), key+": "+value) {
			t.Errorf("the guide does not show %s: %s", key, value)
		}
		return policy.File{Path: rule.Path, Data: []byte(strings.Replace(string(rule.Data), "\nrules:\n", "\n"+key+": "+value+"\nrules:\n", 1))}
	}
	src := subject(manifest(t, "\nspec:\n", "\nspec:\n  monitoring: {incidentContact: jonas@acme.example}\n"))
	got := result(t, load(t, acme(), with("effectiveFrom", `"2027-01-01"`)).Evaluate(t.Context(), src), "ACME-01")
	if got.Outcome != policy.NotApplicable || !strings.Contains(string(guide), `"`+got.Reason+`"`) {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
	next := policy.File{Path: ".lumos/policies/acme_07.yaml", Data: []byte(strings.Replace(string(rule.Data), "ACME-01", "ACME-07", 1))}
	got = result(t, load(t, acme(), with("supersededBy", "ACME-07"), next).Evaluate(t.Context(), src), "ACME-01")
	if got.Outcome != policy.NotApplicable || got.Reason != "superseded by ACME-07: today it would be fail" {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
}
