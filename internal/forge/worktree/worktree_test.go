package worktree

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/releases"
)

// repo makes a git repository whose main branch holds files, and returns its folder.
func repo(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	commit(t, dir)
	return dir
}

// commit makes dir a git repository of what is in it.
func commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all"},
		{"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--allow-empty", "-m", "base"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const minimal = "apiVersion: lumos/v1\nkind: ModelRelease\nmetadata: {name: m, version: \"%\"}\nspec: {source: {type: custom, modelId: m}}\n"

func manifest(version string) string { return strings.Replace(minimal, "%", version, 1) }

func TestTrustComesFromTheBase(t *testing.T) {
	t.Parallel()
	dir := repo(t, map[string]string{
		".lumos/config.yaml":     "apiVersion: lumos/v1\nkind: Config\n",
		".lumos/waivers/w.yaml":  "kind: Waiver\n",
		"releases/m/1.0.0.yaml":  manifest("1.0.0"),
		"releases/m/notes.yaml":  "not: semver\n",
		"releases/m/0.9.0.yaml":  manifest("0.9.0"),
		"releases/other/1.yaml":  manifest("1"),
		"docs/irrelevant/a.yaml": "a: 1\n",
	})
	write(t, dir, map[string]string{
		".lumos/config.yaml":    "apiVersion: lumos/v1\nkind: Config\nreleases: [\"elsewhere/*.yaml\"]\n",
		".lumos/waivers/x.yaml": "kind: Waiver\n",
		"releases/m/1.1.0.yaml": manifest("1.1.0"),
	})
	s, err := Snapshot(dir, "main", []string{"releases/m/1.1.0.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(s.Config.Data), "elsewhere") || len(s.Lumos) != 1 {
		t.Errorf("the working tree's rules were read: %s, %d files", s.Config.Data, len(s.Lumos))
	}
	if len(s.Manifests) != 1 || s.Manifests[0].Path != "releases/m/1.1.0.yaml" {
		t.Errorf("manifests: %v", s.Manifests)
	}
	if got := s.Previous["releases/m/1.1.0.yaml"].Path; got != "releases/m/1.0.0.yaml" {
		t.Errorf("previous release %q, want 1.0.0", got)
	}

	cfg, err := Config(dir, "main")
	if err != nil || !cfg.Matches("releases/m/1.yaml") || cfg.Matches("elsewhere/1.yaml") {
		t.Errorf("the configuration is not the base's: %v", err)
	}

	all, err := Snapshot(filepath.Join(dir, "releases", "m"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Manifests) != 5 {
		t.Errorf("without paths %d manifests, want all 5 that the base's configuration names", len(all.Manifests))
	}
}

func TestEvidenceIsReadFromTheTree(t *testing.T) {
	t.Parallel()
	files, err := releases.Example(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for p, data := range files {
		texts[p] = string(data)
	}
	dir := repo(t, nil)
	write(t, dir, texts)
	s, err := Snapshot(dir, "main", []string{"releases"})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Manifests) != 1 || len(s.Evidence) != len(files)-1 {
		t.Errorf("%d manifests, %d pieces of evidence; want 1 and %d", len(s.Manifests), len(s.Evidence), len(files)-1)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := repo(t, map[string]string{"releases/m/1.yaml": manifest("1")})
	outside := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(outside, []byte("a: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "releases", "m", "link.yaml")); err != nil {
		t.Skip("no symlinks here:", err)
	}
	for _, tc := range []struct {
		name, base string
		paths      []string
		want       string
	}{
		{"a path outside", "main", []string{outside}, "outside the repository"},
		{"a symlink", "main", []string{"releases/m/link.yaml"}, "not a regular file"},
		{"a file that is not there", "main", []string{"releases/m/none.yaml"}, "no such file"},
		{"a base that is not there", "nowhere", nil, "no such revision"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := Snapshot(dir, tc.base, tc.paths); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := Snapshot(t.TempDir(), "", nil); !errors.Is(err, ErrNotGit) {
		t.Errorf("a folder without git: %v", err)
	}
}
