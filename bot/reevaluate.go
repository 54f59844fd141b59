package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/events"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/templates"
)

// releasedKey begins the key of a repository whose released models are to be judged again.
const releasedKey = "released"

// judgedAgain is after how long released models are judged again though nothing seems to have changed:
// lists from outside the repository may have.
const judgedAgain = 24 * time.Hour

// standing is what is remembered of a repository's released models. It saves work, and is no authority.
type standing struct {
	Commit string    `json:"commit"` // of the default branch, as last judged
	At     time.Time `json:"at"`
	Next   time.Time `json:"next,omitzero"` // when the clock alone may change a report
	// Failing holds the releases that did not meet the policy, by path, with the digest of what was said.
	Failing map[string]string `json:"failing,omitempty"`
	Emitted int               `json:"emitted,omitempty"`
}

func (b *Bot) wakeReleased(ctx context.Context, repo forge.Repo, why string) error {
	id := fmt.Sprintf("%s:released:%s:%d", why, repo.Key(), b.Now().UnixNano())
	return b.Queue.Publish(ctx, releasedKey+"/"+repo.Key(), id, nil)
}

// reevaluate judges the released models of a repository again, if anything that their reports depend
// on may have changed, and keeps an issue open for each that no longer meets the policy.
func (b *Bot) reevaluate(ctx context.Context, repo forge.Repo) (string, error) {
	repo, commit, err := b.Find(ctx, repo)
	if errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrNoInstall) || err == nil && commit == "" {
		return "gone", nil
	}
	if err != nil {
		return "", err
	}
	key := releasedKey + "/" + repo.Key()
	raw, revision, err := b.Queue.Get(ctx, key)
	if err != nil {
		return "", err
	}
	var mem standing
	if raw != nil && json.Unmarshal(raw, &mem) != nil {
		mem = standing{}
	}
	now := b.Now()
	if mem.Commit == commit && now.Sub(mem.At) < judgedAgain && (mem.Next.IsZero() || now.Before(mem.Next)) {
		return "same", nil
	}

	next, outcome, err := b.judgeReleased(ctx, repo, commit, mem, now)
	if err != nil {
		return "", err
	}
	if !next.Next.IsZero() {
		if err := b.Queue.After(ctx, key, "due", next.Next, nil); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(next)
	if err == nil {
		_, err = b.Queue.Update(ctx, key, data, revision)
	}
	if err != nil {
		return "", err
	}
	return outcome, nil
}

func (b *Bot) judgeReleased(ctx context.Context, repo forge.Repo, commit string, mem standing, now time.Time) (standing, string, error) {
	next := standing{Commit: commit, At: now, Failing: map[string]string{}, Emitted: mem.Emitted}
	snap, left, err := b.observer.Released(ctx, repo, commit)
	if err != nil {
		return next, "", err
	}
	if left > 0 || len(snap.Truncated) > 0 {
		b.Log.Warn().Str("repo", repo.FullName()).Int("left", left).Strs("not read", snap.Truncated).Msg("not every released model is judged again")
	}
	if err := b.keepApproved(ctx, snap); err != nil {
		return next, "", err
	}
	if len(snap.Manifests) == 0 && len(mem.Failing) == 0 && mem.Commit != "" {
		return next, "none", nil
	}
	a, err := b.checker.Check(ctx, snap, now)
	if err != nil {
		return next, "", err
	}
	if len(a.Problems) > 0 {
		// Nothing can be judged, which every open pull request is told. It says nothing of the releases.
		b.Log.Warn().Str("repo", repo.FullName()).Strs("problems", a.Problems).Msg("released models cannot be judged again: the policy cannot be trusted as it is")
		next.Failing = mem.Failing
		return next, "unjudged", nil
	}
	next.Next = b.checker.Next(ctx, snap, now)

	var failing []policy.Report
	for _, r := range a.Reports {
		if r.Conclusion.Stops() {
			failing = append(failing, r)
		}
	}
	// The issues are read each time: what is remembered of them may have been lost.
	if err := b.keepIssues(ctx, repo, failing, &next); err != nil {
		return next, "", err
	}
	return next, fmt.Sprintf("%d of %d failing", len(failing), len(a.Reports)), b.announceStanding(ctx, repo, a.Reports, mem, &next, now)
}

