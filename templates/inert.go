package templates

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// md is Markdown that is safe to place in a page: our own vocabulary, or what Inert and prose made.
type md string

const (
	ellipsis = '…'
	empty    = "—" // stands for a text with nothing to see
	maxMarks = 3   // combining marks in a row: more only paint over the neighbouring lines
)

// Inert turns any text into one Markdown code span, in which neither GitHub nor GitLab reads a
// mention, a reference, a link, an image or HTML. What cannot be seen is taken out, white space
// becomes single spaces, and max caps the length in characters, ending in "…" where it cut.
// inTable escapes what would end the cell of a table. A text with nothing to see gives "—".
//
// Two spans must not touch each other: their fences would become one.
func Inert(s string, max int, inTable bool) string {
	s = clean(s, max)
	if s == "" {
		return empty
	}
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	pad := ""
	if s[0] == '`' || s[len(s)-1] == '`' {
		pad = " "
	}
	if inTable {
		// Rows are cut into cells before code spans are read, pairing backslashes from the left: a
		// lone one before the pipe would undo the pipe's own. Both must be escaped.
		s = cellEscapes.Replace(s)
	}
	return fence + pad + s + pad + fence
}

var cellEscapes = strings.NewReplacer(`\`, `\\`, `|`, `\|`)

// clean returns what can be seen of s, on one line, in at most max characters.
func clean(s string, max int) string {
	var b strings.Builder
	n, marks, space := 0, 0, false
	for _, r := range s { // broken UTF-8 arrives as U+FFFD, which shows
		if unicode.IsSpace(r) {
			space = n > 0
			continue
		}
		if invisible(r) {
			continue
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		need := 1
		if space {
			need = 2
		}
		if n+need > max {
			return cut(b.String(), max-1) + string(ellipsis)
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		n += need
	}
	return b.String()
}

// cut returns the first n characters of s.
func cut(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// invisible tells characters that steer a terminal or a layout, or that take part in a comparison
// without being seen: controls, formats (bidi, zero-width), separators, private use, fillers.
func invisible(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector) || r == '\u2800' || // the blank Braille pattern
		r&0xfffe == 0xfffe || (r >= 0xfdd0 && r <= 0xfdef) // noncharacters
}

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// prose shows a sentence that may quote untrusted text. Plain words stay as they are; everything
// else becomes Inert code: quotations as a whole, and each word that holds more than letters,
// digits and the punctuation of a sentence.
func prose(s string, max int) md { return sentence(s, max, false) }

// proseCell is prose for the cell of a table.
func proseCell(s string, max int) md { return sentence(s, max, true) }

func sentence(s string, max int, inTable bool) md {
	s = clean(s, max)
	if s == "" {
		return empty
	}
	var b strings.Builder
	var code []string // odd words that wait to share one span
	flush := func() {
		if len(code) > 0 {
			b.WriteString(Inert(strings.Join(code, " "), max, inTable))
			code = nil
		}
	}
	for s != "" {
		var w word
		w, s = nextWord(s)
		joins := len(code) > 0 && w.odd && !w.quoted && w.before == ""
		if !joins {
			flush()
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(w.before)
		}
		if w.odd || (b.Len() == len(w.before) && opensBlock(w)) {
			code = append(code, w.text)
		} else {
			b.WriteString(w.text)
		}
		if w.after != "" || w.quoted {
			flush()
			b.WriteString(w.after)
		}
	}
	flush()
	return md(b.String())
}

// word is one word of a sentence without the brackets and the punctuation around it.
type word struct {
	before, text, after string
	odd                 bool // must be shown as code
	quoted              bool // was in quotes or backticks, and is shown as code without them
}

// nextWord takes the first word, or the first quotation, off a cleaned sentence.
func nextWord(s string) (word, string) {
	var w word
	w.before, s = takeAny(s, "(")
	if s != "" && (s[0] == '`' || s[0] == '"') {
		if end := closing(s[1:], s[0]); end > 0 {
			w.text, s = s[1:1+end], s[2+end:]
			w.odd, w.quoted = true, true
			w.after, s = takeAny(s, ").,;:!?")
			return w, strings.TrimPrefix(s, " ")
		}
	}
	body, rest, _ := strings.Cut(s, " ")
	w.text = strings.TrimRight(body, "),.;:!?")
	switch {
	case w.text == "": // punctuation alone
		w.text, w.before = w.before+body, ""
	case strings.Contains(w.text, "("): // the closing bracket belongs to the word
		w.text = body
	default:
		w.after = body[len(w.text):]
	}
	w.odd = !plain(w.text)
	return w, rest
}

// closing finds the quote that ends a quotation: one followed by a space, punctuation or the end.
func closing(s string, quote byte) int {
	for i := range len(s) {
		if s[i] != quote {
			continue
		}
		if _, rest := takeAny(s[i+1:], ").,;:!?"); rest == "" || rest[0] == ' ' {
			return i
		}
	}
	return -1
}

func takeAny(s, chars string) (taken, rest string) {
	rest = strings.TrimLeft(s, chars)
	return s[:len(s)-len(rest)], rest
}

// plain tells a word that means nothing to Markdown nor to a code host: Latin letters and digits,
// joined one by one. Hosts link addresses, issue numbers and commit ids that they meet in text.
func plain(w string) bool {
	if strings.Contains("–—≥≤×→·=", w) && utf8.RuneCountInString(w) == 1 {
		return true
	}
	joined := true // no joiner at the start
	for _, r := range strings.TrimSuffix(w, "%") {
		switch {
		case r >= '0' && r <= '9', unicode.Is(unicode.Latin, r) && unicode.IsLetter(r):
			joined = false
		case strings.ContainsRune("-'’./", r) && !joined:
			joined = true
		default:
			return false
		}
	}
	lower := strings.ToLower(w)
	return !joined && !strings.HasPrefix(lower, "www.") && !strings.HasPrefix(lower, "gh-") && !commitLike(lower)
}

func commitLike(w string) bool {
	return len(w) >= 7 && strings.Trim(w, "0123456789abcdef") == "" && strings.ContainsAny(w, "0123456789")
}

// opensBlock tells a first word that would begin a list or a heading where a line begins with it.
func opensBlock(w word) bool {
	return strings.Trim(w.text, "0123456789") == "" && w.after != "" || strings.Trim(w.text, "=–—") == ""
}
