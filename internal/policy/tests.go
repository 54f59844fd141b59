package policy

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/releases"
)

//go:embed schema/tests.schema.json
var testsSchemaSource []byte

// TestsSchema returns the JSON Schema (draft 2020-12) of a table of cases (_test.yaml).
func TestsSchema() []byte { return slices.Clone(testsSchemaSource) }

const (
	testTimeout = 5 * time.Second
	testNow     = "2026-09-01T12:00:00Z"
)

// TestOptions say what to test.
type TestOptions struct {
	Catalog  bool                  // the controls that ship, besides the repository's own
	Only     []string              // ids of controls; empty: all
	Config   *config.Config        // of the repository, for its lists and thresholds; nil: the defaults
	Timeout  time.Duration         // for one test in Rego, which may ask its control many times; 0: five seconds
	Clock    func() time.Time      // to tell how long each test took; nil: not told, so that the report is always the same
	Progress func(done, total int) // called after each test; may be nil
}

// TestReport says how the tests of controls went.
type TestReport struct {
	Passed   int             `json:"passed"`
	Failed   int             `json:"failed"` // failures and errors
	Controls []TestedControl `json:"controls"`
	Coverage Tenths          `json:"coverage"` // of the lines in Files
	Files    []FileCoverage  `json:"files"`    // of controls and helpers, by path
}

// TestedControl is a control with its tests. Tests that belong to no control, such as those of helpers,
// have the path of their own file, and no id.
type TestedControl struct {
	ID       string       `json:"id,omitempty"`
	Title    string       `json:"title,omitempty"`
	Language Language     `json:"language,omitempty"`
	Path     string       `json:"path"`
	Tests    []TestResult `json:"tests"`
	Passing  bool         `json:"passing"` // some test shows it to pass
	Failing  bool         `json:"failing"` // some test shows it to find something
}

// TestResult is how one test went.
type TestResult struct {
	Name    string      `json:"name"`
	Outcome TestOutcome `json:"outcome"`
	Message string      `json:"message,omitempty"` // why it did not pass
	Path    string      `json:"path"`
	Line    int         `json:"line"`
	Column  int         `json:"column"`
	Seconds float64     `json:"seconds,omitempty"`
}

// TestOutcome is how a test went.
type TestOutcome string

// The outcomes of a test.
const (
	TestPassed  TestOutcome = "pass"
	TestFailed  TestOutcome = "fail"
	TestErrored TestOutcome = "error"
)

// FileCoverage tells which lines of a file tests have reached. Only lines that do something count.
type FileCoverage struct {
	Path      string  `json:"path"`
	Covered   int     `json:"covered"`
	Uncovered int     `json:"uncovered"`
	Coverage  Tenths  `json:"coverage"`
	Gaps      []Lines `json:"gaps,omitempty"` // that no test reaches
}

// Lines is a range of lines, from 1, both ends included.
type Lines struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Missing returns the controls that no test shows to pass, or none to find something.
func (r *TestReport) Missing() []TestedControl {
	var out []TestedControl
	for _, c := range r.Controls {
		if c.ID != "" && (!c.Passing || !c.Failing) {
			out = append(out, c)
		}
	}
	return out
}

// Test runs the tests of the controls that ship, of a repository's own (its files below .lumos/policies),
// or of both. What is wrong with the files is an error, a document.Errors where there are places to name;
// what is wrong with a control is in the report.
func (l *Library) Test(ctx context.Context, local []File, opts TestOptions) (*TestReport, error) {
	shelf, err := l.shelf()
	if err != nil {
		return nil, err
	}
	own, err := readLocal(local, shelf.frameworks)
	if err != nil {
		return nil, err
	}
	t := trial{opts: opts, config: opts.Config, covered: cover.New()}
	if t.opts.Timeout <= 0 {
		t.opts.Timeout = testTimeout
	}
	if t.config == nil {
		t.config = config.Default()
	}
	if err := t.load(ctx, shelf, own); err != nil {
		return nil, err
	}
	if err := t.plan(shelf, own); err != nil {
		return nil, err
	}
	return t.run(ctx)
}

