# METADATA
# title: Immutable revision pinned
# description: >-
#   The source names exact bytes: a commit or a sha256, never a branch, a tag or an alias, which
#   can move after the approval.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-01
#   severity: critical
#   mode: mandatory
#   remediation: "Replace the branch, tag or alias in source.revision by what it stood for when the release was tested: the commit (40 hex digits) or sha256 that the registry reports"
#   frameworks:
#     nist-ai-rmf: [GOVERN 1.6]
#     nist-ai-600-1: [GV-1.6-003]
#     eu-ai-act: ["11.1"]
#     iso-42001: ["A.6.2.3"]
#     mrm-sr-26-2: [inventory]
package lumos.controls.id_01

import data.lumos.lib

immutable := `^([0-9a-f]{40}|(sha256:)?[0-9a-f]{64})$`

recorded if lib.filled(input.manifest.spec.source.revision)

missing contains {
	"message": "no revision is recorded: nobody can tell which bytes were judged",
	"pointer": "/spec/source/revision",
} if {
	not pass
	not recorded
}

fail contains {
	"message": sprintf("revision %q can move: a commit of 40 hex digits or a sha256 is needed", [revision]),
	"pointer": "/spec/source/revision",
} if {
	not pass
	revision := input.manifest.spec.source.revision
	lib.filled(revision)
	not regex.match(immutable, revision)
}

pass if regex.match(immutable, input.manifest.spec.source.revision)
