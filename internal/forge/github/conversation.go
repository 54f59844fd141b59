package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/client"
	"github.com/lumos-governance/lumos/internal/owners"
)

const (
	maxCommits = 250 // GitHub shows no more commits of a pull request
	maxPages   = 10  // of reviews, of comments and of threads: 1,000 each
	maxTeam    = 50  // pages of a team's members: 5,000
)

// Conversation reads a pull request in one request; only what does not fit a page of 100 (commits,
// reviews, comments, threads, members of a team) takes more. A commit list that does not hold the head is
// ErrHeadMoved: somebody pushed while it was read.
func (a *App) Conversation(ctx context.Context, pr forge.Ref, want forge.Want) (*forge.Conversation, error) {
	in, err := a.in(ctx, pr.Repo)
	if err != nil {
		return nil, err
	}
	c, err := a.conversation(ctx, in, pr, want)
	return c, a.failed(in, err, "reading %s", pr)
}

func (a *App) conversation(ctx context.Context, in *installation, pr forge.Ref, want forge.Want) (*forge.Conversation, error) {
	doc, variables := conversationDocument(a.id, pr, want)
	var answer map[string]json.RawMessage
	errs, err := in.graphql(ctx, doc, variables, &answer)
	if err != nil {
		return nil, err
	}
	hidden, errs := errs.split(func(e gqlError) bool { return strings.HasPrefix(e.at(), "t") })
	if err := errs.asError(); err != nil {
		return nil, err
	}
	var repo repository
	if err := json.Unmarshal(answer["repository"], &repo); err != nil {
		return nil, fmt.Errorf("decoding the GraphQL answer: %w", err)
	}
	p := repo.PullRequest
	if p == nil {
		return nil, forge.ErrNotFound
	}
	c := &forge.Conversation{Requested: p.requested(), Checks: p.checks()}
	if repo.Audit != nil {
		c.AuditTip = repo.Audit.Target.OID
	}
	if c.PullRequest, err = p.facts(a.host, repo); err != nil {
		return nil, err
	}
	if err := readBase(c, p, want.Dirs); err != nil {
		return nil, err
	}
	var viewer actor
	if raw := answer["viewer"]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &viewer); err != nil {
			return nil, fmt.Errorf("decoding the GraphQL answer: %w", err)
		}
	}
	if err := in.readCommits(ctx, c, p, viewer); err != nil {
		return nil, err
	}
	if err := in.readReviews(ctx, c, p); err != nil {
		return nil, err
	}
	if err := in.readComments(ctx, c, p); err != nil {
		return nil, err
	}
	if err := in.readThreads(ctx, c, p, viewer.ID); err != nil {
		return nil, err
	}
	for i, name := range want.Teams {
		alias := fmt.Sprintf("t%d", i)
		team, err := in.readTeam(ctx, name, answer[alias], hidden[alias])
		if err != nil {
			return nil, err
		}
		c.Teams = append(c.Teams, team)
	}
	return c, nil
}

// conversationDocument builds the document for what is wanted, and its variables.
func conversationDocument(app int64, pr forge.Ref, want forge.Want) (string, map[string]any) {
	dirs := client.Aliases{Values: map[string]any{
		"owner": pr.Repo.Owner, "name": pr.Repo.Name, "number": pr.Number,
		"app": app, "audit": "refs/heads/" + forge.AuditBranch,
	}}
	for i, dir := range want.Dirs {
		if dir = cleanDir(dir); dir == "." {
			dirs.Field("d%d: tree { ...TreeEntries }", i)
			continue
		}
		dirs.Variable(fmt.Sprintf("d%d", i), "String!", cleanDir(dir))
		dirs.Field("d%d: file(path: $d%d) { ...Listing }", i, i)
	}
	teams := client.Aliases{Values: dirs.Values}
	for i, name := range want.Teams {
		org, slug, ok := strings.Cut(name, "/")
		if !ok {
			continue // readTeam says so
		}
		teams.Variable(fmt.Sprintf("t%dOrg", i), "String!", org)
		teams.Variable(fmt.Sprintf("t%dSlug", i), "String!", slug)
		teams.Field("t%d: organization(login: $t%dOrg) { team(slug: $t%dSlug) { ...TeamFacts } }", i, i, i)
	}
	return document("conversation", map[string]string{
		"variables":   dirs.Declared() + teams.Declared(),
		"directories": dirs.Fields(),
		"teams":       teams.Fields(),
	}), dirs.Values
}

