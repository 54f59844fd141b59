package releases

import "github.com/lumos-governance/lumos/internal/document"

// Tier is a release's risk tier.
type Tier string

// The tiers, lowest first.
const (
	TierLow      Tier = "low"
	TierMedium   Tier = "medium"
	TierHigh     Tier = "high"
	TierCritical Tier = "critical"
)

// Rank orders tiers: low 1 … critical 4; 0 is no tier.
func (t Tier) Rank() int {
	switch t {
	case TierLow:
		return 1
	case TierMedium:
		return 2
	case TierHigh:
		return 3
	case TierCritical:
		return 4
	}
	return 0
}

// MaxTier returns the higher tier.
func MaxTier(a, b Tier) Tier {
	if b.Rank() > a.Rank() {
		return b
	}
	return a
}

// Error is one thing wrong with a manifest, at its place; Errors is all of them.
type (
	Error  = document.Error
	Errors = document.Errors
)

// Change is one difference between two releases of a model that a reviewer should know of.
type Change struct {
	Kind    string `json:"kind"`    // metric | data | license | base-model | artifact | risk | field
	Pointer string `json:"pointer"` // RFC 6901, in the newer manifest (in the older one for a removal)
	Title   string `json:"title"`   // "f1 on acme/tickets-eval", "training data acme/tickets-2025"
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Better  *bool  `json:"better,omitempty"` // for a metric whose direction is known
}
