package sandbox

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; the bot uses it still

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
	"github.com/xanzy/go-gitlab"
)

func TestSuggestionBlocks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body           string
		github, gitlab []string
	}{
		"none":                {"words\n", nil, nil},
		"one":                 {"words\n\n```suggestion\na: b\n```\nmore\n", []string{"a: b\n"}, []string{"a: b\n"}},
		"GitLab's words":      {"```suggestion:-0+0\na: b\n```\n", nil, []string{"a: b\n"}},
		"more lines":          {"```suggestion:-1+0\na: b\n```\n", nil, nil},
		"a longer fence":      {"````suggestion\na: ```\n```\n````\n", []string{"a: ```\n```\n"}, []string{"a: ```\n```\n"}},
		"within another":      {"~~~\n```suggestion\na\n```\n~~~\n", nil, nil},
		"nothing":             {"```suggestion\n```\n", []string{""}, []string{""}},
		"not closed":          {"```suggestion\na\n", []string{"a\n"}, []string{"a\n"}},
		"two":                 {"```suggestion\na\n```\n```suggestion\nb\n```\n", []string{"a\n", "b\n"}, []string{"a\n", "b\n"}},
		"no fence, but ticks": {"``` suggestion `` a\n", nil, nil},
	} {
		if got := GitHub.suggestions(tc.body); !slices.Equal(got, tc.github) {
			t.Errorf("%s on GitHub: %q, want %q", name, got, tc.github)
		}
		if got := GitLab.suggestions(tc.body); !slices.Equal(got, tc.gitlab) {
			t.Errorf("%s on GitLab: %q, want %q", name, got, tc.gitlab)
		}
	}
	if got := withoutSuggestions("one\n````suggestion\n```\n````\n```yaml\ntwo\n```\n"); got != "one\n```yaml\ntwo\n```\n" {
		t.Errorf("without suggestions: %q", got)
	}
}

func FuzzSuggestions(f *testing.F) {
	f.Add("words\n````suggestion:-0+0\na: ```\n````\n~~~\n")
	f.Fuzz(func(t *testing.T, body string) {
		_ = GitHub.suggestions(body)
		if rest := withoutSuggestions(body); len(rest) > len(body) {
			t.Errorf("%q without suggestions is %q", body, rest)
		}
		for _, s := range GitLab.suggestions(body) {
			if s != "" && !strings.HasSuffix(s, "\n") {
				t.Errorf("%q suggests %q, which is no line", body, s)
			}
		}
	})
}

