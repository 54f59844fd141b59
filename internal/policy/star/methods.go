package star

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/starlark"

	"github.com/lumos-governance/lumos/internal/document"
)

// The methods of values, as in Python; each takes what it needs from the budget.
var stringMethods, listMethods, dictMethods, objectMethods map[string]*starlark.Builtin

func init() {
	bind := func(methods map[string]function) map[string]*starlark.Builtin {
		out := map[string]*starlark.Builtin{}
		for name, f := range methods {
			out[name] = builtin(name, f)
		}
		return out
	}
	text := map[string]function{"join": join, "replace": replace, "format": format, "codepoints": codepoints}
	for _, name := range []string{"capitalize", "lower", "title", "upper"} {
		text[name] = costing(3) // a letter may take three times the bytes in the other case
	}
	for _, name := range []string{"count", "endswith", "find", "index", "isalnum", "isalpha", "isdigit", "islower", "isspace", "istitle",
		"isupper", "lstrip", "partition", "removeprefix", "removesuffix", "rfind", "rindex", "rpartition", "rstrip", "startswith", "strip"} {
		text[name] = costing(0)
	}
	for _, name := range []string{"rsplit", "split", "splitlines"} {
		text[name] = split
	}
	stringMethods = bind(text)
	listMethods = bind(map[string]function{"append": listAppend, "clear": method, "extend": listExtend, "index": listIndex,
		"insert": listInsert, "pop": method, "remove": listRemove})
	dictMethods = bind(map[string]function{"clear": method, "get": dictGet, "items": dictItems, "keys": dictKeys, "pop": dictPop,
		"popitem": method, "setdefault": dictSetDefault, "update": dictUpdate, "values": dictValues})
	objectMethods = bind(map[string]function{"get": dictGet, "items": dictItems, "keys": dictKeys, "values": dictValues})
}

// attr gives x.name.
func (r *run) attr(x starlark.Value, name string) (starlark.Value, error) {
	var methods map[string]*starlark.Builtin
	switch x := x.(type) {
	case *object:
		return r.field(x, name)
	case *absent:
		if x.shape != nil && !x.shape.open() && stringMethods[name] != nil && x.shape.kind == "string" {
			return nil, hint{fmt.Sprintf("%s is not there, so it has no %s()", &x.place, name), "test first whether it is there"}
		}
		return r.field(x, name)
	case starlark.String:
		methods = stringMethods
	case *starlark.List:
		methods = listMethods
	case *starlark.Dict:
		methods = dictMethods
	}
	if m := methods[name]; m != nil {
		return m.BindReceiver(x), r.take(costNode)
	}
	message := fmt.Sprintf("%s has no %s", describe(x), name)
	if near := document.Nearest(name, slices.Sorted(maps.Keys(methods))); near != "" {
		return nil, hint{message, "did you mean " + near + "?"}
	}
	return nil, errors.New(message)
}

// native calls the interpreter's method.
func (r *run) native(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	own, err := b.Receiver().(starlark.HasAttrs).Attr(b.Name())
	if err != nil {
		return nil, err
	}
	return starlark.Call(r.thread, own, args, kwargs)
}

// method is the interpreter's method, where its result is small and its work is little.
func method(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return r.native(b, args, kwargs)
}

// costing is a method of a text whose result needs up to so many bytes for one of the text.
func costing(factor int) function {
	return func(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		s := string(b.Receiver().(starlark.String))
		effort := len(s)
		for _, a := range args {
			switch a := a.(type) {
			case starlark.String:
				effort += len(a)
				if strings.HasSuffix(b.Name(), "strip") { // it looks up each character
					effort += len(s) * len(a)
				}
			case starlark.Tuple:
				effort += len(s) * len(a)
			}
		}
		if err := r.read(effort); err != nil {
			return nil, err
		}
		if err := r.takes(len(s), factor); err != nil {
			return nil, err
		}
		if err := r.take(4 * costElem); err != nil {
			return nil, err
		}
		return r.native(b, args, kwargs)
	}
}

func join(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
		return nil, err
	}
	elems, err := r.elems(v)
	if err != nil {
		return nil, err
	}
	between := string(b.Receiver().(starlark.String))
	if err := r.takes(len(elems), len(between)); err != nil {
		return nil, err
	}
	texts := make([]string, len(elems))
	for i, e := range elems {
		s, ok := e.(starlark.String)
		if !ok {
			return nil, fmt.Errorf("join takes texts, not %s", describe(e))
		}
		if err := r.take(len(s)); err != nil {
			return nil, err
		}
		texts[i] = string(s)
	}
	return starlark.String(strings.Join(texts, between)), nil
}

func replace(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var old, with string
	count := -1
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "old", &old, "new", &with, "count?", &count); err != nil {
		return nil, err
	}
	s := string(b.Receiver().(starlark.String))
	if err := r.take(len(s)); err != nil {
		return nil, err
	}
	times := strings.Count(s, old)
	if count >= 0 {
		times = min(times, count)
	}
	if err := r.takes(times, len(with)); err != nil {
		return nil, err
	}
	return starlark.String(strings.Replace(s, old, with, count)), nil
}

