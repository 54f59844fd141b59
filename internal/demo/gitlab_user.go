package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
)

// gitlabUser acts by GitLab's REST interface, version 4.
type gitlabUser struct {
	client
	graphql client // for what REST cannot do
	world   *World
}

func (g *gitlabSide) user(w *World, login string) User {
	header := http.Header{"Authorization": {"Bearer " + w.Tokens[login]}}
	return gitlabUser{client{strings.TrimSuffix(w.Host.APIURL(), "/"), login, header},
		client{strings.TrimSuffix(w.Host.GraphQLURL(), "/graphql"), login, header}, w}
}

var gitlabProject = "/projects/" + url.PathEscape(Repo)

func mergeRequest(n int) string { return fmt.Sprintf("%s/merge_requests/%d", gitlabProject, n) }

// gitlabMR is a merge request as GitLab shows it.
type gitlabMR struct {
	IID          int    `json:"iid"`
	Title        string `json:"title"`
	State        string `json:"state"` // opened, closed, locked or merged
	SHA          string `json:"sha"`   // the head
	SourceBranch string `json:"source_branch"`
	MergeCommit  string `json:"merge_commit_sha"`
	SquashCommit string `json:"squash_commit_sha"`
}

const draftMark = "Draft: "

func (u gitlabUser) Open(ctx context.Context, branch, title, body string, draft bool) (int, error) {
	if draft {
		title = draftMark + title
	}
	var mr gitlabMR
	err := u.call(ctx, "POST", gitlabProject+"/merge_requests",
		map[string]any{"source_branch": branch, "target_branch": "main", "title": title, "description": body}, &mr)
	return mr.IID, err
}

func (u gitlabUser) edit(ctx context.Context, n int, change map[string]any) error {
	return u.call(ctx, "PUT", mergeRequest(n), change, nil)
}

func (u gitlabUser) Ready(ctx context.Context, n int) error {
	var mr gitlabMR
	if err := u.call(ctx, "GET", mergeRequest(n), nil, &mr); err != nil {
		return err
	}
	return u.edit(ctx, n, map[string]any{"title": strings.TrimPrefix(mr.Title, draftMark)})
}

func (u gitlabUser) Retarget(ctx context.Context, n int, branch string) error {
	return u.edit(ctx, n, map[string]any{"target_branch": branch})
}

func (u gitlabUser) Close(ctx context.Context, n int) error {
	return u.edit(ctx, n, map[string]any{"state_event": "close"})
}

func (u gitlabUser) Label(ctx context.Context, n int, name string) error {
	return u.edit(ctx, n, map[string]any{"add_labels": name})
}

func (u gitlabUser) Issues(ctx context.Context) ([]Issue, error) {
	var list []struct {
		IID         int    `json:"iid"`
		Title       string `json:"title"`
		Description string `json:"description"`
		State       string `json:"state"`
	}
	err := u.call(ctx, "GET", gitlabProject+"/issues?scope=all&labels=lumos", nil, &list)
	var out []Issue
	for _, i := range list {
		out = append(out, Issue{i.IID, i.Title, i.Description, i.State == "opened"})
	}
	return out, err
}

func (u gitlabUser) Review(ctx context.Context, n int, event Event, body string) error {
	switch event {
	case Approve:
		err := u.call(ctx, "POST", mergeRequest(n)+"/approve", nil, nil)
		var refused *Refusal
		if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			return err
		}
		// Whoever has approved before takes that back first: a push does not.
		if err := u.Withdraw(ctx, n, u.login); err != nil {
			return err
		}
		return u.call(ctx, "POST", mergeRequest(n)+"/approve", nil, nil)
	case RequestChanges:
		return u.requestChanges(ctx, n)
	case Remark:
		return u.Comment(ctx, n, body)
	}
	return fmt.Errorf("no review is called %q", event)
}

// requestChanges makes the user the reviewer first: GitLab takes a review's state from reviewers alone. On
// the Free tier a merge request has one, and only the page has a button for the rest.
func (u gitlabUser) requestChanges(ctx context.Context, n int) error {
	var answer struct {
		Errors []struct{ Message string }
		Data   map[string]*struct{ Errors []string }
	}
	err := u.graphql.call(ctx, "POST", "/graphql", map[string]any{
		"query": `mutation RequestChanges($project: ID!, $iid: String!, $me: [String!]!) {
			reviewer: mergeRequestSetReviewers(input: {projectPath: $project, iid: $iid, reviewerUsernames: $me, operationMode: REPLACE}) { errors }
		}`,
		"variables": map[string]any{"project": Repo, "iid": fmt.Sprint(n), "me": []string{u.login}},
	}, &answer)
	if err != nil {
		return err
	}
	for _, e := range answer.Errors {
		return fmt.Errorf("%s: requesting changes: %s", u.login, e.Message)
	}
	for name, done := range answer.Data {
		if done == nil || len(done.Errors) > 0 {
			return fmt.Errorf("%s: requesting changes: %s: %+v", u.login, name, done)
		}
	}
	return u.world.Host.As(u.login).RequestChanges(Repo, n)
}

// Withdraw acts as the reviewer: on GitLab nobody else can take an approval back.
func (u gitlabUser) Withdraw(ctx context.Context, n int, reviewer string) error {
	return u.world.side.user(u.world, reviewer).(gitlabUser).call(ctx, "POST", mergeRequest(n)+"/unapprove", nil, nil)
}

