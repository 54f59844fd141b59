package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The rules of merge requests on GitLab (its documentation and sources, 2026), under every way to
// change one: REST, GraphQL, pages and pushes.

const (
	maxTitle = 255     // characters of a title
	maxNote  = 1000000 // characters of a note or a description
)

// mergeRequestRef is the ref under which GitLab keeps a merge request's head.
func mergeRequestRef(number int) string { return fmt.Sprintf("refs/merge-requests/%d/head", number) }

var draftTitle = regexp.MustCompile(`(?i)^\s*(draft:|\[draft\]|\(draft\))\s*`)

// mrIn is what a merge request is opened with.
type mrIn struct {
	Title, Body, Source, Target string
	Labels                      []string
	Reviewers                   []*Account
}

// openMR opens a merge request; it makes its first version.
func (s *Sandbox) openMR(r *repo, by actor, in mrIn) (*pull, error) {
	switch {
	case s.access(by.account, r) < accessDeveloper:
		return nil, errForbidden
	case strings.TrimSpace(in.Title) == "":
		return nil, refuse(http.StatusBadRequest, "title is missing").as(kindError)
	case utf8.RuneCountInString(in.Title) > maxTitle:
		return nil, badField("title", "is too long (maximum is 255 characters)")
	case utf8.RuneCountInString(in.Body) > maxNote:
		return nil, badField("description", "is too long (maximum is 1000000 characters)")
	case in.Source == in.Target:
		return nil, sentences(http.StatusUnprocessableEntity, "You can't use same project/branch for source and target")
	case r.branch(in.Source) == "":
		return nil, sentences(http.StatusBadRequest, fmt.Sprintf("Source branch %q does not exist", in.Source))
	case r.branch(in.Target) == "":
		return nil, sentences(http.StatusBadRequest, fmt.Sprintf("Target branch %q does not exist", in.Target))
	}
	for _, p := range r.openPulls() {
		if p.HeadRef == in.Source && p.BaseRef == in.Target {
			return nil, sentences(http.StatusConflict, fmt.Sprintf("Another open merge request already exists for this source branch: !%d", p.Number))
		}
	}
	p := &pull{ID: s.id(), repo: r, Number: r.next, Title: in.Title, Body: in.Body, Author: by.account, HeadRef: in.Source, BaseRef: in.Target,
		HeadSHA: r.branch(in.Source), Draft: draftTitle.MatchString(in.Title), Created: s.now(), Updated: s.now(), computing: s.Faults.uncertain()}
	if err := s.newVersion(p); err != nil {
		return nil, err
	}
	r.next++
	r.pulls[p.Number] = p
	for _, name := range in.Labels {
		p.Labels = append(p.Labels, s.label(r, name))
	}
	p.Users = s.admissible(p, in.Reviewers)
	s.emitMR(p, by, "open", nil)
	s.askStatusChecks(p)
	return p, nil
}

// newVersion notes the state that the merge request's diff is in now.
func (s *Sandbox) newVersion(p *pull) error {
	p.BaseSHA = p.repo.branch(p.BaseRef)
	c, err := p.repo.git.compare(p.BaseSHA, p.HeadSHA)
	if err != nil {
		return err
	}
	p.Versions = append(p.Versions, &version{ID: s.id(), HeadSHA: p.HeadSHA, BaseSHA: c.MergeBase, StartSHA: p.BaseSHA, Created: s.now()})
	return p.repo.setRef(mergeRequestRef(p.Number), p.HeadSHA)
}

func (p *pull) version() *version { return p.Versions[len(p.Versions)-1] }

// mrHeadMoved follows a push to the source branch: a version, a note if the push brought commits, and
// approvals that fall if the project wants that.
func (s *Sandbox) mrHeadMoved(p *pull, by actor, c refChange) error {
	if c.New == zeroOID {
		s.closeMR(p, by)
		return nil
	}
	p.HeadSHA, p.Updated, p.computing = c.New, s.now(), s.Faults.uncertain()
	if err := s.newVersion(p); err != nil {
		return err
	}
	brought, err := p.repo.git.compare(c.Old, c.New)
	if err != nil {
		return err
	}
	if len(brought.Commits) > 0 {
		s.systemNote(p, by.account, "commit", s.pushText(p, brought.Commits, c.Old))
	}
	s.resetApprovals(p, by.account)
	s.emitMR(p, by, "update", obj{"oldrev": c.Old})
	s.askStatusChecks(p)
	return nil
}

