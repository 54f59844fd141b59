# METADATA
# title: Risk tier declared, not below the derived tier
# description: >-
#   The risk tier is declared with its reasons and factors, and is not below the tier that those
#   factors give. A factor that is not rated counts as 2 and is asked for; a use that the EU AI Act
#   prohibits fails at any tier.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-01
#   severity: critical
#   mode: mandatory
#   remediation: "Declare risk.tier at least as high as the factors give, say why in risk.rationale, and rate all eight factors; correct a factor only where it is wrong"
#   frameworks:
#     nist-ai-rmf: [MAP 1.5]
#     nist-ai-600-1: [GV-1.3-001]
#     eu-ai-act: ["9.2.a"]
#     gdpr: ["35.1"]
#     iso-42001: ["8.2"]
#     mrm-sr-26-2: [materiality]
package lumos.controls.gov_01

import data.lumos.lib

risk := input.manifest.spec.risk

factors := {"data", "impact", "exposure", "autonomy", "domain", "provenance", "capability", "change"}

rated(factor) if is_number(risk.factors[factor])

unrated contains factor if {
	some factor in factors
	not rated(factor)
}

reasoned if lib.filled(risk.rationale)

declared if lib.ranks[risk.tier]

missing contains {"message": "no risk tier is declared", "pointer": "/spec/risk/tier"} if {
	not pass
	not declared
}

missing contains {
	"message": "the risk tier has no rationale",
	"pointer": "/spec/risk/rationale",
} if {
	not pass
	not reasoned
}

missing contains {
	"message": sprintf("risk factors not rated: %s (each counts as 2)", [concat(", ", sort(unrated))]),
	"pointer": "/spec/risk/factors",
} if {
	not pass
	count(unrated) > 0
}

fail contains {
	"message": sprintf("the rationale is a placeholder (%q)", [risk.rationale]),
	"pointer": "/spec/risk/rationale",
} if {
	not pass
	lib.placeholder(risk.rationale)
}

fail contains {
	"message": sprintf("the declared tier %s is below %s: %s", [risk.tier, input.tier.derived, input.tier.reason]),
	"pointer": "/spec/risk/tier",
	"fix": input.tier.derived,
} if {
	not pass
	lib.ranks[risk.tier] < lib.ranks[input.tier.derived]
}

barred if risk.euAiAct.class == "prohibited"

fail contains {
	"message": "the use is classed as prohibited by the EU AI Act: it cannot be released",
	"pointer": "/spec/risk/euAiAct/class",
} if {
	not pass
	barred
}

pass if {
	lib.ranks[risk.tier] >= lib.ranks[input.tier.derived]
	lib.says(risk.rationale)
	count(unrated) == 0
	not barred
}
