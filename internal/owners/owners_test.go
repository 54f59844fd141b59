package owners

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// shared finds the test data that lives beside the repository, or skips the test.
func shared(t *testing.T, name string) []byte {
	t.Helper()
	roots := []string{os.Getenv("LUMOS_SHARED")}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		roots = append(roots, filepath.Join(dir, "shared"))
	}
	for _, root := range roots {
		if root == "" {
			continue
		}
		if b, err := os.ReadFile(filepath.Join(root, "data", "codeowners", name)); err == nil {
			return b
		}
	}
	t.Skip("the shared test data is not on this machine: set LUMOS_SHARED")
	return nil
}

// match is the one rule that decides in a file of GitHub's dialect.
func match(f *File, path string) *Rule { return only(f.Claims(path)) }

func matchFold(f *File, path string) *Rule { return only(f.ClaimsFold(path)) }

func only(claims []Claim) *Rule {
	if len(claims) == 0 {
		return nil
	}
	return claims[0].Rule
}

func TestPatternsJudge(t *testing.T) {
	t.Parallel()
	var groups []struct {
		Name, Pattern string
		Paths         map[string]bool
	}
	if err := json.Unmarshal(shared(t, "hmarr-patterns.json"), &groups); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, g := range groups {
		for path, want := range g.Paths {
			seen++
			if got := compileGitHub(g.Pattern).match(strings.Split(path, "/")); got != want {
				t.Errorf("%s: %q matches %q = %v, want %v", g.Name, g.Pattern, path, got, want)
			}
		}
	}
	if seen != 153 {
		t.Errorf("judged %d paths, want 153", seen)
	}
}

