package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

const (
	// MaxPayload is the most bytes that a webhook may have: GitHub's own limit (docs.github.com,
	// "Webhook events and payloads", 2026).
	MaxPayload = 25 << 20

	// publishTimeout is below the 10 s after which GitHub gives a delivery up.
	publishTimeout = 8 * time.Second
)

// Wake is one key to wake for a webhook. ID tells deliveries apart ("github:<delivery id>").
type Wake struct {
	Key  string
	ID   string
	Body []byte
}

// Publisher keeps wakes: queue.Queue is one.
type Publisher interface {
	Publish(ctx context.Context, key, id string, body []byte) error
}

// Intake says how the webhooks of one sender are taken in.
type Intake struct {
	Path string // "/webhooks/github"
	// Event names the kind of event for metrics, from the headers of a verified request.
	Event func(http.Header) string
	// Verify fails unless the request was sent by who may. It sees the raw body and must compare in
	// constant time.
	Verify func(http.Header, []byte) error
	// Patient says that the sender never sends a delivery twice, and gives up a receiver that answers
	// with errors (GitLab disables it): whatever is verified is answered 200, and what could not be
	// kept is left to the sweep. Without it an error asks the sender to try again.
	Patient bool
	// Accept reads a verified request. No wakes means that it concerns nobody; an error, that it
	// cannot be understood.
	Accept func(http.Header, []byte) ([]Wake, error)
}

// The outcomes of a webhook, as metrics count them.
const (
	outcomeAccepted  = "accepted"
	outcomeIgnored   = "ignored" // concerns nobody
	outcomeForged    = "forged"  // no valid signature
	outcomeTooLarge  = "too_large"
	outcomeUnread    = "unread"    // the sender broke off
	outcomeMalformed = "malformed" // signed, and yet not understood
	outcomeFailed    = "failed"    // not kept: the sender must try again, or the sweep will find it
)

// handler answers one sender. What it answers never says why: that is in the log.
func (in Intake) handler(to Publisher, m *Metrics, log zerolog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		event := "unverified"
		answer := func(status int, outcome string, err error) {
			m.Webhooks.WithLabelValues(event, outcome).Inc()
			if err != nil {
				log.Warn().Err(err).Str("path", in.Path).Str("event", event).Str("outcome", outcome).Msg("webhook not taken in")
			}
			w.WriteHeader(status)
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			answer(http.StatusRequestEntityTooLarge, outcomeTooLarge, err)
			return
		}
		if err != nil {
			answer(http.StatusBadRequest, outcomeUnread, err)
			return
		}
		if err := in.Verify(r.Header, body); err != nil {
			answer(http.StatusUnauthorized, outcomeForged, err)
			return
		}
		event = label(in.Event(r.Header))
		taken, malformed, failed := http.StatusAccepted, http.StatusBadRequest, http.StatusServiceUnavailable
		if in.Patient {
			taken, malformed, failed = http.StatusOK, http.StatusOK, http.StatusOK
		}
		wakes, err := in.Accept(r.Header, body)
		if err != nil {
			answer(malformed, outcomeMalformed, err)
			return
		}
		if len(wakes) == 0 {
			answer(taken, outcomeIgnored, nil)
			return
		}
		// A sender that hangs up, or our own shutdown, does not stop what is being kept.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), publishTimeout)
		defer cancel()
		for _, wake := range wakes {
			if err := to.Publish(ctx, wake.Key, wake.ID, wake.Body); err != nil {
				answer(failed, outcomeFailed, err)
				return
			}
		}
		answer(taken, outcomeAccepted, nil)
	}
}

// label keeps a metric's label small and plain: events are named by the sender.
func label(event string) string {
	if event == "" || len(event) > 40 {
		return "other"
	}
	for _, c := range event {
		if (c < 'a' || c > 'z') && c != '_' && c != '.' {
			return "other"
		}
	}
	return event
}
