package sandbox

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

var repoRoutes = []route{
	{"GET /repos/{owner}/{repo}", need{"metadata:read", "read"}, func(c *call) (int, any, error) {
		return 200, c.s.fullRepoJSON(c.repo), nil
	}},
	{"GET /repos/{owner}/{repo}/activity", need{"contents:read", "read"}, listActivity},
	{"GET /repos/{owner}/{repo}/branches/{branch}", need{"contents:read", "read"}, getBranch},
	{"GET /repos/{owner}/{repo}/contents/{path}", need{"contents:read", "read"}, getContents},
	{"PUT /repos/{owner}/{repo}/contents/{path}", need{"contents:write", "write"}, putContents},
	{"GET /repos/{owner}/{repo}/commits/{ref}", need{"contents:read", "read"}, func(c *call) (int, any, error) {
		commit, err := c.commit(c.req.PathValue("ref"))
		if err != nil {
			return 0, nil, err
		}
		return 200, c.s.commitJSON(c.repo, commit), nil
	}},
	{"GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", need{"pull_requests:read", "read"}, func(c *call) (int, any, error) {
		commit, err := c.commit(c.req.PathValue("commit_sha"))
		if err != nil {
			return 0, nil, err
		}
		var found []*pull
		for n := 1; n < c.repo.next; n++ {
			p := c.repo.pulls[n]
			if p == nil {
				continue // an issue
			}
			if cmp, err := p.compare(); err == nil && (slices.Contains(cmp.Commits, commit.Hash.String()) || p.MergeSHA == commit.Hash.String()) {
				found = append(found, p)
			}
		}
		return 200, list(c, found, c.s.pullSimpleJSON), nil
	}},
	{"GET /repos/{owner}/{repo}/collaborators/{username}/permission", need{"metadata:read", "read"}, func(c *call) (int, any, error) {
		a := c.s.account(c.req.PathValue("username"))
		if a == nil {
			return 0, nil, errNotFound
		}
		l := c.s.level(a, c.repo)
		// The old field knows three levels only.
		old := map[int]string{0: "none", 1: "read", 2: "read", 3: "write", 4: "write", 5: "admin"}[l]
		return 200, obj{"permission": old, "role_name": levelName(l), "user": c.s.userJSON(a)}, nil
	}},
}

// commit resolves what a path names: a branch, a tag or an object id.
func (c *call) commit(expr string) (*object.Commit, error) {
	sha := c.repo.peel(c.repo.resolve(expr))
	commit, err := c.repo.commit(sha)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", expr)
	}
	return commit, nil
}

func listActivity(c *call) (int, any, error) {
	q := c.req.URL.Query()
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size < 1 {
		size = 30
	}
	size = min(size, 100)
	ref := q.Get("ref")
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
	items := slices.Clone(c.repo.activity)
	if q.Get("direction") != "asc" {
		slices.Reverse(items)
	}
	out := []obj{}
	skip := after != 0
	for _, a := range items {
		if skip {
			skip = a.ID != after
			continue
		}
		if ref != "" && a.Ref != ref || q.Get("actor") != "" && !strings.EqualFold(a.Actor.Login, q.Get("actor")) ||
			q.Get("activity_type") != "" && a.Type != q.Get("activity_type") {
			continue
		}
		if len(out) == size {
			c.header.Set("Link", c.link("next", url.Values{"after": {itoa(out[size-1]["id"].(int64))}}))
			break
		}
		out = append(out, obj{"id": a.ID, "node_id": nodeID("PSH", a.ID), "before": a.Before, "after": a.After, "ref": a.Ref,
			"timestamp": stamp(a.At), "activity_type": a.Type, "actor": c.s.userJSON(a.Actor)})
	}
	return 200, out, nil
}

func getBranch(c *call) (int, any, error) {
	name := c.req.PathValue("branch")
	commit, err := c.repo.commit(c.repo.branch(name))
	if err != nil {
		return 0, nil, refuse(http.StatusNotFound, "Branch not found")
	}
	u := c.s.rest("/repos/" + c.repo.full() + "/branches/" + name)
	ru := c.repo.rule("refs/heads/" + name)
	protection := obj{"enabled": ru != nil}
	if ru != nil && len(ru.RequiredChecks) > 0 {
		contexts, checks := []string{}, []obj{}
		for _, x := range ru.RequiredChecks {
			contexts = append(contexts, x.Context)
			checks = append(checks, obj{"context": x.Context, "app_id": zeroNull(x.AppID)})
		}
		protection["required_status_checks"] = obj{"enforcement_level": "everyone", "contexts": contexts, "checks": checks}
	}
	return 200, obj{"name": name, "commit": c.s.commitJSON(c.repo, commit), "_links": obj{"html": c.s.url + "/" + c.repo.full() + "/tree/" + name, "self": u},
		"protected": ru != nil, "protection": protection, "protection_url": u + "/protection"}, nil
}

