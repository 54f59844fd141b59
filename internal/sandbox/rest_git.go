package sandbox

import (
	"encoding/base64"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const gitData = "/repos/{owner}/{repo}/git"

var (
	readGit  = need{"contents:read", "read"}
	writeGit = need{"contents:write", "write"}
)

var gitRoutes = []route{
	{"POST " + gitData + "/blobs", writeGit, createBlob},
	{"GET " + gitData + "/blobs/{file_sha}", readGit, getBlob},
	{"POST " + gitData + "/trees", writeGit, createTree},
	{"GET " + gitData + "/trees/{tree_sha}", readGit, getTree},
	{"POST " + gitData + "/commits", writeGit, createCommit},
	{"GET " + gitData + "/commits/{commit_sha}", readGit, func(c *call) (int, any, error) {
		commit, err := c.repo.commit(c.req.PathValue("commit_sha"))
		if err != nil {
			return 0, nil, errNotFound
		}
		return 200, c.s.gitCommitJSON(c.repo, commit), nil
	}},
	{"GET " + gitData + "/ref/{ref}", readGit, func(c *call) (int, any, error) {
		name := "refs/" + c.req.PathValue("ref")
		if c.repo.refs[name] == "" {
			return 0, nil, errNotFound
		}
		return 200, c.refJSON(name), nil
	}},
	{"GET " + gitData + "/matching-refs/{ref}", readGit, func(c *call) (int, any, error) {
		out := []obj{}
		for _, name := range slices.Sorted(maps.Keys(c.repo.refs)) {
			if strings.HasPrefix(name, "refs/"+c.req.PathValue("ref")) {
				out = append(out, c.refJSON(name))
			}
		}
		return 200, out, nil
	}},
	{"POST " + gitData + "/refs", writeGit, createRef},
	{"PATCH " + gitData + "/refs/{ref}", writeGit, updateRef},
	{"DELETE " + gitData + "/refs/{ref}", writeGit, func(c *call) (int, any, error) {
		name := "refs/" + c.req.PathValue("ref")
		if c.repo.refs[name] == "" {
			return 0, nil, refuse(http.StatusUnprocessableEntity, "Reference does not exist")
		}
		return 204, nil, c.s.moveRef(c.repo, c.by, refChange{name, c.repo.refs[name], zeroOID})
	}},
}

func cutHeads(ref string) (string, bool) { return strings.CutPrefix(ref, "refs/heads/") }

func (c *call) refJSON(name string) obj {
	sha := c.repo.refs[name]
	kind := c.repo.kind(sha)
	base := c.s.rest("/repos/" + c.repo.full() + "/git/")
	return obj{"ref": name, "node_id": c.repo.objectNode("REF", name), "url": base + name,
		"object": obj{"type": kind, "sha": sha, "url": base + kind + "s/" + sha}}
}

func createBlob(c *call) (int, any, error) {
	var in struct {
		Content  *string
		Encoding string
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if in.Content == nil {
		return 0, nil, malformed("\"content\" wasn't supplied.")
	}
	data := []byte(*in.Content)
	switch in.Encoding {
	case "", "utf-8":
	case "base64":
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(*in.Content, "\n", "")); err != nil {
			return 0, nil, invalid("Blob", "content", "invalid", "content is not valid Base64")
		}
	default:
		return 0, nil, invalid("Blob", "encoding", "invalid", "")
	}
	h, err := c.repo.writeBlob(data)
	if err != nil {
		return 0, nil, err
	}
	return 201, obj{"sha": h.String(), "url": c.s.rest("/repos/" + c.repo.full() + "/git/blobs/" + h.String())}, nil
}

func getBlob(c *call) (int, any, error) {
	sha := c.req.PathValue("file_sha")
	if !plumbing.IsHash(sha) {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	data, err := c.repo.blob(sha)
	if err != nil {
		return 0, nil, errNotFound
	}
	if strings.Contains(c.req.Header.Get("Accept"), "raw") {
		return 200, raw{"application/vnd.github.raw+json; charset=utf-8", data}, nil
	}
	return 200, obj{"content": base64Lines(data), "encoding": "base64", "url": c.s.rest("/repos/" + c.repo.full() + "/git/blobs/" + sha),
		"sha": sha, "size": len(data), "node_id": c.repo.objectNode("B", sha)}, nil
}

// mode writes a file mode as git's trees do: six digits.
func mode(m filemode.FileMode) string { return m.String()[1:] }

var treeTypes = map[filemode.FileMode]string{filemode.Dir: "tree", filemode.Submodule: "commit"}

func treeType(m filemode.FileMode) string {
	if t := treeTypes[m]; t != "" {
		return t
	}
	return "blob"
}

func getTree(c *call) (int, any, error) {
	sha := c.repo.peel(c.repo.resolve(c.req.PathValue("tree_sha")))
	if commit, err := c.repo.commit(sha); err == nil {
		sha = commit.TreeHash.String()
	}
	if c.repo.kind(sha) != "tree" {
		return 0, nil, errNotFound
	}
	_, recursive := c.req.URL.Query()["recursive"]
	entries := []obj{}
	if err := c.treeEntries(sha, "", recursive, &entries); err != nil {
		return 0, nil, err
	}
	return 200, obj{"sha": sha, "url": c.s.rest("/repos/" + c.repo.full() + "/git/trees/" + sha), "truncated": false, "tree": entries}, nil
}

func (c *call) treeEntries(sha, prefix string, recursive bool, into *[]obj) error {
	t, err := c.repo.tree(sha)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		kind := treeType(e.Mode)
		j := obj{"path": path.Join(prefix, e.Name), "mode": mode(e.Mode), "type": kind, "sha": e.Hash.String()}
		if kind != "commit" {
			j["url"] = c.s.rest("/repos/" + c.repo.full() + "/git/" + kind + "s/" + e.Hash.String())
		}
		if kind == "blob" {
			data, err := c.repo.blob(e.Hash.String())
			if err != nil {
				return err
			}
			j["size"] = len(data)
		}
		*into = append(*into, j)
		if recursive && kind == "tree" {
			if err := c.treeEntries(e.Hash.String(), path.Join(prefix, e.Name), true, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func createTree(c *call) (int, any, error) {
	var in struct {
		BaseTree string `json:"base_tree"`
		Tree     []struct {
			Path, Mode, Type *string
			SHA              *string
			Content          *string
		} `json:"tree"`
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if len(in.Tree) == 0 {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Invalid tree info")
	}
	base := plumbing.ZeroHash
	if in.BaseTree != "" {
		base = plumbing.NewHash(in.BaseTree)
		if commit, err := c.repo.commit(in.BaseTree); err == nil {
			base = commit.TreeHash
		}
		if c.repo.kind(base.String()) != "tree" {
			return 0, nil, refuse(http.StatusUnprocessableEntity, "base_tree is not a valid tree oid")
		}
	}
	var edits []edit
	for _, e := range in.Tree {
		m, err := filemode.New(str(e.Mode))
		kind := treeType(m)
		if err != nil || !slices.Contains([]string{"100644", "100755", "040000", "160000", "120000"}, str(e.Mode)) {
			return 0, nil, refuse(http.StatusUnprocessableEntity, "tree.mode %s is not one of 100644, 100755, 040000, 160000, 120000", str(e.Mode))
		}
		switch {
		case str(e.Path) == "":
			return 0, nil, refuse(http.StatusUnprocessableEntity, "tree.path wasn't supplied")
		case e.Type != nil && *e.Type != kind:
			return 0, nil, refuse(http.StatusUnprocessableEntity, "tree.type %s does not fit the mode", *e.Type)
		case e.SHA != nil && e.Content != nil:
			return 0, nil, refuse(http.StatusUnprocessableEntity, "Must supply either tree.sha or tree.content, not both")
		}
		x := edit{Path: *e.Path, Mode: m}
		switch {
		case e.Content != nil:
			if x.Hash, err = c.repo.writeBlob([]byte(*e.Content)); err != nil {
				return 0, nil, err
			}
		case e.SHA != nil:
			x.Hash = plumbing.NewHash(*e.SHA)
			if kind != "commit" && c.repo.kind(*e.SHA) != kind {
				return 0, nil, refuse(http.StatusUnprocessableEntity, "tree.sha %s is not a valid %s", *e.SHA, kind)
			}
		case in.BaseTree == "":
			return 0, nil, refuse(http.StatusUnprocessableEntity, "Must supply tree.sha or tree.content")
		}
		edits = append(edits, x)
	}
	h, err := c.repo.editTree(base, edits)
	if err != nil {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "tree.path contains a malformed path component")
	}
	entries := []obj{}
	if err := c.treeEntries(h.String(), "", false, &entries); err != nil {
		return 0, nil, err
	}
	return 201, obj{"sha": h.String(), "url": c.s.rest("/repos/" + c.repo.full() + "/git/trees/" + h.String()), "truncated": false, "tree": entries}, nil
}

func createCommit(c *call) (int, any, error) {
	var in struct {
		Message, Tree     *string
		Parents           []string
		Author, Committer *personEdit
		Signature         string
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	if in.Message == nil || in.Tree == nil {
		return 0, nil, malformed("\"message\" and \"tree\" weren't supplied.")
	}
	if c.repo.kind(*in.Tree) != "tree" {
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Tree SHA does not exist")
	}
	for _, p := range in.Parents {
		if c.repo.kind(p) != "commit" {
			return 0, nil, refuse(http.StatusUnprocessableEntity, "Parent SHA does not exist or is not a commit object")
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
	// The host signs only what an App leaves wholly to it; a person is committer of their own.
	if committer == nil && author != nil {
		committer = author
	}
	if committer == nil && (c.by.app == nil || in.Signature != "") {
		committer = c.s.person(c.by.account)
	}
	sha, err := c.s.makeCommit(c.repo, c.by.account, newCommit{Tree: plumbing.NewHash(*in.Tree), Parents: in.Parents, Message: *in.Message,
		Author: author, Committer: committer, Signature: in.Signature})
	if err != nil {
		return 0, nil, err
	}
	var commit *object.Commit
	if commit, err = c.repo.commit(sha); err != nil {
		return 0, nil, err
	}
	return 201, c.s.gitCommitJSON(c.repo, commit), nil
}

func createRef(c *call) (int, any, error) {
	var in struct{ Ref, SHA string }
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	switch {
	case !strings.HasPrefix(in.Ref, "refs/") || strings.Count(in.Ref, "/") < 2:
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Reference name must start with 'refs/' and have at least two slashes.")
	case c.repo.refs[in.Ref] != "":
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Reference already exists")
	}
	if err := c.s.moveRef(c.repo, c.by, refChange{in.Ref, zeroOID, in.SHA}); err != nil {
		return 0, nil, err
	}
	return 201, c.refJSON(in.Ref), nil
}

func updateRef(c *call) (int, any, error) {
	var in struct {
		SHA   string
		Force bool
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	name := "refs/" + c.req.PathValue("ref")
	old := c.repo.refs[name]
	switch {
	case old == "":
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Reference does not exist")
	case c.repo.kind(in.SHA) == "":
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Object does not exist")
	case !in.Force && !c.repo.ancestor(old, in.SHA):
		return 0, nil, refuse(http.StatusUnprocessableEntity, "Update is not a fast forward")
	}
	if err := c.s.moveRef(c.repo, c.by, refChange{name, old, in.SHA}); err != nil {
		return 0, nil, err
	}
	return 200, c.refJSON(name), nil
}
