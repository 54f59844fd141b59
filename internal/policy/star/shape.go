package star

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
)

// shape is what is known of a part of the input. A nil shape knows nothing.
type shape struct {
	kind   string // of JSON Schema: object, array, string, number, integer, boolean; empty: not known
	fields map[string]*shape
	items  *shape
}

// shapeOf reads a JSON Schema whose references are resolved: types, properties and items.
func shapeOf(schema any) *shape {
	s, ok := schema.(map[string]any)
	if !ok {
		return nil
	}
	out := &shape{}
	out.kind, _ = s["type"].(string)
	if properties, ok := s["properties"].(map[string]any); ok && s["additionalProperties"] == false {
		out.fields = make(map[string]*shape, len(properties))
		for name, p := range properties {
			out.fields[name] = shapeOf(p)
		}
	}
	out.items = shapeOf(s["items"])
	return out
}

// open tells whether a thing may have fields of any name.
func (s *shape) open() bool {
	return s == nil || s.fields == nil && (s.kind == "" || s.kind == "object")
}

// field returns the shape of a field, and whether there can be such a field.
func (s *shape) field(name string) (*shape, bool) {
	if s.open() {
		return nil, true
	}
	sub, ok := s.fields[name]
	return sub, ok
}

func (s *shape) item() *shape {
	if s == nil {
		return nil
	}
	return s.items
}

// unknown says that there is no such field, and what there is.
func (s *shape) unknown(path, name string) error {
	if s.fields == nil {
		article := "a "
		if s.kind == "array" {
			return hint{fmt.Sprintf("%s is a list, it has no field %s", path, name), "go through it: for item in " + path}
		}
		if s.kind == "integer" {
			article = "an "
		}
		return hint{fmt.Sprintf("%s is %s%s, it has no field %s", path, article, s.kind, name), "test first whether it is there, before a method of it is called"}
	}
	return unknownOf(path, name, slices.Sorted(maps.Keys(s.fields)))
}

func unknownOf(path, name string, known []string) error {
	message := fmt.Sprintf("there is no field %s.%s", path, name)
	if near := document.Nearest(name, known); near != "" {
		return hint{message, "did you mean " + near + "?"}
	}
	return hint{message, "known here: " + strings.Join(known, ", ")}
}
