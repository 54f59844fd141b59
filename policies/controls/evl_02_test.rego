package lumos.controls.evl_02_test

import data.lumos.controls.evl_02
import data.lumos.lib

thresholds := {"evaluations": {"f1": {"min": 0.9}}, "performance": {"e2e_p95_ms": {"max": 1000}}}

release(evaluations, metrics) := {
	"thresholds": thresholds,
	"manifest": {"spec": {"evaluations": evaluations, "performance": {"metrics": metrics}}},
}

good := {"id": "quality", "metric": "f1", "value": 0.913}

fast := {"e2e_p95_ms": 940.5, "rps": 4}

test_pass if {
	lib.outcome(evl_02) == "pass" with input as release([good, {"id": "other", "metric": "bleu", "value": 0.1}], fast)
}

test_pass_at_the_limit if {
	lib.outcome(evl_02) == "pass" with input as release([object.union(good, {"value": 0.9})], {"e2e_p95_ms": 1000})
}

test_fail_below if {
	found := evl_02.fail with input as release([good, object.union(good, {"value": 0.899})], fast)
	{f.pointer | some f in found} == {"/spec/evaluations/1/value"}
}

test_fail_above if {
	found := evl_02.fail with input as release([good], {"e2e_p95_ms": 1000.1})
	{f.pointer | some f in found} == {"/spec/performance/metrics/e2e_p95_ms"}
}

test_fail_recorded_as_failed if {
	lib.outcome(evl_02) == "fail" with input as release([good, {"id": "leak", "metric": "rate", "value": 0, "passed": false}], fast)
}

test_missing_evaluations if {
	lib.outcome(evl_02) == "missing" with input as release([], fast)
	lib.outcome(evl_02) == "missing" with input as {"thresholds": {}, "manifest": {"spec": {}}}
}

test_missing_thresholds if {
	none := object.remove(release([good], fast), ["thresholds"])
	lib.outcome(evl_02) == "missing" with input as object.union(none, {"thresholds": {"evaluations": {}, "performance": {}}})
}

test_missing_metric if {
	lib.outcome(evl_02) == "missing" with input as release([{"id": "other", "metric": "bleu", "value": 1}], fast)
	lib.outcome(evl_02) == "missing" with input as release([good], {"rps": 4})
}

test_error_threshold_without_limits if {
	empty := object.union(release([good], fast), {"thresholds": {"evaluations": {"f1": {}}}})
	lib.outcome(evl_02) == "error" with input as object.union(object.remove(empty, ["thresholds"]), {"thresholds": {"evaluations": {"f1": {}}}})
}
