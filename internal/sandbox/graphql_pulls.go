package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

func big(n int64) string { return strconv.FormatInt(n, 10) }

func (p *pull) state() string {
	switch {
	case p.merged():
		return "MERGED"
	case p.Closed:
		return "CLOSED"
	}
	return "OPEN"
}

func (g *graph) pulls(r *repo, a gql.Args) (any, error) {
	if err := g.may(r, readPulls); err != nil {
		return nil, err
	}
	var found []*pull
	for n := 1; n < r.next; n++ {
		p := r.pulls[n]
		if p == nil {
			continue // an issue
		}
		if among(a.Strings("states"), p.state()) && (!a.Given("baseRefName") || p.BaseRef == a.String("baseRefName")) &&
			(!a.Given("headRefName") || p.HeadRef == a.String("headRefName")) {
			found = append(found, p)
		}
	}
	return gql.Connection("PullRequestConnection", "pullRequests", a, found, func(p *pull) any { return g.pull(p) })
}

func (g *graph) pull(p *pull) gql.Object {
	r := p.repo
	at := "/" + r.full() + "/pull/" + strconv.Itoa(p.Number)
	count := func(of func(*compare) int) gql.Field {
		return field(func(gql.Args) (any, error) {
			c, err := p.compare()
			if err != nil {
				return nil, err
			}
			return of(c), nil
		})
	}
	sum := func(of func(fileChange) int) gql.Field {
		return count(func(c *compare) (n int) {
			for _, f := range c.Files {
				n += of(f)
			}
			return n
		})
	}
	return gql.Object{"__typename": "PullRequest", "id": p.node(), "databaseId": p.ID, "fullDatabaseId": big(p.ID), "number": p.Number,
		"url": g.s.url + at, "resourcePath": at, "title": p.Title, "body": p.Body, "state": p.state(), "isDraft": p.Draft, "closed": p.Closed,
		"merged": p.merged(), "locked": false, "createdAt": stamp(p.Created), "updatedAt": stamp(p.Updated), "closedAt": stamp(p.ClosedAt),
		"mergedAt": stamp(p.MergedAt), "lastEditedAt": stamp(p.EditedAt), "isCrossRepository": false,
		"author": g.account(p.Author), "mergedBy": g.account(p.MergedBy), "viewerDidAuthor": p.Author == g.by.account,
		"headRefName": p.HeadRef, "headRefOid": p.HeadSHA, "baseRefName": p.BaseRef, "baseRefOid": p.BaseSHA,
		"headRef":    lazy(func() any { return g.ref(r, "refs/heads/"+p.HeadRef) }),
		"baseRef":    lazy(func() any { return g.ref(r, "refs/heads/"+p.BaseRef) }),
		"repository": lazy(func() any { return g.repo(r) }), "headRepository": lazy(func() any { return g.repo(r) }),
		"baseRepository": lazy(func() any { return g.repo(r) }), "headRepositoryOwner": lazy(func() any { return g.account(r.Owner) }),
		"mergeCommit":  lazy(func() any { return g.object(r, p.MergeSHA) }),
		"mergeable":    lazy(func() any { return p.mergeability() }),
		"changedFiles": count(func(c *compare) int { return len(c.Files) }),
		"additions":    sum(func(f fileChange) int { return f.Additions }),
		"deletions":    sum(func(f fileChange) int { return f.Deletions }),
		"files": field(func(a gql.Args) (any, error) {
			c, err := p.compare()
			if err != nil {
				return nil, err
			}
			return gql.Connection("PullRequestChangedFileConnection", "files", a, c.Files, func(f fileChange) any {
				kind := strings.ToUpper(f.Status)
				if kind == "REMOVED" {
					kind = "DELETED"
				}
				return gql.Object{"__typename": "PullRequestChangedFile", "path": f.Path, "additions": f.Additions, "deletions": f.Deletions, "changeType": kind}
			})
		}),
		"commits": field(func(a gql.Args) (any, error) {
			c, err := p.compare()
			if err != nil {
				return nil, err
			}
			return gql.Connection("PullRequestCommitConnection", "commits", a, c.Commits, func(sha string) any {
				return gql.Object{"__typename": "PullRequestCommit", "id": r.objectNode("PRC", sha), "url": g.s.url + at + "/commits/" + sha,
					"resourcePath": at + "/commits/" + sha, "pullRequest": lazy(func() any { return g.pull(p) }), "commit": g.object(r, sha)}
			})
		}),
		"reviews": field(func(a gql.Args) (any, error) {
			found := slices.DeleteFunc(slices.Clone(p.Reviews), func(v *review) bool {
				return !among(a.Strings("states"), v.State) || a.Given("author") && !strings.EqualFold(a.String("author"), v.Author.Login)
			})
			return gql.Connection("PullRequestReviewConnection", "reviews", a, found, func(v *review) any { return g.review(p, v) })
		}),
		"comments": field(func(a gql.Args) (any, error) {
			return gql.Connection("IssueCommentConnection", "comments", a, p.Comments, func(c *comment) any { return g.comment(c) })
		}),
		"reviewThreads": field(func(a gql.Args) (any, error) {
			return gql.Connection("PullRequestReviewThreadConnection", "reviewThreads", a, p.Lines, func(t *lineThread) any { return g.lineThread(t) })
		}),
		"labels": field(func(a gql.Args) (any, error) {
			return gql.Connection("LabelConnection", "labels", a, p.Labels, func(l *label) any {
				return gql.Object{"__typename": "Label", "id": nodeID("LA", l.ID), "name": l.Name, "color": l.Color}
			})
		}),
		"reviewRequests": field(func(a gql.Args) (any, error) {
			var asked []gql.Object
			for _, u := range p.Users {
				asked = append(asked, g.account(u))
			}
			for _, t := range p.Teams {
				asked = append(asked, g.team(t))
			}
			return gql.Connection("ReviewRequestConnection", "reviewRequests", a, asked, func(who gql.Object) any {
				return gql.Object{"__typename": "ReviewRequest", "id": "RR_" + who["id"].(string), "requestedReviewer": who,
					"pullRequest": lazy(func() any { return g.pull(p) })}
			})
		}),
	}
}

