package bot

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/owners"
	"github.com/lumos-governance/lumos/releases"
)

// What one observation reads at most. A pull request beyond it is not judged: it says so.
const (
	maxManifest   = 1 << 20
	maxLumosFile  = 1 << 20
	maxCodeowners = 3 << 20
	maxEvidence   = 10 << 20
	maxLumosFiles = 500
	maxManifests  = 100
	maxEvidences  = 200

	// Changed files up to this number are read together with the manifests, because evidence
	// usually comes in the same pull request: it saves a round trip.
	prefetchFiles = 20

	parallelReads = 8
)

// Observer reads pull requests into Snapshots. It remembers per pull request what belongs to an
// exact pair of base and head, and per repository what the last look needed, so that a warm look
// costs one request.
type Observer struct {
	// Sources reads the compliance sources that a configuration names; nil where there are none.
	Sources Sources

	host forge.Reader

	mu    sync.Mutex
	repos map[string]forge.Want  // by repository key: what its last look wanted
	diffs map[forge.Ref]diffFact // by pull request: what belongs to base and head
}

type diffFact struct {
	base, head string
	files      []forge.File
	pushes     []forge.Push
	pushErr    string
}

// Sources reads what lies outside the repositories. What cannot be read is a fact with Err.
type Sources interface {
	// ReadFor reads the source of that name for the rules of a repository ("owner/name").
	ReadFor(ctx context.Context, repo, name string) forge.SourceFact
}

// NewObserver returns an Observer of host.
func NewObserver(host forge.Reader) *Observer {
	return &Observer{host: host, repos: map[string]forge.Want{}, diffs: map[forge.Ref]diffFact{}}
}

// errMoved says that the pull request changed between two reads of one observation.
var errMoved = errors.New("the pull request changed while it was being read")

// Observe reads ref into one Snapshot. hint is the head that the event spoke of, or empty: a wrong
// hint costs a round trip and nothing else.
func (o *Observer) Observe(ctx context.Context, ref forge.Ref, hint string) (*forge.Snapshot, error) {
	var err error
	for range 3 { // a push between two reads mixes two heads: read again
		var s *forge.Snapshot
		if s, err = o.observe(ctx, ref, hint); !errors.Is(err, errMoved) {
			return s, err
		}
		hint = ""
	}
	return nil, fmt.Errorf("%s: %w", ref, err)
}

