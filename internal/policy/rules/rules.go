// Package rules turns a control that is written as data (YAML: field, operator, value) into Rego, so that
// one engine evaluates every control and a rule can graduate to Rego by saving what it was rendered to.
//
// It is pure. It imports of Lumos only internal/document and releases (for the schema of the fields).
package rules

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/lumos-governance/lumos/internal/document"
)

// Rule is one control as its YAML describes it.
type Rule struct {
	ID            string              `json:"id"`
	Title         string              `json:"title"`
	Description   string              `json:"description"`
	Severity      string              `json:"severity"`
	Mode          string              `json:"mode"`
	Remediation   string              `json:"remediation"`
	Frameworks    map[string][]string `json:"frameworks"`
	EffectiveFrom string              `json:"effectiveFrom,omitempty"`
	SupersededBy  string              `json:"supersededBy,omitempty"`
}

// Parse reads a rule, known as path in messages.
func Parse(path string, src []byte) (*Rule, document.Errors) {
	return nil, document.Errors{{Path: path, Message: "rules in YAML cannot be read yet"}}
}

// MandatoryWhenText says in words when a weighted rule is mandatory; empty when it never is.
func (r *Rule) MandatoryWhenText() string { return "" }

// Render returns the rule as Rego in the given package ("lumos.local.acme_01"), and the same parsed, with
// the places of the YAML file as its locations.
func (r *Rule) Render(pkg string, opts ast.ParserOptions) (source string, parsed *ast.Module, errs document.Errors) {
	return "", nil, nil
}
