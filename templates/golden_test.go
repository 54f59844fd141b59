package templates

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update accepts it:\n%s", file, diff)
	}
}

// checks shows the texts of a check run in one file.
func checks(c CheckText) string {
	return "TITLE\n" + c.Title + "\n\nSUMMARY\n" + c.Summary + "\nTEXT\n" + c.Text
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, v := range views() {
		if name == "huge" {
			continue // TestLimits
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, "comment/"+name+".md", Comment(v))
			golden(t, "gate/"+name+".md", checks(Gate(v)))
			if len(v.Reports) > 0 {
				golden(t, "compliance/"+name+".md", checks(Compliance(v)))
				golden(t, "terminal/"+name+".txt", Terminal(v.Reports, false, 80))
			}
		})
	}
	t.Run("others", func(t *testing.T) {
		t.Parallel()
		v := views()
		red := v["refused-gaps"]
		golden(t, "reply/help.md", Help())
		golden(t, "reply/explain.md", Explain(v["waiting"], ""))
		golden(t, "reply/explain-control.md", Explain(red, "doc-01"))
		golden(t, "reply/explain-unknown.md", Explain(red, "NOPE-1"))
		golden(t, "terminal/colour.txt", Terminal(red.Reports, true, 60))
		golden(t, "report.md", ReportMarkdown(red.Reports))
		notes, err := json.MarshalIndent(Annotations(merge(red, v["waived"], v["invalid"])), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "annotations.json", string(notes)+"\n")
		gaps := merge(red, v["waived"], v["invalid"])
		if onGitHub := Threads(gaps); len(onGitHub) != 0 {
			t.Errorf("on GitHub annotations mark the gaps, and there are %d threads", len(onGitHub))
		}
		gaps.PR.Platform = forge.GitLab
		threads, err := json.MarshalIndent(append(Threads(gaps), Threads(suggesting())...), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "threads.json", string(threads)+"\n")
		onGitLab := v["waiting"]
		onGitLab.PR.Platform = forge.GitLab
		golden(t, "comment/on-gitlab.md", Comment(onGitLab))
		log, err := SARIF(merge(red, v["waived"], v["invalid"]).Reports, nil, "1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "report.sarif", string(log))
	})
}

func merge(vs ...View) View {
	out := vs[0]
	for _, v := range vs[1:] {
		out.Reports = append(out.Reports[:len(out.Reports):len(out.Reports)], v.Reports...)
	}
	return out
}

func TestSameViewSameBytes(t *testing.T) {
	t.Parallel()
	one, two := views(), views()
	for name := range one {
		if name != "huge" && everything(t, one[name]) != everything(t, two[name]) {
			t.Errorf("%s: two renderings differ", name)
		}
	}
}

// everything is each text that a view gives.
func everything(t *testing.T, v View) string {
	t.Helper()
	log, err := SARIF(v.Reports, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	quality, err := CodeQuality(v.Reports)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(Comment(v), Gate(v), Compliance(v), Annotations(v), Threads(v), Explain(v, ""), Terminal(v.Reports, false, 80), string(log), string(quality))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	v := huge()
	comment, gate, compliance := Comment(v), Gate(v), Compliance(v)
	for name, s := range map[string]string{
		"comment": comment, "gate summary": gate.Summary, "gate text": gate.Text,
		"compliance summary": compliance.Summary, "compliance text": compliance.Text, "explain": Explain(v, ""), "explain control": Explain(v, "X-001"),
	} {
		most := maxComment
		if strings.HasPrefix(name, "explain") {
			most = maxReply
		}
		if len(s) >= most {
			t.Errorf("%s has %d bytes, %d is the most", name, len(s), most)
		}
		if !strings.Contains(s, " more") {
			t.Errorf("%s does not say what was left out:\n%s", name, s)
		}
	}
	for _, title := range []string{gate.Title, compliance.Title} {
		if n := len([]rune(title)); n > 255 {
			t.Errorf("title has %d characters: %s", n, title)
		}
	}
	if !strings.HasPrefix(comment, StatusMarker+"\n### ") {
		t.Errorf("the comment does not begin with its marker and headline: %.80s", comment)
	}
	for _, a := range Annotations(v) {
		if a.Line < 1 || a.Path == "" || len([]rune(a.Message)) > maxMessage || len([]rune(a.Title)) > 255 {
			t.Fatalf("annotation out of bounds: %+v", a)
		}
	}
}

// Whatever one text holds, the first step of the ladder fits.
func TestFirstStepFits(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"word @a ", "💥", "`", "@ a ", `\|`, "a\u0301\u0301\u0301", "\xff"} {
		v := huge()
		v.Snapshot = &forge.Snapshot{}
		poison(&v, strings.Repeat(s, 1000))
		gate, compliance := Gate(v), Compliance(v)
		for name, n := range map[string]int{
			"comment": len(Comment(v)) - maxComment, "explain": len(Explain(v, "")) - maxReply,
			"gate summary": len(gate.Summary) - maxCheck, "gate text": len(gate.Text) - maxCheck,
			"compliance summary": len(compliance.Summary) - maxCheck, "compliance text": len(compliance.Text) - maxCheck,
		} {
			if n >= 0 {
				t.Errorf("%q many times: the %s is %d bytes too long", s, name, n+1)
			}
		}
	}
}

