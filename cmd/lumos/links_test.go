package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	docFence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	docCode    = regexp.MustCompile("`[^`\n]*`")
	docLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	docHeading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	docAnchor  = regexp.MustCompile(`<a id="([^"]+)">`)
)

// Every link from a page to another, or to a heading, leads somewhere.
func TestDocLinks(t *testing.T) {
	t.Parallel()
	const root = "../.."
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "policies/*.md", "releases/examples/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 20 {
		t.Fatalf("only %d pages", len(pages))
	}
	anchors := map[string]map[string]bool{}
	for _, page := range pages {
		anchors[page] = headings(t, page)
	}
	for _, page := range pages {
		src, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := docCode.ReplaceAllString(docFence.ReplaceAllString(string(src), ""), "")
		for _, m := range docLink.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := page
			if target != "" {
				to = filepath.Join(filepath.Dir(page), filepath.FromSlash(target))
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
			} else if anchor != "" && !anchors[to][anchor] {
				t.Errorf("%s: the link %s names no heading of %s", page, m[1], to)
			}
		}
	}
}

// headings are the anchors of a page, as code hosts make them.
func headings(t *testing.T, page string) map[string]bool {
	t.Helper()
	src, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := docFence.ReplaceAllString(string(src), "")
	out := map[string]bool{}
	for _, m := range docHeading.FindAllStringSubmatch(text, -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(m[1]))
		out[slug] = true
	}
	for _, m := range docAnchor.FindAllStringSubmatch(text, -1) {
		out[m[1]] = true
	}
	return out
}
