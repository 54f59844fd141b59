package releases

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
)

// The kinds of Change, in the order in which Diff tells them.
const (
	KindMetric    = "metric"
	KindData      = "data"
	KindLicense   = "license"
	KindBaseModel = "base-model"
	KindArtifact  = "artifact"
	KindRisk      = "risk"
	KindField     = "field"
)

// Diff tells what a reviewer of next should know against prev: metrics with the way they moved, data,
// licence, base models, artifacts, risk, and then every other field that differs. The evidence list,
// provenance and change record are left out: they are new in every release by their nature. The
// order is that of the manifests, and numbers are shown exactly as they are. A nil prev, a model's
// first release, has no changes.
func Diff(prev, next *Release) []Change {
	if prev == nil || next == nil {
		return nil
	}
	d := differ{}
	a, b := &prev.Manifest.Spec, &next.Manifest.Spec
	d.metrics(a, b)
	d.items(KindData, "/spec/data", list(prev, "data"), list(next, "data"), datasetKey)
	d.field(KindLicense, "/spec/model/license/spdx", "licence", at(prev, "model", "license", "spdx"), at(next, "model", "license", "spdx"))
	d.field(KindLicense, "/spec/model/license/name", "licence name", at(prev, "model", "license", "name"), at(next, "model", "license", "name"))
	d.items(KindBaseModel, "/spec/model/baseModels", list(prev, "model", "baseModels"), list(next, "model", "baseModels"), baseModelKey)
	d.items(KindArtifact, "/spec/artifacts", list(prev, "artifacts"), list(next, "artifacts"), artifactKey)
	d.risk(prev, next)
	d.rest(prev, next)
	return d.changes
}

type differ struct{ changes []Change }

func (d *differ) add(c Change) {
	if c.Before != c.After {
		d.changes = append(d.changes, c)
	}
}

func (d *differ) field(kind, pointer, title string, before, after any) {
	if reflect.DeepEqual(before, after) {
		return
	}
	c := Change{Kind: kind, Pointer: pointer, Title: title, Before: show(before), After: show(after)}
	if c.Before == c.After { // 1 and "1", [a, b] and ["a, b"]
		c.Before, c.After = compact(before), compact(after)
	}
	d.add(c)
}

// measure is one number of a manifest and what it is called.
type measure struct {
	key       string
	title     string
	pointer   string
	shown     string
	value     *float64
	passed    *bool
	direction string
}

// metrics compares evaluations, their slices and performance, each with itself.
func (d *differ) metrics(a, b *Spec) {
	before, after := measures(a), measures(b)
	pair(before, after, func(m measure) string { return m.key }, func(x, y *measure) {
		switch {
		case x == nil:
			d.add(Change{Kind: KindMetric, Pointer: y.pointer, Title: y.title, After: cmp.Or(y.shown, "listed")})
		case y == nil:
			d.add(Change{Kind: KindMetric, Pointer: x.pointer, Title: x.title, Before: cmp.Or(x.shown, "listed")})
		default:
			d.add(Change{Kind: KindMetric, Pointer: y.pointer, Title: y.title, Before: x.shown, After: y.shown, Better: better(x, y)})
		}
	})
}

// better tells whether y is better than x, or nil where that is unknown. A test that turned to failed
// is worse whatever its number says.
func better(x, y *measure) *bool {
	if x.passed != nil && y.passed != nil && *x.passed != *y.passed {
		return y.passed
	}
	if x.value == nil || y.value == nil || *x.value == *y.value || x.direction != "" && x.direction != y.direction {
		return nil
	}
	var up bool
	switch y.direction {
	case "higher":
		up = *y.value > *x.value
	case "lower":
		up = *y.value < *x.value
	default:
		return nil
	}
	return &up
}

