# METADATA
# title: Known biases recorded
# description: >-
#   Each known bias names the group, what was found, and what was done about it. That none was
#   found is an answer too, with evidence of the search; so is any finding that begins with a
#   negation. Evidence that is named must be an assessment (lists.biasEvidence) and sound. An
#   empty list and placeholders do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: DOC-05
#   severity: high
#   mode: mandatory
#   remediation: "Add group, finding and mitigation for each bias; where none was found, write the finding \"none found\" and attach the assessment that looked for it"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.11]
#     nist-ai-600-1: [MS-2.11-004]
#     eu-ai-act: ["10.2.f"]
#     iso-42001: ["A.5.4"]
package lumos.controls.doc_05

import data.lumos.lib
import data.lumos.risk

biases := input.manifest.spec.biases

any_bias if count(biases) > 0

# The finding is one of the plain words for "we looked, and there is none".
none_found(bias) if trim_right(lower(trim_space(bias.finding)), ".!") in input.lists.noBiasFindings

# The finding denies something: that takes proof, and excuses nothing.
denies(bias) if regex.match(`(?i)^\s*(no|none|nothing|not|never|without|free of)\b`, bias.finding)

denies(bias) if none_found(bias)

answered(bias) if risk.states(bias.mitigation)

answered(bias) if none_found(bias)

shown(bias) if risk.backed(bias.evidence, input.lists.biasEvidence)

shown(bias) if {
	not bias.evidence
	not denies(bias)
}

recorded(bias) if {
	risk.states(bias.group)
	risk.states(bias.finding)
	answered(bias)
	shown(bias)
}

blank(bias, field) if not lib.filled(object.get(bias, field, ""))

not_applicable contains sprintf("the tier is %s; biases must be recorded from the tier medium up", [input.tier.effective]) if {
	not lib.at_least("medium")
}

missing contains {
	"message": "no bias is recorded; that none was found would have to be said, with evidence",
	"pointer": "/spec/biases",
} if {
	not pass
	not any_bias
}

missing contains {
	"message": sprintf("bias no. %d does not state its %s", [i + 1, field]),
	"pointer": sprintf("/spec/biases/%d", [i]),
} if {
	not pass
	some i, bias in biases
	some field in ["group", "finding"]
	blank(bias, field)
}

missing contains {
	"message": sprintf("bias no. %d does not say what was done about it (mitigation)", [i + 1]),
	"pointer": sprintf("/spec/biases/%d", [i]),
} if {
	not pass
	some i, bias in biases
	blank(bias, "mitigation")
	not none_found(bias)
}

missing contains {
	"message": sprintf("bias no. %d says %q without evidence", [i + 1, bias.finding]),
	"pointer": sprintf("/spec/biases/%d", [i]),
} if {
	not pass
	some i, bias in biases
	denies(bias)
	not bias.evidence
}

missing contains finding if {
	not pass
	some i, bias in biases
	some finding in risk.absent(bias.evidence, sprintf("/spec/biases/%d/evidence", [i]))
}

fail contains finding if {
	not pass
	some i, bias in biases
	some finding in risk.amiss(bias.evidence, input.lists.biasEvidence, sprintf("/spec/biases/%d/evidence", [i]))
}

fail contains {
	"message": sprintf("bias no. %d: the %s says nothing (%q)", [i + 1, field, bias[field]]),
	"pointer": sprintf("/spec/biases/%d/%s", [i, field]),
} if {
	not pass
	some i, bias in biases
	some field in ["group", "finding", "mitigation"]
	risk.hollow(bias[field])
	not excused(bias, field)
}

# Where none was found there is nothing to mitigate.
excused(bias, "mitigation") if none_found(bias)

pass if {
	any_bias
	every bias in biases {
		recorded(bias)
	}
}
