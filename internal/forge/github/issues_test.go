package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// TestIssuesAgainstSandbox writes issues and reads back those that are ours alone.
func TestIssuesAgainstSandbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, must := startSandbox(t)
	_, err := s.CreateUser("bob", "Bob", "bob@acme.example")
	must(err)
	_, err = s.CreateOrg("acme", "bob")
	must(err)
	must(s.CreateRepo("acme", "models", true, "bob", map[string][]byte{"README.md": []byte("models\n")}))
	install := func(slug string, permissions map[string]string) *App {
		t.Helper()
		in, err := s.InstallApp(sandbox.App{Slug: slug, Repos: []string{"acme/models"}, Permissions: permissions})
		must(err)
		app, err := New(Options{APIURL: s.APIURL(), GraphQLURL: s.GraphQLURL(), AppID: in.AppID, PrivateKey: in.Key})
		must(err)
		return app
	}
	app := install("lumos", map[string]string{"contents": "write", "issues": "write", "pull_requests": "write"})
	other := install("other", map[string]string{"issues": "write"})
	blind := install("blind", map[string]string{"contents": "write"})
	repo := forge.Repo{Host: s.Host(), Owner: "acme", Name: "models"}

	list, err := app.Issues(ctx, repo)
	must(err)
	if len(list) != 0 {
		t.Errorf("issues of nobody: %+v", list)
	}
	before := len(s.Requests())
	first, err := app.WriteIssue(ctx, repo, forge.IssueWrite{Title: "Fallen back", Body: "Why", Open: true})
	must(err)
	if n := len(s.Requests()) - before; n != 3 {
		t.Errorf("the first issue took %d requests, want it and its label", n)
	}
	before = len(s.Requests())
	second, err := app.WriteIssue(ctx, repo, forge.IssueWrite{Title: "Fallen too", Body: "Because", Open: true})
	must(err)
	if n := len(s.Requests()) - before; n != 1 {
		t.Errorf("another issue took %d requests", n)
	}
	want := []forge.Issue{
		{Number: second.Number, Title: "Fallen too", Body: "Because", Open: true, URL: s.URL() + "/acme/models/issues/2"},
		{Number: first.Number, Title: "Fallen back", Body: "Why", Open: true, URL: s.URL() + "/acme/models/issues/1"},
	}
	check := func() {
		t.Helper()
		list, err := app.Issues(ctx, repo)
		must(err)
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("issues (-want +got):\n%s", diff)
		}
	}
	check()

	// What others open is not ours, whatever its label.
	_, err = s.As("bob").OpenIssue("acme/models", "Ours?", "No", forge.IssueLabel)
	must(err)
	_, err = other.WriteIssue(ctx, repo, forge.IssueWrite{Title: "Ours?", Body: "No", Open: true})
	must(err)
	_, err = s.As("bob").Commit("acme/models", "b", "b", map[string][]byte{"b": []byte("b")})
	must(err)
	_, err = s.As("bob").Open("acme/models", "A pull request", "", "b", "main", false)
	must(err)
	check()

	want[1].Title, want[1].Body, want[1].Open = "Well again", "It is", false
	closed, err := app.WriteIssue(ctx, repo, forge.IssueWrite{Number: first.Number, Title: "Well again", Body: "It is"})
	must(err)
	if closed != want[1] {
		t.Errorf("closed %+v", closed)
	}
	check()
	want[1].Open = true
	_, err = app.WriteIssue(ctx, repo, forge.IssueWrite{Number: first.Number, Title: "Well again", Body: "It is", Open: true})
	must(err)
	check()

	if _, err := blind.Issues(ctx, repo); !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("without the permission: %v", err)
	}
	if _, err := blind.WriteIssue(ctx, repo, forge.IssueWrite{Title: "x", Open: true}); !errors.Is(err, forge.ErrForbidden) {
		t.Errorf("without the permission: %v", err)
	}
	if _, err := app.WriteIssue(ctx, repo, forge.IssueWrite{Number: 99, Title: "x"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("an issue that is not there: %v", err)
	}
	must(s.DisableIssues("acme/models"))
	if _, err := app.WriteIssue(ctx, repo, forge.IssueWrite{Title: "x", Open: true}); !errors.Is(err, forge.ErrNotFound) {
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
		h, app := newHost(t)
		h.HandleFunc("GET /app", func(w http.ResponseWriter, r *http.Request) { reply(w, `{"id":7,"slug":"lumos"}`) })
		h.HandleFunc("GET /users/{login}", func(w http.ResponseWriter, r *http.Request) { reply(w, `{"id":70,"login":"lumos[bot]"}`) })
		h.HandleFunc("GET /repos/acme/models/issues", func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if q.Get("creator") != "lumos[bot]" || q.Get("labels") != "lumos" || q.Get("state") != "all" || q.Get("per_page") != "100" {
				t.Errorf("asked %s", r.URL.RawQuery)
			}
			page := 1
			_, _ = fmt.Sscan(q.Get("page"), &page)
			var out []*github.Issue
			for n := range 100 {
				out = append(out, &github.Issue{Number: github.Int(page*1000 + n), State: github.String("open"),
					User: &github.User{ID: github.Int64(70)}, Labels: []*github.Label{{Name: github.String("lumos")}}})
			}
			if page < tc.pages {
				w.Header().Set("Link", fmt.Sprintf("<%s/repos/acme/models/issues?page=%d>; rel=\"next\"", h.url, page+1))
			}
			data, err := json.Marshal(out)
			if err != nil {
				t.Error(err)
			}
			reply(w, string(data))
		})
		list, err := app.Issues(t.Context(), models)
		if !errors.Is(err, tc.err) || tc.err == nil && len(list) != 100*tc.pages {
			t.Errorf("%d pages: %d issues, %v", tc.pages, len(list), err)
		}
	}
}
