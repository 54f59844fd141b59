package lumos.controls.gov_11_test

import data.lumos.controls.gov_11
import data.lumos.lib

wrong_span := {"description": "A wrong span is believed", "acceptedBy": "@cro", "acceptedAt": "2026-08-30T09:00:00Z"}

by(authors, residual) := {
	"now": "2026-09-01T00:00:00Z",
	"tier": {"effective": "high"},
	"lists": {"placeholders": ["tbd", "none"], "cardPlaceholders": ["more information needed"]},
	"manifest": {"metadata": {"authors": authors}, "spec": {"source": {"publishedAt": "2026-08-20T11:03:00Z"}, "risk": {"residual": residual}}},
}

release(residual) := by(["@ana", "@Joe"], residual)

changed(fields) := release([wrong_span, object.union(wrong_span, fields)])

test_pass if {
	lib.outcome(gov_11) == "pass" with input as release([wrong_span])
	lib.outcome(gov_11) == "pass" with input as json.remove(release([wrong_span]), ["manifest/spec/source/publishedAt"])
}

test_fail_author if {
	every name in ["@ana", "@ANA", "@joe"] {
		found := gov_11.fail with input as changed({"acceptedBy": name})
		{f.message | some f in found} == {sprintf("residual risk no. 2 is accepted by %q, who is an author of this release", [name])}
	}
}

test_fail_nobody_in_particular if {
	every name in ["Ana Smith", "ana", "@acme/risk", "@lumos[bot]", "@release-bot", "TBD", "[More Information Needed]", "@"] {
		found := gov_11.fail with input as changed({"acceptedBy": name})
		"/spec/risk/residual/1/acceptedBy" in {f.pointer | some f in found}
	}
}

test_fail_placeholder if {
	every text in ["TBD", "none", "[More Information Needed]", "..."] {
		found := gov_11.fail with input as changed({"description": text})
		{f.pointer | some f in found} == {"/spec/risk/residual/1/description"}
	}
}

test_fail_dates if {
	every time in ["2026-09-01T00:00:01Z", "9999-12-31T00:00:00Z", "2026-08-20T11:02:59Z", "0001-01-01T00:00:00Z"] {
		found := gov_11.fail with input as changed({"acceptedAt": time})
		{f.pointer | some f in found} == {"/spec/risk/residual/1/acceptedAt"}
	}
}

test_missing if {
	lib.outcome(gov_11) == "missing" with input as {"tier": {"effective": "critical"}, "manifest": {"spec": {}}}
	lib.outcome(gov_11) == "missing" with input as release([])
	lib.outcome(gov_11) == "missing" with input as release([{}])
	every field in ["description", "acceptedBy", "acceptedAt"] {
		found := gov_11.missing with input as release([object.remove(wrong_span, [field])])
		{f.pointer | some f in found} == {"/spec/risk/residual/0"}
	}
	lib.outcome(gov_11) == "missing" with input as by([], [wrong_span])
}

test_not_applicable if {
	lib.outcome(gov_11) == "not-applicable" with input as object.union(release([]), {"tier": {"effective": "medium"}})
}
