package config

import "github.com/lumos-governance/lumos/releases"

// Path is where a governed repository keeps its configuration, on the base branch.
const Path = ".lumos/config.yaml"

// Config is a governed repository's configuration. The zero value is not valid: use Default or Parse.
type Config struct {
	Releases   []string                        `json:"releases"` // globs of release manifests; "*" stays within a path segment, "**" does not
	Packs      []Pack                          `json:"packs"`
	Lists      map[string]List                 `json:"lists"`      // approvedDatasets, allowedLicenses, trustedSigners, approvedPublishers, …
	Thresholds map[string]map[string]Threshold `json:"thresholds"` // group (see Groups) → metric → limits
	// ThresholdsFrom names a source of the server settings whose limits hold beside Thresholds.
	ThresholdsFrom string                 `json:"thresholdsFrom,omitempty"`
	MaxAge         string                 `json:"maxEvidenceAge"` // "180d": evidence older than this does not count
	MinScore       *float64               `json:"minScore,omitempty"`
	Approval       map[releases.Tier]Rule `json:"approval"`
	Merge          Merge                  `json:"merge"`
}

// Pack selects a policy pack, by name alone or as {pack, profile}.
type Pack struct {
	Name    string `json:"pack"`
	Profile string `json:"profile,omitempty"`
}

// List is a list of values: inline, in a file under .lumos (read by Parse into Values), or from a source
// of the server settings, by its name. Of the last the configuration holds the name alone: what the
// source says is a fact of the snapshot.
type List struct {
	File   string   `json:"file,omitempty"`
	Source string   `json:"source,omitempty"`
	Values []string `json:"values,omitempty"`
}

// Rule says who must approve at one tier: every Need of All, and one of Any where Any is not empty.
type Rule struct {
	Auto  bool   `json:"auto,omitempty"` // auto-approval, for the low tier only
	Any   []Need `json:"any,omitempty"`
	All   []Need `json:"all,omitempty"`
	Pause bool   `json:"pause,omitempty"`
}

// Need is one approval that a rule asks for. Exactly one of Codeowners, Ticket, Team is set.
type Need struct {
	Codeowners bool   `json:"codeowners,omitempty"`
	Ticket     bool   `json:"ticket,omitempty"`
	Team       string `json:"team,omitempty"` // "org/slug"
	Count      int    `json:"count"`          // distinct people; 1 unless given
}

// Merge says whether Lumos merges an approved release by itself.
type Merge struct {
	Auto   bool   `json:"auto"`
	Method string `json:"method"` // merge | squash | rebase
}