type gitlabNote struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	System bool   `json:"system"`
	Author struct {
		Username string `json:"username"`
	} `json:"author"`
}

// notes are all notes, oldest first.
func (u gitlabUser) notes(ctx context.Context, n int) (all []gitlabNote, err error) {
	for page := 1; ; page++ {
		var some []gitlabNote
		if err := u.call(ctx, "GET", fmt.Sprintf("%s/notes?sort=asc&order_by=created_at&per_page=100&page=%d", mergeRequest(n), page), nil, &some); err != nil {
			return nil, err
		}
		if all = append(all, some...); len(some) < 100 {
			return slices.DeleteFunc(all, func(x gitlabNote) bool { return x.System }), nil
		}
	}
}

func (u gitlabUser) Comment(ctx context.Context, n int, body string) error {
	return u.call(ctx, "POST", mergeRequest(n)+"/notes", map[string]any{"body": body}, nil)
}

func (u gitlabUser) Rewrite(ctx context.Context, n int, body string) error {
	all, err := u.notes(ctx, n)
	if err != nil {
		return err
	}
	for _, note := range slices.Backward(all) {
		if note.Author.Username == u.login {
			return u.call(ctx, "PUT", fmt.Sprintf("%s/notes/%d", mergeRequest(n), note.ID), map[string]any{"body": body}, nil)
		}
	}
	return fmt.Errorf("%s has not commented", u.login)
}

// Merge is refused with 401 to who may not merge at all, 405 while something blocks, 406 and 422 on a
// conflict, 409 when the head has moved (docs.gitlab.com, "Merge requests API", 2026).
func (u gitlabUser) Merge(ctx context.Context, n int) error {
	err := u.call(ctx, "PUT", mergeRequest(n)+"/merge", map[string]any{"squash": true}, nil)
	return notMerged(err, http.StatusUnauthorized, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusConflict, http.StatusUnprocessableEntity)
}

// Status names the branch, so that the status joins the pipeline that the merge request waits for.
func (u gitlabUser) Status(ctx context.Context, n int, sha, name, state string) error {
	var mr gitlabMR
	if err := u.call(ctx, "GET", mergeRequest(n), nil, &mr); err != nil {
		return err
	}
	if state == "failure" {
		state = "failed"
	}
	return u.call(ctx, "POST", gitlabProject+"/statuses/"+sha, map[string]any{"state": state, "name": name, "ref": mr.SourceBranch}, nil)
}

type gitlabStatus struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Ref         string `json:"ref"`
	Status      string `json:"status"`
	Description string `json:"description"`
}

// Look takes the gate from the newest commit status of its name on the branch, whoever set it: that is
// what the host waits for. Everything else that Lumos says of its checks is in its status comment.
func (u gitlabUser) Look(ctx context.Context, n int) (*PullRequest, error) {
	var mr gitlabMR
	if err := u.call(ctx, "GET", mergeRequest(n), nil, &mr); err != nil {
		return nil, err
	}
	pr := &PullRequest{Number: n, State: mr.State, Merged: mr.State == "merged", Head: mr.SHA, Merge: mr.MergeCommit, Checks: map[string]Check{}}
	if pr.State == "opened" {
		pr.State = string(forge.Open)
	}
	if pr.Merge == "" {
		pr.Merge = mr.SquashCommit
	}
	// The status first: Lumos writes its note before it, so that what the note says is never older.
	statuses, err := u.statuses(ctx, pr.Head, false)
	if err != nil {
		return nil, err
	}
	notes, err := u.notes(ctx, n)
	if err != nil {
		return nil, err
	}
	var gaps string
	for _, note := range notes {
		if note.Author.Username != u.world.Bot.Login {
			continue
		}
		if _, ok := forge.ThreadKey(note.Body); ok {
			gaps += note.Body + "\n"
			continue
		}
		pr.hear(note.Body)
	}
	ledger := map[string]forge.Check{}
	for _, c := range forge.ReadLedger(pr.Status) {
		if c.HeadSHA == pr.Head {
			ledger[c.Name] = c
		}
	}
	if c, ok := ledger[forge.ComplianceCheck]; ok {
		pr.Checks[c.Name] = Check{State: checkState(c), Text: pr.Status + "\n" + gaps}
	}
	for _, s := range slices.Backward(statuses) { // newest first, so that the newest is read last
		if s.Name == forge.GateCheck && s.Ref == mr.SourceBranch {
			check := Check{State: gateState(s.Status), Title: s.Description}
			if _, ok := ledger[s.Name]; ok {
				check.Text = pr.Status
			}
			pr.Checks[s.Name] = check
		}
	}
	return pr, nil
}

// statuses are the commit statuses of a commit, newest first: the last of each name, or all.
func (u gitlabUser) statuses(ctx context.Context, sha string, all bool) (list []gitlabStatus, err error) {
	err = u.call(ctx, "GET", fmt.Sprintf("%s/repository/commits/%s/statuses?per_page=100&all=%t", gitlabProject, sha, all), nil, &list)
	slices.SortFunc(list, func(a, b gitlabStatus) int { return int(b.ID - a.ID) })
	return list, err
}

func checkState(c forge.Check) string {
	if c.Conclusion != "" {
		return string(c.Conclusion)
	}
	return string(c.Status)
}

// gateState says a commit status's state in the words of a check run.
func gateState(state string) string {
	switch state {
	case "success":
		return string(forge.Success)
	case "failed", "canceled":
		return string(forge.Failure)
	default:
		return string(forge.InProgress)
	}
}
