package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// Explanation says why one control concluded what it did about one manifest.
type Explanation struct {
	Control     Control     `json:"control"`
	SelectedBy  string      `json:"selectedBy"` // the pack and profile, or "local"
	Result      Result      `json:"result"`
	Rules       []RuleValue `json:"rules,omitempty"` // what each rule of it came to; not for Python syntax
	Waivers     []string    `json:"waivers,omitempty"`
	CannotJudge []string    `json:"cannotJudge,omitempty"` // why the manifest or the policy could not be read
}

// RuleValue is a rule of a control with what it came to for this manifest.
type RuleValue struct {
	Name  string `json:"name"`
	Line  int    `json:"line"`  // in the control's file
	Value string `json:"value"` // as JSON; empty when it is undefined, which is to say not true
}

// maxValue is how much of a rule's value is shown.
const maxValue = 300

// Explain judges one manifest by one control, and tells what each of its rules came to.
func (e *Engine) Explain(ctx context.Context, id string, s Subject) (*Explanation, error) {
	i := slices.IndexFunc(e.controls, func(c prepared) bool { return strings.EqualFold(c.ID, id) })
	if i < 0 {
		known := make([]string, len(e.controls))
		for i, c := range e.controls {
			known[i] = c.ID
		}
		return nil, fmt.Errorf("the policy has no control %s: it has %s", id, strings.Join(known, ", "))
	}
	p := &e.controls[i]
	out := &Explanation{Control: p.Control, SelectedBy: p.why}
	in, concerns, report := e.facts(s)
	if in == nil {
		out.CannotJudge = report.Problems
		for _, invalid := range report.Invalid {
			out.CannotJudge = append(out.CannotJudge, invalid.Error())
		}
		out.Result = Result{ID: p.ID, Pack: p.Pack, Title: p.Title, Severity: p.Severity}.errored("the manifest could not be judged")
		return out, nil
	}
	out.Result = waive(e.due(p, p.evaluate(ctx, *in, answer{}), in.now), concerns)
	for _, c := range concerns {
		if slices.Contains(c.Controls, p.ID) {
			what := "is valid until " + day(c.ExpiresAt)
			if len(c.problems) > 0 {
				what = "does not count: " + strings.Join(c.problems, "; ")
			}
			out.Waivers = append(out.Waivers, clean(c.path+" "+what))
		}
	}
	if p.program != nil {
		return out, nil
	}
	var err error
	out.Rules, err = e.values(ctx, p, in.rego)
	return out, err
}

// values evaluates every rule of a control, in the order of the file.
func (e *Engine) values(ctx context.Context, p *prepared, input ast.Value) ([]RuleValue, error) {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	q, err := rego.New(rego.Compiler(e.compiler), rego.Query("x = "+p.rules.String()), rego.SetRegoVersion(ast.RegoV1)).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	answers, err := q.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return nil, fmt.Errorf("explaining %s: %w", p.ID, err)
	}
	got := map[string]any{}
	if len(answers) == 1 {
		got, _ = answers[0].Bindings["x"].(map[string]any)
	}
	var out []RuleValue
	for _, r := range e.compiler.GetRulesWithPrefix(p.rules) {
		name := r.Head.Name.String()
		if len(r.Head.Args) > 0 || slices.ContainsFunc(out, func(v RuleValue) bool { return v.Name == name }) {
			continue
		}
		v := RuleValue{Name: name, Line: r.Location.Row}
		if value, defined := got[name]; defined {
			text, err := json.Marshal(value)
			if err != nil {
				return nil, err
			}
			if v.Value = string(text); len(v.Value) > maxValue {
				v.Value = strings.ToValidUTF8(v.Value[:maxValue], "") + "…"
			}
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b RuleValue) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Name, b.Name)) })
	return out, nil
}
