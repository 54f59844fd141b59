package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/lumos-governance/lumos/internal/demo"
)

// These tests run the two CI definitions as their hosts would: action.yml and the component's
// template are parsed strictly, their expressions evaluated, and their scripts given to a shell.

const (
	actionFile    = "../../action.yml"
	componentFile = "../../templates/lumos-check/template.yml"
	manualFile    = "../../docs/ci.md"
)

type ciInput struct {
	Description string
	Default     string
	Options     []string // GitLab only, like Regex
	Regex       string
}

type ciAction struct {
	Name, Description string
	Branding          map[string]string
	Inputs            map[string]ciInput
	Outputs           map[string]struct{ Description, Value string }
	Runs              struct {
		Using string
		Steps []ciStep
	}
}

type ciStep struct {
	ID, Shell, Run string
	Env            map[string]string
}

type ciSpec struct {
	Spec struct{ Inputs map[string]ciInput }
}

type ciJob struct {
	Stage, Image string
	Rules        []struct{ If string }
	Variables    map[string]ciVariable
	Script       []string
	AllowFailure struct {
		ExitCodes int `yaml:"exit_codes"`
	} `yaml:"allow_failure"`
	Artifacts struct {
		When    string
		Paths   []string
		Reports map[string]string
	}
}

// ciVariable is a plain value, or one with the word whether GitLab replaces $NAMES in it.
type ciVariable struct {
	Value  string
	Expand bool
}

func (v *ciVariable) UnmarshalYAML(n *yaml.Node) error {
	v.Expand = true
	if n.Kind == yaml.ScalarNode {
		v.Value = n.Value
		return nil
	}
	type plain ciVariable
	return n.Decode((*plain)(v))
}

