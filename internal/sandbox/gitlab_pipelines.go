package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"
)

// statusIn is a commit status as it is posted. Nil leaves a text of the row as it is.
type statusIn struct {
	State, Ref, Name       string
	Pipeline               int64 // 0: the newest of the commit and ref
	TargetURL, Description *string
}

// postStatus writes a commit status as GitLab does (its Ci::CreateCommitStatusService, 2026): the row of
// the same user, name and ref is continued while it waits or runs; a finished one is followed by another,
// and the older rows of the name, whoever's they are, are thereby retried. So any Developer can write
// under any name, and only the newest row of a name counts.
func (s *Sandbox) postStatus(r *repo, by actor, sha string, in statusIn) (*pipeline, *job, error) {
	if s.access(by.account, r) < accessDeveloper {
		return nil, nil, errForbidden
	}
	commit := r.peel(r.resolve(sha))
	if r.kind(commit) != "commit" {
		return nil, nil, notFoundOf("Commit")
	}
	pl := r.matchingPipeline(commit, in)
	if in.Pipeline != 0 && pl == nil {
		return nil, nil, notFoundOf("Pipeline for pipeline_id, sha and ref")
	}
	ref := in.Ref
	if ref == "" && pl != nil {
		ref = pl.Ref
	}
	if ref == "" {
		ref = r.branchWith(commit)
	}
	if r.branch(ref) == "" && r.refs["refs/tags/"+ref] == "" {
		return nil, nil, notFoundOf("References for commit")
	}
	if !s.mayUpdateRef(r, by, ref) {
		return nil, nil, errForbidden
	}
	if err := checkStatus(in); err != nil {
		return nil, nil, err
	}
	fresh := pl == nil
	if fresh {
		pl = &pipeline{ID: s.id(), IID: len(r.pipelines) + 1, SHA: commit, Ref: ref, Source: "external", Created: s.now(), Updated: s.now(), User: by.account}
	}
	name := in.Name
	if name == "" {
		name = "default"
	}
	was := pl.status()
	j := pl.ongoing(by.account, name)
	if j == nil {
		j = &job{ID: s.id(), Name: name, State: "created", User: by.account, Created: s.now()}
	}
	if err := s.transit(j, in.State); err != nil {
		return nil, nil, err
	}
	if in.TargetURL != nil {
		j.TargetURL = *in.TargetURL
	}
	if in.Description != nil {
		j.Description = *in.Description
	}
	if fresh {
		r.pipelines = append(r.pipelines, pl)
	}
	if !slices.Contains(pl.Jobs, j) {
		pl.Jobs = append(pl.Jobs, j)
	}
	for _, other := range pl.Jobs {
		if other != j && other.Name == name {
			other.Retried = true
		}
	}
	pl.Updated = s.now()
	if fresh || pl.status() != was {
		s.emitPipeline(r, pl)
	}
	return pl, j, nil
}

// checkStatus refuses texts as GitLab's models do.
func checkStatus(in statusIn) error {
	if in.Description != nil && utf8.RuneCountInString(*in.Description) > 255 {
		return badField("description", "is too long (maximum is 255 characters)")
	}
	if utf8.RuneCountInString(in.Name) > 255 {
		return badField("name", "is too long (maximum is 255 characters)")
	}
	if in.TargetURL != nil && *in.TargetURL != "" {
		u, err := url.Parse(*in.TargetURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return badField("target_url", "is blocked: Only allowed schemes are http, https")
		}
		if len(*in.TargetURL) > 255 {
			return badField("target_url", "is too long (maximum is 255 characters)")
		}
	}
	return nil
}

// transitions are the states from which a state is reached, and what GitLab calls the way.
var transitions = map[string]struct {
	event string
	from  []string
}{
	"pending":  {"enqueue", []string{"created"}},
	"running":  {"run", []string{"created", "pending"}},
	"success":  {"success", []string{"created", "pending", "running"}},
	"failed":   {"drop", []string{"created", "pending", "running"}},
	"canceled": {"cancel", []string{"created", "pending", "running"}},
	"skipped":  {"skip", []string{"created", "pending"}},
}

func (s *Sandbox) transit(j *job, state string) error {
	t := transitions[state]
	if !slices.Contains(t.from, j.State) {
		return refuse(http.StatusBadRequest, "Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via %q)", t.event, j.State, t.event)
	}
	j.State = state
	switch state {
	case "pending":
	case "running":
		j.Started = s.now()
	default:
		j.Finished = s.now()
	}
	return nil
}

// matchingPipeline is the newest pipeline of a commit, on the ref if one is given.
func (r *repo) matchingPipeline(sha string, in statusIn) *pipeline {
	for _, pl := range slices.Backward(r.pipelines) {
		if pl.SHA == sha && (in.Ref == "" || pl.Ref == in.Ref) && (in.Pipeline == 0 || pl.ID == in.Pipeline) {
			return pl
		}
	}
	return nil
}

// branchWith is the first branch that holds a commit, or "".
func (r *repo) branchWith(sha string) string {
	for _, name := range slices.Sorted(maps.Keys(r.refs)) {
		if b, ok := cutHeads(name); ok && r.ancestor(sha, r.refs[name]) {
			return b
		}
	}
	return ""
}

// ongoing is a user's unfinished row of a name.
func (pl *pipeline) ongoing(a *Account, name string) *job {
	for _, j := range pl.Jobs {
		if j.User == a && j.Name == name && (j.State == "pending" || j.State == "running") {
			return j
		}
	}
	return nil
}

// latest are the rows that count: those that were not retried.
func (pl *pipeline) latest() []*job {
	var out []*job
	for _, j := range pl.Jobs {
		if !j.Retried {
			out = append(out, j)
		}
	}
	return out
}

// status sums the jobs up as GitLab does (Gitlab::Ci::Status::Composite). A pipeline whose every row was
// retried, which two users who write one name can bring about, counts as pending here.
func (pl *pipeline) status() string {
	list := pl.latest()
	only := func(states ...string) bool {
		return !slices.ContainsFunc(list, func(j *job) bool { return !slices.Contains(states, j.State) })
	}
	anyOf := func(states ...string) bool {
		return slices.ContainsFunc(list, func(j *job) bool { return slices.Contains(states, j.State) })
	}
	switch {
	case len(list) == 0:
		return "pending"
	case only("skipped"):
		return "skipped"
	case only("success", "skipped"):
		return "success"
	case only("canceled", "success", "skipped"):
		return "canceled"
	case only("pending", "skipped"):
		return "pending"
	case anyOf("pending", "running"):
		return "running"
	}
	return "failed"
}

// headPipeline is the pipeline that a merge depends on: the newest of the head and its branch.
func (p *pull) headPipeline() *pipeline {
	return p.repo.matchingPipeline(p.HeadSHA, statusIn{Ref: p.HeadRef})
}

// pipelineURL is a pipeline's page.
func (s *Sandbox) pipelineURL(r *repo, pl *pipeline) string {
	return fmt.Sprintf("%s/%s/-/pipelines/%d", s.url, r.full(), pl.ID)
}
