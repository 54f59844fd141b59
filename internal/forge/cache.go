package forge

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// ObjectID is git's id of an object (blob, tree, commit), in hex: SHA-1, or SHA-256 where length is
// that of a SHA-256 id.
func ObjectID(kind string, data []byte, length int) string {
	h := sha1.New()
	if length == sha256.Size*2 {
		h = sha256.New()
	}
	fmt.Fprintf(h, "%s %d\x00", kind, len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// Cache keeps what never changes of a code host. Blobs and trees lie in memory, as far as they fit,
// and on disk for ever; each is kept only when its bytes give its id again, and is read back only
// then, so that a damaged file is as good as none. Lookups, which prove nothing, stay in memory.
//
// The folder may be deleted at any time, and shared by processes.
type Cache struct {
	Reader
	dir string

	flights singleflight.Group
	mu      sync.Mutex
	entries map[string]*list.Element // of *item
	recent  *list.List               // newest first
	size    int64
	max     int64
	broken  error
}

type item struct {
	key  string
	data []byte
}

// shared bounds a read that several callers wait for: it must outlive the first of them.
const shared = time.Minute

// Cached puts a cache before r. dir is made if it is not there; maxBytes bounds the memory.
func Cached(r Reader, dir string, maxBytes int64) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &Cache{Reader: r, dir: dir, entries: map[string]*list.Element{}, recent: list.New(), max: maxBytes}, nil
}

// Err is the newest error of the disk. Reads do not fail of it: they ask the host again.
func (c *Cache) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// Blob reads a blob by object id.
func (c *Cache) Blob(ctx context.Context, repo Repo, oid string, limit int64) ([]byte, error) {
	data, ok := c.object("blob", oid)
	if !ok {
		var err error
		data, err = c.fetch(ctx, fmt.Sprintf("blob:%s:%d", oid, limit), func(ctx context.Context) ([]byte, error) {
			data, err := c.Reader.Blob(ctx, repo, oid, limit)
			if err != nil {
				return nil, err
			}
			return data, c.prove("blob", oid, data)
		})
		if err != nil {
			return nil, err
		}
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("blob %s has %d bytes: %w", oid, len(data), ErrTooLarge)
	}
	return bytes.Clone(data), nil
}

// Tree reads the direct entries of a directory at a commit.
func (c *Cache) Tree(ctx context.Context, repo Repo, commit string, dir Entry) ([]Entry, error) {
	oid := dir.OID
	data, ok := c.object("tree", oid)
	if !ok {
		var err error
		data, err = c.fetch(ctx, "tree:"+oid, func(ctx context.Context) ([]byte, error) {
			entries, err := c.Reader.Tree(ctx, repo, commit, dir)
			if err != nil {
				return nil, err
			}
			data := treeObject(entries)
			return data, c.prove("tree", oid, data)
		})
		if err != nil {
			return nil, err
		}
	}
	return treeEntries(data, len(oid))
}

// Lookup finds paths at a commit; what is not there is absent from the answer.
func (c *Cache) Lookup(ctx context.Context, repo Repo, commit string, paths []string) (map[string]Entry, error) {
	out := map[string]Entry{}
	var missing []string
	for _, p := range paths {
		data, ok := c.recall("path:" + commit + ":" + p)
		if !ok {
			missing = append(missing, p)
			continue
		}
		if err := known(out, p, data); err != nil {
			return nil, err
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	found, err := c.Reader.Lookup(ctx, repo, commit, missing)
	if err != nil {
		return nil, err
	}
	for _, p := range missing {
		var data []byte // empty: nothing at that path
		if e, ok := found[p]; ok {
			out[p] = e
			if data, err = json.Marshal(e); err != nil {
				return nil, err
			}
		}
		c.remember("path:"+commit+":"+p, data)
	}
	return out, nil
}

func known(out map[string]Entry, path string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	out[path] = e
	return nil
}

// fetch runs read once for all who want the same at the same time. A caller that gives up leaves
// the others their answer.
func (c *Cache) fetch(ctx context.Context, key string, read func(context.Context) ([]byte, error)) ([]byte, error) {
	done := c.flights.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shared)
		defer cancel()
		return read(ctx)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		data, _ := r.Val.([]byte)
		return data, r.Err
	}
}

// object finds a blob or tree in memory, then on disk.
func (c *Cache) object(kind, oid string) ([]byte, bool) {
	if data, ok := c.recall(kind + ":" + oid); ok {
		return data, true
	}
	path := c.path(kind, oid)
	if path == "" {
		return nil, false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			c.fault(err)
		}
		return nil, false
	}
	if ObjectID(kind, data, len(oid)) != oid {
		c.fault(fmt.Errorf("%s is damaged: it is read again from the host", path))
		return nil, false
	}
	c.remember(kind+":"+oid, data)
	return data, true
}

