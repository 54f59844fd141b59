package policy_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
)

// Controls that ship are asked together. One that fails in the engine is an error of its own all the
// same, and the others conclude as they would alone.
func TestTogetherAnErrorStaysAlone(t *testing.T) {
	t.Parallel()
	shipped := func(id, body string) *fstest.MapFile {
		src := strings.NewReplacer("acme_01", "acme_"+id, "ACME-01", "ACME-"+id, "lumos.local", "lumos.controls").Replace(header)
		return &fstest.MapFile{Data: []byte(src + body)}
	}
	const finds = "fail contains {\"message\": \"found\"} if not pass\n\n"
	system := fstest.MapFS{
		"frameworks/frameworks.yaml":   {Data: []byte("frameworks: {acme-handbook: {title: Handbook, edition: first, source: shelf}}\n")},
		"frameworks/acme-handbook.tsv": {Data: []byte("id\ttitle\tstatus\tnote\n7\tChecks\n")},
		"controls/pack.yaml":           {Data: []byte("name: controls\ntitle: All\nversion: 1.0.0\ndescription: x\n")},
		"acme/pack.yaml":               {Data: []byte("name: acme\ntitle: Acme\nversion: 1.0.0\ndescription: x\nframework: acme-handbook\n")},
		"controls/acme_01.rego":        shipped("01", finds+"pass if input.manifest.metadata.name\n"),
		"controls/acme_02.rego":        shipped("02", finds+"pass if to_number(input.manifest.metadata.name) == 1\n"),
		"controls/acme_03.rego":        shipped("03", finds+"pass if input.manifest.metadata.name == \"\"\n"),
		"controls/acme_04.rego":        shipped("04", "not_applicable contains \"not today\" if input.now\n\n"+finds+"pass if input.now == \"\"\n"),
	}
	for _, name := range []string{"lib/pack.yaml", "lib/lib.rego"} {
		data, err := fs.ReadFile(policies.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		system[name] = &fstest.MapFile{Data: data}
	}
	outcomesOf := func() map[string]policy.Outcome {
		t.Helper()
		e, err := policy.NewLibrary(system).Load(t.Context(), policy.Source{Config: &config.Config{MaxAge: "1d", Packs: []config.Pack{{Name: "acme"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return outcomes(e.Evaluate(t.Context(), subject(manifest(t))))
	}
	want := map[string]policy.Outcome{"ACME-01": policy.Pass, "ACME-02": policy.Error, "ACME-03": policy.Fail, "ACME-04": policy.NotApplicable}
	for range 2 { // with the one that breaks the shared query, and without it
		got := outcomesOf()
		for id, o := range want {
			if got[id] != o {
				t.Errorf("%s is %s, want %s", id, got[id], o)
			}
		}
		delete(system, "controls/acme_02.rego")
		delete(want, "ACME-02")
	}
}
