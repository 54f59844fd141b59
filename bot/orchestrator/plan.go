// Package orchestrator is the Approval Orchestrator's writing half: it compares what a verdict
// wants to stand on the code host with what stands there, and plans the difference.
//
// Plan is pure. The package imports no adapter: the bot carries the plan out.
package orchestrator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/templates"
)

// renewAfter is when an unfinished check run is made anew: GitHub turns one that is unfinished for
// more than 14 days to "stale" (its docs, 2026).
const renewAfter = 10 * 24 * time.Hour

// Memory is what the bot remembers of a pull request between two evaluations. It saves work and
// repeated questions; losing it changes no verdict.
type Memory struct {
	StickyID int64    `json:"stickyId,omitempty"`
	Asked    []string `json:"asked,omitempty"` // "login" or "org/slug", and "login@subject" for those asked again
}

// Plan returns what has to be written so that the host shows the verdict, and the memory to keep
// once it is written. The same verdict on the same state plans nothing.
func Plan(view templates.View, mem Memory, now time.Time) (forge.Publication, Memory) {
	var p forge.Publication
	if view.PR.Platform == forge.GitLab {
		planGitLab(&p, view, mem)
	} else {
		planChecks(&p, view, now)
		planComments(&p, view, mem, "")
		planThreads(&p, view)
	}
	mem = planAsks(&p, view, mem)
	return p, mem
}

// planChecks plans check runs, which carry what they have to say.
func planChecks(p *forge.Publication, view templates.View, now time.Time) {
	if view.Verdict.Kind == approval.KindRelease { // how it fares, before what follows from it
		if c, ok := planCheck(view, forge.ComplianceCheck, complianceState(view), templates.Compliance(view), templates.Annotations(view), now); ok {
			p.Checks = append(p.Checks, c)
		}
	}
	if c, ok := planCheck(view, forge.GateCheck, gateState(view.Verdict), templates.Gate(view), nil, now); ok {
		p.Checks = append(p.Checks, c)
	}
}

func complianceState(view templates.View) checkState {
	for _, r := range view.Reports {
		if r.Conclusion.Stops() {
			return conclude(forge.Failure)
		}
	}
	if len(view.Problems) > 0 {
		return conclude(forge.Failure)
	}
	return conclude(forge.Success)
}

// Conclude plans the last word on a pull request that is over: only the comment still changes.
func Conclude(view templates.View, mem Memory) forge.Publication {
	var p forge.Publication
	if Sticky(view.Snapshot, mem.StickyID) != nil {
		planSticky(&p, view, mem, "")
	}
	return p
}

// checkState is the part of a check run that branch protection looks at.
type checkState struct {
	status     forge.CheckStatus
	conclusion forge.Conclusion
}

func conclude(c forge.Conclusion) checkState { return checkState{forge.Completed, c} }

// gateState maps the verdict onto the gate. Waiting is an unfinished check: it blocks the merge and
// reads as waiting, not as broken.
func gateState(v approval.Verdict) checkState {
	switch v.State {
	case approval.Approved:
		return conclude(forge.Success)
	case approval.NotGoverned:
		return conclude(forge.Neutral)
	case approval.Waiting:
		return checkState{status: forge.InProgress}
	default: // refused, and anything unknown: fail closed
		return conclude(forge.Failure)
	}
}

func planCheck(view templates.View, name string, state checkState, text templates.CheckText, notes []forge.Annotation, now time.Time) (forge.CheckWrite, bool) {
	w := forge.CheckWrite{
		Name: name, HeadSHA: view.PR.Head.SHA,
		Status: state.status, Conclusion: state.conclusion,
		Title: text.Title, Summary: text.Summary, Text: text.Text,
		Annotations: notes,
	}
	content := Digest(w)
	w.ExternalID = forge.ExternalID(view.Verdict.Subject, content)
	old := view.Snapshot.FindCheck(name)
	if old == nil || old.HeadSHA != w.HeadSHA {
		return w, true
	}
	expired := old.Status != forge.Completed && now.Sub(old.StartedAt) > renewAfter
	reopened := old.Status == forge.Completed && w.Status != forge.Completed
	same := old.ExternalID == w.ExternalID && old.Status == w.Status && old.Conclusion == w.Conclusion
	// GitHub keeps a completed check run completed, and an update adds to its annotations: both take
	// a new run of the same name, which stands in place of the old one (2026).
	if annotated := name == forge.ComplianceCheck; !expired && !reopened && !annotated {
		w.ID = old.ID
	}
	return w, !same || expired
}

