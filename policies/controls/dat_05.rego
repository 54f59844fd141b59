# METADATA
# title: Personal data declared
# description: >-
#   Each dataset says whether it holds personal data: none, personal, special (GDPR article 9)
#   or phi (health data). "unknown" classifies nothing, and no dataset at all is no answer.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-05
#   severity: critical
#   mode: mandatory
#   remediation: "Set personalData of each dataset to none, personal, special or phi; where nobody knows, ask its owner or the privacy office before the release"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.10]
#     nist-ai-600-1: [GV-1.6-003, MS-2.6-002]
#     eu-ai-act: ["10.2.b"]
#     gdpr: ["30.1.c", "9.1"]
#     iso-42001: ["A.7.2"]
#     hipaa: ["164.308(a)(1)"]
package lumos.controls.dat_05

import data.lumos.lib

classes := {"none", "personal", "special", "phi"}

declared(dataset) if lib.filled(dataset.personalData)

classified(dataset) if dataset.personalData in classes

any_dataset if count(input.manifest.spec.data) > 0

missing contains {"message": "no dataset is listed", "pointer": "/spec/data"} if {
	not pass
	not any_dataset
}

missing contains {
	"message": sprintf("dataset %q does not say whether it holds personal data", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	not declared(dataset)
}

fail contains {
	"message": sprintf("dataset %q: personalData is %q, which classifies nothing (none, personal, special or phi)", [
		lib.label(dataset, i),
		dataset.personalData,
	]),
	"pointer": sprintf("/spec/data/%d/personalData", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	declared(dataset)
	not classified(dataset)
}

pass if {
	any_dataset
	every dataset in input.manifest.spec.data {
		classified(dataset)
	}
}
