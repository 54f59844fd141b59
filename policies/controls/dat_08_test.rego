package lumos.controls.dat_08_test

import data.lumos.controls.dat_08
import data.lumos.lib

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/data.md"

tickets := {"id": "acme/tickets", "quality": {"evidence": "ev-dq"}}

report := {"id": "ev-dq", "type": "data-quality-report", "uri": path, "digest": digest}

with_evidence(datasets, evidence) := {
	"now": "2026-09-01T00:00:00Z",
	"lists": {"placeholders": ["tbd"], "cardPlaceholders": ["more information needed"], "dataQualityEvidence": ["data-quality-report"]},
	"evidence": {path: {"sha256": digest, "size": 900, "text": "3 % duplicates"}},
	"manifest": {"spec": {"data": datasets, "evidence": evidence}},
}

release(datasets) := with_evidence(datasets, [report])

attached(fields) := with_evidence([tickets], [object.union(report, fields)])

file(fields) := object.union(release([tickets]), {"evidence": {path: fields}})

classed(euaiact, factors) := {"lists": {"placeholders": ["tbd"], "cardPlaceholders": []}, "manifest": {"spec": {"risk": {"euAiAct": euaiact, "factors": factors}}}}

test_pass if {
	lib.outcome(dat_08) == "pass" with input as release([tickets, tickets])
}

test_fail_report_that_does_not_count if {
	every fields in [
		{"type": "evaluation-report"},
		{"digest": "sha256:1111111111111111111111111111111111111111111111111111111111111111"},
		{"expiresAt": "2026-08-31T00:00:00Z"},
		{"subjectDigest": digest},
	] {
		lib.outcome(dat_08) == "fail" with input as attached(fields)
	}
}

test_fail_empty_report if {
	lib.outcome(dat_08) == "fail" with input as file({"size": 4, "text": "TBD\n"})
	lib.outcome(dat_08) == "fail" with input as file({"size": 2, "text": "{}"})
	lib.outcome(dat_08) == "fail" with input as file({"size": 1, "text": "\n"})
}

test_missing if {
	lib.outcome(dat_08) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_08) == "missing" with input as release([])
	lib.outcome(dat_08) == "missing" with input as release([tickets, {"id": "public/any"}])
	lib.outcome(dat_08) == "missing" with input as with_evidence([tickets], [])
	lib.outcome(dat_08) == "missing" with input as attached({"uri": "evidence/gone.md"})
}

test_mandatory if {
	dat_08.mandatory with input as classed({"class": "high"}, {})
	dat_08.mandatory with input as classed({"annexIII": "5.b"}, {})
	dat_08.mandatory with input as classed({}, {"domain": 3})
	not dat_08.mandatory with input as classed({"class": "minimal", "annexIII": "5.b"}, {"domain": 3})
	not dat_08.mandatory with input as classed({"annexIII": null}, {})
}