// cleanDir is the directory as GitHub's path arguments want it; "." is the root.
func cleanDir(dir string) string { return path.Clean(strings.Trim(dir, "/")) }

func (p *pullRequest) facts(host string, repo repository) (forge.PullRequest, error) {
	out := forge.PullRequest{
		Ref: forge.Ref{
			Repo:   forge.Repo{Host: host, ID: repo.ID, Owner: repo.Owner.Login, Name: repo.Name},
			Number: p.Number,
		},
		NodeID: p.NodeID, RepoNodeID: repo.NodeID, URL: p.URL, Title: p.Title, Draft: p.IsDraft,
		Author: p.Author.account(), CreatedAt: p.CreatedAt,
		Head: forge.Branch{Ref: p.HeadRefName, SHA: p.HeadRefOID, Fork: p.IsCrossRepository},
		Base: forge.Branch{Ref: p.BaseRefName, SHA: p.BaseRefOID, Repo: repo.Owner.Login + "/" + repo.Name},
	}
	switch p.State {
	case "OPEN":
		out.State = forge.Open
	case "CLOSED":
		out.State = forge.Closed
	case "MERGED":
		out.State = forge.Merged
	default:
		return out, fmt.Errorf("state %q of the pull request: expected OPEN, CLOSED or MERGED", p.State)
	}
	switch p.Mergeable {
	case "MERGEABLE":
		out.Mergeable = forge.MergeClean
	case "CONFLICTING":
		out.Mergeable = forge.MergeConflict
	default:
		out.Mergeable = forge.MergeUncertain
	}
	if p.HeadRepository != nil {
		out.Head.Repo = p.HeadRepository.NameWithOwner
	}
	if p.MergeCommit != nil && p.State == "MERGED" {
		out.MergeCommit = p.MergeCommit.OID
	}
	if p.State == "MERGED" {
		by := p.MergedBy.account()
		out.MergedBy = &by
	}
	return out, nil
}

// account is who acted. Somebody without a numeric id, and any kind but people and bots
// (mannequins of an import, deleted accounts), is Unknown.
func (a *actor) account() forge.Account {
	switch {
	case a == nil:
		return forge.Account{Kind: forge.Unknown}
	case a.Type == "Bot" || strings.HasSuffix(a.Login, "[bot]"):
		// GraphQL shows a bot's login bare as an actor, with the suffix as a commit's author.
		return forge.Account{ID: a.ID, Login: strings.TrimSuffix(a.Login, "[bot]") + "[bot]", Kind: forge.Bot}
	case a.Type == "User" && a.ID != 0 && a.Login != webFlow:
		return forge.Account{ID: a.ID, NodeID: a.NodeID, Login: a.Login, Kind: forge.User}
	}
	return forge.Account{Login: a.Login, Kind: forge.Unknown}
}

// webFlow is the account to which GitHub attributes noreply@github.com, under which it commits
// itself. Anybody can write that address, so only GitHub's signature makes it mean GitHub.
const webFlow = "web-flow"

// committer is nobody when GitHub itself committed and its signature says so.
func (c commit) committer() forge.Account {
	var user *actor
	if c.Committer != nil {
		user = c.Committer.User
	}
	hosted := c.Signature != nil && c.Signature.IsValid && c.Signature.WasSignedByGitHub
	if hosted && (user == nil || user.Login == webFlow) {
		return forge.Account{}
	}
	return user.account()
}

// account is who is named in a commit. GitHub names no user for an App's address: ours is known by itself, since
// whoever applies what we suggest names us as a co-author.
func (a gitActor) account(me actor) forge.Account {
	local, domain, _ := strings.Cut(strings.ToLower(a.Email), "@")
	slug := strings.TrimSuffix(strings.ToLower(me.Login), "[bot]")
	if a.User == nil && me.ID != 0 && strings.HasPrefix(domain, "users.noreply.") && local == fmt.Sprintf("%d+%s[bot]", me.ID, slug) {
		return forge.Account{ID: me.ID, Login: slug + "[bot]", Kind: forge.Bot}
	}
	return a.User.account()
}

