package sandbox

import (
	"fmt"
	"strings"
	"time"
)

// The parts of GitLab's webhook payloads.

// hookTime is how webhooks of merge requests and notes write times.
func hookTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func (s *Sandbox) hookUser(a *Account) any {
	return obj{"id": a.ID, "name": orLogin(a), "username": a.Login, "avatar_url": nil, "email": "[REDACTED]"}
}

func orLogin(a *Account) string {
	if a.Name == "" {
		return a.Login
	}
	return a.Name
}

func (s *Sandbox) hookProject(r *repo) obj {
	web := s.url + "/" + r.full()
	visibility := 20
	if r.Private {
		visibility = 0
	}
	ssh := "git@" + strings.Split(s.Host(), ":")[0] + ":" + r.full() + ".git"
	return obj{"id": r.ID, "name": r.Name, "description": nil, "web_url": web, "avatar_url": nil, "git_ssh_url": ssh, "git_http_url": web + ".git",
		"namespace": orLogin(r.Owner), "visibility_level": visibility, "path_with_namespace": r.full(), "default_branch": r.Default,
		"ci_config_path": "", "homepage": web, "url": ssh, "ssh_url": ssh, "http_url": web + ".git"}
}

func (s *Sandbox) hookRepository(r *repo) obj {
	p := s.hookProject(r)
	return obj{"name": r.Name, "url": p["url"], "description": nil, "homepage": p["homepage"], "git_http_url": p["git_http_url"],
		"git_ssh_url": p["git_ssh_url"], "visibility_level": p["visibility_level"]}
}

func (s *Sandbox) hookLabel(l *label) any {
	return obj{"id": l.ID, "title": l.Name, "color": "#" + l.Color, "project_id": nil, "created_at": nil, "updated_at": nil, "template": false,
		"description": nil, "type": "ProjectLabel", "group_id": nil}
}

func (s *Sandbox) gitlabHookCommit(r *repo, sha string) obj {
	j := s.hookCommit(r, sha)
	if j == nil {
		return nil
	}
	message, _ := j["message"].(string)
	title, _, _ := strings.Cut(message, "\n")
	author, _ := j["author"].(obj)
	return obj{"id": sha, "message": message, "title": title, "timestamp": j["timestamp"], "url": s.url + "/" + r.full() + "/-/commit/" + sha,
		"author": obj{"name": author["name"], "email": author["email"]}, "added": j["added"], "modified": j["modified"], "removed": j["removed"]}
}

// hookMRAttributes are a merge request's attributes as its own and the notes' webhooks carry them.
func (s *Sandbox) hookMRAttributes(p *pull) obj {
	r := p.repo
	reviewers := []int64{}
	for _, a := range p.Users {
		reviewers = append(reviewers, a.ID)
	}
	last := s.gitlabHookCommit(r, p.HeadSHA)
	for _, name := range []string{"added", "modified", "removed"} {
		delete(last, name)
	}
	var mergeUser, pipeline any
	if p.MergedBy != nil {
		mergeUser = p.MergedBy.ID
	}
	if pl := p.headPipeline(); pl != nil {
		pipeline = pl.ID
	}
	return obj{"id": p.ID, "iid": p.Number, "title": p.Title, "description": p.Body, "state": mrState(p), "state_id": mrStateID(p),
		"source_branch": p.HeadRef, "target_branch": p.BaseRef, "source_project_id": r.ID, "target_project_id": r.ID, "author_id": p.Author.ID,
		"assignee_id": nil, "assignee_ids": []int64{}, "reviewer_ids": reviewers, "created_at": hookTime(p.Created), "updated_at": hookTime(p.Updated),
		"last_edited_at": hookTime(p.EditedAt), "last_edited_by_id": nil, "milestone_id": nil, "draft": p.Draft, "work_in_progress": p.Draft,
		"merge_status": "unchecked", "detailed_merge_status": "unchecked", "merge_commit_sha": mergeCommitSHA(p), "merge_user_id": mergeUser,
		"merge_error": nil, "merge_params": obj{}, "merge_when_pipeline_succeeds": false, "head_pipeline_id": pipeline,
		"blocking_discussions_resolved": p.unresolved() == 0, "first_contribution": false, "time_estimate": 0, "total_time_spent": 0,
		"labels": each(p.Labels, s.hookLabel), "url": s.mrURL(p), "source": s.hookProject(r), "target": s.hookProject(r), "last_commit": last}
}

