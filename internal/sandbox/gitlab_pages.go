package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mergePage is what a merge request's page shows besides what a pull request's does.
type mergePage struct {
	Full, At     string
	Pipeline     int64 // of the head; 0: none
	PipelineSHA  string
	Status       string // of the pipeline, as are Icon and Tone
	Icon, Tone   string
	Jobs         []jobLine
	MustSucceed  bool
	Approved     bool // by the visitor
	Rules        []string
	Versions     []versionLine
	Method, Then string // how it is merged, in words
}

// jobLine is a commit status, as people see it: a job of the pipeline.
type jobLine struct {
	Name, Words, Description, URL, By string
	Icon, Tone                        string
	When                              moment
}

type versionLine struct {
	Number int
	SHA    string
	When   moment
}

// threadNote is a note in a thread.
type threadNote struct {
	Who    who
	When   moment
	Edited bool
	Body   template.HTML
}

// jobLooks are how a state looks; GitLab's word for success is "passed".
var jobLooks = map[string]struct{ words, icon, tone string }{
	"pending": {"waiting", "wait", "wait"}, "running": {"running", "wait", "wait"}, "success": {"passed", "check", "good"},
	"failed": {"failed", "cross", "bad"}, "canceled": {"canceled", "dash", ""}, "skipped": {"skipped", "dash", ""},
}

// fillLab adds what only GitLab has. The world is locked but where texts are rendered.
func (p *pages) fillLab(b *pullPage, viewer string) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	r := p.s.repoByFull(b.Full)
	if r == nil || r.pulls[b.Number] == nil {
		return
	}
	mr, me := r.pulls[b.Number], p.s.account(viewer)
	l := &mergePage{Full: b.Full, At: p.s.pageAt(b.Full, "pull") + "/" + strconv.Itoa(b.Number), MustSucceed: r.settings.PipelinesMustSucceed,
		Approved: me != nil && mr.approvedBy(me) != nil, Rules: p.s.ruleWords(r, mr.BaseRef), Method: "Merge commit", Then: "a merge commit"}
	switch r.settings.MergeMethod {
	case "rebase_merge":
		l.Method = "Merge commit with semi-linear history"
	case "ff":
		l.Method, l.Then = "Fast-forward", "fast-forward"
	}
	if pl := mr.headPipeline(); pl != nil {
		look := jobLooks[pl.status()]
		l.Pipeline, l.PipelineSHA, l.Status, l.Icon, l.Tone = pl.ID, pl.SHA, look.words, look.icon, look.tone
		for _, j := range pl.latest() {
			look := jobLooks[j.State]
			l.Jobs = append(l.Jobs, jobLine{j.Name, look.words, j.Description, j.TargetURL, p.s.who(j.User).Login, look.icon, look.tone, p.moment(j.Created)})
		}
	}
	for i, v := range slices.Backward(mr.Versions) {
		l.Versions = append(l.Versions, versionLine{i + 1, v.HeadSHA, p.moment(v.Created)})
	}
	b.Lab = l
	for _, x := range mr.Approvals {
		b.Votes = append(b.Votes, vote{Who: p.s.who(x.User), Icon: "check", Tone: "good", Words: "approved"})
	}
	for _, a := range mr.Objectors {
		b.Votes = append(b.Votes, vote{Who: p.s.who(a), Icon: "cross", Tone: "bad", Words: "requested changes"})
	}
	for _, a := range mr.Users {
		if !slices.ContainsFunc(b.Votes, func(v vote) bool { return v.Who.Login == a.Login }) {
			b.Asked = append(b.Asked, p.s.who(a))
		}
	}
	b.Talk = p.labTalk(mr)
}

// ruleWords tells what protects a branch, and what a merge needs.
func (s *Sandbox) ruleWords(r *repo, branch string) []string {
	out := []string{s.branchWords(r, branch)}
	if out[0] == "" {
		out[0] = branch + " is not protected: Developers push and merge."
	}
	if r.settings.PipelinesMustSucceed {
		out = append(out, "Pipelines must succeed.")
	}
	if r.settings.ThreadsMustBeResolved {
		out = append(out, "All threads must be resolved.")
	}
	if r.settings.ResetApprovals {
		out = append(out, "A push removes all approvals.")
	}
	return out
}

