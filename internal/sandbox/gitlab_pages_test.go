package sandbox

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func (st *labStage) visitor(login string) *visitor {
	st.t.Helper()
	jar, err := cookiejar.New(nil)
	st.ok(err)
	v := &visitor{st: &stage{Sandbox: st.Sandbox, t: st.t}, client: &http.Client{Jar: jar}}
	v.get("/", http.StatusOK)
	if login != "" {
		v.post("/-/switch", http.StatusOK, url.Values{"who": {login}, "to": {"/"}})
	}
	return v
}

func (st *labStage) has(page string, wants ...string) {
	st.t.Helper()
	(&stage{t: st.t}).has(page, wants...)
}

func (st *labStage) lacks(page string, unwanted ...string) {
	st.t.Helper()
	for _, no := range unwanted {
		if strings.Contains(page, no) {
			st.t.Errorf("the page has %q:\n%s", no, page)
		}
	}
}

// thread opens a thread on the second line of the new file, as the bot.
func (st *labStage) thread(number int, body string) {
	st.t.Helper()
	st.mu.Lock()
	defer st.mu.Unlock()
	p := st.repoByFull(labRepo).pulls[number]
	v := p.version()
	_, err := st.startThread(p, actor{token: st.tokens[st.bot.Token]}, body, &position{BaseSHA: v.BaseSHA, StartSHA: v.StartSHA, HeadSHA: v.HeadSHA,
		OldPath: "releases/b/1.yaml", NewPath: "releases/b/1.yaml", NewLine: 2})
	st.ok(err)
}

func TestGitLabPagesShow(t *testing.T) {
	t.Parallel()
	st := newLabStage(t)
	n, head := st.merge("b")
	_, err := st.As("bo").Comment(labRepo, n, "a **word**\n<!-- lumos:checks [] -->")
	st.ok(err)
	st.thread(n, "<!-- lumos:gap:ID-01 x -->\nThe version is odd")
	st.ok(st.As("bo").Approve(labRepo, n))
	st.status(head, "pending", "lumos/gate", "waits for dora", "https://example.com/gate")
	st.ok(st.SetProject(labRepo, ProjectSettings{PipelinesMustSucceed: true}))
	for _, one := range []struct {
		name, path string
		status     int
		want       []string
	}{
		{"home", "/", 200, []string{"Projects", "acme/lab/models", "Release b", "!1", "Developer of acme/owners", "Owner of acme", `href="/acme/lab/models/-/merge_requests/1"`}},
		{"project", "/acme/lab/models", 200, []string{"Open merge requests", "protected", "Allowed to merge: Maintainers. Allowed to push: no one.",
			`href="/acme/lab/models/-/tree/b"`, `href="/acme/lab/models/-/blob/main/README.md"`, "git clone"}},
		{"overview", "/acme/lab/models/-/merge_requests/1", 200, []string{"Release b", "!1", "a **word**", "Pipeline", "lumos/gate", "waiting", "waits for dora",
			`href="https://example.com/gate"`, "approved this merge request", "The version is odd", "releases/b/1.yaml, line 2", "unresolved", "Version 1",
			"main is protected", "Pipelines must succeed.", "The pipeline has not finished.", "choose who you are"}},
		{"commits of it", "/acme/lab/models/-/merge_requests/1/commits", 200, []string{"Release b", "/-/commit/" + head}},
		{"changes of it", "/acme/lab/models/-/merge_requests/1/diffs", 200, []string{"version: 2", "The version is odd", "unresolved"}},
		{"no such tab", "/acme/lab/models/-/merge_requests/1/files", 404, nil},
		{"no such merge request", "/acme/lab/models/-/merge_requests/9", 404, nil},
		{"folder", "/acme/lab/models/-/tree/b/releases/b", 200, []string{`href="/acme/lab/models/-/blob/b/releases/b/1.yaml"`}},
		{"file at a commit", "/acme/lab/models/-/blob/" + head + "/releases/b/1.yaml", 200, []string{"name: b"}},
		{"history", "/acme/lab/models/-/commits/b", 200, []string{"Initial commit"}},
		{"commit", "/acme/lab/models/-/commit/" + head, 200, []string{"version: 2"}},
		{"no such project", "/acme/models", 404, nil},
		{"GitHub's address", "/acme/lab/models/pull/1", 404, nil},
		{"a group has no page", "/acme/lab", 404, nil},
		{"webhooks", "/-/webhooks", 200, []string{"Hooks"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			st := *st
			st.t = t
			page := st.visitor("").get(one.path, one.status)
			st.has(page, one.want...)
			st.lacks(page, "lumos:checks", "lumos:gap", "ull request", `href="/acme/lab/models/pull`)
		})
	}
}

