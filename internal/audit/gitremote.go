package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/file"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"
)

const (
	gitTimeout = 2 * time.Minute // of one request, when the caller gives no client
	maxPack    = 1 << 30         // bytes of a pack that a fetch may bring
	oidSize    = 20              // go-git v5 speaks SHA-1 repositories alone
)

// GitAuth gives the user and password of a request; tokens expire, so it is asked each time.
type GitAuth func(ctx context.Context) (user, password string, err error)

// GitRemote is a Store that speaks git itself: it fetches the tip of the branch alone and pushes
// commits signed by the log's key. The push names the commit that it replaces, which the server
// compares under its lock; nothing is ever forced. Nothing touches the disk.
type GitRemote struct {
	endpoint *transport.Endpoint
	name     string // of the remote, for errors
	client   transport.Transport
	auth     GitAuth
	signer   *Signer
	ref      plumbing.ReferenceName

	mu      sync.Mutex
	objects *memory.Storage // commit and trees of the branch at tip, and the blobs of the last fetch
	tip     plumbing.Hash
}

// NewGitRemote makes a store on the branch of the repository at an http, https or file URL, which
// must carry no password: auth, when it is not nil, gives one. A nil client has a timeout of its own.
func NewGitRemote(remote, branch string, signer *Signer, auth GitAuth, client *http.Client) (*GitRemote, error) {
	u, err := url.Parse(remote)
	if err != nil || u.User != nil {
		return nil, errors.New("audit: the git remote must be a URL without user and password")
	}
	r := &GitRemote{name: u.String(), auth: auth, signer: signer, ref: plumbing.NewBranchReferenceName(branch), objects: memory.NewStorage()}
	switch u.Scheme {
	case "http", "https":
		if client == nil {
			client = &http.Client{Timeout: gitTimeout}
		}
		r.client = githttp.NewClient(client)
	case "file":
		r.client = file.DefaultClient
	default:
		return nil, fmt.Errorf("audit: git remote %s: expected http, https or file", r.name)
	}
	if r.endpoint, err = transport.NewEndpoint(remote); err != nil {
		return nil, fmt.Errorf("audit: git remote %s: %w", r.name, err)
	}
	return r, nil
}

func (r *GitRemote) credentials(ctx context.Context) (transport.AuthMethod, error) {
	if r.auth == nil {
		return nil, nil
	}
	user, password, err := r.auth(ctx)
	if err != nil {
		return nil, fmt.Errorf("git remote %s: credentials: %w", r.name, err)
	}
	return &githttp.BasicAuth{Username: user, Password: password}, nil
}

// fetchSession opens a reading session. The references are nil for an empty repository.
func (r *GitRemote) fetchSession(ctx context.Context) (transport.UploadPackSession, *packp.AdvRefs, error) {
	auth, err := r.credentials(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := r.client.NewUploadPackSession(r.endpoint, auth)
	if err != nil {
		return nil, nil, r.wrap("read", err)
	}
	refs, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		err = errors.Join(err, closeQuietly(s))
		if errors.Is(err, transport.ErrEmptyRemoteRepository) {
			return nil, nil, nil
		}
		return nil, nil, r.wrap("read", err)
	}
	return s, refs, nil
}

// closeQuietly closes a session that is being given up; a broken pipe to the other side is no news.
func closeQuietly(c io.Closer) error {
	if err := c.Close(); err != nil && !strings.Contains(err.Error(), "exit status") && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

func (r *GitRemote) wrap(what string, err error) error {
	return fmt.Errorf("git remote %s: %s: %w", r.name, what, err)
}

// Tip implements Store.
func (r *GitRemote) Tip(ctx context.Context) (string, error) {
	s, refs, err := r.fetchSession(ctx)
	if err != nil || refs == nil {
		return "", err
	}
	if err := closeQuietly(s); err != nil {
		return "", r.wrap("read", err)
	}
	if h, ok := refs.References[r.ref.String()]; ok {
		return h.String(), nil
	}
	return "", nil
}

// Read implements Store. A tip that the branch has left behind is ErrMoved.
func (r *GitRemote) Read(ctx context.Context, tip string, paths []string) (map[string][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string][]byte{}
	for _, p := range paths {
		data, ok, err := r.find(tip, p)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			if err = r.fetch(ctx, plumbing.NewHash(tip)); err == nil {
				data, ok, err = r.find(tip, p)
			}
		}
		if err != nil {
			return nil, err
		}
		if ok {
			out[p] = data
		}
	}
	return out, nil
}

