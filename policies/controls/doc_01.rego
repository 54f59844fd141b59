# METADATA
# title: Model card present, no placeholders
# description: >-
#   There is a model card, pinned by digest, with the required sections and no placeholder.
#   Where the card is a file of this repository, its content is checked too, whatever the
#   manifest says of it.
# schemas:
#   - input: schema.input
# custom:
#   id: DOC-01
#   severity: critical
#   mode: mandatory
#   remediation: "Replace every \"[More Information Needed]\", fill the required sections and record the digest of the card"
#   frameworks:
#     nist-ai-rmf: [MEASURE 2.9]
#     nist-ai-600-1: [MS-2.9-002, MG-3.1-005]
#     eu-ai-act: ["11.1", "53.1.a"]
#     iso-42001: ["A.6.2.7"]
#     mrm-sr-26-2: [documentation]
package lumos.controls.doc_01

import data.lumos.lib

card := input.manifest.spec.modelCard

# The files of this repository that are the card: evidence of that type, or the card's own path
# when it was read.
files contains e.uri if {
	some e in input.manifest.spec.evidence
	e.type == "model-card"
	lib.in_repository(e.uri)
}

files contains card.path if input.evidence[card.path]

digested if lib.filled(card.digest)

counted if is_number(card.placeholders)

absent_sections contains section if {
	some section in input.lists.cardSections
	not section in card.sections
}

missing contains {"message": "there is no model card", "pointer": "/spec/modelCard"} if {
	not pass
	not card
}

missing contains {"message": "the model card has no digest", "pointer": "/spec/modelCard/digest"} if {
	not pass
	card
	not digested
}

missing contains {
	"message": "nobody counted the placeholders in the model card",
	"pointer": "/spec/modelCard/placeholders",
} if {
	not pass
	card
	not counted
}

missing contains {
	"message": "the sections of the model card are not recorded",
	"pointer": "/spec/modelCard/sections",
} if {
	not pass
	card
	not card.sections
}

fail contains {
	"message": sprintf("the model card holds %d placeholders", [card.placeholders]),
	"pointer": "/spec/modelCard/placeholders",
} if {
	not pass
	card.placeholders > 0
}

fail contains {
	"message": sprintf("the model card lacks the sections: %s", [concat(", ", sort(absent_sections))]),
	"pointer": "/spec/modelCard/sections",
} if {
	not pass
	card.sections
	count(absent_sections) > 0
}

fail contains {
	"message": sprintf("%s could not be checked: %s", [path, reason]),
	"pointer": "/spec/modelCard",
} if {
	not pass
	some path in files
	reason := unreadable(path)
}

fail contains {
	"message": sprintf("%s has the digest %s, the manifest states %s", [path, file.sha256, card.digest]),
	"pointer": "/spec/modelCard/digest",
} if {
	not pass
	some path in files
	file := input.evidence[path]
	lib.filled(card.digest)
	file.sha256 != card.digest
}

fail contains {
	"message": sprintf("%s still says %q", [path, phrase]),
	"pointer": "/spec/modelCard/placeholders",
} if {
	not pass
	some path in files
	some phrase in leftovers(path)
}

leftovers(path) := {phrase |
	some phrase in input.lists.cardPlaceholders
	contains(text, phrase)
} if {
	text := lower(input.evidence[path].text)
}

finished(path) if count(leftovers(path)) == 0

unreadable(path) := "no such file in this change" if not input.evidence[path]

unreadable(path) := input.evidence[path].error

unreadable(path) := "not UTF-8 text, or too long" if {
	file := input.evidence[path]
	not file.error
	not file.text
}

pass if {
	regex.match(`^sha256:[0-9a-f]{64}$`, card.digest)
	card.placeholders == 0
	card.sections
	count(absent_sections) == 0
	every path in files {
		input.evidence[path].sha256 == card.digest
		finished(path)
	}
}
