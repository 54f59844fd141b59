package templates

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/policy"
)

func tenthsOf(n int) *policy.Tenths { t := policy.Tenths(n); return &t }

func impacts() map[string]Impact {
	worse := policy.Effect{
		Path: "releases/fraud/2.3.0.yaml", Model: "fraud", Version: "2.3.0",
		Before:   policy.Brief{Conclusion: policy.NeedsApproval, Score: tenthsOf(971), Coverage: tenthsOf(1000)},
		After:    policy.Brief{Conclusion: policy.Blocked, Score: tenthsOf(903), Coverage: tenthsOf(1000)},
		Controls: []policy.ControlChange{{ID: "EVL-02", Title: "Thresholds met", Before: policy.Pass, After: policy.Fail, Why: "f1 is 0.913, below the threshold of 0.95"}},
	}
	better := policy.Effect{
		Path: "releases/triage/1.0.0.yaml", Model: "triage", Version: "1.0.0",
		Before:   policy.Brief{Conclusion: policy.Blocked, Score: tenthsOf(800)},
		After:    policy.Brief{Conclusion: policy.AutoApprovable, Score: tenthsOf(1000)},
		Controls: []policy.ControlChange{{ID: "DAT-02", Title: "Every dataset approved", Before: policy.Fail, After: policy.Pass}},
	}
	other := policy.Effect{
		Path:   "releases/old/3.yaml",
		Before: policy.Brief{Conclusion: policy.NeedsApproval}, After: policy.Brief{Conclusion: policy.NeedsApproval},
		Controls: []policy.ControlChange{{ID: "ACME-01", Title: "Ours", After: policy.Missing, Why: "none"}, {ID: "ACME-02", Title: "Ours too", Before: policy.Pass}},
	}
	where := map[string]string{worse.Path: "released", better.Path: "open in #12", other.Path: "released"}
	of := func(effects ...policy.Effect) Impact {
		return Impact{Impact: &policy.Impact{Before: "sha256:a", After: "sha256:b", Judged: 42, Changed: effects}, Where: where}
	}
	same := of()
	same.After = same.Before
	broken := of(worse)
	broken.Problems, broken.After = []string{".lumos/policies/a.rego:3:1: rego_parse_error: broken <b>@acme/platform</b>"}, ""
	many := of(better, other, worse)
	many.Left = 7
	return map[string]Impact{"same": same, "none": of(), "mixed": many, "broken": broken}
}

func TestImpact(t *testing.T) {
	t.Parallel()
	for name, i := range impacts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "impact/"+name+".md", ImpactComment(i))
			golden(t, "impact/"+name+".txt", ImpactTerminal(i))
		})
	}
}

func TestImpactOfTheWholeWorldFits(t *testing.T) {
	t.Parallel()
	i := impacts()["mixed"]
	e := i.Changed[2]
	for n := range 20 {
		e.Controls = append(e.Controls, policy.ControlChange{ID: fmt.Sprintf("X-%02d", n), Title: strings.Repeat("t", 500), After: policy.Fail, Why: strings.Repeat("|`<b>@acme/all ", 100)})
	}
	for n := range 10_000 {
		e.Path = fmt.Sprintf("releases/%d/1.yaml", n)
		i.Changed = append(i.Changed, e)
	}
	if n := len(ImpactComment(i)); n > maxComment {
		t.Errorf("%d bytes", n)
	}
	if strings.Contains(ImpactComment(i), " @acme/all") {
		t.Error("somebody is notified")
	}
}

func TestReleaseIssue(t *testing.T) {
	t.Parallel()
	r := policy.Report{Path: "releases/fraud/2.3.0.yaml", Model: "fraud", Version: "2.3.0", Conclusion: policy.Blocked, Controls: []policy.Result{
		{ID: "EVL-07", Title: "Evidence fresh and about this artifact", Severity: policy.Critical, Mandatory: true, Outcome: policy.Fail, Remediation: "Produce the evidence again",
			Findings: []policy.Finding{{Message: `evidence "ev-eval" expired on 2026-11-20, says @mallory`, Line: 107}}},
		{ID: "DOC-02", Title: "Intended purpose stated", Severity: policy.High, Mandatory: true, Outcome: policy.Pass},
		{ID: "ACME-01", Title: "Ours", Severity: policy.Low, Outcome: policy.Error, Reason: "it ran longer than 250ms"},
	}}
	title, body := ReleaseIssue(r, "https://github.com/acme/models/blob", "7f02057c799f7f02057c799f7f02057c799f7f02")
	golden(t, "issue/failing.md", title+"\n\n"+body)
	if IssuePath(body) != r.Path {
		t.Errorf("the issue is about %q", IssuePath(body))
	}
	if IssueCommit(body) != "7f02057c799f7f02057c799f7f02057c799f7f02" || IssueCommit("x") != "" {
		t.Errorf("the issue is of %q", IssueCommit(body))
	}
	healed := HealedIssue(body)
	if IssuePath(healed) != r.Path || !strings.Contains(healed, "Healed") || HealedIssue(healed) != healed {
		t.Errorf("healed:\n%s", healed)
	}
	for _, other := range []string{"", "x " + body, "<!-- lumos:status -->", "<!-- lumos:release "} {
		if p := IssuePath(other); p != "" {
			t.Errorf("%q is taken for an issue on %s", other, p)
		}
	}
}
