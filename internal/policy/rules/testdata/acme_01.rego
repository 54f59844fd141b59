# METADATA
# title: Every kind of rule at once
# description: >-
#   A rule of each form, to show what they are rendered to.
# schemas:
#   - input: schema.input
# custom:
#   id: ACME-01
#   severity: high
#   mode: weighted
#   mandatory_when: "the tier is at least high"
#   remediation: "Do what the findings say"
#   frameworks:
#     nist-ai-rmf: ["MAP 1.1"]
package lumos.local.acme_01

import data.lumos.lib
import data.lumos.rule

# It applies when spec.model.generative is true and some spec.intendedUse.deployment.regions[] is EU or EEA.
holds_when_2 if {
	some item in input.manifest.spec.intendedUse.deployment.regions
	item in {"EEA", "EU"}
}

applies if {
	input.manifest.spec.model.generative == true
	holds_when_2
}

not_applicable contains "spec.model.generative is not true" if {
	is_boolean(input.manifest.spec.model.generative)
	not input.manifest.spec.model.generative == true
}

not_applicable contains "no spec.intendedUse.deployment.regions[] is EU or EEA" if {
	count(input.manifest.spec.intendedUse.deployment.regions) > 0
	every item in input.manifest.spec.intendedUse.deployment.regions {
		lib.filled(item)
		not item in {"EEA", "EU"}
	}
}

stated_when_1 if is_boolean(input.manifest.spec.model.generative)

missing contains {
	"message": "it is not known whether this control applies: spec.model.generative is not stated",
	"pointer": "/spec/model/generative",
} if {
	not pass
	not applies
	not stated_when_1
}

any_when_2 if count(input.manifest.spec.intendedUse.deployment.regions) > 0

missing contains {
	"message": "it is not known whether this control applies: spec.intendedUse.deployment.regions has no entry",
	"pointer": "/spec/intendedUse/deployment/regions",
} if {
	not pass
	not applies
	not any_when_2
}

missing contains {
	"message": sprintf("it is not known whether this control applies: spec.intendedUse.deployment.regions no. %d is not stated", [
		i + 1,
	]),
	"pointer": sprintf("/spec/intendedUse/deployment/regions/%d", [i]),
} if {
	not pass
	not applies
	some i, item in input.manifest.spec.intendedUse.deployment.regions
	not lib.filled(item)
}

# It is mandatory when the tier is at least high.
mandatory if input.tier.effective in {"high", "critical"}

# Rule 1: spec.source.publisher is on lists.allowedLicenses.
stated_1 if lib.filled(input.manifest.spec.source.publisher)

missing contains {
	"message": "spec.source.publisher is not stated",
	"pointer": "/spec/source/publisher",
} if {
	not pass
	applies
	not stated_1
}

fail contains {
	"message": sprintf("spec.source.publisher is %q, which is not on lists.allowedLicenses", [
		input.manifest.spec.source.publisher,
	]),
	"pointer": "/spec/source/publisher",
} if {
	not pass
	applies
	lib.filled(input.manifest.spec.source.publisher)
	not input.manifest.spec.source.publisher in input.lists.allowedLicenses
}

# Rule 2: every spec.data[].license is not GPL-3.0-only where role is training.
settled_2(item) if {
	lib.filled(item.role)
	not item.role == "training"
}

settled_2(item) if {
	item.role == "training"
	lib.says(item.license)
	not item.license == "GPL-3.0-only"
}

any_2 if {
	some item in input.manifest.spec.data
	item.role == "training"
}

missing contains {
	"message": "spec.data has no entry where role is training",
	"pointer": "/spec/data",
} if {
	not pass
	applies
	not any_2
}

holds_2_where(item) if item.role == "training"

breaks_2_where(item) if {
	lib.filled(item.role)
	not item.role == "training"
}

stated_2_where(item) if lib.filled(item.role)

missing contains {
	"message": sprintf("it is not known whether this is asked for: spec.data %q: role is not stated", [lib.label(item, i)]),
	"pointer": sprintf("/spec/data/%d/role", [i]),
} if {
	not pass
	applies
	some i, item in input.manifest.spec.data
	not holds_2_where(item)
	not breaks_2_where(item)
	not stated_2_where(item)
}

