package sandbox

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Threads on lines of the diff, in GitHub's dialect: a review opens them, and they are resolved and opened
// again by themselves. GitLab's are in gitlab_notes.go.

// lineThread is a thread on a line.
type lineThread struct {
	ID         int64
	pull       *pull
	Path       string
	Line       int    // in the file at Commit
	Commit     string // the head that was reviewed
	Hunk       string // the diff around the line, as it was then
	Position   int    // of the line in the file's diff
	Comments   []*lineComment
	Resolved   bool
	ResolvedBy *Account
}

// lineComment is a comment in a thread on a line.
type lineComment struct {
	ID      int64
	review  *review
	Author  *Account
	Body    string
	Created time.Time
}

func (t *lineThread) node() string  { return nodeID("PRRT", t.ID) }
func (c *lineComment) node() string { return nodeID("PRRC", c.ID) }

// line is where the thread is at the head; false is a thread that is outdated.
func (t *lineThread) line(p *pull) (int, bool) {
	return p.repo.track(t.Commit, p.HeadSHA, t.Path, t.Line)
}

// draftThread is a thread that a review is to open.
type draftThread struct {
	Path, Side, Body string
	Line             int
}

// draft finds the place of a thread in the diff, or refuses it in GitHub's words.
func (p *pull) draft(d draftThread, commit string) (*lineThread, error) {
	const blank = "Pull request review thread diff hunk can't be blank"
	if strings.TrimSpace(d.Body) == "" {
		return nil, unprocessable("Pull request review thread body can't be blank")
	}
	if d.Side != "" && d.Side != "RIGHT" {
		return nil, unprocessable("The sandbox has comments on the right side of a diff alone")
	}
	base := p.BaseSHA
	if live := p.repo.branch(p.BaseRef); p.open() && live != "" {
		base = live
	}
	c, err := p.repo.git.compare(base, commit)
	if err == nil {
		err = p.repo.patches(c, commit)
	}
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.Files, func(f fileChange) bool { return f.Path == d.Path })
	if i < 0 {
		return nil, unprocessable("Pull request review thread path is invalid and " + blank)
	}
	hunk, position := hunkOf(c.Files[i].Patch, d.Line)
	if position == 0 {
		return nil, unprocessable("Pull request review thread line must be part of the diff and " + blank)
	}
	return &lineThread{pull: p, Path: d.Path, Line: d.Line, Commit: commit, Hunk: hunk, Position: position}, nil
}

// hunkOf finds a line of the new file in a diff: the hunk up to it, and its position from the first hunk on.
func hunkOf(patch string, line int) (text string, position int) {
	after, n := 0, -1
	for row := range strings.Lines(patch) {
		n++
		if m := hunk.FindStringSubmatch(row); m != nil {
			text, after = "", atoi(m[2], 0)-1
		}
		text += row
		if row[0] == '+' || row[0] == ' ' {
			if after++; after == line {
				return strings.TrimSuffix(text, "\n"), n
			}
		}
	}
	return "", 0
}

// reviewWith submits a review that opens threads: all of them, or nothing at all.
func (s *Sandbox) reviewWith(p *pull, by actor, event, body, commit string, drafts []draftThread) (*review, error) {
	if len(drafts) == 0 {
		return s.submitReview(p, by, event, body, commit)
	}
	at := cmp.Or(commit, p.HeadSHA)
	if c, err := p.compare(); err != nil || !slices.Contains(c.Commits, at) {
		return nil, unprocessable("The commit is not part of the pull request")
	}
	var threads []*lineThread
	for _, d := range drafts {
		t, err := p.draft(d, at)
		if err != nil {
			return nil, err
		}
		threads = append(threads, t)
	}
	v, err := s.review(p, by, event, body, commit, true)
	if err != nil {
		return nil, err
	}
	for i, t := range threads {
		t.ID = s.id()
		t.Comments = []*lineComment{{ID: s.id(), review: v, Author: by.account, Body: drafts[i].Body, Created: s.now()}}
		p.Lines = append(p.Lines, t)
		s.emit(p.repo, "pull_request_review_comment", by.account, obj{"action": "created", "comment": s.lineCommentJSON(t, t.Comments[0]), "pull_request": s.hookPullSimple(p)})
	}
	return v, nil
}

// resolveLine resolves a thread, or opens it again.
func (s *Sandbox) resolveLine(p *pull, t *lineThread, by actor, resolved bool) {
	if t.Resolved == resolved {
		return
	}
	t.Resolved, t.ResolvedBy = resolved, nil
	action := "unresolved"
	if resolved {
		t.ResolvedBy, action = by.account, "resolved"
	}
	p.Updated = s.now()
	comments := each(t.Comments, func(c *lineComment) any { return s.lineCommentJSON(t, c) })
	s.emit(p.repo, "pull_request_review_thread", by.account, obj{"action": action, "pull_request": s.hookPullSimple(p),
		"thread": obj{"node_id": t.node(), "comments": comments}})
}

// resolveThreads is what an App needs to resolve a thread: not "pull requests", as one would think, but
// "contents" (seen in 2026: github/gh-aw#35726; GitHub's documentation does not tell).
var resolveThreads = need{"contents:write", "read"}

// mayResolve: whoever may write, and who opened the pull request.
func (s *Sandbox) mayResolve(p *pull, by actor) error {
	if err := s.allow(by, p.repo, resolveThreads); err != nil {
		return err
	}
	if by.app == nil && by.account != p.Author && s.level(by.account, p.repo) < levels["write"] {
		return errNotAllowed
	}
	return nil
}

