package rules

import (
	"slices"
	"strings"
)

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
