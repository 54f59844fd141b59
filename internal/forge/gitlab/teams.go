package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

const (
	groupsInline   = 2 // in the conversation's query: what keeps it well below GitLab's limit of complexity
	groupsPerQuery = 6 // in a query of their own
)

// roleLevels are the access levels that CODEOWNERS may name as owners (docs.gitlab.com, "Add a role as
// a code owner").
var roleLevels = map[string]int{
	"@developer": 30, "@developers": 30, "@maintainer": 40, "@maintainers": 40, "@owner": 50, "@owners": 50,
}

const noGroup = "no such group, or the bot may not read its members"

// teamPlan says where each wanted team comes from.
type teamPlan struct {
	names  []string // in lower case, as wanted
	groups []string // those to ask for
	inline int      // how many of them come with the conversation
	roles  bool     // a role of the project is wanted
}

// planTeams sorts what is wanted. A name that was no group is not asked for again within the hour: in
// CODEOWNERS "@acme" may be a group or a person, and mostly is a person.
func (h *Host) planTeams(names []string) teamPlan {
	plan := teamPlan{}
	for _, name := range names {
		name = strings.ToLower(name)
		plan.names = append(plan.names, name)
		if strings.HasPrefix(name, "@") {
			plan.roles = plan.roles || roleLevels[name] != 0
			continue
		}
		if _, known := h.nobody.get(name); !known && checkPath(name, 1) == nil {
			plan.groups = append(plan.groups, name)
		}
	}
	plan.inline = min(len(plan.groups), groupsInline)
	if plan.roles { // which cost as much as a group
		plan.inline = min(plan.inline, groupsInline-1)
	}
	if h.simpler.Load() {
		plan.inline = 0
	}
	return plan
}

func (p teamPlan) inlined() []string { return p.groups[:p.inline] }

func groupFields(a *client.Aliases, groups []string, selection string) {
	for i, name := range groups {
		a.Variable(fmt.Sprintf("g%d", i), "ID!", name)
		a.Field("g%d: group(fullPath: $g%d) %s", i, i, selection)
	}
}

func groupsDocument(groups []string, selection string) (string, map[string]any) {
	a := client.Aliases{Values: map[string]any{}}
	groupFields(&a, groups, selection)
	return document("groups", map[string]string{
		"variables": strings.TrimPrefix(a.Declared(), ", "), "groups": a.Fields(),
	}), a.Values
}

