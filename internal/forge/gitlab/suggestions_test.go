package gitlab

import (
	"slices"
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/forge"
)

// TestSuggestionsAgainstSandbox writes suggestions, reads them back and lets one be applied.
func TestSuggestionsAgainstSandbox(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, must := startSandbox(t)
	ann, err := s.CreateUser("ann", "Ann", "ann@acme.example")
	must(err)
	_, err = s.CreateUser("dora", "Dora", "dora@acme.example")
	must(err)
	_, err = s.CreateOrg("acme", "dora")
	must(err)
	old := strings.Repeat("same: same\n", 20)
	must(s.CreateRepo("acme", "models", true, "dora", map[string][]byte{"old.yaml": []byte(old)}))
	must(s.Grant("ann", "acme/models", "write"))
	bot, err := s.CreateBot("acme", "lumos", "maintainer", "api", "write_repository")
	must(err)
	h, err := New(Options{URL: s.URL(), Token: bot.Token})
	must(err)
	const path = "releases/m/1.yaml"
	_, err = s.As("ann").Commit("acme/models", "b", "Release", map[string][]byte{path: []byte("name: m\ntier: low\n"), "old.yaml": []byte("first: new\n" + old + "new: new\nmore: new\n")})
	must(err)
	n, err := s.As("ann").Open("acme/models", "Release", "", "b", "main", false)
	must(err)
	ref := forge.Ref{Repo: forge.Repo{Host: s.Host(), Owner: "acme", Name: "models"}, Number: n}
	changes, err := h.Changes(ctx, ref)
	must(err)
	for _, f := range changes.Files {
		want := []forge.Lines{{From: 1, To: 1}, {From: 22, To: 23}}
		if f.Path == "old.yaml" && !slices.Equal(f.Shown, want) || f.Path == path && f.Shown != nil {
			t.Errorf("%s: shown %+v", f.Path, f.Shown)
		}
	}
	c, err := h.Conversation(ctx, ref, forge.Want{})
	must(err)
	body := forge.ThreadBody("high", "It is **high**\n\n```suggestion:-0+0\ntier: high\n```")
	must(h.Publish(ctx, c.PullRequest, forge.Publication{Threads: []forge.ThreadWrite{
		{Path: path, Line: 2, Body: body}, {Path: "old.yaml", Line: 23, Body: forge.ThreadBody("more", "x")}, {Path: "old.yaml", Line: 5, Body: forge.ThreadBody("none", "x")},
	}}))
	c, err = h.Conversation(ctx, ref, forge.Want{})
	must(err)
	if len(c.Threads) != 2 || c.Threads[0].Key != "high" || c.Threads[0].Body != body {
		t.Fatalf("threads %+v", c.Threads)
	}
	list, err := s.Threads("acme/models", n)
	must(err)
	sha, err := s.As("ann").ApplySuggestion("acme/models", n, list[0].ID)
	must(err)
	c, err = h.Conversation(ctx, ref, forge.Want{})
	must(err)
	if !c.Threads[0].Resolved || c.Threads[0].ByUs || c.PullRequest.Head.SHA != sha {
		t.Errorf("applied: %+v, head %s", c.Threads[0], c.PullRequest.Head.SHA)
	}
	// GitLab makes Lumos the author and Ann the committer: both have a part in it, and both are known.
	last := c.Commits[len(c.Commits)-1]
	if last.SHA != sha || last.Authors[0].ID != bot.Account.ID || last.Authors[0].Kind != forge.Bot || last.Committer.ID != ann.ID {
		t.Errorf("the commit that applied it: %+v", last)
	}
	if slices.ContainsFunc(last.Authors, func(a forge.Account) bool { return !a.Known() }) {
		t.Errorf("an author is unknown, and the gate would refuse the change: %+v", last.Authors)
	}
	pushes, err := h.Pushes(ctx, c.PullRequest.Head, ref.Repo)
	must(err)
	if len(pushes) == 0 || pushes[0].After != sha || pushes[0].Actor.ID != ann.ID {
		t.Errorf("pushes %+v", pushes)
	}
}
