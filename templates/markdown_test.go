package templates

import (
	"regexp"
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, src, want string }{
		{"code span", "`@x`", "<p><code>@x</code></p>"},
		{"table", "| a | b |\n|---|--:|\n| 1 | 2 |", `<td align="right">2</td>`},
		{"hard wrap", "a\nb", "a<br>"},
		{"details", "<details><summary>More</summary>\n\n*x*\n\n</details>", "<details><summary>More</summary>"},
		{"task list", "- [x] done", `<input checked="" disabled="" type="checkbox">`},
		{"link", "[a](https://a.example)", `href="https://a.example"`},
		{"link is not followed by robots", "[a](https://a.example)", `rel="nofollow"`},
		{"mermaid", "```mermaid\nflowchart LR\n  a --> b\n```", "<pre class=\"mermaid-src\">flowchart LR\n  a --&gt; b\n</pre>"},
		{"other code", "```go\nx := 1 < 2\n```", `<pre><code class="language-go">x := 1 &lt; 2`},
		{"strikethrough", "~~a~~", "<del>a</del>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(Markdown(tt.src)); !strings.Contains(got, tt.want) {
				t.Errorf("Markdown(%q) = %s, want %s in it", tt.src, got, tt.want)
			}
		})
	}
}

var active = regexp.MustCompile(`(?i)<(script|style|iframe|object|embed|form|svg|math|link|meta|base|button|textarea|video|audio)\b|<[^>]*\s(on[a-z]+|style|srcdoc|formaction)\s*=|<[^>]*(href|src)\s*=\s*["']?\s*(javascript|vbscript|data|file):`)

// drops reports what Markdown let through of src.
func drops(t interface{ Errorf(string, ...any) }, src string) {
	if got := string(Markdown(src)); active.MatchString(got) {
		t.Errorf("Markdown(%q) = %s can act", src, got)
	}
}

func TestMarkdownDrops(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,x)",
		"<a href='javascript:alert(1)'>x</a>", "<a href=' &#106;avascript:alert(1)'>x</a>", "![x](javascript:alert(1))", "<iframe src=https://e.example></iframe>",
		"<svg onload=alert(1)>", "<details open ontoggle=alert(1)>", "<input type=image src=x onerror=alert(1)>", "<p style='position:fixed'>x</p>",
		"<form action=https://e.example><button>x</button></form>", "```mermaid\n</pre><script>alert(1)</script>\n```", "```\"><script>alert(1)</script>\nx\n```",
		"<math><mi xlink:href='javascript:alert(1)'>x", "<style>*{display:none}</style>", "<meta http-equiv=refresh content=0>", "<base href=//e.example>",
	} {
		drops(t, src)
	}
	for _, s := range attacks {
		drops(t, s)
	}
	if got := string(Markdown("<input type=text name=password>")); strings.Contains(got, "text") || strings.Contains(got, "name") {
		t.Errorf("an input other than a check box stays: %s", got)
	}
	if got := len(Markdown(strings.Repeat("a", 3*maxMarkdown))); got > 2*maxMarkdown {
		t.Errorf("a long text is not cut: %d bytes", got)
	}
}

func TestMarkdownDropsHostileStrings(t *testing.T) {
	t.Parallel()
	for _, s := range hostileStrings(t) {
		drops(t, s)
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) { drops(t, src) })
}
