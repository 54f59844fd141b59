package main

import (
	"context"
	"os"

	"github.com/lumos-governance/lumos/bot/wire"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
)

// tryCmd is the process in which a running bot judges rules that somebody proposes. People never call it.
type tryCmd struct{}

func (c *tryCmd) Run(ctx context.Context, s streams) error {
	return wire.Try(ctx, s.in, s.out, policy.NewLibrary(policies.FS))
}

// worker is the command line of that process: this program again.
func worker() ([]string, error) {
	self, err := os.Executable()
	return []string{self, "try-rules"}, err
}
