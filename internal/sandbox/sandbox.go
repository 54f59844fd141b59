package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Dialect is the kind of code host that a sandbox is: what its interfaces, its webhooks and its rules are.
type Dialect string

// The dialects.
const (
	GitHub Dialect = "github"
	GitLab Dialect = "gitlab"
)

// Options tell Start what to build. The zero value, with a Dir, is good.
type Options struct {
	Dir     string        // where the repositories live; made if missing
	Addr    string        // "127.0.0.1:0" if empty; refused unless it is of the loopback
	Dialect Dialect       // which host it is; GitHub if empty
	Log     *slog.Logger  // discarded if nil
	Latency time.Duration // added to each API request, before it is looked at
	Clock   func() time.Time
	// Owners names the owners ("login" or "org/team") of the paths in a CODEOWNERS file. If it is
	// set, the host asks them for review by itself, as GitHub does.
	Owners func(codeowners []byte, paths []string) []string
	// Markdown renders what people write as safe HTML. Without it the pages show the text as it is.
	Markdown func(string) template.HTML
	// Observe sees every API request with its answer, after the answer was made. It must not call
	// back into the sandbox.
	Observe func(Exchange)
}

// Sandbox is a running code host.
type Sandbox struct {
	Faults *Faults // what goes wrong, and when

	opt    Options
	url    string
	signer ssh.Signer
	api    router
	pages  http.Handler // what people see; everything that is neither API nor git
	srv    *http.Server
	served chan struct{}

	mu sync.Mutex
	world

	logMu sync.Mutex
	log   []Exchange
}

// Start starts a code host. It stops when ctx ends or Close is called.
func Start(ctx context.Context, opt Options) (*Sandbox, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, fmt.Errorf("the sandbox serves git by the git command: %w", err)
	}
	if opt.Addr == "" {
		opt.Addr = "127.0.0.1:0"
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Dialect == "" {
		opt.Dialect = GitHub
	}
	if opt.Dialect != GitHub && opt.Dialect != GitLab {
		return nil, fmt.Errorf("sandbox: Options.Dialect is %q, not %q or %q", opt.Dialect, GitHub, GitLab)
	}
	if opt.Dir == "" {
		return nil, errors.New("sandbox: Options.Dir is empty")
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	host, _, err := net.SplitHostPort(opt.Addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: address %q: %w", opt.Addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("sandbox: %q is not a loopback address: the sandbox gives its tokens away and stays on this machine", opt.Addr)
	}
	if opt.Dir, err = filepath.Abs(opt.Dir); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{Faults: &Faults{}, opt: opt, world: newWorld(opt.Dialect), served: make(chan struct{})}
	if s.signer, err = ssh.NewSignerFromKey(key); err != nil {
		return nil, err
	}
	s.webflow = &Account{ID: s.id(), Login: "web-flow", Name: "GitHub", Email: "noreply@github.com", Type: kindUser, Created: s.now()}
	s.accounts[s.webflow.ID] = s.webflow
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", opt.Addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s.url = "http://" + ln.Addr().String()
	s.api = s.routes()
	s.pages = newPages(s)
	s.srv = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.served)
		if err := s.srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			opt.Log.Error("sandbox stopped", "error", err)
		}
	}()
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// Close stops the sandbox. Its repositories stay on disk.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	senders := s.senders()
	s.mu.Unlock()
	for _, h := range senders {
		h.stop()
	}
	err := s.srv.Close()
	<-s.served
	return err
}

// URL is where people look, without a slash at the end.
func (s *Sandbox) URL() string { return s.url }

// Host is the name under which repositories of this host are known: its address and port.
func (s *Sandbox) Host() string { return strings.TrimPrefix(s.url, "http://") }

// APIURL is the REST root, as an Enterprise server or a GitLab has it.
func (s *Sandbox) APIURL() string { return s.url + s.root() + "/" }

// root is the path of the REST root, without a slash at the end.
func (s *Sandbox) root() string {
	if s.dialect == GitLab {
		return gitlabRoot
	}
	return apiRoot
}

// GraphQLURL is the GraphQL endpoint.
func (s *Sandbox) GraphQLURL() string { return s.url + "/api/graphql" }

// GitURL is where a repository is cloned from.
func (s *Sandbox) GitURL(owner, name string) string {
	return s.url + "/" + owner + "/" + name + ".git"
}

// SigningKey is the host's public key in authorized_keys form: what an allowed_signers file needs to
// verify the commits that the host made.
func (s *Sandbox) SigningKey() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.signer.PublicKey())))
}

// now is the host's time, in the whole seconds that GitHub's interfaces show.
func (s *Sandbox) now() time.Time { return s.opt.Clock().UTC().Truncate(time.Second) }

// ServeHTTP sorts a request: API, git, or pages.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		s.serveAPI(w, r)
	case strings.Contains(r.URL.Path, ".git/"):
		s.serveGit(w, r)
	default:
		s.pages.ServeHTTP(w, r)
	}
}
