package lumos.controls.id_05_test

import data.lumos.controls.id_05
import data.lumos.lib

release(metadata) := {"lists": {"placeholders": ["tbd"]}, "manifest": {"metadata": metadata}}

entry := {"owner": {"team": "support-ml"}, "system": "customer-support-assistant", "businessUnit": "retail-bank"}

test_pass if {
	lib.outcome(id_05) == "pass" with input as release(entry)
	lib.outcome(id_05) == "pass" with input as release(object.union(object.remove(entry, ["owner"]), {"owner": {"person": "@ana"}}))
}

test_fail_placeholder if {
	lib.outcome(id_05) == "fail" with input as release(object.union(entry, {"system": "TBD"}))
	lib.outcome(id_05) == "fail" with input as release(object.union(entry, {"owner": {"team": " tbd "}}))
	lib.outcome(id_05) == "fail" with input as release(object.union(object.remove(entry, ["owner"]), {"owner": {"person": "tbd"}}))
	lib.outcome(id_05) == "fail" with input as release(object.union(entry, {"businessUnit": "tbd"}))
}

test_missing if {
	found := id_05.missing with input as release({})
	{f.pointer | some f in found} == {"/metadata/owner", "/metadata/system", "/metadata/businessUnit"}
	lib.outcome(id_05) == "missing" with input as release(object.remove(entry, ["businessUnit"]))
}
