package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	apiRoot     = "/api/v3"
	graphqlPath = "/api/graphql"
	maxRequest  = 45 << 20 // what GitHub takes in one GraphQL mutation, the largest of its requests
	hourly      = 5000     // the allowance that the headers speak of; it is never enforced but by a Fault
)

// Exchange is one API request and what was answered.
type Exchange struct {
	Start, End time.Time
	Method     string
	Path       string   // as sent, with the API's root and the query
	Route      string   // "GET /repos/{owner}/{repo}", "POST /graphql"; empty if there is no such route
	Operations []string // of GraphQL: "query repository", "mutation addComment", …
	Who        string   // login or App slug; empty if unknown
	Status     int

	// Only for Observe, not kept in the log.
	RequestHeader, ResponseHeader http.Header
	RequestBody, ResponseBody     []byte
}

// Requests is the log of all API requests so far, in the order in which they ended.
func (s *Sandbox) Requests() []Exchange {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return slices.Clone(s.log)
}

// ResetRequests empties the log.
func (s *Sandbox) ResetRequests() {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	s.log = nil
}

// recorder keeps an answer until it is known whether it is to be sent.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

type exchangeKey struct{}

// noted is the exchange that belongs to a request, for handlers to complete.
func noted(r *http.Request) *Exchange { return r.Context().Value(exchangeKey{}).(*Exchange) }

// serveAPI surrounds the API proper with what every request meets: the log, delay and faults.
func (s *Sandbox) serveAPI(w http.ResponseWriter, r *http.Request) {
	x := &Exchange{Start: time.Now(), Method: r.Method, Path: r.URL.RequestURI(), RequestHeader: r.Header.Clone()}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	defer func() {
		x.End, x.Status = time.Now(), rec.status
		x.ResponseHeader, x.ResponseBody = rec.header, rec.body.Bytes()
		if s.opt.Observe != nil {
			s.opt.Observe(*x)
		}
		x.RequestHeader, x.RequestBody, x.ResponseHeader, x.ResponseBody = nil, nil, nil, nil
		s.logMu.Lock()
		s.log = append(s.log, *x)
		s.logMu.Unlock()
		for k, v := range rec.header {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes()) // the client may be gone
	}()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		s.writeError(rec, refuse(http.StatusRequestEntityTooLarge, "Request body too large"))
		return
	}
	x.RequestBody = body
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !pause(r.Context(), s.opt.Latency) {
		return
	}
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, s.root()), "/api")
	fault := s.Faults.strike(r.Method, path)
	if fault != nil {
		if !pause(r.Context(), fault.Delay) {
			return
		}
		if fault.Status != 0 && !fault.After {
			fault.answer(rec)
			return
		}
	}
	find, unknown := s.api.find, errNotFound
	if s.dialect == GitLab {
		find, unknown = s.api.gitlabFind, errNoRoute
	}
	if h := find(r); h != nil {
		h(rec, r)
	} else {
		s.writeError(rec, unknown)
	}
	if fault != nil && fault.Status != 0 {
		*rec = recorder{header: http.Header{}, status: fault.Status}
		fault.answer(rec)
	}
}

// pause waits, and reports whether the client is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// call is one REST request on its way.
type call struct {
	s      *Sandbox
	req    *http.Request
	header http.Header // of the answer
	by     actor
	repo   *repo // if the route names one
}

// raw is an answer that is not JSON.
type raw struct {
	contentType string
	data        []byte
}

// route is one line of the REST interface.
type route struct {
	pattern string // as GitHub's description writes it
	need    need
	fn      func(c *call) (status int, body any, err error)
}

// routes builds the API's router. Handlers run with the world locked.
func (s *Sandbox) routes() router {
	if s.dialect == GitLab {
		return s.gitlabRoutes()
	}
	var rt router
	for _, list := range [][]route{appRoutes, repoRoutes, pullRoutes, issueRoutes, trackerRoutes, checkRoutes, gitRoutes, orgRoutes} {
		for _, one := range list {
			rt.add(strings.Replace(one.pattern, " ", " "+apiRoot, 1), s.handle(one))
		}
	}
	rt.add("POST "+graphqlPath, s.serveGraphQL)
	return rt
}