// requested lists who was asked to review. More than the first 100 only means that some are asked
// again, which GitHub ignores.
func (p *pullRequest) requested() []string {
	var out []string
	for _, n := range p.ReviewRequests.Nodes {
		switch r := n.Reviewer; {
		case r == nil:
		case r.Type == "User":
			out = append(out, strings.ToLower(r.Login))
		case r.Type == "Team":
			out = append(out, strings.ToLower(r.Organization.Login+"/"+r.Slug))
		}
	}
	return out
}

// checks lists our check runs on the head.
func (p *pullRequest) checks() []forge.Check {
	var out []forge.Check
	for _, n := range p.Last.Nodes {
		if n.Commit.OID != p.HeadRefOID {
			continue
		}
		for _, suite := range n.Commit.CheckSuites.Nodes {
			for _, r := range suite.CheckRuns.Nodes {
				out = append(out, forge.Check{
					ID: r.ID, Name: r.Name, HeadSHA: n.Commit.OID, ExternalID: r.ExternalID, StartedAt: r.StartedAt,
					Status:     forge.CheckStatus(strings.ToLower(r.Status)),
					Conclusion: forge.Conclusion(strings.ToLower(r.Conclusion)),
				})
			}
		}
	}
	return out
}

// readBase takes the live tip of the base branch and the files that were read there.
func readBase(c *forge.Conversation, p *pullRequest, dirs []string) error {
	if p.BaseRef == nil || p.BaseRef.Target["oid"] == nil {
		c.Truncated = append(c.Truncated, "the base branch, which is gone")
		return nil
	}
	target := p.BaseRef.Target
	if err := json.Unmarshal(target["oid"], &c.PullRequest.Base.SHA); err != nil {
		return fmt.Errorf("decoding the base commit: %w", err)
	}
	seen := map[string]bool{}
	add := func(at string, e treeEntry) {
		if !seen[at] {
			seen[at] = true
			c.BaseFiles = append(c.BaseFiles, forge.Entry{Path: at, Mode: e.mode(), OID: e.OID})
		}
	}
	at := func(alias string) (*treeEntry, error) {
		var e *treeEntry
		if raw := target[alias]; raw != nil {
			if err := json.Unmarshal(raw, &e); err != nil {
				return nil, fmt.Errorf("decoding %s of the base: %w", alias, err)
			}
		}
		return e, nil
	}

	lumos, err := at("lumos")
	if err != nil {
		return err
	}
	if lumos != nil {
		var walk func(dir string, e treeEntry)
		walk = func(dir string, e treeEntry) {
			add(dir, e)
			if !e.isTree() {
				return
			}
			if e.Object == nil || e.Object.Entries == nil {
				c.Truncated = append(c.Truncated, dir+", which is nested deeper than Lumos reads, or unreadable")
				return
			}
			for _, child := range e.Object.Entries {
				walk(dir+"/"+child.Name, child)
			}
		}
		walk(".lumos", *lumos)
	}
	for i, place := range owners.Places(owners.GitHub) { // the document's aliases owners0… are in the same order
		e, err := at(fmt.Sprintf("owners%d", i))
		if err != nil {
			return err
		}
		if e != nil {
			add(place, *e)
		}
	}
	for i, dir := range dirs {
		e, err := at(fmt.Sprintf("d%d", i))
		if err != nil {
			return err
		}
		if e == nil || e.Mode != 0 && !e.isTree() {
			continue // no such directory; the root's tree has no mode
		}
		entries := e.Entries
		if e.Object != nil {
			entries = e.Object.Entries
		}
		if entries == nil {
			c.Truncated = append(c.Truncated, "the directory "+dir)
		}
		for _, child := range entries {
			add(path.Join(cleanDir(dir), child.Name), child)
		}
	}
	slices.SortFunc(c.BaseFiles, func(x, y forge.Entry) int { return strings.Compare(x.Path, y.Path) })
	return nil
}

// mode is git's octal mode: GraphQL gives it as a decimal number.
func (e treeEntry) mode() string { return fmt.Sprintf("%06o", e.Mode) }

