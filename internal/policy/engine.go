package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/releases"
)

const (
	// controlTimeout bounds one control. Rego has no memory limit: time is what bounds that too.
	controlTimeout = 250 * time.Millisecond
	// atOnce is how many controls of one manifest run at the same time.
	atOnce = 2
)

// Engine judges manifests under one policy. It is immutable and safe for concurrent use.
type Engine struct {
	digest   string
	controls []prepared // in the order of the report
	severity map[string]Severity
	waivers  []*waiver
	minScore *float64

	// What controls see that is the same for every manifest.
	lists, thresholds *ast.Term
	maxAgeDays        int
}

// prepared is a control with its queries, which bind its answers by the names of its rules.
type prepared struct {
	Control
	query rego.PreparedEvalQuery
	// short is query without the findings, for a control whose findings all start with "not pass": once
	// it passes there are none to look for, which saves a quarter of the evaluation. Else nil.
	short *rego.PreparedEvalQuery
}

// Digest is the sha256 of everything that judges: packs, own rules, configuration, lists, waivers.
func (e *Engine) Digest() string { return e.digest }

// Controls returns the controls that judge, in the order of a report.
func (e *Engine) Controls() []Control {
	out := make([]Control, len(e.controls))
	for i, c := range e.controls {
		out[i] = c.Control
	}
	return out
}

func newEngine(ctx context.Context, digest string, packs []*Pack, s Source) (*Engine, error) {
	age, err := s.Config.EvidenceAge()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.Path, err)
	}
	lists, groups := listsOf(packs, s.Config), thresholdsOf(s.Config)
	e := &Engine{digest: digest, severity: map[string]Severity{}, minScore: s.Config.MinScore, maxAgeDays: int(age / (24 * time.Hour))}
	if e.lists, err = term(lists); err != nil {
		return nil, err
	}
	if e.thresholds, err = term(groups); err != nil {
		return nil, err
	}
	compiler, err := compile(packs, slices.Sorted(maps.Keys(lists)), slices.Sorted(maps.Keys(groups)), false)
	if err != nil {
		return nil, err
	}
	for _, p := range packs {
		for _, c := range p.Controls {
			q, err := prepare(ctx, compiler, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Path, err)
			}
			e.controls = append(e.controls, q)
			e.severity[c.ID] = c.Severity
		}
	}
	for _, f := range s.Files {
		if strings.HasPrefix(f.Path, waiverDir) && (strings.HasSuffix(f.Path, ".yaml") || strings.HasSuffix(f.Path, ".yml")) {
			e.waivers = append(e.waivers, parseWaiver(f))
		}
	}
	slices.SortFunc(e.waivers, func(a, b *waiver) int { return strings.Compare(a.path, b.path) })
	return e, nil
}

// listsOf joins the defaults of the packs with what the configuration sets, which counts.
func listsOf(packs []*Pack, c *config.Config) map[string][]string {
	out := map[string][]string{}
	for _, p := range packs {
		maps.Copy(out, p.Lists)
	}
	for name, l := range c.Lists {
		out[name] = l.Values
	}
	return out
}

func thresholdsOf(c *config.Config) map[string]map[string]config.Threshold {
	out := map[string]map[string]config.Threshold{"evaluations": {}, "performance": {}}
	maps.Copy(out, c.Thresholds)
	return out
}

// term turns a value into the engine's own form, by its JSON.
func term(v any) (*ast.Term, error) {
	a, err := ast.InterfaceToValue(v)
	if err != nil {
		return nil, err
	}
	return ast.NewTerm(a), nil
}

// compile type-checks and compiles the packs together, with or without their tests.
func compile(packs []*Pack, lists, groups []string, tests bool) (*ast.Compiler, error) {
	input, err := inputSchema(lists, groups)
	if err != nil {
		return nil, err
	}
	modules := map[string]*ast.Module{}
	for _, p := range packs {
		for _, m := range p.modules {
			if tests || !m.isTest() {
				modules[m.path] = m.parsed
			}
		}
	}
	c := newCompiler(input)
	if c.Compile(modules); c.Failed() {
		return nil, regoErrors("policies", c.Errors)
	}
	return c, nil
}

