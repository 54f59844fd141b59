package sandbox

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/lumos-governance/lumos/internal/sandbox/gql"
	"golang.org/x/crypto/ssh"
)

func (g *graph) account(a *Account) gql.Object {
	if a == nil {
		return nil
	}
	o := gql.Object{"__typename": a.Type, "id": a.node(), "databaseId": a.ID, "login": a.Login, "url": g.s.url + "/" + a.Login,
		"resourcePath": "/" + a.Login, "avatarUrl": g.s.url + "/avatars/" + a.Login, "createdAt": stamp(a.Created), "updatedAt": stamp(a.Created)}
	switch a.Type {
	case kindUser:
		o["name"], o["email"] = orNull(a.Name), "" // an address is shown only by those who publish it
	case kindBot:
		// GraphQL leaves off the "[bot]" that REST puts on.
		o["login"] = strings.TrimSuffix(a.Login, "[bot]")
	case kindOrg:
		o["name"] = orNull(a.Name)
		o["team"] = field(func(args gql.Args) (any, error) {
			if g.by.app != nil && g.by.app.Owner == a && !grants(g.by.perms["members"], "read") {
				return nil, errNoAccess
			}
			t := g.s.team(a.Login + "/" + args.String("slug"))
			if t == nil || !g.s.seesTeams(g.by, a) {
				return nil, nil // a team that is not there is null, without an error
			}
			return g.team(t), nil
		})
	}
	return o
}

func (g *graph) team(t *team) gql.Object {
	return gql.Object{"__typename": "Team", "id": t.node(), "databaseId": t.ID, "slug": t.Slug, "name": t.Slug, "combinedSlug": t.Org.Login + "/" + t.Slug,
		"description": nil, "createdAt": stamp(t.Created), "url": g.s.url + "/orgs/" + t.Org.Login + "/teams/" + t.Slug,
		"resourcePath": "/orgs/" + t.Org.Login + "/teams/" + t.Slug, "organization": lazy(func() any { return g.account(t.Org) }),
		"members": field(func(a gql.Args) (any, error) {
			members := t.Members
			if a.String("membership") == "CHILD_TEAM" || a.String("role") == "MAINTAINER" {
				members = nil // the sandbox has neither
			}
			return gql.Connection("TeamMemberConnection", "members", a, members, func(m *Account) any { return g.account(m) })
		})}
}

func (g *graph) repo(r *repo) gql.Object {
	return gql.Object{"__typename": "Repository", "id": r.node(), "databaseId": r.ID, "name": r.Name, "nameWithOwner": r.full(),
		"owner": lazy(func() any { return g.account(r.Owner) }), "url": g.s.url + "/" + r.full(), "resourcePath": "/" + r.full(),
		"isPrivate": r.Private, "isArchived": false, "isFork": false, "isEmpty": r.branch(r.Default) == "", "createdAt": stamp(r.created),
		"defaultBranchRef": lazy(func() any { return g.ref(r, "refs/heads/"+r.Default) }),
		"ref": field(func(a gql.Args) (any, error) {
			name := a.String("qualifiedName")
			if !strings.HasPrefix(name, "refs/") {
				name = "refs/heads/" + name
			}
			return g.ref(r, name), g.may(r, readGit)
		}),
		"object": field(func(a gql.Args) (any, error) {
			if err := g.may(r, readGit); err != nil {
				return nil, err
			}
			if a.Given("oid") {
				return g.object(r, a.String("oid")), nil
			}
			rev, file, deeper := strings.Cut(a.String("expression"), ":")
			sha := r.resolve(rev)
			if !deeper {
				return g.object(r, sha), nil
			}
			c, err := r.commit(r.peel(sha))
			if err != nil {
				return nil, nil
			}
			e := r.lookup(c.TreeHash.String(), file)
			if e == nil {
				return nil, nil
			}
			return g.object(r, e.Hash.String()), nil
		}),
		"pullRequest": field(func(a gql.Args) (any, error) {
			if err := g.may(r, readPulls); err != nil {
				return nil, err
			}
			p := r.pulls[a.Int("number")]
			if p == nil {
				return nil, missing("Could not resolve to a PullRequest with the number of %d.", a.Int("number"))
			}
			return g.pull(p), nil
		}),
		"pullRequests": field(func(a gql.Args) (any, error) { return g.pulls(r, a) }),
	}
}

