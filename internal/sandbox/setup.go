package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// App is a GitHub App as it is registered and installed.
type App struct {
	Slug          string
	Name          string // the slug if empty
	WebhookURL    string
	WebhookSecret string
	Permissions   map[string]string // "checks": "write", …
	Events        []string
	Repos         []string // "owner/name"; all of one owner
}

// Installed is what an App's owner knows of it.
type Installed struct {
	AppID          int64
	InstallationID int64
	Key            []byte // PKCS #1, PEM
	Bot            Account
}

// CreateUser makes a user, who has a token.
func (s *Sandbox) CreateUser(login, name, email string) (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.newAccount(login, name, email, kindUser)
	if err != nil {
		return Account{}, err
	}
	prefix := "ghp_"
	t := &token{account: a}
	if s.dialect == GitLab {
		prefix, t.scopes = "glpat-", []string{"api"}
	}
	a.Token = prefix + randomText()
	s.tokens[a.Token] = t
	return *a, nil
}

// CreateOrg makes an organisation with its owners, who may administer all its repositories.
func (s *Sandbox) CreateOrg(login string, admins ...string) (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.newAccount(login, login, "", kindOrg)
	if err != nil {
		return Account{}, err
	}
	s.members[a.ID] = map[int64]string{}
	for _, login := range admins {
		u := s.account(login)
		if u == nil {
			return Account{}, fmt.Errorf("sandbox: no user %q", login)
		}
		s.members[a.ID][u.ID] = "admin"
	}
	return *a, nil
}

func (s *Sandbox) newAccount(login, name, email, kind string) (*Account, error) {
	if !s.goodLogin(login, kind) || s.account(login) != nil {
		return nil, fmt.Errorf("sandbox: the login %q is taken or no login", login)
	}
	a := &Account{ID: s.id(), Login: login, Name: name, Email: email, Type: kind, Created: s.now()}
	s.accounts[a.ID] = a
	return a, nil
}

// CreateTeam makes a team; its members join the organisation. On GitLab it makes a subgroup whose
// members are Developers, and who are members of nothing else by that.
func (s *Sandbox) CreateTeam(org, slug string, members ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.account(org)
	if o == nil || o.Type != kindOrg {
		return fmt.Errorf("sandbox: no organisation %q", org)
	}
	t := &team{ID: s.id(), Org: o, Slug: slug, Created: s.now()}
	if s.dialect == GitLab {
		g, err := s.newAccount(org+"/"+slug, slug, "", kindOrg)
		if err != nil {
			return err
		}
		t.ID, s.members[g.ID] = g.ID, map[int64]string{}
	}
	for _, login := range members {
		u := s.account(login)
		if u == nil || u.Type != kindUser {
			return fmt.Errorf("sandbox: no user %q", login)
		}
		t.Members = append(t.Members, u)
		s.joinTeam(t, u)
	}
	s.teams[strings.ToLower(org+"/"+slug)] = t
	return nil
}

// SetTeam replaces the members of a team.
func (s *Sandbox) SetTeam(org, slug string, members ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.team(org + "/" + slug)
	if t == nil {
		return fmt.Errorf("sandbox: no team %s/%s", org, slug)
	}
	var list []*Account
	for _, login := range members {
		u := s.account(login)
		if u == nil {
			return fmt.Errorf("sandbox: no user %q", login)
		}
		list = append(list, u)
	}
	if s.dialect == GitLab {
		s.members[t.ID] = map[int64]string{}
	}
	t.Members = list
	for _, u := range list {
		s.joinTeam(t, u)
	}
	return nil
}

// joinTeam notes what a team's member is besides.
func (s *Sandbox) joinTeam(t *team, u *Account) {
	switch {
	case s.dialect == GitLab:
		s.members[t.ID][u.ID] = "write"
	case s.members[t.Org.ID][u.ID] == "":
		s.members[t.Org.ID][u.ID] = "member"
	}
}

