# METADATA
# title: What counts as an evaluation
# description: >-
#   Helpers of the controls that judge evaluations: which ones count, whether a test was passed, and
#   whether a value is worse than another. A number alone never counts, nor does the publisher's own
#   word (selfReported) or a guess (spec.provenance says "inferred").
# schemas:
#   - input: schema.input
package lumos.evaluation

import data.lumos.lib
import data.lumos.risk

# listed evidence, by id.
listed contains e.id if some e in input.manifest.spec.evidence

# inferred: the places of the evaluations of which the provenance says that something was guessed.
inferred contains to_number(parts[3]) if {
	some pointer, origin in input.manifest.spec.provenance
	origin.method == "inferred"
	startswith(pointer, "/spec/evaluations/")
	parts := split(pointer, "/")
	regex.match(`^[0-9]{1,6}$`, parts[3])
}

# ours: the evaluations, by their places, that somebody of the organisation's choice ran on this release.
ours[i] := e if {
	some i, e in input.manifest.spec.evaluations
	not e.selfReported
	not i in inferred
}

# complete: a measurement that says on what, by which metric, on how many samples, and where it is shown.
complete(e) if {
	is_number(e.value)
	e.evidence in listed
	e.n > 0
	risk.states(e.metric)
	risk.states(e.dataset.id)
}

# lacking names what an evaluation lacks to be complete.
lacking(e) := union({
	{"its dataset" | not on_dataset(e)},
	{"its metric" | not by_metric(e)},
	{"a value" | not valued(e)},
	{"the number of samples (n)" | not sampled(e)},
	{"evidence that spec.evidence lists" | not shown(e)},
})

on_dataset(e) if risk.states(e.dataset.id)

by_metric(e) if risk.states(e.metric)

valued(e) if is_number(e.value)

sampled(e) if e.n > 0

shown(e) if e.evidence in listed

# name of an evaluation in messages.
name(i) := lib.label(input.manifest.spec.evaluations[i], i)

place(i) := sprintf("/spec/evaluations/%d", [i])

# Categories: quality, fairness, robustness, …

in_category(category) := {i |
	some i, e in input.manifest.spec.evaluations
	e.category == category
	ours[i]
}

# proven_in: one evaluation of the category counts at least, and none that should is incomplete.
proven_in(category) if {
	places := in_category(category)
	count(places) > 0
	every i in places {
		complete(input.manifest.spec.evaluations[i])
	}
}

claimed_in(category) if {
	some e in input.manifest.spec.evaluations
	e.category == category
}

gaps_in(category) := {{
	"message": sprintf("no evaluation of category %s is recorded", [category]),
	"pointer": "/spec/evaluations",
}} if {
	not claimed_in(category)
} else := {{
	"message": sprintf("the evaluations of category %s are the publisher's own numbers or guesses: none was measured for this release", [category]),
	"pointer": "/spec/evaluations",
}} if {
	count(in_category(category)) == 0
} else := {gap |
	some i in in_category(category)
	gap := incomplete(i)
}

# incomplete is the finding on an evaluation that lacks something; undefined when it lacks nothing.
incomplete(i) := {
	"message": sprintf("evaluation %q does not count: it lacks %s", [name(i), concat(", ", sort(lacks))]),
	"pointer": place(i),
} if {
	lacks := lacking(input.manifest.spec.evaluations[i])
	count(lacks) > 0
}

failures_in(category) := {failure(i) |
	some i, e in input.manifest.spec.evaluations
	e.passed == false
	e.category == category
}

failure(i) := {"message": sprintf("evaluation %q did not pass", [name(i)]), "pointer": sprintf("%s/passed", [place(i)])}

# Tests that policies ask for by name: red-team, pii-output, …

tests(test) := {i |
	some i, e in input.manifest.spec.evaluations
	e.test == test
}

# proven_by: the test was run for this release and passed, and its report is attached; so was every
# repetition of it, and the publisher does not say otherwise.
proven_by(test) if {
	places := tests(test)
	some first in places
	ours[first]
	every i in places {
		sound(i)
	}
}

