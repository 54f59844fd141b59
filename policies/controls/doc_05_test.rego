package lumos.controls.doc_05_test

import data.lumos.controls.doc_05
import data.lumos.lib

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/fairness.json"

report := {"id": "ev-fair", "type": "fairness-report", "uri": path, "digest": digest, "subjectDigest": weights}

speakers := {"group": "non-native speakers", "finding": "recall -3.1 pp", "mitigation": "reweighting", "evidence": "ev-fair"}

release(biases) := {
	"now": "2026-09-01T00:00:00Z",
	"tier": {"effective": "medium"},
	"lists": {
		"placeholders": ["tbd", "none", "n/a"],
		"cardPlaceholders": ["more information needed"],
		"biasEvidence": ["fairness-report"],
		"noBiasFindings": ["none found"],
	},
	"evidence": {path: {"sha256": digest, "size": 900, "text": "recall by group"}},
	"manifest": {"spec": {"artifacts": [{"digest": weights}], "biases": biases, "evidence": [report]}},
}

changed(fields) := release([object.union(speakers, fields)])

attached(fields) := json.patch(release([speakers]), [{"op": "replace", "path": "/manifest/spec/evidence/0", "value": object.union(report, fields)}])

test_pass if {
	lib.outcome(doc_05) == "pass" with input as release([speakers])
	lib.outcome(doc_05) == "pass" with input as release([object.remove(speakers, ["evidence"])])
}

test_pass_none_found_with_evidence if {
	lib.outcome(doc_05) == "pass" with input as release([{"group": "age and gender", "finding": "None found.", "evidence": "ev-fair"}])
	lib.outcome(doc_05) == "pass" with input as changed({"finding": "none found", "mitigation": "n/a"})
}

test_fail_placeholders if {
	every field in ["group", "finding", "mitigation"] {
		every value in ["TBD", "[More Information Needed]", "...", "none", "not applicable"] {
			lib.outcome(doc_05) == "fail" with input as changed({field: value})
		}
	}
}

# Lists are in the organisation's own words.
test_missing_evidence_of_a_denial_in_another_language if {
	given := release([{"group": "all", "finding": "Kein Befund", "mitigation": "entfällt"}])
	lib.outcome(doc_05) == "missing" with input as json.patch(given, [{"op": "replace", "path": "/lists/noBiasFindings", "value": ["kein befund"]}])
}

test_fail_does_not_ask_to_mitigate_what_was_not_found if {
	found := doc_05.fail with input as changed({"group": "TBD", "finding": "none found", "mitigation": "n/a"})
	{f.pointer | some f in found} == {"/spec/biases/0/group"}
}

test_fail_evidence_of_another_kind if {
	lib.outcome(doc_05) == "fail" with input as attached({"type": "scan"})
	lib.outcome(doc_05) == "fail" with input as attached({"type": ""})
}

test_fail_evidence_that_does_not_count if {
	every fields in [{"digest": weights}, {"expiresAt": "2026-08-31T00:00:00Z"}, {"subjectDigest": digest}] {
		lib.outcome(doc_05) == "fail" with input as attached(fields)
	}
}

test_missing if {
	lib.outcome(doc_05) == "missing" with input as {"tier": {"effective": "high"}, "manifest": {"spec": {}}}
	lib.outcome(doc_05) == "missing" with input as release([])
	lib.outcome(doc_05) == "missing" with input as release([{}])
	every field in ["group", "finding", "mitigation"] {
		lib.outcome(doc_05) == "missing" with input as release([object.remove(speakers, [field])])
		lib.outcome(doc_05) == "missing" with input as changed({field: " "})
	}
}

test_missing_evidence_of_a_denial if {
	every finding in ["none found", "No significant difference", "not observed"] {
		lib.outcome(doc_05) == "missing" with input as release([{"group": "all", "finding": finding, "mitigation": "nothing to do"}])
	}
}

test_missing_mitigation_despite_a_denial if {
	found := doc_05.missing with input as release([{"group": "all", "finding": "no bias in age, some in gender", "evidence": "ev-fair"}])
	{f.pointer | some f in found} == {"/spec/biases/0"}
}

test_missing_listed_evidence if {
	found := doc_05.missing with input as changed({"evidence": "ev-other"})
	{f.pointer | some f in found} == {"/spec/biases/0/evidence"}
	lib.outcome(doc_05) == "missing" with input as attached({"uri": "evidence/gone.json"})
}

test_not_applicable if {
	lib.outcome(doc_05) == "not-applicable" with input as object.union(release([]), {"tier": {"effective": "low"}})
}
