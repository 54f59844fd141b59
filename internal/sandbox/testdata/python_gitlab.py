"""The life of a merge request, by python-gitlab: url, then the tokens of a Developer who writes, of one
who reviews, and of a Maintainer."""
import sys

import gitlab
from gitlab import exceptions as refused

url, writer, reviewer, maintainer = sys.argv[1:5]


def client(token):
    gl = gitlab.Gitlab(url, private_token=token, retry_transient_errors=False)
    gl.auth()
    return gl


def must(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as e:
        return e
    raise AssertionError(f"{call} was not refused with {kind}")


jonas, ben, emil = client(writer), client(reviewer), client(maintainer)
assert jonas.user.username == "jonas" and jonas.version()[0]
must(refused.GitlabAuthenticationError, client, "glpat-wrong")
must(refused.GitlabGetError, jonas.projects.get, "acme/nothing")

# Projects, groups, members.
project = jonas.projects.get("acme/models")
assert jonas.projects.get(project.id).path_with_namespace == "acme/models"
assert [p.id for p in jonas.projects.list(membership=True, all=True)] == [project.id]
assert jonas.users.list(username="ben")[0].id == ben.user.id
assert {m.username for m in project.members.list(all=True)} == {"jonas", "emil"}
everybody = {m.username: m.access_level for m in project.members_all.list(all=True)}
assert everybody == {"jonas": 30, "ben": 30, "cleo": 30, "dora": 50, "emil": 40}, everybody
group = ben.groups.get("acme/model-owners")
assert {m.username for m in group.members.list(all=True)} == {"ben", "cleo"}

# A branch, a file, commits.
project.branches.create({"branch": "release/b", "ref": "main"})
must(refused.GitlabCreateError, project.branches.create, {"branch": "release/b", "ref": "main"})
project.files.create({"file_path": "releases/b.yaml", "branch": "release/b", "content": "name: b\nversion: 1\n", "commit_message": "add b"})
file = project.files.get("releases/b.yaml", ref="release/b")
assert file.decode() == b"name: b\nversion: 1\n"
file.content = "name: b\nversion: 2\n"
file.save(branch="release/b", commit_message="change b")
assert len(project.commits.list(ref_name="release/b", all=True)) == 3
assert [e["name"] for e in project.repository_tree(path="releases", ref="release/b", all=True)] == ["a", "b.yaml"]
must(refused.GitlabCreateError, project.files.create, {"file_path": "x", "branch": "main", "content": "x", "commit_message": "x"})

# The merge request.
mr = project.mergerequests.create({"source_branch": "release/b", "target_branch": "main", "title": "Draft: Release b", "labels": ["release"]})
assert mr.draft and mr.labels == ["release"] and mr.state == "opened"
conflict = must(refused.GitlabCreateError, project.mergerequests.create, {"source_branch": "release/b", "target_branch": "main", "title": "again"})
assert conflict.response_code == 409, conflict
mr.title, mr.description = "Release b", "Why"
mr.save()
assert not project.mergerequests.get(mr.iid).draft
assert [m.iid for m in project.mergerequests.list(state="opened")] == [mr.iid]
assert len(list(mr.commits())) == 2 and len(mr.changes()["changes"]) == 1
assert len(mr.diffs.list()) == 1 and mr.diffs.get(mr.diffs.list()[0].id).diffs[0]["new_path"] == "releases/b.yaml"

# Notes and discussions.
theirs = ben.projects.get(project.id, lazy=True).mergerequests.get(mr.iid)
note = theirs.notes.create({"body": "hello"})
note.body = "bye"
note.save()
assert theirs.notes.get(note.id).body == "bye"
mine = mr.notes.get(note.id)
mine.body = "not mine"
must(refused.GitlabUpdateError, mine.save)
line = {"position_type": "text", "new_path": "releases/b.yaml", "old_path": "releases/b.yaml", "new_line": 1, **mr.diff_refs}
thread = theirs.discussions.create({"body": "why b?", "position": line})
must(refused.GitlabCreateError, theirs.discussions.create, {"body": "nowhere", "position": {**line, "new_line": 99}})
thread.notes.create({"body": "because"})
thread = theirs.discussions.get(thread.id)
thread.resolved = True
thread.save()
assert [n["resolved"] for n in mr.discussions.get(thread.id).attributes["notes"]] == [True, True]

# Statuses.
head = project.mergerequests.get(mr.iid).sha
commit = project.commits.get(head)
commit.statuses.create({"state": "pending", "name": "lumos/gate", "ref": "release/b", "description": "waiting", "target_url": "http://example.com/x"})
must(refused.GitlabCreateError, commit.statuses.create, {"state": "pending", "name": "lumos/gate", "ref": "release/b"})
must(refused.GitlabCreateError, commit.statuses.create, {"state": "green", "name": "lumos/gate"})
commit.statuses.create({"state": "success", "name": "lumos/gate", "ref": "release/b"})
assert [(s.name, s.status) for s in commit.statuses.list()] == [("lumos/gate", "success")]
assert project.pipelines.get(mr.pipelines.list()[0].id).status == "success"

# Approvals.
must(refused.GitlabMRApprovalError, theirs.approve, sha="1" * 40)
theirs.approve(sha=head)
must(refused.GitlabAuthenticationError, theirs.approve)
assert [a["user"]["username"] for a in mr.approvals.get().approved_by] == ["ben"]
theirs.unapprove()
assert mr.approvals.get().approved_by == []
actions = [n.body.split("\n")[0] for n in mr.notes.list(all=True, sort="asc") if n.system]
assert actions[-2:] == ["approved this merge request", "unapproved this merge request"], actions

# Protections, and the merge.
boss = emil.projects.get(project.id)
must(refused.GitlabListError, project.protectedbranches.list)
protected = boss.protectedbranches.get("main")
assert protected.push_access_levels[0]["access_level"] == 0 and protected.merge_access_levels[0]["access_level"] == 40
boss.protectedbranches.create({"name": "stable/*", "push_access_level": 0, "merge_access_level": 40})
boss.protectedtags.create({"name": "v*", "create_access_level": 40})
theirs.state_event = "close"
theirs.save()
boss_mr = boss.mergerequests.get(mr.iid)
must(refused.GitlabMRClosedError, boss_mr.merge)
theirs.state_event = "reopen"
theirs.save()
must(refused.GitlabAuthenticationError, mr.merge)
boss_mr.merge(sha=head, should_remove_source_branch=True)
merged = boss.mergerequests.get(mr.iid)
assert merged.state == "merged" and merged.merge_commit_sha and merged.merge_user["username"] == "emil"
must(refused.GitlabGetError, project.branches.get, "release/b")

# Tags, and what happened.
must(refused.GitlabCreateError, project.tags.create, {"tag_name": "v1", "ref": "main"})
boss.tags.create({"tag_name": "v1", "ref": "main", "message": "first"})
assert boss.tags.get("v1").message == "first" and boss.tags.get("v1").protected
assert project.events.list(action="pushed", all=True)[-1].author_username == "jonas"

# A hook.
hook = boss.hooks.create({"url": "http://127.0.0.1:1/hook", "merge_requests_events": True, "push_events": False, "token": "hush"})
assert boss.hooks.get(hook.id).merge_requests_events and not hasattr(boss.hooks.get(hook.id), "token")
hook.delete()
print("all is well")
