package approval

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/owners"
	"github.com/lumos-governance/lumos/internal/policy"
)

func (d *decision) policyNode() Node {
	n := Node{ID: "policy", Title: "Configuration and policy can be read", Met: true, Detail: "read at the base commit"}
	problems := d.Problems
	if d.Config == nil && len(problems) == 0 {
		problems = []string{"there is no configuration"}
	}
	if len(problems) > 0 {
		n.Met, n.Blocking = false, true
		n.Detail = "configuration or policy on the base branch is broken, so nothing can be judged: " + listSome(problems, 5)
	}
	return n
}

func (d *decision) factsNode() Node {
	n := Node{ID: "facts", Title: "The pull request was read whole", Met: true, Detail: "nothing was left out"}
	if missing := d.Snapshot.Truncated; len(missing) > 0 {
		n.Met = false
		n.Detail = "the code host holds more than could be read, and a decision must not rest on a part: " + listSome(missing, 5)
	}
	return n
}

// recordNode keeps the law that nothing is allowed off the record: without a log nothing is.
func (d *decision) recordNode() Node {
	n := Node{ID: "record", Title: "The decision can be recorded", Met: true, Detail: "the repository has an audit log"}
	if d.Snapshot.AuditTip == "" {
		n.Met = false
		n.Detail = "the repository has no audit log, and nothing is allowed off the record: an administrator runs lumos audit init"
	}
	return n
}

func (d *decision) openNode() Node {
	n := Node{ID: "open", Title: "The pull request is open", Met: true, Detail: "open and ready for review"}
	switch {
	case d.pr.State == forge.Merged:
		n.Detail = "merged already: this says how it stands"
	case d.pr.State != forge.Open:
		n.Met, n.Detail = false, "the pull request is closed: reopen it to release"
	case d.pr.Draft:
		n.Met, n.Detail = false, "the pull request is a draft: mark it as ready for review"
	}
	return n
}

// pathsNode refuses names by which a person, a pattern or a file system can be deceived.
func (d *decision) pathsNode() Node {
	n := Node{ID: "paths", Title: "The changed paths are what they seem", Met: true, Detail: fmt.Sprintf("%s checked", count(len(d.changes), "governed path"))}
	var faults []string
	governed := make(map[string]bool)
	for _, c := range d.changes {
		governed[c.path] = true
		if c.suspect != "" {
			faults = append(faults, fmt.Sprintf("%s: %s", strconv.QuoteToASCII(c.path), c.suspect))
		}
	}
	var there []string // at the head: a rename may change the case of a name
	for _, f := range d.Snapshot.Files {
		if f.Status != forge.Removed && governed[f.Path] {
			there = append(there, f.Path)
		}
	}
	if a, b, clash := owners.Clash(there); clash {
		faults = append(faults, fmt.Sprintf("%s and %s are one file on some systems", strconv.QuoteToASCII(a), strconv.QuoteToASCII(b)))
	}
	if len(faults) > 0 {
		n.Met, n.Blocking = false, true
		n.Detail = "rename what can be taken for something else: " + listSome(faults, 5)
	}
	return n
}

// complianceNodes says how the changed manifests fare, and whether a critical gap stops everything.
func (d *decision) complianceNodes() []Node {
	n := Node{ID: "compliance", Title: "The manifests comply", Met: true}
	reports := make(map[string]*policy.Report, len(d.Reports))
	for i := range d.Reports {
		reports[d.Reports[i].Path] = &d.Reports[i]
	}
	var critical []string
	for _, c := range d.changes {
		r := reports[c.path]
		if !c.manifest {
			continue
		}
		child := Node{ID: "report:" + name(c.path), Title: name(c.path), Blocking: true}
		switch {
		case r == nil:
			child.Detail = "was not evaluated"
		case r.Policy != d.Policy:
			child.Detail = "was evaluated under another policy: wait for the next evaluation"
		default:
			reportNode(&child, r)
			for _, gap := range r.CriticalGaps() {
				critical = append(critical, gap.ID)
			}
		}
		n.Children = append(n.Children, child)
	}
	for _, c := range n.Children {
		if !c.Met {
			n.Met, n.Blocking = false, true
		}
	}
	switch {
	case len(n.Children) == 0:
		n.Detail = "no manifest is added or changed"
	case n.Met:
		n.Detail = fmt.Sprintf("%s evaluated, nothing mandatory or critical is open", count(len(n.Children), "manifest"))
	default:
		n.Detail = worst(n.Children)
	}
	nodes := []Node{n}
	if len(critical) > 0 && d.rule.Pause {
		slices.Sort(critical)
		nodes = append(nodes, Node{ID: "pause", Title: "No critical gap pauses the release", Blocking: true,
			Detail: "paused by critical gaps: " + listSome(slices.Compact(critical), 10)})
	}
	return nodes
}

