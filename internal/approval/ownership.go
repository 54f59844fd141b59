package approval

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/owners"
)

// ownerSet is one rule of CODEOWNERS with the governed paths that it decides: count of its owners
// must approve them.
type ownerSet struct {
	rule       *owners.Rule
	section    string // GitLab's; empty outside of sections
	count      int
	paths      []string
	governance bool // a governance file is among the paths
}

func (s *ownerSet) title() string {
	return fmt.Sprintf("owners of %s%s (line %d)", oneLine(s.rule.Pattern), owners.InSection(s.section), s.rule.Line)
}

// findOwners reads CODEOWNERS, groups the governed paths by the rules that decide them and returns
// the condition that each has an owner.
func (d *decision) findOwners() Node {
	n := Node{ID: "owners", Title: "Everything that changes has an owner"}
	blob := d.Snapshot.Codeowners
	switch {
	case blob.Err != "":
		n.Blocking, n.Detail = true, "CODEOWNERS on the base branch cannot be read: "+oneLine(blob.Err)
		return n
	case blob.OID == "":
		n.Blocking, n.Detail = true, "there is no CODEOWNERS file on the base branch: add one that names the owners of what changes here"
		return n
	}
	file, problems := owners.Parse(owners.Dialect(d.pr.Platform), blob.Path, blob.Data)
	sets := make(map[int]*ownerSet)
	var unowned []string
	for _, c := range d.changes {
		claims, nobody := file.Required(c.path)
		if nobody != nil {
			unowned = append(unowned, fmt.Sprintf("%s (%s)", name(c.path), nobody.Why))
			continue
		}
		for _, claim := range claims {
			s := sets[claim.Rule.Line]
			if s == nil {
				s = &ownerSet{rule: claim.Rule, section: claim.Section, count: claim.Count}
				sets[claim.Rule.Line] = s
			}
			s.paths = append(s.paths, c.path)
			s.governance = s.governance || c.governance
		}
	}
	for _, line := range slices.Sorted(maps.Keys(sets)) {
		d.sets = append(d.sets, *sets[line])
	}
	n.Met = true
	n.Detail = fmt.Sprintf("%s, %s of CODEOWNERS", count(len(d.changes), "governed path"), count(len(d.sets), "line"))
	if len(unowned) > 0 {
		n.Met, n.Blocking = false, true
		n.Detail = "add an owner to CODEOWNERS for " + listSome(unowned, 3)
	}
	invalid := 0
	for _, p := range problems {
		if !p.Warning {
			invalid++
		}
	}
	for _, p := range problems[:min(len(problems), 20)] {
		n.Children = append(n.Children, Node{ID: fmt.Sprintf("codeowners:%d", p.Line), Title: fmt.Sprintf("Line %d", p.Line), Detail: oneLine(p.String())})
	}
	if invalid > 0 {
		n.Detail += fmt.Sprintf("; %s nothing", countVerb(invalid, "invalid line", "owns", "own"))
	}
	return n
}

// authority says by what right an account decides here; it is empty when it has none.
func (d *decision) authority(a forge.Account) string {
	if owner := d.owned(a); owner != "" {
		return owner
	}
	for _, n := range slices.Concat(d.rule.All, d.rule.Any) {
		if n.Team != "" && d.member(a, n.Team) {
			return "member of " + n.Team
		}
	}
	return ""
}

// owned says what of the change the account owns.
func (d *decision) owned(a forge.Account) string {
	for i := range d.sets {
		for _, o := range d.sets[i].rule.Owners {
			if d.is(a, o) {
				return strings.Replace(d.sets[i].title(), "owners", "owner", 1)
			}
		}
	}
	return ""
}

// inherits names a team whose members have a say here, and of which the account is a member by
// inheritance alone; it is empty when there is none.
func (d *decision) inherits(a forge.Account) string {
	var names []string
	for i := range d.sets {
		for _, o := range d.sets[i].rule.Owners {
			names = append(names, teamName(o))
		}
	}
	for _, n := range slices.Concat(d.rule.All, d.rule.Any) {
		names = append(names, n.Team)
	}
	for _, team := range names {
		if t, _ := d.team(team); team != "" && t != nil && has(t.Inherited, a) {
			return team
		}
	}
	return ""
}

// is reports whether the account is that owner. A login only maps a name of CODEOWNERS to an
// account; people are told apart by id.
func (d *decision) is(a forge.Account, o owners.Owner) bool {
	switch o.Kind {
	case owners.User:
		return asciiLower(a.Login) == asciiLower(o.Name) || d.group(o) != nil && d.member(a, o.Name)
	case owners.Team, owners.Role:
		return d.member(a, teamName(o))
	}
	return false
}

// teamName is the name under which the snapshot holds the members of an owner; it is empty for
// those that have none.
func teamName(o owners.Owner) string {
	switch o.Kind {
	case owners.User, owners.Team:
		return o.Name
	case owners.Role:
		return "@" + o.Name
	}
	return ""
}

// group is the group that an owner names who could be a person as well; nil when it is a person.
func (d *decision) group(o owners.Owner) *forge.Team {
	if o.Kind != owners.User || d.pr.Platform != forge.GitLab {
		return nil
	}
	t, _ := d.team(o.Name)
	return t
}

func (d *decision) member(a forge.Account, team string) bool {
	t, _ := d.team(team)
	return t != nil && has(t.Members, a)
}

func has(members []forge.Account, a forge.Account) bool {
	return a.ID != 0 && slices.ContainsFunc(members, func(m forge.Account) bool { return m.ID == a.ID })
}

// team finds a team, or says why it satisfies nothing.
func (d *decision) team(fullName string) (*forge.Team, string) {
	for i := range d.Snapshot.Teams {
		t := &d.Snapshot.Teams[i]
		if asciiLower(t.Name()) != asciiLower(fullName) {
			continue
		}
		if t.Unreadable != "" {
			return nil, fmt.Sprintf("@%s cannot be read (%s)", fullName, oneLine(t.Unreadable))
		}
		return t, ""
	}
	return nil, fmt.Sprintf("@%s was not found", fullName)
}
