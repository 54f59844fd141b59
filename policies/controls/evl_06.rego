# METADATA
# title: Independent evaluation
# description: >-
#   From the tier high on, every evaluation that was run for this release names who ran it, which is
#   neither an author (metadata.authors) nor the owner, person or team; one of them counts in full
#   (see EVL-01). The publisher's own numbers (selfReported) are left out: they are independent of
#   nobody.
# schemas:
#   - input: schema.input
# custom:
#   id: EVL-06
#   severity: high
#   mode: mandatory
#   remediation: "Have a second team run the evaluations, and name it as evaluator"
#   frameworks:
#     nist-ai-rmf: [MEASURE 1.3]
#     nist-ai-600-1: [MS-1.3-003, GV-3.2-001]
#     iso-42001: ["A.6.2.4"]
#     mrm-sr-26-2: [effective challenge]
package lumos.controls.evl_06

import data.lumos.evaluation
import data.lumos.lib
import data.lumos.risk

not_applicable contains sprintf("the tier is %s; this counts from high on", [input.tier.effective]) if {
	not lib.at_least("high")
}

account(x) := trim_prefix(lower(trim_space(x)), "@")

authors contains account(a) if {
	some a in input.manifest.metadata.authors
	lib.says(a)
}

# Who made the release or answers for it.
makers := authors | owners

owners contains account(o) if some o in input.manifest.metadata.owner

named(e) if risk.states(e.evaluator)

# A team is also meant when its organisation stands before it: acme/support-ml.
maker(evaluator) if {
	parts := split(account(evaluator), "/")
	parts[count(parts) - 1] in makers
}

# Who ran what was run for this release, and where nobody says who.
evaluators contains e.evaluator if some e in evaluation.ours

anonymous contains i if {
	some i, e in evaluation.ours
	not named(e)
}

proven if {
	some e in evaluation.ours
	evaluation.complete(e)
}

missing contains {
	"message": "no evaluation that counts was run for this release",
	"pointer": "/spec/evaluations",
} if {
	not pass
	not proven
}

missing contains {
	"message": "the authors are not named, so that nobody can be told to be independent of them",
	"pointer": "/metadata/authors",
} if {
	not pass
	count(authors) == 0
}

missing contains {
	"message": sprintf("evaluation %q does not say who ran it", [evaluation.name(i)]),
	"pointer": evaluation.place(i),
} if {
	not pass
	some i in anonymous
}

fail contains {
	"message": sprintf("evaluation %q was run by %s, who made the release or answers for it", [evaluation.name(i), e.evaluator]),
	"pointer": sprintf("%s/evaluator", [evaluation.place(i)]),
} if {
	not pass
	some i, e in evaluation.ours
	maker(e.evaluator)
}

pass if {
	proven
	count(authors) > 0
	count(anonymous) == 0
	every evaluator in evaluators {
		not maker(evaluator)
	}
}
