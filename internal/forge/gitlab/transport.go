package gitlab

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

// guard knows GitLab's rate limits. See docs.gitlab.com/security/rate_limits (2026).
func guard(next http.RoundTripper, log zerolog.Logger) client.Guard {
	return client.Guard{Next: next, Log: log, Name: "gitlab", Remaining: "RateLimit-Remaining", Limited: limited}
}

// limited tells a refused request that may be tried later. A proxy before GitLab, or GitLab in
// maintenance, says 503 with a time.
func limited(resp *http.Response, _ []byte) *forge.RateLimited {
	if resp.StatusCode != http.StatusTooManyRequests &&
		(resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "") {
		return nil
	}
	return &forge.RateLimited{Until: until(resp.Header)}
}

func until(h http.Header) time.Time { return client.Until(h, h.Get("RateLimit-Reset"), time.Now()) }
