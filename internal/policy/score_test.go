package policy

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lumos-governance/lumos/releases"
)

func TestScoreAndCoverage(t *testing.T) {
	t.Parallel()
	of := func(s Severity, o Outcome) Result { return Result{Severity: s, Outcome: o} }
	waived := func(s Severity, was Outcome) Result { return Result{Severity: s, Outcome: Waived, Unwaived: was} }
	for name, tt := range map[string]struct {
		results         []Result
		score, coverage string
	}{
		"nothing":                         {nil, "null", "null"},
		"nothing applies":                 {[]Result{of(Critical, NotApplicable)}, "null", "null"},
		"all pass":                        {[]Result{of(Critical, Pass), of(Low, Pass)}, "100.0", "100.0"},
		"weights":                         {[]Result{of(Critical, Pass), of(High, Fail), of(Medium, Pass), of(Low, Missing)}, "66.6", "94.4"},
		"not applicable does not count":   {[]Result{of(Low, Pass), of(Critical, NotApplicable)}, "100.0", "100.0"},
		"missing earns and knows none":    {[]Result{of(Low, Pass), of(Low, Missing)}, "50.0", "50.0"},
		"failing is known":                {[]Result{of(Low, Pass), of(Low, Fail)}, "50.0", "100.0"},
		"waived after fail is known":      {[]Result{of(Low, Pass), waived(Low, Fail)}, "50.0", "100.0"},
		"waived after missing is not":     {[]Result{of(Low, Pass), waived(Low, Missing)}, "50.0", "50.0"},
		"an error earns and knows none":   {[]Result{of(Low, Pass), of(Low, Error)}, "50.0", "50.0"},
		"thirds are rounded down":         {[]Result{of(Low, Pass), of(Low, Pass), of(Low, Fail)}, "66.6", "100.0"},
		"one low gap in many is no 100 %": {append(passes(200), of(Low, Fail)), "99.9", "100.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sum(tt.results)
			if s, c := show(got.score()), show(got.coverage()); s != tt.score || c != tt.coverage {
				t.Errorf("score %s, coverage %s, want %s and %s", s, c, tt.score, tt.coverage)
			}
		})
	}
}

func passes(n int) []Result {
	out := make([]Result, n)
	for i := range out {
		out[i] = Result{Severity: Critical, Outcome: Pass}
	}
	return out
}

func show(t *Tenths) string {
	if t == nil {
		return "null"
	}
	return t.String()
}

