package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/demo"
	"github.com/lumos-governance/lumos/internal/forge"
)

// until asks again and again until the answer is as wanted, and else fails with the last answer.
func until(ctx context.Context, answer func() (got string, ok bool)) error {
	last := "nothing"
	for pause := 10 * time.Millisecond; ; pause = min(pause*3/2, 200*time.Millisecond) {
		got, ok := answer()
		if ok {
			return nil
		}
		if ctx.Err() == nil { // else it only says that time is up
			last = got
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain; the last was: %s", last)
		case <-time.After(pause):
		}
	}
}

// says reports whether text, as it reads without its backticks, matches every pattern.
func says(text string, patterns []string) (bool, error) {
	text = strings.ReplaceAll(text, "`", "")
	for _, p := range patterns {
		re, err := regexp.Compile("(?s)" + p)
		if err != nil {
			return false, err
		}
		if !re.MatchString(text) {
			return false, nil
		}
	}
	return true, nil
}

var errStopped = errors.New("the bot is stopped")

var queueDepth = regexp.MustCompile(`(?m)^lumos_queue_depth (\d+)$`)

// settle waits until no webhook is on its way and nothing waits in the queue, twice in a row: what
// the bot does may wake it again.
func (s *stage) settle(ctx context.Context) error {
	if s.Service == nil {
		return errStopped
	}
	quiet := 0
	return until(ctx, func() (string, bool) {
		if err := s.Host.WaitIdle(ctx); err != nil {
			return err.Error(), false
		}
		text, err := httpGet(ctx, s.Service.AdminURL()+"/metrics")
		if err != nil {
			return err.Error(), false
		}
		depth := queueDepth.FindStringSubmatch(text)
		if quiet++; depth == nil || depth[1] != "0" {
			quiet = 0
		}
		return fmt.Sprintf("queue depth %q", depth), quiet == 2
	})
}

func number(arg string) int {
	n, _ := strconv.Atoi(arg) // 0 is no pull request, and the host says so
	return n
}

// watch waits until a pull request looks as wanted; got describes what is there.
func (s *stage) watch(ctx context.Context, pr string, look func(*demo.PullRequest) (got string, ok bool)) error {
	return until(ctx, func() (string, bool) {
		p, err := s.As(demo.Admin).Look(ctx, number(pr))
		if err != nil {
			return err.Error(), false
		}
		return look(p)
	})
}

func gate(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	return check(ctx, s, ts, slices.Insert(slices.Clone(args), 1, forge.GateCheck))
}

func check(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	if _, err := says("", args[3:]); err != nil {
		return err
	}
	return s.watch(ctx, args[0], func(p *demo.PullRequest) (string, bool) {
		c, there := p.Checks[args[1]]
		text := c.Title + "\n" + c.Text
		ok, _ := says(text, args[3:])
		state := "none"
		if there {
			state = c.State
		}
		return fmt.Sprintf("%s is %q on %.12s: %s", args[1], state, p.Head, text), ok && state == args[2]
	})
}

func sticky(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	if _, err := says("", args[1:]); err != nil {
		return err
	}
	return s.watch(ctx, args[0], func(p *demo.PullRequest) (string, bool) {
		ok, _ := says(p.Status, args[1:])
		return p.Status, ok && p.Status != ""
	})
}

// vote reads the bot's own snapshot, so that it speaks of what the bot has seen.
func vote(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	if args[2] != "counted" && args[2] != "ignored" {
		return errors.New("a vote is counted or ignored")
	}
	if _, err := says("", args[3:]); err != nil {
		return err
	}
	return until(ctx, func() (string, bool) {
		v, _, err := s.Verdict(ctx, number(args[0]))
		if err != nil {
			return err.Error(), false
		}
		pr, err := s.As(demo.Admin).Look(ctx, number(args[0]))
		if err != nil {
			return err.Error(), false
		}
		for _, cast := range slices.Backward(v.Votes) {
			if cast.By.Login == args[1] && pr.Head == v.Head {
				ok, _ := says(cast.Reason, args[3:])
				return cast.Reason, ok && cast.Counted == (args[2] == "counted")
			}
		}
		return "no such vote in\n" + approval.Explain(v), false
	})
}

