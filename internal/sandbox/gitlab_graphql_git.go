package sandbox

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

// sees reports whether a project exists for the actor at all.
func (l *lab) sees(r *repo) bool {
	return !r.Private || l.by.token != nil && l.s.access(l.by.account, r) > 0
}

// seesCode reports whether the actor may read a project's code: a guest of a private one may not.
func (l *lab) seesCode(r *repo) bool {
	return !r.Private || l.by.token != nil && l.s.access(l.by.account, r) >= accessReporter
}

func (l *lab) access(r *repo) int {
	if l.by.token == nil {
		return 0
	}
	return l.s.access(l.by.account, r)
}

func (l *lab) project(r *repo) gql.Object {
	n, visibility := l.access(r), "public"
	if r.Private {
		visibility = "private"
	}
	return gql.Object{"__typename": "Project", "id": gid("Project", r.ID), "fullPath": r.full(), "path": r.Name, "name": r.Name,
		"nameWithNamespace": strings.ReplaceAll(r.full(), "/", " / "), "webUrl": l.s.url + "/" + r.full(), "httpUrlToRepo": l.s.url + "/" + r.full() + ".git",
		"archived": false, "createdAt": stamp(r.created), "visibility": visibility,
		"onlyAllowMergeIfPipelineSucceeds": r.settings.PipelinesMustSucceed, "onlyAllowMergeIfAllDiscussionsAreResolved": r.settings.ThreadsMustBeResolved,
		"userPermissions": gql.Object{"__typename": "ProjectPermissions", "readProject": true, "downloadCode": l.seesCode(r), "pushCode": n >= accessDeveloper, "adminProject": n >= accessMaintainer},
		"group": lazy(func() any {
			if r.Owner.Type != kindOrg || !l.seesGroup(r.Owner) {
				return nil
			}
			return l.group(r.Owner)
		}),
		"repository": lazy(func() any {
			if !l.seesCode(r) {
				return nil
			}
			return l.repository(r)
		}),
		"projectMembers": labField(func(a gql.Args) (any, error) {
			return labConnection("MemberInterfaceConnection", a, l.chosen(a, l.projectMembers(r, a.Strings("relations"))), func(m member) any {
				return l.member(m, gql.Object{"__typename": "ProjectMember", "id": gid("ProjectMember", r.ID*1_000_000+m.User.ID), "project": lazy(func() any { return l.project(r) })})
			})
		}),
		"mergeRequest": labField(func(a gql.Args) (any, error) {
			if p := l.mergeByIID(r, a.String("iid")); p != nil {
				return l.merge(p), nil
			}
			return nil, nil
		}),
		"mergeRequests": labField(func(a gql.Args) (any, error) { return l.merges(r, a) }),
	}
}

func (l *lab) repository(r *repo) gql.Object {
	return gql.Object{"__typename": "Repository", "exists": true, "empty": r.branch(r.Default) == "", "rootRef": orNull(r.rootRef()),
		"tree":  labField(func(a gql.Args) (any, error) { return l.tree(r, a) }),
		"blobs": labField(func(a gql.Args) (any, error) { return l.blobs(r, a) }),
	}
}

func (r *repo) rootRef() string {
	if r.branch(r.Default) == "" {
		return ""
	}
	return r.Default
}

// at is the commit that a ref names, or nil; the empty ref and HEAD are the default branch.
func (l *lab) at(r *repo, ref string) *object.Commit {
	if ref == "" || strings.EqualFold(ref, "head") {
		ref = r.Default
	}
	c, err := r.commit(r.peel(r.resolve(ref)))
	if err != nil {
		return nil
	}
	return c
}

// leaf is an entry of a tree with its place from the root.
type leaf struct {
	object.TreeEntry
	Path string
}

