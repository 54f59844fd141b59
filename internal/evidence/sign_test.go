package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	enchex "encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/lumos-governance/lumos/internal/document"
)

const (
	signer = "release@acme.example"
	issuer = "https://accounts.acme.example"
)

// modelStatement is what model-signing signs for files of these digests.
func modelStatement(files map[string]string, order ...string) []byte {
	type resource struct {
		Name      string `json:"name"`
		Algorithm string `json:"algorithm"`
		Digest    string `json:"digest"`
	}
	whole := sha256.New()
	var resources []resource
	for _, name := range order {
		raw, err := enchex.DecodeString(files[name])
		if err != nil {
			panic(err)
		}
		whole.Write(raw)
		resources = append(resources, resource{name, "sha256", files[name]})
	}
	out, err := json.MarshalIndent(map[string]any{
		"_type":         statementPrefix + "v1",
		"subject":       []any{map[string]any{"name": "triage", "digest": map[string]any{"sha256": enchex.EncodeToString(whole.Sum(nil))}}},
		"predicateType": modelSignature,
		"predicate": map[string]any{
			"serialization": map[string]any{"method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": []string{"model.sig"}},
			"resources":     resources,
		},
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	return out
}

var model = modelStatement(map[string]string{"config.json": strings.Repeat("0a", 32), "model.safetensors": strings.Repeat("71", 32)}, "config.json", "model.safetensors")

// bundled is a Sigstore bundle before it is written.
type bundled struct {
	statement  []byte
	signature  []byte
	leaf       []byte // certificate
	key        map[string]any
	entry      map[string]any
	timestamps [][]byte
}

func (b bundled) json(t testing.TB) []byte {
	t.Helper()
	material := map[string]any{}
	if b.leaf != nil {
		material["certificate"] = map[string]any{"rawBytes": b.leaf}
	}
	if b.key != nil {
		material["publicKey"] = b.key
	}
	if b.entry != nil {
		material["tlogEntries"] = []any{b.entry}
	}
	var stamps []any
	for _, s := range b.timestamps {
		stamps = append(stamps, map[string]any{"signedTimestamp": s})
	}
	if stamps != nil {
		material["timestampVerificationData"] = map[string]any{"rfc3161Timestamps": stamps}
	}
	out, err := json.Marshal(map[string]any{
		"mediaType":            bundlePrefix + ".v0.3+json",
		"verificationMaterial": material,
		"dsseEnvelope":         map[string]any{"payload": b.statement, "payloadType": statementMedia, "signatures": []any{map[string]any{"sig": b.signature}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sigstore is a deployment: certificates of its own making, so that they can carry the proof that they
// were logged, and the log and the timestamps of sigstore-go's virtual one.
type sigstore struct {
	virtual       *ca.VirtualSigstore
	fulcio        *root.FulcioCertificateAuthority
	issuing       *x509.Certificate
	issuingKey    *ecdsa.PrivateKey
	ctKey         *ecdsa.PrivateKey
	begin, finish time.Time
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Making a deployment takes a while, and all tests can share two.
var acmeSigstore, otherSigstore = sync.OnceValue(newSigstore), sync.OnceValue(newSigstore)

func newSigstore() *sigstore {
	rootCert, rootKey, err := ca.GenerateRootCa()
	if err != nil {
		panic(err)
	}
	issuing, issuingKey, err := ca.GenerateFulcioIntermediate(rootCert, rootKey)
	if err != nil {
		panic(err)
	}
	s := &sigstore{virtual: must(ca.NewVirtualSigstore()), issuing: issuing, issuingKey: issuingKey,
		ctKey: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), begin: time.Now().Add(-time.Hour), finish: time.Now().Add(time.Hour)}
	s.fulcio = &root.FulcioCertificateAuthority{Root: rootCert, Intermediates: []*x509.Certificate{issuing}, URI: "https://fulcio.acme.example",
		ValidityPeriodStart: s.begin, ValidityPeriodEnd: s.finish}
	return s
}

// parts are those of the trusted root that a test can leave out.
type parts struct{ noCT, noLog, noTimestamps bool }

func (s *sigstore) trustedRoot(t testing.TB, without parts) []byte {
	t.Helper()
	logs, ct := map[string]*root.TransparencyLog{}, map[string]*root.TransparencyLog{}
	for id, l := range s.virtual.RekorLogs() {
		l.ID = must(enchex.DecodeString(id)) // the virtual log has it in hexadecimal
		logs[id] = l
	}
	id := logID(&s.ctKey.PublicKey)
	ct[enchex.EncodeToString(id[:])] = &root.TransparencyLog{BaseURL: "https://ct.acme.example", ID: id[:], ValidityPeriodStart: s.begin,
		ValidityPeriodEnd: s.finish, HashFunc: crypto.SHA256, SignatureHashFunc: crypto.SHA256, PublicKey: s.ctKey.Public()}
	stamps := s.virtual.TimestampingAuthorities()
	if without.noCT {
		ct = nil
	}
	if without.noLog {
		logs = nil
	}
	if without.noTimestamps {
		stamps = nil
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{s.fulcio}, ct, stamps, logs)
	if err != nil {
		t.Fatal(err)
	}
	return must(r.MarshalJSON())
}

func logID(key *ecdsa.PublicKey) [32]byte {
	return sha256.Sum256(must(x509.MarshalPKIXPublicKey(key)))
}

// certificate issues one as Fulcio does; logged ones carry a signed certificate timestamp (RFC 6962).
func (s *sigstore) certificate(key *ecdsa.PublicKey, from time.Time, logged bool) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(7), EmailAddresses: []string{signer}, NotBefore: from, NotAfter: from.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(issuer)}}}
	issue := func() *x509.Certificate {
		return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, s.issuing, key, s.issuingKey))))
	}
	cert := issue()
	if !logged {
		return cert
	}
	at := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))
	issuerHash := sha256.Sum256(s.issuing.RawSubjectPublicKeyInfo)
	tbs := cert.RawTBSCertificate
	signed := append([]byte{0, 0}, at...) // version 1, certificate_timestamp
	signed = append(append(signed, 0, 1), issuerHash[:]...)
	signed = append(append(signed, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs))), tbs...)
	signed = append(signed, 0, 0)
	digest := sha256.Sum256(signed)
	signature := must(ecdsa.SignASN1(rand.Reader, s.ctKey, digest[:]))
	id := logID(&s.ctKey.PublicKey)
	sct := append(append([]byte{0}, id[:]...), at...)
	sct = append(sct, 0, 0, 4, 3) // no extensions; SHA-256, ECDSA
	sct = append(binary.BigEndian.AppendUint16(sct, uint16(len(signature))), signature...)
	list := binary.BigEndian.AppendUint16(nil, uint16(len(sct)+2))
	list = append(binary.BigEndian.AppendUint16(list, uint16(len(sct))), sct...)
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: must(asn1.Marshal(list))})
	return issue()
}

