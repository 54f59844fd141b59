package main

import (
	"fmt"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/internal/policy/rules"
	"github.com/lumos-governance/lumos/releases"
)

type schemaCmd struct {
	Kind string `arg:"" enum:"manifest,config,waiver,rule,policy,tests,report" help:"manifest, config, waiver, rule (in YAML), policy (METADATA of a rule in Rego or Python syntax), tests (a table of cases), or report (what lumos check --json prints)."`
}

func (c *schemaCmd) Help() string {
	return `Point your editor at the schema for completion and errors as you type:

  lumos schema manifest > .vscode/lumos-manifest.schema.json

and put this in the first line of a manifest:

  # yaml-language-server: $schema=../../.vscode/lumos-manifest.schema.json`
}

func (c *schemaCmd) Run(s streams) error {
	schema := map[string]func() []byte{
		"manifest": releases.Schema,
		"config":   config.Schema,
		"waiver":   policy.WaiverSchema,
		"policy":   policy.PolicySchema,
		"rule":     rules.Schema,
		"tests":    policy.TestsSchema,
		"report":   policy.ReportSchema,
	}[c.Kind]
	_, err := fmt.Fprintln(s.out, string(schema()))
	return err
}
