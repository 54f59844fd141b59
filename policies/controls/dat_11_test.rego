package lumos.controls.dat_11_test

import data.lumos.controls.dat_11
import data.lumos.lib

clauses := {"country": "IN", "mechanism": "SCC", "ref": "SCC-2026-7"}

of(privacy, hosting, regions, class, factor) := {
	"lists": {
		"placeholders": ["tbd", "na"],
		"cardPlaceholders": ["more information needed"],
		"transferMechanisms": ["adequacy", "SCC", "BCR"],
		"adequateCountries": ["GB", "US"],
		"eeaLocations": ["eu-west-1", "no"],
	},
	"manifest": {"spec": {
		"source": {"hosting": hosting},
		"intendedUse": {"deployment": {"regions": regions}},
		"data": [{"id": "acme/tickets", "personalData": class}],
		"risk": {"factors": {"data": factor}},
		"privacy": privacy,
	}},
}

release(transfers) := of({"transfers": transfers}, {"location": "eu-west-1"}, ["EU"], "personal", 2)

run(location) := of({"transfers": []}, {"location": location}, ["EU"], "personal", 2)

test_pass if {
	lib.outcome(dat_11) == "pass" with input as release([clauses, {"country": "GB", "mechanism": "adequacy"}])
	lib.outcome(dat_11) == "pass" with input as release([object.union(clauses, {"mechanism": "scc"})])
	lib.outcome(dat_11) == "pass" with input as release([object.union(clauses, {"country": "NA"})])
}

test_pass_transfers_count_whatever_the_data_is_said_to_be if {
	lib.outcome(dat_11) == "pass" with input as of({"transfers": [clauses]}, {}, [], "none", 0)
	lib.outcome(dat_11) == "fail" with input as of({"transfers": [object.union(clauses, {"mechanism": "trust"})]}, {}, [], "none", 0)
}

test_fail_mechanism if {
	every mechanism in ["Privacy Shield", "consent", "TBD", "[More Information Needed]", "no"] {
		found := dat_11.fail with input as release([clauses, object.union(clauses, {"mechanism": mechanism})])
		{f.pointer | some f in found} == {"/spec/privacy/transfers/1/mechanism"}
	}
}

test_fail_no_adequacy if {
	every country in ["CN", "United Kingdom"] {
		found := dat_11.fail with input as release([{"country": country, "mechanism": "adequacy"}])
		{f.pointer | some f in found} == {"/spec/privacy/transfers/0/mechanism"}
	}
}

test_fail_placeholder_reference if {
	found := dat_11.fail with input as release([object.union(clauses, {"ref": "TBD"})])
	{f.pointer | some f in found} == {"/spec/privacy/transfers/0/ref"}
}

test_fail_runs_outside_the_eea if {
	every location in ["us-east-1", "eu-west-2", "London"] {
		found := dat_11.fail with input as run(location)
		{f.pointer | some f in found} == {"/spec/privacy/transfers"}
	}
}

test_missing if {
	lib.outcome(dat_11) == "missing" with input as {"lists": {"placeholders": []}, "manifest": {"spec": {}}}
	lib.outcome(dat_11) == "missing" with input as of({}, {"location": "eu-west-1"}, ["EU"], "personal", 2)
	lib.outcome(dat_11) == "missing" with input as of({}, {"location": "us-east-1"}, [], "unknown", 0)
}

test_missing_place if {
	lib.outcome(dat_11) == "missing" with input as of({"transfers": []}, {}, ["EU"], "personal", 2)
	lib.outcome(dat_11) == "missing" with input as run("TBD")
	lib.outcome(dat_11) == "missing" with input as of({"transfers": []}, {}, ["US"], "personal", 2)
}

test_missing_fields if {
	every field in ["country", "mechanism", "ref"] {
		lib.outcome(dat_11) == "missing" with input as release([object.remove(clauses, [field])])
	}
	lib.outcome(dat_11) == "missing" with input as release([{"mechanism": "adequacy"}])
	lib.outcome(dat_11) == "missing" with input as release([object.union(clauses, {"country": "TBD"})])
}

test_not_applicable_without_personal_data if {
	lib.outcome(dat_11) == "not-applicable" with input as of({}, {}, ["EU"], "none", 1)
	lib.outcome(dat_11) == "missing" with input as of({}, {}, ["EU"], "none", 2)
	lib.outcome(dat_11) == "missing" with input as of({}, {}, ["EU"], "none", null)
}

test_not_applicable_within_the_eea if {
	lib.outcome(dat_11) == "not-applicable" with input as run("eu-west-1")
	lib.outcome(dat_11) == "not-applicable" with input as run("NO")
}

test_not_applicable_outside_the_eu if {
	lib.outcome(dat_11) == "not-applicable" with input as of({}, {"location": "us-east-1"}, ["US", "CA"], "personal", 2)
	lib.outcome(dat_11) == "missing" with input as of({}, {"location": "us-east-1"}, ["US", "FR"], "personal", 2)
	lib.outcome(dat_11) == "missing" with input as of({}, {"location": "eu-west-1"}, ["US"], "personal", 2)
}
