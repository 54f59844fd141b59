package policy_test

import (
	"strings"
	"testing"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy"
)

const waiverPath = ".lumos/waivers/f1.yaml"

// waiver is valid at now for EVL-02, which testdata's release fails once its f1 is lowered.
func waiver(edits ...string) policy.File {
	s := `apiVersion: lumos/v1
kind: Waiver
controls: [EVL-02]
scope: {model: support-triage, versions: ["2.3.0"], tiers: [medium]}
reason: The French test set is being relabelled
compensating: [Every ranking is reviewed by a person]
requestedBy: "@ana"
approvedBy: ["@rita"]
ticket: CHG0031
createdAt: "2026-08-25T00:00:00Z"
expiresAt: "2026-09-08T00:00:00Z"
`
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(s, edits[i]) {
			panic(edits[i])
		}
		s = strings.Replace(s, edits[i], edits[i+1], 1)
	}
	return policy.File{Path: waiverPath, Data: []byte(s)}
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	const pass, fail, waived = policy.Pass, policy.Fail, policy.Waived
	for name, tt := range map[string]struct {
		file          policy.File
		gap, validity policy.Outcome // of EVL-02 and GOV-14
		reason        string         // in a finding of GOV-14
	}{
		"valid":                         {waiver(), waived, pass, ""},
		"for all versions and tiers":    {waiver(`, versions: ["2.3.0"], tiers: [medium]`, ""), waived, pass, ""},
		"for another model":             {waiver("model: support-triage", "model: other"), fail, pass, ""},
		"for another version":           {waiver(`"2.3.0"`, `"2.2.1"`), fail, pass, ""},
		"for another tier":              {waiver("[medium]", "[low]"), fail, pass, ""},
		"expired now":                   {waiver("2026-09-08T00:00:00Z", "2026-09-01T12:00:00Z"), fail, fail, "it expired on 2026-09-01T12:00:00Z"},
		"expires in a second":           {waiver("2026-09-08T00:00:00Z", "2026-09-01T12:00:01Z"), waived, pass, ""},
		"a second too long":             {waiver("2026-09-08T00:00:00Z", "2026-09-08T00:00:01Z"), fail, fail, "EVL-02 is critical, which can be waived for 14 days, until 2026-09-08"},
		"not begun":                     {waiver("2026-08-25T00:00:00Z", "2026-09-01T12:00:01Z"), fail, fail, "has not come yet"},
		"ends before it begins":         {waiver("2026-09-08T00:00:00Z", "2026-08-20T00:00:00Z"), fail, fail, "before it begins"},
		"approved by the requester":     {waiver(`["@rita"]`, `["@rita", "@ANA"]`), fail, fail, "cannot approve"},
		"approved without the @":        {waiver(`["@rita"]`, `[ana]`), fail, fail, "cannot approve"},
		"of what can't be waived":       {waiver("[EVL-02]", "[EVL-02, GOV-08]"), fail, fail, "GOV-08 can never be waived"},
		"of itself":                     {waiver("[EVL-02]", "[EVL-02, GOV-14]"), fail, fail, "GOV-14 can never be waived"},
		"of an unknown control":         {waiver("[EVL-02]", "[EVL-02, EVL-99]"), fail, fail, "no selected pack has a control EVL-99"},
		"of another control":            {waiver("[EVL-02]", "[DOC-01]"), fail, pass, ""},
		"unknown key":                   {waiver("reason:", "reasons:"), fail, fail, "line 5, column 1: unknown key"},
		"approved by nobody":            {waiver(`["@rita"]`, "[]"), fail, fail, "line 8"},
		"no scope":                      {waiver(`scope: {model: support-triage, versions: ["2.3.0"], tiers: [medium]}`, ""), fail, fail, "scope"},
		"a date without time":           {waiver("2026-09-08T00:00:00Z", "2026-09-08"), fail, fail, "line 11"},
		"not YAML":                      {policy.File{Path: waiverPath, Data: []byte("{")}, fail, fail, "not readable"},
		"unreadable":                    {policy.File{Path: waiverPath, Err: "too large"}, fail, fail, "too large"},
		"of all":                        {waiver("[EVL-02]", `["*"]`), fail, fail, "line 3"},
		"with the other file suffix":    {policy.File{Path: ".lumos/waivers/f1.yml", Data: waiver().Data}, waived, pass, ""},
		"lying elsewhere, so no waiver": {policy.File{Path: ".lumos/f1.yaml", Data: waiver().Data}, fail, pass, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := manifest(t, "value: 0.913", "value: 0.813")
			r := load(t, acme(), tt.file).Evaluate(t.Context(), subject(src))
			without := load(t, acme()).Evaluate(t.Context(), subject(src))
			if validity := result(t, r, "GOV-14"); validity.Outcome == pass && (*r.Score != *without.Score || *r.Coverage != *without.Coverage) {
				t.Errorf("the waiver changed the score from %s to %s, the coverage from %s to %s", without.Score, r.Score, without.Coverage, r.Coverage)
			}
			gap, validity := result(t, r, "EVL-02"), result(t, r, "GOV-14")
			if gap.Outcome != tt.gap || validity.Outcome != tt.validity {
				t.Errorf("EVL-02 %s, GOV-14 %s (%v), want %s and %s", gap.Outcome, validity.Outcome, validity.Findings, tt.gap, tt.validity)
			}
			found := false
			for _, f := range validity.Findings {
				found = found || strings.Contains(f.Message, tt.reason)
			}
			if tt.reason != "" && !found {
				t.Errorf("GOV-14 says %v, want %q", validity.Findings, tt.reason)
			}
			if tt.gap == waived {
				if gap.Unwaived != fail || gap.Waiver == nil || gap.Waiver.Path != tt.file.Path || len(gap.Findings) == 0 || r.Conclusion != policy.NeedsApproval {
					t.Errorf("conclusion %s, waived: %+v", r.Conclusion, gap)
				}
			} else if r.Conclusion != policy.Blocked || gap.Waiver != nil {
				t.Errorf("conclusion %s, not waived: %+v", r.Conclusion, gap)
			}
		})
	}
}

func TestTheLongestValidWaiverCounts(t *testing.T) {
	t.Parallel()
	short, long := waiver("2026-09-08T00:00:00Z", "2026-09-02T00:00:00Z"), waiver()
	long.Path = ".lumos/waivers/a.yaml"
	r := load(t, acme(), short, long).Evaluate(t.Context(), subject(manifest(t, "value: 0.913", "value: 0.813")))
	if w := result(t, r, "EVL-02").Waiver; w == nil || w.Path != long.Path || w.ExpiresAt != "2026-09-08T00:00:00Z" {
		t.Errorf("applied: %+v", w)
	}
}

func TestAnInvalidWaiverSaysWhyWhereItWouldHaveCounted(t *testing.T) {
	t.Parallel()
	r := load(t, acme(), waiver(`["@rita"]`, `["@ana"]`)).Evaluate(t.Context(), subject(manifest(t, "value: 0.913", "value: 0.813")))
	if c := result(t, r, "EVL-02"); !strings.Contains(c.Reason, "does not count: @ana requested it") {
		t.Errorf("reason %q", c.Reason)
	}
}

func TestSchemasCompile(t *testing.T) {
	t.Parallel()
	for name, src := range map[string][]byte{"waiver": policy.WaiverSchema(), "policy": policy.PolicySchema()} {
		if _, err := document.Compile(name, src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := document.Compile("waiver", policy.WaiverSchema())
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := document.Parse(waiverPath, waiver().Data, s); errs != nil {
		t.Error(errs)
	}
}
