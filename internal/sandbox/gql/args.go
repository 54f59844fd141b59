package gql

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Args are a field's arguments, or the fields of an input object: validated, so of the right type.
type Args map[string]any

// String is a string, an id or an enum's value; "" if not given.
func (a Args) String(name string) string {
	s, _ := a[name].(string)
	return s
}

// Given reports whether an argument was given and is not null.
func (a Args) Given(name string) bool { return a[name] != nil }

// Int is a number; 0 if not given.
func (a Args) Int(name string) int {
	switch n := a[name].(type) {
	case json.Number:
		i, _ := strconv.Atoi(n.String())
		return i
	case int64:
		return int(n)
	case int:
		return n
	}
	return 0
}

// Object is an input object; nil if not given.
func (a Args) Object(name string) Args {
	o, _ := a[name].(map[string]any)
	return o
}

// List is a list; a single value stands for a list of one, as the language says.
func (a Args) List(name string) []any {
	switch v := a[name].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		rv := reflect.ValueOf(v)
		if rv.Kind() != reflect.Slice {
			return []any{v}
		}
		out := make([]any, rv.Len())
		for i := range out {
			out[i] = rv.Index(i).Interface()
		}
		return out
	}
}

// Objects is a list of input objects.
func (a Args) Objects(name string) []Args {
	var out []Args
	for _, v := range a.List(name) {
		if o, ok := v.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// Strings is a list of strings, ids or enum values.
func (a Args) Strings(name string) []string {
	var out []string
	for _, v := range a.List(name) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

const maxPage = 100

// Connection cuts a page out of items by first, last, after and before. As on GitHub, first or last
// must be given and be at most 100; name is the field's, for the error.
func Connection[T any](typename, name string, a Args, items []T, node func(T) any) (any, error) {
	if !a.Given("first") && !a.Given("last") {
		return nil, &Typed{"MISSING_PAGINATION_BOUNDARIES", fmt.Sprintf("You must provide a `first` or `last` value to properly paginate the `%s` connection.", name)}
	}
	from, to := 0, len(items)
	if a.Given("after") {
		n, err := position(a.String("after"))
		if err != nil {
			return nil, err
		}
		from = min(n, to)
	}
	if a.Given("before") {
		n, err := position(a.String("before"))
		if err != nil {
			return nil, err
		}
		to = max(from, min(n-1, to))
	}
	for _, bound := range []string{"first", "last"} {
		if !a.Given(bound) {
			continue
		}
		n := a.Int(bound)
		if n < 0 || n > maxPage {
			return nil, &Typed{"EXCESSIVE_PAGINATION", fmt.Sprintf("Requesting %d records on the `%s` connection exceeds the `%s` limit of %d records.", n, name, bound, maxPage)}
		}
		if bound == "first" {
			to = min(to, from+n)
		} else {
			from = max(from, to-n)
		}
	}
	nodes, edges := []any{}, []any{}
	for i := from; i < to; i++ {
		v := node(items[i])
		nodes = append(nodes, v)
		edges = append(edges, Object{"__typename": strings.TrimSuffix(typename, "Connection") + "Edge", "cursor": cursor(i + 1), "node": v})
	}
	info := Object{"__typename": "PageInfo", "hasNextPage": to < len(items), "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
	if from < to {
		info["startCursor"], info["endCursor"] = cursor(from+1), cursor(to)
	}
	return Object{"__typename": typename, "totalCount": len(items), "pageInfo": info, "nodes": nodes, "edges": edges}, nil
}

func cursor(n int) string {
	return base64.StdEncoding.EncodeToString([]byte("cursor:" + strconv.Itoa(n)))
}

func position(c string) (int, error) {
	raw, err := base64.StdEncoding.DecodeString(c)
	n, bad := strconv.Atoi(strings.TrimPrefix(string(raw), "cursor:"))
	if err != nil || bad != nil || n < 1 {
		return 0, &Typed{"INVALID_CURSOR_ARGUMENTS", fmt.Sprintf("`%s` does not appear to be a valid cursor.", c)}
	}
	return n, nil
}
