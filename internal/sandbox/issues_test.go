package sandbox

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; the bot uses it still

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
	"github.com/xanzy/go-gitlab"
)

// TestIssues goes through an issue's life on GitHub, and holds each answer and each webhook against GitHub's
// description where that is at hand.
func TestIssues(t *testing.T) {
	t.Parallel()
	hooks := newReceiver(t, "hush")
	st := newStage(t, Options{}, hooks.URL)
	st.subscribe("issues")
	ctx := t.Context()
	n, _ := st.pull("b")

	request := &github.IssueRequest{Title: github.String("Fallen back"), Body: github.String("Why"), Labels: &[]string{"lumos"}}
	first, _, err := st.app.Issues.Create(ctx, "acme", "models", request)
	st.ok(err)
	if first.GetNumber() != n+1 || len(first.Labels) != 0 || first.GetUser().GetLogin() != "lumos[bot]" || first.GetState() != "open" {
		t.Errorf("opened %+v; a label that is not there is dropped, and pull requests share the numbers", first)
	}
	_, _, err = st.app.Issues.CreateLabel(ctx, "acme", "models", &github.Label{Name: github.String("lumos"), Color: github.String("5319e7")})
	st.ok(err)
	_, _, err = st.app.Issues.CreateLabel(ctx, "acme", "models", &github.Label{Name: github.String("Lumos")})
	st.status(http.StatusUnprocessableEntity, err, "already_exists")
	_, _, err = st.app.Issues.AddLabelsToIssue(ctx, "acme", "models", first.GetNumber(), []string{"lumos"})
	st.ok(err)
	second, _, err := st.app.Issues.Create(ctx, "acme", "models", request)
	st.ok(err)
	if len(second.Labels) != 1 {
		t.Errorf("labels %v", second.Labels)
	}
	_, err = st.As("ada").OpenIssue(repoName, "A wish", "Please", "lumos")
	st.ok(err)
	for _, e := range []*github.IssueRequest{{Title: github.String("Fallen further")}, {State: github.String("closed")}, {State: github.String("open")}, {State: github.String("closed")}} {
		_, _, err = st.app.Issues.Edit(ctx, "acme", "models", first.GetNumber(), e)
		st.ok(err)
	}
	_, _, err = st.app.Issues.Edit(ctx, "acme", "models", first.GetNumber(), &github.IssueRequest{State: github.String("gone")})
	st.status(http.StatusUnprocessableEntity, err, "state")

	listed := func(opt github.IssueListByRepoOptions) string {
		t.Helper()
		page, _, err := st.app.Issues.ListByRepo(ctx, "acme", "models", &opt)
		st.ok(err)
		var titles []string
		for _, i := range page {
			titles = append(titles, i.GetTitle())
		}
		return strings.Join(titles, ", ")
	}
	for want, opt := range map[string]github.IssueListByRepoOptions{
		"A wish, Fallen back, Release b":                 {},
		"A wish, Fallen back, Fallen further, Release b": {State: "all"},
		"Fallen back, Fallen further":                    {State: "all", Creator: "lumos[bot]", Labels: []string{"lumos"}},
		"Fallen further, Fallen back":                    {State: "all", Creator: "lumos[bot]", Direction: "asc"},
		"Fallen further":                                 {State: "closed"},
		"A wish":                                         {Labels: []string{"LUMOS"}, Creator: "ada"},
	} {
		if got := listed(opt); got != want {
			t.Errorf("%+v lists %q, want %q", opt, got, want)
		}
	}
	if pulls, _, err := st.app.PullRequests.List(ctx, "acme", "models", nil); err != nil || len(pulls) != 1 {
		t.Errorf("pull requests %v, %v", pulls, err)
	}
	if v, _ := st.Repo(repoName); len(v.Pulls) != 1 {
		t.Errorf("the page lists %d pull requests", len(v.Pulls))
	}

	outsider, err := st.CreateUser("eve", "Eve", "eve@example.com")
	st.ok(err)
	st.ok(st.Grant("eve", repoName, "read"))
	eve, err := github.NewClient(nil).WithAuthToken(outsider.Token).WithEnterpriseURLs(st.APIURL(), st.APIURL())
	st.ok(err)
	hers, _, err := eve.Issues.Create(ctx, "acme", "models", request)
	st.ok(err)
	if len(hers.Labels) != 0 {
		t.Error("whoever may only read sets labels")
	}
	_, _, err = eve.Issues.Edit(ctx, "acme", "models", first.GetNumber(), &github.IssueRequest{State: github.String("open")})
	st.status(http.StatusForbidden, err, "")

	st.ok(st.DisableIssues(repoName))
	_, _, err = st.app.Issues.Create(ctx, "acme", "models", request)
	st.status(http.StatusGone, err, "disabled")
	if got := listed(github.IssueListByRepoOptions{State: "all"}); got != "Release b" {
		t.Errorf("without issues %q is listed", got)
	}

	st.ok(st.WaitIdle(ctx))
	st.describedHooks()
	var told []string
	for _, d := range st.Deliveries(st.lumos.AppID) {
		if d.Event == "issues" {
			told = append(told, d.Action)
		}
	}
	if got, want := strings.Join(told, " "), "opened labeled opened labeled opened labeled edited closed reopened closed opened"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// subscribe adds an event to those that the App is told of.
func (st *stage) subscribe(events ...string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, a := range st.apps {
		if a.ID == st.lumos.AppID {
			a.Events = append(a.Events, events...)
		}
	}
}

// describedHooks holds every webhook so far against GitHub's description, when it is at hand.
func (st *stage) describedHooks() {
	st.t.Helper()
	if os.Getenv("LUMOS_OCTOKIT") == "" {
		return
	}
	rest, err := described()
	st.ok(err)
	seen := map[string]bool{}
	for _, d := range st.Deliveries(st.lumos.AppID) {
		for _, f := range rest.CheckWebhook(d.Event, d.Action, d.Payload) {
			if !seen[f] {
				st.t.Error(f)
			}
			seen[f] = true
		}
	}
}

func TestGitLabIssues(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	bot, err := st.CreateBot("acme", "lumos", "maintainer", "api")
	st.ok(err)
	c, err := gitlab.NewClient(bot.Token, gitlab.WithBaseURL(st.APIURL()), gitlab.WithCustomRetryMax(0))
	st.ok(err)
	hooks := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(hooks.Close)
	hook, err := st.SetHook(glRepoName, GitLabHook{URL: hooks.URL, Events: []string{"issues_events"}})
	st.ok(err)
	n, _ := st.open("b")
	made, _, err := c.Issues.CreateIssue(glRepoName, &gitlab.CreateIssueOptions{Title: gitlab.Ptr("Fallen back"), Description: gitlab.Ptr("Why"), Labels: &gitlab.LabelOptions{"lumos"}})
	st.ok(err)
	if made.IID != 1 || n != 1 || len(made.Labels) != 1 || made.State != "opened" || made.Author.ID != int(bot.Account.ID) {
		t.Errorf("opened %+v", made)
	}
	_, err = st.As("jonas").OpenIssue(glRepoName, "A wish", "Please", "lumos")
	st.ok(err)
	for _, event := range []string{"reopen", "close", "close", "reopen"} {
		_, _, err = c.Issues.UpdateIssue(glRepoName, 1, &gitlab.UpdateIssueOptions{Title: gitlab.Ptr("Fallen " + event), StateEvent: &event})
		st.ok(err)
	}
	_, resp, err := c.Issues.UpdateIssue(glRepoName, 1, &gitlab.UpdateIssueOptions{})
	if err == nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an update of nothing: %v", err)
	}
	_, resp, err = c.Issues.CreateIssue(glRepoName, &gitlab.CreateIssueOptions{Title: gitlab.Ptr(strings.Repeat("x", 256))})
	if err == nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a title too long: %v", err)
	}
	list, _, err := c.Issues.ListProjectIssues(glRepoName, &gitlab.ListProjectIssuesOptions{AuthorID: gitlab.Ptr(int(bot.Account.ID)), Labels: &gitlab.LabelOptions{"lumos"}, Scope: gitlab.Ptr("all")})
	st.ok(err)
	if len(list) != 1 || list[0].Title != "Fallen reopen" {
		t.Errorf("listed %+v", list)
	}
	jonas, err := gitlab.NewClient(st.jonas.Token, gitlab.WithBaseURL(st.APIURL()), gitlab.WithCustomRetryMax(0))
	st.ok(err)
	if all, _, err := jonas.Issues.ListProjectIssues(glRepoName, nil); err != nil || len(all) != 2 {
		t.Errorf("listed %v, %v", all, err)
	}
	page := &stage{Sandbox: st.Sandbox, t: t}
	v := page.visitor("emil")
	page.has(v.get("/"+glRepoName, http.StatusOK), "/-/issues", "2 open.")
	page.has(v.get("/"+glRepoName+"/-/issues", http.StatusOK), "Fallen reopen", "A wish")
	page.has(v.post("/"+glRepoName+"/-/issues/2/closed", http.StatusOK, url.Values{}), "Reopen issue", "Please")
	st.ok(st.DisableIssues(glRepoName))
	if all, _, err := c.Issues.ListProjectIssues(glRepoName, nil); err != nil || len(all) != 0 {
		t.Errorf("without issues: %v, %v", all, err)
	}
	_, resp, err = c.Issues.CreateIssue(glRepoName, &gitlab.CreateIssueOptions{Title: gitlab.Ptr("x")})
	if err == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("without issues: %v", err)
	}
	st.ok(st.WaitIdle(t.Context()))
	var told []string
	for _, d := range st.Deliveries(hook) {
		told = append(told, d.Action)
	}
	if got, want := strings.Join(told, " "), "open open update update close update reopen close"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestIssuePages(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	n, err := st.As("ada").OpenIssue(repoName, "Fallen <back>", "It **fell**", "lumos")
	st.ok(err)
	v := st.visitor("bo")
	st.has(v.get("/"+repoName, http.StatusOK), "Issues", "1 open.")
	st.has(v.get("/"+repoName+"/issues", http.StatusOK), "Fallen &lt;back&gt;", "lumos", "#1 by ada")
	v.get("/"+repoName+"/other", http.StatusNotFound)
	at := fmt.Sprintf("/%s/issues/%d", repoName, n)
	st.has(v.get(at, http.StatusOK), "It **fell**", "Close issue")
	st.has(v.post(at+"/closed", http.StatusOK, url.Values{}), "Reopen issue")
	st.has(v.get("/"+repoName+"/issues", http.StatusOK), "1 closed")
	v.get("/"+repoName+"/issues/7", http.StatusNotFound)
	v.post(at+"/gone", http.StatusNotFound, url.Values{})
}
