package orchestrator

import (
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/templates"
)

// planGitLab plans for a host whose checks are bare states. The gate is a commit status; what a check
// run would say is in our comment, with the ledger of both checks at its end, and each gap that blocks
// is a thread on its line.
func planGitLab(p *forge.Publication, view templates.View, mem Memory) {
	gate := ledgerCheck(view, forge.GateCheck, gateState(view.Verdict), templates.Gate(view))
	if gate.Conclusion == forge.Neutral { // a commit status knows no such thing, and a merge needs success
		gate.Conclusion = forge.Success
	}
	old := view.Snapshot.FindCheck(gate.Name)
	// A status that the ledger does not know is not our word, even if it says the same: somebody may have
	// set it first, and its time is what a command without a commit is held against. Where there is
	// nothing to govern there is no ledger, and no vote.
	ours := old != nil && (old.ExternalID != "" || view.Verdict.Kind == approval.KindOther)
	if !ours || old.HeadSHA != gate.HeadSHA || old.Status != gate.Status || old.Conclusion != gate.Conclusion {
		p.Checks = append(p.Checks, forge.CheckWrite{
			Name: gate.Name, HeadSHA: gate.HeadSHA, Status: gate.Status, Conclusion: gate.Conclusion, ExternalID: gate.ExternalID,
			Title: templates.Gate(view).Title,
		})
	}
	ledger := []forge.Check{gate}
	if view.Verdict.Kind == approval.KindRelease {
		ledger = append(ledger, ledgerCheck(view, forge.ComplianceCheck, complianceState(view), templates.Compliance(view)))
	}
	planComments(p, view, mem, forge.Ledger(ledger))
	planThreads(p, view)
}

func ledgerCheck(view templates.View, name string, state checkState, text templates.CheckText) forge.Check {
	return forge.Check{
		Name: name, HeadSHA: view.PR.Head.SHA, Status: state.status, Conclusion: state.conclusion,
		ExternalID: forge.ExternalID(view.Verdict.Subject, Digest(text)),
	}
}
