package config

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lumos-governance/lumos/internal/document"
	"github.com/lumos-governance/lumos/releases"
)

//go:embed schema/config.schema.json
var schemaSource []byte

var schema = sync.OnceValue(func() *document.Schema { return document.MustCompile("config", schemaSource) })

var listSchema = sync.OnceValue(func() *document.Schema {
	return document.MustCompile("list", []byte(`{
		"type": "array", "description": "A list of text.", "uniqueItems": true, "items": {"type": "string", "minLength": 1}}`))
})

// Schema returns the JSON Schema (draft 2020-12) of .lumos/config.yaml.
func Schema() []byte { return slices.Clone(schemaSource) }

// root is the folder that everything of Lumos lies in.
const root = ".lumos"

// Default is the configuration of a repository that sets nothing: the core pack, and an owner or a
// ticket for every tier.
func Default() *Config {
	either := func() Rule { return Rule{Any: []Need{{Codeowners: true, Count: 1}, {Ticket: true, Count: 1}}} }
	critical := either()
	critical.Pause = true
	return &Config{
		Releases:   []string{"releases/*/*.yaml"},
		Packs:      []Pack{{Name: "core"}},
		Lists:      map[string]List{},
		Thresholds: map[string]map[string]Threshold{},
		MaxAge:     "180d",
		Approval: map[releases.Tier]Rule{
			releases.TierLow: either(), releases.TierMedium: either(), releases.TierHigh: either(), releases.TierCritical: critical,
		},
		Merge: Merge{Method: "squash"},
	}
}

// file is the configuration as written: what is absent is nil.
type file struct {
	APIVersion string                          `json:"apiVersion"`
	Kind       string                          `json:"kind"`
	Releases   []string                        `json:"releases"`
	Packs      []Pack                          `json:"packs"`
	Lists      map[string]List                 `json:"lists"`
	Thresholds map[string]map[string]Threshold `json:"thresholds"`
	From       string                          `json:"thresholdsFrom"`
	MaxAge     string                          `json:"maxEvidenceAge"`
	MinScore   *float64                        `json:"minScore"`
	Approval   map[releases.Tier]Rule          `json:"approval"`
	Merge      struct {
		Auto   *bool  `json:"auto"`
		Method string `json:"method"`
	} `json:"merge"`
}

// Parse reads the configuration src, known as path. files are the other files under .lumos by their
// path in the repository; the lists that the configuration names are read from them. What is left
// out keeps its default. The error, if any, is releases.Errors: everything that is wrong, each with
// its place.
func Parse(path string, src []byte, files map[string][]byte) (*Config, error) {
	c := Default()
	var undecoded error // stays nil when the schema accepts the configuration, for the two agree
	doc, errs := document.Parse(path, src, schema(), func(d *document.Document) document.Errors {
		var f file
		undecoded = d.Decode(&f)
		return c.apply(&f, d, files)
	})
	if errs != nil {
		return nil, errs
	}
	if undecoded != nil {
		return nil, releases.Errors{doc.Errorf("", "", "%v", undecoded)}
	}
	return c, nil
}

