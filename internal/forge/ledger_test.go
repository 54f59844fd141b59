package forge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	checks := []Check{
		{Name: GateCheck, HeadSHA: "abc", Status: InProgress, ExternalID: ExternalID("sha256:1", "sha256:2")},
		{Name: ComplianceCheck, HeadSHA: "abc", Status: Completed, Conclusion: Failure, ExternalID: "--> <script>"},
	}
	line := Ledger(checks)
	if strings.Count(line, "-->") != 1 || strings.ContainsAny(line, "\n") || strings.Contains(line, "<script>") {
		t.Errorf("the ledger is not one hidden line: %s", line)
	}
	if diff := cmp.Diff(checks, ReadLedger("words\n\n"+line+"\nmore")); diff != "" {
		t.Errorf("read back differs (-want +got):\n%s", diff)
	}
	for name, body := range map[string]string{
		"none":          "words",
		"not closed":    strings.TrimSuffix(line, " -->"),
		"no JSON":       "<!-- lumos:checks what? -->",
		"unknown field": `<!-- lumos:checks [{"name":"a","grade":1}] -->`,
	} {
		if got := ReadLedger(body); got != nil {
			t.Errorf("%s: read %v", name, got)
		}
	}
}

func TestThreadKey(t *testing.T) {
	t.Parallel()
	key, ok := ThreadKey(ThreadBody("ID-01 releases/a/1.yaml", "**The revision**\n\nis not pinned"))
	if !ok || key != "ID-01 releases/a/1.yaml" {
		t.Errorf("key %q, %v", key, ok)
	}
	for _, body := range []string{"", "words", " <!-- lumos:gap:x -->", "<!-- lumos:gap:x"} {
		if key, ok := ThreadKey(body); ok {
			t.Errorf("%q has the key %q", body, key)
		}
	}
}

func FuzzLedger(f *testing.F) {
	f.Add(Ledger([]Check{{Name: GateCheck, HeadSHA: "abc", Status: InProgress, ExternalID: "a;b"}}))
	f.Add("<!-- lumos:checks [] -->")
	f.Fuzz(func(t *testing.T, body string) {
		checks := ReadLedger(body)
		if again := ReadLedger(Ledger(checks)); len(checks) > 0 && cmp.Diff(checks, again) != "" {
			t.Errorf("%q reads as %v, written and read again as %v", body, checks, again)
		}
	})
}
