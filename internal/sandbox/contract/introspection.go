package contract

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/vektah/gqlparser/v2/ast"
)

// typeRef is a type in an introspection: a name, or a list or non-null of another.
type typeRef struct {
	Kind   string
	Name   string
	OfType *typeRef
}

func (t *typeRef) typ() *ast.Type {
	switch t.Kind {
	case "NON_NULL":
		inner := t.OfType.typ()
		inner.NonNull = true
		return inner
	case "LIST":
		return ast.ListType(t.OfType.typ(), nil)
	}
	return ast.NamedType(t.Name, nil)
}

type introspected struct {
	Kind, Name    string
	Fields        []describedField
	InputFields   []describedArg
	Interfaces    []typeRef
	PossibleTypes []typeRef
	EnumValues    []struct{ Name string }
}

type describedField struct {
	Name string
	Args []describedArg
	Type typeRef
}

type describedArg struct {
	Name         string
	Type         typeRef
	DefaultValue *string
}

// LoadIntrospection reads the answer to an introspection query, as GitLab publishes its schema. What
// Subset compares is in it, and no more.
func LoadIntrospection(path string) (*ast.Schema, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	type schema struct {
		Schema struct{ Types []introspected } `json:"__schema"`
	}
	var doc struct {
		schema
		Data schema
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("reading the introspection %s: %w", path, err)
	}
	out := &ast.Schema{Types: map[string]*ast.Definition{}}
	for _, t := range append(doc.Schema.Types, doc.Data.Schema.Types...) {
		out.Types[t.Name] = t.definition()
	}
	if len(out.Types) == 0 {
		return nil, fmt.Errorf("%s is no introspection: it has no types", path)
	}
	return out, nil
}

func (t introspected) definition() *ast.Definition {
	d := &ast.Definition{Kind: ast.DefinitionKind(t.Kind), Name: t.Name}
	for _, i := range t.Interfaces {
		d.Interfaces = append(d.Interfaces, i.Name)
	}
	if t.Kind == "UNION" {
		for _, p := range t.PossibleTypes {
			d.Types = append(d.Types, p.Name)
		}
	}
	for _, v := range t.EnumValues {
		d.EnumValues = append(d.EnumValues, &ast.EnumValueDefinition{Name: v.Name})
	}
	for _, f := range t.Fields {
		field := &ast.FieldDefinition{Name: f.Name, Type: f.Type.typ()}
		for _, a := range f.Args {
			field.Arguments = append(field.Arguments, &ast.ArgumentDefinition{Name: a.Name, Type: a.Type.typ(), DefaultValue: a.value()})
		}
		d.Fields = append(d.Fields, field)
	}
	for _, a := range t.InputFields {
		d.Fields = append(d.Fields, &ast.FieldDefinition{Name: a.Name, Type: a.Type.typ(), DefaultValue: a.value()})
	}
	return d
}

func (a describedArg) value() *ast.Value {
	if a.DefaultValue == nil {
		return nil
	}
	return &ast.Value{Raw: *a.DefaultValue}
}