// sign makes the bundle that a signer gets from this deployment.
func (s *sigstore) sign(t testing.TB, statement []byte, from, at time.Time, logged bool) bundled {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	cert := s.certificate(&key.PublicKey, from, logged)
	digest := sha256.Sum256(pae(statementMedia, statement))
	signature := must(ecdsa.SignASN1(rand.Reader, key, digest[:]))
	envelope := &dsse.Envelope{PayloadType: statementMedia, Payload: base64.StdEncoding.EncodeToString(statement),
		Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(signature)}}}
	entry, err := s.virtual.GenerateTlogEntry(cert, envelope, signature, at.Unix(), true)
	if err != nil {
		t.Fatal(err)
	}
	return bundled{statement: statement, signature: signature, leaf: cert.Raw, entry: s.entry(t, entry), timestamps: [][]byte{must(s.virtual.TimestampResponse(signature))}}
}

// entry writes a log entry as a bundle holds it.
func (s *sigstore) entry(t testing.TB, e *tlog.Entry) map[string]any {
	t.Helper()
	p := e.TransparencyLogEntry()
	body := base64.StdEncoding.EncodeToString(p.GetCanonicalizedBody())
	promise, err := s.virtual.RekorSignPayload(tlog.RekorPayload{Body: body, IntegratedTime: p.GetIntegratedTime(), LogIndex: p.GetLogIndex(), LogID: enchex.EncodeToString(p.GetLogId().GetKeyId())})
	if err != nil {
		t.Fatal(err)
	}
	proof := p.GetInclusionProof()
	return map[string]any{
		"logIndex": p.GetLogIndex(), "logId": map[string]any{"keyId": p.GetLogId().GetKeyId()}, "kindVersion": map[string]any{"kind": "dsse", "version": "0.0.1"},
		"integratedTime": p.GetIntegratedTime(), "canonicalizedBody": body, "inclusionPromise": map[string]any{"signedEntryTimestamp": promise},
		"inclusionProof": map[string]any{"logIndex": proof.GetLogIndex(), "rootHash": proof.GetRootHash(), "treeSize": proof.GetTreeSize(), "hashes": proof.GetHashes(),
			"checkpoint": map[string]any{"envelope": proof.GetCheckpoint().GetEnvelope()}},
	}
}

