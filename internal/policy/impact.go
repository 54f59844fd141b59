package policy

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Impact is what a change of the policy does to the releases of a repository.
type Impact struct {
	Before   string   `json:"before"`             // digest of the policy as it is; empty when it cannot be loaded
	After    string   `json:"after"`              // and as it would be
	Problems []string `json:"problems,omitempty"` // why the changed policy cannot be used: nothing could be released under it
	Judged   int      `json:"judged"`             // releases that were judged under both
	Changed  []Effect `json:"changed"`            // those that fare differently
}

// Worse counts the releases that the change would stop.
func (i *Impact) Worse() int { return i.count(Effect.Worse) }

// Better counts the releases that the change would let through.
func (i *Impact) Better() int { return i.count(Effect.Better) }

func (i *Impact) count(is func(Effect) bool) int {
	n := 0
	for _, one := range i.Changed {
		if is(one) {
			n++
		}
	}
	return n
}

// Effect is what a change of the policy does to one release.
type Effect struct {
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
func (e Effect) Worse() bool { return e.After.Conclusion.Stops() && !e.Before.Conclusion.Stops() }

// Better reports whether the release would no longer be stopped.
func (e Effect) Better() bool { return !e.After.Conclusion.Stops() && e.Before.Conclusion.Stops() }

// Compare tells what is different between two reports on one release. Changed is false when the
// conclusion and every outcome are the same.
func Compare(before, after *Report) (e Effect, changed bool) {
	e = Effect{Path: after.Path, Model: cmp.Or(after.Model, before.Model), Version: cmp.Or(after.Version, before.Version), Before: brief(before), After: brief(after), Controls: []ControlChange{}}
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
		e.Controls = append(e.Controls, change)
	}
	for _, c := range was {
		e.Controls = append(e.Controls, ControlChange{ID: c.ID, Title: c.Title, Before: c.Outcome})
	}
	slices.SortFunc(e.Controls, func(a, b ControlChange) int { return strings.Compare(a.ID, b.ID) })
	return e, len(e.Controls) > 0 || e.Before.Conclusion != e.After.Conclusion
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
// too; nil does without. The effects are in the order of the releases.
func CompareAll(ctx context.Context, before, after Judge, n int, subject func(i int) Subject, done func()) ([]Effect, error) {
	effects := make([]*Effect, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			deepen()
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				s := subject(i)
				was := before(ctx, s)
				if effect, changed := Compare(was, after(ctx, s)); changed {
					effects[i] = &effect
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
	out := make([]Effect, 0, n)
	for _, i := range effects {
		if i != nil {
			out = append(out, *i)
		}
	}
	return out, nil
}
