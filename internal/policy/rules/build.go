package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
)

// What one file may hold at most.
const (
	maxNodes = 300 // fields and groups
	maxDepth = 8   // of groups
	maxLoops = 3   // lists within lists
	maxWords = 200 // characters of mandatoryWhen in words
)

// form is what a node of the tree of a rule is.
type form int

const (
	leaf   form = iota // a field, an operator and its value
	all                // every part must hold
	anyOf              // one part must hold
	negate             // its one part must fail
	each               // its one part must hold of every entry of a list, or of some
)

// node is a rule, a condition, or a part of one.
type node struct {
	form  form
	line  int // in the file, as column
	col   int
	parts []*node

	op         string
	field      *path // nil: none, which has-evidence takes
	shown      string
	operand    operand
	ignoreCase bool
	absent     string // what it means when the field is not stated: holds, fails; empty: missing

	list  *path // of each
	some  bool  // one entry is enough
	where *node // of each and of min-count: the entries that count

	when             *node // of a rule; nil: always
	message, missing template
	fix              bool

	id string // of the names of its helpers
}

// operand is what a field is held against.
type operand struct {
	shown  string   // for people
	rego   string   // a constant or a reference
	values []string // constants of in-list and of ordered texts, as Rego
	words  []string // the constants of in-list, for people
	list   string   // a name of input.lists
	field  *path    // another field
	each   *path    // with field: the list whose entries have it
	limit  []string // thresholds: group, metric, end
	count  int      // of min-count
	// measure is how field and operand are compared: a function of lib/rule.rego, "" for plain
	// numbers, time, one-of or rank.
	measure string
}

const (
	asTime  = "time"
	asOneOf = "one-of"
	asRank  = "rank"
)

// template is a text with places for the value and the entry; nil: none.
type template []piece

type piece struct {
	text string
	name string // value or item; empty: text
}

// scope is what item stands for.
type scope struct {
	item  *field
	loops int
}

// role is where a node stands.
type role struct {
	rule      bool // at the top
	condition bool
	quiet     bool // its own messages are never said
	depth     int
}

// builder reads the tree of a document that may be wrong in any way.
type builder struct {
	doc   *document.Document
	errs  document.Errors
	nodes int

	when, mandatory *node
	rules           []*node
}

func (b *builder) errorf(at, hint, format string, args ...any) {
	b.errs = append(b.errs, b.doc.Errorf(at, hint, format, args...))
}

func (b *builder) control(v any) {
	m, _ := v.(map[string]any)
	condition := func(key string) *node {
		v, ok := m[key]
		if !ok {
			return nil
		}
		return b.check("/"+key, v, nil, role{condition: true})
	}
	b.when, b.mandatory = condition("when"), condition("mandatoryWhen")
	rules, _ := m["rules"].([]any)
	for i, v := range rules {
		if n := b.check("/rules/"+strconv.Itoa(i), v, nil, role{rule: true}); n != nil {
			b.rules = append(b.rules, n)
		}
	}
	if _, ok := m["mandatoryWhen"]; ok && m["mode"] == "mandatory" {
		b.errorf("/mandatoryWhen", "set mode: weighted, or remove mandatoryWhen", "the control is always mandatory")
	}
	if len(b.errs) > 0 {
		return
	}
	name(b.when, "when")
	name(b.mandatory, "mandatory")
	for i, r := range b.rules {
		name(r, strconv.Itoa(i+1))
	}
	if b.mandatory != nil {
		if words := b.mandatory.describe(true); len([]rune(words)) > maxWords {
			b.errorf("/mandatoryWhen", "make it simpler", "in words it has more than %d characters: %s", maxWords, words)
		}
	}
}

// name gives every node the id by which its helpers are named.
func name(n *node, id string) {
	if n == nil {
		return
	}
	n.id = id
	name(n.when, id+"_when")
	name(n.where, id+"_where")
	for i, p := range n.parts {
		if len(n.parts) == 1 {
			name(p, id) // the generator keeps the names apart
			continue
		}
		name(p, id+"_"+strconv.Itoa(i+1))
	}
}

// check reads a rule, a part of one, or a condition. It is nil when something is wrong with it.
func (b *builder) check(at string, v any, in *scope, as role) *node {
	m, ok := v.(map[string]any)
	if !ok {
		return nil // the schema says so
	}
	if b.nodes++; b.nodes == maxNodes+1 {
		b.errorf(at, "make several controls of it", "the control has more than %d fields and groups", maxNodes)
	}
	if as.depth > maxDepth {
		b.errorf(at, "", "groups nest more than %d deep", maxDepth)
	}
	if b.nodes > maxNodes || as.depth > maxDepth {
		return nil
	}
	kinds := 0
	for _, key := range []string{"op", "all", "any", "not"} {
		if _, ok := m[key]; ok {
			kinds++
		}
	}
	if kinds != 1 {
		b.errorf(at, "write {field: …, op: …}, or a group {all: […]}, {any: […]} or {not: …}", "want exactly one of op, all, any and not")
		return nil
	}
	before := len(b.errs)
	out := b.body(at, m, in, as)
	if v, ok := m["when"]; ok && as.rule {
		when := b.check(at+"/when", v, nil, role{condition: true})
		if out != nil {
			out.when = when
		}
	}
	if len(b.errs) > before {
		return nil
	}
	return out
}

