package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// secrets are put together here so that no scanner takes this file for a leak.
var secrets = map[string]string{
	"GitHub personal":      "ghp_" + strings.Repeat("a1B2", 9),
	"GitHub installation":  "ghs_" + strings.Repeat("a1B2", 9),
	"GitHub with dots":     "ghs_12345_" + strings.Repeat("a1B2", 9) + ".eyJhbGci.c2lnbmF0dXJl",
	"GitHub user":          "ghu_" + strings.Repeat("a1B2", 9),
	"GitHub refresh":       "ghr_" + strings.Repeat("a1B2", 9),
	"GitHub OAuth":         "gho_" + strings.Repeat("a1B2", 9),
	"GitHub fine-grained":  "github_pat_" + strings.Repeat("a1B2_", 9),
	"GitLab personal":      "glpat-" + strings.Repeat("a1-_", 6),
	"GitLab job":           "glcbt-64_" + strings.Repeat("a1B2", 6),
	"Hugging Face":         "hf_" + strings.Repeat("aBcD", 8),
	"webhook secret":       "whsec_" + strings.Repeat("a1B2", 8) + "==",
	"Slack":                "xoxb-123456789012-" + strings.Repeat("aB", 8),
	"JSON Web Token":       "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjM0NSJ9.c2lnbmF0dXJl-_x",
	"PEM":                  "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nc2VjcmV0\n-----END RSA PRIVATE KEY-----",
	"PEM cut off":          "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
	"configured":           "correct horse \"battery\" <staple>\n",
	"configured and plain": "hunter2hunter2",
}

func configured() []string {
	return []string{secrets["configured"], secrets["configured and plain"], "", "abc"}
}

func TestNoSecretReachesTheLog(t *testing.T) {
	t.Parallel()
	for name, secret := range secrets {
		for place, entry := range map[string]func(zerolog.Logger){
			"field":   func(l zerolog.Logger) { l.Info().Str("value", secret).Msg("m") },
			"message": func(l zerolog.Logger) { l.Info().Msg("before " + secret + " \"after\"") },
			"error":   func(l zerolog.Logger) { l.Info().Err(fmt.Errorf("x: %w", errors.New(secret))).Msg("m") },
			"header":  func(l zerolog.Logger) { l.Info().Str("h", "Authorization: Bearer "+secret).Msg("m") },
			"list":    func(l zerolog.Logger) { l.Info().Strs("list", []string{"a", secret, "b"}).Msg("m") },
			"object":  func(l zerolog.Logger) { l.Info().Interface("o", map[string]string{"k": secret}).Msg("m") },
		} {
			for _, format := range []string{JSON, Text} {
				var out bytes.Buffer
				log, err := New(&out, "info", format, configured()...)
				if err != nil {
					t.Fatal(err)
				}
				entry(log)
				quoted, err := json.Marshal(secret)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(out.String(), secret) || strings.Contains(out.String(), string(bytes.Trim(quoted, `"`))) {
					t.Errorf("%s as %s in %s: %s", name, place, format, &out)
				}
				if !strings.Contains(out.String(), redacted) {
					t.Errorf("%s as %s in %s: nothing was redacted: %s", name, place, format, &out)
				}
				if format == JSON && !json.Valid(out.Bytes()) {
					t.Errorf("%s as %s: no JSON: %s", name, place, &out)
				}
			}
		}
	}
}

func TestCredentialsInHeadersAndURLs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Authorization: Bearer abcdefghij.k":           "Authorization: Bearer [redacted]",
		"authorization: basic dXNlcjpwYXNz":            "authorization: basic [redacted]",
		"get https://user:pa55word@example.org/x":      "get https://[redacted]@example.org/x",
		"get https://example.org/x?a=1&token=abc&b=2":  "get https://example.org/x?a=1&token=[redacted]&b=2",
		"PRIVATE-TOKEN: abcdefghij":                    "PRIVATE-TOKEN: [redacted]",
		"nats://user:pw@127.0.0.1:4222 is unreachable": "nats://[redacted]@127.0.0.1:4222 is unreachable",
	} {
		var out bytes.Buffer
		if _, err := Redact(&out).Write([]byte(in)); err != nil || out.String() != want {
			t.Errorf("%q became %q (%v), want %q", in, &out, err, want)
		}
	}
}

func TestHarmlessTextIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"acme/models#7 at 3f786850e387550fdab836ed7e6dc881de23001b",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"user@example.org wrote to https://example.org/a?b=c@d",
		"the bearer of this letter", "token refreshed", "basic authentication", "ghp_ is a prefix", "-----BEGIN PUBLIC KEY-----\nMIIB", "abc is too short to be a secret",
	} {
		var out bytes.Buffer
		if _, err := Redact(&out, "abc").Write([]byte(text)); err != nil || out.String() != text {
			t.Errorf("%q became %q (%v)", text, &out, err)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteReportsErrorsAndWholeLengths(t *testing.T) {
	t.Parallel()
	line := []byte(secrets["GitHub personal"])
	if n, err := Redact(io.Discard).Write(line); n != len(line) || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if _, err := Redact(broken{}).Write(line); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken log: %v", err)
	}
}

func TestNewRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"loud", JSON}, {"", JSON}, {"trace", JSON}, {"info", "xml"}, {"info", ""}} {
		if _, err := New(io.Discard, c[0], c[1]); err == nil {
			t.Errorf("level %q and format %q were accepted", c[0], c[1])
		}
	}
	var out bytes.Buffer
	log, err := New(&out, "warn", JSON)
	if err != nil {
		t.Fatal(err)
	}
	log.Info().Msg("quiet")
	if out.Len() != 0 {
		t.Errorf("a level below the chosen one was written: %s", &out)
	}
}

func FuzzRedact(f *testing.F) {
	for _, s := range secrets {
		f.Add("before "+s, "after")
	}
	token := secrets["GitHub installation"]
	f.Fuzz(func(t *testing.T, before, after string) {
		var out bytes.Buffer
		log, err := New(&out, "info", JSON)
		if err != nil {
			t.Fatal(err)
		}
		log.Info().Str("v", before+" "+token+" "+after).Msg(after)
		if !json.Valid(out.Bytes()) {
			t.Errorf("no JSON: %s", &out)
		}
		if strings.Contains(out.String(), token) {
			t.Errorf("a token came through: %s", &out)
		}
	})
}
