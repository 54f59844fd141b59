package lumos.controls.dat_05_test

import data.lumos.controls.dat_05
import data.lumos.lib

release(datasets) := {"manifest": {"spec": {"data": datasets}}}

test_pass if {
	lib.outcome(dat_05) == "pass" with input as release([{"id": d, "personalData": d} |
		some d in ["none", "personal", "special", "phi"]
	])
}

test_fail_unknown if {
	found := dat_05.fail with input as release([{"id": "a", "personalData": "none"}, {"id": "b", "personalData": "unknown"}])
	{f.pointer | some f in found} == {"/spec/data/1/personalData"}
}

test_missing if {
	lib.outcome(dat_05) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_05) == "missing" with input as release([{"id": "a", "personalData": "none"}, {"id": "b"}])
}
