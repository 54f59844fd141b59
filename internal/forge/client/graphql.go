package client

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// Documents are the GraphQL documents of one host, each a file; fragments.graphql holds the fragments.
type Documents struct {
	dir       fs.FS
	fragments map[string]string // by name
}

var (
	spread  = regexp.MustCompile(`\.\.\.([A-Z]\w*)`)
	comment = regexp.MustCompile(`(?m)[ \t]*#[^\n]*$`)
	blank   = regexp.MustCompile(`\n\s*`)
)

// NewDocuments takes the documents of an embedded folder.
func NewDocuments(dir fs.FS) Documents {
	d := Documents{dir: dir, fragments: map[string]string{}}
	for _, f := range strings.Split(d.File("fragments"), "\nfragment ")[1:] {
		d.fragments[f[:strings.IndexByte(f, ' ')]] = "fragment " + f
	}
	return d
}

// File is a document as it is written.
func (d Documents) File(name string) string {
	b, err := fs.ReadFile(d.dir, "graphql/"+name+".graphql")
	if err != nil {
		panic(err) // the file is embedded: a name that is not there is a mistake of ours
	}
	return string(b)
}

// Build reads a document, puts text in at its marks ("#+name"), adds the fragments that it names and
// drops comments and indentation.
func (d Documents) Build(name string, marks map[string]string) string {
	text := d.File(name)
	for mark, insert := range marks {
		text = strings.ReplaceAll(text, "#+"+mark+"\n", insert+"\n")
	}
	text = comment.ReplaceAllString(text, "")
	seen := map[string]bool{}
	for again := true; again; {
		again = false
		for _, m := range spread.FindAllStringSubmatch(text, -1) {
			if !seen[m[1]] {
				seen[m[1]], again = true, true
				text += "\n" + comment.ReplaceAllString(d.fragments[m[1]], "")
			}
		}
	}
	return strings.TrimSpace(blank.ReplaceAllString(text, "\n"))
}

// Aliases collects the repeated part of a document: its fields, their variables and the values.
type Aliases struct {
	Values           map[string]any
	declared, fields strings.Builder
}

// Variable declares one more variable, with its value.
func (a *Aliases) Variable(name, typ string, value any) {
	fmt.Fprintf(&a.declared, ", $%s: %s", name, typ)
	a.Values[name] = value
}

// Field adds one more line.
func (a *Aliases) Field(format string, args ...any) {
	fmt.Fprintf(&a.fields, format+"\n", args...)
}

// Declared is the declarations for the head of a document: ", $d0: String!, …".
func (a *Aliases) Declared() string { return a.declared.String() }

// Fields is the lines for its body.
func (a *Aliases) Fields() string { return a.fields.String() }

// Write is one field of a mutation that is made of many: Kind is its line in the document publish.
type Write struct {
	Kind  string
	Input map[string]any
}

// Mutations are the lines of the document publish, by alias. The document is valid as it stands; what is
// sent repeats a line for each write.
type Mutations map[string]struct{ input, field string }

var (
	mutationInput = regexp.MustCompile(`(?m)^  \$(\w+): (\w+!)$`)
	mutationField = regexp.MustCompile(`(?m)^  (\w+): (.+)$`)
)

// Mutations reads the document publish.
func (d Documents) Mutations() Mutations {
	text, types, out := d.File("publish"), map[string]string{}, Mutations{}
	for _, m := range mutationInput.FindAllStringSubmatch(text, -1) {
		types[m[1]] = m[2]
	}
	for _, m := range mutationField.FindAllStringSubmatch(text, -1) {
		out[m[1]] = struct{ input, field string }{types[m[1]], m[2]}
	}
	return out
}

// Build is one mutation of the writes, in order, under the aliases w0, w1, …
func (kinds Mutations) Build(writes []Write) (string, map[string]any) {
	variables := map[string]any{}
	var declared, fields strings.Builder
	for i, w := range writes {
		alias, kind := fmt.Sprintf("w%d", i), kinds[w.Kind]
		fmt.Fprintf(&declared, "$%s: %s ", alias, kind.input)
		fmt.Fprintf(&fields, "%s: %s\n", alias, strings.Replace(kind.field, "$"+w.Kind, "$"+alias, 1))
		variables[alias] = w.Input
	}
	return "mutation Publish(" + strings.TrimSpace(declared.String()) + ") {\n" + fields.String() + "}", variables
}