// apply sets what the file sets, and finds what the schema cannot say. It also runs on a file that the
// schema refuses and that is read only in part.
func (c *Config) apply(f *file, doc *document.Document, files map[string][]byte) (errs document.Errors) {
	if f.Releases != nil {
		c.Releases = f.Releases
		for i, g := range f.Releases {
			if problem := badGlob(g); problem != "" {
				errs = append(errs, doc.Errorf("/releases/"+strconv.Itoa(i), `write it like "releases/*/*.yaml"`, "the glob %q: %s", g, problem))
			}
		}
	}
	if f.Packs != nil {
		c.Packs = f.Packs
		seen := map[string]bool{}
		for i, p := range f.Packs {
			if seen[p.Name] {
				errs = append(errs, doc.Errorf("/packs/"+strconv.Itoa(i), "keep one of them", "the pack %q is listed twice", p.Name))
			}
			seen[p.Name] = true
		}
	}
	for name, l := range f.Lists {
		if l.File != "" {
			values, es := readList(doc, document.Pointer("lists", name, "file"), l.File, files)
			errs = append(errs, es...)
			l.Values = values
		}
		c.Lists[name] = l
	}
	for group, limits := range f.Thresholds {
		c.Thresholds[group] = limits
		for metric, t := range limits {
			errs = append(errs, t.contradictions(doc, document.Pointer("thresholds", group, metric))...)
		}
	}
	c.ThresholdsFrom = f.From
	if f.MaxAge != "" {
		c.MaxAge = f.MaxAge
	}
	c.MinScore = f.MinScore
	for tier, rule := range f.Approval {
		at := document.Pointer("approval", string(tier))
		if rule.Auto && tier != releases.TierLow {
			errs = append(errs, doc.Errorf(at+"/auto", "remove it", "auto-approval is for the low tier only, not for %s", tier))
		}
		if len(rule.Any) == 0 && len(rule.All) == 0 {
			if !rule.Auto && !rule.Pause {
				errs = append(errs, doc.Errorf(at, "add any or all", "the rule names nobody who must approve"))
			}
			rule.Any = c.Approval[tier].Any // where auto-approval does not apply, people decide as by default
		}
		c.Approval[tier] = rule
	}
	if f.Merge.Auto != nil {
		c.Merge.Auto = *f.Merge.Auto
	}
	if f.Merge.Method != "" {
		c.Merge.Method = f.Merge.Method
	}
	return errs
}

// readList reads a list's file, which lies under .lumos.
func readList(doc *document.Document, pointer, name string, files map[string][]byte) ([]string, document.Errors) {
	full := path.Join(root, name)
	if path.IsAbs(name) || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../") || strings.Contains(name, `\`) {
		return nil, document.Errors{doc.Errorf(pointer, "write the path from "+root+", such as lists/datasets.yaml", "%q does not name a file under %s", name, root)}
	}
	src, ok := files[full]
	if !ok {
		return nil, document.Errors{doc.Errorf(pointer, "add the file, or write the values here", "there is no file %s", full)}
	}
	list, errs := document.Parse(full, src, listSchema())
	if errs != nil {
		return nil, errs
	}
	var values []string
	if err := list.Decode(&values); err != nil {
		return nil, document.Errors{list.Errorf("", "", "%v", err)}
	}
	return values, nil
}

// EvidenceAge is MaxAge as a duration: evidence older than this does not count.
func (c *Config) EvidenceAge() (time.Duration, error) {
	days, err := strconv.Atoi(strings.TrimSuffix(c.MaxAge, "d"))
	if err != nil || days < 1 || days > 99999 || !strings.HasSuffix(c.MaxAge, "d") {
		return 0, fmt.Errorf("maxEvidenceAge %q is not a number of days such as 180d", c.MaxAge)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// UnmarshalJSON reads a pack by name alone or as {pack, profile}.
func (p *Pack) UnmarshalJSON(b []byte) error {
	type plain Pack
	if b[0] == '"' {
		return json.Unmarshal(b, &p.Name)
	}
	return json.Unmarshal(b, (*plain)(p))
}

// UnmarshalJSON reads a list as its values or as {file}, {source} or {values}.
func (l *List) UnmarshalJSON(b []byte) error {
	type plain List
	if b[0] == '[' {
		return json.Unmarshal(b, &l.Values)
	}
	return json.Unmarshal(b, (*plain)(l))
}

// UnmarshalJSON reads "codeowners", "ticket", or the long form with its count. Team names are kept in
// lower case, as the code host compares them.
func (n *Need) UnmarshalJSON(b []byte) error {
	type plain Need
	*n = Need{Count: 1}
	if b[0] != '"' {
		if err := json.Unmarshal(b, (*plain)(n)); err != nil {
			return err
		}
		n.Team = strings.ToLower(n.Team)
		return nil
	}
	var word string
	if err := json.Unmarshal(b, &word); err != nil {
		return err
	}
	switch word {
	case "codeowners":
		n.Codeowners = true
	case "ticket":
		n.Ticket = true
	default:
		return fmt.Errorf("need %q: want codeowners, ticket or a team", word)
	}
	return nil
}
