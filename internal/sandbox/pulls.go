package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const maxBody = 65536 // characters of a comment, a review or a description

func (p *pull) headRefName() string { return fmt.Sprintf("refs/pull/%d/head", p.Number) }

// openPulls lists the open pull requests, oldest first.
func (r *repo) openPulls() []*pull {
	var out []*pull
	for n := 1; n < r.next; n++ {
		if p := r.pulls[n]; p != nil && p.open() {
			out = append(out, p)
		}
	}
	return out
}

// compare is the pull request's three-dot diff: against the live base while it is open, against the
// base it was merged or closed on afterwards.
func (p *pull) compare() (*compare, error) {
	base := p.BaseSHA
	if live := p.repo.branch(p.BaseRef); p.open() && live != "" {
		base = live
	}
	return p.repo.git.compare(base, p.HeadSHA)
}

// openPull opens a pull request from one branch of the repository to another.
func (s *Sandbox) openPull(r *repo, by actor, title, body, head, base string, draft bool) (*pull, error) {
	owner, branch, qualified := strings.Cut(head, ":")
	if !qualified {
		branch = head
	} else if !strings.EqualFold(owner, r.Owner.Login) {
		return nil, invalid("PullRequest", "head", "invalid", "")
	}
	switch {
	case strings.TrimSpace(title) == "":
		return nil, invalid("PullRequest", "title", "missing_field", "")
	case r.branch(branch) == "":
		return nil, invalid("PullRequest", "head", "invalid", "")
	case r.branch(base) == "":
		return nil, invalid("PullRequest", "base", "invalid", "")
	case utf8.RuneCountInString(body) > maxBody:
		return nil, invalid("PullRequest", "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	for _, p := range r.openPulls() {
		if p.HeadRef == branch && p.BaseRef == base {
			return nil, invalid("PullRequest", "", "custom", fmt.Sprintf("A pull request already exists for %s:%s.", r.Owner.Login, branch))
		}
	}
	c, err := r.compare(r.branch(base), r.branch(branch))
	if err != nil {
		return nil, err
	}
	if c.MergeBase == "" {
		return nil, invalid("PullRequest", "", "custom", fmt.Sprintf("The %s branch has no history in common with %s", branch, base))
	}
	if len(c.Commits) == 0 {
		return nil, invalid("PullRequest", "", "custom", fmt.Sprintf("No commits between %s and %s", base, branch))
	}
	p := &pull{ID: s.id(), repo: r, Number: r.next, Title: title, Body: body, Author: by.account, HeadRef: branch, BaseRef: base,
		HeadSHA: r.branch(branch), BaseSHA: r.branch(base), Draft: draft, Created: s.now(), Updated: s.now(), computing: s.Faults.uncertain()}
	if err := r.setRef(p.headRefName(), p.HeadSHA); err != nil {
		return nil, err
	}
	r.next++
	r.pulls[p.Number] = p
	s.emitPull(p, by, "opened", nil)
	s.askOwners(p, by)
	return p, nil
}

// emitPull announces a pull request event; extra holds what only this action carries.
func (s *Sandbox) emitPull(p *pull, by actor, action string, extra obj) {
	body := s.hookPull(p)
	if slices.Contains([]string{"opened", "closed", "reopened", "edited", "converted_to_draft", "ready_for_review"}, action) {
		// GitHub's events differ in what they tell of a team.
		body["requested_teams"] = each(p.Teams, func(t *team) any { return s.teamSimple(t) })
	}
	payload := obj{"action": action, "number": p.Number, "pull_request": body}
	for k, v := range extra {
		payload[k] = v
	}
	s.emit(p.repo, "pull_request", by.account, payload)
}

// pullEdit is what PATCH may change; nil leaves a field alone.
type pullEdit struct{ Title, Body, State, Base *string }

func (s *Sandbox) editPull(p *pull, by actor, e pullEdit) error {
	if e.State != nil && *e.State != "open" && *e.State != "closed" {
		return malformed("%q is not a possible value for \"state\". Must be one of the following: open, closed.", *e.State)
	}
	if e.Base != nil && *e.Base != p.BaseRef {
		switch {
		case !p.open():
			return invalid("PullRequest", "base", "custom", "Cannot change the base branch of a closed pull request.")
		case p.repo.branch(*e.Base) == "":
			return invalid("PullRequest", "base", "invalid", "")
		}
	}
	changes := obj{}
	if e.Title != nil && *e.Title != p.Title {
		if strings.TrimSpace(*e.Title) == "" {
			return invalid("PullRequest", "title", "missing_field", "")
		}
		changes["title"] = obj{"from": p.Title}
		p.Title = *e.Title
	}
	if e.Body != nil && *e.Body != p.Body {
		changes["body"] = obj{"from": p.Body}
		p.Body, p.EditedAt = *e.Body, s.now()
	}
	if e.Base != nil && *e.Base != p.BaseRef {
		changes["base"] = obj{"ref": obj{"from": p.BaseRef}, "sha": obj{"from": p.BaseSHA}}
		p.BaseRef, p.BaseSHA = *e.Base, p.repo.branch(*e.Base)
		p.computing = s.Faults.uncertain()
	}
	if len(changes) > 0 {
		p.Updated = s.now()
		s.emitPull(p, by, "edited", obj{"changes": changes})
	}
	switch {
	case e.State == nil:
	case *e.State == "closed" && p.open():
		s.closePull(p, by)
	case *e.State == "open" && !p.open():
		return s.reopenPull(p, by)
	}
	return nil
}

func (s *Sandbox) closePull(p *pull, by actor) {
	p.Closed, p.ClosedAt, p.Updated = true, s.now(), s.now()
	s.emitPull(p, by, "closed", nil)
}

func (s *Sandbox) reopenPull(p *pull, by actor) error {
	if p.merged() || p.repo.branch(p.HeadRef) == "" || p.repo.branch(p.BaseRef) == "" {
		return invalid("PullRequest", "state", "invalid", "state cannot be changed.")
	}
	if p.repo.branch(p.HeadRef) != p.HeadSHA && !p.repo.ancestor(p.HeadSHA, p.repo.branch(p.HeadRef)) {
		return invalid("PullRequest", "state", "invalid", fmt.Sprintf("state cannot be changed. The %s branch was force-pushed or recreated.", p.HeadRef))
	}
	p.Closed, p.Updated = false, s.now()
	p.HeadSHA, p.BaseSHA = p.repo.branch(p.HeadRef), p.repo.branch(p.BaseRef)
	if err := p.repo.setRef(p.headRefName(), p.HeadSHA); err != nil {
		return err
	}
	s.emitPull(p, by, "reopened", nil)
	return nil
}

// setDraft turns a draft into a pull request that is ready for review, or back.
func (s *Sandbox) setDraft(p *pull, by actor, draft bool) {
	if p.Draft == draft || !p.open() {
		return
	}
	p.Draft, p.Updated = draft, s.now()
	if draft {
		s.emitPull(p, by, "converted_to_draft", nil)
		return
	}
	s.emitPull(p, by, "ready_for_review", nil)
	s.askOwners(p, by)
}

// askOwners requests the code owners of the changed files, as the host does by itself for pull
// requests that are no drafts. Owners who may not write here, and the author, are left out.
func (s *Sandbox) askOwners(p *pull, by actor) {
	if s.opt.Owners == nil || p.Draft || !p.open() {
		return
	}
	commit, err := p.repo.commit(p.repo.branch(p.BaseRef))
	if err != nil {
		return
	}
	var file []byte
	for _, place := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		if e := p.repo.lookup(commit.TreeHash.String(), place); e != nil {
			file, _ = p.repo.blob(e.Hash.String())
			break
		}
	}
	c, err := p.compare()
	if err != nil || file == nil {
		return
	}
	var paths []string
	for _, f := range c.Files {
		paths = append(paths, f.Path)
	}
	var users []*Account
	var teams []*team
	for _, who := range s.opt.Owners(file, paths) {
		if t := s.team(who); t != nil {
			if levels[p.repo.grants[t.ID]] >= levels["write"] {
				teams = append(teams, t)
			}
		} else if a := s.account(who); a != nil && a != p.Author && s.level(a, p.repo) >= levels["write"] {
			users = append(users, a)
		}
	}
	s.request(p, by, users, teams)
}

