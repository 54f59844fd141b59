package gitlab

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

// recorded are the payloads of real hosts and of GitLab's docs, by folder and name.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	roots := []string{os.Getenv("LUMOS_SHARED")}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		roots = append(roots, filepath.Join(dir, "shared"))
	}
	out := map[string][]byte{}
	for _, root := range roots {
		files, err := filepath.Glob(filepath.Join(root, "data", "webhooks", "gitlab-*", "*.json"))
		if root == "" || err != nil || len(files) == 0 {
			continue
		}
		for _, f := range files {
			if out[filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f)], err = os.ReadFile(f); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	return out
}

func always(string) bool { return true }

func summary(w Wake) string {
	s := w.Repo.FullName()
	switch {
	case w.Everything:
		return "everything"
	case w.AllOpen:
		s += " all"
	}
	for _, n := range w.Numbers {
		s += fmt.Sprintf(" !%d", n)
	}
	return s
}

// TestRecordedPayloads parses every recorded payload: each wakes what is listed, and nothing where it is not.
func TestRecordedPayloads(t *testing.T) {
	t.Parallel()
	files := recorded(t)
	if len(files) == 0 {
		t.Skip("the recorded payloads are not there: LUMOS_SHARED names their folder")
	}
	want := map[string]string{
		"gitlab-goplayground/comment-merge-request-event.json": "gitlab-org/gitlab-test !1",
		"gitlab-goplayground/merge-request-event.json":         "gitlabhq/gitlab-test !1",
		"gitlab-goplayground/system-merge-request-event.json":  "jsmith/example !1",
		"gitlab-goplayground/push-event.json":                  "mike/diaspora all", // lists fewer commits than it counts
		"gitlab-goplayground/system-group-member-added.json":   "everything",
		"gitlab-goplayground/system-group-member-removed.json": "everything",
		"gitlab-goplayground/system-group-member-updated.json": "everything",
		"gitlab-goplayground/system-group-renamed.json":        "everything",
		"gitlab-goplayground/system-project-created.json":      "everything",
		"gitlab-goplayground/system-project-renamed.json":      "everything",
		"gitlab-goplayground/system-project-transferred.json":  "everything",
		"gitlab-goplayground/system-team-member-added.json":    "everything",
		"gitlab-goplayground/system-team-member-removed.json":  "everything",
		"gitlab-goplayground/system-team-member-updated.json":  "everything",
		"gitlab-goplayground/system-user-removed.json":         "everything",
		"gitlab-xanzy/group_merge_request.json":                "exm-namespace/example-project all", // its keys end in blanks
		"gitlab-xanzy/member.json":                             "everything",
		"gitlab-xanzy/merge_request.json":                      "gitlabhq/gitlab-test !1",
		"gitlab-xanzy/note_merge_request.json":                 "gitlab-org/gitlab-test !1",
		"gitlab-xanzy/push.json":                               "mike/diaspora all",
		"gitlab-xanzy/service_merge_request.json":              "test/woodpecker !2",
	}
	got := map[string]string{}
	for name, body := range files {
		w, ok, err := ParseHook("", body, always)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if ok {
			got[name] = summary(w)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wakes (-want +got):\n%s", diff)
	}
}

// TestRecordedMergeRequestsRoundTrip reads recorded merge requests as if GraphQL had told them, and finds
// in the facts what the payloads say.
func TestRecordedMergeRequestsRoundTrip(t *testing.T) {
	t.Parallel()
	files := recorded(t)
	if len(files) == 0 {
		t.Skip("the recorded payloads are not there: LUMOS_SHARED names their folder")
	}
	for name, body := range files {
		var p struct {
			Kind    string `json:"object_kind"`
			Project struct {
				ID   int    `json:"id"`
				Path string `json:"path_with_namespace"`
			} `json:"project"`
			A struct {
				ID, IID      int
				Title, State string
				Author       int    `json:"author_id"`
				Source       string `json:"source_branch"`
				Target       string `json:"target_branch"`
				URL          string
				Draft        bool                `json:"work_in_progress"`
				Last         struct{ ID string } `json:"last_commit"`
			} `json:"object_attributes"`
		}
		if json.Unmarshal(body, &p) != nil || p.Kind != "merge_request" || p.A.IID == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mr := opened()
			author := who(p.A.Author, "author")
			told := fields{
				"id": fmt.Sprintf("gid://gitlab/MergeRequest/%d", p.A.ID), "iid": strconv.Itoa(p.A.IID), "title": p.A.Title, "state": p.A.State,
				"author": author, "sourceBranch": p.A.Source, "targetBranch": p.A.Target, "webUrl": p.A.URL, "draft": p.A.Draft,
				"diffHeadSha": p.A.Last.ID, "diffRefs": fields{"baseSha": sha1C, "headSha": p.A.Last.ID, "startSha": sha1D},
				"commits": list(fields{"sha": p.A.Last.ID, "author": author}),
			}
			for k, v := range told {
				mr[k] = v
			}
			l, h := newLab(t)
			answer := strings.ReplaceAll(conversationOf(mr), "acme/nlp/models", p.Project.Path)
			l.answers("Conversation", strings.Replace(answer, `"rootRef":"main"`, `"rootRef":"`+p.A.Target+`"`, 1))
			l.answers("Base", noBase)
			i := strings.LastIndexByte(p.Project.Path, '/')
			ref := forge.Ref{Repo: forge.Repo{Owner: p.Project.Path[:i], Name: p.Project.Path[i+1:]}, Number: p.A.IID}
			c, err := h.Conversation(t.Context(), ref, forge.Want{})
			if err != nil {
				t.Fatal(err)
			}
			got := c.PullRequest
			if got.Title != p.A.Title || got.Number != p.A.IID || got.URL != p.A.URL || got.Draft != p.A.Draft || got.Author.ID != int64(p.A.Author) ||
				got.Head.Ref != p.A.Source || got.Base.Ref != p.A.Target || got.Head.SHA != p.A.Last.ID || got.Repo.FullName() != p.Project.Path {
				t.Errorf("facts %+v", got)
			}
		})
	}
}

