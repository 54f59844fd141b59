# METADATA
# title: Thresholds met
# description: >-
#   Every value for which the organisation set a threshold meets it, at least one evaluation is
#   judged by one, and no evaluation or test is recorded as failed.
# schemas:
#   - input: schema.input
# custom:
#   id: EVL-02
#   severity: critical
#   mode: mandatory
#   remediation: "Retrain, narrow the scope, or ask for a waiver with an expiry date; thresholds are set in .lumos/config.yaml"
#   frameworks:
#     nist-ai-rmf: [MANAGE 1.1]
#     nist-ai-600-1: [GV-1.3-002]
#     eu-ai-act: ["9.8"]
#     iso-42001: ["A.6.2.4"]
#     mrm-sr-26-2: [validation]
package lumos.controls.evl_02

import data.lumos.lib

# Reported values with a threshold: the value, its limits, and where it stands.
judged contains {
	"name": e.metric, "value": e.value, "limits": limits,
	"pointer": sprintf("/spec/evaluations/%d/value", [i]),
} if {
	some i, e in input.manifest.spec.evaluations
	limits := input.thresholds.evaluations[e.metric]
}

judged contains {
	"name": metric, "value": value, "limits": limits,
	"pointer": sprintf("/spec/performance/metrics/%s", [lib.segment(metric)]),
} if {
	some metric, limits in input.thresholds.performance
	value := input.manifest.spec.performance.metrics[metric]
}

low(j) if j.value < j.limits.min

high(j) if j.value > j.limits.max

# Met by proof: a number, with a limit at one end at least, within what is set.
met(j) if {
	is_number(j.value)
	bounded(j.limits)
	not low(j)
	not high(j)
}

bounded(limits) if is_number(limits.min)

bounded(limits) if is_number(limits.max)

evaluated contains e.metric if {
	some e in input.manifest.spec.evaluations
	is_number(e.value)
}

covered if {
	some metric in evaluated
	input.thresholds.evaluations[metric]
}

measured(metric) if is_number(input.manifest.spec.performance.metrics[metric])

failed contains i if {
	some i, e in input.manifest.spec.evaluations
	e.passed == false
}

unreported contains metric if {
	some metric, _ in input.thresholds.evaluations
	not metric in evaluated
}

unmeasured contains metric if {
	some metric, _ in input.thresholds.performance
	not measured(metric)
}

missing contains {"message": "no evaluation is recorded", "pointer": "/spec/evaluations"} if {
	not pass
	count(evaluated) == 0
}

missing contains {
	"message": sprintf(
		"no threshold in .lumos/config.yaml covers an evaluation of this release (%s): set thresholds.evaluations",
		[concat(", ", sort(evaluated))],
	),
	"pointer": "/spec/evaluations",
} if {
	not pass
	count(evaluated) > 0
	not covered
}

missing contains {
	"message": sprintf("a threshold is set for %q, but no evaluation reports it", [metric]),
	"pointer": "/spec/evaluations",
} if {
	not pass
	some metric in unreported
}

missing contains {
	"message": sprintf("a threshold is set for %q, but the performance metrics do not report it", [metric]),
	"pointer": "/spec/performance/metrics",
} if {
	not pass
	some metric in unmeasured
}

fail contains {
	"message": sprintf("%s is %v, below the threshold of %v", [j.name, j.value, j.limits.min]),
	"pointer": j.pointer,
} if {
	not pass
	some j in judged
	low(j)
}

fail contains {
	"message": sprintf("%s is %v, above the threshold of %v", [j.name, j.value, j.limits.max]),
	"pointer": j.pointer,
} if {
	not pass
	some j in judged
	high(j)
}

fail contains {
	"message": sprintf("evaluation %q is recorded as failed", [lib.label(input.manifest.spec.evaluations[i], i)]),
	"pointer": sprintf("/spec/evaluations/%d/passed", [i]),
} if {
	not pass
	some i in failed
}

pass if {
	covered
	count(failed) == 0
	count(unreported) == 0
	count(unmeasured) == 0
	every j in judged {
		met(j)
	}
}
