package document

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v4"
)

// Schema is a compiled JSON Schema (draft 2020-12, formats asserted). It may be shared.
type Schema struct {
	compiled *jsonschema.Schema
	raw      any // the schema as written, for its descriptions
}

// Compile compiles a schema that refers to nothing outside itself. The name stands in its errors.
func Compile(name string, src []byte) (*Schema, error) {
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	location := "schema:///" + url.PathEscape(name)
	if err := c.AddResource(location, raw); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	return &Schema{compiled: compiled, raw: raw}, nil
}

// MustCompile is Compile for a schema that ships with the program.
func MustCompile(name string, src []byte) *Schema {
	s, err := Compile(name, src)
	if err != nil {
		panic(err)
	}
	return s
}

// noLoader keeps schemas from reading files or the network.
type noLoader struct{}

func (noLoader) Load(location string) (any, error) {
	return nil, fmt.Errorf("%s: schemas refer to nothing outside themselves", location)
}

// leaf is one refusal at its place, not yet worded.
type leaf struct {
	err   *jsonschema.ValidationError
	types *kind.Type // stands in for alternatives of which none takes this kind of value
	name  string     // the key that is unknown or missing
	at    entry
	place *yaml.Node
}

// check returns what the schema refuses in the document, at most maxErrors in the order of their
// places, and how many more there are.
func (s *Schema) check(d *Document) (errs Errors, omitted int) {
	err := s.compiled.Validate(d.Value)
	if err == nil {
		return nil, 0
	}
	var refused *jsonschema.ValidationError
	if !errors.As(err, &refused) {
		return Errors{d.Errorf("", "", "%v", err)}, 0
	}
	leaves := collect(&finder{root: d.root}, refused)
	slices.SortFunc(leaves, func(a, b leaf) int {
		if c := cmp.Or(cmp.Compare(a.place.Line, b.place.Line), cmp.Compare(a.place.Column, b.place.Column), strings.Compare(a.name, b.name)); c != 0 {
			return c
		}
		return slices.Compare(a.err.ErrorKind.KeywordPath(), b.err.ErrorKind.KeywordPath())
	})
	// Only what is shown is worded: a hostile file must not buy much work with little text.
	if len(leaves) > maxErrors {
		omitted = len(leaves) - maxErrors
		leaves = leaves[:maxErrors]
	}
	for _, l := range leaves {
		message, hint := s.word(l)
		pointer := Pointer(l.err.InstanceLocation...)
		if _, missing := l.err.ErrorKind.(*kind.Required); l.name != "" && !missing {
			pointer += Pointer(l.name)
		}
		errs = append(errs, Error{Path: d.Path, Line: l.place.Line, Column: l.place.Column, Pointer: pointer, Message: message, Hint: hint})
	}
	return errs, omitted
}

// collect gathers the refusals at the ends of the tree that the validator gives.
func collect(f *finder, e *jsonschema.ValidationError) []leaf {
	at := func() entry { return f.find(e.InstanceLocation) }
	plain := func(types *kind.Type) []leaf {
		here := at()
		return []leaf{{err: e, types: types, at: here, place: here.place()}}
	}
	keys := func(names []string) []leaf {
		var out []leaf
		here := at()
		for _, name := range names {
			l := leaf{err: e, name: name, at: here, place: here.place()}
			if c, ok := f.child(here.val, name); ok {
				l.place = c.key
			}
			out = append(out, l)
		}
		return out
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if best := nearest(e); best != nil {
			return collect(f, best)
		}
		return plain(typesOf(e))
	case *kind.AdditionalProperties:
		return keys(k.Properties)
	case *kind.PropertyNames: // its cause would say the same of the bare name
		// The validator's location of this one kind is overwritten while it goes on (v6.0.3, seen
		// 2026-11-22): where it does not hold the key, the first mapping that does is meant.
		if _, ok := f.child(at().val, k.Property); !ok {
			e.InstanceLocation, _ = holder(f.root, k.Property)
		}
		return keys([]string{k.Property})
	case *kind.Required:
		return keys(k.Missing)
	}
	if len(e.Causes) == 0 {
		return plain(nil)
	}
	var out []leaf
	for _, c := range e.Causes {
		out = append(out, collect(f, c)...)
	}
	return out
}

// holder finds the first mapping that has the key.
func holder(n *yaml.Node, key string) (tokens []string, ok bool) {
	for i, c := range n.Content {
		token := strconv.Itoa(i)
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				if c.Value == key {
					return nil, true
				}
				continue
			}
			token = n.Content[i-1].Value
		}
		if rest, ok := holder(c, key); ok {
			return append([]string{token}, rest...), true
		}
	}
	return nil, false
}

