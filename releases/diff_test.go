package releases

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const before = `apiVersion: lumos/v1
kind: ModelRelease
metadata: {name: triage, version: "1.0.0", owner: {team: support-ml}}
spec:
  source: {revision: aaa}
  artifacts:
    - {name: model.bin, digest: "sha256:` + zeros + `"}
    - {name: model.safetensors, digest: "sha256:` + zeros + `", size: 10}
  model:
    languages: [en]
    license: {spdx: MIT}
    baseModels: [{id: a/base, revision: r1}, {id: b/base}]
  limitations: ["short, text"]
  data:
    - {role: training, id: acme/tickets, revision: "1", personalData: none}
    - {role: evaluation, id: acme/gone, revision: "9"}
  evaluations:
    - {category: quality, metric: f1, dataset: {id: acme/eval}, value: 0.913, direction: higher, slices: [{name: lang=fr, value: 0.9}]}
    - {category: quality, metric: loss, dataset: {id: acme/eval}, value: 0.25, direction: lower}
    - {category: quality, metric: size, dataset: {id: acme/eval}, value: 3}
    - {category: privacy, test: data-leakage, metric: rate, value: 0.5, passed: true, direction: lower}
    - {category: safety, metric: gone, value: 1}
  performance: {metrics: {e2e_p95_ms: 900, rps: 4, odd: 1}}
  risk: {tier: medium, factors: {data: 2, impact: 1}, rationale: old}
  change: {type: patch}
  evidence: [{id: a}]
`

const after = `apiVersion: lumos/v1
kind: ModelRelease
metadata: {name: triage, version: "1.1.0", owner: {team: other}}
spec:
  source: {revision: bbb}
  artifacts:
    - {name: model.safetensors, digest: "sha256:` + ones + `", size: 10}
  model:
    languages: [en, fr]
    license: {spdx: Apache-2.0}
    baseModels: [{id: a/base, revision: r2}, {id: c/base, revision: r9}]
  limitations: [short, text]
  data:
    - {role: training, id: acme/new, digest: "sha256:` + ones + `"}
    - {role: training, id: acme/tickets, revision: "2", personalData: special}
  evaluations:
    - {category: quality, metric: loss, dataset: {id: acme/eval}, value: 0.2500001, direction: lower}
    - {category: quality, metric: f1, dataset: {id: acme/eval}, value: 0.91300000000000003, direction: higher, slices: [{name: lang=fr, value: 0.95}, {name: lang=de, value: 0.1}]}
    - {category: quality, metric: size, dataset: {id: acme/eval}, value: 4}
    - {category: privacy, test: data-leakage, metric: rate, value: 0.25, passed: false, direction: lower}
    - {category: safety, metric: new}
  performance: {metrics: {e2e_p95_ms: 850.5, rps: 3, odd: 2}}
  risk: {tier: high, factors: {data: 3, impact: 1, domain: 2}, rationale: new}
  change: {type: finetune}
  evidence: [{id: b}]
`

const (
	zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	ones  = "1111111111111111111111111111111111111111111111111111111111111111"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	prev, next := mustParse(t, "x", before), mustParse(t, "x", after)
	yes, no := true, false
	want := []Change{
		{Kind: "metric", Pointer: "/spec/evaluations/0/value", Title: "loss on acme/eval", Before: "0.25", After: "0.2500001", Better: &no},
		{Kind: "metric", Pointer: "/spec/evaluations/1/slices/0/value", Title: "f1 on acme/eval (lang=fr)", Before: "0.9", After: "0.95", Better: &yes},
		{Kind: "metric", Pointer: "/spec/evaluations/1/slices/1/value", Title: "f1 on acme/eval (lang=de)", After: "0.1"},
		{Kind: "metric", Pointer: "/spec/evaluations/2/value", Title: "size on acme/eval", Before: "3", After: "4"},
		{Kind: "metric", Pointer: "/spec/evaluations/3/value", Title: "data-leakage rate", Before: "0.5, passed", After: "0.25, failed", Better: &no},
		{Kind: "metric", Pointer: "/spec/evaluations/4", Title: "new", After: "listed"},
		{Kind: "metric", Pointer: "/spec/performance/metrics/e2e_p95_ms", Title: "e2e_p95_ms", Before: "900", After: "850.5", Better: &yes},
		{Kind: "metric", Pointer: "/spec/performance/metrics/odd", Title: "odd", Before: "1", After: "2"},
		{Kind: "metric", Pointer: "/spec/performance/metrics/rps", Title: "rps", Before: "4", After: "3", Better: &no},
		{Kind: "metric", Pointer: "/spec/evaluations/4/value", Title: "gone", Before: "1"},
		{Kind: "data", Pointer: "/spec/data/0", Title: "training data acme/new", After: "sha256:" + ones},
		{Kind: "data", Pointer: "/spec/data/1/personalData", Title: "training data acme/tickets: personalData", Before: "none", After: "special"},
		{Kind: "data", Pointer: "/spec/data/1/revision", Title: "training data acme/tickets: revision", Before: "1", After: "2"},
		{Kind: "data", Pointer: "/spec/data/1", Title: "evaluation data acme/gone", Before: "9"},
		{Kind: "license", Pointer: "/spec/model/license/spdx", Title: "licence", Before: "MIT", After: "Apache-2.0"},
		{Kind: "base-model", Pointer: "/spec/model/baseModels/0/revision", Title: "base model a/base: revision", Before: "r1", After: "r2"},
		{Kind: "base-model", Pointer: "/spec/model/baseModels/1", Title: "base model c/base", After: "r9"},
		{Kind: "base-model", Pointer: "/spec/model/baseModels/1", Title: "base model b/base", Before: "listed"},
		{Kind: "artifact", Pointer: "/spec/artifacts/0/digest", Title: "artifact model.safetensors: digest", Before: "sha256:" + zeros, After: "sha256:" + ones},
		{Kind: "artifact", Pointer: "/spec/artifacts/0", Title: "artifact model.bin", Before: "sha256:" + zeros},
		{Kind: "risk", Pointer: "/spec/risk/tier", Title: "risk tier", Before: "medium", After: "high"},
		{Kind: "risk", Pointer: "/spec/risk/factors/data", Title: "risk factors.data", Before: "2", After: "3"},
		{Kind: "risk", Pointer: "/spec/risk/factors/domain", Title: "risk factors.domain", After: "2"},
		{Kind: "risk", Pointer: "/spec/risk/rationale", Title: "risk rationale", Before: "old", After: "new"},
		{Kind: "field", Pointer: "/metadata/owner/team", Title: "metadata.owner.team", Before: "support-ml", After: "other"},
		{Kind: "field", Pointer: "/spec/limitations", Title: "limitations", Before: `["short, text"]`, After: `["short","text"]`},
		{Kind: "field", Pointer: "/spec/model/languages", Title: "model.languages", Before: "en", After: "en, fr"},
		{Kind: "field", Pointer: "/spec/source/revision", Title: "source.revision", Before: "aaa", After: "bbb"},
	}
	if diff := cmp.Diff(want, Diff(prev, next)); diff != "" {
		t.Error(diff)
	}
}

