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

test_fail_changed_file_with_its_digest if {
	some f in evl_07.fail with input as changed({"digest": weights})
	f.fix == report
}

# What the file itself says, as the engine reads it.
said := {
	"format": "lm-evaluation-harness", "at": "2026-08-19T08:00:00Z",
	"results": [
		{"task": "urgency", "metric": "f1", "value": 0.91302, "n": 12000, "places": ["urgency"]},
		{"task": "urgency", "metric": "recall", "value": 0.9, "places": ["urgency"]},
		{"task": "urgency", "metric": "exact_match,strict", "value": 51.2, "places": ["urgency"]},
		{"task": "urgency", "metric": "exact_match,flexible", "value": 52.9, "places": ["urgency"]},
		{"dataset": "acme/other", "metric": "f1", "value": 0.5, "places": ["acme_other", "other"], "split": "dev"},
		{"metric": "leaked", "value": 0, "places": []},
		{"task": "urgency", "metric": "f1", "value": 0.88, "slice": "lang=fr", "places": ["urgency"]},
	],
	"byMetric": {
		"f1": [0, 4, 6], "recall": [1], "exact_match": [2, 3], "exact_match_strict": [2], "exact_match_flexible": [3], "leaked": [5],
	},
}

# claims puts the facts into the evidence, and these claims into the manifest.
claiming(facts, evaluations) := object.union(
	object.remove(release([evaluation]), ["evidence", "manifest"]),
	{
		"evidence": {path: {"sha256": report, "size": 4, "facts": facts}},
		"manifest": {"spec": {
			"artifacts": [{"name": "model.safetensors", "digest": weights}],
			"source": {"revision": "d20ace7968ba43c0219f62d71334c1095bab1602"},
			"evaluations": evaluations,
			"evidence": [evaluation],
		}},
	},
)

claim(fields) := object.union(object.remove({"id": "q", "dataset": {"id": "acme/tickets", "task": "urgency"}, "metric": "f1", "evidence": "ev-eval"}, object.keys(fields)), fields)

# What the only finding says of one claim, and what would mend it.
message(fields) := f.message if {
	some f in evl_07.fail with input as claiming(said, [claim(fields)])
}

fix(fields) := f.fix if {
	some f in evl_07.fail with input as claiming(said, [claim(fields)])
}

passes(fields) if lib.outcome(evl_07) == "pass" with input as claiming(said, [claim(fields)])

test_pass_what_the_evidence_says if {
	passes({"value": 0.91302})
	passes({"value": 0.913, "n": 12000})
	passes({"value": 0.91})
	passes({"value": 0.913, "metric": "F1", "dataset": {"id": "Urgency"}})
	passes({"value": 0.9, "metric": "recall", "n": 7})
	passes({"value": 51.2, "metric": "exact_match"})
	passes({"value": 52.9, "metric": "exact_match,flexible"})
	passes({"value": 51, "metric": "exact_match"})
	passes({"value": 0.5, "dataset": {"id": "acme/other", "split": "validation"}})
	passes({"value": 0.5, "dataset": {"id": "other"}})
	passes({"value": 0, "metric": "leaked"})
	passes({"value": 0.91302, "dataset": {}})
	passes({"value": 0.91302, "slices": [{"name": "lang=fr", "value": 0.88}, {"name": "lang=de", "value": 0.1}]})
	passes({"test": "no value at all"})
}

test_fail_another_value if {
	message({"value": 0.923}) == "evaluation \"q\": the evidence says f1 0.91302, the manifest claims 0.923"
	fix({"value": 0.923}) == "0.91302"
	message({"value": 1}) == "evaluation \"q\": the evidence says f1 0.91302, the manifest claims 1"
	message({"value": 0.9}) == "evaluation \"q\": the evidence says f1 0.91302, the manifest claims 0.9"
	message({"value": 0.001, "metric": "leaked"}) == "evaluation \"q\": the evidence says leaked 0, the manifest claims 0.001"
	message({"value": 91.3}) == "evaluation \"q\": the evidence says f1 0.91302, the manifest claims 91.3: state it as the evidence does, not as a percentage"
	message({"value": 0.512, "metric": "exact_match_strict"}) == "evaluation \"q\": the evidence says exact_match_strict 51.2, the manifest claims 0.512: state it as the evidence does, as a percentage"
}

test_fail_one_of_several_values if {
	message({"value": 60, "metric": "exact_match"}) == "evaluation \"q\": the evidence says exact_match 51.2 or 52.9, the manifest claims 60"
	not fix({"value": 60, "metric": "exact_match"})
}

