package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir) // does not return
	}
	os.Exit(m.Run())
}

// long bounds what a test waits for; nothing is asserted of how long it took.
const long = 30 * time.Second

func quick(t *testing.T) Options {
	return Options{
		Dir: t.TempDir(), Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
		lease: 2 * time.Second, grace: 5 * time.Second, poll: 50 * time.Millisecond,
	}
}

func open(t *testing.T, o Options) *Queue {
	t.Helper()
	q, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

// start runs q in the background; stop ends it and waits.
func start(t *testing.T, q *Queue, h Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx, h) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// calls is a handler that passes on each wake.
func calls() (chan Wake, Handler) {
	c := make(chan Wake, 10_000)
	return c, func(_ context.Context, w Wake) error { c <- w; return nil }
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(long):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// drained waits until every wake in q is answered. Depth would not do: it lags behind Publish.
func drained(t *testing.T, q *Queue) {
	t.Helper()
	eventually(t, "an empty queue", func() bool {
		for p := range partitions {
			cfg := q.partitionConfig(p)
			last, err := q.work.GetLastMsgForSubject(t.Context(), cfg.FilterSubject)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			consumer, err := q.work.Consumer(t.Context(), cfg.Durable)
			if err != nil {
				t.Fatal(err)
			}
			if info := consumer.CachedInfo(); info.NumAckPending > 0 || info.Delivered.Stream < last.Sequence {
				return false
			}
		}
		return true
	})
}

func publish(t *testing.T, q *Queue, key, id, body string) {
	t.Helper()
	if err := q.Publish(t.Context(), key, id, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func texts(bodies [][]byte) (out []string) {
	for _, b := range bodies {
		out = append(out, string(b))
	}
	return out
}

// neighbour finds another key of the same partition as key.
func neighbour(key string) string {
	for i := 0; ; i++ {
		if other := fmt.Sprintf("neighbour-%d", i); partition(other) == partition(key) {
			return other
		}
	}
}

func external(t *testing.T, jetStream bool) string {
	t.Helper()
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, JetStream: jetStream, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	go srv.Start()
	if !srv.ReadyForConnections(long) {
		t.Fatal("the NATS server did not start")
	}
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	return srv.ClientURL()
}

func TestPublishDedupesByIDAndKey(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	for range 3 {
		publish(t, q, "a#1", "delivery-1", "one")
		publish(t, q, "a#2", "delivery-1", "two") // one delivery may wake two keys
		publish(t, q, "a#3", "", "three")
	}
	got := map[string][]string{}
	c, h := calls()
	start(t, q, h)
	drained(t, q)
	for len(c) > 0 {
		w := <-c
		got[w.Key] = append(got[w.Key], texts(w.Bodies)...)
	}
	want := map[string]int{"a#1": 1, "a#2": 1, "a#3": 3}
	for key, n := range want {
		if len(got[key]) != n {
			t.Errorf("%s was woken with %q, want %d", key, got[key], n)
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	long := string(make([]byte, maxName+1))
	for name, publish := range map[string]func() error{
		"a body too large":      func() error { return q.Publish(t.Context(), "k", "", make([]byte, MaxBody+1)) },
		"no key":                func() error { return q.Publish(t.Context(), "", "", nil) },
		"a long key":            func() error { return q.Publish(t.Context(), long, "", nil) },
		"a long id":             func() error { return q.Publish(t.Context(), "k", long, nil) },
		"a timer without name":  func() error { return q.After(t.Context(), "k", "", time.Now(), nil) },
		"a large timer":         func() error { return q.After(t.Context(), "k", "n", time.Now(), make([]byte, MaxBody+1)) },
		"a cancel without name": func() error { return q.Cancel(t.Context(), "k", "") },
		"a fast tick":           func() error { return q.Every(t.Context(), "k", time.Millisecond) },
		"an event without id":   func() error { return q.Emit(t.Context(), "", nil) },
		"an event too large":    func() error { return q.Emit(t.Context(), "e", make([]byte, MaxEvent+1)) },
	} {
		if publish() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := q.Publish(t.Context(), "k", "", make([]byte, MaxBody)); err != nil {
		t.Errorf("the largest body: %v", err)
	}
}

func TestKeysKeepOrderAndNeverOverlapOverReplicas(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.Dir, o.URL = "", external(t, true)
	replicas := []*Queue{open(t, o), open(t, o)}

	const keys, each = 8, 40
	var mu sync.Mutex
	seen := map[string][]string{}
	var busy [keys]atomic.Int32
	total := 0
	handler := func(_ context.Context, w Wake) error {
		var i int
		if _, err := fmt.Sscanf(w.Key, "key-%d", &i); err != nil {
			return err
		}
		if busy[i].Add(1) > 1 {
			t.Errorf("%s is worked on twice at a time", w.Key)
		}
		defer busy[i].Add(-1)
		time.Sleep(time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		seen[w.Key] = append(seen[w.Key], texts(w.Bodies)...)
		total += len(w.Bodies)
		return nil
	}
	for _, q := range replicas {
		start(t, q, handler)
	}
	for n := range each {
		for k := range keys {
			publish(t, replicas[n%2], fmt.Sprintf("key-%d", k), fmt.Sprintf("%d-%d", k, n), fmt.Sprintf("%03d", n))
		}
	}
	eventually(t, "all of it", func() bool { mu.Lock(); defer mu.Unlock(); return total >= keys*each })
	for key, bodies := range seen {
		if !slices.IsSorted(bodies) || len(bodies) != each {
			t.Errorf("%s saw %v", key, bodies)
		}
	}
}

func TestBurstIsCoalesced(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	var n atomic.Int32
	var bodies atomic.Int32
	started, proceed := make(chan struct{}, 10), make(chan struct{})
	start(t, q, func(_ context.Context, w Wake) error {
		n.Add(1)
		bodies.Add(int32(len(w.Bodies)))
		started <- struct{}{}
		<-proceed
		return nil
	})
	publish(t, q, "acme/models#7", "first", "x")
	next(t, started)
	for i := range 199 {
		publish(t, q, "acme/models#7", fmt.Sprint(i), "x")
	}
	close(proceed)
	drained(t, q)
	if n.Load() > 3 || bodies.Load() != 200 {
		t.Errorf("200 wakes made %d runs with %d bodies, want at most 3 with 200", n.Load(), bodies.Load())
	}
}

func TestBatchIsBounded(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	for i := range maxBatch + 10 {
		publish(t, q, "k", fmt.Sprint(i), "x")
	}
	c, h := calls()
	start(t, q, h)
	drained(t, q)
	a, b := next(t, c), next(t, c)
	if len(a.Bodies) != maxBatch || len(b.Bodies) != 10 || len(c) != 0 {
		t.Errorf("runs of %d and %d bodies, and %d more; want %d, 10 and 0", len(a.Bodies), len(b.Bodies), len(c), maxBatch)
	}
}

type later struct{ at time.Time }

func (e later) Error() string      { return "limited" }
func (e later) RetryAt() time.Time { return e.at }

func TestRetryAtIsObeyed(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	at := time.Now().Add(time.Second)
	c, fails := make(chan Wake, 10), true
	start(t, q, func(_ context.Context, w Wake) error {
		c <- w
		if fails {
			fails = false
			return fmt.Errorf("reading: %w", later{at})
		}
		if time.Now().Before(at) {
			t.Error("tried again before the time that the handler named")
		}
		return nil
	})
	publish(t, q, "k", "1", "one")
	next(t, c)
	publish(t, q, "k", "2", "two") // waits with the first
	if w := next(t, c); !slices.Equal(texts(w.Bodies), []string{"one", "two"}) || w.Attempt != 1 {
		t.Errorf("the retry is %q, attempt %d", texts(w.Bodies), w.Attempt)
	}
	drained(t, q)
	if len(c) != 0 {
		t.Error("one run too many")
	}
}

func TestPanicIsAFailureLikeAnother(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	c := make(chan Wake, 10)
	start(t, q, func(_ context.Context, w Wake) error {
		c <- w
		if w.Attempt == 1 {
			var none []int
			_ = none[w.Attempt] // panics
		}
		return nil
	})
	publish(t, q, "k", "1", "one")
	next(t, c)
	if w := next(t, c); w.Attempt != 2 || !slices.Equal(texts(w.Bodies), []string{"one"}) {
		t.Errorf("after a panic came %q, attempt %d", texts(w.Bodies), w.Attempt)
	}
	err := handle(t.Context(), func(context.Context, Wake) error { panic("boom") }, Wake{})
	if err == nil || !containsAll(err.Error(), "boom", "queue_test.go") {
		t.Errorf("the error of a panic lacks its cause or its stack: %v", err)
	}
}

func TestTimersDebounceCancelAndSurviveRestart(t *testing.T) {
	t.Parallel()
	o := quick(t)
	q := open(t, o)
	due := time.Now().Add(time.Second)
	for i := range 5 {
		if err := q.After(t.Context(), "debounced", "settle", due, []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.After(t.Context(), "cancelled", "remind", due, []byte("never")); err != nil {
		t.Fatal(err)
	}
	if err := q.Cancel(t.Context(), "cancelled", "remind"); err != nil {
		t.Fatal(err)
	}
	if err := q.Cancel(t.Context(), "cancelled", "nothing"); err != nil {
		t.Errorf("cancelling nothing: %v", err)
	}
	q.Close()

	q = open(t, o)
	c, h := calls()
	start(t, q, func(ctx context.Context, w Wake) error {
		if time.Now().Before(due) {
			t.Error("a timer fired early")
		}
		return h(ctx, w)
	})
	w := next(t, c)
	if w.Key != "debounced" || !slices.Equal(texts(w.Bodies), []string{"4"}) {
		t.Errorf("the timer woke %q with %q, want the last of five", w.Key, texts(w.Bodies))
	}
	drained(t, q)
	if len(c) != 0 {
		t.Errorf("one timer too many: %v", next(t, c))
	}
}

func TestEveryTicksOnceForAllReplicas(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.Dir, o.URL = "", external(t, true)
	c, h := calls()
	for range 2 {
		q := open(t, o)
		if err := q.Every(t.Context(), "sweep", time.Second); err != nil {
			t.Fatal(err)
		}
		start(t, q, h)
	}
	next(t, c)
	next(t, c)
	q := open(t, o)
	info, err := q.work.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Every(t.Context(), "sweep", time.Second); err != nil {
		t.Fatal(err)
	}
	if again, err := q.work.GetLastMsgForSubject(t.Context(), tickPrefix+"sweep"); err != nil || again.Sequence > info.State.LastSeq {
		t.Errorf("asking for the same tick set it anew (%v)", err)
	}
	if err := q.Every(t.Context(), "sweep", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := q.work.GetLastMsgForSubject(t.Context(), tickPrefix+"sweep"); err == nil {
		t.Error("the tick was not ended")
	}
}

func TestShutdownLetsHandlersFinishAndLosesNothing(t *testing.T) {
	t.Parallel()
	o := quick(t)
	q := open(t, o)
	for i := range 50 {
		publish(t, q, fmt.Sprintf("key-%d", i), "1", "x")
	}
	var mu sync.Mutex
	seen := map[string]int{}
	entered, proceed := make(chan struct{}, 100), make(chan struct{})
	handler := func(ctx context.Context, w Wake) error {
		entered <- struct{}{}
		<-proceed
		if ctx.Err() != nil {
			t.Error("a running handler was not let finish")
		}
		mu.Lock()
		defer mu.Unlock()
		seen[w.Key]++
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx, handler) }()
	next(t, entered)
	cancel()
	close(proceed)
	if err := next(t, done); err != nil {
		t.Fatal(err)
	}
	q.Close()
	q = open(t, o)
	start(t, q, handler)
	drained(t, q)
	for i := range 50 {
		if n := seen[fmt.Sprintf("key-%d", i)]; n != 1 {
			t.Errorf("key-%d was worked on %d times, want once", i, n)
		}
	}
}

func TestStoppedHandlerComesAgainWithoutAFailure(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.grace = time.Millisecond
	q := open(t, o)
	publish(t, q, "k", "1", "x")
	entered := make(chan struct{}, 1)
	stop := start(t, q, func(ctx context.Context, _ Wake) error {
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	next(t, entered)
	stop()
	c, h := calls()
	start(t, q, h)
	if w := next(t, c); w.Attempt != 1 {
		t.Errorf("attempt %d, want 1: to be stopped is no failure", w.Attempt)
	}
}

func TestStateIsComparedAndSet(t *testing.T) {
	t.Parallel()
	o := quick(t)
	q := open(t, o)
	ctx := t.Context()
	const key = "github.com/acme/models#7 ünï"
	if v, rev, err := q.Get(ctx, key); v != nil || rev != 0 || err != nil {
		t.Errorf("an unknown key is %q, %d, %v", v, rev, err)
	}
	rev, err := q.Update(ctx, key, []byte("a"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Update(ctx, key, []byte("b"), 0); !errors.Is(err, ErrConflict) {
		t.Errorf("creating it again: %v, want ErrConflict", err)
	}
	second, err := q.Update(ctx, key, []byte("b"), rev)
	if err != nil || second <= rev {
		t.Errorf("updating it: %d, %v", second, err)
	}
	if _, err := q.Update(ctx, key, []byte("c"), rev); !errors.Is(err, ErrConflict) {
		t.Errorf("a stale update: %v, want ErrConflict", err)
	}
	if _, err := q.Put(ctx, key, []byte("d")); err != nil {
		t.Fatal(err)
	}
	q.Close()
	q = open(t, o)
	if v, _, err := q.Get(ctx, key); string(v) != "d" || err != nil {
		t.Errorf("after a restart it is %q, %v", v, err)
	}
	if _, err := q.Put(ctx, key, make([]byte, MaxBody+1)); err == nil {
		t.Error("a value too large was accepted")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	if err := q.Health(t.Context()); err != nil {
		t.Errorf("healthy: %v", err)
	}
	q.Close()
	if q.Health(t.Context()) == nil {
		t.Error("a closed queue calls itself healthy")
	}
}
