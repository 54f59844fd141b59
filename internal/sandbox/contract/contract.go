// Package contract holds traffic against the hosts' own published descriptions: REST exchanges with GitHub against
// its OpenAPI description (npm package @octokit/openapi), GraphQL schemas against its schema
// (@octokit/graphql-schema). Only tests import it; the descriptions are not part of this repository.
package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// REST checks exchanges. Operations are cut out of the description as they are met.
type REST struct {
	paths      map[string]map[string]json.RawMessage // path → method → operation; of webhooks: name → "post" → operation
	components map[string]map[string]json.RawMessage // kind → name → component

	mu  sync.Mutex
	ops map[string]*openapi3.Operation
}

// LoadREST reads the description below a node_modules folder.
func LoadREST(modules string) (*REST, error) {
	raw, err := os.ReadFile(filepath.Join(modules, "@octokit", "openapi", "generated", "api.github.com.json"))
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components map[string]map[string]json.RawMessage
		Webhooks   map[string]map[string]json.RawMessage `json:"x-webhooks"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("GitHub's OpenAPI description: %w", err)
	}
	if doc.Paths == nil {
		doc.Paths = map[string]map[string]json.RawMessage{}
	}
	for name, hook := range doc.Webhooks {
		doc.Paths["/"+name] = hook // no route has so short a path with a hyphen in it
	}
	return &REST{paths: doc.Paths, components: doc.Components, ops: map[string]*openapi3.Operation{}}, nil
}

// operation loads one operation with what it refers to; nil if GitHub does not document it.
func (d *REST) operation(route string) (*openapi3.Operation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if op, ok := d.ops[route]; ok {
		return op, nil
	}
	method, path, _ := strings.Cut(route, " ")
	raw, ok := d.paths[path][strings.ToLower(method)]
	if !ok {
		d.ops[route] = nil
		return nil, nil
	}
	used := map[string]map[string]json.RawMessage{}
	if err := d.close(raw, used); err != nil {
		return nil, err
	}
	doc, err := json.Marshal(map[string]any{"openapi": "3.0.3", "info": map[string]string{"title": "cut", "version": "1"},
		"paths": map[string]any{path: map[string]any{strings.ToLower(method): raw}}, "components": used})
	if err != nil {
		return nil, err
	}
	loaded, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", route, err)
	}
	op := loaded.Paths.Value(path).GetOperation(method)
	d.ops[route] = op
	return op, nil
}

// close collects the components that a piece of the description refers to, and those they refer to.
func (d *REST) close(raw json.RawMessage, used map[string]map[string]json.RawMessage) error {
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return err
	}
	var walk func(any) error
	walk = func(v any) error {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				kind, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
				if _, seen := used[kind][name]; seen {
					return nil
				}
				if used[kind] == nil {
					used[kind] = map[string]json.RawMessage{}
				}
				used[kind][name] = d.components[kind][name]
				return d.close(d.components[kind][name], used)
			}
			for _, sub := range v {
				if err := walk(sub); err != nil {
					return err
				}
			}
		case []any:
			for _, sub := range v {
				if err := walk(sub); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(tree)
}

// mistakes are findings that are the description's own: it asks that an installation's account be a
// user and an enterprise at once, and its schema forgets the bare list of labels that its text allows.
var mistakes = map[string]string{
	"GET /app/installations":                                  `account: doesn't match all schemas from "allOf"`,
	"POST /repos/{owner}/{repo}/issues/{issue_number}/labels": `doesn't match any schema from "oneOf"`,
}

// Exchange is one request and its answer. Route is the documented path with its method, as in
// "GET /repos/{owner}/{repo}"; Query is what stood after the question mark.
type Exchange struct {
	Route        string
	Query        string
	RequestBody  []byte
	Status       int
	ContentType  string
	ResponseBody []byte
}

