package github

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
	maxWait  = time.Hour   // GitHub's limits reset within the hour; a header that says more is not believed
	minWait  = time.Minute // what GitHub asks for when a secondary limit carries no retry-after
)

// guard lies under every client. It turns both of GitHub's rate limits, in each of the forms that
// they come in, into *forge.RateLimited, tries a GET once more when the connection was cut, and
// bounds what is read. It never waits.
// See docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
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
		Str("remaining", resp.Header.Get("X-RateLimit-Remaining")).Dur("took", time.Since(start)).Msg("github")
	if resp.StatusCode < 400 {
		keepAsking(resp)
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("reading an error answer (%s): %w", resp.Status, err)
	}
	if limited := rateLimit(resp, body); limited != nil {
		return nil, limited
	}
	keepAsking(resp)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// keepAsking hides from go-github that the limit is spent: it would refuse requests by itself, with
// an error of its own. GitHub's refusal is the one that counts.
func keepAsking(resp *http.Response) {
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		resp.Header.Set("X-RateLimit-Remaining", "1")
	}
}

// cut reports whether the connection broke rather than the request failed.
func cut(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// rateLimit tells a refused request that may be tried later from one that may not: nil is the latter.
// The primary limit has no requests remaining and says when it resets; the secondary one says how
// long to stay away, or only that it is one. Both come as 403 or 429.
func rateLimit(resp *http.Response, body []byte) *forge.RateLimited {
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return nil
	}
	text := bytes.ToLower(body)
	secondary := bytes.Contains(text, []byte("secondary rate limit")) || bytes.Contains(text, []byte("abuse detection"))
	spent := resp.Header.Get("X-RateLimit-Remaining") == "0"
	waits := resp.Header.Get("Retry-After") != ""
	if resp.StatusCode == http.StatusForbidden && !secondary && !spent && !waits {
		return nil
	}
	return &forge.RateLimited{Until: until(resp.Header, spent && !secondary, time.Now())}
}

// until reads when to come back. Retry-After goes before the primary limit's reset.
func until(h http.Header, primary bool, now time.Time) time.Time {
	wait := minWait
	if s, err := strconv.ParseInt(strings.TrimSpace(h.Get("Retry-After")), 10, 32); err == nil {
		wait = time.Duration(s) * time.Second
	} else if reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil && primary {
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
