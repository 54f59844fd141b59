package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestGitLabVersions(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	n, head := st.open("b")
	p := st.mr(n)
	if len(p.Versions) != 1 || p.version().HeadSHA != head || p.version().BaseSHA == "" {
		t.Fatalf("opened: %+v", p.Versions)
	}
	st.ok(st.As("ben").Approve(glRepoName, n))
	second, err := st.As("ben").Commit(glRepoName, "b", "more <b>", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	note := p.Comments[len(p.Comments)-1]
	link := regexp.MustCompile(`\?diff_id=(\d+)&start_sha=` + head).FindStringSubmatch(note.Body)
	if note.System != "commit" || note.Author.Login != "ben" || link == nil || link[1] != itoa(p.version().ID) || !strings.Contains(note.Body, "more &lt;b&gt;") {
		t.Fatalf("note of the push: %s %s", note.System, note.Body)
	}
	if len(p.Versions) != 2 || p.HeadSHA != second || p.approvedBy(note.Author) == nil {
		t.Fatalf("pushed: %d versions, approvals %v: on Free they stand", len(p.Versions), p.Approvals)
	}
	// A branch that is set back brings a version, and no commits to speak of.
	st.git(p, head, second)
	if len(p.Versions) != 3 || p.HeadSHA != head || st.notes(n) != "approved commit" {
		t.Fatalf("set back: %d versions, %s", len(p.Versions), st.notes(n))
	}
}

// git moves a merge request's branch as a push of jonas's does.
func (st *glStage) git(p *pull, to, from string) {
	st.t.Helper()
	st.mu.Lock()
	defer st.mu.Unlock()
	by := actor{token: &token{account: st.account("jonas")}}
	st.ok(st.moveRef(p.repo, by, refChange{"refs/heads/" + p.HeadRef, from, to}))
}

func TestGitLabApprovals(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	_, err := st.CreateUser("eve", "Eve", "eve@example.com")
	st.ok(err)
	st.ok(st.Grant("eve", glRepoName, "read"))
	n, head := st.open("b")
	st.refused(st.As("eve").Approve(glRepoName, n), 401, "401 Unauthorized")
	st.ok(st.As("jonas").Approve(glRepoName, n)) // on Free the author may
	st.refused(st.As("jonas").Approve(glRepoName, n), 401, "")
	st.want(409, st.ben.Token, "POST", fmt.Sprintf("{p}/merge_requests/%d/approve", n), obj{"sha": strings.Repeat("1", 40)})
	st.want(201, st.ben.Token, "POST", fmt.Sprintf("{p}/merge_requests/%d/approve", n), obj{"sha": head})
	st.ok(st.As("ben").Unapprove(glRepoName, n))
	st.refused(st.As("ben").Unapprove(glRepoName, n), 404, "")
	st.ok(st.As("cleo").RequestChanges(glRepoName, n))
	if p := st.mr(n); len(p.Objectors) != 1 || len(p.Approvals) != 1 {
		t.Fatalf("objectors %v, approvals %v", p.Objectors, p.Approvals)
	}
	st.ok(st.As("cleo").Approve(glRepoName, n))
	if p := st.mr(n); len(p.Objectors) != 0 || len(p.Approvals) != 2 {
		t.Fatalf("objectors %v, approvals %v", p.Objectors, p.Approvals)
	}
	if got := st.notes(n); got != "approved approved unapproved requested_changes approved" {
		t.Fatalf("notes: %s", got)
	}
	st.ok(st.SetProject(glRepoName, ProjectSettings{Licensed: true, ResetApprovals: true}))
	_, err = st.As("jonas").Commit(glRepoName, "b", "more", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	if p := st.mr(n); len(p.Approvals) != 0 || !strings.HasSuffix(st.notes(n), "commit approvals_reset") {
		t.Fatalf("approvals %v, notes %s", p.Approvals, st.notes(n))
	}
}

func TestGitLabSettingsNeedALicence(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	for name, p := range map[string]ProjectSettings{
		"reset":         {ResetApprovals: true},
		"status checks": {StatusChecks: []StatusCheck{{Name: "x", URL: "http://x"}}},
		"method":        {MergeMethod: "rebase"},
	} {
		if st.SetProject(glRepoName, p) == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestGitLabMergeability(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	status := func(n int, want string) {
		t.Helper()
		st.mu.Lock()
		got := st.mergeStatus(st.repoByFull(glRepoName).pulls[n])
		st.mu.Unlock()
		if got != want {
			t.Fatalf("merge status %s, want %s", got, want)
		}
	}
	post := func(sha, state string) {
		t.Helper()
		st.want(201, st.jonas.Token, "POST", "{p}/statuses/"+sha, obj{"state": state, "name": "ci", "ref": "b"})
	}
	n, head := st.open("b")
	status(n, "mergeable")
	st.refused(st.As("jonas").Merge(glRepoName, n, "merge", ""), 401, "")
	st.ok(st.SetProject(glRepoName, ProjectSettings{PipelinesMustSucceed: true, ThreadsMustBeResolved: true}))
	status(n, "ci_must_pass")
	st.refused(st.As("emil").Merge(glRepoName, n, "merge", ""), 405, "")
	post(head, "pending")
	status(n, "ci_still_running")
	post(head, "failed")
	status(n, "ci_must_pass")
	post(head, "success")
	status(n, "mergeable")
	thread := st.want(201, st.ben.Token, "POST", fmt.Sprintf("{p}/merge_requests/%d/discussions", n), obj{"body": "why?"}).(obj)
	status(n, "discussions_not_resolved")
	st.want(200, st.ben.Token, "PUT", fmt.Sprintf("{p}/merge_requests/%d/discussions/%s", n, thread["id"]), obj{"resolved": true})
	st.ok(st.As("jonas").SetDraft(glRepoName, n, true))
	status(n, "draft_status")
	st.ok(st.As("jonas").Rename(glRepoName, n, "b", ""))
	status(n, "mergeable")
	st.refused(st.As("emil").Merge(glRepoName, n, "merge", strings.Repeat("1", 40)), 409, head)
	// A push has no pipeline yet: what succeeded before does not count.
	next, err := st.As("jonas").Commit(glRepoName, "b", "more", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	status(n, "ci_must_pass")
	for _, state := range []string{"skipped", "canceled"} {
		post(next, state)
		status(n, "ci_must_pass")
	}
	post(next, "success")
	st.ok(st.As("emil").Merge(glRepoName, n, "merge", next))
	status(n, "not_open")
	p := st.mr(n)
	c, err := p.repo.commit(p.MergeSHA)
	st.ok(err)
	if c.NumParents() != 2 || c.ParentHashes[1].String() != next || p.MergedBy.Login != "emil" || c.PGPSignature != "" {
		t.Fatalf("merge commit: %v", c)
	}
}

func TestGitLabMergeMethods(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method  string
		squash  bool
		parents int
		commit  bool // there is a merge commit
	}{
		"merge":        {"merge", false, 2, true},
		"squash":       {"merge", true, 2, true},
		"fast-forward": {"ff", false, 1, false},
		"ff, squashed": {"ff", true, 1, false},
		"semi-linear":  {"rebase_merge", false, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newGLStage(t)
			st.ok(st.SetProject(glRepoName, ProjectSettings{MergeMethod: tt.method, RemoveSourceBranch: true}))
			n, head := st.open("b")
			j := st.want(200, st.emil.Token, "PUT", fmt.Sprintf("{p}/merge_requests/%d/merge", n), obj{"sha": head, "squash": tt.squash}).(obj)
			p := st.mr(n)
			c, err := p.repo.commit(p.repo.branch("main"))
			st.ok(err)
			if c.NumParents() != tt.parents || (j["merge_commit_sha"] != nil) != tt.commit || (j["squash_commit_sha"] != nil) != tt.squash ||
				j["state"] != "merged" || j["merge_user"].(obj)["username"] != "emil" || p.repo.branch("b") != "" {
				t.Fatalf("%v\n%v", c, j)
			}
		})
	}
}

func TestGitLabConflictsAndPushedMerges(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	st.ok(st.Protect(glRepoName, "main", Protection{PushLevel: "developer", MergeLevel: "developer"}))
	n, head := st.open("b")
	_, err := st.As("ben").Commit(glRepoName, "main", "clash", map[string][]byte{"releases/b.yaml": []byte("other\n")})
	st.ok(err)
	st.refused(st.As("emil").Merge(glRepoName, n, "merge", head), 422, "Branch cannot be merged")
	other, _ := st.open("c")
	p := st.mr(other)
	st.mu.Lock()
	by := actor{token: &token{account: st.account("ben")}}
	tree, err := p.repo.mergeCommits(p.repo.branch("main"), p.HeadSHA)
	st.ok(err)
	tip, err := st.makeCommit(p.repo, by.account, newCommit{Tree: tree, Parents: []string{p.repo.branch("main"), p.HeadSHA}, Message: "by hand"})
	st.ok(err)
	st.ok(st.moveRef(p.repo, by, refChange{"refs/heads/main", p.repo.branch("main"), tip}))
	st.mu.Unlock()
	if !p.merged() || p.MergeSHA != tip || p.MergedBy.Login != "ben" {
		t.Fatalf("pushed: %+v", p)
	}
}

func TestGitLabEdits(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	n, _ := st.open("b")
	path := fmt.Sprintf("{p}/merge_requests/%d", n)
	j := st.want(200, st.jonas.Token, "PUT", path, obj{"title": "Draft: new", "labels": "x,y", "reviewer_ids": []int64{st.ben.ID, st.cleo.ID}}).(obj)
	if j["draft"] != true || len(j["labels"].([]any)) != 2 || len(j["reviewers"].([]any)) != 1 {
		t.Fatalf("edited: %v", j)
	}
	st.ok(st.SetProject(glRepoName, ProjectSettings{Licensed: true}))
	j = st.want(200, st.jonas.Token, "PUT", path, obj{"remove_labels": "x", "reviewer_ids": []int64{st.ben.ID, st.cleo.ID}}).(obj)
	if len(j["labels"].([]any)) != 1 || len(j["reviewers"].([]any)) != 2 {
		t.Fatalf("edited: %v", j)
	}
	st.want(201, st.jonas.Token, "POST", "{p}/repository/branches", obj{"branch": "next", "ref": "main"})
	st.want(200, st.jonas.Token, "PUT", path, obj{"target_branch": "next"})
	st.want(400, st.jonas.Token, "PUT", path, obj{"target_branch": "nowhere"})
	st.want(400, st.jonas.Token, "PUT", path, obj{"state_event": "merge"})
	st.want(400, st.jonas.Token, "PUT", path, nil)
	st.want(200, st.jonas.Token, "PUT", path, obj{"state_event": "close"})
	st.want(401, st.ben.Token, "POST", path+"/approve", nil)
	st.want(200, st.jonas.Token, "PUT", path, obj{"state_event": "reopen"})
	if got := st.notes(n); got != "title title reviewer reviewer branch closed opened" || len(st.mr(n).Versions) != 2 {
		t.Fatalf("notes %q, %d versions", got, len(st.mr(n).Versions))
	}
	if status, out, _ := st.call(st.jonas.Token, "POST", "{p}/merge_requests", obj{"title": "again", "source_branch": "b", "target_branch": "next"}); status != 409 ||
		!strings.Contains(fmt.Sprint(out), "Another open merge request already exists for this source branch: !1") {
		t.Fatalf("twice: %d %v", status, out)
	}
}

func TestGitLabMembers(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	st.mu.Lock()
	defer st.mu.Unlock()
	r := st.repoByFull(glRepoName)
	for login, want := range map[string]int{"jonas": 30, "ben": 30, "dora": 50, "emil": 40} {
		if got := st.access(st.account(login), r); got != want {
			t.Errorf("%s: %d, want %d", login, got, want)
		}
	}
	if got := len(st.projectMembers(r)); got != 2 {
		t.Errorf("%d direct members, want jonas and emil", got)
	}
	g := st.group("acme/model-owners")
	if len(st.groupMembers(g)) != 2 || st.groupAccess(st.account("dora"), g) != accessOwner || st.groupAccess(st.account("ben"), st.group("acme")) != 0 {
		t.Error("members of a subgroup are not of its parent, and the other way round they are")
	}
	// A project that is shared with a group gives no more than the group's level.
	r.grants[g.ID] = "admin"
	if got := st.access(st.account("ben"), r); got != accessDeveloper {
		t.Errorf("shared: %d", got)
	}
}

func TestGitLabPushes(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	st.ok(st.ProtectTags(glRepoName, "v*", "maintainer"))
	st.ok(st.Protect(glRepoName, "shared/*", Protection{PushLevel: "developer", MergeLevel: "developer"}))
	h := &stage{Sandbox: st.Sandbox, t: t}
	dir := filepath.Join(t.TempDir(), "clone")
	url := strings.Replace(st.GitURL("acme", "models"), "http://", "http://oauth2:"+st.jonas.Token+"@", 1)
	h.mustGit(t.TempDir(), "clone", "-q", url, dir)
	st.ok(os.WriteFile(filepath.Join(dir, "x"), []byte("x"), 0o600))
	h.mustGit(dir, "add", ".")
	h.mustGit(dir, "commit", "-q", "-m", "x")
	h.mustGit(dir, "tag", "v1")
	for _, tt := range []struct {
		refspec string
		want    string // empty: it goes through
	}{
		{"HEAD:refs/heads/main", "GitLab: You are not allowed to push code to protected branches on this project."},
		{"HEAD:refs/heads/free", ""},
		{"HEAD:refs/heads/shared/deep/er", ""},
		{"+HEAD~1:refs/heads/shared/deep/er", "You are not allowed to force push code to a protected branch"},
		{":refs/heads/shared/deep/er", "You can only delete protected branches"},
		{"+HEAD~1:refs/heads/free", ""},
		{":refs/heads/free", ""},
		{"refs/tags/v1", "You are not allowed to create this tag as it is protected"},
		{"refs/tags/v1:refs/tags/w1", ""},
		{"+HEAD~1:refs/tags/w1", "You are not allowed to change existing tags"},
		{"HEAD:refs/merge-requests/1/head", "deny updating a hidden ref"},
		{"HEAD:refs/other/1", "not allowed"},
	} {
		out, err := h.git(dir, "push", "origin", tt.refspec)
		if (err == nil) != (tt.want == "") || !strings.Contains(out, tt.want) {
			t.Errorf("push %s: %v\n%s\nwant %q", tt.refspec, err, out, tt.want)
		}
	}
	// A Maintainer creates the tag, and even they do not move it.
	url = strings.Replace(st.GitURL("acme", "models"), "http://", "http://emil:"+st.emil.Token+"@", 1)
	h.mustGit(dir, "push", "-q", url, "refs/tags/v1")
	if out, err := h.git(dir, "push", url, "+HEAD~1:refs/tags/v1"); err == nil || !strings.Contains(out, "Protected tags cannot be updated") {
		t.Errorf("moved: %s", out)
	}
}
