package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/queue"
	"github.com/rs/zerolog"
)

var secret = []byte("a webhook secret of this test")

const (
	path   = "/webhooks/github"
	header = "X-Hub-Signature-256"
)

// shelf keeps wakes in memory, or fails.
type shelf struct {
	mu    sync.Mutex
	wakes []string
	err   error
}

func (s *shelf) Publish(_ context.Context, key, id string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.wakes = append(s.wakes, key+" "+id+" "+string(body))
	return nil
}

func (s *shelf) Health(context.Context) error { return s.err }

func noDepth(context.Context) (int, error) { return 0, nil }

// intake takes bodies of one line: "wake KEY", "nobody", "panic"; it understands nothing else.
func intake() Intake {
	return Intake{
		Path:  path,
		Event: func(h http.Header) string { return h.Get("X-GitHub-Event") },
		Verify: func(h http.Header, body []byte) error {
			if !hmac.Equal([]byte(h.Get(header)), []byte(signature(body))) {
				return errors.New("the signature does not fit")
			}
			return nil
		},
		Accept: func(h http.Header, body []byte) ([]Wake, error) {
			switch word, rest, _ := strings.Cut(string(body), " "); word {
			case "wake":
				return []Wake{{Key: rest, ID: h.Get("X-GitHub-Delivery"), Body: []byte("{}")}}, nil
			case "nobody":
				return nil, nil
			case "panic":
				panic("boom")
			}
			return nil, errors.New("what is this?")
		},
	}
}

func signature(body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func signed(body string) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set(header, signature([]byte(body)))
	r.Header.Set("X-GitHub-Event", "pull_request")
	r.Header.Set("X-GitHub-Delivery", "d1")
	return r
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", MaxPayload+1)
	for _, c := range []struct {
		name    string
		request *http.Request
		change  func(*http.Request)
		err     error
		status  int
		outcome string
		event   string
		wakes   []string
		patient bool
	}{
		{name: "kept, for a patient sender", patient: true, request: signed("wake k"), status: 200, outcome: "accepted", event: "pull_request", wakes: []string{"k d1 {}"}},
		{name: "concerns nobody, for a patient sender", patient: true, request: signed("nobody"), status: 200, outcome: "ignored", event: "pull_request"},
		{name: "signed garbage, for a patient sender", patient: true, request: signed("\x00{"), status: 200, outcome: "malformed", event: "pull_request"},
		{name: "the queue is full, for a patient sender", patient: true, request: signed("wake k"), err: errors.New("full"), status: 200, outcome: "failed", event: "pull_request"},
		{name: "no signature, for a patient sender", patient: true, request: signed("wake k"), change: func(r *http.Request) { r.Header.Del(header) }, status: 401, outcome: "forged", event: "unverified"},
		{name: "kept", request: signed("wake k"), status: 202, outcome: "accepted", event: "pull_request", wakes: []string{"k d1 {}"}},
		{name: "concerns nobody", request: signed("nobody"), status: 202, outcome: "ignored", event: "pull_request"},
		{name: "an odd event", request: signed("nobody"), change: func(r *http.Request) { r.Header.Set("X-GitHub-Event", "a\"b{}") }, status: 202, outcome: "ignored", event: "other"},
		{name: "signed garbage", request: signed("\x00{"), status: 400, outcome: "malformed", event: "pull_request"},
		{name: "the queue is full", request: signed("wake k"), err: errors.New("full"), status: 503, outcome: "failed", event: "pull_request"},
		{name: "no signature", request: signed("wake k"), change: func(r *http.Request) { r.Header.Del(header) }, status: 401, outcome: "forged", event: "unverified"},
		{name: "a wrong signature", request: signed("wake k"), change: func(r *http.Request) { r.Header.Set(header, "sha256="+strings.Repeat("00", 32)) }, status: 401, outcome: "forged", event: "unverified"},
		{name: "another body", request: signed("wake k"), change: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("wake j")) }, status: 401, outcome: "forged", event: "unverified"},
		{name: "oversize", request: signed(huge), status: 413, outcome: "too_large", event: "unverified"},
		{name: "the largest", request: signed(huge[1:]), status: 400, outcome: "malformed", event: "pull_request"},
		{name: "broken off", request: signed("wake k"), change: func(r *http.Request) { r.Body = io.NopCloser(brokenOff{}) }, status: 400, outcome: "unread", event: "unverified"},
		{name: "a panic", request: signed("panic"), status: 500},
		{name: "a wrong method", request: signed("wake k"), change: func(r *http.Request) { r.Method = "GET" }, status: 405},
		{name: "a wrong path", request: signed("wake k"), change: func(r *http.Request) { r.URL.Path = "/webhooks/gitea" }, status: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q, m := &shelf{err: c.err}, NewMetrics(noDepth)
			if c.change != nil {
				c.change(c.request)
			}
			w := httptest.NewRecorder()
			in := intake()
			in.Patient = c.patient
			Public(q, m, zerolog.Nop(), in).ServeHTTP(w, c.request)
			if w.Code != c.status {
				t.Errorf("answered %d, want %d", w.Code, c.status)
			}
			if c.status == 401 && w.Body.Len() > 0 {
				t.Errorf("a refusal tells details: %q", w.Body)
			}
			if !slices.Equal(q.wakes, c.wakes) {
				t.Errorf("kept %q, want %q", q.wakes, c.wakes)
			}
			if c.outcome != "" {
				want := fmt.Sprintf("lumos_webhooks_total{event=%q,outcome=%q} 1\n", c.event, c.outcome)
				if got := scrape(m); !strings.Contains(got, want) {
					t.Errorf("metrics lack %s", want)
				}
			}
		})
	}
}

