package orchestrator

import (
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/templates"
)

const head = "7f02057c799f7f02057c799f7f02057c799f7f02"

var (
	now  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ana  = forge.Account{ID: 1, Login: "ana", Kind: forge.User, NodeID: "U1"}
	ben  = forge.Account{ID: 2, Login: "ben", Kind: forge.User, NodeID: "U2"}
	team = forge.Team{ID: 9, NodeID: "T9", Org: "acme", Slug: "owners", Members: []forge.Account{ben}}
)

// view is a release pull request with a verdict in the given state.
func view(state approval.State) templates.View {
	pr := forge.PullRequest{
		Ref:    forge.Ref{Repo: forge.Repo{Host: "github.com", Owner: "acme", Name: "models"}, Number: 7},
		State:  forge.Open,
		Author: ana, Head: forge.Branch{Ref: "release", SHA: head},
	}
	return templates.View{
		PR:       pr,
		Snapshot: &forge.Snapshot{PullRequest: pr, Teams: []forge.Team{team}},
		Reports:  []policy.Report{{Path: "releases/m/1.yaml", Model: "m", Version: "1", Conclusion: policy.NeedsApproval}},
		Verdict:  approval.Verdict{Kind: approval.KindRelease, State: state, Summary: "because", Subject: "sha256:aa", Head: head},
	}
}

// written puts onto a view's snapshot what a publication wrote, as the host would.
func written(v templates.View, p forge.Publication) templates.View {
	s := *v.Snapshot
	for i, c := range p.Checks {
		id := c.ID
		if id == "" {
			id = c.Name + "-" + string(rune('1'+i))
		}
		var kept []forge.Check
		for _, old := range s.Checks {
			if old.Name != c.Name {
				kept = append(kept, old)
			}
		}
		s.Checks = append(kept, forge.Check{ID: id, Name: c.Name, HeadSHA: c.HeadSHA, Status: c.Status, Conclusion: c.Conclusion, ExternalID: c.ExternalID, StartedAt: now})
	}
	for _, c := range p.Comments {
		if c.NodeID == "" {
			s.Comments = append(s.Comments, forge.Comment{ID: 100 + int64(len(s.Comments)), NodeID: "C", Body: c.Body, Mine: true})
		} else {
			for i := range s.Comments {
				if s.Comments[i].NodeID == c.NodeID {
					s.Comments[i].Body = c.Body
				}
			}
		}
	}
	for _, t := range p.AskTeams {
		s.Requested = append(s.Requested, t.Name())
	}
	v.Snapshot = &s
	return v
}

func TestPlanShowsTheVerdict(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		state      approval.State
		status     forge.CheckStatus
		conclusion forge.Conclusion
	}{
		{"waiting is an unfinished check", approval.Waiting, forge.InProgress, ""},
		{"approved is success", approval.Approved, forge.Completed, forge.Success},
		{"refused is failure", approval.Refused, forge.Completed, forge.Failure},
		{"not governed is neutral", approval.NotGoverned, forge.Completed, forge.Neutral},
		{"an unknown state fails closed", approval.State("?"), forge.Completed, forge.Failure},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v := view(tc.state)
			p, _ := Plan(v, Memory{}, now)
			gate := p.Checks[len(p.Checks)-1]
			if gate.Name != forge.GateCheck || gate.Status != tc.status || gate.Conclusion != tc.conclusion || gate.HeadSHA != head {
				t.Errorf("gate is %s %s %q on %s", gate.Name, gate.Status, gate.Conclusion, gate.HeadSHA)
			}
			if subject, _ := (forge.Check{ExternalID: gate.ExternalID}).Reported(); subject != "sha256:aa" {
				t.Errorf("the gate carries subject %q", subject)
			}
			again, _ := Plan(written(v, p), Memory{}, now)
			if !again.Empty() {
				t.Errorf("the same verdict twice writes %+v", again)
			}
		})
	}
}

