package star

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	resyntax "regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// function is one of the functions of this package, with its run.
type function func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

func builtin(name string, f function) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return f(runOf(thread), b, args, kwargs)
	})
}

// operation makes a function of n values without names.
func operation(name string, n int, f func(r *run, args starlark.Tuple) (starlark.Value, error)) *starlark.Builtin {
	return builtin(name, func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(args) != n || len(kwargs) > 0 {
			return nil, fmt.Errorf("%s takes %d arguments without names", b.Name(), n)
		}
		return f(r, args)
	})
}

// predeclared is everything that a program can name, and what it is rewritten to.
var predeclared = starlark.StringDict{}

func isPredeclared(name string) bool { return predeclared.Has(name) }

func init() {
	add := func(b *starlark.Builtin) { predeclared[b.Name()] = b }
	for name, f := range functions {
		add(builtin(name, f))
	}
	for _, op := range []syntax.Token{syntax.PLUS, syntax.MINUS, syntax.STAR, syntax.SLASH, syntax.SLASHSLASH, syntax.PERCENT,
		syntax.AMP, syntax.PIPE, syntax.CIRCUMFLEX, syntax.LTLT, syntax.GTGT} {
		add(operation(op.String(), 2, func(r *run, a starlark.Tuple) (starlark.Value, error) { return r.binary(op, a[0], a[1]) }))
		add(operation(op.String()+inPlace, 2, func(r *run, a starlark.Tuple) (starlark.Value, error) { return r.inPlace(op, a[0], a[1]) }))
		add(operation(opSet+op.String()+inPlace, 3, func(r *run, a starlark.Tuple) (starlark.Value, error) {
			v, err := r.item(a[0], a[1])
			if err == nil {
				v, err = r.inPlace(op, v, a[2])
			}
			if err != nil {
				return nil, err
			}
			return starlark.None, r.set(a[0], a[1], v)
		}))
	}
	for _, op := range []syntax.Token{syntax.PLUS, syntax.MINUS, syntax.TILDE} {
		add(operation(unaryPlace+op.String(), 1, func(_ *run, a starlark.Tuple) (starlark.Value, error) { return bounded(starlark.Unary(op, a[0])) }))
	}
	for op, holds := range map[syntax.Token]func(int) bool{
		syntax.LT: func(c int) bool { return c < 0 }, syntax.LE: func(c int) bool { return c <= 0 },
		syntax.GT: func(c int) bool { return c > 0 }, syntax.GE: func(c int) bool { return c >= 0 },
	} {
		add(operation(op.String(), 2, func(r *run, a starlark.Tuple) (starlark.Value, error) {
			c, err := r.order(a[0], a[1], 0)
			return starlark.Bool(holds(c)), err
		}))
	}
	for op, want := range map[syntax.Token]bool{syntax.EQL: true, syntax.NEQ: false} {
		add(operation(op.String(), 2, func(r *run, a starlark.Tuple) (starlark.Value, error) {
			eq, err := r.same(a[0], a[1], 0)
			return starlark.Bool(eq == want), err
		}))
	}
	for op, want := range map[syntax.Token]bool{syntax.IN: true, syntax.NOT_IN: false} {
		add(operation(op.String(), 2, func(r *run, a starlark.Tuple) (starlark.Value, error) {
			in, err := r.within(a[0], a[1])
			return starlark.Bool(in == want), err
		}))
	}
	add(operation(opAttr, 2, func(r *run, a starlark.Tuple) (starlark.Value, error) {
		return r.attr(a[0], string(a[1].(starlark.String)))
	}))
	add(operation(opItem, 2, func(r *run, a starlark.Tuple) (starlark.Value, error) { return r.item(a[0], a[1]) }))
	add(operation(opSlice, 4, func(r *run, a starlark.Tuple) (starlark.Value, error) { return r.slice(a[0], a[1], a[2], a[3]) }))
	add(operation(opSet, 3, func(r *run, a starlark.Tuple) (starlark.Value, error) { return starlark.None, r.set(a[0], a[1], a[2]) }))
	add(operation(opKeep, 1, func(r *run, a starlark.Tuple) (starlark.Value, error) { return a[0], r.take(costElem) }))
	add(operation(opMade, 1, func(r *run, a starlark.Tuple) (starlark.Value, error) { return a[0], r.made1(a[0]) }))
	add(operation(opKey, 1, func(r *run, a starlark.Tuple) (starlark.Value, error) {
		if err := r.take(costEntry); err != nil {
			return nil, err
		}
		return r.key(a[0])
	}))
	add(operation(opCover, 1, func(r *run, a starlark.Tuple) (starlark.Value, error) {
		n, err := starlark.AsInt32(a[0])
		if err == nil {
			r.program.marks[n].hit.Store(true)
		}
		return starlark.None, err
	}))
}

