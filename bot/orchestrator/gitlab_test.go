package orchestrator

import (
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/templates"
)

// gitLabView is view on GitLab, with one gap that blocks.
func gitLabView(state approval.State) templates.View {
	v := view(state)
	v.PR.Platform = forge.GitLab
	s := *v.Snapshot
	s.PullRequest.Platform = forge.GitLab
	v.Snapshot = &s
	v.Reports[0].Controls = []policy.Result{{ID: "ID-01", Title: "Revision pinned", Outcome: policy.Fail, Severity: policy.High, Mandatory: true,
		Findings: []policy.Finding{{Message: "main is a branch", Line: 4}}}}
	return v
}

// onGitLab puts onto a view's snapshot what a publication wrote, as GitLab shows it: the gate's state is
// that of the commit status, the rest comes from the ledger in our note.
func onGitLab(v templates.View, p forge.Publication) templates.View {
	v = written(v, forge.Publication{Comments: p.Comments})
	s := *v.Snapshot
	var ledger []forge.Check
	for _, c := range s.Comments {
		ledger = append(ledger, forge.ReadLedger(c.Body)...)
	}
	if len(ledger) > 0 {
		gate := ledger[0]
		for _, old := range s.Checks {
			if old.Name == forge.GateCheck {
				gate.Status, gate.Conclusion = old.Status, old.Conclusion
			}
		}
		for _, c := range p.Checks {
			gate.Status, gate.Conclusion = c.Status, c.Conclusion
		}
		gate.StartedAt = now
		s.Checks = append([]forge.Check{gate}, ledger[1:]...)
	}
	for _, t := range p.Threads {
		if t.NodeID == "" {
			key, _ := forge.ThreadKey(t.Body)
			s.Threads = append(s.Threads, forge.Thread{NodeID: "D" + key, Key: key, Body: t.Body})
			continue
		}
		for i := range s.Threads {
			if s.Threads[i].NodeID == t.NodeID {
				s.Threads[i].Resolved, s.Threads[i].ByUs = t.Resolve, t.Resolve
			}
		}
	}
	v.Snapshot = &s
	return v
}

func TestPlanOnGitLab(t *testing.T) {
	t.Parallel()
	v := gitLabView(approval.Refused)
	p, mem := Plan(v, Memory{}, now)
	if len(p.Checks) != 1 || p.Checks[0].Name != forge.GateCheck || p.Checks[0].Conclusion != forge.Failure {
		t.Errorf("planned %+v, want the gate alone", p.Checks)
	}
	if len(p.Comments) != 1 || len(forge.ReadLedger(p.Comments[0].Body)) != 2 {
		t.Errorf("planned %+v, want one note with a ledger of two checks", p.Comments)
	}
	if len(p.Threads) != 1 || p.Threads[0].Path != "releases/m/1.yaml" || p.Threads[0].Line != 4 {
		t.Errorf("planned %+v, want one thread on line 4", p.Threads)
	}

	v = onGitLab(v, p)
	if again, _ := Plan(v, mem, now); !again.Empty() {
		t.Errorf("the same verdict writes again: %+v", again)
	}

	forged := v
	s := *v.Snapshot
	s.Checks = []forge.Check{{Name: forge.GateCheck, HeadSHA: head, Status: forge.Completed, Conclusion: forge.Success}, s.Checks[1]}
	forged.Snapshot = &s
	if p, _ := Plan(forged, mem, now); len(p.Checks) != 1 || p.Checks[0].Conclusion != forge.Failure || len(p.Comments) != 0 {
		t.Errorf("a forged status is answered with %+v", p)
	}

	waiting := gitLabView(approval.Waiting)
	s = *waiting.Snapshot
	s.Checks = []forge.Check{{Name: forge.GateCheck, HeadSHA: head, Status: forge.InProgress, StartedAt: now}}
	waiting.Snapshot = &s
	if p, _ := Plan(waiting, Memory{}, now); len(p.Checks) != 1 || p.Checks[0].Status != forge.InProgress {
		t.Errorf("a status that somebody set before Lumos's first word is taken for it: %+v", p.Checks)
	}

	healed := v
	healed.Reports = []policy.Report{{Path: "releases/m/1.yaml", Model: "m", Version: "1", Conclusion: policy.NeedsApproval}}
	healed.Verdict.State = approval.Waiting
	p, mem = Plan(healed, mem, now)
	if len(p.Threads) != 1 || p.Threads[0].NodeID != v.Snapshot.Threads[0].NodeID || !p.Threads[0].Resolve {
		t.Errorf("a closed gap plans %+v, want its thread resolved", p.Threads)
	}
	if len(p.Checks) != 1 || p.Checks[0].Status != forge.InProgress {
		t.Errorf("planned %+v, want a waiting gate", p.Checks)
	}
	healed = onGitLab(healed, p)
	if again, _ := Plan(healed, mem, now.Add(30*renewAfter)); !again.Empty() {
		t.Errorf("a commit status does not go stale, and is written again: %+v", again)
	}

	back := healed
	back.Reports, back.Verdict.State = v.Reports, approval.Refused
	if p, _ := Plan(back, mem, now); len(p.Threads) != 1 || p.Threads[0].Resolve || p.Threads[0].NodeID == "" {
		t.Errorf("a gap that is back plans %+v, want its thread reopened", p.Threads)
	}
	s = *back.Snapshot
	s.Threads = []forge.Thread{s.Threads[0]}
	s.Threads[0].ByUs = false
	back.Snapshot = &s
	if p, _ := Plan(back, mem, now); len(p.Threads) != 0 {
		t.Errorf("a thread that a person resolved plans %+v, want nothing", p.Threads)
	}
}

func TestPlanOnGitLabLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	v := gitLabView(approval.NotGoverned)
	v.Verdict.Kind, v.Reports = approval.KindOther, nil
	p, mem := Plan(v, Memory{}, now)
	if len(p.Checks) != 1 || p.Checks[0].Conclusion != forge.Success || len(p.Comments) != 0 {
		t.Fatalf("planned %+v, want a green gate and no note", p)
	}
	s := *v.Snapshot
	s.Checks = []forge.Check{{Name: forge.GateCheck, HeadSHA: head, Status: forge.Completed, Conclusion: forge.Success, StartedAt: now}}
	v.Snapshot = &s
	if p, _ := Plan(v, mem, now); !p.Empty() {
		t.Errorf("the same again writes %+v", p)
	}
}

// TestGateTitleIsShort: a commit status takes 255 characters.
func TestGateTitleIsShort(t *testing.T) {
	t.Parallel()
	v := gitLabView(approval.Waiting)
	v.Verdict.Summary = strings.Repeat("x", 1000)
	if p, _ := Plan(v, Memory{}, now); len(p.Checks[0].Title) > 255 {
		t.Errorf("the title has %d bytes", len(p.Checks[0].Title))
	}
}
