package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// visitor is a browser: it keeps cookies, follows redirects, and sends the token of the page that it
// saw last.
type visitor struct {
	st     *stage
	client *http.Client
	token  string
}

func (st *stage) visitor(login string) *visitor {
	st.t.Helper()
	jar, err := cookiejar.New(nil)
	st.ok(err)
	v := &visitor{st: st, client: &http.Client{Jar: jar}}
	v.get("/", http.StatusOK)
	if login != "" {
		v.post("/-/switch", http.StatusOK, url.Values{"who": {login}, "to": {"/"}})
	}
	return v
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

func (v *visitor) send(req *http.Request, want int) string {
	v.st.t.Helper()
	resp, err := v.client.Do(req)
	v.st.ok(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	v.st.ok(err)
	if resp.StatusCode != want {
		v.st.t.Fatalf("%s %s: %d, want %d:\n%s", req.Method, req.URL.Path, resp.StatusCode, want, body)
	}
	if m := tokenField.FindSubmatch(body); m != nil {
		v.token = string(m[1])
	}
	return string(body)
}

func (v *visitor) get(path string, want int) string {
	v.st.t.Helper()
	req, err := http.NewRequestWithContext(v.st.t.Context(), http.MethodGet, v.st.URL()+path, nil)
	v.st.ok(err)
	return v.send(req, want)
}

func (v *visitor) form(path string, form url.Values) *http.Request {
	v.st.t.Helper()
	if form.Get("token") == "" {
		form.Set("token", v.token)
	}
	req, err := http.NewRequestWithContext(v.st.t.Context(), http.MethodPost, v.st.URL()+path, strings.NewReader(form.Encode()))
	v.st.ok(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

func (v *visitor) post(path string, want int, form url.Values) string {
	v.st.t.Helper()
	return v.send(v.form(path, form), want)
}

func (st *stage) has(page string, wants ...string) {
	st.t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			st.t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// gate reports the gate as the App does.
func (st *stage) gate(number int, conclusion, title, message string) {
	st.t.Helper()
	st.mu.Lock()
	defer st.mu.Unlock()
	r := st.repoByFull(repoName)
	a := st.apps[slices.IndexFunc(st.apps, func(a *app) bool { return a.ID == st.lumos.AppID })]
	name, summary, level, path, line := "lumos/gate", "the *summary*", "failure", "releases/a/1.yaml", 2
	e := checkEdit{Name: &name, HeadSHA: &r.pulls[number].HeadSHA, Conclusion: &conclusion, Output: &checkOutput{Title: &title, Summary: &summary}}
	if message != "" {
		e.Output.Annotations = []annotationEdit{{Path: &path, StartLine: &line, EndLine: &line, Level: &level, Message: &message, Title: &title}}
	}
	_, err := st.createCheck(r, actor{token: &token{app: a, account: a.Bot}}, e)
	st.ok(err)
}

func TestPagesShow(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	_, err := st.As("ada").Commit(repoName, "release/a-2", "Release a\n\nWith a body.", map[string][]byte{
		"releases/a/1.yaml": []byte("name: a\nversion: 2\nlicense: MIT\nmore: lines\n"), "odd names/a?b#c%d.txt": []byte("one\ntwo\n"), "blob.bin": {0, 1, 2}})
	st.ok(err)
	n, err := st.As("ada").Open(repoName, "Release a 2", "What it *is*", "release/a-2", "main", false)
	st.ok(err)
	_, err = st.As("bo").Comment(repoName, n, "a **word**")
	st.ok(err)
	_, err = st.As("bo").Review(repoName, n, "REQUEST_CHANGES", "not yet", "")
	st.ok(err)
	st.gate(n, "failure", "Two gaps", "the version is odd")
	main := st.mustRepo().Branches["main"]
	for _, one := range []struct {
		name, path string
		status     int
		want       []string
	}{
		{"home", "/", 200, []string{"acme/models", "Release a 2", "acme/risk", "owner of acme"}},
		{"repository", "/acme/models", 200, []string{"release/a-2", "protected", "README.md", `href="/acme/models/pull/1"`, "models\n"}},
		{"conversation", "/acme/models/pull/1", 200, []string{"What it *is*", "a **word**", "requested changes", "not yet", "Two gaps",
			"the *summary*", "required", `Required status check &#34;lumos/gate&#34; is failing.`, "choose who you are"}},
		{"commits of it", "/acme/models/pull/1/commits", 200, []string{"Release a", "With a body."}},
		{"files of it", "/acme/models/pull/1/files", 200, []string{"version: 1", "version: 2", "the version is odd", `data-n="2"`, "odd names/a?b#c%d.txt"}},
		{"no such tab", "/acme/models/pull/1/secrets", 404, nil},
		{"no such pull request", "/acme/models/pull/9", 404, []string{"Not Found"}},
		{"no number", "/acme/models/pull/one", 404, nil},
		{"folder", "/acme/models/tree/release/a-2/odd%20names", 200, []string{`href="/acme/models/blob/release/a-2/odd%20names/a%3Fb%23c%25d.txt"`}},
		{"file with an odd name", "/acme/models/blob/release/a-2/odd%20names/a%3Fb%23c%25d.txt", 200, []string{`id="L2"`, "two"}},
		{"file at a commit", "/acme/models/blob/" + main + "/releases/a/1.yaml", 200, []string{`id="L3"`, `href="#L3"`, "license: MIT"}},
		{"binary file", "/acme/models/blob/release/a-2/blob.bin", 200, []string{"The file is not text."}},
		{"no such file", "/acme/models/blob/main/nothing", 404, nil},
		{"above the root", "/acme/models/blob/main/../../../etc/passwd", 404, nil},
		{"no such revision", "/acme/models/tree/nowhere", 404, nil},
		{"history", "/acme/models/commits/main", 200, []string{"Initial commit"}},
		{"first commit", "/acme/models/commit/" + main, 200, []string{"The first commit"}},
		{"commit", "/acme/models/commit/release%2Fa-2", 200, []string{"With a body.", "version: 2"}},
		{"no such repository", "/acme/secrets", 404, nil},
		{"webhooks", "/-/webhooks", 200, []string{"Lose the next webhook", "has no webhook"}},
		{"no such delivery", "/-/webhooks/1", 404, nil},
		{"requests", "/-/requests", 200, []string{"so far"}},
		{"stylesheet", "/-/style.css", 200, []string{"prefers-color-scheme"}},
		{"script", "/-/live.js", 200, []string{"data-live"}},
		{"templates stay inside", "/-/layout.html", 404, nil},
		{"editor, as nobody", "/acme/models/edit/main/README.md", 403, []string{"Choose who you are"}},
		{"nowhere", "/a/b/c/d", 404, []string{"Not Found"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			st := *st
			st.t = t
			st.has(st.visitor("").get(one.path, one.status), one.want...)
		})
	}
}

func (st *stage) mustRepo() RepoView {
	st.t.Helper()
	r, ok := st.Repo(repoName)
	if !ok {
		st.t.Fatal("no repository")
	}
	return r
}

// TestPagesPlay goes from an edit to the merge, as visitors would.
func TestPagesPlay(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	ada, bo := st.visitor("ada"), st.visitor("bo")

	page := ada.get("/acme/models/edit/main/releases/a/1.yaml", 200)
	st.has(page, "ada-patch-1", "version: 1")
	tip := st.mustRepo().Branches["main"]
	text := "name: a\r\nversion: 2\r\nlicense: MIT\r\nmore: lines\r\n" // as browsers send it
	page = ada.post("/acme/models/edit/main/releases/a/1.yaml", 200, url.Values{"tip": {tip}, "text": {text}, "branch": {"ada-patch-1"}, "message": {"Release a 2"}, "body": {"why"}})
	st.has(page, "Release a 2", "ada-patch-1", "nobody approves their own")
	data, err := st.File(repoName, "ada-patch-1", "releases/a/1.yaml")
	st.ok(err)
	if string(data) != "name: a\nversion: 2\nlicense: MIT\nmore: lines\n" {
		t.Errorf("the file became %q", data)
	}
	log, err := st.Log(repoName, "ada-patch-1", 1)
	st.ok(err)
	if !log[0].Verified || log[0].Author != "ada" {
		t.Errorf("what is edited on the host is signed by it, for ada: %+v", log[0])
	}

	const pr = "/acme/models/pull/1"
	bo.get(pr, 200)
	st.has(bo.post(pr+"/comment", 200, url.Values{"body": {"Hello there"}}), "Hello there", `id="issuecomment-`)
	st.has(bo.post(pr+"/comment", 422, url.Values{"body": {" "}}), "Body cannot be blank", "nothing was changed")
	st.has(ada.post(pr+"/review", 422, url.Values{"event": {"APPROVE"}}), "Can not approve your own pull request")
	st.has(bo.post(pr+"/review", 200, url.Values{"event": {"APPROVE"}, "body": {"fine"}}), "approved", "fine")
	st.has(bo.post(pr+"/merge", 405, url.Values{"method": {"squash"}}), "Required status check")

	head := st.mustRepo().Branches["ada-patch-1"]
	page = ada.post("/acme/models/edit/ada-patch-1/releases/a/1.yaml", 200, url.Values{"tip": {head}, "byte": {"1"}})
	st.has(page, "pushed", "outdated")
	data, err = st.File(repoName, "ada-patch-1", "releases/a/1.yaml")
	st.ok(err)
	if !strings.HasSuffix(string(data), "lines\n\n") {
		t.Errorf("one byte more gave %q", data)
	}
	st.has(ada.post("/acme/models/edit/ada-patch-1/releases/a/1.yaml", 409, url.Values{"tip": {head}, "text": {"other"}}), "has moved")
	st.has(ada.post("/acme/models/edit/ada-patch-1/releases/a/1.yaml", 422, url.Values{"tip": {st.mustRepo().Branches["ada-patch-1"]}, "text": {string(data)}}), "Nothing has changed")

	st.has(ada.post(pr+"/draft", 200, url.Values{"draft": {"yes"}}), "still a draft", "Ready for review")
	st.has(ada.post(pr+"/draft", 200, url.Values{"draft": {"no"}}), "To draft")
	st.has(ada.post(pr+"/state", 200, url.Values{"state": {"closed"}}), "Reopen")
	st.has(ada.post(pr+"/state", 200, url.Values{"state": {"open"}}), "Merging is blocked")
	st.gate(1, "success", "Approved", "")
	st.has(bo.get(pr, 200), "Ready to merge", "Approved")
	st.has(bo.post(pr+"/merge", 409, url.Values{"method": {"squash"}, "head": {head}}), "Head branch was modified")
	st.has(bo.post(pr+"/merge", 200, url.Values{"method": {"squash"}, "head": {st.mustRepo().Branches["ada-patch-1"]}}), "Merged", "<b>bo</b> merged this as")

	st.has(ada.post("/acme/models/edit/main", 200, url.Values{"tip": {st.mustRepo().Branches["main"]}, "path": {"new/file.txt"}, "text": {"new"}, "branch": {"more"}}), "Add new/file.txt")
	_, err = st.As("ada").Commit(repoName, "by-git", "By git", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	st.has(ada.get("/acme/models", 200), "/acme/models/compare/by-git")
	st.has(ada.post("/acme/models/compare/by-git", 200, url.Values{"title": {"By git"}, "draft": {"yes"}}), "By git", "draft")
}

func TestPagesRefuse(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	_, err := st.As("ada").Commit(repoName, "b", "B", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	_, err = st.As("ada").Open(repoName, "B", "", "b", "main", false)
	st.ok(err)
	const comment = "/acme/models/pull/1/comment"
	for _, one := range []struct {
		name   string
		status int
		change func(v *visitor, r *http.Request)
		form   url.Values
	}{
		{"another site, by its fetch metadata", 403, func(_ *visitor, r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, nil},
		{"another port of this machine", 403, func(_ *visitor, r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, nil},
		{"another site, by its origin", 403, func(_ *visitor, r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, nil},
		{"a name that was rebound to us", 403, func(_ *visitor, r *http.Request) { r.Host = "evil.example" }, nil},
		{"our name at another port", 403, func(_ *visitor, r *http.Request) { r.Host = "localhost:1" }, nil},
		{"a wrong token", 403, nil, url.Values{"token": {"guess"}}},
		{"no cookie", 403, func(v *visitor, _ *http.Request) { v.client.Jar = nil }, nil},
		{"a cookie that names nobody", 403, func(v *visitor, r *http.Request) {
			v.client.Jar = nil
			r.Header.Set("Cookie", v.st.cookieName()+"="+strings.Repeat("x", 40)+".mallory")
		}, nil},
		{"too much", 413, nil, url.Values{"body": {strings.Repeat("x", maxForm)}}},
		{"more than a comment holds", 422, nil, url.Values{"body": {strings.Repeat("x", maxBody+1)}}},
	} {
		t.Run(one.name, func(t *testing.T) {
			st := *st
			st.t = t
			v := st.visitor("bo")
			form := url.Values{"body": {"planted"}}
			for k, x := range one.form {
				form[k] = x
			}
			req := v.form(comment, form)
			if one.change != nil {
				one.change(v, req)
			}
			v.send(req, one.status)
		})
	}
	t.Run("a form drawn for somebody else", func(t *testing.T) {
		st := *st
		st.t = t
		v := st.visitor("ada")
		old := v.token
		v.post("/-/switch", 200, url.Values{"who": {"bo"}, "to": {"/"}})
		st.has(v.post(comment, 403, url.Values{"body": {"planted"}, "token": {old}}), "drawn for another person")
	})
	t.Run("nobody chosen", func(t *testing.T) {
		st := *st
		st.t = t
		st.has(st.visitor("").post(comment, 403, url.Values{"body": {"planted"}}), "Choose who you are")
	})
	t.Run("a switch leads nowhere else", func(t *testing.T) {
		for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example"} {
			v := st.visitor("")
			v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			resp, err := v.client.Do(v.form("/-/switch", url.Values{"who": {"ada"}, "to": {to}}))
			st.ok(err)
			resp.Body.Close()
			if got := resp.Header.Get("Location"); got != "/" {
				t.Errorf("to %q led to %q", to, got)
			}
		}
		st.visitor("").post("/-/switch", 422, url.Values{"who": {"mallory"}})
	})
	d, err := st.Pull(repoName, 1, "ada")
	st.ok(err)
	if len(d.Comments) != 0 {
		t.Errorf("a refused request left %v", d.Comments)
	}
}

func (st *stage) cookieName() string { return st.pages.(*pages).cookie }

func TestPagesHeaders(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	for _, path := range []string{"/", "/nothing/here", "/-/style.css"} {
		resp, err := http.Get(st.URL() + path)
		st.ok(err)
		resp.Body.Close()
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'self'", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff"} {
			if got := resp.Header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		for _, c := range resp.Cookies() {
			if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
				t.Errorf("%s: the cookie is open: %v", path, c)
			}
		}
	}
}

// hostileStrings is the shared collection, and a few that aim at these pages.
func hostileStrings(t *testing.T) []string {
	t.Helper()
	own := []string{`"><script>alert(1)</script>`, `'"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `{{.Token}}`, `</textarea><script>alert(1)</script>`, `</pre><svg onload=alert(1)>`, "<!--", "]]>"}
	dir := os.Getenv("LUMOS_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(dir, "data", "hostile-strings.json"))
	if err != nil {
		t.Logf("only our own strings: %v", err)
		return own
	}
	var more []string
	if err := json.Unmarshal(data, &more); err != nil {
		t.Fatal(err)
	}
	return append(own, more...)
}

// activeMarkup finds what a browser would run: scripts, handlers, and addresses that are code.
var activeMarkup = regexp.MustCompile(`(?i)<script\b|<(?:iframe|object|embed|base|svg/|img)\b|<[a-z][^<>]*\s(?:on\w+\s*=|style\s*=)|(?:href|src|action)="\s*(?:javascript|data|vbscript):`)

func TestPagesInert(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	all := hostileStrings(t)
	text := strings.ToValidUTF8(strings.ReplaceAll(strings.Join(all, "\n"), "\x00", ""), "?")
	files := map[string][]byte{"releases/a/1.yaml": []byte("name: a\n" + text)}
	for i, s := range own(all) {
		files[fmt.Sprintf("odd/%d %s", i, strings.NewReplacer("/", "|", "\x00", "").Replace(s))] = []byte(s)
	}
	_, err := st.As("ada").Commit(repoName, "odd", all[0]+"\n\n"+text, files)
	st.ok(err)
	n, err := st.As("ada").Open(repoName, all[0]+all[1], text, "odd", "main", false)
	st.ok(err)
	for chunk := range slices.Chunk([]rune(text), maxBody-1) {
		_, err = st.As("bo").Comment(repoName, n, string(chunk))
		st.ok(err)
	}
	_, err = st.As("bo").Review(repoName, n, "REQUEST_CHANGES", text[:2000], "")
	st.ok(err)
	st.gate(n, "failure", all[0]+all[1], text[:4000])
	v := st.visitor("ada")
	pages := []string{"/", "/acme/models", "/acme/models/pull/1", "/acme/models/pull/1/files", "/acme/models/pull/1/commits", "/acme/models/tree/odd/odd",
		"/acme/models/blob/odd/releases/a/1.yaml", "/acme/models/edit/odd/releases/a/1.yaml", "/acme/models/commits/odd", "/acme/models/commit/odd", "/-/webhooks", "/-/requests"}
	for name := range files {
		pages = append(pages, "/acme/models/blob/odd/"+escapePath(name))
	}
	for _, path := range pages {
		page := v.get(path, 200)
		page = strings.Replace(page, `<script src="/-/live.js" defer></script>`, "", 1)
		if found := activeMarkup.FindStringIndex(page); found != nil {
			t.Errorf("%s is not inert: …%s…", path, page[max(0, found[0]-80):min(len(page), found[1]+80)])
		}
	}
	st.has(v.get("/acme/models/pull/1", 200), "&lt;script&gt;alert(1)&lt;/script&gt;")
	page := v.get("/acme/models/"+url.PathEscape(`"><script>alert(1)</script>`), 404)
	if strings.Contains(page, "<script>") {
		t.Error("the page of a refusal repeats its address unescaped")
	}
}

// own is the part of the hostile strings that can name a file.
func own(all []string) []string { return all[:7] }

func TestPagesSystem(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<b>taken</b>") }))
	t.Cleanup(hook.Close)
	st := newStage(t, Options{}, hook.URL)
	v := st.visitor("")
	st.ok(st.WaitIdle(t.Context()))
	first := st.Deliveries(st.lumos.AppID)[0]
	st.has(v.get("/-/webhooks", 200), "installation", hook.URL, "200 OK")
	st.has(v.get(fmt.Sprintf("/-/webhooks/%d", first.ID), 200), first.GUID, "X-Github-Event: installation", "&lt;b&gt;taken&lt;/b&gt;")
	v.post(fmt.Sprintf("/-/webhooks/%d", first.ID), 200, url.Values{})
	st.ok(st.WaitIdle(t.Context()))
	st.has(v.get("/-/webhooks", 200), "again")

	st.has(v.post("/-/weather", 200, url.Values{"fault": {"drop"}}), "the next webhook will be lost", "faults ahead")
	st.has(v.post("/-/weather", 200, url.Values{"fault": {"502"}, "to": {"requests"}}), "the next 3 API requests will meet 502")
	if _, _, err := st.adaClient.Repositories.Get(t.Context(), "acme", "models"); err == nil {
		t.Error("the storm did not strike")
	}
	st.has(v.get("/-/requests", 200), "GET /repos/acme/models", "502")
	st.has(v.post("/-/weather", 200, url.Values{"fault": {"clear"}}), "everything works")
	v.post("/-/weather", 422, url.Values{"fault": {"hail"}})
}