func trust(t testing.TB, files ...File) *Trust {
	t.Helper()
	tr, err := NewTrust(files)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestSigstoreBundle(t *testing.T) {
	t.Parallel()
	acme, now := acmeSigstore(), time.Now()
	good := acme.sign(t, model, now, now.Add(5*time.Minute), true)
	edit := func(change func(*bundled)) []byte {
		b := good
		change(&b)
		return b.json(t)
	}
	full := trust(t, File{Path: ".lumos/trust/acme.json", Data: acme.trustedRoot(t, parts{})})
	both := trust(t, File{Path: ".lumos/trust/acme.json", Data: acme.trustedRoot(t, parts{})}, File{Path: ".lumos/trust/other.json", Data: otherSigstore().trustedRoot(t, parts{})})
	const unlogged, untimed = "failed to verify log inclusion", "failed to verify timestamps"
	for name, c := range map[string]struct {
		bundle []byte
		trust  *Trust
		reason string // of what is not verified
	}{
		"all is well":                          {good.json(t), full, ""},
		"by one of two deployments":            {good.json(t), both, ""},
		"a private one that logs nothing":      {edit(func(b *bundled) { b.entry = nil }), trust(t, File{Path: ".lumos/trust/a.json", Data: acme.trustedRoot(t, parts{noCT: true, noLog: true})}), ""},
		"a private one without timestamps":     {edit(func(b *bundled) { b.timestamps = nil }), trust(t, File{Path: ".lumos/trust/a.json", Data: acme.trustedRoot(t, parts{noTimestamps: true})}), ""},
		"one that does not log certificates":   {acme.sign(t, model, now, now.Add(5*time.Minute), false).json(t), trust(t, File{Path: ".lumos/trust/a.json", Data: acme.trustedRoot(t, parts{noCT: true})}), ""},
		"no trust":                             {good.json(t), nil, "no Sigstore is trusted: put its trusted_root.json at .lumos/trust/NAME.json"},
		"a key is trusted only":                {good.json(t), trust(t, File{Path: ".lumos/trust/a.pem", Data: publicPEM(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public())}), "no Sigstore is trusted"},
		"an unknown root":                      {otherSigstore().sign(t, model, now, now.Add(time.Minute), true).json(t), full, unlogged},
		"an unknown issuer of certificates":    {good.json(t), trust(t, File{Path: ".lumos/trust/a.json", Data: mixed(t, acme, otherSigstore())}), "failed to verify leaf certificate"},
		"a changed statement":                  {edit(func(b *bundled) { b.statement = []byte(strings.Replace(string(model), "7171", "7272", 1)) }), full, unlogged},
		"a changed signature":                  {edit(func(b *bundled) { b.signature = []byte("0\x06\x02\x01\x01\x02\x01\x01") }), full, unlogged},
		"another's certificate":                {edit(func(b *bundled) { b.leaf = acme.sign(t, model, now, now, true).leaf }), full, unlogged},
		"no entry in the log":                  {edit(func(b *bundled) { b.entry = nil }), full, unlogged},
		"an entry that another log made":       {edit(func(b *bundled) { b.entry = otherSigstore().sign(t, model, now, now, true).entry }), full, unlogged},
		"a certificate that nobody logged":     {acme.sign(t, model, now, now.Add(5*time.Minute), false).json(t), full, "failed to verify signed certificate timestamp"},
		"signed after the certificate's end":   {acme.sign(t, model, now.Add(-30*time.Minute), now.Add(-25*time.Minute), true).json(t), full, "failed to verify leaf certificate"},
		"signed before the certificate's time": {acme.sign(t, model, now.Add(20*time.Minute), now.Add(25*time.Minute), true).json(t), full, "failed to verify leaf certificate"},
		"no time, where that is all":           {edit(func(b *bundled) { b.entry, b.timestamps = nil, nil }), trust(t, File{Path: ".lumos/trust/a.json", Data: acme.trustedRoot(t, parts{noCT: true, noLog: true})}), untimed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Read("model.sig", c.bundle, c.trust)
			if got == nil || got.Signer == nil {
				t.Fatalf("no signer: %+v", got)
			}
			if got.Signer.Identity != signer || got.Signer.Issuer != issuer {
				t.Errorf("signed by %q of %q", got.Signer.Identity, got.Signer.Issuer)
			}
			if got.Signer.Verified != (c.reason == "") || !strings.Contains(got.Signer.Reason, c.reason) || (got.Signer.Reason == "") != (c.reason == "") {
				t.Errorf("verified %t, reason %q, want %q", got.Signer.Verified, got.Signer.Reason, c.reason)
			}
			if len(got.Signer.Reason) > 2*maxReason {
				t.Error("a long reason")
			}
			if name == "all is well" {
				want := &Facts{Format: ModelSigning, Version: "v1", Model: "triage", PredicateType: modelSignature, Subjects: []Subject{
					{"config.json", "sha256:" + strings.Repeat("0a", 32)}, {"model.safetensors", "sha256:" + strings.Repeat("71", 32)},
				}, Signer: &Signer{Identity: signer, Issuer: issuer, Verified: true}}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// mixed is the trusted root of one deployment with the certificate authority of another.
func mixed(t testing.TB, of, by *sigstore) []byte {
	t.Helper()
	other := *of
	other.fulcio = by.fulcio
	return other.trustedRoot(t, parts{noCT: true})
}

// A bundle that two readers would read as two documents is never verified.
func TestABundleOfTwoMeanings(t *testing.T) {
	t.Parallel()
	acme, now := acmeSigstore(), time.Now()
	full := trust(t, File{Path: ".lumos/trust/acme.json", Data: acme.trustedRoot(t, parts{})})
	good := string(acme.sign(t, model, now, now.Add(time.Minute), true).json(t))
	forged := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(string(model), "71", "72")))
	for name, text := range map[string]string{
		"a payload under its other name": strings.Replace(good, `"dsseEnvelope":{`, `"dsseEnvelope":{"payload_":"","Payload":"`+forged+`",`, 1),
		"a second envelope":              strings.Replace(good, `{"dsseEnvelope"`, `{"dsse_envelope":{"payload":"`+forged+`","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]},"dsseEnvelope"`, 1),
		"the envelope's other name":      strings.Replace(good, `"dsseEnvelope"`, `"dsse_envelope"`, 1),
		"the same key twice":             strings.Replace(good, `"payloadType"`, `"payload":"`+forged+`","payloadType"`, 1),
	} {
		if text == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		got := Read("model.sig", []byte(text), full)
		if got == nil || got.Error == "" && (got.Signer == nil || got.Signer.Verified) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func publicPEM(key crypto.PublicKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))})
}

// signWith makes the signature that goes with a key.
func signWith(t testing.TB, key crypto.Signer, message []byte) []byte {
	t.Helper()
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		digest, ok := digestFor(&key.PublicKey, message)
		if !ok {
			t.Fatal("no digest")
		}
		return must(ecdsa.SignASN1(rand.Reader, key, digest))
	case *rsa.PrivateKey:
		digest := sha256.Sum256(message)
		return must(rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], nil))
	}
	return must(key.Sign(rand.Reader, message, crypto.Hash(0)))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{
		"P-256": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "P-384": must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"P-521": must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)), "Ed25519": edKey, "RSA": must(rsa.GenerateKey(rand.Reader, 2048)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			public := publicPEM(key.Public())
			hint := sha256.Sum256(public)
			b := bundled{statement: model, signature: signWith(t, key, pae(statementMedia, model)), key: map[string]any{"hint": enchex.EncodeToString(hint[:])}}
			stranger := publicPEM(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public())
			known := trust(t, File{Path: ".lumos/trust/other@acme.example.pub", Data: stranger}, File{Path: ".lumos/trust/" + signer + ".pem", Data: append(stranger, public...)})
			got := Read("model.sig", b.json(t), known)
			if got.Format != ModelSigning || got.Error != "" || *got.Signer != (Signer{Identity: signer, Verified: true}) {
				t.Errorf("%+v, signer %+v", got, got.Signer)
			}
			changed := b
			changed.statement = []byte(strings.Replace(string(model), "triage", "mirage", 1))
			envelope := fmt.Sprintf(`{"payloadType":%q,"payload":%q,"signatures":[{"keyid":"x","sig":"AAAA"},{"sig":%q}]}`, statementMedia,
				base64.URLEncoding.EncodeToString(model), base64.RawStdEncoding.EncodeToString(b.signature))
			if got := Read("model.dsse", []byte(envelope), known); got.Signer == nil || !got.Signer.Verified || len(got.Subjects) != 2 {
				t.Errorf("an envelope: %+v", got)
			}
			for what, c := range map[string]struct {
				bundle bundled
				trust  *Trust
				reason string
			}{
				"no trust":     {b, nil, "no key is trusted: put the signer's public key at .lumos/trust/IDENTITY.pem"},
				"another key":  {b, trust(t, File{Path: ".lumos/trust/x.pem", Data: stranger}), "no key under .lumos/trust/ made this signature"},
				"other bytes":  {changed, known, "it names the key of release@acme.example, which did not make this signature"},
				"no signature": {bundled{statement: model, signature: []byte{0}, key: b.key}, known, "it names the key of"},
			} {
				if got := Read("model.sig", c.bundle.json(t), c.trust); got.Signer.Verified || !strings.Contains(got.Signer.Reason, c.reason) {
					t.Errorf("%s: %+v", what, got.Signer)
				}
			}
		})
	}
}

