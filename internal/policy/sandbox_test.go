package policy_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
)

const ruleFile = ".lumos/policies/acme_01.rego"

const header = `# METADATA
# title: Own rule
# description: A rule of the organisation.
# schemas:
#   - input: schema.input
# custom:
#   id: ACME-01
#   severity: high
#   mode: mandatory
#   remediation: Do what the rule says
#   frameworks:
#     acme-handbook: ["7"]
package lumos.local.acme_01

`

func rule(body string) policy.File {
	return policy.File{Path: ruleFile, Data: []byte(header + body)}
}

const ok = "pass if input.manifest.metadata.name\n\nfail contains {\"message\": \"no name\"} if not input.manifest.metadata.name\n"

func loadOwn(t *testing.T, files ...policy.File) (*policy.Engine, error) {
	t.Helper()
	return library.Load(t.Context(), policy.Source{Config: &config.Config{MaxAge: "180d"}, Files: files})
}

func TestOwnRule(t *testing.T) {
	t.Parallel()
	c := acme()
	notes := policy.File{Path: ".lumos/policies/README.md", Data: []byte("# Notes\n")}
	r := load(t, c, rule(ok), notes).Evaluate(t.Context(), subject(manifest(t)))
	last := r.Controls[len(r.Controls)-1]
	if last.ID != "ACME-01" || last.Pack != "local" || last.Outcome != policy.Pass || len(r.Controls) != 18 {
		t.Errorf("last of %d controls: %+v", len(r.Controls), last)
	}
	if f := r.Frameworks[0]; f.Framework != "acme-handbook" || f.Controls != 1 || *f.Score != 1000 {
		t.Errorf("first framework: %+v", f)
	}
}

