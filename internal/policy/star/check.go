package star

import (
	"errors"
	"fmt"
	"math/big"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/lumos-governance/lumos/internal/document"
)

// checker gathers what is wrong with a file.
type checker struct {
	path string
	errs document.Errors
}

func (c *checker) refuse(pos syntax.Position, hint, format string, args ...any) {
	c.errs = append(c.errs, document.Error{Path: c.path, Line: int(pos.Line), Column: int(pos.Col), Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *checker) done() document.Errors {
	if c.errs == nil {
		return nil
	}
	return c.errs.Sorted()
}

// checkSyntax refuses what a control may not use, and source that nests too deeply for what comes after.
func checkSyntax(path string, file *syntax.File) document.Errors {
	c := checker{path: path}
	depth, functions, inside := 0, 0, 0 // inside a def
	var open []syntax.Node
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			if _, ok := open[len(open)-1].(*syntax.DefStmt); ok {
				inside--
			}
			open = open[:len(open)-1]
			depth--
			return true
		}
		if depth == maxDepth {
			c.refuse(syntax.Start(n), "use a name for a part of it", "this nests deeper than %d levels", maxDepth)
			return false
		}
		switch n := n.(type) {
		case *syntax.DefStmt:
			functions++
			if inside > 0 {
				c.refuse(n.Def, "define it at the top of the file", "a function within a function is not accepted")
			}
			c.parameters(n.Params)
			inside++
		case *syntax.LambdaExpr:
			functions++
			c.parameters(n.Params)
		case *syntax.LoadStmt:
			c.refuse(n.Load, "a control is one file", "load is not accepted")
			return false
		case *syntax.WhileStmt:
			c.refuse(n.While, "loop over a list: for item in …", "while is not accepted")
			return false
		case *syntax.CallExpr:
			for _, arg := range n.Args {
				if u, ok := arg.(*syntax.UnaryExpr); ok && (u.Op == syntax.STAR || u.Op == syntax.STARSTAR) {
					c.refuse(u.OpPos, "name the arguments one by one", "%s in a call is not accepted", u.Op)
				}
			}
		case *syntax.Literal:
			c.literal(n)
		case *syntax.AssignStmt:
			c.target(n.LHS, n.Op == syntax.EQ)
		case *syntax.ForStmt:
			c.names(n.Vars)
		case *syntax.ForClause:
			c.names(n.Vars)
		case *syntax.Comprehension:
			if _, ok := n.Body.(*syntax.DictEntry); n.Curly && !ok {
				c.refuse(n.Lbrack, "use a list", "sets are not accepted")
			}
		case *syntax.ExprStmt:
			if call, ok := n.X.(*syntax.CallExpr); ok {
				if f, ok := call.Fn.(*syntax.Ident); ok && (f.Name == "fail" || f.Name == "missing") {
					c.refuse(f.NamePos, "return it in a list, or append it to the list that is returned", "%s(…) only makes a finding, which is dropped here", f.Name)
				}
			}
		}
		open = append(open, n)
		depth++
		return true
	})
	if functions > maxFunctions {
		c.refuse(syntax.Start(file.Stmts[0]), "split the control", "the file has %d functions, more than %d", functions, maxFunctions)
	}
	for _, name := range []string{fnCheck, fnNotApplicable, fnMandatory} {
		def := definition(file, name)
		switch {
		case def == nil && name == fnCheck:
			c.errs = append(c.errs, document.Error{Path: path, Line: 1, Column: 1, Message: "the control has no function check", Hint: "add: def check(input): …"})
		case def == nil:
		case len(def.Params) != 1 || !isIdent(def.Params[0]):
			c.refuse(def.Def, "write: def "+name+"(input):", "%s takes one parameter, what the control sees", name)
		}
	}
	return c.done()
}

// definition finds a function that is defined at the top of the file.
func definition(file *syntax.File, name string) *syntax.DefStmt {
	for _, s := range file.Stmts {
		if d, ok := s.(*syntax.DefStmt); ok && d.Name.Name == name {
			return d
		}
	}
	return nil
}

func isIdent(x syntax.Expr) bool {
	_, ok := x.(*syntax.Ident)
	return ok
}

func (c *checker) parameters(params []syntax.Expr) {
	for _, p := range params {
		if u, ok := p.(*syntax.UnaryExpr); ok {
			c.refuse(u.OpPos, "name the parameters one by one", "%s in a list of parameters is not accepted", u.Op)
		}
	}
}

func (c *checker) literal(n *syntax.Literal) {
	if n.Token == syntax.BYTES {
		c.refuse(n.TokenPos, `write text: "…"`, "bytes are not accepted")
	}
	if i, ok := n.Value.(*big.Int); ok && i.BitLen() > maxBits {
		c.refuse(n.TokenPos, "", "the number has more than %d bits", maxBits)
	}
}

// target checks what is assigned to: names, an item, or several names at once.
func (c *checker) target(x syntax.Expr, several bool) {
	switch x := unparen(x).(type) {
	case *syntax.IndexExpr:
	case *syntax.DotExpr:
		c.refuse(x.Name.NamePos, "make a dict, or a value of its own", "fields cannot be assigned to")
	default:
		if several {
			c.names(x)
		}
	}
}

// names checks that there are only names, where several values are taken apart.
func (c *checker) names(x syntax.Expr) {
	switch x := unparen(x).(type) {
	case *syntax.Ident:
	case *syntax.TupleExpr:
		for _, e := range x.List {
			c.names(e)
		}
	case *syntax.ListExpr:
		for _, e := range x.List {
			c.names(e)
		}
	default:
		c.refuse(syntax.Start(x), "take the values apart into names first", "only names are accepted here")
	}
}

