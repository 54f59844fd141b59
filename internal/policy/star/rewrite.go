package star

import (
	"go.starlark.net/syntax"
)

// The functions that operations are rewritten to. No program can name them: they are no identifiers.
const (
	opAttr     = "x.name"
	opItem     = "x[i]"
	opSlice    = "x[:]"
	opSet      = "x[i] ="
	opMade     = "(literal)"
	opKeep     = "(item)"
	opKey      = "(key)"
	opCover    = "(statement)"
	inPlace    = " in place" // behind an operator
	unaryPlace = "unary "    // before one
)

// rewriter replaces operations by calls of bounded functions, where they stand.
type rewriter struct {
	cover bool
	marks []mark
}

func (w *rewriter) file(f *syntax.File) {
	for i := range f.Stmts {
		f.Stmts[i] = w.stmt(f.Stmts[i])
	}
}

// body rewrites the statements of a function, and marks each where coverage is counted.
func (w *rewriter) body(stmts []syntax.Stmt) []syntax.Stmt {
	var out []syntax.Stmt
	for _, s := range stmts {
		if w.cover {
			if n, ok := w.mark(s); ok {
				at := syntax.Start(s)
				out = append(out, &syntax.ExprStmt{X: call(opCover, at, integer(n, at))})
			}
		}
		out = append(out, w.stmt(s))
	}
	return out
}

func (w *rewriter) stmt(s syntax.Stmt) syntax.Stmt {
	switch s := s.(type) {
	case *syntax.DefStmt:
		w.parameters(s.Params)
		s.Body = w.body(s.Body)
	case *syntax.ExprStmt:
		s.X = w.expr(s.X)
	case *syntax.ReturnStmt:
		if s.Result != nil {
			s.Result = w.expr(s.Result)
		}
	case *syntax.IfStmt:
		s.Cond, s.True = w.expr(s.Cond), w.body(s.True)
		if s.False != nil {
			s.False = w.body(s.False)
		}
	case *syntax.ForStmt:
		s.X, s.Body = w.expr(s.X), w.body(s.Body)
	case *syntax.AssignStmt:
		return w.assign(s)
	}
	return s
}

// assign rewrites x[i] = y, x op= y and x[i] op= y.
func (w *rewriter) assign(s *syntax.AssignStmt) syntax.Stmt {
	s.RHS = w.expr(s.RHS)
	target := unparen(s.LHS)
	at, isItem := target.(*syntax.IndexExpr)
	if s.Op == syntax.EQ {
		if isItem {
			return &syntax.ExprStmt{X: call(opSet, s.OpPos, w.expr(at.X), w.expr(at.Y), s.RHS)}
		}
		return s
	}
	op := (s.Op - syntax.PLUS_EQ + syntax.PLUS).String() + inPlace
	if isItem {
		return &syntax.ExprStmt{X: call(opSet+op, s.OpPos, w.expr(at.X), w.expr(at.Y), s.RHS)}
	}
	if id, ok := target.(*syntax.Ident); ok {
		s.Op, s.RHS = syntax.EQ, call(op, s.OpPos, &syntax.Ident{NamePos: id.NamePos, Name: id.Name}, s.RHS)
	}
	return s
}

func (w *rewriter) parameters(params []syntax.Expr) {
	for _, p := range params {
		if b, ok := p.(*syntax.BinaryExpr); ok {
			b.Y = w.expr(b.Y)
		}
	}
}

func (w *rewriter) exprs(xs []syntax.Expr) {
	for i := range xs {
		xs[i] = w.expr(xs[i])
	}
}

func (w *rewriter) expr(x syntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *syntax.ParenExpr:
		return w.expr(x.X)
	case *syntax.BinaryExpr:
		x.X, x.Y = w.expr(x.X), w.expr(x.Y)
		if x.Op == syntax.AND || x.Op == syntax.OR {
			return x
		}
		return call(x.Op.String(), x.OpPos, x.X, x.Y)
	case *syntax.UnaryExpr:
		x.X = w.expr(x.X)
		if x.Op == syntax.NOT {
			return x
		}
		return call(unaryPlace+x.Op.String(), x.OpPos, x.X)
	case *syntax.DotExpr:
		name := &syntax.Literal{Token: syntax.STRING, TokenPos: x.Name.NamePos, Raw: `""`, Value: x.Name.Name}
		return call(opAttr, x.Name.NamePos, w.expr(x.X), name)
	case *syntax.IndexExpr:
		return call(opItem, x.Lbrack, w.expr(x.X), w.expr(x.Y))
	case *syntax.SliceExpr:
		return call(opSlice, x.Lbrack, w.expr(x.X), w.optional(x.Lo, x.Lbrack), w.optional(x.Hi, x.Lbrack), w.optional(x.Step, x.Lbrack))
	case *syntax.CallExpr:
		x.Fn = w.expr(x.Fn)
		for i, arg := range x.Args {
			if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
				b.Y = w.expr(b.Y)
				continue
			}
			x.Args[i] = w.expr(arg)
		}
	case *syntax.CondExpr:
		x.Cond, x.True, x.False = w.expr(x.Cond), w.expr(x.True), w.expr(x.False)
	case *syntax.ListExpr:
		w.exprs(x.List)
		return call(opMade, x.Lbrack, x)
	case *syntax.TupleExpr:
		w.exprs(x.List)
		return call(opMade, syntax.Start(x), x)
	case *syntax.DictExpr:
		w.exprs(x.List)
		return call(opMade, x.Lbrace, x)
	case *syntax.DictEntry:
		x.Key, x.Value = call(opKey, syntax.Start(x.Key), w.expr(x.Key)), w.expr(x.Value)
	case *syntax.LambdaExpr:
		w.parameters(x.Params)
		x.Body = w.expr(x.Body)
		return call(opMade, x.Lambda, x)
	case *syntax.Comprehension:
		at := syntax.Start(x.Body)
		if x.Body = w.expr(x.Body); !x.Curly {
			x.Body = call(opKeep, at, x.Body)
		}
		for _, c := range x.Clauses {
			switch c := c.(type) {
			case *syntax.ForClause:
				c.X = w.expr(c.X)
			case *syntax.IfClause:
				c.Cond = w.expr(c.Cond)
			}
		}
		return call(opMade, x.Lbrack, x)
	}
	return x
}

func (w *rewriter) optional(x syntax.Expr, at syntax.Position) syntax.Expr {
	if x == nil {
		return &syntax.Ident{NamePos: at, Name: "None"}
	}
	return w.expr(x)
}

func call(name string, at syntax.Position, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: at, Name: name}, Lparen: at, Args: args, Rparen: at}
}

func integer(n int, at syntax.Position) syntax.Expr {
	return &syntax.Literal{Token: syntax.INT, TokenPos: at, Raw: "0", Value: int64(n)}
}
