package demo

import (
	"bytes"
	"context"
	"encoding/json"
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
)

// Person acts on the code host as somebody: with git, and with the host's documented interface.
type Person struct {
	Login string
	world *World
}

// As is the person of that login.
func (w *World) As(login string) Person { return Person{login, w} }

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
// A nil value removes a file. It returns the commit.
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

// Call makes a request to the host's REST interface as the person. A nil out discards the answer.
func (p Person) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(p.world.Host.APIURL(), "/")+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.world.Tokens[p.Login])
	req.Header.Set("Accept", "application/vnd.github+json")
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
		return &Refusal{Status: resp.StatusCode, Body: string(data), What: fmt.Sprintf("%s: %s %s", p.Login, method, path)}
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

const repoPath = "/repos/" + Repo

// OpenPullRequest opens a pull request of branch against main.
func (p Person) OpenPullRequest(ctx context.Context, branch, title, body string) (int, error) {
	var pr struct {
		Number int `json:"number"`
	}
	err := p.Call(ctx, "POST", repoPath+"/pulls", map[string]any{"title": title, "head": branch, "base": "main", "body": body}, &pr)
	return pr.Number, err
}

// Review submits a review: event is APPROVE, REQUEST_CHANGES or COMMENT.
func (p Person) Review(ctx context.Context, pr int, event, body string) error {
	return p.Call(ctx, "POST", fmt.Sprintf("%s/pulls/%d/reviews", repoPath, pr), map[string]any{"event": event, "body": body}, nil)
}

// Comment writes a comment.
func (p Person) Comment(ctx context.Context, pr int, body string) error {
	return p.Call(ctx, "POST", fmt.Sprintf("%s/issues/%d/comments", repoPath, pr), map[string]any{"body": body}, nil)
}

// Merge asks the host to merge, as a person would by the button.
func (p Person) Merge(ctx context.Context, pr int) error {
	return p.Call(ctx, "PUT", fmt.Sprintf("%s/pulls/%d/merge", repoPath, pr), map[string]any{"merge_method": "squash"}, nil)
}

// PullRequest is what anybody sees of a pull request.
type PullRequest struct {
	Number int
	State  string
	Merged bool
	Head   string
	Merge  string // the merge commit
	Checks map[string]CheckRun
	Status string // the body of Lumos's comment
}

// CheckRun is a check run as anybody sees it.
type CheckRun struct {
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	Output     struct {
		Title       string `json:"title"`
		Summary     string `json:"summary"`
		Text        string `json:"text"`
		Annotations int    `json:"annotations_count"`
	} `json:"output"`
}

// State is the conclusion, or the status while there is none.
func (c CheckRun) State() string {
	if c.Conclusion != "" {
		return c.Conclusion
	}
	return c.Status
}

// Look reads a pull request with its checks and Lumos's comment.
func (p Person) Look(ctx context.Context, number int) (*PullRequest, error) {
	var raw struct {
		State  string `json:"state"`
		Merged bool   `json:"merged"`
		Merge  string `json:"merge_commit_sha"`
		Head   struct {
			SHA string `json:"sha"`
		} `json:"head"`
	}
	if err := p.Call(ctx, "GET", fmt.Sprintf("%s/pulls/%d", repoPath, number), nil, &raw); err != nil {
		return nil, err
	}
	pr := &PullRequest{Number: number, State: raw.State, Merged: raw.Merged, Head: raw.Head.SHA, Merge: raw.Merge, Checks: map[string]CheckRun{}}
	var checks struct {
		Runs []CheckRun `json:"check_runs"`
	}
	if err := p.Call(ctx, "GET", fmt.Sprintf("%s/commits/%s/check-runs", repoPath, pr.Head), nil, &checks); err != nil {
		return nil, err
	}
	for _, c := range checks.Runs {
		pr.Checks[c.Name] = c
	}
	var comments []struct {
		Body string `json:"body"`
		User struct {
			Type string `json:"type"`
		} `json:"user"`
	}
	if err := p.Call(ctx, "GET", fmt.Sprintf("%s/issues/%d/comments", repoPath, number), nil, &comments); err != nil {
		return nil, err
	}
	for _, c := range comments {
		if c.User.Type == "Bot" && strings.HasPrefix(c.Body, "<!-- lumos:status -->") {
			pr.Status = c.Body
		}
	}
	return pr, nil
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
		out = append(out, fmt.Sprintf("%s=%s (%s)", name, c.State(), c.Output.Title))
	}
	return strings.Join(out, ", ")
}

// Gate waits until the gate shows state on the current head.
func (p Person) Gate(ctx context.Context, number int, head, state string) (*PullRequest, error) {
	return p.WaitFor(ctx, number, "the gate to be "+state, func(pr *PullRequest) bool {
		return (head == "" || pr.Head == head) && pr.Checks["lumos/gate"].State() == state
	})
}
