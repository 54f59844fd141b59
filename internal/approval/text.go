package approval

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/owners"
	"github.com/lumos-governance/lumos/internal/policy"
)

// maxDetail bounds what one piece of foreign text may take of a detail, in characters.
const maxDetail = 300

// oneLine makes foreign text fit for a detail: one line, nothing invisible, not too long. It does
// not escape: whoever renders a verdict does that for his medium.
func oneLine(s string) string { return clip(strings.Join(strings.Fields(visible(s)), " "), maxDetail) }

// name shows a path: as it is, or quoted when it is not what it seems.
func name(path string) string {
	if owners.Suspicious(path) != "" {
		return strconv.QuoteToASCII(path)
	}
	return path
}

// short is the usual short form of a commit id.
func short(sha string) string {
	if sha == "" {
		return "an unknown commit"
	}
	return sha[:min(7, len(sha))]
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func countVerb(n int, noun, one, many string) string {
	if n == 1 {
		return count(n, noun) + " " + one
	}
	return count(n, noun) + " " + many
}

// listSome joins the first n items and counts the others.
func listSome(items []string, n int) string {
	var b strings.Builder
	for i, item := range items[:min(n, len(items))] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(oneLine(item))
	}
	if more := len(items) - n; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

func listAnd(items []string) string { return listWith(items, "and") }
func listOr(items []string) string  { return listWith(items, "or") }

func listWith(items []string, word string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " " + word + " " + items[last]
}

// worst joins the details of the first children that are not met.
func worst(children []Node) string {
	var faults []string
	for _, c := range children {
		if !c.Met {
			faults = append(faults, c.Title+": "+c.Detail)
		}
	}
	return listSome(faults, 2)
}

func tenths(t *policy.Tenths) string {
	if t == nil {
		return "none"
	}
	return t.String()
}
