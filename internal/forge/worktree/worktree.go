// Package worktree reads a Snapshot from a git working tree, for the command line: what a pull
// request would bring comes from the files, what is trusted from a base commit. It never goes to
// the network and never writes.
package worktree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// What is read of one file at most, in bytes: as much as the bot reads.
const (
	maxManifest = 1 << 20
	maxFile     = 10 << 20
)

// ErrNotGit says that the folder is in no git repository.
var ErrNotGit = errors.New("not in a git repository: the base is where configuration and policies are read")

// Snapshot reads the manifests at paths (files or folders below dir; none means all that the
// configuration names) and the trusted files at base, a revision; "" is the upstream's default
// branch if it is known here, else HEAD.
func Snapshot(dir, base string, paths []string) (*forge.Snapshot, error) {
	repo, root, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	commit, name, err := resolve(repo, base)
	if err != nil {
		return nil, err
	}
	s := &forge.Snapshot{Evidence: map[string]forge.Blob{}, Previous: map[string]forge.Blob{}, Releases: map[string]forge.Blob{}}
	s.PullRequest.Base = forge.Branch{Ref: name, SHA: commit.Hash.String()}
	tree, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", name, err)
	}
	if err := readBase(tree, s); err != nil {
		return nil, fmt.Errorf("base %s: %w", name, err)
	}
	cfg, err := configOf(s)
	if err != nil {
		cfg = config.Default() // the check says what is wrong with it
	}
	manifests, err := find(root, dir, paths, cfg)
	if err != nil {
		return nil, err
	}
	for _, p := range manifests {
		m := readFile(root, p, maxManifest)
		s.Manifests = append(s.Manifests, m)
		rel, err := releases.Parse(p, m.Data)
		if err != nil {
			continue // the check reports it
		}
		for _, e := range rel.EvidencePaths() {
			if b := readFile(root, e, maxFile); b.Err == "" {
				s.Evidence[e] = b
			}
		}
		if err := readPrevious(tree, rel, s); err != nil {
			return nil, fmt.Errorf("base %s: %w", name, err)
		}
		if err := readReleases(tree, rel, cfg, s); err != nil {
			return nil, fmt.Errorf("base %s: %w", name, err)
		}
	}
	return s, nil
}

// Config reads the configuration at base, which is as for Snapshot; the clone may be bare. Without
// one it is the default.
func Config(dir, base string) (*config.Config, error) {
	repo, err := open(dir)
	if err != nil {
		return nil, err
	}
	commit, name, err := resolve(repo, base)
	if err != nil {
		return nil, err
	}
	tree, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", name, err)
	}
	s := &forge.Snapshot{}
	if err := readBase(tree, s); err != nil {
		return nil, fmt.Errorf("base %s: %w", name, err)
	}
	return configOf(s)
}

func configOf(s *forge.Snapshot) (*config.Config, error) {
	if s.Config.OID == "" {
		return config.Default(), nil
	}
	return config.Parse(s.Config.Path, s.Config.Data, s.LumosFiles())
}

func open(dir string) (*git.Repository, error) {
	// Git looks for the repository in the folders above, and would find another one's for a folder that is not there.
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a folder", dir)
	}
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotGit)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return repo, nil
}

// openTree opens the repository around dir, and finds the root of its working tree.
func openTree(dir string) (repo *git.Repository, root string, err error) {
	if repo, err = open(dir); err != nil {
		return nil, "", err
	}
	wt, err := repo.Worktree()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", dir, err)
	}
	root, err = filepath.EvalSymlinks(wt.Filesystem.Root())
	return repo, root, err
}

func resolve(repo *git.Repository, base string) (*object.Commit, string, error) {
	tried := []string{base}
	if base == "" {
		tried = []string{"refs/remotes/origin/HEAD", "HEAD"}
	}
	var hash *plumbing.Hash
	var err error
	for _, name := range tried {
		if hash, err = repo.ResolveRevision(plumbing.Revision(name)); err == nil {
			c, err := repo.CommitObject(*hash)
			if err != nil {
				return nil, "", fmt.Errorf("base %s: %w", name, err)
			}
			return c, name, nil
		}
	}
	return nil, "", fmt.Errorf("base %q: no such revision here: give a branch, tag or commit with --base (%w)", strings.Join(tried, " or "), err)
}

