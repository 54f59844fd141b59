package evidence

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	enchex "encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/lumos-governance/lumos/internal/document"
)

// TrustDir is where a repository keeps what it trusts, on the base branch.
const TrustDir = ".lumos/trust/"

// What a repository may trust at most. Each is tried on each signature.
const (
	maxTrustFiles = 50
	maxTrustSize  = 1 << 20 // bytes of a file
	maxKeys       = 10      // in one file
)

// File is a file of the base commit. Err says why it could not be read.
type File struct {
	Path string
	Data []byte
	Err  string
}

// Trust is what signatures are verified by: Sigstore deployments and public keys. It is immutable, and
// nil trusts nobody.
type Trust struct {
	roots []trustedRoot
	keys  []trustedKey
}

// trustedRoot is one Sigstore deployment.
type trustedRoot struct {
	path     string
	verifier *verify.Verifier
}

// trustedKey is one public key. Whoever holds its other half is called identity.
type trustedKey struct {
	identity string
	public   crypto.PublicKey
}

// NewTrust reads the files of TrustDir; those elsewhere are ignored. NAME.json is a Sigstore
// trusted_root.json; IDENTITY.pem and IDENTITY.pub are the PEM public keys of that identity, several
// after another while one takes the other's place. Its error is a document.Errors.
func NewTrust(files []File) (*Trust, error) {
	t := &Trust{}
	var errs document.Errors
	n := 0
	for _, f := range slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) }) {
		if !strings.HasPrefix(f.Path, TrustDir) || path.Ext(f.Path) == ".md" {
			continue
		}
		if n++; n > maxTrustFiles {
			return nil, document.Errors{{Path: f.Path, Message: fmt.Sprintf("more than %d files under %s", maxTrustFiles, TrustDir)}}
		}
		if wrong := t.read(f); wrong != nil {
			wrong.Path = f.Path
			errs = append(errs, *wrong)
		}
	}
	if errs != nil {
		return nil, errs
	}
	return t, nil
}

func (t *Trust) read(f File) *document.Error {
	switch {
	case f.Err != "":
		return &document.Error{Message: "the file could not be read: " + clip(f.Err)}
	case len(f.Data) > maxTrustSize:
		return &document.Error{Message: fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(f.Data), maxTrustSize)}
	case path.Dir(f.Path)+"/" != TrustDir:
		return &document.Error{Message: "a folder within " + TrustDir + " is not read", Hint: "move the file up"}
	}
	switch path.Ext(f.Path) {
	case ".json":
		return t.readRoot(f)
	case ".pem", ".pub":
		return t.readKeys(f)
	}
	return &document.Error{Message: "not a kind of trust that Lumos can read", Hint: "want a Sigstore trusted_root.json as NAME.json, or public keys as IDENTITY.pem"}
}

