package policy

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Impact is what a change of the policy does to one release.
type Impact struct {
	Path    string `json:"path"`
	Model   string `json:"model,omitempty"`
	Version string `json:"version,omitempty"`
	Before  Brief  `json:"before"`
	After   Brief  `json:"after"`

	Controls []ControlChange `json:"controls"` // those with another outcome, by id
}

// Brief is a report in short.
type Brief struct {
	Conclusion Conclusion `json:"conclusion"`
	Score      *Tenths    `json:"score"`
	Coverage   *Tenths    `json:"coverage"`
	Problems   []string   `json:"problems,omitempty"`
}

// ControlChange is one control that came, went, or has another outcome. An empty outcome is that of a
// control which is not part of the policy.
type ControlChange struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Before Outcome `json:"before,omitempty"`
	After  Outcome `json:"after,omitempty"`
	// Why is the first finding, or the reason, where the change is for the worse.
	Why string `json:"why,omitempty"`
}

// Worse reports whether the release would be stopped, and was not before.
func (i Impact) Worse() bool { return stops(i.After.Conclusion) && !stops(i.Before.Conclusion) }

// Better reports whether the release would no longer be stopped.
func (i Impact) Better() bool { return !stops(i.After.Conclusion) && stops(i.Before.Conclusion) }

func stops(c Conclusion) bool { return c == Blocked || c == Errored }

// Compare tells what is different between two reports on one release. Changed is false when the
// conclusion and every outcome are the same.
func Compare(before, after *Report) (i Impact, changed bool) {
	i = Impact{Path: after.Path, Model: after.Model, Version: after.Version, Before: brief(before), After: brief(after), Controls: []ControlChange{}}
	was := map[string]Result{}
	for _, c := range before.Controls {
		was[c.ID] = c
	}
	for _, c := range after.Controls {
		old, known := was[c.ID]
		delete(was, c.ID)
		if known && old.Outcome == c.Outcome {
			continue
		}
		change := ControlChange{ID: c.ID, Title: c.Title, Before: old.Outcome, After: c.Outcome}
		switch {
		case c.Outcome == Pass || c.Outcome == NotApplicable:
		case len(c.Findings) > 0:
			change.Why = c.Findings[0].Message
		default:
			change.Why = c.Reason
		}
		i.Controls = append(i.Controls, change)
	}
	for _, c := range was {
		i.Controls = append(i.Controls, ControlChange{ID: c.ID, Title: c.Title, Before: c.Outcome})
	}
	slices.SortFunc(i.Controls, func(a, b ControlChange) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return i, len(i.Controls) > 0 || i.Before.Conclusion != i.After.Conclusion
}

func brief(r *Report) Brief {
	b := Brief{Conclusion: r.Conclusion, Score: r.Score, Coverage: r.Coverage, Problems: r.Problems}
	for _, e := range r.Invalid {
		b.Problems = append(b.Problems, e.Error())
	}
	return b
}

// Judge evaluates a release under one policy.
type Judge func(context.Context, Subject) *Report

// CompareAll judges n releases under two policies, on all cores. subject gives the release at i and is
// called once for each, from several goroutines. done is called after each, from several goroutines
// too; nil does without. The impacts are in the order of the releases.
func CompareAll(ctx context.Context, before, after Judge, n int, subject func(i int) Subject, done func()) ([]Impact, error) {
	impacts := make([]*Impact, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			deepen()
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				s := subject(i)
				was := before(ctx, s)
				if impact, changed := Compare(was, after(ctx, s)); changed {
					impacts[i] = &impact
				}
				if done != nil {
					done()
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]Impact, 0, n)
	for _, i := range impacts {
		if i != nil {
			out = append(out, *i)
		}
	}
	return out, nil
}
