package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lumos-governance/lumos/internal/demo"
	"github.com/lumos-governance/lumos/internal/sandbox"
)

const repoPath = "/repos/" + demo.Repo

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

func openPull(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Call(ctx, "POST", repoPath+"/pulls",
		map[string]any{"title": args[2], "head": args[1], "base": "main", "draft": len(args) == 4}, nil)
}

func ready(_ context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.Host.As(args[0]).SetDraft(demo.Repo, number(args[1]), false)
}

func retarget(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Call(ctx, "PATCH", repoPath+"/pulls/"+args[1], map[string]any{"base": args[2]}, nil)
}

func closePull(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Call(ctx, "PATCH", repoPath+"/pulls/"+args[1], map[string]any{"state": "closed"}, nil)
}

func label(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.As(args[0]).Call(ctx, "POST", repoPath+"/issues/"+args[1]+"/labels", map[string]any{"labels": []string{args[2]}}, nil)
}

func review(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	text := "Read."
	if len(args) == 4 {
		text = args[3]
	}
	return s.As(args[0]).Review(ctx, number(args[1]), args[2], text)
}

func dismiss(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	var all []hostComment
	if err := s.As(args[0]).Call(ctx, "GET", repoPath+"/pulls/"+args[1]+"/reviews", nil, &all); err != nil {
		return err
	}
	for _, r := range slices.Backward(all) {
		if r.User.Login == args[2] {
			return s.As(args[0]).Call(ctx, "PUT", fmt.Sprintf("%s/pulls/%s/reviews/%d/dismissals", repoPath, args[1], r.ID), map[string]any{"message": "Withdrawn."}, nil)
		}
	}
	return fmt.Errorf("%s has not reviewed", args[2])
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
	var all []hostComment
	if err := s.As(args[0]).Call(ctx, "GET", repoPath+"/issues/"+args[1]+"/comments", nil, &all); err != nil {
		return err
	}
	for _, c := range slices.Backward(all) {
		if c.User.Login == args[0] {
			return s.As(args[0]).Call(ctx, "PATCH", fmt.Sprintf("%s/issues/comments/%d", repoPath, c.ID), map[string]any{"body": text(ts, args[2])}, nil)
		}
	}
	return fmt.Errorf("%s has not commented", args[0])
}

func merge(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	err := s.As(args[0]).Merge(ctx, number(args[1]))
	if len(args) == 2 {
		return err
	}
	var refused *demo.Refusal
	if !errors.As(err, &refused) || strconv.Itoa(refused.Status) != args[2] {
		return fmt.Errorf("expected %s, got: %v", args[2], err)
	}
	return nil
}

func status(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	p, err := s.As(demo.Admin).Look(ctx, number(args[1]))
	if err != nil {
		return err
	}
	return s.As(args[0]).Call(ctx, "POST", repoPath+"/statuses/"+p.Head, map[string]any{"context": args[2], "state": args[3]}, nil)
}

func checkRun(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	p, err := s.As(demo.Admin).Look(ctx, number(args[1]))
	if err != nil {
		return err
	}
	return s.As(args[0]).Call(ctx, "POST", repoPath+"/check-runs", map[string]any{
		"name": args[2], "head_sha": p.Head, "status": "completed", "conclusion": args[3],
		"output": map[string]any{"title": "Approved", "summary": "Approved"},
	}, nil)
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

// newApp installs an app and lets it act by its token like a person.
func newApp(ctx context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	app, err := s.Host.InstallApp(sandbox.App{Slug: args[0], Repos: []string{demo.Repo},
		Permissions: map[string]string{"contents": "write", "checks": "write", "statuses": "write", "pull_requests": "write", "issues": "write"}})
	if err != nil {
		return err
	}
	transport, err := ghinstallation.New(http.DefaultTransport, app.AppID, app.InstallationID, app.Key)
	if err != nil {
		return err
	}
	transport.BaseURL = strings.TrimSuffix(s.Host.APIURL(), "/")
	s.Tokens[args[0]], err = transport.Token(ctx)
	return err
}

func freeBranch(_ context.Context, s *stage, _ *testscript.TestScript, args []string) error {
	return s.Host.Protect(demo.Repo, args[0], sandbox.Protection{AllowForcePush: true})
}

func hook(ctx context.Context, s *stage, ts *testscript.TestScript, args []string) error {
	body := []byte(ts.ReadFile(args[2]))
	secret, err := os.ReadFile(filepath.Join(s.Dir, "bot", "webhook"))
	if err != nil {
		return err
	}
	sign := func(scheme string, h func() hash.Hash, key []byte) string {
		mac := hmac.New(h, key)
		mac.Write(body)
		return scheme + "=" + hex.EncodeToString(mac.Sum(nil))
	}
	header := http.Header{"X-Github-Event": {args[1]}, "X-Github-Delivery": {"scripted-" + args[0] + "-" + args[2]}}
	switch args[0] {
	case "good":
		header.Set("X-Hub-Signature-256", sign("sha256", sha256.New, secret))
	case "wrong":
		header.Set("X-Hub-Signature-256", sign("sha256", sha256.New, append(secret, '!')))
	case "sha1":
		header.Set("X-Hub-Signature", sign("sha1", sha1.New, secret))
	case "none":
	default:
		return fmt.Errorf("unknown signature %q", args[0])
	}
	return s.deliver(ctx, header, body, args[3])
}

func (s *stage) deliver(ctx context.Context, header http.Header, body []byte, want string) error {
	if s.Service == nil {
		return errStopped
	}
	req, err := http.NewRequestWithContext(ctx, "POST", s.Service.URL()+"/webhooks/github", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if got := strconv.Itoa(resp.StatusCode); got != want {
		return fmt.Errorf("the bot answered %s, expected %s", got, want)
	}
	return nil
}

// replay sends the old deliveries twice: under their own names, and under new ones.
func replay(ctx context.Context, s *stage, _ *testscript.TestScript, _ []string) error {
	for i, d := range slices.Backward(s.Host.Deliveries(s.App.AppID)) {
		if err := s.deliver(ctx, d.Headers, d.Payload, "202"); err != nil {
			return err
		}
		again := d.Headers.Clone()
		again.Set("X-GitHub-Delivery", fmt.Sprintf("again-%d", i))
		if err := s.deliver(ctx, again, d.Payload, "202"); err != nil {
			return err
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
