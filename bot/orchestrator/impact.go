package orchestrator

import (
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/templates"
)

// PlanImpact plans what is told of a change of the rules: a comment of its own, and where the host has
// check runs one of those. It never blocks: only rules that cannot be used at all make it fail.
func PlanImpact(view templates.View, i templates.Impact, now time.Time) forge.Publication {
	var p forge.Publication
	if view.PR.Platform != forge.GitLab {
		state := conclude(forge.Neutral)
		switch {
		case len(i.Problems) > 0:
			state = conclude(forge.Failure)
		case i.Worse() == 0:
			state = conclude(forge.Success)
		}
		if c, ok := planCheck(view, forge.ImpactCheck, state, templates.ImpactCheck(i), nil, now); ok {
			p.Checks = append(p.Checks, c)
		}
	}
	planComment(&p, mine(view.Snapshot, templates.ImpactMarker), templates.ImpactComment(i))
	return p
}
