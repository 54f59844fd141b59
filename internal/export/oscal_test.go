package export

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lumos-governance/lumos/internal/policy"
)

var (
	oscalUUID  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	oscalToken = regexp.MustCompile(`^(\p{L}|_)(\p{L}|\p{N}|[.\-_])*$`)
)

// oscalOf parses assessment-results, and holds them against what the schema asks for that a mistake here
// could break: unique UUIDs that lead somewhere, tokens, and no empty text.
func oscalOf(t *testing.T, b []byte) *oscalAssessment {
	t.Helper()
	var doc oscalDocument
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	a := &doc.Results
	made, used := map[string]bool{}, map[string]bool{strings.TrimPrefix(a.ImportAP.Href, "#"): true}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, child := range v {
				walk(k, child)
			}
		case []any:
			if len(v) == 0 {
				t.Errorf("%s is an empty list", key)
			}
			for _, child := range v {
				walk(key, child)
			}
		case string:
			switch {
			case v == "" || strings.TrimSpace(v) != v:
				t.Errorf("%s is %q", key, v)
			case key == "uuid":
				if made[v] || !oscalUUID.MatchString(v) {
					t.Errorf("the UUID %s is there twice, or is none", v)
				}
				made[v] = true
			case strings.HasSuffix(key, "-uuid"):
				used[v] = true
			case key == "target-id" || key == "control-id" || key == "objective-id" || key == "class" || key == "name":
				if !oscalToken.MatchString(v) {
					t.Errorf("%s is %q, which is no token", key, v)
				}
			case (key == "title" || key == "value") && strings.ContainsAny(v, "\n\r"):
				t.Errorf("%s is %q, which is more than a line", key, v)
			}
		}
	}
	walk("", decode(t, b))
	for id := range used {
		if !made[id] {
			t.Errorf("the UUID %s leads nowhere", id)
		}
	}
	return a
}

func TestOSCAL(t *testing.T) {
	t.Parallel()
	b, err := OSCAL([]policy.Report{full()}, "1.2.3", now)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.oscal.json", b)
	a := oscalOf(t, b)
	r := a.Results[0]
	got := map[string]string{}
	for _, f := range r.Findings {
		got[f.Target.ID] = f.Target.Status.State + " " + f.Target.Status.Reason
	}
	want := map[string]string{"ID-01": "not-satisfied fail", "DOC-02": "satisfied pass", "ID-05": "not-satisfied other", "EVL-02": "not-satisfied other", "ACME-01": "not-satisfied other"}
	for id, state := range want {
		if got[id] != state {
			t.Errorf("%s is %q, want %q", id, got[id], state)
		}
	}
	if len(got) != len(want) || len(r.Observations) != 6 || len(r.Risks) != 4 {
		t.Errorf("%d findings, %d observations, %d risks", len(got), len(r.Observations), len(r.Risks))
	}
	waived := slices.IndexFunc(r.Risks, func(x oscalRisk) bool { return strings.Contains(x.Title, "EVL-02") })
	if x := r.Risks[waived]; x.Status != "deviation-approved" || x.Deadline != "2026-12-01T00:00:00Z" {
		t.Errorf("the waived risk is %+v", x)
	}
	if !strings.Contains(a.Metadata.Remarks, "no certification") {
		t.Error("nothing says that this certifies nothing")
	}
	var ids []string
	for _, s := range r.Reviewed.Selections {
		for _, c := range s.Controls {
			ids = append(ids, c.ID)
		}
	}
	for _, id := range []string{"ID-01", "nist-ai-rmf_MAP-1.5", "hipaa_164.308-a-1", "eu-ai-act_13.3.b.i"} {
		if !slices.Contains(ids, id) {
			t.Errorf("%s was not reviewed: %v", id, ids)
		}
	}
	if _, err := OSCAL(nil, "", now); err == nil {
		t.Error("no report makes results")
	}
	for name, rs := range reports() {
		b, err := OSCAL(rs, "", now)
		if err != nil {
			t.Fatal(err)
		}
		if a := oscalOf(t, b); len(a.Results) != len(rs) {
			t.Errorf("%s: %d results for %d reports", name, len(a.Results), len(rs))
		}
	}
}

func TestOSCALHostile(t *testing.T) {
	t.Parallel()
	for _, s := range attacks {
		rs, _ := poisoned(s)
		b, err := OSCAL(rs, s, now)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		checkHostileOSCAL(t, rs, b)
	}
}

// checkHostileOSCAL reads a report in which every control has the same id, and so the same UUIDs.
func checkHostileOSCAL(t *testing.T, rs []policy.Report, b []byte) {
	t.Helper()
	var doc oscalDocument
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if n := len(doc.Results.Results[0].Observations); n != len(rs[0].Controls) {
		t.Errorf("%d observations", n)
	}
}

func TestMarkup(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain words, a-b": "plain words, a-b", "[x](y)": `\[x\](y)`, "<b> & {{ x }}": `\<b\> \& \{\{ x \}\}`, "- item": `\- item`, "1. item": `1\. item`,
		"--- ": `\---`, "1.5 is more": "1.5 is more", "": "none", "a_b*c": `a\_b\*c`, "7) x": `7\) x`,
	} {
		if got := markup(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ID-01": "ID-01", "hipaa_164.308(a)(1)": "hipaa_164.308-a-1", "164": "_164", "MAP 1.5": "MAP-1.5", "-x": "_-x", "": "_", "(((": "_", "Ä ö": "Ä-ö",
	} {
		if got := token(in); got != want || !oscalToken.MatchString(got) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The published schema is no part of this repository. LUMOS_OSCAL_SCHEMA names a copy of
// oscal_assessment-results_schema.json, or of the complete schema.
func TestOSCALMatchesItsSchema(t *testing.T) {
	t.Parallel()
	file := os.Getenv("LUMOS_OSCAL_SCHEMA")
	if file == "" {
		t.Skip("LUMOS_OSCAL_SCHEMA names no copy of OSCAL's schema of assessment-results")
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(name string, rs []policy.Report, version string) {
		t.Helper()
		b, err := OSCAL(rs, version, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(decode(t, b)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	for name, rs := range reports() {
		validate(name, rs, "1")
	}
	for _, s := range attacks {
		rs, _ := poisoned(s)
		validate(s, rs, s)
	}
}

func FuzzOSCAL(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rs, _ := poisoned(s)
		b, err := OSCAL(rs, s, now)
		if err != nil {
			t.Fatal(err)
		}
		checkHostileOSCAL(t, rs, b)
	})
}