func getContents(c *call) (int, any, error) {
	ref := c.req.URL.Query().Get("ref")
	if ref == "" {
		ref = c.repo.Default
	}
	commit, err := c.repo.commit(c.repo.peel(c.repo.resolve(ref)))
	if err != nil {
		return 0, nil, refuse(http.StatusNotFound, "No commit found for the ref %s", ref)
	}
	name := strings.Trim(c.req.PathValue("path"), "/")
	e := c.repo.lookup(commit.TreeHash.String(), name)
	if e == nil {
		return 0, nil, errNotFound
	}
	if e.Mode != filemode.Dir {
		data, err := c.repo.blob(e.Hash.String())
		if err != nil {
			return 0, nil, err
		}
		if strings.Contains(c.req.Header.Get("Accept"), "raw") {
			return 200, raw{"application/vnd.github.raw+json; charset=utf-8", data}, nil
		}
		j := c.contentJSON(ref, name, *e)
		j["size"] = len(data)
		if j["encoding"], j["content"] = "base64", base64Lines(data); len(data) > 1<<20 {
			j["encoding"], j["content"] = "none", ""
		}
		return 200, j, nil
	}
	t, err := c.repo.tree(e.Hash.String())
	if err != nil {
		return 0, nil, err
	}
	out := []obj{}
	for _, sub := range t.Entries {
		out = append(out, c.contentJSON(ref, path.Join(name, sub.Name), sub))
	}
	return 200, out, nil
}

// base64Lines breaks base64 as GitHub does.
func base64Lines(data []byte) string {
	var b strings.Builder
	for text := base64.StdEncoding.EncodeToString(data); text != ""; {
		n := min(60, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

func (c *call) contentJSON(ref, name string, e object.TreeEntry) obj {
	kind, dir := "file", "blob"
	switch e.Mode {
	case filemode.Dir:
		kind, dir = "dir", "tree"
	case filemode.Symlink:
		kind = "symlink"
	case filemode.Submodule:
		kind = "submodule"
	}
	size := 0
	if kind == "file" {
		if data, err := c.repo.blob(e.Hash.String()); err == nil {
			size = len(data)
		}
	}
	escaped := (&url.URL{Path: name}).EscapedPath()
	self := c.s.rest("/repos/" + c.repo.full() + "/contents/" + escaped + "?ref=" + url.QueryEscape(ref))
	gitURL := c.s.rest("/repos/" + c.repo.full() + "/git/" + dir + "s/" + e.Hash.String())
	html := c.s.url + "/" + c.repo.full() + "/" + dir + "/" + ref + "/" + escaped
	var download any
	if kind == "file" {
		download = c.s.url + "/" + c.repo.full() + "/raw/" + ref + "/" + escaped
	}
	return obj{"type": kind, "size": size, "name": path.Base(name), "path": name, "sha": e.Hash.String(), "url": self, "git_url": gitURL,
		"html_url": html, "download_url": download, "_links": obj{"self": self, "git": gitURL, "html": html}}
}

// personEdit is an author or committer as a request gives it.
type personEdit struct {
	Name  string     `json:"name"`
	Email string     `json:"email"`
	Date  *time.Time `json:"date"`
}

func (p *personEdit) signature(now time.Time) (*object.Signature, error) {
	if p == nil {
		return nil, nil
	}
	if p.Name == "" || p.Email == "" {
		return nil, malformed("\"name\" and \"email\" weren't supplied.")
	}
	if p.Date != nil {
		now = *p.Date
	}
	return &object.Signature{Name: p.Name, Email: p.Email, When: now}, nil
}

func putContents(c *call) (int, any, error) {
	var in struct {
		Message, Content  *string
		SHA, Branch       string
		Author, Committer *personEdit
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if in.Message == nil || in.Content == nil {
		return 0, nil, malformed("\"message\" and \"content\" weren't supplied.")
	}
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(*in.Content, "\n", ""))
	if err != nil {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "content is not valid Base64")
	}
	if in.Branch == "" {
		in.Branch = c.repo.Default
	}
	name := c.req.PathValue("path")
	tip, base := c.repo.branch(in.Branch), plumbing.ZeroHash
	var parents []string
	if tip == "" && len(c.repo.refs) > 0 {
		return 0, nil, refuse(http.StatusNotFound, "Branch %s not found", in.Branch)
	}
	status := 201
	if tip != "" {
		commit, err := c.repo.commit(tip)
		if err != nil {
			return 0, nil, err
		}
		parents, base = []string{tip}, commit.TreeHash
		if e := c.repo.lookup(base.String(), name); e != nil {
			status = 200
			switch {
			case in.SHA == "":
				return 0, nil, refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n\"sha\" wasn't supplied.")
			case in.SHA != e.Hash.String():
				return 0, nil, refuse(http.StatusConflict, "%s does not match %s", name, in.SHA)
			}
		}
	}
	author, err := in.Author.signature(c.s.now())
	if err != nil {
		return 0, nil, err
	}
	committer, err := in.Committer.signature(c.s.now())
	if err != nil {
		return 0, nil, err
	}
	if author == nil {
		author = committer
	}
	tree, err := c.repo.writeFiles(base, map[string][]byte{name: data})
	if err != nil {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "path is malformed")
	}
	sha, err := c.s.makeCommit(c.repo, c.by.account, newCommit{Tree: tree, Parents: parents, Message: *in.Message, Author: author, Committer: committer})
	if err != nil {
		return 0, nil, err
	}
	if tip == "" {
		tip = zeroOID
	}
	if err := c.s.moveRef(c.repo, c.by, refChange{"refs/heads/" + in.Branch, tip, sha}); err != nil {
		return 0, nil, err
	}
	commit, err := c.repo.commit(sha)
	if err != nil {
		return 0, nil, err
	}
	content := c.contentJSON(in.Branch, name, *c.repo.lookup(tree.String(), name))
	return status, obj{"content": content, "commit": c.s.gitCommitJSON(c.repo, commit)}, nil
}
