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
)

// hostError is every error that leaves this package: its text holds no secret, and errors.Is finds
// the kind by which callers decide, as well as the error underneath.
type hostError struct {
	text  string
	kind  error // one of forge's errors, or nil
	cause error
}

func (e *hostError) Error() string { return e.text }

func (e *hostError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// fail says what could not be done and sorts err into forge's errors. It returns nil for nil.
func (h *Host) fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	kind := kindOf(err)
	text := what + ": "
	if kind != nil && !errors.Is(err, kind) {
		text += kind.Error() + ": "
	}
	return &hostError{text: h.redact(text + err.Error()), kind: kind, cause: err}
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

// redact takes secrets and control characters out of a text that may quote what the host answered. A
// token of an older GitLab has no form by which it is known, so our own is looked for by itself.
func (h *Host) redact(s string) string {
	s = secrets.ReplaceAllString(strings.ReplaceAll(s, h.token, "[redacted]"), "[redacted]")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
