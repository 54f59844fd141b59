package worktree

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"

	"github.com/lumos-governance/lumos/internal/owners"
)

func TestCodeownersDialect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file    string
		remotes map[string]string
		want    owners.Dialect
		because string
	}{
		"nothing tells":       {"README", nil, owners.GitHub, "--dialect"},
		"folder of GitHub":    {".github/workflows/ci.yml", nil, owners.GitHub, ".github is there"},
		"folder of GitLab":    {".gitlab/CODEOWNERS", nil, owners.GitLab, ".gitlab is there"},
		"pipeline of GitLab":  {".gitlab-ci.yml", nil, owners.GitLab, ".gitlab-ci.yml is there"},
		"remote named gitlab": {".github/x", map[string]string{"gitlab": "/srv/git/models.git"}, owners.GitLab, "named gitlab"},
		"origin is GitHub":    {".gitlab-ci.yml", map[string]string{"origin": "https://github.com/acme/models"}, owners.GitHub, "origin is at github.com"},
		"origin is GitLab":    {".github/x", map[string]string{"origin": "git@gitlab.com:acme/models.git"}, owners.GitLab, "origin is at gitlab.com"},
		"origin of a company": {".github/x", map[string]string{"origin": "ssh://git@git.example.org/acme/models.git"}, owners.GitHub, ".github is there"},
		"origin is a folder":  {".gitlab-ci.yml", map[string]string{"origin": "../models.git"}, owners.GitLab, ".gitlab-ci.yml is there"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := repo(t, map[string]string{tc.file: "x\n"})
			r, err := git.PlainOpen(dir)
			if err != nil {
				t.Fatal(err)
			}
			for remote, url := range tc.remotes {
				if _, err := r.CreateRemote(&config.RemoteConfig{Name: remote, URLs: []string{url}}); err != nil {
					t.Fatal(err)
				}
			}
			for _, live := range []bool{false, true} {
				c, err := ReadCodeowners(dir, "", live, []string{"a"})
				if err != nil {
					t.Fatal(err)
				}
				if c.Dialect != tc.want || !strings.Contains(c.Because, tc.because) {
					t.Errorf("live %v: %s because %q, want %s because %q", live, c.Dialect, c.Because, tc.want, tc.because)
				}
			}
		})
	}
}

func TestCodeownersPaths(t *testing.T) {
	t.Parallel()
	dir := repo(t, map[string]string{"a/b/1": "", "a/b/2": "", "a/c": "", "ab": ""})
	write(t, dir, map[string]string{"a/untracked": ""})
	tests := map[string]struct {
		from  string
		paths []string
		want  string
		fails string
	}{
		"file":                {".", []string{"ab"}, "ab", ""},
		"to come":             {"a", []string{"x/y.yaml"}, "a/x/y.yaml", ""},
		"untracked":           {"a", []string{"untracked"}, "a/untracked", ""},
		"folder":              {".", []string{"a/b"}, "a/b/1 a/b/2", ""},
		"each once, in order": {".", []string{"ab", "a", "a/b/"}, "a/b/1 a/b/2 a/c ab", ""},
		"everything":          {"a/b", []string{"../.."}, "a/b/1 a/b/2 a/c ab", ""},
		"absolute":            {".", []string{filepath.Join(dir, "ab")}, "ab", ""},
		"outside":             {"a", []string{"../../x"}, "", "outside the repository"},
		"empty folder":        {".", []string{"none/"}, "", "no tracked file"},
	}
	for name, tc := range tests {
		c, err := ReadCodeowners(filepath.Join(dir, tc.from), "", true, tc.paths)
		switch {
		case tc.fails != "":
			if err == nil || !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%s: error %v, want %q", name, err, tc.fails)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case strings.Join(c.Paths, " ") != tc.want:
			t.Errorf("%s: %v, want %s", name, c.Paths, tc.want)
		}
	}
}

// What the host would not read as a file is none here either, at the base and in the working tree.
func TestCodeownersIsAPlainFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"elsewhere": "* @eve\n", "docs/CODEOWNERS": "* @bob\n"})
	if err := os.Symlink("elsewhere", filepath.Join(dir, "CODEOWNERS")); err != nil {
		t.Skip(err)
	}
	commit(t, dir)
	for _, live := range []bool{false, true} {
		c, err := ReadCodeowners(dir, "", live, []string{"a"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Report()
		if err != nil || r.File != "docs/CODEOWNERS" || !r.Owned() {
			t.Errorf("live %v: %+v, %v", live, r, err)
		}
	}
	write(t, dir, map[string]string{"docs/CODEOWNERS": strings.Repeat("#", maxFile+1)})
	c, err := ReadCodeowners(dir, "", true, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Report(); err == nil {
		t.Error("a file that cannot be read tells nothing")
	}
}
