package export

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// bomOf reads a BOM back with the format's own library.
func bomOf(t *testing.T, b []byte) *cdx.BOM {
	t.Helper()
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(b), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return &bom
}

func TestCycloneDX(t *testing.T) {
	t.Parallel()
	b, err := CycloneDX([]policy.Report{full()}, manifests(), "1.2.3", now)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "release.cdx.json", b)
	bom := bomOf(t, b)
	model := bom.Metadata.Component
	if model == nil || model.Type != cdx.ComponentTypeMachineLearningModel || model.Version != "2.3.0" {
		t.Fatalf("the BOM is about %+v", model)
	}
	if want := "pkg:huggingface/acme/support-triage@575db8b7a51b6f85eb06eee540738584589f131c"; model.PackageURL != want {
		t.Errorf("purl %q, want %q", model.PackageURL, want)
	}

	// What ID-08 asks of an attached BOM: a model card, and the digest of a released file.
	artifact := release().Manifest.Spec.Artifacts[0].Digest
	if model.ModelCard == nil || "sha256:"+(*model.Hashes)[0].Value != artifact || "sha256:"+(*(*model.Components)[0].Hashes)[0].Value != artifact {
		t.Errorf("the model does not carry the digest %s", artifact)
	}
	var slice *cdx.MLPerformanceMetric
	for _, m := range *model.ModelCard.QuantitativeAnalysis.PerformanceMetrics {
		if m.Slice == "lang=fr" {
			slice = &m
		}
	}
	if slice == nil || slice.Value != "0.902" || slice.Type != "f1 on acme/tickets-eval urgency test" {
		t.Errorf("the slice is %+v", slice)
	}
}

// A BOM of several releases holds each; one that cannot be read is named.
func TestCycloneDXOfSeveral(t *testing.T) {
	t.Parallel()
	b, err := CycloneDX(reports()["several"], manifests(), "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	bom := bomOf(t, b)
	if bom.Metadata.Timestamp != "" || bom.Metadata.Component != nil || len(*bom.Components) != 3 || (*bom.Metadata.Properties)[0].Value != "releases/a/1.yaml" {
		t.Errorf("got %s", b)
	}
	again, err := CycloneDX(reports()["several"], manifests(), "", time.Time{})
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("the second time differs: %v", err)
	}
}

// Weights in several files: none of them is the model, and each has its digest.
func TestCycloneDXShards(t *testing.T) {
	t.Parallel()
	rel := release()
	shards := &rel.Manifest.Spec.Artifacts
	*shards = slices.Insert(*shards, 1, releases.Artifact{Name: "model-2.safetensors", Digest: digest("c"), Format: "safetensors"})
	m := modelOf(rel, &policy.Report{})
	if m.Hashes != nil || len(*m.Components) != 3 || (*(*m.Components)[1].Hashes)[0].Value != strings.Repeat("c", 64) {
		t.Errorf("got %+v", m)
	}
}

