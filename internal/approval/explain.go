package approval

import (
	"fmt"
	"strings"
)

// Explain renders a verdict as plain text: the answer first, then every condition as a tree, every
// vote, who cannot approve, and who must still act. It holds no control or invisible characters, but
// it is not escaped for Markdown or HTML. Equal verdicts give equal text.
func Explain(v Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", oneLine(v.Summary))
	fmt.Fprintf(&b, "%s, %s", v.Kind, v.State)
	if v.Tier != "" {
		fmt.Fprintf(&b, ", %s tier", v.Tier)
	}
	if v.Paused {
		b.WriteString(", paused")
	}
	fmt.Fprintf(&b, "\nsubject %s, policy %s, head %s, base %s\n", shortDigest(v.Subject), shortDigest(v.Policy), short(v.Head), short(v.Base))

	b.WriteString("\nConditions\n")
	explainNodes(&b, v.Reasons, "  ")
	explainSection(&b, "Votes", len(v.Votes), func(i int) string {
		vote := v.Votes[i]
		text := fmt.Sprintf("%s %s by @%s: %s", vote.ID, vote.Action, vote.By.Login, vote.Reason)
		if vote.Text != "" {
			text += " (" + vote.Text + ")"
		}
		return mark(vote.Counted, false) + " " + text
	})
	explainSection(&b, "Cannot approve", len(v.Excluded), func(i int) string {
		return "@" + v.Excluded[i].Account.Login + ": " + listAnd(v.Excluded[i].Because)
	})
	explainSection(&b, "Must still act", len(v.Ask), func(i int) string {
		a := v.Ask[i]
		who := listOr(a.Who)
		if a.Need > 1 {
			who = fmt.Sprintf("%d of %s", a.Need, who)
		}
		return who + ": " + a.Why
	})
	return b.String()
}

func explainSection(b *strings.Builder, title string, n int, line func(int) string) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for i := range n {
		fmt.Fprintf(b, "  %s\n", strings.TrimSpace(visible(line(i))))
	}
}

func explainNodes(b *strings.Builder, nodes []Node, indent string) {
	for _, n := range nodes {
		fmt.Fprintf(b, "%s%s %s: %s\n", indent, mark(n.Met, n.Blocking), oneLine(n.Title), strings.TrimSpace(visible(n.Detail)))
		explainNodes(b, n.Children, indent+"    ")
	}
}

// mark shows an outcome in three letters, so that it can be read without colour or symbols.
func mark(met, blocking bool) string {
	switch {
	case met:
		return "yes"
	case blocking:
		return "NO "
	}
	return "-- "
}