// body reads what a node looks at, with the lists around it.
func (b *builder) body(at string, m map[string]any, in *scope, as role) *node {
	n := &node{}
	n.line, n.col = b.doc.Position(at)
	some := m["items"] == "any"
	written, hasField := m["field"].(string)
	op, isLeaf := m["op"].(string)
	if _, ok := m["op"]; ok && !isLeaf {
		return nil
	}
	var lists []*path
	inner := in
	if hasField {
		var ok bool
		if lists, n.field, inner, ok = b.paths(at+"/field", written, in); !ok {
			return nil
		}
		n.shown = written
	}
	quiet := as.quiet || some && len(lists) > 0
	switch {
	case isLeaf:
		n.form, n.op = leaf, op
		if !b.leaf(at, n, m, inner) {
			return nil
		}
	default:
		if hasField && (len(lists) == 0 || len(n.field.keys) > 0) {
			b.errorf(at+"/field", "write it as spec.artifacts[], or leave it out", "a group is about the entries of a list, so its field ends in []")
			return nil
		}
		n.field = nil
		if !b.group(at, n, m, inner, role{condition: as.condition, quiet: quiet, depth: as.depth + 1}) {
			return nil
		}
	}
	for _, key := range []string{"value", "unit", "absent", "ignoreCase", "fix"} {
		if _, ok := m[key]; ok && !b.takes(n, key) {
			what := "a group"
			if isLeaf {
				what = op
			}
			b.errorf(at+"/"+key, "remove it", "%s takes no %s", what, key)
		}
	}
	if _, ok := m["items"]; ok && len(lists) == 0 {
		b.errorf(at+"/items", "end the list with [], or remove items", "there is no list here")
	}
	if _, ok := m["fix"]; ok && quiet {
		b.errorf(at+"/fix", "remove it", "the value is one of several ways to be right")
	}
	b.messages(at, n, m, len(lists) > 0 || in != nil, as)
	if v, ok := m["where"]; ok {
		switch {
		case n.op == opMinCount && n.field.field.kind == list:
			n.where = b.check(at+"/where", v, &scope{item: n.field.field.item, loops: loops(in) + 1}, role{condition: true, depth: as.depth + 1})
			b.uses(at+"/where", n.where)
		case len(lists) == 0:
			b.errorf(at+"/where", "end the list with [], or remove where", "there is no list here")
		}
	}
	out := n
	for i := len(lists) - 1; i >= 0; i-- {
		wrap := &node{form: each, line: n.line, col: n.col, parts: []*node{out}, list: lists[i], some: some}
		if i == len(lists)-1 {
			b.uses(at, out)
			if v, ok := m["where"]; ok && n.op != opMinCount {
				wrap.where = b.check(at+"/where", v, inner, role{condition: true, depth: as.depth + 1})
				b.uses(at+"/where", wrap.where)
			}
		}
		wrap.shown = listText(written, i)
		if some {
			wrap.message, wrap.missing = n.message, n.missing
		}
		out = wrap
	}
	return out
}

// listText is a path up to before its i-th [].
func listText(written string, i int) string {
	at := 0
	for ; i >= 0; i-- {
		at += strings.Index(written[at:], "[]") + 2
	}
	return strings.TrimSuffix(written[:at], "[]")
}

func loops(in *scope) int {
	if in == nil {
		return 0
	}
	return in.loops
}

// uses refuses what is said of every entry of a list, yet looks at none.
func (b *builder) uses(at string, n *node) {
	if n != nil && !n.usesItem() {
		b.errorf(at, "name a field of the entry: item.…", "this is asked of every entry of the list, but does not look at it")
	}
}

// usesItem tells whether the node looks at the item of the list around it.
func (n *node) usesItem() bool {
	switch n.form {
	case leaf:
		o := n.operand
		return n.field != nil && n.field.item || o.field != nil && o.each == nil && o.field.item || o.each != nil && o.each.item
	case each:
		return n.list.item
	}
	return slices.ContainsFunc(n.parts, (*node).usesItem)
}

