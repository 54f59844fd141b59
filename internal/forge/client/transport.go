package client

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/forge"
)

const (
	maxBody  = 64 << 20    // the largest answer that is read
	maxError = 64 << 10    // the largest error answer that is read
	maxWait  = time.Hour   // the hosts' limits reset within the hour; a header that says more is not believed
	minWait  = time.Minute // where an answer does not say how long to stay away
)

// Guard lies under every client of a host. It tries a GET once more when the connection was cut, turns
// rate limits into *forge.RateLimited, and bounds what is read. It never waits.
type Guard struct {
	Next      http.RoundTripper
	Log       zerolog.Logger
	Name      string // of the host, for the log
	Remaining string // the header that tells how many requests are left
	// Limited tells a refused request that may be tried later, and when, from one that may not: nil.
	Limited func(resp *http.Response, body []byte) *forge.RateLimited
	// Answered may change an answer before the client sees it. Optional.
	Answered func(*http.Response)
}

// RoundTrip implements http.RoundTripper.
func (g Guard) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := g.Next.RoundTrip(req)
	if err != nil && req.Method == http.MethodGet && req.Context().Err() == nil && cut(err) {
		resp, err = g.Next.RoundTrip(req.Clone(req.Context()))
	}
	if err != nil {
		return nil, err
	}
	g.Log.Debug().Str("method", req.Method).Str("path", req.URL.Path).Int("status", resp.StatusCode).
		Str("remaining", resp.Header.Get(g.Remaining)).Dur("took", time.Since(start)).Msg(g.Name)
	if resp.StatusCode < 400 {
		g.answered(resp)
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("reading an error answer (%s): %w", resp.Status, err)
	}
	if limited := g.Limited(resp, body); limited != nil {
		return nil, limited
	}
	g.answered(resp)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (g Guard) answered(resp *http.Response) {
	if g.Answered != nil {
		g.Answered(resp)
	}
}

// cut reports whether the connection broke rather than the request failed.
func cut(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Until reads when to come back: Retry-After, in seconds, goes before reset, in seconds since 1970,
// which is empty where it does not count.
func Until(h http.Header, reset string, now time.Time) time.Time {
	wait := minWait
	if s, err := strconv.ParseInt(strings.TrimSpace(h.Get("Retry-After")), 10, 32); err == nil {
		wait = time.Duration(s) * time.Second
	} else if at, err := strconv.ParseInt(reset, 10, 64); err == nil {
		wait = time.Unix(at, 0).Sub(now)
	}
	return now.Add(min(max(wait, time.Second), maxWait))
}

// boundedBody fails, rather than ends, where an answer is longer than Lumos reads.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// One more byte tells an answer that ends here from one that goes on.
		n, err := b.ReadCloser.Read(make([]byte, 1))
		if n > 0 {
			return 0, forge.ErrTooLarge
		}
		return 0, cmp.Or(err, io.EOF)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Capped takes Left bytes and no more: what goes beyond is forge.ErrTooLarge.
type Capped struct {
	Left int64
	buf  bytes.Buffer // not embedded: it would read by itself
}

// Write implements io.Writer.
func (c *Capped) Write(p []byte) (int, error) {
	if c.Left -= int64(len(p)); c.Left < 0 {
		return 0, forge.ErrTooLarge
	}
	return c.buf.Write(p)
}

// Bytes is what was written.
func (c *Capped) Bytes() []byte { return c.buf.Bytes() }
