package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// Wake asks a handler to look at a key again.
type Wake struct {
	Key     string
	Bodies  [][]byte // of the events that this run covers, oldest first; empty ones left out. Hints, never facts
	Attempt int      // from 1; counts the failures before
}

// Handler works on a key. Nothing else works on the same key meanwhile, in any replica. When it
// returns nil, every event that it was given is done with; an error, or a panic, brings all of them
// again: at the time that an error in its chain names by `RetryAt() time.Time`, else after a
// back-off of 1 s to 15 min. Effects must be idempotent: after a crash a run may be repeated.
// The context ends when the work is lost to another replica, or the queue must stop.
type Handler func(ctx context.Context, w Wake) error

const (
	runTimeout    = 10 * time.Minute // of one run
	maxBatch      = 256              // wakes that one run covers
	maxBatchBytes = 1 << 20          // and the bytes of their bodies
)

var (
	errLost    = errors.New("queue: the claim on the key was lost to another replica")
	errStopped = errors.New("queue: stopping")
	errTimeout = fmt.Errorf("queue: a run took longer than %s", runTimeout)
)

// Run works until ctx ends, then lets running handlers finish for a while and returns nil. What was
// not worked on stays for the next Run. Any number of processes may run on one cluster.
func (q *Queue) Run(ctx context.Context, h Handler) error {
	work, stop := outlive(ctx, q.opts.grace)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	for p := range partitions {
		g.Go(func() error {
			return q.pull(ctx, q.work, q.partitionConfig(p), func(m jetstream.Msg) { q.deliver(work, m, h) })
		})
	}
	return g.Wait()
}

// outlive is a context that ends a while after ctx.
func outlive(ctx context.Context, by time.Duration) (context.Context, func()) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	detach := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(by):
			cancel(errStopped)
		case <-work.Done():
		}
	})
	return work, func() { detach(); cancel(errStopped) }
}

func (q *Queue) partitionConfig(p int) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       fmt.Sprintf("work-%02d", p),
		FilterSubject: fmt.Sprintf("%s%02d.>", workPrefix, p),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       q.opts.lease,
		MaxAckPending: 1, // over all replicas: this is what keeps a key in order and in one place
	}
}

