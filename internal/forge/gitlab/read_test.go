package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

const project12 = "projects/acme%2Fnlp%2Fmodels"

// found answers Lookup with a blob for each path that is asked for, but for those named.
func found(missing ...string) func(map[string]any) string {
	return func(v map[string]any) string {
		var nodes []any
		paths, _ := v["paths"].([]any)
		for _, p := range paths {
			if fmt.Sprint(missing) != fmt.Sprintf("[%v]", p) {
				nodes = append(nodes, fields{"path": p, "oid": sha1D, "mode": "100644"})
			}
		}
		b, _ := json.Marshal(fields{"data": fields{"project": fields{"repository": fields{
			"tree": fields{"lastCommit": fields{"sha": v["ref"]}}, "blobs": fields{"nodes": nodes},
		}}}})
		return string(b)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	version := func(state, size, diffs string) string {
		return fmt.Sprintf(`{"id":73,"head_commit_sha":%q,"base_commit_sha":%q,"state":%q,"real_size":%q,"diffs":[%s]}`, sha1A, sha1B, state, size, diffs)
	}
	all := `{"old_path":"n","new_path":"n","b_mode":"100644","new_file":true},
		{"old_path":"m","new_path":"m","a_mode":"100644","b_mode":"100755","too_large":true},
		{"old_path":"a","new_path":"b","b_mode":"100644","renamed_file":true},
		{"old_path":"g","new_path":"g","a_mode":"100644","b_mode":"0","deleted_file":true},
		{"old_path":"l","new_path":"l","b_mode":"120000","new_file":true},
		{"old_path":"s","new_path":"s","a_mode":"0","b_mode":"160000","new_file":true,"diff":"@@ -0,0 +1 @@\n+Subproject commit ` + sha1C + `\n"}`
	for _, tc := range []struct {
		name, list, full string
		lookup           func(map[string]any) string
		want             []forge.File
		err              error
		text             string
		requests         []string
	}{
		{"every kind", "", version("collected", "6", all), found(), []forge.File{
			{Path: "n", Status: forge.Added, Blob: sha1D}, {Path: "m", Status: forge.Modified, Blob: sha1D},
			{Path: "b", Previous: "a", Status: forge.Renamed, Blob: sha1D}, {Path: "g", Status: forge.Removed, Blob: sha1D},
			{Path: "l", Status: forge.Added, Blob: sha1D}, {Path: "s", Status: forge.Added, Blob: sha1C},
		}, nil, "", []string{"Lookup", "Lookup"}},
		{"nothing", "", version("empty", "0", ""), nil, nil, nil, "", nil},
		{"more than GitLab keeps", "", version("overflow", "1000+", all), nil, nil, forge.ErrTooLarge, "", nil},
		{"a count with a plus", "", version("collected", "6+", all), nil, nil, forge.ErrTooLarge, "", nil},
		{"fewer than counted", "", version("collected", "7", all), nil, nil, nil, "6 of 7 files", nil},
		{"not collected", "", version("timeout", "6", all), nil, nil, nil, `is "timeout"`, nil},
		{"a file that is not there", "", version("collected", "1", `{"old_path":"n","new_path":"n","new_file":true,"b_mode":"100644"}`), found("n"), nil, nil, "does not find it", nil},
		{"another version came", "", strings.Replace(version("collected", "6", all), sha1A, sha1B, 1), nil, nil, nil, "came as version", nil},
		{"no version yet", "[]", "", nil, nil, errNoVersion, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, h := newLab(t)
			if tc.list == "" {
				tc.list = `[{"id":73,"head_commit_sha":"` + sha1A + `"},{"id":72,"head_commit_sha":"` + sha1B + `"}]`
			}
			l.says("GET "+project12+"/merge_requests/4/versions", 200, tc.list)
			l.says("GET "+project12+"/merge_requests/4/versions/73", 200, tc.full)
			l.graphql["Lookup"] = tc.lookup
			got, err := h.Changes(context.Background(), mr4)
			switch {
			case tc.err != nil && !errors.Is(err, tc.err), tc.text != "" && (err == nil || !strings.Contains(err.Error(), tc.text)):
				t.Fatalf("error %v, want %v %s", err, tc.err, tc.text)
			case tc.err != nil || tc.text != "":
				return
			case err != nil:
				t.Fatal(err)
			}
			if diff := cmp.Diff(&forge.Changes{HeadSHA: sha1A, Files: tc.want}, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			l.counted(append(tc.requests, "GET "+project12+"/merge_requests/4/versions", "GET "+project12+"/merge_requests/4/versions/73")...)
		})
	}
}

func TestPushes(t *testing.T) {
	t.Parallel()
	event := func(author int, name, action, refType string, ref any, to string) fields {
		return fields{"author": fields{"id": author, "username": name}, "push_data": fields{"action": action, "ref_type": refType, "ref": ref, "commit_to": to}}
	}
	created := event(1, "jonas", "created", "branch", "feature", sha1C)
	for _, tc := range []struct {
		name   string
		head   forge.Branch
		pages  [][]any
		status int
		want   string
		err    error
	}{
		{"back to the creation", forge.Branch{Ref: "feature"}, [][]any{{
			event(2, "ben", "pushed", "branch", "feature", sha1A), event(2, "ben", "pushed", "branch", "other", sha1B),
			event(2, "ben", "pushed", "tag", "feature", sha1B), event(3, "cleo", "pushed", "branch", nil, sha1B), created,
			event(7, "x", "pushed", "branch", "feature", sha1B),
		}}, 0, "ben a; cleo -; jonas c", nil},
		{"over pages", forge.Branch{Ref: "feature"}, [][]any{{event(2, "ben", "pushed", "branch", "feature", sha1A)}, {created}}, 0, "ben a; jonas c", nil},
		{"a removal brings nothing", forge.Branch{Ref: "feature"}, [][]any{{event(2, "ben", "removed", "branch", "feature", ""), created}}, 0, "jonas c", nil},
		{"a bot", forge.Branch{Ref: "feature"}, [][]any{{event(9, "group_5_bot_ab12", "created", "branch", "feature", sha1A)}}, 0, "group_5_bot_ab12* a", nil},
		{"a deleted account", forge.Branch{Ref: "feature"}, [][]any{{event(8, "ghost", "created", "branch", "feature", sha1A)}}, 0, "? a", nil},
		{"created by a push of many", forge.Branch{Ref: "feature"}, [][]any{{event(2, "ben", "pushed", "branch", "feature", sha1A), event(1, "jonas", "created", "branch", nil, "")}}, 0, "ben a; jonas -", nil},
		{"the creation is forgotten", forge.Branch{Ref: "feature"}, [][]any{{event(2, "ben", "pushed", "branch", "feature", sha1A)}}, 0, "", forge.ErrNotFound},
		{"a fork", forge.Branch{Ref: "feature", Fork: true, Repo: "jonas/models"}, [][]any{{created}}, 0, "jonas c", nil},
		{"a fork that is not ours to see", forge.Branch{Ref: "feature", Fork: true, Repo: "jonas/models"}, nil, 404, "", forge.ErrNotFound},
		{"a deleted fork", forge.Branch{Ref: "feature", Fork: true}, nil, 0, "", forge.ErrNotFound},
		{"too many", forge.Branch{Ref: "feature"}, make([][]any, maxEvents+1), 0, "", forge.ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, h := newLab(t)
			answer := func(w http.ResponseWriter, r *http.Request, _ map[string]any) {
				if tc.status != 0 {
					w.WriteHeader(tc.status)
					return
				}
				var n int
				_, _ = fmt.Sscan(r.URL.Query().Get("page"), &n)
				if r.URL.Query().Get("action") != "pushed" {
					t.Errorf("events: %s", r.URL.RawQuery)
				}
				if n < len(tc.pages) {
					w.Header().Set("X-Next-Page", fmt.Sprint(n+1))
				}
				page := tc.pages[n-1]
				if page == nil {
					page = []any{}
				}
				_ = json.NewEncoder(w).Encode(page)
			}
			l.rest["GET "+project12+"/events"] = answer
			if tc.head.Fork {
				l.rest = map[string]func(http.ResponseWriter, *http.Request, map[string]any){"GET projects/jonas%2Fmodels/events": answer}
			}
			pushes, err := h.Pushes(context.Background(), tc.head, models)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			var got []string
			for _, p := range pushes {
				name, after := p.Actor.Login, "-"
				switch p.Actor.Kind {
				case forge.Unknown:
					name = "?"
				case forge.Bot:
					name += "*"
				}
				if p.After != "" {
					after = p.After[:1]
				}
				got = append(got, name+" "+after)
			}
			if err == nil && strings.Join(got, "; ") != tc.want {
				t.Errorf("pushes %q, want %q", strings.Join(got, "; "), tc.want)
			}
		})
	}
}

