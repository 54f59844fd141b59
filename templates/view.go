package templates

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
)

// StatusMarker begins the one comment that Lumos keeps on a pull request. Anybody can write it: it
// finds the comment only among our own.
const StatusMarker = "<!-- lumos:status -->"

// View is everything that a page about a pull request may show.
type View struct {
	PR       forge.PullRequest
	Snapshot *forge.Snapshot // for the changed files; may be nil
	Reports  []policy.Report // one for each manifest, by path
	Problems []string        // why the configuration or the policies cannot be trusted
	Verdict  approval.Verdict
	Links    Links
	Stage    Stage // the zero Stage is read off the pull request and the verdict
}

// Links says where a page's links lead. Without it there are none.
type Links struct {
	Blob string // shows a file at a commit when followed by /<commit>/<path>: "https://github.com/acme/models/blob"
}

// Stage is how far a pull request has come.
type Stage int

// The stages, in order; each includes those before it.
const (
	StageAuto Stage = iota
	StageOpened
	StageChecked
	StageApproved
	StageMerged
	StageRecorded // in the audit log
)

// CheckText is what a check run says. Title is plain text of at most 255 characters; Summary and
// Text are Markdown of less than 65,535 bytes each.
type CheckText struct {
	Title, Summary, Text string
}

func (v View) noun() md {
	if v.PR.Platform == forge.GitLab {
		return "merge request"
	}
	return "pull request"
}

// stage is the last stage that is complete.
func (v View) stage() Stage {
	switch {
	case v.Stage != StageAuto:
		return v.Stage
	case v.PR.State == forge.Merged:
		return StageMerged
	case v.Verdict.State == approval.Approved:
		return StageApproved
	case v.tally().blocking() > 0:
		return StageOpened
	}
	return StageChecked
}

// problems lists why the policy cannot be trusted, each once.
func (v View) problems() []string {
	var all []string
	seen := map[string]bool{}
	add := func(problems []string) {
		for _, p := range problems {
			if !seen[p] {
				seen[p] = true
				all = append(all, p)
			}
		}
	}
	add(v.Problems)
	for _, r := range v.Reports {
		add(r.Problems)
	}
	return all
}

