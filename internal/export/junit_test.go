package export

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// junitShape is what the schemas of Jenkins and of Ant allow together: attributes (those with a star must
// be there), the pattern of their values, and children in order (those with a star any number of times).
var junitShape = map[string]struct {
	attributes map[string]string
	children   []string
}{
	"testsuites": {nil, []string{"testsuite*"}},
	"testsuite": {map[string]string{"id*": `\d+`, "name*": `\S.*`, "package*": `\S.*`, "timestamp*": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`, "hostname*": `\S+`,
		"tests*": `\d+`, "failures*": `\d+`, "errors*": `\d+`, "skipped": `\d+`, "time*": `\d+(\.\d{1,3})?`}, []string{"properties", "testcase*", "system-out", "system-err"}},
	"properties": {nil, []string{"property*"}},
	"property":   {map[string]string{"name*": `\S.*`, "value*": `.*`}, nil},
	"testcase":   {map[string]string{"name*": `\S.*`, "classname*": `\S.*`, "time*": `\d+(\.\d{1,3})?`}, []string{"skipped|error|failure?"}},
	"skipped":    {map[string]string{"message": `\S.*`}, nil},
	"error":      {map[string]string{"type*": `\S.*`, "message": `\S.*`}, nil},
	"failure":    {map[string]string{"type*": `\S.*`, "message": `\S.*`}, nil},
	"system-out": {nil, nil},
	"system-err": {nil, nil},
}

type element struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Children   []element  `xml:",any"`
	Text       string     `xml:",chardata"`
}

func (e *element) attribute(name string) string {
	for _, a := range e.Attributes {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// junitOf parses JUnit XML and holds it against its shape and its own counts.
func junitOf(t *testing.T, b []byte) *element {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(b))
	root := &element{}
	if err := dec.Decode(root); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if rest := b[dec.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		t.Fatalf("something follows the root: %q", rest)
	}
	checkElement(t, root)
	for i, suite := range root.Children {
		counts := map[string]int{}
		for _, c := range suite.Children {
			if c.XMLName.Local != "testcase" {
				continue
			}
			counts["tests"]++
			for _, outcome := range c.Children {
				counts[map[string]string{"failure": "failures", "error": "errors", "skipped": "skipped"}[outcome.XMLName.Local]]++
			}
		}
		counts["id"] = i
		for name, n := range counts {
			if got := suite.attribute(name); got != strconv.Itoa(n) {
				t.Errorf("%s: %s is %s, and there are %d", suite.attribute("name"), name, got, n)
			}
		}
	}
	return root
}

func checkElement(t *testing.T, e *element) {
	t.Helper()
	name := e.XMLName.Local
	shape, known := junitShape[name]
	if !known {
		t.Errorf("unknown element %s", name)
		return
	}
	allowed := map[string]string{}
	for attribute, pattern := range shape.attributes {
		plain, must := strings.CutSuffix(attribute, "*")
		allowed[plain] = pattern
		if must && !slices.ContainsFunc(e.Attributes, func(a xml.Attr) bool { return a.Name.Local == plain }) {
			t.Errorf("%s lacks %s", name, plain)
		}
	}
	for _, a := range e.Attributes {
		pattern, ok := allowed[a.Name.Local]
		if !ok || !regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(a.Value) {
			t.Errorf("%s has %s=%q", name, a.Name.Local, a.Value)
		}
	}
	rest := e.Children
	for _, want := range shape.children {
		names, many := strings.CutSuffix(want, "*")
		names, optional := strings.CutSuffix(names, "?")
		n := 0
		for len(rest) > 0 && slices.Contains(strings.Split(names, "|"), rest[0].XMLName.Local) && (many || n == 0) {
			rest, n = rest[1:], n+1
		}
		if n == 0 && !many && !optional {
			t.Errorf("%s lacks %s, or has it out of order", name, want)
		}
	}
	if len(rest) > 0 {
		t.Errorf("%s has %s where it may not", name, rest[0].XMLName.Local)
	}
	for i := range e.Children {
		checkElement(t, &e.Children[i])
	}
}

func TestJUnitOfReports(t *testing.T) {
	t.Parallel()
	for name, rs := range reports() {
		b, err := JUnit(rs, now)
		if err != nil {
			t.Fatal(err)
		}
		root := junitOf(t, b)
		if len(root.Children) != len(rs) {
			t.Errorf("%s: %d suites for %d reports", name, len(root.Children), len(rs))
		}
	}
	b, err := JUnit(reports()["several"], now)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.junit.xml", b)

	empty, err := JUnit(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	junitOf(t, empty)
}

// Each outcome is what a reader of tests takes it for.
func TestJUnitOutcomes(t *testing.T) {
	t.Parallel()
	b, err := JUnit(reports()["full"], now)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	suite := junitOf(t, b).Children[0]
	for _, c := range suite.Children {
		if c.XMLName.Local != "testcase" {
			continue
		}
		words := "passed"
		for _, o := range c.Children {
			words = o.XMLName.Local + ": " + o.attribute("message")
		}
		got[c.attribute("classname")+" "+c.attribute("name")] = words
	}
	want := map[string]string{
		"core ID-01 Immutable revision pinned": `failure: revision "main" is a branch`,
		"core DOC-02 Intended purpose stated":  "passed",
		"core ID-05 Inventory entry complete":  "failure: no business unit is named",
		"core EVL-02 Thresholds met":           "skipped: fail, waived until 2026-12-01T00:00:00Z by .lumos/waivers/latency.yaml: new hardware arrives in November",
		"core GOV-02 EU AI Act class recorded": "skipped: not applicable: takes effect on 2027-12-02 (eu-ai-act, profile high-risk): today it would be fail",
		"local ACME-01 Own rule":               "error: it ran longer than 250ms",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, p := range suite.Children[0].Children {
		got[p.attribute("name")] = p.attribute("value")
	}
	for name, want := range map[string]string{"lumos.score": "74.2", "lumos.coverage": "96.1", "lumos.tier": "high", "lumos.conclusion": "error", "lumos.policy.digest": digest("b")} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// Whatever a text holds, the file is XML, and the text stays one.
func TestJUnitHostile(t *testing.T) {
	t.Parallel()
	for _, s := range attacks {
		rs, _ := poisoned(s)
		b, err := JUnit(rs, now)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		suite := junitOf(t, b).Children[0]
		if n := len(suite.Children); n != 3+len(rs[0].Controls)+2 {
			t.Errorf("%q changes the number of elements: %d", s, n)
		}
	}
}

func FuzzJUnit(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rs, _ := poisoned(s)
		b, err := JUnit(rs, now)
		if err != nil {
			t.Fatal(err)
		}
		junitOf(t, b)
	})
}
