package templates

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lumos-governance/lumos/internal/policy"
)

// The colours of a terminal (ECMA-48 SGR).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

const minWidth = 40 // narrower than this nothing is readable, so lines run over

// Terminal is the reports as text of width columns: what is open first and worst first, each place
// as path:line:column, which terminals and editors open. The caller decides about colour.
func Terminal(reports []policy.Report, colour bool, width int) string {
	t := terminal{colour: colour, width: max(width, minWidth)}
	for _, p := range (View{Reports: reports}).problems() {
		t.line(0, t.paint(red, "✗ ")+t.paint(bold, "the policy cannot be trusted"))
		t.wrap(4, p)
		t.line(0, "")
	}
	for i, r := range reports {
		if i > 0 {
			t.line(0, "")
		}
		t.report(r)
	}
	return t.b.String()
}

// Line is what can be seen of a stranger's text, on one line of at most max characters: safe for a
// terminal, and for a log.
func Line(s string, max int) string { return clean(s, max) }

type terminal struct {
	b      strings.Builder
	colour bool
	width  int
}

var conclusionWords = map[policy.Conclusion]struct{ colour, word string }{
	policy.Errored:        {red, "ERROR"},
	policy.Blocked:        {red, "BLOCKED"},
	policy.NeedsApproval:  {yellow, "NEEDS APPROVAL"},
	policy.AutoApprovable: {green, "AUTO-APPROVABLE"},
}

func (t *terminal) report(r policy.Report) {
	name := clean(r.Path, maxTitle)
	if r.Model != "" {
		name = clean(r.Model+" "+r.Version, maxTitle) + t.paint(dim, "  "+name)
	}
	t.line(0, t.paint(bold, name))
	verdict, known := conclusionWords[r.Conclusion]
	if !known {
		verdict = conclusionWords[policy.Errored]
	}
	if len(r.Invalid) > 0 {
		t.line(0, t.paint(verdict.colour, verdict.word)+"  the manifest cannot be read")
		for _, e := range r.Invalid {
			t.finding("✗", red, pathOf(e, r.Path), e.Line, e.Column, e.Message)
			if e.Hint != "" {
				t.wrap(4, "fix: "+e.Hint)
			}
		}
		return
	}
	t.line(0, fmt.Sprintf("%s  score %s  coverage %s  tier %s", t.paint(verdict.colour, verdict.word),
		t.paint(bold, string(tenths(r.Score))), percent(r.Coverage), clean(string(r.Tier.Effective), maxName)))
	t.wrap(2, tallyOf([]policy.Report{r}).words())
	if r.Tier.Reason != "" {
		t.wrap(2, "tier: "+r.Tier.Reason)
	}
	if len(r.Notices) > 0 {
		t.line(0, "")
		t.line(0, t.paint(yellow, "! ")+t.paint(bold, "soon"))
	}
	for _, n := range r.Notices {
		t.wrap(4, n)
	}
	t.controls(r)
	t.rest(r)
	t.line(0, "")
	t.line(0, t.counts(r))
}

var gradeColours = [...]string{settled: green, waived: cyan, weighted: yellow, mandatory: red, critical: red, errored: red}
var gradeSigns = [...]string{settled: "✓", waived: "~", weighted: "!", mandatory: "✗", critical: "✗", errored: "✗"}

