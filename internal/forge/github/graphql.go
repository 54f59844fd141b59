package github

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

//go:embed graphql/*.graphql
var documents embed.FS

var docs = client.NewDocuments(documents)

func document(name string, marks map[string]string) string { return docs.Build(name, marks) }

// gqlError is one error of a GraphQL answer. GitHub's Type is not in the specification.
type gqlError struct {
	Type    string `json:"type"`
	Path    []any  `json:"path"`
	Message string `json:"message"`
}

// at is the alias of the root field that failed; empty when the whole request did.
func (e gqlError) at() string {
	if len(e.Path) == 0 {
		return ""
	}
	s, _ := e.Path[0].(string)
	return s
}

type gqlErrors []gqlError

func (es gqlErrors) Error() string {
	lines := make([]string, 0, len(es))
	for _, e := range es {
		path := make([]string, len(e.Path))
		for i, p := range e.Path {
			path[i] = fmt.Sprint(p)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s", e.Type, strings.Join(path, "."), e.Message)))
	}
	return strings.Join(lines, "; ")
}

// kind is the forge error that the first error which has one means.
func (es gqlErrors) kind() error {
	for _, e := range es {
		switch e.Type {
		case "NOT_FOUND":
			return forge.ErrNotFound
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			return forge.ErrForbidden
		case "STALE_DATA":
			return forge.ErrHeadMoved
		}
	}
	return nil
}

// asError is nil where there is no error: a nil slice in an error interface would not be.
func (es gqlErrors) asError() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// graphql posts one document. What GitHub could answer lies in out even when there are errors: the
// caller decides which of them it can live with.
func (in *installation) graphql(ctx context.Context, doc string, variables map[string]any, out any) (gqlErrors, error) {
	return client.Endpoint[gqlError]{
		Client: in.http, URL: in.graphqlURL, Header: http.Header{"User-Agent": {userAgent}},
		Refused: github.CheckResponse, Limited: limitedBy,
		Failed: func(errs []gqlError) error { return gqlErrors(errs) },
	}.Ask(ctx, doc, variables, out)
}

// limitedBy knows the rate limits where they come as an error of GraphQL.
func limitedBy(h http.Header, e gqlError) *forge.RateLimited {
	primary := e.Type == "RATE_LIMITED"
	if !primary && !strings.Contains(strings.ToLower(e.Message), "secondary rate limit") {
		return nil
	}
	return &forge.RateLimited{Until: until(h, primary)}
}

// strict is graphql for documents of which every part is needed.
func (in *installation) strict(ctx context.Context, doc string, variables map[string]any, out any) error {
	errs, err := in.graphql(ctx, doc, variables, out)
	if err != nil {
		return err
	}
	return errs.asError()
}

// split parts the errors whose root alias may fail from those that fail the request.
func (es gqlErrors) split(tolerated func(gqlError) bool) (ok map[string]gqlError, rest gqlErrors) {
	ok = map[string]gqlError{}
	rest = slices.DeleteFunc(slices.Clone(es), func(e gqlError) bool {
		if !tolerated(e) {
			return false
		}
		ok[e.at()] = e
		return true
	})
	return ok, rest
}

// bigInt is GraphQL's BigInt, which GitHub writes as a string.
type bigInt int64

func (b *bigInt) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	n, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	if err != nil {
		return fmt.Errorf("%s is no BigInt: %w", data, err)
	}
	*b = bigInt(n)
	return nil
}
