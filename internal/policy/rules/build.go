package rules

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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

// leaf reads the operator and its value, and sees to it that they fit the field.
func (b *builder) leaf(at string, n *node, m map[string]any, in *scope) bool {
	known := slices.IndexFunc(operators, func(o Operator) bool { return o.Name == n.op })
	if known < 0 {
		return false // the schema says so
	}
	if n.field == nil && n.op != opHasEvidence {
		b.errorf(at, "add field: spec.…", "the rule names no field")
		return false
	}
	n.ignoreCase = m["ignoreCase"] == true
	n.absent, _ = m["absent"].(string)
	value, given := m["value"]
	if b.takes(n, "value") && !given {
		b.errorf(at, "add value: "+operators[known].Takes, "%s needs a value", n.op)
		return false
	}
	var f *field
	if n.field != nil {
		f = n.field.field
	}
	op := at + "/op"
	wrongField := func(hint string) bool {
		b.errorf(op, hint, "%s is not asked of %s, which is %s", n.op, n.shown, describeKind(f))
		return false
	}
	value = plain(value)
	at += "/value"
	switch n.op {
	case opPresent, opAbsent:
		if f.always {
			b.errorf(strings.TrimSuffix(at, "/value")+"/field", "", "%s stands in every release", n.shown)
			return false
		}
		return true
	case opSays:
		if f.kind == list {
			return wrongField("write " + n.shown + "[] for its entries")
		}
		if f.kind != text {
			return wrongField("use present")
		}
		return true
	case opEquals, opNotEquals:
		if f.kind == list {
			return wrongField("write " + n.shown + "[] for its entries, or use min-count")
		}
		if f.kind == object {
			return wrongField("name a field of it, or use present")
		}
		if m["fix"] == true && f.kind != text {
			b.errorf(strings.TrimSuffix(at, "/value")+"/fix", "remove it", "only a text can be suggested")
		}
		return b.equal(at, n, value, in)
	case opInList, opNotInList:
		if f.kind == list {
			return wrongField("write " + n.shown + "[] for its entries")
		}
		if f.kind != text && f.kind != number {
			return wrongField("use equals")
		}
		return b.listed(at, n, value, in)
	case opMatches:
		if f.kind != text {
			return wrongField("use equals, or at-least and at-most for numbers")
		}
		pattern, ok := value.(string)
		if !ok {
			b.errorf(at, "quote it", "want a regular expression")
			return false
		}
		if _, err := regexp.Compile(pattern); err != nil {
			b.errorf(at, "the syntax is that of RE2", "not a regular expression: %v", err)
			return false
		}
		n.operand = operand{shown: pattern, rego: pattern}
		return true
	case opAtLeast, opAtMost, opMoreThan, opLessThan:
		if f.kind == list {
			return wrongField("use min-count for the number of its entries, or " + n.shown + "[] for each")
		}
		if f.kind != text && f.kind != number || f.evidence {
			return wrongField("use equals")
		}
		return b.compare(at, n, m, value, in)
	case opMinCount:
		if f.kind != list {
			return wrongField("it counts the entries of a list")
		}
		count, ok := value.(int64)
		if !ok || count < 1 || count > 1000 {
			b.errorf(at, "", "want a whole number from 1 to 1000")
			return false
		}
		n.operand = operand{shown: strconv.Itoa(int(count)), count: int(count)}
		return true
	case opHasEvidence:
		kind, ok := value.(string)
		if !ok || strings.TrimSpace(kind) == "" {
			b.errorf(at, "such as instructions-for-use", "want a type of evidence")
			return false
		}
		if f != nil && !f.evidence {
			return wrongField("leave the field out, or name one that has the id of an entry of spec.evidence")
		}
		n.operand = operand{shown: kind, rego: quoted(kind)}
		return true
	case opVerified:
		if f.kind == object && f.keys["digest"] != nil && f.keys["uri"] != nil && f.keys["subjectDigest"] != nil || f.evidence {
			return true
		}
		return wrongField("name spec.evidence[], or a field that has the id of an entry of it")
	case opFresh:
		if f.format != "date-time" {
			return wrongField("it is for dates such as spec.evaluations[].runAt")
		}
		s, _ := value.(string)
		if s == "maxEvidenceAgeDays" {
			n.operand = operand{shown: s, rego: "input.maxEvidenceAgeDays * 86400"}
			return true
		}
		age, dimension, err := quantity(s)
		if err != nil || dimension != duration || age.Sign() <= 0 {
			b.errorf(at, "write 180d, P6M, or maxEvidenceAgeDays for what .lumos/config.yaml says", "want the age that it may have at most")
			return false
		}
		n.operand = operand{shown: s, rego: decimal(age)}
		return true
	case opNotAuthor, opReleased:
		if f.kind != text || f.enum != nil || f.format != "" {
			return wrongField("it is for text")
		}
		return true
	}
	return false
}

// plain turns the whole numbers of JSON back, whichever way they come.
func plain(v any) any {
	if f, ok := v.(float64); ok && f == float64(int64(f)) {
		return int64(f)
	}
	return v
}

