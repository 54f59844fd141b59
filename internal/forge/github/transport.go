package github

import (
	"bytes"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

// guard knows both of GitHub's rate limits, in each of the forms that they come in.
// See docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
func guard(next http.RoundTripper, log zerolog.Logger) client.Guard {
	return client.Guard{Next: next, Log: log, Name: "github", Remaining: "X-RateLimit-Remaining", Limited: rateLimit, Answered: keepAsking}
}

// keepAsking hides from go-github that the limit is spent: it would refuse requests by itself, with
// an error of its own. GitHub's refusal is the one that counts.
func keepAsking(resp *http.Response) {
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		resp.Header.Set("X-RateLimit-Remaining", "1")
	}
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
	return &forge.RateLimited{Until: until(resp.Header, spent && !secondary)}
}

// until reads when to come back. Only the primary limit resets at the time that the headers say.
func until(h http.Header, primary bool) time.Time {
	reset := ""
	if primary {
		reset = h.Get("X-RateLimit-Reset")
	}
	return client.Until(h, reset, time.Now())
}
