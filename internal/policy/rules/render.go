package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/lumos-governance/lumos/internal/document"
)

// Render returns the rule as Rego in the given package ("lumos.local.acme_01"), and the same parsed, with
// the places of the YAML file as its locations. The same rule gives the same bytes.
func (r *Rule) Render(pkg string, opts ast.ParserOptions) (source string, parsed *ast.Module, errs document.Errors) {
	wrong := func(err error) (string, *ast.Module, document.Errors) {
		return "", nil, document.Errors{{Path: r.path, Line: 1, Column: 1, Message: fmt.Sprintf("the rule cannot be rendered: %v", err)}}
	}
	g := &generator{names: map[string]string{}, kept: map[string]string{}}
	written := g.control(r, pkg)
	formatted, err := format.SourceWithOpts(r.path, []byte(written), format.Opts{RegoVersion: ast.RegoV1, ParserOptions: &opts, SkipDefensiveCopying: true})
	if err != nil {
		return wrong(err)
	}
	source = string(formatted)
	if parsed, err = ast.ParseModuleWithOpts(r.path, source, opts); err != nil {
		return wrong(err)
	}
	if err := g.locate(parsed, r.path); err != nil {
		return wrong(err)
	}
	return source, parsed, nil
}

// once leaves out what is said already.
func once(lines []string) []string {
	var out []string
	for _, l := range lines {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// generator writes the module of one rule.
type generator struct {
	sections []*section
	current  *section
	names    map[string]string // helper → what it stands for, so that none is given twice
	kept     map[string]string // what is stood for → helper
}

// section is a stretch of the module below one comment.
type section struct {
	comment string
	decls   []decl
}

// decl is one rule of the module, with the place in the YAML that it comes from.
type decl struct {
	name, text string
	line, col  int
	lines      []*node // where each expression of the body comes from; nil: from line and col
}

func (g *generator) section(comment string) {
	g.current = &section{comment: comment}
	g.sections = append(g.sections, g.current)
}

func (g *generator) declare(name, text string, at *node) {
	line, col := 1, 1
	if at != nil {
		line, col = at.line, at.col
	}
	g.current.decls = append(g.current.decls, decl{name: name, text: text, line: line, col: col})
}

// body writes a rule's condition, each expression once.
func body(lines []string) string {
	lines = once(lines)
	if len(lines) == 1 && !strings.Contains(lines[0], "\n") {
		return " if " + lines[0]
	}
	return " if {\n" + strings.Join(lines, "\n") + "\n}"
}

// helper returns the call of a rule that holds when one of the bodies does, and declares it once. The
// bodies are written for the entry that the rule is asked of, if any.
func (g *generator) helper(name string, n *node, item string, bodies func(item string) [][]string) string {
	head, call := name, name
	inner := ""
	if item != "" {
		head, call, inner = name+"(item)", name+"("+item+")", "item"
	}
	key := fmt.Sprintf("%s %p %t", name, n, item != "")
	if kept, ok := g.kept[key]; ok {
		return strings.Replace(call, name, kept, 1)
	}
	free := g.free(name, key)
	g.kept[key] = free
	head, call = strings.Replace(head, name, free, 1), strings.Replace(call, name, free, 1)
	place := g.current
	for _, lines := range bodies(inner) {
		g.current = place
		head := head
		if inner != "" && !slices.ContainsFunc(lines, mentionsItem) {
			head = free + "(_)" // Rego refuses an argument that is not used
		}
		g.declare(free, head+body(lines), n)
	}
	return call
}

var (
	literal  = regexp.MustCompile("`[^`]*`|\"(?:[^\"\\\\]|\\\\.)*\"")
	wordItem = regexp.MustCompile(`\bitem\b`)
)

// mentionsItem tells whether an expression looks at the entry, outside of its literals.
func mentionsItem(line string) bool { return wordItem.MatchString(literal.ReplaceAllString(line, "")) }

// free finds a name that no other rule has.
func (g *generator) free(name, key string) string {
	free := name
	for i := 0; g.names[free] != ""; i++ {
		free = fmt.Sprintf("%s_%c", name, 'a'+i)
	}
	g.names[free] = key
	return free
}

// own is the entry to give to a helper of a node: none when the node does not look at it.
func own(n *node, item string) string {
	if n.usesItem() {
		return item
	}
	return ""
}

// next names the entry of a list within the list whose entry is item.
func next(item string) string {
	if item == "" {
		return "item"
	}
	_, number, _ := strings.Cut(item, "_")
	i, _ := strconv.Atoi(number)
	return "item_" + strconv.Itoa(max(i, 1)+1)
}

// locate gives every part of the module the place in the YAML that it comes from. It is also a check:
// what was parsed must be what was written, rule by rule.
func (g *generator) locate(m *ast.Module, file string) error {
	var decls []decl
	for _, s := range g.sections {
		decls = append(decls, s.decls...)
	}
	if len(decls) != len(m.Rules) {
		return fmt.Errorf("%d rules were written, %d read", len(decls), len(m.Rules))
	}
	place := func(x any, line, col int) {
		loc := &ast.Location{File: file, Row: line, Col: col}
		ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.Rule:
				x.Location = loc
			case *ast.Head:
				x.Location = loc
			case *ast.Expr:
				x.Location = loc
			case *ast.SomeDecl:
				x.Location = loc
			case *ast.Every:
				x.Location = loc
			case *ast.With:
				x.Location = loc
			case *ast.Package:
				x.Location = loc
			case *ast.Import:
				x.Location = loc
			case *ast.Comment:
				x.Location = loc
			case *ast.Annotations:
				x.Location = loc
			case *ast.Term:
				if x.Location != nil { // else it is one that all modules share
					x.Location = loc
				}
			}
			return false
		}).Walk(x)
	}
	for i, r := range m.Rules {
		if r.Head.Name.String() != decls[i].name || decls[i].lines != nil && len(decls[i].lines) != len(r.Body) {
			return fmt.Errorf("the rule %s was written, %s read", decls[i].name, r.Head.Name)
		}
		place(r, decls[i].line, decls[i].col)
		for j, n := range decls[i].lines {
			place(r.Body[j], n.line, n.col)
		}
	}
	rules := m.Rules
	m.Rules = nil
	place(m, 1, 1)
	m.Rules = rules
	return nil
}

