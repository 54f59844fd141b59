# METADATA
# title: ML-BOM attached
# description: >-
#   A bill of materials in CycloneDX 1.6 or 1.7 lies in this repository as evidence of the type
#   mlbom, can be read, and lists an artifact of this release by its digest. A file that is only
#   named so, another version of the format and a bill of another model do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-08
#   severity: medium
#   mode: weighted
#   remediation: "Export an ML-BOM in CycloneDX 1.6 or 1.7 that lists the artifacts with their sha256, commit it, and list it as evidence of the type mlbom with its digest"
#   frameworks:
#     nist-ai-rmf: [MAP 4.1]
#     nist-ai-600-1: [GV-1.6-003, MP-2.2-001]
#     eu-ai-act: ["11.1"]
#     iso-42001: ["A.4.2"]
package lumos.controls.id_08

import data.lumos.lib
import data.lumos.risk

bills := risk.evidence_of(["mlbom"])

artifacts contains a.digest if some a in input.manifest.spec.artifacts

bare_artifacts contains trim_prefix(digest, "sha256:") if some digest in artifacts

facts(e) := input.evidence[e.uri].facts

understood(e) if {
	f := facts(e)
	f.format == "cyclonedx"
	not f.error
}

current(e) if facts(e).bom.specVersion in {"1.6", "1.7"}

about(e) if {
	some component in facts(e).bom.components
	some digest in component.digests
	trim_prefix(digest, "sha256:") in bare_artifacts
}

complete(e) if {
	risk.sound(e)
	understood(e)
	current(e)
	about(e)
}

# It is there with the digest that is stated: what is in it can be judged.
readable(e) if risk.attested(e)

missing contains {"message": "no ML-BOM is listed (evidence of the type mlbom)", "pointer": "/spec/evidence"} if {
	not pass
	count(bills) == 0
}

missing contains finding if {
	not pass
	some i in bills
	some finding in risk.lacking[i]
}

missing contains {
	"message": sprintf("evidence %q lies outside this repository, where nobody reads it: commit the ML-BOM", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	not pass
	some i in bills
	e := input.manifest.spec.evidence[i]
	risk.elsewhere_uri(e.uri)
}

missing contains {"message": "no artifact has a digest that an ML-BOM could list", "pointer": "/spec/artifacts"} if {
	not pass
	count(artifacts) == 0
}

fail contains finding if {
	not pass
	some i in bills
	some finding in risk.wrong[i]
}

fail contains {
	"message": sprintf("%s is no CycloneDX document that can be read: %s", [e.uri, reason]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	not pass
	some i in bills
	e := input.manifest.spec.evidence[i]
	readable(e)
	lib.in_repository(e.uri)
	not understood(e)
	reason := object.get(input.evidence[e.uri], ["facts", "error"], "it is of another format")
}

fail contains {
	"message": sprintf("%s is CycloneDX %s, 1.6 or 1.7 is needed", [e.uri, object.get(facts(e), ["bom", "specVersion"], "of an unstated version")]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	not pass
	some i in bills
	e := input.manifest.spec.evidence[i]
	readable(e)
	understood(e)
	not current(e)
}

fail contains {
	"message": sprintf("%s lists no model with the digest of an artifact of this release", [e.uri]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	not pass
	some i in bills
	e := input.manifest.spec.evidence[i]
	readable(e)
	understood(e)
	not about(e)
}

pass if {
	count(bills) > 0
	every i in bills {
		complete(input.manifest.spec.evidence[i])
	}
}
