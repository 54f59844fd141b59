package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const branch = "lumos/audit"

var (
	repo  = Repo{Host: "github.com", ID: 812, Name: "acme/models"}
	start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

// signerOf makes a signer from a seed of one repeated byte.
func signerOf(seed byte) *Signer {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		panic(err)
	}
	s, err := NewSigner(pem.EncodeToMemory(block))
	if err != nil {
		panic(err)
	}
	return s
}

// memStore is a Store in memory. Its fields let a test fail a commit before or after it happened.
type memStore struct {
	mu      sync.Mutex
	tips    []map[string][]byte
	reads   int
	commits int
	before  func() error
	after   func() error
}

func (m *memStore) id(n int) string { return fmt.Sprintf("%040d", n) }

func (m *memStore) Tip(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.tips) == 0 {
		return "", nil
	}
	return m.id(len(m.tips)), nil
}

func (m *memStore) Read(_ context.Context, tip string, paths []string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	out := map[string][]byte{}
	for i := range m.tips {
		if m.id(i+1) == tip {
			for _, p := range paths {
				if data, ok := m.tips[i][p]; ok {
					out[p] = data
				}
			}
		}
	}
	return out, nil
}

func (m *memStore) Commit(_ context.Context, tip string, files map[string][]byte, _, _ string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.before != nil {
		if err := m.before(); err != nil {
			return "", err
		}
	}
	at := ""
	next := map[string][]byte{}
	if n := len(m.tips); n > 0 {
		at = m.id(n)
		maps.Copy(next, m.tips[n-1])
	}
	if tip != at {
		return "", ErrMoved
	}
	maps.Copy(next, files)
	m.tips = append(m.tips, next)
	m.commits++
	if m.after != nil {
		if err := m.after(); err != nil {
			return "", err
		}
	}
	return m.id(len(m.tips)), nil
}

func birth() Birth {
	return Birth{Repo: repo, Created: start, Commits: SignedByKey, Writer: Writer{Version: "test"}}
}

func mustInit(t testing.TB, store Store, s *Signer) string {
	t.Helper()
	pin, created, err := Init(t.Context(), store, s, birth())
	if err != nil || !created {
		t.Fatalf("init: created %v, %v", created, err)
	}
	return pin
}