func unparen(x syntax.Expr) syntax.Expr {
	for {
		p, ok := x.(*syntax.ParenExpr)
		if !ok {
			return x
		}
		x = p.X
	}
}

// checkNames refuses, in a file whose names are resolved, functions of Starlark that a control does not
// have, and fields that the input does not have: those of chains that start at the parameter of one of
// the control's functions, or at a name that stands for such a chain.
func checkNames(path string, file *syntax.File, input *shape) document.Errors {
	f := fields{checker: checker{path: path}, defs: map[*syntax.Ident][]def{}, busy: map[*syntax.Ident]bool{}}
	f.gather(file, input)
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Ident:
			if b, ok := n.Binding.(*resolve.Binding); ok && b.Scope == resolve.Universal && n.Name != "None" && n.Name != "True" && n.Name != "False" {
				f.refuse(n.NamePos, "see the list of functions in the reference of rules", "%s is not available to a control", n.Name)
			}
		case *syntax.DotExpr:
			f.dot(n)
		}
		return true
	})
	return f.done()
}

// fields follows chains of fields through names.
type fields struct {
	checker
	defs map[*syntax.Ident][]def // by the first use of a name in its scope
	busy map[*syntax.Ident]bool
}

// def is one way in which a name gets a value: that of an expression, or each item of it. Neither where
// nothing is known of it.
type def struct {
	value, item syntax.Expr
	shape       *shape
	path        string
}

// known is a part of the input that an expression stands for.
type known struct {
	shape *shape
	path  string
}

func (f *fields) define(x syntax.Expr, d def) {
	if id, ok := unparen(x).(*syntax.Ident); ok {
		if b, ok := id.Binding.(*resolve.Binding); ok && b.First != nil {
			f.defs[b.First] = append(f.defs[b.First], d)
		}
		return
	}
	for _, e := range elements(x) {
		f.define(e, def{})
	}
}

func elements(x syntax.Expr) []syntax.Expr {
	switch x := unparen(x).(type) {
	case *syntax.TupleExpr:
		return x.List
	case *syntax.ListExpr:
		return x.List
	}
	return nil
}

// loop defines the variables of a for.
func (f *fields) loop(vars, over syntax.Expr) {
	call, ok := unparen(over).(*syntax.CallExpr)
	if es := elements(vars); ok && len(es) == 2 && len(call.Args) == 1 {
		if fn, ok := call.Fn.(*syntax.Ident); ok && fn.Name == "enumerate" {
			f.define(es[0], def{})
			f.define(es[1], def{item: call.Args[0]})
			return
		}
	}
	f.define(vars, def{item: over})
}

func (f *fields) gather(file *syntax.File, input *shape) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			own := (n.Name.Name == fnCheck || n.Name.Name == fnNotApplicable || n.Name.Name == fnMandatory) && definition(file, n.Name.Name) == n
			for _, p := range n.Params {
				if own {
					f.define(p, def{shape: input, path: "input"})
				} else {
					f.parameter(p)
				}
			}
		case *syntax.LambdaExpr:
			for _, p := range n.Params {
				f.parameter(p)
			}
		case *syntax.AssignStmt:
			if n.Op == syntax.EQ {
				f.define(n.LHS, def{value: n.RHS})
			} else {
				f.define(n.LHS, def{})
			}
		case *syntax.ForStmt:
			f.loop(n.Vars, n.X)
		case *syntax.ForClause:
			f.loop(n.Vars, n.X)
		}
		return true
	})
}

func (f *fields) parameter(p syntax.Expr) {
	if b, ok := p.(*syntax.BinaryExpr); ok {
		p = b.X
	}
	f.define(p, def{})
}

// of tells what part of the input an expression stands for; nil when that is not known.
func (f *fields) of(x syntax.Expr) *known {
	switch x := unparen(x).(type) {
	case *syntax.Ident:
		b, ok := x.Binding.(*resolve.Binding)
		if !ok || b.First == nil || len(f.defs[b.First]) != 1 || f.busy[b.First] {
			return nil
		}
		f.busy[b.First] = true
		defer delete(f.busy, b.First)
		switch d := f.defs[b.First][0]; {
		case d.path != "":
			return &known{d.shape, d.path}
		case d.value != nil:
			return f.of(d.value)
		case d.item != nil:
			return f.item(f.of(d.item))
		}
	case *syntax.DotExpr:
		k := f.of(x.X)
		if k == nil || k.shape.open() {
			return nil
		}
		if sub, ok := k.shape.fields[x.Name.Name]; ok {
			return &known{sub, k.path + "." + x.Name.Name}
		}
	case *syntax.IndexExpr:
		k := f.of(x.X)
		if name, ok := unparen(x.Y).(*syntax.Literal); ok && k != nil && k.shape != nil {
			if text, ok := name.Value.(string); ok {
				if sub, ok := k.shape.fields[text]; ok {
					return &known{sub, k.path + "." + text}
				}
			}
		}
		return f.item(k)
	}
	return nil
}

func (f *fields) item(k *known) *known {
	if k == nil || k.shape.item() == nil {
		return nil
	}
	return &known{k.shape.items, k.path + "[…]"}
}

// dot checks one field of a chain.
func (f *fields) dot(n *syntax.DotExpr) {
	k, name := f.of(n.X), n.Name.Name
	if k == nil {
		return
	}
	if _, ok := k.shape.field(name); ok || hasMethod(k.shape, name) {
		return
	}
	var h hint
	if err := k.shape.unknown(k.path, name); errors.As(err, &h) {
		f.refuse(n.Name.NamePos, h.hint, "%s", h.message)
	}
}

// hasMethod tells whether a value of this shape has a method.
func hasMethod(s *shape, name string) bool {
	methods := map[string]map[string]*starlark.Builtin{"string": stringMethods, "object": objectMethods}[s.kind]
	return methods[name] != nil
}
