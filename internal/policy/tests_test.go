package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy"
)

const starHeader = `# METADATA
# title: Own rule
# description: A rule of the organisation.
# custom:
#   id: ACME-02
#   severity: high
#   mode: weighted
#   mandatory_when: the tier is high
#   remediation: Do what the rule says
#   frameworks:
#     acme-handbook: ["7"]
`

const starBody = `
def check(input):
    unit = input.manifest.metadata.businessUnit
    if not unit:
        return [missing("no business unit is named", "/metadata/businessUnit")]
    if unit not in input.lists.units:
        return [fail("%s is no unit" % unit, "/metadata/businessUnit")]
    return []

def mandatory(input):
    return input.tier.effective == "high"

def not_applicable(input):
    if input.manifest.metadata.system == "none":
        return "it belongs to no system"
`

const starTable = `- name: passes with a unit
  expect: pass
  mandatory: true
  input: {manifest: {metadata: {businessUnit: retail}}, tier: {effective: high}, lists: {units: [retail]}}
- name: no unit
  expect: missing
  mandatory: false
  input: {manifest: {metadata: {name: x}}}
  findings: [no business unit is named]
- name: not a unit
  expect: fail
  input: {manifest: {metadata: {businessUnit: wholesale}}}
`

func local(name, data string) policy.File {
	return policy.File{Path: ".lumos/policies/" + name, Data: []byte(data)}
}

// units is a configuration that knows the list of the rules in these tests.
func units() *config.Config {
	c := config.Default()
	c.Lists = map[string]config.List{"units": {Values: []string{"retail"}}}
	return c
}

