package gitlab

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; only this room knows it

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xanzy/go-gitlab"

	"github.com/lumos-governance/lumos/internal/forge"
)

const maxDescription = 255 // characters of a commit status's description

// publishGate writes the gate's commit status, and answers the external status checks that are ours.
func (h *Host) publishGate(ctx context.Context, pr forge.PullRequest, c forge.CheckWrite) error {
	return errors.Join(h.setStatus(ctx, pr, c), h.answerChecks(ctx, pr, c))
}

// setStatus puts the gate into the pipeline that GitLab asks whether the merge request may be merged:
// that of the head, wherever it runs. Where there is none yet, the status makes one on the source branch.
func (h *Host) setStatus(ctx context.Context, pr forge.PullRequest, c forge.CheckWrite) error {
	if err := checkOID(c.HeadSHA); err != nil {
		return fmt.Errorf("head: %w", err)
	}
	want := stateOf(c.Status, c.Conclusion)
	opt := &gitlab.SetCommitStatusOptions{
		State: gitlab.BuildStateValue(want), Name: gitlab.Ptr(c.Name),
		TargetURL: gitlab.Ptr(cmp.Or(c.DetailsURL, pr.URL)), Description: gitlab.Ptr(describe(c.Title)),
		Ref: gitlab.Ptr(pr.Head.Ref),
	}
	at, sha := pr.Repo.FullName(), c.HeadSHA
	if pr.Head.Fork {
		at = pr.Head.Repo // GitLab takes the pipelines of a branch from the project that holds it
	}
	if s, ok := h.latest.get(pr.Ref.String()); ok && s.refs.Head == c.HeadSHA && s.pipeline.ofMergeRequest() {
		// A pipeline of the merge request lies beside those of the branch, and may run on a commit that
		// merges the head. It is named, because a reference would find another.
		id := int(number(s.pipeline.ID))
		opt.PipelineID, opt.Ref, sha = &id, nil, s.pipeline.SHA
		at = cmp.Or(pathOf(s.pipeline.Path), at)
	}
	if err := checkPath(at, 2); err != nil {
		return fmt.Errorf("the project that holds the branch is gone, or is not the bot's to see: %w", forge.ErrNotFound)
	}
	key := at + "@" + sha + "@" + pr.Head.Ref // see Wake.Green
	h.greened.put(key, want == stateSuccess && opt.PipelineID == nil, echo)
	_, _, err := h.rest.Commits.SetCommitStatus(at, sha, opt, h.with(ctx)...)
	if err != nil {
		h.greened.put(key, false, echo)
	}
	if alreadySo(err, want) {
		return nil
	}
	if kind := kindOf(err); kind != nil && pr.Head.Fork {
		return fmt.Errorf("the branch is in %s, where the bot must be a Developer, or the project needs pipelines for merge requests: %w", at, err)
	}
	return err
}

// echo is how long GitLab may take to tell of a pipeline that we made green ourselves.
const echo = time.Minute

// pathOf is the project in the address of a pipeline, "/group/project/-/pipelines/9".
func pathOf(address string) string {
	path, _, ok := strings.Cut(strings.TrimPrefix(address, "/"), "/-/")
	if !ok || checkPath(path, 2) != nil {
		return ""
	}
	return path
}

// transition is how GitLab refuses to set a status to what it is: "Cannot transition status via
// :enqueue from :pending (Reason(s): …)".
var transition = regexp.MustCompile(`Cannot transition status via :\w+ from :(\w+)`)

// alreadySo reports whether a refusal means that the wanted state stands. A status that runs is as
// pending as one that has not begun.
func alreadySo(err error, want string) bool {
	if status(err) != http.StatusBadRequest {
		return false
	}
	m := transition.FindStringSubmatch(reason(err))
	return m != nil && (m[1] == want || want == statePending && (m[1] == "running" || m[1] == "created"))
}

// describe is a text on one line, no longer than GitLab takes.
func describe(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= maxDescription {
		return s
	}
	return string([]rune(s)[:maxDescription-1]) + "…"
}

// answerChecks answers the external status checks of the project that are ours, by name or by address.
// Those are licensed (Ultimate); elsewhere GitLab says that there is no such thing, which is remembered.
// A gate that waits is answered "failed": left unanswered, GitLab would fail it by itself within two
// minutes (docs.gitlab.com, "External status checks", 2026), and it is answered again when it changes.
func (h *Host) answerChecks(ctx context.Context, pr forge.PullRequest, c forge.CheckWrite) error {
	ids, err := h.ourChecks(ctx, pr.Repo)
	if err != nil {
		return fmt.Errorf("external status checks: %w", err)
	}
	answer := "failed"
	if stateOf(c.Status, c.Conclusion) == stateSuccess {
		answer = "passed"
	}
	var failed []error
	for _, id := range ids {
		_, err := h.rest.ExternalStatusChecks.SetExternalStatusCheckStatus(pr.Repo.FullName(), pr.Number,
			&gitlab.SetExternalStatusCheckStatusOptions{SHA: gitlab.Ptr(c.HeadSHA), ExternalStatusCheckID: gitlab.Ptr(id), Status: gitlab.Ptr(answer)},
			h.with(ctx)...)
		if status(err) == http.StatusConflict {
			err = fmt.Errorf("%w: %w", forge.ErrHeadMoved, err)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("external status check %d: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

func (h *Host) ourChecks(ctx context.Context, repo forge.Repo) ([]int, error) {
	key := repo.FullName()
	if ids, ok := h.checks.get(key); ok {
		return ids, nil
	}
	ids := []int{}
	opt := &gitlab.ListOptions{PerPage: perPage, Page: 1}
	for opt.Page > 0 && opt.Page <= maxPages {
		page, resp, err := h.rest.ExternalStatusChecks.ListProjectStatusChecks(key, opt, h.with(ctx)...)
		if s := status(err); s == http.StatusNotFound || s == http.StatusForbidden || s == http.StatusUnauthorized {
			break // not licensed, or not ours to see
		}
		if err != nil {
			return nil, err
		}
		for _, check := range page {
			if check.Name == forge.GateCheck || h.webhook != "" && check.ExternalURL == h.webhook {
				ids = append(ids, check.ID)
			}
		}
		opt.Page = resp.NextPage
	}
	h.checks.put(key, ids, rememberFor)
	return ids, nil
}
