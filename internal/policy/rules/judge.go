package rules

import (
	"fmt"
	"slices"
	"strings"
)

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
			g.declare(name, name+" := rule.lowered("+l+")", n)
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
