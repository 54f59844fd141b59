# METADATA
# title: DPIA linked
# description: >-
#   A data protection impact assessment is linked where it is needed: special categories or health
#   data, a legal or safety effect (impact 3), or a high-risk class, unless the release is declared to
#   concern neither persons nor their data. What is not declared (the class of a dataset, the
#   factors data and impact, in the EU the class of the system) calls for one too. It is
#   privacy.dpia.evidence, else evidence of the type dpia. One that is changed, expired, empty, has
#   blanks, or is another document does not count, nor does a reference alone.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-04
#   severity: critical
#   mode: mandatory
#   remediation: "Finish the DPIA, get the data protection officer's advice on it, list it as evidence of the type dpia and name it in privacy.dpia; or declare what is open, where that shows that none is needed"
#   frameworks:
#     nist-ai-rmf: [GOVERN 1.1]
#     nist-ai-600-1: [GV-1.1-001]
#     gdpr: ["35.1", "35.3"]
#     iso-42001: ["A.5.4"]
package lumos.controls.gov_04

import data.lumos.lib
import data.lumos.risk

# Why an assessment is needed.
reasons contains sprintf("dataset %q holds data of the class %s", [lib.label(dataset, i), dataset.personalData]) if {
	some i, dataset in input.manifest.spec.data
	dataset.personalData in {"special", "phi"}
}

reasons contains "risk.factors.data is 3 (special categories or health data)" if {
	input.manifest.spec.risk.factors.data == 3
}

reasons contains "risk.factors.impact is 3 (legal effect or safety)" if {
	risk.concerns_persons
	input.manifest.spec.risk.factors.impact == 3
}

reasons contains "the system is high-risk under the EU AI Act" if {
	risk.concerns_persons
	risk.high_risk
}

# What would have to be declared before anybody could say that none is needed.
reasons contains "no dataset is listed" if not risk.any_dataset

reasons contains sprintf("dataset %q does not say whether it holds personal data", [lib.label(dataset, i)]) if {
	some i, dataset in input.manifest.spec.data
	not risk.classified(dataset)
}

reasons contains sprintf("risk.factors.%s is not rated", [factor]) if {
	some factor in ["data", "impact"]
	not rated(factor)
}

reasons contains "risk.euAiAct.class is not declared" if {
	risk.concerns_persons
	risk.unclassed
}

rated(factor) if is_number(input.manifest.spec.risk.factors[factor])

named := input.manifest.spec.privacy.dpia.evidence

reference := input.manifest.spec.privacy.dpia.ref

# The documents that may be it.
documents := {i |
	some i, e in input.manifest.spec.evidence
	e.id == named
} if {
	named
} else := risk.evidence_of(["dpia"])

not_applicable contains "no special categories or health data, no legal or safety effect on persons, and no high-risk class is declared" if {
	count(reasons) == 0
}

missing contains {
	"message": sprintf("no DPIA is linked, which is needed since %s", [concat("; ", sort(reasons))]),
	"pointer": "/spec/privacy/dpia",
} if {
	not pass
	not named
	count(documents) == 0
}

missing contains finding if {
	not pass
	some finding in risk.absent(named, "/spec/privacy/dpia/evidence")
}

missing contains finding if {
	not pass
	some i in documents
	some finding in risk.lacking[i]
}

fail contains finding if {
	not pass
	some finding in risk.amiss(named, ["dpia"], "/spec/privacy/dpia/evidence")
}

fail contains finding if {
	not pass
	some i in documents
	some finding in risk.defects(i)
}

fail contains {
	"message": sprintf("the reference of the DPIA says nothing (%q)", [reference]),
	"pointer": "/spec/privacy/dpia/ref",
} if {
	not pass
	risk.hollow(reference)
}

# A reference may be left out, but not left blank.
well_referenced if not reference

well_referenced if risk.states(reference)

pass if {
	well_referenced
	some i in documents
	e := input.manifest.spec.evidence[i]
	e.type == "dpia"
	risk.finished(e)
}
