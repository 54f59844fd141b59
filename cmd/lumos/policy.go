package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lumos-governance/lumos/bot/checker"
	"github.com/lumos-governance/lumos/internal/forge"
	"github.com/lumos-governance/lumos/internal/forge/worktree"
	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/policies"
	"github.com/lumos-governance/lumos/templates"
)

type policyCmd struct {
	List    policyListCmd    `cmd:"" help:"List the packs, or the controls of one of them."`
	Show    policyShowCmd    `cmd:"" help:"Show a control: what it asks, why, how it is written."`
	Test    policyTestCmd    `cmd:"" help:"Run the tests of controls, with coverage."`
	Explain policyExplainCmd `cmd:"" help:"Say why a control concludes what it does about a manifest."`
	Impact  policyImpactCmd  `cmd:"" help:"Say which releases fare differently under the rules of the working tree."`
}

func (c *policyCmd) Help() string {
	return `A policy is made of controls. Those that ship are selected by packs; your own lie in .lumos/policies.

  lumos policy list                                what there is to choose from
  lumos policy show DOC-06                         what a control asks, and how
  lumos policy test                                the tests of .lumos/policies
  lumos policy explain DOC-06 releases/fraud/2.3.0.yaml
  lumos policy impact --base main                  before you merge a change of .lumos`
}

// rulesIn reads the rules that lie in the working tree around dir; none where it is in no repository.
func rulesIn(dir string) (forge.Blob, []forge.Blob, error) {
	cfg, lumos, err := worktree.Rules(dir)
	if errors.Is(err, worktree.ErrNotGit) {
		err = nil
	}
	return cfg, lumos, err
}

func policyFiles(blobs []forge.Blob) []policy.File {
	files := make([]policy.File, len(blobs))
	for i, b := range blobs {
		files[i] = policy.File{Path: b.Path, Data: b.Data, Err: b.Err}
	}
	return files
}

// table writes rows in columns.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(r, "\t"), "\t "))
	}
	return t.Flush()
}

type policyListCmd struct {
	Pack string `arg:"" optional:"" help:"A pack, PACK:PROFILE, or local for your own rules. Default: list the packs."`
	JSON bool   `name:"json" help:"Print JSON."`
	Dir  string `short:"C" default:"." help:"Run as if started in this folder." placeholder:"DIR"`
}

func (c *policyListCmd) Run(s streams) error {
	lib := policy.NewLibrary(policies.FS)
	_, lumos, err := rulesIn(c.Dir)
	if err != nil {
		return err
	}
	rules, err := lib.Rules(policyFiles(lumos))
	if err != nil {
		return err
	}
	packs, err := lib.Packs()
	if err != nil {
		return err
	}
	if c.Pack == "" {
		return c.packs(s, packs, rules)
	}
	want, err := members(packs, rules, c.Pack)
	if err != nil {
		return err
	}
	rules = slices.DeleteFunc(rules, func(r policy.Rule) bool { return !slices.Contains(want, r.ID) })
	if c.JSON {
		controls := make([]policy.Control, len(rules))
		for i, r := range rules {
			controls[i] = r.Control
		}
		return printJSON(s, controls)
	}
	rows := [][]string{{"ID", "SEVERITY", "MODE", "WRITTEN IN", "TITLE"}}
	for _, r := range rules {
		mode := string(r.Mode)
		if r.MandatoryWhen != "" {
			mode += ", mandatory when " + r.MandatoryWhen
		}
		rows = append(rows, []string{r.ID, string(r.Severity), mode, string(r.Language), r.Title})
	}
	return table(s.out, rows)
}

// members are the ids of the controls that a pack or profile selects.
func members(packs []policy.Pack, rules []policy.Rule, name string) ([]string, error) {
	pack, profile, _ := strings.Cut(name, ":")
	if pack == "local" {
		var ids []string
		for _, r := range rules {
			if r.Pack == "local" {
				ids = append(ids, r.ID)
			}
		}
		return ids, nil
	}
	var known []string
	for _, p := range packs {
		known = append(known, p.Name)
		if p.Name != pack {
			continue
		}
		var ids []string
		var profiles []string
		for v := range p.Profiles {
			profiles = append(profiles, v)
			if profile == "" || profile == v {
				ids = append(ids, p.InProfile(v)...)
			}
		}
		if profile != "" && !slices.Contains(profiles, profile) {
			slices.Sort(profiles)
			return nil, fmt.Errorf("the pack %s has no profile %q: it has %s", pack, profile, listed(profiles))
		}
		return append(ids, p.Select...), nil
	}
	return nil, fmt.Errorf("there is no pack %q: there are %s and local", pack, listed(known))
}

