package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

const glMR = "/projects/{id}/merge_requests"

const glMRFilters = "state:opened|closed|locked|merged|all source_branch target_branch author_username author_id:int reviewer_username iids:ints " +
	"order_by:created_at|updated_at|title|merged_at sort:asc|desc labels:list scope:created_by_me|assigned_to_me|all search draft wip view:simple with_labels_details:bool"

const glMRFields = "description assignee_id:int assignee_ids:ints reviewer_ids:ints labels:list add_labels:list remove_labels:list milestone_id:int " +
	"remove_source_branch:bool squash:bool allow_collaboration:bool"

var glMRRoutes = []glRoute{
	{"GET " + glMR, glMRFilters, 0, glListMRs},
	{"POST " + glMR, "title! source_branch! target_branch! target_project_id:int " + glMRFields, 0, glCreateMR},
	{"GET " + glMR + "/{merge_request_iid}", "render_html:bool include_diverged_commits_count:bool include_rebase_in_progress:bool", 0,
		func(c *glCall) (int, any, error) { return 200, c.s.mrJSON(c.by, c.mr), nil }},
	{"PUT " + glMR + "/{merge_request_iid}", "title target_branch state_event:close|reopen discussion_locked:bool " + glMRFields, 0, glUpdateMR},
	{"PUT " + glMR + "/{merge_request_iid}/merge", "merge_commit_message squash_commit_message should_remove_source_branch:bool " +
		"merge_when_pipeline_succeeds:bool auto_merge:bool sha squash:bool", 0, glMergeMR},
	{"GET " + glMR + "/{merge_request_iid}/participants", "", 0, func(c *glCall) (int, any, error) {
		return glList(c, c.mr.participants(), c.s.gitlabUserJSON)
	}},
	{"GET " + glMR + "/{merge_request_iid}/reviewers", "", 0, func(c *glCall) (int, any, error) {
		return 200, each(c.mr.Users, func(a *Account) any {
			state := strings.ToLower(c.mr.reviewState(a))
			return obj{"user": c.s.gitlabUserJSON(a), "state": state, "created_at": stampMS(c.mr.Updated)}
		}), nil
	}},
	{"GET " + glMR + "/{merge_request_iid}/commits", "", 0, glMRCommits},
	{"GET " + glMR + "/{merge_request_iid}/diffs", "unidiff:bool", 0, glMRDiffs},
	{"GET " + glMR + "/{merge_request_iid}/changes", "access_raw_diffs:bool unidiff:bool", 0, glMRChanges},
	{"GET " + glMR + "/{merge_request_iid}/pipelines", "", 0, glMRPipelines},
	{"GET " + glMR + "/{merge_request_iid}/versions", "", 0, func(c *glCall) (int, any, error) {
		list := slices.Clone(c.mr.Versions)
		slices.Reverse(list)
		return glList(c, list, func(v *version) any { return c.mr.versionJSON(v) })
	}},
	{"GET " + glMR + "/{merge_request_iid}/versions/{version_id}", "unidiff:bool", 0, glMRVersion},
}

