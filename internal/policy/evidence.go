package policy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/lumos-governance/lumos/internal/evidence"
)

// What is kept of evidence that was read: it is read anew at every look, and a log may have 10 MB.
const (
	maxKeptFiles = 256
	maxKeptFacts = 4 << 20 // bytes of their JSON, altogether
)

// reading reads evidence under what the base commit trusts, and keeps what it found by the digest of
// the bytes. It is safe for concurrent use.
type reading struct {
	trust *evidence.Trust

	mu   sync.Mutex
	kept []readFile // most recently used first
	size int        // of all of them
}

type readFile struct {
	digest string
	facts  *ast.Term // nil: the format is not known
	size   int
}

// newReading takes what is trusted from the files of the base commit. Its error is a document.Errors.
func newReading(files []File) (*reading, error) {
	var trusted []evidence.File
	for _, f := range files {
		if strings.HasPrefix(f.Path, evidence.TrustDir) {
			trusted = append(trusted, evidence.File{Path: f.Path, Data: f.Data, Err: f.Err})
		}
	}
	trust, err := evidence.NewTrust(trusted)
	return &reading{trust: trust}, err
}

// facts returns what a file says in the engine's terms, nil when its format is not known.
func (r *reading) facts(f File, digest string) *ast.Term {
	if known, ok := r.find(digest); ok {
		return known
	}
	found := readFile{digest: digest, size: len(digest)}
	if facts := evidence.Read(f.Path, f.Data, r.trust); facts != nil {
		found.facts, found.size = factTerm(facts)
	}
	r.keep(found)
	return found.facts
}

func (r *reading) find(digest string) (*ast.Term, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.kept, func(f readFile) bool { return f.digest == digest })
	if i < 0 {
		return nil, false
	}
	f := r.kept[i]
	copy(r.kept[1:i+1], r.kept[:i])
	r.kept[0] = f
	return f.facts, true
}

func (r *reading) keep(f readFile) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.size > maxKeptFacts || slices.ContainsFunc(r.kept, func(k readFile) bool { return k.digest == f.digest }) {
		return
	}
	r.kept = slices.Insert(r.kept, 0, f)
	for r.size += f.size; r.size > maxKeptFacts || len(r.kept) > maxKeptFiles; {
		last := len(r.kept) - 1
		r.size -= r.kept[last].size
		r.kept = slices.Delete(r.kept, last, last+1)
	}
}

// factTerm turns facts into the engine's terms, with an index of the results so that a claim is found
// among thousands: byMetric maps the names that a metric goes by to places in results, and each result
// has the names of its dataset and task in places. It also returns the size of their JSON.
func factTerm(facts *evidence.Facts) (*ast.Term, int) {
	text, err := json.Marshal(facts)
	var out map[string]any
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err == nil && len(facts.Results) > 0 {
		results := out["results"].([]any)
		byMetric := map[string][]int{}
		for i, r := range facts.Results {
			for _, name := range metricNames(r.Metric) {
				byMetric[name] = append(byMetric[name], i)
			}
			results[i].(map[string]any)["places"] = placeNames(r.Dataset, r.Task)
		}
		out["byMetric"] = byMetric
	}
	if err == nil {
		if t, failed := term(out); failed == nil {
			return t, len(text)
		}
	}
	t := ast.ObjectTerm(pair("format", ast.StringTerm(facts.Format)), pair("error", ast.StringTerm(fmt.Sprintf("it cannot be shown to controls: %v", err))))
	return t, 0
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// nameOf is the form in which names are compared; policies/lib/claims.rego has the same.
func nameOf(s string) string {
	return strings.Trim(notName.ReplaceAllString(strings.ToLower(s), "_"), "_")
}

// metricNames are those of a result's metric: as it is written, and without a filter ("acc,none",
// "exact_match,strict-match") or a scorer ("match/accuracy").
func metricNames(metric string) []string {
	bare, _, _ := strings.Cut(metric, ",")
	return namesOf(metric, bare, bare[strings.LastIndexByte(bare, '/')+1:])
}

// placeNames are those of what was measured: the dataset and the task, each also without its owner.
func placeNames(dataset, task string) []string {
	return namesOf(dataset, dataset[strings.LastIndexByte(dataset, '/')+1:], task, task[strings.LastIndexByte(task, '/')+1:])
}

func namesOf(texts ...string) []string {
	out := []string{}
	for _, t := range texts {
		if n := nameOf(t); n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
