package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/lumos-governance/lumos/internal/sandbox/gql"
)

func (l *lab) mergeByIID(r *repo, iid string) *pull {
	n, err := strconv.Atoi(iid)
	if err != nil {
		return nil
	}
	return r.pulls[n]
}

// mergeByID finds a merge request by its global id; what may not be seen is not there.
func (l *lab) mergeByID(id, as string, kinds ...string) (*pull, error) {
	n, err := parseNumberedGID(id, as, kinds...)
	if err != nil {
		return nil, err
	}
	for _, r := range l.s.repos {
		if p := pullByID(r, n); p != nil && l.sees(r) {
			return p, nil
		}
	}
	return nil, nil
}

// labState is GitLab's word for a merge request's state.
func labState(p *pull) string {
	return map[string]string{"OPEN": "opened", "CLOSED": "closed", "MERGED": "merged"}[p.state()]
}

// merges lists a project's merge requests, newest first.
func (l *lab) merges(r *repo, a gql.Args) (any, error) {
	var found []*pull
	state, iids := a.String("state"), a.Strings("iids")
	sources, targets := a.Strings("sourceBranches"), a.Strings("targetBranches")
	for n := r.next - 1; n > 0; n-- {
		p := r.pulls[n]
		if p != nil && (state == "" || state == "all" || state == labState(p)) && (len(iids) == 0 || slices.Contains(iids, strconv.Itoa(n))) &&
			(len(sources) == 0 || slices.Contains(sources, p.HeadRef)) && (len(targets) == 0 || slices.Contains(targets, p.BaseRef)) {
			found = append(found, p)
		}
	}
	return labConnection("MergeRequestConnection", a, found, func(p *pull) any { return l.merge(p) })
}

func (l *lab) merge(p *pull) gql.Object {
	r, n := p.repo, l.access(p.repo)
	// Reading it may finish a computation that is on its way, so it is read once.
	status := sync.OnceValue(func() string { return labMergeStatus(p) })
	project := lazy(func() any { return l.project(r) })
	people := func(list func() []*Account) gql.Field {
		return labField(func(a gql.Args) (any, error) { return l.users(a, list()) })
	}
	o := gql.Object{"__typename": "MergeRequest", "id": gid("MergeRequest", p.ID), "iid": strconv.Itoa(p.Number), "webUrl": l.s.url + p.labPath(),
		"title": p.Title, "description": p.Body, "state": labState(p), "draft": p.Draft, "createdAt": stamp(p.Created), "updatedAt": stamp(p.Updated),
		"mergedAt": stamp(p.MergedAt), "sourceBranch": p.HeadRef, "targetBranch": p.BaseRef, "sourceBranchExists": r.branch(p.HeadRef) != "",
		"targetBranchExists": r.branch(p.BaseRef) != "", "project": project, "sourceProject": project, "targetProject": project,
		"reference": labField(func(a gql.Args) (any, error) {
			if full, _ := a["full"].(bool); full {
				return r.full() + "!" + strconv.Itoa(p.Number), nil
			}
			return "!" + strconv.Itoa(p.Number), nil
		}),
		"diffHeadSha": p.HeadSHA, "diffRefs": lazy(func() any { return labDiffRefs(p) }), "mergeError": nil,
		"mergeCommitSha": lazy(func() any { return orNull(p.labMergeCommit()) }), "mergeUser": l.user(p.MergedBy, "UserCore"),
		"mergeStatusEnum": lazy(func() any { return status() }),
		"conflicts":       lazy(func() any { return status() == "CANNOT_BE_MERGED" }),
		"mergeableDiscussionsState": lazy(func() any {
			return !r.settings.ThreadsMustBeResolved || p.unresolved() == 0
		}),
		"author":   l.participant(p, p.Author, "MergeRequestAuthor"),
		"approved": len(p.Approvals) > 0,
		"approvedBy": people(func() []*Account {
			var out []*Account
			for _, x := range p.Approvals {
				out = append(out, x.User)
			}
			return out
		}),
		// A feature of Premium: elsewhere GitLab answers null.
		"changeRequesters": labField(func(a gql.Args) (any, error) {
			if !r.settings.Licensed {
				return nil, nil
			}
			return l.users(a, p.Objectors)
		}),
		"reviewers": labField(func(a gql.Args) (any, error) {
			return labConnection("MergeRequestReviewerConnection", a, p.Users, func(u *Account) any { return l.participant(p, u, "MergeRequestReviewer") })
		}),
		"committers": people(func() []*Account { return l.committers(p) }),
		"commits": labField(func(a gql.Args) (any, error) {
			return labConnection("CommitConnection", a, l.commits(p), func(c *object.Commit) any { return l.commit(r, c) })
		}),
		"commitCount":  lazy(func() any { return len(l.commits(p)) }),
		"notes":        labField(func(a gql.Args) (any, error) { return l.notes(a, p.Comments) }),
		"discussions":  labField(func(a gql.Args) (any, error) { return l.discussions(p, a) }),
		"headPipeline": lazy(func() any { return l.pipeline(p.repo, p.headPipeline()) }),
		"userPermissions": gql.Object{"__typename": "MergeRequestPermissions", "readMergeRequest": true, "createNote": n > 0,
			"updateMergeRequest": l.mayUpdate(p), "adminMergeRequest": n >= accessDeveloper, "pushToSourceBranch": n >= accessDeveloper,
			"canMerge": l.by.token != nil && l.s.mayMerge(r, l.by, p.BaseRef)},
	}
	o["detailedMergeStatus"] = lazy(func() any { return strings.ToUpper(l.s.mergeStatus(p)) })
	o["mergeable"] = lazy(func() any { return l.s.mergeStatus(p) == "mergeable" })
	return o
}

