package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
)

const (
	annotationBatch = 50     // annotations a request
	maxText         = 65_535 // bytes of a summary, a text, a comment, an annotation's message
	maxTitle        = 255    // characters of a title
	cutNote         = "\n\n… cut here: GitHub takes no more.\n"
)

// write is one field of the mutation.
type write struct {
	kind  string // as in publish.graphql
	what  string // for errors
	input map[string]any
	rest  []forge.Annotation // of a check run: what did not fit
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

// Publish writes everything in one request, but for annotations beyond the first 50 of a check run,
// which follow in batches. Updating a check run adds its annotations to those that it has: to
// replace them, create a new run of the same name.
//
// What cannot be written does not stop the rest; the error names each write that failed.
func (a *App) Publish(ctx context.Context, pr forge.PullRequest, p forge.Publication) error {
	if p.Empty() {
		return nil
	}
	in, err := a.in(ctx, pr.Repo)
	if err != nil {
		return err
	}
	var failed []error
	writes := make([]write, 0, len(p.Checks)+2)
	for _, c := range p.Checks {
		writes = append(writes, checkWrite(pr, c))
	}
	for _, c := range p.Comments {
		w := write{kind: "add", what: "comment", input: map[string]any{"subjectId": pr.NodeID, "body": shorten(c.Body)}}
		if c.NodeID != "" {
			w = write{kind: "edit", what: "comment " + c.NodeID, input: map[string]any{"id": c.NodeID, "body": shorten(c.Body)}}
		}
		writes = append(writes, w)
	}
	writes = append(writes, threadWrites(pr, p.Threads)...)
	if len(p.AskUsers)+len(p.AskTeams) > 0 {
		ask, err := askWrite(pr, p)
		if err != nil {
			failed = append(failed, err)
		}
		if ask != nil {
			writes = append(writes, *ask)
		}
	}
	for len(writes) > 0 {
		next, errs, err := a.publish(ctx, in, pr, writes)
		if failed = append(failed, errs...); err != nil {
			failed = append(failed, err)
			break
		}
		writes = next
	}
	return a.failed(in, errors.Join(failed...), "publishing on %s", pr.Ref)
}

// publish sends one mutation. It returns the batches that must follow, and the writes that failed. A thread
// is advice, which a check run has besides: that GitHub does not take one is no failure.
func (a *App) publish(ctx context.Context, in *installation, pr forge.PullRequest, writes []write) (next []write, failed []error, err error) {
	var answer map[string]*struct {
		CheckRun *struct {
			ID string `json:"id"`
		} `json:"checkRun"`
	}
	doc, variables := publishDocument(writes)
	errs, err := in.graphql(ctx, doc, variables, &answer)
	if err != nil {
		return nil, nil, err
	}
	byAlias, rest := errs.split(func(e gqlError) bool { return strings.HasPrefix(e.at(), "w") })
	if err := rest.asError(); err != nil {
		failed = append(failed, err)
	}
	for i, w := range writes {
		alias := fmt.Sprintf("w%d", i)
		e, bad := byAlias[alias]
		if advice := w.kind == "review" || w.kind == "resolve" || w.kind == "reopen"; advice {
			if bad {
				a.log.Info().Str("pr", pr.Ref.String()).Str("reason", redact(e.Message)).Msg("a " + w.what + " is not taken")
			}
			continue
		}
		if bad {
			failed = append(failed, fmt.Errorf("%s: %w", w.what, gqlErrors{e}))
			continue
		}
		got := answer[alias]
		if got == nil {
			failed = append(failed, fmt.Errorf("%s: GitHub did not say whether it was written", w.what))
			continue
		}
		if len(w.rest) == 0 {
			continue
		}
		if got.CheckRun == nil {
			failed = append(failed, fmt.Errorf("%s: GitHub did not name the check run that it wrote", w.what))
			continue
		}
		output, _ := w.input["output"].(map[string]any)
		next = append(next, annotationWrite(pr, w, got.CheckRun.ID, output))
	}
	return next, failed, nil
}

// checkWrite creates or updates a check run with its first annotations. It sends no times: GitHub
// keeps its own.
func checkWrite(pr forge.PullRequest, c forge.CheckWrite) write {
	w := write{kind: "create", what: "check run " + c.Name, rest: c.Annotations}
	w.input = map[string]any{
		"repositoryId": pr.RepoNodeID,
		"name":         c.Name,
		"status":       strings.ToUpper(string(c.Status)),
		"externalId":   c.ExternalID,
	}
	if c.ID != "" {
		w.kind = "update"
		w.input["checkRunId"] = c.ID
	} else {
		w.input["headSha"] = c.HeadSHA
	}
	if c.Status == forge.Completed {
		w.input["conclusion"] = strings.ToUpper(string(c.Conclusion))
	}
	if c.DetailsURL != "" {
		w.input["detailsUrl"] = c.DetailsURL
	}
	output := map[string]any{"title": shortenTitle(c.Title), "summary": shorten(c.Summary)}
	if c.Text != "" {
		output["text"] = shorten(c.Text)
	}
	w.input["output"] = output
	w.takeAnnotations(output)
	return w
}

// annotationWrite is the next batch of a check run that was just written.
func annotationWrite(pr forge.PullRequest, done write, id string, output map[string]any) write {
	w := write{kind: "update", what: done.what, rest: done.rest}
	w.input = map[string]any{"repositoryId": pr.RepoNodeID, "checkRunId": id, "output": output}
	w.takeAnnotations(output)
	return w
}

// takeAnnotations moves the next batch into the output.
func (w *write) takeAnnotations(output map[string]any) {
	n := min(len(w.rest), annotationBatch)
	if n == 0 {
		return
	}
	list := make([]map[string]any, 0, n)
	for _, a := range w.rest[:n] {
		line := max(a.Line, 1)
		item := map[string]any{
			"path": a.Path, "message": shorten(a.Message), "annotationLevel": strings.ToUpper(string(a.Level)),
			"location": map[string]any{"startLine": line, "endLine": line},
		}
		if a.Title != "" {
			item["title"] = shortenTitle(a.Title)
		}
		list = append(list, item)
	}
	output["annotations"], w.rest = list, w.rest[n:]
}

// threadWrites opens the new threads, all of them in one review of the head that only comments, and resolves
// or reopens those that are there.
func threadWrites(pr forge.PullRequest, threads []forge.ThreadWrite) []write {
	var out []write
	var lines []map[string]any
	for _, t := range threads {
		switch {
		case t.NodeID == "":
			lines = append(lines, map[string]any{"path": t.Path, "line": max(t.Line, 1), "side": "RIGHT", "body": shorten(t.Body)})
		case t.Resolve:
			out = append(out, write{kind: "resolve", what: "resolved thread", input: map[string]any{"threadId": t.NodeID}})
		default:
			out = append(out, write{kind: "reopen", what: "reopened thread", input: map[string]any{"threadId": t.NodeID}})
		}
	}
	if len(lines) > 0 {
		out = append(out, write{kind: "review", what: "review with suggestions", input: map[string]any{
			"pullRequestId": pr.NodeID, "commitOID": pr.Head.SHA, "event": "COMMENT", "threads": lines,
		}})
	}
	return out
}

// askWrite requests reviews from those who have a node id; the others are the error.
func askWrite(pr forge.PullRequest, p forge.Publication) (*write, error) {
	var users, teams []string
	var failed []error
	for _, u := range p.AskUsers {
		if u.NodeID == "" {
			failed = append(failed, fmt.Errorf("review request: %s has no node id", u.Login))
			continue
		}
		users = append(users, u.NodeID)
	}
	for _, t := range p.AskTeams {
		if t.NodeID == "" {
			failed = append(failed, fmt.Errorf("review request: team %s has no node id", t.Name()))
			continue
		}
		teams = append(teams, t.NodeID)
	}
	if len(users)+len(teams) == 0 {
		return nil, errors.Join(failed...)
	}
	w := &write{kind: "ask", what: "review request", input: map[string]any{"pullRequestId": pr.NodeID, "union": true}}
	if len(users) > 0 {
		w.input["userIds"] = users
	}
	if len(teams) > 0 {
		w.input["teamIds"] = teams
	}
	return w, errors.Join(failed...)
}

// shorten keeps a text within what GitHub takes: it ends at a line, and says that it was cut.
func shorten(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText - len(cutNote)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	if line := strings.LastIndexByte(s[:end], '\n'); line > 0 {
		end = line
	}
	return s[:end] + cutNote
}

func shortenTitle(s string) string {
	if utf8.RuneCountInString(s) <= maxTitle {
		return s
	}
	return string([]rune(s)[:maxTitle-1]) + "…"
}

// Merge merges if the head is still pr.Head.SHA. GitHub answers 409 when it is not, and 405 when a
// rule or a conflict stands in the way or mergeability is still being computed.
func (a *App) Merge(ctx context.Context, pr forge.PullRequest, method, title string) (string, error) {
	if err := checkOID(pr.Head.SHA); err != nil {
		return "", fmt.Errorf("merging %s: head: %w", pr.Ref, err)
	}
	in, err := a.in(ctx, pr.Repo)
	if err != nil {
		return "", err
	}
	opt := &github.PullRequestOptions{SHA: pr.Head.SHA, MergeMethod: method, CommitTitle: title}
	got, _, err := in.rest.PullRequests.Merge(ctx, pr.Repo.Owner, pr.Repo.Name, pr.Number, "", opt)
	switch status(err) {
	case http.StatusConflict:
		err = fmt.Errorf("%w: %w", forge.ErrHeadMoved, err)
	case http.StatusMethodNotAllowed:
		err = fmt.Errorf("%w: %w", forge.ErrNotMergeable, err)
	}
	if err == nil && !got.GetMerged() {
		err = fmt.Errorf("%w: %s", forge.ErrNotMergeable, got.GetMessage())
	}
	if err != nil {
		return "", a.failed(in, err, "merging %s", pr.Ref)
	}
	return got.GetSHA(), nil
}
