package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/forge"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	token = "glpat-0123456789abcdefghij"
	sha1A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sha1B = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	sha1C = "cccccccccccccccccccccccccccccccccccccccc"
	sha1D = "dddddddddddddddddddddddddddddddddddddddd"
)

var (
	models = forge.Repo{Owner: "acme/nlp", Name: "models"}
	mr4    = forge.Ref{Repo: models, Number: 4}
)

// lab is GitLab as far as one test needs it: what it does not route is a failure. Routes are matched
// against the escaped path below /api/v4/, operations by their name.
type lab struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	rest     map[string]func(w http.ResponseWriter, r *http.Request, body map[string]any)
	graphql  map[string]func(variables map[string]any) string
	requests []string // "GET projects/…", or "Conversation"
	bodies   []map[string]any
	headers  []http.Header
}

func newLab(t *testing.T) (*lab, *Host) {
	t.Helper()
	l := &lab{
		t: t, rest: map[string]func(http.ResponseWriter, *http.Request, map[string]any){},
		graphql: map[string]func(map[string]any) string{},
	}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL
	h, err := New(Options{URL: server.URL, Token: token, WebhookURL: "https://lumos.acme.example/webhooks/gitlab", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	return l, h
}

var operation = regexp.MustCompile(`^(?:query|mutation) (\w+)`)

func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			l.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	}
	if r.URL.Path == "/api/graphql" {
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			l.t.Errorf("graphql: Authorization %q", got)
		}
		query, _ := body["query"].(string)
		name := operation.FindStringSubmatch(query)[1]
		variables, _ := body["variables"].(map[string]any)
		l.note(name, body, r.Header)
		if l.graphql[name] == nil {
			l.t.Errorf("operation %s is not expected", name)
			return
		}
		reply(w, l.graphql[name](variables))
		return
	}
	if got := r.Header.Get("PRIVATE-TOKEN"); got != token {
		l.t.Errorf("%s: PRIVATE-TOKEN %q", r.URL, got)
	}
	route := r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), "/api/v4/")
	l.note(route, body, r.Header)
	keepsContract(l.t, r, body)
	answer := l.rest[route]
	if answer == nil {
		l.t.Errorf("%s is not expected", route)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	answer(w, r, body)
}

func (l *lab) note(what string, body map[string]any, header http.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests, l.bodies, l.headers = append(l.requests, what), append(l.bodies, body), append(l.headers, header)
}

func reply(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body))
}

// says answers a route with one body, always.
func (l *lab) says(route string, status int, body string) {
	l.rest[route] = func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func (l *lab) answers(op, body string) { l.graphql[op] = func(map[string]any) string { return body } }

// sent is the body of the last request of that name.
func (l *lab) sent(what string) map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.requests) - 1; i >= 0; i-- {
		if l.requests[i] == what {
			return l.bodies[i]
		}
	}
	l.t.Errorf("%s was not sent; sent were %q", what, l.requests)
	return nil
}

func (l *lab) counted(want ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if diff := cmp.Diff(want, l.requests, sortStrings); diff != "" {
		l.t.Errorf("requests (-want +got):\n%s", diff)
	}
	l.requests, l.bodies, l.headers = nil, nil, nil
}

