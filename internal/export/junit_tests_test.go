package export

import (
	"testing"

	"github.com/lumos-governance/lumos/internal/policy"
)

func tested() *policy.TestReport {
	return &policy.TestReport{
		Passed: 2, Failed: 2, Coverage: 957,
		Controls: []policy.TestedControl{
			{ID: "ID-01", Title: "Immutable revision pinned", Path: "controls/id_01.rego", Passing: true, Failing: true, Tests: []policy.TestResult{
				{Name: "passes with a commit", Outcome: policy.TestPassed, Path: "controls/id_01_test.yaml", Line: 3, Column: 3, Seconds: 0.0123},
				{Name: "fails with a branch", Outcome: policy.TestFailed, Message: `the outcome is pass, want fail`, Path: "controls/id_01_test.yaml", Line: 9, Column: 3, Seconds: 1.5},
			}},
			{ID: "ID-02", Title: "Every artifact digested", Path: "controls/id_02.rego", Passing: true, Tests: []policy.TestResult{
				{Name: "data.lumos.controls.id_02_test.test_x", Outcome: policy.TestErrored, Message: "eval_conflict_error", Path: "controls/id_02_test.rego", Line: 12},
			}},
			{Path: "lib/time_test.rego", Tests: []policy.TestResult{{Name: "test_days", Outcome: policy.TestPassed, Path: "lib/time_test.rego", Line: 4}}},
		},
		Files: []policy.FileCoverage{{Path: "controls/id_01.rego", Covered: 20, Uncovered: 1, Coverage: 952}},
	}
}

func TestTestJUnit(t *testing.T) {
	t.Parallel()
	b, err := TestJUnit(tested(), now)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "tests.junit.xml", b)
	suites := junitOf(t, b).Children
	for i, want := range []string{"1 0", "1 1", "0 0"} {
		if got := suites[i].attribute("failures") + " " + suites[i].attribute("errors"); got != want {
			t.Errorf("suite %d has %s failures and errors, want %s", i, got, want)
		}
	}
	for _, s := range attacks {
		r := tested()
		c := &r.Controls[0]
		c.ID, c.Title, c.Path, c.Tests[1].Name, c.Tests[1].Message, c.Tests[1].Path = s, s, s, s, s, s
		b, err := TestJUnit(r, now)
		if err != nil {
			t.Fatal(err)
		}
		junitOf(t, b)
	}
	if b, err = TestJUnit(&policy.TestReport{}, now); err != nil {
		t.Fatal(err)
	}
	junitOf(t, b)
}