// control writes the whole module.
func (g *generator) control(r *Rule, pkg string) string {
	guards := []string{"not pass"}
	if r.when != nil {
		g.section("It applies when " + r.when.describe(true) + ".")
		g.applicable(r.when)
		guards = append(guards, "applies")
	}
	if r.mandatoryWhen != nil {
		g.section("It is mandatory when " + r.mandatoryWhen.describe(true) + ".")
		g.declare("mandatory", "mandatory"+body(g.holds(r.mandatoryWhen, "")), r.mandatoryWhen)
	}
	var proof []string
	var from []*node
	prove := func(n *node, lines ...string) {
		for _, l := range lines {
			if !slices.Contains(proof, l) {
				proof, from = append(proof, l), append(from, n)
			}
		}
	}
	if r.when != nil {
		prove(r.when, "applies")
	}
	conditional := true
	for i, n := range r.rules {
		g.section(fmt.Sprintf("Rule %d: %s.", i+1, n.describe(true)))
		if n.when != nil {
			g.current.comment = fmt.Sprintf("Rule %d, when %s: %s.", i+1, n.when.describe(true), n.describe(true))
		}
		prove(n, g.rule(n, guards)...)
		conditional = conditional && n.when != nil
	}
	if conditional {
		g.section("None of the rules is asked.")
		var lines []string
		var words []string
		for _, n := range r.rules {
			lines = append(lines, g.breaks(n.when, "")...)
			words = append(words, n.when.describe(false))
		}
		g.declare("not_applicable", "not_applicable contains "+quoted(strings.Join(words, "; "))+body(lines), r.rules[0])
	}
	g.section("")
	g.declare("pass", "pass"+body(proof), nil)
	g.current.decls[0].lines = from

	var out strings.Builder
	r.metadata(&out)
	fmt.Fprintf(&out, "package %s\n", pkg)
	var decls strings.Builder
	for _, s := range g.sections {
		decls.WriteString("\n")
		if s.comment != "" && len(s.decls) > 0 {
			for _, line := range wrap(oneLine(s.comment, 600), 110) {
				decls.WriteString("# " + line + "\n")
			}
		}
		for _, d := range s.decls {
			decls.WriteString(d.text + "\n\n")
		}
	}
	for _, lib := range []string{"lib", "rule"} {
		if strings.Contains(decls.String(), lib+".") {
			fmt.Fprintf(&out, "\nimport data.lumos.%s", lib)
		}
	}
	return out.String() + "\n" + decls.String()
}

// metadata writes the block that describes a control in Rego.
func (r *Rule) metadata(out *strings.Builder) {
	line := func(format string, args ...any) { fmt.Fprintf(out, "# "+format+"\n", args...) }
	line("METADATA")
	line("title: %s", yamlText(r.Title))
	if lines, ok := folded(r.Description); ok {
		line("description: >-")
		for _, l := range lines {
			line("  %s", l)
		}
	} else {
		line("description: %s", yamlQuoted(r.Description))
	}
	line("schemas:")
	line("  - input: schema.input")
	line("custom:")
	line("  id: %s", r.ID)
	line("  severity: %s", r.Severity)
	line("  mode: %s", r.Mode)
	if words := r.MandatoryWhenText(); words != "" {
		line("  mandatory_when: %s", yamlQuoted(words))
	}
	if r.EffectiveFrom != "" {
		line("  effective_from: %s", yamlQuoted(r.EffectiveFrom))
	}
	if r.SupersededBy != "" {
		line("  superseded_by: %s", r.SupersededBy)
	}
	line("  remediation: %s", yamlQuoted(r.Remediation))
	if len(r.Frameworks) == 0 {
		line("  frameworks: {}")
		return
	}
	line("  frameworks:")
	for _, name := range slices.Sorted(maps.Keys(r.Frameworks)) {
		line("    %s: %s", name, jsonList(r.Frameworks[name]))
	}
}
