package policy

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// together asks the controls that ship whether they pass, all in one query, in which helpers that
// several use are evaluated once: a third of the time of asking them one by one. It is a shortcut and
// no more. A control that does not pass, and every control when the query fails or takes too long, is
// asked alone, so that an error belongs to the control that made it. A repository's own rules are
// always asked alone.
type together struct {
	query rego.PreparedEvalQuery
	of    []int // the controls, by their place in the report

}

// answer is what a control answered together with others.
type answer struct {
	vars rego.Vars // conclusive; nil when it must be asked alone
	open bool      // it does not pass
}

// The order in which each control's answers stand in the query's one value.
var togetherRules = []string{ruleNotApplicable, rulePass, ruleMandatory}

func (e *Engine) prepareTogether(ctx context.Context, controls []int) (together, error) {
	t := together{of: controls}
	if len(controls) == 0 {
		return t, nil
	}
	var parts []string
	for _, i := range controls {
		c := e.controls[i]
		has := map[string]bool{}
		for _, r := range e.compiler.GetRulesWithPrefix(c.rules) {
			has[r.Head.Name.String()] = true
		}
		terms := make([]string, len(togetherRules))
		for n, name := range togetherRules {
			switch {
			case !has[name]:
				terms[n] = "[]"
			case name == ruleNotApplicable:
				terms[n] = c.rules.String() + "." + name
			default:
				terms[n] = fmt.Sprintf("[v | v = %s.%s]", c.rules, name)
			}
		}
		parts = append(parts, fmt.Sprintf("%q: [%s]", strconv.Itoa(i), strings.Join(terms, ", ")))
	}
	var err error
	t.query, err = rego.New(
		rego.Compiler(e.compiler),
		rego.Query("x = {"+strings.Join(parts, ", ")+"}"),
		rego.SetRegoVersion(ast.RegoV1),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
	return t, err
}

// ask returns an answer for each of n controls, by their place in the report.
func (t together) ask(ctx context.Context, in facts, n int) []answer {
	out := make([]answer, n)
	if len(t.of) == 0 {
		return out
	}
	stop := topdown.NewCancel()
	defer time.AfterFunc(controlTimeout, stop.Cancel).Stop()
	defer context.AfterFunc(ctx, stop.Cancel)()
	rows, err := t.query.Eval(ctx, rego.EvalParsedInput(in.rego), rego.EvalExternalCancel(stop), rego.EvalMetrics(metrics.NoOp()))
	if err != nil || len(rows) != 1 {
		return out // each alone will tell
	}
	all, _ := rows[0].Bindings["x"].(map[string]any)
	for _, i := range t.of {
		said, _ := all[strconv.Itoa(i)].([]any)
		if len(said) != len(togetherRules) {
			continue
		}
		vars := rego.Vars{}
		for n, name := range togetherRules {
			vars[name] = said[n]
		}
		if out[i].open = !settled(vars); !out[i].open {
			out[i].vars = vars
		}
	}
	return out
}

// settled tells whether answers without findings conclude: the control passes, or does not apply.
func settled(answers rego.Vars) bool {
	reasons, _ := answers[ruleNotApplicable].([]any)
	return len(reasons) > 0 || holds(answers[rulePass])
}