// request adds reviewers; one event each, none for those already asked.
func (s *Sandbox) request(p *pull, by actor, users []*Account, teams []*team) {
	for _, a := range users {
		if !slices.Contains(p.Users, a) {
			p.Users = append(p.Users, a)
			s.emitPull(p, by, "review_requested", obj{"requested_reviewer": s.userJSON(a)})
		}
	}
	for _, t := range teams {
		if !slices.Contains(p.Teams, t) {
			p.Teams = append(p.Teams, t)
			s.emitPull(p, by, "review_requested", obj{"requested_team": s.hookTeam(t)})
		}
	}
}

// requestable refuses reviewers as GitHub does: all or nothing.
func (s *Sandbox) requestable(p *pull, users []*Account, teams []*team) error {
	for _, a := range users {
		switch {
		case a == p.Author:
			return &Error{Status: http.StatusUnprocessableEntity, Message: "Review cannot be requested from pull request author."}
		case a.Type != kindUser || s.level(a, p.repo) < levels["read"] || s.association(a, p.repo) == "NONE":
			return &Error{Status: http.StatusUnprocessableEntity, Message: "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the " + p.repo.full() + " repository."}
		}
	}
	for _, t := range teams {
		if t.Org != p.repo.Owner || p.repo.grants[t.ID] == "" {
			return &Error{Status: http.StatusUnprocessableEntity, Message: "Reviews may only be requested from collaborators. One or more of the teams you specified is not a collaborator of the " + p.repo.full() + " repository."}
		}
	}
	return nil
}

