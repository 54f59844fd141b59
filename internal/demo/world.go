// Package demo is a small organisation on this machine: a sandbox code host with people, teams and
// a governed repository, and the real bot behind it, wired as in production. "lumos demo" plays a
// story in it, "lumos sandbox" opens it in a browser, and the end-to-end tests run on it.
//
// It is wiring: it may import the sandbox and the adapters; nothing but cmd and tests imports it.
package demo

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/bot/wire"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/owners"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/internal/sandbox"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/templates"
)

// The repository that the story plays in, and its people.
const (
	Org      = "acme"
	RepoName = "models"
	Repo     = Org + "/" + RepoName

	Engineer = "jonas" // opens releases
	Owner    = "ben"   // owns them, with cleo
	Second   = "cleo"  // the second owner
	Admin    = "dora"  // administers the organisation, owns the rules with emil
	Keeper   = "emil"  // owns the rules too
)

//go:embed all:seed
var seed embed.FS

// Options say what kind of world it is.
type Options struct {
	Dir     string // everything is kept below it
	Addr    string // of the code host, "127.0.0.1:0" if empty
	Latency time.Duration
	Log     zerolog.Logger
	Observe func(sandbox.Exchange)
	// Files overrides and adds files of the governed repository; a nil value removes one.
	Files        map[string][]byte
	RecordWithin time.Duration // see bot.Options
	AppendByPush bool          // the audit log is pushed, signed by our own key, instead of through the API
	NoBot        bool          // the code host alone
	Version      string        // as the audit log shall name it
}

// World is a running world.
type World struct {
	Host    *sandbox.Sandbox
	Service *wire.Service
	App     sandbox.Installed
	Dir     string
	Pin     string // digest of the audit log's genesis.json
	Tokens  map[string]string

	checker  *checker.Checker
	settings *config.Server
	options  wire.Options
	stop     context.CancelFunc // ends everything
	stopBot  context.CancelFunc
	done     chan error // how the bot ended
}

// Start builds the world and waits until the bot is ready.
func Start(ctx context.Context, o Options) (_ *World, err error) {
	ctx, stop := context.WithCancel(ctx)
	w := &World{Dir: o.Dir, Tokens: map[string]string{}, checker: checker.New(policy.NewLibrary(policies.FS)), stop: stop, done: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = w.Close()
		}
	}()
	w.Host, err = sandbox.Start(ctx, sandbox.Options{
		Dir: filepath.Join(o.Dir, "git"), Addr: o.Addr, Latency: o.Latency, Observe: o.Observe,
		Owners: requestedOwners, Markdown: templates.Markdown,
	})
	if err != nil {
		return nil, err
	}
	if err := w.populate(o.Files); err != nil {
		return nil, err
	}
	secret := make([]byte, 20)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	webhookSecret := hex.EncodeToString(secret)
	w.App, err = w.Host.InstallApp(sandbox.App{
		Slug: "lumos", Name: "Lumos", WebhookSecret: webhookSecret,
		Permissions: map[string]string{"contents": "write", "checks": "write", "pull_requests": "write", "members": "read", "metadata": "read"},
		Events:      []string{"pull_request", "pull_request_review", "issue_comment", "push", "membership", "check_run"},
		Repos:       []string{Repo},
	})
	if err != nil {
		return nil, err
	}
	if err := w.Host.Protect(Repo, "main", sandbox.Protection{
		RequiredChecks: []sandbox.RequiredCheck{{Context: forge.GateCheck, AppID: w.App.AppID}},
	}); err != nil {
		return nil, err
	}
	if err := w.Host.Protect(Repo, forge.AuditBranch, sandbox.Protection{RestrictPush: []string{"lumos"}, LinearHistory: true}); err != nil {
		return nil, err
	}
	if o.NoBot {
		return w, nil
	}
	if w.settings, err = w.write(o, webhookSecret); err != nil {
		return nil, err
	}
	w.options = wire.Options{Log: o.Log, RecordWithin: o.RecordWithin, Version: o.Version}
	svc, err := wire.Start(ctx, w.settings, w.options)
	if err != nil {
		return nil, err
	}
	if w.Pin, _, err = svc.InitAudit(ctx, forge.Repo{Host: w.Host.Host(), Owner: Org, Name: RepoName}); err != nil {
		svc.Close()
		return nil, err
	}
	return w, w.run(ctx, svc)
}

