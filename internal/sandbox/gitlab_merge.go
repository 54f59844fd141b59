package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// mergeIn is how a merge request is to be merged.
type mergeIn struct {
	SHA                    string // the head that the merge is for; empty: whichever it is
	Squash                 bool
	Message, SquashMessage string
	RemoveSource           bool
}

// mergeStatus is GitLab's detailed_merge_status: "mergeable", or the first thing in the way.
func (s *Sandbox) mergeStatus(p *pull) string {
	set := p.repo.settings
	pl := p.headPipeline()
	switch {
	case !p.open():
		return "not_open"
	case p.computing > 0:
		p.computing--
		return "checking"
	case p.Draft:
		return "draft_status"
	case set.PipelinesMustSucceed && pl == nil:
		return "ci_must_pass"
	case set.PipelinesMustSucceed && slices.Contains([]string{"pending", "running"}, pl.status()):
		return "ci_still_running"
	case set.PipelinesMustSucceed && pl.status() != "success":
		return "ci_must_pass"
	case set.ThreadsMustBeResolved && p.unresolved() > 0:
		return "discussions_not_resolved"
	case set.Licensed && len(p.Objectors) > 0:
		return "requested_changes"
	}
	base := p.repo.branch(p.BaseRef)
	if p.repo.ancestor(p.HeadSHA, base) {
		return "commits_status"
	}
	if (set.MergeMethod == "ff" || set.MergeMethod == "rebase_merge") && !p.repo.ancestor(base, p.HeadSHA) {
		return "need_rebase"
	}
	if _, err := p.repo.mergeCommits(base, p.HeadSHA); err != nil {
		return "conflict"
	}
	return "mergeable"
}

// mergeReasons are the words for what is in the way, for people.
var mergeReasons = map[string]string{
	"not_open": "The merge request is not open.", "checking": "GitLab is checking whether it can be merged.",
	"draft_status": "The merge request is a draft.", "ci_must_pass": "A pipeline must succeed.",
	"ci_still_running": "The pipeline has not finished.", "discussions_not_resolved": "All threads must be resolved.",
	"requested_changes": "Changes were requested.", "commits_status": "There are no commits to merge.",
	"need_rebase": "The source branch must be rebased.", "conflict": "There are conflicts.",
}

// blockedMR lists what keeps an actor from merging, in sentences.
func (s *Sandbox) blockedMR(p *pull, by actor) []string {
	var why []string
	if !s.mayMerge(p.repo, by, p.BaseRef) {
		why = append(why, "You are not allowed to merge into this branch.")
	}
	if status := s.mergeStatus(p); status != "mergeable" {
		why = append(why, mergeReasons[status])
	}
	return why
}

// mergeMR merges, and refuses in GitLab's order: who may, what is in the way, conflicts, the head.
func (s *Sandbox) mergeMR(p *pull, by actor, in mergeIn) error {
	r := p.repo
	if !s.mayMerge(r, by, p.BaseRef) {
		return errUnauthorized
	}
	switch s.mergeStatus(p) {
	case "mergeable":
	case "conflict", "need_rebase", "commits_status":
		return refuse(http.StatusUnprocessableEntity, "Branch cannot be merged")
	default:
		return refuse(http.StatusMethodNotAllowed, "405 Method Not Allowed")
	}
	if in.SHA != "" && in.SHA != p.HeadSHA {
		return refuse(http.StatusConflict, "SHA does not match HEAD of source branch: %s", p.HeadSHA)
	}
	base := r.branch(p.BaseRef)
	tip, err := s.mergeTip(p, by, in)
	if err != nil {
		return err
	}
	// Closed first, so that the moving base does not find an open merge request to close by itself.
	p.Closed = true
	if err := s.moveRefUnguarded(r, by, refChange{"refs/heads/" + p.BaseRef, base, tip}, "push"); err != nil {
		p.Closed = false
		return err
	}
	s.markMerged(p, by, tip)
	if in.RemoveSource && s.guardPush(r, by, refChange{"refs/heads/" + p.HeadRef, p.HeadSHA, zeroOID}) == nil {
		return s.moveRefUnguarded(r, by, refChange{"refs/heads/" + p.HeadRef, p.HeadSHA, zeroOID}, "branch_deletion")
	}
	return nil
}

// mergeTip makes the commits of a merge and returns the target's new tip.
func (s *Sandbox) mergeTip(p *pull, by actor, in mergeIn) (string, error) {
	r, base, head := p.repo, p.repo.branch(p.BaseRef), p.HeadSHA
	if in.Squash {
		squashed, err := s.squash(p, by, in)
		if err != nil {
			return "", err
		}
		head, p.SquashSHA = squashed, squashed
	}
	if r.settings.MergeMethod == "ff" {
		return head, nil
	}
	tree, err := r.mergeCommits(base, p.HeadSHA)
	if err != nil {
		return "", refuse(http.StatusUnprocessableEntity, "Branch cannot be merged")
	}
	message := in.Message
	if message == "" {
		message = fmt.Sprintf("Merge branch '%s' into '%s'\n\n%s\n\nSee merge request %s!%d", p.HeadRef, p.BaseRef, p.Title, r.full(), p.Number)
	}
	return s.makeCommit(r, by.account, newCommit{Tree: tree, Parents: []string{base, head}, Message: strings.TrimSpace(message)})
}

// squash folds the merge request's commits into one, of its author, on the merge base.
func (s *Sandbox) squash(p *pull, by actor, in mergeIn) (string, error) {
	c, err := p.compare()
	if err != nil {
		return "", err
	}
	head, err := p.repo.commit(p.HeadSHA)
	if err != nil {
		return "", err
	}
	message := in.SquashMessage
	if message == "" {
		message = p.Title
	}
	return s.makeCommit(p.repo, by.account, newCommit{Tree: head.TreeHash, Parents: []string{c.MergeBase}, Message: strings.TrimSpace(message),
		Author: s.person(p.Author), Committer: s.person(by.account)})
}
