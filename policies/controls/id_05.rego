# METADATA
# title: Inventory entry complete
# description: >-
#   The inventory can be kept: owner (a team or a person), system and business unit are named. A
#   placeholder does not count as a name.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-05
#   severity: medium
#   mode: mandatory
#   remediation: "Fill metadata.owner, metadata.system and metadata.businessUnit"
#   frameworks:
#     nist-ai-rmf: [GOVERN 1.6]
#     nist-ai-600-1: [GV-1.6-001]
#     eu-ai-act: ["49.1"]
#     iso-42001: ["A.4.2"]
#     mrm-sr-26-2: [inventory]
package lumos.controls.id_05

import data.lumos.lib

metadata := input.manifest.metadata

owned if lib.says(metadata.owner.team)

owned if lib.says(metadata.owner.person)

hollow_owner if lib.placeholder(metadata.owner.team)

hollow_owner if lib.placeholder(metadata.owner.person)

placed if lib.filled(metadata.system)

accounted if lib.filled(metadata.businessUnit)

missing contains {
	"message": "metadata.owner names neither a team nor a person",
	"pointer": "/metadata/owner",
} if {
	not pass
	not owned
	not hollow_owner
}

missing contains {"message": "metadata.system is not stated", "pointer": "/metadata/system"} if {
	not pass
	not placed
}

missing contains {"message": "metadata.businessUnit is not stated", "pointer": "/metadata/businessUnit"} if {
	not pass
	not accounted
}

fail contains {"message": "metadata.owner is a placeholder", "pointer": "/metadata/owner"} if {
	not pass
	hollow_owner
	not owned
}

fail contains {
	"message": sprintf("metadata.system is a placeholder (%q)", [metadata.system]),
	"pointer": "/metadata/system",
} if {
	not pass
	lib.placeholder(metadata.system)
}

fail contains {
	"message": sprintf("metadata.businessUnit is a placeholder (%q)", [metadata.businessUnit]),
	"pointer": "/metadata/businessUnit",
} if {
	not pass
	lib.placeholder(metadata.businessUnit)
}

pass if {
	owned
	lib.says(metadata.system)
	lib.says(metadata.businessUnit)
}
