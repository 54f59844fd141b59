package rules_test

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy/rules"
	"github.com/lumos-governance/lumos/policies"
)

var options = ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1}

// control is a rule of the catalogue with the cases of its table.
type control struct {
	name  string // of the file
	stem  string
	src   []byte
	cases []testCase
}

type testCase struct {
	Name      string         `json:"name"`
	Expect    string         `json:"expect"`
	Mandatory *bool          `json:"mandatory"`
	Input     map[string]any `json:"input"`
	Findings  []string       `json:"findings"`
}

// catalogue returns every control in YAML that ships.
func catalogue(t testing.TB) []control {
	t.Helper()
	names, err := fs.Glob(policies.FS, "controls/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []control
	for _, name := range names {
		stem := strings.TrimSuffix(path.Base(name), ".yaml")
		if stem == "pack" || strings.HasSuffix(stem, "_test") {
			continue
		}
		c := control{name: name, stem: stem, src: read(t, name)}
		table := "controls/" + stem + "_test.yaml"
		doc, errs := document.Parse(table, read(t, table), nil)
		if errs != nil {
			t.Fatal(errs)
		}
		if err := doc.Decode(&c.cases); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	src, err := fs.ReadFile(policies.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// lists are the defaults of the packs.
func lists(t testing.TB) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, pack := range []string{"lib", "controls"} {
		doc, errs := document.Parse("pack.yaml", read(t, pack+"/pack.yaml"), nil)
		if errs != nil {
			t.Fatal(errs)
		}
		maps.Copy(out, doc.Value.(map[string]any)["lists"].(map[string]any))
	}
	return out
}

// complete gives a case's input what every control sees.
func complete(in, defaults map[string]any) map[string]any {
	out := map[string]any{"manifest": map[string]any{}, "now": "2026-09-01T12:00:00Z", "tier": map[string]any{"effective": "low"}, "evidence": map[string]any{}, "releases": map[string]any{}, "maxEvidenceAgeDays": 180}
	maps.Copy(out, in)
	lists := maps.Clone(defaults)
	if own, ok := in["lists"].(map[string]any); ok {
		maps.Copy(lists, own)
	}
	out["lists"] = lists
	return out
}

// helpers are the modules of policies/lib.
func helpers(t testing.TB) map[string]*ast.Module {
	t.Helper()
	out := map[string]*ast.Module{}
	for _, stem := range []string{"lib", "rule"} {
		name := "lib/" + stem + ".rego"
		m, err := ast.ParseModuleWithOpts(name, string(read(t, name)), ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		out[name] = m
	}
	return out
}

// TestCatalogue runs the table of every control in YAML on what it is rendered to. A control must be
// shown to pass and to be open, and every row of its Rego must be reached.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	modules, coverage, defaults := helpers(t), cover.New(), lists(t)
	all := catalogue(t)
	rendered := map[string]string{}
	for _, c := range all {
		r, errs := rules.Parse(c.name, c.src)
		if errs != nil {
			t.Fatal(errs)
		}
		source, _, errs := r.Render("lumos.controls."+c.stem, options)
		if errs != nil {
			t.Fatal(errs)
		}
		rendered[c.stem] = source
		m, err := ast.ParseModuleWithOpts(c.stem+".rego", source, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		modules[c.stem+".rego"] = m
	}
	compiler := ast.NewCompiler().WithStrict(true)
	if compiler.Compile(modules); compiler.Failed() {
		t.Fatal(compiler.Errors)
	}
	for _, c := range all {
		seen := map[string]bool{}
		for _, tt := range c.cases {
			t.Run(c.stem+"/"+tt.Name, func(t *testing.T) {
				query := fmt.Sprintf("outcome = data.lumos.lib.outcome(data.lumos.controls.%s)", c.stem)
				for _, name := range []string{"fail", "missing", "mandatory"} {
					query += fmt.Sprintf("; %s = [x | x = data.lumos.controls.%s.%[1]s]", name, c.stem)
					if !strings.Contains(rendered[c.stem], "\n"+name+" ") {
						query = strings.TrimSuffix(query, fmt.Sprintf("data.lumos.controls.%s.%s]", c.stem, name)) + "{}[_]]"
					}
				}
				found, err := rego.New(rego.Compiler(compiler), rego.Query(query), rego.StrictBuiltinErrors(true), rego.QueryTracer(coverage),
					rego.Input(complete(tt.Input, defaults))).Eval(t.Context())
				if err != nil || len(found) != 1 {
					t.Fatalf("%d answers, error %v", len(found), err)
				}
				answers := found[0].Bindings
				outcome := answers["outcome"].(string)
				seen[outcome] = true
				if outcome != tt.Expect {
					t.Errorf("outcome %s, want %s: %v", outcome, tt.Expect, answers)
				}
				if tt.Mandatory != nil {
					if holds := len(answers["mandatory"].([]any)) == 1; holds != *tt.Mandatory {
						t.Errorf("mandatory is %t", holds)
					}
				}
				if tt.Findings != nil {
					var said []string
					for _, set := range slices.Concat(answers["fail"].([]any), answers["missing"].([]any)) {
						for _, x := range set.([]any) {
							said = append(said, x.(map[string]any)["message"].(string))
						}
					}
					if diff := cmp.Diff(slices.Sorted(slices.Values(tt.Findings)), slices.Sorted(slices.Values(said))); diff != "" {
						t.Errorf("findings (-want +got):\n%s", diff)
					}
				}
			})
		}
		if !seen["pass"] || !seen["fail"] {
			t.Errorf("%s: shown to be %v, want pass and fail at least", c.name, slices.Sorted(maps.Keys(seen)))
		}
	}
	report := coverage.Report(modules)
	for _, c := range all {
		for _, gap := range report.Files[c.stem+".rego"].NotCovered {
			row := strings.Split(rendered[c.stem], "\n")[gap.Start.Row-1]
			t.Errorf("%s: no case reaches row %d of its Rego: %s", c.name, gap.Start.Row, row)
		}
	}
}
