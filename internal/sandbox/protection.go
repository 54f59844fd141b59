package sandbox

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Protection is a branch protection rule. Deletions are always refused, and nobody is exempt,
// administrators included ("do not allow bypassing the above settings").
type Protection struct {
	RequiredChecks []RequiredCheck
	UpToDate       bool     // a merge needs the base branch to be contained in the head
	RequireReviews int      // approving reviews of people who may write, none of them dismissed
	DismissStale   bool     // a push dismisses the approvals
	RestrictPush   []string // if not empty: only these logins, App slugs and "org/team" push here
	AllowForcePush bool
	LinearHistory  bool

	// On GitLab, where of the above only AllowForcePush counts: who may push and who may merge, as
	// "none", "developer" or "maintainer"; empty is "maintainer".
	PushLevel, MergeLevel string
}

// RequiredCheck is a status that must be green. With an AppID only that App's check runs count.
type RequiredCheck struct {
	Context string
	AppID   int64 // 0: any source
}

// rule is a protection and the branches that it is for.
type rule struct {
	pattern string // as path.Match; the full ref if it starts with "refs/"
	Protection
}

// rule finds the protection of a ref; an exact name wins over a pattern, then the older rule.
func (r *repo) rule(ref string) *rule {
	name := strings.TrimPrefix(ref, "refs/heads/")
	var found *rule
	for i := range r.rules {
		p := r.rules[i].pattern
		if p == name || p == ref {
			return &r.rules[i]
		}
		if ok, _ := path.Match(p, name); ok && found == nil {
			found = &r.rules[i]
		}
	}
	return found
}

// mayPush reports whether an actor is on a rule's push list.
func (s *Sandbox) mayPush(by actor, ru *rule) bool {
	return len(ru.RestrictPush) == 0 || slices.ContainsFunc(ru.RestrictPush, func(who string) bool {
		if by.app != nil {
			return who == by.app.Slug
		}
		t := s.team(who)
		return strings.EqualFold(who, by.account.Login) || t != nil && t.has(by.account)
	})
}

// guardPush says why a ref must not move, or nil. Merges of pull requests go through guardMerge.
func (s *Sandbox) guardPush(r *repo, by actor, c refChange) error {
	if s.dialect == GitLab {
		return s.guardGitLab(r, by, c)
	}
	ru := r.rule(c.Ref)
	if ru == nil {
		return nil
	}
	var why string
	switch {
	case !s.mayPush(by, ru):
		why = "You're not authorized to push to this branch."
	case c.New == zeroOID:
		why = "Cannot delete this protected branch"
	case c.Old == zeroOID:
		return nil
	case !ru.AllowForcePush && !r.ancestor(c.Old, c.New):
		why = "Cannot force-push to this protected branch"
	case ru.RequireReviews > 0:
		why = "Changes must be made through a pull request."
	case ru.LinearHistory && r.hasMerges(c.Old, c.New):
		why = "This branch must not contain merge commits."
	default:
		if missing := r.unmet(ru, c.New); len(missing) > 0 {
			why = missing[0]
		}
	}
	if why == "" {
		return nil
	}
	return refuse(http.StatusUnprocessableEntity, "Protected branch update failed for %s. %s", c.Ref, why)
}

// guardMerge lists what still blocks a merge, in the host's words.
func (s *Sandbox) guardMerge(p *pull, by actor) []string {
	if s.dialect == GitLab {
		return s.blockedMR(p, by)
	}
	r := p.repo
	ru := r.rule("refs/heads/" + p.BaseRef)
	if ru == nil {
		return nil
	}
	var why []string
	if !s.mayPush(by, ru) {
		why = append(why, "You're not authorized to push to this branch.")
	}
	if ru.RequireReviews > 0 {
		approvals := 0
		for _, v := range p.votes() {
			switch {
			case s.level(v.Author, r) < levels["write"]:
			case v.State == "CHANGES_REQUESTED":
				why = append(why, "Changes have been requested.")
			case v.State == "APPROVED":
				approvals++
			}
		}
		if approvals < ru.RequireReviews {
			noun := "review is"
			if ru.RequireReviews > 1 {
				noun = "reviews are"
			}
			why = append(why, fmt.Sprintf("At least %d approving %s required by reviewers with write access.", ru.RequireReviews, noun))
		}
	}
	if ru.UpToDate && !r.ancestor(r.branch(p.BaseRef), p.HeadSHA) {
		why = append(why, "The head branch is not up to date with the base branch.")
	}
	return append(why, r.unmet(ru, p.HeadSHA)...)
}

// votes is the newest vote of each reviewer: comments do not replace an earlier vote.
func (p *pull) votes() []*review {
	var out []*review
	for _, v := range slices.Backward(p.Reviews) {
		if v.State != "COMMENTED" && !slices.ContainsFunc(out, func(o *review) bool { return o.Author == v.Author }) {
			out = append(out, v)
		}
	}
	return out
}

// unmet lists the required checks that a commit lacks.
func (r *repo) unmet(ru *rule, sha string) []string {
	var why []string
	for _, c := range ru.RequiredChecks {
		if state := r.checkState(sha, c); state != "success" {
			why = append(why, fmt.Sprintf("Required status check %q is %s.", c.Context, state))
		}
	}
	return why
}

// checkState is "success", "failing", "pending" or, when nobody reported, "expected". Where several
// Apps report under one name, all must be green.
func (r *repo) checkState(sha string, want RequiredCheck) string {
	latest := map[int64]string{}
	for _, c := range r.checks {
		if c.HeadSHA != sha || c.Name != want.Context || want.AppID != 0 && c.app.ID != want.AppID {
			continue
		}
		switch {
		case c.Status != "completed":
			latest[c.app.ID] = "pending"
		case c.Conclusion == "success", c.Conclusion == "neutral", c.Conclusion == "skipped":
			latest[c.app.ID] = "success"
		default:
			latest[c.app.ID] = "failing"
		}
	}
	for _, st := range r.statuses {
		if st.SHA != sha || st.Context != want.Context || want.AppID != 0 && (st.app == nil || st.app.ID != want.AppID) {
			continue
		}
		const people = -1 // all statuses of one context replace each other
		switch st.State {
		case "success", "pending":
			latest[people] = st.State
		default:
			latest[people] = "failing"
		}
	}
	state := "expected"
	for _, got := range latest {
		if state == "expected" || got == "failing" || got == "pending" && state == "success" {
			state = got
		}
	}
	return state
}

func (r *repo) hasMerges(old, sha string) bool {
	out, err := r.run("rev-list", "--merges", "--max-count=1", old+".."+sha)
	return err != nil || len(out) > 0
}
