package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

// fields is a JSON object that tests change by path.
type fields = map[string]any

func who(id int, name string) fields {
	return fields{"id": fmt.Sprintf("gid://gitlab/User/%d", id), "username": name, "bot": name == "lumos", "state": "active"}
}

func list(nodes ...any) fields {
	if nodes == nil {
		nodes = []any{}
	}
	return fields{"nodes": nodes, "pageInfo": fields{"hasNextPage": false}}
}

func noteOf(id int, author fields, body string) fields {
	return fields{
		"id": fmt.Sprintf("gid://gitlab/Note/%d", id), "body": body, "system": false, "author": author,
		"createdAt": time.Unix(1_800_000_000+int64(id), 0).UTC(), "maxAccessLevelOfAuthor": "Developer",
		"discussion": fields{"id": fmt.Sprintf("gid://gitlab/Discussion/d%d", id)},
	}
}

func system(id int, author fields, action, body string) fields {
	n := noteOf(id, author, body)
	n["system"], n["systemNoteMetadata"] = true, fields{"action": action}
	return n
}

var (
	jonas = who(1, "jonas")
	ben   = who(2, "ben")
	cleo  = who(3, "cleo")
	lumos = who(9, "lumos")
)

// opened is a merge request into main, with one commit of jonas.
func opened() fields {
	return fields{
		"id": "gid://gitlab/MergeRequest/400", "iid": "4", "webUrl": "https://gl/acme/nlp/models/-/merge_requests/4",
		"title": "Release", "state": "opened", "draft": false, "createdAt": "2027-01-02T03:04:05Z",
		"sourceBranch": "feature", "targetBranch": "main", "sourceProject": fields{"fullPath": "acme/nlp/models"},
		"diffHeadSha": sha1A, "diffRefs": fields{"baseSha": sha1C, "headSha": sha1A, "startSha": sha1D},
		"mergeCommitSha": nil, "conflicts": false, "mergeStatusEnum": "CAN_BE_MERGED", "mergeUser": nil, "author": jonas,
		"approvedBy": list(), "reviewers": list(), "committers": list(jonas),
		"commits":      list(fields{"sha": sha1A, "message": "m", "authorEmail": "j@acme", "committerEmail": "j@acme", "author": jonas}),
		"notes":        list(),
		"headPipeline": nil,
	}
}

