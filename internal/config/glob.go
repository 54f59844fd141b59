package config

import (
	"path"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/owners"
)

// Matches tells whether path is that of a release manifest. A path that can be taken for another one
// (see owners.Suspicious) never is, and neither is one under .lumos: a change of these must be judged
// on other grounds, and never passes for no release at all.
func (c *Config) Matches(path string) bool {
	return owners.Suspicious(path) == "" && c.Covers(path)
}

// Covers is Matches for a path that may be taken for another one: what a plain reader of the globs
// would take for a release manifest.
func (c *Config) Covers(path string) bool {
	segments := strings.Split(path, "/")
	if segments[0] == root {
		return false
	}
	return slices.ContainsFunc(c.Releases, func(g string) bool { return matchGlob(strings.Split(g, "/"), segments) })
}

// matchGlob matches segment by segment. On a mismatch it goes back to the last "**" alone and lets it
// stand for one segment more, so the time is at most the product of the two lengths.
func matchGlob(glob, segments []string) bool {
	g, s := 0, 0
	star, resume := -1, 0
	for s < len(segments) {
		switch {
		case g < len(glob) && glob[g] == "**":
			star, resume = g, s
			g++
		case g < len(glob) && matchSegment(glob[g], segments[s]):
			g++
			s++
		case star >= 0:
			resume++
			g, s = star+1, resume
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == "**" {
		g++
	}
	return g == len(glob)
}

func matchSegment(glob, segment string) bool {
	ok, err := path.Match(glob, segment)
	return ok && err == nil // badGlob lets nothing through that path.Match refuses
}

// badGlob says what is wrong with a glob of release manifests, or "".
func badGlob(g string) string {
	if strings.ContainsAny(g, "[]{}!") {
		return "it holds [, ], {, } or !, which globs here do not know"
	}
	if problem := owners.Suspicious(g); problem != "" {
		return problem
	}
	segments := strings.Split(g, "/")
	for _, s := range segments {
		if s != "**" && strings.Contains(s, "**") {
			return "it holds ** as part of a segment"
		}
	}
	switch last := segments[len(segments)-1]; {
	case segments[0] == root:
		return "it leads into " + root
	case !strings.HasSuffix(last, ".yaml") && !strings.HasSuffix(last, ".yml"):
		return "it does not end in .yaml or .yml"
	}
	return ""
}

// Dirs returns the directories that the globs start from, sorted, each once: "releases" for
// "releases/*/*.yaml", and "" for a glob that starts at the root.
func (c *Config) Dirs() []string {
	var dirs []string
	for _, g := range c.Releases {
		segments := strings.Split(g, "/")
		n := slices.IndexFunc(segments, func(s string) bool { return strings.ContainsAny(s, "*?") })
		if n < 0 {
			n = len(segments) - 1 // a plain path: its directory
		}
		dirs = append(dirs, strings.Join(segments[:n], "/"))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
