package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	theSecret = "correct-horse-battery-staple"
	theKey    = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"
)

// write puts files in a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadServer(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"lumos.yaml": `listen: 127.0.0.1:9000
data_dir: data
queue: {url: "nats://nats:4222"}
github: {api_url: http://127.0.0.1:1/api/v3, graphql_url: http://127.0.0.1:1/graphql, git_url: "http://[::1]:1", app_id: 7, private_key_file: app.pem, webhook_secret_file: secret}
audit: {signing_key_file: /etc/lumos/audit, append: push}
sweep_interval: 1h30m
webhooks: [{url: https://siem.acme.example/lumos, secret_file: outgoing}]
log: {level: debug, format: text}
`,
		"app.pem": theKey + "\n", "secret": theSecret + "\r\n", "outgoing": "out-secret\n",
	})
	s, err := LoadServer(filepath.Join(dir, "lumos.yaml"), []string{"HOME=/", "LUMOS_LISTEN=:1", "LUMOS_LOG_LEVEL=warn", "LUMOS_GITHUB_APP_ID=8", "LUMOS_SHARED=x", "LUMOS_DATA_DIR="})
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != ":1" || s.MetricsListen != "127.0.0.1:9090" || s.DataDir != filepath.Join(dir, "data") || s.Queue.URL != "nats://nats:4222" ||
		s.GitHub.AppID != 8 || s.GitHub.PrivateKeyFile != filepath.Join(dir, "app.pem") || s.Audit.SigningKeyFile != "/etc/lumos/audit" || s.Audit.Append != "push" ||
		time.Duration(s.SweepInterval) != 90*time.Minute || s.Log.Level != "warn" || s.Log.Format != "text" {
		t.Errorf("%+v", s)
	}
	if s.GitHub.WebhookSecret.Reveal() != theSecret || s.GitHub.PrivateKey.Reveal() != theKey || s.Webhooks[0].Secret.Reveal() != "out-secret" {
		t.Error("a secret was read wrongly")
	}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&printed, verb, s)
		fmt.Fprintf(&printed, verb, *s)
		fmt.Fprintf(&printed, verb, struct{ hidden Server }{*s})
	}
	b, err := json.Marshal(struct {
		Server *Server
		Secret Secret
	}{s, s.GitHub.WebhookSecret})
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(b)
	for _, secret := range []string{theSecret, "abc\n", "out-secret"} {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	if !strings.Contains(printed.String(), "[redacted]") {
		t.Error("nothing shows that there is a secret")
	}
}

func TestLoadServerFromEnvironment(t *testing.T) {
	t.Parallel()
	s, err := LoadServer("", []string{"LUMOS_GITHUB_APP_ID=7", "LUMOS_GITHUB_WEBHOOK_SECRET=" + theSecret, "LUMOS_GITHUB_PRIVATE_KEY=" + theKey, "LUMOS_AUDIT_SIGNING_KEY_FILE=key", "LUMOS_SWEEP_INTERVAL=2m"})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultServer()
	want.GitHub.AppID, want.Audit.SigningKeyFile, want.SweepInterval = 7, "key", Duration(2*time.Minute)
	got := *s
	if got.GitHub.WebhookSecret.Reveal() != theSecret || got.GitHub.PrivateKey.Reveal() != theKey {
		t.Error("a secret was read wrongly")
	}
	got.GitHub.WebhookSecret, got.GitHub.PrivateKey = Secret{}, Secret{}
	if diff := cmp.Diff(*want, got, cmp.AllowUnexported(Secret{})); diff != "" {
		t.Error(diff)
	}
}

func TestServerRefused(t *testing.T) {
	t.Parallel()
	const sound = "github: {app_id: 7, private_key_file: app.pem, webhook_secret_file: secret}\naudit: {signing_key_file: k}\n"
	dir := write(t, map[string]string{"app.pem": theKey, "secret": theSecret, "empty": "\n", "short": "short", "large": strings.Repeat("x", maxSecretFile+1), "nopem": "not a key at all"})
	for _, tc := range []struct {
		name, src string
		env       []string
		want      string // DIR is the folder
	}{
		{"nothing set", "{}", nil, `DIR/f:1:1: the key that signs the audit log is missing: nothing could be allowed ("lumos audit init" makes one)` + "\n" +
			"DIR/f:1:1: the App's id is missing (it stands on the App's page on GitHub; to serve GitLab instead, set gitlab.token_file)\n" +
			"DIR/f:1:1: the App's private key is missing (set github.private_key_file or LUMOS_GITHUB_PRIVATE_KEY)\n" +
			"DIR/f:1:1: there is no webhook secret: anybody could send events (set github.webhook_secret_file or LUMOS_GITHUB_WEBHOOK_SECRET)"},
		{"an unknown key", sound + "lisen: x\n", nil, `DIR/f:3:1: unknown key "lisen" (did you mean "listen"?)`},
		{"a secret in the file", "github: {app_id: 7, private_key_file: app.pem, webhook_secret: hunter2-hunter2-hunter2}\n", nil,
			`DIR/f:1:48: unknown key "webhook_secret" (known here: api_url, app_id, git_url, graphql_url, private_key_file, webhook_secret_file)`},
		{"no such file", strings.Replace(sound, "file: secret", "file: none", 1), nil, "DIR/f:1:69: the secret could not be read: open DIR/none: no such file or directory"},
		{"an empty secret", strings.Replace(sound, "file: secret", "file: empty", 1), nil, "DIR/f:1:69: the file DIR/empty is empty"},
		{"a short secret", strings.Replace(sound, "file: secret", "file: short", 1), nil, "DIR/f:1:69: the webhook secret is shorter than 16 bytes (make a random one of 32 bytes or more)"},
		{"a large secret", strings.Replace(sound, "file: secret", "file: large", 1), nil, "DIR/f:1:69: the secret could not be read: DIR/large: the file is too large: more than 65536 bytes"},
		{"no PEM", strings.Replace(sound, "app.pem", "nopem", 1), nil, "DIR/f:1:39: the App's private key is not in PEM form (download a new one from the App's page)"},
		{"half an instance", strings.Replace(sound, "app_id", "api_url: https://ghe.acme.example/api/v3, app_id", 1), nil,
			"DIR/f:1:19: the instance is your own, but part of it still points to github.com (set graphql_url and git_url of the same instance too)"},
		{"not encrypted", sound + "webhooks: [{url: http://siem.acme.example, secret_file: secret}, {url: \"https://u:p@x\", secret_file: secret}, {url: x, secret_file: secret}]\n", nil,
			"DIR/f:3:18: http://siem.acme.example is not encrypted (use https)\nDIR/f:3:72: the URL holds a user name or password (remove the part before @)\nDIR/f:3:117: this is not a URL (write it with its scheme and host)"},
		{"the environment", sound, []string{"LUMOS_GITHUB_APP_ID=x", "LUMOS_LOG_LEVEL=loud", "LUMOS_LISTEN=8080", "LUMOS_SWEEP_INTERVAL=1s", "LUMOS_GITHUB_API_URL=http://10.0.0.1", "LUMOS_GITHUB_GRAPHQL_URL=https://a/graphql", "LUMOS_GITHUB_GIT_URL=https://a"},
			"LUMOS_GITHUB_API_URL: http://10.0.0.1 is not encrypted (use https)\nLUMOS_GITHUB_APP_ID: \"x\" is not a number\n" +
				"LUMOS_GITHUB_APP_ID: the App's id is missing (it stands on the App's page on GitHub; to serve GitLab instead, set gitlab.token_file)\nLUMOS_LISTEN: \"8080\" is not host:port (write it like :8080)\n" +
				"LUMOS_LOG_LEVEL: \"loud\" is not one of debug, info, warn, error\nLUMOS_SWEEP_INTERVAL: the interval is 1s, want one minute to one day (write it like 15m)"},
		{"an interval that is none", sound, []string{"LUMOS_SWEEP_INTERVAL=often"}, `LUMOS_SWEEP_INTERVAL: "often" is not a duration (write it like 15m)`},
		{"an interval too long", sound + "sweep_interval: 25h\n", nil, "DIR/f:3:17: the interval is 25h0m0s, want one minute to one day (write it like 15m)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			own := write(t, map[string]string{"f": tc.src})
			for _, name := range []string{"app.pem", "secret", "empty", "short", "large", "nopem"} {
				if err := os.Symlink(filepath.Join(dir, name), filepath.Join(own, name)); err != nil {
					t.Fatal(err)
				}
			}
			s, err := LoadServer(filepath.Join(own, "f"), tc.env)
			if s != nil || err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(strings.ReplaceAll(tc.want, "DIR", own), err.Error()); diff != "" {
				t.Error(diff)
			}
			for _, secret := range []string{theSecret, "hunter2", "u:p"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds the secret %s", secret)
				}
			}
		})
	}
}

func TestLoadServerWithoutFile(t *testing.T) {
	t.Parallel()
	if _, err := LoadServer(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error %v", err)
	}
}

func TestLoadServerOfGitLab(t *testing.T) {
	t.Parallel()
	const token = "glpat-0123456789abcdefghij"
	files := map[string]string{"token": token + "\n", "secret": theSecret, "signing": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==\n", "app.pem": theKey}
	for _, tc := range []struct {
		name, settings string
		env            []string
		want           string // of the error, "" for none
		github         bool
	}{
		{"alone", "gitlab: {token_file: token, webhook_secret_file: secret}", nil, "", false},
		{"signed", "gitlab: {url: https://gitlab.acme.example, token_file: token, signing_token_file: signing}", nil, "", false},
		{"from the environment", "", []string{"LUMOS_GITLAB_TOKEN=" + token, "LUMOS_GITLAB_WEBHOOK_SECRET=" + theSecret}, "", false},
		{"beside GitHub", "gitlab: {token_file: token, webhook_secret_file: secret}\ngithub: {app_id: 7, private_key_file: app.pem, webhook_secret_file: secret}", nil, "", true},
		{"without a token", "gitlab: {url: https://gitlab.acme.example, webhook_secret_file: secret}", nil, "the access token is missing", false},
		{"without a secret", "gitlab: {token_file: token}", nil, "anybody could send events", false},
		{"a guessable secret", "gitlab: {token_file: token}", []string{"LUMOS_GITLAB_WEBHOOK_SECRET=short"}, "shorter than", false},
		{"half of GitHub beside it", "gitlab: {token_file: token, webhook_secret_file: secret}\ngithub: {app_id: 7}", nil, "the App's private key is missing", true},
		{"no address", "gitlab: {url: gitlab.acme.example, token_file: token, webhook_secret_file: secret}", nil, "this is not a URL", false},
		{"neither", "", nil, "gitlab.token_file", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, files)
			path := filepath.Join(dir, "lumos.yaml")
			if err := os.WriteFile(path, []byte("audit: {signing_key_file: key}\n"+tc.settings), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := LoadServer(path, tc.env)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.GitLab.Token.Reveal() != token || !s.GitLab.Configured() || s.GitHub.Configured() != tc.github {
				t.Errorf("%+v", s)
			}
			if strings.Contains(fmt.Sprintf("%+v", s), token) {
				t.Error("the token is printed")
			}
		})
	}
}
