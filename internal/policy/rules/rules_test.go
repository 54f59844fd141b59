package rules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/internal/policy/rules"
	"github.com/lumos-governance/lumos/policies"
)

var update = flag.Bool("update", false, "write the golden files anew")

const header = `apiVersion: lumos/v1
kind: Control
id: ACME-01
title: Own rule
description: A rule of the organisation.
severity: high
mode: weighted
remediation: Do what the rule says
frameworks: {acme-handbook: ["7"]}
`

func rule(body string) []byte { return []byte(header + body) }

func parse(t testing.TB, src []byte) *rules.Rule {
	t.Helper()
	r, errs := rules.Parse(".lumos/policies/acme_01.yaml", src)
	if errs != nil {
		t.Fatal(errs)
	}
	return r
}

// Each of these is refused when it is loaded, with its place and with what to do.
func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body string
		at   string // the text at the place, which stands once in the body
		want string
	}{
		"a field misspelt":               {"rules:\n  - {field: spec.modle.license, op: present}\n", "spec.modle.license", "there is no field spec.modle.license (did you mean spec.model?)"},
		"the end of a field misspelt":    {"rules:\n  - {field: spec.model.licence.spdx, op: present}\n", "spec.model.licence.spdx", "did you mean spec.model.license?"},
		"a field at another place":       {"rules:\n  - {field: spec.spdx, op: present}\n", "spec.spdx", "did you mean spec.model.license.spdx?"},
		"a field in a list misspelt":     {"rules:\n  - {field: \"spec.data[].licens\", op: present}\n", `"spec.data[].licens"`, "did you mean spec.data[].license?"},
		"an unknown root":                {"rules:\n  - {field: manifest.spec, op: present}\n", "manifest.spec", "known here: metadata, previous, spec, tier, item"},
		"a field unlike any":             {"rules:\n  - {field: spec.oversight.xyzzy, op: present}\n", "spec.oversight.xyzzy", "known here: contest, humanReview, roles, stopMechanism"},
		"brackets forgotten":             {"rules:\n  - {field: spec.data.license, op: present}\n", "spec.data.license", "write spec.data[].license for its entries"},
		"brackets too many":              {"rules:\n  - {field: \"spec.model[].task\", op: present}\n", `"spec.model[].task"`, "spec.model is a mapping, not a list (leave out [])"},
		"below a text":                   {"rules:\n  - {field: spec.model.task.name, op: present}\n", "spec.model.task.name", "spec.model.task is text, which has no name"},
		"not a path":                     {"rules:\n  - {field: spec model, op: present}\n", "spec model", `"spec model" is no field`},
		"a path that ends in a dot":      {"rules:\n  - {field: spec., op: present}\n", "spec.", "no key"},
		"item without a list":            {"rules:\n  - {field: item.license, op: present}\n", "item.license", "no list whose entry item could be"},
		"item misspelt":                  {"rules:\n  - {field: \"spec.data[].license\", op: present, where: {field: item.rol, op: present}}\n", "item.rol", "did you mean item.role?"},
		"no field":                       {"rules:\n  - {op: present}\n", "{op: present}", "the rule names no field"},
		"no operator":                    {"rules:\n  - {field: spec.model.task}\n", "{field: spec.model.task}", "exactly one of op, all, any and not"},
		"two operators":                  {"rules:\n  - {field: spec.model.task, op: present, not: {field: spec.model.task, op: present}}\n", "{field: spec.model.task, op: p", "exactly one of op, all, any and not"},
		"an operator misspelt":           {"rules:\n  - {field: spec.model.task, op: not-placholder}\n", "not-placholder", `did you mean "not-placeholder"?`},
		"a key misspelt":                 {"rules:\n  - {feild: spec.model.task, op: present}\n", "feild: spec.model.task", `did you mean "field"?`},
		"value forgotten":                {"rules:\n  - {field: spec.model.task, op: equals}\n", "{field: spec.model.task, op: e", "equals needs a value"},
		"value too much":                 {"rules:\n  - {field: spec.model.task, op: present, value: 1}\n", "1", "present takes no value"},
		"a value that never is":          {"rules:\n  - {field: spec.risk.tier, op: equals, value: hihg}\n", "hihg", `spec.risk.tier is never "hihg" (did you mean high?)`},
		"one of several that never is":   {"rules:\n  - {field: \"spec.data[].role\", op: in-list, value: [training, test]}\n", "test", `never "test"`},
		"a number for a text":            {"rules:\n  - {field: spec.model.task, op: equals, value: 3}\n", "3", "spec.model.task is text (quote it)"},
		"a text for a number":            {"rules:\n  - {field: spec.modelCard.placeholders, op: equals, value: \"0\"}\n", `"0"`, "spec.modelCard.placeholders is a number"},
		"a text for true or false":       {"rules:\n  - {field: spec.model.generative, op: equals, value: \"yes\"}\n", `"yes"`, "is true or false"},
		"an empty value":                 {"rules:\n  - {field: spec.model.task, op: equals, value: \" \"}\n", `" "`, "use absent"},
		"not-placeholder of a number":    {"rules:\n  - {field: spec.modelCard.placeholders, op: not-placeholder}\n", "not-placeholder", "use present"},
		"not-placeholder of a list":      {"rules:\n  - {field: spec.limitations, op: not-placeholder}\n", "not-placeholder", "write spec.limitations[] for its entries"},
		"equals of a list":               {"rules:\n  - {field: spec.limitations, op: equals, value: a}\n", "equals", "use min-count"},
		"equals of a mapping":            {"rules:\n  - {field: spec.model, op: equals, value: a}\n", "equals", "name a field of it"},
		"min-count of a text":            {"rules:\n  - {field: spec.model.task, op: min-count, value: 1}\n", "min-count", "it counts the entries of a list"},
		"min-count of nothing":           {"rules:\n  - {field: spec.data, op: min-count, value: 0}\n", "0", "from 1 to 1000"},
		"matches of a number":            {"rules:\n  - {field: spec.modelCard.placeholders, op: matches, value: \"0\"}\n", "matches", "use equals"},
		"a bad regular expression":       {"rules:\n  - {field: spec.model.task, op: matches, value: \"(?=x)\"}\n", `"(?=x)"`, "not a regular expression"},
		"a bracket that is not closed":   {"rules:\n  - {field: spec.model.task, op: matches, value: \"a)|(b\"}\n", `"a)|(b"`, "not a regular expression"},
		"no list":                        {"rules:\n  - {field: spec.model.task, op: in-list, value: tasks}\n", "tasks", "write lists.NAME"},
		"an amount without unit":         {"rules:\n  - {field: spec.privacy.retention, op: at-least, value: 30}\n", "30", "write it with its unit"},
		"an unknown unit":                {"rules:\n  - {field: spec.privacy.retention, op: at-least, value: 30x}\n", "30x", "such as 500ms"},
		"minutes or months":              {"rules:\n  - {field: spec.performance.metrics.e2e_p95_ms, op: at-most, value: 2m}\n", "2m", `"m" is no unit`},
		"another dimension":              {"rules:\n  - {field: spec.performance.metrics.e2e_p95_ms, op: at-most, value: 2GB}\n", "2GB", "is counted in ms"},
		"nobody knows the unit":          {"rules:\n  - {field: spec.performance.metrics.wait, op: at-most, value: 2s}\n", "2s", "add unit"},
		"a unit for a text":              {"rules:\n  - {field: spec.privacy.retention, op: at-most, value: P1Y, unit: d}\n", "d", "whose unit stands in it"},
		"a size for a duration":          {"rules:\n  - {field: spec.privacy.retention, op: at-most, value: 1GB}\n", "1GB", "no amount"},
		"a bad threshold":                {"rules:\n  - {field: spec.performance.metrics.e2e_p95_ms, op: at-most, value: thresholds.performance.e2e}\n", "thresholds.performance.e2e", "no threshold"},
		"no order":                       {"rules:\n  - {field: spec.oversight.humanReview, op: at-least, value: sampled}\n", "sampled", "have no order"},
		"so of every release":            {"rules:\n  - {field: tier.effective, op: at-least, value: low}\n", "low", "of no release, or of all"},
		"a bad date":                     {"rules:\n  - {field: spec.source.publishedAt, op: at-least, value: 2026-13-01}\n", "2026-13-01", "no date"},
		"fresh of a text":                {"rules:\n  - {field: spec.model.task, op: fresh, value: 30d}\n", "fresh", "it is for dates"},
		"a bad age":                      {"rules:\n  - {field: spec.source.publishedAt, op: fresh, value: 10GB}\n", "10GB", "the age that it may have"},
		"evidence of no entry":           {"rules:\n  - {field: spec.model.task, op: digest-verified}\n", "digest-verified", "name spec.evidence[]"},
		"present in every release":       {"rules:\n  - {field: metadata.name, op: present}\n", "metadata.name", "stands in every release"},
		"fields of different kinds":      {"rules:\n  - {field: spec.model.task, op: equals, value: {field: spec.model.generative}}\n", "spec.model.generative", "cannot be compared"},
		"many values for one":            {"rules:\n  - {field: spec.model.task, op: equals, value: {field: \"spec.data[].id\"}}\n", `"spec.data[].id"`, "has many values"},
		"one value for many":             {"rules:\n  - {field: spec.model.task, op: in-list, value: {field: spec.source.type}}\n", "spec.source.type", "has one value"},
		"a group about one field":        {"rules:\n  - {field: spec.model, any: [{field: spec.model.task, op: present}]}\n", "spec.model", "its field ends in []"},
		"a group that looks elsewhere":   {"rules:\n  - {field: \"spec.data[]\", any: [{field: spec.model.task, op: present}]}\n", `{field: "spec.data[]", any: [{`, "does not look at it"},
		"where without a list":           {"rules:\n  - {field: spec.model.task, op: present, where: {field: spec.model.task, op: present}}\n", "where: {field: spec.model.task", "there is no list here"},
		"items without a list":           {"rules:\n  - {field: spec.model.task, op: present, items: any}\n", "any", "there is no list here"},
		"where that looks elsewhere":     {"rules:\n  - {field: \"spec.data[].id\", op: present, where: {field: spec.model.task, op: present}}\n", "where: {field: spec.model.task", "does not look at it"},
		"a message that is never said":   {"rules:\n  - any:\n      - {field: spec.model.task, op: present, message: no}\n", "no", "never be said"},
		"a message of a condition":       {"rules:\n  - {field: spec.model.task, op: present, when: {field: spec.risk.tier, op: present, message: no}}\n", "message: no", `unknown key "message"`},
		"a word that stands for nothing": {"rules:\n  - {field: spec.model.task, op: equals, value: a, message: \"{vlaue} is wrong\"}\n", `"{vlaue} is wrong"`, "{vlaue} stands for nothing here"},
		"item that is not there":         {"rules:\n  - {field: spec.model.task, op: equals, value: a, message: \"{item} is wrong\"}\n", `"{item} is wrong"`, "{item} stands for nothing here"},
		"fix of a judgement":             {"rules:\n  - {field: spec.model.task, op: present, fix: true}\n", "true", "present takes no fix"},
		"no rules":                       {"rules: []\n", "rules: []", "want at least 1"},
		"a bad id":                       {"rules:\n  - {field: spec.model.task, op: present}\nsupersededBy: acme 2\n", "acme 2", "form"},
		"a bad date of effect":           {"effectiveFrom: 2026-02-30\nrules:\n  - {field: spec.model.task, op: present}\n", "2026-02-30", "date"},
		"too many fields":                {"rules:\n" + strings.Repeat("  - any: ["+strings.Repeat("{field: spec.model.task, op: present}, ", 19)+"{field: spec.model.task, op: present}]\n", 20), "{field: spec.model.task, op: p", "more than 300 fields and groups"},
		"groups too deep":                {"rules:\n  - " + strings.Repeat("any: [{", 12) + "field: spec.model.task, op: present" + strings.Repeat("}]", 12) + "\n", "{any: [{any: [{any: [{field: s", "nest more than 8 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, errs := rules.Parse("a.yaml", rule(tt.body))
			if errs == nil {
				t.Fatalf("no error, but %+v", r)
			}
			for _, e := range errs {
				lines := strings.Split(header+tt.body, "\n")
				if e.Path == "a.yaml" && strings.HasPrefix(lines[e.Line-1][e.Column-1:], tt.at) && strings.Contains(e.Error(), tt.want) {
					return
				}
			}
			t.Errorf("errors\n%v\nwant one at %s with %q", errs, tt.at, tt.want)
		})
	}
}

