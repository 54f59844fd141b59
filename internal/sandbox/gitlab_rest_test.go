package sandbox

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestGitLabTokens(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	bot, err := st.CreateBot("acme", "Lumos", "maintainer", "api")
	st.ok(err)
	if !strings.HasPrefix(bot.Account.Login, "group_") || !strings.Contains(bot.Account.Login, "_bot_") {
		t.Errorf("bot: %s", bot.Account.Login)
	}
	reader, err := st.CreateBot(glRepoName, "Reader", "developer", "read_api")
	st.ok(err)
	coder, err := st.CreateToken("jonas", "read_repository")
	st.ok(err)
	old, err := st.CreateToken("jonas", "api")
	st.ok(err)
	st.ExpireToken(old, time.Now().Add(-time.Hour))
	_, err = st.CreateUser("eve", "Eve", "")
	st.ok(err)
	_, head := st.open("b")
	status := obj{"state": "success"}
	for name, tt := range map[string]struct {
		token, method, path string
		body                obj
		status              int
		contains            string
	}{
		"api reads":                {bot.Token, "GET", "{p}", nil, 200, "acme/models"},
		"api writes":               {bot.Token, "POST", "{p}/statuses/" + head, status, 201, ""},
		"read_api reads":           {reader.Token, "GET", "{p}", nil, 200, ""},
		"read_api does not write":  {reader.Token, "POST", "{p}/statuses/" + head, status, 403, "insufficient_scope"},
		"read_repository: code":    {coder, "GET", "{p}/repository/tree", nil, 200, ""},
		"read_repository: no more": {coder, "GET", "{p}", nil, 403, "insufficient_scope"},
		"unknown":                  {"glpat-x", "GET", "{p}", nil, 401, "401 Unauthorized"},
		"none":                     {"", "GET", "{p}", nil, 401, "401 Unauthorized"},
		"expired":                  {old, "GET", "{p}", nil, 401, "invalid_token"},
		"a stranger":               {st.account("eve").Token, "GET", "{p}", nil, 404, "404 Project Not Found"},
		"bot is one":               {bot.Token, "GET", "/user", nil, 200, "bot:true"},
		"by number":                {bot.Token, "GET", fmt.Sprintf("/projects/%d", st.repoByFull(glRepoName).ID), nil, 200, "acme/models"},
		"no such project":          {bot.Token, "GET", "/projects/acme%2Fnothing", nil, 404, "404 Project Not Found"},
		"no such route":            {bot.Token, "GET", "/nothing", nil, 404, "error:404 Not Found"},
		"a path that is not coded": {bot.Token, "GET", "/projects/acme/models", nil, 404, "error:404 Not Found"},
		"Developer: no protection": {st.jonas.Token, "GET", "{p}/protected_branches", nil, 403, "403 Forbidden"},
		"Maintainer: protection":   {bot.Token, "GET", "{p}/protected_branches", nil, 200, ""},
		"group of a stranger":      {st.account("eve").Token, "GET", "/groups/acme", nil, 404, "404 Group Not Found"},
		"subgroup":                 {st.jonas.Token, "GET", "/groups/acme", nil, 200, "full_path:acme"},
	} {
		t.Run(name, func(t *testing.T) {
			if out := st.want(tt.status, tt.token, tt.method, tt.path, tt.body); !strings.Contains(fmt.Sprint(out), tt.contains) {
				t.Errorf("%v, want %q", out, tt.contains)
			}
		})
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", st.APIURL()+"user", nil)
	st.ok(err)
	req.Header.Set("Authorization", "Bearer "+st.ben.Token)
	resp, err := http.DefaultClient.Do(req)
	st.ok(err)
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Ratelimit-Remaining") == "" {
		t.Errorf("bearer: %d %v", resp.StatusCode, resp.Header)
	}
	log := st.Requests()
	if last := log[len(log)-1]; last.Route != "GET /user" || last.Who != "ben" {
		t.Errorf("logged: %+v", last)
	}
}

