package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/object"
)

// nodeID makes a GraphQL id; parseNode takes it apart.
func nodeID(prefix string, id int64) string {
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(id)))
}

func parseNode(id string) (prefix string, n int64) {
	i := strings.IndexByte(id, '_')
	if i < 0 {
		return "", 0
	}
	raw, err := base64.RawURLEncoding.DecodeString(id[i+1:])
	if err != nil || len(raw) != 8 {
		return "", 0
	}
	return id[:i], int64(binary.BigEndian.Uint64(raw))
}

func (a *Account) node() string {
	return nodeID(map[string]string{kindUser: "U", kindOrg: "O", kindBot: "BOT"}[a.Type], a.ID)
}
func (t *team) node() string     { return nodeID("T", t.ID) }
func (r *repo) node() string     { return nodeID("R", r.ID) }
func (p *pull) node() string     { return nodeID("PR", p.ID) }
func (v *review) node() string   { return nodeID("PRR", v.ID) }
func (c *comment) node() string  { return nodeID("IC", c.ID) }
func (c *checkRun) node() string { return nodeID("CR", c.ID) }

// objectNode is the GraphQL id of a git object.
func (r *repo) objectNode(kind, sha string) string {
	return kind + "_" + base64.RawURLEncoding.EncodeToString([]byte(r.full()+":"+sha))
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *Sandbox) rest(path string) string { return s.url + apiRoot + path }

func (s *Sandbox) userJSON(a *Account) any {
	if a == nil {
		return nil
	}
	login := url.PathEscape(a.Login)
	u := s.rest("/users/" + login)
	html := s.url + "/" + login
	if a.Type == kindBot {
		html = s.url + "/apps/" + strings.TrimSuffix(a.Login, "[bot]")
	}
	return obj{"login": a.Login, "id": a.ID, "node_id": a.node(), "avatar_url": s.url + "/avatars/" + login, "gravatar_id": "", "url": u,
		"html_url": html, "followers_url": u + "/followers", "following_url": u + "/following{/other_user}", "gists_url": u + "/gists{/gist_id}",
		"starred_url": u + "/starred{/owner}{/repo}", "subscriptions_url": u + "/subscriptions", "organizations_url": u + "/orgs",
		"repos_url": u + "/repos", "events_url": u + "/events{/privacy}", "received_events_url": u + "/received_events",
		"type": a.Type, "site_admin": false}
}

func (s *Sandbox) orgJSON(a *Account) obj {
	u := s.rest("/orgs/" + a.Login)
	return obj{"login": a.Login, "id": a.ID, "node_id": a.node(), "url": u, "repos_url": u + "/repos", "events_url": u + "/events",
		"hooks_url": u + "/hooks", "issues_url": u + "/issues", "members_url": u + "/members{/member}",
		"public_members_url": u + "/public_members{/member}", "avatar_url": s.url + "/avatars/" + a.Login, "description": nil}
}

// templated are the URLs of a repository that carry nothing of their own.
var templated = strings.Fields(`archive:{archive_format}{/ref} assignees:assignees{/user} blobs:git/blobs{/sha} branches:branches{/branch}
	collaborators:collaborators{/collaborator} comments:comments{/number} commits:commits{/sha} compare:compare/{base}...{head}
	contents:contents/{+path} contributors:contributors deployments:deployments downloads:downloads events:events forks:forks
	git_commits:git/commits{/sha} git_refs:git/refs{/sha} git_tags:git/tags{/sha} issue_comment:issues/comments{/number}
	issue_events:issues/events{/number} issues:issues{/number} keys:keys{/key_id} labels:labels{/name} languages:languages merges:merges
	milestones:milestones{/number} notifications:notifications{?since,all,participating} pulls:pulls{/number} releases:releases{/id}
	stargazers:stargazers statuses:statuses/{sha} subscribers:subscribers subscription:subscription tags:tags teams:teams trees:git/trees{/sha}
	hooks:hooks`)

