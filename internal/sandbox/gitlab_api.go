package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const gitlabRoot = "/api/v4"

// glRoute is one line of GitLab's REST interface.
type glRoute struct {
	pattern string // as GitLab's description writes it, without /api/v4
	params  string // see params
	access  int    // the least access level in the project or group; 0: whoever sees it
	fn      func(c *glCall) (status int, body any, err error)
}

// glCall is one REST request on its way.
type glCall struct {
	s      *Sandbox
	req    *http.Request
	header http.Header // of the answer
	by     actor
	params map[string]any // those that the route declares
	repo   *repo          // of routes below /projects/{id}
	group  *Account       // of routes below /groups/{id}
	mr     *pull          // of routes below …/{merge_request_iid}
}

// gitlabTables are all routes.
func gitlabTables() []glRoute {
	return slices.Concat(glUserRoutes, glProjectRoutes, glMRRoutes, glNoteRoutes, glIssueRoutes, glSuggestionRoutes, glApprovalRoutes, glRepositoryRoutes, glFileRoutes,
		glRefRoutes, glPipelineRoutes, glHookRoutes)
}

// gitlabRoutes builds the router of a GitLab. A path parameter is one segment: slashes in it are sent
// encoded, as GitLab wants them.
func (s *Sandbox) gitlabRoutes() router {
	var rt router
	for _, one := range gitlabTables() {
		method, path, _ := strings.Cut(one.pattern, " ")
		rt = append(rt, line{method, strings.Split(gitlabRoot+path, "/"), s.handleGitLab(one)})
	}
	// A word is more than a parameter: /members/all is no member.
	slices.SortStableFunc(rt, func(a, b line) int {
		for i := range min(len(a.segments), len(b.segments)) {
			pa, pb := strings.HasPrefix(a.segments[i], "{"), strings.HasPrefix(b.segments[i], "{")
			switch {
			case pa && !pb:
				return 1
			case pb && !pa:
				return -1
			}
		}
		return 0
	})
	rt.add("POST "+graphqlPath, s.serveGitLabGraphQL)
	return rt
}

// gitlabFind is find for GitLab's paths.
func (rt router) gitlabFind(r *http.Request) http.HandlerFunc {
	got := strings.Split(r.URL.EscapedPath(), "/")
	for _, l := range rt {
		if l.method != r.Method || len(l.segments) != len(got) {
			continue
		}
		values, ok := map[string]string{}, true
		for i, want := range l.segments {
			if name, is := strings.CutPrefix(want, "{"); is && got[i] != "" {
				v, err := url.PathUnescape(got[i])
				values[strings.TrimSuffix(name, "}")], ok = v, ok && err == nil
			} else if want != got[i] {
				ok = false
			}
		}
		if !ok {
			continue
		}
		for name, v := range values {
			r.SetPathValue(name, v)
		}
		return l.handler
	}
	return nil
}

func (s *Sandbox) handleGitLab(rt glRoute) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := noted(r)
		x.Route = rt.pattern
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gitlabHeaders(w.Header())
		by, err := s.gitlabActor(r)
		if err != nil {
			s.writeError(w, err)
			return
		}
		x.Who = by.name()
		c := &glCall{s: s, req: r, header: w.Header(), by: by}
		status, body, err := c.run(rt, x.RequestBody)
		if err != nil {
			s.writeError(w, err)
			return
		}
		if text, ok := body.(raw); ok {
			w.Header().Set("Content-Type", text.contentType)
			w.WriteHeader(status)
			_, _ = w.Write(text.data)
			return
		}
		s.writeJSON(w, status, body)
	}
}

// run checks what surrounds a route, in GitLab's order: the token's scope, the parameters, whether the
// project is there for who asks, and their level.
func (c *glCall) run(rt glRoute, body []byte) (int, any, error) {
	scopes := []string{"api"}
	if c.req.Method == http.MethodGet {
		scopes = append(scopes, "read_api")
		if strings.Contains(rt.pattern, "/repository/") {
			scopes = append(scopes, "read_repository")
		}
	}
	if err := c.by.needScope(scopes...); err != nil {
		return 0, nil, err
	}
	if err := c.readParams(rt.params, body); err != nil {
		return 0, nil, err
	}
	if err := c.find(rt); err != nil {
		return 0, nil, err
	}
	have := accessOwner
	switch {
	case c.repo != nil:
		have = c.s.access(c.by.account, c.repo)
	case c.group != nil:
		have = c.s.groupAccess(c.by.account, c.group)
	}
	if have < rt.access {
		return 0, nil, errForbidden
	}
	return rt.fn(c)
}

