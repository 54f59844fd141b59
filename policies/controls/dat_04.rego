# METADATA
# title: Dataset licence compatible
# description: >-
#   Every dataset, of whatever role, states a licence that is on lists.datasetLicenses. A licence for
#   non-commercial use only (lists.nonCommercialLicenses) counts only where the manifest says that
#   the use is not commercial. "other", "unknown" and placeholders are no licence.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-04
#   severity: high
#   mode: mandatory
#   remediation: "Record the dataset's licence as its SPDX identifier and have it added to lists.datasetLicenses; where it forbids the use, replace the data or get a licence"
#   frameworks:
#     nist-ai-rmf: [MAP 4.1]
#     nist-ai-600-1: [MP-4.1-010]
#     eu-ai-act: ["53.1.c"]
#     iso-42001: ["A.7.3"]
package lumos.controls.dat_04

import data.lumos.lib
import data.lumos.risk

# Registries write SPDX identifiers in any case, and Hugging Face tags carry a prefix.
normal(id) := trim_prefix(lower(trim_space(id)), "license:")

undecided := {"noassertion", "none", "other", "unknown"}

identified(dataset) if {
	risk.states(dataset.license)
	not normal(dataset.license) in undecided
}

allowed_licenses contains normal(id) if some id in input.lists.datasetLicenses

allowed(dataset) if normal(dataset.license) in allowed_licenses

restricted(dataset) if {
	some start in input.lists.nonCommercialLicenses
	startswith(normal(dataset.license), normal(start))
}

not_commercial if input.manifest.spec.intendedUse.deployment.commercial == false

# misused: its licence rules the use out, which is commercial unless the manifest says otherwise.
misused(dataset) if {
	restricted(dataset)
	not not_commercial
}

# Why a licence for non-commercial use does not do.
use := "the use is commercial" if {
	input.manifest.spec.intendedUse.deployment.commercial
} else := "the manifest does not say that the use is not commercial (intendedUse.deployment.commercial)"

missing contains {"message": "no dataset is listed", "pointer": "/spec/data"} if {
	not pass
	not risk.any_dataset
}

missing contains {
	"message": sprintf("the licence of dataset %q is not identified", [lib.label(dataset, i)]),
	"pointer": sprintf("/spec/data/%d/license", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	not identified(dataset)
}

fail contains {
	"message": sprintf("dataset %q: licence %q is not on lists.datasetLicenses", [lib.label(dataset, i), dataset.license]),
	"pointer": sprintf("/spec/data/%d/license", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	identified(dataset)
	not allowed(dataset)
}

fail contains {
	"message": sprintf("dataset %q: licence %q is for non-commercial use only, and %s", [lib.label(dataset, i), dataset.license, use]),
	"pointer": sprintf("/spec/data/%d/license", [i]),
} if {
	not pass
	some i, dataset in input.manifest.spec.data
	misused(dataset)
}

pass if {
	risk.any_dataset
	every dataset in input.manifest.spec.data {
		identified(dataset)
		allowed(dataset)
		not misused(dataset)
	}
}
