# METADATA
# title: Signature verified by a trusted identity
# description: >-
#   The artifacts carry a signature, by an identity on lists.trustedSigners. A bundle that the manifest
#   names as evidence is verified by what .lumos/trust/ on the base branch trusts, and must cover every
#   artifact. Without a bundle the manifest only claims that somebody verified it, which does not do at
#   the tier critical.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-03
#   severity: high
#   mode: weighted
#   mandatory_when: the tier is critical
#   remediation: "Sign with OpenSSF model-signing, name model.sig as the signature's evidence, put the trusted_root.json or the public key into .lumos/trust/ and the signer on lists.trustedSigners"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.7]
#     nist-ai-600-1: [MS-2.7-005, MS-1.1-002]
#     eu-ai-act: ["15.5"]
#     iso-42001: ["A.6.2.5"]
package lumos.controls.id_03

import data.lumos.claims
import data.lumos.lib

signature := input.manifest.spec.signature

trusted if signature.identity in input.lists.trustedSigners

judged if is_boolean(signature.verified)

identified if lib.filled(signature.identity)

mandatory if input.tier.effective == "critical"

# The files that the manifest names as the signature and that are one.
bundles contains uri if {
	some uri in claims.files(signature.evidence)
	input.evidence[uri].facts.signer
}

bundled if count(bundles) > 0

broken[uri] := input.evidence[uri].facts.error if some uri in claims.files(signature.evidence)

signed_by[uri] := input.evidence[uri].facts.signer if some uri in bundles

# What a bundle covers: places of artifacts.
covered[uri] contains i if {
	some uri in bundles
	some s in input.evidence[uri].facts.subjects
	some i, artifact in input.manifest.spec.artifacts
	artifact.digest == s.digest
}

covers(uri, i) if i in covered[uri]

# as_claimed: what the manifest says of the signer is what the bundle shows.
as_claimed(_, key) if not signature[key]

as_claimed(signer, key) if signature[key] == object.get(signer, key, "")

proven(uri) if {
	signer := signed_by[uri]
	signer.verified
	signer.identity in input.lists.trustedSigners
	as_claimed(signer, "identity")
	as_claimed(signer, "issuer")
	count(input.manifest.spec.artifacts) > 0
	every i, _ in input.manifest.spec.artifacts {
		covers(uri, i)
	}
}

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
	not bundled
	not judged
}

missing contains {
	"message": "the signature names no identity",
	"pointer": "/spec/signature/identity",
} if {
	not pass
	signature
	not bundled
	not identified
}

missing contains {"message": "no artifact is listed that the signature could be of", "pointer": "/spec/artifacts"} if {
	not pass
	bundled
	count(object.get(input.manifest.spec, "artifacts", [])) == 0
}

fail contains {
	"message": "the signature was not verified",
	"pointer": "/spec/signature/verified",
} if {
	not pass
	not bundled
	signature.verified == false
}

fail contains {
	"message": sprintf("signed by %q, who is not on lists.trustedSigners", [signature.identity]),
	"pointer": "/spec/signature/identity",
} if {
	not pass
	not bundled
	identified
	not trusted
}

fail contains {
	"message": "that the signature is verified is only claimed: at the tier critical its evidence must be a signature that Lumos can verify, such as the model.sig of OpenSSF model-signing",
	"pointer": "/spec/signature/verified",
} if {
	not pass
	mandatory
	not bundled
	signature.verified == true
}

fail contains {
	"message": sprintf("the signature %s: %s", [uri, reason]),
	"pointer": "/spec/signature/evidence",
} if {
	not pass
	some uri, reason in broken
}

fail contains {
	"message": sprintf("the signature %s is not verified: %s", [uri, signer.reason]),
	"pointer": "/spec/signature/evidence",
} if {
	not pass
	some uri, signer in signed_by
	not signer.verified
}

fail contains {
	"message": sprintf("%s is signed by %q, who is not on lists.trustedSigners", [uri, signer.identity]),
	"pointer": "/spec/signature/evidence",
} if {
	not pass
	some uri, signer in signed_by
	signer.verified
	not signer.identity in input.lists.trustedSigners # a verified signer has an identity
}

fail contains {
	"message": sprintf("%s is signed by %q, the manifest says %q", [uri, signer.identity, signature.identity]),
	"pointer": "/spec/signature/identity",
	"fix": signer.identity,
} if {
	not pass
	some uri, signer in signed_by
	signer.verified
	not as_claimed(signer, "identity")
}

fail contains {
	"message": sprintf("the signer of %s is vouched for by %q, the manifest says %q", [uri, object.get(signer, "issuer", ""), signature.issuer]),
	"pointer": "/spec/signature/issuer",
} if {
	not pass
	some uri, signer in signed_by
	signer.verified
	not as_claimed(signer, "issuer")
}

fail contains {
	"message": sprintf("%s does not cover artifact %q", [uri, lib.label(artifact, i)]),
	"pointer": sprintf("/spec/artifacts/%d", [i]),
} if {
	not pass
	some uri, signer in signed_by
	signer.verified
	some i, artifact in input.manifest.spec.artifacts
	not covers(uri, i)
}

pass if {
	some uri in bundles
	proven(uri)
	count(broken) == 0
}

pass if {
	not bundled
	not mandatory
	count(broken) == 0
	signature.verified == true
	trusted
}
