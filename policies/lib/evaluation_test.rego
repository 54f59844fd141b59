package lumos.evaluation_test

import data.lumos.evaluation

lists := {
	"placeholders": ["tbd"],
	"generativeTasks": ["text-generation"],
	"nonGenerativeTasks": ["text-classification"],
	"nonGenerativeOutputs": ["label", "score"],
}

whole := {
	"id": "eval-f1", "category": "quality", "dataset": {"id": "acme/tickets-eval", "task": "urgency", "split": "test"},
	"metric": "f1", "value": 0.9, "direction": "higher", "n": 1200, "evidence": "ev",
}

red := {"id": "red", "test": "red-team", "passed": true, "n": 400, "evidence": "ev"}

release(evaluations) := {
	"lists": lists, "thresholds": {},
	"manifest": {"spec": {"evaluations": evaluations, "evidence": [{"id": "ev"}]}},
}

model(fields) := {"lists": lists, "manifest": {"spec": {"model": fields}}}

test_complete if {
	evaluation.complete(whole) with input as release([])
	every field in ["dataset", "metric", "value", "n", "evidence"] {
		less := object.remove(whole, [field])
		not evaluation.complete(less) with input as release([])
		count(evaluation.lacking(less)) == 1 with input as release([])
	}
	every fields in [{"n": 0}, {"evidence": "ev-other"}, {"metric": "TBD"}, {"dataset": {"id": " "}}, {"value": null}] {
		bent := object.union(whole, fields)
		not evaluation.complete(bent) with input as release([])
		count(evaluation.lacking(bent)) == 1 with input as release([])
	}
	count(evaluation.lacking(whole)) == 0 with input as release([])
}

test_ours if {
	claimed := object.union(whole, {"selfReported": true})
	measured := object.union(whole, {"selfReported": false})
	owned(release([whole, claimed, measured])) == {0, 2}
	guessed := object.union(release([whole, whole, whole]), {"manifest": {"spec": {"provenance": {
		"/spec/evaluations/1/value": {"method": "inferred"},
		"/spec/evaluations/0/value": {"method": "extracted"},
		"/spec/evaluations": {"method": "inferred"},
		"/spec/evaluations/x": {"method": "inferred"},
		"/spec/model/task": {"method": "inferred"},
	}}}})
	owned(guessed) == {0, 2}
}

owned(input_) := {i |
	some i, _ in evaluation.ours with input as input_
}

test_category if {
	evaluation.proven_in("quality") with input as release([whole])
	not evaluation.proven_in("quality") with input as release([])
	not evaluation.proven_in("safety") with input as release([whole])
	gaps([]) == {"no evaluation of category quality is recorded"}
	gaps([object.union(whole, {"selfReported": true})]) == {"the evaluations of category quality are the publisher's own numbers or guesses: none was measured for this release"}
	gaps([whole, object.remove(whole, ["n", "metric"])]) == {"evaluation \"eval-f1\" does not count: it lacks its metric, the number of samples (n)"}
	gaps([whole]) == set()
}

gaps(evaluations) := {g.message |
	some g in evaluation.gaps_in("quality") with input as release(evaluations)
}

test_failures if {
	evaluation.failures_in("quality") == {{"message": "evaluation \"eval-f1\" did not pass", "pointer": "/spec/evaluations/1/passed"}} with input as release([whole, object.union(whole, {"passed": false})])
	evaluation.failures_by("red-team") == {{"message": "evaluation \"red\" did not pass", "pointer": "/spec/evaluations/0/passed"}} with input as release([object.union(red, {"passed": false})])
}

test_test if {
	evaluation.proven_by("red-team") with input as release([whole, red])
	evaluation.proven_by("red-team") with input as release([red, object.union(red, {"selfReported": true, "n": 0})])
	not evaluation.proven_by("red-team") with input as release([whole])
	not evaluation.proven_by("red-team") with input as release([object.union(red, {"selfReported": true})])
	not evaluation.proven_by("red-team") with input as release([red, object.union(red, {"selfReported": true, "passed": false})])
	untold([]) == {"no such test is recorded (an evaluation with test: red-team)"}
	untold([object.union(red, {"selfReported": true})]) == {"the test red-team is the publisher's own word or a guess: it was not run for this release"}
	untold([red, object.remove(red, ["passed", "n", "evidence"])]) == {"the test \"red\" does not count: it lacks evidence that spec.evidence lists, the number of samples (n), whether it passed"}
}

untold(evaluations) := {g.message |
	some g in evaluation.gaps_by("red-team") with input as release(evaluations)
}

test_generative if {
	every fields in [
		{}, {"generative": true, "task": "text-classification"}, {"task": "text-generation", "modalities": {"outputs": ["label"]}},
		{"generative": false, "task": "Text-Generation"}, {"task": "novel-task"}, {"modalities": {"outputs": ["label", "text"]}},
		{"modalities": {"outputs": []}}, {"generative": true, "modalities": {"outputs": ["label"]}},
	] {
		not evaluation.not_generative with input as model(fields)
	}
	every fields in [
		{"generative": false}, {"generative": false, "task": "novel-task"}, {"task": "text-classification"},
		{"modalities": {"outputs": ["Label", "score"]}}, {"task": "novel-task", "modalities": {"outputs": ["label"]}},
	] {
		evaluation.not_generative with input as model(fields)
	}
}

