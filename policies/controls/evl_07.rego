# METADATA
# title: Evidence fresh and about this artifact
# description: >-
#   Evidence is about these artifacts, young enough, not expired, and, where it lies in this
#   repository, has the digest that the manifest states. What the manifest claims by evidence that can
#   be read is what the evidence says. Evidence in no format that Lumos reads counts by its digest,
#   subject and age.
# schemas:
#   - input: schema.input
# custom:
#   id: EVL-07
#   severity: critical
#   mode: mandatory
#   remediation: "Produce the evidence again for these artifacts and record its digest, subjectDigest and producedAt"
#   frameworks:
#     nist-ai-rmf: [MEASURE 1.2]
#     nist-ai-600-1: [GV-1.2-002]
#     eu-ai-act: ["11.1"]
#     iso-42001: ["A.6.2.7"]
#     mrm-sr-26-2: [monitoring]
package lumos.controls.evl_07

import data.lumos.claims
import data.lumos.lib

now := time.parse_rfc3339_ns(input.now)

max_age := ((input.maxEvidenceAgeDays * 24) * 3600) * 1000000000

subjects contains a.digest if some a in input.manifest.spec.artifacts

# Evidence of the organisation's own papers need not be about one artifact; when it says so, it must be true.
about(e) if e.subjectDigest in subjects

about(e) if {
	without_subject(e)
	not e.subjectDigest
}

digested(e) if lib.filled(e.digest)

placed(e) if lib.filled(e.uri)

without_subject(e) if e.type in input.lists.evidenceWithoutSubject

young(e) if {
	produced := time.parse_rfc3339_ns(e.producedAt)
	produced <= now
	now - produced <= max_age
}

expired(e) if time.parse_rfc3339_ns(e.expiresAt) <= now

# What a file of this repository says of itself, where its format is known.
facts(e) := input.evidence[e.uri].facts if lib.in_repository(e.uri)

# When the tool says it ran, and that this fits what the manifest says.
ran(e) := time.parse_rfc3339_ns(facts(e).at)

timely(e) if not ran(e)

timely(e) if {
	ran(e) <= time.parse_rfc3339_ns(e.producedAt)
	now - ran(e) <= max_age
}

# What the file says it is about: the artifact, or the revision that the release is made from.
own_subjects(e) := {s.digest | some s in facts(e).subjects}

of_subject(e) if count(own_subjects(e)) == 0

of_subject(e) if not e.subjectDigest

of_subject(e) if e.subjectDigest in own_subjects(e)

of_subject(e) if {
	some algorithm in ["gitCommit", "sha1"]
	sprintf("%s:%s", [algorithm, input.manifest.spec.source.revision]) in own_subjects(e)
}

broken(e) := facts(e).error

authentic(e) if {
	regex.match(`^sha256:[0-9a-f]{64}$`, e.digest)
	not lib.in_repository(e.uri)
}

authentic(e) if {
	lib.in_repository(e.uri)
	input.evidence[e.uri].sha256 == e.digest
}

named contains {"by": sprintf("evaluation %q", [lib.label(e, i)]), "id": e.evidence, "pointer": sprintf("/spec/evaluations/%d/evidence", [i])} if {
	some i, e in input.manifest.spec.evaluations
}

named contains {"by": "performance", "id": input.manifest.spec.performance.evidence, "pointer": "/spec/performance/evidence"}

any_evidence if count(input.manifest.spec.evidence) > 0

missing contains {"message": "no evidence is listed", "pointer": "/spec/evidence"} if {
	not pass
	not any_evidence
}

missing contains {
	"message": sprintf("%s rests on evidence %q, which is not listed", [n.by, n.id]),
	"pointer": n.pointer,
} if {
	not pass
	some n in named
	not lib.evidence_listed(n.id)
}

