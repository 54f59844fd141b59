# METADATA
# title: Lawful basis recorded
# description: >-
#   Every dataset that holds personal data names the point of GDPR article 6(1) on which it is
#   processed, and the reference of the record that reasons it. Special categories and health data
#   also need a point of article 9(2). A dataset that is unclassified or "unknown" counts as both,
#   whatever it turns out to be. A whole article and a reference that is a placeholder do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: DAT-06
#   severity: critical
#   mode: mandatory
#   remediation: "Record legalBasis (article such as \"6.1.f\", and the reference of the assessment) for each dataset with personal data, and article9Basis (such as \"9.2.a\") for special categories and health data"
#   frameworks:
#     nist-ai-rmf: [GOVERN 1.1]
#     nist-ai-600-1: [GV-1.1-001]
#     eu-ai-act: ["10.5"]
#     gdpr: ["6.1", "9.2"]
#     iso-42001: ["A.7.3"]
package lumos.controls.dat_06

import data.lumos.lib
import data.lumos.risk

# How the points that each basis may name are written, and what they are in words.
forms := {"legalBasis": `^6\.1\.[a-f]$`, "article9Basis": `^9\.2\.[a-j]$`}

points := {"legalBasis": "6.1.a to 6.1.f", "article9Basis": "9.2.a to 9.2.j"}

# needs: the bases that a dataset with personal data needs.
needs(dataset) := {"legalBasis"} if {
	risk.ordinary(dataset)
} else := {"legalBasis", "article9Basis"}

based(dataset, basis) if {
	regex.match(forms[basis], dataset[basis].article)
	risk.states(dataset[basis].ref)
}

blank(dataset, basis, field) if not lib.filled(object.get(dataset, [basis, field], ""))

# dotted turns 6(1)(f), Art. 6 (1) f and the like into 6.1.f.
dotted(article) := trim(regex.replace(regex.replace(lower(article), `^\s*art(icle)?\b`, ""), `[\s().,]+`, "."), ".")

personal contains i if {
	some i, dataset in input.manifest.spec.data
	not risk.impersonal(dataset)
}

kind(dataset) := sprintf("personalData: %s", [dataset.personalData]) if dataset.personalData

kind(dataset) := "personalData is not stated" if not dataset.personalData

not_applicable contains "every dataset is declared to hold no personal data" if {
	risk.any_dataset
	count(personal) == 0
}

missing contains {"message": "no dataset is listed", "pointer": "/spec/data"} if {
	not pass
	not risk.any_dataset
}

missing contains {
	"message": sprintf("dataset %q (%s) states no %s.%s", [lib.label(dataset, i), kind(dataset), basis, field]),
	"pointer": sprintf("/spec/data/%d", [i]),
} if {
	not pass
	some i in personal
	dataset := input.manifest.spec.data[i]
	some basis in needs(dataset)
	some field in ["article", "ref"]
	blank(dataset, basis, field)
}

fail contains object.union(
	{
		"message": sprintf("dataset %q: %q is no legal basis (%s)", [lib.label(dataset, i), article, points[basis]]),
		"pointer": sprintf("/spec/data/%d/%s/article", [i, basis]),
	},
	{"fix": fixed | fixed := dotted(article); regex.match(forms[basis], fixed)},
) if {
	not pass
	some i in personal
	dataset := input.manifest.spec.data[i]
	some basis in needs(dataset)
	article := dataset[basis].article
	lib.filled(article)
	not regex.match(forms[basis], article)
}

fail contains {
	"message": sprintf("dataset %q: %s.ref says nothing (%q)", [lib.label(dataset, i), basis, dataset[basis].ref]),
	"pointer": sprintf("/spec/data/%d/%s/ref", [i, basis]),
} if {
	not pass
	some i in personal
	dataset := input.manifest.spec.data[i]
	some basis in needs(dataset)
	risk.hollow(dataset[basis].ref)
}

pass if {
	count(personal) > 0
	every i in personal {
		every basis in needs(input.manifest.spec.data[i]) {
			based(input.manifest.spec.data[i], basis)
		}
	}
}
