package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GitLabHook is a webhook. Events are its attributes in REST: push_events, merge_requests_events, …
type GitLabHook struct {
	URL, Token, SigningToken string
	Events                   []string
}

// hookEvents are the events that a webhook can be subscribed to here.
var hookEvents = []string{"push_events", "tag_push_events", "merge_requests_events", "note_events", "pipeline_events",
	"member_events", "emoji_events", "issues_events"}

// hookNames are the X-Gitlab-Event of the events.
var hookNames = map[string]string{"push_events": "Push Hook", "tag_push_events": "Tag Push Hook", "merge_requests_events": "Merge Request Hook",
	"note_events": "Note Hook", "pipeline_events": "Pipeline Hook", "member_events": "Member Hook",
	"issues_events": "Issue Hook"}

// systemEvents are what a hook of the whole host is told of; notes and pipelines are not among them.
var systemEvents = []string{"push_events", "tag_push_events", "merge_requests_events", "member_events"}

// Failures in a row after which GitLab disables a hook: for a minute that doubles up to a day, and then
// for good (GitLab 17, its documentation of webhooks).
const (
	failuresUntilPause = 4
	failuresUntilEnd   = 40
	longestPause       = 24 * time.Hour
)

// webhook is a hook of a project, of a group, or, with neither, of the whole host.
type webhook struct {
	GitLabHook
	ID      int64
	repo    *repo
	group   *Account
	set     bool // by SetHook
	created time.Time
	sender  *sender

	// Guarded by the sender's mutex.
	failures      int
	disabledUntil time.Time
}

func (s *Sandbox) newWebhook(r *repo, g *Account, h GitLabHook) *webhook {
	x := &webhook{GitLabHook: h, ID: s.id(), repo: r, group: g, created: s.now()}
	x.sender = newSender(h.URL, "", s.Faults, s.now)
	if r != nil || g != nil { // GitLab never disables a system hook
		x.sender.admit = func(d *Delivery) bool { return d.forced || x.executable(s.now()) }
		x.sender.after = func(d *Delivery) { x.note(d, s.now()) }
	}
	s.hooks = append(s.hooks, x)
	return x
}

// executable reports whether the hook is called now; the sender's mutex is held.
func (x *webhook) executable(now time.Time) bool {
	return x.failures < failuresUntilPause || x.failures < failuresUntilEnd && !now.Before(x.disabledUntil)
}

// note counts what came of a call; the sender's mutex is held.
func (x *webhook) note(d *Delivery, now time.Time) {
	if d.StatusCode/100 == 2 || d.StatusCode/100 == 3 {
		x.failures, x.disabledUntil = 0, time.Time{}
		return
	}
	x.failures++
	if over := x.failures - failuresUntilPause; over >= 0 {
		pause := longestPause
		if over < 11 { // 2^11 minutes are more than a day
			pause = min(pause, time.Minute<<over)
		}
		x.disabledUntil = now.Add(pause)
	}
}

// revive forgets the failures, as a test that succeeds or a new address does.
func (x *webhook) revive() {
	x.sender.mu.Lock()
	defer x.sender.mu.Unlock()
	x.failures, x.disabledUntil = 0, time.Time{}
}

// alert is the hook's state as REST tells it.
func (x *webhook) alert(now time.Time) (status string, until any) {
	x.sender.mu.Lock()
	defer x.sender.mu.Unlock()
	switch {
	case x.failures >= failuresUntilEnd:
		return "disabled", nil
	case !x.executable(now):
		return "temporarily_disabled", stampMS(x.disabledUntil)
	}
	return "executable", nil
}

// aim changes where a sender sends to.
func (h *sender) aim(url string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.url = url
}

// of reports whether the hook is told of what happens in a project, or, without one, in a group.
func (x *webhook) of(w *world, r *repo, g *Account) bool {
	if r != nil {
		if x.repo != nil {
			return x.repo == r
		}
		g = r.Owner
	}
	if x.repo != nil {
		return false
	}
	for ; g != nil; g = w.parent(g) {
		if x.group == g {
			return true
		}
	}
	return x.group == nil
}

// tell queues a delivery for every hook that wants the event.
func (s *Sandbox) tell(r *repo, g *Account, event string, payload obj) {
	uuid := guid()
	for _, x := range s.hooks {
		system := x.repo == nil && x.group == nil
		if x.URL == "" || !slices.Contains(x.Events, event) || !x.of(&s.world, r, g) || system && !slices.Contains(systemEvents, event) {
			continue
		}
		name := hookNames[event]
		if system {
			name = "System Hook"
		}
		s.send(x, r, name, uuid, payload)
	}
}

func (s *Sandbox) send(x *webhook, r *repo, name, uuid string, payload obj) {
	if d := s.delivery(x, r, name, uuid, payload); d != nil {
		x.sender.enqueue(d)
	}
}

// delivery prepares a call of a hook.
func (s *Sandbox) delivery(x *webhook, r *repo, name, uuid string, payload obj) *Delivery {
	raw, err := json.Marshal(payload)
	if err != nil {
		s.opt.Log.Error("encoding a webhook", "event", name, "error", err)
		return nil
	}
	d := &Delivery{ID: s.id(), GUID: guid(), Event: name, Payload: raw, Headers: http.Header{
		"Content-Type":          {"application/json"},
		"User-Agent":            {"GitLab/sandbox"},
		"Idempotency-Key":       {guid()},
		"X-Gitlab-Event":        {name},
		"X-Gitlab-Webhook-Uuid": {guid()},
		"X-Gitlab-Event-Uuid":   {uuid},
		"X-Gitlab-Instance":     {s.url},
	}}
	if r != nil {
		d.RepositoryID = r.ID
	}
	if attributes, ok := payload["object_attributes"].(obj); ok {
		d.Action, _ = attributes["action"].(string)
	}
	s.seal(x, d)
	return d
}