func TestGitLabGitAccess(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	reader, err := st.CreateToken("jonas", "read_repository")
	st.ok(err)
	api, err := st.CreateToken("jonas", "read_api")
	st.ok(err)
	h := &stage{Sandbox: st.Sandbox, t: t}
	for name, tt := range map[string]struct {
		user, token string
		push        bool
		want        string // empty: it goes through
	}{
		"read":           {"oauth2", reader, false, ""},
		"any name":       {"whoever", reader, false, ""},
		"read, not push": {"oauth2", reader, true, "403"},
		"no git scope":   {"oauth2", api, false, "403"},
		"unknown":        {"oauth2", "glpat-x", false, "Authentication failed"},
		"push":           {"jonas", st.jonas.Token, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			url := strings.Replace(st.GitURL("acme", "models"), "http://", "http://"+tt.user+":"+tt.token+"@", 1)
			dir := t.TempDir()
			args := []string{"ls-remote", url}
			if tt.push {
				h.mustGit(dir, "clone", "-q", url, ".")
				args = []string{"push", url, "HEAD:refs/heads/by-" + tt.user}
			}
			out, err := h.git(dir, args...)
			if (err == nil) != (tt.want == "") || !strings.Contains(out, tt.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestGitLabNotes(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	n, head := st.open("b")
	path := fmt.Sprintf("{p}/merge_requests/%d", n)
	refs := st.want(200, st.ben.Token, "GET", path, nil).(obj)["diff_refs"].(obj)
	at := func(file string, lines obj) obj {
		p := obj{"position_type": "text", "base_sha": refs["base_sha"], "start_sha": refs["start_sha"], "head_sha": head, "old_path": file, "new_path": file}
		for k, v := range lines {
			p[k] = v
		}
		return obj{"body": "here", "position": p}
	}
	for name, tt := range map[string]struct {
		body     obj
		status   int
		contains string
	}{
		"added line":     {at("releases/b.yaml", obj{"new_line": 2}), 201, "type:DiffNote"},
		"beyond the end": {at("releases/b.yaml", obj{"new_line": 3}), 400, "must be a valid line code"},
		"old number":     {at("releases/b.yaml", obj{"old_line": 1, "new_line": 1}), 400, "must be a valid line code"},
		"another file":   {at("README.md", obj{"old_line": 1, "new_line": 1}), 400, "must be a valid line code"},
		"no line":        {at("releases/b.yaml", nil), 400, "must be a valid line code"},
		"another commit": {at("releases/b.yaml", obj{"new_line": 2, "head_sha": strings.Repeat("1", 40)}), 400, "is incomplete"},
		"no kind":        {at("releases/b.yaml", obj{"new_line": 2, "position_type": "line"}), 400, "does not have a valid value"},
		"blank":          {obj{"body": " "}, 400, "can't be blank"},
		"a thread":       {obj{"body": "why?"}, 201, "type:DiscussionNote"},
	} {
		t.Run(name, func(t *testing.T) {
			if out := st.want(tt.status, st.ben.Token, "POST", path+"/discussions", tt.body); !strings.Contains(fmt.Sprint(out), tt.contains) {
				t.Errorf("%v, want %q", out, tt.contains)
			}
		})
	}
	note := st.want(201, st.ben.Token, "POST", path+"/notes", obj{"body": "one"}).(obj)
	if note["resolvable"] != false || note["type"] != nil {
		t.Fatalf("note: %v", note)
	}
	one := fmt.Sprintf("%s/notes/%v", path, int64(note["id"].(float64)))
	st.want(403, st.jonas.Token, "PUT", one, obj{"body": "not mine"})
	st.want(200, st.emil.Token, "PUT", one, obj{"body": "a Maintainer may"})
	c := st.mr(n).comment(int64(note["id"].(float64)))
	if c.Editor.Login != "emil" || c.Edited.IsZero() {
		t.Errorf("editor: %+v", c)
	}
	st.want(403, st.jonas.Token, "DELETE", one, nil)
	st.want(204, st.ben.Token, "DELETE", one, nil)
	st.want(404, st.ben.Token, "GET", one, nil)
}

func TestGitLabPages(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	n, _ := st.open("b")
	for i := range 5 {
		_, err := st.As("ben").Comment(glRepoName, n, fmt.Sprint(i))
		st.ok(err)
	}
	_, out, h := st.call(st.ben.Token, "GET", fmt.Sprintf("{p}/merge_requests/%d/notes?per_page=2&page=2&sort=asc", n), nil)
	if len(out.([]any)) != 2 || out.([]any)[0].(obj)["body"] != "2" || h.Get("X-Page") != "2" || h.Get("X-Next-Page") != "3" || h.Get("X-Prev-Page") != "1" ||
		h.Get("X-Total") != "5" || h.Get("X-Total-Pages") != "3" || h.Get("X-Per-Page") != "2" || !strings.Contains(h.Get("Link"), `rel="next"`) {
		t.Errorf("%v\n%v", out, h)
	}
	st.want(400, st.ben.Token, "GET", "{p}/merge_requests?page=x", nil)
	if out := st.want(400, st.ben.Token, "GET", "{p}/merge_requests?state=open", nil); fmt.Sprint(out) != "map[error:state does not have a valid value]" {
		t.Errorf("%v", out)
	}
}

func TestGitLabRepository(t *testing.T) {
	t.Parallel()
	st := newGLStage(t)
	_, head := st.open("b")
	list := st.want(200, st.ben.Token, "GET", "{p}/repository/tree?recursive=true&per_page=100&ref="+head, nil).([]any)
	var paths []string
	for _, e := range list {
		paths = append(paths, e.(obj)["path"].(string))
	}
	if got := strings.Join(paths, " "); got != "releases releases/a README.md releases/a/1.yaml releases/b.yaml" {
		t.Errorf("tree: %s", got)
	}
	st.want(404, st.ben.Token, "GET", "{p}/repository/tree?path=nothing", nil)
	file := st.want(200, st.ben.Token, "GET", "{p}/repository/files/releases%2Fb.yaml?ref=b", nil).(obj)
	raw := st.want(200, st.ben.Token, "GET", fmt.Sprintf("{p}/repository/blobs/%s/raw", file["blob_id"]), nil)
	if raw != "name: b\nversion: 1\n" || file["last_commit_id"] != head {
		t.Errorf("file: %v %q", file, raw)
	}
	st.want(404, st.ben.Token, "GET", "{p}/repository/files/nothing?ref=b", nil)
	commit := obj{"branch": "c", "start_branch": "main", "commit_message": "many", "actions": []obj{
		{"action": "create", "file_path": "new/x", "content": "eA==", "encoding": "base64"}, {"action": "move", "file_path": "R.md", "previous_path": "README.md"},
		{"action": "delete", "file_path": "releases/a/1.yaml"}}}
	sha := st.want(201, st.jonas.Token, "POST", "{p}/repository/commits", commit).(obj)["id"].(string)
	diff := st.want(200, st.ben.Token, "GET", "{p}/repository/commits/"+sha+"/diff", nil).([]any)
	if len(diff) != 3 {
		t.Errorf("diff: %v", diff)
	}
	commit["branch"] = "main"
	delete(commit, "start_branch")
	st.want(403, st.jonas.Token, "POST", "{p}/repository/commits", commit)
	st.want(400, st.jonas.Token, "POST", "{p}/repository/commits", obj{"branch": "c", "commit_message": "x", "actions": []obj{{"action": "create", "file_path": "new/x"}}})
	events := st.want(200, st.ben.Token, "GET", "{p}/events?action=pushed", nil).([]any)
	if e := events[0].(obj); len(events) != 2 || e["author_username"] != "jonas" || e["push_data"].(obj)["commit_to"] != sha || e["push_data"].(obj)["ref"] != "c" {
		t.Errorf("events: %v", events)
	}
	cmp := st.want(200, st.ben.Token, "GET", "{p}/repository/compare?from=main&to=b", nil).(obj)
	if len(cmp["commits"].([]any)) != 1 || len(cmp["diffs"].([]any)) != 1 {
		t.Errorf("compare: %v", cmp)
	}
	st.want(404, st.jonas.Token, "DELETE", "{p}/repository/branches/c%2Fx", nil)
	st.want(405, st.emil.Token, "DELETE", "{p}/repository/branches/main", nil)
}

// TestPythonGitLab plays the life of a merge request with python-gitlab, unmodified.
func TestPythonGitLab(t *testing.T) {
	t.Parallel()
	python := os.Getenv("LUMOS_PYTHON_GITLAB")
	if python == "" {
		t.Skip("LUMOS_PYTHON_GITLAB names no python that can import gitlab")
	}
	st := newGLStage(t)
	out, err := exec.CommandContext(t.Context(), python, "testdata/python_gitlab.py", st.URL(), st.jonas.Token, st.ben.Token, st.emil.Token).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "all is well") {
		t.Errorf("the script ended early:\n%s", out)
	}
}

func FuzzGitLabParams(f *testing.F) {
	for _, seed := range []string{`{"title": "x", "ids": "1,2", "n": 3}`, `{"title": 1.5, "ids": [1, "2"]}`, `{"flag": "true", "o": {}}`, `[]`, `{`, `{"n": 1e99}`, `{"title": null}`} {
		f.Add(seed, "title=y&ids[]=4")
	}
	f.Fuzz(func(t *testing.T, body, query string) {
		req, err := http.NewRequest(http.MethodPost, "http://h/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.RawQuery = query
		req.Header.Set("Content-Type", "application/json")
		c := &glCall{req: req}
		if err := c.readParams("title! n:int flag:bool ids:ints names:list o:object kind:a|b", []byte(body)); err != nil {
			return
		}
		if k := c.text("kind"); k != "" && k != "a" && k != "b" {
			t.Errorf("kind %q was taken", k)
		}
		if !c.has("title") {
			t.Error("a missing title was taken")
		}
	})
}

func FuzzGitLabLines(f *testing.F) {
	f.Add("@@ -1,2 +1,3 @@\n a\n+b\n-c\n d\n", 1, 1)
	f.Add("@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n", 0, 1)
	f.Add("@@ -999999999999999999999 +1 @@\n+", 0, 1)
	f.Fuzz(func(t *testing.T, patch string, before, after int) {
		if hasLine(patch, before, after) && before <= 0 && after <= 0 {
			t.Errorf("line %d/%d is in %q", before, after, patch)
		}
	})
}
