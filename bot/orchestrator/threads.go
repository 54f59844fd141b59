package orchestrator

import (
	"slices"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/templates"
)

// planThreads opens a thread for each new gap, or each new suggestion, and resolves those that are closed.
// One that a person resolved stays so: the gate does not hang on it.
func planThreads(p *forge.Publication, view templates.View) {
	if view.Verdict.Kind != approval.KindRelease {
		return
	}
	gaps := templates.Threads(view)
	for _, t := range view.Snapshot.Threads {
		open := slices.ContainsFunc(gaps, func(g templates.GapThread) bool { return g.Key == t.Key })
		if open == t.Resolved && (t.ByUs || !t.Resolved) {
			p.Threads = append(p.Threads, forge.ThreadWrite{NodeID: t.NodeID, Resolve: !open})
		}
	}
	for _, g := range gaps {
		if !slices.ContainsFunc(view.Snapshot.Threads, func(t forge.Thread) bool { return t.Key == g.Key }) {
			p.Threads = append(p.Threads, forge.ThreadWrite{Path: g.Path, Line: g.Line, Body: g.Body})
		}
	}
}
