# METADATA
# title: Results by subgroup
# description: >-
#   Each subgroup of lists.requiredSlices is reported by an evaluation that counts (see EVL-01) and
#   whose metric has a threshold, and meets that threshold. An entry is one group ("lang=fr") or a
#   dimension ("lang"), of which two groups are needed at least: one alone compares nothing. It
#   concerns every release that is not declared to affect nobody
#   (intendedUse.deployment.affectsPersons: false); a risk factor of impact 3 outweighs that
#   declaration.
# schemas:
#   - input: schema.input
# custom:
#   id: EVL-05
#   severity: high
#   mode: mandatory
#   remediation: "Evaluate the missing slices and record them under evaluations[].slices; narrow the scope where a group falls short"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.11]
#     nist-ai-600-1: [MS-2.11-002]
#     eu-ai-act: ["13.3.b.v"]
#     gdpr: ["5.1.a"]
#     iso-42001: ["A.5.4"]
package lumos.controls.evl_05

import data.lumos.evaluation
import data.lumos.risk

not_applicable contains "its output is declared to affect no person (intendedUse.deployment.affectsPersons: false)" if {
	not risk.affects_persons
}

required contains lower(trim_space(entry)) if some entry in input.lists.requiredSlices

# Subgroups that were asked for and can be judged: a number, of an evaluation that counts, with a threshold.
judged contains {
	"entry": entry, "name": s.name, "metric": e.metric, "value": s.value, "limit": limit,
	"pointer": sprintf("/spec/evaluations/%d/slices/%d/value", [i, j]),
} if {
	some i, e in input.manifest.spec.evaluations
	limit := input.thresholds.evaluations[e.metric]
	some j, s in e.slices
	is_number(s.value)
	some entry in required
	belongs(lower(trim_space(s.name)), entry)
	evaluation.ours[i]
	evaluation.complete(e)
}

belongs(name, entry) if name == entry

belongs(name, entry) if startswith(name, concat("", [entry, "="]))

groups(entry) := {lower(trim_space(j.name)) |
	some j in judged
	j.entry == entry
}

needed(entry) := 1 if contains(entry, "=")

needed(entry) := 2 if not contains(entry, "=")

low(j) if j.value < j.limit.min

high(j) if j.value > j.limit.max

met(j) if {
	bounded(j.limit)
	not low(j)
	not high(j)
}

bounded(limit) if is_number(limit.min)

bounded(limit) if is_number(limit.max)

missing contains {
	"message": "lists.requiredSlices names no subgroup: say in .lumos/config.yaml for which ones results are needed",
	"pointer": "/spec/evaluations",
} if {
	not pass
	count(required) == 0
}

missing contains {
	"message": sprintf("%d of %d groups are reported for the slice %q by an evaluation that counts and whose metric has a threshold", [
		count(groups(entry)), needed(entry),
		entry,
	]),
	"pointer": "/spec/evaluations",
} if {
	not pass
	some entry in required
	count(groups(entry)) < needed(entry)
}

fail contains {
	"message": sprintf("%s is %v for %s, below the threshold of %v", [j.metric, j.value, j.name, j.limit.min]),
	"pointer": j.pointer,
} if {
	not pass
	some j in judged
	low(j)
}

fail contains {
	"message": sprintf("%s is %v for %s, above the threshold of %v", [j.metric, j.value, j.name, j.limit.max]),
	"pointer": j.pointer,
} if {
	not pass
	some j in judged
	high(j)
}

pass if {
	count(required) > 0
	every entry in required {
		count(groups(entry)) >= needed(entry)
	}
	every j in judged {
		met(j)
	}
}
