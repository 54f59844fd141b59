package owners

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The forms of an owner. A login may carry the "_shortcode" of a managed user; none of the forms
// admits a letter outside ASCII, so no look-alike name can stand in for an owner.
var (
	userForm  = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	teamForm  = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9_][A-Za-z0-9_-]{0,254}$`)
	emailForm = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}$`)
)

// Parse reads a CODEOWNERS file of GitHub's dialect; path only names it in the problems. The File
// is always usable: a line with a problem owns nothing, and stays in the file as an invalid rule for
// the paths that it may be about, or for every path when its pattern cannot be read at all.
func Parse(path string, src []byte) (*File, []Problem) {
	if len(src) > MaxSize {
		return &File{}, []Problem{{Path: path, Message: fmt.Sprintf(
			"the file is %d bytes long; the code host ignores it above %d, so nobody owns anything: shorten it", len(src), MaxSize)}}
	}
	f := &File{}
	var problems []Problem
	for n, line := range strings.Split(string(src), "\n") {
		rule, column, ok := parseLine(strings.TrimSuffix(line, "\r"))
		if !ok {
			continue
		}
		rule.Line = n + 1
		if rule.Invalid != "" {
			problems = append(problems, Problem{Path: path, Line: rule.Line, Column: column, Message: rule.Invalid})
		}
		f.Rules = append(f.Rules, rule)
	}
	return f, problems
}

// parseLine reads one line; ok is false for a blank one and a comment. Of an invalid rule, column
// says where the fault is.
func parseLine(line string) (r Rule, column int, ok bool) {
	at := skipBlanks(line, 0)
	if at == len(line) || line[at] == '#' {
		return Rule{}, 0, false
	}
	end := patternEnd(line, at)
	r.Pattern = line[at:end]
	if fault := r.readPattern(); fault >= 0 {
		return r, utf8.RuneCountInString(line[:at+fault]) + 1, true
	}
	seen := make(map[string]bool)
	for at = skipBlanks(line, end); at < len(line) && line[at] != '#'; at = skipBlanks(line, end) {
		end = at + wordLen(line[at:])
		o, err := parseOwner(line[at:end])
		if err != nil {
			r.Owners, r.Invalid = nil, err.Error()
			return r, utf8.RuneCountInString(line[:at]) + 1, true
		}
		if !seen[o.Key()] {
			seen[o.Key()] = true
			r.Owners = append(r.Owners, o)
		}
	}
	return r, 0, true
}

// readPattern compiles r.Pattern. A pattern that GitHub does not understand is compiled to all that
// its writer can have meant, r.Invalid is set, and the byte where the fault is returned; else -1.
func (r *Rule) readPattern() (fault int) {
	p := r.Pattern
	r.matches = []pattern{{deep}} // everything, as long as it is not known to mean less
	r.folded = r.matches
	if !utf8.ValidString(p) {
		r.Invalid = "the pattern is not UTF-8, so nobody can tell what it owns"
		return 0
	}
	for i, c := range p {
		if invisible(c) {
			r.Invalid = fmt.Sprintf("the pattern holds the invisible character %U: remove it", c)
			return i
		}
	}
	if odd := len(p) - len(strings.TrimRight(p, `\`)); odd%2 == 1 {
		r.Invalid = `the pattern ends in a lone "\"`
		return len(p) - 1
	}
	body := strings.TrimPrefix(p, "!")
	readings := []string{body}
	from, to := brackets(p)
	if to > 0 { // GitHub takes brackets for themselves, most writers mean a range: neither may own
		readings = append(readings, widen(body))
	}
	r.matches, r.folded = nil, nil
	for _, text := range readings {
		r.matches = append(r.matches, compile(text))
		r.folded = append(r.folded, compile(strings.ToLower(text)))
	}
	switch {
	case body != p:
		r.Invalid = `the code host has no negation "!": list the owners of what is left instead`
		return 0
	case strings.HasPrefix(p, `\#`):
		r.Invalid = `the code host cannot escape a leading "#"`
		return 0
	case strings.Contains(p, "//") || p == "/":
		r.Invalid = "the pattern has an empty path segment, so it matches nothing"
		return max(strings.Index(p, "//"), 0)
	case strings.Contains(p, "***"):
		r.Invalid = `"***" has no meaning: write "*" or "**"`
		return strings.Index(p, "***")
	case to > 0:
		r.Invalid = `the code host has no character ranges "[ ]": write the paths out, or escape the brackets with "\"`
		return from
	}
	return -1
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

func parseOwner(word string) (Owner, error) {
	for _, c := range word {
		if c < 0x21 || c > 0x7e {
			return Owner{}, fmt.Errorf("the owner %+q holds a character that no account name has", clip(word))
		}
	}
	switch {
	case userForm.MatchString(word):
		return Owner{Kind: User, Name: word[1:]}, nil
	case teamForm.MatchString(word):
		return Owner{Kind: Team, Name: word[1:]}, nil
	case emailForm.MatchString(word):
		return Owner{Kind: Email, Name: word}, nil
	}
	return Owner{}, fmt.Errorf("%q is not an owner: expected @login, @org/team or an e-mail address", clip(word))
}

// clip keeps messages short.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func skipBlanks(line string, i int) int {
	for i < len(line) && blank(line[i]) {
		i++
	}
	return i
}

func wordLen(s string) int {
	if n := strings.IndexAny(s, " \t"); n >= 0 {
		return n
	}
	return len(s)
}

// patternEnd finds the first blank that no backslash escapes.
func patternEnd(line string, i int) int {
	for ; i < len(line) && !blank(line[i]); i++ {
		if line[i] == '\\' && i+1 < len(line) {
			i++
		}
	}
	return i
}
