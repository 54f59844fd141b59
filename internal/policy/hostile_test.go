package policy_test

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy"
)

// maxGrowth is how much the heap may grow while a hostile policy is loaded and runs.
const maxGrowth = 256 << 20

const yamlHeader = `apiVersion: lumos/v1
kind: Control
id: ACME-01
title: Own rule
description: A rule of the organisation.
severity: high
mode: mandatory
remediation: Do what the rule says
frameworks:
  acme-handbook: ["7"]
`

// hostilePolicy is a rule that would take the process down or out, were it not stopped: when it is
// loaded, or as an error of itself alone. Its text is what stands below the description.
type hostilePolicy struct {
	language policy.Language
	name     string
	body     string
	refused  string // what the error of loading says; empty: it runs
	reason   string // what the reason of the error says
}

const noFail = "fail contains {\"message\": \"x\"} if input.now == \"\"\n\n"

func starCheck(body string) string {
	return "def check(input):\n    " + strings.ReplaceAll(body, "\n", "\n    ") + "\n    return []\n"
}

var hostilePolicies = []hostilePolicy{
	{policy.Rego, "an endless loop", noFail + "pass if {\n\tsome i, j in numbers.range(1, 100000)\n\tsome k in numbers.range(1, 100000)\n\ti * j == k + 0.5\n}\n", "", "ran longer than 250ms"},
	{policy.Rego, "a huge list", noFail + "pass if count([[x, x, x] | some x in numbers.range(1, 100000000)]) == 0\n", "", "ran longer than 250ms"},
	{policy.Rego, "many long texts", noFail + "pass if count({x | some i in numbers.range(1, 100000); x := sprintf(\"%d%s\", [i, long])}) == 0\n\nlong := concat(\"\", [\"0123456789\" | some _ in numbers.range(1, 20000)])\n", "", "ran longer than 250ms"},
	{policy.Rego, "a text joined", noFail + "pass if count(concat(long, letters)) == 0\n\nletters := [\"x\" | some _ in numbers.range(1, 20000)]\n\nlong := concat(\"\", letters)\n", "", "more than 1048576 bytes"},
	{policy.Rego, "a text replaced", noFail + "pass if count(replace(long, \"x\", long)) == 0\n\nlong := concat(\"\", [\"x\" | some _ in numbers.range(1, 20000)])\n", "", "more than 1048576 bytes"},
	{policy.Rego, "a text formatted", noFail + "pass if count(sprintf(\"" + strings.Repeat("%1000000d", 300) + "\", numbers.range(1, 300))) == 0\n", "", "more than 1048576 bytes"},
	{policy.Rego, "an argument formatted again and again", noFail + "pass if count(sprintf(\"" + strings.Repeat("%[1]s", 3000) + "\", [concat(\"\", [\"x\" | some _ in numbers.range(1, 20000)])])) == 0\n", "", "more than 1048576 bytes"},
	{policy.Rego, "a regex that repeats", noFail + "pass if regex.match(\"((a{100}b){5}c{1000})\", concat(\"\", [\"0123456789\" | some _ in numbers.range(1, 20000)]))\n", "", "too long for the regular expression"},
	{policy.Rego, "a large number", noFail + "pass if bits.lsh(1, 10000000000) == 0\n", "undefined function bits.lsh", ""},
	{policy.Rego, "a template", noFail + "pass if strings.render_template(\"{{range .a}}{{range $.a}}x{{end}}{{end}}\", {\"a\": numbers.range(1, 1000)}) == \"\"\n", "undefined function strings.render_template", ""},
	{policy.Rego, "paths of a graph", noFail + "pass if count(graph.reachable_paths({}, set())) == 0\n", "undefined function graph.reachable_paths", ""},
	{policy.Rego, "many findings", "pass if input.now == \"\"\n\nfail contains {\"message\": sprintf(\"%d\", [i])} if some i in numbers.range(1, 100000000)\n", "", "ran longer than 250ms"},
	{policy.Rego, "a network call", noFail + "pass if http.send({\"method\": \"get\", \"url\": \"https://example.com\"}).status_code == 200\n", "undefined function http.send", ""},
	{policy.Rego, "recursion", noFail + "pass if f(1)\n\nf(x) if f(x)\n", "recursive", ""},
	{policy.Rego, "deep nesting", noFail + "pass if x == 1\n\nx := " + strings.Repeat("[", 200000) + strings.Repeat("]", 200000) + "\n", "max parsing recursion depth", ""},

	{policy.Starlark, "an endless loop", starCheck("for x in range(1000000000000):\n    pass"), "", "more than 1000000 steps"},
	{policy.Starlark, "a huge text", starCheck("x = 'x' * 1000000000"), "", "needed more than 32768 KiB of memory"},
	{policy.Starlark, "a text doubled", starCheck("x = 'x'\nfor i in range(64):\n    x += x"), "", "needed more than 32768 KiB of memory"},
	{policy.Starlark, "a list that grows", starCheck("x = []\nfor i in range(1000000000):\n    x.append([i])"), "", "more than"},
	{policy.Starlark, "shared lists as text", starCheck("x = ['a']\nfor i in range(40):\n    x = [x, x]\ny = str(x)"), "", "more than"},
	{policy.Starlark, "shared lists compared", starCheck("x = ['a']\ny = ['a']\nfor i in range(40):\n    x = [x, x]\n    y = [y, y]\nz = x == y"), "", "more than 1000000 steps"},
	{policy.Starlark, "a number squared", starCheck("x = 3\nfor i in range(64):\n    x = x * x"), "", "more than 128 bits"},
	{policy.Starlark, "a regex", starCheck("x = matches('((a{90}b){10})$', 'ab' * 1000000)"), "", "more than 1000000 steps"},
	{policy.Starlark, "many findings", starCheck("return [fail(str(i)) for i in range(1000000)]"), "", "more than 10000 findings"},
	{policy.Starlark, "long findings", starCheck("return [fail('x' * 1000000 + str(i)) for i in range(1000)]"), "", "needed more than 32768 KiB of memory"},
	{policy.Starlark, "a network call", starCheck("x = http.get('https://example.com')"), "undefined: http", ""},
	{policy.Starlark, "a module", "load('http.star', 'get')\n" + starCheck("pass"), "load is not accepted", ""},
	{policy.Starlark, "recursion", "def f(x):\n    return f(x)\n" + starCheck("return f(1)"), "", "called recursively"},
	{policy.Starlark, "deep nesting", starCheck("x = " + strings.Repeat("[", 30000) + strings.Repeat("]", 30000)), "excessive nesting", ""},
	{policy.Starlark, "a long sum", starCheck("x = 1" + strings.Repeat("+1", 30000)), "nests deeper", ""},

	{policy.YAML, "a regex that repeats", "rules:\n  - {field: metadata.name, op: matches, value: '((a{1000}){1000}){1000}'}\n", "regular expression", ""},
	{policy.YAML, "a network call", "rules:\n  - {field: metadata.name, op: http-get, value: 'https://example.com'}\n", `"http-get" is not one of`, ""},
	{policy.YAML, "Rego within", "rules:\n  - {field: 'metadata.name; http.send({})', op: present}\n", "field", ""},
	{policy.YAML, "recursion", "rules:\n  - &a {all: [*a]}\n", "alias", ""},
	{policy.YAML, "deep nesting", "rules:\n  - " + strings.Repeat("{not: ", 5000) + "{}" + strings.Repeat("}", 5000) + "\n", "50 levels deep", ""},
	{policy.YAML, "laughs", "rules: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c]\n", "aliases are not accepted", ""},
	{policy.YAML, "very many rules", "rules:\n" + strings.Repeat("  - {field: metadata.name, op: present}\n", 10000), "items", ""},
}

