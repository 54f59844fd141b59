package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/releases"
)

// Release is the release of the story, complete, by path: the manifest of a real model and its evidence.
func Release() (map[string][]byte, error) { return releases.Example(time.Now()) }

// Draft is the manifest as an engineer in a hurry first pushes it: a branch instead of a revision, no
// leakage test, a purpose still to be written, and a risk tier below what its factors say.
func Draft(complete []byte) ([]byte, error) {
	text := string(complete)
	for _, edit := range []struct{ from, to, with string }{
		{"    revision: ", "\n", "    revision: main\n"},
		{"    purpose: ", "\n", "    purpose: \"[More Information Needed]\"\n"},
		{"    - id: leakage\n", "evidence: ev-leakage\n", ""},
		{"    tier: ", "\n", "    tier: low\n"},
	} {
		start := strings.Index(text, edit.from)
		if start < 0 {
			return nil, fmt.Errorf("the example has no %q", edit.from)
		}
		end := strings.Index(text[start:], edit.to)
		if end < 0 {
			return nil, fmt.Errorf("the example has no %q after %q", edit.to, edit.from)
		}
		text = text[:start] + edit.with + text[start+end+len(edit.to):]
	}
	return []byte(text), nil
}
