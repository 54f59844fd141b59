package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Issues, in both dialects: a title, a body, labels, open or closed. GitHub numbers them together with the
// pull requests of a repository, GitLab by themselves.

const maxIssueTitle = 256 // characters on GitHub; GitLab takes one less

// issue is an issue of a repository.
type issue struct {
	ID          int64
	repo        *repo
	Number      int
	Title, Body string
	Author      *Account
	Via         *app // the App through which it was opened
	Labels      []*label
	Closed      bool
	ClosedBy    *Account
	Created     time.Time
	Updated     time.Time
	ClosedAt    time.Time
}

func (i *issue) node() string { return nodeID("I", i.ID) }

func (i *issue) state() string {
	switch {
	case !i.Closed && i.repo.dialect == GitLab:
		return "opened"
	case !i.Closed:
		return "open"
	}
	return "closed"
}

func (i *issue) has(name string) bool {
	return slices.ContainsFunc(i.Labels, func(l *label) bool {
		return l.Name == name || i.repo.dialect != GitLab && strings.EqualFold(l.Name, name)
	})
}

// listed are a repository's issues, newest first.
func (r *repo) listed() []*issue {
	out := make([]*issue, 0, len(r.issues))
	for _, i := range r.issues {
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b *issue) int { return b.Number - a.Number })
	return out
}

// DisableIssues takes a repository's issues away, as its settings can.
func (s *Sandbox) DisableIssues(full string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil {
		return errNotFound
	}
	r.noIssues = true
	return nil
}

var errIssuesOff = refuse(http.StatusGone, "Issues has been disabled in this repository.")