// reportNode says how one manifest fares. The conclusion is the report's advice: it never outweighs
// a control that is open or could not be evaluated.
func reportNode(n *Node, r *policy.Report) {
	conclusion := r.Conclusion
	switch {
	case conclusion != policy.NeedsApproval && conclusion != policy.AutoApprovable:
	case r.Count(policy.Error) > 0:
		conclusion = policy.Errored
	case slices.ContainsFunc(r.Controls, policy.Result.Open):
		conclusion = policy.Blocked
	}
	switch conclusion {
	case policy.NeedsApproval, policy.AutoApprovable:
		n.Met, n.Blocking = true, false
		n.Detail = fmt.Sprintf("%s; score %s, coverage %s, tier %s", r.Conclusion, tenths(r.Score), tenths(r.Coverage), r.Tier.Effective)
	case policy.Blocked:
		var ids []string
		for _, c := range r.Controls {
			if c.Open() {
				ids = append(ids, c.ID)
				n.Children = append(n.Children, gapNode(c))
			}
		}
		if len(ids) == 0 {
			n.Detail = fmt.Sprintf("is below what the configuration asks for: score %s", tenths(r.Score))
			return
		}
		n.Detail = fmt.Sprintf("%s in the way: %s", countVerb(len(ids), "control", "stands", "stand"), listSome(ids, 10))
	default:
		var faults []string
		for _, e := range r.Invalid {
			faults = append(faults, e.Error())
		}
		faults = append(faults, r.Problems...)
		for _, c := range r.Controls {
			if c.Outcome == policy.Error {
				faults = append(faults, c.ID+": "+c.Reason)
			}
		}
		n.Detail = "could not be evaluated"
		if len(faults) > 0 {
			n.Detail += ": " + listSome(faults, 3)
		}
	}
}

func gapNode(c policy.Result) Node {
	n := Node{ID: "control:" + c.ID, Title: c.ID + " " + oneLine(c.Title), Blocking: true, Detail: string(c.Outcome)}
	for _, f := range c.Findings[:min(len(c.Findings), 3)] {
		n.Detail += "; " + oneLine(f.Message)
	}
	if c.Remediation != "" {
		n.Detail += ". To fix: " + oneLine(c.Remediation)
	}
	return n
}

// objectionsNode shows who blocks. An objection is a person's: it is asked to be settled by that person.
func (d *decision) objectionsNode() Node {
	n := Node{ID: "objections", Title: "No owner objects", Met: true, Detail: "nobody objects"}
	var who []string
	for i := range d.ballots {
		b := &d.ballots[i]
		if !b.standing || !b.blocks() {
			continue
		}
		child := Node{ID: b.ID, Title: "@" + b.By.Login, Blocking: true, Detail: string(b.Action)}
		if b.Text != "" {
			child.Detail += ": " + b.Text
		}
		n.Children = append(n.Children, child)
		if at := "@" + b.By.Login; !slices.Contains(who, at) {
			who = append(who, at)
			d.asks = append(d.asks, Ask{Who: []string{at}, Why: "objected, and has not approved what is there now", Need: 1})
		}
	}
	if len(who) > 0 {
		n.Met, n.Blocking = false, true
		n.Detail = "objected to by " + listSome(who, 5) +
			": this stands until the same account approves what is there now, by the same way (review or command), or its review is dismissed"
	}
	return n
}

func (d *decision) holdNode() Node {
	n := Node{ID: "hold", Title: "Nobody holds the release", Met: true, Detail: "no hold"}
	for i := range d.ballots {
		b := &d.ballots[i]
		if b.Action != ActHold || !b.standing {
			continue
		}
		child := Node{ID: b.ID, Title: "@" + b.By.Login, Detail: "hold"}
		if b.Text != "" {
			child.Detail += ": " + b.Text
		}
		n.Children = append(n.Children, child)
	}
	if len(n.Children) > 0 {
		n.Met = false
		n.Detail = fmt.Sprintf("held by %s: that person, or an owner who did not contribute, can write /lumos resume", n.Children[0].Title)
	}
	return n
}
