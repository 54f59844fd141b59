# METADATA
# title: Automated decision safeguards
# description: >-
#   Where a decision has a legal or similar effect, a person reviews it, always or on request, and
#   whoever is affected has a way to contest it. Such an effect is impact 3, a high-risk class, or a
#   material effect (impact 2) that no person decides or confirms. What is not declared counts as such
#   an effect. Review of samples, no review and a placeholder for the way to contest do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-06
#   severity: critical
#   mode: mandatory
#   remediation: "Set oversight.humanReview to always or on-request and make it so, and say in oversight.contest how somebody affected can contest an outcome and who answers"
#   frameworks:
#     nist-ai-rmf: [GOVERN 3.2]
#     nist-ai-600-1: [GV-3.2-004, GV-5.1-001]
#     eu-ai-act: ["14.4.d"]
#     gdpr: ["22.3"]
#     iso-42001: ["A.9.2"]
package lumos.controls.gov_06

import data.lumos.lib
import data.lumos.risk

factors := input.manifest.spec.risk.factors

rated(factor) if is_number(factors[factor])

# Why safeguards are needed.
reasons contains "risk.factors.impact is 3 (legal effect or safety)" if factors.impact == 3

reasons contains "risk.factors.impact is not rated" if {
	risk.affects_persons
	not rated("impact")
}

reasons contains "the system is high-risk under the EU AI Act" if {
	risk.affects_persons
	risk.high_risk
}

reasons contains "risk.euAiAct.class is not declared" if {
	risk.affects_persons
	risk.unclassed
}

reasons contains "risk.factors.impact is 2 (material effect), and no person is said to decide or confirm (autonomy)" if {
	risk.affects_persons
	factors.impact == 2
	not attended
}

attended if factors.autonomy in {0, 1}

oversight := input.manifest.spec.oversight

reviewed if oversight.humanReview in {"always", "on-request"}

contestable if lib.filled(oversight.contest)

not_applicable contains "its decisions have no legal or similar effect on persons, as the manifest declares (impact, autonomy, class, affectsPersons)" if {
	count(reasons) == 0
}

missing contains {
	"message": sprintf("it is not said whether a person reviews decisions (oversight.humanReview), which is needed since %s", [concat("; ", sort(reasons))]),
	"pointer": "/spec/oversight/humanReview",
} if {
	not pass
	not oversight.humanReview
}

missing contains {
	"message": "there is no way to contest an outcome (oversight.contest)",
	"pointer": "/spec/oversight/contest",
} if {
	not pass
	not contestable
}

fail contains {
	"message": sprintf("a person reviews decisions %q: always or on-request is needed since %s", [oversight.humanReview, concat("; ", sort(reasons))]),
	"pointer": "/spec/oversight/humanReview",
} if {
	not pass
	oversight.humanReview
	not reviewed
}

fail contains {
	"message": sprintf("the way to contest an outcome says nothing (%q)", [oversight.contest]),
	"pointer": "/spec/oversight/contest",
} if {
	not pass
	risk.hollow(oversight.contest)
}

pass if {
	reviewed
	risk.states(oversight.contest)
}
