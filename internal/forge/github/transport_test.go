package github

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
)

// TestRateLimits tries every form that GitHub's limits come in, on a REST read, on GraphQL and on
// the minting of a token.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	reset := time.Now().Add(20 * time.Minute).Truncate(time.Second)
	spent := map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.FormatInt(reset.Unix(), 10)}
	const secondary = `{"message":"You have exceeded a secondary rate limit. Please wait.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	for _, tc := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		wait   time.Duration // from now, within a few seconds
	}{
		{"primary 403", 403, spent, `{"message":"API rate limit exceeded"}`, 20 * time.Minute},
		{"primary 429", 429, spent, `{"message":"API rate limit exceeded"}`, 20 * time.Minute},
		{"secondary 403", 403, map[string]string{"Retry-After": "90"}, secondary, 90 * time.Second},
		{"secondary 429", 429, map[string]string{"Retry-After": "90"}, secondary, 90 * time.Second},
		{"secondary without a header", 403, nil, secondary, time.Minute},
		{"secondary with requests left", 403, map[string]string{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "1"}, secondary, time.Minute},
		{"429 that says nothing", 429, nil, `slow down`, time.Minute},
		{"a wait that nobody should believe", 429, map[string]string{"Retry-After": "99999999"}, ``, time.Hour},
		{"a reset in the past", 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, `{}`, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refuse := func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tc.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tc.status)
				reply(w, tc.body)
			}
			h, app := newHost(t)
			h.HandleFunc("GET /repos/acme/models/pulls/4/files", refuse)
			h.HandleFunc("POST /graphql", refuse)
			h.HandleFunc("GET /repos/acme/other/installation", func(w http.ResponseWriter, r *http.Request) { reply(w, `{"id":2}`) })
			h.HandleFunc("POST /app/installations/2/access_tokens", refuse)

			_, rest := app.Changes(t.Context(), pull4)
			_, graphql := app.Conversation(t.Context(), pull4, forge.Want{})
			_, token := app.OpenPullRequests(t.Context(), forge.Repo{Owner: "acme", Name: "other"})
			for who, err := range map[string]error{"rest": rest, "graphql": graphql, "token": token} {
				var limited *forge.RateLimited
				if !errors.As(err, &limited) {
					t.Errorf("%s: error %v, want a rate limit", who, err)
					continue
				}
				if off := time.Until(limited.Until) - tc.wait; off < -time.Minute/2 || off > 10*time.Second {
					t.Errorf("%s: until %v, want about %v from now", who, limited.Until, tc.wait)
				}
			}
		})
	}
}

func TestRateLimitsInsideGraphQL(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"primary":   `{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`,
		"secondary": `{"errors":[{"message":"You have exceeded a secondary rate limit"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			h, app := newHost(t)
			h.answers(body)
			_, err := app.Conversation(t.Context(), pull4, forge.Want{})
			var limited *forge.RateLimited
			if !errors.As(err, &limited) {
				t.Fatalf("error %v, want a rate limit", err)
			}
		})
	}
}

// TestNoRefusalByOurselves: the last request that a limit allows is answered, and the next one is
// asked of GitHub rather than refused by the client.
func TestNoRefusalByOurselves(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.HandleFunc("GET /repos/acme/models/pulls", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))
		reply(w, `[{"number":3}]`)
	})
	for range 2 {
		if got, err := app.OpenPullRequests(t.Context(), models); err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if len(h.requests) != 2 {
		t.Errorf("requests: %v", h.requests)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		body   string
		want   error
	}{
		{404, `{"message":"Not Found"}`, forge.ErrNotFound},
		{410, `{"message":"Gone"}`, forge.ErrNotFound},
		{403, `{"message":"Resource not accessible by integration"}`, forge.ErrForbidden},
		{401, `{"message":"Bad credentials ` + token + `"}`, forge.ErrForbidden},
		{403, `{"message":"too big","errors":[{"code":"too_large"}]}`, forge.ErrTooLarge},
		{502, `<html>` + strings.Repeat("x", 100) + token, nil},
	} {
		t.Run(fmt.Sprint(tc.status, tc.want), func(t *testing.T) {
			h, app := newHost(t)
			h.HandleFunc("GET /repos/acme/models/pulls", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				reply(w, tc.body)
			})
			_, err := app.OpenPullRequests(t.Context(), models)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if strings.Contains(err.Error(), token) {
				t.Fatalf("the error shows the token: %v", err)
			}
			if !strings.Contains(err.Error(), "acme/models") {
				t.Errorf("the error does not say where: %v", err)
			}
		})
	}
}

