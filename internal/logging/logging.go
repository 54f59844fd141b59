// Package logging makes the one logger of the program and keeps secrets out of what it writes. It
// imports no other room.
package logging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// The formats of a log.
const (
	JSON = "json"
	Text = "text" // for people at a terminal
)

// New makes a logger that writes to w at a level (debug, info, warn, error) in a format. What looks
// like a secret, and each of the given secrets wherever it appears, is written as "[redacted]".
func New(w io.Writer, level, format string, secrets ...string) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil || !slices.Contains([]zerolog.Level{zerolog.DebugLevel, zerolog.InfoLevel, zerolog.WarnLevel, zerolog.ErrorLevel}, l) {
		return zerolog.Nop(), fmt.Errorf("log level %q is unknown, expected debug, info, warn or error", level)
	}
	switch format {
	case JSON:
	case Text:
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true}
	default:
		return zerolog.Nop(), fmt.Errorf("log format %q is unknown, expected %s or %s", format, JSON, Text)
	}
	return zerolog.New(Redact(w, secrets...)).Level(l).With().Timestamp().Logger(), nil
}

const redacted = "[redacted]"

// shapes are secrets by their look, in text or inside a JSON string; a match never reaches over the
// end of the string, so what is redacted stays JSON. Prefixes as documented by the issuers in 2026; those
// that no word holds are found behind letters too, for a token may be glued to what stands before it.
var shapes = []struct {
	pattern *regexp.Regexp
	replace string
}{
	// Private keys in PEM, and whatever follows them in the string: the end may be cut off.
	{regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:[^"\\]|\\.)*`), redacted},
	// GitHub: personal, OAuth, user-to-server, installation (which may hold dots), refresh; fine-grained.
	{regexp.MustCompile(`(?:gh[pousr]_[A-Za-z0-9_.\-]{16,}|github_pat_[A-Za-z0-9_]{16,})`), redacted},
	// GitLab's prefixes: personal, deploy, runner, CI job, trigger, feed, agent and others.
	{regexp.MustCompile(`gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[A-Za-z0-9_.\-]{16,}`), redacted},
	{regexp.MustCompile(`\b(?:hf_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,}|xox[abeprs]-[A-Za-z0-9\-]{10,}|AKIA[A-Z0-9]{16})`), redacted},
	// JSON Web Tokens, such as an App's.
	{regexp.MustCompile(`eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*`), redacted},
	// Credentials in a header or a URL.
	{regexp.MustCompile(`(?i)\b(bearer|authorization: *(?:basic|token)|private-token:) +[A-Za-z0-9._~+/=\-]{8,}`), "$1 " + redacted},
	{regexp.MustCompile(`(://)[^/\s"\\@]+@`), "$1" + redacted + "@"},
	{regexp.MustCompile(`(?i)([?&](?:access_token|token|secret|signature|sig|key|password|client_secret)=)[^&\s"\\]+`), "$1" + redacted},
}

// Redact returns a writer that takes secrets out of each write on its way to w. A logger writes each
// entry at once, so none is cut in two. Secrets shorter than 6 bytes are left: they would tear words.
func Redact(w io.Writer, secrets ...string) io.Writer {
	r := &redactor{w: w}
	for _, s := range secrets {
		if len(s) < 6 {
			continue
		}
		r.known = append(r.known, []byte(s))
		// zerolog escapes like encoding/json, but for HTML.
		var quoted bytes.Buffer
		enc := json.NewEncoder(&quoted)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err == nil {
			r.known = append(r.known, bytes.Trim(bytes.TrimSpace(quoted.Bytes()), `"`))
		}
	}
	// The longest first: one secret may begin with another.
	slices.SortFunc(r.known, func(a, b []byte) int { return len(b) - len(a) })
	return r
}

type redactor struct {
	w     io.Writer
	known [][]byte
}

// Write tells the logger that all of p was written: what was taken out is no short write.
func (r *redactor) Write(p []byte) (int, error) {
	if _, err := r.w.Write(r.clean(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (r *redactor) clean(line []byte) []byte {
	for _, secret := range r.known {
		line = bytes.ReplaceAll(line, secret, []byte(redacted))
	}
	for _, s := range shapes {
		line = s.pattern.ReplaceAll(line, []byte(s.replace))
	}
	return line
}
