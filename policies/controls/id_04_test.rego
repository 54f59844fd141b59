package lumos.controls.id_04_test

import data.lumos.controls.id_04
import data.lumos.lib

release(artifacts) := {
	"lists": {"unsafeFormats": ["pickle", "pt", "bin"]},
	"manifest": {"spec": {"artifacts": artifacts, "evidence": [{"id": "ev-scan"}]}},
}

safe := {"name": "model.safetensors", "format": "safetensors"}

test_pass_safe_format if {
	lib.outcome(id_04) == "pass" with input as release([safe])
}

test_pass_scanned if {
	lib.outcome(id_04) == "pass" with input as release([{"name": "model.pt", "scan": {"status": "safe", "evidence": "ev-scan"}}])
}

test_fail_pickle if {
	lib.outcome(id_04) == "fail" with input as release([safe, {"name": "pytorch_model.bin", "format": "pytorch"}])
	lib.outcome(id_04) == "fail" with input as release([{"name": "weights", "format": "Pickle"}])
}

test_fail_pickle_in_disguise if {
	lib.outcome(id_04) == "fail" with input as release([{"name": "model.pt", "format": "safetensors"}])
}

test_fail_scan_found_something if {
	lib.outcome(id_04) == "fail" with input as release([object.union(safe, {"scan": {"status": "unsafe", "evidence": "ev-scan"}})])
}

test_missing_scan_report if {
	lib.outcome(id_04) == "missing" with input as release([{"name": "model.pt", "scan": {"status": "safe"}}])
	lib.outcome(id_04) == "missing" with input as release([{"name": "model.pt", "scan": {"status": "safe", "evidence": "ev-other"}}])
}

test_missing_format if {
	lib.outcome(id_04) == "missing" with input as release([{"name": "weights"}])
}

test_missing_artifacts if {
	lib.outcome(id_04) == "missing" with input as release([])
}
