package policy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/policies"
)

const harness = `{"results": {"urgency": {"acc,none": 0.913}, "gsm": {"exact_match,strict-match": 0.5}}, "versions": {}, "config": {"model": "hf"}}`

func TestEvidenceIsReadOnce(t *testing.T) {
	t.Parallel()
	r, err := newReading(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := File{Path: "eval.json", Data: []byte(harness)}
	first := r.facts(file, digestBytes(file.Data))
	if first == nil {
		t.Fatal("not read")
	}
	if again := r.facts(File{Path: "other.json", Data: file.Data}, digestBytes(file.Data)); again != first {
		t.Error("read again")
	}
	for metric, want := range map[string]string{"acc": "[1]", "exact_match": "[0]", "exact_match_strict_match": "[0]", "acc_none": ""} {
		got := ""
		if at := first.Get(ast.StringTerm("byMetric")).Get(ast.StringTerm(metric)); at != nil {
			got = at.String()
		}
		if got != want {
			t.Errorf("%s stands at %s, want %s", metric, got, want)
		}
	}
	if got := first.Get(ast.StringTerm("results")).Get(ast.IntNumberTerm(1)).Get(ast.StringTerm("places")).String(); got != `["urgency"]` {
		t.Errorf("places %s", got)
	}
	if unknown := r.facts(File{Data: []byte("text")}, digestBytes([]byte("text"))); unknown != nil || r.kept[0].facts != nil {
		t.Errorf("text is %v", unknown)
	}
}

// What is kept is bounded in number and size, and the oldest goes first.
func TestWhatIsKeptOfEvidence(t *testing.T) {
	t.Parallel()
	r, err := newReading(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxKeptFiles + 10 {
		r.keep(readFile{digest: fmt.Sprint(i), size: 1})
		r.find("0")
	}
	if _, ok := r.find("0"); !ok || len(r.kept) != maxKeptFiles || r.size != maxKeptFiles {
		t.Errorf("0 is kept: %t; %d files of %d bytes", ok, len(r.kept), r.size)
	}
	if _, ok := r.find("1"); ok {
		t.Error("1 is kept")
	}
	r.keep(readFile{digest: "large", size: maxKeptFacts})
	r.keep(readFile{digest: "too large", size: maxKeptFacts + 1})
	if len(r.kept) != 1 || r.kept[0].digest != "large" || r.size != maxKeptFacts {
		t.Errorf("%d files of %d bytes", len(r.kept), r.size)
	}
	r.keep(readFile{digest: "large", size: maxKeptFacts})
	r.keep(readFile{digest: "small", size: 1})
	if len(r.kept) != 1 || r.kept[0].digest != "small" || r.size != 1 {
		t.Errorf("%v", r.kept)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 300 {
				data := []byte(fmt.Sprint(k % (50 * (i + 1))))
				r.facts(File{Data: data}, digestBytes(data))
			}
		})
	}
	wg.Wait()
}

func TestTrustThatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, err := NewLibrary(policies.FS).Load(t.Context(), Source{Config: config.Default(), Files: []File{
		{Path: ".lumos/trust/README.md", Data: []byte("why")}, {Path: ".lumos/trust/a.pem", Data: []byte("\nno key")},
	}})
	var errs document.Errors
	if !errors.As(err, &errs) || len(errs) != 1 || errs[0].Path != ".lumos/trust/a.pem" || errs[0].Line != 2 {
		t.Errorf("got %v", err)
	}
}

// Names are compared in the same form on both sides.
func TestNamesOfResults(t *testing.T) {
	t.Parallel()
	shelf, err := NewLibrary(policies.FS).shelf()
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]*ast.Module{}
	for _, m := range shelf.lib.own {
		if m.parsed != nil && !m.isTest() {
			modules[m.path] = m.parsed
		}
	}
	compiler := ast.NewCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		t.Fatal(compiler.Errors)
	}
	for _, text := range []string{"", "acc,none", "Exact Match", "acme/tickets-2025", "__a__", "ÄÖ", "ﬁ İ", "a\nb", "日本 x"} {
		out, err := rego.New(rego.Compiler(compiler), rego.Query("x = data.lumos.claims.name(input)"), rego.Input(text)).Eval(t.Context())
		if err != nil || len(out) != 1 {
			t.Fatalf("%q: %v %v", text, out, err)
		}
		if got := out[0].Bindings["x"]; got != nameOf(text) {
			t.Errorf("%q is %q in Rego and %q in Go", text, got, nameOf(text))
		}
	}
	for metric, want := range map[string][]string{"acc": {"acc"}, "exact_match,strict-match": {"exact_match_strict_match", "exact_match"}, "match/accuracy": {"match_accuracy", "accuracy"}, ",": {}} {
		if got := metricNames(metric); !slices.Equal(got, want) {
			t.Errorf("%s goes by %v, want %v", metric, got, want)
		}
	}
	if got := placeNames("acme/tickets", "urgency"); !slices.Equal(got, []string{"acme_tickets", "tickets", "urgency"}) {
		t.Errorf("%v", got)
	}
}

