# METADATA
# title: Monitoring plan and incident route
# description: >-
#   From the tier medium up, the signals that are watched, where alerts go, and whom to tell of an
#   incident are each written down. Empty lists and placeholders do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-09
#   severity: high
#   mode: mandatory
#   remediation: "Name the signals that are watched, drift among them, in monitoring.metrics, the channel that gets alerts in monitoring.alerts, and the address that takes incident reports in monitoring.incidentContact"
#   frameworks:
#     nist-ai-rmf: [MANAGE 4.1]
#     nist-ai-600-1: [MG-4.1-002, MG-4.3-002, MG-2.4-002]
#     eu-ai-act: ["72.3", "73.1"]
#     gdpr: ["33.1"]
#     iso-42001: ["A.6.2.6"]
#     mrm-sr-26-2: [monitoring]
package lumos.controls.gov_09

import data.lumos.lib
import data.lumos.risk

monitoring := input.manifest.spec.monitoring

any_signal if {
	some signal in monitoring.metrics
	lib.filled(signal)
}

alerted if lib.filled(monitoring.alerts)

reachable if lib.filled(monitoring.incidentContact)

not_applicable contains sprintf("the tier is %s; a monitoring plan is asked for from the tier medium up", [input.tier.effective]) if {
	not lib.at_least("medium")
}

missing contains {"message": "no signal is named that is watched in operation", "pointer": "/spec/monitoring/metrics"} if {
	not pass
	not any_signal
}

missing contains {"message": "it is not said where alerts go", "pointer": "/spec/monitoring/alerts"} if {
	not pass
	not alerted
}

missing contains {
	"message": "it is not said whom to tell of an incident",
	"pointer": "/spec/monitoring/incidentContact",
} if {
	not pass
	not reachable
}

fail contains {
	"message": sprintf("a signal that is watched says nothing (%q)", [signal]),
	"pointer": sprintf("/spec/monitoring/metrics/%d", [i]),
} if {
	not pass
	some i, signal in monitoring.metrics
	not risk.states(signal)
}

fail contains {
	"message": sprintf("where alerts go says nothing (%q)", [monitoring.alerts]),
	"pointer": "/spec/monitoring/alerts",
} if {
	not pass
	risk.hollow(monitoring.alerts)
}

fail contains {
	"message": sprintf("the incident contact says nothing (%q)", [monitoring.incidentContact]),
	"pointer": "/spec/monitoring/incidentContact",
} if {
	not pass
	risk.hollow(monitoring.incidentContact)
}

pass if {
	any_signal
	every signal in monitoring.metrics {
		risk.states(signal)
	}
	risk.states(monitoring.alerts)
	risk.states(monitoring.incidentContact)
}