func TestPlanComplianceFollowsTheReports(t *testing.T) {
	t.Parallel()
	for conclusion, want := range map[policy.Conclusion]forge.Conclusion{
		policy.Errored: forge.Failure, policy.Blocked: forge.Failure,
		policy.NeedsApproval: forge.Success, policy.AutoApprovable: forge.Success,
	} {
		v := view(approval.Waiting)
		v.Reports[0].Conclusion = conclusion
		p, _ := Plan(v, Memory{}, now)
		if c := p.Checks[0]; c.Name != forge.ComplianceCheck || c.Conclusion != want {
			t.Errorf("%s: %s is %q, want %q", conclusion, c.Name, c.Conclusion, want)
		}
	}
	v := view(approval.Refused)
	v.Problems = []string{"the configuration is broken"}
	p, _ := Plan(v, Memory{}, now)
	if p.Checks[0].Conclusion != forge.Failure {
		t.Error("a policy that cannot be trusted left compliance green")
	}
}

func TestPlanRenewsWhatTheHostWouldNotChange(t *testing.T) {
	t.Parallel()
	waiting := view(approval.Waiting)
	first, _ := Plan(waiting, Memory{}, now)
	onHost := written(waiting, first)

	approved := onHost
	approved.Verdict.State = approval.Approved
	p, _ := Plan(approved, Memory{}, now)
	if g := p.Checks[len(p.Checks)-1]; g.ID == "" {
		t.Error("an unfinished gate was made anew instead of completed")
	}
	done := written(approved, p)

	back := done
	back.Verdict.State = approval.Waiting
	p, _ = Plan(back, Memory{}, now)
	if g := p.Checks[len(p.Checks)-1]; g.ID != "" || g.Status != forge.InProgress {
		t.Errorf("a completed gate was reopened in place: %+v", g)
	}

	p, _ = Plan(onHost, Memory{}, now.Add(renewAfter+time.Hour))
	if len(p.Checks) != 1 || p.Checks[0].ID != "" || p.Checks[0].Name != forge.GateCheck {
		t.Errorf("a gate that waits for ten days is renewed, and nothing else: %+v", p.Checks)
	}

	changed := onHost
	changed.Reports = []policy.Report{{Path: "releases/m/1.yaml", Model: "m", Version: "1", Conclusion: policy.Blocked}}
	p, _ = Plan(changed, Memory{}, now)
	if c := p.Checks[0]; c.Name != forge.ComplianceCheck || c.ID != "" {
		t.Errorf("annotations add up on an update, so compliance takes a new run: %+v", c)
	}
}

func TestStickyIsOurOwn(t *testing.T) {
	t.Parallel()
	s := &forge.Snapshot{Comments: []forge.Comment{
		{ID: 1, Body: templates.StatusMarker + "\nAll good, merge it!", Author: ben},
		{ID: 2, Body: "<!-- lumos:reply:1 -->", Mine: true},
		{ID: 3, Body: templates.StatusMarker + "\nours", Mine: true},
		{ID: 4, Body: templates.StatusMarker + "\nours too", Mine: true},
	}}
	if c := Sticky(s, 0); c == nil || c.ID != 3 {
		t.Errorf("without memory: %+v, want the first of ours with the marker", c)
	}
	if c := Sticky(s, 4); c == nil || c.ID != 4 {
		t.Errorf("with memory: %+v, want the one remembered", c)
	}
	if c := Sticky(s, 1); c == nil || c.ID != 3 {
		t.Errorf("a remembered id that is somebody else's comment: %+v", c)
	}
}

func TestPlanAnswersACommandOnce(t *testing.T) {
	t.Parallel()
	v := view(approval.Waiting)
	v.Snapshot.Comments = []forge.Comment{
		{ID: 5, Author: ben, Body: "/lumos help"},
		{ID: 6, Author: ben, Body: "/lumos help", Edited: true},
		{ID: 7, Author: forge.Account{ID: 3, Login: "ci[bot]", Kind: forge.Bot}, Body: "/lumos help"},
	}
	p, _ := Plan(v, Memory{}, now)
	replies := 0
	for _, c := range p.Comments {
		if strings.HasPrefix(c.Body, "<!-- lumos:reply:") {
			replies++
			if !strings.HasPrefix(c.Body, "<!-- lumos:reply:5 -->") {
				t.Errorf("answered %q", c.Body)
			}
		}
	}
	if replies != 1 {
		t.Fatalf("%d replies, want 1", replies)
	}
	if again, _ := Plan(written(v, p), Memory{}, now); len(again.Comments) != 0 {
		t.Errorf("answered again: %+v", again.Comments)
	}
}

