package gitlab

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
)

// GitLab keeps an approval as a fact about a person and a merge request: it carries no commit. What it
// was given for is derived. The system's own notes are ordered by their ids; each push writes one that
// names the version of the diff it made, and each approval writes one. So an approval is of the version
// of the last push before it, or of the first version when no push precedes. Where that cannot be told
// there is no commit, and the approval counts for nothing. A push whose note comes late, or never, makes
// the approval look older than it is: the error is on the safe side.

// The actions of system notes that matter (GitLab's sources, app/services/system_notes, 2026).
const (
	actionPush      = "commit"
	actionApprove   = "approved"
	actionUnapprove = "unapproved"
	actionRefuse    = "requested_changes"
)

// version is one state of a merge request's diff.
type version struct {
	ID    int64     `json:"id"`
	Head  string    `json:"head_commit_sha"`
	Base  string    `json:"base_commit_sha"`
	Start string    `json:"start_commit_sha"`
	Made  time.Time `json:"created_at"`
	State string    `json:"state"`
	Size  string    `json:"real_size"` // "5", or "1000+" when there were more than GitLab keeps
}

// diffID finds the version in the link "Compare with previous version".
var diffID = regexp.MustCompile(`[?&](?:amp;)?diff_id=([0-9]{1,18})(?:[&#)\s"]|$)`)

// vote is what a note says.
type vote struct {
	note   note
	before int64 // the version of the last push before it; 0 when none precedes, -1 when it cannot be told
}

// ballots are the votes of each person, by action, oldest first.
type ballots map[int64]map[string][]vote

// last is the newest vote of a list.
func last(list []vote) (vote, bool) {
	if len(list) == 0 {
		return vote{}, false
	}
	return list[len(list)-1], true
}

// readBallots walks the notes from the oldest on.
func readBallots(list []note) ballots {
	out := ballots{}
	var current int64
	for _, n := range list {
		switch n.action() {
		case actionPush:
			current = pushed(n.Body)
		case actionApprove, actionUnapprove, actionRefuse:
			if n.Author == nil || number(n.Author.ID) == 0 {
				continue
			}
			id := number(n.Author.ID)
			if out[id] == nil {
				out[id] = map[string][]vote{}
			}
			out[id][n.action()] = append(out[id][n.action()], vote{note: n, before: current})
		}
	}
	return out
}

// pushed is the version that the note of a push names, or -1. The link is on the note's last line; above
// it stand the titles of the commits, which whoever pushes may write to look like one.
func pushed(body string) int64 {
	body = strings.TrimSpace(body)
	m := diffID.FindAllStringSubmatch(body[strings.LastIndexByte(body, '\n')+1:], -1)
	if len(m) != 1 {
		return -1
	}
	id, err := strconv.ParseInt(m[0][1], 10, 64)
	if err != nil || id <= 0 {
		return -1
	}
	return id
}

// newest is the action that a person did last.
func (b ballots) newest(person int64) string {
	var action string
	var id int64
	for a, votes := range b[person] {
		if v, ok := last(votes); ok && number(v.note.ID) > id {
			n := number(v.note.ID)
			action, id = a, n
		}
	}
	return action
}

