package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is what the databases do differently.
type dialect struct {
	connector driver.Connector
	// begin prepares the connection, and start what is to hold within the transaction.
	begin func(context.Context, *sql.Conn) error
	start func(context.Context, *sql.Tx) error
}

// query reads a database: one connection, one read-only transaction, one statement. The connection is not
// kept: readings are rare, and a database that was restarted is none the wiser.
func (s *source) query(d dialect) func(context.Context) (*table, error) {
	return func(ctx context.Context) (_ *table, err error) {
		s.flooded.Store(false)
		defer func() { // a driver says in its own way that it was stopped
			var own problem
			switch {
			case err == nil || errors.As(err, &own):
			case s.flooded.Load():
				err = tooLarge(s.MaxBytes)
			case ctx.Err() != nil:
				err = ctx.Err()
			}
		}()
		db := sql.OpenDB(d.connector)
		db.SetMaxOpenConns(1)
		defer func() { _ = db.Close() }() // everything that counts has been read by now
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		if d.begin != nil {
			if err := d.begin(ctx, conn); err != nil {
				return nil, err
			}
		}
		tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return nil, err
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		if d.start != nil {
			if err := d.start(ctx, tx); err != nil {
				return nil, err
			}
		}
		reading, stop := context.WithCancel(ctx)
		rows, err := tx.QueryContext(reading, strings.TrimSuffix(strings.TrimSpace(s.Query), ";"))
		defer func() {
			stop() // first: Close alone would read the rest of what is not wanted, however long
			if rows != nil {
				_ = rows.Close() // what it could say, rows.Err has said
			}
		}()
		if err != nil {
			return nil, err
		}
		return s.collect(rows)
	}
}

// collect reads rows up to the bounds. One row, or one byte, beyond them is an error: a list that is cut
// short would judge wrongly.
func (s *source) collect(rows *sql.Rows) (*table, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	t := &table{columns: columns}
	size := 0
	cells, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if len(t.rows) == s.MaxRows {
			return nil, tooMany(s.MaxRows)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			if row[i], err = text(c); err != nil {
				return nil, problem(fmt.Sprintf("the column %s %s", columns[i], err))
			}
			if size += len(row[i]); size > s.MaxBytes {
				return nil, tooLarge(s.MaxBytes)
			}
		}
		t.rows = append(t.rows, row)
	}
	if err := rows.Err(); err != nil { // also when the connection broke between two rows
		return nil, err
	}
	return t, nil
}

func tooMany(rows int) error {
	return problem(fmt.Sprintf("it gives more than %d rows, which is its max_rows", rows))
}

func tooLarge(bytes int) error {
	return problem(fmt.Sprintf("it gives more than %d bytes, which is its max_bytes", bytes))
}

// text writes a cell. Numbers are for limits; times and truth values have no one way to be written.
func text(cell any) (string, error) {
	switch c := cell.(type) {
	case nil:
		return "", nil
	case string:
		return c, nil
	case []byte:
		return string(c), nil
	case int64:
		return strconv.FormatInt(c, 10), nil
	case float64:
		return strconv.FormatFloat(c, 'g', -1, 64), nil
	}
	return "", errors.New("is neither text nor a number: cast it in the query")
}

// postgres prepares the reading of a PostgreSQL database.
func (s *source) postgres() error {
	cfg, err := pgx.ParseConfig(s.DSN.Reveal())
	if err != nil {
		return errors.New("the connection string cannot be read: want postgres://user:password@host/database?sslmode=verify-full")
	}
	s.hide(cfg.Password)
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec // nothing is prepared, so that poolers can stand between
	cfg.MaxProtocolMessageBodyLen = s.wire()
	places := []*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}
	for _, p := range append(places, cfg.Fallbacks...) {
		network, _ := pgconn.NetworkAddress(p.Host, p.Port)
		if network == "unix" {
			continue
		}
		if s.CA != nil {
			if p.TLSConfig, err = s.tls(p.Host); err != nil {
				return err
			}
		}
		if !local(p.Host) && !verifies(p.TLSConfig) {
			return errors.New("the connection would not be verified: set sslmode=verify-full in the connection string, or ca_file")
		}
	}
	cfg.TLSConfig = places[0].TLSConfig
	cfg.DialFunc = s.bounded(cfg.DialFunc)
	s.read = s.query(dialect{
		connector: stdlib.GetConnector(*cfg),
		start: func(ctx context.Context, tx *sql.Tx) error {
			// The server stops by itself too: a connection that is gone must not leave the query running.
			_, err := tx.ExecContext(ctx, fmt.Sprintf("set local statement_timeout = %d", time.Duration(s.Timeout).Milliseconds()))
			return err
		},
	})
	return nil
}

