package sandbox

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pullPage is a pull request's page; which parts are filled depends on the tab.
type pullPage struct {
	PullDetail
	Full, Tab   string
	Who         who
	Opened      moment
	Description template.HTML
	State       string // open, draft, merged or closed
	Talk        []entry
	Checks      []checkBox
	Required    []string // required checks that nobody has reported
	Blocked     []string
	Merger      who
	Merged      moment
	Asked       []who
	Votes       []vote
	History     []commitLine
	Diff        []diffFile
	Added       int
	Removed     int
	Mine        bool // the visitor opened it
	MayWrite    bool
	Editable    bool       // the branch is there, and the pull request open
	Lab         *mergePage // in GitLab's dialect
}

// entry is one thing that happened, in the order in which it did.
type entry struct {
	id       int64
	Anchor   string
	Kind     string // "comment", "review", "event" or "thread"
	Icon     string
	Tone     string // "good", "bad" or ""
	Who      who
	Words    string
	Commit   string // named after the words
	Outdated bool   // a review of a commit that is no longer the head
	Edited   bool
	When     moment
	Body     template.HTML

	// Of a thread.
	Thread, Place, Resolver string
	Resolved                bool
	Notes                   []threadNote
	Suggested               *suggestionBox
}

// vote is a reviewer's newest vote.
type vote struct {
	Who        who
	Icon, Tone string
	Words      string
	Outdated   bool
}

// checkBox is a check run on the page.
type checkBox struct {
	CheckView
	Icon, Tone, Words string
	Details           template.HTML
	Took              string
}

// pullTabs are the tabs of a pull request.
var pullTabs = []string{"", "commits", "files"}

func (p *pages) pull(v *visit) error {
	number, err := strconv.Atoi(v.r.PathValue("number"))
	tab := v.r.PathValue("tab")
	if p.s.dialect == GitLab && tab != "" {
		tab = map[string]string{"commits": "commits", "diffs": "files"}[tab]
		if tab == "" {
			return errNotFound
		}
	}
	if err != nil || !slices.Contains(pullTabs, tab) {
		return errNotFound
	}
	d, err := p.s.Pull(v.full(), number, v.me)
	if err != nil {
		return err
	}
	b := &pullPage{PullDetail: d, Full: v.full(), Tab: tab, Who: p.person(d.Author), Opened: p.moment(d.Created), State: pullWord(d.PullView)}
	for _, f := range d.Files {
		b.Added += f.Additions
		b.Removed += f.Deletions
	}
	b.Mine = v.me == d.Author
	b.MayWrite = p.mayWrite(b.Full, v.me)
	if r, ok := p.s.Repo(b.Full); ok {
		b.Editable = d.PullView.State == "OPEN" && r.Branches[d.HeadRef] != ""
	}
	switch tab {
	case "commits":
		for _, c := range d.Commits {
			b.History = append(b.History, p.commitLine(c))
		}
	case "files":
		var notes []diffNote
		for _, c := range d.Checks {
			for _, a := range c.Annotations {
				notes = append(notes, diffNote{a, c.Name})
			}
		}
		if p.s.dialect == GitLab {
			notes = p.threadNotes(b.Full, b.Number)
		}
		b.Diff = newDiff(d.Files, notes)
	default:
		b.Description = p.markdown(d.Body)
		if p.s.dialect == GitLab {
			b.Requested = nil // fillLab tells who was asked
			p.fillLab(b, v.me)
		} else {
			p.fillTalk(b)
			p.fillChecks(b)
		}
		for i := range b.Talk {
			if b.Talk[i].Kind == "thread" {
				b.Talk[i].Suggested = p.suggestionBox(b.Full, b.Number, b.Talk[i].Thread)
			}
		}
		p.fillMerge(b, v.me)
	}
	return v.show("pull", fmt.Sprintf("%s · %s · %s", d.Title, p.s.dialect.number(d.Number), b.Full), b)
}

func pullWord(v PullView) string {
	if v.State == "OPEN" && v.Draft {
		return "draft"
	}
	return strings.ToLower(v.State)
}

