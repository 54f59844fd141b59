package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"
)

// zeroOID stands for "no object" where git speaks of refs that come or go.
const zeroOID = "0000000000000000000000000000000000000000"

// git is a bare repository. Objects are read and written in the process, all of them loose; diffs
// and merge bases are git's own. The refs in memory are the truth and their files follow, because
// nobody but this process writes them.
type git struct {
	dir   string
	store storage.Storer
	refs  map[string]string      // full name → object id
	diffs map[[2]string]*compare // by base and head commit: immutable
}

// compare is a three-dot comparison.
type compare struct {
	MergeBase string
	Commits   []string // base..head, oldest first
	Files     []fileChange
	patched   bool
}

// fileChange is one entry of a diff. Status is as in REST.
type fileChange struct {
	Path, Previous       string
	Status, SHA          string
	Additions, Deletions int
	Patch                string
}

func initGit(dir string) (git, error) {
	r, err := gogit.PlainInitWithOptions(dir, &gogit.PlainInitOptions{
		Bare:        true,
		InitOptions: gogit.InitOptions{DefaultBranch: "refs/heads/main"},
	})
	if err != nil {
		return git{}, fmt.Errorf("making the repository %s: %w", filepath.Base(dir), err)
	}
	return git{dir: dir, store: r.Storer, refs: map[string]string{}, diffs: map[[2]string]*compare{}}, nil
}

// command prepares a git command in the repository, deaf to the user's own git settings.
func (g *git) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = g.dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "LC_ALL=C", "GIT_DIR=" + g.dir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
	c.WaitDelay = time.Second
	return c
}

