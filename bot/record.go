package bot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/bot/orchestrator"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
)

// entry is what one evaluation adds to the audit log.
type entry struct {
	events []audit.Event
	// now says that they must be in the log before anything is published: a decision that lets a
	// merge through, or a binding that voids a vote. The rest only informs, and goes with the next batch.
	now bool
}

// recordOf turns an evaluation of an open pull request into the events that the log lacks. standing is
// the decision in the log, or nil; last is the status that was handed over before.
func recordOf(s *forge.Snapshot, a *checker.Assessment, v approval.Verdict, standing *audit.Event, last status, at time.Time) entry {
	if v.Kind == approval.KindOther {
		return entry{}
	}
	var e entry
	base := audit.Event{
		TS:   at,
		Repo: auditRepo(s.PullRequest.Repo),
		PR:   s.PullRequest.Number,
		Head: s.PullRequest.Head.SHA,
		Base: s.PullRequest.Base.SHA,
	}
	subject := &audit.Subject{Digest: v.Subject, Manifests: subjectManifests(s, a)}

	if last.Head != base.Head {
		ev := base
		ev.Type = audit.CandidateUpdated
		if last.Head == "" {
			ev.Type = audit.CandidateOpened
		}
		ev.Subject, ev.Actor = subject, actor(s.PullRequest.Repo.Host, s.PullRequest.Author)
		if len(s.Pushes) > 0 && s.Pushes[0].After == base.Head {
			ev.Actor = actor(s.PullRequest.Repo.Host, s.Pushes[0].Actor)
		}
		e.events = append(e.events, ev)
	}
	evaluated := orchestrator.Digest(a.Reports)
	if last.Evaluation != evaluated || last.Subject != v.Subject {
		ev := base
		ev.Type, ev.Subject, ev.Policy = audit.EvaluationCompleted, subject, a.Policy
		ev.Evaluations = evaluations(a.Reports)
		ev.Reason = strings.Join(a.Problems, "; ")
		e.events = append(e.events, ev)
	}

	recorded := map[string]bool{}
	for _, r := range s.Recorded {
		recorded[r.ID] = true
	}
	var votes []audit.Vote
	for _, vote := range v.Votes {
		av := auditVote(s.PullRequest.Repo.Host, vote)
		votes = append(votes, av)
		if recorded[vote.ID] || vote.By.ID == 0 {
			continue
		}
		ev := base
		ev.Type, ev.Votes, ev.Reason = audit.ApprovalRecorded, []audit.Vote{av}, vote.Text
		ev.Actor = &av.By
		e.events = append(e.events, ev)
		// A hold or a dismissal binds to nothing; of an approval or a block it must be known for what it was.
		binds := vote.Action == approval.ActApprove || vote.Action == approval.ActReject || vote.Action == approval.ActChanges
		if binds && vote.Bound != v.Subject {
			e.now = true
		}
	}

	if v.Paused != last.Paused {
		ev := base
		ev.Type, ev.Reason = audit.ReleaseResumed, v.Summary
		if v.Paused {
			ev.Type = audit.ReleasePaused
		}
		e.events = append(e.events, ev)
	}

	decided := orchestrator.Digest(v)
	decide := func(t audit.Type, d audit.Decision) {
		ev := base
		ev.Type, ev.Decision, ev.Subject, ev.Policy = t, d, subject, a.Policy
		ev.Evaluations, ev.Votes, ev.Verdict, ev.Reason = evaluations(a.Reports), votes, decided, v.Summary
		e.events = append(e.events, ev)
	}
	switch changed := last.State != v.State || last.Subject != v.Subject; {
	case v.State == approval.Approved:
		stands := standing != nil && standing.Type == audit.DecisionRecorded && standing.Decision == audit.Approve &&
			standing.Subject != nil && standing.Subject.Digest == v.Subject && standing.Head == base.Head
		if !stands || changed || last.Verdict != decided {
			decide(audit.DecisionRecorded, audit.Approve)
		}
		// The gate must not turn green before this is in the log.
		e.now = e.now || !stands || changed
	case last.State == approval.Approved || standing != nil && standing.Type == audit.DecisionRecorded && standing.Decision == audit.Approve && last.State == "":
		decide(audit.DecisionRevoked, "")
	}
	if v.State == approval.Refused && (last.State != v.State || last.Subject != v.Subject) {
		decide(audit.DecisionRecorded, audit.Refuse)
	}
	return e
}

// status is what was last recorded of a pull request: it tells a change from a repetition. Losing it
// repeats events, which the log then drops by their idempotency keys.
type status struct {
	Head       string         `json:"head,omitempty"`
	Subject    string         `json:"subject,omitempty"`
	Evaluation string         `json:"evaluation,omitempty"`
	Verdict    string         `json:"verdict,omitempty"`
	State      approval.State `json:"state,omitempty"`
	Paused     bool           `json:"paused,omitempty"`
	Asked      string         `json:"asked,omitempty"`
}

func statusOf(s *forge.Snapshot, a *checker.Assessment, v approval.Verdict) status {
	return status{
		Head:       s.PullRequest.Head.SHA,
		Subject:    v.Subject,
		Evaluation: orchestrator.Digest(a.Reports),
		Verdict:    orchestrator.Digest(v),
		State:      v.State,
		Paused:     v.Paused,
		Asked:      orchestrator.Digest(v.Ask),
	}
}

func subjectManifests(s *forge.Snapshot, a *checker.Assessment) []audit.Manifest {
	ms := audit.Manifests(s.Files, a.Config.Covers)
	for i := range ms {
		if j := slices.IndexFunc(a.Reports, func(r policy.Report) bool { return r.Path == ms[i].Path }); j >= 0 && ms[i].Blob != "" {
			ms[i].Model, ms[i].Version, ms[i].Digest = a.Reports[j].Model, a.Reports[j].Version, a.Reports[j].Digest
		}
	}
	return ms
}

func evaluations(reports []policy.Report) []audit.Evaluation {
	var out []audit.Evaluation
	for _, r := range reports {
		e := audit.Evaluation{Path: r.Path, Digest: orchestrator.Digest(r), Score: percent(r.Score), Coverage: percent(r.Coverage), Tier: string(r.Tier.Effective)}
		for _, c := range r.Controls {
			if c.Outcome == policy.Fail || c.Outcome == policy.Missing || c.Outcome == policy.Error {
				e.Failed = append(e.Failed, c.ID)
			}
		}
		out = append(out, e)
	}
	return out
}

func percent(t *policy.Tenths) *float64 {
	if t == nil {
		return nil
	}
	f := float64(*t) / 10
	return &f
}

func auditVote(host string, v approval.Vote) audit.Vote {
	channel, _, _ := strings.Cut(v.ID, ":")
	return audit.Vote{
		ID: v.ID, By: *actor(host, v.By), Channel: channel, Action: string(v.Action),
		Commit: v.Commit, Bound: v.Bound, Counted: v.Counted, Reason: v.Reason,
	}
}

func actor(host string, a forge.Account) *audit.Actor {
	return &audit.Actor{Kind: string(a.Kind), System: host, ID: strconv.FormatInt(a.ID, 10), Login: a.Login}
}

func auditRepo(r forge.Repo) audit.Repo {
	return audit.Repo{Host: r.Host, ID: r.ID, Name: r.FullName()}
}