// TestGitLabPagesPlay goes from an edit to the merge, as visitors would.
func TestGitLabPagesPlay(t *testing.T) {
	t.Parallel()
	st := newLabStage(t)
	st.ok(st.SetProject(labRepo, ProjectSettings{PipelinesMustSucceed: true, ThreadsMustBeResolved: true}))
	ada, bo, dora := st.visitor("ada"), st.visitor("bo"), st.visitor("dora")
	view, _ := st.Repo(labRepo)
	page := ada.post("/acme/lab/models/-/edit/main/releases/a/1.yaml", 200, url.Values{"tip": {view.Branches["main"]}, "text": {"name: a\nversion: 2\n"}, "branch": {"b"}, "message": {"Release a 2"}})
	st.has(page, "Release a 2", "!1")
	const mr = "/acme/lab/models/-/merge_requests/1"
	st.has(bo.post(mr+"/comment", 200, url.Values{"body": {"Hello"}}), "Hello", `id="note_`)
	st.has(bo.post(mr+"/review", 200, url.Values{"event": {"APPROVE"}}), "approved this merge request", "Revoke approval")
	st.has(bo.post(mr+"/unapprove", 200, url.Values{}), "unapproved this merge request", ">Approve<")
	st.has(bo.post(mr+"/review", 200, url.Values{"event": {"REQUEST_CHANGES"}, "body": {"not yet"}}), "requested changes", "not yet")
	page = ada.post("/acme/lab/models/-/edit/b/releases/a/1.yaml", 200, url.Values{"tip": {st.tip("b")}, "byte": {"1"}})
	st.has(page, "added 1 commit", "Version 2")
	st.has(ada.post(mr+"/draft", 200, url.Values{"draft": {"yes"}}), "Draft: Release a 2", "Mark as ready", "The merge request is a draft.")
	st.has(ada.post(mr+"/draft", 200, url.Values{"draft": {"no"}}), "Mark as draft", "A pipeline must succeed.")
	st.has(bo.post(mr+"/merge", 401, url.Values{"method": {"merge"}}), "nothing was changed")

	st.mu.Lock()
	p := st.repoByFull(labRepo).pulls[1]
	v := p.version()
	_, err := st.startThread(p, actor{token: st.tokens[st.bot.Token]}, "Why?", &position{BaseSHA: v.BaseSHA, StartSHA: v.StartSHA, HeadSHA: v.HeadSHA,
		OldPath: "releases/a/1.yaml", NewPath: "releases/a/1.yaml", NewLine: 2})
	id := p.Threads[len(p.Threads)-1].ID
	st.mu.Unlock()
	st.ok(err)
	st.has(ada.post(mr+"/thread", 200, url.Values{"thread": {id}, "do": {"reply"}, "body": {"Because."}}), "Because.")
	st.status(st.tip("b"), "success", "lumos/gate", "approved", "https://example.com")
	st.has(dora.get(mr, 200), "All threads must be resolved.", "passed")
	st.has(ada.post(mr+"/thread", 200, url.Values{"thread": {id}, "do": {"resolve"}}), "resolved by ada", "Reopen thread", "resolved all threads")
	dora.post(mr+"/thread", 404, url.Values{"thread": {"none"}, "do": {"resolve"}})
	st.has(dora.get(mr, 200), "Ready to merge")
	st.has(dora.post(mr+"/merge", 409, url.Values{"method": {"merge"}, "head": {strings.Repeat("1", 40)}}), "SHA does not match HEAD")
	st.has(dora.post(mr+"/merge", 200, url.Values{"method": {"merge"}, "head": {st.tip("b")}}), "Merged", "<b>dora</b> merged this as")
	_, err = st.As("ada").Commit(labRepo, "by-git", "By git", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	st.has(ada.get("/acme/lab/models", 200), "/acme/lab/models/-/compare/by-git", "open a merge request")
	st.has(ada.post("/acme/lab/models/-/compare/by-git", 200, url.Values{"title": {"By git"}, "draft": {"yes"}}), "Draft: By git")
}

func (st *labStage) tip(branch string) string {
	st.t.Helper()
	view, _ := st.Repo(labRepo)
	return view.Branches[branch]
}

func TestGitLabPagesHooks(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<b>taken</b>") }))
	t.Cleanup(hook.Close)
	st := newLabStage(t)
	id, err := st.SetHook("acme", GitLabHook{URL: hook.URL, Token: "hush-hush", Events: []string{"merge_requests_events", "note_events"}})
	st.ok(err)
	st.merge("b")
	st.ok(st.WaitIdle(t.Context()))
	v := st.visitor("")
	st.has(v.get("/-/webhooks", 200), "group acme", hook.URL, "Merge Request Hook", "200 OK")
	log := st.Deliveries(id)
	page := v.get(fmt.Sprintf("/-/webhooks/%d", log[0].ID), 200)
	st.has(page, "X-Gitlab-Event: Merge Request Hook", "X-Gitlab-Token: [REDACTED]", "&lt;b&gt;taken&lt;/b&gt;")
	st.lacks(page, "hush-hush")
	v.post(fmt.Sprintf("/-/webhooks/%d", log[0].ID), 200, url.Values{})
	st.ok(st.WaitIdle(t.Context()))
	st.has(v.get("/-/webhooks", 200), "again")
}

func TestLabAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][3]string{
		"/acme/models":                     {"acme", "models", ""},
		"/acme/lab/models/":                {"acme/lab", "models", ""},
		"/acme/lab/models/-/tree/main/-/x": {"acme/lab", "models", "tree/main/-/x"},
		"/acme/models/-/merge_requests/1":  {"acme", "models", "merge_requests/1"},
		"/models":                          {"", "models", ""},
		"/":                                {"", ".", ""},
	} {
		owner, repo, rest := labAddress(address)
		if got := [3]string{owner, repo, rest}; got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func FuzzLabAddress(f *testing.F) {
	f.Add("/acme/lab/models/-/merge_requests/1")
	f.Add("//-//-/")
	f.Fuzz(func(t *testing.T, address string) {
		owner, repo, _ := labAddress(address)
		if strings.Contains(repo, "/") && repo != "/" || strings.HasSuffix(owner, "/") && owner != "/" {
			t.Errorf("%q: %q and %q", address, owner, repo)
		}
	})
}