// run runs a git command that only reads and takes milliseconds.
func (g *git) run(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := g.command(ctx, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return out, err
}

// setRef moves a ref, or removes it when sha is empty.
func (g *git) setRef(name, sha string) error {
	if err := plumbing.ReferenceName(name).Validate(); err != nil || !strings.HasPrefix(name, "refs/") {
		return fmt.Errorf("%q is no name of a ref", name)
	}
	file := filepath.Join(g.dir, filepath.FromSlash(name))
	if sha == "" {
		delete(g.refs, name)
		err := os.Remove(file)
		for d := filepath.Dir(file); err == nil && filepath.Base(filepath.Dir(d)) != "refs"; d = filepath.Dir(d) {
			err = os.Remove(d) // only while empty
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".lock", []byte(sha+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.Rename(file+".lock", file); err != nil {
		return err
	}
	g.refs[name] = sha
	return nil
}

// branch is the tip of a branch, or "".
func (g *git) branch(name string) string { return g.refs["refs/heads/"+name] }

// resolve finds what an expression names: a full ref, a branch, a tag, or a full object id.
func (g *git) resolve(expr string) string {
	for _, prefix := range []string{"", "refs/heads/", "refs/tags/", "refs/"} {
		if sha := g.refs[prefix+expr]; sha != "" && (prefix != "" || strings.HasPrefix(expr, "refs/")) {
			return sha
		}
	}
	if plumbing.IsHash(expr) && g.store.HasEncodedObject(plumbing.NewHash(expr)) == nil {
		return expr
	}
	return ""
}

// peel follows annotated tags.
func (g *git) peel(sha string) string {
	for range 10 {
		tag, err := object.GetTag(g.store, plumbing.NewHash(sha))
		if err != nil {
			return sha
		}
		sha = tag.Target.String()
	}
	return sha
}

// kind is the type of an object: commit, tree, blob, tag, or "".
func (g *git) kind(sha string) string {
	o, err := g.store.EncodedObject(plumbing.AnyObject, plumbing.NewHash(sha))
	if err != nil {
		return ""
	}
	return o.Type().String()
}

func (g *git) commit(sha string) (*object.Commit, error) {
	return object.GetCommit(g.store, plumbing.NewHash(sha))
}

func (g *git) tree(sha string) (*object.Tree, error) {
	return object.GetTree(g.store, plumbing.NewHash(sha))
}

func (g *git) blob(sha string) ([]byte, error) {
	b, err := object.GetBlob(g.store, plumbing.NewHash(sha))
	if err != nil {
		return nil, err
	}
	r, err := b.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// lookup finds a path in a tree; a missing path is nil. The empty path is the tree itself.
func (g *git) lookup(treeSHA, path string) *object.TreeEntry {
	e := &object.TreeEntry{Mode: filemode.Dir, Hash: plumbing.NewHash(treeSHA)}
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' }) {
		t, err := object.GetTree(g.store, e.Hash)
		if err != nil {
			return nil
		}
		i := slices.IndexFunc(t.Entries, func(x object.TreeEntry) bool { return x.Name == name })
		if i < 0 {
			return nil
		}
		e = &t.Entries[i]
	}
	return e
}

func (g *git) write(encode func(plumbing.EncodedObject) error) (plumbing.Hash, error) {
	o := g.store.NewEncodedObject()
	if err := encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return g.store.SetEncodedObject(o)
}

func (g *git) writeBlob(data []byte) (plumbing.Hash, error) {
	return g.write(func(o plumbing.EncodedObject) error {
		o.SetType(plumbing.BlobObject)
		w, err := o.Writer()
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
		return w.Close()
	})
}

func (g *git) writeTree(entries []object.TreeEntry) (plumbing.Hash, error) {
	// git orders a directory as if its name ended in a slash.
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(treeKey(a), treeKey(b)) })
	return g.write((&object.Tree{Entries: entries}).Encode)
}

func treeKey(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

// edit is what becomes of one path: an entry, or nothing when Hash is zero.
type edit struct {
	Path string
	Mode filemode.FileMode
	Hash plumbing.Hash
}

// editTree applies edits to a tree (zero: the empty one). Directories left empty vanish.
func (g *git) editTree(base plumbing.Hash, edits []edit) (plumbing.Hash, error) {
	entries := map[string]object.TreeEntry{}
	if !base.IsZero() {
		t, err := object.GetTree(g.store, base)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		for _, e := range t.Entries {
			entries[e.Name] = e
		}
	}
	below := map[string][]edit{}
	for _, e := range edits {
		name, rest, deeper := strings.Cut(e.Path, "/")
		switch {
		case name == "" || name == "." || name == ".." || strings.EqualFold(name, ".git"):
			return plumbing.ZeroHash, fmt.Errorf("%q is no path", e.Path)
		case deeper:
			below[name] = append(below[name], edit{rest, e.Mode, e.Hash})
		case e.Hash.IsZero():
			delete(entries, name)
		default:
			entries[name] = object.TreeEntry{Name: name, Mode: e.Mode, Hash: e.Hash}
		}
	}
	for name, sub := range below {
		from := plumbing.ZeroHash
		if e, ok := entries[name]; ok && e.Mode == filemode.Dir {
			from = e.Hash
		}
		h, err := g.editTree(from, sub)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if h == emptyTree {
			delete(entries, name)
			continue
		}
		entries[name] = object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: h}
	}
	list := make([]object.TreeEntry, 0, len(entries))
	for _, e := range entries {
		list = append(list, e)
	}
	return g.writeTree(list)
}

// emptyTree is the id of the tree without entries.
var emptyTree = plumbing.NewHash("4b825dc642cb6eb9a060e54bf8d69288fbee4904")

// ancestor reports whether old is reachable from sha, that is: whether old → sha is a fast-forward.
func (g *git) ancestor(old, sha string) bool {
	if old == sha {
		return true
	}
	_, err := g.run("merge-base", "--is-ancestor", old, sha)
	return err == nil
}

// compare computes base...head: the commits of base..head and the diff from the merge base.
// Histories without a common commit compare as if the base were empty.
func (g *git) compare(base, head string) (*compare, error) {
	key := [2]string{base, head}
	if c := g.diffs[key]; c != nil {
		return c, nil
	}
	c := &compare{}
	out, err := g.run("merge-base", base, head)
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return nil, err
	}
	c.MergeBase = strings.TrimSpace(string(out))
	if out, err = g.run("rev-list", "--topo-order", "--reverse", base+".."+head); err != nil {
		return nil, err
	}
	c.Commits = strings.Fields(string(out))
	if out, err = g.run("diff-tree", "-r", "-M", "-z", "--raw", "--numstat", c.from(), head); err != nil {
		return nil, err
	}
	if c.Files, err = parseDiff(string(out)); err != nil {
		return nil, err
	}
	g.diffs[key] = c
	return c, nil
}

func (c *compare) from() string {
	if c.MergeBase == "" {
		return emptyTree.String()
	}
	return c.MergeBase
}

var diffStatus = map[byte]string{'A': "added", 'M': "modified", 'D': "removed", 'R': "renamed", 'C': "copied", 'T': "changed"}

// parseDiff reads what `git diff-tree -z --raw --numstat` prints: all raw records, then all counts.
func parseDiff(out string) ([]fileChange, error) {
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	files := []fileChange{}
	at := map[string]int{}
	for i := 0; i < len(fields) && fields[i] != ""; i++ {
		if raw, ok := strings.CutPrefix(fields[i], ":"); ok {
			w := strings.Fields(raw) // old mode, new mode, old id, new id, status
			if len(w) != 5 || i+1 >= len(fields) || diffStatus[w[4][0]] == "" {
				return nil, fmt.Errorf("git diff-tree: cannot read the record %q", fields[i])
			}
			f := fileChange{Status: diffStatus[w[4][0]], SHA: w[3]}
			if f.Status == "removed" {
				f.SHA = w[2]
			}
			i++
			f.Path = fields[i]
			if w[4][0] == 'R' || w[4][0] == 'C' {
				if i++; i == len(fields) {
					return nil, fmt.Errorf("git diff-tree: no new name for %q", f.Path)
				}
				f.Previous, f.Path = f.Path, fields[i]
			}
			at[f.Path] = len(files)
			files = append(files, f)
			continue
		}
		w := strings.SplitN(fields[i], "\t", 3) // added, deleted, path; "-" for binary
		if len(w) != 3 {
			return nil, fmt.Errorf("git diff-tree: cannot read the count %q", fields[i])
		}
		path := w[2]
		if path == "" && i+2 < len(fields) {
			path = fields[i+2]
			i += 2
		}
		n, known := at[path]
		if !known {
			return nil, fmt.Errorf("git diff-tree: a count for %q, which is not in the diff", path)
		}
		f := &files[n]
		f.Additions, _ = strconv.Atoi(w[0])
		f.Deletions, _ = strconv.Atoi(w[1])
	}
	return files, nil
}

// patches fills in the text of the diff, once.
func (g *git) patches(c *compare, head string) error {
	if c.patched {
		return nil
	}
	out, err := g.run("diff-tree", "-r", "-M", "-p", "--no-color", c.from(), head)
	if err != nil {
		return err
	}
	chunks := strings.Split("\n"+string(out), "\ndiff --git ")[1:]
	for i := range c.Files {
		n := 1
		if c.Files[i].Status == "changed" {
			n = 2 // a change of type is shown as a removal and an addition
		}
		n = min(n, len(chunks))
		for _, chunk := range chunks[:n] {
			if at := strings.Index(chunk, "\n@@ "); at >= 0 {
				c.Files[i].Patch += chunk[at+1:]
			}
		}
		chunks = chunks[n:]
	}
	c.patched = true
	return nil
}
