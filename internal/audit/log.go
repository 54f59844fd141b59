package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lumos-governance/lumos/internal/forge"
)

// BundleSize is how many events one file of the log holds.
const BundleSize = 256

const (
	maxBundle   = BundleSize * (maxLine + 1)
	maxAppend   = 1024 // events at once
	maxTries    = 24   // of one append that others keep overtaking
	readAtOnce  = 32   // bundles asked for in one Store.Read
	firstPause  = 5 * time.Millisecond
	longerPause = 500 * time.Millisecond
)

// What appending and loading can end in, besides the store's own errors.
var (
	ErrMoved     = errors.New("the audit branch has moved")
	ErrNoLog     = errors.New("the repository has no audit branch yet: run lumos audit init")
	ErrNotOurs   = errors.New("the audit branch is written by another key")
	ErrTampered  = errors.New("the audit branch is not what its checkpoint says: run lumos audit verify")
	ErrRewritten = errors.New("the audit branch was rewritten: it no longer holds what was read before")
)

// Store keeps the branch. Implementations need no knowledge of what is in it.
type Store interface {
	// Tip is the commit at the tip of the branch, empty when there is no branch.
	Tip(ctx context.Context) (string, error)
	// Read reads files at a commit; what is not there is absent from the answer.
	Read(ctx context.Context, tip string, paths []string) (map[string][]byte, error)
	// Commit puts files on top of tip in one commit and returns it, or gives birth to the branch when
	// tip is empty. If the branch is no longer at tip it changes nothing and returns ErrMoved.
	Commit(ctx context.Context, tip string, files map[string][]byte, subject, body string) (string, error)
}

// Log is what a writer knows of the log: it has verified what it holds, and it appends. It is safe
// for concurrent use; any number of Logs, in any number of processes, may write the same branch.
type Log struct {
	store  Store
	signer *Signer
	writer Writer

	mu    sync.Mutex
	state *state // nil until loaded
}

// state is the projection of a verified log.
type state struct {
	tip     string
	genesis *GenesisFile
	pin     string
	tree    frontier
	head    string    // digest of the last line, or of genesis.json
	last    time.Time // ts of the last event
	open    []byte    // the bundle that the next event goes to, as far as it is written

	seqs     map[string]int64  // by idempotency key
	standing map[string]string // by state and pull request: the key of the event that set it
	latest   map[string]Event  // likewise, that event itself
	votes    map[int][]forge.RecordedVote
	approved map[string][]int // by path and blob: the pull requests whose decision was to approve it
}

// Open makes a Log that knows nothing yet: it loads on first use.
func Open(store Store, signer *Signer, writer Writer) *Log {
	return &Log{store: store, signer: signer, writer: writer}
}

func newState(g *GenesisFile, genesis []byte) *state {
	return &state{
		genesis: g, pin: digest(genesis), head: digest(genesis),
		seqs: map[string]int64{}, standing: map[string]string{}, latest: map[string]Event{},
		votes: map[int][]forge.RecordedVote{}, approved: map[string][]int{},
	}
}

func bundlePath(n int64) string { return fmt.Sprintf("log/x%03d/%03d.jsonl", n/1000, n%1000) }

func statePR(state string, pr int) string { return fmt.Sprintf("%s:%d", state, pr) }

func pathBlob(path, blob string) string { return blob + " " + path }

// apply takes one event into the projection.
func (s *state) apply(e *Event) {
	s.seqs[e.Idem] = e.Seq
	if st := stateOf(e.Type); st != "" {
		s.standing[statePR(st, e.PR)] = e.Idem
		s.latest[statePR(st, e.PR)] = *e
	}
	switch {
	case e.Type == ApprovalRecorded && len(e.Votes) == 1:
		s.votes[e.PR] = append(s.votes[e.PR], forge.RecordedVote{ID: e.Votes[0].ID, Subject: e.Votes[0].Bound})
	case e.Type == DecisionRecorded && e.Decision == Approve && e.Subject != nil:
		for _, m := range e.Subject.Manifests {
			k := pathBlob(m.Path, m.Blob)
			if !slices.Contains(s.approved[k], e.PR) {
				s.approved[k] = append(s.approved[k], e.PR)
			}
		}
	}
}