// CreateRepo makes a repository whose main branch holds files, committed by a user.
func (s *Sandbox) CreateRepo(owner, name string, private bool, by string, files map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, author := s.account(owner), s.account(by)
	switch {
	case o == nil || author == nil:
		return fmt.Errorf("sandbox: no account %q or %q", owner, by)
	case s.repo(owner, name) != nil:
		return fmt.Errorf("sandbox: %s/%s exists", owner, name)
	case strings.ContainsAny(owner, `\`) || strings.ContainsAny(name, `/\`) || name == "" || name[0] == '.':
		return fmt.Errorf("sandbox: %q is no name of a repository", name)
	}
	g, err := initGit(filepath.Join(s.opt.Dir, owner, name+".git"))
	if err != nil {
		return err
	}
	r := &repo{git: g, dialect: s.dialect, ID: s.id(), Owner: o, Name: name, Private: private, Default: "main", created: s.now(), pushed: s.now(),
		grants: map[int64]string{}, pulls: map[int]*pull{}, issues: map[int]*issue{}, next: 1}
	if len(files) > 0 {
		tree, err := r.writeFiles(plumbing.ZeroHash, files)
		if err != nil {
			return err
		}
		who := s.person(author)
		sha, err := s.makeCommit(r, author, newCommit{Tree: tree, Message: "Initial commit\n", Author: who, Committer: who})
		if err != nil {
			return err
		}
		if err := r.setRef("refs/heads/main", sha); err != nil {
			return err
		}
	}
	if s.dialect == GitLab { // which protects the default branch of a new project: Maintainers push and merge
		r.rules = append(r.rules, rule{pattern: r.Default})
	}
	s.repos = append(s.repos, r)
	return nil
}

func (g *git) writeFiles(base plumbing.Hash, files map[string][]byte) (plumbing.Hash, error) {
	var edits []edit
	for _, p := range slices.Sorted(maps.Keys(files)) {
		h, err := g.writeBlob(files[p])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		edits = append(edits, edit{p, filemode.Regular, h})
	}
	return g.editTree(base, edits)
}

// Grant gives a user, or a team as "org/slug", a permission on a repository: read, triage, write,
// maintain or admin.
func (s *Sandbox) Grant(who, repo, permission string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(repo)
	if r == nil || levels[permission] == 0 {
		return fmt.Errorf("sandbox: no repository %q or permission %q", repo, permission)
	}
	if t := s.team(who); t != nil {
		r.grants[t.ID] = permission
	} else if a := s.account(who); a != nil {
		r.grants[a.ID] = permission
	} else {
		return fmt.Errorf("sandbox: no user or team %q", who)
	}
	return nil
}

// Protect sets the protection of the branches that match a pattern, replacing what it had.
func (s *Sandbox) Protect(repo, pattern string, p Protection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(repo)
	if r == nil {
		return fmt.Errorf("sandbox: no repository %q", repo)
	}
	r.rules = slices.DeleteFunc(r.rules, func(x rule) bool { return x.pattern == pattern })
	r.rules = append(r.rules, rule{pattern, p})
	return nil
}

// InstallApp registers an App and installs it on its repositories.
func (s *Sandbox) InstallApp(a App) (Installed, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Installed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(a.Repos) == 0 || a.Slug == "" {
		return Installed{}, errors.New("sandbox: an App needs a slug and a repository")
	}
	if a.Name == "" {
		a.Name = a.Slug
	}
	for name, level := range a.Permissions {
		if level != "read" && level != "write" {
			return Installed{}, fmt.Errorf("sandbox: App permission %s: %q is neither read nor write", name, level)
		}
	}
	x := &app{App: a, key: key, repos: map[int64]bool{}, created: s.now()}
	x.Permissions = maps.Clone(a.Permissions)
	if x.Permissions == nil {
		x.Permissions = map[string]string{}
	}
	x.Permissions["metadata"] = "read" // every App has it
	for _, full := range a.Repos {
		r := s.repoByFull(full)
		if r == nil || x.Owner != nil && x.Owner != r.Owner {
			return Installed{}, fmt.Errorf("sandbox: no repository %q, or of another owner than the others", full)
		}
		x.Owner, x.repos[r.ID] = r.Owner, true
	}
	if x.Bot, err = s.newAccount(a.Slug+"[bot]", "", "", kindBot); err != nil {
		return Installed{}, err
	}
	x.ID, x.InstallID = s.id(), s.id()
	x.hooks = newSender(a.WebhookURL, a.WebhookSecret, s.Faults, s.now)
	s.apps = append(s.apps, x)
	list := []obj{}
	for _, r := range s.repos {
		if x.repos[r.ID] {
			list = append(list, obj{"id": r.ID, "node_id": r.node(), "name": r.Name, "full_name": r.full(), "private": r.Private})
		}
	}
	s.emitTo(x, nil, "installation", x.Owner, obj{"action": "created", "installation": s.installJSON(x), "repositories": list, "requester": nil})
	return Installed{AppID: x.ID, InstallationID: x.InstallID, Bot: *x.Bot,
		Key: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})}, nil
}

// SetWebhook changes where an App's webhooks go.
func (s *Sandbox) SetWebhook(appID int64, url, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		if a.ID == appID {
			a.hooks.mu.Lock()
			defer a.hooks.mu.Unlock()
			a.hooks.url, a.hooks.secret = url, secret
			return nil
		}
	}
	return refuse(http.StatusNotFound, "no App %d", appID)
}
