package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/releases"
)

// kind is what a field holds.
type kind string

const (
	text    kind = "text"
	number  kind = "a number"
	boolean kind = "true or false"
	list    kind = "a list"
	object  kind = "a mapping"
)

// field is a place of the manifest, as its schema describes it.
type field struct {
	kind     kind
	enum     []string // the only values of a text; nil: any
	format   string   // date-time or duration; empty: none
	evidence bool     // the id of an entry of spec.evidence
	always   bool     // it stands in every release
	keys     map[string]*field
	item     *field // of a list
	value    *field // of a mapping with free keys
}

// free tells whether a text may say anything, so that it can be a placeholder. Where the schema lists
// the values, "none" is an answer.
func (f *field) free() bool { return f.kind == text && f.enum == nil && f.format == "" }

// tiers are the risk tiers, and classes those of the EU AI Act, from the lowest.
var (
	tiers   = []string{"low", "medium", "high", "critical"}
	classes = []string{"minimal", "limited", "high", "prohibited"}
)

// order is the order of the field's values, from the lowest; nil when they have none.
func (f *field) order() []string {
	for _, o := range [][]string{tiers, classes} {
		if f.enum != nil && slices.Equal(slices.Sorted(slices.Values(f.enum)), slices.Sorted(slices.Values(o))) {
			return o
		}
	}
	return nil
}

// fields returns what rules can speak of, beside the item of a list.
var fields = sync.OnceValue(func() *field {
	var schema map[string]any
	if err := json.Unmarshal(releases.Schema(), &schema); err != nil {
		panic(err) // it ships with the program
	}
	release := shape(schema, schema, 0)
	release.keys["metadata"].always, release.keys["spec"].always = true, true
	release.keys["metadata"].keys["name"].always = true
	release.keys["metadata"].keys["version"].always = true
	before := shape(schema, schema, 0) // of its own: nothing stands in every previous release
	tier := func(always bool) *field { return &field{kind: text, enum: tiers, always: always} }
	return &field{kind: object, keys: map[string]*field{
		"metadata": release.keys["metadata"],
		"spec":     release.keys["spec"],
		"previous": {kind: object, keys: map[string]*field{"metadata": before.keys["metadata"], "spec": before.keys["spec"]}},
		"tier":     {kind: object, always: true, keys: map[string]*field{"declared": tier(false), "derived": tier(true), "effective": tier(true)}},
	}}
})

// shape reads a JSON Schema, with references within it resolved.
func shape(root, s map[string]any, depth int) *field {
	f := &field{kind: text}
	const deepest = 30 // the schema is not recursive; this keeps a mistake from being endless
	if depth > deepest {
		return f
	}
	if ref, ok := s["$ref"].(string); ok {
		at := any(root)
		for _, token := range document.SplitPointer(strings.TrimPrefix(ref, "#")) {
			m, _ := at.(map[string]any)
			at = m[token]
		}
		m, _ := at.(map[string]any)
		f = shape(root, m, depth+1)
		f.evidence = f.evidence || ref == "#/$defs/evidenceId"
		return f
	}
	typ, _ := s["type"].(string)
	if several, ok := s["type"].([]any); ok { // with null, which says nothing
		typ, _ = several[0].(string)
	}
	f.format, _ = s["format"].(string)
	if values, ok := s["enum"].([]any); ok {
		for _, v := range values {
			if v, ok := v.(string); ok {
				f.enum = append(f.enum, v)
			}
		}
	}
	switch typ {
	case "number", "integer":
		f.kind = number
	case "boolean":
		f.kind = boolean
	case "array":
		f.kind = list
		items, _ := s["items"].(map[string]any)
		f.item = shape(root, items, depth+1)
	case "object":
		f.kind = object
		f.keys = map[string]*field{}
		keys, _ := s["properties"].(map[string]any)
		for name, k := range keys {
			k, _ := k.(map[string]any)
			f.keys[name] = shape(root, k, depth+1)
		}
		if values, ok := s["additionalProperties"].(map[string]any); ok {
			f.value = shape(root, values, depth+1)
		}
	}
	return f
}

