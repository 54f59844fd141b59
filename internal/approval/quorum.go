package approval

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/owners"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// tally is a condition with who could still fulfil it.
type tally struct {
	Node
	asks []Ask
}

// quorumNodes are the conditions that people fulfil: the owners of governance files, always, and
// what the configuration asks for at this tier.
func (d *decision) quorumNodes() []Node {
	var nodes []Node
	var governance []tally
	for i := range d.sets {
		if s := &d.sets[i]; s.governance {
			governance = append(governance, d.among(fmt.Sprintf("owners:%d", s.rule.Line), s.title(), s.rule.Owners, s.count))
		}
	}
	if len(governance) > 0 {
		t := all("governance", "The owners of the governance files agree", governance)
		nodes = append(nodes, t.Node)
		d.asks = append(d.asks, t.asks...)
	}
	t := d.tierRule()
	nodes = append(nodes, t.Node)
	for _, ask := range t.asks {
		if !slices.ContainsFunc(d.asks, func(a Ask) bool { return a.Why == ask.Why && a.Need >= ask.Need && slices.Equal(a.Who, ask.Who) }) {
			d.asks = append(d.asks, ask)
		}
	}
	return nodes
}

// tierRule tallies the configuration's rule for the tier. A rule that asks nobody asks the owners.
func (d *decision) tierRule() tally {
	id, title := "quorum:"+string(d.tier), fmt.Sprintf("The approvals of the %s tier are there", d.tier)
	if !d.ruled {
		return tally{Node: Node{ID: id, Title: title, Blocking: true,
			Detail: fmt.Sprintf("the configuration has no approval rule for the %s tier: add approval.%s", d.tier, d.tier)}}
	}
	manual := ""
	if d.rule.Auto {
		if manual = d.notRoutine(); manual == "" {
			return tally{Node: Node{ID: id, Title: title, Met: true, Detail: "a routine change: approved automatically, as the configuration allows"}}
		}
	}
	var needs []tally
	for _, n := range d.rule.All {
		needs = append(needs, d.need(n))
	}
	if len(d.rule.Any) > 0 {
		var choice []tally
		for _, n := range d.rule.Any {
			choice = append(choice, d.need(n))
		}
		needs = append(needs, anyOf("any", "One of these is enough", choice))
	}
	if len(needs) == 0 {
		needs = append(needs, d.need(config.Need{Codeowners: true}))
	}
	t := all(id, title, needs)
	if manual != "" {
		t.Detail += "; not automatic, because " + manual
	}
	return t
}

// need tallies one need of a rule.
func (d *decision) need(n config.Need) tally {
	wanted := max(n.Count, 1)
	switch {
	case n.Codeowners:
		var sets []tally
		for i := range d.sets {
			s := &d.sets[i]
			sets = append(sets, d.among(fmt.Sprintf("owners:%d", s.rule.Line), s.title(), s.rule.Owners, max(wanted, s.count)))
		}
		if len(sets) == 0 {
			return tally{Node: Node{ID: "codeowners", Title: "Code owners approve", Blocking: true, Detail: "nobody owns what changes"}}
		}
		return all("codeowners", "Code owners approve", sets)
	case n.Team != "":
		return d.among("team:"+n.Team, "team "+n.Team, []owners.Owner{{Kind: owners.Team, Name: n.Team}}, wanted)
	case n.Ticket:
		return tally{Node: Node{ID: "ticket", Title: "A ticket is approved", Blocking: true,
			Detail: "no service desk is configured, so no ticket can be approved"}}
	}
	return tally{Node: Node{ID: "need", Title: "A need of the rule", Blocking: true, Detail: "the rule asks for something unknown"}}
}

