package gitlab

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

var pull4 = forge.PullRequest{
	Ref: mr4, Platform: forge.GitLab, NodeID: "gid://gitlab/MergeRequest/400", URL: "https://gl/acme/nlp/models/-/merge_requests/4",
	Head: forge.Branch{Ref: "feature", SHA: sha1A, Repo: "acme/nlp/models"},
}

func gate(status forge.CheckStatus, conclusion forge.Conclusion) forge.CheckWrite {
	return forge.CheckWrite{Name: forge.GateCheck, HeadSHA: sha1A, Status: status, Conclusion: conclusion, Title: "Waiting for\n  owners"}
}

const (
	statusRoute = "POST " + project12 + "/statuses/" + sha1A
	checksRoute = "GET " + project12 + "/external_status_checks"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	l.answers("Publish", `{"data":{
		"w0":{"errors":[],"note":{"id":"gid://gitlab/Note/1"}},"w1":{"errors":[],"note":{"id":"gid://gitlab/Note/2"}},
		"w2":{"errors":["position is invalid"],"note":null},"w3":{"errors":[],"discussion":{"id":"gid://gitlab/Discussion/d"}},
		"w4":{"errors":[]}}}`)
	l.says(statusRoute, 201, `{"id":1}`)
	l.says(checksRoute, 404, `{}`)
	l.says("GET "+project12+"/merge_requests/4", 200, `{"diff_refs":{"base_sha":"`+sha1C+`","head_sha":"`+sha1A+`","start_sha":"`+sha1D+`"}}`)
	p := forge.Publication{
		Checks:   []forge.CheckWrite{{Name: forge.ComplianceCheck, HeadSHA: sha1A, Status: forge.Completed, Conclusion: forge.Failure}, gate(forge.InProgress, "")},
		Comments: []forge.CommentWrite{{Body: "hello\n/approve"}, {NodeID: "gid://gitlab/Note/2", Body: "again"}},
		Threads:  []forge.ThreadWrite{{Path: "a.yaml", Line: 3, Body: "gap"}, {NodeID: "gid://gitlab/Discussion/d", Resolve: true}},
		AskUsers: []forge.Account{{ID: 2, Login: "ben"}}, AskTeams: []forge.Team{{Slug: "x"}},
	}
	if err := h.Publish(context.Background(), pull4, p); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"w0": fields{"noteableId": pull4.NodeID, "body": "hello\n\\/approve"},
		"w1": fields{"id": "gid://gitlab/Note/2", "body": "again"},
		"w2": fields{"noteableId": pull4.NodeID, "body": "gap", "position": fields{
			"baseSha": sha1C, "headSha": sha1A, "startSha": sha1D, "newLine": 3.0, "paths": fields{"oldPath": "a.yaml", "newPath": "a.yaml"},
		}},
		"w3": fields{"id": "gid://gitlab/Discussion/d", "resolve": true},
		"w4": fields{"projectPath": "acme/nlp/models", "iid": "4", "reviewerUsernames": []any{"ben"}, "operationMode": "APPEND"},
	}
	if diff := cmp.Diff(want, l.sent("Publish")["variables"]); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	status := fields{"state": "pending", "ref": "feature", "name": "lumos/gate", "target_url": pull4.URL, "description": "Waiting for owners"}
	if diff := cmp.Diff(map[string]any(status), l.sent(statusRoute)); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	l.counted("Publish", statusRoute, checksRoute, "GET "+project12+"/merge_requests/4")
	// Known by now: where we stand in the diff costs nothing after a look, and there are no external checks.
	if err := h.Publish(context.Background(), pull4, forge.Publication{Checks: []forge.CheckWrite{gate(forge.Completed, forge.Success)}}); err != nil {
		t.Fatal(err)
	}
	l.counted(statusRoute)
	if err := h.Publish(context.Background(), pull4, forge.Publication{Checks: []forge.CheckWrite{{Name: forge.ComplianceCheck}}}); err != nil {
		t.Fatal(err)
	}
	l.counted()
}

