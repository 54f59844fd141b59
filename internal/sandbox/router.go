package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// router finds the route of a request. http.ServeMux cannot hold GitHub's paths: it sees that
// /issues/{issue_number}/comments and /issues/comments/{comment_id} overlap, not that a number and a
// word never do.
type router []line

type line struct {
	method   string
	segments []string
	handler  http.HandlerFunc
}

func (rt *router) add(pattern string, h http.HandlerFunc) {
	method, path, _ := strings.Cut(pattern, " ")
	*rt = append(*rt, line{method, strings.Split(path, "/"), h})
	// A last {ref} takes what follows it, slashes and all: longer routes are asked first.
	slices.SortStableFunc(*rt, func(a, b line) int { return len(b.segments) - len(a.segments) })
}

func (rt router) find(r *http.Request) http.HandlerFunc {
	got := strings.Split(r.URL.EscapedPath(), "/")
	for i := range got {
		if s, err := url.PathUnescape(got[i]); err == nil {
			got[i] = s
		}
	}
	for _, l := range rt {
		if l.method == r.Method && l.match(r, got) {
			return l.handler
		}
	}
	return nil
}

// match compares segment by segment and notes what the parameters stand for.
func (l line) match(r *http.Request, got []string) bool {
	values := map[string]string{}
	for i, want := range l.segments {
		name, ok := strings.CutPrefix(want, "{")
		name = strings.TrimSuffix(name, "}")
		last := i == len(l.segments)-1
		switch {
		case i >= len(got):
			return false
		case last && ok && (name == "path" || name == "ref" || name == "branch"):
			// A path and the name of a ref may hold slashes: GitHub takes them as they are.
			values[name] = strings.Join(got[i:], "/")
		case last && len(got) > len(l.segments):
			return false
		case !ok && got[i] != want, got[i] == "" && i > 0, ok && numeric(name) && strings.Trim(got[i], "0123456789") != "":
			return false
		case ok:
			values[name] = got[i]
		}
	}
	for name, v := range values {
		r.SetPathValue(name, v)
	}
	return true
}

func numeric(name string) bool {
	return strings.HasSuffix(name, "_number") || strings.HasSuffix(name, "_id")
}
