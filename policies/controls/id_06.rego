# METADATA
# title: Base models resolved and released
# description: >-
#   Every base model is named with a pinned revision, and is released itself: its manifest lies on
#   the base branch and is about that very model and revision. "id@revision" on
#   lists.baseModelExceptions does instead. A branch, a release of another revision and a release
#   that is still a pull request do not count.
# schemas:
#   - input: schema.input
# custom:
#   id: ID-06
#   severity: high
#   mode: mandatory
#   remediation: "Release the base model first and name its manifest in baseModels[].release, or have \"id@revision\" added to lists.baseModelExceptions"
#   frameworks:
#     nist-ai-rmf: [MANAGE 3.2]
#     nist-ai-600-1: [GV-1.6-003, MP-4.1-007]
#     eu-ai-act: ["25.4"]
#     iso-42001: ["A.10.3"]
#     mrm-sr-26-2: [vendor]
package lumos.controls.id_06

import data.lumos.lib
import data.lumos.risk

immutable := `^([0-9a-f]{40}|(sha256:)?[0-9a-f]{64})$`

any_base if count(input.manifest.spec.model.baseModels) > 0

named(base) if risk.states(base.id)

stated(base) if lib.filled(base.id)

dated(base) if lib.filled(base.revision)

pinned(base) if regex.match(immutable, base.revision)

excepted(base) if concat("@", [base.id, base.revision]) in input.lists.baseModelExceptions

# The same bytes may be written with and without "sha256:".
bare(revision) := trim_prefix(revision, "sha256:")

own(release) if {
	release.metadata.name == input.manifest.metadata.name
	release.metadata.version == input.manifest.metadata.version
}

same_model(base) if input.releases[base.release].spec.source.modelId == base.id

same_revision(base) if bare(input.releases[base.release].spec.source.revision) == bare(base.revision)

released(base) if {
	same_model(base)
	same_revision(base)
	not own(input.releases[base.release])
}

cleared(base) if released(base)

cleared(base) if {
	excepted(base)
	not base.release
}

not_applicable contains "the model was made from no other: no base model and no adaptation is stated" if {
	not risk.adapted
}

missing contains {
	"message": "the release is said to be adapted or fine-tuned, but no base model is named",
	"pointer": "/spec/model/baseModels",
} if {
	not pass
	risk.adapted
	not any_base
}

missing contains {
	"message": "a base model has no id",
	"pointer": sprintf("/spec/model/baseModels/%d", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	not stated(base)
}

missing contains {
	"message": sprintf("base model %q has no revision", [lib.label(base, i)]),
	"pointer": sprintf("/spec/model/baseModels/%d", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	not dated(base)
}

missing contains {
	"message": sprintf("base model %q names no release of its own, and it is not on lists.baseModelExceptions at this revision", [lib.label(base, i)]),
	"pointer": sprintf("/spec/model/baseModels/%d", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	not base.release
	not excepted(base)
}

missing contains {
	"message": sprintf("base model %q: no release %s can be read on the base branch", [lib.label(base, i), base.release]),
	"pointer": sprintf("/spec/model/baseModels/%d/release", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	base.release
	not input.releases[base.release]
}

fail contains {
	"message": sprintf("the id of a base model is a placeholder (%q)", [base.id]),
	"pointer": sprintf("/spec/model/baseModels/%d/id", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	risk.hollow(base.id)
}

fail contains {
	"message": sprintf("base model %q: revision %q can move, a commit of 40 hex digits or a sha256 is needed", [lib.label(base, i), base.revision]),
	"pointer": sprintf("/spec/model/baseModels/%d/revision", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	dated(base)
	not pinned(base)
}

fail contains {
	"message": sprintf("%s is this release itself, not one of its base model %q", [base.release, lib.label(base, i)]),
	"pointer": sprintf("/spec/model/baseModels/%d/release", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	own(input.releases[base.release])
}

fail contains {
	"message": sprintf("%s releases %q, not the base model %q", [base.release, object.get(release, ["spec", "source", "modelId"], "no named model"), lib.label(base, i)]),
	"pointer": sprintf("/spec/model/baseModels/%d/release", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	release := input.releases[base.release]
	stated(base)
	not same_model(base)
}

fail contains {
	"message": sprintf("%s releases revision %q of %q, the model was made from %q", [
		base.release,
		object.get(release, ["spec", "source", "revision"], "unstated"),
		base.id,
		base.revision,
	]),
	"pointer": sprintf("/spec/model/baseModels/%d/revision", [i]),
} if {
	not pass
	some i, base in input.manifest.spec.model.baseModels
	release := input.releases[base.release]
	same_model(base)
	dated(base)
	not same_revision(base)
}

pass if {
	any_base
	every base in input.manifest.spec.model.baseModels {
		named(base)
		pinned(base)
		cleared(base)
	}
}
