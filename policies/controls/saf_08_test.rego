package lumos.controls.saf_08_test

import data.lumos.controls.saf_08
import data.lumos.lib

lists := {"placeholders": ["tbd"], "generativeTasks": ["text-generation"], "nonGenerativeTasks": ["text-classification"], "nonGenerativeOutputs": ["label"]}

release(model, evaluations) := {
	"lists": lists,
	"manifest": {"spec": {"model": model, "evaluations": evaluations, "evidence": [{"id": "ev"}]}},
}

generative := {"generative": true}

run := {"test": "groundedness", "passed": true, "n": 400, "evidence": "ev"}

test_pass if {
	lib.outcome(saf_08) == "pass" with input as release(generative, [{"id": "f1"}, run])
}

test_fail if {
	found := saf_08.fail with input as release(generative, [run, object.union(run, {"passed": false})])
	{f.pointer | some f in found} == {"/spec/evaluations/1/passed"}
}

test_fail_by_the_publishers_own_word if {
	lib.outcome(saf_08) == "fail" with input as release(generative, [run, object.union(run, {"passed": false, "selfReported": true})])
}

test_missing if {
	lib.outcome(saf_08) == "missing" with input as release(generative, [])
	lib.outcome(saf_08) == "missing" with input as release(generative, [object.union(run, {"selfReported": true})])
	every field in ["test", "passed", "n", "evidence"] {
		lib.outcome(saf_08) == "missing" with input as release(generative, [object.remove(run, [field])])
	}
}

test_missing_undeclared_is_generative if {
	lib.outcome(saf_08) == "missing" with input as {"lists": lists, "manifest": {"spec": {}}}
	lib.outcome(saf_08) == "missing" with input as release({"task": "novel-task"}, [])
}

test_missing_declaration_that_the_task_contradicts if {
	lib.outcome(saf_08) == "missing" with input as release({"generative": false, "task": "text-generation"}, [])
}

test_not_applicable if {
	lib.outcome(saf_08) == "not-applicable" with input as release({"generative": false}, [])
	lib.outcome(saf_08) == "not-applicable" with input as release({"task": "text-classification"}, [])
	lib.outcome(saf_08) == "not-applicable" with input as release({"modalities": {"outputs": ["label"]}}, [])
}
