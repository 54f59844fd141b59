package star

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lumos-governance/lumos/internal/document"
)

// testShape is the shape of the input in these tests.
var testShape = func() any {
	var v any
	if err := json.Unmarshal([]byte(`{"type": "object", "additionalProperties": false, "properties": {
		"now": {"type": "string"},
		"lists": {"type": "object"},
		"evidence": {"type": "object"},
		"days": {"type": "number"},
		"manifest": {"type": "object", "additionalProperties": false, "properties": {
			"name": {"type": "string"},
			"labels": {"type": "object"},
			"spec": {"type": "object", "additionalProperties": false, "properties": {
				"license": {"type": "string"},
				"evaluations": {"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {
					"id": {"type": "string"}, "value": {"type": "number"}}}}
			}}
		}}
	}}`), &v); err != nil {
		panic(err)
	}
	return v
}()

const testInput = `{
	"now": "2026-09-01T12:00:00Z", "days": 30, "lists": {"placeholders": ["tbd", "todo"], "allowed": ["mit", "apache-2.0"]},
	"evidence": {"a.json": {"sha256": "sha256:00", "size": 12}},
	"manifest": {"name": "risk", "labels": {"b": 1, "a": 2}, "spec": {"license": "MIT", "evaluations": [{"id": "x", "value": 0.5}, {"id": "y", "value": 2}]}}
}`

func input(t testing.TB, src string) *Input {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(src))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	in, err := NewInput(v)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func compile(t testing.TB, src string) *Program {
	t.Helper()
	p, errs := Compile("a.star", []byte(src), testShape)
	if errs != nil {
		t.Fatal(errs)
	}
	return p
}