func TestPackageURL(t *testing.T) {
	t.Parallel()
	const sha = "043235d6088ecd3dd5fb5ca3592b6913fd516027"
	for name, tt := range map[string]struct{ registry, id, revision, want string }{
		"a model":              {"huggingface", "microsoft/deberta-v3-base", strings.ToUpper(sha), "pkg:huggingface/microsoft/deberta-v3-base@" + sha},
		"without an owner":     {"huggingface", "distilbert-base-uncased", sha, "pkg:huggingface/distilbert-base-uncased@" + sha},
		"case is kept":         {"huggingface", "FacebookAI/RoBERTa", sha, "pkg:huggingface/FacebookAI/RoBERTa@" + sha},
		"escaped":              {"huggingface", "a b/c?d#e", sha, "pkg:huggingface/a%20b/c%3Fd%23e@" + sha},
		"a branch":             {"huggingface", "a/b", "main", ""},
		"another registry":     {"mlflow", "a", sha, ""},
		"too deep":             {"huggingface", "a/b/c", sha, ""},
		"nothing":              {"huggingface", "", sha, ""},
		"an owner of no model": {"huggingface", "a/", sha, ""},
	} {
		if got := packageURL(tt.registry, tt.id, tt.revision); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestLicenses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ spdx, name, id, words, expression string }{
		"an identifier":     {"Apache-2.0", "", "Apache-2.0", "", ""},
		"case is mended":    {"apache-2.0", "", "Apache-2.0", "", ""},
		"a choice":          {"MIT OR Apache-2.0", "", "", "", "MIT OR Apache-2.0"},
		"with an exception": {"(GPL-2.0-only WITH Classpath-exception-2.0) AND MIT", "", "", "", "(GPL-2.0-only WITH Classpath-exception-2.0) AND MIT"},
		"a word":            {"proprietary", "", "", "proprietary", ""},
		"a name":            {"other", "Llama 3 Community License", "", "Llama 3 Community License", ""},
		"no expression":     {"MIT OR whatever", "", "", "MIT OR whatever", ""},
		"lost operator":     {"MIT OR", "", "", "MIT OR", ""},
	} {
		got := (*licenses(tt.spdx, tt.name, ""))[0]
		if got.Expression != tt.expression || tt.expression == "" && (got.License.ID != tt.id || got.License.Name != tt.words) {
			t.Errorf("%s: %+v %+v", name, got, got.License)
		}
	}
	if licenses("", "", "https://example.com") != nil {
		t.Error("nothing has a licence")
	}
}

// The published schemas are no part of this repository. LUMOS_CYCLONEDX_SCHEMA names bom-1.6.schema.json,
// with those that it refers to beside it.
func TestCycloneDXMatchesItsSchema(t *testing.T) {
	t.Parallel()
	file := os.Getenv("LUMOS_CYCLONEDX_SCHEMA")
	if file == "" {
		t.Skip("LUMOS_CYCLONEDX_SCHEMA names no copy of bom-1.6.schema.json")
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	dir := filepath.Dir(file)
	for id, name := range map[string]string{
		"http://cyclonedx.org/schema/bom-1.6.schema.json": file, "http://cyclonedx.org/schema/spdx.schema.json": filepath.Join(dir, "spdx.schema.json"),
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": oneOf(t, filepath.Join(dir, "jsf-0.82.schema*.json")),
	} {
		if err := c.AddResource(id, decode(t, readFile(t, name))); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(name string, b []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	for name, rs := range reports() {
		b, err := CycloneDX(rs, manifests(), "1", now)
		validate(name, b, err)
	}
	bare := release()
	bare.Manifest.Spec = releases.Spec{}
	b, err := CycloneDX([]policy.Report{full()}, map[string]*releases.Release{manifestPath: bare}, "", time.Time{})
	validate("a bare manifest", b, err)
	grams := 12.0
	bare.Manifest.Spec.Environment.CO2eq.Grams = &grams
	b, err = CycloneDX([]policy.Report{full()}, map[string]*releases.Release{manifestPath: bare}, "", time.Time{})
	validate("emissions alone", b, err)
	for _, s := range attacks {
		rs, ms := poisoned(s)
		b, err := CycloneDX(rs, ms, s, now)
		validate(s, b, err)
	}
	ids := decode(t, readFile(t, filepath.Join(dir, "spdx.schema.json"))).(map[string]any)["enum"].([]any)
	if known := spdxIDs(); len(known) != len(ids) {
		t.Errorf("spdx.txt has %d identifiers, the schema %d", len(known), len(ids))
	}
	for _, id := range ids {
		if spdxIDs()[strings.ToLower(id.(string))] != id {
			t.Errorf("spdx.txt lacks %s", id)
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// oneOf is the file that a pattern means.
func oneOf(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no %s (%v)", pattern, err)
	}
	return names[0]
}

func FuzzCycloneDX(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rs, ms := poisoned(s)
		b, err := CycloneDX(rs, ms, s, now)
		if err != nil {
			t.Fatal(err)
		}
		bomOf(t, b)
	})
}