func (e treeEntry) isTree() bool { return e.Mode == 0o40000 }

func (e treeEntry) entry(at string) forge.Entry {
	return forge.Entry{Path: at, Mode: e.mode(), OID: e.OID}
}

func (in *installation) readCommits(ctx context.Context, c *forge.Conversation, p *pullRequest, me actor) error {
	list := p.Commits
	total, head := list.TotalCount, false
	for {
		for _, n := range list.Nodes {
			commit := n.Commit
			if commit.OID == "" {
				c.Truncated = append(c.Truncated, "a commit that GitHub could not read")
				continue
			}
			head = head || commit.OID == p.HeadRefOID
			out := forge.Commit{SHA: commit.OID, Committer: commit.committer()}
			for _, parent := range commit.Parents.Nodes {
				out.Parents = append(out.Parents, parent.OID)
			}
			for _, author := range commit.Authors.Nodes {
				out.Authors = append(out.Authors, author.account(me))
			}
			if commit.Authors.TotalCount != len(out.Authors) || len(out.Authors) == 0 {
				c.Truncated = append(c.Truncated, "the authors of commit "+commit.OID)
			}
			if commit.Parents.TotalCount != len(out.Parents) {
				c.Truncated = append(c.Truncated, "the parents of commit "+commit.OID)
			}
			c.Commits = append(c.Commits, out)
		}
		if !list.PageInfo.HasNextPage || len(c.Commits) >= maxCommits {
			break
		}
		var more struct {
			Node pullRequest `json:"node"`
		}
		if err := in.more(ctx, "more_commits", p.NodeID, list.PageInfo.EndCursor, &more); err != nil {
			return err
		}
		list = more.Node.Commits
	}
	switch {
	case total > maxCommits || total != len(c.Commits):
		c.Truncated = append(c.Truncated, fmt.Sprintf("commits: %d, of which %d were read", total, len(c.Commits)))
	case total > 0 && !head:
		return fmt.Errorf("%w: the commits do not hold %s", forge.ErrHeadMoved, p.HeadRefOID)
	}
	return nil
}

// more reads the page after (or before) a cursor.
func (in *installation) more(ctx context.Context, name, id, cursor string, out any) error {
	return in.strict(ctx, document(name, nil), map[string]any{"id": id, "cursor": cursor}, out)
}

var reviewStates = map[string]forge.ReviewState{
	"APPROVED": forge.ReviewApproved, "CHANGES_REQUESTED": forge.ReviewChangesRequested,
	"COMMENTED": forge.ReviewCommented, "DISMISSED": forge.ReviewDismissed,
}

func (in *installation) readReviews(ctx context.Context, c *forge.Conversation, p *pullRequest) error {
	list := p.Reviews
	for n := 1; ; n++ {
		for _, r := range list.Nodes {
			state, ok := reviewStates[r.State]
			if !ok || r.ID == 0 {
				c.Truncated = append(c.Truncated, fmt.Sprintf("review %d, which is %q", r.ID, r.State))
				continue
			}
			out := forge.Review{ID: int64(r.ID), Author: r.Author.account(), State: state, SubmittedAt: r.SubmittedAt, URL: r.URL}
			if r.Commit != nil {
				out.CommitSHA = r.Commit.OID
			}
			c.Reviews = append(c.Reviews, out)
		}
		if !list.PageInfo.HasNextPage {
			return nil
		}
		if n == maxPages {
			c.Truncated = append(c.Truncated, fmt.Sprintf("reviews: more than %d", len(c.Reviews)))
			return nil
		}
		var more struct {
			Node pullRequest `json:"node"`
		}
		if err := in.more(ctx, "more_reviews", p.NodeID, list.PageInfo.EndCursor, &more); err != nil {
			return err
		}
		list = more.Node.Reviews
	}
}