func (s *Sandbox) repoJSON(r *repo) obj {
	u := s.rest("/repos/" + r.full())
	html := s.url + "/" + r.full()
	visibility := "public"
	if r.Private {
		visibility = "private"
	}
	open := len(r.openPulls())
	j := obj{"id": r.ID, "node_id": r.node(), "name": r.Name, "full_name": r.full(), "owner": s.userJSON(r.Owner), "private": r.Private,
		"html_url": html, "description": nil, "fork": false, "url": u, "git_url": "git://" + s.Host() + "/" + r.full() + ".git",
		"ssh_url": "git@" + s.Host() + ":" + r.full() + ".git", "clone_url": html + ".git", "svn_url": html, "mirror_url": nil, "homepage": nil,
		"language": nil, "forks_count": 0, "forks": 0, "stargazers_count": 0, "watchers_count": 0, "watchers": 0, "size": 0,
		"default_branch": r.Default, "open_issues_count": open, "open_issues": open, "is_template": false, "topics": []string{},
		"has_issues": !r.noIssues, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": false, "has_discussions": false,
		"archived": false, "disabled": false, "visibility": visibility, "pushed_at": stamp(r.pushed), "created_at": stamp(r.created),
		"updated_at": stamp(r.pushed), "license": nil, "allow_forking": false, "web_commit_signoff_required": false}
	for _, t := range templated {
		name, path, _ := strings.Cut(t, ":")
		j[name+"_url"] = u + "/" + path
	}
	return j
}

// fullRepoJSON adds what only the repository's own page tells.
func (s *Sandbox) fullRepoJSON(r *repo) obj {
	j := s.repoJSON(r)
	j["subscribers_count"], j["network_count"] = 0, 0
	if r.Owner.Type == kindOrg {
		j["organization"] = s.userJSON(r.Owner)
	}
	return j
}

func (s *Sandbox) teamJSON(t *team) obj {
	u := s.rest("/organizations/") + itoa(t.Org.ID) + "/team/" + itoa(t.ID)
	return obj{"id": t.ID, "node_id": t.node(), "name": t.Slug, "slug": t.Slug, "description": nil, "privacy": "closed",
		"notification_setting": "notifications_enabled", "permission": "pull", "url": u, "members_url": u + "/members{/member}",
		"html_url": s.url + "/orgs/" + t.Org.Login + "/teams/" + t.Slug, "repositories_url": u + "/repos", "type": "organization",
		"organization_id": t.Org.ID, "parent": nil}
}

// teamSimple is a team without its parent, as some answers have it.
func (s *Sandbox) teamSimple(t *team) obj {
	j := s.teamJSON(t)
	delete(j, "parent")
	return j
}

// hookTeam is a team as webhooks carry it: with fewer fields.
func (s *Sandbox) hookTeam(t *team) any {
	j := s.teamJSON(t)
	for _, name := range []string{"type", "organization_id", "notification_setting"} {
		delete(j, name)
	}
	return j
}

func (s *Sandbox) labelJSON(r *repo, l *label) obj {
	return obj{"id": l.ID, "node_id": nodeID("LA", l.ID), "url": s.rest("/repos/" + r.full() + "/labels/" + url.PathEscape(l.Name)),
		"name": l.Name, "description": "", "color": l.Color, "default": false}
}

func each[T any](items []T, render func(T) any) []any {
	out := []any{}
	for _, it := range items {
		out = append(out, render(it))
	}
	return out
}

func (s *Sandbox) pullURL(p *pull) string {
	return s.url + "/" + p.repo.full() + "/pull/" + itoa(p.Number)
}

