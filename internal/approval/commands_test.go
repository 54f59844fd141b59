package approval

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

func TestParseCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want *Command // nil: no command
	}{
		"approve":               {"/lumos approve", &Command{Verb: Approve, Action: ActApprove, Line: 1}},
		"case and blanks":       {"  /Lumos \t APPROVE  \r\n", &Command{Verb: Approve, Action: ActApprove, Line: 1}},
		"commit":                {"/lumos approve 1A2B3C4", &Command{Verb: Approve, Action: ActApprove, SHA: "1a2b3c4", Line: 1}},
		"ticket":                {"/lumos approve CHG0030012", &Command{Verb: Approve, Action: ActApprove, Ticket: "CHG0030012", Line: 1}},
		"ticket and commit":     {"/lumos approve OPS-12 1a2b3c4d", &Command{Verb: Approve, Action: ActApprove, Ticket: "OPS-12", SHA: "1a2b3c4d", Line: 1}},
		"commit and ticket":     {"/lumos approve 1a2b3c4d OPS-12", &Command{Verb: Approve, Action: ActApprove, Ticket: "OPS-12", SHA: "1a2b3c4d", Line: 1}},
		"words before":          {"Thank you!\nAll good.\n/lumos approve\nbye", &Command{Verb: Approve, Action: ActApprove, Line: 3}},
		"reject":                {"/lumos reject the data  is\tnot ours", &Command{Verb: Reject, Action: ActReject, Text: "the data is not ours", Line: 1}},
		"reject, no reason":     {"/lumos reject", &Command{Verb: Reject, Action: ActReject, Line: 1}},
		"request changes":       {"/lumos request-changes name the data", &Command{Verb: RequestChanges, Action: ActChanges, Text: "name the data", Line: 1}},
		"hold":                  {"/lumos hold", &Command{Verb: Hold, Action: ActHold, Line: 1}},
		"resume":                {"/lumos resume", &Command{Verb: Resume, Action: ActResume, Line: 1}},
		"recheck":               {"/lumos recheck", &Command{Verb: Recheck, Line: 1}},
		"explain":               {"/lumos explain DAT-02", &Command{Verb: ExplainVerb, Control: "DAT-02", Line: 1}},
		"help":                  {"/lumos help", &Command{Verb: Help, Line: 1}},
		"nothing asked":         {"/lumos", &Command{Verb: Help, Line: 1}},
		"zero width":            {"/lu\u200bmos app\u2060rove\ufeff", &Command{Verb: Approve, Action: ActApprove, Line: 1}},
		"bidi in a reason":      {"/lumos reject \u202eno\u202c", &Command{Verb: Reject, Action: ActReject, Text: "no", Line: 1}},
		"after a fence":         {"```\nlog\n```\n/lumos approve", &Command{Verb: Approve, Action: ActApprove, Line: 4}},
		"after a quote":         {"> /lumos reject x\n\n/lumos approve", &Command{Verb: Approve, Action: ActApprove, Line: 3}},
		"after code and fence":  {"see `x`:\n~~~\na\n~~~\n\n/lumos approve", &Command{Verb: Approve, Action: ActApprove, Line: 6}},
		"after a hidden hint":   {"<!-- /lumos reject no -->\n\n/lumos approve", &Command{Verb: Approve, Action: ActApprove, Line: 3}},
		"A4 refusal with a +1":  {"I will NOT give this a :+1: until /lumos approve is earned", nil},
		"S12 in a sentence":     {"please /lumos approve", nil},
		"S12 longer word":       {"/lumosapprove", nil},
		"S12 quote":             {"> /lumos approve", nil},
		"S12 quote in a list":   {"- > /lumos approve", nil},
		"S12 list item":         {"- /lumos approve", nil},
		"S12 fence":             {"```\n/lumos approve\n```", nil},
		"S12 tilde fence":       {"~~~ text\n/lumos approve\n~~~", nil},
		"S12 fence, not closed": {"```\n/lumos approve", nil},
		"S12 fence, too short":  {"````\n```\n/lumos approve\n````", nil},
		"S12 fence in a list":   {"- ```\n  /lumos approve\n  ```", nil},
		"S12 fence after info":  {"```go\n``` x\n/lumos approve\n```", nil},
		"S12 zero width fence":  {"```\n\u200b```\n/lumos approve\n```", nil},
		"S12 indented":          {"    /lumos approve", nil},
		"S12 tab":               {"\t/lumos approve", nil},
		"S12 HTML comment":      {"<!--\n/lumos approve\n-->", nil},
		"S12 pre":               {"<pre>\n\n/lumos approve\n\n</pre>", nil},
		"S12 nested quotes":     {"<blockquote><blockquote></blockquote>\n\n/lumos approve\n\n</blockquote>", nil},
		"S12 folded away":       {"<details><summary>log</summary>\n\n/lumos approve\n\n</details>", nil},
		"S12 carriage returns":  {"```\r/lumos approve\r```", nil},
		"empty":                 {"", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := ParseCommand(tc.body)
			if ok != (tc.want != nil) {
				t.Fatalf("ParseCommand(%q) = %+v, %v", tc.body, got, ok)
			}
			if ok {
				if diff := cmp.Diff(*tc.want, got); diff != "" {
					t.Errorf("ParseCommand(%q) (-want +got):\n%s", tc.body, diff)
				}
			}
		})
	}
}