func (s *Sandbox) handle(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := noted(r)
		x.Route = rt.pattern
		s.mu.Lock()
		defer s.mu.Unlock()
		by, err := s.authenticate(r)
		if err != nil {
			s.writeError(w, err)
			return
		}
		x.Who = by.name()
		c := &call{s: s, req: r, header: w.Header(), by: by}
		status, body, err := c.run(rt)
		if err != nil {
			s.writeError(w, err)
			return
		}
		s.commonHeaders(w.Header(), "core")
		if text, ok := body.(raw); ok {
			w.Header().Set("Content-Type", text.contentType)
			w.WriteHeader(status)
			_, _ = w.Write(text.data)
			return
		}
		s.writeJSON(w, status, body)
	}
}

func (a actor) name() string {
	if a.app != nil {
		return a.app.Slug
	}
	return a.account.Login
}

func (c *call) run(rt route) (int, any, error) {
	if owner := c.req.PathValue("owner"); owner != "" {
		if c.repo = c.s.repo(owner, c.req.PathValue("repo")); c.repo == nil {
			return 0, nil, errNotFound
		}
	}
	if rt.need != (need{}) {
		if err := c.s.allow(c.by, c.repo, rt.need); err != nil {
			return 0, nil, err
		}
	}
	return rt.fn(c)
}

func (s *Sandbox) commonHeaders(h http.Header, resource string) {
	h.Set("X-Github-Request-Id", strings.ToUpper(strings.ReplaceAll(guid(), "-", ":")))
	h.Set("X-Github-Api-Version-Selected", "2022-11-28")
	h.Set("X-Ratelimit-Limit", strconv.Itoa(hourly))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(hourly-1))
	h.Set("X-Ratelimit-Used", "1")
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))
	h.Set("X-Ratelimit-Resource", resource)
}

func (s *Sandbox) writeJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		s.opt.Log.Error("encoding an answer", "error", err)
		status, data = http.StatusInternalServerError, []byte(`{"message":"Server Error"}`)
	}
	w.Header().Set("Content-Type", map[Dialect]string{GitHub: "application/json; charset=utf-8", GitLab: "application/json"}[s.dialect])
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func (s *Sandbox) writeError(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		s.opt.Log.Error("sandbox", "error", err)
		e = refuse(http.StatusInternalServerError, "Server Error")
	}
	if s.dialect == GitLab {
		s.gitlabHeaders(w.Header())
		s.writeJSON(w, e.Status, e.gitlabBody())
		return
	}
	s.commonHeaders(w.Header(), "core")
	body := obj{"message": e.Message, "documentation_url": "https://docs.github.com/rest"}
	if len(e.Fields) > 0 {
		body["errors"] = e.Fields
	}
	if len(e.Details) > 0 {
		body["errors"] = e.Details
	}
	s.writeJSON(w, e.Status, body)
}

// body decodes the request's JSON. Unknown keys are ignored, as GitHub ignores them; values of the
// wrong type are not.
func (c *call) body(into any) error {
	data, err := io.ReadAll(c.req.Body)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	var typed *json.UnmarshalTypeError
	if err := json.Unmarshal(data, into); errors.As(err, &typed) {
		return malformed("For '%s', %s is not a %s.", typed.Field, typed.Value, typed.Type)
	} else if err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	return nil
}

// number reads a numeric path parameter; anything else names nothing.
func (c *call) number(name string) int64 {
	n, err := strconv.ParseInt(c.req.PathValue(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// page cuts out the page that was asked for and links to its neighbours.
func page[T any](c *call, items []T) []T {
	q := c.req.URL.Query()
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size < 1 {
		size = 30
	}
	size = min(size, 100)
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil || n < 1 {
		n = 1
	}
	last := max(1, (len(items)+size-1)/size)
	var links []string
	link := func(rel string, to int) {
		links = append(links, c.link(rel, url.Values{"page": {strconv.Itoa(to)}}))
	}
	if n > 1 {
		link("prev", min(n-1, last))
	}
	if n < last {
		link("next", n+1)
		link("last", last)
	}
	if n > 1 {
		link("first", 1)
	}
	if len(links) > 0 {
		c.header.Set("Link", strings.Join(links, ", "))
	}
	from := min((n-1)*size, len(items))
	return items[from:min(from+size, len(items))]
}

func (c *call) link(rel string, set url.Values) string {
	u := *c.req.URL
	q := u.Query()
	for k, v := range set {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	return fmt.Sprintf("<%s%s>; rel=%q", c.s.url, u.RequestURI(), rel)
}

// list renders a page of items.
func list[T any](c *call, items []T, render func(T) obj) []obj {
	out := []obj{}
	for _, it := range page(c, items) {
		out = append(out, render(it))
	}
	return out
}
