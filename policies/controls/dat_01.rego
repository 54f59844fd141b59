# METADATA
# title: Training data named
# description: >-
#   At least one training dataset is named. "Undisclosed" is an answer for the lower tiers only.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-01
#   severity: critical
#   mode: mandatory
#   remediation: "Name the datasets, or record \"undisclosed by supplier\" (which fails from tier high up)"
#   frameworks:
#     nist-ai-rmf: [MAP 2.3]
#     nist-ai-600-1: [GV-1.2-001, MG-3.2-003]
#     eu-ai-act: ["10.2.b", "53.1.d"]
#     gdpr: ["5.1.a"]
#     iso-42001: ["A.7.5"]
#     mrm-sr-26-2: [data]
package lumos.controls.dat_01

import data.lumos.lib

withheld(i) if {
	startswith(lower(trim_space(input.manifest.spec.data[i].id)), "undisclosed")
	lib.at_least("high")
}

named(i) if lib.filled(input.manifest.spec.data[i].id)

training contains i if {
	some i, dataset in input.manifest.spec.data
	dataset.role == "training"
}

missing contains {
	"message": "no training dataset is named",
	"pointer": "/spec/data",
} if {
	not pass
	count(training) == 0
}

missing contains {
	"message": "a training dataset has no name",
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i in training
	not named(i)
}

fail contains {
	"message": sprintf("a training dataset is named by a placeholder (%q)", [id]),
	"pointer": sprintf("/spec/data/%d/id", [i]),
} if {
	not pass
	some i in training
	id := input.manifest.spec.data[i].id
	lib.placeholder(id)
}

fail contains {
	"message": sprintf("the training data is undisclosed, which the tier %s does not allow", [input.tier.effective]),
	"pointer": sprintf("/spec/data/%d/id", [i]),
} if {
	not pass
	some i in training
	withheld(i)
}

pass if {
	count(training) > 0
	every i in training {
		lib.says(input.manifest.spec.data[i].id)
		not withheld(i)
	}
}