// prove keeps an object whose bytes give its id, and refuses any other.
func (c *Cache) prove(kind, oid string, data []byte) error {
	if got := ObjectID(kind, data, len(oid)); got != oid {
		return fmt.Errorf("%s %s: what the host gave is %s", kind, oid, got)
	}
	c.remember(kind+":"+oid, data)
	if path := c.path(kind, oid); path != "" {
		if err := writeWhole(path, data); err != nil {
			c.fault(err)
		}
	}
	return nil
}

var plainOID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// path is where an object lies: dir/blob/ab/cdef…; empty for what is no object id.
func (c *Cache) path(kind, oid string) string {
	if !plainOID.MatchString(oid) {
		return ""
	}
	return filepath.Join(c.dir, kind, oid[:2], oid[2:])
}

func (c *Cache) fault(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = fmt.Errorf("cache: %w", err)
}

func (c *Cache) recall(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*item).data, true
}

// remember keeps data in memory and drops what was not used for longest.
func (c *Cache) remember(key string, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key] != nil || cost(key, data) > c.max {
		return
	}
	c.entries[key] = c.recent.PushFront(&item{key: key, data: data})
	for c.size += cost(key, data); c.size > c.max; {
		e := c.recent.Back()
		old := c.recent.Remove(e).(*item)
		delete(c.entries, old.key)
		c.size -= cost(old.key, old.data)
	}
}

// cost counts an item's bytes, and about what keeping it takes besides.
func cost(key string, data []byte) int64 { return int64(len(key)+len(data)) + 256 }

// writeWhole writes a file that is there whole or not at all.
func writeWhole(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = cmp.Or(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// treeObject writes entries as git stores a tree: mode, name and raw id, in git's order, in which a
// directory sorts as if its name ended in a slash.
func treeObject(entries []Entry) []byte {
	sorted := slices.Clone(entries)
	name := func(e Entry) string {
		if e.IsTree() {
			return e.Path + "/"
		}
		return e.Path
	}
	slices.SortFunc(sorted, func(a, b Entry) int { return strings.Compare(name(a), name(b)) })
	var b bytes.Buffer
	for _, e := range sorted {
		id, err := hex.DecodeString(e.OID)
		if err != nil {
			continue // then the tree's id does not come out right
		}
		fmt.Fprintf(&b, "%s %s\x00%s", strings.TrimLeft(e.Mode, "0"), e.Path, id)
	}
	return b.Bytes()
}

// treeEntries reads what treeObject wrote; length is that of the ids in hex.
func treeEntries(data []byte, length int) ([]Entry, error) {
	out := []Entry{}
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < length/2 {
			return nil, errors.New("cache: a tree that is cut short")
		}
		out = append(out, Entry{Path: name, Mode: strings.Repeat("0", max(0, 6-len(mode))) + mode, OID: hex.EncodeToString(rest[:length/2])})
		data = rest[length/2:]
	}
	return out, nil
}
