# METADATA
# title: What several controls ask of a release
# description: >-
#   What is not declared never counts as the good case: a release holds personal data, affects
#   persons and is used in the EU unless its manifest rules that out.
# schemas:
#   - input: schema.input
package lumos.risk

import data.lumos.lib

# ---- Text

# states: text that says something. No placeholder, in brackets or with a full stop either, no blank of
# a template within it, no evasion, and not signs alone.
states(x) if {
	lib.says(x)
	text := lower(x)
	core := trim(text, " \t\r\n.,:;!?*_-()[]{}<>\"'`#/|~+=…–—•·")
	core != ""
	not core in input.lists.placeholders
	not core in evasions
	not unfilled(text)
}

evasions := {"later", "no", "not applicable", "not available", "not known", "not specified", "not yet known", "not-applicable", "pending", "see above", "see below", "yes"}

unfilled(text) if {
	some phrase in input.lists.cardPlaceholders
	contains(text, phrase)
}

# hollow: text that is there and says nothing.
hollow(x) if {
	lib.filled(x)
	not states(x)
}

# ---- Data

data_list := input.manifest.spec.data

any_dataset if count(data_list) > 0

# trains: the dataset shaped the weights, or does not say what it was for.
trains(dataset) if dataset.role in {"training", "pretraining"}

trains(dataset) if not dataset.role

# impersonal: the dataset is said to hold no personal data.
impersonal(dataset) if dataset.personalData == "none"

# classified: the dataset says what personal data it holds.
classified(dataset) if dataset.personalData in {"none", "personal", "special", "phi"}

# ordinary: it is said to hold neither special categories (GDPR article 9) nor health data.
ordinary(dataset) if dataset.personalData in {"none", "personal"}

# personal_data: the release learned from personal data or works on some, as far as anybody knows.
personal_data if not free_of_personal_data

free_of_personal_data if {
	any_dataset
	every dataset in data_list {
		impersonal(dataset)
	}
	input.manifest.spec.risk.factors.data in {0, 1}
}

# ---- Persons, effect, law

# affects_persons: its output has an effect on persons, whatever is declared where the impact is said to
# be legal or on safety.
affects_persons if not said_to_affect_nobody

affects_persons if input.manifest.spec.risk.factors.impact == 3

said_to_affect_nobody if input.manifest.spec.intendedUse.deployment.affectsPersons == false

# concerns_persons: it acts upon persons or on their data. What is declared is taken as it is.
concerns_persons if not said_to_affect_nobody

concerns_persons if personal_data

euaiact_class := input.manifest.spec.risk.euAiAct.class

# high_risk: the class that is declared, or, where none is, what else points to it.
high_risk if euaiact_class in {"high", "prohibited"}

high_risk if {
	not euaiact_class
	states(input.manifest.spec.risk.euAiAct.annexIII)
}

high_risk if {
	not euaiact_class
	input.manifest.spec.risk.factors.domain == 3
}

# unclassed: used in the EU, and nobody says in which class.
unclassed if {
	in_eu
	not euaiact_class
}

eu_regions := {
	"at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie", "it", "lt", "lu", "lv", "mt",
	"nl", "pl", "pt", "ro", "se", "si", "sk", "is", "li", "no", "eu", "eea", "europe", "emea", "global", "world", "worldwide",
}

in_eu if not elsewhere

elsewhere if {
	count(input.manifest.spec.intendedUse.deployment.regions) > 0
	every region in input.manifest.spec.intendedUse.deployment.regions {
		states_region(region)
		not lower(trim_space(region)) in eu_regions
	}
}

# "NO" is Norway here, not an evasion.
states_region(region) if lib.says(region)

# ---- The model

# adapted: it was made from another model.
adapted if count(input.manifest.spec.model.baseModels) > 0

adapted if states(input.manifest.spec.model.adaptation.method)

adapted if states(input.manifest.spec.model.adaptation.summary)

adapted if input.manifest.spec.change.type == "finetune"

# ---- Evidence

# evidence_of: where in spec.evidence there is evidence of one of the types.
evidence_of(types) := {i |
	some i, e in input.manifest.spec.evidence
	e.type in types
}

# sound: evidence that counts. A file of this repository is there, says something and has the digest
# that is stated; what lies elsewhere has a digest. It is in date and about what is released.
sound(e) if {
	is_number(now)
	attested(e)
	not outdated(e)
	not astray(e)
	not e.digest in subjects
}

# backed: a claim names evidence that is listed, of one of the types, and sound.
backed(id, types) if {
	some e in input.manifest.spec.evidence
	e.id == id
	e.type in types
	sound(e)
}

# finished: a document that is sound, is no other document under a second name, and in which no blank
# was left. A document that is not text cannot be read for that.
finished(e) if {
	sound(e)
	count(blanks(e)) == 0
	count(doubles(e)) == 0
}

blanks(e) := {phrase |
	text := lower(input.evidence[e.uri].text)
	some phrase in input.lists.cardPlaceholders
	contains(text, phrase)
}

# One dossier may be several papers. What a tool or the publisher made is none of them.
made_otherwise := {"evaluation-report", "mlbom", "model-card", "scan", "signature"}

doubles(e) := {other.type |
	some other in input.manifest.spec.evidence
	other.digest == e.digest
	other.type in made_otherwise
} | {"model-card" |
	input.manifest.spec.modelCard.digest == e.digest
}

attested(e) if {
	lib.in_repository(e.uri)
	file := input.evidence[e.uri]
	file.sha256 == e.digest
	not vacant(file)
}

