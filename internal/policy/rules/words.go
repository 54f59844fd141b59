package rules

import (
	"fmt"
	"strings"
	"unicode"
)

// describe says in words what a node asks, or the contrary.
func (n *node) describe(holds bool) string {
	switch n.form {
	case leaf:
		return n.leafWords("", holds)
	case negate:
		return n.parts[0].describe(!holds)
	case each:
		return n.eachWords(holds)
	}
	word := " and "
	if (n.form == anyOf) == holds {
		word = " or "
	}
	parts := make([]string, len(n.parts))
	for i, p := range n.parts {
		parts[i] = p.describe(holds)
		if len(n.parts) > 1 && len(p.parts) > 1 && p.form != each {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, word)
}

func (n *node) eachWords(holds bool) string {
	quantity := map[[2]bool]string{{false, true}: "every", {false, false}: "not every", {true, true}: "some", {true, false}: "no"}[[2]bool{n.some, holds}]
	inner := n
	for inner.form == each && inner.parts[0].form == each {
		inner = inner.parts[0]
	}
	where := ""
	if inner.where != nil {
		where = " where " + inner.where.describe(true)
	}
	body := inner.parts[0]
	if body.form == leaf {
		return body.leafWords(quantity+" ", true) + where
	}
	return fmt.Sprintf("%s entry of %s%s is such that %s", quantity, inner.shown, where, body.describe(true))
}

// called is the name of a field in sentences.
func called(shown string) string {
	switch shown {
	case "tier.effective":
		return "the tier"
	case "tier.derived":
		return "the derived tier"
	case "tier.declared":
		return "the declared tier"
	case "item":
		return "it"
	}
	return strings.TrimPrefix(shown, "item.")
}

func (n *node) leafWords(quantity string, holds bool) string {
	if n.op == opHasEvidence && n.field == nil {
		if holds {
			return "there is evidence of type " + n.operand.shown
		}
		return "there is no evidence of type " + n.operand.shown
	}
	words, contrary := n.predicate()
	if !holds {
		words = contrary
	}
	return quantity + called(n.shown) + " " + words
}

// predicate is what an operator says of its field, and the contrary.
func (n *node) predicate() (words, contrary string) {
	o := n.operand
	among, not := "is on "+o.shown, "is not on "+o.shown
	switch {
	case o.field != nil:
		among, not = "is among "+o.shown, "is not among "+o.shown
	case o.list == "" && len(o.values) == 1:
		among, not = "is "+o.shown, "is not "+o.shown
	case o.list == "":
		among, not = "is "+o.shown, "is neither "+enumerate(o.words, "nor")
	}
	switch n.op {
	case opPresent, opSays:
		return "is stated", "is not stated"
	case opAbsent:
		return "is not stated", "is stated"
	case opEquals:
		return "is " + o.shown, "is not " + o.shown
	case opNotEquals:
		return "is other than " + o.shown, "is " + o.shown
	case opInList:
		return among, not
	case opNotInList:
		return not, among
	case opMatches:
		return "matches " + o.shown, "does not match " + o.shown
	case opMinCount:
		where := ""
		if n.where != nil {
			where = " where " + n.where.describe(true)
		}
		if o.count == 1 {
			return "has an entry" + where, "has no entry" + where
		}
		return fmt.Sprintf("has at least %d entries%s", o.count, where), fmt.Sprintf("has fewer than %d entries%s", o.count, where)
	case opHasEvidence:
		return "names evidence of type " + o.shown, "names no evidence of type " + o.shown
	case opVerified:
		return "has the digest that is stated", "does not have the digest that is stated"
	case opFresh:
		return "is at most " + o.shown + " old", "is not at most " + o.shown + " old"
	case opNotAuthor:
		return "is no author of the release", "is an author of the release"
	case opReleased:
		return "has been released", "has not been released"
	}
	c := comparison[n.op]
	return "is " + c.words + " " + o.shown, "is " + c.not + " " + o.shown
}

// enumerate joins words with commas and a last word.
func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// oneLine makes a text fit for a comment: one line of visible characters, at most so many.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return s
}
