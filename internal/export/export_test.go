package export

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.FixedZone("", 2*60*60))

const manifestPath = "releases/support-triage/2.3.0.yaml"

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update accepts it:\n%s", file, diff)
	}
}

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func tenths(n int) *policy.Tenths { t := policy.Tenths(n); return &t }

//go:embed testdata/release.yaml
var releaseSource []byte

// release is the manifest of testdata, which uses every field that an export knows. Each call parses a
// copy of its own.
func release() *releases.Release {
	rel, err := releases.Parse(manifestPath, releaseSource)
	if err != nil {
		panic(err)
	}
	return rel
}

var released = sync.OnceValue(func() string { return release().Digest })

func manifests() map[string]*releases.Release {
	return map[string]*releases.Release{manifestPath: release()}
}

// full is a report with every outcome.
func full() policy.Report {
	cites := map[string][]string{"nist-ai-rmf": {"MAP 1.5"}, "hipaa": {"164.308(a)(1)"}, "eu-ai-act": {"11.1", "13.3.b.i"}}
	control := func(id, title string, s policy.Severity, o policy.Outcome) policy.Result {
		return policy.Result{ID: id, Pack: "core", Title: title, Severity: s, Mandatory: s == policy.Critical, Outcome: o, References: cites}
	}
	pinned := control("ID-01", "Immutable revision pinned", policy.Critical, policy.Fail)
	pinned.Remediation = "Pin the commit or digest the scanner found"
	pinned.Findings = []policy.Finding{{Message: `revision "main" is a branch`, Pointer: "/spec/source/revision", Line: 14, Column: 15,
		Fix: &policy.Fix{Pointer: "/spec/source/revision", Value: "575db8b7a51b6f85eb06eee540738584589f131c", Line: 14, Column: 15}}}
	inventory := control("ID-05", "Inventory entry complete", policy.Medium, policy.Missing)
	inventory.Remediation, inventory.Findings = "Fill the three fields", []policy.Finding{{Message: "no business unit is named", Pointer: "/metadata", Line: 3}, {Message: "and no system"}}
	latency := control("EVL-02", "Thresholds met", policy.Critical, policy.Waived)
	latency.Unwaived, latency.Findings = policy.Fail, []policy.Finding{{Message: "e2e_p95_ms is 1140.5, more than 1000", Line: 88, Column: 41}}
	latency.Waiver = &policy.WaiverUse{Path: ".lumos/waivers/latency.yaml", ExpiresAt: "2026-12-01T00:00:00Z", Reason: "new hardware arrives in November"}
	broken := control("ACME-01", "Own rule", policy.Low, policy.Error)
	broken.Pack, broken.Reason = "local", "it ran longer than 250ms"
	later := control("GOV-02", "EU AI Act class recorded", policy.High, policy.NotApplicable)
	later.EffectiveFrom, later.Reason = "2027-12-02", "takes effect on 2027-12-02 (eu-ai-act, profile high-risk): today it would be fail"
	return policy.Report{
		Path: manifestPath, Model: "support-triage", Version: "2.3.0", Digest: released(), Policy: digest("b"),
		Conclusion: policy.Errored, Score: tenths(742), Coverage: tenths(961),
		Tier:     policy.Tier{Effective: releases.TierHigh, Declared: releases.TierMedium, Derived: releases.TierHigh, Reason: "data 3 (special)"},
		Controls: []policy.Result{pinned, control("DOC-02", "Intended purpose stated", policy.High, policy.Pass), inventory, latency, later, broken},
		Frameworks: []policy.FrameworkScore{
			{Framework: "eu-ai-act", Title: "EU AI Act", Edition: "Regulation (EU) 2024/1689", Unverified: []string{"13.3.b.i"}, Score: tenths(742), Coverage: tenths(961), Controls: 5, Open: 1},
			{Framework: "nist-ai-rmf", Title: "NIST AI RMF", Edition: "1.0", Score: tenths(742), Coverage: tenths(961), Controls: 5, Open: 1},
		},
		Sources: []policy.SourceUse{{Name: "datasets-db", Digest: digest("e"), Since: "2026-08-30T06:00:00Z"}, {Name: "vendors", Error: "it did not answer within 2s"}},
		Notices: []string{"the waiver .lumos/waivers/latency.yaml ends on 2026-12-01"},
		Changes: []releases.Change{},
	}
}

// reports are every kind of report that an export may be given.
func reports() map[string][]policy.Report {
	invalid := policy.Report{Path: "releases/a/1.yaml", Policy: digest("b"), Conclusion: policy.Errored, Controls: []policy.Result{}, Invalid: []releases.Error{
		{Path: "releases/a/1.yaml", Line: 4, Column: 12, Pointer: "/metadata/version", Message: "want a string, got a number", Hint: `write "2.30" in quotes`},
		{Path: "releases/a/1.yaml", Line: 19, Column: 3, Message: `unknown key "evalutions"`},
	}}
	nothing := full()
	nothing.Score, nothing.Coverage, nothing.Controls, nothing.Frameworks = nil, nil, []policy.Result{}, []policy.FrameworkScore{}
	return map[string][]policy.Report{
		"full": {full()}, "invalid": {invalid}, "nothing applies": {nothing},
		"unjudged": {*policy.Unjudged(manifestPath, errors.New(".lumos/config.yaml:3:1: unknown key"))},
		"several":  {invalid, full()},
	}
}

