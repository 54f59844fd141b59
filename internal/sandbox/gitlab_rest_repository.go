package sandbox

import (
	"encoding/base64"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const glRepo = "/projects/{id}/repository"

// maxCommits bounds how many commits of a history are listed at all.
const maxCommits = 10000

var glRepositoryRoutes = []glRoute{
	{"GET " + glRepo + "/tree", "ref path recursive:bool pagination:legacy|keyset|none page_token", 0, glTree},
	{"GET " + glRepo + "/blobs/{sha}", "", 0, onBlob(func(sha string, data []byte) any {
		return obj{"size": len(data), "encoding": "base64", "content": base64.StdEncoding.EncodeToString(data), "sha": sha}
	})},
	{"GET " + glRepo + "/blobs/{sha}/raw", "", 0, onBlob(func(_ string, data []byte) any { return raw{"application/octet-stream", data} })},
	{"GET " + glRepo + "/compare", "from! to! straight:bool from_project_id:int unidiff:bool", 0, glCompare},
	{"GET " + glRepo + "/merge_base", "refs!:list", 0, glMergeBase},
	{"GET " + glRepo + "/commits", "ref_name since until path author all:bool first_parent:bool with_stats:bool order:default|topo trailers:bool", 0, glCommits},
	{"GET " + glRepo + "/commits/{sha}", "stats:bool", 0, onCommit(glCommit)},
	{"GET " + glRepo + "/commits/{sha}/diff", "unidiff:bool", 0, onCommit(glCommitDiff)},
	{"GET " + glRepo + "/commits/{sha}/signature", "", 0, onCommit(glSignature)},
	{"GET " + glRepo + "/commits/{sha}/merge_requests", "state", 0, onCommit(glCommitMRs)},
}

// rev finds the commit that an expression names; empty is the default branch.
func (r *repo) rev(expr string) (*object.Commit, error) {
	if expr == "" || expr == "HEAD" {
		expr = r.Default
	}
	c, err := r.commit(r.peel(r.resolve(expr)))
	if err != nil {
		return nil, notFoundOf("Commit")
	}
	return c, nil
}

func glTree(c *glCall) (int, any, error) {
	if c.text("pagination") == "keyset" || c.text("pagination") == "none" {
		return 0, nil, refuse(http.StatusMethodNotAllowed, "the sandbox pages trees by number only").as(kindError)
	}
	commit, err := c.repo.rev(c.text("ref"))
	if err != nil {
		return 0, nil, notFoundOf("Tree")
	}
	dir := strings.Trim(c.text("path"), "/")
	e := c.repo.lookup(commit.TreeHash.String(), dir)
	if e == nil || e.Mode != filemode.Dir {
		return 0, nil, notFoundOf("invalid revision or path")
	}
	var all []obj
	if err := c.repo.entries(e.Hash.String(), dir, c.flag("recursive"), &all); err != nil {
		return 0, nil, err
	}
	// Directories first, submodules last: so GitLab sorts them.
	order := map[any]int{"tree": 0, "blob": 1, "commit": 2}
	slices.SortStableFunc(all, func(a, b obj) int { return order[a["type"]] - order[b["type"]] })
	return glList(c, all, func(o obj) any { return o })
}

func (r *repo) entries(tree, prefix string, recursive bool, into *[]obj) error {
	t, err := r.tree(tree)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		at := path.Join(prefix, e.Name)
		*into = append(*into, obj{"id": e.Hash.String(), "name": e.Name, "type": treeType(e.Mode), "path": at, "mode": mode(e.Mode)})
		if recursive && e.Mode == filemode.Dir {
			if err := r.entries(e.Hash.String(), at, true, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func onBlob(show func(sha string, data []byte) any) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		data, err := c.repo.blob(c.req.PathValue("sha"))
		if err != nil {
			return 0, nil, notFoundOf("Blob")
		}
		return 200, show(c.req.PathValue("sha"), data), nil
	}
}

func onCommit(fn func(c *glCall, commit *object.Commit) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		commit, err := c.repo.rev(c.req.PathValue("sha"))
		if err != nil {
			return 0, nil, err
		}
		return fn(c, commit)
	}
}

// gitlabCommitJSON is a commit; the accounts behind its addresses are not part of it.
func (s *Sandbox) gitlabCommitJSON(r *repo, sha string) any {
	c, err := r.commit(sha)
	if err != nil {
		return nil
	}
	parents := []string{}
	for _, p := range c.ParentHashes {
		parents = append(parents, p.String())
	}
	title, _, _ := strings.Cut(c.Message, "\n")
	return obj{"id": sha, "short_id": sha[:8], "created_at": commitTime(c.Committer.When), "parent_ids": parents, "title": title, "message": c.Message,
		"author_name": c.Author.Name, "author_email": c.Author.Email, "authored_date": commitTime(c.Author.When), "committer_name": c.Committer.Name,
		"committer_email": c.Committer.Email, "committed_date": commitTime(c.Committer.When), "trailers": obj{}, "extended_trailers": obj{},
		"web_url": s.url + "/" + r.full() + "/-/commit/" + sha}
}

// commitTime keeps the zone that a commit was made in.
func commitTime(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }

func glCommit(c *glCall, commit *object.Commit) (int, any, error) {
	sha := commit.Hash.String()
	j := c.s.gitlabCommitJSON(c.repo, sha).(obj)
	files, err := c.repo.changedBy(commit)
	if err != nil {
		return 0, nil, err
	}
	add, del := 0, 0
	for _, f := range files {
		add, del = add+f.Additions, del+f.Deletions
	}
	j["stats"], j["project_id"], j["status"], j["last_pipeline"] = obj{"additions": add, "deletions": del, "total": add + del}, c.repo.ID, nil, nil
	if pl := c.repo.matchingPipeline(sha, statusIn{}); pl != nil {
		j["status"], j["last_pipeline"] = pl.status(), c.s.pipelineJSON(c.repo, pl)
	}
	return 200, j, nil
}

// changedBy is the diff of a commit with its first parent.
func (r *repo) changedBy(commit *object.Commit) ([]fileChange, error) {
	if commit.NumParents() == 0 {
		return nil, nil
	}
	cmp, err := r.compare(commit.ParentHashes[0].String(), commit.Hash.String())
	if err == nil {
		err = r.patches(cmp, commit.Hash.String())
	}
	if err != nil {
		return nil, err
	}
	return cmp.Files, nil
}

func glCommitDiff(c *glCall, commit *object.Commit) (int, any, error) {
	files, err := c.repo.changedBy(commit)
	if err != nil {
		return 0, nil, err
	}
	return glList(c, files, func(f fileChange) any {
		return c.repo.diffJSON(commit.ParentHashes[0].String(), commit.Hash.String(), f)
	})
}

// glSignature tells of a commit's signature. The sandbox knows nobody's keys, and signs nothing itself.
func glSignature(c *glCall, commit *object.Commit) (int, any, error) {
	if commit.PGPSignature == "" {
		return 0, nil, notFoundOf("Signature")
	}
	kind := "PGP"
	if strings.HasPrefix(commit.PGPSignature, "-----BEGIN SSH") {
		kind = "SSH"
	}
	return 200, obj{"signature_type": kind, "verification_status": "unknown_key", "commit_source": "gitaly"}, nil
}

func glCommitMRs(c *glCall, commit *object.Commit) (int, any, error) {
	var found []*pull
	for n := c.repo.next - 1; n > 0; n-- {
		p := c.repo.pulls[n]
		v := p.version()
		cmp, err := c.repo.git.compare(v.StartSHA, v.HeadSHA)
		if err == nil && (slices.Contains(cmp.Commits, commit.Hash.String()) || p.MergeSHA == commit.Hash.String() || p.SquashSHA == commit.Hash.String()) {
			found = append(found, p)
		}
	}
	return glList(c, found, func(p *pull) any { return c.s.mrBasicJSON(p) })
}

func glCommits(c *glCall) (int, any, error) {
	start, err := c.repo.rev(c.text("ref_name"))
	if err != nil {
		return 0, nil, err
	}
	args := []string{"rev-list", "--max-count=" + itoa(maxCommits)}
	if c.flag("first_parent") {
		args = append(args, "--first-parent")
	}
	for _, name := range []string{"since", "until"} {
		if c.has(name) {
			at, err := time.Parse(time.RFC3339, c.text(name))
			if err != nil {
				return 0, nil, refuse(http.StatusBadRequest, "%s is invalid", name).as(kindError)
			}
			args = append(args, "--"+name+"="+at.Format(time.RFC3339))
		}
	}
	args = append(args, start.Hash.String(), "--")
	if c.text("path") != "" {
		args = append(args, ":(literal)"+c.text("path"))
	}
	out, err := c.repo.run(args...)
	if err != nil {
		return 0, nil, err
	}
	return glList(c, strings.Fields(string(out)), func(sha string) any { return c.s.gitlabCommitJSON(c.repo, sha) })
}

func glCompare(c *glCall) (int, any, error) {
	from, err := c.repo.rev(c.text("from"))
	if err != nil {
		return 0, nil, notFoundOf("Ref")
	}
	to, err := c.repo.rev(c.text("to"))
	if err != nil {
		return 0, nil, notFoundOf("Ref")
	}
	head := to.Hash.String()
	cmp, err := c.repo.compare(from.Hash.String(), head)
	if err == nil {
		err = c.repo.patches(cmp, head)
	}
	if err != nil {
		return 0, nil, err
	}
	if c.flag("straight") && cmp.MergeBase != from.Hash.String() {
		return 0, nil, refuse(http.StatusBadRequest, "the sandbox compares from the merge base only")
	}
	var last any
	if len(cmp.Commits) > 0 {
		last = c.s.gitlabCommitJSON(c.repo, head)
	}
	return 200, obj{"commit": last, "commits": each(cmp.Commits, func(sha string) any { return c.s.gitlabCommitJSON(c.repo, sha) }),
		"diffs":           each(cmp.Files, func(f fileChange) any { return c.repo.diffJSON(cmp.from(), head, f) }),
		"compare_timeout": false, "compare_same_ref": from.Hash == to.Hash,
		"web_url": c.s.url + "/" + c.repo.full() + "/-/compare/" + from.Hash.String() + "..." + head}, nil
}

func glMergeBase(c *glCall) (int, any, error) {
	refs, _ := c.params["refs"].([]string)
	if len(refs) != 2 {
		return 0, nil, refuse(http.StatusBadRequest, "Provide exactly 2 refs")
	}
	var shas []string
	for _, ref := range refs {
		commit, err := c.repo.rev(ref)
		if err != nil {
			return 0, nil, refuse(http.StatusBadRequest, "Could not find ref: %s", ref)
		}
		shas = append(shas, commit.Hash.String())
	}
	cmp, err := c.repo.compare(shas[0], shas[1])
	if err != nil || cmp.MergeBase == "" {
		return 0, nil, notFoundOf("Merge Base")
	}
	return 200, c.s.gitlabCommitJSON(c.repo, cmp.MergeBase), nil
}

// diffJSON is one changed file. Modes that a side does not have are 0.
func (r *repo) diffJSON(base, head string, f fileChange) any {
	old := f.Path
	if f.Previous != "" {
		old = f.Previous
	}
	modeAt := func(sha, file string) string {
		if c, err := r.commit(sha); err == nil {
			if e := r.lookup(c.TreeHash.String(), file); e != nil {
				return mode(e.Mode)
			}
		}
		return "0"
	}
	return obj{"diff": f.Patch, "new_path": f.Path, "old_path": old, "a_mode": modeAt(base, old), "b_mode": modeAt(head, f.Path),
		"new_file": f.Status == "added", "renamed_file": f.Status == "renamed", "deleted_file": f.Status == "removed", "generated_file": nil,
		"collapsed": false, "too_large": false}
}