stated_2(item) if lib.filled(item.license)

missing contains {
	"message": sprintf("spec.data %q: license is not stated", [lib.label(item, i)]),
	"pointer": sprintf("/spec/data/%d/license", [i]),
} if {
	not pass
	applies
	some i, item in input.manifest.spec.data
	item.role == "training"
	not stated_2(item)
}

holds_2(item) if {
	lib.says(item.license)
	not item.license == "GPL-3.0-only"
}

fail contains {
	"message": sprintf("spec.data %q: license is %q, which is GPL-3.0-only", [lib.label(item, i), item.license]),
	"pointer": sprintf("/spec/data/%d/license", [i]),
} if {
	not pass
	applies
	some i, item in input.manifest.spec.data
	item.role == "training"
	lib.filled(item.license)
	not holds_2(item)
}

# Rule 3: every entry of spec.artifacts is such that format is safetensors or gguf or scan.status is safe.
holds_3(item) if item.format in {"gguf", "safetensors"}

holds_3(item) if item.scan.status == "safe"

any_3 if count(input.manifest.spec.artifacts) > 0

missing contains {
	"message": "spec.artifacts has no entry",
	"pointer": "/spec/artifacts",
} if {
	not pass
	applies
	not any_3
}

breaks_3(item) if {
	lib.filled(item.format)
	not item.format in {"gguf", "safetensors"}
	lib.filled(item.scan.status)
	not item.scan.status == "safe"
}

missing contains {
	"message": sprintf("spec.artifacts %q: nothing says that format is safetensors or gguf or scan.status is safe", [
		lib.label(item, i),
	]),
	"pointer": sprintf("/spec/artifacts/%d/format", [i]),
} if {
	not pass
	applies
	some i, item in input.manifest.spec.artifacts
	not holds_3(item)
	not breaks_3(item)
}

fail contains {
	"message": sprintf("spec.artifacts %q: format is neither safetensors nor gguf and scan.status is not safe", [
		lib.label(item, i),
	]),
	"pointer": sprintf("/spec/artifacts/%d/format", [i]),
} if {
	not pass
	applies
	some i, item in input.manifest.spec.artifacts
	lib.filled(item.format)
	not item.format in {"gguf", "safetensors"}
	lib.filled(item.scan.status)
	not item.scan.status == "safe"
}

# Rule 4: spec.environment.co2eq.grams is more than 0 or spec.environment.trainingEnergy.kilowattHours is more
# than 0.
holds_4 if input.manifest.spec.environment.co2eq.grams > 0

holds_4 if input.manifest.spec.environment.trainingEnergy.kilowattHours > 0

breaks_4 if {
	is_number(input.manifest.spec.environment.co2eq.grams)
	not input.manifest.spec.environment.co2eq.grams > 0
	is_number(input.manifest.spec.environment.trainingEnergy.kilowattHours)
	not input.manifest.spec.environment.trainingEnergy.kilowattHours > 0
}

missing contains {
	"message": "nothing says that spec.environment.co2eq.grams is more than 0 or spec.environment.trainingEnergy.kilowattHours is more than 0",
	"pointer": "/spec/environment/co2eq/grams",
} if {
	not pass
	applies
	not holds_4
	not breaks_4
}

fail contains {
	"message": "spec.environment.co2eq.grams is at most 0 and spec.environment.trainingEnergy.kilowattHours is at most 0",
	"pointer": "/spec/environment/co2eq/grams",
} if {
	not pass
	applies
	is_number(input.manifest.spec.environment.co2eq.grams)
	not input.manifest.spec.environment.co2eq.grams > 0
	is_number(input.manifest.spec.environment.trainingEnergy.kilowattHours)
	not input.manifest.spec.environment.trainingEnergy.kilowattHours > 0
}

# Rule 5: spec.performance.metrics.e2e_p95_ms is at most 1.5s.
stated_5 if is_number(input.manifest.spec.performance.metrics.e2e_p95_ms)

missing contains {
	"message": "spec.performance.metrics.e2e_p95_ms is not stated",
	"pointer": "/spec/performance/metrics/e2e_p95_ms",
} if {
	not pass
	applies
	not stated_5
}

