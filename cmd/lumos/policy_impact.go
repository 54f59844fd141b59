package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/forge/worktree"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/templates"
)

type policyImpactCmd struct {
	Base   string       `help:"Revision with the rules as they are. Default: the remote's default branch, else HEAD." placeholder:"REV"`
	Paths  []string     `arg:"" optional:"" help:"Manifests, or folders that hold some. Default: all that the configuration names."`
	JSON   bool         `name:"json" help:"Print JSON."`
	Source localSources `sep:"none" help:"What a compliance source says, as a JSON file: NAME=FILE. May be repeated." placeholder:"NAME=FILE"`
	Dir    string       `short:"C" default:"." help:"Run as if started in this folder." placeholder:"DIR"`
}

func (c *policyImpactCmd) Help() string {
	return `Judges every manifest of the working tree under the rules at the base, and under the rules as they lie
in the working tree, and tells those that fare differently. The bot says the same on a pull request
that changes .lumos.

Exit codes: 0 nothing is newly stopped, 1 some releases would be, 2 could not tell.`
}

// impactReport is what --json prints.
type impactReport struct {
	*policy.Impact
	Where map[string]string `json:"where"` // of the changed ones, by path: "released" (it is at the base) or "open"
}

func (c *policyImpactCmd) Run(ctx context.Context, s streams) error {
	start := time.Now()
	snap, err := worktree.Snapshot(c.Dir, c.Base, c.Paths)
	if err != nil {
		return err
	}
	if err := c.Source.read(snap); err != nil {
		return err
	}
	cfg, lumos, err := worktree.Rules(c.Dir)
	if err != nil {
		return err
	}
	show := newProgress(s.err, "judged", len(snap.Manifests))
	impact, err := checker.New(policy.NewLibrary(policies.FS)).Impact(ctx, checker.Proposal{Snapshot: snap, Config: cfg, Lumos: lumos, Now: time.Now()}, show.step)
	show.end()
	if err != nil {
		return err
	}
	paths := make([]string, len(impact.Changed))
	for i, one := range impact.Changed {
		paths[i] = one.Path
	}
	released, err := worktree.Released(c.Dir, c.Base, paths)
	if err != nil {
		return err
	}
	out := impactReport{impact, map[string]string{}}
	for _, p := range paths {
		out.Where[p] = "open"
		if released[p] {
			out.Where[p] = "released"
		}
	}
	fmt.Fprintf(s.err, "%d manifest(s) under the rules at %s (%.12s) and those of the working tree, in %.1f s\n",
		impact.Judged, snap.PullRequest.Base.Ref, snap.PullRequest.Base.SHA, time.Since(start).Seconds())
	if c.JSON {
		err = printJSON(s, out)
	} else {
		_, err = io.WriteString(s.out, templates.ImpactTerminal(templates.Impact{Impact: impact, Where: out.Where}))
	}
	switch {
	case err != nil:
		return err
	case len(impact.Problems) > 0:
		return fmt.Errorf("the changed rules cannot be used:\n%s", strings.Join(impact.Problems, "\n"))
	case impact.Worse() > 0:
		return errNo
	}
	return nil
}

// progress shows how far a long work has come, on a terminal alone.
type progress struct {
	w     io.Writer
	what  string
	total int
	done  atomic.Int64
	last  atomic.Int64 // when it was last shown, in nanoseconds
}

func newProgress(w io.Writer, what string, total int) *progress {
	if !colour(w) || total < 50 {
		w = nil
	}
	return &progress{w: w, what: what, total: total}
}

func (p *progress) step() {
	n := p.done.Add(1)
	if p.w == nil {
		return
	}
	now, last := time.Now().UnixNano(), p.last.Load()
	if now-last > int64(100*time.Millisecond) && p.last.CompareAndSwap(last, now) {
		fmt.Fprintf(p.w, "\r%s %d of %d", p.what, n, p.total)
	}
}

// at is step where the work says itself how far it has come.
func (p *progress) at(done, total int) {
	p.total = total
	p.done.Store(int64(done) - 1)
	p.step()
}

func (p *progress) end() {
	if p.w != nil {
		fmt.Fprintf(p.w, "\r%*s\r", len(p.what)+30, "")
	}
}
