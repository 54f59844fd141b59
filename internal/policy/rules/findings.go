package rules

import (
	"regexp"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
)

// at is where a finding is: within which loops, and under which conditions.
type at struct {
	lines   []string // conditions and loops so far
	item    string   // the entry of the innermost loop; empty: none
	index   string
	label   sentence // how that entry is called: `spec.data "a"`
	entry   sentence // the entry alone: "a", or no. 2
	pointer sentence // to that entry
	before  string   // said before what is missing
}

func (a at) with(lines ...string) at {
	a.lines = append(slices.Clone(a.lines), lines...)
	return a
}

// finding declares one of the sets' members.
func (g *generator) finding(set string, n *node, lines []string, message, pointer sentence, fix string) {
	text := set + " contains {\n\"message\": " + message.rego() + ",\n\"pointer\": " + pointer.rego() + ",\n"
	if fix != "" {
		text += "\"fix\": " + fix + ",\n"
	}
	g.declare(set, text+"}"+body(lines), n)
}

// rule declares the findings of a rule, and returns what proves that there are none.
func (g *generator) rule(n *node, guards []string) []string {
	here := at{lines: guards}
	if n.when == nil {
		proof := g.holds(n, "")
		g.findings(n, here)
		return proof
	}
	asked := g.short(n.when, "")
	if n.when.canBeUnknown() {
		unknown := here.with(g.undecided(n.when, "")...)
		unknown.before = "it is not known whether this is asked for: "
		g.unknowns(n.when, unknown)
	}
	g.findings(n, here.with(asked...))
	return []string{g.helper("settled_"+n.id, n, "", func(string) [][]string {
		return [][]string{g.breaks(n.when, ""), append(slices.Clone(asked), g.holds(n, "")...)}
	})}
}

// short is holds where it is repeated for each finding: a rule of its own when it is long.
func (g *generator) short(n *node, item string) []string {
	const long = 3
	lines := g.holds(n, item)
	if len(lines) <= long {
		return lines
	}
	return []string{g.helper("holds_"+n.id, n, own(n, item), func(item string) [][]string { return [][]string{g.holds(n, item)} })}
}

// undecided says that a node neither holds nor fails.
func (g *generator) undecided(n *node, item string) []string {
	return []string{
		g.denied("holds_", n, item, g.holds),
		g.denied("breaks_", n, item, g.breaks),
	}
}

// denied is the contrary of expressions: that of the rule which they call, or of one that is made of them.
func (g *generator) denied(name string, n *node, item string, lines func(*node, string) []string) string {
	if l := lines(n, item); len(l) == 1 && isCall.MatchString(l[0]) {
		return "not " + l[0]
	}
	return "not " + g.helper(name+n.id, n, own(n, item), func(item string) [][]string { return [][]string{lines(n, item)} })
}

// isCall matches the call of a helper.
var isCall = regexp.MustCompile(`^[a-z]+_[a-z0-9_]+(\(item[_0-9]*\))?$`)

// applicable declares to which releases the control applies.
func (g *generator) applicable(n *node) {
	g.declare("applies", "applies"+body(g.holds(n, "")), n)
	parts := []*node{n}
	if n.form == all {
		parts = n.parts
	}
	for _, p := range parts {
		g.declare("not_applicable", "not_applicable contains "+quoted(p.describe(false))+body(g.breaks(p, "")), p)
	}
	if n.canBeUnknown() {
		g.unknowns(n, at{lines: []string{"not pass", "not applies"}, before: "it is not known whether this control applies: "})
	}
}

// called is how a leaf's field is called in messages.
func (a at) called(n *node) sentence {
	switch {
	case n.field == nil || !n.field.item:
		return sentence{{text: called(n.shown)}}
	case len(n.field.keys) == 0:
		return a.label
	}
	return append(slices.Clone(a.label), word{text: ": " + strings.Join(n.field.keys, ".")})
}

// points is where a leaf's field stands.
func (a at) points(n *node) sentence {
	if n.field == nil {
		return sentence{{text: "/spec/evidence"}}
	}
	return a.point(n.field)
}