// Load brings the Log up to the branch's tip, reading only what it does not hold. Pass the tip when
// it is known; an empty one is asked for. It verifies what it reads; on an error the Log is as before.
func (l *Log) Load(ctx context.Context, tip string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.load(ctx, tip)
	for try := 1; errors.Is(err, ErrMoved) && try < maxTries; try++ { // moved on between two reads
		if err := pause(ctx, try); err != nil {
			return err
		}
		err = l.load(ctx, "")
	}
	return err
}

func (l *Log) load(ctx context.Context, tip string) error {
	if tip == "" {
		var err error
		if tip, err = l.store.Tip(ctx); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		if tip == "" {
			return ErrNoLog
		}
	}
	s := l.state
	if s != nil && s.tip == tip {
		return nil
	}
	paths := []string{"checkpoint", "checkpoint.sig"}
	if s == nil {
		paths = append(paths, "genesis.json", bundlePath(0))
	} else {
		n := s.tree.size / BundleSize
		paths = append(paths, bundlePath(n), bundlePath(n+1))
	}
	files, err := l.store.Read(ctx, tip, paths)
	if err != nil {
		return fmt.Errorf("audit: read %s: %w", short(tip), err)
	}
	if s == nil {
		if s, err = l.readGenesis(files["genesis.json"]); err != nil {
			return err
		}
	}
	c, err := openCheckpoint(s.genesis, files["checkpoint"], files["checkpoint.sig"])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTampered, err)
	}
	if c.Size < s.tree.size {
		return fmt.Errorf("%w: %d events, %d were read before", ErrRewritten, c.Size, s.tree.size)
	}
	return l.catchUp(ctx, s, tip, c, files)
}