// notices lists what will matter soon, each once.
func (v View) notices() []string {
	var all []string
	for _, r := range v.Reports {
		for _, n := range r.Notices {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// sources lists the data from outside that the reports rest on, each once.
func (v View) sources() []policy.SourceUse {
	var all []policy.SourceUse
	for _, r := range v.Reports {
		for _, s := range r.Sources {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// later lists the controls that do not count yet, those that come first before the others.
func (v View) later() []openControl {
	var all []openControl
	for _, r := range v.Reports {
		for _, c := range r.Controls {
			if c.EffectiveFrom != "" && c.Outcome == policy.NotApplicable {
				all = append(all, openControl{report: r, control: c})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b openControl) int { return cmp.Compare(a.control.EffectiveFrom, b.control.EffectiveFrom) })
	return all
}

// maxLink bounds a link's address: a longer path is shown, but leads nowhere.
const maxLink = 1000

// blob is the address of a line of a file at the head, or "".
func (v View) blob(path string, line int) string {
	if v.Links.Blob == "" || v.PR.Head.SHA == "" || path == "" {
		return ""
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	u := v.Links.Blob + "/" + url.PathEscape(v.PR.Head.SHA) + "/" + strings.Join(segments, "/")
	if line > 0 {
		u += fmt.Sprintf("#L%d", line)
	}
	return webAddress(u)
}

// webAddress returns u if it can be a link's destination as it is, else "".
func webAddress(u string) string {
	if len(u) > maxLink || !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		return ""
	}
	for _, r := range u {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>[]\\`\"'|*_", r) && r != '_' {
			return ""
		}
	}
	return u
}

// link is our own words leading to an address, or the words alone.
func link(words md, address string) md {
	if address == "" {
		return words
	}
	return "[" + words + "](" + md(address) + ")"
}

// grade ranks a control's outcome by how much it stands in the way.
type grade int

const (
	settled   grade = iota // passed or not applicable
	waived                 // open, with a valid waiver
	weighted               // open, and lowers the score only
	mandatory              // open, and blocks
	critical               // open, blocks and pauses
	errored                // could not be evaluated: blocks
)

func gradeOf(r policy.Result) grade {
	switch {
	case r.Outcome == policy.Pass, r.Outcome == policy.NotApplicable:
		return settled
	case r.Outcome == policy.Waived:
		return waived
	case r.Outcome != policy.Fail && r.Outcome != policy.Missing:
		return errored // and whatever is not known: never a pass
	case r.Severity == policy.Critical:
		return critical
	case r.Open():
		return mandatory
	}
	return weighted
}

var gradeWords = [...]struct{ icon, word string }{
	settled:   {"✅", "settled"},
	waived:    {"📝", "waived"},
	weighted:  {"🟡", "weighted"},
	mandatory: {"🟠", "mandatory"},
	critical:  {"🔴", "critical"},
	errored:   {"⚠️", "error"},
}

// tally counts what the reports found.
type tally struct {
	grades   [errored + 1]int
	invalid  int // manifests that could not be read
	problems int
}

func (v View) tally() tally {
	t := tallyOf(v.Reports)
	t.problems = len(v.problems())
	return t
}

func tallyOf(reports []policy.Report) tally {
	var t tally
	for _, r := range reports {
		if len(r.Invalid) > 0 {
			t.invalid++
		}
		for _, c := range r.Controls {
			t.grades[gradeOf(c)]++
		}
	}
	return t
}

func (t tally) blocking() int {
	return t.problems + t.invalid + t.grades[errored] + t.grades[critical] + t.grades[mandatory]
}

// words says what is open, worst first: "2 critical and 1 mandatory gaps, 1 waived", or "no gaps".
func (t tally) words() string {
	var all []string
	if n := t.grades[errored]; n > 0 {
		all = append(all, plural(n, "control")+" in error")
	}
	if open := t.gaps(); open != "" {
		all = append(all, open)
	}
	if len(all) == 0 {
		all = append(all, "no gaps")
	}
	if n := t.grades[waived]; n > 0 {
		all = append(all, fmt.Sprintf("%d waived", n))
	}
	return strings.Join(all, ", ")
}

func (t tally) gaps() string {
	var parts []string
	gaps := 0
	for _, g := range []grade{critical, mandatory, weighted} {
		if n := t.grades[g]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, gradeWords[g].word))
			gaps += n
		}
	}
	switch gaps {
	case 0:
		return ""
	case 1:
		return parts[0] + " gap"
	}
	return enumerate(parts, "and") + " gaps"
}

// blockers is words for what blocks alone; "" when nothing does.
func (t tally) blockers() string {
	switch {
	case t.problems > 0:
		return "the policy cannot be trusted"
	case t.invalid > 0:
		return plural(t.invalid, "manifest") + " cannot be read"
	case t.grades[errored] > 0:
		return plural(t.grades[errored], "control") + " could not be evaluated"
	case t.blocking() > 0:
		t.grades[weighted] = 0
		return t.gaps()
	}
	return ""
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// enumerate joins as people do: "a, b and c".
func enumerate(parts []string, last string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	n := len(parts) - 1
	return strings.Join(parts[:n], ", ") + " " + last + " " + parts[n]
}

// headline is the verdict in one line of plain text, and its sign.
func (v View) headline() (sign, words string) {
	d := v.Verdict
	switch {
	case d.Kind == approval.KindOther || d.State == approval.NotGoverned:
		return "⚪", "Nothing to govern here"
	case v.stage() == StageRecorded:
		return "🏁", "Released: merged and on the record"
	case v.PR.State == forge.Merged && d.State == approval.Approved:
		return "🏁", "Merged: going on the record"
	case v.PR.State == forge.Merged:
		return "⛔", "Merged without an approval by Lumos"
	case v.PR.State == forge.Closed:
		return "⚪", "Closed without a release"
	}
	because := v.tally().blockers()
	if because == "" {
		because = strings.TrimPrefix(strings.TrimPrefix(d.Summary, "Refused: "), "Waiting: ")
	}
	switch d.State {
	case approval.Approved:
		if d.Merge {
			return "✅", "Approved: merging"
		}
		return "✅", "Approved: ready to merge"
	case approval.Waiting:
		if d.Paused {
			return "⏸️", "Paused: " + because
		}
		if asks := askWords(d.Ask); asks != "" {
			return "⏳", "Waiting for " + asks
		}
		return "⏳", after("Waiting", d.Summary)
	}
	if d.Paused {
		return "⛔", "Refused and paused: " + because
	}
	return "⛔", after("Refused", because)
}

// after puts a sentence behind the state it explains, unless it already begins with that word.
func after(state, sentence string) string {
	switch {
	case sentence == "":
		return state
	case len(sentence) >= len(state) && strings.EqualFold(sentence[:len(state)], state):
		return state + sentence[len(state):]
	}
	return state + ": " + sentence
}

// askWords says whose approval is missing, in a few words; "" when nobody is asked.
func askWords(asks []approval.Ask) string {
	const shown = 2
	var parts []string
	for i, a := range asks {
		if i == shown {
			parts = append(parts, fmt.Sprintf("%d more", len(asks)-shown))
			break
		}
		who := append([]string{}, a.Who[:min(shown, len(a.Who))]...)
		if rest := len(a.Who) - len(who); rest > 0 {
			who = append(who, plural(rest, "other"))
		}
		approvals := "an approval"
		if a.Need > 1 {
			approvals = plural(a.Need, "approval")
		}
		if len(who) == 0 {
			parts = append(parts, approvals)
			continue
		}
		parts = append(parts, approvals+" by "+enumerate(who, "or"))
	}
	return enumerate(parts, "and")
}