// pullSimpleJSON is a pull request as lists show it.
func (s *Sandbox) pullSimpleJSON(p *pull) obj {
	r := p.repo
	n := itoa(p.Number)
	u, issue := s.rest("/repos/"+r.full()+"/pulls/"+n), s.rest("/repos/"+r.full()+"/issues/"+n)
	statuses := s.rest("/repos/" + r.full() + "/statuses/" + p.HeadSHA)
	html := s.pullURL(p)
	state := "open"
	if p.Closed {
		state = "closed"
	}
	var merge any
	if p.MergeSHA != "" {
		merge = p.MergeSHA
	}
	end := func(ref, sha string) obj {
		return obj{"label": r.Owner.Login + ":" + ref, "ref": ref, "sha": sha, "user": s.userJSON(r.Owner), "repo": s.repoJSON(r)}
	}
	href := func(u string) obj { return obj{"href": u} }
	return obj{"url": u, "id": p.ID, "node_id": p.node(), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"issue_url": issue, "commits_url": u + "/commits", "review_comments_url": u + "/comments",
		"review_comment_url": s.rest("/repos/" + r.full() + "/pulls/comments{/number}"), "comments_url": issue + "/comments",
		"statuses_url": statuses, "number": p.Number, "state": state, "locked": false, "title": p.Title, "user": s.userJSON(p.Author),
		"body": orNull(p.Body), "labels": each(p.Labels, func(l *label) any { return s.labelJSON(r, l) }), "milestone": nil,
		"active_lock_reason": nil, "created_at": stamp(p.Created), "updated_at": stamp(p.Updated), "closed_at": stamp(p.ClosedAt),
		"merged_at": stamp(p.MergedAt), "merge_commit_sha": merge, "assignee": nil, "assignees": []any{},
		"requested_reviewers": each(p.Users, s.userJSON), "requested_teams": each(p.Teams, func(t *team) any { return s.teamJSON(t) }),
		"head": end(p.HeadRef, p.HeadSHA), "base": end(p.BaseRef, p.BaseSHA),
		"_links": obj{"self": href(u), "html": href(html), "issue": href(issue), "comments": href(issue + "/comments"),
			"review_comments": href(u + "/comments"), "review_comment": href(s.rest("/repos/" + r.full() + "/pulls/comments{/number}")),
			"commits": href(u + "/commits"), "statuses": href(statuses)},
		"author_association": s.association(p.Author, r), "auto_merge": nil, "draft": p.Draft}
}

// pullJSON is a pull request in full, as it is read: that is what makes the host compute whether it
// can be merged.
func (s *Sandbox) pullJSON(p *pull) obj { return s.pullFull(p, p.mergeability()) }

// hookPull is a pull request as webhooks carry it: nothing is computed yet.
func (s *Sandbox) hookPull(p *pull) obj {
	j := s.pullFull(p, "UNKNOWN")
	j["requested_teams"] = each(p.Teams, s.hookTeam)
	return j
}

// hookPullSimple is the shorter form, which goes with reviews.
func (s *Sandbox) hookPullSimple(p *pull) obj {
	j := s.pullSimpleJSON(p)
	j["requested_teams"] = each(p.Teams, s.hookTeam)
	return j
}

func (s *Sandbox) pullFull(p *pull, mergeability string) obj {
	j := s.pullSimpleJSON(p)
	j["requested_teams"] = each(p.Teams, func(t *team) any { return s.teamSimple(t) })
	var mergeable any
	state := "unknown"
	switch mergeability {
	case "MERGEABLE":
		mergeable, state = true, "clean"
		if p.Draft {
			state = "draft"
		} else if ru := p.repo.rule("refs/heads/" + p.BaseRef); ru != nil && len(p.repo.unmet(ru, p.HeadSHA)) > 0 {
			state = "blocked"
		}
	case "CONFLICTING":
		mergeable, state = false, "dirty"
	}
	add, del, commits, files := 0, 0, 0, 0
	if c, err := p.compare(); err == nil {
		commits, files = len(c.Commits), len(c.Files)
		for _, f := range c.Files {
			add, del = add+f.Additions, del+f.Deletions
		}
	}
	for k, v := range (obj{"merged": p.merged(), "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": state,
		"merged_by": s.userJSON(p.MergedBy), "comments": len(p.Comments), "review_comments": p.lineComments(), "maintainer_can_modify": false,
		"commits": commits, "additions": add, "deletions": del, "changed_files": files}) {
		j[k] = v
	}
	return j
}

// issueJSON is a pull request seen as an issue, as comment events carry it.
func (s *Sandbox) issueJSON(p *pull) obj {
	u := s.rest("/repos/" + p.repo.full() + "/issues/" + itoa(p.Number))
	j := s.pullSimpleJSON(p)
	return obj{"url": u, "repository_url": s.rest("/repos/" + p.repo.full()), "labels_url": u + "/labels{/name}", "comments_url": u + "/comments",
		"events_url": u + "/events", "html_url": j["html_url"], "id": p.ID, "node_id": p.node(), "number": p.Number, "title": p.Title,
		"user": j["user"], "labels": j["labels"], "state": j["state"], "locked": false, "assignee": nil, "assignees": []any{}, "milestone": nil,
		"comments": len(p.Comments), "created_at": j["created_at"], "updated_at": j["updated_at"], "closed_at": j["closed_at"],
		"author_association": j["author_association"], "active_lock_reason": nil, "draft": p.Draft, "body": j["body"],
		"pull_request": obj{"url": j["url"], "html_url": j["html_url"], "diff_url": j["diff_url"], "patch_url": j["patch_url"], "merged_at": j["merged_at"]},
		"reactions":    reactions(u), "timeline_url": u + "/timeline", "performed_via_github_app": nil, "state_reason": nil}
}

