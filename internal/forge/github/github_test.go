package github

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/forge"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	appID = 7
	token = "ghs_0123456789abcdefghijABCDEFGHIJ012345"
	sha1A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sha1B = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	sha1C = "cccccccccccccccccccccccccccccccccccccccc"
)

var (
	models  = forge.Repo{Owner: "acme", Name: "models"}
	pull4   = forge.Ref{Repo: models, Number: 4}
	testKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
)

// host is GitHub as far as one test needs it: what it does not route is a failure.
type host struct {
	*http.ServeMux
	t   *testing.T
	url string

	mu       sync.Mutex
	requests []string // "METHOD /path", in order, but for finding the installation and its token
	graphql  []gqlRequest
}

type gqlRequest struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
}

// newHost serves the App's installation on acme/models.
func newHost(t *testing.T) (*host, *App) {
	t.Helper()
	h := &host{ServeMux: http.NewServeMux(), t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		if !strings.HasSuffix(r.URL.Path, "/installation") && !strings.HasSuffix(r.URL.Path, "/access_tokens") {
			h.requests = append(h.requests, r.Method+" "+r.URL.Path)
		}
		h.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	h.HandleFunc("GET /repos/acme/models/installation", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
			t.Errorf("finding the installation: not signed by the App")
		}
		reply(w, `{"id":1}`)
	})
	h.HandleFunc("POST /app/installations/1/access_tokens", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		reply(w, fmt.Sprintf(`{"token":%q,"expires_at":%q}`, token, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	})
	return h, newApp(t, server.URL)
}

func newApp(t *testing.T, url string) *App {
	t.Helper()
	app, err := New(Options{APIURL: url, GraphQLURL: url + "/graphql", AppID: appID, PrivateKey: pkcs1(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func pkcs1() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(testKey())})
}

func reply(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(body))
}

// answers serves POST /graphql with one answer after the other; the last one stays.
func (h *host) answers(bodies ...string) {
	h.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "token "+token {
			h.t.Errorf("graphql: Authorization %q", got)
		}
		var q gqlRequest
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			h.t.Errorf("graphql: %v", err)
		}
		h.mu.Lock()
		h.graphql = append(h.graphql, q)
		n := min(len(h.graphql), len(bodies)) - 1
		h.mu.Unlock()
		reply(w, bodies[n])
	})
}

// golden compares with a file under testdata, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, diff)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(testKey())
	if err != nil {
		t.Fatal(err)
	}
	good := Options{APIURL: "https://api.github.com", GraphQLURL: "https://api.github.com/graphql", AppID: appID, PrivateKey: pkcs1()}
	for _, tc := range []struct {
		name   string
		change func(*Options)
		host   string
		err    string
	}{
		{"github.com, PKCS#1", func(*Options) {}, "github.com", ""},
		{"PKCS#8", func(o *Options) {
			o.PrivateKey = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
		}, "github.com", ""},
		{"enterprise", func(o *Options) { o.APIURL = "https://ghe.acme.example/api/v3" }, "ghe.acme.example", ""},
		{"no app", func(o *Options) { o.AppID = 0 }, "", "app id 0"},
		{"no key", func(o *Options) { o.PrivateKey = []byte("secret nonsense") }, "", "private key: expected an RSA key"},
		{"no url", func(o *Options) { o.APIURL = "" }, "", "api url"},
		{"url with password", func(o *Options) { o.GraphQLURL = "https://u:hunter2@api.github.com/graphql" }, "", "without credentials"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := good
			tc.change(&o)
			app, err := New(o)
			if tc.err == "" {
				if err != nil || app.host != tc.host {
					t.Fatalf("host %v, error %v", app, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			if strings.Contains(err.Error(), "nonsense") || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("the error shows a secret: %v", err)
			}
		})
	}
}