// Check lists what GitHub does not document or documents otherwise; an empty list is good.
func (d *REST) Check(x Exchange) []string {
	op, err := d.operation(x.Route)
	if err != nil {
		return []string{err.Error()}
	}
	if op == nil {
		return []string{x.Route + ": GitHub documents no such route"}
	}
	var findings []string
	note := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if known := mistakes[x.Route]; known == "" || !strings.Contains(text, known) {
			findings = append(findings, x.Route+" "+strconv.Itoa(x.Status)+": "+text)
		}
	}
	query, err := url.ParseQuery(x.Query)
	if err != nil {
		note("query: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if op.Parameters.GetByInAndName("query", name) == nil {
			note("query parameter %q is not documented", name)
		}
	}
	if len(x.RequestBody) > 0 && x.Status/100 == 2 {
		if op.RequestBody == nil {
			if s := strings.TrimSpace(string(x.RequestBody)); s != "null" && s != "{}" {
				note("takes no request body")
			}
		} else if media := op.RequestBody.Value.Content.Get("application/json"); media != nil && strings.TrimSpace(string(x.RequestBody)) != "null" {
			for _, f := range value(media.Schema, x.RequestBody) {
				note("request%s", f)
			}
		}
	}
	answer := op.Responses.Status(x.Status)
	if answer == nil {
		// Every operation may refuse who asks, or break; the description does not repeat it each time.
		if !slices.Contains([]int{401, 403, 404, 422, 429}, x.Status) && x.Status < 500 {
			note("the status is not documented")
		}
		return findings
	}
	if !strings.HasPrefix(x.ContentType, "application/json") || len(x.ResponseBody) == 0 {
		return findings
	}
	if media := answer.Value.Content.Get("application/json"); media != nil && media.Schema != nil {
		for _, f := range value(media.Schema, x.ResponseBody) {
			note("answer%s", f)
		}
	}
	return findings
}

// CheckWebhook lists what a webhook's payload has that GitHub does not document, or lacks. The action
// is empty for events that have none.
func (d *REST) CheckWebhook(event, action string, payload []byte) []string {
	name := strings.ReplaceAll(strings.TrimSuffix(event+"-"+action, "-"), "_", "-")
	op, err := d.operation("POST /" + name)
	if err != nil {
		return []string{err.Error()}
	}
	if op == nil || op.RequestBody == nil {
		return []string{name + ": GitHub documents no such webhook"}
	}
	findings := value(op.RequestBody.Value.Content.Get("application/json").Schema, payload)
	for i := range findings {
		findings[i] = "webhook " + name + findings[i]
	}
	return findings
}

// value holds a JSON text against a schema, and looks for fields that the schema does not name.
func value(schema *openapi3.SchemaRef, raw []byte) []string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return []string{": " + err.Error()}
	}
	var findings []string
	if err := schema.Value.VisitJSON(v, openapi3.MultiErrors()); err != nil {
		for _, e := range flatten(err) {
			findings = append(findings, ": "+e)
		}
	}
	undeclared([]*openapi3.Schema{schema.Value}, v, "", &findings)
	return findings
}

func flatten(err error) []string {
	if many, ok := err.(openapi3.MultiError); ok {
		var out []string
		for _, e := range many {
			out = append(out, flatten(e)...)
		}
		return out
	}
	if e, ok := err.(*openapi3.SchemaError); ok {
		return []string{fmt.Sprintf("/%s: %s", strings.Join(e.JSONPointer(), "/"), e.Reason)}
	}
	return []string{err.Error()}
}

// branches opens up allOf, anyOf and oneOf: a field is documented if any branch names it.
func branches(list []*openapi3.Schema) []*openapi3.Schema {
	var out []*openapi3.Schema
	for _, s := range list {
		out = append(out, s)
		for _, group := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for _, sub := range group {
				out = append(out, branches([]*openapi3.Schema{sub.Value})...)
			}
		}
	}
	return out
}

func undeclared(schemas []*openapi3.Schema, v any, path string, findings *[]string) {
	all := branches(schemas)
	switch v := v.(type) {
	case []any:
		var items []*openapi3.Schema
		for _, s := range all {
			if s.Items != nil {
				items = append(items, s.Items.Value)
			}
		}
		for i, e := range v {
			undeclared(items, e, path+"/"+strconv.Itoa(i), findings)
		}
	case map[string]any:
		open := true
		for _, s := range all {
			open = open && len(s.Properties) == 0
			if extra := s.AdditionalProperties; extra.Schema != nil || extra.Has != nil && *extra.Has {
				return
			}
		}
		if open {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			var sub []*openapi3.Schema
			for _, s := range all {
				if p := s.Properties[name]; p != nil {
					sub = append(sub, p.Value)
				}
			}
			if sub == nil {
				*findings = append(*findings, path+"/"+name+": not documented")
				continue
			}
			undeclared(sub, v[name], path+"/"+name, findings)
		}
	}
}
