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
	"github.com/lumos-governance/lumos/internal/policy/star"
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
	compiler *ast.Compiler // for explanations
	together together

	frameworks map[string]*Framework
	minScore   *float64
	starlark   bool     // some control is written in it
	reading    *reading // of evidence

	// What controls see that is the same for every manifest. thresholds is nil when they depend on it.
	lists, thresholds *ast.Term
	maxAgeDays        int

	config  *config.Config
	sourced sourced
}

// prepared is a control with its queries, which bind its answers by the names of its rules.
type prepared struct {
	Control
	why     string        // the pack and profile that bring it in
	from    time.Time     // from when on it counts; zero: always
	program *star.Program // Starlark; nil for Rego, which has the queries
	rules   ast.Ref       // its package, when it is Rego
	query   rego.PreparedEvalQuery
	// short is query without the findings, for a control whose findings all start with "not pass": once
	// it passes there are none to look for, which saves a quarter of the evaluation. Else nil.
	short *rego.PreparedEvalQuery
	reads reads // of lists and thresholds
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

func newEngine(ctx context.Context, digest string, sel *selection, s Source) (*Engine, error) {
	age, err := s.Config.EvidenceAge()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.Path, err)
	}
	lists, groups := listsOf(sel.lists, s.Config), thresholdsOf(s.Config)
	e := &Engine{digest: digest, frameworks: sel.frameworks, severity: map[string]Severity{}, minScore: s.Config.MinScore, maxAgeDays: int(age / (24 * time.Hour)), config: s.Config}
	if e.lists, err = term(own(lists, s.Config)); err != nil {
		return nil, err
	}
	if !depends(s.Config) {
		if e.thresholds, err = term(groups); err != nil {
			return nil, err
		}
	}
	if e.reading, err = newReading(s.Files); err != nil {
		return nil, err
	}
	modules := slices.Clone(sel.helpers)
	for _, c := range sel.controls {
		modules = append(modules, c.module)
	}
	shape, err := inputSchema(slices.Sorted(maps.Keys(lists)), slices.Sorted(maps.Keys(groups)))
	if err != nil {
		return nil, err
	}
	compiler, err := compile(modules, shape)
	if err != nil {
		return nil, err
	}
	e.compiler = compiler
	var shared []int // controls that can be asked together
	for _, c := range sel.controls {
		p := prepared{Control: *c.control, why: c.why, from: c.from, program: c.program}
		p.Pack = c.pack
		p.reads = everything
		if c.program != nil {
			if errs := c.program.Check(shape); errs != nil {
				return nil, errs
			}
		} else {
			p.rules = c.parsed.Package.Path
			p.reads = readsOf(compiler, p.rules)
			if err := p.prepare(ctx, compiler); err != nil {
				return nil, fmt.Errorf("%s: %w", c.path, err)
			}
		}
		e.starlark = e.starlark || c.program != nil
		if p.short != nil && c.pack != localPack {
			shared = append(shared, len(e.controls))
		}
		e.controls = append(e.controls, p)
		e.severity[p.ID] = p.Severity
	}
	if e.together, err = e.prepareTogether(ctx, shared); err != nil {
		return nil, err
	}
	for _, f := range s.Files {
		if strings.HasPrefix(f.Path, waiverDir) && (strings.HasSuffix(f.Path, ".yaml") || strings.HasSuffix(f.Path, ".yml")) {
			e.waivers = append(e.waivers, parseWaiver(f))
		}
	}
	slices.SortFunc(e.waivers, func(a, b *waiver) int { return strings.Compare(a.path, b.path) })
	e.sourced = sourcedBy(s.Config, e.controls)
	return e, nil
}

// listsOf joins the defaults of the packs with what the configuration sets, which counts.
func listsOf(defaults map[string][]string, c *config.Config) map[string][]string {
	out := maps.Clone(defaults)
	for name, l := range c.Lists {
		out[name] = l.Values
	}
	return out
}