// attacks are texts that mean something to a format.
var attacks = []string{
	"]]></failure><testcase name='x'/>", "<script>alert(1)</script>", "&amp; &lt;", "a\x00b\x08c\x1b[2J", "\xff\xfe broken \xc3", "\ufffe\uffff", "\u202eevil\u202c \u200b",
	"line\nbreak\r\nand\ttab", "[click](javascript:alert(1))", "{{ insert: param, x }}", "# heading", "- item", "1. item", "*", "\"quotes\" and 'more'", "   ", "",
	"\U000e0001\ud7ff", "`code`", strings.Repeat("long ", 2000), "../../etc/passwd", "?a=b#c", "%zz", "https://evil.example", ":", "\\",
}

// poisoned puts s wherever a report or a manifest holds a text that others write.
func poisoned(s string) ([]policy.Report, map[string]*releases.Release) {
	rel := *release()
	keep := map[reflect.Type]bool{}
	for _, ty := range []reflect.Type{reflect.TypeFor[policy.Outcome](), reflect.TypeFor[policy.Severity](), reflect.TypeFor[policy.Conclusion](), reflect.TypeFor[releases.Tier]()} {
		keep[ty] = true
	}
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() && v.Type() != reflect.TypeFor[*time.Time]() {
				fill(v.Elem())
			}
		case reflect.Struct:
			for _, f := range v.Fields() {
				fill(f)
			}
		case reflect.Slice:
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Map:
			if v.Type() == reflect.TypeFor[map[string][]string]() {
				v.Set(reflect.ValueOf(map[string][]string{s: {s, s}}))
			}
		case reflect.String:
			if v.CanSet() && !keep[v.Type()] {
				v.SetString(s)
			}
		}
	}
	r := full()
	fill(reflect.ValueOf(&r).Elem())
	fill(reflect.ValueOf(&rel.Manifest).Elem())
	r.Invalid = []releases.Error{{Path: s, Message: s, Hint: s}}
	r.Problems = []string{s}
	rel.Path = s
	return []policy.Report{r}, map[string]*releases.Release{s: &rel}
}

// The same facts give the same bytes, and another time only another time.
func TestExportsAreDeterministic(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func([]policy.Report, time.Time) ([]byte, error){
		"junit":     JUnit,
		"cyclonedx": func(r []policy.Report, now time.Time) ([]byte, error) { return CycloneDX(r, manifests(), "1", now) },
		"oscal":     func(r []policy.Report, now time.Time) ([]byte, error) { return OSCAL(r, "1", now) },
	} {
		one, err := write([]policy.Report{full()}, now)
		if err != nil {
			t.Fatal(err)
		}
		two, err := write([]policy.Report{full()}, now)
		if err != nil || !bytes.Equal(one, two) {
			t.Errorf("%s: the second time differs: %v\n%s", name, err, cmp.Diff(string(one), string(two)))
		}
		next, err := write([]policy.Report{full()}, now.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		if today := bytes.ReplaceAll(next, []byte("2026-09-02T"), []byte("2026-09-01T")); !bytes.Equal(one, today) {
			t.Errorf("%s: a day later more than the time differs:\n%s", name, cmp.Diff(string(one), string(today)))
		}
	}
}

func TestUUID(t *testing.T) {
	t.Parallel()
	// The one that RFC 9562, appendix A.4, gives for www.example.com in the namespace of domain names.
	dns := [16]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	want := [16]byte{0x2e, 0xd6, 0x65, 0x7d, 0xe9, 0x27, 0x56, 0x8b, 0x95, 0xe1, 0x26, 0x65, 0xa8, 0xae, 0xa6, 0xa2}
	if got := nameUUID(dns, "www.example.com"); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	if uuid("a", "b") == uuid("ab") || uuid("a", "b") == uuid("b", "a") {
		t.Error("two names have one UUID")
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"plain":             {"a b", "a b"},
		"white space":       {" a\n\t b\r", "a b"},
		"control":           {"a\x00\x1bb", "a b"},
		"broken":            {"a\xffb", "a\ufffdb"},
		"hidden":            {"a\u202e\u200bb\ufffe", "ab"},
		"nothing":           {"\u200b", ""},
		"as long as it may": {strings.Repeat("x", maxText), strings.Repeat("x", maxText)},
		"too long":          {strings.Repeat("x", maxText+1), strings.Repeat("x", maxText) + "…"},
	} {
		if got := printable(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// decode reads JSON into the form that a schema validates.
func decode(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return v
}
