package policy

import (
	_ "embed"
	"slices"
)

//go:embed schema/report.schema.json
var reportSchemaSource []byte

// ReportSchema returns the JSON Schema (draft 2020-12) of what "lumos check --json" prints: an array of
// reports. It allows nothing that a Report cannot hold, so that a reader can rely on it.
func ReportSchema() []byte { return slices.Clone(reportSchemaSource) }
