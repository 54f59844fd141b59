package demo

import (
	_ "embed"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/releases"
)

// median reports the 50th percentile beside the mean that the benchmark prints by itself.
func median(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
}

//go:embed testdata/manifest.yaml
var smallManifest []byte

// BenchmarkCore is the pure middle: a small manifest is parsed, evaluated by the 17 controls of the core
// pack, and decided.
func BenchmarkCore(b *testing.B) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	files, err := releases.Example(now)
	if err != nil {
		b.Fatal(err)
	}
	seed, err := Seed()
	if err != nil {
		b.Fatal(err)
	}
	s := &forge.Snapshot{
		Config:     forge.Blob{Path: ".lumos/config.yaml", OID: "1", Data: seed[".lumos/config.yaml"]},
		Lumos:      []forge.Blob{{Path: ".lumos/lists/datasets.yaml", OID: "2", Data: seed[".lumos/lists/datasets.yaml"]}},
		Codeowners: forge.Blob{Path: ".github/CODEOWNERS", OID: "3", Data: seed[".github/CODEOWNERS"]},
		Evidence:   map[string]forge.Blob{},
		AuditTip:   strings.Repeat("a", 40),
		Teams: []forge.Team{
			{ID: 1, Org: Org, Slug: "model-owners", Members: []forge.Account{{ID: 11, Login: Owner, Kind: forge.User}, {ID: 12, Login: Second, Kind: forge.User}}},
			{ID: 2, Org: Org, Slug: "platform", Members: []forge.Account{{ID: 13, Login: Admin, Kind: forge.User}}},
		},
	}
	jonas := forge.Account{ID: 14, Login: Engineer, Kind: forge.User}
	head := strings.Repeat("b", 40)
	s.PullRequest = forge.PullRequest{State: forge.Open, Author: jonas, Head: forge.Branch{Ref: "x", SHA: head}, Base: forge.Branch{Ref: "main", SHA: strings.Repeat("c", 40)}}
	s.Commits = []forge.Commit{{SHA: head, Authors: []forge.Account{jonas}, Committer: jonas}}
	s.Pushes = []forge.Push{{After: head, Actor: jonas}}
	for path, data := range files {
		oid := forge.ObjectID("blob", data, 40)
		s.Files = append(s.Files, forge.File{Path: path, Status: forge.Added, Blob: oid})
		if path == manifestPath {
			data = smallManifest
			s.Manifests = []forge.Blob{{Path: path, OID: oid, Data: data}}
		} else {
			s.Evidence[path] = forge.Blob{Path: path, OID: oid, Data: data}
		}
	}
	c := newChecker()
	a, v, err := bot.Judge(b.Context(), c, s, now) // compiles the policies, once for all
	if err != nil {
		b.Fatal(err)
	}
	if n := len(a.Reports[0].Controls); n != 17 || len(a.Reports[0].Invalid) > 0 || v.State != approval.Waiting {
		b.Fatalf("%d controls, %s (%s), invalid %v", n, v.State, v.Summary, a.Reports[0].Invalid)
	}
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, _, err := bot.Judge(b.Context(), c, s, now); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	median(b, took)
}

// BenchmarkEvent is the way of one event through everything: from the change on the code host over
// webhook, queue, observation, check and decision to the new gate, on a host without delay.
func BenchmarkEvent(b *testing.B) {
	s := newStage(b, Options{RecordWithin: time.Hour})
	pr, _ := s.opened("event")
	s.settle()
	host := s.Host.As(Engineer)
	published := make(chan struct{}, 1)
	s.whenAnswered(func(x exchange) {
		if publishesVerdict(x) {
			published <- struct{}{}
		}
	})
	var took []time.Duration
	draft := false
	for b.Loop() {
		draft = !draft
		start := time.Now()
		s.must(host.SetDraft(Repo, pr, draft))
		select {
		case <-published:
		case <-time.After(10 * time.Second):
			b.Fatalf("draft=%t: no verdict", draft)
		}
		took = append(took, time.Since(start))
	}
	median(b, took)
}
