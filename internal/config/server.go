package config

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lumos-governance/lumos/internal/document"
)

//go:embed schema/server.schema.json
var serverSchemaSource []byte

var serverSchema = sync.OnceValue(func() *document.Schema { return document.MustCompile("server", serverSchemaSource) })

// Server holds the settings of the bot.
type Server struct {
	Listen        string     `json:"listen"`         // host:port for webhooks and health
	MetricsListen string     `json:"metrics_listen"` // host:port
	DataDir       string     `json:"data_dir"`
	Queue         Queue      `json:"queue"`
	GitHub        GitHub     `json:"github"`
	GitLab        GitLab     `json:"gitlab"`
	Audit         Audit      `json:"audit"`
	SweepInterval Duration   `json:"sweep_interval"`
	Webhooks      []Outgoing `json:"webhooks"`
	Sources       []Source   `json:"sources"`
	Log           Log        `json:"log"`
}

// Queue says where the queue runs.
type Queue struct {
	URL string `json:"url"` // empty: embedded in the process
}

// GitHub is the App and the instance that it is installed on.
type GitHub struct {
	APIURL            string `json:"api_url"`
	GraphQLURL        string `json:"graphql_url"`
	GitURL            string `json:"git_url"`
	AppID             int64  `json:"app_id"`
	PrivateKeyFile    string `json:"private_key_file"`
	WebhookSecretFile string `json:"webhook_secret_file"`

	PrivateKey    Secret `json:"-"` // PEM
	WebhookSecret Secret `json:"-"`
}

// Configured reports whether anything says which App it is: a server may serve GitHub, GitLab or both.
func (g GitHub) Configured() bool {
	return g.AppID != 0 || g.PrivateKeyFile != "" || g.WebhookSecretFile != "" || g.PrivateKey.Reveal() != "" || g.WebhookSecret.Reveal() != ""
}

// GitLab is the instance and the account of the bot on it.
type GitLab struct {
	URL               string `json:"url"`
	TokenFile         string `json:"token_file"`          // an access token with the scopes api and write_repository
	WebhookSecretFile string `json:"webhook_secret_file"` // the webhook's secret token
	SigningTokenFile  string `json:"signing_token_file"`  // where the instance signs its webhooks: then nothing unsigned is taken

	Token         Secret `json:"-"`
	WebhookSecret Secret `json:"-"`
	SigningToken  Secret `json:"-"`
}

// Configured reports whether anything says which account the bot has.
func (g GitLab) Configured() bool {
	return g.URL != publicGitLab || g.TokenFile != "" || g.WebhookSecretFile != "" || g.SigningTokenFile != "" || g.Token.Reveal() != "" || g.WebhookSecret.Reveal() != ""
}

// Audit says how the audit log is signed and appended.
type Audit struct {
	SigningKeyFile string `json:"signing_key_file"`
	Append         string `json:"append"` // api | push; on GitLab it is always pushed
}