// file gives the policy as the n-th rule of a repository.
func (h hostilePolicy) file(n int) policy.File {
	id := fmt.Sprintf("%02d", n)
	head, ending := header, "rego"
	switch h.language {
	case policy.Starlark:
		head, ending = starDescription, "star"
	case policy.YAML:
		head, ending = yamlHeader, "yaml"
	}
	return policy.File{Path: ".lumos/policies/acme_" + id + "." + ending, Data: []byte(strings.ReplaceAll(head, "01", id) + h.body)}
}

// A policy that cannot be bounded when it runs is refused when it is loaded.
//
// Not in parallel with anything: it measures the memory of the process.
func TestHostileRefused(t *testing.T) {
	for _, tt := range hostilePolicies {
		if tt.refused == "" {
			continue
		}
		t.Run(string(tt.language)+"/"+tt.name, func(t *testing.T) {
			grown := heapGrowth(func() {
				_, err := loadOwn(t, tt.file(1))
				var errs document.Errors
				if !errors.As(err, &errs) || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("error %.300v\nwant one with %q", err, tt.refused)
				}
			})
			if grown > maxGrowth {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
		})
	}
}

// Hostile policies that run are errors of themselves alone, even all of them together: the report fails
// closed, the control beside them is judged, and the memory in use stays bounded.
//
// Not in parallel with anything: it measures the memory of the process, and takes the time that controls
// are given.
func TestHostileRuns(t *testing.T) {
	release := subject(manifest(t))
	for _, language := range []policy.Language{policy.Rego, policy.Starlark} {
		t.Run(string(language), func(t *testing.T) {
			var files []policy.File
			want := map[string]hostilePolicy{}
			for _, h := range hostilePolicies {
				if h.language == language && h.refused == "" {
					files = append(files, h.file(len(files)+1))
					want[fmt.Sprintf("ACME-%02d", len(files))] = h
				}
			}
			files = append(files, policy.File{Path: ".lumos/policies/acme_99.rego", Data: []byte(strings.ReplaceAll(header, "01", "99") + ok)})
			grown := heapGrowth(func() {
				e, err := loadOwn(t, files...)
				if err != nil {
					t.Error(err)
					return
				}
				r := e.Evaluate(t.Context(), release)
				if r.Conclusion != policy.Errored || len(r.Controls) != len(files) {
					t.Errorf("conclusion %s of %d controls", r.Conclusion, len(r.Controls))
				}
				for id, h := range want {
					// On a busy machine the time is up before the budget is.
					got := result(t, r, id)
					if got.Outcome != policy.Error || !strings.Contains(got.Reason, h.reason) && !strings.Contains(got.Reason, "ran longer than 250ms") {
						t.Errorf("%s: %s (%.300s), want an error with %q", h.name, got.Outcome, got.Reason, h.reason)
					}
					if len(got.Findings) > 0 || len(got.Reason) > 2000 {
						t.Errorf("%s: %d findings, a reason of %d bytes", h.name, len(got.Findings), len(got.Reason))
					}
				}
				if o := result(t, r, "ACME-99").Outcome; o != policy.Pass {
					t.Errorf("the control beside them is %s", o)
				}
			})
			t.Logf("the heap grew by %d MB", grown>>20)
			if grown > maxGrowth {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
		})
	}
}

// starDescription is the description of the rules in Python syntax in these tests.
var starDescription = strings.Split(strings.Replace(header, "# schemas:\n#   - input: schema.input\n", "", 1), "package")[0]

// heapGrowth returns by how much the heap in use grew at most while f ran.
func heapGrowth(f func()) uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	runtime.GC()
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		peak := before
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-stop:
				most <- peak
				return
			case <-tick.C:
			}
		}
	}()
	func() {
		defer close(stop)
		f()
	}()
	return <-most - before
}