func TestDiffOfNothing(t *testing.T) {
	t.Parallel()
	r := mustParse(t, "x", before)
	if got := Diff(nil, r); got != nil {
		t.Errorf("a first release has changes: %v", got)
	}
	for range 3 { // however the maps are walked
		if got := Diff(r, r); got != nil {
			t.Errorf("differs from itself: %v", got)
		}
	}
}

func TestPreviousVersion(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ candidates, current, want string }{
		{"", "1.0.0", ""},
		{"1.0.0", "1.0.0", ""},
		{"2.0.0", "1.0.0", ""},
		{"1.0.0 1.9.0 1.10.0 2.0.0", "1.11.0", "1.10.0"},
		{"1.0.0 1.1.0-rc.2 1.1.0-rc.10", "1.1.0", "1.1.0-rc.10"},
		{"1.0.0 1.1.0", "1.1.0-rc.1", "1.0.0"},
		{"1.0.0 nightly 999", "1.0.1", "1.0.0"},
		{"nightly", "1.0.1", ""},
		{"9 17 18", "18", "17"},
		{"2026-9-30 2026-10-01", "2026-10-02", "2026-10-01"},
		{"2026-09-30 2026-10-01", "2026-10-01", "2026-09-30"},
		{"r9 r10 r11", "r11", "r10"},
		{"1.0.0.9 1.0.0.10", "1.0.0.11", "1.0.0.10"},
		{"1.0.0+a 1.0.0+b", "1.0.0+c", "1.0.0+b"},
		{"99999999999999999999999.0.0", "100000000000000000000000.0.0", "99999999999999999999999.0.0"},
	} {
		candidates := strings.Fields(tc.candidates)
		for range 3 {
			rand.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
			if got := PreviousVersion(candidates, tc.current); got != tc.want {
				t.Errorf("PreviousVersion(%s, %s) = %q, want %q", tc.candidates, tc.current, got, tc.want)
			}
		}
	}
}

func TestNaturalOrder(t *testing.T) {
	t.Parallel()
	want := []string{"01", "1", "1.0", "1.0.0-a", "1.2", "1.10", "2", "10", "a", "a1", "a02", "a2", "a10", "b"}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, compareNatural)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPreviousPath(t *testing.T) {
	t.Parallel()
	const path = "releases/triage/2.3.0.yaml"
	manifest := func(change string) string {
		return strings.Replace(strings.Replace(minimal, "1.0.0", "2.3.0", 1), "{source: {}}", "{source: {}, change: {"+change+"}}", 1)
	}
	entries := []string{"2.1.0.yaml", "2.2.0.yaml", "2.2.1.yml", "2.3.0.yaml", "3.0.0.yaml", "evidence", "README.md", ".yaml"}
	for _, tc := range []struct {
		name, change, want string
		entries            []string
	}{
		{"the highest lower version", "", "releases/triage/2.2.1.yml", entries},
		{"the one that is named", `previous: "2.1.0"`, "releases/triage/2.1.0.yaml", entries},
		{"named but not there", `previous: "2.0.0"`, "releases/triage/2.2.1.yml", entries},
		{"named itself", `previous: "2.3.0"`, "releases/triage/2.2.1.yml", entries},
		{"whole paths", "", "releases/triage/2.2.0.yaml", []string{"releases/triage/2.2.0.yaml"}},
		{"none", "", "", nil},
		{"only itself", "", "", []string{"2.3.0.yaml"}},
	} {
		r := mustParse(t, path, manifest(tc.change))
		if got := r.PreviousPath(tc.entries); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestTiers(t *testing.T) {
	t.Parallel()
	order := []Tier{"", TierLow, TierMedium, TierHigh, TierCritical}
	for i, a := range order {
		for j, b := range order {
			if got := MaxTier(a, b); got != order[max(i, j)] {
				t.Errorf("MaxTier(%q, %q) = %q", a, b, got)
			}
		}
	}
}
