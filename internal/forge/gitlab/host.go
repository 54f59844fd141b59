package gitlab

//lint:file-ignore SA1019 the library is deprecated for its successor of another module path; only this room knows it

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/xanzy/go-gitlab"

	"github.com/lumos-governance/lumos/internal/forge"
)

const (
	userAgent = "lumos"
	timeout   = 30 * time.Second // of one request, its body included
	perPage   = 100              // the largest page that GitLab gives
)

// Options says which GitLab, and as whom.
type Options struct {
	URL        string            // of the instance: "https://gitlab.com"
	Token      string            // of a bot: a group or project access token with the scopes api and write_repository
	WebhookURL string            // where our webhooks arrive; an external status check with this address is ours. Optional
	Transport  http.RoundTripper // nil is http.DefaultTransport
	Log        zerolog.Logger    // one line a request, at debug level
}

// Host is one instance of GitLab as one account sees it. It is a forge.Host for every project of which
// the account is a member, and safe for concurrent use.
type Host struct {
	name    string // "gitlab.com": the Host of every repository read here
	root    string // "https://gitlab.com/"
	token   string
	webhook string
	rest    *gitlab.Client
	http    *http.Client
	log     zerolog.Logger

	simpler atomic.Bool                   // the conversation's query must not carry groups
	account atomic.Pointer[forge.Account] // our own; nil until somebody asked for it

	targets   memo[string]          // by project: the reference that its last merge request was aimed at
	bases     memo[*baseFiles]      // by project, commit and directories
	nobody    memo[bool]            // names that are no group that we may see
	inherited memo[[]forge.Account] // by group
	versions  memo[[]version]       // by merge request, newest first
	latest    memo[seen]            // by merge request: what a write needs of the last look
	signed    memo[bool]            // by commit: GitLab made it
	checks    memo[[]int]           // by project: the external status checks that are ours
	settings  memo[gitlab.Project]  // by project
	merged    memo[string]          // by merge request: the commit that it became
	heads     memo[[]int]           // by project and head: the merge requests that had it at their last look
	greened   memo[bool]            // by project, branch and head: we made the gate green, and GitLab has not told of it yet
}

// seen is what Publish needs of a merge request and the port does not carry.
type seen struct {
	refs     diffRefs
	pipeline pipeline
}

var _ forge.Host = (*Host)(nil)

// New prepares a Host; it asks nothing of the host yet.
func New(o Options) (*Host, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("gitlab: url: expected https://HOST")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("gitlab: url %q: expected https://HOST, without credentials", u.Redacted())
	}
	if strings.TrimSpace(o.Token) == "" {
		return nil, errors.New("gitlab: no token: expected a group access token with the scopes api and write_repository")
	}
	next := o.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	h := &Host{
		name: u.Host, root: u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/") + "/",
		token: strings.TrimSpace(o.Token), webhook: o.WebhookURL, log: o.Log,
	}
	h.http = &http.Client{Transport: guard(next, o.Log), Timeout: timeout, CheckRedirect: sameHost}
	h.rest, err = gitlab.NewClient(h.token,
		gitlab.WithBaseURL(h.root+"api/v4"), gitlab.WithHTTPClient(h.http),
		gitlab.WithCustomRetryMax(0), gitlab.WithCustomRetry(never), gitlab.WithCustomLimiter(unlimited{}))
	if err != nil {
		return nil, h.fail(err, "gitlab")
	}
	h.rest.UserAgent = userAgent
	return h, nil
}

// never keeps the library from trying again: what fails comes back by a durable timer.
func never(_ context.Context, _ *http.Response, err error) (bool, error) { return false, err }

// unlimited keeps the library from slowing down by itself. GitLab's refusal is the one that counts.
type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }

// sameHost follows GitLab's redirects of moved projects, but never to another host: our token would go along.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return fmt.Errorf("redirected to %s, which Lumos does not follow", req.URL.Host)
	}
	return nil
}

// Host is the name of the instance, as every repository read here has it.
func (h *Host) Host() string { return h.name }

// Token is what opens every repository to git over HTTPS, with the user "oauth2".
func (h *Host) Token() string { return h.token }

// Identity asks the host who we are. It proves the token at start.
func (h *Host) Identity(ctx context.Context) (forge.Account, error) {
	var me struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
		Bot      bool   `json:"bot"`
	}
	if _, err := h.get(ctx, "user", nil, &me); err != nil {
		return forge.Account{}, h.fail(err, "reading the account of the token")
	}
	kind := forge.User
	if me.Bot {
		kind = forge.Bot
	}
	return forge.Account{ID: me.ID, NodeID: fmt.Sprintf("gid://gitlab/User/%d", me.ID), Login: me.Username, Kind: kind}, nil
}

