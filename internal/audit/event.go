package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gowebpki/jcs"

	"github.com/lumos-governance/lumos/internal/forge"
)

// SchemaVersion is the version of the event schema that this package writes.
const SchemaVersion = 1

const (
	maxLine   = 64 << 10 // bytes of one event line
	maxReason = 1000     // bytes of a reason as recorded
)

// Type says what an event records.
type Type string

// The types of event.
const (
	Genesis             Type = "genesis"
	CandidateOpened     Type = "candidate.opened"
	CandidateUpdated    Type = "candidate.updated"
	CandidateClosed     Type = "candidate.closed"
	EvaluationCompleted Type = "evaluation.completed"
	ApprovalRecorded    Type = "approval.recorded" // a vote as it was first seen: exactly one in Votes
	DecisionRecorded    Type = "decision.recorded"
	DecisionRevoked     Type = "decision.revoked"
	MergeVerified       Type = "merge.verified"
	MergeViolation      Type = "merge.violation" // merged with no decision
	TagCreated          Type = "tag.created"
	ReleasePaused       Type = "release.paused"
	ReleaseResumed      Type = "release.resumed"
)

// Decision is the answer that a decision.recorded gives.
type Decision string

// The decisions.
const (
	Approve Decision = "approve"
	Refuse  Decision = "refuse"
)

// Event is one entry of the log. The writer fills what the event is about; Append sets V, Seq, Prev,
// ID and Lumos, and Idem where it is empty. People appear by immutable id and login alone.
//
// Digests are "sha256:<hex>"; commits, blobs and tag objects are git object ids.
type Event struct {
	V    int       `json:"v"`
	Seq  int64     `json:"seq"`  // position in the log, from 0
	Prev string    `json:"prev"` // digest of the line before; of genesis.json for the first
	ID   string    `json:"id"`   // follows from Idem, so it survives a retry
	Type Type      `json:"type"`
	TS   time.Time `json:"ts"` // when the writer did it, UTC, whole seconds; never before the event before it

	Repo Repo   `json:"repo"`
	PR   int    `json:"pr,omitempty"`
	Head string `json:"head,omitempty"`
	Base string `json:"base,omitempty"` // the commit that config, policy and CODEOWNERS were read at

	Subject     *Subject     `json:"subject,omitempty"`
	Policy      string       `json:"policy,omitempty"` // digest of everything that judged
	Evaluations []Evaluation `json:"evaluations,omitempty"`

	Decision  Decision `json:"decision,omitempty"`
	Reason    string   `json:"reason,omitempty"`  // capped, on one line, e-mail addresses removed
	Verdict   string   `json:"verdict,omitempty"` // digest of the verdict as JSON
	Votes     []Vote   `json:"votes,omitempty"`
	Actor     *Actor   `json:"actor,omitempty"`     // who caused the event, if not Lumos itself
	Decisions []int64  `json:"decisions,omitempty"` // seq of the decisions that a merge or tag rests on

	Merge    *Merge `json:"merge,omitempty"`
	Tag      *Tag   `json:"tag,omitempty"`
	Delivery string `json:"delivery,omitempty"` // id of the webhook delivery that woke Lumos, if one did

	Idem  string  `json:"idem"` // at most one event per key; empty lets Append derive it from the content
	Lumos *Writer `json:"lumos,omitempty"`
}

// Repo names the governed repository.
type Repo struct {
	Host string `json:"host"`
	ID   int64  `json:"id"`
	Name string `json:"name"` // "owner/name" at the time
}

// Subject is what is decided on: the digest that votes bind to, and the manifests in it.
type Subject struct {
	Digest    string     `json:"digest"`
	Manifests []Manifest `json:"manifests,omitempty"`
}

// Manifest is one changed release manifest. Model, Version and Digest are empty when the change
// removes it; Blob is empty then too.
type Manifest struct {
	Path    string `json:"path"`
	Model   string `json:"model,omitempty"`
	Version string `json:"version,omitempty"`
	Blob    string `json:"blob,omitempty"`
	Digest  string `json:"digest,omitempty"` // of the canonical manifest, as in the report
}

// Evaluation is the outcome of one report.
type Evaluation struct {
	Path     string   `json:"path"`
	Digest   string   `json:"digest"` // of the report as JSON
	Score    *float64 `json:"score"`  // percent, one decimal; null when no control applies
	Coverage *float64 `json:"coverage"`
	Tier     string   `json:"tier,omitempty"`
	Failed   []string `json:"failed,omitempty"` // ids of the controls that failed, lack evidence or errored
}