// pushText is what GitLab notes of a push. The link at its end is the only thing that ties the note to
// a version.
func (s *Sandbox) pushText(p *pull, commits []string, old string) string {
	noun := "commit"
	if len(commits) != 1 {
		noun = "commits"
	}
	var list strings.Builder
	for _, sha := range commits[:min(len(commits), 100)] {
		if c, err := p.repo.commit(sha); err == nil {
			subject, _, _ := strings.Cut(c.Message, "\n")
			fmt.Fprintf(&list, "<li>%s - %s</li>", sha[:8], htmlEscape(subject))
		}
	}
	return fmt.Sprintf("added %d %s\n\n<ul>%s</ul>\n\n[Compare with previous version](/%s/-/merge_requests/%d/diffs?diff_id=%d&start_sha=%s)",
		len(commits), noun, list.String(), p.repo.full(), p.Number, p.version().ID, old)
}

func htmlEscape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(text)
}

// mrBaseMoved follows a push to the target branch.
func (s *Sandbox) mrBaseMoved(p *pull, by actor, c refChange) {
	p.computing = s.Faults.uncertain()
	if c.New == zeroOID {
		s.closeMR(p, by)
		return
	}
	moved, err := p.repo.git.compare(c.Old, c.New)
	if err == nil && slices.Contains(moved.Commits, p.HeadSHA) {
		s.markMerged(p, by, c.New) // somebody pushed the merge: the host notices
	}
}

// markMerged closes a merge request as merged.
func (s *Sandbox) markMerged(p *pull, by actor, tip string) {
	p.Closed, p.MergedAt, p.ClosedAt, p.Updated = true, s.now(), s.now(), s.now()
	p.MergeSHA, p.MergedBy = tip, by.account
	p.Forwarded = tip == p.HeadSHA || tip == p.SquashSHA
	s.systemNote(p, by.account, "merged", "merged")
	s.emitMR(p, by, "merge", nil)
}

func (s *Sandbox) closeMR(p *pull, by actor) {
	p.Closed, p.ClosedAt, p.Updated = true, s.now(), s.now()
	s.systemNote(p, by.account, "closed", "closed")
	s.emitMR(p, by, "close", nil)
}

func (s *Sandbox) reopenMR(p *pull, by actor) error {
	r := p.repo
	if p.merged() || !p.Closed || r.branch(p.HeadRef) == "" || r.branch(p.BaseRef) == "" {
		return badField("state", "cannot transition via \"reopen\"")
	}
	for _, other := range r.openPulls() {
		if other.HeadRef == p.HeadRef && other.BaseRef == p.BaseRef {
			return sentences(http.StatusConflict, fmt.Sprintf("Another open merge request already exists for this source branch: !%d", other.Number))
		}
	}
	moved := r.branch(p.HeadRef) != p.HeadSHA
	p.Closed, p.ClosedAt, p.Updated, p.HeadSHA = false, time.Time{}, s.now(), r.branch(p.HeadRef)
	if moved {
		// What was pushed while the merge request was closed makes a version now, and no note.
		if err := s.newVersion(p); err != nil {
			return err
		}
		s.resetApprovals(p, by.account)
	}
	s.systemNote(p, by.account, "opened", "reopened")
	s.emitMR(p, by, "reopen", nil)
	return nil
}

// mrEdit is what a merge request's update may change; nil leaves a field alone.
type mrEdit struct {
	Title, Body, Target, Event *string // Event is "close" or "reopen"
	Labels                     []string
	SetLabels                  bool
	Reviewers                  []*Account
	SetReviewers               bool
}

// mayEditMR: the author, and whoever may write.
func (s *Sandbox) mayEditMR(p *pull, by actor) error {
	if by.account != p.Author && s.access(by.account, p.repo) < accessDeveloper {
		return errForbidden
	}
	return nil
}

