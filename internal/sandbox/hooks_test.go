package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

// receiver takes webhooks, checks their signatures and notes them.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	events []string
	guids  []string
	status int
}

func newReceiver(t *testing.T, secret string) *receiver {
	h := &receiver{status: http.StatusAccepted}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if err != nil || r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("webhook %s: bad signature", r.Header.Get("X-GitHub-Event"))
		}
		var payload struct {
			Action       string
			Installation struct{ ID int64 }
		}
		if err := json.Unmarshal(body, &payload); err != nil || payload.Installation.ID == 0 {
			t.Errorf("webhook %s: %v, installation %d", r.Header.Get("X-GitHub-Event"), err, payload.Installation.ID)
		}
		if _, err := github.ParseWebHook(r.Header.Get("X-GitHub-Event"), body); err != nil {
			t.Errorf("webhook: %v", err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events = append(h.events, r.Header.Get("X-GitHub-Event")+"."+payload.Action)
		h.guids = append(h.guids, r.Header.Get("X-GitHub-Delivery"))
		w.WriteHeader(h.status)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *receiver) seen() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.events, " ")
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	hooks := newReceiver(t, "hush")
	st := newStage(t, Options{}, hooks.URL)
	st.ok(st.WaitIdle(t.Context()))
	st.Faults.DropWebhooks(1)
	n, _ := st.pull("b") // its push is lost
	st.ok(st.WaitIdle(t.Context()))
	if got := hooks.seen(); got != "installation.created pull_request.opened" {
		t.Fatalf("delivered: %s", got)
	}
	hooks.mu.Lock()
	hooks.status = http.StatusBadGateway
	hooks.mu.Unlock()
	_, err := st.As("bo").Comment(repoName, n, "hello")
	st.ok(err)
	st.ok(st.WaitIdle(t.Context())) // once: a failed delivery is not tried again
	tr, err := ghinstallation.NewAppsTransport(http.DefaultTransport, st.lumos.AppID, st.lumos.Key)
	st.ok(err)
	app, err := github.NewClient(&http.Client{Transport: tr}).WithEnterpriseURLs(st.APIURL(), st.APIURL())
	st.ok(err)
	list, resp, err := app.Apps.ListHookDeliveries(t.Context(), &github.ListCursorOptions{PerPage: 2})
	st.ok(err)
	if len(list) != 2 || resp.Cursor == "" || list[0].GetStatusCode() != 502 || list[0].GetEvent() != "issue_comment" || list[1].GetStatus() != "OK" {
		t.Fatalf("log: %v, cursor %q", list, resp.Cursor)
	}
	older, _, err := app.Apps.ListHookDeliveries(t.Context(), &github.ListCursorOptions{PerPage: 2, Cursor: resp.Cursor})
	st.ok(err)
	if len(older) != 2 || older[0].GetEvent() != "push" || older[0].GetStatusCode() != 0 {
		t.Fatalf("older: %v", older)
	}
	_, _, err = app.Apps.RedeliverHookDelivery(t.Context(), older[0].GetID())
	var accepted *github.AcceptedError
	if err != nil && !asAccepted(err, &accepted) {
		t.Fatal(err)
	}
	st.ok(st.WaitIdle(t.Context()))
	log := st.Deliveries(st.lumos.AppID)
	last := log[len(log)-1]
	if !last.Redelivery || last.GUID != older[0].GetGUID() || last.Event != "push" {
		t.Fatalf("redelivered: %+v", last)
	}
	full, _, err := app.Apps.GetHookDelivery(t.Context(), last.ID)
	st.ok(err)
	if full.GetRequest() == nil || full.GetStatusCode() != 502 {
		t.Fatalf("delivery: %v", full)
	}
}

func asAccepted(err error, into **github.AcceptedError) bool {
	a, ok := err.(*github.AcceptedError)
	*into = a
	return ok
}
