package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/lumos-governance/lumos/internal/policy"
)

// The part of SARIF 2.1.0 (OASIS, 2020) that a report needs. GitHub's code scanning reads level,
// locations, partialFingerprints and suppressions, and asks for at least one location a result.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID         string          `json:"id"`
		Short      sarifMessage    `json:"shortDescription"`
		Help       *sarifMessage   `json:"help,omitempty"`
		Config     sarifConfig     `json:"defaultConfiguration"`
		Properties sarifProperties `json:"properties"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifProperties struct {
		Tags     []string `json:"tags"`
		Severity string   `json:"severity,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifMessage       `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

// unreadable is the rule that a manifest which does not parse breaks.
const unreadable = "LUMOS-MANIFEST"

// SARIF is the reports as a SARIF 2.1.0 log. Version is that of Lumos, and may be empty.
func SARIF(reports []policy.Report, version string) ([]byte, error) {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "Lumos", Version: version,
			InformationURI: "https://github.com/lumos-governance/lumos", Rules: []sarifRule{}}},
		Results: []sarifResult{}, ColumnKind: "unicodeCodePoints",
	}
	rules := map[string]int{}
	rule := func(r sarifRule) int {
		i, known := rules[r.ID]
		if !known {
			i = len(run.Tool.Driver.Rules)
			rules[r.ID] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, r)
		}
		return i
	}
	for _, r := range reports {
		for _, e := range r.Invalid {
			i := rule(sarifRule{ID: unreadable, Short: sarifMessage{"The manifest can be read"},
				Config: sarifConfig{"error"}, Properties: sarifProperties{Tags: []string{"manifest"}}})
			run.Results = append(run.Results, newSarifResult(unreadable, i, "error", pathOf(e, r.Path),
				policy.Finding{Message: e.Message, Pointer: e.Pointer, Line: e.Line, Column: e.Column}, invalidMessage(e)))
		}
		for _, c := range r.Controls {
			i := rule(sarifRuleOf(c))
			g := gradeOf(c)
			if g == settled {
				continue
			}
			for _, f := range findingsOf(c) {
				res := newSarifResult(clean(c.ID, maxName), i, sarifLevel(g), r.Path, f, message(c, f))
				if w := c.Waiver; w != nil {
					res.Suppressions = []sarifSuppression{{"external", clean("until "+w.ExpiresAt+": "+w.Reason, maxMessage)}}
				}
				run.Results = append(run.Results, res)
			}
		}
	}
	invocation := sarifInvocation{Successful: true}
	for _, p := range (View{Reports: reports}).problems() {
		invocation.Successful = false
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"error", sarifMessage{clean(p, maxMessage)}})
	}
	run.Invocations = []sarifInvocation{invocation}

	b, err := jsonDocument(sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the SARIF log: %w", err)
	}
	return b, nil
}

// jsonDocument is v as a file for a machine that a person may open.
func jsonDocument(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// fingerprint tells findings apart: one is the same while its control, place and words are, because
// lines move with every edit.
func fingerprint(id, path string, f policy.Finding) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{id, path, f.Pointer, f.Message}, "\x00")))
	return hex.EncodeToString(sum[:])
}

func sarifRuleOf(c policy.Result) sarifRule {
	r := sarifRule{
		ID: clean(c.ID, maxName), Short: sarifMessage{clean(c.Title, maxTitle)}, Config: sarifConfig{"warning"},
		Properties: sarifProperties{Tags: []string{clean(c.Pack, maxName)}, Severity: string(c.Severity)},
	}
	if c.Mandatory || c.Severity == policy.Critical {
		r.Config.Level = "error"
	}
	if c.Remediation != "" {
		r.Help = &sarifMessage{clean(c.Remediation, maxMessage)}
	}
	return r
}

func sarifLevel(g grade) string {
	switch g {
	case waived:
		return "note"
	case weighted:
		return "warning"
	}
	return "error"
}

func newSarifResult(id string, index int, level, path string, f policy.Finding, message string) sarifResult {
	return sarifResult{
		RuleID: id, RuleIndex: index, Level: level, Message: sarifMessage{message},
		Locations: []sarifLocation{{sarifPhysical{
			Artifact: sarifArtifact{(&url.URL{Path: path}).EscapedPath()},
			Region:   sarifRegion{StartLine: max(1, f.Line), StartColumn: f.Column},
		}}},
		Fingerprints: map[string]string{"lumos/v1": fingerprint(id, path, f)},
	}
}
