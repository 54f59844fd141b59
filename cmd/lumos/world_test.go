package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/demo"
	"github.com/lumos-governance/lumos/internal/forge"
)

// patience is how long a script waits for what must come.
const patience = 30 * time.Second

// stage is the world of one script; it is empty until the script says "world".
type stage struct {
	*demo.World
	platform forge.Platform
	differs  bool         // the script says that the verdict is another than on the other host
	log      bytes.Buffer // what the bot said
}

type stageKey struct{}

func setup(env *testscript.Env, platform forge.Platform, v *verdicts) error {
	s := &stage{platform: platform}
	env.Values[stageKey{}] = s
	env.Setenv("NO_COLOR", "1")
	env.Setenv("NOW", time.Now().UTC().Truncate(time.Hour).Format(time.RFC3339))
	env.Setenv("NEXTWEEK", time.Now().UTC().AddDate(0, 0, 7).Format(time.RFC3339))
	env.Defer(func() {
		if s.World == nil {
			return
		}
		if err := v.keep(env, s); err != nil {
			env.T().Log("the last verdicts: ", err)
		}
		if err := s.Close(); err != nil {
			env.T().Log("closing the world: ", err)
		}
		if t, ok := env.T().(testing.TB); ok && t.Failed() && testing.Verbose() {
			t.Log(s.log.String())
		}
	})
	return nil
}

// verb is one command of the scripts.
type verb struct {
	usage    string
	min, max int // number of arguments; a max below 0 is none
	run      func(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error
}

// verbs are the words in which the stories are told. They name nothing that only one code host has.
var verbs = map[string]verb{
	// The world, and files to act with.
	"world":   {"world [push] [lazy] [slow] [signed] [without=PATH…]: starts it, to append the log by push, to record late what only informs, on a host that takes its time or signs its webhooks; files below world/ are the governed repository's, besides the seed", 0, -1, startWorld},
	"stop":    {"stop: stops the bot", 0, 0, func(_ context.Context, s *stage, _ *testscript.TestScript, _ []string) error { return s.StopBot() }},
	"start":   {"start: starts the bot again", 0, 0, func(_ context.Context, s *stage, ts *testscript.TestScript, _ []string) error { return s.start(ts) }},
	"release": {"release DIR [draft]: writes the release of the story, complete or as first pushed", 1, 2, writeRelease},
	"edit":    {"edit FILE OLD NEW: replaces one place of a file", 3, 3, editFile},
	"differs": {"differs REASON: the last verdict is another than on the other host", 1, 1, func(_ context.Context, s *stage, _ *testscript.TestScript, _ []string) error {
		s.differs = true
		return nil
	}},
	"json": {"json FILE [SHAPE]: is one JSON document", 1, 2, isJSON},
	"fill": {"fill FILE TEXT TIMES: appends a text so many times; both may hold the escapes of Go", 3, 3, fillFile},

	// What people do.
	"push":     {"push USER BRANCH MESSAGE [DIR|-PATH]…: one commit with the files below DIR, without PATH; sets HEAD", 3, -1, push},
	"git":      {"git USER ARG…: git in the user's clone", 2, -1, runGit},
	"denied":   {"denied USER push ARG…: git in the user's clone, which the host refuses", 3, -1, denied},
	"open":     {"open USER BRANCH TITLE [draft]: opens a pull request against main", 3, 4, openPull},
	"ready":    {"ready USER PR: a draft becomes ready for review", 2, 2, ready},
	"retarget": {"retarget USER PR BRANCH", 3, 3, retarget},
	"close":    {"close USER PR", 2, 2, closePull},
	"label":    {"label USER PR NAME", 3, 3, label},
	"review":   {"review USER PR APPROVE|REQUEST_CHANGES|COMMENT [TEXT]", 3, 4, review},
	"withdraw": {"withdraw USER PR REVIEWER: the last review of REVIEWER is taken back, by USER where the host lets anybody do that", 3, 3, withdraw},
	"comment":  {"comment USER PR TEXT|FILE.md", 3, 3, comment},
	"rewrite":  {"rewrite USER PR TEXT|FILE.md: edits the user's last comment", 3, 3, rewrite},
	"merge":    {"merge USER PR [refused]: by the button", 2, 3, merge},
	"status":   {"status USER PR NAME STATE: a commit status on the head", 4, 4, status},
	"run":      {"run MACHINE PR NAME CONCLUSION: a check on the head, as machines report there", 4, 4, checkRun},
	"user":     {"user LOGIN [PERMISSION]: somebody new", 1, 2, newUser},
	"machine":  {"machine NAME: somebody else's machine, which may write everything; sets MACHINE to its login", 1, 1, newMachine},
	"free":     {"free BRANCH: its protection is lifted", 1, 1, freeBranch},
	"hook":     {"hook good|none|wrong|old|stale change|other FILE taken|malformed|refused: sends the bot a webhook", 4, 4, hook},
	"replay":   {"replay: sends the bot every webhook so far again, the last first", 0, 0, replay},

	// What they then see. Each of these waits, but settle says that there is nothing to wait for.
	"settle":   {"settle: waits until the bot has nothing left to do", 0, 0, func(ctx context.Context, s *stage, _ *testscript.TestScript, _ []string) error { return s.settle(ctx) }},
	"gate":     {"gate PR STATE [REGEXP]…: the gate on the head, and what it says", 2, -1, gate},
	"check":    {"check PR NAME STATE [REGEXP]…: a check on the head, and what it says; the state of no check is none", 3, -1, check},
	"sticky":   {"sticky PR REGEXP…: the comment that Lumos keeps", 2, -1, sticky},
	"replies":  {"replies PR N [REGEXP]…: Lumos's other comments are N, the last one says", 2, -1, replies},
	"issues":   {"issues OPEN CLOSED [REGEXP]…: Lumos keeps so many issues, the newest one says", 2, -1, issues},
	"vote":     {"vote PR USER counted|ignored [REGEXP]: the last vote of the user", 3, 4, vote},
	"verdict":  {"verdict PR FILE: what lumos explain --json should say of the bot's last look", 2, 2, verdict},
	"report":   {"report PR FILE: what lumos check --json should say of the same manifests", 2, 2, report},
	"merged":   {"merged PR", 1, 1, merged},
	"tag":      {"tag NAME: is there", 1, 1, tag},
	"recorded": {"recorded N|N+ TYPE [REGEXP]: the audit log has N events of the type, or at least N, of which the last one says", 2, 3, recorded},
	"clone":    {"clone DIR: a fresh clone", 1, 1, clone},
}

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	cmds := map[string]func(*testscript.TestScript, bool, []string){"exec-code": execCode}
	for name, v := range verbs {
		cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) < v.min || v.max >= 0 && len(args) > v.max {
				ts.Fatalf("usage: %s", v.usage)
			}
			s := ts.Value(stageKey{}).(*stage)
			if offline := []string{"world", "release", "edit", "fill", "json"}; s.World == nil && !slices.Contains(offline, name) {
				ts.Fatalf("%s: there is no world yet", name)
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := v.run(ctx, s, ts, args); err != nil {
				ts.Fatalf("%s: %v", name, err)
			}
		}
	}
	return cmds
}