func TestPublishSaysWhatFailed(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	l.answers("Publish", `{"errors":[{"message":"boom","path":["w1"]}],"data":{"w0":{"errors":["Body is too long"],"note":null},"w1":null}}`)
	l.says(statusRoute, 201, `{"id":1}`)
	l.says(checksRoute, 404, `{}`)
	err := h.Publish(context.Background(), pull4, forge.Publication{
		Comments: []forge.CommentWrite{{Body: "a"}, {NodeID: "gid://gitlab/Note/2", Body: "b"}}, Checks: []forge.CheckWrite{gate(forge.InProgress, "")},
	})
	for _, want := range []string{"Body is too long", "boom", "gid://gitlab/Note/2"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	l.counted("Publish", statusRoute, checksRoute) // the gate is written all the same
}

func TestGateStatus(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		check forge.CheckWrite
		code  int
		body  string
		state string
		ok    bool
	}{
		{"waiting", gate(forge.InProgress, ""), 201, `{}`, "pending", true},
		{"approved", gate(forge.Completed, forge.Success), 201, `{}`, "success", true},
		{"not governed", gate(forge.Completed, forge.Neutral), 201, `{}`, "success", true},
		{"refused", gate(forge.Completed, forge.Failure), 201, `{}`, "failed", true},
		{"something new", gate(forge.Completed, "whatever"), 201, `{}`, "failed", true},
		{"pending already", gate(forge.InProgress, ""), 400, `{"message":"Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")"}`, "pending", true},
		{"running already", gate(forge.InProgress, ""), 400, `{"message":"Cannot transition status via :enqueue from :running"}`, "pending", true},
		{"a success that cannot be", gate(forge.Completed, forge.Success), 400, `{"message":"Cannot transition status via :success from :pending"}`, "success", false},
		{"another refusal", gate(forge.InProgress, ""), 400, `{"message":"State is required"}`, "pending", false},
		{"not a Developer", gate(forge.InProgress, ""), 403, `{"message":"403 Forbidden"}`, "pending", false},
		{"lost", gate(forge.InProgress, ""), 502, ``, "pending", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, h := newLab(t)
			l.says(statusRoute, tc.code, tc.body)
			l.says(checksRoute, 403, `{}`)
			err := h.Publish(context.Background(), pull4, forge.Publication{Checks: []forge.CheckWrite{tc.check}})
			if (err == nil) != tc.ok {
				t.Errorf("error %v", err)
			}
			if got := l.sent(statusRoute)["state"]; got != tc.state {
				t.Errorf("state %v, want %s", got, tc.state)
			}
		})
	}
}

// TestGateGoesWhereGitLabLooks puts the status into the pipeline that decides.
func TestGateGoesWhereGitLabLooks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		fork     bool
		pipeline any
		route    string
		ref, id  any
	}{
		{"no pipeline", false, nil, statusRoute, "feature", nil},
		{"a branch's", false, fields{"id": "gid://gitlab/Ci::Pipeline/7", "sha": sha1A, "ref": "feature", "path": "/acme/nlp/models/-/pipelines/7"}, statusRoute, "feature", nil},
		{"a merged result", false, fields{"id": "gid://gitlab/Ci::Pipeline/7", "sha": sha1D, "ref": "refs/merge-requests/4/merge", "path": "/acme/nlp/models/-/pipelines/7"},
			"POST " + project12 + "/statuses/" + sha1D, nil, 7.0},
		{"a fork", true, nil, "POST projects/jonas%2Fmodels/statuses/" + sha1A, "feature", nil},
		{"a fork, checked in our project", true, fields{"id": "gid://gitlab/Ci::Pipeline/7", "sha": sha1A, "ref": "refs/merge-requests/4/head", "path": "/acme/nlp/models/-/pipelines/7"}, statusRoute, nil, 7.0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, h := newLab(t)
			mr := opened()
			if mr["headPipeline"] = tc.pipeline; tc.fork {
				mr["sourceProject"] = fields{"fullPath": "jonas/models"}
			}
			l.answers("Conversation", conversationOf(mr))
			l.answers("Base", noBase)
			l.says(tc.route, 201, `{}`)
			l.says(checksRoute, 404, `{}`)
			c, err := h.Conversation(context.Background(), mr4, forge.Want{})
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Publish(context.Background(), c.PullRequest, forge.Publication{Checks: []forge.CheckWrite{gate(forge.InProgress, "")}}); err != nil {
				t.Fatal(err)
			}
			if got := l.sent(tc.route); got["ref"] != tc.ref || got["pipeline_id"] != tc.id {
				t.Errorf("sent %v", got)
			}
		})
	}
}