func TestParseHook(t *testing.T) {
	t.Parallel()
	project := `"project":{"id":12,"path_with_namespace":"acme/nlp/models","web_url":"https://gl.acme.example/acme/nlp/models","default_branch":"main"}`
	mr := func(attributes, rest string) string {
		return `{"object_kind":"merge_request",` + project + `,"object_attributes":{"iid":4,"last_commit":{"id":"` + sha1A + `"},` + attributes + `}` + rest + `}`
	}
	note := func(user, attributes string) string {
		return `{"object_kind":"note","user":{"username":"` + user + `"},` + project + `,"merge_request":{"iid":4},"object_attributes":{` + attributes + `}}`
	}
	push := func(ref, rest string) string {
		return `{"object_kind":"push","ref":"` + ref + `","before":"` + sha1B + `","after":"` + sha1A + `",` + project + `,` + rest + `}`
	}
	pipeline := func(attributes, rest string) string {
		return `{"object_kind":"pipeline",` + project + `,"object_attributes":{"sha":"` + sha1A + `","ref":"feature",` + attributes + `}` + rest + `}`
	}
	zeros := strings.Repeat("0", 40)
	for _, tc := range []struct {
		name, body, want string // want is "" for nothing
	}{
		{"opened", mr(`"action":"open"`, ``), "acme/nlp/models !4"},
		{"approved", mr(`"action":"approved"`, ``), "acme/nlp/models !4"},
		{"approvals reset", mr(`"action":"unapproval","system":true`, ``), "acme/nlp/models !4"},
		{"merged", mr(`"action":"merge"`, ``), "acme/nlp/models !4"},
		{"pushed", mr(`"action":"update","oldrev":"`+sha1B+`"`, ``), "acme/nlp/models !4"},
		{"draft", mr(`"action":"update"`, `,"changes":{"draft":{"previous":true,"current":false}}`), "acme/nlp/models !4"},
		{"retargeted", mr(`"action":"update"`, `,"changes":{"target_branch":{}}`), "acme/nlp/models !4"},
		{"changes requested", mr(`"action":"update"`, `,"changes":{"reviewers":{"current":[{"state":"requested_changes"}]}}`), "acme/nlp/models !4"},
		{"a reviewer asked", mr(`"action":"update"`, `,"changes":{"reviewers":{"current":[{"state":"unreviewed"}]}}`), ""},
		{"a label", mr(`"action":"update"`, `,"changes":{"labels":{}}`), ""},
		{"a title", mr(`"action":"update"`, `,"changes":{"title":{}}`), ""},
		{"a status check asks", mr(`"action":"update"`, `,"changes":{},"external_approval_rule":{"id":1}`), "acme/nlp/models !4"},
		{"another action", mr(`"action":"dance"`, ``), ""},
		{"a command", note("ben", `"noteable_type":"MergeRequest","action":"create","note":"/lumos approve"`), "acme/nlp/models !4"},
		{"a word", note("ben", `"noteable_type":"MergeRequest","action":"create","note":"nice"`), ""},
		{"an edit", note("ben", `"noteable_type":"MergeRequest","action":"update","note":"/lumos approve"`), ""},
		{"a bot's", note("group_5_bot_1a", `"noteable_type":"MergeRequest","action":"create","note":"/lumos approve"`), ""},
		{"on an issue", note("ben", `"noteable_type":"Issue","action":"create","note":"/lumos approve"`), ""},
		{"system's", note("ben", `"noteable_type":"MergeRequest","system":true,"note":"/lumos approve"`), ""},
		{"rules", push("refs/heads/main", `"total_commits_count":1,"commits":[{"modified":[".lumos/config.yaml"]}]`), "acme/nlp/models all"},
		{"owners", push("refs/heads/prod", `"total_commits_count":1,"commits":[{"removed":[".gitlab/CODEOWNERS"]}]`), "acme/nlp/models all"},
		{"no rules", push("refs/heads/main", `"total_commits_count":1,"commits":[{"added":["x"]}]`), ""},
		{"more than listed", push("refs/heads/main", `"total_commits_count":21,"commits":[{"added":["x"]}]`), "acme/nlp/models all"},
		{"the default branch set back", push("refs/heads/main", `"total_commits_count":0,"commits":[]`), "acme/nlp/models all"},
		{"a feature branch set back", push("refs/heads/x", `"total_commits_count":0,"commits":[]`), ""},
		{"the audit branch", push("refs/heads/lumos/audit", `"total_commits_count":9,"commits":[]`), ""},
		{"deleted", strings.Replace(push("refs/heads/main", `"commits":[]`), sha1A, zeros, 1), ""},
		{"a tag", push("refs/tags/v1", `"total_commits_count":9,"commits":[]`), ""},
		{"a pipeline of the merge request", pipeline(`"status":"success"`, `,"merge_request":{"iid":4,"target_project_id":12}`), "acme/nlp/models !4"},
		{"of a merge request elsewhere", pipeline(`"status":"success"`, `,"merge_request":{"iid":4,"target_project_id":13}`), "acme/nlp/models all"},
		{"of a branch", pipeline(`"status":"success"`, ``), "acme/nlp/models all"},
		{"of the default branch", strings.Replace(pipeline(`"status":"success"`, ``), `"ref":"feature"`, `"ref":"main"`, 1), ""},
		{"that runs", pipeline(`"status":"running"`, ``), ""},
		{"emoji", `{"object_kind":"emoji",` + project + `}`, ""},
		{"a member", `{"event_name":"user_remove_from_group","group_id":5}`, "everything"},
		{"a project", `{"event_name":"project_create","project_id":5}`, "everything"},
		{"of no shape for us", `{"object_kind":"wiki_page","project":7}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w, ok, err := ParseHook("Some Hook", []byte(tc.body), func(s string) bool { return strings.HasPrefix(s, "/lumos ") })
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if ok {
				got = summary(w)
			}
			if got != tc.want {
				t.Errorf("wakes %q, want %q", got, tc.want)
			}
			if ok && !w.Everything && (w.Repo.Host != "gl.acme.example" || w.Repo.ID != 12) {
				t.Errorf("repository %+v", w.Repo)
			}
		})
	}
	for name, body := range map[string]string{
		"no JSON": `{`, "no project": `{"object_kind":"merge_request","object_attributes":{"iid":4,"action":"open"}}`,
		"a path that leaves": strings.Replace(mr(`"action":"open"`, ``), "acme/nlp/models", "acme/../models", 1),
	} {
		if _, _, err := ParseHook("Merge Request Hook", []byte(body), always); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, ok, err := ParseHook("Emoji Hook", []byte(`{`), always); ok || err != nil {
		t.Error("an emoji is read")
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	body := []byte(`{"a":1}`)
	key := []byte("0123456789abcdef0123456789abcdef")
	signing := "whsec_" + base64.StdEncoding.EncodeToString(key)
	at := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	sign := func(key []byte, id, at string) string {
		return "v1," + base64.StdEncoding.EncodeToString(mac(key, []byte(id+"."+at+"."), body))
	}
	signed := func(id, at, signature string) http.Header {
		h := http.Header{}
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", at)
		h.Set("webhook-signature", signature)
		return h
	}
	header := func(name, value string) http.Header { return http.Header{http.CanonicalHeaderKey(name): {value}} }
	good := sign(key, "m1", at(now))
	both := signed("m1", at(now), "v1,AAAA")
	both.Set("X-Gitlab-Token", signing)
	for _, tc := range []struct {
		name, secret string
		header       http.Header
		ok           bool
	}{
		{"token", "s3cret", header("X-Gitlab-Token", "s3cret"), true},
		{"wrong token", "s3cret", header("X-Gitlab-Token", "s3cre"), false},
		{"no header", "s3cret", http.Header{}, false},
		{"no secret", "", header("X-Gitlab-Token", ""), false},
		{"signed", signing, signed("m1", at(now), good), true},
		{"without whsec_", strings.TrimPrefix(signing, "whsec_"), signed("m1", at(now), good), true},
		{"one of several", signing, signed("m1", at(now), "v2,x v1,AAAA "+good), true},
		{"of another id", signing, signed("m2", at(now), good), false},
		{"of another key", signing, signed("m1", at(now), sign([]byte("x"), "m1", at(now))), false},
		{"old", signing, signed("m1", at(now.Add(-6*time.Minute)), sign(key, "m1", at(now.Add(-6*time.Minute)))), false},
		{"almost old", signing, signed("m1", at(now.Add(-4*time.Minute)), sign(key, "m1", at(now.Add(-4*time.Minute)))), true},
		{"of the future", signing, signed("m1", at(now.Add(6*time.Minute)), sign(key, "m1", at(now.Add(6*time.Minute)))), false},
		{"no time", signing, signed("m1", "", good), false},
		{"a wrong signature beside the right token", signing, both, false},
		{"signed, but the secret is no signing token", "s3cret!", signed("m1", at(now), good), false},
		{"status check", "s3cret", header("X-Gitlab-Signature", hex.EncodeToString(mac([]byte("s3cret"), body))), true},
		{"wrong status check", "s3cret", header("X-Gitlab-Signature", strings.Repeat("00", sha256.Size)), false},
		{"status check of no hex", "s3cret", header("X-Gitlab-Signature", "xyz"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := Verify([]byte(tc.secret), tc.header, body, now)
			if (err == nil) != tc.ok || err != nil && (!errors.Is(err, ErrSignature) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestDeliveryID(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for _, step := range []struct{ name, value, want string }{
		{"X-Other", "x", ""}, {"X-Gitlab-Webhook-UUID", "w", ""}, {"X-Gitlab-Event-UUID", "e", "e/w"}, {"webhook-id", "i", "i"}, {"Idempotency-Key", "k", "k"},
	} {
		h.Set(step.name, step.value)
		if got := DeliveryID(h); got != step.want {
			t.Errorf("with %s: %q, want %q", step.name, got, step.want)
		}
	}
}

func FuzzParseHook(f *testing.F) {
	for _, body := range recorded(f) {
		f.Add("Merge Request Hook", body)
	}
	f.Add("System Hook", []byte(`{"event_name":"push","ref":"refs/heads/main","project":{"path_with_namespace":"a/b"}}`))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		w, ok, err := ParseHook(event, body, always)
		if !ok || err != nil {
			return
		}
		if !w.Everything && checkPath(w.Repo.FullName(), 2) != nil {
			t.Errorf("wakes %q", w.Repo.FullName())
		}
		if w.HeadSHA != "" && checkOID(w.HeadSHA) != nil {
			t.Errorf("head %q", w.HeadSHA)
		}
		for _, n := range w.Numbers {
			if n <= 0 {
				t.Errorf("number %d", n)
			}
		}
	})
}
