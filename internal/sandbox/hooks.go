package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// obj is a JSON object.
type obj = map[string]any

// Delivery is one attempt to deliver a webhook.
type Delivery struct {
	ID             int64
	GUID           string
	Event, Action  string
	At             time.Time
	Redelivery     bool
	Duration       time.Duration
	StatusCode     int    // 0: not answered
	Status         string // "OK", or what went wrong
	InstallationID int64
	RepositoryID   int64
	Headers        http.Header
	Payload        []byte
	RespHeaders    http.Header
	RespBody       string

	forced bool // of GitLab: it goes out although the hook is disabled
}

// sender delivers one App's webhooks, one after the other, in order.
type sender struct {
	url, secret string
	client      *http.Client
	faults      *Faults
	now         func() time.Time

	spawn  func() // starts the worker
	cancel func() // ends what is on its way

	// Both may be nil, and run with mu held.
	admit func(d *Delivery) bool // whether a delivery may go out at all
	after func(d *Delivery)      // sees what came of one

	mu    sync.Mutex
	queue []*Delivery
	log   []*Delivery // newest last
	busy  bool
	idle  *sync.Cond
	done  bool
}

func newSender(url, secret string, f *Faults, now func() time.Time) *sender {
	h := &sender{url: url, secret: secret, client: &http.Client{Timeout: 10 * time.Second}, faults: f, now: now}
	h.idle = sync.NewCond(&h.mu)
	ctx, cancel := context.WithCancel(context.Background())
	h.spawn, h.cancel = func() { go h.work(ctx) }, cancel
	return h
}

// enqueue takes a delivery and starts the worker if it sleeps: no goroutine lives without work.
func (h *sender) enqueue(d *Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done || h.url == "" {
		return
	}
	h.queue = append(h.queue, d)
	if !h.busy {
		h.busy = true
		h.spawn()
	}
}

func (h *sender) work(ctx context.Context) {
	for {
		h.mu.Lock()
		if len(h.queue) == 0 || h.done {
			h.busy = false
			h.idle.Broadcast()
			h.mu.Unlock()
			return
		}
		d := h.queue[0]
		h.queue = h.queue[1:]
		barred := h.admit != nil && !h.admit(d)
		h.mu.Unlock()
		if barred {
			continue
		}
		h.deliver(ctx, d)
		h.mu.Lock()
		h.log = append(h.log, d)
		if h.after != nil {
			h.after(d)
		}
		h.mu.Unlock()
	}
}

func (h *sender) deliver(ctx context.Context, d *Delivery) {
	d.At = h.now()
	begin := time.Now()
	defer func() { d.Duration = time.Since(begin) }()
	if h.faults.dropHook(d) {
		d.Status = "timed out"
		return
	}
	h.mu.Lock()
	url, secret := h.url, h.secret
	h.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(d.Payload))
	if err != nil {
		d.Status = err.Error()
		return
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(d.Payload)
	req.Header = d.Headers.Clone()
	if secret != "" {
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		d.Headers = req.Header.Clone()
	}
	resp, err := h.client.Do(req)
	if err != nil {
		d.Status = "failed to connect to host"
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16)) // only for the log
	d.StatusCode, d.RespHeaders, d.RespBody = resp.StatusCode, resp.Header, string(body)
	d.Status = http.StatusText(resp.StatusCode)
	if resp.StatusCode/100 == 2 {
		d.Status = "OK"
	}
}

func (h *sender) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		h.mu.Lock() // so that the waiter is either before its check or asleep
		defer h.mu.Unlock()
		h.idle.Broadcast()
	})
	defer stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.busy {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("waiting for webhooks: %w", err)
		}
		h.idle.Wait()
	}
	return nil
}

func (h *sender) stop() {
	h.mu.Lock()
	h.done = true
	h.mu.Unlock()
	h.cancel()
	_ = h.wait(context.Background()) // ends at once: nothing is on its way any more
	h.client.CloseIdleConnections()
}

func (h *sender) deliveries() []*Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.log)
}

