package demo

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

// exchange is an API exchange with its name: of GraphQL the operation ("Conversation", "Publish", …),
// of REST the route.
type exchange struct {
	sandbox.Exchange
	Name string
}

// stage is a world under test: it sees all traffic, and may hold an answer back.
type stage struct {
	*World
	t testing.TB

	mu      sync.Mutex
	traffic []exchange
	hold    func(exchange) // called before an answer is sent; may block
}

// platforms are the kinds of code host.
var platforms = []forge.Platform{forge.GitHub, forge.GitLab}

// onBoth runs a test on each code host, side by side.
func onBoth(t *testing.T, test func(t *testing.T, host forge.Platform)) {
	t.Helper()
	for _, host := range platforms {
		t.Run(string(host), func(t *testing.T) {
			t.Parallel()
			test(t, host)
		})
	}
}

var operationName = regexp.MustCompile(`(?m)^\s*(?:query|mutation) (\w+)`)

func newStage(t testing.TB, o Options) *stage {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the sandbox needs the git command")
	}
	s := &stage{t: t}
	o.Dir = t.TempDir()
	o.Observe = s.observe
	w, err := Start(t.Context(), o)
	s.must(err)
	s.World = w
	t.Cleanup(func() {
		s.whenAnswered(nil)
		if err := w.Close(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	if !o.NoBot {
		s.settle()
	}
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) observe(x sandbox.Exchange) {
	e := exchange{x, x.Route}
	e.Who = cmp.Or(x.Who, x.RequestHeader.Get("User-Agent")) // what a fault struck has neither name nor route
	if strings.HasSuffix(x.Path, "/graphql") {
		e.Route = "POST /graphql"
		var req struct{ Query string }
		if json.Unmarshal(x.RequestBody, &req) == nil {
			if m := operationName.FindStringSubmatch(req.Query); m != nil {
				e.Name = m[1]
			}
		}
	}
	s.mu.Lock()
	s.traffic = append(s.traffic, e)
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		hold(e)
	}
}

func (s *stage) whenAnswered(f func(exchange)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = f
}

// hookOnce runs do after the bot's next exchange that fits, while its answer is held back. The channel
// closes when do has run.
func (s *stage) hookOnce(fits func(exchange) bool, do func()) <-chan struct{} {
	done := make(chan struct{})
	var once sync.Once
	s.whenAnswered(func(x exchange) {
		if !s.isBot(x) || !fits(x) {
			return
		}
		mine := false
		once.Do(func() { mine = true })
		if mine {
			do()
			close(done)
		}
	})
	return done
}

func named(name string) func(exchange) bool { return func(x exchange) bool { return x.Name == name } }

// isBot knows the bot by who it is, and what was struck before anybody asked by its name for itself.
func (s *stage) isBot(x exchange) bool { return x.Who == "lumos" || x.Who == s.Bot.Login }

// mark is a place in the traffic; since returns what the bot has asked from there on.
func (s *stage) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.traffic)
}

func (s *stage) since(mark int) []exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.traffic[mark:]), func(x exchange) bool { return !s.isBot(x) })
}

// wait waits until the bot's requests since a mark are as wanted.
func (s *stage) wait(mark int, what string, wanted func([]exchange) bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !wanted(s.since(mark)); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waiting for %s", what)
		}
	}
}

func count(list []exchange, fits func(exchange) bool) (n int) {
	for _, x := range list {
		if fits(x) {
			n++
		}
	}
	return n
}

// settle waits until every webhook is delivered and the bot is idle but for timers. The queue's depth
// may lag, so it must hold for a few looks.
func (s *stage) settle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	for calm, before := 0, -1; calm < 4; {
		s.must(s.Host.WaitIdle(ctx))
		now := s.mark()
		if s.metric(ctx, "lumos_queue_depth") == "0" && now == before {
			calm++
		} else {
			calm = 0
		}
		before = now
		time.Sleep(15 * time.Millisecond)
	}
}

func (s *stage) metric(ctx context.Context, name string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Service.AdminURL()+"/metrics", nil)
	s.must(err)
	resp, err := http.DefaultClient.Do(req)
	s.must(err)
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return v
		}
	}
	s.t.Fatalf("no metric %s", name)
	return ""
}

// deliver sends the bot a webhook, sealed as the code host seals its own.
func (s *stage) deliver(event string, payload []byte) {
	s.t.Helper()
	header, err := s.Webhook(SealGood, event, payload)
	s.must(err)
	status, err := s.Deliver(s.t.Context(), header, payload)
	s.must(err)
	if status >= 300 {
		s.t.Fatalf("webhook %s: %d", event, status)
	}
}

// sweep lets the bot look for what no event announced, as a change of its installation does, or of who
// is a member.
func (s *stage) sweep() {
	s.t.Helper()
	switch side := s.side.(type) {
	case *githubSide:
		s.deliver("installation_repositories", fmt.Appendf(nil, `{"action":"added","installation":{"id":%d}}`, side.app.InstallationID))
	case *gitlabSide:
		s.deliver("Member Hook", []byte(`{"event_name":"user_add_to_group","group_id":1,"group_path":"acme"}`))
	}
}

