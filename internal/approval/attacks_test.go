package approval

import (
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// Each case is an attack that got a wrong success out of a bot, or that a lesson warns of. The
// names are those of the project's catalogue of attacks.
func TestAttacks(t *testing.T) {
	t.Parallel()
	commit := func(sha string, parents []string, authors ...forge.Account) func(*Input) {
		return func(in *Input) {
			in.Snapshot.Commits = append(in.Snapshot.Commits, forge.Commit{SHA: sha, Parents: parents, Authors: authors, Committer: authors[0]})
		}
	}
	tests := map[string]struct {
		in *Input
		want
	}{
		"A1 approval older than the push, times forged": {
			world().review(1, bob, forge.ReviewApproved, otherSHA).edit(func(in *Input) { in.Snapshot.Reviews[0].SubmittedAt = started.Add(1000 * time.Hour) }),
			want{state: Waiting, ignored: "review:1", because: "cast on fffffff, and the head is 1a2b3c4"}},
		"A2 S3 approver's commit behind the second parent": {
			world().edit(commit(otherSHA, []string{"x", "y"}, bob)).approve(1, bob),
			want{state: Waiting, ignored: "review:1", because: "author of fffffff"}},
		"S3 approver is a co-author": {
			world().edit(func(in *Input) { in.Snapshot.Commits[0].Authors = []forge.Account{ana, bob} }).approve(1, bob),
			want{state: Waiting, ignored: "review:1", because: "author of 1a2b3c4"}},
		"S3 approver committed another's work": {
			world().edit(func(in *Input) { in.Snapshot.Commits[0].Committer = bob }).approve(1, bob),
			want{state: Waiting, ignored: "review:1", because: "committer of 1a2b3c4"}},
		"S3 approver pushed": {
			world().edit(func(in *Input) {
				in.Snapshot.Pushes = append(in.Snapshot.Pushes, forge.Push{Actor: bob, After: headSHA})
			}).approve(1, bob),
			want{state: Waiting, ignored: "review:1", because: "pushed 1a2b3c4"}},
		"S3 approver is an author of the model": {
			world().edit(func(in *Input) { in.Authors = []string{"@BOB"} }).approve(1, bob),
			want{state: Waiting, ignored: "review:1", because: "named in metadata.authors"}},
		"S3 pusher not known yet": {
			world().edit(func(in *Input) { in.Snapshot.Pushes = nil }).approve(1, bob),
			want{state: Waiting, unmet: "identities", says: "who pushed the head"}},
		"S3 pusher of an older commit only": {
			world().edit(commit(otherSHA, nil, ana)).edit(func(in *Input) { in.Snapshot.Pushes[0].After = otherSHA }).approve(1, bob),
			want{state: Waiting, unmet: "identities", says: "who pushed the head"}},
		"S3 head commit left out": {
			world().edit(func(in *Input) { in.Snapshot.Commits[0].SHA = otherSHA }).approve(1, bob),
			want{state: Waiting, unmet: "identities", says: "the commit at the head"}},
		"A3 S4 unattributed author": {
			world().edit(func(in *Input) { in.Snapshot.Commits[0].Authors = append(in.Snapshot.Commits[0].Authors, nobody) }).approve(1, bob),
			want{state: Refused, unmet: "identities", says: "an author of 1a2b3c4: rewrite"}},
		"S4 unattributed committer": {
			world().edit(func(in *Input) { in.Snapshot.Commits[0].Committer = nobody }).approve(1, bob),
			want{state: Refused, unmet: "identities", says: "the committer of 1a2b3c4"}},
		"S4 no author at all": {
			world().edit(func(in *Input) { in.Snapshot.Commits[0].Authors = nil }).approve(1, bob),
			want{state: Refused, unmet: "identities", says: "the author of 1a2b3c4"}},
		"S4 unknown pusher": {
			world().edit(func(in *Input) { in.Snapshot.Pushes[0].Actor = nobody }).approve(1, bob),
			want{state: Refused, unmet: "identities", says: "who pushed 1a2b3c4"}},
		"S4 account of the opener deleted": {
			world().edit(func(in *Input) { in.Snapshot.PullRequest.Author = nobody }).approve(1, bob),
			want{state: Refused, unmet: "identities", says: "who opened"}},
		"the host commits in its web editor": { // no attack: the zero committer is the host itself
			world().edit(func(in *Input) { in.Snapshot.Commits[0].Committer = forge.Account{} }).approve(1, bob), want{state: Approved}},
		"A4 approval in a refusal": {
			world().reported().comment(1, bob, "I will NOT give this a :+1: or /lumos approve until it is tested"), want{state: Waiting}},
		"A4 conditional approval": {
			world().reported().comment(1, bob, "/lumos approve once the tests pass"),
			want{state: Waiting, ignored: "comment:1", because: "no conditions"}},
		"A5 dismissed while evaluating": {
			world().record("review:1").review(1, bob, forge.ReviewDismissed, headSHA), want{state: Waiting, ignored: "review:1", because: "dismissed"}},
		"A6 S10 letter case of a login": {world().approve(1, forge.Account{ID: 2, Login: "bOb", Kind: forge.User}), want{state: Approved}},
		"S10 recycled login of a contributor": {
			world().approve(1, forge.Account{ID: 1, Login: "bob", Kind: forge.User}),
			want{state: Waiting, ignored: "review:1", because: "opened the pull request"}},
		"S10 look-alike login": {
			world().approve(1, forge.Account{ID: 66, Login: "b\u043eb", Kind: forge.User}), want{state: Waiting, ignored: "review:1", because: "neither an owner"}},
		"S10 team member by login only": {
			world().approve(1, forge.Account{ID: 66, Login: "carol", Kind: forge.User}), want{state: Waiting, ignored: "review:1", because: "neither an owner"}},
		"S10 team that cannot be read": {
			world().approve(1, carol).edit(func(in *Input) { in.Snapshot.Teams[0].Unreadable = "members:read is missing" }),
			want{state: Waiting, unmet: "owners:2", says: "@acme/models cannot be read (members:read is missing)"}},
		"S10 only an unreadable team": {
			world().approve(1, carol).edit(func(in *Input) {
				in.Snapshot.Codeowners.Data = []byte("* @acme/models\n")
				in.Snapshot.Teams = nil
			}), want{state: Refused, unmet: "owners:1", says: "nobody can give"}},
		"S10 only an e-mail owner": {
			world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Codeowners.Data = []byte("* bob@example.com\n") }),
			want{state: Refused, unmet: "owners:1", says: "e-mail address"}},
		"A8 S9 newline in a path": {
			world().edit(also("releases/a\nm/1.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: `"releases/a\nm/1.yaml"`}},
		"S9 backslash":         {world().edit(also(`releases\fraud\1.yaml`)).approve(1, bob), want{state: Refused, unmet: "paths", says: "backslash"}},
		"S9 backslash alone":   {world().edit(alone(`releases/fraud/1\0.yaml`)).approve(1, bob), want{state: Refused, unmet: "paths", says: "backslash"}},
		"S9 folder of a blank": {world().edit(alone("releases/ /1.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: "releases/ /1.yaml"}},
		"S9 folder of dots":    {world().edit(alone("releases/.../1.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: "dot"}},
		"S9 bidi":              {world().edit(also("releases/fraud/\u202e1.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: "U+202E"}},
		"S9 zero width":        {world().edit(also("rele\u200bases/fraud/1.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: "U+200B"}},
		"S9 letter case":       {world().edit(also("releases/Fraud/2.3.0.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: "one file on some systems"}},
		"S9 folder's case":     {world().edit(also("Releases/fraud/9.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: `"releases/fraud/9.yaml"`}},
		"S9 trailing dot":      {world().edit(also("releases/fraud./9.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: "dot"}},
		"S9 not composed":      {world().edit(also("releases/cafe\u0301/9.yaml")).approve(1, bob), want{state: Refused, unmet: "paths", says: "form C"}},
		"S9 owned by no line":  {world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Codeowners.Data = []byte("/docs/ @bob\n") }), want{state: Refused, unmet: "owners", says: "no line matches"}},
		"S9 out of the owner's letter case": {
			world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Codeowners.Data = []byte(codeowners + "/releases/Fraud/ @rita\n") }),
			want{state: Refused, unmet: "owners", says: "line 5 owns the same in other letter case"}},
		"S9 owned by nobody": {
			world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Codeowners.Data = []byte(codeowners + "/releases/fraud/\n") }),
			want{state: Refused, unmet: "owners", says: "line 5 names nobody"}},
		"S9 invalid line of CODEOWNERS": {
			world().approve(1, bob).edit(func(in *Input) {
				in.Snapshot.Codeowners.Data = []byte(codeowners + "/releases/fraud/ @b\u043eb\n")
			}),
			want{state: Refused, unmet: "owners", says: "line 5 is invalid"}},
		"S9 invalid line elsewhere is shown": {
			world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Codeowners.Data = []byte(codeowners + "!/docs/ @bob\n") }),
			want{state: Approved, unmet: "codeowners:5", says: "negation"}},
		"S9 rename out of another's hands": {
			world().approve(1, bob).edit(func(in *Input) {
				in.Snapshot.Files[0].Status, in.Snapshot.Files[0].Previous = forge.Renamed, ".lumos/secret.yaml"
			}), want{state: Waiting, unmet: "owners:3", says: "@olga"}},
		"S6 policy smuggled into a release": {
			world().approve(1, bob).edit(also(".lumos/policies/x.rego")), want{state: Waiting, unmet: "governance"}},
		"S6 CODEOWNERS smuggled into a release": {
			world().approve(1, bob).edit(also("CODEOWNERS")), want{state: Waiting, unmet: "governance"}},
		"S6 no CODEOWNERS at the base": {
			world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Codeowners = forge.Blob{} }), want{state: Refused, unmet: "owners", says: "no CODEOWNERS file"}},
		"S6 CODEOWNERS too large for the host": {
			world().approve(1, bob).edit(func(in *Input) {
				in.Snapshot.Codeowners.Data = []byte("* @bob\n" + strings.Repeat("#", 3<<20))
			}),
			want{state: Refused, unmet: "owners"}},
		"S1 approval recorded for other content": {
			world().approve(1, bob).record("review:1").edit(func(in *Input) { in.Snapshot.Files[0].Blob = "b10c" }),
			want{state: Waiting, ignored: "review:1", because: "another content"}},
		"S1 approval survives an empty rebase": {
			world().record("review:1").review(1, bob, forge.ReviewApproved, otherSHA), want{state: Approved}},
		"S1 evidence changed": {
			world().approve(1, bob).record("review:1").edit(func(in *Input) {
				in.Snapshot.Evidence = map[string]forge.Blob{"evidence/a.json": {Data: []byte("1")}}
			}),
			want{state: Waiting, ignored: "review:1", because: "another content"}},
		"S1 policy changed": {
			world().approve(1, bob).record("review:1").edit(func(in *Input) { in.Policy, in.Reports[0].Policy = "sha256:new", "sha256:new" }),
			want{state: Waiting, ignored: "review:1", because: "another content"}},
		"S1 second record cannot rebind": {
			world().approve(1, bob).edit(func(in *Input) {
				in.Snapshot.Recorded = append(in.Snapshot.Recorded, forge.RecordedVote{ID: "review:1", Subject: "sha256:old"})
			}).record("review:1"), want{state: Waiting, ignored: "review:1", because: "another content"}},
		"S1 approval of what was reported, not of what is": {
			world().report("sha256:old").approve(1, bob), want{state: Waiting, ignored: "review:1", because: "another content"}},
		"S1 host does not know the reviewed commit": {
			world().review(1, bob, forge.ReviewApproved, ""), want{state: Waiting, ignored: "review:1", because: "an unknown commit"}},
		"S1 no head to compare with": {
			world().review(1, bob, forge.ReviewApproved, "").edit(func(in *Input) { in.Snapshot.PullRequest.Head.SHA = "" }), want{state: Waiting, ignored: "review:1"}},
		"S2 command before the report": {
			world().comment(1, bob, "/lumos approve"), want{state: Waiting, ignored: "comment:1", because: "before Lumos reported"}},
		"S2 command older than the report": {
			world().reported().comment(-1, bob, "/lumos approve"), want{state: Waiting, ignored: "comment:-1", because: "before Lumos reported"}},
		"S2 report on another head": {
			world().reported().comment(1, bob, "/lumos approve").edit(func(in *Input) { in.Snapshot.Checks[0].HeadSHA = otherSHA }),
			want{state: Waiting, ignored: "comment:1", because: "before Lumos reported"}},
		"S2 report with no time": {
			world().reported().comment(1, bob, "/lumos approve").edit(func(in *Input) { in.Snapshot.Checks[0].StartedAt = time.Time{} }),
			want{state: Waiting, ignored: "comment:1", because: "before Lumos reported"}},
		"S2 older of two reports": {
			world().reported().edit(func(in *Input) {
				newer := in.Snapshot.Checks[0]
				newer.StartedAt, newer.ExternalID = started.Add(time.Hour), forge.ExternalID("sha256:new", "c")
				in.Snapshot.Checks = append(in.Snapshot.Checks, newer)
			}).approve(1, bob), want{state: Waiting, ignored: "review:1", because: "another content"}},
		"S2 recorded as refused": {
			world().reported().comment(1, bob, "/lumos approve").edit(func(in *Input) {
				in.Snapshot.Recorded = []forge.RecordedVote{{ID: "comment:1"}}
			}), want{state: Waiting, ignored: "comment:1", because: "first saw it"}},
		"S2 report that says nothing": {
			world().reported().approve(1, bob).edit(func(in *Input) { in.Snapshot.Checks[0].ExternalID = "x" }),
			want{state: Waiting, ignored: "review:1", because: "does not say"}},
		"S2 command names another commit": {
			world().reported().comment(1, bob, "/lumos approve fffffff"), want{state: Waiting, ignored: "comment:1", because: "names fffffff, and the head is 1a2b3c4"}},
		"S2 commit too short": {
			world().reported().comment(1, bob, "/lumos approve 1a2b3c"), want{state: Waiting, ignored: "comment:1", because: "7 digits"}},
		"S7 retargeted": {
			world().approve(1, bob).record("review:1").edit(func(in *Input) { in.Snapshot.PullRequest.Base.Ref = "production" }),
			want{state: Waiting, ignored: "review:1", because: "another content"}},
		"S11 machine approves": {
			world().approve(1, robo).edit(func(in *Input) { in.Snapshot.Codeowners.Data = []byte("* @bob @robo\n") }),
			want{state: Waiting, ignored: "review:1", because: "machine"}},
		"S11 machine in the owning team": {
			world().approve(1, robo).edit(func(in *Input) { in.Snapshot.Teams[0].Members = append(in.Snapshot.Teams[0].Members, robo) }),
			want{state: Waiting, ignored: "review:1", because: "machine"}},
		"S11 unknown account approves": {
			world().approve(1, forge.Account{Login: "bob", Kind: forge.Unknown}), want{state: Waiting, ignored: "review:1", because: "does not say who"}},
		"S11 our own comment": {
			world().reported().comment(1, bob, "/lumos approve").edit(func(in *Input) { in.Snapshot.Comments[0].Mine = true }), want{state: Waiting}},
		"S12 edited comment": {
			world().reported().comment(1, bob, "/lumos approve").edit(func(in *Input) { in.Snapshot.Comments[0].Edited = true }),
			want{state: Waiting, ignored: "comment:1", because: "edited"}},
		"S12 quoted":        {world().reported().comment(1, bob, "> /lumos approve"), want{state: Waiting}},
		"S12 two commands":  {world().reported().comment(1, bob, "/lumos approve\n\n/lumos hold"), want{state: Waiting, ignored: "comment:1", because: "more than one"}},
		"S14 foreign check": {world().edit(func(in *Input) { in.Snapshot.Checks = []forge.Check{{Name: "ci", HeadSHA: headSHA}} }).comment(1, bob, "/lumos approve"), want{state: Waiting, ignored: "comment:1"}},
		"S19 facts left out": {
			world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Truncated = []string{"reviews: more than 100"} }), want{state: Waiting, unmet: "facts", says: "more than 100"}},
		"S19 CODEOWNERS unread": {
			world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Codeowners.Err = "timeout" }), want{state: Refused, unmet: "owners", says: "timeout"}},
		"S19 team gone": {
			world().tier(releases.TierHigh).approve(1, bob).approve(2, rita).approve(3, dan).edit(func(in *Input) { in.Snapshot.Teams = in.Snapshot.Teams[:1] }),
			want{state: Refused, unmet: "team:acme/model-risk", says: "was not found"}},
		"S20 nothing changes":    {world().approve(1, bob).edit(func(in *Input) { in.Snapshot.Files = nil }), want{state: Waiting, unmet: "changes", says: "no changed file"}},
		"S20 anyone's ticket":    {world().reported().comment(1, eve, "/lumos approve CHG0030012"), want{state: Waiting, ignored: "comment:1", because: "neither"}},
		"S20 author approves":    {world().reported().comment(1, ana, "/lumos approve"), want{state: Waiting, ignored: "comment:1", because: "opened the pull request"}},
		"S20 author in the team": {world().tier(releases.TierHigh).approve(1, bob).approve(2, rita).reported().comment(3, ana, "/lumos approve"), want{state: Waiting, unmet: "team:acme/model-risk", says: "1 of 2"}},
		"S21 flood of commands": {world().edit(func(in *Input) {
			for i := range int64(500) {
				in.comment(i+1, eve, "/lumos approve 1a2b3c4")
			}
		}), want{state: Waiting, ignored: "comment:500"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, tc.in, tc.want)
		})
	}
}
