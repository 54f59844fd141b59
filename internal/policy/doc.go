// Package policy judges a release manifest: it runs the controls of the chosen packs over the
// manifest, its evidence and the base branch's configuration, and reports how each fared, with score,
// coverage, risk tier and a conclusion.
//
// A Library holds the packs that ship; Load joins those that a repository chose with its own rules
// and waivers into an Engine, which is immutable and safe for concurrent use; Evaluate is a pure
// function of its arguments, the clock among them. Controls are Rego, run in a sandbox without
// network, files, randomness or clock. What cannot be decided is an error, never a pass.
//
// It must not import an adapter, net/http, forge or approval, and reads no clock and no file but the
// embedded ones.
package policy
