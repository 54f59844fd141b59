package gitlab

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; only this room knows it

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/xanzy/go-gitlab"

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
	s, err := sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir(), Dialect: sandbox.GitLab})
	must(err)
	return s, must
}

// TestAgainstSandbox goes once through everything that the adapter reads and writes, against a host
// that keeps state, and counts what each look costs.
func TestAgainstSandbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, must := startSandbox(t)
	person := func(login string) (*gitlab.Client, sandbox.Account) {
		t.Helper()
		a, err := s.CreateUser(login, login, login+"@acme.example")
		must(err)
		c, err := gitlab.NewClient(a.Token, gitlab.WithBaseURL(s.APIURL()))
		must(err)
		return c, a
	}
	ann, annAccount := person("ann")
	bob, bobAccount := person("bob")
	dora, _ := person("dora")
	_, err := s.CreateOrg("acme", "dora")
	must(err)
	must(s.CreateTeam("acme", "risk", "bob"))
	must(s.CreateRepo("acme", "models", true, "dora", map[string][]byte{
		".lumos/config.yaml":        []byte("kind: Config\n"),
		".lumos/policies/own.rego":  []byte("package own\n"),
		".gitlab/CODEOWNERS":        []byte("releases/ @acme/risk\n"),
		"releases/fraud/2.2.0.yaml": []byte("version: 2.2.0\n"),
		"old.txt":                   []byte("old\n"),
	}))
	must(s.Grant("ann", "acme/models", "write"))
	must(s.Grant("bob", "acme/models", "write"))
	bot, err := s.CreateBot("acme", "lumos", "maintainer", "api", "write_repository")
	must(err)
	h, err := New(Options{URL: s.URL(), Token: bot.Token})
	must(err)
	cost := func(what string, want int, f func()) {
		t.Helper()
		before := len(s.Requests())
		f()
		got := s.Requests()[before:]
		if len(got) != want {
			names := make([]string, 0, len(got))
			for _, x := range got {
				names = append(names, x.Route+" "+strings.Join(x.Operations, ","))
			}
			t.Errorf("%s: %d requests, want %d: %q", what, len(got), want, names)
		}
	}

	// Ann proposes a release, Bob approves it and gives a command.
	const id = "acme/models"
	commit, _, err := ann.Commits.CreateCommit(id, &gitlab.CreateCommitOptions{
		Branch: gitlab.Ptr("release"), StartBranch: gitlab.Ptr("main"), CommitMessage: gitlab.Ptr("Release 2.3.0"),
		Actions: []*gitlab.CommitActionOptions{
			{Action: gitlab.Ptr(gitlab.FileCreate), FilePath: gitlab.Ptr("releases/fraud/2.3.0.yaml"), Content: gitlab.Ptr("version: 2.3.0\n")},
			{Action: gitlab.Ptr(gitlab.FileDelete), FilePath: gitlab.Ptr("old.txt")},
		},
	})
	must(err)
	mr, _, err := ann.MergeRequests.CreateMergeRequest(id, &gitlab.CreateMergeRequestOptions{
		Title: gitlab.Ptr("Release fraud 2.3.0"), SourceBranch: gitlab.Ptr("release"), TargetBranch: gitlab.Ptr("main")})
	must(err)
	must(s.As("bob").Approve(id, mr.IID))
	_, _, err = bob.Notes.CreateMergeRequestNote(id, mr.IID, &gitlab.CreateMergeRequestNoteOptions{Body: gitlab.Ptr("/lumos recheck")})
	must(err)
	_ = dora

	me, err := h.Identity(ctx)
	must(err)
	if me.Kind != forge.Bot || me.ID != bot.Account.ID {
		t.Errorf("identity %+v", me)
	}
	repos, err := h.Repositories(ctx)
	must(err)
	repo, tipSHA, err := h.Find(ctx, forge.Repo{Owner: "acme", Name: "models"})
	must(err)
	if len(repos) != 1 || repos[0] != repo || tipSHA == "" {
		t.Errorf("repositories %v, %v, tip %q", repos, repo, tipSHA)
	}
	refs, err := h.OpenPullRequests(ctx, repo)
	must(err)
	if len(refs) != 1 || refs[0].Number != mr.IID {
		t.Errorf("open %v", refs)
	}

	ref := forge.Ref{Repo: repo, Number: mr.IID}
	want := forge.Want{Teams: []string{"acme/risk", "ann", "@developer"}, Dirs: []string{"releases"}}
	var c *forge.Conversation
	look := func() {
		t.Helper()
		c, err = h.Conversation(ctx, ref, want)
		must(err)
	}
	cost("the first look", 5, look) // the conversation, the base, a second group, inheritance, the versions
	cost("a look", 1, look)         // the second group is nobody and not asked for again
	pr := c.PullRequest
	if pr.Head.SHA != commit.ID || pr.Base.SHA != tipSHA || pr.MergeBase != tipSHA || pr.Author.ID != annAccount.ID || pr.Head.Fork || pr.State != forge.Open {
		t.Errorf("facts %+v", pr)
	}
	if len(c.Commits) != 1 || c.Commits[0].Authors[0].ID != annAccount.ID || c.Commits[0].Committer.ID != annAccount.ID {
		t.Errorf("commits %+v", c.Commits)
	}
	if len(c.Reviews) != 1 || c.Reviews[0].Author.ID != bobAccount.ID || c.Reviews[0].State != forge.ReviewApproved || c.Reviews[0].CommitSHA != commit.ID {
		t.Errorf("reviews %+v", c.Reviews)
	}
	if len(c.Comments) != 1 || c.Comments[0].Body != "/lumos recheck" || c.Comments[0].Outsider || c.Comments[0].Mine {
		t.Errorf("comments %+v", c.Comments)
	}
	if len(c.Teams) != 3 || len(c.Teams[0].Members) != 1 || c.Teams[0].Members[0].ID != bobAccount.ID || c.Teams[1].Unreadable == "" || len(c.Teams[2].Members) != 2 {
		t.Errorf("teams %+v", c.Teams)
	}
	var base []string
	for _, e := range c.BaseFiles {
		base = append(base, e.Path+" "+e.Mode)
	}
	if !slices.Contains(base, ".gitlab/CODEOWNERS 100644") || !slices.Contains(base, "releases/fraud 040000") || !slices.Contains(base, ".lumos/policies/own.rego 100644") {
		t.Errorf("base files %q", base)
	}
	if len(c.Truncated) != 0 || c.AuditTip != "" {
		t.Errorf("truncated %q, audit %q", c.Truncated, c.AuditTip)
	}

	var changes *forge.Changes
	cost("the changed files", 4, func() {
		changes, err = h.Changes(ctx, ref)
		must(err)
	})
	if changes.HeadSHA != commit.ID || len(changes.Files) != 2 {
		t.Fatalf("changes %+v", changes)
	}
	for _, f := range changes.Files {
		data, err := h.Blob(ctx, repo, f.Blob, 100)
		must(err)
		if f.Path == "old.txt" && (f.Status != forge.Removed || string(data) != "old\n") || f.Path != "old.txt" && (f.Status != forge.Added || string(data) != "version: 2.3.0\n") {
			t.Errorf("%+v: %q", f, data)
		}
	}
	pushes, err := h.Pushes(ctx, pr.Head, repo)
	must(err)
	if len(pushes) != 1 || pushes[0].Actor.ID != annAccount.ID || pushes[0].After != commit.ID {
		t.Errorf("pushes %+v", pushes)
	}
	found, err := h.Lookup(ctx, repo, commit.ID, []string{"releases/fraud/2.3.0.yaml", "no"})
	must(err)
	if len(found) != 1 {
		t.Errorf("lookup %v", found)
	}
	for _, e := range c.BaseFiles {
		if e.Path == "releases/fraud" {
			entries, err := h.Tree(ctx, repo, pr.Base.SHA, e)
			must(err)
			if len(entries) != 1 || entries[0].Path != "2.2.0.yaml" {
				t.Errorf("tree %v", entries)
			}
		}
	}

	// The bot speaks: a note with its ledger, a thread on the manifest, a reviewer, the gate.
	ledger := forge.Ledger([]forge.Check{
		{Name: forge.ComplianceCheck, HeadSHA: commit.ID, Status: forge.Completed, Conclusion: forge.Failure, ExternalID: "s;c"},
		{Name: forge.GateCheck, HeadSHA: commit.ID, Status: forge.InProgress, ExternalID: "s;g"},
	})
	gate := forge.CheckWrite{Name: forge.GateCheck, HeadSHA: commit.ID, Status: forge.InProgress, Title: "Waiting"}
	write := forge.Publication{
		Checks:   []forge.CheckWrite{gate},
		Comments: []forge.CommentWrite{{Body: "# Lumos\n/close\n\n" + ledger}},
		Threads:  []forge.ThreadWrite{{Path: "releases/fraud/2.3.0.yaml", Line: 1, Body: forge.ThreadBody("ID-01", "no owner")}},
		AskUsers: []forge.Account{{ID: bobAccount.ID, Login: "bob"}},
	}
	cost("the first write", 3, func() { must(h.Publish(ctx, pr, write)) }) // and whether there are external checks, once an hour
	look()
	if len(c.Threads) != 1 || c.Threads[0].Key != "ID-01" || c.Threads[0].Resolved || !slices.Contains(c.Requested, "bob") || c.PullRequest.State != forge.Open {
		t.Fatalf("threads %+v, requested %v, state %s", c.Threads, c.Requested, c.PullRequest.State)
	}
	sticky := c.Comments[len(c.Comments)-1]
	if !sticky.Mine || !strings.HasPrefix(sticky.Body, "# Lumos\n/close\n") {
		t.Errorf("our note %+v", sticky)
	}
	shown := func(name string) forge.Check {
		for _, check := range c.Checks {
			if check.Name == name {
				return check
			}
		}
		return forge.Check{}
	}
	if g := shown(forge.GateCheck); g.Status != forge.InProgress || g.ExternalID != "s;g" || shown(forge.ComplianceCheck).Conclusion != forge.Failure {
		t.Errorf("checks %+v", c.Checks)
	}
	must(h.Publish(ctx, pr, forge.Publication{Checks: []forge.CheckWrite{gate}})) // as it is already
	gate.Status, gate.Conclusion = forge.Completed, forge.Success
	cost("the deciding write", 2, func() {
		must(h.Publish(ctx, pr, forge.Publication{
			Checks: []forge.CheckWrite{gate}, Comments: []forge.CommentWrite{{NodeID: sticky.NodeID, Body: "# Lumos\napproved"}},
			Threads: []forge.ThreadWrite{{NodeID: c.Threads[0].NodeID, Resolve: true}},
		}))
	})
	look()
	if g := shown(forge.GateCheck); g.Status != forge.Completed || g.Conclusion != forge.Success || !c.Threads[0].ByUs {
		t.Errorf("checks %+v, threads %+v", c.Checks, c.Threads)
	}

	moved := c.PullRequest
	moved.Head.SHA = tipSHA
	if _, err := h.Merge(ctx, moved, "merge", ""); !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("merging another head: %v", err)
	}
	merged, err := h.Merge(ctx, c.PullRequest, "squash", "Release fraud 2.3.0")
	must(err)
	look()
	if c.PullRequest.State != forge.Merged || c.PullRequest.MergeCommit != merged || c.PullRequest.MergedBy.ID != bot.Account.ID {
		t.Errorf("merged %q: %+v", merged, c.PullRequest)
	}
}
