package templates

import (
	"fmt"
	"strings"

	"github.com/lumos-governance/lumos/internal/policy"
)

// issueMarker begins the body of an issue on a released model; the manifest's path follows.
const issueMarker = "<!-- lumos:release "

// commitMarker begins the second line of such a body; the commit at which it was written follows.
const commitMarker = "<!-- lumos:commit "

// healedLine stands in a closed issue on a released model.
const healedLine = "\n\n**Healed:** the release meets the policy again, or a newer one has taken its place.\n"

// IssuePath is the path of the manifest that an issue of ours is about, or "" for any other issue.
func IssuePath(body string) string {
	rest, ok := strings.CutPrefix(body, issueMarker)
	path, _, found := strings.Cut(rest, " -->")
	if !ok || !found {
		return ""
	}
	return path
}

// IssueCommit is the commit at which the body of an issue of ours was written, or "": the same text for
// another commit is not news.
func IssueCommit(body string) string {
	_, rest, _ := strings.Cut(body, "\n")
	rest, ok := strings.CutPrefix(rest, commitMarker)
	commit, _, found := strings.Cut(rest, " -->")
	if !ok || !found {
		return ""
	}
	return commit
}

// ReleaseIssue is the issue on a released model that does not meet the policy any more. blob is where
// files can be seen ("" for no links), commit the one at which it was judged.
func ReleaseIssue(r policy.Report, blob, commit string) (title, body string) {
	name := r.Path
	if r.Model != "" {
		name = r.Model + " " + r.Version
	}
	title = clean(fmt.Sprintf("%s no longer meets the policy", name), maxTitle)
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s -->\n%s%s -->\n", issueMarker, r.Path, commitMarker, commit)
	fmt.Fprintf(&b, "The released model %s was judged again at %.12s, and would not be released as it is: %s.\n", code(name, maxTitle), commit, words(r.Conclusion))
	v := View{Links: Links{Blob: blob}}
	v.PR.Head.SHA = commit
	fmt.Fprintf(&b, "\nManifest: %s\n", link(code(r.Path, maxTitle), v.blob(r.Path, 0)))
	for _, e := range r.Invalid {
		fmt.Fprintf(&b, "\n- %s", prose(e.Error(), maxMessage))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\n- %s", prose(p, maxMessage))
	}
	left := 0
	for _, c := range r.Controls {
		if !c.Open() && c.Outcome != policy.Error {
			continue
		}
		if b.Len() > maxComment-5_000 {
			left++
			continue
		}
		fmt.Fprintf(&b, "\n#### %s %s: %s (%s)\n", code(c.ID, maxName), prose(c.Title, maxTitle), c.Outcome, c.Severity)
		for n, f := range c.Findings {
			if n == maxControls {
				fmt.Fprintf(&b, "- and %d more\n", len(c.Findings)-n)
				break
			}
			fmt.Fprintf(&b, "- %s", prose(f.Message, maxMessage))
			if place := v.place(r.Path, f.Line); place != "" {
				fmt.Fprintf(&b, " (%s)", place)
			}
			b.WriteByte('\n')
		}
		if c.Reason != "" {
			fmt.Fprintf(&b, "- %s\n", prose(c.Reason, maxMessage))
		}
		if c.Remediation != "" {
			fmt.Fprintf(&b, "\n**Fix:** %s\n", prose(c.Remediation, maxMessage))
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "\nand %d more: `lumos check %s`\n", left, strings.ReplaceAll(r.Path, "`", ""))
	}
	b.WriteString("\nRelease a new version that meets the policy, or ask for a waiver with an end. This issue follows the evaluation and closes by itself.\n")
	return title, b.String()
}

// HealedIssue is the body of an issue on a released model when nothing is wrong with it any more.
func HealedIssue(body string) string {
	return strings.TrimRight(strings.ReplaceAll(body, strings.TrimSpace(healedLine), ""), "\n ") + healedLine
}