// WaitIdle waits until every webhook that is due has been delivered.
func (s *Sandbox) WaitIdle(ctx context.Context) error {
	s.mu.Lock()
	senders := s.senders()
	s.mu.Unlock()
	for _, h := range senders {
		if err := h.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// senders are those of the Apps, or of GitLab's hooks.
func (s *Sandbox) senders() []*sender {
	var out []*sender
	for _, a := range s.apps {
		out = append(out, a.hooks)
	}
	for _, h := range s.hooks {
		out = append(out, h.sender)
	}
	for _, r := range s.repos {
		for _, c := range r.hostChecks {
			out = append(out, c.sender)
		}
	}
	return out
}

// Deliveries is the delivery log of an App, or of a hook of GitLab, oldest first.
func (s *Sandbox) Deliveries(appID int64) []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var log []*Delivery
	for _, a := range s.apps {
		if a.ID == appID {
			log = a.hooks.deliveries()
		}
	}
	for _, h := range s.hooks {
		if h.ID == appID {
			log = h.sender.deliveries()
		}
	}
	var out []Delivery
	for _, d := range log {
		out = append(out, *d)
	}
	return out
}

// emit tells every App that is installed on the repository and subscribed to the event.
func (s *Sandbox) emit(r *repo, event string, by *Account, payload obj) {
	for _, a := range s.apps {
		if a.repos[r.ID] && slices.Contains(a.Events, event) {
			s.emitTo(a, r, event, by, payload)
		}
	}
}

// emitTo queues one delivery; r is nil for what is not about a repository.
func (s *Sandbox) emitTo(a *app, r *repo, event string, by *Account, payload obj) {
	full := obj{"sender": s.userJSON(by), "installation": obj{"id": a.InstallID, "node_id": nodeID("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u", a.InstallID)}}
	d := &Delivery{ID: s.id(), GUID: guid(), Event: event, InstallationID: a.InstallID}
	if r != nil {
		d.RepositoryID = r.ID
		full["repository"] = s.repoJSON(r)
		if r.Owner.Type == kindOrg {
			full["organization"] = s.orgJSON(r.Owner)
		}
	}
	for k, v := range payload {
		full[k] = v
	}
	d.Action, _ = full["action"].(string)
	raw, err := json.Marshal(full)
	if err != nil {
		s.opt.Log.Error("encoding a webhook", "event", event, "error", err)
		return
	}
	d.Payload = raw
	d.Headers = http.Header{
		"Content-Type":                           {"application/json"},
		"User-Agent":                             {"GitHub-Hookshot/sandbox"},
		"X-Github-Event":                         {event},
		"X-Github-Delivery":                      {d.GUID},
		"X-Github-Hook-Id":                       {strconv.FormatInt(a.ID, 10)},
		"X-Github-Hook-Installation-Target-Id":   {strconv.FormatInt(a.ID, 10)},
		"X-Github-Hook-Installation-Target-Type": {"integration"},
	}
	a.hooks.enqueue(d)
}

// redeliver sends a logged delivery again, under its old GUID.
func (s *Sandbox) redeliver(a *app, id int64) error {
	for _, d := range a.hooks.deliveries() {
		if d.ID == id {
			again := &Delivery{ID: s.id(), GUID: d.GUID, Event: d.Event, Action: d.Action, Redelivery: true,
				InstallationID: d.InstallationID, RepositoryID: d.RepositoryID, Headers: d.Headers, Payload: d.Payload}
			a.hooks.enqueue(again)
			return nil
		}
	}
	return errNotFound
}

func guid() string {
	h := sha256.Sum256([]byte(randomText()))
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

func (s *Sandbox) emitPush(r *repo, by *Account, c refChange, forced bool) {
	if s.dialect == GitLab {
		s.gitlabPush(r, by, c)
		return
	}
	commits := []obj{}
	var head any
	if c.New != zeroOID {
		if cmp := r.pushed20(c); cmp != nil {
			for _, sha := range cmp {
				if j := s.hookCommit(r, sha); j != nil {
					commits = append(commits, j)
				}
			}
		}
		if j := s.hookCommit(r, r.peel(c.New)); j != nil {
			head = j
		}
	}
	s.emit(r, "push", by, obj{"ref": c.Ref, "before": c.Old, "after": c.New, "created": c.Old == zeroOID,
		"deleted": c.New == zeroOID, "forced": forced, "base_ref": nil,
		"compare": s.url + "/" + r.full() + "/compare/" + c.Old[:12] + "..." + c.New[:12],
		"commits": commits, "head_commit": head, "pusher": obj{"name": by.Login, "email": by.Email}})
}

// pushed20 is what a push brought, oldest first, at most 20 commits.
func (r *repo) pushed20(c refChange) []string {
	if c.Old == zeroOID {
		return nil
	}
	cmp, err := r.compare(c.Old, c.New)
	if err != nil {
		return nil
	}
	return cmp.Commits[max(0, len(cmp.Commits)-20):]
}

func (s *Sandbox) hookCommit(r *repo, sha string) obj {
	c, err := r.commit(sha)
	if err != nil {
		return nil
	}
	who := func(name, email string) obj {
		j := obj{"name": name, "email": email}
		if a := s.byEmail(email); a != nil {
			j["username"] = a.Login
		}
		return j
	}
	files := map[string][]string{"added": {}, "removed": {}, "modified": {}}
	if len(c.ParentHashes) > 0 {
		cmp, err := r.compare(c.ParentHashes[0].String(), sha)
		if err != nil {
			return nil
		}
		for _, f := range cmp.Files {
			switch f.Status {
			case "renamed":
				files["removed"] = append(files["removed"], f.Previous)
				files["added"] = append(files["added"], f.Path)
			case "added", "copied":
				files["added"] = append(files["added"], f.Path)
			case "removed":
				files["removed"] = append(files["removed"], f.Path)
			default:
				files["modified"] = append(files["modified"], f.Path)
			}
		}
	}
	return obj{"id": sha, "tree_id": c.TreeHash.String(), "distinct": true, "message": c.Message,
		"timestamp": c.Committer.When.Format(time.RFC3339), "url": s.url + "/" + r.full() + "/commit/" + sha,
		"author": who(c.Author.Name, c.Author.Email), "committer": who(c.Committer.Name, c.Committer.Email),
		"added": files["added"], "removed": files["removed"], "modified": files["modified"]}
}
