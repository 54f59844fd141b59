package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/github"
	"github.com/lumos-governance/lumos/internal/server"
)

func newGitHub(s *config.Server, o Options) (*Host, error) {
	app, err := github.New(github.Options{
		APIURL: s.GitHub.APIURL, GraphQLURL: s.GitHub.GraphQLURL, AppID: s.GitHub.AppID,
		PrivateKey: []byte(s.GitHub.PrivateKey.Reveal()), Transport: o.transport, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	reader, err := cached(s, app)
	if err != nil {
		return nil, err
	}
	h := &Host{
		Reader: reader, Publisher: app, Merger: app, Issues: app,
		name: app.Host(), platform: forge.GitHub, git: strings.TrimSuffix(s.GitHub.GitURL, "/"), blob: "/blob",
		find: app.Find,
		login: func(ctx context.Context, repo forge.Repo) (string, string, error) {
			token, err := app.Token(ctx, repo)
			return "x-access-token", token, err
		},
	}
	if s.Audit.Append != "push" {
		h.api = func(repo forge.Repo) audit.Store { return branchStore{app.Branch(reader, repo, forge.AuditBranch)} }
	}
	secret := []byte(s.GitHub.WebhookSecret.Reveal())
	h.intake = server.Intake{
		Path:  "/webhooks/github",
		Event: func(header http.Header) string { return header.Get("X-GitHub-Event") },
		Verify: func(header http.Header, body []byte) error {
			return github.VerifySignature(secret, header.Get("X-Hub-Signature-256"), body)
		},
		Accept: func(header http.Header, body []byte) ([]server.Wake, error) {
			hook, err := gitHubHook(header.Get("X-GitHub-Event"), header.Get("X-GitHub-Delivery"), body)
			if err != nil {
				return nil, err
			}
			return h.wakes(hook)
		},
	}
	return h, nil
}

// gitHubHook says which pull requests a verified webhook speaks of.
func gitHubHook(event, delivery string, body []byte) (bot.Hook, error) {
	if event == "" || delivery == "" {
		return bot.Hook{}, errors.New("webhook without X-GitHub-Event or X-GitHub-Delivery")
	}
	wake, ok, err := github.ParseHook(event, body, isCommand)
	if err != nil || !ok {
		return bot.Hook{}, err
	}
	hook := bot.Hook{Event: event, Delivery: delivery, Hint: wake.HeadSHA, Everything: wake.Everything}
	if wake.AllOpen {
		hook.AllOpen = &wake.Repo
	}
	for _, n := range wake.Numbers {
		hook.Refs = append(hook.Refs, forge.Ref{Repo: wake.Repo, Number: n})
	}
	return hook, nil
}

// branchStore keeps the audit log through GitHub's interface.
type branchStore struct{ *github.Branch }

func (b branchStore) Commit(ctx context.Context, tip string, files map[string][]byte, subject, body string) (string, error) {
	oid, err := b.Branch.Commit(ctx, tip, files, subject, body)
	if errors.Is(err, forge.ErrHeadMoved) {
		err = fmt.Errorf("%w: %w", audit.ErrMoved, err)
	}
	return oid, err
}
