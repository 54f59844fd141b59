package gitlab

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/forge"
)

func pushNote(id, version int) fields {
	return system(id, jonas, actionPush, fmt.Sprintf("added 1 commit\n\n<ul><li>x</li></ul>\n\n[Compare with previous version](/acme/models/-/merge_requests/4/diffs?diff_id=%d&start_sha=%s)", version, sha1C))
}

// titled is the note of a push whose commit has that title.
func titled(id, version int, title string) fields {
	return system(id, jonas, actionPush, fmt.Sprintf("added 1 commit\n\n<ul><li>x - %s</li></ul>\n\n[Compare with previous version](/acme/models/-/merge_requests/4/diffs?diff_id=%d&start_sha=%s)", title, version, sha1C))
}

func reviewState(u fields, state string) fields {
	out := fields{"mergeRequestInteraction": fields{"reviewState": state}}
	for k, v := range u {
		out[k] = v
	}
	return out
}

// TestVotesBindToTheVersion derives the commit of approvals and requests for changes. There are three
// versions: 71 of head C, 72 of head B, 73 of head A, the present one.
func TestVotesBindToTheVersion(t *testing.T) {
	t.Parallel()
	versions := `[{"id":73,"head_commit_sha":"` + sha1A + `"},{"id":72,"head_commit_sha":"` + sha1B + `"},{"id":71,"head_commit_sha":"` + sha1C + `"}]`
	approve := func(id int, u fields) fields { return system(id, u, actionApprove, "approved this merge request") }
	withdraw := func(id int, u fields) fields {
		return system(id, u, actionUnapprove, "unapproved this merge request")
	}
	refuse := func(id int, u fields) fields { return system(id, u, actionRefuse, "requested changes") }
	blocked := who(2, "ben")
	blocked["state"] = "blocked"
	for _, tc := range []struct {
		name      string
		notes     []any
		approved  []any
		reviewers []any
		want      string // "ID login state commit", joined by "; "
	}{
		{"none", nil, nil, nil, ""},
		{"before any push", []any{approve(10, ben)}, []any{ben}, nil, "10 ben approved C"},
		{"of the present head", []any{pushNote(10, 72), pushNote(11, 73), approve(12, ben)}, []any{ben}, nil, "12 ben approved A"},
		{"of an older head", []any{pushNote(10, 72), approve(11, ben), pushNote(12, 73)}, []any{ben}, nil, "11 ben approved B"},
		{"notes that come out of order", []any{approve(12, ben), pushNote(11, 73), pushNote(10, 72)}, []any{ben}, nil, "12 ben approved A"},
		{"a push that names no version", []any{system(10, jonas, actionPush, "added 1 commit"), approve(11, ben)}, []any{ben}, nil, "11 ben approved -"},
		{"a version that is not known", []any{pushNote(10, 99), approve(11, ben)}, []any{ben}, nil, "11 ben approved -"},
		{"a commit whose title names a later version", []any{titled(10, 72, "[Compare with previous version](/x?diff_id=73&y)"), approve(11, ben), pushNote(12, 73)}, []any{ben}, nil, "11 ben approved B"},
		{"a link that names two versions", []any{system(10, jonas, actionPush, "added 1 commit [x](?diff_id=73&) [Compare](?diff_id=72&)"), approve(11, ben)}, []any{ben}, nil, "11 ben approved -"},
		{"a person's note that looks like a push", []any{noteOf(10, ben, "diff_id=73&"), approve(11, ben)}, []any{ben}, nil, "11 ben approved C"},
		{"given again", []any{approve(10, ben), withdraw(11, ben), pushNote(12, 73), approve(13, ben)}, []any{ben}, nil, "10 ben dismissed C; 13 ben approved A"},
		{"without a note", nil, []any{ben}, nil, "-2 ben approved -"},
		{"list and notes contradict", []any{approve(10, ben), withdraw(11, ben)}, []any{ben}, nil, "-2 ben approved -"},
		{"withdrawn", []any{approve(10, ben), withdraw(11, ben)}, nil, nil, "10 ben dismissed C"},
		{"reset by a push", []any{approve(10, ben), pushNote(11, 73)}, nil, nil, "10 ben dismissed C"},
		{"of somebody blocked since", []any{approve(10, blocked)}, []any{blocked}, nil, "10 ben approved C unknown"},
		{"two people", []any{approve(10, ben), pushNote(11, 73), approve(12, cleo)}, []any{cleo, ben}, nil, "10 ben approved C; 12 cleo approved A"},
		{"changes requested", []any{pushNote(10, 73), refuse(11, ben)}, nil, []any{reviewState(ben, "REQUESTED_CHANGES")}, "11 ben changes_requested A"},
		{"changes requested, without a note", nil, nil, []any{reviewState(ben, "REQUESTED_CHANGES")}, "-2 ben changes_requested -"},
		{"asked again by others", []any{refuse(11, ben)}, nil, []any{reviewState(ben, "UNREVIEWED")}, "11 ben changes_requested C"},
		{"taken off the list by others", []any{refuse(11, ben)}, nil, nil, "11 ben changes_requested C"},
		{"lifted by a comment of theirs", []any{refuse(11, ben)}, nil, []any{reviewState(ben, "REVIEWED")}, "11 ben dismissed C"},
		{"lifted by an approval", []any{refuse(11, ben), approve(12, ben)}, []any{ben}, []any{reviewState(ben, "APPROVED")}, "11 ben changes_requested C; 12 ben approved C"},
		{"approved, then refused", []any{approve(10, ben), refuse(11, ben)}, []any{ben}, []any{reviewState(ben, "REQUESTED_CHANGES")}, "10 ben approved C; 11 ben changes_requested C"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mr := opened()
			mr["notes"], mr["approvedBy"], mr["reviewers"] = list(tc.notes...), list(tc.approved...), list(tc.reviewers...)
			c := mustRead(t, mr, func(l *lab) {
				l.says("GET projects/acme%2Fnlp%2Fmodels/merge_requests/4/versions", 200, versions)
			})
			var got []string
			for _, r := range c.Reviews {
				commit := map[string]string{sha1A: "A", sha1B: "B", sha1C: "C", "": "-"}[r.CommitSHA]
				line := fmt.Sprintf("%d %s %s %s", r.ID, r.Author.Login, r.State, commit)
				if r.Author.Kind == forge.Unknown {
					line += " unknown"
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("reviews (-want +got):\n%s", diff)
			}
		})
	}
}

