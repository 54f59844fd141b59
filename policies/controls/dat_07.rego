# METADATA
# title: Minimised or de-identified
# description: >-
#   Every dataset that holds personal data says by which method it was minimised or de-identified,
#   and names a sound report of that (lists.deidentificationEvidence). Data that is unclassified or
#   "unknown" counts as special. A method without its report, and a report of another kind, expired
#   or changed, do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-07
#   severity: high
#   mode: weighted
#   mandatory_when: a dataset holds special categories or health data, is not classified, or none is listed
#   remediation: "State deidentification.method for each dataset with personal data, and list the report of it as evidence of the type deidentification-report"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.10]
#     nist-ai-600-1: [MS-2.2-004, MS-2.2-002]
#     eu-ai-act: ["10.5.b"]
#     gdpr: ["5.1.c", "25.1", "32.1.a"]
#     iso-42001: ["A.7.6"]
#     hipaa: ["164.514(b)"]
package lumos.controls.dat_07

import data.lumos.lib
import data.lumos.risk

personal contains i if {
	some i, dataset in input.manifest.spec.data
	not risk.impersonal(dataset)
}

described(dataset) if lib.filled(dataset.deidentification.method)

treated(dataset) if {
	risk.states(dataset.deidentification.method)
	risk.backed(dataset.deidentification.evidence, input.lists.deidentificationEvidence)
}

mandatory if {
	some dataset in input.manifest.spec.data
	not risk.ordinary(dataset)
}

mandatory if not risk.any_dataset

not_applicable contains "every dataset is declared to hold no personal data" if {
	risk.any_dataset
	count(personal) == 0
}

missing contains {"message": "no dataset is listed", "pointer": "/spec/data"} if {
	not pass
	not risk.any_dataset
}

missing contains {
	"message": sprintf("dataset %q does not say how it was minimised or de-identified", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i in personal
	dataset := input.manifest.spec.data[i]
	not described(dataset)
}

missing contains {
	"message": sprintf("dataset %q names no report of its de-identification", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i in personal
	dataset := input.manifest.spec.data[i]
	not dataset.deidentification.evidence
}

missing contains finding if {
	not pass
	some i in personal
	id := input.manifest.spec.data[i].deidentification.evidence
	some finding in risk.absent(id, sprintf("/spec/data/%d/deidentification/evidence", [i]))
}

fail contains finding if {
	not pass
	some i in personal
	id := input.manifest.spec.data[i].deidentification.evidence
	some finding in risk.amiss(id, input.lists.deidentificationEvidence, sprintf("/spec/data/%d/deidentification/evidence", [i]))
}

fail contains {
	"message": sprintf("dataset %q: %q is no method of minimisation or de-identification", [lib.label(dataset, i), dataset.deidentification.method]),
	"pointer": sprintf("/spec/data/%d/deidentification/method", [i]),
} if {
	not pass
	some i in personal
	dataset := input.manifest.spec.data[i]
	risk.hollow(dataset.deidentification.method)
}

pass if {
	count(personal) > 0
	every i in personal {
		treated(input.manifest.spec.data[i])
	}
}
