# METADATA
# title: Toxicity and stereotype benchmark
# description: >-
#   At least one evaluation of category fairness was run for this release, each one that was names
#   its dataset, metric, value, number of samples and listed evidence, and none failed. The
#   publisher's own numbers (selfReported) do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-05
#   severity: high
#   mode: weighted
#   remediation: "Run BBQ, RealToxicityPrompts or an equal benchmark on this release, and record it with category fairness, n and its report"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.11]
#     nist-ai-600-1: [MS-2.11-001]
#     eu-ai-act: ["10.2.f"]
#     iso-42001: ["A.5.4"]
package lumos.controls.saf_05

import data.lumos.evaluation

missing contains gap if {
	not pass
	some gap in evaluation.gaps_in("fairness")
}

fail contains failure if {
	not pass
	some failure in evaluation.failures_in("fairness")
}

pass if {
	evaluation.proven_in("fairness")
	count(evaluation.failures_in("fairness")) == 0
}
