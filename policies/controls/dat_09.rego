# METADATA
# title: No train/test contamination
# description: >-
#   Every quality evaluation is marked as checked for contamination, and sound evidence of the check
#   is listed (lists.contaminationEvidence). The word "checked" alone does not count; an evaluation
#   on the training split of a dataset that trained the model is contaminated whatever it says. An
#   evaluation without a category counts as one of quality.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-09
#   severity: medium
#   mode: weighted
#   remediation: "Search the training data for the test data, record the outcome in evaluations[].contamination, and list the report as evidence of the type contamination-report; where some was found, evaluate on held-out data"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.1]
#     nist-ai-600-1: [MS-2.11-001, MS-2.10-003]
#     eu-ai-act: ["10.3"]
#     iso-42001: ["A.7.4"]
package lumos.controls.dat_09

import data.lumos.lib
import data.lumos.risk

of_quality(e) if e.category == "quality"

of_quality(e) if not e.category

quality contains i if {
	some i, e in input.manifest.spec.evaluations
	of_quality(e)
}

training_sets contains dataset.id if {
	some dataset in input.manifest.spec.data
	risk.trains(dataset)
	lib.filled(dataset.id)
}

# Measured on what the model has seen.
seen(e) if {
	e.dataset.id in training_sets
	regex.match(`(?i)^\s*(train|all\s*$|full\s*$)`, e.dataset.split)
}

# Measured on a part, nobody says which, of what the model has seen in part.
undivided(e) if {
	e.dataset.id in training_sets
	not lib.filled(object.get(e, ["dataset", "split"], ""))
}

checked(e) if {
	e.contamination == "checked"
	not seen(e)
	not undivided(e)
}

decided(e) if e.contamination in {"checked", "found"}

reports := risk.evidence_of(input.lists.contaminationEvidence)

proven if {
	some i in reports
	risk.sound(input.manifest.spec.evidence[i])
}

missing contains {"message": "no quality evaluation is recorded", "pointer": "/spec/evaluations"} if {
	not pass
	count(quality) == 0
}

missing contains {
	"message": sprintf("evaluation %q was not checked for contamination", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evaluations/%d", [i]),
} if {
	not pass
	some i in quality
	e := input.manifest.spec.evaluations[i]
	not decided(e)
}

missing contains {
	"message": sprintf("evaluation %q names no split of %q, which is training data too", [lib.label(e, i), e.dataset.id]),
	"pointer": sprintf("/spec/evaluations/%d/dataset", [i]),
} if {
	not pass
	some i in quality
	e := input.manifest.spec.evaluations[i]
	undivided(e)
}

missing contains {
	"message": sprintf("no evidence of a check for contamination is listed (%s)", [concat(", ", input.lists.contaminationEvidence)]),
	"pointer": "/spec/evidence",
} if {
	not pass
	count(reports) == 0
}

missing contains finding if {
	not pass
	not proven
	some i in reports
	some finding in risk.lacking[i]
}

fail contains finding if {
	not pass
	not proven
	some i in reports
	some finding in risk.wrong[i]
}

fail contains {
	"message": sprintf("evaluation %q is contaminated: test data was found in the training data", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evaluations/%d/contamination", [i]),
} if {
	not pass
	some i in quality
	e := input.manifest.spec.evaluations[i]
	e.contamination == "found"
}

fail contains {
	"message": sprintf("evaluation %q was run on the split %q of %q, which is training data", [lib.label(e, i), e.dataset.split, e.dataset.id]),
	"pointer": sprintf("/spec/evaluations/%d/dataset/split", [i]),
} if {
	not pass
	some i in quality
	e := input.manifest.spec.evaluations[i]
	seen(e)
}

pass if {
	count(quality) > 0
	proven
	every i in quality {
		checked(input.manifest.spec.evaluations[i])
	}
}
