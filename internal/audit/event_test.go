package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

func sample(t testing.TB) []byte {
	t.Helper()
	e := decided(1, Approve, "releases/a/1.yaml", "b")
	e.V, e.Prev, e.ID, e.Idem = SchemaVersion, "sha256:x", "id", "idem"
	line, err := e.encode()
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestParseLine(t *testing.T) {
	t.Parallel()
	line := string(sample(t))
	if _, err := ParseLine([]byte(line)); err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		"empty":            "",
		"not JSON":         "{",
		"a blank":          strings.Replace(line, ":", ": ", 1),
		"two values":       line + line,
		"repeated key":     strings.Replace(line, `"pr":1`, `"pr":2,"pr":1`, 1),
		"key of one case":  strings.Replace(line, `"pr":1`, `"PR":1`, 1),
		"unknown key":      strings.Replace(line, `"pr":1`, `"pq":1,"pr":1`, 1),
		"order":            `{"v":1,"seq":0}`,
		"escaped letter":   strings.Replace(line, `"approve"`, `"\u0061pprove"`, 1),
		"number format":    strings.Replace(line, `87.4`, `87.40`, 1),
		"explicit default": strings.Replace(line, `"pr":1`, `"pr":1,"reason":""`, 1),
		"nested":           strings.Repeat("[", 100000),
		"long":             `"` + strings.Repeat("x", maxLine) + `"`,
		"newline":          line + "\n",
		"not UTF-8":        strings.Replace(line, "beth", "b\xffth", 1),
	}
	for name, l := range bad {
		if _, err := ParseLine([]byte(l)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := ParseLine([]byte(strings.Replace(line, `"v":1`, `"v":2`, 1))); !errors.Is(err, ErrSchema) {
		t.Errorf("a newer schema: %v", err)
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`{"evaluations":[{"score":1e3}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := ParseLine(line)
		if err != nil {
			return
		}
		again, err := e.encode()
		if err != nil || !bytes.Equal(again, line) {
			t.Fatalf("accepted %q, writes %q, %v", line, again, err)
		}
	})
}

func TestNothingPersonalIsRecorded(t *testing.T) {
	t.Parallel()
	signer, store := signerOf('k'), &memStore{}
	mustInit(t, store, signer)
	e := decided(1, Approve, "releases/a/1.yaml", "b")
	e.Reason = "ok by <beth.anglin@example.com>\n, see @acme/model-risk \u202e" + strings.Repeat("é", maxReason)
	e.Actor = &Actor{Kind: "itsm", System: "acme.service-now.com", ID: "62826bf0", Login: "beth@example.com"}
	e.Votes[0].By.Login = "Beth Anglin"
	got := mustAppend(t, Open(store, signer, Writer{}), e)[0]
	if got.Actor.Login != "" || got.Votes[0].By.Login != "" || strings.Contains(got.Reason, "example.com") {
		t.Errorf("%+v", got)
	}
	if len(got.Reason) > maxReason || !strings.HasPrefix(got.Reason, "ok by <[e-mail removed]> , see @acme/model-risk é") || !strings.HasSuffix(got.Reason, "é…") {
		t.Errorf("%d bytes: %s", len(got.Reason), got.Reason)
	}
	if e.Actor.Login == "" || e.Votes[0].By.Login == "" {
		t.Error("the caller's event was changed")
	}
}

func TestManifests(t *testing.T) {
	t.Parallel()
	governed := func(p string) bool { return strings.HasPrefix(p, "releases/") }
	got := Manifests([]forge.File{
		{Path: "releases/a/1.yaml", Status: forge.Added, Blob: "1"},
		{Path: "releases/a/2.yaml", Status: forge.Removed, Blob: "2"},
		{Path: "releases/a/3.yaml", Previous: "releases/a/0.yaml", Status: forge.Renamed, Blob: "3"},
		{Path: "attic/4.yaml", Previous: "releases/a/4.yaml", Status: forge.Renamed, Blob: "4"},
		{Path: "releases/a/5.yaml", Previous: "releases/a/1.yaml", Status: forge.Copied, Blob: "5"},
		{Path: "README.md", Status: forge.Modified, Blob: "6"},
	}, governed)
	want := []Manifest{
		{Path: "releases/a/1.yaml", Blob: "1"}, {Path: "releases/a/2.yaml"}, {Path: "releases/a/0.yaml"},
		{Path: "releases/a/3.yaml", Blob: "3"}, {Path: "releases/a/4.yaml"}, {Path: "releases/a/5.yaml", Blob: "5"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestReleasePageIsInert(t *testing.T) {
	t.Parallel()
	d := decided(1, Approve, "releases/a/<img src=x>|`.yaml", "b")
	d.Votes[0].By.Login = "`|<script>\n# Approved"
	tag := Event{Repo: repo, PR: 1, Tag: &Tag{Name: "lumos/fraud/2.3.0"}}
	path, page := releasePage(&tag, &d)
	if path != "releases/fraud/2.3.0.md" || bytes.ContainsAny(page, "<>") || bytes.Contains(page, []byte("\n# Approved")) {
		t.Errorf("%s:\n%s", path, page)
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	first, created, err := LoadOrCreateKey(path)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, created, err := LoadOrCreateKey(path)
	if err != nil || created || again.PublicKey() != first.PublicKey() {
		t.Errorf("read back: created %v, %v", created, err)
	}
	a, err := first.NoteKey("o")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := again.NoteKey("o"); err != nil || a != b || strings.Contains(a, strings.Fields(first.PublicKey())[1]) {
		t.Errorf("note keys %s and %s, %v", a, b, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v", first, first, first)} {
		if !strings.Contains(s, "SHA256:") || len(s) > 200 {
			t.Errorf("printing a signer shows %s", s)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadOrCreateKey(path); err == nil {
		t.Error("a key that others may read was accepted")
	}
	for name, pem := range map[string]string{"empty": "", "text": "hunter2", "cut": string(data[:100])} {
		if _, err := NewSigner([]byte(pem)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInitAgain(t *testing.T) {
	t.Parallel()
	signer, store := signerOf('k'), &memStore{}
	pin := mustInit(t, store, signer)
	again, created, err := Init(t.Context(), store, signer, birth())
	if err != nil || created || again != pin {
		t.Errorf("%s, created %v, %v; want %s", again, created, err, pin)
	}
	if _, _, err := Init(t.Context(), store, signerOf('o'), birth()); !errors.Is(err, ErrNotOurs) {
		t.Errorf("another key: %v", err)
	}
	b := birth()
	b.Repo.Name = "a b/c"
	if _, _, err := Init(t.Context(), &memStore{}, signer, b); err == nil {
		t.Error("a repository name with a blank was accepted")
	}
}
