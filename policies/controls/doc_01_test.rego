package lumos.controls.doc_01_test

import data.lumos.controls.doc_01
import data.lumos.lib

digest := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

card := {"path": "README.md", "digest": digest, "placeholders": 0, "sections": ["intended-use", "limitations", "bias"]}

lists := {"cardSections": ["intended-use", "limitations"], "cardPlaceholders": ["more information needed"]}

release(modelCard) := {"lists": lists, "evidence": {}, "manifest": {"spec": {"modelCard": modelCard}}}

path := "evidence/card.md"

here(file) := {
	"lists": lists,
	"evidence": {path: file},
	"manifest": {"spec": {"modelCard": card, "evidence": [{"id": "card", "type": "model-card", "uri": path}]}},
}

test_pass_elsewhere if {
	lib.outcome(doc_01) == "pass" with input as release(card)
}

test_pass_in_repository if {
	lib.outcome(doc_01) == "pass" with input as here({"sha256": digest, "size": 9, "text": "# Triage\n"})
}

test_fail_own_path if {
	stale := {"README.md": {"sha256": replace(digest, "9", "8"), "size": 9, "text": "# Triage\n"}}
	lib.outcome(doc_01) == "fail" with input as object.union(release(card), {"evidence": stale})
}

test_fail_counted_placeholders if {
	lib.outcome(doc_01) == "fail" with input as release(object.union(card, {"placeholders": 3}))
}

test_fail_lacking_section if {
	lib.outcome(doc_01) == "fail" with input as release(object.union(card, {"sections": ["bias", "limitations"]}))
}

test_fail_placeholder_in_the_file_whatever_the_manifest_says if {
	found := doc_01.fail with input as here({"sha256": digest, "size": 9, "text": "Data: [More Information Needed](x)"})
	{f.pointer | some f in found} == {"/spec/modelCard/placeholders"}
}

test_fail_other_digest if {
	other := replace(digest, "9", "8")
	lib.outcome(doc_01) == "fail" with input as here({"sha256": other, "size": 9, "text": "# Triage\n"})
}

test_fail_unreadable_file if {
	lib.outcome(doc_01) == "fail" with input as here({"error": "too large"})
	lib.outcome(doc_01) == "fail" with input as here({"sha256": digest, "size": 9000000})
	lib.outcome(doc_01) == "fail" with input as object.union(object.remove(here({}), ["evidence"]), {"evidence": {}})
}

test_missing if {
	lib.outcome(doc_01) == "missing" with input as {"manifest": {"spec": {}}}
	every field in ["digest", "placeholders", "sections"] {
		lib.outcome(doc_01) == "missing" with input as release(object.remove(card, [field]))
	}
}
