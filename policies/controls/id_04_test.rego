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

weights := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# reported gives a release whose scan is said to be safe, with what its report says.
reported(name, facts) := {
	"lists": {"unsafeFormats": ["pickle", "pt", "bin"]},
	"evidence": {"scan.sarif": {"facts": facts}},
	"manifest": {"spec": {
		"artifacts": [{"name": name, "digest": weights, "scan": {"status": "safe", "evidence": "ev-scan"}}],
		"evidence": [{"id": "ev-scan", "uri": "scan.sarif"}],
	}},
}

clean := {"scan": {"tool": "s", "errors": 0, "warnings": 2}, "subjects": [{"digest": weights}]}

test_pass_report_says_the_same if {
	every name in ["model.pt", "model.safetensors", "weights"] {
		lib.outcome(id_04) == "pass" with input as reported(name, clean)
	}
	lib.outcome(id_04) == "pass" with input as reported("model.pt", {"scan": {"tool": "s", "errors": 0}})
}

test_fail_report_says_otherwise if {
	every name in ["model.pt", "model.safetensors"] {
		every facts, said in {
			{"scan": {"tool": "s", "errors": 2}}: "found 2 errors",
			{"format": "sarif", "error": "it holds no run"}: "it holds no run",
			object.union(clean, {"subjects": [{"digest": "sha256:00"}]}): concat(" ", ["did not look at", weights]),
		} {
			found := id_04.fail with input as reported(name, facts)
			{f.message | some f in found} == {sprintf("the scan of artifact %q is said to be safe, but its evidence \"ev-scan\" says otherwise: %s", [name, said])}
		}
	}
}

test_fail_report_about_no_digest if {
	without := json.remove(reported("model.pt", clean), ["manifest/spec/artifacts/0/digest"])
	lib.outcome(id_04) == "fail" with input as without
}