func TestExternalStatusChecksAreAnswered(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	l.says(statusRoute, 201, `{}`)
	l.says(checksRoute, 200, `[{"id":1,"name":"other","external_url":"https://x"},{"id":2,"name":"lumos/gate","external_url":"https://y"},{"id":3,"name":"z","external_url":"https://lumos.acme.example/webhooks/gitlab"}]`)
	route := "POST " + project12 + "/merge_requests/4/status_check_responses"
	l.says(route, 201, `{}`)
	for _, tc := range []struct {
		check forge.CheckWrite
		want  string
	}{{gate(forge.InProgress, ""), "failed"}, {gate(forge.Completed, forge.Success), "passed"}, {gate(forge.Completed, forge.Failure), "failed"}} {
		if err := h.Publish(context.Background(), pull4, forge.Publication{Checks: []forge.CheckWrite{tc.check}}); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"sha": sha1A, "external_status_check_id": 3.0, "status": tc.want}
		if diff := cmp.Diff(want, l.sent(route)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	}
	l.says(route, 409, `{"message":"409 Conflict"}`)
	err := h.Publish(context.Background(), pull4, forge.Publication{Checks: []forge.CheckWrite{gate(forge.InProgress, "")}})
	if !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("error %v, want ErrHeadMoved", err)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	merge := "PUT " + project12 + "/merge_requests/4/merge"
	train := "POST " + project12 + "/merge_trains/merge_requests/4"
	done := `{"state":"merged","sha":"` + sha1A + `","merge_commit_sha":"` + sha1B + `"}`
	for _, tc := range []struct {
		name, method, settings string
		code                   int
		body                   string
		commit                 string
		err                    error
		sent                   map[string]any
		train                  bool
	}{
		{"merge", "merge", `{"merge_method":"merge"}`, 200, done, sha1B, nil, fields{"sha": sha1A, "squash": false}, false},
		{"squash", "squash", `{"merge_method":"merge"}`, 200, done, sha1B, nil, fields{"sha": sha1A, "squash": true, "squash_commit_message": "Release"}, false},
		{"rebase", "rebase", `{"merge_method":"ff"}`, 200, `{"state":"merged","sha":"` + sha1A + `"}`, sha1A, nil, fields{"sha": sha1A, "squash": false}, false},
		{"rebase, not set up", "rebase", `{"merge_method":"merge"}`, 0, "", "", forge.ErrNotMergeable, nil, false},
		{"moved", "merge", `{}`, 409, `{"message":"SHA does not match HEAD of source branch"}`, "", forge.ErrHeadMoved, nil, false},
		{"draft", "merge", `{}`, 405, `{"message":"405 Method Not Allowed"}`, "", forge.ErrNotMergeable, nil, false},
		{"conflict", "merge", `{}`, 422, `{"message":"Branch cannot be merged"}`, "", forge.ErrNotMergeable, nil, false},
		{"no right", "merge", `{}`, 401, `{"message":"401 Unauthorized"}`, "", forge.ErrForbidden, nil, false},
		{"not done", "merge", `{}`, 200, `{"state":"opened","merge_error":"busy"}`, "", forge.ErrNotMergeable, nil, false},
		{"train", "merge", `{"merge_trains_enabled":true}`, 201, `[]`, "", nil, fields{"sha": sha1A, "squash": false}, true},
		{"train, refused", "merge", `{"merge_trains_enabled":true}`, 400, `{"message":"Failed to merge"}`, "", forge.ErrNotMergeable, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, h := newLab(t)
			l.says("GET "+project12, 200, tc.settings)
			route := merge
			if tc.train {
				route = train
			}
			l.rest[route] = func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
				w.WriteHeader(tc.code)
				reply(w, tc.body)
			}
			got, err := h.Merge(context.Background(), pull4, tc.method, "Release")
			if got != tc.commit || !errors.Is(err, tc.err) || tc.err == nil && err != nil {
				t.Fatalf("commit %q, error %v", got, err)
			}
			if tc.sent != nil {
				if diff := cmp.Diff(tc.sent, l.sent(route)); diff != "" {
					t.Errorf("sent (-want +got):\n%s", diff)
				}
			}
		})
	}
}
