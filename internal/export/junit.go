package export

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/policy"
)

// The part of JUnit's XML that both Jenkins (junit-10.xsd of its xUnit plugin, 2026) and the schema of
// Ant's task (JUnit.xsd by Windy Road, 2026) allow: the order of elements and what must be there is
// Ant's, which is the stricter. Neither has a word for a time that was not measured: it is 0.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		ID         int             `xml:"id,attr"`
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		Timestamp  string          `xml:"timestamp,attr"` // UTC, which Ant's schema does not let it say
		Hostname   string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"` // seconds
		Properties junitProperties `xml:"properties"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperties struct {
		List []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"` // seconds
		Skipped *junitNote   `xml:"skipped"`
		Error   *junitResult `xml:"error"`
		Failure *junitResult `xml:"failure"`
	}
	junitNote struct {
		Message string `xml:"message,attr"`
	}
	junitResult struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit is the reports as JUnit XML: a suite for each manifest, a case for each control. What is waived
// or does not apply is skipped, with the reason. A manifest or a policy that cannot be read is a case in
// error. Now is when it was checked.
func JUnit(reports []policy.Report, now time.Time) ([]byte, error) {
	var out junitSuites
	for _, r := range reports {
		s := newSuite(len(out.Suites), r.Path, now)
		s.Properties.List = reportProperties(&r)
		for _, p := range r.Problems {
			s.add(junitCase{Class: "lumos", Name: "The policy can be trusted", Error: newResult("policy", p, p)})
		}
		for _, e := range r.Invalid {
			text := e.Error()
			s.add(junitCase{Class: "lumos", Name: "The manifest can be read", Error: newResult("manifest", e.Message, text)})
		}
		for i := range r.Controls {
			s.add(controlCase(r.Path, &r.Controls[i]))
		}
		out.Suites = append(out.Suites, s)
	}
	return out.bytes()
}

func newSuite(id int, name string, now time.Time) junitSuite {
	return junitSuite{ID: id, Name: phrase(name), Package: "lumos", Timestamp: now.UTC().Format("2006-01-02T15:04:05"), Hostname: "localhost", Time: "0"}
}

// add counts a case too.
func (s *junitSuite) add(c junitCase) {
	c.Class, c.Name = phrase(c.Class), phrase(c.Name)
	if c.Time == "" {
		c.Time = "0"
	}
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func (s junitSuites) bytes() ([]byte, error) {
	b, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing JUnit XML: %w", err)
	}
	return append([]byte(xml.Header), append(b, '\n')...), nil
}

// reportProperties are what a report says as a whole.
func reportProperties(r *policy.Report) []junitProperty {
	var out []junitProperty
	add := func(name, value string) {
		if value = printable(value); value != "" {
			out = append(out, junitProperty{"lumos." + name, value})
		}
	}
	add("model", r.Model)
	add("version", r.Version)
	add("conclusion", string(r.Conclusion))
	add("score", percent(r.Score))
	add("coverage", percent(r.Coverage))
	add("tier", string(r.Tier.Effective))
	add("manifest.digest", r.Digest)
	add("policy.digest", r.Policy)
	for _, n := range r.Notices {
		add("notice", n)
	}
	return out
}

// percent is empty where there is nothing to take a share of.
func percent(t *policy.Tenths) string {
	if t == nil {
		return ""
	}
	return t.String()
}

func controlCase(path string, c *policy.Result) junitCase {
	out := junitCase{Class: c.Pack, Name: c.ID + " " + c.Title}
	switch c.Outcome {
	case policy.Pass:
	case policy.NotApplicable:
		out.Skipped = &junitNote{phrase("not applicable: " + c.Reason)}
	case policy.Waived:
		out.Skipped = &junitNote{phrase(waiverWords(c))}
	case policy.Fail, policy.Missing:
		message := string(c.Outcome)
		if len(c.Findings) > 0 {
			message = c.Findings[0].Message
		}
		out.Failure = newResult(string(c.Outcome), message, details(path, c)...)
	default: // an error, and whatever is not known: never a pass
		out.Error = newResult("error", c.Reason, details(path, c)...)
	}
	return out
}

func waiverWords(c *policy.Result) string {
	if c.Waiver == nil {
		return c.Reason
	}
	return fmt.Sprintf("%s, waived until %s by %s: %s", c.Unwaived, c.Waiver.ExpiresAt, c.Waiver.Path, c.Waiver.Reason)
}

// details says what was found, where, and what to do, a line each.
func details(path string, c *policy.Result) []string {
	weight := string(c.Severity)
	if c.Mandatory {
		weight += ", mandatory"
	}
	var out []string
	for _, f := range c.Findings {
		line := place(path, f.Line, f.Column) + ": " + f.Message
		if f.Fix != nil {
			line += " (should be " + f.Fix.Value + ")"
		}
		out = append(out, line)
	}
	if len(c.Findings) == 0 {
		out = append(out, path)
	}
	if c.Reason != "" {
		out = append(out, c.Reason)
	}
	if c.Remediation != "" {
		out = append(out, "Fix: "+c.Remediation)
	}
	return append(out, "Weight: "+weight)
}

// place is path:line:column, as far as it is known, which editors open.
func place(path string, line, column int) string {
	if line > 0 {
		path += fmt.Sprintf(":%d", line)
		if column > 0 {
			path += fmt.Sprintf(":%d", column)
		}
	}
	return path
}

func newResult(kind, message string, lines ...string) *junitResult {
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return &junitResult{Type: phrase(kind), Message: phrase(message), Text: strings.Join(lines, "\n")}
}