func (p *pages) mayWrite(full, login string) bool {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	r := p.s.repoByFull(full)
	return r != nil && p.s.level(p.s.account(login), r) >= levels["write"]
}

var reviewWords = map[string]struct{ words, icon, tone string }{
	"APPROVED":          {"approved", "check", "good"},
	"CHANGES_REQUESTED": {"requested changes", "cross", "bad"},
	"COMMENTED":         {"reviewed", "eye", ""},
	"DISMISSED":         {"reviewed; the review was dismissed", "dash", ""},
}

// fillTalk puts comments, reviews and pushes in one line. Ids are handed out in order, so they sort
// what happened within one second.
func (p *pages) fillTalk(b *pullPage) {
	for _, c := range b.Comments {
		b.Talk = append(b.Talk, entry{id: c.ID, Anchor: fmt.Sprintf("issuecomment-%d", c.ID), Kind: "comment", Who: p.person(c.Author),
			Words: "commented", Edited: c.Edited, When: p.moment(c.Created), Body: p.markdown(c.Body)})
	}
	for _, r := range b.Reviews {
		w := reviewWords[r.State]
		b.Talk = append(b.Talk, entry{id: r.ID, Anchor: fmt.Sprintf("pullrequestreview-%d", r.ID), Kind: "review", Icon: w.icon, Tone: w.tone,
			Who: p.person(r.Author), Words: w.words, Commit: r.Commit, Outdated: r.Commit != b.HeadSHA, When: p.moment(r.Submitted), Body: p.markdown(r.Body)})
	}
	b.Talk = append(append(b.Talk, p.lineTalk(b)...), p.pushes(b)...)
	slices.SortFunc(b.Talk, func(x, y entry) int { return cmp.Compare(x.id, y.id) })
}

// pushes are what moved the branch since the pull request was opened.
func (p *pages) pushes(b *pullPage) []entry {
	type push struct {
		activity
		by who
	}
	var list []push
	p.s.mu.Lock()
	if r := p.s.repoByFull(b.Full); r != nil {
		from := r.pulls[b.Number].ID
		for _, a := range r.activity {
			if a.Ref == "refs/heads/"+b.HeadRef && a.ID > from {
				list = append(list, push{*a, p.s.who(a.Actor)})
			}
		}
	}
	p.s.mu.Unlock()
	words := map[string]string{"push": "pushed", "force_push": "force-pushed", "branch_deletion": "deleted the branch", "branch_creation": "restored the branch"}
	var out []entry
	for _, x := range list {
		e := entry{id: x.ID, Kind: "event", Icon: "commit", Who: x.by, Words: words[x.Type], When: p.moment(x.At)}
		if x.After != zeroOID {
			e.Commit = x.After
		}
		out = append(out, e)
	}
	return out
}

