package templates

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// How long one piece of text may be on a page, in characters.
const (
	maxName     = 100
	maxTitle    = 200
	maxSentence = 400
)

// limits says how many entries a page shows of each list.
type limits struct {
	main   int // what a reviewer must see
	detail int // what lies folded below
}

// page is a View put into words. Its fields are md, numbers and truths only.
type page struct {
	Sign, Headline, Summary md
	Kind                    md
	Noun                    md   // what the code host calls a pull request
	Several                 bool // more than one manifest
	Approved                bool
	Tally                   md

	Notices  list[md]
	Releases list[release]
	Problems list[md]
	Blocking list[gap]
	Weighted list[gap]
	Waived   list[gap]
	Asks     list[ask]
	Files    list[md]

	Flow     []step
	Packs    list[pack]
	Later    list[later]
	Sources  list[source]
	Votes    list[vote]
	Barred   list[barred]
	Nodes    list[node]
	Digests  []digest
	Commands []command
}

// list is the beginning of a longer list: More says how many entries are left out.
type list[T any] struct {
	Items []T
	More  int
}

// first puts the first n items into words, and those alone: a page costs what it shows.
func first[S, T any](items []S, n int, words func(S) T) list[T] {
	l := list[T]{More: max(0, len(items)-n)}
	for _, item := range items[:len(items)-l.More] {
		l.Items = append(l.Items, words(item))
	}
	return l
}

// sentences is first for untrusted sentences.
func sentences(items []string, n int) list[md] {
	return first(items, n, func(s string) md { return prose(s, maxSentence) })
}

type release struct {
	Name                  md
	Score, Coverage, Tier md
	Reason, Tally         md
	Previous              md
	Readable              bool
	Metrics, Changes      list[change]
	Frameworks            list[framework]
}

type gap struct {
	Sign, ID, Title, Grade md
	Release                md // set when there is more than one
	Findings               list[finding]
	Fix, Until             md
}

type finding struct{ Text, Should, Place md }

type change struct{ Title, Before, After, Arrow, Words md }

type framework struct {
	Name, Score, Coverage md
	Controls, Open        int
	Unverified            md // how many ids, where there are some
}

// later is a control that does not count yet.
type later struct{ ID, Title, Reason, Release md }

// source is compliance data from outside the repository.
type source struct{ Name, Digest, Since, Error md }

type pack struct {
	Name, Release md
	Controls      list[control]
}

type control struct {
	Sign, ID, Title, Severity, Outcome md
	Reason, References                 md
	Findings                           list[finding]
	Fix                                md
}

type ask struct{ Who, Why md }

type vote struct{ Sign, Who, Action, Reason, Text md }

type barred struct{ Who, Because md }

type node struct{ Indent, Sign, Title, Detail md }

type digest struct{ Name, Value md }

// newPage puts v into words, with at most so many entries in each list.
func newPage(v View, l limits) page {
	d := v.Verdict
	sign, words := v.headline()
	p := page{
		Sign: md(sign), Headline: prose(words, maxTitle), Summary: prose(d.Summary, maxSentence),
		Kind: kindWords[d.Kind], Noun: v.noun(), Several: len(v.Reports) > 1, Approved: d.State == approval.Approved,
		Tally: md(v.tally().words()), Flow: v.flow(), Commands: commands(),
		Notices:  sentences(v.notices(), l.main),
		Problems: sentences(v.problems(), l.main),
		Releases: first(v.Reports, l.main, func(r policy.Report) release { return newRelease(r, l) }),
		Packs:    first(v.packs(), l.detail, func(s section) pack { return v.newPack(s, l) }),
		Later:    first(v.later(), l.detail, v.newLater),
		Sources:  first(v.sources(), l.detail, newSource),
		Asks:     first(d.Ask, l.main, v.newAsk),
		Files:    first(v.governed(), l.main, v.fileLink),
		Nodes:    first(flatten(d.Reasons, 0), l.detail, newNode),
		Votes:    first(d.Votes, l.detail, v.newVote),
		Barred:   first(d.Excluded, l.detail, newBarred),
		Digests:  v.digests(),
	}
	inWords := func(o openControl) gap { return v.newGap(o, l) }
	blocking, lowering, excused := v.open()
	p.Blocking = first(blocking, l.main, inWords)
	p.Weighted, p.Waived = first(lowering, l.detail, inWords), first(excused, l.detail, inWords)
	return p
}

// kindWords also keeps a kind that we do not know from being shown.
var kindWords = map[approval.Kind]md{
	approval.KindRelease: "release", approval.KindGovernance: "governance", approval.KindOther: "other",
}

