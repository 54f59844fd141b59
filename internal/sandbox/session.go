package sandbox

import (
	"fmt"
	"net/http"

	"github.com/go-git/go-git/v5/plumbing"
)

// Session acts as one user, under the same rules as the API: what the host refuses is an *Error.
type Session struct {
	s     *Sandbox
	login string
}

// As is a session of a user.
func (s *Sandbox) As(login string) Session { return Session{s, login} }

// on runs an action on a pull request, if the user may do it.
func (u Session) on(full string, number int, n need, do func(p *pull, by actor) error) error {
	return u.in(full, n, func(r *repo, by actor) error {
		p := r.pulls[number]
		if p == nil {
			return errNotFound
		}
		return do(p, by)
	})
}

func (u Session) in(full string, n need, do func(r *repo, by actor) error) error {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	a, r := u.s.account(u.login), u.s.repoByFull(full)
	if a == nil || a.Type != kindUser {
		return fmt.Errorf("sandbox: no user %q", u.login)
	}
	if r == nil {
		return errNotFound
	}
	by := actor{token: &token{account: a}}
	if err := u.s.allow(by, r, n); err != nil {
		return err
	}
	return do(r, by)
}

// Commit puts one commit with files on a branch, which is made from the default branch if it is not
// there. A nil content deletes the file. It returns the commit's id.
func (u Session) Commit(full, branch, message string, files map[string][]byte) (sha string, err error) {
	err = u.in(full, writeGit, func(r *repo, by actor) error {
		tip, old := r.branch(branch), r.branch(branch)
		if tip == "" {
			tip, old = r.branch(r.Default), zeroOID
		}
		parent, err := r.commit(tip)
		if err != nil {
			return err
		}
		var edits []edit
		for path, data := range files {
			x := edit{Path: path, Mode: 0o100644}
			if data != nil {
				if x.Hash, err = r.writeBlob(data); err != nil {
					return err
				}
			}
			edits = append(edits, x)
		}
		var tree plumbing.Hash
		if tree, err = r.editTree(parent.TreeHash, edits); err != nil {
			return err
		}
		who := u.s.person(by.account)
		if sha, err = u.s.makeCommit(r, by.account, newCommit{Tree: tree, Parents: []string{tip}, Message: message + "\n", Author: who, Committer: who}); err != nil {
			return err
		}
		return u.s.moveRef(r, by, refChange{"refs/heads/" + branch, old, sha})
	})
	return sha, err
}

// Open opens a pull request and returns its number.
func (u Session) Open(full, title, body, head, base string, draft bool) (number int, err error) {
	err = u.in(full, writePulls, func(r *repo, by actor) error {
		open := u.s.openPull
		if u.s.dialect == GitLab {
			open = u.s.openByHand
		}
		p, err := open(r, by, title, body, head, base, draft)
		if err == nil {
			number = p.Number
		}
		return err
	})
	return number, err
}

// Comment comments and returns the comment's id.
func (u Session) Comment(full string, number int, body string) (id int64, err error) {
	err = u.on(full, number, talk, func(p *pull, by actor) error {
		var c *comment
		var err error
		if u.s.dialect == GitLab {
			c, err = u.s.addNote(p, by, body, nil)
		} else {
			c, err = u.s.addComment(p, by, body)
		}
		if err == nil {
			id = c.ID
		}
		return err
	})
	return id, err
}

// EditComment changes a comment; DeleteComment removes it.
func (u Session) EditComment(full string, number int, id int64, body string) error {
	return u.on(full, number, talk, func(p *pull, by actor) error {
		if c := p.comment(id); c != nil && u.s.dialect == GitLab {
			return u.s.editNote(c, by, body)
		} else if c != nil {
			return u.s.editComment(c, by, body)
		}
		return errNotFound
	})
}

// DeleteComment removes a comment.
func (u Session) DeleteComment(full string, number int, id int64) error {
	return u.on(full, number, talk, func(p *pull, by actor) error {
		if c := p.comment(id); c != nil && u.s.dialect == GitLab {
			return u.s.deleteNote(c, by)
		} else if c != nil {
			return u.s.deleteComment(c, by)
		}
		return errNotFound
	})
}

// Review reviews the head, or the commit if one is named; event is APPROVE, REQUEST_CHANGES or
// COMMENT. It returns the review's id.
func (u Session) Review(full string, number int, event, body, commit string) (id int64, err error) {
	err = u.on(full, number, talkPulls, func(p *pull, by actor) error {
		if u.s.dialect == GitLab {
			id, err = u.s.reviewMR(p, by, event, body, commit)
			return err
		}
		v, err := u.s.submitReview(p, by, event, body, commit)
		if err == nil {
			id = v.ID
		}
		return err
	})
	return id, err
}

// Dismiss dismisses a review. On GitLab nobody can but the approver, whose approval it takes back.
func (u Session) Dismiss(full string, number int, id int64) error {
	if u.s.dialect == GitLab {
		return u.Unapprove(full, number)
	}
	return u.on(full, number, writePulls, func(p *pull, by actor) error {
		if v := p.review(id); v != nil {
			return u.s.dismissReview(p, by, v)
		}
		return errNotFound
	})
}

// Merge merges by "merge", "squash" or "rebase", if the head still is sha (empty: whatever it is).
func (u Session) Merge(full string, number int, method, sha string) error {
	return u.on(full, number, writeGit, func(p *pull, by actor) error {
		if u.s.dialect == GitLab {
			return u.s.mergeMR(p, by, mergeIn{SHA: sha, Squash: method == "squash", RemoveSource: p.repo.settings.RemoveSourceBranch})
		}
		return u.s.mergePull(p, by, method, "", "", sha)
	})
}

// SetState closes ("closed") or reopens ("open").
func (u Session) SetState(full string, number int, state string) error {
	return u.edit(full, number, pullEdit{State: &state})
}

// Retarget changes the base branch.
func (u Session) Retarget(full string, number int, base string) error {
	return u.edit(full, number, pullEdit{Base: &base})
}

// Rename changes title and description.
func (u Session) Rename(full string, number int, title, body string) error {
	return u.edit(full, number, pullEdit{Title: &title, Body: &body})
}

func (u Session) edit(full string, number int, e pullEdit) error {
	return u.on(full, number, talkPulls, func(p *pull, by actor) error {
		if u.s.dialect == GitLab {
			return u.s.editByHand(p, by, e)
		}
		if by.account != p.Author && u.s.level(by.account, p.repo) < levels["write"] {
			return errNotAllowed
		}
		return u.s.editPull(p, by, e)
	})
}

// SetDraft makes a pull request a draft, or ready for review.
func (u Session) SetDraft(full string, number int, draft bool) error {
	return u.on(full, number, talkPulls, func(p *pull, by actor) error {
		if by.account != p.Author && u.s.level(by.account, p.repo) < levels["write"] {
			return errNotAllowed
		}
		if u.s.dialect == GitLab {
			return u.s.draftByHand(p, by, draft)
		}
		u.s.setDraft(p, by, draft)
		return nil
	})
}

// Rerun asks the App of a check run to run it again.
func (u Session) Rerun(full string, check int64) error {
	return u.in(full, need{user: "write"}, func(r *repo, by actor) error {
		c := checkByID(r, check)
		if c == nil {
			return refuse(http.StatusNotFound, "no check run %d", check)
		}
		u.s.emitTo(c.app, r, "check_run", by.account, obj{"action": "rerequested", "check_run": u.s.checkJSON(c)})
		return nil
	})
}
