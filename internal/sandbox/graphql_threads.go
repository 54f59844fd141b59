package sandbox

import (
	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

func (g *graph) lineThread(t *lineThread) gql.Object {
	p := t.pull
	may := g.s.mayResolve(p, g.by) == nil
	o := gql.Object{"__typename": "PullRequestReviewThread", "id": t.node(), "diffSide": "RIGHT", "isCollapsed": t.Resolved, "isResolved": t.Resolved,
		"originalLine": t.Line, "path": t.Path, "subjectType": "LINE", "resolvedBy": g.asUser(t.ResolvedBy),
		"pullRequest": lazy(func() any { return g.pull(p) }), "repository": lazy(func() any { return g.repo(p.repo) }),
		"viewerCanReply": true, "viewerCanResolve": may && !t.Resolved, "viewerCanUnresolve": may && t.Resolved,
		"comments": field(func(a gql.Args) (any, error) {
			return gql.Connection("PullRequestReviewCommentConnection", "comments", a, t.Comments, func(c *lineComment) any { return g.lineComment(t, c) })
		})}
	o["line"], o["isOutdated"] = whereLine(t)
	return o
}

// whereLine are the line at the head, or nil, and whether the thread is outdated: git is asked only for who asks.
func whereLine(t *lineThread) (line, outdated gql.Field) {
	return lazy(func() any {
			if n, ok := t.line(t.pull); ok {
				return n
			}
			return nil
		}), lazy(func() any {
			_, ok := t.line(t.pull)
			return !ok
		})
}

func (g *graph) lineComment(t *lineThread, c *lineComment) gql.Object {
	p := t.pull
	at := "/" + p.repo.full() + "/pull/" + itoa(p.Number) + "#discussion_r" + big(c.ID)
	o := gql.Object{"__typename": "PullRequestReviewComment", "id": c.node(), "databaseId": c.ID, "fullDatabaseId": big(c.ID), "author": g.account(c.Author),
		"authorAssociation": g.s.association(c.Author, p.repo), "body": c.Body, "createdAt": stamp(c.Created), "updatedAt": stamp(c.Created), "lastEditedAt": nil,
		"diffHunk": t.Hunk, "isMinimized": false, "originalLine": t.Line, "path": t.Path, "state": "SUBMITTED",
		"url": g.s.url + at, "resourcePath": at, "viewerDidAuthor": c.Author == g.by.account,
		"pullRequest": lazy(func() any { return g.pull(p) }), "repository": lazy(func() any { return g.repo(p.repo) }),
		"pullRequestReview": lazy(func() any { return g.review(p, c.review) })}
	o["line"], o["outdated"] = whereLine(t)
	return o
}

// asUser is somebody where GitHub's schema has a User: an App is shown as one there.
func (g *graph) asUser(a *Account) any {
	if a == nil {
		return nil
	}
	o := g.account(a)
	o["__typename"], o["email"], o["name"] = "User", a.Email, orNull(a.Name)
	return o
}

func (g *graph) addReview(in gql.Args) (gql.Object, error) {
	p, r, err := find(g, in.String("pullRequestId"), "PR", pullByID)
	if err == nil {
		err = g.s.allow(g.by, r, talkPulls)
	}
	if err != nil {
		return nil, err
	}
	if !in.Given("event") {
		return nil, typed(errPending)
	}
	var drafts []draftThread
	for _, t := range in.Objects("threads") {
		drafts = append(drafts, draftThread{Path: t.String("path"), Side: t.String("side"), Body: t.String("body"), Line: t.Int("line")})
	}
	v, err := g.s.reviewWith(p, g.by, in.String("event"), in.String("body"), in.String("commitOID"), drafts)
	if err != nil {
		return nil, err
	}
	return gql.Object{"pullRequestReview": g.review(p, v),
		"reviewEdge": gql.Object{"__typename": "PullRequestReviewEdge", "cursor": v.node(), "node": g.review(p, v)}}, nil
}

func (g *graph) turnThread(in gql.Args, resolved bool) (gql.Object, error) {
	t, _, err := find(g, in.String("threadId"), "PRRT", lineThreadByID)
	if err == nil {
		err = g.s.mayResolve(t.pull, g.by)
	}
	if err != nil {
		return nil, err
	}
	g.s.resolveLine(t.pull, t, g.by, resolved)
	return gql.Object{"thread": g.lineThread(t)}, nil
}
