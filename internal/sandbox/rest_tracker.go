package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// The issues of GitHub that are no pull requests.

var (
	readIssues  = need{"issues:read", "read"}
	openIssues  = need{"issues:write", "read"}
	writeLabels = need{"issues:write|pull_requests:write", "write"}
)

var trackerRoutes = []route{
	{"GET " + issues, readIssues, listIssues},
	{"POST " + issues, openIssues, createIssue},
	{"GET " + issues + "/{issue_number}", readTalk, func(c *call) (int, any, error) {
		n := int(c.number("issue_number"))
		if p := c.repo.pulls[n]; p != nil {
			return 200, c.s.issueJSON(p), nil
		}
		if i := c.repo.issues[n]; i != nil && c.repo.noIssues {
			return 0, nil, errIssuesOff
		} else if i != nil {
			return 200, c.s.trackedJSON(i), nil
		}
		return 0, nil, errNotFound
	}},
	{"PATCH " + issues + "/{issue_number}", openIssues, patchIssue},
	{"POST /repos/{owner}/{repo}/labels", writeLabels, createLabel},
}

// listIssues lists issues and pull requests, which GitHub counts among them. Only pull requests are left
// where issues are disabled.
func listIssues(c *call) (int, any, error) {
	q := c.req.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	switch {
	case !slices.Contains([]string{"open", "closed", "all"}, state):
		return 0, nil, invalid("Issue", "state", "invalid", "")
	case !slices.Contains([]string{"", "created"}, q.Get("sort")):
		return 0, nil, refuse(http.StatusUnprocessableEntity, "the sandbox sorts issues by their creation alone")
	}
	fits := func(author *Account, closed bool, labels []*label) bool {
		if state != "all" && closed != (state == "closed") || q.Get("creator") != "" && !strings.EqualFold(q.Get("creator"), author.Login) {
			return false
		}
		for _, name := range strings.FieldsFunc(q.Get("labels"), func(r rune) bool { return r == ',' }) {
			if !slices.ContainsFunc(labels, func(l *label) bool { return strings.EqualFold(l.Name, name) }) {
				return false
			}
		}
		return true
	}
	var found []obj
	for n := c.repo.next - 1; n > 0; n-- {
		if p := c.repo.pulls[n]; p != nil && fits(p.Author, p.Closed, p.Labels) {
			found = append(found, c.s.issueJSON(p))
		}
		if i := c.repo.issues[n]; i != nil && !c.repo.noIssues && fits(i.Author, i.Closed, i.Labels) {
			found = append(found, c.s.trackedJSON(i))
		}
	}
	if q.Get("direction") == "asc" {
		slices.Reverse(found)
	}
	return 200, list(c, found, func(o obj) obj { return o }), nil
}

func createIssue(c *call) (int, any, error) {
	var in struct {
		Title  string
		Body   string
		Labels []string
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	i, err := c.s.openIssue(c.repo, c.by, in.Title, in.Body, in.Labels)
	if err != nil {
		return 0, nil, err
	}
	return 201, c.s.trackedJSON(i), nil
}

func patchIssue(c *call) (int, any, error) {
	i := c.repo.issues[int(c.number("issue_number"))]
	switch {
	case i == nil && c.repo.pulls[int(c.number("issue_number"))] != nil:
		return 0, nil, refuse(http.StatusUnprocessableEntity, "the sandbox edits pull requests as such alone")
	case i == nil:
		return 0, nil, errNotFound
	case c.repo.noIssues:
		return 0, nil, errIssuesOff
	}
	var in struct {
		Title, Body, State *string
		StateReason        *string `json:"state_reason"`
		Labels             *[]string
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if err := oneOf("state", in.State, []string{"open", "closed"}); err != nil {
		return 0, nil, err
	}
	e := issueEdit{Title: in.Title, Body: in.Body}
	if in.State != nil {
		closed := *in.State == "closed"
		e.Closed = &closed
	}
	if in.Labels != nil {
		e.Labels, e.SetLabels = *in.Labels, true
	}
	if err := c.s.editIssue(i, c.by, e); err != nil {
		return 0, nil, err
	}
	return 200, c.s.trackedJSON(i), nil
}

func createLabel(c *call) (int, any, error) {
	var in struct{ Name, Color, Description string }
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	switch {
	case in.Name == "" || len(in.Name) > 50:
		return 0, nil, invalid("Label", "name", "invalid", "")
	case c.repo.label(in.Name) != nil:
		return 0, nil, invalid("Label", "name", "already_exists", "")
	case in.Color == "":
		in.Color = "ededed"
	case len(in.Color) != 6 || strings.Trim(strings.ToLower(in.Color), "0123456789abcdef") != "":
		return 0, nil, invalid("Label", "color", "invalid", "")
	}
	l := &label{ID: c.s.id(), Name: in.Name, Color: in.Color}
	c.repo.labels = append(c.repo.labels, l)
	return 201, c.s.labelJSON(c.repo, l), nil
}

// trackedJSON is an issue that is no pull request.
func (s *Sandbox) trackedJSON(i *issue) obj {
	u := s.rest("/repos/" + i.repo.full() + "/issues/" + itoa(i.Number))
	var via, reason any
	if i.Via != nil {
		via = s.appJSON(i.Via)
	}
	if i.Closed {
		reason = "completed"
	}
	return obj{"url": u, "repository_url": s.rest("/repos/" + i.repo.full()), "labels_url": u + "/labels{/name}", "comments_url": u + "/comments",
		"events_url": u + "/events", "html_url": s.url + "/" + i.repo.full() + "/issues/" + itoa(i.Number), "id": i.ID, "node_id": i.node(), "number": i.Number,
		"title": i.Title, "user": s.userJSON(i.Author), "labels": each(i.Labels, func(l *label) any { return s.labelJSON(i.repo, l) }), "state": i.state(),
		"locked": false, "assignee": nil, "assignees": []any{}, "milestone": nil, "comments": 0, "created_at": stamp(i.Created), "updated_at": stamp(i.Updated),
		"closed_at": stamp(i.ClosedAt), "author_association": s.association(i.Author, i.repo), "active_lock_reason": nil, "body": orNull(i.Body),
		"reactions": reactions(u), "timeline_url": u + "/timeline", "performed_via_github_app": via, "state_reason": reason}
}

// hookIssueJSON is an issue as webhooks carry it.
func (s *Sandbox) hookIssueJSON(i *issue) obj {
	j := s.trackedJSON(i)
	if via, ok := j["performed_via_github_app"].(obj); ok {
		delete(via, "client_id")
	}
	return j
}