func startWorld(_ context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	self, err := worker()
	if err != nil {
		return err
	}
	o := demo.Options{Worker: self, Host: s.platform, Files: map[string][]byte{}, RecordWithin: 50 * time.Millisecond, Log: zerolog.New(zerolog.SyncWriter(&s.log)), Version: "test"}
	if o.Files, err = filesBelow(ts.MkAbs("world")); err != nil {
		return err
	}
	for _, arg := range args {
		gone, isPath := strings.CutPrefix(arg, "without=")
		switch {
		case isPath:
			o.Files[gone] = nil
		case arg == "push":
			o.AppendByPush = true
		case arg == "lazy":
			o.RecordWithin = time.Hour
		case arg == "signed":
			o.Signed = true
		case arg == "slow":
			o.Latency = 60 * time.Millisecond
		default:
			return fmt.Errorf("unknown option %q", arg)
		}
	}
	o.Dir = filepath.Join(ts.Getenv("WORK"), ".world")
	// The world outlives this command: setup's Defer closes it.
	if s.World, err = demo.Start(context.Background(), o); err != nil {
		return err
	}
	ts.Setenv("PIN", s.Pin)
	ts.Setenv("DATA", filepath.Join(o.Dir, "bot", "data"))
	ts.Setenv("SETTINGS", filepath.Join(o.Dir, "bot", "lumos.yaml"))
	ts.Setenv("SNAPSHOTS", filepath.Dir(s.SnapshotPath(1)))
	ts.Setenv("ADMIN", s.Service.AdminURL())
	return nil
}

func (s *stage) start(ts *testscript.TestScript) error {
	if err := s.StartBot(context.Background()); err != nil {
		return err
	}
	ts.Setenv("ADMIN", s.Service.AdminURL())
	return nil
}

// filesBelow reads a folder; one that is not there has no files.
func filesBelow(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && p == dir {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		files[filepath.ToSlash(rel)] = data
		return err
	})
	return files, err
}

const manifestPath = "releases/roberta-squad2/1.0.0.yaml"

func writeRelease(_ context.Context, _ *stage, ts *testscript.TestScript, args []string) error {
	files, err := demo.Release()
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if files[manifestPath], err = demo.Draft(files[manifestPath]); err != nil {
			return err
		}
	}
	for name, data := range files {
		full := filepath.Join(ts.MkAbs(args[0]), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(full, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func editFile(_ context.Context, _ *stage, ts *testscript.TestScript, args []string) error {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		return fmt.Errorf("%s has no %q", args[0], args[1])
	}
	return os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600)
}

func fillFile(_ context.Context, _ *stage, ts *testscript.TestScript, args []string) error {
	for i := range 2 {
		plain, err := strconv.Unquote(`"` + args[i] + `"`)
		if err != nil {
			return fmt.Errorf("%q: %w", args[i], err)
		}
		args[i] = plain
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	full := ts.MkAbs(args[0])
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(full, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Repeat(args[1], n))
	return errors.Join(err, f.Close())
}

// execCode runs a program and wants this very exit code, where exec can only want none or any.
func execCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exec-code CODE PROGRAM ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s: exit code %d, expected %s", strings.Join(args[1:], " "), code, args[0])
	}
}