// listed is a list for a message.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// packRow is a pack as --json lists it.
type packRow struct {
	policy.Pack
	Count map[string]int `json:"count"` // controls, by profile; "" without one
}

func (c *policyListCmd) packs(s streams, packs []policy.Pack, rules []policy.Rule) error {
	rows := [][]string{{"PACK", "VERSION", "CONTROLS", "IN FORCE", "ABOUT"}}
	out := []packRow{}
	for _, p := range packs {
		row := packRow{Pack: p, Count: map[string]int{}}
		if len(p.Profiles) == 0 {
			row.Count[""] = len(p.Select)
			rows = append(rows, []string{p.Name, p.Version, fmt.Sprint(len(p.Select)), since(p.EffectiveFrom), p.Title})
		} else {
			rows = append(rows, []string{p.Name, p.Version, "", "", p.Title})
		}
		for _, name := range profilesByDate(p) {
			row.Count[name] = len(p.InProfile(name))
			rows = append(rows, []string{p.Name + ":" + name, "", fmt.Sprint(row.Count[name]), since(p.Profiles[name].EffectiveFrom), p.Profiles[name].Title})
		}
		out = append(out, row)
	}
	own := 0
	for _, r := range rules {
		if r.Pack == "local" {
			own++
		}
	}
	if own > 0 {
		rows = append(rows, []string{"local", "", fmt.Sprint(own), "", "Your own rules, in .lumos/policies: always there"})
	}
	if c.JSON {
		return printJSON(s, out)
	}
	return table(s.out, rows)
}

func profilesByDate(p policy.Pack) []string {
	var names []string
	for name := range p.Profiles {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := strings.Compare(p.Profiles[a].EffectiveFrom, p.Profiles[b].EffectiveFrom); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return names
}

func since(date string) string {
	if date == "" {
		return ""
	}
	return "from " + date
}

func printJSON(s streams, v any) error {
	out, err := marshal(v)
	if err != nil {
		return err
	}
	_, err = s.out.Write(out)
	return err
}

type policyShowCmd struct {
	ID   string `arg:"" help:"Id of a control, such as DOC-06."`
	Rego bool   `help:"Print the Rego that evaluates it: for a YAML rule what it is rendered to, which you may save and go on from."`
	Text bool   `help:"Print the control as it is written."`
	JSON bool   `name:"json" help:"Print JSON."`
	Dir  string `short:"C" default:"." help:"Run as if started in this folder." placeholder:"DIR"`
}

func (c *policyShowCmd) Run(s streams) error {
	_, lumos, err := rulesIn(c.Dir)
	if err != nil {
		return err
	}
	rules, err := policy.NewLibrary(policies.FS).Rules(policyFiles(lumos))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rules, func(r policy.Rule) bool { return strings.EqualFold(r.ID, c.ID) })
	if i < 0 {
		return fmt.Errorf("there is no control %s: lumos policy list PACK names those of a pack", c.ID)
	}
	r := rules[i]
	switch {
	case c.JSON:
		return printJSON(s, r)
	case c.Text, c.Rego && r.Language == policy.Rego:
		_, err = io.WriteString(s.out, r.Text)
	case c.Rego && r.Rego == "":
		return fmt.Errorf("%s is written in Python syntax, which is not rendered to Rego: see --text", r.ID)
	case c.Rego:
		_, err = io.WriteString(s.out, r.Rego)
	default:
		_, err = io.WriteString(s.out, shown(r))
	}
	return err
}

