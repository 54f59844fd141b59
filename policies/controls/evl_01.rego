# METADATA
# title: Quality evaluations present
# description: >-
#   At least one evaluation of category quality was measured for this release, and each one that was
#   names its dataset, metric, value and number of samples, and evidence that spec.evidence lists. A
#   number alone does not count, nor does one that the publisher reports of itself (selfReported) or
#   that was guessed (provenance inferred). Whether the values are good enough is EVL-02.
# schemas:
#   - input: schema.input
# custom:
#   id: EVL-01
#   severity: high
#   mode: mandatory
#   remediation: "Evaluate this release, and record dataset, metric, value, n and the report as evidence; a number alone does not count"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.1]
#     nist-ai-600-1: [MS-2.3-002]
#     eu-ai-act: ["15.1"]
#     iso-42001: ["A.6.2.4"]
#     mrm-sr-26-2: [validation]
package lumos.controls.evl_01

import data.lumos.evaluation

missing contains gap if {
	not pass
	some gap in evaluation.gaps_in("quality")
}

pass if evaluation.proven_in("quality")