// TestReviewThreads goes through the life of a thread on a line on GitHub, and that of its suggestion.
func TestReviewThreads(t *testing.T) {
	t.Parallel()
	hooks := newReceiver(t, "hush")
	st := newStage(t, Options{}, hooks.URL)
	st.subscribe("pull_request_review_comment", "pull_request_review_thread")
	ctx := t.Context()
	const path = "releases/b.yaml"
	head, err := st.As("ada").Commit(repoName, "b", "add", map[string][]byte{path: []byte("name: b\ntier: low # why\nmore: lines\n"), "README.md": []byte("models\nmore\n")})
	st.ok(err)
	n, err := st.As("ada").Open(repoName, "Release b", "", "b", "main", false)
	st.ok(err)
	review := func(c *github.Client, threads ...*github.DraftReviewComment) error {
		_, _, err := c.PullRequests.CreateReview(ctx, "acme", "models", n, &github.PullRequestReviewRequest{Event: github.String("COMMENT"), Comments: threads})
		return err
	}
	thread := func(path string, line int, body string) *github.DraftReviewComment {
		return &github.DraftReviewComment{Path: &path, Line: &line, Side: github.String("RIGHT"), Body: &body}
	}
	const high = "It is **high**\n\n```suggestion\ntier: high # why\n```\n"
	st.status(http.StatusUnprocessableEntity, review(st.app), "blank")
	st.status(http.StatusUnprocessableEntity, review(st.app, thread(path, 2, high), thread(path, 9, "x")), "line must be part of the diff")
	st.status(http.StatusUnprocessableEntity, review(st.app, thread("other", 1, "x")), "path is invalid")
	st.status(http.StatusUnprocessableEntity, review(st.app, thread(path, 1, " ")), "blank")
	list, err := st.Threads(repoName, n)
	st.ok(err)
	if len(list) != 0 {
		t.Fatalf("a review that is refused left %+v", list)
	}
	st.ok(review(st.app, thread(path, 2, high), thread(path, 3, "```suggestion\nmore: lines\n```"), thread("README.md", 2, "no suggestion")))
	list, err = st.Threads(repoName, n)
	st.ok(err)
	if len(list) != 3 || list[0].Line != 2 || list[0].Suggestion != "tier: high # why\n" || list[0].Refused != "" || list[1].Refused == "" || list[2].Suggests {
		t.Fatalf("threads %+v", list)
	}
	comments, _, err := st.adaClient.PullRequests.ListComments(ctx, "acme", "models", n, nil)
	st.ok(err)
	if len(comments) != 3 || comments[0].GetLine() != 2 || comments[0].GetUser().GetLogin() != "lumos[bot]" || !strings.HasSuffix(comments[0].GetDiffHunk(), "+tier: low # why") {
		t.Errorf("comments %+v", comments)
	}

	// The page shows it, to whom may push with a button.
	v := st.visitor("ada")
	at := "/acme/models/pull/1"
	page := v.get(at, http.StatusOK)
	st.has(page, "Suggested change", "tier: low # why", "tier: high # why", "Apply suggestion", "It is **high**")
	if strings.Contains(page, "```suggestion") {
		t.Error("the page shows the block as it was written")
	}
	_, err = st.CreateUser("eve", "Eve", "eve@example.com")
	st.ok(err)
	st.ok(st.Grant("eve", repoName, "read"))
	_, err = st.As("eve").ApplySuggestion(repoName, n, list[0].ID)
	st.status(http.StatusForbidden, err, "push access")
	_, err = st.As("ada").ApplySuggestion(repoName, n, list[1].ID)
	st.status(http.StatusUnprocessableEntity, err, "no changes were made")
	_, err = st.As("ada").ApplySuggestion(repoName, n, "PRRT_x")
	st.status(http.StatusNotFound, err, "")

	// A push above it moves the line; the suggestion is committed by whoever applies it.
	_, err = st.As("ada").Commit(repoName, "b", "a line above", map[string][]byte{path: []byte("# new\nname: b\ntier: low # why\nmore: lines\n")})
	st.ok(err)
	if list, _ = st.Threads(repoName, n); list[0].Line != 3 || list[0].Refused != "" {
		t.Errorf("after a push above it: %+v", list[0])
	}
	st.has(v.post(at+"/suggestion", http.StatusOK, url.Values{"thread": {list[0].ID}}), "resolved by ada", "has been applied or marked resolved")
	pr, err := st.Pull(repoName, n, "ada")
	st.ok(err)
	if data, err := st.File(repoName, pr.HeadSHA, path); err != nil || string(data) != "# new\nname: b\ntier: high # why\nmore: lines\n" {
		t.Errorf("the file is %q, %v", data, err)
	}
	commit, _, err := st.adaClient.Repositories.GetCommit(ctx, "acme", "models", pr.HeadSHA, nil)
	st.ok(err)
	if commit.GetAuthor().GetLogin() != "ada" || !commit.GetCommit().GetVerification().GetVerified() ||
		!strings.HasPrefix(commit.GetCommit().GetMessage(), "Update "+path+"\n\nCo-authored-by: lumos[bot] <") {
		t.Errorf("commit by %s: %q", commit.GetAuthor().GetLogin(), commit.GetCommit().GetMessage())
	}
	list, err = st.Threads(repoName, n)
	st.ok(err)
	if !list[0].Resolved || list[0].ResolvedBy != "ada" || list[0].Line != 0 {
		t.Errorf("the thread afterwards: %+v", list[0])
	}
	_, err = st.As("ada").ApplySuggestion(repoName, n, list[0].ID)
	st.status(http.StatusUnprocessableEntity, err, "")

	// Outdated, and closed.
	st.ok(review(st.app, thread("README.md", 2, "```suggestion\nless\n```")))
	list, err = st.Threads(repoName, n)
	st.ok(err)
	last := list[len(list)-1].ID
	st.ok(st.As("ada").SetState(repoName, n, "closed"))
	_, err = st.As("ada").ApplySuggestion(repoName, n, last)
	st.status(http.StatusUnprocessableEntity, err, "closed")
	st.ok(st.As("ada").SetState(repoName, n, "open"))
	_, err = st.As("ada").Commit(repoName, "b", "another", map[string][]byte{"README.md": []byte("models\nother\n")})
	st.ok(err)
	_, err = st.As("ada").ApplySuggestion(repoName, n, last)
	st.status(http.StatusUnprocessableEntity, err, "Outdated")
	v.post(at+"/thread", http.StatusOK, url.Values{"thread": {last}, "do": {"reply"}, "body": {"I see"}})
	st.has(v.post(at+"/thread", http.StatusOK, url.Values{"thread": {last}, "do": {"resolve"}}), "outdated", "I see")
	v.post(at+"/thread", http.StatusOK, url.Values{"thread": {last}, "do": {"reopen"}})
	if head == pr.HeadSHA {
		t.Error("nothing was pushed")
	}

	st.ok(st.WaitIdle(ctx))
	st.describedHooks()
	var told []string
	for _, d := range st.Deliveries(st.lumos.AppID) {
		if strings.HasPrefix(d.Event, "pull_request_review") {
			told = append(told, strings.TrimPrefix(d.Event, "pull_request_review")+"."+d.Action)
		}
	}
	if got, want := strings.Join(told, " "), ".submitted _comment.created _comment.created _comment.created _thread.resolved .submitted _comment.created .submitted _thread.resolved _thread.unresolved"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestThreadsTakeContents: an App resolves threads only with the right to write contents.
func TestThreadsTakeContents(t *testing.T) {
	t.Parallel()
	st := newStage(t, Options{}, "")
	n, _ := st.pull("b")
	_, _, err := st.adaClient.PullRequests.CreateReview(t.Context(), "acme", "models", n, &github.PullRequestReviewRequest{Event: github.String("COMMENT"),
		Comments: []*github.DraftReviewComment{{Path: github.String("releases/b.yaml"), Line: github.Int(1), Body: github.String("x")}}})
	st.ok(err)
	list, err := st.Threads(repoName, n)
	st.ok(err)
	for permissions, want := range map[string]string{"pull_requests": "FORBIDDEN", "contents": ""} {
		in, err := st.InstallApp(App{Slug: "with-" + strings.ReplaceAll(permissions, "_", "-"), Permissions: map[string]string{permissions: "write", "pull_requests": "write"}, Repos: []string{repoName}})
		st.ok(err)
		answer := st.graphql(in, `mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved isOutdated line originalLine resolvedBy { login } comments(first: 1) { nodes { body line outdated path diffHunk } } } } }`, map[string]any{"id": list[0].ID})
		got, err := json.Marshal(answer)
		st.ok(err)
		if want == "" && !strings.Contains(string(got), `"isResolved":true`) || want == "" && !strings.Contains(string(got), `"line":1,"originalLine":1`) || !strings.Contains(string(got), want) {
			t.Errorf("with %s: %s", permissions, got)
		}
	}
}

func TestGitLabSuggestions(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	bot, err := st.CreateBot("acme", "lumos", "maintainer", "api")
	st.ok(err)
	c, err := gitlab.NewClient(bot.Token, gitlab.WithBaseURL(st.APIURL()), gitlab.WithCustomRetryMax(0))
	st.ok(err)
	n, _ := st.open("b")
	const path = "releases/b.yaml"
	open := func(line int, body string) (discussion string) {
		t.Helper()
		mr, _, err := c.MergeRequests.GetMergeRequest(glRepoName, n, nil)
		st.ok(err)
		d, _, err := c.Discussions.CreateMergeRequestDiscussion(glRepoName, n, &gitlab.CreateMergeRequestDiscussionOptions{Body: &body, Position: &gitlab.PositionOptions{
			BaseSHA: &mr.DiffRefs.BaseSha, HeadSHA: &mr.DiffRefs.HeadSha, StartSHA: &mr.DiffRefs.StartSha, PositionType: gitlab.Ptr("text"), NewPath: gitlab.Ptr(path), OldPath: gitlab.Ptr(path), NewLine: &line}})
		st.ok(err)
		return d.ID
	}
	id := open(2, "Two\n\n```suggestion:-0+0\nversion: 2\n```\n")
	open(1, "```suggestion:-0+0\nname: b\n```")
	open(1, "```suggestion:-0+0\nname: c\n```")
	list, err := st.Threads(glRepoName, n)
	st.ok(err)
	if len(list) != 3 || list[0].Refused != "" || list[0].Suggestion != "version: 2\n" || !strings.Contains(list[1].Refused, "already matches") || list[0].ID != id {
		t.Fatalf("threads %+v", list)
	}
	page := &stage{Sandbox: st.Sandbox, t: t}
	v := page.visitor("jonas")
	at := "/" + glRepoName + "/-/merge_requests/1"
	page.has(v.get(at, http.StatusOK), "Suggested change", "version: 1", "version: 2", "Apply suggestion")
	page.has(v.post(at+"/suggestion", http.StatusOK, url.Values{"thread": {id}}), "resolved by jonas")
	mr, err := st.Pull(glRepoName, n, "jonas")
	st.ok(err)
	if data, err := st.File(glRepoName, mr.HeadSHA, path); err != nil || string(data) != "name: b\nversion: 2\n" {
		t.Errorf("the file is %q, %v", data, err)
	}
	commit, _, err := c.Commits.GetCommit(glRepoName, mr.HeadSHA, nil)
	st.ok(err)
	if commit.AuthorName != "lumos" || commit.CommitterName != "Jonas" || !strings.HasPrefix(commit.Message, "Apply 1 suggestion(s) to 1 file(s)\n\nCo-authored-by: lumos <") {
		t.Errorf("commit %+v", commit)
	}

	// By the interface: the thread stays as it is. Who may not push is refused, and what is applied already.
	apply := func(token string, suggestion int64) error {
		as, err := gitlab.NewClient(token, gitlab.WithBaseURL(st.APIURL()), gitlab.WithCustomRetryMax(0))
		st.ok(err)
		req, err := as.NewRequest(http.MethodPut, "suggestions/"+itoa(suggestion)+"/apply", nil, nil)
		st.ok(err)
		_, err = as.Do(req, nil)
		return err
	}
	st.mu.Lock()
	var numbers []int64
	for _, note := range st.repoByFull(glRepoName).pulls[n].Comments {
		for _, x := range note.Suggestions {
			numbers = append(numbers, x.ID)
		}
	}
	st.mu.Unlock()
	for _, tc := range []struct {
		token string
		id    int64
		want  string
	}{
		{st.jonas.Token, numbers[0], "400"}, {st.jonas.Token, numbers[1], "already matches"}, {st.jonas.Token, 1, "404"}, {st.jonas.Token, numbers[2], ""},
	} {
		if err := apply(tc.token, tc.id); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("suggestion %d: %v, want %q", tc.id, err, tc.want)
		}
	}
	list, err = st.Threads(glRepoName, n)
	st.ok(err)
	if list[2].Resolved || list[2].Refused == "" {
		t.Errorf("after the interface: %+v", list[2])
	}
}