// run lets the bot work, and sends it what happens.
func (w *World) run(ctx context.Context, svc *wire.Service) error {
	if err := w.Host.SetWebhook(w.App.AppID, svc.URL()+"/webhooks/github", w.settings.GitHub.WebhookSecret.Reveal()); err != nil {
		svc.Close()
		return err
	}
	ctx, w.stopBot = context.WithCancel(ctx)
	w.Service = svc
	go func() { w.done <- svc.Run(ctx) }()
	return nil
}

// StartBot starts the bot again after StopBot, with what it left on disk, until ctx ends.
func (w *World) StartBot(ctx context.Context) error {
	svc, err := wire.Start(ctx, w.settings, w.options)
	if err != nil {
		return err
	}
	return w.run(ctx, svc)
}

// StopBot stops the bot and leaves the code host running: nobody answers its webhooks then.
func (w *World) StopBot() error {
	if w.Service == nil {
		return nil
	}
	w.stopBot()
	err := <-w.done
	w.Service.Close()
	w.Service = nil
	return err
}

// Close stops the bot, then the code host. What is on disk stays.
func (w *World) Close() error {
	err := w.StopBot()
	w.stop()
	if w.Host != nil {
		err = errors.Join(err, w.Host.Close())
	}
	return err
}

// populate makes the people, the teams and the repository.
func (w *World) populate(extra map[string][]byte) error {
	for login, name := range map[string]string{Engineer: "Jonas Weber", Owner: "Ben Adler", Second: "Cleo Marchetti", Admin: "Dora Lindqvist", Keeper: "Emil Varga"} {
		a, err := w.Host.CreateUser(login, name, login+"@acme.example")
		if err != nil {
			return err
		}
		w.Tokens[login] = a.Token
	}
	if _, err := w.Host.CreateOrg(Org, Admin); err != nil {
		return err
	}
	if err := errors.Join(
		w.Host.CreateTeam(Org, "model-owners", Owner, Second),
		w.Host.CreateTeam(Org, "platform", Admin, Keeper),
	); err != nil {
		return err
	}
	files, err := Seed()
	if err != nil {
		return err
	}
	for p, data := range extra {
		files[p] = data
		if data == nil {
			delete(files, p)
		}
	}
	if err := w.Host.CreateRepo(Org, RepoName, true, Admin, files); err != nil {
		return err
	}
	return errors.Join(
		w.Host.Grant(Engineer, Repo, "write"),
		w.Host.Grant(Org+"/model-owners", Repo, "write"),
		w.Host.Grant(Org+"/platform", Repo, "maintain"),
	)
}

// Seed is the governed repository as it begins, by path.
func Seed() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(seed, "seed", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := seed.ReadFile(p)
		files[strings.TrimPrefix(p, "seed/")] = data
		return err
	})
	return files, err
}

// write writes and reads the server settings of the bot in this world: what an operator would do.
func (w *World) write(o Options, webhookSecret string) (*config.Server, error) {
	dir := filepath.Join(o.Dir, "bot")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files := map[string][]byte{"app.pem": w.App.Key, "webhook": []byte(webhookSecret)}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	if _, _, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit_ed25519")); err != nil {
		return nil, err
	}
	appendBy := "api"
	if o.AppendByPush {
		appendBy = "push"
	}
	text := fmt.Sprintf(`listen: "127.0.0.1:0"
metrics_listen: "127.0.0.1:0"
data_dir: %q
github:
  api_url: %q
  graphql_url: %q
  git_url: %q
  app_id: %d
  private_key_file: %q
  webhook_secret_file: %q
audit:
  signing_key_file: %q
  append: %s
`, filepath.Join(dir, "data"), strings.TrimSuffix(w.Host.APIURL(), "/"), w.Host.GraphQLURL(), w.Host.URL(), w.App.AppID,
		filepath.Join(dir, "app.pem"), filepath.Join(dir, "webhook"), filepath.Join(dir, "audit_ed25519"), appendBy)
	path := filepath.Join(dir, "lumos.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.LoadServer(path, nil)
}

// requestedOwners answers the code host's own question: whose review a change needs.
func requestedOwners(codeowners []byte, paths []string) []string {
	file, _ := owners.Parse(".github/CODEOWNERS", codeowners)
	seen := map[string]bool{}
	var out []string
	for _, p := range paths {
		rule := file.Match(p)
		if rule == nil {
			continue
		}
		for _, o := range rule.Owners {
			if o.Kind != owners.Email && !seen[o.Name] {
				seen[o.Name] = true
				out = append(out, o.Name)
			}
		}
	}
	return out
}
