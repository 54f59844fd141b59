package audit

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// The signature of commits and tags (git's gpg.format=ssh).
const gitNamespace = "git"

// ident is who commits and tags; .invalid can be nobody's address (RFC 2606).
const ident = "Lumos <lumos@lumos.invalid>"

// The modes of the entries that the branch may hold.
const (
	modeFile = "100644"
	modeTree = "40000"
)

// objectID is git's name of an object, in the hash that the repository uses: 20 or 32 bytes.
func objectID(size int, typ string, data []byte) string {
	var h hash.Hash
	if size == sha256.Size {
		h = sha256.New()
	} else {
		h = sha1.New()
	}
	fmt.Fprintf(h, "%s %d\x00", typ, len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

type treeEntry struct {
	mode, name, oid string
}

// encodeTree gives the bytes of a tree, which git sorts as if folders ended in a slash.
func encodeTree(entries []treeEntry) ([]byte, error) {
	key := func(e treeEntry) string {
		if e.mode == modeTree {
			return e.name + "/"
		}
		return e.name
	}
	slices.SortFunc(entries, func(a, b treeEntry) int { return cmp.Compare(key(a), key(b)) })
	var out []byte
	for _, e := range entries {
		id, err := hex.DecodeString(e.oid)
		if err != nil {
			return nil, fmt.Errorf("tree entry %s: object id %q: %w", e.name, e.oid, err)
		}
		out = append(append(out, e.mode+" "+e.name+"\x00"...), id...)
	}
	return out, nil
}

// parseTree reads a tree whose object ids have size bytes.
func parseTree(data []byte, size int) ([]treeEntry, error) {
	var out []treeEntry
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < size {
			return nil, errors.New("broken tree object")
		}
		out = append(out, treeEntry{mode: mode, name: name, oid: hex.EncodeToString(rest[:size])})
		data = rest[size:]
	}
	return out, nil
}

// commitObject gives the bytes of a commit signed by s. Parent is empty for the first one.
func commitObject(s *Signer, tree, parent string, when time.Time, message string) ([]byte, error) {
	var head bytes.Buffer
	fmt.Fprintf(&head, "tree %s\n", tree)
	if parent != "" {
		fmt.Fprintf(&head, "parent %s\n", parent)
	}
	fmt.Fprintf(&head, "author %s %d +0000\ncommitter %s %d +0000\n", ident, when.Unix(), ident, when.Unix())
	sig, err := s.Sign(gitNamespace, []byte(head.String()+"\n"+message))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&head, "gpgsig %s\n\n%s", strings.ReplaceAll(strings.TrimSpace(string(sig)), "\n", "\n "), message)
	return head.Bytes(), nil
}

// commit is what verification needs of a commit object.
type commit struct {
	tree    string
	parents []string
	message string
	payload []byte // what the signature is over
	sig     []byte // armored; nil when there is none
}

var errSignatures = errors.New("more than one signature header")

// parseCommit works on the raw bytes, as git does when it verifies (commit.c). A second signature
// header, or one for the other hash function, is refused: two programs could read two signatures.
func parseCommit(raw []byte) (*commit, error) {
	head, message, ok := bytes.Cut(raw, []byte("\n\n"))
	if !ok {
		head, message = bytes.TrimSuffix(raw, []byte("\n")), nil
	}
	c := &commit{message: string(message)}
	var payload []byte
	var sigs, inSig = 0, false
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		if inSig && bytes.HasPrefix(line, []byte(" ")) {
			c.sig = append(append(c.sig, line[1:]...), '\n')
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(" "))
		if inSig = string(name) == "gpgsig"; inSig {
			sigs++
			c.sig = append(append(c.sig, value...), '\n')
			continue
		}
		switch string(name) {
		case "gpgsig-sha256":
			sigs += 2
		case "tree":
			c.tree = string(value)
		case "parent":
			c.parents = append(c.parents, string(value))
		}
		payload = append(append(payload, line...), '\n')
	}
	if sigs > 1 {
		return c, errSignatures
	}
	if ok {
		payload = append(append(payload, '\n'), message...)
	}
	c.payload = payload
	if c.tree == "" {
		return nil, errors.New("broken commit object: no tree")
	}
	return c, nil
}

// trailer returns the value of a trailer in the last paragraph of a commit message.
func (c *commit) trailer(name string) string {
	for line := range strings.SplitSeq(c.message, "\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// tagObject is what verification needs of an annotated tag.
type tagObject struct {
	object, kind, name string
	message            string
	payload, sig       []byte
}

const sshBegin = "-----BEGIN SSH SIGNATURE-----"

// parseTag reads an annotated tag. Its signature is the last block of the message.
func parseTag(raw []byte) (*tagObject, error) {
	head, _, ok := bytes.Cut(raw, []byte("\n\n"))
	if !ok {
		return nil, errors.New("broken tag object")
	}
	t := &tagObject{payload: raw}
	if i := bytes.LastIndex(raw, []byte("\n"+sshBegin)); i >= 0 {
		t.payload, t.sig = raw[:i+1], raw[i+1:]
	}
	if len(head)+2 > len(t.payload) {
		return nil, errors.New("broken tag object")
	}
	t.message = string(t.payload[len(head)+2:])
	for line := range strings.SplitSeq(string(head), "\n") {
		name, value, _ := strings.Cut(line, " ")
		switch name {
		case "object":
			t.object = value
		case "type":
			t.kind = value
		case "tag":
			t.name = value
		case "gpgsig", "gpgsig-sha256":
			return nil, errSignatures
		}
	}
	return t, nil
}

// checkSignature verifies the signature of a commit or tag by key.
func checkSignature(payload, sig []byte, key ssh.PublicKey) error {
	if sig == nil {
		return errNoSSH
	}
	return verifySSH(payload, sig, key, gitNamespace)
}

// parseSeqTrailer reads "a-b".
func parseSeqTrailer(s string) (first, last int64, err error) {
	a, b, ok := strings.Cut(s, "-")
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("Lumos-Seq: %q is not of the form first-last", s)
	}
	return first, last, nil
}
