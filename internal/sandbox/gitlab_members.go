package sandbox

import (
	"cmp"
	"path"
	"slices"
)

// GitLab's access levels (its documentation, 2026).
const (
	accessGuest      = 10
	accessReporter   = 20
	accessDeveloper  = 30
	accessMaintainer = 40
	accessOwner      = 50
)

// accessOf are the levels behind what Grant and the groups' members are noted by.
var accessOf = map[string]int{"guest": accessGuest, "read": accessReporter, "triage": accessReporter, "write": accessDeveloper,
	"maintain": accessMaintainer, "admin": accessOwner}

// accessNames are how GraphQL and the protections spell levels.
var accessNames = map[int]string{accessGuest: "GUEST", accessReporter: "REPORTER", accessDeveloper: "DEVELOPER",
	accessMaintainer: "MAINTAINER", accessOwner: "OWNER"}

// pushLevels are the levels that protections speak of. "none" is above everyone.
var pushLevels = map[string]int{"none": 100, "developer": accessDeveloper, "maintainer": accessMaintainer, "": accessMaintainer}

// member is somebody's membership.
type member struct {
	User  *Account
	Level int
}

// group finds a group by its full path.
func (w *world) group(full string) *Account {
	if a := w.account(full); a != nil && a.Type == kindOrg {
		return a
	}
	return nil
}

// parent is the group above a group, or nil.
func (w *world) parent(g *Account) *Account {
	if dir := path.Dir(g.Login); dir != "." {
		return w.group(dir)
	}
	return nil
}

// groupMembers are the direct members of a group, by id.
func (w *world) groupMembers(g *Account) []member {
	return w.memberList(w.members[g.ID])
}

// projectMembers are the direct members of a project, by id. Groups that it is shared with are not.
func (w *world) projectMembers(r *repo) []member {
	list := w.memberList(r.grants)
	if r.Owner.Type == kindUser && r.grants[r.Owner.ID] == "" {
		list = append([]member{{r.Owner, accessOwner}}, list...)
	}
	return list
}

func (w *world) memberList(levels map[int64]string) []member {
	var out []member
	for id, name := range levels {
		if a := w.accounts[id]; a != nil && a.Type != kindOrg {
			out = append(out, member{a, accessOf[name]})
		}
	}
	slices.SortFunc(out, func(a, b member) int { return cmp.Compare(a.User.ID, b.User.ID) })
	return out
}

// groupAccess is somebody's level in a group, inherited from those above it or its own; 0 is none.
func (w *world) groupAccess(a *Account, g *Account) int {
	best := 0
	for ; g != nil; g = w.parent(g) {
		best = max(best, accessOf[w.members[g.ID][a.ID]])
	}
	return best
}

// access is somebody's level in a project: direct, of its group, or of a group that it is shared with,
// where the lower of both levels counts. 0 is none.
func (w *world) access(a *Account, r *repo) int {
	switch {
	case a == nil:
		return 0
	case a == r.Owner:
		return accessOwner
	}
	best := accessOf[r.grants[a.ID]]
	if r.Owner.Type == kindOrg {
		best = max(best, w.groupAccess(a, r.Owner))
	}
	for id, name := range r.grants {
		if g := w.accounts[id]; g != nil && g.Type == kindOrg {
			best = max(best, min(accessOf[name], w.groupAccess(a, g)))
		}
	}
	return best
}

// accessAsLevel is access in the words of Grant, for what both dialects share. A guest of a private
// project may not see its code: here, nothing.
func (w *world) accessAsLevel(a *Account, r *repo) int {
	switch n := w.access(a, r); {
	case n >= accessOwner:
		return levels["admin"]
	case n >= accessMaintainer:
		return levels["maintain"]
	case n >= accessDeveloper:
		return levels["write"]
	case n >= accessReporter:
		return levels["triage"]
	case !r.Private:
		return levels["read"]
	}
	return 0
}

// allMembers are the members of a project with those that it inherits or is shared with.
func (w *world) allMembers(r *repo) []member {
	return w.membersBy(func(a *Account) int { return w.access(a, r) })
}

// inheritedMembers are a group's members with those of the groups above it.
func (w *world) inheritedMembers(g *Account) []member {
	return w.membersBy(func(a *Account) int { return w.groupAccess(a, g) })
}

// membersBy are the accounts that have a level, by id.
func (w *world) membersBy(level func(*Account) int) []member {
	var out []member
	for _, a := range w.accounts {
		if a.Type != kindOrg {
			if n := level(a); n > 0 {
				out = append(out, member{a, n})
			}
		}
	}
	slices.SortFunc(out, func(a, b member) int { return cmp.Compare(a.User.ID, b.User.ID) })
	return out
}