func (a at) point(p *path) sentence {
	if p.item {
		return append(slices.Clone(a.pointer), word{text: document.Pointer(p.keys...)})
	}
	switch p.keys[0] {
	case "tier":
		return sentence{{text: map[string]string{"declared": "/spec/risk/tier", "derived": "/spec/risk/factors", "effective": "/spec/risk"}[p.keys[len(p.keys)-1]]}}
	case "previous":
		return sentence{{text: "/spec/change/previous"}}
	}
	return sentence{{text: document.Pointer(p.keys...)}}
}

// enter goes through the entries of a list.
func (g *generator) enter(n *node, a at) at {
	l, entry := n.list.value(a.item), next(a.item)
	index := strings.Replace(entry, "item", "i", 1)
	out := a.with("some " + index + ", " + entry + " in " + l)
	out.item, out.index = entry, index
	out.pointer = append(a.point(n.list), word{text: "/"}, word{verb: "%d", arg: index})
	out.entry = sentence{{text: "no. "}, {verb: "%d", arg: index + " + 1"}}
	if n.list.field.item.kind == object {
		out.entry = sentence{{verb: "%q", arg: "lib.label(" + entry + ", " + index + ")"}}
	}
	out.label = append(sentence{{text: n.shown + " "}}, out.entry...)
	return out
}

// fill puts values into an author's text; it returns the given words when there is no such text.
func (t template) fill(a at, value word, otherwise sentence) sentence {
	if t == nil {
		return otherwise
	}
	var out sentence
	for _, p := range t {
		switch p.name {
		case "item":
			out = append(out, a.entry...)
		case "value":
			out = append(out, value)
		default:
			out = append(out, word{text: p.text})
		}
	}
	return out
}

// hasItem tells whether a text names the entry, so that it cannot be said of the whole list.
func (t template) hasItem() bool {
	return slices.ContainsFunc(t, func(p piece) bool { return p.name == "item" })
}

// findings declares what is said when a node does not hold.
func (g *generator) findings(n *node, a at) {
	switch {
	case n.form == leaf && n.field == nil:
		g.evidence(n, a)
	case n.form == leaf:
		g.missing(n, a)
		g.failing(n, a)
	case n.form == all:
		for _, p := range n.parts {
			g.findings(p, a)
		}
	case n.form == each && !n.some:
		g.entries(n, a, func(inner at) { g.findings(n.parts[0], inner) })
	default:
		pointer := a.first(n)
		said := func(t template, words string) sentence {
			s := sentence{{text: words}}
			if a.label != nil && n.usesItem() {
				s = append(append(slices.Clone(a.label), word{text: ": "}), s...)
			}
			return t.fill(a, word{}, s)
		}
		if n.canBeUnknown() {
			g.finding("missing", n, a.with(g.undecided(n, a.item)...).lines, said(n.missing, "nothing says that "+n.describe(true)), pointer, "")
		}
		g.finding("fail", n, a.with(g.breaks(n, a.item)...).lines, said(n.message, n.describe(false)), pointer, "")
	}
}

// first is where the first field of a group stands, or the list.
func (a at) first(n *node) sentence {
	switch n.form {
	case leaf:
		return a.points(n)
	case each:
		return a.point(n.list)
	}
	return a.first(n.parts[0])
}

// entries declares what is said of a list: that it has no entry that counts, that it is not known whether
// one does, and what is said of each.
func (g *generator) entries(n *node, a at, each func(inner at)) {
	where := ""
	if n.where != nil {
		where = " where " + n.where.describe(true)
	}
	none := sentence{{text: a.before + n.shown + " has no entry" + where}}
	if a.label != nil && n.list.item {
		none = append(append(sentence{{text: a.before}}, a.label...), word{text: ": " + strings.Join(n.list.keys, ".") + " has no entry" + where})
	}
	if t := n.parts[0].missing; t != nil && a.before == "" && !t.hasItem() {
		none = t.fill(a, word{}, nil)
	}
	g.finding("missing", n, a.with("not "+g.anyEntry(n, a.item)).lines, none, a.point(n.list), "")
	inner := g.enter(n, a)
	if n.where != nil {
		if n.where.canBeUnknown() {
			unknown := inner.with(g.undecided(n.where, inner.item)...)
			unknown.before = a.before + "it is not known whether this is asked for: "
			g.unknowns(n.where, unknown)
		}
		inner = inner.with(g.short(n.where, inner.item)...)
	}
	each(inner)
}