// A release with real evidence: what it claims is held against what a results file says and what a key
// has signed.
func TestClaimsAreHeldAgainstEvidence(t *testing.T) {
	t.Parallel()
	const weights = "7127f0bbd2b9eb9a2a1f7f9ac0bbd4e4b0f5dfd3a3a2b0b6a1e5c4d3f2a14b1b"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	statement := `{"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "w", "digest": {"sha256": "` + weights + `"}}], "predicateType": "https://model_signing/Digests/v0.1"}`
	digest := sha256.Sum256(fmt.Appendf(nil, "DSSEv1 28 application/vnd.in-toto+json %d %s", len(statement), statement))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	bundle := fmt.Sprintf(`{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {"publicKey": {"hint": ""}}, "dsseEnvelope": {"payload": %q, "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": %q}]}}`,
		base64.StdEncoding.EncodeToString([]byte(statement)), base64.StdEncoding.EncodeToString(signature))
	manifest := func(value string) []byte {
		return []byte(`apiVersion: lumos/v1
kind: ModelRelease
metadata: {name: triage, version: "1.0.0"}
spec:
  source: {registry: hf, type: huggingface, modelId: acme/triage, revision: d20ace7968ba43c0219f62d71334c1095bab1602}
  artifacts: [{name: w, digest: "sha256:` + weights + `", size: 1}]
  signature: {type: sigstore-bundle, evidence: sig}
  evaluations: [{id: q, dataset: {id: urgency}, metric: acc, value: ` + value + `, evidence: eval}]
  evidence:
    - {id: eval, type: evaluation-report, uri: eval.json, digest: "` + digestBytes([]byte(harness)) + `", subjectDigest: "sha256:` + weights + `", producedAt: "2026-08-19T08:31:00Z"}
    - {id: sig, type: signature, uri: model.sig, digest: "` + digestBytes([]byte(bundle)) + `", subjectDigest: "sha256:` + weights + `", producedAt: "2026-08-19T08:31:00Z"}
`)
	}
	conf := config.Default()
	conf.Lists = map[string]config.List{"trustedSigners": {Values: []string{"release@acme.example"}}}
	library := NewLibrary(policies.FS)
	judge := func(value string, files ...File) map[string]Result {
		e, err := library.Load(t.Context(), Source{Config: conf, Files: files})
		if err != nil {
			t.Fatal(err)
		}
		r := e.Evaluate(t.Context(), Subject{Manifest: File{Path: "releases/triage/1.0.0.yaml", Data: manifest(value)}, Now: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC),
			Evidence: map[string]File{"eval.json": {Path: "eval.json", Data: []byte(harness)}, "model.sig": {Path: "model.sig", Data: []byte(bundle)}}})
		if len(r.Invalid) > 0 {
			t.Fatal(r.Invalid)
		}
		out := map[string]Result{}
		for _, c := range r.Controls {
			out[c.ID] = c
		}
		return out
	}
	trusted := File{Path: ".lumos/trust/release@acme.example.pem", Data: public}
	good := judge("0.913", trusted)
	for _, id := range []string{"ID-03", "EVL-07"} {
		if good[id].Outcome != Pass {
			t.Errorf("%s: %s %v %s", id, good[id].Outcome, good[id].Findings, good[id].Reason)
		}
	}
	bad := judge("0.923")
	if f := bad["EVL-07"].Findings; len(f) != 1 || f[0].Message != `evaluation "q": the evidence says acc 0.913, the manifest claims 0.923` || f[0].Fix == nil || f[0].Fix.Value != "0.913" || f[0].Line != 8 {
		t.Errorf("EVL-07: %v", f)
	}
	if f := bad["ID-03"].Findings; len(f) != 1 || !strings.HasPrefix(f[0].Message, "the signature model.sig is not verified: it is signed with a key, and no key is trusted: put the signer's public key at .lumos/trust/IDENTITY.pem") {
		t.Errorf("ID-03: %v", f)
	}
}
