# METADATA
# title: What a manifest claims, held against what its evidence says
# description: >-
#   A value that a manifest gives must be the one in the evidence that it names, as far as the evidence
#   is in a format that can be read (input.evidence[path].facts).
# schemas:
#   - input: schema.input
package lumos.claims

import data.lumos.lib

# name in the form in which names are compared; results have theirs in this form already.
name(x) := trim(regex.replace(lower(x), `[^a-z0-9]+`, "_"), "_")

# files of this repository that a piece of evidence is: those that the manifest lists under this id.
files(id) := {e.uri |
	some e in input.manifest.spec.evidence
	e.id == id
	lib.in_repository(e.uri)
}

# readable: the files with results, by the id of the evidence.
readable[id] contains uri if {
	some e in input.manifest.spec.evidence
	id := e.id
	some uri in files(id)
	count(input.evidence[uri].facts.results) > 0
}

# all values that are claimed with evidence whose results can be read.
all contains {
	"evidence": e.evidence, "metric": e.metric, "value": e.value, "n": samples(e), "slice": "",
	"places": places(e), "split": split_of(e),
	"by": sprintf("evaluation %q", [lib.label(e, i)]), "pointer": sprintf("/spec/evaluations/%d", [i]), "at": "value",
} if {
	some i, e in input.manifest.spec.evaluations
	readable[e.evidence]
	is_number(e.value)
	lib.filled(e.metric)
}

all contains {
	"evidence": e.evidence, "metric": e.metric, "value": slice.value, "n": 0, "slice": name(slice.name),
	"places": places(e), "split": split_of(e),
	"by": sprintf("evaluation %q, slice %q", [lib.label(e, i), slice.name]), "pointer": sprintf("/spec/evaluations/%d/slices/%d", [i, k]), "at": "value",
} if {
	some i, e in input.manifest.spec.evaluations
	some uri in readable[e.evidence]
	some k, slice in e.slices
	is_number(slice.value)
	sliced(uri, e.metric, name(slice.name))
}

all contains {
	"evidence": id, "metric": metric, "value": value, "n": 0, "slice": "", "places": set(), "split": "",
	"by": "performance", "pointer": "/spec/performance/metrics", "at": lib.segment(metric),
} if {
	id := input.manifest.spec.performance.evidence
	readable[id]
	some metric, value in input.manifest.spec.performance.metrics
	is_number(value)
}

samples(e) := e.n if {
	is_number(e.n)
} else := 0

# sliced: the file has results of this slice at all. Slices that it does not know are not judged by it.
sliced(uri, metric, slice) if {
	facts := input.evidence[uri].facts
	some i in facts.byMetric[name(metric)]
	name(facts.results[i].slice) == slice
}

# places are the names of what was measured: the dataset, the task, both, and each without its owner.
places(e) := {n |
	some x in array.concat(parts(e), [concat("_", parts(e))])
	some n in {name(x), name(regex.replace(x, `^.*/`, ""))}
	n != ""
}

parts(e) := [x |
	some key in ["id", "task"]
	x := object.get(e, ["dataset", key], "")
	lib.filled(x)
]

split_of(e) := split_name(object.get(e, ["dataset", "split"], ""))

# Splits go by several names.
split_name(x) := "validation" if {
	name(x) in {"valid", "val", "dev", "validation"}
} else := name(x) if {
	is_string(x)
} else := ""

# candidates are the results that are about what is claimed: [{value, n, …}].
candidates(claim) := [r |
	some uri in readable[claim.evidence]
	facts := input.evidence[uri].facts
	some i in facts.byMetric[name(claim.metric)]
	r := facts.results[i]
	name(object.get(r, "slice", "")) == claim.slice
	placed(r, claim.places)
	timed(r, claim.split)
]

placed(_, places) if count(places) == 0

placed(r, _) if count(r.places) == 0

placed(r, places) if {
	some p in r.places
	p in places
}

timed(_, "")

timed(r, _) if not r.split

timed(r, split) if split_name(r.split) == split

# borne_out: a result says the same, and over as many samples where both say how many.
borne_out(claim) if {
	some r in candidates(claim)
	agrees(claim.value, r.value)
	counted(claim, r)
}

counted(claim, _) if claim.n == 0

counted(_, r) if not r.n

counted(claim, r) if r.n == claim.n

