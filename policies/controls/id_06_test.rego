package lumos.controls.id_06_test

import data.lumos.controls.id_06
import data.lumos.lib

commit := "1cfa9a7208912126459214e8b04321603b3df60c"

path := "releases/qwen3-4b/1.0.0.yaml"

base := {"id": "Qwen/Qwen3-4B", "revision": commit, "relation": "finetune", "release": path}

released := {"metadata": {"name": "qwen3-4b", "version": "1.0.0"}, "spec": {"source": {"modelId": "Qwen/Qwen3-4B", "revision": commit}}}

with_model(model, releases) := {
	"lists": {"placeholders": ["tbd"], "cardPlaceholders": ["more information needed"], "baseModelExceptions": [sprintf("acme/base@%s", [commit])]},
	"releases": releases,
	"manifest": {"metadata": {"name": "support-triage", "version": "2.3.0"}, "spec": {"model": model}},
}

release(bases) := with_model({"baseModels": bases}, {path: released})

changed(fields) := release([object.union(base, fields)])

test_pass if {
	lib.outcome(id_06) == "pass" with input as release([base])
}

test_pass_exception if {
	lib.outcome(id_06) == "pass" with input as release([base, {"id": "acme/base", "revision": commit}])
}

test_pass_digest_in_two_spellings if {
	digest := "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	other := {"metadata": {"name": "base", "version": "1"}, "spec": {"source": {"modelId": "base", "revision": digest}}}
	lib.outcome(id_06) == "pass" with input as with_model(
		{"baseModels": [{"id": "base", "revision": concat(":", ["sha256", digest]), "release": path}]},
		{path: other},
	)
}

test_fail_moving_revision if {
	found := id_06.fail with input as changed({"revision": "main"})
	"/spec/model/baseModels/0/revision" in {f.pointer | some f in found}
	lib.outcome(id_06) == "fail" with input as changed({"revision": "1cfa9a7"})
}

test_fail_release_of_another_model if {
	found := id_06.fail with input as changed({"id": "Qwen/Qwen3-8B"})
	{f.pointer | some f in found} == {"/spec/model/baseModels/0/release"}
}

test_fail_release_of_another_revision if {
	found := id_06.fail with input as changed({"revision": "0000000000000000000000000000000000000000"})
	{f.pointer | some f in found} == {"/spec/model/baseModels/0/revision"}
}

test_fail_release_without_source if {
	lib.outcome(id_06) == "fail" with input as with_model({"baseModels": [base]}, {path: {"metadata": {}, "spec": {"source": {}}}})
	lib.outcome(id_06) == "fail" with input as with_model({"baseModels": [base]}, {path: object.union(released, {"spec": {"source": {"revision": "x"}}})})
}

test_fail_its_own_release if {
	itself := object.union(released, {"metadata": {"name": "support-triage", "version": "2.3.0"}})
	found := id_06.fail with input as with_model({"baseModels": [base]}, {path: itself})
	{f.pointer | some f in found} == {"/spec/model/baseModels/0/release"}
}

test_fail_wrong_release_despite_exception if {
	lib.outcome(id_06) == "fail" with input as release([{"id": "acme/base", "revision": commit, "release": path}])
}

test_fail_placeholder if {
	every id in ["TBD", "[More Information Needed]", "?"] {
		lib.outcome(id_06) == "fail" with input as changed({"id": id})
	}
}

test_missing_release if {
	lib.outcome(id_06) == "missing" with input as release([object.remove(base, ["release"])])
	lib.outcome(id_06) == "missing" with input as with_model({"baseModels": [base]}, {})
	lib.outcome(id_06) == "missing" with input as release([{"id": "acme/base", "revision": "0000000000000000000000000000000000000000"}])
}

test_missing_id_and_revision if {
	lib.outcome(id_06) == "missing" with input as release([object.remove(base, ["id"])])
	lib.outcome(id_06) == "missing" with input as release([object.remove(base, ["revision"])])
	lib.outcome(id_06) == "missing" with input as release([{}])
}

test_missing_base_of_an_adapted_model if {
	lib.outcome(id_06) == "missing" with input as with_model({"baseModels": [], "adaptation": {"method": "lora"}}, {})
	lib.outcome(id_06) == "missing" with input as {"lists": {}, "manifest": {"spec": {"change": {"type": "finetune"}}}}
}

test_not_applicable if {
	lib.outcome(id_06) == "not-applicable" with input as with_model({"baseModels": []}, {})
	lib.outcome(id_06) == "not-applicable" with input as {"lists": {"placeholders": [], "cardPlaceholders": []}, "manifest": {"spec": {}}}
	lib.outcome(id_06) == "not-applicable" with input as with_model({"adaptation": {"method": "TBD"}}, {})
}
