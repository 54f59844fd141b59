package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	base = "github: {app_id: 7, private_key_file: app.pem, webhook_secret_file: secret}\naudit: {signing_key_file: k}\n"
	dsn  = "postgres://lumos:hunter2-hunter2@db.acme.example/grc?sslmode=verify-full"
)

func sourceFiles(settings string) map[string]string {
	return map[string]string{
		"f": base + settings, "app.pem": theKey, "secret": theSecret, "dsn": dsn + "\n", "token": "tok-hunter2\n",
		"headers": "X-Api-Key: key-hunter2\n", "ca.pem": "-----BEGIN CERTIFICATE-----\n", "no.pem": "hello",
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	dir := write(t, sourceFiles(`sources:
  - {name: data-catalog, type: postgres, dsn_file: dsn, query: "select id, revision from datasets;", ca_file: ca.pem}
  - {name: licences, type: sqlite, path: grc.db, query: "with a as (select 1) select * from a", timeout: 30s, cache: 0s, max_stale: 24h, max_rows: 5, max_bytes: 6}
  - {name: signers, type: https, url: "https://grc.acme.example/v1/signers?all=1", pointer: /data/0, field: name, token_file: token, headers_file: headers}
  - {name: limits, type: mysql, query: "(select metric, min from limits)"}
`))
	s, err := LoadServer(filepath.Join(dir, "f"), []string{"LUMOS_SOURCE_LIMITS_DSN=lumos:hunter2@tcp(127.0.0.1:3306)/grc", "LUMOS_SOURCE_SIGNERS_TOKEN=env-hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	five := Duration(5 * time.Second)
	want := []Source{
		{Name: "data-catalog", Type: Postgres, DSNFile: filepath.Join(dir, "dsn"), Query: "select id, revision from datasets;", CAFile: filepath.Join(dir, "ca.pem"),
			Timeout: five, Cache: Duration(5 * time.Minute), MaxRows: 10_000, MaxBytes: 1 << 20, CA: []byte("-----BEGIN CERTIFICATE-----\n")},
		{Name: "licences", Type: SQLite, Path: filepath.Join(dir, "grc.db"), Query: "with a as (select 1) select * from a",
			Timeout: Duration(30 * time.Second), MaxStale: Duration(24 * time.Hour), MaxRows: 5, MaxBytes: 6},
		{Name: "signers", Type: HTTPS, URL: "https://grc.acme.example/v1/signers?all=1", Pointer: "/data/0", Field: "name",
			TokenFile: filepath.Join(dir, "token"), HeadersFile: filepath.Join(dir, "headers"), Timeout: five, Cache: Duration(5 * time.Minute), MaxRows: 10_000, MaxBytes: 1 << 20},
		{Name: "limits", Type: MySQL, Query: "(select metric, min from limits)", Timeout: five, Cache: Duration(5 * time.Minute), MaxRows: 10_000, MaxBytes: 1 << 20},
	}
	for i, secrets := range [][3]string{{dsn, "", ""}, {}, {"", "env-hunter2", "X-Api-Key: key-hunter2"}, {"lumos:hunter2@tcp(127.0.0.1:3306)/grc", "", ""}} {
		got := &s.Sources[i]
		if diff := cmp.Diff(secrets, [3]string{got.DSN.Reveal(), got.Token.Reveal(), got.Headers.Reveal()}); diff != "" {
			t.Error(diff)
		}
	}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&printed, verb, s)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if printed.Write(b); strings.Contains(printed.String(), "hunter2") {
		t.Error("a secret is printed")
	}
	for i := range s.Sources {
		s.Sources[i].DSN, s.Sources[i].Token, s.Sources[i].Headers = Secret{}, Secret{}, Secret{}
	}
	if diff := cmp.Diff(want, s.Sources, cmp.AllowUnexported(Secret{})); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesRefused(t *testing.T) {
	t.Parallel()
	const pg = "{name: a, type: postgres, dsn_file: dsn, query: select 1"
	for _, tc := range []struct{ name, src, want string }{
		{"an unknown key", pg + ", tiemout: 5s}", `DIR/f:3:69: unknown key "tiemout" (did you mean "timeout"?)`},
		{"an unknown type", "{name: a, type: postgresql}", `DIR/f:3:27: "postgresql" is not one of postgres, mysql, sqlite, https (did you mean "postgres"?)`},
		{"no name", "{type: sqlite, path: x, query: select 1}", `DIR/f:3:11: the key "name" is missing (How configurations name it: lower-case letters, digits and inner hyphens, for example data-catalog)`},
		{"a name in capitals", "{name: Data, type: sqlite, path: x, query: select 1}", `DIR/f:3:18: "Data" does not have the form that is expected here (How configurations name it: lower-case letters, digits and inner hyphens, for example data-catalog)`},
		{"twice", pg + "}, " + pg + "}", `DIR/f:3:77: the source "a" is there twice, first as no. 1 (keep one of them)`},
		{"a password in the settings", "{name: a, type: postgres, dsn: \"postgres://u:hunter2@h/d\", query: select 1}", `DIR/f:3:37: unknown key "dsn" (known here: ca_file, cache, dsn_file, field, headers_file, max_bytes, max_rows, max_stale, name, path, pointer, query, repositories, timeout, token_file, type, url)`},
		{"no connection", "{name: a, type: mysql, query: select 1}", `DIR/f:3:11: the source a does not say how to connect (set dsn_file, or LUMOS_SOURCE_A_DSN in the environment)`},
		{"no such file", "{name: a, type: mysql, dsn_file: none, query: select 1}", `DIR/f:3:44: the secret could not be read: open DIR/none: no such file or directory`},
		{"no query", "{name: a, type: postgres, dsn_file: dsn}", `DIR/f:3:11: the source a has no query (set query to one statement such as: select id, revision from approved_datasets)`},
		{"several statements", "{name: a, type: postgres, dsn_file: dsn, query: \"select 1; drop table x\"}", `DIR/f:3:59: the query holds several statements (keep one; a semicolon is not accepted inside of text either)`},
		{"a statement that writes", "{name: a, type: sqlite, path: x, query: delete from x}", `DIR/f:3:51: the query does not begin like one that only reads (begin with select or with)`},
		{"a word that begins like one", "{name: a, type: sqlite, path: x, query: selective}", `DIR/f:3:51: the query does not begin like one that only reads (begin with select or with)`},
		{"no path", "{name: a, type: sqlite, query: select 1}", `DIR/f:3:11: the source a names no file (set path to the database file)`},
		{"no address", "{name: a, type: https}", `DIR/f:3:11: the source a has no address (set url)`},
		{"not encrypted", "{name: a, type: https, url: \"http://grc.acme.example/x\"}", `DIR/f:3:39: http://grc.acme.example is not encrypted (use https)`},
		{"a password in the address", "{name: a, type: https, url: \"https://u:hunter2@x\"}", `DIR/f:3:39: the URL holds a user name or password (remove the part before @)`},
		{"a pointer", "{name: a, type: https, url: \"https://x\", pointer: data}", `DIR/f:3:61: "data" is not a JSON pointer (write it like "/data/datasets" (RFC 6901))`},
		{"keys of other types", "{name: a, type: https, url: \"https://x\", query: select 1, path: x}, {name: b, type: sqlite, path: x, query: select 1, ca_file: ca.pem, dsn_file: dsn}",
			"DIR/f:3:59: query means nothing for a source of the type https (remove it)\nDIR/f:3:75: path means nothing for a source of the type https (remove it)\n" +
				"DIR/f:3:138: ca_file means nothing for a source of the type sqlite (remove it)\nDIR/f:3:156: dsn_file means nothing for a source of the type sqlite (remove it)"},
		{"no certificate", pg + ", ca_file: no.pem}", `DIR/f:3:78: no.pem holds no certificate (want certificates in PEM form)`},
		{"times", pg + ", timeout: 31s, cache: 25h, max_stale: 1h}, {name: b, type: sqlite, path: x, query: select 1, timeout: 0s, max_stale: 25h}",
			"DIR/f:3:78: timeout is 31s, want 1s to 30s\nDIR/f:3:90: cache is 25h0m0s, want 0s to 24h0m0s\nDIR/f:3:170: timeout is 0s, want 1s to 30s\nDIR/f:3:185: max_stale is 25h0m0s, want 0s to 24h0m0s"},
		{"a time without a unit", pg + ", timeout: 5}", `DIR/f:3:78: got a number, want text (quote it: "5")`},
		{"bounds", pg + ", max_rows: 0, max_bytes: 99999999}", "DIR/f:3:79: 0 is too small, want at least 1 (Most rows or items. More is an error, never a shortened list)\nDIR/f:3:93: 99999999 is too large, want at most 16777216 (Most bytes of all values together, or of the JSON document. More is an error)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, sourceFiles("sources: ["+tc.src+"]\n"))
			s, err := LoadServer(filepath.Join(dir, "f"), nil)
			if s != nil || err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(strings.ReplaceAll(tc.want, "DIR", dir), err.Error()); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the error holds a secret")
			}
		})
	}
}