// trial runs the tests of one selection.
type trial struct {
	opts   TestOptions
	config *config.Config
	engine *Engine
	lists  map[string][]string
	groups []string

	modules  []*module // Rego among them is compiled for the tests
	compiler *ast.Compiler
	subjects []*subject
	covered  *cover.Cover
	helpers  bool             // helpers count for the coverage
	schema   *document.Schema // of tables
}

// subject is a control, or a file of tests that belong to none, with its tests.
type subject struct {
	TestedControl
	module  *module
	control *prepared
	tests   []oneTest
}

// oneTest is a test, with its place.
type oneTest struct {
	place TestResult
	run   func(ctx context.Context, r *TestResult)
}

func (t *trial) load(ctx context.Context, shelf *shelf, own *Pack) error {
	sel := &selection{lists: map[string][]string{}, frameworks: shelf.frameworks}
	for _, p := range shelf.packs {
		maps.Copy(sel.lists, p.Lists)
	}
	for _, p := range []*Pack{shelf.lib, shelf.catalog} { // their defaults count
		maps.Copy(sel.lists, p.Lists)
		for _, m := range p.own {
			if m.control == nil && !m.isTest() {
				sel.helpers = append(sel.helpers, m)
			} else if m.control != nil && t.opts.Catalog {
				sel.controls = append(sel.controls, chosen{module: m, pack: p.Name})
			}
		}
	}
	slices.SortFunc(sel.controls, func(a, b chosen) int { return cmp.Compare(a.control.ID, b.control.ID) })
	err := sel.addLocal(own)
	if err != nil {
		return err
	}
	if t.engine, err = newEngine(ctx, "", sel, Source{Config: t.config}); err != nil {
		return err
	}
	t.lists = listsOf(sel.lists, t.config)
	t.groups = slices.Sorted(maps.Keys(thresholdsOf(t.config)))
	t.helpers = t.opts.Catalog && len(t.opts.Only) == 0
	t.modules = slices.Clone(sel.helpers)
	for _, c := range sel.controls {
		t.modules = append(t.modules, c.module)
	}
	return nil
}

// plan gives each control its tests.
func (t *trial) plan(shelf *shelf, own *Pack) error {
	byStem := map[string]*subject{}
	for i := range t.engine.controls {
		p := &t.engine.controls[i]
		if len(t.opts.Only) > 0 && !slices.Contains(t.opts.Only, p.ID) {
			continue
		}
		s := &subject{TestedControl: TestedControl{ID: p.ID, Title: p.Title, Language: p.Language, Path: p.Path, Tests: []TestResult{}}, control: p}
		j := slices.IndexFunc(t.modules, func(m *module) bool { return m.control != nil && m.path == p.Path })
		s.module = t.modules[j]
		if p.program != nil {
			var err error
			if p.program, err = p.program.Covering(); err != nil {
				return err
			}
		}
		byStem[p.Pack+"/"+s.module.stem] = s
		t.subjects = append(t.subjects, s)
	}
	for _, id := range t.opts.Only {
		if !slices.ContainsFunc(t.subjects, func(s *subject) bool { return s.ID == id }) {
			return fmt.Errorf("there is no control %s to test", id)
		}
	}
	packs := []*Pack{own}
	if t.opts.Catalog {
		packs = []*Pack{shelf.lib, shelf.catalog, own}
	}
	var errs document.Errors
	var tests []*module
	for _, p := range packs {
		for _, m := range p.own {
			if !m.isTest() {
				continue
			}
			s := byStem[p.Name+"/"+strings.TrimSuffix(m.stem, "_test")]
			switch {
			case s == nil && len(t.opts.Only) > 0:
				continue
			case s == nil && m.parsed == nil:
				errs = append(errs, document.Error{Path: m.path, Message: "there is no control that these cases are about", Hint: "name the file after its control: <name>_test.yaml"})
				continue
			case s == nil:
				s = &subject{TestedControl: TestedControl{Path: m.path, Tests: []TestResult{}}}
				t.subjects = append(t.subjects, s)
			}
			if m.parsed != nil {
				tests = append(tests, m)
				errs = append(errs, t.addRego(s, m)...)
			} else {
				errs = append(errs, t.addTable(s, m)...)
			}
		}
	}
	if errs != nil {
		return errs.Sorted()
	}
	shape, err := t.shape()
	if err != nil {
		return err
	}
	t.compiler, err = compile(slices.Concat(t.modules, tests), shape)
	return err
}

