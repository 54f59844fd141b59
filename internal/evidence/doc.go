// Package evidence reads the files that evaluation, scanning and signing tools write, so that a manifest
// may claim only what its evidence says.
//
// Reading is pure: bytes and trusted keys go in, facts come out; there is no I/O and no clock. What a
// file says is data of whoever wrote it. Only Signer says who that was, and only where Trust can tell.
//
// The package knows nothing of manifests, policies and code hosts, and must never import them.
package evidence
