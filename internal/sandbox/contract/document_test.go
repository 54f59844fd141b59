package contract

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

var things = gqlparser.MustLoadSchema(&ast.Source{Input: `
	scalar DateTime scalar URI scalar GitObjectID scalar Base64String scalar BigInt
	enum State { OPEN CLOSED }
	interface Node { id: ID! }
	type Thing implements Node { id: ID!, name: String, state: State!, at: DateTime, n: Int!, big: BigInt, oid: GitObjectID, url: URI, list: [Thing!]! , owner: Node }
	type Team implements Node { id: ID!, slug: String! }
	input Change { state: State!, oid: GitObjectID, contents: Base64String, parts: [Change!] }
	type Query { thing(id: ID!): Thing, node: Node }
	type Mutation { change(input: Change!): Thing }`})

func TestCheckGraphQL(t *testing.T) {
	t.Parallel()
	const whole = `query Q { thing(id: "1") { id name state at n big oid url list { id } } }`
	const good = `"id": "1", "name": null, "state": "OPEN", "at": "2026-11-20T10:00:00Z", "n": 3, "big": "9007199254740993",
		"oid": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "url": "https://acme.example/x", "list": [{"id": "2"}]`
	thing := func(edit ...string) string {
		return `{"data": {"thing": {` + strings.NewReplacer(edit...).Replace(good) + `}}}`
	}
	const change = `mutation M($input: Change!) { change(input: $input) { id } }`
	const changed = `{"data": {"change": {"id": "1"}}}`
	const node = `query N { node { id ... on Team { slug } } }`
	for _, tt := range []struct{ name, query, variables, answer, want string }{
		{"good", whole, `{}`, thing(), ""},
		{"nothing there", whole, `{}`, `{"data": {"thing": null}, "errors": [{"message": "no"}]}`, ""},
		{"refused whole", whole, `{}`, `{"errors": [{"message": "no"}]}`, ""},
		{"empty answer", whole, `{}`, `{}`, "neither data nor errors"},
		{"error without words", whole, `{}`, `{"data": {"thing": null}, "errors": [{}]}`, "errors/0: no message"},
		{"no such field", `query Q { thing(id: "1") { size } }`, `{}`, thing(), `document: `},
		{"no such argument", `query Q { thing(id: "1", x: 2) { id } }`, `{}`, thing(), `document: `},
		{"field too many", whole, `{}`, thing(`"n": 3`, `"n": 3, "size": 1`), "data/thing/size: was not selected"},
		{"field too few", whole, `{}`, thing(`"n": 3,`, ``), "data/thing/n: was selected and is not there"},
		{"null", whole, `{}`, thing(`"n": 3`, `"n": null`), "data/thing/n: null"},
		{"null in a list", whole, `{}`, thing(`{"id": "2"}`, `null`), "data/thing/list/0: null"},
		{"enum", whole, `{}`, thing(`OPEN`, `AJAR`), "data/thing/state: AJAR is no State"},
		{"integer", whole, `{}`, thing(`"n": 3`, `"n": 3000000000`), "data/thing/n: 3000000000 is no Int"},
		{"text", whole, `{}`, thing(`"name": null`, `"name": 3`), "data/thing/name: 3 is no String"},
		{"time", whole, `{}`, thing(`2026-11-20T10:00:00Z`, `today`), "data/thing/at: today is no DateTime"},
		{"object id", whole, `{}`, thing(`da39`, `xx`), "is no GitObjectID"},
		{"relative url", whole, `{}`, thing(`https://acme.example`, ``), "is no URI"},
		{"big number", whole, `{}`, thing(`"9007199254740993"`, `9007199254740993`), "is no BigInt"},
		{"one of an interface", node, `{}`, `{"data": {"node": {"id": "1", "slug": "risk"}}}`, ""},
		{"the other one", node, `{}`, `{"data": {"node": {"id": "1"}}}`, ""},
		{"none of an interface", node, `{}`, `{"data": {"node": {"slug": "risk"}}}`, "data/node/id: was selected"},
		{"variables", change, `{"input": {"state": "OPEN", "contents": "YQ==", "parts": [{"state": "CLOSED"}]}}`, changed, ""},
		{"variable enum", change, `{"input": {"state": "open"}}`, changed, "variables/input/state: open is no State"},
		{"variable missing", change, `{}`, changed, "variables: "},
		{"variable field", change, `{"input": {"state": "OPEN", "size": 1}}`, changed, "variables: "},
		{"variable form", change, `{"input": {"state": "OPEN", "parts": [{"state": "OPEN", "oid": "main"}]}}`, changed, "variables/input/parts/0/oid: main is no GitObjectID"},
		{"variable bytes", change, `{"input": {"state": "OPEN", "contents": "%"}}`, changed, "is no Base64String"},
	} {
		request, err := json.Marshal(map[string]any{"query": tt.query, "variables": json.RawMessage(tt.variables)})
		if err != nil {
			t.Fatal(err)
		}
		got := CheckGraphQL(things, request, []byte(tt.answer))
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	t.Parallel()
	const described = `{"paths": {"/repos/{owner}/contents/{path}": {"get": {
		"parameters": [
			{"name": "owner", "in": "path", "required": true, "schema": {"type": "string"}},
			{"name": "path", "in": "path", "required": true, "schema": {"type": "string"}},
			{"name": "page", "in": "query", "schema": {"type": "integer"}},
			{"name": "state", "in": "query", "required": true, "schema": {"type": "string", "enum": ["open", "all"]}},
			{"name": "Range", "in": "header", "schema": {"type": "string", "maxLength": 5}}],
		"responses": {"204": {"description": ""}}}},
	"/things/{id}": {"get": {
		"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
		"responses": {"204": {"description": ""}}}}}, "components": {}}`
	rest, err := LoadREST(modules(t, "@octokit/openapi/generated/api.github.com.json", described))
	if err != nil {
		t.Fatal(err)
	}
	const contents = "GET /repos/{owner}/contents/{path}"
	for _, tt := range []struct{ name, route, path, query, ranged, want string }{
		{"good", contents, "/repos/acme/contents/a/b%20c", "state=open&page=2", "1-2", ""},
		{"number", contents, "/repos/acme/contents/a", "state=all&page=two", "", `query parameter "page": "two"`},
		{"enum", contents, "/repos/acme/contents/a", "state=shut", "", `query parameter "state": "shut"`},
		{"required", contents, "/repos/acme/contents/a", "", "", `query parameter "state" is missing`},
		{"header", contents, "/repos/acme/contents/a", "state=open", "1-2000", `header parameter "Range"`},
		{"other path", contents, "/repos/acme/content/a", "state=open", "", "does not fit"},
		{"short path", contents, "/repos/acme", "state=open", "", "does not fit"},
		{"path number", "GET /things/{id}", "/things/7", "", "", ""},
		{"path text", "GET /things/{id}", "/things/seven", "", "", `path parameter "id": "seven"`},
		{"undocumented route", "GET /nothing", "/nothing", "", "", ""}, // for Check to say
	} {
		header := http.Header{}
		if tt.ranged != "" {
			header.Set("Range", tt.ranged)
		}
		got := rest.CheckParameters(Exchange{Route: tt.route, Query: tt.query}, tt.path, header)
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