// made1 takes what a literal needed: of a list, a tuple and a function only now that they are there, which
// is no more than the source is long.
func (r *run) made1(v starlark.Value) error {
	switch v := v.(type) {
	case *starlark.List, starlark.Tuple:
		return r.take(costList + costElem/4*starlark.Len(v))
	case *starlark.Dict:
		return r.take(costDict)
	}
	return r.take(costFunc)
}

// functions are those that a program can name.
var functions = map[string]function{
	// of Python, as far as a control needs them
	"abs": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return bounded(r.own(b, args, kwargs))
	},
	"all":  quantifier(false),
	"any":  quantifier(true),
	"bool": library,
	"chr":  library,
	"ord":  library,
	"len":  library,
	"dict": dict,
	"enumerate": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var v starlark.Value
		start := 0
		if err := starlark.UnpackArgs(b.Name(), args, kwargs, "iterable", &v, "start?", &start); err != nil {
			return nil, err
		}
		elems, err := r.elems(v)
		if err == nil {
			err = r.takes(len(elems), 2*costElem)
		}
		if err != nil {
			return nil, err
		}
		for i := range elems {
			elems[i] = starlark.Tuple{starlark.MakeInt(start + i), elems[i]}
		}
		return starlark.NewList(elems), nil
	},
	"float": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := short(args); err != nil {
			return nil, err
		}
		return r.own(b, args, kwargs)
	},
	"int": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := short(args); err != nil {
			return nil, err
		}
		return bounded(r.own(b, args, kwargs))
	},
	"list": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		elems, err := r.given(b, args, kwargs)
		return starlark.NewList(elems), err
	},
	"tuple": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		elems, err := r.given(b, args, kwargs)
		return starlark.Tuple(elems), err
	},
	"reversed": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		elems, err := r.given(b, args, kwargs)
		slices.Reverse(elems)
		return starlark.NewList(elems), err
	},
	"max":   extreme(1),
	"min":   extreme(-1),
	"range": library,
	"repr": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var v starlark.Value
		if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
			return nil, err
		}
		s, err := r.repr(v)
		return starlark.String(s), err
	},
	"str": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var v starlark.Value
		if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
			return nil, err
		}
		s, err := r.text(v)
		return starlark.String(s), err
	},
	"sorted": sorted,
	"type": func(_ *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var v starlark.Value
		if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
			return nil, err
		}
		return starlark.String(v.Type()), nil
	},
	"zip": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(kwargs) > 0 || len(args) == 0 {
			return nil, errors.New("zip takes one or more lists")
		}
		lists, least := make([][]starlark.Value, len(args)), math.MaxInt
		for i, v := range args {
			var err error
			if lists[i], err = r.elems(v); err != nil {
				return nil, err
			}
			least = min(least, len(lists[i]))
		}
		if err := r.takes(least, costElem*(1+len(lists))); err != nil {
			return nil, err
		}
		out := make([]starlark.Value, least)
		for i := range out {
			t := make(starlark.Tuple, len(lists))
			for j := range lists {
				t[j] = lists[j][i]
			}
			out[i] = t
		}
		return starlark.NewList(out), nil
	},

	// of controls
	"fail":        finds,
	"missing":     finds,
	"placeholder": about((*run).placeholder),
	"says": about(func(r *run, s string) (bool, error) {
		p, err := r.placeholder(s)
		return !p && strings.TrimSpace(s) != "", err
	}),
	"segment": func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var s string
		if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &s); err != nil {
			return nil, err
		}
		if err := r.takes(len(s), 4); err != nil {
			return nil, err
		}
		return starlark.String(strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")), nil
	},
	"matches": matches,
	"time":    instant,
	"day": func(_ *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var ns int64
		if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &ns); err != nil {
			return nil, err
		}
		return starlark.String(time.Unix(0, ns).UTC().Format(time.DateOnly)), nil
	},
	"days":     spans(24 * time.Hour),
	"hours":    spans(time.Hour),
	"duration": duration,
}

