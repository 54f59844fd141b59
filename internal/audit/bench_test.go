package audit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

// gatherStore makes the commits that a GitRemote would, to be pushed all at once.
type gatherStore struct {
	signer *Signer
	b      builder
	tip    string
	root   string
}

func (g *gatherStore) Tip(context.Context) (string, error) { return g.tip, nil }

func (g *gatherStore) Read(_ context.Context, tip string, paths []string) (map[string][]byte, error) {
	r := GitRemote{objects: g.b.pack}
	out := map[string][]byte{}
	for _, p := range paths {
		if data, ok, err := r.find(tip, p); err != nil {
			return nil, err
		} else if ok {
			out[p] = data
		}
	}
	return out, nil
}

func (g *gatherStore) Commit(_ context.Context, tip string, files map[string][]byte, subject, body string) (string, error) {
	tree, err := g.b.tree(g.root, files)
	if err != nil {
		return "", err
	}
	raw, err := commitObject(g.signer, tree, tip, time.Now(), subject+"\n\n"+body)
	if err != nil {
		return "", err
	}
	g.root = tree
	g.tip, err = g.b.add(plumbing.CommitObject, raw)
	return g.tip, err
}

func BenchmarkAppend(b *testing.B) {
	signer := signerOf('k')
	for name, open := range map[string]func() Store{
		"memory": func() Store { return &memStore{} },
		"git":    func() Store { return fileRemote(b, bareRepo(b), signer) },
	} {
		b.Run(name+"/8", func(b *testing.B) {
			store := open()
			mustInit(b, store, signer)
			l := Open(store, signer, Writer{})
			n := 0
			for b.Loop() {
				batch := make([]Event, 8)
				for i := range batch {
					n++
					batch[i] = opened(n)
				}
				mustAppend(b, l, batch...)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	const commits = 2000
	signer, dir := signerOf('k'), bareRepo(b)
	objects := memory.NewStorage()
	store := &gatherStore{signer: signer, b: builder{old: objects, pack: objects, keep: objects}}
	mustInit(b, store, signer)
	l := Open(store, signer, Writer{})
	for n := 1; n < commits; n++ {
		mustAppend(b, l, opened(n))
	}
	remote := fileRemote(b, dir, signer)
	if err := remote.push(b.Context(), remote.ref, plumbing.ZeroHash, plumbing.NewHash(store.tip), &store.b); err != nil {
		b.Fatal(err)
	}
	git(b, dir, "repack", "-adfq")
	b.Run(fmt.Sprint(commits), func(b *testing.B) {
		for b.Loop() {
			res, err := Verify(b.Context(), dir, Options{})
			if err != nil || !res.OK || res.Commits != commits {
				b.Fatal(res, err)
			}
		}
	})
}