func newRelease(r policy.Report, l limits) release {
	var metrics, others []releases.Change
	for _, c := range r.Changes {
		if c.Kind == "metric" {
			metrics = append(metrics, c)
		} else {
			others = append(others, c)
		}
	}
	tier := string(r.Tier.Effective)
	if r.Tier.Effective.Rank() == 0 {
		tier = "unknown"
	}
	tally := md(tallyOf([]policy.Report{r}).words())
	if len(r.Controls) == 0 && len(r.Invalid) == 0 {
		tally = "no verdict: it could not be judged"
	}
	return release{
		Name: releaseName(r), Readable: len(r.Invalid) == 0,
		Score: tenths(r.Score), Coverage: percent(r.Coverage), Tier: md(tier),
		Reason: prose(r.Tier.Reason, maxSentence), Tally: tally,
		Previous: code(r.Previous, maxName),
		Metrics:  first(metrics, l.main, newChange), Changes: first(others, l.main, newChange),
		Frameworks: first(r.Frameworks, l.detail, newFramework),
	}
}

func newFramework(f policy.FrameworkScore) framework {
	out := framework{proseCell(frameworkName(f), maxTitle), tenths(f.Score), percent(f.Coverage), f.Controls, f.Open, ""}
	if n := len(f.Unverified); n > 0 {
		out.Unverified = md(plural(n, "unverified id"))
	}
	return out
}

// frameworkName is the title with the edition, or the short name of a framework that tells neither.
func frameworkName(f policy.FrameworkScore) string {
	name := cmp.Or(f.Title, f.Framework)
	if f.Edition != "" {
		name += ", " + f.Edition
	}
	return name
}

func (v View) newLater(o openControl) later {
	out := later{ID: prose(o.control.ID, maxName), Title: prose(o.control.Title, maxTitle),
		Reason: prose(cmp.Or(o.control.Reason, "takes effect on "+o.control.EffectiveFrom), maxSentence)}
	if len(v.Reports) > 1 {
		out.Release = releaseName(o.report)
	}
	return out
}

func newSource(s policy.SourceUse) source {
	out := source{Name: code(s.Name, maxName)}
	if s.Error != "" {
		out.Error = prose(s.Error, maxSentence)
		return out
	}
	if s.Digest != "" {
		out.Digest = code(shortDigest(s.Digest), maxName)
	}
	if s.Since != "" {
		out.Since = code(s.Since, maxName)
	}
	return out
}

// shortDigest is enough of a digest to tell it from others.
func shortDigest(s string) string {
	const shown = len("sha256:") + 12
	if len(s) > shown {
		return s[:shown]
	}
	return s
}

// releaseName is "model version", or the path of a manifest that does not tell.
func releaseName(r policy.Report) md {
	if r.Model == "" {
		return code(r.Path, maxTitle)
	}
	return code(r.Model+" "+r.Version, maxTitle)
}

func newChange(c releases.Change) change {
	out := change{Title: proseCell(c.Title, maxTitle), Before: codeCell(c.Before, maxName), After: codeCell(c.After, maxName)}
	switch {
	case c.Before == "":
		out.Words = "added " + code(c.After, maxName)
	case c.After == "":
		out.Words = "removed, was " + code(c.Before, maxName)
	default:
		out.Words = code(c.Before, maxName) + " → " + code(c.After, maxName)
	}
	before, err1 := strconv.ParseFloat(c.Before, 64)
	after, err2 := strconv.ParseFloat(c.After, 64)
	switch {
	case err1 != nil || err2 != nil || before == after:
	case after > before:
		out.Arrow = "↑"
	default:
		out.Arrow = "↓"
	}
	if c.Better != nil {
		words := map[bool]md{true: "better", false: "**worse**"}
		out.Arrow = md(strings.TrimSpace(string(out.Arrow + " " + words[*c.Better])))
	}
	return out
}

func tenths(t *policy.Tenths) md {
	if t == nil {
		return "none"
	}
	return md(t.String())
}

func percent(t *policy.Tenths) md {
	if t == nil {
		return empty
	}
	return md(t.String() + " %")
}

func code(s string, max int) md     { return md(Inert(s, max, false)) }
func codeCell(s string, max int) md { return md(Inert(s, max, true)) }

// shownFindings is how many findings of one control the comment shows: the check shows them all.
const shownFindings = 3

// openControl is a control that is not settled, or with Invalid set, a whole manifest.
type openControl struct {
	report  policy.Report
	control policy.Result
	grade   grade
}

// open sorts what is open, worst first, into what blocks, what only lowers the score, and what is waived.
func (v View) open() (blocking, lowering, excused []openControl) {
	for _, r := range v.Reports {
		if len(r.Invalid) > 0 {
			blocking = append(blocking, openControl{report: r, grade: errored})
		}
		for _, c := range r.Controls {
			switch o := (openControl{r, c, gradeOf(c)}); o.grade {
			case settled:
			case waived:
				excused = append(excused, o)
			case weighted:
				lowering = append(lowering, o)
			default:
				blocking = append(blocking, o)
			}
		}
	}
	slices.SortStableFunc(blocking, func(a, b openControl) int { return cmp.Compare(b.grade, a.grade) })
	return blocking, lowering, excused
}

