package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lumos-governance/lumos/internal/policy"
)

// reportSchema is the published schema as a validator, and as the tree that it is.
func reportSchema(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(policy.ReportSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema, doc.(map[string]any)
}

// The schema and the struct are the same list of fields, types and words, in both directions.
func TestReportSchemaIsTheReport(t *testing.T) {
	t.Parallel()
	_, tree := reportSchema(t)
	words := constants(t, "report.go", "../../releases/types.go", "../../releases/diff.go")
	seen := map[string]bool{}
	compareSchema(t, "reports", reflect.TypeFor[[]policy.Report](), tree, tree, words, seen)
	for name := range tree["$defs"].(map[string]any) {
		if !seen[name] {
			t.Errorf("$defs/%s is used by no field", name)
		}
	}
}

// constants lists the values of the typed string constants of some sources, by the name of the type; of
// those without a type, by the word that their names begin with.
func constants(t *testing.T, files ...string) map[string][]any {
	t.Helper()
	out := map[string][]any{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			value, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			name := spec.Names[0].Name
			if of, ok := spec.Type.(*ast.Ident); ok {
				out[of.Name] = append(out[of.Name], value)
			} else if strings.HasPrefix(name, "Kind") {
				out["Kind"] = append(out["Kind"], value)
			}
			return true
		})
	}
	return out
}

// compareSchema holds the node of the schema against the Go type that it describes.
func compareSchema(t *testing.T, where string, ty reflect.Type, node, root map[string]any, words map[string][]any, seen map[string]bool) {
	t.Helper()
	if ref, ok := node["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		seen[name] = true
		node = root["$defs"].(map[string]any)[name].(map[string]any)
	}
	if ty == reflect.TypeFor[*policy.Tenths]() {
		if got := fmt.Sprint(node["type"]); got != "[number null]" {
			t.Errorf("%s: the schema says %s, and it is a number or null", where, got)
		}
		return
	}
	if ty.Kind() == reflect.Pointer {
		ty = ty.Elem()
	}
	same := func(want string) {
		if node["type"] != want {
			t.Errorf("%s: the schema says %v, the report has a %s", where, node["type"], want)
		}
	}
	switch ty.Kind() {
	case reflect.Struct:
		same("object")
		compareFields(t, where, ty, node, root, words, seen)
	case reflect.Slice:
		same("array")
		compareSchema(t, where+"[]", ty.Elem(), node["items"].(map[string]any), root, words, seen)
	case reflect.Map:
		same("object")
		compareSchema(t, where+"{}", ty.Elem(), node["additionalProperties"].(map[string]any), root, words, seen)
	case reflect.Bool:
		same("boolean")
	case reflect.Int:
		same("integer")
	case reflect.String:
		want := words[ty.Name()]
		if strings.HasSuffix(where, "changes[].kind") {
			want = words["Kind"]
		}
		if want == nil {
			same("string")
			return
		}
		got, _ := node["enum"].([]any)
		if len(got) != len(want) || slices.ContainsFunc(want, func(w any) bool { return !slices.Contains(got, w) }) {
			t.Errorf("%s: the schema allows %v, the code has %v", where, got, want)
		}
	default:
		t.Errorf("%s: a %s is in no schema: teach this test", where, ty)
	}
}

func compareFields(t *testing.T, where string, ty reflect.Type, node, root map[string]any, words map[string][]any, seen map[string]bool) {
	t.Helper()
	if node["additionalProperties"] != false {
		t.Errorf("%s: the schema allows unknown fields", where)
	}
	properties := maps.Clone(node["properties"].(map[string]any))
	var required []string
	for f := range ty.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if options != "omitempty" {
			required = append(required, name)
		}
		p, ok := properties[name].(map[string]any)
		if !ok {
			t.Errorf("%s: the schema lacks %q", where, name)
			continue
		}
		delete(properties, name)
		compareSchema(t, where+"."+name, f.Type, p, root, words, seen)
	}
	for name := range properties {
		t.Errorf("%s: the schema has %q, the report does not", where, name)
	}
	if got := fmt.Sprint(node["required"]); got != fmt.Sprint(required) {
		t.Errorf("%s: the schema requires %s, the report always has %v", where, got, required)
	}
}

