package github

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"
	"golang.org/x/sync/singleflight"

	"github.com/lumos-governance/lumos/internal/forge"
)

const (
	userAgent = "lumos"
	timeout   = 30 * time.Second // of one request, its body included
	perPage   = 100              // the largest page that GitHub gives
)

// Options says which GitHub, and as which App.
type Options struct {
	APIURL     string            // "https://api.github.com", or "https://HOST/api/v3" of a GitHub Enterprise Server
	GraphQLURL string            // "https://api.github.com/graphql", or "https://HOST/api/graphql"
	AppID      int64             // the number on the App's settings page
	PrivateKey []byte            // PEM, PKCS#1 or PKCS#8
	Transport  http.RoundTripper // nil is http.DefaultTransport
	Log        zerolog.Logger    // one line a request, at debug level
}

// App is a GitHub App. It is a forge.Host for every repository that it is installed on, finds the
// installation by itself, and is safe for concurrent use.
type App struct {
	id         int64
	host       string // "github.com": the Host of every repository read here
	api        *url.URL
	graphqlURL string
	key        *rsa.PrivateKey
	guard      http.RoundTripper
	rest       *github.Client // speaks as the App itself, not as an installation
	log        zerolog.Logger

	finding singleflight.Group
	mu      sync.Mutex
	byRepo  map[string]*installation // "owner/name", lower case
	byID    map[int64]*installation
	bot     forge.Account // our own; its ID is 0 until somebody asked for it
}

var _ forge.Host = (*App)(nil)

// installation holds what speaks as one installation of the App; ghinstallation keeps its token.
type installation struct {
	id         int64
	rest       *github.Client
	http       *http.Client
	graphqlURL string
	tokens     *ghinstallation.Transport
}

// New prepares an App; it asks nothing of the host yet.
func New(o Options) (*App, error) {
	if o.AppID <= 0 {
		return nil, fmt.Errorf("github: app id %d: expected the number on the App's settings page", o.AppID)
	}
	api, err := baseURL(o.APIURL)
	if err != nil {
		return nil, fmt.Errorf("github: api url: %w", err)
	}
	if _, err := baseURL(o.GraphQLURL); err != nil {
		return nil, fmt.Errorf("github: graphql url: %w", err)
	}
	// The library's own error quotes nothing of the key, and says less than this.
	key, err := jwt.ParseRSAPrivateKeyFromPEM(o.PrivateKey)
	if err != nil {
		return nil, errors.New("github: private key: expected an RSA key in PEM (PKCS#1 or PKCS#8), as GitHub gives it for download")
	}
	next := o.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	a := &App{
		id: o.AppID, host: strings.TrimPrefix(api.Host, "api."), api: api, graphqlURL: o.GraphQLURL, key: key,
		guard: guard(next, o.Log), log: o.Log,
		byRepo: map[string]*installation{},
		byID:   map[int64]*installation{},
	}
	a.rest = a.client(a.asApp())
	return a, nil
}

// baseURL parses the URL of an API, with the trailing slash that the client wants.
func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("%q: expected https://HOST/…, without credentials", u.Redacted())
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/"
	return u, nil
}

func (a *App) client(rt http.RoundTripper) *github.Client {
	c := github.NewClient(&http.Client{Transport: rt, Timeout: timeout, CheckRedirect: sameHost})
	c.BaseURL, c.UserAgent = a.api, userAgent
	return c
}

// sameHost follows GitHub's redirects of renamed repositories, but never to another host: the
// transport would send our token along.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return fmt.Errorf("redirected to %s, which Lumos does not follow", req.URL.Host)
	}
	return nil
}

// asApp signs requests with the App's key. Each caller gets its own: the type is not safe to share.
func (a *App) asApp() *ghinstallation.AppsTransport {
	t := ghinstallation.NewAppsTransportFromPrivateKey(a.guard, a.id, a.key)
	t.BaseURL = a.api.String()
	return t
}

