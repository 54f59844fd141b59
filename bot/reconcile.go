package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/bot/orchestrator"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/templates"
)

// maxPending is how many bytes of events may wait for the next batch of the log: they are kept in one
// value of the queue's state, which holds 64 KiB.
const maxPending = 32 << 10

func large(events []audit.Event) bool {
	data, err := json.Marshal(events)
	return err != nil || len(data) > maxPending
}

// memory is what the bot keeps of a pull request between two looks. Nothing in it is authority:
// without it the next look does some work again.
type memory struct {
	orchestrator.Memory
	Status  status        `json:"status"`            // what was last handed to the log
	Pending []audit.Event `json:"pending,omitempty"` // what waits for the next batch of the log
	Impact  string        `json:"impact,omitempty"`  // digest of what a change of the rules was told to do
	Emitted int           `json:"emitted,omitempty"` // number of the last event that was announced
}

// Reconcile brings one pull request to where its live state says it should be. It returns a word
// for what came out of it.
func (b *Bot) Reconcile(ctx context.Context, ref forge.Ref, wake wakeBody) (string, error) {
	mem, revision, err := b.recall(ctx, ref)
	if err != nil {
		return "", err
	}
	if wake.Record {
		return b.flush(ctx, ref, mem, revision)
	}

	snap, err := b.observer.Observe(ctx, ref, wake.Head)
	if err != nil {
		return b.gone(err)
	}
	if snap.PullRequest.State == forge.Closed {
		return b.closed(ctx, ref, snap, mem, revision)
	}
	log, err := b.log(ctx, snap.PullRequest.Repo, snap.AuditTip)
	if err != nil {
		return "", err
	}
	if snap.PullRequest.State == forge.Merged {
		return b.merged(ctx, log, snap, mem, revision)
	}
	Remind(snap, log)
	snap.Recorded = append(snap.Recorded, unwritten(mem.Pending)...)

	now := b.Now()
	b.saveSnapshot(snap, now)
	assessment, verdict, err := Judge(ctx, b.checker, snap, now)
	if err != nil {
		return "", err
	}
	view := b.view(snap, assessment, verdict)

	e := recordOf(snap, assessment, verdict, log.Decision(ref.Number), mem.Status, now)
	next := mem
	next.Status = statusOf(snap, assessment, verdict)
	next.Pending = append(next.Pending, e.events...)
	if e.now || large(next.Pending) {
		if _, err := log.Append(ctx, next.Pending...); err != nil {
			return "", fmt.Errorf("%s: the decision cannot be recorded, so it does not stand: %w", ref, err)
		}
		next.Pending = nil
	}

	publication, asked := orchestrator.Plan(view, mem.Memory, now)
	next.Memory = asked
	if err := b.publish(ctx, snap.PullRequest, publication); err != nil {
		return "", err
	}
	if err := b.announce(ctx, ref, &next, mem.Status, view, now); err != nil {
		return "", err
	}
	if next.Impact, err = b.tellImpact(ctx, snap, view, mem.Impact, now); err != nil {
		return "", err
	}
	if len(next.Pending) > 0 && len(mem.Pending) == 0 {
		if err := b.recordLater(ctx, ref, now); err != nil {
			return "", err
		}
	}
	if err := b.remember(ctx, ref, next, revision); err != nil {
		return "", err
	}
	if verdict.Merge {
		return b.merge(ctx, ref, snap, view)
	}
	return string(verdict.State), nil
}

// publish writes what is planned. That somebody cannot be asked for a review must not keep the
// verdict from being seen, nor be tried for ever: the comment names them.
func (b *Bot) publish(ctx context.Context, pr forge.PullRequest, p forge.Publication) error {
	ask := forge.Publication{AskUsers: p.AskUsers, AskTeams: p.AskTeams}
	p.AskUsers, p.AskTeams = nil, nil
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if p.Empty() {
			return nil
		}
		return b.Host.Publish(gctx, pr, p)
	})
	g.Go(func() error {
		if ask.Empty() {
			return nil
		}
		var limited *forge.RateLimited
		err := b.Host.Publish(gctx, pr, ask)
		if errors.As(err, &limited) || gctx.Err() != nil {
			return err
		}
		if err != nil {
			b.Log.Warn().Err(err).Str("pr", pr.Ref.String()).Msg("a reviewer cannot be asked")
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%s: %w", pr.Ref, err)
	}
	return nil
}

// Judge is the pure middle: what the checker and the approval room say of a snapshot.
func Judge(ctx context.Context, c *checker.Checker, s *forge.Snapshot, now time.Time) (*checker.Assessment, approval.Verdict, error) {
	a, err := c.Check(ctx, s, now)
	if err != nil {
		return nil, approval.Verdict{}, err
	}
	v := approval.Decide(approval.Input{
		Snapshot: s, Reports: a.Reports, Config: a.Config, Policy: a.Policy,
		Problems: a.Problems, Authors: a.Authors, Routine: a.Routine, Now: now,
	})
	return a, v, nil
}

// Remind adds to a snapshot what the audit log knows: the votes as first seen, and when people
// approved the releases that these follow.
func Remind(s *forge.Snapshot, log *audit.Log) {
	s.Recorded = log.Votes(s.PullRequest.Number)
	s.Approved = map[string]time.Time{}
	for manifest, prev := range s.Previous {
		decision := log.Approved(prev.Path, prev.OID)
		if decision != nil && slices.ContainsFunc(decision.Votes, func(v audit.Vote) bool { return v.Counted }) {
			s.Approved[manifest] = decision.TS
		}
	}
}

// unwritten are the votes that wait for the next batch of the log. What they were for is settled: seen
// again, perhaps on another head or after another report, it could not be told any more.
func unwritten(pending []audit.Event) []forge.RecordedVote {
	var votes []forge.RecordedVote
	for _, e := range pending {
		if e.Type != audit.ApprovalRecorded {
			continue
		}
		for _, v := range e.Votes {
			votes = append(votes, forge.RecordedVote{ID: v.ID, Subject: v.Bound})
		}
	}
	return votes
}

// gone tells a pull request that cannot be had from a host that cannot be reached.
func (b *Bot) gone(err error) (string, error) {
	if errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrNoInstall) {
		b.Log.Info().Err(err).Msg("nothing to look at")
		return "gone", nil
	}
	return "", err
}

