package lumos.controls.dat_04_test

import data.lumos.controls.dat_04
import data.lumos.lib

used(licenses, deployment) := {
	"lists": {
		"placeholders": ["tbd", "unknown"],
		"cardPlaceholders": ["more information needed"],
		"datasetLicenses": ["CC-BY-4.0", "CC-BY-NC-4.0", "proprietary"],
		"nonCommercialLicenses": ["CC-BY-NC"],
	},
	"manifest": {"spec": {"intendedUse": {"deployment": deployment}, "data": [{"id": "acme/tickets", "license": license} | some license in licenses]}},
}

release(licenses) := used(licenses, {"commercial": true})

test_pass if {
	lib.outcome(dat_04) == "pass" with input as release(["CC-BY-4.0", "proprietary"])
	lib.outcome(dat_04) == "pass" with input as release(["license:cc-by-4.0"])
}

test_pass_non_commercial_use if {
	lib.outcome(dat_04) == "pass" with input as used(["cc-by-nc-4.0"], {"commercial": false})
}

test_fail_not_listed if {
	found := dat_04.fail with input as release(["CC-BY-4.0", "GPL-3.0-only"])
	{f.pointer | some f in found} == {"/spec/data/1/license"}
}

test_fail_commercial_use if {
	{f.message | some f in dat_04.fail} == {"dataset \"acme/tickets\": licence \"CC-BY-NC-4.0\" is for non-commercial use only, and the use is commercial"} with input as release(["CC-BY-NC-4.0"])
}

test_fail_use_not_declared if {
	lib.outcome(dat_04) == "fail" with input as used(["CC-BY-NC-4.0"], {})
}

test_fail_empty_list if {
	lib.outcome(dat_04) == "fail" with input as json.patch(release(["CC-BY-4.0"]), [{"op": "replace", "path": "/lists/datasetLicenses", "value": []}])
}

test_missing if {
	lib.outcome(dat_04) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_04) == "missing" with input as release([])
	every license in ["", "TBD", "[More Information Needed]", "other", "NOASSERTION", "license:other", "unknown"] {
		lib.outcome(dat_04) == "missing" with input as release([license])
	}
	lib.outcome(dat_04) == "missing" with input as {"lists": {}, "manifest": {"spec": {"data": [{"id": "x"}]}}}
}
