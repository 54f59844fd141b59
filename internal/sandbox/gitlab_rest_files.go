package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const glFile = glRepo + "/files/{file_path}"

const glFileFields = "branch! commit_message! start_branch author_name author_email encoding:text|base64 last_commit_id execute_filemode:bool"

var glFileRoutes = []glRoute{
	{"GET " + glFile, "ref!", 0, onFile(glGetFile)},
	{"GET " + glFile + "/raw", "ref lfs:bool", 0, onFile(func(c *glCall, _ *object.Commit, e *object.TreeEntry, data []byte) (int, any, error) {
		return 200, raw{"text/plain; charset=utf-8", data}, nil
	})},
	{"POST " + glFile, "content! " + glFileFields, 0, glPutFile("create")},
	{"PUT " + glFile, "content! " + glFileFields, 0, glPutFile("update")},
	{"DELETE " + glFile, glFileFields, 0, glPutFile("delete")},
	{"POST " + glRepo + "/commits", "branch! commit_message! actions!:any start_branch start_sha author_name author_email stats:bool force:bool", 0, glPostCommit},
}

// onFile finds a file at a ref.
func onFile(fn func(c *glCall, commit *object.Commit, e *object.TreeEntry, data []byte) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		commit, err := c.repo.rev(c.text("ref"))
		if err != nil {
			return 0, nil, err
		}
		e := c.repo.lookup(commit.TreeHash.String(), c.req.PathValue("file_path"))
		if e == nil || treeType(e.Mode) != "blob" {
			return 0, nil, notFoundOf("File")
		}
		data, err := c.repo.blob(e.Hash.String())
		if err != nil {
			return 0, nil, err
		}
		return fn(c, commit, e, data)
	}
}

func glGetFile(c *glCall, commit *object.Commit, e *object.TreeEntry, data []byte) (int, any, error) {
	sum := sha256.Sum256(data)
	file := c.req.PathValue("file_path")
	out, err := c.repo.run("rev-list", "--max-count=1", commit.Hash.String(), "--", ":(literal)"+file)
	if err != nil {
		return 0, nil, err
	}
	j := obj{"file_name": path.Base(file), "file_path": file, "size": len(data), "encoding": "base64", "content_sha256": hex.EncodeToString(sum[:]),
		"ref": c.text("ref"), "blob_id": e.Hash.String(), "commit_id": commit.Hash.String(), "last_commit_id": strings.TrimSpace(string(out)),
		"execute_filemode": e.Mode == filemode.Executable}
	for name, v := range j {
		c.header.Set("X-Gitlab-"+strings.ReplaceAll(name, "_", "-"), fmt.Sprint(v))
	}
	j["content"] = base64.StdEncoding.EncodeToString(data)
	return 200, j, nil
}

// fileAction is one change of a commit that is made through REST.
type fileAction struct {
	Action, Path, Previous string
	Content                []byte
	Executable             bool
}

func glPutFile(action string) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		data, err := decodeContent(c.text("content"), c.text("encoding"))
		if err != nil {
			return 0, nil, err
		}
		file := c.req.PathValue("file_path")
		a := fileAction{Action: action, Path: file, Content: data, Executable: c.flag("execute_filemode")}
		if c.text("last_commit_id") != "" && action != "create" {
			out, err := c.repo.run("rev-list", "--max-count=1", "refs/heads/"+c.text("branch"), "--", ":(literal)"+file)
			if err != nil || strings.TrimSpace(string(out)) != c.text("last_commit_id") {
				return 0, nil, refuse(http.StatusBadRequest, "You are attempting to update a file that has changed since you started editing it.")
			}
		}
		if _, err := c.commitActions([]fileAction{a}); err != nil {
			return 0, nil, err
		}
		switch action {
		case "create":
			return 201, obj{"file_path": file, "branch": c.text("branch")}, nil
		case "delete":
			return 204, nil, nil
		}
		return 200, obj{"file_path": file, "branch": c.text("branch")}, nil
	}
}

func decodeContent(text, encoding string) ([]byte, error) {
	if encoding != "base64" {
		return []byte(text), nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "content is not base64")
	}
	return data, nil
}

