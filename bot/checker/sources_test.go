package checker

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
)

// A saved snapshot holds what the sources said: it replays without them to the same bytes.
func TestASavedSnapshotNeedsNoSources(t *testing.T) {
	t.Parallel()
	min := 80.0
	for _, tc := range []struct {
		name    string
		fact    forge.SourceFact
		outcome policy.Outcome
	}{
		{"approved", forge.SourceFact{Values: []string{"squad_v2"}, Digest: "sha256:1", Since: today.Add(-time.Hour)}, policy.Pass},
		{"nothing approved", forge.SourceFact{Values: []string{}, Digest: "sha256:2", Since: today}, policy.Fail},
		{"no limits, where a list is wanted", forge.SourceFact{Limits: []config.Limit{}, Digest: "sha256:3", Since: today}, policy.Fail},
		{"limits, where a list is wanted", forge.SourceFact{Limits: []config.Limit{{Group: "evaluations", Metric: "f1", Limits: config.Limits{Min: &min}}}, Digest: "sha256:4"}, policy.Error},
		{"unread", forge.SourceFact{Err: "the connection was cut"}, policy.Error},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := snapshot(t, strings.Replace(good, "[squad_v2]", "{source: catalog}", 1))
			s.Sources = map[string]forge.SourceFact{"catalog": tc.fact}
			saved, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var again forge.Snapshot
			if err := json.Unmarshal(saved, &again); err != nil {
				t.Fatal(err)
			}
			c := New(policy.NewLibrary(policies.FS))
			live, replayed := check(t, c, s), check(t, c, &again)
			if diff := cmp.Diff(live.Reports, replayed.Reports); diff != "" {
				t.Error(diff)
			}
			for _, r := range live.Reports[0].Controls {
				if r.ID == "DAT-02" && r.Outcome != tc.outcome {
					t.Errorf("DAT-02 is %s, want %s: %s", r.Outcome, tc.outcome, r.Reason)
				}
			}
			if uses := live.Reports[0].Sources; len(uses) != 1 || uses[0].Name != "catalog" || uses[0].Digest != tc.fact.Digest || uses[0].Error != tc.fact.Err {
				t.Errorf("%+v", uses)
			}
		})
	}
}
