package templates

import (
	"bytes"
	"html/template"
	"regexp"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// maxMarkdown is as much as Markdown reads: twice what a host takes in one comment.
const maxMarkdown = 128 << 10

// Markdown renders GitHub's Markdown as HTML for our own pages. It keeps the HTML that people write
// in comments (details, summary, …) and drops scripts, handlers, styles and addresses other than
// web and mail. A Mermaid block stays as its source, in a pre of class mermaid-src. Beyond 128 KiB
// the text is cut.
func Markdown(src string) template.HTML {
	if len(src) > maxMarkdown {
		src = src[:maxMarkdown]
	}
	var b bytes.Buffer
	if err := toHTML.Convert([]byte(src), &b); err != nil { // a Buffer does not fail
		return template.HTML("<pre>" + template.HTMLEscapeString(src) + "</pre>")
	}
	return template.HTML(sanitizer.SanitizeBytes(b.Bytes()))
}

var toHTML = goldmark.New(
	goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		extension.Strikethrough, extension.Linkify, extension.TaskList),
	goldmark.WithRendererOptions(
		html.WithUnsafe(),    // for details and summary: the sanitizer decides
		html.WithHardWraps(), // as comments show on GitHub
		renderer.WithNodeRenderers(util.Prioritized(mermaid{}, 100)),
	),
)

var sanitizer = newSanitizer()

func newSanitizer() *bluemonday.Policy {
	p := bluemonday.UGCPolicy()
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^(mermaid-src|language-[a-z0-9+-]{1,30})$`)).OnElements("pre", "code")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^checkbox$`)).OnElements("input")
	p.AllowAttrs("checked", "disabled").Matching(regexp.MustCompile(`^(checked|disabled)?$`)).OnElements("input")
	p.AllowElements("input")
	return p
}

// mermaid renders fenced code: Mermaid's as plain source, for a script of the page to draw.
type mermaid struct{}

func (m mermaid) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, m.render)
}

func (mermaid) render(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	n := node.(*ast.FencedCodeBlock)
	lang := string(n.Language(src))
	open, end := `<pre><code>`, "</code></pre>\n"
	switch {
	case lang == "mermaid":
		open, end = `<pre class="mermaid-src">`, "</pre>\n"
	case lang != "":
		open = `<pre><code class="language-` + template.HTMLEscapeString(lang) + `">`
	}
	if !entering {
		_, err := w.WriteString(end)
		return ast.WalkContinue, err
	}
	if _, err := w.WriteString(open); err != nil {
		return ast.WalkStop, err
	}
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		if _, err := w.Write(util.EscapeHTML(line.Value(src))); err != nil {
			return ast.WalkStop, err
		}
	}
	return ast.WalkContinue, nil
}
