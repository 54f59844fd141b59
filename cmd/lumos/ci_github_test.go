package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// workflow is a run of the action: what GitHub knows, and what its runner keeps.
type workflow struct {
	dir     string            // the workspace
	context map[string]string // github.…, inputs.… and steps.…, by their whole name
	env     map[string]string
	temp    string
}

func newWorkflow(t *testing.T, dir, event string, inputs map[string]string) *workflow {
	t.Helper()
	w := &workflow{dir: dir, context: map[string]string{}, temp: t.TempDir()}
	for name, in := range loadAction(t).Inputs {
		w.context["inputs."+name] = in.Default
	}
	w.context["inputs.lumos"] = "lumos"
	for name, value := range inputs {
		w.context["inputs."+name] = value
	}
	w.context["github.action_path"] = filepath.Join("..", "..")
	w.env = map[string]string{
		"RUNNER_TEMP": w.temp, "GITHUB_EVENT_NAME": event, "GITHUB_REF": "refs/pull/7/merge", "GITHUB_HEAD_REF": "$(touch pwned)",
		"GITHUB_OUTPUT": filepath.Join(w.temp, "output"), "GITHUB_STEP_SUMMARY": filepath.Join(w.temp, "summary"),
	}
	return w
}

var githubExpression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// evaluate knows as much of GitHub's expressions as the action uses: names, words and "||".
func (w *workflow) evaluate(t *testing.T, s string) string {
	t.Helper()
	return githubExpression.ReplaceAllStringFunc(s, func(expr string) string {
		for _, term := range strings.Split(githubExpression.FindStringSubmatch(expr)[1], " || ") {
			value, known := w.context[term]
			switch {
			case strings.HasPrefix(term, "'"):
				value = strings.Trim(term, "'")
			case strings.HasPrefix(term, "inputs.") && !known:
				t.Fatalf("%s is no input of the action", term)
			}
			if value != "" {
				return value
			}
		}
		return ""
	})
}

// run plays the steps until one fails, and answers its exit code, the log and the action's outputs.
func (w *workflow) run(t *testing.T) (code int, log string, outputs map[string]string) {
	t.Helper()
	action := loadAction(t)
	for _, step := range action.Runs.Steps {
		env := map[string]string{}
		for k, v := range w.env {
			env[k] = v
		}
		for k, v := range step.Env {
			env[k] = w.evaluate(t, v)
		}
		script := filepath.Join(w.temp, step.ID+".sh")
		if err := os.WriteFile(script, []byte(step.Run), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(w.env["GITHUB_OUTPUT"], nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var said string
		code, said = shell(t, w.dir, env, "bash", "--noprofile", "--norc", "-eo", "pipefail", script)
		log += said
		for line := range strings.Lines(string(readFile(t, w.env["GITHUB_OUTPUT"]))) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			w.context["steps."+step.ID+".outputs."+name] = value
		}
		if code != 0 {
			break
		}
	}
	outputs = map[string]string{}
	for name, out := range action.Outputs {
		outputs[name] = w.evaluate(t, out.Value)
	}
	return code, log, outputs
}

// obeyed lists what GitHub's runner takes for commands in a log: lines that begin with "::name", and
// "##[name" anywhere, unless it was told to stop until a word (actions/runner, read 2026).
func obeyed(log string) []string {
	var found []string
	until := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if until != "" {
			if line == "::"+until+"::" {
				until = ""
			}
			continue
		}
		switch word, stop := strings.CutPrefix(line, "::stop-commands::"); {
		case stop:
			until = word
		case strings.HasPrefix(line, "::"), strings.Contains(line, "##["):
			found = append(found, line)
		}
	}
	return found
}

