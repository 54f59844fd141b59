package lumos.controls.gov_06_test

import data.lumos.controls.gov_06
import data.lumos.lib

safeguards := {"humanReview": "on-request", "contest": "write to the service desk"}

of(spec) := {
	"lists": {"placeholders": ["tbd", "none", "n/a"], "cardPlaceholders": ["more information needed"]},
	"manifest": {"spec": spec},
}

# A release that needs no safeguards.
plain := {
	"risk": {"factors": {"impact": 2, "autonomy": 1}, "euAiAct": {"class": "minimal"}},
	"intendedUse": {"deployment": {"regions": ["EU"], "affectsPersons": true}},
}

release(oversight) := of(object.union(plain, {"risk": {"factors": {"impact": 3}}, "oversight": oversight}))

test_pass if {
	lib.outcome(gov_06) == "pass" with input as release(safeguards)
	lib.outcome(gov_06) == "pass" with input as release(object.union(safeguards, {"humanReview": "always"}))
}

test_fail_review if {
	every review in ["sampled", "never"] {
		found := gov_06.fail with input as release(object.union(safeguards, {"humanReview": review}))
		{f.pointer | some f in found} == {"/spec/oversight/humanReview"}
	}
}

test_fail_placeholder if {
	every contest in ["TBD", "none", "no", "not applicable", "[More Information Needed]", "-"] {
		found := gov_06.fail with input as release(object.union(safeguards, {"contest": contest}))
		{f.pointer | some f in found} == {"/spec/oversight/contest"}
	}
}

test_missing if {
	lib.outcome(gov_06) == "missing" with input as of({})
	lib.outcome(gov_06) == "missing" with input as release({})
	every field in ["humanReview", "contest"] {
		found := gov_06.missing with input as release(object.remove(safeguards, [field]))
		{f.pointer | some f in found} == {sprintf("/spec/oversight/%s", [field])}
	}
	lib.outcome(gov_06) == "missing" with input as release(object.union(safeguards, {"contest": " "}))
}

needed(fields) if lib.outcome(gov_06) == "missing" with input as of(object.union(plain, fields))

without(fields) if lib.outcome(gov_06) == "missing" with input as of(json.remove(plain, fields))

test_missing_where_the_effect_is_grave if {
	needed({"risk": {"factors": {"impact": 3, "autonomy": 0}}})
	needed({"risk": {"factors": {"impact": 3}}, "intendedUse": {"deployment": {"affectsPersons": false}}})
	needed({"risk": {"factors": {"autonomy": 2}}})
	needed({"risk": {"euAiAct": {"class": "high"}}})
}

test_missing_where_nobody_can_tell if {
	without(["risk/factors/impact"])
	without(["risk/factors/autonomy"])
	without(["risk/euAiAct/class"])
}

test_not_applicable if {
	lib.outcome(gov_06) == "not-applicable" with input as of(plain)
	lib.outcome(gov_06) == "not-applicable" with input as of(object.union(plain, {"risk": {"factors": {"impact": 1, "autonomy": 3}}}))
	lib.outcome(gov_06) == "not-applicable" with input as of({"intendedUse": {"deployment": {"affectsPersons": false}}})
}