// Actor is a person or a machine, by immutable id.
type Actor struct {
	Kind   string `json:"kind"`   // "user", "bot", "itsm"
	System string `json:"system"` // "github.com", or the service desk's host
	ID     string `json:"id"`
	Login  string `json:"login,omitempty"` // left out when it is an e-mail address
}

// Vote is a review, command or ticket answer, with how it was counted.
type Vote struct {
	ID      string `json:"id"` // "review:81", "comment:7"
	By      Actor  `json:"by"`
	Channel string `json:"channel"` // "review", "comment", "ticket"
	Action  string `json:"action"`
	Commit  string `json:"commit,omitempty"`
	Bound   string `json:"bound,omitempty"` // the subject digest it was given for
	Counted bool   `json:"counted"`
	Reason  string `json:"reason,omitempty"` // why it counts or not, in Lumos's words
}

// Merge is a merge as it was found on the base branch.
type Merge struct {
	Commit  string `json:"commit"`
	Method  string `json:"method,omitempty"`
	Commits int    `json:"commits,omitempty"` // how many commits a rebase merge put on the branch; 0 is 1
}

// Tag is a signed release tag.
type Tag struct {
	Name   string `json:"name"`   // "lumos/<model>/<version>"
	Object string `json:"object"` // the tag object
	Commit string `json:"commit"` // what it points at
}

// Writer says which Lumos wrote an event.
type Writer struct {
	Version  string `json:"version"`
	Instance string `json:"instance,omitempty"`
}

// Manifests lists the governed files among files, as a Subject needs them: a removed manifest, and
// the old name of a renamed one, appear without a blob. Model, Version and Digest are the caller's.
func Manifests(files []forge.File, governed func(path string) bool) []Manifest {
	var out []Manifest
	for _, f := range files {
		if f.Status == forge.Renamed && governed(f.Previous) {
			out = append(out, Manifest{Path: f.Previous})
		}
		switch {
		case !governed(f.Path):
		case f.Status == forge.Removed:
			out = append(out, Manifest{Path: f.Path})
		default:
			out = append(out, Manifest{Path: f.Path, Blob: f.Blob})
		}
	}
	return out
}

// Release reports the model and version of the manifest that the tag is named after.
func (e *Event) release() (model, version string, ok bool) {
	if e.Tag == nil {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(e.Tag.Name, forge.TagPrefix)
	if !ok {
		return "", "", false
	}
	model, version, ok = cutLast(rest, "/")
	return model, version, ok && validName(model) && validName(version)
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

var nameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*$`)

// validName keeps a model or version from leaving its folder or breaking a ref name.
func validName(s string) bool {
	return len(s) <= 200 && nameRE.MatchString(s) && !strings.Contains(s, "..") &&
		!strings.HasSuffix(s, ".lock") && !strings.HasSuffix(s, ".")
}

var (
	oidRE   = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	mailRE  = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:@]+\.[A-Za-z]{2,}`)
	spaceRE = regexp.MustCompile(`[\s\p{C}]+`)
)

// validate says what an event lacks before it may be appended. Reading is more lenient: a later
// version may have written types that this one does not know.
func (e *Event) validate() error {
	var missing []string
	need := func(ok bool, what string) {
		if !ok {
			missing = append(missing, what)
		}
	}
	need(!e.TS.IsZero(), "ts")
	need(e.Repo.Host != "" && e.Repo.Name != "", "repo")
	need(e.PR > 0 || e.Type == Genesis, "pr")
	switch e.Type {
	case Genesis, CandidateOpened, CandidateUpdated, CandidateClosed, ReleasePaused, ReleaseResumed:
	case EvaluationCompleted, DecisionRecorded, DecisionRevoked:
		need(e.Subject != nil && e.Subject.Digest != "", "subject.digest")
		need(e.Policy != "", "policy")
	case ApprovalRecorded:
		need(len(e.Votes) == 1 && e.Votes[0].ID != "" && e.Votes[0].By.ID != "", "votes with exactly one vote, its id and who gave it")
	case MergeVerified, MergeViolation:
		need(e.Merge != nil && oidRE.MatchString(e.Merge.Commit), "merge.commit")
	case TagCreated:
		_, _, ok := e.release()
		need(ok && oidRE.MatchString(e.Tag.Object) && oidRE.MatchString(e.Tag.Commit), "tag with name lumos/<model>/<version>, object and commit")
	default:
		return fmt.Errorf("event of unknown type %q", e.Type)
	}
	if e.Type == DecisionRecorded {
		need(e.Decision == Approve || e.Decision == Refuse, "decision (approve or refuse)")
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s event without %s", e.Type, strings.Join(missing, ", "))
	}
	return nil
}

