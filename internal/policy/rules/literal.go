package rules

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
)

// quoted writes a text as a literal of Rego, which is one of JSON. Characters that are not visible are
// escaped, so that nothing hides in it.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// pattern writes a regular expression, raw where that is possible.
func pattern(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r == '`' || !unicode.IsPrint(r) }) {
		return quoted(s)
	}
	return "`" + s + "`"
}

// The texts that YAML reads as they are: words, starting with a letter, more than one of them so that
// none is a boolean, null or number.
var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*( [A-Za-z0-9][A-Za-z0-9,.'()/-]*)+$`)

// yamlText writes a text for the METADATA block.
func yamlText(s string) string {
	if plainText.MatchString(s) && len(s) < 100 {
		return s
	}
	return yamlQuoted(s)
}

// yamlQuoted differs from JSON in characters beyond the basic plane, which YAML escapes in one.
func yamlQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// folded writes a text as a block that YAML joins to the same text again; ok tells whether it does.
func folded(s string) (lines []string, ok bool) {
	if strings.Join(strings.Fields(s), " ") != s || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.Contains(s, "METADATA") {
		return nil, false
	}
	return wrap(s, 100), true
}

// wrap breaks a text into lines of at most so many characters, where its words allow it.
func wrap(s string, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > most {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// identifier tells whether a key can follow a dot in Rego.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var keywords = map[string]bool{
	"as": true, "contains": true, "default": true, "else": true, "every": true, "false": true, "if": true, "import": true,
	"in": true, "not": true, "null": true, "package": true, "some": true, "true": true, "with": true, "and": true, "or": true,
}

// reference appends keys to an expression.
func reference(from string, keys []string) string {
	for _, k := range keys {
		if identifier.MatchString(k) && !keywords[k] {
			from += "." + k
			continue
		}
		from += "[" + quoted(k) + "]"
	}
	return from
}

// sentence is a text with values in it, as a call of sprintf.
type sentence []word

type word struct {
	text string
	verb string // %q, %v or %d; empty: text
	arg  string // Rego
}

func plainly(format string, args ...any) sentence {
	return sentence{{text: fmt.Sprintf(format, args...)}}
}

func (s sentence) rego() string {
	var plain, format strings.Builder
	var args []string
	for _, w := range s {
		if w.verb == "" {
			plain.WriteString(w.text)
			format.WriteString(strings.ReplaceAll(w.text, "%", "%%"))
			continue
		}
		format.WriteString(w.verb)
		args = append(args, w.arg)
	}
	if args == nil {
		return quoted(plain.String())
	}
	const long = 100
	joined := strings.Join(args, ", ")
	if format.Len()+len(joined) > long {
		joined = "\n" + strings.Join(args, ",\n") + ",\n"
	}
	return "sprintf(" + quoted(format.String()) + ", [" + joined + "])"
}

// jsonList writes texts as a flow sequence, which JSON and YAML share for these.
func jsonList(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = yamlQuoted(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