func (t *trial) run(ctx context.Context) (*TestReport, error) {
	total, done := 0, 0
	for _, s := range t.subjects {
		total += len(s.tests)
	}
	out := &TestReport{Controls: []TestedControl{}, Files: []FileCoverage{}}
	for _, s := range t.subjects {
		for _, test := range s.tests {
			r := t.timed(ctx, test)
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("the tests were stopped: %w", context.Cause(ctx))
			}
			if r.Outcome == TestPassed {
				out.Passed++
			} else {
				out.Failed++
			}
			s.Tests = append(s.Tests, r)
			if done++; t.opts.Progress != nil {
				t.opts.Progress(done, total)
			}
		}
		out.Controls = append(out.Controls, s.TestedControl)
	}
	t.measure(out)
	return out, nil
}

// timed runs one test, whatever happens in it, and tells how long it took where that is asked for.
func (t *trial) timed(ctx context.Context, test oneTest) (r TestResult) {
	r = test.place
	start := time.Time{}
	if t.opts.Clock != nil {
		start = t.opts.Clock()
	}
	defer func() {
		if fault := recover(); fault != nil {
			r.Outcome, r.Message = TestErrored, clean(fmt.Sprintf("the test failed: %v", fault))
		}
		if t.opts.Clock != nil {
			r.Seconds = t.opts.Clock().Sub(start).Seconds()
		}
	}()
	test.run(ctx, &r)
	return r
}

// addRego adds the tests of a Rego file: its rules whose names start with test_. One that starts with
// todo_test_ is left out.
func (t *trial) addRego(s *subject, m *module) document.Errors {
	var errs document.Errors
	seen := map[string]bool{}
	for _, rule := range m.parsed.Rules {
		name := rule.Head.Name.String()
		if !strings.HasPrefix(name, "test_") {
			continue
		}
		several := rule.Head.DocKind() == ast.PartialObjectDoc
		if seen[name] {
			if !several {
				errs = append(errs, at(rule.Location, "rename one of them", "the test %s stands twice: it would pass when either does", name))
			}
			continue
		}
		seen[name] = true
		place := TestResult{Name: name, Path: m.path, Line: rule.Location.Row, Column: rule.Location.Col}
		ref := m.parsed.Package.Path.Append(ast.StringTerm(name))
		s.tests = append(s.tests, oneTest{place, func(ctx context.Context, r *TestResult) {
			t.askRego(ctx, ref, r)
			if r.Outcome == TestPassed {
				kind, _, _ := strings.Cut(strings.TrimPrefix(name, "test_"), "_")
				s.shows(Outcome(kind))
			}
		}})
	}
	return errs
}

// shows notes what a test has shown.
func (s *subject) shows(o Outcome) {
	s.Passing = s.Passing || o == Pass
	s.Failing = s.Failing || o == Fail || o == Missing
}

