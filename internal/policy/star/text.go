package star

import (
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// writer writes values as text, within the budget.
type writer struct {
	r   *run
	b   strings.Builder
	err error
}

func (w *writer) put(s string) {
	if w.err == nil {
		if w.err = w.r.take(2*len(s) + 1); w.err == nil {
			w.b.WriteString(s)
		}
	}
}

// text writes a value as str does: text as it is, everything else as repr does.
func (r *run) text(v starlark.Value) (string, error) {
	if s, ok := v.(starlark.String); ok {
		return string(s), nil
	}
	return r.repr(v)
}

// repr writes a value as a program would.
func (r *run) repr(v starlark.Value) (string, error) {
	w := writer{r: r}
	w.value(v, 0)
	return w.b.String(), w.err
}

func (w *writer) value(v starlark.Value, depth int) {
	if w.err != nil {
		return
	}
	if depth > maxCompared {
		w.err = errDeep
		return
	}
	if w.err = w.r.work(1); w.err != nil {
		return
	}
	switch v := v.(type) {
	case starlark.String:
		const quoted = 4 // bytes for one, at most
		if w.err = w.r.takes(len(v), quoted); w.err == nil {
			w.put(v.String())
		}
	case starlark.Int, starlark.Float, starlark.Bool, starlark.NoneType, *absent:
		w.put(v.String())
	case *object, *starlark.Dict:
		w.put("{")
		w.each(v, func(k starlark.Value) {
			w.value(k, depth+1)
			w.put(": ")
			x, _, err := lookup(v, k)
			if err != nil {
				w.err = err
				return
			}
			w.value(x, depth+1)
		})
		w.put("}")
	case starlark.Tuple:
		w.put("(")
		w.each(v, func(x starlark.Value) { w.value(x, depth+1) })
		if len(v) == 1 {
			w.put(",")
		}
		w.put(")")
	case *starlark.List, *array:
		w.put("[")
		w.each(v, func(x starlark.Value) { w.value(x, depth+1) })
		w.put("]")
	case *finding:
		w.put("<finding>")
	case starlark.Callable:
		w.put("<function " + v.Name() + ">")
	default: // a range
		w.put(v.String())
	}
}

// each writes the items of v, with commas between them.
func (w *writer) each(v starlark.Value, one func(starlark.Value)) {
	iter := starlark.Iterate(v)
	defer iter.Done()
	var x starlark.Value
	for first := true; w.err == nil && iter.Next(&x); first = false {
		if !first {
			w.put(", ")
		}
		one(x)
	}
}

// written is a value that has been written, for the interpreter's own formatting.
type written string

func (w written) String() string        { return string(w) }
func (w written) Type() string          { return "text" }
func (w written) Freeze()               {}
func (w written) Truth() starlark.Bool  { return w != "" }
func (w written) Hash() (uint32, error) { return 0, nil }

// argument makes a value safe to format: what is not a scalar is written here, within the budget.
func (r *run) argument(v starlark.Value, longest *int) (starlark.Value, error) {
	const number = 400 // characters of the longest float
	*longest = max(*longest, number)
	switch s := v.(type) {
	case starlark.String:
		*longest = max(*longest, 4*len(s)+2) // when it is quoted
		return v, nil
	case starlark.Int, starlark.Float, starlark.Bool, starlark.NoneType:
		return v, nil
	}
	s, err := r.repr(v)
	*longest = max(*longest, len(s))
	return written(s), err
}

// interpolated does format % x.
func (r *run) interpolated(format string, x starlark.Value) (starlark.Value, error) {
	longest := 0
	var err error
	switch v := x.(type) {
	case starlark.Tuple:
		if err := r.takes(len(v), costElem); err != nil {
			return nil, err
		}
		args := make(starlark.Tuple, len(v))
		for i := range v {
			if args[i], err = r.argument(v[i], &longest); err != nil {
				return nil, err
			}
		}
		x = args
	case *starlark.Dict:
		args := &starlark.Dict{}
		for _, item := range v.Items() {
			if err := r.take(costEntry); err != nil {
				return nil, err
			}
			if item[1], err = r.argument(item[1], &longest); err != nil {
				return nil, err
			}
			if err := args.SetKey(item[0], item[1]); err != nil {
				return nil, err
			}
		}
		x = args
	default:
		if x, err = r.argument(x, &longest); err != nil {
			return nil, err
		}
	}
	if err := r.take(len(format)); err != nil {
		return nil, err
	}
	if err := r.takes(strings.Count(format, "%"), longest); err != nil {
		return nil, err
	}
	return starlark.Binary(syntax.PERCENT, starlark.String(format), x)
}
