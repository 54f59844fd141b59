package checker

import (
	"context"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
)

// Impact is what a change of the rules does to the manifests of a repository.
type Impact struct {
	Before   string          `json:"before"`             // digest of the policy as it is
	After    string          `json:"after"`              // and as it would be; empty when that cannot be loaded
	Problems []string        `json:"problems,omitempty"` // why the changed rules cannot be used: nothing could be released under them
	Judged   int             `json:"judged"`             // manifests that were judged under both
	Changed  []policy.Impact `json:"changed"`            // those that fare differently
}

// Worse and Better count the manifests that the change would stop, and those that it would let through.
func (i *Impact) Worse() int  { return count(i.Changed, policy.Impact.Worse) }
func (i *Impact) Better() int { return count(i.Changed, policy.Impact.Better) }

func count(all []policy.Impact, is func(policy.Impact) bool) int {
	n := 0
	for _, one := range all {
		if is(one) {
			n++
		}
	}
	return n
}

// Impact judges every manifest of s under the rules of s, and under those that cfg and lumos would make
// of them. done is called after each, from several goroutines; nil does without. The rules in cfg and
// lumos are data here: whatever they say, no verdict rests on them.
func (c *Checker) Impact(ctx context.Context, s *forge.Snapshot, cfg forge.Blob, lumos []forge.Blob, now time.Time, done func()) (*Impact, error) {
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
	out := &Impact{Problems: after.problems, Judged: len(s.Manifests), Changed: []policy.Impact{}}
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

// Policy returns the controls that judge under the rules of s, or why there are none.
func (c *Checker) Policy(ctx context.Context, s *forge.Snapshot) ([]policy.Selected, error) {
	r, err := c.rulesOf(ctx, s)
	if err != nil {
		return nil, err
	}
	if r.engine == nil {
		return nil, r.failure
	}
	return r.engine.Selected(), nil
}
