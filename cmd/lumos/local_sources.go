package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/source"
)

// localSources are what compliance sources say, for a check without the bot: NAME=FILE each.
type localSources []string

// maxLocalSource is how much of one is read, in bytes: as much as the settings of a bot allow.
const maxLocalSource = 16 << 20

// read puts the sources into a snapshot.
func (l localSources) read(snap *forge.Snapshot) error {
	for _, one := range l {
		name, file, ok := strings.Cut(one, "=")
		if !ok || name == "" || file == "" {
			return fmt.Errorf("--source %q: expected NAME=FILE, such as data-catalog=datasets.json", one)
		}
		data, err := readUpTo(file, maxLocalSource)
		if err != nil {
			return fmt.Errorf("--source %s: %w", name, err)
		}
		fact := source.Local(data)
		if fact.Err != "" {
			return fmt.Errorf("--source %s: %s: %s", name, file, fact.Err)
		}
		if snap.Sources == nil {
			snap.Sources = map[string]forge.SourceFact{}
		}
		snap.Sources[name] = fact
	}
	return nil
}

// readUpTo reads a file that is no larger than max bytes.
func readUpTo(file string, max int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("%s has more than %d bytes", file, max)
	}
	return data, err
}
