// Package document reads one strict YAML document into a JSON-shaped value that remembers where in
// the file each part stands.
//
// Everything that Lumos reads from a repository or from its operator passes through here: manifests,
// configuration, waivers, rules, settings. The accepted language is the part of YAML that means the
// same as JSON to every reader: one document in UTF-8; mappings with unique string keys; no anchors,
// aliases, merge keys or tags; numbers written as JSON writes them. What is refused is refused with
// its line and column and with what to write instead, all of it in one go.
//
// The package imports nothing else of Lumos and does no I/O.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// The limits of a document.
const (
	MaxSize  = 1 << 20 // bytes
	MaxDepth = 50      // levels of nesting
)

// Document is a parsed document. It does not change and may be shared between goroutines.
type Document struct {
	Path string
	// Value is made of map[string]any, []any, string, int64, float64, bool and nil.
	Value any

	root      *yaml.Node
	canonical []byte
}

// Check finds what a schema cannot say. It also runs on a document that the schema refuses, so that
// everything wrong is told at once, and must take any value as it comes.
type Check func(*Document) Errors

// Parse reads src, a file known as path, and checks it against the schema unless that is nil, and
// then by the checks. The Document is nil exactly when there are errors.
func Parse(path string, src []byte, schema *Schema, checks ...Check) (*Document, Errors) {
	if errs := checkText(path, src); errs != nil {
		return nil, errs
	}
	root, errs := load(path, src)
	if errs != nil {
		return nil, errs.within(path, src)
	}
	c := converter{path: path}
	d := &Document{Path: path, root: root}
	d.Value = c.value(root)
	var err error
	if d.canonical, err = Canonical(d.Value); err != nil {
		return nil, Errors{d.Errorf("", "", "%v", err)}
	}
	errs, omitted := c.errs, c.omitted
	if schema != nil {
		refused, more := schema.check(d)
		errs, omitted = errs.and(refused), omitted+more
	}
	for _, check := range checks {
		errs = errs.and(check(d))
	}
	if len(errs) > 0 {
		return nil, errs.sorted(omitted).within(path, src)
	}
	return d, nil
}

// Canonical returns the document's value as canonical JSON (RFC 8785). It must not be changed.
func (d *Document) Canonical() []byte { return d.canonical }

// Decode stores the document's value into a struct, by its JSON tags. Keys that into lacks are
// errors, so a type that lags behind its schema is found out.
func (d *Document) Decode(into any) error {
	dec := json.NewDecoder(bytes.NewReader(d.canonical))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	return nil
}

// Position tells where the value at an RFC 6901 pointer stands, as line and column from 1: where a
// scalar or a list item starts, or the key of a mapping or list. A pointer to something that is not
// there gives the nearest thing around it.
func (d *Document) Position(pointer string) (line, column int) {
	f := finder{root: d.root}
	at := f.find(SplitPointer(pointer)).place()
	return at.Line, at.Column
}

