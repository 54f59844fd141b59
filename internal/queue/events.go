package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Event is one entry of the events' stream, which is kept for 30 days or 256 MiB.
type Event struct {
	Seq  uint64    // its position, from 1
	Time time.Time // when it was stored
	Data []byte
}

// Emit appends an event of at most MaxEvent bytes. The same id within 72 hours is one event.
func (q *Queue) Emit(ctx context.Context, id string, data []byte) error {
	if err := checkName("the event's id", id); err != nil {
		return err
	}
	if len(data) > MaxEvent {
		return fmt.Errorf("queue: event %q has %d bytes, at most %d are allowed", id, len(data), MaxEvent)
	}
	msg := &nats.Msg{Subject: eventSubject, Data: data}
	if _, err := q.js.PublishMsg(ctx, msg, jetstream.WithMsgID(encode(id))); err != nil {
		return fmt.Errorf("queue: emitting event %q: %w", id, err)
	}
	return nil
}

// From is where to begin reading: at a position, else at a time, else at the oldest event.
type From struct {
	Seq  uint64
	Time time.Time
}

// Follow calls fn for each event in order. Without follow it returns after the newest event of when
// it was called; with it, it goes on until ctx ends and then returns nil. An error of fn ends it.
func (q *Queue) Follow(ctx context.Context, from From, follow bool, fn func(Event) error) error {
	cfg := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	switch {
	case from.Seq > 0:
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from.Seq
	case !from.Time.IsZero():
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &from.Time
	}
	info, err := q.events.Info(ctx)
	if err != nil {
		return fmt.Errorf("queue: reading events: %w", err)
	}
	end := info.State
	if !follow && (end.Msgs == 0 || from.Seq > end.LastSeq || from.Seq == 0 && from.Time.After(end.LastTime)) {
		return nil
	}
	consumer, err := q.events.OrderedConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("queue: reading events: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(256))
	if err != nil {
		return fmt.Errorf("queue: reading events: %w", err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			if follow && ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("queue: reading events: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("queue: reading events: %w", err)
		}
		at := meta.Sequence.Stream
		if !follow && at > end.LastSeq { // the last ones were dropped for space meanwhile
			return nil
		}
		if err := fn(Event{Seq: at, Time: meta.Timestamp, Data: m.Data()}); err != nil {
			return err
		}
		if !follow && at >= end.LastSeq {
			return nil
		}
	}
}

const (
	consumeTimeout = 15 * time.Second // of one call of a consumer's function
	consumeLease   = 2 * consumeTimeout
)

// Consume gives every event to fn in order, each until fn returns nil, and remembers under name how
// far it came; the first time it begins with the next event. Over all replicas one call for a name
// is under way. After a failure the following events wait for a back-off of 1 s to 15 min: that is
// the price of their order. A name that nobody asks for during 30 days is forgotten. It ends with ctx.
func (q *Queue) Consume(ctx context.Context, name string, fn func(ctx context.Context, data []byte) error) error {
	if err := checkName("the consumer's name", name); err != nil {
		return err
	}
	cfg := jetstream.ConsumerConfig{
		Durable:           "events-" + durable(name),
		DeliverPolicy:     jetstream.DeliverNewPolicy,
		AckPolicy:         jetstream.AckExplicitPolicy,
		AckWait:           consumeLease,
		MaxAckPending:     1,
		InactiveThreshold: eventAge,
	}
	work, stop := outlive(ctx, q.opts.grace)
	defer stop()
	return q.pull(ctx, q.events, cfg, func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			q.log.Error().Err(err).Msg("queue: an event without a position")
			return
		}
		if err := q.consume(work, consumerFence(name), m, meta, fn); err != nil {
			failures := int(min(meta.NumDelivered, 100))
			wait := backoff(name, failures)
			q.log.Warn().Err(err).Str("consumer", name).Int("failures", failures).
				Time("again", time.Now().Add(wait)).Msg("queue: an event was not taken")
			// A delayed negative acknowledgement holds up what follows: here it must.
			q.settle(m.NakWithDelay(wait))
			return
		}
		q.settle(m.Ack())
	})
}

// consume calls fn unless the event was taken already: after a crash old ones may come again.
func (q *Queue) consume(ctx context.Context, name string, m jetstream.Msg, meta *jetstream.MsgMetadata, fn func(context.Context, []byte) error) error {
	f, revision, err := q.readFence(ctx, name)
	if err != nil || f.covers(meta.Sequence.Stream, meta.Timestamp) {
		return err
	}
	call, cancel := context.WithTimeout(ctx, consumeTimeout)
	defer cancel()
	if err := handle(call, func(ctx context.Context, _ Wake) error { return fn(ctx, m.Data()) }, Wake{}); err != nil {
		return err
	}
	f = fence{Covered: meta.Sequence.Stream, CoveredTime: meta.Timestamp}
	done, end := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer end()
	if _, err := q.writeFence(done, name, f, revision); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

// durable writes a name as the name of a consumer, in which "/" and "." are not allowed.
func durable(name string) string {
	b := []byte(encode(name))
	for i, c := range b {
		if c == '/' {
			b[i] = '+'
		}
	}
	return string(b)
}
