package policy_test

import (
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/policy"
)

// minCoverage is how much of the lines of all controls tests must reach, in tenths of a percent.
const minCoverage = 950

// TestPacks runs every test of every control that ships. Each control must be shown to pass and to find
// something.
func TestPacks(t *testing.T) {
	t.Parallel()
	r, err := library.Test(t.Context(), nil, policy.TestOptions{Catalog: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Controls {
		for _, test := range c.Tests {
			t.Run(strings.TrimSuffix(c.Path, "_test.rego")+"/"+test.Name, func(t *testing.T) {
				if test.Outcome != policy.TestPassed {
					t.Errorf("%s:%d:%d: %s", test.Path, test.Line, test.Column, test.Message)
				}
			})
		}
	}
	for _, c := range r.Missing() {
		t.Errorf("%s: shown to pass: %t, to find something: %t; want both", c.Path, c.Passing, c.Failing)
	}
	for _, f := range r.Files {
		for _, gap := range f.Gaps {
			t.Logf("%s:%d: no test reaches this line (to line %d)", f.Path, gap.Start, gap.End)
		}
	}
	t.Logf("%d tests of %d controls, %s %% of their lines", r.Passed+r.Failed, len(r.Controls), r.Coverage)
	if r.Coverage < minCoverage {
		t.Errorf("tests reach %s %% of the lines, want %s", r.Coverage, policy.Tenths(minCoverage))
	}
}