func (g *graph) ref(r *repo, name string) any {
	sha := r.refs[name]
	if sha == "" {
		return nil
	}
	i := strings.Index(name[len("refs/"):], "/") + len("refs/") + 1
	return gql.Object{"__typename": "Ref", "id": r.objectNode("REF", name), "name": name[i:], "prefix": name[:i],
		"repository": lazy(func() any { return g.repo(r) }), "target": lazy(func() any { return g.object(r, sha) })}
}

// object is any git object, or nil.
func (g *graph) object(r *repo, sha string) any {
	switch kind := r.kind(sha); kind {
	case "commit":
		c, err := r.commit(sha)
		if err != nil {
			return nil
		}
		return g.commit(r, c)
	case "tree":
		o := g.gitObject(r, "Tree", "T", sha)
		o["entries"] = field(func(gql.Args) (any, error) {
			t, err := r.tree(sha)
			if err != nil {
				return nil, err
			}
			out := []any{}
			for i := range t.Entries {
				out = append(out, g.entry(r, &t.Entries[i], t.Entries[i].Name))
			}
			return out, nil
		})
		return o
	case "blob":
		data, err := r.blob(sha)
		if err != nil {
			return nil
		}
		const shown = 512 << 10 // GitHub cuts the text of larger blobs
		binary := bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data)
		o := g.gitObject(r, "Blob", "B", sha)
		o["byteSize"], o["isBinary"], o["isTruncated"], o["text"] = len(data), binary, !binary && len(data) > shown, nil
		if !binary {
			o["text"] = string(data[:min(len(data), shown)])
		}
		return o
	case "tag":
		t, err := object.GetTag(r.store, plumbing.NewHash(sha))
		if err != nil {
			return nil
		}
		o := g.gitObject(r, "Tag", "TA", sha)
		o["name"], o["message"] = t.Name, t.Message
		o["target"] = lazy(func() any { return g.object(r, t.Target.String()) })
		return o
	}
	return nil
}

func (g *graph) gitObject(r *repo, typename, prefix, sha string) gql.Object {
	at := "/" + r.full() + "/commit/" + sha
	return gql.Object{"__typename": typename, "id": r.objectNode(prefix, sha), "oid": sha, "abbreviatedOid": sha[:7],
		"commitUrl": g.s.url + at, "commitResourcePath": at, "repository": lazy(func() any { return g.repo(r) })}
}

func (g *graph) entry(r *repo, e *object.TreeEntry, at string) gql.Object {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return gql.Object{"__typename": "TreeEntry", "name": e.Name, "nameRaw": b64(e.Name), "path": at, "pathRaw": b64(at), "mode": int(e.Mode),
		"oid": e.Hash.String(), "type": treeType(e.Mode), "repository": lazy(func() any { return g.repo(r) }),
		"object": lazy(func() any { return g.object(r, e.Hash.String()) }),
		"size": lazy(func() any {
			data, err := r.blob(e.Hash.String())
			if err != nil {
				return 0
			}
			return len(data)
		})}
}

func (g *graph) commit(r *repo, c *object.Commit) gql.Object {
	sha := c.Hash.String()
	o := g.gitObject(r, "Commit", "C", sha)
	headline, body, _ := strings.Cut(strings.TrimRight(c.Message, "\n"), "\n")
	for k, v := range (gql.Object{"url": o["commitUrl"], "resourcePath": o["commitResourcePath"], "message": strings.TrimRight(c.Message, "\n"),
		"messageHeadline": headline, "messageBody": strings.TrimSpace(body), "authoredDate": stamp(c.Author.When), "committedDate": stamp(c.Committer.When),
		"committedViaWeb": c.Committer.Email == g.s.webflow.Email,
		"author":          lazy(func() any { return g.actor(g.s.authors(c)[0]) }),
		"committer": lazy(func() any {
			return g.actor(gitActor{c.Committer.Name, c.Committer.Email, c.Committer.When, g.s.byEmail(c.Committer.Email)})
		}),
		"authors": field(func(a gql.Args) (any, error) {
			return gql.Connection("GitActorConnection", "authors", a, g.s.authors(c), func(x gitActor) any { return g.actor(x) })
		}),
		"parents": field(func(a gql.Args) (any, error) {
			return gql.Connection("CommitConnection", "parents", a, c.ParentHashes, func(h plumbing.Hash) any { return g.object(r, h.String()) })
		}),
		"tree": lazy(func() any { return g.object(r, c.TreeHash.String()) }),
		"file": field(func(a gql.Args) (any, error) {
			name := path.Clean(strings.Trim(a.String("path"), "/"))
			if e := r.lookup(c.TreeHash.String(), name); e != nil && name != "." {
				return g.entry(r, e, name), nil
			}
			return nil, nil
		}),
		"signature":   lazy(func() any { return g.signature(c) }),
		"checkSuites": field(func(a gql.Args) (any, error) { return g.suites(r, c, a) }),
	}) {
		o[k] = v
	}
	return o
}

