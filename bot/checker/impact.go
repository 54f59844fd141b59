package checker

import (
	"context"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// Proposal is a change of the rules, with the manifests that it is tried on.
type Proposal struct {
	Snapshot *forge.Snapshot `json:"snapshot"` // the manifests, and the rules as they are
	Config   forge.Blob      `json:"config"`   // the rules as they would be
	Lumos    []forge.Blob    `json:"lumos"`
	Now      time.Time       `json:"now"`
}

// Impact judges every manifest of a proposal under the rules as they are and as they would be. done is
// called after each, from several goroutines; nil does without. Whatever the proposed rules say, no
// verdict rests on them. But they are evaluated, and Rego can be made to exhaust its process: what a
// stranger proposes is judged in a process of its own (see bot/wire).
func (c *Checker) Impact(ctx context.Context, p Proposal, done func()) (*policy.Impact, error) {
	s, cfg, lumos, now := p.Snapshot, p.Config, p.Lumos, p.Now
	before, err := c.rulesOf(ctx, s)
	if err != nil {
		return nil, err
	}
	changed := *s
	changed.Config, changed.Lumos = cfg, lumos
	after := c.load(ctx, &changed) // not kept: a proposal is looked at once
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	out := &policy.Impact{Problems: after.problems, Judged: len(s.Manifests), Changed: []policy.Effect{}}
	if before.engine != nil {
		out.Before = before.engine.Digest()
	}
	if after.engine != nil {
		out.After = after.engine.Digest()
	}
	if out.Before == out.After {
		return out, nil
	}
	out.Changed, err = policy.CompareAll(ctx, before.judge, after.judge, len(s.Manifests), func(i int) policy.Subject {
		return subjectOf(s, s.Manifests[i], now)
	}, done)
	return out, err
}

// judge evaluates under these rules, or says why that cannot be.
func (r *rules) judge(ctx context.Context, s policy.Subject) *policy.Report {
	if r.engine == nil {
		return policy.Unjudged(s.Manifest.Path, r.failure)
	}
	return r.engine.Evaluate(ctx, s)
}

// Explain says why one control concludes what it does about one manifest of s.
func (c *Checker) Explain(ctx context.Context, s *forge.Snapshot, m forge.Blob, id string, now time.Time) (*policy.Explanation, error) {
	r, err := c.rulesOf(ctx, s)
	if err != nil {
		return nil, err
	}
	if r.engine == nil {
		return nil, r.failure
	}
	return r.engine.Explain(ctx, id, subjectOf(s, m, now))
}

// Next is the next moment at which the clock alone may change a report on a manifest of s; zero when
// there is none, or the rules cannot be used.
func (c *Checker) Next(ctx context.Context, s *forge.Snapshot, now time.Time) time.Time {
	r, err := c.rulesOf(ctx, s)
	if err != nil || r.engine == nil {
		return time.Time{}
	}
	var next time.Time
	for _, m := range s.Manifests {
		release, err := releases.Parse(m.Path, m.Data)
		if err != nil || m.Err != "" {
			continue // its report says why
		}
		if at := r.engine.Next(release, now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
