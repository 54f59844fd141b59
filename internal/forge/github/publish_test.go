package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

var openPull = forge.PullRequest{Ref: pull4, NodeID: "PR_4", RepoNodeID: "R_1", Head: forge.Branch{SHA: sha1A}}

func TestPublish(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.answers(`{"data":{"w0":{"checkRun":{"id":"CR_1"}},"w1":{"checkRun":{"id":"CR_2"}},"w2":{"commentEdge":{}},"w3":{"issueComment":{}},"w4":{"pullRequest":{}}}}`)
	err := app.Publish(t.Context(), openPull, forge.Publication{
		Checks: []forge.CheckWrite{
			{Name: forge.ComplianceCheck, HeadSHA: sha1A, Status: forge.Completed, Conclusion: forge.ActionRequired, ExternalID: "x;y", Title: "T", Summary: "S", Text: "X",
				Annotations: []forge.Annotation{{Path: "a.yaml", Line: 3, Level: forge.LevelFailure, Title: "t", Message: "m"}, {Path: "b.yaml", Level: forge.LevelNotice, Message: "m"}}},
			{ID: "CR_2", Name: forge.GateCheck, HeadSHA: sha1A, Status: forge.InProgress, Conclusion: forge.Success, ExternalID: "x;z", Title: "T", Summary: "S", DetailsURL: "https://lumos.example/4"},
		},
		Comments: []forge.CommentWrite{{Body: "new"}, {NodeID: "IC_8", Body: "edited"}},
		AskUsers: []forge.Account{{NodeID: "U_2", Login: "bob"}},
		AskTeams: []forge.Team{{NodeID: "T_1", Org: "acme", Slug: "risk"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.requests) != 1 {
		t.Errorf("requests %v, want one", h.requests)
	}
	want := object{
		"w0": object{"repositoryId": "R_1", "headSha": sha1A, "name": "lumos/compliance", "status": "COMPLETED", "conclusion": "ACTION_REQUIRED", "externalId": "x;y",
			"output": object{"title": "T", "summary": "S", "text": "X", "annotations": []any{
				object{"path": "a.yaml", "message": "m", "title": "t", "annotationLevel": "FAILURE", "location": object{"startLine": 3.0, "endLine": 3.0}},
				object{"path": "b.yaml", "message": "m", "annotationLevel": "NOTICE", "location": object{"startLine": 1.0, "endLine": 1.0}},
			}}},
		// An unfinished check has no conclusion, whatever else is said.
		"w1": object{"repositoryId": "R_1", "checkRunId": "CR_2", "name": "lumos/gate", "status": "IN_PROGRESS", "externalId": "x;z", "detailsUrl": "https://lumos.example/4",
			"output": object{"title": "T", "summary": "S"}},
		"w2": object{"subjectId": "PR_4", "body": "new"},
		"w3": object{"id": "IC_8", "body": "edited"},
		"w4": object{"pullRequestId": "PR_4", "union": true, "userIds": []any{"U_2"}, "teamIds": []any{"T_1"}},
	}
	if diff := cmp.Diff(want, h.graphql[0].Variables); diff != "" {
		t.Error(diff)
	}
	if err := app.Publish(t.Context(), openPull, forge.Publication{}); err != nil || len(h.requests) != 1 {
		t.Errorf("nothing to say: error %v, requests %v", err, h.requests)
	}
}

// TestPublishThreads: all new threads go out as one review that only comments; that GitHub does not take one
// is no failure.
func TestPublishThreads(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.answers(`{"data":{"w0":{"commentEdge":{}},"w1":{"thread":{}},"w2":null,"w3":null},"errors":[
		{"type":"FORBIDDEN","path":["w2"],"message":"Resource not accessible by integration"},
		{"type":"UNPROCESSABLE","path":["w3"],"message":"Pull request review thread line must be part of the diff"}]}`)
	err := app.Publish(t.Context(), openPull, forge.Publication{
		Comments: []forge.CommentWrite{{Body: "new"}},
		Threads: []forge.ThreadWrite{
			{Path: "a.yaml", Line: 3, Body: "one"}, {NodeID: "PRRT_1", Resolve: true}, {NodeID: "PRRT_2"}, {Path: "b.yaml", Body: "two"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := object{
		"w0": object{"subjectId": "PR_4", "body": "new"},
		"w1": object{"threadId": "PRRT_1"},
		"w2": object{"threadId": "PRRT_2"},
		"w3": object{"pullRequestId": "PR_4", "commitOID": sha1A, "event": "COMMENT", "threads": []any{
			object{"path": "a.yaml", "line": 3.0, "side": "RIGHT", "body": "one"}, object{"path": "b.yaml", "line": 1.0, "side": "RIGHT", "body": "two"},
		}},
	}
	if diff := cmp.Diff(want, h.graphql[0].Variables); diff != "" {
		t.Error(diff)
	}
	for _, field := range []string{"w1: resolveReviewThread", "w2: unresolveReviewThread", "w3: addPullRequestReview"} {
		if !strings.Contains(h.graphql[0].Query, field) {
			t.Errorf("the mutation lacks %q:\n%s", field, h.graphql[0].Query)
		}
	}
}

// TestAnnotationBatches: 120 annotations take three requests of at most 50.
func TestAnnotationBatches(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.answers(`{"data":{"w0":{"checkRun":{"id":"CR_0"}},"w1":{"checkRun":{"id":"CR_1"}}}}`, `{"data":{"w0":{"checkRun":{"id":"CR_1"}}}}`)
	var all []forge.Annotation
	for i := range 120 {
		all = append(all, forge.Annotation{Path: "a.yaml", Line: i + 1, Level: forge.LevelWarning, Message: "m"})
	}
	err := app.Publish(t.Context(), openPull, forge.Publication{Checks: []forge.CheckWrite{
		{Name: forge.GateCheck, Status: forge.InProgress, HeadSHA: sha1A},
		{Name: forge.ComplianceCheck, Status: forge.Completed, Conclusion: forge.Failure, HeadSHA: sha1A, Title: "T", Summary: "S", Annotations: all},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.requests) != 3 {
		t.Fatalf("requests %v, want three", h.requests)
	}
	line := 0.0
	for n, q := range h.graphql {
		alias := "w0"
		if n == 0 {
			alias = "w1"
		} else if id := at(q.Variables, "w0")["checkRunId"]; id != "CR_1" {
			t.Errorf("request %d updates %v", n, id)
		}
		output := at(q.Variables, alias, "output")
		list := output["annotations"].([]any)
		if want := []int{50, 50, 20}[n]; len(list) != want || output["title"] != "T" || output["summary"] != "S" {
			t.Errorf("request %d: %d annotations, want %d", n, len(list), want)
		}
		for _, a := range list {
			if line++; at(a, "location")["startLine"] != line {
				t.Fatalf("line %v, want %v", at(a, "location")["startLine"], line)
			}
		}
	}
}

// TestPublishInPart: what fails is named, and does not stop the rest.
func TestPublishInPart(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.answers(`{"data":{"w0":null,"w1":{"checkRun":{"id":"CR_1"}},"w2":null},"errors":[
		{"type":"FORBIDDEN","path":["w0"],"message":"Resource not accessible by integration"},
		{"type":"UNPROCESSABLE","path":["w2"],"message":"Could not resolve to User node"}]}`,
		`{"data":{"w0":{"checkRun":{"id":"CR_1"}}}}`)
	many := make([]forge.Annotation, 51)
	err := app.Publish(t.Context(), openPull, forge.Publication{
		Checks:   []forge.CheckWrite{{Name: forge.GateCheck, Annotations: many}, {Name: forge.ComplianceCheck, Annotations: many}},
		AskUsers: []forge.Account{{NodeID: "U_9"}, {Login: "nobody"}},
	})
	if !errors.Is(err, forge.ErrForbidden) {
		t.Fatalf("error %v, want ErrForbidden", err)
	}
	for _, want := range []string{"acme/models#4", "check run lumos/gate", "Resource not accessible", "review request", "Could not resolve", "nobody has no node id"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "lumos/compliance") || len(h.requests) != 2 {
		t.Errorf("requests %v, error %v", h.requests, err)
	}
}

func TestPublishUnsaid(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nothing of the write": `{"data":{}}`,
		"no id":                `{"data":{"w0":{"checkRun":null}}}`,
		"only an error":        `{"data":null,"errors":[{"message":"Something went wrong"}]}`,
		"a stray error":        `{"data":{"w0":{"checkRun":{"id":"CR_1"}}},"errors":[{"message":"Something went wrong"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			h, app := newHost(t)
			h.answers(answer)
			err := app.Publish(t.Context(), openPull, forge.Publication{Checks: []forge.CheckWrite{{Name: forge.GateCheck, Annotations: make([]forge.Annotation, 51)}}})
			if err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		lines    bool
	}{
		{"short", "a\nb", false},
		{"as long as allowed", strings.Repeat("x", maxText), false},
		{"lines", strings.Repeat("a line of text\n", 10_000), true},
		{"one line of wide characters", strings.Repeat("é", maxText), false},
	} {
		got := shorten(tc.in)
		if len(tc.in) <= maxText {
			if got != tc.in {
				t.Errorf("%s: changed", tc.name)
			}
			continue
		}
		body, cut := strings.CutSuffix(got, cutNote)
		if !cut || len(got) > maxText || !strings.HasPrefix(tc.in, body) || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("%s: %d bytes, cut %v", tc.name, len(got), cut)
		}
		if tc.lines && !strings.HasSuffix(body, "a line of text") {
			t.Errorf("%s: ends in %q", tc.name, body[len(body)-20:])
		}
	}
	if got := []rune(shortenTitle(strings.Repeat("é", 300))); len(got) != maxTitle {
		t.Errorf("title of %d characters", len(got))
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		body   string
		want   error
	}{
		{200, `{"sha":"` + sha1B + `","merged":true}`, nil},
		{200, `{"merged":false,"message":"no"}`, forge.ErrNotMergeable},
		{405, `{"message":"Required status check \"lumos/gate\" is expected."}`, forge.ErrNotMergeable},
		{409, `{"message":"Head branch was modified. Review and try the merge again."}`, forge.ErrHeadMoved},
		{403, `{"message":"Resource not accessible by integration"}`, forge.ErrForbidden},
	} {
		t.Run(fmt.Sprint(tc.status, tc.want), func(t *testing.T) {
			h, app := newHost(t)
			h.HandleFunc("PUT /repos/acme/models/pulls/4/merge", func(w http.ResponseWriter, r *http.Request) {
				body := make([]byte, 300)
				n, _ := r.Body.Read(body)
				for _, want := range []string{`"sha":"` + sha1A + `"`, `"merge_method":"squash"`, `"commit_title":"Release"`} {
					if !strings.Contains(string(body[:n]), want) {
						t.Errorf("body %s lacks %s", body[:n], want)
					}
				}
				w.WriteHeader(tc.status)
				reply(w, tc.body)
			})
			sha, err := app.Merge(t.Context(), openPull, "squash", "Release")
			if !errors.Is(err, tc.want) || tc.want == nil && (err != nil || sha != sha1B) {
				t.Errorf("%q, error %v, want %v", sha, err, tc.want)
			}
		})
	}
	_, app := newHost(t)
	if _, err := app.Merge(t.Context(), forge.PullRequest{Ref: pull4}, "squash", ""); err == nil {
		t.Error("merged without saying which head")
	}
}
