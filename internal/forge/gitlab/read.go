package gitlab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

const (
	maxFiles    = 3000 // as many as on GitHub: what is larger is not judged
	maxEvents   = 30   // pages of a project's pushes: 3,000
	lookupBatch = 75   // paths a request: each counts for the complexity of the query, which is limited
)

// oidForm is a git object id, of either hash.
var oidForm = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

func checkOID(oid string) error {
	if !oidForm.MatchString(oid) {
		return fmt.Errorf("%q is no git object id", oid)
	}
	return nil
}

// diffFile is a changed file as GitLab lists it.
type diffFile struct {
	OldPath string `json:"old_path"`
	NewPath string `json:"new_path"`
	OldMode string `json:"a_mode"`
	NewMode string `json:"b_mode"`
	Diff    string `json:"diff"`
	New     bool   `json:"new_file"`
	Renamed bool   `json:"renamed_file"`
	Deleted bool   `json:"deleted_file"`
}

// Changes reads the changed files of the newest version of the diff. A version belongs to one head for
// ever, so the list and the head cannot come apart. GitLab keeps no more files of a version than its
// limits allow and says so: such a version is ErrTooLarge.
func (h *Host) Changes(ctx context.Context, pr forge.Ref) (*forge.Changes, error) {
	if err := checkPath(pr.Repo.FullName(), 2); err != nil {
		return nil, err
	}
	out, err := h.changes(ctx, pr)
	return out, h.fail(err, "reading the changed files of %s", pr)
}

func (h *Host) changes(ctx context.Context, pr forge.Ref) (*forge.Changes, error) {
	versions, err := h.readVersions(ctx, pr)
	if err != nil {
		return nil, err
	}
	var v struct {
		version
		Diffs []diffFile `json:"diffs"`
	}
	at := fmt.Sprintf("%s/merge_requests/%d/versions/%d", projectOf(pr.Repo.FullName()), pr.Number, versions[0].ID)
	if _, err := h.get(ctx, at, nil, &v); err != nil {
		return nil, err
	}
	if v.ID != versions[0].ID || v.Head != versions[0].Head || checkOID(v.Head) != nil {
		return nil, fmt.Errorf("version %d of the diff came as version %d of %q", versions[0].ID, v.ID, v.Head)
	}
	if v.State == "empty" && len(v.Diffs) == 0 {
		return &forge.Changes{HeadSHA: v.Head}, nil
	}
	if strings.HasPrefix(v.State, "overflow") || strings.HasSuffix(v.Size, "+") || len(v.Diffs) > maxFiles {
		return nil, fmt.Errorf("%w: %s changed files, of which GitLab keeps %d", forge.ErrTooLarge, v.Size, len(v.Diffs))
	}
	if v.State != "collected" || v.Size != "" && v.Size != strconv.Itoa(len(v.Diffs)) {
		return nil, fmt.Errorf("the version of the diff is %q with %d of %s files: expected all of them collected", v.State, len(v.Diffs), v.Size)
	}
	out := &forge.Changes{HeadSHA: v.Head}
	if out.Files, err = h.files(ctx, pr.Repo, v.version, v.Diffs); err != nil {
		return nil, err
	}
	return out, nil
}

// files finds the blobs of changed files: at the head, and at the merge base those of removed ones.
func (h *Host) files(ctx context.Context, repo forge.Repo, v version, diffs []diffFile) ([]forge.File, error) {
	var here, gone []string
	for _, d := range diffs {
		switch {
		case d.Deleted:
			gone = append(gone, d.OldPath)
		case d.NewMode != submoduleMode:
			here = append(here, d.NewPath)
		}
	}
	atHead, err := h.find(ctx, repo, v.Head, here)
	if err != nil {
		return nil, err
	}
	atBase, err := h.find(ctx, repo, v.Base, gone)
	if err != nil {
		return nil, err
	}
	out := make([]forge.File, 0, len(diffs))
	for _, d := range diffs {
		f := d.file()
		switch {
		case d.NewMode == submoduleMode || d.Deleted && d.OldMode == submoduleMode:
			f.Blob = subproject(d)
		case d.Deleted:
			f.Blob = atBase[d.OldPath].OID
		default:
			f.Blob = atHead[d.NewPath].OID
		}
		if f.Blob == "" {
			return nil, fmt.Errorf("%s: GitLab lists it as changed and does not find it", f.Path)
		}
		out = append(out, f)
	}
	return out, nil
}

func (d diffFile) file() forge.File {
	f := forge.File{Path: d.NewPath, Status: forge.Modified}
	switch {
	case d.Deleted:
		f.Path, f.Status = d.OldPath, forge.Removed
	case d.New:
		f.Status = forge.Added
	case d.Renamed || d.OldPath != d.NewPath:
		f.Status, f.Previous = forge.Renamed, d.OldPath
	}
	if f.Status == forge.Modified || f.Status == forge.Renamed {
		f.Shown = added(d.Diff)
	}
	return f
}