// Outgoing is a subscriber to the agents' events.
type Outgoing struct {
	URL        string `json:"url"`
	SecretFile string `json:"secret_file"`
	Secret     Secret `json:"-"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `json:"level"`  // debug | info | warn | error
	Format string `json:"format"` // json | text
}

// Duration is a time.Duration written like "15m".
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

const (
	publicAPI     = "https://api.github.com"
	publicGraphQL = "https://api.github.com/graphql"
	publicGit     = "https://github.com"
	publicGitLab  = "https://gitlab.com"

	maxSecretFile = 64 << 10 // bytes
)

// DefaultServer holds the settings that hold until others are given.
func DefaultServer() *Server {
	return &Server{
		Listen: ":8080", MetricsListen: "127.0.0.1:9090", DataDir: "/var/lib/lumos",
		GitHub:        GitHub{APIURL: publicAPI, GraphQLURL: publicGraphQL, GitURL: publicGit},
		GitLab:        GitLab{URL: publicGitLab},
		Audit:         Audit{Append: "api"},
		SweepInterval: Duration(15 * time.Minute),
		Log:           Log{Level: "info", Format: "json"},
	}
}

// LoadServer reads the settings from the file at path, unless path is empty, and then from env, a list
// of NAME=value such as os.Environ gives: each setting is LUMOS_ and its path in capitals, such as
// LUMOS_GITHUB_APP_ID. The environment wins. Secrets may also be given directly, as
// LUMOS_GITHUB_WEBHOOK_SECRET, LUMOS_GITHUB_PRIVATE_KEY, LUMOS_GITLAB_TOKEN,
// LUMOS_GITLAB_WEBHOOK_SECRET and LUMOS_GITLAB_SIGNING_TOKEN, and those of a source named data-catalog as
// LUMOS_SOURCE_DATA_CATALOG_DSN, …_TOKEN and …_HEADERS. Files that a settings file names are
// looked for from its own folder. What is wrong is returned as releases.Errors, all at once.
func LoadServer(path string, env []string) (*Server, error) {
	s := DefaultServer()
	in := input{file: path, env: map[string]string{}}
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, "LUMOS_") && value != "" {
			in.env[name] = value
		}
	}
	if path != "" {
		src, err := readFile(path, document.MaxSize)
		if err != nil {
			return nil, fmt.Errorf("reading the settings: %w", err)
		}
		doc, errs := document.Parse(path, src, serverSchema())
		if errs != nil {
			return nil, errs
		}
		if err := doc.Decode(s); err != nil {
			return nil, document.Errors{doc.Errorf("", "", "%v", err)}
		}
		in.doc = doc
		s.anchor(filepath.Dir(path))
	}
	in.overrides(s)
	in.secrets(s)
	in.validate(s)
	if len(in.errs) > 0 {
		return nil, in.errs.Sorted()
	}
	return s, nil
}

// anchor makes the files that a settings file names relative to its folder.
func (s *Server) anchor(dir string) {
	files := []*string{&s.DataDir, &s.GitHub.PrivateKeyFile, &s.GitHub.WebhookSecretFile, &s.Audit.SigningKeyFile,
		&s.GitLab.TokenFile, &s.GitLab.WebhookSecretFile, &s.GitLab.SigningTokenFile}
	for i := range s.Webhooks {
		files = append(files, &s.Webhooks[i].SecretFile)
	}
	for i := range s.Sources {
		files = append(files, s.Sources[i].files()...)
	}
	for _, f := range files {
		if *f != "" && !filepath.IsAbs(*f) {
			*f = filepath.Join(dir, *f)
		}
	}
}

// input is what the settings are read from, and what is wrong with it.
type input struct {
	file string
	doc  *document.Document // nil without a file
	env  map[string]string
	errs document.Errors
}

// variable is the name of a setting in the environment.
func variable(pointer string) string {
	return "LUMOS" + strings.ToUpper(strings.ReplaceAll(pointer, "/", "_"))
}

// refuse reports a setting at the place that it came from: the environment, else the file.
func (in *input) refuse(pointer, hint, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	switch _, set := in.env[variable(pointer)]; {
	case set:
		in.errs = append(in.errs, document.Error{Path: variable(pointer), Message: message, Hint: hint})
	case in.doc != nil:
		in.errs = append(in.errs, in.doc.Errorf(pointer, hint, "%s", message))
	default:
		in.errs = append(in.errs, document.Error{Path: "settings", Pointer: pointer, Message: message, Hint: hint})
	}
}

// overrides applies the environment.
func (in *input) overrides(s *Server) {
	for pointer, target := range map[string]*string{
		"/listen": &s.Listen, "/metrics_listen": &s.MetricsListen, "/data_dir": &s.DataDir, "/queue/url": &s.Queue.URL,
		"/github/api_url": &s.GitHub.APIURL, "/github/graphql_url": &s.GitHub.GraphQLURL, "/github/git_url": &s.GitHub.GitURL,
		"/github/private_key_file": &s.GitHub.PrivateKeyFile, "/github/webhook_secret_file": &s.GitHub.WebhookSecretFile,
		"/gitlab/url": &s.GitLab.URL, "/gitlab/token_file": &s.GitLab.TokenFile,
		"/gitlab/webhook_secret_file": &s.GitLab.WebhookSecretFile, "/gitlab/signing_token_file": &s.GitLab.SigningTokenFile,
		"/audit/signing_key_file": &s.Audit.SigningKeyFile, "/audit/append": &s.Audit.Append,
		"/log/level": &s.Log.Level, "/log/format": &s.Log.Format,
	} {
		if v, ok := in.env[variable(pointer)]; ok {
			*target = v
		}
	}
	if v, ok := in.env["LUMOS_GITHUB_APP_ID"]; ok {
		id, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			in.refuse("/github/app_id", "", "%q is not a number", v)
		}
		s.GitHub.AppID = id
	}
	if v, ok := in.env["LUMOS_SWEEP_INTERVAL"]; ok {
		if err := s.SweepInterval.UnmarshalText([]byte(v)); err != nil {
			in.refuse("/sweep_interval", "write it like 15m", "%q is not a duration", v)
			s.SweepInterval = DefaultServer().SweepInterval
		}
	}
}

// secrets reads the secrets, from the environment or from the files that the settings name.
func (in *input) secrets(s *Server) {
	s.GitHub.WebhookSecret = in.secret("LUMOS_GITHUB_WEBHOOK_SECRET", "/github/webhook_secret_file", s.GitHub.WebhookSecretFile)
	s.GitHub.PrivateKey = in.secret("LUMOS_GITHUB_PRIVATE_KEY", "/github/private_key_file", s.GitHub.PrivateKeyFile)
	s.GitLab.Token = in.secret("LUMOS_GITLAB_TOKEN", "/gitlab/token_file", s.GitLab.TokenFile)
	s.GitLab.WebhookSecret = in.secret("LUMOS_GITLAB_WEBHOOK_SECRET", "/gitlab/webhook_secret_file", s.GitLab.WebhookSecretFile)
	s.GitLab.SigningToken = in.secret("LUMOS_GITLAB_SIGNING_TOKEN", "/gitlab/signing_token_file", s.GitLab.SigningTokenFile)
	for i := range s.Webhooks {
		s.Webhooks[i].Secret = in.secret("", "/webhooks/"+strconv.Itoa(i)+"/secret_file", s.Webhooks[i].SecretFile)
	}
	in.sourceSecrets(s.Sources)
}

func (in *input) secret(name, pointer, file string) Secret {
	if v, ok := in.env[name]; ok {
		return NewSecret(v)
	}
	if file == "" {
		return Secret{}
	}
	b, err := readFile(file, maxSecretFile)
	if err != nil {
		in.refuse(pointer, "", "the secret could not be read: %v", err)
		return Secret{}
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		in.refuse(pointer, "", "the file %s is empty", file)
	}
	return NewSecret(text)
}

// readFile reads a file of at most max bytes.
func readFile(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err := cmp.Or(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", path, errTooLarge, max)
	}
	return b, nil
}

var errTooLarge = errors.New("the file is too large")

// minWebhookSecret is the least length of a webhook's secret, in bytes: GitHub's advice is a random
// text of high entropy, and what is shorter can be guessed offline from one delivery.
const minWebhookSecret = 16

// validate refuses settings that the bot could not run with safely.
func (in *input) validate(s *Server) {
	if s.GitHub.Configured() || !s.GitLab.Configured() {
		in.validateGitHub(&s.GitHub)
	}
	if s.GitLab.Configured() {
		in.validateGitLab(&s.GitLab)
	}
	if s.Audit.SigningKeyFile == "" {
		in.refuse("/audit/signing_key_file", `"lumos audit init" makes one`, "the key that signs the audit log is missing: nothing could be allowed")
	}
	for i, w := range s.Webhooks {
		in.checkURL("/webhooks/"+strconv.Itoa(i)+"/url", w.URL)
	}
	in.validateSources(s.Sources)
	for pointer, value := range map[string]string{"/listen": s.Listen, "/metrics_listen": s.MetricsListen} {
		if _, port, err := net.SplitHostPort(value); err != nil || !isPort(port) {
			in.refuse(pointer, "write it like :8080", "%q is not host:port", value)
		}
	}
	if s.SweepInterval < Duration(time.Minute) || s.SweepInterval > Duration(24*time.Hour) {
		in.refuse("/sweep_interval", "write it like 15m", "the interval is %s, want one minute to one day", time.Duration(s.SweepInterval))
	}
	in.oneOf("/audit/append", s.Audit.Append, "api", "push")
	in.oneOf("/log/level", s.Log.Level, "debug", "info", "warn", "error")
	in.oneOf("/log/format", s.Log.Format, "json", "text")
}

func (in *input) validateGitHub(g *GitHub) {
	if g.AppID <= 0 {
		in.refuse("/github/app_id", "it stands on the App's page on GitHub; to serve GitLab instead, set gitlab.token_file", "the App's id is missing")
	}
	in.webhookSecret("/github/webhook_secret_file", "set github.webhook_secret_file or LUMOS_GITHUB_WEBHOOK_SECRET", g.WebhookSecret)
	switch key := g.PrivateKey.Reveal(); {
	case key == "" && !in.failed("/github/private_key_file"):
		in.refuse("/github/private_key_file", "set github.private_key_file or LUMOS_GITHUB_PRIVATE_KEY", "the App's private key is missing")
	case key != "" && !strings.Contains(key, "-----BEGIN "):
		in.refuse("/github/private_key_file", "download a new one from the App's page", "the App's private key is not in PEM form")
	}
	if g.APIURL != publicAPI && (g.GraphQLURL == publicGraphQL || g.GitURL == publicGit) {
		in.refuse("/github/api_url", "set graphql_url and git_url of the same instance too", "the instance is your own, but part of it still points to github.com")
	}
	for pointer, value := range map[string]string{"/github/api_url": g.APIURL, "/github/graphql_url": g.GraphQLURL, "/github/git_url": g.GitURL} {
		in.checkURL(pointer, value)
	}
}

func (in *input) validateGitLab(g *GitLab) {
	if g.Token.Reveal() == "" && !in.failed("/gitlab/token_file") {
		in.refuse("/gitlab/token_file", "set gitlab.token_file or LUMOS_GITLAB_TOKEN to a group access token with the scopes api and write_repository",
			"the access token is missing")
	}
	if g.SigningToken.Reveal() == "" || g.WebhookSecret.Reveal() != "" {
		in.webhookSecret("/gitlab/webhook_secret_file", "set gitlab.webhook_secret_file or LUMOS_GITLAB_WEBHOOK_SECRET", g.WebhookSecret)
	}
	in.checkURL("/gitlab/url", g.URL)
}

func (in *input) webhookSecret(pointer, hint string, s Secret) {
	switch secret := s.Reveal(); {
	case secret == "" && !in.failed(pointer):
		in.refuse(pointer, hint, "there is no webhook secret: anybody could send events")
	case secret != "" && len(secret) < minWebhookSecret:
		in.refuse(pointer, "make a random one of 32 bytes or more", "the webhook secret is shorter than %d bytes", minWebhookSecret)
	}
}

// failed tells whether the setting at the pointer is already refused.
func (in *input) failed(pointer string) bool {
	for _, e := range in.errs {
		if e.Pointer == pointer || e.Path == variable(pointer) {
			return true
		}
	}
	return false
}

// checkURL insists on https, as tokens and events travel there; plain http is for this machine only.
func (in *input) checkURL(pointer, value string) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "":
		in.refuse(pointer, "write it with its scheme and host", "this is not a URL")
	case u.User != nil:
		in.refuse(pointer, "remove the part before @", "the URL holds a user name or password")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		in.refuse(pointer, "use https", "%s://%s is not encrypted", u.Scheme, u.Host)
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// oneOf checks what the schema has checked in the file already, for values from the environment.
func (in *input) oneOf(pointer, value string, known ...string) {
	if slices.Contains(known, value) {
		return
	}
	in.refuse(pointer, "", "%q is not one of %s", value, strings.Join(known, ", "))
}
