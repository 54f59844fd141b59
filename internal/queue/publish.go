package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// retryHeader marks the wakes that the queue itself sent to try again.
const retryHeader = "Lumos-Retry"

// Publish wakes key. It returns once the wake is on disk, and fails when the store is full or out
// of reach: the sender must then try again. The same id for the same key within 72 hours is one
// wake; an empty id is never a repetition. body, at most MaxBody bytes, is a hint for the handler.
func (q *Queue) Publish(ctx context.Context, key, id string, body []byte) error {
	if err := check(key, body); err != nil {
		return err
	}
	var opts []jetstream.PublishOpt
	if id != "" {
		if err := checkName("the id", id); err != nil {
			return err
		}
		// One delivery may wake several keys: the key is part of what is told apart.
		opts = append(opts, jetstream.WithMsgID(encode(id)+"."+encode(key)))
	}
	if _, err := q.js.PublishMsg(ctx, &nats.Msg{Subject: workSubject(key), Data: body}, opts...); err != nil {
		return fmt.Errorf("queue: publishing a wake of %q: %w", key, err)
	}
	return nil
}

// After wakes key at a time, not before it and usually within a second after. One timer is pending
// for each key and name: setting it again replaces it, so a burst of calls ends in one wake. It
// outlives restarts and, unlike other messages, any number of days.
func (q *Queue) After(ctx context.Context, key, name string, at time.Time, body []byte) error {
	if err := errors.Join(check(key, body), checkName("the timer's name", name)); err != nil {
		return err
	}
	msg := &nats.Msg{Subject: timerSubject(key, name), Data: body}
	if err := q.schedule(ctx, key, msg, jetstream.WithScheduleAt(ceil(at))); err != nil {
		return fmt.Errorf("queue: setting timer %q of %q: %w", name, key, err)
	}
	return nil
}

// Cancel removes a pending timer; none pending is fine. A wake that has already fired stays.
func (q *Queue) Cancel(ctx context.Context, key, name string) error {
	if err := errors.Join(checkName("the key", key), checkName("the timer's name", name)); err != nil {
		return err
	}
	if err := q.work.Purge(ctx, jetstream.WithPurgeSubject(timerSubject(key, name))); err != nil {
		return fmt.Errorf("queue: cancelling timer %q of %q: %w", name, key, err)
	}
	return nil
}

// Every wakes key each d, a second or more, once for all replicas; the first time d from now.
// Asking again for the same d changes nothing, so replicas that restart often do not put the tick
// off; another d replaces it, and 0 ends it.
func (q *Queue) Every(ctx context.Context, key string, d time.Duration) error {
	if err := checkName("the key", key); err != nil {
		return err
	}
	subject := tickPrefix + encode(key)
	if d == 0 {
		if err := q.work.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return fmt.Errorf("queue: ending the tick of %q: %w", key, err)
		}
		return nil
	}
	old, err := q.work.GetLastMsgForSubject(ctx, subject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
	case err != nil:
		return fmt.Errorf("queue: reading the tick of %q: %w", key, err)
	case old.Header.Get(jetstream.ScheduleHeader) == "@every "+d.String():
		return nil
	}
	if err := q.schedule(ctx, key, &nats.Msg{Subject: subject}, jetstream.WithScheduleEvery(d)); err != nil {
		return fmt.Errorf("queue: setting the tick of %q: %w", key, err)
	}
	return nil
}

// retry sets the one pending retry of a key.
func (q *Queue) retry(ctx context.Context, key string, at time.Time) error {
	msg := nats.NewMsg(retryPrefix + encode(key))
	msg.Header.Set(retryHeader, "1")
	if err := q.schedule(ctx, key, msg, jetstream.WithScheduleAt(ceil(at))); err != nil {
		return fmt.Errorf("queue: setting the retry of %q: %w", key, err)
	}
	return nil
}

// schedule publishes msg as a timer that wakes key. Without "never", the stream's MaxAge deletes a
// timer before it fires (seen on server 2.15.2).
func (q *Queue) schedule(ctx context.Context, key string, msg *nats.Msg, when jetstream.PublishOpt) error {
	if msg.Header == nil {
		msg.Header = nats.Header{}
	}
	msg.Header.Set(jetstream.MsgTTLHeader, "never")
	_, err := q.js.PublishMsg(ctx, msg, when, jetstream.WithScheduleTarget(workSubject(key)))
	return err
}

func timerSubject(key, name string) string { return timerPrefix + encode(key) + "." + encode(name) }

// ceil rounds up to the second, in which timers are counted: rounded down they would fire early.
func ceil(t time.Time) time.Time { return t.Add(time.Second - 1).Truncate(time.Second) }

func check(key string, body []byte) error {
	if err := checkName("the key", key); err != nil {
		return err
	}
	if len(body) > MaxBody {
		return fmt.Errorf("queue: the body of a wake of %q has %d bytes, at most %d are allowed", key, len(body), MaxBody)
	}
	return nil
}
