package releases

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"
)

// Examples holds the folder examples: manifests with their evidence. examples/README.md says what in
// them is real.
//
//go:embed examples
var Examples embed.FS

// exampleDay is the day on which the example's organisation made its release.
var exampleDay = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// exampleTime finds the times of the example's organisation. The model itself is older, and its times
// are facts.
var exampleTime = regexp.MustCompile(`\b202[6-9]-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// Example returns the example release as it lies in a governed repository, file by path: its manifest
// at releases/roberta-squad2/1.0.0.yaml and its evidence below releases/roberta-squad2/evidence. The
// organisation's own dates are moved by whole days, as if it were released today, so that the
// evidence is fresh; the digests are those of the moved evidence.
func Example(today time.Time) (map[string][]byte, error) {
	shift := today.UTC().Truncate(24 * time.Hour).Sub(exampleDay)
	move := func(src []byte) []byte {
		return exampleTime.ReplaceAllFunc(src, func(b []byte) []byte {
			t, err := time.Parse(time.RFC3339, string(b))
			if err != nil { // not a date after all, such as a 31 February
				return b
			}
			return []byte(t.Add(shift).Format(time.RFC3339))
		})
	}
	const from, to = "examples/roberta-squad2", "releases/roberta-squad2"
	files := map[string][]byte{}
	digests := []string{"releases/examples/", "releases/"} // old and new, in pairs
	err := fs.WalkDir(Examples, from, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		src, err := Examples.ReadFile(name)
		if err != nil {
			return err
		}
		moved := move(src)
		files[to+strings.TrimPrefix(name, from)] = moved
		if !bytes.Equal(src, moved) && path.Ext(name) != ".yaml" {
			digests = append(digests, digest(src), digest(moved))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the example release: %w", err)
	}
	manifest := to + "/1.0.0.yaml"
	files[manifest] = []byte(strings.NewReplacer(digests...).Replace(string(files[manifest])))
	return files, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
