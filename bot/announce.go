package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/events"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
	"github.com/lumos-governance/lumos/templates"
)

// The data of the agents' events. Their form is public: fields are added, never changed.
type (
	checkedData struct {
		Head    string        `json:"head"`
		Subject string        `json:"subject"`
		Policy  string        `json:"policy"`
		Reports []checkedPart `json:"reports"`
	}
	checkedPart struct {
		Path       string            `json:"path"`
		Model      string            `json:"model,omitempty"`
		Version    string            `json:"version,omitempty"`
		Conclusion policy.Conclusion `json:"conclusion"`
		Score      *policy.Tenths    `json:"score"`
		Coverage   *policy.Tenths    `json:"coverage"`
		Tier       releases.Tier     `json:"tier"`
	}
	decidedData struct {
		Head    string         `json:"head"`
		Subject string         `json:"subject"`
		State   approval.State `json:"state"`
		Summary string         `json:"summary"`
		Tier    releases.Tier  `json:"tier,omitempty"`
		Ask     []approval.Ask `json:"ask,omitempty"`
	}
	mergedData struct {
		Head     string `json:"head"`
		Commit   string `json:"commit"`
		Decision int64  `json:"decision"` // its seq in the audit log; -1 when there is none
		Problem  string `json:"problem,omitempty"`
	}
)

// announce emits what the agents concluded, when it is not what they concluded last time. The
// number in mem keeps a conclusion that comes back apart from its first time.
func (b *Bot) announce(ctx context.Context, ref forge.Ref, mem *memory, last status, view templates.View, now time.Time) error {
	v := view.Verdict
	if v.Kind == approval.KindOther {
		return nil
	}
	var facts []events.Fact
	add := func(t events.Type, data any) { facts = append(facts, events.Fact{Type: t, Data: data}) }
	if v.Kind == approval.KindRelease && (mem.Status.Evaluation != last.Evaluation || mem.Status.Subject != last.Subject) {
		data := checkedData{Head: v.Head, Subject: v.Subject, Policy: v.Policy}
		for _, r := range view.Reports {
			data.Reports = append(data.Reports, checkedPart{r.Path, r.Model, r.Version, r.Conclusion, r.Score, r.Coverage, r.Tier.Effective})
		}
		add(events.CandidateChecked, data)
	}
	decided := decidedData{Head: v.Head, Subject: v.Subject, State: v.State, Summary: v.Summary, Tier: v.Tier, Ask: v.Ask}
	if v.State == approval.Waiting && len(v.Ask) > 0 && mem.Status.Asked != last.Asked {
		add(events.ApprovalRequested, decided)
	}
	if (v.State == approval.Approved || v.State == approval.Refused) && (v.State != last.State || v.Subject != last.Subject) {
		add(events.ApprovalDecided, decided)
	}
	if v.Paused != last.Paused {
		t := events.ReleaseResumed
		if v.Paused {
			t = events.ReleasePaused
		}
		add(t, decided)
	}
	for _, f := range facts {
		mem.Emitted++
		if err := b.emit(ctx, ref, f, fmt.Sprintf("%s:%d", v.Head, mem.Emitted), now); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bot) announceMerge(ctx context.Context, ref forge.Ref, s *forge.Snapshot, decision *audit.Event, problem string, now time.Time) error {
	data := mergedData{Head: s.PullRequest.Head.SHA, Commit: s.PullRequest.MergeCommit, Decision: -1, Problem: problem}
	if decision != nil {
		data.Decision = decision.Seq
	}
	return b.emit(ctx, ref, events.Fact{Type: events.ReleaseMerged, Data: data}, data.Commit, now)
}

func (b *Bot) emit(ctx context.Context, ref forge.Ref, f events.Fact, once string, now time.Time) error {
	f.Repo = ref.Repo.Host + "/" + ref.Repo.FullName()
	f.Subject, f.Once, f.Time = ref.String(), once, now
	if err := events.Emit(ctx, b.Queue, f); err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	return nil
}
