// Package owners reads CODEOWNERS files: who owns which path of a repository.
//
// Parsing (parse.go) knows the lines of a dialect, matching (match.go) knows what a pattern means;
// GitHub's dialect is the one built. Source: GitHub Docs, "About code owners". The package is pure:
// it imports no adapter and does no I/O. It never guesses in somebody's favour: a line that is not
// understood owns nothing, and takes the ownership away from the paths that it may be about.
package owners

import (
	"fmt"
	"slices"
	"strings"
)

// MaxSize is the size in bytes above which GitHub ignores a CODEOWNERS file.
const MaxSize = 3 << 20

// Places lists where GitHub looks for the file, in this order: the first one found counts alone.
var Places = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// IsPlace reports whether the host could read path as a CODEOWNERS file.
func IsPlace(path string) bool { return slices.Contains(Places, path) }

// Kind is the kind of an owner.
type Kind string

// The kinds of owner.
const (
	User  Kind = "user"
	Team  Kind = "team"
	Email Kind = "email" // no host tells which account has it, so it satisfies nothing
)

// Owner is one owner as the file names it.
type Owner struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"` // "login", "org/slug" or "local@domain", without the leading "@"
}

func (o Owner) String() string {
	if o.Kind == Email {
		return o.Name
	}
	return "@" + o.Name
}

// Key is equal for two owners that the host takes for the same.
func (o Owner) Key() string { return strings.ToLower(o.String()) }

// Rule is one line: a pattern and who owns what it matches. No owners means that nobody does.
type Rule struct {
	Line    int     `json:"line"` // from 1
	Pattern string  `json:"pattern"`
	Owners  []Owner `json:"owners"`
	Invalid string  `json:"invalid,omitempty"` // why the line could not be understood; such a rule has no owners

	matches []pattern
	folded  []pattern // the same in lower case
}

// Problem is one thing wrong with a CODEOWNERS file, at its place.
type Problem struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`   // from 1; 0 when the whole file is meant
	Column  int    `json:"column"` // from 1, in characters
	Message string `json:"message"`
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
}

// Match returns the rule that decides who owns path (relative to the root, with slashes): the last
// one that matches, or nil. The rule may have no owners, and it may be an invalid line.
func (f *File) Match(path string) *Rule {
	return f.last(path, func(r *Rule) []pattern { return r.matches })
}

// MatchFold is Match where letter case does not count. Where it finds another rule than Match does,
// somebody else owns what a case-folding system takes for the same path.
func (f *File) MatchFold(path string) *Rule {
	return f.last(strings.ToLower(path), func(r *Rule) []pattern { return r.folded })
}

func (f *File) last(path string, of func(*Rule) []pattern) *Rule {
	segments := strings.Split(path, "/")
	for i := len(f.Rules) - 1; i >= 0; i-- {
		for _, p := range of(&f.Rules[i]) {
			if p.match(segments) {
				return &f.Rules[i]
			}
		}
	}
	return nil
}
