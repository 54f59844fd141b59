package audit

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/gowebpki/jcs"
	"golang.org/x/crypto/ssh"
)

// CommitMode says who signs the commits of the branch.
type CommitMode string

// The modes.
const (
	SignedByKey  CommitMode = "key"  // pushed by Lumos: every commit bears the log's SSH signature
	SignedByHost CommitMode = "host" // made through the host's API, which signs as it does; what holds is the checkpoint
)

// GenesisFile is the file genesis.json: what the log is and whose keys write it. It never changes;
// its SHA-256 (Pin) is what an auditor keeps elsewhere.
type GenesisFile struct {
	V       int        `json:"v"`
	Origin  string     `json:"origin"` // the log's name in checkpoints
	Host    string     `json:"host"`
	RepoID  int64      `json:"repo_id"`
	Repo    string     `json:"repo"` // "owner/name" at birth
	Created time.Time  `json:"created"`
	Commits CommitMode `json:"commits"`
	Since   string     `json:"since,omitempty"` // the tip of the main branch at birth: what it holds is older than the record
	Keys    Keys       `json:"keys"`
}

// Keys are a log's public keys.
type Keys struct {
	SSH  string `json:"ssh"`  // authorized_keys form, no comment
	Note string `json:"note"` // verifier key of golang.org/x/mod/sumdb/note
}

// Birth is what a new log is told of itself.
type Birth struct {
	Repo    Repo
	Created time.Time
	Commits CommitMode
	Since   string // commit at the tip of the main branch, empty for a new repository
	Writer  Writer
}

// OriginOf names the log of a repository: "github.com/acme/models/lumos-audit".
func OriginOf(r Repo) string { return r.Host + "/" + r.Name + "/lumos-audit" }

func (g *GenesisFile) encode() ([]byte, error) {
	raw, err := json.Marshal(g)
	if err != nil {
		return nil, fmt.Errorf("genesis.json: %w", err)
	}
	out, err := jcs.Transform(raw)
	if err != nil {
		return nil, fmt.Errorf("genesis.json: %w", err)
	}
	return append(out, '\n'), nil
}

func parseGenesis(data []byte) (*GenesisFile, error) {
	if len(data) > maxLine {
		return nil, fmt.Errorf("genesis.json: %d bytes, more than %d", len(data), maxLine)
	}
	var g GenesisFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&g); err != nil {
		return nil, fmt.Errorf("genesis.json: %w", err)
	}
	if g.V != SchemaVersion {
		return nil, fmt.Errorf("genesis.json: %w (v is %d)", ErrSchema, g.V)
	}
	if again, err := g.encode(); err != nil || !bytes.Equal(again, data) {
		return nil, errors.New("genesis.json: not canonical JSON")
	}
	if g.Commits != SignedByKey && g.Commits != SignedByHost {
		return nil, fmt.Errorf("genesis.json: commits: %q, expected %q or %q", g.Commits, SignedByKey, SignedByHost)
	}
	if g.Since != "" && !oidRE.MatchString(g.Since) {
		return nil, errors.New("genesis.json: since: not a commit id")
	}
	_, err := g.sshKey()
	return &g, err
}

func (g *GenesisFile) sshKey() (ssh.PublicKey, error) {
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(g.Keys.SSH))
	if err != nil || len(rest) > 0 || key.Type() != ssh.KeyAlgoED25519 {
		return nil, errors.New("genesis.json: keys.ssh: not one ssh-ed25519 public key")
	}
	return key, nil
}

// allowedSigners is what ssh-keygen and git are given to verify with (ssh-keygen(1), ALLOWED SIGNERS).
func (g *GenesisFile) allowedSigners() []byte {
	return fmt.Appendf(nil, "%s namespaces=\"git,%s\" %s\n", Principal, CheckpointNamespace, g.Keys.SSH)
}

//go:embed readme.md.tmpl
var readmeText string

var readmeTemplate = template.Must(template.New("readme").Parse(readmeText))

func (g *GenesisFile) readme(pin string) ([]byte, error) {
	var b bytes.Buffer
	err := readmeTemplate.Execute(&b, map[string]any{"G": g, "Pin": pin, "Principal": Principal, "Namespace": CheckpointNamespace})
	if err != nil {
		return nil, fmt.Errorf("README.md: %w", err)
	}
	return b.Bytes(), nil
}

// Init gives birth to the log: the first commit of the branch, with the genesis event. A log that is
// there already is loaded instead, if signer is its writer. Either way it returns the pin.
func Init(ctx context.Context, store Store, signer *Signer, b Birth) (pin string, created bool, err error) {
	l := Open(store, signer, b.Writer)
	tip, err := store.Tip(ctx)
	if err != nil {
		return "", false, err
	}
	if tip != "" {
		err := l.Load(ctx, tip)
		return l.Pin(), false, err
	}
	err = l.birth(ctx, b)
	if errors.Is(err, ErrMoved) { // somebody else was first
		return Init(ctx, store, signer, b)
	}
	return l.Pin(), err == nil, err
}

func (l *Log) birth(ctx context.Context, b Birth) error {
	origin := OriginOf(b.Repo)
	if b.Repo.Host == "" || b.Repo.Name == "" || strings.ContainsAny(origin, " \t\r\n+") {
		return fmt.Errorf("audit: a log needs the repository's host and name, without blanks or plus signs; found %q", origin)
	}
	vkey, err := l.signer.NoteKey(origin)
	if err != nil {
		return err
	}
	g := &GenesisFile{
		V: SchemaVersion, Origin: origin, Host: b.Repo.Host, RepoID: b.Repo.ID, Repo: b.Repo.Name,
		Created: b.Created.UTC().Truncate(time.Second), Commits: b.Commits, Since: b.Since,
		Keys: Keys{SSH: l.signer.PublicKey(), Note: vkey},
	}
	data, err := g.encode()
	if err != nil {
		return err
	}
	if _, err := parseGenesis(data); err != nil {
		return err
	}
	readme, err := g.readme(digest(data))
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = newState(g, data)
	next, err := l.extend([]Event{{Type: Genesis, TS: g.Created, Repo: b.Repo}})
	if err != nil {
		l.state = nil
		return err
	}
	next.files["README.md"] = readme
	next.files["genesis.json"] = data
	next.files["allowed_signers"] = g.allowedSigners()
	if err := l.commit(ctx, next); err != nil {
		l.state = nil
		return err
	}
	return nil
}
