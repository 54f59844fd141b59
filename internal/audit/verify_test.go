package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is a repository with a main branch, a log and one release.
type world struct {
	t      *testing.T
	dir    string // the bare repository
	main   string // a working copy of the main branch
	audit  string // a working copy where the log is tampered with
	signer *Signer
	log    *Log
	pin    string
	blob   string
	merge  string
	tag    string
}

const manifest = "releases/fraud/2.3.0.yaml"

// fixture is made by the first test that needs it; every test works on its own copy.
var (
	fixture     world
	makeFixture sync.Once
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lumos-audit-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fixture = world{dir: filepath.Join(dir, "models.git"), main: filepath.Join(dir, "main"), audit: filepath.Join(dir, "audit"), signer: signerOf('k')}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	needGit(t)
	f := &fixture
	makeFixture.Do(func() { f.make(t) })
	if f.tag == "" {
		t.Fatal("the fixture could not be made")
	}
	dir := t.TempDir()
	w := &world{t: t, dir: filepath.Join(dir, "models.git"), main: filepath.Join(dir, "main"), audit: filepath.Join(dir, "audit"), signer: f.signer,
		pin: f.pin, blob: f.blob, merge: f.merge, tag: f.tag}
	for from, to := range map[string]string{f.dir: w.dir, f.main: w.main, f.audit: w.audit} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	w.log = Open(fileRemote(t, w.dir, w.signer), w.signer, Writer{Version: "test"})
	return w
}

// make writes a main branch, a log and a release.
func (w *world) make(t *testing.T) {
	w.t = t
	git(t, ".", "init", "-q", "--template=", "--bare", "-b", "main", w.dir)
	git(t, ".", "init", "-q", "--template=", "-b", "main", w.main)
	remote := fileRemote(t, w.dir, w.signer)
	w.commit("README.md", "models")
	w.commit("releases/old/1.0.0.yaml", "from before Lumos")
	b := birth()
	b.Since = git(t, w.main, "rev-parse", "HEAD")
	var err error
	if w.pin, _, err = Init(t.Context(), remote, w.signer, b); err != nil {
		t.Fatal(err)
	}
	w.log = Open(remote, w.signer, Writer{Version: "test"})
	mustAppend(t, w.log, opened(42))
	mustAppend(t, w.log, vote(42, "review:81", "sha256:x"), vote(42, "review:82", "sha256:x"))
	w.blob = w.hash(manifestText)
	decision := mustAppend(t, w.log, decided(42, Approve, manifest, w.blob))[0]
	w.merge = w.commit(manifest, manifestText)
	mustAppend(t, w.log, merged(42, MergeVerified, w.merge))
	tag, err := remote.PushTag(t.Context(), w.releaseTag(&decision))
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, w.log, Event{Type: TagCreated, TS: start, Repo: repo, PR: 42, Tag: &Tag{Name: "lumos/fraud/2.3.0", Object: tag, Commit: w.merge}})
	mustAppend(t, w.log, opened(43))
	git(t, ".", "init", "-q", "--template=", "-b", branch, w.audit)
	w.git(w.audit, "reset", "-q", "--hard", w.log.Tip())
	w.tag = tag
}

const manifestText = "kind: ModelRelease"

func (w *world) releaseTag(d *Event) ReleaseTag {
	return ReleaseTag{
		Name: TagName("fraud", "2.3.0"), Commit: w.merge, When: start, Summary: "fraud 2.3.0",
		Content: TagContent{Subject: d.Subject.Digest, Policy: d.Policy, Decisions: []int64{d.Seq}, Checkpoint: w.log.Checkpoint()},
	}
}

func merged(pr int, typ Type, commit string) Event {
	return Event{Type: typ, TS: start.Add(2 * time.Minute), Repo: repo, PR: pr, Merge: &Merge{Commit: commit, Method: "squash"}}
}

// git runs git in a working copy, which keeps its objects in the bare repository: pushing is then
// no more than setting a reference.
func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	return git(w.t, dir, append([]string{"OBJECTS=" + filepath.Join(w.dir, "objects")}, args...)...)
}