func (g *graph) review(p *pull, v *review) gql.Object {
	at := "/" + p.repo.full() + "/pull/" + strconv.Itoa(p.Number) + "#pullrequestreview-" + big(v.ID)
	return gql.Object{"__typename": "PullRequestReview", "id": v.node(), "databaseId": v.ID, "fullDatabaseId": big(v.ID), "author": g.account(v.Author),
		"authorAssociation": g.s.association(v.Author, p.repo), "body": v.Body, "state": v.State, "createdAt": stamp(v.Submitted),
		"submittedAt": stamp(v.Submitted), "updatedAt": stamp(v.Submitted), "lastEditedAt": nil, "url": g.s.url + at, "resourcePath": at,
		"viewerDidAuthor": v.Author == g.by.account, "commit": lazy(func() any { return g.object(p.repo, v.Commit) }),
		"pullRequest": lazy(func() any { return g.pull(p) }), "repository": lazy(func() any { return g.repo(p.repo) })}
}

func (g *graph) comment(c *comment) gql.Object {
	p := c.pull
	at := "/" + p.repo.full() + "/pull/" + strconv.Itoa(p.Number) + "#issuecomment-" + big(c.ID)
	return gql.Object{"__typename": "IssueComment", "id": c.node(), "databaseId": c.ID, "fullDatabaseId": big(c.ID), "author": g.account(c.Author),
		"authorAssociation": g.s.association(c.Author, p.repo), "editor": g.account(c.Editor), "body": c.Body, "createdAt": stamp(c.Created),
		"updatedAt": stamp(c.Updated), "lastEditedAt": stamp(c.Edited), "isMinimized": false, "url": g.s.url + at, "resourcePath": at,
		"viewerDidAuthor": c.Author == g.by.account, "pullRequest": lazy(func() any { return g.pull(p) }),
		"repository": lazy(func() any { return g.repo(p.repo) })}
}