func TestBundlesThatAreNotVerified(t *testing.T) {
	t.Parallel()
	full := trust(t, File{Path: ".lumos/trust/acme.json", Data: acmeSigstore().trustedRoot(t, parts{})})
	b := acmeSigstore().sign(t, model, time.Now(), time.Now(), true)
	text := string(b.json(t))
	leaf := base64.StdEncoding.EncodeToString(b.leaf)
	for name, c := range map[string]struct{ text, reason string }{
		"a chain of its own":       {strings.Replace(text, `"certificate":{"rawBytes":"`+leaf+`"}`, `"x509CertificateChain":{"certificates":[{"rawBytes":"`+leaf+`"}]}`, 1), "a certificate chain of its own, which is not read"},
		"neither":                  {strings.Replace(text, `"certificate":{"rawBytes":"`+leaf+`"},`, ``, 1), "names neither a certificate nor a key"},
		"a field that is not one":  {strings.Replace(text, `"verificationMaterial":{`, `"verificationMaterial":{"more":1,`, 1), "the bundle is not valid"},
		"a version of the future":  {strings.Replace(text, ".v0.3+json", ".v0.9+json", 1), "the bundle is not valid"},
		"a file signed with a key": {`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"},"signature":"AAAA"}}`, "made with a key is not read"},
	} {
		if c.text == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		got := Read("model.sig", []byte(c.text), full)
		if got.Signer == nil || got.Signer.Verified || !strings.Contains(got.Signer.Reason, c.reason) {
			t.Errorf("%s: %+v %+v", name, got, got.Signer)
		}
	}
}

