package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

const issues = "/repos/{owner}/{repo}/issues"

var (
	readTalk  = need{"issues:read|pull_requests:read", "read"}
	talk      = need{"issues:write|pull_requests:write", "read"}
	writeTalk = need{"issues:write|pull_requests:write", "write"}
)

// The routes of the conversation are of pull requests alone: issues have none here. Labels go on both.
var issueRoutes = []route{
	{"GET " + issues + "/{issue_number}/comments", readTalk, onIssue(func(c *call, p *pull) (int, any, error) {
		found := p.Comments
		if since, err := time.Parse(time.RFC3339, c.req.URL.Query().Get("since")); err == nil {
			found = slices.DeleteFunc(slices.Clone(found), func(x *comment) bool { return x.Updated.Before(since) })
		}
		return 200, list(c, found, c.s.commentJSON), nil
	})},
	{"POST " + issues + "/{issue_number}/comments", talk, onIssue(func(c *call, p *pull) (int, any, error) {
		body, err := c.text()
		if err != nil {
			return 0, nil, err
		}
		x, err := c.s.addComment(p, c.by, body)
		if err != nil {
			return 0, nil, err
		}
		return 201, c.s.commentJSON(x), nil
	})},
	{"GET " + issues + "/comments/{comment_id}", readTalk, onComment(func(c *call, x *comment) (int, any, error) {
		return 200, c.s.commentJSON(x), nil
	})},
	{"PATCH " + issues + "/comments/{comment_id}", talk, onComment(func(c *call, x *comment) (int, any, error) {
		body, err := c.text()
		if err == nil {
			err = c.s.editComment(x, c.by, body)
		}
		if err != nil {
			return 0, nil, err
		}
		return 200, c.s.commentJSON(x), nil
	})},
	{"DELETE " + issues + "/comments/{comment_id}", talk, onComment(func(c *call, x *comment) (int, any, error) {
		return 204, nil, c.s.deleteComment(x, c.by)
	})},
	{"GET " + issues + "/{issue_number}/labels", readTalk, onIssue(func(c *call, p *pull) (int, any, error) {
		return 200, list(c, p.Labels, func(l *label) obj { return c.s.labelJSON(p.repo, l) }), nil
	})},
	{"POST " + issues + "/{issue_number}/labels", writeTalk, func(c *call) (int, any, error) {
		if i := c.repo.issues[int(c.number("issue_number"))]; i != nil {
			return addIssueLabels(c, i)
		}
		return onIssue(addLabels)(c)
	}},
	{"DELETE " + issues + "/{issue_number}/labels/{name}", writeTalk, onIssue(func(c *call, p *pull) (int, any, error) {
		name := c.req.PathValue("name")
		i := slices.IndexFunc(p.Labels, func(l *label) bool { return strings.EqualFold(l.Name, name) })
		if i < 0 {
			return 0, nil, refuse(http.StatusNotFound, "Label does not exist")
		}
		gone := p.Labels[i]
		p.Labels = slices.Delete(p.Labels, i, i+1)
		c.s.emitPull(p, c.by, "unlabeled", obj{"label": c.s.labelJSON(p.repo, gone)})
		return 200, list(c, p.Labels, func(l *label) obj { return c.s.labelJSON(p.repo, l) }), nil
	})},
}

func onIssue(fn func(*call, *pull) (int, any, error)) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		p := c.repo.pulls[int(c.number("issue_number"))]
		if p == nil {
			return 0, nil, errNotFound
		}
		return fn(c, p)
	}
}

func onComment(fn func(*call, *comment) (int, any, error)) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		for _, p := range c.repo.pulls {
			if x := p.comment(c.number("comment_id")); x != nil {
				return fn(c, x)
			}
		}
		return 0, nil, errNotFound
	}
}

func (p *pull) comment(id int64) *comment {
	for _, x := range p.Comments {
		if x.ID == id {
			return x
		}
	}
	return nil
}

func (c *call) text() (string, error) {
	var in struct{ Body *string }
	if err := c.body(&in); err != nil {
		return "", err
	}
	if in.Body == nil {
		return "", malformed("\"body\" wasn't supplied.")
	}
	return *in.Body, nil
}

// labels reads the names of labels, and makes those that are not there.
func (c *call) labels() ([]*label, error) {
	var body json.RawMessage
	if err := c.body(&body); err != nil {
		return nil, err
	}
	var in struct{ Labels []string }
	if json.Unmarshal(body, &in.Labels) != nil && json.Unmarshal(body, &in) != nil { // a bare list, or an object
		return nil, malformed("\"labels\" is not a list of names.")
	}
	var out []*label
	for _, name := range in.Labels {
		if name == "" || len(name) > 50 {
			return nil, invalid("Label", "name", "invalid", "")
		}
		l := c.repo.label(name)
		if l == nil {
			l = &label{ID: c.s.id(), Name: name, Color: "ededed"}
			c.repo.labels = append(c.repo.labels, l)
		}
		out = append(out, l)
	}
	return out, nil
}

func addIssueLabels(c *call, i *issue) (int, any, error) {
	labels, err := c.labels()
	if err != nil {
		return 0, nil, err
	}
	for _, l := range labels {
		if !slices.Contains(i.Labels, l) {
			i.Labels = append(i.Labels, l)
			c.s.emitIssue(i, c.by, "labeled", obj{"label": c.s.labelJSON(i.repo, l)})
		}
	}
	return 200, list(c, i.Labels, func(l *label) obj { return c.s.labelJSON(i.repo, l) }), nil
}

func addLabels(c *call, p *pull) (int, any, error) {
	labels, err := c.labels()
	if err != nil {
		return 0, nil, err
	}
	for _, l := range labels {
		if !slices.Contains(p.Labels, l) {
			p.Labels = append(p.Labels, l)
			c.s.emitPull(p, c.by, "labeled", obj{"label": c.s.labelJSON(p.repo, l)})
		}
	}
	return 200, list(c, p.Labels, func(l *label) obj { return c.s.labelJSON(p.repo, l) }), nil
}

func (r *repo) label(name string) *label {
	for _, l := range r.labels {
		if strings.EqualFold(l.Name, name) {
			return l
		}
	}
	return nil
}
