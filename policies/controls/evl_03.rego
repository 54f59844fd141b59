# METADATA
# title: No regression against the last release
# description: >-
#   What the previous release measured is measured again, by the same metric on the same dataset,
#   task, split and slice, and is not worse by more than thresholds.regression allows for the metric
#   (max, in its own unit; else 1 % of the previous value). What was passed is passed again. A
#   dropped metric or slice is a finding. The publisher's own numbers (selfReported) are left out on
#   both sides. It does not concern a first release.
# schemas:
#   - input: schema.input
# custom:
#   id: EVL-03
#   severity: high
#   mode: mandatory
#   remediation: "Fix the regression or ask for a waiver with an expiry date; measure again what the previous release reported, on the same dataset and split"
#   frameworks:
#     nist-ai-rmf: [MEASURE 4.3]
#     eu-ai-act: ["9.6"]
#     iso-42001: ["A.6.2.4"]
#     mrm-sr-26-2: [outcomes]
package lumos.controls.evl_03

import data.lumos.evaluation
import data.lumos.lib

announced if lib.filled(input.manifest.spec.change.previous)

not_applicable contains "this is the model's first release: there is none to compare with" if {
	not input.previous
	not announced
}

not_applicable contains "the previous release measured nothing to compare with" if {
	input.previous
	count(baseline) == 0
}

# What the previous release measured or tested itself, by its place there.
baseline[i] := b if {
	some i, b in input.previous.spec.evaluations
	not b.selfReported
	told(b)
}

told(b) if {
	is_number(b.value)
	lib.filled(b.metric)
}

told(b) if b.passed == true

whose := sprintf("the previous release %s", [input.previous.metadata.version])

missing contains {
	"message": sprintf("the release %s, which this one follows, is not here to compare with", [input.manifest.spec.change.previous]),
	"pointer": "/spec/change/previous",
} if {
	not pass
	not input.previous
}

missing contains blank if {
	not pass
	some b in baseline
	some blank in evaluation.blanks(b, whose)
}

fail contains setback if {
	not pass
	some b in baseline
	some setback in evaluation.setbacks(b, whose)
}

pass if {
	count(baseline) > 0
	every b in baseline {
		evaluation.held(b)
	}
}