func (b *Bot) view(s *forge.Snapshot, a *checker.Assessment, v approval.Verdict) templates.View {
	return templates.View{
		PR: s.PullRequest, Snapshot: s, Reports: a.Reports, Problems: a.Problems, Verdict: v,
		Links: templates.Links{Blob: b.BlobURL(s.PullRequest.Repo)},
	}
}

// flush appends what waits for the log.
func (b *Bot) flush(ctx context.Context, ref forge.Ref, mem memory, revision uint64) (string, error) {
	if len(mem.Pending) == 0 {
		return "recorded", nil
	}
	log, err := b.log(ctx, ref.Repo, "")
	if err != nil {
		return "", err
	}
	if _, err := log.Append(ctx, mem.Pending...); err != nil {
		return "", fmt.Errorf("%s: recording: %w", ref, err)
	}
	mem.Pending = nil
	return "recorded", b.remember(ctx, ref, mem, revision)
}

func (b *Bot) recordLater(ctx context.Context, ref forge.Ref, now time.Time) error {
	body, err := json.Marshal(wakeBody{Why: "record", Record: true})
	if err != nil {
		return err
	}
	return b.Queue.After(ctx, keyOf(ref), "record", now.Add(b.RecordWithin), body)
}

// merge merges under the condition that the head is still the one that was approved. Success and
// both refusals lead to another look: the live state decides.
func (b *Bot) merge(ctx context.Context, ref forge.Ref, s *forge.Snapshot, view templates.View) (string, error) {
	_, err := b.Host.Merge(ctx, s.PullRequest, view.Verdict.Method, s.PullRequest.Title)
	switch {
	case errors.Is(err, forge.ErrHeadMoved):
		return "moved", b.wake(ctx, ref, "moved:"+s.PullRequest.Head.SHA, wakeBody{Why: "the head moved before the merge"})
	case errors.Is(err, forge.ErrNotMergeable):
		// A host that is still computing mergeability says 405 for a while, then merges (GitHub, 2026);
		// one that asks for more than our gate goes on saying it. Both are tried again, ever more rarely.
		return "", fmt.Errorf("%s: %w", ref, err)
	case err != nil:
		return "", fmt.Errorf("%s: merging: %w", ref, err)
	}
	return "merged", b.wake(ctx, ref, "merged:"+s.PullRequest.Head.SHA, wakeBody{Why: "merged by Lumos"})
}

// closed puts an end to a pull request that was closed without a merge.
func (b *Bot) closed(ctx context.Context, ref forge.Ref, s *forge.Snapshot, mem memory, revision uint64) (string, error) {
	if mem.Status.Head == "" { // never looked at, or done with
		return "closed", nil
	}
	mem.Pending = append(mem.Pending, audit.Event{
		Type: audit.CandidateClosed, TS: b.Now(), Repo: auditRepo(s.PullRequest.Repo), PR: ref.Number,
		Head: s.PullRequest.Head.SHA, Base: s.PullRequest.Base.SHA,
	})
	mem.Status = status{}
	if _, err := b.flush(ctx, ref, mem, revision); err != nil {
		return "", err
	}
	return "closed", nil
}

// recall reads what is remembered; what cannot be read is forgotten.
func (b *Bot) recall(ctx context.Context, ref forge.Ref) (memory, uint64, error) {
	raw, revision, err := b.Queue.Get(ctx, "pr/"+keyOf(ref))
	if err != nil {
		return memory{}, 0, fmt.Errorf("%s: %w", ref, err)
	}
	var mem memory
	if raw != nil {
		if err := json.Unmarshal(raw, &mem); err != nil {
			b.Log.Warn().Err(err).Str("pr", ref.String()).Msg("forgetting what was remembered: it cannot be read")
			mem = memory{}
		}
	}
	return mem, revision, nil
}

func (b *Bot) remember(ctx context.Context, ref forge.Ref, mem memory, revision uint64) error {
	raw, err := json.Marshal(mem)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	if _, err := b.Queue.Update(ctx, "pr/"+keyOf(ref), raw, revision); err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	return nil
}

// later is an error with a time at which to try again.
type later struct {
	at  time.Time
	err error
}

func (e *later) Error() string      { return e.err.Error() }
func (e *later) Unwrap() error      { return e.err }
func (e *later) RetryAt() time.Time { return e.at }

// retryable tells the queue when a rate limit ends, instead of waiting for it.
func retryable(err error) error {
	var limited *forge.RateLimited
	if errors.As(err, &limited) {
		return &later{limited.Until, err}
	}
	return err
}
