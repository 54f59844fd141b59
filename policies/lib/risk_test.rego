package lumos.risk_test

import data.lumos.risk

lists := {"placeholders": ["tbd", "n/a", "unknown"], "cardPlaceholders": ["more information needed", "[insert "]}

of(spec) := {"now": "2026-09-01T00:00:00Z", "lists": lists, "manifest": {"spec": spec}}

test_states if {
	every text in ["Rank tickets", "9f3c", "#triage-ml", "[CRO] signs", "手动审核", "no personal data leaves the EU"] {
		risk.states(text) with input as of({})
		not risk.hollow(text) with input as of({})
	}
}

test_states_nothing if {
	every text in ["TBD", "tbd.", "[TBD]", "<tbd>", " n/a ", "N/A!", "...", "-", "()", "Yes", "no.", "not applicable", "pending", "[More Information Needed]", "Bias: [More Information Needed].", "[Insert name]"] {
		not risk.states(text) with input as of({})
		risk.hollow(text) with input as of({})
	}
	every text in ["", " ", null, 3] {
		not risk.states(text) with input as of({})
		not risk.hollow(text) with input as of({})
	}
}

test_personal_data if {
	free := {"data": [{"personalData": "none"}], "risk": {"factors": {"data": 1}}}
	not risk.personal_data with input as of(free)
	risk.personal_data with input as of({})
	risk.personal_data with input as of(object.union(free, {"data": []}))
	risk.personal_data with input as of(object.union(free, {"data": [{"personalData": "none"}, {"id": "x"}]}))
	risk.personal_data with input as of(object.union(free, {"data": [{"personalData": "unknown"}]}))
	risk.personal_data with input as of(object.union(free, {"risk": {"factors": {"data": 2}}}))
	risk.personal_data with input as of(object.remove(free, ["risk"]))
}

test_affects_persons if {
	nobody := {"intendedUse": {"deployment": {"affectsPersons": false}}}
	not risk.affects_persons with input as of(nobody)
	risk.affects_persons with input as of({})
	risk.affects_persons with input as of(object.union(nobody, {"risk": {"factors": {"impact": 3}}}))
}

test_in_eu if {
	in_eu := {regions |
		some regions in [["EU"], ["US", "de"], ["worldwide"], [], [""], ["TBD"], ["US", "NO"]]
		risk.in_eu with input as of({"intendedUse": {"deployment": {"regions": regions}}})
	}
	count(in_eu) == 7
	risk.in_eu with input as of({})
	not risk.in_eu with input as of({"intendedUse": {"deployment": {"regions": ["US", "GB"]}}})
}

test_high_risk if {
	risk.high_risk with input as of({"risk": {"euAiAct": {"class": "prohibited"}}})
	not risk.high_risk with input as of({"risk": {"euAiAct": {"class": "limited", "annexIII": "5.b"}}})
	risk.high_risk with input as of({"risk": {"euAiAct": {"annexIII": "5.b"}}})
	not risk.high_risk with input as of({"risk": {"euAiAct": {"annexIII": "n/a"}}})
}

test_adapted if {
	every spec in [
		{"model": {"baseModels": [{}]}},
		{"model": {"adaptation": {"method": "lora"}}},
		{"model": {"adaptation": {"summary": "3 epochs"}}},
		{"change": {"type": "finetune"}},
	] {
		risk.adapted with input as of(spec)
	}
	not risk.adapted with input as of({"model": {"baseModels": [], "adaptation": {"method": "n/a"}}, "change": {"type": "patch"}})
}

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

digest := "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

report := {"id": "ev", "type": "report", "uri": "evidence/a.json", "digest": digest}

with_file(e) := object.union(of({"artifacts": [{"digest": weights}], "evidence": [e]}), {"evidence": {"evidence/a.json": {"sha256": digest, "size": 9, "text": "some text"}}})

sound(fields) if {
	e := object.union(report, fields)
	given := with_file(e)
	risk.sound(e) with input as given
	count(risk.wrong) == 0 with input as given
	count(risk.lacking) == 0 with input as given
}

test_sound if {
	sound({})
	sound({"subjectDigest": weights})
	sound({"uri": "https://acme.example/a.json"})
	sound({"producedAt": "2026-09-01T00:00:00Z", "expiresAt": "2026-09-01T00:00:01Z"})
	sound({"producedAt": "1066-10-14T00:00:00Z", "expiresAt": "9999-12-31T23:59:59Z"})
	sound({"expiresAt": "2026-09-01T01:00:00+00:30"})
}

# unsound: it does not count, and exactly one finding says why, in the rule that is given.
unsound(e, rule) if {
	given := with_file(e)
	not risk.sound(e) with input as given
	found := {"wrong": risk.wrong, "lacking": risk.lacking} with input as given
	count(found[rule][0]) == 1
	count(found.wrong) + count(found.lacking) == 1
}

test_unsound if {
	every fields in [
		{"digest": "sha256:1111111111111111111111111111111111111111111111111111111111111111"},
		{"uri": "https://acme.example/a", "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"uri": "https://acme.example/a", "digest": weights},
		{"subjectDigest": digest},
		{"expiresAt": "2026-09-01T00:00:00Z"},
		{"expiresAt": "1500-01-01T00:00:00Z"},
		{"producedAt": "2026-09-01T00:00:00.5Z"},
		{"producedAt": "2300-01-01T00:00:00Z"},
	] {
		unsound(object.union(report, fields), "wrong")
	}
	unsound(object.union(report, {"uri": "evidence/gone.json"}), "lacking")
	unsound(object.remove(report, ["uri"]), "lacking")
	unsound(object.remove(report, ["digest"]), "lacking")
}

test_unsound_without_a_time if {
	not risk.sound(report) with input as json.remove(with_file(report), ["now"])
}

test_unsound_file if {
	every file in [{"size": 0}, {"size": 1, "text": "\n"}, {"size": 4, "text": "TBD."}, {"size": 2, "text": "{}"}] {
		given := object.union(of({"evidence": [report]}), {"evidence": {"evidence/a.json": object.union(file, {"sha256": digest})}})
		not risk.sound(report) with input as given
		count(risk.wrong[0]) == 1 with input as given
	}
	failed := object.union(of({"evidence": [report]}), {"evidence": {"evidence/a.json": {"error": "too large"}}})
	not risk.sound(report) with input as failed
	count(risk.lacking[0]) == 1 with input as failed
}

test_backed if {
	risk.backed("ev", ["report"]) with input as with_file(report)
	not risk.backed("ev", ["scan"]) with input as with_file(report)
	not risk.backed("other", ["report"]) with input as with_file(report)
	count(risk.amiss("ev", ["report"], "/x")) == 0 with input as with_file(report)
	count(risk.absent("ev", "/x")) == 0 with input as with_file(report)
	{f.pointer | some f in risk.amiss("ev", ["scan"], "/x")} == {"/x"} with input as with_file(report)
	{f.pointer | some f in risk.amiss("ev", ["scan"], "/x")} == {"/x"} with input as with_file(object.remove(report, ["type"]))
	{f.pointer | some f in risk.absent("other", "/x")} == {"/x"} with input as with_file(report)
}