// A signature over the bytes of one file says which by its digest.
func TestASignedFile(t *testing.T) {
	t.Parallel()
	virtual := must(ca.NewVirtualSigstore())
	s := &sigstore{virtual: virtual, fulcio: virtual.FulcioCertificateAuthorities()[0].(*root.FulcioCertificateAuthority), ctKey: acmeSigstore().ctKey,
		begin: time.Now().Add(-time.Hour), finish: time.Now().Add(time.Hour)}
	weights := []byte("weights")
	entity := must(virtual.Sign(signer, issuer, weights))
	content := must(entity.VerificationContent())
	signature := must(entity.SignatureContent())
	digest := sha256.Sum256(weights)
	write := func(digest []byte) []byte {
		return must(json.Marshal(map[string]any{
			"mediaType": bundlePrefix + ".v0.3+json",
			"verificationMaterial": map[string]any{"certificate": map[string]any{"rawBytes": content.Certificate().Raw},
				"timestampVerificationData": map[string]any{"rfc3161Timestamps": []any{map[string]any{"signedTimestamp": must(entity.Timestamps())[0]}}}},
			"messageSignature": map[string]any{"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": digest}, "signature": signature.Signature()},
		}))
	}
	tr := trust(t, File{Path: ".lumos/trust/acme.json", Data: s.trustedRoot(t, parts{noCT: true, noLog: true})})
	got := Read("w.sigstore.json", write(digest[:]), tr)
	want := &Facts{Format: Sigstore, Subjects: []Subject{{Digest: "sha256:" + enchex.EncodeToString(digest[:])}}, Signer: &Signer{Identity: signer, Issuer: issuer, Verified: true}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	other := sha256.Sum256([]byte("other weights"))
	if got := Read("w.sigstore.json", write(other[:]), tr); got.Signer.Verified || got.Signer.Reason == "" {
		t.Errorf("another file: %+v", got.Signer)
	}
}

