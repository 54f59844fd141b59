package source

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
)

// database makes a SQLite file with these statements, and keeps the writer open.
func database(t *testing.T, statements ...string) (path string, writer *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "grc?ü #1.db") // a name that a DSN must escape
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer("?", "%3f", "#", "%23", " ", "%20").Replace(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return path, db
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	path, _ := database(t,
		"create table datasets (id text, revision text, owner text, n integer, r real)",
		"insert into datasets values ('b', '2', 'ana', 1, 0.5), ('a', null, 'joe', 2, 1.5), ('b', '2', 'eve', 3, 2.5)",
		"create table big (v text)", "insert into big values (hex(zeroblob(100)))",
		"create table blobs (v blob)", "insert into blobs values (zeroblob(100000000))")
	recursive := "with recursive n(i) as (select 1 union all select i + 1 from n%s) select i from n"
	for _, tc := range []struct {
		name, query string
		bound       config.Source
		want        []string
		err         string
	}{
		{name: "one column", query: "select id from datasets;", want: []string{"a", "b"}},
		{name: "with a revision", query: "select id, revision from datasets where owner <> 'x'", want: []string{"a", "b@2"}},
		{name: "whole numbers are text", query: "select n from datasets", want: []string{"1", "2", "3"}},
		{name: "nothing", query: "select id from datasets where 0", want: []string{}},
		{name: "no such table", query: "select id from none", err: "the database says: SQL logic error: no such table: none (1)"},
		{name: "a syntax error", query: "select from", err: `the database says: SQL logic error: near "from": syntax error (1)`},
		{name: "an insert", query: "insert into datasets(id) values ('c')", err: "the database says: authorization denied: not authorized (23)"},
		{name: "an insert in a with", query: "with x as (select 1) insert into datasets(id) select * from x", err: "not authorized"},
		{name: "several statements", query: "select id from datasets; delete from datasets", err: "not authorized"},
		{name: "an attachment", query: "attach 'file:other.db' as other", err: "not authorized"},
		{name: "a pragma", query: "pragma query_only = off", err: "not authorized"},
		{name: "a loop", query: fmt.Sprintf(recursive, ""), bound: config.Source{MaxRows: 100_000, MaxBytes: 16 << 20}, err: "it gives more than 100000 rows, which is its max_rows"},
		{name: "a loop that gives nothing", query: fmt.Sprintf(recursive, "") + " where i < 0", bound: config.Source{Timeout: config.Duration(100 * time.Millisecond)}, err: "there was no answer within 100ms"},
		{name: "as many rows as may be", query: fmt.Sprintf(recursive, " limit 3"), bound: config.Source{MaxRows: 3}, want: []string{"1", "2", "3"}},
		{name: "a row too many", query: fmt.Sprintf(recursive, " limit 4"), bound: config.Source{MaxRows: 3}, err: "it gives more than 3 rows, which is its max_rows"},
		{name: "as many bytes as may be", query: "select v from big", bound: config.Source{MaxBytes: 200}, want: []string{strings.Repeat("0", 200)}},
		{name: "a byte too many", query: "select v || '0' from big", bound: config.Source{MaxBytes: 200}, err: "it gives more than 200 bytes, which is its max_bytes"},
		{name: "a huge value", query: "select v from blobs", err: "string or blob too big"},
		{name: "three columns", query: "select id, revision, owner from datasets", err: "it gives the columns id, revision, owner: want one, or two of which the second is named revision, or metric with min and max"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := tc.bound
			s.Type, s.Path, s.Query = config.SQLite, path, tc.query
			got := set(t, s, Options{}).Read(t.Context(), "a")
			if tc.err != "" {
				if !strings.Contains(got.Err, tc.err) || got.Values != nil || got.Digest != "" {
					t.Errorf("%+v, want the error %s", got, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got.Values); diff != "" || got.Err != "" || got.Digest == "" {
				t.Error(diff, got.Err)
			}
		})
	}
}

func TestSQLiteLimits(t *testing.T) {
	t.Parallel()
	path, _ := database(t, "create table limits (metric text, min real, max integer, tier text)", "insert into limits values ('f1', 0.9, null, 'high'), ('f1', 0.8, 1, null)")
	got := set(t, config.Source{Type: config.SQLite, Path: path, Query: "select metric, min, max, tier from limits"}, Options{}).Read(t.Context(), "a")
	low, high, one := 0.8, 0.9, 1.0
	want := []config.Limit{
		{Group: "evaluations", Metric: "f1", Limits: config.Limits{Min: &low, Max: &one}},
		{Group: "evaluations", Metric: "f1", Tier: "high", Limits: config.Limits{Min: &high}},
	}
	if diff := cmp.Diff(want, got.Limits); diff != "" || got.Err != "" {
		t.Error(diff, got.Err)
	}
}

// Somebody is writing meanwhile: what they have finished is seen, and what not is not.
func TestSQLiteBesideAWriter(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"delete", "wal"} {
		path, writer := database(t, "pragma journal_mode = "+mode, "create table d (id text)", "insert into d values ('a')")
		s := set(t, config.Source{Type: config.SQLite, Path: path, Query: "select id from d"}, Options{})
		tx, err := writer.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "insert into d values ('b')"); err != nil {
			t.Fatal(err)
		}
		if got := s.Read(t.Context(), "a"); !cmp.Equal(got.Values, []string{"a"}) {
			t.Errorf("%s: %+v", mode, got)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := s.Read(t.Context(), "a"); !cmp.Equal(got.Values, []string{"a", "b"}) {
			t.Errorf("%s: %+v", mode, got)
		}
	}
}

func TestSQLiteMakesNoFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.db")
	got := set(t, config.Source{Type: config.SQLite, Path: path, Query: "select 1"}, Options{}).Read(t.Context(), "a")
	if got.Err != "the database says: unable to open database file (14)" {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is there: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database at all\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := set(t, config.Source{Type: config.SQLite, Path: text, Query: "select 1 from sqlite_master"}, Options{}).Read(t.Context(), "a"); !strings.Contains(got.Err, "file is not a database") {
		t.Errorf("%+v", got)
	}
}
