package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// value is one JSON value as it is written, checked by parse. It is looked into only where it is asked
// for: an evaluation log is mostly samples that nobody needs. A nil value is one that is not there.
type value []byte

func (v value) isObject() bool { return len(v) > 0 && v[0] == '{' }
func (v value) isList() bool   { return len(v) > 0 && v[0] == '[' }
func (v value) isText() bool   { return len(v) > 0 && v[0] == '"' }

// parse checks that data is one JSON value. NaN and Infinity are accepted as Python writes them; they
// are no numbers to reader.number.
func parse(data []byte) (value, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("it has %d bytes, more than the %d that are read", len(data), maxSize)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	s := scanner{data}
	start := s.space(0)
	end, err := s.value(start, 0)
	if err != nil {
		return nil, err
	}
	if rest := s.space(end); rest != len(data) {
		return nil, s.wrong(rest, "the end")
	}
	return value(data[start:end]), nil
}

// scanner finds where JSON values end.
type scanner struct{ b []byte }

func (s scanner) wrong(i int, want string) error {
	i = min(i, len(s.b))
	line := bytes.Count(s.b[:i], []byte("\n")) + 1
	column := i - bytes.LastIndexByte(s.b[:i], '\n')
	return syntaxError{line, column, "not JSON, want " + want}
}

// syntaxError is what is wrong with JSON, at its place.
type syntaxError struct {
	line, column int // from 1, column in bytes
	message      string
}

func (e syntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.line, e.column, e.message)
}

func (s scanner) space(i int) int {
	for i < len(s.b) && (s.b[i] == ' ' || s.b[i] == '\n' || s.b[i] == '\r' || s.b[i] == '\t') {
		i++
	}
	return i
}

