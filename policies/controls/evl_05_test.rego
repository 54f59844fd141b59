package lumos.controls.evl_05_test

import data.lumos.controls.evl_05
import data.lumos.lib

release(required, evaluations) := {
	"lists": {"placeholders": ["tbd"], "requiredSlices": required},
	"thresholds": {"evaluations": {"f1": {"min": 0.8}, "error": {"max": 0.2}}},
	"manifest": {"spec": {"evaluations": evaluations, "evidence": [{"id": "ev"}]}},
}

sliced(slices) := {
	"dataset": {"id": "acme/tickets-eval"}, "metric": "f1", "value": 0.9, "n": 1200, "evidence": "ev", "slices": slices,
}

good := sliced([{"name": "lang=fr", "value": 0.85}, {"name": "lang=en", "value": 0.91}, {"name": "hour=3", "value": 0.1}])

test_pass if {
	lib.outcome(evl_05) == "pass" with input as release(["lang=FR"], [good, {"id": "other"}])
	lib.outcome(evl_05) == "pass" with input as release(["lang", "lang=fr"], [good])
}

test_pass_lower_is_better if {
	errors := object.union(good, {"metric": "error", "slices": [{"name": "lang=fr", "value": 0.2}]})
	lib.outcome(evl_05) == "pass" with input as release(["lang=fr"], [errors])
}

test_fail_below if {
	found := evl_05.fail with input as release(["lang"], [sliced([{"name": "lang=fr", "value": 0.7}, {"name": "lang=en", "value": 0.9}])])
	{f.message | some f in found} == {"f1 is 0.7 for lang=fr, below the threshold of 0.8"}
	{f.pointer | some f in found} == {"/spec/evaluations/0/slices/0/value"}
}

test_fail_above if {
	errors := object.union(good, {"metric": "error", "slices": [{"name": "lang=fr", "value": 0.3}]})
	found := evl_05.fail with input as release(["lang=fr"], [errors])
	{f.message | some f in found} == {"error is 0.3 for lang=fr, above the threshold of 0.2"}
}

test_missing_group if {
	lib.outcome(evl_05) == "missing" with input as release(["lang=de"], [good])
	lib.outcome(evl_05) == "missing" with input as release(["lang=fr", "sex"], [good])
	lib.outcome(evl_05) == "missing" with input as release(["lan"], [good])
	lib.outcome(evl_05) == "missing" with input as release(["lang"], [])
}

test_missing_second_group_of_a_dimension if {
	found := evl_05.missing with input as release(["hour"], [good])
	{f.message | some f in found} == {"1 of 2 groups are reported for the slice \"hour\" by an evaluation that counts and whose metric has a threshold"}
}

test_missing_evaluation_that_does_not_count if {
	every field in ["dataset", "metric", "value", "n", "evidence"] {
		lib.outcome(evl_05) == "missing" with input as release(["lang"], [object.remove(good, [field])])
	}
	lib.outcome(evl_05) == "missing" with input as release(["lang"], [object.union(good, {"selfReported": true})])
	lib.outcome(evl_05) == "missing" with input as release(["lang"], [object.union(good, {"metric": "without threshold"})])
	lib.outcome(evl_05) == "missing" with input as release(["lang=fr"], [sliced([{"name": "lang=fr"}])])
}

test_missing_list if {
	lib.outcome(evl_05) == "missing" with input as release([], [good])
}

test_error_threshold_without_an_end if {
	open := object.union(release(["lang"], [object.union(good, {"metric": "x"})]), {"thresholds": {"evaluations": {"x": {}}}})
	lib.outcome(evl_05) == "error" with input as open
}

declared(persons, impact) := object.union(release(["lang"], []), {"manifest": {"spec": {
	"intendedUse": {"deployment": {"affectsPersons": persons}},
	"risk": {"factors": {"impact": impact}},
}}})

test_not_applicable if {
	lib.outcome(evl_05) == "not-applicable" with input as declared(false, 1)
	lib.outcome(evl_05) == "missing" with input as declared(false, 3)
	lib.outcome(evl_05) == "missing" with input as declared(true, 1)
}
