package github

import (
	"slices"
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// TestSuggestionsAgainstSandbox writes suggestions, reads them back, lets one be applied, and resolves and
// reopens another.
func TestSuggestionsAgainstSandbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, must := startSandbox(t)
	ann, err := s.CreateUser("ann", "Ann", "ann@acme.example")
	must(err)
	_, err = s.CreateOrg("acme", "ann")
	must(err)
	old := strings.Repeat("same: same\n", 20)
	must(s.CreateRepo("acme", "models", true, "ann", map[string][]byte{"old.yaml": []byte(old)}))
	in, err := s.InstallApp(sandbox.App{Slug: "lumos", Repos: []string{"acme/models"}, Permissions: map[string]string{"contents": "write", "pull_requests": "write", "checks": "write"}})
	must(err)
	app, err := New(Options{APIURL: s.APIURL(), GraphQLURL: s.GraphQLURL(), AppID: in.AppID, PrivateKey: in.Key})
	must(err)
	const path = "releases/m/1.yaml"
	_, err = s.As("ann").Commit("acme/models", "b", "Release", map[string][]byte{path: []byte("name: m\ntier: low\n"), "old.yaml": []byte(old + "new: new\n")})
	must(err)
	n, err := s.As("ann").Open("acme/models", "Release", "", "b", "main", false)
	must(err)
	ref := forge.Ref{Repo: forge.Repo{Host: s.Host(), Owner: "acme", Name: "models"}, Number: n}

	changes, err := app.Changes(ctx, ref)
	must(err)
	for _, f := range changes.Files {
		if f.Path == "old.yaml" && (f.Shows(1) || !f.Shows(21) || !f.Shows(18)) {
			t.Errorf("of a changed file are shown %+v", f.Shown)
		}
	}
	var c *forge.Conversation
	look := func() map[string]forge.Thread {
		t.Helper()
		before := len(s.Requests())
		c, err = app.Conversation(ctx, ref, forge.Want{})
		must(err)
		if n := len(s.Requests()) - before; n > 1 && before > 5 {
			t.Errorf("a look took %d requests", n)
		}
		out := map[string]forge.Thread{}
		for _, x := range c.Threads {
			out[x.Key] = x
		}
		return out
	}
	look()
	high := forge.ThreadBody("high", "It is **high**\n\n```suggestion\ntier: high\n```")
	more := forge.ThreadBody("more", "Say more\n\n```suggestion\nnew: newer\n```")
	before := len(s.Requests())
	must(app.Publish(ctx, c.PullRequest, forge.Publication{
		Comments: []forge.CommentWrite{{Body: "Look"}},
		Threads:  []forge.ThreadWrite{{Path: path, Line: 2, Body: high}, {Path: "old.yaml", Line: 21, Body: more}},
	}))
	if n := len(s.Requests()) - before; n != 1 {
		t.Errorf("comment and suggestions took %d requests", n)
	}
	threads := look()
	if len(threads) != 2 || threads["high"].Resolved || threads["high"].Body != high {
		t.Fatalf("threads %+v", c.Threads)
	}
	if len(c.Reviews) != 1 || c.Reviews[0].State != forge.ReviewCommented || c.Reviews[0].Author.Kind != forge.Bot {
		t.Errorf("the suggestions are a vote: %+v", c.Reviews)
	}

	// A line that is not part of the diff spoils the review, and nothing else.
	must(app.Publish(ctx, c.PullRequest, forge.Publication{
		Comments: []forge.CommentWrite{{Body: "Look again"}},
		Threads:  []forge.ThreadWrite{{Path: path, Line: 2, Body: forge.ThreadBody("x", "x")}, {Path: "old.yaml", Line: 1, Body: forge.ThreadBody("y", "y")}},
	}))
	if threads = look(); len(threads) != 2 || len(c.Comments) != 2 {
		t.Errorf("threads %+v, comments %+v", c.Threads, c.Comments)
	}

	must(app.Publish(ctx, c.PullRequest, forge.Publication{Threads: []forge.ThreadWrite{{NodeID: threads["more"].NodeID, Resolve: true}}}))
	if x := look()["more"]; !x.Resolved || !x.ByUs {
		t.Errorf("resolved by us: %+v", x)
	}
	must(app.Publish(ctx, c.PullRequest, forge.Publication{Threads: []forge.ThreadWrite{{NodeID: threads["more"].NodeID}}}))
	if x := look()["more"]; x.Resolved {
		t.Errorf("reopened: %+v", x)
	}

	// Ann applies it: the commit is hers, Lumos is named beside, and the thread is resolved by her.
	list, err := s.Threads("acme/models", n)
	must(err)
	sha, err := s.As("ann").ApplySuggestion("acme/models", n, list[0].ID)
	must(err)
	if x := look()["high"]; !x.Resolved || x.ByUs || c.PullRequest.Head.SHA != sha {
		t.Errorf("applied: %+v, head %s", x, c.PullRequest.Head.SHA)
	}
	last := c.Commits[len(c.Commits)-1]
	if last.SHA != sha || len(last.Authors) != 2 || last.Authors[0].ID != ann.ID || last.Authors[1].ID != in.Bot.ID || last.Authors[1].Kind != forge.Bot || last.Committer != (forge.Account{}) {
		t.Errorf("the commit that applied it: %+v", last)
	}
	if slices.ContainsFunc(last.Authors, func(a forge.Account) bool { return !a.Known() }) {
		t.Error("an author is unknown, and the gate would refuse the change")
	}
}
