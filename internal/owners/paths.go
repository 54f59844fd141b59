package owners

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Suspicious says why path could be taken for another one by a person, a file system or a pattern;
// it is empty for a path that is what it seems. The answer shows no part of the path raw.
func Suspicious(path string) string {
	if path == "" {
		return "the path is empty"
	}
	if !utf8.ValidString(path) {
		return "the path is not UTF-8"
	}
	for _, r := range path {
		switch {
		case r == '\\':
			return "it holds a backslash, which some systems take for a slash"
		case unicode.IsControl(r):
			return fmt.Sprintf("it holds the control character %U", r)
		case invisible(r):
			return fmt.Sprintf("it holds the invisible character %U", r)
		}
	}
	if !norm.NFC.IsNormalString(path) {
		return "it is not in Unicode normal form C, so another path looks the same"
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == "":
			return "it has an empty segment"
		case segment == "." || segment == "..":
			return fmt.Sprintf("it has the segment %q", segment)
		case strings.HasSuffix(segment, " ") || strings.HasSuffix(segment, "."):
			return "a segment ends in a space or a dot, which some systems drop"
		case strings.HasPrefix(segment, " "):
			return "a segment begins with a space"
		}
	}
	return ""
}

// invisible reports characters that show nothing, or that change the order of what is shown:
// controls, format characters (bidi, zero width, tags), fillers and spaces other than U+0020.
func invisible(r rune) bool {
	if r < 0x7f {
		return r < 0x20
	}
	return unicode.IsControl(r) || unicode.IsSpace(r) ||
		unicode.In(r, unicode.Cf, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Co,
			unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Fold returns what a careless reader or a case-folding file system makes of path: two paths with
// the same Fold may be one file in somebody's checkout.
func Fold(path string) string {
	plain := true
	for i := 0; i < len(path) && plain; i++ {
		plain = path[i] >= 0x20 && path[i] < 0x7f
	}
	if !plain {
		path = strings.Map(func(r rune) rune {
			if invisible(r) {
				return -1
			}
			return r
		}, path)
		path = norm.NFC.String(cases.Fold().String(norm.NFC.String(path)))
	}
	segments := strings.Split(strings.ReplaceAll(strings.ToLower(path), `\`, "/"), "/")
	kept := segments[:0]
	for _, s := range segments {
		if s = strings.TrimLeft(strings.TrimRight(s, " ."), " "); s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, "/")
}

// Clash finds two of the paths, or two directories of theirs, that differ but fold to the same. The
// answer is the same for every order of paths.
func Clash(paths []string) (a, b string, found bool) {
	sorted := slices.Sorted(slices.Values(paths))
	seen := make(map[string]string)
	for _, path := range sorted {
		for i := 0; i <= len(path); i++ {
			if i < len(path) && path[i] != '/' {
				continue
			}
			prefix := path[:i]
			key := Fold(prefix)
			if other, ok := seen[key]; ok && other != prefix && key != "" {
				return other, prefix, true
			}
			seen[key] = prefix
		}
	}
	return "", "", false
}
