# METADATA
# title: Groundedness tested
# description: >-
#   A generative model was tested for statements that its sources do not support (an evaluation with
#   test: groundedness), and passed. A test counts when it says that it passed, on how many samples,
#   and which report of spec.evidence shows it; the publisher's own word (selfReported) does not. A
#   model counts as generative unless it is declared otherwise and its task agrees, or nothing is
#   declared and its task or outputs generate nothing.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-08
#   severity: medium
#   mode: weighted
#   remediation: "Run a factuality suite on this release, and attach the report (an evaluation with test: groundedness)"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.5]
#     nist-ai-600-1: [MS-2.5-003, MP-2.3-001]
#     eu-ai-act: ["15.1"]
#     gdpr: ["5.1.d"]
#     iso-42001: ["A.6.2.4"]
package lumos.controls.saf_08

import data.lumos.evaluation

not_applicable contains evaluation.not_generative

missing contains gap if {
	not pass
	some gap in evaluation.gaps_by("groundedness")
}

fail contains failure if {
	not pass
	some failure in evaluation.failures_by("groundedness")
}

pass if evaluation.proven_by("groundedness")