// readVotes turns approvals and requests for changes into reviews, oldest first.
func (h *Host) readVotes(ctx context.Context, l *look) error {
	if l.mr.ApprovedBy.PageInfo.HasNextPage || l.mr.Reviewers.PageInfo.HasNextPage {
		l.truncated("approvals and reviewers: more than %d people", perPage)
	}
	slices.SortStableFunc(l.notes, func(a, b note) int { return cmp.Compare(number(a.ID), number(b.ID)) })
	cast := readBallots(l.notes)
	place := h.placing(ctx, l.ref)
	approved := map[int64]bool{}
	for _, u := range l.mr.ApprovedBy.Nodes {
		if u == nil || number(u.ID) == 0 {
			continue
		}
		id := number(u.ID)
		approved[id] = true
		v, noted := last(cast[id][actionApprove])
		if back, ok := last(cast[id][actionUnapprove]); ok && number(back.note.ID) > number(v.note.ID) {
			noted = false // the list and the notes contradict each other
		}
		if err := l.review(u.account(), forge.ReviewApproved, v, noted, place); err != nil {
			return err
		}
	}
	refused := l.refusals(cast)
	for _, a := range refused {
		v, noted := last(cast[a.ID][actionRefuse])
		if err := l.review(a, forge.ReviewChangesRequested, v, noted, place); err != nil {
			return err
		}
	}
	for id, votes := range cast {
		objects := slices.ContainsFunc(refused, func(a forge.Account) bool { return a.ID == id })
		approvals, requests := votes[actionApprove], votes[actionRefuse]
		switch {
		case objects:
			approvals = nil // taken back by the objection that stands, or older
		case approved[id] && len(approvals) > 0:
			approvals = approvals[:len(approvals)-1]
		}
		if objects && len(requests) > 0 {
			requests = requests[:len(requests)-1]
		}
		// Withdrawn, reset by the host after a push, or made anew: GitLab lets nobody approve twice.
		for _, v := range approvals {
			if err := l.review(v.note.Author.account(), forge.ReviewDismissed, v, true, place); err != nil {
				return err
			}
		}
		newest, lifted := last(votes[actionApprove])
		for _, v := range requests {
			state := forge.ReviewDismissed
			if lifted && number(newest.note.ID) > number(v.note.ID) {
				state = forge.ReviewChangesRequested // by that approval
			}
			if err := l.review(v.note.Author.account(), state, v, true, place); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(l.out.Reviews, func(a, b forge.Review) int {
		return cmp.Or(a.SubmittedAt.Compare(b.SubmittedAt), cmp.Compare(a.ID, b.ID))
	})
	return nil
}

// review adds one. Without a note it has the negative id of the person: nothing else tells it apart.
func (l *look) review(who forge.Account, state forge.ReviewState, v vote, noted bool, place func(vote) (string, error)) error {
	r := forge.Review{ID: -who.ID, Author: who, State: state}
	if noted {
		sha, err := place(v)
		if err != nil {
			return err
		}
		r.ID, r.CommitSHA, r.SubmittedAt, r.URL = number(v.note.ID), sha, v.note.CreatedAt, l.noteURL(v.note)
	}
	l.out.Reviews = append(l.out.Reviews, r)
	return nil
}

// refusals are the people whose request for changes stands: whom GitLab shows as such, and whoever
// asked last of all for changes and has since done nothing that lifts it. Being asked again for a
// review, or being taken off the list of reviewers, is the doing of others, and lifts nothing.
func (l *look) refusals(cast ballots) []forge.Account {
	states := map[int64]string{}
	var out []forge.Account
	for _, r := range l.mr.Reviewers.Nodes {
		if r == nil || r.Interaction == nil {
			continue
		}
		states[number(r.ID)] = r.Interaction.State
		if r.Interaction.State == "REQUESTED_CHANGES" {
			out = append(out, r.account())
		}
	}
	for id, votes := range cast {
		v, ok := last(votes[actionRefuse])
		if !ok || cast.newest(id) != actionRefuse {
			continue
		}
		switch states[id] {
		case "REQUESTED_CHANGES", "APPROVED", "REVIEWED", "UNAPPROVED":
		default:
			out = append(out, v.note.Author.account())
		}
	}
	slices.SortFunc(out, func(a, b forge.Account) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// headOf is the head of the version with that id; 0 is the first version. It is empty where that is
// not known.
func headOf(versions []version, id int64) string {
	if len(versions) == 0 {
		return ""
	}
	if id == 0 {
		return slices.MinFunc(versions, func(a, b version) int { return cmp.Compare(a.ID, b.ID) }).Head
	}
	for _, v := range versions {
		if v.ID == id {
			return v.Head
		}
	}
	return ""
}

// placing finds the head that a vote was given for, in what is known of the versions. They are read
// when a vote names one that is not known, and once at most.
func (h *Host) placing(ctx context.Context, ref forge.Ref) func(vote) (string, error) {
	versions, _ := h.versions.get(ref.String())
	read := false
	return func(v vote) (string, error) {
		head := headOf(versions, v.before)
		if head != "" || v.before < 0 || read {
			return head, nil
		}
		read = true
		var err error
		if versions, err = h.readVersions(ctx, ref); err != nil {
			return "", err
		}
		return headOf(versions, v.before), nil
	}
}

// errNoVersion says that GitLab has not made the diff yet.
var errNoVersion = errors.New("GitLab has made no version of the diff yet")

// readVersions reads the versions, newest first. More than 1,000 are cut off: an approval of one so old
// is of an unknown commit.
func (h *Host) readVersions(ctx context.Context, ref forge.Ref) ([]version, error) {
	type pageOf struct {
		Page    int `url:"page"`
		PerPage int `url:"per_page"`
	}
	var out []version
	path := projectOf(ref.Repo.FullName()) + "/merge_requests/" + strconv.Itoa(ref.Number) + "/versions"
	opt := pageOf{1, perPage}
	for opt.Page > 0 && opt.Page <= maxPages {
		var list []version
		resp, err := h.get(ctx, path, opt, &list)
		if err != nil {
			return nil, err
		}
		out, opt.Page = append(out, list...), resp.NextPage
	}
	if len(out) == 0 {
		return nil, errNoVersion
	}
	if opt.Page > 0 {
		out = append(out, version{}) // the first version is not known
	}
	slices.SortFunc(out, func(a, b version) int { return cmp.Compare(b.ID, a.ID) })
	h.versions.put(ref.String(), out, 0)
	return out, nil
}

func (l *look) noteURL(n note) string {
	return l.mr.WebURL + "#note_" + strconv.FormatInt(number(n.ID), 10)
}
