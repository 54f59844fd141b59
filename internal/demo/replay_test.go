package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/worktree"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
)

// TestSameBytes plays the story and then has the same commits judged in other ways: from the bot's
// snapshot, again, and from a plain clone as "lumos check" does. Every byte must be the same.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	onBoth(t, sameBytes)
}

func sameBytes(t *testing.T, host forge.Platform) {
	s := newStage(t, Options{Host: host, RecordWithin: time.Second})
	result, err := Play(t.Context(), s.World, func(string, string) {}, func(Step) {})
	s.must(err)
	if !result.OK || !result.Audit.Verified {
		t.Fatalf("the story ended as %+v", result)
	}
	s.settle()
	s.sound([]string{"lumos/roberta-squad2/1.0.0"}, 1)
	s.sameBytes(1, manifestPath, "success")

	// Another release, that follows the first, with gaps.
	files := release(t, "roberta-squad2", "1.1.0")
	const next = "releases/roberta-squad2/1.1.0.yaml"
	files[next], err = Draft(files[next])
	s.must(err)
	pr, head := s.open("next", files)
	s.gate(pr, head, "failure")
	s.sameBytes(pr, next, "failure")
}

func (s *stage) sameBytes(pr int, manifest, compliance string) {
	s.t.Helper()
	ctx := s.t.Context()
	saved, err := bot.LoadSnapshot(s.SnapshotPath(pr))
	s.must(err)
	report, verdict := judged(ctx, s, saved)
	again, verdictAgain := judged(ctx, s, saved)
	if !bytes.Equal(report, again) || !bytes.Equal(verdict, verdictAgain) {
		s.t.Error("the same snapshot was judged differently the second time")
	}

	dir := filepath.Join(s.t.TempDir(), "clone")
	admin := s.As(Admin)
	s.must(admin.Clone(ctx, dir))
	s.must(admin.git(ctx, dir, "checkout", "--quiet", saved.Snapshot.PullRequest.Head.SHA))
	snap, err := worktree.Snapshot(dir, saved.Snapshot.PullRequest.Base.SHA, []string{manifest})
	s.must(err)
	a, err := newChecker().Check(ctx, snap, time.Now())
	s.must(err)
	if local := marshalled(s, a.Reports); !bytes.Equal(local, report) {
		s.t.Errorf("the clone gives another report than the bot\nclone: %s\nbot:   %s", local, report)
	}

	// What was compared is what stands on the pull request. On GitLab that is told in the comment, which
	// speaks of the merge in the end.
	look, err := admin.Look(ctx, pr)
	s.must(err)
	if s.Platform == forge.GitLab && look.Merged {
		return
	}
	if got := look.Checks[forge.ComplianceCheck].State; got != compliance {
		s.t.Errorf("lumos/compliance is %s, expected %s", got, compliance)
	}
}

func newChecker() *checker.Checker { return checker.New(policy.NewLibrary(policies.FS)) }

// judged is the report and the verdict on a snapshot, by a checker that has seen nothing before.
func judged(ctx context.Context, s *stage, saved *bot.SavedSnapshot) (report, verdict []byte) {
	s.t.Helper()
	a, v, err := bot.Judge(ctx, newChecker(), saved.Snapshot, saved.TakenAt)
	s.must(err)
	if len(a.Reports) != 1 {
		s.t.Fatalf("%d reports, expected one", len(a.Reports))
	}
	return marshalled(s, a.Reports), marshalled(s, v)
}

func marshalled(s *stage, v any) []byte {
	s.t.Helper()
	out, err := json.Marshal(v)
	s.must(err)
	return out
}
