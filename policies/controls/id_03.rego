# METADATA
# title: Signature verified by a trusted identity
# description: >-
#   The artifacts carry a signature that was verified, by an identity on lists.trustedSigners.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-03
#   severity: high
#   mode: weighted
#   mandatory_when: the tier is critical
#   remediation: "Sign with OpenSSF model-signing and add the signer to lists.trustedSigners"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.7]
#     nist-ai-600-1: [MS-2.7-005, MS-1.1-002]
#     eu-ai-act: ["15.5"]
#     iso-42001: ["A.6.2.5"]
package lumos.controls.id_03

import data.lumos.lib

signature := input.manifest.spec.signature

trusted if signature.identity in input.lists.trustedSigners

judged if is_boolean(signature.verified)

identified if lib.filled(signature.identity)

mandatory if input.tier.effective == "critical"

missing contains {"message": "the release has no signature", "pointer": "/spec/signature"} if {
	not pass
	not signature
}

missing contains {
	"message": "the signature does not say whether it was verified",
	"pointer": "/spec/signature/verified",
} if {
	not pass
	signature
	not judged
}

missing contains {
	"message": "the signature names no identity",
	"pointer": "/spec/signature/identity",
} if {
	not pass
	signature
	not identified
}

fail contains {
	"message": "the signature was not verified",
	"pointer": "/spec/signature/verified",
} if {
	not pass
	signature.verified == false
}

fail contains {
	"message": sprintf("signed by %q, who is not on lists.trustedSigners", [signature.identity]),
	"pointer": "/spec/signature/identity",
} if {
	not pass
	identified
	not trusted
}

pass if {
	signature.verified == true
	trusted
}
