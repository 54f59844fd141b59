//go:build unix

package source

import (
	"database/sql"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
)

// mariadb starts a MariaDB with Debian's programs, and gives the path of its socket.
func mariadb(t *testing.T) (*daemon, string) {
	t.Helper()
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		t.Skip("no MariaDB server: install Debian's packages mariadb-server-core and mariadb-client-core")
	}
	program := "/usr/sbin/mariadbd"
	if found, err := exec.LookPath("mariadbd"); err == nil {
		program = found
	}
	d := newDaemon(t)
	data, socket := "--datadir="+filepath.Join(d.dir, "data"), filepath.Join(d.dir, "s")
	d.run(t, install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-log-bin")
	d.start(t, func() error {
		db := mysqlAdmin(t, socket)
		defer func() { _ = db.Close() }()
		return db.PingContext(t.Context())
	}, program, "--no-defaults", data, "--socket="+socket, "--skip-networking", "--pid-file="+filepath.Join(d.dir, "pid"), "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin")
	return d, socket
}

func mysqlAdmin(t *testing.T, socket string) *sql.DB {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName, cfg.Logger = "root", "unix", socket, "mysql", &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

func TestMySQL(t *testing.T) {
	t.Parallel()
	server, socket := mariadb(t)
	admin := mysqlAdmin(t, socket)
	defer func() { _ = admin.Close() }()
	for _, s := range []string{
		"create database grc", "create user lumos identified by 'hunter2:@/x'", "create user lumos@localhost identified by 'hunter2:@/x'",
		"grant all on grc.* to lumos", "grant all on grc.* to lumos@localhost",
		"create table grc.datasets (id varchar(50), revision varchar(50))",
		"insert into grc.datasets values ('b', '2'), ('a', null), ('b', '2')",
		"create table grc.limits (metric varchar(50), min decimal(6, 3), max double)", "insert into grc.limits values ('f1', 0.900, null), ('e2e', null, 1e3)",
		"create table grc.signers (name varchar(100))",
		"insert into grc.signers select concat('signer-', seq, '@acme.example') from seq_1_to_2000",
	} {
		if _, err := admin.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	dsn := func(network, address string) config.Secret {
		return config.NewSecret("lumos:hunter2:@/x@" + network + "(" + address + ")/grc?multiStatements=true")
	}
	for _, tc := range []struct {
		name, query string
		more        config.Source
		want        []string
		err         string
	}{
		{name: "a list", query: "select id, revision from datasets;", want: []string{"a", "b@2"}},
		{name: "the server's own limit", query: "select cast(@@max_statement_time as char)", more: config.Source{Timeout: config.Duration(21 * time.Second)}, want: []string{"21.000000"}},
		{name: "a whole number", query: "select 7", want: []string{"7"}},
		{name: "several statements", query: "select 'a'; delete from datasets", err: "(SQLSTATE 42000)"},
		{name: "an insert", query: "insert into datasets values ('c', 'd')", err: "the database says: Cannot execute statement in a READ ONLY transaction (SQLSTATE 25006)"},
		{name: "a table dropped", query: "drop table datasets", err: "the database says: Cannot execute statement in a READ ONLY transaction (SQLSTATE 25006)"},
		{name: "a file of the bot", query: "load data local infile '/etc/passwd' into table datasets", err: "(SQLSTATE "},
		{name: "no such table", query: "select id from none", err: "the database says: Table 'grc.none' doesn't exist (SQLSTATE 42S02)"},
		{name: "a sleep", query: "select concat('a', sleep(100))", more: config.Source{Timeout: config.Duration(200 * time.Millisecond)}, err: "there was no answer within 200ms"},
		{name: "a row too many", query: "select name from signers", more: config.Source{MaxRows: 1999}, err: "it gives more than 1999 rows, which is its max_rows"},
		{name: "rows without end", query: "select a.name from signers a, signers b, signers c", err: "it gives more than 1000 rows, which is its max_rows"},
		{name: "bytes without end", query: "select repeat('x', 1000) from signers a, signers b", more: config.Source{MaxRows: 100_000}, err: "it gives more than 65536 bytes, which is its max_bytes"},
		{name: "a huge value", query: "select repeat('x', 5000000)", err: "it gives more than 65536 bytes, which is its max_bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := tc.more
			s.Type, s.DSN, s.Query = config.MySQL, dsn("unix", socket), tc.query
			got := set(t, s, Options{}).Read(t.Context(), "a")
			if tc.err != "" && !strings.Contains(got.Err, tc.err) || tc.err == "" && !cmp.Equal(got.Values, tc.want) || (got.Err != "") != (got.Digest == "") {
				t.Errorf("%+v, want %v, error %q", got, tc.want, tc.err)
			}
		})
	}
	var n int
	if err := admin.QueryRowContext(t.Context(), "select count(*) from grc.datasets").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d datasets are left, %v", n, err)
	}
	limits := set(t, config.Source{Type: config.MySQL, DSN: dsn("unix", socket), Query: "select metric, min, max from limits"}, Options{}).Read(t.Context(), "a")
	if len(limits.Limits) != 2 || *limits.Limits[0].Max != 1000 || *limits.Limits[1].Min != 0.9 {
		t.Errorf("%+v", limits)
	}

	p := newProxy(t, socket)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	sources := set(t, config.Source{Type: config.MySQL, DSN: dsn("tcp", p.address), Query: "select name from signers", MaxRows: 5000}, Options{Now: func() time.Time { return now }})
	whole := sources.Read(t.Context(), "a")
	if whole.Err != "" || len(whole.Values) != 2000 {
		t.Fatalf("%d values, %s", len(whole.Values), whole.Err)
	}
	for _, at := range []int64{0, 1, 60, 10_000, 40_000} {
		now = now.Add(time.Minute)
		p.limit.Store(at)
		if got := sources.Read(t.Context(), "a"); got.Err != "the connection was cut" || got.Values != nil {
			t.Errorf("cut after %d bytes: %d values, %s", at, len(got.Values), got.Err)
		}
	}
	p.limit.Store(1 << 40)
	now = now.Add(time.Minute)
	if got := sources.Read(t.Context(), "a"); !cmp.Equal(got, whole) {
		t.Errorf("healed: %d values, %s", len(got.Values), got.Err)
	}
	server.stop(t)
	now = now.Add(time.Minute)
	if got := sources.Read(t.Context(), "a"); got.Err != "the connection was cut" {
		t.Errorf("without the server: %+v", got)
	}
}
