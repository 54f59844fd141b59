package sandbox

import (
	"slices"

	"github.com/go-git/go-git/v5/plumbing/object"
)

const glPipelines = "/projects/{id}/pipelines"

var glPipelineRoutes = []glRoute{
	{"GET " + glPipelines, "ref sha status scope source order_by:id|status|ref|updated_at|user_id sort:asc|desc username name", 0, glListPipelines},
	{"GET " + glPipelines + "/{pipeline_id}", "", 0, onPipeline(func(c *glCall, pl *pipeline) (int, any, error) {
		j := c.s.pipelineJSON(c.repo, pl)
		status := pl.status()
		j["before_sha"], j["tag"], j["yaml_errors"], j["user"], j["started_at"], j["finished_at"] = zeroOID, false, nil, c.s.gitlabUserJSON(pl.User), nil, nil
		j["committed_at"], j["duration"], j["queued_duration"], j["coverage"] = nil, nil, nil, nil
		j["detailed_status"] = obj{"icon": "status_" + status, "text": detailedStatus(status), "label": detailedStatus(status), "group": status,
			"tooltip": detailedStatus(status), "has_details": false, "details_path": nil, "illustration": nil, "favicon": ""}
		return 200, j, nil
	})},
	// Commit statuses are no jobs to this route, and there are no other jobs here.
	{"GET " + glPipelines + "/{pipeline_id}/jobs", "scope:any include_retried:bool", 0, onPipeline(func(c *glCall, _ *pipeline) (int, any, error) {
		return glList(c, nil, func(any) any { return nil })
	})},
	{"GET " + glRepo + "/commits/{sha}/statuses", "ref stage name all:bool pipeline_id:int order_by:id|pipeline_id sort:asc|desc", 0, onCommit(glStatuses)},
	{"POST /projects/{id}/statuses/{sha}", "state!:pending|running|success|failed|canceled|skipped ref name context target_url description coverage pipeline_id:int", 0, glPostStatus},
}

func onPipeline(fn func(c *glCall, pl *pipeline) (int, any, error)) func(c *glCall) (int, any, error) {
	return func(c *glCall) (int, any, error) {
		i := slices.IndexFunc(c.repo.pipelines, func(pl *pipeline) bool { return pl.ID == c.pathNumber("pipeline_id") })
		if i < 0 {
			return 0, nil, notFoundOf("")
		}
		return fn(c, c.repo.pipelines[i])
	}
}

func (s *Sandbox) pipelineJSON(r *repo, pl *pipeline) obj {
	return obj{"id": pl.ID, "iid": pl.IID, "project_id": r.ID, "sha": pl.SHA, "ref": pl.Ref, "status": pl.status(), "source": pl.Source,
		"created_at": stampMS(pl.Created), "updated_at": stampMS(pl.Updated), "web_url": s.pipelineURL(r, pl), "name": nil}
}

func glListPipelines(c *glCall) (int, any, error) {
	var found []*pipeline
	for _, pl := range slices.Backward(c.repo.pipelines) {
		if c.has("ref") && c.text("ref") != pl.Ref || c.has("sha") && c.text("sha") != pl.SHA || c.has("status") && c.text("status") != pl.status() {
			continue
		}
		found = append(found, pl)
	}
	if c.text("sort") == "asc" {
		slices.Reverse(found)
	}
	return glList(c, found, func(pl *pipeline) any { return c.s.pipelineJSON(c.repo, pl) })
}

func (s *Sandbox) commitStatusJSON(pl *pipeline, j *job) any {
	return obj{"id": j.ID, "sha": pl.SHA, "ref": pl.Ref, "status": j.State, "name": j.Name, "target_url": orNull(j.TargetURL),
		"description": orNull(j.Description), "created_at": stampMS(j.Created), "started_at": stampMS(j.Started), "finished_at": stampMS(j.Finished),
		"allow_failure": false, "coverage": nil, "pipeline_id": pl.ID, "author": s.gitlabUserJSON(j.User)}
}

type statusRow struct {
	pl *pipeline
	j  *job
}

func glStatuses(c *glCall, commit *object.Commit) (int, any, error) {
	var found []statusRow
	for _, pl := range c.repo.pipelines {
		if pl.SHA != commit.Hash.String() || c.has("ref") && c.text("ref") != pl.Ref || c.has("pipeline_id") && c.number("pipeline_id") != pl.ID {
			continue
		}
		for _, j := range pl.Jobs {
			if (c.flag("all") || !j.Retried) && (!c.has("name") || c.text("name") == j.Name) && (!c.has("stage") || c.text("stage") == "external") {
				found = append(found, statusRow{pl, j})
			}
		}
	}
	if c.text("sort") == "desc" {
		slices.Reverse(found)
	}
	return glList(c, found, func(x statusRow) any { return c.s.commitStatusJSON(x.pl, x.j) })
}

func glPostStatus(c *glCall) (int, any, error) {
	in := statusIn{State: c.text("state"), Ref: c.text("ref"), Name: c.text("name"), Pipeline: c.number("pipeline_id"),
		TargetURL: c.optional("target_url"), Description: c.optional("description")}
	if in.Name == "" {
		in.Name = c.text("context")
	}
	pl, j, err := c.s.postStatus(c.repo, c.by, c.req.PathValue("sha"), in)
	if err != nil {
		return 0, nil, err
	}
	return 201, c.s.commitStatusJSON(pl, j), nil
}
