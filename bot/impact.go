package bot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/bot/orchestrator"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/templates"
)

// maxOpen is how many other open pull requests a change of the rules is tried on.
const maxOpen = 100

// tellImpact says on a pull request that changes the rules what they would do to the releases: those
// that stand, and those of other open pull requests as last seen. It informs: what judges this very
// pull request are the rules of its base. It returns the digest of what was told, to be remembered.
func (b *Bot) tellImpact(ctx context.Context, snap *forge.Snapshot, view templates.View, told string, now time.Time) (string, error) {
	changed := rulesChanged(snap)
	if len(changed) == 0 {
		return "", nil
	}
	others, err := b.othersOpen(ctx, snap.PullRequest.Ref)
	if err != nil {
		return "", err
	}
	stale := snap.FindCheck(forge.ImpactCheck) == nil && snap.PullRequest.Platform != forge.GitLab
	digest := orchestrator.Digest([]any{snap.PullRequest.Base.SHA, changed, others})
	if told == digest && !stale {
		return digest, nil
	}
	cfg, lumos, err := b.proposed(ctx, snap, changed)
	if err != nil {
		return "", fmt.Errorf("%s: the proposed rules: %w", snap.PullRequest.Ref, err)
	}
	released, left, err := b.observer.Released(ctx, snap.PullRequest.Repo, snap.PullRequest.Base.SHA)
	if err != nil {
		return "", fmt.Errorf("%s: %w", snap.PullRequest.Ref, err)
	}
	released.PullRequest, released.Sources = snap.PullRequest, snap.Sources
	impact, err := b.try(ctx, checker.Proposal{Snapshot: released, Config: cfg, Lumos: lumos, Now: now})
	if err != nil {
		return "", fmt.Errorf("%s: %w", snap.PullRequest.Ref, err)
	}
	shown := templates.Impact{Impact: impact, Where: map[string]string{}, Left: left}
	for _, e := range impact.Changed {
		shown.Where[e.Path] = "released"
	}
	for _, n := range others {
		if err := b.addOpen(ctx, &shown, released, n, cfg, lumos, now); err != nil {
			return "", fmt.Errorf("%s: %w", snap.PullRequest.Ref, err)
		}
	}
	p := orchestrator.PlanImpact(view, shown, now)
	if p.Empty() {
		return digest, nil
	}
	return digest, b.publish(ctx, snap.PullRequest, p)
}

// try judges a proposal where that can do no harm.
func (b *Bot) try(ctx context.Context, p checker.Proposal) (*policy.Impact, error) {
	if b.Try != nil {
		return b.Try(ctx, p)
	}
	return b.checker.Impact(ctx, p, nil)
}

// rulesChanged are the changed files that are rules.
func rulesChanged(s *forge.Snapshot) []forge.File {
	var out []forge.File
	for _, f := range s.Files {
		if strings.HasPrefix(f.Path, ".lumos/") || strings.HasPrefix(f.Previous, ".lumos/") {
			out = append(out, f)
		}
	}
	return out
}

// othersOpen are the other open pull requests.
func (b *Bot) othersOpen(ctx context.Context, ref forge.Ref) ([]int, error) {
	refs, err := b.Host.OpenPullRequests(ctx, ref.Repo)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	var open []int
	for _, r := range refs {
		if r.Number != ref.Number {
			open = append(open, r.Number)
		}
	}
	slices.Sort(open)
	return open[:min(len(open), maxOpen)], nil
}

// proposed are the rules as they would be after the merge.
func (b *Bot) proposed(ctx context.Context, s *forge.Snapshot, changed []forge.File) (forge.Blob, []forge.Blob, error) {
	rules := map[string]forge.Blob{}
	for _, l := range s.Lumos {
		rules[l.Path] = l
	}
	if s.Config.OID != "" {
		rules[s.Config.Path] = s.Config
	}
	reads := &blobs{host: b.Host, repo: s.PullRequest.Repo, got: map[string]forge.Blob{}}
	var fetch []wanted
	for _, f := range changed {
		delete(rules, f.Previous)
		if f.Status == forge.Removed || !strings.HasPrefix(f.Path, ".lumos/") {
			delete(rules, f.Path)
			continue
		}
		if len(fetch) == maxLumosFiles {
			return forge.Blob{}, nil, fmt.Errorf("more than %d files under .lumos", maxLumosFiles)
		}
		fetch = append(fetch, wanted{f.Path, f.Blob, maxLumosFile})
	}
	if err := reads.fetch(ctx, fetch); err != nil {
		return forge.Blob{}, nil, err
	}
	for _, w := range fetch {
		rules[w.path] = reads.at(w)
	}
	cfg := forge.Blob{Path: config.Path}
	var lumos []forge.Blob
	for path, blob := range rules {
		if path == config.Path {
			cfg = blob
		} else {
			lumos = append(lumos, blob)
		}
	}
	slices.SortFunc(lumos, func(a, b forge.Blob) int { return strings.Compare(a.Path, b.Path) })
	return cfg, lumos, nil
}

// addOpen tries the change on the manifests of another open pull request, as it was last seen. One that
// was not seen is left out.
func (b *Bot) addOpen(ctx context.Context, shown *templates.Impact, base *forge.Snapshot, number int, cfg forge.Blob, lumos []forge.Blob, now time.Time) error {
	saved, err := b.savedSnapshot(forge.Ref{Repo: base.PullRequest.Repo, Number: number})
	if err != nil || saved == nil {
		return nil
	}
	s := *saved.Snapshot
	s.Config, s.Lumos = base.Config, base.Lumos
	impact, err := b.try(ctx, checker.Proposal{Snapshot: &s, Config: cfg, Lumos: lumos, Now: now})
	if err != nil {
		return err
	}
	shown.Judged += impact.Judged
	for _, p := range impact.Problems {
		if !slices.Contains(shown.Problems, p) {
			shown.Problems = append(shown.Problems, p)
		}
	}
	for _, e := range impact.Changed {
		shown.Changed = append(shown.Changed, e)
		shown.Where[e.Path] = fmt.Sprintf("open in #%d", number)
		if base.PullRequest.Platform == forge.GitLab {
			shown.Where[e.Path] = fmt.Sprintf("open in !%d", number)
		}
	}
	return nil
}
