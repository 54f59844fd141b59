package evidence

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

const bundlePrefix = "application/vnd.dev.sigstore.bundle"

// readBundle reads a Sigstore bundle (sigstore/protobuf-specs, sigstore_bundle.proto, 2026-11), such as
// the model.sig that OpenSSF model-signing writes: a statement in a DSSE envelope, or the signature of
// a file's digest, with the certificate or the hint of the key that it was made by.
func readBundle(r *reader, root value, f *Facts, trust *Trust) {
	o := r.object(root)
	material := r.object(o["verificationMaterial"])
	signed := signedBundle{text: root, identity: r.claimed(material)}
	byKey := material["publicKey"].isObject()
	switch {
	case o["dsseEnvelope"].isObject():
		f.Format = InToto
		payload, signatures := r.envelope(r.object(o["dsseEnvelope"]))
		if r.err != nil {
			return
		}
		if signed.payload = payload; byKey {
			f.Signer = trust.byKey(pae(statementMedia, payload), signatures)
			r.hint(material["publicKey"], f.Signer, trust)
		}
		r.payload(payload, f)
	case o["messageSignature"].isObject():
		digest := r.object(r.object(o["messageSignature"])["messageDigest"])
		if algorithm := r.text(digest["algorithm"]); algorithm != "SHA2_256" {
			r.fail("the signed digest is by %q, want SHA2_256", clip(algorithm))
			return
		}
		if signed.digest = r.bytes(digest["digest"], "the signed digest"); r.err != nil {
			return
		}
		r.about(f, "", "sha256", fmt.Sprintf("%x", signed.digest))
		if byKey {
			f.Signer = &Signer{Reason: "the signature of a file that is made with a key is not read: sign with OpenSSF model-signing, or with an identity"}
		}
	default:
		r.fail("the bundle holds neither an envelope nor a signature")
		return
	}
	switch {
	case byKey:
	case material["certificate"].isObject():
		f.Signer = trust.byCertificate(signed)
	case material["x509CertificateChain"].isObject() && !strings.Contains(plain(o["mediaType"]), "0.3"):
		f.Signer = trust.byCertificate(signed) // bundles up to 0.2 have it so
	case material["x509CertificateChain"].isObject():
		f.Signer = signed.unverified("it is signed with a certificate chain of its own, which is not read: sign with a Sigstore identity or with a key")
	default:
		f.Signer = signed.unverified("the bundle names neither a certificate nor a key")
	}
}

// hint says of an unknown key whether it is one that is trusted: then the bytes were changed.
func (r *reader) hint(v value, signer *Signer, trust *Trust) {
	hint := r.text(r.object(v)["hint"])
	if trust == nil || signer.Verified || hint == "" {
		return
	}
	for _, key := range trust.keys {
		if key.fingerprint() == hint {
			signer.Reason = fmt.Sprintf("it names the key of %s, which did not make this signature over these bytes: sign again", key.identity)
			return
		}
	}
}

// signedBundle is a bundle that names a certificate, with what was read from it.
type signedBundle struct {
	text     []byte
	payload  []byte // of its envelope, or
	digest   []byte // sha256 that it signs
	identity Signer // as the certificate claims it
}

func (b signedBundle) unverified(reason string, args ...any) *Signer {
	return &Signer{Identity: b.identity.Identity, Issuer: b.identity.Issuer, Reason: clip(fmt.Sprintf(reason, args...))}
}

// claimed returns the identity in a certificate that nobody has verified.
func (r *reader) claimed(material map[string]value) Signer {
	leaf := r.object(material["certificate"])
	if chain := r.object(material["x509CertificateChain"]); chain != nil {
		chain["certificates"].all(func(v value) bool {
			leaf = r.object(v)
			return false
		})
	}
	if leaf["rawBytes"] == nil {
		return Signer{}
	}
	raw := r.bytes(leaf["rawBytes"], "the certificate")
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		r.fail("the certificate: %w", err)
		return Signer{}
	}
	summary, err := certificate.SummarizeCertificate(cert)
	if err != nil || len(summary.SubjectAlternativeName)+len(summary.Issuer) > 2*maxText {
		return Signer{}
	}
	return Signer{Identity: summary.SubjectAlternativeName, Issuer: summary.Issuer}
}

// byCertificate verifies a bundle by the Sigstore deployments that are trusted: the certificate, the
// entry in the transparency log, the timestamps and the signature, all from the bundle alone. Whose
// signature is wanted is for the policy to say.
func (t *Trust) byCertificate(b signedBundle) *Signer {
	if t == nil || len(t.roots) == 0 {
		return b.unverified("no Sigstore is trusted: put its trusted_root.json at " + TrustDir + "NAME.json on the base branch")
	}
	var parsed bundle.Bundle
	if err := parsed.UnmarshalJSON(b.text); err != nil {
		return b.unverified("the bundle is not valid: %v", err)
	}
	artifact := verify.WithoutArtifactUnsafe() // the statement says what it is about; policies compare that
	if b.payload == nil {
		artifact = verify.WithArtifactDigest("sha256", b.digest)
	}
	// Two readers must not see two documents: what is verified is what the facts are read from.
	if !bytes.Equal(parsed.GetDsseEnvelope().GetPayload(), b.payload) || !bytes.Equal(parsed.GetMessageSignature().GetMessageDigest().GetDigest(), b.digest) {
		return b.unverified("the bundle can be read in two ways")
	}
	var reasons []string
	for _, root := range t.roots {
		result, err := root.verifier.Verify(&parsed, verify.NewPolicy(artifact, verify.WithoutIdentitiesUnsafe()))
		switch {
		case err != nil:
			reasons = append(reasons, fmt.Sprintf("%s: %v", root.path, err))
		case result.Signature == nil || result.Signature.Certificate == nil || result.Signature.Certificate.SubjectAlternativeName == "":
			reasons = append(reasons, fmt.Sprintf("%s: the certificate names nobody", root.path))
		default:
			c := result.Signature.Certificate
			return &Signer{Identity: c.SubjectAlternativeName, Issuer: c.Issuer, Verified: true}
		}
	}
	return b.unverified("it is not verified by %s", strings.Join(reasons, "; "))
}