func scrape(m *Metrics) string {
	w := httptest.NewRecorder()
	Admin(nil, m, zerolog.Nop()).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestBodiesAreNotReadBeforeTheyAreVerified(t *testing.T) {
	t.Parallel()
	in := intake()
	in.Accept = func(http.Header, []byte) ([]Wake, error) {
		t.Error("a forged body was parsed")
		return nil, nil
	}
	in.Event = func(http.Header) string { t.Error("a forged header was believed"); return "" }
	r := signed("wake k")
	r.Header.Set(header, "sha256="+strings.Repeat("00", 32))
	Public(&shelf{}, NewMetrics(noDepth), zerolog.Nop(), in).ServeHTTP(httptest.NewRecorder(), r)
}

func TestRedeliveryIsAcceptedAndWakesOnce(t *testing.T) {
	t.Parallel()
	q, err := queue.Open(t.Context(), queue.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	h := Public(q, NewMetrics(q.Depth), zerolog.Nop(), intake())
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, signed("wake k"))
		if w.Code != 202 {
			t.Errorf("answered %d", w.Code)
		}
	}
	waiting(t, q, 1)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 200 {
		t.Errorf("a healthy queue: %d", w.Code)
	}
	q.Close()
	w = httptest.NewRecorder()
	h.ServeHTTP(w, signed("wake j"))
	if w.Code != 503 {
		t.Errorf("a closed queue: %d, want 503", w.Code)
	}
}

