package policy

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/internal/policy/rules"
	"github.com/lumos-governance/lumos/internal/policy/star"
)

//go:embed schema/control.schema.json
var controlSchemaSource []byte

var controlSchema = document.MustCompile("control", controlSchemaSource)

// PolicySchema returns the JSON Schema (draft 2020-12) of the METADATA that describes a control.
func PolicySchema() []byte { return slices.Clone(controlSchemaSource) }

// Mode says what an open control does.
type Mode string

// The modes.
const (
	Mandatory Mode = "mandatory" // it blocks the release
	Weighted  Mode = "weighted"  // it lowers the score
)

// Control is one control as its METADATA describes it.
type Control struct {
	ID            string              `json:"id"`
	Pack          string              `json:"pack"`
	Path          string              `json:"path"`
	Title         string              `json:"title"`
	Description   string              `json:"description"`
	Severity      Severity            `json:"severity"`
	Mode          Mode                `json:"mode"`
	MandatoryWhen string              `json:"mandatoryWhen,omitempty"` // when a weighted control is mandatory, in words
	Remediation   string              `json:"remediation"`
	References    map[string][]string `json:"references"`              // framework → ids
	EffectiveFrom string              `json:"effectiveFrom,omitempty"` // date from which on it counts; empty: always
	SupersededBy  string              `json:"supersededBy,omitempty"`  // the control that takes its place once that is in force
	Language      Language            `json:"language"`

	line int // of its description
}

// Language is what a control is written in.
type Language string

// The languages.
const (
	YAML     Language = "yaml"
	Rego     Language = "rego"
	Starlark Language = "starlark" // Python syntax
)

// metadata is the block as written; see schema/control.schema.json.
type metadata struct {
	Title       string              `json:"title"`
	Description string              `json:"description"`
	Scope       string              `json:"scope"`
	Schemas     []map[string]string `json:"schemas"`
	Custom      struct {
		ID            string              `json:"id"`
		Severity      Severity            `json:"severity"`
		Mode          Mode                `json:"mode"`
		MandatoryWhen string              `json:"mandatory_when"`
		Remediation   string              `json:"remediation"`
		Frameworks    map[string][]string `json:"frameworks"`
		EffectiveFrom string              `json:"effective_from"`
		SupersededBy  string              `json:"superseded_by"`
	} `json:"custom"`
}

// The rules by which a control answers. The sets hold findings ({message, pointer}) or, for
// notApplicable, reasons.
const (
	ruleNotApplicable = "not_applicable"
	ruleFail          = "fail"
	ruleMissing       = "missing"
	rulePass          = "pass"
	ruleMandatory     = "mandatory"
)

// helperFile is the stem of the one file of a pack that is no control.
const helperFile = "lib"

// module is one file of a pack: a control, its tests, or helpers.
type module struct {
	path    string
	stem    string   // its name without its ending
	control *Control // nil for helpers and tests
	digest  string   // of its bytes
	text    string   // as written

	parsed  *ast.Module   // Rego, also what a YAML rule was rendered to
	program *star.Program // Starlark
	source  string        // the Rego that a YAML rule was rendered to
	table   []byte        // a _test.yaml, read when tests run
}

func (m *module) isTest() bool { return strings.HasSuffix(m.stem, "_test") }

// readModule reads one file of a pack, known as name in messages.
func readModule(pack, name string, src []byte) (*module, document.Errors) {
	if len(src) > document.MaxSize {
		return nil, document.Errors{{Path: name, Message: fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(src), document.MaxSize)}}
	}
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	switch path.Ext(name) {
	case ".rego":
		return parseModule(pack, name, src)
	case ".star":
		return parseProgram(pack, name, stem, src)
	}
	if strings.HasSuffix(stem, "_test") {
		return &module{path: name, stem: stem, table: src}, nil
	}
	return parseRule(pack, name, stem, src)
}

// parseRule reads a YAML rule, and renders it to the Rego that will be evaluated.
func parseRule(pack, name, stem string, src []byte) (*module, document.Errors) {
	r, errs := rules.Parse(name, src)
	if errs != nil {
		return nil, errs
	}
	m := &module{path: name, stem: stem}
	if m.source, m.parsed, errs = r.Render(strings.TrimPrefix(packageOf(pack, stem), "data."), ast.ParserOptions{
		ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: capabilities(),
	}); errs != nil {
		return nil, errs
	}
	m.control = &Control{
		ID: r.ID, Pack: pack, Path: name, Title: r.Title, Description: strings.TrimSpace(r.Description),
		Severity: Severity(r.Severity), Mode: Mode(r.Mode), MandatoryWhen: r.MandatoryWhenText(),
		Remediation: r.Remediation, References: r.Frameworks, EffectiveFrom: r.EffectiveFrom, SupersededBy: r.SupersededBy,
		Language: YAML, line: 1,
	}
	return m, nil
}

