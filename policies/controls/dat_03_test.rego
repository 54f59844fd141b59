package lumos.controls.dat_03_test

import data.lumos.controls.dat_03
import data.lumos.lib

tickets := {"role": "training", "id": "acme/tickets", "revision": "9f3c", "digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}

release(datasets) := {
	"lists": {"placeholders": ["tbd"], "cardPlaceholders": ["more information needed"], "movingRevisions": ["main", "latest"]},
	"manifest": {"spec": {"data": datasets}},
}

changed(fields) := release([object.union(tickets, fields)])

test_pass if {
	lib.outcome(dat_03) == "pass" with input as release([tickets])
	lib.outcome(dat_03) == "pass" with input as release([tickets, {"role": "evaluation", "id": "public/any"}])
}

test_fail_moving_revision if {
	every revision in ["main", "Latest", " latest "] {
		found := dat_03.fail with input as changed({"revision": revision})
		{f.pointer | some f in found} == {"/spec/data/0/revision"}
	}
}

test_fail_placeholder if {
	every revision in ["TBD", "[More Information Needed]", "?"] {
		lib.outcome(dat_03) == "fail" with input as changed({"revision": revision})
	}
}

test_fail_digest_of_nothing if {
	found := dat_03.fail with input as changed({"digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"})
	{f.pointer | some f in found} == {"/spec/data/0/digest"}
}

test_fail_pretraining_too if {
	lib.outcome(dat_03) == "fail" with input as changed({"role": "pretraining", "revision": "main"})
}

test_missing if {
	lib.outcome(dat_03) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_03) == "missing" with input as release([])
	lib.outcome(dat_03) == "missing" with input as changed({"role": "evaluation"})
	every field in ["revision", "digest"] {
		lib.outcome(dat_03) == "missing" with input as release([object.remove(tickets, [field])])
	}
	lib.outcome(dat_03) == "missing" with input as release([tickets, {"id": "acme/of-no-role"}])
}
