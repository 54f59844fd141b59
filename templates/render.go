package templates

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"github.com/lumos-governance/lumos/internal/policy"
)

//go:embed *.tmpl
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.tmpl"))

// What a host takes. GitHub refuses comments over 65,536 characters and check texts over 65,535
// bytes (its REST reference, 2026).
const (
	maxComment = 65_000
	maxCheck   = 65_000
	maxReply   = 40_000
)

// ladder is climbed while the page fits. What is folded away is cut before what a reviewer must see.
// On its first step every list shows one entry at most, each of bounded length, so that one fits.
var ladder = []limits{{1, 0}, {3, 1}, {8, 5}, {20, 10}, {30, 30}, {50, 100}, {100, 300}, {1000, 1000}}

// Comment is the one comment that Lumos keeps on a pull request, in less than 65,000 bytes. Names
// in it are code, so that editing it notifies nobody but those who are asked (see newAsk).
func Comment(v View) string { return render("comment.md.tmpl", v, maxComment) }

// Compliance is the check run on how the manifests fare.
func Compliance(v View) CheckText {
	t := v.tally()
	title := t.words()
	if b := t.blockers(); b != "" && t.problems+t.invalid+t.grades[errored] > 0 {
		title = b
	}
	if len(v.Reports) == 0 && t.problems == 0 {
		title = "no manifest to check"
	}
	if len(v.Reports) == 1 {
		switch r := v.Reports[0]; {
		case r.Score != nil:
			title = fmt.Sprintf("Score %s, tier %s: %s", r.Score, r.Tier.Effective, title)
		case t.blocking() == 0:
			title = "no control applies"
		}
	}
	return CheckText{
		Title:   clean(strings.ToUpper(title[:1])+title[1:], maxTitle),
		Summary: render("compliance summary", v, maxCheck),
		Text:    render("compliance text", v, maxCheck),
	}
}

// Gate is the check run that carries the verdict: what it waits for, or what would change it.
func Gate(v View) CheckText {
	_, words := v.headline()
	return CheckText{
		Title:   clean(words, maxTitle),
		Summary: render("gate summary", v, maxCheck),
		Text:    render("gate text", v, maxCheck),
	}
}

// ReportMarkdown is the whole report as a document, of any length.
func ReportMarkdown(reports []policy.Report) string {
	const all = 1 << 20
	return execute("report", newPage(View{Reports: reports}, limits{all, all}))
}

// render gives the fullest page that has less than max bytes. It stops where a step adds nothing:
// then nothing was left out.
func render(name string, v View, max int) string {
	best := execute(name, newPage(v, ladder[0]))
	for _, l := range ladder[1:] {
		fuller := execute(name, newPage(v, l))
		if len(fuller) >= max || fuller == best {
			break
		}
		best = fuller
	}
	return best
}

var emptyLines = regexp.MustCompile(`\n{3,}`)

// execute lays a page out. A template that fails is a mistake in this package.
func execute(name string, data any) string {
	var b strings.Builder
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic(fmt.Sprintf("templates: %v", err))
	}
	page := strings.TrimSpace(emptyLines.ReplaceAllString(b.String(), "\n\n"))
	if page == "" {
		return ""
	}
	return page + "\n"
}
