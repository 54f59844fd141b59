package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

const glIssues = "/projects/{id}/issues"

var glIssueRoutes = []glRoute{
	{"GET " + glIssues, "state:opened|closed|all labels:list author_id:int author_username scope:created_by_me|assigned_to_me|all iids:ints search " +
		"order_by:created_at|updated_at sort:asc|desc", 0, glListIssues},
	{"POST " + glIssues, "title! description labels:list confidential:bool issue_type", 0, func(c *glCall) (int, any, error) {
		labels, _ := c.params["labels"].([]string)
		i, err := c.s.openIssue(c.repo, c.by, c.text("title"), c.text("description"), labels)
		if err != nil {
			return 0, nil, err
		}
		return 201, c.s.gitlabIssueJSON(i), nil
	}},
	{"GET " + glIssues + "/{issue_iid}", "", 0, onGitLabIssue(func(c *glCall, i *issue) (int, any, error) { return 200, c.s.gitlabIssueJSON(i), nil })},
	{"PUT " + glIssues + "/{issue_iid}", "title description labels:list add_labels:list remove_labels:list state_event:close|reopen", 0, onGitLabIssue(glUpdateIssue)},
}

func onGitLabIssue(fn func(c *glCall, i *issue) (int, any, error)) func(*glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		n, err := strconv.Atoi(c.req.PathValue("issue_iid"))
		if err != nil {
			return 0, nil, refuse(http.StatusBadRequest, "issue_iid is invalid").as(kindError)
		}
		i := c.repo.issues[n]
		if i == nil || c.repo.noIssues {
			return 0, nil, notFoundOf("")
		}
		return fn(c, i)
	}
}

// glListIssues shows nothing where issues are disabled, as GitLab does.
func glListIssues(c *glCall) (int, any, error) {
	var found []*issue
	labels, _ := c.params["labels"].([]string)
	iids, _ := c.params["iids"].([]int64)
	for _, i := range c.repo.listed() {
		switch {
		case c.repo.noIssues,
			!slices.Contains([]string{"", "all", i.state()}, c.text("state")),
			c.has("author_id") && c.number("author_id") != i.Author.ID,
			c.has("author_username") && c.text("author_username") != i.Author.Login,
			c.text("scope") == "created_by_me" && i.Author != c.by.account, c.text("scope") == "assigned_to_me",
			c.has("iids") && !slices.Contains(iids, int64(i.Number)),
			slices.ContainsFunc(labels, func(name string) bool { return !i.has(name) }):
			continue
		}
		found = append(found, i)
	}
	if c.text("order_by") == "updated_at" {
		slices.SortStableFunc(found, func(a, b *issue) int { return b.Updated.Compare(a.Updated) })
	}
	if c.text("sort") == "asc" {
		slices.Reverse(found)
	}
	return glList(c, found, func(i *issue) any { return c.s.gitlabIssueJSON(i) })
}

func glUpdateIssue(c *glCall, i *issue) (int, any, error) {
	if !slices.ContainsFunc([]string{"title", "description", "labels", "add_labels", "remove_labels", "state_event"}, c.has) {
		return 0, nil, refuse(http.StatusBadRequest, "title, description, labels, state_event are missing, at least one parameter must be provided").as(kindError)
	}
	e := issueEdit{Title: c.optional("title"), Body: c.optional("description")}
	if event := c.text("state_event"); event != "" { // of one that is as it should be already: nothing
		closed := event == "close"
		e.Closed = &closed
	}
	names, set := c.params["labels"].([]string)
	added, add := c.params["add_labels"].([]string)
	gone, remove := c.params["remove_labels"].([]string)
	if !set {
		for _, l := range i.Labels {
			names = append(names, l.Name)
		}
	}
	e.SetLabels = set || add || remove
	e.Labels = slices.DeleteFunc(slices.Concat(names, added), func(name string) bool { return slices.Contains(gone, name) })
	if err := c.s.editIssue(i, c.by, e); err != nil {
		return 0, nil, err
	}
	return 200, c.s.gitlabIssueJSON(i), nil
}

func (s *Sandbox) issueURL(i *issue) string {
	return fmt.Sprintf("%s/%s/-/issues/%d", s.url, i.repo.full(), i.Number)
}

func (s *Sandbox) gitlabIssueJSON(i *issue) obj {
	labels := []string{}
	for _, l := range i.Labels {
		labels = append(labels, l.Name)
	}
	slices.Sort(labels)
	u := fmt.Sprintf("%s%s/projects/%d/issues/%d", s.url, gitlabRoot, i.repo.ID, i.Number)
	return obj{"id": i.ID, "iid": i.Number, "project_id": i.repo.ID, "title": i.Title, "description": i.Body, "state": i.state(),
		"created_at": stampMS(i.Created), "updated_at": stampMS(i.Updated), "closed_at": stampMS(i.ClosedAt), "closed_by": s.gitlabUserJSON(i.ClosedBy),
		"labels": labels, "milestone": nil, "assignees": []any{}, "assignee": nil, "author": s.gitlabUserJSON(i.Author), "type": "ISSUE", "issue_type": "issue",
		"user_notes_count": 0, "upvotes": 0, "downvotes": 0, "due_date": nil, "confidential": false, "discussion_locked": nil, "web_url": s.issueURL(i),
		"time_stats": obj{"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": nil, "human_total_time_spent": nil},
		"references": obj{"short": fmt.Sprintf("#%d", i.Number), "relative": fmt.Sprintf("#%d", i.Number), "full": fmt.Sprintf("%s#%d", i.repo.full(), i.Number)},
		"severity":   "UNKNOWN", "moved_to_id": nil, "has_tasks": false, "imported": false, "imported_from": "none", "service_desk_reply_to": nil,
		"task_completion_status": obj{"count": 0, "completed_count": 0},
		"_links": obj{"self": u, "notes": u + "/notes", "award_emoji": u + "/award_emoji", "project": fmt.Sprintf("%s%s/projects/%d", s.url, gitlabRoot, i.repo.ID),
			"closed_as_duplicate_of": nil}}
}

// gitlabIssue announces what happened to an issue, in GitLab's words.
func (s *Sandbox) gitlabIssue(i *issue, by actor, action string) {
	word := map[string]string{"opened": "open", "edited": "update", "closed": "close", "reopened": "reopen"}[action]
	stateID := 1
	if i.Closed {
		stateID = 2
	}
	labels := each(i.Labels, s.hookLabel)
	s.tell(i.repo, nil, "issues_events", obj{"object_kind": "issue", "event_type": "issue", "user": s.hookUser(by.account), "project": s.hookProject(i.repo),
		"object_attributes": obj{"id": i.ID, "iid": i.Number, "title": i.Title, "description": i.Body, "state": i.state(), "state_id": stateID,
			"author_id": i.Author.ID, "project_id": i.repo.ID, "created_at": hookTime(i.Created), "updated_at": hookTime(i.Updated), "closed_at": hookTime(i.ClosedAt),
			"confidential": false, "labels": labels, "url": s.issueURL(i), "action": word, "assignee_ids": []int64{}, "assignee_id": nil, "type": "Issue"},
		"labels": labels, "changes": obj{}, "repository": s.hookRepository(i.repo)})
}
