package policy

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/releases"
)

// thresholdsOf gives the limits that hold for every release, whatever its task and tier. Its keys are the
// groups that there are.
func thresholdsOf(c *config.Config) map[string]map[string]config.Limits {
	every := map[string]map[string]config.Threshold{}
	for group, metrics := range c.Thresholds {
		every[group] = map[string]config.Threshold{}
		for metric, t := range metrics {
			every[group][metric] = config.Threshold{Min: t.Min, Max: t.Max}
		}
	}
	return (&config.Config{Thresholds: every}).Resolve("", "", nil)
}

// depends tells whether the limits of the configuration are not the same for every release.
func depends(c *config.Config) bool {
	for _, metrics := range c.Thresholds {
		for _, t := range metrics {
			if len(t.Tasks)+len(t.Tiers) > 0 {
				return true
			}
		}
	}
	return c.ThresholdsFrom != ""
}

// thresholdsFor gives the limits that one release must keep: of what applies to its task and its
// effective tier, the strictest.
func (e *Engine) thresholdsFor(release *releases.Release, tier Tier, more []config.Limit) (*ast.Term, error) {
	if e.thresholds != nil {
		return e.thresholds, nil
	}
	return term(e.config.Resolve(release.Manifest.Spec.Model.Task, tier.Effective, more))
}