// nearest picks the alternative that the author meant: the one whose kind of value fits, and among
// those the one with the fewest complaints. It is nil when no alternative takes this kind of value.
func nearest(e *jsonschema.ValidationError) (best *jsonschema.ValidationError) {
	fewest := 0
	for _, c := range e.Causes {
		if mismatch(c, len(e.InstanceLocation)) != nil {
			continue
		}
		if n := leaves(c); best == nil || n < fewest {
			best, fewest = c, n
		}
	}
	return best
}

// mismatch returns the complaint that the value at this depth is of another type.
func mismatch(e *jsonschema.ValidationError, depth int) *kind.Type {
	if len(e.InstanceLocation) != depth {
		return nil
	}
	if t, ok := e.ErrorKind.(*kind.Type); ok {
		return t
	}
	for _, c := range e.Causes {
		if t := mismatch(c, depth); t != nil {
			return t
		}
	}
	return nil
}

func typesOf(e *jsonschema.ValidationError) *kind.Type {
	out := &kind.Type{}
	for _, c := range e.Causes {
		if t := mismatch(c, len(e.InstanceLocation)); t != nil {
			out.Got = t.Got
			for _, w := range t.Want {
				if !slices.Contains(out.Want, w) {
					out.Want = append(out.Want, w)
				}
			}
		}
	}
	return out
}

func leaves(e *jsonschema.ValidationError) int {
	n := 0
	for _, c := range e.Causes {
		n += leaves(c)
	}
	return max(n, 1)
}

// word says what is wrong, what was expected and what to do.
func (s *Schema) word(l leaf) (message, hint string) {
	here := s.at(l.err.SchemaURL)
	expected := describe(here)
	switch k := l.err.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		props, _ := here["properties"].(map[string]any)
		return "unknown key " + quote(l.name), oneOf(l.name, slices.Sorted(maps.Keys(props)))
	case *kind.PropertyNames:
		hint = oneOf(l.name, literals(here["enum"])) // here is the schema of the names
		return "the key " + quote(l.name) + " is not accepted here", cmp.Or(hint, expected)
	case *kind.Required:
		return "the key " + quote(l.name) + " is missing", s.describeProperty(here, l.name)
	case *kind.AnyOf, *kind.OneOf:
		return typeMismatch(l.types, l.at.val)
	case *kind.Type:
		return typeMismatch(k, l.at.val)
	case *kind.Enum:
		want := literals(k.Want)
		return shown(k.Got) + " is not one of " + strings.Join(want, ", "), didYouMean(literal(k.Got), want)
	case *kind.Const:
		return "got " + shown(k.Got) + ", want " + shown(k.Want), ""
	case *kind.Pattern:
		return quote(k.Got) + " does not have the form that is expected here", expected
	case *kind.Format:
		return shown(k.Got) + " is not " + formatWords(k.Want), ""
	case *kind.MinLength:
		if k.Got == 0 {
			return "the text is empty", expected
		}
		return fmt.Sprintf("the text has %d characters, want at least %d", k.Got, k.Want), expected
	case *kind.MaxLength:
		return fmt.Sprintf("the text has %d characters, want at most %d", k.Got, k.Want), ""
	case *kind.MinItems:
		return fmt.Sprintf("the list has %d items, want at least %d", k.Got, k.Want), expected
	case *kind.MaxItems:
		return fmt.Sprintf("the list has %d items, want at most %d", k.Got, k.Want), ""
	case *kind.UniqueItems:
		return fmt.Sprintf("items %d and %d of the list are the same", k.Duplicates[0]+1, k.Duplicates[1]+1), "keep one of them"
	case *kind.MinProperties:
		return fmt.Sprintf("the mapping has %d keys, want at least %d", k.Got, k.Want), expected
	case *kind.MaxProperties:
		return fmt.Sprintf("the mapping has %d keys, want at most %d", k.Got, k.Want), ""
	case *kind.Minimum:
		return decimal(k.Got) + " is too small, want at least " + decimal(k.Want), expected
	case *kind.Maximum:
		return decimal(k.Got) + " is too large, want at most " + decimal(k.Want), expected
	case *kind.ExclusiveMinimum:
		return decimal(k.Got) + " is too small, want more than " + decimal(k.Want), expected
	case *kind.ExclusiveMaximum:
		return decimal(k.Got) + " is too large, want less than " + decimal(k.Want), expected
	default:
		return "not as the schema wants it: " + strings.Join(l.err.ErrorKind.KeywordPath(), "/"), expected
	}
}