func TestPublicPages(t *testing.T) {
	t.Parallel()
	q := &shelf{}
	h := Public(q, NewMetrics(noDepth), zerolog.Nop())
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	for path, want := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/metrics": 404, "/events": 404, "/other": 404} {
		if w := get(path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	q.err = errors.New("disk full at /data/secret")
	if w := get("/readyz"); w.Code != 503 || w.Body.String() != "not ready\n" {
		t.Errorf("not ready: %d %q", w.Code, w.Body)
	}
	if w := get("/healthz"); w.Code != 200 {
		t.Errorf("alive without its queue: %d", w.Code)
	}
}

func TestLogHoldsNoSecretsAndNoBodies(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := signed("wake t0ps3cret")
	r.URL.RawQuery = "token=t0ps3cret"
	r.Header.Set("Authorization", "Bearer t0ps3cret")
	Public(&shelf{err: errors.New("full")}, NewMetrics(noDepth), zerolog.New(&out), intake()).ServeHTTP(httptest.NewRecorder(), r)
	if log := out.String(); !strings.Contains(log, `"status":503`) || strings.Contains(log, "t0ps3cret") || strings.Contains(log, r.Header.Get(header)) {
		t.Errorf("the log is %s", log)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]queue.From{
		"": {}, "17": {Seq: 17}, "90m": {Time: now.Add(-90 * time.Minute)}, "2026-01-01T00:00:00Z": {Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if got, err := since(in, now); err != nil || got.Seq != want.Seq || !got.Time.Equal(want.Time) {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"0", "-1", "-1h", "yesterday", "2026-01-01"} {
		if got, err := since(in, now); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

func TestServeEventsMetricsAndShutdown(t *testing.T) {
	t.Parallel()
	q, err := queue.Open(t.Context(), queue.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	m := NewMetrics(q.Depth)
	in := intake()
	entered, proceed := make(chan struct{}), make(chan struct{})
	accept := in.Accept
	in.Accept = func(h http.Header, body []byte) ([]Wake, error) {
		if string(body) == "wake slow" {
			close(entered)
			<-proceed
		}
		return accept(h, body)
	}
	var sites []Site
	for _, h := range []http.Handler{Public(q, m, zerolog.Nop(), in), Admin(q, m, zerolog.Nop())} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, Site{l, h})
	}
	public, admin := "http://"+sites[0].Listener.Addr().String(), "http://"+sites[1].Listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, zerolog.Nop(), sites...) }()

	for _, id := range []string{"a", "b"} {
		if err := q.Emit(t.Context(), id, []byte(`{"id":"`+id+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if body, status := get(t, admin+"/events"); status != 200 || body != "{\"id\":\"a\"}\n{\"id\":\"b\"}\n" {
		t.Errorf("all events: %d %q", status, body)
	}
	for _, bad := range []string{"/events?since=yesterday", "/events?follow=yes"} {
		if _, status := get(t, admin+bad); status != 400 {
			t.Errorf("%s: %d, want 400", bad, status)
		}
	}
	if body, status := get(t, admin+"/metrics"); status != 200 || !strings.Contains(body, "lumos_queue_depth 0") {
		t.Errorf("metrics: %d %q", status, body)
	}

	follow, err := http.Get(admin + "/events?follow=1&since=2")
	if err != nil {
		t.Fatal(err)
	}
	defer follow.Body.Close()
	lines := bufio.NewScanner(follow.Body)
	if err := q.Emit(t.Context(), "c", []byte(`{"id":"c"}`)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"id":"b"}`, `{"id":"c"}`} {
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("followed %q, want %q (%v)", lines.Text(), want, lines.Err())
		}
	}

	answer := make(chan int, 1)
	go func() {
		r := signed("wake slow")
		r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", strings.TrimPrefix(public, "http://")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			answer <- 0
			return
		}
		resp.Body.Close()
		answer <- resp.StatusCode
	}()
	<-entered
	cancel()
	if lines.Scan() { // the follower is let go
		t.Errorf("after the end came %q", lines.Text())
	}
	close(proceed)
	if status := <-answer; status != 202 {
		t.Errorf("the webhook under way at the end was answered %d", status)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	waiting(t, q, 1)
}

// waiting demands that so many wakes wait; the count may lag behind.
func waiting(t *testing.T, q *queue.Queue, want int) {
	t.Helper()
	n, err := q.Depth(t.Context())
	for end := time.Now().Add(10 * time.Second); err == nil && n < want && time.Now().Before(end); n, err = q.Depth(t.Context()) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || n != want {
		t.Errorf("%d wakes wait (%v), want %d", n, err, want)
	}
}

func get(t *testing.T, url string) (string, int) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp.StatusCode
}

func TestServeEndsWhenASiteFails(t *testing.T) {
	t.Parallel()
	good, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bad, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bad.Close()
	if err := Serve(t.Context(), zerolog.Nop(), Site{good, http.NotFoundHandler()}, Site{bad, http.NotFoundHandler()}); err == nil {
		t.Error("a closed listener was served")
	}
}

type failing struct{}

func (failing) Follow(_ context.Context, _ queue.From, _ bool, fn func(queue.Event) error) error {
	if err := fn(queue.Event{Seq: 1, Data: []byte("{}")}); err != nil {
		return err
	}
	return errors.New("lost the server")
}

func TestBrokenListOfEventsIsNotTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(Admin(failing{}, NewMetrics(noDepth), zerolog.Nop()))
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/events")
	if err != nil {
		return // cut before the header: told as well
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the broken list was read as whole: %q", body)
	}
}

func TestDepthThatCannotBeReadIsNoZero(t *testing.T) {
	t.Parallel()
	m := NewMetrics(func(context.Context) (int, error) { return 0, errors.New("gone") })
	if !strings.Contains(scrape(m), "lumos_queue_depth NaN") {
		t.Error("an unknown depth is not NaN")
	}
}

// Whatever is sent, nothing but a signed body reaches the queue, and the server answers.
func FuzzWebhook(f *testing.F) {
	f.Add([]byte("wake k"), "sha256=00", "pull_request", false)
	f.Add([]byte("\xff\x00{[\"'"), "", "a\nb", true)
	f.Add([]byte(nil), "sha1=", "", true)
	f.Fuzz(func(t *testing.T, body []byte, forged, event string, sign bool) {
		q := &shelf{}
		r := signed(string(body))
		if !sign {
			r.Header.Set(header, forged)
		}
		genuine := r.Header.Get(header) == signature(body)
		r.Header.Set("X-GitHub-Event", event)
		w := httptest.NewRecorder()
		Public(q, NewMetrics(noDepth), zerolog.Nop(), intake()).ServeHTTP(w, r)
		if !genuine && (w.Code != 401 || len(q.wakes) > 0) {
			t.Errorf("an unsigned body was answered %d and kept %q", w.Code, q.wakes)
		}
		if genuine && w.Code == 401 {
			t.Error("a signed body was refused")
		}
	})
}
