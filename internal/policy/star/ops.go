package star

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// maxBits is how large a whole number may be.
const maxBits = 128

// bounded refuses whole numbers that are too large.
func bounded(v starlark.Value, err error) (starlark.Value, error) {
	if i, ok := v.(starlark.Int); ok && err == nil && i.BigInt().BitLen() > maxBits {
		return nil, fmt.Errorf("the number has more than %d bits", maxBits)
	}
	return v, err
}

// describe names a value's kind, for people.
func describe(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.NoneType:
		return "None"
	case *absent:
		if v.up != nil {
			return v.place.String() + " (which is not there)"
		}
		return "None"
	case *finding:
		return "a finding"
	case starlark.Int:
		return "an int"
	case starlark.Callable:
		return "a function"
	}
	return "a " + v.Type()
}

// binary applies an operator other than a comparison.
func (r *run) binary(op syntax.Token, x, y starlark.Value) (starlark.Value, error) {
	var err error
	if x, err = r.list(x); err != nil {
		return nil, err
	}
	if y, err = r.list(y); err != nil {
		return nil, err
	}
	if isNumber(x) && isNumber(y) {
		return bounded(starlark.Binary(op, x, y))
	}
	same := x.Type() == y.Type()
	switch op {
	case syntax.PLUS:
		switch x := x.(type) {
		case starlark.String:
			if same {
				return r.allocated(len(x)+starlark.Len(y), op, x, y)
			}
		case *starlark.List, starlark.Tuple:
			if same {
				return r.allocated(costList+costElem*(starlark.Len(x)+starlark.Len(y)), op, x, y)
			}
		}
	case syntax.STAR:
		if _, ok := x.(starlark.Int); ok {
			x, y = y, x
		}
		if n, ok := y.(starlark.Int); ok {
			return r.repeated(x, n)
		}
	case syntax.PERCENT:
		if f, ok := x.(starlark.String); ok {
			return r.interpolated(string(f), y)
		}
	case syntax.PIPE:
		if _, ok := x.(*starlark.Dict); ok && same {
			return r.allocated(costDict+costEntry*(starlark.Len(x)+starlark.Len(y)), op, x, y)
		}
	}
	return nil, fmt.Errorf("%s cannot be applied to %s and %s", op, describe(x), describe(y))
}

func isNumber(v starlark.Value) bool {
	switch v.(type) {
	case starlark.Int, starlark.Float:
		return true
	}
	return false
}

// list makes a list of a list of the input, and leaves everything else.
func (r *run) list(v starlark.Value) (starlark.Value, error) {
	a, ok := v.(*array)
	if !ok {
		return v, nil
	}
	elems, err := r.elems(a)
	return starlark.NewList(elems), err
}

// allocated applies an operator whose result needs so many bytes.
func (r *run) allocated(bytes int, op syntax.Token, x, y starlark.Value) (starlark.Value, error) {
	if err := r.take(bytes); err != nil {
		return nil, err
	}
	return starlark.Binary(op, x, y)
}

func (r *run) repeated(x starlark.Value, n starlark.Int) (starlark.Value, error) {
	size := 0
	switch x := x.(type) {
	case starlark.String:
		size = len(x)
	case *starlark.List, starlark.Tuple:
		size = costElem * starlark.Len(x)
	default:
		return nil, fmt.Errorf("* cannot be applied to %s and an int", describe(x))
	}
	if n.Sign() > 0 && size > 0 {
		times, ok := n.Int64()
		if !ok || times > maxBytes {
			return nil, r.tooLarge()
		}
		if err := r.takes(int(times), size); err != nil {
			return nil, err
		}
	}
	if err := r.take(costList); err != nil {
		return nil, err
	}
	return starlark.Binary(syntax.STAR, x, n)
}