var sortStrings = cmp.Transformer("sorted", func(in []string) []string {
	out := append([]string{}, in...)
	for i := range out {
		for j := i + 1; j < len(out); j++ {
			if out[j] < out[i] {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out
})

// golden compares with a file under testdata, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, url, token, host, err string
	}{
		{"gitlab.com", "https://gitlab.com", token, "gitlab.com", ""},
		{"below a path", "https://acme.example/gitlab/", token, "acme.example", ""},
		{"no url", "", token, "", "expected https://HOST"},
		{"no scheme", "gitlab.com", token, "", "expected https://HOST"},
		{"password", "https://u:hunter2@gitlab.com", token, "", "without credentials"},
		{"no token", "https://gitlab.com", " ", "", "no token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h, err := New(Options{URL: tc.url, Token: tc.token})
			if tc.err == "" {
				if err != nil || h.Host() != tc.host || h.Token() != tc.token {
					t.Fatalf("host %v, error %v", h, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
		})
	}
}

func TestRateLimitsComeBackAsATime(t *testing.T) {
	t.Parallel()
	reset := time.Now().Add(40 * time.Second).Unix()
	for _, tc := range []struct {
		name   string
		status int
		header http.Header
		wait   time.Duration // 0 is no rate limit
	}{
		{"Retry-After", 429, http.Header{"Retry-After": {"17"}}, 17 * time.Second},
		{"RateLimit-Reset", 429, http.Header{"Ratelimit-Reset": {fmt.Sprint(reset)}}, 40 * time.Second},
		{"no header", 429, nil, time.Minute},
		{"absurd", 429, http.Header{"Retry-After": {"999999"}}, time.Hour},
		{"maintenance", 503, http.Header{"Retry-After": {"60"}}, time.Minute},
		{"broken", 503, nil, 0},
		{"forbidden", 403, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, h := newLab(t)
			l.rest["GET user"] = func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
				for k, v := range tc.header {
					w.Header()[k] = v
				}
				w.WriteHeader(tc.status)
			}
			start := time.Now()
			_, err := h.Identity(context.Background())
			var limited *forge.RateLimited
			if errors.As(err, &limited) != (tc.wait > 0) {
				t.Fatalf("error %v", err)
			}
			if tc.wait > 0 {
				if off := limited.Until.Sub(start) - tc.wait; off < -3*time.Second || off > 3*time.Second {
					t.Errorf("until %v from now, want %v", limited.Until.Sub(start), tc.wait)
				}
			}
			l.counted("GET user") // once: no retries of the library
		})
	}
}

func TestErrorsHoldNoToken(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	l.says("GET user", 403, `{"message":"no: `+token+` glptt-abcdefghijk bearer aaaaaaaaaaaaaaaaaaaaaaaa"}`)
	_, err := h.Identity(context.Background())
	if !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("error %v, want ErrForbidden", err)
	}
	for _, secret := range []string{token, "glptt-", "aaaaaaaa"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func TestFindAndLists(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	ctx := context.Background()
	l.answers("Repository", `{"data":{"project":{"id":"gid://gitlab/Project/12","fullPath":"Acme/nlp/Models","repository":{"tree":{"lastCommit":{"sha":"`+sha1A+`"}}}}}}`)
	got, tip, err := h.Find(ctx, models)
	want := forge.Repo{Host: h.Host(), ID: 12, Owner: "Acme/nlp", Name: "Models"}
	if err != nil || got != want || tip != sha1A {
		t.Errorf("Find: %v %q %v", got, tip, err)
	}
	l.answers("Repository", `{"data":{"project":null}}`)
	if _, _, err := h.Find(ctx, models); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("Find of nothing: %v", err)
	}
	if _, _, err := h.Find(ctx, forge.Repo{Owner: "acme/..", Name: "models"}); err == nil {
		t.Error("Find takes a path that leaves its group")
	}

	l.graphql["Open"] = func(v map[string]any) string {
		if v["cursor"] == nil {
			return `{"data":{"project":{"mergeRequests":{"nodes":[{"iid":"4"}],"pageInfo":{"hasNextPage":true,"endCursor":"x"}}}}}`
		}
		return `{"data":{"project":{"mergeRequests":{"nodes":[{"iid":"9"}],"pageInfo":{"hasNextPage":false}}}}}`
	}
	refs, err := h.OpenPullRequests(ctx, models)
	if err != nil || len(refs) != 2 || refs[1] != (forge.Ref{Repo: models, Number: 9}) {
		t.Errorf("OpenPullRequests: %v %v", refs, err)
	}

	l.rest["GET projects"] = func(w http.ResponseWriter, r *http.Request, _ map[string]any) {
		q := r.URL.Query()
		if q.Get("membership") != "true" || q.Get("min_access_level") != "30" || q.Get("archived") != "false" {
			t.Errorf("projects: %s", r.URL.RawQuery)
		}
		w.Header().Set("X-Next-Page", map[string]string{"1": "2", "2": ""}[q.Get("page")])
		reply(w, `[{"id":1`+q.Get("page")+`,"path_with_namespace":"acme/p`+q.Get("page")+`"}]`)
	}
	repos, err := h.Repositories(ctx)
	if err != nil || len(repos) != 2 || repos[1].FullName() != "acme/p2" || repos[1].ID != 12 {
		t.Errorf("Repositories: %v %v", repos, err)
	}
}