// Errorf makes an error at a pointer of this document.
func (d *Document) Errorf(pointer, hint, format string, args ...any) Error {
	line, column := d.Position(pointer)
	return Error{Path: d.Path, Line: line, Column: column, Pointer: pointer, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// entry is a value in the tree, with its key when it stands in a mapping.
type entry struct{ key, val *yaml.Node }

func (e entry) place() *yaml.Node {
	if e.key != nil && (e.val.Kind == yaml.MappingNode || e.val.Kind == yaml.SequenceNode) {
		return e.key
	}
	return e.val
}

// finder follows pointers through a tree. It indexes large mappings, so that looking up each of
// their keys stays cheap.
type finder struct {
	root  *yaml.Node
	index map[*yaml.Node]map[string]entry
}

// find follows tokens from the root as far as they lead.
func (f *finder) find(tokens []string) entry {
	at := entry{val: f.root}
	for _, t := range tokens {
		next, ok := f.child(at.val, t)
		if !ok {
			return at
		}
		at = next
	}
	return at
}

func (f *finder) child(n *yaml.Node, token string) (entry, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		const large = 64
		if len(n.Content) > large {
			e, ok := f.indexed(n)[token]
			return e, ok
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == token {
				return entry{n.Content[i], n.Content[i+1]}, true
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
			return entry{val: n.Content[i]}, true
		}
	}
	return entry{}, false
}

func (f *finder) indexed(n *yaml.Node) map[string]entry {
	if m := f.index[n]; m != nil {
		return m
	}
	m := make(map[string]entry, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if _, twice := m[n.Content[i].Value]; !twice {
			m[n.Content[i].Value] = entry{n.Content[i], n.Content[i+1]}
		}
	}
	if f.index == nil {
		f.index = map[*yaml.Node]map[string]entry{}
	}
	f.index[n] = m
	return m
}

// load runs the YAML reader under its limits and insists on exactly one document.
func load(path string, src []byte) (*yaml.Node, Errors) {
	// Aliases are refused later, each with its place, so none is ever expanded.
	limits := loaderlimits.New(loaderlimits.DepthValue(MaxDepth), loaderlimits.AliasNone())
	loader, err := yaml.NewLoader(bytes.NewReader(src), yaml.WithPlugin(limits))
	if err != nil {
		return nil, Errors{{Path: path, Message: err.Error()}}
	}
	var first, second yaml.Node
	if err := loader.Load(&first); err != nil {
		return nil, syntaxErrors(path, err)
	}
	if err := loader.Load(&second); err == nil {
		return nil, Errors{{Path: path, Line: second.Line, Column: second.Column,
			Message: "a second document starts here, want exactly one", Hint: `remove the line "---" and put it in its own file`}}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxErrors(path, err)
	}
	if len(first.Content) != 1 {
		return nil, empty(path)
	}
	root := first.Content[0]
	if root.Tag == "!!null" && root.Value == "" {
		return nil, empty(path)
	}
	return root, nil
}

func empty(path string) Errors {
	return Errors{{Path: path, Line: 1, Column: 1, Message: "the file is empty, want one YAML document"}}
}

func syntaxErrors(path string, err error) Errors {
	if errors.Is(err, io.EOF) {
		return empty(path)
	}
	var several *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case errors.As(err, &several):
		var out Errors
		for _, e := range several.Errors {
			out = append(out, syntaxError(path, e))
		}
		return out.Sorted()
	case errors.As(err, &one):
		return Errors{syntaxError(path, one)}
	}
	return Errors{{Path: path, Line: 1, Column: 1, Message: "not readable as YAML: " + err.Error()}}
}

// syntaxHints turn the reader's words into what to do.
var syntaxHints = []struct{ words, hint string }{
	{"exceeded max depth", fmt.Sprintf("a document may nest %d levels deep", MaxDepth)},
	{"mapping values are not allowed", `quote text that contains ": "`},
	{"cannot start any token", "indent with spaces, never tabs, and quote text that starts with a tab, @, ` or %"},
	{"unexpected end of stream", "the file seems to be cut off: close the quote"},
	{"did not find expected alphabetic", `quote text that starts with "*" or "&"`},
	{"unknown anchor", `aliases are not accepted; quote text that starts with "*"`},
	{"did not find expected ',' or", "the list or mapping in brackets is not closed; the file may be cut off"},
	{"did not find expected node content", "a value is missing, or the file is cut off"},
	{"did not find expected key", "check the indentation of this line and the one above"},
	{"could not find expected ':'", "a key must be followed by a colon and a space"},
	{"escape character", `in double quotes write "\\" for a backslash, or use single quotes`},
}

func syntaxError(path string, e *yaml.LoadError) Error {
	out := Error{Path: path, Line: max(e.Mark.Line, 1), Column: max(e.Mark.Column, 1), Message: "not readable as YAML: " + e.Message}
	if e.ContextMsg != "" {
		out.Message += " " + e.ContextMsg
	}
	for _, h := range syntaxHints {
		if strings.Contains(e.Message, h.words) {
			out.Hint = h.hint
			break
		}
	}
	return out
}

// checkText refuses what is not plain text before the YAML reader sees it. It also sees to it that
// lines are counted as editors and code hosts count them: YAML 1.1 takes further characters for line
// breaks, by which a finding could be made to point at another line.
func checkText(path string, src []byte) Errors {
	if len(src) > MaxSize {
		return Errors{{Path: path, Message: fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(src), MaxSize),
			Hint: "keep large evidence outside the file and name it by its digest"}}
	}
	line, column := 1, 1
	at := func(message, hint string) Errors {
		return Errors{{Path: path, Line: line, Column: column, Message: message, Hint: hint}}
	}
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return at(fmt.Sprintf("byte 0x%02X is not UTF-8", src[i]), "save the file as UTF-8")
		case r == '\r' && (i+1 == len(src) || src[i+1] != '\n'):
			return at("a carriage return without a line feed", "end lines with LF or CR LF")
		case r == '\n':
			line, column = line+1, 0
		case r == '\t' || r == '\r' || r == '\uFEFF' && i == 0:
			if r == '\uFEFF' {
				column = 0 // a byte order mark is not a character of the first line
			}
		case r < ' ' || r >= 0x7F && r <= 0x9F || r == '\u2028' || r == '\u2029' || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF':
			return at(fmt.Sprintf("character U+%04X is not accepted as it is", r), fmt.Sprintf(`in double quotes, write "\u%04X"`, r))
		}
		column++
		i += n
	}
	return nil
}
