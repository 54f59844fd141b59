package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/releases"
)

// guideConfig is the configuration of the repository in which the guide is played.
const guideConfig = `apiVersion: lumos/v1
kind: Config
lists:
  approvedDatasets: [squad_v2]
  allowedLicenses: [CC-BY-4.0]
  trustedSigners: [model-releases@acme.example]
thresholds: {evaluations: {exact_match: {min: 78}, f1: {min: 80}}, performance: {e2e_p95_ms: {max: 200}}}
`

var (
	// shownBlock is a file as docs/rules.md shows it, after its path, or what is typed and answered.
	shownBlock = regexp.MustCompile("(?ms)(?:`(\\.lumos/policies/[^`]+)`[^\n]*:\n\n```[a-z]+|^```console)\n(.*?)^```$")
	// changing is what is different each time: a commit, and how long it took.
	changing = regexp.MustCompile(`\([0-9a-f]{12}\)|in \d+\.\d s`)
)

// TestRulesGuide plays docs/rules.md from its first block to its last: files are written as they are
// shown, and each command answers as it is shown.
func TestRulesGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files, err := releases.Example(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	files[".lumos/config.yaml"] = []byte(guideConfig)
	for name, data := range files {
		writeGuideFile(t, filepath.Join(dir, name), data)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", "start"}} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	commands := 0
	for _, m := range shownBlock.FindAllSubmatch(guide, -1) {
		if name := string(m[1]); name != "" {
			if path := strings.TrimSuffix(name, filepath.Ext(name)); filepath.Ext(name) == ".star" { // one of the languages at a time
				for _, ext := range []string{".yaml", ".rego"} {
					_ = os.Remove(filepath.Join(dir, path+ext)) // the one that is not there
				}
			}
			writeGuideFile(t, filepath.Join(dir, name), m[2])
			continue
		}
		for _, step := range strings.Split("\n"+string(m[2]), "\n$ ")[1:] {
			commands++
			command, want, _ := strings.Cut(step, "\n")
			if got := runGuideCommand(t, dir, command); normal(got) != normal(want) {
				t.Errorf("$ %s (-docs/rules.md +lumos):\n%s", command, cmp.Diff(normal(want), normal(got)))
			}
		}
	}
	if commands < 8 {
		t.Errorf("only %d commands were found in docs/rules.md", commands)
	}
	if got := runGuideCommand(t, dir, "lumos policy test"); !strings.HasPrefix(got, "10 passed, 0 failed; 100.0 %") {
		t.Errorf("at the end, with the rule in Python: %s", got)
	}
}

// normal leaves out what is different each time. The rules of one line of YAML have no order.
func normal(s string) string {
	lines := strings.Split(strings.TrimSpace(changing.ReplaceAllString(s, "…")), "\n")
	for from := 0; from < len(lines); from++ {
		to := from
		for to < len(lines) && strings.HasPrefix(lines[to], "  line ") {
			to++
		}
		slices.Sort(lines[from:to])
		from = max(from, to)
	}
	return strings.Join(lines, "\n")
}

func writeGuideFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// runGuideCommand runs lumos within this process, and the few commands of a shell that the guide shows.
// It returns what both streams say, in the order of a terminal on which errors come first.
func runGuideCommand(t *testing.T, dir, command string) string {
	t.Helper()
	command, file, redirected := strings.Cut(command, " > ")
	args := strings.Fields(command)
	at := func(name string) string { return filepath.Join(dir, name) }
	switch {
	case args[0] == "rm" && len(args) == 2:
		if err := os.Remove(at(args[1])); err != nil {
			t.Error(err)
		}
		return ""
	case args[0] == "mv" && len(args) == 3:
		if err := os.Rename(at(args[1]), filepath.Join(at(args[2]), filepath.Base(args[1]))); err != nil {
			t.Error(err)
		}
		return ""
	case args[0] != "lumos":
		t.Fatalf("the guide shows a command that is not known here: %s", command)
	}
	var out, said bytes.Buffer
	run(t.Context(), append(args[1:], "-C", dir), streams{in: strings.NewReader(""), out: &out, err: &said})
	if redirected {
		writeGuideFile(t, at(file), out.Bytes())
		return said.String()
	}
	return said.String() + out.String()
}

// The configuration that docs/governing.md shows can be read, and chooses packs that there are.
func TestGoverningGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/governing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllSubmatch(guide, -1)
	if len(blocks) < 3 {
		t.Fatalf("only %d examples", len(blocks))
	}
	lists := map[string][]byte{".lumos/lists/publishers.yaml": []byte("[acme]\n")}
	cfg, err := config.Parse(config.Path, blocks[0][1], lists)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.NewLibrary(policies.FS).Load(t.Context(), policy.Source{Config: cfg}); err != nil {
		t.Error(err)
	}
	head := []byte("apiVersion: lumos/v1\nkind: Config\n")
	if _, err := config.Parse(config.Path, append(head, blocks[1][1]...), nil); err != nil {
		t.Errorf("thresholds by task and tier: %v", err)
	}
}
