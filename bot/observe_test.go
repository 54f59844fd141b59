package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lumos-governance/lumos/internal/forge"
)

// hostOf answers from maps and counts what it is asked. It stands for a host in states that the
// sandbox cannot be brought into, such as a push between two reads.
type hostOf struct {
	forge.Reader
	mu     sync.Mutex
	talk   func(n int) (*forge.Conversation, error) // the n-th look, from 1
	files  []forge.File
	head   string
	blobs  map[string]string
	trees  map[string][]forge.Entry
	pushes error
	looks  int
	asked  []string
	wants  []forge.Want
}

func (h *hostOf) note(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, what)
}

func (h *hostOf) Conversation(_ context.Context, ref forge.Ref, want forge.Want) (*forge.Conversation, error) {
	h.note("conversation")
	h.mu.Lock()
	h.looks++
	n := h.looks
	h.wants = append(h.wants, want)
	h.mu.Unlock()
	return h.talk(n)
}

func (h *hostOf) Changes(context.Context, forge.Ref) (*forge.Changes, error) {
	h.note("changes")
	return &forge.Changes{HeadSHA: h.head, Files: h.files}, nil
}

func (h *hostOf) Pushes(context.Context, forge.Branch, forge.Repo) ([]forge.Push, error) {
	h.note("pushes")
	return []forge.Push{{Actor: forge.Account{ID: 1, Kind: forge.User}, After: h.head}}, h.pushes
}

func (h *hostOf) Blob(_ context.Context, _ forge.Repo, oid string, max int64) ([]byte, error) {
	h.note("blob " + oid)
	data, ok := h.blobs[oid]
	switch {
	case !ok:
		return nil, fmt.Errorf("blob %s: %w", oid, forge.ErrNotFound)
	case int64(len(data)) > max:
		return nil, fmt.Errorf("blob %s: %w", oid, forge.ErrTooLarge)
	}
	return []byte(data), nil
}

func (h *hostOf) Tree(_ context.Context, _ forge.Repo, _ string, dir forge.Entry) ([]forge.Entry, error) {
	oid := dir.OID
	h.note("tree " + oid)
	return h.trees[oid], nil
}

func (h *hostOf) Lookup(_ context.Context, _ forge.Repo, commit string, paths []string) (map[string]forge.Entry, error) {
	h.note("lookup " + strings.Join(paths, " "))
	return nil, nil
}

func conversation(head string, base ...forge.Entry) *forge.Conversation {
	return &forge.Conversation{
		PullRequest: forge.PullRequest{State: forge.Open, Head: forge.Branch{Ref: "topic", SHA: head}, Base: forge.Branch{Ref: "main", SHA: "base"}},
		BaseFiles:   base,
	}
}

var ref7 = forge.Ref{Repo: forge.Repo{Host: "h", Owner: "acme", Name: "models"}, Number: 7}

