package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
)

// set makes a Set of one source, named a, with the defaults for what is left out.
func set(t *testing.T, s config.Source, o Options) *Set {
	t.Helper()
	s.Name = "a"
	if s.Timeout == 0 {
		s.Timeout = config.Duration(20 * time.Second)
	}
	if s.MaxRows == 0 {
		s.MaxRows = 1000
	}
	if s.MaxBytes == 0 {
		s.MaxBytes = 64 << 10
	}
	out, err := New([]config.Source{s}, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fake is a Set of one source that answers with what the test puts into it.
type fake struct {
	*Set
	now   time.Time
	table *table
	err   error
	asked int
	log   bytes.Buffer
}

func newFake(t *testing.T, s config.Source, m Memory) *fake {
	t.Helper()
	f := &fake{now: time.Date(2026, 11, 22, 12, 0, 0, 5, time.UTC)}
	s.Type, s.Path = config.SQLite, "unused"
	f.Set = set(t, s, Options{Memory: m, Now: func() time.Time { return f.now }, Log: zerolog.New(&f.log)})
	f.sources["a"].read = func(context.Context) (*table, error) {
		f.asked++
		return f.table, f.err
	}
	f.says("x")
	return f
}

func (f *fake) says(values ...string) {
	f.table, f.err = &table{columns: []string{"id"}}, nil
	for _, v := range values {
		f.table.rows = append(f.table.rows, []string{v})
	}
}

func (f *fake) read(t *testing.T) forge.SourceFact {
	t.Helper()
	return f.Read(t.Context(), "a")
}

func TestCacheAndSince(t *testing.T) {
	t.Parallel()
	f := newFake(t, config.Source{Cache: config.Duration(5 * time.Minute)}, nil)
	first := f.read(t)
	since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if diff := cmp.Diff(forge.SourceFact{Values: []string{"x"}, Digest: first.Digest, Since: since}, first); diff != "" {
		t.Error(diff)
	}
	f.now = f.now.Add(5*time.Minute - 1)
	if got := f.read(t); f.asked != 1 || !cmp.Equal(got, first) {
		t.Errorf("asked %d times within the cache, %v", f.asked, got)
	}
	f.now = f.now.Add(1)
	if got := f.read(t); f.asked != 2 || !cmp.Equal(got, first) {
		t.Errorf("asked %d times; the same content is another fact: %v", f.asked, got)
	}
	f.says("y")
	f.now = f.now.Add(time.Hour)
	second := f.read(t)
	if !second.Since.Equal(since.Add(65*time.Minute)) || second.Digest == first.Digest || second.Values[0] != "y" {
		t.Errorf("%v", second)
	}
	if got := f.Read(t.Context(), "b"); got.Err != "the server settings have no source of this name" {
		t.Errorf("%v", got)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	f := newFake(t, config.Source{Cache: config.Duration(5 * time.Minute)}, nil)
	good := f.read(t)
	f.err = syscall.ECONNREFUSED
	f.now = f.now.Add(5 * time.Minute)
	refused := forge.SourceFact{Err: "the connection was refused"}
	if got := f.read(t); !cmp.Equal(got, refused) {
		t.Errorf("once the cache is over it says %v", got)
	}
	f.says("x")
	f.now = f.now.Add(retryAfter - 1)
	if got := f.read(t); f.asked != 2 || !cmp.Equal(got, refused) {
		t.Errorf("asked %d times, %v: a failure is not asked after at once", f.asked, got)
	}
	f.now = f.now.Add(1)
	if got := f.read(t); !cmp.Equal(got, good) {
		t.Errorf("healed, it says %v", got)
	}
}

func TestStale(t *testing.T) {
	t.Parallel()
	f := newFake(t, config.Source{Cache: config.Duration(time.Minute), MaxStale: config.Duration(time.Hour)}, nil)
	good := f.read(t)
	f.err = syscall.ECONNREFUSED
	for _, step := range []struct {
		wait  time.Duration
		stale bool
	}{{2 * time.Minute, true}, {58 * time.Minute, true}, {time.Minute, false}} {
		f.now = f.now.Add(step.wait)
		if got := f.read(t); (got.Err == "") != step.stale || step.stale && !cmp.Equal(got, good) {
			t.Errorf("after %s more: %v", step.wait, got)
		}
	}
	never := newFake(t, config.Source{MaxStale: config.Duration(time.Hour)}, nil)
	never.err = syscall.ECONNREFUSED
	if got := never.read(t); got.Err == "" {
		t.Errorf("what was never read is %v", got)
	}
}

// noted is a Memory of two replicas.
type noted struct {
	mu       sync.Mutex
	value    []byte
	revision uint64
	err      error
	before   func() // an Update
}

func (n *noted) Get(context.Context, string) ([]byte, uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.value, n.revision, n.err
}

func (n *noted) Update(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if before := n.before; before != nil {
		n.before = nil
		before()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if revision != n.revision || key != "source/a" {
		return 0, errors.New("changed by somebody else")
	}
	n.value, n.revision = value, n.revision+1
	return n.revision, nil
}

func TestReplicasTellTheSameTime(t *testing.T) {
	t.Parallel()
	m := &noted{}
	one, two := newFake(t, config.Source{}, m), newFake(t, config.Source{}, m)
	want := one.read(t)
	two.now = two.now.Add(time.Hour)
	if got := two.read(t); !cmp.Equal(want, got) {
		t.Errorf("the other replica, or the same after a restart, says %v, want %v", got, want)
	}
	// Both find new content at once: the first to note it is right.
	one.says("y")
	two.says("y")
	one.now = one.now.Add(2 * time.Hour)
	two.now = two.now.Add(3 * time.Hour)
	m.before = func() { want = one.read(t) }
	if got := two.read(t); !cmp.Equal(want, got) || want.Since.IsZero() {
		t.Errorf("%v, want %v", got, want)
	}
	m.err = errors.New("out of order")
	one.says("z")
	if got := one.read(t); got.Err != "since when it says so could not be noted" {
		t.Errorf("%v", got)
	}
}

// Many at once ask once, and who gives up does not spoil it for the others.
func TestOneReadingAtATime(t *testing.T) {
	t.Parallel()
	f := newFake(t, config.Source{Cache: config.Duration(time.Hour)}, nil)
	begun, release := make(chan struct{}), make(chan struct{})
	f.sources["a"].read = func(ctx context.Context) (*table, error) {
		f.asked++
		if f.asked == 1 {
			close(begun)
			<-ctx.Done() // the first gives up
			return nil, ctx.Err()
		}
		<-release
		return f.table, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan forge.SourceFact)
	go func() { gaveUp <- f.Read(ctx, "a") }()
	<-begun
	facts := make(chan forge.SourceFact)
	for range 8 {
		go func() { facts <- f.Read(context.Background(), "a") }()
	}
	cancel()
	if got := <-gaveUp; got.Err != "the reading was stopped" {
		t.Errorf("%v", got)
	}
	close(release)
	for range 8 {
		if got := <-facts; got.Err != "" || len(got.Values) != 1 {
			t.Errorf("%v", got)
		}
	}
	if f.asked != 2 || f.log.Len() > 0 {
		t.Errorf("asked %d times, logged %s", f.asked, f.log.String())
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	<-f.sources["a"].turn // somebody is reading
	if got := f.Read(ctx, "a"); got.Err != "the reading was stopped" {
		t.Errorf("%v", got)
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	const password = `p"w%/& hunter2`
	dsn := "host=127.0.0.1 port=1 user=lumos dbname=grc password='" + password + "'"
	var log bytes.Buffer
	s := set(t, config.Source{Type: config.Postgres, DSN: config.NewSecret(dsn), Query: "select 1"}, Options{Log: zerolog.New(&log)})
	for name, err := range map[string]error{
		"the connection string": fmt.Errorf("cannot connect with %s", dsn),
		"the password":          fmt.Errorf("cannot log in with %s: %q", password, password),
		"escaped":               errors.New("https://lumos:p%22w%25%2F&%20hunter2@h/x and p%22w%25%2F%26+hunter2"),
		"said by the database":  &pgconn.PgError{Code: "28P01", Message: "no password " + password},
	} {
		s.sources["a"].read = func(context.Context) (*table, error) { return nil, err }
		s.sources["a"].tell = time.Time{}
		got := s.Read(t.Context(), "a")
		if got.Err == "" || strings.Contains(got.Err+log.String(), "hunter2") {
			t.Errorf("%s: it says %s, and logs %s", name, got.Err, log.String())
		}
	}
	if n := strings.Count(log.String(), "cannot be read"); n != 4 || !strings.Contains(log.String(), "[redacted]") {
		t.Errorf("logged %d times: %s", n, log.String())
	}
	// A connection string that cannot be read is not quoted either.
	for kind, broken := range map[string]string{config.Postgres: "postgres://u:hunter2@h:port/x", config.MySQL: "u:hunter2@tcp(h/x"} {
		_, err := New([]config.Source{{Name: "a", Type: kind, DSN: config.NewSecret(broken), Query: "select 1"}}, Options{})
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "source a: the connection string cannot be read") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What a source says decides over releases: the server must prove who it is.
func TestConnectionsAreVerified(t *testing.T) {
	t.Parallel()
	const refused = "would not be verified"
	for _, tc := range []struct{ kind, dsn, want string }{
		{config.Postgres, "postgres://u:p@db.acme.example/x", refused},
		{config.Postgres, "postgres://u:p@db.acme.example/x?sslmode=require", refused},
		{config.Postgres, "postgres://u:p@db.acme.example/x?sslmode=disable", refused},
		{config.Postgres, "postgres://u:p@db.acme.example/x?sslmode=verify-full", ""},
		{config.Postgres, "postgres://u:p@db.acme.example,other.example/x?sslmode=verify-full", ""},
		{config.Postgres, "postgres://u:p@127.0.0.1/x?sslmode=disable", ""},
		{config.Postgres, "host=/var/run/postgresql dbname=x", ""},
		{config.MySQL, "u:p@tcp(db.acme.example:3306)/x", refused},
		{config.MySQL, "u:p@tcp(db.acme.example:3306)/x?tls=skip-verify", refused},
		{config.MySQL, "u:p@tcp(db.acme.example:3306)/x?tls=preferred", refused},
		{config.MySQL, "u:p@tcp(db.acme.example:3306)/x?tls=true", ""},
		{config.MySQL, "u:p@tcp(127.0.0.1:3306)/x", ""},
		{config.MySQL, "u:p@unix(/tmp/sock)/x?multiStatements=true", ""},
	} {
		_, err := New([]config.Source{{Name: "a", Type: tc.kind, DSN: config.NewSecret(tc.dsn), Query: "select 1"}}, Options{})
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.dsn, err)
		}
	}
	if _, err := New([]config.Source{{Name: "a", Type: config.Postgres, DSN: config.NewSecret("postgres://h/x"), CA: []byte("none")}}, Options{}); err == nil {
		t.Error("a ca_file without a certificate is accepted")
	}
	if _, err := New([]config.Source{{Name: "a", Type: "oracle"}}, Options{}); err == nil {
		t.Error("a type that is not known is accepted")
	}
}

// The same trouble is told in the same words every time: they end up in reports.
func TestWhy(t *testing.T) {
	t.Parallel()
	local := &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 40123}, Err: syscall.ECONNRESET}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("x: %w", problem("it is odd")), "it is odd"},
		{local, "the connection was cut"},
		{&net.DNSError{Err: "no such host", Name: "db", Server: "10.0.0.2:53", IsNotFound: true}, "its host name is not known"},
		{&net.DNSError{Err: "server misbehaving", Name: "db", Server: "10.0.0.2:53"}, "its host name cannot be looked up"},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), "there was no answer within 5s"},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, "it cannot be reached"},
		{&net.OpError{Op: "dial", Err: syscall.ENOENT}, "there is nothing at its address"},
		{&net.OpError{Op: "dial", Err: syscall.EACCES}, "its address may not be opened"},
		{http.ErrServerClosed, "it cannot be read; the log says more"},
		{&pgconn.PgError{Code: "42P01", Message: `relation "x" does not exist`}, `the database says: relation "x" does not exist (SQLSTATE 42P01)`},
		{&pgconn.PgError{Code: "22P02", Message: `invalid input syntax: "salary of Ana"`}, "the database found an error in the data (SQLSTATE 22P02)"},
		{&pgconn.PgError{Code: "57014", Message: "canceling statement due to statement timeout"}, "there was no answer within 5s"},
	} {
		if got := why(tc.err, 5*time.Second); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.err, got, tc.want)
		}
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	got := Local([]byte(`["b", "a", "b"]`))
	if diff := cmp.Diff([]string{"a", "b"}, got.Values); diff != "" || got.Digest == "" || got.Err != "" || !got.Since.IsZero() {
		t.Errorf("%+v", got)
	}
	for _, src := range []string{"", "a: b", `{"a": []}`, `[1]`} {
		if got := Local([]byte(src)); got.Err == "" || got.Digest != "" {
			t.Errorf("%q: %+v", src, got)
		}
	}
}

// A source says nothing to the rules of a repository that it does not serve.
func TestSourceServesRepositories(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		repositories []string
		repo         string
		serves       bool
	}{
		"all":             {nil, "acme/models", true},
		"by name":         {[]string{"acme/models"}, "acme/models", true},
		"by organisation": {[]string{"other/x", "acme/*"}, "acme/models", true},
		"another":         {[]string{"acme/*"}, "mallory/models", false},
		"nested":          {[]string{"acme/*"}, "acme/nlp/models", false},
		"all below":       {[]string{"acme/**"}, "acme/nlp/models", true},
	} {
		s := config.Source{Repositories: tt.repositories}
		if s.Serves(tt.repo) != tt.serves {
			t.Errorf("%s: serves %v, want %v", name, !tt.serves, tt.serves)
		}
	}
	set := &Set{sources: map[string]*source{"a": {Source: config.Source{Repositories: []string{"acme/*"}}}}}
	if got := set.ReadFor(t.Context(), "mallory/models", "a"); got.Err != "the server settings do not let this repository use it" || got.Values != nil {
		t.Errorf("%+v", got)
	}
}