func (l *Log) readGenesis(data []byte) (*state, error) {
	g, err := parseGenesis(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	vkey, err := l.signer.NoteKey(g.Origin)
	if err != nil {
		return nil, err
	}
	if ours := (Keys{SSH: l.signer.PublicKey(), Note: vkey}); g.Keys != ours {
		return nil, fmt.Errorf("%w: genesis.json names %s, the signing key is %s", ErrNotOurs, g.Keys.SSH, ours.SSH)
	}
	return newState(g, data), nil
}

// catchUp reads the events from s on up to the checkpoint c, and takes them over once all is verified.
func (l *Log) catchUp(ctx context.Context, s *state, tip string, c Checkpoint, files map[string][]byte) error {
	cur := cursor{tree: s.tree.clone(), head: s.head}
	var events []*Event
	open := s.open
	for first := s.tree.size / BundleSize; first*BundleSize < c.Size; first += readAtOnce {
		var missing []string
		last := min(first+readAtOnce, (c.Size+BundleSize-1)/BundleSize)
		for n := first; n < last; n++ {
			if _, ok := files[bundlePath(n)]; !ok {
				missing = append(missing, bundlePath(n))
			}
		}
		if len(missing) > 0 {
			more, err := l.store.Read(ctx, tip, missing)
			if err != nil {
				return fmt.Errorf("audit: read %s: %w", short(tip), err)
			}
			for p, data := range more {
				files[p] = data
			}
		}
		for n := first; n < last; n++ {
			path := bundlePath(n)
			lines, err := splitLines(files[path])
			if want := min(BundleSize, c.Size-n*BundleSize); err == nil && int64(len(lines)) != want {
				err = fmt.Errorf("%d lines, expected %d by the checkpoint", len(lines), want)
			}
			if err != nil {
				return fmt.Errorf("%w: %s: %w", ErrTampered, path, err)
			}
			for i := cur.tree.size - n*BundleSize; i < int64(len(lines)); i++ {
				e, err := cur.next(lines[i])
				if err != nil {
					return fmt.Errorf("%w: %s:%d: %w", ErrTampered, path, i+1, err)
				}
				events = append(events, e)
			}
			open = files[path]
			if len(lines) == BundleSize {
				open = nil
			}
		}
	}
	if root := cur.root(); root != c.Root {
		err := ErrTampered
		if s.tree.size > 0 {
			err = ErrRewritten
		}
		return fmt.Errorf("%w: root of %d events is %s, the checkpoint says %s", err, c.Size, root, c.Root)
	}
	for _, e := range events {
		s.apply(e)
		s.last = e.TS
	}
	s.tip, s.tree, s.head, s.open = tip, cur.tree, cur.head, bytes.Clone(open)
	l.state = s
	return nil
}

// cursor follows the chain line by line.
type cursor struct {
	tree frontier
	head string
}

func (c *cursor) root() string { h := c.tree.root(); return base64.StdEncoding.EncodeToString(h[:]) }

// next verifies that line is the log's next one.
func (c *cursor) next(line []byte) (*Event, error) {
	e, err := ParseLine(line)
	if err != nil {
		return nil, err
	}
	if e.Seq != c.tree.size {
		return nil, fmt.Errorf("seq %d, expected %d", e.Seq, c.tree.size)
	}
	if e.Prev != c.head {
		return nil, fmt.Errorf("prev is not the digest of the line before")
	}
	c.take(line)
	return e, nil
}

func (c *cursor) take(line []byte) {
	c.tree.add(tlog.RecordHash(line))
	c.head = digest(line)
}

// splitLines cuts a bundle into its lines; each must end in a newline.
func splitLines(data []byte) ([][]byte, error) {
	if len(data) > maxBundle {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), maxBundle)
	}
	if len(data) == 0 {
		return nil, nil
	}
	if data[len(data)-1] != '\n' {
		return nil, errors.New("the last line does not end in a newline")
	}
	return bytes.Split(data[:len(data)-1], []byte{'\n'}), nil
}

