package export

import (
	"slices"
	"testing"

	"github.com/lumos-governance/lumos/internal/evidence"
	"github.com/lumos-governance/lumos/internal/policy"
)

// Our own BOM is evidence for ID-08: the reader of evidence finds in it what that control asks for.
func TestCycloneDXIsEvidence(t *testing.T) {
	t.Parallel()
	b, err := CycloneDX([]policy.Report{full()}, manifests(), "1.2.3", now)
	if err != nil {
		t.Fatal(err)
	}
	facts := evidence.Read("evidence/mlbom.json", b, nil)
	if facts == nil || facts.Format != evidence.CycloneDX || facts.Error != "" || facts.BOM == nil {
		t.Fatalf("it is read as %+v", facts)
	}
	released := release().Manifest.Spec.Artifacts[0].Digest
	if facts.BOM.SpecVersion != "1.6" || !facts.BOM.HasModelCard || facts.Model != "support-triage" ||
		!slices.ContainsFunc(facts.BOM.Components, func(c evidence.Component) bool { return slices.Contains(c.Digests, released) }) {
		t.Errorf("no component has the digest %s, or no model card: %+v", released, facts.BOM)
	}
}
