// Package policies holds the policy packs that ship with Lumos, embedded. It is data: Rego, its
// tests and a pack.yaml a folder; internal/policy gives it meaning. It imports nothing of Lumos.
//
// README.md in this folder says how a control is written.
package policies

import "embed"

// FS holds one folder a pack. The folder lib is no pack to choose: its helpers are always there.
//
//go:embed core lib
var FS embed.FS