func TestConclude(t *testing.T) {
	t.Parallel()
	full, most, some := Tenths(1000), Tenths(900), Tenths(899)
	covered, uncovered := Tenths(950), Tenths(949)
	pass := Result{Severity: Critical, Mandatory: true, Outcome: Pass}
	for name, tt := range map[string]struct {
		results         []Result
		score, coverage *Tenths
		tier            releases.Tier
		minScore        float64
		barred          bool
		want            Conclusion
	}{
		"all well":              {[]Result{pass}, &full, &full, releases.TierLow, 0, false, AutoApprovable},
		"just enough":           {[]Result{pass}, &most, &covered, releases.TierLow, 0, false, AutoApprovable},
		"score too low":         {[]Result{pass}, &some, &full, releases.TierLow, 0, false, NeedsApproval},
		"coverage too low":      {[]Result{pass}, &full, &uncovered, releases.TierLow, 0, false, NeedsApproval},
		"medium":                {[]Result{pass}, &full, &full, releases.TierMedium, 0, false, NeedsApproval},
		"no tier":               {[]Result{pass}, &full, &full, "", 0, false, NeedsApproval},
		"nothing applies":       {nil, nil, nil, releases.TierLow, 0, false, NeedsApproval},
		"a waiver":              {[]Result{{Severity: Low, Outcome: Waived}}, &full, &full, releases.TierLow, 0, false, NeedsApproval},
		"mandatory fails":       {[]Result{{Severity: Low, Mandatory: true, Outcome: Fail}}, &full, &full, releases.TierLow, 0, false, Blocked},
		"mandatory missing":     {[]Result{{Severity: Low, Mandatory: true, Outcome: Missing}}, &full, &full, releases.TierLow, 0, false, Blocked},
		"weighted fails":        {[]Result{{Severity: High, Outcome: Fail}}, &full, &full, releases.TierLow, 0, false, AutoApprovable},
		"weighted critical":     {[]Result{{Severity: Critical, Outcome: Fail}}, &full, &full, releases.TierLow, 0, false, Blocked},
		"an error beats a gap":  {[]Result{{Severity: Critical, Outcome: Fail}, {Severity: Low, Outcome: Error}}, &full, &full, releases.TierLow, 0, false, Errored},
		"at the minimum":        {[]Result{pass}, &most, &covered, releases.TierLow, 90, false, AutoApprovable},
		"under the minimum":     {[]Result{pass}, &most, &covered, releases.TierLow, 90.05, false, Blocked},
		"minimum without score": {nil, nil, nil, releases.TierLow, 1, false, Blocked},
		"barred":                {[]Result{pass}, &full, &full, releases.TierLow, 0, true, Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var minScore *float64
			if tt.minScore != 0 {
				minScore = &tt.minScore
			}
			if got := conclude(tt.results, tt.score, tt.coverage, tt.tier, minScore, tt.barred); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestTenthsOfAPercentAreExact(t *testing.T) {
	t.Parallel()
	for i := range 1001 {
		if got := tenths(float64(i) / 10); got != Tenths(i) {
			t.Errorf("%v %% is %d tenths, want %d", float64(i)/10, got, i)
		}
	}
}

var (
	severities = rapid.SampledFrom([]Severity{Critical, High, Medium, Low})
	outcomeGen = rapid.SampledFrom([]Outcome{Pass, Fail, Missing, NotApplicable, Error})
	resultGen  = rapid.Custom(func(t *rapid.T) Result {
		return Result{
			Severity: severities.Draw(t, "severity"), Outcome: outcomeGen.Draw(t, "outcome"), Mandatory: rapid.Bool().Draw(t, "mandatory"),
			References: map[string][]string{rapid.SampledFrom([]string{"gdpr", "eu-ai-act"}).Draw(t, "framework"): {"1"}},
		}
	})
)

// rank orders conclusions, worst first.
var rank = map[Conclusion]int{Errored: 0, Blocked: 1, NeedsApproval: 2, AutoApprovable: 3}

func judge(rs []Result) (score, coverage *Tenths, c Conclusion) {
	t := sum(rs)
	return t.score(), t.coverage(), conclude(rs, t.score(), t.coverage(), releases.TierLow, nil, false)
}

func TestScoreProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rs := rapid.SliceOfN(resultGen, 1, 30).Draw(t, "results")
		score, coverage, conclusion := judge(rs)
		if (score == nil) != (coverage == nil) || score != nil && (*score < 0 || *score > *coverage || *coverage > 1000) {
			t.Fatalf("score %s, coverage %s", show(score), show(coverage))
		}
		if score != nil && *score == 1000 {
			for _, r := range rs {
				if r.Outcome != Pass && r.Outcome != NotApplicable {
					t.Fatalf("score 100 with %s", r.Outcome)
				}
			}
		}

		// A waiver changes neither score nor coverage, and never turns the conclusion into a free pass.
		waivedOnes := append([]Result(nil), rs...)
		any := false
		for i, r := range waivedOnes {
			if (r.Outcome == Fail || r.Outcome == Missing) && rapid.Bool().Draw(t, fmt.Sprint("waive ", i)) {
				waivedOnes[i].Unwaived, waivedOnes[i].Outcome, any = r.Outcome, Waived, true
			}
		}
		s, c, after := judge(waivedOnes)
		if show(s) != show(score) || show(c) != show(coverage) {
			t.Fatalf("waiving made of %s/%s %s/%s", show(score), show(coverage), show(s), show(c))
		}
		if any && after == AutoApprovable || after == Errored && conclusion != Errored {
			t.Fatalf("waiving made of %s %s", conclusion, after)
		}

		// One more pass never lowers the score or worsens the conclusion.
		s, _, after = judge(append(append([]Result(nil), rs...), Result{Severity: severities.Draw(t, "more"), Outcome: Pass}))
		if score != nil && *s < *score || score != nil && rank[after] < rank[conclusion] {
			t.Fatalf("a pass made of %s (%s) %s (%s)", show(score), conclusion, show(s), after)
		}

		// Repairing any one control never lowers the score or worsens the conclusion.
		i := rapid.IntRange(0, len(rs)-1).Draw(t, "repaired")
		if rs[i].Outcome != NotApplicable {
			repaired := append([]Result(nil), rs...)
			repaired[i].Outcome = Pass
			if s, _, after := judge(repaired); *s < *score || rank[after] < rank[conclusion] {
				t.Fatalf("a repair made of %s (%s) %s (%s)", show(score), conclusion, show(s), after)
			}
		}

		// Each framework is scored as if there were nothing else.
		for _, f := range project(rs, nil) {
			var cited []Result
			for _, r := range rs {
				if r.References[f.Framework] != nil {
					cited = append(cited, r)
				}
			}
			s, c, _ := judge(cited)
			if show(f.Score) != show(s) || show(f.Coverage) != show(c) {
				t.Fatalf("%s is %s/%s, want %s/%s", f.Framework, show(f.Score), show(f.Coverage), show(s), show(c))
			}
		}
	})
}
