package demo

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/lumos-governance/lumos/internal/sandbox"
	"github.com/lumos-governance/lumos/internal/sandbox/contract"
)

// descriptions are GitHub's own, from the node_modules folder that LUMOS_OCTOKIT names.
var descriptions = sync.OnceValues(func() (*contract.REST, error) { return contract.LoadREST(os.Getenv("LUMOS_OCTOKIT")) })
var graphqlSchema = sync.OnceValues(func() (*ast.Schema, error) { return contract.LoadGraphQL(os.Getenv("LUMOS_OCTOKIT")) })

// TestContract plays everything that the bot does on a code host and holds each request of the bot, each
// answer of the sandbox and each webhook against GitHub's own OpenAPI description and GraphQL schema.
func TestContract(t *testing.T) {
	t.Parallel()
	if os.Getenv("LUMOS_OCTOKIT") == "" {
		t.Skip("LUMOS_OCTOKIT is not set: it names a node_modules folder with @octokit/openapi and @octokit/graphql-schema")
	}
	t.Run("story", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, Options{RecordWithin: time.Second})
		_, err := Play(t.Context(), s.World, func(string, string) {}, func(Step) {})
		s.must(err)
		s.settle()
		s.fitsGitHub("GET /repos/{owner}/{repo}/installation", "POST /app/installations/{installation_id}/access_tokens",
			"GET /app/installations", "GET /installation/repositories", "GET /repos/{owner}/{repo}/pulls",
			"POST /repos/{owner}/{repo}/git/trees", "POST /repos/{owner}/{repo}/git/commits", "POST /repos/{owner}/{repo}/git/refs",
			"GET /repos/{owner}/{repo}/pulls/{pull_number}/files", "GET /repos/{owner}/{repo}/activity",
			"GET /repos/{owner}/{repo}/git/blobs/{file_sha}", "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
			"Repository", "Tip", "Conversation", "Publish", "Commit", "Lookup")
	})
	t.Run("everything else", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, Options{RecordWithin: time.Second, AppendByPush: true, Files: governed(t)})
		s.talk()
		s.remove()
		s.suggest()
		s.many()
		s.rules()
		s.fitsGitHub("GET /repos/{owner}/{repo}/git/trees/{tree_sha}", "GET /repos/{owner}/{repo}/pulls/{pull_number}",
			"MoreCommits", "MoreComments", "MoreReviews", "requestReviews", "teamIds", "annotations", "addPullRequestReview", "resolveReviewThread")
	})
}

// governed is a repository with a release, whose rules ask a team that the code host does not.
func governed(t testing.TB) map[string][]byte {
	t.Helper()
	files := release(t, "roberta-squad2", "1.0.0")
	files[".lumos/policies/acme_09.rego"] = []byte(agreed)
	seed, err := Seed()
	if err != nil {
		t.Fatal(err)
	}
	files[".lumos/config.yaml"] = []byte(strings.Replace(string(seed[".lumos/config.yaml"]),
		"medium: {all: [{codeowners: true, count: 2}]}", "medium: {all: [codeowners, {team: acme/platform}]}", 1))
	return files
}

// talk gives every command, and goes through the life of a pull request until it is merged.
func (s *stage) talk() {
	s.t.Helper()
	ctx := s.t.Context()
	engineer, owner := s.As(Engineer), s.As(Owner)
	pr, head := s.open("next", release(s.t, "roberta-squad2", "1.1.0"))
	s.gate(pr, head, "in_progress")
	for _, text := range []string{
		"/lumos help", "/lumos explain", "/lumos explain ID-01", "/lumos recheck", "/lumos nonsense", "/lumos reject", "Nice work.",
		"/lumos hold wait for the audit", "/lumos reject the numbers are old", "/lumos approve", "/lumos resume",
	} {
		s.must(owner.Comment(ctx, pr, text))
		s.settle()
	}
	host := s.Host.As(Engineer)
	s.must(host.SetDraft(Repo, pr, true))
	s.must(host.SetDraft(Repo, pr, false))
	s.must(host.SetState(Repo, pr, "closed"))
	s.settle()
	s.must(host.SetState(Repo, pr, "open"))
	s.must(host.Rename(Repo, pr, "Release roberta-squad2 1.1.0", "With a better description."))
	s.must(owner.Review(ctx, pr, RequestChanges, "The numbers are old."))
	s.gate(pr, head, "failure")
	s.approve(Owner, pr)
	s.gate(pr, head, "in_progress")
	runs, err := engineer.User.(githubUser).checkRuns(ctx, head, "latest")
	s.must(err)
	s.must(s.Host.As(Admin).Rerun(Repo, runs[0].ID))
	s.settle()
	s.approve(Admin, pr)
	s.merged(pr)
}

