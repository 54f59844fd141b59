# METADATA
# title: Every artifact digested
# description: >-
#   Every artifact has a sha256 and a size, and at least one of them holds weights: else nobody
#   can tell what was approved.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-02
#   severity: critical
#   mode: mandatory
#   remediation: "Record the sha256 and the size of every artifact; registries report them (Hugging Face: lfs.sha256)"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.7]
#     nist-ai-600-1: [MS-2.7-005]
#     eu-ai-act: ["15.5"]
#     gdpr: ["32.1.b"]
#     iso-42001: ["A.6.2.5"]
#     hipaa: ["164.312(c)"]
package lumos.controls.id_02

import data.lumos.lib

stated(artifact) if lib.filled(artifact.digest)

sized(artifact) if is_number(artifact.size)

digested(artifact) if {
	regex.match(`^sha256:[0-9a-f]{64}$`, artifact.digest)
	artifact.size > 0
}

holds_weights(artifact) if lib.any_listed(lib.formats(artifact), input.lists.weightFormats)

any_weights if {
	some artifact in input.manifest.spec.artifacts
	holds_weights(artifact)
}

any_artifact if count(input.manifest.spec.artifacts) > 0

missing contains {"message": "no artifact is listed", "pointer": "/spec/artifacts"} if {
	not pass
	not any_artifact
}

missing contains {
	"message": "no artifact holds weights, as far as its format and name say (see lists.weightFormats)",
	"pointer": "/spec/artifacts",
} if {
	not pass
	any_artifact
	not any_weights
}

missing contains {
	"message": sprintf("artifact %q has no digest", [lib.label(artifact, i)]),
	"pointer": sprintf("/spec/artifacts/%d/digest", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	not stated(artifact)
}

missing contains {
	"message": sprintf("artifact %q has no size", [lib.label(artifact, i)]),
	"pointer": sprintf("/spec/artifacts/%d/size", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	not sized(artifact)
}

fail contains {
	"message": sprintf("artifact %q: digest %q is not \"sha256:\" and 64 hex digits", [lib.label(artifact, i), artifact.digest]),
	"pointer": sprintf("/spec/artifacts/%d/digest", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	lib.filled(artifact.digest)
	not regex.match(`^sha256:[0-9a-f]{64}$`, artifact.digest)
}

fail contains {
	"message": sprintf("artifact %q is empty (size %d)", [lib.label(artifact, i), artifact.size]),
	"pointer": sprintf("/spec/artifacts/%d/size", [i]),
} if {
	not pass
	some i, artifact in input.manifest.spec.artifacts
	is_number(artifact.size)
	artifact.size <= 0
}

pass if {
	any_weights
	every artifact in input.manifest.spec.artifacts {
		digested(artifact)
	}
}
