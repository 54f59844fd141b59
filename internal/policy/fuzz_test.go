package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/releases"
)

// Whatever stands in a waiver: it is read or refused, and one that counts is within the rules.
func FuzzWaiver(f *testing.F) {
	const good = "apiVersion: lumos/v1\nkind: Waiver\ncontrols: [EVL-02]\nscope: {model: m}\nreason: r\nrequestedBy: a\napprovedBy: [b]\n" +
		"createdAt: \"2026-08-25T00:00:00Z\"\nexpiresAt: \"2026-09-08T00:00:00Z\"\n"
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "EVL-02", "GOV-08", 1)))
	f.Add([]byte(strings.Replace(good, "[b]", "[\"@A\"]", 1)))
	f.Add([]byte("{"))
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	severities := map[string]Severity{"EVL-02": Critical, "GOV-08": Critical}
	f.Fuzz(func(t *testing.T, data []byte) {
		w := parseWaiver(File{Path: ".lumos/waivers/a.yaml", Data: data})
		if len(w.problems(severities, at)) > 0 {
			return
		}
		longest := 14 * 24 * time.Hour
		if !w.ExpiresAt.After(at) || w.CreatedAt.After(at) || w.ExpiresAt.Sub(w.CreatedAt) > longest ||
			len(w.ApprovedBy) == 0 || slices.Contains(w.ApprovedBy, w.RequestedBy) || !slices.Equal(w.Controls, []string{"EVL-02"}) {
			t.Errorf("it counts: %+v", w)
		}
		for _, tier := range []releases.Tier{releases.TierLow, releases.TierCritical} {
			r := Result{ID: "GOV-08", Outcome: Fail}
			if got := waive(r, concerning([]*waiver{w}, severities, w.Scope.Model, "1", tier, at)); got.Outcome != Fail {
				t.Errorf("it waives GOV-08: %+v", got)
			}
		}
	})
}

// Whatever stands in a rule file: it is refused at a place, or it is a control with all that it needs.
func FuzzRule(f *testing.F) {
	const good = "# METADATA\n# title: t\n# description: d\n# schemas:\n#   - input: schema.input\n# custom:\n#   id: ACME-01\n#   severity: high\n" +
		"#   mode: mandatory\n#   remediation: r\n#   frameworks: {}\npackage lumos.local.acme_01\n\npass if input.now\n\nfail contains {\"message\": \"x\"} if not input.now\n"
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "custom", "cust", 1)))
	f.Add([]byte(strings.Replace(good, "pass if", "default pass := ", 1)))
	f.Add([]byte("# METADATA\n# - [\npackage lumos.local.acme_01\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		m, errs := parseModule(localPack, ".lumos/policies/acme_01.rego", src)
		for _, e := range errs {
			if e.Path == "" || e.Message == "" || e.Line > 1+strings.Count(string(src), "\n") {
				t.Errorf("an error without a place: %+v", e)
			}
		}
		if errs == nil && (m.control == nil || m.control.ID == "" || weights[m.control.Severity] == 0 || m.control.Remediation == "") {
			t.Errorf("loaded without what it needs: %+v", m.control)
		}
	})
}
