package releases

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// PreviousVersion returns the highest of the candidates that is lower than current, or "". Versions
// are ordered as semantic versions where current is one and some candidate is too, and else by the
// numbers and words they are made of (so 17 follows 9, and 2026-10-01 follows 2026-9-30).
func PreviousVersion(candidates []string, current string) string {
	compare := compareNatural
	if isSemver(current) && slices.ContainsFunc(candidates, isSemver) {
		compare = compareSemver
		candidates = slices.DeleteFunc(slices.Clone(candidates), func(c string) bool { return !isSemver(c) })
	}
	best := ""
	for _, c := range candidates {
		if compare(c, current) < 0 && (best == "" || compare(c, best) > 0) {
			best = c
		}
	}
	return best
}

// PreviousPath returns the path of the release that this one follows, out of the file names in the
// model's folder at the base: the one that change.previous names, else the highest lower version. It
// is "" when there is none.
func (r *Release) PreviousPath(entries []string) string {
	files := map[string]string{} // version → file name
	var versions []string
	for _, e := range entries {
		name := path.Base(e)
		if v, ok := versionOf(name); ok && v != r.Manifest.Metadata.Version {
			files[v] = name
			versions = append(versions, v)
		}
	}
	previous := r.Manifest.Spec.Change.Previous
	if files[previous] == "" {
		previous = PreviousVersion(versions, r.Manifest.Metadata.Version)
	}
	if previous == "" {
		return ""
	}
	return path.Join(path.Dir(r.Path), files[previous])
}

func isSemver(v string) bool { return semver.IsValid("v" + v) }

// compareSemver orders by precedence (SemVer 2.0.0 section 11), and what that leaves equal by text,
// so that the order is total.
func compareSemver(a, b string) int {
	return cmp.Or(semver.Compare("v"+a, "v"+b), compareNatural(a, b))
}

// compareNatural orders by runs of digits, as numbers, and runs of anything else, as text.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		var p, q string
		p, x = run(x)
		q, y = run(y)
		if isDigit(p[0]) && isDigit(q[0]) {
			p, q := strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
			if c := cmp.Or(cmp.Compare(len(p), len(q)), strings.Compare(p, q)); c != 0 {
				return c
			}
		} else if c := strings.Compare(p, q); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

// run cuts off the leading run of digits or of other bytes.
func run(s string) (head, rest string) {
	n := 1
	for n < len(s) && isDigit(s[n]) == isDigit(s[0]) {
		n++
	}
	return s[:n], s[n:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// Newest returns the file name of the highest version in a model's folder, or "" where no file is a release.
func Newest(names []string) string {
	files := map[string]string{} // version → file name
	var versions []string
	for _, name := range names {
		if v, ok := versionOf(name); ok {
			files[v] = name
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 {
		return ""
	}
	compare := compareNatural
	if slices.ContainsFunc(versions, isSemver) {
		compare = compareSemver
		versions = slices.DeleteFunc(versions, func(v string) bool { return !isSemver(v) })
	}
	return files[slices.MaxFunc(versions, compare)]
}
