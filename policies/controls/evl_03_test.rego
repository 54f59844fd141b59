package lumos.controls.evl_03_test

import data.lumos.controls.evl_03
import data.lumos.lib

f1 := {
	"id": "f1", "dataset": {"id": "acme/tickets-eval", "split": "test"}, "metric": "f1", "value": 0.9, "direction": "higher",
	"n": 1200, "evidence": "ev",
}

red := {"id": "red", "test": "red-team", "passed": true, "n": 40, "evidence": "ev"}

release(before, after) := {
	"thresholds": {},
	"previous": {"metadata": {"version": "2.2.1"}, "spec": {"evaluations": before}},
	"manifest": {"spec": {"change": {"previous": "2.2.1"}, "evaluations": after, "evidence": [{"id": "ev"}]}},
}

test_pass if {
	lib.outcome(evl_03) == "pass" with input as release([f1, red], [red, f1])
	lib.outcome(evl_03) == "pass" with input as release([f1], [object.union(f1, {"value": 0.891}), {"id": "new"}])
}

test_pass_within_the_set_tolerance if {
	worse := release([f1], [object.union(f1, {"value": 0.85})])
	lib.outcome(evl_03) == "pass" with input as object.union(worse, {"thresholds": {"regression": {"f1": {"max": 0.05}}}})
}

test_pass_publishers_numbers_are_left_out if {
	lib.outcome(evl_03) == "pass" with input as release([f1, {"metric": "bleu", "value": 1, "selfReported": true}], [f1])
}

test_fail_worse if {
	found := evl_03.fail with input as release([f1], [object.union(f1, {"value": 0.89})])
	{f.message | some f in found} == {"f1 on acme/tickets-eval is 0.89, the previous release 2.2.1 has 0.9 (0.009 worse is tolerated)"}
	{f.pointer | some f in found} == {"/spec/evaluations/0"}
}

test_fail_a_test_that_was_passed if {
	lib.outcome(evl_03) == "fail" with input as release([red], [object.union(red, {"passed": false})])
}

test_missing_dropped if {
	lib.outcome(evl_03) == "missing" with input as release([f1, object.union(f1, {"metric": "bleu"})], [f1])
	lib.outcome(evl_03) == "missing" with input as release([f1], [])
	lib.outcome(evl_03) == "missing" with input as release([f1], [object.remove(f1, ["evidence"])])
}

test_missing_previous_release if {
	lib.outcome(evl_03) == "missing" with input as object.remove(release([], [f1]), ["previous"])
}

test_not_applicable_first_release if {
	lib.outcome(evl_03) == "not-applicable" with input as {"manifest": {"spec": {"evaluations": [f1]}}}
}

test_not_applicable_nothing_to_compare_with if {
	lib.outcome(evl_03) == "not-applicable" with input as release([], [f1])
	lib.outcome(evl_03) == "not-applicable" with input as release([object.remove(f1, ["metric"]), {"metric": "f1"}], [f1])
}