// ask runs a program and returns its answers as JSON, or the error.
func ask(t testing.TB, src string) string {
	t.Helper()
	out, err := compile(t, src).Ask(t.Context(), input(t, testInput))
	if err != nil {
		return err.Error()
	}
	b, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const never = "def check(input):\n    return []\n"
	for name, tt := range map[string]struct{ src, want string }{
		"passes":            {never, `{"fail":[],"mandatory":[],"missing":[],"not_applicable":[],"pass":[true]}`},
		"fails":             {"def check(input):\n    return [fail('x', '/spec/license', fix='MIT'), missing('y')]\n", `{"fail":[{"fix":"MIT","message":"x","pointer":"/spec/license"}],"mandatory":[],"missing":[{"message":"y"}],"not_applicable":[],"pass":[]}`},
		"a tuple":           {"def check(input):\n    return (fail('x'),)\n", `{"fail":[{"message":"x"}],"mandatory":[],"missing":[],"not_applicable":[],"pass":[]}`},
		"not applicable":    {"def check(input):\n    return 1\ndef not_applicable(input):\n    return 'no data'\n", `{"fail":[],"mandatory":[],"missing":[],"not_applicable":["no data"],"pass":[]}`},
		"applicable":        {never + "def not_applicable(input):\n    return None\n", `{"fail":[],"mandatory":[],"missing":[],"not_applicable":[],"pass":[true]}`},
		"mandatory":         {never + "def mandatory(input):\n    return input.days > 20\n", `{"fail":[],"mandatory":[true],"missing":[],"not_applicable":[],"pass":[true]}`},
		"not mandatory":     {never + "def mandatory(input):\n    return False\n", `{"fail":[],"mandatory":[],"missing":[],"not_applicable":[],"pass":[true]}`},
		"mandatory a text":  {never + "def mandatory(input):\n    return 'yes'\n", "a.star:3:1: mandatory returned a string, want True or False"},
		"reason a number":   {never + "def not_applicable(input):\n    return 1\n", "a.star:3:1: not_applicable returned an int, want None or a text"},
		"None":              {"def check(input):\n    if input.now == '':\n        return []\n", "a.star:1:1: check returned None, want a list of findings (end with: return [])"},
		"one finding":       {"def check(input):\n    return fail('x')\n", "a.star:1:1: check returned a finding, want a list of findings (return [fail(…)])"},
		"True":              {"def check(input):\n    return True\n", "a.star:1:1: check returned a bool, want a list of findings"},
		"texts":             {"def check(input):\n    return ['x']\n", "a.star:1:1: check returned a string, want only what fail(…) and missing(…) made in the list"},
		"dropped":           {"def check(input):\n    x = fail('x')\n    return []\n", "a.star:2:13: the finding that is made here is not among those that check returned (collect findings in a list, and return it)"},
		"dropped elsewhere": {never + "def mandatory(input):\n    return bool([fail('x')])\n", "a.star:4:22: the finding that is made here is not among those that check returned (collect findings in a list, and return it)"},
		"no message":        {"def check(input):\n    return [fail(' ')]\n", "a.star:2:17: a finding needs a message"},
		"no pointer":        {"def check(input):\n    return [fail('x', 'spec')]\n", `a.star:2:17: "spec" is no JSON pointer (write /spec/data/0/license)`},
		"fix of nothing":    {"def check(input):\n    return [fail('x', fix='y')]\n", "a.star:2:17: a fix needs the pointer of what it replaces"},
		"message absent":    {"def check(input):\n    return [fail(input.manifest.labels.c)]\n", "a.star:2:17: fail: for parameter message: got NoneType, want string"},
		"recursion":         {"def f(x):\n    return f(x)\ndef check(input):\n    return f(1)\n", "a.star:2:12: function f called recursively"},
		"by a lambda":       {"def check(input):\n    f = lambda g, x: g(g, x)\n    return f(f, 1)\n", "a.star:2:22: function lambda called recursively"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ask(t, tt.src); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Each of these expressions is compared with a text, or is an error.
func TestExpressions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ expr, want string }{
		// what the input is like
		{`input.manifest.name`, "risk"},
		{`input.manifest["name"]`, "risk"},
		{`input.manifest.spec.evaluations[1].value`, "2"},
		{`input.manifest.spec.evaluations[-2].value`, "0.5"},
		{`len(input.manifest.spec.evaluations)`, "2"},
		{`[e.id for e in input.manifest.spec.evaluations]`, `["x", "y"]`},
		{`[e.id for e in input.manifest.spec.evaluations if e.value > 1]`, `["y"]`},
		{`input.manifest.labels`, `{"a": 2, "b": 1}`},
		{`[k for k in input.manifest.labels]`, `["a", "b"]`},
		{`input.manifest.labels.items()`, `[("a", 2), ("b", 1)]`},
		{`input.manifest.labels.keys() + input.manifest.labels.values()`, `["a", "b", 2, 1]`},
		{`input.manifest.labels.get("c", 7)`, "7"},
		{`input.evidence["a.json"].size`, "12"},
		{`type(input.manifest) + type(input.manifest.spec.evaluations) + type(input.now) + type(input.days)`, "dictliststringint"},
		{`input.manifest.spec.evaluations == [{"id": "x", "value": 0.5}, {"id": "y", "value": 2.0}]`, "True"},
		{`input.manifest.spec.evaluations + [1] != []`, "True"},
		{`input.manifest.labels == {"b": 1, "a": 2}`, "True"},
		{`dict(input.manifest.labels)`, `{"a": 2, "b": 1}`},
		{`"mit" in input.lists.allowed`, "True"},
		{`input.manifest.spec.license.lower() in input.lists.allowed`, "True"},
		{`"gpl" not in input.lists.allowed`, "True"},
		{`"a.json" in input.evidence`, "True"},
		{`input.manifest.spec.evaluations[0] in input.manifest.spec.evaluations`, "True"},
		{`input.lists.allowed[:1]`, `["mit"]`},
		{`input.lists.allowed[::-1]`, `["apache-2.0", "mit"]`},
		// what is absent
		{`input.evidence["b.json"].size`, "None"},
		{`input.evidence["b.json"] == None`, "True"},
		{`None == input.evidence["b.json"]`, "True"},
		{`bool(input.evidence["b.json"].sha256)`, "False"},
		{`len(input.manifest.labels.c)`, "0"},
		{`[x for x in input.manifest.labels.c]`, "[]"},
		{`"x" in input.manifest.labels.c`, "False"},
		{`input.manifest.labels.c in ["x"]`, "False"},
		{`input.manifest.labels.c[0].d`, "None"},
		{`input.manifest.labels.c[1:]`, "[]"},
		{`input.manifest.labels.c.items()`, "[]"},
		{`input.manifest.labels.c.get("x", 1)`, "1"},
		{`input.manifest.labels.c or "none"`, "none"},
		{`type(input.manifest.labels.c)`, "NoneType"},
		{`{input.manifest.labels.c: 1}[None]`, "1"},
		{`"%s" % input.manifest.labels.c`, "None"},
		{`input.manifest.labels.c < 1`, "!input.manifest.labels.c (which is not there) cannot be compared (test first whether it is there)"},
		{`input.manifest.labels.c + 1`, "!+ cannot be applied to input.manifest.labels.c (which is not there) and an int"},
		{`input.manifest.labels.c.lower()`, "!input.manifest.labels.c is not there, so it has no lower() (test first whether it is there)"},
		{`time(input.manifest.labels.c)`, "!input.manifest.labels.c (which is not there) is no time (test first whether it is there)"},
		{`int(input.manifest.labels.c)`, "!input.manifest.labels.c (which is not there) is no number (test first whether it is there)"},
		// fields that there cannot be, found when it runs
		{`[x for x in [input]][0].manifets`, "!there is no field input.manifets (did you mean manifest?)"},
		{`[x for x in [input]][0].manifest.spec.evalutions`, "!there is no field input.manifest.spec.evalutions (did you mean evaluations?)"},
		{`[x for x in [input]][0].manifest["nam"]`, "!there is no field input.manifest.nam (did you mean name?)"},
		{`[x for x in [input]][0].manifest.spec.evaluations.id`, "!a list has no id"},
		{`[x for x in [input]][0].lists.allowd`, "!there is no field input.lists.allowd (did you mean allowed?)"},
		{`[x for x in [input]][0].lists["placeholder"]`, "!there is no field input.lists.placeholder (did you mean placeholders?)"},
		// the helpers of controls
		{`says("text")`, "True"},
		{`says(" TBD ")`, "False"},
		{`says("")`, "False"},
		{`says(input.manifest.labels.c)`, "False"},
		{`says(3)`, "False"},
		{`placeholder("Todo")`, "True"},
		{`placeholder("text")`, "False"},
		{`placeholder(None)`, "False"},
		{`matches("^r.sk$", input.manifest.name)`, "True"},
		{`matches("is", input.manifest.name)`, "True"},
		{`matches("^is", input.manifest.name)`, "False"},
		{`matches("x", input.manifest.labels.c)`, "False"},
		{`matches("(", "x")`, "!no regular expression: error parsing regexp: missing closing ): `(`"},
		{`segment("a/b~c")`, "a~1b~0c"},
		{`day(time(input.now) - days(input.days))`, "2026-08-02"},
		{`time("2026-09-01T14:00:00+02:00") == time(input.now)`, "True"},
		{`time("yesterday")`, `!"yesterday" is no time (want RFC 3339: 2026-08-19T12:00:00Z)`},
		{`duration("2d") == hours(48)`, "True"},
		{`duration("1h30m") // 1000000000`, "5400"},
		{`duration("-1h")`, `!"-1h" is no duration (write 90d, 36h or 1h30m)`},
		// Python
		{`1 + 2 * 3 - 4 // 3 % 2`, "6"},
		{`7 / 2`, "3.5"},
		{`(1 << 3 | 1) & 9 ^ 2 >> 1`, "8"},
		{`-3 + +1`, "-2"},
		{`~0`, "-1"},
		{`1 == 1.0`, "True"},
		{`True == 1`, "False"},
		{`(1, 2) == [1, 2]`, "False"},
		{`(1, "a") < (1, "b")`, "True"},
		{`[1, 2] >= [1]`, "True"},
		{`"a" <= "b" and not "b" < "a"`, "True"},
		{`1 < "a"`, "!an int and a string have no order"},
		{`"a" + 1`, "!+ cannot be applied to a string and an int"},
		{`"abc"[1] + "abc"[-1]`, "bc"},
		{`"abcdef"[1:-1:2]`, "bd"},
		{`"abcdef"[::-1]`, "fedcba"},
		{`"abcdef"[4:1:-1]`, "edc"},
		{`"abcdef"[10:]`, ""},
		{`[1, 2, 3][5]`, "!there is no item 5: a list has 3"},
		{`{"a": 1}["b"]`, `!the dict has no such key: "b" (use .get(key))`},
		{`{(1, "a"): 2}[(1, "a")]`, "2"},
		{`{[1]: 2}`, "!a list cannot be a key"},
		{`{((1,),): 2}`, "!a tuple that holds a tuple cannot be a key"},
		{`{"a": 1} | {"b": 2}`, `{"a": 1, "b": 2}`},
		{`{k: v for k, v in [("a", 1)]}`, `{"a": 1}`},
		{`"ab" * 2 + 2 * "c"`, "ababcc"},
		{`[0] * 3 + [1]`, "[0, 0, 0, 1]"},
		{`("a",) * 2`, `("a", "a")`},
		{`"x" * -1`, ""},
		{`"%s is %d, %r, %.1f" % ("a", 2, "b", 1.5)`, "!unknown conversion %."},
		{`"%s is %d, %r" % ("a", 2, "b")`, `a is 2, "b"`},
		{`"%(a)s-%(b)s" % {"a": [1], "b": 2}`, "[1]-2"},
		{`"{} {1}".format(1, 2)`, "!format: cannot switch from automatic field numbering to manual field specification"},
		{`"{a} {} {!r}".format(1, "x", a=[2])`, `[2] 1 "x"`},
		{`", ".join(sorted(["b", "a"]))`, "a, b"},
		{`sorted([3, 1, 2], reverse=True)`, "[3, 2, 1]"},
		{`sorted(["bb", "a"], key=len)`, `["a", "bb"]`},
		{`sorted(["bb", "a"], key=lambda x: -len(x))`, `["bb", "a"]`},
		{`max([1, 3, 2]) + min(4, 5)`, "7"},
		{`max(["a", "bbb"], key=len)`, "bbb"},
		{`max([])`, "!max of nothing"},
		{`any([0, 1]), all([1, 0]), any([]), all([])`, "(True, False, False, True)"},
		{`list(enumerate(["a"], 1))`, `[(1, "a")]`},
		{`list(zip([1, 2], ["a", "b", "c"]))`, `[(1, "a"), (2, "b")]`},
		{`list(range(3)), tuple(range(1, 7, 3)), list(reversed([1, 2]))`, "([0, 1, 2], (1, 4), [2, 1])"},
		{`5 in range(10), 10 in range(10), "a" in range(3)`, "(True, False, False)"},
		{`int("12") + int(3.9), float("1.5"), abs(-2), str(1.0), repr("a"), chr(97), ord("a")`, `(15, 1.5, 2, "1.0", "\"a\"", "a", 97)`},
		{`dict(a=1, b=2), dict([("x", 1)])`, `({"a": 1, "b": 2}, {"x": 1})`},
		{`"a,b".split(","), " a  b ".split(), "a\nb".splitlines(), "aXbXc".rsplit("X", 1)`, `(["a", "b"], ["a", "b"], ["a", "b"], ["aXb", "c"])`},
		{`"a-b".replace("-", "+"), "aaa".replace("a", "b", 2), "ab".replace("", ".")`, `("a+b", "bba", ".a.b.")`},
		{`"äb".upper(), "xay".strip("xy"), "a=b".partition("="), "ab".startswith(("b", "a")), "aé".codepoints()`, `("ÄB", "a", ("a", "=", "b"), True, ["a", "é"])`},
		{`"x" in "xyz", 1 in "a"`, "!an int cannot be in a text"},
		{`"abc".uper()`, "!a string has no uper (did you mean upper?)"},
		{`"abc".elems()`, "!a string has no elems"},
		{`(lambda x, y=2: x + y)(1)`, "3"},
		{`3()`, "!invalid call of non-function (int)"},
		{`[y for x in [[1, 2], [3]] for y in x if y != 2]`, "[1, 3]"},
		{`1 if input.days else 2`, "1"},
		{`1 // 0`, "!floored division by zero"},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			t.Parallel()
			got := ask(t, "def check(input):\n    return [fail(\"=\" + str(("+tt.expr+")))]\n")
			var out struct{ Fail []struct{ Message string } }
			if err := json.Unmarshal([]byte(got), &out); err == nil {
				got = strings.TrimPrefix(out.Fail[0].Message, "=")
			} else if _, message, ok := strings.Cut(got, ": "); ok && strings.HasPrefix(got, "a.star:2:") {
				got = "!" + message
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, want string }{
		"a list grows":         {"a = [1]\nb = a\na += [2]\nreturn [fail(str((a, b)))]", "([1, 2], [1, 2])"},
		"a list of the input":  {"a = []\na += input.lists.allowed\na.extend(input.lists.allowed[:1])\nreturn [fail(str(a))]", `["mit", "apache-2.0", "mit"]`},
		"a dict grows":         {"d = {}\nd['a'] = 1\nd['a'] += 2\nd |= {'b': 3}\nd.update([('c', 4)])\nreturn [fail(str(d))]", `{"a": 3, "b": 3, "c": 4}`},
		"items once":           {"n = [0]\ndef_ = lambda: n.append(1) or 0\nx = [5]\nx[def_()] += 1\nreturn [fail(str((n, x)))]", "([0, 1], [6])"},
		"taken apart":          {"(a, [b, c]) = (1, [2, 3])\nfor i, (x, y) in enumerate([(1, 2)]):\n    a += x + y\nreturn [fail(str((a, b, c)))]", "(4, 2, 3)"},
		"branches":             {"out = []\nfor i in range(6):\n    if i == 1:\n        continue\n    elif i == 4:\n        break\n    else:\n        out.append(i)\nreturn [fail(str(out))]", "[0, 2, 3]"},
		"methods of lists":     {"a = [3, 1]\na.append(2)\na.insert(0, 9)\na.remove(1)\nx = a.pop()\nreturn [fail(str((a, x, a.index(3))))]", "([9, 3], 2, 1)"},
		"methods of dicts":     {"d = {'a': 1}\nd.setdefault('b', 2)\nx = d.pop('a')\nreturn [fail(str((d, x, d.get('z'), d.keys(), d.values(), d.items())))]", `({"b": 2}, 1, None, ["b"], [2], [("b", 2)])`},
		"the input is frozen":  {"input.manifest.labels['a'] = 1\nreturn []", "!the items of a dict cannot be set"},
		"constants are frozen": {"FIXED.append(1)\nreturn []", "!append: cannot append to frozen list"},
		"while it is walked":   {"a = [1]\nfor x in a:\n    a.append(x)\nreturn []", "!append: cannot append to list during iteration"},
		"unset":                {"if input.now == '':\n    a = 1\nreturn [fail(str(a))]", "!local variable a referenced before assignment"},
		"too many to take":     {"a, b = range(1000000000)\nreturn []", "!too many values to unpack (got 1000000000, want 2)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, "FIXED = [0]\ndef check(input):\n    "+strings.ReplaceAll(tt.body, "\n", "\n    ")+"\n")
			var out struct{ Fail []struct{ Message string } }
			if err := json.Unmarshal([]byte(got), &out); err == nil && len(out.Fail) == 1 {
				got = out.Fail[0].Message
			} else if _, message, ok := strings.Cut(got, ": "); ok {
				got = "!" + message
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// Each of these is refused when it is read, at its place.
func TestRefused(t *testing.T) {
	t.Parallel()
	const ok = "def check(input):\n    return []\n"
	body := func(s string) string {
		return "def check(input):\n    " + strings.ReplaceAll(s, "\n", "\n    ") + "\n    return []\n"
	}
	for name, tt := range map[string]struct{ src, want string }{
		"empty":                 {"", "a.star:1:1: the control has no function check (add: def check(input): …)"},
		"no Python":             {"def check(input)\n", "a.star:2:1: got newline, want ':'"},
		"no UTF-8":              {ok + "# \xff\n", "a.star: the file is not text in UTF-8 (save the file as UTF-8)"},
		"NUL":                   {ok + "# \x00\n", "a.star: the file is not text in UTF-8 (save the file as UTF-8)"},
		"too long":              {ok + strings.Repeat("#", maxSource), fmt.Sprintf("a.star: the file has %d bytes, more than the 65536 that a control may have (split it, or keep data in lists of .lumos/config.yaml)", maxSource+len(ok))},
		"no parameter":          {"def check():\n    return []\n", "a.star:1:1: check takes one parameter, what the control sees (write: def check(input):)"},
		"a default":             {"def check(input=1):\n    return []\n", "a.star:1:1: check takes one parameter, what the control sees (write: def check(input):)"},
		"mandatory of two":      {ok + "def mandatory(a, b):\n    return True\n", "a.star:3:1: mandatory takes one parameter, what the control sees (write: def mandatory(input):)"},
		"load":                  {"load('b.star', 'x')\n" + ok, "a.star:1:1: load is not accepted (a control is one file)"},
		"while":                 {body("while True:\n    pass"), "a.star:2:5: while is not accepted (loop over a list: for item in …)"},
		"a loop at the top":     {"for x in [1]:\n    pass\n" + ok, "a.star:1:1: for loop not within a function"},
		"star arguments":        {body("max(*[1])"), "a.star:2:9: * in a call is not accepted (name the arguments one by one)"},
		"star parameters":       {"def f(*a, **k):\n    pass\n" + ok, "a.star:1:7: * in a list of parameters is not accepted (name the parameters one by one)\na.star:1:11: ** in a list of parameters is not accepted (name the parameters one by one)"},
		"a nested function":     {body("def f():\n    pass"), "a.star:2:5: a function within a function is not accepted (define it at the top of the file)"},
		"bytes":                 {body("x = b'1'"), `a.star:2:9: bytes are not accepted (write text: "…")`},
		"a huge number":         {body("x = " + strings.Repeat("9", 60)), "a.star:2:9: the number has more than 128 bits"},
		"set":                   {body("x = set([1])"), "a.star:2:9: this Starlark dialect does not support sets"},
		"print":                 {body("print(1)"), "a.star:2:5: print is not available to a control (see the list of functions in the reference of rules)"},
		"getattr":               {body("getattr(input, 'x')"), "a.star:2:5: getattr is not available to a control (see the list of functions in the reference of rules)"},
		"a field assigned":      {body("input.now = 1"), "a.star:2:11: fields cannot be assigned to (make a dict, or a value of its own)"},
		"an item taken apart":   {body("x = [1]\nx[0], y = 1, 2"), "a.star:3:5: only names are accepted here (take the values apart into names first)"},
		"an item as a variable": {body("x = [1]\nfor x[0] in x:\n    pass"), "a.star:3:9: only names are accepted here (take the values apart into names first)"},
		"an unknown name":       {body("x = inptu"), "a.star:2:9: undefined: inptu (did you mean input?)"},
		"assigned twice":        {"X = 1\nX = 2\n" + ok, "a.star:2:1: cannot reassign global X declared at a.star:1:1"},
		"a finding dropped":     {body("fail('x')"), "a.star:2:5: fail(…) only makes a finding, which is dropped here (return it in a list, or append it to the list that is returned)"},
		"error at the top":      {"X = [1][3]\n" + ok, "a.star:1:8: there is no item 3: a list has 1"},
		"endless at the top":    {"def f():\n    for x in range(1000000000):\n        pass\nX = f()\n" + ok, "a.star:2:5: it took more than 50000 steps"},
		"huge at the top":       {"X = 'x' * 300000\n" + ok, "a.star:1:9: it needed more than 256 KiB of memory"},

		"a field":                 {body("x = input.manifest.spec.evalutions"), "a.star:2:29: there is no field input.manifest.spec.evalutions (did you mean evaluations?)"},
		"a field far off":         {body("x = input.manifest.zzzzzz"), "a.star:2:24: there is no field input.manifest.zzzzzz (known here: labels, name, spec)"},
		"by an alias":             {body("m = input.manifest\ns = m.spec\nx = s.licence"), "a.star:4:11: there is no field input.manifest.spec.licence (did you mean license?)"},
		"in a loop":               {body("for e in input.manifest.spec.evaluations:\n    x = e.vlue"), "a.star:3:15: there is no field input.manifest.spec.evaluations[…].vlue (did you mean value?)"},
		"in a loop with a number": {body("for i, e in enumerate(input.manifest.spec.evaluations):\n    x = e.vlue"), "a.star:3:15: there is no field input.manifest.spec.evaluations[…].vlue (did you mean value?)"},
		"in a comprehension":      {body("x = [e.vlue for e in input.manifest.spec.evaluations]"), "a.star:2:12: there is no field input.manifest.spec.evaluations[…].vlue (did you mean value?)"},
		"in a lambda":             {body("x = lambda: input.manifset"), "a.star:2:23: there is no field input.manifset (did you mean manifest?)"},
		"of an item":              {body("x = input.manifest.spec.evaluations[0].vlue"), "a.star:2:44: there is no field input.manifest.spec.evaluations[…].vlue (did you mean value?)"},
		"of a list":               {body("x = input.manifest.spec.evaluations.value"), "a.star:2:41: input.manifest.spec.evaluations is a list, it has no field value (go through it: for item in input.manifest.spec.evaluations)"},
		"of a text":               {body("x = input.manifest.name.first"), "a.star:2:29: input.manifest.name is a string, it has no field first (test first whether it is there, before a method of it is called)"},
		"in mandatory":            {ok + "def mandatory(x):\n    return x.nowe\n", "a.star:4:14: there is no field input.nowe (did you mean now?)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, errs := Compile("a.star", []byte(tt.src), testShape)
			if errs == nil || errs.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", errs, tt.want)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"a docstring":             "'About.'\n\ndef check(input):\n    'More.'\n    return []\n",
		"free fields":             "def check(input):\n    x = input.manifest.labels.whatever.deeper\n    y = input.evidence['a'].facts.results\n    return []\n",
		"methods":                 "def check(input):\n    x = input.now.lower()\n    y = input.evidence.items()\n    return []\n",
		"names used twice":        "def check(input):\n    x = input.manifest\n    x = x.labels.anything\n    return []\n",
		"names of the same kind":  "def check(input):\n    list = [1]\n    time = 2\n    return []\n",
		"a shadow of the input":   "def f(input):\n    return input.anything\ndef check(input):\n    return [] if f(input.manifest.labels) else []\n",
		"a variable of its own":   "def check(input):\n    m = m2 = 1\n    return []\n",
		"a name used in a circle": "def check(input):\n    a = b.x if input.now else None\n    b = a\n    return []\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, errs := Compile("a.star", []byte(src), testShape)
			if errs != nil && name != "a variable of its own" {
				t.Error(errs)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	p := compile(t, "def check(input):\n    return [] if 'x' in input.lists.alowed else [fail('x')]\n")
	texts := map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
	errs := p.Check(map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{
		"lists": map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{"allowed": texts}}}})
	if want := "a.star:2:37: there is no field input.lists.alowed (did you mean allowed?)"; errs == nil || errs.Error() != want {
		t.Errorf("got %v, want %s", errs, want)
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	src := `X = 1
def helper(x):
    "Doc."
    if x > 2:
        return [
            fail("large")
        ]
    elif x > 1:
        return [fail("larger")]
    for y in range(0):
        x += y
    return []
def check(input):
    return helper(len(input.now))
`
	p, err := compile(t, src).Covering()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Ask(t.Context(), input(t, testInput)); err != nil {
		t.Fatal(err)
	}
	want := []Statement{{4, 4, true}, {5, 7, true}, {8, 8, false}, {9, 9, false}, {10, 10, false}, {11, 11, false}, {12, 12, false}, {14, 14, true}}
	if got := p.Coverage(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// One input and one program serve many evaluations at once, with the same answer each time.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	p := compile(t, "SEEN = {'a': [1]}\ndef check(input):\n    out = {}\n    for e in input.manifest.spec.evaluations:\n        out[e.id] = matches('^x', e.id)\n    return [fail(str((out, SEEN, input.manifest.labels)))]\n")
	in := input(t, testInput)
	var wg sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		wg.Go(func() {
			for range 20 {
				out, err := p.Ask(context.Background(), in)
				if got := fmt.Sprint(out, err); answers[i] != "" && answers[i] != got {
					t.Errorf("%s, then %s", answers[i], got)
				} else {
					answers[i] = got
				}
			}
		})
	}
	wg.Wait()
	for _, a := range answers[1:] {
		if a != answers[0] {
			t.Errorf("%s and %s", answers[0], a)
		}
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	p := compile(t, "def check(input):\n    return []\n")
	cause := errors.New("no more")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if _, err := p.Ask(ctx, input(t, testInput)); err == nil {
		t.Error("it ran all the same")
	}
}

func TestNewInput(t *testing.T) {
	t.Parallel()
	deep := any("x")
	for range maxInputDepth + 2 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{"too deep": deep, "no JSON": struct{}{}, "no number": json.Number("1e999"), "a long number": json.Number(strings.Repeat("9", 500)), "within": map[string]any{"a": []any{struct{}{}}}} {
		if _, err := NewInput(v); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	var none document.Errors
	if _, err := NewInput(nil); err != nil || none != nil {
		t.Error(err)
	}
}

func BenchmarkAsk(b *testing.B) {
	p := compile(b, "def check(input):\n    out = []\n    for i, e in enumerate(input.manifest.spec.evaluations):\n        if not says(e.id) or e.value < 0.1 or not matches('^[a-z]+$', e.id):\n            out.append(missing('%s %d' % (e.id, i), '/spec/evaluations/%d' % i))\n    return out\n")
	in := input(b, testInput)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Ask(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