func TestMandatoryWhen(t *testing.T) {
	t.Parallel()
	always := strings.Replace(header, "mode: weighted", "mode: mandatory", 1) + "mandatoryWhen: {field: spec.risk.tier, op: present}\nrules:\n  - {field: spec.model.task, op: present}\n"
	if _, errs := rules.Parse("a.yaml", []byte(always)); errs == nil || !strings.Contains(errs.Error(), "a.yaml:10:1: the control is always mandatory") {
		t.Errorf("a mandatory control with mandatoryWhen: %v", errs)
	}
	for condition, want := range map[string]string{
		"{field: tier.effective, op: equals, value: critical}":                                                                          "the tier is critical",
		"{field: tier.effective, op: at-least, value: high}":                                                                            "the tier is at least high",
		"{field: spec.model.generative, op: not-equals, value: true}":                                                                   "spec.model.generative is other than true",
		"{not: {field: spec.model.generative, op: equals, value: true}}":                                                                "spec.model.generative is not true",
		"{field: \"spec.data[].personalData\", items: any, op: in-list, value: [special, phi]}":                                         "some spec.data[].personalData is special or phi",
		"{not: {field: \"spec.data[].personalData\", items: any, op: in-list, value: [special, phi]}}":                                  "no spec.data[].personalData is special or phi",
		"{field: \"spec.data[].license\", op: present, where: {field: item.role, op: equals, value: rag}}":                              "every spec.data[].license is stated where role is rag",
		"{any: [{field: spec.risk.tier, op: present}, {all: [{field: spec.model.task, op: absent}, {op: has-evidence, value: dpia}]}]}": "spec.risk.tier is stated or (spec.model.task is not stated and there is evidence of type dpia)",
		"{field: spec.data, op: min-count, value: 2, where: {field: item.role, op: equals, value: rag}}":                                "spec.data has at least 2 entries where role is rag",
	} {
		r := parse(t, rule("mandatoryWhen: "+condition+"\nrules:\n  - {field: spec.model.task, op: present}\n"))
		if got := r.MandatoryWhenText(); got != want {
			t.Errorf("%s\nis  %s\nwant %s", condition, got, want)
		}
	}
	if r := parse(t, rule("rules:\n  - {field: spec.model.task, op: present}\n")); r.MandatoryWhenText() != "" || r.WhenText() != "" {
		t.Errorf("a rule that is always asked: %q, %q", r.MandatoryWhenText(), r.WhenText())
	}
}