// find resolves what the path names.
func (c *glCall) find(rt glRoute) error {
	id := c.req.PathValue("id")
	switch {
	case strings.Contains(rt.pattern, " /projects/{id}"):
		if c.repo = c.s.project(id); c.repo == nil || c.s.level(c.by.account, c.repo) == 0 {
			return notFoundOf("Project")
		}
	case strings.Contains(rt.pattern, " /groups/{id}"):
		for _, a := range c.s.accounts {
			if a.Type == kindOrg && (strconv.FormatInt(a.ID, 10) == id || strings.EqualFold(a.Login, id)) {
				c.group = a
			}
		}
		if c.group == nil {
			return notFoundOf("Group")
		}
	}
	if iid := c.req.PathValue("merge_request_iid"); iid != "" {
		n, err := strconv.Atoi(iid)
		if err != nil {
			return refuse(http.StatusBadRequest, "merge_request_iid is invalid").as(kindError)
		}
		if c.mr = c.repo.pulls[n]; c.mr == nil {
			return notFoundOf("")
		}
	}
	return nil
}

// project finds a project by its number or its full path.
func (w *world) project(id string) *repo {
	for _, r := range w.repos {
		if strconv.FormatInt(r.ID, 10) == id {
			return r
		}
	}
	return w.repoByFull(id)
}

// gitlabHeaders are those of every answer.
func (s *Sandbox) gitlabHeaders(h http.Header) {
	h.Set("X-Request-Id", strings.ToUpper(strings.ReplaceAll(guid(), "-", ""))[:26])
	h.Set("X-Gitlab-Meta", `{"correlation_id":"`+h.Get("X-Request-Id")+`","version":"1"}`)
	h.Set("RateLimit-Limit", "2000")
	h.Set("RateLimit-Name", "throttle_authenticated_api")
	h.Set("RateLimit-Observed", "1")
	h.Set("RateLimit-Remaining", "1999")
	h.Set("RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
}

// pathNumber reads a numeric part of the path; anything else names nothing.
func (c *glCall) pathNumber(name string) int64 {
	n, err := strconv.ParseInt(c.req.PathValue(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// glList renders the page that was asked for, with GitLab's headers of where it stands.
func glList[T any](c *glCall, items []T, render func(T) any) (int, any, error) {
	size := int(c.number("per_page"))
	if size < 1 {
		size = 20
	}
	size = min(size, 100)
	n := max(int(c.number("page")), 1)
	last := max(1, (len(items)+size-1)/size)
	var links []string
	link := func(rel string, to int) {
		q := c.req.URL.Query()
		q.Set("page", strconv.Itoa(to))
		q.Set("per_page", strconv.Itoa(size))
		links = append(links, fmt.Sprintf("<%s%s?%s>; rel=%q", c.s.url, c.req.URL.EscapedPath(), q.Encode(), rel))
	}
	number := func(is bool, to int) string {
		if !is {
			return ""
		}
		return strconv.Itoa(to)
	}
	if n > 1 {
		link("prev", n-1)
	}
	if n < last {
		link("next", n+1)
	}
	link("first", 1)
	link("last", last)
	c.header.Set("Link", strings.Join(links, ", "))
	c.header.Set("X-Page", strconv.Itoa(n))
	c.header.Set("X-Per-Page", strconv.Itoa(size))
	c.header.Set("X-Prev-Page", number(n > 1, n-1))
	c.header.Set("X-Next-Page", number(n < last, n+1))
	c.header.Set("X-Total", strconv.Itoa(len(items)))
	c.header.Set("X-Total-Pages", strconv.Itoa(last))
	from := min((n-1)*size, len(items))
	return http.StatusOK, each(items[from:min(from+size, len(items))], render), nil
}

// stampMS is a time as REST writes it, or nil.
func stampMS(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
