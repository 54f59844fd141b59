package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/sandbox/contract"
	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

// labStage is a GitLab with a group, people, and a project that a bot watches.
type labStage struct {
	*Sandbox
	t                  *testing.T
	ada, bo, eve, dora Account // Developer and author; Developer by a group; a stranger; Owner
	bot                Bot
}

const labRepo = "acme/lab/models"

func newLabStage(t *testing.T) *labStage {
	t.Helper()
	s, err := Start(t.Context(), Options{Dir: t.TempDir(), Dialect: GitLab})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	st := &labStage{Sandbox: s, t: t}
	for login, to := range map[string]*Account{"ada": &st.ada, "bo": &st.bo, "eve": &st.eve, "dora": &st.dora} {
		*to, err = s.CreateUser(login, strings.ToUpper(login[:1])+login[1:], login+"@example.com")
		st.ok(err)
	}
	_, err = s.CreateOrg("acme", "dora")
	st.ok(err)
	st.ok(s.CreateTeam("acme", "lab", "dora"))
	st.ok(s.CreateTeam("acme", "owners", "bo"))
	st.ok(s.CreateRepo("acme/lab", "models", true, "dora", map[string][]byte{"README.md": []byte("models\n"), ".gitlab/CODEOWNERS": []byte("* @bo\n"),
		".lumos/config.yaml": []byte("a: 1\n"), ".lumos/deep/more.yaml": []byte("b: 2\n"), "releases/a/1.yaml": []byte("name: a\nversion: 1\nlicense: MIT\nmore: lines\n")}))
	st.ok(s.Grant("ada", labRepo, "write"))
	st.ok(s.Grant("acme/owners", labRepo, "write"))
	st.ok(s.Protect(labRepo, "main", Protection{PushLevel: "none", MergeLevel: "maintainer"}))
	st.bot, err = s.CreateBot("acme", "Lumos", "maintainer", "api")
	st.ok(err)
	return st
}

func (st *labStage) ok(err error) {
	st.t.Helper()
	if err != nil {
		st.t.Fatal(err)
	}
}

// merge opens a merge request of ada's that changes a file and adds one.
func (st *labStage) merge(branch string) (number int, head string) {
	st.t.Helper()
	head, err := st.As("ada").Commit(labRepo, branch, "Release "+branch, map[string][]byte{
		"releases/a/1.yaml": []byte("name: a\nversion: 2\nlicense: MIT\nmore: lines\n"), "releases/b/1.yaml": []byte("name: b\nversion: 1\n")})
	st.ok(err)
	number, err = st.As("ada").Open(labRepo, "Release "+branch, "Why", branch, "main", false)
	st.ok(err)
	return number, head
}

// ask asks with a token; an empty one is nobody.
func (st *labStage) ask(token, query string, vars map[string]any) gql.Response {
	st.t.Helper()
	status, out := st.send(token, query, vars)
	if status != http.StatusOK {
		st.t.Fatalf("status %d: %+v", status, out)
	}
	return out
}