// Each of these is refused when it is loaded, with its place.
func TestBadRules(t *testing.T) {
	t.Parallel()
	replaced := func(old, new string) policy.File {
		if !strings.Contains(header+ok, old) {
			t.Fatalf("no %q in the rule", old)
		}
		return policy.File{Path: ruleFile, Data: []byte(strings.Replace(header+ok, old, new, 1))}
	}
	for name, tt := range map[string]struct {
		file policy.File
		line int
		want string
	}{
		"not Rego":             {rule("pass if {"), 15, "rego_parse_error"},
		"Rego v0":              {rule("pass { true }"), 15, "`if` keyword is required"},
		"Rego v2":              {replaced("package lumos.local.acme_01\n", "package lumos.local.acme_01\n\nimport rego.v2\n"), 15, "rego.v2"},
		"unknown variable":     {rule(ok + "x := y\n"), 18, "var y is unsafe"},
		"unused variable":      {rule(ok + "x if y := 1\n"), 18, "assigned var y unused"},
		"recursion":            {rule(ok + "x if x\n"), 18, "recursive"},
		"http.send":            {rule(ok + "x := http.send({\"method\": \"get\", \"url\": \"https://example.com\"})\n"), 18, "undefined function http.send"},
		"the clock":            {rule(ok + "x := time.now_ns()\n"), 18, "undefined function time.now_ns"},
		"randomness":           {rule(ok + "x := rand.intn(\"a\", 3)\n"), 18, "undefined function rand.intn"},
		"the environment":      {rule(ok + "x := opa.runtime()\n"), 18, "undefined function opa.runtime"},
		"name lookup":          {rule(ok + "x := net.lookup_ip_addr(\"a\")\n"), 18, "undefined function net.lookup_ip_addr"},
		"signing":              {rule(ok + "x := io.jwt.encode_sign({}, {}, {})\n"), 18, "undefined function io.jwt.encode_sign"},
		"a field misspelt":     {rule(ok + "x if input.manifest.spec.evalutions\n"), 18, `"evaluations"`},
		"a field of a list":    {rule(ok + "x if input.manifest.spec.data[_].licence\n"), 18, `"license"`},
		"a list misspelt":      {rule(ok + "x if input.lists.placeholder\n"), 18, `"placeholders"`},
		"a group misspelt":     {rule(ok + "x if input.thresholds.evaluation.f1\n"), 18, `"evaluations"`},
		"text compared wrong":  {rule(ok + "x if input.manifest.metadata.name == 3\n"), 18, "match error"},
		"another's package":    {replaced("package lumos.local.acme_01", "package lumos.core.id_01"), 13, "want data.lumos.local.acme_01"},
		"the helpers' package": {replaced("package lumos.local.acme_01", "package lumos.lib"), 13, "want data.lumos.local.acme_01"},
		"no METADATA":          {policy.File{Path: ruleFile, Data: []byte("package lumos.local.acme_01\n\n" + ok)}, 1, "one METADATA block"},
		"METADATA of a rule":   {rule("# METADATA\n# title: x\n" + ok), 15, "one METADATA block"},
		"unknown key":          {replaced("# title:", "# titel:"), 2, `unknown key "titel"`},
		"unknown custom key":   {replaced("#   severity:", "#   severitty: low\n#   severity:"), 8, `unknown key "severitty"`},
		"key twice":            {replaced("#   severity: high", "#   severity: high\n#   severity: low"), 10, `"severity" already defined`},
		"no id":                {replaced("#   id: ACME-01\n", ""), 6, `"id" is missing`},
		"bad id":               {replaced("ACME-01", "acme 1"), 7, "form"},
		"bad severity":         {replaced("severity: high", "severity: severe"), 8, "not one of critical, high"},
		"bad mode":             {replaced("mode: mandatory", "mode: optional"), 9, "not one of mandatory"},
		"no remediation":       {replaced("#   remediation: Do what the rule says\n", ""), 6, `"remediation" is missing`},
		"no schemas":           {replaced("# schemas:\n#   - input: schema.input\n", ""), 2, `"schemas" is missing`},
		"another schema":       {replaced("schema.input", "schema.any"), 4, `want [{"input":"schema.input"}]`},
		"bad citation":         {replaced(`acme-handbook: ["7"]`, "nist-ai-rmf: [MEASURE2.7]"), 12, "form"},
		"no pass":              {rule("fail contains {\"message\": \"x\"} if input.tier.derived == \"high\"\n"), 13, "cannot pass"},
		"nothing found":        {rule("pass if input.manifest.metadata.name\n"), 13, "finds nothing"},
		"default pass":         {rule(ok + "default pass := true\n"), 18, "plain rule"},
		"fail no set":          {rule("pass if input.now\n\nfail if not input.now\n"), 17, "must be a set"},
		"mandatory unsaid":     {rule(ok + "mandatory if input.tier.effective == \"high\"\n"), 6, "no mandatory_when"},
		"mandatory undecided":  {replaced("mode: mandatory", "mode: weighted\n#   mandatory_when: the tier is high"), 10, "no rule mandatory"},
		"id taken by core":     {replaced("ACME-01", "ID-01"), 1, "taken by controls/id_01.rego"},
		"not a rule file":      {policy.File{Path: ".lumos/policies/a.json"}, 0, "not a rule"},
		"in a folder":          {policy.File{Path: ".lumos/policies/a/b.rego"}, 0, "not a rule"},
		"unreadable":           {policy.File{Path: ruleFile, Err: "too large"}, 0, "too large"},
		"not UTF-8":            {rule("# \xff\n" + ok), 15, ""},
		"empty":                {policy.File{Path: ruleFile}, 0, "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := library.Load(t.Context(), policy.Source{Config: acme(), Files: []policy.File{tt.file}})
			var errs document.Errors
			if !errors.As(err, &errs) {
				t.Fatalf("error %v (%T), want document.Errors", err, err)
			}
			for _, e := range errs {
				if e.Path == tt.file.Path && e.Line == tt.line && strings.Contains(e.Error(), tt.want) {
					return
				}
			}
			t.Errorf("errors\n%v\nwant one in line %d with %q", err, tt.line, tt.want)
		})
	}
}

// Each of these loads, and is an error of that control alone when it runs.
//
// Not in parallel with anything: the rules take all the time that they are given.
func TestRunawayRules(t *testing.T) {
	const never = "fail contains {\"message\": \"x\"} if input.now == \"\"\n\n"
	for name, tt := range map[string]struct{ body, want string }{
		"loops for ever":     {never + "pass if {\n\tsome i, j in numbers.range(1, 100000)\n\tsome k in numbers.range(1, 100000)\n\ti * j == k + 0.5\n}\n", "ran longer than 250ms"},
		"builds a huge list": {never + "pass if count(numbers.range(1, 30000000)) == 0\n", "ran longer than 250ms"},
		"builtin error":      {never + "pass if to_number(input.manifest.metadata.name) == 1\n", "to_number"},
		"no conclusion":      {never + "pass if input.now == \"\"\n", "no conclusion"},
		"two answers":        {never + "pass if answer == 1\n\nanswer := 1 if input.now\n\nanswer := 2 if input.manifest\n", "conflict"},
		"pass is not true":   {never + "pass := \"yes\" if input.now\n", "no conclusion"},
		"finding is text":    {"pass if input.now\n\nfail contains \"x\" if input.now\n", "fail: want a set"},
		"finding without":    {"pass if input.now\n\nmissing contains {\"pointer\": \"/spec\"} if input.now\n", "missing: want a set"},
		"finding too much":   {"pass if input.now\n\nfail contains {\"message\": \"x\", \"severity\": \"low\"} if input.now\n", "fail: want a set"},
		"finding blank":      {"pass if input.now\n\nfail contains {\"message\": \" \"} if input.now\n", "fail: want a set"},
		"pointer no pointer": {"pass if input.now\n\nfail contains {\"message\": \"x\", \"pointer\": \"spec.data\"} if input.now\n", "fail: want a set"},
		"reason is no text":  {never + "pass if input.now\n\nnot_applicable contains 1 if input.now\n", "not_applicable: want a set"},
		"reason is blank":    {never + "pass if input.now\n\nnot_applicable contains \"\" if input.now\n", "not_applicable: want a set"},
	} {
		t.Run(name, func(t *testing.T) {
			other := policy.File{Path: ".lumos/policies/acme_02.rego", Data: []byte(strings.ReplaceAll(header, "01", "02") + ok)}
			e, err := loadOwn(t, rule(tt.body), other)
			if err != nil {
				t.Fatal(err)
			}
			r := e.Evaluate(t.Context(), subject(manifest(t)))
			got := result(t, r, "ACME-01")
			if got.Outcome != policy.Error || !strings.Contains(got.Reason, tt.want) || r.Conclusion != policy.Errored {
				t.Errorf("conclusion %s, outcome %s (%s), want an error with %q", r.Conclusion, got.Outcome, got.Reason, tt.want)
			}
			if o := result(t, r, "ACME-02").Outcome; o != policy.Pass {
				t.Errorf("the control beside it is %s", o)
			}
		})
	}
}

