package document

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing wrong with a file, at its place.
type Error struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`              // from 1; 0 when the whole file is meant
	Column  int    `json:"column"`            // from 1, in characters
	Pointer string `json:"pointer,omitempty"` // RFC 6901, where there is one
	Message string `json:"message"`           // what is wrong, what was expected
	Hint    string `json:"hint,omitempty"`    // what to do
}

func (e Error) Error() string {
	s := e.Path
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d", e.Path, e.Line, e.Column)
	}
	s += ": " + e.Message
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Errors is everything wrong with a file, in the order of its lines. It is never empty as an error.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find each Error.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i := range e {
		out[i] = e[i]
	}
	return out
}

// Sorted returns the errors in the order of their places, each place and message once, and no more
// of them than a person reads.
func (e Errors) Sorted() Errors { return e.sorted(0) }

// sorted also counts errors that were left out before.
func (e Errors) sorted(omitted int) Errors {
	slices.SortStableFunc(e, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	e = slices.Compact(e)
	if len(e) > maxErrors {
		omitted += len(e) - maxErrors
		e = e[:maxErrors:maxErrors]
	}
	if omitted > 0 {
		last := e[len(e)-1]
		e = append(e, Error{Path: last.Path, Line: last.Line, Column: last.Column,
			Message: fmt.Sprintf("and %d more errors", omitted), Hint: "correct those above first"})
	}
	return e
}

// and adds what a later stage found, but for the places that are reported already: what it says of
// them is noise.
func (e Errors) and(more Errors) Errors {
	type place struct {
		path         string
		line, column int
	}
	reported := map[place]bool{}
	for _, x := range e {
		reported[place{x.Path, x.Line, x.Column}] = true
	}
	for _, x := range more {
		if !reported[place{x.Path, x.Line, x.Column}] {
			e = append(e, x)
		}
	}
	return e
}

// within moves what is wrong with the end of the file, such as a bracket that is not closed, from
// behind the last line onto it: an annotation needs a line that exists.
func (e Errors) within(path string, src []byte) Errors {
	last := bytes.Count(src, []byte("\n"))
	if !bytes.HasSuffix(src, []byte("\n")) {
		last++
	}
	for i := range e {
		if e[i].Path == path && e[i].Line > last {
			e[i].Line, e[i].Column = max(last, 1), 1
		}
	}
	return e
}

// maxErrors bounds what one file can make Lumos say.
const maxErrors = 100

// quote shows text from a file, shortened; %q makes control characters visible.
func quote(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
