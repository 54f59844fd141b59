//go:build unix

package source

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
)

const pgPassword = "hunter2%s'x" // one that must be quoted

// postgresServer is a PostgreSQL of its own, on a socket in its folder.
type postgresServer struct {
	*daemon
	bin string
}

// postgres starts a PostgreSQL with Debian's programs, or those in LUMOS_POSTGRES.
func postgres(t *testing.T) *postgresServer {
	t.Helper()
	bin := os.Getenv("LUMOS_POSTGRES")
	if bin == "" {
		found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Skip("no PostgreSQL server: install Debian's package postgresql, or set LUMOS_POSTGRES to the folder of initdb and postgres")
		}
		bin = filepath.Dir(found[len(found)-1])
	}
	p := &postgresServer{daemon: newDaemon(t), bin: bin}
	passwords := filepath.Join(p.dir, "password")
	if err := os.WriteFile(passwords, []byte(pgPassword+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.run(t, filepath.Join(bin, "initdb"), "-D", p.data(), "-U", "lumos", "-A", "scram-sha-256", "--pwfile="+passwords, "-E", "UTF8", "--no-sync", "--no-instructions")
	p.begin(t)
	return p
}

func (p *postgresServer) data() string { return filepath.Join(p.dir, "data") }

func (p *postgresServer) begin(t *testing.T) {
	t.Helper()
	p.start(t, func() error {
		return exec.Command(filepath.Join(p.bin, "pg_isready"), "-q", "-h", p.dir).Run()
	}, filepath.Join(p.bin, "postgres"), "-D", p.data(), "-k", p.dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20", "-c", "shared_buffers=16MB")
}

func (p *postgresServer) socket() string { return filepath.Join(p.dir, ".s.PGSQL.5432") }

func pgDSN(host, port string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(pgPassword)
	return fmt.Sprintf("host=%s port=%s user=lumos dbname=postgres sslmode=disable password='%s'", host, port, quoted)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	admin, err := sql.Open("pgx", pgDSN(server.dir, "5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	for _, s := range []string{
		"create table datasets (id text, revision varchar(20), padded char(10))",
		"insert into datasets values ('b', '2', 'pad'), ('a', null, 'pad'), ('b', '2', 'led')",
		"create table limits (metric text, min numeric(6, 3), max double precision, tier text, \"group\" text)",
		"insert into limits values ('f1', 0.900, null, 'high', null), ('e2e_p95_ms', null, 1e3, null, 'performance')",
		"create table signers (name text)",
		"insert into signers select 'signer-' || i || '@acme.example' from generate_series(1, 2000) i",
	} {
		if _, err := admin.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	direct := config.Source{Type: config.Postgres, DSN: config.NewSecret(pgDSN(server.dir, "5432"))}

	t.Run("queries", func(t *testing.T) {
		for _, tc := range []struct {
			name, query string
			more        config.Source
			want        []string
			err         string
		}{
			{name: "a list", query: "select id, revision from datasets;", want: []string{"a", "b@2"}},
			{name: "padded text", query: "select padded from datasets", want: []string{"led", "pad"}},
			{name: "numbers", query: "select 7::bigint union all select 5::numeric", want: []string{"5", "7"}},
			{name: "a time", query: "select now()", err: "the column now is neither text nor a number: cast it in the query"},
			{name: "the server's own limit", query: "select current_setting('statement_timeout')", more: config.Source{Timeout: config.Duration(21 * time.Second)}, want: []string{"21s"}},
			{name: "read-only", query: "select current_setting('transaction_read_only')", want: []string{"on"}},
			{name: "an insert", query: "with x as (insert into datasets values ('c') returning id) select id from x", err: "the database says: cannot execute SELECT in a read-only transaction (SQLSTATE 25006)"},
			{name: "several statements", query: "select 'a'; delete from datasets", err: "the database says: cannot insert multiple commands into a prepared statement (SQLSTATE 42601)"},
			{name: "no such table", query: "select id from none", err: `the database says: relation "none" does not exist (SQLSTATE 42P01)`},
			{name: "an error in the data", query: "select (name::int)::text from signers", err: "the database found an error in the data (SQLSTATE 22P02)"},
			{name: "a sleep", query: "select 'a' from pg_sleep(100)", more: config.Source{Timeout: config.Duration(200 * time.Millisecond)}, err: "there was no answer within 200ms"},
			{name: "as many rows as may be", query: "select name from signers limit 3", more: config.Source{MaxRows: 3}, want: nil},
			{name: "a row too many", query: "select name from signers", more: config.Source{MaxRows: 1999}, err: "it gives more than 1999 rows, which is its max_rows"},
			{name: "rows without end", query: "select 'a' from generate_series(1, 50000) a, generate_series(1, 50000) b", err: "it gives more than 1000 rows, which is its max_rows"},
			{name: "bytes without end", query: "select repeat('x', 1000) from generate_series(1, 50000) a, generate_series(1, 50000) b", more: config.Source{MaxRows: 100_000}, err: "it gives more than 65536 bytes, which is its max_bytes"},
			{name: "a huge value", query: "select repeat('x', 5000000)", err: "it gives a row of more bytes than its max_bytes allows"},
			{name: "its own end amid the rows", query: "select case when i = 500 then pg_terminate_backend(pg_backend_pid())::text else i::text end from generate_series(1, 900) i",
				err: "the database says: terminating connection due to administrator command (SQLSTATE 57P01)"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				s := tc.more
				s.Type, s.DSN, s.Query = direct.Type, direct.DSN, tc.query
				got := set(t, s, Options{}).Read(t.Context(), "a")
				if got.Err != tc.err || (got.Err != "") != (got.Digest == "") {
					t.Fatalf("%+v, want the error %q", got, tc.err)
				}
				if tc.want != nil && !cmp.Equal(got.Values, tc.want) {
					t.Errorf("%v, want %v", got.Values, tc.want)
				}
			})
		}
		var n int
		if err := admin.QueryRowContext(t.Context(), "select count(*) from datasets").Scan(&n); err != nil || n != 3 {
			t.Errorf("%d datasets are left, %v", n, err)
		}
	})

	t.Run("limits", func(t *testing.T) {
		s := direct
		s.Query = `select metric, min, max, tier, "group" from limits`
		got := set(t, s, Options{}).Read(t.Context(), "a")
		low, high := 0.9, 1000.0
		want := []config.Limit{
			{Group: "evaluations", Metric: "f1", Tier: "high", Limits: config.Limits{Min: &low}},
			{Group: "performance", Metric: "e2e_p95_ms", Limits: config.Limits{Max: &high}},
		}
		if diff := cmp.Diff(want, got.Limits); diff != "" || got.Err != "" {
			t.Error(diff, got.Err)
		}
	})

	t.Run("a wrong password", func(t *testing.T) {
		s := direct
		s.Query, s.DSN = "select 'a'", config.NewSecret(strings.Replace(pgDSN(server.dir, "5432"), "hunter2", "hunter3", 1))
		got := set(t, s, Options{}).Read(t.Context(), "a")
		if got.Err != `the database says: password authentication failed for user "lumos" (SQLSTATE 28P01)` {
			t.Errorf("%+v", got)
		}
	})

	p := newProxy(t, server.socket())
	host, port, _ := strings.Cut(p.address, ":")
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := direct
	s.DSN, s.Query, s.MaxRows = config.NewSecret(pgDSN(host, port)), "select name from signers", 5000
	s.MaxBytes = 1 << 20
	sources := set(t, s, Options{Now: func() time.Time { return now }})
	whole := sources.Read(t.Context(), "a")
	if whole.Err != "" || len(whole.Values) != 2000 {
		t.Fatalf("%d values, %s", len(whole.Values), whole.Err)
	}

	t.Run("the connection cut amid the rows", func(t *testing.T) {
		for _, at := range []int64{0, 1, 100, 10_000, 40_000, 60_000} { // while shaking hands, and among the rows
			now = now.Add(time.Minute)
			p.limit.Store(at)
			if got := sources.Read(t.Context(), "a"); got.Err != "the connection was cut" || got.Values != nil {
				t.Errorf("after %d bytes: %d values, %s", at, len(got.Values), got.Err)
			}
		}
		p.limit.Store(1 << 40)
		now = now.Add(time.Minute)
		if got := sources.Read(t.Context(), "a"); !cmp.Equal(got, whole) {
			t.Errorf("healed: %d values, %s, since %s", len(got.Values), got.Err, got.Since)
		}
	})

	outer := t // who ends the server
	t.Run("a restart", func(t *testing.T) {
		server.stop(t)
		now = now.Add(time.Minute)
		if got := sources.Read(t.Context(), "a"); got.Err != "the connection was cut" {
			t.Errorf("%+v", got)
		}
		s := direct
		s.Query = "select 'a'"
		if got := set(t, s, Options{}).Read(t.Context(), "a"); got.Err != "there is nothing at its address" {
			t.Errorf("%+v", got)
		}
		server.begin(outer)
		now = now.Add(time.Minute)
		if got := sources.Read(t.Context(), "a"); !cmp.Equal(got, whole) {
			t.Errorf("healed: %d values, %s, since %s", len(got.Values), got.Err, got.Since)
		}
	})

	t.Run("nothing is left running", func(t *testing.T) {
		var busy int
		for { // the server notices by itself that nobody listens any more
			err := admin.QueryRowContext(t.Context(), "select count(*) from pg_stat_activity where usename = 'lumos' and backend_type = 'client backend' and pid <> pg_backend_pid()").Scan(&busy)
			if err != nil {
				t.Fatal(err)
			}
			if busy == 0 {
				return
			}
		}
	})
}
