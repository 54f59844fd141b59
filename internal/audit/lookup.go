package audit

import (
	"slices"

	"github.com/lumos-governance/lumos/internal/forge"
)

// read runs f on the projection; nothing is known before the first Load.
func read[T any](l *Log, f func(*state) T) (out T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != nil {
		out = f(l.state)
	}
	return out
}

// Tip is the commit that the Log stands at, empty before the first Load.
func (l *Log) Tip() string { return read(l, func(s *state) string { return s.tip }) }

// Pin is the digest of genesis.json: what an auditor keeps to know the log by.
func (l *Log) Pin() string { return read(l, func(s *state) string { return s.pin }) }

// Checkpoint is the checkpoint that the Log stands at.
func (l *Log) Checkpoint() Checkpoint {
	return read(l, func(s *state) Checkpoint {
		c := cursor{tree: s.tree}
		return Checkpoint{Origin: s.genesis.Origin, Size: s.tree.size, Root: c.root()}
	})
}

// Votes are the recorded votes of a pull request, in the order they were first seen.
func (l *Log) Votes(pr int) []forge.RecordedVote {
	return read(l, func(s *state) []forge.RecordedVote { return slices.Clone(s.votes[pr]) })
}

// Has reports whether the log holds an event of that idempotency key.
func (l *Log) Has(idem string) bool {
	return read(l, func(s *state) bool { _, ok := s.seqs[idem]; return ok })
}

// Decision is the decision that stands on a pull request (recorded or revoked), nil when there is none.
func (l *Log) Decision(pr int) *Event { return l.stands("decision", pr) }

// Candidate is the last candidate event of a pull request, nil when there is none.
func (l *Log) Candidate(pr int) *Event { return l.stands("candidate", pr) }

// Pause is the last release.paused or release.resumed of a pull request, nil when there is none.
func (l *Log) Pause(pr int) *Event { return l.stands("pause", pr) }

func (l *Log) stands(what string, pr int) *Event {
	return read(l, func(s *state) *Event {
		if e, ok := s.latest[statePR(what, pr)]; ok {
			return &e
		}
		return nil
	})
}

// Approved is the decision, still standing, that approved this blob at this path; nil when there is none.
func (l *Log) Approved(path, blob string) *Event {
	return read(l, func(s *state) *Event {
		for _, pr := range s.approved[pathBlob(path, blob)] {
			if e := s.latest[statePR("decision", pr)]; approves(&e, path, blob) {
				return &e
			}
		}
		return nil
	})
}

// approves reports whether e is a decision to approve this blob at this path.
func approves(e *Event, path, blob string) bool {
	return e.Type == DecisionRecorded && e.Decision == Approve && e.Subject != nil &&
		slices.ContainsFunc(e.Subject.Manifests, func(m Manifest) bool { return m.Path == path && m.Blob == blob })
}
