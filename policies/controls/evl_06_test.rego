package lumos.controls.evl_06_test

import data.lumos.controls.evl_06
import data.lumos.lib

release(tier, authors, evaluations) := {
	"lists": {"placeholders": ["tbd"]}, "tier": {"effective": tier},
	"manifest": {
		"metadata": {"authors": authors, "owner": {"team": "support-ml", "person": "@Ana"}},
		"spec": {"evaluations": evaluations, "evidence": [{"id": "ev"}]},
	},
}

by(evaluator) := {
	"id": "f1", "dataset": {"id": "acme/tickets-eval"}, "metric": "f1", "value": 0.9, "n": 1200, "evidence": "ev",
	"evaluator": evaluator,
}

test_pass if {
	lib.outcome(evl_06) == "pass" with input as release("high", ["@joe"], [by("@validation-team"), by("acme/red-team")])
	lib.outcome(evl_06) == "pass" with input as release("critical", ["@joe"], [by("@val"), object.union(by("@joe"), {"selfReported": true})])
}

test_fail_by_a_maker if {
	every maker in ["@joe", " JOE ", "@ana", "support-ml", "@acme/support-ml"] {
		found := evl_06.fail with input as release("high", ["@joe"], [by("@validation-team"), by(maker)])
		{f.pointer | some f in found} == {"/spec/evaluations/1/evaluator"}
	}
}

test_missing_evaluator if {
	every maker in ["", "TBD"] {
		lib.outcome(evl_06) == "missing" with input as release("high", ["@joe"], [by(maker)])
	}
	lib.outcome(evl_06) == "missing" with input as release("high", ["@joe"], [by("@val"), object.remove(by(""), ["evaluator"])])
}

test_missing_authors if {
	lib.outcome(evl_06) == "missing" with input as release("high", ["tbd"], [by("@val")])
}

test_missing_evaluation if {
	lib.outcome(evl_06) == "missing" with input as release("high", ["@joe"], [])
	lib.outcome(evl_06) == "missing" with input as release("high", ["@joe"], [object.remove(by("@val"), ["n"])])
	lib.outcome(evl_06) == "missing" with input as release("high", ["@joe"], [object.union(by("@val"), {"selfReported": true})])
}

test_not_applicable if {
	lib.outcome(evl_06) == "not-applicable" with input as release("medium", [], [])
}