// Append records events, in order, in one commit, and returns those that it added with all their
// fields: an event whose key the log holds already is left out, and so is one that only repeats
// where its pull request stands. When somebody else was faster it loads what they wrote and tries
// again. After an error the events may be in the log or not; appending them again settles it.
func (l *Log) Append(ctx context.Context, events ...Event) ([]Event, error) {
	if len(events) > maxAppend {
		return nil, fmt.Errorf("audit: %d events at once, more than %d", len(events), maxAppend)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	for try := 1; try <= maxTries; try++ {
		if l.state == nil || try > 1 {
			err = l.load(ctx, "")
		}
		if err == nil {
			var next *extension
			if next, err = l.extend(events); err != nil || len(next.events) == 0 {
				return nil, err
			}
			if err = l.commit(ctx, next); err == nil {
				return next.events, nil
			}
		}
		if !errors.Is(err, ErrMoved) {
			return nil, err
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// pause waits a random while, longer with each try, so that writers do not keep colliding.
func pause(ctx context.Context, try int) error {
	limit := min(firstPause<<min(try, 10), longerPause)
	t := time.NewTimer(rand.N(limit))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// extension is a commit that is ready to be made.
type extension struct {
	cursor
	open          []byte
	files         map[string][]byte
	events        []Event
	subject, body string
}

// extend chains events onto the log without changing it.
func (l *Log) extend(events []Event) (*extension, error) {
	s := l.state
	x := &extension{cursor: cursor{tree: s.tree.clone(), head: s.head}, open: bytes.Clone(s.open), files: map[string][]byte{}}
	seen, standing, last := map[string]bool{}, map[string]string{}, s.last
	for _, e := range events {
		e = e.clean()
		if err := e.validate(); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		idem, err := s.idem(e, seen, standing)
		if err != nil {
			return nil, err
		}
		if idem == "" {
			continue
		}
		if e.TS.Before(last) {
			e.TS = last
		}
		last = e.TS
		e.V, e.Seq, e.Prev, e.Idem, e.ID, e.Lumos = SchemaVersion, x.tree.size, x.head, idem, eventID(s.genesis.Origin, idem), &l.writer
		line, err := e.encode()
		if err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		seen[idem] = true
		if st := stateOf(e.Type); st != "" {
			standing[statePR(st, e.PR)] = idem
		}
		x.take(line)
		x.open = append(append(x.open, line...), '\n')
		x.files[bundlePath(e.Seq/BundleSize)] = x.open
		if x.tree.size%BundleSize == 0 {
			x.open = nil
		}
		x.events = append(x.events, e)
		if e.Type == TagCreated {
			if path, page := x.page(s, &e); path != "" {
				x.files[path] = page
			}
		}
	}
	if len(x.events) == 0 {
		return x, nil
	}
	c := Checkpoint{Origin: s.genesis.Origin, Size: x.tree.size, Root: x.root()}
	note, sig, err := c.sign(l.signer)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	x.files["checkpoint"], x.files["checkpoint.sig"] = note, sig
	x.subject, x.body = message(x.events, c)
	return x, nil
}

// idem is the key under which e is to be recorded, empty when it is recorded already.
func (s *state) idem(e Event, seen map[string]bool, standing map[string]string) (string, error) {
	known := func(k string) bool { _, ok := s.seqs[k]; return ok || seen[k] }
	if e.Idem != "" {
		if known(e.Idem) {
			return "", nil
		}
		return e.Idem, nil
	}
	base, err := e.key()
	if err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	st := stateOf(e.Type)
	if st == "" {
		if known(base) {
			return "", nil
		}
		return base, nil
	}
	// The same state may come again, after another one: approved, revoked, approved.
	now, ok := standing[statePR(st, e.PR)]
	if !ok {
		now = s.standing[statePR(st, e.PR)]
	}
	key := base
	for n := 2; known(key); n++ {
		if key == now {
			return "", nil
		}
		key = fmt.Sprintf("%s:%d", base, n)
	}
	return key, nil
}

// page renders the page of the release that tag records, from the decision before it.
func (x *extension) page(s *state, tag *Event) (string, []byte) {
	decision, ok := s.latest[statePR("decision", tag.PR)]
	for i := range x.events {
		if e := &x.events[i]; stateOf(e.Type) == "decision" && e.PR == tag.PR {
			decision, ok = *e, true
		}
	}
	if !ok {
		return "", nil
	}
	return releasePage(tag, &decision)
}

func message(events []Event, c Checkpoint) (subject, body string) {
	first, last := events[0], events[len(events)-1]
	subject = fmt.Sprintf("Record %s", first.Type)
	if len(events) > 1 {
		subject = fmt.Sprintf("Record %d events, last %s", len(events), last.Type)
	}
	if last.PR > 0 {
		subject += fmt.Sprintf(" of #%d", last.PR)
	}
	return subject, fmt.Sprintf("Lumos-Seq: %d-%d\nLumos-Root: %s\n", first.Seq, last.Seq, c.Root)
}

// commit writes x and, once it is written, takes it into the projection.
func (l *Log) commit(ctx context.Context, x *extension) error {
	tip, err := l.store.Commit(ctx, l.state.tip, x.files, x.subject, x.body)
	if err != nil {
		return fmt.Errorf("audit: append %d events: %w", len(x.events), err)
	}
	s := l.state
	s.tip, s.tree, s.head, s.open = tip, x.tree, x.head, x.open
	for i := range x.events {
		s.apply(&x.events[i])
		s.last = x.events[i].TS
	}
	return nil
}

func short(oid string) string { return oid[:min(len(oid), 12)] }
