package approval

import "strings"

// place says how Markdown shows a line of a comment.
type place int

const (
	inert   place = iota // quoted, code, or hidden: not said by the comment's author
	plain                // ordinary text
	unclear              // what stands above could quote it: an empty line, or a comment of its own, would settle it
)

// hiders are the HTML elements and sections in which text is quoted, code, folded away or hidden.
var hiders = []struct{ open, close string }{
	{"<!--", "-->"}, {"<![cdata[", "]]>"}, {"<?", "?>"},
	{"<pre", "</pre>"}, {"<code", "</code>"}, {"<blockquote", "</blockquote>"}, {"<details", "</details>"},
	{"<script", "</script>"}, {"<style", "</style>"}, {"<textarea", "</textarea>"}, {"<!", ">"},
}

// markdown follows a comment line by line. It does not parse CommonMark: it only has to be sure
// whenever it says plain, so whatever two readers could read differently is unclear.
type markdown struct {
	fence  string // the run that opened a code fence; empty outside
	indent int    // the fence's column
	listed bool   // the fence may belong to a list item, and end with it
	hider  int    // index in hiders, when depth > 0
	depth  int
	mixed  bool // a line above in this block could reach into the next one
	html   bool // the block may be HTML, in which a fence is no fence
	lost   bool // two readings part here: nothing below is plain
}

// next says where line stands, and moves on.
func (m *markdown) next(line string) place {
	indent, rest := indentation(line)
	if m.fence != "" {
		m.inFence(indent, rest)
		return inert
	}
	column, item := listItem(indent, rest)
	run, info := fenceRun(item)
	fence := run != "" && (run[0] == '~' || !strings.Contains(info, "`"))

	switch {
	case m.depth > 0:
		m.lost = m.lost || fence
		m.hide(line)
		return inert
	case rest == "":
		m.mixed, m.html = false, false
		return inert
	case fence && indent >= 4:
		m.lost = true // a fence in a deep list, or code that shows one
		return inert
	case fence:
		m.fence, m.indent, m.listed = run, column, column > 0
		m.lost = m.lost || m.html
		return inert
	}
	mixed := m.mixed
	m.mixed = mixed || strings.ContainsAny(rest, "`<>[$")
	m.html = m.html || strings.HasPrefix(item, "<")
	m.hide(line)
	switch {
	case indent >= 4 || strings.HasPrefix(item, ">"):
		return inert
	case mixed || m.lost:
		return unclear
	}
	return plain
}

func (m *markdown) inFence(indent int, rest string) {
	if rest == "" {
		return
	}
	run, after := fenceRun(rest)
	closes := len(run) >= len(m.fence) && run[0] == m.fence[0] && strings.TrimSpace(after) == ""
	if m.listed {
		m.lost = m.lost || indent < m.indent || closes && indent != m.indent
	} else if indent >= 4 {
		closes = false
	}
	if closes {
		m.fence, m.mixed, m.html = "", false, false
	}
}

// hide follows the hiders through a line.
func (m *markdown) hide(line string) {
	line = asciiLower(line)
	for {
		if m.depth == 0 {
			at := -1
			for i, h := range hiders {
				if n := strings.Index(line, h.open); n >= 0 && (at < 0 || n < at) {
					at, m.hider = n, i
				}
			}
			if at < 0 {
				return
			}
			m.depth = 1
			line = line[at+len(hiders[m.hider].open):]
		}
		h := hiders[m.hider]
		open, end := strings.Index(line, h.open), strings.Index(line, h.close)
		for _, other := range hiders { // which of two ends first, only a full parser can tell
			at := strings.Index(line, other.open)
			m.lost = m.lost || at >= 0 && (end < 0 || at < end) && !strings.HasPrefix(h.open, other.open)
		}
		switch {
		case end < 0 && open < 0:
			return
		case end < 0 || open >= 0 && open < end:
			m.depth++
			line = line[open+len(h.open):]
		default:
			m.depth--
			line = line[end+len(h.close):]
		}
	}
}

// indentation returns the column of the first character and the line from there.
func indentation(line string) (column int, rest string) {
	for i := range len(line) {
		switch line[i] {
		case ' ':
			column++
		case '\t':
			column += 4 - column%4
		default:
			return column, line[i:]
		}
	}
	return column, ""
}

// listItem steps over list markers and returns the column and text of what the item holds.
func listItem(column int, rest string) (int, string) {
	for {
		n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		switch {
		case n < 0, n > 9, n == 0 && !strings.ContainsAny(rest[:1], "-+*"), n > 0 && rest[n] != '.' && rest[n] != ')':
			return column, rest
		}
		more, after := indentation(rest[n+1:])
		if more == 0 || after == "" {
			return column, rest
		}
		column, rest = column+n+1+more, after
	}
}

// fenceRun returns the run of three or more backticks or tildes that s begins with, and the rest.
func fenceRun(s string) (run, rest string) {
	if s == "" || s[0] != '`' && s[0] != '~' {
		return "", s
	}
	n := len(s) - len(strings.TrimLeft(s, s[:1]))
	if n < 3 {
		return "", s
	}
	return s[:n], s[n:]
}

// asciiLower lowers ASCII letters and keeps every byte in its place.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