// askRego asks a test in Rego, which passes when it is true, or when every case of it is.
func (t *trial) askRego(ctx context.Context, test ast.Ref, r *TestResult) {
	ctx, cancel := context.WithTimeout(ctx, t.opts.Timeout)
	defer cancel()
	ask := func(tracer topdown.QueryTracer) (rego.ResultSet, error) {
		return rego.New(rego.Compiler(t.compiler), rego.Query(test.String()), rego.SetRegoVersion(ast.RegoV1),
			rego.StrictBuiltinErrors(true), rego.QueryTracer(tracer)).Eval(ctx)
	}
	answer, err := ask(t.covered)
	switch {
	case err != nil && ctx.Err() != nil:
		r.Outcome, r.Message = TestErrored, fmt.Sprintf("it ran longer than %s", t.opts.Timeout)
		return
	case err != nil:
		r.Outcome, r.Message = TestErrored, clean(err.Error())
		return
	}
	r.Outcome = TestFailed
	var value any
	if len(answer) == 1 && len(answer[0].Expressions) == 1 {
		value = answer[0].Expressions[0].Value
	}
	switch value := value.(type) {
	case bool:
		if value {
			r.Outcome = TestPassed
			return
		}
		r.Message = "it is false"
	case map[string]any:
		var wrong []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if value[name] != true {
				wrong = append(wrong, name)
			}
		}
		if len(value) > 0 && wrong == nil {
			r.Outcome = TestPassed
			return
		}
		r.Message = clean("these cases are not true: " + strings.Join(wrong, ", "))
		if len(value) == 0 {
			r.Message = "it has no cases"
		}
	default:
		last := &lastFail{file: r.Path}
		if _, err := ask(last); err == nil && last.at != nil {
			r.Line, r.Column = last.at.Row, last.at.Col
			text, _, _ := strings.Cut(string(last.at.Text), "\n")
			r.Message = clean("it does not hold: " + text)
			return
		}
		r.Message = "it is not true"
	}
}

// lastFail remembers the last expression of a file that did not hold.
type lastFail struct {
	file string
	at   *ast.Location
}

// Enabled implements topdown.QueryTracer.
func (*lastFail) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (*lastFail) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (l *lastFail) TraceEvent(e topdown.Event) {
	if x, ok := e.Node.(*ast.Expr); ok && e.Op == topdown.FailOp && x.Location != nil && x.Location.File == l.file {
		l.at = x.Location
	}
}

// testCase is one case of a table; see schema/tests.schema.json.
type testCase struct {
	Name      string         `json:"name"`
	Expect    Outcome        `json:"expect"`
	Mandatory *bool          `json:"mandatory"`
	Findings  []string       `json:"findings"`
	Reason    string         `json:"reason"`
	Input     map[string]any `json:"input"`
}

// addTable adds the cases of a table.
func (t *trial) addTable(s *subject, m *module) document.Errors {
	schema, err := t.tableSchema()
	if err != nil {
		return document.Errors{{Path: m.path, Message: err.Error()}}
	}
	doc, errs := document.Parse(m.path, m.table, schema)
	if errs != nil {
		return errs
	}
	var cases []testCase
	if err := doc.Decode(&cases); err != nil {
		return document.Errors{{Path: m.path, Message: err.Error()}}
	}
	seen := map[string]bool{}
	for i, c := range cases {
		pointer := fmt.Sprintf("/%d", i)
		if seen[c.Name] {
			errs = append(errs, doc.Errorf(pointer+"/name", "rename one of them", "there are two cases of this name"))
			continue
		}
		seen[c.Name] = true
		// Not from cases, whose numbers are all of one kind.
		c.Input, _ = doc.Value.([]any)[i].(map[string]any)["input"].(map[string]any)
		input, err := t.input(c.Input)
		if err != nil {
			errs = append(errs, doc.Errorf(pointer+"/input", "", "%v", err))
			continue
		}
		place := TestResult{Name: c.Name, Path: m.path}
		place.Line, place.Column = doc.Position(pointer + "/name")
		s.tests = append(s.tests, oneTest{place, func(ctx context.Context, r *TestResult) { t.askCase(ctx, s, c, input, r) }})
	}
	return errs
}

// shape is the schema of what the controls under test see.
func (t *trial) shape() (any, error) { return inputSchema(slices.Sorted(maps.Keys(t.lists)), t.groups) }

// tableSchema is the schema of tables in which input has only the fields that there are. Their types are
// left open: a case may be about a wrong one.
func (t *trial) tableSchema() (*document.Schema, error) {
	if t.schema != nil {
		return t.schema, nil
	}
	var table map[string]any
	if err := json.Unmarshal(testsSchemaSource, &table); err != nil {
		return nil, err
	}
	input, err := t.shape()
	if err != nil {
		return nil, err
	}
	known := onlyNames(input)
	known["type"] = "object"
	table["items"].(map[string]any)["properties"].(map[string]any)["input"] = known
	src, err := json.Marshal(table)
	if err != nil {
		return nil, err
	}
	t.schema, err = document.Compile("tests", src)
	return t.schema, err
}

