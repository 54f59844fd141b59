package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// codeQualityOf parses a report and holds it against what GitLab asks of each entry.
func codeQualityOf(t *testing.T, reports []policy.Report) []codeQualityIssue {
	t.Helper()
	b, err := CodeQuality(reports)
	if err != nil {
		t.Fatal(err)
	}
	var issues []codeQualityIssue
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&issues); err != nil || issues == nil {
		t.Fatalf("not a list of entries: %v\n%s", err, b)
	}
	seen := map[string]bool{}
	for _, i := range issues {
		if i.Description == "" || i.CheckName == "" || len(i.Fingerprint) != 64 || i.Location.Path == "" || i.Location.Lines.Begin < 1 {
			t.Errorf("an entry lacks something: %+v", i)
		}
		if !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, i.Severity) {
			t.Errorf("severity %q", i.Severity)
		}
		if len([]rune(i.Description)) > maxMessage {
			t.Errorf("a description of %d characters", len([]rune(i.Description)))
		}
		if seen[i.Fingerprint] {
			t.Errorf("two entries have the fingerprint %s", i.Fingerprint)
		}
		seen[i.Fingerprint] = true
	}
	return issues
}

func TestCodeQuality(t *testing.T) {
	t.Parallel()
	v := views()
	all := merge(v["refused-gaps"], v["waived"], v["invalid"]).Reports
	b, err := CodeQuality(all)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "codequality.json", string(b))
	codeQualityOf(t, all)
	codeQualityOf(t, huge().Reports)
	if got := codeQualityOf(t, nil); len(got) != 0 {
		t.Errorf("no reports have entries: %v", got)
	}

	broken := []policy.Report{*policy.Unjudged("releases/a/1.yaml", errors.New("the configuration is broken"))}
	got := codeQualityOf(t, broken)
	if len(got) == 0 || got[0].Severity != "blocker" || !strings.Contains(got[0].Description, "the configuration is broken") {
		t.Errorf("a policy that cannot be trusted is not told: %+v", got)
	}
}

func TestCodeQualitySeverity(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		result policy.Result
		want   string
	}{
		"waived":              {policy.Result{Severity: policy.Critical, Outcome: policy.Waived}, "info"},
		"lowers the score":    {policy.Result{Severity: policy.High, Outcome: policy.Missing}, "minor"},
		"mandatory":           {policy.Result{Severity: policy.Low, Outcome: policy.Fail, Mandatory: true}, "major"},
		"critical":            {policy.Result{Severity: policy.Critical, Outcome: policy.Fail}, "critical"},
		"could not be judged": {policy.Result{Severity: policy.Low, Outcome: policy.Error}, "blocker"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.result.ID, tc.result.Title = "X-01", "A title"
			got := codeQualityOf(t, []policy.Report{{Path: "a.yaml", Controls: []policy.Result{tc.result}}})
			if len(got) != 1 || got[0].Severity != tc.want || got[0].Location.Lines.Begin != 1 {
				t.Errorf("got %+v, want one %s on line 1", got, tc.want)
			}
		})
	}
}

// An edit above a gap moves its line and must not make it another gap, in either format.
func TestFingerprintsOutliveLines(t *testing.T) {
	t.Parallel()
	report := func(lines ...int) []policy.Report {
		gap := policy.Result{ID: "X-01", Title: "A title", Severity: policy.Critical, Outcome: policy.Fail}
		for _, line := range lines {
			gap.Findings = append(gap.Findings, policy.Finding{Message: "no value", Line: line})
		}
		return []policy.Report{{Path: "a.yaml", Controls: []policy.Result{gap},
			Invalid: []releases.Error{{Message: "want a string", Pointer: "/metadata", Line: lines[0]}}}}
	}
	before, after := codeQualityOf(t, report(3, 9)), codeQualityOf(t, report(13, 19))
	for i := range before {
		if before[i].Fingerprint != after[i].Fingerprint || before[i].Location == after[i].Location {
			t.Errorf("entry %d: %+v became %+v", i, before[i], after[i])
		}
	}
}

// The published schema is no part of this repository. LUMOS_SARIF_SCHEMA names a copy.
func TestSARIFMatchesItsSchema(t *testing.T) {
	t.Parallel()
	file := os.Getenv("LUMOS_SARIF_SCHEMA")
	if file == "" {
		t.Skip("LUMOS_SARIF_SCHEMA names no copy of the schema of SARIF 2.1.0")
	}
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range views() {
		log, err := SARIF(v.Reports, sources(v), "1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(log))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A fix replaces the line of the value and nothing else, and needs the manifest to know it.
func TestSARIFFixes(t *testing.T) {
	t.Parallel()
	v := views()["news"]
	fixes := func(from map[string][]byte) []sarifFix {
		b, err := SARIF(v.Reports, from, "")
		if err != nil {
			t.Fatal(err)
		}
		var log sarifLog
		if err := json.Unmarshal(b, &log); err != nil {
			t.Fatal(err)
		}
		return log.Runs[0].Results[0].Fixes
	}
	got := fixes(sources(v))
	if len(got) != 1 {
		t.Fatalf("got %+v", got)
	}
	line := strings.Split(mechanical, "\n")[3]
	want := sarifReplacement{sarifRegion{StartLine: 4, StartColumn: 1, EndColumn: len(line) + 1}, sarifMessage{strings.Replace(line, "main", headSHA, 1)}}
	if r := got[0].Changes[0].Replacements[0]; r != want {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	for name, from := range map[string]map[string][]byte{"no manifest": nil, "another manifest": {v.Reports[0].Path: []byte("kind: x\n")}} {
		if got := fixes(from); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Each relationship of a rule leads to the provision that it names.
func TestSARIFTaxonomies(t *testing.T) {
	t.Parallel()
	b, err := SARIF(views()["news"].Reports, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b, &log); err != nil {
		t.Fatal(err)
	}
	run, n := log.Runs[0], 0
	for _, rule := range run.Tool.Driver.Rules {
		for _, r := range rule.Relationships {
			n++
			taxonomy := run.Taxonomies[r.Target.Component.Index]
			if taxonomy.Name != r.Target.Component.Name || taxonomy.Taxa[r.Target.Index].ID != r.Target.ID || taxonomy.Comprehensive {
				t.Errorf("%s: %+v leads to %+v", rule.ID, r, taxonomy)
			}
		}
	}
	if n == 0 || len(run.Tool.Driver.Taxonomies) != len(run.Taxonomies) || run.Taxonomies[0].Version != "Regulation (EU) 2024/1689" {
		t.Errorf("%d relationships, %+v", n, run.Taxonomies)
	}
}

// What GitHub's code scanning asks of a log beyond the schema.
func TestSARIFForCodeScanning(t *testing.T) {
	t.Parallel()
	for name, v := range views() {
		b, err := SARIF(v.Reports, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		var log sarifLog
		if err := json.Unmarshal(b, &log); err != nil {
			t.Fatal(err)
		}
		if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name == "" {
			t.Fatalf("%s: %.300s", name, b)
		}
		for _, r := range log.Runs[0].Results {
			rules := log.Runs[0].Tool.Driver.Rules
			if r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
				t.Errorf("%s: %s has no rule", name, r.RuleID)
			}
			if len(r.Locations) != 1 || r.Locations[0].Physical.Artifact.URI == "" || r.Locations[0].Physical.Region.StartLine < 1 || r.Message.Text == "" {
				t.Errorf("%s: a result lacks something: %+v", name, r)
			}
		}
	}
}
