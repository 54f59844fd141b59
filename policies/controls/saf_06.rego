# METADATA
# title: Robustness evaluated
# description: >-
#   At least one evaluation of category robustness was run for this release, each one that was names
#   its dataset, metric, value, number of samples and listed evidence, and none failed. The
#   publisher's own numbers (selfReported) do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-06
#   severity: medium
#   mode: weighted
#   mandatory_when: the system is high-risk under the EU AI Act, or its class is not declared and an Annex III field of use points to it
#   remediation: "Measure under perturbed or shifted input, and record it with category robustness, n and its report"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.5]
#     nist-ai-600-1: [MP-2.3-005]
#     eu-ai-act: ["15.4"]
#     iso-42001: ["A.6.2.4"]
#     mrm-sr-26-2: [validation]
package lumos.controls.saf_06

import data.lumos.evaluation
import data.lumos.risk

mandatory if risk.high_risk

missing contains gap if {
	not pass
	some gap in evaluation.gaps_in("robustness")
}

fail contains failure if {
	not pass
	some failure in evaluation.failures_in("robustness")
}

pass if {
	evaluation.proven_in("robustness")
	count(evaluation.failures_in("robustness")) == 0
}
