package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	glBranches          = glRepo + "/branches"
	glTags              = glRepo + "/tags"
	glProtectedBranches = "/projects/{id}/protected_branches"
	glProtectedTags     = "/projects/{id}/protected_tags"
)

var glRefRoutes = []glRoute{
	{"GET " + glBranches, "search regex sort page_token", 0, func(c *glCall) (int, any, error) {
		return glList(c, c.refNames("refs/heads/"), func(name string) any { return c.branchJSON(name) })
	}},
	{"POST " + glBranches, "branch! ref!", accessDeveloper, glCreateBranch},
	{"GET " + glBranches + "/{branch}", "", 0, onBranch(func(c *glCall, name string) (int, any, error) { return 200, c.branchJSON(name), nil })},
	{"DELETE " + glBranches + "/{branch}", "", accessDeveloper, onBranch(glDeleteBranch)},
	{"GET " + glTags, "search order_by:name|updated|version sort:asc|desc page_token", 0, func(c *glCall) (int, any, error) {
		list := c.refNames("refs/tags/")
		if c.text("sort") != "asc" {
			slices.Reverse(list)
		}
		return glList(c, list, func(name string) any { return c.tagJSON(name) })
	}},
	{"POST " + glTags, "tag_name! ref! message", accessDeveloper, glCreateTag},
	{"GET " + glTags + "/{tag_name}", "", 0, onTag(func(c *glCall, name string) (int, any, error) { return 200, c.tagJSON(name), nil })},
	{"DELETE " + glTags + "/{tag_name}", "", accessDeveloper, onTag(func(c *glCall, name string) (int, any, error) {
		if err := c.s.moveRef(c.repo, c.by, refChange{"refs/tags/" + name, c.repo.refs["refs/tags/"+name], zeroOID}); err != nil {
			return 0, nil, err
		}
		return 204, nil, nil
	})},
	{"GET " + glProtectedBranches, "search", accessMaintainer, func(c *glCall) (int, any, error) {
		return glList(c, c.repo.rules, func(ru rule) any { return c.protectedBranchJSON(ru) })
	}},
	{"POST " + glProtectedBranches, "name! push_access_level:0|30|40|60 merge_access_level:0|30|40|60 unprotect_access_level:30|40|60 allow_force_push:bool " +
		"code_owner_approval_required:bool", accessMaintainer, glProtectBranch},
	{"GET " + glProtectedBranches + "/{name}", "", accessMaintainer, onRule(func(c *glCall, i int) (int, any, error) {
		return 200, c.protectedBranchJSON(c.repo.rules[i]), nil
	})},
	{"PATCH " + glProtectedBranches + "/{name}", "allow_force_push:bool code_owner_approval_required:bool", accessMaintainer, onRule(func(c *glCall, i int) (int, any, error) {
		if c.has("allow_force_push") {
			c.repo.rules[i].AllowForcePush = c.flag("allow_force_push")
		}
		return 200, c.protectedBranchJSON(c.repo.rules[i]), nil
	})},
	{"DELETE " + glProtectedBranches + "/{name}", "", accessMaintainer, onRule(func(c *glCall, i int) (int, any, error) {
		c.repo.rules = slices.Delete(c.repo.rules, i, i+1)
		return 204, nil, nil
	})},
	{"GET " + glProtectedTags, "", accessMaintainer, func(c *glCall) (int, any, error) { return glList(c, c.repo.tagRules, protectedTagJSON) }},
	{"POST " + glProtectedTags, "name! create_access_level:0|30|40|60", accessMaintainer, glProtectTag},
	{"GET " + glProtectedTags + "/{name}", "", accessMaintainer, onTagRule(func(c *glCall, i int) (int, any, error) {
		return 200, protectedTagJSON(c.repo.tagRules[i]), nil
	})},
	{"DELETE " + glProtectedTags + "/{name}", "", accessMaintainer, onTagRule(func(c *glCall, i int) (int, any, error) {
		c.repo.tagRules = slices.Delete(c.repo.tagRules, i, i+1)
		return 204, nil, nil
	})},
}