func (s *Sandbox) editMR(p *pull, by actor, e mrEdit) error {
	if err := s.mayEditMR(p, by); err != nil {
		return err
	}
	switch {
	case e.Title != nil && strings.TrimSpace(*e.Title) == "":
		return refuse(http.StatusBadRequest, "title is empty").as(kindError)
	case e.Title != nil && utf8.RuneCountInString(*e.Title) > maxTitle:
		return badField("title", "is too long (maximum is 255 characters)")
	case e.Body != nil && utf8.RuneCountInString(*e.Body) > maxNote:
		return badField("description", "is too long (maximum is 1000000 characters)")
	case e.Target != nil && *e.Target != p.BaseRef && (!p.open() || p.repo.branch(*e.Target) == "" || *e.Target == p.HeadRef):
		return badField("target_branch", "is not a branch that this merge request can go to")
	}
	changes := obj{}
	if e.Title != nil && *e.Title != p.Title {
		s.retitle(p, by, *e.Title, changes)
	}
	if e.Body != nil && *e.Body != p.Body {
		changes["description"] = obj{"previous": p.Body, "current": *e.Body}
		p.Body, p.EditedAt = *e.Body, s.now()
		s.systemNote(p, by.account, "description", "changed the description")
	}
	if e.Target != nil && *e.Target != p.BaseRef {
		changes["target_branch"] = obj{"previous": p.BaseRef, "current": *e.Target}
		s.systemNote(p, by.account, "branch", fmt.Sprintf("changed target branch from `%s` to `%s`", p.BaseRef, *e.Target))
		p.BaseRef, p.computing = *e.Target, s.Faults.uncertain()
		if err := s.newVersion(p); err != nil {
			return err
		}
		s.resetApprovals(p, by.account)
	}
	if e.SetLabels {
		s.relabel(p, e.Labels, changes)
	}
	if e.SetReviewers {
		s.rereview(p, by, e.Reviewers, changes)
	}
	if len(changes) > 0 {
		p.Updated = s.now()
		s.emitMR(p, by, "update", obj{"changes": changes})
		s.askStatusChecks(p)
	}
	switch {
	case e.Event == nil:
	case *e.Event == "close" && p.open():
		s.closeMR(p, by)
	case *e.Event == "reopen":
		return s.reopenMR(p, by)
	}
	return nil
}

// retitle changes the title, and with its prefix whether it is a draft.
func (s *Sandbox) retitle(p *pull, by actor, title string, changes obj) {
	changes["title"] = obj{"previous": p.Title, "current": title}
	draft := draftTitle.MatchString(title)
	if draft != p.Draft {
		changes["draft"] = obj{"previous": p.Draft, "current": draft}
		s.systemNote(p, by.account, "title", "marked this merge request as **"+map[bool]string{true: "draft", false: "ready"}[draft]+"**")
	}
	if draftTitle.ReplaceAllString(title, "") != draftTitle.ReplaceAllString(p.Title, "") {
		s.systemNote(p, by.account, "title", fmt.Sprintf("changed title from **%s** to **%s**", p.Title, title))
	}
	p.Title, p.Draft = title, draft
}

// label finds a label of the project, or makes it, as GitLab does when one is given by name.
func (s *Sandbox) label(r *repo, name string) *label {
	for _, l := range r.labels {
		if l.Name == name {
			return l
		}
	}
	l := &label{ID: s.id(), Name: name, Color: "6699cc"}
	r.labels = append(r.labels, l)
	return l
}

func (s *Sandbox) relabel(p *pull, names []string, changes obj) {
	var next []*label
	for _, name := range names {
		if l := s.label(p.repo, name); !slices.Contains(next, l) {
			next = append(next, l)
		}
	}
	if !slices.Equal(next, p.Labels) {
		changes["labels"] = obj{"previous": each(p.Labels, s.hookLabel), "current": each(next, s.hookLabel)}
		p.Labels = next
	}
}

// admissible cuts a list of reviewers down to whom the project lets review: people who see it, and
// without a licence only one of them.
func (s *Sandbox) admissible(p *pull, list []*Account) []*Account {
	var out []*Account
	for _, a := range list {
		if a.Type != kindOrg && s.level(a, p.repo) > 0 && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	if !p.repo.settings.Licensed && len(out) > 1 {
		out = out[:1]
	}
	return out
}

func (s *Sandbox) rereview(p *pull, by actor, list []*Account, changes obj) {
	next := s.admissible(p, list)
	if slices.Equal(next, p.Users) {
		return
	}
	for _, a := range next {
		if !slices.Contains(p.Users, a) {
			s.systemNote(p, by.account, "reviewer", "requested review from @"+a.Login)
		}
	}
	changes["reviewers"] = obj{"previous": each(p.Users, s.hookUser), "current": each(next, s.hookUser)}
	p.Users = next
}

// setReviewers replaces the reviewers; those that may not be are left out without a word, as on GitLab.
func (s *Sandbox) setReviewers(p *pull, by actor, list []*Account) error {
	return s.editMR(p, by, mrEdit{Reviewers: list, SetReviewers: true})
}
