package lumos.controls.id_02_test

import data.lumos.controls.id_02
import data.lumos.lib

digest := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

weights := {"name": "model.safetensors", "digest": digest, "size": 4976698672, "format": "safetensors"}

card := {"name": "README.md", "digest": digest, "size": 120}

release(artifacts) := {
	"lists": {"weightFormats": ["safetensors", "gguf"]},
	"manifest": {"spec": {"artifacts": artifacts}},
}

test_pass if {
	lib.outcome(id_02) == "pass" with input as release([weights, card])
}

test_pass_weights_by_name if {
	lib.outcome(id_02) == "pass" with input as release([object.remove(weights, ["format"])])
}

test_fail_malformed_digest if {
	lib.outcome(id_02) == "fail" with input as release([weights, object.union(card, {"digest": "sha256:9f86"})])
	lib.outcome(id_02) == "fail" with input as release([object.union(weights, {"digest": "md5:9f86d081884c7d659a2feaa0c55ad015"})])
}

test_fail_empty_artifact if {
	found := id_02.fail with input as release([card, object.union(weights, {"size": 0})])
	{f.pointer | some f in found} == {"/spec/artifacts/1/size"}
}

test_missing if {
	lib.outcome(id_02) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(id_02) == "missing" with input as release([])
}

test_missing_weights if {
	lib.outcome(id_02) == "missing" with input as release([card])
}

test_missing_digest_and_size if {
	found := id_02.missing with input as release([weights, {"name": "config.json"}])
	{f.pointer | some f in found} == {"/spec/artifacts/1/digest", "/spec/artifacts/1/size"}
}
