package sandbox

import (
	"cmp"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

var glUserRoutes = []glRoute{
	{"GET /version", "", 0, glVersion},
	{"GET /metadata", "", 0, glVersion},
	{"GET /user", "", 0, func(c *glCall) (int, any, error) { return 200, c.s.fullUserJSON(c.by.account), nil }},
	{"GET /users", "username search", 0, glUsers},
	{"GET /users/{id}", "", 0, func(c *glCall) (int, any, error) {
		a := c.s.accounts[c.pathNumber("id")]
		if a == nil || a.Type == kindOrg || a == c.s.webflow {
			return 0, nil, notFoundOf("User")
		}
		return 200, c.s.fullUserJSON(a), nil
	}},
	{"GET /groups", "search", 0, glGroups},
	{"GET /groups/{id}", "with_projects:bool", 0, onGroup(func(c *glCall) (int, any, error) { return 200, c.s.groupJSON(c.group), nil })},
	{"GET /groups/{id}/subgroups", "", 0, onGroup(glSubgroups)},
	{"GET /groups/{id}/projects", "include_subgroups:bool", 0, onGroup(glGroupProjects)},
	{"GET /groups/{id}/members", "query", 0, onGroup(glMembers(false))},
	{"GET /groups/{id}/members/all", "query", 0, onGroup(glMembers(true))},
	{"GET /groups/{id}/members/{user_id}", "", 0, onGroup(glMember(false))},
	{"GET /groups/{id}/members/all/{user_id}", "", 0, onGroup(glMember(true))},
}

var glProjectRoutes = []glRoute{
	{"GET /projects", "membership:bool owned:bool archived:bool simple:bool search order_by:id|name|path|created_at|updated_at|last_activity_at|similarity sort:asc|desc min_access_level:int", 0, glProjects},
	{"GET /projects/{id}", "statistics:bool license:bool", 0, func(c *glCall) (int, any, error) {
		return 200, c.s.gitlabProjectJSON(c.by, c.repo), nil
	}},
	{"GET /projects/{id}/members", "query", 0, glMembers(false)},
	{"GET /projects/{id}/members/all", "query", 0, glMembers(true)},
	{"GET /projects/{id}/members/{user_id}", "", 0, glMember(false)},
	{"GET /projects/{id}/members/all/{user_id}", "", 0, glMember(true)},
	{"GET /projects/{id}/events", "action target_type:issue|milestone|merge_request|note|project|snippet|user|wiki|design before after sort:asc|desc", 0, glEvents},
}

func glVersion(c *glCall) (int, any, error) {
	return 200, obj{"version": "17.11.0", "revision": "sandbox", "kas": obj{"enabled": false, "externalUrl": nil, "version": nil}, "enterprise": true}, nil
}

// gitlabUserJSON is a user as other things show one.
func (s *Sandbox) gitlabUserJSON(a *Account) any {
	if a == nil {
		return nil
	}
	return obj{"id": a.ID, "username": a.Login, "name": orLogin(a), "state": "active", "locked": false, "avatar_url": nil, "web_url": s.url + "/" + a.Login}
}

func (s *Sandbox) fullUserJSON(a *Account) obj {
	j := s.gitlabUserJSON(a).(obj)
	j["created_at"], j["bio"], j["location"], j["public_email"], j["organization"], j["job_title"] = stampMS(a.Created), "", "", "", "", ""
	j["bot"] = a.Type == kindBot
	return j
}

func glUsers(c *glCall) (int, any, error) {
	var found []*Account
	for _, a := range c.s.accounts {
		name, search := c.text("username"), strings.ToLower(c.text("search"))
		if a.Type == kindOrg || a == c.s.webflow || name != "" && !strings.EqualFold(a.Login, name) ||
			search != "" && !strings.Contains(strings.ToLower(a.Login+" "+a.Name), search) {
			continue
		}
		found = append(found, a)
	}
	slices.SortFunc(found, func(a, b *Account) int { return cmp.Compare(b.ID, a.ID) })
	return glList(c, found, c.s.gitlabUserJSON)
}

// onGroup hides groups from those who have nothing to do with them.
func onGroup(fn func(c *glCall) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		if !c.seesGroup(c.group) {
			return 0, nil, notFoundOf("Group")
		}
		return fn(c)
	}
}