var hunk = regexp.MustCompile(`^@@ -\d+(?:,\d+)? \+(\d{1,9})(?:,\d+)? @@`)

// added are the lines that a diff adds. GitLab takes a thread on a line that did not change, too, but wants
// to be told its number before the change.
func added(diff string) []forge.Lines {
	var out []forge.Lines
	at := 0
	for line := range strings.Lines(diff) {
		if m := hunk.FindStringSubmatch(line); m != nil {
			at, _ = strconv.Atoi(m[1]) // digits, and few
			continue
		}
		switch {
		case at == 0 || line[0] == '-' || line[0] == '\\':
		case line[0] != '+':
			at++
		case len(out) > 0 && out[len(out)-1].To == at-1:
			out[len(out)-1].To, at = at, at+1
		default:
			out, at = append(out, forge.Lines{From: at, To: at}), at+1
		}
	}
	return out
}

// subproject is the commit that a submodule points to, or pointed to: its diff says so.
func subproject(d diffFile) string {
	sign := "+"
	if d.Deleted {
		sign = "-"
	}
	for line := range strings.Lines(d.Diff) {
		if oid, ok := strings.CutPrefix(strings.TrimSpace(line), sign+"Subproject commit "); ok && oidForm.MatchString(oid) {
			return oid
		}
	}
	return ""
}

// botName is how GitLab names the accounts of group and project access tokens (docs.gitlab.com, "Bot
// users for groups"). Events do not tell bots from people otherwise.
var botName = regexp.MustCompile(`^(?:group|project)_\d+_bot(?:_[0-9a-z]+)?$`)

// event is one push of a project's events.
type event struct {
	Author *struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
	} `json:"author"`
	Push struct {
		Action  string  `json:"action"` // created, pushed, removed
		RefType string  `json:"ref_type"`
		Ref     *string `json:"ref"` // null for a push of many branches at once, which names none
		After   string  `json:"commit_to"`
	} `json:"push_data"`
}

func (e event) push() forge.Push {
	p := forge.Push{Actor: forge.Account{Kind: forge.Unknown}, After: e.Push.After}
	if e.Push.Ref == nil {
		p.After = ""
	}
	if a := e.Author; a != nil && a.ID > 0 && a.Username != ghost {
		p.Actor = forge.Account{ID: a.ID, NodeID: fmt.Sprintf("gid://gitlab/User/%d", a.ID), Login: a.Username, Kind: forge.User}
		if botName.MatchString(a.Username) {
			p.Actor.Kind = forge.Bot
		}
	}
	return p
}

// Pushes reads who moved the head branch, from the events of the project that holds it, back to the
// push that created the branch. Whoever pushed many branches at once since then may have moved this
// one too: GitLab does not tell which, so it counts. It fails for a fork that is not ours to see, and
// for a branch whose creation lies more than 3,000 pushes of the project back.
func (h *Host) Pushes(ctx context.Context, head forge.Branch, repo forge.Repo) ([]forge.Push, error) {
	out, err := h.pushes(ctx, head, repo)
	return out, h.fail(err, "reading who pushed to %s", head.Ref)
}

func (h *Host) pushes(ctx context.Context, head forge.Branch, repo forge.Repo) ([]forge.Push, error) {
	from := repo.FullName()
	if head.Fork {
		if from = head.Repo; from == "" {
			return nil, fmt.Errorf("%w: the project that held the branch is gone, or is not the bot's to see", forge.ErrNotFound)
		}
	}
	if err := checkPath(from, 2); err != nil {
		return nil, err
	}
	opt := struct {
		Action  string `url:"action"`
		Page    int    `url:"page"`
		PerPage int    `url:"per_page"`
	}{"pushed", 1, perPage}
	var out []forge.Push
	for opt.Page <= maxEvents {
		var list []event
		resp, err := h.get(ctx, projectOf(from)+"/events", opt, &list)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if e.Push.RefType != "branch" || e.Push.Action == "removed" || e.Push.Ref != nil && *e.Push.Ref != head.Ref {
				continue
			}
			out = append(out, e.push())
			if e.Push.Ref != nil && e.Push.Action == "created" {
				return out, nil
			}
		}
		if opt.Page = resp.NextPage; opt.Page == 0 {
			return out, complete(out)
		}
	}
	return nil, fmt.Errorf("%w: the creation of the branch lies more than %d pushes back", forge.ErrTooLarge, maxEvents*perPage)
}

