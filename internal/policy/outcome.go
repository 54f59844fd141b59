package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/lumos-governance/lumos/releases"
)

// What a control may say at most.
const (
	maxFindings = 100
	maxMessage  = 500 // characters
)

// interpret turns a control's answers into its outcome. Passing takes proof: a control that finds
// nothing and does not pass either has met something its author did not think of, which is an error.
func (p *prepared) interpret(r Result, answers rego.Vars, release *releases.Release) Result {
	reasons, err := texts(answers[ruleNotApplicable])
	if err != nil {
		return r.errored(ruleNotApplicable + ": " + err.Error())
	}
	fails, err := findings(answers[ruleFail], release)
	if err != nil {
		return r.errored(ruleFail + ": " + err.Error())
	}
	missing, err := findings(answers[ruleMissing], release)
	if err != nil {
		return r.errored(ruleMissing + ": " + err.Error())
	}
	if holds(answers[ruleMandatory]) {
		r.Mandatory = true
	}
	switch {
	case len(reasons) > 0:
		r.Outcome, r.Reason = NotApplicable, clean(strings.Join(reasons, "; "))
		return r
	case len(fails) > 0:
		r.Outcome = Fail
	case len(missing) > 0:
		r.Outcome = Missing
	case holds(answers[rulePass]):
		r.Outcome = Pass
		return r
	default:
		return r.errored("it reached no conclusion: nothing is found, but nothing proves that all is well")
	}
	r.Findings, r.Remediation = arrange(append(fails, missing...)), p.Remediation
	return r
}

func (r Result) errored(reason string) Result {
	r.Outcome, r.Reason = Error, clean(reason)
	return r
}

// holds tells whether a rule that may be undefined is true.
func holds(answer any) bool {
	values, _ := answer.([]any)
	return len(values) == 1 && values[0] == true
}

func texts(answer any) ([]string, error) {
	values, _ := answer.([]any)
	out := make([]string, 0, len(values))
	for _, v := range values {
		s, ok := v.(string)
		if !ok || strings.TrimSpace(s) == "" {
			return nil, errors.New("want a set of texts")
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out, nil
}

// findings reads {message, pointer, fix} objects and places them in the manifest.
func findings(answer any, release *releases.Release) ([]Finding, error) {
	values, _ := answer.([]any)
	out := make([]Finding, 0, len(values))
	for _, v := range values {
		f, ok := finding(v)
		if !ok {
			return nil, errors.New(`want a set of {"message": text, "pointer": JSON pointer, "fix": the right value}, pointer and fix being optional`)
		}
		if f.Pointer != "" {
			f.Line, f.Column = release.Position(f.Pointer)
			if f.Fix != nil {
				f.Fix.Pointer, f.Fix.Line, f.Fix.Column = f.Pointer, f.Line, f.Column
			}
		}
		out = append(out, f)
	}
	return out, nil
}

func finding(v any) (Finding, bool) {
	object, ok := v.(map[string]any)
	message, isText := object["message"].(string)
	if !ok || !isText || strings.TrimSpace(message) == "" {
		return Finding{}, false
	}
	f := Finding{Message: clean(message)}
	for key, value := range object {
		switch key {
		case "message":
		case "pointer":
			pointer, ok := value.(string)
			if !ok || pointer != "" && !strings.HasPrefix(pointer, "/") || len(pointer) > maxMessage {
				return Finding{}, false
			}
			f.Pointer = clean(pointer)
		case "fix":
			value, ok := value.(string)
			if !ok || clean(value) != value || value == "" || object["pointer"] == nil {
				return Finding{}, false
			}
			f.Fix = &Fix{Value: value}
		default:
			return Finding{}, false
		}
	}
	return f, true
}

// arrange orders findings as they stand in the manifest, and keeps no more than people read.
func arrange(fs []Finding) []Finding {
	slices.SortFunc(fs, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	fs = slices.CompactFunc(fs, func(a, b Finding) bool { return a.Pointer == b.Pointer && a.Message == b.Message })
	if rest := len(fs) - maxFindings + 1; rest > 1 {
		fs = append(fs[:maxFindings-1:maxFindings-1], Finding{Message: fmt.Sprintf("and %d more findings", rest)})
	}
	return fs
}

// clean makes text from a policy or a manifest one line of visible characters: no control characters,
// none that turn or hide text, and not too many.
func clean(s string) string {
	out := make([]rune, 0, min(len(s), maxMessage))
	for _, r := range strings.TrimSpace(s) {
		if len(out) == maxMessage {
			out[maxMessage-1] = '…'
			break
		}
		switch {
		case unicode.Is(unicode.Cf, r):
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			out = append(out, ' ')
		default:
			out = append(out, r)
		}
	}
	return string(out)
}
