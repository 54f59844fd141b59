package lumos.controls.saf_05_test

import data.lumos.controls.saf_05
import data.lumos.lib

release(evaluations) := {
	"lists": {"placeholders": ["tbd"]},
	"manifest": {"spec": {"evaluations": evaluations, "evidence": [{"id": "ev"}]}},
}

good := {"category": "fairness", "dataset": {"id": "bench"}, "metric": "score", "value": 0.7, "n": 300, "evidence": "ev"}

test_pass if {
	lib.outcome(saf_05) == "pass" with input as release([good, {"category": "quality"}])
	lib.outcome(saf_05) == "pass" with input as release([object.union(good, {"passed": true}), object.union(good, {"selfReported": true, "n": 0})])
}

test_fail_not_passed if {
	found := saf_05.fail with input as release([good, object.union(good, {"passed": false})])
	{f.pointer | some f in found} == {"/spec/evaluations/1/passed"}
}

test_missing_incomplete if {
	every field in ["category", "dataset", "metric", "value", "n", "evidence"] {
		lib.outcome(saf_05) == "missing" with input as release([object.remove(good, [field])])
	}
	lib.outcome(saf_05) == "missing" with input as release([object.union(good, {"dataset": {"id": "TBD"}})])
	found := saf_05.missing with input as release([good, object.remove(good, ["n"])])
	{f.pointer | some f in found} == {"/spec/evaluations/1"}
}

test_missing_self_reported if {
	lib.outcome(saf_05) == "missing" with input as release([object.union(good, {"selfReported": true})])
}

test_missing_all if {
	lib.outcome(saf_05) == "missing" with input as {"manifest": {"spec": {}}}
}
