package sandbox

import (
	"slices"
	"time"
)

// The views are copies of the world for whoever shows it: safe to keep, never stale halfway.

// RepoView is a repository.
type RepoView struct {
	Owner, Name   string
	Private       bool
	DefaultBranch string
	Branches      map[string]string // name → tip
	Tags          map[string]string // name → object id
	Pulls         []PullView        // newest first
}

// PullView is a pull request in a list.
type PullView struct {
	Number           int
	Title, Body      string
	Author           string
	State            string // OPEN, CLOSED or MERGED
	Draft            bool
	HeadRef, HeadSHA string
	BaseRef, BaseSHA string
	MergeSHA         string
	MergedBy         string
	Created, Updated time.Time
	Labels           []string
}

// PullDetail is everything that a pull request's page shows.
type PullDetail struct {
	PullView
	Requested []string // "login" or "org/team"
	Reviews   []ReviewView
	Comments  []CommentView
	Commits   []CommitView
	Files     []FileView
	Checks    []CheckView
	Mergeable string   // MERGEABLE, CONFLICTING or UNKNOWN
	Blocked   []string // what else keeps it from being merged, in sentences
}

// ReviewView is a review.
type ReviewView struct {
	ID                          int64
	Author, State, Body, Commit string
	Submitted                   time.Time
}

// CommentView is a comment.
type CommentView struct {
	ID           int64
	Author, Body string
	Bot, Edited  bool
	Created      time.Time
}

// CommitView is a commit. Verified: the host itself signed it.
type CommitView struct {
	SHA, Message, AuthorName, AuthorEmail string
	Author                                string // login; empty if the address is nobody's
	When                                  time.Time
	Verified                              bool
}

// FileView is a changed file with its diff.
type FileView struct {
	Path, Previous, Status string
	Additions, Deletions   int
	Patch                  string
}

// CheckView is the newest check run of its name.
type CheckView struct {
	ID                               int64
	App, Name, Status, Conclusion    string
	Title, Summary, Text, DetailsURL string
	Annotations                      []AnnotationView
	Required                         bool
	Started, Completed               time.Time
}

// AnnotationView marks lines of a file.
type AnnotationView struct {
	Path, Level, Title, Message string
	StartLine, EndLine          int
}

// EntryView is an entry of a directory.
type EntryView struct {
	Name, Path string
	Dir        bool
	SHA        string
}

// Repos shows all repositories.
func (s *Sandbox) Repos() []RepoView {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []RepoView
	for _, r := range s.repos {
		out = append(out, r.view())
	}
	return out
}

// Repo shows a repository, named "owner/name".
func (s *Sandbox) Repo(full string) (RepoView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil {
		return RepoView{}, false
	}
	return r.view(), true
}

func (r *repo) view() RepoView {
	v := RepoView{Owner: r.Owner.Login, Name: r.Name, Private: r.Private, DefaultBranch: r.Default, Branches: map[string]string{}, Tags: map[string]string{}}
	for name, sha := range r.refs {
		if b, ok := cutHeads(name); ok {
			v.Branches[b] = sha
		} else if len(name) > 10 && name[:10] == "refs/tags/" {
			v.Tags[name[10:]] = sha
		}
	}
	for n := r.next - 1; n > 0; n-- {
		if p := r.pulls[n]; p != nil {
			v.Pulls = append(v.Pulls, p.view())
		}
	}
	return v
}

func (p *pull) view() PullView {
	v := PullView{Number: p.Number, Title: p.Title, Body: p.Body, Author: p.Author.Login, State: p.state(), Draft: p.Draft, HeadRef: p.HeadRef,
		HeadSHA: p.HeadSHA, BaseRef: p.BaseRef, BaseSHA: p.BaseSHA, MergeSHA: p.MergeSHA, Created: p.Created, Updated: p.Updated}
	if p.MergedBy != nil {
		v.MergedBy = p.MergedBy.Login
	}
	for _, l := range p.Labels {
		v.Labels = append(v.Labels, l.Name)
	}
	return v
}

