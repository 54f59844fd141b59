package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/lumos-governance/lumos/internal/document"
)

// Render returns the rule as Rego in the given package ("lumos.local.acme_01"), and the same parsed, with
// the places of the YAML file as its locations. The same rule gives the same bytes.
func (r *Rule) Render(pkg string, opts ast.ParserOptions) (source string, parsed *ast.Module, errs document.Errors) {
	wrong := func(err error) (string, *ast.Module, document.Errors) {
		return "", nil, document.Errors{{Path: r.path, Line: 1, Column: 1, Message: fmt.Sprintf("the rule cannot be rendered: %v", err)}}
	}
	g := &generator{names: map[string]string{}, kept: map[string]string{}}
	written := g.control(r, pkg)
	formatted, err := format.SourceWithOpts(r.path, []byte(written), format.Opts{RegoVersion: ast.RegoV1, ParserOptions: &opts, SkipDefensiveCopying: true})
	if err != nil {
		return wrong(err)
	}
	source = string(formatted)
	if parsed, err = ast.ParseModuleWithOpts(r.path, source, opts); err != nil {
		return wrong(err)
	}
	if err := g.locate(parsed, r.path); err != nil {
		return wrong(err)
	}
	return source, parsed, nil
}

// once leaves out what is said already.
func once(lines []string) []string {
	var out []string
	for _, l := range lines {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// generator writes the module of one rule.
type generator struct {
	sections []*section
	current  *section
	names    map[string]string // helper → what it stands for, so that none is given twice
	kept     map[string]string // what is stood for → helper
}

// section is a stretch of the module below one comment.
type section struct {
	comment string
	decls   []decl
}

// decl is one rule of the module, with the place in the YAML that it comes from.
type decl struct {
	name, text string
	line, col  int
	lines      []*node // where each expression of the body comes from; nil: from line and col
}

func (g *generator) section(comment string) {
	g.current = &section{comment: comment}
	g.sections = append(g.sections, g.current)
}

func (g *generator) declare(name, text string, at *node) {
	line, col := 1, 1
	if at != nil {
		line, col = at.line, at.col
	}
	g.current.decls = append(g.current.decls, decl{name: name, text: text, line: line, col: col})
}

// body writes a rule's condition, each expression once.
func body(lines []string) string {
	lines = once(lines)
	if len(lines) == 1 && !strings.Contains(lines[0], "\n") {
		return " if " + lines[0]
	}
	return " if {\n" + strings.Join(lines, "\n") + "\n}"
}

// helper returns the call of a rule that holds when one of the bodies does, and declares it once. The
// bodies are written for the entry that the rule is asked of, if any.
func (g *generator) helper(name string, n *node, item string, bodies func(item string) [][]string) string {
	head, call := name, name
	inner := ""
	if item != "" {
		head, call, inner = name+"(item)", name+"("+item+")", "item"
	}
	key := fmt.Sprintf("%s %p %t", name, n, item != "")
	if kept, ok := g.kept[key]; ok {
		return strings.Replace(call, name, kept, 1)
	}
	free := g.free(name, key)
	g.kept[key] = free
	head, call = strings.Replace(head, name, free, 1), strings.Replace(call, name, free, 1)
	place := g.current
	for _, lines := range bodies(inner) {
		g.current = place
		head := head
		if inner != "" && !slices.ContainsFunc(lines, mentionsItem) {
			head = free + "(_)" // Rego refuses an argument that is not used
		}
		g.declare(free, head+body(lines), n)
	}
	return call
}

var (
	literal  = regexp.MustCompile("`[^`]*`|\"(?:[^\"\\\\]|\\\\.)*\"")
	wordItem = regexp.MustCompile(`\bitem\b`)
)

// mentionsItem tells whether an expression looks at the entry, outside of its literals.
func mentionsItem(line string) bool { return wordItem.MatchString(literal.ReplaceAllString(line, "")) }

// free finds a name that no other rule has.
func (g *generator) free(name, key string) string {
	free := name
	for i := 0; g.names[free] != ""; i++ {
		free = fmt.Sprintf("%s_%c", name, 'a'+i)
	}
	g.names[free] = key
	return free
}

// own is the entry to give to a helper of a node: none when the node does not look at it.
func own(n *node, item string) string {
	if n.usesItem() {
		return item
	}
	return ""
}

// next names the entry of a list within the list whose entry is item.
func next(item string) string {
	if item == "" {
		return "item"
	}
	_, number, _ := strings.Cut(item, "_")
	i, _ := strconv.Atoi(number)
	return "item_" + strconv.Itoa(max(i, 1)+1)
}

// value is a field's value.
func (p *path) value(item string) string {
	if p.item {
		return reference(item, p.keys)
	}
	switch p.keys[0] {
	case "metadata", "spec":
		return reference("input.manifest", p.keys)
	}
	return reference("input", p.keys)
}

// given is the condition that a value is stated; empty: it always is.
func (f *field) given(value string) string {
	switch {
	case f.always:
		return ""
	case f.kind == number:
		return "is_number(" + value + ")"
	case f.kind == boolean:
		return "is_boolean(" + value + ")"
	case f.kind == text:
		return "lib.filled(" + value + ")"
	}
	return "count(" + value + ") > 0"
}

// need is something beside the field that it takes to judge.
type need struct {
	given   string
	call    func() string // a helper that holds when it is given, for saying that it is not
	missing sentence
}

// judgement is how a leaf is judged.
type judgement struct {
	given  string // empty: there is nothing to state
	needs  []need
	holds  []string
	simple bool     // holds is one expression that may be negated as it is
	breaks []string // what fails, once given and needs hold; nil: that holds does not
	two    bool     // what does not hold fails: nothing can be missing
	detail string   // a text that says what is wrong
	lack   string   // a text that says what else is missing; undefined when nothing is
	wrong  sentence // what is said of the field when it fails
}

func (g *generator) judge(n *node, item string) judgement {
	var j judgement
	o := n.operand
	if n.field == nil { // has-evidence
		j.two, j.simple, j.holds = true, true, []string{"rule.evidenced(" + o.rego + ")"}
		return j
	}
	f, x := n.field.field, n.field.value(item)
	j.given = f.given(x)
	says := j.given
	if f.free() {
		says = "lib.says(" + x + ")"
	}
	held := x
	if n.ignoreCase {
		held = "lower(" + x + ")"
	}
	shown := word{verb: "%q", arg: x}
	if f.kind != text {
		shown.verb = "%v"
	}
	is := func(rest string) sentence { return sentence{{text: " is "}, shown, {text: rest}} }
	if o.field != nil && o.each == nil {
		y := o.field.value(item)
		if given := o.field.field.given(y); given != "" {
			j.needs = append(j.needs, need{given: given, missing: plainly("%s is not stated", called(o.shown)),
				call: func() string {
					return g.defined("valued_"+n.id, n, operandItem(o, item), func(item string) string { return o.field.field.given(o.field.value(item)) })
				}})
		}
		o.rego = y
		if n.ignoreCase {
			o.rego = "lower(" + y + ")"
		}
	}
	if o.each != nil {
		l := o.each.value(item)
		j.needs = append(j.needs, need{given: "count(" + l + ") > 0", missing: plainly("%s has no entry", strings.TrimSuffix(o.shown, "[]")),
			call: func() string {
				return g.defined("valued_"+n.id, n, operandItem(o, item), func(item string) string { return "count(" + o.each.value(item) + ") > 0" })
			}})
	}
	switch n.op {
	case opSays:
		j.holds, j.simple = []string{says}, true
		j.wrong = sentence{{text: " is a placeholder ("}, shown, {text: ")"}}
	case opPresent:
		j.holds, j.simple, j.two = []string{says}, n.field.item && len(n.field.keys) == 0, true
		j.wrong = sentence{{text: " is a placeholder ("}, shown, {text: ")"}}
	case opAbsent:
		j.holds, j.breaks, j.two = []string{g.unstated(n, item)}, []string{j.given}, true
		j.wrong = plainly(" must not be stated")
	case opEquals:
		j.holds, j.simple, j.wrong = []string{held + " == " + o.rego}, true, is(", want "+o.shown)
		if o.field != nil {
			if f.kind == text { // two placeholders may be equal
				j.holds, j.simple = []string{says, j.holds[0]}, false
			}
			j.wrong = append(is(", want "), word{verb: shown.verb, arg: o.rego}, word{text: " (" + o.shown + ")"})
		}
	case opNotEquals:
		j.wrong = is(", which it must not be")
		if !f.free() {
			j.holds, j.breaks = stated(j.given, held+" != "+o.rego), []string{held + " == " + o.rego}
			break
		}
		j.holds = []string{says, held + " != " + o.rego}
	case opInList, opNotInList:
		in := held + " in " + g.members(n, item)
		if len(o.values) == 1 {
			in = held + " == " + o.values[0]
		}
		among := o.shown
		if o.list != "" || o.field != nil {
			among = "on " + o.shown
		}
		if n.op == opInList {
			j.holds, j.simple, j.wrong = []string{in}, true, is(", which is not "+among)
			if len(o.words) > 1 {
				j.wrong = is(", which is neither " + enumerate(o.words, "nor"))
			}
			if o.field != nil && f.kind == text {
				j.holds, j.simple = []string{says, in}, false
			}
			break
		}
		j.wrong = is(", which is " + among)
		if len(o.values) > 1 {
			j.wrong = is(", which must not be " + among)
		}
		j.holds = stated(says, "not "+in)
		if !f.free() {
			j.breaks = []string{in}
		}
	case opMatches:
		re := "^(?:" + o.rego + ")$"
		if n.ignoreCase {
			re = "(?i)" + re
		}
		j.holds, j.simple = []string{"regex.match(" + pattern(re) + ", " + x + ")"}, true
		if f.free() {
			j.holds, j.simple = []string{says, j.holds[0]}, false
		}
		j.wrong = is(", which does not have the form " + o.shown)
	case opAtLeast, opAtMost, opMoreThan, opLessThan:
		g.compare(&j, n, x, o, is)
	case opMinCount:
		count := g.count(n, item)
		j.given = count + " > 0"
		j.holds, j.simple, j.two = []string{fmt.Sprintf("%s >= %d", count, o.count)}, false, true
		if o.count == 1 {
			j.holds = []string{j.given}
		}
		j.wrong = sentence{{text: " has "}, {verb: "%d", arg: count}, {text: fmt.Sprintf(" entries that count, want at least %d", o.count)}}
	case opHasEvidence, opVerified:
		e := x
		if f.evidence {
			e = "rule.entry(" + x + ")"
			listed, as := e, ""
			if n.op == opHasEvidence {
				listed, as = e+".type == "+o.rego, " as "+o.shown
			}
			j.needs = []need{{given: listed, missing: sentence{{text: "evidence "}, shown, {text: ", which " + n.shown + " names, is not listed" + as}},
				call: func() string {
					return g.helper("listed_"+n.id, n, own(n, item), func(item string) [][]string {
						listed := "rule.entry(" + n.field.value(item) + ")"
						if n.op == opHasEvidence {
							listed += ".type == " + o.rego
						}
						return [][]string{{listed}}
					})
				}}}
		}
		fn := [3]string{"rule.sound(", "rule.broken(", "rule.lacking("}
		if n.op == opVerified {
			fn = [3]string{"rule.verified(", "rule.altered(", "rule.unverifiable("}
		}
		j.holds, j.breaks, j.detail, j.lack = []string{fn[0] + e + ")"}, []string{fn[1] + e + ")"}, fn[1]+e+")", fn[2]+e+")"
	case opFresh:
		args := x + ", " + o.rego + ")"
		j.holds, j.simple, j.detail = []string{"rule.fresh(" + args}, true, "rule.stale("+args
	case opNotAuthor:
		j.needs = []need{{given: "count(input.manifest.metadata.authors) > 0", missing: plainly("metadata.authors is not stated"),
			call: func() string {
				return g.defined("authored", n, "", func(string) string { return "count(input.manifest.metadata.authors) > 0" })
			}}}
		j.holds, j.simple, j.detail = []string{"rule.not_author(" + x + ")"}, true, "rule.not_independent("+x+")"
	case opReleased:
		j.holds, j.simple, j.wrong = []string{"input.releases[" + x + "]"}, true, is(", which has not been released")
	}
	return j
}

// stated puts the condition that a value is stated before another, unless it always is.
func stated(given, holds string) []string {
	if given == "" {
		return []string{holds}
	}
	return []string{given, holds}
}

// operandItem is the entry that an operand looks at, if it does.
func operandItem(o operand, item string) string {
	if o.each != nil && o.each.item || o.each == nil && o.field.item {
		return item
	}
	return ""
}

// members is what a value is looked up in.
func (g *generator) members(n *node, item string) string {
	o := n.operand
	switch {
	case o.each != nil:
		v := reference("entry", o.field.keys)
		if n.ignoreCase {
			v = "lower(" + v + ")"
		}
		return "{" + v + " | some entry in " + o.each.value(item) + "}"
	case o.list != "":
		l := reference("input.lists", []string{o.list})
		if !n.ignoreCase {
			return l
		}
		key := "any case " + o.list
		if g.kept[key] == "" {
			name := g.free("list_"+strings.ReplaceAll(o.list, "-", "_"), key)
			g.kept[key] = name
			g.declare(name, name+" := {lower(entry) | some entry in "+l+"}", n)
		}
		return g.kept[key]
	}
	return "{" + strings.Join(slices.Compact(slices.Sorted(slices.Values(o.values))), ", ") + "}"
}

func (g *generator) compare(j *judgement, n *node, x string, o operand, is func(string) sentence) {
	c := comparison[n.op]
	j.simple, j.wrong = true, is(fmt.Sprintf(", want %s %s", c.words, o.shown))
	if o.limit != nil {
		limit := reference("input.thresholds", o.limit)
		o.rego = limit
		j.needs = []need{{given: "is_number(" + limit + ")", missing: plainly("%s is not set in .lumos/config.yaml", o.shown),
			call: func() string {
				return g.defined("set_"+n.id, n, "", func(string) string { return "is_number(" + limit + ")" })
			}}}
		j.wrong = append(is(", want "+c.words+" "), word{verb: "%v", arg: limit}, word{text: " (" + o.shown + ")"})
	}
	if o.field != nil {
		verb := "%q"
		if n.field.field.kind == number {
			verb = "%v"
		}
		j.wrong = append(is(", want "+c.words+" "), word{verb: verb, arg: o.rego}, word{text: " (" + o.shown + ")"})
	}
	switch o.measure {
	case asOneOf:
		j.holds = []string{x + " in {" + strings.Join(o.values, ", ") + "}"}
		if len(o.values) == 1 {
			j.holds = []string{x + " == " + o.values[0]}
		}
	case asTime:
		j.holds = []string{"time.parse_rfc3339_ns(" + x + ") " + c.sign + " time.parse_rfc3339_ns(" + o.rego + ")"}
	case asRank:
		j.holds = []string{"lib.ranks[" + x + "] " + c.sign + " lib.ranks[" + o.rego + "]"}
	case "":
		j.holds = []string{x + " " + c.sign + " " + o.rego}
	default:
		right := o.rego
		if o.field != nil {
			right = o.measure + "(" + right + ")"
		}
		j.holds, j.simple = []string{o.measure + "(" + x + ") " + c.sign + " " + right}, false
	}
}

// count is how many entries of a list count.
func (g *generator) count(n *node, item string) string {
	l, entry := n.field.value(item), next(item)
	var lines []string
	if n.field.field.item.free() {
		lines = append(lines, "lib.says("+entry+")")
	}
	if n.where != nil {
		lines = append(lines, g.holds(n.where, entry)...)
	}
	if lines == nil {
		return "count(" + l + ")"
	}
	lines = once(lines)
	return "count([" + entry + " | some " + entry + " in " + l + "; " + strings.Join(lines, "; ") + "])"
}

// unstated is the condition that a leaf's field is not stated, which also takes one that is undefined.
func (g *generator) unstated(n *node, item string) string {
	if n.field.item && len(n.field.keys) == 0 {
		return "not " + g.isStated(n, item)
	}
	return "not " + g.defined("stated_"+n.id, n, own(n, item), func(item string) string { return g.isStated(n, item) })
}

// defined returns the call of a rule that holds when an expression does. The same expression has the same
// rule, whoever asks.
func (g *generator) defined(name string, n *node, item string, expression func(item string) string) string {
	inner := ""
	if item != "" {
		inner = "item"
	}
	key := expression(inner)
	kept, ok := g.kept[key]
	if !ok {
		call := g.helper(name, n, item, func(item string) [][]string { return [][]string{{expression(item)}} })
		kept, _, _ = strings.Cut(call, "(")
		g.kept[key] = kept
	}
	if item != "" {
		kept += "(" + item + ")"
	}
	return kept
}

// isStated is the condition that a leaf's field is stated.
func (g *generator) isStated(n *node, item string) string {
	if n.op == opMinCount {
		return g.count(n, item) + " > 0"
	}
	return n.field.field.given(n.field.value(item))
}

// holds are the expressions that are all true exactly when the node holds.
func (g *generator) holds(n *node, item string) []string {
	switch n.form {
	case leaf:
		if n.absent == "holds" {
			return []string{g.helper("passes_"+n.id, n, own(n, item), func(item string) [][]string {
				return [][]string{{g.unstated(n, item)}, g.judge(n, item).holds}
			})}
		}
		return g.judge(n, item).holds
	case all:
		return g.every(n, func(p *node) []string { return g.holds(p, item) })
	case anyOf:
		if len(n.parts) == 1 {
			return g.holds(n.parts[0], item)
		}
		return []string{g.helper("holds_"+n.id, n, own(n, item), func(item string) [][]string {
			return alternatives(n, func(p *node) []string { return g.holds(p, item) })
		})}
	case negate:
		return g.breaks(n.parts[0], item)
	}
	l, entry := n.list.value(item), next(item)
	if n.some {
		return []string{g.helper("holds_"+n.id, n, own(n, item), func(item string) [][]string {
			return [][]string{g.among(n, item, func(entry string) []string { return g.holds(n.parts[0], entry) })}
		})}
	}
	if n.where == nil {
		return []string{"count(" + l + ") > 0", loop(entry, l, g.holds(n.parts[0], entry))}
	}
	settled := g.helper("settled_"+n.id, n, entry, func(entry string) [][]string {
		return [][]string{g.breaks(n.where, entry), append(g.holds(n.where, entry), g.holds(n.parts[0], entry)...)}
	})
	return []string{g.anyEntry(n, item), loop(entry, l, []string{settled})}
}

// breaks are the expressions that are all true exactly when the node fails.
func (g *generator) breaks(n *node, item string) []string {
	switch n.form {
	case leaf:
		j := g.judge(n, item)
		if n.absent == "fails" { // whatever is undefined in it
			return []string{"not " + g.helper("holds_"+n.id, n, own(n, item), func(item string) [][]string { return [][]string{g.judge(n, item).holds} })}
		}
		if j.two && j.breaks == nil {
			return []string{g.contrary(n, item, j)}
		}
		return append(g.judgeable(j), g.fails(n, item, j)...)
	case all:
		if len(n.parts) == 1 {
			return g.breaks(n.parts[0], item)
		}
		return []string{g.helper("breaks_"+n.id, n, own(n, item), func(item string) [][]string {
			return alternatives(n, func(p *node) []string { return g.breaks(p, item) })
		})}
	case anyOf:
		return g.every(n, func(p *node) []string { return g.breaks(p, item) })
	case negate:
		return g.holds(n.parts[0], item)
	}
	l, entry := n.list.value(item), next(item)
	if !n.some {
		return []string{g.helper("breaks_"+n.id, n, own(n, item), func(item string) [][]string {
			return [][]string{g.among(n, item, func(entry string) []string { return g.breaks(n.parts[0], entry) })}
		})}
	}
	if n.where == nil {
		return []string{"count(" + l + ") > 0", loop(entry, l, g.breaks(n.parts[0], entry))}
	}
	dismissed := g.helper("dismissed_"+n.id, n, entry, func(entry string) [][]string {
		return [][]string{g.breaks(n.where, entry), append(g.holds(n.where, entry), g.breaks(n.parts[0], entry)...)}
	})
	return []string{g.anyEntry(n, item), loop(entry, l, []string{dismissed})}
}

// judgeable are the expressions that are all true when a leaf can be judged.
func (g *generator) judgeable(j judgement) []string {
	var lines []string
	if j.given != "" {
		lines = append(lines, j.given)
	}
	for _, n := range j.needs {
		lines = append(lines, n.given)
	}
	return lines
}

// fails are the expressions that are all true when a leaf that can be judged fails.
func (g *generator) fails(n *node, item string, j judgement) []string {
	if j.breaks != nil {
		if len(j.breaks) == 1 && j.breaks[0] == j.given {
			return nil
		}
		return j.breaks
	}
	return []string{g.contrary(n, item, j)}
}

// contrary says that a leaf does not hold.
func (g *generator) contrary(n *node, item string, j judgement) string {
	if j.simple {
		return "not " + j.holds[0]
	}
	if n.op == opPresent && !n.field.field.free() || n.op == opMinCount && n.operand.count == 1 {
		return g.unstated(n, item)
	}
	return "not " + g.helper("holds_"+n.id, n, own(n, item), func(item string) [][]string { return [][]string{g.judge(n, item).holds} })
}

// anyEntry says that a list has an entry that counts.
func (g *generator) anyEntry(n *node, item string) string {
	outer := ""
	if n.list.item {
		outer = item
	}
	if n.where == nil {
		return g.defined("any_"+n.id, n, outer, func(item string) string { return "count(" + n.list.value(item) + ") > 0" })
	}
	return g.helper("any_"+n.id, n, outer, func(item string) [][]string {
		return [][]string{g.among(n, item, func(string) []string { return nil })}
	})
}

// among are the expressions that hold when some entry that counts is as it is said.
func (g *generator) among(n *node, item string, said func(entry string) []string) []string {
	entry := next(item)
	lines := []string{"some " + entry + " in " + n.list.value(item)}
	if n.where != nil {
		lines = append(lines, g.holds(n.where, entry)...)
	}
	return append(lines, said(entry)...)
}

func loop(entry, l string, lines []string) string {
	return "every " + entry + " in " + l + " {\n" + strings.Join(lines, "\n") + "\n}"
}

func (g *generator) every(n *node, lines func(*node) []string) []string {
	return once(slices.Concat(alternatives(n, lines)...))
}

func alternatives(n *node, lines func(*node) []string) [][]string {
	var out [][]string
	for _, p := range n.parts {
		out = append(out, lines(p))
	}
	return out
}

// canBeUnknown tells whether a node can be missing.
func (n *node) canBeUnknown() bool {
	switch n.form {
	case leaf:
		switch n.op {
		case opPresent, opAbsent, opMinCount:
			return false
		case opHasEvidence:
			return n.field != nil
		}
		o := n.operand
		if n.absent == "fails" {
			return false
		}
		return !n.field.field.always && n.absent == "" || o.limit != nil || o.each != nil || o.field != nil && !o.field.field.always || n.op == opNotAuthor || n.op == opVerified
	case each:
		return true
	}
	return slices.ContainsFunc(n.parts, (*node).canBeUnknown)
}

// locate gives every part of the module the place in the YAML that it comes from. It is also a check:
// what was parsed must be what was written, rule by rule.
func (g *generator) locate(m *ast.Module, file string) error {
	var decls []decl
	for _, s := range g.sections {
		decls = append(decls, s.decls...)
	}
	if len(decls) != len(m.Rules) {
		return fmt.Errorf("%d rules were written, %d read", len(decls), len(m.Rules))
	}
	place := func(x any, line, col int) {
		loc := &ast.Location{File: file, Row: line, Col: col}
		ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.Rule:
				x.Location = loc
			case *ast.Head:
				x.Location = loc
			case *ast.Expr:
				x.Location = loc
			case *ast.SomeDecl:
				x.Location = loc
			case *ast.Every:
				x.Location = loc
			case *ast.With:
				x.Location = loc
			case *ast.Package:
				x.Location = loc
			case *ast.Import:
				x.Location = loc
			case *ast.Comment:
				x.Location = loc
			case *ast.Annotations:
				x.Location = loc
			case *ast.Term:
				if x.Location != nil { // else it is one that all modules share
					x.Location = loc
				}
			}
			return false
		}).Walk(x)
	}
	for i, r := range m.Rules {
		if r.Head.Name.String() != decls[i].name || decls[i].lines != nil && len(decls[i].lines) != len(r.Body) {
			return fmt.Errorf("the rule %s was written, %s read", decls[i].name, r.Head.Name)
		}
		place(r, decls[i].line, decls[i].col)
		for j, n := range decls[i].lines {
			place(r.Body[j], n.line, n.col)
		}
	}
	rules := m.Rules
	m.Rules = nil
	place(m, 1, 1)
	m.Rules = rules
	return nil
}