// readStrict decodes the YAML documents of a file: no key that we do not know, no document more.
func readStrict(t *testing.T, src []byte, docs ...any) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(src))
	dec.KnownFields(true)
	for _, doc := range docs {
		if err := dec.Decode(doc); err != nil {
			t.Fatal(err)
		}
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("want %d documents, got more (%v)", len(docs), err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func loadAction(t *testing.T) *ciAction {
	t.Helper()
	a := &ciAction{}
	readStrict(t, readFile(t, actionFile), a)
	return a
}

var gitlabInput = regexp.MustCompile(`\$\[\[\s*inputs\.([a-z-]+)\s*\]\]`)

// loadComponent gives the job that the component becomes with these inputs. GitLab puts inputs into
// the parsed file, value by value, so none can change its shape.
func loadComponent(t *testing.T, inputs map[string]string) (string, *ciJob) {
	t.Helper()
	spec, tree := &ciSpec{}, &yaml.Node{}
	readStrict(t, readFile(t, componentFile), spec, tree)
	fill := func(s string) string {
		return gitlabInput.ReplaceAllStringFunc(s, func(block string) string {
			name := gitlabInput.FindStringSubmatch(block)[1]
			in, known := spec.Spec.Inputs[name]
			if !known {
				t.Fatalf("%s is no input of the component", name)
			}
			value, given := inputs[name]
			if !given {
				value = in.Default
			}
			if in.Options != nil && !slices.Contains(in.Options, value) || !regexp.MustCompile(in.Regex).MatchString(value) {
				t.Fatalf("input %s: GitLab refuses %q", name, value)
			}
			return value
		})
	}
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		n.Value = fill(n.Value)
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(tree)
	filled, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[string]*ciJob{}
	readStrict(t, filled, &jobs)
	if len(jobs) != 1 {
		t.Fatalf("the component has %d jobs, want one", len(jobs))
	}
	for name, job := range jobs {
		return name, job
	}
	return "", nil
}

// ciRepo is a clone as a CI system makes it: the change checked out, on no branch, and the target's
// tip known as origin/main. It answers the target's tip and the change's commit.
func ciRepo(t *testing.T, change map[string][]byte) (dir, base, head string) {
	t.Helper()
	dir = t.TempDir()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.example"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(files map[string][]byte) string {
		for name, data := range files {
			full := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		git("add", "--all")
		git("commit", "--quiet", "--message", "files")
		return git("rev-parse", "HEAD")
	}
	git("init", "--quiet", "--initial-branch=main")
	base = commit(map[string][]byte{".lumos/config.yaml": []byte(ciRules)})
	git("update-ref", "refs/remotes/origin/main", base)
	git("checkout", "--quiet", "--detach")
	git("branch", "--quiet", "--delete", "--force", "main")
	return dir, base, commit(change)
}

const ciRules = `apiVersion: lumos/v1
kind: Config
lists: {approvedDatasets: [squad_v2], allowedLicenses: [CC-BY-4.0], trustedSigners: [model-releases@acme.example]}
thresholds: {evaluations: {exact_match: {min: 78}, f1: {min: 80}}, performance: {e2e_p95_ms: {max: 200}}}
`

// The changes that a pipeline may meet.
const (
	complete = "a complete release"
	draft    = "a release with gaps"
	broken   = "a manifest that cannot be read"
	ownRules = "a release that changes the rules for itself"
	planted  = "a release with gaps, and reports that say otherwise"
)

func ciChange(t *testing.T, kind string) map[string][]byte {
	t.Helper()
	files, err := demo.Release()
	if err != nil {
		t.Fatal(err)
	}
	gaps, err := demo.Draft(files[manifestPath])
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case draft:
		files[manifestPath] = gaps
	case broken:
		files[manifestPath] = []byte("apiVersion: lumos/v1\nkind: ModelRelease\n\"##[set-output name=result]passed\": 1\n\"::set-output name=result::passed\": 1\n")
	case ownRules:
		files[manifestPath] = bytes.Replace(files[manifestPath], []byte("      id: squad_v2\n"), []byte("      id: scraped\n"), -1) // the data, not what it is evaluated on
		files[".lumos/config.yaml"] = []byte(strings.ReplaceAll(ciRules, "squad_v2", "scraped"))
	case planted:
		files[manifestPath] = gaps
		files["gl-code-quality-report.json"], files["lumos.sarif"] = []byte("[]"), []byte("{}")
	}
	return files
}

// shell runs a script as a runner does and answers its exit code and what it printed.
func shell(t *testing.T, dir string, env map[string]string, name string, args ...string) (int, string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("no %s here", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	for _, kv := range os.Environ() {
		if key, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(key, "GITHUB_") && !strings.HasPrefix(key, "CI_") && !strings.HasPrefix(key, "LUMOS_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, k+"="+env[k])
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// nothingRan fails if some text was taken for code.
func nothingRan(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if found, _ := filepath.Glob(filepath.Join(dir, "pwned*")); len(found) > 0 {
			t.Errorf("text was executed: %s", found)
		}
	}
}

// wantReports holds the two machine's reports against each other: both know the gaps, with their lines.
func wantReports(t *testing.T, sarif, codeQuality []byte, gaps bool) {
	t.Helper()
	if sarif != nil {
		var log struct {
			Runs []struct{ Results []struct{ Level string } }
		}
		if err := json.Unmarshal(sarif, &log); err != nil || len(log.Runs) != 1 || len(log.Runs[0].Results) > 0 != gaps {
			t.Errorf("SARIF: %v, want gaps: %v\n%.500s", err, gaps, sarif)
		}
	}
	if codeQuality != nil {
		var issues []struct {
			Location struct{ Lines struct{ Begin int } }
		}
		if err := json.Unmarshal(codeQuality, &issues); err != nil || len(issues) > 0 != gaps || gaps && issues[0].Location.Lines.Begin < 1 {
			t.Errorf("Code Quality: %v, want gaps: %v\n%.500s", err, gaps, codeQuality)
		}
	}
}

// Whatever can be given is used, is told apart from code, and is in the manual.
func TestCIDefinitions(t *testing.T) {
	t.Parallel()
	manual := string(readFile(t, manualFile))
	action, spec := loadAction(t), &ciSpec{}
	src := readFile(t, componentFile)
	readStrict(t, src, spec, new(yaml.Node))
	documented := func(what string, inputs map[string]ciInput, body string, use string) {
		for name, in := range inputs {
			if in.Description == "" || !strings.Contains(body, use+name+" ") || !strings.Contains(manual, "| `"+name+"` |") {
				t.Errorf("%s: input %s lacks a description, a use or a line in %s", what, name, manualFile)
			}
		}
	}
	documented("the action", action.Inputs, string(readFile(t, actionFile)), "${{ inputs.")
	documented("the component", spec.Spec.Inputs, string(src), "$[[ inputs.")
	for name, out := range action.Outputs {
		if out.Description == "" || out.Value == "" || !strings.Contains(manual, "`"+name+"`") {
			t.Errorf("output %s lacks a description, a value or a line in %s", name, manualFile)
		}
	}
	if action.Runs.Using != "composite" {
		t.Errorf("the action is %s", action.Runs.Using)
	}
	for _, step := range action.Runs.Steps {
		if step.Shell != "bash" || strings.Contains(step.Run, "${{") {
			t.Errorf("step %s: want bash, and no expression in the script", step.ID)
		}
	}

	name, job := loadComponent(t, map[string]string{"job-name": "check: models", "stage": "verify", "image": "lumos:1"})
	if name != "check: models" || job.Stage != "verify" || job.Image != "lumos:1" {
		t.Errorf("the job is %q in stage %s with image %s", name, job.Stage, job.Image)
	}
	for name, v := range job.Variables {
		if strings.HasPrefix(name, "LUMOS_") && v.Expand {
			t.Errorf("variable %s: GitLab expands what is in it", name)
		}
	}
	if job.Variables["GIT_DEPTH"].Value != "0" {
		t.Error("without the whole history the target branch is unknown")
	}
	_, rest, _ := strings.Cut(string(src), "\n  script:\n")
	if len(job.Script) == 0 || rest == "" || strings.Contains(rest, "$[[") {
		t.Error("an input stands in the script or behind it")
	}
	if r := job.Rules; len(r) != 2 || r[0].If != `$CI_PIPELINE_SOURCE == "merge_request_event"` || r[1].If != "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" {
		t.Errorf("rules: %+v", r)
	}
	if a := job.Artifacts; a.When != "always" || a.Reports["codequality"] != "gl-code-quality-report.json" || !slices.Contains(a.Paths, "lumos.sarif") {
		t.Errorf("artifacts: %+v", a)
	}
}

// What the manual says to paste is YAML, and gives no input that does not exist.
func TestCIManual(t *testing.T) {
	t.Parallel()
	spec := &ciSpec{}
	readStrict(t, readFile(t, componentFile), spec, new(yaml.Node))
	inputsOf := map[string]map[string]ciInput{"uses": loadAction(t).Inputs, "component": spec.Spec.Inputs}
	found := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for kind, inputs := range inputsOf {
				if name, _ := v[kind].(string); strings.Contains(name, "lumos-governance/lumos") {
					found++
					given, _ := v[map[string]string{"uses": "with", "component": "inputs"}[kind]].(map[string]any)
					for name := range given {
						if _, known := inputs[name]; !known {
							t.Errorf("the manual gives the input %s", name)
						}
					}
				}
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(readFile(t, manualFile), -1) {
		var doc any
		readStrict(t, block[1], &doc)
		walk(doc)
	}
	if found != 2 {
		t.Errorf("the manual uses the action and the component %d times, want once each", found)
	}
}