// actor is somebody named in a commit. Its user is a person: for the bot of an App GitHub gives null.
func (g *graph) actor(x gitActor) gql.Object {
	o := gql.Object{"__typename": "GitActor", "name": x.Name, "email": x.Email, "date": stamp(x.When), "avatarUrl": g.s.url + "/avatars/unknown", "user": nil}
	if x.Account != nil && x.Account.Type == kindUser {
		o["user"] = g.account(x.Account)
	}
	return o
}

func (g *graph) signature(c *object.Commit) any {
	v := g.s.verify(c)
	if !v.Signed {
		return nil
	}
	o := gql.Object{"__typename": "SshSignature", "email": c.Committer.Email, "isValid": v.Valid, "payload": v.Payload, "signature": v.Signature,
		"signer": nil, "state": "UNKNOWN_KEY", "verifiedAt": nil, "wasSignedByGitHub": v.Valid, "keyFingerprint": nil}
	if v.Valid {
		o["state"], o["signer"], o["verifiedAt"] = "VALID", g.account(g.s.webflow), stamp(c.Committer.When)
		o["keyFingerprint"] = ssh.FingerprintSHA256(g.s.signer.PublicKey())
	}
	return o
}

func (g *graph) suites(r *repo, c *object.Commit, a gql.Args) (any, error) {
	if err := g.may(r, readChecks); err != nil {
		return nil, err
	}
	filter := a.Object("filterBy")
	var found []*suite
	for _, su := range r.suites {
		named := filter.String("checkName") == ""
		for _, x := range r.checks {
			named = named || x.suite == su && x.Name == filter.String("checkName")
		}
		if su.HeadSHA == c.Hash.String() && named && (!filter.Given("appId") || int64(filter.Int("appId")) == su.app.ID) {
			found = append(found, su)
		}
	}
	return gql.Connection("CheckSuiteConnection", "checkSuites", a, found, func(su *suite) any { return g.suite(r, su) })
}

func (g *graph) suite(r *repo, su *suite) gql.Object {
	return gql.Object{"__typename": "CheckSuite", "id": nodeID("CS", su.ID), "databaseId": su.ID, "createdAt": stamp(su.Created),
		"repository": lazy(func() any { return g.repo(r) }), "commit": lazy(func() any { return g.object(r, su.HeadSHA) }),
		"app": gql.Object{"__typename": "App", "id": nodeID("A", su.app.ID), "databaseId": su.app.ID, "name": su.app.Name, "slug": su.app.Slug,
			"url": g.s.url + "/apps/" + su.app.Slug, "createdAt": stamp(su.app.created)},
		"checkRuns": field(func(a gql.Args) (any, error) {
			filter := a.Object("filterBy")
			var runs []*checkRun
			for _, x := range r.checks {
				if x.suite == su {
					runs = append(runs, x)
				}
			}
			if filter.String("checkType") != "ALL" {
				runs = latest(runs)
			}
			var found []*checkRun
			statuses, conclusions := filter.Strings("statuses"), filter.Strings("conclusions")
			if filter.Given("status") {
				statuses = append(statuses, filter.String("status"))
			}
			for _, x := range runs {
				if (!filter.Given("checkName") || filter.String("checkName") == x.Name) && (!filter.Given("appId") || int64(filter.Int("appId")) == x.app.ID) &&
					among(statuses, x.Status) && among(conclusions, x.Conclusion) {
					found = append(found, x)
				}
			}
			return gql.Connection("CheckRunConnection", "checkRuns", a, found, func(x *checkRun) any { return g.check(x) })
		})}
}

// among compares a REST word with GraphQL's enum; an empty list lets everything through.
func among(list []string, word string) bool {
	for _, x := range list {
		if strings.EqualFold(x, word) {
			return true
		}
	}
	return len(list) == 0
}

