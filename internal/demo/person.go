package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
)

// Person acts on the code host as somebody: with git, and with the host's documented interface.
type Person struct {
	User
	Login string
	world *World
}

// User is what somebody can do in the governed repository by the host's documented interface. Each kind of
// code host has its own; pr is a pull request's number, on GitLab a merge request's. What the host refuses
// is a *Refusal.
type User interface {
	// Open opens a pull request of branch against main and returns its number.
	Open(ctx context.Context, branch, title, body string, draft bool) (number int, err error)
	Ready(ctx context.Context, pr int) error // a draft becomes ready for review
	Retarget(ctx context.Context, pr int, branch string) error
	Close(ctx context.Context, pr int) error
	Label(ctx context.Context, pr int, name string) error
	// Review submits a review of the head.
	Review(ctx context.Context, pr int, event Event, body string) error
	// Withdraw takes the last review of reviewer back, by whoever may do that on the host.
	Withdraw(ctx context.Context, pr int, reviewer string) error
	Comment(ctx context.Context, pr int, body string) error
	Rewrite(ctx context.Context, pr int, body string) error // edits the user's last comment
	// Merge merges by the button. ErrNotMerged is the host's no, told apart from every other failure.
	Merge(ctx context.Context, pr int) error
	// Status reports success, failure or pending under a name, on a commit of the pull request.
	Status(ctx context.Context, pr int, sha, name, state string) error
	// Issues lists the issues that Lumos keeps, open and closed, newest first.
	Issues(ctx context.Context) ([]Issue, error)
	// Look reads a pull request with its checks and everything that Lumos says.
	Look(ctx context.Context, pr int) (*PullRequest, error)
}

// Issue is an issue of the repository, as a person reads it.
type Issue struct {
	Number int
	Title  string
	Body   string
	Open   bool
}

// Event is what a review says.
type Event string

// The events of a review. Each host has its own form: GitLab's comment is a note, and its approval has no words.
const (
	Approve        Event = "APPROVE"
	RequestChanges Event = "REQUEST_CHANGES"
	Remark         Event = "COMMENT"
)

// ErrNotMerged says that the host refuses to merge.
var ErrNotMerged = errors.New("the code host refuses to merge")

// As is the person of that login.
func (w *World) As(login string) Person { return Person{w.side.user(w, login), login, w} }

// clone is the person's own clone of the repository, made when first used.
func (p Person) clone(ctx context.Context) (string, error) {
	dir := filepath.Join(p.world.Dir, "work", p.Login, RepoName)
	if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
		return dir, p.git(ctx, dir, "fetch", "--quiet", "origin")
	}
	return dir, p.Clone(ctx, dir)
}

// Clone makes a clone in dir, a folder that is not there yet.
func (p Person) Clone(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	return p.git(ctx, filepath.Dir(dir), "clone", "--quiet", p.remote(), dir)
}

func (p Person) remote() string {
	u, _ := url.Parse(p.world.Host.GitURL(Org, RepoName))
	u.User = url.UserPassword(p.Login, p.world.Tokens[p.Login])
	return u.String()
}