func TestFailWinsOverPass(t *testing.T) {
	t.Parallel()
	e, err := loadOwn(t, rule("pass if input.now\n\nfail contains {\"message\": \"no\"} if input.now\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r := e.Evaluate(t.Context(), subject(manifest(t))); result(t, r, "ACME-01").Outcome != policy.Fail {
		t.Errorf("%+v", r.Controls)
	}
}

func TestNotApplicable(t *testing.T) {
	t.Parallel()
	e, err := loadOwn(t, rule("pass if input.now\n\nfail contains {\"message\": \"no\"} if input.now\n\nnot_applicable contains \"no personal data\" if input.now\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := e.Evaluate(t.Context(), subject(manifest(t)))
	if c := result(t, r, "ACME-01"); c.Outcome != policy.NotApplicable || c.Reason != "no personal data" || r.Score != nil || r.Conclusion != policy.NeedsApproval {
		t.Errorf("conclusion %s, %+v", r.Conclusion, c)
	}
}

// What a control says is capped and inert, whatever it says.
func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	e, err := loadOwn(t, rule(`pass if input.now == ""

long := concat("", ["ä" | some _ in numbers.range(1, 900)])

fail contains {"message": sprintf("%d\u001b[31m\n\u202e%s", [i, long]), "pointer": "/spec/data/0"} if {
	some i in numbers.range(1, 1000)
}
`))
	if err != nil {
		t.Fatal(err)
	}
	c := result(t, e.Evaluate(t.Context(), subject(manifest(t))), "ACME-01")
	if c.Outcome != policy.Fail || len(c.Findings) != 100 || c.Findings[0].Line == 0 {
		t.Fatalf("%s with %d findings (%s)", c.Outcome, len(c.Findings), c.Reason)
	}
	more := 0
	for _, f := range c.Findings {
		if utf8.RuneCountInString(f.Message) > 500 || strings.ContainsAny(f.Message, "\x1b\n\u202e") {
			t.Errorf("message of %d characters: %.40q", utf8.RuneCountInString(f.Message), f.Message)
		}
		if f.Message == "and 901 more findings" {
			more++
		}
	}
	if more != 1 {
		t.Error("the report does not say how many findings it leaves out")
	}
}

func TestBadPacks(t *testing.T) {
	t.Parallel()
	lib, err := fs.Sub(policies.FS, "lib")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) *fstest.MapFile {
		b, err := fs.ReadFile(lib, name)
		if err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: b}
	}
	const (
		pack       = "name: acme\ntitle: Acme\nversion: 1.0.0\ndescription: x\ncontrols: [ACME-01]\n"
		frameworks = "frameworks: {acme-handbook: {title: Handbook, edition: first, source: shelf}}\n"
		table      = "id\ttitle\tstatus\tnote\n7\tChecks\n"
	)
	own := strings.ReplaceAll(header+ok, "lumos.local", "lumos.controls")
	for name, tt := range map[string]struct{ yaml, rego, frameworks, table, want string }{
		"good":              {pack, own, frameworks, table, ""},
		"no pack.yaml":      {"", own, frameworks, table, "needs this file"},
		"unknown key":       {pack + "licence: MIT\n", own, frameworks, table, "acme/pack.yaml:6:1: unknown key"},
		"another name":      {strings.Replace(pack, "acme", "other", 1), own, frameworks, table, "its folder"},
		"unknown control":   {strings.Replace(pack, "ACME-01", "ACME-02", 1), own, frameworks, table, "acme/pack.yaml: there is no control ACME-02"},
		"unknown profile":   {pack + "profiles: {a: {title: A, controls: [ACME-01], includes: [b]}}\n", own, frameworks, table, "which is no other profile"},
		"unknown framework": {pack, own, strings.Replace(frameworks, "acme-handbook", "nist-ai-rmf", 1), table, "controls/acme_01.rego:1:1: the framework acme-handbook is not known"},
		"unknown id":        {pack, own, frameworks, strings.Replace(table, "7", "8", 1), "controls/acme_01.rego:1:1: Handbook (first) has no 7"},
		"table with a slip": {pack, own, frameworks, table + "8\tx\tverified\n", "frameworks/acme-handbook.tsv:3:1"},
		"no table":          {pack, own, strings.Replace(frameworks, "acme-handbook", "other", 1), table, "framework other"},
		"broken Rego":       {pack, own + "x if {", frameworks, table, "controls/acme_01.rego"},
		"a rule in a pack":  {pack + "#rule", own, frameworks, table, "acme/stray.rego: rules lie in controls/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := fstest.MapFS{"acme/README.md": {}, "lib/pack.yaml": read("pack.yaml"), "lib/lib.rego": read("lib.rego"), "controls/acme_01.rego": {Data: []byte(tt.rego)},
				"controls/pack.yaml":         {Data: []byte("name: controls\ntitle: All\nversion: 1.0.0\ndescription: x\n")},
				"frameworks/frameworks.yaml": {Data: []byte(tt.frameworks)}, "frameworks/acme-handbook.tsv": {Data: []byte(tt.table)}}
			if tt.frameworks == strings.Replace(frameworks, "acme-handbook", "nist-ai-rmf", 1) {
				m["frameworks/nist-ai-rmf.tsv"] = m["frameworks/acme-handbook.tsv"]
			}
			if strings.HasSuffix(tt.yaml, "#rule") {
				m["acme/stray.rego"] = &fstest.MapFile{Data: []byte("package lumos.acme.stray\n")}
			}
			if tt.yaml != "" {
				m["acme/pack.yaml"] = &fstest.MapFile{Data: []byte(tt.yaml)}
			}
			l := policy.NewLibrary(m)
			_, err := l.Load(t.Context(), policy.Source{Config: &config.Config{MaxAge: "1d", Packs: []config.Pack{{Name: "acme"}}}})
			if tt.want == "" {
				if cs, cerr := l.Controls(); err != nil || cerr != nil || len(cs) != 1 || cs[0].ID != "ACME-01" {
					t.Errorf("%v, %v, %v", err, cs, cerr)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if _, err := l.Packs(); err == nil {
				t.Error("the packs can be listed all the same")
			}
		})
	}
}

