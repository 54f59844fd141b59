# METADATA
# title: Prompt injection and jailbreak red-team
# description: >-
#   A generative model was attacked by a red team with prompt injection and jailbreaks (an
#   evaluation with test: red-team), and passed. A test counts when it says that it passed, on how
#   many samples, and which report of spec.evidence shows it; the publisher's own word
#   (selfReported) does not. A model counts as generative unless it is declared otherwise and its
#   task agrees, or nothing is declared and its task or outputs generate nothing.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-03
#   severity: high
#   mode: mandatory
#   remediation: "Run the red-team suite on this release, mend what it finds, and attach the report (an evaluation with test: red-team)"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.7]
#     nist-ai-600-1: [MS-2.7-007, MS-2.6-007]
#     eu-ai-act: ["15.5", "55.1.a"]
#     iso-42001: ["A.6.2.4"]
package lumos.controls.saf_03

import data.lumos.evaluation

not_applicable contains evaluation.not_generative

missing contains gap if {
	not pass
	some gap in evaluation.gaps_by("red-team")
}

fail contains failure if {
	not pass
	some failure in evaluation.failures_by("red-team")
}

pass if evaluation.proven_by("red-team")