// Push puts one commit with the given files on a branch and pushes it: a new branch begins at main.
// A nil value removes a file; each lies where World.Place says. It returns the commit.
func (p Person) Push(ctx context.Context, branch, message string, files map[string][]byte) (string, error) {
	dir, err := p.clone(ctx)
	if err != nil {
		return "", err
	}
	start := "origin/main"
	if p.git(ctx, dir, "rev-parse", "--quiet", "--verify", "origin/"+branch) == nil {
		start = "origin/" + branch
	}
	if err := p.git(ctx, dir, "checkout", "--quiet", "-B", branch, start); err != nil {
		return "", err
	}
	files = p.world.Place(files)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if files[path] == nil {
			if err := os.Remove(full); err != nil {
				return "", err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(full, files[path], 0o600); err != nil {
			return "", err
		}
	}
	if err := p.git(ctx, dir, "add", "--all"); err != nil {
		return "", err
	}
	if err := p.git(ctx, dir, "commit", "--quiet", "--allow-empty", "-m", message); err != nil {
		return "", err
	}
	if err := p.git(ctx, dir, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/"+branch); err != nil {
		return "", err
	}
	return p.gitOut(ctx, dir, "rev-parse", "HEAD")
}

// Git runs git in the person's clone, with their identity and token, and returns what it printed.
func (p Person) Git(ctx context.Context, args ...string) (string, error) {
	dir, err := p.clone(ctx)
	if err != nil {
		return "", err
	}
	return p.gitOut(ctx, dir, args...)
}

func (p Person) git(ctx context.Context, dir string, args ...string) error {
	_, err := p.gitOut(ctx, dir, args...)
	return err
}

func (p Person) gitOut(ctx context.Context, dir string, args ...string) (string, error) {
	email := p.Login + "@acme.example"
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(cleanGitEnv(),
		"GIT_AUTHOR_NAME="+p.Login, "GIT_AUTHOR_EMAIL="+email, "GIT_COMMITTER_NAME="+p.Login, "GIT_COMMITTER_EMAIL="+email)
	out, err := cmd.CombinedOutput()
	text := strings.ReplaceAll(strings.TrimSpace(string(out)), p.world.Tokens[p.Login], "[token]")
	if err != nil {
		return "", fmt.Errorf("%s: git %s: %w: %s", p.Login, args[0], err, text)
	}
	return text, nil
}

// cleanGitEnv is the environment without the user's own git settings, which could sign, hook or
// prompt.
func cleanGitEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GIT_") })
	return append(env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_TERMINAL_PROMPT=0")
}

// client makes requests to one host's REST interface as somebody.
type client struct {
	root   string // without a slash at the end
	login  string // for errors
	header http.Header
}

// call makes a request. A nil out discards the answer.
func (c client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.root+path, body)
	if err != nil {
		return err
	}
	req.Header = c.header.Clone()
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &Refusal{Status: resp.StatusCode, Body: string(data), What: fmt.Sprintf("%s: %s %s", c.login, method, path)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// Refusal is an answer of the host that is not a success.
type Refusal struct {
	Status     int
	What, Body string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %d %s", r.What, r.Status, r.Body) }

// notMerged marks an answer to a merge as the host's no if its status is one of those that mean it.
func notMerged(err error, statuses ...int) error {
	var refused *Refusal
	if errors.As(err, &refused) && slices.Contains(statuses, refused.Status) {
		return fmt.Errorf("%w: %w", ErrNotMerged, err)
	}
	return err
}

// PullRequest is what anybody sees of a pull request.
type PullRequest struct {
	Number  int
	State   string // open, closed or merged
	Merged  bool
	Head    string
	Merge   string           // the merge commit
	Checks  map[string]Check // Lumos's, by name
	Status  string           // the body of Lumos's status comment
	Stands  int              // how many such comments there are
	Replies []string         // Lumos's other comments, oldest first
}

// Check is a check on the head as anybody sees it.
type Check struct {
	State string // the conclusion, or while there is none the status, in the words of GitHub's check runs
	Title string
	Text  string // everything else that it says
}

const statusMark = "<!-- lumos:status -->"

// hear sorts a comment of Lumos's own.
func (pr *PullRequest) hear(body string) {
	if strings.HasPrefix(body, statusMark) {
		pr.Status = body
		pr.Stands++
	} else {
		pr.Replies = append(pr.Replies, body)
	}
}

// WaitFor looks at a pull request until it is as wanted, and says what it last saw if that takes
// longer than the context allows.
func (p Person) WaitFor(ctx context.Context, number int, what string, wanted func(*PullRequest) bool) (*PullRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var last *PullRequest
	for {
		pr, err := p.Look(ctx, number)
		if err == nil {
			if last = pr; wanted(pr) {
				return pr, nil
			}
		}
		select {
		case <-ctx.Done():
			if last == nil {
				return nil, fmt.Errorf("waiting for %s: %w", what, err)
			}
			return last, fmt.Errorf("waiting for %s: #%d is %s at %.12s, checks %s", what, number, last.State, last.Head, last.checks())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (pr *PullRequest) checks() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(pr.Checks)) {
		c := pr.Checks[name]
		out = append(out, fmt.Sprintf("%s=%s (%s)", name, c.State, c.Title))
	}
	return strings.Join(out, ", ")
}

// Gate waits until the gate shows state on the current head.
func (p Person) Gate(ctx context.Context, number int, head, state string) (*PullRequest, error) {
	return p.WaitFor(ctx, number, "the gate to be "+state, func(pr *PullRequest) bool {
		return (head == "" || pr.Head == head) && pr.Checks[forge.GateCheck].State == state
	})
}
