package forge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	helloID = "ce013625030ba8dba906f756967f9e9ca394464a" // printf 'hello\n' | git hash-object --stdin
	treeID  = "285b415a87d6159c97dd604a8635917a7d779102" // git write-tree of these entries
)

var (
	repoA       = Repo{Owner: "acme", Name: "models"}
	treeContent = []Entry{
		{Path: "a.yaml", Mode: "100644", OID: helloID},
		{Path: "a", Mode: "040000", OID: "e31a96220fbfbe7601ecc086a36b96dc27a8867e"},
		{Path: "link", Mode: "120000", OID: "d0629c48e74118bb6d89fc1ab6dffb17f2b85453"},
	}
)

// store is a code host of objects that counts what it is asked; every other method is nil.
type store struct {
	Reader
	mu      sync.Mutex
	asked   []string
	blobs   map[string]string
	trees   map[string][]Entry
	entries map[string]Entry
	block   chan struct{}
	err     error
}

func (s *store) note(what string) error {
	s.mu.Lock()
	s.asked = append(s.asked, what)
	err := s.err
	s.mu.Unlock()
	if s.block != nil {
		<-s.block
	}
	return err
}

func (s *store) Blob(_ context.Context, _ Repo, oid string, limit int64) ([]byte, error) {
	if err := s.note("blob " + oid[:4]); err != nil {
		return nil, err
	}
	data, ok := s.blobs[oid]
	if !ok {
		return nil, ErrNotFound
	}
	if int64(len(data)) > limit {
		return nil, ErrTooLarge
	}
	return []byte(data), nil
}

func (s *store) Tree(_ context.Context, _ Repo, _ string, dir Entry) ([]Entry, error) {
	oid := dir.OID
	if err := s.note("tree " + oid[:4]); err != nil {
		return nil, err
	}
	return s.trees[oid], nil
}

func (s *store) Lookup(_ context.Context, _ Repo, commit string, paths []string) (map[string]Entry, error) {
	if err := s.note("lookup " + strings.Join(paths, ",")); err != nil {
		return nil, err
	}
	out := map[string]Entry{}
	for _, p := range paths {
		if e, ok := s.entries[p]; ok {
			out[p] = e
		}
	}
	return out, nil
}

func cached(t *testing.T, s *store, dir string, maxBytes int64) *Cache {
	t.Helper()
	c, err := Cached(s, dir, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestObjectID(t *testing.T) {
	t.Parallel()
	if got := ObjectID("blob", []byte("hello\n"), 40); got != helloID {
		t.Errorf("SHA-1: %s", got)
	}
	if got := ObjectID("blob", []byte("hello\n"), 64); got != "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4" {
		t.Errorf("SHA-256: %s", got)
	}
	shuffled := []Entry{treeContent[2], treeContent[1], treeContent[0]}
	data := treeObject(shuffled)
	if got := ObjectID("tree", data, 40); got != treeID {
		t.Errorf("tree: %s", got)
	}
	got, err := treeEntries(data, 40)
	if diff := cmp.Diff(treeContent, got); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	for n := 1; n < len(data); n++ {
		if _, err := treeEntries(data[:n], 40); err == nil && n != 34 && n != 62 {
			t.Errorf("a tree cut at %d was read", n)
		}
	}
}

// TestCacheAsksOnce: in memory, from disk, and by another process with the same folder.
func TestCacheAsksOnce(t *testing.T) {
	t.Parallel()
	s := &store{
		blobs: map[string]string{helloID: "hello\n"}, trees: map[string][]Entry{treeID: treeContent},
		entries: map[string]Entry{"a.yaml": treeContent[0]},
	}
	dir := t.TempDir()
	read := func(c *Cache) {
		t.Helper()
		ctx := t.Context()
		data, err := c.Blob(ctx, repoA, helloID, 100)
		if err != nil || string(data) != "hello\n" {
			t.Fatalf("blob %q, %v", data, err)
		}
		data[0] = 'X' // the caller's copy
		tree, err := c.Tree(ctx, repoA, "", Entry{OID: treeID})
		if diff := cmp.Diff(treeContent, tree); err != nil || diff != "" {
			t.Fatalf("tree: %v\n%s", err, diff)
		}
		found, err := c.Lookup(ctx, repoA, treeID, []string{"a.yaml", "absent"})
		if diff := cmp.Diff(s.entries, found); err != nil || diff != "" {
			t.Fatalf("lookup: %v\n%s", err, diff)
		}
	}
	first := cached(t, s, dir, 1<<20)
	read(first)
	read(first)
	if diff := cmp.Diff([]string{"blob ce01", "tree 285b", "lookup a.yaml,absent"}, s.asked); diff != "" {
		t.Errorf("asked:\n%s", diff)
	}
	if _, err := first.Lookup(t.Context(), repoA, treeID, []string{"absent", "new"}); err != nil || s.asked[3] != "lookup new" {
		t.Errorf("asked %q, error %v", s.asked, err)
	}

	s.asked = nil
	second := cached(t, s, dir, 0) // no memory at all
	read(second)
	read(second)
	if diff := cmp.Diff([]string{"lookup a.yaml,absent", "lookup a.yaml,absent"}, s.asked); diff != "" {
		t.Errorf("asked after a restart:\n%s", diff)
	}
	if err := errors.Join(first.Err(), second.Err()); err != nil {
		t.Error(err)
	}
}

func TestCacheDamaged(t *testing.T) {
	t.Parallel()
	s := &store{blobs: map[string]string{helloID: "hello\n"}, trees: map[string][]Entry{treeID: treeContent}}
	dir := t.TempDir()
	read := func() *Cache {
		t.Helper()
		c := cached(t, s, dir, 1<<20)
		data, err := c.Blob(t.Context(), repoA, helloID, 100)
		if err != nil || string(data) != "hello\n" {
			t.Fatalf("blob %q, %v", data, err)
		}
		if tree, err := c.Tree(t.Context(), repoA, "", Entry{OID: treeID}); err != nil || len(tree) != 3 {
			t.Fatalf("tree %v, %v", tree, err)
		}
		return c
	}
	read()
	damaged := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		damaged++
		return os.WriteFile(path, []byte("hellO\n"), 0o600)
	})
	if err != nil || damaged != 2 {
		t.Fatalf("damaged %d files: %v", damaged, err)
	}
	s.asked = nil
	if c := read(); c.Err() == nil || !strings.Contains(c.Err().Error(), "damaged") {
		t.Errorf("error %v", c.Err())
	}
	if len(s.asked) != 2 {
		t.Errorf("asked %q", s.asked)
	}
	s.asked = nil
	if c := read(); c.Err() != nil || len(s.asked) != 0 {
		t.Errorf("not mended: asked %q, error %v", s.asked, c.Err())
	}
}