// clean returns e without what a log that cannot forget must not hold.
func (e Event) clean() Event {
	e.TS = e.TS.UTC().Truncate(time.Second)
	e.Reason = cleanText(e.Reason)
	if e.Actor != nil {
		a := cleanActor(*e.Actor)
		e.Actor = &a
	}
	votes := e.Votes
	e.Votes = nil
	for _, v := range votes {
		v.By, v.Reason = cleanActor(v.By), cleanText(v.Reason)
		e.Votes = append(e.Votes, v)
	}
	return e
}

func cleanActor(a Actor) Actor {
	if strings.ContainsAny(a.Login, "@ \t\r\n") {
		a.Login = ""
	}
	return a
}

func cleanText(s string) string {
	if len(s) > 8*maxReason { // bounds the work of the expressions below
		s = s[:8*maxReason]
	}
	s = spaceRE.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), " ")
	s = mailRE.ReplaceAllString(strings.TrimSpace(s), "[e-mail removed]")
	if len(s) <= maxReason {
		return s
	}
	cut := maxReason - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// stateOf groups the types that say where a pull request stands: only a change of state is an event.
func stateOf(t Type) string {
	switch t {
	case CandidateOpened, CandidateUpdated, CandidateClosed:
		return "candidate"
	case DecisionRecorded, DecisionRevoked:
		return "decision"
	case ReleasePaused, ReleaseResumed:
		return "pause"
	}
	return ""
}

// key is the idempotency key that follows from what the event says.
func (e Event) key() (string, error) {
	switch e.Type {
	case Genesis:
		return string(Genesis), nil
	case ApprovalRecorded:
		return fmt.Sprintf("%s:%d:%s", e.Type, e.PR, e.Votes[0].ID), nil
	case MergeVerified, MergeViolation:
		return fmt.Sprintf("%s:%d:%s", e.Type, e.PR, e.Merge.Commit), nil
	case TagCreated:
		return fmt.Sprintf("%s:%s:%s", e.Type, e.Tag.Name, e.Tag.Object), nil
	}
	pr, typ := e.PR, e.Type
	e.V, e.Seq, e.Prev, e.ID, e.TS, e.Idem, e.Lumos, e.Delivery = 0, 0, "", "", time.Time{}, "", nil, ""
	line, err := e.encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(line)
	return fmt.Sprintf("%s:%d:%s", typ, pr, hex.EncodeToString(sum[:12])), nil
}

var base32Lower = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func eventID(origin, idem string) string {
	sum := sha256.Sum256([]byte(origin + "\n" + idem))
	return base32Lower.EncodeToString(sum[:15])
}

// encode gives the event's line, without the newline: canonical JSON by RFC 8785.
func (e Event) encode() ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", e.Type, err)
	}
	line, err := jcs.Transform(raw)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", e.Type, err)
	}
	if len(line) > maxLine {
		return nil, fmt.Errorf("event %s is %d bytes, more than the %d of a line", e.Type, len(line), maxLine)
	}
	return line, nil
}

// ErrSchema says that an event is of a schema newer than this program.
var ErrSchema = errors.New("event schema not known to this version of Lumos: use a newer one")

// ParseLine reads one event line, without its newline. It accepts exactly what encode writes:
// canonical JSON, no unknown or repeated key.
func ParseLine(line []byte) (*Event, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("%d bytes, more than the %d of a line", len(line), maxLine)
	}
	if depth(line) > 16 {
		return nil, errors.New("nested deeper than 16")
	}
	var v struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return nil, fmt.Errorf("not an event: %w", err)
	}
	if v.V > SchemaVersion {
		return nil, fmt.Errorf("%w (v is %d, expected at most %d)", ErrSchema, v.V, SchemaVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	var e Event
	if err := dec.Decode(&e); err != nil {
		return nil, fmt.Errorf("not an event: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("not an event: more than one JSON value on the line")
	}
	canonical, err := e.encode()
	if err != nil {
		return nil, fmt.Errorf("not canonical JSON: %w", err)
	}
	if !bytes.Equal(canonical, line) {
		return nil, errors.New("not canonical JSON (RFC 8785), or a key is repeated: byte " + strconv.Itoa(firstDifference(canonical, line)+1) + " differs from the canonical form")
	}
	return &e, nil
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// depth tells the nesting of a line before any recursive parser sees it.
func depth(line []byte) int {
	n, deepest, inString, escaped := 0, 0, false, false
	for _, c := range line {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			n++
			deepest = max(deepest, n)
		case c == '}' || c == ']':
			n--
		}
	}
	return deepest
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