func (w *world) setRef(name, oid string) {
	w.t.Helper()
	w.write(filepath.Join(w.dir, "refs", name), oid+"\n")
}

// commit writes a file on the main branch and pushes it.
func (w *world) commit(path, text string) string {
	w.t.Helper()
	full := filepath.Join(w.main, path)
	w.write(full, text)
	w.git(w.main, "add", "-A")
	return w.pushMain("Change " + path)
}

func (w *world) pushMain(message string) string {
	w.t.Helper()
	w.git(w.main, "commit", "-q", "-a", "-m", message)
	oid := w.git(w.main, "rev-parse", "HEAD")
	w.setRef("heads/main", oid)
	return oid
}

func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) hash(text string) string {
	return objectID(20, "blob", []byte(text))
}

// lines rewrites the lines of the first bundle.
func (w *world) lines(change func(lines []string) []string) {
	w.t.Helper()
	file := filepath.Join(w.audit, bundlePath(0))
	data, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := change(strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"))
	w.write(file, strings.Join(lines, "\n")+"\n")
}

// push commits what was tampered with on top of the branch, or as its only commit since the birth.
func (w *world) push(rewrite bool) {
	w.t.Helper()
	w.git(w.audit, "add", "-A")
	if rewrite {
		w.git(w.audit, "reset", "-q", "--soft", w.git(w.audit, "rev-list", "--max-parents=0", "HEAD"))
	}
	w.git(w.audit, "commit", "-q", "-m", "Nothing to see")
	w.pushAudit()
}

func (w *world) pushAudit() string {
	w.t.Helper()
	oid := w.git(w.audit, "rev-parse", "HEAD")
	w.setRef("heads/"+branch, oid)
	return oid
}

func (w *world) verify() *Result {
	w.t.Helper()
	res, err := Verify(w.t.Context(), w.dir, Options{TrustGenesis: w.pin})
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

func TestVerifyClean(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, dir := range map[string]string{"bare": w.dir, "mirror": w.mirror()} {
		res, err := Verify(t.Context(), dir, Options{TrustGenesis: strings.TrimPrefix(w.pin, "sha256:")})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !res.OK || !res.Pinned || res.Events != 8 || res.Commits != 7 || res.Tags != 1 || res.Manifests != 1 || res.Root != w.rootAt(8) {
			t.Errorf("%s: %+v", name, res)
		}
	}
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, ".", "clone", "-q", w.dir, clone)
	res, err := Verify(t.Context(), clone, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !res.OK || res.Pinned || len(res.Notes) != 1 || res.Branch != "refs/remotes/origin/"+branch || res.Main != "refs/remotes/origin/main" {
		t.Errorf("clone: %+v", res)
	}
}

func (w *world) mirror() string {
	dir := filepath.Join(w.t.TempDir(), "mirror")
	git(w.t, ".", "clone", "-q", "--mirror", w.dir, dir)
	return dir
}

func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	edit := func(l []string) []string {
		l[2] = strings.Replace(l[2], `"login":"beth"`, `"login":"mallory"`, 1)
		return l
	}
	remove := func(l []string) []string { return slices.Delete(l, 3, 4) }
	insert := func(l []string) []string {
		e, err := ParseLine([]byte(l[3]))
		if err != nil {
			t.Error(err)
			return l
		}
		e.Idem, e.Votes[0].ID = "forged", "review:99"
		line, err := e.encode()
		if err != nil {
			t.Error(err)
			return l
		}
		return slices.Insert(l, 3, string(line))
	}
	swap := func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }
	cut := func(l []string) []string { return l[:6] }

	cases := []struct {
		name   string
		tamper func(w *world)
		code   Code
		seq    int64 // -1 for none
	}{
		{"edit on top", func(w *world) { w.lines(edit); w.push(false) }, EditedEvent, 2},
		{"edit in a rewritten history", func(w *world) { w.lines(edit); w.push(true) }, EditedEvent, 2},
		{"delete on top", func(w *world) { w.lines(remove); w.push(false) }, DeletedEvent, 3},
		{"delete in a rewritten history", func(w *world) { w.lines(remove); w.push(true) }, DeletedEvent, 3},
		{"insert on top", func(w *world) { w.lines(insert); w.push(false) }, InsertedEvent, 3},
		{"insert in a rewritten history", func(w *world) { w.lines(insert); w.push(true) }, InsertedEvent, 3},
		{"reorder on top", func(w *world) { w.lines(swap); w.push(false) }, ReorderedEvents, 2},
		{"reorder in a rewritten history", func(w *world) { w.lines(swap); w.push(true) }, ReorderedEvents, 2},
		{"truncate on top", func(w *world) { w.lines(cut); w.push(false) }, TruncatedLog, 6},
		{"truncate in a rewritten history", func(w *world) { w.lines(cut); w.push(true) }, TruncatedLog, 6},
		{"roll the branch back", func(w *world) {
			w.git(w.audit, "reset", "-q", "--hard", "HEAD~4")
			w.pushAudit()
		}, TruncatedLog, 4},
		{"repeat an event", func(w *world) {
			w.lines(func(l []string) []string { return slices.Insert(l, 4, l[3]) })
			w.push(true)
		}, RepeatedEvent, 4},
		{"not canonical", func(w *world) {
			w.lines(func(l []string) []string { l[5] = strings.Replace(l[5], `":"`, `": "`, 1); return l })
			w.push(true)
		}, NotCanonical, 5},
		{"wrong root, rightly signed", func(w *world) {
			w.sign(w.signer, Checkpoint{Origin: OriginOf(repo), Size: 8, Root: hexRoot("another log")})
		}, WrongCheckpoint, 7},
		{"wrong size, rightly signed", func(w *world) {
			w.sign(w.signer, Checkpoint{Origin: OriginOf(repo), Size: 9, Root: hexRoot("x")})
		}, TruncatedLog, 8},
		{"another key's checkpoint", func(w *world) { w.sign(signerOf('o'), Checkpoint{Origin: OriginOf(repo), Size: 8, Root: w.rootAt(8)}) }, WrongKey, -1},
		{"another key's commit", func(w *world) { w.appendAs(signerOf('o'), w.signer) }, WrongKey, -1},
		{"unsigned commit", func(w *world) { w.appendAs(nil, w.signer) }, Unsigned, -1},
		{"SSH signature missing", func(w *world) { w.remove(checkpointSig); w.push(false) }, Unsigned, -1},
		{"stray file", func(w *world) { w.write(filepath.Join(w.audit, "notes.txt"), "x"); w.push(false) }, NotAppended, -1},
		{"stray file in the log", func(w *world) { w.write(filepath.Join(w.audit, "log/x000/a"), "x"); w.push(false) }, NotAppended, -1},
		{"signers replaced", func(w *world) { w.write(filepath.Join(w.audit, "allowed_signers"), "x"); w.push(false) }, NotAppended, -1},
		{"page edited", func(w *world) {
			w.write(filepath.Join(w.audit, "releases/fraud/2.3.0.md"), "x")
			w.push(false)
		}, WrongPage, -1},
		{"genesis edited", func(w *world) { w.write(filepath.Join(w.audit, "genesis.json"), "{}"); w.push(false) }, WrongGenesis, -1},
		{"another log", func(w *world) { w.pin = digest([]byte("x")) }, WrongGenesis, -1},
		{"merge commit", func(w *world) {
			w.git(w.audit, "merge", "-q", "-s", "ours", "--allow-unrelated-histories", "-m", "m", w.merge)
			w.pushAudit()
		}, NotLinear, -1},
		{"tag moved", func(w *world) {
			w.git(w.main, "tag", "-f", "-a", "-m", "x", "lumos/fraud/2.3.0", "HEAD~1")
			w.setRef("tags/lumos/fraud/2.3.0", w.git(w.main, "rev-parse", "lumos/fraud/2.3.0"))
		}, Unsigned, -1},
		{"tag forged by another key", func(w *world) { w.retag(signerOf('o'), nil) }, WrongKey, -1},
		{"tag on another commit", func(w *world) {
			w.retag(w.signer, func(t *ReleaseTag) { t.Commit = w.git(w.main, "rev-parse", "HEAD~1") })
		}, WrongTag, -1},
		{"tag of another subject", func(w *world) {
			w.retag(w.signer, func(t *ReleaseTag) { t.Content.Subject = digest([]byte("x")) })
		}, WrongTag, 4},
		{"tag of a longer log", func(w *world) {
			w.retag(w.signer, func(t *ReleaseTag) { t.Content.Checkpoint.Size = 80 })
		}, TruncatedLog, 8},
		{"tag of a fork", func(w *world) {
			w.retag(w.signer, func(t *ReleaseTag) { t.Content.Checkpoint.Root = hexRoot("fork") })
		}, ForkedLog, 5},
		{"tag deleted", func(w *world) { git(w.t, w.dir, "tag", "-d", "lumos/fraud/2.3.0") }, WrongTag, 6},
		{"merged with no decision", func(w *world) { w.commit("releases/fraud/2.4.0.yaml", "sneaked in") }, NoDecision, -1},
		{"changed after the approval", func(w *world) { w.commit(manifest, "approved, and then some") }, NoDecision, -1},
		{"removed with no decision", func(w *world) {
			w.removeFrom(w.main, manifest)
			w.pushMain("Remove")
		}, NoDecision, -1},
		{"undone afterwards", func(w *world) {
			w.commit(manifest, "for a moment")
			w.commit(manifest, manifestText)
		}, NoDecision, -1},
		{"decided after the merge", func(w *world) {
			c := w.commit("releases/late/1.0.0.yaml", "late")
			mustAppend(w.t, w.log, merged(44, MergeViolation, c))
			mustAppend(w.t, w.log, decided(44, Approve, "releases/late/1.0.0.yaml", w.hash("late")))
		}, LateDecision, 9},
		{"revoked before the merge", func(w *world) {
			d := decided(44, Approve, "releases/late/1.0.0.yaml", w.hash("late"))
			r := d
			r.Type, r.Decision = DecisionRevoked, ""
			mustAppend(w.t, w.log, d, r)
			c := w.commit("releases/late/1.0.0.yaml", "late")
			mustAppend(w.t, w.log, merged(44, MergeVerified, c))
		}, LateDecision, 9},
		{"refused and merged", func(w *world) {
			mustAppend(w.t, w.log, decided(44, Refuse, "releases/late/1.0.0.yaml", w.hash("late")))
			w.commit("releases/late/1.0.0.yaml", "late")
		}, NoDecision, -1},
		{"a violation that the log records", func(w *world) {
			mustAppend(w.t, w.log, merged(45, MergeViolation, w.commit("CODEOWNERS", "* @mallory")))
		}, NoDecision, 8},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.tamper(w)
			res := w.verify()
			if res.OK {
				t.Fatal("nothing was found")
			}
			i := slices.IndexFunc(res.Violations, func(v Violation) bool { return v.Code == c.code })
			if i < 0 || c.seq >= 0 && i > 0 {
				t.Fatalf("want %s first, found %v", c.code, res.Violations)
			}
			got := int64(-1)
			if s := res.Violations[i].Seq; s != nil {
				got = *s
			}
			if got != c.seq {
				t.Errorf("event %d, want %d: %v", got, c.seq, res.Violations)
			}
		})
	}
}

