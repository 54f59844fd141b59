package github

import (
	"errors"
	"os/exec"
	"slices"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// startSandbox starts a code host that keeps state. must ends the test on an error.
func startSandbox(t *testing.T) (s *sandbox.Sandbox, must func(error)) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the sandbox needs the git command")
	}
	must = func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir()})
	must(err)
	return s, must
}

// TestAgainstSandbox goes once through everything that the adapter reads and writes, against a host
// that keeps state.
func TestAgainstSandbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, must := startSandbox(t)
	person := func(login string) (*github.Client, sandbox.Account) {
		t.Helper()
		a, err := s.CreateUser(login, login, login+"@acme.example")
		must(err)
		c, err := github.NewClient(nil).WithAuthToken(a.Token).WithEnterpriseURLs(s.APIURL(), s.APIURL())
		must(err)
		return c, a
	}
	ann, annAccount := person("ann")
	bob, bobAccount := person("bob")
	_, err := s.CreateOrg("acme", "bob")
	must(err)
	must(s.CreateTeam("acme", "risk", "bob"))
	must(s.CreateRepo("acme", "models", true, "bob", map[string][]byte{
		".lumos/config.yaml":        []byte("kind: Config\n"),
		".lumos/policies/own.rego":  []byte("package own\n"),
		".github/CODEOWNERS":        []byte("releases/ @acme/risk\n"),
		"releases/fraud/2.2.0.yaml": []byte("version: 2.2.0\n"),
	}))
	must(s.Grant("ann", "acme/models", "write"))
	must(s.Grant("acme/risk", "acme/models", "write"))
	installed, err := s.InstallApp(sandbox.App{Slug: "lumos", Repos: []string{"acme/models"}, Permissions: map[string]string{
		"checks": "write", "contents": "write", "pull_requests": "write", "issues": "write", "members": "read", "metadata": "read",
	}})
	must(err)
	app, err := New(Options{APIURL: s.APIURL(), GraphQLURL: s.GraphQLURL(), AppID: installed.AppID, PrivateKey: installed.Key})
	must(err)

	// Ann proposes a release, Bob approves it and gives a command.
	base, _, err := ann.Git.GetRef(ctx, "acme", "models", "refs/heads/main")
	must(err)
	_, _, err = ann.Git.CreateRef(ctx, "acme", "models", &github.Reference{Ref: github.String("refs/heads/release"), Object: base.Object})
	must(err)
	manifest := []byte("version: 2.3.0\n")
	put, _, err := ann.Repositories.CreateFile(ctx, "acme", "models", "releases/fraud/2.3.0.yaml",
		&github.RepositoryContentFileOptions{Message: github.String("Release 2.3.0"), Content: manifest, Branch: github.String("release")})
	must(err)
	head := put.GetSHA()
	pull, _, err := ann.PullRequests.Create(ctx, "acme", "models", &github.NewPullRequest{
		Title: github.String("Release fraud 2.3.0"), Head: github.String("release"), Base: github.String("main")})
	must(err)
	_, _, err = bob.PullRequests.CreateReview(ctx, "acme", "models", pull.GetNumber(), &github.PullRequestReviewRequest{Event: github.String("APPROVE")})
	must(err)
	_, _, err = bob.Issues.CreateComment(ctx, "acme", "models", pull.GetNumber(), &github.IssueComment{Body: github.String("/lumos recheck")})
	must(err)

	identity, err := app.Identity(ctx)
	must(err)
	if identity.Slug != "lumos" || identity.Bot.ID != installed.Bot.ID {
		t.Errorf("identity %+v, want %+v", identity, installed.Bot)
	}
	repos, err := app.Repositories(ctx)
	must(err)
	if len(repos) != 1 || repos[0].FullName() != "acme/models" || repos[0].Host != s.Host() {
		t.Fatalf("repositories %+v", repos)
	}
	repo := repos[0]
	whole, main, err := app.Find(ctx, forge.Repo{Owner: "acme", Name: "models"})
	must(err)
	if whole != repo || main != base.GetObject().GetSHA() {
		t.Errorf("found %+v at %s", whole, main)
	}
	open, err := app.OpenPullRequests(ctx, repo)
	must(err)
	if len(open) != 1 || open[0].Number != pull.GetNumber() {
		t.Fatalf("open %+v", open)
	}

	cache, err := forge.Cached(app, t.TempDir(), 1<<20)
	must(err)
	want := forge.Want{Teams: []string{"acme/risk", "acme/none"}, Dirs: []string{"releases", "."}}
	c, err := cache.Conversation(ctx, open[0], want)
	must(err)
	pr := c.PullRequest
	if len(c.Truncated) != 0 || pr.Head.SHA != head || pr.Base.SHA != base.GetObject().GetSHA() || pr.Author.ID != annAccount.ID || c.AuditTip != "" {
		t.Errorf("truncated %q, pull request %+v, audit %q", c.Truncated, pr, c.AuditTip)
	}
	if len(c.Commits) != 1 || c.Commits[0].SHA != head || c.Commits[0].Authors[0].ID != annAccount.ID {
		t.Errorf("commits %+v", c.Commits)
	}
	if len(c.Reviews) != 1 || c.Reviews[0].Author.ID != bobAccount.ID || c.Reviews[0].State != forge.ReviewApproved || c.Reviews[0].CommitSHA != head {
		t.Errorf("reviews %+v", c.Reviews)
	}
	if len(c.Comments) != 1 || c.Comments[0].Body != "/lumos recheck" || c.Comments[0].Mine || c.Comments[0].Edited {
		t.Errorf("comments %+v", c.Comments)
	}
	if len(c.Teams) != 2 || c.Teams[0].Unreadable != "" || len(c.Teams[0].Members) != 1 || c.Teams[0].Members[0].ID != bobAccount.ID || c.Teams[1].Unreadable == "" {
		t.Errorf("teams %+v", c.Teams)
	}
	for _, path := range []string{".lumos/config.yaml", ".lumos/policies/own.rego", ".github/CODEOWNERS", "releases/fraud", "releases"} {
		if !slices.ContainsFunc(c.BaseFiles, func(e forge.Entry) bool { return e.Path == path }) {
			t.Errorf("the base lacks %s", path)
		}
	}

	changes, err := cache.Changes(ctx, pr.Ref)
	must(err)
	if changes.HeadSHA != head || len(changes.Files) != 1 || changes.Files[0].Status != forge.Added {
		t.Fatalf("changes %+v", changes)
	}
	for range 2 {
		data, err := cache.Blob(ctx, repo, changes.Files[0].Blob, 1<<20)
		must(err)
		if string(data) != string(manifest) {
			t.Errorf("blob %q", data)
		}
	}
	found, err := cache.Lookup(ctx, repo, head, []string{"releases/fraud", "absent"})
	must(err)
	entries, err := cache.Tree(ctx, repo, head, found["releases/fraud"])
	must(err)
	if len(found) != 1 || len(entries) != 2 {
		t.Errorf("found %+v, entries %+v", found, entries)
	}
	pushes, err := cache.Pushes(ctx, pr.Head, repo)
	must(err)
	if len(pushes) == 0 || pushes[0].After != head || pushes[0].Actor.ID != annAccount.ID {
		t.Errorf("pushes %+v", pushes)
	}

	// What is written is read back.
	annotations := make([]forge.Annotation, 120)
	for i := range annotations {
		annotations[i] = forge.Annotation{Path: "releases/fraud/2.3.0.yaml", Line: 1, Level: forge.LevelFailure, Message: "gap"}
	}
	must(app.Publish(ctx, pr, forge.Publication{
		Checks: []forge.CheckWrite{
			{Name: forge.ComplianceCheck, HeadSHA: head, Status: forge.Completed, Conclusion: forge.Failure, ExternalID: "a;b", Title: "Gaps", Summary: "120", Annotations: annotations},
			{Name: forge.GateCheck, HeadSHA: head, Status: forge.InProgress, ExternalID: "a;c", Title: "Waiting", Summary: "for the owners"},
		},
		Comments: []forge.CommentWrite{{Body: "Not yet."}},
		AskTeams: []forge.Team{c.Teams[0]},
	}))
	c, err = cache.Conversation(ctx, pr.Ref, want)
	must(err)
	gate := slices.IndexFunc(c.Checks, func(x forge.Check) bool { return x.Name == forge.GateCheck })
	if len(c.Checks) != 2 || gate < 0 || c.Checks[gate].Status != forge.InProgress || c.Checks[gate].ExternalID != "a;c" || c.Checks[gate].HeadSHA != head {
		t.Fatalf("checks %+v", c.Checks)
	}
	if last := c.Comments[len(c.Comments)-1]; !last.Mine || last.Body != "Not yet." || last.Author.Kind != forge.Bot || last.Author.ID != installed.Bot.ID {
		t.Errorf("our comment %+v", last)
	}
	if !slices.Equal(c.Requested, []string{"acme/risk"}) {
		t.Errorf("requested %q", c.Requested)
	}
	must(app.Publish(ctx, pr, forge.Publication{
		Checks:   []forge.CheckWrite{{ID: c.Checks[gate].ID, Name: forge.GateCheck, HeadSHA: head, Status: forge.Completed, Conclusion: forge.Success, ExternalID: "a;d", Title: "Approved", Summary: "by the owners"}},
		Comments: []forge.CommentWrite{{NodeID: c.Comments[len(c.Comments)-1].NodeID, Body: "Approved."}},
	}))

	// The audit branch is born once and grows by compare-and-swap.
	branch := app.Branch(cache, repo, forge.AuditBranch)
	first, err := branch.Commit(ctx, "", map[string][]byte{"README.md": []byte("how to verify\n")}, "Begin", "")
	must(err)
	if _, err := branch.Commit(ctx, "", map[string][]byte{"x": []byte("x")}, "Begin again", ""); !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("born twice: %v", err)
	}
	second, err := branch.Commit(ctx, first, map[string][]byte{"log/x000/000.jsonl": []byte("{}\n")}, "Record", "Lumos-Seq: 1")
	must(err)
	if _, err := branch.Commit(ctx, first, map[string][]byte{"x": []byte("x")}, "Late", ""); !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("on an old tip: %v", err)
	}
	tip, err := branch.Tip(ctx)
	must(err)
	files, err := branch.Read(ctx, tip, []string{"README.md", "log/x000/000.jsonl", "absent"})
	must(err)
	if tip != second || len(files) != 2 || string(files["log/x000/000.jsonl"]) != "{}\n" {
		t.Errorf("tip %s, want %s; files %q", tip, second, files)
	}

	// Merging asks for the head that was decided on.
	stale := pr
	stale.Head.SHA = pr.Base.SHA
	if _, err := app.Merge(ctx, stale, "squash", "Release"); !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("stale head: %v", err)
	}
	merged, err := app.Merge(ctx, pr, "squash", "Release fraud 2.3.0")
	must(err)
	c, err = cache.Conversation(ctx, pr.Ref, want)
	must(err)
	if c.PullRequest.State != forge.Merged || c.PullRequest.MergeCommit != merged || c.PullRequest.MergedBy == nil || c.PullRequest.MergedBy.ID != installed.Bot.ID || c.PullRequest.Base.SHA != merged {
		t.Errorf("after the merge %+v, want %s", c.PullRequest, merged)
	}
	if c.AuditTip != second {
		t.Errorf("audit tip %s, want %s", c.AuditTip, second)
	}
	if err := cache.Err(); err != nil {
		t.Error(err)
	}
}
