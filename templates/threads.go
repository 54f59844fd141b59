package templates

import (
	"github.com/lumos-governance/lumos/internal/forge"
)

// maxThreads bounds the threads on one merge request: the comment lists every gap anyhow.
const maxThreads = 20

// GapThread is what a thread on a manifest's line says of a gap that blocks. Key is the same for the
// same gap on every head.
type GapThread struct {
	Key  string // "ID-01 releases/a/1.yaml"
	Path string
	Line int    // from 1
	Body string // Markdown, with the key where forge.ThreadKey finds it
}

// Threads opens a conversation on each gap that blocks, where it is: one for each control and manifest.
func Threads(v View) []GapThread {
	var out []GapThread
	add := func(id, title, path, message string, line int) {
		key := clean(id+" "+path, maxMessage)
		if back, _ := forge.ThreadKey(forge.ThreadBody(key, "")); back != key || len(out) == maxThreads {
			return // a path that would end the comment which hides the key: such a change is refused anyhow
		}
		out = append(out, GapThread{Key: key, Path: path, Line: max(1, line),
			Body: forge.ThreadBody(key, "**"+string(prose(title, maxTitle))+"**\n\n"+string(prose(message, maxMessage))+"\n\nLumos resolves this thread when the gap is closed.")})
	}
	for _, r := range v.Reports {
		if len(r.Invalid) > 0 {
			e := r.Invalid[0]
			add("invalid", "The manifest cannot be read", pathOf(e, r.Path), invalidMessage(e), e.Line)
		}
		for _, c := range r.Controls {
			if gradeOf(c) < mandatory {
				continue
			}
			f := findingsOf(c)[0]
			add(c.ID, c.ID+" "+c.Title, r.Path, message(c, f), f.Line)
		}
	}
	return out
}
