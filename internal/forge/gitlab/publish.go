package gitlab

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

const (
	maxNote = 1_000_000 // characters of a note, as GitLab's docs have it (2026); bytes are the stricter count
	cutNote = "\n\n… cut here: GitLab takes no more.\n"
)

// write is one field of the mutation.
type write struct {
	kind  string // as in publish.graphql
	what  string // for errors
	input map[string]any
}

var mutations = docs.Mutations()

// publishDocument builds one mutation of the writes, in order.
func publishDocument(writes []write) (string, map[string]any) {
	fields := make([]client.Write, 0, len(writes))
	for _, w := range writes {
		fields = append(fields, client.Write{Kind: w.kind, Input: w.input})
	}
	return mutations.Build(fields)
}

// Publish writes comments, threads and reviewers in one request, then the gate as a commit status in
// another. Other checks than the gate have no place on GitLab: they are told in a comment, which comes
// with p.Comments (see forge.Ledger).
//
// What cannot be written does not stop the rest; the error names each write that failed. That a thread
// finds no place in the diff is no failure: what it says stands in the comment too.
func (h *Host) Publish(ctx context.Context, pr forge.PullRequest, p forge.Publication) error {
	if p.Empty() {
		return nil
	}
	if err := checkPath(pr.Repo.FullName(), 2); err != nil {
		return err
	}
	var failed []error
	if err := h.publishNotes(ctx, pr, p); err != nil {
		failed = append(failed, err)
		var limited *forge.RateLimited
		if errors.As(err, &limited) {
			return h.fail(err, "publishing on %s", pr.Ref)
		}
	}
	for _, c := range p.Checks {
		if c.Name != forge.GateCheck {
			continue
		}
		if err := h.publishGate(ctx, pr, c); err != nil {
			failed = append(failed, fmt.Errorf("commit status %s: %w", c.Name, err))
		}
	}
	return h.fail(errors.Join(failed...), "publishing on %s", pr.Ref)
}

func (h *Host) publishNotes(ctx context.Context, pr forge.PullRequest, p forge.Publication) error {
	var failed []error
	var writes []write
	for _, c := range p.Comments {
		w := write{kind: "add", what: "comment", input: map[string]any{"noteableId": pr.NodeID, "body": shorten(c.Body)}}
		if c.NodeID != "" {
			w = write{kind: "edit", what: "comment " + c.NodeID, input: map[string]any{"id": c.NodeID, "body": shorten(c.Body)}}
		}
		writes = append(writes, w)
	}
	for _, t := range p.Threads {
		w, err := h.threadWrite(ctx, pr, t)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		writes = append(writes, w)
	}
	if w, err := askWrite(pr, p); err != nil {
		failed = append(failed, err)
	} else if w != nil {
		writes = append(writes, *w)
	}
	if len(writes) == 0 {
		return errors.Join(failed...)
	}
	errs, err := h.mutate(ctx, pr, writes)
	return errors.Join(append(append(failed, errs...), err)...)
}

// mutate sends the writes, and returns those that failed.
func (h *Host) mutate(ctx context.Context, pr forge.PullRequest, writes []write) (failed []error, err error) {
	var answer map[string]*struct {
		Errors []string `json:"errors"`
		Note   *struct {
			ID string `json:"id"`
		} `json:"note"`
		Discussion *struct {
			ID string `json:"id"`
		} `json:"discussion"`
	}
	doc, variables := publishDocument(writes)
	errs, err := h.graphql(ctx, doc, variables, &answer)
	if err != nil {
		return nil, err
	}
	for i, w := range writes {
		alias := fmt.Sprintf("w%d", i)
		var own gqlErrors
		own, errs = errs.split(alias)
		got := answer[alias]
		switch {
		case len(own) > 0:
			err = fmt.Errorf("%s: %w", w.what, own)
		case got == nil:
			err = fmt.Errorf("%s: GitLab did not say whether it was written", w.what)
		case len(got.Errors) > 0:
			err = fmt.Errorf("%s: GitLab says: %s", w.what, strings.Join(got.Errors, "; "))
		case w.kind != "ask" && got.Note == nil && got.Discussion == nil:
			err = fmt.Errorf("%s: GitLab did not name what it wrote", w.what)
		default:
			continue
		}
		if w.kind == "open" {
			h.log.Info().Str("pr", pr.Ref.String()).Str("reason", h.redact(err.Error())).Msg("a thread finds no place in the diff")
			continue
		}
		failed = append(failed, err)
	}
	return failed, errs.asError()
}

// threadWrite opens a thread on a line of the newest diff, or resolves one of ours, or reopens it.
func (h *Host) threadWrite(ctx context.Context, pr forge.PullRequest, t forge.ThreadWrite) (write, error) {
	if t.NodeID != "" {
		return write{kind: "resolve", what: "thread " + t.NodeID, input: map[string]any{"id": t.NodeID, "resolve": t.Resolve}}, nil
	}
	refs, err := h.position(ctx, pr)
	if err != nil {
		return write{}, fmt.Errorf("thread on %s: %w", t.Path, err)
	}
	return write{kind: "open", what: fmt.Sprintf("thread on %s, line %d", t.Path, t.Line), input: map[string]any{
		"noteableId": pr.NodeID, "body": shorten(t.Body),
		"position": map[string]any{
			"baseSha": refs.Base, "headSha": refs.Head, "startSha": refs.Start,
			"paths": map[string]any{"oldPath": t.Path, "newPath": t.Path}, "newLine": max(t.Line, 1),
		},
	}}, nil
}

// position finds the three commits that a place in the diff of pr.Head names. The last look told them.
func (h *Host) position(ctx context.Context, pr forge.PullRequest) (diffRefs, error) {
	if s, ok := h.latest.get(pr.Ref.String()); ok && s.refs.Head == pr.Head.SHA {
		return s.refs, nil
	}
	got, _, err := h.rest.MergeRequests.GetMergeRequest(pr.Repo.FullName(), pr.Number, nil, h.with(ctx)...)
	if err != nil {
		return diffRefs{}, err
	}
	refs := diffRefs{Base: got.DiffRefs.BaseSha, Head: got.DiffRefs.HeadSha, Start: got.DiffRefs.StartSha}
	if refs.Head != pr.Head.SHA {
		return diffRefs{}, forge.ErrHeadMoved
	}
	return refs, nil
}

// askWrite adds reviewers; those who are there stay. GitLab asks people, not groups, and on its free
// tier keeps one reviewer alone: what it makes of the list is its own affair.
func askWrite(pr forge.PullRequest, p forge.Publication) (*write, error) {
	var names []string
	for _, u := range p.AskUsers {
		if u.Login == "" {
			return nil, fmt.Errorf("reviewer %d has no name", u.ID)
		}
		names = append(names, u.Login)
	}
	if len(names) == 0 {
		return nil, nil
	}
	return &write{kind: "ask", what: "reviewers", input: map[string]any{
		"projectPath": pr.Repo.FullName(), "iid": strconv.Itoa(pr.Number), "reviewerUsernames": names, "operationMode": "APPEND",
	}}, nil
}

// shorten keeps a text within what GitLab takes: it ends at a line, and says that it was cut.
func shorten(s string) string {
	s = armour(s)
	if len(s) <= maxNote {
		return s
	}
	end := maxNote - len(cutNote)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	if line := strings.LastIndexByte(s[:end], '\n'); line > 0 {
		end = line
	}
	return s[:end] + cutNote
}
