package lumos.controls.evl_07_test

import data.lumos.controls.evl_07
import data.lumos.lib

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

report := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/eval.json"

evaluation := {
	"id": "ev-eval", "type": "evaluation-report", "uri": path, "digest": report, "subjectDigest": weights,
	"producedAt": "2026-08-19T08:31:00Z", "expiresAt": "2027-02-19T00:00:00Z",
}

release(evidence) := {
	"now": "2026-09-01T00:00:00Z",
	"maxEvidenceAgeDays": 30,
	"lists": {"evidenceWithoutSubject": ["dpia"]},
	"evidence": {path: {"sha256": report, "size": 4, "text": "test"}},
	"manifest": {"spec": {
		"artifacts": [{"name": "model.safetensors", "digest": weights}],
		"evaluations": [{"id": "f1", "evidence": "ev-eval"}],
		"evidence": evidence,
	}},
}

changed(fields) := release([object.union(evaluation, fields)])

test_pass if {
	lib.outcome(evl_07) == "pass" with input as release([evaluation])
}

test_pass_paper_about_the_system if {
	dpia := object.union(object.remove(evaluation, ["subjectDigest"]), {"id": "ev-dpia", "type": "dpia", "uri": "https://acme.example/dpia"})
	lib.outcome(evl_07) == "pass" with input as release([evaluation, dpia])
}

test_fail_other_artifact if {
	found := evl_07.fail with input as changed({"subjectDigest": report})
	{f.pointer | some f in found} == {"/spec/evidence/0/subjectDigest"}
}

test_fail_changed_file if {
	found := evl_07.fail with input as changed({"digest": weights})
	{f.pointer | some f in found} == {"/spec/evidence/0/digest"}
}

test_fail_too_old if {
	found := evl_07.fail with input as changed({"producedAt": "2026-08-01T23:59:59Z"})
	{f.message | some f in found} == {"evidence \"ev-eval\" was produced on 2026-08-01 and counted until 2026-08-31 (at most 30 days)"}
	lib.outcome(evl_07) == "pass" with input as changed({"producedAt": "2026-08-02T00:00:00Z"})
}

test_fail_from_the_future if {
	lib.outcome(evl_07) == "fail" with input as changed({"producedAt": "2026-09-01T00:00:01Z"})
}

test_fail_expired if {
	lib.outcome(evl_07) == "fail" with input as changed({"expiresAt": "2026-09-01T00:00:00Z"})
}

test_missing_performance_report if {
	given := release([evaluation])
	spec := object.union(given.manifest.spec, {"performance": {"evidence": "ev-perf"}})
	lib.outcome(evl_07) == "missing" with input as object.union(given, {"manifest": {"spec": spec}})
}

test_missing_evidence if {
	lib.outcome(evl_07) == "missing" with input as release([])
}

test_missing_fields if {
	every field in ["subjectDigest", "digest", "producedAt", "uri"] {
		lib.outcome(evl_07) == "missing" with input as release([object.remove(evaluation, [field])])
	}
}

test_missing_file if {
	lib.outcome(evl_07) == "missing" with input as changed({"uri": "evidence/triage/gone.json"})
	lib.outcome(evl_07) == "missing" with input as object.union(object.remove(release([evaluation]), ["evidence"]), {"evidence": {path: {"error": "too large"}}})
}

test_missing_listed_evidence if {
	found := evl_07.missing with input as changed({"id": "ev-other"})
	{f.pointer | some f in found} == {"/spec/evaluations/0/evidence"}
}
