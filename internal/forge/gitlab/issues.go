package gitlab

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; only this room knows it

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/xanzy/go-gitlab"

	"github.com/lumos-governance/lumos/internal/forge"
)

// maxIssueTitle is how many characters GitLab takes as a title.
const maxIssueTitle = 255

// issue is an issue as far as it is used. The library's own type does not take an answer without an id.
type issue struct {
	IID         int      `json:"iid"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	State       string   `json:"state"` // opened or closed
	WebURL      string   `json:"web_url"`
	Labels      []string `json:"labels"`
	Author      struct {
		ID int64 `json:"id"`
	} `json:"author"`
}

func (i issue) facts() forge.Issue {
	return forge.Issue{Number: i.IID, Title: i.Title, Body: bare(i.Description), Open: i.State == "opened", URL: i.WebURL}
}

// self is our own account, which the host is asked for once.
func (h *Host) self(ctx context.Context) (forge.Account, error) {
	if me := h.account.Load(); me != nil {
		return *me, nil
	}
	me, err := h.Identity(ctx)
	if err != nil {
		return forge.Account{}, err
	}
	h.account.Store(&me)
	return me, nil
}

// Issues lists the issues that our own account opened. On a project without issues the list is empty.
func (h *Host) Issues(ctx context.Context, repo forge.Repo) ([]forge.Issue, error) {
	if err := checkPath(repo.FullName(), 2); err != nil {
		return nil, err
	}
	me, err := h.self(ctx)
	if err != nil {
		return nil, err
	}
	opt := &gitlab.ListProjectIssuesOptions{
		ListOptions: gitlab.ListOptions{PerPage: perPage, Page: 1},
		AuthorID:    gitlab.Ptr(int(me.ID)), Labels: &gitlab.LabelOptions{forge.IssueLabel}, Scope: gitlab.Ptr("all"),
		OrderBy: gitlab.Ptr("created_at"), Sort: gitlab.Ptr("desc"),
	}
	var out []forge.Issue
	for {
		var page []issue
		resp, err := h.get(ctx, projectOf(repo.FullName())+"/issues", opt, &page)
		if err != nil {
			return nil, h.fail(err, "listing the issues of %s", repo.FullName())
		}
		for _, i := range page {
			if i.Author.ID == me.ID && slices.Contains(i.Labels, forge.IssueLabel) {
				out = append(out, i.facts())
			}
		}
		if len(out) > forge.MaxIssues {
			return nil, fmt.Errorf("listing the issues of %s: %w: more than %d", repo.FullName(), forge.ErrTooLarge, forge.MaxIssues)
		}
		if opt.Page = resp.NextPage; opt.Page == 0 {
			return out, nil
		}
	}
}

// WriteIssue creates or changes an issue in one request. GitLab makes a label that is not there.
func (h *Host) WriteIssue(ctx context.Context, repo forge.Repo, w forge.IssueWrite) (forge.Issue, error) {
	if err := checkPath(repo.FullName(), 2); err != nil {
		return forge.Issue{}, err
	}
	out, err := h.writeIssue(ctx, repo, w)
	return out, h.fail(err, "writing an issue of %s", repo.FullName())
}

func (h *Host) writeIssue(ctx context.Context, repo forge.Repo, w forge.IssueWrite) (forge.Issue, error) {
	title := w.Title
	if r := []rune(title); len(r) > maxIssueTitle {
		title = string(r[:maxIssueTitle-1]) + "…"
	}
	// A description is read for commands as a note is.
	body := shorten(w.Body)
	if w.Number != 0 {
		event := "close"
		if w.Open {
			event = "reopen"
		}
		opt := &gitlab.UpdateIssueOptions{Title: &title, Description: &body, StateEvent: &event}
		got, err := h.sendIssue(ctx, http.MethodPut, fmt.Sprintf("%s/issues/%d", projectOf(repo.FullName()), w.Number), opt)
		if err != nil {
			return forge.Issue{}, fmt.Errorf("#%d: %w", w.Number, err)
		}
		return got.facts(), nil
	}
	opt := &gitlab.CreateIssueOptions{Title: &title, Description: &body, Labels: &gitlab.LabelOptions{forge.IssueLabel}}
	got, err := h.sendIssue(ctx, http.MethodPost, projectOf(repo.FullName())+"/issues", opt)
	if err != nil {
		return forge.Issue{}, err
	}
	out := got.facts()
	switch {
	case !slices.Contains(got.Labels, forge.IssueLabel):
		return out, fmt.Errorf("%w: #%d was opened, but GitLab did not label it %q", forge.ErrForbidden, out.Number, forge.IssueLabel)
	case !w.Open:
		w.Number = out.Number
		return h.writeIssue(ctx, repo, w)
	}
	return out, nil
}

func (h *Host) sendIssue(ctx context.Context, method, path string, opt any) (issue, error) {
	req, err := h.rest.NewRequest(method, path, opt, h.with(ctx))
	if err != nil {
		return issue{}, err
	}
	var got issue
	if _, err := h.rest.Do(req, &got); err != nil {
		return issue{}, err
	}
	if got.IID == 0 {
		return issue{}, errors.New("GitLab did not say which issue it wrote")
	}
	return got, nil
}
