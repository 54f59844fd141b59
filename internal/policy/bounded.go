package policy

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Rego can be stopped between two steps, not within a builtin. What one call of these can make out of
// little is therefore bounded before it is made: concat of a long separator and many texts took ten
// gigabytes in one call (OPA 1.22.2).
const (
	maxMade   = 1 << 20  // bytes of a text that a builtin makes
	maxRegex  = 50 << 20 // instructions times bytes that a regular expression may cost
	maxParts  = 100_000  // of a value that is written as text
	maxRepeat = 10_000   // instructions of a regular expression, about
)

func init() {
	for name, size := range map[string]func([]*ast.Term) (int, error){
		"concat": func(a []*ast.Term) (int, error) {
			between, n := textLen(a[0]), 0
			return n, each(a[1], func(t *ast.Term) bool {
				n += between + textLen(t)
				return n <= maxMade
			}, &n)
		},
		"sprintf": sizeOfFormat,
		"replace": func(a []*ast.Term) (int, error) {
			return textLen(a[0]) + count(a[0], a[1])*textLen(a[2]), nil
		},
		"strings.replace_n": func(a []*ast.Term) (int, error) {
			n := textLen(a[1])
			if patterns, ok := a[0].Value.(ast.Object); ok {
				patterns.Foreach(func(old, with *ast.Term) { n = min(n+count(a[1], old)*textLen(with), 2*maxMade) })
			}
			return n, nil
		},
		"regex.replace": func(a []*ast.Term) (int, error) {
			s := textLen(a[0]) // most of it will not match
			return (s+1)*textLen(a[2])/8 + strings.Count(textOf(a[2]), "$")*s, costOfRegex(a[1], a[0])
		},
		"json.marshal":              sizeOfValue,
		"json.marshal_with_options": sizeOfValue,
		"yaml.marshal":              sizeOfValue,
	} {
		bound(name, func(a []*ast.Term) error {
			n, err := size(a)
			if err == nil && n > maxMade {
				err = fmt.Errorf("the text would have more than %d bytes", maxMade)
			}
			return err
		})
	}
	for name, pattern := range map[string]int{"regex.match": 0, "regex.find_n": 0, "regex.split": 0, "regex.find_all_string_submatch_n": 0} {
		bound(name, func(a []*ast.Term) error { return costOfRegex(a[pattern], a[1]) })
	}
}

// bound lets a check run before a builtin.
func bound(name string, check func([]*ast.Term) error) {
	builtin := topdown.GetBuiltin(name)
	topdown.RegisterBuiltinFunc(name, func(ctx topdown.BuiltinContext, args []*ast.Term, iter func(*ast.Term) error) error {
		if err := check(args); err != nil {
			return err
		}
		return builtin(ctx, args, iter)
	})
}

func textOf(t *ast.Term) string {
	s, _ := t.Value.(ast.String)
	return string(s)
}

func textLen(t *ast.Term) int { return len(textOf(t)) }

func count(s, part *ast.Term) int { return strings.Count(textOf(s), textOf(part)) }

// each calls f with the items of a collection until it is false.
func each(t *ast.Term, f func(*ast.Term) bool, n *int) error {
	switch v := t.Value.(type) {
	case *ast.Array:
		v.Until(func(t *ast.Term) bool { return !f(t) })
	case ast.Set:
		v.Until(func(t *ast.Term) bool { return !f(t) })
	}
	if *n > maxMade {
		return fmt.Errorf("the text would have more than %d bytes", maxMade)
	}
	return nil
}

// sizeOfValue is about how long a value is as text.
func sizeOfValue(a []*ast.Term) (int, error) {
	parts := 0
	n := length(a[0].Value, &parts)
	if parts > maxParts {
		return 0, fmt.Errorf("the value has more than %d parts", maxParts)
	}
	return n, nil
}

// length adds up a value's texts, each part counted every time that it is written.
func length(v ast.Value, parts *int) int {
	if *parts++; *parts > maxParts {
		return 0
	}
	n := 4
	add := func(t *ast.Term) bool {
		n += length(t.Value, parts)
		return *parts > maxParts
	}
	switch v := v.(type) {
	case ast.String:
		n += len(v)
	case ast.Number:
		n += len(v)
	case *ast.Array:
		v.Until(add)
	case ast.Set:
		v.Until(add)
	case ast.Object:
		v.Until(func(k, x *ast.Term) bool { return add(k) || add(x) })
	}
	return n
}

// sizeOfFormat is how long the result of sprintf can be: each verb may name the longest of the arguments,
// and be as wide as the format says.
func sizeOfFormat(a []*ast.Term) (int, error) {
	format := textOf(a[0])
	if strings.Contains(format, "*") && strings.Contains(format, "%") && starred(format) {
		return 0, errors.New("widths that are arguments (%*d) are not accepted")
	}
	parts, longest, wide := 0, 0, 0
	if args, ok := a[1].Value.(*ast.Array); ok {
		args.Foreach(func(t *ast.Term) { longest = max(longest, length(t.Value, &parts)) })
	}
	if parts > maxParts {
		return 0, fmt.Errorf("the arguments have more than %d parts", maxParts)
	}
	for _, verb := range strings.Split(format, "%")[1:] {
		digits := 0
		for _, c := range verb {
			if c < '0' || c > '9' {
				if c != '.' && c != '[' && c != ']' && c != '+' && c != '-' && c != ' ' && c != '#' {
					break
				}
				wide, digits = wide+digits, 0
				continue
			}
			digits = min(digits*10+int(c-'0'), maxMade)
		}
		if wide = min(wide+digits, 2*maxMade); wide > maxMade {
			break
		}
	}
	return len(format) + wide + strings.Count(format, "%")*longest, nil
}

// starred tells whether a verb of a format takes its width from the arguments.
func starred(format string) bool {
	for _, verb := range strings.Split(format, "%")[1:] {
		if i := strings.IndexFunc(verb, func(c rune) bool { return !strings.ContainsRune("0123456789.[]+- #", c) }); i >= 0 && verb[i] == '*' {
			return true
		}
	}
	return false
}

// costOfRegex refuses to look for an expression in a text where that could take long.
func costOfRegex(pattern, text *ast.Term) error {
	source := textOf(pattern)
	size := len(source)
	if strings.Contains(source, "{") {
		re, err := syntax.Parse(source, syntax.Perl)
		if err != nil {
			return nil // the builtin says so itself
		}
		if size = instructions(re); size > maxRepeat {
			return errors.New("the regular expression repeats too much")
		}
	}
	if (size+1)*textLen(text) > maxRegex {
		return errors.New("the text is too long for the regular expression")
	}
	return nil
}

// instructions is about how many instructions an expression compiles to, up to maxRepeat.
func instructions(re *syntax.Regexp) int {
	n := 1
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpLiteral {
		n += len(re.Rune)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxRepeat+1)
}