func describeKind(f *field) string {
	switch {
	case f.enum != nil:
		return "one of " + strings.Join(f.enum, ", ")
	case f.format == "date-time":
		return "a date"
	case f.format != "":
		return "a " + f.format
	}
	return string(f.kind)
}

// constant reads one value that a field can have, as Rego.
func (b *builder) constant(at string, n *node, v any) (rego, shown string, ok bool) {
	f := n.field.field
	switch v := plain(v).(type) {
	case string:
		if f.kind != text {
			break
		}
		if f.enum != nil && !slices.ContainsFunc(f.enum, func(e string) bool { return e == v || n.ignoreCase && strings.EqualFold(e, v) }) {
			hint := "it is one of " + strings.Join(f.enum, ", ")
			if near := nearest(v, f.enum); near != "" {
				hint = "did you mean " + near + "?"
			}
			b.errorf(at, hint, "%s is never %q", n.shown, v)
			return "", "", false
		}
		if strings.TrimSpace(v) == "" {
			b.errorf(at, "use absent for what is not stated", "the value is empty")
			return "", "", false
		}
		shown = v
		if n.ignoreCase {
			v = strings.ToLower(v)
		}
		return quoted(v), shown, true
	case bool:
		if f.kind == boolean {
			return strconv.FormatBool(v), strconv.FormatBool(v), true
		}
	case int64:
		if f.kind == number {
			return strconv.FormatInt(v, 10), strconv.FormatInt(v, 10), true
		}
	case float64:
		if f.kind == number {
			s := strconv.FormatFloat(v, 'g', -1, 64)
			return s, s, true
		}
	}
	hint := ""
	if f.kind == text {
		hint = "quote it"
	}
	b.errorf(at, hint, "the value does not fit: %s is %s", n.shown, describeKind(f))
	return "", "", false
}

// other reads {field: …}. The list is set when the field is in the entries of one.
func (b *builder) other(at string, n *node, v any, in *scope, mayEach bool) (operand, bool) {
	m, _ := v.(map[string]any)
	written, ok := m["field"].(string)
	if !ok {
		return operand{}, false
	}
	lists, p, _, ok := b.paths(at+"/field", written, in)
	if !ok {
		return operand{}, false
	}
	if len(lists) > 1 || len(lists) == 1 && !mayEach {
		b.errorf(at+"/field", "", "%s has many values, want one", written)
		return operand{}, false
	}
	if len(lists) == 0 && mayEach {
		b.errorf(at+"/field", "use equals, or a field of the entries of a list", "%s has one value, want several", written)
		return operand{}, false
	}
	if p.field.kind != n.field.field.kind || p.field.kind == list || p.field.kind == object {
		b.errorf(at+"/field", "", "%s is %s, %s is %s: they cannot be compared", n.shown, describeKind(n.field.field), written, describeKind(p.field))
		return operand{}, false
	}
	o := operand{shown: written, field: p}
	if len(lists) == 1 {
		o.each = lists[0]
	}
	return o, true
}

func (b *builder) equal(at string, n *node, v any, in *scope) (ok bool) {
	if n.ignoreCase && n.field.field.kind != text {
		b.errorf(strings.TrimSuffix(at, "/value")+"/ignoreCase", "remove it", "only text has upper and lower case")
	}
	if _, isField := v.(map[string]any); isField {
		n.operand, ok = b.other(at, n, v, in, false)
		return ok
	}
	n.operand.rego, n.operand.shown, ok = b.constant(at, n, v)
	return ok
}

var listName = regexp.MustCompile(`^lists\.([A-Za-z][A-Za-z0-9_-]*)$`)

func (b *builder) listed(at string, n *node, v any, in *scope) (ok bool) {
	if n.ignoreCase && n.field.field.kind != text {
		b.errorf(strings.TrimSuffix(at, "/value")+"/ignoreCase", "remove it", "only text has upper and lower case")
	}
	switch v := v.(type) {
	case map[string]any:
		n.operand, ok = b.other(at, n, v, in, true)
		return ok
	case string:
		m := listName.FindStringSubmatch(v)
		if m == nil || n.field.field.kind != text {
			b.errorf(at, "write lists.NAME, or the values as a list [a, b]", "%q is no list", v)
			return false
		}
		n.operand = operand{shown: v, list: m[1]}
		return true
	case []any:
		for i, v := range v {
			rego, words, ok := b.constant(at+"/"+strconv.Itoa(i), n, v)
			if !ok {
				return false
			}
			n.operand.values, n.operand.words = append(n.operand.values, rego), append(n.operand.words, words)
		}
		n.operand.shown = enumerate(n.operand.words, "or")
		return len(v) > 0
	}
	b.errorf(at, "write lists.NAME, or the values as a list [a, b]", "want a list")
	return false
}

var threshold = regexp.MustCompile(`^thresholds\.([A-Za-z][A-Za-z0-9_-]*)\.([A-Za-z0-9_.-]+)\.(min|max)$`)

