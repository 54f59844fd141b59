package gql

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

var testSchema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	type Query { me: User, must: User!, people(first: Int, last: Int, after: String, before: String): UserConnection, any: [Being], echo(in: In = {n: 7}): Int, odd: Int, bad: Color, nums: [Int!], fail: User! }
	type Mutation { one: Int, two: Int! }
	interface Being { name: String }
	type User implements Being { name: String, age: Int!, friend: User }
	type Dog implements Being { name: String, legs: Int }
	union Pet = Dog
	enum Color { RED }
	input In { n: Int, deep: In, list: [Int!] }
	type UserConnection { nodes: [User], edges: [UserEdge], pageInfo: PageInfo!, totalCount: Int! }
	type UserEdge { cursor: String!, node: User }
	type PageInfo { endCursor: String, hasNextPage: Boolean!, hasPreviousPage: Boolean!, startCursor: String }`})

func user(name string) Object {
	return Object{"__typename": "User", "name": name, "age": 3, "friend": Field(func(Args) (any, error) { return user(name + "'s friend"), nil })}
}

func testRoot() Object {
	return Object{
		"me": user("ada"), "must": nil, "odd": "x", "bad": "BLUE", "nums": []any{1, nil},
		"fail": Field(func(Args) (any, error) { return nil, &Typed{"NO", "no"} }),
		"any":  []any{user("ada"), Object{"__typename": "Dog", "name": "rex", "legs": 4}, nil},
		"people": Field(func(a Args) (any, error) {
			return Connection("UserConnection", "people", a, []string{"a", "b", "c", "d", "e"}, func(n string) any { return user(n) })
		}),
		"echo": Field(func(a Args) (any, error) { return a.Object("in").Int("n") + len(a.Object("in").List("list")), nil }),
		"one":  Field(func(Args) (any, error) { return nil, errors.New("broken") }), "two": 2,
	}
}

func TestExecute(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, query, vars, want string }{
		{"fields", `{me{name age}}`, "", `{"data":{"me":{"age":3,"name":"ada"}}}`},
		{"alias and typename", `{x:me{__typename who:name}}`, "", `{"data":{"x":{"__typename":"User","who":"ada"}}}`},
		{"merged", `{me{friend{name}} me{friend{age}}}`, "", `{"data":{"me":{"friend":{"age":3,"name":"ada's friend"}}}}`},
		{"fragments", `{any{name ...on Dog{legs} ...U}} fragment U on User{age}`, "", `{"data":{"any":[{"age":3,"name":"ada"},{"legs":4,"name":"rex"},null]}}`},
		{"interface condition", `{any{...on Being{name}}}`, "", `{"data":{"any":[{"name":"ada"},{"name":"rex"},null]}}`},
		{"skip", `query($y:Boolean!){me{name @skip(if:$y) age @include(if:$y)}}`, `{"y":true}`, `{"data":{"me":{"age":3}}}`},
		{"default", `{echo}`, "", `{"data":{"echo":7}}`},
		{"variable", `query($i:In){echo(in:$i)}`, `{"i":{"n":2,"list":[1,2]}}`, `{"data":{"echo":4}}`},
		{"list of one", `query($i:In){echo(in:$i)}`, `{"i":{"n":2,"list":5}}`, `{"data":{"echo":3}}`},
		{"null goes up", `{must{name}}`, "", `{"data":null,"errors":[{"path":["must"],"locations":[{"line":1,"column":2}],"message":"null for the non-nullable field must"}]}`},
		{"null in a list", `{nums}`, "", `{"data":{"nums":null},"errors":[{"path":["nums",1],"locations":[{"line":1,"column":2}],"message":"null for the non-nullable field nums"}]}`},
		{"typed error", `{fail{name}}`, "", `{"data":null,"errors":[{"type":"NO","path":["fail"],"locations":[{"line":1,"column":2}],"message":"no"}]}`},
		{"wrong scalar", `{odd}`, "", `{"data":{"odd":null},"errors":[{"path":["odd"],"locations":[{"line":1,"column":2}],"message":"x is no Int"}]}`},
		{"wrong enum", `{bad}`, "", `{"data":{"bad":null},"errors":[{"path":["bad"],"locations":[{"line":1,"column":2}],"message":"BLUE is no Color"}]}`},
		{"mutation goes on", `mutation{a:one b:two}`, "", `{"data":{"a":null,"b":2},"errors":[{"path":["a"],"locations":[{"line":1,"column":10}],"message":"broken"}]}`},
	} {
		req := Request{Query: tt.query}
		if tt.vars != "" {
			dec := json.NewDecoder(strings.NewReader(tt.vars))
			dec.UseNumber()
			if err := dec.Decode(&req.Variables); err != nil {
				t.Fatal(err)
			}
		}
		p, errs := Prepare(testSchema, req)
		if errs != nil {
			t.Errorf("%s: %+v", tt.name, errs)
			continue
		}
		var got bytes.Buffer
		enc := json.NewEncoder(&got)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(p.Execute(testRoot())); err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(got.String()) != tt.want {
			t.Errorf("%s:\n got %swant %s", tt.name, got.String(), tt.want)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	for _, query := range []string{`{`, `{nothing}`, `{me}`, `{me{name{x}}}`, `query($x:Int){me{name}}`, `query A{me{name}} query B{me{name}}`, `query($y:Boolean!){me{name @skip(if:$y)}}`, `{...F} fragment F on Query{...F}`} {
		if _, errs := Prepare(testSchema, Request{Query: query, OperationName: "C"}); len(errs) == 0 {
			t.Errorf("accepted %s", query)
		}
	}
}

func TestConnection(t *testing.T) {
	t.Parallel()
	names := func(a Args) (list string, next, previous bool, end, start string) {
		t.Helper()
		v, err := Connection("UserConnection", "people", a, []string{"a", "b", "c", "d", "e"}, func(n string) any { return n })
		if err != nil {
			t.Fatal(err)
		}
		o := v.(Object)
		for _, n := range o["nodes"].([]any) {
			list += n.(string)
		}
		info := o["pageInfo"].(Object)
		end, _ = info["endCursor"].(string)
		start, _ = info["startCursor"].(string)
		return list, info["hasNextPage"].(bool), info["hasPreviousPage"].(bool), end, start
	}
	forward, after := "", Args{"first": 2}
	for {
		list, next, _, end, _ := names(after)
		forward += list + "|"
		if !next {
			break
		}
		after = Args{"first": 2, "after": end}
	}
	backward, before := "", Args{"last": 2}
	for {
		list, _, previous, _, start := names(before)
		backward += list + "|"
		if !previous {
			break
		}
		before = Args{"last": 2, "before": start}
	}
	if forward != "ab|cd|e|" || backward != "de|bc|a|" {
		t.Errorf("forward %s, backward %s", forward, backward)
	}
	for _, a := range []Args{{}, {"first": 101}, {"last": -1}, {"first": 1, "after": "x"}} {
		if _, err := Connection("UserConnection", "people", a, []string{"a"}, func(n string) any { return n }); err == nil {
			t.Errorf("accepted %v", a)
		}
	}
}
