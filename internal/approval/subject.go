package approval

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strconv"

	"github.com/lumos-governance/lumos/internal/forge"
)

// Subject is the digest that an approval binds to, as "sha256:<hex>": every changed file with its
// blob, the evidence that the manifests name, the policy that judged them, and the branch that they
// are to enter. One changed byte, a changed policy or another target makes another subject; a rebase
// that changes none of these keeps it. The order of the snapshot's lists does not matter.
func Subject(s *forge.Snapshot, policyDigest string) string {
	h := sha256.New()
	field(h, "lumos subject v1")
	field(h, policyDigest)
	field(h, s.PullRequest.Base.Ref)

	files := slices.SortedFunc(slices.Values(s.Files), func(a, b forge.File) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Previous, b.Previous),
			cmp.Compare(a.Status, b.Status), cmp.Compare(a.Blob, b.Blob))
	})
	field(h, strconv.Itoa(len(files)))
	for _, f := range files {
		field(h, f.Path)
		field(h, f.Previous)
		field(h, string(f.Status))
		field(h, f.Blob)
	}

	field(h, strconv.Itoa(len(s.Evidence)))
	for _, path := range slices.Sorted(maps.Keys(s.Evidence)) {
		blob := s.Evidence[path]
		field(h, path)
		if blob.Err != "" { // unread is another thing than empty; the words of the error may vary
			field(h, "unread")
			continue
		}
		sum := sha256.Sum256(blob.Data)
		field(h, string(sum[:]))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// field writes s with its length before it, so that no two lists of fields give the same bytes.
func field(h hash.Hash, s string) {
	h.Write(strconv.AppendInt(nil, int64(len(s)), 10))
	h.Write([]byte{':'})
	h.Write([]byte(s))
}
