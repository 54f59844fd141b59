package gitlab

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; only this room knows it

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/xanzy/go-gitlab"
	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
	"github.com/lumos-governance/lumos/internal/owners"
)

const (
	dirsPerQuery = 5  // directories beside .lumos: what keeps a query far below GitLab's limit of complexity
	maxTree      = 50 // pages of a directory's entries: 5,000
)

// basePaths are where CODEOWNERS may be; .lumos is among them to tell a file of that name from a directory.
var basePaths = append([]string{".lumos"}, owners.Places(owners.GitLab)...)

// baseDocument builds the document for the directories, and its variables.
func baseDocument(repo forge.Repo, sha string, dirs []string) (string, map[string]any) {
	a := client.Aliases{Values: map[string]any{"project": repo.FullName(), "ref": sha, "paths": basePaths}}
	for i, dir := range dirs {
		a.Variable(fmt.Sprintf("d%d", i), "String!", dir)
		a.Field("d%d: tree(path: $d%d, ref: $ref) { ...Entries }", i, i)
	}
	return document("base", map[string]string{"variables": a.Declared(), "directories": a.Fields()}), a.Values
}

// cleanDir is a directory as GitLab's arguments want it; the root is empty.
func cleanDir(dir string) string {
	if dir = path.Clean(strings.Trim(dir, "/")); dir == "." {
		return ""
	}
	return dir
}

// baseFiles reads everything under .lumos, the places of CODEOWNERS, and the entries of dirs at a commit.
func (h *Host) baseFiles(ctx context.Context, repo forge.Repo, sha string, dirs []string) (*baseFiles, error) {
	found := map[string]forge.Entry{}
	out := &baseFiles{}
	var clean []string
	for _, dir := range dirs {
		if dir = cleanDir(dir); !slices.Contains(clean, dir) {
			clean = append(clean, dir)
		}
	}
	chunks := slices.Collect(slices.Chunk(clean, dirsPerQuery))
	if len(chunks) == 0 {
		chunks = [][]string{nil}
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	for _, chunk := range chunks {
		g.Go(func() error {
			entries, truncated, err := h.baseQuery(gctx, repo, sha, chunk)
			mu.Lock()
			defer mu.Unlock()
			for _, e := range entries {
				found[e.Path] = e
			}
			out.truncated = append(out.truncated, truncated...)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, at := range sortedKeys(found) {
		out.entries = append(out.entries, found[at])
	}
	slices.Sort(out.truncated)
	return out, nil
}

func sortedKeys(m map[string]forge.Entry) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (h *Host) baseQuery(ctx context.Context, repo forge.Repo, sha string, dirs []string) (entries []forge.Entry, truncated []string, err error) {
	var answer struct {
		Project *struct {
			Repository map[string]json.RawMessage `json:"repository"`
		} `json:"project"`
	}
	doc, variables := baseDocument(repo, sha, dirs)
	if err := h.strict(ctx, doc, variables, &answer); err != nil {
		return nil, nil, err
	}
	if answer.Project == nil {
		return nil, nil, forge.ErrNotFound
	}
	at := answer.Project.Repository
	var files leaves
	if err := decode(at["files"], &files); err != nil {
		return nil, nil, err
	}
	for _, f := range files.Nodes {
		entries = append(entries, forge.Entry{Path: f.Path, Mode: f.Mode, OID: f.OID})
	}
	listing := func(alias, dir string, recursive bool) error {
		var t tree
		if err := decode(at[alias], &t); err != nil {
			return err
		}
		if !t.more() {
			entries = append(entries, t.entries()...)
			return nil
		}
		all, err := h.list(ctx, repo, sha, dir, recursive)
		if errors.Is(err, forge.ErrTooLarge) {
			truncated = append(truncated, fmt.Sprintf("the directory %s, which has more than %d entries", dir, maxTree*perPage))
			err = nil
		}
		entries = append(entries, all...)
		return err
	}
	if err := listing("lumos", ".lumos", true); err != nil {
		return nil, nil, err
	}
	for i, dir := range dirs {
		if err := listing(fmt.Sprintf("d%d", i), dir, false); err != nil {
			return nil, nil, err
		}
	}
	return entries, truncated, nil
}

func decode(raw json.RawMessage, out any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("decoding the base's files: %w", err)
	}
	return nil
}

// The modes of git that GitLab does not spell out for every kind of entry.
const (
	treeMode      = "040000"
	submoduleMode = "160000"
)

func (t tree) more() bool {
	return t.Blobs.PageInfo.HasNextPage || t.Trees.PageInfo.HasNextPage || t.Submodules.PageInfo.HasNextPage
}

func (t tree) entries() []forge.Entry {
	var out []forge.Entry
	for _, e := range t.Blobs.Nodes {
		out = append(out, forge.Entry{Path: e.Path, Mode: e.Mode, OID: e.SHA})
	}
	for _, e := range t.Trees.Nodes {
		out = append(out, forge.Entry{Path: e.Path, Mode: treeMode, OID: e.SHA})
	}
	for _, e := range t.Submodules.Nodes {
		out = append(out, forge.Entry{Path: e.Path, Mode: submoduleMode, OID: e.SHA})
	}
	return out
}

// list reads a directory at a commit by the REST interface, which pages. A directory that is not there
// has no entries. Paths are from the root.
func (h *Host) list(ctx context.Context, repo forge.Repo, commit, dir string, recursive bool) ([]forge.Entry, error) {
	opt := &gitlab.ListTreeOptions{ListOptions: gitlab.ListOptions{PerPage: perPage, Page: 1}, Ref: gitlab.Ptr(commit)}
	if dir != "" {
		opt.Path = gitlab.Ptr(dir)
	}
	if recursive {
		opt.Recursive = gitlab.Ptr(true)
	}
	var out []forge.Entry
	for n := 0; n < maxTree; n++ {
		page, resp, err := h.rest.Repositories.ListTree(repo.FullName(), opt, h.with(ctx)...)
		if status(err) == http.StatusNotFound && n == 0 && dir != "" {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			out = append(out, forge.Entry{Path: e.Path, Mode: e.Mode, OID: e.ID})
		}
		if opt.Page = resp.NextPage; opt.Page == 0 {
			return out, nil
		}
	}
	return nil, fmt.Errorf("%w: more than %d entries", forge.ErrTooLarge, len(out))
}