test_fail_no_such_result if {
	message({"value": 0.9, "metric": "bleu"}) == "evaluation \"q\": evidence \"ev-eval\" has no bleu on acme_tickets or acme_tickets_urgency or tickets or tickets_urgency or urgency; it has exact_match,flexible on urgency, exact_match,strict on urgency, f1 on acme/other, f1 on urgency, leaked"
	startswith(message({"value": 0.5, "dataset": {"id": "acme/other", "split": "test"}}), "evaluation \"q\": evidence \"ev-eval\" has no f1 on acme_other or other; it has ")
	startswith(message({"value": 0.91302, "dataset": {"id": "elsewhere"}}), "evaluation \"q\": evidence \"ev-eval\" has no f1 on elsewhere; it has ")
}

test_fail_another_number_of_samples if {
	message({"value": 0.913, "n": 20000}) == "evaluation \"q\": the evidence says f1 over 12000 samples, the manifest says 20000"
	fix({"value": 0.913, "n": 20000}) == "12000"
	twice := object.union(said, {"results": [
		{"metric": "f1", "value": 0.91, "n": 10, "places": []},
		{"metric": "f1", "value": 0.91, "n": 20, "places": []},
	], "byMetric": {"f1": [0, 1]}})
	some f in evl_07.fail with input as claiming(twice, [claim({"value": 0.91, "n": 30})])
	f.message == "evaluation \"q\": the evidence says f1 over 10 or 20 samples, the manifest says 30"
}

test_fail_slice if {
	message({"value": 0.913, "slices": [{"name": "lang=fr", "value": 0.9}]}) == "evaluation \"q\", slice \"lang=fr\": the evidence says f1 0.88, the manifest claims 0.9"
}

test_fail_performance if {
	given := claiming(said, [])
	spec := object.union(given.manifest.spec, {"performance": {"evidence": "ev-eval", "metrics": {"leaked": 3, "recall": 0.9}}})
	found := evl_07.fail with input as object.union(given, {"manifest": {"spec": spec}})
	{f.pointer | some f in found} == {"/spec/performance/metrics/leaked"}
}

test_fail_passed_although_it_failed if {
	found := evl_07.fail with input as claiming({"format": "in-toto", "passed": false}, [claim({"value": 1, "passed": true})])
	{[f.pointer, f.fix] | some f in found} == {["/spec/evaluations/0/passed", "false"]}
	lib.outcome(evl_07) == "pass" with input as claiming({"format": "in-toto", "passed": true}, [claim({"value": 1, "passed": true})])
}

test_fail_broken_evidence if {
	found := evl_07.fail with input as claiming({"format": "inspect", "error": "the log is not finished"}, [claim({"value": 1})])
	{f.message | some f in found} == {"evidence \"ev-eval\" (evidence/triage/eval.json): the log is not finished"}
}

about_other := {"format": "in-toto", "subjects": [{"digest": report}]}

test_fail_about_something_else_by_its_own_words if {
	found := evl_07.fail with input as claiming(about_other, [claim({"value": 1})])
	{f.pointer | some f in found} == {"/spec/evidence/0/subjectDigest"}
}

test_pass_about_this_by_its_own_words if {
	every digest in [weights, "gitCommit:d20ace7968ba43c0219f62d71334c1095bab1602"] {
		lib.outcome(evl_07) == "pass" with input as claiming({"format": "in-toto", "subjects": [{"digest": report}, {"digest": digest}]}, [claim({"value": 1})])
	}
	dpia := object.union(object.remove(evaluation, ["subjectDigest"]), {"type": "dpia"})
	given := claiming(about_other, [claim({"value": 1})])
	spec := object.union(given.manifest.spec, {"evidence": [dpia]})
	lib.outcome(evl_07) == "pass" with input as object.union(given, {"manifest": {"spec": spec}})
}

test_fail_run_after_it_was_produced if {
	some f in evl_07.fail with input as claiming(object.union(said, {"at": "2026-08-19T08:31:01Z"}), [])
	f.message == "evidence/triage/eval.json says that it was run on 2026-08-19T08:31:01Z, after the 2026-08-19T08:31:00Z of the manifest"
	f.fix == "2026-08-19T08:31:01Z"
}

test_fail_run_too_long_ago if {
	some f in evl_07.fail with input as claiming(object.union(said, {"at": "2026-07-01T08:00:00Z"}), [])
	f.message == "evidence/triage/eval.json says that it was run on 2026-07-01, which counted until 2026-07-31 (at most 30 days)"
}
