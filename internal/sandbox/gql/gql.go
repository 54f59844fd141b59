// Package gql answers GraphQL requests over plain Go values: parsed and validated by a schema,
// executed as the specification says, with null propagation and errors that carry their path.
// It knows nothing of what it serves.
package gql

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Object is a value of an object type. "__typename" names the type; the others are its fields, each
// a value or a Field that computes one.
type Object map[string]any

// Field computes a field's value from its arguments, only when it is asked for.
type Field func(Args) (any, error)

// Request is the body of a GraphQL request.
type Request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"` // numbers as json.Number
}

// Response is the body of the answer.
type Response struct {
	Data   any     `json:"data,omitempty"`
	Errors []Error `json:"errors,omitempty"`
}

// Error is an entry of "errors".
type Error struct {
	Type       string         `json:"type,omitempty"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
	Locations  []Location     `json:"locations,omitempty"`
	Message    string         `json:"message"`
}

// Location is a place in the query.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Typed is an error with a "type" of its own.
type Typed struct{ Type, Message string }

func (e *Typed) Error() string { return e.Message }

// Prepared is a request that passed validation.
type Prepared struct {
	schema *ast.Schema
	doc    *ast.QueryDocument
	op     *ast.OperationDefinition
	vars   map[string]any
}

// Prepare parses and validates.
func Prepare(schema *ast.Schema, req Request) (*Prepared, []Error) {
	doc, list := gqlparser.LoadQueryWithRules(schema, req.Query, rules.NewDefaultRules())
	if len(list) > 0 {
		return nil, convert(list)
	}
	op := doc.Operations.ForName(req.OperationName)
	if op == nil {
		return nil, []Error{{Message: fmt.Sprintf("No operation named %q", req.OperationName)}}
	}
	vars, err := validator.VariableValues(schema, op, req.Variables)
	if err != nil {
		var one *gqlerror.Error
		if errors.As(err, &one) {
			return nil, convert(gqlerror.List{one})
		}
		return nil, []Error{{Message: err.Error()}}
	}
	return &Prepared{schema: schema, doc: doc, op: op, vars: vars}, nil
}

func convert(list gqlerror.List) []Error {
	var out []Error
	for _, e := range list {
		x := Error{Message: e.Message, Extensions: map[string]any{"code": e.Rule}}
		for _, l := range e.Locations {
			x.Locations = append(x.Locations, Location{l.Line, l.Column})
		}
		out = append(out, x)
	}
	return out
}

// Operations names the top-level fields, each with the kind of operation: "query repository".
func (p *Prepared) Operations() []string {
	var out []string
	for _, f := range (&run{Prepared: p}).collect(p.op.SelectionSet, p.schema.Types[p.rootType()]) {
		out = append(out, string(p.op.Operation)+" "+f[0].Name)
	}
	return out
}

// Mutation reports whether the request writes.
func (p *Prepared) Mutation() bool { return p.op.Operation == ast.Mutation }

func (p *Prepared) rootType() string {
	if p.op.Operation == ast.Mutation {
		return p.schema.Mutation.Name
	}
	return p.schema.Query.Name
}

// Execute runs the request on a root object. Fields of a mutation run in order.
func (p *Prepared) Execute(root Object) Response {
	r := &run{Prepared: p}
	data, ok := r.object(p.op.SelectionSet, p.schema.Types[p.rootType()], root, nil)
	resp := Response{Errors: r.errors, Data: data}
	if !ok {
		resp.Data = json.RawMessage("null")
	}
	return resp
}

type run struct {
	*Prepared
	errors []Error
}

func (r *run) fail(f *ast.Field, path []any, err error) {
	e := Error{Message: err.Error(), Path: slices.Clone(path)}
	if f.Position != nil {
		e.Locations = []Location{{f.Position.Line, f.Position.Column}}
	}
	var typed *Typed
	if errors.As(err, &typed) {
		e.Type = typed.Type
	}
	r.errors = append(r.errors, e)
}

// collect gathers the fields that apply to a type, those with one response key together, in order.
func (r *run) collect(set ast.SelectionSet, on *ast.Definition) [][]*ast.Field {
	var out [][]*ast.Field
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				if !r.included(sel.Directives) {
					continue
				}
				i := slices.IndexFunc(out, func(f []*ast.Field) bool { return f[0].Alias == sel.Alias })
				if i < 0 {
					out = append(out, []*ast.Field{sel})
				} else {
					out[i] = append(out[i], sel)
				}
			case *ast.InlineFragment:
				if r.included(sel.Directives) && r.applies(sel.TypeCondition, on) {
					walk(sel.SelectionSet)
				}
			case *ast.FragmentSpread:
				if f := r.doc.Fragments.ForName(sel.Name); r.included(sel.Directives) && r.applies(f.TypeCondition, on) {
					walk(f.SelectionSet)
				}
			}
		}
	}
	walk(set)
	return out
}

func (r *run) included(list ast.DirectiveList) bool {
	for _, d := range list {
		yes, _ := d.ArgumentMap(r.vars)["if"].(bool)
		if d.Name == "skip" && yes || d.Name == "include" && !yes {
			return false
		}
	}
	return true
}

func (r *run) applies(condition string, on *ast.Definition) bool {
	if condition == "" || condition == on.Name {
		return true
	}
	return slices.ContainsFunc(r.schema.PossibleTypes[condition], func(d *ast.Definition) bool { return d.Name == on.Name })
}

// object executes a selection; false means that a null must go up to the parent.
func (r *run) object(set ast.SelectionSet, def *ast.Definition, of Object, path []any) (map[string]any, bool) {
	out := map[string]any{}
	whole := true
	for _, fields := range r.collect(set, def) {
		f := fields[0]
		if f.Name == "__typename" {
			out[f.Alias] = def.Name
			continue
		}
		at := append(slices.Clone(path), f.Alias)
		value, err := of[f.Name], error(nil)
		if _, there := of[f.Name]; !there {
			err = fmt.Errorf("the sandbox does not serve %s.%s", def.Name, f.Name)
		}
		if fn, ok := value.(Field); ok {
			value, err = fn(Args(f.ArgumentMap(r.vars)))
		}
		if err != nil {
			r.fail(f, at, err)
			value = nil
		}
		var sub ast.SelectionSet
		for _, same := range fields {
			sub = append(sub, same.SelectionSet...)
		}
		v, ok := r.complete(f, sub, f.Definition.Type, value, at, err != nil)
		if !ok {
			whole = false
		}
		out[f.Alias] = v
	}
	if !whole {
		return nil, false
	}
	return out, true
}

// complete turns a resolved value into what the type promises. failed: an error was noted already.
func (r *run) complete(f *ast.Field, set ast.SelectionSet, t *ast.Type, value any, path []any, failed bool) (any, bool) {
	if isNil(value) {
		if t.NonNull && !failed {
			r.fail(f, path, fmt.Errorf("null for the non-nullable field %s", f.Name))
		}
		return nil, !t.NonNull
	}
	if t.Elem != nil {
		list := reflect.ValueOf(value)
		out := make([]any, 0, list.Len())
		for i := range list.Len() {
			v, ok := r.complete(f, set, t.Elem, list.Index(i).Interface(), append(slices.Clone(path), i), false)
			if !ok {
				return nil, !t.NonNull
			}
			out = append(out, v)
		}
		return out, true
	}
	def := r.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Scalar, ast.Enum:
		v, err := leaf(def, value)
		if err != nil {
			r.fail(f, path, err)
			return nil, !t.NonNull
		}
		return v, true
	}
	o, ok := value.(Object)
	name, _ := o["__typename"].(string)
	if !ok || r.schema.Types[name] == nil || !r.applies(def.Name, r.schema.Types[name]) {
		r.fail(f, path, fmt.Errorf("%T %q is no %s", value, name, def.Name))
		return nil, !t.NonNull
	}
	v, ok := r.object(set, r.schema.Types[name], o, path)
	if !ok {
		return nil, !t.NonNull
	}
	return v, true
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return rv.IsNil()
	}
	return false
}

// leaf checks a scalar or an enum's value against its type.
func leaf(def *ast.Definition, value any) (any, error) {
	v := reflect.ValueOf(value)
	ok := true
	switch {
	case def.Kind == ast.Enum:
		ok = v.Kind() == reflect.String && def.EnumValues.ForName(v.String()) != nil
	case def.Name == "Int":
		ok = v.CanInt() && v.Int() >= math.MinInt32 && v.Int() <= math.MaxInt32
	case def.Name == "Boolean":
		ok = v.Kind() == reflect.Bool
	default:
		ok = v.Kind() == reflect.String
	}
	if !ok {
		return nil, fmt.Errorf("%v is no %s", value, def.Name)
	}
	return value, nil
}
