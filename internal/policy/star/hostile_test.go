package star

import (
	"context"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// hostile are bodies of check that would take the process down, were they not stopped.
var hostile = map[string]string{
	"an endless loop":             "for x in range(1000000000000):\n    pass",
	"loops within loops":          "for a in range(1000000):\n    for b in range(1000000):\n        for c in range(1000000):\n            if a * b == c + 0.5:\n                return []",
	"a text repeated":             "x = 'x' * 1000000000",
	"a number times a text":       "x = 1000000000000000 * 'x'",
	"a text doubled":              "x = 'x'\nfor i in range(64):\n    x = x + x",
	"a text doubled in place":     "x = 'x'\nfor i in range(64):\n    x += x",
	"a list repeated":             "x = [0] * 1000000000",
	"a list doubled":              "x = [0]\nfor i in range(64):\n    x = x + x",
	"a list doubled in place":     "x = [0]\nfor i in range(64):\n    x += x",
	"a list extended by itself":   "x = [0]\nfor i in range(64):\n    x.extend(x)",
	"a list in a list doubled":    "x = [[0]]\nfor i in range(64):\n    x[0] += x[0]",
	"a tuple doubled":             "x = (0,)\nfor i in range(64):\n    x += x",
	"a list appended to":          "x = []\nfor i in range(1000000000):\n    x.append(i)",
	"a list inserted into":        "x = []\nfor i in range(1000000000):\n    x.insert(0, i)",
	"a list of a range":           "x = list(range(1000000000))",
	"a tuple of a range":          "x = tuple(range(1000000000))",
	"a range sorted":              "x = sorted(range(1000000000))",
	"a range reversed":            "x = reversed(range(1000000000))",
	"a range enumerated":          "x = enumerate(range(1000000000))",
	"a range zipped":              "x = zip(range(1000000000), range(1000000000))",
	"a dict of a range":           "x = dict(zip(range(1000000000), range(1000000000)))",
	"the largest of a range":      "x = max(range(1000000000))",
	"any of a range":              "x = any(range(0, 1000000000000, 7))",
	"all of a range":              "x = all(range(1, 1000000000000))",
	"a range added to a list":     "x = []\nx += range(1000000000)",
	"a range as a bound":          "x = 'a'.join(range(1000000000))",
	"a slice of a huge range":     "x = list(range(1000000000)[1:])",
	"a range compared":            "x = range(1000000000) == range(1000000000)",
	"a dict that grows":           "x = {}\nfor i in range(1000000000):\n    x[i] = i",
	"a dict of dicts":             "x = {}\nfor i in range(1000000000):\n    x[i] = {}",
	"a dict joined":               "x = {0: 0}\nfor i in range(1000000):\n    x = x | {i: i}",
	"dicts in a list":             "x = [{} for i in range(1000000000)]",
	"lists in a list":             "x = [[[], []] for i in range(1000000000)]",
	"functions in a list":         "x = [lambda: i for i in range(1000000000)]",
	"methods in a list":           "x = [''.join for i in range(1000000000)]",
	"parts of the input":          "x = [(input.manifest, input.manifest.spec, input.evidence['x']) for i in range(1000000000)]",
	"a dict comprehended":         "x = {i: [i] for i in range(1000000000)}",
	"a comprehension in another":  "x = [[j for j in range(100000)] for i in range(100000)]",
	"a text replaced":             "x = ('a' * 100000).replace('a', 'b' * 100000)",
	"a text replaced by nothing":  "x = ('a' * 1000000).replace('', 'b' * 100)",
	"texts joined":                "x = ('a' * 100000).join(['b'] * 100000)",
	"a text split":                "x = [('a ' * 1000000).split() for i in range(100)]",
	"a text split by a letter":    "x = [('a,' * 1000000).split(',') for i in range(100)]",
	"lines split":                 "x = [('a\\n' * 1000000).splitlines() for i in range(100)]",
	"characters":                  "x = [('a' * 1000000).codepoints() for i in range(100)]",
	"upper case":                  "x = [('ı' * 1000000).upper() for i in range(1000)]",
	"formatted":                   "x = '{0}' * 1000\ny = x.format('a' * 100000)",
	"formatted with names":        "x = '{a}' * 1000\ny = x.format(a='a' * 100000)",
	"formatted by %":              "x = ('%s' * 10) % tuple(['a' * 1000000] * 10)\ny = ('%s' * 1000) % tuple([x] * 1000)",
	"formatted by % with a dict":  "x = '%(a)s' * 100000\ny = x % {'a': 'a' * 10000}",
	"quoted":                      "x = '\\0'\nfor i in range(64):\n    x = repr(x)",
	"shared lists as text":        "x = ['a']\nfor i in range(40):\n    x = [x, x]\ny = str(x)",
	"shared lists formatted":      "x = ['a']\nfor i in range(40):\n    x = [x, x]\ny = '%s' % x",
	"shared lists formatted too":  "x = ['a']\nfor i in range(40):\n    x = [x, x]\ny = '{}'.format(x)",
	"shared dicts as text":        "x = {0: 'a'}\nfor i in range(40):\n    x = {0: x, 1: x}\ny = str(x)",
	"shared lists compared":       "x = ['a']\ny = ['a']\nfor i in range(40):\n    x = [x, x]\n    y = [y, y]\nz = x == y",
	"shared tuples compared":      "x = ('a',)\ny = ('a',)\nfor i in range(40):\n    x = (x, x)\n    y = (y, y)\nz = x < y",
	"shared tuples as keys":       "x = ('a',)\nfor i in range(64):\n    x = (x, x)\ny = {x: 1}",
	"shared lists sorted":         "x = ['a']\nfor i in range(40):\n    x = [x, x]\ny = sorted([x, x, x])",
	"shared lists found":          "x = ['a']\ny = ['a']\nfor i in range(40):\n    x = [x, x]\n    y = [y, y]\nz = [x].index(y)",
	"a list in itself":            "x = []\nx.append(x)\ny = str(x)",
	"a list in itself compared":   "x = []\nx.append(x)\ny = []\ny.append(y)\nz = x == y",
	"a dict in itself":            "x = {}\nx[0] = x\ny = '%r' % x",
	"lists a million deep":        "x = []\nfor i in range(150000):\n    x = [x]\ny = str(x)",
	"a large number":              "x = 1 << 500 << 500",
	"a number squared":            "x = 3\nfor i in range(64):\n    x = x * x",
	"a number from a text":        "x = int('9' * 1000000)",
	"a number from a float":       "x = int(1e308) * int(1e308)",
	"a regex that repeats":        "x = matches('((a{100}){10}){1000}', 'a')",
	"a regex of large classes":    "x = matches('[\\\\pL\\\\pN]{1000}' * 20, 'a')",
	"a regex over a long text":    "x = matches('(a|b|c|d|e|f|aa|ab|ac|ad|ae|af)*(x{1,50}|y{1,90})$', 'abcdef' * 1000000)",
	"many regexes":                "x = [matches('a{1,900}' + str(i), 'a') for i in range(100000)]",
	"a long cutset":               "x = ('é' * 1000000).strip('aé' * 1000000)",
	"a long search":               "x = 'a' * 10000000\nfor i in range(100000):\n    y = x.count('a')",
	"many findings":               "return [fail(str(i)) for i in range(1000000)]",
	"huge findings":               "return [fail('x' * 1000000 + str(i)) for i in range(10000)]",
	"recursion":                   "return check(input)",
	"recursion by a key":          "f = lambda x: sorted([1, 2], key=x)\nreturn sorted([1], key=lambda y: check(input))",
	"a network call":              "return http.get('https://example.com')",
	"a file":                      "return open('/etc/passwd')",
	"the clock":                   "return now()",
	"randomness":                  "return random()",
	"nested brackets":             "x = " + strings.Repeat("[", 30000) + strings.Repeat("]", 30000),
	"nested parentheses":          "x = " + strings.Repeat("(", 30000) + "1" + strings.Repeat(")", 30000),
	"nested minus":                "x = " + strings.Repeat("-", 60000) + "1",
	"nested not":                  "x = " + strings.Repeat("not ", 15000) + "1",
	"nested lambda":               "x = " + strings.Repeat("lambda: ", 8000) + "1",
	"nested conditions":           "x = " + strings.Repeat("1 if 1 else ", 5000) + "1",
	"a long sum":                  "x = 1" + strings.Repeat("+1", 30000),
	"a long chain of fields":      "x = input" + strings.Repeat(".a", 30000),
	"a long chain of items":       "x = input" + strings.Repeat("[0]", 20000),
	"a long chain of calls":       "x = input" + strings.Repeat("()", 30000),
	"a long chain of elif":        "if 1:\n    pass\n" + strings.Repeat("elif 1:\n    pass\n", 3000),
	"nested blocks":               nestedBlocks(300),
	"nested comprehensions":       "x = " + strings.Repeat("[", 5000) + "1" + strings.Repeat(" for x in [1]]", 4000),
	"huge literals in a loop":     "for i in range(1000000):\n    x = [" + strings.Repeat("1,", 20000) + "]",
	"a finding's message as text": "x = [fail('a')]\nfor i in range(64):\n    x += x\nreturn x",
}

func nestedBlocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "if 1:\n")
	}
	return b.String() + strings.Repeat(" ", n) + "pass"
}

func hostileSource(body string) string {
	return "def check(input):\n    " + strings.ReplaceAll(body, "\n", "\n    ") + "\n    return []\n"
}

// Each hostile body is refused, or stopped within the budget, and the memory in use stays bounded.
//
// Not in parallel with anything: it measures the memory of the process.
func TestHostile(t *testing.T) {
	in := input(t, testInput)
	for name, body := range hostile {
		t.Run(name, func(t *testing.T) {
			grown := heapPeak(func() {
				p, errs := Compile("a.star", []byte(hostileSource(body)), testShape)
				if errs != nil {
					t.Log(shorten(errs.Error()))
					return
				}
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				defer cancel()
				out, err := p.Ask(ctx, in)
				if ctx.Err() != nil {
					t.Error("only the time stopped it")
				}
				if err == nil {
					t.Errorf("it went through: %d answers", len(out))
					return
				}
				t.Log(shorten(err.Error()))
			})
			t.Logf("heap: +%d MB", grown>>20)
			if grown > 128<<20 {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
		})
	}
}

// heapPeak returns by how much the heap in use grew at most while f ran.
func heapPeak(f func()) uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	read := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before := read()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			most = max(most, read())
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f()
	after := read()
	close(stop)
	return max(<-peak, after, before) - before
}
