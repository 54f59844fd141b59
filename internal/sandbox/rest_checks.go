package sandbox

import (
	"slices"
	"strconv"
)

const checkRuns = "/repos/{owner}/{repo}/check-runs"

var (
	readChecks  = need{"checks:read", "read"}
	writeChecks = need{app: "checks:write"}
)

var checkRoutes = []route{
	{"POST " + checkRuns, writeChecks, func(c *call) (int, any, error) {
		var in checkEdit
		if err := c.body(&in); err != nil {
			return 0, nil, err
		}
		x, err := c.s.createCheck(c.repo, c.by, in)
		if err != nil {
			return 0, nil, err
		}
		return 201, c.s.checkJSON(x), nil
	}},
	{"GET " + checkRuns + "/{check_run_id}", readChecks, onCheck(func(c *call, x *checkRun) (int, any, error) {
		return 200, c.s.checkJSON(x), nil
	})},
	{"PATCH " + checkRuns + "/{check_run_id}", writeChecks, onCheck(func(c *call, x *checkRun) (int, any, error) {
		var in checkEdit
		if err := c.body(&in); err != nil {
			return 0, nil, err
		}
		if err := c.s.updateCheck(x, c.by, in); err != nil {
			return 0, nil, err
		}
		return 200, c.s.checkJSON(x), nil
	})},
	{"GET " + checkRuns + "/{check_run_id}/annotations", readChecks, onCheck(func(c *call, x *checkRun) (int, any, error) {
		return 200, list(c, x.Annotations, func(a annotation) obj {
			return obj{"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": zeroNull(int64(a.StartColumn)),
				"end_column": zeroNull(int64(a.EndColumn)), "annotation_level": a.Level, "title": a.Title, "message": a.Message,
				"raw_details": a.Raw, "blob_href": c.s.rest("/repos/" + c.repo.full() + "/contents/" + a.Path + "?ref=" + x.HeadSHA)}
		}), nil
	})},
	{"GET /repos/{owner}/{repo}/commits/{ref}/check-runs", readChecks, listChecks},
	{"POST /repos/{owner}/{repo}/statuses/{sha}", need{"statuses:write", "write"}, createStatus},
	{"GET /repos/{owner}/{repo}/commits/{ref}/statuses", need{"statuses:read", "read"}, func(c *call) (int, any, error) {
		commit, err := c.commit(c.req.PathValue("ref"))
		if err != nil {
			return 0, nil, err
		}
		var found []*status
		for _, st := range slices.Backward(c.repo.statuses) {
			if st.SHA == commit.Hash.String() {
				found = append(found, st)
			}
		}
		return 200, list(c, found, func(st *status) obj { return c.s.statusJSON(c.repo, st) }), nil
	}},
}

func onCheck(fn func(*call, *checkRun) (int, any, error)) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		for _, x := range c.repo.checks {
			if x.ID == c.number("check_run_id") {
				return fn(c, x)
			}
		}
		return 0, nil, errNotFound
	}
}

// latest keeps the newest check run of each name in each suite.
func latest(runs []*checkRun) []*checkRun {
	var out []*checkRun
	for _, x := range slices.Backward(runs) {
		if !slices.ContainsFunc(out, func(o *checkRun) bool { return o.suite == x.suite && o.Name == x.Name }) {
			out = append(out, x)
		}
	}
	slices.Reverse(out)
	return out
}

func listChecks(c *call) (int, any, error) {
	commit, err := c.commit(c.req.PathValue("ref"))
	if err != nil {
		return 0, nil, err
	}
	q := c.req.URL.Query()
	appID, _ := strconv.ParseInt(q.Get("app_id"), 10, 64)
	var found []*checkRun
	for _, x := range c.repo.checks {
		if x.HeadSHA == commit.Hash.String() && (q.Get("check_name") == "" || x.Name == q.Get("check_name")) &&
			(q.Get("status") == "" || x.Status == q.Get("status")) && (appID == 0 || x.app.ID == appID) {
			found = append(found, x)
		}
	}
	if q.Get("filter") != "all" {
		found = latest(found)
	}
	slices.Reverse(found) // the newest first
	return 200, obj{"total_count": len(found), "check_runs": list(c, found, c.s.checkJSON)}, nil
}

func createStatus(c *call) (int, any, error) {
	var in struct {
		State       string `json:"state"`
		TargetURL   string `json:"target_url"`
		Description string `json:"description"`
		Context     string `json:"context"`
	}
	if err := c.body(&in); err != nil {
		return 0, nil, err
	}
	st, err := c.s.addStatus(c.repo, c.by, c.req.PathValue("sha"), in.State, in.Context, in.Description, in.TargetURL)
	if err != nil {
		return 0, nil, err
	}
	return 201, c.s.statusJSON(c.repo, st), nil
}

func (s *Sandbox) statusJSON(r *repo, st *status) obj {
	return obj{"url": s.rest("/repos/" + r.full() + "/statuses/" + st.SHA), "avatar_url": s.url + "/avatars/" + st.Creator.Login, "id": st.ID,
		"node_id": nodeID("SC", st.ID), "state": st.State, "description": orNull(st.Description), "target_url": orNull(st.URL),
		"context": st.Context, "created_at": stamp(st.Created), "updated_at": stamp(st.Created), "creator": s.userJSON(st.Creator)}
}

func (s *Sandbox) emitStatus(r *repo, by actor, st *status) {
	commit, err := r.commit(st.SHA)
	if err != nil {
		return
	}
	branches := []obj{}
	for name, sha := range r.refs {
		if branch, ok := cutHeads(name); ok && sha == st.SHA {
			branches = append(branches, obj{"name": branch, "protected": r.rule(name) != nil,
				"commit": obj{"sha": sha, "url": s.rest("/repos/" + r.full() + "/commits/" + sha)}})
		}
	}
	s.emit(r, "status", by.account, obj{"id": st.ID, "sha": st.SHA, "name": r.full(), "target_url": orNull(st.URL), "context": st.Context,
		"description": orNull(st.Description), "state": st.State, "commit": s.commitJSON(r, commit), "branches": branches,
		"created_at": stamp(st.Created), "updated_at": stamp(st.Created), "avatar_url": s.url + "/avatars/" + st.Creator.Login})
}
