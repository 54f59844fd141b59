# METADATA
# title: Safe serialization and clean scan
# description: >-
#   Loading the model cannot run code hidden in it: no pickle-like artifact, unless a scan with
#   evidence found it safe. A scan with any other result fails whatever the format.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-04
#   severity: critical
#   mode: mandatory
#   remediation: "Convert to safetensors or attach a scan report"
#   frameworks:
#     nist-ai-rmf: [MANAGE 3.1]
#     nist-ai-600-1: [MG-3.1-002]
#     eu-ai-act: ["15.5"]
#     gdpr: ["32.1.b"]
#     iso-42001: ["A.10.3"]
package lumos.controls.id_04

import data.lumos.lib

unsafe(artifact) if lib.any_listed(lib.formats(artifact), input.lists.unsafeFormats)

# A clean scan counts with its report only.
scanned(artifact) if {
	artifact.scan.status == "safe"
	lib.evidence_listed(artifact.scan.evidence)
}

judged(artifact) if lib.filled(artifact.scan.status)

found_unsafe(artifact) if {
	lib.filled(artifact.scan.status)
	artifact.scan.status != "safe"
}

harmless(artifact) if {
	count(lib.formats(artifact)) > 0
	not unsafe(artifact)
	not found_unsafe(artifact)
}

harmless(artifact) if scanned(artifact)

any_artifact if count(input.manifest.spec.artifacts) > 0

missing contains {"message": "no artifact is listed", "pointer": "/spec/artifacts"} if {
	not pass
	not any_artifact
}

missing contains {
	"message": sprintf("the format of artifact %q is not stated, and its name does not tell it", [lib.label(artifact, i)]),
	"pointer": sprintf("/spec/artifacts/%d/format", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	count(lib.formats(artifact)) == 0
	not scanned(artifact)
}

missing contains {
	"message": sprintf("artifact %q is said to be scanned and safe, but the evidence it names is not listed", [lib.label(artifact, i)]),
	"pointer": sprintf("/spec/artifacts/%d/scan", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	unsafe(artifact)
	artifact.scan.status == "safe"
	not scanned(artifact)
}

fail contains {
	"message": sprintf("artifact %q can run code when loaded (%s), and no scan found it safe", [
		lib.label(artifact, i),
		concat(", ", sort(lib.formats(artifact))),
	]),
	"pointer": sprintf("/spec/artifacts/%d/format", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	unsafe(artifact)
	not judged(artifact)
}

fail contains {
	"message": sprintf("the scan of artifact %q says %q", [lib.label(artifact, i), artifact.scan.status]),
	"pointer": sprintf("/spec/artifacts/%d/scan/status", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	found_unsafe(artifact)
}

pass if {
	any_artifact
	every artifact in input.manifest.spec.artifacts {
		harmless(artifact)
	}
}
