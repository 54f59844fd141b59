# METADATA
# title: Licence identified, allowed, consistent
# description: >-
#   The licence is on lists.allowedLicenses, and every place that states it states the same one, in
#   any case. "other" and "NOASSERTION" identify nothing, and a licence that no source states (card,
#   registry tag or LICENSE file) does not count.
# schemas:
#   - input: schema.input
# custom:
#   id: DOC-06
#   severity: critical
#   mode: mandatory
#   remediation: "Find out which licence holds, and let the manifest and every source agree on its SPDX identifier; where it is not allowed, ask legal to have it added to lists.allowedLicenses, or choose another model"
#   frameworks:
#     nist-ai-rmf: [MAP 4.1]
#     nist-ai-600-1: [GV-1.6-003, GV-6.1-001]
#     eu-ai-act: ["53.1.c"]
#     iso-42001: ["A.10.3"]
package lumos.controls.doc_06

import data.lumos.lib

license := input.manifest.spec.model.license

# Registries write SPDX identifiers in any case, and Hugging Face tags carry a prefix.
normal(id) := trim_prefix(lower(trim_space(id)), "license:")

spdx := normal(license.spdx)

undecided := {"noassertion", "none", "other", "unknown"}

identified if {
	lib.says(license.spdx)
	not spdx in undecided
}

allowed if {
	some id in input.lists.allowedLicenses
	normal(id) == spdx
}

# Which allowed licences it is when only their letters and digits are compared: "Apache 2.0" is one
# listed as Apache-2.0. One alone is the right spelling.
meant contains id if {
	some id in input.lists.allowedLicenses
	letters(normal(id)) == letters(spdx)
}

letters(id) := regex.replace(id, `[^a-z0-9.+]+`, "")

# A licence of one's own has no SPDX identifier: registries then say "other".
agrees(source) if normal(source) == spdx

agrees(source) if {
	normal(source) == "other"
	startswith(spdx, "licenseref-")
}

stated[place] := source if {
	some place, source in license.sources
	lib.filled(source)
}

missing contains {
	"message": "the licence is not identified by its SPDX identifier",
	"pointer": "/spec/model/license/spdx",
} if {
	not pass
	not identified
}

missing contains {
	"message": "no source of the licence is recorded (card, registry tag or LICENSE file)",
	"pointer": "/spec/model/license/sources",
} if {
	not pass
	count(stated) == 0
}

fail contains object.union(
	{
		"message": sprintf("licence %q is not on lists.allowedLicenses", [license.spdx]),
		"pointer": "/spec/model/license/spdx",
	},
	{"fix": fixed | count(meant) == 1; some fixed in meant},
) if {
	not pass
	identified
	not allowed
}

fail contains {
	"message": sprintf("%s says %q, the manifest says %q", [place, source, license.spdx]),
	"pointer": sprintf("/spec/model/license/sources/%s", [lib.segment(place)]),
} if {
	not pass
	identified
	some place, source in stated
	not agrees(source)
}

pass if {
	identified
	allowed
	count(stated) > 0
	every source in stated {
		agrees(source)
	}
}
