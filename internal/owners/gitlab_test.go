package owners

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestGitLabPatterns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"*", "a/b/.c", true},
		{"/*", "a", true},
		{"/*", "a/b", false},
		{"/", "a/b", true},
		{"docs", "docs", true},
		{"docs", "docs/a", false},
		{"docs/", "docs", false},
		{"docs/", "x/docs/a/b", true},
		{"/docs/**", "docs/a", true}, // "**" reaches deep only as "**/"
		{"/docs/**", "docs/a/b", false},
		{"/docs/**/*", "docs/a/b", true},
		{"/docs/**/*", "docs/a", true},
		{"/docs/**/", "docs/a/b", true},
		{"/**/a", "a", true},
		{"/x**/a", "x/y/a", false},
		{"/x**/a", "xy/a", true},
		{"/***/a", "x/a", true},
		{"/***/a", "x/y/a", false},
		{"foo/*", "fufoo/bar", false},
		{"foo/*", "baz/foo/bar", true},
		{"*.yaml", "x/a.yaml", true},
		{"releases/", "Releases/a", false},
		{"releases/*/*.yaml", "releases/a\nb/m\n.yaml", true},
		{"?", "é", true},
		{`\#a`, "x/#a", true},
		{`\!a`, "!a", true},
		{`a\*`, "a*", true},
		{`a\*`, "ab", false},
		{`a\/b`, "a/b", true},
		{`a\ b`, "a b", true},
		{`\[ab]`, "[ab]", true},
		{"{a,b}", "a", false},
		{"{a,b}", "{a,b}", true},
		{"/x[ab]", "xa", true},
		{"/x[ab]", "xc", false},
		{"/x[!ab]", "xc", true},
		{"/x[^a-c]", "xb", false},
		{"/x[a-c]", "xb", true},
		{"/x[c-a]", "xb", false},
		{"/x[c-a]", "xa", true},
		{"/x[a-]", "x-", true},
		{`/x[\]]`, "x]", true},
		{`/x[\a-c]*`, "xbyy", true},
		{"/x[]", "x]", false},
		{"/x[!a]y", "x/y", false},
		{"a/**/b/**/c", "a/b/b/x/c", true},
		{"a/**/b/**/c", "a/x/c/b", false},
	}
	for _, tc := range tests {
		p, ok := compileGitLab(tc.pattern)
		if !ok {
			t.Errorf("%q cannot be read", tc.pattern)
		} else if got := p.match(strings.Split(tc.path, "/")); got != tc.want {
			t.Errorf("%q matches %q = %v, want %v", tc.pattern, tc.path, got, tc.want)
		}
	}
	if p, _ := compileGitLab(strings.Repeat("**/*a*a*a*/", 60) + "z"); p.match(strings.Split(strings.Repeat("aaaaaaaaaaaaaaaa/", 200)+"y", "/")) {
		t.Error("matched")
	}
}

