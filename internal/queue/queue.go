package queue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"
)

const (
	partitions = 16
	minServer  = "2.15.2" // the oldest server on which timers, ticks and their "never" lifetime were tried

	workStream   = "LUMOS_WORK"
	eventStream  = "LUMOS_EVENTS"
	fenceBucket  = "lumos_fence" // how far each key is covered, and where each event consumer stands
	stateBucket  = "lumos_state"
	eventSubject = "lumos.event"

	eventAge      = 30 * 24 * time.Hour
	eventMaxBytes = 256 << 20
	callTimeout   = 5 * time.Second // of one request to the server where the caller sets none
)

// MaxBody is the most bytes that one wake, timer or state value carries: an envelope, never a payload.
const MaxBody = 64 << 10

// MaxEvent is the most bytes that one event carries.
const MaxEvent = 256 << 10

// Options says where the queue lives. The zero values of all but Dir or URL are good.
type Options struct {
	Dir      string         // of the embedded server; used when URL is empty. One process at a time
	URL      string         // of an external NATS cluster: "nats://host:4222", several with commas
	Replicas int            // copies of each stream on an external cluster; 0 keeps what is there, at first 1
	MaxStore int64          // bytes on disk of the embedded server; 0 is 2 GiB. When full, Publish fails
	Log      zerolog.Logger // the zero Logger writes nothing

	window time.Duration // how long messages and their ids are kept
	lease  time.Duration // how long a silent worker keeps a message
	grace  time.Duration // how long running handlers may finish when Run's context ends
	poll   time.Duration // of one request for a message: what Run may take to notice its end
}

func (o Options) withDefaults() Options {
	if o.MaxStore == 0 {
		o.MaxStore = 2 << 30
	}
	if o.window == 0 {
		o.window = 72 * time.Hour
	}
	if o.lease == 0 {
		o.lease = 15 * time.Second
	}
	if o.grace == 0 {
		o.grace = 20 * time.Second
	}
	if o.poll == 0 {
		o.poll = time.Second
	}
	return o
}

// Queue is an open queue; its methods may be called from many goroutines.
type Queue struct {
	opts   Options
	log    zerolog.Logger
	me     string // names this Queue in claims
	srv    *server.Server
	unlock func() error
	nc     *nats.Conn
	js     jetstream.JetStream
	work   jetstream.Stream
	events jetstream.Stream
	fences jetstream.KeyValue
	state  jetstream.KeyValue
}

// Open starts the embedded server in o.Dir, or connects to o.URL, and prepares streams and
// consumers. It fails with *InUseError when another process holds the directory.
func Open(ctx context.Context, o Options) (_ *Queue, err error) {
	q := &Queue{opts: o.withDefaults(), log: o.Log, me: nuid.Next()}
	defer func() {
		if err != nil {
			q.Close()
		}
	}()
	connect := []nats.Option{nats.Name("lumos"), nats.MaxReconnects(-1), nats.ErrorHandler(q.asyncError)}
	switch {
	case o.URL != "":
		q.nc, err = nats.Connect(o.URL, connect...)
		if err != nil {
			return nil, fmt.Errorf("connecting to NATS at %s: %w", hosts(o.URL), err)
		}
		if err := checkVersion(q.nc.ConnectedServerVersion()); err != nil {
			return nil, fmt.Errorf("NATS at %s: %w", hosts(o.URL), err)
		}
	case o.Dir != "":
		if err := q.embed(); err != nil {
			return nil, err
		}
		if q.nc, err = nats.Connect("", append(connect, nats.InProcessServer(q.srv))...); err != nil {
			return nil, fmt.Errorf("connecting to the embedded NATS server: %w", err)
		}
	default:
		return nil, errors.New("opening the queue: neither a directory nor a URL is given")
	}
	if q.js, err = jetstream.New(q.nc, jetstream.WithDefaultTimeout(callTimeout)); err != nil {
		return nil, fmt.Errorf("opening the queue: %w", err)
	}
	if err := q.prepare(ctx); err != nil {
		return nil, fmt.Errorf("preparing the queue's streams: %w", err)
	}
	return q, nil
}

// Close disconnects, and stops the embedded server. What was published stays published. End Run first.
func (q *Queue) Close() {
	if q.nc != nil {
		if err := q.nc.FlushTimeout(callTimeout); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			q.log.Warn().Err(err).Msg("queue: the last acknowledgements may be lost, their wakes will come again")
		}
		q.nc.Close()
	}
	if q.srv != nil {
		q.srv.Shutdown()
		q.srv.WaitForShutdown()
	}
	if q.unlock != nil {
		if err := q.unlock(); err != nil {
			q.log.Warn().Err(err).Msg("queue: releasing the directory's lock")
		}
		q.unlock = nil
	}
}

// Health reports whether the queue can be reached and its stream answers.
func (q *Queue) Health(ctx context.Context) error {
	if status := q.nc.Status(); status != nats.CONNECTED {
		return fmt.Errorf("queue: the connection to NATS is %s", strings.ToLower(status.String()))
	}
	if _, err := q.js.Stream(ctx, workStream); err != nil {
		return fmt.Errorf("queue: reading the work stream: %w", err)
	}
	return nil
}

