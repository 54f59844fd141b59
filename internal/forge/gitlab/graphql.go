package gitlab

import (
	"context"
	"embed"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

//go:embed graphql/*.graphql
var documents embed.FS

var docs = client.NewDocuments(documents)

func document(name string, marks map[string]string) string { return docs.Build(name, marks) }

// gqlError is one error of a GraphQL answer. GitLab gives no type, only words.
type gqlError struct {
	Path    []any  `json:"path"`
	Message string `json:"message"`
}

// at is the path of the field that failed, such as "project.repository.audit".
func (e gqlError) at() string {
	path := make([]string, len(e.Path))
	for i, p := range e.Path {
		path[i] = fmt.Sprint(p)
	}
	return strings.Join(path, ".")
}

type gqlErrors []gqlError

func (es gqlErrors) Error() string {
	lines := make([]string, 0, len(es))
	for _, e := range es {
		lines = append(lines, strings.TrimPrefix(e.at()+": "+e.Message, ": "))
	}
	return strings.Join(lines, "; ")
}

// kind is the forge error that the words mean. They are GitLab's for everything that is not there or
// not ours to see (16.11 to 18, as of 2026).
func (es gqlErrors) kind() error {
	for _, e := range es {
		switch text := strings.ToLower(e.Message); {
		case strings.Contains(text, "does not exist or you don't have permission"):
			return forge.ErrForbidden
		case strings.Contains(text, "invalid token"), strings.Contains(text, "insufficient_scope"):
			return forge.ErrForbidden
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

// split parts the errors below a path from the others.
func (es gqlErrors) split(path string) (below, rest gqlErrors) {
	rest = slices.DeleteFunc(slices.Clone(es), func(e gqlError) bool {
		at := e.at()
		if at != path && !strings.HasPrefix(at, path+".") {
			return false
		}
		below = append(below, e)
		return true
	})
	return below, rest
}

// graphql posts one document. What GitLab could answer lies in out even when there are errors: the
// caller decides which of them it can live with.
func (h *Host) graphql(ctx context.Context, doc string, variables map[string]any, out any) (gqlErrors, error) {
	return client.Endpoint[gqlError]{
		Client: h.http, URL: h.root + "api/graphql",
		Header:  http.Header{"Authorization": {"Bearer " + h.token}, "User-Agent": {userAgent}},
		Refused: refused, Limited: limitedBy,
		Failed: func(errs []gqlError) error { return gqlErrors(errs) },
	}.Ask(ctx, doc, variables, out)
}

func refused(resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 2<<10))
	if err != nil {
		return err
	}
	return &refusedError{status: resp.StatusCode, text: strings.TrimSpace(string(text))}
}

// limitedBy knows the rate limits where they come as an error of GraphQL.
func limitedBy(h http.Header, e gqlError) *forge.RateLimited {
	if !strings.Contains(strings.ToLower(e.Message), "rate limit") && !strings.Contains(e.Message, "This endpoint has been requested too many times") {
		return nil
	}
	return &forge.RateLimited{Until: until(h)}
}

// strict is graphql for documents of which every part is needed.
func (h *Host) strict(ctx context.Context, doc string, variables map[string]any, out any) error {
	errs, err := h.graphql(ctx, doc, variables, out)
	if err != nil {
		return err
	}
	return errs.asError()
}
