package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/releases"
)

// Groups are the kinds of limits: of evaluations and of performance metrics by their names, and by how
// much a value may fall behind the last release (max only).
const (
	GroupEvaluations = "evaluations"
	GroupPerformance = "performance"
	GroupRegression  = "regression"
)

// Groups returns the names of all groups of limits.
func Groups() []string { return []string{GroupEvaluations, GroupPerformance, GroupRegression} }

// Limits bound a metric; both ends may be set.
type Limits struct {
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// Threshold bounds a metric: for every release, and on top of that for those of a task and of a risk tier.
type Threshold struct {
	Min   *float64                 `json:"min,omitempty"`
	Max   *float64                 `json:"max,omitempty"`
	Tasks map[string]Limits        `json:"tasks,omitempty"` // by spec.model.task
	Tiers map[releases.Tier]Limits `json:"tiers,omitempty"` // by effective tier
}

// Limit is one row of limits as a source gives it: for one metric, or for one of its tasks and tiers.
type Limit struct {
	Group  string        `json:"group"`
	Metric string        `json:"metric"`
	Task   string        `json:"task,omitempty"`
	Tier   releases.Tier `json:"tier,omitempty"`
	Limits
}

// Apply tells whether the limit holds for releases of a task and a tier. A release that names no task
// must keep the limits of every task: leaving the task out must not be a way around them.
func (l Limit) Apply(task string, tier releases.Tier) bool {
	task = strings.TrimSpace(task)
	return (l.Task == "" || task == "" || strings.EqualFold(l.Task, task)) && (l.Tier == "" || l.Tier == tier)
}

// rows spells a threshold out.
func (t Threshold) rows(group, metric string) []Limit {
	out := []Limit{{Group: group, Metric: metric, Limits: Limits{Min: t.Min, Max: t.Max}}}
	for _, task := range slices.Sorted(maps.Keys(t.Tasks)) {
		out = append(out, Limit{Group: group, Metric: metric, Task: task, Limits: t.Tasks[task]})
	}
	for _, tier := range slices.Sorted(maps.Keys(t.Tiers)) {
		out = append(out, Limit{Group: group, Metric: metric, Tier: tier, Limits: t.Tiers[tier]})
	}
	return out
}

// Resolve returns the limits that a release of this task and effective tier must keep, by group and
// metric: of everything that applies, the highest min and the lowest max. more are the limits of
// ThresholdsFrom. Every group is there; a metric without a limit is not.
func (c *Config) Resolve(task string, tier releases.Tier, more []Limit) map[string]map[string]Limits {
	out := map[string]map[string]Limits{}
	for _, g := range Groups() {
		out[g] = map[string]Limits{}
	}
	add := func(l Limit) {
		if l.Min == nil && l.Max == nil || !l.Apply(task, tier) || out[l.Group] == nil {
			return
		}
		out[l.Group][l.Metric] = out[l.Group][l.Metric].and(l.Limits)
	}
	for group, metrics := range c.Thresholds {
		for metric, t := range metrics {
			for _, l := range t.rows(group, metric) {
				add(l)
			}
		}
	}
	for _, l := range more {
		add(l)
	}
	return out
}

// and is the stricter of both limits, at each end.
func (l Limits) and(m Limits) Limits {
	if l.Min == nil || m.Min != nil && *m.Min > *l.Min {
		l.Min = m.Min
	}
	if l.Max == nil || m.Max != nil && *m.Max < *l.Max {
		l.Max = m.Max
	}
	return l
}

// Contradicts tells that nothing can keep both ends.
func (l Limits) Contradicts() bool { return l.Min != nil && l.Max != nil && *l.Min > *l.Max }

// contradictions finds limits that exclude each other: in themselves, or once a task's or a tier's are
// put on top of those for all. A tier and a task may meet in the same release.
func (t Threshold) contradictions(doc *document.Document, at string) (errs document.Errors) {
	all := Limits{Min: t.Min, Max: t.Max}
	if all.Contradicts() {
		return document.Errors{doc.Errorf(at, "exchange them", "min is above max: nothing can keep both")}
	}
	for _, task := range slices.Sorted(maps.Keys(t.Tasks)) {
		l := t.Tasks[task]
		if l.Contradicts() {
			errs = append(errs, doc.Errorf(at+document.Pointer("tasks", task), "exchange them", "min is above max: nothing can keep both"))
			continue
		}
		if all.and(l).Contradicts() {
			errs = append(errs, doc.Errorf(at+document.Pointer("tasks", task), "the strictest of what applies counts", "together with the limits of %s for all, min is above max: nothing can keep both", lastToken(at)))
			continue
		}
		for _, tier := range slices.Sorted(maps.Keys(t.Tiers)) {
			m := t.Tiers[tier]
			if !m.Contradicts() && !all.and(m).Contradicts() && all.and(l).and(m).Contradicts() {
				errs = append(errs, doc.Errorf(at+document.Pointer("tiers", string(tier)), "the strictest of what applies counts", "together with the limits for the task %s, min is above max: nothing can keep both", task))
			}
		}
	}
	for _, tier := range slices.Sorted(maps.Keys(t.Tiers)) {
		m := t.Tiers[tier]
		switch {
		case m.Contradicts():
			errs = append(errs, doc.Errorf(at+document.Pointer("tiers", string(tier)), "exchange them", "min is above max: nothing can keep both"))
		case all.and(m).Contradicts():
			errs = append(errs, doc.Errorf(at+document.Pointer("tiers", string(tier)), "the strictest of what applies counts", "together with the limits of %s for all, min is above max: nothing can keep both", lastToken(at)))
		}
	}
	return errs
}

func lastToken(pointer string) string {
	tokens := document.SplitPointer(pointer)
	return tokens[len(tokens)-1]
}

// SourceNames are the sources that the configuration reads, each once, by name.
func (c *Config) SourceNames() []string {
	var out []string
	for _, l := range c.Lists {
		if l.Source != "" {
			out = append(out, l.Source)
		}
	}
	if c.ThresholdsFrom != "" {
		out = append(out, c.ThresholdsFrom)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
