package sandbox

import "time"

const teams = "/orgs/{org}/teams/{team_slug}"

var orgRoutes = []route{
	{"GET " + teams, need{"members:read", "read"}, onTeam(func(c *call, t *team) (int, any, error) {
		j := c.s.teamJSON(t)
		delete(j, "parent")
		org := c.s.orgJSON(t.Org)
		for k, v := range (obj{"html_url": c.s.url + "/" + t.Org.Login, "type": kindOrg, "public_repos": 0, "public_gists": 0, "followers": 0,
			"following": 0, "has_organization_projects": false, "has_repository_projects": false, "created_at": stamp(t.Org.Created),
			"updated_at": stamp(t.Org.Created), "archived_at": nil}) {
			org[k] = v
		}
		for k, v := range (obj{"members_count": len(t.Members), "repos_count": 0, "created_at": stamp(t.Created), "updated_at": stamp(t.Created), "organization": org}) {
			j[k] = v
		}
		return 200, j, nil
	})},
	{"GET " + teams + "/members", need{"members:read", "read"}, onTeam(func(c *call, t *team) (int, any, error) {
		return 200, list(c, t.Members, func(a *Account) obj { return c.s.userJSON(a).(obj) }), nil
	})},
	{"GET " + teams + "/memberships/{username}", need{"members:read", "read"}, onTeam(func(c *call, t *team) (int, any, error) {
		a := c.s.account(c.req.PathValue("username"))
		if !t.has(a) {
			return 0, nil, errNotFound
		}
		return 200, obj{"url": c.s.rest("/orgs/" + t.Org.Login + "/teams/" + t.Slug + "/memberships/" + a.Login), "role": "member", "state": "active"}, nil
	})},
	{"GET /user", need{user: "read"}, func(c *call) (int, any, error) { return 200, c.s.fullUser(c.by.account), nil }},
	{"GET /users/{username}", need{}, func(c *call) (int, any, error) {
		a := c.s.account(c.req.PathValue("username"))
		if a == nil {
			return 0, nil, errNotFound
		}
		return 200, c.s.fullUser(a), nil
	}},
	{"GET /rate_limit", need{}, func(*call) (int, any, error) {
		r := obj{"limit": hourly, "used": 0, "remaining": hourly, "reset": time.Now().Add(time.Hour).Unix()}
		return 200, obj{"resources": obj{"core": r, "search": r, "graphql": r}, "rate": r}, nil
	}},
}

// onTeam finds the team. An App that is not of the organisation, and a person who is not, find nothing.
func onTeam(fn func(*call, *team) (int, any, error)) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		t := c.s.team(c.req.PathValue("org") + "/" + c.req.PathValue("team_slug"))
		if t == nil || !c.s.seesTeams(c.by, t.Org) {
			return 0, nil, errNotFound
		}
		return fn(c, t)
	}
}

func (s *Sandbox) seesTeams(a actor, org *Account) bool {
	if a.app != nil {
		return a.app.Owner == org && grants(a.perms["members"], "read")
	}
	return s.members[org.ID][a.account.ID] != ""
}

func (s *Sandbox) fullUser(a *Account) obj {
	j := s.userJSON(a).(obj)
	for k, v := range (obj{"name": orNull(a.Name), "user_view_type": "public", "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil,
		"twitter_username": nil, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": stamp(a.Created), "updated_at": stamp(a.Created)}) {
		j[k] = v
	}
	return j
}
