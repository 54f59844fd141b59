package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Bot is the user of a group or project access token.
type Bot struct {
	Account Account
	Token   string
}

// ProjectSettings are a project's settings in GitLab's dialect.
type ProjectSettings struct {
	PipelinesMustSucceed  bool
	ThreadsMustBeResolved bool
	MergeMethod           string // "merge" (also if empty), "rebase_merge" or "ff"
	RemoveSourceBranch    bool   // asked for by new merge requests
	Licensed              bool   // Premium or Ultimate: approvals reset, several reviewers, status checks
	ResetApprovals        bool   // a push takes the approvals back; only if Licensed
	StatusChecks          []StatusCheck
}

// StatusCheck is an external status check of a project; only if it is Licensed.
type StatusCheck struct{ Name, URL, Secret string }

// tagRule protects tags: nobody moves or deletes them, and only some create them.
type tagRule struct{ pattern, create string }

// botLevels are the access levels that a token's bot may have, as the permissions of Grant.
var botLevels = map[string]string{"guest": "guest", "reporter": "read", "developer": "write", "maintainer": "maintain", "owner": "admin"}

var tokenScopes = []string{"api", "read_api", "read_repository", "write_repository"}

// CreateBot makes an access token of a group ("acme", "acme/risk") or a project ("acme/models"), and
// the bot user that it belongs to. Level is developer, maintainer or owner.
func (s *Sandbox) CreateBot(where, name, level string, scopes ...string) (Bot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if botLevels[level] == "" || len(scopes) == 0 {
		return Bot{}, fmt.Errorf("sandbox: a bot needs a level (developer, maintainer, owner) and scopes, not %q and %v", level, scopes)
	}
	for _, scope := range scopes {
		if !slices.Contains(tokenScopes, scope) {
			return Bot{}, fmt.Errorf("sandbox: %q is no scope of a token", scope)
		}
	}
	r, g := s.repoByFull(where), s.group(where)
	var prefix string
	switch {
	case s.dialect != GitLab:
		return Bot{}, fmt.Errorf("sandbox: access tokens of groups and projects are GitLab's")
	case r != nil:
		prefix = fmt.Sprintf("project_%d_bot_", r.ID)
	case g != nil:
		prefix = fmt.Sprintf("group_%d_bot_", g.ID)
	default:
		return Bot{}, fmt.Errorf("sandbox: no group or project %q", where)
	}
	b := make([]byte, 16)
	rand.Read(b) // never fails: crypto/rand ends the process first
	login := prefix + hex.EncodeToString(b)
	a, err := s.newAccount(login, name, login+"@noreply.gitlab.example", kindBot)
	if err != nil {
		return Bot{}, err
	}
	if r != nil {
		r.grants[a.ID] = botLevels[level]
	} else {
		s.members[g.ID][a.ID] = botLevels[level]
	}
	secret := "glpat-" + randomText()
	s.tokens[secret] = &token{account: a, scopes: slices.Clone(scopes)}
	return Bot{Account: *a, Token: secret}, nil
}

// CreateToken makes another personal access token of a user, with the given scopes.
func (s *Sandbox) CreateToken(login string, scopes ...string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(login)
	if a == nil || a.Type == kindOrg || s.dialect != GitLab {
		return "", fmt.Errorf("sandbox: no user %q on a GitLab", login)
	}
	secret := "glpat-" + randomText()
	s.tokens[secret] = &token{account: a, scopes: slices.Clone(scopes)}
	return secret, nil
}

// SetMember gives a user a level in a group: developer, maintainer, owner, reporter or guest; empty
// takes the membership away.
func (s *Sandbox) SetMember(group, login, level string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, u := s.group(group), s.account(login)
	if g == nil || u == nil || u.Type == kindOrg || level != "" && botLevels[level] == "" {
		return fmt.Errorf("sandbox: no group %q, user %q or level %q", group, login, level)
	}
	if t := s.team(group); t != nil {
		t.Members = slices.DeleteFunc(t.Members, func(a *Account) bool { return a == u })
		if level != "" {
			t.Members = append(t.Members, u)
		}
	}
	event := "user_add_to_group"
	switch {
	case level == "":
		event = "user_remove_from_group"
		delete(s.members[g.ID], u.ID)
	case s.members[g.ID][u.ID] != "":
		event = "user_update_for_group"
		fallthrough
	default:
		s.members[g.ID][u.ID] = botLevels[level]
	}
	s.emitMember(g, u, event, botLevels[level])
	return nil
}

