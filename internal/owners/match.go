package owners

import (
	"strings"
	"unicode/utf8"
)

// pattern matches a whole path, segment by segment. Matching goes back to the last wildcard only,
// so its time is bounded by the length of the pattern times that of the path.
type pattern []segment

// segment matches one path segment, or any number of them.
type segment struct {
	deep bool   // "**": any number of segments, none included
	text string // the segment itself, when it has no wildcard
	glob []rune // else: its runes, with star and mark for the wildcards
}

const (
	star rune = -1 // "*": any run of characters within the segment
	mark rune = -2 // "?": any one character
)

var deep = segment{deep: true}

// compile reads a pattern of GitHub's dialect, which is close to that of .gitignore: a slash
// anywhere but at the end anchors it at the root, a slash at the end means "everything below", and a
// pattern that names a directory owns what is below it. Unlike in .gitignore, a last segment that is
// just "*" does not reach below, "**/" at the end is "**", and brackets stand for themselves.
func compile(text string) pattern {
	body := strings.TrimPrefix(text, "/")
	below := strings.HasSuffix(body, "/")
	body = strings.TrimSuffix(body, "/")
	parts := strings.Split(body, "/")

	var p pattern
	if len(parts) == 1 && !strings.HasPrefix(text, "/") {
		p = append(p, deep)
	}
	for _, part := range parts {
		p = append(p, compileSegment(part))
	}
	switch last := parts[len(parts)-1]; {
	case p[len(p)-1].deep: // at least one segment below what comes before
		p = append(p[:len(p)-1], compileSegment("*"), deep)
	case below:
		p = append(p, compileSegment("*"), deep)
	case last != "*" || len(p) > len(parts):
		p = append(p, deep)
	}
	return p
}

func compileSegment(text string) segment {
	if len(text) >= 2 && strings.Trim(text, "*") == "" {
		return deep
	}
	var s segment
	wild, escaped := false, false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
			continue
		case r == '*':
			wild, r = true, star
		case r == '?':
			wild, r = true, mark
		}
		s.glob = append(s.glob, r)
	}
	if !wild {
		s.text, s.glob = string(s.glob), nil
	}
	return s
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
		case i < len(g) && g[i] == star:
			back, from = i, j
			i++
		case i < len(g) && (g[i] == mark || g[i] == r):
			i, j = i+1, j+size
		case back >= 0:
			_, size = utf8.DecodeRuneInString(name[from:])
			from += size
			i, j = back+1, from
		default:
			return false
		}
	}
	for i < len(g) && g[i] == star {
		i++
	}
	return i == len(g)
}
