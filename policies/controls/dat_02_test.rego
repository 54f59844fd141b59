package lumos.controls.dat_02_test

import data.lumos.controls.dat_02
import data.lumos.lib

release(datasets) := {
	"lists": {"approvedDatasets": ["acme/tickets-2025@9f3c", "acme/tickets-2025@77aa", "public/any"]},
	"manifest": {"spec": {"data": datasets}},
}

tickets := {"id": "acme/tickets-2025", "revision": "9f3c"}

test_pass if {
	lib.outcome(dat_02) == "pass" with input as release([tickets, {"id": "public/any"}, {"id": "public/any", "revision": "12"}])
}

test_fail_stranger if {
	found := dat_02.fail with input as release([tickets, {"id": "acme/tickets"}])
	{f.pointer | some f in found} == {"/spec/data/1/id"}
}

test_fail_other_revision if {
	lib.outcome(dat_02) == "fail" with input as release([object.union(tickets, {"revision": "0000"})])
	lib.outcome(dat_02) == "fail" with input as release([object.remove(tickets, ["revision"])])
}

test_missing if {
	lib.outcome(dat_02) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_02) == "missing" with input as release([])
	lib.outcome(dat_02) == "missing" with input as release([tickets, {"revision": "9f3c"}])
}