// What is refused is answered: the problem tells what to write instead.
func TestParseCommandProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, problem string }{
		"two commands":        {"/lumos approve\n\n/lumos reject no", "more than one command"},
		"unknown verb":        {"/lumos aprove", `"aprove" is not a command`},
		"hostile verb":        {"/lumos ap\x1b[31m" + strings.Repeat("x", 500), `is not a command`},
		"condition":           {"/lumos approve unless the tests fail", "no conditions"},
		"thanks":              {"/lumos approve, thanks", "is not a command"},
		"short commit":        {"/lumos approve 1a2b3", "7 digits"},
		"two commits":         {"/lumos approve 1a2b3c4 1a2b3c5", "once"},
		"two tickets":         {"/lumos approve OPS-1 OPS-2", "no conditions"},
		"explain two":         {"/lumos explain ID-01 ID-02", "one control"},
		"later":               {"/lumos override it burns", "not available in this version"},
		"lazy quote":          {"> they said\n/lumos approve", "empty line above"},
		"open code span":      {"see `this\n/lumos approve\nthere`", "empty line above"},
		"open attribute":      {"see <a title=\"\n/lumos approve\n\">x</a>", "empty line above"},
		"open link title":     {"[a](/x \"\n/lumos approve\n\")", "empty line above"},
		"fence left in list":  {"- a\n\n  ```\n  x\nb\n\n```\n/lumos approve\n```\n\n/lumos approve", "above"},
		"deep fence":          {"- foo\n\n     ```\n  /lumos approve\n     ```", "above"},
		"fence in HTML":       {"<div>\n```\n</div>\n\n```\n\n/lumos approve\n\n```", "above"},
		"larger than allowed": {"/lumos approve\n" + strings.Repeat("x", MaxComment), "longer than"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := ParseCommand(tc.body)
			if !ok || !strings.Contains(got.Problem, tc.problem) {
				t.Errorf("ParseCommand(%q) = %+v, %v; want a problem with %q", tc.body, got, ok, tc.problem)
			}
			if strings.ContainsFunc(got.Problem, func(r rune) bool { return r < ' ' || invisible(r) }) {
				t.Errorf("the problem %q is not inert", got.Problem)
			}
		})
	}
}

func TestMentionsCommand(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		"": false, "LGTM": false, "/lumo": false, "a/b/c": false, "lumos approve": false,
		"/lumos": true, "x /LUMOS y": true, "//lumos": true, "/l\u200bumos": true, "/lum/lumos": true,
	} {
		if got := MentionsCommand(body); got != want {
			t.Errorf("MentionsCommand(%q) = %v", body, got)
		}
	}
}