// pull hands the messages of a durable consumer to do, one by one, until ctx ends. It outlives a
// lost server and a deleted consumer; only a closed connection is an error.
func (q *Queue) pull(ctx context.Context, stream jetstream.Stream, cfg jetstream.ConsumerConfig, do func(jetstream.Msg)) error {
	for {
		err := q.pullOnce(ctx, stream, cfg, do)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, jetstream.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("queue: consumer %s: %w", cfg.Durable, err)
		}
		q.log.Warn().Err(err).Str("consumer", cfg.Durable).Msg("queue: cannot read, will try again")
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (q *Queue) pullOnce(ctx context.Context, stream jetstream.Stream, cfg jetstream.ConsumerConfig, do func(jetstream.Msg)) error {
	consumer, err := stream.CreateOrUpdateConsumer(ctx, cfg)
	if err != nil {
		return err
	}
	// One request at a time, and none given up half way: a message that the server has sent is worked
	// on even if ctx has ended, because a server that restarts forgets what was given back, and the
	// message would lie idle for its lease (server 2.15.2). Not consumer.Messages: asked for one
	// message at a time it may lose count and stand still for 30 s (nats.go v1.55.0).
	for ctx.Err() == nil {
		batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(q.opts.poll))
		if err != nil {
			return err
		}
		for m := range batch.Messages() {
			do(m)
		}
		if err := batch.Error(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// deliver works on one message. A message that is not answered, because the queue itself failed,
// comes again when its lease ends.
func (q *Queue) deliver(ctx context.Context, m jetstream.Msg, h Handler) {
	meta, err := m.Metadata()
	if err != nil {
		q.log.Error().Err(err).Str("subject", m.Subject()).Msg("queue: a message without a position")
		return
	}
	key, err := keyOf(m.Subject())
	if err != nil {
		q.log.Error().Err(err).Msg("queue: dropping a foreign message")
		q.settle(m.TermWithReason("not written by Lumos"))
		return
	}
	if err := q.wake(ctx, key, m, meta, h); err != nil {
		q.log.Error().Err(err).Str("key", key).Msg("queue: a wake will come again")
		return
	}
	q.settle(m.Ack())
}

// settle logs an answer that could not be sent; its message will come again.
func (q *Queue) settle(err error) {
	if err != nil {
		q.log.Warn().Err(err).Msg("queue: answering for a message")
	}
}

// wake makes sure that message m of key is covered: by an earlier run, by a run now, or by a timer
// that will come back to it. After nil, m may be acknowledged.
func (q *Queue) wake(ctx context.Context, key string, m jetstream.Msg, meta *jetstream.MsgMetadata, h Handler) error {
	seq := meta.Sequence.Stream
	for {
		f, revision, err := q.readFence(ctx, keyFence(key))
		if err != nil {
			return err
		}
		if f.covers(seq, meta.Timestamp) {
			return nil
		}
		if f.reissued(seq, meta.Timestamp) {
			q.log.Warn().Str("key", key).Msg("queue: the stream has lost messages that were worked on, its positions begin anew")
			f.Covered, f.CoveredTime = 0, time.Time{}
		}
		if at := f.blockedUntil(time.Now(), q.me, q.srv != nil); !at.IsZero() {
			return q.retry(ctx, key, at)
		}
		f.Owner, f.OwnedUntil = q.me, time.Now().Add(q.opts.lease)
		revision, err = q.writeFence(ctx, keyFence(key), f, revision)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		batch, err := q.uncovered(ctx, m, f.Covered+1, seq)
		if err != nil {
			return err
		}
		if retried, err := q.run(ctx, key, m, f, revision, batch, h); retried || err != nil {
			return err
		}
		if batch.last >= seq {
			return nil
		}
	}
}

// batch is what one run covers.
type batch struct {
	bodies [][]byte
	events int // all but the queue's own retries
	last   uint64
	time   time.Time
}

// uncovered collects the wakes of m's key from a position on, whether acknowledged or not.
func (q *Queue) uncovered(ctx context.Context, m jetstream.Msg, from, seq uint64) (b batch, err error) {
	size := 0
	for n := 0; n < maxBatch && size < maxBatchBytes; n++ {
		msg, err := q.work.GetMsg(ctx, from, jetstream.WithGetMsgSubject(m.Subject()))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return b, fmt.Errorf("queue: reading what else waits: %w", err)
		}
		if len(msg.Data) > 0 {
			b.bodies = append(b.bodies, msg.Data)
			size += len(msg.Data)
		}
		if msg.Header.Get(retryHeader) == "" {
			b.events++
		}
		b.last, b.time, from = msg.Sequence, msg.Time, msg.Sequence+1
	}
	if b.last == 0 { // m is older than the stream keeps messages
		meta, err := m.Metadata()
		if err != nil {
			return b, err
		}
		b = batch{events: 1, last: seq, time: meta.Timestamp}
		if len(m.Data()) > 0 {
			b.bodies = [][]byte{m.Data()}
		}
	}
	return b, nil
}

// run calls the handler under the claim f and writes down how it ended. retried says that it failed
// and a timer will bring everything again.
func (q *Queue) run(ctx context.Context, key string, m jetstream.Msg, f fence, revision uint64, b batch, h Handler) (retried bool, err error) {
	var failure error
	// A retry that found nothing left to do: an event's run was quicker.
	if b.events > 0 || f.Failures > 0 || !f.NotBefore.IsZero() {
		running, cancel := context.WithCancelCause(ctx)
		release := q.keep(running, cancel, key, m, f, revision)
		failure = handle(running, h, Wake{Key: key, Bodies: b.bodies, Attempt: f.Failures + 1})
		revision = release()
		lost := errors.Is(context.Cause(running), errLost)
		cancel(nil)
		if lost {
			return false, errLost
		}
	}

	// The outcome is written even when there is no more time to work.
	stopped := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	f.Owner, f.OwnedUntil = "", time.Time{}
	if failure == nil {
		f = fence{Covered: b.last, CoveredTime: b.time}
	} else {
		again := time.Now()
		if !stopped { // to be stopped is no failure
			again = f.fail(key, failure, again)
		}
		q.log.Warn().Err(failure).Str("key", key).Int("failures", f.Failures).Time("again", again).Msg("queue: a run failed")
		if err := q.retry(ctx, key, again); err != nil {
			return false, err
		}
	}
	if _, err = q.writeFence(ctx, keyFence(key), f, revision); err != nil {
		return false, err
	}
	return failure != nil, nil
}

// fail notes a failure and says when to try again.
func (f *fence) fail(key string, failure error, now time.Time) time.Time {
	var timed interface{ RetryAt() time.Time }
	if errors.As(failure, &timed) { // somebody else's limit: no fault to count, and no use in trying earlier
		at := timed.RetryAt()
		if soonest, latest := now.Add(firstRetry), now.Add(maxRetryAt); at.Before(soonest) {
			at = soonest
		} else if at.After(latest) {
			at = latest
		}
		f.NotBefore = ceil(at)
		return f.NotBefore
	}
	f.Failures++
	f.NotBefore = time.Time{}
	return now.Add(backoff(key, f.Failures))
}

// handle calls h and turns a panic into an error.
func handle(ctx context.Context, h Handler, w Wake) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, errTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return h(ctx, w)
}

// keep holds message and claim while a handler runs, and cancels it with errLost when the claim is
// gone or could not be renewed in time. release stops it and returns the claim's newest revision.
func (q *Queue) keep(ctx context.Context, cancel context.CancelCauseFunc, key string, m jetstream.Msg, f fence, revision uint64) (release func() uint64) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(q.opts.lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			q.settle(m.InProgress())
			renewed := f
			renewed.OwnedUntil = time.Now().Add(q.opts.lease)
			call, end := context.WithTimeout(context.WithoutCancel(ctx), q.opts.lease/3)
			next, err := q.writeFence(call, keyFence(key), renewed, revision)
			end()
			switch {
			case err == nil:
				f, revision = renewed, next
			case errors.Is(err, ErrConflict) || time.Now().After(f.OwnedUntil):
				q.log.Warn().Err(err).Str("key", key).Msg("queue: a claim is lost, its run is stopped")
				cancel(errLost)
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return revision
	}
}
