package sandbox

import (
	"bytes"
	"html/template"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// What the file browser shows at most.
const (
	maxShown   = 512 << 10 // bytes of a file
	maxHistory = 100       // commits
)

// pullLine is a pull request in a list.
type pullLine struct {
	PullView
	Who  who
	When moment
}

func (p *pages) pullLines(views []PullView, open bool) []pullLine {
	var out []pullLine
	for _, v := range views {
		if (v.State == "OPEN") == open {
			out = append(out, pullLine{v, p.person(v.Author), p.moment(v.Created)})
		}
	}
	return out
}

func (p *pages) home(v *visit) error {
	type card struct {
		RepoView
		Full string
		Open []pullLine
	}
	var cards []card
	for _, r := range p.s.Repos() {
		cards = append(cards, card{r, r.Owner + "/" + r.Name, p.pullLines(r.Pulls, true)})
	}
	return v.show("home", "Sandbox", cards)
}

// refLine is a branch or a tag in a list.
type refLine struct {
	Name, SHA, Message string
	When               moment
	Who                who
	Protected, Signed  bool
	Default            bool
	Pull               int // the open pull request of the branch
	Ahead              bool
	Rights             string // in GitLab's dialect: who may push and merge
}

func (p *pages) repo(v *visit) error {
	r, ok := p.s.Repo(v.full())
	if !ok {
		return errNotFound
	}
	body := struct {
		RepoView
		Open, Done     []pullLine
		Branches, Tags []refLine
		Clone          string
		Tree           *browsed
		Issues         int // the open ones
	}{RepoView: r, Open: p.pullLines(r.Pulls, true), Done: p.pullLines(r.Pulls, false), Clone: p.s.GitURL(r.Owner, r.Name)}
	body.Branches, body.Tags = p.refLines(v.full(), r)
	issues, err := p.s.Issues(v.full())
	if err != nil {
		return err
	}
	for _, i := range issues {
		if i.Open {
			body.Issues++
		}
	}
	if r.Branches[r.DefaultBranch] != "" {
		if body.Tree, err = p.look(v.full(), r.DefaultBranch, ""); err != nil {
			return err
		}
	}
	return v.show("repo", v.full(), body)
}

func (p *pages) refLines(full string, view RepoView) (branches, tags []refLine) {
	for _, name := range slices.Sorted(maps.Keys(view.Branches)) {
		l := refLine{Name: name, SHA: view.Branches[name], Default: name == view.DefaultBranch}
		if log, err := p.s.Log(full, l.SHA, 1); err == nil && len(log) == 1 {
			l.Message, _ = subject(log[0].Message)
			l.When, l.Signed = p.moment(log[0].When), log[0].Verified
			l.Who = p.committer(log[0])
		}
		l.Ahead = !l.Default
		for _, pr := range view.Pulls {
			if pr.State == "OPEN" && pr.HeadRef == name {
				l.Pull = pr.Number
			}
			l.Ahead = l.Ahead && pr.HeadSHA != l.SHA // what was asked once is not offered again
		}
		branches = append(branches, l)
	}
	slices.SortStableFunc(branches, func(x, y refLine) int {
		if x.Default != y.Default {
			return map[bool]int{true: -1, false: 1}[x.Default]
		}
		return 0
	})
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	r := p.s.repoByFull(full)
	if r == nil {
		return nil, nil
	}
	for i := range branches {
		l := &branches[i]
		l.Protected = r.rule("refs/heads/"+l.Name) != nil
		if r.dialect == GitLab {
			l.Rights = p.s.branchWords(r, l.Name)
			l.Protected = l.Rights != ""
		}
		if c, err := r.compare(view.Branches[view.DefaultBranch], l.SHA); err != nil || c.MergeBase == "" || len(c.Commits) == 0 {
			l.Ahead = false
		}
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(view.Tags))) {
		l := refLine{Name: name, SHA: r.peel(view.Tags[name])}
		if t, err := object.GetTag(r.store, plumbing.NewHash(view.Tags[name])); err == nil {
			l.Message, _ = subject(t.Message)
			l.When, l.Signed = p.moment(t.Tagger.When), t.PGPSignature != ""
		}
		tags = append(tags, l)
	}
	return branches, tags
}

// committer is who a commit is shown as: the account, or the name in it.
func (p *pages) committer(c CommitView) who {
	if c.Author != "" {
		return p.person(c.Author)
	}
	return newWho(c.AuthorName, "", false)
}

// browsed is a directory or a file at a revision.
type browsed struct {
	Full, Rev, Path string
	Branch          bool // Rev names a branch
	Crumbs          []EntryView
	Entries         []EntryView
	File            bool
	Size            int
	Lines           []string
	Why             string // why a file is not shown
	Last            *commitLine
	Readme          template.HTML
}

