package events

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
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

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// The values are the worked example that implementations of Standard Webhooks share.
func example() (http.Header, []byte, time.Time) {
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	return h, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(h http.Header, body *[]byte, secret *string, now *time.Time)
		ok     bool
	}{
		{"the example", func(http.Header, *[]byte, *string, *time.Time) {}, true},
		{"an old secret's signature beside it", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) {
			h.Set(headerSignature, "v1,AAAA v2,xyz "+h.Get(headerSignature))
		}, true},
		{"a little late", func(_ http.Header, _ *[]byte, _ *string, now *time.Time) { *now = now.Add(Tolerance) }, true},
		{"replayed later", func(_ http.Header, _ *[]byte, _ *string, now *time.Time) { *now = now.Add(Tolerance + time.Second) }, false},
		{"from the future", func(_ http.Header, _ *[]byte, _ *string, now *time.Time) { *now = now.Add(-Tolerance - time.Second) }, false},
		{"another body", func(_ http.Header, body *[]byte, _ *string, _ *time.Time) { *body = append(*body, ' ') }, false},
		{"another id", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) { h.Set(headerID, "msg_2") }, false},
		{"another time", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) { h.Set(headerTimestamp, "1614265331") }, false},
		{"another secret", func(_ http.Header, _ *[]byte, s *string, _ *time.Time) {
			*s = "whsec_" + strings.Repeat("A", 32)
		}, false},
		{"no id", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) { h.Del(headerID) }, false},
		{"no time", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) { h.Del(headerTimestamp) }, false},
		{"no signature", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) { h.Del(headerSignature) }, false},
		{"another version", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) {
			h.Set(headerSignature, strings.Replace(h.Get(headerSignature), "v1,", "v1a,", 1))
		}, false},
		{"an endless signature", func(h http.Header, _ *[]byte, _ *string, _ *time.Time) {
			h.Set(headerSignature, strings.Repeat("v1,AAAA ", 10_000)+h.Get(headerSignature))
		}, false},
		{"no secret", func(_ http.Header, _ *[]byte, s *string, _ *time.Time) { *s = "" }, false},
	} {
		h, body, now := example()
		s := secret
		c.change(h, &body, &s, &now)
		if err := Verify(h, body, s, now); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A comparison that stops at the first difference tells an attacker how far a guess was right.
func TestSignaturesAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "webhook.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Verify" {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				calls[fmt.Sprint(sel.X)+"."+sel.Sel.Name]++
			}
			return true
		})
	}
	if calls["hmac.Equal"] != 1 || calls["bytes.Equal"]+calls["slices.Equal"]+calls["bytes.Compare"] > 0 {
		t.Errorf("Verify compares by %v, want hmac.Equal alone", calls)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, secret string
		ok          bool
	}{
		{"https://hooks.example.org/lumos?token=t0ps3cret", secret, true},
		{"https://10.1.2.3/hook", secret, true},
		{"http://127.0.0.1:8080/", secret, true},
		{"http://localhost/", secret, true},
		{"http://[::1]/", secret, true},
		{"http://hooks.example.org/?token=t0ps3cret", secret, false},
		{"http://127.0.0.1.example.org/", secret, false},
		{"https://u:t0ps3cret@example.org/", secret, false},
		{"ftp://example.org/", secret, false},
		{"https:///t0ps3cret", secret, false},
		{"", secret, false},
		{"https://example.org/", "", false},
		{"https://example.org/", "t0ps3cret", false},
		{"https://example.org/", "whsec_dDBwczNjcmV0", false}, // too short
	} {
		err := Endpoint{c.url, c.secret}.Validate()
		if (err == nil) != c.ok {
			t.Errorf("%q, %q: %v", c.url, c.secret, err)
		}
		if err != nil && (strings.Contains(err.Error(), "t0ps3cret") || strings.Contains(err.Error(), "dDBwczNjcmV0")) {
			t.Errorf("the error gives a secret away: %v", err)
		}
	}
}

func TestAllowedAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr          string
		loopbackMeant bool
		ok            bool
	}{
		{"93.184.216.34:443", false, true},
		{"10.1.2.3:443", false, true},
		{"[2606:2800:220:1::1]:443", false, true},
		{"127.0.0.1:80", true, true},
		{"[::1]:80", true, true},
		{"127.0.0.1:443", false, false}, // a public name that resolves to this machine
		{"10.1.2.3:80", true, false},    // a "localhost" that is none
		{"169.254.169.254:443", false, false},
		{"[::ffff:169.254.169.254]:443", false, false},
		{"[64:ff9b::a9fe:a9fe]:443", false, false},
		{"[fe80::1%eth0]:443", false, false},
		{"[fd00:ec2::254]:443", false, false},
		{"100.100.100.200:443", false, false},
		{"168.63.129.16:443", false, false},
		{"0.0.0.0:443", false, false},
		{"0.1.2.3:443", false, false},
		{"[::]:443", false, false},
		{"255.255.255.255:443", false, false},
		{"224.0.0.1:443", false, false},
		{"example.org:443", false, false},
	} {
		if err := allowed(c.addr, c.loopbackMeant); (err == nil) != c.ok {
			t.Errorf("%s, loopback meant %v: %v", c.addr, c.loopbackMeant, err)
		}
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	e, err := New(checked())
	if err != nil {
		t.Fatal(err)
	}
	var status int
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := Verify(r.Header, body, secret, time.Now()); err != nil {
			t.Error(err)
		}
		if got := r.Header.Get("webhook-id"); got != e.ID() {
			t.Errorf("webhook-id is %q, want the event's %q", got, e.ID())
		}
		if got := r.Header.Get("Content-Type"); got != "application/cloudevents+json" {
			t.Errorf("Content-Type is %q", got)
		}
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(status)
	}))
	defer srv.Close()
	to := Endpoint{URL: srv.URL + "/?token=t0ps3cret", Secret: secret}
	for _, c := range []struct {
		status int
		ok     bool
	}{{200, true}, {202, true}, {204, true}, {302, false}, {400, false}, {410, false}, {500, false}} {
		status = c.status
		err := Deliver(t.Context(), NewClient(), to, e)
		if (err == nil) != c.ok {
			t.Errorf("%d: %v", c.status, err)
		}
	}
	srv.Close()
	if err := Deliver(t.Context(), NewClient(), to, e); err == nil || strings.Contains(err.Error(), "t0ps3cret") {
		t.Errorf("nobody there: %v", err)
	}
	err = Deliver(t.Context(), NewClient(), Endpoint{"https://169.254.169.254/latest", secret}, e)
	if err == nil || !strings.Contains(err.Error(), "not sent to address 169.254.169.254") {
		t.Errorf("a metadata service: %v", err)
	}
}

func TestOutboxDeliversInOrderAndEndpointsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	q, err := queue.Open(t.Context(), queue.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()

	got := make(chan string, 10_000)
	receiver := func(name string, fail int) Endpoint {
		var mu sync.Mutex
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if fail--; fail >= 0 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			got <- name + " " + r.Header.Get("webhook-id")
		}))
		t.Cleanup(srv.Close)
		return Endpoint{srv.URL, secret}
	}
	endpoints := []Endpoint{receiver("good", 0), receiver("flaky", 1), receiver("dead", 1_000_000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- RunOutbox(ctx, zerolog.Nop(), q, NewClient(), endpoints) }()

	var want []string
	events := []string{}
	// A new consumer begins with what comes after it exists: send until the deliveries show both.
	seen, tick := map[string]bool{}, time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for i := 0; !seen["good"] || !seen["flaky"]; i++ {
		if i > 1000 {
			t.Fatal("nothing was delivered")
		}
		f := checked()
		f.Subject, f.Once = "warm-up", fmt.Sprint(i)
		if err := Emit(t.Context(), q, f); err != nil {
			t.Fatal(err)
		}
		<-tick.C
		for len(got) > 0 {
			name, _, _ := strings.Cut(<-got, " ")
			seen[name] = true
		}
	}
	if err := q.Emit(t.Context(), "foreign", []byte("no CloudEvent")); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		f := checked()
		f.Once = fmt.Sprint(i)
		e, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e.ID())
		if err := Emit(t.Context(), q, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"good", "flaky"} {
		for _, id := range events {
			want = append(want, name+" "+id)
		}
	}
	var have []string
	for len(have) < len(want) {
		if line := wait(t, got); slices.Contains(want, line) {
			have = append(have, line)
		}
	}
	slices.SortStableFunc(have, func(a, b string) int { return strings.Compare(b[:4], a[:4]) })
	slices.SortStableFunc(want, func(a, b string) int { return strings.Compare(b[:4], a[:4]) })
	if !slices.Equal(have, want) {
		t.Errorf("delivered\n%q, want\n%q", have, want)
	}
	cancel()
	if err := wait(t, done); err != nil {
		t.Errorf("RunOutbox: %v", err)
	}
}

func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestOutboxRefusesBadEndpoints(t *testing.T) {
	t.Parallel()
	good := Endpoint{"https://example.org/", secret}
	for name, endpoints := range map[string][]Endpoint{
		"one twice":  {good, good},
		"plain text": {{"http://example.org/", secret}},
		"no secret":  {{"https://example.org/", ""}},
	} {
		err := RunOutbox(t.Context(), zerolog.Nop(), nil, NewClient(), endpoints)
		if err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	h, body, now := example()
	f.Add(h.Get(headerID), h.Get(headerTimestamp), h.Get(headerSignature), body)
	f.Add("", "9223372036854775807", "v1, v1,= v1,\x00", []byte(nil))
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, data []byte) {
		forged := http.Header{}
		forged.Set(headerID, id)
		forged.Set(headerTimestamp, timestamp)
		forged.Set(headerSignature, signature)
		genuine := id == h.Get(headerID) && timestamp == h.Get(headerTimestamp) && string(data) == string(body)
		if err := Verify(forged, data, secret, now); err == nil && !genuine {
			t.Errorf("a forgery is accepted: %q %q %q %q", id, timestamp, signature, data)
		}
	})
}