func verdict(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	v, reports, err := s.Verdict(ctx, number(args[0]))
	if err != nil {
		return err
	}
	return save(ts, args[1], explanation{v, reports})
}

func report(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	_, reports, err := s.Verdict(ctx, number(args[0]))
	if err != nil {
		return err
	}
	return save(ts, args[1], reports)
}

func save(ts *testscript.TestScript, file string, v any) error {
	data, err := marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs(file), data, 0o600)
}

// isJSON checks that a file is one JSON document and, given a type of this package by name, that it
// has the members of that type and no others.
func isJSON(_ context.Context, _ *stage, ts *testscript.TestScript, args []string) error {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var into any
	if len(args) == 2 {
		shapes := map[string]any{"demo.Result": &demo.Result{}}
		if into = shapes[args[1]]; into == nil {
			return fmt.Errorf("no shape %s", args[1])
		}
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(&into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}

func merged(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.watch(ctx, args[0], func(p *demo.PullRequest) (string, bool) {
		return p.State + ": " + p.Checks[forge.GateCheck].Title, p.Merged
	})
}

func tag(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return until(ctx, func() (string, bool) {
		out, err := s.As(demo.Admin).Git(ctx, "ls-remote", "--tags", "origin", args[0])
		if err != nil {
			return err.Error(), false
		}
		return "tags: " + out, out != ""
	})
}

func recorded(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	if _, err := says("", args[2:]); err != nil {
		return err
	}
	exact, orMore := strings.CutSuffix(args[0], "+")
	want, err := strconv.Atoi(exact)
	if err != nil {
		return err
	}
	return until(ctx, func() (string, bool) {
		dir, err := s.As(demo.Admin).Git(ctx, "rev-parse", "--show-toplevel") // fetches first
		if err != nil {
			return err.Error(), false
		}
		var types []string
		last, n := "", 0
		err = audit.List(ctx, dir, "", audit.Filter{}, func(e *audit.Event, line []byte) error {
			types = append(types, string(e.Type))
			if string(e.Type) == args[1] {
				last = string(line)
				n++
			}
			return nil
		})
		if err != nil {
			return err.Error(), false
		}
		ok, _ := says(last, args[2:])
		return fmt.Sprintf("%s, %s", strings.Join(types, " "), last), (n == want || orMore && n > want) && ok
	})
}

func clone(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	return s.As(demo.Admin).Clone(ctx, ts.MkAbs(args[0]))
}

func replies(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if _, err := says("", args[2:]); err != nil {
		return err
	}
	return until(ctx, func() (string, bool) {
		p, err := s.As(demo.Admin).Look(ctx, number(args[0]))
		if err != nil {
			return err.Error(), false
		}
		mine := p.Replies
		ok := len(mine) == want
		if ok && want > 0 {
			ok, _ = says(mine[want-1], args[2:])
		}
		text, _ := json.MarshalIndent(mine, "", " ") // strings
		return string(text), ok
	})
}

func issues(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	if _, err := says("", args[2:]); err != nil {
		return err
	}
	return until(ctx, func() (string, bool) {
		all, err := s.As(demo.Admin).Issues(ctx)
		if err != nil {
			return err.Error(), false
		}
		open, text := 0, ""
		for _, i := range all {
			if i.Open {
				open++
			}
		}
		if len(all) > 0 {
			text = all[0].Title + "\n" + all[0].Body
		}
		ok, _ := says(text, args[2:])
		return fmt.Sprintf("%d open, %d closed\n%s", open, len(all)-open, text), ok && fmt.Sprint(open) == args[0] && fmt.Sprint(len(all)-open) == args[1]
	})
}
