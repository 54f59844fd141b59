// Package wire builds the bot from its settings: the adapters, the queue, the audit stores and the
// servers. It is the one place that knows them all.
package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/events"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/github"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/internal/queue"
	"github.com/lumos-governance/lumos/internal/server"
	"github.com/lumos-governance/lumos/policies"
)

// blobCache is how many bytes of immutable objects stay in memory.
const blobCache = 64 << 20

// Options are what the settings do not say.
type Options struct {
	Log          zerolog.Logger
	Version      string
	RecordWithin time.Duration // see bot.Options

	transport http.RoundTripper // nil is http.DefaultTransport
}

// Service is a built bot with its servers.
type Service struct {
	bot    *bot.Bot
	queue  *queue.Queue
	host   *Host
	signer *audit.Signer
	writer audit.Writer

	public, admin   http.Handler
	listen, metrics net.Listener
	log             zerolog.Logger
}

// Host is the code host of the settings, with a cache for what never changes.
type Host struct {
	forge.Reader // through the cache
	forge.Publisher
	forge.Merger
	app      *github.App
	settings *config.Server
}

// NewHost prepares the code host; it asks nothing yet.
func NewHost(s *config.Server, o Options) (*Host, error) {
	app, err := github.New(github.Options{
		APIURL: s.GitHub.APIURL, GraphQLURL: s.GitHub.GraphQLURL, AppID: s.GitHub.AppID,
		PrivateKey: []byte(s.GitHub.PrivateKey.Reveal()), Transport: o.transport, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	cached, err := forge.Cached(app, filepath.Join(s.DataDir, "objects"), blobCache)
	if err != nil {
		return nil, err
	}
	return &Host{Reader: cached, Publisher: app, Merger: app, app: app, settings: s}, nil
}

// ParseHook says which pull requests a verified webhook speaks of.
func (h *Host) ParseHook(event string, body []byte) (bot.Hook, error) {
	isCommand := func(comment string) bool { _, ok := approval.ParseCommand(comment); return ok }
	wake, ok, err := github.ParseHook(event, body, isCommand)
	if err != nil || !ok {
		return bot.Hook{}, err
	}
	if wake.Repo.Name == "" {
		return bot.Hook{Everything: true}, nil
	}
	hook := bot.Hook{Hint: wake.HeadSHA}
	if wake.AllOpen {
		hook.AllOpen = &wake.Repo
	}
	for _, n := range wake.Numbers {
		hook.Refs = append(hook.Refs, forge.Ref{Repo: wake.Repo, Number: n})
	}
	return hook, nil
}

// remote speaks git with a repository: for signed tags, and for the audit log where it is pushed.
func (h *Host) remote(repo forge.Repo, signer *audit.Signer) (*audit.GitRemote, error) {
	url := strings.TrimSuffix(h.settings.GitHub.GitURL, "/") + "/" + repo.FullName() + ".git"
	auth := func(ctx context.Context) (string, string, error) {
		token, err := h.app.Token(ctx, repo)
		return "x-access-token", token, err
	}
	return audit.NewGitRemote(url, forge.AuditBranch, signer, auth, nil)
}

// branchStore keeps the audit log through the host's interface.
type branchStore struct{ *github.Branch }

func (b branchStore) Commit(ctx context.Context, tip string, files map[string][]byte, subject, body string) (string, error) {
	oid, err := b.Branch.Commit(ctx, tip, files, subject, body)
	if errors.Is(err, forge.ErrHeadMoved) {
		err = fmt.Errorf("%w: %w", audit.ErrMoved, err)
	}
	return oid, err
}

// Store is where a repository's audit log is kept, by the settings.
func (h *Host) Store(repo forge.Repo, signer *audit.Signer) (audit.Store, error) {
	if h.settings.Audit.Append == "push" {
		return h.remote(repo, signer)
	}
	return branchStore{h.app.Branch(h.Reader, repo, forge.AuditBranch)}, nil
}

// CommitMode is how the commits of the audit branch are signed, by the settings.
func (h *Host) CommitMode() audit.CommitMode {
	if h.settings.Audit.Append == "push" {
		return audit.SignedByKey
	}
	return audit.SignedByHost
}

// Start builds a Service and begins to listen; Run makes it work.
func Start(ctx context.Context, s *config.Server, o Options) (_ *Service, err error) {
	svc := &Service{writer: audit.Writer{Version: o.Version}, log: o.Log}
	defer func() {
		if err != nil {
			svc.Close()
		}
	}()
	if svc.queue, err = queue.Open(ctx, queue.Options{Dir: filepath.Join(s.DataDir, "queue"), URL: s.Queue.URL, Log: o.Log}); err != nil {
		return nil, err
	}
	metrics := server.NewMetrics(svc.queue.Depth)
	o.transport = counted{metrics}
	host, err := NewHost(s, o)
	if err != nil {
		return nil, err
	}
	signer, err := audit.LoadKey(s.Audit.SigningKeyFile)
	if err != nil {
		return nil, err
	}
	svc.host, svc.signer = host, signer
	var endpoints []events.Endpoint
	for _, w := range s.Webhooks {
		endpoints = append(endpoints, events.Endpoint{URL: w.URL, Secret: w.Secret.Reveal()})
	}
	web := strings.TrimSuffix(s.GitHub.GitURL, "/")
	svc.bot, err = bot.New(bot.Options{
		Host: host, Queue: svc.queue, Library: policy.NewLibrary(policies.FS), Signer: signer, Metrics: metrics, Dir: s.DataDir,
		Store:         func(r forge.Repo) (audit.Store, error) { return host.Store(r, signer) },
		Tagger:        func(r forge.Repo) (bot.Tagger, error) { return host.remote(r, signer) },
		BlobURL:       func(r forge.Repo) string { return web + "/" + r.FullName() + "/blob" },
		SweepInterval: time.Duration(s.SweepInterval), RecordWithin: o.RecordWithin,
		Webhooks: endpoints, Writer: svc.writer, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	secret := []byte(s.GitHub.WebhookSecret.Reveal())
	svc.public = server.Public(svc.queue, metrics, o.Log, server.Intake{
		Path:  "/webhooks/github",
		Event: func(h http.Header) string { return h.Get("X-GitHub-Event") },
		Verify: func(h http.Header, body []byte) error {
			return github.VerifySignature(secret, h.Get("X-Hub-Signature-256"), body)
		},
		Accept: svc.bot.Accept,
	})
	svc.admin = server.Admin(svc.queue, metrics, o.Log)
	if svc.listen, err = net.Listen("tcp", s.Listen); err != nil {
		return nil, fmt.Errorf("listening for webhooks: %w", err)
	}
	if svc.metrics, err = net.Listen("tcp", s.MetricsListen); err != nil {
		return nil, fmt.Errorf("listening for metrics: %w", err)
	}
	return svc, nil
}

// URL is where webhooks go; AdminURL is where metrics and events are.
func (s *Service) URL() string      { return "http://" + s.listen.Addr().String() }
func (s *Service) AdminURL() string { return "http://" + s.metrics.Addr().String() }

// Run works until ctx ends, and returns when what was under way is finished or safely stored.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return server.Serve(ctx, s.log, server.Site{Listener: s.listen, Handler: s.public}, server.Site{Listener: s.metrics, Handler: s.admin})
	})
	g.Go(func() error { return s.bot.Run(ctx) })
	return g.Wait()
}

// Close gives back what Start took. Call it after Run has returned.
func (s *Service) Close() {
	for _, l := range []net.Listener{s.listen, s.metrics} {
		if l != nil {
			_ = l.Close() // closed already if Run has served on it
		}
	}
	if s.queue != nil {
		s.queue.Close()
	}
}

// InitAudit gives birth to a repository's audit log, or finds the one that is there, and returns its pin.
func (s *Service) InitAudit(ctx context.Context, repo forge.Repo) (pin string, created bool, err error) {
	return InitAudit(ctx, s.host, s.signer, s.writer, repo)
}

// InitAudit is Service.InitAudit without a running service.
func InitAudit(ctx context.Context, h *Host, signer *audit.Signer, writer audit.Writer, repo forge.Repo) (pin string, created bool, err error) {
	full, since, err := h.app.Find(ctx, repo)
	if err != nil {
		return "", false, err
	}
	store, err := h.Store(full, signer)
	if err != nil {
		return "", false, err
	}
	return audit.Init(ctx, store, signer, audit.Birth{
		Repo:    audit.Repo{Host: full.Host, ID: full.ID, Name: full.FullName()},
		Created: time.Now(), Commits: h.CommitMode(), Since: since, Writer: writer,
	})
}

// Look reads a pull request as the bot would, with the votes of its audit log, and changes nothing.
func Look(ctx context.Context, s *config.Server, o Options, ref forge.Ref) (*bot.SavedSnapshot, error) {
	host, err := NewHost(s, o)
	if err != nil {
		return nil, err
	}
	signer, err := audit.LoadKey(s.Audit.SigningKeyFile)
	if err != nil {
		return nil, err
	}
	snap, err := bot.NewObserver(host).Observe(ctx, ref, "")
	if err != nil {
		return nil, err
	}
	if snap.AuditTip != "" {
		store, err := host.Store(snap.PullRequest.Repo, signer)
		if err != nil {
			return nil, err
		}
		log := audit.Open(store, signer, audit.Writer{Version: o.Version})
		if err := log.Load(ctx, snap.AuditTip); err != nil {
			return nil, err
		}
		bot.Remind(snap, log)
	}
	return &bot.SavedSnapshot{TakenAt: time.Now(), Snapshot: snap}, nil
}

// counted counts what is asked of code hosts, and keeps how much they still allow.
type counted struct{ metrics *server.Metrics }

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	code := 0
	if resp != nil {
		code = resp.StatusCode
		if left, err := strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining")); err == nil {
			c.metrics.RateLimit.WithLabelValues(r.URL.Host).Set(float64(left))
		}
	}
	c.metrics.Requests.WithLabelValues(r.URL.Host, strconv.Itoa(code)).Inc()
	return resp, err
}
