package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

const pulls = "/repos/{owner}/{repo}/pulls"

var (
	readPulls  = need{"pull_requests:read", "read"}
	writePulls = need{"pull_requests:write", "write"}
	// Everyone who may read may take part in the conversation.
	talkPulls = need{"pull_requests:write", "read"}
)

var pullRoutes = []route{
	{"GET " + pulls, readPulls, listPulls},
	{"POST " + pulls, writePulls, createPull},
	{"GET " + pulls + "/{pull_number}", readPulls, onPull(func(c *call, p *pull) (int, any, error) { return 200, c.s.pullJSON(p), nil })},
	{"PATCH " + pulls + "/{pull_number}", talkPulls, onPull(patchPull)},
	{"GET " + pulls + "/{pull_number}/files", readPulls, onPull(listFiles)},
	{"GET " + pulls + "/{pull_number}/commits", readPulls, onPull(listCommits)},
	{"GET " + pulls + "/{pull_number}/reviews", readPulls, onPull(func(c *call, p *pull) (int, any, error) {
		return 200, list(c, p.Reviews, func(v *review) obj { return c.s.reviewJSON(p, v) }), nil
	})},
	{"POST " + pulls + "/{pull_number}/reviews", talkPulls, onPull(createReview)},
	{"GET " + pulls + "/{pull_number}/reviews/{review_id}", readPulls, onPull(func(c *call, p *pull) (int, any, error) {
		v := p.review(c.number("review_id"))
		if v == nil {
			return 0, nil, errNotFound
		}
		return 200, c.s.reviewJSON(p, v), nil
	})},
	{"PUT " + pulls + "/{pull_number}/reviews/{review_id}/dismissals", writePulls, onPull(dismissReview)},
	{"GET " + pulls + "/{pull_number}/comments", readPulls, onPull(listLineComments)},
	{"GET " + pulls + "/{pull_number}/requested_reviewers", readPulls, onPull(func(c *call, p *pull) (int, any, error) {
		return 200, obj{"users": each(p.Users, c.s.userJSON), "teams": each(p.Teams, func(t *team) any { return c.s.teamJSON(t) })}, nil
	})},
	{"POST " + pulls + "/{pull_number}/requested_reviewers", writePulls, onPull(requestReviewers)},
	{"DELETE " + pulls + "/{pull_number}/requested_reviewers", writePulls, onPull(requestReviewers)},
	{"PUT " + pulls + "/{pull_number}/merge", need{"contents:write", "write"}, onPull(mergePull)},
}

func onPull(fn func(*call, *pull) (int, any, error)) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		p := c.repo.pulls[int(c.number("pull_number"))]
		if p == nil {
			return 0, nil, errNotFound
		}
		return fn(c, p)
	}
}

func (p *pull) review(id int64) *review {
	for _, v := range p.Reviews {
		if v.ID == id {
			return v
		}
	}
	return nil
}

func listPulls(c *call) (int, any, error) {
	q := c.req.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	if !slices.Contains([]string{"open", "closed", "all"}, state) {
		return 0, nil, invalid("PullRequest", "state", "invalid", "")
	}
	var found []*pull
	for n := c.repo.next - 1; n > 0; n-- {
		p := c.repo.pulls[n]
		if p == nil {
			continue // an issue
		}
		head := strings.TrimPrefix(q.Get("head"), c.repo.Owner.Login+":")
		if state != "all" && p.Closed != (state == "closed") || q.Get("base") != "" && p.BaseRef != q.Get("base") || head != "" && p.HeadRef != head {
			continue
		}
		found = append(found, p)
	}
	if q.Get("direction") == "asc" {
		slices.Reverse(found)
	}
	return 200, list(c, found, c.s.pullSimpleJSON), nil
}

