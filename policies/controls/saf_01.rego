# METADATA
# title: Confidential data leakage test passed
# description: >-
#   A test for the leakage of confidential data was run on the model, passed, and its report is
#   attached.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-01
#   severity: critical
#   mode: mandatory
#   remediation: "Run the extraction and membership-inference suite, and attach its report as evidence"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.10]
#     nist-ai-600-1: [MS-2.10-001]
#     eu-ai-act: ["15.5"]
#     gdpr: ["5.1.f", "32.1.d"]
#     iso-42001: ["A.6.2.4"]
package lumos.controls.saf_01

import data.lumos.lib

leak_tests contains i if {
	some i, e in input.manifest.spec.evaluations
	e.test == "data-leakage"
}

concluded(e) if is_boolean(e.passed)

attached(e) if lib.evidence_listed(e.evidence)

proven(e) if {
	e.passed == true
	attached(e)
}

missing contains {
	"message": "no test for data leakage is recorded (an evaluation with test: data-leakage)",
	"pointer": "/spec/evaluations",
} if {
	not pass
	count(leak_tests) == 0
}

missing contains {
	"message": "the test for data leakage does not say whether it passed",
	"pointer": sprintf("/spec/evaluations/%d", [i]),
} if {
	not pass
	some i in leak_tests
	not concluded(input.manifest.spec.evaluations[i])
}

missing contains {
	"message": "the test for data leakage has no listed evidence",
	"pointer": sprintf("/spec/evaluations/%d", [i]),
} if {
	not pass
	some i in leak_tests
	not attached(input.manifest.spec.evaluations[i])
}

fail contains {
	"message": "the test for data leakage did not pass",
	"pointer": sprintf("/spec/evaluations/%d/passed", [i]),
} if {
	not pass
	some i in leak_tests
	input.manifest.spec.evaluations[i].passed == false
}

pass if {
	count(leak_tests) > 0
	every i in leak_tests {
		proven(input.manifest.spec.evaluations[i])
	}
}
