package lumos.controls.evl_04_test

import data.lumos.controls.evl_04
import data.lumos.lib

release(limits, performance) := {
	"lists": {"placeholders": ["tbd"]}, "thresholds": {"performance": limits},
	"manifest": {"spec": {"performance": performance, "evidence": [{"id": "ev-perf"}]}},
}

limits := {"e2e_p95_ms": {"max": 1000}, "rps": {"min": 2}}

fast := {
	"profile": {"hardware": "H100", "count": 1, "engine": "vllm 0.8.4", "concurrency": 16},
	"metrics": {"e2e_p95_ms": 940.5, "rps": 4, "other": 1},
	"evidence": "ev-perf",
}

test_pass if {
	lib.outcome(evl_04) == "pass" with input as release(limits, fast)
}

test_pass_at_the_limit if {
	lib.outcome(evl_04) == "pass" with input as release(limits, object.union(fast, {"metrics": {"e2e_p95_ms": 1000, "rps": 2}}))
}

test_fail_above if {
	found := evl_04.fail with input as release(limits, object.union(fast, {"metrics": {"e2e_p95_ms": 1000.1}}))
	{f.message | some f in found} == {"e2e_p95_ms is 1000.1, above the limit of 1000"}
	{f.pointer | some f in found} == {"/spec/performance/metrics/e2e_p95_ms"}
}

test_fail_below if {
	found := evl_04.fail with input as release(limits, object.union(fast, {"metrics": {"rps": 1.9}}))
	{f.message | some f in found} == {"rps is 1.9, below the limit of 2"}
}

test_missing_limits if {
	lib.outcome(evl_04) == "missing" with input as release({}, fast)
	lib.outcome(evl_04) == "missing" with input as object.remove(release({}, fast), ["thresholds"])
}

test_missing_metric if {
	lib.outcome(evl_04) == "missing" with input as release({"ttft_p95_ms": {"max": 200}}, fast)
	lib.outcome(evl_04) == "missing" with input as release(limits, object.remove(fast, ["metrics"]))
}

test_missing_profile if {
	every part in ["hardware", "engine", "concurrency"] {
		bare := object.union(object.remove(fast, ["profile"]), {"profile": object.remove(fast.profile, [part])})
		lib.outcome(evl_04) == "missing" with input as release(limits, bare)
	}
	lib.outcome(evl_04) == "missing" with input as release(limits, object.union(fast, {"profile": {"hardware": "TBD"}}))
	lib.outcome(evl_04) == "missing" with input as release(limits, object.union(fast, {"profile": {"concurrency": 0}}))
}

test_missing_evidence if {
	lib.outcome(evl_04) == "missing" with input as release(limits, object.remove(fast, ["evidence"]))
	lib.outcome(evl_04) == "missing" with input as release(limits, object.union(fast, {"evidence": "ev-other"}))
}

test_missing_all if {
	lib.outcome(evl_04) == "missing" with input as {"thresholds": {"performance": limits}, "manifest": {"spec": {}}}
}

test_error_limit_without_an_end if {
	lib.outcome(evl_04) == "error" with input as release({"rps": {}}, fast)
}
