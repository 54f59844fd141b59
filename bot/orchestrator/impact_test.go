package orchestrator

import (
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/templates"
)

func impactOf(before, after policy.Conclusion, problems ...string) templates.Impact {
	return templates.Impact{
		Impact: &policy.Impact{Before: "sha256:a", After: "sha256:b", Problems: problems, Judged: 3, Changed: []policy.Effect{{
			Path: "releases/m/1.yaml", Model: "m", Version: "1",
			Before: policy.Brief{Conclusion: before}, After: policy.Brief{Conclusion: after},
		}}},
		Where: map[string]string{"releases/m/1.yaml": "released"},
	}
}

// A change of the rules is told by a check that never blocks, and by one comment of its own.
func TestPlanImpact(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		impact templates.Impact
		want   forge.Conclusion
		says   string
	}{
		"for the worse":             {impactOf(policy.NeedsApproval, policy.Blocked), forge.Neutral, "1 release would be stopped"},
		"for the better":            {impactOf(policy.Blocked, policy.NeedsApproval), forge.Success, "1 would no longer be stopped"},
		"rules that cannot be used": {impactOf(policy.NeedsApproval, policy.Errored, ".lumos/policies/a.rego:3:1: broken"), forge.Failure, "cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := view(approval.Waiting)
			v.Verdict.Kind = approval.KindGovernance
			p := PlanImpact(v, tt.impact, now)
			if len(p.Checks) != 1 || p.Checks[0].Name != forge.ImpactCheck || p.Checks[0].Conclusion != tt.want || !strings.Contains(p.Checks[0].Title, tt.says) {
				t.Errorf("checks %+v", p.Checks)
			}
			if len(p.Comments) != 1 || !strings.HasPrefix(p.Comments[0].Body, templates.ImpactMarker) || !strings.Contains(p.Comments[0].Body, tt.says) {
				t.Errorf("comments %+v", p.Comments)
			}
			v = written(v, p)
			if again := PlanImpact(v, tt.impact, now); !again.Empty() {
				t.Errorf("said twice: %+v", again)
			}
			// It is another comment than the one that carries the verdict.
			if Sticky(v.Snapshot, 0) != nil {
				t.Error("the comment on the impact is taken for the one with the verdict")
			}
			changed := tt.impact
			changed.Left = 7
			if p := PlanImpact(v, changed, now); len(p.Comments) != 1 || p.Comments[0].NodeID == "" {
				t.Errorf("the comment is not updated in place: %+v", p.Comments)
			}
			v.PR.Platform = forge.GitLab
			v.Snapshot.Comments = nil
			if p := PlanImpact(v, tt.impact, now); len(p.Checks) != 0 || len(p.Comments) != 1 {
				t.Errorf("on GitLab: %+v", p)
			}
		})
	}
}
