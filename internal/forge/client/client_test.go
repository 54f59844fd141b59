package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
)

// roundTrips is a transport made of a function.
type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCutConnections(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		method string
		err    error
		tries  int
	}{
		{"a read is tried once more", "GET", syscall.ECONNRESET, 2},
		{"a read cut short", "GET", io.ErrUnexpectedEOF, 2},
		{"a write is not", "POST", syscall.ECONNRESET, 1},
		{"nor what failed otherwise", "GET", errors.New("no such host"), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tries := 0
			g := Guard{Next: roundTrips(func(*http.Request) (*http.Response, error) { tries++; return nil, tc.err })}
			req, err := http.NewRequestWithContext(t.Context(), tc.method, "http://127.0.0.1/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := g.RoundTrip(req); !errors.Is(err, tc.err) || tries != tc.tries {
				t.Errorf("%d tries, error %v; want %d, %v", tries, err, tc.tries, tc.err)
			}
		})
	}
	t.Run("nor after the caller gave up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		g := Guard{Next: roundTrips(func(*http.Request) (*http.Response, error) {
			tries++
			cancel()
			return nil, syscall.ECONNRESET
		})}
		req, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.RoundTrip(req); err == nil || tries != 1 {
			t.Errorf("%d tries, error %v", tries, err)
		}
	})
}

func TestBoundedBody(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		length int
		err    error
	}{{9, nil}, {10, nil}, {11, forge.ErrTooLarge}} {
		b := &boundedBody{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", tc.length))), left: 10}
		got, err := io.ReadAll(b)
		if !errors.Is(err, tc.err) || len(got) > 10 {
			t.Errorf("%d bytes: read %d, error %v, want %v", tc.length, len(got), err, tc.err)
		}
	}
}

func TestCapped(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{"ten bytes.": nil, "more than ten": forge.ErrTooLarge} {
		c := Capped{Left: 10}
		if _, err := io.WriteString(&c, text); !errors.Is(err, want) || err == nil && string(c.Bytes()) != text {
			t.Errorf("%q: %q, error %v, want %v", text, c.Bytes(), err, want)
		}
	}
}

func TestUntil(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	for _, tc := range []struct {
		name, after, reset string
		want               time.Duration
	}{
		{"nothing says", "", "", minWait},
		{"a time to wait", "30", "1000090", 30 * time.Second},
		{"a time of reset", "", "1000090", 90 * time.Second},
		{"long past", "", "1", time.Second},
		{"too far away", "", "2000000", maxWait},
		{"nonsense", "soon", "later", minWait},
	} {
		h := http.Header{}
		if tc.after != "" {
			h.Set("Retry-After", tc.after)
		}
		if got := Until(h, tc.reset, now).Sub(now); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	cause := errors.New("404 \x1b[31mNot Found: key=s3cret")
	err := Fail(cause, forge.ErrNotFound, "reading acme/models", func(s string) string { return strings.ReplaceAll(s, "s3cret", "[redacted]") })
	if !errors.Is(err, forge.ErrNotFound) || !errors.Is(err, cause) {
		t.Errorf("%v is neither of its kind nor of its cause", err)
	}
	if got, want := err.Error(), "reading acme/models: "+forge.ErrNotFound.Error()+": 404 [31mNot Found: key=[redacted]"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	if err := Fail(cause, nil, "reading", func(s string) string { return s }); !errors.Is(err, cause) || errors.Is(err, forge.ErrNotFound) {
		t.Errorf("%v has a kind that nobody gave it", err)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	docs := NewDocuments(fstest.MapFS{
		"graphql/fragments.graphql": {Data: []byte("# all\n\nfragment A on T { x ...B }\n\nfragment B on T { y }\n\nfragment C on T { z }\n")},
		"graphql/one.graphql":       {Data: []byte("# words\nquery One($a: ID! #+variables\n) {\n  t { ...A } # more\n  #+fields\n}\n")},
		"graphql/publish.graphql":   {Data: []byte("mutation Publish(\n  $add: AddInput!\n  $edit: EditInput!\n) {\n  add: add(input: $add) { id }\n  edit: edit(input: $edit) { id }\n}\n")},
	})
	a := Aliases{Values: map[string]any{"a": 1}}
	a.Variable("f0", "String!", "path")
	a.Field("f0: file(path: $f0)")
	got := docs.Build("one", map[string]string{"variables": a.Declared(), "fields": a.Fields()})
	for _, want := range []string{"$f0: String!", "f0: file(path: $f0)", "fragment A", "fragment B"} {
		if !strings.Contains(got, want) {
			t.Errorf("the document lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "fragment C") || strings.Contains(got, "#") || a.Values["f0"] != "path" {
		t.Errorf("the document holds too much:\n%s", got)
	}
	text, variables := docs.Mutations().Build([]Write{{"edit", map[string]any{"id": 1}}, {"add", nil}, {"edit", nil}})
	want := "mutation Publish($w0: EditInput! $w1: AddInput! $w2: EditInput!) {\nw0: edit(input: $w0) { id }\nw1: add(input: $w1) { id }\nw2: edit(input: $w2) { id }\n}"
	if text != want || len(variables) != 3 {
		t.Errorf("built\n%s\nwant\n%s", text, want)
	}
}
