package lumos.controls.saf_01_test

import data.lumos.controls.saf_01
import data.lumos.lib

release(evaluations) := {"manifest": {"spec": {"evaluations": evaluations, "evidence": [{"id": "ev-leak"}]}}}

leak := {"id": "leak", "test": "data-leakage", "passed": true, "evidence": "ev-leak"}

test_pass if {
	lib.outcome(saf_01) == "pass" with input as release([{"id": "f1", "passed": false}, leak])
}

test_fail if {
	found := saf_01.fail with input as release([leak, object.union(leak, {"passed": false})])
	{f.pointer | some f in found} == {"/spec/evaluations/1/passed"}
}

test_missing if {
	lib.outcome(saf_01) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(saf_01) == "missing" with input as release([{"id": "f1", "passed": true, "evidence": "ev-leak"}])
	lib.outcome(saf_01) == "missing" with input as release([object.remove(leak, ["passed"])])
	lib.outcome(saf_01) == "missing" with input as release([object.remove(leak, ["evidence"])])
	lib.outcome(saf_01) == "missing" with input as release([object.union(leak, {"evidence": "ev-other"})])
}
