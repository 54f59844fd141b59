package policy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lumos-governance/lumos/releases"
)

// rated makes factors of digits in the order of the table; "." is an unknown one.
func rated(digits string) map[string]int {
	out := map[string]int{}
	for i, d := range strings.ReplaceAll(digits, " ", "") {
		if d != '.' {
			out[factors[i].name] = int(d - '0')
		}
	}
	return out
}

func TestDeriveTier(t *testing.T) {
	t.Parallel()
	// data impact exposure autonomy, domain provenance capability change
	for _, tt := range []struct {
		name, factors string
		want          releases.Tier
		reason        string
	}{
		{"nothing", "0000 0000", releases.TierLow, "add up to 0"},
		{"five ones", "1111 1000", releases.TierLow, "add up to 5"},
		{"six ones", "1111 1100", releases.TierMedium, "add up to 6"},
		{"one two", "2000 0000", releases.TierMedium, "data 2 (personal)"},
		{"sum of eleven", "2221 1111", releases.TierMedium, "exposure 2"},
		{"sum of twelve", "2222 2200", releases.TierHigh, "add up to 12"},
		{"data 3", "3000 0000", releases.TierHigh, "data 3"},
		{"impact 3 inside", "0310 0000", releases.TierHigh, "impact 3"},
		{"impact 3 to partners", "0320 0000", releases.TierCritical, "exposure 2"},
		{"impact 3 to the public", "0330 0000", releases.TierCritical, "exposure 3"},
		{"impact 3 in credit", "0300 3000", releases.TierCritical, "domain 3"},
		{"domain 3", "0030 3000", releases.TierHigh, "domain 3"},
		{"provenance 3", "0000 0300", releases.TierHigh, "provenance 3"},
		{"capability 3", "0000 0030", releases.TierHigh, "capability 3"},
		{"exposure 3", "0030 0000", releases.TierMedium, "exposure 3 (public)"},
		{"autonomy 3", "0003 0000", releases.TierMedium, "autonomy 3"},
		{"change 3", "0000 0003", releases.TierMedium, "change 3"},
		{"nobody rated anything", "........", releases.TierHigh, "counted as 2"},
		{"one unknown", "0.00 0000", releases.TierMedium, "impact unknown, counted as 2"},
		{"unknown exposure of a grave impact", "03.0 0000", releases.TierCritical, "exposure 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, reason := deriveTier(rated(tt.factors))
			if got != tt.want || !strings.Contains(reason, tt.reason) {
				t.Errorf("%s because %q, want %s because of %q", got, reason, tt.want, tt.reason)
			}
		})
	}
}

func TestTierOf(t *testing.T) {
	t.Parallel()
	low, medium := rated("00000000"), rated("20000000")
	for name, tt := range map[string]struct {
		declared releases.Tier
		factors  map[string]int
		class    string
		want     releases.Tier
	}{
		"derived above declared": {releases.TierLow, medium, "minimal", releases.TierMedium},
		"declared above derived": {releases.TierHigh, low, "minimal", releases.TierHigh},
		"not declared":           {"", medium, "", releases.TierMedium},
		"prohibited":             {releases.TierLow, low, "prohibited", releases.TierCritical},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tierOf(tt.declared, tt.factors, tt.class); got.Effective != tt.want || got.Reason == "" {
				t.Errorf("%+v, want %s", got, tt.want)
			}
		})
	}
}

func TestTierProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[0-3.]{8}`).Draw(t, "factors")
		before, _ := deriveTier(rated(digits))
		i := rapid.IntRange(0, 7).Draw(t, "raised")
		if digits[i] >= '0' && digits[i] < '3' { // raising a factor never lowers the tier
			raised, _ := deriveTier(rated(digits[:i] + string(digits[i]+1) + digits[i+1:]))
			if raised.Rank() < before.Rank() {
				t.Fatalf("raising %s of %s made of %s %s", factors[i].name, digits, before, raised)
			}
		}
		if digits[i] == '0' || digits[i] == '1' || digits[i] == '2' { // hiding a factor never makes the case better than a 2
			hidden, _ := deriveTier(rated(digits[:i] + "." + digits[i+1:]))
			if hidden.Rank() < before.Rank() {
				t.Fatalf("hiding %s of %s made of %s %s", factors[i].name, digits, before, hidden)
			}
		}
		declared := rapid.SampledFrom([]releases.Tier{"", releases.TierLow, releases.TierMedium, releases.TierHigh, releases.TierCritical}).Draw(t, "declared")
		if got := tierOf(declared, rated(digits), ""); got.Effective.Rank() < declared.Rank() || got.Effective.Rank() < before.Rank() {
			t.Fatalf("%+v is below one of %s and %s", got, declared, before)
		}
	})
}