// seal adds what proves where a delivery is from.
func (s *Sandbox) seal(x *webhook, d *Delivery) {
	if x.Token != "" {
		d.Headers.Set("X-Gitlab-Token", x.Token)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(x.SigningToken, "whsec_"))
	if x.SigningToken == "" || err != nil {
		return
	}
	id, at := d.Headers.Get("Idempotency-Key"), strconv.FormatInt(s.now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, d.Payload)
	d.Headers.Set("Webhook-Id", id)
	d.Headers.Set("Webhook-Timestamp", at)
	d.Headers.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// resend sends a logged delivery again, under its old Idempotency-Key.
func (s *Sandbox) resend(x *webhook, id int64) error {
	for _, d := range x.sender.deliveries() {
		if d.ID == id {
			again := &Delivery{ID: s.id(), GUID: d.GUID, Event: d.Event, Action: d.Action, Redelivery: true, RepositoryID: d.RepositoryID,
				Headers: d.Headers.Clone(), Payload: d.Payload, forced: true}
			again.Headers.Set("X-Gitlab-Webhook-Uuid", guid())
			s.seal(x, again)
			x.sender.enqueue(again)
			return nil
		}
	}
	return notFoundOf("")
}

// emitMR announces what happened to a merge request; extra goes into its attributes, but for "changes".
func (s *Sandbox) emitMR(p *pull, by actor, action string, extra obj) {
	s.tell(p.repo, nil, "merge_requests_events", s.hookMR(p, by.account, action, extra))
}

func (s *Sandbox) emitNote(c *comment, by actor, action string) {
	p := c.pull
	note := obj{"id": c.ID, "note": c.Body, "noteable_type": "MergeRequest", "noteable_id": p.ID, "author_id": c.Author.ID,
		"created_at": hookTime(c.Created), "updated_at": hookTime(c.Updated), "project_id": p.repo.ID, "system": false, "attachment": nil,
		"line_code": nil, "commit_id": nil, "st_diff": nil, "type": noteType(c), "discussion_id": c.Thread.ID, "position": nil,
		"resolved_at": nil, "resolved_by_id": nil, "resolved_by_push": nil, "internal": false, "description": c.Body,
		"url": s.noteURL(c), "action": action}
	if at := c.Thread.At; at != nil {
		note["position"] = positionJSON(at)
	}
	s.tell(p.repo, nil, "note_events", obj{"object_kind": "note", "event_type": "note", "user": s.hookUser(by.account), "project_id": p.repo.ID,
		"project": s.hookProject(p.repo), "object_attributes": note, "repository": s.hookRepository(p.repo), "merge_request": s.hookMRAttributes(p)})
}

// gitlabPush announces a push; of its commits the newest twenty are shown.
func (s *Sandbox) gitlabPush(r *repo, by *Account, c refChange) {
	kind, event := "push", "push_events"
	if strings.HasPrefix(c.Ref, "refs/tags/") {
		kind, event = "tag_push", "tag_push_events"
	}
	list := r.brought(c)
	commits := []obj{}
	for _, sha := range list[max(0, len(list)-20):] {
		if j := s.gitlabHookCommit(r, sha); j != nil {
			commits = append(commits, j)
		}
	}
	var checkout any
	if c.New != zeroOID {
		checkout = r.peel(c.New)
	}
	s.tell(r, nil, event, obj{"object_kind": kind, "event_name": kind, "before": c.Old, "after": c.New, "ref": c.Ref,
		"ref_protected": len(r.branchRules(strings.TrimPrefix(c.Ref, "refs/heads/"))) > 0, "checkout_sha": checkout, "message": nil,
		"user_id": by.ID, "user_name": by.Name, "user_username": by.Login, "user_email": nil, "user_avatar": nil, "project_id": r.ID,
		"project": s.hookProject(r), "commits": commits, "total_commits_count": len(list), "push_options": obj{},
		"repository": s.hookRepository(r)})
}

// brought are the commits of a push, oldest first: of a new branch what the default branch lacks.
func (r *repo) brought(c refChange) []string {
	old := c.Old
	if old == zeroOID {
		old = r.branch(r.Default)
	}
	if c.New == zeroOID || old == "" || !strings.HasPrefix(c.Ref, "refs/heads/") {
		return nil
	}
	cmp, err := r.compare(old, c.New)
	if err != nil {
		return nil
	}
	return cmp.Commits
}

// emitPipeline announces that a pipeline came to be or changed its state.
func (s *Sandbox) emitPipeline(r *repo, pl *pipeline) {
	s.tell(r, nil, "pipeline_events", s.hookPipeline(r, pl))
}

// emitMember announces a change of a group's members.
func (s *Sandbox) emitMember(g, u *Account, event, level string) {
	access := map[string]string{"guest": "Guest", "read": "Reporter", "triage": "Reporter", "write": "Developer", "maintain": "Maintainer", "admin": "Owner"}[level]
	now := stampMS(s.now())
	s.tell(nil, g, "member_events", obj{"event_name": event, "created_at": now, "updated_at": now, "group_name": g.Name, "group_path": g.Login,
		"group_id": g.ID, "group_access": access, "group_plan": nil, "expires_at": nil, "user_username": u.Login, "user_name": u.Name,
		"user_email": u.Email, "user_id": u.ID})
}
