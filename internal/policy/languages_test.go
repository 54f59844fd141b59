package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/policy"
)

// inThree is one rule in the three languages, and what it concludes of manifests of the table below.
type inThree struct {
	name             string
	yaml, rego, star string
	want             map[string]policy.Outcome
}

// aboutYAML is how each of the three rules describes itself.
const aboutYAML = `apiVersion: lumos/v1
kind: Control
id: ACME-01
title: Own rule
description: A rule of the organisation.
severity: high
mode: weighted
remediation: Do what the rule says
frameworks: {acme-handbook: ["7"]}
`

func described(body, mandatory string) string {
	about := strings.Replace(header, "mode: mandatory", "mode: weighted", 1)
	if mandatory != "" {
		about = strings.Replace(about, "#   remediation", "#   mandatory_when: "+mandatory+"\n#   remediation", 1)
	}
	return about + body
}

// describedStar is the same without what only Rego has.
func describedStar(body, mandatory string) string {
	about, _, _ := strings.Cut(described("", mandatory), "package")
	return strings.Replace(about, "# schemas:\n#   - input: schema.input\n", "", 1) + body
}

var threeLanguages = []inThree{
	{
		name: "presence",
		yaml: aboutYAML + `rules:
  - field: metadata.businessUnit
    op: not-placeholder
    message: the business unit {value} is a placeholder
    missing: no business unit is named
`,
		rego: described(`import data.lumos.lib

unit := input.manifest.metadata.businessUnit

named if lib.filled(unit)

missing contains {"message": "no business unit is named", "pointer": "/metadata/businessUnit"} if not named

fail contains {
	"message": sprintf("the business unit %q is a placeholder", [unit]),
	"pointer": "/metadata/businessUnit",
} if {
	named
	lib.placeholder(unit)
}

pass if lib.says(unit)
`, ""),
		star: describedStar(`
def check(input):
    unit = input.manifest.metadata.businessUnit
    if placeholder(unit):
        return [fail("the business unit %r is a placeholder" % unit, "/metadata/businessUnit")]
    if not says(unit):
        return [missing("no business unit is named", "/metadata/businessUnit")]
    return []
`, ""),
		want: map[string]policy.Outcome{"as it is": policy.Pass, "no unit": policy.Missing, "a placeholder": policy.Fail, "a placeholder in capitals": policy.Fail,
			"a unit of spaces": policy.Missing, "an empty unit": policy.Missing, "a unit of another script": policy.Pass, "a unit that is a number": policy.Missing},
	},
	{
		name: "membership",
		yaml: aboutYAML + `rules:
  - field: "spec.data[].license"
    op: in-list
    value: lists.allowedLicenses
    message: the licence of {item} is {value}, which is not on the list
    missing: "{item} states no licence"
`,
		rego: described(`import data.lumos.lib

stated(d) if lib.filled(d.license)

missing contains {"message": "nothing states a licence", "pointer": "/spec/data"} if not some_data

some_data if count(input.manifest.spec.data) > 0

missing contains {"message": sprintf("%q states no licence", [lib.label(d, i)]), "pointer": sprintf("/spec/data/%d/license", [i])} if {
	some i, d in input.manifest.spec.data
	not stated(d)
}

fail contains {
	"message": sprintf("the licence of %q is %q, which is not on the list", [lib.label(d, i), d.license]),
	"pointer": sprintf("/spec/data/%d/license", [i]),
} if {
	some i, d in input.manifest.spec.data
	stated(d)
	not d.license in input.lists.allowedLicenses
}

pass if {
	some_data
	every d in input.manifest.spec.data {
		d.license in input.lists.allowedLicenses
	}
}
`, ""),
		star: describedStar(`
def check(input):
    if not input.manifest.spec.data:
        return [missing("nothing states a licence", "/spec/data")]
    out = []
    for i, d in enumerate(input.manifest.spec.data):
        name = d.id if says(d.id) else "no. %d" % (i + 1)
        at = "/spec/data/%d/license" % i
        if not says(d.license) and not placeholder(d.license):
            out.append(missing("%r states no licence" % name, at))
        elif d.license not in input.lists.allowedLicenses:
            out.append(fail("the licence of %r is %r, which is not on the list" % (name, d.license), at))
    return out
`, ""),
		want: map[string]policy.Outcome{"as it is": policy.Fail, "another licence": policy.Pass, "a licence in other letters": policy.Fail, "no licence": policy.Missing,
			"a licence to come": policy.Fail, "two data sets": policy.Fail, "two data sets, one silent": policy.Fail},
	},
	{
		name: "threshold",
		yaml: aboutYAML + `when: {field: spec.model.generative, op: equals, value: true}
mandatoryWhen: {field: tier.effective, op: in-list, value: [high, critical]}
rules:
  - field: "spec.evaluations[].value"
    where: {field: item.metric, op: equals, value: f1}
    op: at-least
    value: 0.9
    message: "{item} has an f1 of {value}, below 0.9"
    missing: "{item} has no value"
`,
		rego: described(`import data.lumos.lib

measured contains [i, e] if {
	some i, e in input.manifest.spec.evaluations
	e.metric == "f1"
}

not_applicable contains "spec.model.generative is not true" if input.manifest.spec.model.generative != true

fail contains {
	"message": sprintf("%q has an f1 of %v, below 0.9", [lib.label(m[1], m[0]), m[1].value]),
	"pointer": sprintf("/spec/evaluations/%d/value", [m[0]]),
} if {
	some m in measured
	m[1].value < 0.9
}

pass if {
	count(measured) > 0
	every m in measured {
		m[1].value >= 0.9
	}
}

mandatory if input.tier.effective in ["high", "critical"]
`, "tier.effective is one of high, critical"),
		star: describedStar(`
def not_applicable(input):
    if input.manifest.spec.model.generative == False:
        return "spec.model.generative is not true"

def check(input):
    measured = [(i, e) for i, e in enumerate(input.manifest.spec.evaluations) if e.metric == "f1"]
    out = []
    for i, e in measured:
        if e.value < 0.9:
            out.append(fail("%r has an f1 of %s, below 0.9" % (e.id, e.value), "/spec/evaluations/%d/value" % i))
    return out

def mandatory(input):
    return input.tier.effective in ["high", "critical"]
`, "tier.effective is one of high, critical"),
		want: map[string]policy.Outcome{"as it is": policy.Pass, "a value at the edge": policy.Pass, "a value below": policy.Fail, "a high tier and a value below": policy.Fail,
			"not generative": policy.NotApplicable, "a value of one digit": policy.Fail},
	},
}

