package star

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
)

// maxInputDepth is how deep an input may nest.
const maxInputDepth = 200

// Input is what programs see. It is frozen, and shared by all controls of one evaluation.
type Input struct{ top any }

// NewInput makes an Input of a JSON value: map[string]any, []any, string, bool, nil, and numbers as
// json.Number, float64, int64 or int.
func NewInput(v any) (*Input, error) {
	top, err := frozen(v, 0)
	if err != nil {
		return nil, fmt.Errorf("the input of controls: %w", err)
	}
	return &Input{top: top}, nil
}

// mapping is an object of the input, with its keys in order.
type mapping struct {
	keys []starlark.Value
	at   map[string]any
}

// frozen turns a JSON value into *mapping, []any, nil, or a scalar of Starlark.
func frozen(v any, depth int) (any, error) {
	if depth > maxInputDepth {
		return nil, errors.New("it nests too deeply")
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return starlark.String(v), nil
	case bool:
		return starlark.Bool(v), nil
	case int:
		return starlark.MakeInt(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case float64:
		return starlark.Float(v), nil
	case json.Number:
		return number(v.String())
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = frozen(v[i], depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := &mapping{at: make(map[string]any, len(v)), keys: make([]starlark.Value, 0, len(v))}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			var err error
			if out.at[k], err = frozen(v[k], depth+1); err != nil {
				return nil, err
			}
			out.keys = append(out.keys, starlark.String(k))
		}
		return out, nil
	}
	return nil, fmt.Errorf("%T is no JSON value", v)
}

func number(s string) (starlark.Value, error) {
	const longest = 400
	if len(s) > longest {
		return nil, errors.New("a number is too long")
	}
	if !strings.ContainsAny(s, ".eE") {
		if i, ok := new(big.Int).SetString(s, 10); ok && i.BitLen() <= maxBits {
			return starlark.MakeBigInt(i), nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is no number: %w", s, err)
	}
	return starlark.Float(f), nil
}

// value is the whole input; nil where there is none yet.
func (in *Input) value() any {
	if in == nil {
		return nil
	}
	return in.top
}

func (in *Input) root(s *shape) starlark.Value {
	return wrap(place{name: "input", shape: s}, in.value())
}

// place is where in the input something stands.
type place struct {
	up    *place
	name  string // of the field, the key, or "item"
	key   bool   // name is a key: of a map that is free
	shape *shape
}

// String gives the path as a rule writes it: input.manifest.spec.data[…].license.
func (p *place) String() string {
	var parts []string
	for at := p; at != nil; at = at.up {
		switch {
		case at.key && at.name == "":
			parts = append(parts, "[…]")
		case at.key:
			parts = append(parts, "["+strconv.Quote(shorten(at.name))+"]")
		case at.up == nil:
			parts = append(parts, at.name)
		default:
			parts = append(parts, "."+at.name)
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, "")
}

func wrap(p place, v any) starlark.Value {
	switch v := v.(type) {
	case nil:
		return &absent{p}
	case *mapping:
		return &object{p, v}
	case []any:
		return &array{p, v}
	case starlark.Value:
		return v
	}
	return &absent{p} // frozen makes nothing else
}

// object is a mapping of the input. Its fields are attributes, and items.
type object struct {
	place
	*mapping
}

func (o *object) Type() string               { return "dict" }
func (o *object) String() string             { return o.place.String() }
func (o *object) Freeze()                    {}
func (o *object) Truth() starlark.Bool       { return len(o.keys) > 0 }
func (o *object) Hash() (uint32, error)      { return 0, errors.New("unhashable: dict") }
func (o *object) Len() int                   { return len(o.keys) }
func (o *object) Iterate() starlark.Iterator { return &values{list: o.keys} }
func (o *object) child(name string, s *shape, key bool) starlark.Value {
	return wrap(place{&o.place, name, key, s}, o.at[name])
}

// array is a list of the input.
type array struct {
	place
	list []any
}

func (a *array) Type() string               { return "list" }
func (a *array) String() string             { return a.place.String() }
func (a *array) Freeze()                    {}
func (a *array) Truth() starlark.Bool       { return len(a.list) > 0 }
func (a *array) Hash() (uint32, error)      { return 0, errors.New("unhashable: list") }
func (a *array) Len() int                   { return len(a.list) }
func (a *array) Iterate() starlark.Iterator { return &values{array: a} }
func (a *array) Index(i int) starlark.Value {
	return wrap(place{up: &a.place, key: true, shape: a.shape.item()}, a.list[i])
}

// absent stands for what is not there. It is false and empty, and what is asked of it is absent too.
type absent struct{ place }

func (a *absent) Type() string               { return "NoneType" }
func (a *absent) String() string             { return "None" }
func (a *absent) Freeze()                    {}
func (a *absent) Truth() starlark.Bool       { return false }
func (a *absent) Hash() (uint32, error)      { return starlark.None.Hash() }
func (a *absent) Len() int                   { return 0 }
func (a *absent) Iterate() starlark.Iterator { return &values{} }

// Name and CallInternal say what went wrong where an absent thing is called.
func (a *absent) Name() string { return "None" }
func (a *absent) CallInternal(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	if a.up == nil {
		return nil, errors.New("None cannot be called")
	}
	return nil, hint{fmt.Sprintf("%s is not there, so it has no %s()", a.up, a.name), "test first whether it is there"}
}

// values iterates over a list of values, or over an array.
type values struct {
	list  []starlark.Value
	array *array
	next  int
}

func (v *values) Next(p *starlark.Value) bool {
	if v.array != nil {
		if v.next < len(v.array.list) {
			*p = v.array.Index(v.next)
			v.next++
			return true
		}
		return false
	}
	if v.next < len(v.list) {
		*p = v.list[v.next]
		v.next++
		return true
	}
	return false
}

func (v *values) Done() {}

// field gives a field by its name. It is an error when the shape does not have it.
func (r *run) field(v starlark.Value, name string) (starlark.Value, error) {
	if err := r.take(costNode); err != nil {
		return nil, err
	}
	var at *place
	switch v := v.(type) {
	case *object:
		at = &v.place
	case *absent:
		at = &v.place
	}
	sub, known := at.shape.field(name)
	if !known || at.shape.open() {
		if m := objectMethods[name]; m != nil {
			if o, ok := v.(*object); ok {
				return m.BindReceiver(o), nil
			}
			return m.BindReceiver(&object{*at, &mapping{}}), nil
		}
	}
	if !known {
		return nil, at.shape.unknown(at.String(), name)
	}
	if o, ok := v.(*object); ok {
		if _, there := o.at[name]; !there && r.listed(o) {
			return nil, unknownOf(at.String(), name, slices.Sorted(maps.Keys(o.at)))
		}
		return o.child(name, sub, false), nil
	}
	return &absent{place{up: at, name: name, shape: sub}}, nil
}

// listed tells whether all the names that there can be are there: those of lists and groups of
// thresholds, which the configuration knows and a shape may not. A misspelt list must not read as empty.
func (r *run) listed(o *object) bool {
	return o.up != nil && o.up.up == nil && (o.name == "lists" || o.name == "thresholds")
}
