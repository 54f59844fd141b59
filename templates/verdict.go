package templates

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
)

// maxNames is how many names one line shows: a team's page knows the rest.
const maxNames = 10

// mentionable is what may be written as a live mention: GitLab's form of the name of a user or a group.
var mentionable = regexp.MustCompile(`^@[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?:/[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)*$`)

// newAsk names whom the verdict waits for. On GitHub the host asks them, and a name is code; on GitLab
// a group cannot be asked for a review, nor on the free tier more than one person, so there the names
// are mentions: GitLab notifies each of them once, however often the comment is edited (2026). They
// come from CODEOWNERS and the rules of the base branch, never from the change.
func (v View) newAsk(a approval.Ask) ask {
	names := first(a.Who, maxNames, func(s string) string {
		if v.PR.Platform == forge.GitLab && !v.PR.Draft && len(s) <= maxName && mentionable.MatchString(s) {
			return s
		}
		return Inert(s, maxName, false)
	})
	if names.More > 0 {
		names.Items = append(names.Items, plural(names.More, "other"))
	}
	who := md(enumerate(names.Items, "or"))
	if a.Need > 1 {
		who = md(fmt.Sprintf("%d of ", a.Need)) + who
	}
	return ask{who, prose(a.Why, maxSentence)}
}

// voteWords also keeps an action that we do not know from being shown as one.
var voteWords = map[approval.Action]md{
	approval.ActApprove: "approved", approval.ActReject: "rejected", approval.ActChanges: "requested changes",
	approval.ActHold: "put on hold", approval.ActResume: "resumed", approval.ActDismissed: "took back the review",
}

func (v View) newVote(x approval.Vote) vote {
	out := vote{Sign: "⚪", Who: code("@"+x.By.Login, maxName), Reason: prose(x.Reason, maxSentence)}
	if x.Counted {
		out.Sign = "✅"
		if x.Action == approval.ActReject || x.Action == approval.ActChanges || x.Action == approval.ActHold {
			out.Sign = "⛔"
		}
	}
	action, known := voteWords[x.Action]
	if !known {
		action = "said " + code(string(x.Action), maxName)
	}
	out.Action = action
	if v.PR.URL != "" && strings.HasPrefix(x.URL, v.PR.URL) {
		out.Action = link(action, webAddress(x.URL))
	}
	if x.Text != "" {
		out.Text = code(x.Text, maxSentence)
	}
	return out
}

func newBarred(b approval.Barred) barred {
	who := code("@"+b.Account.Login, maxName)
	if !b.Account.Known() {
		who += " (unknown to the code host)"
	}
	because := first(b.Because, maxNames, func(s string) string { return string(prose(s, maxTitle)) })
	if because.More > 0 {
		because.Items = append(because.Items, plural(because.More, "more reason"))
	}
	return barred{who, md(enumerate(because.Items, "and"))}
}

const maxDepth = 6 // of the tree of reasons

// level is a node of the tree of reasons at its depth.
type level struct {
	approval.Node
	depth int
}

// flatten lists the tree of reasons, each node before its children.
func flatten(nodes []approval.Node, depth int) []level {
	if depth == maxDepth {
		return nil
	}
	var out []level
	for _, n := range nodes {
		out = append(append(out, level{n, depth}), flatten(n.Children, depth+1)...)
	}
	return out
}

func newNode(x level) node {
	n := node{Indent: md(strings.Repeat("  ", x.depth)), Sign: "⏳", Title: prose(x.Title, maxTitle)}
	switch {
	case x.Met:
		n.Sign = "✅"
	case x.Blocking:
		n.Sign = "⛔"
	}
	if x.Detail != "" {
		n.Detail = prose(x.Detail, maxSentence)
	}
	return n
}

// governed lists the changed files that govern releases.
func (v View) governed() []forge.File {
	if v.Snapshot == nil || v.Verdict.Kind != approval.KindGovernance {
		return nil
	}
	var out []forge.File
	for _, f := range v.Snapshot.Files {
		if forge.Governs(f.Path) || forge.Governs(f.Previous) {
			out = append(out, f)
		}
	}
	return out
}

func (v View) fileLink(f forge.File) md {
	if f.Status == forge.Removed { // there is nothing at the head
		return code(f.Path, maxTitle) + ", removed"
	}
	return link(code(f.Path, maxTitle), v.blob(f.Path, 0))
}

// step is one step of the picture of where the release stands.
type step struct {
	ID, Label, Class md // Class is done, now, stop or next
	Last             bool
}

// flow is the picture's steps, the current one marked. Every label is ours.
func (v View) flow() []step {
	steps := []struct {
		stage            Stage
		id, done, during md
	}{
		{StageOpened, "opened", "opened", "open"},
		{StageChecked, "checked", "checked", "check"},
		{StageApproved, "approved", "approved", "approve"},
		{StageMerged, "merged", "merged", "merge"},
		{StageRecorded, "recorded", "recorded", "record"},
	}
	reached, current := v.stage(), md("now")
	if v.Verdict.State == approval.Refused || v.Verdict.Paused || v.PR.State == forge.Closed {
		current = "stop"
	}
	var out []step
	for _, s := range steps {
		if s.stage == StageChecked && v.Verdict.Kind == approval.KindGovernance {
			continue // there is no manifest to check
		}
		class, label := md("next"), s.during
		switch {
		case s.stage <= reached:
			class, label = "done", "✓ "+s.done
		case out[len(out)-1].Class == "done":
			class = current
		}
		out = append(out, step{ID: s.id, Label: label, Class: class})
	}
	out[len(out)-1].Last = true
	return out
}