func hexRoot(s string) string {
	var f frontier
	f.add(sha256.Sum256([]byte(s)))
	c := cursor{tree: f}
	return c.root()
}

// sign puts a checkpoint on the branch, signed by s and committed by nobody in particular.
func (w *world) sign(s *Signer, c Checkpoint) {
	w.t.Helper()
	data, sig, err := c.sign(s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(filepath.Join(w.audit, "checkpoint"), string(data))
	w.write(filepath.Join(w.audit, checkpointSig), string(sig))
	w.push(false)
}

// appendAs appends an event with the log's key but commits it as somebody else, or as nobody.
func (w *world) appendAs(committer, writer *Signer) {
	w.t.Helper()
	r := fileRemote(w.t, w.dir, committer)
	var store Store = r
	if committer == nil {
		r.signer = signerOf('o')
		store = unsignedStore{r, w}
	}
	mustAppend(w.t, Open(store, writer, Writer{}), opened(50))
}

// unsignedStore commits with git and no signature.
type unsignedStore struct {
	*GitRemote
	w *world
}

func (u unsignedStore) Commit(_ context.Context, _ string, files map[string][]byte, subject, body string) (string, error) {
	dir := u.w.audit
	for p, data := range files {
		u.w.write(filepath.Join(dir, p), string(data))
	}
	u.w.git(dir, "add", "-A")
	u.w.git(dir, "commit", "-q", "-m", subject, "-m", body)
	return u.w.pushAudit(), nil
}

func (w *world) remove(path string) { w.removeFrom(w.audit, path) }

func (w *world) removeFrom(dir, path string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(dir, path)); err != nil {
		w.t.Fatal(err)
	}
}

