package lumos.controls.dat_07_test

import data.lumos.controls.dat_07
import data.lumos.lib

data_digest := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/deid.md"

tickets := {"id": "acme/tickets", "digest": data_digest, "personalData": "personal", "deidentification": {"method": "pseudonymised", "evidence": "ev-deid"}}

open := {"id": "public/any", "personalData": "none"}

report := {"id": "ev-deid", "type": "deidentification-report", "uri": path, "digest": digest, "subjectDigest": data_digest}

with_evidence(datasets, evidence) := {
	"now": "2026-09-01T00:00:00Z",
	"lists": {"placeholders": ["tbd", "none"], "cardPlaceholders": ["more information needed"], "deidentificationEvidence": ["deidentification-report"]},
	"evidence": {path: {"sha256": digest, "size": 900, "text": "names were replaced"}},
	"manifest": {"spec": {"data": datasets, "evidence": evidence}},
}

release(datasets) := with_evidence(datasets, [report])

attached(fields) := with_evidence([tickets], [object.union(report, fields)])

test_pass if {
	lib.outcome(dat_07) == "pass" with input as release([open, tickets])
}

test_pass_report_elsewhere if {
	lib.outcome(dat_07) == "pass" with input as attached({"uri": "https://acme.example/deid.pdf"})
}

test_fail_placeholder if {
	every method in ["TBD", "none", "no", "[More Information Needed]", "--"] {
		found := dat_07.fail with input as release([object.union(tickets, {"deidentification": {"method": method}})])
		{f.pointer | some f in found} == {"/spec/data/0/deidentification/method"}
	}
}

test_fail_report_that_does_not_count if {
	every fields in [
		{"type": "scan"},
		{"digest": "sha256:1111111111111111111111111111111111111111111111111111111111111111"},
		{"expiresAt": "2026-08-31T00:00:00Z"},
		{"producedAt": "2026-09-02T00:00:00Z"},
		{"subjectDigest": digest},
		{"digest": data_digest, "uri": "s3://acme/tickets.parquet"},
	] {
		lib.outcome(dat_07) == "fail" with input as attached(fields)
	}
}

test_missing if {
	lib.outcome(dat_07) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_07) == "missing" with input as release([])
	lib.outcome(dat_07) == "missing" with input as release([{"id": "x", "personalData": "personal"}])
	lib.outcome(dat_07) == "missing" with input as release([{"id": "x"}])
	lib.outcome(dat_07) == "missing" with input as release([object.union(object.remove(tickets, ["deidentification"]), {"deidentification": {"method": "pseudonymised"}})])
	lib.outcome(dat_07) == "missing" with input as with_evidence([tickets], [])
	lib.outcome(dat_07) == "missing" with input as attached({"uri": "evidence/gone.md"})
}

test_not_applicable if {
	lib.outcome(dat_07) == "not-applicable" with input as release([open])
}

test_mandatory if {
	every class in ["special", "phi", "unknown"] {
		dat_07.mandatory with input as release([object.union(tickets, {"personalData": class})])
	}
	dat_07.mandatory with input as release([object.remove(tickets, ["personalData"])])
	dat_07.mandatory with input as release([])
	not dat_07.mandatory with input as release([tickets, open])
}