func lineThreadByID(r *repo, id int64) *lineThread {
	for _, p := range r.pulls {
		for _, t := range p.Lines {
			if t.ID == id {
				return t
			}
		}
	}
	return nil
}

// lineComments are all comments on lines, oldest first.
func (p *pull) lineComments() int {
	n := 0
	for _, t := range p.Lines {
		n += len(t.Comments)
	}
	return n
}

func (s *Sandbox) lineCommentJSON(t *lineThread, c *lineComment) obj {
	p := t.pull
	r := p.repo
	u, pr := s.rest("/repos/"+r.full()+"/pulls/comments/"+itoa(c.ID)), s.rest("/repos/"+r.full()+"/pulls/"+itoa(p.Number))
	html := s.pullURL(p) + "#discussion_r" + itoa(c.ID)
	var line, position any
	if n, ok := t.line(p); ok {
		line, position = n, t.Position
	}
	href := func(u string) obj { return obj{"href": u} }
	return obj{"id": c.ID, "node_id": c.node(), "url": u, "html_url": html, "pull_request_url": pr, "pull_request_review_id": c.review.ID,
		"diff_hunk": t.Hunk, "path": t.Path, "position": position, "original_position": t.Position, "commit_id": p.HeadSHA, "original_commit_id": t.Commit,
		"user": s.userJSON(c.Author), "body": c.Body, "created_at": stamp(c.Created), "updated_at": stamp(c.Created),
		"author_association": s.association(c.Author, r), "_links": obj{"self": href(u), "html": href(html), "pull_request": href(pr)},
		"reactions": reactions(u), "start_line": nil, "original_start_line": nil, "start_side": nil, "line": line, "original_line": t.Line, "side": "RIGHT", "subject_type": "line"}
}

func listLineComments(c *call, p *pull) (int, any, error) {
	out := []obj{}
	for _, t := range p.Lines {
		for _, x := range t.Comments {
			j := c.s.lineCommentJSON(t, x)
			if j["line"] == nil { // REST leaves out what a webhook calls null
				delete(j, "line")
				delete(j, "position")
			}
			out = append(out, j)
		}
	}
	return 200, list(c, out, func(o obj) obj { return o }), nil
}

// draftsOf reads the comments of a review that is sent over REST.
func draftsOf(in []reviewComment) ([]draftThread, error) {
	var out []draftThread
	for _, c := range in {
		if c.Line == nil || c.StartLine != nil {
			return nil, unprocessable("The sandbox takes comments on one line, by its number")
		}
		out = append(out, draftThread{Path: c.Path, Side: c.Side, Body: c.Body, Line: *c.Line})
	}
	return out, nil
}

type reviewComment struct {
	Path, Side, Body string
	Line             *int
	StartLine        *int `json:"start_line"`
}

// lineTalk shows the threads on lines in the conversation.
func (p *pages) lineTalk(b *pullPage) []entry {
	var out []entry
	p.s.mu.Lock()
	r := p.s.repoByFull(b.Full)
	if r == nil || r.pulls[b.Number] == nil {
		p.s.mu.Unlock()
		return nil
	}
	for _, t := range r.pulls[b.Number].Lines {
		e := entry{id: t.ID, Anchor: "discussion_r" + itoa(t.Comments[0].ID), Kind: "thread", Who: p.s.who(t.Comments[0].Author), When: p.moment(t.Comments[0].Created),
			Thread: t.node(), Place: t.Path + ", line " + strconv.Itoa(t.Line), Resolved: t.Resolved}
		if _, ok := t.line(r.pulls[b.Number]); !ok {
			e.Outdated = true
		}
		if t.ResolvedBy != nil {
			e.Resolver = t.ResolvedBy.Login
		}
		for _, c := range t.Comments {
			e.Notes = append(e.Notes, threadNote{Who: p.s.who(c.Author), When: p.moment(c.Created), Body: p.markdown(withoutSuggestions(c.Body))})
		}
		out = append(out, e)
	}
	p.s.mu.Unlock()
	return out
}

// withoutSuggestions takes the suggestion blocks out of a text: the page shows them by itself.
func withoutSuggestions(body string) string {
	var out strings.Builder
	fence, ours := "", false
	for line := range strings.Lines(body) {
		m := suggestionFence.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		switch {
		case fence == "" && m != nil:
			fence, ours = m[1], strings.HasPrefix(m[2], "suggestion")
		case fence != "" && m != nil && m[2] == "" && m[1][0] == fence[0] && len(m[1]) >= len(fence):
			if fence = ""; ours {
				ours = false
				continue
			}
		}
		if !ours {
			out.WriteString(line)
		}
	}
	return out.String()
}

// actOnLine replies to a thread on a line, resolves it, or opens it again.
func (u Session) actOnLine(full string, number int, id, what, body string) error {
	return u.on(full, number, talkPulls, func(p *pull, by actor) error {
		i := slices.IndexFunc(p.Lines, func(t *lineThread) bool { return t.node() == id })
		if i < 0 {
			return errNotFound
		}
		t := p.Lines[i]
		if what == "reply" {
			if err := checkBody(body); err != nil {
				return err
			}
			v, err := u.s.review(p, by, "COMMENT", "", "", true)
			if err != nil {
				return err
			}
			t.Comments = append(t.Comments, &lineComment{ID: u.s.id(), review: v, Author: by.account, Body: body, Created: u.s.now()})
			return nil
		}
		if err := u.s.mayResolve(p, by); err != nil {
			return err
		}
		u.s.resolveLine(p, t, by, what == "resolve")
		return nil
	})
}

// errPending refuses a review that nobody submits.
var errPending = refuse(http.StatusUnprocessableEntity, "The sandbox has no pending reviews")
