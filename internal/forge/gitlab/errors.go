package gitlab

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; only this room knows it

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/xanzy/go-gitlab"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

// fail says what could not be done and sorts err into forge's errors. It returns nil for nil.
func (h *Host) fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return client.Fail(err, kindOf(err), fmt.Sprintf(format, args...), h.redact)
}

// kindOf finds which of forge's errors an answer of GitLab's means, or nil. A project that is not ours
// to see answers 404, as one that does not exist.
func kindOf(err error) error {
	var gql gqlErrors
	if errors.As(err, &gql) {
		return gql.kind()
	}
	switch status(err) {
	case http.StatusNotFound, http.StatusGone:
		return forge.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return forge.ErrForbidden
	}
	return nil
}

// status is the HTTP status of a refused request, or 0.
func status(err error) int {
	if errors.Is(err, gitlab.ErrNotFound) {
		return http.StatusNotFound // the library drops the answer of this one
	}
	var refused *refusedError
	if errors.As(err, &refused) {
		return refused.status
	}
	var rest *gitlab.ErrorResponse
	if errors.As(err, &rest) && rest.Response != nil {
		return rest.Response.StatusCode
	}
	return 0
}

// reason is what GitLab gave as the reason of a refusal.
func reason(err error) string {
	var rest *gitlab.ErrorResponse
	if errors.As(err, &rest) && rest.Message != "" {
		return rest.Message
	}
	return err.Error()
}

// refusedError is a refused GraphQL request.
type refusedError struct {
	status int
	text   string
}

func (e *refusedError) Error() string { return fmt.Sprintf("GraphQL: %d %s", e.status, e.text) }

// secrets matches the tokens of GitLab (docs.gitlab.com, "Token overview": glpat-, gldt-, glrt-, …)
// and whatever follows an authorization scheme.
var secrets = regexp.MustCompile(`\b(?:gl[a-z]{2,8}-[A-Za-z0-9_.-]{8,}|(?i:bearer|token) [A-Za-z0-9_.~+/=-]{20,})`)

// redact takes secrets out of a text that may quote what the host answered. A token of an older GitLab
// has no form by which it is known, so our own is looked for by itself.
func (h *Host) redact(s string) string {
	return secrets.ReplaceAllString(strings.ReplaceAll(s, h.token, "[redacted]"), "[redacted]")
}
