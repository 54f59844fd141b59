package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

func TestStory(t *testing.T) {
	t.Parallel()
	hooks := newReceiver(t, "hush")
	st := newStage(t, Options{Owners: func([]byte, []string) []string { return []string{"bo", "acme/risk", "ada"} }}, hooks.URL)
	ctx := t.Context()

	dir := st.clone(st.ada)
	st.mustGit(dir, "switch", "-q", "-c", "release/b")
	st.ok(os.WriteFile(filepath.Join(dir, "releases", "b.yaml"), []byte("name: b\n"), 0o600))
	st.mustGit(dir, "mv", "releases/a/1.yaml", "releases/a/2.yaml")
	st.mustGit(dir, "add", ".")
	st.mustGit(dir, "commit", "-q", "-m", "add b")
	st.mustGit(dir, "push", "-q", "origin", "release/b")
	head := st.mustGit(dir, "rev-parse", "HEAD")

	pr, _, err := st.adaClient.PullRequests.Create(ctx, "acme", "models", &github.NewPullRequest{
		Title: github.String("b"), Head: github.String("release/b"), Base: github.String("main")})
	st.ok(err)
	if pr.GetHead().GetSHA() != head || !pr.GetMergeable() || pr.GetMergeableState() != "blocked" {
		t.Fatalf("opened: %v", pr)
	}
	pr, _, err = st.app.PullRequests.Get(ctx, "acme", "models", 1)
	st.ok(err)
	if len(pr.RequestedReviewers) != 1 || pr.RequestedReviewers[0].GetLogin() != "bo" || len(pr.RequestedTeams) != 1 {
		t.Fatalf("asked by the host: %v %v", pr.RequestedReviewers, pr.RequestedTeams)
	}
	files, _, err := st.app.PullRequests.ListFiles(ctx, "acme", "models", 1, nil)
	st.ok(err)
	if len(files) != 2 || files[0].GetPreviousFilename() != "releases/a/1.yaml" || files[1].GetStatus() != "added" || files[1].GetPatch() != "@@ -0,0 +1 @@\n+name: b" {
		t.Fatalf("files: %v", files)
	}
	commits, _, err := st.app.PullRequests.ListCommits(ctx, "acme", "models", 1, nil)
	st.ok(err)
	if len(commits) != 1 || commits[0].GetAuthor().GetLogin() != "ada" {
		t.Fatalf("commits: %v", commits)
	}

	_, _, err = st.app.PullRequests.Merge(ctx, "acme", "models", 1, "", nil)
	st.status(405, err, `"lumos/gate" is expected`)
	run, _, err := st.app.Checks.CreateCheckRun(ctx, "acme", "models", check("lumos/gate", head, ""))
	st.ok(err)
	_, _, err = st.app.PullRequests.Merge(ctx, "acme", "models", 1, "", nil)
	st.status(405, err, `is pending`)
	_, _, err = st.app.Checks.UpdateCheckRun(ctx, "acme", "models", run.GetID(), github.UpdateCheckRunOptions{Name: "lumos/gate", Status: github.String("completed"), Conclusion: github.String("success")})
	st.ok(err)
	_, _, err = st.app.PullRequests.Merge(ctx, "acme", "models", 1, "", &github.PullRequestOptions{SHA: strings.Repeat("1", 40)})
	st.status(409, err, "Head branch was modified")
	merged, _, err := st.app.PullRequests.Merge(ctx, "acme", "models", 1, "", &github.PullRequestOptions{SHA: head, MergeMethod: "squash"})
	st.ok(err)

	st.mustGit(dir, "fetch", "-q", "origin")
	if tip := st.mustGit(dir, "rev-parse", "origin/main"); tip != merged.GetSHA() {
		t.Fatalf("main is at %s, merged as %s", tip, merged.GetSHA())
	}
	allowed := filepath.Join(t.TempDir(), "allowed")
	st.ok(os.WriteFile(allowed, []byte("noreply@github.com namespaces=\"git\" "+st.SigningKey()+"\n"), 0o600))
	st.mustGit(dir, "-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", "origin/main")
	if body := st.mustGit(dir, "log", "-1", "--format=%an <%ae> %s", "origin/main"); body != "Ada <ada@example.com> b (#1)" {
		t.Fatalf("squashed: %s", body)
	}

	acts, err := activityOf(st, "refs/heads/main")
	st.ok(err)
	if len(acts) != 1 || acts[0].Type != "pr_merge" || acts[0].Actor.GetLogin() != "lumos[bot]" {
		t.Fatalf("activity: %+v", acts)
	}
	st.ok(st.WaitIdle(ctx))
	want := "installation.created push. pull_request.opened pull_request.review_requested pull_request.review_requested check_run.created check_run.completed push. pull_request.closed"
	if got := hooks.seen(); got != want {
		t.Fatalf("webhooks:\n%s\nwant\n%s", got, want)
	}
}

