package events

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Type is the type of an event. Once published, a type keeps its meaning.
type Type string

// The types of events; table says which agent emits them.
const (
	ReleaseDiscovered Type = "lumos.release.discovered" // a registry holds a version that no release names
	CandidateChecked  Type = "lumos.candidate.checked"  // a release pull request was evaluated, with a new result
	ApprovalRequested Type = "lumos.approval.requested" // people were asked
	ApprovalDecided   Type = "lumos.approval.decided"   // the gate turned green or red
	ReleasePaused     Type = "lumos.release.paused"     // by a critical gap or a hold
	ReleaseResumed    Type = "lumos.release.resumed"
	ReleaseMerged     Type = "lumos.release.merged"
	ReleasePromoted   Type = "lumos.release.promoted" // in the registry

	ReleaseReevaluated Type = "lumos.release.reevaluated" // a released model no longer meets the policy, or does again
)

// Agent is who concluded something.
type Agent string

// The agents.
const (
	Scanner      Agent = "scanner"
	Checker      Agent = "checker"
	Orchestrator Agent = "orchestrator"
)

var table = map[Type]Agent{
	ReleaseDiscovered: Scanner,
	CandidateChecked:  Checker,
	ApprovalRequested: Orchestrator,
	ApprovalDecided:   Orchestrator,
	ReleasePaused:     Orchestrator,
	ReleaseResumed:    Orchestrator,
	ReleaseMerged:     Orchestrator,
	ReleasePromoted:   Orchestrator,

	ReleaseReevaluated: Checker,
}

// Agent is the one agent that emits events of this type; empty when there is no such type.
func (t Type) Agent() Agent { return table[t] }

// Fact is what an event tells.
type Fact struct {
	Type    Type
	Repo    string // "host/owner/name": the extension attribute "repo"
	Subject string // what it is about: "owner/name#7", or a release "model/version"
	// Once tells this occurrence from others of the same type and subject: a subject digest, a head,
	// a decision's number. The same fact told again has the same id, and is one event.
	Once string
	Time time.Time
	Data any // written as JSON; no secrets, and nothing that readers of the repository may not see
}

// New makes an event. Its id is a digest of type, repo, subject and Once, never of time or data.
func New(f Fact) (event.Event, error) {
	agent := f.Type.Agent()
	if agent == "" {
		return event.Event{}, fmt.Errorf("event type %q is unknown", f.Type)
	}
	e := event.New()
	e.SetType(string(f.Type))
	e.SetSource("/lumos/" + string(agent))
	e.SetSubject(f.Subject)
	e.SetTime(f.Time.UTC())
	e.SetID(id(string(f.Type), f.Repo, f.Subject, f.Once))
	if f.Repo != "" {
		e.SetExtension("repo", f.Repo)
	}
	if f.Data != nil {
		if err := e.SetData(event.ApplicationJSON, f.Data); err != nil {
			return event.Event{}, fmt.Errorf("data of event %s: %w", f.Type, err)
		}
	}
	if err := e.Validate(); err != nil {
		return event.Event{}, fmt.Errorf("event %s: %w", f.Type, err)
	}
	return e, nil
}

// id is a digest of parts, each preceded by its length so that no two lists run together.
func id(parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Sink takes events: queue.Queue is one.
type Sink interface {
	Emit(ctx context.Context, id string, data []byte) error
}

// Emit makes the event of f and appends it to the stream. The same fact again is one event.
func Emit(ctx context.Context, s Sink, f Fact) error {
	e, err := New(f)
	if err != nil {
		return err
	}
	data, err := e.MarshalJSON()
	if err != nil {
		return fmt.Errorf("event %s: %w", f.Type, err)
	}
	return s.Emit(ctx, e.ID(), data)
}