// own calls the interpreter's function of the same name.
func (r *run) own(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return starlark.Call(r.thread, starlark.Universe[b.Name()], args, kwargs)
}

// library is the interpreter's function, where its result is small and its work is little.
func library(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return r.own(b, args, kwargs)
}

// short refuses to read a number from a long text.
func short(args starlark.Tuple) error {
	const longest = 64
	if len(args) > 0 {
		if s, ok := args[0].(starlark.String); ok && len(s) > longest {
			return errors.New("the text is too long for a number")
		}
		if isAbsent(args[0]) {
			return hint{describe(args[0]) + " is no number", "test first whether it is there"}
		}
	}
	return nil
}

// given returns the items of the one argument, or none.
func (r *run) given(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) ([]starlark.Value, error) {
	var v starlark.Value = starlark.Tuple(nil)
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 0, &v); err != nil {
		return nil, err
	}
	if err := r.take(costList); err != nil {
		return nil, err
	}
	return r.elems(v)
}

// quantifier looks for an item that is true, or false.
func quantifier(wanted bool) function {
	return func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		elems, err := r.given(b, args, kwargs)
		found := slices.ContainsFunc(elems, func(v starlark.Value) bool { return bool(v.Truth()) == wanted })
		return starlark.Bool(found == wanted), err
	}
}

