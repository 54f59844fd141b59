package rules_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/lumos-governance/lumos/internal/policy/rules"
)

// The three states of a rule.
const (
	holds   = "holds"
	missing = "missing"
	fails   = "fails"
)

type object = map[string]any

// reference is what rules mean, written a second time and plainly: it walks the manifest.
type reference struct {
	input        object
	placeholders []string
}

// at finds a value; nil: there is none.
func at(v any, keys []string) any {
	for _, k := range keys {
		m, _ := v.(object)
		v = m[k]
	}
	return v
}

func stated(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v) != ""
	case []any:
		return len(v) > 0
	case object:
		return len(v) > 0
	}
	return v != nil
}

func (r reference) says(v any) bool {
	s, ok := v.(string)
	return ok && stated(v) && !slices.Contains(r.placeholders, strings.ToLower(strings.TrimSpace(s)))
}

func (r reference) value(field string, item any) any {
	keys := strings.Split(field, ".")
	switch keys[0] {
	case "item":
		return at(item, keys[1:])
	case "metadata", "spec":
		return at(r.input["manifest"], keys)
	}
	return at(r.input, keys)
}

// state is that of a rule, a condition or a part. findings tells what a rule would be open for.
func (r reference) state(c object, item any) (state string, findings []string) {
	if field, ok := c["field"].(string); ok && strings.Contains(field, "[]") {
		return r.list(c, field, item)
	}
	switch {
	case c["all"] != nil:
		state = holds
		for _, p := range c["all"].([]any) {
			s, f := r.state(p.(object), item)
			findings = append(findings, f...)
			if s == fails || s == missing && state == holds {
				state = s
			}
		}
		return state, findings
	case c["any"] != nil:
		state = fails
		for _, p := range c["any"].([]any) {
			if s, _ := r.state(p.(object), item); s == holds || s == missing && state == fails {
				state = s
			}
		}
	case c["not"] != nil:
		s, _ := r.state(c["not"].(object), item)
		state = map[string]string{holds: fails, fails: holds, missing: missing}[s]
	default:
		return r.leaf(c, item)
	}
	return state, open(state)
}

func open(state string) []string {
	if state == holds {
		return nil
	}
	return []string{state}
}

func (r reference) list(c object, field string, item any) (state string, findings []string) {
	before, after, _ := strings.Cut(field, "[]")
	entries, _ := r.value(before, item).([]any)
	rest, condition := inner(c, after)
	some := c["items"] == "any"
	meant, broken, held := false, false, false
	sure := true
	for _, e := range entries {
		where := holds
		if condition != nil {
			where, _ = r.state(condition, e)
		}
		switch where {
		case fails:
			continue
		case missing:
			sure, findings = false, append(findings, missing)
			continue
		}
		meant = true
		s, f := r.state(rest, e)
		findings = append(findings, f...)
		broken, held = broken || s == fails, held || s == holds
		sure = sure && (s == fails) == some
		if !some {
			sure = sure || s == holds
		}
		if s == missing {
			sure = false
		}
	}
	if !meant {
		findings = append(findings, missing)
	}
	if some {
		switch {
		case held:
			return holds, nil
		case meant && r.all(c, field, item, fails):
			return fails, open(fails)
		}
		return missing, open(missing)
	}
	switch {
	case broken:
		return fails, findings
	case meant && len(findings) == 0:
		return holds, nil
	}
	// A part that is only reported as missing may be false all the same.
	return missing, findings
}

// inner is what is asked of each entry of a list, and which entries are meant.
func inner(c object, after string) (rest, where object) {
	last := !strings.Contains(after, "[]")
	rest = object{}
	for k, v := range c {
		switch {
		case k == "field", k == "items" && last, k == "when":
		case k == "where" && last && c["op"] != "min-count":
			where = v.(object)
		default:
			rest[k] = v
		}
	}
	if c["op"] != nil || !last {
		rest["field"] = "item" + after
	}
	return rest, where
}

// all tells whether every entry is out of the question or has the state, for sure.
func (r reference) all(c object, field string, item any, want string) bool {
	before, after, _ := strings.Cut(field, "[]")
	entries, _ := r.value(before, item).([]any)
	rest, condition := inner(c, after)
	for _, e := range entries {
		where := holds
		if condition != nil {
			where, _ = r.state(condition, e)
		}
		if where == fails {
			continue
		}
		if s, _ := r.state(rest, e); where == missing || s != want {
			return false
		}
	}
	return true
}

