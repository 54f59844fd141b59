package sandbox

import (
	"fmt"
	"strings"
	"testing"
)

func TestGitLabStatuses(t *testing.T) {
	t.Parallel()
	type step struct {
		who, state string
		status     int    // of the answer
		rows       string // "state of user" of each row afterwards, a retried one in brackets
		pipeline   string
	}
	for name, steps := range map[string][]step{
		"a row is continued": {
			{"jonas", "pending", 201, "pending of jonas", "pending"},
			{"jonas", "running", 201, "running of jonas", "running"},
			{"jonas", "success", 201, "success of jonas", "success"},
		},
		"a finished row is followed by another": {
			{"jonas", "success", 201, "success of jonas", "success"},
			{"jonas", "success", 201, "(success of jonas) success of jonas", "success"},
			{"jonas", "failed", 201, "(success of jonas) (success of jonas) failed of jonas", "failed"},
		},
		"the same state again is refused": {
			{"jonas", "pending", 201, "pending of jonas", "pending"},
			{"jonas", "pending", 400, "pending of jonas", "pending"},
			{"jonas", "running", 201, "running of jonas", "running"},
			{"jonas", "running", 400, "running of jonas", "running"},
			{"jonas", "pending", 400, "running of jonas", "running"},
			{"jonas", "skipped", 400, "running of jonas", "running"},
		},
		"anybody can forge a name": {
			{"jonas", "failed", 201, "failed of jonas", "failed"},
			{"ben", "success", 201, "(failed of jonas) success of ben", "success"},
		},
		"two who write one name leave no row that counts": {
			{"jonas", "pending", 201, "pending of jonas", "pending"},
			{"ben", "success", 201, "(pending of jonas) success of ben", "success"},
			{"jonas", "success", 201, "(success of jonas) (success of ben)", "pending"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newGLStage(t)
			_, head := st.open("b")
			tokens := map[string]string{"jonas": st.jonas.Token, "ben": st.ben.Token}
			for i, x := range steps {
				out := st.want(x.status, tokens[x.who], "POST", "{p}/statuses/"+head, obj{"state": x.state, "name": "lumos/gate"})
				if x.status == 400 && !strings.Contains(fmt.Sprint(out), "Cannot transition status via :") {
					t.Fatalf("step %d: %v", i, out)
				}
				pl := st.mr(1).headPipeline()
				var rows []string
				for _, j := range pl.Jobs {
					row := j.State + " of " + j.User.Login
					if j.Retried {
						row = "(" + row + ")"
					}
					rows = append(rows, row)
				}
				if got := strings.Join(rows, " "); got != x.rows || pl.status() != x.pipeline || pl.Source != "external" {
					t.Fatalf("step %d: %s, pipeline %s; want %s, %s", i, got, pl.status(), x.rows, x.pipeline)
				}
			}
		})
	}
}

func TestGitLabStatusRefusals(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	_, err := st.CreateUser("eve", "Eve", "")
	st.ok(err)
	st.ok(st.Grant("eve", glRepoName, "read"))
	_, head := st.open("b")
	main := st.mr(1).BaseSHA
	for name, tt := range map[string]struct {
		token, sha string
		body       obj
		status     int
		contains   string
	}{
		"no state":         {st.jonas.Token, head, obj{"name": "x"}, 400, "error:state is missing"},
		"unknown state":    {st.jonas.Token, head, obj{"state": "green"}, 400, "error:state does not have a valid value"},
		"long description": {st.jonas.Token, head, obj{"state": "success", "description": strings.Repeat("x", 256)}, 400, "is too long (maximum is 255 characters)"},
		"no address":       {st.jonas.Token, head, obj{"state": "success", "target_url": "javascript:alert(1)"}, 400, "is blocked"},
		"unknown commit":   {st.jonas.Token, strings.Repeat("1", 40), obj{"state": "success"}, 404, "404 Commit Not Found"},
		"unknown ref":      {st.jonas.Token, head, obj{"state": "success", "ref": "nowhere"}, 404, "404 References for commit Not Found"},
		"unknown pipeline": {st.jonas.Token, head, obj{"state": "success", "pipeline_id": 1}, 404, "404 Pipeline"},
		"protected branch": {st.jonas.Token, main, obj{"state": "success", "ref": "main"}, 403, "403 Forbidden"},
		"Reporter":         {st.account("eve").Token, head, obj{"state": "success"}, 403, "403 Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			if out := st.want(tt.status, tt.token, "POST", "{p}/statuses/"+tt.sha, tt.body); !strings.Contains(fmt.Sprint(out), tt.contains) {
				t.Errorf("%v, want %q", out, tt.contains)
			}
		})
	}
	if st.mr(1).headPipeline() != nil {
		t.Error("a refused status made a pipeline")
	}
}

func TestGitLabStatusChecks(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	asked := newGLReceiver(t)
	st.ok(st.SetProject(glRepoName, ProjectSettings{Licensed: true, StatusChecks: []StatusCheck{{Name: "Lumos", URL: asked.URL, Secret: "hush"}}}))
	n, head := st.open("b")
	st.ok(st.WaitIdle(t.Context()))
	got := asked.list()
	if len(got) != 1 || got[0].payload["external_approval_rule"].(obj)["name"] != "Lumos" || got[0].header.Get("X-Gitlab-Signature") == "" {
		t.Fatalf("asked: %+v", got)
	}
	path := fmt.Sprintf("{p}/merge_requests/%d", n)
	check := st.want(200, st.jonas.Token, "GET", path+"/status_checks", nil).([]any)[0].(obj)
	if check["status"] != "pending" {
		t.Fatalf("check: %v", check)
	}
	answer := obj{"sha": head, "external_status_check_id": check["id"], "status": "passed"}
	st.want(201, st.jonas.Token, "POST", path+"/status_check_responses", answer)
	answer["sha"] = strings.Repeat("1", 40)
	st.want(409, st.jonas.Token, "POST", path+"/status_check_responses", answer)
	check = st.want(200, st.jonas.Token, "GET", path+"/status_checks", nil).([]any)[0].(obj)
	if check["status"] != "passed" {
		t.Fatalf("check: %v", check)
	}
	_, err := st.As("jonas").Commit(glRepoName, "b", "more", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	st.mu.Lock()
	h, p := st.repoByFull(glRepoName).hostChecks[0], st.repoByFull(glRepoName).pulls[n]
	if h.verdict(p, st.now()) != "pending" || h.verdict(p, st.now().Add(checkPatience+1e9)) != "failed" {
		t.Error("a check that is silent for two minutes has failed")
	}
	st.mu.Unlock()
}
