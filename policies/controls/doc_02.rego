# METADATA
# title: Intended purpose stated
# description: >-
#   What the model is for, and for whom, is written down. An empty list of users does not count, nor
#   does a placeholder for either.
# schemas:
#   - input: schema.input
# custom:
#   id: DOC-02
#   severity: high
#   mode: mandatory
#   remediation: "Write in intendedUse.purpose what the model is to be used for, and in intendedUse.users who works with its output"
#   frameworks:
#     nist-ai-rmf: [MAP 1.1]
#     nist-ai-600-1: [MP-1.1-002]
#     eu-ai-act: ["13.3.b.i"]
#     gdpr: ["5.1.b"]
#     iso-42001: ["A.9.4"]
package lumos.controls.doc_02

import data.lumos.lib

use := input.manifest.spec.intendedUse

stated if lib.filled(use.purpose)

any_user if {
	some user in use.users
	lib.filled(user)
}

missing contains {
	"message": "the intended purpose is not stated",
	"pointer": "/spec/intendedUse/purpose",
} if {
	not pass
	not stated
}

missing contains {
	"message": "the intended users are not stated",
	"pointer": "/spec/intendedUse/users",
} if {
	not pass
	not any_user
}

fail contains {
	"message": sprintf("the intended purpose is a placeholder (%q)", [use.purpose]),
	"pointer": "/spec/intendedUse/purpose",
} if {
	not pass
	lib.placeholder(use.purpose)
}

fail contains {
	"message": sprintf("an intended user is a placeholder (%q)", [user]),
	"pointer": sprintf("/spec/intendedUse/users/%d", [i]),
} if {
	not pass
	some i, user in use.users
	lib.placeholder(user)
}

pass if {
	lib.says(use.purpose)
	any_user
	every user in use.users {
		not lib.placeholder(user)
	}
}