deployed(exposure, factor) := {"manifest": {"spec": {"intendedUse": {"deployment": {"exposure": exposure}}, "risk": {"factors": {"exposure": factor}}}}}

test_in_house if {
	evaluation.in_house with input as deployed("internal", 1)
	evaluation.in_house with input as deployed("dev", 0)
	evaluation.in_house with input as {"manifest": {"spec": {"intendedUse": {"deployment": {"exposure": "internal"}}}}}
	not evaluation.in_house with input as deployed("internal", 2)
	not evaluation.in_house with input as deployed("public", 0)
	not evaluation.in_house with input as {"manifest": {"spec": {}}}
}

now_is(fields) := release([object.union(whole, fields)])

found(before, input_) := {f.message |
	some f in (evaluation.setbacks(before, "2.2.1") | evaluation.blanks(before, "2.2.1")) with input as input_
}

test_held if {
	every fields in [{}, {"value": 0.95}, {"value": 0.891}, {"dataset": {"revision": "new"}}, {"test": null}] {
		evaluation.held(whole) with input as now_is(fields)
		found(whole, now_is(fields)) == set()
	}
	loss := object.union(whole, {"metric": "loss", "direction": "lower", "value": 0})
	evaluation.held(loss) with input as release([loss])
	not evaluation.held(loss) with input as release([object.union(loss, {"value": 0.001})])
}

test_fallen if {
	found(whole, now_is({"value": 0.89})) == {"f1 on acme/tickets-eval is 0.89, 2.2.1 has 0.9 (0.009 worse is tolerated)"}
	not evaluation.held(whole) with input as now_is({"value": 0.89})
	lenient := object.union(now_is({"value": 0.89}), {"thresholds": {"regression": {"f1": {"max": 0.01}}}})
	evaluation.held(whole) with input as lenient
}

test_worst_of_several_counts if {
	not evaluation.held(whole) with input as release([whole, object.union(whole, {"value": 0.5})])
	evaluation.held(whole) with input as release([whole, object.union(whole, {"value": 0.5, "selfReported": true})])
}

test_not_measured_again if {
	every fields in [{"metric": "bleu"}, {"metric": "F1"}, {"dataset": {"id": "other"}}, {"dataset": {"split": "train"}}, {"dataset": {"task": "x"}}, {"test": "x"}, {"selfReported": true}] {
		not evaluation.held(whole) with input as now_is(fields)
		found(whole, now_is(fields)) == {"f1 on acme/tickets-eval is in 2.2.1, and was not measured again"}
	}
}

test_not_comparable if {
	every less, reason in {
		"n": "the new result has no samples (n) or no listed evidence",
		"evidence": "the new result has no samples (n) or no listed evidence",
		"value": "there is no new value",
	} {
		found(whole, release([object.remove(whole, [less])])) == {sprintf("f1 on acme/tickets-eval cannot be compared with 2.2.1: %s", [reason])}
		not evaluation.held(whole) with input as release([object.remove(whole, [less])])
	}
	undirected := object.remove(whole, ["direction"])
	found(undirected, release([undirected])) == {"f1 on acme/tickets-eval cannot be compared with 2.2.1: neither says which direction is better"}
	evaluation.held(undirected) with input as release([whole])
}

test_turned if {
	found(whole, now_is({"direction": "lower"})) == {"f1 on acme/tickets-eval says that the other direction is better than 2.2.1 does"}
	not evaluation.held(whole) with input as now_is({"direction": "lower"})
}

test_slices if {
	sliced := object.union(whole, {"slices": [{"name": "lang=fr", "value": 0.9}, {"name": "lang=en"}]})
	evaluation.held(sliced) with input as release([sliced])
	found(sliced, release([whole])) == {"f1 on acme/tickets-eval, slice lang=fr cannot be compared with 2.2.1: there is no new value"}
	found(sliced, now_is({"slices": [{"name": "lang=fr", "value": 0.8}]})) == {"f1 on acme/tickets-eval, slice lang=fr is 0.8, 2.2.1 has 0.9 (0.009 worse is tolerated)"}
	only := object.remove(sliced, ["value"])
	evaluation.held(only) with input as release([only])
}

test_passed_before if {
	evaluation.held(red) with input as release([red])
	evaluation.held(object.remove(red, ["passed"])) with input as release([object.remove(red, ["passed"])])
	every after in [object.union(red, {"passed": false}), object.remove(red, ["passed"])] {
		not evaluation.held(red) with input as release([after])
		found(red, release([after])) == {"red-team was passed by 2.2.1, and is not here"}
	}
	nameless := {"passed": true, "n": 3, "evidence": "ev", "test": null}
	found(nameless, release([])) == {"a test is in 2.2.1, and was not measured again"}
}