// inPlace applies x op= y: a list or a dict on the left grows, everything else is made anew.
func (r *run) inPlace(op syntax.Token, x, y starlark.Value) (starlark.Value, error) {
	switch left := x.(type) {
	case *starlark.List:
		if op == syntax.PLUS {
			return left, r.extend(left, y)
		}
	case *starlark.Dict:
		if op == syntax.PIPE {
			return left, r.update(left, y)
		}
	}
	return r.binary(op, x, y)
}

// elems returns the items of anything that has some.
func (r *run) elems(v starlark.Value) ([]starlark.Value, error) {
	it, ok := v.(starlark.Iterable)
	n := starlark.Len(v)
	if !ok || n < 0 {
		return nil, fmt.Errorf("%s has no items to go through", describe(v))
	}
	if err := r.takes(n, costElem); err != nil {
		return nil, err
	}
	out := make([]starlark.Value, 0, n)
	iter := it.Iterate()
	defer iter.Done()
	var x starlark.Value
	for iter.Next(&x) {
		out = append(out, x)
	}
	return out, nil
}

func (r *run) extend(l *starlark.List, v starlark.Value) error {
	elems, err := r.elems(v)
	for i := 0; i < len(elems) && err == nil; i++ {
		err = l.Append(elems[i])
	}
	return err
}

// key checks that a value can be a key of a dict, and is cheap to hash.
func (r *run) key(v starlark.Value) (starlark.Value, error) {
	scalar := func(v starlark.Value) bool {
		switch v := v.(type) {
		case starlark.String, starlark.Bool, starlark.NoneType, *absent:
			return true
		default:
			return isNumber(v)
		}
	}
	if t, ok := v.(starlark.Tuple); ok {
		for _, x := range t {
			if !scalar(x) {
				return nil, fmt.Errorf("a tuple that holds %s cannot be a key", describe(x))
			}
		}
		return v, r.work(len(t))
	}
	if !scalar(v) {
		return nil, fmt.Errorf("%s cannot be a key", describe(v))
	}
	if _, ok := v.(*absent); ok {
		return starlark.None, nil
	}
	if s, ok := v.(starlark.String); ok {
		return v, r.read(len(s))
	}
	return v, nil
}

// item gives x[i].
func (r *run) item(x, i starlark.Value) (starlark.Value, error) {
	switch x := x.(type) {
	case *absent:
		return &absent{place{up: &x.place, key: true, shape: x.shape.item()}}, r.take(costNode)
	case *object:
		name, ok := i.(starlark.String)
		if !ok {
			return nil, fmt.Errorf("%s has texts as keys, not %s", &x.place, describe(i))
		}
		sub, known := x.shape.field(string(name))
		if !known {
			return nil, x.shape.unknown(x.place.String(), string(name))
		}
		if _, there := x.at[string(name)]; !there && r.listed(x) {
			return nil, unknownOf(x.place.String(), string(name), slices.Sorted(maps.Keys(x.at)))
		}
		return x.child(string(name), sub, true), r.take(costNode)
	case *starlark.Dict:
		k, err := r.key(i)
		if err != nil {
			return nil, err
		}
		v, found, err := x.Get(k)
		if err == nil && !found {
			err = hint{"the dict has no such key: " + shorten(k.String()), "use .get(key)"}
		}
		return v, err
	case starlark.Indexable: // list, tuple, array, range, string
		n, err := starlark.AsInt32(i)
		if err != nil {
			return nil, fmt.Errorf("the place in %s: %w", describe(x), err)
		}
		at := n
		if at < 0 {
			at += x.Len()
		}
		if at < 0 || at >= x.Len() {
			return nil, fmt.Errorf("there is no item %d: %s has %d", n, describe(x), x.Len())
		}
		return x.Index(at), r.take(costNode)
	}
	return nil, fmt.Errorf("%s has no items", describe(x))
}

