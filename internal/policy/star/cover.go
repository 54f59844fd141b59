package star

import (
	"sync/atomic"

	"go.starlark.net/syntax"
)

// Statement is a statement in a function of a program. Of one that holds others, it is the first line to
// where its condition ends.
type Statement struct {
	Line, End int // from 1
	Covered   bool
}

// mark counts a statement when it runs.
type mark struct {
	line, end int
	hit       *atomic.Bool
}

// Coverage tells which statements have run, in the order of their lines, of a program made by Covering.
func (p *Program) Coverage() []Statement {
	out := make([]Statement, len(p.marks))
	for i, m := range p.marks {
		out[i] = Statement{m.line, m.end, m.hit.Load()}
	}
	return out
}

// mark adds a statement, and returns its number. What does nothing has none.
func (w *rewriter) mark(s syntax.Stmt) (int, bool) {
	start, end := s.Span()
	switch s := s.(type) {
	case *syntax.DefStmt:
		return 0, false
	case *syntax.BranchStmt:
		if s.Token == syntax.PASS {
			return 0, false
		}
	case *syntax.ExprStmt:
		if _, ok := s.X.(*syntax.Literal); ok {
			return 0, false // a docstring
		}
	case *syntax.IfStmt:
		end = syntax.End(s.Cond)
	case *syntax.ForStmt:
		end = syntax.End(s.X)
	}
	w.marks = append(w.marks, mark{int(start.Line), int(end.Line), new(atomic.Bool)})
	return len(w.marks) - 1, true
}
