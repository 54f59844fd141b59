package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

func TestVerifySignature(t *testing.T) {
	t.Parallel()
	body := []byte(`{"zen":"Keep it logically awesome."}`)
	sign := func(secret string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		return "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	for _, tc := range []struct {
		name, secret, header string
		body                 []byte
		ok                   bool
	}{
		{"right", "s3cret", sign("s3cret"), body, true},
		{"another secret", "s3cret", sign("other"), body, false},
		{"another body", "s3cret", sign("s3cret"), []byte("{}"), false},
		{"no header", "s3cret", "", body, false},
		{"no scheme", "s3cret", strings.TrimPrefix(sign("s3cret"), "sha256="), body, false},
		{"SHA-1", "s3cret", "sha1=" + strings.Repeat("a", 40), body, false},
		{"cut short", "s3cret", sign("s3cret")[:30], body, false},
		{"no hex", "s3cret", "sha256=zz", body, false},
		{"no secret, signed with none", "", sign(""), body, false},
	} {
		err := VerifySignature([]byte(tc.secret), tc.header, tc.body)
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: error %v", tc.name, err)
		}
		if err != nil && tc.secret != "" && strings.Contains(err.Error(), tc.secret) {
			t.Errorf("%s: the error shows the secret", tc.name)
		}
	}
}

// mentions stands for the grammar of commands.
func mentions(s string) bool { return strings.HasPrefix(s, "/lumos ") }

