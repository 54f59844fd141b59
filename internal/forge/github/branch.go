package github

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
)

// maxFile bounds each file that Branch reads.
const maxFile = 16 << 20

// Branch reads and appends to one branch through the API, by compare-and-swap. GitHub signs the
// commits, because they come from an App and name no author of their own (docs.github.com,
// "Signature verification for bots").
type Branch struct {
	app    *App
	reader forge.Reader
	repo   forge.Repo
	name   string
}

// Branch is the branch of that name. Objects are read through reader, so that a cache serves it.
func (a *App) Branch(reader forge.Reader, repo forge.Repo, name string) *Branch {
	return &Branch{app: a, reader: reader, repo: repo, name: name}
}

func (b *Branch) ref() string { return "refs/heads/" + b.name }

// Tip is the commit at the tip, or empty when there is no such branch.
func (b *Branch) Tip(ctx context.Context) (string, error) {
	in, err := b.app.in(ctx, b.repo)
	if err != nil {
		return "", err
	}
	var answer struct {
		Repository struct {
			Ref *ref `json:"ref"`
		} `json:"repository"`
	}
	variables := map[string]any{"owner": b.repo.Owner, "name": b.repo.Name, "ref": b.ref()}
	if err := in.strict(ctx, document("tip", nil), variables, &answer); err != nil {
		return "", b.app.failed(in, err, "reading the tip of %s of %s", b.name, b.repo.FullName())
	}
	if answer.Repository.Ref == nil {
		return "", nil
	}
	return answer.Repository.Ref.Target.OID, nil
}

// Read reads files at a commit; what is not there is absent from the answer.
func (b *Branch) Read(ctx context.Context, tip string, paths []string) (map[string][]byte, error) {
	found, err := b.reader.Lookup(ctx, b.repo, tip, paths)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for path, e := range found {
		if !e.IsRegular() {
			return nil, fmt.Errorf("%s of %s is no plain file (mode %s)", path, b.name, e.Mode)
		}
		if out[path], err = b.reader.Blob(ctx, b.repo, e.OID, maxFile); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Commit puts files on top of tip in one commit and returns it; an empty tip gives birth to the
// branch. When the branch is no longer at tip nothing is changed, and the error is ErrHeadMoved.
func (b *Branch) Commit(ctx context.Context, tip string, files map[string][]byte, subject, body string) (string, error) {
	in, err := b.app.in(ctx, b.repo)
	if err != nil {
		return "", err
	}
	commit := in.append
	if tip == "" {
		commit = in.birth
	}
	sha, err := commit(ctx, b, tip, files, subject, body)
	return sha, b.app.failed(in, err, "committing to %s of %s", b.name, b.repo.FullName())
}

func (in *installation) append(ctx context.Context, b *Branch, tip string, files map[string][]byte, subject, body string) (string, error) {
	additions := make([]map[string]any, 0, len(files))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		additions = append(additions, map[string]any{"path": path, "contents": files[path]}) // JSON writes bytes in Base64
	}
	var answer struct {
		Commit struct {
			Commit oid `json:"commit"`
		} `json:"createCommitOnBranch"`
	}
	err := in.strict(ctx, document("commit", nil), map[string]any{"input": map[string]any{
		"branch":          map[string]any{"repositoryNameWithOwner": b.repo.FullName(), "branchName": b.name},
		"expectedHeadOid": tip,
		"message":         map[string]any{"headline": subject, "body": body},
		"fileChanges":     map[string]any{"additions": additions},
	}}, &answer)
	var gql gqlErrors
	if errors.As(err, &gql) && strings.Contains(gql.Error(), "Expected branch to point to") {
		return "", fmt.Errorf("%w: %w", forge.ErrHeadMoved, err) // said without a type by older servers
	}
	if err == nil && answer.Commit.Commit.OID == "" {
		err = errors.New("GitHub did not name the commit")
	}
	return answer.Commit.Commit.OID, err
}

// birth makes the first commit of a branch that shares no history with any other: createCommitOnBranch
// needs a branch to start from, so it goes through the Git database. Until the reference is there
// nothing is visible, and GitHub makes it only if there is none.
func (in *installation) birth(ctx context.Context, b *Branch, _ string, files map[string][]byte, subject, body string) (string, error) {
	entries := make([]*github.TreeEntry, 0, len(files))
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if !utf8.Valid(files[path]) {
			return "", fmt.Errorf("%s: expected text in UTF-8", path)
		}
		entries = append(entries, &github.TreeEntry{
			Path: github.String(path), Mode: github.String("100644"), Type: github.String("blob"), Content: github.String(string(files[path])),
		})
	}
	owner, name := b.repo.Owner, b.repo.Name
	tree, _, err := in.rest.Git.CreateTree(ctx, owner, name, "", entries)
	if err != nil {
		return "", err
	}
	message := subject
	if body != "" {
		message += "\n\n" + body
	}
	commit, _, err := in.rest.Git.CreateCommit(ctx, owner, name, &github.Commit{Message: &message, Tree: tree}, nil)
	if err != nil {
		return "", err
	}
	_, _, err = in.rest.Git.CreateRef(ctx, owner, name, &github.Reference{
		Ref: github.String(b.ref()), Object: &github.GitObject{SHA: commit.SHA},
	})
	if status(err) == http.StatusUnprocessableEntity && strings.Contains(err.Error(), "already exists") {
		return "", fmt.Errorf("%w: %w", forge.ErrHeadMoved, err)
	}
	return commit.GetSHA(), err
}