// readRoot reads a trusted_root.json. What a deployment has, its signatures must have: an entry in its
// transparency log, a timestamp, and where it logs certificates, the proof of that.
func (t *Trust) readRoot(f File) *document.Error {
	const hint = "want a trusted_root.json of Sigstore (media type application/vnd.dev.sigstore.trustedroot+json;version=0.1)"
	var syntax syntaxError
	if _, err := parse(f.Data); errors.As(err, &syntax) {
		return &document.Error{Line: syntax.line, Column: syntax.column, Message: syntax.message, Hint: hint}
	}
	wrong := func(format string, args ...any) *document.Error {
		return &document.Error{Line: 1, Column: 1, Message: clip(fmt.Sprintf(format, args...)), Hint: hint}
	}
	material, err := root.NewTrustedRootFromJSON(f.Data)
	switch {
	case err != nil:
		return wrong("not a trusted root: %v", err)
	case len(material.FulcioCertificateAuthorities()) == 0:
		return wrong("the trusted root has no certificate authority")
	case len(material.RekorLogs())+len(material.TimestampingAuthorities()) == 0:
		return wrong("the trusted root has neither a transparency log nor a timestamp authority: nothing says when something was signed")
	}
	// The predicate is read from the payload itself.
	options := []verify.VerifierOption{verify.WithoutStatementPredicate()}
	if len(material.RekorLogs()) > 0 {
		options = append(options, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	} else {
		options = append(options, verify.WithSignedTimestamps(1))
	}
	if len(material.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(material, options...)
	if err != nil {
		return wrong("not usable: %v", err)
	}
	t.roots = append(t.roots, trustedRoot{f.Path, verifier})
	return nil
}

func (t *Trust) readKeys(f File) *document.Error {
	const hint = `want -----BEGIN PUBLIC KEY-----, as "openssl pkey -pubout" writes it`
	base := path.Base(f.Path)
	identity := strings.TrimSuffix(base, path.Ext(base))
	if identity == "" {
		return &document.Error{Message: "the file's name does not say whose key it is", Hint: "call it IDENTITY.pem"}
	}
	for n, rest := 0, f.Data; ; n++ {
		at := len(f.Data) - len(bytes.TrimLeft(rest, " \t\r\n"))
		wrong := func(message string) *document.Error {
			return &document.Error{Line: bytes.Count(f.Data[:at], []byte("\n")) + 1, Column: 1, Message: message, Hint: hint}
		}
		if at == len(f.Data) && n > 0 {
			return nil
		}
		block, after := pem.Decode(rest)
		if block == nil || !bytes.HasPrefix(f.Data[at:], []byte("-----BEGIN ")) {
			return wrong("not a PEM public key")
		}
		if n == maxKeys {
			return wrong(fmt.Sprintf("more than %d keys", maxKeys))
		}
		if block.Type != "PUBLIC KEY" {
			return wrong(fmt.Sprintf("a PEM block of type %q", clip(block.Type)))
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return wrong("not a public key: " + clip(err.Error()))
		}
		if weak := unfit(public); weak != "" {
			return wrong(weak)
		}
		t.keys = append(t.keys, trustedKey{identity, public})
		rest = after
	}
}

// unfit says why a key is of no use, "" when it is.
func unfit(public crypto.PublicKey) string {
	switch key := public.(type) {
	case ed25519.PublicKey:
		return ""
	case *ecdsa.PublicKey:
		if _, ok := digestFor(key, nil); !ok {
			return "an ECDSA key on " + key.Curve.Params().Name + ", want P-256, P-384 or P-521"
		}
		return ""
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 || key.N.BitLen() > 8192 {
			return fmt.Sprintf("an RSA key of %d bits, want 2048 to 8192", key.N.BitLen())
		}
		return ""
	}
	return fmt.Sprintf("a key of kind %T, want ECDSA, Ed25519 or RSA", public)
}

// digestFor is the digest that goes with an ECDSA key: SHA-256, -384 and -512 by its curve, as
// model-signing and Sigstore have it.
func digestFor(key *ecdsa.PublicKey, message []byte) ([]byte, bool) {
	switch key.Curve {
	case elliptic.P256():
		d := sha256.Sum256(message)
		return d[:], true
	case elliptic.P384():
		d := sha512.Sum384(message)
		return d[:], true
	case elliptic.P521():
		d := sha512.Sum512(message)
		return d[:], true
	}
	return nil, false
}

// made tells whether the key's other half made the signature over the message.
func (k trustedKey) made(signature, message []byte) bool {
	switch key := k.public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		digest, ok := digestFor(key, message)
		return ok && ecdsa.VerifyASN1(key, digest, signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256(message)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil || rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil) == nil
	}
	return false
}

// byKey verifies a DSSE signature: some trusted key made one of them.
func (t *Trust) byKey(message []byte, signatures [][]byte) *Signer {
	if t == nil || len(t.keys) == 0 {
		return &Signer{Reason: "it is signed with a key, and no key is trusted: put the signer's public key at " + TrustDir + "IDENTITY.pem on the base branch"}
	}
	for _, signature := range signatures {
		for _, key := range t.keys {
			if key.made(signature, message) {
				return &Signer{Identity: key.identity, Verified: true}
			}
		}
	}
	return &Signer{Reason: "no key under " + TrustDir + " made this signature over these bytes: sign again, or put the signer's public key at " + TrustDir + "IDENTITY.pem on the base branch"}
}

// fingerprint names a key in a bundle's hint as model-signing does: the sha256 of its PEM form.
func (k trustedKey) fingerprint() string {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return enchex.EncodeToString(sum[:])
}
