package lumos.controls.dat_06_test

import data.lumos.controls.dat_06
import data.lumos.lib

tickets := {"id": "acme/tickets", "personalData": "personal", "legalBasis": {"article": "6.1.f", "ref": "LIA-114"}}

health := object.union(tickets, {"personalData": "special", "article9Basis": {"article": "9.2.a", "ref": "CONSENT-9"}})

open := {"id": "public/any", "personalData": "none"}

release(datasets) := {
	"lists": {"placeholders": ["tbd"], "cardPlaceholders": ["more information needed"]},
	"manifest": {"spec": {"data": datasets}},
}

based(basis) := release([object.union(object.remove(tickets, ["legalBasis"]), {"legalBasis": basis})])

test_pass if {
	lib.outcome(dat_06) == "pass" with input as release([open, tickets])
}

test_pass_special if {
	every class in ["special", "phi", "unknown"] {
		lib.outcome(dat_06) == "pass" with input as release([object.union(health, {"personalData": class})])
	}
	lib.outcome(dat_06) == "pass" with input as release([object.remove(health, ["personalData"])])
}

test_fail_no_such_point if {
	every article in ["6", "6.1", "6.1.g", "6.2.a", "7.1.a", "9.2.a", "consent", "TBD", "[More Information Needed]"] {
		found := dat_06.fail with input as based({"article": article, "ref": "LIA-114"})
		{[f.pointer, object.get(f, "fix", "")] | some f in found} == {["/spec/data/0/legalBasis/article", ""]}
	}
}

test_fail_point_in_another_spelling_with_fix if {
	every article in ["6(1)(f)", "Art. 6(1) f", "Article 6 (1)(f)", "6.1(f)", "6.1.F"] {
		found := dat_06.fail with input as based({"article": article, "ref": "LIA-114"})
		{f.fix | some f in found} == {"6.1.f"}
	}
}

test_fail_placeholder_reference if {
	every ref in ["TBD", "?", "[More Information Needed]", "pending"] {
		lib.outcome(dat_06) == "fail" with input as based({"article": "6.1.f", "ref": ref})
	}
}

test_fail_article_6_where_9_is_asked if {
	lib.outcome(dat_06) == "fail" with input as release([object.union(health, {"article9Basis": {"article": "6.1.a"}})])
}

test_missing if {
	lib.outcome(dat_06) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(dat_06) == "missing" with input as release([])
	lib.outcome(dat_06) == "missing" with input as release([open, object.remove(tickets, ["legalBasis"])])
	lib.outcome(dat_06) == "missing" with input as based({"article": "6.1.f"})
	lib.outcome(dat_06) == "missing" with input as based({"ref": "LIA-114"})
	lib.outcome(dat_06) == "missing" with input as based({"article": " ", "ref": ""})
}

test_missing_article_9 if {
	every class in ["special", "phi", "unknown"] {
		found := dat_06.missing with input as release([object.union(tickets, {"personalData": class})])
		{f.pointer | some f in found} == {"/spec/data/0"}
	}
	lib.outcome(dat_06) == "missing" with input as release([object.remove(tickets, ["personalData"])])
}

test_not_applicable if {
	lib.outcome(dat_06) == "not-applicable" with input as release([open])
}