// find reads a file from the objects at hand.
func (r *GitRemote) find(tip, path string) (data []byte, ok bool, err error) {
	id, err := r.rootTree(plumbing.NewHash(tip))
	if err != nil {
		return nil, false, err
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		entries, err := r.tree(id)
		if err != nil {
			return nil, false, err
		}
		id = ""
		for _, e := range entries {
			if e.name == part && (e.mode == modeTree) == (i < len(parts)-1) {
				id = e.oid
			}
		}
		if id == "" {
			return nil, false, nil
		}
	}
	data, err = r.object(plumbing.BlobObject, plumbing.NewHash(id))
	return data, err == nil, err
}

func (r *GitRemote) object(typ plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	return readObject(r.objects, typ, h)
}

func readObject(s storer.EncodedObjectStorer, typ plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	o, err := s.EncodedObject(typ, h)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", typ, h, err)
	}
	rd, err := o.Reader()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(rd)
	return data, errors.Join(err, rd.Close())
}

func (r *GitRemote) rootTree(commit plumbing.Hash) (string, error) {
	raw, err := r.object(plumbing.CommitObject, commit)
	if err != nil {
		return "", err
	}
	c, err := parseCommit(raw)
	if err != nil {
		return "", fmt.Errorf("commit %s: %w", commit, err)
	}
	return c.tree, nil
}

func (r *GitRemote) tree(id string) ([]treeEntry, error) {
	raw, err := r.object(plumbing.TreeObject, plumbing.NewHash(id))
	if err != nil {
		return nil, err
	}
	return parseTree(raw, oidSize)
}

// fetch brings the objects of the branch at tip: what is new since the last one, or all of that
// one commit when nothing, or too little, is at hand.
func (r *GitRemote) fetch(ctx context.Context, tip plumbing.Hash) error {
	s, refs, err := r.fetchSession(ctx)
	if err != nil {
		return err
	}
	if refs == nil {
		return ErrMoved
	}
	now := refs.References[r.ref.String()]
	if now.IsZero() || now == r.tip && now != tip {
		return errors.Join(ErrMoved, closeQuietly(s))
	}
	req := packp.NewUploadPackRequest()
	req.Wants = []plumbing.Hash{now} // servers give the tip alone; an older one comes with what is new
	objects := memory.NewStorage()
	if r.tip.IsZero() || r.tip == now {
		req.Depth = packp.DepthCommits(1)
	} else {
		req.Haves, req.Shallows = []plumbing.Hash{r.tip}, []plumbing.Hash{r.tip}
		objects = r.objects
	}
	if err := r.uploadPack(ctx, s, refs, req, objects); err != nil {
		return err
	}
	r.objects, r.tip = objects, now
	if _, err := r.objects.EncodedObject(plumbing.CommitObject, tip); err != nil {
		return ErrMoved
	}
	return nil
}

// uploadPack sends req and stores what comes back.
func (r *GitRemote) uploadPack(ctx context.Context, s transport.UploadPackSession, refs *packp.AdvRefs, req *packp.UploadPackRequest, into storer.Storer) (err error) {
	defer func() {
		if cerr := closeQuietly(s); err == nil && cerr != nil {
			err = r.wrap("fetch", cerr)
		}
	}()
	for _, c := range []capability.Capability{capability.OFSDelta, capability.Sideband64k, capability.Shallow} {
		if refs.Capabilities.Supports(c) {
			if err := req.Capabilities.Set(c); err != nil {
				return r.wrap("fetch", err)
			}
		}
	}
	resp, err := s.UploadPack(ctx, req)
	if err != nil {
		return r.wrap("fetch", err)
	}
	var pack io.Reader = resp
	if req.Capabilities.Supports(capability.Sideband64k) {
		pack = sideband.NewDemuxer(sideband.Sideband64k, resp)
	}
	err = packfile.UpdateObjectStorage(into, io.LimitReader(pack, maxPack))
	if errors.Is(err, packfile.ErrEmptyPackfile) {
		err = nil
	}
	if err = errors.Join(err, resp.Close()); err != nil {
		return r.wrap("fetch", err)
	}
	return nil
}

// Commit implements Store.
func (r *GitRemote) Commit(ctx context.Context, tip string, files map[string][]byte, subject, body string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var old plumbing.Hash
	var base string
	if tip != "" {
		old = plumbing.NewHash(tip)
		var err error
		if base, err = r.rootTree(old); errors.Is(err, plumbing.ErrObjectNotFound) {
			if err = r.fetch(ctx, old); err == nil {
				base, err = r.rootTree(old)
			}
		}
		if err != nil {
			return "", err
		}
	}
	b := builder{old: r.objects, pack: memory.NewStorage(), keep: memory.NewStorage()}
	tree, err := b.tree(base, files)
	if err != nil {
		return "", err
	}
	raw, err := commitObject(r.signer, tree, tip, time.Now(), subject+"\n\n"+body)
	if err != nil {
		return "", err
	}
	id, err := b.add(plumbing.CommitObject, raw)
	if err != nil {
		return "", err
	}
	commit := plumbing.NewHash(id)
	if err := r.push(ctx, r.ref, old, commit, &b); err != nil {
		return "", err
	}
	r.objects, r.tip = b.keep, commit // the blobs of former commits are let go
	return id, nil
}

