package main

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/bot/wire"
	"github.com/lumos-governance/lumos/internal/audit"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge/worktree"
)

type auditCmd struct {
	Init   auditInitCmd   `cmd:"" help:"Start the audit log of a repository on its code host."`
	Log    auditLogCmd    `cmd:"" help:"Show the events in a clone."`
	Verify auditVerifyCmd `cmd:"" help:"Verify the record in a clone, offline."`
}

type auditInitCmd struct {
	Repo   string `arg:"" help:"The repository, as owner/name, group/sub/project, or its address, https://…"`
	Config string `default:"lumos.yaml" help:"Server settings." placeholder:"FILE"`
}

func (c *auditInitCmd) Help() string {
	return `Makes the branch lumos/audit, and the signing key if its file does not exist yet. It prints the pin:
the digest of genesis.json. Keep it outside the repository (on the change record, in the auditor's
letter); "lumos audit verify --trust PIN" then tells a rewritten log from the true one.`
}

func (c *auditInitCmd) Run(ctx context.Context, s streams) error {
	repo, err := parseTarget(c.Repo)
	if err != nil {
		return err
	}
	settings, err := loadSettings(c.Config)
	if err != nil {
		return err
	}
	signer, made, err := audit.LoadOrCreateKey(settings.Audit.SigningKeyFile)
	if err != nil {
		return err
	}
	if made {
		fmt.Fprintf(s.err, "made a new signing key in %s: keep a copy in a safe place\n", settings.Audit.SigningKeyFile)
	}
	hosts, err := wire.NewHosts(settings, wire.Options{Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	pin, created, err := wire.InitAudit(ctx, hosts, signer, audit.Writer{Version: versionText()}, repo.Ref.Repo, repo.platform)
	if err != nil {
		return err
	}
	if !created {
		fmt.Fprintln(s.err, "the audit log is there already")
	}
	fmt.Fprintln(s.out, pin)
	return nil
}

type auditLogCmd struct {
	Dir   string `arg:"" optional:"" default:"." help:"A clone of the repository."`
	Model string `help:"Only events of this model." placeholder:"NAME"`
	PR    int    `name:"pr" help:"Only events of this pull request." placeholder:"N"`
	JSON  bool   `name:"json" help:"Print the events as they are recorded, one a line."`
}

func (c *auditLogCmd) Run(ctx context.Context, s streams) error {
	return audit.List(ctx, c.Dir, "", audit.Filter{Model: c.Model, PR: c.PR}, func(e *audit.Event, line []byte) error {
		if c.JSON {
			_, err := fmt.Fprintf(s.out, "%s\n", line)
			return err
		}
		return audit.WriteText(s.out, e)
	})
}

// pinForm is the digest of a genesis.json.
var pinForm = regexp.MustCompile(`^(sha256:)?[0-9a-f]{64}$`)

type auditVerifyCmd struct {
	Dir   string `arg:"" optional:"" default:"." help:"A clone of the repository."`
	Trust string `help:"The pin that 'lumos audit init' printed: sha256:…" placeholder:"PIN"`
	Main  string `help:"The branch that releases are merged to. Default: the remote's default branch." placeholder:"BRANCH"`
	JSON  bool   `name:"json" help:"Print the result as one JSON document."`
}

func (c *auditVerifyCmd) Help() string {
	return `Reads nothing but the clone. It checks every event's place in the chain, the checkpoint's root and
signatures, that the branch only ever grew, the release tags, and that every release on the main
branch rests on a decision.

Exit codes: 0 verified, 1 a violation, 2 cannot be verified.`
}

func (c *auditVerifyCmd) Run(ctx context.Context, s streams) error {
	start := time.Now()
	if c.Trust != "" && !pinForm.MatchString(c.Trust) {
		return fmt.Errorf("--trust %q: expected sha256: and 64 hexadecimal digits, as 'lumos audit init' printed them", c.Trust)
	}
	cfg, err := worktree.Config(c.Dir, c.Main)
	if err != nil {
		fmt.Fprintf(s.err, "lumos: which files are manifests is taken from the defaults: %v\n", err)
		cfg = config.Default()
	}
	res, err := audit.Verify(ctx, c.Dir, audit.Options{TrustGenesis: c.Trust, MainBranch: c.Main, Governed: cfg.Covers})
	if err != nil {
		return err
	}
	if c.JSON {
		out, err := marshal(res)
		if err != nil {
			return err
		}
		if _, err := s.out.Write(out); err != nil {
			return err
		}
	} else {
		for _, v := range res.Violations {
			fmt.Fprintln(s.out, v)
		}
		for _, n := range res.Notes {
			fmt.Fprintln(s.out, "note:", n)
		}
		word := "verified"
		if !res.OK {
			word = "NOT verified"
		}
		fmt.Fprintf(s.out, "%s\n\n  events     %d, in %d commits\n  releases   %d signed tags\n  manifests  %d changes on %s, each held against a decision\n  log        %s\n  root       %s\n  pin        %s\n",
			word, res.Events, res.Commits, res.Tags, res.Manifests, res.Main, res.Origin, res.Root, res.Genesis)
		fmt.Fprintf(s.err, "took %d ms\n", time.Since(start).Milliseconds())
	}
	if !res.OK {
		return errNo
	}
	return nil
}
