package owners

import (
	"slices"
	"unicode/utf8"
)

// pattern matches a whole path, segment by segment. Matching goes back to the last wildcard only,
// so its time is bounded by the length of the pattern times that of the path.
type pattern []segment

// segment matches one path segment, or any number of them.
type segment struct {
	deep bool   // "**": any number of segments, none included
	text string // the segment itself, when it has no wildcard
	glob []atom // else: its parts
}

// atom matches one character, or any run of them.
type atom struct {
	r   rune // the character, or star or mark
	set *set // if not nil: one of these
}

const (
	star rune = -1 // "*": any run of characters within the segment
	mark rune = -2 // "?": any one character
)

// set is a "[…]" of GitLab's dialect.
type set struct {
	not    bool
	ranges [][2]rune
}

var deep = segment{deep: true}

// compileSegment reads wildcards and escapes; "[…]" is a set of characters where the dialect has
// sets, and stands for itself elsewhere. ok is false when a set is not closed within the segment.
func compileSegment(text string, sets bool) (s segment, ok bool) {
	wild := false
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		a := atom{r: runes[i]}
		switch {
		case a.r == '\\':
			if i++; i == len(runes) {
				continue
			}
			a.r = runes[i]
		case a.r == '*':
			wild, a.r = true, star
		case a.r == '?':
			wild, a.r = true, mark
		case a.r == '[' && sets:
			chars, n := readSet(runes[i+1:])
			if n == 0 {
				return segment{}, false
			}
			wild, a.set = true, chars
			i += n
		}
		s.glob = append(s.glob, a)
	}
	if !wild {
		plain := make([]rune, len(s.glob))
		for i, a := range s.glob {
			plain[i] = a.r
		}
		s.text, s.glob = string(plain), nil
	}
	return s, true
}

// readSet reads what follows a "[": members and ranges up to the "]", negated by a leading "!" or
// "^". It returns how many characters it took, with the "]"; 0 when there is none.
func readSet(text []rune) (*set, int) {
	s := &set{}
	i := 0
	next := func() rune {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		i++
		return text[i-1]
	}
	if len(text) > 0 && (text[0] == '!' || text[0] == '^') {
		s.not, i = true, 1
	}
	for i < len(text) && text[i] != ']' {
		from := next()
		to := from
		if i+1 < len(text) && text[i] == '-' && text[i+1] != ']' {
			i++
			to = next()
		}
		s.ranges = append(s.ranges, [2]rune{from, to})
	}
	if i >= len(text) {
		return nil, 0
	}
	return s, i + 1
}

func (s *set) has(r rune) bool {
	in := slices.ContainsFunc(s.ranges, func(x [2]rune) bool {
		return r == x[0] || r == x[1] || x[0] < r && r < x[1]
	})
	return in != s.not
}

func (p pattern) match(path []string) bool {
	i, j := 0, 0
	back, from := -1, 0 // the last "**", and the segment that is tried next after it
	for j < len(path) {
		switch {
		case i < len(p) && p[i].deep:
			back, from = i, j
			i++
		case i < len(p) && p[i].match(path[j]):
			i, j = i+1, j+1
		case back >= 0:
			from++
			i, j = back+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i].deep {
		i++
	}
	return i == len(p)
}

func (s segment) match(name string) bool {
	if s.glob == nil {
		return s.text == name
	}
	g := s.glob
	i, j := 0, 0
	back, from := -1, 0
	for j < len(name) {
		r, size := utf8.DecodeRuneInString(name[j:])
		switch {
		case i < len(g) && g[i].r == star:
			back, from = i, j
			i++
		case i < len(g) && g[i].takes(r):
			i, j = i+1, j+size
		case back >= 0:
			_, size = utf8.DecodeRuneInString(name[from:])
			from += size
			i, j = back+1, from
		default:
			return false
		}
	}
	for i < len(g) && g[i].r == star {
		i++
	}
	return i == len(g)
}

func (a atom) takes(r rune) bool {
	if a.set != nil {
		return a.set.has(r)
	}
	return a.r == mark || a.r == r
}