type act struct {
	Type  string       `json:"activity_type"`
	After string       `json:"after"`
	Actor *github.User `json:"actor"`
}

func activityOf(st *stage, ref string) (out []act, err error) {
	req, err := st.app.NewRequest("GET", "repos/acme/models/activity?ref="+ref, nil)
	if err == nil {
		_, err = st.app.Do(st.t.Context(), req, &out)
	}
	return out, err
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	ctx := t.Context()
	n, head := st.pull("b")
	create := func(c *github.Client, edit func(*github.CreateCheckRunOptions)) error {
		o := check("lumos/gate", head, "success")
		edit(&o)
		_, _, err := c.Checks.CreateCheckRun(ctx, "acme", "models", o)
		return err
	}
	output := func(summary string, notes int) *github.CheckRunOutput {
		o := &github.CheckRunOutput{Title: github.String("t"), Summary: &summary}
		for range notes {
			o.Annotations = append(o.Annotations, &github.CheckRunAnnotation{Path: github.String("README.md"), StartLine: github.Int(1), EndLine: github.Int(1),
				AnnotationLevel: github.String("failure"), Message: github.String("no")})
		}
		return o
	}
	for _, tt := range []struct {
		name     string
		do       func() error
		status   int
		contains string
	}{
		{"51 annotations", func() error {
			return create(st.app, func(o *github.CreateCheckRunOptions) { o.Output = output("s", 51) })
		}, 422, "50 items"},
		{"50 annotations", func() error {
			return create(st.app, func(o *github.CreateCheckRunOptions) { o.Name, o.Output = "x", output("s", 50) })
		}, 200, ""},
		{"long summary", func() error {
			return create(st.app, func(o *github.CreateCheckRunOptions) { o.Output = output(strings.Repeat("s", 65536), 0) })
		}, 422, "65535"},
		{"unknown conclusion", func() error {
			return create(st.app, func(o *github.CreateCheckRunOptions) { o.Conclusion = github.String("passed") })
		}, 422, "Must be one of"},
		{"conclusion stale", func() error {
			return create(st.app, func(o *github.CreateCheckRunOptions) { o.Conclusion = github.String("stale") })
		}, 422, "Must be one of"},
		{"completed without conclusion", func() error {
			return create(st.app, func(o *github.CreateCheckRunOptions) { o.Conclusion = nil })
		}, 422, ""},
		{"unknown commit", func() error {
			return create(st.app, func(o *github.CreateCheckRunOptions) { o.HeadSHA = strings.Repeat("1", 40) })
		}, 422, "No commit found"},
		{"check run by a person", func() error { return create(st.adaClient, func(*github.CreateCheckRunOptions) {}) }, 403, "GitHub App"},
		{"own approval", func() error {
			_, err := st.As("ada").Review(repoName, n, "APPROVE", "", "")
			return err
		}, 422, "approve your own"},
		{"review event", func() error {
			_, err := st.As("bo").Review(repoName, n, "APPROVED", "", "")
			return err
		}, 422, "APPROVE"},
		{"empty comment", func() error { _, err := st.As("bo").Comment(repoName, n, " "); return err }, 422, ""},
		{"second pull request", func() error {
			_, err := st.As("ada").Open(repoName, "again", "", "b", "main", false)
			return err
		}, 422, "already exists"},
		{"merge method", func() error {
			_, _, err := st.app.PullRequests.Merge(ctx, "acme", "models", n, "", &github.PullRequestOptions{MergeMethod: "octopus"})
			return err
		}, 422, "Must be one of"},
		{"push to a protected branch", func() error {
			_, err := st.As("ada").Commit(repoName, "main", "x", map[string][]byte{"x": nil, "y": []byte("y")})
			return err
		}, 422, "Required status check"},
		{"unknown reviewer", func() error {
			_, _, err := st.app.PullRequests.RequestReviewers(ctx, "acme", "models", n, github.ReviewersRequest{Reviewers: []string{"nobody"}})
			return err
		}, 422, "collaborator"},
		{"author as reviewer", func() error {
			_, _, err := st.app.PullRequests.RequestReviewers(ctx, "acme", "models", n, github.ReviewersRequest{Reviewers: []string{"ada"}})
			return err
		}, 422, "author"},
		{"unknown route", func() error {
			req, err := st.app.NewRequest("GET", "repos/acme/models/nothing", nil)
			if err == nil {
				_, err = st.app.Do(ctx, req, nil)
			}
			return err
		}, 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner := *st
			inner.t = t
			inner.status(tt.status, tt.do(), tt.contains)
		})
	}
}

