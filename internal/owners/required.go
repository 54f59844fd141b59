package owners

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Unowned says why a path counts as owned by nobody, and what would change it.
type Unowned struct {
	Why string `json:"why"`
	Fix string `json:"fix"`
}

// Required returns the claims on path that must all be met, each with owners; or why there are none.
// An owner whose approval is optional is none, and a section that excludes the path asks for nobody:
// GitLab would let such a path through, Lumos lets nothing governed through without an owner.
func (f *File) Required(path string) ([]Claim, *Unowned) {
	claims, excluded := f.Claims(path), f.Excluded(path)
	if line := differs(claims, f.ClaimsFold(path)); line > 0 {
		return nil, &Unowned{fmt.Sprintf("line %d owns the same in other letter case", line),
			"give the path or the pattern the same letter case: some systems take the two for one file"}
	}
	var must []Claim
	for _, c := range claims {
		at := fmt.Sprintf("line %d%s", c.Rule.Line, InSection(c.Section))
		switch {
		case c.Optional:
		case c.Rule.Invalid != "":
			return nil, &Unowned{at + " is invalid: " + c.Rule.Invalid, "correct that line"}
		case len(c.Rule.Owners) == 0:
			return nil, &Unowned{at + " names nobody", "name an owner on that line"}
		default:
			must = append(must, c)
		}
	}
	switch {
	case len(must) > 0:
		return must, nil
	case len(claims) > 0:
		return nil, &Unowned{fmt.Sprintf("only line %d%s owns it, and that section is optional", claims[0].Rule.Line, InSection(claims[0].Section)),
			`remove "^" from its heading, or own the path in another section`}
	case len(excluded) > 0:
		return nil, &Unowned{fmt.Sprintf("line %d%s excludes it, and nothing governed goes without an owner", excluded[0].Rule.Line, InSection(excluded[0].Section)),
			"own the path in another section, or remove that line"}
	}
	return nil, &Unowned{"no line matches", "add a line that names its owners"}
}

// differs returns the line that makes a difference when letter case does not count; 0 when none does.
func differs(exact, fold []Claim) int {
	lacks := func(claims []Claim, c Claim) bool {
		return !slices.ContainsFunc(claims, func(other Claim) bool { return other.Rule == c.Rule })
	}
	for _, c := range fold {
		if lacks(exact, c) {
			return c.Rule.Line
		}
	}
	for _, c := range exact { // excluded in other letter case
		if lacks(fold, c) {
			return c.Rule.Line
		}
	}
	return 0
}

// InSection is " in [Name]"; empty outside of sections.
func InSection(name string) string {
	if name == "" {
		return ""
	}
	return " in [" + inert(clip(name)) + "]"
}

// inert shows text of a file as it is, or quoted when it is not what it seems.
func inert(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, invisible) {
		return strconv.QuoteToASCII(s)
	}
	return s
}
