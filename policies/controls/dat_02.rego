# METADATA
# title: Every dataset approved
# description: >-
#   Every dataset, of whatever role, is on lists.approvedDatasets, as "id" or, for one revision only,
#   as "id@revision". Another revision than the approved one does not count.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-02
#   severity: critical
#   mode: mandatory
#   remediation: "Have the dataset added to lists.approvedDatasets, or retrain without it"
#   frameworks:
#     nist-ai-rmf: [GOVERN 6.1]
#     nist-ai-600-1: [MP-4.1-010, MG-3.1-001]
#     eu-ai-act: ["10.2.b"]
#     gdpr: ["5.2"]
#     iso-42001: ["A.7.3"]
package lumos.controls.dat_02

import data.lumos.lib

named(dataset) if lib.filled(dataset.id)

approved(dataset) if dataset.id in input.lists.approvedDatasets

approved(dataset) if concat("@", [dataset.id, dataset.revision]) in input.lists.approvedDatasets

revisions(id) := {r |
	some entry in input.lists.approvedDatasets
	startswith(entry, concat("", [id, "@"]))
	r := trim_prefix(entry, concat("", [id, "@"]))
}

any_dataset if count(input.manifest.spec.data) > 0

missing contains {"message": "no dataset is listed", "pointer": "/spec/data"} if {
	not pass
	not any_dataset
}

missing contains {
	"message": "a dataset has no id",
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	not named(dataset)
}

fail contains {
	"message": sprintf("dataset %q is not on lists.approvedDatasets", [dataset.id]),
	"pointer": sprintf("/spec/data/%d/id", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	not approved(dataset)
	count(revisions(dataset.id)) == 0
}

fail contains {
	"message": sprintf("dataset %q is approved at revision %s only, not at %s", [
		dataset.id,
		concat(" or ", sort(revisions(dataset.id))),
		object.get(dataset, "revision", "an unstated revision"),
	]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	not approved(dataset)
	count(revisions(dataset.id)) > 0
}

pass if {
	any_dataset
	every dataset in input.manifest.spec.data {
		approved(dataset)
	}
}
