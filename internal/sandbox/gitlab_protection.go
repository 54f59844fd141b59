package sandbox

import (
	"net/http"
	"regexp"
	"strings"
)

// matchesWildcard compares a name with a pattern of GitLab, where "*" stands for anything.
func matchesWildcard(pattern, name string) bool {
	if pattern == name {
		return true
	}
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(name)
}

// branchRules are the protections of a branch. Where several match, GitLab goes by the most permissive.
func (r *repo) branchRules(branch string) []rule {
	var out []rule
	for _, ru := range r.rules {
		if matchesWildcard(strings.TrimPrefix(ru.pattern, "refs/heads/"), branch) {
			out = append(out, ru)
		}
	}
	return out
}

// may reports whether somebody's level is enough for one of the rules, or for an unprotected branch.
func (s *Sandbox) may(r *repo, by actor, branch string, level func(Protection) string) bool {
	have := s.access(by.account, r)
	rules := r.branchRules(branch)
	if len(rules) == 0 {
		return have >= accessDeveloper
	}
	for _, ru := range rules {
		if have >= pushLevels[level(ru.Protection)] {
			return true
		}
	}
	return false
}

func (s *Sandbox) mayPushTo(r *repo, by actor, branch string) bool {
	return s.may(r, by, branch, func(p Protection) string { return p.PushLevel })
}

func (s *Sandbox) mayMerge(r *repo, by actor, branch string) bool {
	return s.mayPushTo(r, by, branch) || s.may(r, by, branch, func(p Protection) string { return p.MergeLevel })
}

// mayUpdateRef: pipelines of a protected ref are for those who may push or merge there.
func (s *Sandbox) mayUpdateRef(r *repo, by actor, ref string) bool {
	if r.branch(ref) != "" {
		return s.mayMerge(r, by, ref)
	}
	return s.mayTag(r, by, ref)
}

// mayTag reports whether somebody may create a tag.
func (s *Sandbox) mayTag(r *repo, by actor, tag string) bool {
	have, protected := s.access(by.account, r), false
	for _, t := range r.tagRules {
		if matchesWildcard(t.pattern, tag) {
			protected = true
			if have >= pushLevels[t.create] {
				return true
			}
		}
	}
	return !protected && have >= accessDeveloper
}

func (r *repo) tagProtected(tag string) bool {
	for _, t := range r.tagRules {
		if matchesWildcard(t.pattern, tag) {
			return true
		}
	}
	return false
}

// guardGitLab says why a ref must not move, in the words of GitLab's git hook, or nil.
func (s *Sandbox) guardGitLab(r *repo, by actor, c refChange) error {
	why := ""
	if branch, ok := cutHeads(c.Ref); ok {
		why = s.guardBranch(r, by, branch, c)
	} else if tag, ok := strings.CutPrefix(c.Ref, "refs/tags/"); ok {
		why = s.guardTag(r, by, tag, c)
	} else {
		why = "You are not allowed to update this ref."
	}
	if why == "" {
		return nil
	}
	return refuse(http.StatusForbidden, "%s", why)
}

func (s *Sandbox) guardBranch(r *repo, by actor, branch string, c refChange) string {
	rules := r.branchRules(branch)
	force := false
	for _, ru := range rules {
		force = force || ru.AllowForcePush
	}
	switch {
	case len(rules) == 0 && s.access(by.account, r) < accessDeveloper:
		return "You are not allowed to push code to this project."
	case len(rules) == 0:
		return ""
	case c.New == zeroOID:
		return "You can only delete protected branches using the web interface."
	case !s.mayPushTo(r, by, branch):
		return "You are not allowed to push code to protected branches on this project."
	case c.Old != zeroOID && !force && !r.ancestor(c.Old, c.New):
		return "You are not allowed to force push code to a protected branch on this project."
	}
	return ""
}

func (s *Sandbox) guardTag(r *repo, by actor, tag string, c refChange) string {
	protected := r.tagProtected(tag)
	switch {
	case c.New == zeroOID && protected:
		return "You can only delete protected tags using the web interface."
	case c.Old != zeroOID && c.New != zeroOID && protected:
		return "Protected tags cannot be updated."
	case c.Old != zeroOID && s.access(by.account, r) < accessMaintainer:
		return "You are not allowed to change existing tags on this project."
	case c.Old == zeroOID && !s.mayTag(r, by, tag):
		return "You are not allowed to create this tag as it is protected."
	}
	return ""
}