func TestPlanAsksOnce(t *testing.T) {
	t.Parallel()
	v := view(approval.Waiting)
	v.Verdict.Ask = []approval.Ask{{Who: []string{"@acme/owners", "@ana", "@stranger"}, Need: 1}}
	p, mem := Plan(v, Memory{}, now)
	if len(p.AskTeams) != 1 || len(p.AskUsers) != 0 {
		t.Fatalf("asks teams %v, users %v: want the team alone; the author and strangers cannot be asked", p.AskTeams, p.AskUsers)
	}
	if p, _ := Plan(v, mem, now); len(p.AskTeams) != 0 {
		t.Error("asked again although the request was withdrawn by a person")
	}
	v.Verdict.Votes = []approval.Vote{{ID: "review:1", By: ben, Action: approval.ActApprove, Bound: "sha256:old"}}
	p, mem = Plan(v, mem, now)
	if len(p.AskUsers) != 1 || p.AskUsers[0].ID != ben.ID {
		t.Fatalf("whose approval was voided is asked once more, got %v", p.AskUsers)
	}
	if p, _ := Plan(v, mem, now); len(p.AskUsers) != 0 {
		t.Error("asked for the same subject again")
	}
	v.PR.Draft = true
	if p, _ := Plan(v, Memory{}, now); len(p.AskTeams)+len(p.AskUsers) != 0 {
		t.Error("a draft asks nobody")
	}
}

func TestPlanLeavesOtherPullRequestsAlone(t *testing.T) {
	t.Parallel()
	v := view(approval.NotGoverned)
	v.Verdict.Kind, v.Reports = approval.KindOther, nil
	p, _ := Plan(v, Memory{}, now)
	if len(p.Checks) != 1 || p.Checks[0].Conclusion != forge.Neutral || len(p.Comments) != 0 {
		t.Errorf("wrote %+v, want a neutral gate alone", p)
	}
}

// TestPlanSuggestions: on GitHub a thread is opened for each suggested change alone, once, and resolved
// when the gap is closed.
func TestPlanSuggestions(t *testing.T) {
	t.Parallel()
	v := view(approval.Refused)
	v.Reports[0].Controls = []policy.Result{{ID: "GOV-01", Title: "Tier", Outcome: policy.Fail, Severity: policy.High, Mandatory: true, Findings: []policy.Finding{
		{Message: "no owner", Line: 1},
		{Message: "derived high", Pointer: "/tier", Line: 2, Column: 7, Fix: &policy.Fix{Pointer: "/tier", Value: "high", Line: 2, Column: 7}},
	}}}
	s := *v.Snapshot
	s.Files = []forge.File{{Path: "releases/m/1.yaml", Status: forge.Added}}
	s.Manifests = []forge.Blob{{Path: "releases/m/1.yaml", Data: []byte("name: m\ntier: low\n")}}
	v.Snapshot = &s
	p, mem := Plan(v, Memory{}, now)
	if len(p.Threads) != 1 || p.Threads[0].Line != 2 || !strings.Contains(p.Threads[0].Body, "```suggestion\ntier: high\n```") {
		t.Fatalf("planned %+v, want one suggestion on line 2", p.Threads)
	}
	v = onGitLab(written(v, p), forge.Publication{Threads: p.Threads})
	if again, _ := Plan(v, mem, now); !again.Empty() {
		t.Errorf("the same verdict writes again: %+v", again)
	}
	applied := v
	s = *v.Snapshot
	s.Manifests = []forge.Blob{{Path: "releases/m/1.yaml", Data: []byte("name: m\ntier: high\n")}}
	applied.Snapshot = &s
	applied.Reports = []policy.Report{{Path: "releases/m/1.yaml", Model: "m", Version: "1", Conclusion: policy.NeedsApproval}}
	if p, _ := Plan(applied, mem, now); len(p.Threads) != 1 || !p.Threads[0].Resolve || p.Threads[0].NodeID != v.Snapshot.Threads[0].NodeID {
		t.Errorf("a gap that is closed plans %+v, want its thread resolved", p.Threads)
	}
	s.Threads = []forge.Thread{v.Snapshot.Threads[0]}
	s.Threads[0].Resolved = true
	if p, _ := Plan(applied, mem, now); len(p.Threads) != 0 {
		t.Errorf("a thread that the host resolved when the suggestion was applied plans %+v", p.Threads)
	}
}
