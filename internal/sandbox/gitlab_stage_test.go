package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lumos-governance/lumos/internal/sandbox/contract"
)

const glRepoName = "acme/models"

// glStage is a GitLab with a group, people, and a project whose main branch is protected.
type glStage struct {
	*Sandbox
	t                            *testing.T
	jonas, ben, cleo, dora, emil Account // Developers; Owner of the group; Maintainer
}

func newGLStage(t *testing.T) *glStage {
	t.Helper()
	opt := Options{Dir: t.TempDir(), Dialect: GitLab}
	observeGitLab(t, &opt)
	s, err := Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	st := &glStage{Sandbox: s, t: t}
	for _, p := range []struct {
		login string
		to    *Account
	}{{"jonas", &st.jonas}, {"ben", &st.ben}, {"cleo", &st.cleo}, {"dora", &st.dora}, {"emil", &st.emil}} {
		*p.to, err = s.CreateUser(p.login, strings.ToUpper(p.login[:1])+p.login[1:], p.login+"@example.com")
		st.ok(err)
	}
	_, err = s.CreateOrg("acme", "dora")
	st.ok(err)
	st.ok(s.CreateTeam("acme", "model-owners", "ben", "cleo"))
	st.ok(s.CreateRepo("acme", "models", true, "dora", map[string][]byte{"README.md": []byte("models\n"),
		"releases/a/1.yaml": []byte("name: a\nversion: 1\nlicense: MIT\nmore: lines\n")}))
	st.ok(s.Grant("jonas", glRepoName, "write"))
	st.ok(s.Grant("acme/model-owners", glRepoName, "write"))
	st.ok(s.Grant("emil", glRepoName, "maintain"))
	st.ok(s.Protect(glRepoName, "main", Protection{PushLevel: "none", MergeLevel: "maintainer"}))
	return st
}

func (st *glStage) ok(err error) {
	st.t.Helper()
	if err != nil {
		st.t.Fatal(err)
	}
}

// refused checks that something was refused with a status.
func (st *glStage) refused(err error, status int, contains string) {
	st.t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Status != status || !strings.Contains(err.Error(), contains) {
		st.t.Fatalf("got %v, want a refusal %d with %q", err, status, contains)
	}
}

// open opens a merge request of jonas's and returns its number and head.
func (st *glStage) open(branch string) (int, string) {
	st.t.Helper()
	head, err := st.As("jonas").Commit(glRepoName, branch, "Add "+branch, map[string][]byte{"releases/" + branch + ".yaml": []byte("name: b\nversion: 1\n")})
	st.ok(err)
	n, err := st.As("jonas").Open(glRepoName, "Release "+branch, "Why", branch, "main", false)
	st.ok(err)
	return n, head
}

func (st *glStage) mr(n int) *pull {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.repoByFull(glRepoName).pulls[n]
}

// notes are the actions of a merge request's system notes.
func (st *glStage) notes(n int) string {
	var out []string
	for _, c := range st.mr(n).Comments {
		if c.System != "" {
			out = append(out, c.System)
		}
	}
	return strings.Join(out, " ")
}

// call asks the REST interface; path is below /api/v4, and {p} in it is the project.
func (st *glStage) call(token, method, path string, body obj) (int, any, http.Header) {
	st.t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		st.ok(err)
		in = bytes.NewReader(raw)
	}
	path = strings.ReplaceAll(path, "{p}", "/projects/acme%2Fmodels")
	req, err := http.NewRequestWithContext(st.t.Context(), method, strings.TrimSuffix(st.APIURL(), "/")+path, in)
	st.ok(err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Private-Token", token)
	resp, err := http.DefaultClient.Do(req)
	st.ok(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	st.ok(err)
	var out any
	if json.Unmarshal(raw, &out) != nil {
		out = string(raw)
	}
	return resp.StatusCode, out, resp.Header
}

// want calls and checks the status; it returns the answer.
func (st *glStage) want(status int, token, method, path string, body obj) any {
	st.t.Helper()
	got, out, _ := st.call(token, method, path, body)
	if got != status {
		st.t.Fatalf("%s %s: %d %v, want %d", method, path, got, out, status)
	}
	return out
}

// described2 finds GitLab's description in the shared data; empty if it is not there.
func described2() string {
	roots := []string{os.Getenv("LUMOS_SHARED")}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		roots = append(roots, filepath.Join(dir, "shared"))
	}
	for _, root := range roots {
		path := filepath.Join(root, "data", "api", "gitlab_cloud_4.json")
		if _, err := os.Stat(path); root != "" && err == nil {
			return path
		}
	}
	return ""
}

var gitlabDescription = sync.OnceValues(func() (*contract.GitLab, error) { return contract.LoadGitLab(described2()) })

// observeGitLab holds every request of a test against GitLab's description, when it is at hand.
func observeGitLab(t *testing.T, opt *Options) {
	if described2() == "" {
		return
	}
	doc, err := gitlabDescription()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	found := map[string]bool{}
	opt.Observe = func(x Exchange) {
		if x.Route == "" || x.Route == "POST /graphql" {
			return
		}
		_, query, _ := strings.Cut(x.Path, "?")
		mu.Lock()
		defer mu.Unlock()
		for _, f := range doc.Check(contract.Exchange{Route: x.Route, Query: query, RequestBody: x.RequestBody, Status: x.Status}) {
			found[f] = true
		}
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for f := range found {
			t.Error(f)
		}
	})
}

func TestGitLabRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	if described2() == "" {
		t.Skip("the shared data is not on this machine: set LUMOS_SHARED")
	}
	doc, err := gitlabDescription()
	if err != nil {
		t.Fatal(err)
	}
	for _, rt := range gitlabTables() {
		for _, f := range doc.Check(contract.Exchange{Route: rt.pattern, Status: 500}) {
			t.Error(f)
		}
	}
}
