package templates

import (
	"fmt"
	"strconv"

	"github.com/lumos-governance/lumos/internal/policy"
)

// One entry of a Code Quality report, which is a list of them: the part of the Code Climate format
// that GitLab reads (docs.gitlab.com/ci/testing/code_quality, read 2026). GitLab stops at the first
// entry that lacks a member, and shows entries of one fingerprint as one.
type (
	codeQualityIssue struct {
		Description string              `json:"description"`
		CheckName   string              `json:"check_name"`
		Fingerprint string              `json:"fingerprint"`
		Severity    string              `json:"severity"`
		Location    codeQualityLocation `json:"location"`
	}
	codeQualityLocation struct {
		Path  string           `json:"path"`
		Lines codeQualityLines `json:"lines"`
	}
	codeQualityLines struct {
		Begin int `json:"begin"`
	}
)

// codeQualitySeverities are GitLab's words for what stands in the way, worst last.
var codeQualitySeverities = [...]string{
	waived: "info", weighted: "minor", mandatory: "major", critical: "critical", errored: "blocker",
}

// untrusted is the check that a policy which cannot be loaded or trusted fails.
const untrusted = "LUMOS-POLICY"

// CodeQuality is what is open in the reports as a Code Quality report for GitLab. Every entry has a
// line of its manifest; what has no place there, such as a broken policy, has the first.
func CodeQuality(reports []policy.Report) ([]byte, error) {
	issues := []codeQualityIssue{}
	seen := map[string]int{}
	add := func(id, path string, g grade, f policy.Finding, message string) {
		sum := fingerprint(id, path, f)
		n := seen[sum]
		seen[sum]++
		if n > 0 { // the same words at two places without a pointer are two gaps
			sum = fingerprint(sum, strconv.Itoa(n), policy.Finding{})
		}
		issues = append(issues, codeQualityIssue{
			Description: clean(id+": "+message, maxMessage), CheckName: id, Fingerprint: sum,
			Severity: codeQualitySeverities[g],
			Location: codeQualityLocation{Path: path, Lines: codeQualityLines{Begin: max(1, f.Line)}},
		})
	}
	for _, r := range reports {
		for _, p := range r.Problems {
			add(untrusted, r.Path, errored, policy.Finding{Message: p}, p)
		}
		for _, e := range r.Invalid {
			f := policy.Finding{Message: e.Message, Pointer: e.Pointer, Line: e.Line}
			add(unreadable, pathOf(e, r.Path), errored, f, invalidMessage(e))
		}
		for _, c := range r.Controls {
			g := gradeOf(c)
			if g == settled {
				continue
			}
			for _, f := range findingsOf(c) {
				add(clean(c.ID, maxName), r.Path, g, f, message(c, f))
			}
		}
	}
	b, err := jsonDocument(issues)
	if err != nil {
		return nil, fmt.Errorf("writing the Code Quality report: %w", err)
	}
	return b, nil
}
