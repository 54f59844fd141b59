package policy

import (
	"maps"
	"math"
	"slices"

	"github.com/lumos-governance/lumos/releases"
)

// weights of the severities. All sums are integers, so a score can be checked by hand.
var weights = map[Severity]int{Critical: 10, High: 5, Medium: 2, Low: 1}

// tally sums the weights of controls.
type tally struct {
	controls   int // applicable ones
	applicable int
	passed     int
	known      int // there is evidence, for or against
	open       int
}

func (t *tally) add(r Result) {
	if r.Outcome == NotApplicable {
		return
	}
	w := weights[r.Severity]
	t.controls++
	t.applicable += w
	if r.Outcome == Pass {
		t.passed += w
	}
	if r.Outcome == Pass || r.Outcome == Fail || r.Outcome == Waived && r.Unwaived == Fail {
		t.known += w
	}
	if r.Open() {
		t.open++
	}
}

// score is what passed, over what applies. Missing, failed, waived and errored controls earn
// nothing: a waiver changes the conclusion, never the score. Nil when nothing applies.
func (t *tally) score() *Tenths { return share(t.passed, t.applicable) }

// coverage is what has evidence either way, over what applies: it tells "we failed" from "we do not
// know". Nil when nothing applies.
func (t *tally) coverage() *Tenths { return share(t.known, t.applicable) }

// share is floor(1000·part/whole) tenths of a percent.
func share(part, whole int) *Tenths {
	if whole == 0 {
		return nil
	}
	s := Tenths(1000 * part / whole)
	return &s
}

func sum(results []Result) *tally {
	var t tally
	for _, r := range results {
		t.add(r)
	}
	return &t
}

// project scores the controls once for each framework that they cite: one check, many frameworks.
func project(results []Result, frameworks map[string]*Framework) []FrameworkScore {
	by, unverified := map[string]*tally{}, map[string][]string{}
	for _, r := range results {
		for name, ids := range r.References {
			if by[name] == nil {
				by[name] = &tally{}
			}
			by[name].add(r)
			for _, id := range ids {
				if p, ok := frameworks[name].provision(id); !ok || p.Unverified {
					unverified[name] = append(unverified[name], id)
				}
			}
		}
	}
	out := make([]FrameworkScore, 0, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		t := by[name]
		slices.Sort(unverified[name])
		score := FrameworkScore{Framework: name, Unverified: slices.Compact(unverified[name]), Score: t.score(), Coverage: t.coverage(), Controls: t.controls, Open: t.open}
		if f := frameworks[name]; f != nil {
			score.Title, score.Edition = f.Title, f.Edition
		}
		out = append(out, score)
	}
	return out
}

// Below these, a release without any gap still needs a person.
const (
	autoScore    Tenths = 900
	autoCoverage Tenths = 950
)

// conclude draws the conclusion from the outcomes. The score alone never unblocks, and blocks only
// where the organisation set a minimum. barred is a use that nothing can release.
func conclude(results []Result, score, coverage *Tenths, tier releases.Tier, minScore *float64, barred bool) Conclusion {
	waived, open := false, false
	for _, r := range results {
		switch {
		case r.Outcome == Error:
			return Errored
		case r.Outcome == Waived:
			waived = true
		case r.Open():
			open = true
		}
	}
	switch {
	case open, barred, minScore != nil && (score == nil || *score < tenths(*minScore)):
		return Blocked
	case waived, tier != releases.TierLow, score == nil, *score < autoScore, *coverage < autoCoverage:
		return NeedsApproval
	}
	return AutoApprovable
}

// tenths rounds a configured percentage up to the next tenth; the small term takes away what binary
// fractions add (87.4·10).
func tenths(percent float64) Tenths { return Tenths(math.Ceil(percent*10 - 1e-6)) }
