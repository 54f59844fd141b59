package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
)

// labelColor is what IssueLabel looks like where Lumos has to make it.
const labelColor = "5319e7"

// me is our own account, which the host is asked for once.
func (a *App) me(ctx context.Context, in *installation) (forge.Account, error) {
	a.mu.Lock()
	me := a.bot
	a.mu.Unlock()
	if me.ID != 0 {
		return me, nil
	}
	app, _, err := a.rest.Apps.Get(ctx, "")
	if err != nil {
		return forge.Account{}, err
	}
	if me, err = in.account(ctx, app.GetSlug()); err != nil {
		return forge.Account{}, err
	}
	a.mu.Lock()
	a.bot = me
	a.mu.Unlock()
	return me, nil
}

// account reads the account that an App's comments, issues and commits carry.
func (in *installation) account(ctx context.Context, slug string) (forge.Account, error) {
	me := forge.Account{Login: slug + "[bot]", Kind: forge.Bot}
	user, _, err := in.rest.Users.Get(ctx, url.PathEscape(me.Login))
	if err != nil {
		return forge.Account{}, fmt.Errorf("the account of %s: %w", me.Login, err)
	}
	me.ID = user.GetID()
	return me, nil
}

// Issues lists the issues that our own account opened. GitHub counts pull requests among issues: those are
// left out.
func (a *App) Issues(ctx context.Context, repo forge.Repo) ([]forge.Issue, error) {
	in, err := a.in(ctx, repo)
	if err != nil {
		return nil, err
	}
	me, err := a.me(ctx, in)
	if err != nil {
		return nil, a.failed(in, err, "listing the issues of %s", repo.FullName())
	}
	opt := &github.IssueListByRepoOptions{
		State: "all", Creator: me.Login, Labels: []string{forge.IssueLabel}, Sort: "created", Direction: "desc",
		ListOptions: github.ListOptions{PerPage: perPage},
	}
	var out []forge.Issue
	for {
		page, resp, err := in.rest.Issues.ListByRepo(ctx, repo.Owner, repo.Name, opt)
		if err != nil {
			return nil, a.failed(in, err, "listing the issues of %s", repo.FullName())
		}
		for _, i := range page {
			if !i.IsPullRequest() && i.GetUser().GetID() == me.ID && labelled(i) {
				out = append(out, issueOf(i))
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

func labelled(i *github.Issue) bool {
	return slices.ContainsFunc(i.Labels, func(l *github.Label) bool { return strings.EqualFold(l.GetName(), forge.IssueLabel) })
}

func issueOf(i *github.Issue) forge.Issue {
	return forge.Issue{Number: i.GetNumber(), Title: i.GetTitle(), Body: i.GetBody(), Open: i.GetState() == "open", URL: i.GetHTMLURL()}
}

// WriteIssue creates or changes an issue in one request, but for the first of a repository: where GitHub
// has dropped the label because there was none of that name, the label is made and put on.
func (a *App) WriteIssue(ctx context.Context, repo forge.Repo, w forge.IssueWrite) (forge.Issue, error) {
	in, err := a.in(ctx, repo)
	if err != nil {
		return forge.Issue{}, err
	}
	out, err := in.writeIssue(ctx, repo, w)
	return out, a.failed(in, err, "writing an issue of %s", repo.FullName())
}

func (in *installation) writeIssue(ctx context.Context, repo forge.Repo, w forge.IssueWrite) (forge.Issue, error) {
	state := "closed"
	if w.Open {
		state = "open"
	}
	request := &github.IssueRequest{Title: github.String(shortenTitle(w.Title)), Body: github.String(shorten(w.Body))}
	if w.Number != 0 {
		request.State = &state
		got, _, err := in.rest.Issues.Edit(ctx, repo.Owner, repo.Name, w.Number, request)
		if err != nil {
			return forge.Issue{}, fmt.Errorf("#%d: %w", w.Number, err)
		}
		return issueOf(got), nil
	}
	request.Labels = &[]string{forge.IssueLabel}
	got, _, err := in.rest.Issues.Create(ctx, repo.Owner, repo.Name, request)
	if err != nil {
		return forge.Issue{}, err
	}
	out := issueOf(got)
	if out.Number == 0 {
		return out, errors.New("GitHub did not say which issue it wrote")
	}
	if !labelled(got) {
		if err := in.label(ctx, repo, out.Number); err != nil {
			return out, fmt.Errorf("#%d was opened, but cannot be labelled %q: %w", out.Number, forge.IssueLabel, err)
		}
	}
	if !w.Open {
		w.Number = out.Number
		return in.writeIssue(ctx, repo, w)
	}
	return out, nil
}

// label puts our label on an issue, and makes it first if it is not there. Without it the issue would not
// be found again.
func (in *installation) label(ctx context.Context, repo forge.Repo, number int) error {
	label := &github.Label{Name: github.String(forge.IssueLabel), Color: github.String(labelColor)}
	_, _, made := in.rest.Issues.CreateLabel(ctx, repo.Owner, repo.Name, label)
	if status(made) == http.StatusUnprocessableEntity {
		made = nil // it is there
	}
	_, _, err := in.rest.Issues.AddLabelsToIssue(ctx, repo.Owner, repo.Name, number, []string{forge.IssueLabel})
	if err != nil {
		return cmp.Or(made, err)
	}
	return nil
}