// installed returns the one installation of that id.
func (a *App) installed(id int64) *installation {
	a.mu.Lock()
	defer a.mu.Unlock()
	in := a.byID[id]
	if in == nil {
		t := ghinstallation.NewFromAppsTransport(a.asApp(), id)
		rest := a.client(t)
		in = &installation{id: id, rest: rest, http: rest.Client(), graphqlURL: a.graphqlURL, tokens: t}
		a.byID[id] = in
	}
	return in
}

// safeName is what GitHub allows in the names of owners and repositories. The client builds paths
// from them without escaping.
var safeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

func checkRepo(owner, name string) error {
	for _, s := range []string{owner, name} {
		if !safeName.MatchString(s) || s == "." || s == ".." {
			return fmt.Errorf("%q is no repository of GitHub: expected owner/name", owner+"/"+name)
		}
	}
	return nil
}

// in finds the installation of a repository: ErrNoInstall when there is none.
func (a *App) in(ctx context.Context, repo forge.Repo) (*installation, error) {
	if err := checkRepo(repo.Owner, repo.Name); err != nil {
		return nil, err
	}
	key := strings.ToLower(repo.FullName())
	a.mu.Lock()
	in := a.byRepo[key]
	a.mu.Unlock()
	if in != nil {
		return in, nil
	}
	// Whoever waits shares the answer, and the fate, of whoever asked first.
	v, err, _ := a.finding.Do(key, func() (any, error) {
		found, _, err := a.rest.Apps.FindRepositoryInstallation(ctx, repo.Owner, repo.Name)
		if status(err) == http.StatusNotFound {
			return nil, fmt.Errorf("%s: %w", repo.FullName(), forge.ErrNoInstall)
		}
		if err != nil {
			return nil, fail(err, "finding the installation on %s", repo.FullName())
		}
		in := a.installed(found.GetID())
		a.mu.Lock()
		a.byRepo[key] = in
		a.mu.Unlock()
		return in, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*installation), nil
}

// failed is fail for what an installation was asked. A token that is no longer taken means that the
// App was removed or installed anew, so the installation is forgotten and found again next time.
func (a *App) failed(in *installation, err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	err = fail(err, format, args...)
	if errors.Is(err, forge.ErrNoInstall) || status(err) == http.StatusUnauthorized {
		a.mu.Lock()
		delete(a.byID, in.id)
		for repo, other := range a.byRepo {
			if other == in {
				delete(a.byRepo, repo)
			}
		}
		a.mu.Unlock()
	}
	return err
}

// Identity is who the App is on the host.
type Identity struct {
	AppID int64
	Slug  string        // as in https://github.com/apps/SLUG
	Bot   forge.Account // the account that its comments and commits carry; its ID is 0 while the App is installed nowhere
}

// Host is the name of the instance, as every repository read here has it.
func (a *App) Host() string { return a.host }

// Identity asks the host who we are. It proves the App's id and key at start.
func (a *App) Identity(ctx context.Context) (Identity, error) {
	app, _, err := a.rest.Apps.Get(ctx, "")
	if err != nil {
		return Identity{}, fail(err, "reading the App")
	}
	if app.GetID() != a.id {
		return Identity{}, fmt.Errorf("reading the App: the key belongs to App %d, not %d", app.GetID(), a.id)
	}
	id := Identity{AppID: a.id, Slug: app.GetSlug(), Bot: forge.Account{Login: app.GetSlug() + "[bot]", Kind: forge.Bot}}
	installations, err := a.installations(ctx)
	if err != nil || len(installations) == 0 {
		return id, err
	}
	bot, err := installations[0].account(ctx, id.Slug)
	if err != nil {
		return Identity{}, a.failed(installations[0], err, "reading the App's account")
	}
	id.Bot = bot
	a.mu.Lock()
	a.bot = bot
	a.mu.Unlock()
	return id, nil
}

// installations lists the installations that are not suspended.
func (a *App) installations(ctx context.Context) ([]*installation, error) {
	var out []*installation
	opt := &github.ListOptions{PerPage: perPage}
	for {
		page, resp, err := a.rest.Apps.ListInstallations(ctx, opt)
		if err != nil {
			return nil, fail(err, "listing the App's installations")
		}
		for _, i := range page {
			if i.SuspendedAt == nil {
				out = append(out, a.installed(i.GetID()))
			}
		}
		if opt.Page = resp.NextPage; opt.Page == 0 {
			return out, nil
		}
	}
}

// Token is what opens a repository to git over HTTPS, with the user x-access-token; it lasts for
// minutes, so ask for it each time.
func (a *App) Token(ctx context.Context, repo forge.Repo) (string, error) {
	in, err := a.in(ctx, repo)
	if err != nil {
		return "", err
	}
	token, err := in.tokens.Token(ctx)
	return token, a.failed(in, err, "getting a token for %s", repo.FullName())
}

// Find completes a repository that is known by name alone, and tells the commit at the tip of its
// default branch; that is empty in a repository without commits.
func (a *App) Find(ctx context.Context, repo forge.Repo) (found forge.Repo, tip string, err error) {
	in, err := a.in(ctx, repo)
	if err != nil {
		return found, "", err
	}
	var answer struct {
		Repository struct {
			ID      int64  `json:"databaseId"`
			Name    string `json:"name"`
			Owner   actor  `json:"owner"`
			Default *ref   `json:"defaultBranchRef"`
		} `json:"repository"`
	}
	if err := in.strict(ctx, document("repository", nil), map[string]any{"owner": repo.Owner, "name": repo.Name}, &answer); err != nil {
		return found, "", a.failed(in, err, "reading %s", repo.FullName())
	}
	r := answer.Repository
	if r.Default != nil {
		tip = r.Default.Target.OID
	}
	return forge.Repo{Host: a.host, ID: r.ID, Owner: r.Owner.Login, Name: r.Name}, tip, nil
}

// Repositories lists the repositories of every installation that is not suspended.
func (a *App) Repositories(ctx context.Context) ([]forge.Repo, error) {
	installations, err := a.installations(ctx)
	if err != nil {
		return nil, err
	}
	var out []forge.Repo
	for _, in := range installations {
		opt := &github.ListOptions{PerPage: perPage}
		for {
			page, resp, err := in.rest.Apps.ListRepos(ctx, opt)
			if err != nil {
				return nil, a.failed(in, err, "listing the repositories of installation %d", in.id)
			}
			for _, r := range page.Repositories {
				repo := forge.Repo{Host: a.host, ID: r.GetID(), Owner: r.GetOwner().GetLogin(), Name: r.GetName()}
				out = append(out, repo)
				a.mu.Lock()
				a.byRepo[strings.ToLower(repo.FullName())] = in
				a.mu.Unlock()
			}
			if opt.Page = resp.NextPage; opt.Page == 0 {
				break
			}
		}
	}
	return out, nil
}

// OpenPullRequests lists the open pull requests of a repository.
func (a *App) OpenPullRequests(ctx context.Context, repo forge.Repo) ([]forge.Ref, error) {
	in, err := a.in(ctx, repo)
	if err != nil {
		return nil, err
	}
	var out []forge.Ref
	opt := &github.PullRequestListOptions{State: "open", ListOptions: github.ListOptions{PerPage: perPage}}
	for {
		page, resp, err := in.rest.PullRequests.List(ctx, repo.Owner, repo.Name, opt)
		if err != nil {
			return nil, a.failed(in, err, "listing the open pull requests of %s", repo.FullName())
		}
		for _, p := range page {
			out = append(out, forge.Ref{Repo: repo, Number: p.GetNumber()})
		}
		if opt.Page = resp.NextPage; opt.Page == 0 {
			return out, nil
		}
	}
}