// payload is the last webhook of an event that the host has sent.
func (s *stage) payload(event, action string) []byte {
	s.t.Helper()
	for _, d := range slices.Backward(s.Deliveries()) {
		if d.Event == event && (action == "" || d.Action == action) {
			return d.Payload
		}
	}
	s.t.Fatalf("the host has sent no %s %s", event, action)
	return nil
}

// release is the story's release as a version of a model.
func release(t testing.TB, model, version string) map[string][]byte {
	t.Helper()
	files, err := Release()
	if err != nil {
		t.Fatal(err)
	}
	manifest := string(files[manifestPath])
	delete(files, manifestPath)
	manifest = strings.Replace(manifest, "  name: roberta-squad2\n", "  name: "+model+"\n", 1)
	manifest = strings.Replace(manifest, `  version: "1.0.0"`, `  version: "`+version+`"`, 1)
	files["releases/"+model+"/"+version+".yaml"] = []byte(manifest)
	return files
}

// open pushes files to a branch of the engineer's and opens a pull request.
func (s *stage) open(branch string, files map[string][]byte) (pr int, head string) {
	s.t.Helper()
	head, err := s.As(Engineer).Push(s.t.Context(), branch, "Change of "+branch, files)
	s.must(err)
	pr, err = s.As(Engineer).Open(s.t.Context(), branch, "Change of "+branch, "", false)
	s.must(err)
	return pr, head
}

func (s *stage) gate(pr int, head, state string) *PullRequest {
	s.t.Helper()
	p, err := s.As(Engineer).Gate(s.t.Context(), pr, head, state)
	s.must(err)
	return p
}

func (s *stage) approve(login string, pr int) {
	s.t.Helper()
	s.must(s.As(login).Review(s.t.Context(), pr, Approve, "Read, and agreed."))
}

func (s *stage) merged(pr int) *PullRequest {
	s.t.Helper()
	p, err := s.As(Engineer).WaitFor(s.t.Context(), pr, "the merge", func(p *PullRequest) bool {
		return p.Merged && strings.Contains(p.Status, "on the record")
	})
	s.must(err)
	return p
}

// sound checks that nothing stands twice: on each pull request one status comment, at most one open
// check run of each name and each decision once; and a log that verifies, with the tags expected.
func (s *stage) sound(tags []string, prs ...int) {
	s.t.Helper()
	ctx := s.t.Context()
	admin := s.As(Admin)
	dir := filepath.Join(s.t.TempDir(), "audit")
	s.must(admin.Clone(ctx, dir))
	for _, pr := range prs {
		look, err := admin.Look(ctx, pr)
		s.must(err)
		stands := map[string]int{"status comment": look.Stands}
		if look.Stands == 0 {
			s.t.Errorf("#%d has no status comment", pr)
		}
		for _, name := range s.openChecks(look.Head) {
			stands["open check "+name]++
		}
		s.must(audit.List(ctx, dir, "", audit.Filter{PR: pr}, func(e *audit.Event, _ []byte) error {
			switch e.Type {
			case audit.DecisionRecorded:
				stands[fmt.Sprintf("%s %s of %s at %s", e.Type, e.Decision, e.Subject.Digest, e.Head)]++
			case audit.MergeVerified, audit.MergeViolation, audit.TagCreated:
				stands[string(e.Type)]++
			}
			return nil
		}))
		for _, what := range slices.Sorted(maps.Keys(stands)) {
			if stands[what] > 1 {
				s.t.Errorf("#%d has %d times: %s", pr, stands[what], what)
			}
		}
	}
	got, err := admin.gitOut(ctx, dir, "for-each-ref", "--format=%(refname:short)", "refs/tags")
	s.must(err)
	if want := strings.Join(tags, "\n"); got != want {
		s.t.Errorf("tags %q, expected %q", got, want)
	}
	if res, err := audit.Verify(ctx, dir, audit.Options{TrustGenesis: s.Pin}); err != nil {
		s.t.Error(err)
	} else if !res.OK {
		s.t.Errorf("the audit log does not verify: %v", res.Violations)
	}
}

// openChecks names every check of ours on a commit that is not finished.
func (s *stage) openChecks(sha string) (names []string) {
	s.t.Helper()
	switch admin := s.As(Admin).User.(type) {
	case githubUser:
		runs, err := admin.checkRuns(s.t.Context(), sha, "all")
		s.must(err)
		for _, c := range runs {
			if c.Status != "completed" {
				names = append(names, c.Name)
			}
		}
	case gitlabUser:
		statuses, err := admin.statuses(s.t.Context(), sha, true)
		s.must(err)
		for _, c := range statuses {
			if c.Status == "pending" || c.Status == "running" {
				names = append(names, c.Name)
			}
		}
	}
	return names
}
