package demo

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// gitlabSide is the world on GitLab, on its Free tier: the bot is the user of a group access token, and
// the gate a commit status in a pipeline that must succeed.
type gitlabSide struct {
	token  string // of the bot
	secret string // of its webhooks
	signer string // the signing token, where the host signs
	hook   int64
}

func (g *gitlabSide) words() (noun, path string) { return "merge request", "-/merge_requests" }

func (g *gitlabSide) place(path string, data []byte) (string, []byte) {
	if path != codeownersPath {
		return path, data
	}
	if data != nil {
		data = []byte(strings.ReplaceAll(string(data), "/.github/", "/.gitlab/"))
	}
	return gitlabCodeowners, data
}

// owners is nil: on the Free tier a file of owners is only shown.
func (g *gitlabSide) owners() func([]byte, []string) []string { return nil }

// install protects as GitLab's Free tier can: by roles. So whoever else is a Maintainer could push to the
// audit branch; what they push breaks the chain and its signatures, and is found.
func (g *gitlabSide) install(w *World, o Options) error {
	g.secret = randomSecret()
	if o.Signed {
		g.signer = signingPrefix + base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	}
	bot, err := w.Host.CreateBot(Org, "lumos", "maintainer", "api", "write_repository")
	if err != nil {
		return err
	}
	w.Bot, g.token = bot.Account, bot.Token
	// A group that a project is shared with gives nobody more than the group itself does.
	if err := w.Host.Grant(Keeper, Repo, "maintain"); err != nil {
		return err
	}
	if err := w.Host.Protect(Repo, "main", sandbox.Protection{PushLevel: "none", MergeLevel: "maintainer"}); err != nil {
		return err
	}
	if err := w.Host.Protect(Repo, forge.AuditBranch, sandbox.Protection{PushLevel: "maintainer", MergeLevel: "none"}); err != nil {
		return err
	}
	if err := w.Host.ProtectTags(Repo, forge.TagPrefix+"*", "maintainer"); err != nil {
		return err
	}
	return w.Host.SetProject(Repo, sandbox.ProjectSettings{PipelinesMustSucceed: true})
}

func (g *gitlabSide) settings(w *World) (string, map[string][]byte) {
	text := fmt.Sprintf("gitlab:\n  url: %q\n  token_file: gitlab-token\n  webhook_secret_file: gitlab-webhook\n", w.Host.URL())
	files := map[string][]byte{"gitlab-token": []byte(g.token), "gitlab-webhook": []byte(g.secret)}
	if g.signer != "" {
		text += "  signing_token_file: gitlab-signing\n"
		files["gitlab-signing"] = []byte(g.signer)
	}
	return text, files
}

func (g *gitlabSide) hookPath() string { return "/webhooks/gitlab" }

// aim sets the project's own webhook, which every tier has; a host that signs has one of the group.
func (g *gitlabSide) aim(w *World, url string) (err error) {
	where, events := Repo, []string{"push_events", "merge_requests_events", "note_events", "pipeline_events"}
	if g.signer != "" {
		where, events = Org, append(events, "member_events")
	}
	g.hook, err = w.Host.SetHook(where, sandbox.GitLabHook{URL: url + g.hookPath(), Token: g.secret, SigningToken: g.signer, Events: events})
	return err
}

func (g *gitlabSide) deliveries(w *World) []sandbox.Delivery { return w.Host.Deliveries(g.hook) }

// rename leaves the signed name alone: whoever replays a webhook cannot sign.
func (g *gitlabSide) rename(h http.Header, id string) {
	h.Set("X-Gitlab-Event-Uuid", id)
	h.Set("Idempotency-Key", id)
}

const signingPrefix = "whsec_"

func (g *gitlabSide) seal(seal Seal, event string, body []byte) (http.Header, error) {
	h := http.Header{"X-Gitlab-Event": {event}}
	sign := func(suffix string, at time.Time) {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(g.signer, signingPrefix))
		id, stamp := rand.Text(), strconv.FormatInt(at.Unix(), 10)
		mac := hmac.New(sha256.New, append(key, suffix...))
		fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
		h.Set("Webhook-Id", id)
		h.Set("Webhook-Timestamp", stamp)
		h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	signs := g.signer != ""
	switch {
	case seal == SealNone:
		return h, nil
	case seal == SealGood && signs:
		sign("", time.Now())
	case seal == SealWrong && signs:
		sign("!", time.Now())
	case seal == SealStale && signs:
		sign("", time.Now().Add(-time.Hour))
	case seal == SealGood, seal == SealOld && signs: // the token alone
	case seal == SealWrong:
		h.Set("X-Gitlab-Token", g.secret+"!")
		return h, nil
	default:
		return nil, fmt.Errorf("this GitLab has no seal %q", seal)
	}
	h.Set("X-Gitlab-Token", g.secret)
	return h, nil
}

// free lifts the demand for a green pipeline as well, which GitLab has for a whole project.
func (g *gitlabSide) free(w *World, branch string) error {
	if err := w.Host.SetProject(Repo, sandbox.ProjectSettings{}); err != nil {
		return err
	}
	return w.Host.Protect(Repo, branch, sandbox.Protection{PushLevel: "developer", MergeLevel: "developer", AllowForcePush: true})
}

// machine is the user of a project access token.
func (g *gitlabSide) machine(w *World, name string) (login, token string, err error) {
	bot, err := w.Host.CreateBot(Repo, name, "developer", "api", "write_repository")
	return bot.Account.Login, bot.Token, err
}