func (c *glCall) seesGroup(g *Account) bool { return (&lab{s: c.s, by: c.by}).seesGroup(g) }

// groups are all groups that pass a test, by path.
func (c *glCall) groups(keep func(*Account) bool) []*Account {
	var out []*Account
	for _, a := range c.s.accounts {
		if a.Type == kindOrg && c.seesGroup(a) && keep(a) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *Account) int { return strings.Compare(a.Login, b.Login) })
	return out
}

func (s *Sandbox) groupJSON(g *Account) obj {
	var parent any
	if up := s.parent(g); up != nil {
		parent = up.ID
	}
	return obj{"id": g.ID, "web_url": s.url + "/groups/" + g.Login, "name": g.Name, "path": path.Base(g.Login), "description": "",
		"visibility": "private", "full_name": strings.ReplaceAll(g.Login, "/", " / "), "full_path": g.Login, "created_at": stampMS(g.Created),
		"parent_id": parent, "avatar_url": nil}
}

func glGroups(c *glCall) (int, any, error) {
	search := strings.ToLower(c.text("search"))
	list := c.groups(func(g *Account) bool { return strings.Contains(strings.ToLower(g.Login), search) })
	return glList(c, list, func(g *Account) any { return c.s.groupJSON(g) })
}

func glSubgroups(c *glCall) (int, any, error) {
	list := c.groups(func(g *Account) bool { return c.s.parent(g) == c.group })
	return glList(c, list, func(g *Account) any { return c.s.groupJSON(g) })
}

func glGroupProjects(c *glCall) (int, any, error) {
	var found []*repo
	for _, r := range c.s.repos {
		in := r.Owner == c.group || c.flag("include_subgroups") && strings.HasPrefix(r.Owner.Login+"/", c.group.Login+"/")
		if in && c.s.level(c.by.account, r) > 0 {
			found = append(found, r)
		}
	}
	return glList(c, found, func(r *repo) any { return c.s.gitlabProjectJSON(c.by, r) })
}

func (s *Sandbox) memberJSON(m member) any {
	j := s.gitlabUserJSON(m.User).(obj)
	j["access_level"], j["created_at"], j["expires_at"], j["membership_state"] = m.Level, stampMS(m.User.Created), nil, "active"
	return j
}

func (c *glCall) membersOf(all bool) []member {
	switch {
	case c.repo != nil && all:
		return c.s.allMembers(c.repo)
	case c.repo != nil:
		return c.s.projectMembers(c.repo)
	case all:
		return c.s.inheritedMembers(c.group)
	}
	return c.s.groupMembers(c.group)
}

func glMembers(all bool) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		query := strings.ToLower(c.text("query"))
		list := slices.DeleteFunc(c.membersOf(all), func(m member) bool {
			return !strings.Contains(strings.ToLower(m.User.Login+" "+m.User.Name), query)
		})
		return glList(c, list, c.s.memberJSON)
	}
}

func glMember(all bool) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		for _, m := range c.membersOf(all) {
			if m.User.ID == c.pathNumber("user_id") {
				return 200, c.s.memberJSON(m), nil
			}
		}
		return 0, nil, refuse(http.StatusNotFound, "404 Not found")
	}
}

