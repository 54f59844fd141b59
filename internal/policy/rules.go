package policy

import (
	"maps"
	"slices"
	"strings"
)

// Rule is a control with what it is written in.
type Rule struct {
	Control
	Text     string   `json:"text"`               // as written
	Rego     string   `json:"rego,omitempty"`     // what a YAML rule is evaluated as
	Packs    []string `json:"packs"`              // that select it: "core", "eu-ai-act:high-risk"
	Citation []Cited  `json:"citation,omitempty"` // its references, looked up
}

// Cited is one reference of a control with what is known of it.
type Cited struct {
	Framework string `json:"framework"`
	Edition   string `json:"edition,omitempty"`
	Provision
	SupersededBy string `json:"supersededBy,omitempty"` // the framework that replaces this one
	Known        bool   `json:"known"`                  // whether Lumos knows the framework
}

// Rules returns every control of the catalogue by id, and after them a repository's own, which are
// found among files.
func (l *Library) Rules(files []File) ([]Rule, error) {
	shelf, err := l.shelf()
	if err != nil {
		return nil, err
	}
	local, err := readLocal(files, shelf.frameworks)
	if err != nil {
		return nil, err
	}
	var out []Rule
	for _, p := range []*Pack{shelf.catalog, local} {
		from := len(out)
		for _, m := range p.own {
			if m.control == nil {
				continue
			}
			r := Rule{Control: *m.control, Text: m.text, Rego: m.source, Packs: []string{}}
			if p == local {
				r.Packs = append(r.Packs, localPack)
			}
			for _, name := range slices.Sorted(maps.Keys(shelf.packs)) {
				r.Packs = append(r.Packs, shelf.packs[name].selects(r.ID)...)
			}
			for _, name := range slices.Sorted(maps.Keys(r.References)) {
				for _, id := range r.References[name] {
					c := Cited{Framework: name, Provision: Provision{ID: id}}
					if f := shelf.frameworks[name]; f != nil {
						c.Edition, c.SupersededBy, c.Known = f.Edition, f.SupersededBy, true
						c.Provision, _ = f.provision(id)
					}
					r.Citation = append(r.Citation, c)
				}
			}
			out = append(out, r)
		}
		slices.SortFunc(out[from:], func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	}
	return out, nil
}

// selects tells by which names a pack selects a control: its own, or those of profiles.
func (p *Pack) selects(id string) []string {
	if slices.Contains(p.Select, id) {
		return []string{p.Name}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Profiles)) {
		if slices.Contains(p.InProfile(name), id) {
			out = append(out, p.Name+":"+name)
		}
	}
	return out
}

// InProfile returns the controls of a profile, with those of the profiles that it includes and those of
// the pack, each once and sorted.
func (p *Pack) InProfile(name string) []string {
	ids := slices.Concat(p.Select, p.Profiles[name].Select)
	for _, other := range p.Profiles[name].Includes {
		ids = append(ids, p.InProfile(other)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
