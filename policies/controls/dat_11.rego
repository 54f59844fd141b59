# METADATA
# title: Cross-border transfer safeguarded
# description: >-
#   Every transfer of personal data to another country names the country and what safeguards it
#   (lists.transferMechanisms): an adequacy decision for a country that has one
#   (lists.adequateCountries), or an agreement with its reference. Where personal data may be
#   involved, that there are no transfers has to be said (transfers is an empty list), and does not
#   count when the model runs outside the EEA (lists.eeaLocations) or nobody says where.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-11
#   severity: high
#   mode: mandatory
#   remediation: "Record each transfer in privacy.transfers with country, mechanism (SCC, BCR or adequacy) and reference, or write [] when there is none and state in source.hosting.location where the model runs"
#   frameworks:
#     nist-ai-rmf: [GOVERN 1.1]
#     nist-ai-600-1: [MG-3.1-002]
#     gdpr: ["44", "46.1"]
#     iso-42001: ["A.7.2"]
package lumos.controls.dat_11

import data.lumos.lib
import data.lumos.risk

transfers := input.manifest.spec.privacy.transfers

listed if count(transfers) > 0

said_to_be_none if count(transfers) == 0

place := input.manifest.spec.source.hosting.location

# Where it runs. "no" is Norway here.
placed if lib.says(place)

in_eea if lower(trim_space(place)) in input.lists.eeaLocations

outside if {
	placed
	not in_eea
}

# Neither used nor run in the EU or EEA.
abroad if {
	not risk.in_eu
	outside
}

country(t) if lib.says(t.country)

# NA is Namibia here, not an omission.
country(t) if regex.match(`^[A-Z]{2}$`, t.country)

mechanisms contains lower(m) if some m in input.lists.transferMechanisms

mechanism(t) := lower(trim_space(t.mechanism)) if lib.filled(t.mechanism)

allowed(t) if mechanism(t) in mechanisms

adequacy(t) if mechanism(t) == "adequacy"

grounded(t) if {
	adequacy(t)
	upper(trim_space(t.country)) in input.lists.adequateCountries
}

grounded(t) if {
	not adequacy(t)
	risk.states(t.ref)
}

referenced(t) if lib.filled(t.ref)

safeguarded(t) if {
	country(t)
	allowed(t)
	grounded(t)
}

not_applicable contains "no transfer is recorded, and no personal data: every dataset is declared free of it, and risk.factors.data is at most 1" if {
	not listed
	not risk.personal_data
}

not_applicable contains sprintf("no transfer is recorded, and the model is neither used in the EU or EEA nor run there (%s)", [place]) if {
	not listed
	abroad
}

not_applicable contains sprintf("no personal data is transferred: privacy.transfers is empty, and the model runs in the EEA (%s)", [place]) if {
	said_to_be_none
	in_eea
}

missing contains {
	"message": "it is not said whether personal data is transferred to other countries (an empty list when it is not)",
	"pointer": "/spec/privacy/transfers",
} if {
	not pass
	not transfers
}

missing contains {
	"message": "it is not said where the model runs, so nobody can tell whether that is a transfer",
	"pointer": "/spec/source/hosting/location",
} if {
	not pass
	not listed
	not placed
}

missing contains {
	"message": sprintf("transfer no. %d names no country", [i + 1]),
	"pointer": sprintf("/spec/privacy/transfers/%d", [i]),
} if {
	not pass
	some i, t in transfers
	not country(t)
}

missing contains {
	"message": sprintf("transfer no. %d does not say what safeguards it (mechanism)", [i + 1]),
	"pointer": sprintf("/spec/privacy/transfers/%d", [i]),
} if {
	not pass
	some i, t in transfers
	not mechanism(t)
}

missing contains {
	"message": sprintf("transfer no. %d does not name the agreement that safeguards it (ref)", [i + 1]),
	"pointer": sprintf("/spec/privacy/transfers/%d", [i]),
} if {
	not pass
	some i, t in transfers
	not adequacy(t)
	not referenced(t)
}

fail contains {
	"message": sprintf("transfer no. %d: %q is not on lists.transferMechanisms", [i + 1, t.mechanism]),
	"pointer": sprintf("/spec/privacy/transfers/%d/mechanism", [i]),
} if {
	not pass
	some i, t in transfers
	mechanism(t)
	not allowed(t)
}

fail contains {
	"message": sprintf("transfer no. %d: no adequacy decision for %q is on lists.adequateCountries (ISO codes)", [i + 1, t.country]),
	"pointer": sprintf("/spec/privacy/transfers/%d/mechanism", [i]),
} if {
	not pass
	some i, t in transfers
	country(t)
	adequacy(t)
	not grounded(t)
}

fail contains {
	"message": sprintf("transfer no. %d: the reference says nothing (%q)", [i + 1, t.ref]),
	"pointer": sprintf("/spec/privacy/transfers/%d/ref", [i]),
} if {
	not pass
	some i, t in transfers
	not adequacy(t)
	risk.hollow(t.ref)
}

fail contains {
	"message": sprintf("no transfer is recorded, but the model runs in %q, which is not on lists.eeaLocations", [place]),
	"pointer": "/spec/privacy/transfers",
} if {
	not pass
	said_to_be_none
	outside
}

pass if {
	listed
	every t in transfers {
		safeguarded(t)
	}
}
