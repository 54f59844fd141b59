package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
)

// selection is what a repository's policy is made of.
type selection struct {
	packs    []*Pack // the chosen ones, in the order of the configuration, and last local
	helpers  []*module
	controls []chosen // in the order of the report
	lists    map[string][]string

	frameworks map[string]*Framework
}

// chosen is a control that judges, with what brought it in.
type chosen struct {
	*module
	pack string    // the first that selects it
	why  string    // that pack and profile, for people
	from time.Time // the earliest day on which a selection is in force; zero: always
}

// choose selects the controls of the packs that the configuration names, in its order, and last the
// repository's own rules.
func (s *shelf) choose(src Source) (*selection, error) {
	sel := &selection{lists: map[string][]string{}, frameworks: s.frameworks}
	for _, p := range []*Pack{s.lib, s.catalog} {
		maps.Copy(sel.lists, p.Lists)
		for _, m := range p.own {
			if m.control == nil && !m.isTest() {
				sel.helpers = append(sel.helpers, m)
			}
		}
	}
	for _, c := range src.Config.Packs {
		p := s.packs[c.Name]
		wrong := func(hint, format string, args ...any) error {
			return document.Errors{{Path: config.Path, Pointer: "/packs", Message: fmt.Sprintf(format, args...), Hint: hint}}
		}
		profiles := "there are: " + strings.Join(slices.Sorted(maps.Keys(p.profiles())), ", ")
		switch _, known := p.profiles()[c.Profile]; {
		case p == nil:
			return nil, wrong("there are: "+strings.Join(slices.Sorted(maps.Keys(s.packs)), ", "), "there is no policy pack %q", c.Name)
		case slices.Contains(sel.packs, p):
			return nil, wrong("", "the policy pack %s is named twice", c.Name)
		case c.Profile != "" && len(p.Profiles) == 0:
			return nil, wrong("name the pack alone", "the policy pack %s has no profile %q", c.Name, c.Profile)
		case c.Profile != "" && !known:
			return nil, wrong(profiles, "the policy pack %s has no profile %q", c.Name, c.Profile)
		case c.Profile == "" && len(p.Profiles) > 0:
			return nil, wrong(profiles, "the policy pack %s needs a profile: {pack: %s, profile: …}", c.Name, c.Name)
		}
		sel.packs = append(sel.packs, p)
		maps.Copy(sel.lists, p.Lists)
		if err := sel.add(s, p, c.Profile); err != nil {
			return nil, err
		}
	}
	local, err := readLocal(src.Files, s.frameworks)
	if err != nil {
		return nil, err
	}
	return sel, sel.addLocal(local)
}

func (p *Pack) profiles() map[string]Profile {
	if p == nil {
		return nil
	}
	return p.Profiles
}

// add selects what a pack, and the chosen profile of it, name. What is selected twice counts from the
// earlier day.
func (sel *selection) add(s *shelf, p *Pack, profile string) error {
	days := map[string]string{} // control → from
	for _, id := range p.Select {
		days[id] = p.EffectiveFrom
	}
	var walk func(name string)
	walk = func(name string) {
		v := p.Profiles[name]
		from := v.EffectiveFrom
		if from == "" {
			from = p.EffectiveFrom
		}
		for _, id := range v.Select {
			if day, twice := days[id]; !twice || from < day {
				days[id] = from
			}
		}
		for _, other := range v.Includes {
			walk(other)
		}
	}
	why := p.Name
	if profile != "" {
		walk(profile)
		why += ", profile " + profile
	}
	for _, id := range slices.Sorted(maps.Keys(days)) {
		m := s.byID[id]
		from, err := later(days[id], m.control.EffectiveFrom)
		if err != nil {
			return fmt.Errorf("%s: %w", path.Join(p.Name, packFile), err)
		}
		if i := slices.IndexFunc(sel.controls, func(c chosen) bool { return c.module == m }); i >= 0 {
			if from.Before(sel.controls[i].from) {
				sel.controls[i].from, sel.controls[i].why = from, why
			}
			continue
		}
		sel.controls = append(sel.controls, chosen{module: m, pack: p.Name, why: why, from: from})
	}
	return nil
}

// later returns the later of two dates, either of which may be empty.
func later(a, b string) (time.Time, error) {
	if b > a {
		a = b
	}
	if a == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, a)
}

// addLocal selects a repository's own rules, whose ids must be their own.
func (sel *selection) addLocal(local *Pack) error {
	first := map[string]Control{}
	for _, c := range sel.controls {
		first[c.control.ID] = *c.control
	}
	slices.SortFunc(local.own, func(a, b *module) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	for _, m := range local.own {
		if m.control == nil {
			if !m.isTest() {
				sel.helpers = append(sel.helpers, m)
			}
			continue
		}
		if other, twice := first[m.control.ID]; twice {
			return document.Errors{taken(*m.control, other)}
		}
		first[m.control.ID] = *m.control
		from, err := later("", m.control.EffectiveFrom)
		if err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
		sel.controls = append(sel.controls, chosen{module: m, pack: localPack, why: localPack, from: from})
	}
	sel.packs = append(sel.packs, local)
	return nil
}

// sortKey orders the rules of a pack by control id, and what is none first.
func (m *module) sortKey() string {
	if m.control == nil {
		return ""
	}
	return m.control.ID
}

func taken(c, by Control) document.Error {
	return document.Error{Path: c.Path, Line: c.line, Column: 1, Message: fmt.Sprintf("the id %s is taken by %s (%s)", c.ID, by.Path, by.Title), Hint: "choose an id of your own"}
}

// digest sums up everything that judges: the rules that were chosen, from when on, and all that the
// repository says. The configuration is in it as decoded too, since there may be no file and then the
// defaults count.
func (sel *selection) digest(s Source) (string, error) {
	conf, err := json.Marshal(s.Config)
	if err != nil {
		return "", fmt.Errorf("%s: %w", config.Path, err)
	}
	files := []File{{Path: "config", Data: conf}, {Path: "files", Data: []byte(digestFiles(s.Files))}}
	for _, m := range sel.helpers {
		files = append(files, File{Path: "helper/" + m.path, Data: []byte(m.digest)})
	}
	for _, c := range sel.controls {
		files = append(files, File{Path: "control/" + c.path, Data: []byte(c.digest + " " + c.why + " " + c.from.Format(time.DateOnly))})
	}
	for _, p := range sel.packs {
		files = append(files, File{Path: "pack/" + p.Name, Data: []byte(p.digest)})
	}
	return digestFiles(files), nil
}
