package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lumos-governance/lumos/bot/orchestrator"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/templates"
)

// merged puts a merge on the record: verified against the decision that it rests on, with a signed
// tag for each release, or as a violation. Everything in it may be repeated without effect.
func (b *Bot) merged(ctx context.Context, log *audit.Log, s *forge.Snapshot, mem memory, revision uint64) (string, error) {
	ref := s.PullRequest.Ref
	commit := s.PullRequest.MergeCommit
	now := b.Now()
	// The verdict of when it was still open is what the comment shows, as long as it is of this head.
	judged, at := s, now
	if saved, err := b.savedSnapshot(ref); err == nil && saved.Snapshot.PullRequest.Head.SHA == s.PullRequest.Head.SHA {
		judged, at = saved.Snapshot, saved.TakenAt
	}
	assessment, verdict, err := Judge(ctx, b.checker, judged, at)
	if err != nil {
		return "", err
	}
	manifests := subjectManifests(s, assessment)
	if verdict.Kind == approval.KindOther {
		return "merged", nil
	}
	decision := log.Decision(ref.Number)
	event := audit.Event{
		Type: audit.MergeVerified, TS: now, Repo: auditRepo(s.PullRequest.Repo), PR: ref.Number,
		Head: s.PullRequest.Head.SHA, Base: s.PullRequest.Base.SHA,
		Merge: &audit.Merge{Commit: commit},
	}
	if verdict.Merge { // by us, so the method is known; a person's choice is not told by the host
		event.Merge.Method = verdict.Method
		if verdict.Method == "rebase" {
			event.Merge.Commits = len(s.Commits)
		}
	}
	if commit == s.PullRequest.Head.SHA { // fast-forwarded: the commits themselves went onto the branch
		event.Merge.Commits = len(s.Commits)
	}
	if s.PullRequest.MergedBy != nil {
		event.Actor = actor(s.PullRequest.Repo.Host, *s.PullRequest.MergedBy)
	}
	wrong, err := b.mergeProblem(ctx, s, manifests, decision)
	if err != nil {
		return "", err
	}
	if wrong != "" {
		event.Type, event.Reason = audit.MergeViolation, wrong
		event.Subject = &audit.Subject{Digest: verdict.Subject, Manifests: manifests}
	} else {
		event.Subject, event.Policy, event.Decisions = decision.Subject, decision.Policy, []int64{decision.Seq}
	}
	if _, err := log.Append(ctx, append(mem.Pending, event)...); err != nil {
		return "", fmt.Errorf("%s: recording the merge: %w", ref, err)
	}
	mem.Pending = nil

	view := b.view(s, assessment, verdict)
	outcome := "violation"
	if wrong == "" {
		outcome = "released"
		if err := b.tag(ctx, log, s, decision, now); err != nil {
			return "", err
		}
		view.Stage = templates.StageRecorded
	} else {
		b.Log.Error().Str("pr", ref.String()).Str("merge", commit).Msg("violation: " + wrong)
		view.Verdict.State, view.Verdict.Summary, view.Verdict.Ask = approval.Refused, wrong, nil
		view.Verdict.Reasons = append([]approval.Node{{ID: "merge", Title: "The merge rests on a decision", Blocking: true, Detail: wrong}}, view.Verdict.Reasons...)
	}
	if p := orchestrator.Conclude(view, mem.Memory); !p.Empty() {
		if err := b.Host.Publish(ctx, s.PullRequest, p); err != nil {
			return "", fmt.Errorf("%s: %w", ref, err)
		}
	}
	if err := b.announceMerge(ctx, ref, s, decision, wrong, now); err != nil {
		return "", err
	}
	mem.Status = status{}
	return outcome, b.remember(ctx, ref, mem, revision)
}

// mergeProblem says why a merge does not rest on the decision, or "".
func (b *Bot) mergeProblem(ctx context.Context, s *forge.Snapshot, manifests []audit.Manifest, decision *audit.Event) (string, error) {
	switch {
	case decision == nil:
		return "merged with no decision by Lumos", nil
	case decision.Type != audit.DecisionRecorded || decision.Decision != audit.Approve:
		return "merged although the decision was not to approve", nil
	case decision.Head != s.PullRequest.Head.SHA:
		return fmt.Sprintf("merged at head %.12s, but the decision approved %.12s", s.PullRequest.Head.SHA, decision.Head), nil
	}
	if len(manifests) == 0 { // a change of the rules: the head is what was approved
		return "", nil
	}
	paths := make([]string, 0, len(manifests))
	for _, m := range manifests {
		paths = append(paths, m.Path)
	}
	found, err := b.Host.Lookup(ctx, s.PullRequest.Repo, s.PullRequest.MergeCommit, paths)
	if err != nil {
		return "", fmt.Errorf("%s: reading what was merged: %w", s.PullRequest.Ref, err)
	}
	approved := map[string]string{}
	for _, m := range decision.Subject.Manifests {
		approved[m.Path] = m.Blob
	}
	for _, m := range manifests {
		if got := found[m.Path].OID; got != approved[m.Path] {
			return fmt.Sprintf("%s was merged as blob %.12s, but %.12s was approved", m.Path, got, approved[m.Path]), nil
		}
	}
	return "", nil
}

