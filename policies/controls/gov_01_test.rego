package lumos.controls.gov_01_test

import data.lumos.controls.gov_01
import data.lumos.lib

factors := {"data": 2, "impact": 1, "exposure": 0, "autonomy": 1, "domain": 0, "provenance": 1, "capability": 1, "change": 2}

risk := {"tier": "medium", "rationale": "Internal ranking, an agent decides", "factors": factors}

release(risk, derived) := {
	"lists": {"placeholders": ["tbd"]},
	"tier": {"derived": derived, "reason": "data 2"},
	"manifest": {"spec": {"risk": risk}},
}

test_pass if {
	lib.outcome(gov_01) == "pass" with input as release(risk, "medium")
	lib.outcome(gov_01) == "pass" with input as release(object.union(risk, {"tier": "critical"}), "medium")
}

test_fail_below_derived if {
	found := gov_01.fail with input as release(risk, "high")
	{[f.pointer, f.fix] | some f in found} == {["/spec/risk/tier", "high"]}
}

test_fail_prohibited if {
	lib.outcome(gov_01) == "fail" with input as release(object.union(risk, {"tier": "critical", "euAiAct": {"class": "prohibited"}}), "critical")
}

test_fail_placeholder if {
	lib.outcome(gov_01) == "fail" with input as release(object.union(risk, {"rationale": "TBD"}), "medium")
}

test_missing if {
	lib.outcome(gov_01) == "missing" with input as {"tier": {"derived": "high"}, "manifest": {"spec": {}}}
	every field in ["tier", "rationale", "factors"] {
		lib.outcome(gov_01) == "missing" with input as release(object.remove(risk, [field]), "medium")
	}
	every factor, _ in factors {
		lib.outcome(gov_01) == "missing" with input as release(
			object.union(
				object.remove(risk, ["factors"]),
				{"factors": object.remove(factors, [factor])},
			),
			"medium",
		)
	}
}