// submitReview adds a review. Event is APPROVE, REQUEST_CHANGES or COMMENT; an empty commit is the head.
func (s *Sandbox) submitReview(p *pull, by actor, event, body, commit string) (*review, error) {
	return s.review(p, by, event, body, commit, false)
}

// review adds a review; one with comments on lines needs no words of its own.
func (s *Sandbox) review(p *pull, by actor, event, body, commit string, commented bool) (*review, error) {
	state := map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}[event]
	switch {
	case state == "":
		return nil, malformed("%q is not a possible value for \"event\". Must be one of the following: APPROVE, REQUEST_CHANGES, COMMENT.", event)
	case state != "APPROVED" && !commented && strings.TrimSpace(body) == "":
		return nil, unprocessable("Body can't be blank")
	case state == "APPROVED" && by.account == p.Author:
		return nil, unprocessable("Can not approve your own pull request")
	case state == "CHANGES_REQUESTED" && by.account == p.Author:
		return nil, unprocessable("Can not request changes on your own pull request")
	case p.Closed && state != "COMMENTED" && p.merged():
		return nil, unprocessable("Can not review a merged pull request")
	}
	if commit == "" {
		commit = p.HeadSHA
	} else if c, err := p.compare(); err != nil || !slices.Contains(c.Commits, commit) {
		return nil, unprocessable("The commit is not part of the pull request")
	}
	v := &review{ID: s.id(), Author: by.account, State: state, Body: body, Commit: commit, Submitted: s.now()}
	p.Reviews = append(p.Reviews, v)
	p.Updated = s.now()
	p.Users = slices.DeleteFunc(p.Users, func(a *Account) bool { return a == by.account })
	p.Teams = slices.DeleteFunc(p.Teams, func(t *team) bool { return t.has(by.account) })
	s.emit(p.repo, "pull_request_review", by.account, obj{"action": "submitted", "review": s.hookReview(p, v), "pull_request": s.hookPullSimple(p)})
	return v, nil
}

func (s *Sandbox) dismissReview(p *pull, by actor, v *review) error {
	if v.State != "APPROVED" && v.State != "CHANGES_REQUESTED" {
		return unprocessable("Can not dismiss a " + strings.ToLower(v.State) + " pull request review")
	}
	s.dismissed(p, v, by.account)
	return nil
}

func (s *Sandbox) dismissed(p *pull, v *review, by *Account) {
	v.State = "DISMISSED"
	s.emit(p.repo, "pull_request_review", by, obj{"action": "dismissed", "review": s.hookReview(p, v), "pull_request": s.hookPullSimple(p)})
}

func checkBody(body string) error {
	switch {
	case strings.TrimSpace(body) == "":
		return invalid("IssueComment", "body", "missing_field", "Body cannot be blank")
	case utf8.RuneCountInString(body) > maxBody:
		return invalid("IssueComment", "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	return nil
}

func (s *Sandbox) addComment(p *pull, by actor, body string) (*comment, error) {
	if err := checkBody(body); err != nil {
		return nil, err
	}
	c := &comment{ID: s.id(), pull: p, Author: by.account, Via: by.app, Body: body, Created: s.now(), Updated: s.now()}
	p.Comments = append(p.Comments, c)
	p.Updated = s.now()
	s.emitComment(c, by, "created", nil)
	return c, nil
}

func (s *Sandbox) emitComment(c *comment, by actor, action string, extra obj) {
	payload := obj{"action": action, "issue": s.issueJSON(c.pull), "comment": s.commentJSON(c)}
	for k, v := range extra {
		payload[k] = v
	}
	s.emit(c.pull.repo, "issue_comment", by.account, payload)
}

// ownComment: a comment is changed by its author, or by whoever may write to the repository.
func (s *Sandbox) ownComment(c *comment, by actor) error {
	if c.Author != by.account && (by.app != nil || s.level(by.account, c.pull.repo) < levels["write"]) {
		return errNoAccess
	}
	return nil
}

func (s *Sandbox) editComment(c *comment, by actor, body string) error {
	if err := s.ownComment(c, by); err != nil {
		return err
	}
	if err := checkBody(body); err != nil {
		return err
	}
	from := c.Body
	c.Body, c.Editor, c.Edited, c.Updated = body, by.account, s.now(), s.now()
	s.emitComment(c, by, "edited", obj{"changes": obj{"body": obj{"from": from}}})
	return nil
}

func (s *Sandbox) deleteComment(c *comment, by actor) error {
	if err := s.ownComment(c, by); err != nil {
		return err
	}
	c.pull.Comments = slices.DeleteFunc(c.pull.Comments, func(x *comment) bool { return x == c })
	s.emitComment(c, by, "deleted", nil)
	return nil
}
