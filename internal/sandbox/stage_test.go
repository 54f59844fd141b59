package sandbox

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

const repoName = "acme/models"

// stage is a sandbox with an organisation, people, a protected repository and two Apps, and the
// unmodified clients that speak to it.
type stage struct {
	*Sandbox
	t          *testing.T
	ada, bo    Account
	lumos      Installed
	app, other *github.Client // the App that the protection names, and another
	adaClient  *github.Client
}

var wide = map[string]string{"checks": "write", "contents": "write", "pull_requests": "write", "issues": "write", "members": "read", "statuses": "write"}

func newStage(t *testing.T, opt Options, hook string) *stage {
	t.Helper()
	opt.Dir = t.TempDir()
	observe(t, &opt)
	s, err := Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	st := &stage{Sandbox: s, t: t}
	st.ada, err = s.CreateUser("ada", "Ada", "ada@example.com")
	st.ok(err)
	st.bo, err = s.CreateUser("bo", "Bo", "bo@example.com")
	st.ok(err)
	_, err = s.CreateOrg("acme", "bo")
	st.ok(err)
	st.ok(s.CreateTeam("acme", "risk", "bo"))
	st.ok(s.CreateRepo("acme", "models", true, "bo", map[string][]byte{
		"README.md": []byte("models\n"), "releases/a/1.yaml": []byte("name: a\nversion: 1\nlicense: MIT\nmore: lines\n"),
		".github/CODEOWNERS": []byte("* @bo @acme/risk\n")}))
	st.ok(s.Grant("ada", repoName, "write"))
	st.ok(s.Grant("acme/risk", repoName, "write"))
	st.lumos, err = s.InstallApp(App{Slug: "lumos", Permissions: wide, Repos: []string{repoName}, WebhookURL: hook, WebhookSecret: "hush",
		Events: []string{"pull_request", "pull_request_review", "issue_comment", "push", "check_run", "status"}})
	st.ok(err)
	other, err := s.InstallApp(App{Slug: "other", Permissions: wide, Repos: []string{repoName}})
	st.ok(err)
	st.ok(s.Protect(repoName, "main", Protection{RequiredChecks: []RequiredCheck{{"lumos/gate", st.lumos.AppID}}}))
	st.app, st.other = st.client(st.lumos), st.client(other)
	st.adaClient, err = github.NewClient(nil).WithAuthToken(st.ada.Token).WithEnterpriseURLs(s.APIURL(), s.APIURL())
	st.ok(err)
	return st
}

func (st *stage) client(in Installed) *github.Client {
	st.t.Helper()
	tr, err := ghinstallation.New(http.DefaultTransport, in.AppID, in.InstallationID, in.Key)
	st.ok(err)
	tr.BaseURL = strings.TrimSuffix(st.APIURL(), "/")
	c, err := github.NewClient(&http.Client{Transport: tr, Timeout: 10 * time.Second}).WithEnterpriseURLs(st.APIURL(), st.APIURL())
	st.ok(err)
	return c
}

func (st *stage) ok(err error) {
	st.t.Helper()
	if err != nil {
		st.t.Fatal(err)
	}
}

// status checks how the host answered.
func (st *stage) status(want int, err error, contains string) {
	st.t.Helper()
	got, text := http.StatusOK, ""
	var refused *Error
	var answer *github.ErrorResponse
	switch {
	case errors.As(err, &answer):
		got, text = answer.Response.StatusCode, err.Error()
	case errors.As(err, &refused):
		got, text = refused.Status, err.Error()
	case err != nil:
		st.t.Fatalf("not a refusal: %v", err)
	}
	if got != want || !strings.Contains(text, contains) {
		st.t.Fatalf("status %d %q, want %d with %q", got, text, want, contains)
	}
}

// git runs plain git in a directory, as a person would.
func (st *stage) git(dir string, args ...string) (string, error) {
	c := exec.CommandContext(st.t.Context(), "git", args...)
	c.Dir = dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com"}
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (st *stage) mustGit(dir string, args ...string) string {
	st.t.Helper()
	out, err := st.git(dir, args...)
	if err != nil {
		st.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

func (st *stage) clone(a Account) string {
	st.t.Helper()
	dir := filepath.Join(st.t.TempDir(), "clone")
	url := strings.Replace(st.GitURL("acme", "models"), "http://", "http://x:"+a.Token+"@", 1)
	st.mustGit(st.t.TempDir(), "clone", "-q", url, dir)
	return dir
}

// pull opens a pull request that adds a file.
func (st *stage) pull(branch string) (number int, head string) {
	st.t.Helper()
	head, err := st.As("ada").Commit(repoName, branch, "add", map[string][]byte{"releases/" + branch + ".yaml": []byte("name: b\n")})
	st.ok(err)
	number, err = st.As("ada").Open(repoName, "Release "+branch, "", branch, "main", false)
	st.ok(err)
	return number, head
}

func check(name, sha, conclusion string) github.CreateCheckRunOptions {
	o := github.CreateCheckRunOptions{Name: name, HeadSHA: sha, Status: github.String("completed"), Conclusion: github.String(conclusion)}
	if conclusion == "" {
		o.Status, o.Conclusion = github.String("in_progress"), nil
	}
	return o
}
