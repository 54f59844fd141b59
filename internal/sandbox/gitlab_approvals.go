package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// approvedBy finds somebody's standing approval.
func (p *pull) approvedBy(a *Account) *approval {
	for _, x := range p.Approvals {
		if x.User == a {
			return x
		}
	}
	return nil
}

// approveMR approves, if sha, when given, still is the head. On GitLab Free the author may approve too:
// who forbids it pays for that.
func (s *Sandbox) approveMR(p *pull, by actor, sha string) error {
	switch {
	case sha != "" && sha != p.HeadSHA:
		return refuse(http.StatusConflict, "SHA does not match HEAD of source branch: %s", p.HeadSHA)
	case !p.open() || s.access(by.account, p.repo) < accessDeveloper || p.approvedBy(by.account) != nil:
		return errUnauthorized
	}
	p.Approvals = append(p.Approvals, &approval{User: by.account, At: s.now()})
	p.Objectors = slices.DeleteFunc(p.Objectors, func(a *Account) bool { return a == by.account })
	p.Updated = s.now()
	s.systemNote(p, by.account, "approved", "approved this merge request")
	s.emitMR(p, by, "approved", nil)
	return nil
}

// unapproveMR takes an approval back.
func (s *Sandbox) unapproveMR(p *pull, by actor) error {
	if p.approvedBy(by.account) == nil {
		return notFoundOf("")
	}
	if p.merged() {
		return errUnauthorized
	}
	s.withdraw(p, by.account)
	s.systemNote(p, by.account, "unapproved", "unapproved this merge request")
	s.emitMR(p, by, "unapproved", nil)
	return nil
}

func (s *Sandbox) withdraw(p *pull, a *Account) {
	p.Approvals = slices.DeleteFunc(p.Approvals, func(x *approval) bool { return x.User == a })
	p.Updated = s.now()
}

// objectMR requests changes. It takes the approval of a reviewer back, without a note that says so; of
// the request itself no webhook tells.
func (s *Sandbox) objectMR(p *pull, by actor) error {
	if !p.open() || s.access(by.account, p.repo) < accessDeveloper {
		return errForbidden
	}
	if !slices.Contains(p.Objectors, by.account) {
		p.Objectors = append(p.Objectors, by.account)
	}
	p.Updated = s.now()
	s.systemNote(p, by.account, "requested_changes", "requested changes")
	if p.approvedBy(by.account) != nil && slices.Contains(p.Users, by.account) {
		s.withdraw(p, by.account)
		s.emitMR(p, by, "unapproved", nil)
	}
	return nil
}

// resetApprovals takes all approvals back, where the project is licensed and set to do so.
func (s *Sandbox) resetApprovals(p *pull, by *Account) {
	if !p.repo.settings.Licensed || !p.repo.settings.ResetApprovals || len(p.Approvals) == 0 {
		return
	}
	var names []string
	for _, x := range p.Approvals {
		names = append(names, "@"+x.User.Login)
	}
	p.Approvals = nil
	s.systemNote(p, by, "approvals_reset", "reset approvals from "+strings.Join(names, " and ")+" by pushing to the branch")
}

// reviewMR is a review as the pages and the stories submit it: what was written becomes a note, and the
// vote an approval or a request for changes. GitLab knows no vote for a commit.
func (s *Sandbox) reviewMR(p *pull, by actor, event, body, commit string) (id int64, err error) {
	if commit != "" && commit != p.HeadSHA {
		return 0, refuse(http.StatusConflict, "SHA does not match HEAD of source branch: %s", p.HeadSHA)
	}
	if !slices.Contains([]string{"APPROVE", "REQUEST_CHANGES", "COMMENT"}, event) {
		return 0, refuse(http.StatusBadRequest, "event does not have a valid value").as(kindError)
	}
	switch event {
	case "APPROVE":
		err = s.approveMR(p, by, commit)
	case "REQUEST_CHANGES":
		err = s.objectMR(p, by)
	}
	if err == nil && (body != "" || event == "COMMENT") {
		_, err = s.addNote(p, by, body, nil)
	}
	if err != nil {
		return 0, err
	}
	return p.Comments[len(p.Comments)-1].ID, nil
}
