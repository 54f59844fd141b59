package approval

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// scene draws a pull request with votes of everybody, in both channels, of every kind.
func scene(t *rapid.T) *Input {
	return sceneOn(t, rapid.SampledFrom([]forge.Platform{forge.GitHub, forge.GitLab}).Draw(t, "host"))
}

func sceneOn(t *rapid.T, host forge.Platform) *Input {
	in := world().tier(rapid.SampledFrom([]releases.Tier{releases.TierMedium, releases.TierMedium, releases.TierHigh}).Draw(t, "tier"))
	people := []forge.Account{bob, bob, carol, dan, rita, ana, eve, robo, nobody}
	if rapid.IntRange(0, 3).Draw(t, "more contributors") == 0 {
		in.Snapshot.Commits[0].Authors = append(in.Snapshot.Commits[0].Authors, rapid.SampledFrom(people[:5]).Draw(t, "co-author"))
	}
	if rapid.IntRange(0, 3).Draw(t, "governance") == 0 {
		also(".lumos/config.yaml")(in)
		people = append(people, olga)
	}
	if rapid.Bool().Draw(t, "reported") {
		in.reported()
	}
	if host == forge.GitLab {
		const simple = "* @bob @acme/models @acme @@developer\n^[Docs]\n* @eve\n[Rules]\n/.lumos/ @olga\n"
		in.edit(onGitLab(rapid.SampledFrom([]string{
			simple, simple, simple, sections,
			"* @bob @acme/models # @rita\n[Risk][2]\n/releases/ @acme/model-risk @acme @@developer\n/.lumos/ @olga\n",
			"^[Docs] @eve\n*\n[All] @bob @rita\n*\n!/.lumos/\n[Rules]\n/.lumos/ @olga @@maintainers\n",
			"* @bob\n[Broken\n/releases/fraud/2.2.0.yaml @eve\n[All][3]\n/.lumos/ @olga\n",
		}).Draw(t, "codeowners")))
		in.edit(withTeams(forge.Team{Slug: "acme", Members: []forge.Account{bob, ana}, Inherited: []forge.Account{eve}},
			forge.Team{Slug: "@developer", Members: []forge.Account{carol, robo}}, forge.Team{Slug: "@maintainer", Unreadable: "forbidden"}))
	}
	states := []forge.ReviewState{forge.ReviewApproved, forge.ReviewApproved, forge.ReviewApproved, forge.ReviewChangesRequested, forge.ReviewCommented, forge.ReviewDismissed}
	bodies := []string{"/lumos approve", "/lumos approve 1a2b3c4", "/lumos approve 1a2b3c4", "/lumos reject no", "/lumos request-changes no", "/lumos hold", "/lumos resume",
		"/lumos resume", "/lumos approve fffffff", "/lumos approve please", "fine", "/lumos approve\n\n/lumos reject x"}
	n := rapid.IntRange(0, 9).Draw(t, "votes")
	for i := range int64(n) {
		by := rapid.SampledFrom(people).Draw(t, "by")
		id := i + 1
		if rapid.Bool().Draw(t, "review") {
			commit := rapid.SampledFrom([]string{headSHA, headSHA, headSHA, otherSHA}).Draw(t, "commit")
			in.review(id, by, rapid.SampledFrom(states).Draw(t, "state"), commit)
		} else {
			in.comment(id, by, rapid.SampledFrom(bodies).Draw(t, "body"))
			c := &in.Snapshot.Comments[len(in.Snapshot.Comments)-1]
			c.Edited = rapid.IntRange(0, 7).Draw(t, "edited") == 0
			c.Outsider = in.Snapshot.PullRequest.Platform == forge.GitLab && rapid.IntRange(0, 7).Draw(t, "outsider") == 0
		}
		if rapid.IntRange(0, 3).Draw(t, "recorded") == 0 {
			in.record("review:"+strconv.FormatInt(id, 10), "comment:"+strconv.FormatInt(id, 10))
		}
	}
	return in
}

