package owners

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/cases"
)

// heading is the section that lines belong to, until the next one.
type heading struct {
	section int     // index in File.sections
	line    int     // 0 before the first
	owners  []Owner // of the lines that name none
}

type patternKey struct {
	section int
	text    string
}

// A heading's default owners end at the first word that has other characters than these.
var headingWord = regexp.MustCompile(`^[A-Za-z0-9_@./+-]+$`)

// maxSections bounds the sections of a file, because every path is held against each.
const maxSections = 1000

// maxCount is the largest number of approvals that a heading is believed to ask for.
const maxCount = 1000

// reserved is the host's own name for the lines outside of sections: a section of this name would
// be mixed up with them.
const reserved = "codeowners"

// gitlabLine reads a line of GitLab's dialect that is neither blank nor a comment: a heading, an
// exclusion, or a pattern and its owners. There are no comments after a pattern: whoever is named in
// one is an owner, and the other words are none.
func (p *parser) gitlabLine(at int) {
	p.line = strings.TrimRight(p.line, " \t")
	if rest := strings.TrimLeft(strings.TrimPrefix(p.line[at:], "^"), " \t"); strings.HasPrefix(rest, "[") {
		p.gitlabHeading(at)
		return
	}
	end := gitlabPatternEnd(p.line, at)
	r := Rule{Line: p.n, Pattern: p.line[at:end], section: p.heading.section}
	s := &p.file.sections[r.section]
	fault, why := r.readGitLab()
	switch {
	case why != "":
		p.invalidate(&r, at+fault, why)
	case s.broken != "":
		r.Invalid = s.broken
	case p.misplaced(&r):
		p.invalidate(&r, at, "the pattern stands in this section before, and GitLab differs from its documentation in which line counts: write it once")
	case r.Excludes:
		s.excludes = true
		if word := skipBlanks(p.line, end); word < len(p.line) {
			p.warn(word, "an exclusion has no owners: what follows the pattern is ignored")
		}
	default:
		p.gitlabOwners(&r, end)
	}
	p.newest[r.section] = len(p.file.Rules)
	p.file.Rules = append(p.file.Rules, r)
}

// gitlabPatternEnd finds the first blank that does not follow a backslash.
func gitlabPatternEnd(line string, i int) int {
	for i < len(line) && (!blank(line[i]) || line[i-1] == '\\') {
		i++
	}
	return i
}

// misplaced reports whether the pattern of r stands in the section already, so that what counts
// cannot be told: the documentation says that the last line does, and the host keeps the place of the
// first among the other lines.
func (p *parser) misplaced(r *Rule) bool {
	key := patternKey{r.section, gitlabText(r.Pattern)}
	before, seen := p.repeated[key]
	p.repeated[key] = len(p.file.Rules)
	if !seen {
		return false
	}
	other := p.file.Rules[before]
	return !r.Excludes && (other.Excludes || other.Invalid != "" || before != p.newest[r.section])
}

// gitlabOwners reads the owners of r from a byte of the line on. Words that are no owners are
// ignored, as the host does; a line where nothing else is left owns nothing.
func (p *parser) gitlabOwners(r *Rule, end int) {
	first, odd := skipBlanks(p.line, end), -1
	var fault error
	var owners ownerList
	for at := first; at < len(p.line); at = skipBlanks(p.line, end) {
		end = at + wordLen(p.line[at:])
		o, err := parseOwner(GitLab, p.line[at:end])
		switch {
		case err == nil:
			owners.add(o)
		case odd < 0:
			odd, fault = at, err
		}
	}
	r.Owners = owners.all
	switch {
	case first == len(p.line):
		r.Owners, r.Default = p.heading.owners, p.heading.line
		if len(r.Owners) == 0 {
			p.invalidate(r, end, "the line names no owner, and its section has no default owners")
		}
	case len(r.Owners) == 0:
		p.invalidate(r, odd, fault.Error())
	case odd >= 0:
		p.warn(odd, fault.Error()+" (the line is owned by the others)")
	}
}

// gitlabHeading opens a section. One whose heading is in doubt is a section of its own, which owns
// nothing: GitLab would add its lines to the section before, where they take the owners away.
func (p *parser) gitlabHeading(at int) {
	s, tail, why := readHeading(p.line[at:])
	if _, known := p.named[foldName(s.name)]; why == "" && !known && len(p.file.sections) > maxSections {
		why = fmt.Sprintf("the file has more than %d sections", maxSections)
	}
	p.heading = heading{line: p.n}
	if why != "" {
		p.fault(at, why)
		p.heading.section = p.broken(section{name: clip(strings.ToValidUTF8(p.line[at:], "?")), count: 1,
			broken: fmt.Sprintf("it stands under the heading of line %d, which is invalid: %s", p.n, why)})
		return
	}
	p.heading.section = p.merge(s)
	var owners ownerList
	defer func() { p.heading.owners = owners.all }()
	for at = skipBlanks(p.line, len(p.line)-len(tail)); at < len(p.line); {
		end := at + wordLen(p.line[at:])
		o, err := parseOwner(GitLab, p.line[at:end])
		if err == nil && !headingWord.MatchString(p.line[at:end]) {
			err = fmt.Errorf("%q cannot be read in a heading", clip(p.line[at:end]))
		}
		if err != nil {
			p.warn(at, err.Error()+" (the default owners are those before it)")
			return
		}
		owners.add(o)
		at = skipBlanks(p.line, end)
	}
}

