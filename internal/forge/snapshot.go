package forge

import (
	"time"

	"github.com/lumos-governance/lumos/internal/config"
)

// Blob is a file's content at a known place. Err says why it could not be read; a control or a
// decision that needs it then fails closed.
type Blob struct {
	Path string `json:"path"`
	OID  string `json:"oid,omitempty"`
	Data []byte `json:"data,omitempty"`
	Err  string `json:"err,omitempty"`
}

// Snapshot is everything that an evaluation may know, read once and never changed. Check and
// Decide are pure functions of it, so a saved snapshot replays to the same bytes.
//
// From the head come only Files, Manifests and Evidence, as data. Everything else that carries
// trust (Config, Policies, Codeowners, Previous) was read at PullRequest.Base.SHA.
type Snapshot struct {
	PullRequest PullRequest `json:"pullRequest"`
	Files       []File      `json:"files"`
	Commits     []Commit    `json:"commits"`
	Pushes      []Push      `json:"pushes"`
	Reviews     []Review    `json:"reviews"`
	Comments    []Comment   `json:"comments"`
	Requested   []string    `json:"requested"`
	Checks      []Check     `json:"checks"`
	Teams       []Team      `json:"teams"`
	Threads     []Thread    `json:"threads,omitempty"`
	Truncated   []string    `json:"truncated,omitempty"` // what could not be read whole; the decision fails closed on it

	Manifests []Blob          `json:"manifests"`          // changed release manifests at head, by path
	Evidence  map[string]Blob `json:"evidence"`           // files at head that the manifests name, by path
	Previous  map[string]Blob `json:"previous"`           // by path of the new manifest: the model's last release at base
	Releases  map[string]Blob `json:"releases,omitempty"` // other releases at base that the manifests name (those of base models), by path

	Config     Blob   `json:"config"`     // .lumos/config.yaml; OID is empty when there is none
	Lumos      []Blob `json:"lumos"`      // everything else under .lumos: policies, waivers, lists, identities
	Codeowners Blob   `json:"codeowners"` // the one that the host would use; OID is empty when there is none

	// Sources is what the compliance sources said that the configuration names, by their names.
	Sources map[string]SourceFact `json:"sources,omitempty"`

	AuditTip string         `json:"auditTip,omitempty"`
	Recorded []RecordedVote `json:"recorded"` // votes of this pull request already in the audit log
	// Approved says, by path of the new manifest, when people approved the release that it follows.
	Approved map[string]time.Time `json:"approved,omitempty"`
}

// SourceFact is what a compliance source outside the repository said: a list, or limits. Err says why it
// could not be read; a control that needs it then fails closed.
type SourceFact struct {
	Values []string       `json:"values,omitempty"` // sorted, each once
	Limits []config.Limit `json:"limits,omitempty"`
	Digest string         `json:"digest,omitempty"` // sha256 of either, as canonical JSON
	Since  time.Time      `json:"since,omitzero"`   // when this very content was first read
	Err    string         `json:"err,omitempty"`
}

// RecordedVote is a vote as the audit log first recorded it: it binds to Subject for ever.
type RecordedVote struct {
	ID      string `json:"id"`      // "review:81", "comment:7"
	Subject string `json:"subject"` // the subject digest it was given for
}

// LumosFiles are the contents of Lumos by path: the files that the configuration may name.
func (s *Snapshot) LumosFiles() map[string][]byte {
	files := make(map[string][]byte, len(s.Lumos))
	for _, b := range s.Lumos {
		files[b.Path] = b.Data
	}
	return files
}