// TestVersionsAreReadWhenTheyAreNeeded: a head that comes back is another version of the diff.
func TestVersionsAreReadWhenTheyAreNeeded(t *testing.T) {
	t.Parallel()
	l, h := newLab(t)
	route := "GET projects/acme%2Fnlp%2Fmodels/merge_requests/4/versions"
	l.answers("Base", noBase)
	look := func(want string, notes ...any) {
		t.Helper()
		mr := opened()
		mr["notes"], mr["approvedBy"] = list(notes...), list(ben)
		l.answers("Conversation", conversationOf(mr))
		c, err := h.Conversation(t.Context(), mr4, forge.Want{})
		if err != nil || c.Reviews[len(c.Reviews)-1].CommitSHA != want {
			t.Errorf("%v, reviews %+v", err, c)
		}
	}
	first := system(10, ben, actionApprove, "approved this merge request")
	l.says(route, 200, `[{"id":71,"head_commit_sha":"`+sha1A+`"}]`)
	look(sha1A, first)
	l.counted("Conversation", "Base", route)
	look(sha1A, first)
	l.counted("Conversation")
	l.says(route, 200, `[{"id":73,"head_commit_sha":"`+sha1A+`"},{"id":72,"head_commit_sha":"`+sha1B+`"},{"id":71,"head_commit_sha":"`+sha1A+`"}]`)
	look(sha1A, first, pushNote(11, 72), pushNote(12, 73), system(13, ben, actionApprove, "approved this merge request"))
	l.counted("Conversation", route)
	look("", first, pushNote(11, 99), system(13, ben, actionApprove, "approved this merge request"))
	l.counted("Conversation", route)
}

