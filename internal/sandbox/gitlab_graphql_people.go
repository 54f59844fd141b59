package sandbox

import (
	"path"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

// user shows an account as one of the types that implement User; nobody is null.
func (l *lab) user(a *Account, typename string) gql.Object {
	if a == nil {
		return nil
	}
	name := a.Name
	if name == "" {
		name = a.Login
	}
	return gql.Object{"__typename": typename, "id": gid("User", a.ID), "username": a.Login, "name": name, "bot": a.Type == kindBot, "state": "active",
		"publicEmail": nil, "avatarUrl": nil, "webPath": "/" + a.Login, "webUrl": l.s.url + "/" + a.Login}
}

func (l *lab) users(a gql.Args, list []*Account) (any, error) {
	return labConnection("UserCoreConnection", a, list, func(u *Account) any { return l.user(u, "UserCore") })
}

// participant is a user together with what he has to do with a merge request.
func (l *lab) participant(p *pull, a *Account, typename string) gql.Object {
	o := l.user(a, typename)
	if o == nil {
		return nil
	}
	state := p.reviewState(a)
	n := l.s.access(a, p.repo)
	o["mergeRequestInteraction"] = gql.Object{"__typename": "UserMergeRequestInteraction", "approved": state == "APPROVED", "reviewed": state != "UNREVIEWED",
		"canMerge": l.s.mayMerge(p.repo, actor{token: &token{account: a}}, p.BaseRef), "canUpdate": n >= accessDeveloper || a == p.Author}
	interaction := o["mergeRequestInteraction"].(gql.Object)
	interaction["reviewState"] = nil // only of reviewers
	if slices.Contains(p.Users, a) {
		interaction["reviewState"] = state
	}
	return o
}

// reviewState is where somebody's review stands: by his last word of approval, else by whether he spoke.
func (p *pull) reviewState(a *Account) string {
	state := "UNREVIEWED"
	for _, c := range p.Comments {
		if c.Author != a {
			continue
		}
		if word := map[string]string{"approved": "APPROVED", "unapproved": "UNAPPROVED", "requested_changes": "REQUESTED_CHANGES"}[c.System]; word != "" {
			state = word
		} else if c.System == "" && state == "UNREVIEWED" {
			state = "REVIEWED"
		}
	}
	approved := slices.ContainsFunc(p.Approvals, func(x *approval) bool { return x.User == a })
	switch {
	case approved:
		return "APPROVED"
	case state == "APPROVED":
		return "UNREVIEWED" // the approval was reset
	}
	return state
}

// seesGroup: groups here are private. Who is in one, in one above it, or in something below it sees it.
func (l *lab) seesGroup(g *Account) bool {
	if l.by.token == nil {
		return false
	}
	if l.s.groupAccess(l.by.account, g) > 0 {
		return true
	}
	for _, r := range l.s.repos {
		if l.within(r.Owner, g) && l.s.access(l.by.account, r) > 0 {
			return true
		}
	}
	for id := range l.s.members {
		if sub := l.s.accounts[id]; sub != nil && l.within(sub, g) && l.s.groupAccess(l.by.account, sub) > 0 {
			return true
		}
	}
	return false
}

// within reports whether a namespace is a group or below it.
func (l *lab) within(ns, g *Account) bool {
	return ns == g || strings.HasPrefix(strings.ToLower(ns.Login), strings.ToLower(g.Login)+"/")
}

func (l *lab) group(g *Account) gql.Object {
	return gql.Object{"__typename": "Group", "id": gid("Group", g.ID), "fullPath": g.Login, "path": path.Base(g.Login), "name": path.Base(g.Login),
		"fullName": strings.ReplaceAll(g.Login, "/", " / "), "webUrl": l.s.url + "/groups/" + g.Login,
		"parent": lazy(func() any {
			if up := l.s.parent(g); up != nil && l.seesGroup(up) {
				return l.group(up)
			}
			return nil
		}),
		"groupMembers": labField(func(a gql.Args) (any, error) {
			return labConnection("GroupMemberConnection", a, l.chosen(a, l.groupMembers(g, a.Strings("relations"))), func(m member) any {
				return l.member(m, gql.Object{"__typename": "GroupMember", "id": gid("GroupMember", g.ID*1_000_000+m.User.ID), "group": lazy(func() any { return l.group(g) })})
			})
		}),
	}
}

// groupMembers are those of the wanted relations, each once, with the highest of their levels.
func (l *lab) groupMembers(g *Account, relations []string) []member {
	var out []member
	if slices.Contains(relations, "DIRECT") {
		out = l.s.groupMembers(g)
	}
	if slices.Contains(relations, "INHERITED") {
		for up := l.s.parent(g); up != nil; up = l.s.parent(up) {
			out = joinMembers(out, l.s.groupMembers(up))
		}
	}
	if slices.Contains(relations, "DESCENDANTS") {
		for id := range l.s.members {
			if sub := l.s.accounts[id]; sub != nil && sub != g && l.within(sub, g) {
				out = joinMembers(out, l.s.groupMembers(sub))
			}
		}
	}
	return out
}

func joinMembers(to, more []member) []member {
	for _, m := range more {
		i := slices.IndexFunc(to, func(x member) bool { return x.User == m.User })
		if i < 0 {
			to = append(to, m)
		} else {
			to[i].Level = max(to[i].Level, m.Level)
		}
	}
	slices.SortFunc(to, func(x, y member) int { return int(x.User.ID - y.User.ID) })
	return to
}

// chosen narrows members by a search and by levels.
func (l *lab) chosen(a gql.Args, list []member) []member {
	search, wanted := strings.ToLower(a.String("search")), a.Strings("accessLevels")
	return slices.DeleteFunc(slices.Clone(list), func(m member) bool {
		return !strings.Contains(strings.ToLower(m.User.Login+" "+m.User.Name), search) || len(wanted) > 0 && !slices.Contains(wanted, accessNames[m.Level])
	})
}

func (l *lab) member(m member, o gql.Object) gql.Object {
	for k, v := range (gql.Object{"user": l.user(m.User, "UserCore"), "createdAt": stamp(m.User.Created), "updatedAt": stamp(m.User.Created), "expiresAt": nil,
		"accessLevel": gql.Object{"__typename": "AccessLevel", "integerValue": m.Level, "stringValue": accessNames[m.Level]}}) {
		o[k] = v
	}
	return o
}

// projectMembers are those of the wanted relations.
func (l *lab) projectMembers(r *repo, relations []string) []member {
	var out []member
	if slices.Contains(relations, "DIRECT") {
		out = l.s.projectMembers(r)
	}
	if slices.Contains(relations, "INHERITED") && r.Owner.Type == kindOrg {
		out = joinMembers(out, l.groupMembers(r.Owner, []string{"DIRECT", "INHERITED"}))
	}
	if slices.Contains(relations, "INVITED_GROUPS") {
		for id, name := range r.grants {
			if g := l.s.accounts[id]; g != nil && g.Type == kindOrg {
				for _, m := range l.s.groupMembers(g) {
					out = joinMembers(out, []member{{m.User, min(m.Level, accessOf[name])}})
				}
			}
		}
	}
	return out
}

// humanAccess is how GitLab tells a level in words; no access is null.
func humanAccess(level int) any {
	name := accessNames[level]
	if name == "" {
		return nil
	}
	return name[:1] + strings.ToLower(name[1:])
}
