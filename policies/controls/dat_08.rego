# METADATA
# title: Quality and representativeness assessed
# description: >-
#   Every dataset, of whatever role, names a sound report on its quality and on whom it represents
#   (lists.dataQualityEvidence). A report of another kind, expired, changed or empty does not count.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-08
#   severity: medium
#   mode: weighted
#   mandatory_when: the system is high-risk under the EU AI Act, or its class is not declared and an Annex III field of use points to it
#   remediation: "Assess each dataset's quality and representativeness, list the report as evidence of the type data-quality-report, and name it in data[].quality.evidence"
#   frameworks:
#     nist-ai-rmf: [MAP 2.3]
#     nist-ai-600-1: [MP-2.3-002]
#     eu-ai-act: ["10.3"]
#     iso-42001: ["A.7.4"]
#     mrm-sr-26-2: [data]
package lumos.controls.dat_08

import data.lumos.lib
import data.lumos.risk

assessed(dataset) if risk.backed(dataset.quality.evidence, input.lists.dataQualityEvidence)

mandatory if risk.high_risk

missing contains {"message": "no dataset is listed", "pointer": "/spec/data"} if {
	not pass
	not risk.any_dataset
}

missing contains {
	"message": sprintf("dataset %q names no report on its quality", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	not dataset.quality.evidence
}

missing contains finding if {
	not pass
	some i, dataset in input.manifest.spec.data
	some finding in risk.absent(dataset.quality.evidence, sprintf("/spec/data/%d/quality/evidence", [i]))
}

fail contains finding if {
	not pass
	some i, dataset in input.manifest.spec.data
	some finding in risk.amiss(dataset.quality.evidence, input.lists.dataQualityEvidence, sprintf("/spec/data/%d/quality/evidence", [i]))
}

pass if {
	risk.any_dataset
	every dataset in input.manifest.spec.data {
		assessed(dataset)
	}
}
