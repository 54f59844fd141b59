package sandbox

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// refChange is one ref going from Old to New; zeroOID stands for "not there".
type refChange struct{ Ref, Old, New string }

// moveRef moves a ref if it still is where the caller saw it and the protection allows it, and lets
// everything that depends on it follow: pull requests, the activity log, webhooks.
func (s *Sandbox) moveRef(r *repo, by actor, c refChange) error {
	if err := s.guardPush(r, by, c); err != nil {
		return err
	}
	kind := "push"
	switch {
	case c.Old == zeroOID:
		kind = "branch_creation"
	case c.New == zeroOID:
		kind = "branch_deletion"
	case !r.ancestor(c.Old, c.New):
		kind = "force_push"
	}
	return s.moveRefUnguarded(r, by, c, kind)
}

// moveRefUnguarded is moveRef for whoever has checked the protection already.
func (s *Sandbox) moveRefUnguarded(r *repo, by actor, c refChange, kind string) error {
	was := r.refs[c.Ref]
	if was == "" {
		was = zeroOID
	}
	if was != c.Old {
		return refuse(http.StatusConflict, "%s is at %s but expected %s", c.Ref, was, c.Old)
	}
	if plumbing.ReferenceName(c.Ref).Validate() != nil ||
		!strings.HasPrefix(c.Ref, "refs/heads/") && !strings.HasPrefix(c.Ref, "refs/tags/") {
		return refuse(http.StatusUnprocessableEntity, "%s is not a valid ref name.", c.Ref)
	}
	to := c.New
	if to == zeroOID {
		to = ""
		if c.Ref == "refs/heads/"+r.Default {
			return refuse(http.StatusUnprocessableEntity, "refusing to delete the current branch: %s", c.Ref)
		}
	} else if k := r.kind(to); k == "" || strings.HasPrefix(c.Ref, "refs/heads/") && k != "commit" {
		return refuse(http.StatusUnprocessableEntity, "Object does not exist")
	}
	for name := range r.refs {
		if to != "" && (strings.HasPrefix(name, c.Ref+"/") || strings.HasPrefix(c.Ref, name+"/")) {
			return refuse(http.StatusUnprocessableEntity, "cannot lock ref '%s': '%s' exists", c.Ref, name)
		}
	}
	if err := r.setRef(c.Ref, to); err != nil {
		return err
	}
	r.pushed = s.now()
	s.emitPush(r, by.account, c, kind == "force_push")
	branch, ok := strings.CutPrefix(c.Ref, "refs/heads/")
	if !ok {
		return nil
	}
	r.activity = append(r.activity, &activity{ID: s.id(), Before: c.Old, After: c.New, Ref: c.Ref, Type: kind, Actor: by.account, At: s.now()})
	for _, p := range r.openPulls() {
		switch branch {
		case p.HeadRef:
			if err := s.headMoved(p, by, c); err != nil {
				return err
			}
		case p.BaseRef:
			s.baseMoved(p, by, c)
		}
	}
	return nil
}

func (s *Sandbox) headMoved(p *pull, by actor, c refChange) error {
	if s.dialect == GitLab {
		return s.mrHeadMoved(p, by, c)
	}
	if c.New == zeroOID {
		s.closePull(p, by)
		return nil
	}
	p.HeadSHA, p.BaseSHA, p.Updated = c.New, p.repo.branch(p.BaseRef), s.now()
	p.computing = s.Faults.uncertain()
	if err := p.repo.setRef(p.headRefName(), c.New); err != nil {
		return err
	}
	s.emit(p.repo, "pull_request", by.account, obj{"action": "synchronize", "number": p.Number,
		"pull_request": s.hookPull(p), "before": c.Old, "after": c.New})
	if ru := p.repo.rule("refs/heads/" + p.BaseRef); ru != nil && ru.DismissStale {
		for _, v := range p.votes() {
			if v.State == "APPROVED" {
				s.dismissed(p, v, by.account)
			}
		}
	}
	s.askOwners(p, by)
	return nil
}

func (s *Sandbox) baseMoved(p *pull, by actor, c refChange) {
	if s.dialect == GitLab {
		s.mrBaseMoved(p, by, c)
		return
	}
	p.computing = s.Faults.uncertain()
	if c.New == zeroOID {
		s.closePull(p, by)
	} else if moved, err := p.repo.git.compare(c.Old, c.New); err == nil && slices.Contains(moved.Commits, p.HeadSHA) {
		s.mergedAs(p, by, c.New) // somebody pushed the merge: the host notices
	}
}
