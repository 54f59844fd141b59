package gitlab

import (
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// readComments sorts people's notes: our own threads about gaps, and comments. Internal notes and those
// in somebody's thread on a line are comments like any other.
func (l *look) readComments() {
	if l.mr.Notes.PageInfo.HasNextPage {
		l.truncated("notes: more than %d", len(l.notes))
	}
	ours := map[string]bool{} // our threads, by discussion
	for _, n := range l.notes {
		if n.System {
			continue
		}
		id := number(n.ID)
		if id == 0 {
			l.truncated("a note that GitLab could not read")
			continue
		}
		mine := n.mine(l.me)
		body := n.Body
		if mine {
			body = bare(body)
		}
		if key, ok := forge.ThreadKey(body); ok && mine && n.Discussion != nil && !ours[n.Discussion.ID] {
			ours[n.Discussion.ID] = true
			l.out.Threads = append(l.out.Threads, forge.Thread{
				NodeID: n.Discussion.ID, Key: key, Body: body, Resolved: n.Resolved,
				ByUs: n.Resolved && n.ResolvedBy != nil && n.ResolvedBy.ID == l.me.ID,
			})
			continue
		}
		l.out.Comments = append(l.out.Comments, forge.Comment{
			ID: id, NodeID: n.ID, Author: n.Author.account(), Body: body, CreatedAt: n.CreatedAt,
			Edited: n.LastEditedAt != nil, Mine: mine, URL: l.noteURL(n), Outsider: outsider(n.MaxAccess),
		})
	}
}

// mine reports whether we wrote a note, and nobody else has changed it since: a Maintainer may edit
// anybody's.
func (n note) mine(me user) bool {
	if n.Author == nil || n.Author.ID != me.ID {
		return false
	}
	return n.LastEditedAt == nil || n.LastEditedBy != nil && n.LastEditedBy.ID == me.ID
}

// outsider reports whether somebody of that role may not approve. What is no role that GitLab
// documents is none.
func outsider(role string) bool {
	switch strings.ToLower(role) {
	case "developer", "maintainer", "owner":
		return false
	}
	return true
}

// readChecks puts our checks together: what the ledger in our note says was reported, and for the gate
// what the host itself shows, which is what it goes by. Somebody may have set it after us.
func (l *look) readChecks() {
	var gate forge.Check
	head := l.out.PullRequest.Head.SHA
	for _, c := range l.ledger() {
		switch {
		case c.HeadSHA != head:
		case c.Name == forge.GateCheck:
			gate = c
		default:
			l.out.Checks = append(l.out.Checks, c)
		}
	}
	if shown, ok := l.shownGate(head, gate); ok {
		l.out.Checks = append(l.out.Checks, shown)
	}
}

func (l *look) ledger() []forge.Check {
	for _, c := range l.out.Comments {
		if !c.Mine {
			continue
		}
		if checks := forge.ReadLedger(c.Body); len(checks) > 0 {
			return checks
		}
	}
	return nil
}

// shownGate is the newest job named like the gate in the pipeline of the head. The pipeline of a merge
// request may run on a commit that merges the head: it is still the one that GitLab asks.
func (l *look) shownGate(head string, reported forge.Check) (forge.Check, bool) {
	p := l.mr.HeadPipeline
	if p == nil || p.Job == nil || p.SHA != head && !p.ofMergeRequest() {
		return forge.Check{}, false
	}
	out := forge.Check{
		ID: p.Job.ID, Name: forge.GateCheck, HeadSHA: head, ExternalID: reported.ExternalID, StartedAt: p.Job.CreatedAt,
	}
	out.Status, out.Conclusion = jobState(p.Job.Status)
	if reported.Conclusion != "" && stateOf(reported.Status, reported.Conclusion) == stateOf(out.Status, out.Conclusion) {
		out.Conclusion = reported.Conclusion // "neutral" is shown as a success
	}
	return out, true
}

func (p *pipeline) ofMergeRequest() bool { return strings.HasPrefix(p.Ref, "refs/merge-requests/") }

// jobState maps the state of a job. One that we never write equals nothing that we would write.
func jobState(s string) (forge.CheckStatus, forge.Conclusion) {
	switch s {
	case "SUCCESS":
		return forge.Completed, forge.Success
	case "FAILED":
		return forge.Completed, forge.Failure
	case "CREATED", "PENDING", "RUNNING", "PREPARING", "WAITING_FOR_RESOURCE", "WAITING_FOR_CALLBACK", "SCHEDULED":
		return forge.InProgress, ""
	}
	return forge.Completed, forge.Conclusion(strings.ToLower(s))
}

// The states of a commit status that we write.
const (
	statePending = "pending"
	stateSuccess = "success"
	stateFailed  = "failed"
)

// stateOf is how a check is shown as a commit status. Only what is known to let a merge through does.
func stateOf(status forge.CheckStatus, conclusion forge.Conclusion) string {
	switch {
	case status != forge.Completed:
		return statePending
	case conclusion == forge.Success, conclusion == forge.Neutral:
		return stateSuccess
	}
	return stateFailed
}

// GitLab takes a line of a comment that begins with a slash for a command to itself ("/approve",
// "/merge"), with our rights. In front of one a backslash keeps it text, and is not shown.

func armour(body string) string {
	return eachLine(body, func(line string) string { return `\` + line })
}

// bare undoes armour, so that what is read equals what was written.
func bare(body string) string {
	return eachLine(body, func(line string) string { return strings.TrimPrefix(line, `\`) })
}

// eachLine changes the lines that begin with a slash, after any number of backslashes.
func eachLine(body string, change func(string) string) string {
	if !strings.Contains(body, "/") {
		return body
	}
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimLeft(line, "\\\r"), "/") { // GitLab drops carriage returns first
			lines[i] = change(line)
		}
	}
	return strings.Join(lines, "\n")
}