// readBase reads the trusted files: everything under .lumos, and CODEOWNERS.
func readBase(tree *object.Tree, s *forge.Snapshot) error {
	s.Config.Path = config.Path
	lumos, err := tree.Tree(".lumos")
	if err == nil {
		err = lumos.Files().ForEach(func(f *object.File) error {
			if !f.Mode.IsRegular() {
				return nil
			}
			b, err := content(f, path.Join(".lumos", f.Name))
			if err != nil {
				return err
			}
			if b.Path == config.Path {
				s.Config = b
			} else {
				s.Lumos = append(s.Lumos, b)
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, object.ErrDirectoryNotFound) {
		return err
	}
	slices.SortFunc(s.Lumos, func(a, b forge.Blob) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

func readPrevious(tree *object.Tree, rel *releases.Release, s *forge.Snapshot) error {
	folder, err := tree.Tree(path.Dir(rel.Path))
	if errors.Is(err, object.ErrDirectoryNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var names []string
	for _, e := range folder.Entries {
		if e.Mode.IsRegular() {
			names = append(names, e.Name)
		}
	}
	prev := rel.PreviousPath(names)
	if prev == "" {
		return nil
	}
	f, err := tree.File(prev)
	if err != nil {
		return fmt.Errorf("%s: %w", prev, err)
	}
	b, err := content(f, prev)
	s.Previous[rel.Path] = b
	return err
}

// readReleases reads the releases at base that a manifest names. A file that is no release is none.
func readReleases(tree *object.Tree, rel *releases.Release, cfg *config.Config, s *forge.Snapshot) error {
	for _, p := range rel.ReleasePaths() {
		if !cfg.Matches(p) {
			continue
		}
		f, err := tree.File(p)
		if errors.Is(err, object.ErrFileNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if s.Releases[p], err = content(f, p); err != nil {
			return err
		}
	}
	return nil
}

func content(f *object.File, name string) (forge.Blob, error) {
	b := forge.Blob{Path: name, OID: f.Hash.String()}
	if f.Size > maxFile {
		b.Err = fmt.Sprintf("%d bytes, more than the %d that are read", f.Size, maxFile)
		return b, nil
	}
	r, err := f.Reader()
	if err != nil {
		return b, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	if b.Data, err = io.ReadAll(r); err != nil {
		return b, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// find lists the manifests to check, by their path from the root of the repository.
func find(root, dir string, paths []string, cfg *config.Config) ([]string, error) {
	var found []string
	add := func(p string) { found = append(found, p) }
	walk := func(start string) error {
		return filepath.WalkDir(start, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == ".git" {
				return filepath.SkipDir
			}
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			if rel = filepath.ToSlash(rel); d.Type().IsRegular() && cfg.Matches(rel) {
				add(rel)
			}
			return nil
		})
	}
	if len(paths) == 0 {
		if err := walk(root); err != nil {
			return nil, err
		}
	}
	for _, p := range paths {
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		// The folder may be reached through a symlink; the file itself must not be one.
		folder, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		abs = filepath.Join(folder, filepath.Base(abs))
		rel, err := filepath.Rel(root, abs)
		if err != nil || !filepath.IsLocal(rel) {
			return nil, fmt.Errorf("%s: outside the repository at %s", p, root)
		}
		info, err := os.Lstat(abs)
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			if err := walk(abs); err != nil {
				return nil, err
			}
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s: not a regular file", p)
		default:
			add(filepath.ToSlash(rel))
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// readFile reads a file of the working tree. Symlinks are not followed, as a code host would not.
func readFile(root, p string, limit int64) forge.Blob {
	b := forge.Blob{Path: p}
	fail := func(err error) forge.Blob {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err // where the repository lies is nobody's business in a report
		}
		b.Err = err.Error()
		return b
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	info, err := r.Lstat(filepath.FromSlash(p))
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(errors.New("not a regular file"))
	}
	if info.Size() > limit {
		b.Err = fmt.Sprintf("%d bytes, more than the %d that are read", info.Size(), limit)
		return b
	}
	f, err := r.Open(filepath.FromSlash(p))
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	if b.Data, err = io.ReadAll(io.LimitReader(f, limit)); err != nil {
		return fail(err)
	}
	b.OID = plumbing.ComputeHash(plumbing.BlobObject, b.Data).String()
	return b
}

// Rules reads the trusted files as they lie in the working tree around dir: what the rules would be if
// everything there were merged.
func Rules(dir string) (cfg forge.Blob, lumos []forge.Blob, err error) {
	_, root, err := openTree(dir)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Path = config.Path
	start := filepath.Join(root, ".lumos")
	err = filepath.WalkDir(start, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		b := readFile(root, filepath.ToSlash(rel), maxFile)
		if b.Path == config.Path {
			cfg = b
		} else {
			lumos = append(lumos, b)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return cfg, lumos, err
}

// Released tells which of the paths are files at base, which is as for Snapshot.
func Released(dir, base string, paths []string) (map[string]bool, error) {
	repo, err := open(dir)
	if err != nil {
		return nil, err
	}
	commit, name, err := resolve(repo, base)
	if err != nil {
		return nil, err
	}
	tree, err := commit.Tree()
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", name, err)
	}
	folders := map[string]map[string]bool{} // each is read once: there may be thousands of files
	out := map[string]bool{}
	for _, p := range paths {
		dir := path.Dir(p)
		if folders[dir] == nil {
			folders[dir] = map[string]bool{}
			folder, err := tree.Tree(dir)
			if err != nil && !errors.Is(err, object.ErrDirectoryNotFound) {
				return nil, fmt.Errorf("base %s: %w", name, err)
			}
			if err == nil {
				for _, e := range folder.Entries {
					folders[dir][e.Name] = e.Mode.IsRegular()
				}
			}
		}
		out[p] = folders[dir][path.Base(p)]
	}
	return out, nil
}