func glPostCommit(c *glCall) (int, any, error) {
	list, ok := c.params["actions"].([]any)
	if !ok || len(list) == 0 {
		return 0, nil, refuse(http.StatusBadRequest, "actions is invalid").as(kindError)
	}
	var actions []fileAction
	for _, one := range list {
		m, _ := one.(map[string]any)
		text := func(name string) string { v, _ := m[name].(string); return v }
		a := fileAction{Action: text("action"), Path: text("file_path"), Previous: text("previous_path")}
		switch a.Action {
		case "create", "update", "move", "delete", "chmod":
		default:
			return 0, nil, refuse(http.StatusBadRequest, "actions[0][action] does not have a valid value").as(kindError)
		}
		if a.Path == "" {
			return 0, nil, refuse(http.StatusBadRequest, "actions[0][file_path] is missing").as(kindError)
		}
		var err error
		if a.Content, err = decodeContent(text("content"), text("encoding")); err != nil {
			return 0, nil, err
		}
		a.Executable, _ = m["execute_filemode"].(bool)
		if _, given := m["content"]; a.Action == "move" && !given {
			a.Content = nil
		} else if a.Content == nil {
			a.Content = []byte{}
		}
		actions = append(actions, a)
	}
	sha, err := c.commitActions(actions)
	if err != nil {
		return 0, nil, err
	}
	j := c.s.gitlabCommitJSON(c.repo, sha).(obj)
	j["project_id"], j["status"], j["last_pipeline"] = c.repo.ID, nil, nil
	return 201, j, nil
}

// commitActions puts one commit on a branch, which may be made from another one for it.
func (c *glCall) commitActions(actions []fileAction) (string, error) {
	branch, start := c.text("branch"), c.text("start_branch")
	if !c.s.mayPushTo(c.repo, c.by, branch) {
		return "", refuse(http.StatusForbidden, "403 Forbidden - You are not allowed to push into this branch")
	}
	if c.flag("force") {
		return "", refuse(http.StatusBadRequest, "the sandbox does not overwrite branches through REST")
	}
	old, tip := c.repo.branch(branch), c.repo.branch(branch)
	switch {
	case old != "" && (start != "" && start != branch || c.has("start_sha")):
		return "", refuse(http.StatusBadRequest, "A branch called '%s' already exists. Switch to that branch in order to make changes", branch)
	case old == "" && start == "" && !c.has("start_sha"):
		return "", refuse(http.StatusBadRequest, "You can only create or edit files when you are on a branch")
	case old == "":
		old, tip = zeroOID, c.repo.branch(start)
		if c.has("start_sha") && c.repo.kind(c.text("start_sha")) == "commit" {
			tip = c.text("start_sha")
		}
	}
	parent, err := c.repo.commit(tip)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "Cannot find start_branch '%s'", start)
	}
	tree := parent.TreeHash
	for _, a := range actions {
		if tree, err = c.repo.apply(tree, a); err != nil {
			return "", err
		}
	}
	author := c.s.person(c.by.account)
	committer := *author
	if c.text("author_name") != "" {
		author.Name = c.text("author_name")
	}
	if c.text("author_email") != "" {
		author.Email = c.text("author_email")
	}
	sha, err := c.s.makeCommit(c.repo, c.by.account, newCommit{Tree: tree, Parents: []string{tip}, Message: c.text("commit_message"), Author: author, Committer: &committer})
	if err != nil {
		return "", err
	}
	return sha, c.s.moveRef(c.repo, c.by, refChange{"refs/heads/" + branch, old, sha})
}

// apply does one action to a tree.
func (r *repo) apply(tree plumbing.Hash, a fileAction) (plumbing.Hash, error) {
	there := r.lookup(tree.String(), a.Path)
	from := there
	if a.Action == "move" {
		from = r.lookup(tree.String(), a.Previous)
	}
	switch {
	case (a.Action == "create" || a.Action == "move") && there != nil:
		return tree, refuse(http.StatusBadRequest, "A file with this name already exists")
	case a.Action != "create" && (from == nil || from.Mode == filemode.Dir):
		return tree, refuse(http.StatusBadRequest, "A file with this name doesn't exist")
	}
	x := edit{Path: a.Path, Mode: filemode.Regular}
	if from != nil {
		x.Mode, x.Hash = from.Mode, from.Hash
	}
	if a.Executable || a.Action == "chmod" {
		x.Mode = map[bool]filemode.FileMode{true: filemode.Executable, false: filemode.Regular}[a.Executable]
	}
	var err error
	switch {
	case a.Action == "delete":
		x.Hash = plumbing.ZeroHash
	case a.Action == "create", a.Action == "update", a.Action == "move" && a.Content != nil:
		if x.Hash, err = r.writeBlob(a.Content); err != nil {
			return tree, err
		}
	}
	edits := []edit{x}
	if a.Action == "move" {
		edits = append(edits, edit{Path: a.Previous})
	}
	next, err := r.editTree(tree, edits)
	if err != nil {
		return tree, refuse(http.StatusBadRequest, "invalid path: %s", strconv.Quote(a.Path))
	}
	return next, nil
}
