package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
)

// maxThreads bounds the threads on one pull request: the comment lists every gap anyhow.
const maxThreads = 20

// GapThread is what a thread on a manifest's line says of a gap. Key is the same for the same gap on every
// head; where a change is suggested, it is the same for the same suggestion.
type GapThread struct {
	Key  string // "ID-01 releases/a/1.yaml", or that and eight digits of what is suggested
	Path string
	Line int    // from 1
	Body string // Markdown, with the key where forge.ThreadKey finds it
}

// Threads opens a conversation on the lines of the manifests. Where only one value can be right, the thread
// suggests the changed line, which an author applies with a click. On GitLab each gap that blocks gets one
// besides, for each control and manifest; on GitHub the annotations say those.
func Threads(v View) []GapThread {
	t := threads{view: v, seen: map[string]bool{}}
	for _, r := range v.Reports {
		if len(r.Invalid) > 0 {
			e := r.Invalid[0]
			t.gap("invalid", "The manifest cannot be read", pathOf(e, r.Path), invalidMessage(e), e.Line)
		}
		for _, c := range r.Controls {
			grade := gradeOf(c)
			if grade < weighted {
				continue
			}
			findings := findingsOf(c)
			first := false // whether the first finding has its thread
			for i, f := range findings {
				if t.suggest(r, c, f) && i == 0 {
					first = true
				}
			}
			if grade >= mandatory && !first {
				t.gap(c.ID, c.ID+" "+c.Title, r.Path, message(c, findings[0]), findings[0].Line)
			}
		}
	}
	return t.out
}

type threads struct {
	view View
	out  []GapThread
	seen map[string]bool // what is suggested already
}

// gap opens a thread on a gap that blocks.
func (t *threads) gap(id, title, path, message string, line int) {
	if t.view.PR.Platform == forge.GitLab {
		t.add(id+" "+path, title, path, message, max(1, line), "")
	}
}

// suggest opens a thread with the change that closes a finding; false is a finding without one.
func (t *threads) suggest(r policy.Report, c policy.Result, f policy.Finding) bool {
	if f.Fix == nil || t.view.Snapshot == nil || !t.place(r.Path, f.Fix.Line) {
		return false
	}
	i := slices.IndexFunc(t.view.Snapshot.Manifests, func(b forge.Blob) bool { return b.Path == r.Path })
	if i < 0 || len(t.out) == maxThreads {
		return false
	}
	before, after, ok := correct(t.view.Snapshot.Manifests[i].Data, *f.Fix)
	if !ok {
		return false
	}
	sum := sha256.Sum256([]byte(r.Path + "\x00" + f.Fix.Pointer + "\x00" + before + "\x00" + after))
	what := hex.EncodeToString(sum[:4])
	if t.seen[what] {
		return true // another control asks for the same
	}
	language := "suggestion"
	if t.view.PR.Platform == forge.GitLab {
		language = "suggestion:-0+0"
	}
	t.seen[what] = true
	return t.add(c.ID+" "+r.Path+" "+what, c.ID+" "+c.Title, r.Path, message(c, f), f.Fix.Line, suggestion(language, after))
}

// place reports whether the host takes a thread on a line: of a new file on any, of another on those that
// its diff shows.
func (t *threads) place(path string, line int) bool {
	files := t.view.Snapshot.Files
	i := slices.IndexFunc(files, func(f forge.File) bool { return f.Path == path })
	return i >= 0 && (files[i].Status == forge.Added || files[i].Shows(line))
}

func (t *threads) add(key, title, path, message string, line int, suggestion string) bool {
	key = clean(key, maxMessage)
	if back, _ := forge.ThreadKey(forge.ThreadBody(key, "")); back != key || len(t.out) == maxThreads {
		return false // a path that would end the comment which hides the key: such a change is refused anyhow
	}
	words := "**" + string(prose(title, maxTitle)) + "**\n\n" + string(prose(message, maxMessage)) + "\n\n"
	if suggestion != "" {
		words += suggestion + "\n\n"
	}
	t.out = append(t.out, GapThread{Key: key, Path: path, Line: line,
		Body: forge.ThreadBody(key, words+"Lumos resolves this thread when the gap is closed.")})
	return true
}