// prepare makes the queries for a control's answers. An answer that is a plain rule is wrapped in a
// comprehension, since it may be undefined; a set is always defined.
func prepare(ctx context.Context, compiler *ast.Compiler, c Control) (prepared, error) {
	p := prepared{Control: c}
	pass, guarded := c.rules.Append(ast.StringTerm(rulePass)), true
	parts := map[string]string{}
	for _, r := range compiler.GetRulesWithPrefix(c.rules) {
		name := r.Head.Name.String()
		switch name {
		case ruleFail, ruleMissing:
			guarded = guarded && isNot(r.Body[0], pass)
			fallthrough
		case ruleNotApplicable:
			parts[name] = fmt.Sprintf("%s = %s.%s", name, c.rules, name)
		case rulePass, ruleMandatory:
			parts[name] = fmt.Sprintf("%s = [x | x = %s.%s]", name, c.rules, name)
		}
	}
	var err error
	if p.query, err = query(ctx, compiler, parts); err != nil || !guarded {
		return p, err
	}
	delete(parts, ruleFail)
	delete(parts, ruleMissing)
	short, err := query(ctx, compiler, parts)
	p.short = &short
	return p, err
}

// isNot tells whether an expression is the negation of a rule.
func isNot(x *ast.Expr, rule ast.Ref) bool {
	t, ok := x.Terms.(*ast.Term)
	return ok && x.Negated && len(x.With) == 0 && t.Value.Compare(rule) == 0
}

func query(ctx context.Context, compiler *ast.Compiler, parts map[string]string) (rego.PreparedEvalQuery, error) {
	var ordered []string // the first error in this order is the one that is told
	for _, name := range []string{ruleNotApplicable, ruleFail, ruleMissing, rulePass, ruleMandatory} {
		if part, ok := parts[name]; ok {
			ordered = append(ordered, part)
		}
	}
	return rego.New(
		rego.Compiler(compiler),
		rego.Query(strings.Join(ordered, "; ")),
		rego.SetRegoVersion(ast.RegoV1),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
}

// Subject is one manifest to judge, with what it rests on.
type Subject struct {
	Manifest File              // at head
	Release  *releases.Release // Manifest as parsed, where the caller has done so; nil lets Evaluate parse it
	Previous *File             // the model's last release, at base
	Evidence map[string]File   // files at head that the manifest names, by path
	Now      time.Time         // decides what is too old or expired; never shown
}

// Evaluate judges one manifest. Whatever goes wrong is in the report, which then concludes error. When
// ctx ends early, controls that have not finished are errors: such a report says nothing lasting.
func (e *Engine) Evaluate(ctx context.Context, s Subject) *Report {
	r := &Report{Path: s.Manifest.Path, Policy: e.digest, Controls: []Result{}, Frameworks: []FrameworkScore{}, Changes: []releases.Change{}}
	release := s.Release
	if release == nil {
		release = r.read(s.Manifest)
	}
	if release == nil {
		return r
	}
	about, risk := release.Manifest.Metadata, release.Manifest.Spec.Risk
	r.Model, r.Version, r.Digest = about.Name, about.Version, release.Digest
	r.Tier = tierOf(risk.Tier, risk.Factors, risk.EUAIAct.Class)
	previous := r.compare(release, s.Previous)
	concerns := concerning(e.waivers, e.severity, about.Name, about.Version, r.Tier.Effective, s.Now)

	input, err := e.input(release, previous, s, r.Tier, concerns)
	if err != nil {
		r.Problems = append(r.Problems, clean(err.Error()))
		r.Conclusion = Errored
		return r
	}
	r.Controls = e.run(ctx, input, release)
	for i := range r.Controls {
		r.Controls[i] = waive(r.Controls[i], concerns)
	}
	r.Frameworks = project(r.Controls)
	total := sum(r.Controls)
	r.Score, r.Coverage = total.score(), total.coverage()
	r.Conclusion = conclude(r.Controls, r.Score, r.Coverage, r.Tier.Effective, e.minScore, risk.EUAIAct.Class == prohibited)
	if r.Problems != nil {
		r.Conclusion = Errored
	}
	return r
}

// Unjudged is the report on a manifest whose policy could not be loaded.
func Unjudged(path string, err error) *Report {
	return &Report{Path: path, Conclusion: Errored, Tier: unknownTier, Controls: []Result{}, Frameworks: []FrameworkScore{}, Changes: []releases.Change{},
		Problems: problems(err)}
}

// problems lists what an error says, line by line.
func problems(err error) []string {
	var out []string
	for line := range strings.Lines(err.Error()) {
		out = append(out, clean(line))
	}
	return out
}

// unknownTier is that of a release about which nothing is known.
var unknownTier = Tier{Effective: releases.TierCritical, Derived: releases.TierCritical, Reason: "the release could not be judged"}

// read parses the manifest, or says in the report why it cannot be.
func (r *Report) read(f File) *releases.Release {
	r.Conclusion, r.Tier = Errored, unknownTier
	if f.Err != "" {
		r.Invalid = releases.Errors{{Path: f.Path, Message: "it could not be read: " + clean(strings.TrimPrefix(f.Err, f.Path+": "))}}
		return nil
	}
	release, err := releases.Parse(f.Path, f.Data)
	var invalid releases.Errors
	switch {
	case errors.As(err, &invalid):
		r.Invalid = invalid
		return nil
	case err != nil:
		r.Problems = problems(err)
		return nil
	}
	return release
}

// compare lists what changed since the last release, which it returns. One that cannot be read is a
// problem: a reviewer would be shown no change where there may be many.
func (r *Report) compare(release *releases.Release, f *File) *releases.Release {
	if f == nil {
		return nil
	}
	if f.Err != "" {
		r.Problems = append(r.Problems, clean(fmt.Sprintf("the previous release %s could not be read: %s", f.Path, f.Err)))
		return nil
	}
	previous, err := releases.Parse(f.Path, f.Data)
	if err != nil {
		r.Problems = append(r.Problems, clean(fmt.Sprintf("the previous release could not be read: %v", err)))
		return nil
	}
	if changes := releases.Diff(previous, release); changes != nil {
		r.Changes = changes
	}
	r.Previous = previous.Manifest.Metadata.Version
	return previous
}

// run evaluates the controls, a few at a time, in the order of the report.
func (e *Engine) run(ctx context.Context, input ast.Value, release *releases.Release) []Result {
	out := make([]Result, len(e.controls))
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(out); i = int(next.Add(1)) - 1 {
			out[i] = e.controls[i].evaluate(ctx, input, release)
		}
	}
	var wg sync.WaitGroup
	for range min(atOnce, runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(func() {
			deepen()
			work()
		})
	}
	work()
	wg.Wait()
	return out
}

