package sandbox

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"
)

// A suggestion is a block of Markdown in a comment on a line of the diff, which somebody who may push to the
// branch commits with a click. Both hosts have them: GitHub by the word "suggestion" after the fence, GitLab by
// that and how many lines above and below are meant ("suggestion:-0+0", which is also what the bare word means).

var suggestionFence = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})[ \t]*(\\S*)[^\n]*$")

// suggestions are what the suggestion blocks of a comment hold, in order; more than the line itself is not
// dealt with here, and left out.
func (d Dialect) suggestions(body string) []string {
	var out []string
	var fence, text string
	var ours, within bool
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		m := suggestionFence.FindStringSubmatch(line)
		switch {
		case !within && m != nil && (m[1][0] == '~' || !strings.Contains(line[strings.Index(line, m[1])+len(m[1]):], "`")):
			fence, within, text = m[1], true, ""
			ours = m[2] == "suggestion" || d == GitLab && m[2] == "suggestion:-0+0"
		case within && m != nil && m[2] == "" && m[1][0] == fence[0] && len(m[1]) >= len(fence):
			if within = false; ours {
				out = append(out, text)
			}
		case within:
			text += line + "\n"
		}
	}
	if within && ours { // a block that nobody closed ends with the text
		out = append(out, text)
	}
	return out
}

// track follows a line of a file from one commit to another; false is a line that was changed or is gone.
func (g *git) track(from, to, file string, line int) (int, bool) {
	if from == to {
		return line, true
	}
	out, err := g.run("diff-tree", "-r", "-p", "-U0", "--no-color", from, to, "--", file)
	if err != nil {
		return 0, false
	}
	shift := 0
	for text := range strings.Lines(string(out)) {
		m := countedHunk.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		at, n, added := atoi(m[1], 0), atoi(m[2], 1), atoi(m[3], 1)
		switch {
		case n > 0 && line >= at && line < at+n:
			return 0, false
		case line > at:
			shift += added - n
		}
	}
	return line + shift, true
}

var countedHunk = regexp.MustCompile(`^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@`)

