package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// newThread makes a discussion.
func newThread(individual bool, at *position) *thread {
	b := make([]byte, 20)
	rand.Read(b) // never fails: crypto/rand ends the process first
	t := &thread{ID: hex.EncodeToString(b), Individual: individual, At: at}
	if at != nil {
		t.Path, t.Line, t.HeadSHA = at.NewPath, at.NewLine, at.HeadSHA
	}
	return t
}

// systemNote notes what somebody did.
func (s *Sandbox) systemNote(p *pull, by *Account, action, text string) *comment {
	c := &comment{ID: s.id(), pull: p, Author: by, Body: text, Created: s.now(), Updated: s.now(), System: action, Thread: newThread(true, nil)}
	p.Comments = append(p.Comments, c)
	return c
}

func checkNote(body string) error {
	switch {
	case strings.TrimSpace(body) == "":
		return badNote(`:note=>["can't be blank"]`)
	case utf8.RuneCountInString(body) > maxNote:
		return badNote(`:note=>["is too long (maximum is 1000000 characters)"]`)
	}
	return nil
}

func badNote(why string) *Error {
	return refuse(http.StatusBadRequest, "400 Bad request - Note {%s}", why)
}

// addNote writes a note: in a thread, or as a comment of its own if t is nil. A comment that is answered
// becomes a thread that can be resolved.
func (s *Sandbox) addNote(p *pull, by actor, body string, t *thread) (*comment, error) {
	if err := checkNote(body); err != nil {
		return nil, err
	}
	if s.level(by.account, p.repo) == 0 {
		return nil, notFoundOf("Merge Request")
	}
	if t == nil {
		t = newThread(true, nil)
		p.Threads = append(p.Threads, t)
	} else if slices.Contains(p.Threads, t) && len(p.notesOf(t)) > 0 {
		t.Individual = false
	}
	c := &comment{ID: s.id(), pull: p, Author: by.account, Body: body, Created: s.now(), Updated: s.now(), Thread: t}
	p.Comments = append(p.Comments, c)
	p.Updated = s.now()
	s.noteSuggestions(c)
	s.emitNote(c, by, "create")
	return c, nil
}

// startThread opens a discussion, on a line of the diff if one is given.
func (s *Sandbox) startThread(p *pull, by actor, body string, at *position) (*comment, error) {
	if err := checkNote(body); err != nil {
		return nil, err
	}
	if at != nil {
		if err := p.placeable(at); err != nil {
			return nil, err
		}
	}
	t := newThread(false, at)
	p.Threads = append(p.Threads, t)
	return s.addNote(p, by, body, t)
}

// notesOf are the notes of a discussion, oldest first.
func (p *pull) notesOf(t *thread) []*comment {
	var out []*comment
	for _, c := range p.Comments {
		if c.Thread == t {
			out = append(out, c)
		}
	}
	return out
}

// discussion finds a discussion by its id; system notes are discussions of their own.
func (p *pull) discussion(id string) *thread {
	for _, c := range p.Comments {
		if c.Thread != nil && c.Thread.ID == id {
			return c.Thread
		}
	}
	return nil
}

// editNote changes a note: its author's right, or a Maintainer's. Who did is kept.
func (s *Sandbox) editNote(c *comment, by actor, body string) error {
	if err := s.ownNote(c, by); err != nil {
		return err
	}
	if err := checkNote(body); err != nil {
		return err
	}
	if body == c.Body {
		return nil
	}
	c.Body, c.Editor, c.Edited, c.Updated = body, by.account, s.now(), s.now()
	s.noteSuggestions(c)
	s.emitNote(c, by, "update")
	return nil
}

func (s *Sandbox) deleteNote(c *comment, by actor) error {
	if err := s.ownNote(c, by); err != nil {
		return err
	}
	c.pull.Comments = slices.DeleteFunc(c.pull.Comments, func(x *comment) bool { return x == c })
	if len(c.pull.notesOf(c.Thread)) == 0 {
		c.pull.Threads = slices.DeleteFunc(c.pull.Threads, func(t *thread) bool { return t == c.Thread })
	}
	return nil
}

func (s *Sandbox) ownNote(c *comment, by actor) error {
	if c.System != "" || c.Author != by.account && s.access(by.account, c.pull.repo) < accessMaintainer {
		return errForbidden
	}
	return nil
}

// resolveThread marks a discussion resolved or open again: a Developer's right, or the author's of the
// merge request.
func (s *Sandbox) resolveThread(p *pull, t *thread, by actor, resolved bool) error {
	if by.account != p.Author && s.access(by.account, p.repo) < accessDeveloper {
		return errForbidden
	}
	if t.Individual {
		return refuse(http.StatusForbidden, "403 Forbidden - The discussion is not resolvable")
	}
	if t.Resolved == resolved {
		return nil
	}
	t.Resolved, t.ResolvedBy, t.ResolvedAt = resolved, nil, time.Time{}
	if resolved {
		t.ResolvedBy, t.ResolvedAt = by.account, s.now()
	}
	p.Updated = s.now()
	if resolved && p.unresolved() == 0 {
		s.systemNote(p, by.account, "discussion", "resolved all threads")
	}
	return nil
}

// unresolved counts the discussions that wait to be resolved.
func (p *pull) unresolved() int {
	n := 0
	for _, t := range p.Threads {
		if !t.Individual && !t.Resolved {
			n++
		}
	}
	return n
}

var hunk = regexp.MustCompile(`^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@`)

// placeable refuses a position that is not on a line of one of the merge request's diffs. GitLab takes
// lines outside of the hunks too, if both numbers are right; here that is refused.
func (p *pull) placeable(at *position) error {
	known := slices.ContainsFunc(p.Versions, func(v *version) bool {
		return v.BaseSHA == at.BaseSHA && v.StartSHA == at.StartSHA && v.HeadSHA == at.HeadSHA
	})
	if !known {
		return badNote(`:position=>["is incomplete"]`)
	}
	c, err := p.repo.git.compare(at.StartSHA, at.HeadSHA)
	if err == nil {
		err = p.repo.patches(c, at.HeadSHA)
	}
	if err != nil {
		return err
	}
	for _, f := range c.Files {
		if f.Path == at.NewPath && (at.OldPath == "" || at.OldPath == f.Path || at.OldPath == f.Previous) && hasLine(f.Patch, at.OldLine, at.NewLine) {
			return nil
		}
	}
	return badNote(`:line_code=>["can't be blank", "must be a valid line code"]`)
}

// hasLine looks for a line of a diff by its numbers; 0 is none.
func hasLine(patch string, oldLine, newLine int) bool {
	before, after := 0, 0
	for line := range strings.Lines(patch) {
		if m := hunk.FindStringSubmatch(line); m != nil {
			before, _ = strconv.Atoi(m[1])
			after, _ = strconv.Atoi(m[2])
			continue
		}
		switch line[0] {
		case '+':
			if oldLine == 0 && newLine == after {
				return newLine > 0
			}
			after++
		case '-':
			if newLine == 0 && oldLine == before {
				return oldLine > 0
			}
			before++
		case ' ':
			if oldLine == before && newLine == after {
				return oldLine > 0 && newLine > 0
			}
			before, after = before+1, after+1
		}
	}
	return false
}
