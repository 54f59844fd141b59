package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/lumos-governance/lumos/bot"
	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/bot/wire"
	"github.com/lumos-governance/lumos/internal/approval"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/templates"
)

type explainCmd struct {
	Target  string `arg:"" help:"A pull request (owner/name#12), a merge request (group/project!12), the address of either, or a snapshot file that a bot has kept."`
	Control string `help:"Explain this control only, e.g. DOC-06." placeholder:"ID"`
	JSON    bool   `name:"json" help:"Print the verdict and the reports as one JSON document."`
	Config  string `help:"Server settings with which a pull request is read live." default:"lumos.yaml" placeholder:"FILE"`
}

func (c *explainCmd) Help() string {
	return `The verdict is a pure function of what was observed, so a snapshot explains itself for ever:

  lumos explain acme/models#12
  lumos explain https://gitlab.com/acme/nlp/models/-/merge_requests/12
  lumos explain data/snapshots/github.com/acme/models/12.json --json

The bot keeps the snapshot of its last look at each pull request in data_dir/snapshots.`
}

// explanation is what --json prints.
type explanation struct {
	Verdict approval.Verdict `json:"verdict"`
	Reports []policy.Report  `json:"reports"`
}

func (c *explainCmd) Run(ctx context.Context, s streams) error {
	var saved *bot.SavedSnapshot
	var err error
	if t, parseErr := parseTarget(c.Target); parseErr == nil && t.Number > 0 {
		if _, statErr := os.Stat(c.Target); statErr != nil { // a file of that name wins
			settings, err := loadSettings(c.Config)
			if err != nil {
				return err
			}
			if saved, err = wire.Look(ctx, settings, wire.Options{Log: zerolog.Nop()}, t.Ref, t.platform); err != nil {
				return err
			}
		}
	}
	if saved == nil {
		if saved, err = bot.LoadSnapshot(c.Target); err != nil {
			return fmt.Errorf("%w: expected owner/name#12, group/project!12, an address or a snapshot file", err)
		}
	}
	a, v, err := bot.Judge(ctx, checker.New(policy.NewLibrary(policies.FS)), saved.Snapshot, saved.TakenAt)
	if err != nil {
		return err
	}
	if c.JSON {
		out, err := marshal(explanation{v, a.Reports})
		if err != nil {
			return err
		}
		_, err = s.out.Write(out)
		return err
	}
	if c.Control != "" {
		return c.control(s, a.Reports)
	}
	fmt.Fprintf(s.out, "%s at %.12s, seen %s\n\n", saved.Snapshot.PullRequest.Ref, v.Head, saved.TakenAt.UTC().Format(time.RFC3339))
	_, err = fmt.Fprint(s.out, approval.Explain(v))
	return err
}

func (c *explainCmd) control(s streams, reports []policy.Report) error {
	found := false
	for _, r := range reports {
		for _, res := range r.Controls {
			if strings.EqualFold(res.ID, c.Control) {
				found = true
				one := r
				one.Controls = []policy.Result{res}
				fmt.Fprint(s.out, templates.Terminal([]policy.Report{one}, colour(s.out), 100))
			}
		}
	}
	if !found {
		return fmt.Errorf("no control %s judged this pull request", c.Control)
	}
	return nil
}