sound(i) if {
	ours[i]
	passed(input.manifest.spec.evaluations[i])
}

sound(i) if {
	not ours[i]
	not input.manifest.spec.evaluations[i].passed == false
}

passed(e) if {
	e.passed == true
	e.n > 0
	e.evidence in listed
}

gaps_by(test) := {{
	"message": sprintf("no such test is recorded (an evaluation with test: %s)", [test]),
	"pointer": "/spec/evaluations",
}} if {
	count(tests(test)) == 0
} else := {{
	"message": sprintf("the test %s is the publisher's own word or a guess: it was not run for this release", [test]),
	"pointer": "/spec/evaluations",
}} if {
	count({i | some i in tests(test); ours[i]}) == 0
} else := {gap |
	some i in tests(test)
	ours[i]
	lacks := untold(input.manifest.spec.evaluations[i])
	count(lacks) > 0
	gap := {
		"message": sprintf("the test %q does not count: it lacks %s", [name(i), concat(", ", sort(lacks))]),
		"pointer": place(i),
	}
}

untold(e) := union({
	{"whether it passed" | not concluded(e)},
	{"the number of samples (n)" | not sampled(e)},
	{"evidence that spec.evidence lists" | not shown(e)},
})

concluded(e) if is_boolean(e.passed)

failures_by(test) := {failure(i) |
	some i in tests(test)
	input.manifest.spec.evaluations[i].passed == false
}

# What a model does, and who can reach it. What is not declared counts as if it mattered.

model := input.manifest.spec.model

task := lower(trim_space(model.task))

# not_generative says why the model counts as one that generates nothing. A declaration that its task
# contradicts does not count.
not_generative := "the model is declared to generate nothing (model.generative: false)" if {
	model.generative == false
	not generative_task
} else := sprintf("the task %s generates nothing", [task]) if {
	not generative_declared
	task in input.lists.nonGenerativeTasks
} else := sprintf("the outputs (%s) are nothing that is generated", [concat(", ", sort(outputs))]) if {
	not generative_declared
	not generative_task
	count(outputs) > 0
	count(outputs - {o | some o in input.lists.nonGenerativeOutputs}) == 0
}

generative_task if task in input.lists.generativeTasks

generative_declared if is_boolean(model.generative)

outputs contains lower(trim_space(o)) if some o in model.modalities.outputs

# in_house: nobody but the organisation's own people can reach it. The risk factors may say otherwise.
in_house if {
	input.manifest.spec.intendedUse.deployment.exposure in {"dev", "internal"}
	not exposed
}

exposed if input.manifest.spec.risk.factors.exposure >= 2

# Comparison of this release with what stood before it: its previous release, or its base model.

# key is what two evaluations of one metric share when they measured the same. The revision of the dataset
# is not part of it: a new revision would make every comparison go away.
key(e) := [
	object.get(e, "test", null),
	object.get(e, ["dataset", "id"], ""),
	object.get(e, ["dataset", "task"], ""),
	object.get(e, ["dataset", "split"], ""),
]

# same: the places of this release's evaluations that measured the same.
same(before) := {i |
	metric := object.get(before, "metric", null)
	some i, e in input.manifest.spec.evaluations
	object.get(e, "metric", null) == metric
	key(e) == key(before)
	ours[i]
}

# parts of an evaluation that have a number: "" for the whole, and its slices.
parts(e) := {"" | is_number(e.value)} | {s.name |
	some s in e.slices
	is_number(s.value)
}

values(e, part) := {e.value} if {
	part == ""
	is_number(e.value)
} else := {s.value |
	some s in e.slices
	s.name == part
}

# held: this release measured the same again, and no part of it is worse than before.
held(before) if {
	places := same(before)
	count(places) > 0
	every i in places {
		every part in parts(before) {
			compared(before, input.manifest.spec.evaluations[i], part) == "kept"
		}
		repeated(before, input.manifest.spec.evaluations[i])
	}
}

