package lumos.controls.evl_01_test

import data.lumos.controls.evl_01
import data.lumos.lib

release(evaluations) := {
	"lists": {"placeholders": ["tbd"]},
	"manifest": {"spec": {"evaluations": evaluations, "evidence": [{"id": "ev"}]}},
}

good := {"category": "quality", "dataset": {"id": "acme/tickets-eval"}, "metric": "f1", "value": 0.9, "n": 1200, "evidence": "ev"}

test_pass if {
	lib.outcome(evl_01) == "pass" with input as release([{"category": "safety"}, good])
}

test_pass_beside_the_publishers_numbers if {
	lib.outcome(evl_01) == "pass" with input as release([good, {"category": "quality", "metric": "f1", "value": 1, "selfReported": true}])
}

test_fail_a_number_alone if {
	lib.outcome(evl_01) == "missing" with input as release([{"category": "quality", "metric": "f1", "value": 0.9}])
}

test_missing_field if {
	every field in ["category", "dataset", "metric", "value", "n", "evidence"] {
		lib.outcome(evl_01) == "missing" with input as release([object.remove(good, [field])])
	}
	found := evl_01.missing with input as release([good, object.union(good, {"n": 0})])
	{f.pointer | some f in found} == {"/spec/evaluations/1"}
}

test_missing_evidence_that_is_not_listed if {
	lib.outcome(evl_01) == "missing" with input as release([object.union(good, {"evidence": "ev-other"})])
}

test_missing_only_claimed if {
	lib.outcome(evl_01) == "missing" with input as release([object.union(good, {"selfReported": true})])
	guess := object.union(release([good]), {"manifest": {"spec": {"provenance": {"/spec/evaluations/0/value": {"method": "inferred"}}}}})
	lib.outcome(evl_01) == "missing" with input as guess
}

test_missing_all if {
	lib.outcome(evl_01) == "missing" with input as {"manifest": {"spec": {}}}
}