// A line in doubt owns nothing; where it stands, the host may see more or less than its writer.
func TestGitLabProblems(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	tests := map[string]struct {
		lines   string // after "* @fallback"
		line    int
		column  int
		warning bool
		want    map[string][]string
	}{
		"open heading":        {"[A\na @x", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A] !3"}, "b": {"[] @fallback"}}},
		"no name":             {"[ ] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[ ] @y] !3"}}},
		"blank after caret":   {"^ [A]\na @x", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[^ [A]] !3"}}},
		"count is a word":     {"[A][two] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A][two] @y] !3"}}},
		"count is missing":    {"[A][] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A][] @y] !3"}}},
		"count is negative":   {"[A][-1] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A][-1] @y] !3"}}},
		"count is huge":       {"[A][99999999999999999999] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A][99999999999999999999] @y] !3"}}},
		"blank before count":  {"[A] [2] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A] [2] @y] !3"}}},
		"no blank before":     {"[A][2]@y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A][2]@y] !3"}}},
		"looks like a range":  {"[ab].md @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[ab].md @y] !3"}, "a.md": {"[] @fallback"}}},
		"optional with count": {"^[A][2] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[^[A][2] @y] !3"}}},
		"the host's name":     {"[CodeOwners] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[CodeOwners] @y] !3"}}},
		"unseen in the name":  {"[A\u200b] @y\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A\u200b] @y] !3"}}},
		"an exclusion there":  {"[A\n!a", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A] !3"}}},
		"good heading after":  {"[A\na @x\n[B] @b\na", 2, 1, false, map[string][]string{"a": {"[] @fallback", "[[A] !3", "[B] @b"}}},
		"odd default owner":   {"[A] @x docs @y\na", 2, 8, true, map[string][]string{"a": {"[] @fallback", "[A] @x"}}},
		"default in comment":  {"[A] @x # @y\na", 2, 8, true, map[string][]string{"a": {"[] @fallback", "[A] @x"}}},
		"default with comma":  {"[A] @x, @y\na @z", 2, 5, true, map[string][]string{"a": {"[] @fallback", "[A] @z"}}},
		"no owner at all":     {"a docs team", 2, 3, false, map[string][]string{"a": {"[] !2"}}},
		"no owner, default":   {"[A] @x\na docs team", 3, 3, false, map[string][]string{"a": {"[] @fallback", "[A] !3"}}},
		"unknown role":        {"a @@guest", 2, 3, false, map[string][]string{"a": {"[] !2"}}},
		"look-alike":          {"a @b\u043eb @x", 2, 3, true, map[string][]string{"a": {"[] @x"}}},
		"too long":            {"a @" + long + " @x", 2, 3, true, map[string][]string{"a": {"[] @x"}}},
		"exclusion has owner": {"!a @x", 2, 4, true, map[string][]string{"a": {}}},
		"lone exclusion":      {"! a", 2, 1, false, map[string][]string{"a": {"[] !2"}, "b": {"[] !2"}}},
		"lone backslash":      {`a\`, 2, 2, false, map[string][]string{"b": {"[] !2"}}},
		"escaped blank ends":  {`a\ `, 2, 2, false, map[string][]string{"b": {"[] !2"}}},
		"open range":          {"a[b @x", 2, 2, false, map[string][]string{"c": {"[] !2"}}},
		"empty segment":       {"a//b @x", 2, 2, false, map[string][]string{"a/b": {"[] @fallback"}}},
		"not UTF-8":           {"a\xff @x", 2, 1, false, map[string][]string{"b": {"[] !2"}}},
		"zero width":          {"a\u200bb @x", 2, 2, false, map[string][]string{"b": {"[] !2"}}},
		"repeated with space": {"a @x\n*a @y\na @z", 4, 1, false, map[string][]string{"a": {"[] !4"}, "ba": {"[] @y"}}},
		"included again":      {"!a\na @x", 3, 1, false, map[string][]string{"a": {"[] !3"}}},
		"excluded in invalid": {"a[ @x\n!a", 2, 2, false, map[string][]string{"a": {"[] !2"}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, problems := Parse(GitLab, ".gitlab/CODEOWNERS", []byte("* @fallback\n"+tc.lines+"\n"))
			if len(problems) != 1 || problems[0].Line != tc.line || problems[0].Column != tc.column || problems[0].Warning != tc.warning {
				t.Fatalf("problems %+v, want one at line %d, column %d, warning %v", problems, tc.line, tc.column, tc.warning)
			}
			for path, want := range tc.want {
				if diff := cmp.Diff(want, gitlab(f, path)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
			}
		})
	}
}

// A line that repeats one in doubt is in doubt too.
func TestGitLabRepeatedTwice(t *testing.T) {
	t.Parallel()
	f, problems := Parse(GitLab, "CODEOWNERS", []byte("a @x\n*a @y\na @z\na @z\n"))
	if diff := cmp.Diff([]string{"[] !4"}, gitlab(f, "a")); diff != "" || len(problems) != 2 {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
}

func TestGitLabGood(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file, path string
		want       []string
	}{
		"CRLF":                  {"[A] @x\r\na\r\n", "a", []string{"[A] @x"}},
		"indented heading":      {"  [A] @x\n\ta", "a", []string{"[A] @x"}},
		"name with a blank":     {"[Two Words::x] @x\na", "a", []string{"[Two Words::x] @x"}},
		"larger count":          {"[A][3]\nb @x\n[a][2]\na @y", "a", []string{"[A]×3 @y"}},
		"defaults of a heading": {"[A] @x\nb\n[a] @y\na", "a", []string{"[A] @y"}},
		"dots in names":         {"a @jane.doe @a.b/c.d-e_f @X @x", "a", []string{"[] @jane.doe @a.b/c.d-e_f @X"}},
		"look-alike of owners":  {`a\ @no/\ e@no.org/ @yes`, "a @no/ e@no.org/b", []string{"[] @yes"}},
		"range in an entry":     {"/[ab].md @no\n\\[ab].md @x", "[ab].md", []string{"[] @x"}},
		"exclusion repeated":    {"* @x\n!a\nb @x\n!a", "a", []string{}},
		"entry then excluded":   {"a @x\nb @x\n!a", "a", []string{}},
		"other section":         {"a @x\n[A]\n!a\nb @y", "a", []string{"[] @x"}},
	} {
		f, problems := Parse(GitLab, "CODEOWNERS", []byte(tc.file))
		if len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
		if diff := cmp.Diff(tc.want, gitlab(f, tc.path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestExcluded(t *testing.T) {
	t.Parallel()
	f, _ := Parse(GitLab, "CODEOWNERS", []byte("* @x\n!a\n[B]\n* @y\n!/a\n[C]\n* @z\n"))
	var got []string
	for _, c := range f.Excluded("a") {
		got = append(got, fmt.Sprintf("%d[%s]", c.Rule.Line, c.Section))
	}
	if diff := cmp.Diff([]string{"2[]", "5[B]"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.Excluded("b")) > 0 {
		t.Error("b is not excluded")
	}
	// An exclusion in other letter case makes a difference that can be seen.
	if exact, fold := f.Claims("A"), f.ClaimsFold("A"); len(exact) != 3 || len(fold) != 1 {
		t.Errorf("%d claims, %d without letter case", len(exact), len(fold))
	}
}

func TestGitLabSectionsAreBounded(t *testing.T) {
	t.Parallel()
	var src strings.Builder
	for i := range 3 * maxSections {
		fmt.Fprintf(&src, "[s%d] @x\na\n", i)
	}
	f, problems := Parse(GitLab, "CODEOWNERS", []byte(src.String()))
	if len(f.sections) > maxSections+2 || len(problems) != 2*maxSections {
		t.Errorf("%d sections, %d problems", len(f.sections), len(problems))
	}
	claims := f.Claims("a")
	if last := claims[len(claims)-1]; last.Rule.Invalid == "" {
		t.Error("what is beyond the bound must not go unseen")
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, d := range []Dialect{"", GitHub, GitLab} {
		for _, place := range Places(d) {
			if !IsPlace(place) {
				t.Errorf("%s of %q is no place", place, d)
			}
		}
	}
	if IsPlace(".gitlab/codeowners") || IsPlace("x/CODEOWNERS") {
		t.Error("no host reads these")
	}
}

func FuzzParseGitLab(f *testing.F) {
	f.Add("* @a\n/x/ @o/t e@x.org # @c\n", "x/y")
	f.Add("^[A][2] @b\n[x] @y @@developers\n!a\na\n\\ \n", "a")
	f.Add("[\u202e]\na\u202e @x\n[\x1b\na @\x1b\n", "a\x1b")
	f.Add("[A\na[b-\\]]* @x\n[a][9]\na\n", "ab")
	f.Fuzz(func(t *testing.T, src, path string) {
		file, problems := Parse(GitLab, "CODEOWNERS", []byte(src))
		for _, r := range file.Rules {
			if r.Invalid != "" && len(r.Owners) > 0 || len(r.matches) == 0 || len(r.matches) != len(r.folded) {
				t.Errorf("line %d: %+v", r.Line, r)
			}
			if r.Invalid == "" && !r.Excludes && len(r.Owners) == 0 {
				t.Errorf("line %d owns nothing, and nothing says why", r.Line)
			}
			for _, o := range r.Owners {
				if again, err := parseOwner(GitLab, o.String()); err != nil || again != o {
					t.Errorf("owner %q does not parse again: %v", o, err)
				}
			}
		}
		lines := strings.Count(src, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 {
				t.Errorf("problem out of the file: %v", p)
			}
		}
		sections := map[string]bool{}
		for _, c := range file.Claims(path) {
			key := fmt.Sprint(c.Rule.section)
			if c.Count < 1 || c.Rule.Excludes && c.Rule.Invalid == "" || sections[key] {
				t.Errorf("%q: claim %+v", path, c)
			}
			sections[key] = true
		}
		for _, c := range file.Excluded(path) {
			if !c.Rule.Excludes || sections[fmt.Sprint(c.Rule.section)] {
				t.Errorf("%q: excluded by %+v", path, c.Rule)
			}
		}
		report := Report{File: "CODEOWNERS", Problems: problems, Paths: []Ownership{file.Explain(path)}}
		if report.Owned() && len(file.Claims(path)) == 0 {
			t.Errorf("%q is owned by nobody", path)
		}
		for line := range strings.SplitSeq(report.Text(), "\n") {
			if strings.ContainsFunc(line, invisible) || !utf8.ValidString(line) {
				t.Errorf("%q is not inert", line)
			}
		}
	})
}