# compared says how a part fared: kept, or why it cannot be said.
compared(before, e, part) := "uncounted" if {
	not counted(e)
} else := "absent" if {
	count(values(e, part)) == 0
} else := "undirected" if {
	count(directions(before, e)) == 0
} else := "turned" if {
	count(directions(before, e)) > 1
} else := "kept" if {
	some direction in directions(before, e)
	every was in values(before, part) {
		every is in values(e, part) {
			within(drop(was, is, direction), tolerance(before, was))
		}
	}
} else := "worse"

counted(e) if {
	e.n > 0
	e.evidence in listed
}

directions(before, e) := {d |
	some x in [before, e]
	d := x.direction
}

drop(was, is, "higher") := was - is

drop(was, is, "lower") := is - was

# tolerance is how much worse a value may get: what thresholds.regression sets for the metric as max, in
# its own unit, else a hundredth of what it was.
tolerance(before, was) := object.get(
	input.thresholds,
	["regression", object.get(before, "metric", ""), "max"],
	abs(was) / 100,
)

# within: the factor is for what binary fractions add.
within(drop, tolerance) if drop <= tolerance * 1.000000001

# worse: the pairs of numbers of which the second is too much worse.
worse(before, e, part) := {{"before": was, "after": is} |
	some direction in directions(before, e)
	some was in values(before, part)
	some is in values(e, part)
	not within(drop(was, is, direction), tolerance(before, was))
}

# repeated: what was passed before is passed again.
repeated(_, e) if e.passed == true

repeated(before, _) if not before.passed

# title is what a part of an evaluation is called in messages.
title(before, "") := whole(before)

title(before, part) := sprintf("%s, slice %s", [whole(before), part]) if part != ""

whole(before) := sprintf("%s on %s", [measure(before), before.dataset.id]) if {
	lib.filled(before.dataset.id)
} else := measure(before)

measure(before) := before.metric if {
	lib.filled(before.metric)
} else := before.test if {
	lib.filled(before.test)
} else := "a test"

# setbacks are the findings on what got worse, compared with what whose says.
setbacks(before, whose) := union({fallen(before, whose), turned(before, whose), forfeited(before, whose)})

fallen(before, whose) := {{
	"message": sprintf("%s is %v, %s has %v (%v worse is tolerated)", [
		title(before, part), pair.after, whose,
		pair.before, tolerance(before, pair.before),
	]),
	"pointer": place(i),
} |
	some i in same(before)
	e := input.manifest.spec.evaluations[i]
	some part in parts(before)
	compared(before, e, part) == "worse"
	some pair in worse(before, e, part)
}

turned(before, whose) := {{
	"message": sprintf("%s says that the other direction is better than %s does", [title(before, ""), whose]),
	"pointer": sprintf("%s/direction", [place(i)]),
} |
	some i in same(before)
	count(directions(before, input.manifest.spec.evaluations[i])) > 1
}

forfeited(before, whose) := {{
	"message": sprintf("%s was passed by %s, and is not here", [title(before, ""), whose]),
	"pointer": place(i),
} |
	some i in same(before)
	not repeated(before, input.manifest.spec.evaluations[i])
}

# blanks are the findings on what cannot be compared.
blanks(before, whose) := {{
	"message": sprintf("%s is in %s, and was not measured again", [title(before, ""), whose]),
	"pointer": "/spec/evaluations",
}} if {
	count(same(before)) == 0
} else := {{
	"message": sprintf("%s cannot be compared with %s: %s", [title(before, part), whose, reason]),
	"pointer": place(i),
} |
	some i in same(before)
	some part in parts(before)
	reason := incomparable[compared(before, input.manifest.spec.evaluations[i], part)]
}

incomparable := {
	"uncounted": "the new result has no samples (n) or no listed evidence",
	"absent": "there is no new value",
	"undirected": "neither says which direction is better",
}
