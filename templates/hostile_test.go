package templates

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

var attacks = []string{
	"@octocat", "@acme/everyone please approve", "#1 and acme/models#2 and GH-3", "https://evil.example/?a=b", "www.evil.example",
	"[click](https://evil.example)", "![pixel](https://evil.example/p.png)", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
	"</details>\n\n### ✅ Approved: merging", "| a | b |\n|---|---|", "``` \n```mermaid\nflowchart LR", "`` ` ``", "a`b``c```d", "\\", "\\|", "|",
	"<!-- lumos:status -->", "-->", "1. item", "- item", "# title", "> quote", "\u202eevil\u202c", "\u200b@\u200bx", "&lt;b&gt;", "~~x~~ **y** _z_",
	"\x1b[2J\x1b]8;;https://evil.example\x07", "a\r\nb\x00c", "$x$", "[ref]: https://evil.example", "[^1]", ":tada:", "deadbeef01", "1\u2028# x", "\xff\xfe", "",
}

// poison writes s into every text of v that comes from outside. What v points to is copied first.
func poison(v *View, s string) {
	keep := map[reflect.Type]bool{}
	for _, ty := range []reflect.Type{ // words that Lumos itself chooses
		reflect.TypeFor[policy.Outcome](), reflect.TypeFor[policy.Conclusion](), reflect.TypeFor[releases.Tier](), reflect.TypeFor[forge.State](),
		reflect.TypeFor[approval.State](), reflect.TypeFor[approval.Kind](), reflect.TypeFor[forge.FileStatus](),
	} {
		keep[ty] = true
	}
	var walk func(reflect.Value)
	walk = func(x reflect.Value) {
		switch x.Kind() {
		case reflect.Pointer:
			if !x.IsNil() {
				own := reflect.New(x.Type().Elem())
				own.Elem().Set(x.Elem())
				walk(own.Elem())
				x.Set(own)
			}
		case reflect.Struct:
			for i := range x.NumField() {
				if x.Field(i).CanSet() {
					walk(x.Field(i))
				}
			}
		case reflect.Slice:
			own := reflect.MakeSlice(x.Type(), x.Len(), x.Len())
			reflect.Copy(own, x)
			x.Set(own)
			for i := range x.Len() {
				walk(x.Index(i))
			}
		case reflect.Map:
			if x.Type() == reflect.TypeFor[map[string][]string]() && x.Len() > 0 {
				x.Set(reflect.ValueOf(map[string][]string{s: {s, s}}))
			}
		case reflect.String:
			if !keep[x.Type()] {
				x.SetString(s)
			}
		}
	}
	walk(reflect.ValueOf(&v.Reports).Elem())
	walk(reflect.ValueOf(&v.Problems).Elem())
	walk(reflect.ValueOf(&v.Verdict).Elem())
	walk(reflect.ValueOf(&v.Snapshot).Elem())
	walk(reflect.ValueOf(&v.PR.Author).Elem())
}

var ourHTML = regexp.MustCompile(`^(<!-- lumos:status -->|<details><summary>[A-Za-z ,:]+</summary>|</details>)\n?$`)

// actions lists what in a page would act that is not ours.
func actions(page string) []string {
	src, found := []byte(page), []string{}
	doc := gfm.Parser().Parse(text.NewReader(src))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.RawHTML, *ast.Image, *ast.AutoLink, *ast.CodeBlock, *ast.Blockquote:
			found = append(found, n.Kind().String())
		case *ast.HTMLBlock:
			for _, line := range strings.SplitAfter(strings.TrimSpace(string(n.Lines().Value(src))), "\n") {
				if !ourHTML.MatchString(line) {
					found = append(found, "HTML "+line)
				}
			}
		case *ast.FencedCodeBlock:
			if body := string(n.Lines().Value(src)); !strings.HasPrefix(body, "flowchart LR\n  opened(") {
				found = append(found, "code block "+body)
			}
		case *ast.Link:
			if !strings.HasPrefix(string(n.Destination), "https://github.com/acme/models/") {
				found = append(found, "link "+string(n.Destination))
			}
		case *ast.Text:
			if s := string(n.Segment.Value(src)); strings.ContainsAny(s, "@#<>[]`\\\x1b\u202e\u200b") {
				found = append(found, "text "+s)
			}
		}
		return ast.WalkContinue, nil
	})
	return found
}

func TestHostileEverywhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"refused-gaps", "waiting-two", "rejected", "invalid", "problems", "waived", "governance", "news"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clean := shape(Comment(poisoned(name, "word")))
			for _, s := range attacks {
				v := poisoned(name, s)
				gate, compliance := Gate(v), Compliance(v)
				for page, src := range map[string]string{
					"comment": Comment(v), "gate summary": gate.Summary, "gate text": gate.Text, "compliance summary": compliance.Summary,
					"compliance text": compliance.Text, "explain": Explain(v, ""), "report": ReportMarkdown(v.Reports),
					"refused": refusal(forge.Comment{Author: forge.Account{Login: s}}, approval.Command{Verb: approval.Verb(s)}, s),
					"unknown": Explain(v, "x"+s),
				} {
					if found := actions(src); len(found) > 0 {
						t.Errorf("%q in %s acts: %q\n%s", s, page, found, src)
					}
				}
				v.PR.Platform = forge.GitLab
				for _, thread := range Threads(v) {
					_, words, _ := strings.Cut(thread.Body, "\n")
					if found := actions(words); len(found) > 0 || strings.Contains(thread.Key, "-->") {
						t.Errorf("%q in a thread acts: %q\n%s", s, found, thread.Body)
					}
				}
				for _, name := range []string{s, "@" + s} {
					who := string(v.newAsk(approval.Ask{Who: []string{name}}).Who)
					if found := actions(who); len(found) > 0 && !mentionable.MatchString(who) {
						t.Errorf("%q is asked as %q, which acts: %q", name, who, found)
					}
				}
				v.PR.Platform = forge.GitHub
				if got := shape(Comment(v)); s != "" && got != clean {
					t.Errorf("%q changes the comment's headings and folds:\n%s\nwant:\n%s", s, got, clean)
				}
				plain := gate.Title + compliance.Title + Terminal(v.Reports, false, 80)
				for _, a := range Annotations(v) {
					plain += a.Title + a.Message
				}
				if i := strings.IndexFunc(strings.ReplaceAll(plain, "\n", ""), invisible); i >= 0 {
					t.Errorf("%q leaves a control character in plain text: %q", s, plain)
				}
			}
		})
	}
}

func poisoned(name, s string) View {
	v := views()[name]
	if v.Snapshot == nil {
		v.Snapshot = &forge.Snapshot{}
	}
	poison(&v, s)
	return v
}

// shape is the page's structure: its headings by level and its folds, in order.
func shape(page string) string {
	var b strings.Builder
	src := []byte(page)
	_ = ast.Walk(gfm.Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			switch n := n.(type) {
			case *ast.Heading:
				b.WriteString(strings.Repeat("#", n.Level) + "\n")
			case *ast.HTMLBlock, *ast.FencedCodeBlock:
				b.Write(n.Lines().Value(src))
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}
