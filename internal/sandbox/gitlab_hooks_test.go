package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

type glDelivery struct {
	header  http.Header
	raw     []byte
	payload obj
}

// what is the event with its action.
func (d glDelivery) what() string {
	attributes, _ := d.payload["object_attributes"].(obj)
	action, _ := attributes["action"].(string)
	if action == "" {
		action, _ = attributes["status"].(string)
	}
	return strings.TrimSuffix(strings.ReplaceAll(strings.TrimSuffix(d.header.Get("X-Gitlab-Event"), " Hook"), " ", "")+"."+action, ".")
}

// glReceiver takes GitLab's webhooks.
type glReceiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []glDelivery
	status int
}

func newGLReceiver(t *testing.T) *glReceiver {
	h := &glReceiver{status: http.StatusOK}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		d := glDelivery{header: r.Header, raw: raw}
		if err == nil {
			err = json.Unmarshal(raw, &d.payload)
		}
		if err != nil {
			t.Errorf("webhook: %v", err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, d)
		w.WriteHeader(h.status)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *glReceiver) list() []glDelivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]glDelivery(nil), h.got...)
}

func (h *glReceiver) seen() string {
	var out []string
	for _, d := range h.list() {
		out = append(out, d.what())
	}
	return strings.Join(out, " ")
}

func (h *glReceiver) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func TestGitLabHooks(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	project, group, system := newGLReceiver(t), newGLReceiver(t), newGLReceiver(t)
	key := []byte("0123456789abcdef0123456789abcdef")
	for where, h := range map[string]*glReceiver{glRepoName: project, "acme": group, "": system} {
		_, err := st.SetHook(where, GitLabHook{URL: h.URL, Token: "hush", SigningToken: "whsec_" + base64.StdEncoding.EncodeToString(key), Events: hookEvents})
		st.ok(err)
	}
	n, head := st.open("b")
	jonas, ben := st.As("jonas"), st.As("ben")
	id, err := ben.Comment(glRepoName, n, "hello")
	st.ok(err)
	st.ok(ben.EditComment(glRepoName, n, id, "bye"))
	st.ok(ben.Approve(glRepoName, n))
	st.ok(ben.Unapprove(glRepoName, n))
	st.ok(jonas.Rename(glRepoName, n, "other", ""))
	st.ok(jonas.SetState(glRepoName, n, "closed"))
	st.ok(jonas.SetState(glRepoName, n, "open"))
	st.want(201, st.jonas.Token, "POST", "{p}/statuses/"+head, obj{"state": "pending", "name": "x"})
	st.want(201, st.jonas.Token, "POST", "{p}/statuses/"+head, obj{"state": "success", "name": "x"})
	st.want(201, st.jonas.Token, "POST", "{p}/repository/tags", obj{"tag_name": "t", "ref": "main"})
	_, err = jonas.Commit(glRepoName, "b", "more", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	st.ok(st.As("emil").Merge(glRepoName, n, "merge", ""))
	st.ok(st.SetMember("acme", "jonas", "developer"))
	st.ok(st.WaitIdle(t.Context()))
	want := "Push MergeRequest.open Note.create Note.update MergeRequest.approved MergeRequest.unapproved MergeRequest.update MergeRequest.close " +
		"MergeRequest.reopen Pipeline.pending Pipeline.success TagPush Push MergeRequest.update Push MergeRequest.merge"
	if got := project.seen(); got != want {
		t.Errorf("project hook:\n%s\nwant\n%s", got, want)
	}
	if got := group.seen(); got != want+" Member" {
		t.Errorf("group hook:\n%s", got)
	}
	if got := system.seen(); strings.Count(got, "System.") != 8 || strings.Contains(got, "Note") {
		t.Errorf("system hook:\n%s", got)
	}
	uuids := map[string]bool{}
	for i, d := range project.list() {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", d.header.Get("Webhook-Id"), d.header.Get("Webhook-Timestamp"), d.raw)
		if d.header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) || d.header.Get("X-Gitlab-Token") != "hush" ||
			d.header.Get("X-Gitlab-Instance") != st.URL() || d.header.Get("Idempotency-Key") == "" {
			t.Errorf("delivery %d: %v", i, d.header)
		}
		uuids[d.header.Get("X-Gitlab-Event-Uuid")] = true
		if group.list()[i].header.Get("X-Gitlab-Event-Uuid") != d.header.Get("X-Gitlab-Event-Uuid") {
			t.Errorf("delivery %d: two hooks of one event differ in its UUID", i)
		}
	}
	if len(uuids) != len(project.list()) {
		t.Error("two events share a UUID")
	}
	for _, d := range project.list() {
		if d.what() == "MergeRequest.update" && d.payload["object_attributes"].(obj)["oldrev"] == head {
			return
		}
	}
	t.Error("no update tells of the push by its oldrev")
}

