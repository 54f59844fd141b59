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

	// On GitLab names may hold dots, and groups hold groups.
	gitlabUserForm = regexp.MustCompile(`^@` + gitlabName + `$`)
	gitlabTeamForm = regexp.MustCompile(`^@` + gitlabName + `(/` + gitlabName + `)+$`)
	roleForm       = regexp.MustCompile(`^@@(?i:(developer|maintainer|owner)s?)$`)
)

const (
	gitlabName = `[A-Za-z0-9_.]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?`
	maxOwner   = 1000 // bytes of one owner
)

// parser reads a file line by line. The lines are a dialect's (github.go, gitlab.go).
type parser struct {
	dialect  Dialect
	path     string
	file     *File
	problems []Problem

	n    int    // the line being read, from 1
	line string // without its end

	heading  heading            // of GitLab, as all below
	named    map[string]int     // section by folded name
	repeated map[patternKey]int // newest rule by section and pattern
	newest   map[int]int        // newest rule by section
}

// Parse reads a CODEOWNERS file; path only names it in the problems. The File is always usable: a
// line with a problem owns nothing, and stays in the file as an invalid rule for the paths that it may
// be about, or for every path when its pattern cannot be read at all. A warning takes nothing away.
func Parse(d Dialect, path string, src []byte) (*File, []Problem) {
	if limit := MaxSize(d); len(src) > limit {
		return &File{}, []Problem{{Path: path, Message: fmt.Sprintf(
			"the file is %d bytes long; the code host ignores it above %d, so nobody owns anything: shorten it", len(src), limit)}}
	}
	p := &parser{dialect: d, path: path, file: &File{sections: []section{{count: 1}}},
		named: map[string]int{}, repeated: map[patternKey]int{}, newest: map[int]int{}}
	for n, line := range strings.Split(string(src), "\n") {
		p.n, p.line = n+1, strings.TrimSuffix(line, "\r")
		at := skipBlanks(p.line, 0)
		switch {
		case at == len(p.line) || p.line[at] == '#':
		case d == GitLab:
			p.gitlabLine(at)
		default:
			p.githubLine(at)
		}
	}
	return p.file, p.problems
}

// fault reports what is wrong at a byte of the line.
func (p *parser) fault(at int, message string) {
	p.problems = append(p.problems, Problem{Path: p.path, Line: p.n, Column: utf8.RuneCountInString(p.line[:at]) + 1, Message: message})
}

// warn reports what is odd at a byte of a line that counts all the same.
func (p *parser) warn(at int, message string) {
	p.fault(at, message)
	p.problems[len(p.problems)-1].Warning = true
}

// invalidate makes r own nothing, because of what stands at a byte of the line.
func (p *parser) invalidate(r *Rule, at int, message string) {
	r.Owners, r.Default, r.Invalid = nil, 0, message
	p.fault(at, message)
}

// ownerList keeps owners in the order of the line, each once.
type ownerList struct {
	all  []Owner
	seen map[string]bool
}

func (l *ownerList) add(o Owner) {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	if !l.seen[o.Key()] {
		l.seen[o.Key()] = true
		l.all = append(l.all, o)
	}
}

func parseOwner(d Dialect, word string) (Owner, error) {
	for _, c := range word {
		if c < 0x21 || c > 0x7e {
			return Owner{}, fmt.Errorf("the owner %+q holds a character that no account name has", clip(word))
		}
	}
	user, team, expected := userForm, teamForm, "@login, @org/team or an e-mail address"
	if d == GitLab {
		user, team, expected = gitlabUserForm, gitlabTeamForm, "@name, @group/subgroup, @@role (developer, maintainer or owner) or an e-mail address"
		if role := roleForm.FindStringSubmatch(word); role != nil {
			return Owner{Kind: Role, Name: strings.ToLower(role[1])}, nil
		}
	}
	switch {
	case len(word) > maxOwner:
	case user.MatchString(word):
		return Owner{Kind: User, Name: word[1:]}, nil
	case team.MatchString(word):
		return Owner{Kind: Team, Name: word[1:]}, nil
	case emailForm.MatchString(word):
		return Owner{Kind: Email, Name: word}, nil
	}
	return Owner{}, fmt.Errorf("%q is not an owner: expected %s", clip(word), expected)
}

// unreadable says why nobody can tell what text means, and at which byte; it is empty when one can.
func unreadable(text string) (why string, at int) {
	if !utf8.ValidString(text) {
		return "is not UTF-8, so nobody can tell what it owns", 0
	}
	for i, c := range text {
		if invisible(c) {
			return fmt.Sprintf("holds the invisible character %U: remove it", c), i
		}
	}
	if odd := len(text) - len(strings.TrimRight(text, `\`)); odd%2 == 1 {
		return `ends in a lone "\"`, len(text) - 1
	}
	return "", 0
}

// clip keeps messages short.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
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