// TestCacheKeepsNothingUnproved: wrong bytes are passed on to be refused, never kept on disk.
func TestCacheKeepsNothingUnproved(t *testing.T) {
	t.Parallel()
	s := &store{blobs: map[string]string{helloID: "evil"}, trees: map[string][]Entry{treeID: treeContent[:2]}}
	dir := t.TempDir()
	c := cached(t, s, dir, 0)
	if _, err := c.Blob(t.Context(), repoA, helloID, 100); err == nil {
		t.Error("other bytes than the id names were taken for the blob")
	}
	if _, err := c.Tree(t.Context(), repoA, "", Entry{OID: treeID}); err == nil {
		t.Error("other entries than the id names were taken for the tree")
	}
	if _, err := c.Blob(t.Context(), repoA, "../../../etc/passwd", 100); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("kept %v, %v", files, err)
	}
}

func TestCacheErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	s := &store{blobs: map[string]string{helloID: "hello\n"}, err: &RateLimited{}}
	c := cached(t, s, t.TempDir(), 1<<20)
	var limited *RateLimited
	if _, err := c.Blob(t.Context(), repoA, helloID, 100); !errors.As(err, &limited) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Tree(t.Context(), repoA, "", Entry{OID: treeID}); !errors.As(err, &limited) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Lookup(t.Context(), repoA, treeID, []string{"a"}); !errors.As(err, &limited) {
		t.Errorf("error %v", err)
	}
	s.err = nil
	for _, limit := range []int64{5, 6, 5} { // the limit is the caller's, also on what is kept
		if _, err := c.Blob(t.Context(), repoA, helloID, limit); (err != nil) != (limit < 6) || err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("limit %d: error %v", limit, err)
		}
	}
}

func TestCacheBounded(t *testing.T) {
	t.Parallel()
	s := &store{blobs: map[string]string{}}
	c := cached(t, s, t.TempDir(), 3*cost("blob:"+helloID, make([]byte, 100)))
	var ids []string
	for i := range 5 {
		data := fmt.Sprintf("%0100d", i)
		id := ObjectID("blob", []byte(data), 40)
		s.blobs[id], ids = data, append(ids, id)
		if _, err := c.Blob(t.Context(), repoA, id, 100); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Blob(t.Context(), repoA, ids[0], 100); err != nil { // used again and again: it stays
			t.Fatal(err)
		}
	}
	var kept []bool
	for _, id := range ids {
		kept = append(kept, c.entries["blob:"+id] != nil)
	}
	if diff := cmp.Diff([]bool{true, false, false, true, true}, kept); diff != "" || c.size > c.max || c.recent.Len() != 3 {
		t.Errorf("size %d of %d\n%s", c.size, c.max, diff)
	}
}

// TestCacheTogether: many who want the same blob at the same time ask once, and one who gives up
// leaves the others their answer.
func TestCacheTogether(t *testing.T) {
	t.Parallel()
	s := &store{blobs: map[string]string{helloID: "hello\n"}, block: make(chan struct{})}
	c := cached(t, s, t.TempDir(), 1<<20)
	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := c.Blob(impatient, repoA, helloID, 100)
		gaveUp <- err
	}()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = c.Blob(t.Context(), repoA, helloID, 100) })
	}
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("gave up with %v", err)
	}
	close(s.block)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if len(s.asked) == 0 || len(s.asked) > 2 {
		t.Errorf("asked %q", s.asked)
	}
}

func TestCacheDiskRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &store{blobs: map[string]string{helloID: "hello\n"}}
	c := cached(t, s, dir, 0)
	if err := os.WriteFile(filepath.Join(dir, "blob"), nil, 0o600); err != nil { // where the folder should be
		t.Fatal(err)
	}
	if data, err := c.Blob(t.Context(), repoA, helloID, 100); err != nil || string(data) != "hello\n" {
		t.Errorf("%q, %v", data, err)
	}
	if c.Err() == nil {
		t.Error("nobody is told of the disk")
	}
}