// complete refuses events that do not reach back to the branch's creation: GitLab drops those older
// than three years. A push of many branches may have been the creation.
func complete(pushes []forge.Push) error {
	if len(pushes) > 0 && pushes[len(pushes)-1].After == "" {
		return nil
	}
	return fmt.Errorf("%w: the project's events do not tell who created the branch", forge.ErrNotFound)
}

// Blob reads a blob and proves that its bytes are those that the id names.
func (h *Host) Blob(ctx context.Context, repo forge.Repo, oid string, limit int64) ([]byte, error) {
	if err := checkOID(oid); err != nil {
		return nil, err
	}
	if err := checkPath(repo.FullName(), 2); err != nil {
		return nil, err
	}
	got := client.Capped{Left: limit}
	if _, err := h.get(ctx, projectOf(repo.FullName())+"/repository/blobs/"+oid+"/raw", nil, &got); err != nil {
		return nil, h.fail(err, "reading blob %s of %s", oid, repo.FullName())
	}
	data := got.Bytes()
	if id := forge.ObjectID("blob", data, len(oid)); id != oid {
		return nil, fmt.Errorf("reading blob %s of %s: the bytes that came are those of %s", oid, repo.FullName(), id)
	}
	return data, nil
}

// Tree reads the direct entries of a directory at a commit: GitLab finds trees by path alone.
func (h *Host) Tree(ctx context.Context, repo forge.Repo, commit string, dir forge.Entry) ([]forge.Entry, error) {
	for _, oid := range []string{commit, dir.OID} {
		if err := checkOID(oid); err != nil {
			return nil, err
		}
	}
	if err := checkPath(repo.FullName(), 2); err != nil {
		return nil, err
	}
	at := cleanDir(dir.Path)
	entries, err := h.list(ctx, repo, commit, at, false)
	if err != nil {
		return nil, h.fail(err, "reading directory %s of %s at %s", dir.Path, repo.FullName(), commit)
	}
	for i, e := range entries {
		if path.Dir(e.Path) != path.Clean(at) {
			return nil, fmt.Errorf("reading directory %s of %s: GitLab listed %s", dir.Path, repo.FullName(), e.Path)
		}
		entries[i].Path = path.Base(e.Path)
	}
	return entries, nil
}

// Lookup finds files at a commit, a batch a request.
func (h *Host) Lookup(ctx context.Context, repo forge.Repo, commit string, paths []string) (map[string]forge.Entry, error) {
	if err := checkPath(repo.FullName(), 2); err != nil {
		return nil, err
	}
	out, err := h.find(ctx, repo, commit, paths)
	return out, h.fail(err, "looking up %d paths of %s at %s", len(paths), repo.FullName(), commit)
}

func (h *Host) find(ctx context.Context, repo forge.Repo, commit string, paths []string) (map[string]forge.Entry, error) {
	if len(paths) == 0 {
		return map[string]forge.Entry{}, nil
	}
	if err := checkOID(commit); err != nil {
		return nil, err
	}
	out := map[string]forge.Entry{}
	var files []string
	for _, p := range paths {
		folder, ok := strings.CutSuffix(p, "/")
		if !ok {
			files = append(files, p)
			continue
		}
		// GitLab finds blobs by their paths, and folders only by listing what they lie in.
		entries, err := h.list(ctx, repo, commit, cleanDir(path.Dir(folder)), false)
		if err != nil && !errors.Is(err, forge.ErrNotFound) {
			return nil, err
		}
		for _, e := range entries {
			if e.Path == folder && e.IsTree() {
				out[p] = forge.Entry{Path: p, Mode: e.Mode, OID: e.OID}
			}
		}
	}
	for batch := range slices.Chunk(files, lookupBatch) {
		found, err := h.lookup(ctx, repo, commit, batch)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, found)
	}
	return out, nil
}

func (h *Host) lookup(ctx context.Context, repo forge.Repo, commit string, paths []string) (map[string]forge.Entry, error) {
	var answer struct {
		Project *struct {
			Repository struct {
				Tree  *tip   `json:"tree"`
				Blobs leaves `json:"blobs"`
			} `json:"repository"`
		} `json:"project"`
	}
	variables := map[string]any{"project": repo.FullName(), "ref": commit, "paths": paths}
	if err := h.strict(ctx, document("lookup", nil), variables, &answer); err != nil {
		return nil, err
	}
	if answer.Project == nil {
		return nil, forge.ErrNotFound
	}
	if answer.Project.Repository.Tree.sha() != commit {
		return nil, fmt.Errorf("%w: no such commit", forge.ErrNotFound)
	}
	out := map[string]forge.Entry{}
	for _, b := range answer.Project.Repository.Blobs.Nodes {
		if slices.Contains(paths, b.Path) && b.OID != "" {
			out[b.Path] = forge.Entry{Path: b.Path, Mode: b.Mode, OID: b.OID}
		}
	}
	return out, nil
}
