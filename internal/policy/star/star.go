// Package star evaluates controls that are written in Python syntax (Starlark): hermetic, deterministic,
// and bounded in steps, time and memory.
//
// A control defines check(input), which returns a list of what fail(…) and missing(…) made; an empty list
// is the proof that all is well. It may define not_applicable(input), which returns None or a text, and
// mandatory(input), which returns a bool.
//
// The interpreter of go.starlark.net counts steps, and can be stopped between two of them, but what one
// step allocates it does not limit: "x" * 1000000000 is one step. So the program that runs is not quite
// the one that was written. Before it is compiled, its syntax tree is rewritten (rewrite.go) so that every
// operation whose result can be larger than a number is a call of a function of this package: operators,
// comparisons, attributes, items, slices, assignments to items, and literals. The universe is replaced as
// a whole (universe.go), and methods are looked up in tables of this package (methods.go): no function of
// the interpreter's own library can be reached but through a bounded one. Each of them first takes what
// its result will need from the run's budget (budget.go), which is never given back, and fails when that is
// used up. Work that is done within one step counts as steps.
//
// What would need a case of its own is refused when the control is read: load, *args, **kwargs, sets,
// bytes, nested functions, assignment to fields, source that is too long or too deep. Recursion is refused
// by the interpreter. There is no clock, no randomness, no input but the Input, and no output but answers.
//
// The package is pure. It imports of Lumos only internal/document.
package star

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/lumos-governance/lumos/internal/document"
)

// The functions that a control defines.
const (
	fnCheck         = "check"
	fnNotApplicable = "not_applicable"
	fnMandatory     = "mandatory"
)

// The limits of a control's source.
const (
	maxSource    = 64 << 10 // bytes
	maxDepth     = 200      // levels of nesting, of which a chain of operators is one per operator
	maxFunctions = 100      // def and lambda
)

// Program is a compiled control. It is immutable, but for what it covers, and safe for concurrent use.
type Program struct {
	path  string
	src   []byte
	shape *shape

	functions map[string]*starlark.Function // by the names above
	marks     []mark                        // the statements, when coverage is counted
}

// Compile reads a control, known as path in messages. shape is the JSON Schema of its input, by which
// misspelt fields are found; nil knows no fields.
func Compile(path string, src []byte, shape any) (*Program, document.Errors) {
	return guarded(path, src, shapeOf(shape), false)
}

// Covering returns the same program, which counts the statements that run. It must be its own: what the
// program at hand covers is not counted.
func (p *Program) Covering() (*Program, error) {
	out, errs := guarded(p.path, p.src, p.shape, true)
	if errs != nil {
		return nil, errs
	}
	return out, nil
}

// guarded turns a fault of the compiler, should it have one, into an error.
func guarded(path string, src []byte, shape *shape, cover bool) (p *Program, errs document.Errors) {
	defer func() {
		if fault := recover(); fault != nil {
			p, errs = nil, document.Errors{{Path: path, Message: fmt.Sprintf("it cannot be compiled: %v", fault)}}
		}
	}()
	return build(path, src, shape, cover)
}

// The dialect: no while, no sets, no recursion, nothing but definitions at the top.
var options = &syntax.FileOptions{}

func build(path string, src []byte, shape *shape, cover bool) (*Program, document.Errors) {
	p := &Program{path: path, src: bytes.Clone(src), shape: shape}
	fail := func(line, column int, hint, format string, args ...any) (*Program, document.Errors) {
		return nil, document.Errors{{Path: path, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}}
	}
	switch {
	case len(src) > maxSource:
		return fail(0, 0, "split it, or keep data in lists of .lumos/config.yaml", "the file has %d bytes, more than the %d that a control may have", len(src), maxSource)
	case !utf8.Valid(src) || bytes.ContainsRune(src, 0):
		return fail(0, 0, "save the file as UTF-8", "the file is not text in UTF-8")
	}
	file, err := options.Parse(path, p.src, 0)
	if err != nil {
		return nil, p.syntaxErrors(err)
	}
	if errs := checkSyntax(path, file); errs != nil {
		return nil, errs
	}
	if err := resolve.File(file, isPredeclared, starlark.Universe.Has); err != nil {
		return nil, p.syntaxErrors(err)
	}
	if errs := checkNames(path, file, shape); errs != nil {
		return nil, errs
	}

	// Resolving changes the tree, so what is rewritten is parsed anew.
	if file, err = options.Parse(path, p.src, 0); err != nil {
		return nil, p.syntaxErrors(err)
	}
	w := rewriter{cover: cover}
	w.file(file)
	p.marks = w.marks
	compiled, err := starlark.FileProgram(file, isPredeclared)
	if err != nil {
		return nil, p.syntaxErrors(err)
	}
	r := newRun(context.Background(), p, nil, loadSteps, loadBytes)
	globals, err := compiled.Init(r.thread, predeclared)
	if err != nil {
		return nil, document.Errors{r.place(err)}
	}
	globals.Freeze()
	p.functions = map[string]*starlark.Function{}
	for _, name := range []string{fnCheck, fnNotApplicable, fnMandatory} {
		if f, ok := globals[name].(*starlark.Function); ok {
			p.functions[name] = f
		}
	}
	return p, nil
}

// HasMandatory tells whether the program has a function mandatory.
func (p *Program) HasMandatory() bool { return p.functions[fnMandatory] != nil }

// Check finds the fields that an input of another shape does not have, such as lists and thresholds that
// are known only where the control is chosen.
func (p *Program) Check(shape any) document.Errors {
	file, err := options.Parse(p.path, p.src, 0)
	if err == nil {
		err = resolve.File(file, isPredeclared, starlark.Universe.Has)
	}
	if err != nil {
		return p.syntaxErrors(err)
	}
	return checkNames(p.path, file, shapeOf(shape))
}

