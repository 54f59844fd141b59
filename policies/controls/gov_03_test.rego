package lumos.controls.gov_03_test

import data.lumos.controls.gov_03
import data.lumos.lib

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/impact.md"

assessment := {"id": "ev-impact", "type": "impact-assessment", "uri": path, "digest": digest}

release(evidence) := {
	"now": "2026-09-01T00:00:00Z",
	"tier": {"effective": "high"},
	"lists": {"placeholders": ["tbd"], "cardPlaceholders": ["more information needed", "[todo]"]},
	"evidence": {path: {"sha256": digest, "size": 900, "text": "Who is affected: applicants for a loan."}},
	"manifest": {"spec": {"artifacts": [{"digest": weights}], "evidence": evidence}},
}

changed(fields) := release([object.union(assessment, fields)])

file(fields) := object.union(object.remove(release([assessment]), ["evidence"]), {"evidence": {path: fields}})

test_pass if {
	lib.outcome(gov_03) == "pass" with input as release([assessment])
	lib.outcome(gov_03) == "pass" with input as object.union(release([assessment]), {"tier": {"effective": "critical"}})
}

test_pass_not_text if {
	lib.outcome(gov_03) == "pass" with input as file({"sha256": digest, "size": 90000})
}

test_pass_one_of_two if {
	lib.outcome(gov_03) == "pass" with input as release([object.union(assessment, {"id": "old", "expiresAt": "2026-01-01T00:00:00Z"}), assessment])
}

test_pass_dossier_that_is_the_dpia_too if {
	lib.outcome(gov_03) == "pass" with input as release([assessment, object.union(assessment, {"id": "use", "type": "instructions-for-use"})])
	lib.outcome(gov_03) == "pass" with input as release([assessment, object.union(assessment, {"id": "ev-dpia", "type": "dpia"})])
}

test_fail_blanks if {
	every text in ["Who is affected: [More Information Needed]", "Who is affected: [TODO]"] {
		found := gov_03.fail with input as file({"sha256": digest, "size": 900, "text": text})
		{f.pointer | some f in found} == {"/spec/evidence/0/uri"}
	}
}

test_fail_empty if {
	lib.outcome(gov_03) == "fail" with input as file({"sha256": digest, "size": 0, "text": ""})
	lib.outcome(gov_03) == "fail" with input as file({"sha256": digest, "size": 5, "text": "TBD.\n"})
	lib.outcome(gov_03) == "fail" with input as changed({"uri": "https://acme.example/a", "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})
}

test_fail_does_not_count if {
	every fields in [
		{"digest": "sha256:1111111111111111111111111111111111111111111111111111111111111111"},
		{"expiresAt": "2026-09-01T00:00:00Z"},
		{"producedAt": "2026-09-01T00:00:01Z"},
		{"subjectDigest": digest},
	] {
		lib.outcome(gov_03) == "fail" with input as changed(fields)
	}
}

test_fail_another_document_under_this_name if {
	lib.outcome(gov_03) == "fail" with input as release([assessment, object.union(assessment, {"id": "ev-eval", "type": "evaluation-report"})])
	lib.outcome(gov_03) == "fail" with input as json.patch(release([assessment]), [{"op": "add", "path": "/manifest/spec/modelCard", "value": {"digest": digest}}])
	lib.outcome(gov_03) == "fail" with input as changed({"digest": weights, "uri": "https://acme.example/a"})
}

test_missing if {
	lib.outcome(gov_03) == "missing" with input as {"tier": {"effective": "high"}, "manifest": {"spec": {}}}
	lib.outcome(gov_03) == "missing" with input as release([])
	lib.outcome(gov_03) == "missing" with input as changed({"type": "dpia"})
	lib.outcome(gov_03) == "missing" with input as changed({"uri": "evidence/gone.md"})
	lib.outcome(gov_03) == "missing" with input as file({"error": "too large"})
	every field in ["uri", "digest"] {
		lib.outcome(gov_03) == "missing" with input as release([object.remove(assessment, [field])])
	}
}

test_not_applicable if {
	every tier in ["low", "medium"] {
		lib.outcome(gov_03) == "not-applicable" with input as object.union(release([]), {"tier": {"effective": tier}})
	}
}