// tag makes the signed tag of each release in the merge, and records it.
func (b *Bot) tag(ctx context.Context, log *audit.Log, s *forge.Snapshot, decision *audit.Event, now time.Time) error {
	tagger, err := b.Tagger(s.PullRequest.Repo)
	if err != nil {
		return err
	}
	var tags []audit.Event
	for _, m := range decision.Subject.Manifests {
		if m.Blob == "" || m.Model == "" {
			continue // a removal releases nothing
		}
		tag := audit.ReleaseTag{
			Name:    audit.TagName(m.Model, m.Version),
			Commit:  s.PullRequest.MergeCommit,
			When:    now,
			Summary: fmt.Sprintf("Release %s %s, approved in #%d", m.Model, m.Version, s.PullRequest.Number),
			Content: audit.TagContent{
				Subject: decision.Subject.Digest, Policy: decision.Policy,
				Decisions: []int64{decision.Seq}, Checkpoint: log.Checkpoint(),
			},
		}
		object, err := tagger.PushTag(ctx, tag)
		if errors.Is(err, audit.ErrTagDiffers) {
			// A release is made once. What changed afterwards is in the log, under its own merge.
			b.Log.Error().Err(err).Str("tag", tag.Name).Msg("the tag of an earlier release stays where it is")
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: tag %s: %w", s.PullRequest.Ref, tag.Name, err)
		}
		tags = append(tags, audit.Event{
			Type: audit.TagCreated, TS: now, Repo: auditRepo(s.PullRequest.Repo), PR: s.PullRequest.Number,
			Head: s.PullRequest.Head.SHA, Base: s.PullRequest.Base.SHA,
			Decisions: []int64{decision.Seq},
			Tag:       &audit.Tag{Name: tag.Name, Object: object, Commit: tag.Commit},
		})
	}
	if len(tags) == 0 {
		return nil
	}
	if _, err := log.Append(ctx, tags...); err != nil {
		return fmt.Errorf("%s: recording tags: %w", s.PullRequest.Ref, err)
	}
	return nil
}

// SavedSnapshot is a snapshot as kept on disk: Judge of it gives the same verdict for ever.
type SavedSnapshot struct {
	TakenAt  time.Time       `json:"takenAt"`
	Snapshot *forge.Snapshot `json:"snapshot"`
}

// SnapshotPath is where a bot with that data folder keeps its last look at a pull request.
func SnapshotPath(dir string, ref forge.Ref) string {
	return filepath.Join(dir, "snapshots", ref.Repo.Host, filepath.FromSlash(ref.Repo.FullName()), strconv.Itoa(ref.Number)+".json")
}

// saveSnapshot keeps the last look at a pull request for "lumos explain". It is a cache: failing to
// write it is worth a warning and no more.
func (b *Bot) saveSnapshot(s *forge.Snapshot, now time.Time) {
	if b.Dir == "" {
		return
	}
	path := SnapshotPath(b.Dir, s.PullRequest.Ref)
	err := func() error {
		data, err := json.Marshal(SavedSnapshot{now, s})
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path+".new", data, 0o600); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	}()
	if err != nil {
		b.Log.Warn().Err(err).Str("pr", s.PullRequest.Ref.String()).Msg("the snapshot is not kept")
	}
}

func (b *Bot) savedSnapshot(ref forge.Ref) (*SavedSnapshot, error) {
	if b.Dir == "" {
		return nil, os.ErrNotExist
	}
	return LoadSnapshot(SnapshotPath(b.Dir, ref))
}

// LoadSnapshot reads a snapshot that a bot has kept.
func LoadSnapshot(path string) (*SavedSnapshot, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s SavedSnapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: not a snapshot: %w", path, err)
	}
	if s.Snapshot == nil {
		return nil, fmt.Errorf("%s: not a snapshot", path)
	}
	return &s, nil
}