func (p *Program) syntaxErrors(err error) document.Errors {
	one := func(pos syntax.Position, message string) document.Error {
		return document.Error{Path: p.path, Line: int(pos.Line), Column: int(pos.Col), Message: message}
	}
	var out document.Errors
	var several resolve.ErrorList
	var single syntax.Error
	switch {
	case errors.As(err, &several):
		for _, e := range several {
			out = append(out, one(e.Pos, e.Msg))
		}
	case errors.As(err, &single):
		out = append(out, one(single.Pos, single.Msg))
	default:
		out = append(out, document.Error{Path: p.path, Message: err.Error()})
	}
	return out.Sorted()
}

// Ask returns the program's answers in the form of Rego's: not_applicable, fail and missing as lists,
// pass and mandatory as a list that holds true or nothing. An error names the place. When ctx ends, so
// does the program.
func (p *Program) Ask(ctx context.Context, in *Input) (map[string]any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := newRun(ctx, p, in, maxSteps, maxBytes)
	defer context.AfterFunc(ctx, func() { r.thread.Cancel("it was stopped") })()
	out, err := r.answers()
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", p.path, context.Cause(ctx))
	}
	return out, err
}

func (r *run) answers() (map[string]any, error) {
	out := map[string]any{"not_applicable": []any{}, "fail": []any{}, "missing": []any{}, "pass": []any{}, "mandatory": []any{}}
	add := func(key string, v any) { out[key] = append(out[key].([]any), v) }
	if v, err := r.call(fnMandatory); err != nil {
		return nil, err
	} else if yes, ok := v.(starlark.Bool); v != nil && !ok {
		return nil, r.wrong(fnMandatory, v, "True or False", "")
	} else if yes {
		add("mandatory", true)
	}
	reason, err := r.call(fnNotApplicable)
	if err != nil {
		return nil, err
	}
	switch reason := reason.(type) {
	case nil, starlark.NoneType, *absent:
	case starlark.String:
		add("not_applicable", string(reason))
		return out, r.dropped()
	default:
		return nil, r.wrong(fnNotApplicable, reason, "None or a text", "")
	}
	v, err := r.call(fnCheck)
	if err != nil {
		return nil, err
	}
	var found []starlark.Value
	switch v := v.(type) {
	case *starlark.List:
		found = make([]starlark.Value, v.Len())
		for i := range found {
			found[i] = v.Index(i)
		}
	case starlark.Tuple:
		found = v
	case *finding:
		return nil, r.wrong(fnCheck, v, "a list of findings", "return [fail(…)]")
	case starlark.NoneType:
		return nil, r.wrong(fnCheck, v, "a list of findings", "end with: return []")
	default:
		return nil, r.wrong(fnCheck, v, "a list of findings", "")
	}
	for _, v := range found {
		f, ok := v.(*finding)
		if !ok {
			return nil, r.wrong(fnCheck, v, "only what fail(…) and missing(…) made in the list", "")
		}
		delete(r.made, f)
		add(f.kind, f.answer())
	}
	if len(found) == 0 {
		add("pass", true)
	}
	return out, r.dropped()
}

// call calls one of the program's own functions; nil when there is none.
func (r *run) call(name string) (starlark.Value, error) {
	f := r.program.functions[name]
	if f == nil {
		return nil, nil
	}
	v, err := starlark.Call(r.thread, f, starlark.Tuple{r.input.root(r.program.shape)}, nil)
	if err != nil {
		return nil, r.place(err)
	}
	return v, nil
}

// wrong is the error of a function that returned what it must not.
func (r *run) wrong(name string, v starlark.Value, want, hint string) error {
	pos := r.program.functions[name].Position()
	return document.Error{Path: r.program.path, Line: int(pos.Line), Column: int(pos.Col),
		Message: fmt.Sprintf("%s returned %s, want %s", name, describe(v), want), Hint: hint}
}

// dropped is the error of a program that made a finding and forgot it, which would be a pass by mistake.
func (r *run) dropped() error {
	if len(r.made) == 0 {
		return nil
	}
	first := document.Error{}
	for f := range r.made {
		if first.Path == "" || f.line < first.Line || f.line == first.Line && f.column < first.Column {
			first = document.Error{Path: r.program.path, Line: f.line, Column: f.column,
				Message: "the finding that is made here is not among those that check returned", Hint: "collect findings in a list, and return it"}
		}
	}
	return first
}

// place turns an error of the interpreter into one at the place in the program's source.
func (r *run) place(err error) document.Error {
	e := document.Error{Path: r.program.path, Message: shorten(err.Error())}
	var hinted hint
	if errors.As(err, &hinted) {
		e.Message, e.Hint = shorten(hinted.message), shorten(hinted.hint)
	}
	if r.overrun != nil {
		e.Message = r.overrun.Error()
	}
	var at *starlark.EvalError
	if !errors.As(err, &at) {
		return e
	}
	for i := range at.CallStack {
		if pos := at.CallStack.At(i).Pos; pos.Filename() == r.program.path && pos.Line > 0 {
			e.Line, e.Column = int(pos.Line), int(pos.Col)
			break
		}
	}
	return e
}

// hint is an error that says what to do.
type hint struct{ message, hint string }

func (h hint) Error() string { return h.message + " (" + h.hint + ")" }

const maxErrorText = 1000 // bytes

func shorten(s string) string {
	if len(s) <= maxErrorText {
		return s
	}
	n := maxErrorText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
