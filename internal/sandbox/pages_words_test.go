package sandbox

import (
	"html/template"
	"reflect"
	"testing"
	"time"
)

func TestDrawFlows(t *testing.T) {
	t.Parallel()
	for _, one := range []struct{ name, in, want string }{
		{"a row of steps", "<p>x</p><pre class=\"mermaid-src\">flowchart LR\n  a(&#34;✓ one&#34;):::done --&gt; b[&#34;two&#34;]:::now --&gt; c([&#34;3&#34;])\n  classDef done fill:#fff\n</pre>",
			`<p>x</p><ol class="flow"><li class="flow-done">✓ one</li><li class="flow-now">two</li><li class="flow-">3</li></ol>`},
		{"escaped again", "<pre class=\"mermaid-src\">graph LR\na(&#34;x &amp; y&#34;)</pre>", `<ol class="flow"><li class="flow-">x &amp; y</li></ol>`},
		{"markup stays source", "<pre class=\"mermaid-src\">graph LR\na(&#34;&lt;b&gt;&#34;)</pre>", "<pre class=\"mermaid-src\">graph LR\na(&#34;&lt;b&gt;&#34;)</pre>"},
		{"another picture stays source", "<pre class=\"mermaid-src\">pie title x</pre>", "<pre class=\"mermaid-src\">pie title x</pre>"},
		{"two chains stay source", "<pre class=\"mermaid-src\">graph LR\na(&#34;1&#34;)\nb(&#34;2&#34;)</pre>", "<pre class=\"mermaid-src\">graph LR\na(&#34;1&#34;)\nb(&#34;2&#34;)</pre>"},
		{"none", "<p>x</p>", "<p>x</p>"},
	} {
		t.Run(one.name, func(t *testing.T) {
			if got := string(drawFlows(template.HTML(one.in))); got != one.want {
				t.Errorf("got  %s\nwant %s", got, one.want)
			}
		})
	}
}

func FuzzDrawFlows(f *testing.F) {
	f.Add("flowchart LR\na(\"x\"):::done --> b[\"y\"]")
	f.Fuzz(func(t *testing.T, src string) {
		out := string(drawFlows(template.HTML(`<pre class="mermaid-src">` + template.HTMLEscapeString(src) + `</pre>`)))
		if activeMarkup.MatchString(out) {
			t.Errorf("%q became %s", src, out)
		}
	})
}

func TestDiffFile(t *testing.T) {
	t.Parallel()
	note := func(line int) diffNote {
		return diffNote{AnnotationView{Path: "f", Level: "failure", Message: "m", StartLine: line, EndLine: line}, "check"}
	}
	shown, hidden, other := note(2), note(40), note(2)
	other.Path = "g"
	got := newDiffFile(FileView{Path: "f", Patch: "@@ -1,3 +1,3 @@ func\n one\n-two\n+zwei\n three\n\\ No newline at end of file\n"}, []diffNote{shown, hidden, other})
	want := []diffLine{
		{Kind: "hunk", Text: "@@ -1,3 +1,3 @@ func"},
		{Kind: "same", Old: 1, New: 1, Text: "one"},
		{Kind: "del", Old: 2, Text: "two"},
		{Kind: "add", New: 2, Text: "zwei", Notes: []diffNote{shown}},
		{Kind: "same", Old: 3, New: 3, Text: "three"},
		{Kind: "hunk", Text: `\ No newline at end of file`},
	}
	if !reflect.DeepEqual(got.Lines, want) {
		t.Errorf("got  %+v\nwant %+v", got.Lines, want)
	}
	if !reflect.DeepEqual(got.Notes, []diffNote{hidden}) {
		t.Errorf("notes outside the diff: %+v", got.Notes)
	}
}

func TestMoments(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	p := &pages{s: &Sandbox{opt: Options{Clock: func() time.Time { return now }}}}
	for ago, want := range map[time.Duration]string{0: "just now", 59 * time.Second: "just now", 5 * time.Minute: "5 min ago",
		time.Hour: "1 hour ago", 7 * time.Hour: "7 hours ago", 48 * time.Hour: "on 2 Mar 2026"} {
		if got := p.moment(now.Add(-ago)).Ago; got != want {
			t.Errorf("%v ago is %q, want %q", ago, got, want)
		}
	}
	if got := p.moment(time.Time{}); got != (moment{}) {
		t.Errorf("no time is %+v", got)
	}
}