func mustAppend(t testing.TB, l *Log, events ...Event) []Event {
	t.Helper()
	added, err := l.Append(t.Context(), events...)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func opened(pr int) Event {
	return Event{Type: CandidateOpened, TS: start.Add(time.Minute), Repo: repo, PR: pr, Head: strings.Repeat("a", 40)}
}

func vote(pr int, id, bound string) Event {
	return Event{Type: ApprovalRecorded, TS: start.Add(time.Minute), Repo: repo, PR: pr, Votes: []Vote{{
		ID: id, By: Actor{Kind: "user", System: "github.com", ID: "991", Login: "beth"},
		Channel: "review", Action: "approve", Commit: strings.Repeat("a", 40), Bound: bound, Counted: true,
	}}}
}

func decided(pr int, d Decision, path, blob string) Event {
	score := 87.4
	return Event{
		Type: DecisionRecorded, TS: start.Add(time.Minute), Repo: repo, PR: pr,
		Head: strings.Repeat("a", 40), Base: strings.Repeat("b", 40), Policy: digest([]byte("policy")),
		Subject:     &Subject{Digest: digest([]byte(path + blob)), Manifests: []Manifest{{Path: path, Model: "fraud", Version: "2.3.0", Blob: blob, Digest: digest([]byte(blob))}}},
		Evaluations: []Evaluation{{Path: path, Digest: digest([]byte("report")), Score: &score, Coverage: &score, Tier: "medium"}},
		Decision:    d, Reason: "owners approved", Verdict: digest([]byte("verdict")),
		Votes: vote(pr, "review:81", digest([]byte(path+blob))).Votes,
	}
}

func needGit(t testing.TB) {
	t.Helper()
	for _, tool := range []string{"git", "ssh-keygen"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

// git runs git in dir, away from the user's configuration.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func tryGit(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	env := os.Environ()
	if objects, ok := strings.CutPrefix(args[0], "OBJECTS="); ok {
		env, args = append(env, "GIT_OBJECT_DIRECTORY="+objects), args[1:]
	}
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(env, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=2026-11-22T10:00:00Z", "GIT_COMMITTER_DATE=2026-11-22T10:00:00Z")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func bareRepo(t testing.TB) string {
	t.Helper()
	needGit(t)
	dir := filepath.Join(t.TempDir(), "models.git")
	git(t, ".", "init", "-q", "--template=", "--bare", "-b", "main", dir)
	return dir
}

func fileRemote(t testing.TB, dir string, s *Signer) *GitRemote {
	t.Helper()
	r, err := NewGitRemote("file://"+dir, branch, s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLogRoundTrip(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T, s *Signer) Store{
		"memory": func(*testing.T, *Signer) Store { return &memStore{} },
		"git":    func(t *testing.T, s *Signer) Store { return fileRemote(t, bareRepo(t), s) },
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := signerOf('k')
			store := open(t, signer)
			pin := mustInit(t, store, signer)
			l := Open(store, signer, Writer{Version: "test"})
			blob := strings.Repeat("c", 40)
			for pr := 1; pr <= 90; pr += 10 { // more than one bundle
				var batch []Event
				for n := pr; n < pr+10; n++ {
					batch = append(batch, opened(n), vote(n, "review:81", "sha256:x"), decided(n, Approve, "releases/fraud/2.3.0.yaml", blob))
				}
				mustAppend(t, l, batch...)
			}
			again := Open(store, signer, Writer{Version: "test"})
			if err := again.Load(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if again.Checkpoint() != l.Checkpoint() || again.Checkpoint().Size != 271 || again.Pin() != pin {
				t.Errorf("loaded %+v, wrote %+v", again.Checkpoint(), l.Checkpoint())
			}
			if v := again.Votes(90); len(v) != 1 || v[0].ID != "review:81" || v[0].Subject != "sha256:x" {
				t.Errorf("votes: %+v", v)
			}
			if e := again.Decision(7); e == nil || e.Decision != Approve || e.Seq != 3*7 {
				t.Errorf("decision: %+v", e)
			}
			if e := again.Approved("releases/fraud/2.3.0.yaml", blob); e == nil {
				t.Error("the blob is approved, the log does not say so")
			}
			if e := again.Approved("releases/fraud/2.3.0.yaml", strings.Repeat("d", 40)); e != nil {
				t.Error("another blob is approved")
			}
			mustAppend(t, again, opened(100))
			if err := l.Load(t.Context(), again.Tip()); err != nil { // incrementally
				t.Fatal(err)
			}
			if l.Candidate(100) == nil || l.Tip() != again.Tip() {
				t.Error("what another writer appended was not loaded")
			}
		})
	}
}

func TestAppendDedupes(t *testing.T) {
	t.Parallel()
	signer, store := signerOf('k'), &memStore{}
	mustInit(t, store, signer)
	l := Open(store, signer, Writer{})
	approve := decided(1, Approve, "releases/a/1.yaml", "b")
	revoke := approve
	revoke.Type, revoke.Decision = DecisionRevoked, ""
	explicit := opened(2)
	explicit.Idem = "mine"
	steps := []struct {
		name string
		in   Event
		want int
	}{
		{"approve", approve, 1},
		{"the same again", approve, 0},
		{"revoke", revoke, 1},
		{"approve once more: the state changed in between", approve, 1},
		{"and again", approve, 0},
		{"vote", vote(1, "review:1", "x"), 1},
		{"the vote, bound to something else now", vote(1, "review:1", "y"), 0},
		{"own key", explicit, 1},
		{"own key again", explicit, 0},
	}
	for _, s := range steps {
		later := s.in
		later.TS = later.TS.Add(time.Hour)
		if added := mustAppend(t, l, later); len(added) != s.want {
			t.Errorf("%s: %d events added, want %d", s.name, len(added), s.want)
		}
	}
	if v := l.Votes(1); len(v) != 1 || v[0].Subject != "x" {
		t.Errorf("a vote binds to what it was first seen for: %+v", v)
	}
	if added := mustAppend(t, l, opened(3), opened(3)); len(added) != 1 {
		t.Errorf("%d events of a batch that repeats itself", len(added))
	}
	before := store.commits
	mustAppend(t, l, approve)
	if store.commits != before {
		t.Error("nothing new made a commit")
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	signer, store := signerOf('k'), &memStore{}
	l := Open(store, signer, Writer{})
	if _, err := l.Append(t.Context(), opened(1)); !errors.Is(err, ErrNoLog) {
		t.Errorf("no log: %v", err)
	}
	mustInit(t, store, signer)
	bad := map[string]func(e *Event){
		"no time":         func(e *Event) { e.TS = time.Time{} },
		"no repository":   func(e *Event) { e.Repo = Repo{} },
		"no pull request": func(e *Event) { e.PR = 0 },
		"no subject":      func(e *Event) { e.Subject = nil },
		"no policy":       func(e *Event) { e.Policy = "" },
		"no decision":     func(e *Event) { e.Decision = "" },
		"unknown type":    func(e *Event) { e.Type = "decision.guessed" },
		"too long": func(e *Event) {
			for range 2000 {
				e.Votes = append(e.Votes, e.Votes[0])
			}
		},
	}
	for name, change := range bad {
		e := decided(1, Approve, "p", "b")
		change(&e)
		if _, err := l.Append(t.Context(), e); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
	other := Open(store, signerOf('o'), Writer{})
	if err := other.Load(t.Context(), ""); !errors.Is(err, ErrNotOurs) {
		t.Errorf("another key: %v", err)
	}
}

// What is written is settled whether the answer arrives or not.
func TestAppendAfterLostAnswer(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			signer, store := signerOf('k'), &memStore{}
			mustInit(t, store, signer)
			l := Open(store, signer, Writer{})
			mustAppend(t, l, opened(1))
			cut := errors.New("connection cut")
			fail := func() error { return cut }
			if when == "before" {
				store.before = fail
			} else {
				store.after = fail
			}
			batch := []Event{opened(2), vote(2, "review:1", "x")}
			if _, err := l.Append(t.Context(), batch...); !errors.Is(err, cut) {
				t.Fatal(err)
			}
			store.before, store.after = nil, nil
			mustAppend(t, l, batch...)
			fresh := Open(store, signer, Writer{})
			if err := fresh.Load(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if n := fresh.Checkpoint().Size; n != 4 {
				t.Errorf("%d events, want 4", n)
			}
		})
	}
}

func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	const writers, each = 10, 2
	signer, dir := signerOf('k'), bareRepo(t)
	mustInit(t, fileRemote(t, dir, signer), signer)
	var wg sync.WaitGroup
	for w := range writers {
		l := Open(fileRemote(t, dir, signer), signer, Writer{Version: "test"})
		wg.Go(func() {
			for i := range each {
				// One event of its own, and one that every writer reports.
				if _, err := l.Append(t.Context(), opened(100*(w+1)+i), opened(i+1)); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	l := Open(fileRemote(t, dir, signer), signer, Writer{})
	if err := l.Load(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if got, want := l.Checkpoint().Size, int64(1+writers*each+each); got != want {
		t.Errorf("%d events, want %d", got, want)
	}
	for w := range writers {
		for i := range each {
			if l.Candidate(100*(w+1)+i) == nil {
				t.Errorf("writer %d's event %d is lost", w, i)
			}
		}
	}
}

func TestLoadRefusesWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	signer := signerOf('k')
	build := func() (*memStore, *Log) {
		store := &memStore{}
		mustInit(t, store, signer)
		l := Open(store, signer, Writer{})
		mustAppend(t, l, opened(1), opened(2))
		return store, l
	}
	tamper := map[string]func(files map[string][]byte){
		"edited event": func(f map[string][]byte) {
			f[bundlePath(0)] = []byte(strings.Replace(string(f[bundlePath(0)]), `"pr":2`, `"pr":3`, 1))
		},
		"cut event":    func(f map[string][]byte) { f[bundlePath(0)] = f[bundlePath(0)][:100] },
		"no bundle":    func(f map[string][]byte) { delete(f, bundlePath(0)) },
		"no signature": func(f map[string][]byte) { delete(f, "checkpoint.sig") },
		"other checkpoint": func(f map[string][]byte) {
			data, sig, err := Checkpoint{Origin: OriginOf(repo), Size: 3, Root: strings.Repeat("A", 43) + "="}.sign(signerOf('o'))
			if err != nil {
				t.Fatal(err)
			}
			f["checkpoint"], f["checkpoint.sig"] = data, sig
		},
	}
	for name, change := range tamper {
		store, _ := build()
		files := maps.Clone(store.tips[len(store.tips)-1])
		change(files)
		store.tips = append(store.tips, files)
		if err := Open(store, signer, Writer{}).Load(t.Context(), ""); !errors.Is(err, ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	store, l := build()
	store.tips = append(store.tips, store.tips[0]) // back to the birth
	if err := l.Load(t.Context(), ""); !errors.Is(err, ErrRewritten) {
		t.Errorf("shorter log: %v", err)
	}
	if l.Checkpoint().Size != 3 {
		t.Error("a refused load changed the log")
	}
}
