package demo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/github"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// bill is what a stretch of traffic cost the bot.
type bill struct {
	reads, writes, appends int // of requests; immutable objects that were read for the first time are free
	looks                  int // at a pull request: evaluations
	series                 int // requests that waited for one another until the verdict stood, all kinds counted
	names                  []string
}

func (b bill) String() string {
	return fmt.Sprintf("%d reads, %d writes, %d appends, %d in series: %s", b.reads, b.writes, b.appends, b.series, strings.Join(b.names, ", "))
}

// immutable are the reads of what never changes: each is asked once.
var immutable = []string{
	"GET /repos/{owner}/{repo}/git/blobs/{file_sha}", "GET /repos/{owner}/{repo}/git/trees/{tree_sha}",
	"GET /projects/{id}/repository/blobs/{sha}/raw", "GET /projects/{id}/repository/tree", "Base",
	"GET /projects/{id}/merge_requests/{merge_request_iid}/versions/{version_id}",
	"Lookup",
}

// cost adds up what the bot has asked since a mark. What it pushes goes by git, past the interface: the
// commits that the audit branch has gained are the appends then.
func (s *stage) cost(mark int, commits int) bill {
	before := map[string]bool{}
	list, all := s.since(mark), s.since(0)
	for _, x := range all[:len(all)-len(list)] {
		before[x.Path+string(x.RequestBody)] = true
	}
	var b bill
	for _, x := range list {
		b.names = append(b.names, x.Name)
		first := !before[x.Path+string(x.RequestBody)]
		before[x.Path+string(x.RequestBody)] = true
		switch {
		case first && slices.Contains(immutable, x.Name):
		case x.Name == "Commit":
			b.appends++
		case x.Name == "Publish" || x.Method != "GET" && x.Route != "POST /graphql":
			b.writes++
		default:
			b.reads++
		}
		if x.Name == "Conversation" {
			b.looks++
		}
	}
	if s.Platform == forge.GitLab {
		b.appends = s.recordedCommits() - commits
	}
	if i := lastIndex(list, publishesVerdict); i >= 0 {
		list = list[:i+1]
	}
	b.series = series(list)
	return b
}

// recordedCommits counts the commits of the audit branch.
func (s *stage) recordedCommits() int {
	s.t.Helper()
	out, err := s.As(Admin).Git(s.t.Context(), "rev-list", "--count", "origin/"+forge.AuditBranch)
	s.must(err)
	n, err := strconv.Atoi(out)
	s.must(err)
	return n
}

// publishesVerdict tells what shows a verdict from what only asks for reviews.
func publishesVerdict(x exchange) bool {
	return x.Name == "Publish" && (strings.Contains(string(x.RequestBody), "CheckRunInput!") || strings.Contains(string(x.RequestBody), "lumos:checks")) ||
		x.Method == "POST" && strings.Contains(x.Route, "/statuses/")
}

func lastIndex(list []exchange, fits func(exchange) bool) int {
	for i, x := range slices.Backward(list) {
		if fits(x) {
			return i
		}
	}
	return -1
}

// series is the longest chain of requests of which each began after the one before had ended.
func series(list []exchange) int {
	slices.SortFunc(list, func(a, b exchange) int { return a.End.Compare(b.End) })
	var n int
	var end time.Time
	for _, x := range list {
		if x.Start.After(end) {
			n, end = n+1, x.End
		}
	}
	return n
}

// TestCost counts, through the sandbox, what the bot asks of each code host. Each answer is delayed, so
// that requests side by side overlap and requests in series do not. On GitLab no phase may cost more than
// one request more than on GitHub.
func TestCost(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	bills := map[forge.Platform]map[string]bill{}
	t.Cleanup(func() {
		for phase, there := range bills[forge.GitHub] {
			here, ok := bills[forge.GitLab][phase]
			if !ok {
				continue
			}
			if got, max := here.reads+here.writes+here.appends, there.reads+there.writes+there.appends+1; got > max {
				t.Errorf("%s costs %d requests on GitLab, at most %d are allowed:\nGitHub: %s\nGitLab: %s", phase, got, max, there, here)
			}
		}
	})
	onBoth(t, func(t *testing.T, host forge.Platform) {
		paid := costs(t, host)
		mu.Lock()
		defer mu.Unlock()
		bills[host] = paid
	})
}

