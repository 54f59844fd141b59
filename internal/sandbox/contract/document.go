package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// CheckGraphQL holds a GraphQL request and its answer against a schema: the document by all of the
// specification's rules, the variables by their input types, and the answer by what was selected: no
// field too many or too few, values of the declared types, null only where it may be.
func CheckGraphQL(schema *ast.Schema, request, response []byte) []string {
	var req struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	if err := decode(request, &req); err != nil {
		return []string{"request: " + err.Error()}
	}
	doc, errs := gqlparser.LoadQueryWithRules(schema, req.Query, rules.NewDefaultRules())
	if len(errs) > 0 {
		var out []string
		for _, e := range errs {
			out = append(out, "document: "+e.Error())
		}
		return out
	}
	op := doc.Operations.ForName(req.OperationName)
	if op == nil {
		return []string{fmt.Sprintf("document: no operation %q", req.OperationName)}
	}
	c := &documentCheck{schema: schema, doc: doc}
	vars, err := validator.VariableValues(schema, op, req.Variables)
	if err != nil {
		return []string{op.Name + ": variables: " + err.Error()}
	}
	c.vars = vars
	var findings []string
	for _, v := range op.VariableDefinitions {
		findings = append(findings, c.input(v.Type, req.Variables[v.Variable], "variables/"+v.Variable)...)
	}
	var resp struct {
		Data   any
		Errors []struct {
			Message string
			Path    []any
		}
	}
	if err := decode(response, &resp); err != nil {
		return append(findings, op.Name+": answer: "+err.Error())
	}
	for i, e := range resp.Errors {
		if e.Message == "" {
			findings = append(findings, fmt.Sprintf("errors/%d: no message", i))
		}
	}
	root := schema.Query
	if op.Operation == ast.Mutation {
		root = schema.Mutation
	}
	switch {
	case resp.Data != nil:
		findings = append(findings, c.object(op.SelectionSet, root, resp.Data, "data")...)
	case len(resp.Errors) == 0:
		findings = append(findings, "the answer holds neither data nor errors")
	}
	for i := range findings {
		findings[i] = op.Name + ": " + findings[i]
	}
	return findings
}

func decode(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(into)
}

type documentCheck struct {
	schema *ast.Schema
	doc    *ast.QueryDocument
	vars   map[string]any
}

// collect gathers what is selected of an object of a type: the fields of one response key together.
func (c *documentCheck) collect(set ast.SelectionSet, on *ast.Definition, into map[string][]*ast.Field) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			into[sel.Alias] = append(into[sel.Alias], sel)
		case *ast.InlineFragment:
			if c.applies(sel.TypeCondition, on) {
				c.collect(sel.SelectionSet, on, into)
			}
		case *ast.FragmentSpread:
			if f := c.doc.Fragments.ForName(sel.Name); c.applies(f.TypeCondition, on) {
				c.collect(f.SelectionSet, on, into)
			}
		}
	}
}

func (c *documentCheck) applies(condition string, on *ast.Definition) bool {
	return condition == "" || condition == on.Name ||
		slices.ContainsFunc(c.schema.PossibleTypes[condition], func(d *ast.Definition) bool { return d.Name == on.Name })
}

// object checks an object. Where only an interface or a union is promised and no __typename tells more,
// one fitting type is enough.
func (c *documentCheck) object(set ast.SelectionSet, def *ast.Definition, value any, path string) []string {
	object, ok := value.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %T, not a %s", path, value, def.Name)}
	}
	if !def.IsAbstractType() {
		return c.fields(set, def, object, path)
	}
	var best []string
	for _, t := range c.schema.PossibleTypes[def.Name] {
		if named, ok := object["__typename"].(string); ok && named != t.Name {
			continue
		}
		found := c.fields(set, t, object, path)
		if len(found) == 0 {
			return nil
		}
		if best == nil || len(found) < len(best) {
			best = found
		}
	}
	if best == nil {
		best = []string{fmt.Sprintf("%s: %v is no %s", path, object["__typename"], def.Name)}
	}
	return best
}