func (o *Observer) observe(ctx context.Context, ref forge.Ref, hint string) (*forge.Snapshot, error) {
	o.mu.Lock()
	want, fact := o.want(ref.Repo), o.diffs[ref]
	o.mu.Unlock()

	// First round: the conversation, and the diff beside it unless it is known.
	var talk *forge.Conversation
	var changes *forge.Changes
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		talk, err = o.conversation(gctx, ref, want)
		return err
	})
	if fact.head == "" || hint != "" && hint != fact.head {
		g.Go(func() (err error) {
			changes, err = o.changes(gctx, ref)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	pr := talk.PullRequest
	if changes != nil && changes.HeadSHA != "" && changes.HeadSHA != pr.Head.SHA {
		return nil, errMoved
	}

	s := &forge.Snapshot{
		PullRequest: pr,
		Commits:     talk.Commits,
		Reviews:     talk.Reviews,
		Comments:    talk.Comments,
		Requested:   talk.Requested,
		Checks:      talk.Checks,
		Teams:       talk.Teams,
		Threads:     talk.Threads,
		Truncated:   talk.Truncated,
		AuditTip:    talk.AuditTip,
		Evidence:    map[string]forge.Blob{},
		Previous:    map[string]forge.Blob{},
		Releases:    map[string]forge.Blob{},
	}

	// Second round: who pushed, the diff if it was unknown after all, and every trusted file.
	known := fact.head == pr.Head.SHA && fact.base == pr.Base.SHA
	b := &blobs{host: o.host, repo: pr.Repo, got: map[string]forge.Blob{}}
	base := wantedBase(pr.Platform, talk.BaseFiles)
	g, gctx = errgroup.WithContext(ctx)
	if !known {
		fact = diffFact{base: pr.Base.SHA, head: pr.Head.SHA}
		g.Go(func() error {
			pushes, err := o.host.Pushes(gctx, pr.Head, pr.Repo)
			switch {
			case errors.Is(err, forge.ErrNotFound), errors.Is(err, forge.ErrForbidden), errors.Is(err, forge.ErrTooLarge):
				fact.pushErr = "who pushed to " + pr.Head.Ref + ": " + err.Error()
			case err != nil:
				return err
			}
			fact.pushes = pushes
			return nil
		})
		g.Go(func() error {
			if changes == nil {
				var err error
				if changes, err = o.changes(gctx, ref); err != nil {
					return err
				}
				if changes.HeadSHA != "" && changes.HeadSHA != pr.Head.SHA {
					return errMoved
				}
			}
			fact.files = changes.Files
			g.Go(func() error { return b.fetch(gctx, prefetch(changes.Files)) })
			return o.warmFolders(gctx, pr, talk.BaseFiles, changes.Files)
		})
	}
	g.Go(func() error { return b.fetch(gctx, base) })
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	s.Files, s.Pushes = fact.files, fact.pushes
	if fact.pushErr != "" {
		s.Truncated = append(s.Truncated, fact.pushErr)
	}
	s.Config, s.Lumos, s.Codeowners = b.trusted(pr.Platform, talk.BaseFiles)
	if len(base) > maxLumosFiles {
		s.Truncated = append(s.Truncated, fmt.Sprintf("more than %d files under .lumos", maxLumosFiles))
	}

	// A configuration that cannot be read is judged later, and refused; until then the defaults
	// say which files are manifests.
	cfg, err := config.Parse(s.Config.Path, s.Config.Data, s.LumosFiles())
	if s.Config.OID == "" || err != nil {
		cfg = config.Default()
	}

	next := forge.Want{Teams: neededTeams(pr.Platform, s.Codeowners, cfg), Dirs: cfg.Dirs()}
	o.mu.Lock()
	o.repos[ref.Repo.Key()] = next
	o.diffs[ref] = fact
	if pr.State != forge.Open {
		delete(o.diffs, ref)
	}
	o.mu.Unlock()
	if !covers(want, next) {
		// The first look at a repository, or one after its owners changed: ask again with all
		// that this look turned out to need.
		talk2, err := o.conversation(ctx, ref, next)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
		if talk2.PullRequest.Head.SHA != pr.Head.SHA || talk2.PullRequest.Base.SHA != pr.Base.SHA {
			return nil, errMoved
		}
		talk.BaseFiles, s.Teams = talk2.BaseFiles, talk2.Teams
	}

	// Last round: the manifests with what they name, and the compliance sources.
	g, gctx = errgroup.WithContext(ctx)
	g.Go(func() error { return o.readManifests(gctx, s, cfg, talk.BaseFiles, b) })
	g.Go(func() (err error) {
		s.Sources, err = o.readSources(gctx, ref.Repo, cfg.SourceNames())
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	sortSnapshot(s)
	return s, nil
}

// readSources reads the compliance sources that the configuration names.
func (o *Observer) readSources(ctx context.Context, repo forge.Repo, names []string) (map[string]forge.SourceFact, error) {
	if len(names) == 0 {
		return nil, nil
	}
	facts := make([]forge.SourceFact, len(names))
	var g errgroup.Group
	g.SetLimit(parallelReads)
	for i, name := range names {
		g.Go(func() error {
			facts[i].Err = "the bot has no sources"
			if o.Sources != nil {
				facts[i] = o.Sources.ReadFor(ctx, repo.FullName(), name)
			}
			return nil
		})
	}
	_ = g.Wait()                      // a source that cannot be read is a fact
	if err := ctx.Err(); err != nil { // the facts were cut short: they say nothing of the sources
		return nil, err
	}
	out := make(map[string]forge.SourceFact, len(names))
	for i, name := range names {
		out[name] = facts[i]
	}
	return out, nil
}

// readManifests reads the changed manifests, the releases they follow, and the evidence they name.
func (o *Observer) readManifests(ctx context.Context, s *forge.Snapshot, cfg *config.Config, baseFiles []forge.Entry, b *blobs) error {
	var manifests []wanted
	for _, f := range s.Files {
		if f.Status != forge.Removed && cfg.Matches(f.Path) {
			manifests = append(manifests, wanted{f.Path, f.Blob, maxManifest})
		}
	}
	if len(manifests) > maxManifests {
		s.Truncated = append(s.Truncated, fmt.Sprintf("more than %d manifests in one pull request", maxManifests))
		manifests = manifests[:maxManifests]
	}
	siblings := map[string][]forge.Entry{} // by directory: the base's files there
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.fetch(gctx, manifests) })
	for _, e := range baseFiles {
		if e.IsTree() && slices.ContainsFunc(manifests, func(w wanted) bool { return path.Dir(w.path) == e.Path }) {
			g.Go(func() error {
				entries, err := o.host.Tree(gctx, s.PullRequest.Repo, s.PullRequest.Base.SHA, e)
				mu.Lock()
				siblings[e.Path] = entries
				mu.Unlock()
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}

	var rest []wanted
	previous := map[string]string{} // new manifest → its previous release
	var named []string              // other releases that the manifests name
	evidence := map[string]bool{}
	var lookup []string
	for _, m := range manifests {
		blob := b.at(m)
		s.Manifests = append(s.Manifests, blob)
		rel, err := releases.Parse(m.path, blob.Data)
		if err != nil {
			continue // the check reports it, with lines
		}
		names := make([]string, 0, len(siblings[path.Dir(m.path)]))
		for _, e := range siblings[path.Dir(m.path)] {
			names = append(names, e.Path)
		}
		if prev := rel.PreviousPath(names); prev != "" {
			for _, e := range siblings[path.Dir(m.path)] {
				if p := path.Join(path.Dir(m.path), e.Path); p == prev && e.IsRegular() {
					previous[m.path] = p
					rest = append(rest, wanted{p, e.OID, maxManifest})
				}
			}
		}
		named = append(named, slices.DeleteFunc(rel.ReleasePaths(), func(p string) bool { return !cfg.Matches(p) })...)
		for _, p := range rel.EvidencePaths() {
			if evidence[p] {
				continue
			}
			evidence[p] = true
			if i := slices.IndexFunc(s.Files, func(f forge.File) bool { return f.Path == p }); i >= 0 {
				if s.Files[i].Status != forge.Removed {
					rest = append(rest, wanted{p, s.Files[i].Blob, maxEvidence})
				}
			} else {
				lookup = append(lookup, p)
			}
		}
	}
	if len(evidence) > maxEvidences {
		s.Truncated = append(s.Truncated, fmt.Sprintf("more than %d evidence files", maxEvidences))
		lookup = nil
	}
	if len(lookup) > 0 {
		found, err := o.host.Lookup(ctx, s.PullRequest.Repo, s.PullRequest.Head.SHA, lookup)
		if err != nil {
			return err
		}
		for _, p := range lookup {
			if e, ok := found[p]; ok && e.IsRegular() {
				rest = append(rest, wanted{p, e.OID, maxEvidence})
			}
		}
	}
	others, err := o.findReleases(ctx, s, named)
	if err != nil {
		return err
	}
	if err := b.fetch(ctx, slices.Concat(rest, others)); err != nil {
		return err
	}
	for _, w := range others {
		s.Releases[w.path] = b.at(w)
	}
	for m, p := range previous {
		for _, w := range rest {
			if w.path == p {
				s.Previous[m] = b.at(w)
			}
		}
	}
	for _, w := range rest {
		if evidence[w.path] {
			s.Evidence[w.path] = b.at(w)
		}
	}
	return nil
}

// findReleases finds the other releases that manifests name, at the base: what is not there has not been
// released.
func (o *Observer) findReleases(ctx context.Context, s *forge.Snapshot, named []string) ([]wanted, error) {
	slices.Sort(named)
	if named = slices.Compact(named); len(named) == 0 {
		return nil, nil
	}
	if len(named) > maxManifests {
		s.Truncated = append(s.Truncated, fmt.Sprintf("more than %d releases that the manifests name", maxManifests))
		return nil, nil
	}
	found, err := o.host.Lookup(ctx, s.PullRequest.Repo, s.PullRequest.Base.SHA, named)
	if err != nil {
		return nil, err
	}
	var out []wanted
	for _, p := range named {
		if e, ok := found[p]; ok && e.IsRegular() {
			out = append(out, wanted{p, e.OID, maxManifest})
		}
	}
	return out, nil
}

// warmFolders reads the folders of the base in which files changed, so that the previous releases
// are found without a further round trip: Tree is answered from the cache the second time.
func (o *Observer) warmFolders(ctx context.Context, pr forge.PullRequest, base []forge.Entry, files []forge.File) error {
	for _, e := range base {
		if e.IsTree() && slices.ContainsFunc(files, func(f forge.File) bool { return path.Dir(f.Path) == e.Path }) {
			if _, err := o.host.Tree(ctx, pr.Repo, pr.Base.SHA, e); err != nil {
				return fmt.Errorf("folder %s: %w", e.Path, err)
			}
		}
	}
	return nil
}

func (o *Observer) conversation(ctx context.Context, ref forge.Ref, want forge.Want) (*forge.Conversation, error) {
	talk, err := o.host.Conversation(ctx, ref, want)
	if errors.Is(err, forge.ErrHeadMoved) {
		return nil, errMoved // between two pages of it
	}
	return talk, err
}

func (o *Observer) changes(ctx context.Context, ref forge.Ref) (*forge.Changes, error) {
	c, err := o.host.Changes(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("changed files: %w", err)
	}
	return c, nil
}

// want is what the last look at the repository needed, or a guess for the first.
func (o *Observer) want(r forge.Repo) forge.Want {
	if w, ok := o.repos[r.Key()]; ok {
		return w
	}
	return forge.Want{Dirs: config.Default().Dirs()}
}

func covers(had, need forge.Want) bool {
	for _, t := range need.Teams {
		if !slices.Contains(had.Teams, t) {
			return false
		}
	}
	for _, d := range need.Dirs {
		if !slices.Contains(had.Dirs, d) {
			return false
		}
	}
	return true
}

// neededTeams are the teams whose members may have a say: those of CODEOWNERS and of the rules. On
// GitLab a name of CODEOWNERS may be a group's, and a role has members too.
func neededTeams(host forge.Platform, codeowners forge.Blob, cfg *config.Config) []string {
	var teams []string
	file, _ := owners.Parse(owners.Dialect(host), codeowners.Path, codeowners.Data)
	for _, rule := range file.Rules {
		for _, o := range rule.Owners {
			switch {
			case o.Kind == owners.Team, o.Kind == owners.User && host == forge.GitLab:
				teams = append(teams, strings.ToLower(o.Name))
			case o.Kind == owners.Role:
				teams = append(teams, "@"+o.Name)
			}
		}
	}
	for _, rule := range cfg.Approval {
		for _, n := range slices.Concat(rule.Any, rule.All) {
			if n.Team != "" {
				teams = append(teams, strings.ToLower(n.Team))
			}
		}
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}

// wanted is a file to read.
type wanted struct {
	path, oid string
	max       int64
}

// blobs reads files by object id, in parallel, each once.
type blobs struct {
	host forge.Reader
	repo forge.Repo

	mu  sync.Mutex
	got map[string]forge.Blob // by object id
}

// fetch reads what is not there yet. A blob that cannot be had is kept with its reason, so that
// what needs it fails closed; only a host that cannot be reached is an error.
func (b *blobs) fetch(ctx context.Context, want []wanted) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	for _, w := range want {
		b.mu.Lock()
		_, have := b.got[w.oid]
		if !have {
			b.got[w.oid] = forge.Blob{}
		}
		b.mu.Unlock()
		if have {
			continue
		}
		g.Go(func() error {
			data, err := b.host.Blob(ctx, b.repo, w.oid, w.max)
			blob := forge.Blob{OID: w.oid, Data: data}
			switch {
			case errors.Is(err, forge.ErrNotFound), errors.Is(err, forge.ErrTooLarge):
				blob.Err = err.Error()
			case err != nil:
				b.mu.Lock()
				delete(b.got, w.oid)
				b.mu.Unlock()
				return fmt.Errorf("%s: %w", w.path, err)
			}
			b.mu.Lock()
			b.got[w.oid] = blob
			b.mu.Unlock()
			return nil
		})
	}
	return g.Wait()
}

func (b *blobs) at(w wanted) forge.Blob {
	b.mu.Lock()
	defer b.mu.Unlock()
	blob := b.got[w.oid]
	blob.Path, blob.OID = w.path, w.oid
	if int64(len(blob.Data)) > w.max {
		blob.Data, blob.Err = nil, fmt.Sprintf("%s: %d bytes, more than the %d that are read", w.path, len(blob.Data), w.max)
	}
	return blob
}

// trusted sorts the files of the base commit into their roles.
func (b *blobs) trusted(host forge.Platform, entries []forge.Entry) (cfg forge.Blob, lumos []forge.Blob, codeowners forge.Blob) {
	cfg.Path = config.Path
	for _, w := range wantedBase(host, entries) {
		blob := b.at(w)
		switch {
		case w.path == config.Path:
			cfg = blob
		case strings.HasPrefix(w.path, ".lumos/"):
			lumos = append(lumos, blob)
		default:
			codeowners = blob
		}
	}
	if codeowners.Path == "" {
		codeowners.Path = owners.Places(owners.Dialect(host))[0]
	}
	return cfg, lumos, codeowners
}

// wantedBase lists the trusted files: everything under .lumos, and the one CODEOWNERS that counts.
func wantedBase(host forge.Platform, entries []forge.Entry) []wanted {
	var out []wanted
	for _, e := range entries {
		if e.IsRegular() && strings.HasPrefix(e.Path, ".lumos/") && len(out) <= maxLumosFiles {
			out = append(out, wanted{e.Path, e.OID, maxLumosFile})
		}
	}
	for _, place := range owners.Places(owners.Dialect(host)) {
		if i := slices.IndexFunc(entries, func(e forge.Entry) bool { return e.Path == place && e.IsRegular() }); i >= 0 {
			return append(out, wanted{place, entries[i].OID, maxCodeowners})
		}
	}
	return out
}

// prefetch guesses which changed files will be needed.
func prefetch(files []forge.File) []wanted {
	if len(files) > prefetchFiles {
		return nil
	}
	var out []wanted
	for _, f := range files {
		if f.Status != forge.Removed && f.Blob != "" {
			out = append(out, wanted{f.Path, f.Blob, maxEvidence})
		}
	}
	return out
}

// sortSnapshot puts lists into an order that does not depend on the order of answers.
func sortSnapshot(s *forge.Snapshot) {
	slices.SortFunc(s.Files, func(a, b forge.File) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(s.Lumos, func(a, b forge.Blob) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(s.Manifests, func(a, b forge.Blob) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(s.Teams, func(a, b forge.Team) int { return strings.Compare(a.Name(), b.Name()) })
	slices.Sort(s.Requested)
	slices.Sort(s.Truncated)
}