// Pull shows a pull request as a user sees it (whether it is blocked depends on who would merge).
func (s *Sandbox) Pull(full string, number int, viewer string) (PullDetail, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil || r.pulls[number] == nil {
		return PullDetail{}, errNotFound
	}
	p := r.pulls[number]
	d := PullDetail{PullView: p.view(), Mergeable: p.mergeability()}
	if a := s.account(viewer); a != nil {
		if by := (actor{token: &token{account: a}}); s.dialect == GitLab {
			d.Blocked = s.blockedMR(p, by)
		} else {
			d.Blocked = s.guardMerge(p, by)
		}
	}
	for _, a := range p.Users {
		d.Requested = append(d.Requested, a.Login)
	}
	for _, t := range p.Teams {
		d.Requested = append(d.Requested, t.Org.Login+"/"+t.Slug)
	}
	for _, v := range p.Reviews {
		d.Reviews = append(d.Reviews, ReviewView{v.ID, v.Author.Login, v.State, v.Body, v.Commit, v.Submitted})
	}
	for _, c := range p.Comments {
		d.Comments = append(d.Comments, CommentView{c.ID, c.Author.Login, c.Body, c.Author.Type == kindBot, !c.Edited.IsZero(), c.Created})
	}
	cmp, err := p.compare()
	if err == nil {
		err = r.patches(cmp, p.HeadSHA)
	}
	if err != nil {
		return d, err
	}
	for _, sha := range cmp.Commits {
		c, err := s.commitView(r, sha)
		if err != nil {
			return d, err
		}
		d.Commits = append(d.Commits, c)
	}
	for _, f := range cmp.Files {
		d.Files = append(d.Files, FileView{f.Path, f.Previous, f.Status, f.Additions, f.Deletions, f.Patch})
	}
	d.Checks = r.checkViews(p.HeadSHA, r.rule("refs/heads/"+p.BaseRef))
	return d, nil
}

func (r *repo) checkViews(sha string, ru *rule) []CheckView {
	var runs []*checkRun
	for _, c := range r.checks {
		if c.HeadSHA == sha {
			runs = append(runs, c)
		}
	}
	var out []CheckView
	for _, c := range latest(runs) {
		v := CheckView{ID: c.ID, App: c.app.Slug, Name: c.Name, Status: c.Status, Conclusion: c.Conclusion, Title: c.Title, Summary: c.Summary,
			Text: c.Text, DetailsURL: c.DetailsURL, Started: c.Started, Completed: c.Completed}
		for _, a := range c.Annotations {
			v.Annotations = append(v.Annotations, AnnotationView{a.Path, a.Level, a.Title, a.Message, a.StartLine, a.EndLine})
		}
		v.Required = ru != nil && slices.ContainsFunc(ru.RequiredChecks, func(x RequiredCheck) bool {
			return x.Context == c.Name && (x.AppID == 0 || x.AppID == c.app.ID)
		})
		out = append(out, v)
	}
	return out
}

func (s *Sandbox) commitView(r *repo, sha string) (CommitView, error) {
	c, err := r.commit(sha)
	if err != nil {
		return CommitView{}, err
	}
	v := CommitView{SHA: sha, Message: c.Message, AuthorName: c.Author.Name, AuthorEmail: c.Author.Email, When: c.Committer.When, Verified: s.verify(c).Valid}
	if a := s.byEmail(c.Author.Email); a != nil {
		v.Author = a.Login
	}
	return v, nil
}

// Log shows the newest commits reachable from a branch, tag or commit, along first parents.
func (s *Sandbox) Log(full, rev string, limit int) ([]CommitView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(full)
	if r == nil {
		return nil, errNotFound
	}
	var out []CommitView
	for sha := r.peel(r.resolve(rev)); sha != "" && len(out) < limit; {
		v, err := s.commitView(r, sha)
		if err != nil {
			return nil, errNotFound
		}
		out = append(out, v)
		c, err := r.commit(sha)
		if err != nil || c.NumParents() == 0 {
			break
		}
		sha = c.ParentHashes[0].String()
	}
	return out, nil
}

// Dir lists a directory at a branch, tag or commit.
func (s *Sandbox) Dir(full, rev, path string) ([]EntryView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, sha, err := s.at(full, rev, path)
	if err != nil {
		return nil, err
	}
	t, err := r.tree(sha)
	if err != nil {
		return nil, errNotFound
	}
	var out []EntryView
	for _, e := range t.Entries {
		at := e.Name
		if path != "" {
			at = path + "/" + e.Name
		}
		out = append(out, EntryView{Name: e.Name, Path: at, Dir: treeType(e.Mode) == "tree", SHA: e.Hash.String()})
	}
	return out, nil
}

// File reads a file at a branch, tag or commit.
func (s *Sandbox) File(full, rev, path string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, sha, err := s.at(full, rev, path)
	if err != nil {
		return nil, err
	}
	data, err := r.blob(sha)
	if err != nil {
		return nil, errNotFound
	}
	return data, nil
}

func (s *Sandbox) at(full, rev, path string) (*repo, string, error) {
	r := s.repoByFull(full)
	if r == nil {
		return nil, "", errNotFound
	}
	c, err := r.commit(r.peel(r.resolve(rev)))
	if err != nil {
		return nil, "", errNotFound
	}
	e := r.lookup(c.TreeHash.String(), path)
	if e == nil {
		return nil, "", errNotFound
	}
	return r, e.Hash.String(), nil
}

// Users lists the people, in the order in which they came.
func (s *Sandbox) Users() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Account
	for _, a := range s.accounts {
		if a.Type == kindUser && a != s.webflow {
			out = append(out, *a)
		}
	}
	slices.SortFunc(out, func(a, b Account) int { return int(a.ID - b.ID) })
	return out
}
