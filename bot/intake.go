package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/queue"
	"github.com/lumos-governance/lumos/internal/server"
)

// wakeBody is what a wake carries: hints, never facts.
type wakeBody struct {
	Why    string `json:"why"`              // the event's name, "sweep", "record", …
	Head   string `json:"head,omitempty"`   // the head that the event spoke of
	Record bool   `json:"record,omitempty"` // only write what waits for the audit log
}

// keyOf names a pull request in the queue: "host/owner/name#number".
func keyOf(ref forge.Ref) string { return fmt.Sprintf("%s#%d", ref.Repo.Key(), ref.Number) }

func parseKey(key string) (forge.Ref, bool) {
	path, number, _ := strings.Cut(key, "#")
	repo, ok := forge.ParseRepoKey(path)
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n <= 0 {
		return forge.Ref{}, false
	}
	return forge.Ref{Repo: repo, Number: n}, true
}

func (b *Bot) wake(ctx context.Context, ref forge.Ref, id string, body wakeBody) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("waking %s: %w", ref, err)
	}
	return b.Queue.Publish(ctx, keyOf(ref), id, data)
}

// Hook is what a webhook asks to look at; the zero Hook asks for nothing.
type Hook struct {
	Event      string // its name, for the log
	Delivery   string // what tells this delivery from others: one that comes twice is one event
	Refs       []forge.Ref
	Hint       string      // the head that the event spoke of
	AllOpen    *forge.Repo // every open pull request of this repository
	Everything bool        // what the bot may act on has changed, or who may approve: sweep
}

// Wakes turns a verified webhook into the wakes that it asks for, each named after the delivery.
func (hook Hook) Wakes() ([]server.Wake, error) {
	delivery := hook.Delivery
	var wakes []server.Wake
	for _, ref := range hook.Refs {
		data, err := json.Marshal(wakeBody{Why: hook.Event, Head: hook.Hint})
		if err != nil {
			return nil, err
		}
		wakes = append(wakes, server.Wake{Key: keyOf(ref), ID: delivery + ":" + keyOf(ref), Body: data})
	}
	if hook.AllOpen != nil {
		wakes = append(wakes, server.Wake{Key: sweepKey + "/" + hook.AllOpen.Key(), ID: delivery})
	}
	if hook.Everything {
		wakes = append(wakes, server.Wake{Key: sweepKey, ID: delivery})
	}
	return wakes, nil
}

// handle is the queue's handler: it works on one key at a time.
func (b *Bot) handle(ctx context.Context, w queue.Wake) error {
	if w.Key == sweepKey {
		return retryable(b.sweep(ctx))
	}
	if path, ok := strings.CutPrefix(w.Key, sweepKey+"/"); ok {
		repo, ok := forge.ParseRepoKey(path)
		if !ok {
			b.Log.Error().Str("key", w.Key).Msg("dropping an event with a key that is no repository")
			return nil
		}
		return retryable(b.sweepRepo(ctx, repo, "changed-base"))
	}
	if path, ok := strings.CutPrefix(w.Key, releasedKey+"/"); ok {
		return retryable(b.handleReleased(ctx, path))
	}
	ref, ok := parseKey(w.Key)
	if !ok {
		b.Log.Error().Str("key", w.Key).Msg("dropping an event with a key that is no pull request")
		return nil
	}
	body := merged(w.Bodies)
	start := b.Now()
	outcome, err := b.Reconcile(ctx, ref, body)
	took := b.Now().Sub(start)
	log := b.Log.Info()
	if err != nil {
		outcome, log = "error", b.Log.Warn().Err(err).Int("attempt", w.Attempt)
	}
	log.Str("pr", ref.String()).Str("why", body.Why).Int("events", len(w.Bodies)).Str("outcome", outcome).Dur("took", took).Msg("reconciled")
	if b.Metrics != nil {
		b.Metrics.Reconciles.WithLabelValues(outcome).Observe(took.Seconds())
	}
	return retryable(err)
}

// handleReleased judges the released models of a repository again.
func (b *Bot) handleReleased(ctx context.Context, path string) error {
	repo, ok := forge.ParseRepoKey(path)
	if !ok {
		b.Log.Error().Str("key", path).Msg("dropping an event with a key that is no repository")
		return nil
	}
	start := b.Now()
	outcome, err := b.reevaluate(ctx, repo)
	if err != nil {
		err = fmt.Errorf("released models of %s: %w", repo.FullName(), err)
	}
	b.Log.Info().Err(err).Str("repo", repo.FullName()).Str("outcome", outcome).Dur("took", b.Now().Sub(start)).Msg("released models judged again")
	return err
}

// merged is one body for the many events that a run covers: the newest hint wins, and only if all
// of them just want to record may the look itself be left out.
func merged(bodies [][]byte) wakeBody {
	out := wakeBody{Record: len(bodies) > 0}
	for _, raw := range bodies {
		var body wakeBody
		if json.Unmarshal(raw, &body) != nil {
			body = wakeBody{} // a hint that cannot be read is no hint: look
		}
		out.Record = out.Record && body.Record
		if !body.Record {
			out.Why = body.Why
		}
		if body.Head != "" {
			out.Head = body.Head
		}
	}
	if out.Record {
		out.Why = "record"
	}
	return out
}
