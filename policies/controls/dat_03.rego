# METADATA
# title: Dataset version and digest pinned
# description: >-
#   Every training dataset states a revision and the sha256 of its data, so that the training can
#   be traced to exact bytes. A branch or another word that moves (lists.movingRevisions), a
#   placeholder and the digest of an empty file do not count. A dataset without a role counts as
#   training data.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-03
#   severity: high
#   mode: weighted
#   remediation: "Pin each training dataset: data[].revision is its commit or version, data[].digest the sha256 of the data that was used"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.1]
#     nist-ai-600-1: [MS-2.5-005, MP-2.1-001]
#     eu-ai-act: ["10.2.b"]
#     iso-42001: ["A.7.5"]
package lumos.controls.dat_03

import data.lumos.lib
import data.lumos.risk

training contains i if {
	some i, dataset in input.manifest.spec.data
	risk.trains(dataset)
}

dated(dataset) if lib.filled(dataset.revision)

moving(dataset) if lower(trim_space(dataset.revision)) in input.lists.movingRevisions

digested(dataset) if dataset.digest

empty(dataset) if dataset.digest in risk.empty_digests

pinned(dataset) if {
	risk.states(dataset.revision)
	not moving(dataset)
	dataset.digest
	not empty(dataset)
}

missing contains {"message": "no training dataset is listed", "pointer": "/spec/data"} if {
	not pass
	count(training) == 0
}

missing contains {
	"message": sprintf("dataset %q has no revision", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i in training
	dataset := input.manifest.spec.data[i]
	not dated(dataset)
}

missing contains {
	"message": sprintf("dataset %q has no digest", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i in training
	dataset := input.manifest.spec.data[i]
	not digested(dataset)
}

fail contains {
	"message": sprintf("dataset %q: revision %q can move, a commit or a version is needed", [lib.label(dataset, i), dataset.revision]),
	"pointer": sprintf("/spec/data/%d/revision", [i]),
} if {
	not pass
	some i in training
	dataset := input.manifest.spec.data[i]
	moving(dataset)
}

fail contains {
	"message": sprintf("dataset %q: the revision is a placeholder (%q)", [lib.label(dataset, i), dataset.revision]),
	"pointer": sprintf("/spec/data/%d/revision", [i]),
} if {
	not pass
	some i in training
	dataset := input.manifest.spec.data[i]
	risk.hollow(dataset.revision)
}

fail contains {
	"message": sprintf("dataset %q: the digest is that of no data at all", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d/digest", [i]),
} if {
	not pass
	some i in training
	dataset := input.manifest.spec.data[i]
	empty(dataset)
}

pass if {
	count(training) > 0
	every i in training {
		pinned(input.manifest.spec.data[i])
	}
}
