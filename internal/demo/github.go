package demo

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/github"
	"github.com/lumos-governance/lumos/internal/owners"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// githubSide is the world on GitHub: the bot is an App, and the gate a check run that only it can write.
type githubSide struct {
	app    sandbox.Installed
	secret string // of its webhooks
}

func (g *githubSide) words() (noun, path string) { return "pull request", "pull" }

func (g *githubSide) place(path string, data []byte) (string, []byte) { return path, data }

func (g *githubSide) owners() func([]byte, []string) []string { return requestedOwners }

func (g *githubSide) install(w *World, _ Options) error {
	g.secret = randomSecret()
	var err error
	if g.app, err = w.Host.InstallApp(sandbox.App{
		Slug: "lumos", Name: "Lumos", WebhookSecret: g.secret,
		Permissions: map[string]string{"contents": "write", "checks": "write", "pull_requests": "write", "issues": "write", "members": "read", "metadata": "read"},
		Events:      []string{"pull_request", "pull_request_review", "issue_comment", "push", "membership", "check_run"},
		Repos:       []string{Repo},
	}); err != nil {
		return err
	}
	w.Bot = g.app.Bot
	if err := w.Host.Protect(Repo, "main", sandbox.Protection{
		RequiredChecks: []sandbox.RequiredCheck{{Context: forge.GateCheck, AppID: g.app.AppID}},
	}); err != nil {
		return err
	}
	return w.Host.Protect(Repo, forge.AuditBranch, sandbox.Protection{RestrictPush: []string{"lumos"}, LinearHistory: true})
}

func (g *githubSide) settings(w *World) (string, map[string][]byte) {
	text := fmt.Sprintf("github:\n  api_url: %q\n  graphql_url: %q\n  git_url: %q\n  app_id: %d\n  private_key_file: app.pem\n  webhook_secret_file: webhook\n",
		strings.TrimSuffix(w.Host.APIURL(), "/"), w.Host.GraphQLURL(), w.Host.URL(), g.app.AppID)
	return text, map[string][]byte{"app.pem": g.app.Key, "webhook": []byte(g.secret)}
}

func (g *githubSide) hookPath() string { return "/webhooks/github" }

func (g *githubSide) aim(w *World, url string) error {
	return w.Host.SetWebhook(g.app.AppID, url+g.hookPath(), g.secret)
}

func (g *githubSide) deliveries(w *World) []sandbox.Delivery { return w.Host.Deliveries(g.app.AppID) }

func (g *githubSide) rename(h http.Header, id string) { h.Set("X-GitHub-Delivery", id) }

func (g *githubSide) seal(seal Seal, event string, body []byte) (http.Header, error) {
	sign := func(scheme string, h func() hash.Hash, key string) string {
		mac := hmac.New(h, []byte(key))
		mac.Write(body)
		return scheme + "=" + hex.EncodeToString(mac.Sum(nil))
	}
	h := http.Header{"X-Github-Event": {event}}
	switch seal {
	case SealGood:
		h.Set("X-Hub-Signature-256", sign("sha256", sha256.New, g.secret))
	case SealWrong:
		h.Set("X-Hub-Signature-256", sign("sha256", sha256.New, g.secret+"!"))
	case SealOld:
		h.Set("X-Hub-Signature", sign("sha1", sha1.New, g.secret))
	case SealNone:
	default:
		return nil, fmt.Errorf("GitHub has no seal %q", seal)
	}
	return h, nil
}

func (g *githubSide) free(w *World, branch string) error {
	return w.Host.Protect(Repo, branch, sandbox.Protection{AllowForcePush: true})
}

// machine installs somebody else's App.
func (g *githubSide) machine(w *World, name string) (login, token string, err error) {
	app, err := w.Host.InstallApp(sandbox.App{Slug: name, Repos: []string{Repo},
		Permissions: map[string]string{"contents": "write", "checks": "write", "statuses": "write", "pull_requests": "write", "issues": "write"}})
	if err != nil {
		return "", "", err
	}
	host, err := github.New(github.Options{APIURL: w.Host.APIURL(), GraphQLURL: w.Host.GraphQLURL(), AppID: app.AppID, PrivateKey: app.Key})
	if err != nil {
		return "", "", err
	}
	token, err = host.Token(context.Background(), w.Repo())
	return app.Bot.Login, token, err
}

