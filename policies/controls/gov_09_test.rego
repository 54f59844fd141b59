package lumos.controls.gov_09_test

import data.lumos.controls.gov_09
import data.lumos.lib

plan := {"metrics": ["f1_weekly", "drift_psi"], "alerts": "#triage-ml", "incidentContact": "ml-incidents@acme.example"}

release(monitoring) := {
	"tier": {"effective": "medium"},
	"lists": {"placeholders": ["tbd", "none"], "cardPlaceholders": ["more information needed"]},
	"manifest": {"spec": {"monitoring": monitoring}},
}

changed(fields) := release(object.union(plan, fields))

test_pass if {
	lib.outcome(gov_09) == "pass" with input as release(plan)
}

test_fail_placeholders if {
	every value in ["TBD", "none", "[More Information Needed]", "---", "(tbd)", "TBD.", "not yet known"] {
		lib.outcome(gov_09) == "fail" with input as changed({"metrics": ["f1_weekly", value]})
		lib.outcome(gov_09) == "fail" with input as changed({"alerts": value})
		lib.outcome(gov_09) == "fail" with input as changed({"incidentContact": value})
	}
	lib.outcome(gov_09) == "fail" with input as changed({"metrics": ["f1_weekly", ""]})
}

test_missing if {
	lib.outcome(gov_09) == "missing" with input as {"tier": {"effective": "high"}, "manifest": {"spec": {}}}
	every field in ["metrics", "alerts", "incidentContact"] {
		found := gov_09.missing with input as release(object.remove(plan, [field]))
		{f.pointer | some f in found} == {sprintf("/spec/monitoring/%s", [field])}
	}
	lib.outcome(gov_09) == "missing" with input as changed({"metrics": []})
	lib.outcome(gov_09) == "missing" with input as changed({"alerts": " "})
}

test_not_applicable if {
	lib.outcome(gov_09) == "not-applicable" with input as object.union(release({}), {"tier": {"effective": "low"}})
}