// tree is never null: of what is not there, it is empty and without a commit.
func (l *lab) tree(r *repo, a gql.Args) (any, error) {
	dir, c := strings.Trim(path.Clean("/"+a.String("path")), "/"), l.at(r, a.String("ref"))
	var trees, blobs, modules []leaf
	if c != nil {
		recursive, _ := a["recursive"].(bool)
		if e := r.lookup(c.TreeHash.String(), dir); e != nil && e.Mode == filemode.Dir {
			if err := r.walk(e.Hash.String(), dir, recursive, func(x leaf) {
				switch treeType(x.Mode) {
				case "tree":
					trees = append(trees, x)
				case "blob":
					blobs = append(blobs, x)
				default:
					modules = append(modules, x)
				}
			}); err != nil {
				return nil, err
			}
		}
	}
	entry := func(typename, kind, at string, x leaf) gql.Object {
		o := gql.Object{"__typename": typename, "id": gid("Gitlab::Graphql::Representation::"+typename, x.Hash), "sha": x.Hash.String(), "name": x.Name,
			"path": x.Path, "flatPath": x.Path, "type": kind}
		if at != "" {
			o["webPath"] = "/" + r.full() + "/-/" + at + "/" + escapePath(c.Hash.String()+"/"+x.Path)
			o["webUrl"] = l.s.url + o["webPath"].(string)
		}
		return o
	}
	return gql.Object{"__typename": "Tree",
		"lastCommit": labField(func(gql.Args) (any, error) { return l.lastCommit(r, c, dir) }),
		"trees": labField(func(a gql.Args) (any, error) {
			return labConnection("TreeEntryConnection", a, trees, func(x leaf) any { return entry("TreeEntry", "tree", "tree", x) })
		}),
		"submodules": labField(func(a gql.Args) (any, error) {
			return labConnection("SubmoduleConnection", a, modules, func(x leaf) any { return entry("Submodule", "commit", "", x) })
		}),
		"blobs": labField(func(a gql.Args) (any, error) {
			return labConnection("BlobConnection", a, blobs, func(x leaf) any {
				o := entry("Blob", "blob", "blob", x)
				o["mode"] = octal(x.Mode)
				return o
			})
		}),
	}, nil
}

func octal(m filemode.FileMode) string { return fmt.Sprintf("%06o", uint32(m)) }

// walk visits the entries of a tree, and those below them if asked.
func (g *git) walk(sha, dir string, recursive bool, visit func(leaf)) error {
	t, err := g.tree(sha)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		x := leaf{e, path.Join(dir, e.Name)}
		visit(x)
		if recursive && e.Mode == filemode.Dir {
			if err := g.walk(e.Hash.String(), x.Path, true, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastCommit is the newest commit that touched a path; at the root it is the commit itself.
func (l *lab) lastCommit(r *repo, c *object.Commit, dir string) (any, error) {
	if c == nil {
		return nil, nil
	}
	if dir == "" {
		return l.commit(r, c), nil
	}
	out, err := r.run("log", "-1", "--format=%H", c.Hash.String(), "--", ":(literal)"+dir)
	if err != nil {
		return nil, err
	}
	last, err := r.commit(strings.TrimSpace(string(out)))
	if err != nil {
		return nil, nil
	}
	return l.commit(r, last), nil
}

// blobs finds files by their paths; what is not there is left out.
func (l *lab) blobs(r *repo, a gql.Args) (any, error) {
	c := l.at(r, a.String("ref"))
	var found []leaf
	for _, name := range a.Strings("paths") {
		if c == nil {
			break
		}
		at := strings.Trim(path.Clean("/"+name), "/")
		if e := r.lookup(c.TreeHash.String(), at); e != nil && at != "" && treeType(e.Mode) == "blob" {
			found = append(found, leaf{*e, at})
		}
	}
	return labConnection("RepositoryBlobConnection", a, found, func(x leaf) any {
		content := func(text bool) gql.Field {
			return lazy(func() any {
				data, err := r.blob(x.Hash.String())
				if err != nil || text && (bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data)) {
					return nil
				}
				return string(data)
			})
		}
		size := lazy(func() any {
			data, err := r.blob(x.Hash.String())
			if err != nil {
				return nil
			}
			return len(data)
		})
		return gql.Object{"__typename": "RepositoryBlob", "id": gid("Blob", x.Hash), "oid": x.Hash.String(), "name": x.Name, "path": x.Path, "mode": octal(x.Mode),
			"size": size, "rawSize": size, "rawBlob": content(false), "rawTextBlob": content(true),
			"webPath": "/" + r.full() + "/-/blob/" + escapePath(c.Hash.String()+"/"+x.Path)}
	})
}

func (l *lab) commit(r *repo, c *object.Commit) gql.Object {
	sha := c.Hash.String()
	title, rest, _ := strings.Cut(strings.TrimRight(c.Message, "\n"), "\n")
	at := "/" + r.full() + "/-/commit/" + sha
	return gql.Object{"__typename": "Commit", "id": gid("Commit", sha), "sha": sha, "shortId": sha[:8], "title": title, "fullTitle": title,
		"description": strings.TrimLeft(rest, "\n"), "message": c.Message, "webPath": at, "webUrl": l.s.url + at,
		"authoredDate": stamp(c.Author.When), "committedDate": stamp(c.Committer.When), "authorName": c.Author.Name, "authorEmail": c.Author.Email,
		"committerName": c.Committer.Name, "committerEmail": c.Committer.Email,
		"author": lazy(func() any { return l.user(l.s.byEmail(c.Author.Email), "UserCore") })}
}
