package github

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

const (
	maxFiles    = 3000 // GitHub lists no more changed files of a pull request
	maxPushes   = 10   // pages of a branch's activity: 1,000 pushes
	lookupBatch = 100  // paths a request
)

var fileStatuses = map[string]forge.FileStatus{
	"added": forge.Added, "modified": forge.Modified, "removed": forge.Removed, "renamed": forge.Renamed, "copied": forge.Copied,
	"changed": forge.Modified, // of mode or type alone
}

// Changes reads the changed files. GitHub lists 3,000 at most and does not say when there are more,
// so a list that long is ErrTooLarge. Pages that belong to different heads are ErrHeadMoved.
func (a *App) Changes(ctx context.Context, pr forge.Ref) (*forge.Changes, error) {
	in, err := a.in(ctx, pr.Repo)
	if err != nil {
		return nil, err
	}
	out, err := in.changes(ctx, pr)
	return out, a.failed(in, err, "reading the changed files of %s", pr)
}

func (in *installation) changes(ctx context.Context, pr forge.Ref) (*forge.Changes, error) {
	out := &forge.Changes{}
	opt := &github.ListOptions{PerPage: perPage}
	for {
		page, resp, err := in.rest.PullRequests.ListFiles(ctx, pr.Repo.Owner, pr.Repo.Name, pr.Number, opt)
		if err != nil {
			return nil, err
		}
		for _, f := range page {
			status, ok := fileStatuses[f.GetStatus()]
			if !ok {
				return nil, fmt.Errorf("%s: status %q is not one that Lumos knows", f.GetFilename(), f.GetStatus())
			}
			out.Files = append(out.Files, forge.File{Path: f.GetFilename(), Previous: f.GetPreviousFilename(), Status: status, Blob: f.GetSHA()})
			if status != forge.Added && status != forge.Removed {
				out.Files[len(out.Files)-1].Shown = shown(f.GetPatch())
			}
			if status == forge.Removed {
				continue // its link may show the commit that still had it
			}
			head, err := contentsRef(f.GetContentsURL())
			if err != nil {
				return nil, err
			}
			if out.HeadSHA == "" {
				out.HeadSHA = head
			} else if out.HeadSHA != head {
				return nil, fmt.Errorf("%w: the list names %s and %s", forge.ErrHeadMoved, out.HeadSHA, head)
			}
		}
		if len(out.Files) >= maxFiles {
			return nil, fmt.Errorf("%w: %d changed files or more", forge.ErrTooLarge, maxFiles)
		}
		if opt.Page = resp.NextPage; opt.Page == 0 {
			break
		}
	}
	if out.HeadSHA == "" && len(out.Files) > 0 { // only removals
		p, _, err := in.rest.PullRequests.Get(ctx, pr.Repo.Owner, pr.Repo.Name, pr.Number)
		if err != nil {
			return nil, err
		}
		out.HeadSHA = p.GetHead().GetSHA()
	}
	return out, nil
}

// hunk is the head of a part of a diff; the last two numbers are of lines at the head.
var hunk = regexp.MustCompile(`(?m)^@@ -\d+(?:,\d+)? \+(\d{1,9})(?:,(\d{1,9}))? @@`)

// shown are the lines at the head that a diff shows. GitHub leaves out diffs that are too long.
func shown(patch string) []forge.Lines {
	var out []forge.Lines
	for _, m := range hunk.FindAllStringSubmatch(patch, -1) {
		from, _ := strconv.Atoi(m[1]) // digits, and few
		n := 1
		if m[2] != "" {
			n, _ = strconv.Atoi(m[2])
		}
		if n > 0 {
			out = append(out, forge.Lines{From: from, To: from + n - 1})
		}
	}
	return out
}

// contentsRef is the commit that a changed file's contents_url shows: the head of the diff.
func contentsRef(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", fmt.Errorf("contents_url of a changed file: %w", err)
	}
	if ref := u.Query().Get("ref"); oidForm.MatchString(ref) {
		return ref, nil
	}
	return "", fmt.Errorf("contents_url of a changed file names no commit: %q", s)
}

// Pushes reads who moved the head branch, from the activity of the repository that holds it (GitHub
// documents the route since 2023; go-github v60 has no method for it). It fails for a fork whose
// activity is not ours to see, and for a branch of more than 1,000 pushes.
func (a *App) Pushes(ctx context.Context, head forge.Branch, repo forge.Repo) ([]forge.Push, error) {
	in, err := a.in(ctx, repo)
	if err != nil {
		return nil, err
	}
	out, err := in.pushes(ctx, head, repo)
	return out, a.failed(in, err, "reading who pushed to %s", head.Ref)
}