// refNames are the branches or tags that a search asks for, by name.
func (c *glCall) refNames(prefix string) []string {
	var out []string
	search := c.text("search")
	for name := range c.repo.refs {
		short, ok := strings.CutPrefix(name, prefix)
		begin, starts := strings.CutPrefix(search, "^")
		if ok && (starts && strings.HasPrefix(short, begin) || !starts && strings.Contains(short, search)) {
			out = append(out, short)
		}
	}
	slices.Sort(out)
	return out
}

func onBranch(fn func(c *glCall, name string) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		name := c.req.PathValue("branch")
		if c.repo.branch(name) == "" {
			return 0, nil, notFoundOf("Branch")
		}
		return fn(c, name)
	}
}

func onTag(fn func(c *glCall, name string) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		name := c.req.PathValue("tag_name")
		if c.repo.refs["refs/tags/"+name] == "" {
			return 0, nil, notFoundOf("Tag")
		}
		return fn(c, name)
	}
}

func onRule(fn func(c *glCall, i int) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		i := slices.IndexFunc(c.repo.rules, func(ru rule) bool { return ru.pattern == c.req.PathValue("name") })
		if i < 0 {
			return 0, nil, notFoundOf("")
		}
		return fn(c, i)
	}
}

func onTagRule(fn func(c *glCall, i int) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		i := slices.IndexFunc(c.repo.tagRules, func(t tagRule) bool { return t.pattern == c.req.PathValue("name") })
		if i < 0 {
			return 0, nil, notFoundOf("")
		}
		return fn(c, i)
	}
}

func (c *glCall) branchJSON(name string) obj {
	rules := c.repo.branchRules(name)
	developers := func(level func(Protection) string) bool {
		return slices.ContainsFunc(rules, func(ru rule) bool { return level(ru.Protection) == "developer" })
	}
	tip := c.repo.branch(name)
	return obj{"name": name, "merged": name != c.repo.Default && c.repo.ancestor(tip, c.repo.branch(c.repo.Default)), "protected": len(rules) > 0,
		"default": name == c.repo.Default, "developers_can_push": developers(func(p Protection) string { return p.PushLevel }),
		"developers_can_merge": developers(func(p Protection) string { return p.MergeLevel }), "can_push": c.s.mayPushTo(c.repo, c.by, name),
		"web_url": c.s.url + "/" + c.repo.full() + "/-/tree/" + name, "commit": c.s.gitlabCommitJSON(c.repo, tip)}
}

func glCreateBranch(c *glCall) (int, any, error) {
	name := c.text("branch")
	if c.repo.branch(name) != "" {
		return 0, nil, refuse(http.StatusBadRequest, "Branch already exists")
	}
	if plumbing.NewBranchReferenceName(name).Validate() != nil {
		return 0, nil, refuse(http.StatusBadRequest, "Branch name is invalid")
	}
	from, err := c.repo.rev(c.text("ref"))
	if err != nil {
		return 0, nil, refuse(http.StatusBadRequest, "Invalid reference name: %s", c.text("ref"))
	}
	if err := c.s.moveRef(c.repo, c.by, refChange{"refs/heads/" + name, zeroOID, from.Hash.String()}); err != nil {
		return 0, nil, err
	}
	return 201, c.branchJSON(name), nil
}

func glDeleteBranch(c *glCall, name string) (int, any, error) {
	if name == c.repo.Default {
		return 0, nil, refuse(http.StatusMethodNotAllowed, "Cannot remove HEAD branch")
	}
	if err := c.s.moveRef(c.repo, c.by, refChange{"refs/heads/" + name, c.repo.branch(name), zeroOID}); err != nil {
		return 0, nil, err
	}
	return 204, nil, nil
}

func (c *glCall) tagJSON(name string) obj {
	sha := c.repo.refs["refs/tags/"+name]
	message, created := any(""), any(nil)
	if t, err := object.GetTag(c.repo.store, plumbing.NewHash(sha)); err == nil {
		message, created = strings.TrimSuffix(t.Message, "\n"), commitTime(t.Tagger.When)
	}
	return obj{"name": name, "message": message, "target": sha, "commit": c.s.gitlabCommitJSON(c.repo, c.repo.peel(sha)), "release": nil,
		"protected": c.repo.tagProtected(name), "created_at": created}
}