// unknowns declares what a condition lacks to be known.
func (g *generator) unknowns(n *node, a at) {
	switch {
	case !n.canBeUnknown():
	case n.form == leaf:
		g.missing(n, a)
	case n.form == each:
		g.entries(n, a, func(inner at) { g.unknowns(n.parts[0], inner) })
	default:
		for _, p := range n.parts {
			g.unknowns(p, a)
		}
	}
}

// missing declares what a leaf lacks to be judged.
func (g *generator) missing(n *node, a at) {
	j := g.judge(n, a.item)
	said := func(s sentence) sentence {
		if a.before != "" {
			return append(sentence{{text: a.before}}, s...)
		}
		return n.missing.fill(a, word{}, s)
	}
	var given []string
	if j.given != "" && n.op != opAbsent && n.absent == "" {
		words := append(a.called(n), word{text: " is not stated"})
		if n.op == opMinCount {
			words = append(a.called(n), word{text: " has no entry" + whereWords(n)})
		}
		g.finding("missing", n, a.with(g.unstated(n, a.item)).lines, said(words), a.points(n), "")
	}
	if j.given != "" {
		given = append(given, j.given)
	}
	for _, need := range j.needs {
		g.finding("missing", n, a.with(append(slices.Clone(given), "not "+need.call())...).lines, said(need.missing), a.points(n), "")
		given = append(given, need.given)
	}
	if j.lack != "" { // the helper names the file, so it is heard whatever the author wrote
		words := append(a.called(n), word{text: ": "}, word{verb: "%s", arg: "text"})
		if a.before != "" {
			words = append(sentence{{text: a.before}}, words...)
		}
		g.finding("missing", n, a.with(append(given, "text := "+j.lack)...).lines, words, a.points(n), "")
	}
}

func whereWords(n *node) string {
	if n.where == nil {
		return ""
	}
	return " where " + n.where.describe(true)
}

// failing declares what is wrong with a leaf.
func (g *generator) failing(n *node, a at) {
	f := n.field.field
	switch {
	case (n.op == opPresent || n.op == opSays) && !f.free(), n.op == opMinCount && n.operand.count == 1:
		return // there or not, nothing else
	}
	j := g.judge(n, a.item)
	lines := a.with(g.judgeable(j)...)
	value := word{verb: "%v", arg: n.field.value(a.item)}
	if f.kind == text {
		value.verb = "%q"
	}
	if j.detail != "" && n.message == nil {
		between := " "
		if j.breaks == nil {
			lines = lines.with(g.contrary(n, a.item, j))
		} else {
			between = ": "
		}
		words := append(a.called(n), word{text: between}, word{verb: "%s", arg: "text"})
		g.finding("fail", n, lines.with("text := "+j.detail).lines, words, a.points(n), "")
		return
	}
	words := append(a.called(n), j.wrong...)
	fix := ""
	if n.fix {
		fix = n.operand.rego
		if n.operand.field != nil {
			fix = n.operand.field.value(a.item)
		}
	}
	fails := g.fails(n, a.item, j)
	if n.op == opPresent {
		fails = []string{"not " + j.holds[0]}
	}
	g.finding("fail", n, lines.with(fails...).lines, n.message.fill(a, value, words), a.points(n), fix)
}

// evidence declares the findings of has-evidence without a field.
func (g *generator) evidence(n *node, a at) {
	kind, pointer := n.operand.rego, sentence{{text: "/spec/evidence"}}
	lines := a.with("not rule.evidenced(" + kind + ")")
	none := sentence{{text: "no evidence of type " + n.operand.shown + " is listed"}}
	g.finding("missing", n, a.with("count(rule.of_type("+kind+")) == 0").lines, n.missing.fill(a, word{}, none), pointer, "")
	g.declare("missing", "missing contains finding"+body(lines.with("some finding in rule.gaps("+kind+")").lines), n)
	if n.message != nil {
		g.finding("fail", n, lines.with("count(rule.faults("+kind+")) > 0").lines, n.message.fill(a, word{}, nil), pointer, "")
		return
	}
	g.declare("fail", "fail contains finding"+body(lines.with("some finding in rule.faults("+kind+")").lines), n)
}