// SetHook sets the webhook of a group, of a project, or of the whole host where is empty; it replaces
// the one that was set before and keeps its id.
func (s *Sandbox) SetHook(where string, h GitLabHook) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, g := s.repoByFull(where), s.group(where)
	if s.dialect != GitLab || where != "" && r == nil && g == nil {
		return 0, fmt.Errorf("sandbox: no group or project %q on a GitLab", where)
	}
	if r != nil {
		g = nil
	}
	for _, e := range h.Events {
		if !slices.Contains(hookEvents, e) {
			return 0, fmt.Errorf("sandbox: %q is no event of a GitLab webhook: use one of %s", e, strings.Join(hookEvents, ", "))
		}
	}
	if u, err := url.Parse(h.URL); h.URL != "" && (err != nil || u.Host == "") {
		return 0, fmt.Errorf("sandbox: %q is no address", h.URL)
	}
	for _, old := range s.hooks {
		if old.set && old.repo == r && old.group == g {
			old.GitLabHook = h
			old.revive()
			old.sender.aim(h.URL)
			return old.ID, nil
		}
	}
	x := s.newWebhook(r, g, h)
	x.set = true
	return x.ID, nil
}

// ProtectTags lets only people of a level ("none", "developer", "maintainer") create the tags that
// match a pattern, and nobody move or delete them by a push.
func (s *Sandbox) ProtectTags(repo, pattern, createLevel string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(repo)
	if r == nil || pushLevels[createLevel] == 0 {
		return fmt.Errorf("sandbox: no repository %q or level %q", repo, createLevel)
	}
	r.tagRules = slices.DeleteFunc(r.tagRules, func(t tagRule) bool { return t.pattern == pattern })
	r.tagRules = append(r.tagRules, tagRule{pattern, createLevel})
	return nil
}

// SetProject replaces a project's settings.
func (s *Sandbox) SetProject(repo string, p ProjectSettings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoByFull(repo)
	switch {
	case r == nil || s.dialect != GitLab:
		return fmt.Errorf("sandbox: no project %q on a GitLab", repo)
	case !slices.Contains([]string{"", "merge", "rebase_merge", "ff"}, p.MergeMethod):
		return fmt.Errorf("sandbox: %q is no merge method: use merge, rebase_merge or ff", p.MergeMethod)
	case !p.Licensed && (p.ResetApprovals || len(p.StatusChecks) > 0):
		return fmt.Errorf("sandbox: approvals that reset and status checks need a licence")
	}
	r.settings = p
	r.hostChecks = nil
	for _, c := range p.StatusChecks {
		r.hostChecks = append(r.hostChecks, s.newHostCheck(c))
	}
	return nil
}

// Approve approves a merge request, as it is now.
func (u Session) Approve(full string, number int) error {
	return u.onMR(full, number, func(p *pull, by actor) error { return u.s.approveMR(p, by, "") })
}

// Unapprove takes the user's approval back.
func (u Session) Unapprove(full string, number int) error {
	return u.onMR(full, number, func(p *pull, by actor) error { return u.s.unapproveMR(p, by) })
}

// RequestChanges requests changes.
func (u Session) RequestChanges(full string, number int) error {
	return u.onMR(full, number, func(p *pull, by actor) error { return u.s.objectMR(p, by) })
}

// onMR is on, for what only GitLab knows.
func (u Session) onMR(full string, number int, do func(p *pull, by actor) error) error {
	if u.s.dialect != GitLab {
		return refuse(http.StatusNotFound, "approvals of merge requests are GitLab's")
	}
	return u.on(full, number, talkPulls, do)
}

// goodLogin tells names of accounts; groups of GitLab are named by their path, below one that exists.
func (s *Sandbox) goodLogin(login, kind string) bool {
	if s.dialect == GitLab && kind == kindOrg && strings.Contains(login, "/") {
		return s.group(path.Dir(login)) != nil && s.goodLogin(path.Base(login), kind)
	}
	return login != "" && !strings.ContainsAny(login, "/ ")
}

// openByHand, editByHand and draftByHand do what the pages ask, in their words.
func (s *Sandbox) openByHand(r *repo, by actor, title, body, head, base string, draft bool) (*pull, error) {
	if draft && !draftTitle.MatchString(title) {
		title = "Draft: " + title
	}
	return s.openMR(r, by, mrIn{Title: title, Body: body, Source: head, Target: base})
}

func (s *Sandbox) editByHand(p *pull, by actor, e pullEdit) error {
	out := mrEdit{Title: e.Title, Body: e.Body, Target: e.Base}
	if e.State != nil {
		event := map[string]string{"closed": "close", "open": "reopen"}[*e.State]
		if event == "" {
			return refuse(http.StatusBadRequest, "state does not have a valid value").as(kindError)
		}
		out.Event = &event
	}
	return s.editMR(p, by, out)
}

func (s *Sandbox) draftByHand(p *pull, by actor, draft bool) error {
	if p.Draft == draft || !p.open() {
		return nil
	}
	title := draftTitle.ReplaceAllString(p.Title, "")
	if draft {
		title = "Draft: " + title
	}
	return s.editMR(p, by, mrEdit{Title: &title})
}