// remove takes a release back: nothing but removals.
func (s *stage) remove() {
	s.t.Helper()
	pr, head := s.open("withdraw", map[string][]byte{manifestPath: nil})
	s.gate(pr, head, "in_progress")
}

// agreed is a control of the repository's own, of which only one value can be right.
const agreed = `# METADATA
# title: Named as agreed
# description: The unit and the system are called as everywhere else.
# schemas:
#   - input: schema.input
# custom:
#   id: ACME-09
#   severity: high
#   mode: mandatory
#   remediation: Write the name as agreed
#   frameworks: {nist-ai-rmf: [GOVERN 1.6]}
package lumos.local.acme_09

names := {"businessUnit": "people-operations", "system": "handbook-search"}

wrong contains key if {
	some key, name in names
	input.manifest.metadata[key] != name
}

fail contains {"message": sprintf("%s is not called so", [key]), "pointer": concat("/", ["/metadata", key]), "fix": names[key]} if some key in wrong

pass if count(wrong) == 0
`

// suggest lets Lumos suggest two changes. The engineer applies one with a click and writes the other by hand:
// Lumos resolves that one, and says nothing twice.
func (s *stage) suggest() {
	s.t.Helper()
	ctx, path := s.t.Context(), "releases/suggested/1.0.0.yaml"
	files := release(s.t, "suggested", "1.0.0")
	manifest := string(files[path])
	files[path] = []byte(strings.NewReplacer("  businessUnit: people-operations\n", "  businessUnit: people # ```\n", "  system: handbook-search\n", "  system: \"handbook\"\n").Replace(manifest))
	pr, head := s.open("suggested", files)
	s.gate(pr, head, "failure")
	s.settle()
	s.must(s.As(Owner).Comment(ctx, pr, "/lumos recheck")) // and nothing is said twice
	s.settle()
	look := func(open int) []sandbox.ThreadView {
		s.t.Helper()
		var out []sandbox.ThreadView
		list, err := s.Host.Threads(Repo, pr)
		s.must(err)
		for _, t := range list {
			if t.Suggests {
				out = append(out, t)
			}
			if t.Suggests && !t.Resolved {
				open--
			}
		}
		if len(out) != 2 || open != 0 {
			s.t.Fatalf("suggestions %+v, %d too few open", out, open)
		}
		return out
	}
	threads := look(2)
	unit, system := threads[0], threads[1]
	if strings.Contains(unit.Suggestion, "system") {
		unit, system = system, unit
	}
	if unit.Suggestion != "  businessUnit: people-operations # ```\n" || system.Suggestion != "  system: \"handbook-search\"\n" {
		s.t.Errorf("suggested %q and %q", unit.Suggestion, system.Suggestion)
	}
	head, err := s.Host.As(Engineer).ApplySuggestion(Repo, pr, unit.ID)
	s.must(err)
	s.gate(pr, head, "failure")
	s.settle()
	look(1)
	head, err = s.As(Engineer).Push(ctx, "suggested", "As agreed", map[string][]byte{path: []byte(manifest)})
	s.must(err)
	s.gate(pr, head, "in_progress")
	s.settle()
	if by := look(0)[slices.IndexFunc(threads, func(t sandbox.ThreadView) bool { return t.ID == system.ID })].ResolvedBy; by != s.Bot.Login {
		s.t.Errorf("the gap that was closed by hand was resolved by %q", by)
	}
}

