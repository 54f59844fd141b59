package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// token is an access token: of a user, or of an App's installation.
type token struct {
	account *Account
	app     *app // nil for a user's token
	perms   map[string]string
	repos   map[int64]bool // nil: all that the installation has
	expires time.Time      // zero: never
	scopes  []string       // on GitLab; nil for somebody who acts on the pages
}

// actor is who makes a request. An App that only showed its JWT has no perms and acts on no repository.
type actor struct {
	*token
	jwt bool
}

// tokenLife is how long an installation token lives on GitHub.
const tokenLife = time.Hour

// sees reports whether the repository exists for this actor at all.
func (s *Sandbox) sees(a actor, r *repo) bool {
	if a.app != nil {
		return a.hasRepo(r) || !r.Private
	}
	return s.level(a.account, r) > 0
}

func (a actor) hasRepo(r *repo) bool {
	return a.app.repos[r.ID] && (a.repos == nil || a.repos[r.ID])
}

// need is what an operation asks for: of an App a permission, of a user a level on the repository.
// Several App permissions, joined by "|", are alternatives.
type need struct {
	app  string // "checks:write"; empty: Apps cannot do this
	user string // "read", "write", "admin"; empty: users cannot do this
}

// allow checks a need; the repository is nil for what belongs to an organisation.
func (s *Sandbox) allow(a actor, r *repo, n need) error {
	if r != nil && !s.sees(a, r) {
		return errNotFound
	}
	if a.app == nil {
		switch {
		case n.user == "":
			return refuse(http.StatusForbidden, "You must authenticate via a GitHub App.")
		case r != nil && s.level(a.account, r) < levels[n.user]:
			return errNotAllowed
		}
		return nil
	}
	if a.jwt {
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	publicRead := r != nil && !r.Private && !strings.Contains(n.app, ":write")
	if r != nil && !a.hasRepo(r) {
		if publicRead {
			return nil
		}
		return errNoAccess
	}
	for _, alternative := range strings.Split(n.app, "|") {
		name, level, _ := strings.Cut(alternative, ":")
		if name == "metadata" || name != "" && grants(a.perms[name], level) {
			return nil
		}
	}
	if publicRead {
		return nil
	}
	return errNoAccess
}

func grants(have, want string) bool {
	return have == want || have == "write" && want == "read" || have == "admin" && want != ""
}

// authenticate finds who makes a request, by the Authorization header.
func (s *Sandbox) authenticate(r *http.Request) (actor, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return actor{}, errNeedAuth
	}
	scheme, secret, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(secret)
		if err != nil {
			return actor{}, errBadCreds
		}
		_, secret, _ = strings.Cut(string(raw), ":")
	case "bearer", "token":
	default:
		return actor{}, errBadCreds
	}
	if strings.Count(secret, ".") == 2 {
		return s.verifyJWT(secret)
	}
	t := s.tokens[secret]
	if t == nil || !t.expires.IsZero() && time.Now().After(t.expires) {
		return actor{}, errBadCreds
	}
	return actor{token: t}, nil
}

// verifyJWT checks an App's own token as GitHub does: RS256 by the App's key, issued not in the
// future, living ten minutes at most. It goes by the real clock, as the clients do.
func (s *Sandbox) verifyJWT(raw string) (actor, error) {
	const drift = time.Minute
	var who *app
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) {
		id, _ := strconv.ParseInt(claims.Issuer, 10, 64)
		for _, a := range s.apps {
			if a.ID == id {
				who = a
				return &a.key.PublicKey, nil
			}
		}
		return nil, fmt.Errorf("no App %q", claims.Issuer)
	})
	now := time.Now()
	switch {
	case err != nil:
		return actor{}, refuse(http.StatusUnauthorized, "A JSON web token could not be decoded")
	case claims.IssuedAt == nil || claims.IssuedAt.After(now.Add(drift)):
		return actor{}, refuse(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	case claims.ExpiresAt == nil || claims.ExpiresAt.Before(now):
		return actor{}, refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case claims.ExpiresAt.After(now.Add(10*time.Minute + drift)):
		return actor{}, refuse(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	}
	return actor{token: &token{app: who, account: who.Bot}, jwt: true}, nil
}

// issue makes an installation token, narrowed to some permissions and repositories if asked.
func (s *Sandbox) issue(a *app, perms map[string]string, repos map[int64]bool) (string, *token, error) {
	t := &token{account: a.Bot, app: a, perms: maps.Clone(a.Permissions), repos: repos, expires: time.Now().Add(tokenLife)}
	if len(perms) > 0 {
		for name, level := range perms {
			if !grants(a.Permissions[name], level) {
				return "", nil, refuse(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation.")
			}
		}
		t.perms = maps.Clone(perms)
	}
	secret := "ghs_" + randomText()
	s.tokens[secret] = t
	return secret, t, nil
}

// randomText is 40 characters that nobody guesses.
func randomText() string {
	b := make([]byte, 30)
	rand.Read(b) // never fails: crypto/rand ends the process first
	return base64.RawURLEncoding.EncodeToString(b)
}
