package audit

import (
	"fmt"
	"strings"
)

// releasePage renders the page of a release from its tag and the decision that it rests on. It is a
// pure function of the two events: Verify renders it again. The path is empty for a tag that names
// no release.
func releasePage(tag, decision *Event) (path string, page []byte) {
	model, version, ok := tag.release()
	if !ok {
		return "", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s %s\n\n", plain(model), plain(version))
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | `%s` |\n", name, plain(value))
		}
	}
	b.WriteString("| | |\n|---|---|\n")
	row("decision", fmt.Sprintf("%s, event %d, %s", decision.Decision, decision.Seq, decision.TS.Format("2006-01-02 15:04:05Z")))
	row("pull request", fmt.Sprintf("%s#%d", tag.Repo.Name, tag.PR))
	row("tag", tag.Tag.Name)
	row("tag object", tag.Tag.Object)
	row("merge commit", tag.Tag.Commit)
	if decision.Subject != nil {
		row("subject", decision.Subject.Digest)
		for _, m := range decision.Subject.Manifests {
			if m.Model == model && m.Version == version {
				row("manifest", m.Path)
				row("blob", m.Blob)
				row("manifest digest", m.Digest)
			}
		}
	}
	row("policy", decision.Policy)
	for _, e := range decision.Evaluations {
		row("report of "+plain(e.Path), e.Digest)
		row("score, coverage, tier", fmt.Sprintf("%s, %s, %s", percent(e.Score), percent(e.Coverage), e.Tier))
	}
	b.WriteString("\n| vote | by | on | counted |\n|---|---|---|---|\n")
	for _, v := range decision.Votes {
		counted := "no"
		if v.Counted {
			counted = "yes"
		}
		fmt.Fprintf(&b, "| `%s %s` | `%s:%s %s` | `%s` | %s |\n",
			plain(v.Action), plain(v.ID), plain(v.By.System), plain(v.By.ID), plain(v.By.Login), plain(short(v.Commit)), counted)
	}
	b.WriteString("\nMade from the log; the events are the record.\n")
	return "releases/" + model + "/" + version + ".md", []byte(b.String())
}

func percent(f *float64) string {
	if f == nil {
		return "none"
	}
	return fmt.Sprintf("%.1f %%", *f)
}

// plain makes text inert inside a code span of a Markdown table.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '`' || r == '|' || r == '<' || r == '>' || r == '\\':
			return '_'
		case r < ' ' || r == 0x7f:
			return ' '
		}
		return r
	}, s)
}