// manifestsOf are releases that the rules are asked about, by their edits of testdata/release.yaml.
var manifestsOf = map[string][]string{
	"as it is":                      {},
	"no unit":                       {"  businessUnit: retail-bank\n", ""},
	"a placeholder":                 {"businessUnit: retail-bank", "businessUnit: tbd"},
	"a placeholder in capitals":     {"businessUnit: retail-bank", `businessUnit: " TBD "`},
	"a unit of spaces":              {"businessUnit: retail-bank", `businessUnit: "   "`},
	"an empty unit":                 {"businessUnit: retail-bank", `businessUnit: ""`},
	"a unit of another script":      {"businessUnit: retail-bank", `businessUnit: "Privatkundengeschäft 銀行"`},
	"another licence":               {"license: proprietary", "license: MIT"},
	"a licence in other letters":    {"license: proprietary", "license: mit"},
	"no licence":                    {"      license: proprietary\n", ""},
	"a licence to come":             {"license: proprietary", "license: TODO"},
	"two data sets":                 {"  evaluations:\n", "    - {role: training, id: acme/more, license: MIT}\n  evaluations:\n"},
	"two data sets, one silent":     {"  evaluations:\n", "    - {role: training, id: acme/more}\n  evaluations:\n"},
	"a value at the edge":           {"value: 0.913", "value: 0.9"},
	"a value below":                 {"value: 0.913", "value: 0.899"},
	"a value of one digit":          {"value: 0.913", "value: 0"},
	"a high tier and a value below": {"value: 0.913", "value: 0.5", "tier: medium", "tier: high"},
	"not generative":                {"generative: true", "generative: false"},
	"a unit that is a number":       {"businessUnit: retail-bank", "businessUnit: 7"},
}

