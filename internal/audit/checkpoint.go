package audit

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// CheckpointNamespace is the SSHSIG namespace of the file checkpoint.sig.
const CheckpointNamespace = "checkpoint@lumos"

// maxCheckpoint bounds a checkpoint file: its text and a handful of signatures.
const maxCheckpoint = 16 << 10

// Checkpoint is the text of a checkpoint: the log's name, its length and its RFC 6962 root.
type Checkpoint struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"` // base64, as in the note
}

// text is the note's body (https://c2sp.org/tlog-checkpoint), without extension lines.
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root + "\n"
}

func parseCheckpointText(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("checkpoint: expected the three lines origin, size, root; found %d", strings.Count(text, "\n"))
	}
	c := Checkpoint{Origin: lines[0], Root: lines[2]}
	var err error
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("checkpoint: line 2: %q is not a number of events", lines[1])
	}
	if root, err := base64.StdEncoding.DecodeString(c.Root); err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, fmt.Errorf("checkpoint: line 3: not the base64 of a SHA-256 hash")
	}
	return c, nil
}

// readCheckpoint reads a checkpoint without trusting it: the text alone.
func readCheckpoint(data []byte) (Checkpoint, error) {
	if len(data) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("checkpoint: %d bytes, more than %d", len(data), maxCheckpoint)
	}
	text, _, ok := strings.Cut(string(data), "\n\n")
	if !ok {
		return Checkpoint{}, fmt.Errorf("checkpoint: not a signed note: no blank line before the signatures")
	}
	return parseCheckpointText(text + "\n")
}

// openCheckpoint reads a checkpoint and verifies both of its signatures against the genesis.
func openCheckpoint(g *GenesisFile, data, sig []byte) (Checkpoint, error) {
	c, err := readCheckpoint(data)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != g.Origin {
		return Checkpoint{}, fmt.Errorf("checkpoint: line 1: of the log %q, expected %q", c.Origin, g.Origin)
	}
	verifier, err := note.NewVerifier(g.Keys.Note)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("genesis.json: keys.note: %w", err)
	}
	n, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: not signed by the log's note key: %w", err)
	}
	if n.Text != c.text() {
		return Checkpoint{}, fmt.Errorf("checkpoint: the signed text differs from what was read")
	}
	key, err := g.sshKey()
	if err != nil {
		return Checkpoint{}, err
	}
	if err := verifySSH(data, sig, key, CheckpointNamespace); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint.sig: %w", err)
	}
	return c, nil
}

// sign writes the checkpoint as a note, and the SSH signature over that note.
func (c Checkpoint) sign(s *Signer) (data, sig []byte, err error) {
	signer, err := s.note(c.Origin)
	if err != nil {
		return nil, nil, err
	}
	data, err = note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		return nil, nil, fmt.Errorf("checkpoint: %w", err)
	}
	sig, err = s.Sign(CheckpointNamespace, data)
	return data, sig, err
}

// frontier is the right edge of a Merkle tree by RFC 6962: the roots of the full subtrees that the
// leaves so far make up, largest first. It is all that appending and rooting need.
type frontier struct {
	size int64
	tops []tlog.Hash // one for each bit set in size, highest first
}

func (f *frontier) add(leaf tlog.Hash) {
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.tops) - 1
		leaf = tlog.NodeHash(f.tops[last], leaf)
		f.tops = f.tops[:last]
	}
	f.tops = append(f.tops, leaf)
	f.size++
}

func (f *frontier) root() tlog.Hash {
	if f.size == 0 {
		h, err := tlog.TreeHash(0, nil)
		if err != nil { // an empty tree reads no hash
			panic(err)
		}
		return h
	}
	h := f.tops[len(f.tops)-1]
	for i := len(f.tops) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.tops[i], h)
	}
	return h
}

func (f *frontier) clone() frontier {
	return frontier{size: f.size, tops: append([]tlog.Hash(nil), f.tops...)}
}
