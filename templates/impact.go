package templates

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/policy"
)

// ImpactMarker begins the one comment on what a change of the rules does. Like StatusMarker it finds the
// comment only among our own.
const ImpactMarker = "<!-- lumos:impact -->"

// How many effects are told whole, and how many changed controls of each.
const (
	maxEffects  = 100
	maxControls = 5
)

// Impact is what people read about a change of the rules.
type Impact struct {
	*policy.Impact
	Where map[string]string // by path: where the release stands, such as "released" or "pull request #12"
	Left  int               // releases that were not judged, since there are too many
}

// order puts what would be stopped first, then what would no longer be, then the rest.
func (i Impact) order() []policy.Effect {
	rank := func(e policy.Effect) int {
		switch {
		case e.Worse():
			return 0
		case e.Better():
			return 1
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(i.Changed), func(a, b policy.Effect) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Path, b.Path))
	})
}

// Title sums the impact up in a line of plain text.
func (i Impact) Title() string {
	switch {
	case len(i.Problems) > 0:
		return "The changed rules cannot be used"
	case i.Before == i.After:
		return "The rules stay the same"
	case len(i.Changed) == 0:
		return "No release fares differently"
	}
	var parts []string
	if n := i.Worse(); n > 0 {
		parts = append(parts, plural(n, "release")+" would be stopped")
	}
	if n := i.Better(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d would no longer be stopped", n))
	}
	if n := len(i.Changed) - i.Worse() - i.Better(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d with other controls open", n))
	}
	title := strings.Join(parts, ", ")
	return strings.ToUpper(title[:1]) + title[1:]
}

// counted says how many releases were looked at.
func (i Impact) counted() string {
	text := fmt.Sprintf("%s judged under both", plural(i.Judged, "release"))
	if i.Left > 0 {
		text += fmt.Sprintf("; %d more were left out, since there are too many: run lumos policy impact on a clone", i.Left)
	}
	return text
}

// ImpactTerminal is an impact as text.
func ImpactTerminal(i Impact) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", i.Title(), i.counted())
	for _, p := range i.Problems {
		fmt.Fprintf(&b, "  %s\n", clean(p, maxMessage))
	}
	effects := i.order()
	for n, e := range effects {
		if n == maxEffects {
			fmt.Fprintf(&b, "\nand %d more: see --json\n", len(effects)-n)
			break
		}
		fmt.Fprintf(&b, "\n%s %s  %s\n  %s -> %s, score %s\n", effectSign(e), clean(effectName(e), maxTitle), clean(i.Where[e.Path], maxTitle),
			e.Before.Conclusion, e.After.Conclusion, scores(e))
		for _, p := range e.After.Problems {
			fmt.Fprintf(&b, "  %s\n", clean(p, maxMessage))
		}
		for n, c := range e.Controls {
			if n == maxControls {
				fmt.Fprintf(&b, "  and %s more\n", plural(len(e.Controls)-n, "control"))
				break
			}
			fmt.Fprintf(&b, "  %s %s: %s\n", clean(c.ID, maxName), clean(c.Title, maxTitle), became(c))
			if c.Why != "" {
				fmt.Fprintf(&b, "    %s\n", clean(c.Why, maxMessage))
			}
		}
	}
	return b.String()
}

// ImpactCheck is the check run on a change of the rules.
func ImpactCheck(i Impact) CheckText {
	return CheckText{Title: clean(i.Title(), maxTitle), Summary: impactMarkdown(i)}
}

// ImpactComment is the one comment on a change of the rules.
func ImpactComment(i Impact) string {
	return ImpactMarker + "\n### What this change of the rules does\n\n" + impactMarkdown(i)
}

func impactMarkdown(i Impact) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s.** %s.\n", i.Title(), capital(i.counted()))
	for n, p := range i.Problems {
		if n == maxControls {
			fmt.Fprintf(&b, "- and %d more\n", len(i.Problems)-n)
			break
		}
		fmt.Fprintf(&b, "\n- %s", prose(p, maxMessage))
	}
	effects := i.order()
	if len(effects) > 0 && len(i.Problems) > 0 {
		b.WriteString("\n")
	}
	if len(effects) > 0 {
		b.WriteString("\n| | release | now | with this change | score | because |\n|---|---|---|---|---|---|\n")
	}
	for n, e := range effects {
		if n == maxEffects || b.Len() > maxComment-5_000 {
			fmt.Fprintf(&b, "\nand %d more: `lumos policy impact` on a clone tells all of them.\n", len(effects)-n)
			break
		}
		var why []string
		for n, c := range e.Controls {
			if n == maxControls {
				why = append(why, fmt.Sprintf("and %s more", plural(len(e.Controls)-n, "control")))
				break
			}
			text := fmt.Sprintf("%s %s", codeCell(c.ID, maxName), became(c))
			if c.Why != "" {
				text += ": " + string(proseCell(c.Why, maxMessage))
			}
			why = append(why, text)
		}
		for _, p := range e.After.Problems {
			why = append(why, string(proseCell(p, maxMessage)))
		}
		name := string(codeCell(effectName(e), maxTitle))
		if where := i.Where[e.Path]; where != "" {
			name += ", " + where // our own words: a number becomes a link
		}
		fmt.Fprintf(&b, "| %s | %s | %s | **%s** | %s | %s |\n", effectSign(e), name, words(e.Before.Conclusion), words(e.After.Conclusion), scores(e), strings.Join(why, "<br>"))
	}
	b.WriteString("\nThis informs and decides nothing: every release is judged by the rules of the base branch, and this change by those too.\n")
	return b.String()
}

func effectName(e policy.Effect) string {
	if e.Model == "" {
		return e.Path
	}
	return e.Model + " " + e.Version
}

func effectSign(e policy.Effect) string {
	switch {
	case e.Worse():
		return "✗"
	case e.Better():
		return "✓"
	}
	return "~"
}

// became says how a control's outcome changed.
func became(c policy.ControlChange) string {
	word := func(o policy.Outcome) string { return strings.ReplaceAll(string(o), "-", " ") }
	switch {
	case c.Before == "":
		return "is new: " + word(c.After)
	case c.After == "":
		return "is gone, was " + word(c.Before)
	}
	return word(c.Before) + " → " + word(c.After)
}

// words is a conclusion for people.
func words(c policy.Conclusion) string {
	if c == policy.NeedsApproval {
		return "needs approval"
	}
	return string(c)
}

// scores says how the score changed, if it did.
func scores(e policy.Effect) string {
	before, after := string(tenths(e.Before.Score)), string(tenths(e.After.Score))
	if before == after {
		return before
	}
	return before + " → " + after
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
