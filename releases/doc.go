// Package releases is the release manifest: the file that claims what one release of one model is.
//
// It parses manifests strictly and with positions, ships their JSON Schema, computes the digest that
// names a manifest's content, and tells what changed between two releases of a model. It is pure: no
// I/O, no clock, no network. It imports internal/document and nothing else of Lumos; every room that
// judges or shows releases imports it.
package releases
