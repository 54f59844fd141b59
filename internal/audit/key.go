package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"
)

// Principal is the name under which allowed_signers lists the log's key.
const Principal = "lumos"

const noteKeyInfo = "lumos audit log: checkpoint note key, version 1"

// Signer holds the two keys of a log's writer. Both come from one Ed25519 key in OpenSSH's private
// key format: the SSH key is that key; the key of the checkpoint's note is derived from its 32-byte
// seed by HKDF-SHA256 (RFC 5869) without salt, with noteKeyInfo as info, so that a signature by one
// can never pass for the other and a single file is all there is to keep.
type Signer struct {
	ssh  ssh.Signer
	seed []byte // of the note key
}

// NewSigner reads an unencrypted Ed25519 private key in OpenSSH's format.
func NewSigner(pemBytes []byte) (*Signer, error) {
	raw, err := ssh.ParseRawPrivateKey(pemBytes)
	if err != nil {
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) {
			return nil, errors.New("signing key: it is locked by a passphrase, which Lumos cannot type: give it a key without one")
		}
		return nil, errors.New("signing key: not a private key in OpenSSH's format") // the cause could quote the key
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("signing key: a %T, expected ed25519 (ssh-keygen -t ed25519)", raw)
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	seed, err := hkdf.Key(sha256.New, key.Seed(), nil, noteKeyInfo, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return &Signer{ssh: signer, seed: seed}, nil
}

// GenerateKey makes a signing key in the format that NewSigner reads.
func GenerateKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, Principal)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// LoadKey reads the signing key at path, which nobody but its owner may read.
func LoadKey(path string) (*Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("signing key: %s may be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return NewSigner(data)
}

// LoadOrCreateKey reads the signing key at path, and makes one first (mode 0600) if there is none.
func LoadOrCreateKey(path string) (signer *Signer, created bool, err error) {
	signer, err = LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return signer, false, err
	}
	data, err := GenerateKey()
	if err != nil {
		return nil, false, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("signing key: %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, false, fmt.Errorf("signing key: %w", err)
	}
	signer, err = NewSigner(data)
	return signer, true, err
}

// String shows the key's fingerprint, never the key.
func (s *Signer) String() string { return ssh.FingerprintSHA256(s.ssh.PublicKey()) }

// GoString is String, so that no way of printing shows the key.
func (s *Signer) GoString() string { return s.String() }

// PublicKey is the SSH public key in authorized_keys form, without a comment.
func (s *Signer) PublicKey() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.ssh.PublicKey())))
}

// NoteKey is the verifier key of the log's checkpoints (golang.org/x/mod/sumdb/note).
func (s *Signer) NoteKey(origin string) (string, error) {
	pub := ed25519.NewKeyFromSeed(s.seed).Public().(ed25519.PublicKey)
	key, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return "", fmt.Errorf("note key: %w", err)
	}
	return key, nil
}

func (s *Signer) note(origin string) (note.Signer, error) {
	vkey, err := s.NoteKey(origin)
	if err != nil {
		return nil, err
	}
	name, rest, _ := strings.Cut(vkey, "+")
	hash, _, _ := strings.Cut(rest, "+")
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, s.seed...)) // 1 is Ed25519
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + secret)
	if err != nil {
		return nil, fmt.Errorf("note key of %q: %w", origin, err)
	}
	return signer, nil
}

// Sign makes an armored SSH signature over data (openssh PROTOCOL.sshsig). The same data always
// gives the same bytes: Ed25519 uses no randomness.
func (s *Signer) Sign(namespace string, data []byte) ([]byte, error) {
	sig, err := sshsig.Sign(bytes.NewReader(data), s.ssh, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, fmt.Errorf("ssh signature: %w", err)
	}
	return sshsig.Armor(sig), nil
}

// How a signature can be wrong.
var (
	errNoSSH     = errors.New("not an SSH signature")
	errKey       = errors.New("signed by another key than the log's")
	errNamespace = errors.New("signed for another purpose")
	errSignature = errors.New("the signature does not match the bytes")
)

// verifySSH checks an armored SSH signature by key over data.
func verifySSH(data, armored []byte, key ssh.PublicKey, namespace string) error {
	sig, err := sshsig.Unarmor(armored)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoSSH, err)
	}
	if !bytes.Equal(sig.PublicKey.Marshal(), key.Marshal()) {
		return fmt.Errorf("%w: by %s", errKey, ssh.FingerprintSHA256(sig.PublicKey))
	}
	if sig.Namespace != namespace {
		return fmt.Errorf("%w: namespace %q, expected %q", errNamespace, sig.Namespace, namespace)
	}
	if err := sshsig.Verify(bytes.NewReader(data), sig, key, sig.HashAlgorithm, namespace); err != nil {
		return fmt.Errorf("%w: %w", errSignature, err)
	}
	return nil
}