// onlyNames keeps of a schema which fields there are.
func onlyNames(schema any) map[string]any {
	s, _ := schema.(map[string]any)
	out := map[string]any{}
	if properties, ok := s["properties"].(map[string]any); ok {
		names := map[string]any{}
		for name, p := range properties {
			names[name] = onlyNames(p)
		}
		out["properties"], out["additionalProperties"] = names, false
	}
	if items, ok := s["items"]; ok {
		out["items"] = onlyNames(items)
	}
	return out
}

// input lays what a case says over what holds without it.
func (t *trial) input(given map[string]any) (ast.Value, error) {
	in := map[string]any{
		"manifest": map[string]any{}, "evidence": map[string]any{}, "releases": map[string]any{}, "waivers": []any{},
		"lists": t.lists, "thresholds": thresholdsOf(t.config), "maxEvidenceAgeDays": t.engine.maxAgeDays,
		"tier": map[string]any{"effective": string(releases.TierLow)}, "now": testNow,
	}
	for name, value := range given {
		switch object, _ := value.(map[string]any); {
		case name == "lists" && object != nil:
			lists := map[string]any{}
			for k, v := range t.lists {
				lists[k] = v
			}
			maps.Copy(lists, object)
			in[name] = lists
		case name == "thresholds" && object != nil:
			groups := map[string]any{}
			for k, v := range thresholdsOf(t.config) {
				groups[k] = v
			}
			maps.Copy(groups, object)
			in[name] = groups
		case name == "tier" && object != nil:
			tier := map[string]any{"effective": string(releases.TierLow)}
			maps.Copy(tier, object)
			in[name] = tier
		default:
			in[name] = value
		}
	}
	return ast.InterfaceToValue(in)
}

// askCase asks a control as the engine does, and compares what it concludes.
func (t *trial) askCase(ctx context.Context, s *subject, c testCase, input ast.Value, r *TestResult) {
	release, err := standIn()
	facts := facts{rego: input, release: release}
	if err == nil && s.control.program != nil {
		facts.star, err = starInput(input)
	}
	if err != nil {
		r.Outcome, r.Message = TestErrored, clean(err.Error())
		return
	}
	got := s.control.evaluate(ctx, facts, answer{})
	t.trace(ctx, s.control, input)
	if wrong := c.compare(got); wrong != "" {
		r.Outcome, r.Message = TestFailed, clean(wrong)
		if got.Outcome == Error && c.Expect != Error {
			r.Outcome = TestErrored
		}
		return
	}
	r.Outcome = TestPassed
	s.shows(got.Outcome)
}

// compare says what is other than expected; empty when nothing is.
func (c testCase) compare(got Result) string {
	messages := make([]string, len(got.Findings))
	for i, f := range got.Findings {
		messages[i] = f.Message
	}
	slices.Sort(messages)
	said := strings.Join(messages, "; ")
	if got.Reason != "" {
		said = got.Reason
	}
	if got.Outcome != c.Expect {
		return strings.TrimSuffix(fmt.Sprintf("want %s, got %s: %s", c.Expect, got.Outcome, said), ": ")
	}
	if c.Mandatory != nil && *c.Mandatory != got.Mandatory {
		return fmt.Sprintf("want mandatory %t, got %t", *c.Mandatory, got.Mandatory)
	}
	if c.Findings != nil && !slices.Equal(slices.Sorted(slices.Values(c.Findings)), messages) {
		return fmt.Sprintf("want the findings %q, got %q", slices.Sorted(slices.Values(c.Findings)), messages)
	}
	if !strings.Contains(got.Reason, c.Reason) {
		return fmt.Sprintf("want a reason with %q, got %q", c.Reason, got.Reason)
	}
	return ""
}