// set does x[i] = v.
func (r *run) set(x, i, v starlark.Value) error {
	switch x := x.(type) {
	case *starlark.Dict:
		k, err := r.key(i)
		if err != nil {
			return err
		}
		if err := r.take(costEntry); err != nil {
			return err
		}
		return x.SetKey(k, v)
	case *starlark.List:
		n, err := starlark.AsInt32(i)
		if err != nil {
			return fmt.Errorf("the place in a list: %w", err)
		}
		at := n
		if at < 0 {
			at += x.Len()
		}
		if at < 0 || at >= x.Len() {
			return fmt.Errorf("there is no item %d: the list has %d", n, x.Len())
		}
		return x.SetIndex(at, v)
	}
	return fmt.Errorf("the items of %s cannot be set", describe(x))
}

// slice gives x[lo:hi:step].
func (r *run) slice(x, lo, hi, step starlark.Value) (starlark.Value, error) {
	if _, ok := x.(*absent); ok {
		return starlark.NewList(nil), r.take(costList)
	}
	x, err := r.list(x)
	if err != nil {
		return nil, err
	}
	s, ok := x.(starlark.Sliceable)
	if !ok {
		return nil, fmt.Errorf("%s cannot be sliced", describe(x))
	}
	n, by := s.Len(), 1
	if step != starlark.None {
		if by, err = starlark.AsInt32(step); err != nil || by == 0 {
			return nil, errors.New("the step of a slice must be a whole number that is not zero")
		}
	}
	// What a bound that is left out, or too far out, stands for.
	first, last := 0, n
	if by < 0 {
		first, last = -1, n-1
	}
	bound := func(v starlark.Value, without int) (int, error) {
		if v == starlark.None {
			return without, nil
		}
		i, err := starlark.AsInt32(v)
		if err != nil {
			return 0, fmt.Errorf("a bound of a slice: %w", err)
		}
		if i < 0 {
			i += n
		}
		return min(max(i, first), last), nil
	}
	start, end := first, last
	if by < 0 {
		start, end = last, first
	}
	if start, err = bound(lo, start); err != nil {
		return nil, err
	}
	if end, err = bound(hi, end); err != nil {
		return nil, err
	}
	if by > 0 && end < start || by < 0 && end > start {
		end = start
	}
	if err := r.takes(n, costElem/4); err != nil {
		return nil, err
	}
	return s.Slice(start, end, by), nil
}

// maxCompared is how deep values that are compared, or written, may nest.
const maxCompared = 50

var errDeep = fmt.Errorf("the value nests deeper than %d levels", maxCompared)

// same tells whether two values are equal.
func (r *run) same(x, y starlark.Value, depth int) (bool, error) {
	if depth > maxCompared {
		return false, errDeep
	}
	if err := r.work(1); err != nil {
		return false, err
	}
	if isAbsent(x) || isAbsent(y) {
		return isAbsent(x) && isAbsent(y), nil
	}
	switch a := x.(type) {
	case starlark.String:
		b, ok := y.(starlark.String)
		if !ok || len(a) != len(b) {
			return false, nil
		}
		return a == b, r.read(len(a))
	case starlark.Int, starlark.Float:
		if !isNumber(y) {
			return false, nil
		}
		return starlark.Equal(x, y)
	case starlark.Bool:
		return x == y, nil
	}
	if a, ok := sequence(x); ok {
		b, ok := sequence(y)
		if !ok || x.Type() != y.Type() || a.Len() != b.Len() {
			return false, nil
		}
		for i := range a.Len() {
			if eq, err := r.same(a.Index(i), b.Index(i), depth+1); err != nil || !eq {
				return false, err
			}
		}
		return true, nil
	}
	if isMap(x) && isMap(y) {
		if starlark.Len(x) != starlark.Len(y) {
			return false, nil
		}
		iter := starlark.Iterate(x)
		defer iter.Done()
		var k starlark.Value
		for iter.Next(&k) {
			a, _, err := lookup(x, k)
			if err != nil {
				return false, err
			}
			b, there, err := lookup(y, k)
			if err != nil || !there {
				return false, err
			}
			if eq, err := r.same(a, b, depth+1); err != nil || !eq {
				return false, err
			}
		}
		return true, nil
	}
	if f, ok := x.(*finding); ok {
		return y == starlark.Value(f), nil
	}
	return false, nil // functions, and values of different kinds
}

