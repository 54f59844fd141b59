# METADATA
# title: Safe serialization and clean scan
# description: >-
#   Loading the model cannot run code hidden in it: no pickle-like artifact, unless a scan with
#   evidence found it safe. A scan with any other result fails whatever the format, and so does one
#   whose evidence says otherwise (SARIF).
# schemas:
#   - input: schema.input
# custom:
#   id: ID-04
#   severity: critical
#   mode: mandatory
#   remediation: "Convert the artifact to safetensors; or scan it, record scan.status: safe, list the report in spec.evidence and name it in scan.evidence"
#   frameworks:
#     nist-ai-rmf: [MANAGE 3.1]
#     nist-ai-600-1: [MG-3.1-002]
#     eu-ai-act: ["15.5"]
#     gdpr: ["32.1.b"]
#     iso-42001: ["A.10.3"]
package lumos.controls.id_04

import data.lumos.claims
import data.lumos.lib

unsafe(artifact) if lib.any_listed(lib.formats(artifact), input.lists.unsafeFormats)

# A clean scan counts with its report only.
scanned(artifact) if {
	artifact.scan.status == "safe"
	reported(artifact)
	not contradicted(artifact)
}

reported(artifact) if lib.evidence_listed(artifact.scan.evidence)

contradicted(artifact) if count(contradictions(artifact)) > 0

# What the scan's own file says against it, where its format is known.
contradictions(artifact) := {reason |
	artifact.scan.status == "safe"
	some uri in claims.files(artifact.scan.evidence)
	some reason in against(input.evidence[uri].facts, artifact)
}

against(facts, artifact) := array.concat(
	array.concat(
		[sprintf("found %d errors", [facts.scan.errors]) | facts.scan.errors > 0],
		[facts.error | facts.error],
	),
	[sprintf("did not look at %s", [digest]) |
		count(facts.subjects) > 0
		digest := object.get(artifact, "digest", "a file without a digest")
		not digest in {s.digest | some s in facts.subjects}
	],
)

judged(artifact) if lib.filled(artifact.scan.status)

found_unsafe(artifact) if {
	lib.filled(artifact.scan.status)
	artifact.scan.status != "safe"
}

harmless(artifact) if {
	count(lib.formats(artifact)) > 0
	not unsafe(artifact)
	not found_unsafe(artifact)
	not contradicted(artifact)
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
	not reported(artifact)
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

fail contains {
	"message": sprintf("the scan of artifact %q is said to be safe, but its evidence %q says otherwise: %s", [
		lib.label(artifact, i),
		artifact.scan.evidence,
		reason,
	]),
	"pointer": sprintf("/spec/artifacts/%d/scan/status", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	some reason in contradictions(artifact)
}

pass if {
	any_artifact
	every artifact in input.manifest.spec.artifacts {
		harmless(artifact)
	}
}