func (g *graph) check(c *checkRun) gql.Object {
	at := "/" + c.repo.full() + "/runs/" + strconv.FormatInt(c.ID, 10)
	o := gql.Object{"__typename": "CheckRun", "id": c.node(), "databaseId": c.ID, "name": c.Name, "status": strings.ToUpper(c.Status), "conclusion": nil,
		"externalId": orNull(c.ExternalID), "detailsUrl": orNull(c.DetailsURL), "startedAt": stamp(c.Started), "completedAt": stamp(c.Completed),
		"title": orNull(c.Title), "summary": orNull(c.Summary), "text": orNull(c.Text), "url": g.s.url + at, "permalink": g.s.url + at, "resourcePath": at,
		"repository": lazy(func() any { return g.repo(c.repo) }), "checkSuite": lazy(func() any { return g.suite(c.repo, c.suite) }),
		"annotations": field(func(a gql.Args) (any, error) {
			return gql.Connection("CheckAnnotationConnection", "annotations", a, c.Annotations, func(x annotation) any {
				at := func(line, column int) gql.Object {
					o := gql.Object{"__typename": "CheckAnnotationPosition", "line": line, "column": nil}
					if column > 0 {
						o["column"] = column
					}
					return o
				}
				return gql.Object{"__typename": "CheckAnnotation", "annotationLevel": strings.ToUpper(x.Level), "path": x.Path, "message": x.Message,
					"title": orNull(x.Title), "rawDetails": orNull(x.Raw),
					"location": gql.Object{"__typename": "CheckAnnotationSpan", "start": at(x.StartLine, x.StartColumn), "end": at(x.EndLine, x.EndColumn)}}
			})
		})}
	if c.Conclusion != "" {
		o["conclusion"] = strings.ToUpper(c.Conclusion)
	}
	return o
}

// createCommitOnBranch appends one commit to a branch if its tip is the expected one.
func (g *graph) createCommitOnBranch(in gql.Args) (any, error) {
	branch := in.Object("branch")
	r := g.s.repoByFull(branch.String("repositoryNameWithOwner"))
	name := strings.TrimPrefix(branch.String("branchName"), "refs/heads/")
	if branch.Given("id") {
		raw, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(branch.String("id"), "REF_"))
		full, ref, _ := strings.Cut(string(raw), ":")
		r, name = g.s.repoByFull(full), strings.TrimPrefix(ref, "refs/heads/")
	}
	if r == nil || !g.s.sees(g.by, r) {
		return nil, missing("Could not resolve to a Repository with the name '%s'.", branch.String("repositoryNameWithOwner"))
	}
	if err := g.s.allow(g.by, r, writeGit); err != nil {
		return nil, err
	}
	tip := r.branch(name)
	switch {
	case tip == "":
		return nil, missing("No branch named %q was found.", name)
	case tip != in.String("expectedHeadOid"):
		return nil, &gql.Typed{Type: "STALE_DATA", Message: "Expected branch to point to \"" + in.String("expectedHeadOid") + "\" but it did not. Pull and try again."}
	}
	parent, err := r.commit(tip)
	if err != nil {
		return nil, err
	}
	var edits []edit
	changes := in.Object("fileChanges")
	for _, d := range changes.Objects("deletions") {
		if r.lookup(parent.TreeHash.String(), d.String("path")) == nil {
			return nil, refuse(http.StatusUnprocessableEntity, "A path was requested for deletion which does not exist as of commit oid `%s`", tip)
		}
		edits = append(edits, edit{Path: d.String("path")})
	}
	for _, add := range changes.Objects("additions") {
		data, err := base64.StdEncoding.DecodeString(add.String("contents"))
		if err != nil {
			return nil, refuse(http.StatusUnprocessableEntity, "The contents of %s are not Base64", add.String("path"))
		}
		h, err := r.writeBlob(data)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{add.String("path"), 0o100644, h})
	}
	tree, err := r.editTree(parent.TreeHash, edits)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "%s", err)
	}
	message := in.Object("message")
	text := strings.TrimSpace(message.String("headline")+"\n\n"+message.String("body")) + "\n"
	sha, err := g.s.makeCommit(r, g.by.account, newCommit{Tree: tree, Parents: []string{tip}, Message: text})
	if err != nil {
		return nil, err
	}
	if err := g.s.moveRef(r, g.by, refChange{"refs/heads/" + name, tip, sha}); err != nil {
		return nil, err
	}
	return gql.Object{"__typename": "CreateCommitOnBranchPayload", "commit": g.object(r, sha), "ref": g.ref(r, "refs/heads/"+name),
		"clientMutationId": in["clientMutationId"]}, nil
}
