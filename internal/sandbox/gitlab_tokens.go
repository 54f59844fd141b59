package sandbox

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// gitlabActor finds who makes a request: by PRIVATE-TOKEN, by a bearer token, or, as git sends it, by a
// password under any user name.
func (s *Sandbox) gitlabActor(r *http.Request) (actor, error) {
	secret := r.Header.Get("Private-Token")
	if header := r.Header.Get("Authorization"); secret == "" && header != "" {
		scheme, rest, _ := strings.Cut(header, " ")
		switch strings.ToLower(scheme) {
		case "bearer":
			secret = rest
		case "basic":
			raw, err := base64.StdEncoding.DecodeString(rest)
			if err != nil {
				return actor{}, errUnauthorized
			}
			_, secret, _ = strings.Cut(string(raw), ":")
		}
	}
	t := s.tokens[secret]
	if secret == "" || t == nil {
		return actor{}, errUnauthorized
	}
	if !t.expires.IsZero() && !time.Now().Before(t.expires) {
		return actor{}, errExpired
	}
	return actor{token: t}, nil
}

// scoped reports whether the actor's token has one of some scopes. Who acts on the pages has them all.
func (a actor) scoped(scopes ...string) bool {
	return a.scopes == nil || slices.ContainsFunc(scopes, func(want string) bool { return slices.Contains(a.scopes, want) })
}

// needScope refuses a token that has none of some scopes.
func (a actor) needScope(scopes ...string) error {
	if a.scoped(scopes...) {
		return nil
	}
	return refuse(http.StatusForbidden, "%s", strings.Join(scopes, " ")).as(kindScope)
}

// ExpireToken lets a token expire at a time.
func (s *Sandbox) ExpireToken(secret string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[secret]; t != nil {
		t.expires = at
	}
}

// gitlabGitAccess decides on git over HTTP. What somebody may not see is not there.
func (s *Sandbox) gitlabGitAccess(r *http.Request, rp *repo, write bool) (*repo, actor, error) {
	if r.Header.Get("Authorization") == "" {
		if rp == nil || rp.Private || write {
			return nil, actor{}, refuse(http.StatusUnauthorized, "HTTP Basic: Access denied")
		}
		return rp, actor{}, nil
	}
	by, err := s.gitlabActor(r)
	if err != nil {
		return nil, by, refuse(http.StatusUnauthorized, "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect or the account is not allowed.")
	}
	scopes := []string{"api", "read_repository", "write_repository"}
	if write {
		scopes = []string{"api", "write_repository"}
	}
	switch {
	case rp == nil || s.level(by.account, rp) == 0:
		return nil, by, refuse(http.StatusNotFound, "The project you were looking for could not be found or you don't have permission to view it.")
	case !by.scoped(scopes...):
		return nil, by, refuse(http.StatusForbidden, "Your token lacks the scope for this: it needs one of %s.", strings.Join(scopes, ", "))
	case write && s.access(by.account, rp) < accessDeveloper:
		return nil, by, refuse(http.StatusForbidden, "You are not allowed to push code to this project.")
	}
	return rp, by, nil
}