# agrees: the claim is the measured value, rounded as the claim is written. To round away more than the
# second digit of the measured value is no rounding: 1 is not 0.95.
agrees(claim, measured) if abs(claim - measured) * scale(claim, measured) <= 0.5000001

scale(claim, measured) := powers[max([decimals(claim), second_digit(measured)])]

powers := [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000]

# decimals that a number is written with.
decimals(x) := min([12, count(part)]) if {
	[_, part] := split(json.marshal(x), ".")
	regex.match(`^[0-9]+$`, part)
} else := 0 if {
	regex.match(`^-?[0-9]+$`, json.marshal(x))
} else := 12

# second_digit: how many decimals a number needs to show two of its digits.
second_digit(x) := min([d |
	some d, power in powers
	abs(x) * power >= 10
]) if {
	abs(x) * 1000000000000 >= 10
} else := 12

# wrong: what the evidence does not bear out, as findings.
wrong contains finding if {
	some claim in all
	not borne_out(claim)
	finding := contradiction(claim)
}

# A test that the evidence says was not passed, and whose manifest says it was.
wrong contains {
	"message": sprintf("evaluation %q is said to be passed, but evidence %q says that it failed", [lib.label(e, i), e.evidence]),
	"pointer": sprintf("/spec/evaluations/%d/passed", [i]),
	"fix": "false",
} if {
	some i, e in input.manifest.spec.evaluations
	e.passed == true
	some uri in files(e.evidence)
	input.evidence[uri].facts.passed == false
}

contradiction(claim) := {
	"message": sprintf("%s: evidence %q has no %s%s; it has %s", [claim.by, claim.evidence, claim.metric, where(claim), what_is_there(claim)]),
	"pointer": sprintf("%s/%s", [claim.pointer, claim.at]),
} if {
	count(candidates(claim)) == 0
}

contradiction(claim) := {
	"message": sprintf("%s: the evidence says %s over %d samples, the manifest says %d", [claim.by, claim.metric, n, claim.n]),
	"pointer": sprintf("%s/n", [claim.pointer]),
	"fix": json.marshal(n),
} if {
	agreeing := {r.n | some r in candidates(claim); agrees(claim.value, r.value)}
	count(agreeing) == 1
	some n in agreeing
}

contradiction(claim) := {
	"message": sprintf("%s: the evidence says %s over %s samples, the manifest says %d", [claim.by, claim.metric, concat(" or ", [json.marshal(n) | some n in agreeing]), claim.n]),
	"pointer": sprintf("%s/n", [claim.pointer]),
} if {
	agreeing := {r.n | some r in candidates(claim); agrees(claim.value, r.value)}
	count(agreeing) > 1
}

contradiction(claim) := {
	"message": sprintf("%s: the evidence says %s %s, the manifest claims %s%s", [claim.by, claim.metric, json.marshal(value), json.marshal(claim.value), hundredfold(claim.value, value)]),
	"pointer": sprintf("%s/%s", [claim.pointer, claim.at]),
	"fix": json.marshal(value),
} if {
	values := {r.value | some r in candidates(claim)}
	count(values) == 1
	some value in values
	not agrees(claim.value, value)
}

contradiction(claim) := {
	"message": sprintf("%s: the evidence says %s %s, the manifest claims %s", [claim.by, claim.metric, concat(" or ", shown), json.marshal(claim.value)]),
	"pointer": sprintf("%s/%s", [claim.pointer, claim.at]),
} if {
	values := {r.value | some r in candidates(claim)}
	count(values) > 1
	every value in values {
		not agrees(claim.value, value)
	}
	shown := array.slice([json.marshal(value) | some value in values], 0, 5)
}

hundredfold(claim, measured) := ": state it as the evidence does, not as a percentage" if {
	agrees(claim, measured * 100)
} else := ": state it as the evidence does, as a percentage" if {
	agrees(claim * 100, measured)
} else := ""

where(claim) := sprintf(" on %s", [concat(" or ", sort(claim.places))]) if {
	count(claim.places) > 0
} else := ""

what_is_there(claim) := concat(", ", array.slice(sort(names), 0, 5)) if {
	names := {sprintf("%s%s", [r.metric, on(r)]) |
		some uri in readable[claim.evidence]
		some r in input.evidence[uri].facts.results
	}
}

on(r) := sprintf(" on %s", [r.task]) if {
	r.task
} else := sprintf(" on %s", [r.dataset]) if {
	r.dataset
} else := ""