func TestGitHubDocsJudge(t *testing.T) {
	t.Parallel()
	f, problems := Parse(GitHub, "CODEOWNERS", shared(t, "github-docs-example.CODEOWNERS"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var want struct{ Cases map[string][]string }
	if err := json.Unmarshal(shared(t, "github-docs-expected.json"), &want); err != nil {
		t.Fatal(err)
	}
	for path, owners := range want.Cases {
		rule := match(f, path)
		if rule == nil {
			t.Errorf("%s: no rule matches", path)
			continue
		}
		got := []string{}
		for _, o := range rule.Owners {
			got = append(got, o.String())
		}
		if diff := cmp.Diff(owners, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"**", "a/b", true},
		{"/**", "a", true},
		{"**/", "a", true},
		{"a/b/", "a/b", false},
		{"releases/**", "releases/a\nm.yaml", true}, // A8
		{"releases/*/*.yaml", "releases/a\nb/m\n.yaml", true},
		{"releases/", "Releases/a.yaml", false},
		{"*.yaml", "x/a.yaml", true},
		{"*.yaml", "x/a.yml", false},
		{"a**b", "axxb", true},
		{"a**b", "ax/xb", false},
		{"?", "é", true},
		{"??", "é", false},
		{"a/**/b/**/c", "a/b/b/x/c", true},
		{"a/**/b/**/c", "a/x/c/b", false},
		{`\[x\]`, "[x]", true},
	}
	for _, tc := range tests {
		if got := compileGitHub(tc.pattern).match(strings.Split(tc.path, "/")); got != tc.want {
			t.Errorf("%q matches %q = %v, want %v", tc.pattern, tc.path, got, tc.want)
		}
	}
}

// A pattern that makes a backtracking matcher take exponential time ends at once here.
func TestPatternsAreBounded(t *testing.T) {
	t.Parallel()
	p := compileGitHub(strings.Repeat("**/*a*a*a*/", 60) + "z")
	if p.match(strings.Split(strings.Repeat("aaaaaaaaaaaaaaaa/", 200)+"y", "/")) {
		t.Error("matched")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	src := "# comment\r\n\n" +
		"*\t@Global  @acme/Core\n" +
		"  /docs/ a.b@example.com # @not-an-owner\n" +
		`/a\ b/ @x @X` + "\n" +
		"/apps/free\n" +
		"/apps/c#d @y\n"
	f, problems := Parse(GitHub, "CODEOWNERS", []byte(src))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []Rule{
		{Line: 3, Pattern: "*", Owners: []Owner{{User, "Global"}, {Team, "acme/Core"}}},
		{Line: 4, Pattern: "/docs/", Owners: []Owner{{Email, "a.b@example.com"}}},
		{Line: 5, Pattern: `/a\ b/`, Owners: []Owner{{User, "x"}}},
		{Line: 6, Pattern: "/apps/free"},
		{Line: 7, Pattern: "/apps/c#d", Owners: []Owner{{User, "y"}}},
	}
	got := append([]Rule(nil), f.Rules...)
	for i := range got {
		got[i].matches, got[i].folded = nil, nil
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Rule{})); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if r := match(f, "a b/c"); r == nil || r.Line != 5 {
		t.Errorf("escaped blank: %+v", r)
	}
	if r := match(f, "apps/free/x"); r == nil || len(r.Owners) != 0 {
		t.Errorf("a line with no owners must leave the path unowned: %+v", r)
	}
}

func TestInvalidLinesOwnNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		line    string
		column  int
		unowned []string // what the line may be about
		owned   []string // what it is not about
	}{
		"negation":           {"!releases/a.yaml @x", 1, []string{"releases/a.yaml"}, []string{"releases/b.yaml"}},
		"range":              {"releases/[ab].yaml @x", 10, []string{"releases/a.yaml", "releases/[ab].yaml"}, []string{"releases/ab.yaml"}},
		"negated range":      {"!/[ab] @x", 1, []string{"a", "[ab]"}, []string{"ab"}},
		"gitlab section":     {"[Docs] @x", 1, []string{"[Docs]"}, []string{"Docs"}},
		"escaped hash":       {`\#a @x`, 1, []string{"#a"}, []string{"a"}},
		"malformed owner":    {"releases/ x", 11, []string{"releases/a"}, []string{"a"}},
		"second owner":       {"releases/ @x @", 14, []string{"releases/a"}, []string{"a"}},
		"look-alike owner":   {"releases/ @bоb", 11, []string{"releases/a"}, []string{"a"}}, // the o is Cyrillic
		"owner with control": {"releases/ @b\x1bb", 11, []string{"releases/a"}, []string{"a"}},
		"role of GitLab":     {"releases/ @@developer", 11, []string{"releases/a"}, []string{"a"}},
		"three stars":        {"a/*** @x", 3, []string{"a/b/c"}, []string{"b"}},
		"empty segment":      {"a//b @x", 2, nil, []string{"a/b"}},
		"root":               {"/ @x", 1, nil, []string{"a"}},
		"lone backslash":     {`a\`, 2, []string{"a", "b/c"}, nil},
		"not UTF-8":          {"a\xff @x", 1, []string{"a", "b/c"}, nil},
		"zero width":         {"a\u200bb @x", 2, []string{"b/c"}, nil},
		"byte order mark":    {"\ufeff/a @x", 1, []string{"b/c"}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, problems := Parse(GitHub, ".github/CODEOWNERS", []byte("* @fallback\n"+tc.line+"\n"))
			if len(problems) != 1 || problems[0].Line != 2 || problems[0].Column != tc.column {
				t.Fatalf("problems %v, want one at line 2, column %d", problems, tc.column)
			}
			if !strings.HasPrefix(problems[0].String(), ".github/CODEOWNERS:2:") {
				t.Errorf("the problem does not name its place: %s", problems[0])
			}
			for _, path := range tc.unowned {
				if r := match(f, path); r == nil || r.Line != 2 || len(r.Owners) != 0 || r.Invalid == "" {
					t.Errorf("%q must be unowned, got %+v", path, r)
				}
			}
			for _, path := range tc.owned {
				if r := match(f, path); r == nil || r.Line != 1 {
					t.Errorf("%q must keep its owner, got %+v", path, r)
				}
			}
		})
	}
}

func TestMatchFold(t *testing.T) {
	t.Parallel()
	f, _ := Parse(GitHub, "CODEOWNERS", []byte("/releases/ @bob\n/releases/Fraud/ @risk\n/releases/[ab]/ @x\n"))
	for path, want := range map[string][2]int{
		"releases/xx/1":    {1, 1},
		"releases/Fraud/1": {2, 2},
		"releases/fraud/1": {1, 2},
		"RELEASES/fraud/1": {0, 2},
		"releases/A/1":     {3, 3}, // what a range may mean is wide
		"other":            {0, 0},
	} {
		line := func(r *Rule) int {
			if r == nil {
				return 0
			}
			return r.Line
		}
		if got := [2]int{line(match(f, path)), line(matchFold(f, path))}; got != want {
			t.Errorf("%s: lines %v, want %v", path, got, want)
		}
	}
}

func TestParseTooLarge(t *testing.T) {
	t.Parallel()
	src := []byte("* @x\n" + strings.Repeat("#", MaxSize(GitHub)))
	f, problems := Parse(GitHub, "CODEOWNERS", src)
	if len(problems) != 1 || match(f, "a") != nil {
		t.Errorf("a file that the host ignores must own nothing: %v", problems)
	}
	if _, problems = Parse(GitHub, "CODEOWNERS", src[:MaxSize(GitHub)]); len(problems) != 0 {
		t.Errorf("3 MB are allowed: %v", problems)
	}
}

func TestSuspicious(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path string
		bad  bool
	}{
		"plain":             {"releases/fraud/2.3.0.yaml", false},
		"accent, composed":  {"releases/caf\u00e9/1.yaml", false},
		"space inside":      {"releases/a b/1.yaml", false},
		"dot file":          {".lumos/config.yaml", false},
		"empty":             {"", true},
		"newline":           {"releases/a\nm.yaml", true},
		"escape":            {"releases/\x1b[31m.yaml", true},
		"delete":            {"a\x7f", true},
		"C1 control":        {"a\u0085b", true},
		"backslash":         {`releases\a.yaml`, true},
		"accent, combining": {"releases/cafe\u0301/1.yaml", true},
		"bidi override":     {"releases/\u202eyaml.1", true},
		"zero width":        {"releases/a\u200bb.yaml", true},
		"no-break space":    {"a\u00a0b", true},
		"line separator":    {"a\u2028b", true},
		"Hangul filler":     {"a\u3164b", true},
		"tag character":     {"a\U000e0041b", true},
		"variation":         {"a\ufe0fb", true},
		"dot segment":       {"releases/./a", true},
		"dot-dot segment":   {"releases/../a", true},
		"leading slash":     {"/a", true},
		"double slash":      {"a//b", true},
		"trailing dot":      {"releases/a./b", true},
		"trailing space":    {"releases/a ", true},
		"leading space":     {" releases/a", true},
		"not UTF-8":         {"a\xff", true},
	}
	for name, tc := range tests {
		got := Suspicious(tc.path)
		if (got != "") != tc.bad {
			t.Errorf("%s: Suspicious(%q) = %q", name, tc.path, got)
		}
		if strings.ContainsFunc(got, invisible) {
			t.Errorf("%s: the reason %q is not inert", name, got)
		}
	}
}

func TestClash(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		paths []string
		want  []string
	}{
		"none":          {[]string{"a/b", "a/c", "ab"}, nil},
		"same twice":    {[]string{"a/b", "a/b"}, nil},
		"file":          {[]string{"r/a.yaml", "r/A.yaml"}, []string{"r/A.yaml", "r/a.yaml"}},
		"directory":     {[]string{"r/x/1", "R/y/2"}, []string{"R", "r"}},
		"sharp s":       {[]string{"stra\u00dfe", "STRASSE"}, []string{"STRASSE", "stra\u00dfe"}},
		"composed":      {[]string{"caf\u00e9", "cafe\u0301"}, []string{"cafe\u0301", "caf\u00e9"}},
		"zero width":    {[]string{"a\u200bb", "ab"}, []string{"ab", "a\u200bb"}},
		"trailing dots": {[]string{"a", "a.."}, []string{"a", "a.."}},
		"backslash":     {[]string{`r\a`, "r/a"}, []string{"r/a", `r\a`}},
	}
	for name, tc := range tests {
		a, b, found := Clash(tc.paths)
		if found != (tc.want != nil) || found && (a != tc.want[0] || b != tc.want[1]) {
			t.Errorf("%s: Clash(%q) = %q, %q, %v", name, tc.paths, a, b, found)
		}
	}
}

// The matcher agrees with a plain reading of what a wildcard means.
func TestGlobAgreesWithReference(t *testing.T) {
	t.Parallel()
	var reference func(p, s []rune) bool
	reference = func(p, s []rune) bool {
		switch {
		case len(p) == 0:
			return len(s) == 0
		case p[0] == '*':
			return reference(p[1:], s) || len(s) > 0 && reference(p, s[1:])
		}
		return len(s) > 0 && (p[0] == '?' || p[0] == s[0]) && reference(p[1:], s[1:])
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[ab?*é]{1,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[abé]{0,8}`).Draw(t, "name")
		if strings.Trim(p, "*") == "" {
			p = "*"
		}
		if got, want := githubSegment(p).match(s), reference([]rune(p), []rune(s)); got != want {
			t.Fatalf("%q matches %q = %v, want %v", p, s, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("* @a\n/x/ @o/t e@x.org # c\n", "x/y")
	f.Add("!a @b\n[x] @y\n\\ \n", "a")
	f.Add("a\\", "b")
	f.Fuzz(func(t *testing.T, src, path string) {
		file, problems := Parse(GitHub, "CODEOWNERS", []byte(src))
		invalid := 0
		for _, r := range file.Rules {
			if r.Invalid != "" {
				invalid++
				if len(r.Owners) > 0 || len(r.matches) == 0 {
					t.Errorf("invalid line %d: owners %v", r.Line, r.Owners)
				}
			}
			for _, o := range r.Owners {
				if again, err := parseOwner(GitHub, o.String()); err != nil || again != o {
					t.Errorf("owner %q does not parse again: %v", o, err)
				}
			}
		}
		if len(src) <= MaxSize(GitHub) && invalid != len(problems) {
			t.Errorf("%d invalid rules, %d problems", invalid, len(problems))
		}
		lines := strings.Count(src, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 {
				t.Errorf("problem out of the file: %v", p)
			}
		}
		if a, b := match(file, path), matchFold(file, path); a != nil && (b == nil || b.Line < a.Line) {
			t.Errorf("%q: letter case matters to line %d alone", path, a.Line)
		}
		Suspicious(path)
		if once := Fold(path); Fold(once) != once && Suspicious(path) == "" {
			t.Errorf("Fold(%q) is not stable", path)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	var src strings.Builder
	for range 1000 {
		src.WriteString("/services/**/deep/*.go @acme/team\n")
	}
	f, _ := Parse(GitHub, "CODEOWNERS", []byte(src.String()))
	for b.Loop() {
		match(f, "releases/support-triage/2.3.0.yaml")
	}
}