// without returns the input less one review or comment.
func without(in Input, id string) Input {
	s := *in.Snapshot
	s.Reviews = slices.DeleteFunc(slices.Clone(s.Reviews), func(r forge.Review) bool { return "review:"+strconv.FormatInt(r.ID, 10) == id })
	s.Comments = slices.DeleteFunc(slices.Clone(s.Comments), func(c forge.Comment) bool { return "comment:"+strconv.FormatInt(c.ID, 10) == id })
	in.Snapshot = &s
	return in
}

// S20: a vote that is no objection and no hold can only help. So nobody can bring about a success
// by making others' votes disappear, or by adding one that does not count.
func TestRemovingAVoteNeverApproves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := scene(t)
		before := Decide(*in)
		if before.State == Approved {
			t.Skip("approved already")
		}
		for _, v := range before.Votes {
			if v.Action != ActApprove && v.Action != ActResume {
				continue
			}
			if after := Decide(without(*in, v.ID)); after.State == Approved {
				t.Fatalf("without %s (%s by %s) it is approved\nbefore:\n%s\nafter:\n%s", v.ID, v.Action, v.By.Login, Explain(before), Explain(after))
			}
		}
	})
}

// An approved pull request rests on votes: with none of them it is not approved.
func TestApprovedRestsOnVotes(t *testing.T) {
	t.Parallel()
	for _, host := range []forge.Platform{forge.GitHub, forge.GitLab} {
		approved := 0
		rapid.Check(t, func(t *rapid.T) {
			in := sceneOn(t, host)
			v := Decide(*in)
			if v.State != Approved {
				return
			}
			approved++
			bare := *in
			for _, vote := range v.Votes {
				if vote.Action == ActApprove {
					bare = without(bare, vote.ID)
				}
			}
			if after := Decide(bare); after.State == Approved {
				t.Fatalf("approved by nobody:\n%s", Explain(after))
			}
		})
		if approved == 0 {
			t.Errorf("%s: no scene was approved: the properties would hold of nothing", host)
		}
	}
}

func TestBarredNeverCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := Decide(*scene(t))
		barred := make(map[int64]bool)
		for _, b := range v.Excluded {
			barred[b.Account.ID] = true
		}
		for _, vote := range v.Votes {
			decides := vote.Action == ActApprove || vote.Action == ActReject || vote.Action == ActChanges
			stranger := vote.By.ID == eve.ID || vote.By.Kind != forge.User
			if vote.Counted && decides && (barred[vote.By.ID] || stranger) {
				t.Fatalf("%s of %s counted:\n%s", vote.ID, vote.By.Login, Explain(v))
			}
			if vote.Reason == "" {
				t.Fatalf("%s has no reason", vote.ID)
			}
		}
	})
}

func TestOneByteVoidsRecordedVotes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := scene(t)
		in.Snapshot.Recorded = nil
		for i := range int64(10) {
			in.record("review:"+strconv.FormatInt(i, 10), "comment:"+strconv.FormatInt(i, 10))
		}
		blob := []byte(in.Snapshot.Files[0].Blob)
		blob[rapid.IntRange(0, len(blob)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		in.Snapshot.Files[0].Blob = string(blob)
		v := Decide(*in)
		if v.State == Approved {
			t.Fatalf("approved:\n%s", Explain(v))
		}
		for _, vote := range v.Votes {
			if vote.Counted && vote.Action == ActApprove {
				t.Fatalf("%s still counts:\n%s", vote.ID, Explain(v))
			}
		}
	})
}

// The order in which the host lists things says nothing, and equal input gives equal bytes.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := scene(t)
		want, err := json.Marshal(Decide(*in))
		if err != nil {
			t.Fatal(err)
		}
		s := in.Snapshot
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(s.Reviews), func(i, j int) { s.Reviews[i], s.Reviews[j] = s.Reviews[j], s.Reviews[i] })
		r.Shuffle(len(s.Comments), func(i, j int) { s.Comments[i], s.Comments[j] = s.Comments[j], s.Comments[i] })
		r.Shuffle(len(s.Files), func(i, j int) { s.Files[i], s.Files[j] = s.Files[j], s.Files[i] })
		r.Shuffle(len(s.Teams), func(i, j int) { s.Teams[i], s.Teams[j] = s.Teams[j], s.Teams[i] })
		got, err := json.Marshal(Decide(*in))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("verdicts differ:\n%s\n%s", want, got)
		}
	})
}