// readComments reads backwards: the newest comments come with the conversation itself.
func (in *installation) readComments(ctx context.Context, c *forge.Conversation, p *pullRequest) error {
	list := p.Comments
	for n := 1; ; n++ {
		older := make([]forge.Comment, 0, len(list.Nodes)+len(c.Comments))
		for _, m := range list.Nodes {
			if m.ID == 0 {
				c.Truncated = append(c.Truncated, "a comment that GitHub could not read")
				continue
			}
			older = append(older, forge.Comment{
				ID: int64(m.ID), NodeID: m.NodeID, Author: m.Author.account(), Body: m.Body, CreatedAt: m.CreatedAt,
				Edited: m.LastEditedAt != nil, Mine: m.Mine, URL: m.URL,
			})
		}
		c.Comments = append(older, c.Comments...)
		if !list.PageInfo.HasPreviousPage {
			return nil
		}
		if n == maxPages {
			c.Truncated = append(c.Truncated, fmt.Sprintf("comments: more than %d", len(c.Comments)))
			return nil
		}
		var more struct {
			Node pullRequest `json:"node"`
		}
		if err := in.more(ctx, "more_comments", p.NodeID, list.PageInfo.StartCursor, &more); err != nil {
			return err
		}
		list = more.Node.Comments
	}
}

// readThreads finds our own threads on lines, by the mark in their first comment. me is our account.
func (in *installation) readThreads(ctx context.Context, c *forge.Conversation, p *pullRequest, me int64) error {
	list := p.ReviewThreads
	for n := 1; ; n++ {
		for _, t := range list.Nodes {
			if t.NodeID == "" || len(t.Comments.Nodes) == 0 || !t.Comments.Nodes[0].Mine {
				continue
			}
			body := t.Comments.Nodes[0].Body
			key, ok := forge.ThreadKey(body)
			if !ok {
				continue
			}
			c.Threads = append(c.Threads, forge.Thread{
				NodeID: t.NodeID, Key: key, Body: body, Resolved: t.Resolved,
				ByUs: t.Resolved && t.ResolvedBy != nil && me != 0 && t.ResolvedBy.ID == me,
			})
		}
		if !list.PageInfo.HasNextPage {
			return nil
		}
		if n == maxPages {
			c.Truncated = append(c.Truncated, fmt.Sprintf("threads: more than %d", maxPages*perPage))
			return nil
		}
		var more struct {
			Node pullRequest `json:"node"`
		}
		if err := in.more(ctx, "more_threads", p.NodeID, list.PageInfo.EndCursor, &more); err != nil {
			return err
		}
		list = more.Node.ReviewThreads
	}
}

// readTeam reads a team with all its members, or says why it could not.
func (in *installation) readTeam(ctx context.Context, name string, raw json.RawMessage, hidden gqlError) (forge.Team, error) {
	org, slug, ok := strings.Cut(strings.ToLower(name), "/")
	out := forge.Team{Org: org, Slug: slug}
	if !ok {
		out.Unreadable = fmt.Sprintf("%q is no team: expected org/team", name)
		return out, nil
	}
	var answer struct {
		Team *team `json:"team"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			return out, fmt.Errorf("decoding team %s: %w", name, err)
		}
	}
	switch {
	case hidden.Message != "":
		out.Unreadable = redact(fmt.Sprintf("GitHub says: %s", hidden.Message))
		return out, nil
	case answer.Team == nil || answer.Team.ID == 0:
		out.Unreadable = "no such team, or the App may not read the organization's members"
		return out, nil
	}
	out.ID, out.NodeID = answer.Team.ID, answer.Team.NodeID
	list := answer.Team.Members
	for n := 1; ; n++ {
		for _, m := range list.Nodes {
			if m.ID != 0 { // somebody without an id satisfies nothing
				out.Members = append(out.Members, forge.Account{ID: m.ID, NodeID: m.NodeID, Login: m.Login, Kind: forge.User})
			}
		}
		if !list.PageInfo.HasNextPage {
			return out, nil
		}
		if n == maxTeam {
			out.Unreadable = fmt.Sprintf("more than %d members", len(out.Members))
			return out, nil
		}
		var more struct {
			Node team `json:"node"`
		}
		err := in.more(ctx, "more_members", out.NodeID, list.PageInfo.EndCursor, &more)
		if kind := kindOf(err); errors.Is(kind, forge.ErrForbidden) || errors.Is(kind, forge.ErrNotFound) {
			out.Unreadable = "GitHub shows only a part of its members"
			return out, nil
		}
		if err != nil {
			return out, err
		}
		list = more.Node.Members
	}
}
