package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/export"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
)

type policyTestCmd struct {
	IDs     []string `arg:"" optional:"" help:"Controls to test, such as ACME-01. Default: all your own; with --all those that ship too."`
	All     bool     `help:"Test the controls that ship, too. So it is where you have none of your own."`
	Min     float64  `name:"min-coverage" help:"Fail below this coverage of the rules, in percent." placeholder:"PERCENT"`
	JUnit   string   `name:"junit" help:"Write the results to a file in JUnit's form." placeholder:"FILE"`
	JSON    bool     `name:"json" help:"Print JSON."`
	Verbose bool     `short:"v" help:"List the tests that passed, too."`
	Dir     string   `short:"C" default:"." help:"Run as if started in this folder." placeholder:"DIR"`
}

func (c *policyTestCmd) Help() string {
	return `Runs the tests that lie beside the controls: NAME_test.yaml (a table of cases, for a control in any
language) and NAME_test.rego. It says which control was never shown to pass, or never to find anything,
and which lines no test reaches. Rules are read from the working tree.

Exit codes: 0 all passed, 1 some failed (or the coverage is too low), 2 could not tell.`
}

func (c *policyTestCmd) Run(ctx context.Context, s streams) error {
	cfg, lumos, err := rulesIn(c.Dir)
	if err != nil {
		return err
	}
	conf := config.Default()
	if cfg.OID != "" {
		files := map[string][]byte{}
		for _, b := range lumos {
			files[b.Path] = b.Data
		}
		if conf, err = config.Parse(cfg.Path, cfg.Data, files); err != nil {
			return err
		}
	}
	show := newProgress(s.err, "tested", 50)
	report, err := policy.NewLibrary(policies.FS).Test(ctx, policyFiles(lumos), policy.TestOptions{
		Catalog: c.All || !anyOwn(lumos), Only: c.IDs, Config: conf, Progress: func(done, total int) { show.at(done, total) },
	})
	show.end()
	if err != nil {
		return err
	}
	if len(report.Controls) == 0 {
		return fmt.Errorf("there is nothing to test: %s", strings.Join(c.IDs, ", "))
	}
	if c.JUnit != "" {
		out, err := export.TestJUnit(report, time.Now())
		if err != nil {
			return err
		}
		if err := (output{format: "junit", file: c.JUnit}).write(c.Dir, out); err != nil {
			return err
		}
	}
	if c.JSON {
		if err := printJSON(s, report); err != nil {
			return err
		}
	} else {
		c.tell(s, report)
	}
	if report.Failed > 0 || float64(report.Coverage)/10 < c.Min {
		return errNo
	}
	return nil
}

// anyOwn tells whether a repository has controls of its own.
func anyOwn(lumos []forge.Blob) bool {
	for _, b := range lumos {
		if strings.HasPrefix(b.Path, ".lumos/policies/") && !strings.HasSuffix(b.Path, ".md") {
			return true
		}
	}
	return false
}

// tell prints what went wrong, what was never shown, and the sums.
func (c *policyTestCmd) tell(s streams, r *policy.TestReport) {
	for _, control := range r.Controls {
		for _, t := range control.Tests {
			if t.Outcome == policy.TestPassed && !c.Verbose {
				continue
			}
			fmt.Fprintf(s.out, "%s  %s  %s\n", map[policy.TestOutcome]string{policy.TestPassed: "pass ", policy.TestFailed: "FAIL ", policy.TestErrored: "ERROR"}[t.Outcome],
				named(control), t.Name)
			if t.Message != "" {
				fmt.Fprintf(s.out, "       %s:%d:%d: %s\n", t.Path, t.Line, t.Column, strings.ReplaceAll(t.Message, "\n", "\n       "))
			}
		}
	}
	for _, m := range r.Missing() {
		var lacks []string
		if !m.Passing {
			lacks = append(lacks, "to pass")
		}
		if !m.Failing {
			lacks = append(lacks, "to find anything")
		}
		fmt.Fprintf(s.out, "%s: no test shows it %s\n", named(m), strings.Join(lacks, ", nor "))
	}
	for _, f := range r.Files {
		for _, gap := range f.Gaps {
			place := fmt.Sprintf("line %d", gap.Start)
			if gap.End > gap.Start {
				place = fmt.Sprintf("lines %d to %d", gap.Start, gap.End)
			}
			fmt.Fprintf(s.out, "%s: no test reaches %s\n", f.Path, place)
		}
	}
	fmt.Fprintf(s.out, "%d passed, %d failed; %s %% of the lines of the rules are reached\n", r.Passed, r.Failed, r.Coverage)
}

func named(c policy.TestedControl) string {
	if c.ID != "" {
		return c.ID
	}
	return c.Path
}