func createPull(c *call) (int, any, error) {
	var in struct {
		Title, Body, Head, Base string
		Draft                   bool
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	p, err := c.s.openPull(c.repo, c.by, in.Title, in.Body, in.Head, in.Base, in.Draft)
	if err != nil {
		return 0, nil, err
	}
	return 201, c.s.pullJSON(p), nil
}

func patchPull(c *call, p *pull) (int, any, error) {
	if c.by.account != p.Author && c.by.app == nil && c.s.level(c.by.account, c.repo) < levels["write"] {
		return 0, nil, errNotAllowed
	}
	var in pullEdit
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if err := c.s.editPull(p, c.by, in); err != nil {
		return 0, nil, err
	}
	return 200, c.s.pullJSON(p), nil
}

// listFiles lists at most 3,000 files, as GitHub does.
func listFiles(c *call, p *pull) (int, any, error) {
	cmp, err := p.compare()
	if err == nil {
		err = c.repo.patches(cmp, p.HeadSHA)
	}
	if err != nil {
		return 0, nil, err
	}
	return 200, list(c, cmp.Files[:min(len(cmp.Files), 3000)], func(f fileChange) obj { return c.s.fileJSON(c.repo, p.HeadSHA, f) }), nil
}

// listCommits lists at most 250 commits, as GitHub does.
func listCommits(c *call, p *pull) (int, any, error) {
	cmp, err := p.compare()
	if err != nil {
		return 0, nil, err
	}
	out := []obj{}
	for _, sha := range page(c, cmp.Commits[:min(len(cmp.Commits), 250)]) {
		commit, err := c.repo.commit(sha)
		if err != nil {
			return 0, nil, err
		}
		out = append(out, c.s.commitJSON(c.repo, commit))
	}
	return 200, out, nil
}

func createReview(c *call, p *pull) (int, any, error) {
	var in struct {
		CommitID string `json:"commit_id"`
		Body     string `json:"body"`
		Event    string `json:"event"`
		Comments []reviewComment
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if in.Event == "" {
		return 0, nil, errPending
	}
	drafts, err := draftsOf(in.Comments)
	if err != nil {
		return 0, nil, err
	}
	v, err := c.s.reviewWith(p, c.by, in.Event, in.Body, in.CommitID, drafts)
	if err != nil {
		return 0, nil, err
	}
	return 200, c.s.reviewJSON(p, v), nil
}

func dismissReview(c *call, p *pull) (int, any, error) {
	var in struct{ Message, Event string }
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	v := p.review(c.number("review_id"))
	switch {
	case v == nil:
		return 0, nil, errNotFound
	case in.Message == "":
		return 0, nil, unprocessable("Message can't be blank")
	case in.Event != "" && in.Event != "DISMISS":
		return 0, nil, unprocessable("Event is not DISMISS")
	}
	if err := c.s.dismissReview(p, c.by, v); err != nil {
		return 0, nil, err
	}
	return 200, c.s.reviewJSON(p, v), nil
}

// requestReviewers adds reviewers, or takes them away on DELETE.
func requestReviewers(c *call, p *pull) (int, any, error) {
	var in struct {
		Reviewers     []string `json:"reviewers"`
		TeamReviewers []string `json:"team_reviewers"`
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	var users []*Account
	var teams []*team
	for _, login := range in.Reviewers {
		a := c.s.account(login)
		if a == nil {
			return 0, nil, refuse(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the %s repository.", c.repo.full())
		}
		users = append(users, a)
	}
	for _, slug := range in.TeamReviewers {
		t := c.s.team(c.repo.Owner.Login + "/" + slug)
		if t == nil {
			return 0, nil, refuse(http.StatusUnprocessableEntity, "Could not resolve to a team with the slug %q.", slug)
		}
		teams = append(teams, t)
	}
	if c.req.Method == http.MethodDelete {
		p.Users = slices.DeleteFunc(p.Users, func(a *Account) bool { return slices.Contains(users, a) })
		p.Teams = slices.DeleteFunc(p.Teams, func(t *team) bool { return slices.Contains(teams, t) })
		return 200, c.s.pullSimpleJSON(p), nil
	}
	if err := c.s.requestable(p, users, teams); err != nil {
		return 0, nil, err
	}
	c.s.request(p, c.by, users, teams)
	return 201, c.s.pullSimpleJSON(p), nil
}

func mergePull(c *call, p *pull) (int, any, error) {
	var in struct {
		Title   string  `json:"commit_title"`
		Message string  `json:"commit_message"`
		SHA     string  `json:"sha"`
		Method  *string `json:"merge_method"`
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if err := oneOf("merge_method", in.Method, []string{"merge", "squash", "rebase"}); err != nil {
		return 0, nil, err
	}
	if err := c.s.mergePull(p, c.by, str(in.Method), in.Title, in.Message, in.SHA); err != nil {
		return 0, nil, err
	}
	return 200, obj{"sha": p.MergeSHA, "merged": true, "message": "Pull Request successfully merged"}, nil
}
