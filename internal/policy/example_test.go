package policy_test

import (
	"testing"

	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// The worked example of docs/verdict.md is true.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	gaps := manifest(t, "Rank support tickets by urgency", "TODO", "businessUnit: retail-bank", "")
	waived := manifest(t, "Rank support tickets by urgency", "TODO")
	waiver := waiverFile("a.yaml", "2026-08-25T00:00:00Z", "2026-09-20T00:00:00Z", "DOC-02")
	for name, tt := range map[string]struct {
		manifest        []byte
		files           []policy.File
		score, coverage string
		conclusion      policy.Conclusion
	}{
		"with two gaps": {gaps, nil, "95.3", "98.6", policy.Blocked},
		"closed":        {manifest(t), nil, "100.0", "100.0", policy.NeedsApproval},
		"one waived":    {waived, []policy.File{waiver}, "96.7", "100.0", policy.NeedsApproval},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := load(t, acme(), tt.files...).Evaluate(t.Context(), subject(tt.manifest))
			if r.Score.String() != tt.score || r.Coverage.String() != tt.coverage || r.Conclusion != tt.conclusion ||
				r.Tier.Effective != releases.TierMedium || r.Tier.Reason != "data 2 (personal), change 2 (finetune)" {
				t.Errorf("score %s, coverage %s, %s, %s: %s", r.Score, r.Coverage, r.Conclusion, r.Tier.Effective, r.Tier.Reason)
			}
		})
	}
}
