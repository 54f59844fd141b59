package contract

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// CheckParameters lists the values in a request's path, query and header that GitHub's description does
// not allow, and the parameters that it requires and that are missing. path is as sent, below the API's
// root and without the query. It complements Check, which looks at names, bodies and the answer.
func (d *REST) CheckParameters(x Exchange, path string, header http.Header) []string {
	op, err := d.operation(x.Route)
	if err != nil {
		return []string{err.Error()}
	}
	if op == nil {
		return nil // Check says so
	}
	query, err := url.ParseQuery(x.Query)
	if err != nil {
		return []string{x.Route + ": query: " + err.Error()}
	}
	given := map[string]map[string][]string{"path": {}, "query": query, "header": {}}
	_, pattern, _ := strings.Cut(x.Route, " ")
	values, err := pathValues(pattern, path)
	if err != nil {
		return []string{x.Route + ": " + err.Error()}
	}
	for name, v := range values {
		given["path"][name] = []string{v}
	}
	var findings []string
	declared := map[string]bool{}
	for _, ref := range op.Parameters {
		p := ref.Value
		if p.In == "path" {
			declared[p.Name] = true
		}
		got := given[p.In][p.Name]
		if p.In == "header" {
			got = header.Values(p.Name)
		}
		if len(got) == 0 && p.Required {
			findings = append(findings, fmt.Sprintf("%s: %s parameter %q is missing", x.Route, p.In, p.Name))
		}
		for _, v := range got {
			if err := parameter(p.Schema.Value, v); err != nil {
				findings = append(findings, fmt.Sprintf("%s: %s parameter %q: %q: %s", x.Route, p.In, p.Name, v, strings.Join(flatten(err), "; ")))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !declared[name] {
			findings = append(findings, fmt.Sprintf("%s: path parameter %q is not documented", x.Route, name))
		}
	}
	return findings
}

// pathValues reads a path by its pattern. A parameter at the end takes all that is left.
func pathValues(pattern, path string) (map[string]string, error) {
	out := map[string]string{}
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if n := len(want); len(have) > n && strings.HasPrefix(want[n-1], "{") {
		have = append(have[:n-1:n-1], strings.Join(have[n-1:], "/"))
	}
	if len(want) != len(have) {
		return nil, fmt.Errorf("the path %q does not fit", path)
	}
	for i, w := range want {
		name, ok := strings.CutPrefix(w, "{")
		switch {
		case ok:
			v, err := url.PathUnescape(have[i])
			if err != nil {
				return nil, fmt.Errorf("the path %q: %w", path, err)
			}
			out[strings.TrimSuffix(name, "}")] = v
		case w != have[i]:
			return nil, fmt.Errorf("the path %q does not fit", path)
		}
	}
	return out, nil
}

// parameter holds a text against the schema of a parameter, in whichever type the schema wants it.
func parameter(schema *openapi3.Schema, text string) error {
	var err error
	for _, v := range readings(text) {
		if err = schema.VisitJSON(v, openapi3.MultiErrors()); err == nil {
			return nil
		}
	}
	return err
}

func readings(text string) []any {
	out := []any{}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		out = append(out, float64(n))
	}
	if b, err := strconv.ParseBool(text); err == nil && (text == "true" || text == "false") {
		out = append(out, b)
	}
	return append(out, text)
}