func (c *documentCheck) fields(set ast.SelectionSet, def *ast.Definition, object map[string]any, path string) []string {
	selected := map[string][]*ast.Field{}
	c.collect(set, def, selected)
	var findings []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if selected[key] == nil {
			findings = append(findings, path+"/"+key+": was not selected")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(selected)) {
		fields, at := selected[key], path+"/"+key
		value, ok := object[key]
		switch {
		case !ok:
			findings = append(findings, at+": was selected and is not there")
			continue
		case fields[0].Name == "__typename":
			if value != def.Name {
				findings = append(findings, fmt.Sprintf("%s: %v, not %s", at, value, def.Name))
			}
			continue
		}
		var sub ast.SelectionSet
		for _, f := range fields {
			sub = append(sub, f.SelectionSet...)
		}
		// The field as this type declares it: fragments on an interface may promise less.
		findings = append(findings, c.value(sub, def.Fields.ForName(fields[0].Name).Type, value, at)...)
	}
	return findings
}

func (c *documentCheck) value(set ast.SelectionSet, t *ast.Type, value any, path string) []string {
	if value == nil {
		if t.NonNull {
			return []string{path + ": null, and its type is " + t.String()}
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: %T, not %s", path, value, t)}
		}
		var findings []string
		for i, v := range list {
			findings = append(findings, c.value(set, t.Elem, v, path+"/"+strconv.Itoa(i))...)
		}
		return findings
	}
	def := c.schema.Types[t.NamedType]
	if def.IsCompositeType() {
		return c.object(set, def, value, path)
	}
	return leaf(def, value, path)
}

// input looks at the scalars and enums in a variable: gqlparser (v2.5.58) leaves the form of scalars
// unchecked and takes enums in any case.
func (c *documentCheck) input(t *ast.Type, value any, path string) []string {
	var findings []string
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		elem := t
		if t.Elem != nil {
			elem = t.Elem
		}
		for i, e := range v {
			findings = append(findings, c.input(elem, e, path+"/"+strconv.Itoa(i))...)
		}
		return findings
	}
	def := c.schema.Types[t.Name()]
	if def.Kind != ast.InputObject {
		return leaf(def, value, path)
	}
	for name, v := range value.(map[string]any) { // VariableValues has seen that it is one
		if f := def.Fields.ForName(name); f != nil {
			findings = append(findings, c.input(f.Type, v, path+"/"+name)...)
		}
	}
	return findings
}

// forms are those of GitHub's scalars, as their descriptions in the schema say.
var forms = map[string]func(string) bool{
	"Base64String": func(s string) bool { _, err := base64.StdEncoding.DecodeString(s); return err == nil },
	"BigInt":       func(s string) bool { _, err := strconv.ParseInt(s, 10, 64); return err == nil },
	"DateTime":     func(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil },
	"GitObjectID":  regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`).MatchString,
	"ID":           func(s string) bool { return s != "" },
	"String":       func(string) bool { return true },
	"URI":          func(s string) bool { u, err := url.Parse(s); return err == nil && u.IsAbs() },
}

func leaf(def *ast.Definition, value any, path string) []string {
	ok := false
	switch v := value.(type) {
	case bool:
		ok = def.Name == "Boolean"
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		ok = def.Name == "Int" && err == nil && n >= math.MinInt32 && n <= math.MaxInt32 || def.Name == "Float"
	case string:
		if def.Kind == ast.Enum {
			ok = def.EnumValues.ForName(v) != nil
		} else if form := forms[def.Name]; form != nil {
			ok = form(v)
		}
	}
	if ok {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s is no %s", path, strings.TrimSpace(shortened(value)), def.Name)}
}

func shortened(v any) string {
	s := fmt.Sprintf("%v", v)
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}
