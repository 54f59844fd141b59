package gitlab

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/lumos-governance/lumos/internal/forge"
)

// gitlabSchema is the part of GitLab's interface that the sandbox serves: under GitLab's names, and with
// what each field costs.
func gitlabSchema(t *testing.T) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../../sandbox/schema_gitlab.graphql")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema_gitlab.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

type built struct {
	doc       string
	variables map[string]any
}

// generated are whole documents as they are sent: the largest of each.
func generated() map[string]built {
	out := map[string]built{}
	add := func(name, doc string, variables map[string]any) { out[name] = built{doc, variables} }
	h := &Host{}
	doc, variables := conversationDocument(mr4, "refs/heads/main", h.planTeams([]string{"acme/model-owners", "acme/platform"}))
	add("conversation", doc, variables)
	doc, variables = conversationDocument(mr4, "", h.planTeams([]string{"acme/model-owners", "acme/platform", "acme/x", "@developer"}))
	add("conversation_roles", doc, variables)
	doc, variables = groupsDocument([]string{"a", "b", "c", "d", "e", "f"}, "{ ...GroupFacts }")
	add("groups", doc, variables)
	doc, variables = baseDocument(models, sha1A, []string{"releases", "", "models/prod", "d", "e"})
	add("base", doc, variables)
	paths := make([]string, lookupBatch)
	for i := range paths {
		paths[i] = "models/" + strconv.Itoa(i)
	}
	add("lookup", document("lookup", nil), map[string]any{"project": "acme/models", "ref": sha1A, "paths": paths})
	w, err := askWrite(forge.PullRequest{Ref: mr4}, forge.Publication{AskUsers: []forge.Account{{ID: 1, Login: "ada"}}})
	if err != nil {
		panic(err)
	}
	doc, variables = publishDocument([]write{{kind: "add"}, {kind: "edit"}, {kind: "open"}, {kind: "resolve"}, *w})
	add("publish", doc, variables)
	return out
}

func TestDocumentsAreGolden(t *testing.T) {
	t.Parallel()
	for name, b := range generated() {
		golden(t, name+".graphql", b.doc+"\n")
	}
}

// TestDocumentsFitGitLab validates every document, as it stands and as it is sent, and keeps each far
// enough below GitLab's limit of 250.
func TestDocumentsFitGitLab(t *testing.T) {
	t.Parallel()
	schema := gitlabSchema(t)
	docs := generated()
	files, err := documents.ReadDir("graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".graphql")
		if name != "fragments" && name != "groups" { // which declares no variable as it stands
			docs[name+", as it stands"] = built{document(name, nil), nil}
		}
	}
	limits := map[string]int{"conversation": 215, "conversation_roles": 215} // leaves room for versions that count more
	for name, b := range docs {
		query, errs := gqlparser.LoadQueryWithRules(schema, b.doc, nil)
		if errs != nil {
			t.Errorf("%s: %v\n%s", name, errs, numbered(b.doc))
			continue
		}
		limit := 240
		if l, ok := limits[name]; ok {
			limit = l
		}
		cost := 0
		for _, op := range query.Operations {
			cost += complexity(op.SelectionSet, b.variables)
		}
		t.Logf("%s: complexity %d, %d characters", name, cost, len(b.doc))
		if cost > limit || len(b.doc) > 10_000 {
			t.Errorf("%s: complexity %d of at most %d, %d characters of at most 10,000", name, cost, limit, len(b.doc))
		}
	}
}

// complexity is what GitLab counts (app/graphql/types/base_field.rb and resolvers/base_resolver.rb, 2026):
// one a field, one more where it asks Gitaly, and for the connection of a resolver one per cent for each
// entry of a page.
func complexity(set ast.SelectionSet, variables map[string]any) int {
	sum := 0
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			sum += complexity(s.SelectionSet, variables)
		case *ast.FragmentSpread:
			sum += complexity(s.Definition.SelectionSet, variables)
		case *ast.Field:
			sum += fieldComplexity(s, variables)
		}
	}
	return sum
}

func fieldComplexity(f *ast.Field, variables map[string]any) int {
	cost := map[string]any{}
	if d := f.Definition.Directives.ForName("cost"); d != nil {
		cost = d.ArgumentMap(nil)
	}
	own := 1
	if cost["gitaly"] == true {
		own++
	}
	if is, ok := cost["is"].(int64); ok {
		own = int(is)
	}
	args := f.ArgumentMap(variables)
	if per, ok := cost["per"].(string); ok {
		switch list := args[per].(type) {
		case []string:
			own += len(list)
		case []any:
			own += len(list)
		}
	}
	total := own + complexity(f.SelectionSet, variables)
	if cost["resolver"] == true && strings.HasSuffix(f.Definition.Type.Name(), "Connection") {
		total *= 2 // every page is of 100
	}
	return total
}

func numbered(s string) string {
	var b strings.Builder
	for i, line := range strings.Split(s, "\n") {
		fmt.Fprintf(&b, "%3d %s\n", i+1, line)
	}
	return b.String()
}
