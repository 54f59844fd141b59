package bot

import (
	"slices"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
)

func TestRecordOf(t *testing.T) {
	t.Parallel()
	const subject = "sha256:aa"
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ben := forge.Account{ID: 2, Login: "ben", Kind: forge.User}
	s := &forge.Snapshot{
		PullRequest: forge.PullRequest{
			Ref:    forge.Ref{Repo: forge.Repo{Host: "github.com", ID: 1, Owner: "acme", Name: "models"}, Number: 7},
			Author: forge.Account{ID: 1, Login: "ana", Kind: forge.User},
			Head:   forge.Branch{SHA: "h1"}, Base: forge.Branch{SHA: "b1"},
		},
		Files: []forge.File{{Path: "releases/m/1.yaml", Status: forge.Added, Blob: "b10b"}},
	}
	a := &checker.Assessment{
		Config: config.Default(), Policy: "sha256:pp",
		Reports: []policy.Report{{Path: "releases/m/1.yaml", Model: "m", Version: "1"}},
	}
	verdict := func(state approval.State, votes ...approval.Vote) approval.Verdict {
		return approval.Verdict{Kind: approval.KindRelease, State: state, Subject: subject, Summary: string(state), Votes: votes}
	}
	vote := approval.Vote{ID: "review:1", By: ben, Action: approval.ActApprove, Bound: subject, Counted: true}
	stale := approval.Vote{ID: "review:2", By: ben, Action: approval.ActApprove, Bound: "sha256:old"}
	approvedEvent := &audit.Event{Type: audit.DecisionRecorded, Decision: audit.Approve, Head: "h1", Subject: &audit.Subject{Digest: subject}}
	seen := func(v approval.Verdict) status { return statusOf(s, a, v) }

	for _, tc := range []struct {
		name     string
		verdict  approval.Verdict
		standing *audit.Event
		last     status
		recorded []forge.RecordedVote
		want     []audit.Type
		now      bool
	}{
		{name: "the first look opens the candidate", verdict: verdict(approval.Waiting),
			want: []audit.Type{audit.CandidateOpened, audit.EvaluationCompleted}},
		{name: "the same again is nothing", verdict: verdict(approval.Waiting), last: seen(verdict(approval.Waiting))},
		{name: "a refusal is a decision that only informs", verdict: verdict(approval.Refused), last: seen(verdict(approval.Waiting)),
			want: []audit.Type{audit.DecisionRecorded}},
		{name: "a new vote waits for the batch", verdict: verdict(approval.Waiting, vote), last: seen(verdict(approval.Waiting)),
			want: []audit.Type{audit.ApprovalRecorded}},
		{name: "a vote that is void on sight is recorded at once", verdict: verdict(approval.Waiting, stale), last: seen(verdict(approval.Waiting)),
			want: []audit.Type{audit.ApprovalRecorded}, now: true},
		{name: "a vote is recorded once", verdict: verdict(approval.Waiting, vote), last: seen(verdict(approval.Waiting, vote)),
			recorded: []forge.RecordedVote{{ID: "review:1", Subject: subject}}},
		{name: "an approval is recorded before it is shown", verdict: verdict(approval.Approved, vote), last: seen(verdict(approval.Waiting)),
			want: []audit.Type{audit.ApprovalRecorded, audit.DecisionRecorded}, now: true},
		{name: "an approval that stands is not repeated", verdict: verdict(approval.Approved), standing: approvedEvent, last: seen(verdict(approval.Approved))},
		{name: "an approval is recorded although memory claims it was", verdict: verdict(approval.Approved), last: seen(verdict(approval.Approved)),
			want: []audit.Type{audit.DecisionRecorded}, now: true},
		{name: "an approval of another subject does not stand", verdict: verdict(approval.Approved), last: seen(verdict(approval.Approved)),
			standing: &audit.Event{Type: audit.DecisionRecorded, Decision: audit.Approve, Head: "h1", Subject: &audit.Subject{Digest: "sha256:old"}},
			want:     []audit.Type{audit.DecisionRecorded}, now: true},
		{name: "what was approved and no longer is, is revoked", verdict: verdict(approval.Waiting), standing: approvedEvent, last: seen(verdict(approval.Approved)),
			want: []audit.Type{audit.DecisionRevoked}},
		{name: "without memory the log alone tells that it was approved", verdict: verdict(approval.Waiting), standing: approvedEvent,
			want: []audit.Type{audit.CandidateOpened, audit.EvaluationCompleted, audit.DecisionRevoked}},
		{name: "an ungoverned pull request leaves no trace", verdict: approval.Verdict{Kind: approval.KindOther, State: approval.NotGoverned}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			snap := *s
			snap.Recorded = tc.recorded
			e := recordOf(&snap, a, tc.verdict, tc.standing, tc.last, at)
			var got []audit.Type
			for _, ev := range e.events {
				got = append(got, ev.Type)
			}
			if !slices.Equal(got, tc.want) || e.now != tc.now {
				t.Errorf("records %v (at once: %v), want %v (%v)", got, e.now, tc.want, tc.now)
			}
		})
	}
}

func TestPauseIsRecordedOnce(t *testing.T) {
	t.Parallel()
	s := &forge.Snapshot{PullRequest: forge.PullRequest{Head: forge.Branch{SHA: "h1"}}}
	a := &checker.Assessment{Config: config.Default()}
	v := approval.Verdict{Kind: approval.KindRelease, State: approval.Waiting, Paused: true}
	last := statusOf(s, a, v)
	if e := recordOf(s, a, v, nil, last, time.Time{}); len(e.events) != 0 {
		t.Errorf("recorded %v again", e.events)
	}
	v.Paused = false
	e := recordOf(s, a, v, nil, last, time.Time{})
	if len(e.events) != 1 || e.events[0].Type != audit.ReleaseResumed {
		t.Errorf("recorded %v, want release.resumed", e.events)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	ref := forge.Ref{Repo: forge.Repo{Host: "127.0.0.1:8080", Owner: "acme", Name: "models.v2"}, Number: 12}
	if got, ok := parseKey(keyOf(ref)); !ok || got != ref {
		t.Errorf("%s reads back as %v", keyOf(ref), got)
	}
	nested := forge.Ref{Repo: forge.Repo{Host: "gitlab.com", Owner: "acme/research/nlp", Name: "models"}, Number: 3}
	if got, ok := parseKey(keyOf(nested)); !ok || got != nested {
		t.Errorf("%s reads back as %v", keyOf(nested), got)
	}
	for _, bad := range []string{"", "sweep", "a/b#1", "h/a/b", "h/a/b#x", "h/a/b#0", "h/a/b#-1", "/a/b#1", "h//b#1", "h/a/#1"} {
		if ref, ok := parseKey(bad); ok {
			t.Errorf("%q was read as %v", bad, ref)
		}
	}
}

func TestMergedBodies(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		bodies []string
		want   wakeBody
	}{
		{"the newest hint wins", []string{`{"why":"push","head":"a"}`, `{"why":"review","head":"b"}`}, wakeBody{Why: "review", Head: "b"}},
		{"recording alone needs no look", []string{`{"why":"record","record":true}`}, wakeBody{Why: "record", Record: true}},
		{"a look covers recording", []string{`{"why":"record","record":true}`, `{"why":"push","head":"a"}`}, wakeBody{Why: "push", Head: "a"}},
		{"what cannot be read is looked at", []string{`{`}, wakeBody{}},
		{"an empty wake is looked at", nil, wakeBody{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var raw [][]byte
			for _, b := range tc.bodies {
				raw = append(raw, []byte(b))
			}
			if got := merged(raw); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