func isAbsent(v starlark.Value) bool {
	if v == starlark.None {
		return true
	}
	_, ok := v.(*absent)
	return ok
}

func isMap(v starlark.Value) bool {
	switch v.(type) {
	case *object, *starlark.Dict:
		return true
	}
	return false
}

// sequence returns what has items in an order: lists, tuples and ranges.
func sequence(v starlark.Value) (starlark.Indexable, bool) {
	if _, ok := v.(starlark.String); ok {
		return nil, false
	}
	s, ok := v.(starlark.Indexable)
	return s, ok
}

// lookup finds a key in a dict or an object.
func lookup(m, key starlark.Value) (v starlark.Value, there bool, err error) {
	if d, ok := m.(*starlark.Dict); ok {
		return d.Get(key)
	}
	o := m.(*object)
	name, ok := key.(starlark.String)
	if !ok {
		return nil, false, nil
	}
	_, there = o.at[string(name)]
	sub, _ := o.shape.field(string(name))
	return o.child(string(name), sub, true), there, nil
}

// order compares two values that have an order: numbers, texts, and lists and tuples of them.
func (r *run) order(x, y starlark.Value, depth int) (int, error) {
	if depth > maxCompared {
		return 0, errDeep
	}
	if err := r.work(1); err != nil {
		return 0, err
	}
	if a, ok := x.(starlark.String); ok {
		if b, ok := y.(starlark.String); ok {
			return strings.Compare(string(a), string(b)), r.read(min(len(a), len(b)))
		}
	}
	if isNumber(x) && isNumber(y) {
		if less, err := starlark.Compare(syntax.LT, x, y); err != nil || less {
			return -1, err
		}
		if eq, err := starlark.Compare(syntax.EQL, x, y); err != nil || eq {
			return 0, err
		}
		return 1, nil
	}
	a, aok := sequence(x)
	b, bok := sequence(y)
	if !aok || !bok {
		for _, v := range []starlark.Value{x, y} {
			if isAbsent(v) {
				return 0, hint{describe(v) + " cannot be compared", "test first whether it is there"}
			}
		}
		return 0, fmt.Errorf("%s and %s have no order", describe(x), describe(y))
	}
	for i := range min(a.Len(), b.Len()) {
		if c, err := r.order(a.Index(i), b.Index(i), depth+1); err != nil || c != 0 {
			return c, err
		}
	}
	return a.Len() - b.Len(), nil
}

// within tells whether x is in y.
func (r *run) within(x, y starlark.Value) (bool, error) {
	switch y := y.(type) {
	case *absent, starlark.NoneType:
		return false, nil
	case starlark.String:
		s, ok := x.(starlark.String)
		if !ok {
			if isAbsent(x) {
				return false, nil
			}
			return false, fmt.Errorf("%s cannot be in a text", describe(x))
		}
		return strings.Contains(string(y), string(s)), r.read(len(y))
	case *object, *starlark.Dict:
		k, err := r.key(x)
		if err != nil {
			return false, err
		}
		_, there, err := lookup(y, k)
		return there, err
	}
	if a, ok := y.(*array); ok {
		if s, ok := x.(starlark.String); ok { // quick, for long lists
			return slices.Contains(a.list, any(s)), r.work(1 + len(a.list)/8)
		}
	}
	if y.Type() == "range" && isNumber(x) {
		found, err := starlark.Binary(syntax.IN, x, y)
		return err == nil && bool(found.Truth()), err
	}
	s, ok := sequence(y)
	if !ok {
		return false, fmt.Errorf("nothing is in %s", describe(y))
	}
	for i := range s.Len() {
		if eq, err := r.same(x, s.Index(i), 0); err != nil || eq {
			return eq, err
		}
	}
	return false, nil
}
