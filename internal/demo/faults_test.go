package demo

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// graphqlOnly strikes the bot alone: the people of the world speak REST.
func graphqlOnly(f sandbox.Fault) sandbox.Fault {
	f.Match = func(_, path string) bool { return path == "/graphql" }
	return f
}

// TestFaults breaks each code host in one way after the other. In the end every pull request has the
// right verdict, and nothing stands twice.
func TestFaults(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, host forge.Platform) {
		t.Run("reading and writing", func(t *testing.T) {
			t.Parallel()
			readingAndWriting(newStage(t, Options{Host: host, RecordWithin: time.Hour}))
		})
		t.Run("merging", func(t *testing.T) {
			t.Parallel()
			merging(newStage(t, Options{Host: host, RecordWithin: time.Hour}))
		})
	})
}

func readingAndWriting(s *stage) {
	s.t.Helper()
	s.opened("warm")
	s.settle()
	refused := s.publicationFails("refused", false)
	lost := s.publicationFails("lost", true)
	reset := time.Now().Add(2 * time.Second).Truncate(time.Second)
	primary, secondary := sandbox.PrimaryLimit(1, http.StatusForbidden, reset), sandbox.SecondaryLimit(1, http.StatusTooManyRequests, time.Second)
	if s.Platform == forge.GitLab {
		primary, secondary = gitlabLimit(reset), gitlabLimit(time.Time{})
	}
	first := s.limited("primary", reset, primary)
	second := s.limited("secondary", time.Now().Add(time.Second), secondary)
	unheard := s.unheard("unheard")
	away := s.away("away")
	s.approve(Owner, lost)
	s.approve(Second, lost)
	s.merged(lost)
	s.settle()
	s.sound([]string{"lumos/lost/1.0.0"}, refused, lost, first, second, unheard, away)
}