// checkIssue refuses a title or a body as the host does.
func (r *repo) checkIssue(title, body string) error {
	n := utf8.RuneCountInString(title)
	if r.dialect == GitLab {
		switch {
		case strings.TrimSpace(title) == "":
			return badField("title", "can't be blank")
		case n > maxTitle:
			return badField("title", "is too long (maximum is 255 characters)")
		case utf8.RuneCountInString(body) > maxNote:
			return badField("description", "is too long (maximum is 1000000 characters)")
		}
		return nil
	}
	switch {
	case strings.TrimSpace(title) == "":
		return invalid("Issue", "title", "missing_field", "")
	case n > maxIssueTitle:
		return invalid("Issue", "title", "custom", "title is too long (maximum is 256 characters)")
	case utf8.RuneCountInString(body) > maxBody:
		return invalid("Issue", "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	return nil
}

// mayLabel: who may not set labels has them dropped without a word, on both hosts.
func (s *Sandbox) mayLabel(r *repo, by actor) bool {
	switch {
	case s.dialect == GitLab:
		return s.access(by.account, r) >= accessReporter
	case by.app != nil:
		return true // with issues: write, without which it would not have come so far
	}
	return s.level(by.account, r) >= levels["triage"]
}

// openIssue opens an issue. GitLab makes labels that are not there. GitHub, which used to, has been seen to
// drop them (2025): the stricter way is taken here.
func (s *Sandbox) openIssue(r *repo, by actor, title, body string, labels []string) (*issue, error) {
	switch {
	case r.noIssues && s.dialect == GitLab:
		return nil, errForbidden
	case r.noIssues:
		return nil, errIssuesOff
	}
	if err := r.checkIssue(title, body); err != nil {
		return nil, err
	}
	i := &issue{ID: s.id(), repo: r, Title: title, Body: body, Author: by.account, Via: by.app, Created: s.now(), Updated: s.now()}
	if s.dialect == GitLab {
		r.nextIssue++
		i.Number = r.nextIssue
	} else {
		i.Number = r.next
		r.next++
	}
	r.issues[i.Number] = i
	if s.mayLabel(r, by) {
		for _, name := range labels {
			l := r.label(name)
			if s.dialect == GitLab {
				l = s.label(r, name)
			}
			if l != nil && !slices.Contains(i.Labels, l) {
				i.Labels = append(i.Labels, l)
			}
		}
	}
	s.emitIssue(i, by, "opened", nil)
	for _, l := range i.Labels {
		if s.dialect != GitLab {
			s.emitIssue(i, by, "labeled", obj{"label": s.labelJSON(r, l)})
		}
	}
	return i, nil
}

// issueEdit is what may be changed; nil leaves a field alone.
type issueEdit struct {
	Title, Body *string
	Closed      *bool
	Labels      []string
	SetLabels   bool
}

// mayEditIssue: its author, and whoever may triage. An App with issues: write edits any.
func (s *Sandbox) mayEditIssue(i *issue, by actor) error {
	switch {
	case i.Author == by.account, s.mayLabel(i.repo, by):
		return nil
	case s.dialect == GitLab:
		return errForbidden
	}
	return errNotAllowed
}

func (s *Sandbox) editIssue(i *issue, by actor, e issueEdit) error {
	if err := s.mayEditIssue(i, by); err != nil {
		return err
	}
	title, body, changes := i.Title, i.Body, obj{}
	if e.Title != nil && *e.Title != title {
		changes["title"] = obj{"from": title}
		title = *e.Title
	}
	if e.Body != nil && *e.Body != body {
		changes["body"] = obj{"from": body}
		body = *e.Body
	}
	if err := i.repo.checkIssue(title, body); err != nil {
		return err
	}
	i.Title, i.Body = title, body
	if e.SetLabels && s.mayLabel(i.repo, by) {
		i.Labels = nil
		for _, name := range e.Labels {
			if l := s.label(i.repo, name); !slices.Contains(i.Labels, l) {
				i.Labels = append(i.Labels, l)
			}
		}
	}
	if len(changes) > 0 {
		i.Updated = s.now()
		s.emitIssue(i, by, "edited", obj{"changes": changes})
	}
	if e.Closed != nil && *e.Closed != i.Closed {
		s.turnIssue(i, by, *e.Closed)
	}
	return nil
}

// turnIssue closes an issue, or opens it again.
func (s *Sandbox) turnIssue(i *issue, by actor, closed bool) {
	i.Closed, i.ClosedBy, i.ClosedAt, i.Updated = closed, nil, time.Time{}, s.now()
	action := "reopened"
	if closed {
		i.ClosedBy, i.ClosedAt, action = by.account, s.now(), "closed"
	}
	s.emitIssue(i, by, action, nil)
}

// emitIssue announces what happened to an issue, to whoever is subscribed.
func (s *Sandbox) emitIssue(i *issue, by actor, action string, extra obj) {
	if s.dialect == GitLab {
		s.gitlabIssue(i, by, action)
		return
	}
	body := s.hookIssueJSON(i)
	payload := obj{"action": action, "issue": body}
	for k, v := range extra {
		payload[k] = v
	}
	s.emit(i.repo, "issues", by.account, payload)
}

// IssueView is an issue.
type IssueView struct {
	Number           int
	Title, Body      string
	Author           string
	Open             bool
	Labels           []string
	Created, Updated time.Time
}

func (i *issue) view() IssueView {
	v := IssueView{Number: i.Number, Title: i.Title, Body: i.Body, Author: i.Author.Login, Open: !i.Closed, Created: i.Created, Updated: i.Updated}
	for _, l := range i.Labels {
		v.Labels = append(v.Labels, l.Name)
	}
	return v
}

// Issues shows the issues of a repository, newest first.
func (s *Sandbox) Issues(full string) ([]IssueView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil {
		return nil, errNotFound
	}
	out := []IssueView{}
	for _, i := range r.listed() {
		out = append(out, i.view())
	}
	return out, nil
}

// OpenIssue opens an issue and returns its number. Labels that are not there are made.
func (u Session) OpenIssue(full, title, body string, labels ...string) (number int, err error) {
	err = u.in(full, need{user: "read"}, func(r *repo, by actor) error {
		if u.s.mayLabel(r, by) {
			for _, name := range labels { // on the page people choose from what is there, or make it first
				u.s.label(r, name)
			}
		}
		i, err := u.s.openIssue(r, by, title, body, labels)
		if err == nil {
			number = i.Number
		}
		return err
	})
	return number, err
}

// SetIssueState closes ("closed") an issue or reopens it ("open").
func (u Session) SetIssueState(full string, number int, state string) error {
	return u.in(full, need{user: "read"}, func(r *repo, by actor) error {
		i := r.issues[number]
		if i == nil {
			return errNotFound
		}
		closed := state == "closed"
		return u.s.editIssue(i, by, issueEdit{Closed: &closed})
	})
}
