package lumos.controls.saf_07_test

import data.lumos.controls.saf_07
import data.lumos.lib

refusals := {
	"id": "refusals", "category": "safety", "dataset": {"id": "harm-bench"}, "metric": "refusal_rate", "value": 0.98,
	"direction": "higher", "n": 400, "evidence": "ev",
}

red := {"id": "red", "test": "red-team", "passed": true, "n": 90, "evidence": "ev"}

path := "releases/base/1.0.0.yaml"

base := {"id": "acme/base", "release": path}

release(model, before, after) := {
	"lists": {"placeholders": ["tbd"]}, "thresholds": {},
	"releases": {path: {"metadata": {"name": "base"}, "spec": {"evaluations": before}}},
	"manifest": {"spec": {"model": model, "evaluations": after, "evidence": [{"id": "ev"}]}},
}

tuned := {"baseModels": [base], "adaptation": {"method": "lora"}}

test_pass if {
	lib.outcome(saf_07) == "pass" with input as release(tuned, [refusals, red, {"category": "quality", "metric": "f1", "value": 1}], [red, refusals])
	lib.outcome(saf_07) == "pass" with input as release(tuned, [refusals], [object.union(refusals, {"value": 0.975})])
}

test_fail_weaker if {
	found := saf_07.fail with input as release(tuned, [refusals], [object.union(refusals, {"value": 0.9})])
	{f.message | some f in found} == {"refusal_rate on harm-bench is 0.9, the base model's release releases/base/1.0.0.yaml has 0.98 (0.0098 worse is tolerated)"}
}

test_fail_test_not_passed_again if {
	lib.outcome(saf_07) == "fail" with input as release(tuned, [red], [object.union(red, {"passed": false})])
}

test_missing_not_measured_again if {
	lib.outcome(saf_07) == "missing" with input as release(tuned, [refusals], [])
	lib.outcome(saf_07) == "missing" with input as release(tuned, [refusals], [object.remove(refusals, ["n"])])
}

test_missing_baseline if {
	lib.outcome(saf_07) == "missing" with input as release(tuned, [], [refusals])
	lib.outcome(saf_07) == "missing" with input as release(tuned, [object.union(refusals, {"selfReported": true})], [refusals])
	lib.outcome(saf_07) == "missing" with input as release(tuned, [{"category": "safety"}, object.remove(refusals, ["category"])], [refusals])
}

test_missing_base_release if {
	found := saf_07.missing with input as release({"baseModels": [base, {"id": "a", "release": "releases/gone/1.0.0.yaml"}]}, [refusals], [refusals])
	{f.pointer | some f in found} == {"/spec/model/baseModels/1/release"}
	unnamed := saf_07.missing with input as release({"baseModels": [base, {"id": "a"}]}, [refusals], [refusals])
	{f.pointer | some f in unnamed} == {"/spec/model/baseModels/1"}
}

test_missing_base_model if {
	every model in [{"adaptation": {"method": "lora"}}, {"adaptation": {"summary": "r=16"}, "baseModels": []}] {
		lib.outcome(saf_07) == "missing" with input as release(model, [], [])
	}
	lib.outcome(saf_07) == "missing" with input as object.union(release({}, [], []), {"manifest": {"spec": {"change": {"type": "finetune"}}}})
}

test_not_applicable if {
	lib.outcome(saf_07) == "not-applicable" with input as release({"baseModels": [], "adaptation": {}}, [], [])
	lib.outcome(saf_07) == "not-applicable" with input as object.union(release({}, [], []), {"manifest": {"spec": {"change": {"type": "patch"}}}})
}
