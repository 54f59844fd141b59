package audit

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/lumos-governance/lumos/internal/forge"
)

// Options are what Verify is told. The zero value verifies the usual branch without a pin.
type Options struct {
	Branch       string                 // the audit branch; lumos/audit unless given
	TrustGenesis string                 // the pin that Init printed, with or without "sha256:"
	MainBranch   string                 // the remote's default, main or master unless given
	Governed     func(path string) bool // which files are release manifests; releases/*/*.yaml unless given
}

// Code says what kind of violation was found.
type Code string

// The codes. Their numbers never change.
const (
	EditedEvent     Code = "A01"
	DeletedEvent    Code = "A02"
	InsertedEvent   Code = "A03"
	ReorderedEvents Code = "A04"
	RepeatedEvent   Code = "A05" // two events of one seq or idempotency key
	WrongCheckpoint Code = "A06" // root, size or signature do not fit the log
	ForkedLog       Code = "A07" // another log than a release tag's checkpoint speaks of
	TruncatedLog    Code = "A08" // shorter than a checkpoint, an earlier commit or a tag says
	WrongTrailers   Code = "A09" // the history of the branch does not tell what the log tells
	Unsigned        Code = "A10"
	WrongKey        Code = "A11"
	WrongNamespace  Code = "A12"
	TwoSignatures   Code = "A15"
	BackDated       Code = "A16"
	NotAppended     Code = "A17" // a file changed that must not, or does not belong on the branch
	NotLinear       Code = "A18"
	LateDecision    Code = "A22" // decided after the merge, or revoked before it
	NoDecision      Code = "A24" // merged with no decision
	WrongTag        Code = "A26"
	WrongPage       Code = "A28"
	WrongGenesis    Code = "A29"
	NotCanonical    Code = "A30"
)

// Violation is one thing that is not as it must be. Seq is nil where no event is meant.
type Violation struct {
	Code    Code   `json:"code"`
	Seq     *int64 `json:"seq,omitempty"`
	Commit  string `json:"commit,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"` // from 1
	Message string `json:"message"`
}

func (v Violation) String() string {
	var b strings.Builder
	b.WriteString(string(v.Code))
	if v.Seq != nil {
		fmt.Fprintf(&b, " event %d", *v.Seq)
	}
	if v.Commit != "" {
		fmt.Fprintf(&b, " commit %s", short(v.Commit))
	}
	if v.File != "" {
		fmt.Fprintf(&b, " %s", v.File)
		if v.Line > 0 {
			fmt.Fprintf(&b, ":%d", v.Line)
		}
	}
	return b.String() + ": " + v.Message
}

// Result is what verification found. The log stands if OK.
type Result struct {
	OK         bool        `json:"ok"`
	Origin     string      `json:"origin"`
	Genesis    string      `json:"genesis"` // the pin of this clone's genesis.json
	Pinned     bool        `json:"pinned"`  // it was compared with a pin from outside
	Branch     string      `json:"branch"`  // the reference that was verified
	Tip        string      `json:"tip"`
	Main       string      `json:"main,omitempty"`
	Events     int64       `json:"events"`
	Root       string      `json:"root"`
	Commits    int         `json:"commits"`
	Tags       int         `json:"tags"`
	Manifests  int         `json:"manifests"` // changes of manifests on the main branch that were held against decisions
	Violations []Violation `json:"violations"`
	Notes      []string    `json:"notes,omitempty"`
}

const (
	maxViolations = 100
	checkpointSig = "checkpoint.sig"
)

// verification is one run of Verify.
type verification struct {
	opt     Options
	clone   *clone
	cat     *catFile
	genesis *GenesisFile
	key     ssh.PublicKey
	res     *Result

	history []step
	tags    []releaseTag
	log     record
}

