package star

import (
	"context"
	"testing"
	"time"
)

func seeds(f *testing.F) {
	f.Add("X = {'a': [1, (2, 3.5)]}\ndef check(input):\n    'Doc.'\n    out = []\n    for i, e in enumerate(input.manifest.spec.evaluations):\n        if not says(e.id) or e.value < 1:\n            out += [missing('%s %d' % (e.id, i), '/a/' + segment(e.id), fix='x')]\n    return out\n\ndef mandatory(input):\n    return input.days in [1, 30] or matches('^a+$', input.now)\n\ndef not_applicable(input):\n    return None if any([x for x in input.lists.allowed[::-1]]) else 'x'\n")
	f.Add("def check(input):\n    d = {k: v for k, v in input.manifest.labels.items()}\n    d['x'] = -1\n    d['x'] <<= 2\n    return [fail(str(sorted(d, key=lambda k: d[k]))) if d else missing('{!r}'.format(d))]\n")
}

// Whatever is compiled, the process lives, and what is refused is refused with its file.
func FuzzCompile(f *testing.F) {
	seeds(f)
	for _, body := range hostile {
		if len(body) < 2000 {
			f.Add(hostileSource(body))
		}
	}
	shape := shapeOf(testShape)
	f.Fuzz(func(t *testing.T, src string) {
		p, errs := build("a.star", []byte(src), shape, true) // without the net of guarded
		if (p == nil) == (errs == nil) {
			t.Fatal("neither a program nor errors, or both")
		}
		for _, e := range errs {
			if e.Path != "a.star" || e.Message == "" {
				t.Errorf("no place: %#v", e)
			}
		}
	})
}

// Whatever is asked, there is an answer or an error in time, twice the same, and memory stays bounded.
func FuzzAsk(f *testing.F) {
	seeds(f)
	for _, name := range []string{"a text doubled", "a dict in itself", "quoted", "a regex over a long text", "recursion by a key"} {
		f.Add(hostileSource(hostile[name]))
	}
	in := input(f, testInput)
	f.Fuzz(func(t *testing.T, src string) {
		p, errs := Compile("a.star", []byte(src), testShape)
		if errs != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		var first error
		grown := heapPeak(func() { _, first = p.Ask(ctx, in) })
		if ctx.Err() != nil {
			t.Error("only the time stopped it")
		}
		if grown > 192<<20 {
			t.Errorf("the heap grew by %d MB", grown>>20)
		}
		if _, err := p.Ask(ctx, in); (err == nil) != (first == nil) || err != nil && err.Error() != first.Error() {
			t.Errorf("first %v, then %v", first, err)
		}
	})
}