// splitRev cuts "release/x/README.md" into the revision and the path: a branch's name may hold
// slashes, and no branch's name is another's folder.
func (s *Sandbox) splitRev(full, rest string) (rev, file string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil {
		return "", "", errNotFound
	}
	for i := 0; i <= len(rest); i++ {
		if (i == len(rest) || rest[i] == '/') && r.resolve(rest[:i]) != "" {
			return rest[:i], strings.Trim(rest[i:], "/"), nil
		}
	}
	return "", "", errNotFound
}

func (p *pages) browse(v *visit) error {
	rev, file, err := p.s.splitRev(v.full(), v.r.PathValue("rest"))
	if err != nil {
		return err
	}
	b, err := p.look(v.full(), rev, file)
	if err != nil {
		return err
	}
	title := v.full() + " at " + rev
	if file != "" {
		title = file + " · " + title
	}
	return v.show("browse", title, b)
}

func (p *pages) look(full, rev, file string) (*browsed, error) {
	b := &browsed{Full: full, Rev: rev, Path: file}
	if r, ok := p.s.Repo(full); ok {
		b.Branch = r.Branches[rev] != ""
	}
	if log, err := p.s.Log(full, rev, 1); err == nil && len(log) == 1 {
		l := p.commitLine(log[0])
		b.Last = &l
	}
	at := ""
	for _, name := range strings.FieldsFunc(file, func(r rune) bool { return r == '/' }) {
		at = path.Join(at, name)
		b.Crumbs = append(b.Crumbs, EntryView{Name: name, Path: at})
	}
	entries, err := p.s.Dir(full, rev, file)
	if err == nil {
		slices.SortStableFunc(entries, func(x, y EntryView) int {
			if x.Dir != y.Dir {
				return map[bool]int{true: -1, false: 1}[x.Dir]
			}
			return strings.Compare(x.Name, y.Name)
		})
		b.Entries = entries
		if text, err := p.s.File(full, rev, path.Join(file, "README.md")); err == nil && len(text) <= maxShown && isText(text) {
			b.Readme = p.markdown(string(text))
		}
		return b, nil
	}
	data, err := p.s.File(full, rev, file)
	if err != nil {
		return nil, err
	}
	b.File, b.Size = true, len(data)
	switch {
	case len(data) > maxShown:
		b.Why = "The file is too large to be shown here."
	case !isText(data):
		b.Why = "The file is not text."
	default:
		b.Lines = strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	}
	return b, nil
}

func isText(data []byte) bool { return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 }

// commitLine is a commit on a page.
type commitLine struct {
	CommitView
	Subject, Rest string
	Who           who
	Moment        moment
}

func (p *pages) commitLine(c CommitView) commitLine {
	l := commitLine{CommitView: c, Who: p.committer(c), Moment: p.moment(c.When)}
	l.Subject, l.Rest = subject(c.Message)
	return l
}

func (p *pages) commits(v *visit) error {
	rev := v.r.PathValue("rest")
	log, err := p.s.Log(v.full(), rev, maxHistory)
	if err != nil || len(log) == 0 {
		return errNotFound
	}
	body := struct {
		Full, Rev string
		Commits   []commitLine
	}{Full: v.full(), Rev: rev}
	for _, c := range log {
		body.Commits = append(body.Commits, p.commitLine(c))
	}
	return v.show("commits", "Commits of "+rev, body)
}

func (p *pages) commit(v *visit) error {
	log, err := p.s.Log(v.full(), v.r.PathValue("sha"), 1)
	if err != nil || len(log) == 0 {
		return errNotFound
	}
	parents, files, err := p.s.commitDiff(v.full(), log[0].SHA)
	if err != nil {
		return err
	}
	body := struct {
		commitLine
		Full    string
		Parents []string
		Files   []diffFile
	}{p.commitLine(log[0]), v.full(), parents, newDiff(files, nil)}
	return v.show("commit", body.Subject, body)
}

// commitDiff is what a commit changed against its first parent. The first commit of all has none.
func (s *Sandbox) commitDiff(full, sha string) (parents []string, files []FileView, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	c, err := r.commit(sha)
	if err != nil {
		return nil, nil, errNotFound
	}
	for _, h := range c.ParentHashes {
		parents = append(parents, h.String())
	}
	if len(parents) == 0 {
		return nil, nil, nil
	}
	diff, err := r.compare(parents[0], sha)
	if err != nil {
		return nil, nil, err
	}
	if err := r.patches(diff, sha); err != nil {
		return nil, nil, err
	}
	for _, f := range diff.Files {
		files = append(files, FileView{f.Path, f.Previous, f.Status, f.Additions, f.Deletions, f.Patch})
	}
	return parents, files, nil
}
