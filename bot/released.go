package bot

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// What a look at a whole branch reads at most.
const (
	maxFolders = 5000 // folders in which releases lie
	maxModels  = 500  // models, each by its newest release
)

// Released reads what stands released at a commit: the rules there, and the newest release of every
// model with what it rests on. There is no pull request in the Snapshot, only Base.SHA. left is how
// many models were not read since there are too many.
func (o *Observer) Released(ctx context.Context, repo forge.Repo, commit string) (s *forge.Snapshot, left int, err error) {
	s = &forge.Snapshot{Evidence: map[string]forge.Blob{}, Previous: map[string]forge.Blob{}, Releases: map[string]forge.Blob{}}
	s.PullRequest.Repo, s.PullRequest.Base.SHA = repo, commit
	t := &trees{host: o.host, repo: repo, commit: commit}
	b := &blobs{host: o.host, repo: repo, got: map[string]forge.Blob{}}

	lumos, err := t.below(ctx, ".lumos", 10, nil)
	if err != nil {
		return nil, 0, err
	}
	var trusted []wanted
	for _, e := range lumos {
		if len(trusted) == maxLumosFiles {
			s.Truncated = append(s.Truncated, fmt.Sprintf("more than %d files under .lumos", maxLumosFiles))
			break
		}
		trusted = append(trusted, wanted{e.Path, e.OID, maxLumosFile})
	}
	if err := b.fetch(ctx, trusted); err != nil {
		return nil, 0, err
	}
	s.Config.Path = config.Path
	for _, w := range trusted {
		if w.path == config.Path {
			s.Config = b.at(w)
		} else {
			s.Lumos = append(s.Lumos, b.at(w))
		}
	}
	cfg, err := config.Parse(s.Config.Path, s.Config.Data, s.LumosFiles())
	if s.Config.OID == "" || err != nil {
		cfg = config.Default() // the check says what is wrong with it
	}
	if s.Sources, err = o.readSources(ctx, repo, cfg.SourceNames()); err != nil {
		return nil, 0, err
	}
	if left, err = o.readReleased(ctx, s, cfg, t, b); err != nil {
		return nil, 0, err
	}
	sortSnapshot(s)
	return s, left, nil
}

func (o *Observer) readReleased(ctx context.Context, s *forge.Snapshot, cfg *config.Config, t *trees, b *blobs) (left int, err error) {
	folders := map[string]map[string]forge.Entry{} // folder → file name → entry, of what may be a release
	for _, dir := range cfg.Dirs() {
		if dir == "" {
			s.Truncated = append(s.Truncated, "releases that are named by a pattern which begins at the root")
			continue
		}
		found, err := t.below(ctx, dir, depth(cfg), cfg)
		if err != nil {
			return 0, err
		}
		for _, e := range found {
			if folders[path.Dir(e.Path)] == nil {
				folders[path.Dir(e.Path)] = map[string]forge.Entry{}
			}
			folders[path.Dir(e.Path)][path.Base(e.Path)] = e
		}
	}
	var newest []wanted
	for _, files := range folders {
		if e, ok := files[releases.Newest(names(files))]; ok {
			newest = append(newest, wanted{e.Path, e.OID, maxManifest})
		}
	}
	slices.SortFunc(newest, func(a, b wanted) int { return strings.Compare(a.path, b.path) })
	if len(newest) > maxModels {
		left, newest = len(newest)-maxModels, newest[:maxModels]
	}
	if err := b.fetch(ctx, newest); err != nil {
		return 0, err
	}

	var lookup []string
	var rest []wanted
	previous := map[string]wanted{}
	for _, w := range newest {
		blob := b.at(w)
		s.Manifests = append(s.Manifests, blob)
		rel, err := releases.Parse(w.path, blob.Data)
		if err != nil {
			continue // the check says what is wrong with it
		}
		files := folders[path.Dir(w.path)]
		prior := rel.PreviousPath(names(files))
		if e, ok := files[path.Base(prior)]; ok && prior != "" {
			previous[w.path] = wanted{e.Path, e.OID, maxManifest}
			rest = append(rest, previous[w.path])
		}
		lookup = append(lookup, rel.EvidencePaths()...)
		lookup = append(lookup, rel.ReleasePaths()...)
	}
	slices.Sort(lookup)
	lookup = slices.Compact(lookup)
	found := map[string]wanted{}
	for chunk := range slices.Chunk(lookup, maxEvidences) {
		entries, err := o.host.Lookup(ctx, s.PullRequest.Repo, t.commit, chunk)
		if err != nil {
			return 0, err
		}
		for p, e := range entries {
			if e.IsRegular() {
				found[p] = wanted{p, e.OID, maxEvidence}
				rest = append(rest, found[p])
			}
		}
	}
	if err := b.fetch(ctx, rest); err != nil {
		return 0, err
	}
	for m, w := range previous {
		s.Previous[m] = b.at(w)
	}
	for p, w := range found {
		if cfg.Matches(p) {
			s.Releases[p] = b.at(w)
		} else {
			s.Evidence[p] = b.at(w)
		}
	}
	return left, nil
}

func names(files map[string]forge.Entry) []string {
	out := make([]string, 0, len(files))
	for name := range files {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// depth is how many folders below another a release may lie in.
func depth(cfg *config.Config) int {
	deepest := 0
	for _, g := range cfg.Releases {
		if strings.Contains(g, "**") {
			return 10
		}
		deepest = max(deepest, strings.Count(g, "/"))
	}
	return deepest
}

// trees lists what lies below folders at one commit.
type trees struct {
	host   forge.Reader
	repo   forge.Repo
	commit string

	mu      sync.Mutex
	folders int
}

// below lists the plain files below a folder, by their paths from the root; only the release manifests
// where cfg is given. A folder that is not there has none.
func (t *trees) below(ctx context.Context, dir string, depth int, cfg *config.Config) ([]forge.Entry, error) {
	at, err := t.host.Lookup(ctx, t.repo, t.commit, []string{dir + "/"})
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", cmp.Or(dir, "."), err)
	}
	e, ok := at[dir+"/"]
	if !ok || !e.IsTree() {
		return nil, nil
	}
	e.Path = dir
	return t.walk(ctx, e, depth, cfg)
}

func (t *trees) walk(ctx context.Context, dir forge.Entry, depth int, cfg *config.Config) ([]forge.Entry, error) {
	t.mu.Lock()
	t.folders++
	many := t.folders > maxFolders
	t.mu.Unlock()
	if many {
		return nil, fmt.Errorf("more than %d folders: %w", maxFolders, forge.ErrTooLarge)
	}
	entries, err := t.host.Tree(ctx, t.repo, t.commit, dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir.Path, err)
	}
	var out []forge.Entry
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	for _, e := range entries {
		e.Path = path.Join(dir.Path, e.Path)
		switch {
		case e.IsRegular() && (cfg == nil || cfg.Matches(e.Path)):
			mu.Lock()
			out = append(out, e)
			mu.Unlock()
		case e.IsTree() && depth > 0:
			g.Go(func() error {
				more, err := t.walk(ctx, e, depth-1, cfg)
				mu.Lock()
				out = append(out, more...)
				mu.Unlock()
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b forge.Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}
