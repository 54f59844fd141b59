package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/memory"
)

// PushTag signs the tag and pushes it: one small object, whose commit the server has. A tag that is
// there already is left as it is: its object is returned when it says the same (its checkpoint may
// be an earlier one), and ErrTagDiffers otherwise.
func (r *GitRemote) PushTag(ctx context.Context, t ReleaseTag) (object string, err error) {
	raw, err := t.object(r.signer)
	if err != nil {
		return "", err
	}
	b := builder{pack: memory.NewStorage(), keep: memory.NewStorage()}
	id, err := b.add(plumbing.TagObject, raw)
	if err != nil {
		return "", err
	}
	ref := plumbing.NewTagReferenceName(t.Name)
	err = r.push(ctx, ref, plumbing.ZeroHash, plumbing.NewHash(id), &b)
	if !errors.Is(err, ErrMoved) {
		return id, err
	}
	old, data, err := r.fetchTag(ctx, ref, plumbing.NewHash(t.Commit))
	if err != nil {
		return "", err
	}
	if old == id {
		return id, nil
	}
	if err := t.same(data, r.signer); err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrTagDiffers, t.Name, err)
	}
	return old, nil
}

// fetchTag reads a tag object. Claiming to have the commit keeps all else out of the pack.
func (r *GitRemote) fetchTag(ctx context.Context, ref plumbing.ReferenceName, commit plumbing.Hash) (string, []byte, error) {
	s, refs, err := r.fetchSession(ctx)
	if err != nil {
		return "", nil, err
	}
	var id plumbing.Hash
	if refs != nil {
		id = refs.References[ref.String()]
	}
	switch {
	case refs == nil:
		return "", nil, fmt.Errorf("git remote %s: %s: the repository is empty now", r.name, ref)
	case id.IsZero():
		return "", nil, errors.Join(fmt.Errorf("git remote %s: %s: it was there a moment ago and is gone", r.name, ref), closeQuietly(s))
	case id == commit:
		return "", nil, errors.Join(fmt.Errorf("%w: %s is not an annotated tag", ErrTagDiffers, ref.Short()), closeQuietly(s))
	}
	req := packp.NewUploadPackRequest()
	req.Wants, req.Haves = []plumbing.Hash{id}, []plumbing.Hash{commit}
	if refs.Capabilities.Supports(capability.Filter) {
		if err := req.Capabilities.Set(capability.Filter); err != nil {
			return "", nil, r.wrap("fetch", err)
		}
		req.Filter = packp.FilterTreeDepth(0)
	}
	objects := memory.NewStorage()
	if err := r.uploadPack(ctx, s, refs, req, objects); err != nil {
		return "", nil, err
	}
	data, err := readObject(objects, plumbing.TagObject, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return "", nil, fmt.Errorf("%w: %s is not an annotated tag", ErrTagDiffers, ref.Short())
	}
	return id.String(), data, err
}