func TestBlobIsProven(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	oid := forge.ObjectID("blob", []byte("hello"), 40)
	l.says("GET "+project12+"/repository/blobs/"+oid+"/raw", 200, "hello")
	l.says("GET "+project12+"/repository/blobs/"+sha1A+"/raw", 200, "hello")
	l.says("GET "+project12+"/repository/blobs/"+sha1B+"/raw", 404, `{}`)
	ctx := context.Background()
	if data, err := h.Blob(ctx, models, oid, 5); err != nil || string(data) != "hello" {
		t.Errorf("%q %v", data, err)
	}
	if _, err := h.Blob(ctx, models, oid, 4); !errors.Is(err, forge.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := h.Blob(ctx, models, sha1A, 5); err == nil || !strings.Contains(err.Error(), oid) {
		t.Errorf("other bytes: %v", err)
	}
	if _, err := h.Blob(ctx, models, sha1B, 5); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
	if _, err := h.Blob(ctx, models, "HEAD", 5); err == nil {
		t.Error("takes what is no object id")
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	l.rest["GET "+project12+"/repository/tree"] = func(w http.ResponseWriter, r *http.Request, _ map[string]any) {
		q := r.URL.Query()
		if q.Get("ref") != sha1A || q.Get("path") != "releases/x" || q.Get("recursive") != "" {
			t.Errorf("tree: %s", r.URL.RawQuery)
		}
		if q.Get("page") == "1" {
			w.Header().Set("X-Next-Page", "2")
			reply(w, `[{"id":"`+sha1B+`","path":"releases/x/1.yaml","mode":"100644"}]`)
			return
		}
		reply(w, `[{"id":"`+sha1C+`","path":"releases/x/sub","mode":"040000"}]`)
	}
	got, err := h.Tree(context.Background(), models, sha1A, forge.Entry{Path: "releases/x", OID: sha1D})
	want := []forge.Entry{{Path: "1.yaml", Mode: "100644", OID: sha1B}, {Path: "sub", Mode: "040000", OID: sha1C}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	l.graphql["Lookup"] = found()
	paths := []string{"a"}
	for i := range lookupBatch {
		paths = append(paths, fmt.Sprint("f", i))
	}
	got, err := h.Lookup(context.Background(), models, sha1A, paths)
	if err != nil || len(got) != len(paths) || got["f3"].OID != sha1D {
		t.Errorf("%d found, %v", len(got), err)
	}
	l.counted("Lookup", "Lookup")
	l.answers("Lookup", `{"data":{"project":{"repository":{"tree":{"lastCommit":null},"blobs":{"nodes":[]}}}}}`)
	if _, err := h.Lookup(context.Background(), models, sha1A, []string{"x"}); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a commit that is not there: %v", err)
	}
}
