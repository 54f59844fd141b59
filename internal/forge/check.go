package forge

import "strings"

// The names of the check runs that Lumos writes. Branch protection requires GateCheck, bound to our App.
const (
	ComplianceCheck = "lumos/compliance"
	GateCheck       = "lumos/gate"
	ImpactCheck     = "lumos/impact" // what a change of the rules would do; it informs
)

// AuditBranch is where the audit log lives; TagPrefix starts the name of every release tag.
const (
	AuditBranch = "lumos/audit"
	TagPrefix   = "lumos/"
)

// ExternalID is what our check runs carry: the subject digest that was reported on this commit, and
// the digest of what was written, by which an unchanged write is told from a changed one.
func ExternalID(subject, content string) string { return subject + ";" + content }

// Reported splits what ExternalID joined; both are empty when the check is not of this form.
func (c Check) Reported() (subject, content string) {
	subject, content, ok := strings.Cut(c.ExternalID, ";")
	if !ok {
		return "", ""
	}
	return subject, content
}

// FindCheck returns our check run of that name, or nil.
func (s *Snapshot) FindCheck(name string) *Check {
	for i := range s.Checks {
		if s.Checks[i].Name == name {
			return &s.Checks[i]
		}
	}
	return nil
}