func typeMismatch(k *kind.Type, n *yaml.Node) (message, hint string) {
	return "got " + typeWords[k.Got] + ", want " + wantWords(k.Want), typeHint(k, n)
}

// oneOf hints at the word that was meant, or at all that are known.
func oneOf(word string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	return cmp.Or(didYouMean(word, known), "known here: "+strings.Join(known, ", "))
}

// at finds the part of the schema that a location of the compiler names.
func (s *Schema) at(location string) map[string]any {
	_, fragment, _ := strings.Cut(location, "#")
	if plain, err := url.PathUnescape(fragment); err == nil {
		fragment = plain
	}
	v := s.raw
	for _, t := range SplitPointer(fragment) {
		switch in := v.(type) {
		case map[string]any:
			v = in[t]
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	m, _ := v.(map[string]any)
	return m
}

// describeProperty describes a key of a mapping, following its reference where it has no words of its own.
func (s *Schema) describeProperty(mapping map[string]any, name string) string {
	props, _ := mapping["properties"].(map[string]any)
	p, _ := props[name].(map[string]any)
	if text := describe(p); text != "" {
		return text
	}
	ref, _ := p["$ref"].(string)
	if ref == "" {
		return ""
	}
	return describe(s.at(ref))
}

func literals(list any) []string {
	values, _ := list.([]any)
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = literal(v)
	}
	return out
}

// describe tells what a part of a schema expects, in the schema's own words.
func describe(schema map[string]any) string {
	text, _ := schema["description"].(string)
	if examples, ok := schema["examples"].([]any); ok && len(examples) > 0 {
		if text != "" {
			text = strings.TrimSuffix(text, ".") + ", "
		}
		text += "for example " + literal(examples[0])
	}
	return strings.TrimSuffix(text, ".")
}

var typeWords = map[string]string{
	"string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
	"array": "a list", "object": "a mapping", "null": "nothing",
}

func wantWords(types []string) string {
	words := make([]string, 0, len(types))
	for _, t := range types {
		if t != "null" || len(types) == 1 {
			words = append(words, typeWords[t])
		}
	}
	return strings.Join(words, " or ")
}

// typeHint says how to write what was probably meant.
func typeHint(k *kind.Type, n *yaml.Node) string {
	wants := func(t string) bool { return slices.Contains(k.Want, t) }
	switch {
	case k.Got == "null":
		return "give it a value, or remove the key"
	case n.Kind == yaml.ScalarNode && k.Got != "string" && wants("string"):
		return fmt.Sprintf("quote it: %q", n.Value)
	case k.Got == "string" && wants("boolean"):
		return "write true or false, without quotes"
	case k.Got == "string" && (wants("number") || wants("integer")):
		if _, ok := jsonNumber(n.Value); ok {
			return "remove the quotes: " + n.Value
		}
	case n.Kind == yaml.ScalarNode && wants("array"):
		return "write it as a list: [" + n.Value + "]"
	}
	return ""
}

func formatWords(format string) string {
	switch format {
	case "date-time":
		return `a date and time of RFC 3339 such as "2026-08-20T11:03:00Z"`
	case "date":
		return `a date such as "2026-08-20"`
	case "uri":
		return "a URI with its scheme"
	case "email":
		return "an e-mail address"
	case "json-pointer":
		return `a JSON pointer (RFC 6901) such as "/spec/model/task"`
	}
	return "a valid " + format
}

// literal writes a scalar of a schema or a document as its author would; shown quotes text.
func literal(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func shown(v any) string {
	if s, ok := v.(string); ok {
		return quote(s)
	}
	if s := literal(v); len(s) <= 80 {
		return s
	}
	return "this value"
}

// decimal prints a number of a schema or a document exactly.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// didYouMean names the nearest of the known words, if one is near enough to be meant.
func didYouMean(word string, known []string) string {
	best := Nearest(word, known)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// Nearest is the known word that is one slip of the pen away, or one in three letters: what somebody who
// wrote word may have meant. It is empty when there is none.
func Nearest(word string, known []string) string {
	const longest = 64 // nobody misspells longer words, and the work stays bounded
	if len(word) > longest {
		return ""
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if len(k) > longest {
			continue
		}
		if n := distance(strings.ToLower(word), strings.ToLower(k)); n < least {
			best, least = k, n
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbours from a to b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, prev, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, prev[j+1]+1, prev[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(y)]
}