attested(e) if {
	elsewhere_uri(e.uri)
	lib.filled(e.digest)
	not e.digest in empty_digests
}

elsewhere_uri(uri) if {
	lib.filled(uri)
	not lib.in_repository(uri)
}

vacant(file) if file.size == 0

vacant(file) if trim_space(file.text) == ""

vacant(file) if {
	file.size < 200
	hollow(file.text)
}

# What sha256 gives for no bytes at all, and what people write when they have none.
empty_digests := {
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"sha256:0000000000000000000000000000000000000000000000000000000000000000",
}

# What evidence can be about: an artifact, or a dataset.
subjects contains a.digest if some a in input.manifest.spec.artifacts

subjects contains d.digest if some d in data_list

astray(e) if {
	e.subjectDigest
	not e.subjectDigest in subjects
}

now := time.parse_rfc3339_ns(input.now)

# moment: a time in nanoseconds, which end in the years 1677 and 2262. What lies beyond is far off,
# whenever it is exactly.
moment(t) := time.parse_rfc3339_ns(t) if {
	year := substring(t, 0, 4)
	year >= "1678"
	year <= "2261"
} else := 9223372036854775807 if {
	substring(t, 0, 4) > "2261"
} else := -9223372036854775807

expired(e) if moment(e.expiresAt) <= now

early(e) if moment(e.producedAt) > now

outdated(e) if expired(e)

outdated(e) if early(e)

# ---- What is to be said of evidence that is not sound

# amiss: the findings of rule fail about the evidence that a claim names. The pointer is the claim's.
amiss(id, types, pointer) := {f |
	some i, e in input.manifest.spec.evidence
	e.id == id
	some f in wrong[i]
} | {{
	"message": sprintf("evidence %q is of the type %q, which does not count here (%s)", [id, object.get(e, "type", ""), concat(", ", types)]),
	"pointer": pointer,
} |
	some e in input.manifest.spec.evidence
	e.id == id
	not of_type(e, types)
}

of_type(e, types) if e.type in types

# absent: the findings of rule missing about the evidence that a claim names.
absent(id, pointer) := {f |
	some i, e in input.manifest.spec.evidence
	e.id == id
	some f in lacking[i]
} | {{"message": sprintf("evidence %q is not listed in spec.evidence", [id]), "pointer": pointer} | not lib.evidence_listed(id)}

# wrong[i] and lacking[i]: the same about the evidence at place i of spec.evidence.
wrong[i] contains {
	"message": sprintf("%s has the digest %s, the manifest states %s", [e.uri, file.sha256, e.digest]),
	"pointer": sprintf("/spec/evidence/%d/digest", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	lib.in_repository(e.uri)
	file := input.evidence[e.uri]
	lib.filled(e.digest)
	file.sha256 != e.digest
}

wrong[i] contains {
	"message": sprintf("evidence %q: %s says nothing", [lib.label(e, i), e.uri]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	lib.in_repository(e.uri)
	vacant(input.evidence[e.uri])
}

wrong[i] contains {
	"message": sprintf("evidence %q: the digest is that of no document at all", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d/digest", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	elsewhere_uri(e.uri)
	e.digest in empty_digests
}

wrong[i] contains {
	"message": sprintf("evidence %q has the digest of what was released, not of a document about it", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d/digest", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	e.digest in subjects
}

wrong[i] contains {
	"message": sprintf("evidence %q is about %s, which is neither an artifact nor a dataset of this release", [lib.label(e, i), e.subjectDigest]),
	"pointer": sprintf("/spec/evidence/%d/subjectDigest", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	astray(e)
}

wrong[i] contains {
	"message": sprintf("evidence %q expired on %s", [lib.label(e, i), e.expiresAt]),
	"pointer": sprintf("/spec/evidence/%d/expiresAt", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	expired(e)
}

wrong[i] contains {
	"message": sprintf("evidence %q is dated %s, which has not come yet", [lib.label(e, i), e.producedAt]),
	"pointer": sprintf("/spec/evidence/%d/producedAt", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	early(e)
}

lacking[i] contains {
	"message": sprintf("evidence %q does not say where it is", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	not e.uri
}

lacking[i] contains {
	"message": sprintf("evidence %q has no digest", [lib.label(e, i)]),
	"pointer": sprintf("/spec/evidence/%d", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	not e.digest
}

lacking[i] contains {
	"message": sprintf("evidence %q: there is no file %s in this change", [lib.label(e, i), e.uri]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	lib.in_repository(e.uri)
	not input.evidence[e.uri]
}

lacking[i] contains {
	"message": sprintf("evidence %q: %s could not be read: %s", [lib.label(e, i), e.uri, input.evidence[e.uri].error]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	lib.in_repository(e.uri)
}

# defects: the findings of rule fail about a document that has to be finished.
defects(i) := {f | some f in wrong[i]} | {f | some f in unfinished[i]}

# unfinished[i]: what keeps a document from being finished, beside what is wrong with it.
unfinished[i] contains {
	"message": sprintf("%s still says %q", [e.uri, phrase]),
	"pointer": sprintf("/spec/evidence/%d/uri", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	some phrase in blanks(e)
}

unfinished[i] contains {
	"message": sprintf("evidence %q is the same document as the %s", [lib.label(e, i), other]),
	"pointer": sprintf("/spec/evidence/%d/digest", [i]),
} if {
	some i, e in input.manifest.spec.evidence
	some other in doubles(e)
}
