package sandbox

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lumos-governance/lumos/internal/sandbox/gql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed schema_gitlab.graphql
var gitlabSchemaText string

var gitlabSchema = gqlparser.MustLoadSchema(&ast.Source{Name: "schema_gitlab.graphql", Input: gitlabSchemaText})

// The limits of GitLab's GraphQL interface for somebody who is logged in, and for anybody else
// (app/graphql/gitlab_schema.rb and doc/api/graphql/_index.md, 2026).
const (
	labMaxComplexity, labAnonymousComplexity = 250, 200
	labMaxDepth, labAnonymousDepth           = 20, 15
	labMaxQuery                              = 10_000 // characters
	labMaxPage                               = 100
)

// What GitLab says of a token that it does not take, and, alike, of what is not there and not allowed.
var (
	errInvalidToken = errors.New("Invalid token")
	errUnavailable  = errors.New("The resource that you are attempting to access does not exist or you don't have permission to perform this action")
)

// lab resolves GitLab's GraphQL for one actor; without a token it is nobody.
type lab struct {
	s     *Sandbox
	by    actor
	score int // the complexity of the request
	limit int
}

func (s *Sandbox) serveGitLabGraphQL(w http.ResponseWriter, r *http.Request) {
	x := noted(r)
	x.Route = "POST /graphql"
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &lab{s: s, limit: labAnonymousComplexity}
	by, err := s.labActor(r)
	if err != nil {
		s.writeJSON(w, http.StatusUnauthorized, gql.Response{Errors: []gql.Error{{Message: err.Error()}}})
		return
	}
	depth := labAnonymousDepth
	if l.by = by; by.token != nil {
		x.Who, l.limit, depth = by.name(), labMaxComplexity, labMaxDepth
	}
	var req gql.Request
	dec := json.NewDecoder(bytes.NewReader(x.RequestBody))
	dec.UseNumber()
	if err := dec.Decode(&req); err != nil {
		s.writeJSON(w, http.StatusBadRequest, gql.Response{Errors: []gql.Error{{Message: "Unexpected end of document"}}})
		return
	}
	p, errs := l.prepare(req, depth)
	if p != nil {
		x.Operations = p.Operations()
	}
	if len(errs) > 0 {
		s.writeJSON(w, http.StatusOK, gql.Response{Errors: errs})
		return
	}
	root := l.query()
	if p.Mutation() {
		root = l.mutation()
	}
	s.writeJSON(w, http.StatusOK, p.Execute(root))
}

// labActor finds who asks, by an access token whose scope the GraphQL interface takes. Without a token
// it is nobody.
func (s *Sandbox) labActor(r *http.Request) (actor, error) {
	header := r.Header.Get("Authorization")
	if r.Header.Get("Private-Token") == "" && header == "" {
		return actor{}, nil
	}
	by, err := s.gitlabActor(r)
	if err != nil || len(header) > 5 && strings.EqualFold(header[:6], "basic ") || !by.scoped("api", "read_api") {
		return actor{}, errInvalidToken
	}
	return by, nil
}

// prepare is everything that GitLab checks before it answers.
func (l *lab) prepare(req gql.Request, depth int) (*gql.Prepared, []gql.Error) {
	if utf8.RuneCountInString(req.Query) > labMaxQuery {
		return nil, []gql.Error{{Message: "Query too large"}}
	}
	p, errs := gql.Prepare(gitlabSchema, req)
	if len(errs) > 0 {
		return nil, errs
	}
	var refused []gql.Error
	if l.score = p.Complexity(labCost); l.score > l.limit {
		refused = append(refused, gql.Error{Message: fmt.Sprintf("Query has complexity of %d, which exceeds max complexity of %d", l.score, l.limit)})
	}
	if n := p.Depth(); n > depth {
		refused = append(refused, gql.Error{Message: fmt.Sprintf("Query has depth of %d, which exceeds max depth of %d", n, depth)})
	}
	return p, refused
}

// labCost is what GitLab counts for a field (app/graphql/types/base_field.rb and
// app/graphql/resolvers/base_resolver.rb, 2026).
func labCost(f *ast.Field, a gql.Args, below int) int {
	cost := gql.Args{}
	if d := f.Definition.Directives.ForName("cost"); d != nil {
		cost = d.ArgumentMap(nil)
	}
	own := 1
	if cost["gitaly"] == true {
		own++
	}
	if cost.Given("is") {
		own = cost.Int("is")
	}
	if cost.Given("per") {
		own += len(a.List(cost.String("per")))
	}
	if a.Given("search") {
		own += 5
	}
	sum := own + below
	if cost["resolver"] == true && strings.HasSuffix(f.Definition.Type.Name(), "Connection") && !a.Given("iids") {
		sum += sum * labPage(a) / 100
	}
	return sum
}

func labPage(a gql.Args) int {
	n := labMaxPage
	for _, bound := range []string{"first", "last"} {
		if a.Given(bound) {
			n = min(n, max(a.Int(bound), 0))
		}
	}
	return n
}

