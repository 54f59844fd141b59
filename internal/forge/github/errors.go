package github

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

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
func fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	kind := kindOf(err)
	text := what + ": "
	if kind != nil && !errors.Is(err, kind) {
		text += kind.Error() + ": "
	}
	return &hostError{text: redact(text + err.Error()), kind: kind, cause: err}
}

// kindOf finds which of forge's errors an answer of GitHub's means, or nil.
func kindOf(err error) error {
	var token *ghinstallation.HTTPError
	if errors.As(err, &token) && token.Response != nil {
		if s := token.Response.StatusCode; s == http.StatusNotFound || s == http.StatusUnauthorized || s == http.StatusForbidden {
			return forge.ErrNoInstall
		}
		return nil
	}
	var gql gqlErrors
	if errors.As(err, &gql) {
		return gql.kind()
	}
	var rest *github.ErrorResponse
	if !errors.As(err, &rest) || rest.Response == nil {
		return nil
	}
	for _, e := range rest.Errors {
		if e.Code == "too_large" {
			return forge.ErrTooLarge
		}
	}
	switch rest.Response.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return forge.ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return forge.ErrForbidden
	}
	return nil
}

// status is the HTTP status of a refused REST request, or 0.
func status(err error) int {
	var rest *github.ErrorResponse
	if errors.As(err, &rest) && rest.Response != nil {
		return rest.Response.StatusCode
	}
	return 0
}

// secrets matches the tokens of GitHub (docs.github.com, "Token formats"), JSON web tokens and
// whatever follows an authorization scheme.
var secrets = regexp.MustCompile(`\b(?:gh[a-z]_[A-Za-z0-9_.-]+|github_pat_[A-Za-z0-9_]+|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|(?i:bearer|token) [A-Za-z0-9_.~+/=-]{20,})`)

// redact takes secrets and control characters out of a text that may quote what the host answered.
func redact(s string) string {
	s = secrets.ReplaceAllString(s, "[redacted]")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
