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

test_fail_only_claimed_when_critical if {
	lib.outcome(id_03) == "fail" with input as release(signed, "critical")
	lib.outcome(id_03) == "pass" with input as release(signed, "high")
}

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

config := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

verified := {"identity": "release@acme.example", "issuer": "https://accounts.acme.example", "verified": true}

# bundle gives a release whose signature's evidence is a bundle with these facts.
bundle(claimed, signer, facts) := {
	"lists": {"trustedSigners": ["release@acme.example"]},
	"tier": {"effective": "critical"},
	"evidence": {"model.sig": {"facts": object.union({"format": "model-signing", "signer": signer, "subjects": [{"name": "w", "digest": weights}, {"name": "c", "digest": config}]}, facts)}},
	"manifest": {"spec": {
		"artifacts": [{"name": "model.safetensors", "digest": weights}, {"name": "config.json", "digest": config}],
		"signature": object.union({"evidence": "ev-sig"}, claimed),
		"evidence": [{"id": "ev-sig", "uri": "model.sig"}],
	}},
}

found(claimed, signer, facts) := {[f.pointer, f.message] | some f in result} if {
	result := id_03.fail with input as bundle(claimed, signer, facts)
}

test_pass_verified_bundle if {
	lib.outcome(id_03) == "pass" with input as bundle({}, verified, {})
	lib.outcome(id_03) == "pass" with input as bundle({"identity": verified.identity, "issuer": verified.issuer, "verified": true}, verified, {})
	lib.outcome(id_03) == "pass" with input as bundle({}, {"identity": verified.identity, "verified": true}, {})
}

test_fail_bundle_that_is_not_verified if {
	found(signed, {"identity": "release@acme.example", "verified": false, "reason": "no Sigstore is trusted"}, {}) == {["/spec/signature/evidence", "the signature model.sig is not verified: no Sigstore is trusted"]}
}

test_fail_bundle_of_a_stranger if {
	found({}, object.union(verified, {"identity": "mallory@acme.example"}), {}) == {["/spec/signature/evidence", "model.sig is signed by \"mallory@acme.example\", who is not on lists.trustedSigners"]}
}

test_fail_bundle_of_somebody_else if {
	found({"identity": "other@acme.example"}, verified, {}) == {["/spec/signature/identity", "model.sig is signed by \"release@acme.example\", the manifest says \"other@acme.example\""]}
}

test_fail_bundle_of_another_issuer if {
	found({"issuer": "https://other.example"}, verified, {}) == {["/spec/signature/issuer", "the signer of model.sig is vouched for by \"https://accounts.acme.example\", the manifest says \"https://other.example\""]}
}

test_fail_bundle_of_other_artifacts if {
	found({}, verified, {"subjects": [{"name": "w", "digest": weights}]}) == {["/spec/artifacts/1", "model.sig does not cover artifact \"config.json\""]}
	lib.outcome(id_03) == "fail" with input as bundle({}, verified, {"subjects": []})
	without := json.remove(bundle({}, verified, {}), ["manifest/spec/artifacts/0/digest"])
	lib.outcome(id_03) == "fail" with input as without
}

test_fail_broken_bundle if {
	found(signed, {"verified": false, "reason": "x"}, {"error": "it contradicts itself"}) == {
		["/spec/signature/evidence", "the signature model.sig: it contradicts itself"],
		["/spec/signature/evidence", "the signature model.sig is not verified: x"],
	}
}

test_missing_artifacts if {
	given := bundle({}, verified, {})
	spec := object.union(given.manifest.spec, {"artifacts": []})
	lib.outcome(id_03) == "missing" with input as object.union(given, {"manifest": {"spec": spec}})
}