// readTeams reads the members of every wanted group and role, or says why it could not.
func (h *Host) readTeams(ctx context.Context, l *look, plan teamPlan, answer *conversationAnswer) ([]forge.Team, error) {
	found := map[string]*group{}
	var mu sync.Mutex
	for i, name := range plan.inlined() {
		found[name] = answer.groups[fmt.Sprintf("g%d", i)]
	}
	g, gctx := errgroup.WithContext(ctx)
	for rest := plan.groups[len(plan.inlined()):]; len(rest) > 0; rest = rest[min(len(rest), groupsPerQuery):] {
		chunk := rest[:min(len(rest), groupsPerQuery)]
		g.Go(func() error {
			got, err := h.groups(gctx, chunk, "{ ...GroupFacts }")
			mu.Lock()
			defer mu.Unlock()
			for name, group := range got {
				found[name] = group
			}
			return err
		})
	}
	roles := answer.Project.Members
	if plan.roles {
		g.Go(func() (err error) {
			roles, err = h.moreMembers(gctx, "more_roles", map[string]any{"project": l.ref.Repo.FullName()}, roles)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := h.readInherited(ctx, plan, found); err != nil {
		return nil, err
	}
	teams := make([]forge.Team, 0, len(plan.names))
	for _, name := range plan.names {
		team, err := h.team(ctx, name, found[name], roles)
		if err != nil {
			return nil, err
		}
		teams = append(teams, team)
	}
	return teams, nil
}

// groups reads groups by their paths; one that is not there is absent from the answer.
func (h *Host) groups(ctx context.Context, names []string, selection string) (map[string]*group, error) {
	doc, variables := groupsDocument(names, selection)
	var raw json.RawMessage
	if err := h.strict(ctx, doc, variables, &raw); err != nil {
		return nil, err
	}
	byAlias, err := groupsOf(raw)
	if err != nil {
		return nil, fmt.Errorf("decoding groups: %w", err)
	}
	out := map[string]*group{}
	for i, name := range names {
		if g := byAlias[fmt.Sprintf("g%d", i)]; g != nil {
			out[name] = g
		}
	}
	return out, nil
}

func (h *Host) team(ctx context.Context, name string, g *group, roles members) (forge.Team, error) {
	out := forge.Team{Slug: name}
	if strings.HasPrefix(name, "@") {
		return roleTeam(out, roles), nil
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		out.Org, out.Slug = name[:i], name[i+1:]
	}
	if err := checkPath(name, 1); err != nil {
		out.Unreadable = fmt.Sprintf("%q is no group: expected group or group/subgroup", name)
		return out, nil
	}
	if g == nil || number(g.ID) == 0 {
		if _, known := h.nobody.get(name); !known { // what was not asked for again is not known for longer
			h.nobody.put(name, true, rememberFor)
		}
		out.Unreadable = noGroup
		return out, nil
	}
	out.ID, out.NodeID = number(g.ID), g.ID
	all, err := h.moreMembers(ctx, "more_members", map[string]any{"group": name}, g.Members)
	if errors.Is(kindOf(err), forge.ErrForbidden) || errors.Is(kindOf(err), forge.ErrNotFound) {
		out.Unreadable = "GitLab shows only a part of its members"
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if all.PageInfo.HasNextPage {
		out.Unreadable = fmt.Sprintf("more than %d members", maxTeam*perPage)
		return out, nil
	}
	out.Members = all.accounts(0)
	out.Inherited, _ = h.inherited.get(name)
	return out, nil
}

// roleTeam is a role: the direct members of the project with exactly that access level.
func roleTeam(out forge.Team, roles members) forge.Team {
	level := roleLevels[out.Slug]
	switch {
	case level == 0:
		out.Unreadable = fmt.Sprintf("%q is no role: expected @developer, @maintainer or @owner", out.Slug)
	case roles.PageInfo.HasNextPage:
		out.Unreadable = fmt.Sprintf("the project has more than %d members", maxTeam*perPage)
	default:
		out.Members = roles.accounts(level)
	}
	return out
}

// accounts are the active people of a list, of one access level where it is not 0. Whoever is blocked,
// banned or deactivated, and whoever was only invited by mail, satisfies nothing.
func (m members) accounts(level int) []forge.Account {
	var out []forge.Account
	for _, n := range m.Nodes {
		if n.User == nil || n.User.State != "active" || level != 0 && (n.AccessLevel == nil || n.AccessLevel.Value != level) {
			continue
		}
		if a := n.User.account(); a.Known() {
			out = append(out, a)
		}
	}
	return out
}

// moreMembers reads the pages after the first, as far as is bounded.
func (h *Host) moreMembers(ctx context.Context, name string, variables map[string]any, list members) (members, error) {
	for n := 1; list.PageInfo.HasNextPage && n < maxTeam; n++ {
		variables["cursor"] = list.PageInfo.EndCursor
		var answer struct {
			Group   *group   `json:"group"`
			Project *project `json:"project"`
		}
		if err := h.strict(ctx, document(name, nil), variables, &answer); err != nil {
			return list, err
		}
		var next members
		switch {
		case answer.Group != nil:
			next = answer.Group.Members
		case answer.Project != nil:
			next = answer.Project.Members
		default:
			return list, forge.ErrNotFound
		}
		list.Nodes, list.PageInfo = append(list.Nodes[:len(list.Nodes):len(list.Nodes)], next.Nodes...), next.PageInfo
	}
	return list, nil
}

// readInherited finds out, once an hour, who is a member of a subgroup by inheritance alone. It only
// explains why somebody's word does not count, so what cannot be read is left out.
func (h *Host) readInherited(ctx context.Context, plan teamPlan, found map[string]*group) error {
	var ask []string
	for _, name := range plan.groups {
		if _, known := h.inherited.get(name); !known && found[name] != nil && strings.Contains(name, "/") {
			ask = append(ask, name)
		}
	}
	for ; len(ask) > 0; ask = ask[min(len(ask), groupsPerQuery):] {
		chunk := ask[:min(len(ask), groupsPerQuery)]
		got, err := h.groups(ctx, chunk, "{ id groupMembers(relations: [INHERITED], first: 100) { ...GroupMembers } }")
		var limited *forge.RateLimited
		if errors.As(err, &limited) || ctx.Err() != nil {
			return err
		}
		for _, name := range chunk {
			var all []forge.Account
			if g := got[name]; g != nil {
				all = without(g.Members.accounts(0), found[name].Members.accounts(0))
			}
			h.inherited.put(name, all, rememberFor)
		}
	}
	return nil
}

func without(all, some []forge.Account) []forge.Account {
	ids := map[int64]bool{}
	for _, a := range some {
		ids[a.ID] = true
	}
	var out []forge.Account
	for _, a := range all {
		if !ids[a.ID] {
			out = append(out, a)
		}
	}
	return out
}