var levelWords = map[string]string{"none": "no one", "developer": "Developers and Maintainers", "maintainer": "Maintainers", "": "Maintainers"}

// branchWords is a branch's protection in a sentence, or "".
func (s *Sandbox) branchWords(r *repo, branch string) string {
	var out []string
	for _, ru := range r.branchRules(branch) {
		out = append(out, fmt.Sprintf("%s is protected. Allowed to merge: %s. Allowed to push: %s.", branch, levelWords[ru.MergeLevel], levelWords[ru.PushLevel]))
	}
	return strings.Join(out, " ")
}

// systemLooks are the marks of system notes that stand out.
var systemLooks = map[string]struct{ icon, tone string }{
	"approved": {"check", "good"}, "unapproved": {"dash", ""}, "approvals_reset": {"dash", ""}, "requested_changes": {"cross", "bad"},
	"commit": {"commit", ""}, "merged": {"merged", ""}, "closed": {"cross", ""}, "opened": {"pull", ""}, "reviewer": {"eye", ""}, "title": {"pen", ""},
}

var diffID = regexp.MustCompile(`diff_id=(\d+)`)

// labTalk is the activity: comments, threads where they began, and what the system notes.
func (p *pages) labTalk(mr *pull) []entry {
	var out []entry
	seen := map[*thread]bool{}
	for _, c := range mr.Comments {
		e := entry{id: c.ID, Anchor: fmt.Sprintf("note_%d", c.ID), Kind: "comment", Who: p.s.who(c.Author), Words: "commented",
			Edited: !c.Edited.IsZero(), When: p.moment(c.Created)}
		switch {
		case c.System != "":
			e.Kind, e.Icon, e.Words, e.Commit = "event", cmp.Or(systemLooks[c.System].icon, "dot"), systemWords(c.Body), mr.noted(c)
			e.Tone = systemLooks[c.System].tone
		case c.Thread.Individual:
			e.Body = p.markdown(c.Body)
		case seen[c.Thread]:
			continue
		default:
			seen[c.Thread] = true
			p.fillThread(&e, mr, c.Thread)
		}
		out = append(out, e)
	}
	return out
}

func (p *pages) fillThread(e *entry, mr *pull, t *thread) {
	e.Kind, e.Thread, e.Resolved = "thread", t.ID, t.Resolved
	if t.ResolvedBy != nil {
		e.Resolver = t.ResolvedBy.Login
	}
	if t.At != nil {
		e.Place = fmt.Sprintf("%s, line %d", cmp.Or(t.At.NewPath, t.At.OldPath), cmp.Or(t.At.NewLine, t.At.OldLine))
	}
	for _, c := range mr.notesOf(t) {
		e.Notes = append(e.Notes, threadNote{p.s.who(c.Author), p.moment(c.Created), !c.Edited.IsZero(), p.markdown(withoutSuggestions(c.Body))})
	}
}

// systemWords is the first line of a system note, without its marks of Markdown.
func systemWords(body string) string {
	first, _, _ := strings.Cut(body, "\n")
	return strings.NewReplacer("**", "", "`", "").Replace(first)
}

// noted is the commit that a note of a push is about.
func (p *pull) noted(c *comment) string {
	m := diffID.FindStringSubmatch(c.Body)
	if c.System != "commit" || m == nil {
		return ""
	}
	id, _ := strconv.ParseInt(m[1], 10, 64)
	for _, v := range p.Versions {
		if v.ID == id {
			return v.HeadSHA
		}
	}
	return ""
}

// threadNotes are the threads on lines, as the diff shows notes.
func (p *pages) threadNotes(full string, number int) []diffNote {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	r := p.s.repoByFull(full)
	if r == nil || r.pulls[number] == nil {
		return nil
	}
	mr := r.pulls[number]
	var out []diffNote
	for _, t := range mr.Threads {
		notes := mr.notesOf(t)
		if t.At == nil || t.At.NewLine == 0 || len(notes) == 0 {
			continue
		}
		level, state := "warning", "unresolved"
		if t.Resolved {
			level, state = "notice", "resolved"
		}
		out = append(out, diffNote{AnnotationView{Path: t.At.NewPath, Level: level, Title: notes[0].Author.Login + ", " + state,
			Message: strings.TrimSpace(hiddenLine.ReplaceAllString(withoutSuggestions(notes[0].Body), "")), StartLine: t.At.NewLine, EndLine: t.At.NewLine}, "thread"})
	}
	return out
}

