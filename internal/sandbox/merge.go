package sandbox

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

var errConflict = errors.New("merge conflict")

// mergeTrees merges two trees that grew from base. It follows no renames, so it sees a conflict
// where GitHub might not, and never the other way round.
func (g *git) mergeTrees(base, ours, theirs plumbing.Hash) (plumbing.Hash, error) {
	switch {
	case ours == theirs, base == theirs:
		return ours, nil
	case base == ours:
		return theirs, nil
	}
	names := map[string][3]object.TreeEntry{}
	for side, h := range []plumbing.Hash{base, ours, theirs} {
		if h.IsZero() {
			continue
		}
		t, err := object.GetTree(g.store, h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		for _, e := range t.Entries {
			three := names[e.Name]
			three[side] = e
			names[e.Name] = three
		}
	}
	var merged []object.TreeEntry
	for _, three := range names {
		e, err := g.mergeEntry(three[0], three[1], three[2])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if !e.Hash.IsZero() && e.Hash != emptyTree {
			merged = append(merged, e)
		}
	}
	return g.writeTree(merged)
}

func (g *git) mergeEntry(base, ours, theirs object.TreeEntry) (object.TreeEntry, error) {
	dir := func(e object.TreeEntry) bool { return e.Mode == filemode.Dir }
	switch {
	case ours == theirs, base == theirs:
		return ours, nil
	case base == ours:
		return theirs, nil
	case dir(ours) && dir(theirs) && (dir(base) || base.Hash.IsZero()):
		h, err := g.mergeTrees(base.Hash, ours.Hash, theirs.Hash)
		ours.Hash = h
		return ours, err
	case base.Mode == filemode.Regular && ours.Mode == filemode.Regular && theirs.Mode == filemode.Regular:
		h, err := g.mergeBlobs(base.Hash, ours.Hash, theirs.Hash)
		ours.Hash = h
		return ours, err
	}
	return object.TreeEntry{}, errConflict
}

func (g *git) mergeBlobs(base, ours, theirs plumbing.Hash) (plumbing.Hash, error) {
	dir, err := os.MkdirTemp(g.dir, "merge-")
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer os.RemoveAll(dir)
	var files []string
	for name, h := range map[string]plumbing.Hash{"base": base, "ours": ours, "theirs": theirs} {
		data, err := g.blob(h.String())
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if bytes.IndexByte(data, 0) >= 0 {
			return plumbing.ZeroHash, errConflict
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	for _, name := range []string{"ours", "base", "theirs"} {
		files = append(files, filepath.Join(dir, name))
	}
	out, err := g.run(append([]string{"merge-file", "-p"}, files...)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 && exit.ExitCode() < 128 {
		return plumbing.ZeroHash, errConflict
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return g.writeBlob(out)
}

// mergeCommits merges head into base and returns the resulting tree.
func (g *git) mergeCommits(base, head string) (plumbing.Hash, error) {
	c, err := g.compare(base, head)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	trees := [3]plumbing.Hash{}
	for i, sha := range []string{c.MergeBase, base, head} {
		if sha == "" {
			continue
		}
		commit, err := g.commit(sha)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		trees[i] = commit.TreeHash
	}
	return g.mergeTrees(trees[0], trees[1], trees[2])
}
