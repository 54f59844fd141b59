package queue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"
)

// The traps of JetStream that this package exists to step around, one test each.

func containsAll(s string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
}

// A stream that deletes what is acknowledged forgets its ids when it restarts (nats-server #3272).
func TestTrapDedupeSurvivesRestart(t *testing.T) {
	t.Parallel()
	o := quick(t)
	q := open(t, o)
	c, h := calls()
	stop := start(t, q, h)
	for i := range 20 {
		publish(t, q, "k", fmt.Sprint(i), "x")
	}
	drained(t, q)
	stop()
	q.Close()

	q = open(t, o)
	runs := len(c)
	for i := range 20 {
		publish(t, q, "k", fmt.Sprint(i), "x")
	}
	if n, err := q.Depth(t.Context()); err != nil || n != 0 {
		t.Errorf("%d of 20 repeated deliveries were taken for new ones (%v)", n, err)
	}
	start(t, q, h)
	drained(t, q)
	if len(c) != runs {
		t.Errorf("the repeated deliveries made %d more runs", len(c)-runs)
	}
}

// Consumer positions are written lazily: after a crash, messages that were done with come again.
func TestTrapRewoundConsumerRepeatsNothing(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	c, h := calls()
	stop := start(t, q, h)
	for i := range 20 {
		publish(t, q, fmt.Sprintf("k%d", i%4), fmt.Sprint(i), "x")
	}
	drained(t, q)
	stop()
	runs := len(c)
	for p := range partitions {
		if err := q.work.DeleteConsumer(t.Context(), fmt.Sprintf("work-%02d", p)); err != nil {
			t.Fatal(err)
		}
		if _, err := q.work.CreateConsumer(t.Context(), q.partitionConfig(p)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := q.Depth(t.Context()); err != nil || n != 20 {
		t.Fatalf("%d messages come again (%v), the test wants 20", n, err)
	}
	start(t, q, h)
	drained(t, q)
	if len(c) != runs {
		t.Errorf("rewound messages made %d runs", len(c)-runs)
	}
}

// A server that lost its newest messages gives their positions to new ones: a fence on positions
// alone would drop these unseen.
func TestTrapReissuedPositionsAreNotDropped(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	lost := fence{Covered: 1000, CoveredTime: time.Now().Add(-time.Minute)}
	if _, err := q.writeFence(t.Context(), keyFence("k"), lost, 0); err != nil {
		t.Fatal(err)
	}
	publish(t, q, "k", "1", "one")
	c, h := calls()
	start(t, q, h)
	if w := next(t, c); !slices.Equal(texts(w.Bodies), []string{"one"}) {
		t.Errorf("the wake is %q", texts(w.Bodies))
	}
	drained(t, q)
}

// A delayed negative acknowledgement would hold up every key of the partition.
func TestTrapRetryHoldsUpNoOtherKey(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	const failing = "failing"
	other := neighbour(failing)
	c := make(chan Wake, 100)
	start(t, q, func(_ context.Context, w Wake) error {
		c <- w
		if w.Key == failing && w.Attempt == 1 {
			return errors.New("not yet")
		}
		return nil
	})
	publish(t, q, failing, "1", "one")
	publish(t, q, other, "1", "two")
	var order []string
	for range 3 {
		w := next(t, c)
		order = append(order, fmt.Sprintf("%s %d %s", w.Key, w.Attempt, texts(w.Bodies)))
	}
	want := []string{"failing 1 [one]", other + " 1 [two]", "failing 2 [one]"}
	if !slices.Equal(order, want) {
		t.Errorf("the runs were %q, want %q", order, want)
	}
	drained(t, q)
}

// MaxAge deletes timers and ticks before they fire, unless each says that it never expires.
func TestTrapTimersOutliveMaxAge(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.window = time.Second
	q := open(t, o)
	if err := q.After(t.Context(), "timer", "remind", time.Now().Add(2*time.Second), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := q.Every(t.Context(), "tick", 2*time.Second); err != nil {
		t.Fatal(err)
	}
	fired := map[string]int{}
	c, h := calls()
	start(t, q, h)
	for fired["timer"] < 1 || fired["tick"] < 1 {
		fired[next(t, c).Key]++
	}
}

// The default writes to disk every two minutes (nats-server #7564): a power cut loses what was acknowledged.
func TestTrapEmbeddedServerSyncsAndOpensNoPort(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	if cfg := q.srv.JetStreamConfig(); !cfg.SyncAlways || cfg.MaxStore != q.opts.MaxStore {
		t.Errorf("sync always is %v, the limit is %d bytes", cfg.SyncAlways, cfg.MaxStore)
	}
	if addr := q.srv.Addr(); addr != nil {
		t.Errorf("the embedded server listens on %s", addr)
	}
}

// Two servers start on one directory without complaint.
func TestTrapDirectoryHasOneProcess(t *testing.T) {
	t.Parallel()
	o := quick(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+o.Dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	eventually(t, "the child's first work", func() bool { return len(lines(t, o.Dir, "done")) > 0 })

	_, err := Open(t.Context(), o)
	var used *InUseError
	if !errors.As(err, &used) || !containsAll(err.Error(), o.Dir, fmt.Sprintf("process %d on ", cmd.Process.Pid), "queue.url") {
		t.Fatalf("the second process got %v, want who holds the directory and what to do", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	open(t, o) // a killed holder holds nothing
}

// A full store must refuse, never drop in silence.
func TestTrapFullStoreRefuses(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.MaxStore = 4 << 20
	q := open(t, o)
	accepted := 0
	var err error
	for body := make([]byte, MaxBody); err == nil && accepted < 1000; accepted++ {
		err = q.Publish(t.Context(), fmt.Sprint("k", accepted), "", body)
	}
	if err == nil {
		t.Fatal("a store of 4 MiB took 1000 bodies of 64 KiB")
	}
	accepted--
	eventually(t, "a depth of all that was accepted", func() bool {
		n, err := q.Depth(t.Context())
		return err == nil && n == accepted
	})
}

// Subjects and bucket keys allow few characters, and "." divides.
func TestTrapOddNames(t *testing.T) {
	t.Parallel()
	q := open(t, quick(t))
	keys := []string{
		"github.com/acme/models#7", "a.b", "a.b.c", "a>", "*", ">", " ", "=2E", "a\r\nNats-Msg-Id: x", "ключ/模型", "\x00\xff", "a/", strings.Repeat("é", maxName/2),
	}
	c, h := calls()
	start(t, q, h)
	for _, key := range keys {
		publish(t, q, key, key, key)
		publish(t, q, key, key, key) // the same again
	}
	seen := map[string][]string{}
	for range keys {
		w := next(t, c)
		seen[w.Key] = texts(w.Bodies)
	}
	for _, key := range keys {
		if !slices.Equal(seen[key], []string{key}) {
			t.Errorf("%q was woken with %q", key, seen[key])
		}
		if err := q.After(t.Context(), key, key, time.Now().Add(time.Hour), nil); err != nil {
			t.Errorf("a timer of %q: %v", key, err)
		}
		if err := q.Cancel(t.Context(), key, key); err != nil {
			t.Errorf("cancelling the timer of %q: %v", key, err)
		}
	}
}

func TestEncodingIsReversible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := string(rapid.SliceOfN(rapid.Byte(), 1, maxName).Draw(t, "key"))
		if got, err := keyOf(workSubject(key)); err != nil || got != key {
			t.Fatalf("%q became %q, %v", key, got, err)
		}
	})
}

func FuzzKeyOf(f *testing.F) {
	for _, seed := range []string{"lumos.work.03.acme/models=237", "lumos.work.03.=", "lumos.work.", "other", "lumos.work.03.=41", "lumos.work.03.a.b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		key, err := keyOf(subject)
		if err != nil {
			return
		}
		if _, token, _ := strings.Cut(strings.TrimPrefix(subject, workPrefix), "."); encode(key) != token {
			t.Errorf("%q is read as %q, which is written %q", subject, key, encode(key))
		}
	})
}

// A worker that stalls beyond its lease loses the message to another: claims keep them apart.
func TestTrapClaimKeepsReplicasApart(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.Dir, o.URL = "", external(t, true)
	q := open(t, o)
	until := time.Now().Add(time.Second)
	claim := fence{Owner: "another replica", OwnedUntil: until}
	if _, err := q.writeFence(t.Context(), keyFence("k"), claim, 0); err != nil {
		t.Fatal(err)
	}
	c, h := calls()
	start(t, q, func(ctx context.Context, w Wake) error {
		if time.Now().Before(until) {
			t.Error("worked on a key that another replica has claimed")
		}
		return h(ctx, w)
	})
	publish(t, q, "k", "1", "one")
	if w := next(t, c); !slices.Equal(texts(w.Bodies), []string{"one"}) {
		t.Errorf("the wake after the claim is %q", texts(w.Bodies))
	}
	drained(t, q)
}

func TestTrapLostClaimStopsTheHandler(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.lease = 600 * time.Millisecond
	q := open(t, o)
	publish(t, q, "k", "1", "one")
	c := make(chan error, 10)
	var runs atomic.Int32
	start(t, q, func(ctx context.Context, w Wake) error {
		if runs.Add(1) > 1 {
			c <- nil
			return nil
		}
		if _, err := q.fences.Put(ctx, encode(keyFence("k")), []byte(`{"owner":"thief"}`)); err != nil {
			return err
		}
		<-ctx.Done()
		c <- context.Cause(ctx)
		return nil // what it thinks it did must not count
	})
	if err := next(t, c); !errors.Is(err, errLost) {
		t.Errorf("the handler was stopped by %v, want %v", err, errLost)
	}
	next(t, c) // it came again
	drained(t, q)
}

func TestTrapLongHandlerKeepsItsMessage(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.lease = 500 * time.Millisecond
	q := open(t, o)
	publish(t, q, "k", "1", "one")
	var runs atomic.Int32
	start(t, q, func(ctx context.Context, w Wake) error {
		runs.Add(1)
		select {
		case <-ctx.Done():
			t.Errorf("the run was stopped: %v", context.Cause(ctx))
		case <-time.After(3 * o.lease):
		}
		return nil
	})
	drained(t, q)
	if runs.Load() != 1 {
		t.Errorf("a run longer than the lease was made %d times", runs.Load())
	}
}

func TestTrapServerTooOldOrWithoutJetStream(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, url string
		want      []string
	}{
		{"too old", ancient(t), []string{`"2.10.7"`, minServer}},
		{"no JetStream", external(t, false), []string{"no JetStream"}},
		{"nobody there", "nats://user:hunter2@127.0.0.1:1", []string{"127.0.0.1:1"}},
	} {
		_, err := Open(t.Context(), Options{URL: c.url})
		if err == nil || !containsAll(err.Error(), c.want...) {
			t.Errorf("%s: %v, want a word of %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error gives the password away", c.name)
		}
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("a queue without a place was opened")
	}
	for version, old := range map[string]bool{
		"2.15.2": false, "2.15.3": false, "2.16.0": false, "3.0.0": false, "v2.15.2": false, "2.16.0-RC.1": false,
		"2.15.1": true, "2.9.99": true, "1.99.99": true, "2.15.2-RC.1": true, "": true, "2.15": true, "x.y.z": true,
	} {
		if older(version, minServer) != old {
			t.Errorf("%q is older than %s: %v, want %v", version, minServer, !old, old)
		}
	}
}

// ancient answers like a NATS server of long ago.
func ancient(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, `INFO {"server_id":"x","version":"2.10.7","proto":1,"headers":true,"max_payload":1048576,"jetstream":true}`+"\r\n")
			go func() {
				defer conn.Close()
				for in := bufio.NewScanner(conn); in.Scan(); {
					if in.Text() == "PING" {
						fmt.Fprint(conn, "PONG\r\n")
					}
				}
			}()
		}
	}()
	return "nats://" + l.Addr().String()
}

func TestBackoffGrowsAndIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "key")
		failures := rapid.IntRange(1, 1_000_000).Draw(t, "failures")
		d := backoff(key, failures)
		if d < firstRetry || d > lastRetry+lastRetry/4 || d != backoff(key, failures) {
			t.Fatalf("%s after %d failures", d, failures)
		}
		if failures < 9 && backoff(key, failures+1) <= d {
			t.Fatalf("failure %d waits %s, the next one no longer", failures, d)
		}
	})
}

func TestPrepareLeavesAnExternalStreamsPlacementAlone(t *testing.T) {
	t.Parallel()
	o := quick(t)
	o.Dir, o.URL = "", external(t, true)
	first := open(t, o)
	publish(t, first, "k", "1", "x")
	second := open(t, o)
	info, err := second.work.Info(t.Context())
	if err != nil || info.State.Msgs != 1 || info.Config.Retention != jetstream.LimitsPolicy || !info.Config.AllowMsgSchedules {
		t.Errorf("after a second Open the stream is %+v (%v)", info, err)
	}
}

// The child process of the kill test: it publishes and works until it is killed.

const (
	childEnv    = "LUMOS_QUEUE_TEST_CHILD"
	childKeys   = 10
	childWrites = 3000
)

func child(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	note := func(name string) *os.File {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		fail(err)
		return f
	}
	q, err := Open(context.Background(), Options{Dir: dir, lease: 500 * time.Millisecond})
	fail(err)
	done, published := note("done"), note("published")
	go func() {
		fail(q.Run(context.Background(), func(_ context.Context, w Wake) error {
			_, err := done.WriteString(strings.Join(texts(w.Bodies), "\n") + "\n")
			return err
		}))
	}()
	for i := range childWrites {
		id := fmt.Sprintf("%d-%05d", i%childKeys, i)
		fail(q.Publish(context.Background(), fmt.Sprint("key-", i%childKeys), id, []byte(id)))
		_, err := published.WriteString(id + "\n")
		fail(err)
	}
	select {}
}

