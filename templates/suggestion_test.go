package templates

import (
	"reflect"
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
)

// fixOf is the fix of the scalar at a pointer, as the engine places it.
func fixOf(t testing.TB, manifest, pointer, value string) policy.Fix {
	t.Helper()
	f := policy.Fix{Pointer: pointer, Value: value}
	if doc, errs := document.Parse("m", []byte(manifest), nil); errs == nil {
		f.Line, f.Column = doc.Position(pointer)
	}
	return f
}

func TestCorrect(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		manifest, pointer, value string
		want                     string // the line after; empty for no suggestion
	}{
		"plain":                       {"a: low\n", "/a", "high", "a: high"},
		"in the second line":          {"a: b\nc:\n  d: low\n", "/c/d", "high", "  d: high"},
		"with a comment":              {"a: low  # as agreed: see #4\n", "/a", "high", "a: high  # as agreed: see #4"},
		"with trailing space":         {"a: low  \nb: c\n", "/a", "high", "a: high  "},
		"without a last newline":      {"a: low", "/a", "high", "a: high"},
		"several words":               {"a: one two, three\n", "/a", "four", "a: four"},
		"double quotes":               {`a: "lo\"w" # x` + "\n", "/a", "high", `a: "high" # x`},
		"double quotes, escaped":      {`a: "low"` + "\n", "/a", `a "b" \c`, `a: "a \"b\" \\c"`},
		"single quotes":               {"a: 'it''s'\n", "/a", "that's", "a: 'that''s'"},
		"in a flow mapping":           {"a: {b: low, c: d}\n", "/a/b", "high", "a: {b: high, c: d}"},
		"last in a flow mapping":      {"a: {b: low}\n", "/a/b", "high", "a: {b: high}"},
		"in a flow list":              {"a: [x, low , y]\n", "/a/1", "high", "a: [x, high , y]"},
		"in a list":                   {"a:\n  - low # why\n  - b\n", "/a/0", "high", "  - high # why"},
		"a mapping in a list":         {"a:\n  - b: low\n    c: d\n", "/a/0/b", "high", "  - b: high"},
		"after letters of two bytes":  {"a: {é: ü, ж: low}\n", "/a/ж", "high", "a: {é: ü, ж: high}"},
		"needs quotes for a colon":    {"a: low\n", "/a", "b: c", `a: "b: c"`},
		"needs quotes for a comment":  {"a: low\n", "/a", "b #c", `a: "b #c"`},
		"needs quotes in brackets":    {"a: [low]\n", "/a/0", "b, c", `a: ["b, c"]`},
		"a text that looks like one":  {"a: low\n", "/a", "12", `a: "12"`},
		"a text that looks true":      {"a: low\n", "/a", "true", `a: "true"`},
		"yes is no text everywhere":   {"a: low\n", "/a", "yes", `a: "yes"`},
		"a number":                    {"a: 12 # ms\n", "/a", "14.5", "a: 14.5 # ms"},
		"a truth":                     {"a: false\n", "/a", "true", "a: true"},
		"a null that is written":      {"a: null\n", "/a", "high", "a: high"},
		"a date":                      {"a: 2026-01-31\n", "/a", "2026-02-01", "a: 2026-02-01"},
		"backticks":                   {"a: low # ```\n", "/a", "high", "a: high # ```"},
		"escaped tokens":              {"a/b: {c~d: low}\n", "/a~1b/c~0d", "high", "a/b: {c~d: high}"},
		"the same again":              {"a: low\n", "/a", "low", ""},
		"nothing is there":            {"a: low\n", "/b", "high", ""},
		"a mapping":                   {"a: {b: c}\n", "/a", "high", ""},
		"an empty value":              {"a:\nb: c\n", "/a", "high", ""},
		"a block scalar":              {"a: |\n  low\n", "/a", "high", ""},
		"a folded scalar":             {"a: >-\n  low\n", "/a", "high", ""},
		"double quotes on two lines":  {"a: \"low\n  er\"\n", "/a", "high", ""},
		"plain text on two lines":     {"a: low\n  er\n", "/a", "high", ""},
		"no YAML":                     {"a: [\n", "/a/0", "high", ""},
		"carriage returns":            {"a: low\r\n", "/a", "high", ""},
		"what cannot be seen":         {"a: low # \u202ehgih\n", "/a", "high", ""},
		"a value that cannot be seen": {"a: low\n", "/a", "hi\u200bgh", ""},
		"a tab":                       {"a: low\t# b\n", "/a", "high", ""},
		"a line of GitLab's commands": {"{\n/approve : low}\n", "/~1approve", "high", ""},
		"a line too long":             {"a: low # " + strings.Repeat("x", maxSuggestedLine) + "\n", "/a", "high", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fix := fixOf(t, tc.manifest, tc.pointer, tc.value)
			before, after, ok := correct([]byte(tc.manifest), fix)
			if ok != (tc.want != "") || after != tc.want {
				t.Fatalf("%q becomes %q, %v; want %q", before, after, ok, tc.want)
			}
			fix.Column++
			if _, _, ok := correct([]byte(tc.manifest), fix); ok {
				t.Error("a fix that is placed elsewhere is taken")
			}
		})
	}
}

