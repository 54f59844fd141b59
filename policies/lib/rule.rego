# METADATA
# title: What rules in YAML are rendered to
# description: >-
#   The operators that take more than an expression. Rego controls may use them too.
# schemas:
#   - input: schema.input
package lumos.rule

import data.lumos.lib

# lowered: a list in lower case. All of it at once: a call for each entry takes many times as long.
lowered(list) := [] if {
	count(list) == 0
} else := split(lower(concat("\u001f", list)), "\u001f")

# entry of spec.evidence by its id.
entry(id) := [e | some e in input.manifest.spec.evidence; e.id == id][0]

# indexes of the entries of spec.evidence of this type.
of_type(type) := {i | some i, e in input.manifest.spec.evidence; e.type == type}

# verified: the file of an entry is in this change and has the digest that the entry states.
verified(e) if {
	lib.in_repository(e.uri)
	input.evidence[e.uri].sha256 == e.digest
}

# sound: an entry that may be relied on. What lies elsewhere is pinned by its digest.
sound(e) if {
	verified(e)
	not expired(e)
}

sound(e) if {
	not lib.in_repository(e.uri)
	regex.match(`^sha256:[0-9a-f]{64}$`, e.digest)
	not expired(e)
}

# evidenced: there is sound evidence of this type.
evidenced(type) if {
	some e in input.manifest.spec.evidence
	e.type == type
	sound(e)
}

expired(e) if time.parse_rfc3339_ns(e.expiresAt) <= time.parse_rfc3339_ns(input.now)

placed(e) if lib.filled(e.uri)

digested(e) if lib.filled(e.digest)

elsewhere(e) if not lib.in_repository(e.uri)

# lacking: what is not there to rely on an entry; undefined when all is.
lacking(e) := "it does not say where it is (uri)" if {
	not placed(e)
} else := "it has no digest" if {
	not digested(e)
} else := sprintf("there is no file %s in this change", [e.uri]) if {
	lib.in_repository(e.uri)
	not input.evidence[e.uri]
} else := sprintf("%s could not be read: %s", [e.uri, input.evidence[e.uri].error]) if {
	lib.in_repository(e.uri)
}

# unverifiable: why nobody can tell whether the file has its digest; undefined when one can.
unverifiable(e) := lacking(e)

unverifiable(e) := "it lies outside this repository, where its digest is not verified" if {
	digested(e)
	placed(e)
	elsewhere(e)
}

# altered: how the file differs from what the entry states; undefined when it does not.
altered(e) := sprintf("%s has the digest %s, the manifest states %s", [e.uri, file.sha256, e.digest]) if {
	lib.in_repository(e.uri)
	file := input.evidence[e.uri]
	digested(e)
	file.sha256 != e.digest
}

# broken: why an entry cannot be relied on, whatever is added to it; undefined when it can.
broken(e) := altered(e)

broken(e) := sprintf("it expired on %s", [e.expiresAt]) if {
	expired(e)
	not altered(e)
}

# gaps and faults of all entries of a type, as findings.
gaps(type) := {{"message": sprintf("evidence %q: %s", [lib.label(e, i), text]), "pointer": sprintf("/spec/evidence/%d", [i])} |
	some i in of_type(type)
	e := input.manifest.spec.evidence[i]
	text := lacking(e)
}

faults(type) := {{"message": sprintf("evidence %q: %s", [lib.label(e, i), text]), "pointer": sprintf("/spec/evidence/%d", [i])} |
	some i in of_type(type)
	e := input.manifest.spec.evidence[i]
	text := broken(e)
}

# fresh: a time that is not in the future, and at most so many seconds past.
fresh(t, seconds) if {
	now := time.parse_rfc3339_ns(input.now)
	then := time.parse_rfc3339_ns(t)
	then <= now
	now - then <= seconds * 1000000000
}

# stale says why a time is not fresh, in absolute dates: the same on every day with the same outcome.
stale(t, seconds) := sprintf("is %s, which has not come yet", [t]) if {
	time.parse_rfc3339_ns(t) > time.parse_rfc3339_ns(input.now)
} else := sprintf("is %s, which counted until %s", [t, lib.day(time.parse_rfc3339_ns(t) + (seconds * 1000000000))])

# not_author: an account that is none of the authors'.
not_author(account) if {
	is_account(account)
	not account_key(account) in authors
}

is_account(account) if regex.match(`^@[A-Za-z0-9][A-Za-z0-9._/-]*(\[bot\])?$`, account)

account_key(account) := trim_prefix(lower(trim_space(account)), "@")

authors := {account_key(a) | some a in input.manifest.metadata.authors}

# not_independent says why an account does not count as another than the authors'.
not_independent(account) := sprintf("is %q, who is an author of this release", [account]) if {
	account_key(account) in authors
} else := sprintf("is %q, which is no account (\"@name\"), so it cannot be told from the authors", [account])

# nanoseconds of a text such as 500ms, 2 h, or P2Y (ISO 8601). A year is 365 days, a month its twelfth.
nanoseconds(s) := measure(s, {
	"ns": 1, "us": 1000, "ms": 1000000, "s": 1000000000,
	"min": 60000000000, "h": 3600000000000, "d": 86400000000000, "w": 604800000000000,
})

nanoseconds(s) := 1000000000 * sum([n |
	some i, factor in [31536000, 2628000, 604800, 86400, 3600, 60, 1]
	parts[i + 1] != ""
	n := to_number(parts[i + 1]) * factor
]) if {
	parts := regex.find_all_string_submatch_n(`^P(?:([0-9]{1,9})Y)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?$`, s, 1)[0]
	s != "P"
	not endswith(s, "T")
}

# bytes of a text such as 10GB or 4 GiB.
bytes(s) := measure(s, {
	"B": 1,
	"kB": 1000, "KB": 1000, "MB": 1000000, "GB": 1000000000, "TB": 1000000000000,
	"KiB": 1024, "MiB": 1048576, "GiB": 1073741824, "TiB": 1099511627776,
})

# billionths of 1 of a text such as 1.5%.
billionths(s) := measure(s, {"%": 10000000, "percent": 10000000, "share": 1000000000})

# measure is a whole number, so that what is the same in two units is the same number.
measure(s, factors) := round(to_number(parts[1]) * factors[parts[2]]) if {
	parts := regex.find_all_string_submatch_n(`^([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([a-zA-Z%]+)$`, s, 1)[0]
}