// keyed returns items with what they are compared by.
func (r *run) keyed(elems []starlark.Value, key starlark.Callable) ([]starlark.Value, error) {
	if key == nil {
		return elems, nil
	}
	if err := r.takes(len(elems), costElem); err != nil {
		return nil, err
	}
	out := make([]starlark.Value, len(elems))
	for i, v := range elems {
		var err error
		if out[i], err = starlark.Call(r.thread, key, starlark.Tuple{v}, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// extreme is max (1) or min (-1).
func extreme(sign int) function {
	return func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var key starlark.Callable
		if err := starlark.UnpackArgs(b.Name(), nil, kwargs, "key?", &key); err != nil {
			return nil, err
		}
		var from starlark.Value = args
		if len(args) == 1 {
			from = args[0]
		}
		elems, err := r.elems(from)
		if err != nil {
			return nil, err
		}
		if len(elems) == 0 {
			return nil, fmt.Errorf("%s of nothing", b.Name())
		}
		keys, err := r.keyed(elems, key)
		if err != nil {
			return nil, err
		}
		best := 0
		for i := 1; i < len(elems); i++ {
			c, err := r.order(keys[i], keys[best], 0)
			if err != nil {
				return nil, err
			}
			if c*sign > 0 {
				best = i
			}
		}
		return elems[best], nil
	}
}

func sorted(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	var key starlark.Callable
	var reverse bool
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "iterable", &v, "key?", &key, "reverse?", &reverse); err != nil {
		return nil, err
	}
	elems, err := r.elems(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.keyed(elems, key)
	if err != nil {
		return nil, err
	}
	if err := r.takes(len(elems), 2*costElem); err != nil {
		return nil, err
	}
	if err := r.work(len(elems) * bits.Len(uint(len(elems))) / 8); err != nil {
		return nil, err
	}
	type pair struct{ key, value starlark.Value }
	pairs := make([]pair, len(elems))
	for i := range elems {
		pairs[i] = pair{keys[i], elems[i]}
	}
	slices.SortStableFunc(pairs, func(x, y pair) int {
		if err != nil {
			return 0
		}
		var c int
		if c, err = r.order(x.key, y.key, 0); reverse {
			return -c
		}
		return c
	})
	for i := range pairs {
		elems[i] = pairs[i].value
	}
	return starlark.NewList(elems), err
}

func dict(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var from starlark.Value = starlark.Tuple(nil)
	if err := starlark.UnpackPositionalArgs(b.Name(), args, nil, 0, &from); err != nil {
		return nil, err
	}
	if err := r.take(costDict); err != nil {
		return nil, err
	}
	out := &starlark.Dict{}
	if err := r.update(out, from); err != nil {
		return nil, err
	}
	for _, kv := range kwargs {
		if err := r.set(out, kv[0], kv[1]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// update adds the entries of a dict, or pairs, to a dict.
func (r *run) update(d *starlark.Dict, from starlark.Value) error {
	elems, err := r.elems(from)
	for i := 0; i < len(elems) && err == nil; i++ {
		k := elems[i]
		var v starlark.Value
		if isMap(from) {
			v, _, err = lookup(from, k)
		} else if pair, ok := sequence(k); ok && pair.Len() == 2 {
			k, v = pair.Index(0), pair.Index(1)
		} else {
			err = fmt.Errorf("want a dict, or pairs of key and value, not %s", describe(k))
		}
		if err == nil {
			err = r.set(d, k, v)
		}
	}
	return err
}

// finding is what fail and missing make.
type finding struct {
	kind, message, pointer, fix string
	line, column                int
}

func (f *finding) String() string        { return "<finding>" }
func (f *finding) Type() string          { return "finding" }
func (f *finding) Freeze()               {}
func (f *finding) Truth() starlark.Bool  { return true }
func (f *finding) Hash() (uint32, error) { return 0, errors.New("unhashable: finding") }

func (f *finding) answer() map[string]any {
	out := map[string]any{"message": f.message}
	if f.pointer != "" {
		out["pointer"] = f.pointer
	}
	if f.fix != "" {
		out["fix"] = f.fix
	}
	return out
}

// finds makes a finding, which counts once it is returned.
func finds(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	f := &finding{kind: b.Name()}
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "message", &f.message, "pointer?", &f.pointer, "fix?", &f.fix); err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(f.message) == "":
		return nil, errors.New("a finding needs a message")
	case f.pointer != "" && !strings.HasPrefix(f.pointer, "/"):
		return nil, hint{fmt.Sprintf("%q is no JSON pointer", shorten(f.pointer)), "write /spec/data/0/license"}
	case f.fix != "" && f.pointer == "":
		return nil, errors.New("a fix needs the pointer of what it replaces")
	}
	if r.findings++; r.findings > maxFindings {
		r.overrun = fmt.Errorf("it made more than %d findings", maxFindings)
		return nil, r.overrun
	}
	if f.message = strings.ToValidUTF8(f.message, "\uFFFD"); len(f.message) > maxMessage {
		n := maxMessage
		for !utf8.RuneStart(f.message[n]) {
			n--
		}
		f.message = strings.Clone(f.message[:n])
	}
	if len(f.pointer) > maxMessage || len(f.fix) > maxMessage {
		return nil, fmt.Errorf("the pointer or the fix has more than %d bytes", maxMessage)
	}
	pos := r.thread.CallFrame(1).Pos
	f.line, f.column = int(pos.Line), int(pos.Col)
	r.made[f] = true
	return f, r.take(2*costFunc + len(f.message) + len(f.pointer) + len(f.fix))
}

// about asks a question about a text. Of what is no text, the answer is no.
func about(ask func(r *run, s string) (bool, error)) function {
	return func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var v starlark.Value
		if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
			return nil, err
		}
		s, ok := v.(starlark.String)
		if !ok {
			return starlark.False, nil
		}
		yes, err := ask(r, string(s))
		return starlark.Bool(yes), err
	}
}

// blankSigns may stand around a placeholder.
const blankSigns = " \t\r\n.,:;!?*_-…()[]{}<>\"'`#"

// placeholder tells whether a text stands where an answer should be, as lib.placeholder does: one of the
// list, which is in lower case, whatever signs stand around it; signs alone; the blank of a template.
func (r *run) placeholder(s string) (bool, error) {
	if err := r.takes(len(s), 3); err != nil {
		return false, err
	}
	if r.placeholders == nil {
		r.placeholders = map[string]bool{}
		if top, ok := r.input.value().(*mapping); ok {
			if lists, ok := top.at["lists"].(*mapping); ok {
				words, _ := lists.at["placeholders"].([]any)
				for _, w := range words {
					if w, ok := w.(starlark.String); ok {
						r.placeholders[string(w)] = true
					}
				}
			}
		}
	}
	text := strings.ToLower(strings.TrimSpace(s))
	core := strings.Trim(text, blankSigns)
	return r.placeholders[text] || r.placeholders[core] || text != "" && core == "" ||
		strings.HasPrefix(text, "{{") || strings.Contains(text, "[more information needed]"), nil
}

const (
	maxRegex = 1000   // bytes
	maxInsts = 10_000 // that it compiles to, about
)

// regex compiles a regular expression (RE2), if it is not too large.
func (r *run) regex(source string) (*regex, error) {
	if re := r.regexps[source]; re != nil {
		return re, nil
	}
	if len(source) > maxRegex {
		return nil, fmt.Errorf("the regular expression has more than %d bytes", maxRegex)
	}
	parsed, err := resyntax.Parse(source, resyntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("no regular expression: %w", err)
	}
	size := insts(parsed)
	if size > maxInsts {
		return nil, errors.New("the regular expression repeats too much")
	}
	const inst = 200 // bytes
	if err := r.takes(size+len(source), inst); err != nil {
		return nil, err
	}
	compiled, err := regexp.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("no regular expression: %w", err)
	}
	re := &regex{compiled, size}
	if r.regexps == nil {
		r.regexps = map[string]*regex{}
	}
	if len(r.regexps) < maxRegexps {
		r.regexps[source] = re
	}
	return re, nil
}

