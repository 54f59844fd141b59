package evidence

import (
	"crypto/sha256"
	"encoding/base64"
	enchex "encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Types of in-toto statements and of the predicates that are understood: spec/v1 and spec/predicates of
// in-toto/attestation, and src/model_signing/_signing/signing.py of sigstore/model-transparency (2026-11).
const (
	statementMedia   = "application/vnd.in-toto+json"
	statementPrefix  = "https://in-toto.io/Statement/"
	modelSignature   = "https://model_signing/signature/v1.0"
	modelDigests     = "https://model_signing/Digests/v0.1" // of model-signing 0.2, which never got further
	testResultPrefix = "https://in-toto.io/attestation/test-result/v0."
)

// readStatement reads a statement that nobody signed.
func readStatement(r *reader, root value, f *Facts, _ *Trust) { r.statement(root, f) }

// readEnvelope reads a statement in a DSSE envelope, which keys can sign.
func readEnvelope(r *reader, root value, f *Facts, trust *Trust) {
	payload, signatures := r.envelope(r.object(root))
	if r.err != nil {
		return
	}
	f.Signer = trust.byKey(pae(statementMedia, payload), signatures)
	r.payload(payload, f)
}

// envelope returns what a DSSE envelope holds, decoded.
func (r *reader) envelope(o map[string]value) (payload []byte, signatures [][]byte) {
	if kind := r.text(o["payloadType"]); kind != statementMedia {
		r.fail("the envelope holds %q, want %q", clip(kind), statementMedia)
		return nil, nil
	}
	payload = r.bytes(o["payload"], "the payload")
	list := r.list(o["signatures"], "signatures")
	if len(list) == 0 || len(list) > 20 {
		r.fail("the envelope has %d signatures, want 1 to 20", len(list))
		return nil, nil
	}
	for _, v := range list {
		signatures = append(signatures, r.bytes(r.object(v)["sig"], "a signature"))
	}
	return payload, signatures
}

// bytes decodes base64, of either alphabet as DSSE allows.
func (r *reader) bytes(v value, what string) []byte {
	if !v.isText() {
		r.fail("%s is missing", what)
		return nil
	}
	text := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(unquote(v)), "=")
	out, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(out) == 0 {
		r.fail("%s is not base64", what)
		return nil
	}
	return out
}

// payload reads the statement that was signed.
func (r *reader) payload(payload []byte, f *Facts) {
	statement, err := parse(payload)
	if err != nil {
		r.fail("the payload: %w", err)
		return
	}
	r.statement(statement, f)
}

// statement reads what it is about, and what of its predicate is understood.
func (r *reader) statement(root value, f *Facts) {
	o := r.object(root)
	kind := r.text(o["_type"])
	if kind != statementPrefix+"v1" && kind != statementPrefix+"v0.1" {
		r.fail("the statement is of type %q, want %sv1 or v0.1", clip(kind), statementPrefix)
		return
	}
	f.Version = strings.TrimPrefix(kind, statementPrefix)
	f.PredicateType = r.text(o["predicateType"])
	if f.PredicateType == "" {
		r.fail("the statement has no predicateType")
		return
	}
	predicate := r.object(o["predicate"])
	if f.PredicateType == modelSignature {
		f.Format = ModelSigning
		r.resources(o["subject"], predicate, f)
		return
	}
	if f.PredicateType == modelDigests {
		f.Format = ModelSigning
	}
	for _, v := range r.list(o["subject"], "subjects") {
		subject := r.object(v)
		digests := r.object(subject["digest"])
		if len(digests) == 0 {
			r.fail("a subject of the statement has no digest")
			return
		}
		algorithm := "sha256"
		if digests[algorithm] == nil {
			algorithm = slices.Min(slices.Collect(maps.Keys(digests)))
		}
		r.about(f, r.text(subject["name"]), algorithm, r.text(digests[algorithm]))
	}
	if len(f.Subjects) == 0 {
		r.fail("the statement is about nothing: it has no subject")
		return
	}
	if strings.HasPrefix(f.PredicateType, testResultPrefix) {
		r.testResult(predicate, f)
		return
	}
	// Somebody else's format in a statement: CycloneDX has a predicate type for that, others do without.
	if inner := known(r, o["predicate"]); inner.with != nil && !slices.Contains([]string{InToto, Sigstore}, inner.format) {
		in := inner.facts(r, o["predicate"], nil)
		f.Model, f.At, f.Results, f.Scan, f.BOM, f.Error = in.Model, in.At, in.Results, in.Scan, in.BOM, in.Error
		return
	}
	for _, key := range []string{"results", "metrics", "evaluations"} {
		r.plainResults(predicate[key], f)
	}
}

