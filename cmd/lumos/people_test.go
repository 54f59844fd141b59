package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lumos-governance/lumos/internal/demo"
	"github.com/lumos-governance/lumos/internal/forge"
)

func push(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	files := map[string][]byte{}
	for _, arg := range args[3:] {
		if gone, ok := strings.CutPrefix(arg, "-"); ok {
			files[gone] = nil
			continue
		}
		more, err := filesBelow(ts.MkAbs(arg))
		if err != nil {
			return err
		}
		if len(more) == 0 {
			return fmt.Errorf("%s holds no files", arg)
		}
		maps.Copy(files, more)
	}
	head, err := s.As(args[0]).Push(ctx, args[1], args[2], files)
	ts.Setenv("HEAD", head)
	return err
}

func runGit(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	out, err := s.As(args[0]).Git(ctx, args[1:]...)
	if err != nil {
		return err
	}
	fmt.Fprintln(ts.Stdout(), out)
	return nil
}

func denied(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	_, err := s.As(args[0]).Git(ctx, args[1:]...)
	if err == nil {
		return errors.New("expected the host to refuse")
	}
	if !strings.Contains(err.Error(), "remote rejected") {
		return fmt.Errorf("expected the host's refusal, got: %w", err)
	}
	return nil
}

func openPull(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	_, err := s.As(args[0]).Open(ctx, args[1], args[2], "", len(args) == 4)
	return err
}

func ready(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Ready(ctx, number(args[1]))
}

func retarget(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Retarget(ctx, number(args[1]), args[2])
}

func closePull(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Close(ctx, number(args[1]))
}

func label(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Label(ctx, number(args[1]), args[2])
}

func review(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	text := "Read."
	if len(args) == 4 {
		text = args[3]
	}
	return s.As(args[0]).Review(ctx, number(args[1]), demo.Event(args[2]), text)
}

func withdraw(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Withdraw(ctx, number(args[1]), args[2])
}

// text is an argument, or what the file of that name says.
func text(ts *testscript.TestScript, arg string) string {
	if strings.HasSuffix(arg, ".md") {
		return ts.ReadFile(arg)
	}
	return arg
}

func comment(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	return s.As(args[0]).Comment(ctx, number(args[1]), text(ts, args[2]))
}

func rewrite(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	return s.As(args[0]).Rewrite(ctx, number(args[1]), text(ts, args[2]))
}

func merge(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	err := s.As(args[0]).Merge(ctx, number(args[1]))
	if len(args) == 2 {
		return err
	}
	if args[2] != "refused" {
		return fmt.Errorf("a merge is refused or nothing, not %q", args[2])
	}
	if !errors.Is(err, demo.ErrNotMerged) {
		return fmt.Errorf("expected to be refused, got: %v", err)
	}
	return nil
}

func status(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	p, err := s.As(demo.Admin).Look(ctx, number(args[1]))
	if err != nil {
		return err
	}
	return s.As(args[0]).Status(ctx, p.Number, p.Head, args[2], args[3])
}

// checkRun is a check run on GitHub. On GitLab, where a machine reports as people do, it is a commit status.
func checkRun(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	if s.Platform == forge.GitLab {
		return status(ctx, s, ts, args)
	}
	p, err := s.As(demo.Admin).Look(ctx, number(args[1]))
	if err != nil {
		return err
	}
	return s.Report(ctx, args[0], p.Head, args[2], args[3])
}

func newUser(_ context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	a, err := s.Host.CreateUser(args[0], args[0], args[0]+"@acme.example")
	if err != nil {
		return err
	}
	s.Tokens[args[0]] = a.Token
	permission := "write"
	if len(args) == 2 {
		permission = args[1]
	}
	return s.Host.Grant(args[0], demo.Repo, permission)
}

// newMachine is known in the script by its name, and on the host by a login of the host's choice.
func newMachine(_ context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	login, err := s.Machine(args[0])
	ts.Setenv("MACHINE", login)
	return err
}

func freeBranch(_ context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.Free(args[0])
}

// hookEvents are the events that a script can send, by host: a change of a pull request, and something
// that is none of Lumos's business.
var hookEvents = map[forge.Platform]map[string]string{
	forge.GitHub: {"change": "pull_request", "other": "ping"},
	forge.GitLab: {"change": "Merge Request Hook", "other": "Emoji Hook"},
}

// hookAnswers are the statuses that the bot answers with. GitLab switches a hook off that is often answered
// with anything but a success: whatever is truly the host's is taken there, understood or not.
var hookAnswers = map[forge.Platform]map[string]int{
	forge.GitHub: {"taken": http.StatusAccepted, "malformed": http.StatusBadRequest, "refused": http.StatusUnauthorized},
	forge.GitLab: {"taken": http.StatusOK, "malformed": http.StatusOK, "refused": http.StatusUnauthorized},
}

func hook(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	body := []byte(ts.ReadFile(args[2]))
	header, err := s.Webhook(demo.Seal(args[0]), hookEvents[s.Platform][args[1]], body)
	if err != nil {
		return err
	}
	return s.deliver(ctx, header, body, args[3])
}

func (s *stage) deliver(ctx context.Context, header http.Header, body []byte, answer string) error {
	if s.Service == nil {
		return errStopped
	}
	want, ok := hookAnswers[s.Platform][answer]
	if !ok {
		return fmt.Errorf("no such answer: %s", answer)
	}
	got, err := s.Deliver(ctx, header, body)
	if err == nil && got != want {
		err = fmt.Errorf("the bot answered %d, expected %d", got, want)
	}
	return err
}

// replay sends the old deliveries twice: under their own names, and under new ones.
func replay(ctx context.Context, s *stage, _ *testscript.TestScript, _ []string) error {
	for _, d := range slices.Backward(s.Deliveries()) {
		for _, header := range []http.Header{d.Headers, s.Again(d.Headers)} {
			if err := s.deliver(ctx, header, d.Payload, "taken"); err != nil {
				return err
			}
		}
	}
	return nil
}

func httpGet(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
