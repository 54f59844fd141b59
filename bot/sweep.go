package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lumos-governance/lumos/internal/forge"
)

// sweepKey wakes the sweep. No repository has this name.
const sweepKey = "sweep"

// sweep wakes every open pull request, and every one that was open at the last sweep and no longer
// is: it heals what no event announced.
func (b *Bot) sweep(ctx context.Context) error {
	var failed []error
	repos, err := b.Host.Repositories(ctx)
	if err != nil {
		failed = append(failed, fmt.Errorf("sweep: %w", err)) // of one host among several: the others are swept all the same
	}
	for _, repo := range repos {
		if err := b.sweepRepo(ctx, repo, "sweep"); err != nil {
			failed = append(failed, err) // one unreachable repository must not hide the others
		}
	}
	return errors.Join(failed...)
}

func (b *Bot) sweepRepo(ctx context.Context, repo forge.Repo, why string) error {
	refs, err := b.Host.OpenPullRequests(ctx, repo)
	if err != nil {
		return fmt.Errorf("sweep of %s: %w", repo.FullName(), err)
	}
	open := make([]int, 0, len(refs))
	for _, r := range refs {
		open = append(open, r.Number)
	}
	before, err := b.openBefore(ctx, repo)
	if err != nil {
		return fmt.Errorf("sweep of %s: %w", repo.FullName(), err)
	}
	wake := slices.Clone(open)
	for _, n := range before {
		if !slices.Contains(open, n) {
			wake = append(wake, n)
		}
	}
	for _, n := range wake {
		ref := forge.Ref{Repo: repo, Number: n}
		id := fmt.Sprintf("%s:%s:%d", why, ref, b.Now().UnixNano())
		if err := b.wake(ctx, ref, id, wakeBody{Why: why}); err != nil {
			return err
		}
	}
	list, err := json.Marshal(open)
	if err != nil {
		return fmt.Errorf("sweep of %s: %w", repo.FullName(), err)
	}
	if _, err := b.Queue.Put(ctx, openKey(repo), list); err != nil {
		return fmt.Errorf("sweep of %s: %w", repo.FullName(), err)
	}
	return b.wakeReleased(ctx, repo, why)
}

func openKey(repo forge.Repo) string { return "open/" + repo.Key() }

// openBefore lists the pull requests that were open at the last sweep.
func (b *Bot) openBefore(ctx context.Context, repo forge.Repo) (open []int, err error) {
	raw, _, err := b.Queue.Get(ctx, openKey(repo))
	if err != nil || raw == nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &open); err != nil {
		b.Log.Warn().Err(err).Str("repo", repo.FullName()).Msg("the list of the last sweep cannot be read, starting a new one")
		return nil, nil
	}
	return open, nil
}