func format(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := string(b.Receiver().(starlark.String))
	longest := 0
	safe := make(starlark.Tuple, len(args))
	for i, v := range args {
		var err error
		if safe[i], err = r.argument(v, &longest); err != nil {
			return nil, err
		}
	}
	named := make([]starlark.Tuple, len(kwargs))
	for i, kv := range kwargs {
		v, err := r.argument(kv[1], &longest)
		if err != nil {
			return nil, err
		}
		named[i] = starlark.Tuple{kv[0], v}
	}
	if err := r.take(len(s)); err != nil {
		return nil, err
	}
	if err := r.takes(strings.Count(s, "{"), longest); err != nil {
		return nil, err
	}
	return r.native(b, safe, named)
}

// codepoints gives the characters of a text as a list.
func codepoints(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 0); err != nil {
		return nil, err
	}
	s := string(b.Receiver().(starlark.String))
	if err := r.takes(utf8.RuneCountInString(s), costElem); err != nil {
		return nil, err
	}
	out := make([]starlark.Value, 0, utf8.RuneCountInString(s))
	for _, c := range s {
		out = append(out, starlark.String(string(c)))
	}
	return starlark.NewList(out), nil
}

func split(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := string(b.Receiver().(starlark.String))
	if err := r.read(len(s)); err != nil {
		return nil, err
	}
	parts := 1
	if sep, ok := first(args).(starlark.String); ok && b.Name() != "splitlines" {
		parts += strings.Count(s, string(sep))
	} else if b.Name() == "splitlines" {
		parts += strings.Count(s, "\n") + strings.Count(s, "\r")
	} else {
		space := true
		for _, c := range s {
			if now := unicode.IsSpace(c); now != space {
				space = now
				parts++
			}
		}
	}
	if err := r.takes(parts, costElem); err != nil {
		return nil, err
	}
	return r.native(b, args, kwargs)
}

func first(args starlark.Tuple) starlark.Value {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

func listAppend(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := r.take(costElem); err != nil {
		return nil, err
	}
	return r.native(b, args, kwargs)
}

func listExtend(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
		return nil, err
	}
	return starlark.None, r.extend(b.Receiver().(*starlark.List), v)
}

func listInsert(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := r.read(costElem / 4 * starlark.Len(b.Receiver())); err != nil {
		return nil, err
	}
	return listAppend(r, b, args, kwargs)
}

// find returns the place of the first item that equals the one argument.
func (r *run) find(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (int, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
		return 0, err
	}
	l := b.Receiver().(*starlark.List)
	for i := range l.Len() {
		if eq, err := r.same(v, l.Index(i), 0); err != nil || eq {
			return i, err
		}
	}
	return 0, fmt.Errorf("%s: the list has no such item", b.Name())
}

func listIndex(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	i, err := r.find(b, args, kwargs)
	return starlark.MakeInt(i), err
}

func listRemove(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	i, err := r.find(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	if _, err := starlark.Call(r.thread, listMethods["pop"].BindReceiver(b.Receiver()), starlark.Tuple{starlark.MakeInt(i)}, nil); err != nil {
		return nil, err
	}
	return starlark.None, nil
}

// keyArgument checks the first argument, a key.
func (r *run) keyArgument(args starlark.Tuple) error {
	if len(args) > 0 {
		_, err := r.key(args[0])
		return err
	}
	return nil
}

func dictGet(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var k starlark.Value
	var without starlark.Value = starlark.None
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &k, &without); err != nil {
		return nil, err
	}
	if err := r.keyArgument(args); err != nil {
		return nil, err
	}
	v, there, err := lookup(b.Receiver(), k)
	if err == nil && !there {
		v = without
	}
	return v, err
}

func dictKeys(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 0); err != nil {
		return nil, err
	}
	keys, err := r.elems(b.Receiver())
	return starlark.NewList(keys), err
}

func dictValues(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return r.entries(b, args, kwargs, func(_, v starlark.Value) starlark.Value { return v })
}

func dictItems(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return r.entries(b, args, kwargs, func(k, v starlark.Value) starlark.Value { return starlark.Tuple{k, v} })
}

func (r *run) entries(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple, as func(k, v starlark.Value) starlark.Value) (starlark.Value, error) {
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 0); err != nil {
		return nil, err
	}
	out, err := r.elems(b.Receiver())
	if err == nil {
		err = r.takes(len(out), 2*costNode)
	}
	for i := 0; i < len(out) && err == nil; i++ {
		var v starlark.Value
		v, _, err = lookup(b.Receiver(), out[i])
		out[i] = as(out[i], v)
	}
	return starlark.NewList(out), err
}

func dictPop(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := r.keyArgument(args); err != nil {
		return nil, err
	}
	return r.native(b, args, kwargs)
}

func dictSetDefault(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := r.take(costEntry); err != nil {
		return nil, err
	}
	return dictPop(r, b, args, kwargs)
}

func dictUpdate(r *run, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
		return nil, err
	}
	return starlark.None, r.update(b.Receiver().(*starlark.Dict), v)
}