func lines(t *testing.T, dir, name string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(data))
}

func TestKillUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	o := quick(t)
	for round := range 3 {
		before := len(lines(t, o.Dir, "done"))
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+o.Dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "work", func() bool { return len(lines(t, o.Dir, "done")) > before+100*(round+1) })
		cmd.Process.Kill()
		cmd.Wait()
	}

	o.lease = 500 * time.Millisecond
	q := open(t, o)
	done := lines(t, o.Dir, "done")
	c, h := calls()
	start(t, q, h)
	drained(t, q)
	for len(c) > 0 {
		done = append(done, texts((<-c).Bodies)...)
	}
	published := lines(t, o.Dir, "published")
	slices.Sort(published)
	published = slices.Compact(published)
	seen := map[string]bool{}
	last := map[byte]string{}
	for _, id := range done {
		if !seen[id] && id < last[id[0]] {
			t.Errorf("%s came for the first time after %s", id, last[id[0]])
		}
		seen[id] = true
		last[id[0]] = max(last[id[0]], id)
	}
	for _, id := range published {
		if !seen[id] {
			t.Errorf("%s was accepted and never worked on", id)
		}
	}
	for _, id := range published { // the sender does not know and sends all of it again
		publish(t, q, "key-"+id[:1], id, id)
	}
	drained(t, q)
	if len(c) != 0 {
		t.Errorf("what was sent again made %d runs", len(c))
	}
	t.Logf("%d published, %d repeated by the kills", len(published), len(done)-len(seen))
}
