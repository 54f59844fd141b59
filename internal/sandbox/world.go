package sandbox

import (
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account kinds, as GitHub's "type" spells them.
const (
	kindUser = "User"
	kindOrg  = "Organization"
	kindBot  = "Bot"
)

// Account is a user, an organisation, or the bot of an App.
type Account struct {
	ID      int64
	Login   string
	Name    string
	Email   string
	Type    string // "User", "Organization" or "Bot"
	Token   string // a personal access token; empty for organisations and bots
	Created time.Time
}

// team is a team of an organisation.
type team struct {
	ID      int64
	Org     *Account
	Slug    string
	Members []*Account
	Created time.Time
}

func (t *team) has(a *Account) bool { return a != nil && slices.Contains(t.Members, a) }

// app is a GitHub App with its one installation.
type app struct {
	App
	ID        int64
	InstallID int64
	Owner     *Account
	Bot       *Account
	key       *rsa.PrivateKey
	repos     map[int64]bool
	created   time.Time
	hooks     *sender
}

// repo is a repository: its settings, and everything around its git objects.
type repo struct {
	git
	ID       int64
	Owner    *Account
	Name     string
	Private  bool
	Default  string
	created  time.Time
	pushed   time.Time
	grants   map[int64]string // account or team id → permission
	rules    []rule
	pulls    map[int]*pull
	issues   map[int]*issue // those that are no pull requests
	noIssues bool           // issues are disabled
	next     int            // the next issue number
	labels   []*label
	checks   []*checkRun
	suites   []*suite
	statuses []*status
	activity []*activity

	// In GitLab's dialect.
	dialect    Dialect
	nextIssue  int // the number of the newest issue: merge requests have numbers of their own
	settings   ProjectSettings
	tagRules   []tagRule
	pipelines  []*pipeline // oldest first
	hostChecks []*hostCheck
}

func (r *repo) full() string { return r.Owner.Login + "/" + r.Name }

// label is a label of a repository.
type label struct {
	ID    int64
	Name  string
	Color string
}

// pull is a pull request; head and base live in the same repository.
type pull struct {
	ID            int64
	repo          *repo
	Number        int
	Title, Body   string
	Author        *Account
	HeadRef       string
	BaseRef       string
	HeadSHA       string
	BaseSHA       string // the base tip when the head last moved: GitHub does not keep it live
	Draft, Closed bool
	MergeSHA      string
	MergedBy      *Account
	Created       time.Time
	Updated       time.Time
	ClosedAt      time.Time
	MergedAt      time.Time
	EditedAt      time.Time
	Reviews       []*review
	Comments      []*comment
	Users         []*Account // requested reviewers
	Teams         []*team
	Labels        []*label
	Lines         []*lineThread // on GitHub
	computing     int           // reads of the mergeability that still answer "unknown"

	// In GitLab's dialect.
	Versions  []*version  // newest last
	SquashSHA string      // of the commit that a squash made
	Forwarded bool        // merged without a merge commit
	Approvals []*approval // those that stand
	Objectors []*Account  // who requested changes, and has not approved since
	Threads   []*thread
}

func (p *pull) merged() bool { return !p.MergedAt.IsZero() }
func (p *pull) open() bool   { return !p.Closed }

// review is a submitted review.
type review struct {
	ID        int64
	Author    *Account
	State     string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED
	Body      string
	Commit    string
	Submitted time.Time
}

// comment is a comment in a pull request's conversation.
type comment struct {
	ID      int64
	pull    *pull
	Author  *Account
	Editor  *Account
	Via     *app // the App through which it was written
	Body    string
	Created time.Time
	Updated time.Time
	Edited  time.Time // zero unless edited

	// In GitLab's dialect.
	System string  // the action of a system note ("commit", "approved", …); empty for what a person wrote
	Thread *thread // the discussion that it is part of

	Suggestions []*suggestion // of a note on a line
}

// suite groups the check runs of one App on one commit.
type suite struct {
	ID      int64
	app     *app
	HeadSHA string
	Created time.Time
}

// checkRun is a check run; Status and Conclusion are in REST's lower case.
type checkRun struct {
	ID          int64
	repo        *repo
	suite       *suite
	app         *app
	Name        string
	HeadSHA     string
	Status      string
	Conclusion  string
	ExternalID  string
	DetailsURL  string
	Title       string
	Summary     string
	Text        string
	Annotations []annotation
	Started     time.Time
	Completed   time.Time
}

type annotation struct {
	Path, Level, Message, Title, Raw string
	StartLine, EndLine               int
	StartColumn, EndColumn           int // 0: not given
}

// status is a commit status.
type status struct {
	ID                                    int64
	SHA, State, Context, Description, URL string
	Creator                               *Account
	app                                   *app
	Created                               time.Time
}

// activity is one change of a ref.
type activity struct {
	ID            int64
	Before, After string
	Ref           string
	Type          string
	Actor         *Account
	At            time.Time
}

// world is the state behind one sandbox. Everything in it is guarded by Sandbox.mu.
type world struct {
	dialect  Dialect
	lastID   int64
	accounts map[int64]*Account
	teams    map[string]*team           // "org/slug", lower case
	members  map[int64]map[int64]string // organisation → user → role; on GitLab: group → user → level
	apps     []*app
	hooks    []*webhook // on GitLab
	repos    []*repo
	tokens   map[string]*token
	webflow  *Account
}

func newWorld(d Dialect) world {
	return world{
		dialect:  d,
		lastID:   1000,
		accounts: map[int64]*Account{},
		teams:    map[string]*team{},
		members:  map[int64]map[int64]string{},
		tokens:   map[string]*token{},
	}
}

// id hands out the next number; one counter serves every kind of object, so no two share an id.
func (w *world) id() int64 { w.lastID++; return w.lastID }

func (w *world) account(login string) *Account {
	for _, a := range w.accounts {
		if strings.EqualFold(a.Login, login) {
			return a
		}
	}
	return nil
}

// byEmail attributes a commit's e-mail address, as GitHub does: a verified address of a user, or
// the no-reply address that carries the account's id. Nobody is nil.
func (w *world) byEmail(email string) *Account {
	for _, a := range w.accounts {
		if a.Type != kindOrg && (strings.EqualFold(a.Email, email) && a.Email != "" || strings.EqualFold(w.noreply(a), email)) {
			return a
		}
	}
	return nil
}

// noreply is the address that the host itself puts on commits made through its API.
func (w *world) noreply(a *Account) string {
	if w.dialect == GitLab {
		return fmt.Sprintf("%d-%s@users.noreply.gitlab.example", a.ID, a.Login)
	}
	return fmt.Sprintf("%d+%s@users.noreply.github.com", a.ID, a.Login)
}

func (w *world) repo(owner, name string) *repo {
	for _, r := range w.repos {
		if strings.EqualFold(r.Owner.Login, owner) && strings.EqualFold(r.Name, name) {
			return r
		}
	}
	return nil
}

func (w *world) repoByFull(full string) *repo {
	at := max(strings.LastIndexByte(full, '/'), 0) // GitLab's owners are paths themselves
	return w.repo(full[:at], strings.TrimPrefix(full[at:], "/"))
}

func (w *world) team(name string) *team { return w.teams[strings.ToLower(name)] }

// levels orders the permissions on a repository; an unknown name is 0, no access.
var levels = map[string]int{"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}

// level is what an account may do on a repository: by ownership, grant, or a team's grant.
func (w *world) level(a *Account, r *repo) int {
	if a == nil {
		return 0
	}
	if w.dialect == GitLab {
		return w.accessAsLevel(a, r)
	}
	if a == r.Owner || w.members[r.Owner.ID][a.ID] == "admin" {
		return levels["admin"]
	}
	best := levels[r.grants[a.ID]]
	for _, t := range w.teams {
		if t.has(a) {
			best = max(best, levels[r.grants[t.ID]])
		}
	}
	if !r.Private {
		best = max(best, levels["read"])
	}
	return best
}

func levelName(l int) string {
	for name, n := range levels {
		if n == l {
			return name
		}
	}
	return "none"
}

func (w *world) association(a *Account, r *repo) string {
	switch {
	case a == nil:
		return "NONE"
	case a == r.Owner:
		return "OWNER"
	case w.members[r.Owner.ID][a.ID] != "":
		return "MEMBER"
	case r.grants[a.ID] != "":
		return "COLLABORATOR"
	}
	return "NONE"
}
