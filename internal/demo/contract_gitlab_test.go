package demo

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/sandbox/contract"
)

// gitlabDescription is GitLab's own description of its REST interface; nil where it is not at hand.
var gitlabDescription = sync.OnceValues(func() (*contract.GitLab, error) {
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

// TestGitLabContract plays everything that the bot does on GitLab and holds each request of it, and each of
// the people, against GitLab's own description.
func TestGitLabContract(t *testing.T) {
	t.Parallel()
	api, err := gitlabDescription()
	if err != nil {
		t.Fatal(err)
	}
	if api == nil {
		t.Skip("no shared/data/api/gitlab_cloud_4.json in a parent folder or in LUMOS_SHARED")
	}
	const mr = "/projects/{id}/merge_requests/{merge_request_iid}"
	t.Run("story", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, Options{Host: forge.GitLab, RecordWithin: time.Second})
		_, err := Play(t.Context(), s.World, func(string, string) {}, func(Step) {})
		s.must(err)
		s.settle()
		s.fitsGitLab(api, "GET /projects", "GET "+mr+"/versions", "GET "+mr+"/versions/{version_id}", "GET /projects/{id}/events",
			"GET /projects/{id}/repository/blobs/{sha}/raw", "POST /projects/{id}/statuses/{sha}", "PUT "+mr+"/merge",
			"Conversation", "Base", "Lookup", "Publish", "Open")
	})
	t.Run("everything else", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, Options{Host: forge.GitLab, RecordWithin: time.Second, Files: governed(t)})
		s.remove()
		s.suggest()
		s.many()
		s.rules()
		s.fitsGitLab(api, "GET /projects/{id}/repository/tree", "MoreCommits", "MoreNotes")
	})
}

// fitsGitLab is fitsGitHub for REST: GitLab publishes no GraphQL schema that could be kept beside it.
func (s *stage) fitsGitLab(api *contract.GitLab, wanted ...string) {
	s.t.Helper()
	s.mu.Lock()
	traffic := slices.Clone(s.traffic)
	s.mu.Unlock()
	findings, seen := map[string]bool{}, map[string]bool{}
	for _, x := range traffic {
		path, query, _ := strings.Cut(x.Path, "?")
		if s.isBot(x) {
			seen[x.Name] = true
			// Without a licence there are no external status checks: asking is how that is found out.
			if x.Status >= 400 && !strings.HasSuffix(path, "/external_status_checks") {
				findings[fmt.Sprintf("the bot was refused: %s: %d %s", x.Name, x.Status, x.ResponseBody)] = true
			}
			if x.Route == "POST /graphql" && strings.Contains(string(x.ResponseBody), `"errors":[{`) {
				findings[fmt.Sprintf("the bot was refused: %s: %s", x.Name, x.ResponseBody)] = true
			}
		}
		switch x.Route {
		case "":
			findings["no such route: "+x.Method+" "+path] = true
		case "POST /graphql":
		default:
			for _, f := range api.Check(contract.Exchange{Route: x.Route, Query: query, RequestBody: x.RequestBody, Status: x.Status,
				ContentType: x.ResponseHeader.Get("Content-Type"), ResponseBody: x.ResponseBody}) {
				findings[f] = true
			}
		}
	}
	for _, f := range slices.Sorted(maps.Keys(findings)) {
		s.t.Error(f)
	}
	for _, w := range wanted {
		if !seen[w] {
			s.t.Errorf("the play is not whole: nothing of %s", w)
		}
	}
	s.t.Logf("%d exchanges", len(traffic))
}
