package policy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

func waiverFile(name, created, expires string, controls ...string) policy.File {
	return policy.File{Path: ".lumos/waivers/" + name, Data: []byte(`apiVersion: lumos/v1
kind: Waiver
controls: [` + strings.Join(controls, ", ") + `]
scope: {model: support-triage}
reason: Until the new service is there
requestedBy: "@ana"
approvedBy: ["@rita"]
createdAt: "` + created + `"
expiresAt: "` + expires + `"
`)}
}

// What ends within 14 days is told, as a day, and not before.
func TestNotices(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		manifest []byte
		files    []policy.File
		now      string
		want     []string
	}{
		"nothing ends": {manifest(t), nil, "2026-09-01T12:00:00Z", nil},
		"a waiver": {manifest(t), []policy.File{waiverFile("a.yaml", "2026-08-25T00:00:00Z", "2026-09-10T00:00:00Z", "ID-03", "DOC-02")}, "2026-09-01T12:00:00Z",
			[]string{"the waiver .lumos/waivers/a.yaml for ID-03 and DOC-02 ends on 2026-09-10"}},
		"a waiver that ends later": {manifest(t), []policy.File{waiverFile("a.yaml", "2026-09-01T00:00:00Z", "2026-09-30T00:00:00Z", "ID-03")}, "2026-09-01T12:00:00Z", nil},
		"a waiver that has ended":  {manifest(t), []policy.File{waiverFile("a.yaml", "2026-08-01T00:00:00Z", "2026-08-30T00:00:00Z", "ID-03")}, "2026-09-01T12:00:00Z", nil},
		"a waiver of another model": {manifest(t), []policy.File{{Path: ".lumos/waivers/a.yaml", Data: []byte(strings.Replace(string(waiverFile("", "2026-08-25T00:00:00Z", "2026-09-10T00:00:00Z", "ID-03").Data), "support-triage", "other", 1))}},
			"2026-09-01T12:00:00Z", nil},
		"evidence that expires": {manifest(t, "2027-02-19T00:00:00Z", "2026-09-03T00:00:00Z"), nil, "2026-09-01T12:00:00Z",
			[]string{`the evidence "ev-eval" ends on 2026-09-03`}},
		"evidence that grows too old": {manifest(t), nil, "2027-02-10T00:00:00Z",
			[]string{`the evidence "ev-eval", then 180 days old, ends on 2027-02-15`, `the evidence "ev-leak", then 180 days old, ends on 2027-02-15`, `the evidence "ev-eval" ends on 2027-02-19`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subject(tt.manifest)
			s.Now = moment(t, tt.now)
			if d := cmp.Diff(tt.want, load(t, acme(), tt.files...).Evaluate(t.Context(), s).Notices); d != "" {
				t.Error(d)
			}
		})
	}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Until the moment that Next gives, the report stays the same to the byte; at it, it may differ. Walking
// from moment to moment meets every change that the clock makes.
func TestNextIsWhenTheReportMayChange(t *testing.T) {
	t.Parallel()
	conf := acme()
	conf.Packs = append(conf.Packs, config.Pack{Name: "eu-ai-act", Profile: "high-risk"})
	e := load(t, conf, waiverFile("a.yaml", "2026-09-05T00:00:00Z", "2026-09-30T00:00:00Z", "ID-03"))
	src := manifest(t, "verified: true", "verified: false")
	release, err := releases.Parse(releasePath, src)
	if err != nil {
		t.Fatal(err)
	}
	at := func(moment time.Time) string {
		s := subject(src)
		s.Release, s.Now = release, moment
		b, err := json.Marshal(e.Evaluate(t.Context(), s))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	seen := 0
	for from := now; ; seen++ {
		next := e.Next(release, from)
		if next.IsZero() {
			break
		}
		if seen > 40 || !next.After(from) {
			t.Fatalf("after %s comes %s", from, next)
		}
		if before, last := at(from), at(next.Add(-time.Nanosecond)); before != last {
			t.Errorf("between %s and %s the report changes:\n%s", from, next, cmp.Diff(before, last))
		}
		from = next
	}
	if seen < 6 { // the waiver begins, is told of, ends; evidence is told of and ends; the pack takes effect
		t.Errorf("only %d moments", seen)
	}
}

// A control that a pack brings in from a later day is shown with what it would say, and decides nothing.
func TestControlsOfLater(t *testing.T) {
	t.Parallel()
	conf := acme()
	conf.Packs = append(conf.Packs, config.Pack{Name: "eu-ai-act", Profile: "high-risk"})
	e := load(t, conf)
	src := manifest(t, `mitigation: reweighting`, `mitigation: ""`, "evaluator: \"@validation-team\"", "evaluator: \"@ana\"")
	result := func(id, moment_ string) policy.Result {
		s := subject(src)
		s.Now = moment(t, moment_)
		return result(t, e.Evaluate(t.Context(), s), id)
	}
	before := result("GOV-10", "2027-12-01T23:59:59Z")
	if before.Outcome != policy.NotApplicable || before.EffectiveFrom != "2027-12-02" ||
		!strings.HasPrefix(before.Reason, "takes effect on 2027-12-02 (eu-ai-act, profile high-risk): today it would be ") || len(before.Findings) > 0 {
		t.Errorf("before: %+v", before)
	}
	if after := result("GOV-10", "2027-12-02T00:00:00Z"); after.Outcome == policy.NotApplicable || after.EffectiveFrom != "" {
		t.Errorf("after: %+v", after)
	}
	// What core selects too is in force already.
	if r := result("ID-01", "2026-09-01T00:00:00Z"); r.Outcome != policy.Pass || r.Pack != "core" {
		t.Errorf("ID-01: %+v", r)
	}
}

// A control gives way to its successor, from the day on which that is in force.
func TestSuperseded(t *testing.T) {
	t.Parallel()
	old := rule("fail contains {\"message\": \"x\"} if not pass\n\npass if input.tier.derived == \"none\"\n")
	old.Data = []byte(strings.Replace(string(old.Data), "#   remediation:", "#   superseded_by: ACME-02\n#   remediation:", 1))
	successor := policy.File{Path: ".lumos/policies/acme_02.rego", Data: []byte(strings.NewReplacer("acme_01", "acme_02", "ACME-01", "ACME-02", "superseded_by: ACME-02", "effective_from: 2026-10-01").Replace(string(old.Data)))}
	e := load(t, acme(), old, successor)
	for day, want := range map[string][2]policy.Outcome{
		"2026-09-30T23:59:59Z": {policy.Fail, policy.NotApplicable},
		"2026-10-01T00:00:00Z": {policy.NotApplicable, policy.Fail},
	} {
		s := subject(manifest(t))
		s.Now = moment(t, day)
		r := e.Evaluate(t.Context(), s)
		if got := [2]policy.Outcome{result(t, r, "ACME-01").Outcome, result(t, r, "ACME-02").Outcome}; got != want {
			t.Errorf("%s: %v (%s), want %v", day, got, result(t, r, "ACME-01").Reason, want)
		}
	}
}
