# METADATA
# title: PII in outputs tested
# description: >-
#   A generative model was tested for personal data in its outputs (an evaluation with test: pii-
#   output), and passed. A test counts when it says that it passed, on how many samples, and which
#   report of spec.evidence shows it; the publisher's own word (selfReported) does not. A model
#   counts as generative unless it is declared otherwise and its task agrees, or nothing is declared
#   and its task or outputs generate nothing.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-02
#   severity: critical
#   mode: mandatory
#   remediation: "Run the test for personal data in outputs on this release, add filters where it fails, and attach the report (an evaluation with test: pii-output)"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.10]
#     nist-ai-600-1: [MP-4.1-009, MP-4.1-001]
#     eu-ai-act: ["15.5"]
#     gdpr: ["5.1.f", "25.1"]
#     iso-42001: ["A.6.2.4"]
#     hipaa: ["164.312(e)"]
package lumos.controls.saf_02

import data.lumos.evaluation

not_applicable contains evaluation.not_generative

missing contains gap if {
	not pass
	some gap in evaluation.gaps_by("pii-output")
}

fail contains failure if {
	not pass
	some failure in evaluation.failures_by("pii-output")
}

pass if evaluation.proven_by("pii-output")