// One rule in three languages says the same of every release, to the byte of the report.
func TestLanguagesAgree(t *testing.T) {
	t.Parallel()
	for _, r := range threeLanguages {
		engines := map[string]*policy.Engine{}
		for name, file := range map[string]policy.File{"yaml": local("acme_01.yaml", r.yaml), "rego": local("acme_01.rego", r.rego), "star": local("acme_01.star", r.star)} {
			c := acme()
			c.Packs = nil
			e, err := library.Load(t.Context(), policy.Source{Config: c, Files: []policy.File{file}})
			if err != nil {
				t.Fatalf("%s in %s: %v", r.name, name, err)
			}
			engines[name] = e
		}
		for name, edits := range manifestsOf {
			t.Run(r.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				said := map[string]string{}
				for language, e := range engines {
					report := e.Evaluate(t.Context(), subject(manifest(t, edits...)))
					report.Policy = "" // it is of the text of the rule
					b, err := json.MarshalIndent(report, "", "  ")
					if err != nil {
						t.Fatal(err)
					}
					said[language] = string(b)
					if want, ok := r.want[name]; ok && len(report.Controls) == 1 && report.Controls[0].Outcome != want {
						t.Errorf("%s: %s (%s), want %s", language, report.Controls[0].Outcome, report.Controls[0].Reason, want)
					}
				}
				for _, language := range []string{"yaml", "star"} {
					if diff := cmp.Diff(said["rego"], said[language]); diff != "" {
						t.Errorf("Rego (-) and %s (+) differ:\n%s", language, diff)
					}
				}
			})
		}
	}
}

// What no release can be, since its schema refuses it, is concluded alike as well: parts that are not
// there at all, and wrong types.
func TestLanguagesAgreeOnFragments(t *testing.T) {
	t.Parallel()
	tables := map[string]string{
		"presence": `- {name: nothing, expect: missing, findings: [no business unit is named], input: {manifest: {}}}
- {name: a number, expect: missing, input: {manifest: {metadata: {businessUnit: 7}}}}
- {name: "null", expect: missing, input: {manifest: {metadata: {businessUnit: null}}}}
- {name: a list, expect: missing, input: {manifest: {metadata: {businessUnit: [retail]}}}}
- {name: a placeholder of the organisation, expect: fail, input: {manifest: {metadata: {businessUnit: Nobody}}, lists: {placeholders: [nobody]}}}
`,
		"membership": `- {name: nothing, expect: missing, input: {manifest: {}}}
- {name: an empty list, expect: missing, input: {manifest: {spec: {data: []}}}}
- {name: the list is empty, expect: fail, input: {manifest: {spec: {data: [{id: a, license: MIT}]}}}}
- {name: on the list, expect: pass, input: {manifest: {spec: {data: [{id: a, license: MIT}]}}, lists: {allowedLicenses: [MIT]}}}
- {name: without a name, expect: missing, findings: ['"no. 2" states no licence'], input: {manifest: {spec: {data: [{license: MIT}, {}]}}, lists: {allowedLicenses: [MIT]}}}
`,
		"threshold": `- {name: above, expect: pass, mandatory: true, input: {manifest: {spec: {model: {generative: true}, evaluations: [{id: a, metric: f1, value: 1}]}}, tier: {effective: critical}}}
- {name: below, expect: fail, mandatory: false, findings: ['"a" has an f1 of 0.25, below 0.9'], input: {manifest: {spec: {model: {generative: true}, evaluations: [{id: a, metric: f1, value: 0.25}, {id: b, metric: em, value: 0}]}}}}
- {name: of no concern, expect: not-applicable, input: {manifest: {spec: {model: {generative: false}}}}}
`,
	}
	for _, r := range threeLanguages {
		for _, file := range []policy.File{local("acme_01.yaml", r.yaml), local("acme_01.rego", r.rego), local("acme_01.star", r.star)} {
			t.Run(r.name+"/"+file.Path, func(t *testing.T) {
				t.Parallel()
				report, err := library.Test(t.Context(), []policy.File{file, local("acme_01_test.yaml", tables[r.name])}, policy.TestOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for _, test := range report.Controls[0].Tests {
					if test.Outcome != policy.TestPassed {
						t.Errorf("%s: %s", test.Name, test.Message)
					}
				}
			})
		}
	}
}