// labPath is where a merge request's page is.
func (p *pull) labPath() string {
	return fmt.Sprintf("/%s/-/merge_requests/%d", p.repo.full(), p.Number)
}

// mayUpdate: a merge request is changed by its author and by Developers.
func (l *lab) mayUpdate(p *pull) bool {
	return l.by.token != nil && (l.access(p.repo) >= accessDeveloper || l.access(p.repo) > 0 && l.by.account == p.Author)
}

func labMergeStatus(p *pull) string {
	if !p.open() {
		return "CAN_BE_MERGED"
	}
	return map[string]string{"UNKNOWN": "CHECKING", "CONFLICTING": "CANNOT_BE_MERGED", "MERGEABLE": "CAN_BE_MERGED"}[p.mergeability()]
}

// labDiffRefs is where the newest version of the diff lies.
func labDiffRefs(p *pull) gql.Object {
	if len(p.Versions) == 0 {
		return nil
	}
	v := p.version()
	return gql.Object{"__typename": "DiffRefs", "baseSha": v.BaseSHA, "headSha": v.HeadSHA, "startSha": v.StartSHA}
}

// labMergeCommit is the commit that a merge made; a fast-forward makes none.
func (p *pull) labMergeCommit() string {
	if c, err := p.repo.commit(p.MergeSHA); err != nil || c.NumParents() < 2 {
		return ""
	}
	return p.MergeSHA
}

// commits are a merge request's commits, newest first.
func (l *lab) commits(p *pull) []*object.Commit {
	cmp, err := p.compare()
	if err != nil {
		return nil
	}
	var out []*object.Commit
	for _, sha := range slices.Backward(cmp.Commits) {
		if c, err := p.repo.commit(sha); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// committers are the accounts behind the committers' addresses; those of merge commits do not count.
func (l *lab) committers(p *pull) []*Account {
	var out []*Account
	for _, c := range l.commits(p) {
		if a := l.s.byEmail(c.Committer.Email); a != nil && c.NumParents() < 2 && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *Account) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (l *lab) pipeline(r *repo, x *pipeline) gql.Object {
	if x == nil || !l.seesCode(r) {
		return nil
	}
	status := strings.ToUpper(x.status())
	return gql.Object{"__typename": "Pipeline", "id": gid("Ci::Pipeline", x.ID), "iid": strconv.Itoa(x.IID), "ref": x.Ref, "status": status,
		"active": status == "PENDING" || status == "RUNNING", "createdAt": stamp(x.Created), "finishedAt": nil,
		"path": fmt.Sprintf("/%s/-/pipelines/%d", r.full(), x.ID),
		"sha": labField(func(a gql.Args) (any, error) {
			if a.String("format") == "SHORT" {
				return x.SHA[:8], nil
			}
			return x.SHA, nil
		}),
		"job": labField(func(a gql.Args) (any, error) {
			if !a.Given("id") && !a.Given("name") {
				return nil, errors.New("One of id or name is required")
			}
			id := int64(0)
			if a.Given("id") {
				var err error
				if id, err = parseNumberedGID(a.String("id"), "CommitStatus", "GenericCommitStatus", "CommitStatus"); err != nil {
					return nil, err
				}
			}
			for _, j := range x.Jobs {
				if id == j.ID || id == 0 && j.Name == a.String("name") && !j.Retried {
					return l.job(r, x, j), nil
				}
			}
			return nil, nil
		}),
		"jobs": labField(func(a gql.Args) (any, error) {
			var jobs []*job
			for _, j := range slices.Backward(x.Jobs) { // newest first, replaced ones among them unless told otherwise
				if retried, given := a["retried"].(bool); given && retried != j.Retried || !among(a.Strings("statuses"), j.State) {
					continue
				}
				jobs = append(jobs, j)
			}
			return labConnection("CiJobConnection", a, jobs, func(j *job) any { return l.job(r, x, j) })
		}),
	}
}

// jobWords are what people read for a state.
var jobWords = map[string]string{"pending": "pending", "running": "running", "success": "passed", "failed": "failed", "canceled": "canceled", "skipped": "skipped"}

// job is a commit status, which GitLab shows as a job of its pipeline.
func (l *lab) job(r *repo, x *pipeline, j *job) gql.Object {
	word := jobWords[j.State]
	return gql.Object{"__typename": "CiJob", "id": gid("GenericCommitStatus", j.ID), "name": j.Name, "status": strings.ToUpper(j.State), "retried": j.Retried,
		"active": j.State == "pending" || j.State == "running", "createdAt": stamp(j.Created), "startedAt": stamp(j.Started), "finishedAt": stamp(j.Finished),
		"refName": x.Ref, "shortSha": x.SHA[:8], "pipeline": lazy(func() any { return l.pipeline(r, x) }),
		"detailedStatus": gql.Object{"__typename": "DetailedStatus", "id": fmt.Sprintf("%s-%d-%d", j.State, j.ID, j.ID), "label": cmp.Or(j.Description, word),
			"text": strings.ToUpper(word[:1]) + word[1:], "tooltip": word, "hasDetails": j.TargetURL != "", "detailsPath": orNull(j.TargetURL)}}
}
