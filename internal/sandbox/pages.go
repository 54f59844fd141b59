package sandbox

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync"
)

// The pages are what people see of the host: plain HTML and forms, one stylesheet, and a script that
// only fetches a page again while it changes by itself. Who acts is chosen at the top of each page:
// it is a sandbox, and nobody has a password. So the fence is around the browser: a request must name
// this host (against DNS rebinding), and an action must come from a page that was drawn for the same
// browser and the same person.

//go:embed pages
var pageFiles embed.FS

// maxForm bounds what a form may carry: a file in the editor, and what surrounds it.
const maxForm = 2 << 20

// pageTemplates holds, for each dialect, one template per page, each within the layout and the shared parts.
var pageTemplates = map[Dialect]func() map[string]*template.Template{
	GitHub: sync.OnceValue(func() map[string]*template.Template { return parsePages(GitHub) }),
	GitLab: sync.OnceValue(func() map[string]*template.Template { return parsePages(GitLab) }),
}

func parsePages(d Dialect) map[string]*template.Template {
	base := template.Must(template.New("layout.html").Funcs(pageWords).Funcs(d.words()).ParseFS(pageFiles, "pages/layout.html", "pages/parts.html", "pages/gitlab.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"home", "repo", "browse", "commits", "commit", "edit", "open", "pull", "hooks", "hook", "requests", "refused", "issues", "issue"} {
		all[name] = template.Must(template.Must(base.Clone()).ParseFS(pageFiles, "pages/"+name+".html"))
	}
	return all
}

// pages serves what people see.
type pages struct {
	s      *Sandbox
	mux    *http.ServeMux
	key    []byte // of the forms' tokens
	hosts  map[string]bool
	cookie string
	origin *http.CrossOriginProtection
}

func newPages(s *Sandbox) *pages {
	p := &pages{s: s, mux: http.NewServeMux(), key: make([]byte, 32), origin: http.NewCrossOriginProtection()}
	rand.Read(p.key) // never fails: crypto/rand ends the process first
	_, port, _ := net.SplitHostPort(s.Host())
	p.hosts = map[string]bool{s.Host(): true, "localhost:" + port: true, "127.0.0.1:" + port: true, "[::1]:" + port: true}
	p.cookie = "sandbox_" + port // cookies know no ports: two sandboxes would share one
	for pattern, show := range map[string]func(*visit) error{
		"GET /{$}":              p.home,
		"GET /-/webhooks":       p.hooks,
		"GET /-/webhooks/{id}":  p.hook,
		"POST /-/webhooks/{id}": p.redeliver,
		"GET /-/requests":       p.requests,
		"POST /-/weather":       p.weather,
		"POST /-/switch":        p.become,
	} {
		p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, show) })
	}
	for _, file := range []string{"style.css", "live.js", "icon.svg"} {
		p.mux.HandleFunc("GET /-/"+file, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pageFiles, "pages/"+file)
		})
	}
	if s.dialect == GitLab {
		p.mux.Handle("/", p.labPages())
		return p
	}
	for pattern, show := range map[string]func(*visit) error{
		"GET /{owner}/{repo}":                          p.repo,
		"GET /{owner}/{repo}/tree/{rest...}":           p.browse,
		"GET /{owner}/{repo}/blob/{rest...}":           p.browse,
		"GET /{owner}/{repo}/commits/{rest...}":        p.commits,
		"GET /{owner}/{repo}/commit/{sha}":             p.commit,
		"GET /{owner}/{repo}/edit/{rest...}":           p.editor,
		"POST /{owner}/{repo}/edit/{rest...}":          p.save,
		"GET /{owner}/{repo}/compare/{rest...}":        p.proposal,
		"POST /{owner}/{repo}/compare/{rest...}":       p.propose,
		"GET /{owner}/{repo}/pull/{number}":            p.pull,
		"GET /{owner}/{repo}/pull/{number}/{tab}":      p.pull,
		"POST /{owner}/{repo}/pull/{number}/{action}":  p.act,
		"GET /{owner}/{repo}/{page}":                   p.issues, // which is the only page of so short an address
		"GET /{owner}/{repo}/issues/{number}":          p.issue,
		"POST /{owner}/{repo}/issues/{number}/{state}": p.turnIssue,
		"GET /": func(*visit) error { return errNotFound },
	} {
		p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, show) })
	}
	return p
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache")
	if !p.hosts[r.Host] {
		http.Error(w, fmt.Sprintf("This is the sandbox at %s; it does not answer to another name.", p.s.Host()), http.StatusForbidden)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// visit is one request for a page.
type visit struct {
	p       *pages
	w       http.ResponseWriter
	r       *http.Request
	me      string // login; empty until somebody is chosen
	session string // the cookie: a random part, a dot, the login
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request, show func(*visit) error) {
	v := &visit{p: p, w: w, r: r}
	v.enter()
	err := v.admit()
	if err == nil {
		err = show(v)
	}
	if err != nil {
		v.refuse(err)
	}
}

// enter finds out who visits; a browser that is new gets a cookie.
func (v *visit) enter() {
	if c, err := v.r.Cookie(v.p.cookie); err == nil {
		nonce, login, _ := strings.Cut(c.Value, ".")
		v.session = c.Value
		for _, a := range v.p.s.Users() {
			if a.Login == login {
				v.me = login
			}
		}
		if len(nonce) == 40 && (login == "" || v.me != "") {
			return
		}
	}
	v.remember(randomText(), "")
}

func (v *visit) remember(nonce, login string) {
	v.me, v.session = login, nonce+"."+login
	http.SetCookie(v.w, &http.Cookie{Name: v.p.cookie, Value: v.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// token is what a form must carry. It holds for one browser as one person: a form that was drawn for
// somebody else does nothing.
func (v *visit) token() string {
	mac := hmac.New(sha256.New, v.p.key)
	mac.Write([]byte(v.session))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// admit lets every look pass, and an action only if one of our pages sent it.
func (v *visit) admit() error {
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return nil
	}
	if err := v.p.origin.Check(v.r); err != nil {
		return refuse(http.StatusForbidden, "The request comes from another site.")
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			return refuse(http.StatusRequestEntityTooLarge, "That is more than a form here may carry (%d KB).", maxForm>>10)
		}
		return refuse(http.StatusBadRequest, "The form cannot be read.")
	}
	if !hmac.Equal([]byte(v.r.PostForm.Get("token")), []byte(v.token())) {
		return refuse(http.StatusForbidden, "This form was drawn for another person or another session. Go back, reload the page and try again.")
	}
	return nil
}

// layout is what surrounds each page.
type layout struct {
	Title   string
	Me      string
	Face    who // of Me
	Token   string
	Here    string // to come back to after a switch
	People  []who
	Weather weather
	Repo    string // "owner/name", if the page is of one
	Body    any
}

func (v *visit) show(name, title string, body any) error {
	return v.write(http.StatusOK, name, title, body)
}

func (v *visit) write(status int, name, title string, body any) error {
	l := layout{Title: title, Me: v.me, Token: v.token(), Here: v.r.URL.RequestURI(), People: v.p.people(), Weather: v.p.s.Faults.weather(), Body: body}
	if v.me != "" {
		l.Face = v.p.person(v.me)
	}
	if v.r.Method != http.MethodGet {
		l.Here = "/"
	}
	if v.r.PathValue("repo") != "" {
		l.Repo = v.full()
	}
	var b bytes.Buffer
	if err := pageTemplates[v.p.s.dialect]()[name].Execute(&b, l); err != nil {
		return fmt.Errorf("drawing the page %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // the browser may be gone
	return nil
}

// refuse says why a page cannot be shown or an action was not done.
func (v *visit) refuse(err error) {
	var e *Error
	if !errors.As(err, &e) {
		v.p.s.opt.Log.Error("sandbox page", "path", v.r.URL.Path, "error", err)
		e = refuse(http.StatusInternalServerError, "Something went wrong in the sandbox.")
	}
	reasons := append([]string{}, e.Details...)
	for _, f := range e.Fields {
		reasons = append(reasons, cmp.Or(f.Message, strings.TrimSpace(f.Field+" is "+strings.ReplaceAll(f.Code, "_", " "))))
	}
	body := struct {
		Status  int
		Message string
		Reasons []string
		Acted   bool
	}{e.Status, e.Message, reasons, v.r.Method == http.MethodPost}
	if err := v.write(e.Status, "refused", http.StatusText(e.Status), body); err != nil {
		v.p.s.opt.Log.Error("sandbox page", "error", err)
		http.Error(v.w, "Something went wrong in the sandbox.", http.StatusInternalServerError)
	}
}

// full is the repository of the address, "owner/name".
func (v *visit) full() string { return v.r.PathValue("owner") + "/" + v.r.PathValue("repo") }

// go to another page, after an action.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// acting is the session of whoever visits.
func (v *visit) acting() (Session, error) {
	if v.me == "" {
		return Session{}, refuse(http.StatusForbidden, "Choose who you are first, at the top of the page.")
	}
	return v.p.s.As(v.me), nil
}

// become makes the visitor somebody, or nobody.
func (p *pages) become(v *visit) error {
	login := v.r.PostForm.Get("who")
	known := login == ""
	for _, a := range p.s.Users() {
		known = known || a.Login == login
	}
	if !known {
		return refuse(http.StatusUnprocessableEntity, "There is nobody of that name here.")
	}
	nonce, _, _ := strings.Cut(v.session, ".")
	v.remember(nonce, login)
	to := v.r.PostForm.Get("to")
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		to = "/"
	}
	return v.redirect(to)
}