// glCreateTag makes a tag; with a message it is annotated, and never signed.
func glCreateTag(c *glCall) (int, any, error) {
	name := c.text("tag_name")
	if c.repo.refs["refs/tags/"+name] != "" {
		return 0, nil, refuse(http.StatusBadRequest, "Tag %s already exists", name)
	}
	to, err := c.repo.rev(c.text("ref"))
	if err != nil {
		return 0, nil, refuse(http.StatusBadRequest, "Target %s is invalid", c.text("ref"))
	}
	if !c.s.mayTag(c.repo, c.by, name) {
		return 0, nil, refuse(http.StatusBadRequest, "You are not allowed to create this tag as it is protected.")
	}
	sha := to.Hash.String()
	if message := c.text("message"); message != "" {
		t := &object.Tag{Name: name, Tagger: *c.s.person(c.by.account), Message: message + "\n", TargetType: plumbing.CommitObject, Target: to.Hash}
		h, err := c.repo.write(t.Encode)
		if err != nil {
			return 0, nil, err
		}
		sha = h.String()
	}
	if err := c.s.moveRef(c.repo, c.by, refChange{"refs/tags/" + name, zeroOID, sha}); err != nil {
		return 0, nil, err
	}
	return 201, c.tagJSON(name), nil
}

// levelNumbers are the protections' levels as REST writes them.
var levelNumbers = map[string]int{"none": 0, "developer": accessDeveloper, "maintainer": accessMaintainer, "": accessMaintainer}

func levelsJSON(level string) []any {
	words := map[int]string{0: "No one", accessDeveloper: "Developers + Maintainers", accessMaintainer: "Maintainers"}
	n := levelNumbers[level]
	return []any{obj{"id": n + 1, "access_level": n, "access_level_description": words[n], "user_id": nil, "group_id": nil, "deploy_key_id": nil}}
}

// levelFrom reads a level of REST; without one it is the Maintainers'. Administrators are not known here.
func levelFrom(text string) string {
	return map[string]string{"0": "none", "60": "none", "30": "developer"}[text]
}

func (c *glCall) protectedBranchJSON(ru rule) obj {
	i := slices.IndexFunc(c.repo.rules, func(x rule) bool { return x.pattern == ru.pattern })
	return obj{"id": c.repo.ID*1000 + int64(i), "name": ru.pattern, "push_access_levels": levelsJSON(ru.PushLevel),
		"merge_access_levels": levelsJSON(ru.MergeLevel), "unprotect_access_levels": []any{}, "allow_force_push": ru.AllowForcePush,
		"code_owner_approval_required": false, "inherited": false}
}

func glProtectBranch(c *glCall) (int, any, error) {
	name := c.text("name")
	if slices.ContainsFunc(c.repo.rules, func(ru rule) bool { return ru.pattern == name }) {
		return 0, nil, refuse(http.StatusConflict, "Protected branch '%s' already exists", name)
	}
	if c.flag("code_owner_approval_required") && !c.repo.settings.Licensed {
		return 0, nil, errForbidden
	}
	ru := rule{name, Protection{PushLevel: levelFrom(c.text("push_access_level")), MergeLevel: levelFrom(c.text("merge_access_level")),
		AllowForcePush: c.flag("allow_force_push")}}
	c.repo.rules = append(c.repo.rules, ru)
	return 201, c.protectedBranchJSON(ru), nil
}

func protectedTagJSON(t tagRule) any {
	return obj{"name": t.pattern, "create_access_levels": levelsJSON(t.create)}
}

func glProtectTag(c *glCall) (int, any, error) {
	name := c.text("name")
	if slices.ContainsFunc(c.repo.tagRules, func(t tagRule) bool { return t.pattern == name }) {
		return 0, nil, refuse(http.StatusConflict, "Protected tag '%s' already exists", name)
	}
	t := tagRule{name, cmp.Or(levelFrom(c.text("create_access_level")), "maintainer")}
	c.repo.tagRules = append(c.repo.tagRules, t)
	return 201, protectedTagJSON(t), nil
}