// gitlabLimit answers as GitLab does to too many requests: with the time at which they may go on or, if
// that is zero, with a second to wait (docs.gitlab.com, "User and IP rate limits", 2026).
func gitlabLimit(reset time.Time) sandbox.Fault {
	h := http.Header{"Retry-After": {"1"}}
	if !reset.IsZero() {
		h = http.Header{"Ratelimit-Limit": {"60"}, "Ratelimit-Observed": {"61"}, "Ratelimit-Remaining": {"0"},
			"Ratelimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}, "Retry-After": {strconv.Itoa(int(time.Until(reset).Seconds()) + 1)}}
	}
	return sandbox.Fault{Times: 1, Status: http.StatusTooManyRequests, Header: h, Body: "Retry later\n"}
}

// asksToMerge finds the bot's requests to merge.
func asksToMerge(x exchange) bool {
	return x.Method == http.MethodPut && strings.HasSuffix(x.Path, "/merge")
}

func merging(s *stage) {
	s.t.Helper()
	s.Host.Faults.Add(sandbox.Fault{Times: 1, Status: http.StatusMethodNotAllowed, Body: `{"message":"Pull Request is not mergeable"}`,
		Match: func(method, path string) bool { return method == http.MethodPut && strings.HasSuffix(path, "/merge") }})
	refused, _ := s.opened("refused")
	s.approve(Owner, refused)
	s.approve(Second, refused)
	s.gate(refused, "", "success")
	moved := s.pushBeforeMerge("moved") // while the other one waits for its second attempt
	s.merged(refused)
	s.settle()
	var asked []int
	for _, x := range s.since(0) {
		if asksToMerge(x) && strings.HasSuffix(x.Path, fmt.Sprintf("/%d/merge", refused)) {
			asked = append(asked, x.Status)
		}
	}
	if !slices.Equal(asked, []int{http.StatusMethodNotAllowed, http.StatusOK}) {
		s.t.Errorf("the merge was answered %d, expected a refusal, then success", asked)
	}
	s.sound([]string{"lumos/moved/1.0.0", "lumos/refused/1.0.0"}, refused, moved)
}

// opened opens the release of a model and waits until the bot asks for approvals.
func (s *stage) opened(model string) (pr int, head string) {
	s.t.Helper()
	pr, head = s.open(model, release(s.t, model, "1.0.0"))
	s.gate(pr, head, "in_progress")
	return pr, head
}

// publicationFails lets the first publication on a pull request end in a 502, before or after the work.
func (s *stage) publicationFails(model string, after bool) int {
	s.t.Helper()
	fault := graphqlOnly(sandbox.ServerError(1, http.StatusBadGateway))
	fault.After = after
	lastRead := "Conversation" // by GraphQL, before the publication
	if s.Platform == forge.GitLab {
		lastRead = "Lookup"
	}
	read := s.hookOnce(named(lastRead), func() { s.Host.Faults.Add(fault) })
	mark := s.mark()
	pr, _ := s.opened(model)
	<-read
	s.wait(mark, "the second look", func(list []exchange) bool { return count(list, named("Conversation")) == 2 })
	s.settle()
	var failed []string
	for _, x := range s.since(mark) {
		if x.Status == http.StatusBadGateway {
			failed = append(failed, x.Name)
		}
	}
	if !slices.Equal(failed, []string{"Publish"}) {
		s.t.Errorf("%s: failed %q, expected one Publish", model, failed)
	}
	return pr
}

// limited meets a rate limit at the first look at a pull request.
func (s *stage) limited(model string, until time.Time, limit sandbox.Fault) int {
	s.t.Helper()
	s.Host.Faults.Add(graphqlOnly(limit))
	mark := s.mark()
	pr, _ := s.opened(model)
	struck := false
	for _, x := range s.since(mark) {
		if x.Status == limit.Status {
			struck = true
		} else if x.Route == "POST /graphql" && x.Start.Before(until) {
			s.t.Errorf("%s: %s was sent before the limit ended", model, x.Name)
		}
	}
	if !struck {
		s.t.Errorf("%s: the limit struck nobody", model)
	}
	s.settle()
	return pr
}

// unheard loses the webhooks of a new pull request; the sweep finds it.
func (s *stage) unheard(model string) int {
	s.t.Helper()
	s.Host.Faults.DropWebhooks(100)
	pr, head := s.open(model, release(s.t, model, "1.0.0"))
	s.settle()
	if p, err := s.As(Engineer).Look(s.t.Context(), pr); err != nil || len(p.Checks) > 0 {
		s.t.Fatalf("the webhook was not lost: %v, checks %v", err, p.Checks)
	}
	s.Host.Faults.Clear()
	s.sweep()
	s.gate(pr, head, "in_progress")
	s.settle()
	return pr
}

// away opens and reviews a pull request while there is no bot.
func (s *stage) away(model string) int {
	s.t.Helper()
	s.must(s.StopBot())
	pr, head := s.open(model, release(s.t, model, "1.0.0"))
	s.approve(Owner, pr)
	s.must(s.StartBot(s.t.Context()))
	s.gate(pr, head, "in_progress")
	s.must(s.waitVote(pr, Owner))
	s.settle()
	return pr
}

// recordsDecision finds the request that shows that the decision is on the record: on GitHub the append
// itself; on GitLab, where that is a push, the gate that turns green next.
func (s *stage) recordsDecision(x exchange) bool {
	if s.Platform == forge.GitHub {
		return x.Name == "Commit"
	}
	return strings.Contains(x.Route, "/statuses/") && strings.Contains(string(x.RequestBody), "success")
}

// pushBeforeMerge pushes when the decision is on the record and the merge about to be asked for.
func (s *stage) pushBeforeMerge(model string) int {
	s.t.Helper()
	pr, _ := s.opened(model)
	s.approve(Owner, pr)
	s.must(s.waitVote(pr, Owner))
	recorded, pushed := make(chan struct{}), make(chan struct{})
	s.hookOnce(s.recordsDecision, func() { close(recorded); <-pushed })
	s.approve(Second, pr)
	<-recorded
	path := "releases/" + model + "/1.0.0.yaml"
	next, err := s.As(Engineer).Push(s.t.Context(), model, "One byte more",
		map[string][]byte{path: append(release(s.t, model, "1.0.0")[path], '\n')})
	s.must(err)
	mark := s.mark()
	close(pushed)
	if p := s.gate(pr, next, "in_progress"); p.Merged {
		s.t.Error("merged although the head had moved")
	}
	s.wait(mark, "the host to refuse the merge", func(list []exchange) bool {
		return count(list, func(x exchange) bool {
			return asksToMerge(x) && (x.Status == http.StatusConflict || s.Platform == forge.GitLab && x.Status == http.StatusMethodNotAllowed)
		}) >= 1
	})
	s.approve(Owner, pr)
	s.approve(Second, pr)
	s.merged(pr)
	return pr
}