// parseProgram reads a rule in Python syntax. Its description is the same METADATA as that of Rego.
func parseProgram(pack, name, stem string, src []byte) (*module, document.Errors) {
	row := slices.IndexFunc(strings.Split(string(src), "\n"), func(l string) bool { return strings.TrimSpace(l) == "# METADATA" }) + 1
	if row == 0 {
		return nil, document.Errors{{Path: name, Line: 1, Column: 1, Message: "a control has one METADATA block, above its functions", Hint: "see lumos schema policy"}}
	}
	c, _, errs := describe(pack, name, src, row)
	if errs != nil {
		return nil, errs
	}
	c.Language = Starlark
	m := &module{path: name, stem: stem, control: c}
	shape, err := inputSchema(nil, nil)
	if err != nil {
		return nil, document.Errors{{Path: name, Message: err.Error()}}
	}
	if m.program, errs = star.Compile(name, src, shape); errs != nil {
		return nil, errs
	}
	switch {
	case m.program.HasMandatory() && c.MandatoryWhen == "":
		errs = append(errs, document.Error{Path: name, Line: c.line, Column: 1, Message: "the control has a function mandatory, but no mandatory_when", Hint: "say in mandatory_when, in words, when it is true"})
	case c.MandatoryWhen != "" && !m.program.HasMandatory():
		errs = append(errs, document.Error{Path: name, Line: c.line, Column: 1, Message: "the control has no function mandatory", Hint: "add: def mandatory(input): …"})
	case c.MandatoryWhen != "" && c.Mode == Mandatory:
		errs = append(errs, document.Error{Path: name, Line: c.line, Column: 1, Message: "the control is always mandatory", Hint: "set mode: weighted, or remove mandatory_when"})
	}
	return m, errs
}

// parseModule reads one Rego file of a pack.
func parseModule(pack, name string, src []byte) (*module, document.Errors) {
	parsed, err := ast.ParseModuleWithOpts(name, string(src), ast.ParserOptions{
		ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: capabilities(),
	})
	if err != nil {
		return nil, regoErrors(name, err)
	}
	m := &module{path: name, stem: strings.TrimSuffix(path.Base(name), ".rego"), parsed: parsed}
	if want := packageOf(pack, m.stem); parsed.Package.Path.String() != want {
		return nil, document.Errors{at(parsed.Package.Location, "package "+strings.TrimPrefix(want, "data."),
			"the package is %s, want %s: it follows from pack and file name", parsed.Package.Path, want)}
	}
	if m.isTest() || m.stem == helperFile || pack == libPack {
		return m, nil
	}
	c, errs := parseControl(pack, name, src, parsed)
	m.control = c
	return m, errs
}

// packageOf is the package that a file must have, so that no file can add to another's rules.
func packageOf(pack, stem string) string {
	if pack == libPack {
		return "data.lumos." + stem
	}
	return "data.lumos." + strings.ReplaceAll(pack, "-", "_") + "." + stem
}

// parseControl reads and checks what OPA takes as it comes: the METADATA, and which rules there are.
func parseControl(pack, name string, src []byte, parsed *ast.Module) (*Control, document.Errors) {
	if len(parsed.Annotations) != 1 || parsed.Annotations[0].Scope != "package" {
		loc := parsed.Package.Location
		if len(parsed.Annotations) > 1 {
			loc = parsed.Annotations[1].Location
		}
		return nil, document.Errors{at(loc, "see lumos schema policy", "a control has one METADATA block, above its package")}
	}
	c, doc, errs := describe(pack, name, src, parsed.Annotations[0].Location.Row)
	if errs != nil {
		return nil, errs
	}
	c.Language = Rego
	if len(parsed.Annotations[0].Schemas) == 0 {
		return nil, document.Errors{doc.Errorf("", "add: schemas: [{input: schema.input}], by which field names are checked", `"schemas" is missing`)}
	}
	return c, checkRules(c, doc, parsed)
}

