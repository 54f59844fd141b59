package rules

import "slices"

// Operator is a way of looking at a field, for the reference.
type Operator struct {
	Name    string `json:"name"`
	Fields  string `json:"fields"`  // what it can be asked of
	Takes   string `json:"takes"`   // its value; empty: none
	Holds   string `json:"holds"`   // when the rule passes
	Missing string `json:"missing"` // when the rule is missing; empty: never
	Fails   string `json:"fails"`   // when the rule fails; empty: never
	Example string `json:"example"` // a rule, as YAML
}

// Operators returns every operator, in the order of the reference.
func Operators() []Operator { return slices.Clone(operators) }

// The operators.
const (
	opPresent     = "present"
	opAbsent      = "absent"
	opSays        = "not-placeholder"
	opEquals      = "equals"
	opNotEquals   = "not-equals"
	opInList      = "in-list"
	opNotInList   = "not-in-list"
	opMatches     = "matches"
	opAtLeast     = "at-least"
	opAtMost      = "at-most"
	opMoreThan    = "more-than"
	opLessThan    = "less-than"
	opMinCount    = "min-count"
	opVerified    = "digest-verified"
	opHasEvidence = "has-evidence"
	opFresh       = "fresh"
	opNotAuthor   = "not-author"
	opReleased    = "released"
)

// comparison gives the sign of each operator that compares, and its words.
var comparison = map[string]struct{ sign, words, not string }{
	opAtLeast:  {">=", "at least", "below"},
	opAtMost:   {"<=", "at most", "above"},
	opMoreThan: {">", "more than", "at most"},
	opLessThan: {"<", "less than", "at least"},
}

const (
	notStated  = "the field is not stated"
	comparable = "numbers; texts with a unit (500ms, 10GB, 5%) or an ISO 8601 duration; dates; risk tiers and EU AI Act classes"
	limit      = "a number; a text with a unit; a date or now; a tier or class; thresholds.GROUP.METRIC.min or .max; {field: …}"
)

var operators = []Operator{
	{opSays, "text, and lists of text", "", "it says something", notStated,
		"it is a placeholder such as TBD (lists.placeholders)", "{field: spec.intendedUse.purpose, op: not-placeholder}"},
	{opPresent, "anything", "", "it is there and, being text, says something", notStated + ", or an empty text, list or mapping",
		"it is a placeholder", "{field: spec.model.adaptation, op: present}"},
	{opAbsent, "anything", "", "it is not there", "", "it is there", "{field: spec.model.license.name, op: absent}"},
	{opEquals, "text, number, true or false", "a value, or {field: …}", "it is that value", notStated + ", nor is that of {field: …}",
		"it is another value", "{field: spec.source.hosting.thirdParty, op: equals, value: false}"},
	{opNotEquals, "text, number, true or false", "a value, or {field: …}", "it says something else", notStated + ", nor is that of {field: …}",
		"it is that value, or a placeholder", "{field: spec.rollout.rollback, op: not-equals, value: {field: metadata.version}}"},
	{opInList, "text, number", "lists.NAME, a list of values, or {field: spec.list[].field}", "it is one of the values", notStated,
		"it is none of them", "{field: spec.source.publisher, op: in-list, value: lists.approvedPublishers}"},
	{opNotInList, "text, number", "lists.NAME, a list of values, or {field: spec.list[].field}", "it says something that is none of the values", notStated,
		"it is one of them, or a placeholder", "{field: \"spec.data[].confidentiality\", op: not-in-list, value: [red]}"},
	{opMatches, "text", "a regular expression (RE2) for the whole text", "the whole text matches", notStated,
		"it does not match, or is a placeholder", "{field: spec.source.revision, op: matches, value: '[0-9a-f]{40}'}"},
	{opAtLeast, comparable, limit, "it is as much or more", notStated + ", nor is the threshold", "it is less, or cannot be compared",
		"{field: spec.privacy.retention, op: at-least, value: P6M}"},
	{opAtMost, comparable, limit, "it is as much or less", notStated + ", nor is the threshold", "it is more, or cannot be compared",
		"{field: spec.performance.metrics.e2e_p95_ms, op: at-most, value: 1.5s}"},
	{opMoreThan, comparable, limit, "it is more", notStated + ", nor is the threshold", "it is as much or less, or cannot be compared",
		"{field: \"spec.evaluations[].n\", op: more-than, value: 100}"},
	{opLessThan, comparable, limit, "it is less", notStated + ", nor is the threshold", "it is as much or more, or cannot be compared",
		"{field: spec.performance.metrics.errorRate, op: less-than, value: 1%}"},
	{opMinCount, "lists", "a number of entries, from 1", "it has so many entries; those that say nothing, or that where leaves out, do not count",
		"it has none", "it has some, but fewer", "{field: spec.evaluations, op: min-count, value: 2, where: {field: item.category, op: equals, value: quality}}"},
	{opHasEvidence, "no field, or the id of an entry of spec.evidence", "a type of evidence", "evidence of that type is listed with its digest, has not expired, and, where it lies in this repository, has that digest",
		"none is listed, or its file or digest is not there", "its file has another digest, or it has expired", "{op: has-evidence, value: instructions-for-use}"},
	{opVerified, "an entry of spec.evidence, or the id of one", "", "its file is in this change and has the stated digest",
		"it is not listed, or its file or digest is not there, or it lies outside this repository", "the file has another digest", "{field: spec.privacy.dpia.evidence, op: digest-verified}"},
	{opFresh, "dates", "an age in days such as 180d, an ISO 8601 duration, or maxEvidenceAgeDays", "it is in the past, and no further than that", notStated,
		"it is further in the past, or in the future", "{field: \"spec.evaluations[].runAt\", op: fresh, value: 90d}"},
	{opNotAuthor, "text", "", "it is an account (@name) that is not in metadata.authors", notStated + ", or no author is",
		"it is an author, or no account", "{field: \"spec.evaluations[].evaluator\", op: not-author}"},
	{opReleased, "text: the path of a manifest", "", "the manifest is on the base branch, so it has been released", notStated,
		"it is not on the base branch", "{field: \"spec.model.baseModels[].release\", op: released}"},
}
