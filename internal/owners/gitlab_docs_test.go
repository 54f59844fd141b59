package owners

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gitlab says who owns path: "[section] owner owner", one line for each claim. "^" is an optional
// section, "×2" a count, "!12" an invalid line.
func gitlab(f *File, path string) []string {
	out := []string{}
	for _, c := range f.Claims(path) {
		text := "[" + c.Section + "]"
		if c.Optional {
			text = "^" + text
		}
		if c.Count != 1 {
			text += fmt.Sprintf("×%d", c.Count)
		}
		for _, o := range c.Rule.Owners {
			text += " " + o.String()
		}
		if c.Rule.Invalid != "" {
			text += fmt.Sprintf(" !%d", c.Rule.Line)
		}
		out = append(out, text)
	}
	return out
}

func TestGitLabDocsJudge(t *testing.T) {
	t.Parallel()
	var judge struct {
		Files []struct {
			Codeowners string
			Expect     map[string]map[string][]string
			Headings   []struct {
				Name      string
				Approvals int
				Optional  bool
			}
		}
	}
	if err := json.Unmarshal(shared(t, "gitlab-docs-examples.json"), &judge); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range judge.Files {
		f, problems := Parse(GitLab, "CODEOWNERS", []byte(file.Codeowners))
		if len(problems) > 0 {
			t.Errorf("%q: %v", file.Codeowners, problems)
		}
		for path, want := range file.Expect {
			seen++
			got := map[string][]string{}
			for _, c := range f.Claims(path) {
				for _, o := range c.Rule.Owners {
					got[c.Section] = append(got[c.Section], o.String())
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q: %s (-want +got):\n%s", file.Codeowners, path, diff)
			}
		}
		for i, want := range file.Headings {
			seen++
			if s := f.sections[i+1]; s.name != want.Name || s.count != max(want.Approvals, 1) || s.optional != want.Optional {
				t.Errorf("%q: section %d is %+v, want %+v", file.Codeowners, i+1, s, want)
			}
		}
	}
	if seen != 12 {
		t.Errorf("judged %d expectations, want 12", seen)
	}
}

// What GitLab's documentation shows (doc/user/project/codeowners, 2026), path by path.
func TestGitLabDocs(t *testing.T) {
	t.Parallel()
	type cases map[string][]string
	tests := map[string]struct {
		file string
		want cases
	}{
		"entries": {`
			* @default-owner
			README.md @doc-team @tech-lead
			*.rb @ruby-owner
			LICENSE @legal janedoe@gitlab.com
			README @group @group/with-nested/subgroup
			/docs/ @all-docs
			/docs/* @root-docs
			/docs/**/*.md @markdown-docs
			/db/**/index.md @index-docs
			[Documentation]
			ee/docs @docs
			docs @docs
			[Roles]
			/config/ @@maintainer`, cases{
			"x/.hidden":       {"[] @default-owner"},
			"a/README.md":     {"[] @doc-team @tech-lead"},
			"app/x/y.rb":      {"[] @ruby-owner"},
			"LICENSE":         {"[] @legal janedoe@gitlab.com"},
			"README":          {"[] @group @group/with-nested/subgroup"},
			"docs/a.txt":      {"[] @root-docs"},
			"docs/a/b.txt":    {"[] @all-docs"},
			"docs/a.md":       {"[] @markdown-docs"},
			"docs/a/b.md":     {"[] @markdown-docs"},
			"db/index.md":     {"[] @index-docs"},
			"db/a/b/index.md": {"[] @index-docs"},
			"x/docs":          {"[] @default-owner", "[Documentation] @docs"},
			"ee/docs/a.txt":   {"[] @default-owner"}, // without a slash at the end it is a file
			"config/x":        {"[] @default-owner", "[Roles] @@maintainer"},
		}},
		"defaults and optional sections": {`
			[Documentation][2] @docs-team
			docs/
			README.md
			^[Database] @database-team
			model/db/
			config/db/database-setup.md @docs-team`, cases{
			"README.md":                     {"[Documentation]×2 @docs-team"},
			"ee/docs/a":                     {"[Documentation]×2 @docs-team"},
			"model/db/a":                    {"^[Database] @database-team"},
			"x/config/db/database-setup.md": {"^[Database] @docs-team"},
		}},
		"regular entries and sections": {`
			* @general-approvers
			[Documentation] @docs-team
			docs/
			README.md
			*.txt
			[Database] @database-team
			model/db/
			config/db/database-setup.md @docs-team`, cases{
			"model/db/CHANGELOG.txt":      {"[] @general-approvers", "[Documentation] @docs-team", "[Database] @database-team"},
			"config/db/database-setup.md": {"[] @general-approvers", "[Database] @docs-team"},
			"a":                           {"[] @general-approvers"},
		}},
		"sections of one name": {`
			[Documentation]
			ee/docs/ @docs
			docs/ @docs2
			[Database]
			README.md @database
			[DOCUMENTATION]
			README.md @docs3`, cases{
			"README.md":      {"[Documentation] @docs3", "[Database] @database"},
			"ee/docs/a":      {"[Documentation] @docs2"},
			"docs/README.md": {"[Documentation] @docs3", "[Database] @database"},
		}},
		"last line wins": {"*.md @doc-team\nterms.md @legal-team", cases{
			"terms.md": {"[] @legal-team"}, "x.md": {"[] @doc-team"},
		}},
		"optional": {"[Documentation]\n*.md @root\n[Ruby]\n*.rb @root\n^[Go]\n*.go @root", cases{
			"a.go": {"^[Go] @root"}, "a.rb": {"[Ruby] @root"},
		}},
		"one of them required": {"^[Go]\n*.go @a\n[go]\n*.mod @b", cases{
			"a.go": {"[Go] @a"}, "go.mod": {"[Go] @b"},
		}},
		"required first": {"[Go]\n*.go @a\n^[go]\n*.mod @b", cases{"go.mod": {"[Go] @b"}}},
		"absolute and relative": {"/README.md @a\n/docs/README.md @b\ninternal/README.md @c\nNOTES @d", cases{
			"README.md": {"[] @a"}, "docs/README.md": {"[] @b"}, "x/README.md": {}, "internal/README.md": {"[] @c"},
			"docs/api/internal/README.md": {"[] @c"}, "app/lib/NOTES": {"[] @d"}, "NOTES/a": {},
		}},
		"wildcards": {"/docs/*.md @a\n/docs/index.* @b\n/docs/*spec* @c\n/docs/*/README.md @d\n/docs/**/index.md @e", cases{
			"docs/a.md": {"[] @a"}, "docs/a/b.md": {}, "docs/index.html": {"[] @b"}, "docs/qa_specs.rb": {"[] @c"},
			"docs/runtime.spec": {"[] @c"}, "docs/api/README.md": {"[] @d"}, "docs/api/x/README.md": {},
			"docs/index.md": {"[] @e"}, "docs/api/graphql/index.md": {"[] @e"},
		}},
		"excluded for good": {"[Ruby]\n*.rb @ruby-team\n!/config/**/*.rb\n/config/routes.rb @ops", cases{
			"config/routes.rb": {}, "config/a/b.rb": {}, "lib/a.rb": {"[Ruby] @ruby-team"},
		}},
		"excluded in one section": {"[Ruby]\n*.rb @ruby-team\n!/config/**/*.rb\n[Config]\n/config/ @ops-team", cases{
			"config/a.rb": {"[Config] @ops-team"},
		}},
		"generated files": {"* @default-owner\n!package-lock.json\n!yarn.lock\n!**/generated/\n!.gitlab-ci.yml", cases{
			"x/yarn.lock": {}, "a/generated/b/c": {}, "generated/c": {}, ".gitlab-ci.yml": {}, "generated": {"[] @default-owner"},
		}},
		"roles": {"file.md @@developer @@maintainer\nx @@Owners @@developers", cases{
			"file.md": {"[] @@developer @@maintainer"}, "x": {"[] @@owner @@developer"},
		}},
		"groups": {"a @group-x @group-x/subgroup-y\n[Maintainers]\n* @gitlab-org/maintainers/group-name", cases{
			"a": {"[] @group-x @group-x/subgroup-y", "[Maintainers] @gitlab-org/maintainers/group-name"},
		}},
		"blanks": {"path\\ with\\ spaces/*.md @owner\nfolder with spaces/*.md @group", cases{
			"path with spaces/a.md": {"[] @owner"}, "folder": {"[] @group"}, "folder with spaces/a.md": {},
		}},
		"malformed owners": {"/path/* @group user_without_at_symbol @user_with_at_symbol", cases{
			"path/a": {"[] @group @user_with_at_symbol"},
		}},
		"a comment names owners":  {"/path/* @group # not @me, but @you", cases{"path/a": {"[] @group @you"}}},
		"zero approvals":          {"[Docs][0] @a\nx", cases{"x": {"[Docs] @a"}}},
		"no owner":                {"* @a\nx", cases{"x": {"[] !2"}, "y": {"[] @a"}}},
		"no owner and no default": {"[Docs]\nx", cases{"x": {"[Docs] !2"}}},
		// GitLab makes the heading a line of the section before, whose owners the next line replaces.
		"unreadable heading after no section": {"* @group\n\n[Section name\ndocs/ @docs_group", cases{
			"docs/a": {"[] @group", "[[Section name] !4"}, "a": {"[] @group"},
		}},
		"unreadable heading after a section": {"[Docs]\ndocs/**/* @group\n\n[Section name\ndocs/ @docs_group", cases{
			"docs/a": {"[Docs] @group", "[[Section name] !5"},
		}},
		"duplicate entry": {"[A]\n/x @a\n/x @b", cases{"x": {"[A] @b"}}},
	}
	for name, tc := range tests {
		f, _ := Parse(GitLab, "CODEOWNERS", []byte(strings.ReplaceAll(tc.file, "\t", "")))
		for path, want := range tc.want {
			if diff := cmp.Diff(want, gitlab(f, path)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, path, diff)
			}
		}
	}
}