// describe reads the METADATA block whose first line is row.
func describe(pack, name string, src []byte, row int) (*Control, *document.Document, document.Errors) {
	doc, errs := document.Parse(name, onlyMetadata(src, row), controlSchema)
	if errs != nil {
		return nil, nil, errs
	}
	var m metadata
	if err := doc.Decode(&m); err != nil {
		return nil, nil, document.Errors{{Path: name, Line: row, Column: 1, Message: err.Error()}}
	}
	return &Control{
		ID: m.Custom.ID, Pack: pack, Path: name, Title: m.Title, Description: strings.TrimSpace(m.Description),
		Severity: m.Custom.Severity, Mode: m.Custom.Mode, MandatoryWhen: m.Custom.MandatoryWhen,
		Remediation: m.Custom.Remediation, References: m.Custom.Frameworks,
		EffectiveFrom: m.Custom.EffectiveFrom, SupersededBy: m.Custom.SupersededBy, line: row,
	}, doc, nil
}

// onlyMetadata keeps the comment block that starts at row, without its "#", and blanks everything
// else: YAML in which each line and column is that of the file.
func onlyMetadata(src []byte, row int) []byte {
	var out bytes.Buffer
	inside := true
	for i, line := range bytes.Split(src, []byte("\n")) {
		inside = inside && (i < row || bytes.HasPrefix(line, []byte("#")))
		if i >= row && inside {
			out.WriteByte(' ')
			out.Write(line[1:])
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// checkRules sees to it that the control can pass and can be open, and that the rules the engine asks
// for are of the kind it expects.
func checkRules(c *Control, doc *document.Document, parsed *ast.Module) document.Errors {
	var errs document.Errors
	found := map[string]bool{}
	for _, r := range parsed.Rules {
		name := r.Head.Name.String()
		found[name] = true
		switch name {
		case ruleFail, ruleMissing, ruleNotApplicable:
			if r.Head.RuleKind() != ast.MultiValue {
				errs = append(errs, at(r.Location, "write: "+name+" contains … if { … }", "%s must be a set", name))
			}
		case rulePass, ruleMandatory:
			if r.Head.RuleKind() != ast.SingleValue || len(r.Head.Args) > 0 || r.Default {
				errs = append(errs, at(r.Location, "write: "+name+" if { … }", "%s must be a plain rule without arguments and default", name))
			}
		}
	}
	if !found[rulePass] {
		errs = append(errs, at(parsed.Package.Location, "add: pass if { … }", "the control cannot pass: it has no rule pass, which must prove that all is well"))
	}
	if !found[ruleFail] && !found[ruleMissing] {
		errs = append(errs, at(parsed.Package.Location, "add: fail contains {\"message\": …, \"pointer\": …} if { … }", "the control finds nothing: it has neither a rule fail nor a rule missing"))
	}
	switch {
	case found[ruleMandatory] && c.MandatoryWhen == "":
		errs = append(errs, doc.Errorf("/custom", "say in mandatory_when, in words, when it is true", "the control has a rule mandatory, but no mandatory_when"))
	case c.MandatoryWhen != "" && !found[ruleMandatory]:
		errs = append(errs, doc.Errorf("/custom/mandatory_when", "add: mandatory if { … }", "the control has no rule mandatory"))
	case c.MandatoryWhen != "" && c.Mode == Mandatory:
		errs = append(errs, doc.Errorf("/custom/mandatory_when", "set mode: weighted, or remove mandatory_when", "the control is always mandatory"))
	}
	return errs.Sorted()
}

// at makes an error at a place in a Rego file.
func at(loc *ast.Location, hint, format string, args ...any) document.Error {
	return document.Error{Path: loc.File, Line: loc.Row, Column: loc.Col, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// regoErrors turns what OPA's parser, compiler or type checker says into errors at their places.
func regoErrors(name string, err error) document.Errors {
	var several ast.Errors
	if !errors.As(err, &several) {
		return document.Errors{{Path: name, Message: err.Error()}}
	}
	var out document.Errors
	for _, e := range several {
		d := document.Error{Path: name, Message: e.Code + ": " + e.Message}
		if e.Location != nil {
			d.Path, d.Line, d.Column = e.Location.File, e.Location.Row, e.Location.Col
		}
		if e.Details != nil {
			d.Message += ": " + strings.Join(strings.Fields(strings.Join(e.Details.Lines(), " ")), " ")
		}
		out = append(out, d)
	}
	return out.Sorted()
}