// The example of the guide is a control that loads and judges.
func TestGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../policies/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(guide), "```rego\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("the guide has no example")
	}
	e, err := loadOwn(t, policy.File{Path: ruleFile, Data: []byte(example)})
	if err != nil {
		t.Fatal(err)
	}
	for unit, want := range map[string]policy.Outcome{"retail-bank": policy.Pass, "TBD": policy.Fail, `""`: policy.Missing} {
		r := e.Evaluate(t.Context(), subject(manifest(t, "businessUnit: retail-bank", "businessUnit: "+unit)))
		if got := result(t, r, "ACME-01"); got.Outcome != want {
			t.Errorf("%s: %s (%s), want %s", unit, got.Outcome, got.Reason, want)
		}
	}
}

// A control that passes and finds something all the same fails, wherever it looks at its own pass.
func TestPassingWithFindings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail string
		want policy.Outcome
	}{
		"guarded":          {`fail contains {"message": "x"} if not pass`, policy.Pass},
		"not guarded":      {`fail contains {"message": "x"} if input.tier.derived != ""`, policy.Fail},
		"one of two":       {"fail contains {\"message\": \"x\"} if not pass\n\nfail contains {\"message\": \"y\"} if input.tier.derived != \"\"", policy.Fail},
		"another's guard":  {"fail contains {\"message\": \"x\"} if not other\n\nother if input.tier.derived == \"\"", policy.Fail},
		"in another world": {`fail contains {"message": "x"} if not pass with input as {}`, policy.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := load(t, acme(), rule(c.fail+"\n\npass if input.tier.derived != \"\"\n")).Evaluate(t.Context(), subject(manifest(t)))
			if got := result(t, r, "ACME-01"); got.Outcome != c.want {
				t.Errorf("outcome %s (%s), want %s", got.Outcome, got.Reason, c.want)
			}
		})
	}
}
