package lumos.controls.dat_09_test

import data.lumos.controls.dat_09
import data.lumos.lib

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/dedup.json"

f1 := {"id": "f1", "category": "quality", "dataset": {"id": "acme/tickets", "split": "test"}, "contamination": "checked"}

report := {"id": "ev-dedup", "type": "deduplication-report", "uri": path, "digest": digest, "subjectDigest": weights}

with_evidence(evaluations, evidence) := {
	"now": "2026-09-01T00:00:00Z",
	"lists": {"placeholders": ["tbd"], "cardPlaceholders": [], "contaminationEvidence": ["contamination-report", "deduplication-report"]},
	"evidence": {path: {"sha256": digest, "size": 900, "text": "0 of 12,000 found"}},
	"manifest": {"spec": {
		"artifacts": [{"digest": weights}],
		"data": [{"role": "training", "id": "acme/tickets"}, {"role": "evaluation", "id": "public/any"}],
		"evaluations": evaluations,
		"evidence": evidence,
	}},
}

release(evaluations) := with_evidence(evaluations, [report])

changed(fields) := release([object.union(f1, fields)])

on(dataset) := release([object.union(object.remove(f1, ["dataset"]), {"dataset": dataset})])

test_pass if {
	lib.outcome(dat_09) == "pass" with input as release([f1, {"category": "safety", "contamination": "not-checked"}])
	lib.outcome(dat_09) == "pass" with input as on({"id": "public/any"})
	lib.outcome(dat_09) == "pass" with input as on({"id": "public/any", "split": "train"})
}

test_pass_with_one_sound_report if {
	lib.outcome(dat_09) == "pass" with input as with_evidence([f1], [object.union(report, {"id": "old", "expiresAt": "2026-01-01T00:00:00Z"}), report])
}

test_fail_found if {
	found := dat_09.fail with input as release([f1, object.union(f1, {"contamination": "found"})])
	{f.pointer | some f in found} == {"/spec/evaluations/1/contamination"}
}

test_fail_on_the_training_split if {
	every split in ["train", "Training", "train[:10%]", "all", "full"] {
		found := dat_09.fail with input as on({"id": "acme/tickets", "split": split})
		{f.pointer | some f in found} == {"/spec/evaluations/0/dataset/split"}
	}
}

test_fail_report_that_does_not_count if {
	every fields in [{"digest": weights}, {"expiresAt": "2026-08-31T00:00:00Z"}, {"subjectDigest": digest}] {
		lib.outcome(dat_09) == "fail" with input as with_evidence([f1], [object.union(report, fields)])
	}
}

test_missing if {
	lib.outcome(dat_09) == "missing" with input as {"lists": {"contaminationEvidence": []}, "manifest": {"spec": {}}}
	lib.outcome(dat_09) == "missing" with input as release([])
	lib.outcome(dat_09) == "missing" with input as changed({"category": "safety"})
	lib.outcome(dat_09) == "missing" with input as changed({"contamination": "not-checked"})
	lib.outcome(dat_09) == "missing" with input as release([object.remove(f1, ["contamination"])])
	lib.outcome(dat_09) == "missing" with input as release([f1, {"id": "of-no-category"}])
}

test_missing_report if {
	lib.outcome(dat_09) == "missing" with input as with_evidence([f1], [])
	lib.outcome(dat_09) == "missing" with input as with_evidence([f1], [object.union(report, {"type": "evaluation-report"})])
	lib.outcome(dat_09) == "missing" with input as with_evidence([f1], [object.union(report, {"uri": "evidence/gone.json"})])
}

test_missing_split if {
	found := dat_09.missing with input as on({"id": "acme/tickets"})
	{f.pointer | some f in found} == {"/spec/evaluations/0/dataset"}
}