// merge returns the index of the section, adding it to an earlier one of its name: the stricter
// heading wins.
func (p *parser) merge(s section) int {
	i, known := p.named[foldName(s.name)]
	if !known {
		i = len(p.file.sections)
		p.named[foldName(s.name)] = i
		p.file.sections = append(p.file.sections, s)
		return i
	}
	other := &p.file.sections[i]
	other.optional = other.optional && s.optional
	other.count = max(other.count, s.count)
	return i
}

// broken returns the index of a section that owns nothing. Once there are too many, they are one.
func (p *parser) broken(s section) int {
	if last := len(p.file.sections) - 1; last > maxSections {
		return last
	}
	p.file.sections = append(p.file.sections, s)
	return len(p.file.sections) - 1
}

func foldName(name string) string { return cases.Fold().String(name) }

// readHeading reads "^[Name][2]"; tail is what follows, the default owners. why says what is wrong.
func readHeading(text string) (s section, tail, why string) {
	s.count = 1
	text, s.optional = strings.CutPrefix(text, "^")
	if !strings.HasPrefix(text, "[") {
		return s, "", `the section heading has a blank after "^": write ^[Name]`
	}
	name, tail, closed := strings.Cut(text[1:], "]")
	s.name = name
	number := ""
	if closed && strings.HasPrefix(tail, "[") {
		if number, tail, closed = strings.Cut(tail[1:], "]"); closed && number == "" {
			number = "nothing"
		}
	}
	unseen, _ := unreadable(strings.TrimRight(name, `\`))
	switch {
	case !closed:
		return s, "", `the section heading has no closing "]"`
	case strings.TrimSpace(name) == "":
		return s, "", "the section has no name: write [Name]"
	case unseen != "":
		return s, "", "the name of the section " + unseen
	case foldName(name) == reserved:
		return s, "", fmt.Sprintf("%q is the code host's own name for what stands outside of sections: choose another", name)
	case number != "" && s.optional:
		return s, "", "an optional section asks for no number of approvals: remove ^ or the number"
	case tail != "" && !blank(tail[0]) || strings.ContainsAny(tail, "[]"):
		return s, "", "the section heading goes on with something else than owners: write [Name][2] @owner"
	}
	if number != "" {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > maxCount || strings.HasPrefix(number, "+") {
			return s, "", fmt.Sprintf("%q is no number of approvals: expected 1 to %d", clip(number), maxCount)
		}
		s.count = max(n, 1)
	}
	return s, tail, ""
}

// readGitLab compiles r.Pattern, and tells an exclusion. A pattern that cannot be read is about
// every path; fault is then the byte where the fault is, and why says what it is.
func (r *Rule) readGitLab() (fault int, why string) {
	r.matches = []pattern{{deep}}
	r.folded = r.matches
	if why, at := unreadable(r.Pattern); why != "" {
		return at, "the pattern " + why
	}
	body, excludes := strings.CutPrefix(r.Pattern, "!")
	if body == "" {
		return 0, `"!" excludes nothing: write a pattern right after it`
	}
	exact, ok := compileGitLab(body)
	folded, okFolded := compileGitLab(strings.ToLower(body))
	if !ok || !okFolded {
		return max(strings.IndexByte(r.Pattern, '['), 0), `the pattern has a "[" without "]": escape it with "\"`
	}
	r.Excludes, r.matches, r.folded = excludes, []pattern{exact}, []pattern{folded}
	if at := strings.Index(r.Pattern, "//"); at >= 0 {
		r.Excludes = false
		return at, "the pattern has an empty path segment, so it matches nothing"
	}
	return 0, ""
}

// compileGitLab reads a pattern of GitLab's dialect: Ruby's File.fnmatch with FNM_PATHNAME and
// FNM_DOTMATCH over the whole path. "*" does not cross a slash; "**/" is any number of directories,
// and "**" elsewhere is "*". So a pattern without a slash at the end matches files of that name and
// nothing below a directory.
func compileGitLab(body string) (p pattern, ok bool) {
	parts := strings.Split(gitlabText(body)[1:], "/")
	for i, part := range parts {
		if part == "**" && i < len(parts)-1 {
			p = append(p, deep)
			continue
		}
		if odd := len(part) - len(strings.TrimRight(part, `\`)); odd%2 == 1 {
			part = part[:len(part)-1] // an escaped slash is a slash
		}
		s, closed := compileSegment(part, true)
		if !closed {
			return nil, false
		}
		p = append(p, s)
	}
	return p, true
}

// gitlabText writes out what the host adds to a pattern: without a slash at the start it is about
// any directory, with one at the end about everything below.
func gitlabText(body string) string {
	body = strings.TrimPrefix(body, "!")
	if !strings.HasPrefix(body, "/") {
		body = "/**/" + body
	}
	if strings.HasSuffix(body, "/") {
		body += "**/*"
	}
	return body
}