// Depth counts the wakes that are waiting or being worked on. It may lag behind Publish a little.
func (q *Queue) Depth(ctx context.Context) (int, error) {
	list := q.work.ListConsumers(ctx)
	depth := 0
	for info := range list.Info() {
		if strings.HasPrefix(info.Name, "work-") {
			depth += int(info.NumPending) + info.NumAckPending
		}
	}
	if err := list.Err(); err != nil {
		return 0, fmt.Errorf("queue: counting what waits: %w", err)
	}
	return depth, nil
}

// prepare makes the streams, buckets and consumers, or brings them up to date.
func (q *Queue) prepare(ctx context.Context) (err error) {
	if _, err := q.js.AccountInfo(ctx); err != nil {
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			return fmt.Errorf("the NATS server has no JetStream for this account: switch it on, Lumos keeps its queue there: %w", err)
		}
		return err
	}
	// No MaxBytes here: a stream with timers must discard old messages when full (server 2.15), and
	// would drop wakes in silence. The server's own store limit makes Publish fail instead.
	q.work, err = q.stream(ctx, jetstream.StreamConfig{
		Name:              workStream,
		Subjects:          []string{workPrefix + ">", timerPrefix + ">", tickPrefix + ">", retryPrefix + ">"},
		Retention:         jetstream.LimitsPolicy,
		MaxAge:            q.opts.window,
		Duplicates:        q.opts.window,
		MaxMsgSize:        MaxBody + 8<<10,
		AllowMsgTTL:       true,
		AllowMsgSchedules: true,
		AllowRollup:       true,
	})
	if err != nil {
		return err
	}
	q.events, err = q.stream(ctx, jetstream.StreamConfig{
		Name:       eventStream,
		Subjects:   []string{eventSubject},
		Retention:  jetstream.LimitsPolicy,
		MaxAge:     eventAge,
		MaxBytes:   min(eventMaxBytes, q.opts.MaxStore/4),
		Duplicates: q.opts.window,
		MaxMsgSize: MaxEvent + 8<<10,
	})
	if err != nil {
		return err
	}
	// A fence outlives the messages that it covers, and no more.
	if q.fences, err = q.bucket(ctx, fenceBucket, 2*q.opts.window+eventAge); err != nil {
		return err
	}
	if q.state, err = q.bucket(ctx, stateBucket, 0); err != nil {
		return err
	}
	for p := range partitions {
		if _, err := q.work.CreateOrUpdateConsumer(ctx, q.partitionConfig(p)); err != nil {
			return fmt.Errorf("consumer of partition %d: %w", p, err)
		}
	}
	return nil
}

// stream creates or updates a stream and leaves to the cluster's keeper what is theirs: where it is
// placed, and how many copies there are unless Options says so.
func (q *Queue) stream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	cfg.Replicas = max(q.opts.Replicas, 1)
	if s, err := q.js.Stream(ctx, cfg.Name); err == nil {
		have := s.CachedInfo().Config
		cfg.Placement = have.Placement
		if q.opts.Replicas == 0 {
			cfg.Replicas = have.Replicas
		}
	} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s: %w", cfg.Name, err)
	}
	s, err := q.js.CreateOrUpdateStream(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", cfg.Name, err)
	}
	return s, nil
}

func (q *Queue) bucket(ctx context.Context, name string, ttl time.Duration) (jetstream.KeyValue, error) {
	cfg := jetstream.KeyValueConfig{Bucket: name, TTL: ttl, Replicas: max(q.opts.Replicas, 1)}
	if kv, err := q.js.KeyValue(ctx, name); err == nil {
		if q.opts.Replicas == 0 {
			return kv, nil
		}
	} else if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	kv, err := q.js.CreateOrUpdateKeyValue(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}

func (q *Queue) asyncError(_ *nats.Conn, _ *nats.Subscription, err error) {
	q.log.Warn().Err(err).Msg("queue: NATS reports an error")
}

// checkVersion refuses a server older than minServer.
func checkVersion(version string) error {
	if older(version, minServer) {
		return fmt.Errorf("the server is version %q, but Lumos needs %s or newer: timers and ticks rest on it", version, minServer)
	}
	return nil
}

// older compares the first three numbers of two versions; what is not a version is older than any.
func older(version, than string) bool {
	a, okA := numbers(version)
	b, _ := numbers(than)
	if !okA {
		return true
	}
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return strings.Contains(version, "-") // a pre-release
}

func numbers(version string) (n [3]int, ok bool) {
	release, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	parts := strings.Split(release, ".")
	if len(parts) != len(n) {
		return n, false
	}
	for i, part := range parts {
		v, err := strconv.Atoi(part)
		if err != nil {
			return n, false
		}
		n[i] = v
	}
	return n, true
}

// hosts names the servers of a NATS URL without the credentials that it may hold.
func hosts(urls string) string {
	var names []string
	for raw := range strings.SplitSeq(urls, ",") {
		raw = strings.TrimSpace(raw)
		if !strings.Contains(raw, "://") {
			raw = "nats://" + raw
		}
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			names = append(names, u.Host)
		} else {
			names = append(names, "an unreadable URL")
		}
	}
	return strings.Join(names, ", ")
}
