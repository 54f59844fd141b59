package templates

import (
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// maxMessage is how long an annotation or a SARIF message may be, in characters.
const maxMessage = 500

// Annotations marks the manifests' lines: a failure blocks, a warning lowers the score, a notice is
// waived. Messages are plain text. A control without a located finding marks the first line.
func Annotations(v View) []forge.Annotation {
	var out []forge.Annotation
	for _, r := range v.Reports {
		for _, e := range r.Invalid {
			out = append(out, forge.Annotation{
				Path: pathOf(e, r.Path), Line: max(1, e.Line), Level: forge.LevelFailure,
				Title: "The manifest cannot be read", Message: invalidMessage(e),
			})
		}
		for _, c := range r.Controls {
			g := gradeOf(c)
			if g == settled {
				continue
			}
			title := clean(c.ID+" "+c.Title, maxTitle)
			for _, f := range findingsOf(c) {
				out = append(out, forge.Annotation{
					Path: r.Path, Line: max(1, f.Line), Level: annotationLevel(g),
					Title: title, Message: message(c, f),
				})
			}
		}
	}
	return out
}

func annotationLevel(g grade) forge.AnnotationLevel {
	switch g {
	case waived:
		return forge.LevelNotice
	case weighted:
		return forge.LevelWarning
	}
	return forge.LevelFailure
}

// findingsOf gives at least one finding: one that says the reason where there is none.
func findingsOf(c policy.Result) []policy.Finding {
	if len(c.Findings) > 0 {
		return c.Findings
	}
	reason := c.Reason
	if reason == "" && c.Outcome == policy.Missing {
		reason = noEvidence
	}
	return []policy.Finding{{Message: reason}}
}

// message is one finding in plain text with what to do about it.
func message(c policy.Result, f policy.Finding) string {
	s := f.Message
	if s == "" {
		s = c.Title
	}
	switch {
	case c.Waiver != nil:
		s += ". Waived until " + c.Waiver.ExpiresAt + ": " + c.Waiver.Reason
	case c.Remediation != "":
		s += ". Fix: " + c.Remediation
	}
	return clean(s, maxMessage)
}

func pathOf(e releases.Error, path string) string {
	if e.Path != "" {
		return e.Path
	}
	return path
}

func invalidMessage(e releases.Error) string {
	s := e.Message
	if e.Hint != "" {
		s += ". " + e.Hint
	}
	return clean(s, maxMessage)
}
