package main

import (
	"fmt"

	"github.com/lumos-governance/lumos/internal/forge/worktree"
	"github.com/lumos-governance/lumos/internal/owners"
)

type ownersCmd struct {
	Paths    []string `arg:"" help:"Files, which need not exist yet, or folders: these stand for the tracked files below."`
	Dialect  string   `enum:"auto,github,gitlab" default:"auto" help:"Whose CODEOWNERS it is: github, gitlab, or auto."`
	Base     string   `xor:"at" help:"Revision at which CODEOWNERS is read. Default: the remote's default branch, else HEAD." placeholder:"REV"`
	Worktree bool     `xor:"at" help:"Read CODEOWNERS as it lies in the working tree, to try a change of it."`
	JSON     bool     `name:"json" help:"Print JSON."`
	Dir      string   `short:"C" default:"." help:"Run as if started in this folder." placeholder:"DIR"`
}

func (c *ownersCmd) Help() string {
	return `Works offline. For each path it names the lines of CODEOWNERS that decide, and who must approve.
The bot reads the file on the base branch, so that is the default here.

  lumos owners releases/fraud/2.3.0.yaml
  lumos owners --worktree .lumos CODEOWNERS       after a change of CODEOWNERS, before it is pushed
  lumos owners --dialect gitlab --json .

On GitHub the last line that matches decides. On GitLab the last line of each section does, and all
those sections must agree; what only optional sections own, or what is excluded, counts as not owned:
Lumos releases nothing without an owner.

Exit codes: 0 everything is owned, 1 something is not, 2 could not tell.`
}

func (c *ownersCmd) Run(s streams) error {
	found, err := worktree.ReadCodeowners(c.Dir, c.Base, c.Worktree, c.Paths)
	if err != nil {
		return err
	}
	if c.Dialect != "auto" {
		found.Dialect, found.Because = owners.Dialect(c.Dialect), "--dialect says so"
	}
	report, err := found.Report()
	if err != nil {
		return err
	}
	if c.JSON {
		out, err := marshal(report)
		if err != nil {
			return err
		}
		if _, err := s.out.Write(out); err != nil {
			return err
		}
	} else {
		file := report.File
		if file == "" {
			file = "no CODEOWNERS"
		}
		fmt.Fprintf(s.err, "%s at %s, dialect %s: %s\n", file, report.At, report.Dialect, report.Because)
		if _, err := fmt.Fprint(s.out, report.Text()); err != nil {
			return err
		}
	}
	if !report.Owned() {
		return errNo
	}
	return nil
}
