package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"
)

// mergeability is "MERGEABLE", "CONFLICTING", or "UNKNOWN" while the host pretends to compute it.
func (p *pull) mergeability() string {
	if !p.open() {
		return "UNKNOWN"
	}
	if p.computing > 0 {
		p.computing--
		return "UNKNOWN"
	}
	if _, err := p.repo.mergeCommits(p.repo.branch(p.BaseRef), p.HeadSHA); err != nil {
		return "CONFLICTING"
	}
	return "MERGEABLE"
}

// mergePull merges if sha, when given, is still the head, and nothing blocks the merge.
func (s *Sandbox) mergePull(p *pull, by actor, method, title, message, sha string) error {
	r := p.repo
	no := func(format string, args ...any) error { return refuse(http.StatusMethodNotAllowed, format, args...) }
	switch {
	case p.merged():
		return no("Pull Request is not mergeable")
	case p.Closed:
		return no("Pull Request is closed")
	case p.Draft:
		return no("Pull Request is still a draft")
	case sha != "" && sha != p.HeadSHA:
		return refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	switch p.mergeability() {
	case "UNKNOWN":
		return no("Base branch was modified. Review and try the merge again.")
	case "CONFLICTING":
		return no("Pull Request is not mergeable")
	}
	if why := s.guardMerge(p, by); len(why) > 0 {
		return no("%s", strings.Join(why, " "))
	}
	ru := r.rule("refs/heads/" + p.BaseRef)
	if method == "" {
		method = "merge"
	}
	if method == "merge" && ru != nil && ru.LinearHistory {
		return no("Merge commits are not allowed on this repository.")
	}
	base := r.branch(p.BaseRef)
	tip, err := s.mergeCommit(p, by, method, title, message)
	if err != nil {
		return err
	}
	// Closed first, so that the moving base does not find an open pull request to close by itself.
	p.Closed, p.MergedAt, p.ClosedAt, p.Updated = true, s.now(), s.now(), s.now()
	p.MergeSHA, p.MergedBy, p.BaseSHA = tip, by.account, base
	if err := s.moveRefUnguarded(r, by, refChange{"refs/heads/" + p.BaseRef, base, tip}, "pr_merge"); err != nil {
		return err
	}
	s.emitPull(p, by, "closed", nil)
	return nil
}

// mergedAs notes that a pull request was merged by a push.
func (s *Sandbox) mergedAs(p *pull, by actor, tip string) {
	p.Closed, p.MergedAt, p.ClosedAt, p.Updated = true, s.now(), s.now(), s.now()
	p.MergeSHA, p.MergedBy = tip, by.account
	s.emitPull(p, by, "closed", nil)
}

// mergeCommit makes the commits of a merge and returns the new tip.
func (s *Sandbox) mergeCommit(p *pull, by actor, method, title, message string) (string, error) {
	r, base := p.repo, p.repo.branch(p.BaseRef)
	cmp, err := p.compare()
	if err != nil {
		return "", err
	}
	if method == "rebase" {
		return s.rebase(r, by, base, cmp.Commits)
	}
	tree, err := r.mergeCommits(base, p.HeadSHA)
	if err != nil {
		return "", err
	}
	n := newCommit{Tree: tree, Parents: []string{base, p.HeadSHA}}
	if title == "" {
		title = fmt.Sprintf("Merge pull request #%d from %s/%s", p.Number, r.Owner.Login, p.HeadRef)
		if message == "" {
			message = p.Title
		}
	}
	if method == "squash" {
		n.Parents = []string{base}
		n.Author = s.person(p.Author)
		if strings.HasPrefix(title, "Merge pull request #") {
			title, message = fmt.Sprintf("%s (#%d)", p.Title, p.Number), ""
		}
		message = strings.TrimSpace(message + "\n\n" + s.coauthors(p, cmp))
	}
	n.Message = strings.TrimSpace(title+"\n\n"+message) + "\n"
	return s.makeCommit(r, by.account, n)
}

// coauthors credits everyone whose commits a squash folds away.
func (s *Sandbox) coauthors(p *pull, cmp *compare) string {
	var lines []string
	for _, sha := range cmp.Commits {
		c, err := p.repo.commit(sha)
		if err != nil {
			continue
		}
		for _, a := range s.authors(c) {
			line := fmt.Sprintf("Co-authored-by: %s <%s>", a.Name, a.Email)
			if a.Account != p.Author && !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// rebase replays commits on a base, keeping their authors.
func (s *Sandbox) rebase(r *repo, by actor, base string, commits []string) (string, error) {
	for _, sha := range commits {
		c, err := r.commit(sha)
		if err != nil {
			return "", err
		}
		if c.NumParents() != 1 {
			return "", refuse(http.StatusMethodNotAllowed, "This branch can't be rebased")
		}
		parent, err := c.Parent(0)
		if err != nil {
			return "", err
		}
		onto, err := r.commit(base)
		if err != nil {
			return "", err
		}
		tree, err := r.mergeTrees(parent.TreeHash, onto.TreeHash, c.TreeHash)
		if err != nil {
			return "", refuse(http.StatusMethodNotAllowed, "This branch can't be rebased due to conflicts")
		}
		author := c.Author
		committer := s.person(by.account)
		base, err = s.makeCommit(r, by.account, newCommit{Tree: tree, Parents: []string{base}, Message: c.Message,
			Author: &object.Signature{Name: author.Name, Email: author.Email, When: author.When}, Committer: committer})
		if err != nil {
			return "", err
		}
	}
	return base, nil
}