// step is one part of a path: a key, or every entry of a list.
type step struct {
	key  string
	each bool
}

// steps takes a path apart: keys joined by dots, [] for the entries of a list, ["…"] for a key with
// other characters.
func steps(path string) ([]step, error) {
	var out []step
	const most = 30
	rest := path
	for rest != "" {
		switch {
		case len(out) == most:
			return nil, fmt.Errorf("the path has more than %d parts", most)
		case strings.HasPrefix(rest, "[]") && len(out) > 0:
			out, rest = append(out, step{each: true}), rest[2:]
		case strings.HasPrefix(rest, `["`) && len(out) > 0:
			key, after, ok := strings.Cut(rest[2:], `"]`)
			if !ok || key == "" || strings.Contains(key, `"`) {
				return nil, fmt.Errorf(`a key in brackets is written ["key"]`)
			}
			if strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
				return nil, fmt.Errorf("a key in brackets holds a character that cannot be seen")
			}
			out, rest = append(out, step{key: key}), after
		default:
			if len(out) > 0 {
				if !strings.HasPrefix(rest, ".") {
					return nil, fmt.Errorf("the parts of a path are joined by dots; [] stands for the entries of a list")
				}
				rest = rest[1:]
			}
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			key := rest[:end]
			if key == "" || strings.ContainsFunc(key, func(r rune) bool {
				return !(r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
			}) {
				return nil, fmt.Errorf("%q is no key: it has letters, digits, _ and - only", key)
			}
			out, rest = append(out, step{key: key}), rest[end:]
		}
	}
	if len(out) == 0 || out[0].each {
		return nil, fmt.Errorf("the path is empty")
	}
	return out, nil
}

// path is a field that a rule names, from the root or from the item of a list.
type path struct {
	text  string // as written
	item  bool   // it starts at the item of the innermost list
	keys  []string
	field *field
}

// resolve follows steps from a field. On the way it says what is not there, and what may be meant.
func resolve(from *field, written string, at []step, done string) (*field, string, error) {
	f := from
	for _, s := range at {
		if s.each {
			if f.kind != list {
				return nil, "leave out []", fmt.Errorf("%s is %s, not a list", done, f.kind)
			}
			f, done = f.item, done+"[]"
			continue
		}
		var next *field
		switch {
		case f.kind == list:
			return nil, fmt.Sprintf("write %s[].%s for its entries", done, s.key), fmt.Errorf("%s is a list, which has no %s", done, s.key)
		case f.kind != object:
			return nil, "", fmt.Errorf("%s is %s, which has no %s", done, f.kind, s.key)
		case f.keys[s.key] != nil:
			next = f.keys[s.key]
		case f.value != nil:
			next = f.value
		default:
			return nil, meant(f, done, s.key), fmt.Errorf("there is no field %s", written)
		}
		f, done = next, join(done, s.key)
	}
	return f, "", nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// meant suggests a field in place of one that does not exist: a neighbour with nearly this name, else
// one elsewhere with exactly it, else all neighbours.
func meant(in *field, path, key string) string {
	known := slices.Sorted(maps.Keys(in.keys))
	if path == "" {
		known = append(known, "item")
	}
	if near := document.Nearest(key, known); near != "" {
		return "did you mean " + join(path, near) + "?"
	}
	if where := elsewhere(fields(), "", strings.ToLower(key)); where != nil {
		return "did you mean " + strings.Join(where, " or ") + "?"
	}
	return "known here: " + strings.Join(known, ", ")
}

// elsewhere finds the fields of this release with a name in lower case, at most three.
func elsewhere(f *field, path, name string) []string {
	var out []string
	switch f.kind {
	case list:
		return elsewhere(f.item, path+"[]", name)
	case object:
		for _, key := range slices.Sorted(maps.Keys(f.keys)) {
			if path == "" && key == "previous" {
				continue
			}
			if strings.ToLower(key) == name {
				out = append(out, join(path, key))
			}
			out = append(out, elsewhere(f.keys[key], join(path, key), name)...)
		}
	}
	const most = 3
	return out[:min(len(out), most)]
}
