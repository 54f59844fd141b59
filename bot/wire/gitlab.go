package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/gitlab"
	"github.com/lumos-governance/lumos/internal/server"
)

// newGitLab prepares GitLab. The audit log is always pushed there: its interface commits under no
// condition on the head, so that two of us could append to the same end.
func newGitLab(s *config.Server, o Options) (*Host, error) {
	host, err := gitlab.New(gitlab.Options{URL: s.GitLab.URL, Token: s.GitLab.Token.Reveal(), Transport: o.transport, Log: o.Log})
	if err != nil {
		return nil, err
	}
	reader, err := cached(s, host)
	if err != nil {
		return nil, err
	}
	h := &Host{
		Reader: reader, Publisher: host, Merger: host, Issues: host,
		name: host.Host(), platform: forge.GitLab, git: strings.TrimSuffix(s.GitLab.URL, "/"), blob: "/-/blob",
		find:  host.Find,
		login: func(context.Context, forge.Repo) (string, string, error) { return "oauth2", host.Token(), nil },
	}
	h.intake = server.Intake{
		Path:    "/webhooks/gitlab",
		Patient: true,
		Event:   func(header http.Header) string { return gitLabEvent(header) },
		Verify:  gitLabVerifier(s.GitLab),
		Accept: func(header http.Header, body []byte) ([]server.Wake, error) {
			wake, ok, err := gitlab.ParseHook(header.Get("X-Gitlab-Event"), body, isCommand)
			if err != nil || !ok {
				return nil, err
			}
			return h.wakes(gitLabHook(header, body, host.Narrow(wake)))
		},
	}
	return h, nil
}

// gitLabVerifier takes what is signed where the hook signs, and the secret token elsewhere. An external
// status check has a signature of its own, made with the secret.
func gitLabVerifier(s config.GitLab) func(http.Header, []byte) error {
	secret, signing := []byte(s.WebhookSecret.Reveal()), []byte(s.SigningToken.Reveal())
	return func(header http.Header, body []byte) error {
		key := secret
		if len(signing) > 0 && header.Get("X-Gitlab-Signature") == "" {
			if header.Get("webhook-signature") == "" {
				return errors.New("the webhook is not signed, and a signing token is set")
			}
			key = signing
		}
		return gitlab.Verify(key, header, body, time.Now())
	}
}

// gitLabEvent is the event as metrics count it: "merge_request" of "Merge Request Hook".
func gitLabEvent(header http.Header) string {
	name := strings.TrimSuffix(header.Get("X-Gitlab-Event"), " Hook")
	return strings.ReplaceAll(strings.ToLower(name), " ", "_")
}

// gitLabHook names the delivery by its id and its body: events that one request caused may share an id
// (docs.gitlab.com, "Webhooks", 2026), and one that is sent again has the same body.
func gitLabHook(header http.Header, body []byte, wake gitlab.Wake) bot.Hook {
	sum := sha256.Sum256(body)
	hook := bot.Hook{
		Event: gitLabEvent(header), Delivery: gitlab.DeliveryID(header) + "/" + hex.EncodeToString(sum[:8]),
		Hint: wake.HeadSHA, Everything: wake.Everything,
	}
	if wake.AllOpen {
		hook.AllOpen = &wake.Repo
	}
	for _, n := range wake.Numbers {
		hook.Refs = append(hook.Refs, forge.Ref{Repo: wake.Repo, Number: n})
	}
	return hook
}
