# METADATA
# title: Owner and approvers separate
# description: >-
#   Owner and authors are named, authors as accounts of the code host. That no author approves
#   is enforced by the gate, which bars the accounts named here.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-08
#   severity: critical
#   mode: mandatory
#   remediation: "Name the owner and the authors by their accounts (\"@name\"), and let somebody else approve"
#   frameworks:
#     nist-ai-rmf: [GOVERN 2.1]
#     nist-ai-600-1: [GV-4.1-003, MS-2.3-003]
#     eu-ai-act: ["17.1.m"]
#     iso-42001: ["A.3.2"]
#     mrm-sr-26-2: [roles]
package lumos.controls.gov_08

import data.lumos.lib

metadata := input.manifest.metadata

owned if lib.says(metadata.owner.team)

owned if lib.says(metadata.owner.person)

authored if count(metadata.authors) > 0

# The gate can bar accounts only, not names.
account(author) if regex.match(`^@[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_\]-])?(\[bot\])?$`, author)

missing contains {
	"message": "metadata.owner names neither a team nor a person",
	"pointer": "/metadata/owner",
} if {
	not pass
	not owned
}

missing contains {"message": "no author is named", "pointer": "/metadata/authors"} if {
	not pass
	not authored
}

fail contains {
	"message": sprintf("author %q is not an account (\"@name\"), so the gate cannot keep them from approving", [author]),
	"pointer": sprintf("/metadata/authors/%d", [i]),
} if {
	not pass
	some i, author in metadata.authors
	not account(author)
}

pass if {
	owned
	authored
	every author in metadata.authors {
		account(author)
	}
}