func testLocal(t *testing.T, files ...policy.File) *policy.TestReport {
	t.Helper()
	r, err := library.Test(t.Context(), files, policy.TestOptions{Config: units()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTableOfStarlark(t *testing.T) {
	t.Parallel()
	r := testLocal(t, local("acme_02.star", starHeader+starBody), local("acme_02_test.yaml", starTable))
	got, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "passed": 3,
  "failed": 0,
  "controls": [
    {
      "id": "ACME-02",
      "title": "Own rule",
      "language": "starlark",
      "path": ".lumos/policies/acme_02.star",
      "tests": [
        {
          "name": "passes with a unit",
          "outcome": "pass",
          "path": ".lumos/policies/acme_02_test.yaml",
          "line": 1,
          "column": 9
        },
        {
          "name": "no unit",
          "outcome": "pass",
          "path": ".lumos/policies/acme_02_test.yaml",
          "line": 5,
          "column": 9
        },
        {
          "name": "not a unit",
          "outcome": "pass",
          "path": ".lumos/policies/acme_02_test.yaml",
          "line": 10,
          "column": 9
        }
      ],
      "passing": true,
      "failing": true
    }
  ],
  "coverage": 88.8,
  "files": [
    {
      "path": ".lumos/policies/acme_02.star",
      "covered": 8,
      "uncovered": 1,
      "coverage": 88.8,
      "gaps": [
        {
          "start": 26,
          "end": 26
        }
      ]
    }
  ]
}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

// The same table tests the same rule in Rego; and a test in Rego stands beside it.
func TestTableOfRego(t *testing.T) {
	t.Parallel()
	rego := rule(`unit := input.manifest.metadata.businessUnit

missing contains {"message": "no business unit is named", "pointer": "/metadata/businessUnit"} if not unit

fail contains {"message": sprintf("%s is no unit", [unit]), "pointer": "/metadata/businessUnit"} if not unit in input.lists.units

pass if unit in input.lists.units
`)
	table := strings.NewReplacer("  mandatory: true\n", "", "  mandatory: false\n", "").Replace(starTable)
	tests := local("acme_01_test.rego", `package lumos.local.acme_01_test

import data.lumos.lib
import data.lumos.local.acme_01

test_pass if lib.outcome(acme_01) == "pass" with input as {"manifest": {"metadata": {"businessUnit": "x"}}, "lists": {"units": ["x"]}}

test_fail_other if {
	some unit in ["y", "z"]
	lib.outcome(acme_01) == "pass" with input as {"manifest": {"metadata": {"businessUnit": unit}}, "lists": {"units": ["x"]}}
}

test_false := false

test_cases["one"] := true

test_cases["two"] := false

todo_test_later if 1 == 2
`)
	r := testLocal(t, rego, local("acme_01_test.yaml", table), tests)
	var got []string
	for _, test := range r.Controls[0].Tests {
		got = append(got, fmt.Sprintf("%s:%d %s %s %s", strings.TrimPrefix(test.Path, ".lumos/policies/"), test.Line, test.Name, test.Outcome, test.Message))
	}
	want := []string{
		"acme_01_test.yaml:1 passes with a unit pass ",
		"acme_01_test.yaml:4 no unit pass ",
		"acme_01_test.yaml:8 not a unit pass ",
		"acme_01_test.rego:6 test_pass pass ",
		`acme_01_test.rego:10 test_fail_other fail it does not hold: lib.outcome(acme_01) == "pass" with input as {"manifest": {"metadata": {"businessUnit": unit}}, "lists": {"units": ["x"]}}`,
		"acme_01_test.rego:13 test_false fail it is false",
		"acme_01_test.rego:15 test_cases fail these cases are not true: two",
	}
	slicesEqualAnyOrder(t, got, want)
	if r.Passed != 4 || r.Failed != 3 || len(r.Missing()) != 0 || r.Coverage != 1000 {
		t.Errorf("%d passed, %d failed, %d missing, %s %% covered", r.Passed, r.Failed, len(r.Missing()), r.Coverage)
	}
}

func slicesEqualAnyOrder(t *testing.T, got, want []string) {
	t.Helper()
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found {
			t.Errorf("lacks %q", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d: %q", len(got), got)
	}
}

// What a control concludes other than its case expects is a failure, with both.
func TestTableFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		table, want string
		outcome     policy.TestOutcome
	}{
		"another outcome":   {"- {name: a, expect: pass}", "want pass, got missing: no business unit is named", policy.TestFailed},
		"pass":              {"- {name: a, expect: fail, input: {manifest: {metadata: {businessUnit: retail}}}}", "want fail, got pass", policy.TestFailed},
		"other findings":    {"- {name: a, expect: missing, findings: [x]}", `want the findings ["x"], got ["no business unit is named"]`, policy.TestFailed},
		"no findings":       {"- {name: a, expect: missing, findings: []}", `want the findings [], got ["no business unit is named"]`, policy.TestFailed},
		"mandatory":         {"- {name: a, expect: missing, mandatory: true}", "want mandatory true, got false", policy.TestFailed},
		"another reason":    {"- {name: a, expect: not-applicable, reason: two, input: {manifest: {metadata: {system: none}}}}", `want a reason with "two", got "it belongs to no system"`, policy.TestFailed},
		"the reason":        {"- {name: a, expect: not-applicable, reason: no system, input: {manifest: {metadata: {system: none}}}}", "", policy.TestPassed},
		"an error":          {"- {name: a, expect: pass, input: {manifest: {metadata: 3}}}", "want pass, got error: .lumos/policies/acme_02.star:25:32: an int has no system", policy.TestErrored},
		"an expected error": {"- {name: a, expect: error, reason: has no system, input: {manifest: {metadata: 3}}}", "", policy.TestPassed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := testLocal(t, local("acme_02.star", starHeader+starBody), local("acme_02_test.yaml", tt.table))
			if got := r.Controls[0].Tests[0]; got.Outcome != tt.outcome || got.Message != tt.want {
				t.Errorf("%s: %s\nwant %s: %s", got.Outcome, got.Message, tt.outcome, tt.want)
			}
		})
	}
}

// Each of these is refused with its place.
func TestBadTables(t *testing.T) {
	t.Parallel()
	control := local("acme_02.star", starHeader+starBody)
	table := func(s string) policy.File { return local("acme_02_test.yaml", s) }
	for name, tt := range map[string]struct {
		file policy.File
		want string
	}{
		"no list":               {table("name: a"), "acme_02_test.yaml:1:1"},
		"empty":                 {table(""), "acme_02_test.yaml:1:1: the file is empty"},
		"no name":               {table("- {expect: pass}"), `"name" is missing`},
		"no outcome":            {table("- {name: a}"), `"expect" is missing`},
		"another outcome":       {table("- {name: a, expect: passes}"), `acme_02_test.yaml:1:21: "passes" is not one of`},
		"an unknown key":        {table("- name: a\n  expect: pass\n  inptu: {}"), `acme_02_test.yaml:3:3: unknown key "inptu" (did you mean "input"?)`},
		"an unknown field":      {table("- name: a\n  expect: pass\n  input: {manifest: {spec: {evalutions: []}}}"), `acme_02_test.yaml:3:29: unknown key "evalutions" (did you mean "evaluations"?)`},
		"a field of an item":    {table("- name: a\n  expect: pass\n  input: {manifest: {spec: {data: [{licence: mit}]}}}"), `unknown key "licence" (did you mean "license"?)`},
		"an unknown list":       {table("- name: a\n  expect: pass\n  input: {lists: {unit: []}}"), `unknown key "unit" (did you mean "units"?)`},
		"an unknown input":      {table("- name: a\n  expect: pass\n  input: {manifset: {}}"), `unknown key "manifset" (did you mean "manifest"?)`},
		"two of a name":         {table("- {name: a, expect: pass}\n- {name: a, expect: fail}"), "acme_02_test.yaml:2:10: there are two cases of this name"},
		"of no control":         {local("acme_03_test.yaml", "- {name: a, expect: pass}"), "acme_03_test.yaml: there is no control that these cases are about"},
		"Rego that is none":     {local("acme_02_test.rego", "package lumos.local.acme_02_test\n\ntest_pass if {"), "rego_parse_error"},
		"Rego of the clock":     {local("acme_02_test.rego", "package lumos.local.acme_02_test\n\ntest_pass if time.now_ns() > 0"), "acme_02_test.rego:3:14: rego_type_error: undefined function time.now_ns"},
		"Rego's test twice":     {local("acme_02_test.rego", "package lumos.local.acme_02_test\n\ntest_pass if 1 == 1\n\ntest_pass if 1 == 2"), "acme_02_test.rego:5:1: the test test_pass stands twice"},
		"Rego of another's":     {local("acme_02_test.rego", "package lumos.local.acme_01_test\n\ntest_pass if 1 == 1"), "acme_02_test.rego:1:1: the package is"},
		"a control that is bad": {local("acme_03.star", starHeader), "acme_03.star:1:1: the control has no function check"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := library.Test(t.Context(), []policy.File{control, tt.file}, policy.TestOptions{Config: units()})
			var errs document.Errors
			if !errors.As(err, &errs) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v (%T), want document.Errors with %s", err, err, tt.want)
			}
		})
	}
}

