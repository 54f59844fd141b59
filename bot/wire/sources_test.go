package wire

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/queue"
	"github.com/lumos-governance/lumos/internal/source"
)

// The queue's state is where sources note since when they say what they say: after a restart, and on
// another replica, the report has the same bytes.
func TestSourcesRememberInTheQueue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "grc.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	exec := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("create table d (id text)")
	exec("insert into d values ('a')")
	settings := []config.Source{{Name: "data-catalog", Type: config.SQLite, Path: path, Query: "select id from d", Timeout: config.Duration(time.Minute), MaxRows: 10, MaxBytes: 1000}}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

	read := func() (values []string, since time.Time) { // as one life of the bot
		t.Helper()
		q, err := queue.Open(t.Context(), queue.Options{Dir: filepath.Join(dir, "queue"), Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		set, err := source.New(settings, source.Options{Memory: q, Now: func() time.Time { return now }, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		fact := set.Read(t.Context(), "data-catalog")
		if fact.Err != "" {
			t.Fatal(fact.Err)
		}
		return fact.Values, fact.Since
	}
	_, first := read()
	now = now.Add(time.Hour)
	if _, again := read(); !again.Equal(first) || first.IsZero() {
		t.Errorf("first since %s, after a restart since %s", first, again)
	}
	exec("insert into d values ('b')")
	if values, since := read(); !since.Equal(now) || !cmp.Equal(values, []string{"a", "b"}) {
		t.Errorf("%v since %s, want since %s", values, since, now)
	}
}
