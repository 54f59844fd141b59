package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// fence is what is durably known of one key's wakes.
//
// Covered is the last message that a finished run covered. Its time is kept beside its position
// because positions alone can lie: a server that loses the newest messages with the power, or is
// restored from a backup, gives their positions to new messages.
type fence struct {
	Covered     uint64    `json:"covered,omitempty"`    // position in the stream
	CoveredTime time.Time `json:"coveredTime,omitzero"` // when the server stored it
	Failures    int       `json:"failures,omitempty"`   // in a row
	NotBefore   time.Time `json:"notBefore,omitzero"`   // the handler asked to be left alone until then
	Owner       string    `json:"owner,omitempty"`      // who works on the key
	OwnedUntil  time.Time `json:"ownedUntil,omitzero"`  // when the owner is taken for dead, unless it renews
}

// covers reports whether the message at seq, stored at t, needs no more work.
func (f fence) covers(seq uint64, t time.Time) bool {
	return seq <= f.Covered && !t.After(f.CoveredTime)
}

// reissued reports whether seq was covered for an older message: nothing that f covers is to be trusted.
func (f fence) reissued(seq uint64, t time.Time) bool {
	return seq <= f.Covered && t.After(f.CoveredTime)
}

// blockedUntil is when a run may start; the zero time is now. An embedded queue has one process, so
// another's claim on it is a dead one's.
func (f fence) blockedUntil(now time.Time, me string, alone bool) time.Time {
	var at time.Time
	if f.NotBefore.After(now) {
		at = f.NotBefore
	}
	if f.Owner != "" && f.Owner != me && !alone && f.OwnedUntil.After(now) && f.OwnedUntil.After(at) {
		at = f.OwnedUntil
	}
	return at
}

// The fences of keys and of event consumers share a bucket.
func keyFence(key string) string       { return "key/" + key }
func consumerFence(name string) string { return "consumer/" + name }

func (q *Queue) readFence(ctx context.Context, name string) (f fence, revision uint64, err error) {
	value, revision, err := get(ctx, q.fences, name)
	if err != nil || revision == 0 {
		return fence{}, revision, err
	}
	if err := json.Unmarshal(value, &f); err != nil {
		return fence{}, 0, fmt.Errorf("queue: the fence of %q: %w", name, err)
	}
	return f, revision, nil
}

// writeFence fails with ErrConflict when somebody else wrote since revision was read.
func (q *Queue) writeFence(ctx context.Context, name string, f fence, revision uint64) (uint64, error) {
	value, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("queue: the fence of %q: %w", name, err)
	}
	return update(ctx, q.fences, name, value, revision)
}

// ErrConflict says that a value was changed by somebody else since it was read.
var ErrConflict = errors.New("queue: changed by somebody else in the meantime")

// Get reads a value of the state and its revision; both are zero when there is none.
func (q *Queue) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	if err := checkName("the key", key); err != nil {
		return nil, 0, err
	}
	return get(ctx, q.state, key)
}

// Put writes a value of the state, whatever was there, and returns its revision.
func (q *Queue) Put(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	if err := check(key, value); err != nil {
		return 0, err
	}
	revision, err = q.state.Put(ctx, encode(key), value)
	if err != nil {
		return 0, fmt.Errorf("queue: writing %q: %w", key, err)
	}
	return revision, nil
}

// Update writes a value of the state only if its revision is still the given one (0: there is none),
// and fails with ErrConflict otherwise.
func (q *Queue) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := check(key, value); err != nil {
		return 0, err
	}
	return update(ctx, q.state, key, value, revision)
}

func get(ctx context.Context, kv jetstream.KeyValue, key string) ([]byte, uint64, error) {
	entry, err := kv.Get(ctx, encode(key))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("queue: reading %q: %w", key, err)
	}
	return entry.Value(), entry.Revision(), nil
}

func update(ctx context.Context, kv jetstream.KeyValue, key string, value []byte, revision uint64) (uint64, error) {
	revision, err := kv.Update(ctx, encode(key), value, revision)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, fmt.Errorf("writing %q: %w", key, ErrConflict)
	}
	if err != nil {
		return 0, fmt.Errorf("queue: writing %q: %w", key, err)
	}
	return revision, nil
}

// The back-off of failed runs: 1 s, 2 s, 4 s … 15 min, each up to a quarter longer.
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Minute
	maxRetryAt = 24 * time.Hour // the farthest that a handler's own RetryAt is believed
)

// backoff is how long to wait after so many failures in a row (from 1). The jitter keeps keys that
// failed together apart; it is drawn from the key, so it can be told beforehand.
func backoff(key string, failures int) time.Duration {
	d := lastRetry
	if shift := failures - 1; shift < 10 {
		d = min(firstRetry<<max(shift, 0), lastRetry)
	}
	h := fnv.New64a()
	h.Write([]byte(key))
	return d + time.Duration(rand.New(rand.NewPCG(h.Sum64(), uint64(failures))).Int64N(int64(d/4)))
}