// The examples of the reference are rules, and every operator has one.
func TestOperators(t *testing.T) {
	t.Parallel()
	var schema struct {
		Defs struct {
			Op struct {
				Enum []string `json:"enum"`
			} `json:"op"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(rules.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	inSchema := map[string]bool{}
	for _, op := range schema.Defs.Op.Enum {
		inSchema[op] = true
	}
	for _, o := range rules.Operators() {
		if !inSchema[o.Name] || o.Holds == "" || o.Fields == "" || o.Missing == "" && o.Fails == "" || !strings.Contains(o.Example, "op: "+o.Name) {
			t.Errorf("the schema or the table lacks something of %+v", o)
		}
		delete(inSchema, o.Name)
		r := parse(t, rule("rules:\n  - "+o.Example+"\n"))
		if _, _, errs := r.Render("lumos.local.acme_01", options); errs != nil {
			t.Errorf("%s: %v", o.Name, errs)
		}
	}
	if len(inSchema) > 0 {
		t.Errorf("not in the table: %v", inSchema)
	}
}

// TestGolden shows what rules are rendered to.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, errs := rules.Parse(filepath.Base(file), src)
		if errs != nil {
			t.Fatal(errs)
		}
		stem := strings.TrimSuffix(filepath.Base(file), ".yaml")
		got, _, errs := r.Render("lumos.local."+stem, options)
		if errs != nil {
			t.Fatal(errs)
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".rego"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", golden, diff)
		}
	}
}

// sound checks what must be true of everything that is rendered.
func sound(t testing.TB, src []byte, r *rules.Rule) {
	t.Helper()
	source, parsed, errs := r.Render("lumos.local.acme_01", options)
	if errs != nil {
		t.Fatalf("%v\n%s", errs, src)
	}
	again, _, _ := r.Render("lumos.local.acme_01", options)
	if again != source {
		t.Error("rendered twice, it differs")
	}
	formatted, err := format.SourceWithOpts("a.rego", []byte(source), format.Opts{RegoVersion: ast.RegoV1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(formatted), source); diff != "" {
		t.Errorf("not formatted (-want +got):\n%s", diff)
	}
	lines := strings.Count(string(src), "\n") + 1
	ast.NewGenericVisitor(func(x any) bool {
		var loc *ast.Location
		switch x := x.(type) {
		case *ast.Rule:
			loc = x.Location
		case *ast.Expr:
			loc = x.Location
		case *ast.Term:
			if loc = x.Location; loc == nil {
				return false
			}
		default:
			return false
		}
		if loc == nil || loc.Row < 1 || loc.Row > lines || !strings.HasSuffix(loc.File, ".yaml") {
			t.Errorf("%T %v is at %v", x, x, loc)
		}
		return false
	}).Walk(parsed)
	// Nothing in a text can have become a rule: what there is was declared.
	known := regexp.MustCompile(`^(pass|fail|missing|mandatory|not_applicable|applies|(holds|breaks|stated|valued|any|settled|dismissed|passes|list|set|listed)_\w+|authored)$`)
	for _, rule := range parsed.Rules {
		if !known.MatchString(rule.Head.Name.String()) {
			t.Errorf("a rule %s came from nowhere", rule.Head.Name)
		}
	}
	if len(parsed.Annotations) != 1 || parsed.Annotations[0].Title != r.Title || strings.TrimSpace(parsed.Annotations[0].Description) != r.Description {
		t.Errorf("the metadata changed on the way: %+v", parsed.Annotations)
	}
}

// Texts of a rule are texts of its Rego, whatever stands in them.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a\" } pass if true #", "a\n\npass if true\n", "`\npass if true\n`", "# METADATA", "METADATA\nMETADATA", "a: b", "- a", "{{ }}", "%d %s %% %!", `back\slash \" \n`,
		"\u202e\u2028\u0085 \U000E0001 \U0001F600", "null", "true", "2026-01-01", "'", "|", ">-", "*a &b !c", "custom:\n  id: X-01", "\t", "x\t# METADATA\n# title: y",
	} {
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		yaml := strings.NewReplacer("\u0085", `\u0085`, "\u202e", `\u202e`, "\u2028", `\u2028`, "\U000E0001", `\U000E0001`).Replace(string(quoted))
		braces := strings.NewReplacer("{", "{{", "}", "}}").Replace(yaml)
		filled := strings.TrimSpace(text) != ""
		if !filled {
			yaml, braces = `"x`+yaml[1:], `"x`+braces[1:]
		}
		src := []byte("apiVersion: lumos/v1\nkind: Control\nid: ACME-01\ntitle: " + yaml + "\ndescription: " + yaml + "\nseverity: high\nmode: weighted\nremediation: " + yaml +
			"\nframeworks: {acme: [" + yaml + "]}\nmandatoryWhen: {field: spec.model.task, op: equals, value: " + yaml + "}\nwhen: {field: spec.model.library, op: equals, value: " + yaml + "}\n" +
			"rules:\n  - {field: spec.model.task, op: equals, value: " + yaml + ", message: " + braces + ", missing: " + braces + "}\n" +
			"  - {field: spec.model.library, op: in-list, value: [" + yaml + "], ignoreCase: true}\n  - {op: has-evidence, value: " + yaml + "}\n")
		r, errs := rules.Parse("a.yaml", src)
		if errs != nil {
			t.Errorf("%q: %v", text, errs)
			continue
		}
		sound(t, src, r)
		_, parsed, _ := r.Render("lumos.local.acme_01", options)
		want := text
		if !filled {
			want = "x" + text
		}
		found := false
		ast.WalkTerms(parsed, func(x *ast.Term) bool {
			s, ok := x.Value.(ast.String)
			found = found || ok && string(s) == want
			return false
		})
		if !found {
			t.Errorf("%q is not in the Rego as it is", text)
		}
	}
}

// Whatever stands in a file: it is refused at a place, or its Rego is sound.
func FuzzParse(f *testing.F) {
	for _, c := range catalogue(f) {
		f.Add(c.src)
	}
	for _, o := range rules.Operators() {
		f.Add(rule("rules:\n  - " + o.Example + "\n"))
	}
	f.Add([]byte("rules: [{not: {not: {}}}]"))
	f.Fuzz(func(t *testing.T, src []byte) {
		r, errs := rules.Parse("a.yaml", src)
		for _, e := range errs {
			if e.Path == "" || e.Message == "" || e.Line > 1+strings.Count(string(src), "\n") {
				t.Errorf("an error without a place: %+v", e)
			}
		}
		if (r == nil) != (errs != nil) {
			t.Fatalf("%v, %v", r, errs)
		}
		if r != nil {
			sound(t, src, r)
		}
	})
}

// FuzzField reads field paths.
func FuzzField(f *testing.F) {
	for _, s := range []string{"spec.model.license.spdx", "spec.data[].license", `spec.provenance["/spec/a"].from`, "spec.provenance[\"\x10spec\"].from", "spec..a", "[]", "spec.data[][]", "item", "previous.spec.data[].id", `spec["model"]`, "tier.effective"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		quoted, err := json.Marshal(field)
		if err != nil {
			return
		}
		src := rule("rules:\n  - {op: present, field: " + string(quoted) + "}\n")
		if r, errs := rules.Parse("a.yaml", src); errs == nil {
			sound(t, src, r)
		}
	})
}

