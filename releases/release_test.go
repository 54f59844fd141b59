package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/lumos-governance/lumos/internal/document"
)

const minimal = `apiVersion: lumos/v1
kind: ModelRelease
metadata: {name: triage, version: "1.0.0"}
spec: {source: {}}
`

func example(t testing.TB) []byte {
	t.Helper()
	src, err := Examples.ReadFile("examples/roberta-squad2/1.0.0.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func mustParse(t testing.TB, path, src string) *Release {
	t.Helper()
	r, err := Parse(path, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// exists tells whether a pointer leads somewhere.
func exists(v any, pointer string) bool {
	for _, token := range document.SplitPointer(pointer) {
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[token]
			if !ok {
				return false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) {
				return false
			}
			v = in[i]
		default:
			return false
		}
	}
	return true
}

func TestParse(t *testing.T) {
	t.Parallel()
	r := mustParse(t, "releases/examples/roberta-squad2/1.0.0.yaml", string(example(t)))
	m := r.Manifest
	if m.Metadata.Name != "roberta-squad2" || m.Spec.Source.Type != "huggingface" || *m.Spec.Artifacts[0].Size != 496254442 ||
		*m.Spec.Evaluations[1].Value != 82.9501 || m.Spec.Risk.Tier != TierMedium || m.Spec.Risk.Factors["change"] != 3 {
		t.Errorf("read wrongly: %+v", m)
	}
	if got := r.ReleaseTag(); got != "lumos/roberta-squad2/1.0.0" {
		t.Errorf("tag %s", got)
	}
	lines := strings.Split(string(example(t)), "\n")
	for pointer, want := range map[string]string{"/metadata/name": "roberta-squad2", "/spec/source/revision": "adc3b06", "/spec/evaluations/1/value": "82.9501", "/spec/risk/factors": "factors:"} {
		line, column := r.Position(pointer)
		if got := lines[line-1][column-1:]; !strings.HasPrefix(got, want) {
			t.Errorf("Position(%s) is at %q, want %q", pointer, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	with := func(old, new string) string {
		if !strings.Contains(minimal, old) {
			t.Fatalf("%q is not in the minimal manifest", old)
		}
		return strings.Replace(minimal, old, new, 1)
	}
	const path = "releases/triage/1.0.0.yaml"
	for _, tc := range []struct{ name, path, src, want string }{
		{"empty", path, "", path + ":1:1: the file is empty, want one YAML document"},
		{"wrong kind", path, with("ModelRelease", "Config"), path + `:2:7: got "Config", want "ModelRelease"`},
		{"wrong version of the format", path, with("lumos/v1", "lumos/v2"), path + `:1:13: got "lumos/v2", want "lumos/v1"`},
		{"another folder", "releases/other/1.0.0.yaml", minimal, `releases/other/1.0.0.yaml:3:18: the name is "triage", but the file lies in the folder "other" (rename one of them)`},
		{"another file name", "a/releases/b/triage/2.yml", minimal, `a/releases/b/triage/2.yml:3:35: the version is "1.0.0", but the file is named for "2" (rename one of them)`},
		{"version as a number", path, with(`"1.0.0"`, "2.10"), path + `:3:35: got a number, want text (quote it: "2.10")`},
		{"no source", path, with("{source: {}}", "{}"), path + `:4:1: the key "source" is missing (Where the model comes from: the registry's own record of it)`},
		{"name is no DNS label", "x.yaml", with("triage", "Triage_1"), `x.yaml:3:18: "Triage_1" does not have the form that is expected here (The model's name, also its folder: a DNS label of lower-case letters, digits and inner hyphens, at most 63 characters, for example support-triage)`},
		{"version is no ref", "x.yaml", with("1.0.0", "1..0"), `x.yaml:3:35: "1..0" does not have the form that is expected here (A version: letters and digits, with single dots, underscores or plus signs, or hyphens, between them, for example 2.3.0)`},
		{"version ends in .lock", "x.yaml", with("1.0.0", "1.lock"), `x.yaml:3:35: the version "1.lock" ends in .lock, which git keeps for itself (choose another version)`},
		{"two mistakes", path, with("spec: {source: {}}", "spec:\n  source: {revison: abc}\n  evalutions: []\n"),
			path + `:5:12: unknown key "revison" (did you mean "revision"?)` + "\n" + path + `:6:3: unknown key "evalutions" (did you mean "evaluations"?)`},
		{"digest", path, with("{source: {}}", `{source: {}, artifacts: [{digest: "sha256:ABC"}]}`), path + `:4:41: "sha256:ABC" does not have the form that is expected here ("sha256:" and 64 lower-case hexadecimal digits)`},
		{"evidence id twice", path, with("{source: {}}", "{source: {}, evidence: [{id: a}, {id: a}]}"), path + `:4:45: the id "a" is already used in line 4 (evidence is referred to by its id: give it one of its own)`},
		{"evidence outside", path, with("{source: {}}", `{source: {}, evidence: [{uri: ../x}, {uri: /x}, {uri: 'a\b'}, {uri: a//b, signature: {uri: .}}, {uri: "https://x/../y"}]}`),
			path + `:4:37: "../x" is not a plain path (` + uriHint + ")\n" + path + `:4:50: "/x" starts with a slash (` + uriHint + ")\n" +
				path + `:4:61: "a\\b" holds a backslash (` + uriHint + ")\n" + path + `:4:75: "a//b" is not a plain path (` + uriHint + ")\n" + path + `:4:98: "." is not a plain path (` + uriHint + ")"},
		{"provenance", path, with("{source: {}}", "{source: {}, provenance: {spec: {from: x}, /spec/x~2: {}, /spec/source: {}}}"),
			path + `:4:33: "spec" is not a JSON pointer (RFC 6901) (write it like /spec/model/license/spdx)` + "\n" +
				path + `:4:50: "/spec/x~2" is not a JSON pointer (RFC 6901) (write it like /spec/model/license/spdx)`},
		{"date", path, with("{source: {}}", "{source: {publishedAt: 2026-08-20}}"), path + `:4:30: "2026-08-20" is not a date and time of RFC 3339 such as "2026-08-20T11:03:00Z"`},
		{"factor", path, with("{source: {}}", "{source: {}, risk: {factors: {data: 4, impact: 1.5}}}"),
			path + `:4:43: 4 is too large, want at most 3 (From 0 (harmless) to 3 (grave))` + "\n" + path + `:4:54: got a number, want a whole number`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := Parse(tc.path, []byte(tc.src))
			var errs Errors
			if r != nil || !errors.As(err, &errs) {
				t.Fatalf("release %v, error %v", r, err)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The schema and the types say the same: every property has its field, and the other way round.
func TestSchemaAndTypesAgree(t *testing.T) {
	t.Parallel()
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	defs := schema["$defs"].(map[string]any)
	var compare func(at string, s map[string]any, typ reflect.Type)
	compare = func(at string, s map[string]any, typ reflect.Type) {
		if ref, ok := s["$ref"].(string); ok {
			s = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if items, ok := s["items"].(map[string]any); ok {
			if typ.Kind() != reflect.Slice {
				t.Errorf("%s: a list in the schema, %s in Go", at, typ)
				return
			}
			compare(at+"[]", items, typ.Elem())
			return
		}
		props, ok := s["properties"].(map[string]any)
		if !ok {
			return
		}
		if typ.Kind() == reflect.Map { // the risk factors
			for name, p := range props {
				compare(at+"."+name, p.(map[string]any), typ.Elem())
			}
			return
		}
		if typ.Kind() != reflect.Struct || s["additionalProperties"] != false {
			t.Errorf("%s: %s, additionalProperties %v", at, typ, s["additionalProperties"])
			return
		}
		fields := map[string]reflect.Type{}
		for i := range typ.NumField() {
			fields[typ.Field(i).Tag.Get("json")] = typ.Field(i).Type
		}
		for name, p := range props {
			p := p.(map[string]any)
			if d, _ := p["description"].(string); d == "" {
				t.Errorf("%s.%s has no description", at, name)
			}
			field, ok := fields[name]
			if !ok {
				t.Errorf("%s.%s is not in %s", at, name, typ)
				continue
			}
			delete(fields, name)
			compare(at+"."+name, p, field)
		}
		for name := range fields {
			t.Errorf("%s.%s is not in the schema", at, name)
		}
	}
	compare("manifest", schema, reflect.TypeFor[Manifest]())
}

// A null where the schema accepts one reads as not stated.
func TestNull(t *testing.T) {
	t.Parallel()
	r := mustParse(t, "x.yaml", strings.Replace(minimal, "{source: {}}", "{source: {hosting: {contractRef: null}}, evaluations: [{test: null}], model: {license: {name: null}}}", 1))
	if r.Manifest.Spec.Source.Hosting.ContractRef != nil || r.Manifest.Spec.Evaluations[0].Test != nil {
		t.Error("null became a value")
	}
}

func TestReleaseTag(t *testing.T) {
	t.Parallel()
	for version, ok := range map[string]bool{
		"1.0.0": true, "2026-08-20": true, "1.0.0-rc.1+build.5": true, "v1": true, "1--2": true,
		"": false, ".": false, "1.": false, "a..b": false, "a b": false, "a/b": false, "x.lock": false, "-1": false, "@": false, "1\n": false, "a~1": false, "a^": false, "a:b": false,
		strings.Repeat("1", 101): false,
	} {
		if tag, err := ReleaseTag("m", version); (err == nil) != ok || ok && tag != "lumos/m/"+version {
			t.Errorf("ReleaseTag(m, %q) = %q, %v", version, tag, err)
		}
	}
	for _, model := range []string{"", "A", "a.b", "-a", "a/b", strings.Repeat("a", 64)} {
		if _, err := ReleaseTag(model, "1"); err == nil {
			t.Errorf("the model %q has a tag", model)
		}
	}
}

// The digest names what a manifest says: the order of keys, comments and layout do not change it, and
// any other value does.
func TestDigest(t *testing.T) {
	t.Parallel()
	const path = "releases/examples/roberta-squad2/1.0.0.yaml"
	original := mustParse(t, path, string(example(t)))
	var leaves []string
	var walk func(v any, pointer string)
	walk = func(v any, pointer string) {
		switch v := v.(type) {
		case map[string]any:
			for k, c := range v {
				walk(c, pointer+document.Pointer(k))
			}
		case []any:
			for i, c := range v {
				walk(c, pointer+"/"+strconv.Itoa(i))
			}
		default:
			leaves = append(leaves, pointer)
		}
	}
	walk(original.Value, "")
	slices.Sort(leaves)

	rapid.Check(t, func(t *rapid.T) {
		b, err := json.Marshal(original.Value)
		if err != nil {
			t.Fatal(err)
		}
		var copied any
		if err := json.Unmarshal(b, &copied); err != nil {
			t.Fatal(err)
		}
		formatted := encode(t, copied)
		same, err := Parse(path, []byte(formatted))
		if err != nil {
			t.Fatalf("%v\n%s", err, formatted)
		}
		if same.Digest != original.Digest {
			t.Fatalf("another layout, another digest:\n%s", formatted)
		}

		pointer := rapid.SampledFrom(leaves).Draw(t, "pointer")
		change(copied, document.SplitPointer(pointer))
		// What the schema refuses has no digest, so take the value's own canonical form.
		canonical, err := Canonical(copied)
		if err != nil {
			t.Fatal(err)
		}
		if digest(canonical) == original.Digest {
			t.Fatalf("another value at %s, the same digest", pointer)
		}
	})
}

// encode writes a value as YAML with its keys in any order, in block or flow style, with comments.
func encode(t *rapid.T, v any) string {
	var node func(v any) *yaml.Node
	node = func(v any) *yaml.Node {
		n := &yaml.Node{}
		if rapid.Bool().Draw(t, "flow") {
			n.Style = yaml.FlowStyle
		}
		switch v := v.(type) {
		case map[string]any:
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range rapid.Permutation(keys).Draw(t, "keys") {
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: k}, node(v[k]))
			}
			if n.Style == 0 && len(n.Content) > 0 && rapid.Bool().Draw(t, "comment") {
				n.Content[0].HeadComment = "a comment"
			}
		case []any:
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
			for _, c := range v {
				n.Content = append(n.Content, node(c))
			}
		case string:
			n.Kind, n.Tag, n.Value, n.Style = yaml.ScalarNode, "!!str", v, yaml.DoubleQuotedStyle
		default:
			n.Kind, n.Style = yaml.ScalarNode, 0
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			n.Value = string(b)
		}
		return n
	}
	out, err := yaml.Dump(node(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// change gives the value at a pointer another one.
func change(v any, tokens []string) {
	other := func(v any) any {
		switch v := v.(type) {
		case string:
			return v + "x"
		case float64:
			return v + 1
		case bool:
			return !v
		}
		return "not null"
	}
	switch v := v.(type) {
	case map[string]any:
		if len(tokens) == 1 {
			v[tokens[0]] = other(v[tokens[0]])
		} else {
			change(v[tokens[0]], tokens[1:])
		}
	case []any:
		i, _ := strconv.Atoi(tokens[0])
		if len(tokens) == 1 {
			v[i] = other(v[i])
		} else {
			change(v[i], tokens[1:])
		}
	}
}

// Hostile text is data: as a value it parses and comes back as it was, and it never passes for a name.
func TestHostileStrings(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("LUMOS_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	src, err := os.ReadFile(filepath.Join(dir, "data", "hostile-strings.json"))
	if err != nil {
		t.Skip("no shared test data:", err)
	}
	var all []string
	if err := json.Unmarshal(src, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		quoted, err := json.Marshal(s) // JSON is YAML, but for characters that must be escaped in both
		if err != nil {
			t.Fatal(err)
		}
		text := escape(string(quoted))
		r, err := Parse("x.yaml", []byte(strings.Replace(minimal, "{source: {}}", "{source: {modelId: "+text+"}}", 1)))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if r.Manifest.Spec.Source.ModelID != s {
			t.Errorf("%q came back as %q", s, r.Manifest.Spec.Source.ModelID)
		}
		if _, err := Parse("x.yaml", []byte(strings.Replace(minimal, "triage", text, 1))); err == nil && !nameForm.MatchString(s) {
			t.Errorf("%q passed for a name", s)
		}
	}
}

// escape writes what YAML takes no raw form of as \u.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0x7F && r <= 0x9F || r == '\u2028' || r == '\u2029' || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF' {
			b.WriteString(`\u` + strings.ToUpper(strconv.FormatInt(int64(r)|0x10000, 16))[1:])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	f.Add("releases/triage/1.0.0.yaml", []byte(minimal))
	f.Add("releases/examples/roberta-squad2/1.0.0.yaml", example(f))
	f.Add("x", []byte("apiVersion: lumos/v1\nkind: ModelRelease\nmetadata: {name: a, version: 1.0}\nspec: &a {source: *a}"))
	f.Fuzz(func(t *testing.T, path string, src []byte) {
		r, err := Parse(path, src)
		if err != nil {
			var errs Errors
			if r != nil || !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("release %v with error %#v", r, err)
			}
			return
		}
		if tag, err := ReleaseTag(r.Manifest.Metadata.Name, r.Manifest.Metadata.Version); err != nil || tag != r.ReleaseTag() {
			t.Errorf("parsed, but has no tag: %v", err)
		}
		for _, p := range r.EvidencePaths() {
			if badURI(p) != "" {
				t.Errorf("evidence path %q", p)
			}
		}
		if changes := Diff(r, r); len(changes) != 0 {
			t.Errorf("differs from itself: %v", changes)
		}
		canonical, err := Canonical(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(path, []byte(escape(string(canonical))))
		if err != nil || again.Digest != r.Digest {
			t.Errorf("its canonical form reads otherwise: %v\n%s", err, canonical)
		}
	})
}

// BenchmarkParse reads a manifest of 4.6 KB and the example's, which is twice as long.
func BenchmarkParse(b *testing.B) {
	usual, err := os.ReadFile("../internal/policy/testdata/release.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for path, src := range map[string][]byte{
		"releases/support-triage/2.3.0.yaml":          usual,
		"releases/examples/roberta-squad2/1.0.0.yaml": example(b),
	} {
		b.Run(fmt.Sprintf("%.1fKB", float64(len(src))/1000), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := Parse(path, src); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2]), "p50-ns/op")
		})
	}
}

// Times are compared as instants, so the fields that hold them must read what the schema accepts.
func TestTimes(t *testing.T) {
	t.Parallel()
	r := mustParse(t, "x.yaml", strings.Replace(minimal, "{source: {}}", `{source: {publishedAt: "2026-08-20T11:03:00.5+02:00"}}`, 1))
	if want := time.Date(2026, 8, 20, 9, 3, 0, 500_000_000, time.UTC); !r.Manifest.Spec.Source.PublishedAt.Equal(want) {
		t.Errorf("%s, want %s", r.Manifest.Spec.Source.PublishedAt, want)
	}
}