// Verify checks the log in the clone at dir: offline, by a handful of git processes however long
// the history is. The error wraps ErrCannotVerify when the clone allows neither a yes nor a no.
func Verify(ctx context.Context, dir string, opt Options) (res *Result, err error) {
	ctx, cancel := context.WithCancel(ctx) // ends git when verification ends early
	defer cancel()
	if opt.Branch == "" {
		opt.Branch = forge.AuditBranch
	}
	if opt.Governed == nil {
		opt.Governed = func(p string) bool { ok, _ := path.Match("releases/*/*.yaml", p); return ok }
	}
	c, err := openClone(ctx, dir)
	if err != nil {
		return nil, err
	}
	v := &verification{opt: opt, clone: c, res: &Result{Violations: []Violation{}}}
	v.res.Branch, v.res.Tip = c.branch(opt.Branch)
	if v.res.Tip == "" {
		return nil, cannot("%s has no branch %s: fetch it, or run lumos audit init", dir, opt.Branch)
	}
	out, err := gitOutput(ctx, dir, "rev-list", "--topo-order", "--reverse", v.res.Tip)
	if err != nil {
		return nil, err
	}
	commits := strings.Fields(out)
	if v.cat, err = startCatFile(ctx, dir); err != nil {
		return nil, err
	}
	defer func() {
		if cerr := v.cat.close(); err == nil && cerr != nil {
			err = cannot("git cat-file: %w", cerr)
		}
	}()
	if known, err := v.readGenesis(commits[0]); err != nil || !known {
		return v.res, err
	}
	for _, check := range []func() error{
		func() error { return v.readHistory(commits) },
		v.readTags, v.readLog, v.checkHistory, v.checkTags,
		func() error { return v.checkMain(ctx) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	v.res.Commits, v.res.Tags = len(v.history), len(v.tags)
	v.res.OK = len(v.res.Violations) == 0
	return v.res, nil
}

func (v *verification) add(x Violation) {
	switch n := len(v.res.Violations); {
	case n < maxViolations:
		v.res.Violations = append(v.res.Violations, x)
	case n == maxViolations && len(v.res.Notes) < maxViolations:
		v.res.Notes = append(v.res.Notes, fmt.Sprintf("more violations than the %d that are listed: %s", maxViolations, x.Code))
	}
}

func at(seq int64) *int64 { return &seq }

// readGenesis reads the genesis that the branch was born with. Without one that can be believed
// there is nothing to verify by.
func (v *verification) readGenesis(first string) (known bool, err error) {
	got, err := v.cat.get(first + ":genesis.json")
	if err != nil {
		return false, err
	}
	data := got[0].data
	bad := func(format string, args ...any) {
		v.add(Violation{Code: WrongGenesis, Commit: first, File: "genesis.json", Message: fmt.Sprintf(format, args...)})
	}
	v.res.Genesis = digest(data)
	if pin := v.opt.TrustGenesis; pin != "" {
		pin = "sha256:" + strings.TrimPrefix(strings.ToLower(strings.TrimSpace(pin)), "sha256:")
		v.res.Pinned = pin == v.res.Genesis
		if !v.res.Pinned {
			bad("it is %s, the pin is %s: this is another log", v.res.Genesis, pin)
			return false, nil
		}
	} else {
		v.res.Notes = append(v.res.Notes, "the genesis is the clone's own: compare "+v.res.Genesis+" with the one kept elsewhere, or pass it as the pin")
	}
	if v.genesis, err = parseGenesis(data); errors.Is(err, ErrSchema) {
		return false, cannot("%w", err)
	} else if err != nil {
		bad("%v", err)
		return false, nil
	}
	v.res.Origin = v.genesis.Origin
	v.key, err = v.genesis.sshKey()
	return err == nil, err
}

// step is one commit of the branch.
type step struct {
	oid     string
	commit  *commit
	entries map[string]treeEntry // of the root tree
	claim   Checkpoint           // the checkpoint in the tree
	claimed bool                 // it could be read
	found   []Violation          // what is wrong with the commit by itself
}

// readHistory reads every commit with its root tree and checkpoint, and verifies all signatures.
func (v *verification) readHistory(commits []string) error {
	const asks = 4
	names := make([]string, 0, asks*len(commits))
	for _, c := range commits {
		names = append(names, c, c+"^{tree}", c+":checkpoint", c+":"+checkpointSig)
	}
	v.history = make([]step, len(commits))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	var got [asks]object
	err := v.cat.each(names, func(i int, o object) error {
		got[i%asks] = o
		if i%asks < asks-1 {
			return nil
		}
		if got[0].typ == "" || got[1].typ == "" {
			return cannot("objects of commit %s are missing from the clone", commits[i/asks])
		}
		s, got := &v.history[i/asks], got
		s.oid = commits[i/asks]
		workers.Go(func() error { return v.readStep(s, got[0].data, got[1].data, got[2].data, got[3].data) })
		return nil
	})
	return errors.Join(err, workers.Wait())
}

func (v *verification) readStep(s *step, raw, tree, checkpoint, sig []byte) error {
	entries, err := parseTree(tree, v.clone.oidSize)
	if err != nil {
		return cannot("commit %s: %w", s.oid, err)
	}
	s.entries = make(map[string]treeEntry, len(entries))
	for _, e := range entries {
		s.entries[e.name] = e
	}
	found := func(code Code, file, format string, args ...any) {
		s.found = append(s.found, Violation{Code: code, Commit: s.oid, File: file, Message: fmt.Sprintf(format, args...)})
	}
	s.commit, err = parseCommit(raw)
	switch {
	case errors.Is(err, errSignatures):
		found(TwoSignatures, "", "the commit has more than one signature")
	case err != nil:
		return cannot("commit %s: %w", s.oid, err)
	default:
		err := checkSignature(s.commit.payload, s.commit.sig, v.key)
		foreign := errors.Is(err, errNoSSH) || errors.Is(err, errKey)
		if err != nil && (v.genesis.Commits == SignedByKey || !foreign) {
			found(signatureCode(err), "", "the commit is not signed by the log's key: %v", err)
		}
		s.commit.payload, s.commit.sig = nil, nil
	}
	s.claim, err = readCheckpoint(checkpoint)
	s.claimed = err == nil
	if _, err := openCheckpoint(v.genesis, checkpoint, sig); err != nil {
		file := "checkpoint"
		if strings.HasPrefix(err.Error(), checkpointSig) {
			file = checkpointSig
		}
		found(signatureCode(err), file, "%v", err)
	}
	return nil
}

// signatureCode tells apart how a signature fails.
func signatureCode(err error) Code {
	var unknown *note.UnverifiedNoteError
	switch {
	case errors.Is(err, errNoSSH):
		return Unsigned
	case errors.Is(err, errKey), errors.As(err, &unknown):
		return WrongKey
	case errors.Is(err, errNamespace):
		return WrongNamespace
	}
	return WrongCheckpoint
}

// The files of the branch, and whether they are folders.
var layout = map[string]string{
	"README.md": modeFile, "genesis.json": modeFile, "allowed_signers": modeFile,
	"log": modeTree, "checkpoint": modeFile, checkpointSig: modeFile, "releases": modeTree,
}

// checkHistory holds every commit against the one before it and against the log at the tip.
func (v *verification) checkHistory() error {
	var diverged []int
	for i := range v.history {
		s := &v.history[i]
		var before *step
		if i > 0 {
			before = &v.history[i-1]
		}
		// A length that the log does not have is reported where the log ends or shrank.
		if want, ok := v.log.at[s.claim.Size]; ok && s.claimed {
			if want.root != s.claim.Root && s.claim.Size <= v.log.sound {
				v.add(Violation{Code: WrongCheckpoint, Commit: s.oid, File: "checkpoint", Seq: at(s.claim.Size - 1),
					Message: fmt.Sprintf("root %s, the %d events have %s", s.claim.Root, s.claim.Size, want.root)})
			}
			if want.tree != s.entries["log"].oid {
				diverged = append(diverged, i)
			}
		}
		for _, x := range s.found {
			v.add(x)
		}
		v.checkStep(s, before)
	}
	return v.explain(diverged)
}

func (v *verification) checkStep(s, before *step) {
	add := func(code Code, file, format string, args ...any) {
		v.add(Violation{Code: code, Commit: s.oid, File: file, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case before == nil && len(s.commit.parents) > 0:
		add(NotLinear, "", "the first commit of the branch has a parent")
	case before != nil && !slices.Equal(s.commit.parents, []string{before.oid}):
		add(NotLinear, "", "the commit's parent must be %s alone: the branch is a line", short(before.oid))
	}
	for name, e := range s.entries {
		if mode, ok := layout[name]; !ok || e.mode != mode {
			add(NotAppended, name, "does not belong on the branch, or not with mode %s", e.mode)
		}
	}
	if before != nil {
		for name, code := range map[string]Code{"genesis.json": WrongGenesis, "README.md": NotAppended, "allowed_signers": NotAppended} {
			if before.entries[name].oid != s.entries[name].oid {
				add(code, name, "changed after the log was born")
			}
		}
	} else if want := objectID(v.clone.oidSize, "blob", v.genesis.allowedSigners()); s.entries["allowed_signers"].oid != want {
		add(NotAppended, "allowed_signers", "does not name the key of genesis.json")
	}
	if !s.claimed {
		return
	}
	var size int64
	if before != nil && before.claimed {
		size = before.claim.Size
	}
	if s.claim.Size < size {
		v.add(Violation{Code: TruncatedLog, Seq: at(s.claim.Size), Commit: s.oid, File: bundlePath(s.claim.Size / BundleSize),
			Line: int(s.claim.Size%BundleSize) + 1, Message: fmt.Sprintf("the log shrank from %d events to %d", size, s.claim.Size)})
		return
	}
	first, last, err := parseSeqTrailer(s.commit.trailer("Lumos-Seq"))
	switch {
	case err != nil:
		add(WrongTrailers, "", "%v", err)
	case first != size || last != s.claim.Size-1:
		add(WrongTrailers, "", "Lumos-Seq is %d-%d, the checkpoints say %d-%d", first, last, size, s.claim.Size-1)
	case s.commit.trailer("Lumos-Root") != s.claim.Root:
		add(WrongTrailers, "", "Lumos-Root differs from the root in the checkpoint")
	}
}