// compare reads what a field is measured against, each kind of field by its own measure.
func (b *builder) compare(at string, n *node, m map[string]any, v any, in *scope) bool {
	f := n.field.field
	_, hasUnit := m["unit"]
	if hasUnit && f.kind != number {
		b.errorf(strings.TrimSuffix(at, "/value")+"/unit", "remove it", "%s is %s, whose unit stands in it", n.shown, describeKind(f))
		return false
	}
	if _, isField := v.(map[string]any); isField {
		o, ok := b.other(at, n, v, in, false)
		if !ok {
			return false
		}
		g := o.field.field
		switch {
		case f.kind == number:
		case f.format == "date-time" && g.format == f.format:
			o.measure = asTime
		case f.format == "duration" && g.format == f.format:
			o.measure = measures[duration].function
		case slices.Equal(f.order(), tiers) && slices.Equal(g.order(), tiers):
			o.measure = asRank
		default:
			b.errorf(at+"/field", "", "%s and %s have no order to compare them by", n.shown, o.shown)
			return false
		}
		n.operand = o
		return true
	}
	s, isText := v.(string)
	switch {
	case f.kind == number && isText && strings.HasPrefix(s, "thresholds."):
		parts := threshold.FindStringSubmatch(s)
		if parts == nil {
			b.errorf(at, "write thresholds.GROUP.METRIC.min or .max, as in .lumos/config.yaml", "%q is no threshold", s)
			return false
		}
		n.operand = operand{shown: s, limit: parts[1:]}
		return true
	case f.kind == number && isText:
		return b.converted(at, n, m, s)
	case f.kind == number:
		rego, shown, ok := b.constant(at, n, v)
		n.operand = operand{shown: shown, rego: rego}
		return ok
	case !isText:
		b.errorf(at, "write it with its unit", "the value does not fit: %s is %s", n.shown, describeKind(f))
		return false
	case f.format == "date-time":
		return b.date(at, n, s)
	case f.order() != nil:
		if _, _, ok := b.constant(at, n, s); !ok {
			return false
		}
		return b.ranked(at, n, s)
	case f.enum != nil:
		b.errorf(at, "use in-list", "the values of %s have no order", n.shown)
		return false
	}
	value, dimension, err := quantity(s)
	if err != nil || f.format == duration && dimension != duration {
		b.errorf(at, "such as 500ms, 2h, 180d, P2Y, 10GB or 5%", "%q is no amount that %s can be compared with", s, n.shown)
		return false
	}
	by := measures[dimension]
	n.operand = operand{shown: s, rego: decimal(value.Mul(value, big.NewRat(by.units, 1))), measure: by.function}
	return true
}

// measures are the functions of lib/rule.rego that read texts, and how many of their units are one of the
// dimension's base.
var measures = map[string]struct {
	function string
	units    int64
}{duration: {"rule.nanoseconds", 1e9}, size: {"rule.bytes", 1}, share: {"rule.billionths", 1e9}}

// converted turns an amount with a unit into the unit of a number.
func (b *builder) converted(at string, n *node, m map[string]any, s string) bool {
	value, dimension, err := quantity(s)
	if err != nil {
		b.errorf(at, "such as 500ms, 2h, 180d, 10GB or 5%", "%v", err)
		return false
	}
	u := impliedUnit(n.field.keys)
	if name, ok := m["unit"].(string); ok {
		u = unitNamed(name)
	}
	switch {
	case u == nil:
		b.errorf(at, "add unit, such as unit: ms", "nothing says what %s is counted in", n.shown)
		return false
	case u.dimension != dimension:
		b.errorf(at, "", "%s is a %s, %s is counted in %s", s, dimension, n.shown, u.name)
		return false
	}
	n.operand = operand{shown: s, rego: decimal(new(big.Rat).Quo(value, u.factor))}
	return true
}

// date reads a day, a time, or now.
func (b *builder) date(at string, n *node, s string) bool {
	n.operand = operand{shown: s, rego: "input.now", measure: asTime}
	if s == "now" {
		n.operand.shown = "the time of the evaluation"
		return true
	}
	if _, err := time.Parse(time.DateOnly, s); err == nil {
		s += "T00:00:00Z"
	}
	if t, err := time.Parse(time.RFC3339, s); err != nil || t.Year() < 1700 || t.Year() > 2200 {
		b.errorf(at, "such as 2026-08-20, 2026-08-20T11:03:00Z or now", "%q is no date", s)
		return false
	}
	n.operand.rego = quoted(s)
	return true
}

// ranked turns a comparison of ordered texts into the texts for which it holds.
func (b *builder) ranked(at string, n *node, s string) bool {
	order := n.field.field.order()
	at0 := slices.Index(order, s)
	for i, v := range order {
		holds := map[string]bool{opAtLeast: i >= at0, opAtMost: i <= at0, opMoreThan: i > at0, opLessThan: i < at0}[n.op]
		if holds {
			n.operand.values = append(n.operand.values, quoted(v))
		}
	}
	if len(n.operand.values) == 0 || len(n.operand.values) == len(order) {
		b.errorf(at, "", "this is so of no release, or of all of them")
		return false
	}
	n.operand.shown, n.operand.measure = s, asOneOf
	return true
}