// participants are who wrote, reviews or is the author.
func (p *pull) participants() []*Account {
	out := []*Account{p.Author}
	for _, c := range p.Comments {
		if c.System == "" && !slices.Contains(out, c.Author) {
			out = append(out, c.Author)
		}
	}
	for _, a := range p.Users {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func glListMRs(c *glCall) (int, any, error) {
	var found []*pull
	for n := c.repo.next - 1; n > 0; n-- {
		p := c.repo.pulls[n]
		iids, _ := c.params["iids"].([]int64)
		labels, _ := c.params["labels"].([]string)
		switch {
		case p == nil,
			!slices.Contains([]string{"", "all", mrState(p)}, c.text("state")),
			c.has("source_branch") && c.text("source_branch") != p.HeadRef,
			c.has("target_branch") && c.text("target_branch") != p.BaseRef,
			c.has("author_username") && !strings.EqualFold(c.text("author_username"), p.Author.Login),
			c.has("author_id") && c.number("author_id") != p.Author.ID,
			c.has("iids") && !slices.Contains(iids, int64(p.Number)),
			c.has("search") && !strings.Contains(strings.ToLower(p.Title+p.Body), strings.ToLower(c.text("search"))),
			c.has("draft") && (c.text("draft") == "true" || c.text("draft") == "yes") != p.Draft,
			c.text("scope") == "created_by_me" && p.Author != c.by.account, c.text("scope") == "assigned_to_me",
			slices.ContainsFunc(labels, func(name string) bool {
				return !slices.ContainsFunc(p.Labels, func(l *label) bool { return l.Name == name })
			}),
			c.has("reviewer_username") && !slices.ContainsFunc(p.Users, func(a *Account) bool { return strings.EqualFold(a.Login, c.text("reviewer_username")) }):
			continue
		}
		found = append(found, p)
	}
	if c.text("order_by") == "updated_at" {
		slices.SortStableFunc(found, func(a, b *pull) int { return b.Updated.Compare(a.Updated) })
	}
	if c.text("sort") == "asc" {
		slices.Reverse(found)
	}
	return glList(c, found, func(p *pull) any { return c.s.mrBasicJSON(p) })
}

// accountsOf turns ids into accounts, leaving out who is not there, as GitLab does.
func (c *glCall) accountsOf(name string) []*Account {
	ids, _ := c.params[name].([]int64)
	var out []*Account
	for _, id := range ids {
		if a := c.s.accounts[id]; a != nil && a.Type != kindOrg {
			out = append(out, a)
		}
	}
	return out
}

func glCreateMR(c *glCall) (int, any, error) {
	if c.has("target_project_id") && c.number("target_project_id") != c.repo.ID {
		return 0, nil, notFoundOf("Project") // there are no forks here
	}
	labels, _ := c.params["labels"].([]string)
	p, err := c.s.openMR(c.repo, c.by, mrIn{Title: c.text("title"), Body: c.text("description"), Source: c.text("source_branch"),
		Target: c.text("target_branch"), Labels: labels, Reviewers: c.accountsOf("reviewer_ids")})
	if err != nil {
		return 0, nil, err
	}
	return 201, c.s.mrJSON(c.by, p), nil
}

func glUpdateMR(c *glCall) (int, any, error) {
	fields := "title target_branch state_event discussion_locked " + glMRFields
	if !slices.ContainsFunc(strings.Fields(fields), func(f string) bool { name, _, _ := strings.Cut(f, ":"); return c.has(name) }) {
		return 0, nil, refuse(http.StatusBadRequest, "%s are missing, at least one parameter must be provided", "title, target_branch, labels").as(kindError)
	}
	e := mrEdit{Title: c.optional("title"), Body: c.optional("description"), Target: c.optional("target_branch"), Event: c.optional("state_event"),
		Reviewers: c.accountsOf("reviewer_ids"), SetReviewers: c.has("reviewer_ids")}
	for _, l := range c.mr.Labels {
		e.Labels = append(e.Labels, l.Name)
	}
	if names, ok := c.params["labels"].([]string); ok {
		e.Labels, e.SetLabels = names, true
	}
	if names, ok := c.params["add_labels"].([]string); ok {
		e.Labels, e.SetLabels = append(e.Labels, names...), true
	}
	if names, ok := c.params["remove_labels"].([]string); ok {
		e.SetLabels = true
		e.Labels = slices.DeleteFunc(e.Labels, func(name string) bool { return slices.Contains(names, name) })
	}
	if err := c.s.editMR(c.mr, c.by, e); err != nil {
		return 0, nil, err
	}
	return 200, c.s.mrJSON(c.by, c.mr), nil
}

// glMergeMR merges now: what is to wait for a pipeline is refused like what cannot be merged.
func glMergeMR(c *glCall) (int, any, error) {
	remove := c.repo.settings.RemoveSourceBranch
	if c.has("should_remove_source_branch") {
		remove = c.flag("should_remove_source_branch")
	}
	if err := c.s.mergeMR(c.mr, c.by, mergeIn{SHA: c.text("sha"), Squash: c.flag("squash"), Message: c.text("merge_commit_message"),
		SquashMessage: c.text("squash_commit_message"), RemoveSource: remove}); err != nil {
		return 0, nil, err
	}
	return 200, c.s.mrJSON(c.by, c.mr), nil
}

func glMRCommits(c *glCall) (int, any, error) {
	v := c.mr.version()
	cmp, err := c.repo.git.compare(v.StartSHA, v.HeadSHA)
	if err != nil {
		return 0, nil, err
	}
	list := slices.Clone(cmp.Commits)
	slices.Reverse(list)
	return glList(c, list, func(sha string) any { return c.s.gitlabCommitJSON(c.repo, sha) })
}

// versionFiles is the diff of one version.
func (p *pull) versionFiles(v *version) ([]fileChange, error) {
	c, err := p.repo.git.compare(v.StartSHA, v.HeadSHA)
	if err == nil {
		err = p.repo.patches(c, v.HeadSHA)
	}
	if err != nil {
		return nil, err
	}
	return c.Files, nil
}

func glMRDiffs(c *glCall) (int, any, error) {
	v := c.mr.version()
	files, err := c.mr.versionFiles(v)
	if err != nil {
		return 0, nil, err
	}
	return glList(c, files, func(f fileChange) any { return c.repo.diffJSON(v.BaseSHA, v.HeadSHA, f) })
}

func glMRChanges(c *glCall) (int, any, error) {
	v := c.mr.version()
	files, err := c.mr.versionFiles(v)
	if err != nil {
		return 0, nil, err
	}
	j := c.s.mrJSON(c.by, c.mr)
	j["changes"] = each(files, func(f fileChange) any { return c.repo.diffJSON(v.BaseSHA, v.HeadSHA, f) })
	j["overflow"] = false
	return 200, j, nil
}

func glMRPipelines(c *glCall) (int, any, error) {
	var found []*pipeline
	for _, pl := range slices.Backward(c.repo.pipelines) {
		if pl.Ref == c.mr.HeadRef && slices.ContainsFunc(c.mr.Versions, func(v *version) bool { return v.HeadSHA == pl.SHA }) {
			found = append(found, pl)
		}
	}
	return glList(c, found, func(pl *pipeline) any { return c.s.pipelineJSON(c.repo, pl) })
}

func glMRVersion(c *glCall) (int, any, error) {
	i := slices.IndexFunc(c.mr.Versions, func(v *version) bool { return v.ID == c.pathNumber("version_id") })
	if i < 0 {
		return 0, nil, notFoundOf("")
	}
	v := c.mr.Versions[i]
	cmp, err := c.repo.git.compare(v.StartSHA, v.HeadSHA)
	if err != nil {
		return 0, nil, err
	}
	files, err := c.mr.versionFiles(v)
	if err != nil {
		return 0, nil, err
	}
	j := c.mr.versionJSON(v)
	commits := slices.Clone(cmp.Commits)
	slices.Reverse(commits)
	j["commits"] = each(commits, func(sha string) any { return c.s.gitlabCommitJSON(c.repo, sha) })
	j["diffs"] = each(files, func(f fileChange) any { return c.repo.diffJSON(v.BaseSHA, v.HeadSHA, f) })
	return 200, j, nil
}

func (p *pull) versionJSON(v *version) obj {
	files, _ := p.versionFiles(v) // for the count alone
	state := "collected"
	if len(files) == 0 {
		state = "empty"
	}
	return obj{"id": v.ID, "head_commit_sha": v.HeadSHA, "base_commit_sha": v.BaseSHA, "start_commit_sha": v.StartSHA, "created_at": stampMS(v.Created),
		"merge_request_id": p.ID, "state": state, "real_size": itoa(len(files)), "patch_id_sha": nil}
}

// mrBasicJSON is a merge request as lists show it.
func (s *Sandbox) mrBasicJSON(p *pull) obj {
	r := p.repo
	status := s.mergeStatus(p)
	coarse := "can_be_merged"
	switch status {
	case "checking":
		coarse = "checking"
	case "conflict":
		coarse = "cannot_be_merged"
	}
	notes := 0
	for _, c := range p.Comments {
		if c.System == "" {
			notes++
		}
	}
	v := p.version()
	ref := itoa(p.Number)
	var closed, merged any
	if p.merged() {
		merged = s.gitlabUserJSON(p.MergedBy)
	}
	if p.Closed && !p.merged() {
		closed = stampMS(p.ClosedAt)
	}
	return obj{"id": p.ID, "iid": p.Number, "project_id": r.ID, "title": p.Title, "description": p.Body, "state": mrState(p),
		"created_at": stampMS(p.Created), "updated_at": stampMS(p.Updated), "merged_by": merged, "merge_user": merged, "merged_at": stampMS(p.MergedAt),
		"closed_by": nil, "closed_at": closed, "target_branch": p.BaseRef, "source_branch": p.HeadRef, "user_notes_count": notes, "upvotes": 0,
		"downvotes": 0, "author": s.gitlabUserJSON(p.Author), "assignees": []any{}, "assignee": nil, "reviewers": each(p.Users, s.gitlabUserJSON),
		"source_project_id": r.ID, "target_project_id": r.ID, "labels": each(p.Labels, func(l *label) any { return l.Name }), "draft": p.Draft,
		"work_in_progress": p.Draft, "milestone": nil, "merge_when_pipeline_succeeds": false, "merge_status": coarse, "detailed_merge_status": status,
		"sha": p.HeadSHA, "merge_commit_sha": mergeCommitSHA(p), "squash_commit_sha": orNull(p.SquashSHA), "discussion_locked": nil,
		"should_remove_source_branch": nil, "force_remove_source_branch": r.settings.RemoveSourceBranch, "prepared_at": stampMS(v.Created),
		"reference": "!" + ref, "references": obj{"short": "!" + ref, "relative": "!" + ref, "full": r.full() + "!" + ref}, "web_url": s.mrURL(p),
		"time_stats": obj{"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": nil, "human_total_time_spent": nil},
		"squash":     false, "squash_on_merge": false, "task_completion_status": obj{"count": 0, "completed_count": 0}, "has_conflicts": status == "conflict",
		"blocking_discussions_resolved": p.unresolved() == 0, "approvals_before_merge": nil, "imported": false, "imported_from": "none"}
}

// mrJSON is a merge request in full.
func (s *Sandbox) mrJSON(by actor, p *pull) obj {
	j := s.mrBasicJSON(p)
	v := p.version()
	files, _ := p.versionFiles(v) // for the count alone
	var pl any
	if head := p.headPipeline(); head != nil {
		full := s.pipelineJSON(p.repo, head)
		full["user"], full["detailed_status"] = s.gitlabUserJSON(head.User), obj{"text": detailedStatus(head.status()), "group": head.status(), "details_path": nil}
		pl = full
	}
	j["subscribed"], j["changes_count"], j["latest_build_started_at"], j["latest_build_finished_at"] = false, itoa(len(files)), nil, nil
	j["first_deployed_to_production_at"], j["pipeline"], j["head_pipeline"], j["merge_error"] = nil, pl, pl, nil
	j["diff_refs"] = obj{"base_sha": v.BaseSHA, "head_sha": v.HeadSHA, "start_sha": v.StartSHA}
	j["first_contribution"], j["user"] = false, obj{"can_merge": s.mayMerge(p.repo, by, p.BaseRef)}
	return j
}
