package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Source is one place outside the repository that lists or limits are read from: one query of a
// database, or one JSON document. A repository's configuration names it by Name.
type Source struct {
	Name  string `json:"name"`
	Type  string `json:"type"`  // postgres | mysql | sqlite | https
	Query string `json:"query"` // SQL: one statement that only reads

	DSNFile string `json:"dsn_file"` // postgres, mysql: how to connect, with the password
	Path    string `json:"path"`     // sqlite: the database file

	URL         string `json:"url"`     // https
	Pointer     string `json:"pointer"` // https: RFC 6901, to the list within the document
	Field       string `json:"field"`   // https: of each item of the list, where the items are mappings
	TokenFile   string `json:"token_file"`
	HeadersFile string `json:"headers_file"` // lines of "Name: value"
	CAFile      string `json:"ca_file"`      // PEM: who may have signed the server's certificate, instead of the system's

	Repositories []string `json:"repositories"` // globs of "owner/name" whose rules may name it; empty: all

	Timeout  Duration `json:"timeout"`   // of one reading
	Cache    Duration `json:"cache"`     // how long a reading is used before the next
	MaxStale Duration `json:"max_stale"` // how long, beyond that, while no new one succeeds
	MaxRows  int      `json:"max_rows"`
	MaxBytes int      `json:"max_bytes"` // of all values together; of the whole document for https

	DSN     Secret `json:"-"`
	Token   Secret `json:"-"`
	Headers Secret `json:"-"`
	CA      []byte `json:"-"`
}

// Serves reports whether the rules of a repository ("owner/name") may name the source.
func (s *Source) Serves(repo string) bool {
	return len(s.Repositories) == 0 || slices.ContainsFunc(s.Repositories, func(g string) bool {
		return matchGlob(strings.Split(g, "/"), strings.Split(repo, "/"))
	})
}

// The types of sources.
const (
	Postgres = "postgres"
	MySQL    = "mysql"
	SQLite   = "sqlite"
	HTTPS    = "https"
)

// The bounds of a source's settings.
const (
	maxSourceTimeout = 30 * time.Second
	maxSourceCache   = 24 * time.Hour
	maxSourceCA      = 1 << 20 // bytes
)

// UnmarshalJSON reads a source; what is left out keeps its default.
func (s *Source) UnmarshalJSON(b []byte) error {
	type plain Source
	p := plain{Timeout: Duration(5 * time.Second), Cache: Duration(5 * time.Minute), MaxRows: 10_000, MaxBytes: 1 << 20}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*s = Source(p)
	return nil
}

// files are the paths that are meant from the folder of the settings.
func (s *Source) files() []*string {
	return []*string{&s.DSNFile, &s.Path, &s.TokenFile, &s.HeadersFile, &s.CAFile}
}

// variable is the name of one of the source's secrets in the environment.
func (s *Source) variable(what string) string {
	return "LUMOS_SOURCE_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) + "_" + what
}

// sourceSecrets reads the secrets of the sources, from the environment or from their files.
func (in *input) sourceSecrets(sources []Source) {
	for i := range sources {
		s := &sources[i]
		at := "/sources/" + strconv.Itoa(i)
		s.DSN = in.secret(s.variable("DSN"), at+"/dsn_file", s.DSNFile)
		s.Token = in.secret(s.variable("TOKEN"), at+"/token_file", s.TokenFile)
		s.Headers = in.secret(s.variable("HEADERS"), at+"/headers_file", s.HeadersFile)
		if s.CAFile != "" {
			pem, err := readFile(s.CAFile, maxSourceCA)
			switch {
			case err != nil:
				in.refuse(at+"/ca_file", "", "the certificates could not be read: %v", err)
			case !strings.Contains(string(pem), "-----BEGIN CERTIFICATE-----"):
				in.refuse(at+"/ca_file", "want certificates in PEM form", "%s holds no certificate", filepath.Base(s.CAFile))
			}
			s.CA = pem
		}
	}
}

