package approval

import (
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// sections asks two owners in one section and one in another, besides the lines of no section.
const sections = `* @bob
[Releases][2]
/releases/ @bob @acme/models
[Risk] @acme/model-risk
/releases/fraud/
^[Docs]
*.yaml @eve
[Governance]
/.lumos/ @olga
/.gitlab/ @olga
`

// onGitLab moves the world to GitLab, with that CODEOWNERS.
func onGitLab(codeowners string) func(*Input) {
	return func(in *Input) {
		in.Snapshot.PullRequest.Platform = forge.GitLab
		in.Snapshot.Codeowners.Path, in.Snapshot.Codeowners.Data = ".gitlab/CODEOWNERS", []byte(codeowners)
	}
}

func withTeams(teams ...forge.Team) func(*Input) {
	return func(in *Input) { in.Snapshot.Teams = append(in.Snapshot.Teams, teams...) }
}

func TestGitLabOwners(t *testing.T) {
	t.Parallel()
	gitlab := func(codeowners string) *Input { return world().edit(onGitLab(codeowners)) }
	outside := func(id int) func(*Input) {
		return func(in *Input) { in.Snapshot.Comments[id].Outsider = true }
	}
	tests := map[string]struct {
		in *Input
		want
	}{
		"every section asks": {
			gitlab(sections).approve(1, bob), want{state: Waiting, unmet: "owners:3", says: "1 of 2 approvals"}},
		"and by itself": {
			gitlab(sections).approve(1, bob).approve(2, carol), want{state: Waiting, unmet: "owners:5", says: "waiting for @acme/model-risk"}},
		"all sections agree":   {gitlab(sections).approve(1, bob).approve(2, carol).approve(3, rita), want{state: Approved}},
		"one person for three": {gitlab(sections).approve(1, bob).approve(2, dan), want{state: Approved}},
		"optional owner":       {gitlab(sections).approve(1, eve), want{state: Waiting, ignored: "review:1", because: "neither an owner"}},
		"the rule asks for more": {
			gitlab("[A][2]\n* @bob @acme/models\n").approve(1, bob).approve(2, carol).edit(func(in *Input) {
				in.Config.Approval[releases.TierMedium] = config.Rule{All: []config.Need{{Codeowners: true, Count: 3}}}
			}), want{state: Waiting, unmet: "owners:2", says: "2 of 3"}},
		"the section asks for more": {
			gitlab("[A][3]\n* @bob @acme/models\n").approve(1, bob).approve(2, carol).edit(func(in *Input) {
				in.Config.Approval[releases.TierMedium] = config.Rule{All: []config.Need{{Codeowners: true, Count: 2}}}
			}), want{state: Waiting, unmet: "owners:2", says: "2 of 3"}},
		"more than there are": {
			gitlab("[A][4]\n* @bob @acme/models\n").approve(1, bob), want{state: Refused, unmet: "owners:2", says: "only 3"}},
		"governance asks for its count": {
			gitlab("* @bob\n[Rules][2]\n/.lumos/ @olga @rita\n").edit(alone(".lumos/config.yaml")).approve(1, olga).approve(2, bob).approve(3, dan),
			want{state: Waiting, unmet: "governance"}},
		"only optional": {
			gitlab("^[Docs]\n* @bob\n").approve(1, bob), want{state: Refused, unmet: "owners", says: "only line 2 in [Docs] owns it, and that section is optional"}},
		"excluded": {
			gitlab("* @bob\n!/releases/\n").approve(1, bob), want{state: Refused, unmet: "owners", says: "line 2 excludes it"}},
		"excluded in one of two": {
			gitlab("* @bob\n[A]\n* @rita\n!/releases/\n").approve(1, bob), want{state: Approved}},
		"excluded in other letter case": {
			gitlab("* @bob\n[A]\n* @rita\n!/Releases/\n").approve(1, bob).approve(2, rita), want{state: Refused, unmet: "owners", says: "other letter case"}},
		"a section without owners": {
			gitlab("* @bob\n[A]\n/releases/\n").approve(1, bob), want{state: Refused, unmet: "owners", says: "line 3 in [A] is invalid"}},
		"a heading in doubt": {
			gitlab("* @bob\n[A\n/releases/ @eve\n").approve(1, bob).approve(2, eve), want{state: Refused, unmet: "owners", says: "heading of line 2"}},
		"a warning takes nothing": {
			gitlab("* @bob # and friends\n").approve(1, bob), want{state: Approved, unmet: "codeowners:1", says: "is not an owner"}},
		"a directory without a slash": {
			gitlab("/releases @bob\n").approve(1, bob), want{state: Refused, unmet: "owners", says: "no line matches"}},
		"role": {
			gitlab("* @@developers\n").edit(withTeams(forge.Team{Slug: "@developer", Members: []forge.Account{bob, ana}})).approve(1, bob), want{state: Approved}},
		"another role": {
			gitlab("* @@maintainer\n").edit(withTeams(forge.Team{Slug: "@developer", Members: []forge.Account{bob}}, forge.Team{Slug: "@maintainer", Members: []forge.Account{rita}})).approve(1, bob),
			want{state: Waiting, unmet: "owners:1", says: "waiting for @@maintainer"}},
		"role that cannot be read": {
			gitlab("* @@maintainer\n").approve(1, bob), want{state: Refused, unmet: "owners:1", says: "@@maintainer was not found"}},
		"nested group": {
			gitlab("* @acme/risk/Senior\n").edit(withTeams(forge.Team{Org: "acme/risk", Slug: "senior", Members: []forge.Account{rita}})).approve(1, rita), want{state: Approved}},
		"nested group of a rule": {
			gitlab("* @bob\n").edit(withTeams(forge.Team{Org: "acme/risk", Slug: "senior", Members: []forge.Account{rita}})).edit(func(in *Input) {
				in.Config.Approval[releases.TierMedium] = config.Rule{All: []config.Need{{Team: "acme/risk/senior", Count: 1}}}
			}).approve(1, rita), want{state: Approved}},
		"top-level group": {
			gitlab("* @Acme\n").edit(withTeams(forge.Team{Slug: "acme", Members: []forge.Account{rita}})).approve(1, rita), want{state: Approved}},
		"top-level group is asked": {
			gitlab("* @acme\n").edit(withTeams(forge.Team{Slug: "acme", Members: []forge.Account{rita, ana}})), want{state: Waiting, unmet: "owners:1", says: "waiting for @acme"}},
		"top-level group of contributors": {
			gitlab("* @acme\n").edit(withTeams(forge.Team{Slug: "acme", Members: []forge.Account{ana}})), want{state: Refused, unmet: "owners:1", says: "nobody else in @acme"}},
		"a person is no unread group": {
			gitlab("* @bob\n").edit(withTeams(forge.Team{Slug: "bob", Unreadable: "no such group"})).approve(1, bob), want{state: Approved}},
		"member by inheritance": {
			gitlab("* @bob @acme/models\n").edit(func(in *Input) { in.Snapshot.Teams[0].Inherited = []forge.Account{eve} }).approve(1, eve),
			want{state: Waiting, ignored: "review:1", because: "member of @acme/models by inheritance only: GitLab counts direct members"}},
		"member of a role by inheritance": {
			gitlab("* @@owner @bob\n").edit(withTeams(forge.Team{Slug: "@owner", Inherited: []forge.Account{eve}})).approve(1, eve),
			want{state: Waiting, ignored: "review:1", because: "member of @@owner by inheritance only"}},
		"outsider": {
			gitlab("* @bob\n").reported().comment(1, bob, "/lumos approve").edit(outside(0)), want{state: Waiting, ignored: "comment:1", because: "may not approve in this repository"}},
		"outsider's objection": {
			gitlab("* @bob @rita\n").reported().comment(1, bob, "/lumos reject no").edit(outside(0)).approve(2, rita), want{state: Approved, ignored: "comment:1"}},
		"outsider resumes": {
			gitlab("* @bob\n").reported().approve(1, bob).comment(2, ana, "/lumos hold").comment(3, bob, "/lumos resume").edit(outside(1)),
			want{state: Waiting, unmet: "hold", ignored: "comment:3", because: "may not approve"}},
		"an outsider holds his own": {
			gitlab("* @bob\n").reported().approve(1, bob).comment(2, ana, "/lumos hold").edit(outside(0)), want{state: Waiting, unmet: "hold"}},
		"the place of GitLab is governed": {
			gitlab(sections).edit(alone(".gitlab/CODEOWNERS")).approve(1, bob), want{state: Waiting, unmet: "governance"}},
		"so is that of GitHub": {
			gitlab(sections).edit(alone(".github/CODEOWNERS")).approve(1, bob), want{state: Waiting, unmet: "quorum:high"}},
		"and GitLab's on GitHub": {
			world().edit(alone(".gitlab/CODEOWNERS")).approve(1, bob), want{state: Waiting, unmet: "quorum:high", says: ""}},
		"a section is no section on GitHub": {
			world().edit(func(in *Input) { in.Snapshot.Codeowners.Data = []byte("* @bob\n[A]\n") }).approve(1, bob), want{state: Approved, unmet: "codeowners:2"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, tc.in, tc.want)
		})
	}
}

func TestGitLabWords(t *testing.T) {
	t.Parallel()
	text := Explain(Decide(*world().edit(onGitLab(sections)).edit(withTeams(forge.Team{Slug: "@developer"})).approve(1, bob)))
	for _, want := range []string{
		"owner of * (line 1)",
		"owners of /releases/ in [Releases] (line 3): 1 of 2 approvals; waiting for @acme/models",
		"owners of /releases/fraud/ in [Risk] (line 5): waiting for @acme/model-risk",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "[Docs]") {
		t.Errorf("an optional section asks nobody:\n%s", text)
	}
}