// builder makes the objects of a commit: pack holds those that are new, keep the commit and all the
// trees that the next commit builds on.
type builder struct {
	old, pack, keep *memory.Storage
	hashes          []plumbing.Hash
}

func (b *builder) add(typ plumbing.ObjectType, data []byte) (string, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(typ)
	if _, err := o.Write(data); err != nil {
		return "", err
	}
	h, err := b.pack.SetEncodedObject(o)
	if err != nil {
		return "", err
	}
	b.hashes = append(b.hashes, h)
	if typ != plumbing.BlobObject {
		_, err = b.keep.SetEncodedObject(o)
	}
	return h.String(), err
}

// tree puts files over the tree base (empty for none) and returns the new tree.
func (b *builder) tree(base string, files map[string][]byte) (string, error) {
	var entries []treeEntry
	if base != "" {
		raw, err := readObject(b.old, plumbing.TreeObject, plumbing.NewHash(base))
		if err != nil {
			return "", err
		}
		if entries, err = parseTree(raw, oidSize); err != nil {
			return "", err
		}
	}
	folders := map[string]map[string][]byte{}
	byName := map[string]treeEntry{}
	for _, e := range entries {
		byName[e.name] = e
		if e.mode == modeTree {
			folders[e.name] = nil
		}
	}
	for path, data := range files {
		dir, rest, ok := strings.Cut(path, "/")
		if ok {
			if folders[dir] == nil {
				folders[dir] = map[string][]byte{}
			}
			folders[dir][rest] = data
			continue
		}
		id, err := b.add(plumbing.BlobObject, data)
		if err != nil {
			return "", err
		}
		byName[path] = treeEntry{mode: modeFile, name: path, oid: id}
	}
	for dir, files := range folders {
		id, err := b.tree(byName[dir].oid, files)
		if err != nil {
			return "", err
		}
		byName[dir] = treeEntry{mode: modeTree, name: dir, oid: id}
	}
	entries = entries[:0]
	for _, e := range byName {
		entries = append(entries, e)
	}
	raw, err := encodeTree(entries)
	if err != nil {
		return "", err
	}
	if len(files) > 0 {
		return b.add(plumbing.TreeObject, raw)
	}
	o := &plumbing.MemoryObject{} // unchanged: the server has it
	o.SetType(plumbing.TreeObject)
	if _, err := o.Write(raw); err != nil {
		return "", err
	}
	h, err := b.keep.SetEncodedObject(o)
	return h.String(), err
}

// push moves ref from old to new, sending the builder's objects. ErrMoved tells that ref is not at old.
func (r *GitRemote) push(ctx context.Context, ref plumbing.ReferenceName, old, new plumbing.Hash, b *builder) error {
	auth, err := r.credentials(ctx)
	if err != nil {
		return err
	}
	s, err := r.client.NewReceivePackSession(r.endpoint, auth)
	if err != nil {
		return r.wrap("push", err)
	}
	refs, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return r.wrap("push", errors.Join(err, closeQuietly(s)))
	}
	if at := refs.References[ref.String()]; at != old {
		return errors.Join(ErrMoved, closeQuietly(s))
	}
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, b.pack, false).Encode(b.hashes, 0); err != nil {
		return r.wrap("push", errors.Join(err, closeQuietly(s)))
	}
	req := packp.NewReferenceUpdateRequestFromCapabilities(refs.Capabilities)
	req.Commands = []*packp.Command{{Name: ref, Old: old, New: new}}
	req.Packfile = io.NopCloser(&pack)
	_, err = s.ReceivePack(ctx, req)
	cerr := closeQuietly(s)
	if err == nil && cerr == nil {
		return nil
	}
	return r.afterPush(ctx, ref, old, new, r.wrap("push", errors.Join(err, cerr)))
}

// afterPush finds out what a failed push has done: the answer may have been lost on the way back,
// or somebody else was faster. Servers word the refusal as they like, so the reference decides.
func (r *GitRemote) afterPush(ctx context.Context, ref plumbing.ReferenceName, old, new plumbing.Hash, failure error) error {
	s, refs, err := r.fetchSession(ctx)
	if err != nil {
		return errors.Join(failure, err)
	}
	at := plumbing.ZeroHash
	if refs != nil {
		at = refs.References[ref.String()]
		if err := closeQuietly(s); err != nil {
			return errors.Join(failure, err)
		}
	}
	switch at {
	case new:
		return nil
	case old:
		return failure
	}
	return fmt.Errorf("%w: %w", ErrMoved, failure)
}