func (s *Sandbox) gitlabProjectJSON(by actor, r *repo) obj {
	web := s.url + "/" + r.full()
	visibility, method, kind := "public", cmp.Or(r.settings.MergeMethod, "merge"), "user"
	if r.Private {
		visibility = "private"
	}
	if r.Owner.Type == kindOrg {
		kind = "group"
	}
	access := func(n int) any {
		if n == 0 {
			return nil
		}
		return obj{"access_level": n, "notification_level": 3}
	}
	group := 0
	if r.Owner.Type == kindOrg {
		group = s.groupAccess(by.account, r.Owner)
	}
	open := 0
	for _, p := range r.pulls {
		if p.open() {
			open++
		}
	}
	return obj{"id": r.ID, "description": nil, "name": r.Name, "name_with_namespace": strings.ReplaceAll(r.full(), "/", " / "), "path": r.Name,
		"path_with_namespace": r.full(), "created_at": stampMS(r.created), "default_branch": r.Default, "tag_list": []string{}, "topics": []string{},
		"ssh_url_to_repo": s.hookProject(r)["git_ssh_url"], "http_url_to_repo": web + ".git", "web_url": web, "readme_url": nil, "forks_count": 0,
		"avatar_url": nil, "star_count": 0, "last_activity_at": stampMS(r.pushed), "archived": false, "empty_repo": r.branch(r.Default) == "",
		"visibility": visibility, "issues_enabled": true, "merge_requests_enabled": true, "jobs_enabled": true, "merge_method": method,
		"squash_option": "default_off", "only_allow_merge_if_pipeline_succeeds": r.settings.PipelinesMustSucceed, "allow_merge_on_skipped_pipeline": false,
		"only_allow_merge_if_all_discussions_are_resolved": r.settings.ThreadsMustBeResolved, "remove_source_branch_after_merge": r.settings.RemoveSourceBranch,
		"merge_trains_enabled": false, "merge_pipelines_enabled": false, "approvals_before_merge": 0, "open_issues_count": 0,
		"open_merge_requests_count": open, "forked_from_project": nil, "ci_config_path": "", "request_access_enabled": false,
		"namespace": obj{"id": r.Owner.ID, "name": orLogin(r.Owner), "path": path.Base(r.Owner.Login), "kind": kind, "full_path": r.Owner.Login,
			"parent_id": nil, "avatar_url": nil, "web_url": s.url + "/" + r.Owner.Login},
		"permissions": obj{"project_access": access(accessOf[r.grants[by.account.ID]]), "group_access": access(group)}}
}

func glProjects(c *glCall) (int, any, error) {
	var found []*repo
	for _, r := range c.s.repos {
		n, search := c.s.access(c.by.account, r), strings.ToLower(c.text("search"))
		switch {
		case c.s.level(c.by.account, r) == 0, c.flag("membership") && n == 0, c.flag("owned") && r.Owner != c.by.account,
			int64(n) < c.number("min_access_level"), !strings.Contains(strings.ToLower(r.Name), search), c.flag("archived"):
			continue
		}
		found = append(found, r)
	}
	if c.text("sort") != "asc" {
		slices.Reverse(found) // the newest first
	}
	return glList(c, found, func(r *repo) any { return c.s.gitlabProjectJSON(c.by, r) })
}

// glEvents lists pushes: the only events that the sandbox keeps.
func glEvents(c *glCall) (int, any, error) {
	var found []*activity
	for _, day := range []string{"before", "after"} {
		if _, err := time.Parse(time.DateOnly, c.text(day)); c.text(day) != "" && err != nil {
			return 0, nil, refuse(http.StatusBadRequest, "%s is invalid", day).as(kindError)
		}
	}
	for _, a := range c.repo.activity {
		day := a.At.Format(time.DateOnly)
		if !slices.Contains([]string{"", "pushed"}, c.text("action")) || c.text("target_type") != "" ||
			c.text("before") != "" && day >= c.text("before") || c.text("after") != "" && day <= c.text("after") {
			continue
		}
		found = append(found, a)
	}
	if c.text("sort") != "asc" {
		slices.Reverse(found)
	}
	return glList(c, found, func(a *activity) any { return c.s.eventJSON(c.repo, a) })
}

func (s *Sandbox) eventJSON(r *repo, a *activity) any {
	name, action := "pushed to", "pushed"
	from, to := any(a.Before), any(a.After)
	switch {
	case a.Before == zeroOID:
		name, action, from = "pushed new", "created", nil
	case a.After == zeroOID:
		name, action, to = "deleted", "removed", nil
	}
	list := r.brought(refChange{a.Ref, a.Before, a.After})
	var title any
	if c, err := r.commit(a.After); err == nil {
		title, _, _ = strings.Cut(c.Message, "\n")
	}
	branch, _ := cutHeads(a.Ref)
	return obj{"id": a.ID, "project_id": r.ID, "action_name": name, "target_id": nil, "target_iid": nil, "target_type": nil, "author_id": a.Actor.ID,
		"target_title": nil, "created_at": stampMS(a.At), "author": s.gitlabUserJSON(a.Actor), "author_username": a.Actor.Login, "imported": false,
		"imported_from": "none", "push_data": obj{"commit_count": len(list), "action": action, "ref_type": "branch", "commit_from": from,
			"commit_to": to, "ref": branch, "commit_title": title, "ref_count": nil}}
}
