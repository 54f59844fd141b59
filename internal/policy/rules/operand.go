package rules

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/document"
)

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
			if near := document.Nearest(v, f.enum); near != "" {
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
