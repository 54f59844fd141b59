// Package checker is the Compliance Checker: it turns a Snapshot into the reports on its manifests.
//
// Check does no I/O and reads no clock, so the webhook, the sweep and the command line give the
// same bytes. The package imports no adapter.
package checker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// Assessment is what the checker has to say of a pull request.
type Assessment struct {
	Config   *config.Config     // as at the base commit; the defaults when it cannot be read
	Policy   string             // digest of everything that judged
	Reports  []policy.Report    // one for each changed manifest, by path
	Problems []string           // why the configuration or the policies cannot be trusted: the gate refuses
	Authors  []string           // logins that the manifests name as their authors
	Routine  []approval.Routine // what auto-approval must know of each manifest
}

// Checker evaluates with the packs that it was given. It is safe for concurrent use.
type Checker struct {
	packs *policy.Library

	mu    sync.Mutex
	rules map[[sha256.Size]byte]*rules // by what they were read from
}

// maxRules is how many bases' rules are kept ready: they change rarely, and every look needs them.
const maxRules = 16

// rules are what one base commit says, made ready.
type rules struct {
	config   *config.Config
	problems []string
	engine   *policy.Engine // nil when it could not be loaded
	failure  error          // why
}

// New returns a Checker on a library of packs.
func New(packs *policy.Library) *Checker {
	return &Checker{packs: packs, rules: map[[sha256.Size]byte]*rules{}}
}

// rulesOf makes the rules of a snapshot's base ready, or finds them ready.
func (c *Checker) rulesOf(ctx context.Context, s *forge.Snapshot) (*rules, error) {
	h := sha256.New()
	for _, b := range append([]forge.Blob{s.Config}, s.Lumos...) {
		fmt.Fprintf(h, "%q %q %q\n", b.Path, b.OID, b.Err)
	}
	key := [sha256.Size]byte(h.Sum(nil))
	c.mu.Lock()
	r := c.rules[key]
	c.mu.Unlock()
	if r != nil {
		return r, nil
	}
	r = c.load(ctx, s)
	if ctx.Err() != nil { // cut short: says nothing of the rules
		return nil, fmt.Errorf("loading policies: %w", ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rules) >= maxRules {
		clear(c.rules)
	}
	c.rules[key] = r
	return r, nil
}

func (c *Checker) load(ctx context.Context, s *forge.Snapshot) *rules {
	r := &rules{config: config.Default()}
	files := make([]policy.File, 0, len(s.Lumos)+1)
	for _, b := range s.Lumos {
		files = append(files, policy.File{Path: b.Path, Data: b.Data, Err: b.Err})
		if b.Err != "" {
			r.problems = append(r.problems, b.Path+": "+b.Err)
		}
	}
	if s.Config.OID != "" {
		files = append(files, policy.File{Path: s.Config.Path, Data: s.Config.Data, Err: s.Config.Err})
		if s.Config.Err != "" {
			r.problems = append(r.problems, s.Config.Path+": "+s.Config.Err)
		} else if cfg, err := config.Parse(s.Config.Path, s.Config.Data, s.LumosFiles()); err != nil {
			r.problems = append(r.problems, err.Error())
		} else {
			r.config = cfg
		}
	}
	if r.engine, r.failure = c.packs.Load(ctx, policy.Source{Config: r.config, Files: files}); r.failure != nil {
		r.problems = append(r.problems, r.failure.Error())
	}
	return r
}

// Check evaluates every manifest of s under the policy of its base commit, as of now.
func (c *Checker) Check(ctx context.Context, s *forge.Snapshot, now time.Time) (*Assessment, error) {
	r, err := c.rulesOf(ctx, s)
	if err != nil {
		return nil, err
	}
	a := &Assessment{Config: r.config, Problems: slices.Clone(r.problems)}
	if r.engine == nil {
		for _, m := range s.Manifests {
			a.Reports = append(a.Reports, *policy.Unjudged(m.Path, r.failure))
		}
		return a, nil
	}
	a.Policy = r.engine.Digest()

	authors := map[string]bool{}
	for _, m := range s.Manifests {
		subject := subjectOf(s, m, now)
		if rel := subject.Release; rel != nil {
			a.Routine = append(a.Routine, routine(rel, s.Approved[m.Path]))
			for _, login := range rel.Manifest.Metadata.Authors {
				authors[login] = true
			}
		}
		report := r.engine.Evaluate(ctx, subject)
		if ctx.Err() != nil { // a report cut short by shutdown is no report
			return nil, fmt.Errorf("evaluating %s: %w", m.Path, ctx.Err())
		}
		a.Reports = append(a.Reports, *report)
	}
	for login := range authors {
		a.Authors = append(a.Authors, login)
	}
	sort.Strings(a.Authors)
	return a, nil
}

// subjectOf gathers what a manifest of s rests on.
func subjectOf(s *forge.Snapshot, m forge.Blob, now time.Time) policy.Subject {
	file := func(b forge.Blob) policy.File { return policy.File{Path: b.Path, Data: b.Data, Err: b.Err} }
	subject := policy.Subject{
		Manifest: file(m),
		Evidence: map[string]policy.File{},
		Releases: map[string]policy.File{},
		Sources:  sourcesOf(s),
		Now:      now,
	}
	if p, ok := s.Previous[m.Path]; ok {
		previous := file(p)
		subject.Previous = &previous
		if prior, err := releases.Parse(p.Path, p.Data); err == nil { // else the evaluation says why
			subject.Prior = prior
		}
	}
	rel, err := releases.Parse(m.Path, m.Data)
	if err != nil || m.Err != "" {
		return subject // the evaluation says why
	}
	subject.Release = rel
	for _, p := range rel.EvidencePaths() {
		if e, ok := s.Evidence[p]; ok {
			subject.Evidence[p] = file(e)
		}
	}
	for _, p := range rel.ReleasePaths() {
		if r, ok := s.Releases[p]; ok {
			subject.Releases[p] = file(r)
		}
	}
	return subject
}

// sourcesOf hands on what the compliance sources said.
func sourcesOf(s *forge.Snapshot) map[string]policy.SourceData {
	out := make(map[string]policy.SourceData, len(s.Sources))
	for name, f := range s.Sources {
		out[name] = policy.SourceData{Values: f.Values, Limits: f.Limits, Digest: f.Digest, Since: f.Since, Err: f.Err}
	}
	return out
}

func routine(rel *releases.Release, approved time.Time) approval.Routine {
	r := approval.Routine{Path: rel.Path, Change: string(rel.Manifest.Spec.Change.Type), Confirmed: true, ApprovedAt: approved}
	for _, origin := range rel.Manifest.Spec.Provenance {
		if origin.Method != "extracted" && origin.Method != "human" {
			r.Confirmed = false
		}
	}
	return r
}
