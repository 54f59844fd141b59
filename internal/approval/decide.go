package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/owners"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// Input is all that a decision rests on.
type Input struct {
	Snapshot *forge.Snapshot
	Reports  []policy.Report // one for each changed manifest that is still there at the head
	Config   *config.Config  // nil when it could not be read; Problems then says why
	Policy   string          // digest of the policy in force, "sha256:<hex>"
	Problems []string        // what is wrong with configuration or policy: nothing passes while there is any
	Authors  []string        // metadata.authors of the changed manifests, with or without "@"
	Routine  []Routine       // what auto-approval must know of each changed manifest
	Now      time.Time       // when the snapshot was read; only the age of an approval is measured by it
}

// Routine holds what a report does not tell and auto-approval must know of a manifest. The zero
// value says that nothing is known, and what is not known is decided by people.
type Routine struct {
	Path       string
	Change     string    // spec.change.type
	Confirmed  bool      // no field is marked as inferred
	ApprovedAt time.Time // when people last approved the model's previous release
}

// decision is one Decide in progress.
type decision struct {
	Input
	pr      *forge.PullRequest
	subject string
	kind    Kind
	changes []change
	tier    releases.Tier
	rule    config.Rule
	ruled   bool // the configuration has a rule for the tier

	sets    []ownerSet // who owns what changes
	people  people
	ballots []ballot
	by      map[int64]forge.Account // whose approval counts
	asks    []Ask
}

// change is one governed name that the pull request touches; a rename touches two.
type change struct {
	path       string
	manifest   bool   // a release manifest that is there at the head, so it must have a report
	governance bool   // .lumos or a place of CODEOWNERS
	suspect    string // why the path is not what it seems
}

// Decide returns the verdict on one pull request.
func Decide(in Input) Verdict {
	d := &decision{Input: in, pr: &in.Snapshot.PullRequest, subject: Subject(in.Snapshot, in.Policy), kind: KindOther}
	v := Verdict{
		Subject: d.subject, Policy: in.Policy, Head: d.pr.Head.SHA, Base: d.pr.Base.SHA,
		Reasons: []Node{}, Votes: []Vote{}, Excluded: []Barred{}, Ask: []Ask{},
	}
	if in.Config == nil {
		v.Kind = d.kind
		v.Reasons = append(v.Reasons, d.policyNode())
		conclude(&v, nil)
		return v
	}
	d.classify()
	v.Kind = d.kind
	switch {
	case d.kind != KindOther:
		d.govern(&v)
	case len(in.Snapshot.Files) == 0:
		v.Reasons = append(v.Reasons, d.policyNode(), Node{ID: "changes", Title: "Something changes",
			Detail: "the code host lists no changed file, and an empty pull request is no release"})
	default: // a long conversation is nobody's concern here: the list of files is always whole
		v.Reasons = append(v.Reasons, d.policyNode(), Node{ID: "changes", Title: "Nothing governed changes", Met: true,
			Detail: "no release, policy or CODEOWNERS file is among the changed files"})
	}
	conclude(&v, d)
	return v
}

// govern fills in the verdict on a pull request that is Lumos's business.
func (d *decision) govern(v *Verdict) {
	d.setTier()
	v.Tier = d.tier
	ownersNode := d.findOwners()
	d.people = contributors(d.Snapshot, d.Authors)
	d.countVotes()
	for _, b := range d.ballots {
		v.Votes = append(v.Votes, b.Vote)
	}
	v.Excluded = d.people.excluded()

	held := d.holdNode()
	v.Reasons = append(v.Reasons, d.policyNode(), d.factsNode(), d.recordNode(), d.openNode(), d.pathsNode())
	v.Reasons = append(v.Reasons, d.complianceNodes()...)
	v.Paused = !held.Met || slices.ContainsFunc(v.Reasons, func(n Node) bool { return n.ID == "pause" })
	v.Reasons = append(v.Reasons, ownersNode, d.people.node(), d.objectionsNode(), held)
	v.Reasons = append(v.Reasons, d.quorumNodes()...)
	d.asks = mergeAsks(d.asks)
}

// mergeAsks asks nobody twice: the same people are asked once, for as many as the largest need.
func mergeAsks(asks []Ask) []Ask {
	var out []Ask
	for _, a := range asks {
		i := slices.IndexFunc(out, func(o Ask) bool { return slices.Equal(o.Who, a.Who) })
		if i < 0 {
			out = append(out, a)
			continue
		}
		out[i].Need = max(out[i].Need, a.Need)
		if out[i].Why != a.Why {
			out[i].Why += ", and " + a.Why
		}
	}
	return out
}