// plainResults reads a list of {metric or name, value}, which is what predicates about evaluations have
// in common as long as none is agreed upon. Anything else is left alone.
func (r *reader) plainResults(list value, f *Facts) {
	list.all(func(v value) bool {
		o := r.object(v)
		result := Result{Metric: r.text(o["metric"]), Task: r.text(o["task"]), Split: r.text(o["split"]), Slice: r.text(o["slice"]), N: r.count(o["n"])}
		if result.Metric == "" {
			result.Metric = r.text(o["name"])
		}
		if result.Dataset = r.text(o["dataset"]); o["dataset"].isObject() {
			result.Dataset = r.text(r.object(o["dataset"])["name"])
		}
		var ok bool
		if result.Value, ok = r.number(o["value"]); ok && result.Metric != "" {
			r.add(f, result)
		}
		return r.err == nil
	})
}

// testResult reads the predicate test-result 0.1: PASSED, WARNED or FAILED.
func (r *reader) testResult(predicate map[string]value, f *Facts) {
	passed := false
	switch result := r.text(predicate["result"]); result {
	case "PASSED", "WARNED":
		passed = true
	case "FAILED":
	default:
		r.fail("the test result is %q, want PASSED, WARNED or FAILED", clip(result))
	}
	f.Passed = &passed
}

// resources reads the files of a model that model-signing signed. The statement's one subject is the
// model as a whole: the sha256 over the digests of all files, in their order.
func (r *reader) resources(subjects value, predicate map[string]value, f *Facts) {
	list := r.list(subjects, "subjects")
	if len(list) != 1 {
		r.fail("a model's signature has one subject, this one has %d", len(list))
		return
	}
	model := r.object(list[0])
	f.Model = r.text(model["name"])
	whole := sha256.New()
	for _, v := range r.list(predicate["resources"], "files") {
		o := r.object(v)
		digest := r.text(o["digest"])
		raw, err := enchex.DecodeString(digest)
		if err != nil {
			r.fail("the digest of %q is not hexadecimal", clip(r.text(o["name"])))
			return
		}
		whole.Write(raw)
		r.about(f, r.text(o["name"]), r.text(o["algorithm"]), digest)
	}
	if len(f.Subjects) == 0 {
		r.fail("the signature covers no file")
		return
	}
	if want, got := r.text(r.object(model["digest"])["sha256"]), enchex.EncodeToString(whole.Sum(nil)); want != got {
		r.fail("the signature contradicts itself: its files come to %s, its subject is %s", got, clip(want))
	}
}

// about keeps a subject.
func (r *reader) about(f *Facts, name, algorithm, digest string) {
	digest = strings.ToLower(digest)
	_, err := enchex.DecodeString(digest)
	switch {
	case err != nil || digest == "" || algorithm == "" || algorithm == "sha256" && len(digest) != 64:
		r.fail("%q is no digest by %s", clip(digest), clip(algorithm))
	case len(f.Subjects) == maxResults:
		r.fail("it is about more than %d things", maxResults)
	default:
		f.Subjects = append(f.Subjects, Subject{Name: name, Digest: algorithm + ":" + digest})
	}
}

// pae is what a DSSE signature is made over (secure-systems-lab/dsse, protocol.md, version 1).
func pae(kind string, payload []byte) []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(kind), kind, len(payload)), payload...)
}