// deepen makes a new goroutine's stack as deep as Rego needs it, at once while there is nothing on it
// to move. Growing it step by step took a sixth of the whole evaluation (Go 1.26).
//
//go:noinline
func deepen() {
	var stack [64 << 10]byte
	runtime.KeepAlive(&stack)
}

func (p *prepared) evaluate(ctx context.Context, input ast.Value, release *releases.Release) (out Result) {
	r := Result{ID: p.ID, Pack: p.Pack, Title: p.Title, Severity: p.Severity, Mandatory: p.Mode == Mandatory, References: p.References}
	// A fault in the engine costs this control its pass, not the process its life.
	defer func() {
		if fault := recover(); fault != nil {
			out = r.errored(fmt.Sprintf("the engine failed: %v", fault))
		}
	}()
	stop := topdown.NewCancel()
	defer time.AfterFunc(controlTimeout, stop.Cancel).Stop()
	defer context.AfterFunc(ctx, stop.Cancel)()
	ask := func(q rego.PreparedEvalQuery) (rego.ResultSet, error) {
		return q.Eval(ctx, rego.EvalParsedInput(input), rego.EvalExternalCancel(stop), rego.EvalMetrics(metrics.NoOp()))
	}
	var answers rego.ResultSet
	var err error
	if p.short != nil {
		answers, err = ask(*p.short)
	}
	if err != nil || len(answers) != 1 || !holds(answers[0].Bindings[rulePass]) {
		answers, err = ask(p.query) // it alone says what is wrong
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return r.errored("the evaluation was stopped")
	case topdown.IsCancel(err):
		return r.errored(fmt.Sprintf("it ran longer than %s", controlTimeout))
	case err != nil:
		return r.errored(err.Error())
	case len(answers) != 1:
		return r.errored("it has no answer")
	}
	return p.interpret(r, answers[0].Bindings, release)
}
