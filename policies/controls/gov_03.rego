# METADATA
# title: Impact assessment linked
# description: >-
#   From the tier high up, an assessment of the impact on people and society is listed as evidence of
#   the type impact-assessment and is finished. One that has another digest, is expired or empty,
#   still holds a template's blanks, or is the model card or a test report under another name, does
#   not count.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-03
#   severity: high
#   mode: mandatory
#   remediation: "Assess the impact on the people whom the system affects, fill every blank, and list the document as evidence of the type impact-assessment with its digest"
#   frameworks:
#     nist-ai-rmf: [MAP 5.1]
#     nist-ai-600-1: [MS-3.3-001, GV-4.2-003]
#     eu-ai-act: ["27.1"]
#     gdpr: ["35.7"]
#     iso-42001: ["A.5.3"]
package lumos.controls.gov_03

import data.lumos.lib
import data.lumos.risk

assessments := risk.evidence_of(["impact-assessment"])

not_applicable contains sprintf("the tier is %s; an impact assessment is asked for from the tier high up", [input.tier.effective]) if {
	not lib.at_least("high")
}

missing contains {
	"message": sprintf("no impact assessment is listed, which the tier %s asks for (evidence of the type impact-assessment)", [input.tier.effective]),
	"pointer": "/spec/evidence",
} if {
	not pass
	count(assessments) == 0
}

missing contains finding if {
	not pass
	some i in assessments
	some finding in risk.lacking[i]
}

fail contains finding if {
	not pass
	some i in assessments
	some finding in risk.defects(i)
}

pass if {
	some i in assessments
	risk.finished(input.manifest.spec.evidence[i])
}