func (in *installation) pushes(ctx context.Context, head forge.Branch, repo forge.Repo) ([]forge.Push, error) {
	owner, name := repo.Owner, repo.Name
	if head.Fork {
		var ok bool
		if owner, name, ok = strings.Cut(head.Repo, "/"); !ok {
			return nil, fmt.Errorf("%w: the repository that held the branch is gone", forge.ErrNotFound)
		}
	}
	if err := checkRepo(owner, name); err != nil {
		return nil, err
	}
	query := url.Values{"ref": {"refs/heads/" + head.Ref}, "per_page": {fmt.Sprint(perPage)}}
	var out []forge.Push
	for n := 0; n < maxPushes; n++ {
		req, err := in.rest.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/activity?%s", owner, name, query.Encode()), nil)
		if err != nil {
			return nil, err
		}
		var page []struct {
			After string `json:"after"`
			Type  string `json:"activity_type"`
			Actor *struct {
				ID    int64  `json:"id"`
				Login string `json:"login"`
				Type  string `json:"type"`
			} `json:"actor"`
		}
		resp, err := in.rest.Do(ctx, req, &page)
		if err != nil {
			return nil, err
		}
		for _, act := range page {
			if act.Type == "branch_deletion" {
				continue // brings nothing
			}
			push := forge.Push{After: act.After, Actor: forge.Account{Kind: forge.Unknown}}
			if act.Actor != nil {
				push.Actor = (&actor{Type: act.Actor.Type, ID: act.Actor.ID, Login: act.Actor.Login}).account()
			}
			out = append(out, push)
		}
		if resp.After == "" {
			return out, nil
		}
		query.Set("after", resp.After)
	}
	return nil, fmt.Errorf("%w: more than %d pushes", forge.ErrTooLarge, len(out))
}

// oidForm is a git object id, of either hash.
var oidForm = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

func checkOID(oid string) error {
	if !oidForm.MatchString(oid) {
		return fmt.Errorf("%q is no git object id", oid)
	}
	return nil
}

// Blob reads a blob and proves that its bytes are those that the id names.
func (a *App) Blob(ctx context.Context, repo forge.Repo, oid string, limit int64) ([]byte, error) {
	if err := checkOID(oid); err != nil {
		return nil, err
	}
	in, err := a.in(ctx, repo)
	if err != nil {
		return nil, err
	}
	req, err := in.rest.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/git/blobs/%s", repo.Owner, repo.Name, oid), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.github.raw+json")
	got := client.Capped{Left: limit}
	if _, err := in.rest.Do(ctx, req, &got); err != nil {
		return nil, a.failed(in, err, "reading blob %s of %s", oid, repo.FullName())
	}
	data := got.Bytes()
	if id := forge.ObjectID("blob", data, len(oid)); id != oid {
		return nil, fmt.Errorf("reading blob %s of %s: the bytes that came are those of %s", oid, repo.FullName(), id)
	}
	return data, nil
}

// Tree reads the direct entries of a directory, by the id of its tree alone.
func (a *App) Tree(ctx context.Context, repo forge.Repo, _ string, dir forge.Entry) ([]forge.Entry, error) {
	oid := dir.OID
	if err := checkOID(oid); err != nil {
		return nil, err
	}
	in, err := a.in(ctx, repo)
	if err != nil {
		return nil, err
	}
	tree, _, err := in.rest.Git.GetTree(ctx, repo.Owner, repo.Name, oid, false)
	if err != nil {
		return nil, a.failed(in, err, "reading tree %s of %s", oid, repo.FullName())
	}
	if tree.GetTruncated() {
		return nil, fmt.Errorf("reading tree %s of %s: %w", oid, repo.FullName(), forge.ErrTooLarge)
	}
	out := make([]forge.Entry, 0, len(tree.Entries))
	for _, e := range tree.Entries {
		out = append(out, forge.Entry{Path: e.GetPath(), Mode: e.GetMode(), OID: e.GetSHA()})
	}
	return out, nil
}

// Lookup finds paths at a commit, 100 a request.
func (a *App) Lookup(ctx context.Context, repo forge.Repo, commit string, paths []string) (map[string]forge.Entry, error) {
	if err := checkOID(commit); err != nil {
		return nil, err
	}
	in, err := a.in(ctx, repo)
	if err != nil {
		return nil, err
	}
	out := map[string]forge.Entry{}
	for batch := range slices.Chunk(paths, lookupBatch) {
		found, err := in.lookup(ctx, repo, commit, batch)
		if err != nil {
			return nil, a.failed(in, err, "looking up %d paths of %s at %s", len(batch), repo.FullName(), commit)
		}
		maps.Copy(out, found)
	}
	return out, nil
}

func lookupDocument(repo forge.Repo, commit string, paths []string) (string, map[string]any) {
	files := client.Aliases{Values: map[string]any{"owner": repo.Owner, "name": repo.Name, "commit": commit}}
	for i, p := range paths {
		files.Variable(fmt.Sprintf("f%d", i), "String!", strings.TrimSuffix(p, "/"))
		files.Field("f%d: file(path: $f%d) { ...Leaf }", i, i)
	}
	return document("lookup", map[string]string{"variables": files.Declared(), "files": files.Fields()}), files.Values
}

func (in *installation) lookup(ctx context.Context, repo forge.Repo, commit string, paths []string) (map[string]forge.Entry, error) {
	var answer struct {
		Repository struct {
			Object map[string]json.RawMessage `json:"object"`
		} `json:"repository"`
	}
	doc, variables := lookupDocument(repo, commit, paths)
	if err := in.strict(ctx, doc, variables, &answer); err != nil {
		return nil, err
	}
	object := answer.Repository.Object
	if object["oid"] == nil {
		return nil, fmt.Errorf("%w: no such commit", forge.ErrNotFound)
	}
	out := map[string]forge.Entry{}
	for i, p := range paths {
		var e *treeEntry
		if raw := object[fmt.Sprintf("f%d", i)]; raw != nil {
			if err := json.Unmarshal(raw, &e); err != nil {
				return nil, fmt.Errorf("decoding %s: %w", p, err)
			}
		}
		if e == nil || e.OID == "" {
			continue
		}
		if found := e.entry(p); found.IsTree() || !strings.HasSuffix(p, "/") {
			out[p] = found
		}
	}
	return out, nil
}