// conclude sets what follows from the conditions alone: state, summary, whom to ask, merge.
func conclude(v *Verdict, d *decision) {
	v.State = Approved
	var why *Node
	for i := range v.Reasons { // nothing is refused to a draft: it is not asking yet
		if n := &v.Reasons[i]; n.ID == "open" && !n.Met {
			v.State, why = Waiting, n
		}
	}
	for i := range v.Reasons {
		n := &v.Reasons[i]
		switch {
		case n.Met || why != nil && (why.Blocking || why.ID == "open"):
		case n.Blocking:
			v.State, why = Refused, n
		case why == nil:
			v.State, why = Waiting, n
		}
	}
	switch {
	case v.State == Refused:
		leaf := why
		for byPeople(why) && leaf.Blocking && len(leaf.Children) > 0 {
			leaf = &leaf.Children[max(0, slices.IndexFunc(leaf.Children, func(n Node) bool { return n.Blocking && !n.Met }))]
		}
		v.Summary = "Refused: " + leaf.Detail
		if leaf != why {
			v.Summary = fmt.Sprintf("Refused: %s: %s", leaf.Title, leaf.Detail)
		}
	case v.State == Waiting && byPeople(why) && len(d.asks) > 0:
		first := d.asks[0]
		v.Summary = fmt.Sprintf("Waiting for %s, %s", listOr(firstOf(first.Who, 3)), first.Why)
		if more := len(d.asks) - 1; more > 0 {
			v.Summary += fmt.Sprintf(", and %d more", more)
		}
	case v.State == Waiting:
		v.Summary = "Waiting: " + why.Detail
	case v.Kind == KindOther:
		v.State, v.Summary = NotGoverned, "No release, policy or CODEOWNERS file changes here"
	case len(d.by) == 0:
		v.Summary = fmt.Sprintf("Approved automatically: a routine change of the %s tier", v.Tier)
	default:
		v.Summary = fmt.Sprintf("Approved for the %s tier by %s", v.Tier, listAnd(d.approvers()))
	}
	v.Summary = clip(v.Summary, maxDetail)
	if d == nil || d.kind == KindOther || d.pr.State != forge.Open {
		return
	}
	// People are asked for what only people can settle, and not before the rest is settled.
	settled := func(n Node) bool { return n.Met || n.ID == "objections" || byPeople(&n) }
	if !slices.ContainsFunc(v.Reasons, func(n Node) bool { return !settled(n) }) {
		v.Ask = append(v.Ask, d.asks...)
	}
	if v.State == Approved && d.Config.Merge.Auto && !d.pr.Draft && d.pr.Mergeable != forge.MergeConflict {
		v.Merge, v.Method = true, d.Config.Merge.Method
	}
}

// byPeople tells the conditions that approvals fulfil.
func byPeople(n *Node) bool { return n.ID == "governance" || strings.HasPrefix(n.ID, "quorum:") }

// approvers returns "@login" of everybody whose approval counts, in order.
func (d *decision) approvers() []string {
	var names []string
	for _, a := range d.by {
		names = append(names, "@"+a.Login)
	}
	slices.Sort(names)
	return names
}

// classify finds what is governed. A release that also touches governance stays a release; its
// governance files then need their owners besides.
func (d *decision) classify() {
	seen := make(map[string]bool)
	add := func(path string, atHead bool) {
		c := change{path: path, governance: forge.Governs(path), suspect: owners.Suspicious(path)}
		release := d.Config.Covers(path)
		c.manifest = atHead && d.Config.Matches(path) // any other is refused for its path, unread
		if !release && !c.governance {
			as := d.takenFor(path)
			if as == "" {
				return
			}
			release = d.Config.Matches(as)
			c.suspect = cmp.Or(c.suspect, "some systems take it for "+strconv.QuoteToASCII(as))
		}
		if release {
			d.kind = KindRelease
		} else if d.kind == KindOther {
			d.kind = KindGovernance
		}
		if seen[path] {
			return
		}
		seen[path] = true
		d.changes = append(d.changes, c)
	}
	for _, f := range d.Snapshot.Files {
		add(f.Path, f.Status != forge.Removed)
	}
	for _, f := range d.Snapshot.Files {
		if f.Previous != "" && f.Status != forge.Copied {
			add(f.Previous, false)
		}
	}
	slices.SortFunc(d.changes, func(a, b change) int { return cmp.Compare(a.path, b.path) })
}

// takenFor returns the governed name that some systems take path for, which is not governed itself;
// it is empty when there is none. Such a change is treated as one of that name, and refused.
func (d *decision) takenFor(path string) string {
	folded := owners.Fold(path)
	for _, place := range owners.AllPlaces() {
		if owners.Fold(place) == folded {
			return place
		}
	}
	if folded != path && (d.Config.Matches(folded) || forge.Governs(folded)) {
		return folded
	}
	return ""
}

// setTier takes the highest tier of the reports; a governed change that has no report, such as a
// removal or a new policy, counts as high.
func (d *decision) setTier() {
	for _, c := range d.changes {
		if !c.manifest {
			d.tier = releases.MaxTier(d.tier, releases.TierHigh)
		}
	}
	for i := range d.Reports {
		t := d.Reports[i].Tier.Effective
		if t.Rank() == 0 {
			t = releases.TierHigh
		}
		d.tier = releases.MaxTier(d.tier, t)
	}
	if d.tier == "" {
		d.tier = releases.TierHigh
	}
	d.rule, d.ruled = d.Config.Approval[d.tier]
}
