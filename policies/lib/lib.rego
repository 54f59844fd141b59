# METADATA
# title: Helpers that controls share
# schemas:
#   - input: schema.input
package lumos.lib

# filled: text that is there.
filled(x) if {
	is_string(x)
	trim_space(x) != ""
}

# placeholder: text that stands where an answer should be: one of the list, whatever signs stand around
# it; signs alone; the blank of a template that nobody filled.
placeholder(x) if {
	filled(x)
	not says(x)
}

# says: text that says something. It is asked of nearly every text, so it is one rule with no detour.
says(x) if {
	is_string(x)
	text := lower(trim_space(x))
	core := trim(text, "-.,:;!?*_…()[]{}<>\"'`# \t\r\n")
	core != ""
	not core in input.lists.placeholders
	not text in input.lists.placeholders
	not startswith(text, "{{")
	not contains(text, "[more information needed]")
}

# at_least: the effective tier is this one or a higher one.
at_least(tier) if ranks[input.tier.effective] >= ranks[tier]

ranks := {"low": 1, "medium": 2, "high": 3, "critical": 4}

# formats of an artifact, in lower case: what it is declared to be, and what its name says it is.
formats(artifact) := {f | f := lower(artifact.format); f != ""} | {f | f := extension(artifact.name)}

# extension of a file name, in lower case and without its dot; undefined when it has none.
extension(name) := parts[count(parts) - 1] if {
	parts := split(lower(name), ".")
	count(parts) > 1
}

# any_listed: one of the values is on the list, which is in lower case.
any_listed(values, list) if {
	some x in values
	x in list
}

# in_repository: an evidence URI that names a file of this repository, not one elsewhere.
in_repository(uri) if not regex.match(`^[A-Za-z][A-Za-z0-9+.-]*:`, uri)

# evidence_listed: the manifest lists evidence with this id.
evidence_listed(id) if {
	some e in input.manifest.spec.evidence
	e.id == id
}

# label is what an item of a list is called in messages: its id or name, else its place from 1.
label(item, i) := item.id if {
	filled(item.id)
} else := item.name if {
	filled(item.name)
} else := sprintf("no. %d", [i + 1])

# segment escapes a key for a JSON pointer (RFC 6901).
segment(key) := replace(replace(key, "~", "~0"), "/", "~1")

# day of a time in nanoseconds: 2026-08-19.
day(ns) := time.format([ns, "UTC", "2006-01-02"])

# outcome says what a control concludes, by the rule that the engine applies. For tests.
outcome(control) := "not-applicable" if {
	count(object.get(control, "not_applicable", set())) > 0
} else := "fail" if {
	count(object.get(control, "fail", set())) > 0
} else := "missing" if {
	count(object.get(control, "missing", set())) > 0
} else := "pass" if {
	control.pass
} else := "error"