// keepApproved leaves the releases that Lumos approved: what was there before it, or came around it, is
// another matter.
func (b *Bot) keepApproved(ctx context.Context, snap *forge.Snapshot) error {
	store, err := b.Store(snap.PullRequest.Repo)
	if err != nil {
		return err
	}
	tip, err := store.Tip(ctx)
	if err != nil {
		return err
	}
	if tip == "" {
		snap.Manifests = nil
		return nil
	}
	log, err := b.log(ctx, snap.PullRequest.Repo, tip)
	if err != nil {
		return err
	}
	snap.Manifests = slices.DeleteFunc(snap.Manifests, func(m forge.Blob) bool { return log.Approved(m.Path, m.OID) == nil })
	return nil
}

// keepIssues makes the issues of the repository say which releases fail: one open issue for each that
// does, none for the others. An issue is found again by its marker, and only among our own.
func (b *Bot) keepIssues(ctx context.Context, repo forge.Repo, failing []policy.Report, next *standing) error {
	// A tracker that is switched off, or not allowed to us, must not keep the loop from going on: whoever
	// runs the bot is told, and the next look tries again.
	cannot := func(err error) bool {
		no := errors.Is(err, forge.ErrForbidden) || errors.Is(err, forge.ErrNotFound)
		if no {
			b.Log.Warn().Err(err).Str("repo", repo.FullName()).Msg("no issue can tell of releases that fail")
		}
		return no
	}
	issues, err := b.Host.Issues(ctx, repo)
	if err != nil && !cannot(err) {
		return err
	}
	write := func(w forge.IssueWrite) error {
		if _, err := b.Host.WriteIssue(ctx, repo, w); err != nil && !cannot(err) {
			return err
		}
		return nil
	}
	wanted := map[string]bool{}
	for _, r := range failing {
		title, body := templates.ReleaseIssue(r, b.BlobURL(repo), next.Commit)
		same := func(i forge.Issue) bool { // but for the commit
			_, then := templates.ReleaseIssue(r, b.BlobURL(repo), templates.IssueCommit(i.Body))
			return i.Open && i.Title == title && strings.TrimSpace(i.Body) == strings.TrimSpace(then)
		}
		wanted[r.Path] = true
		next.Failing[r.Path] = r.Policy
		i := slices.IndexFunc(issues, func(i forge.Issue) bool { return templates.IssuePath(i.Body) == r.Path })
		switch {
		case i < 0:
			err = write(forge.IssueWrite{Title: title, Body: body, Open: true})
		case !same(issues[i]):
			err = write(forge.IssueWrite{Number: issues[i].Number, Title: title, Body: body, Open: true})
		}
		if err != nil {
			return err
		}
	}
	for _, i := range issues {
		path := templates.IssuePath(i.Body)
		if path == "" || !i.Open || wanted[path] {
			continue
		}
		if err := write(forge.IssueWrite{Number: i.Number, Title: i.Title, Body: templates.HealedIssue(i.Body), Open: false}); err != nil {
			return err
		}
	}
	return nil
}

// reevaluatedData is what is announced of a released model that fares differently now.
type reevaluatedData struct {
	Path       string            `json:"path"`
	Commit     string            `json:"commit"`
	Model      string            `json:"model,omitempty"`
	Version    string            `json:"version,omitempty"`
	Policy     string            `json:"policy"`
	Conclusion policy.Conclusion `json:"conclusion"`
	Score      *policy.Tenths    `json:"score"`
	Failing    bool              `json:"failing"`
}

func (b *Bot) announceStanding(ctx context.Context, repo forge.Repo, reports []policy.Report, mem standing, next *standing, now time.Time) error {
	for _, r := range reports {
		_, was := mem.Failing[r.Path]
		is := r.Conclusion.Stops()
		if was == is {
			continue
		}
		next.Emitted++
		f := events.Fact{
			Type: events.ReleaseReevaluated, Repo: repo.Host + "/" + repo.FullName(), Subject: r.Path, Time: now,
			Once: fmt.Sprintf("%s:%s:%d", r.Path, next.Commit, next.Emitted),
			Data: reevaluatedData{r.Path, next.Commit, r.Model, r.Version, r.Policy, r.Conclusion, r.Score, is},
		}
		if err := events.Emit(ctx, b.Queue, f); err != nil {
			return err
		}
	}
	return nil
}