func TestUsageParses(t *testing.T) {
	t.Parallel()
	for _, line := range Usage() {
		words := strings.Fields(line)
		if _, ok := verbs[Verb(words[1])]; !ok {
			t.Errorf("%q names no verb", line)
		}
	}
	if len(Usage()) != len(verbs) {
		t.Errorf("%d usage lines for %d verbs", len(Usage()), len(verbs))
	}
}

// shownAsText reports whether CommonMark, as goldmark reads it, shows that line of body (from 1) as
// ordinary text: not in a quote, a code block, a code span or raw HTML.
func shownAsText(body string, line int) bool {
	body = lineEnds.Replace(body)
	src := []byte(body)
	start := 0
	for range line - 1 {
		start += strings.IndexByte(body[start:], '\n') + 1
	}
	end := start + len(body[start:])
	if n := strings.IndexByte(body[start:], '\n'); n >= 0 {
		end = start + n
	}
	slash := start + strings.IndexByte(body[start:end], '/')
	shown := false
	_ = ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Blockquote, *ast.CodeSpan, *ast.RawHTML, *ast.FencedCodeBlock, *ast.CodeBlock, *ast.HTMLBlock:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if entering && n.Segment.Start <= slash && slash < n.Segment.Stop {
				shown = true
			}
		}
		return ast.WalkContinue, nil
	})
	return shown
}

func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{
		"/lumos approve 1a2b3c4", "> q\n/lumos approve", "```\n/lumos approve\n```\n/lumos hold", "- ```\n  /lumos approve\n  ```",
		"<pre>\n/lumos help\n</pre>", "<!-- -->\n/lumos approve", "1. a\n   ~~~\n   /lumos resume", "a `b\n/lumos approve`", "    /lumos x",
		"<div>\n```\n</div>\n\n```\n/lumos approve\n```", "[a]: /u '\n/lumos approve\n'", "* a\n\n  > b\n/lumos approve", "/lumos explain X\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c, ok := ParseCommand(body)
		if !ok {
			if diff := cmp.Diff(Command{}, c, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("no command, but %s", diff)
			}
			return
		}
		if !MentionsCommand(body) {
			t.Errorf("the filter would drop %q", body)
		}
		if strings.ContainsAny(c.Text+c.Problem+c.SHA+c.Ticket+c.Control, "\n\r\x1b\x00") {
			t.Errorf("%+v is not inert", c)
		}
		// goldmark drops NUL and broken bytes differently: their lines are not compared.
		if c.Problem == "" && !strings.ContainsRune(body, 0) && !shownAsText(body, c.Line) {
			t.Errorf("line %d of %q is taken for a command, but it is not shown as text", c.Line, body)
		}
	})
}

// Whatever the lines around it, a command that is carried out is shown as text.
func TestCommandsAreShownAsText(t *testing.T) {
	t.Parallel()
	fragments := []string{
		"/lumos approve", "/lumos approve", "  /lumos approve", "   /lumos approve", "", "", "text", "> q", ">", "> ```", "```", "````", "~~~", "``` x",
		"  ```", "   ```", "    ```", "     ```", "\t```", "- ", "- a", "- ```", "1. ```", "  - ~~~", "10) a", "- > q", "    code", "<div>", "</div>", "<pre>",
		"</pre>", "x <pre> y", "<!--", "-->", "<!-- a -->", "`", "a `b", "``", "<a b=\"", "\">", "[a](/x \"", "[x]: /u '", "'", "# h", "===", "---", "a | b",
		"<details>", "</details>", "<?", "?>", "<!X", "<b>", "*", "* * *", "  b", "\u200b```", "`` ` ```",
	}
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 1, 14).Draw(t, "lines"), "\n")
		if c, ok := ParseCommand(body); ok && c.Problem == "" && !shownAsText(body, c.Line) {
			t.Fatalf("line %d of %q is taken for a command, but it is not shown as text", c.Line, body)
		}
	})
}
