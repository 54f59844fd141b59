# METADATA
# title: Fine-tuning did not weaken safety
# description: >-
#   What the release of each base model measured or tested of safety and security is measured again
#   here, by the same test and metric on the same dataset, and is not worse by more than is
#   tolerated (as in EVL-03). Base models are read from the releases that baseModels[].release
#   names, as they stand on the base branch. A model counts as adapted when it names base models or
#   an adaptation, or when the change is a fine-tune.
# schemas:
#   - input: schema.input
# custom:
#   id: SAF-07
#   severity: high
#   mode: mandatory
#   remediation: "Release the base model with its safety evaluations, name that release in baseModels[].release, and run the same evaluations on this model"
#   frameworks:
#     nist-ai-rmf: [MANAGE 3.1]
#     nist-ai-600-1: [MS-2.7-008, MS-2.6-003]
#     eu-ai-act: ["9.6"]
#     iso-42001: ["A.6.2.4"]
package lumos.controls.saf_07

import data.lumos.evaluation
import data.lumos.lib
import data.lumos.risk

model := input.manifest.spec.model

not_applicable contains "the model is not adapted: no base model, no adaptation and no fine-tune is declared" if not risk.adapted

any_base if count(model.baseModels) > 0

named(b) if risk.states(b.release)

released(b) if input.releases[b.release].spec

# What the release of a base model measured or tested of safety itself.
baseline(b) := [e |
	some e in input.releases[b.release].spec.evaluations
	not e.selfReported
	about_safety(e)
	told(e)
]

about_safety(e) if e.category in {"safety", "security"}

about_safety(e) if e.test in {"harmful-content", "red-team"}

told(e) if {
	is_number(e.value)
	lib.filled(e.metric)
}

told(e) if e.passed == true

whose(b) := sprintf("the base model's release %s", [b.release])

missing contains {"message": "the model is adapted, but no base model is named", "pointer": "/spec/model/baseModels"} if {
	not pass
	not any_base
}

missing contains {
	"message": sprintf("the base model %q does not name its release", [lib.label(b, i)]),
	"pointer": sprintf("/spec/model/baseModels/%d", [i]),
} if {
	not pass
	some i, b in model.baseModels
	not named(b)
}

missing contains {
	"message": sprintf("%s has not been released", [b.release]),
	"pointer": sprintf("/spec/model/baseModels/%d/release", [i]),
} if {
	not pass
	some i, b in model.baseModels
	named(b)
	not released(b)
}

missing contains {
	"message": sprintf("%s holds no evaluation of safety to compare with", [whose(b)]),
	"pointer": sprintf("/spec/model/baseModels/%d/release", [i]),
} if {
	not pass
	some i, b in model.baseModels
	released(b)
	count(baseline(b)) == 0
}

missing contains blank if {
	not pass
	some b in model.baseModels
	some before in baseline(b)
	some blank in evaluation.blanks(before, whose(b))
}

fail contains setback if {
	not pass
	some b in model.baseModels
	some before in baseline(b)
	some setback in evaluation.setbacks(before, whose(b))
}

pass if {
	any_base
	every b in model.baseModels {
		count(baseline(b)) > 0
		every before in baseline(b) {
			evaluation.held(before)
		}
	}
}
