package github

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/lumos-governance/lumos/internal/forge"
)

// octokit is the folder of GitHub's published descriptions, as npm installs them.
func octokit(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("LUMOS_OCTOKIT")
	if dir == "" {
		t.Skip("LUMOS_OCTOKIT is not set: it names a node_modules folder with @octokit/graphql-schema and @octokit/webhooks-examples")
	}
	return filepath.Join(dir, "@octokit")
}

// generated are whole documents as they are sent.
func generated() map[string]string {
	conversation, _ := conversationDocument(appID, pull4, forge.Want{
		Teams: []string{"acme/risk", "malformed", "acme/senior"}, Dirs: []string{"releases", ".", "models/prod/"},
	})
	lookup, _ := lookupDocument(models, sha1A, []string{"a", "b/c"})
	pr := forge.PullRequest{NodeID: "PR_1", RepoNodeID: "R_1"}
	ask, err := askWrite(pr, forge.Publication{AskUsers: []forge.Account{{NodeID: "U_1"}}, AskTeams: []forge.Team{{NodeID: "T_1"}}})
	if err != nil {
		panic(err)
	}
	writes := []write{checkWrite(pr, forge.CheckWrite{Name: forge.ComplianceCheck}), checkWrite(pr, forge.CheckWrite{ID: "CR_1"}), {kind: "add"}, {kind: "edit"}}
	writes = append(writes, threadWrites(pr, []forge.ThreadWrite{{Path: "a", Line: 1}, {NodeID: "T_1", Resolve: true}, {NodeID: "T_2"}})...)
	publish, _ := publishDocument(append(writes, *ask))
	return map[string]string{"conversation": conversation, "lookup": lookup, "publish": publish}
}

func TestDocumentsAreGolden(t *testing.T) {
	t.Parallel()
	for name, doc := range generated() {
		golden(t, name+".graphql", doc+"\n")
	}
}

// TestDocumentsFitGitHub validates every document, as it stands and as it is sent, against GitHub's
// own schema.
func TestDocumentsFitGitHub(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(octokit(t), "graphql-schema", "schema.graphql"))
	if err != nil {
		t.Fatal(err)
	}
	published, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: "schema.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range published.Definitions { // as of version 15.26 a field is published twice
		seen := map[string]bool{}
		d.Fields = slices.DeleteFunc(d.Fields, func(f *ast.FieldDefinition) bool {
			again := seen[f.Name]
			seen[f.Name] = true
			return again
		})
	}
	schema, err := validator.ValidateSchemaDocument(published)
	if err != nil {
		t.Fatal(err)
	}
	docs := generated()
	files, err := documents.ReadDir("graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".graphql"); name != "fragments" {
			docs[name+", as it stands"] = document(name, nil)
		}
	}
	for name, doc := range docs {
		if _, errs := gqlparser.LoadQueryWithRules(schema, doc, nil); errs != nil {
			t.Errorf("%s: %v\n%s", name, errs, numbered(doc))
		}
	}
}

func numbered(s string) string {
	var b strings.Builder
	for i, line := range strings.Split(s, "\n") {
		fmt.Fprintf(&b, "%3d %s\n", i+1, line)
	}
	return b.String()
}