// costs plays every phase of a pull request's life and returns what it cost.
func costs(t *testing.T, host forge.Platform) map[string]bill {
	seed, err := Seed()
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, Options{Host: host, Latency: 100 * time.Millisecond, RecordWithin: time.Hour, Files: map[string][]byte{
		".lumos/config.yaml": []byte(strings.Replace(string(seed[".lumos/config.yaml"]), "auto: true", "auto: false", 1)),
	}})
	ctx := t.Context()
	// The first pull request of a repository teaches the bot whom to ask about.
	_, head := s.open("first", release(t, "first", "1.0.0"))
	s.gate(1, head, "in_progress")
	s.settle()

	// more is what GitLab may cost besides: the commit status of the gate is a write of its own.
	more := 0
	if host == forge.GitLab {
		more = 1
	}
	var pr int
	bills := map[string]bill{}
	check := func(name string, mark, commits int, max bill) {
		t.Helper()
		got := s.cost(mark, commits)
		bills[name] = got
		t.Logf("%s: %s", name, got)
		tooMany := got.reads > max.reads || got.writes > max.writes
		if host == forge.GitLab {
			tooMany = got.reads+got.writes > max.reads+max.writes+more
		}
		series := max.series + more
		if name == "opening" { // the diff is read in two steps, and names no blobs: those are looked up
			series += 2 * more
		}
		if tooMany || got.appends > max.appends || got.looks > max.looks || got.series > series {
			t.Errorf("%s costs too much: at most %d reads, %d writes, %d appends, %d looks, %d in series", name, max.reads, max.writes, max.appends, max.looks, series)
		}
	}
	phase := func(name string, max bill, act func()) {
		t.Helper()
		mark, commits := s.mark(), s.recordedCommits()
		act()
		s.settle()
		check(name, mark, commits, max)
	}
	must := func(err error) { t.Helper(); s.must(err) }

	// On a machine that is busy enough, even requests side by side may miss one another.
	for _, model := range []string{"second", "third", "fourth"} {
		mark, commits := s.mark(), s.recordedCommits()
		pr, head = s.open(model, release(t, model, "1.0.0"))
		s.gate(pr, head, "in_progress")
		s.settle()
		if series(s.since(mark)) <= 3+3*more || model == "fourth" {
			check("opening", mark, commits, bill{reads: 3, writes: 1, looks: 1, series: 3})
			break
		}
	}
	phase("a review", bill{reads: 1, writes: 2, looks: 1, series: 2}, func() {
		s.approve(Owner, pr)
		must(s.waitVote(pr, Owner))
	})
	phase("the review that turns the gate green", bill{reads: 1, writes: 1, appends: 1, looks: 1, series: 3}, func() {
		s.approve(Second, pr)
		s.gate(pr, head, "success")
	})
	phase("asking to look again", bill{reads: 1, looks: 1, series: 1}, func() {
		must(s.As(Engineer).Comment(ctx, pr, "/lumos recheck"))
	})
	phase("a sweep", bill{reads: 4 + pr, looks: pr, series: 4 + pr}, s.sweep) // as many as there are pull requests, and where the default branch stands
	// A pipeline of GitLab does not say which of its statuses has changed: it could be the gate.
	phase("what concerns nobody", bill{looks: more}, func() {
		must(s.As(Engineer).Comment(ctx, pr, "Looks good to me."))
		must(s.As(Owner).Review(ctx, pr, Remark, "A thought."))
		must(s.As(Engineer).Label(ctx, pr, "wip"))
		must(s.As(Engineer).Status(ctx, pr, head, "ci", "success"))
		if host == forge.GitHub {
			s.deliver("status", []byte(`{"state":"success"}`))
			s.foreignCheck(pr)
		}
	})
	phase("200 events at once", bill{reads: 3, writes: 1, looks: 3, series: 4}, func() {
		event, action := "pull_request", "opened"
		if host == forge.GitLab {
			event, action = "Merge Request Hook", "open"
		}
		payload := s.payload(event, action) // of the newest pull request
		full, goOn := make(chan struct{}), make(chan struct{})
		waiting := s.hookOnce(named("Conversation"), func() { close(full); <-goOn })
		s.deliver(event, payload)
		<-full // the bot is looking; what comes now must be looked at once more, and not more often
		var g sync.WaitGroup
		for range 8 {
			g.Go(func() {
				for range 25 {
					s.deliver(event, payload)
				}
			})
		}
		g.Wait()
		must(s.As(Second).Review(ctx, pr, RequestChanges, "On second thoughts."))
		must(s.Host.WaitIdle(ctx))
		close(goOn)
		<-waiting
		s.gate(pr, head, "failure")
	})
	return bills
}

// waitVote waits until the vote of somebody counts in the bot's last look.
func (s *stage) waitVote(pr int, login string) error {
	return s.waitVerdict(s.t.Context(), pr, "the approval of "+login+" to count", func(v approval.Verdict) bool {
		return slices.ContainsFunc(v.Votes, func(x approval.Vote) bool { return x.By.Login == login && x.Counted })
	})
}

// foreignCheck lets another App make a check run on a pull request.
func (s *stage) foreignCheck(pr int) {
	s.t.Helper()
	other, err := s.Host.InstallApp(sandbox.App{Slug: "other", Permissions: map[string]string{"checks": "write"}, Repos: []string{Repo}})
	s.must(err)
	app, err := github.New(github.Options{APIURL: s.Host.APIURL(), GraphQLURL: s.Host.GraphQLURL(), AppID: other.AppID, PrivateKey: other.Key})
	s.must(err)
	saved, err := bot.LoadSnapshot(s.SnapshotPath(pr))
	s.must(err)
	p := saved.Snapshot.PullRequest
	s.must(app.Publish(s.t.Context(), p, forge.Publication{Checks: []forge.CheckWrite{{
		Name: forge.GateCheck, HeadSHA: p.Head.SHA, Status: forge.Completed, Conclusion: forge.Success, Title: "Fine", Summary: "Fine",
	}}}))
}
