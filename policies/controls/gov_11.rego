# METADATA
# title: Residual risk accepted by a named person
# description: >-
#   From the tier high up, every risk that remains is described, and accepted by a person who is named
#   by an account and is no author, on a date after the model was published and not to come. An empty
#   list does not count: at that tier some risk remains. Nor does a team, a bot or an author.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-11
#   severity: high
#   mode: mandatory
#   remediation: "Describe each remaining risk in risk.residual, and have somebody who is no author accept it in the pull request: their account in acceptedBy, the time in acceptedAt"
#   frameworks:
#     nist-ai-rmf: [MANAGE 1.4]
#     nist-ai-600-1: [MG-1.3-001]
#     eu-ai-act: ["9.5"]
#     iso-42001: ["8.3"]
#     mrm-sr-26-2: [roles]
package lumos.controls.gov_11

import data.lumos.lib
import data.lumos.risk

residual := input.manifest.spec.risk.residual

any_risk if count(residual) > 0

# One spelling of an account. Code hosts do not tell upper from lower case.
account(name) := trim_prefix(lower(trim_space(name)), "@")

authors contains account(author) if some author in input.manifest.metadata.authors

# A person, not a team ("@acme/risk") and not a bot.
person(name) if {
	regex.match(`^@[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$`, name)
	not regex.match(`(?i)[-_]bot$`, name)
}

described(r) if lib.filled(r.description)

accepted(r) if lib.filled(r.acceptedBy)

premature(r) if risk.moment(r.acceptedAt) < risk.moment(input.manifest.spec.source.publishedAt)

to_come(r) if risk.moment(r.acceptedAt) > risk.now

settled(r) if {
	risk.states(r.description)
	person(r.acceptedBy)
	not account(r.acceptedBy) in authors
	r.acceptedAt
	not to_come(r)
	not premature(r)
}

not_applicable contains sprintf("the tier is %s; accepted residual risks are asked for from the tier high up", [input.tier.effective]) if {
	not lib.at_least("high")
}

missing contains {
	"message": sprintf("no residual risk is recorded and accepted, at the tier %s", [input.tier.effective]),
	"pointer": "/spec/risk/residual",
} if {
	not pass
	not any_risk
}

missing contains {
	"message": "no author is named, so nobody can tell whether an author accepted a risk",
	"pointer": "/metadata/authors",
} if {
	not pass
	count(authors) == 0
}

missing contains {
	"message": sprintf("residual risk no. %d is not described", [i + 1]),
	"pointer": sprintf("/spec/risk/residual/%d", [i]),
} if {
	not pass
	some i, r in residual
	not described(r)
}

missing contains {
	"message": sprintf("residual risk no. %d is accepted by nobody", [i + 1]),
	"pointer": sprintf("/spec/risk/residual/%d", [i]),
} if {
	not pass
	some i, r in residual
	not accepted(r)
}

missing contains {
	"message": sprintf("residual risk no. %d does not say when it was accepted", [i + 1]),
	"pointer": sprintf("/spec/risk/residual/%d", [i]),
} if {
	not pass
	some i, r in residual
	not r.acceptedAt
}

fail contains {
	"message": sprintf("the description of residual risk no. %d says nothing (%q)", [i + 1, r.description]),
	"pointer": sprintf("/spec/risk/residual/%d/description", [i]),
} if {
	not pass
	some i, r in residual
	risk.hollow(r.description)
}

fail contains {
	"message": sprintf("residual risk no. %d is accepted by %q, which is not the account of a person (\"@name\")", [i + 1, r.acceptedBy]),
	"pointer": sprintf("/spec/risk/residual/%d/acceptedBy", [i]),
} if {
	not pass
	some i, r in residual
	accepted(r)
	not person(r.acceptedBy)
}

fail contains {
	"message": sprintf("residual risk no. %d is accepted by %q, who is an author of this release", [i + 1, r.acceptedBy]),
	"pointer": sprintf("/spec/risk/residual/%d/acceptedBy", [i]),
} if {
	not pass
	some i, r in residual
	account(r.acceptedBy) in authors
}

fail contains {
	"message": sprintf("residual risk no. %d was accepted on %s, which has not come yet", [i + 1, r.acceptedAt]),
	"pointer": sprintf("/spec/risk/residual/%d/acceptedAt", [i]),
} if {
	not pass
	some i, r in residual
	to_come(r)
}

fail contains {
	"message": sprintf("residual risk no. %d was accepted on %s, before the model was published on %s", [i + 1, r.acceptedAt, input.manifest.spec.source.publishedAt]),
	"pointer": sprintf("/spec/risk/residual/%d/acceptedAt", [i]),
} if {
	not pass
	some i, r in residual
	premature(r)
}

pass if {
	any_risk
	count(authors) > 0
	is_number(risk.now)
	every r in residual {
		settled(r)
	}
}
