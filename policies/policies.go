// Package policies holds the control catalogue and the policy packs that ship with Lumos, embedded. It
// is data: controls with their tests, packs that select from them, and the frameworks that they cite.
// internal/policy gives it meaning. It imports nothing of Lumos.
//
// README.md in this folder says how a control is written.
package policies

import "embed"

// FS holds one folder a pack, and three that cannot be chosen: controls (the catalogue), lib (helpers
// that are always there) and frameworks (what may be cited).
//
//go:embed controls lib frameworks core nist-ai-rmf nist-genai gdpr eu-ai-act iso-42001 mrm-sr26-2 hipaa
var FS embed.FS
