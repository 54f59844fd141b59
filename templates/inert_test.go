package templates

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

func TestInert(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		max      int
		inTable  bool
		want     string
	}{
		{"word", "bert", 10, false, "`bert`"},
		{"empty", "", 10, false, "—"},
		{"nothing to see", "\u200b\u202e\x00 \t", 10, false, "—"},
		{"mention", "@octocat", 10, false, "`@octocat`"},
		{"backtick inside", "a`b", 10, false, "``a`b``"},
		{"backticks at the ends", "`a`", 10, false, "`` `a` ``"},
		{"only backticks", "```", 10, false, "```` ``` ````"},
		{"lines and tabs", "a\r\n\tb  c ", 10, false, "`a b c`"},
		{"escape sequence", "\x1b[31mred", 10, false, "`[31mred`"},
		{"bidi and zero width", "a\u202eb\u200bc\ufeff", 10, false, "`abc`"},
		{"broken UTF-8", "a\xffb", 10, false, "`a\ufffdb`"},
		{"exactly the cap", "12345", 5, false, "`12345`"},
		{"over the cap", "123456", 5, false, "`1234…`"},
		{"space at the cap", "1234 67", 5, false, "`1234…`"},
		{"marks in a row", "e\u0301\u0301\u0301\u0301\u0301", 10, false, "`e\u0301\u0301\u0301`"},
		{"pipe outside a table", `a|b\`, 10, false, "`a|b\\`"},
		{"pipe in a table", `a|b`, 10, true, "`a\\|b`"},
		{"backslash and pipe in a table", `a\|b`, 10, true, "`a\\\\\\|b`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Inert(tt.in, tt.max, tt.inTable); got != tt.want {
				t.Errorf("Inert(%q, %d, %v) = %s, want %s", tt.in, tt.max, tt.inTable, got, tt.want)
			}
		})
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain sentence", "Pin the commit, or the digest (always).", "Pin the commit, or the digest (always)."},
		{"numbers", "f1 0.78 is below 0.80.", "f1 0.78 is below 0.80."},
		{"names with underscores", "e2e_p95_ms is 1200, not 92%.", "`e2e_p95_ms` is 1200, not 92%."},
		{"backticks", "Run `lumos digest`; HF gives lfs.sha256", "Run `lumos digest`; HF gives lfs.sha256"},
		{"quotation", `license "MIT or @all" is unknown`, "license `MIT or @all` is unknown"},
		{"quotation in brackets", `the license ("MIT").`, "the license (`MIT`)."},
		{"unclosed quotation", `a "b c`, "a `\"b` c"},
		{"mention", "Waiting for @acme/ml-owners.", "Waiting for `@acme/ml-owners`."},
		{"odd words share a span", "see <b> #12 now", "see `<b> #12` now"},
		{"link and image", "![x](https://e.example) [y](z)", "`![x](https://e.example) [y](z)`"},
		{"bare addresses", "www.evil.example or http://evil.example", "`www.evil.example` or `http://evil.example`"},
		{"issue and commit", "GH-12 and 1a2b3c4", "`GH-12` and `1a2b3c4`"},
		{"placeholder", `Replace every "[More Information Needed]"`, "Replace every `[More Information Needed]`"},
		{"list marker", "1. first", "`1`. first"},
		{"heading rule", "= a", "`=` a"},
		{"right-to-left letters", "name עברית here", "name `עברית` here"},
		{"punctuation alone", "a ... (b", "a `...` (b"},
		{"empty", " ", "—"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := prose(tt.in, 200); string(got) != tt.want {
				t.Errorf("prose(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM))

// checkInert says why the rendering of page can act, or "" when everything in it is text and code.
// It returns the code spans too.
func checkInert(page string) (problem string, code []string) {
	src := []byte(page)
	doc := gfm.Parser().Parse(text.NewReader(src))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan:
			var b strings.Builder
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				b.Write(c.(*ast.Text).Segment.Value(src))
			}
			code = append(code, b.String())
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if s := string(n.Segment.Value(src)); strings.ContainsAny(s, "@#<>&[]`*_$\\~") {
				problem = "text outside code can act: " + s
			}
		case *ast.Document, *ast.Paragraph, *ast.TextBlock, *ast.List, *ast.ListItem,
			*east.Table, *east.TableHeader, *east.TableRow, *east.TableCell:
		default:
			problem = "renders a " + n.Kind().String()
		}
		return ast.WalkContinue, nil
	})
	return problem, code
}

// hold checks every promise of Inert and prose on one string.
func hold(t interface{ Errorf(string, ...any) }, s string) {
	const limit = 80
	for _, inTable := range []bool{false, true} {
		in := Inert(s, limit, inTable)
		pr := string(sentence(s, limit, inTable))
		for name, out := range map[string]string{"Inert": in, "prose": pr} {
			if !utf8.ValidString(out) || strings.ContainsAny(out, "\n\r\x00\x1b\u202e\u200b\ufeff") {
				t.Errorf("%s(%q) holds what it must strip: %q", name, s, out)
			}
			pages := []string{out, "- " + out, "a " + out + " b"}
			cells := 0
			if inTable {
				pages = []string{"| a | b |\n|---|---|\n| x " + out + " | end |\n"}
				cells = 4
			}
			for _, page := range pages {
				problem, code := checkInert(page)
				if problem != "" {
					t.Errorf("%s(%q, inTable %v) = %s: %s", name, s, inTable, out, problem)
				}
				if name == "Inert" && out != empty && len(code) != 1 {
					t.Errorf("Inert(%q, inTable %v) = %s gives %d code spans", s, inTable, out, len(code))
				}
				if got := countCells(page); got != cells {
					t.Errorf("%s(%q, inTable %v) = %s gives %d cells, want %d", name, s, inTable, out, got, cells)
				}
			}
		}
		if !inTable && in != empty {
			_, code := checkInert(in)
			if want := clean(s, limit); len(code) == 1 && code[0] != want {
				t.Errorf("Inert(%q) shows %q, want %q", s, code[0], want)
			}
			if n := utf8.RuneCountInString(clean(s, limit)); n > limit {
				t.Errorf("Inert(%q) shows %d characters, more than %d", s, n, limit)
			}
		}
	}
}

func countCells(page string) int {
	doc, n := gfm.Parser().Parse(text.NewReader([]byte(page))), 0
	_ = ast.Walk(doc, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if _, ok := node.(*east.TableCell); ok && entering {
			n++
		}
		return ast.WalkContinue, nil
	})
	return n
}