func TestModelStatements(t *testing.T) {
	t.Parallel()
	wrap := func(statement string) []byte {
		return fmt.Appendf(nil, `{"payloadType":%q,"payload":%q,"signatures":[{"sig":"AAAA"}]}`, statementMedia, base64.StdEncoding.EncodeToString([]byte(statement)))
	}
	for name, c := range map[string]struct{ statement, want string }{
		"a file exchanged":  {strings.Replace(string(model), "7171", "7272", 1), "the signature contradicts itself: its files come to"},
		"no file":           {strings.Replace(string(model), `"resources"`, `"resorces"`, 1), "the signature covers no file"},
		"no subject":        {strings.Replace(string(model), `"subject"`, `"sujet"`, 1), "a model's signature has one subject, this one has 0"},
		"no digest":         {strings.Replace(string(model), "7171", "zz", 1), `the digest of "model.safetensors" is not hexadecimal`},
		"not a statement":   {"{}", `the statement is of type ""`},
		"not even JSON":     {"{", "the payload: line 1, column 2: not JSON, want a key"},
		"digests, as first": {strings.NewReplacer(modelSignature, modelDigests, `"resources"`, `"was"`).Replace(string(model)), ""},
	} {
		got := Read("model.sig", wrap(c.statement), nil)
		if got == nil || !strings.HasPrefix(got.Error, c.want) || (got.Error == "") != (c.want == "") || got.Signer == nil || got.Signer.Verified {
			t.Errorf("%s: %+v", name, got)
		}
		if c.want == "" && (got.Format != ModelSigning || len(got.Subjects) != 1) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTrustFiles(t *testing.T) {
	t.Parallel()
	key := publicPEM(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public())
	full := acmeSigstore().trustedRoot(t, parts{})
	edit := func(old, with string) []byte {
		s := strings.Replace(string(full), old, with, 1)
		if s == string(full) {
			t.Fatalf("the trusted root has no %s", old)
		}
		return []byte(s)
	}
	for name, c := range map[string]struct {
		path string
		data []byte
		want string // the error: line:column message
	}{
		"a readme":                 {"README.md", []byte("why"), ""},
		"a key":                    {"a@b.example.pub", key, ""},
		"keys, one after another":  {"a.pem", append(append([]byte("\n"), key...), key...), ""},
		"a trusted root":           {"acme.json", full, ""},
		"another kind of file":     {"acme.crt", key, "0:0 not a kind of trust that Lumos can read"},
		"a folder":                 {"sub/a.pem", key, "0:0 a folder within .lumos/trust/ is not read"},
		"a key without a name":     {".pem", key, "0:0 the file's name does not say whose key it is"},
		"no key":                   {"a.pem", nil, "1:1 not a PEM public key"},
		"text":                     {"a.pem", []byte("\n\nssh-ed25519 AAAA"), "3:1 not a PEM public key"},
		"text after the key":       {"a.pem", append(key, "more"...), "5:1 not a PEM public key"},
		"a private key":            {"a.pem", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), `1:1 a PEM block of type "PRIVATE KEY"`},
		"a key of nonsense":        {"a.pem", []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "1:1 not a public key: "},
		"a weak key":               {"a.pem", publicPEM(must(rsa.GenerateKey(rand.Reader, 1024)).Public()), "1:1 an RSA key of 1024 bits, want 2048 to 8192"},
		"a curve that nobody uses": {"a.pem", publicPEM(must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).Public()), "1:1 an ECDSA key on P-224, want P-256, P-384 or P-521"},
		"too many keys":            {"a.pem", []byte(strings.Repeat(string(key), 11)), "41:1 more than 10 keys"},
		"a root that is no JSON":   {"acme.json", []byte("{\n  \"a\": nil\n}"), "2:8 not JSON, want a value"},
		"a root of another kind":   {"acme.json", []byte("{}"), "1:1 not a trusted root: unsupported TrustedRoot media type"},
		"a root with a strange key": {"acme.json", edit(`"mediaType"`, `"more":1,"mediaType"`),
			"1:1 not a trusted root: failed to proto-json unmarshal"},
		"a root without authority": {"acme.json", []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`), "1:1 the trusted root has no certificate authority"},
		"a root without time":      {"acme.json", acmeSigstore().trustedRoot(t, parts{noLog: true, noTimestamps: true}), "1:1 the trusted root has neither a transparency log nor a timestamp authority"},
		"too large":                {"a.pem", make([]byte, maxTrustSize+1), "0:0 the file has 1048577 bytes, more than the 1048576 that are read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewTrust([]File{{Path: ".lumos/waivers/x.yaml", Data: []byte("{")}, {Path: TrustDir + c.path, Data: c.data}})
			var errs document.Errors
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want == "":
			case !errors.As(err, &errs) || len(errs) != 1:
				t.Fatalf("got %v, want %s", err, c.want)
			default:
				got := fmt.Sprintf("%d:%d %s", errs[0].Line, errs[0].Column, errs[0].Message)
				if !strings.HasPrefix(got, c.want) || errs[0].Path != TrustDir+c.path {
					t.Errorf("%s: %s, want %s", errs[0].Path, got, c.want)
				}
			}
		})
	}
	if _, err := NewTrust([]File{{Path: TrustDir + "a.pem", Err: "gone"}}); err == nil || !strings.Contains(err.Error(), "the file could not be read: gone") {
		t.Error(err)
	}
	many := make([]File, maxTrustFiles+1)
	for i := range many {
		many[i] = File{Path: fmt.Sprintf("%s%03d.pem", TrustDir, i), Data: key}
	}
	if _, err := NewTrust(many); err == nil || !strings.Contains(err.Error(), "more than 50 files") {
		t.Error(err)
	}
}
