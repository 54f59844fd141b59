package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
)

// ballot is a vote on its way to being counted.
type ballot struct {
	Vote
	at       time.Time
	number   int64
	review   bool
	edited   bool
	outsider bool   // the host would not let this account approve here
	sha      string // that a command names
	problem  string // why a command cannot be carried out
	standing bool   // in force: an approval that counts, a block, a hold
}

func (b *ballot) blocks() bool { return b.Action == ActReject || b.Action == ActChanges }

// ignore takes the ballot out of the count, for ever.
func (b *ballot) ignore(format string, args ...any) {
	b.standing, b.Counted = false, false
	b.Reason = "ignored: " + fmt.Sprintf(format, args...)
}

func (b *ballot) count(reason string) { b.standing, b.Counted, b.Reason = true, true, reason }

// ballots reads reviews and commands into one list, oldest first.
func ballots(s *forge.Snapshot) []ballot {
	var all []ballot
	actions := map[forge.ReviewState]Action{
		forge.ReviewApproved:         ActApprove,
		forge.ReviewChangesRequested: ActChanges,
		forge.ReviewDismissed:        ActDismissed,
	}
	for _, r := range s.Reviews {
		if action, ok := actions[r.State]; ok {
			all = append(all, ballot{at: r.SubmittedAt, number: r.ID, review: true, Vote: Vote{
				ID: "review:" + strconv.FormatInt(r.ID, 10), By: r.Author, Action: action, Commit: r.CommitSHA, URL: r.URL}})
		}
	}
	for _, c := range s.Comments {
		if c.Mine {
			continue
		}
		cmd, ok := ParseCommand(c.Body)
		if !ok || cmd.Action == "" {
			continue
		}
		all = append(all, ballot{at: c.CreatedAt, number: c.ID, edited: c.Edited, outsider: c.Outsider, sha: cmd.SHA, problem: cmd.Problem, Vote: Vote{
			ID: "comment:" + strconv.FormatInt(c.ID, 10), By: c.Author, Action: cmd.Action, Text: cmd.Text, Commit: cmd.SHA, URL: c.URL}})
	}
	slices.SortStableFunc(all, func(a, b ballot) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.number, b.number), strings.Compare(a.ID, b.ID))
	})
	return all
}

// countVotes decides of every review and command whether it counts. Reviews and commands are two
// channels: in each, an account's objection stands until the account approves what is there now, in
// that same channel. An approval counts while its account objects in neither.
func (d *decision) countVotes() {
	type channel struct {
		id     int64
		review bool
	}
	type stand struct{ approval, block *ballot }
	stands := make(map[channel]*stand)
	holds := make(map[int64]*ballot)
	recorded := make(map[string]string, len(d.Snapshot.Recorded))
	for _, r := range d.Snapshot.Recorded {
		if _, ok := recorded[r.ID]; !ok { // the first record binds for ever
			recorded[r.ID] = r.Subject
		}
	}

	d.ballots = ballots(d.Snapshot)
	for i := range d.ballots {
		b := &d.ballots[i]
		unbound := ""
		if b.Action == ActApprove || b.blocks() {
			b.Bound, unbound = d.bind(b, recorded)
		}
		authority := d.authority(b.By)
		if why := d.disqualify(b, authority); why != "" {
			b.ignore("%s", why)
			continue
		}
		at := channel{b.By.ID, b.review}
		if stands[at] == nil {
			stands[at] = &stand{}
		}
		mine := stands[at]
		switch b.Action {
		case ActApprove:
			switch {
			case unbound != "":
				b.ignore("%s", unbound)
				continue
			case b.Bound != d.subject:
				b.ignore("given for another content (%s), and something has changed since", shortDigest(b.Bound))
				continue
			}
			b.count(authority)
			if mine.block != nil {
				mine.block.ignore("lifted by %s", b.ID)
				mine.block = nil
			}
			if mine.approval != nil {
				mine.approval.ignore("repeated by %s", b.ID)
			}
			mine.approval = b
		case ActReject, ActChanges:
			b.count("blocks: " + authority)
			if mine.block != nil {
				mine.block.ignore("repeated by %s", b.ID)
			}
			if mine.approval != nil {
				mine.approval.ignore("taken back by %s", b.ID)
			}
			*mine = stand{block: b}
		case ActDismissed:
			b.ignore("the review was dismissed")
			if mine.block != nil {
				mine.block.ignore("its author's later review, %s, was dismissed", b.ID)
			}
			if mine.approval != nil {
				mine.approval.ignore("its author's later review, %s, was dismissed", b.ID)
			}
			*mine = stand{}
		case ActHold:
			b.count("holds: " + cmp.Or(authority, "opened the pull request"))
			if held := holds[b.By.ID]; held != nil {
				held.ignore("repeated by %s", b.ID)
			}
			holds[b.By.ID] = b
		case ActResume:
			d.resume(b, holds)
		}
	}

	d.by = make(map[int64]forge.Account)
	for at, mine := range stands {
		if mine.approval == nil {
			continue
		}
		if other := stands[channel{at.id, !at.review}]; other != nil && other.block != nil {
			mine.approval.ignore("the same account objects in %s", other.block.ID)
			continue
		}
		d.by[at.id] = mine.approval.By
	}
}