// validateSources refuses settings of sources that could not be read, or not safely.
func (in *input) validateSources(sources []Source) {
	first := map[string]int{}
	for i := range sources {
		s := &sources[i]
		at := "/sources/" + strconv.Itoa(i)
		if other, twice := first[s.Name]; twice {
			in.refuse(at+"/name", "keep one of them", "the source %q is there twice, first as no. %d", s.Name, other+1)
		}
		first[s.Name] = i
		in.foreign(at, s)
		for n, g := range s.Repositories {
			if strings.ContainsAny(g, "[]\\") {
				in.refuse(fmt.Sprintf("%s/repositories/%d", at, n), "write it like acme/*", "%q holds a character that patterns here do not know", g)
			}
		}
		switch s.Type {
		case Postgres, MySQL:
			if s.DSN.IsZero() && !in.failed(at+"/dsn_file") {
				in.refuse(at, fmt.Sprintf("set dsn_file, or %s in the environment", s.variable("DSN")), "the source %s does not say how to connect", s.Name)
			}
			in.checkQuery(at, s)
		case SQLite:
			if s.Path == "" {
				in.refuse(at, "set path to the database file", "the source %s names no file", s.Name)
			}
			in.checkQuery(at, s)
		case HTTPS:
			if s.URL == "" {
				in.refuse(at, "set url", "the source %s has no address", s.Name)
			} else {
				in.checkURL(at+"/url", s.URL)
			}
			if s.Pointer != "" && !strings.HasPrefix(s.Pointer, "/") {
				in.refuse(at+"/pointer", `write it like "/data/datasets" (RFC 6901)`, "%q is not a JSON pointer", s.Pointer)
			}
		}
		for key, d := range map[string]struct {
			is, least, most time.Duration
		}{
			"timeout":   {time.Duration(s.Timeout), time.Second, maxSourceTimeout},
			"cache":     {time.Duration(s.Cache), 0, maxSourceCache},
			"max_stale": {time.Duration(s.MaxStale), 0, maxSourceCache},
		} {
			if d.is < d.least || d.is > d.most {
				in.refuse(at+"/"+key, "", "%s is %s, want %s to %s", key, d.is, d.least, d.most)
			}
		}
	}
}

// foreign refuses keys that mean nothing for the type of the source: somebody expects something of them.
func (in *input) foreign(at string, s *Source) {
	for _, k := range []struct {
		key   string
		set   bool
		types string // that know it
	}{
		{"query", s.Query != "", "postgres mysql sqlite"},
		{"dsn_file", s.DSNFile != "", "postgres mysql"},
		{"path", s.Path != "", "sqlite"},
		{"ca_file", s.CAFile != "", "postgres mysql https"},
		{"url", s.URL != "", "https"},
		{"pointer", s.Pointer != "", "https"},
		{"field", s.Field != "", "https"},
		{"token_file", s.TokenFile != "", "https"},
		{"headers_file", s.HeadersFile != "", "https"},
	} {
		if k.set && !strings.Contains(k.types, s.Type) {
			in.refuse(at+"/"+k.key, "remove it", "%s means nothing for a source of the type %s", k.key, s.Type)
		}
	}
}

// checkQuery sees to it that the query is one statement that reads. The database is told to refuse the
// rest as well; here it is said with its place, before anything is connected to.
func (in *input) checkQuery(at string, s *Source) {
	if strings.TrimSpace(s.Query) == "" {
		in.refuse(at, "set query to one statement such as: select id, revision from approved_datasets", "the source %s has no query", s.Name)
		return
	}
	text := strings.TrimSuffix(strings.TrimSpace(s.Query), ";")
	if strings.Contains(text, ";") {
		in.refuse(at+"/query", "keep one; a semicolon is not accepted inside of text either", "the query holds several statements")
	}
	word := strings.ToLower(strings.TrimLeft(text, "( \t\r\n"))
	if i := strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }); i >= 0 {
		word = word[:i]
	}
	switch word {
	case "select", "with", "values", "table":
	default:
		in.refuse(at+"/query", "begin with select or with", "the query does not begin like one that only reads")
	}
}