// among tallies how many distinct people among those owners approved, and who still can.
func (d *decision) among(id, title string, those []owners.Owner, wanted int) tally {
	t := tally{Node: Node{ID: id, Title: title}}
	got := make(map[int64]string)
	able := make(map[string]bool) // lower-case logins
	var ask, notes []string
	for _, a := range d.by {
		if slices.ContainsFunc(those, func(o owners.Owner) bool { return d.is(a, o) }) {
			got[a.ID] = "@" + a.Login
			able[asciiLower(a.Login)] = true
		}
	}
	approved := func(login string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(got)), func(s string) bool { return asciiLower(s) == "@"+asciiLower(login) })
	}
	for _, o := range those {
		kind := o.Kind
		if d.group(o) != nil {
			kind = owners.Team
		}
		switch kind {
		case owners.User:
			switch {
			case d.people.barsLogin(o.Name):
				notes = append(notes, o.String()+" contributed")
			case !approved(o.Name):
				able[asciiLower(o.Name)] = true
				ask = append(ask, o.String())
			}
		case owners.Team, owners.Role:
			team, why := d.team(teamName(o))
			if team == nil {
				notes = append(notes, why)
				continue
			}
			left := 0
			for _, m := range team.Members {
				if m.Kind == forge.User && m.Known() && d.people.because(m) == "" && got[m.ID] == "" {
					able[asciiLower(m.Login)] = true
					left++
				}
			}
			if left > 0 {
				ask = append(ask, o.String())
			} else {
				notes = append(notes, "nobody else in "+o.String()+" can approve")
			}
		case owners.Email:
			notes = append(notes, o.Name+" is an e-mail address, which names no account")
		}
	}
	names := slices.Sorted(maps.Values(got))
	missing := wanted - len(got)
	switch {
	case missing <= 0:
		t.Met, t.Detail = true, "approved by "+listAnd(names)
		return t
	case len(able) < wanted:
		t.Blocking = true
		t.Detail = fmt.Sprintf("%s can give the %s that it takes: name other owners", cannot(len(able)), count(wanted, "approval"))
	default:
		t.Detail = "waiting for " + listOr(firstOf(ask, 5))
		if wanted > 1 {
			t.Detail = fmt.Sprintf("%d of %d approvals; %s", len(got), wanted, t.Detail)
		}
		t.asks = []Ask{{Who: ask, Why: title, Need: missing}}
	}
	if len(notes) > 0 {
		t.Detail += " (" + listSome(notes, 3) + ")"
	}
	return t
}

// all is met when every part is; what one part cannot reach, none can make up for.
func all(id, title string, parts []tally) tally {
	t := tally{Node: Node{ID: id, Title: title, Met: true, Children: nodesOf(parts)}}
	missing := 0
	for _, p := range parts {
		t.asks = append(t.asks, p.asks...)
		if !p.Met {
			missing++
			t.Met, t.Blocking = false, t.Blocking || p.Blocking
		}
	}
	switch {
	case t.Met:
		t.Detail = "complete"
	case t.Blocking:
		t.Detail = "something here cannot be reached as things stand"
	default:
		t.Detail = fmt.Sprintf("%d of %d missing", missing, len(parts))
	}
	return t
}

// anyOf is met when one part is. People are asked for the first part that they can fulfil: the
// order of the configuration is the order of preference.
func anyOf(id, title string, parts []tally) tally {
	t := tally{Node: Node{ID: id, Title: title, Blocking: true, Children: nodesOf(parts)}}
	for _, p := range parts {
		if p.Met {
			return tally{Node: Node{ID: id, Title: title, Met: true, Detail: p.Title, Children: nodesOf(parts)}}
		}
		t.Blocking = t.Blocking && p.Blocking
		if len(t.asks) == 0 {
			t.asks = p.asks
		}
	}
	t.Detail = "none of them yet"
	if t.Blocking {
		t.Detail = "none of them can be reached as things stand"
	}
	return t
}

func nodesOf(parts []tally) []Node {
	nodes := make([]Node, len(parts))
	for i, p := range parts {
		nodes[i] = p.Node
	}
	return nodes
}

// routineAge is how long an approval of the previous release carries routine changes.
const routineAge = 180 * 24 * time.Hour

// notRoutine says why people must decide although the rule allows auto-approval; it is empty when
// nothing asks for a person. Whatever is not known asks for one.
func (d *decision) notRoutine() string {
	if d.tier != releases.TierLow {
		return "only the low tier can be"
	}
	routine := make(map[string]Routine, len(d.Routine))
	for _, r := range d.Routine {
		routine[r.Path] = r
	}
	for _, c := range d.changes {
		if c.governance || !c.manifest {
			return name(c.path) + " is no added or changed release"
		}
	}
	for i := range d.Reports {
		r := &d.Reports[i]
		known := routine[r.Path]
		age := d.Now.Sub(known.ApprovedAt)
		switch {
		case r.Conclusion != policy.AutoApprovable:
			return "the report asks for an approval"
		case r.Previous == "":
			return "it is the model's first release"
		case known.Change != "patch" && known.Change != "config":
			return "the change is not declared as a patch or a configuration change"
		case !known.Confirmed:
			return "a field may be inferred, and nobody has confirmed it"
		case known.ApprovedAt.IsZero() || age < 0 || age > routineAge:
			return "no approval by people of the previous release within 180 days is known"
		}
	}
	return ""
}

func cannot(able int) string {
	if able == 0 {
		return "nobody"
	}
	return fmt.Sprintf("only %d", able)
}

func firstOf(items []string, n int) []string { return items[:min(n, len(items))] }
