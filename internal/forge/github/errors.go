package github

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

// fail says what could not be done and sorts err into forge's errors. It returns nil for nil.
func fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return client.Fail(err, kindOf(err), fmt.Sprintf(format, args...), redact)
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

// redact takes secrets out of a text that may quote what the host answered.
func redact(s string) string { return secrets.ReplaceAllString(s, "[redacted]") }
