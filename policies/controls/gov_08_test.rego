package lumos.controls.gov_08_test

import data.lumos.controls.gov_08
import data.lumos.lib

release(metadata) := {"lists": {"placeholders": ["tbd"]}, "manifest": {"metadata": metadata}}

test_pass if {
	lib.outcome(gov_08) == "pass" with input as release({"owner": {"team": "support-ml"}, "authors": ["@ana", "@joe-b", "@renovate[bot]"]})
	lib.outcome(gov_08) == "pass" with input as release({"owner": {"person": "@ana"}, "authors": ["@joe"]})
}

test_fail_author_without_account if {
	found := gov_08.fail with input as release({"owner": {"team": "support-ml"}, "authors": ["@ana", "Joe Smith", "@", "@a b"]})
	{f.pointer | some f in found} == {"/metadata/authors/1", "/metadata/authors/2", "/metadata/authors/3"}
}

test_missing if {
	lib.outcome(gov_08) == "missing" with input as release({})
	lib.outcome(gov_08) == "missing" with input as release({"owner": {"team": "tbd"}, "authors": ["@ana"]})
	lib.outcome(gov_08) == "missing" with input as release({"owner": {"team": "support-ml"}, "authors": []})
}
