package audit

import (
	"context"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// serve gives the repository over HTTP by git's own server, to who knows the password.
func serve(t *testing.T, dir string) string {
	t.Helper()
	backend := filepath.Join(git(t, ".", "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git http-backend is not installed")
	}
	git(t, dir, "config", "http.receivepack", "true")
	handler := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "x-access-token" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/" + filepath.Base(dir)
}

func TestGitRemoteOverHTTP(t *testing.T) {
	t.Parallel()
	dir, signer := bareRepo(t), signerOf('k')
	url := serve(t, dir)
	var asked atomic.Int32
	auth := func(context.Context) (string, string, error) {
		asked.Add(1)
		return "x-access-token", "secret", nil
	}
	open := func(auth GitAuth) *GitRemote {
		r, err := NewGitRemote(url, branch, signer, auth, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, _, err := Init(t.Context(), open(nil), signer, birth()); err == nil {
		t.Error("wrote without a password")
	}
	mustInit(t, open(auth), signer)
	a, b := Open(open(auth), signer, Writer{}), Open(open(auth), signer, Writer{})
	for pr := 1; pr <= 6; pr++ { // each overtakes the other, and reads what is new
		mustAppend(t, a, opened(pr))
		mustAppend(t, b, opened(100+pr))
	}
	if err := a.Load(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if a.Checkpoint() != b.Checkpoint() || a.Checkpoint().Size != 13 {
		t.Errorf("%+v and %+v", a.Checkpoint(), b.Checkpoint())
	}
	fresh := Open(a.store, signer, Writer{}) // the store has let go of old blobs and reads them again
	if err := fresh.Load(t.Context(), a.Tip()); err != nil || fresh.Checkpoint() != a.Checkpoint() {
		t.Errorf("%+v, %v", fresh.Checkpoint(), err)
	}
	if asked.Load() == 0 {
		t.Error("no password was asked for")
	}
	git(t, dir, "fsck", "--strict")
}

func TestPushTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := serve(t, w.dir)
	auth := func(context.Context) (string, string, error) { return "x-access-token", "secret", nil }
	r, err := NewGitRemote(url, branch, w.signer, auth, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.log.Load(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	tag := w.releaseTag(w.log.Decision(42)) // a later checkpoint than the one it was pushed with
	if got, err := r.PushTag(t.Context(), tag); err != nil || got != w.tag {
		t.Errorf("the tag that is there: %s, %v; want %s", got, err, w.tag)
	}
	different := map[string]func(*ReleaseTag){
		"commit":    func(t *ReleaseTag) { t.Commit = w.git(w.main, "rev-parse", "HEAD~1") },
		"subject":   func(t *ReleaseTag) { t.Content.Subject = digest(nil) },
		"policy":    func(t *ReleaseTag) { t.Content.Policy = digest(nil) },
		"decisions": func(t *ReleaseTag) { t.Content.Decisions = []int64{1} },
	}
	for name, change := range different {
		other := tag
		change(&other)
		if _, err := r.PushTag(t.Context(), other); !errors.Is(err, ErrTagDiffers) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	light := tag
	light.Name = TagName("light", "1")
	w.setRef("tags/"+light.Name, w.merge)
	if _, err := r.PushTag(t.Context(), light); !errors.Is(err, ErrTagDiffers) {
		t.Errorf("a lightweight tag: %v", err)
	}
	fresh := tag
	fresh.Name = TagName("acme/fraud", "2.3.0-rc.1")
	oid, err := r.PushTag(t.Context(), fresh)
	if err != nil {
		t.Fatal(err)
	}
	if got := git(t, w.dir, "rev-parse", "refs/tags/"+fresh.Name); got != oid {
		t.Errorf("pushed %s, the repository has %s", oid, got)
	}
	if again, err := r.PushTag(t.Context(), fresh); err != nil || again != oid {
		t.Errorf("pushed twice: %s, %v", again, err)
	}
	for _, name := range []string{"lumos/x", "lumos/../x/1", "lumos/a b/1", "v1", "lumos/x/1.lock"} {
		bad := tag
		bad.Name = name
		if _, err := r.PushTag(t.Context(), bad); err == nil {
			t.Errorf("%q was accepted as a tag", name)
		}
	}
}

func TestGitRemoteRefusesURLs(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"https://user:hunter2@example.com/x.git", "ssh://git@example.com/x.git", "ext::sh -c true", "/tmp/x"} {
		_, err := NewGitRemote(u, branch, signerOf('k'), nil, nil)
		if err == nil {
			t.Errorf("%s was accepted", u)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

// A push that the server refuses for its own reasons is no lost race.
func TestPushRefused(t *testing.T) {
	t.Parallel()
	dir, signer := bareRepo(t), signerOf('k')
	mustInit(t, fileRemote(t, dir, signer), signer)
	hook := filepath.Join(dir, "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Open(fileRemote(t, dir, signer), signer, Writer{}).Append(t.Context(), opened(1))
	if err == nil || errors.Is(err, ErrMoved) {
		t.Errorf("%v", err)
	}
}