// The pages' data is md, numbers and truths, so that no template can show a raw string.
func TestPagesHoldNoRawStrings(t *testing.T) {
	t.Parallel()
	seen := map[reflect.Type]bool{}
	var walk func(where string, ty reflect.Type)
	walk = func(where string, ty reflect.Type) {
		if seen[ty] {
			return
		}
		seen[ty] = true
		switch ty.Kind() {
		case reflect.Struct:
			for f := range ty.Fields() {
				walk(where+"."+f.Name, f.Type)
			}
		case reflect.Slice:
			walk(where+"[]", ty.Elem())
		case reflect.Bool, reflect.Int:
		default:
			if ty != reflect.TypeFor[md]() {
				t.Errorf("%s is a %s: make it md", where, ty)
			}
		}
	}
	walk("page", reflect.TypeFor[page]())
}

func TestReply(t *testing.T) {
	t.Parallel()
	v := waiting(triage(core(), score(1000), score(1000), policy.NeedsApproval))
	later := own
	later.ID, later.Action, later.Counted = "comment:8", approval.ActReject, true
	superseded := v
	superseded.Verdict.Votes = []approval.Vote{own, later}
	tests := map[string]struct {
		view View
		id   int64
		cmd  approval.Command
		want string // part of the answer; empty for none
	}{
		"help":             {v, 1, approval.Command{Verb: approval.Help}, "`/lumos recheck`"},
		"explain":          {v, 1, approval.Command{Verb: approval.ExplainVerb}, "How the verdict was reached"},
		"explain control":  {v, 1, approval.Command{Verb: approval.ExplainVerb, Control: "ID-01"}, "Immutable revision pinned"},
		"recheck":          {v, 1, approval.Command{Verb: approval.Recheck}, ""},
		"problem":          {v, 1, approval.Command{Verb: "aprove", Problem: `"aprove" is not a command`}, "`aprove` is not a command"},
		"vote not allowed": {v, 7, approval.Command{Verb: approval.Approve, Action: approval.ActApprove}, "ignored: opened the pull request"},
		"vote superseded":  {superseded, 7, approval.Command{Verb: approval.Approve, Action: approval.ActApprove}, ""},
		"vote counts":      {superseded, 8, approval.Command{Verb: approval.Reject, Action: approval.ActReject}, ""},
		"vote not seen":    {v, 99, approval.Command{Verb: approval.Approve, Action: approval.ActApprove}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := Reply(tt.view, forge.Comment{ID: tt.id, Author: ana}, tt.cmd)
			if ok != (tt.want != "") || !strings.Contains(got, tt.want) {
				t.Errorf("Reply = %v\n%s\nwant %q in it", ok, got, tt.want)
			}
		})
	}
}

func TestHelpKnowsEveryCommand(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		if c.Does == "" {
			t.Errorf("%s is not explained", c.Usage)
		}
	}
}

func BenchmarkComment(b *testing.B) {
	v := views()["waiting-two"]
	for b.Loop() {
		_ = Comment(v)
	}
}