func TestObserveReadsTrustAtTheBase(t *testing.T) {
	t.Parallel()
	h := &hostOf{
		head: "h1",
		files: []forge.File{
			{Path: ".lumos/config.yaml", Status: forge.Modified, Blob: "evil"},
			{Path: "releases/m/2.yaml", Status: forge.Added, Blob: "m2"},
		},
		blobs: map[string]string{
			"good": "apiVersion: lumos/v1\nkind: Config\napproval:\n  low: {all: [{team: acme/risk, count: 2}]}\n",
			"evil": "apiVersion: lumos/v1\nkind: Config\n",
			"own":  "* @acme/owners\n", "own2": "* @ana\n", "m2": "not a manifest", "w": "kind: Waiver",
		},
		trees: map[string][]forge.Entry{"tm": {{Path: "1.yaml", Mode: "100644", OID: "m1"}}},
	}
	h.talk = func(int) (*forge.Conversation, error) {
		return conversation("h1",
			forge.Entry{Path: ".lumos/config.yaml", Mode: "100644", OID: "good"},
			forge.Entry{Path: ".lumos/waivers/x.yaml", Mode: "100644", OID: "w"},
			forge.Entry{Path: ".lumos/link.yaml", Mode: "120000", OID: "link"},
			forge.Entry{Path: "CODEOWNERS", Mode: "100644", OID: "own2"},
			forge.Entry{Path: ".github/CODEOWNERS", Mode: "100644", OID: "own"},
			forge.Entry{Path: "releases/m", Mode: "040000", OID: "tm"},
		), nil
	}
	o := NewObserver(h)
	s, err := o.Observe(t.Context(), ref7, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.Config.OID != "good" || s.Codeowners.Path != ".github/CODEOWNERS" {
		t.Errorf("config %s, codeowners %s: want those of the base, the first place first", s.Config.OID, s.Codeowners.Path)
	}
	if len(s.Lumos) != 1 || s.Lumos[0].Path != ".lumos/waivers/x.yaml" {
		t.Errorf("under .lumos: %v, want the waiver and no symlink", s.Lumos)
	}
	if len(s.Manifests) != 1 || string(s.Manifests[0].Data) != "not a manifest" {
		t.Errorf("manifests: %v", s.Manifests)
	}
	if got := h.wants[len(h.wants)-1].Teams; !slices.Equal(got, []string{"acme/owners", "acme/risk"}) {
		t.Errorf("asked for teams %v, want those of CODEOWNERS and of the rules", got)
	}

	h.asked = nil
	if _, err := o.Observe(t.Context(), ref7, "h1"); err != nil {
		t.Fatal(err)
	}
	// The cache is another room's: here only the reads that are never immutable count.
	live := slices.DeleteFunc(slices.Clone(h.asked), func(s string) bool { return strings.HasPrefix(s, "blob") || strings.HasPrefix(s, "tree") })
	if !slices.Equal(live, []string{"conversation"}) {
		t.Errorf("a second look asked for %v, want the conversation alone", live)
	}
}

func TestObserveNeverMixesTwoHeads(t *testing.T) {
	t.Parallel()
	h := &hostOf{head: "h2", files: []forge.File{{Path: "a", Status: forge.Added, Blob: "a"}}, blobs: map[string]string{"a": "a"}}
	h.talk = func(n int) (*forge.Conversation, error) {
		if n == 1 { // the push comes between the conversation and the diff
			return conversation("h1"), nil
		}
		return conversation("h2"), nil
	}
	s, err := NewObserver(h).Observe(t.Context(), ref7, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.PullRequest.Head.SHA != "h2" || h.looks < 2 {
		t.Errorf("head %s after %d looks", s.PullRequest.Head.SHA, h.looks)
	}

	h = &hostOf{head: "elsewhere"}
	h.talk = func(n int) (*forge.Conversation, error) { return conversation(fmt.Sprint("h", n)), nil }
	if _, err := NewObserver(h).Observe(t.Context(), ref7, ""); !errors.Is(err, errMoved) {
		t.Errorf("a head that never rests: %v", err)
	}
}

func TestObserveKeepsWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	h := &hostOf{
		head:   "h1",
		files:  []forge.File{{Path: "releases/m/1.yaml", Status: forge.Added, Blob: "gone"}},
		pushes: fmt.Errorf("activity: %w", forge.ErrForbidden),
	}
	h.talk = func(int) (*forge.Conversation, error) { return conversation("h1"), nil }
	s, err := NewObserver(h).Observe(t.Context(), ref7, "h1")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Manifests) != 1 || s.Manifests[0].Err == "" {
		t.Errorf("manifests %v: want one that says why it is not there", s.Manifests)
	}
	if len(s.Truncated) != 1 {
		t.Errorf("truncated %v: want that nobody knows who pushed", s.Truncated)
	}

	h.pushes = errors.New("connection refused")
	if _, err := NewObserver(h).Observe(t.Context(), ref7, "h1"); err == nil {
		t.Error("a host that cannot be reached is no fact")
	}
}
