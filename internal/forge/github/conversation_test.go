package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/forge"
)

type object = map[string]any

var wanted = forge.Want{
	Teams: []string{"acme/risk", "other/hidden", "acme/none", "malformed"},
	Dirs:  []string{"releases", ".", "absent"},
}

// answered reads testdata/conversation.json, changed by one test.
func answered(t *testing.T, change func(pr object)) string {
	t.Helper()
	data, err := os.ReadFile("testdata/conversation.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc object
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(at(doc, "data", "repository", "pullRequest"))
	}
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// at walks down objects, and into the first element of lists.
func at(v any, path ...string) object {
	for _, p := range path {
		v = v.(object)[p]
		if list, ok := v.([]any); ok {
			v = list[0]
		}
	}
	return v.(object)
}

func TestConversation(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.answers(answered(t, nil))
	got, err := app.Conversation(t.Context(), pull4, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.requests) != 1 {
		t.Errorf("requests %v, want one", h.requests)
	}
	for name, want := range map[string]any{"owner": "acme", "number": 4.0, "app": float64(appID), "audit": "refs/heads/lumos/audit", "d0": "releases", "t1Org": "other", "t1Slug": "hidden"} {
		if v := h.graphql[0].Variables[name]; v != want {
			t.Errorf("variable %s is %v, want %v", name, v, want)
		}
	}
	got.PullRequest.Repo.Host = "github.com" // else the test's own address
	out, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "conversation.golden.json", string(out)+"\n")
}

// TestTruncated: what is not read whole is named, so that no decision rests on it.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(pr object)
		want   string
	}{
		{"the base branch is gone", func(pr object) { pr["baseRef"] = nil }, "the base branch"},
		{"251 commits", func(pr object) { at(pr, "commits")["totalCount"] = 251 }, "commits: 251, of which 3"},
		{"a commit is missing", func(pr object) { at(pr, "commits")["totalCount"] = 4 }, "commits: 4, of which 3"},
		{"a commit is null", func(pr object) {
			pr["commits"].(object)["nodes"].([]any)[0] = nil
		}, "a commit that GitHub could not read"},
		{"eleven authors", func(pr object) { at(pr, "commits", "nodes", "commit", "authors")["totalCount"] = 11 }, "the authors of commit " + sha1C},
		{"no author", func(pr object) {
			at(pr, "commits", "nodes", "commit")["authors"] = object{"totalCount": 0, "nodes": []any{}}
		}, "the authors of commit " + sha1C},
		{"eleven parents", func(pr object) { at(pr, "commits", "nodes", "commit", "parents")["totalCount"] = 11 }, "the parents of commit " + sha1C},
		{"a new kind of review", func(pr object) { at(pr, "reviews", "nodes")["state"] = "BLESSED" }, `"BLESSED"`},
		{"a null comment", func(pr object) { pr["comments"].(object)["nodes"].([]any)[0] = nil }, "a comment that GitHub could not read"},
		{"an unreadable directory", func(pr object) { at(pr, "baseRef", "target", "d0")["object"] = nil }, "the directory releases"},
		{"an unreadable root", func(pr object) { at(pr, "baseRef", "target", "d1")["entries"] = nil }, "the directory ."},
		{"an unreadable folder of policies", func(pr object) { at(pr, "baseRef", "target", "lumos", "object")["entries"] = nil }, ".lumos, which is nested"},
		{"nested too deep", func(object) {}, ".lumos/policies/acme/deep"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, app := newHost(t)
			h.answers(answered(t, tc.change))
			got, err := app.Conversation(t.Context(), pull4, wanted)
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(got.Truncated, "\n"); !strings.Contains(all, tc.want) {
				t.Errorf("truncated %q, want %q", all, tc.want)
			}
		})
	}
}

func TestConversationRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, answer string
		want         error
	}{
		{"no repository", `{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"message":"Could not resolve"}]}`, forge.ErrNotFound},
		{"no pull request", `{"data":{"repository":{"id":"R","pullRequest":null}}}`, forge.ErrNotFound},
		{"a part is forbidden", `{"data":{"repository":{"id":"R","pullRequest":null}},"errors":[{"type":"FORBIDDEN","path":["repository","pullRequest","reviews"],"message":"no"}]}`, forge.ErrForbidden},
		{"an error without a place", `{"data":{"repository":null},"errors":[{"message":"Something went wrong"}]}`, nil},
		{"nothing", `{}`, nil},
		{"no JSON", `<html>`, nil},
		{"another state", strings.Replace(answered(t, nil), `"OPEN"`, `"LIMBO"`, 1), nil},
		{"pushed while it was read", answered(t, func(pr object) { pr["headRefOid"] = sha1B }), forge.ErrHeadMoved},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, app := newHost(t)
			h.answers(tc.answer)
			got, err := app.Conversation(t.Context(), pull4, wanted)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Fatalf("got %v, error %v, want %v", got, err, tc.want)
			}
			if !strings.Contains(err.Error(), "acme/models#4") {
				t.Errorf("the error does not say where: %v", err)
			}
		})
	}
}