var library = policy.NewLibrary(policies.FS)

func load(t testing.TB, c *config.Config, files ...policy.File) *policy.Engine {
	t.Helper()
	e, err := library.Load(t.Context(), policy.Source{Config: c, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What the type check of the whole policy finds is told at the line of the YAML.
func TestTypeErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body string
		line int
		want string
	}{
		"a list misspelt":  {"rules:\n  - {field: spec.model.task, op: present}\n  - {field: spec.source.publisher, op: in-list, value: lists.aprovedPublishers}\n", 12, "aprovedPublishers"},
		"a group misspelt": {"rules:\n  - field: spec.performance.metrics.rps\n    op: at-least\n    value: thresholds.performace.rps.min\n", 11, "performace"},
	} {
		_, err := library.Load(t.Context(), policy.Source{Config: &config.Config{MaxAge: "180d"}, Files: []policy.File{{Path: ".lumos/policies/acme_01.yaml", Data: rule(tt.body)}}})
		var errs document.Errors
		if !errors.As(err, &errs) || errs[0].Path != ".lumos/policies/acme_01.yaml" || errs[0].Line != tt.line || !strings.Contains(errs[0].Message, tt.want) {
			t.Errorf("%s: error %v, want one in line %d with %s", name, err, tt.line, tt.want)
		}
	}
}

// TestGraduation saves every rule as the Rego that it is rendered to: the report stays the same.
func TestGraduation(t *testing.T) {
	t.Parallel()
	base, err := os.ReadFile("../../../releases/examples/roberta-squad2/1.0.0.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manifests := map[string][]byte{
		"releases/roberta-squad2/1.0.0.yaml":        base,
		"releases/m/1.yaml":                         []byte("apiVersion: lumos/v1\nkind: ModelRelease\nmetadata: {name: m, version: \"1\"}\nspec: {source: {}}\n"),
		"releases/roberta-squad2/1.0.0-blanks.yaml": regexp.MustCompile(`(?m)^(\s+(?:- )?(?:purpose|method|summary|stopMechanism|erasure|ropaRef|disclosure|outputMarking|publisher):).*$`).ReplaceAll(bytes.Replace(base, []byte(`version: "1.0.0"`), []byte(`version: "1.0.0-blanks"`), 1), []byte("$1 TBD")),
	}
	var sources [][]byte
	for _, c := range catalogue(t) {
		sources = append(sources, c.src)
	}
	for _, o := range rules.Operators() {
		sources = append(sources, rule("rules:\n  - "+o.Example+"\n"))
	}
	var asYAML, asRego []policy.File
	for i, src := range sources {
		// A repository's own rules have ids of their own.
		src = regexp.MustCompile(`(?m)^id: .*$`).ReplaceAll(src, fmt.Appendf(nil, "id: ACME-%02d", i+1))
		stem := fmt.Sprintf("acme_%02d", i+1)
		rendered, _, errs := parse(t, src).Render("lumos.local."+stem, options)
		if errs != nil {
			t.Fatal(errs)
		}
		asYAML = append(asYAML, policy.File{Path: ".lumos/policies/" + stem + ".yaml", Data: src})
		asRego = append(asRego, policy.File{Path: ".lumos/policies/" + stem + ".rego", Data: []byte(rendered)})
	}
	conf := &config.Config{MaxAge: "180d", Lists: map[string]config.List{"approvedPublishers": {Values: []string{"deepset"}}}}
	yaml, rego := load(t, conf, asYAML...), load(t, conf, asRego...)
	seen := map[policy.Outcome]int{}
	for path, m := range manifests {
		subject := policy.Subject{Manifest: policy.File{Path: path, Data: m}, Now: now}
		want, got := yaml.Evaluate(t.Context(), subject), rego.Evaluate(t.Context(), subject)
		if len(want.Invalid) > 0 || len(want.Controls) != len(sources) {
			t.Fatalf("%s: %d controls, %v", path, len(want.Controls), want.Invalid)
		}
		want.Policy, got.Policy = "", ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-YAML +Rego):\n%s", path, diff)
		}
		for _, c := range want.Controls {
			if seen[c.Outcome]++; c.Outcome == policy.Error {
				t.Errorf("%s, %s: %s", path, c.ID, c.Reason)
			}
		}
	}
	if seen[policy.Pass] == 0 || seen[policy.Fail] == 0 || seen[policy.Missing] == 0 || seen[policy.NotApplicable] == 0 {
		t.Errorf("outcomes %v: too little was tried", seen)
	}
	for i, c := range rego.Controls() {
		a := yaml.Controls()[i]
		a.Path, a.Language, c.Path, c.Language = "", "", "", ""
		if diff := cmp.Diff(a, c, cmpopts.IgnoreUnexported(policy.Control{})); diff != "" {
			t.Errorf("%s (-YAML +Rego):\n%s", c.ID, diff)
		}
	}
}

// The schema of a rule and that of METADATA say the same of what both describe.
func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	var own, control map[string]any
	if err := errors.Join(json.Unmarshal(rules.Schema(), &own), json.Unmarshal(policy.PolicySchema(), &control)); err != nil {
		t.Fatal(err)
	}
	a := own["properties"].(map[string]any)
	b := control["properties"].(map[string]any)["custom"].(map[string]any)["properties"].(map[string]any)
	if diff := cmp.Diff(b["frameworks"], a["frameworks"]); diff != "" {
		t.Errorf("frameworks (-METADATA +rule):\n%s", diff)
	}
	for _, key := range []string{"id", "severity", "mode", "remediation"} {
		for _, of := range []string{"pattern", "enum", "maxLength"} {
			if diff := cmp.Diff(b[key].(map[string]any)[of], a[key].(map[string]any)[of]); diff != "" {
				t.Errorf("%s of %s (-METADATA +rule):\n%s", of, key, diff)
			}
		}
	}
}
