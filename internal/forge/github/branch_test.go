package github

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

func TestBranchTip(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	b := app.Branch(app, models, forge.AuditBranch)
	h.answers(`{"data":{"repository":{"ref":{"target":{"oid":"`+sha1A+`"}}}}}`, `{"data":{"repository":{"ref":null}}}`,
		`{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"message":"gone"}]}`)
	if tip, err := b.Tip(t.Context()); err != nil || tip != sha1A {
		t.Errorf("%q, %v", tip, err)
	}
	if tip, err := b.Tip(t.Context()); err != nil || tip != "" {
		t.Errorf("no branch: %q, %v", tip, err)
	}
	if _, err := b.Tip(t.Context()); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("no repository: %v", err)
	}
	if got := h.graphql[0].Variables["ref"]; got != "refs/heads/lumos/audit" {
		t.Errorf("ref %v", got)
	}
}

func TestBranchCommit(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	b := app.Branch(app, models, forge.AuditBranch)
	h.answers(`{"data":{"createCommitOnBranch":{"commit":{"oid":"`+sha1B+`"}}}}`,
		`{"data":{"createCommitOnBranch":null},"errors":[{"type":"STALE_DATA","path":["createCommitOnBranch"],"message":"Expected branch to point to \"a\" but it did not. Pull and try again."}]}`,
		`{"data":{"createCommitOnBranch":null},"errors":[{"message":"Expected branch to point to \"a\" but it did not."}]}`,
		`{"data":{"createCommitOnBranch":null},"errors":[{"type":"FORBIDDEN","path":["createCommitOnBranch"],"message":"no"}]}`,
		`{"data":{"createCommitOnBranch":null}}`)
	commit := func() (string, error) {
		return b.Commit(t.Context(), sha1A, map[string][]byte{"log/b": {0xff}, "checkpoint": []byte("hello")}, "subject", "body")
	}
	if sha, err := commit(); err != nil || sha != sha1B {
		t.Errorf("%q, %v", sha, err)
	}
	want := object{"input": object{
		"branch":          object{"repositoryNameWithOwner": "acme/models", "branchName": "lumos/audit"},
		"expectedHeadOid": sha1A,
		"message":         object{"headline": "subject", "body": "body"},
		"fileChanges": object{"additions": []any{
			object{"path": "checkpoint", "contents": "aGVsbG8="}, object{"path": "log/b", "contents": "/w=="}}},
	}}
	if diff := cmp.Diff(want, h.graphql[0].Variables); diff != "" {
		t.Error(diff)
	}
	for _, want := range []error{forge.ErrHeadMoved, forge.ErrHeadMoved, forge.ErrForbidden, errAny} {
		if _, err := commit(); err == nil || want != errAny && !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}

func TestBranchBirth(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	b := app.Branch(app, models, forge.AuditBranch)
	read := func(r *http.Request) object {
		var out object
		if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
			t.Error(err)
		}
		return out
	}
	there := false
	h.HandleFunc("POST /repos/acme/models/git/trees", func(w http.ResponseWriter, r *http.Request) {
		want := object{"tree": []any{
			object{"path": "README.md", "mode": "100644", "type": "blob", "content": "hello"},
			object{"path": "log/x", "mode": "100644", "type": "blob", "content": "{}"}}}
		if diff := cmp.Diff(want, read(r)); diff != "" {
			t.Error(diff)
		}
		w.WriteHeader(http.StatusCreated)
		reply(w, `{"sha":"`+sha1A+`"}`)
	})
	h.HandleFunc("POST /repos/acme/models/git/commits", func(w http.ResponseWriter, r *http.Request) {
		want := object{"tree": sha1A, "message": "subject\n\nbody"} // no parents, and no author: GitHub signs
		if diff := cmp.Diff(want, read(r)); diff != "" {
			t.Error(diff)
		}
		w.WriteHeader(http.StatusCreated)
		reply(w, `{"sha":"`+sha1B+`"}`)
	})
	h.HandleFunc("POST /repos/acme/models/git/refs", func(w http.ResponseWriter, r *http.Request) {
		if there {
			w.WriteHeader(http.StatusUnprocessableEntity)
			reply(w, `{"message":"Reference already exists"}`)
			return
		}
		there = true
		if diff := cmp.Diff(object{"ref": "refs/heads/lumos/audit", "sha": sha1B}, read(r)); diff != "" {
			t.Error(diff)
		}
		w.WriteHeader(http.StatusCreated)
		reply(w, `{"ref":"refs/heads/lumos/audit"}`)
	})
	files := map[string][]byte{"log/x": []byte("{}"), "README.md": []byte("hello")}
	if sha, err := b.Commit(t.Context(), "", files, "subject", "body"); err != nil || sha != sha1B {
		t.Errorf("%q, %v", sha, err)
	}
	if _, err := b.Commit(t.Context(), "", files, "subject", "body"); !errors.Is(err, forge.ErrHeadMoved) {
		t.Errorf("born twice: error %v", err)
	}
	if _, err := b.Commit(t.Context(), "", map[string][]byte{"x": {0xff}}, "s", ""); err == nil {
		t.Error("bytes that are no text were taken")
	}
}

func TestBranchRead(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	b := app.Branch(app, models, forge.AuditBranch)
	h.HandleFunc("GET /repos/acme/models/git/blobs/{sha}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello\n")) })
	h.answers(`{"data":{"repository":{"object":{"oid":"`+sha1A+`","f0":{"mode":33188,"oid":"ce013625030ba8dba906f756967f9e9ca394464a"},"f1":null}}}}`,
		`{"data":{"repository":{"object":{"oid":"`+sha1A+`","f0":{"mode":40960,"oid":"ce013625030ba8dba906f756967f9e9ca394464a"}}}}}`)
	got, err := b.Read(t.Context(), sha1A, []string{"checkpoint", "absent"})
	if diff := cmp.Diff(map[string][]byte{"checkpoint": []byte("hello\n")}, got); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	if _, err := b.Read(t.Context(), sha1A, []string{"checkpoint"}); err == nil {
		t.Error("a link was read as a file")
	}
}