// labConnection cuts a page out of items. GitLab needs no bound and takes more than 100 for 100.
func labConnection[T any](typename string, a gql.Args, items []T, node func(T) any) (any, error) {
	if a.Given("first") && a.Given("last") {
		return nil, errors.New("Can only provide either `first` or `last`, not both")
	}
	if a.Int("first") < 0 || a.Int("last") < 0 {
		return nil, errors.New("a page cannot have fewer than no entries")
	}
	from, to := 0, len(items)
	var err error
	if a.Given("after") {
		if from, err = labPosition(a.String("after")); err != nil {
			return nil, err
		}
		from = min(from, to)
	}
	if a.Given("before") {
		n, err := labPosition(a.String("before"))
		if err != nil {
			return nil, err
		}
		to = max(from, min(n-1, to))
	}
	if size := labPage(a); a.Given("last") {
		from = max(from, to-size)
	} else {
		to = min(to, from+size)
	}
	nodes, edges := []any{}, []any{}
	for i := from; i < to; i++ {
		v := node(items[i])
		nodes = append(nodes, v)
		edges = append(edges, gql.Object{"__typename": strings.TrimSuffix(typename, "Connection") + "Edge", "cursor": labCursor(i + 1), "node": v})
	}
	info := gql.Object{"__typename": "PageInfo", "hasNextPage": to < len(items), "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
	if from < to {
		info["startCursor"], info["endCursor"] = labCursor(from+1), labCursor(to)
	}
	return gql.Object{"__typename": typename, "count": len(items), "pageInfo": info, "nodes": nodes, "edges": edges}, nil
}

func labCursor(n int) string { return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(n))) }

func labPosition(cursor string) (int, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(cursor, "="))
	n, bad := strconv.Atoi(string(raw))
	if err != nil || bad != nil || n < 1 {
		return 0, errors.New("Please provide a valid cursor")
	}
	return n, nil
}

// gid is a global id.
func gid(kind string, id any) string { return fmt.Sprintf("gid://gitlab/%s/%v", kind, id) }

// parseGID takes a global id apart, if it is of one of the kinds; as names the scalar for the refusal.
func parseGID(id, as string, kinds ...string) (string, error) {
	rest, ok := strings.CutPrefix(id, "gid://gitlab/")
	i := strings.LastIndexByte(rest, '/')
	switch {
	case !ok || i <= 0 || i == len(rest)-1:
		return "", fmt.Errorf("Invalid Global ID: %q is not a valid Global ID", id)
	case !slices.Contains(kinds, rest[:i]):
		return "", fmt.Errorf("%q does not represent an instance of %s", id, as)
	}
	return rest[i+1:], nil
}

func parseNumberedGID(id, as string, kinds ...string) (int64, error) {
	text, err := parseGID(id, as, kinds...)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q does not represent an instance of %s", id, as)
	}
	return n, nil
}

// labField makes a field that needs its arguments. What the sandbox refuses in REST's words is the
// message alone here.
func labField(f func(gql.Args) (any, error)) gql.Field {
	return func(a gql.Args) (any, error) {
		v, err := f(a)
		var e *Error
		if errors.As(err, &e) {
			err = errors.New(e.Message)
		}
		return v, err
	}
}

func (l *lab) query() gql.Object {
	return gql.Object{
		"currentUser": lazy(func() any {
			if l.by.token == nil {
				return nil
			}
			return l.user(l.by.account, "CurrentUser")
		}),
		"echo": labField(func(a gql.Args) (any, error) {
			who := "nil"
			if l.by.token != nil {
				who = l.by.account.Login
			}
			return fmt.Sprintf("%q says: %s", who, a.String("text")), nil
		}),
		"metadata":        gql.Object{"__typename": "Metadata", "version": labVersion, "revision": "sandbox"},
		"queryComplexity": gql.Object{"__typename": "QueryComplexity", "limit": l.limit, "score": l.score},
		"user": labField(func(a gql.Args) (any, error) {
			if a.Given("id") == a.Given("username") {
				return nil, errors.New("Provide either a single username or id")
			}
			u := l.s.account(a.String("username"))
			if a.Given("id") {
				n, err := parseNumberedGID(a.String("id"), "User", "User")
				if err != nil {
					return nil, err
				}
				u = l.s.accounts[n]
			}
			if u == nil || u.Type == kindOrg || l.by.token == nil {
				return nil, nil
			}
			return l.user(u, "UserCore"), nil
		}),
		"group": labField(func(a gql.Args) (any, error) {
			g := l.s.group(a.String("fullPath"))
			if g == nil || !l.seesGroup(g) {
				return nil, nil
			}
			return l.group(g), nil
		}),
		"project": labField(func(a gql.Args) (any, error) {
			r := l.s.repoByFull(a.String("fullPath"))
			if r == nil || !l.sees(r) {
				return nil, nil
			}
			return l.project(r), nil
		}),
		"mergeRequest": labField(func(a gql.Args) (any, error) {
			p, err := l.mergeByID(a.String("id"), "MergeRequest", "MergeRequest")
			if p == nil || err != nil {
				return nil, err
			}
			return l.merge(p), nil
		}),
	}
}

// labVersion is the GitLab whose rules the sandbox follows.
const labVersion = "18.5.0"