// shown is a control for people.
func shown(r policy.Rule) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "%s  %s\n\n%s\n\n", r.ID, r.Title, r.Description)
	mode := string(r.Mode)
	if r.MandatoryWhen != "" {
		mode += "; mandatory when " + r.MandatoryWhen
	}
	line("severity", string(r.Severity))
	line("mode", mode)
	line("in force", since(r.EffectiveFrom))
	line("superseded", r.SupersededBy)
	line("packs", strings.Join(r.Packs, ", "))
	line("written in", fmt.Sprintf("%s (%s)", r.Language, r.Path))
	line("to do", r.Remediation)
	if len(r.Citation) > 0 {
		b.WriteString("\nEvidence for\n")
	}
	for _, cited := range r.Citation {
		fmt.Fprintf(&b, "  %s %s", cited.Framework, cited.ID)
		if cited.Edition != "" {
			fmt.Fprintf(&b, " (%s)", cited.Edition)
		}
		if cited.Title != "" {
			fmt.Fprintf(&b, ": %s", cited.Title)
		}
		switch {
		case !cited.Known:
			b.WriteString(" [a framework that Lumos does not know]")
		case cited.Unverified:
			fmt.Fprintf(&b, " [unverified: %s]", cited.Note)
		}
		if cited.SupersededBy != "" {
			fmt.Fprintf(&b, " [superseded by %s]", cited.SupersededBy)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

type policyExplainCmd struct {
	ID       string       `arg:"" help:"Id of a control, such as DOC-06."`
	Manifest string       `arg:"" help:"A release manifest in the working tree."`
	Base     string       `help:"Revision at which configuration, policies and earlier releases are read. Default: the remote's default branch, else HEAD." placeholder:"REV"`
	Worktree bool         `help:"Use the rules as they lie in the working tree, to try a change of them."`
	JSON     bool         `name:"json" help:"Print JSON."`
	Source   localSources `sep:"none" help:"What a compliance source says, as a JSON file: NAME=FILE. May be repeated." placeholder:"NAME=FILE"`
	Dir      string       `short:"C" default:"." help:"Run as if started in this folder." placeholder:"DIR"`
}

func (c *policyExplainCmd) Run(ctx context.Context, s streams) error {
	snap, err := worktree.Snapshot(c.Dir, c.Base, []string{c.Manifest})
	if err != nil {
		return err
	}
	if err := c.Source.read(snap); err != nil {
		return err
	}
	if c.Worktree {
		if snap.Config, snap.Lumos, err = worktree.Rules(c.Dir); err != nil {
			return err
		}
	}
	if len(snap.Manifests) != 1 {
		return fmt.Errorf("%s: expected one release manifest, found %d", c.Manifest, len(snap.Manifests))
	}
	x, err := checker.New(policy.NewLibrary(policies.FS)).Explain(ctx, snap, snap.Manifests[0], c.ID, time.Now())
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s, x)
	}
	_, err = io.WriteString(s.out, explained(x, snap.Manifests[0]))
	return err
}

// maxShown is how much of a line of a stranger's file is shown, in characters.
const maxShown = 160

// explained is an explanation for people.
func explained(x *policy.Explanation, m forge.Blob) string {
	var b strings.Builder
	r := x.Result
	fmt.Fprintf(&b, "%s  %s\n%s is %s", r.ID, r.Title, m.Path, r.Outcome)
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", r.Reason)
	}
	fmt.Fprintf(&b, "\n\n%s\n\nSelected by %s; %s, %s.\n", x.Control.Description, x.SelectedBy, r.Severity, modeWord(r.Mandatory))
	for _, p := range x.CannotJudge {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	lines := strings.Split(string(m.Data), "\n")
	if len(r.Findings) > 0 {
		b.WriteString("\nFindings\n")
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s\n", f.Message)
		if f.Line > 0 && f.Line <= len(lines) {
			fmt.Fprintf(&b, "    %s:%d:%d  %s\n", m.Path, f.Line, f.Column, templates.Line(lines[f.Line-1], maxShown))
		}
		if f.Fix != nil {
			fmt.Fprintf(&b, "    should be: %s\n", f.Fix.Value)
		}
	}
	for _, w := range x.Waivers {
		fmt.Fprintf(&b, "  waiver: %s\n", w)
	}
	if len(x.Rules) > 0 {
		fmt.Fprintf(&b, "\nWhat each rule of %s came to\n", x.Control.Path)
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, v := range x.Rules {
			value := v.Value
			if value == "" {
				value = "undefined (not true)"
			}
			fmt.Fprintf(t, "  line %d\t%s\t%s\n", v.Line, v.Name, templates.Line(value, maxShown))
		}
		_ = t.Flush() // of a buffer
	}
	if r.Remediation != "" {
		fmt.Fprintf(&b, "\nTo do: %s\n", r.Remediation)
	}
	return b.String()
}

func modeWord(mandatory bool) string {
	if mandatory {
		return "mandatory here"
	}
	return "weighted here"
}
