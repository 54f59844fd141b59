package policy_test

import (
	"os"
	"path/filepath"
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

// TestCitations looks up every id that a control cites in the text of the framework itself.
func TestCitations(t *testing.T) {
	t.Parallel()
	dir := frameworks(t)
	known := map[string]map[string]bool{}
	for framework, file := range editions {
		known[framework] = ids(t, filepath.Join(dir, file))
	}
	controls, err := library.Controls()
	if err != nil {
		t.Fatal(err)
	}
	if len(controls) == 0 {
		t.Fatal("no controls")
	}
	for _, c := range controls {
		for framework, cited := range c.References {
			for _, id := range cited {
				if known[framework] != nil && !known[framework][id] {
					t.Errorf("%s: %s has no %s", c.Path, framework, id)
				}
			}
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
