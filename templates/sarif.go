package templates

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

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
		Taxonomies  []sarifTaxonomy   `json:"taxonomies,omitempty"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	// A taxonomy is a framework that controls cite, in its edition.
	sarifTaxonomy struct {
		Name          string       `json:"name"`
		Version       string       `json:"version,omitempty"`
		Short         sarifMessage `json:"shortDescription"`
		Taxa          []sarifTaxon `json:"taxa"`
		Comprehensive bool         `json:"isComprehensive"`
	}
	sarifTaxon struct {
		ID string `json:"id"`
	}
	sarifRelationship struct {
		Target sarifTarget `json:"target"`
		Kinds  []string    `json:"kinds"`
	}
	sarifTarget struct {
		ID        string         `json:"id"`
		Index     int            `json:"index"`
		Component sarifComponent `json:"toolComponent"`
	}
	sarifComponent struct {
		Name  string `json:"name"`
		Index int    `json:"index"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`

		Taxonomies []sarifComponent `json:"supportedTaxonomies,omitempty"`
	}
	sarifRule struct {
		ID         string          `json:"id"`
		Short      sarifMessage    `json:"shortDescription"`
		Help       *sarifMessage   `json:"help,omitempty"`
		Config     sarifConfig     `json:"defaultConfiguration"`
		Properties sarifProperties `json:"properties"`

		Relationships []sarifRelationship `json:"relationships,omitempty"`
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
		Fixes        []sarifFix         `json:"fixes,omitempty"`
	}
	sarifFix struct {
		Description sarifMessage  `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion  `json:"deletedRegion"`
		Inserted sarifMessage `json:"insertedContent"`
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
		EndColumn   int `json:"endColumn,omitempty"` // the column after the last
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
)

// unreadable is the rule that a manifest which does not parse breaks.
const unreadable = "LUMOS-MANIFEST"

// SARIF is the reports as a SARIF 2.1.0 log. Sources are the manifests as written, by path: with them a
// finding whose right value is known has it as a fix. Version is that of Lumos. Both may be empty.
func SARIF(reports []policy.Report, sources map[string][]byte, version string) ([]byte, error) {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "Lumos", Version: version,
			InformationURI: "https://github.com/lumos-governance/lumos", Rules: []sarifRule{}}},
		Results: []sarifResult{}, ColumnKind: "unicodeCodePoints",
	}
	taxonomies := newTaxonomies(reports)
	run.Taxonomies = taxonomies.all
	for i := range taxonomies.all {
		run.Tool.Driver.Taxonomies = append(run.Tool.Driver.Taxonomies, sarifComponent{taxonomies.all[i].Name, i})
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
			described := sarifRuleOf(c)
			described.Relationships = taxonomies.cited(c.References)
			i := rule(described)
			g := gradeOf(c)
			if g == settled {
				continue
			}
			for _, f := range findingsOf(c) {
				res := newSarifResult(clean(c.ID, maxName), i, sarifLevel(g), r.Path, f, message(c, f))
				if w := c.Waiver; w != nil {
					res.Suppressions = []sarifSuppression{{"external", clean("until "+w.ExpiresAt+": "+w.Reason, maxMessage)}}
				}
				if f.Fix != nil {
					res.Fixes = newFixes(r.Path, sources[r.Path], *f.Fix)
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

// taxonomies are the frameworks that the controls of some reports cite, by name.
type taxonomies struct {
	all    []sarifTaxonomy
	places map[string]int // of a framework
	ids    map[string]map[string]int
}

func newTaxonomies(reports []policy.Report) taxonomies {
	t := taxonomies{places: map[string]int{}, ids: map[string]map[string]int{}}
	cited, scores := map[string]map[string]bool{}, map[string]policy.FrameworkScore{}
	for _, r := range reports {
		for _, f := range r.Frameworks {
			scores[f.Framework] = f
		}
		for _, c := range r.Controls {
			for framework, ids := range c.References {
				if cited[framework] == nil {
					cited[framework] = map[string]bool{}
				}
				for _, id := range ids {
					cited[framework][id] = true
				}
			}
		}
	}
	for i, framework := range slices.Sorted(maps.Keys(cited)) {
		f := scores[framework]
		taxonomy := sarifTaxonomy{Name: clean(framework, maxName), Version: clean(f.Edition, maxName), Taxa: []sarifTaxon{},
			Short: sarifMessage{clean("What controls cite of "+cmp.Or(f.Title, framework), maxTitle)}}
		t.places[framework], t.ids[framework] = i, map[string]int{}
		for j, id := range slices.Sorted(maps.Keys(cited[framework])) {
			t.ids[framework][id] = j
			taxonomy.Taxa = append(taxonomy.Taxa, sarifTaxon{clean(id, maxName)})
		}
		t.all = append(t.all, taxonomy)
	}
	return t
}

// cited relates a control to what it cites.
func (t taxonomies) cited(references map[string][]string) []sarifRelationship {
	var out []sarifRelationship
	for _, framework := range slices.Sorted(maps.Keys(references)) {
		i := t.places[framework]
		for _, id := range references[framework] {
			out = append(out, sarifRelationship{Kinds: []string{"relevant"}, Target: sarifTarget{
				ID: clean(id, maxName), Index: t.ids[framework][id], Component: sarifComponent{t.all[i].Name, i},
			}})
		}
	}
	return out
}

// newFixes replaces the line of a fix. There is none where the line cannot be corrected for certain.
func newFixes(path string, source []byte, fix policy.Fix) []sarifFix {
	before, after, ok := correct(source, fix)
	if !ok {
		return nil
	}
	return []sarifFix{{
		Description: sarifMessage{clean("It should be "+fix.Value, maxMessage)},
		Changes: []sarifChange{{Artifact: sarifArtifact{(&url.URL{Path: path}).EscapedPath()}, Replacements: []sarifReplacement{{
			Deleted:  sarifRegion{StartLine: fix.Line, StartColumn: 1, EndColumn: utf8.RuneCountInString(before) + 1},
			Inserted: sarifMessage{after},
		}}}},
	}}
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
