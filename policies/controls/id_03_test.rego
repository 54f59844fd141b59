package lumos.controls.id_03_test

import data.lumos.controls.id_03
import data.lumos.lib

release(signature, tier) := {
	"lists": {"trustedSigners": ["release@acme.example"]},
	"tier": {"effective": tier},
	"manifest": {"spec": {"signature": signature}},
}

signed := {"verified": true, "identity": "release@acme.example"}

test_pass if {
	lib.outcome(id_03) == "pass" with input as release(signed, "medium")
}

test_fail_stranger if {
	lib.outcome(id_03) == "fail" with input as release(object.union(signed, {"identity": "mallory@acme.example"}), "medium")
}

test_fail_unverified if {
	lib.outcome(id_03) == "fail" with input as release(object.union(signed, {"verified": false}), "medium")
}

test_missing_signature if {
	lib.outcome(id_03) == "missing" with input as {"lists": {"trustedSigners": []}, "manifest": {"spec": {}}}
}

test_missing_verification_and_identity if {
	lib.outcome(id_03) == "missing" with input as release({"identity": "release@acme.example"}, "medium")
	lib.outcome(id_03) == "missing" with input as release({"verified": true}, "medium")
}

test_mandatory_when_critical if {
	id_03.mandatory with input as release(signed, "critical")
	not id_03.mandatory with input as release(signed, "high")
}
