package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

const (
	maxCommits  = 250 // as many as on GitHub: what is larger is not judged
	maxPages    = 10  // of notes: 1,000
	maxTeam     = 50  // pages of a group's members: 5,000
	rememberFor = time.Hour
)

// Conversation reads a merge request in one request, when the tip of its target branch is known from
// before; in two of which one follows the other when it is not. Only what does not fit a page of 100,
// and groups beyond the first two, take more. A commit list that does not hold the head is
// ErrHeadMoved: somebody pushed while it was read.
func (h *Host) Conversation(ctx context.Context, pr forge.Ref, want forge.Want) (*forge.Conversation, error) {
	if err := checkPath(pr.Repo.FullName(), 2); err != nil {
		return nil, err
	}
	c, err := h.conversation(ctx, pr, want)
	return c, h.fail(err, "reading %s", pr)
}

// look is one reading of a merge request on its way to becoming facts.
type look struct {
	ref     forge.Ref
	want    forge.Want
	me      user
	project project
	mr      *mergeRequest
	notes   []note
	out     *forge.Conversation
}

func (h *Host) conversation(ctx context.Context, pr forge.Ref, want forge.Want) (*forge.Conversation, error) {
	plan := h.planTeams(want.Teams)
	l := &look{ref: pr, want: want, out: &forge.Conversation{}}
	answer, err := h.ask(ctx, l, plan)
	if tooComplex(err) && plan.inline > 0 {
		// A version of GitLab that counts more: from now on the groups have a query of their own.
		h.simpler.Store(true)
		plan.inline = 0
		answer, err = h.ask(ctx, l, plan)
	}
	if err != nil {
		return nil, err
	}
	if l.out.PullRequest, err = h.facts(l); err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.readBase(gctx, l) })
	g.Go(func() (err error) {
		l.out.Teams, err = h.readTeams(gctx, l, plan, answer)
		return err
	})
	g.Go(func() error { return h.finishMerged(gctx, l) })
	moreNotes := func() error { return h.moreNotes(gctx, l) }
	commits := l.mr.Commits
	g.Go(func() (err error) {
		commits, err = h.moreCommits(gctx, l, commits)
		return err
	})
	g.Go(moreNotes)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := h.readCommits(ctx, l, commits); err != nil {
		return nil, err
	}
	if err := h.readVotes(ctx, l); err != nil {
		return nil, err
	}
	l.readComments()
	l.readChecks()
	for _, r := range l.mr.Reviewers.Nodes {
		if r != nil {
			l.out.Requested = append(l.out.Requested, strings.ToLower(r.Username))
		}
	}
	h.remember(l)
	return l.out, nil
}

// ask sends the query, and finds the tip of the audit branch where the query could not tell it.
func (h *Host) ask(ctx context.Context, l *look, plan teamPlan) (*conversationAnswer, error) {
	var answer conversationAnswer
	guess, _ := h.targets.get(l.ref.Repo.FullName())
	doc, variables := conversationDocument(l.ref, guess, plan)
	errs, err := h.graphql(ctx, doc, variables, &answer)
	if err != nil {
		return nil, err
	}
	audit, errs := errs.split("project.repository.audit")
	if err := errs.asError(); err != nil {
		return nil, err
	}
	if answer.Project == nil || answer.Project.MergeRequest == nil {
		return nil, forge.ErrNotFound
	}
	if answer.CurrentUser == nil || number(answer.CurrentUser.ID) == 0 {
		return nil, fmt.Errorf("%w: GitLab does not say who the token belongs to", forge.ErrForbidden)
	}
	l.me, l.project, l.mr, l.notes = *answer.CurrentUser, *answer.Project, answer.Project.MergeRequest, answer.Project.MergeRequest.Notes.Nodes
	l.out.AuditTip = l.project.Repository.Audit.sha()
	if len(audit) > 0 {
		l.out.AuditTip, err = h.branch(ctx, l.ref.Repo, forge.AuditBranch)
	}
	if err != nil {
		return nil, err
	}
	return &answer, h.findBase(ctx, l, guess)
}

func tooComplex(err error) bool {
	var gql gqlErrors
	return errors.As(err, &gql) && strings.Contains(gql.Error(), "exceeds max complexity")
}