// resume lifts the voter's own hold, and everybody's when the voter is an owner who did not contribute.
func (d *decision) resume(b *ballot, holds map[int64]*ballot) {
	owner := d.owned(b.By) != "" && d.people.because(b.By) == ""
	lifted := false
	for id, held := range holds {
		if owner || id == b.By.ID {
			held.ignore("lifted by %s", b.ID)
			delete(holds, id)
			lifted = true
		}
	}
	switch {
	case lifted:
		b.Counted, b.Reason = true, "lifted the hold"
	case len(holds) > 0:
		b.ignore("only who holds, or an owner who did not contribute, can resume")
	default:
		b.ignore("nothing was held")
	}
}

// disqualify says why a ballot cannot count, whatever it says.
func (d *decision) disqualify(b *ballot, authority string) string {
	barred := d.people.because(b.By)
	decides := b.Action == ActApprove || b.blocks()
	switch {
	case b.By.Kind == forge.Bot:
		return "a machine's vote never counts"
	case !b.By.Known():
		return "the code host does not say who this is"
	case b.edited:
		return "the comment was edited, and an edited comment is no command: write a new one"
	case b.problem != "":
		return b.problem
	case decides && barred != "":
		return barred
	case b.outsider && (decides || b.By.ID != d.pr.Author.ID):
		return "may not approve in this repository"
	case decides && authority == "" && d.inherits(b.By) != "":
		return fmt.Sprintf("member of @%s by inheritance only: GitLab counts direct members", d.inherits(b.By))
	case decides && authority == "":
		return "neither an owner of what changes nor a member of a team that must approve"
	case b.Action == ActHold && authority == "" && b.By.ID != d.pr.Author.ID:
		return "only the author of the pull request and its owners can hold it"
	}
	return ""
}

// bind tells which subject a vote was given for: what the audit log recorded when the vote was
// first seen; else what Lumos had reported on the head, if the vote was cast on the head.
func (d *decision) bind(b *ballot, recorded map[string]string) (subject, unbound string) {
	if subject, ok := recorded[b.ID]; ok {
		if subject == "" {
			unbound = "when Lumos first saw it, nothing told what it was for: give it again"
		}
		return subject, unbound
	}
	head, gate := d.pr.Head.SHA, d.gate()
	switch {
	case b.review && (head == "" || b.Commit != head):
		return "", fmt.Sprintf("cast on %s, and the head is %s", short(b.Commit), short(head))
	case b.sha != "" && !strings.HasPrefix(head, b.sha):
		return "", fmt.Sprintf("names %s, and the head is %s", short(b.sha), short(head))
	case !b.review && b.sha == "" && (gate == nil || gate.StartedAt.IsZero() || b.at.Before(gate.StartedAt)):
		return "", fmt.Sprintf("written before Lumos reported the head %s: write it again, or name the commit", short(head))
	case gate == nil:
		return d.subject, ""
	}
	if subject, _ = gate.Reported(); subject == "" {
		return "", fmt.Sprintf("the check on %s does not say what Lumos reported", short(head))
	}
	return subject, ""
}

// gate returns our newest gate check on the head, or nil: a check that was completed is not opened
// again but followed by another.
func (d *decision) gate() *forge.Check {
	var newest *forge.Check
	for i := range d.Snapshot.Checks {
		c := &d.Snapshot.Checks[i]
		if c.Name == forge.GateCheck && c.HeadSHA == d.pr.Head.SHA && (newest == nil || c.StartedAt.After(newest.StartedAt)) {
			newest = c
		}
	}
	return newest
}

// shortDigest shows enough of "sha256:<hex>" to tell two apart.
func shortDigest(digest string) string {
	return digest[:min(len("sha256:")+12, len(digest))]
}
