// Package demo is a small organisation on this machine: a sandbox code host with people, teams and
// a governed repository, and the real bot behind it, wired as in production. "lumos demo" plays a
// story in it, "lumos sandbox" opens it in a browser, and the end-to-end tests run on it.
//
// It is wiring: it may import the sandbox and the adapters; nothing but cmd and tests imports it.
package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
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

// codeownersPath is where GitHub looks for the owners of files; gitlabCodeowners is where GitLab does.
const (
	codeownersPath   = ".github/CODEOWNERS"
	gitlabCodeowners = ".gitlab/CODEOWNERS"
)

//go:embed all:seed
var seed embed.FS

// library is shared by all the worlds of a process: making a policy ready takes longer than all else in
// the start of one.
var library = policy.NewLibrary(policies.FS)

// Options say what kind of world it is.
type Options struct {
	Host    forge.Platform // whose dialect the code host speaks; GitHub if empty
	Dir     string         // everything is kept below it
	Addr    string         // of the code host, "127.0.0.1:0" if empty
	Latency time.Duration
	Log     zerolog.Logger
	Observe func(sandbox.Exchange)
	// Files overrides and adds files of the governed repository; a nil value removes one. Their places are
	// those on GitHub: see World.Place.
	Files        map[string][]byte
	RecordWithin time.Duration // see bot.Options
	AppendByPush bool          // the audit log is pushed, signed by our own key, instead of through the API; on GitLab it always is
	Signed       bool          // GitLab signs its webhooks; GitHub always does
	NoBot        bool          // the code host alone
	Version      string        // as the audit log shall name it
	Worker       []string      // see wire.Options
}

// World is a running world.
type World struct {
	Host     *sandbox.Sandbox
	Platform forge.Platform
	Service  *wire.Service
	Bot      sandbox.Account // that Lumos acts as
	Dir      string
	Pin      string // digest of the audit log's genesis.json
	Tokens   map[string]string

	side     side
	checker  *checker.Checker
	settings *config.Server
	options  wire.Options
	stop     context.CancelFunc // ends everything
	stopBot  context.CancelFunc
	done     chan error // how the bot ended
}

// side is what differs between the two code hosts: how the world is furnished for the bot, what the bot
// must be told, and how people act.
type side interface {
	// words are the noun for a pull request, and the part of its address before the number.
	words() (noun, path string)
	// place says where a file of GitHub lies on this host, and what it says there.
	place(path string, data []byte) (string, []byte)
	// owners is how the host by itself finds out whom to ask for a review; nil if it does not.
	owners() func(codeowners []byte, paths []string) []string
	// install makes the bot's account and protects the branches, once the people and the repository are there.
	install(w *World, o Options) error
	// settings are the host's section of the server settings, and the files of secrets that it names.
	settings(w *World) (section string, files map[string][]byte)
	hookPath() string
	aim(w *World, url string) error // sends the webhooks to the bot that listens at url
	deliveries(w *World) []sandbox.Delivery
	rename(h http.Header, id string) // gives a delivery another name
	seal(seal Seal, event string, body []byte) (http.Header, error)
	free(w *World, branch string) error
	machine(w *World, name string) (login, token string, err error)
	user(w *World, login string) User
}

// Start builds the world and waits until the bot is ready.
func Start(ctx context.Context, o Options) (_ *World, err error) {
	ctx, stop := context.WithCancel(ctx)
	w := &World{Platform: forge.GitHub, Dir: o.Dir, Tokens: map[string]string{}, side: &githubSide{},
		checker: checker.New(library), stop: stop, done: make(chan error, 1)}
	if o.Host == forge.GitLab {
		w.Platform, w.side = forge.GitLab, &gitlabSide{}
	}
	defer func() {
		if err != nil {
			_ = w.Close()
		}
	}()
	w.Host, err = sandbox.Start(ctx, sandbox.Options{
		Dir: filepath.Join(o.Dir, "git"), Addr: o.Addr, Dialect: sandbox.Dialect(w.Platform), Latency: o.Latency, Observe: o.Observe,
		Owners: w.side.owners(), Markdown: templates.Markdown,
	})
	if err != nil {
		return nil, err
	}
	if err := w.populate(o.Files); err != nil {
		return nil, err
	}
	if err := w.side.install(w, o); err != nil {
		return nil, err
	}
	if o.NoBot {
		return w, nil
	}
	if w.settings, err = writeSettings(o.Dir, o.AppendByPush, w); err != nil {
		return nil, err
	}
	w.options = wire.Options{Log: o.Log, RecordWithin: o.RecordWithin, Version: o.Version, Library: library, Worker: o.Worker}
	svc, err := wire.Start(ctx, w.settings, w.options)
	if err != nil {
		return nil, err
	}
	if w.Pin, _, err = svc.InitAudit(ctx, w.Repo()); err != nil {
		svc.Close()
		return nil, err
	}
	return w, w.run(ctx, svc)
}

