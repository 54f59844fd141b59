package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

// graphql asks as an App; data comes back as plain maps.
func (st *stage) graphql(in Installed, query string, vars map[string]any) gql.Response {
	st.t.Helper()
	tr, err := ghinstallation.New(http.DefaultTransport, in.AppID, in.InstallationID, in.Key)
	st.ok(err)
	tr.BaseURL = strings.TrimSuffix(st.APIURL(), "/")
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	st.ok(err)
	resp, err := (&http.Client{Transport: tr}).Post(st.GraphQLURL(), "application/json", bytes.NewReader(body))
	st.ok(err)
	defer resp.Body.Close()
	var out gql.Response
	st.ok(json.NewDecoder(resp.Body).Decode(&out))
	return out
}

// at walks into an answer: names and list indices.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestConversation(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	head, err := st.As("ada").Commit(repoName, "b", "add\n\nCo-authored-by: Bo <bo@example.com>\nCo-authored-by: Who <who@example.org>", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	n, err := st.As("ada").Open(repoName, "t", "", "b", "main", false)
	st.ok(err)
	_, err = st.As("bo").Review(repoName, n, "APPROVE", "", "")
	st.ok(err)
	id, err := st.As("bo").Comment(repoName, n, "one")
	st.ok(err)
	st.ok(st.As("bo").EditComment(repoName, n, id, "two"))
	resp := st.graphql(st.lumos, `query($n: Int!, $with: Boolean = false) {
	  repository(owner: "acme", name: "models") {
	    pr: pullRequest(number: $n) {
	      ...Head
	      mergeable
	      author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
	      reviews(last: 5, states: [APPROVED]) { totalCount nodes { state commit { oid } author { login } fullDatabaseId } }
	      comments(first: 1) { pageInfo { hasNextPage endCursor } nodes { body lastEditedAt viewerDidAuthor createdAt @include(if: $with) } }
	      commits(first: 10) { nodes { commit { oid committer { user { login } } signature { isValid }
	        authors(first: 10) { totalCount nodes { email user { login databaseId } } } } } }
	      baseRef { target { ... on Commit { file(path: ".github") { mode object { ... on Tree { entries { name oid } } } }
	        none: file(path: "nothing/here") { oid } } } }
	    }
	    audit: ref(qualifiedName: "refs/heads/lumos/audit") { target { oid } }
	  }
	  organization(login: "acme") { team(slug: "risk") { databaseId members(first: 10) { nodes { login } } } none: team(slug: "none") { id } }
	}
	fragment Head on PullRequest { headRefOid isDraft }`, map[string]any{"n": n})
	if len(resp.Errors) > 0 {
		t.Fatalf("%+v", resp.Errors)
	}
	pr := at(resp.Data, "repository", "pr")
	comment := at(pr, "comments", "nodes", 0).(map[string]any)
	if _, there := comment["createdAt"]; there {
		t.Error("@include(if: false) was included")
	}
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"head", at(pr, "headRefOid"), head},
		{"mergeable", at(pr, "mergeable"), "MERGEABLE"},
		{"author", at(pr, "author", "databaseId"), float64(st.ada.ID)},
		{"review", at(pr, "reviews", "nodes", 0, "commit", "oid"), head},
		{"edited", comment["lastEditedAt"] != nil, true},
		{"authors", at(pr, "commits", "nodes", 0, "commit", "authors", "totalCount"), float64(3)},
		{"co-author", at(pr, "commits", "nodes", 0, "commit", "authors", "nodes", 1, "user", "login"), "bo"},
		{"nobody", at(pr, "commits", "nodes", 0, "commit", "authors", "nodes", 2, "user"), nil},
		{"unsigned", at(pr, "commits", "nodes", 0, "commit", "signature"), nil},
		{"tree", at(pr, "baseRef", "target", "file", "object", "entries", 0, "name"), "CODEOWNERS"},
		{"mode", at(pr, "baseRef", "target", "file", "mode"), float64(0o40000)},
		{"no file", at(pr, "baseRef", "target", "none"), nil},
		{"no audit", at(resp.Data, "repository", "audit"), nil},
		{"team", at(resp.Data, "organization", "team", "members", "nodes", 0, "login"), "bo"},
		{"no team", at(resp.Data, "organization", "none"), nil},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	log := st.Requests()
	if got := log[len(log)-1].Operations; strings.Join(got, ",") != "query repository,query organization" {
		t.Errorf("operations: %v", got)
	}
}

