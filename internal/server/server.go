package server

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

const (
	readTimeout   = 30 * time.Second // of a whole request: slow senders do not hold connections
	writeTimeout  = 30 * time.Second
	drainTimeout  = 10 * time.Second // for requests under way when the server stops
	maxHeaderSize = 64 << 10
)

// Queue is what the public handler needs of the queue.
type Queue interface {
	Publisher
	Health(context.Context) error
}

// Public serves the listener that the world may reach:
//
//	POST <path of each intake>    a webhook: 202 kept, 401 not signed, 413 too large, 503 try again
//	GET /healthz                  200 while the process serves
//	GET /readyz                   200 while webhooks can be kept, else 503
//	GET /                         a line of text
//
// None of them tells a version.
func Public(q Queue, m *Metrics, log zerolog.Logger, intakes ...Intake) http.Handler {
	mux := http.NewServeMux()
	for _, in := range intakes {
		mux.Handle("POST "+in.Path, in.handler(q, m, log))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", ready(q.Health, log))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Lumos keeps model releases in order. Webhooks are received here; there is nothing to see.")
	})
	return wrap(mux, log)
}

// wrap logs each request without query, headers or bodies, recovers panics and sets headers that
// suit every answer.
func wrap(h http.Handler, log zerolog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		out := &recorder{ResponseWriter: w}
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler {
				log.Error().Str("panic", fmt.Sprint(p)).Str("stack", string(debug.Stack())).Msg("a request panicked")
				if p = http.ErrAbortHandler; out.status == 0 { // nothing was sent: an answer is better than a cut
					out.WriteHeader(http.StatusInternalServerError)
					p = nil
				}
			}
			level := zerolog.InfoLevel
			if r.Method == http.MethodGet {
				level = zerolog.DebugLevel // probes and scrapes
			}
			log.WithLevel(level).Str("method", clip(r.Method, 16)).Str("path", clip(r.URL.Path, 200)).
				Int("status", max(out.status, http.StatusOK)).Int64("bytes", out.written).Dur("took", time.Since(began)).Msg("request")
			if p != nil {
				panic(p)
			}
		}()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(out, r)
	})
}

func clip(s string, n int) string { return s[:min(len(s), n)] }

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status  int
	written int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Site is a handler and where it is served.
type Site struct {
	Listener net.Listener
	Handler  http.Handler
}

// Serve serves all sites until ctx ends, then lets requests under way finish and returns nil; or
// until one of them fails. It closes the listeners.
func Serve(ctx context.Context, log zerolog.Logger, sites ...Site) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, site := range sites {
		srv := &http.Server{
			Handler:           site.Handler,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    maxHeaderSize,
			// Followers of events end with ctx; webhooks under way do not heed it.
			BaseContext: func(net.Listener) context.Context { return ctx },
			ErrorLog:    stdlog.New(errorLog{log}, "", 0),
		}
		g.Go(func() error {
			if err := srv.Serve(site.Listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving %s: %w", site.Listener.Addr(), err)
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
			defer cancel()
			if err := srv.Shutdown(drain); err != nil {
				log.Warn().Err(err).Msg("some requests were cut off")
				return srv.Close()
			}
			return nil
		})
	}
	return g.Wait()
}

// errorLog passes on what net/http complains about: bad TLS, broken clients.
type errorLog struct{ log zerolog.Logger }

func (l errorLog) Write(p []byte) (int, error) {
	l.log.Debug().Str("from", "net/http").Msg(string(p))
	return len(p), nil
}