// actOnThread replies to a thread, resolves it, or opens it again.
func (u Session) actOnThread(full string, number int, id, what, body string) error {
	return u.onMR(full, number, func(p *pull, by actor) error {
		t := p.discussion(id)
		if t == nil {
			return errNotFound
		}
		if what == "reply" {
			_, err := u.s.addNote(p, by, body, t)
			return err
		}
		return u.s.resolveThread(p, t, by, what == "resolve")
	})
}

// labAddress takes the address of a page apart: a project's path may have any number of parts, and what
// is not the project itself comes after "/-/".
func labAddress(address string) (owner, repo, rest string) {
	full, rest, _ := strings.Cut(strings.TrimPrefix(address, "/"), "/-/")
	full = strings.TrimSuffix(full, "/")
	if dir := path.Dir(full); dir != "." {
		owner = dir
	}
	return owner, path.Base(full), rest
}

// addressKey finds the request as it came, while its path is cut down for the routes.
type addressKey struct{}

// labPages serves the pages of projects under GitLab's addresses.
func (p *pages) labPages() http.Handler {
	inner := http.NewServeMux()
	for pattern, show := range map[string]func(*visit) error{
		"GET /{$}":                               p.repo,
		"GET /tree/{rest...}":                    p.browse,
		"GET /blob/{rest...}":                    p.browse,
		"GET /commits/{rest...}":                 p.commits,
		"GET /commit/{sha}":                      p.commit,
		"GET /edit/{rest...}":                    p.editor,
		"POST /edit/{rest...}":                   p.save,
		"GET /compare/{rest...}":                 p.proposal,
		"POST /compare/{rest...}":                p.propose,
		"GET /merge_requests/{number}":           p.pull,
		"GET /merge_requests/{number}/{tab}":     p.pull,
		"POST /merge_requests/{number}/{action}": p.act,
		"GET /issues":                            p.issues,
		"GET /issues/{number}":                   p.issue,
		"POST /issues/{number}/{state}":          p.turnIssue,
		"GET /":                                  func(*visit) error { return errNotFound },
	} {
		inner.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			outer := r.Context().Value(addressKey{}).(*http.Request)
			owner, repo, _ := labAddress(outer.URL.Path)
			r.URL = outer.URL
			r.SetPathValue("owner", owner)
			r.SetPathValue("repo", repo)
			p.serve(w, r, show)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, rest := labAddress(r.URL.EscapedPath())
		within := r.Clone(context.WithValue(r.Context(), addressKey{}, r))
		within.URL.Path, within.URL.RawPath = "/"+rest, ""
		if plain, err := within.URL.Parse("/" + rest); err == nil {
			within.URL.Path, within.URL.RawPath = plain.Path, plain.RawPath
		}
		inner.ServeHTTP(w, within)
	})
}

// blockedForEach is what keeps everybody from merging, whatever they may.
func (s *Sandbox) blockedForEach(p *pull) []string {
	if status := s.mergeStatus(p); status != "mergeable" {
		return []string{mergeReasons[status]}
	}
	return nil
}

// labRoles are somebody's levels in groups: "Owner of acme", "Developer of acme/lab".
func (s *Sandbox) labRoles(a *Account) []string {
	var out []string
	for id := range s.members {
		g := s.accounts[id]
		if g == nil {
			continue
		}
		for _, m := range s.groupMembers(g) {
			if m.User == a {
				out = append(out, fmt.Sprintf("%s of %s", humanAccess(m.Level), g.Login))
			}
		}
	}
	for _, r := range s.repos {
		for _, m := range s.projectMembers(r) {
			if m.User == a {
				out = append(out, fmt.Sprintf("%s of %s", humanAccess(m.Level), r.full()))
			}
		}
	}
	return out
}

// name is whose hook it is.
func (x *webhook) name() string {
	switch {
	case x.repo != nil:
		return "project " + x.repo.full()
	case x.group != nil:
		return "group " + x.group.Login
	}
	return "system hook"
}
