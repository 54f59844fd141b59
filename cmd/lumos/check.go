package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/forge/worktree"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
)

type checkCmd struct {
	Paths  []string     `arg:"" optional:"" help:"Manifests, or folders that hold some. Default: all that the configuration names."`
	Base   string       `help:"Revision at which configuration, policies and earlier releases are read. Default: the remote's default branch, else HEAD." placeholder:"REV"`
	Format format       `default:"text" help:"text, json, markdown, sarif, codequality, junit, cyclonedx or oscal: see above."`
	JSON   bool         `name:"json" help:"Short for --format json."`
	Output []output     `short:"o" sep:"none" help:"Write the report to a file too, as FORMAT=FILE. May be repeated." placeholder:"FORMAT=FILE"`
	Source localSources `sep:"none" help:"What a compliance source says, as a JSON file: NAME=FILE. The bot reads it itself. May be repeated." placeholder:"NAME=FILE"`
	Dir    string       `short:"C" default:"." help:"Run as if started in this folder." placeholder:"DIR"`
}

func (c *checkCmd) Help() string {
	return `Works offline, on the files as they lie in the working tree. For the same commit the JSON is
byte for byte what the bot reports.

  lumos check                                     everything, readable
  lumos check releases/fraud/2.3.0.yaml           one manifest
  lumos check --base main -o sarif=lumos.sarif    readable, and a file for the CI system

` + formatHelp + `

Exit codes: 0 nothing blocks, 1 gaps that block, 2 could not tell.`
}

func (c *checkCmd) Run(ctx context.Context, s streams) error {
	snap, err := worktree.Snapshot(c.Dir, c.Base, c.Paths)
	if err != nil {
		return err
	}
	if err := c.Source.read(snap); err != nil {
		return err
	}
	if len(snap.Manifests) == 0 {
		return fmt.Errorf("no release manifests found: give their paths, or name them under 'releases' in .lumos/config.yaml")
	}
	fmt.Fprintf(s.err, "checking %d manifest(s) under the policy at %s (%.12s)\n",
		len(snap.Manifests), snap.PullRequest.Base.Ref, snap.PullRequest.Base.SHA)
	now := time.Now()
	a, err := checker.New(policy.NewLibrary(policies.FS)).Check(ctx, snap, now)
	if err != nil {
		return err
	}
	for _, p := range a.Problems {
		fmt.Fprintln(s.err, "lumos:", p)
	}
	if len(a.Reports) == 0 && len(a.Problems) > 0 {
		return fmt.Errorf("the policies could not be loaded: nothing was checked")
	}
	if err := c.tell(newChecked(snap, a.Reports, now), s); err != nil {
		return err
	}
	return verdictOf(a)
}

// tell writes the reports to their files and, in one form, to the terminal.
func (c *checkCmd) tell(what checked, s streams) error {
	for _, o := range c.Output {
		report, err := o.format.render(what, false)
		if err != nil {
			return err
		}
		if err := o.write(c.Dir, report); err != nil {
			return err
		}
	}
	shown := c.Format
	if c.JSON {
		shown = "json"
	}
	out, err := shown.render(what, colour(s.out))
	if err != nil {
		return err
	}
	_, err = s.out.Write(out)
	return err
}

// verdictOf turns reports into the exit code: an error that says which.
func verdictOf(a *checker.Assessment) error {
	worst := error(nil)
	for _, r := range a.Reports {
		switch r.Conclusion {
		case policy.Errored:
			return fmt.Errorf("%s: could not be evaluated", r.Path)
		case policy.Blocked:
			worst = errNo
		}
	}
	if len(a.Problems) > 0 {
		return fmt.Errorf("the policy cannot be trusted as it is")
	}
	return worst
}

// marshal prints one JSON document, indented, with a newline.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// colour reports whether w is a terminal whose owner has nothing against colour (no-color.org).
func colour(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