// TestReportsMatchTheirSchema validates what the engine really says: the golden files, and reports that
// together have every outcome and every conclusion that a check can come to.
func TestReportsMatchTheirSchema(t *testing.T) {
	t.Parallel()
	schema, _ := reportSchema(t)
	validate := func(t *testing.T, text []byte) {
		t.Helper()
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	for _, name := range []string{"good.json", "gaps.json", "invalid.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.ReplaceAll(b, []byte("sha256:…"), []byte("sha256:"+strings.Repeat("0", 64)))
		validate(t, slices.Concat([]byte("["), b, []byte("]")))
	}

	low := []string{"value: 0.913", "value: 0.813"}
	previous := policy.File{Path: "releases/support-triage/2.2.1.yaml", Data: manifest(t, `version: "2.3.0"`, `version: "2.2.1"`, "value: 0.913", "value: 0.901")}
	followed := subject(manifest(t, low...))
	followed.Previous = &previous
	loops := rule("pass if count([x | x := numbers.range(1, 30000000)[_]]) > 0\n\nfail contains {\"message\": \"x\"} if not pass\n")
	never := rule("not_applicable contains \"it is a test\"\n\npass if input.now\n\nfail contains {\"message\": \"x\"} if not pass\n")
	absent := subject(manifest(t, "businessUnit: retail-bank", ""))
	unread := subject(nil)
	unread.Manifest.Err = "it is larger than 1 MiB"
	reports := []policy.Report{
		*load(t, acme()).Evaluate(t.Context(), subject(manifest(t))),
		*load(t, acme(), never).Evaluate(t.Context(), followed),
		*load(t, acme(), waiver()).Evaluate(t.Context(), subject(manifest(t, low...))),
		*load(t, acme(), loops).Evaluate(t.Context(), absent),
		*load(t, acme()).Evaluate(t.Context(), subject([]byte("kind: 7\n"))),
		*load(t, acme()).Evaluate(t.Context(), unread),
		*policy.Unjudged(releasePath, errors.New(".lumos/config.yaml:3:1: unknown key")),
		*everyField(),
	}
	outcomes, conclusions := map[policy.Outcome]bool{}, map[policy.Conclusion]bool{}
	for _, r := range reports[:len(reports)-1] {
		conclusions[r.Conclusion] = true
		for _, c := range r.Controls {
			outcomes[c.Outcome] = true
		}
	}
	if len(outcomes) != 6 || len(conclusions) != 3 {
		t.Errorf("the reports have the outcomes %v and the conclusions %v", outcomes, conclusions)
	}
	b, err := json.Marshal(reports)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, b)
	validate(t, []byte("[]"))

	// And what no report is, is refused.
	for name, edit := range map[string][2]string{
		"an unknown field":     {`"conclusion"`, `"verdict": 1, "conclusion"`},
		"an unknown outcome":   {`"outcome":"pass"`, `"outcome":"passed"`},
		"a score over 100":     {`"score":100.0`, `"score":100.1`},
		"a score as text":      {`"score":100.0`, `"score":"100.0"`},
		"a digest cut short":   {`"digest":"sha256:`, `"digest":"sha256:0`},
		"an unknown severity":  {`"severity":"critical"`, `"severity":"blocker"`},
		"a report in no array": {"[", ""},
	} {
		text := strings.Replace(string(b), edit[0], edit[1], 1)
		if text == string(b) {
			t.Fatalf("%s: %q is not there", name, edit[0])
		}
		if name == "a report in no array" {
			text = "{}"
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("%s is allowed", name)
		}
	}
}

// everyField is a report in which no field is empty.
func everyField() *policy.Report {
	var r policy.Report
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Struct:
			for _, f := range v.Fields() {
				fill(f)
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0))
		case reflect.Map:
			v.Set(reflect.ValueOf(map[string][]string{"eu-ai-act": {"11.1"}}))
		case reflect.String:
			v.SetString("text")
		case reflect.Int:
			v.SetInt(7)
		case reflect.Bool:
			v.SetBool(true)
		}
	}
	fill(reflect.ValueOf(&r).Elem())
	digest := "sha256:" + strings.Repeat("a", 64)
	r.Digest, r.Policy, r.Conclusion = digest, digest, policy.Errored
	r.Tier = policy.Tier{Effective: "high", Declared: "medium", Derived: "high", Reason: "data 3"}
	c := &r.Controls[0]
	c.Severity, c.Outcome, c.Unwaived, c.EffectiveFrom = policy.High, policy.Waived, policy.Missing, "2027-12-02"
	c.Waiver.ExpiresAt, r.Sources[0].Since, r.Sources[0].Digest = "2026-12-01T00:00:00Z", "2026-08-30T06:00:00Z", digest
	r.Changes[0].Kind = "metric"
	return &r
}