func (p *pages) fillChecks(b *pullPage) {
	for _, c := range b.PullDetail.Checks {
		x := checkBox{CheckView: c, Details: p.markdown(strings.TrimSpace(c.Summary + "\n\n" + c.Text))}
		x.Icon, x.Tone, x.Words = checkLook(c)
		if !c.Completed.IsZero() {
			x.Took = c.Completed.Sub(c.Started).Round(time.Second).String()
		}
		b.Checks = append(b.Checks, x)
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	r := p.s.repoByFull(b.Full)
	if r == nil {
		return
	}
	if ru := r.rule("refs/heads/" + b.BaseRef); ru != nil && b.PullDetail.State == "OPEN" {
		for _, c := range ru.RequiredChecks {
			if r.checkState(b.HeadSHA, c) == "expected" {
				b.Required = append(b.Required, c.Context)
			}
		}
	}
}

func checkLook(c CheckView) (icon, tone, words string) {
	switch c.Conclusion {
	case "":
		return "wait", "wait", strings.ReplaceAll(c.Status, "_", " ")
	case "success":
		return "check", "good", "success"
	case "neutral", "skipped":
		return "dash", "", c.Conclusion
	}
	return "cross", "bad", strings.ReplaceAll(c.Conclusion, "_", " ")
}

// fillMerge says whether it can be merged, and by whose votes.
func (p *pages) fillMerge(b *pullPage, viewer string) {
	b.Blocked = b.PullDetail.Blocked
	if viewer == "" {
		b.Blocked = p.s.blockedForAll(b.Full, b.Number)
	}
	switch {
	case b.MergedBy != "":
		b.Merger, b.Merged = p.person(b.MergedBy), p.moment(p.s.mergedAt(b.Full, b.Number))
	case p.s.dialect == GitLab: // its own words say these
	case b.Mergeable == "CONFLICTING":
		b.Blocked = append([]string{"The branch conflicts with " + b.BaseRef + "."}, b.Blocked...)
	case b.Draft:
		b.Blocked = append([]string{"The pull request is still a draft."}, b.Blocked...)
	}
	for _, name := range b.Requested {
		b.Asked = append(b.Asked, p.person(name))
	}
	seen := map[string]bool{}
	for _, r := range slices.Backward(b.Reviews) {
		if r.State == "COMMENTED" || seen[r.Author] {
			continue
		}
		seen[r.Author] = true
		w := reviewWords[r.State]
		b.Votes = append(b.Votes, vote{p.person(r.Author), w.icon, w.tone, w.words, r.Commit != b.HeadSHA})
	}
}

// blockedForAll is what keeps anybody at all from merging.
func (s *Sandbox) blockedForAll(full string, number int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil || r.pulls[number] == nil {
		return nil
	}
	if s.dialect == GitLab {
		return s.blockedForEach(r.pulls[number])
	}
	return s.guardMerge(r.pulls[number], actor{token: &token{account: r.Owner}})
}

// mergedAt is when a pull request was merged.
func (s *Sandbox) mergedAt(full string, number int) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil || r.pulls[number] == nil {
		return time.Time{}
	}
	return r.pulls[number].MergedAt
}

// act does what a form of a pull request's page asks for.
func (p *pages) act(v *visit) error {
	number, err := strconv.Atoi(v.r.PathValue("number"))
	if err != nil {
		return errNotFound
	}
	as, err := v.acting()
	if err != nil {
		return err
	}
	full, form, anchor := v.full(), v.r.PostForm, ""
	switch v.r.PathValue("action") {
	case "comment":
		var id int64
		id, err = as.Comment(full, number, form.Get("body"))
		anchor = fmt.Sprintf("#%s%d", map[Dialect]string{GitHub: "issuecomment-", GitLab: "note_"}[p.s.dialect], id)
	case "review":
		var id int64
		id, err = as.Review(full, number, form.Get("event"), form.Get("body"), form.Get("commit"))
		anchor = fmt.Sprintf("#%s%d", map[Dialect]string{GitHub: "pullrequestreview-", GitLab: "note_"}[p.s.dialect], id)
	case "unapprove":
		err = as.Unapprove(full, number)
	case "thread":
		act := as.actOnThread
		if p.s.dialect != GitLab {
			act = as.actOnLine
		}
		err = act(full, number, form.Get("thread"), form.Get("do"), form.Get("body"))
	case "suggestion":
		_, err = as.ApplySuggestion(full, number, form.Get("thread"))
	case "merge":
		err = as.Merge(full, number, form.Get("method"), form.Get("head"))
	case "state":
		err = as.SetState(full, number, form.Get("state"))
	case "draft":
		err = as.SetDraft(full, number, form.Get("draft") == "yes")
	case "rerun":
		var id int64
		if id, err = strconv.ParseInt(form.Get("check"), 10, 64); err != nil {
			return errNotFound
		}
		err = as.Rerun(full, id)
	default:
		return refuse(http.StatusNotFound, "There is no such action.")
	}
	if err != nil {
		return err
	}
	return v.redirect(fmt.Sprintf("%s/%d%s", p.s.pageAt(full, "pull"), number, anchor))
}