// trace asks a control in Rego once more, for its coverage. What it says has been heard.
func (t *trial) trace(ctx context.Context, p *prepared, input ast.Value) {
	if p.program != nil {
		return // it counts by itself
	}
	stop := topdown.NewCancel()
	defer time.AfterFunc(t.opts.Timeout, stop.Cancel).Stop()
	defer context.AfterFunc(ctx, stop.Cancel)()
	_, _ = p.query.Eval(ctx, rego.EvalParsedInput(input), rego.EvalExternalCancel(stop), rego.EvalQueryTracer(t.covered))
}

// standIn is a release for cases, which say only what matters of theirs: it gives findings a place.
var standIn = sync.OnceValues(func() (*releases.Release, error) {
	return releases.Parse("case", []byte(`{apiVersion: lumos/v1, kind: ModelRelease, metadata: {name: case, version: "1.0.0"}, spec: {source: {registry: none, type: custom, modelId: case}}}`))
})

// measure adds up which lines have been reached.
func (t *trial) measure(out *TestReport) {
	parsed := map[string]*ast.Module{}
	for _, m := range t.modules {
		if m.parsed != nil {
			parsed[m.path] = m.parsed
		}
	}
	report := t.covered.Report(parsed)
	used := t.used()
	covered, all := 0, 0
	for _, m := range t.modules {
		i := slices.IndexFunc(t.subjects, func(s *subject) bool { return s.module == m })
		if i < 0 && !(m.control == nil && t.helpers && used[m.path]) {
			continue
		}
		lines := map[int]bool{} // whether they were reached
		if m.parsed != nil {
			f := report.Files[m.path]
			for _, r := range f.Covered {
				mark(lines, r.Start.Row, r.End.Row, true)
			}
			for _, r := range f.NotCovered {
				mark(lines, r.Start.Row, r.End.Row, false)
			}
		} else if program := t.subjects[i].control.program; program != nil {
			for _, s := range program.Coverage() {
				mark(lines, s.Line, s.End, s.Covered)
			}
		}
		f := coverageOf(m.path, lines)
		out.Files = append(out.Files, f)
		covered, all = covered+f.Covered, all+f.Covered+f.Uncovered
	}
	slices.SortFunc(out.Files, func(a, b FileCoverage) int { return strings.Compare(a.Path, b.Path) })
	out.Coverage = portion(covered, all)
}

// used finds the files of Rego that the controls under test rest on, themselves included.
func (t *trial) used() map[string]bool {
	out := map[string]bool{}
	seen := map[*ast.Rule]bool{}
	var follow func(r *ast.Rule)
	follow = func(r *ast.Rule) {
		if seen[r] {
			return
		}
		seen[r] = true
		out[r.Module.Package.Location.File] = true
		for next := range t.compiler.Graph.Dependencies(r) {
			if next, ok := next.(*ast.Rule); ok {
				follow(next)
			}
		}
	}
	for _, s := range t.subjects {
		if s.module != nil && s.module.parsed != nil {
			for _, r := range t.compiler.GetRulesWithPrefix(s.module.parsed.Package.Path) {
				follow(r)
			}
		}
	}
	return out
}

// mark notes lines. One that is reached only in part is not reached.
func mark(lines map[int]bool, from, to int, reached bool) {
	for n := from; n <= to; n++ {
		was, known := lines[n]
		lines[n] = reached && (was || !known)
	}
}

func coverageOf(path string, lines map[int]bool) FileCoverage {
	f := FileCoverage{Path: path}
	for _, n := range slices.Sorted(maps.Keys(lines)) {
		if lines[n] {
			f.Covered++
			continue
		}
		f.Uncovered++
		if last := len(f.Gaps) - 1; last >= 0 && f.Gaps[last].End == n-1 {
			f.Gaps[last].End = n
		} else {
			f.Gaps = append(f.Gaps, Lines{n, n})
		}
	}
	f.Coverage = portion(f.Covered, f.Covered+f.Uncovered)
	return f
}

// portion is a part of a whole; all of nothing.
func portion(part, whole int) Tenths {
	if whole == 0 {
		return 1000
	}
	return Tenths(part * 1000 / whole)
}