func TestForeignApp(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	ctx := t.Context()
	n, head := st.pull("b")
	_, _, err := st.other.Checks.CreateCheckRun(ctx, "acme", "models", check("lumos/gate", head, "success"))
	st.ok(err)
	_, _, err = st.adaClient.Repositories.CreateStatus(ctx, "acme", "models", head, &github.RepoStatus{State: github.String("success"), Context: github.String("lumos/gate")})
	st.ok(err)
	st.status(405, st.As("bo").Merge(repoName, n, "merge", ""), "is expected")
	run, _, err := st.app.Checks.CreateCheckRun(ctx, "acme", "models", check("lumos/gate", head, "failure"))
	st.ok(err)
	_, _, err = st.other.Checks.UpdateCheckRun(ctx, "acme", "models", run.GetID(), github.UpdateCheckRunOptions{Name: "lumos/gate", Status: github.String("completed"), Conclusion: github.String("success")})
	st.status(403, err, "can only be modified by the GitHub App that created it")
	st.status(405, st.As("bo").Merge(repoName, n, "merge", ""), "is failing")
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	ctx := t.Context()
	_, head := st.pull("b")
	in, err := st.InstallApp(App{Slug: "reader", Permissions: map[string]string{"pull_requests": "read"}, Repos: []string{repoName}})
	st.ok(err)
	reader := st.client(in)
	_, _, err = reader.Checks.CreateCheckRun(ctx, "acme", "models", check("x", head, "success"))
	st.status(403, err, "Resource not accessible by integration")
	_, _, err = reader.Git.GetBlobRaw(ctx, "acme", "models", head)
	st.status(403, err, "Resource not accessible by integration")
	_, _, err = reader.Issues.CreateComment(ctx, "acme", "models", 1, &github.IssueComment{Body: github.String("x")})
	st.status(403, err, "Resource not accessible by integration")
	if resp := st.graphql(in, `{organization(login:"acme"){team(slug:"risk"){id}}}`, nil); len(resp.Errors) != 1 || resp.Errors[0].Type != "FORBIDDEN" {
		t.Fatalf("team without members:read: %+v", resp)
	}
	_, err = st.CreateUser("eve", "Eve", "eve@example.com")
	st.ok(err)
	_, err = st.As("eve").Comment(repoName, 1, "hello")
	st.status(404, err, "Not Found")
	anonymous, err := github.NewClient(nil).WithEnterpriseURLs(st.APIURL(), st.APIURL())
	st.ok(err)
	_, _, err = anonymous.Repositories.Get(ctx, "acme", "models")
	st.status(401, err, "")
	bad, _, err := anonymous.WithAuthToken("ghs_wrong").Repositories.Get(ctx, "acme", "models")
	st.status(401, err, "Bad credentials")
	if bad != nil {
		t.Fatal("an answer for bad credentials")
	}
}

