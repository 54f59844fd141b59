package github

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

func file1(name, status, head, more string) string {
	return fmt.Sprintf(`{"filename":%q,"status":%q,"sha":%q,"contents_url":"https://api.github.com/repos/acme/models/contents/x?ref=%s"%s}`, name, status, sha1C, head, more)
}

func TestChanges(t *testing.T) {
	t.Parallel()
	page := func(n int, head string) string {
		files := make([]string, n)
		for i := range files {
			files[i] = file1(fmt.Sprintf("f%d", i), "added", head, "")
		}
		return "[" + strings.Join(files, ",") + "]"
	}
	for _, tc := range []struct {
		name  string
		pages []string
		want  *forge.Changes
		count int
		err   error
	}{
		{"every status", []string{"[" + strings.Join([]string{
			file1("a", "added", sha1A, ""), file1("m", "modified", sha1A, ""), file1("c", "changed", sha1A, ""),
			file1("r", "removed", sha1B, ""), file1("n", "renamed", sha1A, `,"previous_filename":"old"`), file1("k", "copied", sha1A, `,"previous_filename":"src"`),
		}, ",") + "]"}, &forge.Changes{HeadSHA: sha1A, Files: []forge.File{
			{Path: "a", Status: forge.Added, Blob: sha1C}, {Path: "m", Status: forge.Modified, Blob: sha1C}, {Path: "c", Status: forge.Modified, Blob: sha1C},
			{Path: "r", Status: forge.Removed, Blob: sha1C}, {Path: "n", Previous: "old", Status: forge.Renamed, Blob: sha1C},
			{Path: "k", Previous: "src", Status: forge.Copied, Blob: sha1C},
		}}, 0, nil},
		{"what the diffs show", []string{"[" + strings.Join([]string{
			file1("a", "added", sha1A, `,"patch":"@@ -0,0 +1,3 @@\n+a\n+b\n+c"`),
			file1("m", "modified", sha1A, `,"patch":"@@ -1,4 +1,5 @@ name\n a\n+@@ -9 +9 @@\n b\n c\n d\n@@ -20 +21 @@\n-x\n+y\n@@ -30,2 +31,0 @@\n-x\n-y"`),
			file1("r", "removed", sha1B, `,"patch":"@@ -1 +0,0 @@\n-x"`),
		}, ",") + "]"}, &forge.Changes{HeadSHA: sha1A, Files: []forge.File{
			{Path: "a", Status: forge.Added, Blob: sha1C},
			{Path: "m", Status: forge.Modified, Blob: sha1C, Shown: []forge.Lines{{From: 1, To: 5}, {From: 21, To: 21}}},
			{Path: "r", Status: forge.Removed, Blob: sha1C},
		}}, 0, nil},
		{"nothing", []string{"[]"}, &forge.Changes{}, 0, nil},
		{"three pages", []string{page(100, sha1A), page(100, sha1A), page(7, sha1A)}, nil, 207, nil},
		{"pushed between pages", []string{page(100, sha1A), page(1, sha1B)}, nil, 0, forge.ErrHeadMoved},
		{"as many as GitHub lists", slices.Repeat([]string{page(100, sha1A)}, 31), nil, 0, forge.ErrTooLarge},
		{"a status from the future", []string{"[" + file1("a", "moved", sha1A, "") + "]"}, nil, 0, errAny},
		{"no commit in the link", []string{"[" + file1("a", "added", "main", "") + "]"}, nil, 0, errAny},
		{"only removals", []string{"[" + file1("a", "removed", sha1B, "") + "]"},
			&forge.Changes{HeadSHA: sha1A, Files: []forge.File{{Path: "a", Status: forge.Removed, Blob: sha1C}}}, 0, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, app := newHost(t)
			h.HandleFunc("GET /repos/acme/models/pulls/4", func(w http.ResponseWriter, _ *http.Request) { reply(w, `{"head":{"sha":"`+sha1A+`"}}`) })
			h.HandleFunc("GET /repos/acme/models/pulls/4/files", func(w http.ResponseWriter, r *http.Request) {
				n := 1
				if p := r.URL.Query().Get("page"); p != "" {
					fmt.Sscan(p, &n)
				}
				if r.URL.Query().Get("per_page") != "100" {
					t.Errorf("query %q", r.URL.RawQuery)
				}
				if n < len(tc.pages) {
					w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=%d&per_page=100>; rel="next"`, h.url, r.URL.Path, n+1))
				}
				reply(w, tc.pages[n-1])
			})
			got, err := app.Changes(t.Context(), pull4)
			if tc.err != nil {
				if err == nil || tc.err != errAny && !errors.Is(err, tc.err) {
					t.Fatalf("error %v, want %v", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != nil {
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			} else if len(got.Files) != tc.count {
				t.Errorf("%d files, want %d", len(got.Files), tc.count)
			}
		})
	}
}

// errAny stands for an error of no kind in particular.
var errAny = errors.New("any error")

func TestPushes(t *testing.T) {
	t.Parallel()
	act := func(kind, after, actor string) string {
		return fmt.Sprintf(`{"activity_type":%q,"after":%q,"actor":%s}`, kind, after, actor)
	}
	const ann, bot = `{"id":1,"login":"ann","type":"User"}`, `{"id":5,"login":"robot[bot]","type":"Bot"}`
	h, app := newHost(t)
	h.HandleFunc("GET /repos/acme/models/activity", func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("ref") != "refs/heads/fix/a&b" || q.Get("per_page") != "100" {
			t.Errorf("query %q", r.URL.RawQuery)
		}
		if r.URL.Query().Get("after") == "" {
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?after=next%%3D&ref=x>; rel="next"`, h.url, r.URL.Path))
			reply(w, "["+act("push", sha1A, ann)+","+act("force_push", sha1B, "null")+"]")
			return
		}
		reply(w, "["+act("branch_deletion", strings.Repeat("0", 40), ann)+","+act("branch_creation", sha1C, bot)+"]")
	})
	got, err := app.Pushes(t.Context(), forge.Branch{Ref: "fix/a&b", SHA: sha1A}, models)
	want := []forge.Push{
		{After: sha1A, Actor: forge.Account{ID: 1, Login: "ann", Kind: forge.User}},
		{After: sha1B, Actor: forge.Account{Kind: forge.Unknown}},
		{After: sha1C, Actor: forge.Account{ID: 5, Login: "robot[bot]", Kind: forge.Bot}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
}

func TestPushesUnseen(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.HandleFunc("GET /repos/ann/models/activity", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		reply(w, `{"message":"Resource not accessible by integration"}`)
	})
	h.HandleFunc("GET /repos/acme/models/activity", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?after=more>; rel="next"`, h.url, r.URL.Path))
		reply(w, `[]`)
	})
	for _, tc := range []struct {
		name string
		head forge.Branch
		want error
	}{
		{"a fork that is not ours to see", forge.Branch{Ref: "b", Fork: true, Repo: "ann/models"}, forge.ErrForbidden},
		{"a fork that is gone", forge.Branch{Ref: "b", Fork: true}, forge.ErrNotFound},
		{"a list without an end", forge.Branch{Ref: "b"}, forge.ErrTooLarge},
		{"a name that is none", forge.Branch{Ref: "b", Fork: true, Repo: "ann/.."}, errAny},
	} {
		if _, err := app.Pushes(t.Context(), tc.head, models); err == nil || tc.want != errAny && !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestBlob(t *testing.T) {
	t.Parallel()
	const hello, helloID = "hello\n", "ce013625030ba8dba906f756967f9e9ca394464a" // git hash-object
	h, app := newHost(t)
	h.HandleFunc("GET /repos/acme/models/git/blobs/{sha}", func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept"); got != "application/vnd.github.raw+json" {
			t.Errorf("Accept %q", got)
		}
		if r.PathValue("sha") == sha1C {
			w.WriteHeader(http.StatusNotFound)
			reply(w, `{"message":"Not Found"}`)
			return
		}
		_, _ = w.Write([]byte(hello))
	})
	for _, tc := range []struct {
		name, oid string
		max       int64
		want      error
	}{
		{"as large as allowed", helloID, 6, nil},
		{"one byte too large", helloID, 5, forge.ErrTooLarge},
		{"other bytes than asked for", sha1A, 100, errAny},
		{"absent", sha1C, 100, forge.ErrNotFound},
		{"no id", "../../installation/token", 100, errAny},
	} {
		got, err := app.Blob(t.Context(), models, tc.oid, tc.max)
		switch {
		case tc.want == nil && (err != nil || string(got) != hello):
			t.Errorf("%s: %q, %v", tc.name, got, err)
		case tc.want != nil && (err == nil || tc.want != errAny && !errors.Is(err, tc.want)):
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.HandleFunc("GET /repos/acme/models/git/trees/{sha}", func(w http.ResponseWriter, r *http.Request) {
		reply(w, fmt.Sprintf(`{"sha":%q,"truncated":%v,"tree":[{"path":"a.yaml","mode":"100644","type":"blob","sha":%q},{"path":"d","mode":"040000","type":"tree","sha":%q}]}`,
			sha1A, r.PathValue("sha") == sha1B, sha1B, sha1C))
	})
	got, err := app.Tree(t.Context(), models, sha1C, forge.Entry{OID: sha1A})
	want := []forge.Entry{{Path: "a.yaml", Mode: "100644", OID: sha1B}, {Path: "d", Mode: "040000", OID: sha1C}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	if _, err := app.Tree(t.Context(), models, sha1C, forge.Entry{OID: sha1B}); !errors.Is(err, forge.ErrTooLarge) {
		t.Errorf("truncated: error %v", err)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	h, app := newHost(t)
	h.answers(
		`{"data":{"repository":{"object":{"oid":"`+sha1A+`","f0":{"name":"0","mode":33188,"oid":"`+sha1B+`"},"f1":null}}}}`,
		`{"data":{"repository":{"object":{"oid":"`+sha1A+`","f0":{"name":"100","mode":40960,"oid":"`+sha1C+`"}}}}}`,
		`{"data":{"repository":{"object":null}}}`)
	paths := make([]string, 101)
	for i := range paths {
		paths[i] = fmt.Sprintf(`dir/%d") { oid }`, i) // only ever a variable
	}
	got, err := app.Lookup(t.Context(), models, sha1A, paths)
	want := map[string]forge.Entry{
		paths[0]: {Path: paths[0], Mode: "100644", OID: sha1B}, paths[100]: {Path: paths[100], Mode: "120000", OID: sha1C},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	if len(h.graphql) != 2 || h.graphql[1].Variables["f0"] != paths[100] || strings.Contains(h.graphql[0].Query, "dir/") {
		t.Errorf("%d requests", len(h.graphql))
	}
	if _, err := app.Lookup(t.Context(), models, sha1A, paths[:1]); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("no commit: error %v", err)
	}
}