missing contains {
	"message": sprintf("evidence %q does not say which artifact it is about (subjectDigest)", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	not e.subjectDigest
	not without_subject(e)
}

missing contains {
	"message": sprintf("evidence %q has no digest", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	not digested(e)
}

missing contains {
	"message": sprintf("evidence %q does not say when it was produced", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	not e.producedAt
}

missing contains {
	"message": sprintf("evidence %q: %s", [lib.label(e, i), reason]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	reason := unreadable(e)
}

unreadable(e) := "it does not say where it is" if not placed(e)

unreadable(e) := sprintf("there is no file %s in this change", [e.uri]) if {
	lib.in_repository(e.uri)
	not input.evidence[e.uri]
}

unreadable(e) := sprintf("%s could not be read: %s", [e.uri, input.evidence[e.uri].error]) if {
	lib.in_repository(e.uri)
}

fail contains {
	"message": sprintf("evidence %q is about %s, which is none of the artifacts", [lib.label(e, i), e.subjectDigest]),
	"pointer": sprintf("/spec/evidence/%d/subjectDigest", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	e.subjectDigest
	not e.subjectDigest in subjects
}

fail contains {
	"message": sprintf("%s has the digest %s, the manifest states %s", [e.uri, file.sha256, e.digest]),
	"pointer": sprintf("/spec/evidence/%d/digest", [i]),
	"fix": file.sha256,
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	lib.in_repository(e.uri)
	file := input.evidence[e.uri]
	lib.filled(e.digest)
	file.sha256 != e.digest
}

# The dates are absolute: the same report on every day on which the outcome is the same.
fail contains {
	"message": sprintf("evidence %q was produced on %s and counted until %s (at most %d days)", [
		lib.label(e, i),
		lib.day(produced),
		lib.day(produced + max_age),
		input.maxEvidenceAgeDays,
	]),
	"pointer": sprintf("/spec/evidence/%d/producedAt", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	produced := time.parse_rfc3339_ns(e.producedAt)
	now - produced > max_age
}

fail contains {
	"message": sprintf("evidence %q is dated %s, which has not come yet", [lib.label(e, i), e.producedAt]),
	"pointer": sprintf("/spec/evidence/%d/producedAt", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	time.parse_rfc3339_ns(e.producedAt) > now
}

fail contains {
	"message": sprintf("evidence %q expired on %s", [lib.label(e, i), e.expiresAt]),
	"pointer": sprintf("/spec/evidence/%d/expiresAt", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	expired(e)
}

fail contains {
	"message": sprintf("evidence %q (%s): %s", [lib.label(e, i), e.uri, broken(e)]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	broken(e)
}

fail contains {
	"message": sprintf("%s says that it is about %s, the manifest says it is about %s", [
		e.uri,
		concat(", ", array.slice(sort(own_subjects(e)), 0, 3)),
		e.subjectDigest,
	]),
	"pointer": sprintf("/spec/evidence/%d/subjectDigest", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	e.subjectDigest
	not of_subject(e)
}

fail contains {
	"message": sprintf("%s says that it was run on %s, after the %s of the manifest", [e.uri, facts(e).at, e.producedAt]),
	"pointer": sprintf("/spec/evidence/%d/producedAt", [i]),
	"fix": facts(e).at,
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	ran(e) > time.parse_rfc3339_ns(e.producedAt)
}

fail contains {
	"message": sprintf("%s says that it was run on %s, which counted until %s (at most %d days)", [
		e.uri,
		lib.day(ran(e)),
		lib.day(ran(e) + max_age),
		input.maxEvidenceAgeDays,
	]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	not pass
	some i, e in input.manifest.spec.evidence
	now - ran(e) > max_age
}

# The manifest may claim a value only if the evidence says the same.
fail contains finding if {
	not pass
	some finding in claims.wrong
}

pass if {
	any_evidence
	every n in named {
		lib.evidence_listed(n.id)
	}
	every e in input.manifest.spec.evidence {
		about(e)
		young(e)
		authentic(e)
		not expired(e)
		not broken(e)
		of_subject(e)
		timely(e)
	}
	every claim in claims.all {
		claims.borne_out(claim)
	}
	count(claims.wrong) == 0
}