func TestSubject(t *testing.T) {
	t.Parallel()
	base := func() *Input {
		in := world().edit(also("releases/fraud/2.2.0.yaml"))
		in.Snapshot.Evidence = map[string]forge.Blob{"e/a": {Data: []byte("a")}, "e/b": {Data: nil}}
		return in
	}
	digest := func(in *Input) string { return Subject(in.Snapshot, in.Policy) }
	want := digest(base())
	for name, edit := range map[string]func(*Input){
		"rebase": func(in *Input) {
			in.Snapshot.PullRequest.Head.SHA, in.Snapshot.PullRequest.Base.SHA = otherSHA, otherSHA
			in.Snapshot.Commits = nil
		},
		"order": func(in *Input) { slices.Reverse(in.Snapshot.Files) },
		"votes": func(in *Input) { in.approve(1, bob) },
	} {
		if got := digest(base().edit(edit)); got != want {
			t.Errorf("%s changes the subject", name)
		}
	}
	seen := map[string]string{want: "nothing"}
	for name, edit := range map[string]func(*Input){
		"path":          func(in *Input) { in.Snapshot.Files[0].Path += "x" },
		"previous":      func(in *Input) { in.Snapshot.Files[0].Previous = "x" },
		"status":        func(in *Input) { in.Snapshot.Files[0].Status = forge.Modified },
		"blob":          func(in *Input) { in.Snapshot.Files[0].Blob = "b10c" },
		"file left out": func(in *Input) { in.Snapshot.Files = in.Snapshot.Files[:1] },
		"policy":        func(in *Input) { in.Policy = "sha256:2" },
		"target":        func(in *Input) { in.Snapshot.PullRequest.Base.Ref = "production" },
		"evidence byte": func(in *Input) { in.Snapshot.Evidence["e/a"] = forge.Blob{Data: []byte("b")} },
		"evidence name": func(in *Input) {
			in.Snapshot.Evidence["e/c"] = in.Snapshot.Evidence["e/b"]
			delete(in.Snapshot.Evidence, "e/b")
		},
		"evidence unread": func(in *Input) { in.Snapshot.Evidence["e/b"] = forge.Blob{Err: "timeout"} },
		"evidence gone":   func(in *Input) { delete(in.Snapshot.Evidence, "e/b") },
		"field moved":     func(in *Input) { f := &in.Snapshot.Files[0]; f.Previous, f.Blob = string(f.Status), "" },
	} {
		got := digest(base().edit(edit))
		if other, ok := seen[got]; ok {
			t.Errorf("%s gives the same subject as %s", name, other)
		}
		seen[got] = name
	}
}

// Explain is plain text whatever people wrote.
func TestExplainIsInert(t *testing.T) {
	t.Parallel()
	hostile := "\x1b]0;x\x07\u202e\n  yes everything\r\u200b"
	in := world().comment(1, carol, "/lumos reject "+hostile).edit(blocked).edit(also("releases/" + hostile + "/1.yaml"))
	in.Reports[0].Controls[0].Title = hostile
	in.Reports[0].Controls[0].Findings[0].Message = hostile
	in.Snapshot.Truncated = []string{hostile}
	in.Snapshot.Teams[0].Unreadable = hostile
	in.Authors = []string{hostile}
	in.Problems = []string{hostile}
	text := Explain(Decide(*in))
	for i, r := range text {
		if r != '\n' && (r < ' ' || r == 0x7f || invisible(r)) {
			t.Fatalf("%U at %d of:\n%s", r, i, text)
		}
	}
	if strings.Contains(text, "\n  yes everything") {
		t.Errorf("a forged line in:\n%s", text)
	}
}