func FuzzCorrect(f *testing.F) {
	f.Add("a: low # x\nb: [1, 'c', \"d\"]\n", "/a", "high")
	f.Add("a: low # x\nb: [1, 'c', \"d\"]\n", "/b/1", "it's")
	f.Add("a: {b: \"```\", c: é}\n", "/a/c", "`")
	f.Fuzz(func(t *testing.T, manifest, pointer, value string) {
		old, errs := document.Parse("m", []byte(manifest), nil)
		if errs != nil {
			return
		}
		fix := policy.Fix{Pointer: pointer, Value: value}
		fix.Line, fix.Column = old.Position(pointer)
		before, after, ok := correct([]byte(manifest), fix)
		if !ok {
			return
		}
		lines := strings.Split(manifest, "\n")
		if lines[fix.Line-1] != before || strings.Contains(after, "\n") {
			t.Fatalf("line %d is %q, not %q, and becomes %q", fix.Line, lines[fix.Line-1], before, after)
		}
		lines[fix.Line-1] = after
		changed, errs := document.Parse("m", []byte(strings.Join(lines, "\n")), nil)
		if errs != nil {
			t.Fatalf("%q does not parse: %v", lines, errs)
		}
		tokens := document.SplitPointer(pointer)
		was, _ := valueAt(old.Value, tokens)
		is, there := valueAt(changed.Value, tokens)
		if _, text := was.(string); !there || text && is != any(value) {
			t.Errorf("%q at %s became %#v, want %q", before, pointer, is, value)
		}
		if !reflect.DeepEqual(with(old.Value, tokens, nil), with(changed.Value, tokens, nil)) {
			t.Errorf("more than %s changed: %q becomes %q", pointer, before, after)
		}
		block := suggestion("suggestion", after)
		if got := fenced(block); got != after+"\n" {
			t.Errorf("%q reads as a block of %q", block, got)
		}
	})
}

// fenced is the content of the one block that a text is made of.
func fenced(src string) string {
	doc := gfm.Parser().Parse(text.NewReader([]byte(src)))
	n, ok := doc.FirstChild().(*ast.FencedCodeBlock)
	if !ok || n.NextSibling() != nil {
		return ""
	}
	return string(n.Lines().Value([]byte(src)))
}

// suggesting is a merge request whose manifest has gaps with a fix.
func suggesting() View {
	const path = "releases/support-triage/2.3.0.yaml"
	manifest := "metadata:\n  riskTier: medium # until ``` the review\nspec:\n  license: {spdx: apache-2.0}\n  card: |\n    text\n"
	tier := policy.Result{ID: "GOV-01", Outcome: policy.Fail, Findings: []policy.Finding{{Message: "declared medium, derived high", Pointer: "/metadata/riskTier", Line: 2, Column: 13,
		Fix: &policy.Fix{Pointer: "/metadata/riskTier", Value: "high", Line: 2, Column: 13}}}}
	license := policy.Result{ID: "ID-03", Outcome: policy.Fail, Findings: []policy.Finding{
		{Message: "nothing is signed", Line: 3},
		{Message: "the identifier is Apache-2.0", Pointer: "/spec/license/spdx", Line: 4, Column: 19,
			Fix: &policy.Fix{Pointer: "/spec/license/spdx", Value: "Apache-2.0", Line: 4, Column: 19}},
	}}
	again := license
	again.ID = "DOC-06"
	card := policy.Result{ID: "DOC-01", Outcome: policy.Fail, Findings: []policy.Finding{{Message: "the card is empty", Pointer: "/spec/card", Line: 5, Column: 9,
		Fix: &policy.Fix{Pointer: "/spec/card", Value: "full", Line: 5, Column: 9}}}}
	v := waiting(triage(core(tier, license, again, card), score(700), score(1000), policy.Blocked))
	v.PR.Platform = forge.GitLab
	v.Snapshot = &forge.Snapshot{
		Files:     []forge.File{{Path: path, Status: forge.Added}},
		Manifests: []forge.Blob{{Path: path, Data: []byte(manifest)}},
	}
	return v
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	keys := func(v View) string {
		var out []string
		for _, g := range Threads(v) {
			id, _, _ := strings.Cut(g.Key, " ")
			if strings.Contains(g.Body, "suggestion") {
				id += "+"
			}
			out = append(out, id)
		}
		return strings.Join(out, " ")
	}
	v := suggesting()
	if got, want := keys(v), "ID-03+ DOC-01 DOC-06 GOV-01+"; got != want {
		t.Errorf("on GitLab %q, want %q: what is suggested once is not suggested again", got, want)
	}
	v.PR.Platform = forge.GitHub
	if got, want := keys(v), "ID-03+ GOV-01+"; got != want {
		t.Errorf("on GitHub %q, want %q", got, want)
	}
	for _, g := range Threads(v) {
		if strings.Contains(g.Body, "-0+0") {
			t.Errorf("GitHub knows no such words: %s", g.Body)
		}
	}
	v.Snapshot.Files[0].Status = forge.Modified
	if got := keys(v); got != "" {
		t.Errorf("on lines that the diff does not show: %q", got)
	}
	v.Snapshot.Files[0].Shown = []forge.Lines{{From: 1, To: 2}}
	if got, want := keys(v), "GOV-01+"; got != want {
		t.Errorf("where the diff shows two lines %q, want %q", got, want)
	}
	first := Threads(v)[0].Key
	v.Snapshot.Manifests[0].Data = append([]byte("# a line more\n"), v.Snapshot.Manifests[0].Data...)
	for i := range v.Reports[0].Controls {
		for j := range v.Reports[0].Controls[i].Findings {
			if f := &v.Reports[0].Controls[i].Findings[j]; f.Fix != nil {
				fix := *f.Fix
				fix.Line++
				f.Fix = &fix
			}
		}
	}
	v.Snapshot.Files[0].Shown[0].To++
	if again := Threads(v); len(again) != 1 || again[0].Key != first || again[0].Line != 3 {
		t.Errorf("the same suggestion on the next line is %+v, want the key %q", again, first)
	}
}