func (v View) newGap(o openControl, l limits) gap {
	r, c := o.report, o.control
	out := gap{Sign: md(gradeWords[o.grade].icon), Grade: md(gradeWords[o.grade].word)}
	if len(v.Reports) > 1 {
		out.Release = releaseName(r)
	}
	if c.ID == "" && len(r.Invalid) > 0 {
		out.Title = "The manifest cannot be read"
		out.Findings = first(r.Invalid, l.main, func(e releases.Error) finding { return v.invalid(r.Path, e) })
		return out
	}
	out.ID, out.Title = prose(c.ID, maxName), prose(c.Title, maxTitle)
	out.Findings = v.findings(r.Path, c, shownFindings)
	if c.Remediation != "" {
		out.Fix = prose(c.Remediation, maxSentence)
	}
	if w := c.Waiver; w != nil {
		out.Until = "until " + code(w.ExpiresAt, maxName) + " by " + code(w.Path, maxTitle) + ": " + prose(w.Reason, maxSentence)
	}
	return out
}

// findings says what was found, or why there is an outcome without a finding.
func (v View) findings(path string, c policy.Result, n int) list[finding] {
	all := c.Findings
	if c.Reason != "" && c.Waiver == nil {
		all = append([]policy.Finding{{Message: c.Reason}}, all...)
	}
	if len(all) == 0 && c.Outcome == policy.Missing {
		all = []policy.Finding{{Message: noEvidence}}
	}
	return first(all, n, func(f policy.Finding) finding {
		out := finding{Text: prose(f.Message, maxSentence), Place: v.place(path, f.Line)}
		if f.Fix != nil {
			out.Should = code(f.Fix.Value, maxTitle)
		}
		return out
	})
}

const noEvidence = "no evidence either way"

func (v View) invalid(path string, e releases.Error) finding {
	if e.Path != "" {
		path = e.Path
	}
	words := prose(e.Message, maxSentence)
	if e.Hint != "" {
		words += " · " + prose(e.Hint, maxSentence)
	}
	place := v.place(path, e.Line)
	if e.Line > 0 && e.Column > 0 {
		place = link(md(fmt.Sprintf("line %d:%d", e.Line, e.Column)), v.blob(path, e.Line))
	}
	return finding{Text: words, Place: place}
}

func (v View) place(path string, line int) md {
	if line < 1 {
		return ""
	}
	return link(md(fmt.Sprintf("line %d", line)), v.blob(path, line))
}

var outcomeSigns = map[policy.Outcome]md{
	policy.Pass: "✅", policy.Fail: "❌", policy.Missing: "❔", policy.NotApplicable: "➖", policy.Waived: "📝", policy.Error: "⚠️",
}

// section is one pack's controls in one report.
type section struct {
	report   policy.Report
	controls []policy.Result
}

// packs cuts the reports' controls where the pack changes.
func (v View) packs() []section {
	var out []section
	for _, r := range v.Reports {
		for rest := r.Controls; len(rest) > 0; {
			n := slices.IndexFunc(rest, func(c policy.Result) bool { return c.Pack != rest[0].Pack })
			if n < 0 {
				n = len(rest)
			}
			out = append(out, section{r, rest[:n]})
			rest = rest[n:]
		}
	}
	return out
}

func (v View) newPack(s section, l limits) pack {
	p := pack{Name: code(s.controls[0].Pack, maxName)}
	p.Controls = first(s.controls, l.detail, func(c policy.Result) control { return v.newControl(s.report.Path, c, l) })
	if len(v.Reports) > 1 {
		p.Release = releaseName(s.report)
	}
	return p
}

func (v View) newControl(path string, c policy.Result, l limits) control {
	outcome := strings.ReplaceAll(string(c.Outcome), "-", " ")
	sign, known := outcomeSigns[c.Outcome]
	if !known {
		sign, outcome = outcomeSigns[policy.Error], string(policy.Error)
	}
	if c.EffectiveFrom != "" && c.Outcome == policy.NotApplicable {
		outcome = "not yet in force"
	}
	mode := "weighted"
	if c.Mandatory {
		mode = "mandatory"
	}
	out := control{
		Sign: sign, ID: proseCell(c.ID, maxName), Title: proseCell(c.Title, maxTitle),
		Severity: proseCell(string(c.Severity), maxName) + ", " + md(mode), Outcome: md(outcome),
		Findings: v.findings(path, c, l.detail), References: references(c.References),
	}
	if c.Waiver != nil {
		out.Reason = "until " + code(c.Waiver.ExpiresAt, maxName) + ": " + prose(c.Waiver.Reason, maxSentence)
	}
	if c.Remediation != "" {
		out.Fix = prose(c.Remediation, maxSentence)
	}
	return out
}

func references(refs map[string][]string) md {
	var parts []string
	for framework, ids := range refs {
		parts = append(parts, string(prose(framework, maxName)+" "+code(strings.Join(ids, ", "), maxTitle)))
	}
	slices.Sort(parts)
	return md(strings.Join(parts, " · "))
}

func (v View) digests() []digest {
	d := v.Verdict
	all := []struct{ name, value string }{{"Subject", d.Subject}, {"Policy", d.Policy}, {"Head", d.Head}, {"Base", d.Base}}
	var out []digest
	for _, x := range all {
		if x.value != "" {
			out = append(out, digest{md(x.name), code(x.value, maxName)})
		}
	}
	return out
}
