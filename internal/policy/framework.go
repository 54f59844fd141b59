package policy

import (
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lumos-governance/lumos/internal/document"
)

//go:embed schema/frameworks.schema.json
var frameworksSchemaSource []byte

var frameworksSchema = document.MustCompile("frameworks", frameworksSchemaSource)

// Framework is a law, a standard or a guide that controls cite, in one edition.
type Framework struct {
	Name          string `json:"name"`
	Title         string `json:"title"`
	Edition       string `json:"edition"`
	Source        string `json:"source"` // where its text is
	EffectiveFrom string `json:"effectiveFrom,omitempty"`
	SupersededBy  string `json:"supersededBy,omitempty"` // the name of the framework that replaces it
	Note          string `json:"note,omitempty"`

	provisions map[string]Provision
}

// Provision is one thing of a framework that can be cited.
type Provision struct {
	ID         string `json:"id"`
	Title      string `json:"title,omitempty"` // or the first words of its text
	Unverified bool   `json:"unverified,omitempty"`
	Note       string `json:"note,omitempty"` // why it is unverified
}

// Provision looks an id up.
func (f *Framework) Provision(id string) (Provision, bool) { return f.provision(id) }

func (f *Framework) provision(id string) (Provision, bool) {
	if f == nil {
		return Provision{}, false
	}
	p, ok := f.provisions[id]
	return p, ok
}

// nearest says which ids begin alike, for somebody who mistyped one.
func (f *Framework) nearest(id string) string {
	for n := len(id) - 1; n > 0; n-- {
		var like []string
		for _, k := range slices.Sorted(maps.Keys(f.provisions)) {
			if strings.HasPrefix(k, id[:n]) && len(like) < 8 {
				like = append(like, k)
			}
		}
		if like != nil {
			return "there are: " + strings.Join(like, ", ")
		}
	}
	return "see " + f.Source
}

// readFrameworks reads frameworks.yaml and the table of ids of each.
func readFrameworks(system fs.FS) (map[string]*Framework, error) {
	file := path.Join(frameworksDir, "frameworks.yaml")
	src, err := fs.ReadFile(system, file)
	if err != nil {
		return nil, fmt.Errorf("frameworks: %w", err)
	}
	doc, errs := document.Parse(file, src, frameworksSchema)
	if errs != nil {
		return nil, errs
	}
	var all struct {
		Frameworks map[string]*Framework `json:"frameworks"`
	}
	if err := doc.Decode(&all); err != nil {
		return nil, err
	}
	for name, f := range all.Frameworks {
		f.Name = name
		table := path.Join(frameworksDir, name+".tsv")
		src, err := fs.ReadFile(system, table)
		if err != nil {
			return nil, fmt.Errorf("framework %s: %w", name, err)
		}
		if f.provisions, err = readProvisions(table, string(src)); err != nil {
			return nil, err
		}
		if f.SupersededBy != "" && all.Frameworks[f.SupersededBy] == nil {
			return nil, document.Errors{doc.Errorf("/frameworks/"+name+"/supersededBy", "", "there is no framework %q", f.SupersededBy)}
		}
	}
	return all.Frameworks, nil
}

// readProvisions reads a table of id, title, status and note, separated by tabs, below a head line.
func readProvisions(name, src string) (map[string]Provision, error) {
	out := map[string]Provision{}
	line := 0
	for text := range strings.Lines(src) {
		if line++; line == 1 {
			continue
		}
		cells := append(strings.Split(strings.TrimRight(text, "\n"), "\t"), "", "", "")
		p := Provision{ID: cells[0], Title: cells[1], Unverified: cells[2] == "unverified", Note: cells[3]}
		_, twice := out[p.ID]
		if p.ID == "" || twice || cells[2] != "" && !p.Unverified || p.Unverified && p.Note == "" {
			return nil, document.Errors{{Path: name, Line: line, Column: 1, Message: "want a new id, a title, and either nothing or the word unverified with a note"}}
		}
		out[p.ID] = p
	}
	return out, nil
}