func (s *Sandbox) hookMR(p *pull, by *Account, action string, extra obj) obj {
	attributes := s.hookMRAttributes(p)
	attributes["action"] = action
	changes := any(obj{})
	for k, v := range extra {
		if k == "changes" {
			changes = v
		} else {
			attributes[k] = v
		}
	}
	payload := obj{"object_kind": "merge_request", "event_type": "merge_request", "user": s.hookUser(by), "project": s.hookProject(p.repo),
		"object_attributes": attributes, "labels": attributes["labels"], "changes": changes, "repository": s.hookRepository(p.repo)}
	if len(p.Users) > 0 {
		payload["reviewers"] = each(p.Users, s.hookUser)
	}
	return payload
}

func (s *Sandbox) hookPipeline(r *repo, pl *pipeline) obj {
	status := pl.status()
	_, tag := r.refs["refs/tags/"+pl.Ref]
	builds := []obj{}
	for _, j := range pl.latest() {
		builds = append(builds, obj{"id": j.ID, "stage": "external", "name": j.Name, "status": j.State, "created_at": hookTime(j.Created),
			"started_at": hookTime(j.Started), "finished_at": hookTime(j.Finished), "duration": nil, "queued_duration": nil, "failure_reason": nil,
			"when": "on_success", "manual": false, "allow_failure": false, "user": s.hookUser(j.User), "runner": nil,
			"artifacts_file": obj{"filename": nil, "size": nil}, "environment": nil})
	}
	commit := s.gitlabHookCommit(r, pl.SHA)
	for _, name := range []string{"added", "modified", "removed"} {
		delete(commit, name)
	}
	payload := obj{"object_kind": "pipeline", "object_attributes": obj{"id": pl.ID, "iid": pl.IID, "name": nil, "ref": pl.Ref, "tag": tag,
		"sha": pl.SHA, "before_sha": zeroOID, "source": pl.Source, "status": status, "detailed_status": detailedStatus(status),
		"stages": []string{"external"}, "created_at": hookTime(pl.Created), "finished_at": nil, "duration": nil, "queued_duration": nil,
		"protected_ref": len(r.branchRules(pl.Ref)) > 0, "variables": []obj{}, "url": s.pipelineURL(r, pl)},
		"merge_request": nil, "user": s.hookUser(pl.User), "project": s.hookProject(r), "commit": commit, "builds": builds}
	for _, p := range r.openPulls() {
		// Only a merge request's own pipeline knows it; one that a commit status made is the branch's.
		if pl.Source == "merge_request_event" && p.HeadSHA == pl.SHA && p.HeadRef == pl.Ref {
			payload["merge_request"] = obj{"id": p.ID, "iid": p.Number, "title": p.Title, "source_branch": p.HeadRef, "source_project_id": r.ID,
				"target_branch": p.BaseRef, "target_project_id": r.ID, "state": mrState(p), "merge_status": "unchecked",
				"detailed_merge_status": "unchecked", "url": s.mrURL(p)}
		}
	}
	return payload
}

// detailedStatus is GitLab's word for a state: "passed" for success.
func detailedStatus(state string) string {
	if state == "success" {
		return "passed"
	}
	return state
}

func mrState(p *pull) string {
	switch {
	case p.merged():
		return "merged"
	case p.Closed:
		return "closed"
	}
	return "opened"
}

func mrStateID(p *pull) int {
	return map[string]int{"opened": 1, "closed": 2, "merged": 3}[mrState(p)]
}

// mergeCommitSHA is the merge commit, or nil where the target was only moved.
func mergeCommitSHA(p *pull) any {
	if p.MergeSHA == "" || p.Forwarded {
		return nil
	}
	return p.MergeSHA
}

func (s *Sandbox) mrURL(p *pull) string {
	return fmt.Sprintf("%s/%s/-/merge_requests/%d", s.url, p.repo.full(), p.Number)
}

func (s *Sandbox) noteURL(c *comment) string {
	return fmt.Sprintf("%s#note_%d", s.mrURL(c.pull), c.ID)
}