func (r reference) leaf(c object, item any) (string, []string) {
	v, want := r.value(c["field"].(string), item), c["value"]
	free := !strings.HasSuffix(c["field"].(string), "role") && !strings.HasPrefix(c["field"].(string), "tier")
	_, isText := v.(string)
	says := stated(v) && (!isText || !free || r.says(v))
	judged := func(ok bool) (string, []string) {
		switch {
		case !stated(v) && c["absent"] == "holds":
			return holds, nil
		case !stated(v) && c["absent"] == "fails":
			return fails, open(fails)
		case !stated(v):
			return missing, open(missing)
		case ok:
			return holds, nil
		}
		return fails, open(fails)
	}
	other, isField := want.(object)
	if isField && stated(v) {
		if want = r.value(other["field"].(string), item); !stated(want) {
			if c["absent"] == "fails" {
				return fails, open(fails)
			}
			return missing, open(missing)
		}
	}
	switch c["op"] {
	case "present":
		switch {
		case says:
			return holds, nil
		case stated(v):
			return fails, open(fails)
		}
		return fails, open(missing)
	case "absent":
		if stated(v) {
			return fails, open(fails)
		}
		return holds, nil
	case "not-placeholder":
		return judged(says)
	case "equals":
		return judged(v == want && (!isField || says))
	case "not-equals":
		return judged(says && v != want)
	case "in-list":
		return judged(slices.Contains(want.([]any), v))
	case "not-in-list":
		return judged(says && !slices.Contains(want.([]any), v))
	case "matches":
		s, _ := v.(string)
		return judged(says && regexp.MustCompile("^(?:"+want.(string)+")$").MatchString(s))
	case "at-least":
		if s, ok := v.(string); ok {
			order := []string{"low", "medium", "high", "critical"}
			return judged(slices.Index(order, s) >= slices.Index(order, want.(string)))
		}
		n, _ := v.(float64)
		w, _ := want.(float64)
		return judged(n >= w)
	case "min-count":
		entries, _ := v.([]any)
		n := 0
		for _, e := range entries {
			if w, ok := c["where"].(object); ok {
				if s, _ := r.state(w, e); s != holds {
					continue
				}
			}
			if _, isText := e.(string); !isText || r.says(e) {
				n++
			}
		}
		switch {
		case float64(n) >= want.(float64):
			return holds, nil
		case n == 0:
			return fails, open(missing)
		}
		return fails, open(fails)
	}
	panic(c["op"])
}

// outcome is what the whole control concludes.
func (r reference) outcome(c object) string {
	unknown := false
	if w, ok := c["when"].(object); ok {
		switch s, _ := r.state(w, nil); s {
		case fails:
			return "not-applicable"
		case missing:
			unknown = true
		}
	}
	var found []string
	asked := false
	for _, rule := range c["rules"].([]any) {
		rule := rule.(object)
		if w, ok := rule["when"].(object); ok {
			s, _ := r.state(w, nil)
			if s == fails {
				continue
			}
			if s == missing {
				asked, found = true, append(found, missing)
				continue
			}
		}
		asked = true
		_, f := r.state(rule, nil)
		found = append(found, f...)
	}
	switch {
	case !asked:
		return "not-applicable"
	case unknown:
		return missing
	case slices.Contains(found, fails):
		return "fail"
	case len(found) > 0:
		return missing
	}
	return "pass"
}

// generator makes rules and manifests of a small world at random.
type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// fieldsOf are fields by what they hold, of the release and of an entry of spec.data or of its evaluations.
var fieldsOf = map[string]map[string][]string{
	"": {
		"text":    {"spec.source.publisher", "spec.change.previous", "metadata.version", "previous.metadata.version", "spec.data[].license", "spec.limitations[]", "spec.evaluations[].slices[].name"},
		"number":  {"spec.model.architecture.parameters", "spec.evaluations[].n", "spec.evaluations[].slices[].value"},
		"boolean": {"spec.model.generative", "spec.evaluations[].passed"},
		"role":    {"spec.data[].role"},
		"tier":    {"tier.effective"},
		"list":    {"spec.limitations", "spec.data", "spec.evaluations", "spec.evaluations[].slices"},
	},
	"data":        {"text": {"item.license", "spec.source.publisher"}, "role": {"item.role"}},
	"evaluations": {"number": {"item.n", "item.slices[].value"}, "boolean": {"item.passed"}, "text": {"item.metric", "item.slices[].name"}, "list": {"item.slices"}},
	"slices":      {"text": {"item.name"}, "number": {"item.value"}},
	"limitations": {"text": {"item"}},
}

