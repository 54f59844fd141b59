package contract

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// LoadGraphQL reads GitHub's schema below a node_modules folder.
func LoadGraphQL(modules string) (*ast.Schema, error) {
	raw, err := os.ReadFile(filepath.Join(modules, "@octokit", "graphql-schema", "schema.graphql"))
	if err != nil {
		return nil, err
	}
	doc, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: "GitHub", Input: string(raw)})
	if err != nil {
		return nil, err
	}
	// Some releases of the package (15.26.1 for one) define a field twice, which no validator lets pass.
	for _, def := range doc.Definitions {
		seen := map[string]bool{}
		def.Fields = slices.DeleteFunc(def.Fields, func(f *ast.FieldDefinition) bool {
			twice := seen[f.Name]
			seen[f.Name] = true
			return twice
		})
	}
	return validator.ValidateSchemaDocument(doc)
}

// Subset lists where part is not a cut of whole: a type, field, argument or value that whole does not
// have or has differently, or an argument or input field that whole requires and part leaves out.
func Subset(part, whole *ast.Schema) []string {
	var findings []string
	note := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(part.Types)) {
		def, real := part.Types[name], whole.Types[name]
		switch {
		case def.BuiltIn:
			continue
		case real == nil:
			note("%s: no such type", name)
			continue
		case def.Kind != real.Kind:
			note("%s: a %s, not a %s", name, real.Kind, def.Kind)
			continue
		}
		for _, i := range def.Interfaces {
			if !slices.Contains(real.Interfaces, i) {
				note("%s: does not implement %s", name, i)
			}
		}
		for _, member := range def.Types {
			if !slices.Contains(real.Types, member) {
				note("%s: has no member %s", name, member)
			}
		}
		for _, v := range def.EnumValues {
			if real.EnumValues.ForName(v.Name) == nil {
				note("%s: has no value %s", name, v.Name)
			}
		}
		for _, f := range def.Fields {
			if len(f.Name) > 2 && f.Name[:2] == "__" {
				continue
			}
			is := real.Fields.ForName(f.Name)
			if is == nil {
				note("%s.%s: no such field", name, f.Name)
				continue
			}
			if f.Type.String() != is.Type.String() {
				note("%s.%s: %s, not %s", name, f.Name, is.Type, f.Type)
			}
			for _, a := range f.Arguments {
				if ia := is.Arguments.ForName(a.Name); ia == nil {
					note("%s.%s(%s): no such argument", name, f.Name, a.Name)
				} else if a.Type.String() != ia.Type.String() {
					note("%s.%s(%s): %s, not %s", name, f.Name, a.Name, ia.Type, a.Type)
				}
			}
			for _, a := range is.Arguments {
				if a.Type.NonNull && a.DefaultValue == nil && f.Arguments.ForName(a.Name) == nil {
					note("%s.%s(%s): required, and left out", name, f.Name, a.Name)
				}
			}
		}
		if def.Kind == ast.InputObject {
			for _, f := range real.Fields {
				if f.Type.NonNull && f.DefaultValue == nil && def.Fields.ForName(f.Name) == nil {
					note("%s.%s: required, and left out", name, f.Name)
				}
			}
		}
	}
	return findings
}