func TestGraphQLErrors(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	n, _ := st.pull("b")
	for _, tt := range []struct{ name, query, kind, path, contains string }{
		{"unknown field", `{repository(owner:"acme",name:"models"){nothing}}`, "", "", "nothing"},
		{"unknown argument", `{repository(owner:"acme",nom:"models"){id}}`, "", "", "nom"},
		{"unused variable", `query($x: Int){viewer{login}}`, "", "", "x"},
		{"syntax", `{`, "", "", ""},
		{"no repository", `{repository(owner:"acme",name:"none"){id}}`, "NOT_FOUND", `["repository"]`, "acme/none"},
		{"no boundaries", `{repository(owner:"acme",name:"models"){pullRequest(number:1){comments{totalCount}}}}`, "MISSING_PAGINATION_BOUNDARIES", `["repository","pullRequest","comments"]`, "first"},
		{"too much", `{repository(owner:"acme",name:"models"){pullRequest(number:1){comments(first:101){totalCount}}}}`, "EXCESSIVE_PAGINATION", `["repository","pullRequest","comments"]`, "101"},
		{"bad node", `{node(id:"PR_x"){id}}`, "NOT_FOUND", `["node"]`, "PR_x"},
		{"bad enum", `mutation{createCheckRun(input:{repositoryId:"x",headSha:"x",name:"x",conclusion:GREEN}){checkRun{id}}}`, "", "", "GREEN"},
	} {
		resp := st.graphql(st.lumos, tt.query, nil)
		if len(resp.Errors) == 0 {
			t.Errorf("%s: no error: %v", tt.name, resp.Data)
			continue
		}
		e := resp.Errors[0]
		path := ""
		if e.Path != nil {
			raw, err := json.Marshal(e.Path)
			st.ok(err)
			path = string(raw)
		}
		if e.Type != tt.kind || path != tt.path || !strings.Contains(e.Message, tt.contains) {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
	// comments is not null, so the null goes up to the pull request, which may be null.
	resp := st.graphql(st.lumos, `query($n:Int!){repository(owner:"acme",name:"models"){id pullRequest(number:$n){id comments{totalCount}}}}`, map[string]any{"n": n})
	if at(resp.Data, "repository", "id") == nil || at(resp.Data, "repository", "pullRequest") != nil {
		t.Errorf("null propagation: %v", resp.Data)
	}
}

func TestMutations(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	n, head := st.pull("b")
	resp := st.graphql(st.lumos, `{repository(owner:"acme",name:"models"){id pullRequest(number:1){id}} user(login:"bo"){id} organization(login:"acme"){team(slug:"risk"){id}}}`, nil)
	repoID, pullID := at(resp.Data, "repository", "id"), at(resp.Data, "repository", "pullRequest", "id")
	note := map[string]any{"path": "x", "annotationLevel": "FAILURE", "message": "m", "location": map[string]any{"startLine": 1, "endLine": 1}}
	resp = st.graphql(st.lumos, `mutation($a:CreateCheckRunInput!,$b:AddCommentInput!,$c:RequestReviewsInput!,$d:CreateCheckRunInput!){
	  w0:createCheckRun(input:$a){checkRun{id status conclusion}} w1:createCheckRun(input:$d){checkRun{id}}
	  w2:addComment(input:$b){commentEdge{node{id viewerDidAuthor}}} w3:requestReviews(input:$c){pullRequest{reviewRequests(first:10){totalCount}}}}`,
		map[string]any{
			"a": map[string]any{"repositoryId": repoID, "headSha": head, "name": "lumos/gate", "status": "IN_PROGRESS", "externalId": "e",
				"output": map[string]any{"title": "t", "summary": "s", "annotations": []any{note}}},
			"b": map[string]any{"subjectId": pullID, "body": "hello"},
			"c": map[string]any{"pullRequestId": pullID, "union": true, "userIds": []any{at(resp.Data, "user", "id")}, "teamIds": []any{at(resp.Data, "organization", "team", "id")}},
			"d": map[string]any{"repositoryId": repoID, "headSha": strings.Repeat("1", 40), "name": "x"},
		})
	if len(resp.Errors) != 1 || at(resp.Data, "w1") != nil || resp.Errors[0].Path[0] != "w1" {
		t.Fatalf("one of four fails: %+v", resp)
	}
	if at(resp.Data, "w2", "commentEdge", "node", "viewerDidAuthor") != true || at(resp.Data, "w3", "pullRequest", "reviewRequests", "totalCount") != float64(2) {
		t.Fatalf("%+v", resp.Data)
	}
	resp = st.graphql(st.lumos, `mutation($u:UpdateCheckRunInput!,$e:UpdateIssueCommentInput!){
	  updateCheckRun(input:$u){checkRun{conclusion annotations(first:10){totalCount}}} updateIssueComment(input:$e){issueComment{body lastEditedAt}}}`, map[string]any{
		"u": map[string]any{"repositoryId": repoID, "checkRunId": at(resp.Data, "w0", "checkRun", "id"), "status": "COMPLETED", "conclusion": "SUCCESS"},
		"e": map[string]any{"id": at(resp.Data, "w2", "commentEdge", "node", "id"), "body": "changed"},
	})
	if len(resp.Errors) > 0 || at(resp.Data, "updateCheckRun", "checkRun", "conclusion") != "SUCCESS" || at(resp.Data, "updateIssueComment", "issueComment", "body") != "changed" {
		t.Fatalf("%+v", resp)
	}
	st.ok(st.As("bo").Merge(repoName, n, "squash", head))
}

func TestCreateCommitOnBranch(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	tip, err := st.As("ada").Commit(repoName, "lumos/audit", "start", map[string][]byte{"log": []byte("1\n"), "old/x": []byte("x")})
	st.ok(err)
	commit := func(expected, path, deletes string) gql.Response {
		changes := map[string]any{"additions": []any{map[string]any{"path": path, "contents": base64.StdEncoding.EncodeToString([]byte("2\n"))}}}
		if deletes != "" {
			changes["deletions"] = []any{map[string]any{"path": deletes}}
		}
		return st.graphql(st.lumos, `mutation($i:CreateCommitOnBranchInput!){createCommitOnBranch(input:$i){ref{name} commit{oid committedViaWeb
		  author{email user{login}} signature{isValid wasSignedByGitHub state}}}}`, map[string]any{"i": map[string]any{
			"branch": map[string]any{"repositoryNameWithOwner": repoName, "branchName": "lumos/audit"}, "expectedHeadOid": expected,
			"message": map[string]any{"headline": "append", "body": "b"}, "fileChanges": changes}})
	}
	resp := commit(tip, "log", "old/x")
	made := at(resp.Data, "createCommitOnBranch", "commit")
	if len(resp.Errors) > 0 || at(made, "signature", "wasSignedByGitHub") != true || at(made, "committedViaWeb") != true || at(made, "author", "user") != nil {
		t.Fatalf("%+v", resp)
	}
	if got, _ := st.File(repoName, "lumos/audit", "log"); string(got) != "2\n" {
		t.Fatalf("log: %q", got)
	}
	if _, err := st.Dir(repoName, "lumos/audit", "old"); err == nil {
		t.Fatal("an empty directory is left")
	}
	resp = commit(tip, "log", "")
	if len(resp.Errors) != 1 || resp.Errors[0].Type != "STALE_DATA" || resp.Errors[0].Path[0] != "createCommitOnBranch" {
		t.Fatalf("stale: %+v", resp)
	}
	now := at(made, "oid").(string)
	if resp = commit(now, "log", "none"); len(resp.Errors) != 1 || resp.Errors[0].Type != "UNPROCESSABLE" {
		t.Fatalf("deleting nothing: %+v", resp)
	}
	if resp = commit(now, "../log", ""); len(resp.Errors) != 1 {
		t.Fatalf("path: %+v", resp)
	}
	st.ok(st.Protect(repoName, "lumos/audit", Protection{RestrictPush: []string{"other"}}))
	if resp = commit(now, "log", ""); len(resp.Errors) != 1 || !strings.Contains(resp.Errors[0].Message, "not authorized to push") {
		t.Fatalf("restricted: %+v", resp)
	}
	st.ok(st.Protect(repoName, "lumos/audit", Protection{RestrictPush: []string{"lumos"}}))
	if resp = commit(now, "log", ""); len(resp.Errors) != 0 {
		t.Fatalf("allowed: %+v", resp)
	}
}
