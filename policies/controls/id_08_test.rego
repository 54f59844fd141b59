package lumos.controls.id_08_test

import data.lumos.controls.id_08
import data.lumos.lib

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/bom.json"

bill := {"id": "ev-bom", "type": "mlbom", "uri": path, "digest": digest, "subjectDigest": weights}

facts := {"format": "cyclonedx", "bom": {"specVersion": "1.6", "components": [{"name": "tokenizer"}, {"name": "model", "digests": [weights]}]}}

read(evidence, facts) := {
	"now": "2026-09-01T00:00:00Z",
	"lists": {"placeholders": ["todo"], "cardPlaceholders": []},
	"evidence": {path: object.union({"sha256": digest, "size": 1234, "text": "{\"bomFormat\": \"CycloneDX\"}"}, facts)},
	"manifest": {"spec": {"artifacts": [{"name": "model.safetensors", "digest": weights}], "evidence": evidence}},
}

release(evidence) := read(evidence, {"facts": facts})

found(bom) := read([bill], {"facts": object.union(facts, {"bom": bom})})

test_pass if {
	lib.outcome(id_08) == "pass" with input as release([bill])
	lib.outcome(id_08) == "pass" with input as found({"specVersion": "1.7"})
	lib.outcome(id_08) == "pass" with input as release([object.remove(bill, ["subjectDigest"])])
}

test_fail_other_version if {
	every version in ["1.5", "1.4", "2.0"] {
		lib.outcome(id_08) == "fail" with input as found({"specVersion": version})
	}
	lib.outcome(id_08) == "fail" with input as read([bill], {"facts": {"format": "cyclonedx"}})
}

test_fail_other_model if {
	lib.outcome(id_08) == "fail" with input as found({"components": [{"name": "model", "digests": [digest]}]})
	lib.outcome(id_08) == "fail" with input as found({"components": []})
	lib.outcome(id_08) == "fail" with input as found({"components": [{"name": "model.safetensors", "digests": []}]})
}

test_fail_unreadable if {
	broken := read([bill], {"facts": {"format": "cyclonedx", "error": "line 3: unexpected end"}})
	{f.message | some f in id_08.fail} == {"evidence/triage/bom.json is no CycloneDX document that can be read: line 3: unexpected end"} with input as broken
	lib.outcome(id_08) == "fail" with input as read([bill], {})
	lib.outcome(id_08) == "fail" with input as read([bill], {"facts": {"format": "sarif"}})
}

test_fail_changed_expired_or_of_other_weights if {
	every change in [{"digest": weights}, {"expiresAt": "2026-09-01T00:00:00Z"}, {"subjectDigest": digest}, {"producedAt": "2026-09-02T00:00:00Z"}] {
		lib.outcome(id_08) == "fail" with input as release([object.union(bill, change)])
	}
}

test_fail_one_of_two if {
	lib.outcome(id_08) == "fail" with input as release([bill, object.union(bill, {"id": "second", "digest": weights})])
}

test_missing if {
	lib.outcome(id_08) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(id_08) == "missing" with input as release([])
	lib.outcome(id_08) == "missing" with input as release([object.union(bill, {"type": "sbom"})])
	lib.outcome(id_08) == "missing" with input as release([object.union(bill, {"uri": "evidence/gone.json"})])
	lib.outcome(id_08) == "missing" with input as release([object.union(bill, {"uri": "https://acme.example/bom.json"})])
}