func (b *builder) group(at string, n *node, m map[string]any, in *scope, as role) bool {
	if v, ok := m["not"]; ok {
		n.form = negate
		p := b.check(at+"/not", v, in, role{condition: true, quiet: true, depth: as.depth})
		n.parts = []*node{p}
		return p != nil
	}
	n.form = all
	key := "all"
	if _, ok := m["any"]; ok {
		n.form, key, as.quiet = anyOf, "any", true
	}
	parts, _ := m[key].([]any)
	good := len(parts) > 0
	for i, v := range parts {
		p := b.check(at+"/"+key+"/"+strconv.Itoa(i), v, in, as)
		n.parts, good = append(n.parts, p), good && p != nil
	}
	return good
}

// takes tells whether a key has a meaning for a node.
func (b *builder) takes(n *node, key string) bool {
	if n.form != leaf {
		return false
	}
	switch key {
	case "value":
		return !slices.Contains([]string{opPresent, opAbsent, opSays, opVerified, opNotAuthor, opReleased}, n.op)
	case "absent":
		return n.field != nil && !n.field.field.always && !slices.Contains([]string{opPresent, opAbsent, opMinCount}, n.op)
	case "unit":
		return comparison[n.op].sign != ""
	case "ignoreCase":
		return slices.Contains([]string{opEquals, opNotEquals, opInList, opNotInList, opMatches}, n.op)
	}
	return n.op == opEquals // fix
}

// paths resolves a field: the lists on the way to it, each from the root or the item of the one before,
// and the field of the innermost entry.
func (b *builder) paths(at, written string, in *scope) (lists []*path, last *path, inner *scope, ok bool) {
	parts, err := steps(written)
	if err != nil {
		b.errorf(at, "write it as spec.model.license.spdx or spec.data[].license", "%q is no field: %v", written, err)
		return nil, nil, nil, false
	}
	from, done := fields(), ""
	current := &path{text: written}
	if parts[0].key == "item" {
		if in == nil {
			b.errorf(at, "it is known inside of where, and of a group whose field ends in []", "there is no list whose entry item could be")
			return nil, nil, nil, false
		}
		from, done, parts = in.item, "item", parts[1:]
		current.item = true
	}
	inner = in
	for len(parts) > 0 {
		next := slices.IndexFunc(parts, func(s step) bool { return s.each })
		end := next + 1
		if next < 0 {
			end = len(parts)
		}
		f, hint, err := resolve(from, written, parts[:end], done)
		if err != nil {
			b.errorf(at, hint, "%v", err)
			return nil, nil, nil, false
		}
		for _, s := range parts[:end] {
			if s.each {
				done += "[]"
				continue
			}
			current.keys, done = append(current.keys, s.key), join(done, s.key)
		}
		if next < 0 {
			current.field = f
			break
		}
		current.field = &field{kind: list, item: f}
		lists = append(lists, current)
		inner = &scope{item: f, loops: loops(inner) + 1}
		current, from, parts = &path{text: written, item: true}, f, parts[end:]
	}
	if current.field == nil {
		current.field = from
	}
	if inner != nil && inner.loops > maxLoops {
		b.errorf(at, "", "lists nest more than %d deep", maxLoops)
		return nil, nil, nil, false
	}
	return lists, current, inner, true
}

// messages reads the texts of a rule and refuses those that are never said.
func (b *builder) messages(at string, n *node, m map[string]any, inList bool, as role) {
	if as.condition {
		return // the schema knows no messages there
	}
	for _, key := range []string{"message", "missing"} {
		s, ok := m[key].(string)
		if !ok {
			continue
		}
		if as.quiet || n.form == all && m["items"] != "any" {
			b.errorf(at+"/"+key, "write it beside the outermost any or not, or at the parts of all", "this text would never be said")
			continue
		}
		t, problem := parseTemplate(s, func(name string) bool {
			switch name {
			case "item":
				return inList && m["items"] != "any"
			case "value":
				return key == "message" && n.form == leaf && n.field != nil && n.op != opMinCount && n.op != opPresent && m["items"] != "any"
			}
			return false
		})
		if problem != "" {
			b.errorf(at+"/"+key, "{value} and {item} are known, where there is one; {{ writes a brace", "%s", problem)
			continue
		}
		if key == "message" {
			n.message = t
		} else {
			n.missing = t
		}
	}
}

func parseTemplate(s string, known func(name string) bool) (t template, problem string) {
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			t = append(t, piece{text: plain.String()})
			plain.Reset()
		}
	}
	for rest := s; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "}}"):
			plain.WriteByte(rest[0])
			rest = rest[2:]
		case rest[0] == '{':
			name, after, ok := strings.Cut(rest[1:], "}")
			if !ok || !known(name) {
				return nil, fmt.Sprintf("{%s} stands for nothing here", name)
			}
			flush()
			t, rest = append(t, piece{name: name}), after
		default:
			plain.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	flush()
	return t, ""
}