func (g generator) check(in string, depth int, condition bool) object {
	if depth > 0 && g.IntN(3) == 0 {
		c := object{}
		inner := in
		if in == "" && g.IntN(2) == 0 {
			inner = pick(g, "data", "evaluations")
			c["field"] = "spec." + inner + "[]"
			if g.IntN(3) == 0 {
				c["items"] = "any"
			}
			if g.IntN(3) == 0 {
				c["where"] = g.check(inner, 0, true)
			}
		}
		if g.IntN(4) == 0 {
			c["not"] = g.check(inner, depth-1, true)
			return c
		}
		var parts []any
		for range 1 + g.IntN(3) {
			parts = append(parts, g.check(inner, depth-1, condition))
		}
		c[pick(g, "all", "any")] = parts
		return c
	}
	kinds := fieldsOf[in]
	var names []string
	for k := range kinds {
		names = append(names, k)
	}
	slices.Sort(names)
	kind := pick(g, names...)
	field := pick(g, kinds[kind]...)
	c := object{"field": field}
	always := field == "metadata.version" || kind == "tier"
	switch kind {
	case "text":
		c["op"] = pick(g, "present", "absent", "not-placeholder", "equals", "not-equals", "in-list", "not-in-list", "matches")
		switch c["op"] {
		case "equals", "not-equals":
			c["value"] = pick[any](g, "a", "b", "none", object{"field": "spec.change.previous"}, object{"field": "metadata.version"})
		case "in-list", "not-in-list":
			c["value"] = []any{"a", "none"}
		case "matches":
			c["value"] = pick(g, "[ab]", "a|tbd", "a.*")
		}
	case "number":
		c["op"] = pick(g, "present", "absent", "equals", "not-equals", "in-list", "at-least")
		c["value"] = 2.0
		if c["op"] == "in-list" {
			c["value"] = []any{1.0, 3.0}
		}
		if (c["op"] == "equals" || c["op"] == "at-least") && g.IntN(3) == 0 {
			c["value"] = object{"field": "spec.model.architecture.parameters"}
		}
	case "boolean":
		c["op"] = pick(g, "present", "absent", "equals", "not-equals")
		c["value"] = g.IntN(2) == 0
	case "role":
		c["op"] = pick(g, "present", "absent", "equals", "not-equals", "in-list", "not-in-list")
		c["value"] = "training"
		if strings.HasSuffix(c["op"].(string), "in-list") {
			c["value"] = []any{"training", "rag"}
		}
	case "tier":
		c["op"] = pick(g, "at-least", "equals", "not-equals")
		c["value"] = pick(g, "medium", "high")
	case "list":
		c["op"] = pick(g, "present", "absent", "min-count", "min-count")
		c["value"] = 1.0 + float64(g.IntN(2))
		if where := field[max(strings.LastIndexAny(field, ".]"), 0)+1:]; c["op"] == "min-count" && g.IntN(2) == 0 {
			c["where"] = g.check(where, 0, true)
		}
	}
	if c["op"] == "present" || c["op"] == "absent" {
		if always {
			c["op"], c["value"] = "not-equals", "b"
		} else {
			delete(c, "value")
		}
	}
	if c["op"] == "not-placeholder" {
		delete(c, "value")
	}
	if strings.Contains(field, "[]") && g.IntN(2) == 0 {
		c["items"] = pick(g, "any", "all")
	}
	if strings.HasPrefix(field, "spec.data[]") && g.IntN(3) == 0 {
		c["where"] = g.check("data", 0, true)
	}
	if !always && !slices.Contains([]any{"present", "absent", "min-count"}, c["op"]) {
		switch {
		case g.IntN(5) == 0:
			c["absent"] = "holds"
		case condition && g.IntN(4) == 0:
			c["absent"] = "fails"
		}
	}
	return c
}

func (g generator) control() object {
	c := object{"apiVersion": "lumos/v1", "kind": "Control", "id": "ACME-01", "title": "t", "description": "d", "severity": "high",
		"mode": "mandatory", "remediation": "r", "frameworks": object{}}
	if g.IntN(2) == 0 {
		c["when"] = g.check("", 2, true)
	}
	if g.IntN(4) == 0 {
		c["mode"], c["mandatoryWhen"] = "weighted", g.check("", 1, true)
	}
	var list []any
	for range 1 + g.IntN(3) {
		r := g.check("", 2, false)
		if g.IntN(3) == 0 {
			r["when"] = g.check("", 1, true)
		}
		list = append(list, r)
	}
	c["rules"] = list
	return c
}

