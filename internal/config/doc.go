// Package config reads what people set: the configuration of a governed repository (.lumos/config.yaml,
// trusted because it is read at the base commit) and the settings of the server.
//
// Both are strict: unknown keys are errors with their place. Parse is pure; only LoadServer reads files,
// those that its settings name. The package imports releases and internal/document, no adapter and no
// network.
package config
