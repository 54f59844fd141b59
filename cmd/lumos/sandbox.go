package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/demo"
	"github.com/lumos-governance/lumos/internal/forge"
)

type sandboxCmd struct {
	Host    string `enum:"github,gitlab" default:"github" help:"What the code host is: github or gitlab." placeholder:"HOST"`
	Addr    string `default:"127.0.0.1:8787" help:"Where the code host listens: an address of this machine's loopback." placeholder:"HOST:PORT"`
	Dir     string `help:"Keep everything in this folder instead of a temporary one." placeholder:"DIR"`
	Verbose bool   `short:"v" help:"Show what the bot logs."`
}

func (c *sandboxCmd) Help() string {
	return `Opens a small organisation in your browser: a release is waiting for its approvals. Choose who you
are at the top of the page; comment, review, push and merge. The bot behind it is the real one.
Ctrl-C ends it.`
}

func (c *sandboxCmd) Run(ctx context.Context, s streams) error {
	dir := c.Dir
	if dir == "" {
		tmp, err := os.MkdirTemp("", "lumos-sandbox-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		dir = tmp
	}
	log := zerolog.Nop()
	if c.Verbose {
		log = zerolog.New(zerolog.ConsoleWriter{Out: s.err}).With().Timestamp().Logger()
	}
	self, err := worker()
	if err != nil {
		return err
	}
	w, err := demo.Start(ctx, demo.Options{Host: forge.Platform(c.Host), Dir: dir, Addr: c.Addr, Log: log, Version: versionText(), Worker: self})
	if err != nil {
		return err
	}
	number, err := w.Furnish(ctx)
	if err != nil {
		_ = w.Close()
		return err
	}
	fmt.Fprintf(s.out, "The sandbox is open:\n\n  %s\n\nChoose who you are at the top of the page. To push to it from a terminal,\n\n  git clone %s\n\n(user %s, password %s). Ctrl-C ends it.\n",
		w.PullURL(number), w.Host.GitURL(demo.Org, demo.RepoName), demo.Engineer, w.Tokens[demo.Engineer])
	<-ctx.Done()
	fmt.Fprintln(s.err, "closing the sandbox")
	return w.Close()
}