func TestGitLabPushHookShowsTwentyCommits(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	h := newGLReceiver(t)
	st.mu.Lock()
	r, by := st.repoByFull(glRepoName), actor{token: &token{account: st.account("jonas")}}
	tip := r.branch("main")
	parent, err := r.commit(tip)
	st.ok(err)
	for i := range 25 {
		tip, err = st.makeCommit(r, by.account, newCommit{Tree: parent.TreeHash, Parents: []string{tip}, Message: fmt.Sprint(i)})
		st.ok(err)
	}
	st.mu.Unlock()
	_, err = st.SetHook(glRepoName, GitLabHook{URL: h.URL, Events: []string{"push_events"}})
	st.ok(err)
	st.mu.Lock()
	st.ok(st.moveRef(r, by, refChange{"refs/heads/b", zeroOID, tip}))
	st.mu.Unlock()
	st.ok(st.WaitIdle(t.Context()))
	got := h.list()[0].payload
	if len(got["commits"].([]any)) != 20 || got["total_commits_count"] != 25.0 || got["commits"].([]any)[19].(obj)["id"] != tip {
		t.Errorf("push: %d commits of %v", len(got["commits"].([]any)), got["total_commits_count"])
	}
}

func TestGitLabDisablesHooks(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	h := newGLReceiver(t)
	h.answer(http.StatusBadGateway)
	id, err := st.SetHook(glRepoName, GitLabHook{URL: h.URL, Events: []string{"note_events"}})
	st.ok(err)
	n, _ := st.open("b")
	path := fmt.Sprintf("{p}/hooks/%d", id)
	for i := range 6 {
		_, err := st.As("ben").Comment(glRepoName, n, fmt.Sprint(i))
		st.ok(err)
		st.ok(st.WaitIdle(t.Context()))
	}
	hook := st.want(200, st.emil.Token, "GET", path, nil).(obj)
	if len(h.list()) != 4 || hook["alert_status"] != "temporarily_disabled" || hook["disabled_until"] == nil {
		t.Fatalf("%d calls, then %v", len(h.list()), hook)
	}
	// The test event goes out all the same, and its success wakes the hook.
	h.answer(http.StatusOK)
	st.want(201, st.emil.Token, "POST", path+"/test/push_events", nil)
	st.ok(st.WaitIdle(t.Context()))
	hook = st.want(200, st.emil.Token, "GET", path, nil).(obj)
	if len(h.list()) != 5 || hook["alert_status"] != "executable" || hook["disabled_until"] != nil {
		t.Fatalf("%d calls, then %v", len(h.list()), hook)
	}
	log := st.Deliveries(id)
	st.want(201, st.emil.Token, "POST", fmt.Sprintf("%s/events/%d/resend", path, log[0].ID), nil)
	st.ok(st.WaitIdle(t.Context()))
	first, again := h.list()[0].header, h.list()[5].header
	if first.Get("Idempotency-Key") != again.Get("Idempotency-Key") || first.Get("X-Gitlab-Webhook-Uuid") == again.Get("X-Gitlab-Webhook-Uuid") {
		t.Errorf("sent again: %v, before %v", again, first)
	}
}

func TestGitLabPausesGrow(t *testing.T) {
	t.Parallel()
	x, now := &webhook{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := 1; i <= failuresUntilEnd; i++ {
		x.note(&Delivery{StatusCode: 404}, now)
		want := map[int]time.Duration{4: time.Minute, 5: 2 * time.Minute, 10: 64 * time.Minute, 14: 1024 * time.Minute, 15: longestPause, 39: longestPause}[i]
		if want != 0 && (x.disabledUntil.Sub(now) != want || x.executable(now) || !x.executable(now.Add(want))) {
			t.Errorf("after %d failures: until %s, want %s", i, x.disabledUntil.Sub(now), want)
		}
	}
	if x.executable(now.AddDate(1, 0, 0)) {
		t.Error("a hook that failed forty times is still called")
	}
}
