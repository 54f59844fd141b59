package document

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxInteger is the largest integer that every reader of JSON sees exactly (RFC 8259 section 6).
const maxInteger = 1<<53 - 1

// converter turns YAML nodes into plain values and gathers what is refused on the way.
type converter struct {
	path    string
	tokens  []string // where the walk stands
	errs    Errors
	omitted int // errors beyond those kept
}

func (c *converter) refuse(n *yaml.Node, hint, format string, args ...any) {
	if len(c.errs) == maxErrors {
		c.omitted++
		return
	}
	c.errs = append(c.errs, Error{Path: c.path, Line: n.Line, Column: n.Column, Pointer: Pointer(c.tokens...),
		Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *converter) at(token string, n *yaml.Node) any {
	c.tokens = append(c.tokens, token)
	v := c.value(n)
	c.tokens = c.tokens[:len(c.tokens)-1]
	return v
}

func (c *converter) value(n *yaml.Node) any {
	if n.Kind == yaml.AliasNode {
		c.refuse(n, `write the value out; quote text that starts with "*"`, "aliases are not accepted")
		return nil
	}
	if n.Anchor != "" {
		c.refuse(n, `remove it; quote text that starts with "&"`, "the anchor %s is not accepted", quote("&"+n.Anchor))
	}
	if n.Style&yaml.TaggedStyle != 0 {
		c.refuse(n, `remove it; quote text that starts with "!"`, "the tag %s is not accepted", quote(n.Tag))
	}
	switch n.Kind {
	case yaml.MappingNode:
		return c.mapping(n)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = c.at(strconv.Itoa(i), item)
		}
		return list
	default:
		return c.scalar(n)
	}
}

func (c *converter) mapping(n *yaml.Node) any {
	m := make(map[string]any, len(n.Content)/2)
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0 || key.Anchor != "":
			c.refuse(key, "write the key as plain text", "this kind of key is not accepted, want text")
			continue
		case key.Tag == "!!merge":
			c.refuse(key, "write the keys out", `the merge key "<<" is not accepted`)
			continue
		case key.Tag != "!!str" && key.Tag != "!!timestamp":
			c.refuse(key, "quote it: "+quote(key.Value), "the key %s is not text", key.Value)
			continue
		}
		if line, twice := lines[key.Value]; twice {
			c.refuse(key, fmt.Sprintf("it is already given in line %d: keep one", line), "the key %s stands twice", quote(key.Value))
			continue
		}
		lines[key.Value] = key.Line
		m[key.Value] = c.at(key.Value, val)
	}
	return m
}

func (c *converter) scalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		v, problem := number(n.Value)
		if problem != "" {
			c.refuse(n, "quote it if it is text: "+quote(n.Value), "the number %s %s", n.Value, problem)
			return nil
		}
		return v
	case "!!merge":
		return n.Value // "<<" as a value is text
	default: // !!str, a refused tag, and !!timestamp, which JSON does not know: a date is text
		return n.Value
	}
}

// number reads a number in the grammar of JSON (RFC 8259 section 6). What YAML reads beyond it means
// different things to different readers: 010 is eight or ten, 1_000 a number or a text.
func number(s string) (v any, problem string) {
	integer, ok := jsonNumber(s)
	if !ok {
		return nil, "is not written as JSON writes numbers"
	}
	if integer {
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil || i > maxInteger || i < -maxInteger {
			return nil, "is too large to be exact everywhere"
		}
		return i, ""
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, "is too large"
	}
	return f, ""
}

// jsonNumber tells whether s is a JSON number, and whether an integer.
func jsonNumber(s string) (integer, ok bool) {
	s = strings.TrimPrefix(s, "-")
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	if strings.HasPrefix(s, "0") {
		s = s[1:]
	} else if !digits() {
		return false, false
	}
	integer = true
	if strings.HasPrefix(s, ".") {
		integer, s = false, s[1:]
		if !digits() {
			return false, false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		integer, s = false, s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false, false
		}
	}
	return integer, s == ""
}

// Pointer joins tokens to an RFC 6901 pointer.
func Pointer(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString("/" + escapeToken(t))
	}
	return b.String()
}

// SplitPointer splits an RFC 6901 pointer into its tokens.
func SplitPointer(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, t := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens
}

func escapeToken(t string) string {
	return strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1")
}
