package lumos.controls.doc_06_test

import data.lumos.controls.doc_06
import data.lumos.lib

release(license) := {
	"lists": {"allowedLicenses": ["Apache-2.0", "MIT", "LicenseRef-acme"], "placeholders": ["tbd"]},
	"manifest": {"spec": {"model": {"license": license}}},
}

apache := {"spdx": "Apache-2.0", "sources": {"cardData": "apache-2.0", "tag": "license:apache-2.0", "file": "Apache-2.0"}}

test_pass if {
	lib.outcome(doc_06) == "pass" with input as release(apache)
}

test_pass_own_licence if {
	lib.outcome(doc_06) == "pass" with input as release({"spdx": "LicenseRef-acme", "sources": {"cardData": "other"}})
}

test_fail_not_allowed if {
	found := doc_06.fail with input as release({"spdx": "GPL-3.0-only", "sources": {"tag": "gpl-3.0-only"}})
	{f.pointer | some f in found} == {"/spec/model/license/spdx"}
}

test_fail_other_spelling_with_fix if {
	every spdx in ["Apache 2.0", "apache_2.0", "Apache--2.0"] {
		found := doc_06.fail with input as release({"spdx": spdx, "sources": {"tag": spdx}})
		{f.fix | some f in found} == {"Apache-2.0"}
	}
	every spdx in ["Apache 2", "Apache-2.0+", "GPL-3.0-only"] {
		found := doc_06.fail with input as release({"spdx": spdx, "sources": {"tag": spdx}})
		{f.fix | some f in found} == set()
	}
}

test_fail_two_licences_of_one_spelling_have_no_fix if {
	given := object.union(release({"spdx": "Apache 2.0", "sources": {"tag": "Apache 2.0"}}), {"lists": {"allowedLicenses": ["Apache-2.0", "Apache2.0"]}})
	found := doc_06.fail with input as given
	count(found) == 1
	{f.fix | some f in found} == set()
}

test_fail_sources_disagree if {
	found := doc_06.fail with input as release(object.union(apache, {"sources": {"file": "MIT"}}))
	{f.pointer | some f in found} == {"/spec/model/license/sources/file"}
}

test_fail_empty_list if {
	lib.outcome(doc_06) == "fail" with input as object.union(release(apache), {"lists": {"allowedLicenses": []}})
}

test_missing_identifier if {
	lib.outcome(doc_06) == "missing" with input as {"manifest": {"spec": {}}}
	every spdx in ["", "NOASSERTION", "other", "TBD"] {
		lib.outcome(doc_06) == "missing" with input as release({"spdx": spdx, "sources": {"tag": spdx}})
	}
}

test_missing_sources if {
	lib.outcome(doc_06) == "missing" with input as release({"spdx": "MIT"})
	lib.outcome(doc_06) == "missing" with input as release({"spdx": "MIT", "sources": {"tag": ""}})
}
