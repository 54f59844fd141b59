// Package wire builds the bot from its settings: the adapters, the queue, the audit stores and the
// servers. It is the one place that knows them all.
package wire

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/events"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/internal/queue"
	"github.com/lumos-governance/lumos/internal/server"
	"github.com/lumos-governance/lumos/internal/source"
	"github.com/lumos-governance/lumos/policies"
)

// blobCache is how many bytes of immutable objects stay in memory.
const blobCache = 64 << 20

// Options are what the settings do not say.
type Options struct {
	Log          zerolog.Logger
	Version      string
	RecordWithin time.Duration // see bot.Options
	// Worker is the command line of a process that judges a proposal of rules: it runs Try on its standard
	// streams. Without one that is done in this process, which a hostile rule in Rego can bring down.
	Worker  []string
	Library *policy.Library // of the packs that ship, if nil; several services in one process may share it

	transport http.RoundTripper // nil is http.DefaultTransport
}

// Service is a built bot with its servers.
type Service struct {
	bot    *bot.Bot
	queue  *queue.Queue
	hosts  Hosts
	signer *audit.Signer
	writer audit.Writer

	public, admin   http.Handler
	listen, metrics net.Listener
	log             zerolog.Logger
}

// Start builds a Service and begins to listen; Run makes it work.
func Start(ctx context.Context, s *config.Server, o Options) (_ *Service, err error) {
	if o.Library == nil {
		o.Library = policy.NewLibrary(policies.FS)
	}
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
	hosts, err := NewHosts(s, o)
	if err != nil {
		return nil, err
	}
	signer, err := audit.LoadKey(s.Audit.SigningKeyFile)
	if err != nil {
		return nil, err
	}
	svc.hosts, svc.signer = hosts, signer
	var endpoints []events.Endpoint
	for _, w := range s.Webhooks {
		endpoints = append(endpoints, events.Endpoint{URL: w.URL, Secret: w.Secret.Reveal()})
	}
	sources, err := source.New(s.Sources, source.Options{Memory: svc.queue, Log: o.Log})
	if err != nil {
		return nil, err
	}
	var try func(context.Context, checker.Proposal) (*policy.Impact, error)
	if len(o.Worker) > 0 {
		try = worker{o.Worker, o.Log}.try
	}
	svc.bot, err = bot.New(bot.Options{
		Try:  try,
		Host: hosts, Sources: sources, Queue: svc.queue, Library: o.Library, Signer: signer, Metrics: metrics, Dir: s.DataDir,
		Store:         func(r forge.Repo) (audit.Store, error) { return hosts.store(r, signer) },
		Tagger:        func(r forge.Repo) (bot.Tagger, error) { return hosts.remote(r, signer) },
		Find:          hosts.findRepo,
		BlobURL:       hosts.blobURL,
		SweepInterval: time.Duration(s.SweepInterval), RecordWithin: o.RecordWithin,
		Webhooks: endpoints, Writer: svc.writer, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	var intakes []server.Intake
	for _, h := range hosts {
		intakes = append(intakes, h.intake)
	}
	svc.public = server.Public(svc.queue, metrics, o.Log, intakes...)
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
	return InitAudit(ctx, s.hosts, s.signer, s.writer, repo, "")
}

// InitAudit is Service.InitAudit without a running service. A repository without a host is of the only
// one there is, or of the only one of that platform.
func InitAudit(ctx context.Context, hosts Hosts, signer *audit.Signer, writer audit.Writer, repo forge.Repo, platform forge.Platform) (pin string, created bool, err error) {
	h, err := hosts.Find(repo.Host, platform)
	if err != nil {
		return "", false, err
	}
	repo.Host = h.name
	full, since, err := h.find(ctx, repo)
	if err != nil {
		return "", false, err
	}
	store, err := hosts.store(full, signer)
	if err != nil {
		return "", false, err
	}
	return audit.Init(ctx, store, signer, audit.Birth{
		Repo:    audit.Repo{Host: full.Host, ID: full.ID, Name: full.FullName()},
		Created: time.Now(), Commits: h.commitMode(), Since: since, Writer: writer,
	})
}

// Look reads a pull request as the bot would, with the votes of its audit log, and changes nothing.
func Look(ctx context.Context, s *config.Server, o Options, ref forge.Ref, platform forge.Platform) (*bot.SavedSnapshot, error) {
	hosts, err := NewHosts(s, o)
	if err != nil {
		return nil, err
	}
	h, err := hosts.Find(ref.Repo.Host, platform)
	if err != nil {
		return nil, err
	}
	ref.Repo.Host = h.name
	signer, err := audit.LoadKey(s.Audit.SigningKeyFile)
	if err != nil {
		return nil, err
	}
	sources, err := source.New(s.Sources, source.Options{Log: o.Log})
	if err != nil {
		return nil, err
	}
	observer := bot.NewObserver(hosts)
	observer.Sources = sources
	snap, err := observer.Observe(ctx, ref, "")
	if err != nil {
		return nil, err
	}
	if snap.AuditTip != "" {
		store, err := hosts.store(snap.PullRequest.Repo, signer)
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
		left, err := strconv.Atoi(cmp.Or(resp.Header.Get("X-RateLimit-Remaining"), resp.Header.Get("RateLimit-Remaining"))) // GitHub's, GitLab's
		if err == nil {
			c.metrics.RateLimit.WithLabelValues(r.URL.Host).Set(float64(left))
		}
	}
	c.metrics.Requests.WithLabelValues(r.URL.Host, strconv.Itoa(code)).Inc()
	return resp, err
}
