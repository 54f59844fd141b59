package gitlab

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; only this room knows it

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/xanzy/go-gitlab"

	"github.com/lumos-governance/lumos/internal/forge"
)

// Merge merges if the head is still pr.Head.SHA. Where the project has merge trains, the merge request
// is put on the train under the same condition, and the commit is empty: it is not merged yet.
//
// method is merge, squash or rebase. GitLab rebases as the project's settings say, never as a request
// says: rebase needs a project whose merge method is fast-forward, or merge commit with semi-linear history.
func (h *Host) Merge(ctx context.Context, pr forge.PullRequest, method, title string) (string, error) {
	if err := checkOID(pr.Head.SHA); err != nil {
		return "", fmt.Errorf("merging %s: head: %w", pr.Ref, err)
	}
	if err := checkPath(pr.Repo.FullName(), 2); err != nil {
		return "", err
	}
	sha, err := h.merge(ctx, pr, method, title)
	return sha, h.fail(err, "merging %s", pr.Ref)
}

func (h *Host) merge(ctx context.Context, pr forge.PullRequest, method, title string) (string, error) {
	settings, err := h.project(ctx, pr.Repo)
	if err != nil {
		return "", err
	}
	linear := settings.MergeMethod == gitlab.FastForwardMerge || settings.MergeMethod == gitlab.RebaseMerge
	if method == "rebase" && !linear {
		return "", fmt.Errorf("%w: the merge method rebase needs a project that is set to fast-forward merge or to merge commit with semi-linear history", forge.ErrNotMergeable)
	}
	squash := method == "squash"
	if settings.MergeTrainsEnabled {
		opt := &gitlab.AddMergeRequestToMergeTrainOptions{SHA: gitlab.Ptr(pr.Head.SHA), Squash: gitlab.Ptr(squash)}
		_, _, err := h.rest.MergeTrains.AddMergeRequestToMergeTrain(pr.Repo.FullName(), pr.Number, opt, h.with(ctx)...)
		return "", refusal(err)
	}
	opt := &gitlab.AcceptMergeRequestOptions{SHA: gitlab.Ptr(pr.Head.SHA), Squash: gitlab.Ptr(squash)}
	if squash && title != "" {
		opt.SquashCommitMessage = gitlab.Ptr(title)
	}
	got, _, err := h.rest.MergeRequests.AcceptMergeRequest(pr.Repo.FullName(), pr.Number, opt, h.with(ctx)...)
	if err != nil {
		return "", refusal(err)
	}
	if got.State != "merged" {
		return "", fmt.Errorf("%w: it is %s: %s", forge.ErrNotMergeable, got.State, cmp.Or(got.MergeError, got.DetailedMergeStatus))
	}
	return mergeCommit(got), nil
}

// mergeCommit is the commit that a merge request became: the merge, the squashed one, or its own head.
func mergeCommit(m *gitlab.MergeRequest) string {
	return cmp.Or(m.MergeCommitSHA, m.SquashCommitSHA, m.SHA)
}

// refusal sorts what GitLab answers to a merge (docs.gitlab.com, "Merge requests API", 2026).
func refusal(err error) error {
	switch status(err) {
	case http.StatusConflict:
		return fmt.Errorf("%w: %w", forge.ErrHeadMoved, err)
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %s: %w", forge.ErrNotMergeable, reason(err), err)
	case http.StatusBadRequest:
		// A merge train answers so when the merge request cannot join it, and names a moved head.
		return fmt.Errorf("%w: %s: %w", forge.ErrNotMergeable, reason(err), err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the bot needs a role that may merge into the target branch (protected branches, \"allowed to merge\"), mostly Maintainer: %w", err)
	}
	return err
}

// project reads a project's settings, once an hour.
func (h *Host) project(ctx context.Context, repo forge.Repo) (gitlab.Project, error) {
	key := repo.FullName()
	if p, ok := h.settings.get(key); ok {
		return p, nil
	}
	got, _, err := h.rest.Projects.GetProject(key, nil, h.with(ctx)...)
	if err != nil {
		return gitlab.Project{}, err
	}
	if got == nil {
		return gitlab.Project{}, errors.New("GitLab did not describe the project")
	}
	h.settings.put(key, *got, rememberFor)
	return *got, nil
}
