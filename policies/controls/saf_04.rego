# METADATA
# title: Harmful request handling
# description: >-
#   A generative model that is not for internal use only was tested with harmful requests (an
#   evaluation with test: harmful-content), and passed. A test counts when it says that it passed,
#   on how many samples, and which report of spec.evidence shows it; the publisher's own word
#   (selfReported) does not. A model counts as generative unless it is declared otherwise and its
#   task agrees, or nothing is declared and its task or outputs generate nothing. Internal are the
#   exposures dev and internal; an exposure that is not declared is not internal, nor is one with a
#   risk factor of exposure 2 or 3.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-04
#   severity: critical
#   mode: mandatory
#   remediation: "Run the suite of harmful requests on this release, tune refusals and filters, and attach the report (an evaluation with test: harmful-content)"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.6]
#     nist-ai-600-1: [MS-2.6-006, MG-2.2-005]
#     eu-ai-act: ["9.2.b"]
#     iso-42001: ["A.6.2.4"]
package lumos.controls.saf_04

import data.lumos.evaluation

not_applicable contains evaluation.not_generative

not_applicable contains "only the organisation's own people can reach it (intendedUse.deployment.exposure)" if {
	evaluation.in_house
}

missing contains gap if {
	not pass
	some gap in evaluation.gaps_by("harmful-content")
}

fail contains failure if {
	not pass
	some failure in evaluation.failures_by("harmful-content")
}

pass if evaluation.proven_by("harmful-content")
