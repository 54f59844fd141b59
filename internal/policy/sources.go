package policy

import (
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/lumos-governance/lumos/internal/config"
)

// SourceData is what a compliance source said: a list, or limits. It is a fact like the evidence, and no
// part of the policy's digest, which has the name of the source alone.
type SourceData struct {
	Values []string
	Limits []config.Limit
	Digest string
	Since  time.Time // when this very content was first read
	Err    string    // why it could not be read
}

// notRead is why a source has no data where nobody reads sources.
const notRead = "sources are read by the bot; for a local check give --source NAME=FILE"

// reads is what a control reads of that which sources may give.
type reads struct {
	lists      map[string]bool
	allLists   bool // or it cannot be told which
	thresholds bool
}

func (r reads) list(name string) bool { return r.allLists || r.lists[name] }

// everything is what a control is taken to read of which nothing can be told.
var everything = reads{allLists: true, thresholds: true}

// readsOf finds what the rules of a package refer to, also through helpers. What cannot be told, such as a
// list whose name is computed, counts as everything.
func readsOf(compiler *ast.Compiler, pkg ast.Ref) reads {
	out := reads{lists: map[string]bool{}}
	seen := map[*ast.Rule]bool{}
	var visit func(r *ast.Rule)
	visit = func(r *ast.Rule) {
		if seen[r] {
			return
		}
		seen[r] = true
		out.walk(r)
		for dependency := range compiler.Graph.Dependencies(r) {
			if d, ok := dependency.(*ast.Rule); ok {
				visit(d)
			}
		}
	}
	for _, r := range compiler.GetRulesWithPrefix(pkg) {
		visit(r)
	}
	return out
}

// walk notes every reference to the input below a node.
func (r *reads) walk(x any) {
	ast.WalkTerms(x, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.Ref:
			r.note(v)
			for _, operand := range v[1:] { // the head has been looked at
				r.walk(operand)
			}
			if _, plain := v[0].Value.(ast.Var); !plain {
				r.walk(v[0])
			}
			return true
		case ast.Var:
			if v.Equal(ast.InputRootDocument.Value) { // the whole input, handed on
				r.allLists, r.thresholds = true, true
			}
		}
		return false
	})
}

// note takes down what a reference can reach.
func (r *reads) note(ref ast.Ref) {
	if !ref[0].Equal(ast.InputRootDocument) {
		return
	}
	if len(ref) == 1 {
		r.allLists, r.thresholds = true, true
		return
	}
	switch root, ok := ref[1].Value.(ast.String); {
	case !ok:
		r.allLists, r.thresholds = true, true
	case root == "thresholds":
		r.thresholds = true
	case root == "lists":
		name, ok := ast.String(""), false
		if len(ref) > 2 {
			name, ok = ref[2].Value.(ast.String)
		}
		if !ok {
			r.allLists = true
			return
		}
		r.lists[string(name)] = true
	}
}

// sourced is what the configuration takes from sources: the names of the sources of lists, and the one
// of limits.
type sourced struct {
	lists      map[string]string // list → source
	thresholds string
	used       []string // those that some control reads, by name
}

// sourcedBy finds what of the configuration rests on sources, and which of these matter.
func sourcedBy(c *config.Config, controls []prepared) sourced {
	out := sourced{lists: map[string]string{}, thresholds: c.ThresholdsFrom}
	used := map[string]bool{}
	for name, l := range c.Lists {
		if l.Source == "" {
			continue
		}
		out.lists[name] = l.Source
		if slices.ContainsFunc(controls, func(p prepared) bool { return p.reads.list(name) }) {
			used[l.Source] = true
		}
	}
	if out.thresholds != "" && slices.ContainsFunc(controls, func(p prepared) bool { return p.reads.thresholds }) {
		used[out.thresholds] = true
	}
	out.used = slices.Sorted(maps.Keys(used))
	return out
}

// unread says which lists, and whether the limits, have no data: why, by list, and for the limits.
type unread struct {
	lists      map[string]string
	thresholds string
}

// stops tells why a control that reads this cannot be judged; empty when it can.
func (u unread) stops(r reads) string {
	for _, name := range slices.Sorted(maps.Keys(u.lists)) {
		if r.list(name) {
			return u.lists[name]
		}
	}
	if r.thresholds {
		return u.thresholds
	}
	return ""
}

// given is what sources gave for one manifest.
type given struct {
	lists  map[string][]string // by list; without those that could not be read
	limits []config.Limit
	unread unread
	uses   []SourceUse
}

// gather takes what the configuration asks for out of what sources said.
func (s sourced) gather(data map[string]SourceData) given {
	out := given{lists: map[string][]string{}, unread: unread{lists: map[string]string{}}}
	get := func(source string) SourceData {
		d, ok := data[source]
		if !ok {
			d.Err = notRead
		}
		return d
	}
	because := func(source, why string) string { return "the source " + source + " could not be read: " + why }
	for name, source := range s.lists {
		switch d := get(source); {
		case d.Err != "":
			out.unread.lists[name] = because(source, d.Err)
		case len(d.Limits) > 0:
			out.unread.lists[name] = because(source, "it gives limits, not a list")
		default:
			out.lists[name] = d.Values
		}
	}
	if s.thresholds != "" {
		switch d := get(s.thresholds); {
		case d.Err != "":
			out.unread.thresholds = because(s.thresholds, d.Err)
		case len(d.Values) > 0:
			out.unread.thresholds = because(s.thresholds, "it gives a list, not limits")
		default:
			out.limits = d.Limits
		}
	}
	for _, name := range s.used {
		d := get(name)
		use := SourceUse{Name: name, Digest: d.Digest, Error: clean(d.Err)}
		if !d.Since.IsZero() {
			use.Since = d.Since.UTC().Format(time.RFC3339)
		}
		out.uses = append(out.uses, use)
	}
	return out
}

// with puts the lists that sources gave beside those that are the same for every manifest.
func with(lists *ast.Term, more map[string][]string) *ast.Term {
	if len(more) == 0 {
		return lists
	}
	pairs := make([][2]*ast.Term, 0, len(more))
	for name, values := range more {
		pairs = append(pairs, pair(name, textTerms(values)))
	}
	if own, ok := lists.Value.(ast.Object); ok {
		own.Foreach(func(k, v *ast.Term) { pairs = append(pairs, [2]*ast.Term{k, v}) })
	}
	return ast.ObjectTerm(pairs...)
}
