package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lumos-governance/lumos/internal/forge"
)

// verdicts keeps how each script ended on each host: the verdicts on its pull requests.
type verdicts struct {
	mu    sync.Mutex
	ended map[forge.Platform]map[string]string // "script#number" → the verdict, neutral
}

// keep notes the bot's last verdict on every pull request of a script that has succeeded.
func (v *verdicts) keep(env *testscript.Env, s *stage) error {
	if s.World == nil || s.Service == nil || s.differs {
		return nil
	}
	if t, ok := env.T().(testing.TB); ok && t.Failed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.settle(ctx); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(s.SnapshotPath(1)), "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		verdict, reports, err := s.Verdict(ctx, number(name))
		if err != nil {
			return err
		}
		data, err := marshal(explanation{verdict, reports})
		if err != nil {
			return err
		}
		text, err := neutral(data)
		if err != nil {
			return err
		}
		v.mu.Lock()
		if v.ended[s.platform] == nil {
			v.ended[s.platform] = map[string]string{}
		}
		v.ended[s.platform][filepath.Base(env.WorkDir)+"#"+name] = text
		v.mu.Unlock()
	}
	return nil
}

// compare fails for every verdict that differs between the hosts.
func (v *verdicts) compare(t *testing.T) {
	github, gitlab := v.ended[forge.GitHub], v.ended[forge.GitLab]
	same := 0
	for _, name := range slices.Sorted(maps.Keys(gitlab)) {
		there, ok := github[name]
		switch {
		case !ok: // this one did not play on both hosts
		case there != gitlab[name]:
			t.Errorf("%s ends otherwise on GitLab (+) than on GitHub (-):\n%s", name, difference(there, gitlab[name]))
		default:
			same++
		}
	}
	t.Logf("%d verdicts are equal on both hosts", same)
}

// These are the names that a host gives. Everything else in a verdict must be the same on both.
var (
	address = regexp.MustCompile(`https?://[^\s"<>)]+`)
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	digest  = regexp.MustCompile(`\b(sha256:[0-9a-f]{64}|[0-9a-f]{40})\b`)
	short   = regexp.MustCompile(`\b[0-9a-f]{7}\b`)
	machine = regexp.MustCompile(`\b([a-z]+\[bot\]|(group|project)_\d+_bot_[0-9a-f]+)`)
	voteID  = regexp.MustCompile(`\b(review|comment):\d+\b`)
)

// names hands out one name for each thing, in the order of first appearance.
type names struct {
	kind  string
	given map[string]string
}

func (n *names) of(what string) string {
	if n.given[what] == "" {
		n.given[what] = fmt.Sprintf("<%s %d>", n.kind, len(n.given)+1)
	}
	return n.given[what]
}

// neutral rewrites a JSON document without what a host names: addresses, ids, object ids and digests,
// times, the logins of machines and the folder of the host's own files. Each becomes a number, by order of first
// appearance, so that what was equal stays equal and what was different stays different.
func neutral(doc []byte) (string, error) {
	ids := &names{"id", map[string]string{}}
	urls := &names{"url", map[string]string{}}
	times := &names{"time", map[string]string{}}
	objects := &names{"object", map[string]string{}}
	others := &names{"other object", map[string]string{}}
	text := func(s string) string {
		s = machine.ReplaceAllString(s, "<machine>")
		s = strings.ReplaceAll(s, ".gitlab/", ".github/")
		s = address.ReplaceAllStringFunc(s, urls.of)
		s = instant.ReplaceAllStringFunc(s, times.of)
		s = voteID.ReplaceAllStringFunc(s, func(id string) string {
			kind, _, _ := strings.Cut(id, ":")
			return kind + ":" + ids.of(id)
		})
		s = digest.ReplaceAllStringFunc(s, objects.of)
		return short.ReplaceAllStringFunc(s, func(prefix string) string {
			for _, full := range slices.Sorted(maps.Keys(objects.given)) {
				if strings.HasPrefix(full, prefix) {
					return "short " + objects.given[full]
				}
			}
			return "short " + others.of(prefix)
		})
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var out strings.Builder
	var path []string // of the keys of the objects that are open; "" for an array
	key := ""
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return out.String(), nil
		}
		if err != nil {
			return "", err
		}
		inObject := len(path) > 0 && path[len(path)-1] == "{"
		if name, ok := tok.(string); ok && inObject && key == "" {
			key = name
			continue
		}
		indent := strings.Repeat(" ", len(path))
		switch tok := tok.(type) {
		case json.Delim:
			if tok == '}' || tok == ']' {
				path = path[:len(path)-1]
				indent = indent[1:]
			} else {
				path = append(path, tok.String())
			}
			fmt.Fprintf(&out, "%s%s %s\n", indent, key, tok)
		case json.Number:
			shown := tok.String()
			if key == "id" {
				shown = ids.of(shown)
			}
			fmt.Fprintf(&out, "%s%s: %s\n", indent, key, shown)
		case string:
			if key != "nodeId" { // another name of what has an id
				fmt.Fprintf(&out, "%s%s: %s\n", indent, key, strconv.Quote(text(tok)))
			}
		default:
			fmt.Fprintf(&out, "%s%s: %v\n", indent, key, tok)
		}
		key = ""
	}
}

// difference shows the lines in which two texts differ, between what they share at both ends.
func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	start := 0
	for start < len(x) && start < len(y) && x[start] == y[start] {
		start++
	}
	end := 0
	for end < len(x)-start && end < len(y)-start && x[len(x)-1-end] == y[len(y)-1-end] {
		end++
	}
	var out strings.Builder
	for _, line := range x[max(0, start-3):start] {
		fmt.Fprintln(&out, "  "+line)
	}
	for _, line := range x[start : len(x)-end] {
		fmt.Fprintln(&out, "- "+line)
	}
	for _, line := range y[start : len(y)-end] {
		fmt.Fprintln(&out, "+ "+line)
	}
	return out.String()
}

// TestNeutral keeps what makes two verdicts equal from becoming too much.
func TestNeutral(t *testing.T) {
	t.Parallel()
	const (
		one = `{"head":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","by":{"id":7,"login":"ben"},"reason":"author of aaaaaaa","url":"http://127.0.0.1:1/a"}`
		two = `{"head":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","by":{"id":9,"login":"ben"},"reason":"author of bbbbbbb","url":"http://127.0.0.1:2/b"}`
	)
	read := func(doc string) string {
		t.Helper()
		text, err := neutral([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if a, b := read(one), read(two); a != b {
		t.Errorf("the hosts' names make a difference:\n%s", difference(a, b))
	}
	for name, other := range map[string]string{
		"somebody else":  strings.Replace(two, `"ben"`, `"cleo"`, 1),
		"another commit": strings.Replace(two, "author of bbbbbbb", "author of ccccccc", 1),
		"another key":    strings.Replace(two, `"reason"`, `"cause"`, 1),
		"a missing key":  strings.Replace(two, `,"url":"http://127.0.0.1:2/b"`, "", 1),
	} {
		if read(one) == read(other) {
			t.Errorf("%s makes no difference", name)
		}
	}
}
