package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/internal/demo"
	"github.com/lumos-governance/lumos/internal/forge"
)

type demoCmd struct {
	Host string `enum:"github,gitlab" default:"github" help:"What the code host is: github or gitlab." placeholder:"HOST"`
	Fast bool   `help:"Don't pause between the steps."`
	JSON bool   `name:"json" help:"Print one JSON document when the story has ended; doesn't pause either."`
	Keep bool   `help:"Leave everything in a folder, and say where."`
}

func (c *demoCmd) Help() string {
	return `Starts a code host on this machine, which speaks as GitHub or GitLab does, puts the real bot behind
it, and plays a release: refused with gaps, fixed, approved, voided by one byte, approved again,
merged, and verified from a fresh clone. Needs git. Nothing leaves this machine.`
}

func (c *demoCmd) Run(ctx context.Context, s streams) error {
	dir, err := os.MkdirTemp("", "lumos-demo-")
	if err != nil {
		return err
	}
	if !c.Keep {
		defer os.RemoveAll(dir)
	}
	screen := newScreen(s, c.Fast || c.JSON, c.JSON)
	log := zerolog.Nop()
	if c.Keep {
		file, err := os.Create(dir + "/bot.log")
		if err != nil {
			return err
		}
		defer file.Close()
		log = zerolog.New(file).With().Timestamp().Logger()
	}
	start := time.Now()
	self, err := worker()
	if err != nil {
		return err
	}
	w, err := demo.Start(ctx, demo.Options{Host: forge.Platform(c.Host), Dir: dir, Log: log, RecordWithin: time.Second, Version: versionText(), Worker: self})
	if err != nil {
		return err
	}
	screen.title("One model, from a " + w.Noun() + " to a signed release")
	screen.line(fmt.Sprintf("code host %s, bot and audit log ready in %d ms", w.Host.URL(), time.Since(start).Milliseconds()))
	result, failed := demo.Play(ctx, w, screen.before, screen.after)
	if err := w.Close(); err != nil && failed == nil {
		failed = fmt.Errorf("stopping: %w", err)
		result.OK = false
	}
	if c.JSON {
		out, err := marshal(result)
		if err != nil {
			return err
		}
		if _, err := s.out.Write(out); err != nil {
			return err
		}
	}
	if c.Keep {
		fmt.Fprintf(s.err, "Kept in %s: clone/ to look around, work/ with the people's clones, bot/data/snapshots for lumos explain.\n", dir)
	}
	if failed != nil {
		fmt.Fprintf(s.err, "lumos: %v\n", failed)
		return errNo
	}
	screen.end(result)
	return nil
}
