package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/lumos-governance/lumos/releases"
)

// notice is how long before its end a waiver, or a piece of evidence, is told of.
const notice = 14 * 24 * time.Hour

// deadline is a moment at which the report on a release may change without anybody doing anything.
type deadline struct {
	at   time.Time
	ends string // what ends then, for a notice; empty where nothing does
}

// deadlines lists what the clock alone changes for a release, in no order.
func (e *Engine) deadlines(release *releases.Release, concerns []concern) []deadline {
	var out []deadline
	for _, c := range e.controls {
		if !c.from.IsZero() {
			out = append(out, deadline{at: c.from})
		}
	}
	for _, c := range concerns {
		out = append(out, deadline{at: c.CreatedAt})
		if len(c.problems) == 0 {
			out = append(out, deadline{c.ExpiresAt, fmt.Sprintf("the waiver %s for %s", c.path, join(c.Controls))})
		}
	}
	for i, doc := range release.Manifest.Spec.Evidence {
		name := doc.ID
		if name == "" {
			name = fmt.Sprintf("no. %d", i+1)
		}
		if doc.ExpiresAt != nil {
			out = append(out, deadline{*doc.ExpiresAt, fmt.Sprintf("the evidence %q", name)})
		}
		if doc.ProducedAt != nil {
			// The age still counts at the very end of the last day, and no longer a nanosecond after.
			until := doc.ProducedAt.Add(time.Duration(e.maxAgeDays)*24*time.Hour + 1)
			out = append(out, deadline{until, fmt.Sprintf("the evidence %q, then %d days old,", name, e.maxAgeDays)})
		}
	}
	return out
}

// notices tells what ends within the time of notice, soonest first.
func notices(ends []deadline, now time.Time) []string {
	slices.SortFunc(ends, func(a, b deadline) int { return a.at.Compare(b.at) })
	var out []string
	for _, d := range ends {
		if d.ends != "" && d.at.After(now) && !d.at.After(now.Add(notice)) {
			out = append(out, clean(fmt.Sprintf("%s ends on %s", d.ends, day(d.at))))
		}
	}
	return out
}

// Next is the next moment at which the report on a release may be another one though nobody changed
// anything: evidence grows too old, a waiver ends, a control takes effect, or a notice of that is due.
// It is zero when there is none.
func (e *Engine) Next(release *releases.Release, now time.Time) time.Time {
	about, risk := release.Manifest.Metadata, release.Manifest.Spec.Risk
	tier := tierOf(risk.Tier, risk.Factors, risk.EUAIAct.Class)
	var next time.Time
	for _, d := range e.deadlines(release, concerning(e.waivers, e.severity, about.Name, about.Version, tier.Effective, now)) {
		moments := []time.Time{d.at}
		if d.ends != "" {
			moments = append(moments, d.at.Add(-notice))
		}
		for _, at := range moments {
			if at.After(now) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// join lists names for people: "A, B and C".
func join(names []string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		out := names[0]
		for _, name := range names[1 : n-1] {
			out += ", " + name
		}
		return out + " and " + names[n-1]
	}
}
