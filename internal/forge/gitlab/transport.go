package gitlab

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
	maxWait  = time.Hour   // a header that says more is not believed
	minWait  = time.Minute // what GitLab's limits are counted over, where an answer does not say
)

// guard lies under every client. It turns GitLab's rate limits into *forge.RateLimited, tries a GET
// once more when the connection was cut, and bounds what is read. It never waits.
// See docs.gitlab.com/security/rate_limits (2026).
type guard struct {
	next http.RoundTripper
	log  zerolog.Logger
}

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := g.next.RoundTrip(req)
	if err != nil && req.Method == http.MethodGet && req.Context().Err() == nil && cut(err) {
		resp, err = g.next.RoundTrip(req.Clone(req.Context()))
	}
	if err != nil {
		return nil, err
	}
	g.log.Debug().Str("method", req.Method).Str("path", req.URL.Path).Int("status", resp.StatusCode).
		Str("remaining", resp.Header.Get("RateLimit-Remaining")).Dur("took", time.Since(start)).Msg("gitlab")
	if resp.StatusCode < 400 {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("reading an error answer (%s): %w", resp.Status, err)
	}
	if limited(resp) {
		return nil, &forge.RateLimited{Until: until(resp.Header, time.Now())}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// limited reports whether a refused request may be tried later. A proxy before GitLab, or GitLab in
// maintenance, says 503 with a time.
func limited(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests ||
		resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != ""
}

// cut reports whether the connection broke rather than the request failed.
func cut(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// until reads when to come back.
func until(h http.Header, now time.Time) time.Time {
	wait := minWait
	if s, err := strconv.ParseInt(strings.TrimSpace(h.Get("Retry-After")), 10, 32); err == nil {
		wait = time.Duration(s) * time.Second
	} else if reset, err := strconv.ParseInt(h.Get("RateLimit-Reset"), 10, 64); err == nil {
		wait = time.Unix(reset, 0).Sub(now)
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

// capped takes so many bytes and no more. The buffer is not embedded: it would read by itself.
type capped struct {
	buf  bytes.Buffer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, forge.ErrTooLarge
	}
	return c.buf.Write(p)
}
