package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// samples are the documents of testdata, each written for these tests in the shape that its tool has.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.IsDir() || strings.HasSuffix(name, ".golden") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = data
	}
	return out
}

// Each sample gives the facts beside it.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.MarshalIndent(Read(name, data, nil), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A name decides nothing, and a byte order mark is no harm.
func TestTheContentTellsTheFormat(t *testing.T) {
	t.Parallel()
	for name, data := range samples(t) {
		want := Read(name, data, nil)
		for _, other := range []string{"", "report.pdf", "../scan.sarif"} {
			if d := cmp.Diff(want, Read(other, append([]byte("\xef\xbb\xbf \n"), data...), nil)); d != "" {
				t.Errorf("%s as %q: %s", name, other, d)
			}
		}
	}
}

func TestFormatsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":                 "",
		"space":                 " \n",
		"text":                  "all is well",
		"no JSON":               "{all is well}",
		"a home-made report":    `{"report": "evaluation", "results": [{"metric": "f1", "value": 0.9}]}`,
		"results of somebody":   `{"results": {"f1": 0.9}, "versions": {}}`,
		"an empty list":         `[]`,
		"a list of something":   `[{"name": "f1", "count": 3}]`,
		"a BOM of another kind": `{"spdxVersion": "SPDX-2.3"}`,
		"an envelope of text":   `{"payloadType": "text/plain", "payload": "aGk=", "signatures": []}`,
		"another archive":       string(archive(t, map[string]string{"word/document.xml": "<w/>"})),
		"a broken archive":      "PK\x03\x04broken",
	} {
		if got := Read("x.json", []byte(text), nil); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What is known but cannot be relied on says why, and says nothing else.
func TestBroken(t *testing.T) {
	t.Parallel()
	sample := samples(t)
	with := func(name string, oldnew ...string) string {
		s := string(sample[name])
		for i := 0; i < len(oldnew); i += 2 {
			if !strings.Contains(s, oldnew[i]) {
				t.Fatalf("%s does not hold %q", name, oldnew[i])
			}
		}
		return strings.NewReplacer(oldnew...).Replace(s)
	}
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	for name, c := range map[string]struct{ text, format, want string }{
		"harness: a key twice":             {with("harness.json", `"acc,none": 0.75`, `"acc,none": 0.99, "acc,none": 0.75`), LMEval, `the key "acc,none" stands twice`},
		"harness: a huge number":           {with("harness.json", "0.5132", "1e999"), LMEval, "the number 1e999 is too large"},
		"harness: no numbers":              {`{"results": {"a": {"acc,none": NaN, "f1,none": -Infinity}}, "versions": {}, "config": {}}`, LMEval, "it holds no results"},
		"harness: a long name":             {with("harness.json", `"wikitext": {"alias`, `"`+strings.Repeat("w", 2000)+`": {"alias`), LMEval, "the name of a task has 2000 bytes"},
		"inspect: it failed":               {with("inspect.json", `"success"`, `"error"`), Inspect, `the evaluation did not succeed: its status is "error"`},
		"inspect: it was cancelled":        {with("inspect.json", `"success"`, `"cancelled"`), Inspect, `the evaluation did not succeed: its status is "cancelled"`},
		"inspect: invalidated":             {with("inspect.json", `"status"`, `"invalidated": true, "status"`), Inspect, "the log is marked as invalidated"},
		"inspect: from later":              {with("inspect.json", `"version": 2`, `"version": 3`), Inspect, "version 3 of the log is not known, want 2"},
		"inspect: no scores":               {with("inspect.json", `"scores": [`, `"skores": [`), Inspect, "it holds no scores"},
		"helm: nothing was counted":        {`[{"name": {"name": "x"}, "count": 0, "sum": 0}]`, HELM, "it holds no results"},
		"helm: too many":                   {"[" + many(2001, `{"name": {"name": "x"}, "count": 1, "sum": 1, "mean": 1}`) + "]", HELM, "it has more than 2000 stats"},
		"sarif: another version":           {with("scan.sarif", `"version": "2.1.0"`, `"version": "2.0.0"`), SARIF, "SARIF 2.0.0 is not read, want 2.1.0"},
		"sarif: it did not end":            {with("scan.sarif", `"executionSuccessful": true`, `"executionSuccessful": false`), SARIF, "the scan by weights-scan did not run to its end"},
		"sarif: it did not scan":           {`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "s"}}}]}`, SARIF, "a run by s has no list of results: it did not scan"},
		"sarif: no run":                    {`{"version": "2.1.0", "runs": []}`, SARIF, "it holds no run"},
		"sarif: no tool":                   {`{"version": "2.1.0", "runs": [{"results": []}]}`, SARIF, "it does not name the tool"},
		"sarif: elsewhere":                 {`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "s"}}, "externalPropertyFileReferences": {"results": []}, "results": []}]}`, SARIF, "its results lie in other files"},
		"sarif: a digest that is none":     {with("scan.sarif", "7127F0", "zzzzzz"), SARIF, `"zzzzzzbbd2b9eb9a2a1f7f9ac0bbd4e4b0f5dfd3a3a2b0b6a1e5c4d3f2a14b1b" is no digest by sha256`},
		"sarif: broken":                    {`{"$schema": "sarif", "version": "2.1.0", "runs": [}`, SARIF, `line 1, column 51: not JSON, want a value`},
		"bom: too old":                     {with("mlbom.json", `"1.6"`, `"1.4"`), CycloneDX, "CycloneDX 1.4 is not read, want 1.5 to 1.7"},
		"bom: no name":                     {with("mlbom.json", `"name": "transformers"`, `"nom": "transformers"`), CycloneDX, "a component has no type or no name"},
		"bom: too deep":                    {`{"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [` + strings.Repeat(`{"type": "data", "name": "d", "components": [`, 12) + strings.Repeat("]}", 12) + "]}", CycloneDX, "components are nested deeper than 10"},
		"nested too deep":                  {`{"bomFormat": "CycloneDX", "a": ` + strings.Repeat("[", 1<<20), CycloneDX, "it is nested deeper than 100"},
		"statement: of another type":       {with("test-result.json", "Statement/v1", "Statement/v9"), InToto, `the statement is of type "https://in-toto.io/Statement/v9", want https://in-toto.io/Statement/v1 or v0.1`},
		"statement: about nothing":         {with("test-result.json", `"subject": [{`, `"sujet": [{`), InToto, "the statement is about nothing: it has no subject"},
		"statement: a subject undigested":  {with("test-result.json", `"digest": {"sha256"`, `"digesd": {"sha256"`), InToto, "a subject of the statement has no digest"},
		"statement: no predicate type":     {with("test-result.json", `"predicateType"`, `"predicatType"`), InToto, "the statement has no predicateType"},
		"statement: a result that is none": {with("test-result.json", `"FAILED"`, `"FINE"`), InToto, `the test result is "FINE", want PASSED, WARNED or FAILED`},
		"statement: broken within":         {with("wrapped.json", `"1.7"`, `"9"`), InToto, "CycloneDX 9 is not read, want 1.5 to 1.7"},
		"envelope: no signature":           {`{"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []}`, InToto, "the envelope has 0 signatures, want 1 to 20"},
		"envelope: no base64":              {`{"payloadType": "application/vnd.in-toto+json", "payload": "***", "signatures": [{"sig": "AA=="}]}`, InToto, "the payload is not base64"},
		"bundle: empty":                    {`{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}`, Sigstore, "the bundle holds neither an envelope nor a signature"},
		"not UTF-8":                        {"{\"bomFormat\": \"CycloneDX\", \"x\": \"\xff\"}", CycloneDX, "it is not UTF-8"},
	} {
		got := Read("x", []byte(c.text), nil)
		switch {
		case got == nil:
			t.Errorf("%s: not known", name)
		case got.Format != c.format || got.Error != c.want:
			t.Errorf("%s: %s: %q, want %s: %q", name, got.Format, got.Error, c.format, c.want)
		case got.Results != nil || got.Scan != nil || got.BOM != nil || got.Subjects != nil || got.At != "" || got.Passed != nil:
			t.Errorf("%s: it says something all the same: %+v", name, got)
		}
	}
}

// archive makes a ZIP archive of texts.
func archive(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range parts {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEvalArchive(t *testing.T) {
	t.Parallel()
	log := string(samples(t)["inspect.json"])
	got := Read("log.eval", archive(t, map[string]string{evalStart: "{}", evalHeader: log, "samples/1_epoch_1.json": "{"}), nil)
	if d := cmp.Diff(Read("log.json", []byte(log), nil), got); d != "" {
		t.Errorf("not as the same log in JSON: %s", d)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"not finished": {archive(t, map[string]string{evalStart: "{}"}), "the log is not finished: the archive has no header.json"},
		"not a header": {archive(t, map[string]string{evalStart: "{}", evalHeader: "[]"}), "header.json is not the header of a log"},
		"a bomb":       {archive(t, map[string]string{evalHeader: strings.Repeat(" ", 64<<20)}), "header.json: it has 16777217 bytes, more than the 16777216 that are read"},
		"bytes flipped": {func() []byte {
			data := archive(t, map[string]string{evalStart: "{}", evalHeader: log})
			at := bytes.Index(data, []byte(evalHeader)) + 60
			data[at] ^= 0xff
			data[at+1] ^= 0xff
			return data
		}(), ""},
	} {
		got := Read("log.eval", c.data, nil)
		if got == nil || got.Format != Inspect || got.Error == "" || c.want != "" && got.Error != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// largeLog is a log, and the same with 10 MB of samples.
func largeLog(t testing.TB) (log, large string) {
	t.Helper()
	log = string(samples(t)["inspect.json"])
	sample := `{"id": 1, "messages": [{"role": "user", "content": "` + strings.Repeat("x", 1000) + `"}]},`
	return log, strings.Replace(log, `"samples": [`, `"samples": [`+strings.Repeat(sample, 10<<20/len(sample)), 1)
}

func BenchmarkLargeLog(b *testing.B) {
	_, large := largeLog(b)
	b.ReportAllocs()
	for b.Loop() {
		Read("", []byte(large), nil)
	}
}

func TestALargeLog(t *testing.T) {
	t.Parallel()
	log, large := largeLog(t)
	if d := cmp.Diff(Read("", []byte(log), nil), Read("", []byte(large), nil)); d != "" {
		t.Error(d)
	}
	if got := Read("", append([]byte(large), make([]byte, 8<<20)...), nil); got == nil || got.Error == "" {
		t.Errorf("a file that is too large: %+v", got)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	if got := clip("a\u202eb\nc" + strings.Repeat("é", 400)); got != "ab c"+strings.Repeat("é", maxReason-5)+"…" {
		t.Errorf("%q", got)
	}
	for text, want := range map[string]string{
		"2026-08-19T10:00:00+02:00": "2026-08-19T08:00:00Z", "2026-08-19T10:00:00.123456": "2026-08-19T10:00:00Z",
		"2026-08-19 10:00:00": "2026-08-19T10:00:00Z", "0001-01-01T00:00:00Z": "", "yesterday": "", "": "",
	} {
		if got := moment(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Add(archive(f, map[string]string{evalStart: "{}", evalHeader: string(samples(f)["inspect.json"])}))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"00"}},"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}`))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"certificate":{"rawBytes":"AA=="}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"AA=="}}`))
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":"AA=="}]}`))
	trust, err := NewTrust(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := Read("x", data, trust)
		if got == nil {
			return
		}
		if strings.Contains(got.Error, "reading it failed") {
			t.Errorf("a fault: %s", got.Error)
		}
		if len(got.Results) > maxResults || len(got.Subjects) > maxResults || len(got.Error) > 5*maxReason {
			t.Error("too much")
		}
		if got.Signer != nil && (got.Signer.Verified || got.Signer.Reason == "") {
			t.Errorf("verified without trust, or without a reason: %+v", got.Signer)
		}
		for _, s := range got.Subjects {
			if !strings.Contains(s.Digest, ":") {
				t.Errorf("no digest: %q", s.Digest)
			}
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Errorf("no JSON: %v", err)
		}
		if same, _ := json.Marshal(Read("y", data, trust)); !bytes.Equal(again, same) {
			t.Error("the same bytes, other facts")
		}
		_ = fmt.Sprint(got)
	})
}

// Published ML-BOMs, which lie outside the project.
func TestPublishedBOMs(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("LUMOS_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	for name, want := range map[string]Component{
		"valid-machine-learning-1.6.json":                    {Type: "machine-learning-model", Name: "CompVis/stable-diffusion"},
		"valid-machine-learning-1.7.json":                    {Type: "machine-learning-model", Name: "CompVis/stable-diffusion"},
		"valid-machine-learning-considerations-env-1.6.json": {Type: "machine-learning-model", Name: "meta-llama/Llama-2-7b"},
	} {
		data, err := os.ReadFile(filepath.Join(shared, "data/cards/mlbom", name))
		if err != nil {
			t.Skipf("the published BOMs are not here: %v", err)
		}
		got := Read(name, data, nil)
		if got == nil || got.Error != "" || got.BOM == nil || !got.BOM.HasModelCard || len(got.BOM.Components) == 0 ||
			got.BOM.Components[0].Type != want.Type || got.BOM.Components[0].Name != want.Name {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Weights in several files are files within the model: their digests are the model's.
func TestBOMOfShardedWeights(t *testing.T) {
	t.Parallel()
	digest := func(c string) string { return strings.Repeat(c, 64) }
	src := `{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
		{"type": "machine-learning-model", "name": "m", "components": [
			{"type": "file", "name": "model-00001.safetensors", "hashes": [{"alg": "SHA-256", "content": "` + digest("A") + `"}, {"alg": "MD5", "content": "x"}]},
			{"type": "file", "name": "model-00002.safetensors", "hashes": [{"alg": "SHA-256", "content": "` + digest("b") + `"}]},
			{"type": "library", "name": "torch", "hashes": [{"alg": "SHA-256", "content": "` + digest("c") + `"}]}]},
		{"type": "file", "name": "stray", "hashes": [{"alg": "SHA-256", "content": "` + digest("d") + `"}]}]}`
	got := Read("mlbom.json", []byte(src), nil)
	want := []string{"sha256:" + digest("a"), "sha256:" + digest("b")}
	if got == nil || got.Error != "" || len(got.BOM.Components) != 1 || !slices.Equal(got.BOM.Components[0].Digests, want) {
		t.Errorf("%+v", got)
	}
}
