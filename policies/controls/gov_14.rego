# METADATA
# title: Waivers valid
# description: >-
#   Every waiver that is meant for this release is valid: scope, dates, length by severity, and
#   approved by somebody other than the requester.
# schemas:
#   - input: schema.input
# custom:
#   id: GOV-14
#   severity: critical
#   mode: mandatory
#   remediation: "Correct on the base branch what is said about the waiver, renew it with a new approval, or remove its file from .lumos/waivers"
#   frameworks:
#     nist-ai-rmf: [GOVERN 1.4]
#     eu-ai-act: ["9.5"]
#     gdpr: ["5.2"]
#     iso-42001: ["8.3"]
#     mrm-sr-26-2: [exceptions]
package lumos.controls.gov_14

# Without any waiver this passes too: else a waiver, by making the control apply, would change the score.

fail contains {"message": sprintf("%s: %s", [waiver.path, problem])} if {
	some waiver in input.waivers
	some problem in waiver.problems
}

pass if {
	is_array(input.waivers)
	every waiver in input.waivers {
		count(waiver.problems) == 0
	}
}
