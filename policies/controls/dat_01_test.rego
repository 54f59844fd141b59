package lumos.controls.dat_01_test

import data.lumos.controls.dat_01
import data.lumos.lib

release(datasets, tier) := {
	"lists": {"placeholders": ["unknown"]},
	"tier": {"effective": tier},
	"manifest": {"spec": {"data": datasets}},
}

tickets := {"role": "training", "id": "acme/tickets-2025"}

undisclosed := {"role": "training", "id": "Undisclosed by supplier"}

test_pass if {
	lib.outcome(dat_01) == "pass" with input as release([{"role": "evaluation", "id": "acme/eval"}, tickets], "critical")
}

test_pass_undisclosed_below_high if {
	lib.outcome(dat_01) == "pass" with input as release([undisclosed], "medium")
}

test_fail_undisclosed_from_high_up if {
	every tier in ["high", "critical"] {
		lib.outcome(dat_01) == "fail" with input as release([tickets, undisclosed], tier)
	}
}

test_fail_placeholder if {
	lib.outcome(dat_01) == "fail" with input as release([{"role": "training", "id": "unknown"}], "low")
}

test_missing if {
	lib.outcome(dat_01) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_01) == "missing" with input as release([{"role": "evaluation", "id": "acme/eval"}], "low")
	lib.outcome(dat_01) == "missing" with input as release([{"role": "training"}], "low")
}
