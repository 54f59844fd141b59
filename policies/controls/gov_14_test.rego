package lumos.controls.gov_14_test

import data.lumos.controls.gov_14
import data.lumos.lib

valid := {"path": ".lumos/waivers/a.yaml", "controls": ["EVL-02"], "problems": []}

expired := {"path": ".lumos/waivers/b.yaml", "controls": ["EVL-02"], "problems": ["it expired on 2026-08-01T00:00:00Z"]}

test_pass if {
	lib.outcome(gov_14) == "pass" with input as {"waivers": [valid]}
}

test_fail if {
	found := gov_14.fail with input as {"waivers": [valid, expired]}
	{f.message | some f in found} == {".lumos/waivers/b.yaml: it expired on 2026-08-01T00:00:00Z"}
}

test_pass_without_waivers if {
	lib.outcome(gov_14) == "pass" with input as {"waivers": []}
}

test_error_unknown_waivers if {
	lib.outcome(gov_14) == "error" with input as {}
}
