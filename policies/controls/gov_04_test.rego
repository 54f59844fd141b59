package lumos.controls.gov_04_test

import data.lumos.controls.gov_04
import data.lumos.lib

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

path := "evidence/triage/dpia.md"

dpia := {"id": "ev-dpia", "type": "dpia", "uri": path, "digest": digest}

of(spec) := {
	"now": "2026-09-01T00:00:00Z",
	"lists": {"placeholders": ["tbd"], "cardPlaceholders": ["more information needed"]},
	"evidence": {path: {"sha256": digest, "size": 900, "text": "Necessity, risks, measures."}},
	"manifest": {"spec": spec},
}

# A release that needs none.
plain := {
	"data": [{"id": "acme/tickets", "personalData": "personal"}],
	"risk": {"factors": {"data": 2, "impact": 1}, "euAiAct": {"class": "minimal"}},
	"intendedUse": {"deployment": {"regions": ["EU"], "affectsPersons": true}},
}

special := object.union(plain, {"data": [{"id": "acme/notes", "personalData": "phi"}]})

release(dpia, evidence) := of(object.union(special, {"privacy": {"dpia": dpia}, "evidence": evidence}))

linked := {"ref": "DPIA-88", "evidence": "ev-dpia"}

changed(fields) := release(linked, [object.union(dpia, fields)])

test_pass if {
	lib.outcome(gov_04) == "pass" with input as release(linked, [dpia])
	lib.outcome(gov_04) == "pass" with input as release({"evidence": "ev-dpia"}, [dpia])
}

test_pass_by_type_alone if {
	lib.outcome(gov_04) == "pass" with input as of(object.union(special, {"evidence": [dpia]}))
}

test_fail_other_document if {
	found := gov_04.fail with input as changed({"type": "impact-assessment"})
	{f.pointer | some f in found} == {"/spec/privacy/dpia/evidence"}
	lib.outcome(gov_04) == "fail" with input as release(linked, [dpia, object.union(dpia, {"id": "card", "type": "model-card"})])
}

test_fail_named_one_counts_alone if {
	lib.outcome(gov_04) == "fail" with input as release(linked, [object.union(dpia, {"expiresAt": "2026-01-01T00:00:00Z"}), object.union(dpia, {"id": "another"})])
}

test_fail_does_not_count if {
	every fields in [
		{"digest": "sha256:1111111111111111111111111111111111111111111111111111111111111111"},
		{"expiresAt": "2026-09-01T00:00:00Z"},
		{"producedAt": "2027-01-01T00:00:00Z"},
		{"subjectDigest": digest},
	] {
		lib.outcome(gov_04) == "fail" with input as changed(fields)
		lib.outcome(gov_04) == "fail" with input as of(object.union(special, {"evidence": [object.union(dpia, fields)]}))
	}
}

test_fail_blanks if {
	given := json.patch(release(linked, [dpia]), [{"op": "replace", "path": "/evidence/evidence~1triage~1dpia.md/text", "value": "Risks: [More Information Needed]"}])
	lib.outcome(gov_04) == "fail" with input as given
}

test_fail_placeholder_reference if {
	every ref in ["TBD", "pending", "[More Information Needed]"] {
		found := gov_04.fail with input as release({"ref": ref, "evidence": "ev-dpia"}, [dpia])
		{f.pointer | some f in found} == {"/spec/privacy/dpia/ref"}
	}
}

test_missing if {
	{f.message | some f in gov_04.missing} == {"no DPIA is linked, which is needed since dataset \"acme/notes\" holds data of the class phi"} with input as of(special)
	lib.outcome(gov_04) == "missing" with input as of({})
	lib.outcome(gov_04) == "missing" with input as release({"ref": "DPIA-88"}, [])
	lib.outcome(gov_04) == "missing" with input as release(linked, [])
	lib.outcome(gov_04) == "missing" with input as changed({"uri": "evidence/gone.md"})
}

needed(fields) if lib.outcome(gov_04) == "missing" with input as of(object.union(plain, fields))

test_missing_where_it_is_needed if {
	needed({"data": [{"id": "x", "personalData": "special"}]})
	needed({"risk": {"factors": {"data": 3}}})
	needed({"risk": {"factors": {"impact": 3}}})
	needed({"risk": {"euAiAct": {"class": "high"}}})
}

without(fields) if lib.outcome(gov_04) == "missing" with input as of(json.remove(plain, fields))

test_missing_where_nobody_can_tell if {
	needed({"data": [{"id": "x", "personalData": "unknown"}]})
	needed({"data": [{"id": "x"}]})
	needed({"data": []})
	without(["risk/factors/data"])
	without(["risk/factors/impact"])
	without(["risk/euAiAct/class"])
	without(["risk/euAiAct/class", "intendedUse/deployment/regions"])
}

nothing_personal := {
	"data": [{"id": "acme/bolts", "personalData": "none"}],
	"risk": {"factors": {"data": 1, "impact": 3}, "euAiAct": {"class": "high"}},
	"intendedUse": {"deployment": {"regions": ["EU"], "affectsPersons": false}},
}

test_not_applicable if {
	lib.outcome(gov_04) == "not-applicable" with input as of(plain)
	lib.outcome(gov_04) == "not-applicable" with input as of(object.union(json.remove(plain, ["risk/euAiAct"]), {"intendedUse": {"deployment": {"regions": ["US"]}}}))
	lib.outcome(gov_04) == "not-applicable" with input as of(nothing_personal)
}

test_missing_where_persons_are_concerned_after_all if {
	lib.outcome(gov_04) == "missing" with input as of(object.union(nothing_personal, {"risk": {"factors": {"data": 2}}}))
	lib.outcome(gov_04) == "missing" with input as of(json.remove(nothing_personal, ["intendedUse/deployment/affectsPersons"]))
}
