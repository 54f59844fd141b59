package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/releases"
)

// unknownFactor is what a factor counts that nobody rated: not the best case.
const unknownFactor = 2

// factor is one of the risk factors, each rated from 0 to 3.
type factor struct {
	name   string
	levels [4]string
	grave  bool // a 3 alone makes the release high
}

var factors = []factor{
	{"data", [4]string{"none", "internal", "personal", "special or health data"}, true},
	{"impact", [4]string{"none", "advisory", "material", "legal or safety effect"}, true},
	{"exposure", [4]string{"development", "internal", "partners", "public"}, false},
	{"autonomy", [4]string{"a human decides", "a human confirms", "a human monitors", "no human"}, false},
	{"domain", [4]string{"general", "internal operations", "regulated", "Annex III, credit or health"}, true},
	{"provenance", [4]string{"own", "approved base", "approved third party", "unapproved or unknown"}, true},
	{"capability", [4]string{"classic", "small generative", "general language model", "agent or systemic"}, true},
	{"change", [4]string{"patch", "data refresh", "finetune", "new base"}, false},
}

// deriveTier applies the high-water mark to the rated factors, and says which of them set the tier.
// A factor that is absent counts as unknown.
func deriveTier(rated map[string]int) (releases.Tier, string) {
	value := make(map[string]int, len(factors))
	var sum int
	var unknown, grave, three, two []string
	for _, f := range factors {
		v, ok := rated[f.name]
		what := ""
		if !ok || v < 0 {
			v, what = unknownFactor, f.name+" unknown, counted as 2"
			unknown = append(unknown, f.name)
		} else {
			v = min(v, 3)
			what = fmt.Sprintf("%s %d (%s)", f.name, v, f.levels[v])
		}
		value[f.name] = v
		sum += v
		switch {
		case v == 3 && f.grave:
			grave = append(grave, what)
		case v == 3:
			three = append(three, what)
		case v == 2:
			two = append(two, what)
		}
	}
	total := fmt.Sprintf("the factors add up to %d", sum)
	if len(unknown) > 0 {
		total += ", each unknown one (" + strings.Join(unknown, ", ") + ") counted as 2"
	}
	switch {
	case value["impact"] == 3 && value["domain"] == 3:
		return releases.TierCritical, "impact 3 (legal or safety effect) with domain 3 (Annex III, credit or health)"
	case value["impact"] == 3 && value["exposure"] >= 2:
		return releases.TierCritical, fmt.Sprintf("impact 3 (legal or safety effect) with exposure %d", value["exposure"])
	case len(grave) > 0:
		return releases.TierHigh, strings.Join(grave, ", ")
	case sum >= 12:
		return releases.TierHigh, total
	case len(three) > 0 || len(two) > 0:
		return releases.TierMedium, strings.Join(slices.Concat(three, two), ", ")
	case sum >= 6:
		return releases.TierMedium, total
	}
	return releases.TierLow, total + ", none above 1"
}

// prohibited is the EU AI Act class that no approval can release.
const prohibited = "prohibited"

// tierOf joins the declared tier, which is a floor, with the derived one.
func tierOf(declared releases.Tier, rated map[string]int, class string) Tier {
	derived, reason := deriveTier(rated)
	if class == prohibited {
		derived, reason = releases.TierCritical, "euAiAct.class is prohibited: such a system cannot be released"
	}
	t := Tier{Effective: releases.MaxTier(derived, declared), Declared: declared, Derived: derived, Reason: reason}
	if declared.Rank() > derived.Rank() {
		t.Reason = fmt.Sprintf("declared %s; the factors alone give %s: %s", declared, derived, reason)
	}
	return t
}