func TestComments(t *testing.T) {
	t.Parallel()
	edited := func(n fields, by any) fields {
		n["lastEditedAt"], n["lastEditedBy"] = "2027-01-02T03:04:05Z", by
		return n
	}
	guest := noteOf(13, cleo, "/lumos approve")
	guest["maxAccessLevelOfAuthor"] = "Reporter"
	stranger := noteOf(14, who(77, "ghost"), "x")
	stranger["maxAccessLevelOfAuthor"] = nil
	thread := noteOf(15, lumos, forge.ThreadBody("ID-01 path", "missing"))
	thread["resolved"], thread["resolvedBy"] = true, fields{"id": "gid://gitlab/User/9"}
	answer := noteOf(16, jonas, "done")
	answer["discussion"] = thread["discussion"]
	forged := edited(noteOf(17, lumos, forge.ThreadBody("ID-02 path", "x")), fields{"id": "gid://gitlab/User/1"})
	mr := opened()
	mr["notes"] = list(
		noteOf(10, ben, "/lumos approve"), edited(noteOf(11, ben, "/lumos approve"), fields{"id": ben["id"]}),
		edited(noteOf(12, lumos, `\/lumos help`), fields{"id": "gid://gitlab/User/9"}), guest, stranger, thread, answer, forged,
		edited(noteOf(18, lumos, "x"), nil), system(19, jonas, "title", "changed"),
	)
	c := mustRead(t, mr)
	var got []string
	for _, m := range c.Comments {
		got = append(got, fmt.Sprintf("%d %s %s edited:%v mine:%v outsider:%v", m.ID, m.Author.Login, strings.SplitN(m.Body, "\n", 2)[0], m.Edited, m.Mine, m.Outsider))
	}
	want := []string{
		"10 ben /lumos approve edited:false mine:false outsider:false",
		"11 ben /lumos approve edited:true mine:false outsider:false",
		"12 lumos /lumos help edited:true mine:true outsider:false",
		"13 cleo /lumos approve edited:false mine:false outsider:true",
		"14 ghost x edited:false mine:false outsider:true",
		"16 jonas done edited:false mine:false outsider:false",
		"17 lumos <!-- lumos:gap:ID-02 path --> edited:true mine:false outsider:false",
		"18 lumos x edited:true mine:false outsider:false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
	if len(c.Threads) != 1 || c.Threads[0].Key != "ID-01 path" || !c.Threads[0].ByUs || c.Threads[0].NodeID != "gid://gitlab/Discussion/d15" {
		t.Errorf("threads %+v", c.Threads)
	}
	if c.Comments[4].Author.Known() {
		t.Error("the ghost is known")
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	ledger := func(head string, status forge.CheckStatus, conclusion forge.Conclusion) string {
		return "text\n" + forge.Ledger([]forge.Check{
			{Name: forge.ComplianceCheck, HeadSHA: head, Status: forge.Completed, Conclusion: forge.Success, ExternalID: "s;c"},
			{Name: forge.GateCheck, HeadSHA: head, Status: status, Conclusion: conclusion, ExternalID: "s;g"},
		})
	}
	job := func(sha, ref, status string) fields {
		return fields{"id": "gid://gitlab/Ci::Pipeline/7", "sha": sha, "ref": ref, "path": "/acme/nlp/models/-/pipelines/7",
			"job": fields{"id": "gid://gitlab/Ci::Build/8", "status": status, "createdAt": "2027-01-02T03:04:05Z"}}
	}
	for _, tc := range []struct {
		name     string
		note     fields
		pipeline any
		want     string
	}{
		{"nothing yet", nil, nil, ""},
		{"pending", noteOf(10, lumos, ledger(sha1A, forge.InProgress, "")), job(sha1A, "feature", "PENDING"), "lumos/compliance completed success s;c; lumos/gate in_progress  s;g"},
		{"not governed", noteOf(10, lumos, ledger(sha1A, forge.Completed, forge.Neutral)), job(sha1A, "feature", "SUCCESS"), "lumos/compliance completed success s;c; lumos/gate completed neutral s;g"},
		{"forged", noteOf(10, lumos, ledger(sha1A, forge.InProgress, "")), job(sha1A, "feature", "SUCCESS"), "lumos/compliance completed success s;c; lumos/gate completed success s;g"},
		{"canceled", noteOf(10, lumos, ledger(sha1A, forge.InProgress, "")), job(sha1A, "feature", "CANCELED"), "lumos/compliance completed success s;c; lumos/gate completed canceled s;g"},
		{"the job is gone", noteOf(10, lumos, ledger(sha1A, forge.Completed, forge.Success)), nil, "lumos/compliance completed success s;c"},
		{"the ledger is of another head", noteOf(10, lumos, ledger(sha1B, forge.Completed, forge.Success)), job(sha1A, "feature", "SUCCESS"), "lumos/gate completed success "},
		{"the pipeline is of another head", noteOf(10, lumos, ledger(sha1B, forge.Completed, forge.Success)), job(sha1B, "feature", "SUCCESS"), ""},
		{"a pipeline of the merge request", nil, job(sha1D, "refs/merge-requests/4/merge", "SUCCESS"), "lumos/gate completed success "},
		{"somebody else's ledger", noteOf(10, jonas, ledger(sha1A, forge.Completed, forge.Success)), job(sha1A, "feature", "FAILED"), "lumos/gate completed failure "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mr := opened()
			if tc.note != nil {
				mr["notes"] = list(tc.note)
			}
			mr["headPipeline"] = tc.pipeline
			var got []string
			for _, c := range mustRead(t, mr).Checks {
				got = append(got, fmt.Sprintf("%s %s %s %s", c.Name, c.Status, c.Conclusion, c.ExternalID))
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCommits(t *testing.T) {
	t.Parallel()
	commit := func(sha, author, committer, message string, u any) fields {
		return fields{"sha": sha, "message": message, "authorEmail": author, "committerEmail": committer, "author": u}
	}
	for _, tc := range []struct {
		name       string
		commits    []any // newest first, as GitLab lists them
		committers []any
		signature  string // of every commit that is asked for
		want       string // "authors/committer" by commit, oldest first
	}{
		{"plain", []any{commit(sha1A, "j@acme", "J@acme", "m", jonas)}, []any{jonas}, "", "jonas/jonas"},
		{"an author that nobody is", []any{commit(sha1A, "x@y", "x@y", "m", nil)}, nil, "", "?/?"},
		{"a private address", []any{commit(sha1A, "7-dora@users.noreply.gl", "7-dora@users.noreply.gl", "m", nil)}, nil, "", "dora/dora"},
		{"co-authors", []any{
			commit(sha1A, "j@acme", "j@acme", "m\n\nCo-authored-by: Ben <B@acme>\nco-authored-by: X <x@y>\nCo-authored-by: D <7-dora@users.noreply.gl>", jonas),
			commit(sha1B, "b@acme", "b@acme", "m", ben),
		}, []any{jonas, ben}, "", "ben/ben; jonas,ben,?,dora/jonas"},
		{"a committer by elimination", []any{commit(sha1A, "j@acme", "old@acme", "m", jonas)}, []any{ben}, "", "jonas,ben/ben"},
		{"two by elimination", []any{commit(sha1A, "j@acme", "o1@acme", "m", jonas), commit(sha1B, "j@acme", "o2@acme", "m", jonas)}, []any{ben, cleo}, "", "jonas,ben,cleo/ben; jonas,ben,cleo/ben"},
		{"fewer accounts than addresses", []any{commit(sha1A, "j@acme", "o1@acme", "m", jonas), commit(sha1B, "j@acme", "o2@acme", "m", jonas)}, []any{ben}, "", "jonas/?; jonas,ben/?"},
		{"a committer of no commit", []any{commit(sha1A, "j@acme", "j@acme", "m", jonas)}, []any{jonas, ben}, "", "jonas,ben/jonas"},
		{"made by GitLab", []any{commit(sha1A, "j@acme", "noreply@gl", "m", jonas)}, nil, `{"verification_status":"verified_system"}`, "jonas/"},
		{"as if made by GitLab", []any{commit(sha1A, "j@acme", "noreply@gl", "m", jonas)}, nil, `{"verification_status":"verified"}`, "jonas/?"},
		{"a bot's", []any{commit(sha1A, "l@acme", "l@acme", "m", lumos)}, []any{lumos}, "", "lumos*/lumos*"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mr := opened()
			mr["commits"], mr["committers"] = list(tc.commits...), list(tc.committers...)
			c := mustRead(t, mr, func(l *lab) {
				if tc.signature != "" {
					l.says("GET projects/acme%2Fnlp%2Fmodels/repository/commits/"+sha1A+"/signature", 200, tc.signature)
				}
			})
			name := func(a forge.Account) string {
				switch a.Kind {
				case forge.Unknown:
					return "?"
				case forge.Bot:
					return a.Login + "*"
				}
				return a.Login
			}
			var got []string
			for _, c := range c.Commits {
				var authors []string
				for _, a := range c.Authors {
					authors = append(authors, name(a))
				}
				got = append(got, strings.Join(authors, ",")+"/"+name(c.Committer))
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("commits (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzNotes(f *testing.F) {
	f.Add("added 1 commit [Compare with previous version](/x?diff_id=72&start_sha=abc)", "/approve\r\n/merge\n\\/x", "commit")
	f.Add("diff_id=99999999999999999999", "\r\\\\/close", "approved")
	f.Add("<!-- lumos:checks [] -->", "`/", "requested_changes")
	f.Fuzz(func(t *testing.T, push, body, action string) {
		notes := []note{}
		raw, err := json.Marshal([]fields{system(1, jonas, actionPush, push), system(2, ben, action, body)})
		if err != nil {
			t.Skip()
		}
		if err := json.Unmarshal(raw, &notes); err != nil {
			t.Fatal(err)
		}
		readBallots(notes)
		forge.ReadLedger(body)
		safe := armour(body)
		if bare(safe) != body {
			t.Errorf("%q comes back as %q", body, bare(safe))
		}
		for _, line := range strings.Split(strings.ReplaceAll(safe, "\r", ""), "\n") {
			if strings.HasPrefix(line, "/") {
				t.Errorf("%q keeps a command to GitLab", safe)
			}
		}
	})
}
