package gitlab

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lumos-governance/lumos/internal/sandbox/contract"
)

// described is GitLab's published REST description; nil where it is not at hand.
var described = sync.OnceValues(func() (*contract.GitLab, error) {
	roots := []string{os.Getenv("LUMOS_SHARED")}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		roots = append(roots, filepath.Join(dir, "shared"))
	}
	for _, root := range roots {
		path := filepath.Join(root, "data", "api", "gitlab_cloud_4.json")
		if _, err := os.Stat(path); root != "" && err == nil {
			return contract.LoadGitLab(path)
		}
	}
	return nil, nil
})

// routes are the ones that doc.go lists, as the description names them.
var routes = []string{
	"GET /projects", "GET /projects/{id}", "GET /user",
	"GET /projects/{id}/repository/tree", "GET /projects/{id}/repository/blobs/{sha}/raw", "GET /projects/{id}/repository/branches/{branch}",
	"GET /projects/{id}/repository/commits/{sha}/signature", "GET /projects/{id}/events", "GET /projects/{id}/merge_requests/{merge_request_iid}",
	"GET /projects/{id}/merge_requests/{merge_request_iid}/versions", "GET /projects/{id}/merge_requests/{merge_request_iid}/versions/{version_id}",
	"POST /projects/{id}/statuses/{sha}", "GET /projects/{id}/external_status_checks",
	"POST /projects/{id}/merge_requests/{merge_request_iid}/status_check_responses", "PUT /projects/{id}/merge_requests/{merge_request_iid}/merge",
	"POST /projects/{id}/merge_trains/merge_requests/{merge_request_iid}",
	"GET /projects/{id}/issues", "POST /projects/{id}/issues", "PUT /projects/{id}/issues/{issue_iid}",
}

// keepsContract holds a request of any test here against the description: its route, required fields, enums.
func keepsContract(t *testing.T, r *http.Request, body map[string]any) {
	t.Helper()
	route := routeOf(r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), "/api/v4"))
	if route == "" {
		t.Errorf("%s %s is none of the routes that doc.go lists", r.Method, r.URL.Path)
		return
	}
	api, err := described()
	if err != nil {
		t.Error(err)
	}
	if api == nil {
		return // TestRoutesAreDescribed says so
	}
	x := contract.Exchange{Route: route, Query: r.URL.RawQuery, Status: http.StatusOK}
	if body != nil {
		if x.RequestBody, err = json.Marshal(body); err != nil {
			t.Error(err)
		}
	}
	for _, finding := range api.Check(x) {
		t.Errorf("%s: %s", bytes.TrimSpace(x.RequestBody), finding)
	}
}

// routeOf finds the route of a request: the part in braces is one segment.
func routeOf(request string) string {
	got := strings.Split(request, "/")
	for _, route := range routes {
		want := strings.Split(route, "/")
		fits := len(want) == len(got)
		for i := 0; fits && i < len(want); i++ {
			fits = strings.HasPrefix(want[i], "{") || want[i] == got[i]
		}
		if fits {
			return route
		}
	}
	return ""
}

func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	api, err := described()
	if err != nil {
		t.Fatal(err)
	}
	if api == nil {
		t.Skip("GitLab's description is not there: LUMOS_SHARED names the folder that holds data/api")
	}
	for _, route := range routes {
		for _, finding := range api.Check(contract.Exchange{Route: route, Status: http.StatusNotFound}) {
			t.Error(finding)
		}
	}
}
