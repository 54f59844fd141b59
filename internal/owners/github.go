package owners

import (
	"slices"
	"strings"
)

// githubLine reads a line of GitHub's dialect that is neither blank nor a comment: a pattern and its
// owners, up to a comment.
func (p *parser) githubLine(at int) {
	end := githubPatternEnd(p.line, at)
	r := Rule{Line: p.n, Pattern: p.line[at:end]}
	if fault, why := r.readGitHub(); why != "" {
		p.invalidate(&r, at+fault, why)
		p.file.Rules = append(p.file.Rules, r)
		return
	}
	var owners ownerList
	for at = skipBlanks(p.line, end); at < len(p.line) && p.line[at] != '#'; at = skipBlanks(p.line, end) {
		end = at + wordLen(p.line[at:])
		o, err := parseOwner(GitHub, p.line[at:end])
		if err != nil {
			p.invalidate(&r, at, err.Error())
			p.file.Rules = append(p.file.Rules, r)
			return
		}
		owners.add(o)
	}
	r.Owners = owners.all
	p.file.Rules = append(p.file.Rules, r)
}

// githubPatternEnd finds the first blank that no backslash escapes.
func githubPatternEnd(line string, i int) int {
	for ; i < len(line) && !blank(line[i]); i++ {
		if line[i] == '\\' && i+1 < len(line) {
			i++
		}
	}
	return i
}

// readGitHub compiles r.Pattern. A pattern that GitHub does not understand is compiled to all that
// its writer can have meant; fault is then the byte where the fault is, and why says what it is.
func (r *Rule) readGitHub() (fault int, why string) {
	p := r.Pattern
	r.matches = []pattern{{deep}} // everything, as long as it is not known to mean less
	r.folded = r.matches
	if why, at := unreadable(p); why != "" {
		return at, "the pattern " + why
	}
	body := strings.TrimPrefix(p, "!")
	readings := []string{body}
	from, to := brackets(p)
	if to > 0 { // GitHub takes brackets for themselves, most writers mean a range: neither may own
		readings = append(readings, widen(body))
	}
	r.matches, r.folded = nil, nil
	for _, text := range readings {
		r.matches = append(r.matches, compileGitHub(text))
		r.folded = append(r.folded, compileGitHub(strings.ToLower(text)))
	}
	switch {
	case body != p:
		return 0, `the code host has no negation "!": list the owners of what is left instead`
	case strings.HasPrefix(p, `\#`):
		return 0, `the code host cannot escape a leading "#"`
	case strings.Contains(p, "//") || p == "/":
		return max(strings.Index(p, "//"), 0), "the pattern has an empty path segment, so it matches nothing"
	case strings.Contains(p, "***"):
		return strings.Index(p, "***"), `"***" has no meaning: write "*" or "**"`
	case to > 0:
		return from, `the code host has no character ranges "[ ]": write the paths out, or escape the brackets with "\"`
	}
	return 0, ""
}

// compileGitHub reads a pattern of GitHub's dialect, which is close to that of .gitignore: a slash
// anywhere but at the end anchors it at the root, a slash at the end means "everything below", and a
// pattern that names a directory owns what is below it. Unlike in .gitignore, a last segment that is
// just "*" does not reach below, "**/" at the end is "**", and brackets stand for themselves.
func compileGitHub(text string) pattern {
	body := strings.TrimPrefix(text, "/")
	below := strings.HasSuffix(body, "/")
	body = strings.TrimSuffix(body, "/")
	parts := strings.Split(body, "/")

	var p pattern
	if len(parts) == 1 && !strings.HasPrefix(text, "/") {
		p = append(p, deep)
	}
	for _, part := range parts {
		p = append(p, githubSegment(part))
	}
	switch last := parts[len(parts)-1]; {
	case p[len(p)-1].deep: // at least one segment below what comes before
		p = append(slices.Clip(p[:len(p)-1]), githubSegment("*"), deep)
	case below:
		p = append(p, githubSegment("*"), deep)
	case last != "*" || len(p) > len(parts):
		p = append(p, deep)
	}
	return p
}

func githubSegment(text string) segment {
	if len(text) >= 2 && strings.Trim(text, "*") == "" {
		return deep
	}
	s, _ := compileSegment(text, false)
	return s
}

// brackets finds the first unescaped "[…]" within one segment of p: to is after the closing one,
// and 0 when there is none.
func brackets(p string) (from, to int) {
	open := -1
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '/':
			open = -1
		case '[':
			if open < 0 {
				open = i
			}
		case ']':
			if open >= 0 {
				return open, i + 1
			}
		}
	}
	return 0, 0
}

// widen replaces each range by "?", which matches all that the range could.
func widen(p string) string {
	var b strings.Builder
	for {
		from, to := brackets(p)
		if to == 0 {
			return b.String() + p
		}
		b.WriteString(p[:from] + "?")
		p = p[to:]
	}
}