// insts is about how many instructions an expression compiles to, up to maxInsts.
func insts(re *resyntax.Regexp) int {
	n := 1 + len(re.Rune)/16
	for _, sub := range re.Sub {
		n += insts(sub)
	}
	if re.Op == resyntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxInsts+1)
}

// counted reads a text for a regular expression, and ends early when the budget is used up.
type counted struct {
	r    *run
	rest *strings.Reader
	cost int // instructions for each character
	due  int
	err  error
}

// ReadRune implements io.RuneReader.
func (c *counted) ReadRune() (rune, int, error) {
	const perStep = 64 // instructions that count as one step
	if c.due += c.cost; c.due >= perStep && c.err == nil {
		c.err = c.r.work(c.due / perStep)
		c.due %= perStep
	}
	if c.err != nil {
		return 0, 0, c.err
	}
	return c.rest.ReadRune()
}

// matches tells whether a text holds something that a regular expression matches.
func matches(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var source string
	var v starlark.Value
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "regex", &source, "text", &v); err != nil {
		return nil, err
	}
	re, err := r.regex(source)
	if err != nil {
		return nil, err
	}
	s, ok := v.(starlark.String)
	if !ok {
		return starlark.False, nil
	}
	const quick = 1 << 20 // characters times instructions
	if len(s)*re.size <= quick {
		return starlark.Bool(re.MatchString(string(s))), r.work(len(s) * re.size / 64)
	}
	in := counted{r: r, rest: strings.NewReader(string(s)), cost: re.size}
	found := re.MatchReader(&in)
	return starlark.Bool(found), in.err
}

// instant gives a time (RFC 3339) in nanoseconds since 1970.
func instant(_ *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
		return nil, err
	}
	s, ok := v.(starlark.String)
	if !ok {
		if isAbsent(v) {
			return nil, hint{describe(v) + " is no time", "test first whether it is there"}
		}
		return nil, fmt.Errorf("%s is no time", describe(v))
	}
	t, err := time.Parse(time.RFC3339, string(s))
	if err != nil || t.Year() < 1678 || t.Year() > 2261 {
		return nil, hint{fmt.Sprintf("%q is no time", shorten(string(s))), "want RFC 3339: 2026-08-19T12:00:00Z"}
	}
	return starlark.MakeInt64(t.UnixNano()), nil
}

// spans gives so many units in nanoseconds.
func spans(unit time.Duration) function {
	return func(_ *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var n starlark.Value
		if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &n); err != nil {
			return nil, err
		}
		if !isNumber(n) {
			return nil, fmt.Errorf("%s: %s is no number", b.Name(), describe(n))
		}
		i, err := starlark.NumberToInt(n)
		if err != nil {
			return nil, err
		}
		return bounded(starlark.Binary(syntax.STAR, i, starlark.MakeInt64(int64(unit))))
	}
}

// duration gives a text such as 90d, 36h or 1h30m in nanoseconds.
func duration(_ *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var s string
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &s); err != nil {
		return nil, err
	}
	if n, ok := strings.CutSuffix(s, "d"); ok {
		const most = 100_000 // days, some 270 years
		if i, err := strconv.Atoi(n); err == nil && i >= 0 && i <= most {
			return starlark.MakeInt64(int64(i) * int64(24*time.Hour)), nil
		}
	} else if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return starlark.MakeInt64(int64(d)), nil
	}
	return nil, hint{fmt.Sprintf("%q is no duration", shorten(s)), "write 90d, 36h or 1h30m"}
}