func TestParseHook(t *testing.T) {
	t.Parallel()
	const repo = `"installation":{"id":1},"repository":{"id":812,"name":"models","owner":{"login":"acme"},"html_url":"https://github.com/acme/models","default_branch":"main"}`
	models := forge.Repo{Host: "github.com", ID: 812, Owner: "acme", Name: "models"}
	pr := func(action, more string) string {
		return fmt.Sprintf(`{"action":%q,"pull_request":{"number":4,"head":{"sha":%q}},%s%s}`, action, sha1A, repo, more)
	}
	comment := func(action, body, kind, issue string) string {
		return fmt.Sprintf(`{"action":%q,"issue":{"number":4%s},"comment":{"body":%q},"sender":{"type":%q},%s}`, action, issue, body, kind, repo)
	}
	push := func(ref, more string) string { return fmt.Sprintf(`{"ref":%q,%s%s}`, ref, repo, more) }
	const onPull = `,"pull_request":{"url":"x"}`
	const rules = `,"commits":[{"modified":["README.md"]},{"removed":[".lumos/waivers/a.yaml"]}]`
	const plain = `,"commits":[{"modified":["releases/a/1.yaml"]}]`

	one := Wake{Repo: models, Numbers: []int{4}, HeadSHA: sha1A, Installation: 1}
	said := Wake{Repo: models, Numbers: []int{4}, Installation: 1}
	all := Wake{Repo: models, AllOpen: true, Installation: 1}
	everything := Wake{Everything: true, Installation: 1}
	none := Wake{}
	for _, tc := range []struct {
		name, event, body string
		want              Wake
	}{
		{"opened", "pull_request", pr("opened", ""), one},
		{"pushed to", "pull_request", pr("synchronize", ""), one},
		{"merged or closed", "pull_request", pr("closed", ""), one},
		{"another base", "pull_request", pr("edited", `,"changes":{"base":{"ref":{"from":"main"}}}`), one},
		{"another title", "pull_request", pr("edited", `,"changes":{"title":{"from":"x"}}`), none},
		{"labelled", "pull_request", pr("labeled", ""), none},
		{"asked, as by ourselves", "pull_request", pr("review_requested", ""), none},
		{"approved", "pull_request_review", pr("submitted", `,"review":{"state":"approved"}`), one},
		{"dismissed", "pull_request_review", pr("dismissed", `,"review":{"state":"dismissed"}`), one},
		{"remarked in passing", "pull_request_review", pr("submitted", `,"review":{"state":"commented"}`), none},
		{"review edited", "pull_request_review", pr("edited", `,"review":{"state":"approved"}`), none},
		{"line comment", "pull_request_review_comment", pr("created", ""), none},
		{"command", "issue_comment", comment("created", "/lumos approve", "User", onPull), said},
		{"talk", "issue_comment", comment("created", "nice work, /lumos", "User", onPull), none},
		{"command edited in", "issue_comment", comment("edited", "/lumos approve", "User", onPull), none},
		{"command deleted", "issue_comment", comment("deleted", "/lumos approve", "User", onPull), none},
		{"command by a bot, as by ourselves", "issue_comment", comment("created", "/lumos approve", "Bot", onPull), none},
		{"command on an issue", "issue_comment", comment("created", "/lumos approve", "User", ""), none},
		{"re-run", "check_run", fmt.Sprintf(`{"action":"rerequested","check_run":{"head_sha":%q,"pull_requests":[{"number":4}]},%s}`, sha1A, repo), one},
		{"re-run of a fork's", "check_run", fmt.Sprintf(`{"action":"rerequested","check_run":{"head_sha":%q,"pull_requests":[]},%s}`, sha1A, repo),
			Wake{Repo: models, AllOpen: true, HeadSHA: sha1A, Installation: 1}},
		{"check of another App", "check_run", `{"action":"completed","check_run":{"pull_requests":[{"number":4}]},` + repo + `}`, none},
		{"suite re-run", "check_suite", fmt.Sprintf(`{"action":"rerequested","check_suite":{"head_sha":%q,"pull_requests":[{"number":4}]},%s}`, sha1A, repo), one},
		{"suite of a push", "check_suite", `{"action":"requested","check_suite":{"pull_requests":[{"number":4}]},` + repo + `}`, none},
		{"status", "status", `{"state":"success",` + repo + `}`, none},
		{"rules pushed", "push", push("refs/heads/main", rules), all},
		{"owners pushed", "push", push("refs/heads/next", `,"commits":[{"added":["docs/CODEOWNERS"]}]`), all},
		{"files pushed", "push", push("refs/heads/main", plain), none},
		{"rules pushed as a tag", "push", push("refs/tags/v1", rules), none},
		{"audit branch pushed", "push", push("refs/heads/lumos/audit", rules), none},
		{"branch deleted", "push", push("refs/heads/main", rules+`,"deleted":true`), none},
		{"default branch rewritten", "push", push("refs/heads/main", plain+`,"forced":true`), all},
		{"feature branch rewritten", "push", push("refs/heads/fix", plain+`,"forced":true`), none},
		{"more commits than listed", "push", push("refs/heads/main", `,"commits":[`+strings.Repeat(`{},`, pushCommits-1)+`{}]`), all},
		{"installed", "installation", `{"action":"created","installation":{"id":1}}`, everything},
		{"removed", "installation", `{"action":"deleted","installation":{"id":1}}`, none},
		{"repository added", "installation_repositories", `{"action":"added","installation":{"id":1}}`, everything},
		{"member left a team", "membership", `{"action":"removed","scope":"team","installation":{"id":1}}`, everything},
		{"ping", "ping", `{"zen":"x"}`, none},
		{"unheard of", "sponsorship", `no JSON`, none},
	} {
		got, ok, err := ParseHook(tc.event, []byte(tc.body), mentions)
		if err != nil || ok != (tc.want.Installation != 0) {
			t.Errorf("%s: %v, error %v", tc.name, ok, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s:\n%s", tc.name, diff)
		}
	}
	for name, body := range map[string]string{
		"no JSON":       `{`,
		"no number":     `{"action":"opened",` + repo + `}`,
		"no repository": `{"action":"opened","pull_request":{"number":4}}`,
		"a bad name":    `{"action":"opened","pull_request":{"number":4},"repository":{"name":"../x","owner":{"login":"acme"}}}`,
		"a wrong kind":  `{"action":"opened","pull_request":{"number":"4"}}`,
	} {
		if got, ok, err := ParseHook("pull_request", []byte(body), mentions); err == nil || ok {
			t.Errorf("%s: %+v, %v, error %v", name, got, ok, err)
		}
	}
}

// TestRecordedHooks reads every payload that GitHub publishes as an example.
func TestRecordedHooks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(octokit(t), "webhooks-examples", "*", "index.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	woken := map[string]int{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var events []struct {
			Name     string            `json:"name"`
			Examples []json.RawMessage `json:"examples"`
		}
		if err := json.Unmarshal(data, &events); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			for i, body := range e.Examples {
				w, ok, err := ParseHook(e.Name, body, func(string) bool { return true })
				if err != nil {
					t.Errorf("%s: %s %d: %v", file, e.Name, i, err)
				}
				if ok {
					woken[e.Name]++
					if len(w.Numbers) == 0 && !w.AllOpen && !w.Everything {
						t.Errorf("%s: %s %d wakes nothing: %+v", file, e.Name, i, w)
					}
				}
			}
		}
	}
	for event := range interest {
		if woken[event] == 0 {
			t.Errorf("no example of %s wakes anything", event)
		}
	}
}

func FuzzParseHook(f *testing.F) {
	for event := range interest {
		f.Add(event, `{"action":"opened","pull_request":{"number":4},"repository":{"name":"models","owner":{"login":"acme"}}}`)
	}
	f.Add("push", `{"ref":"refs/heads/main","repository":{"name":"m","owner":{"login":"a"}},"commits":[{"added":["CODEOWNERS"]}]}`)
	f.Add("issue_comment", `{"action":"created","issue":{"number":1,"pull_request":{}},"comment":{"body":"/lumos help"}}`)
	f.Fuzz(func(t *testing.T, event, body string) {
		w, ok, err := ParseHook(event, []byte(body), mentions)
		switch {
		case err != nil && ok, !ok && (w.Repo != forge.Repo{} || len(w.Numbers) > 0 || w.AllOpen || w.Everything):
			t.Errorf("%+v with %v, %v", w, ok, err)
		case ok && !w.Everything && checkRepo(w.Repo.Owner, w.Repo.Name) != nil:
			t.Errorf("repository %+v", w.Repo)
		case ok && len(w.Numbers) == 0 && !w.AllOpen && !w.Everything:
			t.Errorf("wakes nothing: %+v", w)
		}
	})
}