func TestFaultsAndLog(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	ctx := t.Context()
	n, _ := st.pull("b")
	get := func() error { _, _, err := st.app.PullRequests.Get(ctx, "acme", "models", n); return err }
	st.ok(get())
	st.Faults.Add(ServerError(1, 502))
	st.status(502, get(), "Server Error")
	st.ok(get())
	st.Faults.Add(SecondaryLimit(1, 429, time.Minute))
	st.status(429, get(), "secondary")
	st.Faults.Add(PrimaryLimit(1, 403, time.Now().Add(time.Second)))
	var limited *github.RateLimitError
	if err := get(); !errors.As(err, &limited) {
		t.Fatalf("primary limit: %v", err)
	}
	st.Faults.Add(Fault{Times: 1, Status: 502, After: true, Match: func(m, p string) bool { return m == "POST" && strings.HasSuffix(p, "/comments") }})
	_, _, err := st.adaClient.Issues.CreateComment(ctx, "acme", "models", n, &github.IssueComment{Body: github.String("once")})
	st.status(502, err, "")
	if d, _ := st.Pull(repoName, n, "bo"); len(d.Comments) != 1 {
		t.Fatalf("the answer was lost, not the work: %v", d.Comments)
	}
	st.Faults.Computing(1)
	st.ok(st.Protect(repoName, "main", Protection{}))
	_, err = st.As("ada").Commit(repoName, "b", "more", map[string][]byte{"z": []byte("z")})
	st.ok(err)
	st.status(405, st.As("bo").Merge(repoName, n, "merge", ""), "try the merge again")
	st.ok(st.As("bo").Merge(repoName, n, "merge", ""))
	log := st.Requests()
	first := log[0]
	if first.Route != "POST /app/installations/{installation_id}/access_tokens" || first.Status != 201 || first.Who != "lumos" || first.End.Before(first.Start) {
		t.Fatalf("log: %+v", first)
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	tr, err := ghinstallation.NewAppsTransport(http.DefaultTransport, st.lumos.AppID, st.lumos.Key)
	st.ok(err)
	app, err := github.NewClient(&http.Client{Transport: tr}).WithEnterpriseURLs(st.APIURL(), st.APIURL())
	st.ok(err)
	self, _, err := app.Apps.Get(t.Context(), "")
	st.ok(err)
	list, _, err := app.Apps.ListInstallations(t.Context(), nil)
	st.ok(err)
	found, _, err := app.Apps.FindRepositoryInstallation(t.Context(), "acme", "models")
	st.ok(err)
	if self.GetSlug() != "lumos" || len(list) != 1 || found.GetID() != st.lumos.InstallationID {
		t.Fatalf("%v %v %v", self, list, found)
	}
	_, _, err = app.PullRequests.List(t.Context(), "acme", "models", nil)
	st.status(403, err, "")
	repos, _, err := st.app.Apps.ListRepos(t.Context(), nil)
	st.ok(err)
	if repos.GetTotalCount() != 1 {
		t.Fatalf("repositories: %v", repos)
	}
	forged, err := ghinstallation.NewAppsTransport(http.DefaultTransport, st.lumos.AppID+2, st.lumos.Key)
	st.ok(err)
	app, err = github.NewClient(&http.Client{Transport: forged}).WithEnterpriseURLs(st.APIURL(), st.APIURL())
	st.ok(err)
	_, _, err = app.Apps.Get(t.Context(), "")
	st.status(401, err, "could not be decoded")
}

func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "example.com:80"} {
		if s, err := Start(context.Background(), Options{Dir: t.TempDir(), Addr: addr}); err == nil {
			_ = s.Close()
			t.Errorf("listened on %s", addr)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	n, _ := st.pull("b")
	for i := range 35 {
		_, err := st.As("ada").Comment(repoName, n, fmt.Sprint("comment ", i))
		st.ok(err)
	}
	seen, opt := 0, &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 10}}
	for {
		list, resp, err := st.app.Issues.ListComments(t.Context(), "acme", "models", n, opt)
		st.ok(err)
		seen += len(list)
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	if seen != 35 {
		t.Fatalf("paged through %d comments", seen)
	}
	var raw json.RawMessage
	req, err := st.app.NewRequest("GET", "repos/acme/models/branches/main", nil)
	st.ok(err)
	_, err = st.app.Do(t.Context(), req, &raw)
	st.ok(err)
	if !strings.Contains(string(raw), fmt.Sprintf(`"app_id":%d`, st.lumos.AppID)) {
		t.Fatalf("branch: %s", raw)
	}
}

func TestLatencyAndObserve(t *testing.T) {
	t.Parallel()
	const delay = 20 * time.Millisecond
	var seen atomic.Int32
	s, err := Start(t.Context(), Options{Dir: t.TempDir(), Latency: delay, Observe: func(x Exchange) {
		if x.Route == "GET /users/{username}" && len(x.ResponseBody) > 0 && x.RequestHeader.Get("Authorization") != "" {
			seen.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ada, err := s.CreateUser("ada", "", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := github.NewClient(nil).WithAuthToken(ada.Token).WithEnterpriseURLs(s.APIURL(), s.APIURL())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Users.Get(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // so that the log is complete
		t.Fatal(err)
	}
	log := s.Requests()
	if seen.Load() != 1 || len(log) != 1 || log[0].ResponseBody != nil {
		t.Fatalf("seen %d, log %+v", seen.Load(), log)
	}
}
