package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/demo"
)

// screen shows a story as it goes, at a pace that a person can follow.
type screen struct {
	out    io.Writer
	colour bool
	pace   time.Duration
	number int
}

func newScreen(s streams, fast, quiet bool) *screen {
	sc := &screen{out: s.out, colour: colour(s.out), pace: 1500 * time.Millisecond}
	if fast {
		sc.pace = 0
	}
	if quiet {
		sc.out = io.Discard
	}
	return sc
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) title(text string) { fmt.Fprintf(s.out, "\n%s\n\n", s.paint("1", text)) }
func (s *screen) line(text string)  { fmt.Fprintf(s.out, "    %s\n\n", s.paint("2", text)) }

func (s *screen) before(agent, name string) {
	s.number++
	fmt.Fprintf(s.out, "%2d  %s %s\n", s.number, s.paint("36", agent), name)
}

func (s *screen) after(step demo.Step) {
	mark := s.paint("32", "✓")
	if !step.OK {
		mark = s.paint("31", "✗")
	}
	fmt.Fprintf(s.out, "    %s %s %s\n\n", mark, indent(step.Detail), s.paint("2", fmt.Sprintf("(%d ms)", step.MS)))
	time.Sleep(s.pace)
}

// indent keeps the second and later lines of a text under the first.
func indent(text string) string { return strings.ReplaceAll(text, "\n", "\n      ") }

func (s *screen) end(r *demo.Result) {
	fmt.Fprintf(s.out, "%s score %s, tier %s, %d audit events, verified.\n", s.paint("1;32", "Released:"), r.Score, r.Tier, r.Audit.Events)
	fmt.Fprintln(s.out, "Now be the engineer and the reviewer yourself: lumos sandbox")
}
