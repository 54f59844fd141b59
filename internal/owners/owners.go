// Package owners reads CODEOWNERS files: who owns which path of a repository.
//
// Two dialects are built, GitHub's and GitLab's. Parsing (parse.go, github.go, gitlab.go) knows the
// lines of a dialect, matching (match.go) knows what a pattern means. Sources: GitHub Docs, "About
// code owners"; GitLab Docs, "Code Owners" with its syntax reference and advanced configuration (both
// 2026). The package is pure: it imports no adapter and does no I/O. It never guesses in somebody's
// favour: a line that is not understood owns nothing, and takes the ownership away from the paths that
// it may be about.
package owners

import (
	"fmt"
	"slices"
	"strings"
)

// Dialect is the code host whose rules a file follows. The zero Dialect is GitHub.
type Dialect string

// The dialects.
const (
	GitHub Dialect = "github"
	GitLab Dialect = "gitlab"
)

// Places lists where the host looks for the file, in this order: the first one found counts alone.
func Places(d Dialect) []string {
	if d == GitLab {
		return []string{"CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"}
	}
	return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}
}

// AllPlaces lists the places of every dialect. What lies there is governed wherever the repository
// is: it may be mirrored or moved to the other host.
func AllPlaces() []string {
	return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"}
}

// IsPlace reports whether a host could read path as a CODEOWNERS file.
func IsPlace(path string) bool { return slices.Contains(AllPlaces(), path) }

// Counts picks the file that counts among those that are there, and warns of the others; path is
// empty when none counts.
func Counts(d Dialect, there []string) (path string, ignored []Problem) {
	for _, place := range Places(d) {
		if slices.Contains(there, place) {
			path = place
			break
		}
	}
	for _, other := range there {
		switch {
		case other == path:
		case slices.Contains(Places(d), other):
			ignored = append(ignored, Problem{Path: other, Message: "is ignored, because " + path + " is there", Warning: true})
		default:
			ignored = append(ignored, Problem{Path: other, Message: "is no place where this host looks", Warning: true})
		}
	}
	return path, ignored
}

// MaxSize is the size in bytes above which a file counts as none. GitHub ignores a larger one; GitLab
// names no bound, so ours is the same.
func MaxSize(Dialect) int { return 3 << 20 }

// Kind is the kind of an owner.
type Kind string

// The kinds of owner.
const (
	User  Kind = "user"  // on GitLab this may be a top-level group as well: they share one namespace
	Team  Kind = "team"  // a team, or a group within a group
	Role  Kind = "role"  // GitLab: everybody with exactly that role in the project, directly
	Email Kind = "email" // no host tells which account has it, so it satisfies nothing
)

// Owner is one owner as the file names it.
type Owner struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"` // "login", "org/slug", "developer" or "local@domain", without the leading "@"
}

func (o Owner) String() string {
	switch o.Kind {
	case Email:
		return o.Name
	case Role:
		return "@@" + o.Name
	}
	return "@" + o.Name
}

// Key is equal for two owners that the host takes for the same.
func (o Owner) Key() string { return strings.ToLower(o.String()) }

// Rule is one line: a pattern and who owns what it matches. No owners means that nobody does.
type Rule struct {
	Line     int     `json:"line"` // from 1
	Pattern  string  `json:"pattern"`
	Owners   []Owner `json:"owners"`
	Default  int     `json:"default,omitempty"`  // the line of the heading that the owners come from, if they do
	Excludes bool    `json:"excludes,omitempty"` // GitLab: takes what it matches out of its section
	Invalid  string  `json:"invalid,omitempty"`  // why the line could not be understood; such a rule has no owners

	section int // index in File.sections
	matches []pattern
	folded  []pattern // the same in lower case
}

// Problem is one thing wrong with a CODEOWNERS file, at its place.
type Problem struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`   // from 1; 0 when the whole file is meant
	Column  int    `json:"column"` // from 1, in characters
	Message string `json:"message"`
	Warning bool   `json:"warning,omitempty"` // the line counts all the same
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.Path, p.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.Path, p.Line, p.Column, p.Message)
}

// File is a parsed CODEOWNERS file.
type File struct {
	Rules []Rule // in the order of the file

	sections []section // of GitLab; the first is that of the lines before any heading
}

// section is what lines share that stand under headings of one name.
type section struct {
	name     string
	optional bool
	count    int
	excludes bool   // a rule of it excludes
	broken   string // why its heading could not be understood: its lines own nothing
}

// Claim is what one section says of a path: Count distinct people of the rule's owners must approve.
// The rule may have no owners, and it may be an invalid line.
type Claim struct {
	Section  string `json:"section"`            // as the file first writes it; empty for lines outside of sections
	Optional bool   `json:"optional,omitempty"` // the host shows these owners, and asks for no approval
	Count    int    `json:"count"`              // at least 1
	Rule     *Rule  `json:"rule"`
}

// Claims returns who owns path (relative to the root, with slashes): at most one claim of each
// section, in the order of the file. It is the last line of the section that matches. GitHub has
// one section.
func (f *File) Claims(path string) []Claim {
	claims, _ := f.claims(path, func(r *Rule) []pattern { return r.matches })
	return claims
}

// ClaimsFold is Claims where letter case does not count. Where it finds other rules than Claims
// does, somebody else owns what a case-folding system takes for the same path.
func (f *File) ClaimsFold(path string) []Claim {
	claims, _ := f.claims(strings.ToLower(path), func(r *Rule) []pattern { return r.folded })
	return claims
}

// Excluded returns the lines that take path out of their sections, so that these claim nothing of
// it: the Count of such a claim is 0.
func (f *File) Excluded(path string) []Claim {
	_, excluded := f.claims(path, func(r *Rule) []pattern { return r.matches })
	return excluded
}

func (f *File) claims(path string, of func(*Rule) []pattern) (claims, excluded []Claim) {
	segments := strings.Split(path, "/")
	matches := func(p pattern) bool { return p.match(segments) }
	found := make([]struct{ last, excludes, invalid *Rule }, len(f.sections))
	for i := len(f.Rules) - 1; i >= 0; i-- {
		r := &f.Rules[i]
		hit := &found[r.section]
		if hit.last != nil && !f.sections[r.section].excludes || !slices.ContainsFunc(of(r), matches) {
			continue
		}
		if hit.last == nil {
			hit.last = r
		}
		switch {
		case r.Invalid != "":
			hit.invalid = r
		case r.Excludes:
			hit.excludes = r
		}
	}
	for i, hit := range found {
		s, rule := f.sections[i], hit.last
		switch {
		case rule == nil:
			continue
		case hit.excludes != nil && hit.invalid != nil: // it may say that the path is not excluded after all
			rule = hit.invalid
		case hit.excludes != nil:
			excluded = append(excluded, Claim{Section: s.name, Rule: hit.excludes})
			continue
		}
		claims = append(claims, Claim{Section: s.name, Optional: s.optional, Count: s.count, Rule: rule})
	}
	return claims, excluded
}