func reactions(u string) obj {
	return obj{"url": u + "/reactions", "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0}
}

func (s *Sandbox) commentJSON(c *comment) obj {
	p := c.pull
	u := s.rest("/repos/" + p.repo.full() + "/issues/comments/" + itoa(c.ID))
	var via any
	if c.Via != nil {
		via = s.appJSON(c.Via)
	}
	return obj{"id": c.ID, "node_id": c.node(), "url": u, "html_url": s.pullURL(p) + "#issuecomment-" + itoa(c.ID), "body": c.Body,
		"user": s.userJSON(c.Author), "created_at": stamp(c.Created), "updated_at": stamp(c.Updated),
		"issue_url": s.rest("/repos/" + p.repo.full() + "/issues/" + itoa(p.Number)), "author_association": s.association(c.Author, p.repo),
		"performed_via_github_app": via, "reactions": reactions(u)}
}

func (s *Sandbox) reviewJSON(p *pull, v *review) obj {
	u := s.rest("/repos/" + p.repo.full() + "/pulls/" + itoa(p.Number))
	html := s.pullURL(p) + "#pullrequestreview-" + itoa(v.ID)
	return obj{"id": v.ID, "node_id": v.node(), "user": s.userJSON(v.Author), "body": v.Body, "state": v.State, "html_url": html,
		"pull_request_url": u, "_links": obj{"html": obj{"href": html}, "pull_request": obj{"href": u}}, "submitted_at": stamp(v.Submitted),
		"commit_id": v.Commit, "author_association": s.association(v.Author, p.repo)}
}

// hookReview is a review as webhooks spell it: the state in lower case.
func (s *Sandbox) hookReview(p *pull, v *review) obj {
	j := s.reviewJSON(p, v)
	j["state"] = strings.ToLower(v.State)
	j["body"] = orNull(v.Body)
	j["updated_at"] = stamp(v.Submitted)
	return j
}

func (s *Sandbox) fileJSON(r *repo, head string, f fileChange) obj {
	path := (&url.URL{Path: f.Path}).EscapedPath()
	html := s.url + "/" + r.full()
	j := obj{"sha": f.SHA, "filename": f.Path, "status": f.Status, "additions": f.Additions, "deletions": f.Deletions,
		"changes": f.Additions + f.Deletions, "blob_url": html + "/blob/" + head + "/" + path, "raw_url": html + "/raw/" + head + "/" + path,
		"contents_url": s.rest("/repos/" + r.full() + "/contents/" + path + "?ref=" + head)}
	if f.Patch != "" {
		j["patch"] = strings.TrimSuffix(f.Patch, "\n")
	}
	if f.Previous != "" {
		j["previous_filename"] = f.Previous
	}
	return j
}

func (s *Sandbox) verificationJSON(c *object.Commit) obj {
	v := s.verify(c)
	j := obj{"verified": v.Valid, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
	if v.Signed {
		j["signature"], j["payload"], j["reason"] = v.Signature, v.Payload, "unknown_key"
	}
	if v.Valid {
		j["reason"], j["verified_at"] = "valid", stamp(c.Committer.When)
	}
	return j
}

// commitJSON is a commit with the accounts that its addresses belong to.
func (s *Sandbox) commitJSON(r *repo, c *object.Commit) obj {
	sha := c.Hash.String()
	u, html := s.rest("/repos/"+r.full()+"/commits/"+sha), s.url+"/"+r.full()+"/commit/"+sha
	gitURL := s.rest("/repos/" + r.full() + "/git")
	who := func(x object.Signature) obj { return obj{"name": x.Name, "email": x.Email, "date": stamp(x.When)} }
	parents := []obj{}
	for _, p := range c.ParentHashes {
		parents = append(parents, obj{"sha": p.String(), "url": s.rest("/repos/" + r.full() + "/commits/" + p.String()),
			"html_url": s.url + "/" + r.full() + "/commit/" + p.String()})
	}
	return obj{"url": u, "sha": sha, "node_id": r.objectNode("C", sha), "html_url": html, "comments_url": u + "/comments",
		"commit": obj{"url": gitURL + "/commits/" + sha, "author": who(c.Author), "committer": who(c.Committer), "message": strings.TrimRight(c.Message, "\n"),
			"comment_count": 0, "tree": obj{"sha": c.TreeHash.String(), "url": gitURL + "/trees/" + c.TreeHash.String()}, "verification": s.verificationJSON(c)},
		"author": s.userJSON(s.byEmail(c.Author.Email)), "committer": s.userJSON(s.byEmail(c.Committer.Email)), "parents": parents}
}

// gitCommitJSON is the commit object alone.
func (s *Sandbox) gitCommitJSON(r *repo, c *object.Commit) obj {
	j := s.commitJSON(r, c)
	in := j["commit"].(obj)
	return obj{"sha": j["sha"], "node_id": j["node_id"], "url": in["url"], "html_url": j["html_url"], "author": in["author"],
		"committer": in["committer"], "message": in["message"], "tree": in["tree"], "parents": j["parents"], "verification": in["verification"]}
}

func (s *Sandbox) appJSON(a *app) obj {
	return obj{"id": a.ID, "slug": a.Slug, "node_id": nodeID("A", a.ID), "client_id": "Iv1." + itoa(a.ID), "owner": s.userJSON(a.Owner),
		"name": a.Name, "description": nil, "external_url": s.url, "html_url": s.url + "/apps/" + a.Slug, "created_at": stamp(a.created),
		"updated_at": stamp(a.created), "permissions": a.Permissions, "events": nonNil(a.Events)}
}

func (s *Sandbox) installJSON(a *app) obj {
	return obj{"id": a.InstallID, "account": s.userJSON(a.Owner), "repository_selection": "selected",
		"access_tokens_url": s.rest("/app/installations/" + itoa(a.InstallID) + "/access_tokens"), "repositories_url": s.rest("/installation/repositories"),
		"html_url": s.url + "/settings/installations/" + itoa(a.InstallID), "app_id": a.ID,
		"target_id": a.Owner.ID, "target_type": a.Owner.Type, "permissions": a.Permissions, "events": nonNil(a.Events),
		"created_at": stamp(a.created), "updated_at": stamp(a.created), "single_file_name": nil, "has_multiple_single_files": false,
		"single_file_paths": []string{}, "app_slug": a.Slug, "suspended_by": nil, "suspended_at": nil}
}

func (s *Sandbox) checkJSON(c *checkRun) obj {
	u := s.rest("/repos/" + c.repo.full() + "/check-runs/" + itoa(c.ID))
	pulls := []obj{}
	for _, p := range c.repo.openPulls() {
		if p.HeadSHA == c.HeadSHA {
			in := obj{"id": c.repo.ID, "url": s.rest("/repos/" + c.repo.full()), "name": c.repo.Name}
			pulls = append(pulls, obj{"id": p.ID, "number": p.Number, "url": s.rest("/repos/" + c.repo.full() + "/pulls/" + itoa(p.Number)),
				"head": obj{"ref": p.HeadRef, "sha": p.HeadSHA, "repo": in}, "base": obj{"ref": p.BaseRef, "sha": p.BaseSHA, "repo": in}})
		}
	}
	return obj{"id": c.ID, "head_sha": c.HeadSHA, "node_id": c.node(), "external_id": c.ExternalID, "url": u,
		"html_url": s.url + "/" + c.repo.full() + "/runs/" + itoa(c.ID), "details_url": c.DetailsURL, "status": c.Status,
		"conclusion": orNull(c.Conclusion), "started_at": stamp(c.Started), "completed_at": stamp(c.Completed), "name": c.Name,
		"output": obj{"title": orNull(c.Title), "summary": orNull(c.Summary), "text": orNull(c.Text), "annotations_count": len(c.Annotations),
			"annotations_url": u + "/annotations"},
		"check_suite": obj{"id": c.suite.ID}, "app": s.appJSON(c.app), "pull_requests": pulls}
}

func itoa[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