// mysql prepares the reading of a MySQL or MariaDB database.
func (s *source) mysql() error {
	cfg, err := mysql.ParseDSN(s.DSN.Reveal())
	if err != nil {
		return errors.New("the connection string cannot be read: want user:password@tcp(host:3306)/database?tls=true")
	}
	s.hide(cfg.Passwd)
	cfg.Logger = &mysql.NopLogger{}
	cfg.MultiStatements, cfg.AllowAllFiles, cfg.ParseTime = false, false, false
	host, _, err := net.SplitHostPort(cfg.Addr)
	if cfg.Net != "unix" {
		if err != nil {
			return errors.New("the connection string has no host and port")
		}
		if s.CA != nil {
			if cfg.TLS, err = s.tls(host); err != nil {
				return err
			}
			cfg.AllowFallbackToPlaintext = false
		}
		if !local(host) && (!verifies(cfg.TLS) || cfg.AllowFallbackToPlaintext) {
			return errors.New("the connection would not be verified: set tls=true in the connection string, or ca_file")
		}
	}
	cfg.DialFunc = s.bounded((&net.Dialer{}).DialContext)
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return errors.New("the connection string cannot be used")
	}
	s.read = s.query(dialect{connector: connector, begin: func(ctx context.Context, conn *sql.Conn) error {
		timeout := time.Duration(s.Timeout)
		_, err := conn.ExecContext(ctx, fmt.Sprintf("set session max_execution_time = %d", timeout.Milliseconds()))
		var unknown *mysql.MySQLError
		if errors.As(err, &unknown) && unknown.Number == 1193 { // MariaDB calls it otherwise, and counts seconds
			_, err = conn.ExecContext(ctx, fmt.Sprintf("set session max_statement_time = %g", timeout.Seconds()))
		}
		if err != nil {
			return err
		}
		// For what ends a transaction by itself: MariaDB drops a table in spite of a read-only one (10.11, seen 2026-11-22).
		_, err = conn.ExecContext(ctx, "set session transaction read only")
		return err
	}})
	return nil
}

// sqlite prepares the reading of a SQLite file. It is opened as what it is, a file that its owner may be
// writing: read-only, with locks, and not as immutable, which would skip both locks and the look for changes.
func (s *source) sqlite() error {
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return err
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"mode": {"ro"}, "_query_only": {"1"}, "_defensive": {"1"}, "_dqs": {"0"}, "_error_rc": {"1"},
		"_busy_timeout": {strconv.FormatInt(time.Duration(s.Timeout).Milliseconds(), 10)},
	}.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return err
	}
	s.read = s.query(dialect{connector: connector, begin: func(_ context.Context, conn *sql.Conn) error {
		if _, err := sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_LENGTH, s.MaxBytes+1); err != nil {
			return err
		}
		return conn.Raw(func(c any) error {
			r, ok := c.(sqlite.AuthorizerRegisterer)
			if !ok {
				return problem("the driver of SQLite cannot be told to read only")
			}
			return r.RegisterAuthorizer(onlyReads)
		})
	}})
	return nil
}

// onlyReads lets a statement read and nothing else: no ATTACH, which could make a file, and no PRAGMA.
func onlyReads(action sqlite.AuthorizerActionCode, _, _, _, _ string) sqlite.AuthorizerReturnCode {
	switch action {
	case sqlite.AuthSelect, sqlite.AuthRead, sqlite.AuthFunction, sqlite.AuthRecursive, sqlite.AuthTransaction:
		return sqlite.AuthorizerOK
	}
	return sqlite.AuthorizerDeny
}

// wire is how many bytes of a connection a reading within its bounds can take: values, what the protocol
// puts around each row and value, and the greeting.
func (s *source) wire() int { return 2*s.MaxBytes + 64*s.MaxRows + 64<<10 }

// bounded makes connections that end once more has come than any allowed answer takes. A driver reads a
// row whole before anybody can look at it, and some read ahead.
func (s *source) bounded(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		b := &boundedConn{Conn: c, flooded: &s.flooded}
		b.left.Store(int64(s.wire()))
		return b, nil
	}
}

var errFlooded = errors.New("more came than any allowed answer takes")

type boundedConn struct {
	net.Conn
	left    atomic.Int64
	flooded *atomic.Bool
}

func (c *boundedConn) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		c.flooded.Store(true)
		return 0, errFlooded
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(-int64(n))
	return n, err
}

// tls trusts only who ca_file names.
func (s *source) tls(host string) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CA) {
		return nil, errors.New("ca_file holds no certificate that can be read")
	}
	return &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}, nil
}

// verifies tells whether a server must prove who it is. What it says decides over releases.
func verifies(c *tls.Config) bool {
	return c != nil && (!c.InsecureSkipVerify || c.VerifyPeerCertificate != nil || c.VerifyConnection != nil)
}

// local tells whether a host is this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
