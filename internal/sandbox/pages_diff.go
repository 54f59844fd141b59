package sandbox

import (
	"regexp"
	"strconv"
	"strings"
)

// maxDiffLines bounds what a page shows of one file's diff.
const maxDiffLines = 3000

// diffFile is a changed file on a page.
type diffFile struct {
	FileView
	Lines    []diffLine
	Notes    []diffNote // on lines that the diff does not show
	CutShort bool
	Index    int
}

// diffLine is a line of a diff; a number is 0 where the line does not exist.
type diffLine struct {
	Kind     string // "add", "del", "same" or "hunk"
	Old, New int
	Text     string
	Notes    []diffNote
}

// diffNote is what a check has to say about a line.
type diffNote struct {
	AnnotationView
	Check string
}

var hunkHead = regexp.MustCompile(`^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@`)

// newDiffFile lays out a patch, with the notes under the lines that they end on.
func newDiffFile(f FileView, notes []diffNote) diffFile {
	d := diffFile{FileView: f}
	waiting := map[int][]diffNote{}
	for _, n := range notes {
		if n.Path == f.Path {
			waiting[n.EndLine] = append(waiting[n.EndLine], n)
		}
	}
	var before, after int
	for text := range strings.Lines(f.Patch) {
		text = strings.TrimSuffix(text, "\n")
		if len(d.Lines) == maxDiffLines {
			d.CutShort = true
			break
		}
		l := diffLine{Kind: "same", Text: text}
		switch {
		case strings.HasPrefix(text, "@@"):
			l.Kind = "hunk"
			if m := hunkHead.FindStringSubmatch(text); m != nil {
				before, _ = strconv.Atoi(m[1])
				after, _ = strconv.Atoi(m[2])
			}
		case strings.HasPrefix(text, "\\"):
			l.Kind = "hunk" // "No newline at end of file"
		case strings.HasPrefix(text, "+"):
			l.Kind, l.New = "add", after
			after++
		case strings.HasPrefix(text, "-"):
			l.Kind, l.Old = "del", before
			before++
		default:
			l.Old, l.New = before, after
			before++
			after++
		}
		if l.Kind != "hunk" {
			l.Text = text[min(1, len(text)):]
		}
		if l.New > 0 {
			l.Notes = waiting[l.New]
			delete(waiting, l.New)
		}
		d.Lines = append(d.Lines, l)
	}
	for _, n := range notes {
		if n.Path == f.Path && waiting[n.EndLine] != nil {
			d.Notes = append(d.Notes, n)
		}
	}
	return d
}

// newDiff lays out all files of a diff.
func newDiff(files []FileView, notes []diffNote) []diffFile {
	var out []diffFile
	for i, f := range files {
		d := newDiffFile(f, notes)
		d.Index = i
		out = append(out, d)
	}
	return out
}