func TestAction(t *testing.T) {
	t.Parallel()
	const onPull, onMain = "pull_request", "push"
	for _, tc := range []struct {
		name, change, event string
		inputs              map[string]string
		github              map[string]string // what differs; BASE and HEAD stand for the commits
		code                int
		result, says        string
	}{
		{"passes", complete, onPull, nil, nil, 0, "passed", "NEEDS APPROVAL"},
		{"gaps", draft, onPull, nil, nil, 1, "gaps", "GOV-01"},
		{"gaps as a warning", draft, onPull, map[string]string{"on-gaps": "warn"}, nil, 0, "gaps", "GOV-01"},
		{"broken manifest that commands the runner", broken, onPull, map[string]string{"on-gaps": "warn"}, nil, 2, "unknown", "##[set-output name=result]passed"},
		{"own rules", ownRules, onPull, nil, nil, 1, "gaps", "DAT-02"},
		{"own rules in a merge queue", ownRules, "merge_group", nil, map[string]string{"github.event.pull_request.base.sha": "", "github.event.merge_group.base_sha": "BASE"}, 1, "gaps", "DAT-02"},
		{"rules that have landed", ownRules, onMain, nil, map[string]string{"github.event.pull_request.base.sha": "", "GITHUB_REF": "refs/heads/main"}, 0, "passed", "NEEDS APPROVAL"},
		{"own rules on a branch", ownRules, onMain, nil, map[string]string{"github.event.pull_request.base.sha": "", "GITHUB_REF": "refs/heads/feature"}, 1, "gaps", "DAT-02"},
		{"on schedule", ownRules, "schedule", nil, map[string]string{"github.event.pull_request.base.sha": "", "github.event.repository.default_branch": ""}, 0, "passed", "NEEDS APPROVAL"},
		{"an event without a base", complete, onPull, nil, map[string]string{"github.event.pull_request.base.sha": ""}, 2, "unknown", "give the input base"},
		{"an event without a branch", complete, "workflow_dispatch", nil, map[string]string{"github.event.pull_request.base.sha": "", "github.event.repository.default_branch": ""}, 2, "unknown", "give the input base"},
		{"a base that was not fetched", complete, onPull, nil, map[string]string{"github.event.pull_request.base.sha": strings.Repeat("0123456789", 4)}, 2, "unknown", "fetch-depth: 0"},
		{"another folder, by paths in it", draft, onPull, map[string]string{"working-directory": "releases", "paths": "roberta-squad2/1.0.0.yaml\n\nroberta-squad2\n"}, nil, 1, "gaps", "GOV-01"},
		{"a word that is not known", complete, onPull, map[string]string{"on-gaps": "ignore"}, nil, 2, "unknown", "on-gaps"},
		{"no such lumos", complete, onPull, map[string]string{"lumos": "./lumos"}, nil, 127, "unknown", ""},
		{"hostile path", complete, onPull, map[string]string{"paths": "$(touch pwned1)\n`touch pwned2`\n;touch pwned3\n--base=HEAD\n\"; touch pwned4"}, nil, 2, "unknown", ""},
		{"hostile base", complete, onPull, map[string]string{"base": "$(touch pwned)\" ; touch pwned"}, nil, 2, "unknown", "no such revision"},
		{"hostile folder", complete, onPull, map[string]string{"working-directory": "$(touch pwned)"}, nil, 2, "unknown", ""},
		{"hostile branch", complete, onMain, nil, map[string]string{"github.event.pull_request.base.sha": "", "github.event.repository.default_branch": "$(touch${IFS}pwned)"}, 2, "unknown", "no such revision"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir, base, head := ciRepo(t, ciChange(t, tc.change))
			w := newWorkflow(t, dir, tc.event, tc.inputs)
			w.env["GITHUB_SHA"] = head
			w.context["github.event.pull_request.base.sha"], w.context["github.event.repository.default_branch"] = base, "main"
			for k, v := range tc.github {
				v = strings.NewReplacer("BASE", base, "HEAD", head).Replace(v)
				if strings.HasPrefix(k, "github.") {
					w.context[k] = v
				} else {
					w.env[k] = v
				}
			}
			code, log, outputs := w.run(t)
			if code != tc.code || outputs["result"] != tc.result || !strings.Contains(log, tc.says) {
				t.Errorf("exit code %d and result %q, want %d, %q and %q in:\n%s", code, outputs["result"], tc.code, tc.result, tc.says, log)
			}
			nothingRan(t, dir, filepath.Join(dir, "releases"), w.temp)
			for _, line := range obeyed(log) {
				if !strings.HasPrefix(line, "::error::Lumos ") && !strings.HasPrefix(line, "::warning::Lumos ") {
					t.Errorf("the runner obeys %q", line)
				}
			}
			told := tc.code < 2 || tc.change == broken
			if told != (outputs["sarif"] != "") || told != (outputs["json"] != "") {
				t.Fatalf("outputs: %v; want reports: %v", outputs, told)
			}
			if told {
				wantReports(t, readFile(t, outputs["sarif"]), nil, tc.result != "passed")
				if summary := string(readFile(t, w.env["GITHUB_STEP_SUMMARY"])); !strings.Contains(summary, "roberta-squad2") {
					t.Errorf("the summary: %s", summary)
				}
			}
		})
	}
}

// Without an input the action builds what it runs from its own sources.
func TestActionBuildsItself(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("building takes seconds")
	}
	dir, base, head := ciRepo(t, ciChange(t, complete))
	w := newWorkflow(t, dir, "pull_request", map[string]string{"lumos": ""})
	source, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	w.context["github.action_path"], w.context["github.event.pull_request.base.sha"], w.env["GITHUB_SHA"] = source, base, head
	if code, log, outputs := w.run(t); code != 0 || outputs["result"] != "passed" {
		t.Errorf("exit code %d, outputs %v:\n%s", code, outputs, log)
	}
}