// find looks for what a mutation is about.
func find[T any](g *graph, id, kind string, in func(*repo, int64) *T) (*T, *repo, error) {
	k, n := parseNode(id)
	for _, r := range g.s.repos {
		if k != kind || !g.s.sees(g.by, r) {
			continue
		}
		if v := in(r, n); v != nil {
			return v, r, nil
		}
	}
	return nil, nil, missing("Could not resolve to a node with the global id of '%s'", id)
}

func pullByID(r *repo, id int64) *pull {
	for _, p := range r.pulls {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func commentByID(r *repo, id int64) *comment {
	for _, p := range r.pulls {
		if c := p.comment(id); c != nil {
			return c
		}
	}
	return nil
}

func checkByID(r *repo, id int64) *checkRun {
	for _, c := range r.checks {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func repoByID(r *repo, id int64) *repo {
	if r.ID == id {
		return r
	}
	return nil
}

func (g *graph) mutation() gql.Object {
	do := func(payload string, f func(in gql.Args) (gql.Object, error)) gql.Field {
		return field(func(a gql.Args) (any, error) {
			in := a.Object("input")
			o, err := f(in)
			if err != nil {
				return nil, err
			}
			o["__typename"], o["clientMutationId"] = payload, in["clientMutationId"]
			return o, nil
		})
	}
	return gql.Object{
		"createCheckRun": do("CreateCheckRunPayload", func(in gql.Args) (gql.Object, error) {
			r, _, err := find(g, in.String("repositoryId"), "R", repoByID)
			if err == nil {
				err = g.s.allow(g.by, r, writeChecks)
			}
			if err != nil {
				return nil, err
			}
			e, err := checkInput(in)
			if err != nil {
				return nil, err
			}
			c, err := g.s.createCheck(r, g.by, e)
			if err != nil {
				return nil, err
			}
			return gql.Object{"checkRun": g.check(c)}, nil
		}),
		"updateCheckRun": do("UpdateCheckRunPayload", func(in gql.Args) (gql.Object, error) {
			c, r, err := find(g, in.String("checkRunId"), "CR", checkByID)
			if err == nil && r.node() != in.String("repositoryId") {
				err = missing("Could not resolve to a CheckRun with the global id of '%s' in that repository.", in.String("checkRunId"))
			}
			if err == nil {
				err = g.s.allow(g.by, r, writeChecks)
			}
			if err != nil {
				return nil, err
			}
			e, err := checkInput(in)
			if err == nil {
				err = g.s.updateCheck(c, g.by, e)
			}
			if err != nil {
				return nil, err
			}
			return gql.Object{"checkRun": g.check(c)}, nil
		}),
		"addComment": do("AddCommentPayload", func(in gql.Args) (gql.Object, error) {
			p, r, err := find(g, in.String("subjectId"), "PR", pullByID)
			if err == nil {
				err = g.s.allow(g.by, r, talk)
			}
			if err != nil {
				return nil, err
			}
			c, err := g.s.addComment(p, g.by, in.String("body"))
			if err != nil {
				return nil, err
			}
			return gql.Object{"subject": g.pull(p), "commentEdge": gql.Object{"__typename": "IssueCommentEdge", "cursor": c.node(), "node": g.comment(c)}}, nil
		}),
		"updateIssueComment": do("UpdateIssueCommentPayload", func(in gql.Args) (gql.Object, error) {
			c, r, err := find(g, in.String("id"), "IC", commentByID)
			if err == nil {
				err = g.s.allow(g.by, r, talk)
			}
			if err == nil {
				err = g.s.editComment(c, g.by, in.String("body"))
			}
			if err != nil {
				return nil, err
			}
			return gql.Object{"issueComment": g.comment(c)}, nil
		}),
		"addPullRequestReview":  do("AddPullRequestReviewPayload", g.addReview),
		"resolveReviewThread":   do("ResolveReviewThreadPayload", func(in gql.Args) (gql.Object, error) { return g.turnThread(in, true) }),
		"unresolveReviewThread": do("UnresolveReviewThreadPayload", func(in gql.Args) (gql.Object, error) { return g.turnThread(in, false) }),
		"requestReviews":        do("RequestReviewsPayload", g.requestReviews),
		"createCommitOnBranch": field(func(a gql.Args) (any, error) {
			return g.createCommitOnBranch(a.Object("input"))
		}),
	}
}

func (g *graph) requestReviews(in gql.Args) (gql.Object, error) {
	p, r, err := find(g, in.String("pullRequestId"), "PR", pullByID)
	if err == nil {
		err = g.s.allow(g.by, r, writePulls)
	}
	if err != nil {
		return nil, err
	}
	var users []*Account
	var teams []*team
	for _, id := range in.Strings("userIds") {
		_, n := parseNode(id)
		a := g.s.accounts[n]
		if a == nil || a.Type != kindUser {
			return nil, missing("Could not resolve to User node with the global id of '%s'.", id)
		}
		users = append(users, a)
	}
	for _, id := range in.Strings("teamIds") {
		_, n := parseNode(id)
		t := g.s.teamByID(n)
		if t == nil || !g.s.seesTeams(g.by, t.Org) {
			return nil, missing("Could not resolve to Team node with the global id of '%s'.", id)
		}
		teams = append(teams, t)
	}
	if err := g.s.requestable(p, users, teams); err != nil {
		return nil, err
	}
	if union, _ := in["union"].(bool); !union {
		// Without union the request replaces who was asked before.
		p.Users = slices.DeleteFunc(p.Users, func(a *Account) bool { return !slices.Contains(users, a) })
		p.Teams = slices.DeleteFunc(p.Teams, func(t *team) bool { return !slices.Contains(teams, t) })
	}
	g.s.request(p, g.by, users, teams)
	return gql.Object{"actor": g.account(g.by.account), "pullRequest": g.pull(p)}, nil
}

// checkInput reads GraphQL's input into REST's words.
func checkInput(in gql.Args) (checkEdit, error) {
	text := func(a gql.Args, name string) *string {
		if !a.Given(name) {
			return nil
		}
		s := a.String(name)
		return &s
	}
	lower := func(a gql.Args, name string) *string {
		s := text(a, name)
		if s != nil {
			*s = strings.ToLower(*s)
		}
		return s
	}
	num := func(a gql.Args, name string) *int {
		if !a.Given(name) {
			return nil
		}
		n := a.Int(name)
		return &n
	}
	e := checkEdit{Name: text(in, "name"), HeadSHA: text(in, "headSha"), DetailsURL: text(in, "detailsUrl"), ExternalID: text(in, "externalId"),
		Status: lower(in, "status"), Conclusion: lower(in, "conclusion")}
	for name, to := range map[string]**time.Time{"startedAt": &e.StartedAt, "completedAt": &e.CompletedAt} {
		if !in.Given(name) {
			continue
		}
		t, err := time.Parse(time.RFC3339, in.String(name))
		if err != nil {
			return e, &gql.Typed{Type: "argumentLiteralsIncompatible", Message: "Could not coerce value " + strconv.Quote(in.String(name)) + " to DateTime"}
		}
		*to = &t
	}
	if !in.Given("output") {
		return e, nil
	}
	out := in.Object("output")
	e.Output = &checkOutput{Title: text(out, "title"), Summary: text(out, "summary"), Text: text(out, "text")}
	for _, a := range out.Objects("annotations") {
		at := a.Object("location")
		e.Output.Annotations = append(e.Output.Annotations, annotationEdit{Path: text(a, "path"), Level: lower(a, "annotationLevel"), Message: text(a, "message"),
			Title: text(a, "title"), Raw: text(a, "rawDetails"), StartLine: num(at, "startLine"), EndLine: num(at, "endLine"),
			StartColumn: num(at, "startColumn"), EndColumn: num(at, "endColumn")})
	}
	return e, nil
}
