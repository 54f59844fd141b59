package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lumos-governance/lumos/internal/queue"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// Follower reads events: queue.Queue is one.
type Follower interface {
	Follow(ctx context.Context, from queue.From, follow bool, fn func(queue.Event) error) error
}

// Admin serves the second listener, which only operators may reach:
//
//	GET /metrics                        for Prometheus
//	GET /events?since=TIME&follow=1     CloudEvents, one a line (NDJSON)
//
// TIME is a duration before now ("24h"), an RFC 3339 time or a position in the stream ("17").
func Admin(events Follower, m *Metrics, log zerolog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		from, err := since(r.FormValue("since"), time.Now())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var follow bool
		switch r.FormValue("follow") {
		case "", "0":
		case "1":
			follow = true
		default:
			http.Error(w, "follow must be 0 or 1", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := http.NewResponseController(w)
		if follow { // the reader shall see at once that it is connected
			if err := out.Flush(); err != nil {
				log.Warn().Err(err).Msg("showing events")
				return
			}
		}
		err = events.Follow(r.Context(), from, follow, func(e queue.Event) error {
			// The server's own deadline is for the whole answer: here each line has one.
			if err := out.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
				return err
			}
			if _, err := w.Write(append(e.Data, '\n')); err != nil {
				return err
			}
			if follow {
				return out.Flush()
			}
			return nil
		})
		if err != nil && r.Context().Err() == nil {
			log.Warn().Err(err).Msg("showing events")
			panic(http.ErrAbortHandler) // a reader must not take a broken list for a whole one
		}
	})
	return wrap(mux, log)
}

// since reads where to begin; empty is the beginning.
func since(s string, now time.Time) (queue.From, error) {
	if s == "" {
		return queue.From{}, nil
	}
	if seq, err := strconv.ParseUint(s, 10, 64); err == nil && seq > 0 {
		return queue.From{Seq: seq}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return queue.From{Time: now.Add(-d)}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return queue.From{Time: t}, nil
	}
	return queue.From{}, errors.New(`since must be a duration ("24h"), an RFC 3339 time or a position from 1 ("17")`)
}

func ready(health func(context.Context) error, log zerolog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := health(ctx); err != nil {
			log.Warn().Err(err).Msg("not ready")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, "not ready")
			return
		}
		fmt.Fprintln(w, "ready")
	}
}