// segment is one part of a project's or group's path (docs.gitlab.com, "Reserved names" and "Limitations
// on usernames, project and group names").
var segment = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.+-]{0,254}$`)

// checkPath refuses what is no path of GitLab's: of at least so many parts.
func checkPath(path string, parts int) error {
	all := strings.Split(path, "/")
	ok := len(all) >= parts && len(all) <= 25
	for _, s := range all {
		ok = ok && segment.MatchString(s) && strings.Trim(s, ".") != ""
	}
	if !ok {
		return fmt.Errorf("%q is no path of GitLab: expected group/project", path)
	}
	return nil
}

// projectOf is where the REST interface has a project.
func projectOf(path string) string { return "projects/" + gitlab.PathEscape(path) }

// get reads by the REST interface what the library has no method for, or too narrow a type.
func (h *Host) get(ctx context.Context, path string, opt, out any) (*gitlab.Response, error) {
	req, err := h.rest.NewRequest(http.MethodGet, path, opt, h.with(ctx))
	if err != nil {
		return nil, err
	}
	return h.rest.Do(req, out)
}

func (h *Host) with(ctx context.Context) []gitlab.RequestOptionFunc {
	return []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)}
}

// Find completes a project that is known by its path alone, and tells the commit at the tip of its
// default branch; that is empty in a repository without commits.
func (h *Host) Find(ctx context.Context, repo forge.Repo) (found forge.Repo, tipSHA string, err error) {
	if err := checkPath(repo.FullName(), 2); err != nil {
		return found, "", err
	}
	var answer struct {
		Project *struct {
			ID         string `json:"id"`
			FullPath   string `json:"fullPath"`
			Repository struct {
				Tree *tip `json:"tree"`
			} `json:"repository"`
		} `json:"project"`
	}
	err = h.strict(ctx, document("repository", nil), map[string]any{"project": repo.FullName()}, &answer)
	if err == nil && answer.Project == nil {
		err = forge.ErrNotFound
	}
	if err != nil {
		return found, "", h.fail(err, "reading %s", repo.FullName())
	}
	p := answer.Project
	return h.repo(number(p.ID), p.FullPath), p.Repository.Tree.sha(), nil
}

func (t *tip) sha() string {
	if t == nil || t.LastCommit == nil {
		return ""
	}
	return t.LastCommit.SHA
}

// repo splits a project's path: all but the last part is the owner.
func (h *Host) repo(id int64, path string) forge.Repo {
	i := strings.LastIndexByte(path, '/')
	return forge.Repo{Host: h.name, ID: id, Owner: path[:max(i, 0)], Name: path[i+1:]}
}

// Repositories lists the projects of which the account is at least a Developer, but for archived ones.
func (h *Host) Repositories(ctx context.Context) ([]forge.Repo, error) {
	level := gitlab.DeveloperPermissions
	opt := &gitlab.ListProjectsOptions{
		ListOptions: gitlab.ListOptions{PerPage: perPage, Page: 1},
		Membership:  gitlab.Ptr(true), MinAccessLevel: &level, Archived: gitlab.Ptr(false), Simple: gitlab.Ptr(true),
	}
	var out []forge.Repo
	for {
		page, resp, err := h.rest.Projects.ListProjects(opt, h.with(ctx)...)
		if err != nil {
			return nil, h.fail(err, "listing the projects of the token")
		}
		for _, p := range page {
			out = append(out, h.repo(int64(p.ID), p.PathWithNamespace))
		}
		if opt.Page = resp.NextPage; opt.Page == 0 {
			return out, nil
		}
	}
}

// OpenPullRequests lists the open merge requests of a project.
func (h *Host) OpenPullRequests(ctx context.Context, repo forge.Repo) ([]forge.Ref, error) {
	if err := checkPath(repo.FullName(), 2); err != nil {
		return nil, err
	}
	var out []forge.Ref
	variables := map[string]any{"project": repo.FullName(), "cursor": nil}
	for {
		var answer struct {
			Project *struct {
				MergeRequests struct {
					Nodes []struct {
						IID string `json:"iid"`
					} `json:"nodes"`
					PageInfo page `json:"pageInfo"`
				} `json:"mergeRequests"`
			} `json:"project"`
		}
		err := h.strict(ctx, document("open", nil), variables, &answer)
		if err == nil && answer.Project == nil {
			err = forge.ErrNotFound
		}
		if err != nil {
			return nil, h.fail(err, "listing the open merge requests of %s", repo.FullName())
		}
		list := answer.Project.MergeRequests
		for _, n := range list.Nodes {
			out = append(out, forge.Ref{Repo: repo, Number: int(number(n.IID))})
		}
		if !list.PageInfo.HasNextPage {
			return out, nil
		}
		variables["cursor"] = list.PageInfo.EndCursor
	}
}