func TestTestOnly(t *testing.T) {
	t.Parallel()
	files := []policy.File{local("acme_02.star", starHeader+starBody), local("acme_02_test.yaml", starTable)}
	steps, now := 0, time.Time{}
	r, err := library.Test(t.Context(), files, policy.TestOptions{Catalog: true, Only: []string{"ACME-02", "ID-01"}, Config: units(),
		Progress: func(done, total int) {
			if steps++; done != steps || total < 5 {
				t.Errorf("%d of %d at step %d", done, total, steps)
			}
		},
		Clock: func() time.Time {
			now = now.Add(time.Second)
			return now
		}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Controls) != 2 || r.Controls[0].ID != "ID-01" || r.Controls[1].ID != "ACME-02" || len(r.Files) != 2 || r.Failed > 0 || steps != r.Passed {
		t.Errorf("%+v", r)
	}
	if s := r.Controls[0].Tests[0].Seconds; s != 1 {
		t.Errorf("the test took %v seconds", s)
	}
	if _, err := library.Test(t.Context(), files, policy.TestOptions{Only: []string{"ID-01"}, Config: units()}); err == nil || err.Error() != "there is no control ID-01 to test" {
		t.Errorf("of a control that is not selected: %v", err)
	}
}

// A control without tests is told, and nothing is said to be covered.
func TestUntested(t *testing.T) {
	t.Parallel()
	r := testLocal(t, local("acme_02.star", starHeader+starBody))
	if m := r.Missing(); len(m) != 1 || m[0].ID != "ACME-02" || r.Coverage != 0 || r.Files[0].Covered != 0 || r.Passed+r.Failed != 0 {
		t.Errorf("%+v", r)
	}
}

func TestTestsStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := library.Test(ctx, []policy.File{local("acme_02.star", starHeader+starBody), local("acme_02_test.yaml", starTable)},
		policy.TestOptions{Config: units(), Progress: func(int, int) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A test in Rego that never ends is an error of its own.
func TestEndlessTest(t *testing.T) {
	t.Parallel()
	endless := local("acme_01_test.rego", "package lumos.local.acme_01_test\n\ntest_pass if {\n\tsome i, j in numbers.range(1, 100000)\n\tsome k in numbers.range(1, 100000)\n\ti * j == k + 0.5\n}\n")
	r, err := library.Test(t.Context(), []policy.File{rule(ok), endless}, policy.TestOptions{Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Controls[0].Tests[0]; got.Outcome != policy.TestErrored || got.Message != "it ran longer than 100ms" {
		t.Errorf("%+v", got)
	}
}