// TestThreadPages reads threads page by page, and no more than a thousand.
func TestThreadPages(t *testing.T) {
	t.Parallel()
	thread := func(id string) object {
		return object{"id": id, "comments": object{"nodes": []any{object{"body": forge.ThreadBody("k "+id, "x"), "viewerDidAuthor": true}}}}
	}
	more := func(next bool, ids ...string) object {
		var nodes []any
		for _, id := range ids {
			nodes = append(nodes, thread(id))
		}
		return object{"nodes": nodes, "pageInfo": object{"hasNextPage": next, "endCursor": "c"}}
	}
	page := func(next bool, ids ...string) string {
		out, err := json.Marshal(object{"data": object{"node": object{"reviewThreads": more(next, ids...)}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	first := answered(t, func(pr object) { pr["reviewThreads"] = more(true, "a") })
	h, app := newHost(t)
	h.answers(first, page(true, "b"), page(false, "c", "d"))
	got, err := app.Conversation(t.Context(), pull4, forge.Want{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Threads) != 4 || got.Threads[3].Key != "k d" || strings.Contains(strings.Join(got.Truncated, " "), "threads") || len(h.requests) != 3 {
		t.Errorf("threads %+v, truncated %q, requests %v", got.Threads, got.Truncated, h.requests)
	}
	h, app = newHost(t)
	h.answers(first, page(true, "b"))
	if got, err = app.Conversation(t.Context(), pull4, forge.Want{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(got.Truncated, " "), "threads: more than 1000") || len(h.requests) != 10 {
		t.Errorf("truncated %q, requests %v", got.Truncated, h.requests)
	}
}

// TestPages reads 205 commits, 101 reviews, 102 comments and 103 members, page by page.
func TestPages(t *testing.T) {
	t.Parallel()
	commits := func(from, to int) []any {
		var out []any
		for i := from; i < to; i++ {
			sha := fmt.Sprintf("%040x", i)
			if i == 204 {
				sha = sha1A
			}
			out = append(out, object{"commit": object{"oid": sha, "parents": object{},
				"authors": object{"totalCount": 1, "nodes": []any{object{"user": object{"__typename": "User", "databaseId": i + 1, "login": "u"}}}}}})
		}
		return out
	}
	reviews := func(from, to int) []any {
		var out []any
		for i := from; i < to; i++ {
			out = append(out, object{"fullDatabaseId": fmt.Sprint(i + 1), "state": "COMMENTED", "submittedAt": "2026-11-02T11:00:00Z"})
		}
		return out
	}
	comments := func(from, to int) []any {
		var out []any
		for i := from; i < to; i++ {
			out = append(out, object{"id": "IC", "fullDatabaseId": fmt.Sprint(i + 1), "createdAt": "2026-11-02T11:00:00Z"})
		}
		return out
	}
	members := func(from, to int) []any {
		var out []any
		for i := from; i < to; i++ {
			out = append(out, object{"databaseId": i + 1, "login": "m"})
		}
		return out
	}
	list := func(next bool, cursor string, nodes []any, total int) object {
		return object{"totalCount": total, "nodes": nodes,
			"pageInfo": object{"hasNextPage": next, "endCursor": cursor, "hasPreviousPage": next, "startCursor": cursor}}
	}
	node := func(field string, value object) string {
		out, err := json.Marshal(object{"data": object{"node": object{field: value}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	var doc object
	if err := json.Unmarshal([]byte(answered(t, func(pr object) {
		pr["commits"] = list(true, "c1", commits(0, 100), 205)
		pr["reviews"] = list(true, "r1", reviews(0, 100), 0)
		pr["comments"] = list(true, "m1", comments(2, 102), 0)
		at(pr, "baseRef", "target")["lumos"] = nil
	})), &doc); err != nil {
		t.Fatal(err)
	}
	at(doc, "data", "t0", "team")["members"] = list(true, "t1", members(0, 100), 0)
	first, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	h, app := newHost(t)
	h.answers(string(first),
		node("commits", list(true, "c2", commits(100, 200), 205)), node("commits", list(false, "", commits(200, 205), 205)),
		node("reviews", list(false, "", reviews(100, 101), 0)),
		node("comments", list(false, "", comments(0, 2), 0)),
		node("members", list(false, "", members(100, 103), 0)))
	got, err := app.Conversation(t.Context(), pull4, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Commits) != 205 || len(got.Reviews) != 101 || len(got.Comments) != 102 || len(got.Teams[0].Members) != 103 {
		t.Errorf("%d commits, %d reviews, %d comments, %d members", len(got.Commits), len(got.Reviews), len(got.Comments), len(got.Teams[0].Members))
	}
	if len(got.Truncated) != 0 {
		t.Errorf("truncated %q", got.Truncated)
	}
	for i, c := range got.Comments {
		if c.ID != int64(i+1) {
			t.Fatalf("comment %d has id %d: they are out of order", i, c.ID)
		}
	}
	var cursors []any
	for _, q := range h.graphql[1:] {
		cursors = append(cursors, q.Variables["cursor"])
	}
	if want := []any{"c1", "c2", "r1", "m1", "t1"}; !reflect.DeepEqual(cursors, want) {
		t.Errorf("cursors %v, want %v", cursors, want)
	}
}

func TestEndlessPages(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"reviews", "comments"} {
		t.Run(field, func(t *testing.T) {
			more := object{"hasNextPage": true, "endCursor": "x", "hasPreviousPage": true, "startCursor": "x"}
			page, err := json.Marshal(object{"data": object{"node": object{field: object{"nodes": []any{}, "pageInfo": more}}}})
			if err != nil {
				t.Fatal(err)
			}
			h, app := newHost(t)
			h.answers(answered(t, func(pr object) { at(pr, field)["pageInfo"] = more }), string(page))
			got, err := app.Conversation(t.Context(), pull4, wanted)
			if err != nil {
				t.Fatal(err)
			}
			if len(h.graphql) != maxPages || !strings.Contains(strings.Join(got.Truncated, "\n"), field+": more than") {
				t.Errorf("%d requests, truncated %q", len(h.graphql), got.Truncated)
			}
		})
	}
}

// TestOurAddress: GitHub names no user for an App's address. Ours alone is known by itself.
func TestOurAddress(t *testing.T) {
	t.Parallel()
	me := actor{ID: 70, Login: "lumos[bot]"}
	ours := forge.Account{ID: 70, Login: "lumos[bot]", Kind: forge.Bot}
	nobody := forge.Account{Kind: forge.Unknown}
	for name, tc := range map[string]struct {
		in   gitActor
		me   actor
		want forge.Account
	}{
		"ours":                      {gitActor{Email: "70+lumos[bot]@users.noreply.github.com"}, me, ours},
		"on an instance of its own": {gitActor{Email: "70+Lumos[bot]@users.noreply.acme.example"}, actor{ID: 70, Login: "lumos"}, ours},
		"another App":               {gitActor{Email: "71+other[bot]@users.noreply.github.com"}, me, nobody},
		"our name, another number":  {gitActor{Email: "71+lumos[bot]@users.noreply.github.com"}, me, nobody},
		"another domain":            {gitActor{Email: "70+lumos[bot]@evil.example"}, me, nobody},
		"we are nobody":             {gitActor{Email: "0+[bot]@users.noreply.github.com"}, actor{}, nobody},
		"what GitHub says goes first": {gitActor{Email: "70+lumos[bot]@users.noreply.github.com", User: &actor{Type: "User", ID: 3, Login: "ann"}}, me,
			forge.Account{ID: 3, Login: "ann", Kind: forge.User}},
	} {
		if got := tc.in.account(tc.me); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}
