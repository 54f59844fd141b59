package star

import (
	"context"
	"fmt"
	"regexp"

	"go.starlark.net/starlark"
)

// What one run may use.
const (
	maxSteps  = 1_000_000 // of the interpreter, with what is done within one
	maxBytes  = 32 << 20  // that are allocated, whether still in use or not
	loadSteps = 50_000    // for what stands at the top of the file
	loadBytes = 256 << 10 // it is kept as long as the program

	maxFindings = 10_000 // that are made; a report keeps fewer
	maxMessage  = 8 << 10
	maxRegexps  = 64
)

// What values cost, in bytes, with what growing them leaves behind.
const (
	costElem  = 64  // of a list
	costEntry = 200 // of a dict
	costList  = 64
	costDict  = 640
	costNode  = 64 // something of the input
	costFunc  = 256
	perStep   = 64 // bytes of work that count as one step
)

// run is one evaluation of a program: its thread and what is left of its budget.
type run struct {
	program *Program
	input   *Input
	thread  *starlark.Thread
	ctx     context.Context

	max     uint64 // steps
	bytes   int    // that are left
	limit   int    // of bytes
	overrun error  // set when the budget is used up

	made         map[*finding]bool // not yet returned
	findings     int
	regexps      map[string]*regex
	placeholders map[string]bool
}

type regex struct {
	*regexp.Regexp
	size int // instructions, at most
}

const runKey = "run"

func newRun(ctx context.Context, p *Program, in *Input, steps uint64, bytes int) *run {
	r := &run{ctx: ctx, program: p, input: in, max: steps, bytes: bytes, limit: bytes, made: map[*finding]bool{}}
	r.thread = &starlark.Thread{Name: p.path, Print: func(*starlark.Thread, string) {}}
	r.thread.SetMaxExecutionSteps(steps)
	r.thread.OnMaxSteps = func(t *starlark.Thread) {
		r.tooLong()
		t.Cancel("too many steps")
	}
	r.thread.SetLocal(runKey, r)
	return r
}

func runOf(thread *starlark.Thread) *run { return thread.Local(runKey).(*run) }

func (r *run) tooLong() error {
	if r.overrun == nil {
		r.overrun = fmt.Errorf("it took more than %d steps", r.max)
	}
	return r.overrun
}

func (r *run) tooLarge() error {
	if r.overrun == nil {
		r.overrun = fmt.Errorf("it needed more than %d KiB of memory", r.limit>>10)
	}
	return r.overrun
}

// take takes bytes from the budget, before they are allocated.
func (r *run) take(bytes int) error {
	if bytes < 0 || bytes > r.bytes {
		return r.tooLarge()
	}
	r.bytes -= bytes
	return r.work(bytes / perStep)
}

// takes takes n things of a size.
func (r *run) takes(n, size int) error {
	if n > 0 && size > r.bytes/n {
		return r.tooLarge()
	}
	return r.take(max(n, 0) * size)
}

// work counts what is done within one step.
func (r *run) work(steps int) error {
	if steps < 0 || r.thread.Steps >= r.max || uint64(steps) >= r.max-r.thread.Steps {
		return r.tooLong()
	}
	r.thread.Steps += uint64(steps)
	return r.ctx.Err()
}

// read counts the reading of so many bytes.
func (r *run) read(bytes int) error { return r.work(bytes / perStep) }