// planSticky plans the one comment; ledger is put at its end.
func planSticky(p *forge.Publication, view templates.View, mem Memory, ledger string) {
	sticky := Sticky(view.Snapshot, mem.StickyID)
	if sticky == nil && view.Verdict.Kind == approval.KindOther {
		return
	}
	body := templates.Comment(view)
	if ledger != "" {
		body = strings.TrimSpace(body) + "\n\n" + ledger
	}
	planComment(p, sticky, body)
}

// planComment writes a comment of ours, anew or over the one that is there, unless it says so already.
func planComment(p *forge.Publication, there *forge.Comment, body string) {
	switch {
	case there == nil:
		p.Comments = append(p.Comments, forge.CommentWrite{Body: body})
	case strings.TrimSpace(there.Body) != strings.TrimSpace(body): // hosts trim what they store
		p.Comments = append(p.Comments, forge.CommentWrite{NodeID: there.NodeID, Body: body})
	}
}

// mine finds our first comment that begins with a marker, or nil. Somebody else's never counts.
func mine(s *forge.Snapshot, marker string) *forge.Comment {
	i := slices.IndexFunc(s.Comments, func(c forge.Comment) bool { return c.Mine && strings.HasPrefix(c.Body, marker) })
	if i < 0 {
		return nil
	}
	return &s.Comments[i]
}

func planComments(p *forge.Publication, view templates.View, mem Memory, ledger string) {
	planSticky(p, view, mem, ledger)
	for _, c := range view.Snapshot.Comments {
		if c.Mine || c.Edited || c.Author.Kind != forge.User {
			continue
		}
		cmd, ok := approval.ParseCommand(c.Body)
		if !ok {
			continue
		}
		body, ok := templates.Reply(view, c, cmd)
		if !ok {
			continue
		}
		marker := fmt.Sprintf("<!-- lumos:reply:%d -->", c.ID)
		if mine(view.Snapshot, marker) == nil {
			p.Comments = append(p.Comments, forge.CommentWrite{Body: marker + "\n" + body})
		}
	}
}

// Sticky finds our one comment: by its stored id, else the first of ours that carries the marker.
// Somebody else's comment never counts, whatever it contains.
func Sticky(s *forge.Snapshot, id int64) *forge.Comment {
	for i := range s.Comments {
		if c := &s.Comments[i]; c.Mine && c.ID == id {
			return c
		}
	}
	return mine(s, templates.StatusMarker)
}

// planAsks requests a review from those who must still act: once for each pull request, and once
// more when a change has voided what they said.
func planAsks(p *forge.Publication, view templates.View, mem Memory) Memory {
	s := view.Snapshot
	if view.PR.Draft || view.Verdict.State != approval.Waiting {
		return mem
	}
	asked := func(key string) bool { return slices.Contains(mem.Asked, key) }
	people := map[string]forge.Account{}
	for _, t := range s.Teams {
		for _, m := range t.Members {
			people[strings.ToLower(m.Login)] = m
		}
	}
	for _, r := range s.Reviews {
		people[strings.ToLower(r.Author.Login)] = r.Author
	}
	for _, ask := range view.Verdict.Ask {
		for _, who := range ask.Who {
			name := strings.ToLower(strings.TrimPrefix(who, "@"))
			if asked(name) || slices.Contains(s.Requested, name) {
				continue
			}
			if i := slices.IndexFunc(s.Teams, func(t forge.Team) bool { return t.Name() == name }); i >= 0 && s.Teams[i].NodeID != "" {
				p.AskTeams = append(p.AskTeams, s.Teams[i])
			} else if a, ok := people[name]; ok && a.NodeID != "" && a.ID != s.PullRequest.Author.ID {
				p.AskUsers = append(p.AskUsers, a)
			} else {
				continue
			}
			mem.Asked = append(slices.Clone(mem.Asked), name)
		}
	}
	for _, vote := range view.Verdict.Votes {
		name := strings.ToLower(vote.By.Login)
		key := name + "@" + view.Verdict.Subject
		if vote.Action != approval.ActApprove || vote.Counted || vote.Bound == "" || vote.Bound == view.Verdict.Subject ||
			vote.By.NodeID == "" || vote.By.ID == s.PullRequest.Author.ID || asked(key) || slices.Contains(s.Requested, name) {
			continue
		}
		if !slices.ContainsFunc(p.AskUsers, func(a forge.Account) bool { return a.ID == vote.By.ID }) {
			p.AskUsers = append(p.AskUsers, vote.By)
		}
		mem.Asked = append(slices.Clone(mem.Asked), key)
	}
	return mem
}

// Digest is "sha256:<hex>" of v as JSON: it tells whether what is said or recorded has changed.
func Digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("orchestrator: %T does not marshal: %v", v, err)) // a struct of strings and ints
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
