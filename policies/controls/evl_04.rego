# METADATA
# title: Latency and throughput in limits
# description: >-
#   Every limit that thresholds.performance sets is measured and kept, the profile names hardware,
#   serving engine and load (concurrency), and spec.evidence lists the report. Numbers without a
#   profile do not count, nor does a release for which no limit is set.
# schemas:
#   - input: schema.input
# custom:
#   id: EVL-04
#   severity: high
#   mode: mandatory
#   remediation: "Measure again on the declared hardware, fill performance.profile and performance.evidence, and set thresholds.performance in .lumos/config.yaml"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.3]
#     nist-ai-600-1: [GV-1.3-002]
#     eu-ai-act: ["13.3.e"]
#     iso-42001: ["A.4.5"]
package lumos.controls.evl_04

import data.lumos.evaluation
import data.lumos.lib
import data.lumos.risk

performance := input.manifest.spec.performance

# What a number was measured on.
on["hardware"] if risk.states(performance.profile.hardware)

on["engine"] if risk.states(performance.profile.engine)

on["concurrency"] if performance.profile.concurrency > 0

unnamed := {"hardware", "engine", "concurrency"} - {part | some part, _ in on}

limits[metric] := limit if some metric, limit in input.thresholds.performance

measured(metric) if is_number(performance.metrics[metric])

shown if performance.evidence in evaluation.listed

below contains metric if {
	some metric, limit in limits
	performance.metrics[metric] < limit.min
}

above contains metric if {
	some metric, limit in limits
	performance.metrics[metric] > limit.max
}

bounded(limit) if is_number(limit.min)

bounded(limit) if is_number(limit.max)

missing contains {
	"message": "no limit is set to judge latency and throughput by: set thresholds.performance in .lumos/config.yaml",
	"pointer": "/spec/performance",
} if {
	not pass
	count(limits) == 0
}

missing contains {
	"message": sprintf("a limit is set for %q, which was not measured", [metric]),
	"pointer": "/spec/performance/metrics",
} if {
	not pass
	some metric, _ in limits
	not measured(metric)
}

missing contains {
	"message": sprintf("the profile does not say what was measured: it lacks %s", [concat(", ", sort(unnamed))]),
	"pointer": "/spec/performance/profile",
} if {
	not pass
	count(unnamed) > 0
}

missing contains {
	"message": "the measurement names no evidence that spec.evidence lists",
	"pointer": "/spec/performance/evidence",
} if {
	not pass
	not shown
}

fail contains {
	"message": sprintf("%s is %v, below the limit of %v", [metric, performance.metrics[metric], limits[metric].min]),
	"pointer": sprintf("/spec/performance/metrics/%s", [lib.segment(metric)]),
} if {
	not pass
	some metric in below
}

fail contains {
	"message": sprintf("%s is %v, above the limit of %v", [metric, performance.metrics[metric], limits[metric].max]),
	"pointer": sprintf("/spec/performance/metrics/%s", [lib.segment(metric)]),
} if {
	not pass
	some metric in above
}

pass if {
	count(limits) > 0
	count(unnamed) == 0
	shown
	count(below | above) == 0
	every metric, limit in limits {
		measured(metric)
		bounded(limit)
	}
}