// many is a pull request with more of everything than one page holds.
func (s *stage) many() {
	s.t.Helper()
	const more = 101
	host, owner := s.Host.As(Engineer), s.Host.As(Owner)
	for i := range more {
		files := map[string][]byte{fmt.Sprintf("notes/%03d.md", i): []byte("A note.\n")}
		if i == 0 {
			var b strings.Builder
			b.WriteString("apiVersion: lumos/v1\nkind: ModelRelease\nmetadata: {name: many, version: \"1\"}\nspec:\n  source: {registry: hf}\n")
			for n := range more {
				fmt.Fprintf(&b, "  unknown%03d: true\n", n)
			}
			files["releases/many/1.yaml"] = []byte(b.String())
		}
		_, err := host.Commit(Repo, "many", fmt.Sprintf("Note %d", i), files)
		s.must(err)
	}
	pr, err := host.Open(Repo, "Many", "", "many", "main", false)
	s.must(err)
	s.gate(pr, "", "failure")
	for i := range more {
		_, err := owner.Comment(Repo, pr, fmt.Sprintf("Remark %d", i))
		s.must(err)
		_, err = owner.Review(Repo, pr, "COMMENT", fmt.Sprintf("Thought %d", i), "")
		s.must(err)
	}
	s.must(s.As(Owner).Comment(s.t.Context(), pr, "/lumos help"))
	s.settle()
}

// rules proposes a change of what is trusted, which waits for the people who own the rules, and looks at
// every open pull request again.
func (s *stage) rules() {
	s.t.Helper()
	pr, head := s.open("rules", map[string][]byte{".lumos/lists/datasets.yaml": []byte("- squad_v2\n- squad\n")})
	s.gate(pr, head, "in_progress")
	s.sweep()
	s.settle()
}

// fitsGitHub holds all traffic so far against GitHub's descriptions. Each of wanted must have been part
// of it: a route, an operation, or a word in a document of the bot.
func (s *stage) fitsGitHub(wanted ...string) {
	s.t.Helper()
	rest, err := descriptions()
	s.must(err)
	schema, err := graphqlSchema()
	s.must(err)
	findings := map[string]bool{}
	note := func(list ...string) {
		for _, f := range list {
			findings[f] = true
		}
	}
	s.mu.Lock()
	traffic := slices.Clone(s.traffic)
	s.mu.Unlock()
	seen := map[string]bool{}
	for _, x := range traffic {
		path, query, _ := strings.Cut(x.Path, "?")
		if s.isBot(x) {
			seen[x.Name] = true
			if x.Status >= 400 {
				note(fmt.Sprintf("the bot was refused: %s: %d %s", x.Name, x.Status, x.ResponseBody))
			}
			for _, w := range wanted {
				if x.Route == "POST /graphql" && strings.Contains(string(x.RequestBody), w) {
					seen[w] = true
				}
			}
		}
		switch x.Route {
		case "":
			note("no such route: " + x.Method + " " + path)
		case "POST /graphql":
			note(contract.CheckGraphQL(schema, x.RequestBody, x.ResponseBody)...)
		default:
			y := contract.Exchange{Route: x.Route, Query: query, RequestBody: x.RequestBody, Status: x.Status,
				ContentType: x.ResponseHeader.Get("Content-Type"), ResponseBody: x.ResponseBody}
			note(rest.Check(y)...)
			note(rest.CheckParameters(y, strings.TrimPrefix(path, "/api/v3"), x.RequestHeader)...)
		}
	}
	for _, d := range s.Deliveries() {
		note(rest.CheckWebhook(d.Event, d.Action, d.Payload)...)
	}
	for _, f := range slices.Sorted(maps.Keys(findings)) {
		s.t.Error(f)
	}
	for _, w := range wanted {
		if !seen[w] {
			s.t.Errorf("the play is not whole: nothing of %s", w)
		}
	}
	s.t.Logf("%d exchanges, %d webhooks", len(traffic), len(s.Deliveries()))
}