// control writes the whole module.
func (g *generator) control(r *Rule, pkg string) string {
	guards := []string{"not pass"}
	if r.when != nil {
		g.section("It applies when " + r.when.describe(true) + ".")
		g.applicable(r.when)
		guards = append(guards, "applies")
	}
	if r.mandatoryWhen != nil {
		g.section("It is mandatory when " + r.mandatoryWhen.describe(true) + ".")
		g.declare("mandatory", "mandatory"+body(g.holds(r.mandatoryWhen, "")), r.mandatoryWhen)
	}
	var proof []string
	var from []*node
	prove := func(n *node, lines ...string) {
		for _, l := range lines {
			if !slices.Contains(proof, l) {
				proof, from = append(proof, l), append(from, n)
			}
		}
	}
	if r.when != nil {
		prove(r.when, "applies")
	}
	conditional := true
	for i, n := range r.rules {
		g.section(fmt.Sprintf("Rule %d: %s.", i+1, n.describe(true)))
		if n.when != nil {
			g.current.comment = fmt.Sprintf("Rule %d, when %s: %s.", i+1, n.when.describe(true), n.describe(true))
		}
		prove(n, g.rule(n, guards)...)
		conditional = conditional && n.when != nil
	}
	if conditional {
		g.section("None of the rules is asked.")
		var lines []string
		var words []string
		for _, n := range r.rules {
			lines = append(lines, g.breaks(n.when, "")...)
			words = append(words, n.when.describe(false))
		}
		g.declare("not_applicable", "not_applicable contains "+quoted(strings.Join(words, "; "))+body(lines), r.rules[0])
	}
	g.section("")
	g.declare("pass", "pass"+body(proof), nil)
	g.current.decls[0].lines = from

	var out strings.Builder
	r.metadata(&out)
	fmt.Fprintf(&out, "package %s\n", pkg)
	var decls strings.Builder
	for _, s := range g.sections {
		decls.WriteString("\n")
		if s.comment != "" && len(s.decls) > 0 {
			for _, line := range wrap(oneLine(s.comment, 600), 110) {
				decls.WriteString("# " + line + "\n")
			}
		}
		for _, d := range s.decls {
			decls.WriteString(d.text + "\n\n")
		}
	}
	for _, lib := range []string{"lib", "rule"} {
		if strings.Contains(decls.String(), lib+".") {
			fmt.Fprintf(&out, "\nimport data.lumos.%s", lib)
		}
	}
	return out.String() + "\n" + decls.String()
}

