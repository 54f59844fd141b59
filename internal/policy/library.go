package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
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
	libPack   = "lib"   // helpers, always loaded
	localPack = "local" // a repository's own rules
)

const (
	localDir   = ".lumos/policies/"
	waiverDir  = ".lumos/waivers/"
	maxEngines = 8   // kept compiled; one serves every release of a repository until its base changes
	maxRules   = 500 // Rego files of a repository
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

// Pack is a policy pack that can be chosen.
type Pack struct {
	Name        string              `json:"name"`
	Title       string              `json:"title"`
	Version     string              `json:"version"`
	Description string              `json:"description"`
	Frameworks  map[string]string   `json:"frameworks"` // that its controls may cite: name → title and edition
	Lists       map[string][]string `json:"lists"`      // that its controls read, with their defaults

	Controls []Control `json:"-"` // by id

	modules []*module
	digest  string // of every file
}

// Library holds the packs that ship, and the engines that were made of them.
type Library struct {
	packs func() (map[string]*Pack, error)

	mu      sync.Mutex
	engines []*Engine // most recently used first
}

// NewLibrary returns a library of the packs in the file systems: one folder each, with a pack.yaml.
// They are read on first use; an error in one is an error of every Load.
func NewLibrary(packs ...fs.FS) *Library {
	return &Library{packs: sync.OnceValues(func() (map[string]*Pack, error) { return readPacks(packs) })}
}

// Packs returns the packs that can be chosen, by name.
func (l *Library) Packs() ([]Pack, error) {
	packs, err := l.packs()
	if err != nil {
		return nil, err
	}
	var out []Pack
	for _, name := range slices.Sorted(maps.Keys(packs)) {
		if name != libPack {
			out = append(out, *packs[name])
		}
	}
	return out, nil
}

// Controls returns every control of every pack, by pack and id.
func (l *Library) Controls() ([]Control, error) {
	packs, err := l.Packs()
	if err != nil {
		return nil, err
	}
	var out []Control
	for _, p := range packs {
		out = append(out, p.Controls...)
	}
	return out, nil
}

// Load returns the engine for what a repository says about its policy, made anew or as last time. Its
// error is a document.Errors where there are places to name.
func (l *Library) Load(ctx context.Context, s Source) (*Engine, error) {
	if s.Config == nil {
		return nil, errors.New("no configuration to load a policy for")
	}
	packs, err := l.selected(s)
	if err != nil {
		return nil, err
	}
	digest, err := digestOf(packs, s)
	if err != nil {
		return nil, err
	}
	if e := l.cached(digest); e != nil {
		return e, nil
	}
	e, err := newEngine(ctx, digest, packs, s)
	if err != nil {
		return nil, err
	}
	l.keep(e)
	return e, nil
}

// selected returns the helpers, the packs that the configuration names, in its order, and last the
// repository's own rules.
func (l *Library) selected(s Source) ([]*Pack, error) {
	packs, err := l.packs()
	if err != nil {
		return nil, err
	}
	out := []*Pack{packs[libPack]}
	if out[0] == nil {
		return nil, fmt.Errorf("the policy packs lack the pack %s", libPack)
	}
	for _, chosen := range s.Config.Packs {
		p := packs[chosen.Name]
		switch {
		case p == nil || chosen.Name == libPack:
			known := slices.DeleteFunc(slices.Sorted(maps.Keys(packs)), func(n string) bool { return n == libPack })
			return nil, document.Errors{{Path: config.Path, Pointer: "/packs", Message: fmt.Sprintf("there is no policy pack %q", chosen.Name),
				Hint: "there are: " + strings.Join(known, ", ")}}
		case chosen.Profile != "":
			return nil, document.Errors{{Path: config.Path, Pointer: "/packs", Message: fmt.Sprintf("the policy pack %s has no profile %q", chosen.Name, chosen.Profile),
				Hint: "name the pack alone"}}
		case slices.Contains(out, p):
			return nil, document.Errors{{Path: config.Path, Pointer: "/packs", Message: fmt.Sprintf("the policy pack %s is named twice", chosen.Name)}}
		}
		out = append(out, p)
	}
	local, err := readLocal(s.Files)
	if err != nil {
		return nil, err
	}
	out = append(out, local)
	return out, uniqueIDs(out)
}

func uniqueIDs(packs []*Pack) error {
	first := map[string]Control{}
	for _, p := range packs {
		for _, c := range p.Controls {
			if f, twice := first[c.ID]; twice {
				return document.Errors{{Path: c.Path, Line: c.line, Column: 1, Message: fmt.Sprintf("the id %s is taken by %s (%s)", c.ID, f.Path, f.Title), Hint: "choose an id of your own"}}
			}
			first[c.ID] = c
		}
	}
	return nil
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

func readPacks(systems []fs.FS) (map[string]*Pack, error) {
	packs := map[string]*Pack{}
	for _, system := range systems {
		dirs, err := fs.ReadDir(system, ".")
		if err != nil {
			return nil, fmt.Errorf("policy packs: %w", err)
		}
		for _, d := range dirs {
			if !d.IsDir() {
				continue
			}
			if packs[d.Name()] != nil || d.Name() == localPack {
				return nil, fmt.Errorf("policy packs: the name %s is taken", d.Name())
			}
			p, err := readPack(system, d.Name())
			if err != nil {
				return nil, err
			}
			packs[d.Name()] = p
		}
	}
	return packs, nil
}

func readPack(system fs.FS, dir string) (*Pack, error) {
	var files []File
	entries, err := fs.ReadDir(system, dir)
	if err != nil {
		return nil, fmt.Errorf("policy pack %s: %w", dir, err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() || path.Ext(name) != ".rego" && e.Name() != "pack.yaml" {
			continue
		}
		data, err := fs.ReadFile(system, name)
		if err != nil {
			return nil, fmt.Errorf("policy pack %s: %w", dir, err)
		}
		files = append(files, File{Path: name, Data: data})
	}
	var p Pack
	i := slices.IndexFunc(files, func(f File) bool { return path.Base(f.Path) == "pack.yaml" })
	if i < 0 {
		return nil, document.Errors{{Path: path.Join(dir, "pack.yaml"), Message: "a policy pack needs this file"}}
	}
	doc, errs := document.Parse(files[i].Path, files[i].Data, packSchema)
	if errs != nil {
		return nil, errs
	}
	if err := doc.Decode(&p); err != nil {
		return nil, err
	}
	if p.Name != dir {
		return nil, document.Errors{doc.Errorf("/name", "", "the pack is named %q, its folder %q", p.Name, dir)}
	}
	return &p, p.fill(files)
}

// readLocal makes a pack of a repository's own rules.
func readLocal(files []File) (*Pack, error) {
	p := &Pack{Name: localPack}
	var rules []File
	for _, f := range files {
		if !strings.HasPrefix(f.Path, localDir) || path.Ext(f.Path) == ".md" {
			continue
		}
		switch {
		case f.Err != "":
			return nil, document.Errors{{Path: f.Path, Message: "the file could not be read: " + f.Err}}
		case path.Ext(f.Path) != ".rego" || path.Dir(f.Path)+"/" != localDir:
			return nil, document.Errors{{Path: f.Path, Message: "not a rule that Lumos can read", Hint: "rules are Rego files directly in " + localDir}}
		case len(rules) == maxRules:
			return nil, document.Errors{{Path: f.Path, Message: fmt.Sprintf("more than %d rule files", maxRules)}}
		}
		rules = append(rules, f)
	}
	return p, p.fill(rules)
}

// fill parses the Rego files of a pack, and sums up all its files.
func (p *Pack) fill(files []File) error {
	var errs document.Errors
	for _, f := range files {
		if path.Ext(f.Path) != ".rego" {
			continue
		}
		m, found := parseModule(p.Name, f.Path, f.Data)
		if found == nil && m.control != nil {
			found = p.cited(m.control)
			p.Controls = append(p.Controls, *m.control)
		}
		errs = append(errs, found...)
		p.modules = append(p.modules, m)
	}
	if errs != nil {
		return errs.Sorted()
	}
	slices.SortFunc(p.Controls, func(a, b Control) int { return cmp.Compare(a.ID, b.ID) })
	p.digest = digestFiles(files)
	return nil
}

// cited refuses frameworks that the pack does not declare. A repository's own rules may cite any.
func (p *Pack) cited(c *Control) document.Errors {
	var errs document.Errors
	for _, name := range slices.Sorted(maps.Keys(c.References)) {
		if _, ok := p.Frameworks[name]; !ok && p.Name != localPack {
			errs = append(errs, document.Error{Path: c.Path, Line: c.line, Column: 1, Message: fmt.Sprintf("the framework %s is not declared", name), Hint: "add it to frameworks in pack.yaml"})
		}
	}
	return errs
}

// digestOf sums up everything that judges. The configuration is in it as decoded too, since there may
// be no file and then the defaults count.
func digestOf(packs []*Pack, s Source) (string, error) {
	conf, err := json.Marshal(s.Config)
	if err != nil {
		return "", fmt.Errorf("%s: %w", config.Path, err)
	}
	files := []File{{Path: "config", Data: conf}, {Path: "files", Data: []byte(digestFiles(s.Files))}}
	for _, p := range packs {
		files = append(files, File{Path: "pack/" + p.Name, Data: []byte(p.digest)})
	}
	return digestFiles(files), nil
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
