package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const gitlabDescription = `{"paths": {"/api/v4/projects/{id}/statuses/{sha}": {"post": {"parameters": [
	{"in": "path", "name": "id", "required": true}, {"in": "body", "name": "b", "schema": {"$ref": "#/definitions/status"}}]}},
	"/api/v4/projects/{id}/events": {"get": {"parameters": [{"in": "query", "name": "sort", "enum": ["asc", "desc"]}]}}},
	"definitions": {"status": {"required": ["state"], "properties": {"state": {"enum": ["success", "failed"]}, "name": {}}}}}`

func TestGitLabRequests(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "api.json")
	if err := os.WriteFile(path, []byte(gitlabDescription), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := LoadGitLab(path)
	if err != nil {
		t.Fatal(err)
	}
	const post = "POST /projects/{id}/statuses/{sha}"
	for name, tt := range map[string]struct {
		x    Exchange
		want string
	}{
		"good":               {Exchange{Route: post, Status: 201, RequestBody: []byte(`{"state": "success", "name": "x"}`)}, ""},
		"unknown route":      {Exchange{Route: "GET /projects/{id}/nothing", Status: 404}, "no such route"},
		"left out":           {Exchange{Route: "POST /projects/{id}/merge_requests/{merge_request_iid}/notes", Status: 201}, ""},
		"missing field":      {Exchange{Route: post, Status: 201, RequestBody: []byte(`{"name": "x"}`)}, `"state" is required`},
		"unknown value":      {Exchange{Route: post, Status: 201, RequestBody: []byte(`{"state": "green"}`)}, `"green" is no value`},
		"unknown field":      {Exchange{Route: post, Status: 201, RequestBody: []byte(`{"state": "failed", "color": 1}`)}, `"color" is not documented`},
		"query value":        {Exchange{Route: "GET /projects/{id}/events", Status: 200, Query: "sort=up"}, `"up" is no value`},
		"refused on purpose": {Exchange{Route: post, Status: 400, RequestBody: []byte(`{"state": "green"}`)}, ""},
		"no JSON":            {Exchange{Route: post, Status: 201, RequestBody: []byte(`state`)}, "no JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(d.Check(tt.x), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestGitLabDescriptionThatIsNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "api.json")
	if err := os.WriteFile(path, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadGitLab(path); err == nil {
		t.Error("an empty description was taken")
	}
}
