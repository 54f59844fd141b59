package events

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.FixedZone("", 3600))

func checked() Fact {
	return Fact{
		Type: CandidateChecked, Repo: "github.com/acme/models", Subject: "acme/models#7", Once: "sha256:00",
		Time: noon, Data: map[string]any{"score": 87.5, "tier": "high"},
	}
}

func TestEveryTypeHasAnAgentAndMakesAValidEvent(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, typ := range []Type{
		ReleaseDiscovered, CandidateChecked, ApprovalRequested, ApprovalDecided,
		ReleasePaused, ReleaseResumed, ReleaseMerged, ReleasePromoted, ReleaseReevaluated,
	} {
		f := checked()
		f.Type = typ
		e, err := New(f)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		line, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(line) || bytes.Contains(line, []byte("\n")) {
			t.Errorf("%s is not one line of JSON: %s", typ, line)
		}
		out.Write(append(line, '\n'))
	}
	golden := filepath.Join("testdata", "types.ndjson")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the events are\n%s\nwant\n%s", out.Bytes(), want)
	}
	if n := bytes.Count(want, []byte("\n")); n != len(table) {
		t.Errorf("%d types are tested, the table has %d", n, len(table))
	}
}

func TestIDsTellFactsApart(t *testing.T) {
	t.Parallel()
	base, err := New(checked())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Fact)
		same   bool
	}{
		{"told again later, with other data", func(f *Fact) { f.Time, f.Data = f.Time.Add(time.Hour), nil }, true},
		{"another type", func(f *Fact) { f.Type = ReleaseMerged }, false},
		{"another repository", func(f *Fact) { f.Repo = "github.com/acme/other" }, false},
		{"another subject", func(f *Fact) { f.Subject = "acme/models#8" }, false},
		{"another occurrence", func(f *Fact) { f.Once = "sha256:01" }, false},
		{"parts that run together", func(f *Fact) { f.Subject, f.Once = "acme/models#7s", "ha256:00" }, false},
	} {
		f := checked()
		c.change(&f)
		e, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		if same := e.ID() == base.ID(); same != c.same {
			t.Errorf("%s: the same id is %v, want %v", c.name, same, c.same)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Fact){
		"an unknown type":        func(f *Fact) { f.Type = "lumos.coffee.brewed" },
		"data that JSON has not": func(f *Fact) { f.Data = func() {} },
		"no type":                func(f *Fact) { f.Type = "" },
	} {
		f := checked()
		change(&f)
		if e, err := New(f); err == nil {
			t.Errorf("%s made %s", name, e)
		}
	}
}

type sink map[string][]byte

func (s sink) Emit(_ context.Context, id string, data []byte) error { s[id] = data; return nil }

func TestEmitDedupesByID(t *testing.T) {
	t.Parallel()
	s := sink{}
	for range 2 {
		if err := Emit(t.Context(), s, checked()); err != nil {
			t.Fatal(err)
		}
	}
	if len(s) != 1 {
		t.Errorf("the same fact told twice made %d events", len(s))
	}
}
