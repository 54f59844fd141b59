package owners

import (
	"fmt"
	"strings"
)

// Report says who owns some paths, and by which lines.
type Report struct {
	Dialect  Dialect     `json:"dialect"`
	Because  string      `json:"because"` // how the dialect is known
	File     string      `json:"file"`    // the file that counts; empty when there is none
	At       string      `json:"at"`      // where it was read: a revision, or the working tree
	Problems []Problem   `json:"problems"`
	Paths    []Ownership `json:"paths"`
}

// Ownership is what a file says of one path.
type Ownership struct {
	Path     string  `json:"path"`
	Owned    bool    `json:"owned"` // somebody must approve a change of it
	Claims   []Claim `json:"claims"`
	Excluded []Claim `json:"excluded,omitempty"`
	*Unowned         // why nobody must, and what would change it
}

// Owned reports whether every path has an owner.
func (r Report) Owned() bool {
	for _, p := range r.Paths {
		if !p.Owned {
			return false
		}
	}
	return true
}

// Explain says who owns path. A path that is not what it seems counts as owned by nobody, as it does
// in a decision.
func (f *File) Explain(path string) Ownership {
	o := Ownership{Path: path, Claims: f.Claims(path), Excluded: f.Excluded(path)}
	if o.Claims == nil {
		o.Claims = []Claim{}
	}
	if why := Suspicious(path); why != "" {
		o.Unowned = &Unowned{"the path can be taken for something else: " + why, "rename it"}
		return o
	}
	_, o.Unowned = f.Required(path)
	o.Owned = o.Unowned == nil
	return o
}

// Text renders the report for people: each path, then its lines as FILE:LINE. It holds no invisible
// characters but line feeds. Equal reports give equal text.
func (r Report) Text() string {
	var b strings.Builder
	for _, p := range r.Paths {
		fmt.Fprintf(&b, "%s\n", showPath(p.Path))
		for _, c := range p.Claims {
			r.line(&b, c, r.asks(c))
		}
		for _, c := range p.Excluded {
			r.line(&b, c, "asks for nobody")
		}
		if p.Unowned != nil {
			fmt.Fprintf(&b, "  NOT OWNED: %s\n  to change that: %s\n", p.Why, p.Fix)
		}
	}
	if len(r.Problems) > 0 {
		b.WriteString("\nproblems\n")
	}
	for _, p := range r.Problems {
		word := "error"
		if p.Warning {
			word = "warning"
		}
		fmt.Fprintf(&b, "  %s (%s)\n", inert(p.String()), word)
	}
	return b.String()
}

func (r Report) line(b *strings.Builder, c Claim, what string) {
	fmt.Fprintf(b, "  %s:%d  %s%s: %s\n", r.File, c.Rule.Line, inert(c.Rule.Pattern), InSection(c.Section), what)
}

// asks says in words what a claim asks for.
func (r Report) asks(c Claim) string {
	names := make([]string, len(c.Rule.Owners))
	for i, o := range c.Rule.Owners {
		names[i] = o.String()
	}
	text := "owned by " + strings.Join(names, ", ")
	switch {
	case c.Rule.Invalid != "":
		return "invalid, owned by nobody"
	case len(names) == 0:
		return "owned by nobody"
	case c.Optional:
		return text + ", optional: no approval is needed"
	case c.Count > 1:
		text += fmt.Sprintf(", %d of them must approve", c.Count)
	}
	if c.Rule.Default > 0 {
		text += fmt.Sprintf(" (the default of line %d)", c.Rule.Default)
	}
	return text
}

func showPath(path string) string {
	if Suspicious(path) != "" {
		return fmt.Sprintf("%+q", path)
	}
	return path
}
