package policy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/policy"
)

// editions are the texts against which citations are checked. The other frameworks that packs cite
// (model risk themes, HIPAA) have no list of ids there.
var editions = map[string]string{
	"nist-ai-rmf":   "nist-ai-rmf-1.0.tsv",
	"nist-ai-600-1": "nist-ai-600-1.tsv",
	"eu-ai-act":     "eu-ai-act-2024-1689.tsv",
	"gdpr":          "gdpr.tsv",
	"iso-42001":     "iso-42001-2023.tsv",
}

// TestCitations holds the identifiers that ship to the texts of the frameworks: each that a control cites
// is there. That controls cite nothing else is checked whenever the packs are read.
func TestCitations(t *testing.T) {
	t.Parallel()
	dir := frameworks(t)
	known := map[string]map[string]bool{}
	for framework, file := range editions {
		known[framework] = ids(t, filepath.Join(dir, file))
	}
	shipped, err := library.Frameworks()
	if err != nil {
		t.Fatal(err)
	}
	controls, err := library.Controls()
	if err != nil {
		t.Fatal(err)
	}
	cited := 0
	for _, c := range controls {
		for framework, refs := range c.References {
			for _, id := range refs {
				p, ok := shipped[framework].Provision(id)
				switch {
				case !ok:
					t.Errorf("%s: %s has no %s", c.Path, framework, id)
				case known[framework] == nil && !p.Unverified:
					t.Errorf("%s: %s %s is not marked as unverified, and there is no text to compare it with", c.Path, framework, id)
				case known[framework] != nil && !known[framework][id] && !known[framework]["Article "+id]:
					t.Errorf("%s: the text of %s has no %s", c.Path, framework, id)
				}
				cited++
			}
		}
	}
	if cited < 200 {
		t.Errorf("only %d citations", cited)
	}
}

// The pack on the AI Act has a profile for each control that cites it, and no other control.
func TestAIActProfiles(t *testing.T) {
	t.Parallel()
	packs, err := library.Packs()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(packs, func(p policy.Pack) bool { return p.Name == "eu-ai-act" })
	if i < 0 {
		t.Fatal("there is no such pack")
	}
	selected := map[string]bool{}
	for name := range packs[i].Profiles {
		for _, id := range packs[i].InProfile(name) {
			selected[id] = true
		}
	}
	controls, err := library.Controls()
	if err != nil {
		t.Fatal(err)
	}
	if len(controls) != 60 {
		t.Errorf("the catalogue has %d controls, want 60", len(controls))
	}
	for _, c := range controls {
		if cites := c.References["eu-ai-act"] != nil; cites != selected[c.ID] {
			t.Errorf("%s cites the AI Act: %v; some profile selects it: %v", c.ID, cites, selected[c.ID])
		}
	}
}

// TestCore holds the core pack to its catalogue: which controls, how severe, in which mode.
func TestCore(t *testing.T) {
	t.Parallel()
	want := map[string]policy.Severity{
		"ID-01": policy.Critical, "ID-02": policy.Critical, "ID-03": policy.High, "ID-04": policy.Critical, "ID-05": policy.Medium,
		"DOC-01": policy.Critical, "DOC-02": policy.High, "DOC-06": policy.Critical,
		"DAT-01": policy.Critical, "DAT-02": policy.Critical, "DAT-05": policy.Critical,
		"EVL-02": policy.Critical, "EVL-07": policy.Critical,
		"GOV-01": policy.Critical, "GOV-08": policy.Critical, "GOV-14": policy.Critical, "SAF-01": policy.Critical,
	}
	controls, err := library.Controls()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range controls {
		if want[c.ID] == "" {
			continue
		}
		mode := policy.Mandatory
		if c.ID == "ID-03" {
			mode = policy.Weighted
		}
		if c.Severity != want[c.ID] || c.Mode != mode {
			t.Errorf("%s is %s and %s, want %s and %s", c.ID, c.Severity, c.Mode, want[c.ID], mode)
		}
		delete(want, c.ID)
	}
	for id := range want {
		t.Errorf("the core pack lacks %s", id)
	}
}

// frameworks finds the texts in the folder "shared" beside the repository, or skips the test.
func frameworks(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("LUMOS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(shared, "data", "frameworks")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the texts of the frameworks are not here: %v", err)
	}
	return dir
}

// ids reads the first column of a table.
func ids(t *testing.T, path string) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if id, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); id != "" && !strings.HasPrefix(id, "#") {
			out[id] = true
		}
	}
	return out
}
