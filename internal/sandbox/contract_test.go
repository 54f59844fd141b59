package sandbox

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/lumos-governance/lumos/internal/sandbox/contract"
)

// octokit is where GitHub's descriptions are: a node_modules folder with @octokit/openapi and
// @octokit/graphql-schema.
func octokit(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("LUMOS_OCTOKIT")
	if dir == "" {
		t.Skip("LUMOS_OCTOKIT names no node_modules folder with GitHub's descriptions")
	}
	return dir
}

func TestSchemaIsGitHubs(t *testing.T) {
	t.Parallel()
	whole, err := contract.LoadGraphQL(octokit(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range contract.Subset(schema, whole) {
		t.Error(f)
	}
}

// described loads GitHub's description once for all tests.
var described = sync.OnceValues(func() (*contract.REST, error) { return contract.LoadREST(os.Getenv("LUMOS_OCTOKIT")) })

// observe holds every exchange of a test against GitHub's description, when it is at hand.
func observe(t *testing.T, opt *Options) {
	if os.Getenv("LUMOS_OCTOKIT") == "" {
		return
	}
	rest, err := described()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var list []Exchange
	opt.Observe = func(x Exchange) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, x)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, x := range list {
			if x.Route == "" || x.Route == "POST /graphql" {
				continue
			}
			_, query, _ := strings.Cut(x.Path, "?")
			for _, f := range rest.Check(contract.Exchange{Route: x.Route, Query: query, RequestBody: x.RequestBody, Status: x.Status,
				ContentType: x.ResponseHeader.Get("Content-Type"), ResponseBody: x.ResponseBody}) {
				t.Error(f)
			}
		}
	})
}

func TestRoutesAreDocumented(t *testing.T) {
	t.Parallel()
	octokit(t)
	rest, err := described()
	if err != nil {
		t.Fatal(err)
	}
	for _, rs := range [][]route{appRoutes, repoRoutes, pullRoutes, issueRoutes, trackerRoutes, checkRoutes, gitRoutes, orgRoutes} {
		for _, r := range rs {
			for _, f := range rest.Check(contract.Exchange{Route: r.pattern, Status: 500}) {
				t.Error(f)
			}
		}
	}
}

// TestWebhooksAreGitHubs plays everything that makes a webhook and holds the payloads against
// GitHub's description.
func TestWebhooksAreGitHubs(t *testing.T) {
	t.Parallel()
	octokit(t)
	rest, err := described()
	if err != nil {
		t.Fatal(err)
	}
	hooks := newReceiver(t, "hush")
	st := newStage(t, Options{Owners: func([]byte, []string) []string { return []string{"bo", "acme/risk"} }}, hooks.URL)
	n, head := st.pull("b")
	ada, bo := st.As("ada"), st.As("bo")
	id, err := bo.Comment(repoName, n, "one")
	st.ok(err)
	st.ok(bo.EditComment(repoName, n, id, "two"))
	st.ok(bo.DeleteComment(repoName, n, id))
	review, err := bo.Review(repoName, n, "APPROVE", "", "")
	st.ok(err)
	st.ok(bo.Dismiss(repoName, n, review))
	st.ok(ada.Rename(repoName, n, "other", "body"))
	st.ok(ada.SetDraft(repoName, n, true))
	st.ok(ada.SetDraft(repoName, n, false))
	st.ok(ada.SetState(repoName, n, "closed"))
	st.ok(ada.SetState(repoName, n, "open"))
	_, _, err = st.adaClient.Issues.AddLabelsToIssue(t.Context(), "acme", "models", n, []string{"x"})
	st.ok(err)
	_, err = st.adaClient.Issues.RemoveLabelForIssue(t.Context(), "acme", "models", n, "x")
	st.ok(err)
	_, _, err = st.adaClient.Repositories.CreateStatus(t.Context(), "acme", "models", head, &github.RepoStatus{State: github.String("success"), Context: github.String("ci")})
	st.ok(err)
	run, _, err := st.app.Checks.CreateCheckRun(t.Context(), "acme", "models", check("lumos/gate", head, "success"))
	st.ok(err)
	st.ok(bo.Rerun(repoName, run.GetID()))
	_, err = ada.Commit(repoName, "b", "more", map[string][]byte{"y": []byte("y")})
	st.ok(err)
	st.ok(st.WaitIdle(t.Context()))
	seen := map[string]bool{}
	for _, d := range st.Deliveries(st.lumos.AppID) {
		for _, f := range rest.CheckWebhook(d.Event, d.Action, d.Payload) {
			if !seen[f] {
				t.Error(f)
			}
			seen[f] = true
		}
	}
}