func conversationOf(mr fields) string {
	b, err := json.Marshal(fields{"data": fields{
		"currentUser": fields{"id": "gid://gitlab/User/9"},
		"project": fields{
			"id": "gid://gitlab/Project/12", "fullPath": "acme/nlp/models",
			"repository": fields{
				"rootRef": "main", "base": fields{"lastCommit": fields{"sha": sha1B}}, "audit": fields{"lastCommit": nil},
			},
			"mergeRequest": mr,
		},
		"g0": fields{"id": "gid://gitlab/Group/50", "groupMembers": list(fields{"user": ben}, fields{"user": cleo})},
	}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

const noBase = `{"data":{"project":{"repository":{"lumos":{},"files":{"nodes":[]}}}}}`

// read reads one merge request, with nothing at its base.
func read(t *testing.T, mr fields, change ...func(*lab)) (*forge.Conversation, error) {
	t.Helper()
	l, h := newLab(t)
	l.answers("Conversation", conversationOf(mr))
	l.answers("Base", noBase)
	for _, c := range change {
		c(l)
	}
	return h.Conversation(context.Background(), mr4, forge.Want{})
}

func mustRead(t *testing.T, mr fields, change ...func(*lab)) *forge.Conversation {
	t.Helper()
	c, err := read(t, mr, change...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConversationFacts(t *testing.T) {
	t.Parallel()
	got := mustRead(t, opened()).PullRequest
	want := forge.PullRequest{
		Ref:      forge.Ref{Repo: forge.Repo{Host: got.Repo.Host, ID: 12, Owner: "acme/nlp", Name: "models"}, Number: 4},
		Platform: forge.GitLab, NodeID: "gid://gitlab/MergeRequest/400", RepoNodeID: "gid://gitlab/Project/12",
		URL: "https://gl/acme/nlp/models/-/merge_requests/4", Title: "Release", State: forge.Open,
		Author:    forge.Account{ID: 1, NodeID: "gid://gitlab/User/1", Login: "jonas", Kind: forge.User},
		Head:      forge.Branch{Ref: "feature", SHA: sha1A, Repo: "acme/nlp/models"},
		Base:      forge.Branch{Ref: "main", SHA: sha1B, Repo: "acme/nlp/models"},
		CreatedAt: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), Mergeable: forge.MergeClean, MergeBase: sha1C,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestConversationVariants(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(fields)
		lab    func(*lab)
		check  func(*forge.Conversation) string
		err    error
	}{
		{"draft", func(m fields) { m["draft"] = true }, nil, func(c *forge.Conversation) string { return fmt.Sprint(c.PullRequest.Draft) }, nil},
		{"conflict", func(m fields) { m["conflicts"] = true }, nil, func(c *forge.Conversation) string { return fmt.Sprint(c.PullRequest.Mergeable == forge.MergeConflict) }, nil},
		{"unchecked", func(m fields) { m["mergeStatusEnum"] = "UNCHECKED" }, nil, func(c *forge.Conversation) string {
			return fmt.Sprint(c.PullRequest.Mergeable == forge.MergeUncertain)
		}, nil},
		{"a fork", func(m fields) { m["sourceProject"] = fields{"fullPath": "jonas/models"} }, nil, func(c *forge.Conversation) string {
			return fmt.Sprint(c.PullRequest.Head.Fork && c.PullRequest.Head.Repo == "jonas/models")
		}, nil},
		{"a deleted fork", func(m fields) { m["sourceProject"] = nil }, nil, func(c *forge.Conversation) string {
			return fmt.Sprint(c.PullRequest.Head.Fork && c.PullRequest.Head.Repo == "")
		}, nil},
		{"closed, the branch went on", func(m fields) { m["state"], m["diffHeadSha"] = "closed", sha1B }, nil, func(c *forge.Conversation) string {
			return fmt.Sprint(c.PullRequest.State == forge.Closed && c.PullRequest.Head.SHA == sha1A)
		}, nil},
		{"merged", func(m fields) { m["state"], m["mergeCommitSha"], m["mergeUser"] = "merged", sha1D, ben }, nil, func(c *forge.Conversation) string {
			return fmt.Sprint(c.PullRequest.MergeCommit == sha1D && c.PullRequest.MergedBy.ID == 2)
		}, nil},
		{"squashed without a merge commit", func(m fields) { m["state"] = "merged" }, func(l *lab) {
			l.says("GET projects/acme%2Fnlp%2Fmodels/merge_requests/4", 200, `{"sha":"`+sha1A+`","squash_commit_sha":"`+sha1D+`"}`)
		}, func(c *forge.Conversation) string {
			return fmt.Sprint(c.PullRequest.MergeCommit == sha1D && c.PullRequest.MergedBy.Kind == forge.Unknown)
		}, nil},
		{"being prepared", func(m fields) { m["diffRefs"] = nil }, nil, nil, forge.ErrHeadMoved},
		{"a push being taken in", func(m fields) { m["diffHeadSha"] = sha1B }, nil, nil, forge.ErrHeadMoved},
		{"commits of another head", func(m fields) {
			m["commits"] = list(fields{"sha": sha1B, "authorEmail": "j@acme", "committerEmail": "j@acme", "author": jonas})
		}, nil, nil, forge.ErrHeadMoved},
		{"the base is gone", func(m fields) { m["targetBranch"] = "old" }, func(l *lab) {
			l.says("GET projects/acme%2Fnlp%2Fmodels/repository/branches/old", 404, `{}`)
		}, func(c *forge.Conversation) string {
			return fmt.Sprint(len(c.Truncated) == 1 && c.PullRequest.Base.SHA == "")
		}, nil},
		{"another target than guessed", func(m fields) { m["targetBranch"] = "prod/eu" }, func(l *lab) {
			l.says("GET projects/acme%2Fnlp%2Fmodels/repository/branches/prod%2Feu", 200, `{"commit":{"id":"`+sha1D+`"}}`)
		}, func(c *forge.Conversation) string { return fmt.Sprint(c.PullRequest.Base.SHA == sha1D) }, nil},
		{"reviewers", func(m fields) { m["reviewers"] = list(who(2, "Ben")) }, nil, func(c *forge.Conversation) string { return fmt.Sprint(c.Requested[0] == "ben") }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mr := opened()
			tc.change(mr)
			if tc.lab == nil {
				tc.lab = func(*lab) {}
			}
			c, err := read(t, mr, tc.lab)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && tc.check(c) != "true" {
				t.Errorf("got %+v, truncated %q", c.PullRequest, c.Truncated)
			}
		})
	}
}

// TestConversationCost counts requests: two of which one follows the other at a new base, one after that.
func TestConversationCost(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	l.answers("Conversation", conversationOf(opened()))
	l.answers("Base", noBase)
	l.answers("Groups", `{"data":{"g0":{"id":"gid://gitlab/Group/50","groupMembers":{"nodes":[{"user":{"id":"gid://gitlab/User/4","username":"dora","bot":false,"state":"active"}}]}}}}`)
	want := forge.Want{Teams: []string{"acme/model-owners"}, Dirs: []string{"releases"}}
	look := func() *forge.Conversation {
		c, err := h.Conversation(context.Background(), mr4, want)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := look()
	l.counted("Conversation", "Base", "Groups") // Groups: who is a member by inheritance, once an hour
	if team := c.Teams[0]; len(team.Members) != 2 || len(team.Inherited) != 1 || team.Name() != "acme/model-owners" || team.ID != 50 {
		t.Errorf("team %+v", team)
	}
	look()
	l.counted("Conversation")
	if h.Narrow(Wake{Repo: models, AllOpen: true, HeadSHA: sha1A}).Numbers[0] != 4 {
		t.Error("a head that was just seen is not known")
	}
}

func TestTeams(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	blocked, invited := who(5, "eve"), fields{"user": nil}
	blocked["state"] = "blocked"
	mr := opened()
	var raw fields
	_ = json.Unmarshal([]byte(conversationOf(mr)), &raw)
	data := raw["data"].(fields)
	data["g0"] = fields{"id": "gid://gitlab/Group/50", "groupMembers": list(fields{"user": ben}, fields{"user": blocked}, invited)}
	member := func(u fields, level int) fields {
		return fields{"user": u, "accessLevel": fields{"integerValue": level}}
	}
	data["project"].(fields)["projectMembers"] = list(member(ben, 30), member(cleo, 40), member(blocked, 30), member(lumos, 40))
	body, _ := json.Marshal(raw)
	l.answers("Conversation", string(body))
	l.answers("Base", noBase)
	l.graphql["Groups"] = func(v map[string]any) string { return `{"data":{"g0":null,"g1":null}}` }
	c, err := h.Conversation(context.Background(), mr4, forge.Want{Teams: []string{"Acme/Owners", "jonas", "@developer", "@maintainer", "@guest", "a b"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, team := range c.Teams {
		names := make([]string, 0, len(team.Members))
		for _, m := range team.Members {
			names = append(names, m.Login)
		}
		got = append(got, team.Name()+": "+strings.Join(names, " ")+" "+team.Unreadable)
	}
	want := []string{
		"acme/owners: ben ", "jonas:  " + noGroup, "@developer: ben ", "@maintainer: cleo lumos ",
		`@guest:  "@guest" is no role: expected @developer, @maintainer or @owner`, `a b:  "a b" is no group: expected group or group/subgroup`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("teams (-want +got):\n%s", diff)
	}
	if plan := h.planTeams([]string{"jonas"}); len(plan.groups) != 0 {
		t.Errorf("a name that is no group is asked for again: %v", plan.groups)
	}
}

func TestConversationErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body string
		want       error
	}{
		{"no project", `{"data":{"currentUser":{"id":"gid://gitlab/User/9"},"project":null}}`, forge.ErrNotFound},
		{"no merge request", `{"data":{"currentUser":{"id":"gid://gitlab/User/9"},"project":{"id":"gid://gitlab/Project/12","fullPath":"acme/models","mergeRequest":null}}}`, forge.ErrNotFound},
		{"nobody", strings.Replace(conversationOf(opened()), `"currentUser":{"id":"gid://gitlab/User/9"}`, `"currentUser":null`, 1), forge.ErrForbidden},
		{"refused", `{"data":null,"errors":[{"message":"The resource that you are attempting to access does not exist or you don't have permission to perform this action"}]}`, forge.ErrForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, opened(), func(l *lab) { l.answers("Conversation", tc.body) })
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
	t.Run("groups are too much", func(t *testing.T) {
		t.Parallel()
		l, h := newLab(t)
		n := 0
		l.graphql["Conversation"] = func(map[string]any) string {
			if n++; n == 1 {
				return `{"errors":[{"message":"Query has complexity of 260, which exceeds max complexity of 250"}]}`
			}
			return conversationOf(opened())
		}
		l.answers("Base", noBase)
		l.answers("Groups", `{"data":{"g0":null}}`)
		c, err := h.Conversation(context.Background(), mr4, forge.Want{Teams: []string{"acme"}})
		if err != nil || c.Teams[0].Unreadable != noGroup {
			t.Fatalf("%v %v", c, err)
		}
		l.counted("Conversation", "Conversation", "Groups", "Base")
	})
	t.Run("the audit branch cannot be read by the query", func(t *testing.T) {
		t.Parallel()
		body := strings.Replace(conversationOf(opened()), `{"data":`, `{"errors":[{"message":"Internal server error","path":["project","repository","audit","lastCommit"]}],"data":`, 1)
		c := mustRead(t, opened(), func(l *lab) {
			l.answers("Conversation", body)
			l.says("GET projects/acme%2Fnlp%2Fmodels/repository/branches/lumos%2Faudit", 200, `{"commit":{"id":"`+sha1D+`"}}`)
		})
		if c.AuditTip != sha1D {
			t.Errorf("audit tip %q", c.AuditTip)
		}
	})
}

func TestBaseFiles(t *testing.T) {
	t.Parallel()
	c, err := func() (*forge.Conversation, error) {
		l, h := newLab(t)
		l.answers("Conversation", conversationOf(opened()))
		l.graphql["Base"] = func(v map[string]any) string {
			if v["ref"] != sha1B {
				t.Errorf("base read at %v", v["ref"])
			}
			return `{"data":{"project":{"repository":{
				"lumos":{"blobs":{"nodes":[{"path":".lumos/config.yaml","sha":"` + sha1C + `","mode":"100644"}]},"trees":{"nodes":[{"path":".lumos/policies","sha":"` + sha1D + `"}]}},
				"files":{"nodes":[{"path":".gitlab/CODEOWNERS","oid":"` + sha1A + `","mode":"120000"}]},
				"d0":{"blobs":{"nodes":[{"path":"releases/README.md","sha":"` + sha1A + `","mode":"100644"}]},"submodules":{"nodes":[{"path":"releases/sub","sha":"` + sha1A + `"}]}},
				"d1":{"blobs":{"nodes":[],"pageInfo":{"hasNextPage":true}}}}}}}`
		}
		l.says("GET projects/acme%2Fnlp%2Fmodels/repository/tree", 200, `[{"id":"`+sha1B+`","name":"x","path":"x","mode":"040000","type":"tree"}]`)
		return h.Conversation(context.Background(), mr4, forge.Want{Dirs: []string{"releases/", "."}})
	}()
	if err != nil {
		t.Fatal(err)
	}
	want := []forge.Entry{
		{Path: ".gitlab/CODEOWNERS", Mode: "120000", OID: sha1A},
		{Path: ".lumos/config.yaml", Mode: "100644", OID: sha1C},
		{Path: ".lumos/policies", Mode: "040000", OID: sha1D},
		{Path: "releases/README.md", Mode: "100644", OID: sha1A},
		{Path: "releases/sub", Mode: "160000", OID: sha1A},
		{Path: "x", Mode: "040000", OID: sha1B},
	}
	if diff := cmp.Diff(want, c.BaseFiles); diff != "" {
		t.Errorf("base files (-want +got):\n%s", diff)
	}
}
