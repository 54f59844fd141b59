package gql

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// Complexity weighs the request: weigh is given each field with its arguments and what the fields below
// it weigh together. Fields of one response key count once, and those of a fragment whatever its type.
func (p *Prepared) Complexity(weigh func(f *ast.Field, args Args, below int) int) int {
	return (&run{Prepared: p}).weigh(p.op.SelectionSet, weigh)
}

func (r *run) weigh(set ast.SelectionSet, weigh func(*ast.Field, Args, int) int) (sum int) {
	for _, same := range r.anyType(set) {
		sum += weigh(same[0], Args(same[0].ArgumentMap(r.vars)), r.weigh(below(same), weigh))
	}
	return sum
}

// Depth is how many fields lie within each other at most.
func (p *Prepared) Depth() int { return (&run{Prepared: p}).depth(p.op.SelectionSet) }

func (r *run) depth(set ast.SelectionSet) (deepest int) {
	for _, same := range r.anyType(set) {
		deepest = max(deepest, 1+r.depth(below(same)))
	}
	return deepest
}

func below(same []*ast.Field) (set ast.SelectionSet) {
	for _, f := range same {
		set = append(set, f.SelectionSet...)
	}
	return set
}

// anyType is collect without regard to type conditions.
func (r *run) anyType(set ast.SelectionSet) [][]*ast.Field {
	var out [][]*ast.Field
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				i := slices.IndexFunc(out, func(f []*ast.Field) bool { return f[0].Alias == sel.Alias })
				switch {
				case !r.included(sel.Directives):
				case i < 0:
					out = append(out, []*ast.Field{sel})
				default:
					out[i] = append(out[i], sel)
				}
			case *ast.InlineFragment:
				if r.included(sel.Directives) {
					walk(sel.SelectionSet)
				}
			case *ast.FragmentSpread:
				if r.included(sel.Directives) {
					walk(r.doc.Fragments.ForName(sel.Name).SelectionSet)
				}
			}
		}
	}
	walk(set)
	return out
}