// Repo is the governed repository.
func (w *World) Repo() forge.Repo { return forge.Repo{Host: w.Host.Host(), Owner: Org, Name: RepoName} }

// Noun is what the host calls a pull request.
func (w *World) Noun() string {
	noun, _ := w.side.words()
	return noun
}

// PullURL is where a pull request is looked at.
func (w *World) PullURL(number int) string {
	_, path := w.side.words()
	return fmt.Sprintf("%s/%s/%s/%d", w.Host.URL(), Repo, path, number)
}

// Place says where a file of the repository lies on this host, and what it says there: the scripts and
// the seed are written as on GitHub, and a file of rules names itself.
func (w *World) Place(files map[string][]byte) map[string][]byte {
	out := make(map[string][]byte, len(files))
	for path, data := range files {
		at, said := w.side.place(path, data)
		out[at] = said
	}
	return out
}

// Free lifts the protection of a branch.
func (w *World) Free(branch string) error { return w.side.free(w, branch) }

// Machine makes somebody's own machine account, which may write everything that a developer may, and
// returns its login. As acts for it by that name.
func (w *World) Machine(name string) (login string, err error) {
	login, token, err := w.side.machine(w, name)
	w.Tokens[name], w.Tokens[login] = token, token
	return login, err
}

// Deliveries are the webhooks that the host has sent, oldest first.
func (w *World) Deliveries() []sandbox.Delivery { return w.side.deliveries(w) }

// Seal is how a webhook proves who sent it.
type Seal string

// The seals.
const (
	SealGood  Seal = "good"
	SealNone  Seal = "none"
	SealWrong Seal = "wrong" // with another secret
	SealOld   Seal = "old"   // the host's older form, where it has a newer one: SHA-1 on GitHub, the token alone on GitLab
	SealStale Seal = "stale" // good, of an hour ago; GitHub's has no time
)

// Webhook is an event of our own making, as the host would send it.
func (w *World) Webhook(seal Seal, event string, body []byte) (http.Header, error) {
	h, err := w.side.seal(seal, event, body)
	if err == nil {
		w.side.rename(h, rand.Text())
	}
	return h, err
}

// Again names a delivery anew.
func (w *World) Again(h http.Header) http.Header {
	h = h.Clone()
	w.side.rename(h, rand.Text())
	return h
}

// Deliver sends the bot a webhook and returns what it answers.
func (w *World) Deliver(ctx context.Context, header http.Header, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.Service.URL()+w.side.hookPath(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// run lets the bot work, and sends it what happens.
func (w *World) run(ctx context.Context, svc *wire.Service) error {
	if err := w.side.aim(w, svc.URL()); err != nil {
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
	if err := w.Host.CreateRepo(Org, RepoName, true, Admin, w.Place(files)); err != nil {
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

// writeSettings writes and reads the server settings of the bot of these worlds: what an operator would do.
func writeSettings(dir string, appendByPush bool, worlds ...*World) (*config.Server, error) {
	dir = filepath.Join(dir, "bot")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key := filepath.Join(dir, "audit_ed25519")
	if _, _, err := audit.LoadOrCreateKey(key); err != nil {
		return nil, err
	}
	appendBy := "api"
	if appendByPush {
		appendBy = "push"
	}
	text := fmt.Sprintf("listen: \"127.0.0.1:0\"\nmetrics_listen: \"127.0.0.1:0\"\ndata_dir: %q\naudit:\n  signing_key_file: %q\n  append: %s\n",
		filepath.Join(dir, "data"), key, appendBy)
	files := map[string][]byte{}
	for _, w := range worlds {
		section, secrets := w.side.settings(w)
		text += section
		maps.Copy(files, secrets)
	}
	const name = "lumos.yaml"
	files[name] = []byte(text)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	return config.LoadServer(filepath.Join(dir, name), nil)
}

func randomSecret() string {
	secret := make([]byte, 20)
	_, _ = rand.Read(secret) // never fails, as its package says
	return hex.EncodeToString(secret)
}