// retag replaces the release tag by one that s signed.
func (w *world) retag(s *Signer, change func(*ReleaseTag)) {
	w.t.Helper()
	if err := w.log.Load(w.t.Context(), ""); err != nil {
		w.t.Fatal(err)
	}
	git(w.t, w.dir, "tag", "-d", "lumos/fraud/2.3.0")
	tag := w.releaseTag(w.log.Decision(42))
	tag.Content.Checkpoint = Checkpoint{Origin: OriginOf(repo), Size: 6, Root: w.rootAt(6)}
	if change != nil {
		change(&tag)
	}
	if _, err := fileRemote(w.t, w.dir, s).PushTag(w.t.Context(), tag); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) rootAt(size int64) string {
	var c cursor
	err := List(w.t.Context(), w.dir, "", Filter{}, func(e *Event, line []byte) error {
		if e.Seq < size {
			c.take(line)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c.root()
}

func TestRebaseMergeIsOneLanding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "releases/fraud/2.4.0.yaml"
	mustAppend(t, w.log, decided(44, Approve, path, w.hash("final")))
	w.commit(path, "draft")
	m := merged(44, MergeVerified, w.commit(path, "final"))
	m.Merge.Method, m.Merge.Commits = "rebase", 2
	mustAppend(t, w.log, m)
	if res := w.verify(); !res.OK {
		t.Errorf("%v", res.Violations)
	}
}

// Where the host makes the commits their signatures are the host's affair; the checkpoint is not.
func TestHostSignsCommits(t *testing.T) {
	t.Parallel()
	dir, writer, host := bareRepo(t), signerOf('k'), signerOf('o')
	b := birth()
	b.Commits = SignedByHost
	if _, _, err := Init(t.Context(), fileRemote(t, dir, host), writer, b); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, Open(fileRemote(t, dir, host), writer, Writer{}), opened(1))
	res, err := Verify(t.Context(), dir, Options{})
	if err != nil || !res.OK || res.Events != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	if !slices.ContainsFunc(res.Notes, func(n string) bool { return strings.Contains(n, "no main branch") }) {
		t.Errorf("notes: %q", res.Notes)
	}
}

func TestCommitSignatures(t *testing.T) {
	t.Parallel()
	s := signerOf('k')
	tree := strings.Repeat("a", 40)
	raw, err := commitObject(s, tree, "", start, "Subject\n\nLumos-Seq: 0-4\n")
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCommit(raw)
	if err != nil || c.tree != tree || c.trailer("Lumos-Seq") != "0-4" || checkSignature(c.payload, c.sig, s.ssh.PublicKey()) != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if err := verifySSH(c.payload, c.sig, s.ssh.PublicKey(), CheckpointNamespace); signatureCode(err) != WrongNamespace {
		t.Errorf("another namespace: %v", err)
	}
	if err := checkSignature(c.payload, c.sig, signerOf('o').ssh.PublicKey()); signatureCode(err) != WrongKey {
		t.Errorf("another key: %v", err)
	}
	if err := checkSignature(append(c.payload, 'x'), c.sig, s.ssh.PublicKey()); !errors.Is(err, errSignature) {
		t.Errorf("other bytes: %v", err)
	}
	for _, header := range []string{"gpgsig", "gpgsig-sha256"} {
		twice := strings.Replace(string(raw), "gpgsig ", header+" x\ngpgsig ", 1)
		if _, err := parseCommit([]byte(twice)); !errors.Is(err, errSignatures) {
			t.Errorf("a second %s: %v", header, err)
		}
	}
}

func TestCannotVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(t, ".", "clone", "-q", "--depth", "1", "--no-single-branch", "file://"+w.dir, shallow)
	plain := t.TempDir()
	git(t, plain, "init", "-q")
	for name, c := range map[string]struct {
		dir string
		opt Options
	}{
		"shallow":       {shallow, Options{}},
		"no branch":     {plain, Options{}},
		"no repository": {filepath.Join(t.TempDir(), "none"), Options{}},
		"no main":       {w.dir, Options{MainBranch: "trunk"}},
	} {
		if _, err := Verify(t.Context(), c.dir, c.opt); !errors.Is(err, ErrCannotVerify) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The keys of genesis say who signs; git, ssh-keygen and a few lines of Python must agree.
func TestOtherToolsAgree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, ".", "clone", "-q", "-b", branch, w.dir, dir)
	signers := filepath.Join(dir, "allowed_signers")
	run := func(stdin string, name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	checkpoint, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	verify := []string{"-Y", "verify", "-f", "allowed_signers", "-I", "lumos", "-n", "checkpoint@lumos", "-s", "checkpoint.sig"}
	if out, err := run(string(checkpoint), "ssh-keygen", verify...); err != nil {
		t.Errorf("ssh-keygen: %v: %s", err, out)
	}
	if out, err := run(string(checkpoint)+"x", "ssh-keygen", verify...); err == nil {
		t.Errorf("ssh-keygen accepts other bytes: %s", out)
	}
	for _, c := range strings.Fields(git(t, dir, "rev-list", "HEAD")) {
		git(t, dir, "-c", "gpg.ssh.allowedSignersFile="+signers, "verify-commit", c)
	}
	git(t, dir, "-c", "gpg.ssh.allowedSignersFile="+signers, "verify-tag", "lumos/fraud/2.3.0")
	git(t, dir, "fsck", "--strict")

	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), w.pin) {
		t.Error("README.md does not name the pin")
	}
	_, script, _ := strings.Cut(string(readme), "```python\n")
	script, _, _ = strings.Cut(script, "```")
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: the README's script was not run")
	}
	if out, err := run(script, "python3", "-"); err != nil || !strings.Contains(out, "8 events verified") {
		t.Errorf("the README's script: %v: %s", err, out)
	}
	w.audit = dir
	w.lines(func(l []string) []string { l[2] = strings.Replace(l[2], "beth", "carl", 1); return l })
	if out, err := run(script, "python3", "-"); err == nil {
		t.Errorf("the README's script accepts an edited event: %s", out)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		f    Filter
		want int
	}{
		"all": {Filter{}, 8}, "pull request": {Filter{PR: 43}, 1}, "model": {Filter{Model: "fraud"}, 2}, "nothing": {Filter{Model: "x"}, 0},
	} {
		var text strings.Builder
		n := 0
		err := List(t.Context(), w.dir, "", c.f, func(e *Event, line []byte) error {
			n++
			if !json.Valid(line) {
				t.Errorf("%s: not JSON: %s", name, line)
			}
			return WriteText(&text, e)
		})
		if err != nil || n != c.want || strings.Count(text.String(), "\n") != n {
			t.Errorf("%s: %d events, want %d, %v\n%s", name, n, c.want, err, text.String())
		}
	}
}

func TestFrontierRoot(t *testing.T) {
	t.Parallel()
	// RFC 6962 test vectors of an empty tree and a tree of one empty leaf.
	var c cursor
	h := c.tree.root()
	if got := hex.EncodeToString(h[:]); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("empty: %s", got)
	}
	c.take(nil)
	h = c.tree.root()
	if got := hex.EncodeToString(h[:]); got != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" {
		t.Errorf("one leaf: %s", got)
	}
}