// Report makes a check run on a commit, as a machine of this name. Only GitHub has them.
func (w *World) Report(ctx context.Context, machine, sha, name, conclusion string) error {
	u, ok := w.As(machine).User.(githubUser)
	if !ok {
		return fmt.Errorf("there are no check runs on %s", w.Platform)
	}
	return u.call(ctx, "POST", githubRepo+"/check-runs", map[string]any{
		"name": name, "head_sha": sha, "status": "completed", "conclusion": conclusion,
		"output": map[string]any{"title": "Approved", "summary": "Approved"},
	}, nil)
}

const githubRepo = "/repos/" + Repo

// githubUser acts by GitHub's REST interface.
type githubUser struct {
	client
	bot   string          // Lumos's login
	click sandbox.Session // for what the interface cannot do
}

func (g *githubSide) user(w *World, login string) User {
	return githubUser{client{strings.TrimSuffix(w.Host.APIURL(), "/"), login, http.Header{
		"Authorization": {"Bearer " + w.Tokens[login]}, "Accept": {"application/vnd.github+json"},
	}}, g.app.Bot.Login, w.Host.As(login)}
}

func pullPath(pr int) string { return fmt.Sprintf("%s/pulls/%d", githubRepo, pr) }

func (u githubUser) Open(ctx context.Context, branch, title, body string, draft bool) (int, error) {
	var pr struct {
		Number int `json:"number"`
	}
	err := u.call(ctx, "POST", githubRepo+"/pulls", map[string]any{"title": title, "head": branch, "base": "main", "body": body, "draft": draft}, &pr)
	return pr.Number, err
}

// Ready is a click: GitHub's REST interface cannot do this.
func (u githubUser) Ready(_ context.Context, pr int) error { return u.click.SetDraft(Repo, pr, false) }

func (u githubUser) Retarget(ctx context.Context, pr int, branch string) error {
	return u.call(ctx, "PATCH", pullPath(pr), map[string]any{"base": branch}, nil)
}

func (u githubUser) Close(ctx context.Context, pr int) error {
	return u.call(ctx, "PATCH", pullPath(pr), map[string]any{"state": "closed"}, nil)
}

func (u githubUser) Label(ctx context.Context, pr int, name string) error {
	return u.call(ctx, "POST", fmt.Sprintf("%s/issues/%d/labels", githubRepo, pr), map[string]any{"labels": []string{name}}, nil)
}

func (u githubUser) Issues(ctx context.Context) ([]Issue, error) {
	var list []struct {
		Number int    `json:"number"`
		Title  string `json:"title"`
		Body   string `json:"body"`
		State  string `json:"state"`
	}
	err := u.call(ctx, "GET", githubRepo+"/issues?state=all&labels=lumos", nil, &list)
	var out []Issue
	for _, i := range list {
		out = append(out, Issue{i.Number, i.Title, i.Body, i.State == "open"})
	}
	return out, err
}

func (u githubUser) Review(ctx context.Context, pr int, event Event, body string) error {
	return u.call(ctx, "POST", pullPath(pr)+"/reviews", map[string]any{"event": event, "body": body}, nil)
}

// githubText is a review or a comment.
type githubText struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
	User struct {
		Login string `json:"login"`
	} `json:"user"`
}

// last is the newest of a list that somebody wrote.
func last(list []githubText, login, what string) (githubText, error) {
	for _, t := range slices.Backward(list) {
		if t.User.Login == login {
			return t, nil
		}
	}
	return githubText{}, fmt.Errorf("%s has not %s", login, what)
}

func (u githubUser) Withdraw(ctx context.Context, pr int, reviewer string) error {
	var all []githubText
	if err := u.call(ctx, "GET", pullPath(pr)+"/reviews?per_page=100", nil, &all); err != nil {
		return err
	}
	review, err := last(all, reviewer, "reviewed")
	if err != nil {
		return err
	}
	return u.call(ctx, "PUT", fmt.Sprintf("%s/reviews/%d/dismissals", pullPath(pr), review.ID), map[string]any{"message": "Withdrawn."}, nil)
}

