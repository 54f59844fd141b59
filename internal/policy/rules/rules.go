// Package rules turns a control that is written as data (YAML: field, operator, value) into Rego, so that
// one engine evaluates every control and a rule can graduate to Rego by saving what it was rendered to.
//
// Every rule has one of three states. It holds when that is proven; it is missing when something that it
// takes to judge is not stated; else it fails. Groups follow: all holds when every part does and fails
// when one does; any holds when one part does and fails when every part does; not turns holding and
// failing around. A condition (when) that is missing leaves the control missing: what is not known to
// be out of scope is in it.
//
// It is pure. It imports of Lumos only internal/document and releases (for the schema of the fields).
package rules

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
)

//go:embed schema/rule.schema.json
var schemaSource []byte

var schema = document.MustCompile("rule", schemaSource)

// Schema returns the JSON Schema (draft 2020-12) of a control in YAML.
func Schema() []byte { return slices.Clone(schemaSource) }

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

	path                string
	when, mandatoryWhen *node // nil: always, never
	rules               []*node
}

// Parse reads a rule, known as path in messages. The Rule is nil exactly when there are errors.
func Parse(path string, src []byte) (*Rule, document.Errors) {
	var b *builder
	doc, errs := document.Parse(path, src, schema, func(d *document.Document) document.Errors {
		b = &builder{doc: d}
		b.control(d.Value)
		return b.errs
	})
	if errs != nil {
		return nil, errs
	}
	about := struct {
		Rule
		APIVersion    string `json:"apiVersion"`
		Kind          string `json:"kind"`
		When          any    `json:"when"`
		MandatoryWhen any    `json:"mandatoryWhen"`
		Rules         any    `json:"rules"`
	}{}
	if err := doc.Decode(&about); err != nil {
		return nil, document.Errors{{Path: path, Line: 1, Column: 1, Message: err.Error()}}
	}
	r := about.Rule
	r.Description = strings.TrimSpace(r.Description)
	r.path, r.when, r.mandatoryWhen, r.rules = path, b.when, b.mandatory, b.rules
	return &r, nil
}

// MandatoryWhenText says in words when a weighted rule is mandatory; empty when it never is.
func (r *Rule) MandatoryWhenText() string {
	if r.mandatoryWhen == nil {
		return ""
	}
	return r.mandatoryWhen.describe(true)
}

// WhenText says in words which releases the control is about; empty: all.
func (r *Rule) WhenText() string {
	if r.when == nil {
		return ""
	}
	return r.when.describe(true)
}
