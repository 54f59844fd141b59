package config

import (
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret holds text that must not reach a log, an error or a page: however it is printed or encoded,
// it shows as [redacted]. The zero Secret is none.
type Secret struct {
	text *string // a pointer, for fmt prints what unexported fields hold without asking their methods
}

// NewSecret wraps text; empty text is no secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text itself, to be handed to what needs it and nothing else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

func (Secret) String() string               { return redacted }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format prints [redacted] for every verb.
func (Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, redacted) // fmt.State keeps its own error
}