// value returns where the value that begins at i ends.
func (s scanner) value(i, depth int) (int, error) {
	if depth > maxDepth {
		return 0, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	if i >= len(s.b) {
		return 0, s.wrong(i, "a value")
	}
	switch c := s.b[i]; {
	case c == '{' || c == '[':
		return s.each(i, depth, func(_, _, _, _ int) error { return nil })
	case c == '"':
		return s.text(i)
	case c == '-' || c >= '0' && c <= '9':
		return s.number(i)
	}
	for _, word := range []string{"true", "false", "null", "NaN", "Infinity"} {
		if bytes.HasPrefix(s.b[i:], []byte(word)) {
			return i + len(word), nil
		}
	}
	return 0, s.wrong(i, "a value")
}

// each calls f with the places of every key and value of the object or list that begins at i, and
// returns where that ends. In a list there are no keys.
func (s scanner) each(i, depth int, f func(key, keyEnd, value, valueEnd int) error) (int, error) {
	open, shut := s.b[i], byte(']')
	if open == '{' {
		shut = '}'
	}
	i = s.space(i + 1)
	if i < len(s.b) && s.b[i] == shut {
		return i + 1, nil
	}
	for {
		var key, keyEnd int
		var err error
		if open == '{' {
			if key = i; i >= len(s.b) || s.b[i] != '"' {
				return 0, s.wrong(i, "a key")
			}
			if keyEnd, err = s.text(i); err != nil {
				return 0, err
			}
			if i = s.space(keyEnd); i >= len(s.b) || s.b[i] != ':' {
				return 0, s.wrong(i, `":"`)
			}
			i = s.space(i + 1)
		}
		end, err := s.value(i, depth+1)
		if err != nil {
			return 0, err
		}
		if err := f(key, keyEnd, i, end); err != nil {
			return 0, err
		}
		i = s.space(end)
		switch {
		case i < len(s.b) && s.b[i] == shut:
			return i + 1, nil
		case i >= len(s.b) || s.b[i] != ',':
			return 0, s.wrong(i, fmt.Sprintf("%q or a comma", shut))
		}
		i = s.space(i + 1)
	}
}

func (s scanner) text(i int) (int, error) {
	for j := i + 1; j < len(s.b); j++ {
		switch c := s.b[j]; {
		case c == '"':
			return j + 1, nil
		case c < ' ':
			return 0, s.wrong(j, "an escape for a control character")
		case c == '\\':
			j++
			if j < len(s.b) && s.b[j] == 'u' {
				for range 4 {
					if j++; j >= len(s.b) || !hex(s.b[j]) {
						return 0, s.wrong(j, "four hexadecimal digits")
					}
				}
			} else if j >= len(s.b) || bytes.IndexByte([]byte(`"\/bfnrt`), s.b[j]) < 0 {
				return 0, s.wrong(j, "an escape")
			}
		}
	}
	return 0, s.wrong(len(s.b), "the end of a text")
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (s scanner) number(i int) (int, error) {
	if s.b[i] == '-' {
		i++
		if bytes.HasPrefix(s.b[i:], []byte("Infinity")) {
			return i + len("Infinity"), nil
		}
	}
	digits := func() bool {
		from := i
		for i < len(s.b) && s.b[i] >= '0' && s.b[i] <= '9' {
			i++
		}
		return i > from
	}
	zero := i < len(s.b) && s.b[i] == '0'
	from := i
	if !digits() || zero && i > from+1 {
		return 0, s.wrong(from, "a number")
	}
	if i < len(s.b) && s.b[i] == '.' {
		if i++; !digits() {
			return 0, s.wrong(i, "a digit")
		}
	}
	if i < len(s.b) && (s.b[i] == 'e' || s.b[i] == 'E') {
		i++
		if i < len(s.b) && (s.b[i] == '+' || s.b[i] == '-') {
			i++
		}
		if !digits() {
			return 0, s.wrong(i, "a digit")
		}
	}
	return i, nil
}

// reader looks into values and keeps the first thing that is wrong.
type reader struct{ err error }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// object returns the fields of an object; there are none in anything else. A key that stands twice is
// wrong: two readers would see two documents.
func (r *reader) object(v value) map[string]value {
	if !v.isObject() {
		return nil
	}
	out := map[string]value{}
	s := scanner{v}
	_, err := s.each(0, 0, func(key, keyEnd, from, to int) error {
		k := unquote(v[key:keyEnd])
		if _, twice := out[k]; twice {
			return fmt.Errorf("the key %q stands twice", clip(k))
		}
		out[k] = v[from:to]
		return nil
	})
	if err != nil {
		r.fail("%w", err)
		return nil
	}
	return out
}

// list returns the items of a list; there are none in anything else.
func (r *reader) list(v value, what string) []value {
	var out []value
	if !v.isList() {
		return nil
	}
	s := scanner{v}
	_, err := s.each(0, 0, func(_, _, from, to int) error {
		if len(out) == maxResults {
			return fmt.Errorf("it has more than %d %s", maxResults, what)
		}
		out = append(out, v[from:to])
		return nil
	})
	if err != nil {
		r.fail("%w", err)
		return nil
	}
	return out
}

// all calls f for every item of a list of any length, until f says no.
func (v value) all(f func(value) bool) {
	stop := errors.New("")
	if v.isList() {
		_, _ = scanner{v}.each(0, 0, func(_, _, from, to int) error {
			if !f(v[from:to]) {
				return stop
			}
			return nil
		})
	}
}

// text returns a text; anything else is none.
func (r *reader) text(v value) string {
	if len(v) > maxText {
		if v.isText() {
			r.fail("a text in it has %d bytes, more than the %d that are read", len(v), maxText)
		}
		return ""
	}
	return plain(v)
}

// plain returns a short text; anything else is none.
func plain(v value) string {
	if !v.isText() || len(v) > maxText {
		return ""
	}
	return unquote(v)
}

func unquote(v []byte) string {
	if !bytes.ContainsRune(v, '\\') {
		return string(v[1 : len(v)-1])
	}
	var s string
	if json.Unmarshal(v, &s) != nil { // parse has checked it
		return ""
	}
	return s
}

// number returns a finite number; anything else is none. One that no float holds is wrong.
func (r *reader) number(v value) (float64, bool) {
	if len(v) == 0 || v[0] != '-' && (v[0] < '0' || v[0] > '9') || bytes.HasSuffix(v, []byte("Infinity")) {
		return 0, false
	}
	if len(v) > maxText {
		r.fail("a number in it has %d digits", len(v))
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsInf(f, 0) {
		r.fail("the number %s is too large", clip(string(v)))
		return 0, false
	}
	return f, true
}

// count returns a number of things; anything else is 0.
func (r *reader) count(v value) int {
	f, ok := r.number(v)
	if !ok || f < 0 || f > 1e15 || f != math.Trunc(f) {
		return 0
	}
	return int(f)
}