func (t *terminal) controls(r policy.Report) {
	open := slices.DeleteFunc(slices.Clone(r.Controls), func(c policy.Result) bool { return gradeOf(c) == settled })
	slices.SortStableFunc(open, func(a, b policy.Result) int { return cmp.Compare(gradeOf(b), gradeOf(a)) })
	ids := 0
	for _, c := range open {
		ids = max(ids, utf8.RuneCountInString(clean(c.ID, maxName)))
	}
	for _, c := range open {
		g := gradeOf(c)
		t.line(0, "")
		t.line(0, fmt.Sprintf("%s %s  %s  %s", t.paint(gradeColours[g], gradeSigns[g]), t.paint(bold, pad(clean(c.ID, maxName), ids)),
			t.paint(gradeColours[g], pad(gradeWords[g].word, len("mandatory"))), clean(c.Title, maxTitle)))
		for _, f := range findingsOf(c) {
			t.finding("", "", r.Path, f.Line, f.Column, cmp.Or(f.Message, c.Title))
			if f.Fix != nil {
				t.wrap(4, "should be "+f.Fix.Value)
			}
		}
		switch {
		case c.Waiver != nil:
			t.wrap(4, "waived until "+c.Waiver.ExpiresAt+": "+c.Waiver.Reason)
		case c.Remediation != "":
			t.wrap(4, "fix: "+c.Remediation)
		}
	}
}

// rest is what does not stand in the way: controls that do not count yet, the same controls by framework,
// and the data from outside.
func (t *terminal) rest(r policy.Report) {
	v := View{Reports: []policy.Report{r}}
	if all := v.later(); len(all) > 0 {
		t.heading("not yet in force")
		for _, o := range all {
			t.wrap(2, o.control.ID+" "+o.control.Title+": "+cmp.Or(o.control.Reason, "takes effect on "+o.control.EffectiveFrom))
		}
	}
	if len(r.Frameworks) > 0 {
		t.heading("by framework")
	}
	for _, f := range r.Frameworks {
		line := frameworkName(f) + ": no control applies"
		if f.Score != nil {
			line = fmt.Sprintf("%s: score %s, coverage %s", frameworkName(f), f.Score, percent(f.Coverage))
		}
		if n := len(f.Unverified); n > 0 {
			line += ", " + plural(n, "unverified id")
		}
		t.wrap(2, line)
	}
	if len(r.Sources) > 0 {
		t.heading("data from outside the repository")
	}
	for _, s := range r.Sources {
		line := s.Name + " " + shortDigest(s.Digest)
		if s.Since != "" {
			line += ", the same since " + s.Since
		}
		if s.Error != "" {
			line = s.Name + " could not be read: " + s.Error
		}
		t.wrap(2, line)
	}
}

func (t *terminal) heading(words string) {
	t.line(0, "")
	t.line(0, t.paint(dim, words))
}

// finding prints a place on a line of its own, so that it stays whole and can be clicked.
func (t *terminal) finding(sign, colour, path string, line, column int, message string) {
	if sign != "" {
		sign = t.paint(colour, sign) + " "
	}
	place := clean(path, maxTitle)
	if line > 0 {
		place += fmt.Sprintf(":%d", line)
		if column > 0 {
			place += fmt.Sprintf(":%d", column)
		}
	}
	t.line(2, sign+t.paint(cyan, place))
	t.wrap(4, message)
}

func (t *terminal) counts(r policy.Report) string {
	var parts []string
	for _, o := range []policy.Outcome{policy.Pass, policy.Fail, policy.Missing, policy.Error, policy.Waived, policy.NotApplicable} {
		if n := r.Count(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(o), "-", " ")))
		}
	}
	if len(parts) == 0 {
		return "no controls"
	}
	return fmt.Sprintf("%s: %s", plural(len(r.Controls), "control"), strings.Join(parts, " · "))
}

func (t *terminal) line(indent int, s string) {
	if s != "" {
		t.b.WriteString(strings.Repeat(" ", indent) + s)
	}
	t.b.WriteByte('\n')
}

// wrap prints untrusted text in lines of the width, broken between words.
func (t *terminal) wrap(indent int, s string) {
	line := ""
	for _, w := range strings.Fields(clean(s, maxMessage)) {
		if line != "" && indent+utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > t.width {
			t.line(indent, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	if line != "" {
		t.line(indent, line)
	}
}

func (t *terminal) paint(colour, s string) string {
	if !t.colour || colour == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
