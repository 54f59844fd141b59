package sandbox

import "slices"

var glApprovalRoutes = []glRoute{
	{"GET " + glMR + "/{merge_request_iid}/approvals", "", 0, func(c *glCall) (int, any, error) { return 200, c.approvalsJSON(), nil }},
	{"GET " + glMR + "/{merge_request_iid}/approval_state", "", 0, func(c *glCall) (int, any, error) {
		return 200, obj{"approval_rules_overwritten": false, "rules": []any{c.anyApprover()}}, nil
	}},
	{"POST " + glMR + "/{merge_request_iid}/approve", "sha approval_password", 0, func(c *glCall) (int, any, error) {
		if err := c.s.approveMR(c.mr, c.by, c.text("sha")); err != nil {
			return 0, nil, err
		}
		return 201, c.approvalsJSON(), nil
	}},
	{"POST " + glMR + "/{merge_request_iid}/unapprove", "", 0, func(c *glCall) (int, any, error) {
		if err := c.s.unapproveMR(c.mr, c.by); err != nil {
			return 0, nil, err
		}
		return 201, c.approvalsJSON(), nil
	}},
	{"GET /projects/{id}/external_status_checks", "", accessMaintainer, func(c *glCall) (int, any, error) {
		if !c.repo.settings.Licensed {
			return 0, nil, notFoundOf("")
		}
		return glList(c, c.repo.hostChecks, func(h *hostCheck) any {
			return obj{"id": h.ID, "name": h.Name, "project_id": c.repo.ID, "external_url": h.URL, "hmac": h.Secret != "", "protected_branches": []any{}}
		})
	}},
	{"GET " + glMR + "/{merge_request_iid}/status_checks", "", 0, func(c *glCall) (int, any, error) {
		if !c.repo.settings.Licensed {
			return 0, nil, notFoundOf("")
		}
		return glList(c, c.repo.hostChecks, func(h *hostCheck) any {
			return obj{"id": h.ID, "name": h.Name, "external_url": h.URL, "status": h.verdict(c.mr, c.s.now())}
		})
	}},
	{"POST " + glMR + "/{merge_request_iid}/status_check_responses", "sha! external_status_check_id!:int status:passed|failed|pending", 0, glAnswerCheck},
}

func glAnswerCheck(c *glCall) (int, any, error) {
	if !c.repo.settings.Licensed {
		return 0, nil, notFoundOf("")
	}
	status := c.text("status")
	if status == "" {
		status = "passed"
	}
	h, err := c.s.answerCheck(c.mr, c.by, c.number("external_status_check_id"), c.text("sha"), status)
	if err != nil {
		return 0, nil, err
	}
	return 201, obj{"id": c.s.id(), "merge_request": obj{"id": c.mr.ID, "iid": c.mr.Number, "project_id": c.repo.ID, "title": c.mr.Title,
		"state": mrState(c.mr), "web_url": c.s.mrURL(c.mr)}, "external_status_check": obj{"id": h.ID, "name": h.Name, "external_url": h.URL}}, nil
}

// approvalsJSON is who approved: without a licence there are no rules, and nothing is required.
func (c *glCall) approvalsJSON() obj {
	p := c.mr
	may := p.open() && c.s.access(c.by.account, p.repo) >= accessDeveloper
	has := p.approvedBy(c.by.account) != nil
	return obj{"id": p.ID, "iid": p.Number, "project_id": p.repo.ID, "title": p.Title, "description": p.Body, "state": mrState(p),
		"created_at": stampMS(p.Created), "updated_at": stampMS(p.Updated), "merge_status": "can_be_merged", "approved": true,
		"approvals_required": 0, "approvals_left": 0, "require_password_to_approve": false,
		"approved_by": each(p.Approvals, func(a *approval) any {
			return obj{"user": c.s.gitlabUserJSON(a.User), "approved_at": stampMS(a.At)}
		}),
		"suggested_approvers": []any{}, "approvers": []any{}, "approver_groups": []any{}, "user_has_approved": has, "user_can_approve": may && !has,
		"approval_rules_left": []any{}, "has_approval_rules": false, "merge_request_approvers_available": p.repo.settings.Licensed,
		"multiple_approval_rules_available": p.repo.settings.Licensed, "invalid_approvers_rules": []any{}}
}

func (c *glCall) anyApprover() obj {
	var users []*Account
	for _, a := range c.mr.Approvals {
		users = append(users, a.User)
	}
	return obj{"id": c.mr.ID, "name": "All Members", "rule_type": "any_approver", "report_type": nil, "eligible_approvers": []any{},
		"approvals_required": 0, "users": []any{}, "groups": []any{}, "contains_hidden_groups": false, "section": nil, "source_rule": nil,
		"overridden": false, "code_owner": false, "approved_by": each(slices.Clone(users), c.s.gitlabUserJSON), "approved": true}
}