func (g generator) input() object {
	maybe := func(o object, key string, values ...any) {
		if v := pick(g, append(values, nil)...); v != nil {
			o[key] = v
		}
	}
	words := []any{"a", "b", "ab", "tbd", "none", " "}
	spec, source, model, architecture := object{}, object{}, object{}, object{}
	maybe(source, "publisher", words...)
	maybe(architecture, "parameters", 1.0, 2.0, 3.0)
	model["architecture"] = architecture
	maybe(model, "generative", true, false)
	change := object{}
	maybe(change, "previous", "a", "b", "tbd")
	spec["source"], spec["model"], spec["change"] = source, model, change
	list := func(make func() any) []any {
		out := []any{}
		for range g.IntN(4) {
			out = append(out, make())
		}
		return out
	}
	maybe(spec, "limitations", list(func() any { return pick(g, words...) }), []any{"a", "b"})
	maybe(spec, "data", list(func() any {
		o := object{}
		maybe(o, "role", "training", "rag", "evaluation")
		maybe(o, "license", words...)
		return o
	}))
	maybe(spec, "evaluations", list(func() any {
		o := object{}
		maybe(o, "n", 1.0, 2.0, 3.0)
		maybe(o, "passed", true, false)
		maybe(o, "metric", words...)
		maybe(o, "slices", list(func() any {
			o := object{}
			maybe(o, "name", words...)
			maybe(o, "value", 1.0, 2.0, 3.0)
			return o
		}))
		return o
	}))
	in := object{"manifest": object{"metadata": object{"name": "m", "version": pick(g, "a", "b", "tbd")}, "spec": spec}, "tier": object{"effective": pick(g, "low", "medium", "high")}}
	if g.IntN(2) == 0 {
		in["previous"] = object{"metadata": object{"name": "m", "version": pick(g, "a", "tbd")}}
	}
	return in
}

// TestLogic holds what rules are rendered to against the reference, for rules and manifests made at
// random. Above all: a control that is not proven to pass is open, and none reaches no conclusion.
func TestLogic(t *testing.T) {
	t.Parallel()
	defaults := lists(t)
	r := reference{}
	for _, p := range defaults["placeholders"].([]any) {
		r.placeholders = append(r.placeholders, p.(string))
	}
	compiled, seen := 0, map[string]int{}
	for seed := range uint64(60) {
		g := generator{rand.New(rand.NewPCG(seed, 7))}
		c := g.control()
		src, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		parsed, errs := rules.Parse("a.yaml", src)
		if errs != nil {
			if !strings.Contains(errs.Error(), "does not look at it") && !strings.Contains(errs.Error(), "in words it has more") {
				t.Errorf("seed %d: %v\n%s", seed, errs, src)
			}
			continue
		}
		source, module, errs := parsed.Render("lumos.local.acme_01", options)
		if errs != nil {
			t.Fatalf("seed %d: %v\n%s", seed, errs, src)
		}
		modules := helpers(t)
		modules["a.yaml"] = module
		compiler := ast.NewCompiler().WithStrict(true)
		if compiler.Compile(modules); compiler.Failed() {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, compiler.Errors, src, source)
		}
		query, err := rego.New(rego.Compiler(compiler), rego.Query("outcome = data.lumos.lib.outcome(data.lumos.local.acme_01)"), rego.StrictBuiltinErrors(true)).PrepareForEval(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		compiled++
		for range 12 {
			in := complete(g.input(), defaults)
			found, err := query.Eval(t.Context(), rego.EvalInput(in))
			if err != nil || len(found) != 1 {
				t.Fatalf("seed %d: %d answers, %v\n%s", seed, len(found), err, source)
			}
			r.input = in
			got, want := found[0].Bindings["outcome"], r.outcome(c)
			seen[fmt.Sprint(got)]++
			if got != want {
				manifest, _ := json.Marshal(in["manifest"])
				t.Fatalf("seed %d: %s, want %s\n%s\n%s\n%v\n%s", seed, got, want, src, manifest, in["previous"], source)
			}
		}
	}
	t.Logf("%d rules, outcomes %v", compiled, seen)
	if compiled < 40 || seen["pass"] == 0 || seen["fail"] == 0 || seen["missing"] == 0 || seen["not-applicable"] == 0 {
		t.Errorf("%d rules, outcomes %v: too little was tried", compiled, seen)
	}
}
