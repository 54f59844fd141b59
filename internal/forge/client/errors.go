package client

import (
	"errors"
	"strings"
)

// hostError is every error that leaves an adapter: errors.Is finds the kind by which callers decide, as
// well as the error underneath.
type hostError struct {
	text  string
	kind  error // one of forge's errors, or nil
	cause error
}

func (e *hostError) Error() string { return e.text }

func (e *hostError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// Fail says what could not be done, and why: cause is of that kind, one of forge's errors or nil. redact
// takes the host's secrets out of the text.
func Fail(cause, kind error, what string, redact func(string) string) error {
	text := what + ": "
	if kind != nil && !errors.Is(cause, kind) {
		text += kind.Error() + ": "
	}
	return &hostError{text: printable(redact(text + cause.Error())), kind: kind, cause: cause}
}

// printable takes control characters out of a text that may quote what the host answered.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
