// Package bot puts the agents around the pull requests of the governed repositories.
//
// One event goes: intake (intake.go) stores it and answers; the queue hands its key to Reconcile
// (reconcile.go), one pull request at a time; observe.go reads the live state into a Snapshot;
// checker and the approval room turn it into reports and a verdict, purely; orchestrator plans what
// to write; record.go says what goes on the record before it may be written. sweep.go wakes what no
// event announced.
//
// The package imports no adapter and never the sandbox: it is given its code host.
package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/events"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/internal/queue"
	"github.com/lumos-governance/lumos/internal/server"
)

// Tagger makes a release's signed tag.
type Tagger interface {
	PushTag(ctx context.Context, t audit.ReleaseTag) (object string, err error)
}

// Options are what a Bot is made of.
type Options struct {
	Host    forge.Host // one, or several that each repository finds its own among
	Queue   *queue.Queue
	Library *policy.Library
	Signer  *audit.Signer
	Store   func(forge.Repo) (audit.Store, error) // where a repository's audit log is kept
	Tagger  func(forge.Repo) (Tagger, error)
	Find    func(ctx context.Context, repo forge.Repo) (full forge.Repo, tip string, err error) // tip is that of the default branch
	Metrics *server.Metrics
	Dir     string // for snapshots: a cache

	Sources Sources // of compliance data outside the repositories; nil for none
	// Try judges a stranger's proposal of rules; nil does so in this process.
	Try func(ctx context.Context, p checker.Proposal) (*policy.Impact, error)

	BlobURL       func(forge.Repo) string // where a file at a commit can be seen, "" for no links
	SweepInterval time.Duration           // of the search for what no event announced
	RecordWithin  time.Duration           // how long what only informs may wait for the next batch of the audit log
	Webhooks      []events.Endpoint
	Writer        audit.Writer
	Now           func() time.Time
	Log           zerolog.Logger
}

// Bot runs the agents.
type Bot struct {
	Options
	observer *Observer
	checker  *checker.Checker

	mu   sync.Mutex
	logs map[string]*audit.Log // by repository
}

// New returns a Bot; Run starts it.
func New(o Options) (*Bot, error) {
	switch {
	case o.Host == nil, o.Queue == nil, o.Library == nil, o.Signer == nil, o.Store == nil, o.Tagger == nil, o.Find == nil:
		return nil, errors.New("bot: a host, queue, library, signer, audit store, tagger and finder are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SweepInterval == 0 {
		o.SweepInterval = 10 * time.Minute
	}
	if o.RecordWithin == 0 {
		o.RecordWithin = 30 * time.Second
	}
	if o.BlobURL == nil {
		o.BlobURL = func(forge.Repo) string { return "" }
	}
	observer := NewObserver(o.Host)
	observer.Sources = o.Sources
	return &Bot{Options: o, observer: observer, checker: checker.New(o.Library), logs: map[string]*audit.Log{}}, nil
}

// Run works until ctx ends and returns when everything under way is finished or safely stored.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.Queue.Every(ctx, sweepKey, b.SweepInterval); err != nil {
		return fmt.Errorf("bot: scheduling the sweep: %w", err)
	}
	start := fmt.Sprintf("start:%d", b.Now().UnixNano())
	if err := b.Queue.Publish(ctx, sweepKey, start, nil); err != nil {
		return fmt.Errorf("bot: starting the sweep: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.Queue.Run(ctx, b.handle) })
	if len(b.Webhooks) > 0 {
		g.Go(func() error { return events.RunOutbox(ctx, b.Log, b.Queue, events.NewClient(), b.Webhooks) })
	}
	return g.Wait()
}

// log returns the audit log of a repository as of tip, reading what is new there.
func (b *Bot) log(ctx context.Context, repo forge.Repo, tip string) (*audit.Log, error) {
	l, err := b.openLog(repo)
	if err != nil {
		return nil, err
	}
	if tip == "" || tip == l.Tip() {
		return l, nil
	}
	if err := l.Load(ctx, tip); err != nil {
		return nil, fmt.Errorf("audit log of %s: %w", repo.FullName(), err)
	}
	return l, nil
}

func (b *Bot) openLog(repo forge.Repo) (*audit.Log, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.logs[repo.Key()]; l != nil {
		return l, nil
	}
	store, err := b.Store(repo)
	if err != nil {
		return nil, err
	}
	l := audit.Open(store, b.Signer, b.Writer)
	b.logs[repo.Key()] = l
	return l, nil
}
