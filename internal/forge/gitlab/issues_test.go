package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

// TestIssuesAgainstSandbox writes issues and reads back those that are ours alone.
func TestIssuesAgainstSandbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, must := startSandbox(t)
	_, err := s.CreateUser("dora", "Dora", "dora@acme.example")
	must(err)
	_, err = s.CreateOrg("acme", "dora")
	must(err)
	must(s.CreateRepo("acme", "models", true, "dora", map[string][]byte{"README.md": []byte("models\n")}))
	host := func(name, level string) *Host {
		t.Helper()
		bot, err := s.CreateBot("acme", name, level, "api")
		must(err)
		h, err := New(Options{URL: s.URL(), Token: bot.Token})
		must(err)
		return h
	}
	h, other, guest := host("lumos", "maintainer"), host("other", "developer"), host("guest", "guest")
	repo := forge.Repo{Host: s.Host(), Owner: "acme", Name: "models"}
	first, err := h.WriteIssue(ctx, repo, forge.IssueWrite{Title: "Fallen back", Body: "Why\n/close\n", Open: true})
	must(err)
	before := len(s.Requests())
	second, err := h.WriteIssue(ctx, repo, forge.IssueWrite{Title: "Fallen too", Body: "Because", Open: true})
	must(err)
	if n := len(s.Requests()) - before; n != 1 {
		t.Errorf("an issue took %d requests", n)
	}
	want := []forge.Issue{
		{Number: second.Number, Title: "Fallen too", Body: "Because", Open: true, URL: s.URL() + "/acme/models/-/issues/2"},
		{Number: first.Number, Title: "Fallen back", Body: "Why\n/close\n", Open: true, URL: s.URL() + "/acme/models/-/issues/1"},
	}
	check := func() {
		t.Helper()
		list, err := h.Issues(ctx, repo)
		must(err)
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("issues (-want +got):\n%s", diff)
		}
	}
	check()
	if shown, err := s.Issues("acme/models"); err != nil || shown[1].Body != "Why\n\\/close\n" {
		t.Errorf("a line that GitLab would take for a command was sent as %+v, %v", shown, err)
	}
	_, err = s.As("dora").OpenIssue("acme/models", "Ours?", "No", forge.IssueLabel)
	must(err)
	_, err = other.WriteIssue(ctx, repo, forge.IssueWrite{Title: "Ours?", Body: "No", Open: true})
	must(err)
	check()
	for _, open := range []bool{false, false, true} {
		want[1].Title, want[1].Body, want[1].Open = "Well again", "It is", open
		got, err := h.WriteIssue(ctx, repo, forge.IssueWrite{Number: first.Number, Title: "Well again", Body: "It is", Open: open})
		must(err)
		if got != want[1] {
			t.Errorf("open %v: %+v", open, got)
		}
		check()
	}
	if _, err := guest.WriteIssue(ctx, repo, forge.IssueWrite{Title: "x", Open: true}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("who does not see the project: %v", err)
	}
	if _, err := h.WriteIssue(ctx, repo, forge.IssueWrite{Number: 99, Title: "x"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("an issue that is not there: %v", err)
	}
	must(s.DisableIssues("acme/models"))
	if _, err := h.WriteIssue(ctx, repo, forge.IssueWrite{Title: "x", Open: true}); !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("where issues are disabled: %v", err)
	}
	want = nil
	check()
}

func TestIssuesArePaged(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pages int
		err   error
	}{{2, nil}, {10, nil}, {11, forge.ErrTooLarge}} {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /api/v4/user", func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"id":70,"username":"lumos","bot":true}`))
		})
		mux.HandleFunc("GET /api/v4/projects/{id}/issues", func(w http.ResponseWriter, r *http.Request) {
			keepsContract(t, r, nil)
			q, page := r.URL.Query(), 1
			_, _ = fmt.Sscan(q.Get("page"), &page)
			if q.Get("author_id") != "70" || q.Get("labels") != "lumos" || q.Get("scope") != "all" || q.Get("per_page") != "100" {
				t.Errorf("asked %s", r.URL.RawQuery)
			}
			var out []map[string]any
			for n := range 100 {
				out = append(out, map[string]any{"iid": page*1000 + n, "state": "opened", "author": map[string]any{"id": 70}, "labels": []string{"lumos"}})
			}
			if page < tc.pages {
				w.Header().Set("X-Next-Page", fmt.Sprint(page+1))
			}
			if err := json.NewEncoder(w).Encode(out); err != nil {
				t.Error(err)
			}
		})
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		h, err := New(Options{URL: server.URL, Token: "glpat-0123456789abcdefghij"})
		if err != nil {
			t.Fatal(err)
		}
		list, err := h.Issues(t.Context(), forge.Repo{Owner: "acme", Name: "models"})
		if !errors.Is(err, tc.err) || tc.err == nil && len(list) != 100*tc.pages {
			t.Errorf("%d pages: %d issues, %v", tc.pages, len(list), err)
		}
	}
}
