package sandbox

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lumos-governance/lumos/internal/sandbox/gql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed schema.graphql
var schemaText string

var schema = gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})

// graph resolves GraphQL for one actor.
type graph struct {
	s  *Sandbox
	by actor
}

func (s *Sandbox) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	x := noted(r)
	x.Route = "POST /graphql"
	s.mu.Lock()
	defer s.mu.Unlock()
	by, err := s.authenticate(r)
	if err == nil && by.jwt {
		err = errBadCreds // an App speaks GraphQL only as an installation
	}
	if err != nil {
		s.writeError(w, err)
		return
	}
	x.Who = by.name()
	var req gql.Request
	dec := json.NewDecoder(bytes.NewReader(x.RequestBody))
	dec.UseNumber()
	if err := dec.Decode(&req); err != nil {
		s.writeError(w, refuse(http.StatusBadRequest, "Problems parsing JSON"))
		return
	}
	s.commonHeaders(w.Header(), "graphql")
	p, errs := gql.Prepare(schema, req)
	if len(errs) > 0 {
		s.writeJSON(w, http.StatusOK, gql.Response{Errors: errs})
		return
	}
	x.Operations = p.Operations()
	g := &graph{s: s, by: by}
	root := g.query()
	if p.Mutation() {
		root = g.mutation()
	}
	s.writeJSON(w, http.StatusOK, p.Execute(root))
}

// field makes a field that needs its arguments; lazy one that does not.
func field(f func(gql.Args) (any, error)) gql.Field {
	return func(a gql.Args) (any, error) {
		v, err := f(a)
		return v, typed(err)
	}
}

func lazy(f func() any) gql.Field { return func(gql.Args) (any, error) { return f(), nil } }

// typed gives an error GitHub's GraphQL type.
func typed(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	message := e.Message
	for _, f := range e.Fields {
		if f.Message != "" {
			message = f.Message
		}
	}
	for _, d := range e.Details {
		message = d
	}
	return &gql.Typed{Type: e.kind(), Message: message}
}

func missing(format string, args ...any) error {
	return &gql.Typed{Type: "NOT_FOUND", Message: fmt.Sprintf(format, args...)}
}

func (g *graph) query() gql.Object {
	return gql.Object{
		"viewer": lazy(func() any { return g.asUser(g.by.account) }), // of an App it is its bot, shown as a user
		"user": field(func(a gql.Args) (any, error) {
			u := g.s.account(a.String("login"))
			if u == nil || u.Type != kindUser {
				return nil, missing("Could not resolve to a User with the login of '%s'.", a.String("login"))
			}
			return g.account(u), nil
		}),
		"organization": field(func(a gql.Args) (any, error) {
			o := g.s.account(a.String("login"))
			if o == nil || o.Type != kindOrg {
				return nil, missing("Could not resolve to an Organization with the login of '%s'.", a.String("login"))
			}
			return g.account(o), nil
		}),
		"repository": field(func(a gql.Args) (any, error) {
			r := g.s.repo(a.String("owner"), a.String("name"))
			if r == nil || !g.s.sees(g.by, r) {
				return nil, missing("Could not resolve to a Repository with the name '%s/%s'.", a.String("owner"), a.String("name"))
			}
			return g.repo(r), nil
		}),
		"node": field(func(a gql.Args) (any, error) { return g.node(a.String("id")) }),
		"nodes": field(func(a gql.Args) (any, error) {
			out := []any{}
			for _, id := range a.Strings("ids") {
				v, err := g.node(id)
				if err != nil {
					return nil, err
				}
				out = append(out, v)
			}
			return out, nil
		}),
		"rateLimit": gql.Object{"__typename": "RateLimit", "cost": 1, "limit": hourly, "nodeCount": 0, "remaining": hourly - 1, "used": 1,
			"resetAt": stamp(time.Now().Add(time.Hour))},
	}
}

// node finds an object by its global id; what may not be seen is not there.
func (g *graph) node(id string) (any, error) {
	kind, n := parseNode(id)
	switch kind {
	case "U", "O", "BOT":
		if a := g.s.accounts[n]; a != nil {
			return g.account(a), nil
		}
	case "T":
		if t := g.s.teamByID(n); t != nil && g.s.seesTeams(g.by, t.Org) {
			return g.team(t), nil
		}
	}
	for _, r := range g.s.repos {
		if !g.s.sees(g.by, r) {
			continue
		}
		if kind == "R" && r.ID == n {
			return g.repo(r), nil
		}
		if kind == "CR" {
			for _, c := range r.checks {
				if c.ID == n {
					return g.check(c), nil
				}
			}
		}
		for _, p := range r.pulls {
			if kind == "PR" && p.ID == n {
				return g.pull(p), g.may(r, readPulls)
			}
			if c := p.comment(n); kind == "IC" && c != nil {
				return g.comment(c), g.may(r, readTalk)
			}
			if v := p.review(n); kind == "PRR" && v != nil {
				return g.review(p, v), g.may(r, readPulls)
			}
			for _, t := range p.Lines {
				if kind == "PRRT" && t.ID == n {
					return g.lineThread(t), g.may(r, readPulls)
				}
			}
		}
	}
	return nil, missing("Could not resolve to a node with the global id of '%s'", id)
}

func (w *world) teamByID(id int64) *team {
	for _, t := range w.teams {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// may checks a need; GraphQL tells what is forbidden as such.
func (g *graph) may(r *repo, n need) error { return typed(g.s.allow(g.by, r, n)) }