func TestInertHolds(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"`", "``", "|", `\`, "@all", "#1", "<img src=x>", "<!--", "-->", "![a](b)", "[a](b)",
		"https://e.example", "www.e.example", "a@b.co", "*", "_", "~~", "$x$", "&lt;", ":tada:", "(", ")", `"`, "1.", "- ", "=", "word", " ",
		"\n", "\u202e", "\u200d", "é", "漢", "\x00", "\x1b[1m", "</details>", "GH-1", "deadbee1", "…"})
	rapid.Check(t, func(t *rapid.T) {
		hold(t, strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), ""))
	})
}

func TestInertHoldsForHostileStrings(t *testing.T) {
	t.Parallel()
	for _, s := range hostileStrings(t) {
		hold(t, s)
	}
}

func FuzzInert(f *testing.F) {
	for _, s := range []string{"", "plain words", "`|\\`@x", "<script>", "1. a", "\"q\" (b)", "\\|", "a\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { hold(t, s) })
}

// hostileStrings reads the collection that lies beside the repository, if it is there.
func hostileStrings(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("LUMOS_SHARED")
	for up := ".."; dir == "" && len(up) < 40; up = filepath.Join("..", up) {
		if _, err := os.Stat(filepath.Join(up, "shared", "data")); err == nil {
			dir = filepath.Join(up, "shared")
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "data", "hostile-strings.json"))
	if err != nil {
		t.Skip("the collection of hostile strings is not here; set LUMOS_SHARED to the folder that holds data/hostile-strings.json")
	}
	var all []string
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}
