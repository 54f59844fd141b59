package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/policy"
)

// What a process that judges a proposal may use. Rego is stopped by time alone, and some of what it does
// cannot be stopped at all (unifying deeply nested arrays overflows the stack, OPA 1.22): the process
// then ends, and nothing else.
const (
	tryTimeout = 2 * time.Minute
	tryMemory  = 1 << 30   // bytes, after which it collects garbage all the time
	tryMost    = 2 << 30   // bytes: the end of it
	tryStack   = 128 << 20 // bytes of one stack
	tryAnswer  = 32 << 20  // bytes
)

// worker runs Try in a process of its own.
type worker struct {
	command []string
	log     zerolog.Logger
}

// try judges a proposal in a process of its own, which has nothing of ours: no environment, no secrets,
// no files. What kills it is a problem of the proposal.
func (w worker) try(ctx context.Context, p checker.Proposal) (*policy.Impact, error) {
	job, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	cmd := exec.CommandContext(bounded, w.command[0], w.command[1:]...)
	cmd.Args[0] = "lumos"
	cmd.Env = []string{} // nil would be ours
	cmd.Dir = "/"
	cmd.WaitDelay = 5 * time.Second
	cmd.Stdin = bytes.NewReader(job)
	answer := &capped{max: tryAnswer}
	cmd.Stdout = answer
	said := &capped{max: 64 << 10}
	cmd.Stderr = said
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil: // we are stopped, which says nothing of the rules
		return nil, ctx.Err()
	case errors.As(err, &exit) || bounded.Err() != nil:
		first, _, _ := strings.Cut(said.String(), "\n")
		w.log.Warn().Str("repo", p.Snapshot.PullRequest.Repo.FullName()).Str("end", err.Error()).Str("said", first).Msg("the process that tried proposed rules did not end well")
		return &policy.Impact{
			Problems: []string{"the proposed rules could not be evaluated: the process that tried them ran out of time, memory or stack"},
			Judged:   len(p.Snapshot.Manifests), Changed: []policy.Effect{},
		}, nil
	case err != nil:
		return nil, fmt.Errorf("judging proposed rules: %w", err)
	}
	var out policy.Impact
	if err := json.Unmarshal(answer.Bytes(), &out); err != nil {
		return nil, fmt.Errorf("judging proposed rules: the answer cannot be read: %w", err)
	}
	return &out, nil
}

// capped keeps so much, and drops or refuses more.
type capped struct {
	bytes.Buffer
	max int
}

func (c *capped) Write(b []byte) (int, error) {
	if c.Len()+len(b) > c.max {
		return 0, errors.New("the answer is too long")
	}
	return c.Buffer.Write(b)
}

// Try is the other end: it reads a proposal, judges it within its bounds, and writes the impact.
func Try(ctx context.Context, in io.Reader, out io.Writer, packs *policy.Library) error {
	debug.SetMemoryLimit(tryMemory)
	debug.SetMaxStack(tryStack)
	if err := limitMemory(tryMost); err != nil {
		return err
	}
	var p checker.Proposal
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return fmt.Errorf("reading the proposal: %w", err)
	}
	impact, err := checker.New(packs).Impact(ctx, p, nil)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(impact)
}
