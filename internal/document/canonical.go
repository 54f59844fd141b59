package document

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// Canonical returns the canonical JSON (RFC 8785) of a value that is made as Document.Value is. It
// writes what jcs.Transform makes of the value's JSON, without the way through that text.
func Canonical(v any) ([]byte, error) { return appendValue(nil, v) }

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return appendText(b, v), nil
	case int64:
		if v > maxInteger || v < -maxInteger {
			return nil, fmt.Errorf("canonical JSON: the number %d is too large to be exact everywhere", v)
		}
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		s, err := jcs.NumberToJSON(v)
		if err != nil {
			return nil, fmt.Errorf("canonical JSON: %w", err)
		}
		return append(b, s...), nil
	case []any:
		return appendList(b, v)
	case map[string]any:
		return appendMapping(b, v)
	}
	return nil, fmt.Errorf("canonical JSON: there is no form for a %T", v)
}

func appendList(b []byte, list []any) (_ []byte, err error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendMapping(b []byte, m map[string]any) (_ []byte, err error) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	// Keys stand in the order of their UTF-16 units (section 3.2.3), which is that of their bytes until
	// a character takes two units.
	if slices.ContainsFunc(keys, func(k string) bool { return strings.ContainsFunc(k, func(r rune) bool { return r > 0xFFFF }) }) {
		slices.SortFunc(keys, func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
	}
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, k), ':')
		if b, err = appendValue(b, m[k]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendText escapes only what has to be (section 3.2.2.2).
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ':
			b = utf8.AppendRune(b, r)
		default:
			if i := strings.IndexRune("\b\t\n\f\r", r); i >= 0 {
				b = append(b, '\\', "btnfr"[i])
			} else {
				b = fmt.Appendf(b, `\u%04x`, r)
			}
		}
	}
	return append(b, '"')
}