// own leaves out the lists that a source gives: without its data there is no such list.
func own(lists map[string][]string, c *config.Config) map[string][]string {
	out := maps.Clone(lists)
	maps.DeleteFunc(out, func(name string, _ []string) bool { return c.Lists[name].Source != "" })
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

// compile type-checks what is Rego among the modules against the schema of their input, and compiles it.
func compile(modules []*module, input any) (*ast.Compiler, error) {
	parsed := map[string]*ast.Module{}
	for _, m := range modules {
		if m.parsed != nil {
			parsed[m.path] = m.parsed
		}
	}
	c := newCompiler(input)
	if c.Compile(parsed); c.Failed() {
		return nil, regoErrors("policies", c.Errors)
	}
	return c, nil
}

// prepare makes the queries for a control's answers. An answer that is a plain rule is wrapped in a
// comprehension, since it may be undefined; a set is always defined.
func (p *prepared) prepare(ctx context.Context, compiler *ast.Compiler) error {
	rules := p.rules
	pass, guarded := rules.Append(ast.StringTerm(rulePass)), true
	parts := map[string]string{}
	for _, r := range compiler.GetRulesWithPrefix(rules) {
		name := r.Head.Name.String()
		switch name {
		case ruleFail, ruleMissing:
			guarded = guarded && isNot(r.Body[0], pass)
			fallthrough
		case ruleNotApplicable:
			parts[name] = fmt.Sprintf("%s = %s.%s", name, rules, name)
		case rulePass, ruleMandatory:
			parts[name] = fmt.Sprintf("%s = [x | x = %s.%s]", name, rules, name)
		}
	}
	var err error
	if p.query, err = query(ctx, compiler, parts); err != nil || !guarded {
		return err
	}
	delete(parts, ruleFail)
	delete(parts, ruleMissing)
	short, err := query(ctx, compiler, parts)
	p.short = &short
	return err
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
	Manifest File                  // at head
	Release  *releases.Release     // Manifest as parsed, where the caller has done so; nil lets Evaluate parse it
	Previous *File                 // the model's last release, at base
	Prior    *releases.Release     // Previous as parsed, where the caller has done so
	Evidence map[string]File       // files at head that the manifest names, by path
	Releases map[string]File       // manifests at base that the manifest names (its base models' releases), by path
	Sources  map[string]SourceData // what the sources said that the configuration names, by their names
	Now      time.Time             // decides what is too old or expired; never shown
}

// Evaluate judges one manifest. Whatever goes wrong is in the report, which then concludes error. When
// ctx ends early, controls that have not finished are errors: such a report says nothing lasting.
func (e *Engine) Evaluate(ctx context.Context, s Subject) *Report {
	in, concerns, r := e.facts(s)
	if in == nil {
		return r
	}
	r.Controls = e.run(ctx, *in)
	for i := range r.Controls {
		r.Controls[i] = waive(r.Controls[i], concerns)
	}
	r.Frameworks = project(r.Controls, e.frameworks)
	total := sum(r.Controls)
	r.Score, r.Coverage = total.score(), total.coverage()
	r.Conclusion = conclude(r.Controls, r.Score, r.Coverage, r.Tier.Effective, e.minScore, in.release.Manifest.Spec.Risk.EUAIAct.Class == prohibited)
	r.Notices = notices(e.deadlines(in.release, concerns), s.Now)
	if r.Problems != nil {
		r.Conclusion = Errored
	}
	return r
}

// facts prepares what the controls of one manifest see, and begins the report. They are nil when the
// manifest cannot be judged; the report then says why.
func (e *Engine) facts(s Subject) (*facts, []concern, *Report) {
	r := &Report{Path: s.Manifest.Path, Policy: e.digest, Controls: []Result{}, Frameworks: []FrameworkScore{}, Changes: []releases.Change{}}
	release := s.Release
	if release == nil {
		release = r.read(s.Manifest)
	}
	if release == nil {
		return nil, nil, r
	}
	about, risk := release.Manifest.Metadata, release.Manifest.Spec.Risk
	r.Model, r.Version, r.Digest = about.Name, about.Version, release.Digest
	r.Tier = tierOf(risk.Tier, risk.Factors, risk.EUAIAct.Class)
	previous := r.compare(release, s.Previous, s.Prior)
	concerns := concerning(e.waivers, e.severity, about.Name, about.Version, r.Tier.Effective, s.Now)

	got := e.sourced.gather(s.Sources)
	r.Sources = got.uses
	in := &facts{release: release, now: s.Now, unread: got.unread}
	thresholds, err := e.thresholdsFor(release, r.Tier, got.limits)
	if err == nil {
		in.rego, err = e.input(release, previous, s, r.Tier, concerns, with(e.lists, got.lists), thresholds)
	}
	if err == nil && e.starlark {
		in.star, err = starInput(in.rego)
	}
	if err != nil {
		r.Problems, r.Conclusion = append(r.Problems, clean(err.Error())), Errored
		return nil, nil, r
	}
	return in, concerns, r
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
func (r *Report) compare(release *releases.Release, f *File, previous *releases.Release) *releases.Release {
	if f == nil {
		return nil
	}
	if f.Err != "" {
		r.Problems = append(r.Problems, clean(fmt.Sprintf("the previous release %s could not be read: %s", f.Path, f.Err)))
		return nil
	}
	if previous == nil {
		var err error
		if previous, err = releases.Parse(f.Path, f.Data); err != nil {
			r.Problems = append(r.Problems, clean(fmt.Sprintf("the previous release could not be read: %v", err)))
			return nil
		}
	}
	if changes := releases.Diff(previous, release); changes != nil {
		r.Changes = changes
	}
	r.Previous = previous.Manifest.Metadata.Version
	return previous
}

// run evaluates the controls, a few at a time, in the order of the report.
func (e *Engine) run(ctx context.Context, in facts) []Result {
	out := make([]Result, len(e.controls))
	first := e.together.ask(ctx, in, len(out))
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(out); i = int(next.Add(1)) - 1 {
			out[i] = e.due(&e.controls[i], e.controls[i].evaluate(ctx, in, first[i]), in.now)
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

// facts are what the controls of one manifest see.
type facts struct {
	rego    ast.Value
	star    *star.Input // nil when no control is written in Starlark
	release *releases.Release
	now     time.Time
	unread  unread // what sources did not give
}

// due takes a control out that does not count yet, or whose place another has taken. What it would say
// is told all the same.
func (e *Engine) due(p *prepared, r Result, now time.Time) Result {
	because := ""
	if p.from.After(now) {
		r.EffectiveFrom = p.from.Format(time.DateOnly)
		because = fmt.Sprintf("takes effect on %s (%s)", r.EffectiveFrom, p.why)
	} else if i := slices.IndexFunc(e.controls, func(c prepared) bool { return c.ID == p.SupersededBy && !c.from.After(now) }); i >= 0 {
		because = "superseded by " + p.SupersededBy
	}
	if because == "" || r.Outcome == NotApplicable {
		return r
	}
	because += ": today it would be " + string(r.Outcome)
	r.Outcome, r.Reason, r.Findings, r.Remediation = NotApplicable, because, nil, ""
	return r
}

// evaluate judges by one control. first is what it answered together with others.
func (p *prepared) evaluate(ctx context.Context, in facts, first answer) (out Result) {
	r := Result{ID: p.ID, Pack: p.Pack, Title: p.Title, Severity: p.Severity, Mandatory: p.Mode == Mandatory, References: p.References}
	// A fault in the engine costs this control its pass, not the process its life.
	defer func() {
		if fault := recover(); fault != nil {
			out = r.errored(fmt.Sprintf("the engine failed: %v", fault))
		}
	}()
	if why := in.unread.stops(p.reads); why != "" {
		return r.errored(why)
	}
	answers, err := first.vars, error(nil)
	if answers == nil {
		answers, err = p.answers(ctx, in, first.open)
	}
	if errors.Is(err, errTimeout) && ctx.Err() == nil {
		// The clock runs for a machine that is busy with something else, too: that must not stop a release.
		answers, err = p.answers(ctx, in, true)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return r.errored("the evaluation was stopped")
	case errors.Is(err, errTimeout):
		return r.errored(fmt.Sprintf("it ran longer than %s", controlTimeout))
	case err != nil:
		return r.errored(err.Error())
	}
	return p.interpret(r, answers, in.release)
}

var errTimeout = errors.New("the time is up")

// answers asks the control within its budget. open says that it is known not to pass.
func (p *prepared) answers(ctx context.Context, in facts, open bool) (rego.Vars, error) {
	if p.program != nil {
		ctx, cancel := context.WithTimeoutCause(ctx, controlTimeout, errTimeout)
		defer cancel()
		out, err := p.program.Ask(ctx, in.star)
		if err != nil && context.Cause(ctx) == errTimeout {
			err = errTimeout
		}
		return out, err
	}
	stop := topdown.NewCancel()
	defer time.AfterFunc(controlTimeout, stop.Cancel).Stop()
	defer context.AfterFunc(ctx, stop.Cancel)()
	ask := func(q rego.PreparedEvalQuery) (rego.ResultSet, error) {
		return q.Eval(ctx, rego.EvalParsedInput(in.rego), rego.EvalExternalCancel(stop), rego.EvalMetrics(metrics.NoOp()))
	}
	var answers rego.ResultSet
	var err error
	if p.short != nil && !open {
		answers, err = ask(*p.short)
	}
	if err != nil || len(answers) != 1 || !settled(answers[0].Bindings) {
		answers, err = ask(p.query) // it alone says what is wrong
	}
	switch {
	case topdown.IsCancel(err):
		return nil, errTimeout
	case err != nil:
		return nil, err
	case len(answers) != 1:
		return nil, errors.New("it has no answer")
	}
	return answers[0].Bindings, nil
}

// starInput turns the input into what Starlark sees.
func starInput(input ast.Value) (*star.Input, error) {
	v, err := ast.JSON(input)
	if err != nil {
		return nil, err
	}
	return star.NewInput(v)
}