func (u githubUser) comments(ctx context.Context, pr int) (all []githubText, err error) {
	err = u.call(ctx, "GET", fmt.Sprintf("%s/issues/%d/comments?per_page=100", githubRepo, pr), nil, &all)
	return all, err
}

func (u githubUser) Comment(ctx context.Context, pr int, body string) error {
	return u.call(ctx, "POST", fmt.Sprintf("%s/issues/%d/comments", githubRepo, pr), map[string]any{"body": body}, nil)
}

func (u githubUser) Rewrite(ctx context.Context, pr int, body string) error {
	all, err := u.comments(ctx, pr)
	if err != nil {
		return err
	}
	comment, err := last(all, u.login, "commented")
	if err != nil {
		return err
	}
	return u.call(ctx, "PATCH", fmt.Sprintf("%s/issues/comments/%d", githubRepo, comment.ID), map[string]any{"body": body}, nil)
}

func (u githubUser) Merge(ctx context.Context, pr int) error {
	err := u.call(ctx, "PUT", pullPath(pr)+"/merge", map[string]any{"merge_method": "squash"}, nil)
	return notMerged(err, http.StatusMethodNotAllowed)
}

func (u githubUser) Status(ctx context.Context, _ int, sha, name, state string) error {
	return u.call(ctx, "POST", githubRepo+"/statuses/"+sha, map[string]any{"context": name, "state": state}, nil)
}

func (u githubUser) Look(ctx context.Context, number int) (*PullRequest, error) {
	var raw struct {
		State  string `json:"state"`
		Merged bool   `json:"merged"`
		Merge  string `json:"merge_commit_sha"`
		Head   struct {
			SHA string `json:"sha"`
		} `json:"head"`
	}
	if err := u.call(ctx, "GET", pullPath(number), nil, &raw); err != nil {
		return nil, err
	}
	pr := &PullRequest{Number: number, State: raw.State, Merged: raw.Merged, Head: raw.Head.SHA, Merge: raw.Merge, Checks: map[string]Check{}}
	if pr.Merged {
		pr.State = string(forge.Merged)
	}
	runs, err := u.checkRuns(ctx, pr.Head, "latest")
	if err != nil {
		return nil, err
	}
	for _, c := range runs {
		state := c.Conclusion
		if state == "" {
			state = c.Status
		}
		pr.Checks[c.Name] = Check{state, c.Output.Title, c.Output.Summary + "\n" + c.Output.Text}
	}
	comments, err := u.comments(ctx, number)
	if err != nil {
		return nil, err
	}
	for _, c := range comments {
		if c.User.Login == u.bot {
			pr.hear(c.Body)
		}
	}
	return pr, nil
}

type githubCheck struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	App        struct {
		Slug string `json:"slug"`
	} `json:"app"`
	Output struct {
		Title   string `json:"title"`
		Summary string `json:"summary"`
		Text    string `json:"text"`
	} `json:"output"`
}

// checkRuns are those of Lumos: another App's run of the same name is not what the branch waits for.
func (u githubUser) checkRuns(ctx context.Context, sha, filter string) ([]githubCheck, error) {
	var checks struct {
		Runs []githubCheck `json:"check_runs"`
	}
	err := u.call(ctx, "GET", fmt.Sprintf("%s/commits/%s/check-runs?filter=%s&per_page=100", githubRepo, sha, filter), nil, &checks)
	slug := strings.TrimSuffix(u.bot, "[bot]")
	return slices.DeleteFunc(checks.Runs, func(c githubCheck) bool { return c.App.Slug != slug }), err
}

// requestedOwners answers the code host's own question: whose review a change needs.
func requestedOwners(codeowners []byte, paths []string) []string {
	file, _ := owners.Parse(owners.GitHub, codeownersPath, codeowners)
	seen := map[string]bool{}
	var out []string
	for _, p := range paths {
		for _, claim := range file.Claims(p) {
			for _, o := range claim.Rule.Owners {
				if o.Kind != owners.Email && !seen[o.Name] {
					seen[o.Name] = true
					out = append(out, o.Name)
				}
			}
		}
	}
	return out
}