func TestNotInstalled(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	gone := true
	h.HandleFunc("GET /repos/acme/elsewhere/installation", func(w http.ResponseWriter, _ *http.Request) {
		if gone {
			w.WriteHeader(http.StatusNotFound)
			reply(w, `{"message":"Not Found"}`)
			return
		}
		reply(w, `{"id":1}`)
	})
	h.HandleFunc("GET /repos/acme/elsewhere/pulls", func(w http.ResponseWriter, _ *http.Request) { reply(w, `[]`) })
	repo := forge.Repo{Owner: "acme", Name: "elsewhere"}
	if _, err := app.OpenPullRequests(t.Context(), repo); !errors.Is(err, forge.ErrNoInstall) {
		t.Fatalf("error %v, want ErrNoInstall", err)
	}
	gone = false // that is not remembered
	if _, err := app.OpenPullRequests(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []forge.Repo{{Owner: "acme", Name: ".."}, {Owner: "", Name: "x"}, {Owner: "a/b", Name: "c"}, {Owner: "a", Name: "b?c"}} {
		if _, err := app.OpenPullRequests(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "expected owner/name") {
			t.Errorf("%+v: error %v", bad, err)
		}
	}
}

// TestInstalledAnew: when the token is refused the installation is found again.
func TestInstalledAnew(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	found, id := 0, 2
	h.HandleFunc("GET /repos/acme/moving/installation", func(w http.ResponseWriter, _ *http.Request) {
		found++
		reply(w, fmt.Sprintf(`{"id":%d}`, id))
	})
	h.HandleFunc("POST /app/installations/2/access_tokens", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		reply(w, `{"message":"Not Found"}`)
	})
	h.HandleFunc("GET /repos/acme/moving/pulls", func(w http.ResponseWriter, _ *http.Request) { reply(w, `[]`) })
	repo := forge.Repo{Owner: "acme", Name: "moving"}
	if _, err := app.OpenPullRequests(t.Context(), repo); !errors.Is(err, forge.ErrNoInstall) {
		t.Fatalf("error %v, want ErrNoInstall", err)
	}
	id = 1
	for range 2 {
		if _, err := app.OpenPullRequests(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
	}
	if found != 2 {
		t.Errorf("the installation was looked for %d times, want 2", found)
	}
}

// TestRedirects: a renamed repository is followed, another host never sees the token.
func TestRedirects(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked, with Authorization %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	h, app := newHost(t)
	h.HandleFunc("GET /repos/acme/models/pulls", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/repositories/812/pulls", http.StatusMovedPermanently)
	})
	h.HandleFunc("GET /repositories/812/pulls", func(w http.ResponseWriter, _ *http.Request) { reply(w, `[{"number":3}]`) })
	if got, err := app.OpenPullRequests(t.Context(), models); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	h.HandleFunc("GET /repos/acme/models/git/blobs/{sha}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusFound)
	})
	if _, err := app.Blob(t.Context(), models, sha1A, 100); err == nil || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("error %v", err)
	}
}

func TestFindAndToken(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.answers(`{"data":{"repository":{"databaseId":812,"name":"models","owner":{"login":"Acme"},"defaultBranchRef":{"target":{"oid":"`+sha1A+`"}}}}}`,
		`{"data":{"repository":{"databaseId":812,"name":"models","owner":{"login":"acme"},"defaultBranchRef":null}}}`,
		`{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"message":"gone"}]}`)
	if got, tip, err := app.Find(t.Context(), models); err != nil || tip != sha1A || got != (forge.Repo{Host: app.host, ID: 812, Owner: "Acme", Name: "models"}) {
		t.Errorf("%+v, %q, %v", got, tip, err)
	}
	if got, tip, err := app.Find(t.Context(), models); err != nil || tip != "" || got.ID != 812 {
		t.Errorf("without commits: %+v, %q, %v", got, tip, err)
	}
	if _, _, err := app.Find(t.Context(), models); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
	if got, err := app.Token(t.Context(), models); err != nil || got != token {
		t.Errorf("token %q, %v", got, err)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		token, "github_pat_11ABCDEFG0abcdefghij_klmnopqrstuvwxyz", "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
		"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI3In0.c2lnbmF0dXJl", "Bearer abcdefghijklmnopqrstuvwxyz", "token abcdefghijklmnopqrstuvwxyz",
	} {
		got := redact("before " + secret + " after")
		if got != "before [redacted] after" {
			t.Errorf("redact kept %q of %q", got, secret)
		}
	}
}

func TestIdentityAndRepositories(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.HandleFunc("GET /app", func(w http.ResponseWriter, _ *http.Request) { reply(w, `{"id":7,"slug":"lumos"}`) })
	h.HandleFunc("GET /app/installations", func(w http.ResponseWriter, r *http.Request) {
		reply(w, `[{"id":9,"suspended_at":"2026-01-01T00:00:00Z"},{"id":1}]`)
	})
	h.HandleFunc("GET /users/{login}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("login") != "lumos[bot]" {
			t.Errorf("asked for %q", r.PathValue("login"))
		}
		reply(w, `{"id":99,"login":"lumos[bot]","type":"Bot"}`)
	})
	h.HandleFunc("GET /installation/repositories", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "" {
			w.Header().Set("Link", fmt.Sprintf(`<%s/installation/repositories?page=2>; rel="next"`, h.url))
			reply(w, `{"repositories":[{"id":11,"name":"models","owner":{"login":"acme"}}]}`)
			return
		}
		reply(w, `{"repositories":[{"id":12,"name":"other","owner":{"login":"acme"}}]}`)
	})
	id, err := app.Identity(t.Context())
	if err != nil || id != (Identity{AppID: 7, Slug: "lumos", Bot: forge.Account{ID: 99, Login: "lumos[bot]", Kind: forge.Bot}}) {
		t.Errorf("identity %+v, %v", id, err)
	}
	repos, err := app.Repositories(t.Context())
	if err != nil || len(repos) != 2 || repos[1].FullName() != "acme/other" || repos[1].ID != 12 || repos[1].Host != app.host {
		t.Errorf("repositories %+v, %v", repos, err)
	}
}
