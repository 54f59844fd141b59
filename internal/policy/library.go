package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/document"
)

//go:embed schema/pack.schema.json
var packSchemaSource []byte

var packSchema = document.MustCompile("pack", packSchemaSource)

// The packs with a meaning of their own.
const (
	libPack     = "lib"      // helpers, always loaded
	catalogPack = "controls" // the catalogue, which packs select from
	localPack   = "local"    // a repository's own rules
)

// The files and folders with a meaning of their own.
const (
	packFile      = "pack.yaml"
	frameworksDir = "frameworks"
)

const (
	localDir   = ".lumos/policies/"
	waiverDir  = ".lumos/waivers/"
	maxEngines = 8   // kept compiled; one serves every release of a repository until its base changes
	maxRules   = 500 // rule files of a repository
)

// File is a file as read from a repository. Err says why it could not be.
type File struct {
	Path string
	Data []byte
	Err  string
}

// Source is what a repository says about its policy, read at one base commit.
type Source struct {
	Config *config.Config
	Files  []File // everything under .lumos, the configuration itself included
}

// Pack is a policy pack that can be chosen: a selection of controls. The catalogue and a repository's
// own rules have the same shape; what they hold is Modules.
type Pack struct {
	Name          string              `json:"name"`
	Title         string              `json:"title"`
	Version       string              `json:"version"`
	Description   string              `json:"description"`
	Framework     string              `json:"framework,omitempty"`     // that the pack is about
	EffectiveFrom string              `json:"effectiveFrom,omitempty"` // date; empty: in force
	Select        []string            `json:"controls,omitempty"`      // control ids, of every profile; where there are none and no profiles, all that cite Framework
	Profiles      map[string]Profile  `json:"profiles,omitempty"`      // when there are any, one must be chosen
	Lists         map[string][]string `json:"lists,omitempty"`         // that its controls read, with their defaults

	own    []*module // the rules that lie in its folder; only the helpers, the catalogue and local have any
	digest string    // of pack.yaml
}

// Profile is a named selection within a pack.
type Profile struct {
	Title         string   `json:"title"`
	EffectiveFrom string   `json:"effectiveFrom,omitempty"` // date; empty: the pack's
	Includes      []string `json:"includes,omitempty"`      // other profiles
	Select        []string `json:"controls"`
}