fail contains {
	"message": sprintf("slow: %v ms is 100%% too slow", [input.manifest.spec.performance.metrics.e2e_p95_ms]),
	"pointer": "/spec/performance/metrics/e2e_p95_ms",
} if {
	not pass
	applies
	is_number(input.manifest.spec.performance.metrics.e2e_p95_ms)
	not input.manifest.spec.performance.metrics.e2e_p95_ms <= 1500
}

# Rule 6: spec.privacy.retention is at least P6M.
stated_6 if lib.filled(input.manifest.spec.privacy.retention)

missing contains {
	"message": "spec.privacy.retention is not stated",
	"pointer": "/spec/privacy/retention",
} if {
	not pass
	applies
	not stated_6
}

holds_6 if rule.nanoseconds(input.manifest.spec.privacy.retention) >= 15768000000000000

fail contains {
	"message": sprintf("spec.privacy.retention is %q, want at least P6M", [input.manifest.spec.privacy.retention]),
	"pointer": "/spec/privacy/retention",
} if {
	not pass
	applies
	lib.filled(input.manifest.spec.privacy.retention)
	not holds_6
}

# Rule 7: there is evidence of type dpia.
missing contains {
	"message": "no evidence of type dpia is listed",
	"pointer": "/spec/evidence",
} if {
	not pass
	applies
	count(rule.of_type("dpia")) == 0
}

missing contains finding if {
	not pass
	applies
	not rule.evidenced("dpia")
	some finding in rule.gaps("dpia")
}

fail contains finding if {
	not pass
	applies
	not rule.evidenced("dpia")
	some finding in rule.faults("dpia")
}

# Rule 8, when spec.evaluations has an entry: every spec.evaluations[].evaluator is no author of the release.
any_8 if count(input.manifest.spec.evaluations) > 0

missing contains {
	"message": "spec.evaluations has no entry",
	"pointer": "/spec/evaluations",
} if {
	not pass
	applies
	count(input.manifest.spec.evaluations) > 0
	not any_8
}

stated_8(item) if lib.filled(item.evaluator)

missing contains {
	"message": sprintf("spec.evaluations %q: evaluator is not stated", [lib.label(item, i)]),
	"pointer": sprintf("/spec/evaluations/%d/evaluator", [i]),
} if {
	not pass
	applies
	count(input.manifest.spec.evaluations) > 0
	some i, item in input.manifest.spec.evaluations
	not stated_8(item)
}

authored if count(input.manifest.metadata.authors) > 0

missing contains {
	"message": "metadata.authors is not stated",
	"pointer": sprintf("/spec/evaluations/%d/evaluator", [i]),
} if {
	not pass
	applies
	count(input.manifest.spec.evaluations) > 0
	some i, item in input.manifest.spec.evaluations
	lib.filled(item.evaluator)
	not authored
}

fail contains {
	"message": sprintf("spec.evaluations %q: evaluator %s", [lib.label(item, i), text]),
	"pointer": sprintf("/spec/evaluations/%d/evaluator", [i]),
} if {
	not pass
	applies
	count(input.manifest.spec.evaluations) > 0
	some i, item in input.manifest.spec.evaluations
	lib.filled(item.evaluator)
	count(input.manifest.metadata.authors) > 0
	not rule.not_author(item.evaluator)
	text := rule.not_independent(item.evaluator)
}

settled_8 if not any_8

settled_8 if {
	count(input.manifest.spec.evaluations) > 0
	every item in input.manifest.spec.evaluations {
		rule.not_author(item.evaluator)
	}
}

pass if {
	applies
	input.manifest.spec.source.publisher in input.lists.allowedLicenses
	any_2
	every item in input.manifest.spec.data {
		settled_2(item)
	}
	count(input.manifest.spec.artifacts) > 0
	every item in input.manifest.spec.artifacts {
		holds_3(item)
	}
	holds_4
	input.manifest.spec.performance.metrics.e2e_p95_ms <= 1500
	rule.nanoseconds(input.manifest.spec.privacy.retention) >= 15768000000000000
	rule.evidenced("dpia")
	settled_8
}