// findBase resolves the tip of the target branch. The query guessed the branch: the one of the last
// merge request here, or the default branch.
func (h *Host) findBase(ctx context.Context, l *look, guess string) error {
	target := "refs/heads/" + l.mr.TargetBranch
	if guess == target || guess == "" && l.mr.TargetBranch == l.project.Repository.RootRef {
		l.out.PullRequest.Base.SHA = l.project.Repository.Base.sha()
	}
	h.targets.put(l.ref.Repo.FullName(), target, 0)
	if l.out.PullRequest.Base.SHA != "" {
		return nil
	}
	var err error
	l.out.PullRequest.Base.SHA, err = h.branch(ctx, l.ref.Repo, l.mr.TargetBranch)
	return err
}

// branch is the commit at the tip of a branch; empty where there is none.
func (h *Host) branch(ctx context.Context, repo forge.Repo, name string) (string, error) {
	var answer struct {
		Commit struct {
			ID string `json:"id"`
		} `json:"commit"`
	}
	_, err := h.get(ctx, projectOf(repo.FullName())+"/repository/branches/"+url.PathEscape(name), nil, &answer)
	if status(err) == http.StatusNotFound {
		return "", nil
	}
	if err == nil && !oidForm.MatchString(answer.Commit.ID) {
		err = errors.New("GitLab did not name the commit of the branch")
	}
	return answer.Commit.ID, err
}

// conversationDocument builds the document for what is wanted, and its variables.
func conversationDocument(pr forge.Ref, target string, plan teamPlan) (string, map[string]any) {
	a := client.Aliases{Values: map[string]any{
		"project": pr.Repo.FullName(), "iid": strconv.Itoa(pr.Number), "target": nil,
		"audit": "refs/heads/" + forge.AuditBranch, "gate": forge.GateCheck,
	}}
	if target != "" {
		a.Values["target"] = target
	}
	groupFields(&a, plan.inlined(), "{ ...GroupFacts }")
	roles := ""
	if plan.roles {
		roles = "projectMembers(relations: [DIRECT], first: 100) { ...Roles }"
	}
	return document("conversation", map[string]string{
		"variables": a.Declared(), "roles": roles, "groups": a.Fields(),
	}), a.Values
}

func (h *Host) facts(l *look) (forge.PullRequest, error) {
	m := l.mr
	out := forge.PullRequest{
		Ref:      forge.Ref{Repo: h.repo(number(l.project.ID), l.project.FullPath), Number: int(number(m.IID))},
		Platform: forge.GitLab, NodeID: m.ID, RepoNodeID: l.project.ID, URL: m.WebURL, Title: m.Title, Draft: m.Draft,
		Author: m.Author.account(), CreatedAt: m.CreatedAt,
		Head: forge.Branch{Ref: m.SourceBranch, SHA: m.DiffHeadSHA, Fork: true},
		Base: forge.Branch{Ref: m.TargetBranch, SHA: l.out.PullRequest.Base.SHA, Repo: l.project.FullPath},
	}
	if out.Number != l.ref.Number {
		return out, fmt.Errorf("GitLab answered for !%s", m.IID)
	}
	if m.SourceProject != nil { // null when it was deleted, or is not ours to see
		out.Head.Repo, out.Head.Fork = m.SourceProject.FullPath, m.SourceProject.FullPath != l.project.FullPath
	}
	switch m.State {
	case "opened", "locked": // it is locked while it is being merged
		out.State = forge.Open
	case "closed":
		out.State = forge.Closed
	case "merged":
		out.State, out.MergeCommit = forge.Merged, m.MergeCommit
		by := m.MergeUser.account()
		out.MergedBy = &by
	default:
		return out, fmt.Errorf("state %q of the merge request: expected opened, closed, locked or merged", m.State)
	}
	switch {
	case m.Conflicts, strings.HasPrefix(m.MergeStatus, "CANNOT_BE_MERGED") && m.MergeStatus != "CANNOT_BE_MERGED_RECHECK":
		out.Mergeable = forge.MergeConflict
	case m.MergeStatus == "CAN_BE_MERGED":
		out.Mergeable = forge.MergeClean
	default:
		out.Mergeable = forge.MergeUncertain
	}
	if out.Base.SHA == "" {
		l.truncated("the base branch, which is gone")
	}
	if out.State != forge.Open {
		if m.DiffRefs != nil {
			out.Head.SHA, out.MergeBase = m.DiffRefs.Head, m.DiffRefs.Base // the branch may be gone, or have gone on
		}
		return out, nil
	}
	// GitLab prepares a merge request, and takes in a push, in the background: until both are told of
	// the same head, what it says belongs to two of them.
	if m.DiffRefs == nil || m.DiffHeadSHA == "" || m.DiffRefs.Head != m.DiffHeadSHA {
		return out, fmt.Errorf("%w: GitLab is still taking it in", forge.ErrHeadMoved)
	}
	out.MergeBase = m.DiffRefs.Base
	return out, nil
}

