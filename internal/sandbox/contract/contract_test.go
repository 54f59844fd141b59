package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const description = `{
  "paths": {"/things/{id}": {"patch": {
    "parameters": [{"$ref": "#/components/parameters/page"}],
    "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"state": {"type": "string", "enum": ["open", "closed"]}}}}}},
    "responses": {
      "200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}}},
      "204": {"description": ""}}}}},
  "components": {
    "parameters": {"page": {"name": "page", "in": "query", "schema": {"type": "integer"}}},
    "schemas": {
      "thing": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "owner": {"oneOf": [{"$ref": "#/components/schemas/user"}, {"type": "string"}]},
        "list": {"type": "array", "items": {"$ref": "#/components/schemas/user"}}, "free": {"type": "object"}}},
      "user": {"type": "object", "required": ["login"], "properties": {"login": {"type": "string"}, "thing": {"$ref": "#/components/schemas/thing"}}}}}}`

func modules(t *testing.T, path, text string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestREST(t *testing.T) {
	t.Parallel()
	rest, err := LoadREST(modules(t, "@octokit/openapi/generated/api.github.com.json", description))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		route    string
		query    string
		request  string
		status   int
		response string
		want     string // part of the one finding; empty: none
	}{
		{name: "good", query: "page=2", request: `{"state":"open"}`, status: 200, response: `{"id":1,"owner":{"login":"x","thing":{"id":2}},"list":[{"login":"y"}],"free":{"any":"thing"}}`},
		{name: "other branch", status: 200, response: `{"id":1,"owner":"x"}`},
		{name: "no body", status: 204},
		{name: "refused", status: 403, response: `{}`},
		{name: "route", route: "GET /things/{id}", want: "no such route"},
		{name: "query", query: "size=2", status: 204, want: `"size"`},
		{name: "enum", request: `{"state":"ajar"}`, status: 204, want: "/state"},
		{name: "request field", request: `{"stale":1}`, status: 204, want: "/stale: not documented"},
		{name: "status", status: 201, want: "status"},
		{name: "required", status: 200, response: `{}`, want: `"id" is missing`},
		{name: "type", status: 200, response: `{"id":"1"}`, want: "/id"},
		{name: "field", status: 200, response: `{"id":1,"name":"x"}`, want: "/name: not documented"},
		{name: "field in a list", status: 200, response: `{"id":1,"list":[{"login":"x"},{"login":"y","age":3}]}`, want: "/list/1/age: not documented"},
		{name: "field in a branch", status: 200, response: `{"id":1,"owner":{"login":"x","age":3}}`, want: "/owner/age: not documented"},
	} {
		x := Exchange{Route: tt.route, Query: tt.query, RequestBody: []byte(tt.request), Status: tt.status, ContentType: "application/json", ResponseBody: []byte(tt.response)}
		if x.Route == "" {
			x.Route = "PATCH /things/{id}"
		}
		got := rest.Check(x)
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSubset(t *testing.T) {
	t.Parallel()
	whole, err := LoadGraphQL(modules(t, "@octokit/graphql-schema/schema.graphql", `
		type Query { a(x: Int, must: Int!): A, b: [B!]! }
		type A implements N { id: ID! id: ID! name: String }
		interface N { id: ID! }
		enum B { ONE TWO }
		input I { must: Int!, may: Int }`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, part, want string }{
		{"cut", `type Query { a(must: Int!): A } type A { id: ID! } input I { must: Int! }`, ""},
		{"type", `type Query { b: [B!]! } enum B { ONE } type C { x: Int }`, "C: no such type"},
		{"field", `type Query { b: [B!]!, c: Int } enum B { ONE }`, "Query.c: no such field"},
		{"null", `type Query { b: [B!] } enum B { ONE }`, "Query.b: [B!]!, not [B!]"},
		{"value", `type Query { b: [B!]! } enum B { ONE THREE }`, "B: has no value THREE"},
		{"argument", `type Query { a(must: Int!, y: Int): A } type A { id: ID! }`, "Query.a(y): no such argument"},
		{"required argument", `type Query { a: A } type A { id: ID! }`, "Query.a(must): required, and left out"},
		{"required input", `type Query { b: [B!]! } enum B { ONE } input I { may: Int }`, "I.must: required, and left out"},
		{"kind", `type Query { b: [B!]! } scalar B`, "B: a ENUM, not a SCALAR"},
	} {
		part, err := gqlparser.LoadSchema(&ast.Source{Input: tt.part})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := strings.Join(Subset(part, whole), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