// controls returns the controls that lie in the pack's folder.
func (p *Pack) controls() []Control {
	var out []Control
	for _, m := range p.own {
		if m.control != nil {
			out = append(out, *m.control)
		}
	}
	slices.SortFunc(out, func(a, b Control) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Library holds the controls and packs that ship, and the engines that were made of them.
type Library struct {
	shelf func() (*shelf, error)

	mu      sync.Mutex
	engines []*Engine // most recently used first
}

// shelf is everything that ships.
type shelf struct {
	lib, catalog *Pack
	packs        map[string]*Pack // that can be chosen
	frameworks   map[string]*Framework
	byID         map[string]*module // controls of the catalogue
}

// NewLibrary returns a library of what a file system of the shape of policies.FS holds. It is read on
// first use; an error in it is an error of every Load.
func NewLibrary(system fs.FS) *Library {
	return &Library{shelf: sync.OnceValues(func() (*shelf, error) { return readShelf(system) })}
}

// Packs returns the packs that can be chosen, by name.
func (l *Library) Packs() ([]Pack, error) {
	shelf, err := l.shelf()
	if err != nil {
		return nil, err
	}
	var out []Pack
	for _, name := range slices.Sorted(maps.Keys(shelf.packs)) {
		out = append(out, *shelf.packs[name])
	}
	return out, nil
}

// Controls returns every control of the catalogue, by id.
func (l *Library) Controls() ([]Control, error) {
	shelf, err := l.shelf()
	if err != nil {
		return nil, err
	}
	return shelf.catalog.controls(), nil
}

// Frameworks returns the frameworks that controls cite, by name.
func (l *Library) Frameworks() (map[string]*Framework, error) {
	shelf, err := l.shelf()
	if err != nil {
		return nil, err
	}
	return shelf.frameworks, nil
}

// Load returns the engine for what a repository says about its policy, made anew or as last time. Its
// error is a document.Errors where there are places to name.
func (l *Library) Load(ctx context.Context, s Source) (*Engine, error) {
	if s.Config == nil {
		return nil, errors.New("no configuration to load a policy for")
	}
	shelf, err := l.shelf()
	if err != nil {
		return nil, err
	}
	sel, err := shelf.choose(s)
	if err != nil {
		return nil, err
	}
	digest, err := sel.digest(s)
	if err != nil {
		return nil, err
	}
	if e := l.cached(digest); e != nil {
		return e, nil
	}
	e, err := newEngine(ctx, digest, sel, s)
	if err != nil {
		return nil, err
	}
	l.keep(e)
	return e, nil
}

func (l *Library) cached(digest string) *Engine {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.engines, func(e *Engine) bool { return e.digest == digest })
	if i < 0 {
		return nil
	}
	e := l.engines[i]
	l.engines = slices.Insert(slices.Delete(l.engines, i, i+1), 0, e)
	return e
}

func (l *Library) keep(e *Engine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.engines = slices.Insert(l.engines, 0, e)
	l.engines = l.engines[:min(len(l.engines), maxEngines)]
}

func readShelf(system fs.FS) (*shelf, error) {
	out := &shelf{packs: map[string]*Pack{}, byID: map[string]*module{}}
	var err error
	if out.frameworks, err = readFrameworks(system); err != nil {
		return nil, err
	}
	dirs, err := fs.ReadDir(system, ".")
	if err != nil {
		return nil, fmt.Errorf("policy packs: %w", err)
	}
	for _, d := range dirs {
		if !d.IsDir() || d.Name() == frameworksDir {
			continue
		}
		p, err := out.readPack(system, d.Name())
		if err != nil {
			return nil, err
		}
		switch p.Name {
		case libPack:
			out.lib = p
		case catalogPack:
			out.catalog = p
		case localPack:
			return nil, fmt.Errorf("policy packs: the name %s is taken by a repository's own rules", localPack)
		default:
			out.packs[p.Name] = p
		}
	}
	if out.lib == nil || out.catalog == nil {
		return nil, fmt.Errorf("the policy packs lack the folder %s or %s", libPack, catalogPack)
	}
	for _, m := range out.catalog.own {
		if m.control != nil {
			if first := out.byID[m.control.ID]; first != nil {
				return nil, document.Errors{taken(*m.control, *first.control)}
			}
			out.byID[m.control.ID] = m
		}
	}
	return out, out.check()
}

// check sees to it that packs select what there is, and selects for those that are a whole framework.
func (s *shelf) check() error {
	var errs document.Errors
	for _, p := range s.packs {
		file := path.Join(p.Name, packFile)
		add := func(format string, args ...any) {
			errs = append(errs, document.Error{Path: file, Message: fmt.Sprintf(format, args...)})
		}
		if p.Framework != "" && s.frameworks[p.Framework] == nil {
			add("there is no framework %q", p.Framework)
		}
		if len(p.Select)+len(p.Profiles) == 0 {
			for _, c := range s.catalog.controls() {
				if p.Framework != "" && c.References[p.Framework] != nil {
					p.Select = append(p.Select, c.ID)
				}
			}
		}
		for _, id := range p.Select {
			if s.byID[id] == nil {
				add("there is no control %s", id)
			}
		}
		for name, profile := range p.Profiles {
			for _, id := range profile.Select {
				if s.byID[id] == nil {
					add("profile %s: there is no control %s", name, id)
				}
			}
			for _, other := range profile.Includes {
				if len(p.Profiles[other].Select) == 0 || other == name || len(p.Profiles[other].Includes) > 0 && slices.Contains(p.Profiles[other].Includes, name) {
					add("profile %s includes %q, which is no other profile", name, other)
				}
			}
		}
	}
	if errs != nil {
		return errs.Sorted()
	}
	return nil
}

func (s *shelf) readPack(system fs.FS, dir string) (*Pack, error) {
	var files []File
	entries, err := fs.ReadDir(system, dir)
	if err != nil {
		return nil, fmt.Errorf("policy pack %s: %w", dir, err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() || !isRule(name) && e.Name() != packFile {
			continue
		}
		data, err := fs.ReadFile(system, name)
		if err != nil {
			return nil, fmt.Errorf("policy pack %s: %w", dir, err)
		}
		files = append(files, File{Path: name, Data: data})
	}
	i := slices.IndexFunc(files, func(f File) bool { return path.Base(f.Path) == packFile })
	if i < 0 {
		return nil, document.Errors{{Path: path.Join(dir, packFile), Message: "a policy pack needs this file"}}
	}
	doc, errs := document.Parse(files[i].Path, files[i].Data, packSchema)
	if errs != nil {
		return nil, errs
	}
	p := Pack{digest: digestBytes(files[i].Data)}
	if err := doc.Decode(&p); err != nil {
		return nil, err
	}
	if p.Name != dir {
		return nil, document.Errors{doc.Errorf("/name", "", "the pack is named %q, its folder %q", p.Name, dir)}
	}
	files = slices.Delete(files, i, i+1)
	if dir != catalogPack && dir != libPack && len(files) > 0 {
		return nil, document.Errors{{Path: files[0].Path, Message: "rules lie in " + catalogPack + "/", Hint: "name it under controls in " + packFile}}
	}
	return &p, p.fill(files, s.frameworks)
}

// readLocal makes a pack of a repository's own rules.
func readLocal(files []File, frameworks map[string]*Framework) (*Pack, error) {
	p := &Pack{Name: localPack}
	var rules []File
	for _, f := range files {
		if !strings.HasPrefix(f.Path, localDir) || path.Ext(f.Path) == ".md" {
			continue
		}
		switch {
		case f.Err != "":
			return nil, document.Errors{{Path: f.Path, Message: "the file could not be read: " + f.Err}}
		case !isRule(f.Path) || path.Dir(f.Path)+"/" != localDir:
			return nil, document.Errors{{Path: f.Path, Message: "not a rule that Lumos can read", Hint: "rules are .yaml, .rego and .star files directly in " + localDir}}
		case len(rules) == maxRules:
			return nil, document.Errors{{Path: f.Path, Message: fmt.Sprintf("more than %d rule files", maxRules)}}
		}
		rules = append(rules, f)
	}
	return p, p.fill(rules, frameworks)
}

// isRule tells whether a file of a pack holds a control, tests or helpers.
func isRule(name string) bool {
	return path.Base(name) != packFile && slices.Contains([]string{".rego", ".yaml", ".star"}, path.Ext(name))
}

// fill parses the rules of a pack, and sees to it that they cite what exists.
func (p *Pack) fill(files []File, frameworks map[string]*Framework) error {
	var errs document.Errors
	stems := map[string]string{}
	for _, f := range files {
		m, found := readModule(p.Name, f.Path, f.Data)
		if found == nil && m.control != nil {
			found = cited(m.control, frameworks, p.Name == localPack)
			if first, twice := stems[m.stem]; twice && found == nil {
				found = document.Errors{{Path: f.Path, Line: 1, Column: 1, Message: "the name is taken by " + first, Hint: "rename one of them: the name without its ending must be unique"}}
			}
			stems[m.stem] = f.Path
		}
		errs = append(errs, found...)
		if m != nil {
			m.digest, m.text = digestBytes(f.Data), string(f.Data)
			p.own = append(p.own, m)
		}
	}
	if errs != nil {
		return errs.Sorted()
	}
	return nil
}

// cited refuses ids that a framework does not have. A repository's own rules may also cite frameworks
// that Lumos does not know.
func cited(c *Control, frameworks map[string]*Framework, local bool) document.Errors {
	var errs document.Errors
	for _, name := range slices.Sorted(maps.Keys(c.References)) {
		f := frameworks[name]
		if f == nil && !local {
			errs = append(errs, document.Error{Path: c.Path, Line: c.line, Column: 1, Message: fmt.Sprintf("the framework %s is not known", name), Hint: "add it to policies/frameworks"})
		}
		for _, id := range c.References[name] {
			if _, ok := f.provision(id); f != nil && !ok {
				errs = append(errs, document.Error{Path: c.Path, Line: c.line, Column: 1, Message: fmt.Sprintf("%s (%s) has no %s", f.Title, f.Edition, id), Hint: f.nearest(id)})
			}
		}
	}
	return errs
}

// digestFiles is the sha256 over a list of "<digest> <path>" lines in the order of the paths.
func digestFiles(files []File) string {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s %q %q\n", digestBytes(f.Data), f.Path, f.Err)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func digestBytes(b []byte) string {
	d := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(d[:])
}