func (l *look) truncated(format string, args ...any) {
	l.out.Truncated = append(l.out.Truncated, fmt.Sprintf(format, args...))
}

// finishMerged finds the commit that a merge request became where there is no merge commit: one that
// was squashed, or put on top of its target.
func (h *Host) finishMerged(ctx context.Context, l *look) error {
	pr := &l.out.PullRequest
	if pr.State != forge.Merged || pr.MergeCommit != "" {
		return nil
	}
	key := l.ref.String()
	if known, ok := h.merged.get(key); ok {
		pr.MergeCommit = known
		return nil
	}
	got, _, err := h.rest.MergeRequests.GetMergeRequest(l.ref.Repo.FullName(), l.ref.Number, nil, h.with(ctx)...)
	if err != nil {
		return err
	}
	if pr.MergeCommit = mergeCommit(got); pr.MergeCommit != "" {
		h.merged.put(key, pr.MergeCommit, 0)
	}
	return nil
}

func (h *Host) moreCommits(ctx context.Context, l *look, list commits) (commits, error) {
	for list.PageInfo.HasNextPage && len(list.Nodes) < maxCommits {
		m, err := h.more(ctx, "more_commits", l, list.PageInfo.EndCursor)
		if err != nil {
			return list, err
		}
		list.Nodes, list.PageInfo = append(slices.Clip(list.Nodes), m.Commits.Nodes...), m.Commits.PageInfo
	}
	return list, nil
}

// moreNotes reads forward to the newest notes.
func (h *Host) moreNotes(ctx context.Context, l *look) error {
	info := l.mr.Notes.PageInfo
	for n := 1; info.HasNextPage; n++ {
		if n == maxPages {
			l.mr.Notes.PageInfo = info // readComments says so
			return nil
		}
		m, err := h.more(ctx, "more_notes", l, info.EndCursor)
		if err != nil {
			return err
		}
		l.notes, info = append(slices.Clip(l.notes), m.Notes.Nodes...), m.Notes.PageInfo
	}
	l.mr.Notes.PageInfo = info
	return nil
}

// more reads the page after a cursor.
func (h *Host) more(ctx context.Context, name string, l *look, cursor string) (*mergeRequest, error) {
	var answer struct {
		Project *project `json:"project"`
	}
	err := h.strict(ctx, document(name, nil), map[string]any{
		"project": l.ref.Repo.FullName(), "iid": strconv.Itoa(l.ref.Number), "cursor": cursor,
	}, &answer)
	if err != nil {
		return nil, err
	}
	if answer.Project == nil || answer.Project.MergeRequest == nil {
		return nil, forge.ErrNotFound
	}
	return answer.Project.MergeRequest, nil
}

// remember keeps what a write to this merge request needs.
func (h *Host) remember(l *look) {
	s := seen{}
	if l.mr.DiffRefs != nil {
		s.refs = *l.mr.DiffRefs
	}
	if l.mr.HeadPipeline != nil {
		s.pipeline = *l.mr.HeadPipeline
	}
	h.latest.put(l.ref.String(), s, rememberFor)
	key := l.ref.Repo.FullName() + "@" + l.out.PullRequest.Head.SHA
	if known, _ := h.heads.get(key); !slices.Contains(known, l.ref.Number) {
		h.heads.put(key, append(slices.Clone(known), l.ref.Number), 0)
	}
}

// baseFiles are the trusted files of a commit.
type baseFiles struct {
	entries   []forge.Entry
	truncated []string
}

// readBase reads the trusted files at the base, once for each commit.
func (h *Host) readBase(ctx context.Context, l *look) error {
	sha := l.out.PullRequest.Base.SHA
	if sha == "" {
		return nil
	}
	dirs, err := json.Marshal(l.want.Dirs)
	if err != nil {
		return err
	}
	key := l.ref.Repo.FullName() + "@" + sha + string(dirs)
	files, ok := h.bases.get(key)
	if !ok {
		if files, err = h.baseFiles(ctx, l.ref.Repo, sha, l.want.Dirs); err != nil {
			return err
		}
		h.bases.put(key, files, 0)
	}
	l.out.BaseFiles = slices.Clone(files.entries)
	l.out.Truncated = append(l.out.Truncated, files.truncated...)
	return nil
}
