package policy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lumos-governance/lumos/internal/policy"
)

// TestDocs holds the pages of docs/packs to what the packs are. With -update it writes them.
func TestDocs(t *testing.T) {
	t.Parallel()
	rules, err := library.Rules(nil)
	if err != nil {
		t.Fatal(err)
	}
	packs, err := library.Packs()
	if err != nil {
		t.Fatal(err)
	}
	frameworks, err := library.Frameworks()
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"README.md": overview(packs, rules, frameworks)}
	for _, p := range packs {
		pages[p.Name+".md"] = packPage(p, rules, frameworks)
	}
	pages["controls.md"] = catalogPage(rules)
	dir := filepath.Join("..", "..", "docs", "packs")
	if *update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range pages {
		file := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s is not what the packs are; go test ./internal/policy -run TestDocs -update (-packs +page):\n%s", file, d)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := pages[e.Name()]; !ok {
			t.Errorf("%s is a page of no pack", e.Name())
		}
	}
}

const generated = "<!-- Generated from policies/ by go test ./internal/policy -run TestDocs -update. -->\n\n"

func overview(packs []policy.Pack, rules []policy.Rule, frameworks map[string]*policy.Framework) string {
	var b strings.Builder
	b.WriteString(generated + "# The policy packs\n\n")
	fmt.Fprintf(&b, "A pack selects from one catalogue of [%d controls](controls.md), so a fact is stated once and serves every\n", len(rules))
	b.WriteString("framework that a control is evidence for. Choose packs in `.lumos/config.yaml`; your own controls come on top.\n\n")
	b.WriteString("```yaml\npacks: [core, gdpr, {pack: eu-ai-act, profile: high-risk}]\n```\n\n")
	b.WriteString("| pack | controls | in force | about |\n|---|---|---|---|\n")
	for _, p := range packs {
		if len(p.Profiles) == 0 {
			fmt.Fprintf(&b, "| [%s](%s.md) | %d | %s | %s |\n", p.Name, p.Name, len(p.Select), p.EffectiveFrom, p.Title)
		}
		for _, name := range byDate(p) {
			fmt.Fprintf(&b, "| [%s](%s.md), profile %s | %d | %s | %s |\n", p.Name, p.Name, name, len(p.InProfile(name)), p.Profiles[name].EffectiveFrom, p.Profiles[name].Title)
		}
	}
	b.WriteString("\nBefore the day from which on a profile is in force, its controls are shown with what they would say, and decide\nnothing. On that day every released model is judged again.\n\n")
	b.WriteString("## Frameworks that controls cite\n\n| framework | edition | controls | cited | of these unverified | source |\n|---|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		f := frameworks[name]
		cited, unverified, controls := map[string]bool{}, 0, 0
		for _, r := range rules {
			if len(r.References[name]) > 0 {
				controls++
			}
			for _, id := range r.References[name] {
				if p, _ := f.Provision(id); !cited[id] && p.Unverified {
					unverified++
				}
				cited[id] = true
			}
		}
		fmt.Fprintf(&b, "| %s (`%s`) | %s | %d | %d | %d | %s |\n", f.Title, name, f.Edition, controls, len(cited), unverified, f.Source)
	}
	b.WriteString("\nEvery cited id exists in the named edition, which a test checks against `policies/frameworks/`. What could not be\ncompared with the text itself is marked as unverified here and in every report. That an id exists does not make the\nmapping right: mappings are judgement and need counsel. No pack certifies anything.\n")
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if f := frameworks[name]; f.Note != "" {
			fmt.Fprintf(&b, "\n- `%s`: %s", name, f.Note)
		}
	}
	b.WriteString("\n")
	return b.String()
}

func byDate(p policy.Pack) []string {
	return slices.SortedFunc(maps.Keys(p.Profiles), func(a, b string) int {
		return strings.Compare(p.Profiles[a].EffectiveFrom+a, p.Profiles[b].EffectiveFrom+b)
	})
}

func packPage(p policy.Pack, rules []policy.Rule, frameworks map[string]*policy.Framework) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s\n\nVersion %s of the pack `%s`.\n", generated, p.Title, strings.TrimSpace(p.Description), p.Version, p.Name)
	if f := frameworks[p.Framework]; f != nil {
		fmt.Fprintf(&b, "\nFramework: %s, %s. Source: %s.\n", f.Title, f.Edition, f.Source)
		if f.Note != "" {
			b.WriteString(f.Note + "\n")
		}
	}
	list := func(ids []string) {
		cites := ""
		if p.Framework != "" {
			cites = " evidence for |"
		}
		fmt.Fprintf(&b, "\n| control | severity | mode |%s\n|---|---|---|%s\n", cites, strings.Repeat("---|", len(cites)/15))
		for _, r := range rules {
			if !slices.Contains(ids, r.ID) {
				continue
			}
			fmt.Fprintf(&b, "| [%s %s](controls.md#%s) | %s | %s |", r.ID, r.Title, strings.ToLower(r.ID), r.Severity, modeOf(r))
			if p.Framework != "" {
				fmt.Fprintf(&b, " %s |", cited(r, p.Framework, frameworks))
			}
			b.WriteString("\n")
		}
	}
	if len(p.Profiles) == 0 {
		list(p.Select)
	}
	for _, name := range byDate(p) {
		v := p.Profiles[name]
		fmt.Fprintf(&b, "\n## Profile %s\n\n%s\n", name, v.Title)
		if v.EffectiveFrom != "" {
			fmt.Fprintf(&b, "In force from %s.\n", v.EffectiveFrom)
		}
		for _, other := range v.Includes {
			fmt.Fprintf(&b, "Includes the profile %s, with its own day.\n", other)
		}
		list(v.Select)
	}
	return b.String()
}

func modeOf(r policy.Rule) string {
	if r.MandatoryWhen != "" {
		return string(r.Mode) + "; mandatory when " + r.MandatoryWhen
	}
	return string(r.Mode)
}

func cited(r policy.Rule, framework string, frameworks map[string]*policy.Framework) string {
	var out []string
	for _, id := range r.References[framework] {
		if p, _ := frameworks[framework].Provision(id); p.Unverified {
			id += " (unverified)"
		}
		out = append(out, id)
	}
	return strings.Join(out, ", ")
}

func catalogPage(rules []policy.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# The catalogue: %d controls\n\n`lumos policy show ID` prints one as it is written here, `lumos policy explain ID MANIFEST` why it concludes what it does.\n", generated, len(rules))
	for _, r := range rules {
		fmt.Fprintf(&b, "\n<a id=%q></a>\n\n## %s %s\n\n%s\n\n- %s, %s; written in %s\n- packs: %s\n- to do: %s\n", strings.ToLower(r.ID), r.ID, r.Title, r.Description, r.Severity, modeOf(r), r.Language, strings.Join(r.Packs, ", "), r.Remediation)
		byFramework := map[string][]string{}
		for _, c := range r.Citation {
			id := c.ID
			if c.Unverified {
				id += " (unverified)"
			}
			byFramework[c.Framework] = append(byFramework[c.Framework], id)
		}
		var refs []string
		for _, name := range slices.Sorted(maps.Keys(byFramework)) {
			refs = append(refs, name+" "+strings.Join(byFramework[name], ", "))
		}
		fmt.Fprintf(&b, "- evidence for: %s\n", strings.Join(refs, "; "))
	}
	return b.String()
}