// metadata writes the block that describes a control in Rego.
func (r *Rule) metadata(out *strings.Builder) {
	line := func(format string, args ...any) { fmt.Fprintf(out, "# "+format+"\n", args...) }
	line("METADATA")
	line("title: %s", yamlText(r.Title))
	if lines, ok := folded(r.Description); ok {
		line("description: >-")
		for _, l := range lines {
			line("  %s", l)
		}
	} else {
		line("description: %s", yamlQuoted(r.Description))
	}
	line("schemas:")
	line("  - input: schema.input")
	line("custom:")
	line("  id: %s", r.ID)
	line("  severity: %s", r.Severity)
	line("  mode: %s", r.Mode)
	if words := r.MandatoryWhenText(); words != "" {
		line("  mandatory_when: %s", yamlQuoted(words))
	}
	if r.EffectiveFrom != "" {
		line("  effective_from: %s", yamlQuoted(r.EffectiveFrom))
	}
	if r.SupersededBy != "" {
		line("  superseded_by: %s", r.SupersededBy)
	}
	line("  remediation: %s", yamlQuoted(r.Remediation))
	if len(r.Frameworks) == 0 {
		line("  frameworks: {}")
		return
	}
	line("  frameworks:")
	for _, name := range slices.Sorted(maps.Keys(r.Frameworks)) {
		line("    %s: %s", name, jsonList(r.Frameworks[name]))
	}
}
