package worktree

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/owners"
)

// Codeowners is what a clone tells of who owns its paths.
type Codeowners struct {
	At      string         // where it was read: a revision with its commit, or "the working tree"
	Files   []forge.Blob   // the places of CODEOWNERS where a file is
	Dialect owners.Dialect // of the host that the clone seems to belong to
	Because string         // what tells the dialect
	Paths   []string       // what was asked for, from the root: a folder is the tracked files below it
}

// ReadCodeowners reads CODEOWNERS at base, which is as for Snapshot, or live, as it lies in the working
// tree. Paths are below dir; they need not exist.
func ReadCodeowners(dir, base string, live bool, paths []string) (*Codeowners, error) {
	repo, root, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	c := &Codeowners{}
	if c.Paths, err = tracked(repo, root, dir, paths); err != nil {
		return nil, err
	}
	there := func(name string) bool {
		_, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name)))
		return err == nil
	}
	if live {
		c.At = "the working tree"
		for _, place := range owners.AllPlaces() {
			if info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(place))); err == nil && info.Mode().IsRegular() {
				c.Files = append(c.Files, readFile(root, place, maxFile))
			}
		}
	} else {
		commit, name, err := resolve(repo, base)
		if err != nil {
			return nil, err
		}
		tree, err := commit.Tree()
		if err != nil {
			return nil, fmt.Errorf("base %s: %w", name, err)
		}
		c.At = fmt.Sprintf("%s (%.12s)", name, commit.Hash)
		if c.Files, err = places(tree); err != nil {
			return nil, fmt.Errorf("base %s: %w", name, err)
		}
		there = func(name string) bool { _, err := tree.FindEntry(name); return err == nil }
	}
	c.Dialect, c.Because, err = dialect(repo, there)
	return c, err
}

// Report says who owns the paths. A file that counts and cannot be read is an error.
func (c *Codeowners) Report() (owners.Report, error) {
	r := owners.Report{Dialect: c.Dialect, Because: c.Because, At: c.At, Problems: []owners.Problem{}, Paths: []owners.Ownership{}}
	names := make([]string, len(c.Files))
	for i, f := range c.Files {
		names[i] = f.Path
	}
	var ignored, problems []owners.Problem
	r.File, ignored = owners.Counts(c.Dialect, names)
	file := &owners.File{}
	if r.File != "" {
		blob := c.Files[slices.Index(names, r.File)]
		if blob.Err != "" {
			return r, fmt.Errorf("%s at %s: %s", r.File, c.At, blob.Err)
		}
		file, problems = owners.Parse(c.Dialect, r.File, blob.Data)
	}
	r.Problems = append(append(r.Problems, problems...), ignored...)
	for _, p := range c.Paths {
		o := file.Explain(p)
		if r.File == "" {
			o.Unowned = &owners.Unowned{Why: "there is no CODEOWNERS file", Fix: "add one at " + strings.Join(owners.Places(c.Dialect), ", or ")}
		}
		r.Paths = append(r.Paths, o)
	}
	return r, nil
}

// places reads the CODEOWNERS files of a tree. What is no plain file is none, as for the bot.
func places(tree *object.Tree) ([]forge.Blob, error) {
	var files []forge.Blob
	for _, place := range owners.AllPlaces() {
		f, err := tree.File(place)
		if errors.Is(err, object.ErrFileNotFound) || err == nil && f.Mode == filemode.Symlink {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		blob, err := content(f, place)
		if err != nil {
			return nil, err
		}
		files = append(files, blob)
	}
	return files, nil
}

// dialect tells the host by where the clone came from, else by what lies in it.
func dialect(repo *git.Repository, there func(string) bool) (owners.Dialect, string, error) {
	remotes, err := repo.Remotes()
	if err != nil {
		return "", "", fmt.Errorf("remotes: %w", err)
	}
	named := ""
	for _, r := range remotes {
		cfg := r.Config()
		if cfg.Name == "gitlab" {
			named = "a remote is named gitlab"
		}
		if cfg.Name != "origin" || len(cfg.URLs) == 0 {
			continue
		}
		at, err := transport.NewEndpoint(cfg.URLs[0])
		switch {
		case err != nil: // it says nothing
		case strings.Contains(at.Host, "gitlab"):
			return owners.GitLab, "origin is at " + at.Host, nil
		case at.Host == "github.com":
			return owners.GitHub, "origin is at " + at.Host, nil
		}
	}
	for _, name := range []string{".gitlab-ci.yml", ".gitlab"} {
		if there(name) {
			return owners.GitLab, name + " is there", nil
		}
	}
	switch {
	case named != "":
		return owners.GitLab, named, nil
	case there(".github"):
		return owners.GitHub, ".github is there", nil
	}
	return owners.GitHub, "nothing here tells the code host: choose with --dialect", nil
}

// tracked turns paths below dir into paths from the root. A folder stands for the tracked files below it.
func tracked(repo *git.Repository, root, dir string, paths []string) ([]string, error) {
	index, err := repo.Storer.Index()
	if err != nil {
		return nil, fmt.Errorf("the index: %w", err)
	}
	from, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if from, err = filepath.EvalSymlinks(from); err != nil {
		return nil, err
	}
	var found []string
	for _, p := range paths {
		abs := filepath.Join(from, p)
		if filepath.IsAbs(p) {
			abs = p
			if folder, err := filepath.EvalSymlinks(filepath.Dir(p)); err == nil {
				abs = filepath.Join(folder, filepath.Base(p))
			}
		}
		rel, err := filepath.Rel(root, abs)
		if err != nil || !filepath.IsLocal(rel) {
			return nil, fmt.Errorf("%s: outside the repository at %s", p, root)
		}
		rel = filepath.ToSlash(rel)
		before := len(found)
		for _, e := range index.Entries {
			if rel == "." || strings.HasPrefix(e.Name, rel+"/") {
				found = append(found, e.Name)
			}
		}
		info, err := os.Lstat(abs)
		folder := strings.HasSuffix(p, "/") || err == nil && info.IsDir()
		switch {
		case len(found) > before:
		case folder:
			return nil, fmt.Errorf("%s: no tracked file is below it: give the path of a file", p)
		default:
			found = append(found, path.Clean(rel))
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