func measures(s *Spec) []measure {
	var out []measure
	for i, e := range s.Evaluations {
		at := "/spec/evaluations/" + strconv.Itoa(i)
		test := ""
		if e.Test != nil {
			test = *e.Test
		}
		title := join(" on ", join(" ", test, e.Metric), join(" ", e.Dataset.ID, e.Dataset.Split))
		key := strings.Join([]string{e.Category, test, e.Dataset.ID, e.Dataset.Task, e.Dataset.Split, e.Metric}, "\x00")
		m := measure{key: key, title: title, pointer: at, value: e.Value, passed: e.Passed, direction: e.Direction}
		m.shown = join(", ", number(e.Value), verdict(e.Passed))
		if e.Value != nil {
			m.pointer = at + "/value"
		}
		out = append(out, m)
		for j, slice := range e.Slices {
			out = append(out, measure{
				key: key + "\x00slice\x00" + slice.Name, title: title + " (" + slice.Name + ")",
				pointer: at + "/slices/" + strconv.Itoa(j) + "/value",
				shown:   number(slice.Value), value: slice.Value, direction: e.Direction,
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Performance.Metrics)) {
		v := s.Performance.Metrics[name]
		out = append(out, measure{
			key: "performance\x00" + name, title: name, pointer: "/spec/performance/metrics" + document.Pointer(name),
			shown: number(&v), value: &v, direction: performanceDirection(name),
		})
	}
	return out
}

// performanceDirection knows the names of the manifest's format: times and error rates are better
// lower, throughputs higher.
func performanceDirection(name string) string {
	switch {
	case strings.HasSuffix(name, "_ms"), name == "errorRate":
		return "lower"
	case name == "rps", name == "tps", strings.HasPrefix(name, "tps_"), strings.HasPrefix(name, "rps_"):
		return "higher"
	}
	return ""
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return show(*v)
}

func verdict(passed *bool) string {
	switch {
	case passed == nil:
		return ""
	case *passed:
		return "passed"
	}
	return "failed"
}

// keyed is an item of a list with what it is recognised by.
type keyed struct {
	key, title, pointer string
	value               map[string]any
}

type naming func(item map[string]any) (key, title string)

func datasetKey(m map[string]any) (key, title string) {
	role, id := text(m["role"]), text(m["id"])
	return role + "\x00" + id, join(" ", role, "data", id)
}

func baseModelKey(m map[string]any) (key, title string) {
	return text(m["id"]), join(" ", "base model", text(m["id"]))
}

func artifactKey(m map[string]any) (key, title string) {
	return text(m["name"]), join(" ", "artifact", text(m["name"]))
}

// items compares two lists of mappings, each item with its namesake, field by field.
func (d *differ) items(kind, pointer string, before, after []any, name naming) {
	index := func(items []any) []keyed {
		var out []keyed
		for i, item := range items {
			m, _ := item.(map[string]any)
			key, title := name(m)
			out = append(out, keyed{key, title, pointer + "/" + strconv.Itoa(i), m})
		}
		return out
	}
	pair(index(before), index(after), func(k keyed) string { return k.key }, func(x, y *keyed) {
		switch {
		case x == nil:
			d.add(Change{Kind: kind, Pointer: y.pointer, Title: y.title, After: summary(y.value)})
		case y == nil:
			d.add(Change{Kind: kind, Pointer: x.pointer, Title: x.title, Before: summary(x.value)})
		default:
			for _, f := range fields(x.value, y.value) {
				d.field(kind, y.pointer+document.Pointer(f), y.title+": "+f, x.value[f], y.value[f])
			}
		}
	})
}

// summary shows what identifies an item that came or went.
func summary(m map[string]any) string {
	for _, f := range []string{"digest", "revision"} {
		if s := text(m[f]); s != "" {
			return s
		}
	}
	return "listed"
}

func (d *differ) risk(prev, next *Release) {
	a, _ := at(prev, "risk").(map[string]any)
	b, _ := at(next, "risk").(map[string]any)
	d.field(KindRisk, "/spec/risk/tier", "risk tier", a["tier"], b["tier"])
	for _, group := range []string{"factors", "euAiAct"} {
		x, _ := a[group].(map[string]any)
		y, _ := b[group].(map[string]any)
		for _, f := range fields(x, y) {
			d.field(KindRisk, "/spec/risk/"+group+document.Pointer(f), "risk "+group+"."+f, x[f], y[f])
		}
	}
	for _, f := range fields(a, b) {
		if f != "tier" && f != "factors" && f != "euAiAct" {
			d.field(KindRisk, "/spec/risk"+document.Pointer(f), "risk "+f, a[f], b[f])
		}
	}
}

// told are the fields that are compared above or change by their nature.
var told = []string{
	"/metadata/version", "/spec/evaluations", "/spec/performance/metrics", "/spec/data", "/spec/model/license/spdx",
	"/spec/model/license/name", "/spec/model/baseModels", "/spec/artifacts", "/spec/risk", "/spec/change",
	"/spec/evidence", "/spec/provenance",
}

// rest compares what is left, down to lists and scalars.
func (d *differ) rest(prev, next *Release) {
	var walk func(pointer string, a, b any)
	walk = func(pointer string, a, b any) {
		if slices.Contains(told, pointer) || reflect.DeepEqual(a, b) {
			return
		}
		x, isX := a.(map[string]any)
		y, isY := b.(map[string]any)
		if (isX || a == nil) && (isY || b == nil) {
			for _, f := range fields(x, y) {
				walk(pointer+document.Pointer(f), x[f], y[f])
			}
			return
		}
		title := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(pointer, "/spec"), "/"), "/", ".")
		d.field(KindField, pointer, title, a, b)
	}
	walk("", prev.Value, next.Value)
}

// pair matches the items of two lists by key; equal keys match in their order. It visits the items
// of after in their order, then those of before that are gone.
func pair[T any](before, after []T, key func(T) string, visit func(x, y *T)) {
	left := map[string][]int{}
	for i := range before {
		k := key(before[i])
		left[k] = append(left[k], i)
	}
	matched := make([]bool, len(before))
	for j := range after {
		k := key(after[j])
		if rest := left[k]; len(rest) > 0 {
			left[k], matched[rest[0]] = rest[1:], true
			visit(&before[rest[0]], &after[j])
		} else {
			visit(nil, &after[j])
		}
	}
	for i := range before {
		if !matched[i] {
			visit(&before[i], nil)
		}
	}
}

// at returns the value at keys under spec, or nil.
func at(r *Release, keys ...string) any {
	v := r.Value["spec"]
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func list(r *Release, keys ...string) []any {
	l, _ := at(r, keys...).([]any)
	return l
}

// fields returns the keys of both, sorted.
func fields(a, b map[string]any) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// show writes a value for people: text as it is, lists of scalars with commas, anything else as JSON.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return compact(v) // the shortest digits that give back the same number
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			switch item.(type) {
			case []any, map[string]any:
				return compact(v)
			}
			parts[i] = show(item)
		}
		return strings.Join(parts, ", ")
	}
	return compact(v)
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // cannot be: the value came from JSON types
		return err.Error()
	}
	return string(b)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// join joins what is not empty.
func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}