func atoi(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

// textLine is a line of a file at a commit, with its end; false if there is none.
func (g *git) textLine(sha, file string, line int) (string, bool) {
	lines, _ := g.textLines(sha, file)
	if line < 1 || line > len(lines) {
		return "", false
	}
	return lines[line-1], true
}

func (g *git) textLines(sha, file string) ([]string, error) {
	c, err := g.commit(sha)
	if err != nil {
		return nil, err
	}
	e := g.lookup(c.TreeHash.String(), file)
	if e == nil {
		return nil, errNotFound
	}
	data, err := g.blob(e.Hash.String())
	if err != nil {
		return nil, err
	}
	return strings.SplitAfter(string(data), "\n"), nil
}

// suggested is what one suggestion would do: replace a line of a file at the head.
type suggested struct {
	Path     string
	Line     int // at the head; 0 where it is outdated
	From, To string
	Author   *Account
}

// commitSuggestion puts a suggestion on the branch of the pull request, in the name of whoever applies it. On
// GitHub that person is the author and whoever suggested is named beside; on GitLab it is the other way round,
// with the person as committer.
func (s *Sandbox) commitSuggestion(p *pull, by actor, x suggested, message string) (string, error) {
	r := p.repo
	lines, err := r.textLines(p.HeadSHA, x.Path)
	if err != nil {
		return "", err
	}
	tip, err := r.commit(p.HeadSHA)
	if err != nil {
		return "", err
	}
	old := r.lookup(tip.TreeHash.String(), x.Path)
	var b bytes.Buffer
	for i, line := range lines {
		if i == x.Line-1 {
			line = x.To
		}
		b.WriteString(line)
	}
	change := edit{Path: x.Path, Mode: old.Mode}
	if change.Hash, err = r.writeBlob(b.Bytes()); err != nil {
		return "", err
	}
	n := newCommit{Parents: []string{p.HeadSHA}}
	if n.Tree, err = r.editTree(tip.TreeHash, []edit{change}); err != nil {
		return "", err
	}
	who, beside := s.person(by.account), (*object.Signature)(nil)
	if x.Author != by.account {
		beside = s.person(x.Author)
		if x.Author.Type == kindBot && s.dialect != GitLab {
			beside.Email = s.noreply(x.Author)
		}
	}
	n.Author, n.Message = who, cmp.Or(message, "Update "+x.Path)
	if s.dialect == GitLab {
		n.Committer, n.Message = who, cmp.Or(message, "Apply 1 suggestion(s) to 1 file(s)")
		n.Author = s.person(x.Author)
	}
	if beside != nil && message == "" {
		n.Message += fmt.Sprintf("\n\nCo-authored-by: %s <%s>", beside.Name, beside.Email)
	}
	n.Message += "\n"
	sha, err := s.makeCommit(r, by.account, n)
	if err != nil {
		return "", err
	}
	return sha, s.moveRef(r, by, refChange{"refs/heads/" + p.HeadRef, p.HeadSHA, sha})
}

// applyGitHub refuses what GitHub's page says cannot be applied.
func (s *Sandbox) applyGitHub(p *pull, t *lineThread, by actor) (string, error) {
	x, why := s.suggestionOf(p, t)
	switch {
	case s.level(by.account, p.repo) < levels["write"]:
		return "", errNotAllowed
	case p.Closed:
		why = "Suggestions cannot be applied while the pull request is closed."
	case t.Resolved && why == "":
		why = "This suggestion has been applied or marked resolved."
	}
	if why != "" {
		return "", unprocessable(why)
	}
	sha, err := s.commitSuggestion(p, by, x, "")
	if err == nil {
		s.resolveLine(p, t, by, true)
	}
	return sha, err
}

// suggestionOf finds what a thread of GitHub's suggests, or says why it cannot be applied as things are.
func (s *Sandbox) suggestionOf(p *pull, t *lineThread) (suggested, string) {
	blocks := s.dialect.suggestions(t.Comments[0].Body)
	if len(blocks) == 0 {
		return suggested{}, "There is nothing to apply."
	}
	x := suggested{Path: t.Path, To: blocks[0], Author: t.Comments[0].Author}
	var ok bool
	if x.Line, ok = t.line(p); !ok {
		return x, "Outdated suggestions cannot be applied."
	}
	x.From, ok = p.repo.textLine(p.HeadSHA, t.Path, x.Line)
	switch {
	case !ok:
		return x, "Outdated suggestions cannot be applied."
	case !strings.HasSuffix(x.From, "\n"):
		x.To = strings.TrimSuffix(x.To, "\n")
	}
	if x.From == x.To {
		return x, "This suggestion is invalid because no changes were made to the code."
	}
	return x, ""
}

// suggestion is one of GitLab's: it has a number, by which the interface applies it.
type suggestion struct {
	ID       int64
	From, To string // lines with their ends
	Applied  bool
}

// noteSuggestions are made when a note on a line is written, and anew when it is edited.
func (s *Sandbox) noteSuggestions(c *comment) {
	at := c.Thread.At
	if at == nil || at.NewLine == 0 || c.System != "" {
		return
	}
	c.Suggestions = slices.DeleteFunc(c.Suggestions, func(x *suggestion) bool { return !x.Applied })
	from, ok := c.pull.repo.textLine(at.HeadSHA, at.NewPath, at.NewLine)
	if !ok {
		return
	}
	for _, to := range s.dialect.suggestions(c.Body) {
		if strings.TrimSpace(to) == "" {
			to = ""
		} else if !strings.HasSuffix(from, "\n") {
			to = strings.TrimSuffix(to, "\n")
		}
		c.Suggestions = append(c.Suggestions, &suggestion{ID: s.id(), From: from, To: to})
	}
}

// inapplicable says why a suggestion of GitLab's cannot be applied, or "".
func (c *comment) inapplicable(x *suggestion) string {
	p := c.pull
	line, there := p.repo.track(c.Thread.At.HeadSHA, p.HeadSHA, c.Thread.At.NewPath, c.Thread.At.NewLine)
	now, ok := p.repo.textLine(p.HeadSHA, c.Thread.At.NewPath, line)
	switch {
	case x.Applied:
		return "Can't apply this suggestion."
	case p.merged():
		return "This merge request was merged. To apply this suggestion, edit this file directly."
	case p.Closed:
		return "This merge request is closed. To apply this suggestion, edit this file directly."
	case p.repo.branch(p.HeadRef) == "":
		return "Can't apply as the source branch was deleted."
	case !there || !ok || now != x.From:
		return "Can't apply as this line was changed in a more recent version."
	case x.From == x.To:
		return "This suggestion already matches its content."
	}
	return ""
}

// applyGitLab applies a suggestion of a note: whoever may push to the source branch may.
func (s *Sandbox) applyGitLab(c *comment, x *suggestion, by actor, message string) (string, error) {
	p := c.pull
	if s.access(by.account, p.repo) < accessDeveloper {
		return "", errForbidden
	}
	if why := c.inapplicable(x); why != "" {
		return "", refuse(http.StatusBadRequest, "%s", why)
	}
	at := c.Thread.At
	line, _ := p.repo.track(at.HeadSHA, p.HeadSHA, at.NewPath, at.NewLine)
	sha, err := s.commitSuggestion(p, by, suggested{Path: at.NewPath, Line: line, From: x.From, To: x.To, Author: c.Author}, message)
	if err == nil {
		x.Applied = true
	}
	return sha, err
}

func (c *comment) suggestionJSON(x *suggestion) obj {
	return obj{"id": x.ID, "from_line": c.Thread.At.NewLine, "to_line": c.Thread.At.NewLine, "appliable": c.inapplicable(x) == "", "applied": x.Applied,
		"from_content": x.From, "to_content": x.To}
}

var glSuggestionRoutes = []glRoute{
	{"PUT /suggestions/{id}/apply", "commit_message", 0, func(c *glCall) (int, any, error) {
		id := c.pathNumber("id")
		for _, r := range c.s.repos {
			for _, p := range r.pulls {
				for _, n := range p.Comments {
					for _, x := range n.Suggestions {
						if x.ID != id || c.s.level(c.by.account, r) == 0 {
							continue
						}
						if _, err := c.s.applyGitLab(n, x, c.by, c.text("commit_message")); err != nil {
							return 0, nil, err
						}
						return 200, n.suggestionJSON(x), nil
					}
				}
			}
		}
		return 0, nil, notFoundOf("")
	}},
}

// ThreadView is a thread on a line of a pull request's diff.
type ThreadView struct {
	ID         string // for ApplySuggestion
	Path       string
	Line       int // at the head; 0 where the thread is outdated
	Author     string
	Body       string // of its first comment
	Resolved   bool
	ResolvedBy string
	Suggestion string // what is suggested in place of the line; empty if nothing is, or the line is to go
	Suggests   bool
	Refused    string // why the suggestion cannot be applied; empty if it can
}

// Threads shows the threads on lines, oldest first.
func (s *Sandbox) Threads(full string, number int) ([]ThreadView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil || r.pulls[number] == nil {
		return nil, errNotFound
	}
	p := r.pulls[number]
	var out []ThreadView
	for _, t := range p.Lines {
		v := ThreadView{ID: t.node(), Path: t.Path, Author: t.Comments[0].Author.Login, Body: t.Comments[0].Body, Resolved: t.Resolved}
		v.Line, _ = t.line(p)
		if t.ResolvedBy != nil {
			v.ResolvedBy = t.ResolvedBy.Login
		}
		if blocks := s.dialect.suggestions(v.Body); len(blocks) > 0 {
			v.Suggests, v.Suggestion = true, blocks[0]
			if _, v.Refused = s.suggestionOf(p, t); t.Resolved {
				v.Refused = "This suggestion has been applied or marked resolved."
			}
		}
		out = append(out, v)
	}
	for _, t := range p.Threads {
		notes := p.notesOf(t)
		if t.At == nil || len(notes) == 0 {
			continue
		}
		v := ThreadView{ID: t.ID, Path: cmp.Or(t.At.NewPath, t.At.OldPath), Author: notes[0].Author.Login, Body: notes[0].Body, Resolved: t.Resolved}
		if line, ok := r.track(t.At.HeadSHA, p.HeadSHA, t.At.NewPath, t.At.NewLine); ok {
			v.Line = line
		}
		if t.ResolvedBy != nil {
			v.ResolvedBy = t.ResolvedBy.Login
		}
		if list := notes[0].Suggestions; len(list) > 0 {
			v.Suggests, v.Suggestion, v.Refused = true, list[len(list)-1].To, notes[0].inapplicable(list[len(list)-1])
		}
		out = append(out, v)
	}
	return out, nil
}

// ApplySuggestion commits what a thread suggests, as the page does, and resolves the thread. It returns the commit.
func (u Session) ApplySuggestion(full string, number int, thread string) (sha string, err error) {
	err = u.on(full, number, talkPulls, func(p *pull, by actor) error {
		for _, t := range p.Lines {
			if t.node() == thread {
				sha, err = u.s.applyGitHub(p, t, by)
				return err
			}
		}
		t := p.discussion(thread)
		if t == nil || len(p.notesOf(t)[0].Suggestions) == 0 {
			return errNotFound
		}
		note := p.notesOf(t)[0]
		if sha, err = u.s.applyGitLab(note, note.Suggestions[len(note.Suggestions)-1], by, ""); err != nil {
			return err
		}
		return u.s.resolveThread(p, t, by, true) // the page does, the interface does not
	})
	return sha, err
}

// suggestionBox is how a page shows a suggestion.
type suggestionBox struct {
	Thread, File string
	Before       string
	After        []string
	Refused      string
}

// suggestionBox shows what a thread suggests; nil if nothing.
func (p *pages) suggestionBox(full string, number int, thread string) *suggestionBox {
	list, err := p.s.Threads(full, number)
	if err != nil {
		return nil
	}
	for _, t := range list {
		if t.ID != thread || !t.Suggests {
			continue
		}
		b := &suggestionBox{Thread: t.ID, File: path.Base(t.Path), Refused: t.Refused}
		for line := range strings.Lines(t.Suggestion) {
			b.After = append(b.After, strings.TrimSuffix(line, "\n"))
		}
		p.s.mu.Lock()
		if r := p.s.repoByFull(full); r != nil && t.Line > 0 {
			before, _ := r.textLine(r.pulls[number].HeadSHA, t.Path, t.Line)
			b.Before = strings.TrimSuffix(before, "\n")
		}
		p.s.mu.Unlock()
		return b
	}
	return nil
}