func (st *labStage) send(token, query string, vars map[string]any) (status int, out gql.Response) {
	st.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	st.ok(err)
	req, err := http.NewRequestWithContext(st.t.Context(), http.MethodPost, st.GraphQLURL(), bytes.NewReader(body))
	st.ok(err)
	if token != "" {
		req.Header.Set("Private-Token", token)
	}
	resp, err := http.DefaultClient.Do(req)
	st.ok(err)
	defer resp.Body.Close()
	st.ok(json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

// clean asks and wants no errors.
func (st *labStage) clean(token, query string, vars map[string]any) any {
	st.t.Helper()
	out := st.ask(token, query, vars)
	if len(out.Errors) > 0 {
		st.t.Fatalf("%+v", out.Errors)
	}
	return out.Data
}

func (st *labStage) status(sha, state, name, description, url string) {
	st.t.Helper()
	st.mu.Lock()
	defer st.mu.Unlock()
	_, _, err := st.postStatus(st.repoByFull(labRepo), actor{token: st.tokens[st.bot.Token]}, sha,
		statusIn{State: state, Name: name, Ref: "b", Description: &description, TargetURL: &url})
	st.ok(err)
}

func TestGitLabSchemaIsGitLabs(t *testing.T) {
	t.Parallel()
	file := os.Getenv("LUMOS_GITLAB_SCHEMA")
	if file == "" {
		t.Skip("LUMOS_GITLAB_SCHEMA names no introspection of GitLab (graphql.schema.json of gitlab-graphql-types 1.1.0)")
	}
	whole, err := contract.LoadIntrospection(file)
	if err != nil {
		t.Fatal(err)
	}
	rest := maps.Clone(newerThanIntrospection)
	for _, f := range contract.Subset(gitlabSchema, whole) {
		if rest[f] == "" {
			t.Error(f)
		}
		delete(rest, f)
	}
	for f, source := range rest {
		t.Errorf("%s (%s): the introspection knows this; take it off the list", f, source)
	}
}

// newerThanIntrospection is what came after the introspection of 15.0, with the source file of GitLab
// that has it (read on gitlabhq/gitlabhq in 2026).
var newerThanIntrospection = map[string]string{
	"CiJob.retried: no such field":                            "app/graphql/types/ci/job_type.rb",
	"Commit.committedDate: no such field":                     "app/graphql/types/repositories/commit_type.rb",
	"Commit.committerEmail: no such field":                    "app/graphql/types/repositories/commit_type.rb",
	"Commit.committerName: no such field":                     "app/graphql/types/repositories/commit_type.rb",
	"CreateDiffNoteInput.internal: no such field":             "app/graphql/mutations/notes/create/base.rb",
	"CreateDiscussionInput: no such type":                     "app/graphql/mutations/notes/create/discussion.rb",
	"CreateDiscussionPayload: no such type":                   "app/graphql/mutations/notes/create/discussion.rb",
	"CreateNoteInput.internal: no such field":                 "app/graphql/mutations/notes/create/base.rb",
	"CurrentUser: no such type":                               "app/graphql/types/current_user_type.rb",
	"DetailedMergeStatus: no such type":                       "app/graphql/types/merge_requests/detailed_merge_status_enum.rb",
	"MergeRequest.changeRequesters: no such field":            "ee/app/graphql/ee/types/merge_request_type.rb",
	"MergeRequest.detailedMergeStatus: no such field":         "app/graphql/types/merge_request_type.rb",
	"MergeRequestAuthor.id: ID!, not UserID!":                 "app/graphql/types/user_interface.rb",
	"MergeRequestRequestChangesInput: no such type":           "app/graphql/mutations/merge_requests/request_changes.rb",
	"MergeRequestRequestChangesPayload: no such type":         "app/graphql/mutations/merge_requests/request_changes.rb",
	"MergeRequestReviewState: has no value APPROVED":          "app/graphql/types/merge_request_review_state_enum.rb",
	"MergeRequestReviewState: has no value REVIEW_STARTED":    "app/graphql/types/merge_request_review_state_enum.rb",
	"MergeRequestReviewState: has no value REQUESTED_CHANGES": "app/graphql/types/merge_request_review_state_enum.rb",
	"MergeRequestReviewState: has no value UNAPPROVED":        "app/graphql/types/merge_request_review_state_enum.rb",
	"MergeRequestReviewer.id: ID!, not UserID!":               "app/graphql/types/user_interface.rb",
	"MergeRequestSetReviewersInput: no such type":             "app/graphql/mutations/merge_requests/set_reviewers.rb",
	"MergeRequestSetReviewersPayload: no such type":           "app/graphql/mutations/merge_requests/set_reviewers.rb",
	"Mutation.createDiscussion: no such field":                "app/graphql/types/mutation_type.rb",
	"Mutation.mergeRequestRequestChanges: no such field":      "ee/app/graphql/ee/types/mutation_type.rb",
	"Mutation.mergeRequestSetReviewers: no such field":        "app/graphql/types/mutation_type.rb",
	"Note.author: UserCore!, not UserCore":                    "app/graphql/types/notes/base_note_interface.rb",
	"Note.internal: no such field":                            "app/graphql/types/notes/note_type.rb",
	"Note.lastEditedAt: no such field":                        "app/graphql/types/notes/base_note_interface.rb",
	"Note.lastEditedBy: no such field":                        "app/graphql/types/notes/base_note_interface.rb",
	"Note.maxAccessLevelOfAuthor: no such field":              "app/graphql/types/notes/note_type.rb",
	"Note.systemNoteMetadata: no such field":                  "app/graphql/types/notes/note_type.rb",
	"NoteConnection.count: no such field":                     "app/graphql/types/notes/note_type.rb",
	"Pipeline.jobs(retried): no such argument":                "app/graphql/resolvers/ci/jobs_resolver.rb",
	"Query.currentUser: UserCore, not CurrentUser":            "app/graphql/types/query_type.rb",
	"SystemNoteMetadata: no such type":                        "app/graphql/types/notes/system_note_metadata_type.rb",
	"SystemNoteMetadataID: no such type":                      "app/graphql/types/notes/system_note_metadata_type.rb",
	"User.id: ID!, not UserID!":                               "app/graphql/types/user_interface.rb",
	"UserCore.id: ID!, not UserID!":                           "app/graphql/types/user_interface.rb",
	"UserCoreConnection.count: no such field":                 "app/graphql/types/user_type.rb",
}

func TestGitLabConversation(t *testing.T) {
	t.Parallel()
	st := newLabStage(t)
	n, head := st.merge("b")
	ada, bo := st.As("ada"), st.As("bo")
	id, err := bo.Comment(labRepo, n, "one")
	st.ok(err)
	st.ok(bo.EditComment(labRepo, n, id, "two"))
	st.ok(bo.Approve(labRepo, n))
	second, err := ada.Commit(labRepo, "b", "More", map[string][]byte{"x": []byte("x")})
	st.ok(err)
	st.ok(st.As("dora").RequestChanges(labRepo, n))
	st.status(second, "failed", "lumos/gate", "first", "https://example.com/1")
	st.status(second, "pending", "lumos/gate", "waits for bo", "https://example.com/2")
	data := st.clean(st.bot.Token, `query($project: ID!, $iid: String!, $target: String, $group: ID!) {
	  currentUser { id username bot }
	  project(fullPath: $project) {
	    id fullPath webUrl
	    repository {
	      rootRef
	      base: tree(ref: $target) { lastCommit { sha } }
	      audit: tree(ref: "refs/heads/lumos/audit") { lastCommit { sha } }
	      lumos: tree(path: ".lumos", ref: $target, recursive: true) { blobs { nodes { path sha mode } } trees { nodes { path } } }
	      none: tree(path: "none") { blobs { nodes { path } } }
	      files: blobs(ref: $target, paths: ["CODEOWNERS", ".gitlab/CODEOWNERS"]) { nodes { path oid mode size } }
	    }
	    roles: projectMembers(relations: [DIRECT]) { nodes { accessLevel { integerValue stringValue } user { username } } }
	    mergeRequest(iid: $iid) {
	      id iid webUrl state draft diffHeadSha diffRefs { baseSha headSha startSha } mergeCommitSha conflicts mergeStatusEnum
	      author { username ...Who }
	      approvedBy { nodes { ...Who } }
	      changeRequesters { nodes { ...Who } }
	      committers { nodes { ...Who } }
	      commits(first: 100) { nodes { sha committerEmail author { ...Who } } }
	      notes(first: 100) { nodes { id body system createdAt lastEditedAt lastEditedBy { username } maxAccessLevelOfAuthor url author { ...Who }
	        systemNoteMetadata { action } resolvable resolved discussion { id } } pageInfo { hasNextPage endCursor } }
	      headPipeline { sha status jobs { count nodes { id name status retried detailedStatus { label detailsPath } } } job(name: "lumos/gate") { status } }
	    }
	  }
	  group(fullPath: $group) { id groupMembers(relations: [DIRECT]) { nodes { accessLevel { integerValue } user { username bot } } } }
	  user: group(fullPath: "bo") { id }
	}
	fragment Who on User { id username bot state }`, map[string]any{"project": labRepo, "iid": fmt.Sprint(n), "target": "refs/heads/main", "group": "acme/owners"})
	mr := at(data, "project", "mergeRequest")
	notes := at(mr, "notes", "nodes").([]any)
	actions := []string{}
	for _, x := range notes {
		actions = append(actions, fmt.Sprint(at(x, "systemNoteMetadata", "action")))
	}
	view, _ := st.Repo(labRepo)
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"me", at(data, "currentUser", "bot"), true},
		{"tip", at(data, "project", "repository", "base", "lastCommit", "sha"), view.Branches["main"]},
		{"no audit", at(data, "project", "repository", "audit", "lastCommit"), nil},
		{"recursive", at(data, "project", "repository", "lumos", "blobs", "nodes", 1, "path"), ".lumos/deep/more.yaml"},
		{"mode", at(data, "project", "repository", "lumos", "blobs", "nodes", 0, "mode"), "100644"},
		{"trees", at(data, "project", "repository", "lumos", "trees", "nodes", 0, "path"), ".lumos/deep"},
		{"no path", len(at(data, "project", "repository", "none", "blobs", "nodes").([]any)), 0},
		{"only what is there", len(at(data, "project", "repository", "files", "nodes").([]any)), 1},
		{"blob", at(data, "project", "repository", "files", "nodes", 0, "path"), ".gitlab/CODEOWNERS"},
		{"role", at(data, "project", "roles", "nodes", 0, "accessLevel", "stringValue"), "DEVELOPER"},
		{"roles are direct", len(at(data, "project", "roles", "nodes").([]any)), 1},
		{"state", at(mr, "state"), "opened"},
		{"head", at(mr, "diffHeadSha"), second},
		{"newest version", at(mr, "diffRefs", "headSha"), second},
		{"not merged", at(mr, "mergeCommitSha"), nil},
		{"status", at(mr, "mergeStatusEnum"), "CAN_BE_MERGED"},
		{"author", at(mr, "author", "id"), gid("User", st.ada.ID)},
		{"approver", at(mr, "approvedBy", "nodes", 0, "username"), "bo"},
		{"a feature of Premium", at(mr, "changeRequesters"), nil},
		{"committer", at(mr, "committers", "nodes", 0, "username"), "ada"},
		{"newest commit first", at(mr, "commits", "nodes", 1, "sha"), head},
		{"notes", strings.Join(actions, " "), "<nil> approved commit requested_changes"},
		{"edited", at(notes[0], "lastEditedBy", "username"), "bo"},
		{"level by an invited group", at(notes[0], "maxAccessLevelOfAuthor"), "Developer"},
		{"level of an owner", at(notes[3], "maxAccessLevelOfAuthor"), "Owner"},
		{"pipeline", at(mr, "headPipeline", "status"), "PENDING"},
		{"jobs, retried ones too", at(mr, "headPipeline", "jobs", "count"), float64(2)},
		{"newest job first", at(mr, "headPipeline", "jobs", "nodes", 0, "detailedStatus", "label"), "waits for bo"},
		{"details", at(mr, "headPipeline", "jobs", "nodes", 0, "detailedStatus", "detailsPath"), "https://example.com/2"},
		{"retried", at(mr, "headPipeline", "jobs", "nodes", 1, "retried"), true},
		{"job by name", at(mr, "headPipeline", "job", "status"), "PENDING"},
		{"member", at(data, "group", "groupMembers", "nodes", 0, "user", "username"), "bo"},
		{"a user is no group", at(data, "user"), nil},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	log := st.Requests()
	if got := log[len(log)-1]; got.Route != "POST /graphql" || strings.Join(got.Operations, ",") != "query currentUser,query project,query group,query group" {
		t.Errorf("logged as %+v", got)
	}
}

// TestGitLabComplexity holds the documents of the adapter against GitLab's limits, by GitLab's own count.
func TestGitLabComplexity(t *testing.T) {
	t.Parallel()
	l := &lab{limit: labMaxComplexity}
	for _, tt := range []struct {
		name, query string
		vars        map[string]any
		want        int
	}{
		{"fields", `{currentUser{id username}}`, nil, 3},
		{"gitaly", `{project(fullPath:"a/b"){repository{rootRef}}}`, nil, 4},
		{"a tree's last commit", `{project(fullPath:"a/b"){repository{tree{lastCommit{sha}}}}}`, nil, 15},
		{"a connection of a resolver", `{group(fullPath:"a"){groupMembers(first:100){nodes{id}}}}`, nil, 7},
		{"its page is a hundred at most", `{group(fullPath:"a"){groupMembers(first:9000){nodes{id}}}}`, nil, 7},
		{"a small page", `{group(fullPath:"a"){groupMembers(first:10){nodes{id}}}}`, nil, 4},
		{"another connection", `{project(fullPath:"a/b"){mergeRequest(iid:"1"){approvedBy(first:100){nodes{id}}}}}`, nil, 5},
		{"a connection with a price", `{project(fullPath:"a/b"){mergeRequest(iid:"1"){committers{nodes{id}}}}}`, nil, 9},
		{"paths", `query($p:[String!]!){project(fullPath:"a/b"){repository{blobs(paths:$p,first:100){nodes{oid}}}}}`, map[string]any{"p": []any{"a", "b", "c"}}, 16},
		{"merged fields count once", `{currentUser{id} currentUser{id ...F}} fragment F on User{id name}`, nil, 3},
		{"skipped fields do not count", `query($y:Boolean!){currentUser{id name @skip(if:$y)}}`, map[string]any{"y": true}, 2},
	} {
		if _, errs := l.prepare(gql.Request{Query: tt.query, Variables: tt.vars}, labMaxDepth); len(errs) > 0 || l.score != tt.want {
			t.Errorf("%s: %d, want %d %v", tt.name, l.score, tt.want, errs)
		}
	}
	raw, err := os.ReadFile("../forge/gitlab/graphql/conversation.graphql")
	if err != nil {
		t.Fatal(err)
	}
	parts, err := os.ReadFile("../forge/gitlab/graphql/fragments.graphql")
	if err != nil {
		t.Fatal(err)
	}
	query := string(raw)
	for _, name := range []string{"Who", "Commits", "Notes"} {
		_, rest, _ := strings.Cut(string(parts), "fragment "+name+" on ")
		body, _, _ := strings.Cut(rest, "\n}")
		query += "\nfragment " + name + " on " + body + "\n}"
	}
	_, errs := l.prepare(gql.Request{Query: query, Variables: map[string]any{"project": labRepo, "iid": "1", "audit": "a", "gate": "lumos/gate"}}, labMaxDepth)
	for _, e := range errs {
		t.Errorf("the conversation: %s", e.Message)
	}
	t.Logf("the conversation has complexity %d of %d", l.score, labMaxComplexity)
}

func TestGitLabRefusals(t *testing.T) {
	t.Parallel()
	st := newLabStage(t)
	st.merge("b")
	reader, err := st.CreateToken("ada", "read_api")
	st.ok(err)
	git, err := st.CreateToken("ada", "read_repository")
	st.ok(err)
	const unavailable = "The resource that you are attempting to access does not exist or you don't have permission to perform this action"
	mr := at(st.clean(st.ada.Token, `{project(fullPath:"acme/lab/models"){mergeRequest(iid:"1"){id}}}`, nil), "project", "mergeRequest", "id")
	note := `mutation($id:NoteableID!){createNote(input:{noteableId:$id,body:"x"}){errors}}`
	for _, tt := range []struct {
		name, token, query string
		id                 any
		contains           string
	}{
		{"too complex", st.ada.Token, `{project(fullPath:"a/b"){` + labTrees(25) + `}}`, nil, "Query has complexity of 352, which exceeds max complexity of 250"},
		{"nobody gets less", "", `{project(fullPath:"a/b"){` + labTrees(15) + `}}`, nil, "which exceeds max complexity of 200"},
		{"too deep", st.ada.Token, "{group(fullPath:\"a\"){" + strings.Repeat("parent{", 19) + "id" + strings.Repeat("}", 19) + "}}", nil, "Query has depth of 21, which exceeds max depth of 20"},
		{"too long", st.ada.Token, "{currentUser{id}}" + strings.Repeat(" ", 10000), nil, "Query too large"},
		{"unknown field", st.ada.Token, `{currentUser{login}}`, nil, "login"},
		{"wrong kind", st.ada.Token, note, gid("User", 1), "does not represent an instance of Noteable"},
		{"no id", st.ada.Token, note, "12", "not a valid Global ID"},
		{"not there", st.ada.Token, note, gid("MergeRequest", 1), unavailable},
		{"not theirs", st.eve.Token, note, mr, unavailable},
		{"nobody's", "", note, mr, unavailable},
		{"a token that may only read", reader, note, mr, unavailable},
		{"bad cursor", st.ada.Token, `{project(fullPath:"acme/lab/models"){mergeRequests(after:"!"){count}}}`, nil, "valid cursor"},
		{"both ends", st.ada.Token, `{project(fullPath:"acme/lab/models"){mergeRequests(first:1,last:1){count}}}`, nil, "not both"},
	} {
		out := st.ask(tt.token, tt.query, map[string]any{"id": tt.id})
		if len(out.Errors) == 0 || !strings.Contains(out.Errors[0].Message, tt.contains) {
			t.Errorf("%s: %+v", tt.name, out)
		}
	}
	for name, token := range map[string]string{"no token": "guess", "a token for git": git} {
		if status, out := st.send(token, `{currentUser{id}}`, nil); status != http.StatusUnauthorized || len(out.Errors) != 1 {
			t.Errorf("%s: %d %+v", name, status, out)
		}
	}
	for name, token := range map[string]string{"a stranger": st.eve.Token, "nobody": ""} {
		if data := st.clean(token, `{project(fullPath:"acme/lab/models"){id} group(fullPath:"acme/lab"){id}}`, nil); at(data, "project") != nil || at(data, "group") != nil {
			t.Errorf("%s sees %v", name, data)
		}
	}
	if data := st.clean(reader, `{project(fullPath:"ACME/lab/models"){fullPath}}`, nil); at(data, "project", "fullPath") != labRepo {
		t.Errorf("a token that may read: %v", data)
	}
}

// labTrees asks for n trees' last commits.
func labTrees(n int) string {
	var b strings.Builder
	b.WriteString("repository{")
	for i := range n {
		fmt.Fprintf(&b, "t%d:tree(path:\"%d\"){lastCommit{sha shortId}} ", i, i)
	}
	return b.String() + "}"
}

func TestGitLabMutations(t *testing.T) {
	t.Parallel()
	st := newLabStage(t)
	n, _ := st.merge("b")
	got := at(st.clean(st.bot.Token, `{project(fullPath:"acme/lab/models"){mergeRequest(iid:"1"){id diffRefs{baseSha headSha startSha}}}}`, nil), "project", "mergeRequest")
	position := func(path string, newLine, oldLine any) map[string]any {
		p := maps.Clone(at(got, "diffRefs").(map[string]any))
		p["paths"] = map[string]any{"newPath": path, "oldPath": path}
		p["newLine"], p["oldLine"] = newLine, oldLine
		return p
	}
	open := func(body string, where map[string]any) any {
		return at(st.clean(st.bot.Token, `mutation($i:CreateDiffNoteInput!){createDiffNote(input:$i){errors note{id resolvable resolved position{newLine newPath} discussion{id}}}}`,
			map[string]any{"i": map[string]any{"noteableId": at(got, "id"), "body": body, "position": where}}), "createDiffNote")
	}
	data := st.clean(st.bot.Token, `mutation($a:CreateNoteInput!,$b:CreateNoteInput!){a:createNote(input:$a){errors clientMutationId note{id author{username}}} b:createNote(input:$b){errors note{id}}}`,
		map[string]any{"a": map[string]any{"noteableId": at(got, "id"), "body": "hello", "clientMutationId": "7"}, "b": map[string]any{"noteableId": at(got, "id"), "body": " "}})
	if at(data, "a", "note", "author", "username") != st.bot.Account.Login || at(data, "a", "clientMutationId") != "7" || at(data, "b", "note") != nil || at(data, "b", "errors", 0) != "Note can't be blank" {
		t.Fatalf("%v", data)
	}
	edit := `mutation($id:NoteID!,$body:String!){updateNote(input:{id:$id,body:$body}){errors note{body lastEditedBy{username}}}}`
	data = st.clean(st.bot.Token, edit, map[string]any{"id": at(data, "a", "note", "id"), "body": "changed"})
	if at(data, "updateNote", "note", "body") != "changed" || at(data, "updateNote", "note", "lastEditedBy", "username") != st.bot.Account.Login {
		t.Fatalf("%v", data)
	}
	id, err := st.As("bo").Comment(labRepo, n, "mine")
	st.ok(err)
	if out := st.ask(st.ada.Token, edit, map[string]any{"id": gid("Note", id), "body": "yours"}); len(out.Errors) != 1 || out.Errors[0].Message != errUnavailable.Error() {
		t.Errorf("a Developer edits another's note: %+v", out)
	}

	added := open("here", position("releases/b/1.yaml", 2, nil))
	if at(added, "note", "position", "newLine") != float64(2) || at(added, "note", "resolvable") != true || !strings.HasPrefix(at(added, "note", "id").(string), "gid://gitlab/DiffNote/") {
		t.Fatalf("%v", added)
	}
	for name, where := range map[string]map[string]any{"no such line": position("releases/b/1.yaml", 9, nil), "no such file": position("README.md", 1, nil),
		"an unchanged line by its new number alone": position("releases/a/1.yaml", 3, nil)} {
		if x := open("there", where); at(x, "note") != nil || at(x, "errors", 0) != "Line code can't be blank" || at(x, "errors", 1) != "Line code must be a valid line code" {
			t.Errorf("%s: %v", name, x)
		}
	}
	if x := open("there", position("releases/a/1.yaml", 3, 3)); at(x, "note") == nil {
		t.Errorf("an unchanged line: %v", x)
	}

	toggle := `mutation($id:DiscussionID!,$r:Boolean!){discussionToggleResolve(input:{id:$id,resolve:$r}){errors discussion{resolved resolvedBy{username} notes{nodes{body}}}}}`
	discussion := at(added, "note", "discussion", "id").(string)
	if out := st.ask(st.eve.Token, toggle, map[string]any{"id": discussion, "r": true}); len(out.Errors) != 1 {
		t.Errorf("a stranger resolves: %+v", out)
	}
	plain := strings.Replace(discussion, "DiffDiscussion", "Discussion", 1) // both are taken
	data = st.clean(st.bot.Token, toggle, map[string]any{"id": plain, "r": true})
	if at(data, "discussionToggleResolve", "discussion", "resolved") != true || at(data, "discussionToggleResolve", "discussion", "resolvedBy", "username") != st.bot.Account.Login {
		t.Errorf("%v", data)
	}
	if data = st.clean(st.ada.Token, toggle, map[string]any{"id": discussion, "r": false}); at(data, "discussionToggleResolve", "discussion", "resolved") != false {
		t.Errorf("the author opens it again: %v", data)
	}

	review := `mutation($i:MergeRequestSetReviewersInput!){mergeRequestSetReviewers(input:$i){errors mergeRequest{reviewers{nodes{username mergeRequestInteraction{reviewState}}}}}}`
	reviewers := func(mode string, names ...string) string {
		data := st.clean(st.bot.Token, review, map[string]any{"i": map[string]any{"projectPath": labRepo, "iid": fmt.Sprint(n), "operationMode": mode, "reviewerUsernames": names}})
		var out []string
		for _, x := range at(data, "mergeRequestSetReviewers", "mergeRequest", "reviewers", "nodes").([]any) {
			out = append(out, fmt.Sprintf("%v %v", at(x, "username"), at(x, "mergeRequestInteraction", "reviewState")))
		}
		slices.Sort(out)
		return strings.Join(out, ", ")
	}
	for _, tt := range []struct{ name, got, want string }{
		{"one", reviewers("APPEND", "bo"), "bo REVIEWED"},
		{"without a licence no second one", reviewers("APPEND", "dora"), "bo REVIEWED"},
		{"who may not see it spoils the list", reviewers("REPLACE", "eve"), "bo REVIEWED"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	st.ok(st.SetProject(labRepo, ProjectSettings{Licensed: true}))
	if got := reviewers("APPEND", "dora"); got != "bo REVIEWED, dora UNREVIEWED" {
		t.Errorf("with a licence: %q", got)
	}

	change := `mutation($i:MergeRequestRequestChangesInput!){mergeRequestRequestChanges(input:$i){errors mergeRequest{changeRequesters{nodes{username}} detailedMergeStatus}}}`
	where := map[string]any{"i": map[string]any{"projectPath": labRepo, "iid": fmt.Sprint(n)}}
	if data = st.clean(st.bo.Token, change, where); at(data, "mergeRequestRequestChanges", "mergeRequest", "changeRequesters", "nodes", 0, "username") != "bo" {
		t.Errorf("%v", data)
	}
	if data = st.clean(st.ada.Token, change, where); at(data, "mergeRequestRequestChanges", "errors", 0) != "Reviewer not found" {
		t.Errorf("who is no reviewer: %v", data)
	}
	draft := `mutation($d:Boolean!){mergeRequestSetDraft(input:{projectPath:"acme/lab/models",iid:"1",draft:$d}){errors mergeRequest{draft title}}}`
	if data = st.clean(st.ada.Token, draft, map[string]any{"d": true}); at(data, "mergeRequestSetDraft", "mergeRequest", "title") != "Draft: Release b" {
		t.Errorf("%v", data)
	}
	if data = st.clean(st.ada.Token, draft, map[string]any{"d": false}); at(data, "mergeRequestSetDraft", "mergeRequest", "draft") != false {
		t.Errorf("%v", data)
	}
	data = st.clean(st.ada.Token, `mutation{mergeRequestUpdate(input:{projectPath:"acme/lab/models",iid:"1",state:CLOSED,title:" "}){errors mergeRequest{state}}}`, nil)
	if at(data, "mergeRequestUpdate", "mergeRequest", "state") != "opened" {
		t.Errorf("%v", data)
	}
}
